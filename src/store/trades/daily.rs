//! What a day is closed with: its performance, its rows as Parquet, its manifest.

use std::path::Path;

use anyhow::{Context as _, Result};
use jiff::civil::Date;
use serde::Serialize;

use super::append::Appended;
use super::read::{self, Loaded, trading_days};
use super::{SCHEMA, manifest_file, ml, ml_file, performance_file, trades_file};
use crate::analytics::Report;
use crate::calendar::{Calendar, days};
use crate::store::manifest::{self, Entry, Manifest, sha256};
use crate::store::options::folders;
use crate::store::options::snapshot_json::to_json;
use crate::store::quality::Family;

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
/// manifest from what its files hold. A last line that a crash cut short is taken off first, and
/// told. Repeating it gives the same files. Returns what should be looked at.
///
/// # Errors
/// With the path of what cannot be read or written.
pub fn close_day(folder: &Path, day: Date, calendar: &Calendar) -> Result<Vec<String>> {
    let (trades, rows) = (folder.join(trades_file(day)), folder.join(ml_file(day)));
    let mut warnings = Vec::new();
    for (path, head) in [(&trades, String::new()), (&rows, ml::head())] {
        if path.is_file() {
            let (_, torn) = Appended::open(path, &head)?;
            warnings.extend(torn.map(|torn| torn.to_string()));
        }
    }
    if !trades.is_file() {
        return Ok(warnings);
    }
    let loaded = read::load(std::slice::from_ref(&trades))?;
    warnings.extend(loaded.warnings.iter().cloned());
    let mut made = vec![(trades_file(day), format!("{SCHEMA}/1"))];
    let real = loaded.samples.values().filter(|sample| !sample.kind.simulated);
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
    let entries = list(folder, day, &made, &loaded, rows_in_parquet)?;
    warnings.extend(entries.iter().filter_map(|entry| entry.incomplete(Family::Trades)));
    Ok(warnings)
}

/// Writes the manifest over `files`, of which `loaded` holds the lines, and returns its entries.
fn list(
    folder: &Path,
    day: Date,
    files: &[(String, String)],
    loaded: &Loaded,
    rows: u64,
) -> Result<Vec<Entry>> {
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
            first_ts: loaded.times.0.clone(),
            last_ts: loaded.times.1.clone(),
            schema_version: schema.clone(),
            completeness: loaded.completeness().filter(|_| *name == trades_file(day)),
        });
    }
    entries.sort_by(|a, b| a.file.cmp(&b.file));
    let manifest = Manifest {
        schema_version: manifest::SCHEMA.to_owned(),
        family: Family::Trades.name().to_owned(),
        trade_date: day.to_string(),
        files: entries,
    };
    let text = to_json(&manifest)?;
    folders::write(&folder.join(manifest_file(day)), text.as_bytes())?;
    Ok(manifest.files)
}

/// Closes the days before `today` whose run ended without it, and again those that a later run
/// wrote on without it.
pub(super) fn close_left_open(
    folder: &Path,
    today: Date,
    calendar: &Calendar,
) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for path in read::files(folder)? {
        let Some(day) = read::day_of(&path).filter(|&day| day < today) else { continue };
        if let Some(why) = open(folder, day) {
            warnings.push(format!("{}: closed late: {why}", path.display()));
            warnings.extend(close_day(folder, day, calendar)?);
        }
    }
    Ok(warnings)
}

/// Why a day is not closed; `None` where its manifest tells of its files as they are. They only
/// grow, so that their lengths say whether anything was written since.
fn open(folder: &Path, day: Date) -> Option<String> {
    let path = folder.join(manifest_file(day));
    if !path.is_file() {
        return Some("it has no manifest".to_owned());
    }
    let manifest = match manifest::read(&path) {
        Ok(manifest) => manifest,
        Err(e) => return Some(format!("{e:#}")),
    };
    [trades_file(day), ml_file(day)].into_iter().find_map(|name| {
        let there = std::fs::metadata(folder.join(&name)).ok().map(|file| file.len());
        let known = manifest.files.iter().find(|entry| entry.file == name).map(|e| e.bytes);
        let say = |bytes: Option<u64>| bytes.map_or("no file".to_owned(), |n| format!("{n} bytes"));
        let (is, was) = (say(there), say(known));
        (there != known).then(|| format!("{name} has {is}, its manifest says {was}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::folders::Mode;
    use crate::store::quality::Completeness;
    use crate::store::trades::synthetic::{OPEN, calendar, day, header, stamp};
    use crate::store::trades::{TradeWriter, folder};
    use crate::trader::note::Note;

    const DAY: Date = jiff::civil::date(2026, 1, 14);

    fn writer(data: &Path, run: &str) -> TradeWriter {
        let header =
            crate::store::trades::Header { run: run.to_owned(), ..header(Mode::Paper, "realtime") };
        TradeWriter::new(data, header, calendar(), OPEN).expect("a writer")
    }

    /// A run that ends, then another of the same day that a crash ends as it writes a round trip:
    /// the folder, with both files as the second run left them.
    fn crashed(name: &str) -> (std::path::PathBuf, [Vec<u8>; 2]) {
        // Thousands of files are brought to disk: in memory that takes no time.
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let data = root.join(format!("mia-daily-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&data);
        let notes = day(2).into_iter().filter(|note| matches!(note, Note::Trade(_)));
        let [one, other] = notes.collect::<Vec<Note>>().try_into().expect("two");
        let mut first = writer(&data, "first");
        first.write(&one).expect("written");
        first.finish(stamp(9_999, 0, 0)).expect("finished");
        let mut second = writer(&data, "second");
        second.write(&other).expect("written");
        let flat = day(2).into_iter().rfind(|note| matches!(note, Note::Position(_)));
        second.write(&flat.expect("one")).expect("written");
        second.sync().expect("on disk");
        let folder = folder(&data, Mode::Paper);
        let files = [trades_file(DAY), ml_file(DAY)];
        let files = files.map(|name| std::fs::read(folder.join(name)).expect("written"));
        (folder, files)
    }

    fn trades_of(folder: &Path) -> u64 {
        let text = std::fs::read_to_string(folder.join(performance_file(DAY))).expect("there");
        let all: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        all["reports"][0]["summary"]["trades"].as_u64().expect("a number")
    }

    /// Lines that do not say how complete they are, such as of an earlier version, leave that open.
    #[test]
    fn a_day_says_how_complete_it_is() {
        let (folder, files) = crashed("complete");
        let [lines, _] = files.map(|file| String::from_utf8(file).expect("text"));
        let close = |lines: &str| {
            std::fs::write(folder.join(trades_file(DAY)), lines).expect("written");
            let warnings = close_day(&folder, DAY, &calendar()).expect("closed");
            let manifest = manifest::read(&folder.join(manifest_file(DAY))).expect("there");
            let of = |name: String| manifest.files.iter().find(|entry| entry.file == name).cloned();
            let trades = of(trades_file(DAY)).expect("listed");
            assert_eq!(of(performance_file(DAY)).expect("listed").completeness, None);
            (trades.completeness, warnings.iter().any(|w| w.contains("100 % are needed")))
        };
        let (cells, told) = close(&lines);
        let cells = cells.expect("counted");
        let mut expected = Completeness::default();
        for line in lines.lines() {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let count = |name: &str| line["cells"][name].as_u64().expect("a count");
            let (required, present) = (count("required"), count("present"));
            let incomplete =
                line["flags"].as_array().is_some_and(|f| f.contains(&"INCOMPLETE".into()));
            assert_eq!(present < required, incomplete, "{line}");
            expected.add(Completeness { required, present });
        }
        assert!(cells == expected && cells.required > 50, "{cells:?}");
        assert_eq!(told, cells.present < cells.required);
        let first: serde_json::Value =
            serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
        let present = first["cells"]["present"].as_u64().expect("a count");
        let count = |present: u64| format!("\"present\":{present}");
        let (less, told) = close(&lines.replacen(&count(present), &count(present - 1), 1));
        assert!(told && less.expect("counted").present == cells.present - 1);
        let old = lines.replacen("\"cells\":", "\"cell\":", 1);
        assert_eq!(close(&old), (None, false), "an old line says nothing");
        std::fs::remove_dir_all(folder.ancestors().nth(3).expect("data")).expect("clean up");
    }

    /// Records of the file of which the name ends so, as the manifest says.
    fn listed(folder: &Path, ending: &str) -> u64 {
        let manifest = manifest::read(&folder.join(manifest_file(DAY))).expect("there");
        let is = |entry: &&Entry| entry.file.ends_with(ending);
        manifest.files.iter().find(is).expect("listed").records
    }

    fn rows_of(folder: &Path) -> u64 {
        listed(folder, ".parquet")
    }

    /// Wherever the crash cut its last line: what is whole counts, what is not does not.
    #[test]
    fn what_a_second_run_wrote_before_a_crash_counts() {
        let (folder, files) = crashed("second");
        let manifest = std::fs::read(folder.join(manifest_file(DAY))).expect("of the first run");
        assert_eq!((trades_of(&folder), rows_of(&folder)), (1, 1));
        let close = || close_left_open(&folder, DAY.tomorrow().expect("a day"), &calendar());
        let ends = files.each_ref().map(|file| {
            let before = &file[..file.len() - 1];
            before.iter().rposition(|&byte| byte == b'\n').expect("lines") + 1
        });
        let longest = files.iter().zip(ends).map(|(file, end)| file.len() - end).max();
        for cut in 0..=longest.expect("two") {
            std::fs::write(folder.join(manifest_file(DAY)), &manifest).expect("put back");
            let mut whole = [0; 2];
            for (at, name) in [trades_file(DAY), ml_file(DAY)].iter().enumerate() {
                let to = (ends[at] + cut).min(files[at].len());
                whole[at] = u64::from(to == files[at].len());
                std::fs::write(folder.join(name), &files[at][..to]).expect("cut");
            }
            let warnings = close().expect("closed");
            let torn = warnings.iter().filter(|w| w.contains("a torn last line of")).count();
            assert_eq!(torn as u64, if cut == 0 { 0 } else { 2 - whole[0] - whole[1] }, "{cut}");
            assert!(warnings.iter().any(|w| w.contains("its manifest says")), "{warnings:?}");
            let lines = files[0].iter().filter(|&&byte| byte == b'\n').count() as u64;
            assert_eq!(listed(&folder, &trades_file(DAY)), lines - 1 + whole[0], "{cut}");
            assert_eq!((trades_of(&folder), rows_of(&folder)), (2, 1 + whole[1]), "{cut}");
            let list = folder.join(manifest_file(DAY));
            assert_eq!(manifest::verify(&list).expect("readable"), Vec::<String>::new(), "{cut}");
            assert_eq!(close().expect("nothing to do"), Vec::<String>::new(), "{cut}");
        }
        std::fs::remove_dir_all(folder.ancestors().nth(3).expect("data")).expect("clean up");
    }

    /// A file of which nothing but a piece of its first line is there.
    #[test]
    fn a_day_that_never_got_a_line() {
        let (folder, files) = crashed("first-line");
        std::fs::remove_file(folder.join(manifest_file(DAY))).expect("none");
        std::fs::remove_file(folder.join(performance_file(DAY))).expect("none");
        std::fs::write(folder.join(trades_file(DAY)), &files[0][..40]).expect("cut");
        std::fs::write(folder.join(ml_file(DAY)), &files[1][..40]).expect("cut");
        let warnings = close_left_open(&folder, DAY.tomorrow().expect("a day"), &calendar());
        assert_eq!(warnings.expect("closed").len(), 3, "late, and two torn lines");
        assert_eq!(std::fs::read(folder.join(trades_file(DAY))).expect("there"), b"");
        assert_eq!(std::fs::read_to_string(folder.join(ml_file(DAY))).expect("there"), ml::head());
        assert!(!folder.join(performance_file(DAY)).exists() && rows_of(&folder) == 0);
        std::fs::remove_dir_all(folder.ancestors().nth(3).expect("data")).expect("clean up");
    }

    /// A manifest that cannot be read closes nothing.
    #[test]
    fn a_damaged_manifest_is_made_again() {
        let (folder, _) = crashed("damaged");
        std::fs::write(folder.join(manifest_file(DAY)), "{").expect("damaged");
        let today = DAY.tomorrow().expect("a day");
        let warnings = close_left_open(&folder, today, &calendar()).expect("closed");
        assert!(warnings.iter().any(|w| w.contains("closed late")), "{warnings:?}");
        assert_eq!((trades_of(&folder), rows_of(&folder)), (2, 2));
        assert_eq!(close_left_open(&folder, DAY, &calendar()).expect("not over").len(), 0);
        std::fs::remove_dir_all(folder.ancestors().nth(3).expect("data")).expect("clean up");
    }
}
