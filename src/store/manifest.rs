//! What was written on a trade date: one list of files a day and family, with bytes, records,
//! SHA-256, first and last time and schema version, as `manifest_FAMILY_YYYYMMDD.json` in the
//! family's folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::options::folders::{self, compact};
use super::options::snapshot_json::{from_json, to_json};
use super::quality::{Completeness, Family};

/// Value of `schema_version`.
pub const SCHEMA: &str = "manifest/1";
/// How the name of every manifest begins.
pub const PREFIX: &str = "manifest_";
/// Bytes that are hashed in one step.
const STEP: usize = 1 << 16;

/// Files of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema_version: String,
    /// `options`, `orderflow` or `trades`.
    pub family: String,
    /// `YYYY-MM-DD`.
    pub trade_date: String,
    /// By name.
    pub files: Vec<Entry>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Path from the folder of the manifest.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// Rows, contracts, or 1 for one object.
    pub records: u64,
    /// Lower-case hex.
    pub sha256: String,
    /// Time of its first record, RFC 3339 in UTC.
    pub first_ts: Option<String>,
    /// Time of its last record.
    pub last_ts: Option<String>,
    /// What its content is.
    pub schema_version: String,
    /// Required cells of its records, where they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completeness: Option<Completeness>,
}

impl Entry {
    /// A text where it is not complete enough for its family.
    #[must_use]
    pub fn incomplete(&self, family: Family) -> Option<String> {
        let cells = self.completeness.filter(|cells| !family.passes(cells))?;
        let (Completeness { present, required }, least) = (cells, family.percent_min());
        let file = &self.file;
        Some(format!("{file}: {present} of {required} cells have a value, {least} % are needed"))
    }
}

/// SHA-256 in lower-case hex.
#[must_use]
pub fn sha256(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

/// Bytes in lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Length and SHA-256 of a file of any length.
///
/// # Errors
/// As reading it.
pub fn sha256_of(path: &Path) -> std::io::Result<(u64, String)> {
    let mut file = std::fs::File::open(path)?;
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; STEP]);
    loop {
        let got = std::io::Read::read(&mut file, &mut buffer)?;
        if got == 0 {
            return Ok((bytes, hex(&hash.finalize())));
        }
        hash.update(buffer.get(..got).unwrap_or_default());
        bytes += got as u64;
    }
}

/// The date in a name: eight digits behind a `_` that are one, with no digit after them.
#[must_use]
pub fn dated(name: &str) -> Option<Date> {
    name.match_indices('_').find_map(|(at, _)| {
        let rest = name.get(at + 1..)?;
        let digits = rest.get(..8).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
        let ends = !rest.as_bytes().get(8).is_some_and(u8::is_ascii_digit);
        ends.then(|| Date::strptime("%Y%m%d", digits).ok())?
    })
}

/// `manifest_FAMILY_YYYYMMDD.json`.
#[must_use]
pub fn name(family: &str, day: Date) -> String {
    format!("{PREFIX}{family}_{}.json", compact(day))
}

/// Puts entries into the manifest of `family` and `day` in `folder`, each instead of a former one
/// of the same file. A manifest that cannot be read is begun anew; the text that says so is
/// returned.
///
/// # Errors
/// With the path where it cannot be read at all or written.
pub fn record(
    folder: &Path,
    family: &str,
    day: Date,
    entries: Vec<Entry>,
) -> Result<Option<String>> {
    let path = folder.join(name(family, day));
    let mut warning = None;
    let empty = || Manifest {
        schema_version: SCHEMA.to_owned(),
        family: family.to_owned(),
        trade_date: day.to_string(),
        files: Vec::new(),
    };
    let mut manifest = match folders::read(&path)? {
        None => empty(),
        Some(bytes) => match from_json::<Manifest>(&bytes) {
            Ok(manifest) if manifest.schema_version == SCHEMA => manifest,
            Ok(_) => {
                warning = Some(format!("{}: begun anew: another schema", path.display()));
                empty()
            }
            Err(e) => {
                warning = Some(format!("{}: begun anew: {e:#}", path.display()));
                empty()
            }
        },
    };
    manifest.files.retain(|old| !entries.iter().any(|new| new.file == old.file));
    manifest.files.extend(entries);
    manifest.files.sort_by(|a, b| a.file.cmp(&b.file));
    folders::write(&path, to_json(&manifest)?.as_bytes())?;
    Ok(warning)
}

/// Compares the manifest at `path` with what lies there: one text for each file that differs.
///
/// # Errors
/// With the path where the manifest is missing or cannot be read.
pub fn verify(path: &Path) -> Result<Vec<String>> {
    let folder = path.parent().unwrap_or(Path::new("."));
    Ok(read(path)?.files.iter().filter_map(|entry| differs(folder, entry)).collect())
}

/// Compares all manifests of a folder: how many files were looked at, and one text for each that
/// differs. A file without a date in its path goes on from day to day: the newest manifest that
/// lists it counts.
///
/// # Errors
/// With the path of a folder that cannot be read.
pub fn verify_all(folder: &Path) -> Result<(usize, Vec<String>)> {
    let (mut looked, mut found) = (0, Vec::new());
    let mut running = BTreeSet::new();
    for path in list(folder)?.iter().rev() {
        let manifest = match read(path) {
            Ok(manifest) => manifest,
            Err(e) => {
                found.push(format!("{e:#}"));
                continue;
            }
        };
        for entry in &manifest.files {
            if entry.file.split('/').any(|part| dated(part).is_some())
                || running.insert(entry.file.clone())
            {
                looked += 1;
                found.extend(differs(folder, entry));
            }
        }
    }
    Ok((looked, found))
}

/// Reads the manifest at `path`.
///
/// # Errors
/// With the path where it is missing or none.
pub(super) fn read(path: &Path) -> Result<Manifest> {
    let named = || path.display().to_string();
    let bytes = folders::read(path)?.with_context(|| format!("{}: no such file", named()))?;
    from_json(&bytes).with_context(named)
}

fn differs(folder: &Path, entry: &Entry) -> Option<String> {
    let path = folder.join(&entry.file);
    let wrong = match sha256_of(&path) {
        Ok((bytes, _)) if bytes != entry.bytes => {
            format!("{bytes} bytes, the manifest says {}", entry.bytes)
        }
        Ok((_, sha256)) if sha256 != entry.sha256 => "content differs".to_owned(),
        Ok(_) => return None,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => "missing".to_owned(),
        Err(e) => e.to_string(),
    };
    Some(format!("{}: {wrong}", path.display()))
}

/// The manifests in `folder`, by name; a folder that is not there holds none.
///
/// # Errors
/// With the path of a folder that cannot be read.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| folder.display().to_string())?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if name.starts_with(PREFIX) && name.ends_with(".json") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
