//! The manifest of the option files, `manifest_options_YYYYMMDD.json`: see
//! [`crate::store::manifest`].

use std::path::Path;

use anyhow::Result;
use jiff::civil::Date;

use super::folders::Folders;
use crate::store::manifest;
pub use crate::store::manifest::{Entry, Manifest, SCHEMA, sha256};

/// Value of `family`.
pub const FAMILY: &str = "options";

/// The entry of a file with this content, whose records are of `times.0` to `times.1`.
#[must_use]
pub fn entry(
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
        completeness: None,
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

/// Puts entries into the manifest of `day`: see [`manifest::record`].
///
/// # Errors
/// With the path where it cannot be read at all or written.
pub fn record(folders: &Folders, day: Date, entries: Vec<Entry>) -> Result<Option<String>> {
    manifest::record(folders.options(), FAMILY, day, entries)
}

/// Compares the manifest of `day` with what lies there: one text for each file that differs.
///
/// # Errors
/// With the path where the manifest is missing or cannot be read.
pub fn verify(folders: &Folders, day: Date) -> Result<Vec<String>> {
    manifest::verify(&folders.manifest(day))
}
