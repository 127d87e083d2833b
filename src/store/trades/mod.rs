//! What trading leaves on disk: records as JSON Lines, the day's performance, rows for learning.
//!
//! ```text
//! TREE/snapshots/trades/trades_YYYYMMDD.json             one record a line, never edited
//!                       performance_daily_YYYYMMDD.json  what the day comes to
//!                       ml_features_YYYYMMDD.csv         features at the decision, y_ what came
//!                       ml_features_YYYYMMDD.parquet     the same
//!                       manifest_trades_YYYYMMDD.json    bytes and SHA-256 of the others
//! ```
//!
//! TREE is DATA for live, `DATA/paper` and `DATA/replay` for the others; YYYYMMDD is the trade
//! date. [`TradeWriter`] turns [`Note`](crate::trader::note::Note)s into records: every decision
//! edge gives PRE_ANALYSIS, MICROSTRUCTURE and DECISION, every execution EXECUTION and, one second
//! later, a correction of it that knows the impact, every change of a position POSITION_UPDATE and
//! in a run of several symbols CORRELATION_UPDATE, a round trip FINAL_RESULT and, an hour later,
//! POST_TRADE_ANALYSIS. `schemas/trades-1.json` says the fields. One without a value is null and
//! its reason stands under `missing`. [`read`] reads the lines back, [`Collector`] gathers the same
//! statistics without files.

mod append;
mod collect;
mod daily;
mod groups;
pub mod ml;
pub mod read;
#[cfg(test)]
pub(crate) mod synthetic;
mod value;
mod writer;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use jiff::civil::Date;
use sha2::{Digest, Sha256};

use crate::decision::News;
use crate::features::CATALOGUE;
use crate::store::lock::Lock;
use crate::store::options::folders::{Mode, compact};
use crate::units::Instrument;

pub use collect::Collector;
pub use daily::{Performance, close_day};
pub use read::{Kind, Loaded, Sample};
pub use writer::{TradeWriter, Written};

/// Value of `schema`.
pub const SCHEMA: &str = "trades";
/// Value of `schema_version`.
pub const SCHEMA_VERSION: u32 = 1;

/// Value of `delay_class` of a made-up market.
pub const SIMULATED: &str = "simulated";

/// Name of the lock file in a folder.
const LOCK: &str = ".lock";

/// What every record of a run says alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Distinguishes the runs of a day: record ids begin with it.
    pub run: String,
    /// Which tree, and the value of `mode`.
    pub mode: Mode,
    /// Where the market data came from.
    pub source: String,
    /// `realtime`, `delayed-15` where the configuration says so of a source, `simulated` or
    /// `replay`: nothing that trades is of the end of a day.
    pub delay_class: String,
    /// Hash of what the configuration decides by: see
    /// [`Setup::config_hash`](crate::runtime::setup::Setup::config_hash).
    pub config_hash: String,
    /// Name of the weights.
    pub preset: String,
    /// Least coverage of the preset.
    pub coverage_floor: f64,
    /// Version of the program.
    pub build: String,
    /// Tier-1 events.
    pub news: News,
    /// By symbol id.
    pub instruments: Vec<Instrument>,
}

impl Header {
    /// Makes `folder` and takes it for this process.
    ///
    /// # Errors
    /// With the path: another process writes there, it cannot be made, or made-up data would come
    /// under the real tree.
    pub(super) fn take(&self, folder: &Path) -> Result<Lock> {
        let named = || folder.display().to_string();
        let real = self.mode == Mode::Live;
        ensure!(!(self.is_simulated() && real), "{}: simulated data do not go there", named());
        std::fs::create_dir_all(folder).with_context(named)?;
        let taken = "another run writes into this folder; give one of them another one";
        Ok(Lock::take_if_known(&folder.join(LOCK), taken)?)
    }

    /// Whether the market was made up: then there is no performance file.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        self.delay_class == SIMULATED
    }
}

/// Name of a mode in records.
#[must_use]
pub const fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Live => "live",
        Mode::Paper => "paper",
        Mode::Replay => "replay",
    }
}

/// The folder of one mode's trades under a data folder.
#[must_use]
pub fn folder(data: &Path, mode: Mode) -> PathBuf {
    mode.tree(data).join("trades")
}

/// `trades_YYYYMMDD.json`.
#[must_use]
pub fn trades_file(day: Date) -> String {
    format!("trades_{}.json", compact(day))
}

/// `performance_daily_YYYYMMDD.json`.
#[must_use]
pub fn performance_file(day: Date) -> String {
    format!("performance_daily_{}.json", compact(day))
}

/// `ml_features_YYYYMMDD.csv`.
#[must_use]
pub fn ml_file(day: Date) -> String {
    format!("ml_features_{}.csv", compact(day))
}

/// `manifest_trades_YYYYMMDD.json`.
#[must_use]
pub fn manifest_file(day: Date) -> String {
    format!("manifest_trades_{}.json", compact(day))
}

/// SHA-256 over number, name and range of the 28 features: what a row of them means.
#[must_use]
pub fn feature_schema_hash() -> String {
    let mut hash = Sha256::new();
    for entry in &CATALOGUE {
        let line = format!("{}:{}:{}:{}\n", entry.number, entry.name, entry.low, entry.high);
        hash.update(line.as_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_a_contract() {
        let day = jiff::civil::date(2026, 1, 14);
        assert_eq!(trades_file(day), "trades_20260114.json");
        assert_eq!(performance_file(day), "performance_daily_20260114.json");
        assert_eq!(ml_file(day), "ml_features_20260114.csv");
        assert_eq!(manifest_file(day), "manifest_trades_20260114.json");
        let at = |mode| folder(Path::new("data"), mode).to_string_lossy().replace('\\', "/");
        assert_eq!(at(Mode::Live), "data/snapshots/trades");
        assert_eq!(at(Mode::Paper), "data/paper/snapshots/trades");
        assert_eq!(at(Mode::Replay), "data/replay/snapshots/trades");
        // A hash that changes without the features having changed would refuse every old row.
        assert_eq!(feature_schema_hash().len(), 64);
        assert_eq!(feature_schema_hash(), feature_schema_hash());
    }
}
