//! Archives read back. What an archive says is not believed: lengths and hashes are checked, and a
//! path never leads out of the folder it is unpacked to.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::store::manifest::{hex, sha256_of};
use crate::store::options::snapshot_json::from_json;
use crate::store::staged::Staged;

/// Longest header line.
const LINE_MAX: u64 = 1 << 14;

/// A header line: the file whose content follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Path from the tree, parts joined by `/`.
    pub path: String,
    /// Length of the content.
    pub bytes: u64,
    /// Lower-case hex.
    pub sha256: String,
}

/// The content of one file, counted and hashed as it is read.
struct Content<'a> {
    from: &'a mut dyn Read,
    left: u64,
    hash: Sha256,
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(space) = buffer.get_mut(..most) else { return Ok(0) };
        let got = self.from.read(space)?;
        self.hash.update(space.get(..got).unwrap_or_default());
        self.left -= got as u64;
        Ok(got)
    }
}

/// Hands each file to `each` and checks what it read.
///
/// # Errors
/// With the path of the archive: no archive, cut off, or damaged; or what `each` says.
pub(super) fn each(
    path: &Path,
    each: &mut dyn FnMut(&Entry, &mut dyn Read) -> Result<()>,
) -> Result<()> {
    let named = || format!("{}: the archive is damaged", path.display());
    let file = File::open(path).with_context(|| path.display().to_string())?;
    let mut from = BufReader::new(MultiGzDecoder::new(BufReader::new(file)));
    loop {
        let mut line = Vec::new();
        let got = from.by_ref().take(LINE_MAX).read_until(b'\n', &mut line).with_context(named)?;
        if got == 0 {
            return Ok(());
        }
        let entry: Entry = from_json(&line).context("a header line").with_context(named)?;
        inside(&entry.path).with_context(named)?;
        let mut content = Content { left: entry.bytes, from: &mut from, hash: Sha256::new() };
        each(&entry, &mut content).with_context(|| entry.path.clone()).with_context(named)?;
        io::copy(&mut content, &mut io::sink()).with_context(named)?;
        let (left, sha256) = (content.left, hex(&content.hash.finalize()));
        ensure!(left == 0, "{}: {} lacks {left} bytes", named(), entry.path);
        ensure!(sha256 == entry.sha256, "{}: {} has another content", named(), entry.path);
    }
}

/// The files of an archive, each read to its end and checked.
///
/// # Errors
/// As reading it; a file that is there twice.
pub fn index(path: &Path) -> Result<BTreeMap<String, Entry>> {
    let mut files = BTreeMap::new();
    each(path, &mut |entry, _| {
        let twice = files.insert(entry.path.clone(), entry.clone());
        ensure!(twice.is_none(), "is there twice");
        Ok(())
    })?;
    Ok(files)
}

/// A path that stays inside, or an error.
fn inside(path: &str) -> Result<PathBuf> {
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    let odd = path.is_empty() || path.contains(['\\', ':', '\0']);
    if odd || !plain {
        bail!("the path {path:?} leads elsewhere");
    }
    Ok(PathBuf::from(path))
}

/// Unpacks an archive below `to`: how many files were written, and how many were there already,
/// the same. A file of another content is never replaced.
///
/// # Errors
/// With the path: a damaged archive, a file that is there with another content, no room. What was
/// written by then is whole.
pub fn extract(path: &Path, to: &Path) -> Result<(usize, usize)> {
    let (mut written, mut same) = (0, 0);
    each(path, &mut |entry, content| {
        let target = to.join(inside(&entry.path)?);
        if target.exists() {
            let (bytes, sha256) = sha256_of(&target)?;
            let equal = bytes == entry.bytes && sha256 == entry.sha256;
            ensure!(equal, "{}: is there with another content: put it away", target.display());
            same += 1;
            return Ok(());
        }
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        let mut staged = Staged::create(&target)?;
        let mut hashing = Content { from: content, left: entry.bytes, hash: Sha256::new() };
        let bytes = io::copy(&mut hashing, &mut staged)?;
        let sha256 = hex(&hashing.hash.finalize());
        ensure!(bytes == entry.bytes && sha256 == entry.sha256, "has another content");
        staged.finish()?;
        written += 1;
        Ok(())
    })?;
    Ok((written, same))
}
