//! Months that are over, packed: one gzip file a month and family, in `archive/` of each tree.
//!
//! ```text
//! TREE/archive/options_archive_YYYYMM.gz  orderflow_archive_YYYYMM.gz  trades_archive_YYYYMM.gz
//! ```
//!
//! Unpacked it is one line `{"path":…,"bytes":…,"sha256":…}` before the content of each file,
//! which is `bytes` long whatever it holds; JSON Lines stay readable as such. The path begins at
//! the tree, so that unpacking there restores. What belongs to a month says the date in a name;
//! what has none (the running histories) is never packed.
//!
//! [`pack`] reads everything back before the file takes its name, and [`take_away`] does so again
//! before it removes an original, each of which must still be what was packed. Whatever goes wrong
//! earlier, the originals are there.

mod find;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::civil::Date;

pub use find::{Month, Original, months, originals};
pub use read::{Entry, extract, index};

use super::lock::Lock;
use super::manifest::{hex, sha256_of};
use super::quality::Family;
use super::staged::Staged;
use sha2::{Digest, Sha256};

/// Folder of the archives in a tree.
pub const FOLDER: &str = "archive";
/// Name of the lock file.
const LOCK: &str = ".lock";
/// Bytes that are copied in one step.
const STEP: usize = 1 << 16;

/// The trees below a data folder that are there: real, paper, replay. They are never mixed.
#[must_use]
pub fn trees(data: &Path) -> Vec<PathBuf> {
    let all = [data.to_owned(), data.join("paper"), data.join("replay")];
    all.into_iter().map(|root| root.join("snapshots")).filter(|tree| tree.is_dir()).collect()
}

/// `archive/FAMILY_archive_YYYYMM.gz` of a tree.
#[must_use]
pub fn file(tree: &Path, family: Family, month: Month) -> PathBuf {
    tree.join(FOLDER).join(format!("{}_archive_{month}.gz", family.name()))
}

/// What [`pack`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The archive.
    pub path: PathBuf,
    /// Files in it, and how many of them are new.
    pub files: usize,
    /// See `files`.
    pub new: usize,
    /// Bytes of the files, unpacked.
    pub bytes: u64,
    /// Bytes of the archive.
    pub packed: u64,
    /// What was left out, and why.
    pub skipped: Vec<String>,
}

/// Packs what `family` has of `month`, together with what an earlier archive of it holds. `None`
/// where there is nothing of the month. Repeating it changes nothing.
///
/// # Errors
/// With the path: a month that is not over on `today` (New York), an archive that is damaged, an
/// original that is another than the packed one, a disk that is full. The archive is then as it
/// was.
pub fn pack(tree: &Path, family: Family, month: Month, today: Date) -> Result<Option<Packed>> {
    ensure!(month.is_over(today), "{month} is not over: only closed months are archived");
    let path = file(tree, family, month);
    let (found, skipped) = originals(tree, family, month)?;
    if found.is_empty() && !path.is_file() {
        return Ok(None);
    }
    let folder = tree.join(FOLDER);
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let _lock = lock(&folder)?;
    let old = if path.is_file() { index(&path)? } else { BTreeMap::new() };
    let mut new = Vec::new();
    for original in &found {
        let full = tree.join(&original.path);
        let (bytes, sha256) = sha256_of(&full).with_context(|| full.display().to_string())?;
        let entry = Entry { path: original.path.clone(), bytes, sha256 };
        match old.get(&entry.path) {
            None => new.push(entry),
            Some(packed) if *packed == entry => {}
            Some(_) => bail!(
                "{}: is another than the one in {}: unpack that elsewhere (--extract), compare, \
                 and put one of them away",
                full.display(),
                path.display()
            ),
        }
    }
    let mut all = old.clone();
    all.extend(new.iter().map(|entry| (entry.path.clone(), entry.clone())));
    if !new.is_empty() {
        write(tree, &path, &new, &all)?;
    }
    let packed = std::fs::metadata(&path).with_context(|| path.display().to_string())?.len();
    Ok(Some(Packed {
        files: all.len(),
        new: new.len(),
        bytes: all.values().map(|entry| entry.bytes).sum(),
        packed,
        path,
        skipped,
    }))
}

/// Writes the archive anew: the old one's files, then the new ones. It takes its name once what is
/// on disk has been read back and found whole.
fn write(tree: &Path, path: &Path, new: &[Entry], all: &BTreeMap<String, Entry>) -> Result<()> {
    let named = || path.display().to_string();
    let mut out = GzEncoder::new(Staged::create(path)?, Compression::default());
    if path.is_file() {
        read::each(path, &mut |entry, content| {
            head(&mut out, entry)?;
            Ok(io::copy(content, &mut out).map(|_| ())?)
        })?;
    }
    for entry in new {
        head(&mut out, entry).with_context(named)?;
        let full = tree.join(&entry.path);
        let file = File::open(&full).with_context(|| full.display().to_string())?;
        copy(file, &mut out, entry).with_context(|| full.display().to_string())?;
    }
    let mut staged = out.finish().with_context(named)?;
    let found = index(staged.sync()?)?;
    ensure!(found == *all, "{}: what was written does not read back", named());
    Ok(staged.finish()?)
}

fn head(out: &mut impl Write, entry: &Entry) -> Result<()> {
    let mut line = simd_json::to_string(entry)?;
    line.push('\n');
    Ok(out.write_all(line.as_bytes())?)
}

/// Copies a file that must still be what its entry says.
fn copy(mut from: impl Read, to: &mut impl Write, entry: &Entry) -> Result<()> {
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0_u64, vec![0; STEP]);
    loop {
        let got = from.read(&mut buffer)?;
        let part = buffer.get(..got).unwrap_or_default();
        if part.is_empty() {
            break;
        }
        hash.update(part);
        to.write_all(part)?;
        bytes += got as u64;
    }
    let same = bytes == entry.bytes && hex(&hash.finalize()) == entry.sha256;
    ensure!(same, "changed while it was read: is a run still writing it?");
    Ok(())
}

/// Removes the originals of an archive that reads back whole, each only where it is still the
/// packed file. Returns how many went, and what stayed and why.
///
/// # Errors
/// With the path: a missing or damaged archive; then nothing is removed.
pub fn take_away(tree: &Path, family: Family, month: Month) -> Result<(usize, Vec<String>)> {
    let path = file(tree, family, month);
    let _lock = lock(&tree.join(FOLDER))?;
    let packed = index(&path)?;
    let (found, mut stayed) = originals(tree, family, month)?;
    let mut gone = 0;
    for original in found {
        let full = tree.join(&original.path);
        let named = || full.display().to_string();
        let (bytes, sha256) = sha256_of(&full).with_context(named)?;
        let same = |p: &Entry| p.bytes == bytes && p.sha256 == sha256;
        if packed.get(&original.path).is_some_and(same) {
            std::fs::remove_file(&full).with_context(named)?;
            gone += 1;
            if let Some(folder) = full.parent().filter(|f| find::day_of(f).is_some()) {
                // A day's folder goes with its last file.
                let _ = std::fs::remove_dir(folder);
            }
        } else {
            stayed.push(format!("{}: is not in the archive as it is: kept", named()));
        }
    }
    Ok((gone, stayed))
}

/// Held while an archive is written or its originals go.
fn lock(folder: &Path) -> Result<Lock> {
    let taken = "another archive command is at work: wait for it";
    Ok(Lock::take_if_known(&folder.join(LOCK), taken)?)
}
