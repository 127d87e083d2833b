//! `[orderflow]` and `[archive]`: files for other programs, and what becomes of old ones.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::units::MINUTE;

/// `[orderflow]`: the market second by second, as files for other programs.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrderflowConfig {
    /// Write them.
    pub enabled: bool,
    /// Root of the files: `data` makes `data/snapshots/orderflow/…`, below `data/paper` on paper.
    pub out: PathBuf,
    /// Least seconds between two records of a symbol, 1 to 60.
    pub every_s: u32,
    /// Minutes of a file, 1 to 60.
    pub file_minutes: u32,
}

impl Default for OrderflowConfig {
    fn default() -> OrderflowConfig {
        let out = PathBuf::from("data");
        OrderflowConfig { enabled: true, out, every_s: 1, file_minutes: 5 }
    }
}

impl OrderflowConfig {
    pub(super) fn check(&self) -> Result<(), String> {
        for (key, value) in [("every_s", self.every_s), ("file_minutes", self.file_minutes)] {
            if !(1..=60).contains(&value) {
                return Err(format!("orderflow.{key}: {value} is not within 1 to 60"));
            }
        }
        if i64::from(self.every_s) * 1_000_000_000 > i64::from(self.file_minutes) * MINUTE {
            return Err("orderflow.every_s: longer than a file".to_owned());
        }
        Ok(())
    }
}

/// `[archive]`: how long after the end of its month a family keeps its originals when
/// `mia archive --delete` asks to take them away, in days.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArchiveConfig {
    /// Option files; unusual activity is judged by up to twenty sessions of them.
    pub options_days: u32,
    /// Order flow.
    pub orderflow_days: u32,
    /// Trade records; `mia report` reads them.
    pub trades_days: u32,
}

impl Default for ArchiveConfig {
    fn default() -> ArchiveConfig {
        ArchiveConfig { options_days: 45, orderflow_days: 7, trades_days: 45 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_example_shows_the_defaults() {
        let text = include_str!("../cmd/example.toml");
        let begin = text.find("[orderflow]").expect("there");
        let end = text.find("# The cold path").expect("there");
        let open = |line: &str| match line.strip_prefix("# ") {
            Some(text) if text.contains(" = ") => format!("{text}\n"),
            _ => format!("{line}\n"),
        };
        let shown: String = text.get(begin..end).expect("in order").lines().map(open).collect();
        let config = Config::parse(&shown).expect("valid");
        assert_eq!(config.orderflow, Some(OrderflowConfig::default()));
        assert_eq!(config.archive, ArchiveConfig::default());
        assert_eq!(shown.matches(" = ").count(), 7, "every key: {shown}");
        assert_eq!(Config::default().orderflow, None, "without the table there are no files");
    }
}
