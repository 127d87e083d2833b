//! What was written on a trade date: one list of files a day and family, with bytes, records,
//! SHA-256, first and last time and schema version, as `manifest_options_YYYYMMDD.json`.

use std::path::Path;

use anyhow::{Context, Result};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::folders::{self, Folders};
use super::snapshot_json::{from_json, to_json};

/// Value of `schema_version`.
pub const SCHEMA: &str = "manifest/1";
/// Value of `family`.
pub const FAMILY: &str = "options";

/// Files of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema_version: String,
    /// [`FAMILY`].
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
}

impl Entry {
    /// Of a file with this content, whose records are of `first` to `last`.
    #[must_use]
    pub fn new(
        folders: &Folders,
        path: &Path,
        content: &[u8],
        records: u64,
        times: (Option<&str>, Option<&str>),
        schema: &str,
    ) -> Entry {
        Entry {
            file: relative(folders, path),
            bytes: u64::try_from(content.len()).unwrap_or(u64::MAX),
            records,
            sha256: sha256(content),
            first_ts: times.0.map(str::to_owned),
            last_ts: times.1.map(str::to_owned),
            schema_version: schema.to_owned(),
        }
    }
}

/// Path as it stands in the manifest, parts joined by `/`.
fn relative(folders: &Folders, path: &Path) -> String {
    let parts = |path: &Path| {
        let parts = path.components().map(|c| c.as_os_str().to_string_lossy().into_owned());
        parts.collect::<Vec<String>>().join("/")
    };
    if let Ok(inside) = path.strip_prefix(folders.options()) {
        return parts(inside);
    }
    let beside = folders.options().parent().and_then(|tree| path.strip_prefix(tree).ok());
    beside.map_or_else(|| parts(path), |path| format!("../{}", parts(path)))
}

/// SHA-256 in lower-case hex.
#[must_use]
pub fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Puts entries into the manifest of `day`, each instead of a former one of the same file. A
/// manifest that cannot be read is begun anew; the text that says so is returned.
///
/// # Errors
/// With the path where it cannot be read at all or written.
pub fn record(folders: &Folders, day: Date, entries: Vec<Entry>) -> Result<Option<String>> {
    let path = folders.manifest(day);
    let mut warning = None;
    let empty = || Manifest {
        schema_version: SCHEMA.to_owned(),
        family: FAMILY.to_owned(),
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

/// Compares the manifest of `day` with what lies there: one text for each file that differs.
///
/// # Errors
/// With the path where the manifest is missing or cannot be read.
pub fn verify(folders: &Folders, day: Date) -> Result<Vec<String>> {
    let path = folders.manifest(day);
    let name = || path.display().to_string();
    let bytes = folders::read(&path)?.with_context(|| format!("{}: no such file", name()))?;
    let manifest: Manifest = from_json(&bytes).with_context(name)?;
    let mut found = Vec::new();
    for entry in manifest.files {
        let path = folders.options().join(&entry.file);
        match folders::read(&path) {
            Ok(Some(content)) if sha256(&content) == entry.sha256 => {}
            Ok(Some(_)) => found.push(format!("{}: content differs", path.display())),
            Ok(None) => found.push(format!("{}: missing", path.display())),
            Err(e) => found.push(format!("{e:#}")),
        }
    }
    Ok(found)
}
