//! The archive behind unusual activity: one file a session, and the state between two polls.
//!
//! `activity/{spx,ndx}_activity_YYYYMMDD.csv.gz` (date: New York date of the data) has lines
//! `record,time,key,value`: `mark` with the spot, `volume` of a contract at that mark, `oi` of a
//! contract, `iv` of a bucket. `activity/{spx,ndx}_state.json` is what a restart needs.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use jiff::civil::Date;

use super::folders::{self, Folders, parse_ts, rfc3339};
use super::history::{Put, compress, decompress, parse_lines, table};
use super::snapshot_json::{from_json, to_json};
use crate::calendar::Calendar;
use crate::options::activity::{Key, Mark, SESSIONS, Session, State};
use crate::options::chain::{Osi, Roots, Underlying};

/// Header of the archive.
pub const HEADER: [&str; 4] = ["record", "time", "key", "value"];
/// Sessions that are looked at: some of the last may have no mark at the time of day asked for.
const FILES_MAX: usize = SESSIONS + 5;

/// Writes a session, instead of what was written of it before.
///
/// # Errors
/// With the path where it cannot be written.
pub fn write(
    folders: &Folders,
    of: Underlying,
    date: Date,
    session: &Session,
    calendar: &Calendar,
) -> Result<Put> {
    let line = |record: &str, time: &str, key: String, value: f64| {
        vec![record.to_owned(), time.to_owned(), key, value.to_string()]
    };
    let mut lines = Vec::new();
    for &(key, oi) in &session.oi {
        lines.push(line("oi", "", key.osi().to_string(), oi));
    }
    for (bucket, iv) in &session.ivs {
        lines.push(line("iv", "", bucket.to_string(), *iv));
    }
    for mark in &session.marks {
        let time = rfc3339(instant(calendar, date, mark.second).context("no time of the day")?);
        lines.push(line("mark", &time, String::new(), mark.spot));
        for &(key, volume) in &mark.volumes {
            lines.push(line("volume", &time, key.osi().to_string(), volume));
        }
    }
    let records = u64::try_from(lines.len())?;
    let content = compress(&table(&HEADER, lines.into_iter())?)?;
    folders::write(&folders.activity(of, date), &content)?;
    Ok(Put { content, records, dropped: Vec::new() })
}

fn instant(calendar: &Calendar, date: Date, second: i32) -> Option<crate::units::Ts> {
    let part = |n: i32| i8::try_from(n).ok();
    let (h, m, s) = (part(second / 3600)?, part(second / 60 % 60)?, part(second % 60)?);
    Some(calendar.new_york(date, jiff::civil::Time::new(h, m, s, 0).ok()?))
}

/// One line of the archive.
enum Line {
    Mark(i32, f64),
    Volume(i32, Key, f64),
    OpenInterest(Key, f64),
    Iv(u8, f64),
}

/// Reads one session; an empty one where there is no file. The texts name what was left out.
///
/// # Errors
/// With the path: unreadable, too long, or another header.
pub fn read(
    folders: &Folders,
    of: Underlying,
    date: Date,
    calendar: &Calendar,
) -> Result<(Session, Vec<String>)> {
    let path = folders.activity(of, date);
    let Some(bytes) = folders::read(&path)? else { return Ok((Session::default(), Vec::new())) };
    let (text, torn) = decompress(&bytes);
    let mut lines = parse_lines(&path, &text, &HEADER, |record| {
        let value: f64 =
            record.get(3)?.parse().ok().filter(|v: &f64| v.is_finite() && *v >= 0.0)?;
        let key = || Some(Key::of(&Osi::parse(record.get(2)?, &Roots::PRODUCT).ok()?));
        let second = || {
            let at = parse_ts(record.get(1)?)?;
            let clock = calendar.new_york_time(at);
            let (h, m, s) = (clock.hour(), clock.minute(), clock.second());
            let second = i32::from(h) * 3600 + i32::from(m) * 60 + i32::from(s);
            (clock.date() == date).then_some(second)
        };
        Some(match record.get(0)? {
            "mark" => Line::Mark(second()?, value).filter_spot()?,
            "volume" => Line::Volume(second()?, key()?, value),
            "oi" => Line::OpenInterest(key()?, value),
            "iv" => Line::Iv(record.get(2)?.parse().ok()?, value),
            _ => return None,
        })
    })?;
    if torn {
        lines.dropped.push(format!("{}: torn: its end is missing", path.display()));
    }
    Ok((assemble(lines.rows), lines.dropped))
}

impl Line {
    /// A mark without a spot above 0 says nothing.
    fn filter_spot(self) -> Option<Line> {
        match self {
            Line::Mark(_, spot) if spot <= 0.0 => None,
            line => Some(line),
        }
    }
}

/// Keys ascend and are there once: look-ups rely on it.
fn assemble(lines: Vec<Line>) -> Session {
    let mut spots: BTreeMap<i32, f64> = BTreeMap::new();
    let mut volumes: BTreeMap<i32, BTreeMap<Key, f64>> = BTreeMap::new();
    let mut oi: BTreeMap<Key, f64> = BTreeMap::new();
    let mut ivs = BTreeMap::new();
    for line in lines {
        match line {
            Line::Mark(second, spot) => {
                spots.insert(second, spot);
            }
            Line::Volume(second, key, v) => {
                volumes.entry(second).or_default().insert(key, v);
            }
            Line::OpenInterest(key, v) => {
                oi.insert(key, v);
            }
            Line::Iv(bucket, v) => {
                ivs.insert(bucket, v);
            }
        }
    }
    let marks = spots.into_iter().map(|(second, spot)| {
        let volumes = volumes.remove(&second).unwrap_or_default();
        Mark { second, spot, volumes: volumes.into_iter().collect() }
    });
    Session { marks: marks.collect(), oi: oi.into_iter().collect(), ivs }
}

/// The last sessions before `date`, as many as a baseline may need. A file that cannot be read is
/// named and passed over.
///
/// # Errors
/// With the path of a folder that cannot be read.
pub fn read_history(
    folders: &Folders,
    of: Underlying,
    before: Date,
    calendar: &Calendar,
) -> Result<(BTreeMap<Date, Session>, Vec<String>)> {
    let folder = folders.options().join("activity");
    let entries = match std::fs::read_dir(&folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Default::default()),
        other => other.with_context(|| folder.display().to_string())?,
    };
    let prefix = format!("{}_activity_", folders::lower(of));
    let mut dates: Vec<Date> = Vec::new();
    for entry in entries {
        let name = entry.with_context(|| folder.display().to_string())?.file_name();
        let day = name.to_str().and_then(|n| n.strip_prefix(&prefix)?.strip_suffix(".csv.gz"));
        let date = day.and_then(|d| Date::strptime("%Y%m%d", d).ok());
        dates.extend(date.filter(|date| *date < before));
    }
    dates.sort_unstable();
    let mut sessions = BTreeMap::new();
    let mut left_out = Vec::new();
    for date in dates.into_iter().rev().take(FILES_MAX) {
        match read(folders, of, date, calendar) {
            Ok((session, dropped)) => {
                left_out.extend(dropped);
                sessions.insert(date, session);
            }
            Err(e) => left_out.push(format!("{e:#}")),
        }
    }
    Ok((sessions, left_out))
}

/// Keeps the state over a restart.
///
/// # Errors
/// With the path where it cannot be written.
pub fn write_state(folders: &Folders, of: Underlying, state: &State) -> Result<()> {
    folders::write(&folders.activity_state(of), to_json(state)?.as_bytes())
}

/// The state as it was kept; a fresh one where there is none.
///
/// # Errors
/// With the path where it cannot be read: begin with a fresh one and say so.
pub fn read_state(folders: &Folders, of: Underlying) -> Result<State> {
    let path = folders.activity_state(of);
    let Some(bytes) = folders::read(&path)? else { return Ok(State::default()) };
    from_json(&bytes).with_context(|| path.display().to_string())
}
