//! Session VWAP: `vwap_slope` (20), `vwap_position_z` (21), and the deviation bands.
//!
//! With x = price − first price in ticks, W = Σv, A = Σv·x, Q = Σv·x²: VWAP = p₀ + A/W and
//! σ² = Q/W − (A/W)², all sums exact integers. Slot 20 is the least-squares slope of VWAP over the
//! last ten bar closes in ticks a minute, over ATR₂₀, over 0.10; slot 21 is (close − VWAP)/σ over
//! two; both clipped to [−1, 1]. Update cost: O(1) a trade, O(10) a bar.

use super::frame::{Reason, Slot};
use crate::units::{Px, Qty};

/// Bars that the slope looks at.
const WINDOW: usize = 10;

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
        // |x| < 2³¹ and v < 2³¹: these sums hold 2³⁴ trades.
        self.w += v;
        self.a += v * x;
        self.q = self.q.saturating_add(v * x * x);
    }

    /// Contracts so far.
    #[must_use]
    pub const fn volume(&self) -> i128 {
        self.w
    }

    /// Mean price in ticks.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        let first = self.first?;
        (self.w > 0).then(|| f64::from(first.ticks()) + self.a as f64 / self.w as f64)
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

/// VWAP of one anchor with its values at the last bar closes.
#[derive(Clone, Debug, Default)]
pub struct Anchored {
    vwap: Vwap,
    /// Newest last.
    closes: [f64; WINDOW],
    count: usize,
}

impl Anchored {
    /// Adds a trade of an open session.
    pub fn trade(&mut self, px: Px, qty: Qty) {
        self.vwap.add(px, qty);
    }

    /// `n` bars closed, all at the present VWAP (more than one only where they were empty).
    pub fn close(&mut self, n: u32) {
        let Some(mean) = self.vwap.mean() else { return };
        for _ in 0..n.min(WINDOW as u32) {
            self.closes.copy_within(1.., 0);
            self.closes[WINDOW - 1] = mean;
            self.count = (self.count + 1).min(WINDOW);
        }
    }

    /// The running sums.
    #[must_use]
    pub const fn vwap(&self) -> &Vwap {
        &self.vwap
    }

    /// Slope of VWAP in ticks a bar over the last ten closes since the anchor.
    #[must_use]
    pub fn slope(&self) -> Option<f64> {
        if self.count < WINDOW {
            return None;
        }
        // Σ(x − x̄)·y / Σ(x − x̄)²; with n = 10 the divisor is 82.5.
        let middle = (WINDOW - 1) as f64 / 2.0;
        let (mut sum, mut square, mut x) = (0.0, 0.0, -middle);
        for y in self.closes {
            // Relative to the newest value, so that no digits are lost to the price itself.
            sum += x * (y - self.closes[WINDOW - 1]);
            square += x * x;
            x += 1.0;
        }
        Some(sum / square)
    }

    /// Slot 20.
    #[must_use]
    pub fn slope_slot(&self, atr20: Option<f64>) -> Slot {
        match (self.slope(), atr20) {
            (Some(slope), Some(atr)) if atr > 0.0 => {
                Slot::some((slope / atr / 0.10).clamp(-1.0, 1.0))
            }
            (Some(_), Some(_)) => Slot::none(Reason::ZeroDenominator),
            _ => Slot::none(Reason::Warmup),
        }
    }

    /// Slot 21 for a bar that closed at `close`.
    #[must_use]
    pub fn position_slot(&self, close: Px) -> Slot {
        if self.count < WINDOW {
            return Slot::none(Reason::Warmup);
        }
        match (self.vwap.mean(), self.vwap.deviation()) {
            (Some(mean), Some(sd)) if sd > 0.0 => {
                Slot::some(((f64::from(close.ticks()) - mean) / sd / 2.0).clamp(-1.0, 1.0))
            }
            _ => Slot::none(Reason::ZeroDenominator),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::{Atr, reference::r64};
    use proptest::prelude::*;

    #[test]
    fn golden_trades() {
        for p0 in [100, 6000] {
            let mut vwap = Vwap::default();
            for (px, qty) in [(0, 1), (1, 2), (3, 1)] {
                vwap.add(Px::clamped(p0 + px), qty);
            }
            assert_eq!(vwap.mean(), Some(p0 as f64 + 1.25));
            assert!((vwap.deviation().expect("volume") - 1.089_725).abs() < 1e-6);
        }
    }

    /// The series weights typical prices; times three they are whole ticks.
    #[test]
    fn golden_reference_series() {
        let (mut anchored, mut atr) = (Anchored::default(), Atr::<20>::default());
        let bars = r64();
        for bar in &bars {
            let typical = bar.high.ticks() + bar.low.ticks() + bar.close.ticks();
            let volume = u32::try_from(bar.volume).expect("small");
            anchored.trade(Px::clamped(i64::from(typical)), volume);
            anchored.close(1);
            atr.push(bar);
        }
        let third = |x: Option<f64>| x.expect("warm") / 3.0;
        assert!((third(anchored.vwap.mean()) - 24_064.197_373).abs() < 1e-6);
        assert!((third(anchored.vwap.deviation()) - 38.228_470).abs() < 1e-6);
        assert!((third(anchored.slope()) - 0.987_945).abs() < 1e-6);
        let tripled = atr.value().map(|a| a * 3.0);
        assert!((anchored.slope_slot(tripled).value().expect("warm") - 0.531_465).abs() < 1e-6);
        let close = bars.last().expect("bars").close.ticks() * 3;
        let slot = anchored.position_slot(Px::clamped(i64::from(close)));
        assert!((slot.value().expect("warm") - 0.677_540).abs() < 1e-6);
    }

    #[test]
    fn reasons() {
        let mut anchored = Anchored::default();
        assert_eq!(anchored.slope_slot(Some(1.0)).reason, Reason::Warmup);
        anchored.close(20);
        assert_eq!(anchored.count, 0, "no VWAP before a trade");
        anchored.trade(Px::clamped(5), 1);
        anchored.close(20);
        assert_eq!(anchored.slope_slot(None).reason, Reason::Warmup);
        assert_eq!(anchored.slope_slot(Some(2.0)).value(), Some(0.0));
        assert_eq!(anchored.slope_slot(Some(0.0)).reason, Reason::ZeroDenominator);
        assert_eq!(anchored.position_slot(Px::clamped(5)).reason, Reason::ZeroDenominator);
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
    }
}
