//! Recorded context versions of a folder, for replays of tick files.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::context::Context;
use crate::store::contexts::{is_context, read};
use crate::units::Ts;

pub use crate::store::contexts::Timed;

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
        if is_context(&name) {
            contexts.push(read(&path)?);
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

/// Moves through versions in the order of their times.
#[derive(Clone, Debug)]
pub struct Versions<'a> {
    rest: &'a [Timed],
    now: Context,
}

impl<'a> Versions<'a> {
    /// Before the first of `contexts`, which are in order.
    #[must_use]
    pub const fn new(contexts: &'a [Timed]) -> Versions<'a> {
        Versions { rest: contexts, now: Context::EMPTY }
    }

    /// The newest version at `ts`, and whether it is another than before.
    pub fn at(&mut self, ts: Ts) -> (&Context, bool) {
        let before = self.now.version;
        while let Some((next, rest)) = self.rest.split_first()
            && next.from <= ts
        {
            (self.now, self.rest) = (next.context, rest);
        }
        (&self.now, self.now.version != before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contexts::write;

    #[test]
    fn versions_in_order() {
        let folder = std::env::temp_dir().join(format!("mia-contexts-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("folder");
        assert!(load(Some(&folder)).is_err(), "empty folder");
        for (version, second) in [(10, 2_i64), (9, 1)] {
            let context = Context { version, ..Context::EMPTY };
            let from = Ts(1_704_067_200_000_000_000 + second);
            write(&folder, &Timed { from, context }).expect("written");
        }
        let got = load(Some(&folder)).expect("valid");
        assert_eq!(got.iter().map(|c| c.context.version).collect::<Vec<_>>(), [9, 10]);
        let mut versions = Versions::new(&got);
        let mut at = |second: i64| {
            let (context, new) = versions.at(Ts(1_704_067_200_000_000_000 + second));
            (context.version, new)
        };
        assert_eq!([at(0), at(1), at(1), at(5)], [(0, false), (9, true), (9, false), (10, true)]);
        std::fs::write(folder.join("context-11.json"), "{\"version\":11").expect("write");
        let error = format!("{:#}", load(Some(&folder)).expect_err("cut off"));
        assert!(error.contains("context-11.json"), "{error}");
        std::fs::remove_dir_all(folder).expect("clean up");
        assert!(load(None).expect("none").is_empty());
    }
}
