//! Aggressor volume: `delta_ratio` (13), `cvd_slope_z` (14), the cumulative volume delta, and the
//! z-score of a bar's δ.
//!
//! δ of a bar is buy minus sell aggressor volume; CVD is its sum since an anchor, one instance for
//! the Globex day (18:00 New York) and one for the cash session (09:30). Slot 13 is δ/V of the
//! bar, in [−1, 1]. Slot 14 compares m, the least-squares slope of CVD over the last 20 closes
//! since the active anchor in contracts a bar, with the same minute of recorded sessions:
//! clip((m − mean)/sd/3, −1, 1). The z-score of δ is a diagnostic without bounds. Integers up to
//! the last division. Own design after the usual practice of order-flow charts. Update cost: O(1)
//! a trade, O(20) a bar.

use super::close::Usual;
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

/// Distance of `x` from what is usual in deviations, before any clip.
fn score(x: f64, usual: Option<(f64, f64)>) -> Result<f64, Reason> {
    let (mean, sd) = usual.ok_or(Reason::Warmup)?;
    if sd > 0.0 { Ok((x - mean) / sd) } else { Err(Reason::ZeroDenominator) }
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
            *slot = (bar.volume, bar.buy.saturating_add(bar.sell));
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
            Slot::some((bar.delta() as f64 / bar.volume as f64).clamp(-1.0, 1.0))
        }
    }

    /// How far δ of `bar` is from what is usual at its minute, in deviations; not bounded, no
    /// feature. `WARMUP` without a baseline, `INVALID_INPUT` where more than a tenth of the bar is
    /// unclassified, `ZERO_DENOMINATOR` where the baseline does not vary.
    #[must_use]
    pub fn ratio_z(bar: &Bar, usual: &Usual) -> Slot {
        if bar.mostly_unclassified() {
            return Slot::none(Reason::InvalidInput);
        }
        match score(bar.delta() as f64, usual.delta) {
            Ok(z) => Slot::some(z),
            Err(reason) => Slot::none(reason),
        }
    }

    /// Feature 14, in [−1, 1], of the active anchor: the cash session's where `rth`. `WARMUP`
    /// below 20 closes since the anchor or without a baseline, `INVALID_INPUT` where more than a
    /// tenth of the volume of those 20 bars is unclassified, `ZERO_DENOMINATOR` where the baseline
    /// does not vary.
    #[must_use]
    pub fn slope_slot(&self, rth: bool, usual: &Usual) -> Slot {
        let Some(slope) = self.slope(rth) else { return Slot::none(Reason::Warmup) };
        if self.unclassified() {
            return Slot::none(Reason::InvalidInput);
        }
        match score(slope, usual.cvd_slope) {
            Ok(z) => Slot::some((z / 3.0).clamp(-1.0, 1.0)),
            Err(reason) => Slot::none(reason),
        }
    }

    fn unclassified(&self) -> bool {
        let (all, classified) = self
            .recent
            .iter()
            .fold((0_i128, 0_i128), |(v, c), bar| (v + i128::from(bar.0), c + i128::from(bar.1)));
        (all - classified) * 10 > all
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
    use crate::units::QTY_MAX;
    use proptest::prelude::*;

    fn usual(mean: f64, sd: f64) -> Usual {
        Usual { cvd_slope: Some((mean, sd)), delta: Some((mean, sd)), ..Usual::default() }
    }

    fn play(delta: &mut Delta, bar: &Bar) {
        delta.trade(u32::try_from(bar.buy).expect("small"), Aggressor::Buy);
        delta.trade(u32::try_from(bar.sell).expect("small"), Aggressor::Sell);
        delta.close(bar);
    }

    #[test]
    fn golden() {
        let bars = r64();
        let mut delta = Delta::default();
        bars.iter().for_each(|bar| play(&mut delta, bar));
        assert!((delta.slope(false).expect("warm") + 15.320_301).abs() < 1e-6);
        let last = bars.last().expect("bars");
        assert!((Delta::ratio(last).value().expect("volume") + 0.200_815).abs() < 1e-6);
        let value = delta.slope_slot(false, &usual(-20.0, 40.0)).value().expect("baseline");
        assert!((value - 0.038_997).abs() < 1e-6);
        assert_eq!(delta.slope_slot(false, &Usual::default()).reason, Reason::Warmup);
        assert_eq!(delta.slope_slot(true, &usual(0.0, 0.0)).reason, Reason::ZeroDenominator);
        assert_eq!(Delta::ratio_z(last, &usual(6.0, 100.0)).value(), Some(-4.0));
        assert_eq!(Delta::ratio_z(last, &Usual::default()).reason, Reason::Warmup);
        assert_eq!(Delta::ratio_z(last, &usual(6.0, 0.0)).reason, Reason::ZeroDenominator);
    }

    #[test]
    fn unclassified_trades_invalidate() {
        let bar = Bar { volume: 100, buy: 50, sell: 39, ..Bar::default() };
        assert_eq!(Delta::ratio(&bar).reason, Reason::InvalidInput);
        assert_eq!(Delta::ratio_z(&bar, &usual(0.0, 1.0)).reason, Reason::InvalidInput);
        assert_eq!(Delta::ratio(&Bar::default()).reason, Reason::ZeroDenominator);
        let mut delta = Delta::default();
        delta.close(&bar);
        assert_eq!(delta.slope_slot(false, &usual(0.0, 1.0)).reason, Reason::Warmup);
        delta.advance(19);
        assert_eq!(delta.slope_slot(false, &usual(0.0, 1.0)).reason, Reason::InvalidInput);
        delta.advance(1);
        assert_eq!(delta.slope_slot(false, &usual(0.0, 1.0)).value(), Some(0.0));
    }

    /// Twenty closes since the anchor, not one bar before it.
    #[test]
    fn the_window_starts_at_the_anchor() {
        let (bars, mut delta) = (r64(), Delta::default());
        bars.iter().take(30).for_each(|bar| play(&mut delta, bar));
        delta.anchor_rth();
        for (at, bar) in bars.iter().skip(30).enumerate() {
            play(&mut delta, bar);
            let slot = delta.slope_slot(true, &usual(0.0, 100.0));
            assert_eq!(slot.value().is_some(), at >= 19, "{at}");
            assert!(delta.slope_slot(false, &usual(0.0, 100.0)).value().is_some());
        }
        // Both instances see the same last 20 bars; only the level differs.
        assert_eq!(delta.slope(true), delta.slope(false));
        delta.anchor_eth();
        assert_eq!(delta.slope_slot(false, &usual(0.0, 1.0)).reason, Reason::Warmup);
        assert_eq!(delta.cvd(false), 0);
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

    fn side(code: u8) -> Aggressor {
        match code {
            0 => Aggressor::None,
            1 => Aggressor::Buy,
            _ => Aggressor::Sell,
        }
    }

    fn flip(aggressor: Aggressor) -> Aggressor {
        match aggressor {
            Aggressor::None => Aggressor::None,
            Aggressor::Buy => Aggressor::Sell,
            Aggressor::Sell => Aggressor::Buy,
        }
    }

    type Minute = Vec<(u32, u8)>;

    fn minutes(most: u32) -> impl Strategy<Value = Vec<Minute>> {
        let code = prop_oneof![1 => Just(0_u8), 20 => Just(1_u8), 20 => Just(2_u8)];
        prop::collection::vec(prop::collection::vec((0..=most, code), 0..4), 1..60)
    }

    /// The bar of one minute, its trades added to `delta` too.
    fn trades(delta: &mut Delta, minute: &Minute, mirrored: bool) -> Bar {
        let mut bar = Bar::default();
        for &(qty, code) in minute {
            let aggressor = if mirrored { flip(side(code)) } else { side(code) };
            delta.trade(qty, aggressor);
            bar.volume += i64::from(qty);
            match aggressor {
                Aggressor::None => {}
                Aggressor::Buy => bar.buy += i64::from(qty),
                Aggressor::Sell => bar.sell += i64::from(qty),
            }
        }
        delta.close(&bar);
        bar
    }

    proptest! {
        #[test]
        fn bounded_and_symmetric(minutes in minutes(QTY_MAX), mean in -1e12..1e12, sd in 0.0..1e9) {
            let (mut one, mut other) = (Delta::default(), Delta::default());
            for minute in &minutes {
                let (a, b) = (trades(&mut one, minute, false), trades(&mut other, minute, true));
                let slots = [
                    (Delta::ratio(&a), Delta::ratio(&b)),
                    (
                        one.slope_slot(false, &usual(mean, sd)),
                        other.slope_slot(false, &usual(-mean, sd)),
                    ),
                ];
                for (p, q) in slots {
                    prop_assert_eq!(p.value().map(|v| -v), q.value());
                    prop_assert_eq!(p.reason, q.reason);
                    prop_assert!(p.value().is_none_or(|v| (-1.0..=1.0).contains(&v)));
                }
                let z = |bar: &Bar, mean: f64| Delta::ratio_z(bar, &usual(mean, sd)).value();
                prop_assert_eq!(z(&a, mean).map(|v| -v), z(&b, -mean));
            }
        }

        /// Slope and CVD equal a second pass over the bars since each anchor.
        #[test]
        fn equals_recomputation(minutes in minutes(1000), anchor in 0_usize..40) {
            let (mut delta, mut bars, mut from) = (Delta::default(), Vec::new(), 0);
            for (at, minute) in minutes.iter().enumerate() {
                if at == anchor {
                    delta.anchor_rth();
                    from = at;
                }
                bars.push(trades(&mut delta, minute, false));
                let sum = |upto: usize| bars[from..=upto].iter().map(Bar::delta).sum::<i64>();
                prop_assert_eq!(delta.cvd(true), sum(at));
                prop_assert_eq!(delta.slope(true).is_some(), at + 1 - from >= WINDOW);
                if let Some(slope) = delta.slope(true) {
                    let y: Vec<f64> = (at - 19..=at).map(|i| sum(i) as f64).collect();
                    let mean = y.iter().sum::<f64>() / 20.0;
                    let up: f64 = (0..20).map(|x| (x as f64 - 9.5) * (y[x] - mean)).sum();
                    prop_assert!((slope - up / 665.0).abs() < 1e-9 * slope.abs().max(1.0));
                }
            }
        }
    }
}
