//! What one run of a backtest came to, and how it is kept: a file of one set on one input, so that
//! a backtest that was stopped goes on where it was.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::analytics::{Inputs, Trip};
use crate::order::Gate;
use crate::store::staged;

/// Version of the file; others are computed again.
const VERSION: u32 = 3;

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunResult {
    /// See [`VERSION`].
    pub(super) version: u32,
    /// Input files as they were named.
    pub(super) file: String,
    /// What of the input is missing at its end, where it is not whole.
    pub(super) cut: Option<String>,
    /// What else makes its numbers doubtful, in sentences.
    pub(super) doubts: Vec<String>,
    /// Number of the set, from 0.
    pub(super) set: usize,
    /// What the set changes.
    pub(super) label: String,
    /// `live`, `paper` or `replay`.
    pub(super) mode: String,
    /// Preset.
    pub(super) preset: String,
    /// Whether the market was made up.
    pub(super) simulated: bool,
    /// Hash of everything that reaches the core and is no event.
    pub(super) state_hash: String,
    /// Digest of all frames, signals, commands and fills.
    pub(super) digest: String,
    /// Market events.
    pub(super) events: u64,
    /// Trade dates (days since 1970-01-01) on which the market was open, in order.
    pub(super) days: Vec<i32>,
    /// Edges of the score, long and short: signals and those that lacked coverage.
    pub(super) edges: [u64; 2],
    /// Refusals by gate, in the order of [`Gate::ALL`].
    pub(super) vetoes: Vec<u64>,
    /// Refusals for size in which contracts of the small sister would have fitted.
    pub(super) micro: u64,
    /// Entries that were sent, long and short.
    pub(super) entries: [u64; 2],
    /// Executions.
    pub(super) fills: u64,
    /// Frames by score, in bins of one point from 0; the last holds 100.
    pub(super) scores: Vec<u64>,
    /// Frames whose coverage was below the floor.
    pub(super) uncovered: u64,
    /// First equity that was known, USD.
    pub(super) equity_usd: Option<f64>,
    /// Greatest fall of the equity from a peak, open positions included, USD.
    pub(super) drawdown_usd: f64,
    /// Round trips in order.
    pub(super) trades: Vec<TradeRow>,
    /// Contracts that were still open at the end, whichever way they stood.
    pub(super) open: u64,
    /// What stands in no number, in sentences.
    pub(super) unfinished: Vec<String>,
    /// What else a report asks for; its days and what was compared are empty.
    pub(super) inputs: Inputs,
}

/// One round trip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TradeRow {
    /// What a report reads of it.
    pub(super) trip: Trip,
    /// Symbol of the run.
    pub(super) symbol: String,
    /// +1 long, −1 short.
    pub(super) side: i8,
    /// Market time of the first entry fill, Unix ns.
    pub(super) entry_ns: i64,
    /// Trade date of the entry, days since 1970-01-01.
    pub(super) entry_day: i32,
    /// Average prices of entry and exit in points.
    pub(super) prices: [f64; 2],
    /// Score of the decision; `None` where another run made it.
    pub(super) score: Option<f64>,
}

impl RunResult {
    /// An empty result.
    #[must_use]
    pub(super) fn new() -> RunResult {
        RunResult {
            version: VERSION,
            file: String::new(),
            cut: None,
            doubts: Vec::new(),
            set: 0,
            label: String::new(),
            mode: String::new(),
            preset: String::new(),
            simulated: false,
            state_hash: String::new(),
            digest: String::new(),
            events: 0,
            days: Vec::new(),
            edges: [0; 2],
            vetoes: vec![0; Gate::ALL.len()],
            micro: 0,
            entries: [0; 2],
            fills: 0,
            scores: vec![0; 101],
            uncovered: 0,
            equity_usd: None,
            drawdown_usd: 0.0,
            trades: Vec::new(),
            open: 0,
            unfinished: Vec::new(),
            inputs: Inputs::default(),
        }
    }

    /// Sum of the net profits, USD.
    #[must_use]
    pub(super) fn net_usd(&self) -> f64 {
        self.trades.iter().map(|t| t.trip.net_usd()).sum()
    }

    /// R-multiples of the trades that have one.
    #[must_use]
    pub(super) fn rs(&self) -> Vec<f64> {
        self.trades.iter().filter_map(|t| t.trip.r).collect()
    }

    /// Net profit of each day in [`RunResult::days`], by the trade date of the exit.
    #[must_use]
    pub(super) fn daily_usd(&self) -> Vec<f64> {
        let of = |day: &i32| {
            let trades = self.trades.iter().filter(|t| t.trip.day == *day);
            trades.map(|t| t.trip.net_usd()).sum()
        };
        self.days.iter().map(of).collect()
    }
}

/// The folder of finished runs.
#[derive(Clone, Debug)]
pub(super) struct Finished {
    folder: PathBuf,
}

impl Finished {
    /// The folder `runs` below `folder`; it is made where it is missing.
    ///
    /// # Errors
    /// With the path.
    pub(super) fn open(folder: &Path) -> Result<Finished> {
        let folder = folder.join("runs");
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(Finished { folder })
    }

    fn path(&self, key: u64) -> PathBuf {
        self.folder.join(format!("{key:016x}.json"))
    }

    /// The result of a run that was finished before, `None` where there is none or it cannot be
    /// read: then the run is made again.
    #[must_use]
    pub(super) fn get(&self, key: u64) -> Option<RunResult> {
        let mut bytes = std::fs::read(self.path(key)).ok()?;
        let result: RunResult = simd_json::from_slice(&mut bytes).ok()?;
        (result.version == VERSION).then_some(result)
    }

    /// Keeps a result, whole or not at all.
    ///
    /// # Errors
    /// With the path where it cannot be written.
    pub(super) fn put(&self, key: u64, result: &RunResult) -> Result<()> {
        let path = self.path(key);
        let bytes = simd_json::to_vec(result).with_context(|| path.display().to_string())?;
        Ok(staged::write(&path, &bytes)?)
    }
}
