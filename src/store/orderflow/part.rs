//! A file of a window while it grows, and the arrays it becomes.
//!
//! A part is a hidden file of lines, each with one record a target, parted by tabs (JSON text holds
//! none). A line is whole or, after a crash, the last one and torn. Finishing writes each target
//! as an array under its name, then takes the part away: repeating it changes nothing.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::store::manifest::{Entry, sha256};
use crate::store::options::folders::{self, runs};
use crate::store::options::snapshot_json::from_json;
use crate::store::quality::Completeness;
use crate::store::staged::{named, sync_folder, temporary};

/// How the name of a part begins.
const PREFIX: &str = ".flow_";
/// How it ends, after the number of the process.
const SUFFIX: &str = ".part";

/// A part that grows.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines.
    len: u64,
    dirty: bool,
}

impl Part {
    /// Begins the part `name` in `folder`.
    ///
    /// # Errors
    /// With the path where it cannot be made.
    pub(super) fn create(folder: &Path, name: &str) -> Result<Part> {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let path = folder.join(format!("{PREFIX}{name}.{}{SUFFIX}", std::process::id()));
        let file = File::options().write(true).create(true).truncate(true).open(&path);
        let file = file.with_context(|| path.display().to_string())?;
        sync_folder(&path).with_context(|| path.display().to_string())?;
        Ok(Part { path, file, len: 0, dirty: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line of one record a target; an empty text is none. What a full disk took of it
    /// is taken off again.
    ///
    /// # Errors
    /// With the path.
    pub(super) fn line(&mut self, columns: &[&str]) -> io::Result<()> {
        let mut line = columns.join("\t");
        line.push('\n');
        self.dirty = true;
        if let Err(e) = self.file.write_all(line.as_bytes()) {
            let _ = self.file.set_len(self.len);
            let _ = io::Seek::seek(&mut self.file, io::SeekFrom::Start(self.len));
            return Err(named(&self.path, &e));
        }
        self.len += line.len() as u64;
        Ok(())
    }

    /// Brings it to disk.
    ///
    /// # Errors
    /// With the path.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.dirty) {
            self.file.sync_data().map_err(|e| named(&self.path, &e))?;
        }
        Ok(())
    }
}

/// What the arrays need to know of a record.
#[derive(Deserialize)]
struct Seen {
    timestamp: String,
    cells: Completeness,
}

/// What [`finish`] made.
#[derive(Debug, Default)]
pub(super) struct Finished {
    /// The arrays, for the manifest.
    pub(super) entries: Vec<Entry>,
    /// Bytes of a torn last line, and lines that are no records.
    pub(super) torn_bytes: u64,
    pub(super) dropped: u64,
}

/// Makes the part at `path` into `targets`, each in `root` or below it. With `join` a target that
/// is there keeps its records and gets those that it does not have; otherwise it is replaced. The
/// part stays: take it away once the manifest knows of the targets.
///
/// # Errors
/// With the path of what cannot be read or written, or of a target that is no such array.
pub(super) fn finish(
    path: &Path,
    root: &Path,
    targets: &[PathBuf],
    join: bool,
) -> Result<Finished> {
    let text = std::fs::read(path).with_context(|| path.display().to_string())?;
    let whole = text.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    let (text, torn) = text.split_at(whole);
    let mut finished = Finished { torn_bytes: torn.len() as u64, ..Finished::default() };
    for (column, target) in targets.iter().enumerate() {
        let mut records: Vec<(Vec<u8>, Seen)> = Vec::new();
        if join && let Some(old) = folders::read(target)? {
            for line in lines_of(&old) {
                let seen = from_json(line).with_context(|| target.display().to_string())?;
                records.push((line.to_vec(), seen));
            }
        }
        for line in text.split(|&b| b == b'\n') {
            let record = line.split(|&b| b == b'\t').nth(column).unwrap_or_default();
            // A part that a crash left between array and manifest is finished once more.
            if record.is_empty() || join && records.iter().any(|(old, _)| old == record) {
                continue;
            }
            match from_json(record) {
                Ok(seen) => records.push((record.to_vec(), seen)),
                Err(_) => finished.dropped += 1,
            }
        }
        if !records.is_empty() {
            let content = array(&records);
            folders::write(target, &content)?;
            finished.entries.push(entry(root, target, &content, &records));
        }
    }
    Ok(finished)
}

/// Takes a finished part away.
pub(super) fn remove(path: &Path) -> Result<()> {
    let removed = std::fs::remove_file(path).and_then(|()| sync_folder(path));
    removed.with_context(|| path.display().to_string())
}

/// The array with a record a line.
fn array(records: &[(Vec<u8>, Seen)]) -> Vec<u8> {
    let mut content = b"[\n".to_vec();
    for (at, (record, _)) in records.iter().enumerate() {
        content.extend(if at > 0 { b",\n".as_slice() } else { b"" });
        content.extend(record);
    }
    content.extend(b"\n]\n");
    content
}

/// The records of an array that [`array`] made.
fn lines_of(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = content.split(|&b| b == b'\n').filter(|line| !matches!(*line, b"[" | b"]" | b""));
    lines.map(|line| line.strip_suffix(b",").unwrap_or(line))
}

fn entry(root: &Path, path: &Path, content: &[u8], records: &[(Vec<u8>, Seen)]) -> Entry {
    let mut cells = Completeness::default();
    records.iter().for_each(|(_, seen)| cells.add(seen.cells));
    let time = |of: Option<&(Vec<u8>, Seen)>| of.map(|(_, seen)| seen.timestamp.clone());
    let inside = path.strip_prefix(root).unwrap_or(path);
    let parts = inside.components().map(|c| c.as_os_str().to_string_lossy().into_owned());
    Entry {
        file: parts.collect::<Vec<String>>().join("/"),
        bytes: content.len() as u64,
        records: records.len() as u64,
        sha256: sha256(content),
        first_ts: time(records.first()),
        last_ts: time(records.last()),
        schema_version: format!("{}/{}", super::SCHEMA, super::SCHEMA_VERSION),
        completeness: Some(cells),
    }
}

/// What a process that no longer runs left in `folder`.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Parts, with the name that they were begun under.
    pub(super) parts: Vec<(PathBuf, String)>,
    /// Arrays that were not finished: their parts are still there.
    pub(super) staged: Vec<PathBuf>,
}

/// Looks for it; a folder that is not there holds nothing.
///
/// # Errors
/// With the path of a folder that cannot be read.
pub(super) fn left_in(folder: &Path) -> Result<Left> {
    let mut left = Left::default();
    let entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(left),
        other => other.with_context(|| folder.display().to_string())?,
    };
    for entry in entries {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if let Some((stem, pid)) = temporary(name)
            && !runs(pid)
        {
            match stem.strip_prefix(PREFIX.trim_start_matches('.')) {
                Some(stem) => left.parts.push((path.clone(), stem.to_owned())),
                None => left.staged.push(path.clone()),
            }
        }
    }
    left.parts.sort();
    Ok(left)
}
