//! What a day is closed with: its performance, its rows as Parquet, its manifest.

use std::path::Path;

use anyhow::{Context as _, Result};
use jiff::civil::Date;
use serde::Serialize;

use super::read::{self, trading_days};
use super::{SCHEMA, manifest_file, ml, ml_file, performance_file, trades_file};
use crate::analytics::Report;
use crate::calendar::{Calendar, days};
use crate::store::options::folders;
use crate::store::options::manifest::{self, Entry, Manifest, sha256};

/// Family in the manifest.
const FAMILY: &str = "trades";

/// `performance_daily_YYYYMMDD.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Performance {
    /// `performance_daily`.
    pub schema: &'static str,
    /// 1.
    pub schema_version: u32,
    /// `YYYY-MM-DD`.
    pub trade_date: String,
    /// Decision edges of the day.
    pub decisions: u64,
    /// Records of the day that are flagged.
    pub flagged: u64,
    /// What stands in no number below, in sentences: positions that were never closed.
    pub unfinished: Vec<String>,
    /// One for each mode and preset: they are never pooled.
    pub reports: Vec<Report>,
}

/// Closes a day: writes its performance file (never from simulated inputs), its Parquet and its
/// manifest from what its files hold. Repeating it gives the same files. Returns what should be
/// looked at.
///
/// # Errors
/// With the path of what cannot be read or written.
pub fn close_day(folder: &Path, day: Date, calendar: &Calendar) -> Result<Vec<String>> {
    let trades = folder.join(trades_file(day));
    if !trades.is_file() {
        return Ok(Vec::new());
    }
    let loaded = read::load(std::slice::from_ref(&trades))?;
    let mut warnings = loaded.warnings.clone();
    let mut made = vec![(trades_file(day), format!("{SCHEMA}/1"))];
    let real = loaded.samples.values().filter(|sample| !sample.simulated);
    let mut performance = Performance {
        schema: "performance_daily",
        schema_version: 1,
        trade_date: day.to_string(),
        decisions: 0,
        flagged: 0,
        unfinished: Vec::new(),
        reports: Vec::new(),
    };
    let number = days(day);
    for sample in real {
        performance.decisions += sample.decisions;
        performance.flagged += sample.flagged;
        performance.unfinished.extend(sample.unfinished());
        let days = trading_days(calendar, sample.first.min(number), sample.last.max(number));
        performance.reports.push(sample.report(days, Vec::new())?);
    }
    if !performance.reports.is_empty() {
        let mut text = simd_json::to_string_pretty(&performance)?;
        text.push('\n');
        folders::write(&folder.join(performance_file(day)), text.as_bytes())?;
        made.push((performance_file(day), "performance_daily/1".to_owned()));
    }
    let rows = folder.join(ml_file(day));
    let mut rows_in_parquet = 0;
    if rows.is_file() {
        let parquet = rows.with_extension("parquet");
        match ml::check(&rows).and_then(|()| ml::parquet(&rows, &parquet)) {
            Ok(count) => {
                rows_in_parquet = count;
                made.push((ml_file(day).replace(".csv", ".parquet"), "ml_features/1".into()));
            }
            Err(e) => warnings.push(format!("{e:#}")),
        }
        made.push((ml_file(day), "ml_features/1".to_owned()));
    }
    list(folder, day, &made, (&loaded.times, rows_in_parquet))?;
    Ok(warnings)
}

/// Writes the manifest over `files`.
fn list(
    folder: &Path,
    day: Date,
    files: &[(String, String)],
    (times, rows): (&(Option<String>, Option<String>), u64),
) -> Result<()> {
    let mut entries = Vec::new();
    for (name, schema) in files {
        let path = folder.join(name);
        let content = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let lines = content.iter().filter(|&&byte| byte == b'\n').count() as u64;
        let is = |ending: &str| name.ends_with(ending);
        let records = match name {
            _ if is(".parquet") => rows,
            _ if is(".csv") => lines.saturating_sub(1),
            name if *name == trades_file(day) => lines,
            _ => 1,
        };
        entries.push(Entry {
            file: name.clone(),
            bytes: content.len() as u64,
            records,
            sha256: sha256(&content),
            first_ts: times.0.clone(),
            last_ts: times.1.clone(),
            schema_version: schema.clone(),
            completeness: None,
        });
    }
    entries.sort_by(|a, b| a.file.cmp(&b.file));
    let manifest = Manifest {
        schema_version: manifest::SCHEMA.to_owned(),
        family: FAMILY.to_owned(),
        trade_date: day.to_string(),
        files: entries,
    };
    let text = crate::store::options::snapshot_json::to_json(&manifest)?;
    folders::write(&folder.join(manifest_file(day)), text.as_bytes())
}

/// Closes the days before `today` whose run ended without it.
pub(super) fn close_left_open(
    folder: &Path,
    today: Date,
    calendar: &Calendar,
) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for path in read::files(folder)? {
        let Some(day) = read::day_of(&path).filter(|&day| day < today) else { continue };
        if folder.join(manifest_file(day)).is_file() {
            continue;
        }
        warnings.push(format!("{}: closed late", path.display()));
        warnings.extend(close_day(folder, day, calendar)?);
    }
    Ok(warnings)
}
