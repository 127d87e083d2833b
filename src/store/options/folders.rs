//! Where the option files lie, what they are called and how they get there.
//!
//! `DATA/snapshots/options/` for real data, the same tree under `DATA/paper/` and `DATA/replay/`.
//! Snapshots and the two French files carry the UTC stamp of their capture, everything of a day its
//! trade date. A file is there whole or not at all: temporary file in the same folder, fsync,
//! rename, fsync of the folder. A lock file keeps two processes from losing each other's rows.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::calendar::{Calendar, date_of};
use crate::options::chain::Underlying;
use crate::options::snapshot::Snapshot;
use crate::store::lock::Lock;
use crate::store::staged::{self, temporary};
use crate::units::{SECOND, Ts};

/// Name of the summary that is replaced each day.
pub const SUMMARY: &str = "resume_sessions_asia_london.json";
/// Most bytes read of one file.
pub const FILE_BYTES_MAX: u64 = 64 << 20;
/// Name of the lock file.
const LOCK: &str = ".lock";

/// What a run is: each has its own tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Real data as they come.
    Live,
    /// A simulated account on real data.
    Paper,
    /// Recorded data, and imports of former days.
    Replay,
}

impl Mode {
    /// Its tree below a data folder.
    #[must_use]
    pub fn tree(self, data: &Path) -> PathBuf {
        match self {
            Mode::Live => data.join("snapshots"),
            Mode::Paper => data.join("paper").join("snapshots"),
            Mode::Replay => data.join("replay").join("snapshots"),
        }
    }

    /// Where a snapshot belongs that a run of this mode captured: recorded data and files of a
    /// trade date before that of `now` count as a replay.
    #[must_use]
    pub fn of(self, snapshot: &Snapshot, calendar: &Calendar, now: Ts) -> Mode {
        let from = &snapshot.provenance;
        let day = |at: Ts| calendar.segment(at).trade_day;
        let old = parse_ts(&snapshot.captured_at).is_none_or(|at| day(at) < day(now));
        let replayed = from.source_kind == "replay" || from.delay_class == "replay";
        if replayed || (from.source_kind == "file" && old) { Mode::Replay } else { self }
    }
}

/// The folders of one tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    options: PathBuf,
    french: PathBuf,
    mode: Mode,
}

impl Folders {
    /// The tree of `mode` under `data`. With `alias` the two French files go to `options_flow/`
    /// instead of `options/`.
    #[must_use]
    pub fn new(data: &Path, mode: Mode, alias: bool) -> Folders {
        let tree = mode.tree(data);
        let options = tree.join("options");
        let french = if alias { tree.join("options_flow") } else { options.clone() };
        Folders { options, french, mode }
    }

    /// Whose tree this is.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Snapshots and Sierra's CSV.
    #[must_use]
    pub fn options(&self) -> &Path {
        &self.options
    }

    /// The two French files.
    #[must_use]
    pub fn french(&self) -> &Path {
        &self.french
    }

    /// `spx_snapshot_STAMP.json`.
    #[must_use]
    pub fn snapshot(&self, of: Underlying, captured: Ts) -> PathBuf {
        self.options.join(format!("{}_snapshot_{}.json", lower(of), stamp(captured)))
    }

    /// `spx_niveaux_critiques_STAMP.json`.
    #[must_use]
    pub fn levels(&self, captured: Ts) -> PathBuf {
        self.french.join(format!("spx_niveaux_critiques_{}.json", stamp(captured)))
    }

    /// [`SUMMARY`].
    #[must_use]
    pub fn summary(&self) -> PathBuf {
        self.french.join(SUMMARY)
    }

    /// `sierra_levels_YYYYMMDD.csv`.
    #[must_use]
    pub fn sierra_a(&self, day: Date) -> PathBuf {
        self.options.join(format!("sierra_levels_{}.csv", compact(day)))
    }

    /// `sierra_levels_YYYYMMDD_v2.csv`.
    #[must_use]
    pub fn sierra_b(&self, day: Date) -> PathBuf {
        self.options.join(format!("sierra_levels_{}_v2.csv", compact(day)))
    }

    /// `history/spx_daily.csv`.
    #[must_use]
    pub fn daily(&self, of: Underlying) -> PathBuf {
        self.options.join("history").join(format!("{}_daily.csv", lower(of)))
    }

    /// `oi/spx_oi_YYYYMMDD.csv.gz`.
    #[must_use]
    pub fn open_interest(&self, of: Underlying, day: Date) -> PathBuf {
        self.options.join("oi").join(format!("{}_oi_{}.csv.gz", lower(of), compact(day)))
    }

    /// `activity/spx_activity_YYYYMMDD.csv.gz`.
    #[must_use]
    pub fn activity(&self, of: Underlying, day: Date) -> PathBuf {
        let name = format!("{}_activity_{}.csv.gz", lower(of), compact(day));
        self.options.join("activity").join(name)
    }

    /// `activity/spx_state.json`.
    #[must_use]
    pub fn activity_state(&self, of: Underlying) -> PathBuf {
        self.options.join("activity").join(format!("{}_state.json", lower(of)))
    }

    /// `manifest_options_YYYYMMDD.json`.
    #[must_use]
    pub fn manifest(&self, day: Date) -> PathBuf {
        self.options.join(format!("manifest_options_{}.json", compact(day)))
    }

    /// Makes the folders and removes temporary files that a crash left behind. Files of a process
    /// that still runs stay. Returns what was removed.
    ///
    /// # Errors
    /// With the path of a folder that cannot be made or read.
    pub fn prepare(&self) -> Result<Vec<PathBuf>> {
        let _lock = self.lock()?;
        let mut removed = Vec::new();
        let mut folders = vec![self.options.clone()];
        folders.extend(["history", "oi", "activity"].map(|name| self.options.join(name)));
        if self.french != self.options {
            folders.push(self.french.clone());
        }
        for folder in folders {
            fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
            removed.extend(sweep(&folder)?);
        }
        Ok(removed)
    }

    /// Holds the other processes off until dropped. Where the file system knows no locks there is
    /// none.
    ///
    /// # Errors
    /// With the path where the lock file cannot be opened.
    pub fn lock(&self) -> Result<Lock> {
        fs::create_dir_all(&self.options).with_context(|| self.options.display().to_string())?;
        Ok(Lock::wait(&self.options.join(LOCK))?)
    }
}

/// The trade date of an instant: names of daily files carry it.
#[must_use]
pub fn trade_date(calendar: &Calendar, at: Ts) -> Date {
    date_of(calendar.segment(at).trade_day)
}

/// `YYYYMMDD_HHMMSS` in UTC.
#[must_use]
pub fn stamp(at: Ts) -> String {
    let at = Timestamp::from_second(at.second()).unwrap_or(Timestamp::UNIX_EPOCH);
    let t = at.to_zoned(TimeZone::UTC).datetime();
    let (h, m, s) = (t.hour(), t.minute(), t.second());
    format!("{}_{h:02}{m:02}{s:02}", compact(t.date()))
}

/// RFC 3339 in UTC, with decimals only where there are any.
#[must_use]
pub fn rfc3339(at: Ts) -> String {
    match Timestamp::from_nanosecond(i128::from(at.0)) {
        Ok(t) if at.is_some() => t.to_string(),
        _ => String::new(),
    }
}

/// Reads RFC 3339, of 1970 to 2200.
#[must_use]
pub fn parse_ts(text: &str) -> Option<Ts> {
    let ns = text.parse::<Timestamp>().ok()?.as_nanosecond();
    Some(Ts::from_outside(i64::try_from(ns).ok()?)).filter(|at| at.is_some())
}

/// `YYYYMMDD`.
#[must_use]
pub fn compact(day: Date) -> String {
    format!("{:04}{:02}{:02}", day.year(), day.month(), day.day())
}

/// The underlying of a snapshot.
///
/// # Errors
/// Its name where it is neither SPX nor NDX.
pub fn underlying(snapshot: &Snapshot) -> Result<Underlying> {
    Underlying::of(&snapshot.symbol)
        .with_context(|| format!("snapshot of {:?}: neither SPX nor NDX", snapshot.symbol))
}

/// Its ticker as file names have it.
#[must_use]
pub const fn lower(of: Underlying) -> &'static str {
    match of {
        Underlying::Spx => "spx",
        Underlying::Ndx => "ndx",
    }
}

/// Gives `path` this content, or leaves it as it was. Makes the folder where it is missing.
///
/// # Errors
/// With the path: no room, no permission, a name that belongs to no file.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    Ok(staged::write(path, bytes)?)
}

/// Everything in `path`, or `None` where there is no such file.
///
/// # Errors
/// With the path where it cannot be read or is longer than [`FILE_BYTES_MAX`].
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| path.display().to_string())?,
    };
    let mut bytes = Vec::new();
    let limited = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    limited.with_context(|| path.display().to_string())?;
    if u64::try_from(bytes.len()).is_ok_and(|n| n > FILE_BYTES_MAX) {
        bail!("{}: longer than {FILE_BYTES_MAX} bytes", path.display());
    }
    Ok(Some(bytes))
}

/// Removes what writers left behind that no longer run.
fn sweep(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut removed = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        let Some(name) = path.file_name().and_then(|n| n.to_str()) else { continue };
        let Some((_, pid)) = temporary(name) else { continue };
        if !runs(pid) && fs::remove_file(&path).is_ok() {
            removed.push(path);
        }
    }
    removed.sort();
    Ok(removed)
}

/// Whether another process has this number. Where there is no `/proc`, none is known to.
pub(in crate::store) fn runs(pid: u32) -> bool {
    pid != std::process::id() && Path::new("/proc").join(pid.to_string()).exists()
}

/// Seconds from `from` to `to`, 0 where the order is reversed.
#[must_use]
pub fn seconds(from: Ts, to: Ts) -> f64 {
    let ns = to.since(from);
    let whole = i32::try_from(ns / SECOND).unwrap_or(i32::MAX);
    let rest = i32::try_from(ns % SECOND).unwrap_or(0);
    f64::from(whole) + f64::from(rest) / 1e9
}
