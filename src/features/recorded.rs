//! What recorded sessions know, as the features of a bar ask for it.

use super::close::{LargeSizes, Usual};
use crate::bars::{Bar, History};
use crate::book::Book;
use crate::calendar::Label;

/// The baseline of a symbol during one step of market time, where it has one.
pub(super) struct Recorded<'a> {
    /// The book, whose sizes are sampled at minute closes.
    pub(super) book: &'a Book,
}

impl Recorded<'_> {
    /// `n` bars closed, `bar` being the last.
    pub(super) fn bar(&mut self, _bar: &Bar, _n: u32) {}

    /// What is usual at the minute of `bar`.
    pub(super) fn usual(&self, _rth: bool, _bar: &Bar, _history: &History) -> Usual {
        Usual::default()
    }

    /// Rank of a five-minute ATR20.
    pub(super) fn atr_rank(&self, _rth: bool, _atr20: Option<f64>) -> Option<f64> {
        None
    }

    /// Rank of a realised volatility.
    pub(super) fn rv_rank(&self, _rth: bool, _rv: Option<f64>) -> Option<f64> {
        None
    }

    /// A five-minute ATR20 over its usual daily mean.
    pub(super) fn atr_ratio(&self, _rth: bool, _atr20: Option<f64>) -> Option<f64> {
        None
    }

    /// Sizes that are large under `label`.
    pub(super) fn sizes(&self, _label: Label) -> LargeSizes {
        LargeSizes::default()
    }
}
