//! Bytes of a source → [`Event`]: the only place where float prices and foreign times end.
//!
//! Each decoder leaves `seq` at 0; the sequencer stamps it. [`stream`] merges files by receive time
//! and injects Timers as `net` would have.

pub mod dbn;
pub mod dtc;
mod levels;
pub mod seam;
pub mod sierra;
pub mod stream;

use std::collections::VecDeque;

use crate::event::Event;
use crate::units::{QTY_MAX, Qty};

/// Something that yields events in the order of its receive times.
pub trait Source {
    /// Appends the next event, or the next few, to `out`; `false` at the end.
    ///
    /// # Errors
    /// [`FeedError`] where the bytes cannot be read on; what came before stays good.
    fn pull(&mut self, out: &mut VecDeque<Event>) -> Result<bool, FeedError>;

    /// What was skipped or refused so far.
    fn counters(&self) -> Counters;
}

/// What a feed skipped, refused or could not place; all 0 on clean input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages or records of a kind that this feed does not use.
    pub unused: u64,
    /// Messages of a number that the protocol tables do not know.
    pub unknown: u64,
    /// Messages for a symbol that nobody subscribed.
    pub unknown_symbol: u64,
    /// Prices that are no multiple of the tick: the increment is probably wrong.
    pub off_grid: u64,
    /// Sizes, prices, sides or times outside their range.
    pub invalid: u64,
    /// Cancels or changes of orders that are not in the book.
    pub unknown_orders: u64,
    /// Bars where single trades were expected.
    pub bars: u64,
    /// Bytes of an incomplete last record.
    pub partial_bytes: u64,
    /// Trades without an aggressor.
    pub unclassified: u64,
    /// Security definitions whose increment contradicts the configured tick: from then on the
    /// symbol's prices are refused.
    pub tick_mismatches: u64,
    /// Live trades that the warm-up may already hold, skipped.
    pub overlap: u64,
    /// What was said of orders, positions or balances of another account.
    pub other_account: u64,
}

impl Counters {
    /// Adds the counts of another source.
    pub fn add(&mut self, other: &Counters) {
        self.unused += other.unused;
        self.unknown += other.unknown;
        self.unknown_symbol += other.unknown_symbol;
        self.off_grid += other.off_grid;
        self.invalid += other.invalid;
        self.unknown_orders += other.unknown_orders;
        self.bars += other.bars;
        self.partial_bytes += other.partial_bytes;
        self.unclassified += other.unclassified;
        self.tick_mismatches += other.tick_mismatches;
        self.overlap += other.overlap;
        self.other_account += other.other_account;
    }
}

/// Why a feed cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedError {
    /// The file is not what its name says, or is damaged; the text says what and where.
    Format(String),
    /// A symbol has no tick size.
    NoTick(String),
}

impl std::fmt::Display for FeedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FeedError::Format(text) => f.write_str(text),
            FeedError::NoTick(symbol) => {
                write!(f, "the tick size of {symbol} is not known: give it with --tick SIZE")
            }
        }
    }
}

impl std::error::Error for FeedError {}

/// A float size as contracts: whole and within range, else `None`.
#[inline]
fn contracts(size: f64) -> Option<Qty> {
    // The conversion saturates and makes 0 of NaN, neither of which converts back to itself.
    let whole = size as Qty;
    (f64::from(whole) == size && whole <= QTY_MAX).then_some(whole)
}
