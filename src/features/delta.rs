//! Aggressor volume: `delta_ratio` (13), `cvd_slope_z` (14) and the cumulative volume delta.
//!
//! δ of a bar is buy minus sell aggressor volume; CVD is its sum since an anchor, one instance for
//! the Globex day (18:00 New York) and one for the cash session (09:30). Integers throughout.
//! Update cost: O(1) a trade, O(20) a bar.

use super::frame::{Reason, Slot};
use crate::bars::Bar;
use crate::units::{Aggressor, Qty};

/// Bars of the slope window.
const WINDOW: usize = 20;

/// CVD of one anchor with its values at the last bar closes.
#[derive(Clone, Debug, Default)]
struct Anchored {
    cvd: i64,
    /// CVD at the last closes, oldest first; at most [`WINDOW`].
    closes: [i64; WINDOW],
    count: usize,
}

impl Anchored {
    fn push(&mut self) {
        if self.count == WINDOW {
            self.closes.copy_within(1.., 0);
        } else {
            self.count += 1;
        }
        if let Some(last) = self.closes.get_mut(self.count - 1) {
            *last = self.cvd;
        }
    }

    /// Least-squares slope over the window, in contracts a bar.
    fn slope(&self) -> Option<f64> {
        (self.count == WINDOW).then(|| slope(&self.closes))
    }
}

/// Least-squares slope of equally spaced integers; exact until the last division.
fn slope(y: &[i64]) -> f64 {
    let n = i128::try_from(y.len()).unwrap_or(0);
    let (mut sum_y, mut sum_xy, mut x) = (0_i128, 0_i128, 0_i128);
    for &value in y {
        sum_y += i128::from(value);
        sum_xy += x * i128::from(value);
        x += 1;
    }
    let sum_x = n * (n - 1) / 2;
    let sum_xx = (n - 1) * n * (2 * n - 1) / 6;
    (n * sum_xy - sum_x * sum_y) as f64 / (n * sum_xx - sum_x * sum_x) as f64
}

/// State of features 13 and 14.
#[derive(Clone, Debug, Default)]
pub struct Delta {
    eth: Anchored,
    rth: Anchored,
    /// Ring of the last bars' (volume, classified volume) for the share of unclassified trades.
    recent: [(i64, i64); WINDOW],
    next: usize,
}

impl Delta {
    /// Adds a trade of an open session.
    pub fn trade(&mut self, qty: Qty, aggressor: Aggressor) {
        let signed = aggressor.sign() * i64::from(qty);
        self.eth.cvd = self.eth.cvd.saturating_add(signed);
        self.rth.cvd = self.rth.cvd.saturating_add(signed);
    }

    /// A new Globex day begins.
    pub fn anchor_eth(&mut self) {
        self.eth = Anchored::default();
    }

    /// The cash session opens.
    pub fn anchor_rth(&mut self) {
        self.rth = Anchored::default();
    }

    /// A bar closed.
    pub fn close(&mut self, bar: &Bar) {
        self.eth.push();
        self.rth.push();
        if let Some(slot) = self.recent.get_mut(self.next) {
            *slot = (bar.volume, bar.buy + bar.sell);
        }
        self.next = (self.next + 1) % WINDOW;
    }

    /// `n` empty bars closed.
    pub fn advance(&mut self, n: u32) {
        let empty = Bar::default();
        for _ in 0..n.min(WINDOW as u32) {
            self.close(&empty);
        }
    }

    /// Feature 13 after `bar` closed: δ/V in [−1, 1].
    #[must_use]
    pub fn ratio(bar: &Bar) -> Slot {
        if bar.volume == 0 {
            Slot::none(Reason::ZeroDenominator)
        } else if bar.mostly_unclassified() {
            Slot::none(Reason::InvalidInput)
        } else {
            Slot::some(bar.delta() as f64 / bar.volume as f64)
        }
    }

    /// Feature 14: the slope of CVD against the same minute of recorded sessions. Without a
    /// baseline there is nothing to compare with, so it is `WARMUP` (a baseline store is not read
    /// yet); the raw slope is [`Delta::slope`].
    #[must_use]
    pub fn slope_z(&self) -> Slot {
        let (all, classified) =
            self.recent.iter().fold((0_i64, 0_i64), |(v, c), b| (v + b.0, c + b.1));
        if (all - classified) * 10 > all {
            Slot::none(Reason::InvalidInput)
        } else {
            Slot::none(Reason::Warmup)
        }
    }

    /// Slope of CVD over the last 20 bars since the active anchor, contracts a bar.
    #[must_use]
    pub fn slope(&self, rth: bool) -> Option<f64> {
        if rth { self.rth.slope() } else { self.eth.slope() }
    }

    /// CVD since the active anchor, in contracts.
    #[must_use]
    pub fn cvd(&self, rth: bool) -> i64 {
        if rth { self.rth.cvd } else { self.eth.cvd }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::reference::r64;

    #[test]
    fn golden() {
        let bars = r64();
        let mut delta = Delta::default();
        for bar in &bars {
            delta.trade(u32::try_from(bar.buy).expect("small"), Aggressor::Buy);
            delta.trade(u32::try_from(bar.sell).expect("small"), Aggressor::Sell);
            delta.close(bar);
        }
        assert!((delta.slope(false).expect("warm") + 15.320_301).abs() < 1e-6);
        let last = bars.last().expect("bars");
        assert!((Delta::ratio(last).value().expect("volume") + 0.200_815).abs() < 1e-6);
        assert_eq!(delta.slope_z().reason, Reason::Warmup);
    }

    #[test]
    fn unclassified_trades_invalidate() {
        let bar = Bar { volume: 100, buy: 50, sell: 39, ..Bar::default() };
        assert_eq!(Delta::ratio(&bar).reason, Reason::InvalidInput);
        assert_eq!(Delta::ratio(&Bar::default()).reason, Reason::ZeroDenominator);
        let mut delta = Delta::default();
        delta.close(&bar);
        assert_eq!(delta.slope_z().reason, Reason::InvalidInput);
    }

    #[test]
    fn anchors_and_empty_minutes() {
        let mut delta = Delta::default();
        delta.trade(5, Aggressor::Buy);
        delta.anchor_rth();
        delta.trade(2, Aggressor::Sell);
        assert_eq!((delta.cvd(false), delta.cvd(true)), (3, -2));
        let mut twin = delta.clone();
        delta.advance(1000);
        (0..1000).for_each(|_| twin.advance(1));
        assert_eq!(delta.slope(false), twin.slope(false));
        assert_eq!(delta.slope(false), Some(0.0));
    }
}
