//! The running sums behind every VWAP: [`Vwap`] for any stretch, [`OpenMinute`] for the trades of
//! the minute that is still open.
//!
//! With x = price − first price in ticks, W = Σv, A = Σv·x, Q = Σv·x²: VWAP = p₀ + A/W and
//! σ² = Q/W − (A/W)², all sums exact integers, so that it does not matter in which parts they were
//! taken. Cost: O(1) a trade; an open minute needs 64-bit sums only, whatever the number of
//! anchors that read it later.

use crate::units::{Px, Qty};

/// Volume-weighted mean and deviation of prices since an anchor.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vwap {
    first: Option<Px>,
    w: i128,
    a: i128,
    q: i128,
}

impl Vwap {
    /// Adds a trade.
    pub fn add(&mut self, px: Px, qty: Qty) {
        let first = *self.first.get_or_insert(px);
        let (x, v) = (i128::from(px.minus(first)), i128::from(qty));
        // |x| < 2³¹ and v < 2³²: these sums hold 2⁶⁴ trades.
        self.w += v;
        self.a += v * x;
        self.q = self.q.saturating_add(v * x * x);
    }

    /// Adds every trade of `other`. A shift by d turns Σv·x into A + d·W and Σv·x² into
    /// Q + 2d·A + d²·W; with |d| < 2³¹ all of it is exact up to 2⁶² contracts, and saturates
    /// beyond.
    pub fn merge(&mut self, other: &Vwap) {
        let Some(base) = other.first else { return };
        let first = *self.first.get_or_insert(base);
        let d = i128::from(base.minus(first));
        let shift = d.saturating_mul(other.w);
        let cross = d.saturating_mul(other.a).saturating_mul(2);
        self.w = self.w.saturating_add(other.w);
        self.a = self.a.saturating_add(other.a).saturating_add(shift);
        let square = other.q.saturating_add(cross).saturating_add(d.saturating_mul(shift));
        self.q = self.q.saturating_add(square);
    }

    /// Contracts so far.
    #[must_use]
    pub const fn volume(&self) -> i128 {
        self.w
    }

    /// Mean price in ticks.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        Some(f64::from(self.first?.ticks()) + self.offset()?)
    }

    /// Mean price less the first price, in ticks: what keeps its digits, and negates exactly where
    /// the market is reflected.
    #[must_use]
    pub fn offset(&self) -> Option<f64> {
        (self.w > 0).then(|| self.a as f64 / self.w as f64)
    }

    /// `px` less the mean price, in ticks.
    #[must_use]
    pub fn above(&self, px: Px) -> Option<f64> {
        Some(f64::from(px.minus(self.first?)) - self.offset()?)
    }

    /// Sign of `px` less the mean price, decided in integers.
    #[must_use]
    pub fn side(&self, px: Px) -> Option<i8> {
        let x = i128::from(px.minus(self.first?));
        // |x| < 2³¹, so only sums that left all sense saturate.
        let sign = x.saturating_mul(self.w).saturating_sub(self.a).signum();
        (self.w > 0).then_some(sign as i8)
    }

    /// Volume-weighted standard deviation in ticks; `None` without volume or where the sums leave
    /// 128 bits.
    #[must_use]
    pub fn deviation(&self) -> Option<f64> {
        if self.w == 0 {
            return None;
        }
        let square = self.q.checked_mul(self.w)?.checked_sub(self.a.checked_mul(self.a)?)?;
        let w = self.w as f64;
        Some((square.max(0) as f64).sqrt() / w)
    }
}

/// Sums of the open minute in 64 bits, relative to a price of that minute.
///
/// v·x never overflows: v < 2³² and |x| < 2³¹. Every other step is checked; where one fails, the
/// sums so far move to 128 bits and the trade begins new ones at its own price, where x = 0 and
/// nothing can overflow. So no minute, of any prices, sizes and number of trades, is inexact.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenMinute {
    base: Px,
    w: i64,
    a: i64,
    q: i64,
    moved: Vwap,
}

impl OpenMinute {
    /// Adds a trade.
    pub fn add(&mut self, px: Px, qty: Qty) {
        if self.w == 0 {
            self.base = px;
        }
        let (x, v) = (i64::from(px.minus(self.base)), i64::from(qty));
        let vx = v * x;
        let sums = (
            self.w.checked_add(v),
            self.a.checked_add(vx),
            vx.checked_mul(x).and_then(|square| self.q.checked_add(square)),
        );
        if let (Some(w), Some(a), Some(q)) = sums {
            (self.w, self.a, self.q) = (w, a, q);
        } else {
            self.moved.merge(&self.sums());
            (self.base, self.w, self.a, self.q) = (px, v, 0, 0);
        }
    }

    fn sums(&self) -> Vwap {
        let wide = i128::from;
        let first = (self.w > 0).then_some(self.base);
        Vwap { first, w: wide(self.w), a: wide(self.a), q: wide(self.q) }
    }

    /// The minute as it stands.
    #[must_use]
    pub fn total(&self) -> Vwap {
        let mut total = self.moved;
        total.merge(&self.sums());
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::QTY_MAX;
    use proptest::prelude::*;

    #[test]
    fn golden_trades() {
        for p0 in [100, 6000] {
            let (mut vwap, mut open) = (Vwap::default(), OpenMinute::default());
            for (px, qty) in [(0, 1), (1, 2), (3, 1)] {
                vwap.add(Px::clamped(p0 + px), qty);
                open.add(Px::clamped(p0 + px), qty);
            }
            for vwap in [vwap, open.total()] {
                let (mean, sd) = (vwap.mean().expect("volume"), vwap.deviation().expect("volume"));
                assert_eq!(mean, p0 as f64 + 1.25);
                assert!((sd - 1.089_725).abs() < 1e-6);
                assert!((mean - sd - (p0 as f64 + 0.160_275)).abs() < 1e-6);
                assert!((mean + 2.0 * sd - (p0 as f64 + 3.429_449)).abs() < 1e-6);
                assert_eq!(vwap.side(Px::clamped(p0 + 1)), Some(-1));
                assert_eq!(vwap.above(Px::clamped(p0 + 3)), Some(1.75));
            }
        }
        assert_eq!((Vwap::default().mean(), Vwap::default().side(Px::ZERO)), (None, None));
    }

    fn trade() -> impl Strategy<Value = (i64, u32)> {
        prop_oneof![
            8 => (-9000_i64..9000, 0_u32..500),
            1 => (-(1_i64 << 30)..(1 << 30), 0..=QTY_MAX),
        ]
    }

    proptest! {
        /// The running sums equal a second pass over the trades.
        #[test]
        fn equals_recomputation(
            trades in prop::collection::vec((-9000_i64..9000, 1_u32..500), 1..200),
        ) {
            let mut vwap = Vwap::default();
            trades.iter().for_each(|&(px, qty)| vwap.add(Px::clamped(px), qty));
            let w: f64 = trades.iter().map(|t| f64::from(t.1)).sum();
            let mean = trades.iter().map(|t| t.0 as f64 * f64::from(t.1)).sum::<f64>() / w;
            let square = |t: &(i64, u32)| (t.0 as f64 - mean).powi(2) * f64::from(t.1);
            let sd = (trades.iter().map(square).sum::<f64>() / w).sqrt();
            prop_assert!((vwap.mean().unwrap() - mean).abs() < 1e-9 * mean.abs().max(1.0));
            prop_assert!((vwap.deviation().unwrap() - sd).abs() < 1e-7 * sd.max(1.0));
        }

        /// Minutes in 64 bits and their merging lose nothing, at any price and size.
        #[test]
        fn minutes_equal_single_trades(
            minutes in prop::collection::vec(prop::collection::vec(trade(), 0..30), 1..8),
        ) {
            let (mut merged, mut single) = (Vwap::default(), Vwap::default());
            for minute in &minutes {
                let mut open = OpenMinute::default();
                for &(px, qty) in minute {
                    open.add(Px::clamped(px), qty);
                    // A trade of no contracts is none; the first price must be that of a real one.
                    if qty > 0 {
                        single.add(Px::clamped(px), qty);
                    }
                }
                merged.merge(&open.total());
                prop_assert_eq!(merged.first, single.first);
                prop_assert_eq!((merged.w, merged.a, merged.q), (single.w, single.a, single.q));
            }
        }
    }
}
