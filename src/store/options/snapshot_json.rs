//! The full snapshot as JSON (`options-snapshot/1`): written, read back, and found again.
//!
//! What is written is read back before it takes its name, so a file always says exactly what the
//! snapshot said: floats in their shortest form that reads back to the same bits, never NaN.
//! The newest file is the one with the newest capture time inside; a file that cannot be read is
//! reported and the one before it taken.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::folders::{self, Folders, Mode};
use crate::options::chain::Underlying;
use crate::options::snapshot::{SCHEMA, Snapshot};
use crate::units::Ts;

/// Most files that are looked at for a usable snapshot: three days, one every five minutes.
pub const LOOK_BACK: usize = 1_000;

/// `value` as readable JSON with a final line feed.
///
/// # Errors
/// Where it does not read back to the same value, such as a number that is not finite.
pub fn to_json<T: Serialize + DeserializeOwned + PartialEq>(value: &T) -> Result<String> {
    let mut text = simd_json::to_string_pretty(value).context("not written as JSON")?;
    let back: T = from_json(text.as_bytes()).context("a value that JSON cannot hold")?;
    ensure!(back == *value, "a number that is not finite");
    text.push('\n');
    Ok(text)
}

/// Reads JSON.
///
/// # Errors
/// What is wrong with it.
pub fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let mut bytes = bytes.to_vec();
    Ok(simd_json::serde::from_slice(&mut bytes)?)
}

/// Reads a snapshot and checks what the types do not say.
///
/// # Errors
/// Wrong schema, underlying, time or status, or no JSON of a snapshot at all.
pub fn parse(bytes: &[u8]) -> Result<Snapshot> {
    let snapshot: Snapshot = from_json(bytes)?;
    check(&snapshot)?;
    Ok(snapshot)
}

fn check(snapshot: &Snapshot) -> Result<()> {
    let schema = &snapshot.schema_version;
    ensure!(schema == SCHEMA, "schema {schema:?} is not {SCHEMA}");
    folders::underlying(snapshot)?;
    let times = [Some(&snapshot.asof), Some(&snapshot.captured_at), snapshot.valid_until.as_ref()];
    for time in times.into_iter().flatten() {
        ensure!(folders::parse_ts(time).is_some(), "{time:?} is no time");
    }
    let status = &snapshot.sanity.status;
    ensure!(["GO", "CAUTION", "NO_GO"].contains(&status.as_str()), "sanity status {status:?}");
    Ok(())
}

/// Reads a snapshot file.
///
/// # Errors
/// With the path: missing, unreadable, or as [`parse`].
pub fn read(path: &Path) -> Result<Snapshot> {
    let name = || path.display().to_string();
    let Some(bytes) = folders::read(path)? else { bail!("{}: no such file", name()) };
    parse(&bytes).with_context(name)
}

/// Writes a snapshot file and returns its path and bytes.
///
/// # Errors
/// With the path: simulated data under the real tree, numbers that are not finite, no room.
pub fn write(folders: &Folders, snapshot: &Snapshot) -> Result<(PathBuf, Vec<u8>)> {
    check(snapshot)?;
    let simulated = snapshot.provenance.delay_class == "simulated";
    ensure!(
        !(simulated && folders.mode() == Mode::Live),
        "{}: simulated data do not go there",
        folders.options().display()
    );
    let captured = folders::parse_ts(&snapshot.captured_at).context("no capture time")?;
    let path = folders.snapshot(folders::underlying(snapshot)?, captured);
    let text = to_json(snapshot).with_context(|| path.display().to_string())?;
    folders::write(&path, text.as_bytes())?;
    Ok((path, text.into_bytes()))
}

/// What [`latest`] found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latest {
    /// The newest GO or CAUTION.
    pub usable: Option<Snapshot>,
    /// The newest that could be read, whatever its sanity says.
    pub newest: Option<Snapshot>,
    /// Files that could not be used, each named with what is wrong.
    pub skipped: Vec<String>,
}

impl Latest {
    /// The usable one, else the newest.
    #[must_use]
    pub fn best(&self) -> Option<&Snapshot> {
        self.usable.as_ref().or(self.newest.as_ref())
    }
}

/// Looks for the newest snapshot of `of` in `folder` that was captured at `at` or before, going
/// back at most [`LOOK_BACK`] files. A folder that is not there holds none.
///
/// # Errors
/// With the path of a folder that cannot be read.
pub fn latest(folder: &Path, of: Underlying, at: Ts) -> Result<Latest> {
    let mut found = Latest::default();
    let names = names(folder, of)?;
    let until = folders::stamp(at);
    let wanted = names.iter().rev().filter(|(stamp, _)| *stamp <= until).take(LOOK_BACK);
    for (stamp, path) in wanted {
        let snapshot = match read(path) {
            Ok(snapshot) => snapshot,
            Err(e) => {
                found.skipped.push(format!("{e:#}"));
                continue;
            }
        };
        let captured = folders::parse_ts(&snapshot.captured_at).unwrap_or(Ts::NONE);
        if folders::stamp(captured) != *stamp || snapshot.symbol != of.name() {
            let text = "symbol or capture time inside differ from its name";
            found.skipped.push(format!("{}: {text}", path.display()));
            continue;
        }
        if captured > at {
            continue;
        }
        let usable = snapshot.sanity.status != "NO_GO";
        if found.newest.is_none() {
            found.newest = Some(snapshot.clone());
        }
        if usable {
            found.usable = Some(snapshot);
            break;
        }
    }
    Ok(found)
}

/// Stamp and path of each snapshot file, by stamp.
fn names(folder: &Path, of: Underlying) -> Result<Vec<(String, PathBuf)>> {
    let entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| folder.display().to_string())?,
    };
    let prefix = format!("{}_snapshot_", folders::lower(of));
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        let stamp = path.file_name().and_then(|n| n.to_str()).and_then(|n| {
            let stamp = n.strip_prefix(&prefix)?.strip_suffix(".json")?;
            let (day, time) = stamp.split_once('_')?;
            let digits = |t: &str, n: usize| t.len() == n && t.bytes().all(|b| b.is_ascii_digit());
            (digits(day, 8) && digits(time, 6)).then(|| stamp.to_owned())
        });
        if let Some(stamp) = stamp {
            names.push((stamp, path));
        }
    }
    names.sort();
    Ok(names)
}
