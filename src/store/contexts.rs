//! Context versions as files: `context-VERSION.json` = `{"published": TIME, "context": {…}}`.
//!
//! The cold path writes each version that it publishes, so that a day's contexts can be brought
//! back to its tick files.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::staged::{self, named};
use crate::context::Context;
use crate::units::Ts;

/// A context version with the receive time from which it is used.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed {
    /// From this `ts` on.
    pub from: Ts,
    /// The context.
    pub context: Context,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    published: String,
    context: Context,
}

/// Whether a file of this name holds a version.
#[must_use]
pub fn is_context(name: &str) -> bool {
    name.starts_with("context-") && name.ends_with(".json")
}

/// Writes a version into `folder`, whole or not at all, and returns its path.
///
/// # Errors
/// With the path.
pub fn write(folder: &Path, timed: &Timed) -> io::Result<PathBuf> {
    let path = folder.join(format!("context-{}.json", timed.context.version));
    let file = File { published: timed.from.to_string(), context: timed.context };
    let text = simd_json::to_vec(&file).map_err(|e| named(&path, &e))?;
    staged::write(&path, &text)?;
    Ok(path)
}

/// Reads a version.
///
/// # Errors
/// With the path, and what is wrong with the file.
pub fn read(path: &Path) -> io::Result<Timed> {
    let mut bytes = std::fs::read(path).map_err(|e| named(path, &e))?;
    let wrong = |e: &dyn std::fmt::Display| named(path, e);
    let file: File = simd_json::from_slice(&mut bytes).map_err(|e| wrong(&e))?;
    let published: jiff::Timestamp = file.published.parse().map_err(|e| wrong(&e))?;
    let ns = i64::try_from(published.as_nanosecond()).map_err(|e| wrong(&e))?;
    file.context.check().map_err(|e| wrong(&e))?;
    if file.context.version == 0 {
        return Err(wrong(&"version 0 is the empty context of the start"));
    }
    match Ts::from_outside(ns) {
        from if from.is_some() => Ok(Timed { from, context: file.context }),
        _ => Err(wrong(&"published at no time of ours")),
    }
}

/// The greatest version in `folder`; `None` without one.
#[must_use]
pub fn newest(folder: &Path) -> Option<u64> {
    let entries = std::fs::read_dir(folder).ok()?;
    let version = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        name.strip_prefix("context-")?.strip_suffix(".json")?.parse().ok()
    };
    entries.flatten().filter_map(version).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_comes_back() {
        let folder = std::env::temp_dir().join(format!("mia-versions-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("folder");
        let context = Context { version: 7, trade_day: Some(20_000), ..Context::EMPTY };
        let timed = Timed { from: Ts(1_704_067_201_123_456_789), context };
        let path = write(&folder, &timed).expect("written");
        assert!(is_context(&path.file_name().expect("name").to_string_lossy()));
        assert_eq!(read(&path).expect("read"), timed);
        for text in ["", "{}", "{\"published\":\"2024-01-01T00:00:00Z\",\"context\":{}}"] {
            std::fs::write(&path, text).expect("write");
            let error = read(&path).expect_err("no context").to_string();
            assert!(error.contains("context-7.json"), "{error}");
        }
        std::fs::remove_dir_all(folder).expect("clean up");
    }
}
