//! What recorded sessions know, as the features of a bar ask for it.

use super::baseline::Running;
use super::close::{LargeSizes, Usual};
use crate::bars::{Bar, History};
use crate::book::Book;
use crate::calendar::Label;

/// Bars of the set whose volume is compared.
const SET: usize = 5;

/// The baseline of a symbol during one step of market time, where it has one.
pub(super) struct Recorded<'a> {
    pub(super) running: Option<&'a mut Running>,
    /// The book, whose sizes are sampled at minute closes.
    pub(super) book: &'a Book,
}

impl Recorded<'_> {
    /// `n` bars closed, `bar` being the last.
    pub(super) fn bar(&mut self, bar: &Bar, n: u32) {
        if let Some(running) = &mut self.running {
            running.recorder_mut().bar(bar, n, self.book);
        }
    }

    /// What is usual for `bar`, the newest of `history`.
    pub(super) fn usual(&self, rth: bool, bar: &Bar, history: &History) -> Usual {
        let Some(running) = &self.running else { return Usual::default() };
        let five = history.last(SET).fold(0_i64, |sum, b| sum.saturating_add(b.volume));
        running.usual(rth, bar, five)
    }

    /// Rank of a five-minute ATR20 among recorded ones, in [0, 1].
    pub(super) fn atr_rank(&self, rth: bool, atr20: Option<f64>) -> Option<f64> {
        self.running.as_ref()?.baseline().atr_percentile(rth, atr20?)
    }

    /// Rank of a realised volatility among recorded ones, in [0, 1].
    pub(super) fn rv_rank(&self, rth: bool, rv: Option<f64>) -> Option<f64> {
        self.running.as_ref()?.baseline().rv_percentile(rth, rv?)
    }

    /// A five-minute ATR20 over its usual daily mean.
    pub(super) fn atr_ratio(&self, rth: bool, atr20: Option<f64>) -> Option<f64> {
        self.running.as_ref()?.baseline().atr_ratio(rth, atr20?)
    }

    /// Usual daily realised volatility.
    pub(super) fn target_rv(&self, rth: bool) -> Option<f64> {
        self.running.as_ref()?.baseline().target_rv(rth)
    }

    /// Usual contracts from 18:00 New York to the cash session.
    pub(super) fn premarket(&self) -> Option<f64> {
        self.running.as_ref()?.baseline().premarket()
    }

    /// Sizes that are large under `label`.
    pub(super) fn sizes(&self, label: Label) -> LargeSizes {
        let running = self.running.as_ref();
        running.map_or_else(LargeSizes::default, |r| r.baseline().large_sizes(label))
    }
}
