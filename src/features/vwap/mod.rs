//! Volume-weighted average price: `vwap_slope` (20), `vwap_position_z` (21), `vwap_trend_signal`
//! (22), bands, zones, events, and raw slopes over 1, 5, 15 and 60 minutes.
//!
//! Four anchors run side by side: Globex day (18:00 New York), cash session (09:30), week, month;
//! the slots read that of the active one at a bar's close. Each has VWAP = Σvp/Σv and the deviation
//! σ around it from exact integer sums ([`Vwap`]), bands at ±1σ to ±3σ, and a close's [`Zone`].
//! Slot 20 is the least-squares slope of VWAP over the last ten closes since the anchor in ticks a
//! minute, over ATR₂₀, over 0.10; slot 21 is z/2 with z = (close − VWAP)/σ; both clipped to
//! [−1, 1]. Slot 22 weighs slot 20 with 0.30, slot 21 with 0.25, the consistency of the last 20
//! closes against their own VWAP with 0.25 and swing structure with 0.20; it is in [−1, 1] as well.
//! The VWAP of the last 20 bars by typical price is there for compatibility with older charts.
//! VWAP and its bands are textbook, the weights own design. Update cost: O(1) a trade, whatever the
//! number of anchors; a bar close folds the minute into four sums and moves 61 points of each.

mod anchored;
mod sums;

pub use anchored::{Anchored, SPANS, Zone};
pub use sums::{OpenMinute, Vwap};

use super::close::Close;
use super::frame::Slot;
use crate::bars::History;
use crate::units::{Px, Qty};

/// Bars of the rolling VWAP.
const ROLLING: usize = 20;

/// Where a VWAP begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Anchor {
    /// The Globex day.
    Eth = 0,
    /// The cash session; stands still outside it.
    Rth = 1,
    /// The trading week.
    Week = 2,
    /// The month of trading days.
    Month = 3,
}

/// Every VWAP of one symbol.
#[derive(Clone, Debug, Default)]
pub struct Vwaps {
    open: OpenMinute,
    anchored: [Anchored; 4],
    rolling: Option<f64>,
}

impl Vwaps {
    /// Adds a trade of an open session.
    pub fn trade(&mut self, px: Px, qty: Qty) {
        self.open.add(px, qty);
    }

    /// An anchor is passed. The bar that ended there has been closed, and nothing of the next one
    /// has been added.
    pub fn anchor(&mut self, anchor: Anchor) {
        *self.anchored_mut(anchor) = Anchored::default();
    }

    /// A bar closed: its trades enter every sum, those of the cash session only where
    /// [`Close::rth`].
    pub fn close(&mut self, close: &Close<'_>) {
        let minute = std::mem::take(&mut self.open).total();
        self.each(close.rth, |anchored| {
            anchored.merge(&minute);
            anchored.push(close.bar, close.usual.rvol);
        });
        self.rolling = rolling(close.history);
    }

    /// `n` further empty bars closed: as `n` single closes, at the cost of at most 61.
    pub fn advance(&mut self, n: u32, close: &Close<'_>) {
        self.each(close.rth, |anchored| anchored.advance(n, close.bar, close.usual.rvol));
        self.rolling = rolling(close.history);
    }

    fn each(&mut self, rth: bool, mut apply: impl FnMut(&mut Anchored)) {
        let [eth, cash, week, month] = &mut self.anchored;
        apply(eth);
        if rth {
            apply(cash);
        }
        apply(week);
        apply(month);
    }

    fn anchored_mut(&mut self, anchor: Anchor) -> &mut Anchored {
        let [eth, rth, week, month] = &mut self.anchored;
        match anchor {
            Anchor::Eth => eth,
            Anchor::Rth => rth,
            Anchor::Week => week,
            Anchor::Month => month,
        }
    }

    /// The VWAP of one anchor at the last close.
    #[must_use]
    pub const fn at(&self, anchor: Anchor) -> &Anchored {
        let [eth, rth, week, month] = &self.anchored;
        match anchor {
            Anchor::Eth => eth,
            Anchor::Rth => rth,
            Anchor::Week => week,
            Anchor::Month => month,
        }
    }

    /// The VWAP of the active anchor at the last close.
    #[must_use]
    pub const fn active(&self, rth: bool) -> &Anchored {
        self.at(if rth { Anchor::Rth } else { Anchor::Eth })
    }

    /// The sums of one anchor with the minute that is still open; of the cash session only while
    /// it is open.
    #[must_use]
    pub fn live(&self, anchor: Anchor) -> Vwap {
        let mut live = *self.at(anchor).vwap();
        live.merge(&self.open.total());
        live
    }

    /// Slots 20, 21 and 22 of the active anchor at a close.
    #[must_use]
    pub fn slots(&self, close: &Close<'_>) -> [Slot; 3] {
        let active = self.active(close.rth);
        [
            active.slope_slot(close.atr20),
            active.position_slot(close.bar.close),
            active.trend_slot(close.bar.close, close.atr20, close.structure),
        ]
    }

    /// VWAP in ticks of the last 20 bars, each by its typical price (high + low + close)/3; over
    /// any anchor. `None` below 20 bars or without volume.
    #[must_use]
    pub const fn rolling(&self) -> Option<f64> {
        self.rolling
    }
}

fn rolling(history: &History) -> Option<f64> {
    let base = history.ago(ROLLING - 1)?.close;
    let (mut volume, mut sum) = (0_i128, 0_i128);
    for bar in history.last(ROLLING) {
        let x = [bar.high, bar.low, bar.close].into_iter().map(|p| i128::from(p.minus(base)));
        volume += i128::from(bar.volume);
        sum += i128::from(bar.volume) * x.sum::<i128>();
    }
    (volume > 0).then(|| f64::from(base.ticks()) + sum as f64 / 3.0 / volume as f64)
}

#[cfg(test)]
mod tests;
