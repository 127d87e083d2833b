//! `volatility_regime` (27), realised volatility and the size multiplier.
//!
//! Realised volatility (RV): r = ln(C_i/C_{i−1}) over completed five-minute bars; v is seeded with
//! the mean of the first 12 squares, then v ← v·w + r²·(1 − w), w = 2^(−1/24) (half-life 24 bars);
//! σ = √(v·252·n), n = 78 bars a day for the cash session, 276 for the whole one. Two instances:
//! one takes every bar, the other those of the cash session. The exponential weighting is that of
//! RiskMetrics (J.P. Morgan 1996); half-life and seed are own design.
//!
//! Regime: where five-minute ATR20 ranks among recorded sessions of the same type, LOW < 0.25 ≤
//! NORMAL < 0.75 ≤ HIGH < 0.95 ≤ EXTREME; the first rank decides at once, a change needs three
//! bars in a row beyond the boundary by 0.02. Value: ordinal/3 ∈ {0, ⅓, ⅔, 1}, without a sign.
//! Without a rank (fewer than five sessions) `WARMUP`, and the regime is forgotten. VIX is no
//! input: its floor belongs to the decision.
//!
//! Size multiplier: clip(target/RV, 0.4, 1), and 0.4 where either is unknown.
//!
//! Update cost: a logarithm at each five-minute close, nothing in between.

use super::frame::{Reason, Slot};
use crate::bars::{Atr, Timeframe};

/// Half-life of the squared returns, in bars.
const HALF_LIFE: f64 = 24.0;
/// Returns whose mean square is the seed.
const SEED: u32 = 12;
/// Trading days a year.
const DAYS: f64 = 252.0;
/// Five-minute bars a day, all session types and cash session.
const BARS_A_DAY: [f64; 2] = [276.0, 78.0];
/// Ranks at which NORMAL, HIGH and EXTREME begin.
const BOUNDARIES: [f64; 3] = [0.25, 0.75, 0.95];
/// How far beyond a boundary a bar counts towards a change.
const MARGIN: f64 = 0.02;
/// Bars that a change needs.
const CONFIRM: usize = 3;
/// Least size multiplier, also that of the unknown.
const MULTIPLIER_MIN: f64 = 0.4;

/// How volatile the market is by rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Volatility {
    /// Rank below 0.25.
    Low = 0,
    /// Below 0.75.
    Normal = 1,
    /// Below 0.95.
    High = 2,
    /// From 0.95.
    Extreme = 3,
}

impl Volatility {
    const fn from_ordinal(ordinal: usize) -> Volatility {
        match ordinal {
            0 => Volatility::Low,
            1 => Volatility::Normal,
            2 => Volatility::High,
            _ => Volatility::Extreme,
        }
    }

    /// Regime of a rank in [0, 1].
    #[must_use]
    pub fn of_rank(rank: f64) -> Volatility {
        Volatility::from_ordinal(BOUNDARIES.iter().filter(|&&b| rank >= b).count())
    }

    /// Value of feature 27: ordinal/3.
    #[must_use]
    pub fn slot(self) -> Slot {
        Slot::some(f64::from(self as u8) / 3.0)
    }

    /// The regime that a slot 27 carries.
    #[must_use]
    pub fn of_slot(slot: &Slot) -> Option<Volatility> {
        let ordinal = (slot.value()? * 3.0).clamp(0.0, 3.0) + 0.5;
        Some(Volatility::from_ordinal(ordinal as usize))
    }

    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Volatility::Low => "LOW",
            Volatility::Normal => "NORMAL",
            Volatility::High => "HIGH",
            Volatility::Extreme => "EXTREME",
        }
    }
}

/// Exponentially weighted mean of squared five-minute log returns.
#[derive(Clone, Copy, Debug, Default)]
pub struct Variance {
    /// The sum while seeding, then the variance.
    value: f64,
    count: u32,
}

impl Variance {
    /// Takes the square of a log return.
    pub(super) fn push(&mut self, square: f64) {
        if self.count < SEED {
            self.value += square;
            self.count += 1;
            if self.count == SEED {
                self.value /= f64::from(SEED);
            }
        } else {
            let keep = libm::exp2(-1.0 / HALF_LIFE);
            self.value = self.value * keep + square * (1.0 - keep);
        }
    }

    /// `n` returns of zero. At most [`SEED`] steps.
    fn advance(&mut self, mut n: u32) {
        while n > 0 && self.count < SEED {
            self.push(0.0);
            n -= 1;
        }
        if n > 0 {
            self.value *= libm::exp2(-f64::from(n) / HALF_LIFE);
        }
    }

    /// Variance of one five-minute return, once 12 are in.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.count == SEED).then_some(self.value)
    }

    /// Annualised deviation with `bars` returns a day.
    pub(super) fn annualised(&self, bars: f64) -> Option<f64> {
        Some((self.value()? * DAYS * bars).sqrt())
    }
}

/// State of feature 27 and of realised volatility, for one symbol.
#[derive(Clone, Debug, Default)]
pub struct VolatilityRegime {
    /// Every bar; those of the cash session.
    variance: [Variance; 2],
    /// Last close in ticks; `None` at the start and after a price that has no logarithm.
    last: Option<f64>,
    /// A price at or below zero was the last close.
    no_logarithm: bool,
    /// The last ranks, newest last, once there is a regime.
    ranks: [f64; CONFIRM],
    regime: Option<Volatility>,
    /// ATR20 of the cash session's bars alone, as recorded cash sessions have it: the night before
    /// does not count, the cash session before does.
    cash: Atr<20>,
    was_rth: bool,
}

impl VolatilityRegime {
    /// Takes the true range of the five-minute bar that `tf5` has just closed; `n` where so many
    /// closed, all but the first of them empty. Comes before [`VolatilityRegime::close5`].
    pub fn range5(&mut self, tf5: &Timeframe, rth: bool, n: u32) {
        if rth && let Some(bar) = tf5.bar() {
            if !self.was_rth {
                self.cash.forget_close();
            }
            if n == 1 {
                self.cash.push(bar);
            } else {
                self.cash.advance(n);
            }
        }
        self.was_rth = rth;
    }

    /// The five-minute ATR20 that is compared with recorded sessions of the active type, in ticks.
    #[must_use]
    pub fn atr20(&self, tf5: &Timeframe, rth: bool) -> Option<f64> {
        if rth { self.cash.value() } else { tf5.atr20() }
    }

    /// Takes the five-minute bar that `tf5` has just closed. `rth`: it lies in the cash session.
    /// `atr_rank`: rank in [0, 1] of its ATR20 among recorded sessions of the type of the active
    /// anchor, `None` without five of them. A close at or below zero ticks has no return, nor has
    /// the bar after it; volatility is unknown until a price has one again.
    pub fn close5(&mut self, tf5: &Timeframe, rth: bool, atr_rank: Option<f64>) {
        let Some(bar) = tf5.bar() else { return };
        let close = f64::from(bar.close.ticks());
        self.no_logarithm = close <= 0.0;
        let previous = self.last.replace(close).filter(|&p| p > 0.0 && close > 0.0);
        if self.no_logarithm {
            self.last = None;
        }
        if let Some(previous) = previous {
            let r = libm::log(close / previous);
            self.variance[0].push(r * r);
            if rth {
                self.variance[1].push(r * r);
            }
        }
        self.rank(atr_rank);
    }

    /// `n` further empty five-minute bars closed under one rank. Constant work.
    pub fn advance(&mut self, n: u32, rth: bool, atr_rank: Option<f64>) {
        if self.last.is_some() {
            self.variance[0].advance(n);
            if rth {
                self.variance[1].advance(n);
            }
        }
        (0..n.min(CONFIRM as u32)).for_each(|_| self.rank(atr_rank));
    }

    fn rank(&mut self, rank: Option<f64>) {
        let Some(rank) = rank.filter(|r| r.is_finite()) else {
            self.regime = None;
            return;
        };
        let Some(regime) = self.regime else {
            self.ranks = [rank; CONFIRM];
            self.regime = Some(Volatility::of_rank(rank));
            return;
        };
        self.ranks.copy_within(1.., 0);
        self.ranks[CONFIRM - 1] = rank;
        let lowest = self.ranks.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = self.ranks.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // All three above a boundary carry the regime over it, all three below carry it under.
        let over = BOUNDARIES.iter().filter(|&&b| lowest >= b + MARGIN).count();
        let under = BOUNDARIES.iter().filter(|&&b| highest < b - MARGIN).count();
        let ordinal = (regime as usize).clamp(over, BOUNDARIES.len() - under);
        self.regime = Some(Volatility::from_ordinal(ordinal));
    }

    /// The regime without VIX.
    #[must_use]
    pub const fn regime(&self) -> Option<Volatility> {
        self.regime
    }

    /// Slot 27 without VIX.
    #[must_use]
    pub fn slot(&self) -> Slot {
        self.regime.map_or(Slot::none(Reason::Warmup), Volatility::slot)
    }

    /// Annualised realised volatility as a fraction: of the cash session, or of all hours. `None`
    /// before 12 returns, and while the last price has no logarithm.
    #[must_use]
    pub fn rv(&self, rth: bool) -> Option<f64> {
        if self.no_logarithm {
            return None;
        }
        let at = usize::from(rth);
        self.variance.get(at)?.annualised(*BARS_A_DAY.get(at)?)
    }

    /// Factor in [0.4, 1] on the size of a position. `target`: median daily volatility of the
    /// session type over recorded sessions, `None` without enough of them.
    #[must_use]
    pub fn size_multiplier(&self, rth: bool, target: Option<f64>) -> f64 {
        multiplier(target, self.rv(rth)).unwrap_or(MULTIPLIER_MIN)
    }

    /// The same factor, `None` where either is unknown.
    #[must_use]
    pub fn known_multiplier(&self, rth: bool, target: Option<f64>) -> Option<f64> {
        multiplier(target, self.rv(rth))
    }
}

fn multiplier(target: Option<f64>, rv: Option<f64>) -> Option<f64> {
    // 0/0 and a target that is no number are unknown too.
    let ratio = Some(target? / rv?).filter(|ratio| !ratio.is_nan())?;
    Some(ratio.clamp(MULTIPLIER_MIN, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bars::{Bar, reference::r64};
    use crate::units::Px;

    /// A five-minute timeframe fed with whole bars.
    fn feed(closes: impl IntoIterator<Item = i64>, mut see: impl FnMut(&Timeframe)) {
        let mut tf5 = Timeframe::new(5);
        for (i, close) in (0..).zip(closes) {
            let px = Px::clamped(close);
            tf5.push(&Bar { volume: 1, ..Bar::empty(5 * i + 4, px) }, false);
            see(&tf5);
        }
    }

    fn r64_closes() -> Vec<i64> {
        r64().iter().map(|b| i64::from(b.close.ticks())).collect()
    }

    #[test]
    fn golden_volatility() {
        let mut own = VolatilityRegime::default();
        feed(r64_closes(), |tf5| own.close5(tf5, true, None));
        let near = |a: Option<f64>, b: f64, to: f64| (a.expect("warm") - b).abs() < to;
        assert!(near(own.variance[1].value(), 4.198_468e-7, 1e-13));
        assert!(near(own.rv(true), 0.090_843, 1e-6));
        assert!(near(own.rv(false), 0.170_884, 1e-6));
        assert_eq!(own.slot(), Slot::none(Reason::Warmup));
    }

    #[test]
    fn golden_multiplier() {
        for (target, rv, factor) in [(0.15, 0.24, 0.625), (0.15, 0.5, 0.4), (0.15, 0.1, 1.0)] {
            assert!((multiplier(Some(target), Some(rv)).expect("known") - factor).abs() < 1e-12);
        }
        assert_eq!(multiplier(None, Some(0.1)), None);
        assert_eq!(multiplier(Some(0.1), None), None);
        assert_eq!(multiplier(Some(0.0), Some(0.0)), None);
        assert_eq!(multiplier(Some(0.1), Some(0.0)), Some(1.0));
        assert_eq!(multiplier(Some(f64::NAN), Some(0.1)), None);
    }

    #[test]
    fn changes_are_confirmed() {
        let mut own = VolatilityRegime::default();
        let mut put = |rank: f64| {
            own.rank(Some(rank));
            own.regime().expect("ranked")
        };
        assert_eq!(put(0.5), Volatility::Normal);
        assert_eq!([put(0.96), put(0.8), put(0.98)].map(Volatility::name)[2], "HIGH");
        assert_eq!(put(0.98), Volatility::High, "only two bars beyond the upper boundary");
        assert_eq!(put(0.98), Volatility::Extreme);
        assert_eq!(
            [put(0.94), put(0.94), put(0.94)],
            [Volatility::Extreme; 3],
            "not beyond by the margin"
        );
        assert_eq!([put(0.1), put(0.1), put(0.1)][1..], [Volatility::Extreme, Volatility::Low]);
        own.rank(None);
        assert_eq!(own.slot().reason, Reason::Warmup);
        own.rank(Some(0.97));
        assert_eq!(own.slot().value(), Some(1.0));
    }

    #[test]
    fn prices_without_logarithm() {
        let mut own = VolatilityRegime::default();
        let mut seen = Vec::new();
        feed((100..113).chain([0, -5, 100, 100]), |tf5| {
            own.close5(tf5, false, None);
            seen.push((own.rv(false).is_some(), own.variance[0].value()));
        });
        let known: Vec<_> = seen.iter().map(|s| s.0).collect();
        assert_eq!(known[11..], [false, true, false, false, true, true]);
        assert_eq!(seen[12].1, seen[15].1, "neither of the bars had a return");
        assert!(seen[16].1 < seen[15].1);
    }

    #[test]
    fn slots_carry_regimes() {
        for ordinal in 0..4 {
            let regime = Volatility::from_ordinal(ordinal);
            assert_eq!(Volatility::of_slot(&regime.slot()), Some(regime));
        }
        assert_eq!(Volatility::of_slot(&Slot::none(Reason::Warmup)), None);
    }

    fn naive(closes: &[i64]) -> Option<f64> {
        let log = |c: i64| libm::log(c as f64);
        let squares: Vec<f64> =
            closes.windows(2).map(|w| (log(w[1]) - log(w[0])).powi(2)).collect();
        let (seed, rest) = (squares.get(..12)?, squares.get(12..)?);
        let keep = 0.5_f64.powf(1.0 / 24.0);
        let seed = seed.iter().sum::<f64>() / 12.0;
        Some(rest.iter().fold(seed, |v, r| v * keep + r * (1.0 - keep)))
    }

    proptest! {
        #[test]
        fn variance_equals_definition(closes in prop::collection::vec(20_000_i64..20_100, 2..80)) {
            let mut own = VolatilityRegime::default();
            feed(closes.iter().copied(), |tf5| own.close5(tf5, false, None));
            let (a, b) = (own.variance[0].value(), naive(&closes));
            prop_assert_eq!(a.is_some(), b.is_some());
            prop_assert!((a.unwrap_or(0.0) - b.unwrap_or(0.0)).abs() <= 1e-15);
            prop_assert_eq!(own.rv(true), None);
        }

        /// The regime after any ranks against a search through all of them.
        #[test]
        fn regime_equals_definition(ranks in prop::collection::vec(0.0..1.0_f64, 1..60)) {
            let mut own = VolatilityRegime::default();
            let mut regime = Volatility::of_rank(ranks[0]) as usize;
            for (i, &rank) in ranks.iter().enumerate() {
                own.rank(Some(rank));
                let last = &ranks[i.saturating_sub(2)..=i];
                for (k, b) in BOUNDARIES.into_iter().enumerate() {
                    if last.len() == 3 && last.iter().all(|&r| r >= b + 0.02) {
                        regime = regime.max(k + 1);
                    }
                    if last.len() == 3 && last.iter().all(|&r| r < b - 0.02) {
                        regime = regime.min(k);
                    }
                }
                prop_assert_eq!(own.regime().map(|r| r as usize), Some(regime));
            }
        }

        /// Empty bars at once against one by one.
        #[test]
        fn advance_equals_single_closes(
            warm in 1_usize..40, n in 1_u32..400, rth: bool, rank in prop::option::of(0.0..1.0_f64),
        ) {
            let mut many = VolatilityRegime::default();
            let closes = r64_closes();
            let mut one = many.clone();
            feed(closes[..warm].iter().copied(), |tf5| {
                many.close5(tf5, true, Some(0.5));
                one = many.clone();
            });
            one.advance(n, rth, rank);
            let mut tf5 = Timeframe::new(5);
            for i in 0..n {
                tf5.push(&Bar::empty(5 * i64::from(i) + 4, Px::clamped(closes[warm - 1])), false);
                many.close5(&tf5, rth, rank);
            }
            prop_assert_eq!(one.slot(), many.slot());
            for at in [true, false] {
                let (a, b) = (one.rv(at), many.rv(at));
                prop_assert_eq!(a.is_some(), b.is_some());
                let (a, b) = (a.unwrap_or(0.0), b.unwrap_or(0.0));
                prop_assert!((a - b).abs() <= 1e-9 * a, "{a} {b}");
            }
        }

        /// In range and finite at any prices and ranks.
        #[test]
        fn bounds(bars in prop::collection::vec((any::<i32>(), any::<f64>()), 1..60)) {
            let mut own = VolatilityRegime::default();
            let mut ranks = bars.iter().map(|b| b.1);
            feed(bars.iter().map(|b| i64::from(b.0)), |tf5| {
                own.close5(tf5, true, ranks.next());
                let value = own.slot().value();
                assert!(value.is_none_or(|v| (0.0..=1.0).contains(&v)));
                assert!(own.rv(true).is_none_or(|v| v.is_finite() && v >= 0.0));
                let factor = own.size_multiplier(true, Some(0.2));
                assert!((0.4..=1.0).contains(&factor));
            });
        }
    }
}
