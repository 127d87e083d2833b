//! Files of the option levels: snapshots, Sierra's CSV, the files for the night sessions, history.
//!
//! [`write()`] is the one door: every capture leaves its snapshot, GO and CAUTION also the levels
//! of the day, and inside the capture window the two French files. NO_GO leaves nothing but the
//! snapshot, and what an earlier capture wrote stays. One file that fails does not keep the others
//! from being written; the caller is told of each.

pub mod activity;
pub mod bridge;
pub mod folders;
pub mod french;
pub mod history;
pub mod manifest;
pub mod sierra_csv;
pub mod snapshot_json;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jiff::civil::Date;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use bridge::{Bridge, bridge};
pub use folders::{Folders, Mode};
pub use sierra_csv::Drawing;
pub use snapshot_json::{Latest, latest};

use crate::calendar::Calendar;
use crate::options::chain::{Chain, Underlying};
use crate::options::snapshot::{SCHEMA, Snapshot};
use crate::units::Ts;
use manifest::Entry;

#[cfg(test)]
mod tests;

/// What a capture left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Files, in the order they were written.
    pub files: Vec<PathBuf>,
    /// What could not be written or kept, and why.
    pub warnings: Vec<String>,
}

/// Writes the files of a snapshot. `front` names the contract whose levels stand for ES or NQ,
/// without it the nearest. `now` is the time of writing, in a replay that of the data.
///
/// # Errors
/// With the path where the snapshot itself cannot be written; then nothing else is.
pub fn write(
    folders: &Folders,
    calendar: &Calendar,
    snapshot: &Snapshot,
    drawing: &Drawing,
    front: Option<&str>,
    now: Ts,
) -> Result<Written> {
    let captured = folders::parse_ts(&snapshot.captured_at).context("no capture time")?;
    let day = folders::trade_date(calendar, captured);
    let _lock = folders.lock()?;
    let mut session = Session { folders, day, written: Written::default(), entries: Vec::new() };
    let (path, content) = snapshot_json::write(folders, snapshot)?;
    let times = (Some(snapshot.asof.as_str()), Some(snapshot.captured_at.as_str()));
    session.note(path, &content, 1, times, SCHEMA);
    if snapshot.sanity.status != "NO_GO" {
        if let Err(e) = session.sierra(calendar, snapshot, drawing, front, now) {
            session.written.warnings.push(format!("{e:#}"));
        }
        if french::due(snapshot, calendar).is_some()
            && let Err(e) = session.french(snapshot, drawing, captured)
        {
            session.written.warnings.push(format!("{e:#}"));
        }
    }
    session.end()
}

/// Writes what only a day's history keeps: the line of the trade date and the open interest of the
/// chain. For GO and CAUTION captures; a later capture of the day replaces both.
///
/// # Errors
/// With the path of what cannot be read or written.
pub fn write_history(
    folders: &Folders,
    calendar: &Calendar,
    snapshot: &Snapshot,
    chain: &Chain,
    vix_close: Option<f64>,
) -> Result<Written> {
    let captured = folders::parse_ts(&snapshot.captured_at).context("no capture time")?;
    let day = folders::trade_date(calendar, captured);
    let of = folders::underlying(snapshot)?;
    let _lock = folders.lock()?;
    let mut session = Session { folders, day, written: Written::default(), entries: Vec::new() };
    if snapshot.sanity.status == "NO_GO" {
        return Ok(session.written);
    }
    let path = folders.daily(of);
    let put = history::put_daily(&path, history::Daily::of(snapshot, day, vix_close))?;
    session.written.warnings.extend(put.dropped);
    session.note(path, &put.content, put.records, (None, None), "options-daily/1");
    let path = folders.open_interest(of, day);
    let put = history::write_open_interest(&path, &chain.rows)?;
    let time = Some(snapshot.captured_at.as_str());
    session.note(path, &put.content, put.records, (time, time), "options-oi/1");
    session.end()
}

/// One call of [`write`].
struct Session<'a> {
    folders: &'a Folders,
    day: Date,
    written: Written,
    entries: Vec<Entry>,
}

impl Session<'_> {
    fn note(
        &mut self,
        path: PathBuf,
        content: &[u8],
        records: u64,
        times: (Option<&str>, Option<&str>),
        schema: &str,
    ) {
        self.entries.push(manifest::entry(self.folders, &path, content, records, times, schema));
        self.written.files.push(path);
    }

    fn sierra(
        &mut self,
        calendar: &Calendar,
        snapshot: &Snapshot,
        drawing: &Drawing,
        front: Option<&str>,
        now: Ts,
    ) -> Result<()> {
        let of = folders::underlying(snapshot)?;
        let built = sierra_csv::rows(snapshot, calendar, drawing, front, now)?;
        self.written.warnings.extend(built.faults.iter().map(|f| format!("no CSV row: {f}")));
        if built.rows.is_empty() {
            return Ok(());
        }
        let a = built.rows.iter().map(sierra_csv::Row::cells_a).collect();
        let b = built.rows.iter().map(sierra_csv::Row::cells_b).collect();
        let (path_a, path_b) = (self.folders.sierra_a(self.day), self.folders.sierra_b(self.day));
        self.table(&path_a, &sierra_csv::HEADER_A, of, a, "sierra-levels/1")?;
        self.table(&path_b, &sierra_csv::HEADER_B, of, b, "sierra-levels/2")
    }

    fn table(
        &mut self,
        path: &Path,
        header: &[&str],
        of: Underlying,
        cells: Vec<Vec<String>>,
        schema: &str,
    ) -> Result<()> {
        let old = folders::read(path)?;
        let times: Vec<String> = cells.iter().filter_map(|c| c.get(1).cloned()).collect();
        let Some(merged) = sierra_csv::merge(old.as_deref(), header, of, cells)? else {
            let text = "has rows of a later time: left as it is";
            self.written.warnings.push(format!("{}: {text}", path.display()));
            return Ok(());
        };
        let named = |text: &String| format!("{}: {text}", path.display());
        self.written.warnings.extend(merged.dropped.iter().map(named));
        folders::write(path, &merged.bytes)?;
        let times = (times.first().map(String::as_str), times.last().map(String::as_str));
        self.note(path.to_owned(), &merged.bytes, merged.rows, times, schema);
        Ok(())
    }

    fn french(&mut self, snapshot: &Snapshot, drawing: &Drawing, captured: Ts) -> Result<()> {
        let levels = french::critical(snapshot)?;
        let summary = french::summary(snapshot, drawing.gap(Underlying::Spx))?;
        self.json(self.folders.levels(captured), snapshot, &levels, french::SCHEMA)?;
        let path = self.folders.summary();
        if newer_summary(&path, captured) {
            let text = "is of a later capture: left as it is";
            self.written.warnings.push(format!("{}: {text}", path.display()));
            return Ok(());
        }
        self.json(path, snapshot, &summary, "resume-sessions/1")
    }

    fn json<T: Serialize + DeserializeOwned + PartialEq>(
        &mut self,
        path: PathBuf,
        snapshot: &Snapshot,
        value: &T,
        schema: &str,
    ) -> Result<()> {
        let text = snapshot_json::to_json(value).with_context(|| path.display().to_string())?;
        folders::write(&path, text.as_bytes())?;
        let time = Some(snapshot.captured_at.as_str());
        self.note(path, text.as_bytes(), 1, (time, time), schema);
        Ok(())
    }

    fn end(mut self) -> Result<Written> {
        let warning = manifest::record(self.folders, self.day, self.entries);
        match warning {
            Ok(text) => self.written.warnings.extend(text),
            Err(e) => self.written.warnings.push(format!("{e:#}")),
        }
        Ok(self.written)
    }
}

/// Whether the summary that lies there is of a later capture. One that cannot be read is not.
fn newer_summary(path: &Path, captured: Ts) -> bool {
    let old = folders::read(path).ok().flatten();
    let old = old.and_then(|bytes| snapshot_json::from_json::<french::Summary>(&bytes).ok());
    let time = old.and_then(|old| folders::parse_ts(&old.session_info.collecte_time));
    time.is_some_and(|time| time > captured)
}
