//! What other programs read of the market: one record a second, as files of five minutes.
//!
//! ```text
//! TREE/snapshots/orderflow/es_orderflow_YYYYMMDD/es_tick_data_HHMMSS.json
//!                                                es_dom_HHMMSS.json
//!                                                es_patterns_HHMMSS.json
//!                          vix_data_YYYYMMDD.json
//!                          manifest_orderflow_YYYYMMDD.json
//! ```
//!
//! TREE is DATA for live, `DATA/paper` and `DATA/replay` for the others; YYYYMMDD is the trade
//! date, HHMMSS the UTC time of the first record. A file is a JSON array with one record a line:
//! `orderflow` (price, flow and features; ten levels; or patterns), `volatility` (VIX with its own
//! source, time and age), `timestamp` (market time), `source`, then the header that all records
//! have. What has no value is null; `cells` counts the required ones.
//!
//! These are exports: the event journal holds the market, and a replay never reads them.
//! [`Sampler`] takes a [`Snapshot`] where the market is, [`FlowWriter`] writes it elsewhere. While
//! a file grows it is a hidden part, a line a second, on disk within a second; at its end it
//! becomes the array, whole or not at all. Parts that a crash left are finished at the next start.

mod book;
mod gauges;
mod part;
mod record;
mod snapshot;
#[cfg(test)]
mod tests;
mod volatility;
mod writer;

use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::store::options::folders::{Mode, compact};
use crate::store::quality::Completeness;
use crate::units::{Instrument, MINUTE, SECOND};

pub use gauges::Feed;
pub use snapshot::{DomPart, Flow, Sampler, Side10, Snapshot};
pub use writer::FlowWriter;

/// Value of `schema`.
pub const SCHEMA: &str = "orderflow";
/// Value of `schema_version`.
pub const SCHEMA_VERSION: u32 = 1;
/// The three files of a window, in the order of their columns in a part.
pub const KINDS: [&str; 3] = ["tick_data", "dom", "patterns"];
/// Values of `record_type` in them.
pub const RECORD_TYPES: [&str; 3] = ["TICK_DATA", "DOM", "PATTERNS"];

/// How a run writes.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Least receive time between two records of a symbol or of VIX, ns.
    pub every_ns: i64,
    /// Length of a file, ns; files begin at multiples of it.
    pub file_ns: i64,
    /// Symbols whose feed is asked for a book, by symbol id.
    pub depth: Vec<bool>,
    /// Delay class of index values that a provider gives.
    pub index_delay: &'static str,
}

impl Plan {
    /// A record each `every_s` seconds, a file each `file_minutes` minutes.
    #[must_use]
    pub fn new(every_s: u32, file_minutes: u32) -> Plan {
        let (every_ns, file_ns) = (i64::from(every_s) * SECOND, i64::from(file_minutes) * MINUTE);
        Plan { every_ns, file_ns, depth: Vec::new(), index_delay: "realtime" }
    }
}

/// What a run wrote.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// Records, over all files.
    pub records: u64,
    /// Files.
    pub files: u64,
    /// Required cells of the records and those with a value.
    pub cells: Completeness,
    /// Gauges of each symbol's feed, once the run has ended.
    pub feeds: Vec<Feed>,
    /// What should be looked at: parts of earlier runs, files that are not complete enough.
    pub warnings: Vec<String>,
}

/// The folder of one mode's order flow under a data folder.
#[must_use]
pub fn folder(data: &Path, mode: Mode) -> PathBuf {
    mode.tree(data).join("orderflow")
}

/// `es_orderflow_YYYYMMDD`.
#[must_use]
pub fn day_folder(prefix: &str, day: Date) -> String {
    format!("{prefix}_orderflow_{}", compact(day))
}

/// `vix_data_YYYYMMDD.json`.
#[must_use]
pub fn vix_file(day: Date) -> String {
    format!("vix_data_{}.json", compact(day))
}

/// How the names of each symbol's files begin: its root in lower case, such as `es`. A second
/// contract of a root has its whole name, so that no two share a folder.
#[must_use]
pub fn prefixes(instruments: &[Instrument]) -> Vec<String> {
    let plain = |text: &str| -> String {
        let kept = text.chars().filter(char::is_ascii_alphanumeric);
        kept.map(|c| c.to_ascii_lowercase()).collect()
    };
    let mut all: Vec<String> = Vec::new();
    for (at, instrument) in instruments.iter().enumerate() {
        let names = [plain(&instrument.root), plain(&instrument.symbol), format!("symbol{at}")];
        let free = names.into_iter().find(|name| !name.is_empty() && !all.contains(name));
        all.push(free.unwrap_or_else(|| format!("symbol{at}x")));
    }
    all
}
