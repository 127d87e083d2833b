//! Recorded context versions of a folder, for replays of tick files.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::context::Context;
use crate::units::Ts;

/// A context version with the receive time from which it is used.
#[derive(Clone, Debug)]
pub struct Timed {
    /// From this `ts` on.
    pub from: Ts,
    /// The context.
    pub context: Context,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u64,
    published: String,
    captured: Option<String>,
}

/// Reads `context-*.json` of `folder`, in order of their versions; nothing without a folder.
///
/// # Errors
/// With the file and what is wrong with it; an empty folder is an error too.
pub fn load(folder: Option<&Path>) -> Result<Vec<Timed>> {
    let Some(folder) = folder else { return Ok(Vec::new()) };
    let mut contexts = Vec::new();
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("context {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with("context-") && name.ends_with(".json") {
            contexts.push(read(&path).with_context(|| path.display().to_string())?);
        }
    }
    if contexts.is_empty() {
        bail!("context {}: no context-VERSION.json in it", folder.display());
    }
    contexts.sort_by_key(|c| c.context.version);
    if !contexts.is_sorted_by(|a, b| a.context.version < b.context.version && a.from <= b.from) {
        bail!("context {}: versions and times do not rise together", folder.display());
    }
    Ok(contexts)
}

fn read(path: &Path) -> Result<Timed> {
    let mut bytes = std::fs::read(path)?;
    let file: File = simd_json::from_slice(&mut bytes)?;
    let time = |text: &str| -> Result<Ts> {
        let t: jiff::Timestamp = text.parse()?;
        Ok(Ts(i64::try_from(t.as_nanosecond())?))
    };
    let captured = file.captured.as_deref().map(time).transpose()?.unwrap_or(Ts::NONE);
    if file.version == 0 {
        bail!("version 0 is the empty context of the start");
    }
    let context = Context { version: file.version, captured };
    Ok(Timed { from: time(&file.published)?, context })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_in_order() {
        let folder = std::env::temp_dir().join(format!("mia-contexts-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("folder");
        assert!(load(Some(&folder)).is_err(), "empty folder");
        for (n, at) in [(10, "2024-01-01T00:00:02Z"), (9, "2024-01-01T00:00:01Z")] {
            let text = format!(r#"{{"version":{n},"published":"{at}"}}"#);
            std::fs::write(folder.join(format!("context-{n}.json")), text).expect("write");
        }
        let got = load(Some(&folder)).expect("valid");
        assert_eq!(got.iter().map(|c| c.context.version).collect::<Vec<_>>(), [9, 10]);
        std::fs::write(folder.join("context-11.json"), "{\"version\":11").expect("write");
        let error = format!("{:#}", load(Some(&folder)).expect_err("cut off"));
        assert!(error.contains("context-11.json"), "{error}");
        std::fs::remove_dir_all(folder).expect("clean up");
        assert!(load(None).expect("none").is_empty());
    }
}
