//! Inputs of the market regime, from completed five-minute bars; VIX is not among them.
//!
//! - ER20 = |C_i − C_{i−20}| ÷ Σ|C_k − C_{k−1}| over the same 20 changes, in [0, 1], 0 where
//!   nothing moved: the efficiency ratio of Kaufman, *Smarter Trading* (1995).
//! - ADX14 of Wilder, *New Concepts in Technical Trading Systems* (1978), in [0, 100]: +DM = ΔH
//!   where it is above −ΔL and above 0, −DM mirrored; sums of 14, then S − S/14 + x;
//!   DI = 100·S_DM/S_TR; DX = 100·|DI⁺ − DI⁻|/(DI⁺ + DI⁻), 0 where both are 0; ADX = mean of the
//!   first 14 DX, then (13·ADX + DX)/14.
//! - Range tests, own design: in the range of the last 40 bars (20 at least), bars that come within
//!   max(2 ticks, ATR20/4) of an edge and close farther than that from it, three bars or more
//!   after the last test of that edge; both edges counted.
//! - Ranks of realised volatility and of ATR20 among recorded sessions: from the baseline store.
//!
//! Efficiency and tests are read from the window of bars, only the sums of ADX are carried. A bar
//! without any range leaves the quotients of those sums as they are, so DX stands still over empty
//! bars and ADX moves towards it. Update cost: at a five-minute close at most 40 bars are read, in
//! between nothing.

use crate::bars::{Bar, Timeframe};

/// Changes of the efficiency ratio.
const EFFICIENCY: usize = 20;
/// Wilder's period of the directional movement.
const PERIOD: u32 = 14;
/// Bars whose range is tested, and the fewest that make a range.
const RANGE: usize = 40;
const RANGE_MIN: usize = 20;
/// Bars from one test of an edge to the next.
const TEST_GAP: usize = 3;
/// Least width in ticks of the band at an edge, and its share of ATR20.
const BAND_TICKS: f64 = 2.0;
const BAND_ATR: f64 = 0.25;
/// Sums of ticks below this are what decay left of nothing.
const NOTHING: f64 = 1e-200;

/// What the last five-minute close says; travels in the frame, hence small.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RegimeInputs {
    er20: f64,
    adx14: f64,
    rv_percentile: f64,
    atr_ratio: f64,
    /// Five-minute bars so far, up to 65 535.
    pub bars: u16,
    /// Tests of either edge of the range, at most 28; 0 where there is no range yet.
    pub tests: u8,
    /// Sign of C_i − C_{i−20}, 0 before.
    pub trend_sign: i8,
    /// Which of the four numbers are there.
    present: u8,
}

const _: () = assert!(size_of::<RegimeInputs>() <= 40);

/// The four numbers of [`RegimeInputs`], each where it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Numbers {
    /// Efficiency ratio in [0, 1]; needs 21 bars.
    pub er20: Option<f64>,
    /// Average directional index in [0, 100]; needs 28 bars.
    pub adx14: Option<f64>,
    /// Rank in [0, 1] of realised volatility among recorded sessions of the same type; needs five.
    pub rv_percentile: Option<f64>,
    /// ATR20 over the median of the daily mean of ATR20 in recorded sessions.
    pub atr_ratio: Option<f64>,
}

impl RegimeInputs {
    /// Nothing is known.
    pub const NONE: RegimeInputs = RegimeInputs {
        er20: 0.0,
        adx14: 0.0,
        rv_percentile: 0.0,
        atr_ratio: 0.0,
        bars: 0,
        tests: 0,
        trend_sign: 0,
        present: 0,
    };

    /// Packs the numbers; one that is not finite is not there.
    #[must_use]
    pub fn new(numbers: Numbers, tests: u8, trend_sign: i8, bars: u16) -> RegimeInputs {
        let Numbers { er20, adx14, rv_percentile, atr_ratio } = numbers;
        let mut present = 0;
        let [er20, adx14, rv_percentile, atr_ratio] =
            [(1, er20), (2, adx14), (4, rv_percentile), (8, atr_ratio)].map(|(bit, number)| {
                number.filter(|n| n.is_finite()).map_or(0.0, |n| {
                    present |= bit;
                    n
                })
            });
        RegimeInputs { er20, adx14, rv_percentile, atr_ratio, bars, tests, trend_sign, present }
    }

    /// The numbers.
    #[must_use]
    pub fn numbers(&self) -> Numbers {
        let pick = |bit: u8, number: f64| (self.present & bit != 0).then_some(number);
        Numbers {
            er20: pick(1, self.er20),
            adx14: pick(2, self.adx14),
            rv_percentile: pick(4, self.rv_percentile),
            atr_ratio: pick(8, self.atr_ratio),
        }
    }

    /// Everything as words for a digest: equal words, equal inputs.
    #[must_use]
    pub fn words(&self) -> [u64; 5] {
        let small = u64::from(self.bars)
            | u64::from(self.tests) << 16
            | u64::from(self.trend_sign as u8) << 24
            | u64::from(self.present) << 32;
        let [a, b, c, d] = [self.er20, self.adx14, self.rv_percentile, self.atr_ratio];
        [a.to_bits(), b.to_bits(), c.to_bits(), d.to_bits(), small]
    }
}

/// Wilder's directional movement over 14 bars.
#[derive(Clone, Copy, Debug, Default)]
pub struct Adx {
    /// Wilder sums of +DM, −DM and true range; plain sums while seeding.
    plus: f64,
    minus: f64,
    range: f64,
    /// Bars in the seed of the sums, then values in the seed of the average.
    summed: u32,
    averaged: u32,
    dx: f64,
    /// Sum of DX while seeding, then ADX.
    value: f64,
}

impl Adx {
    /// Takes a bar and its predecessor. Constant work.
    pub fn push(&mut self, previous: &Bar, bar: &Bar) {
        let up = bar.high.minus(previous.high);
        let down = previous.low.minus(bar.low);
        let plus = if up > down { up.max(0) } else { 0 };
        let minus = if down > up { down.max(0) } else { 0 };
        let (high, low) = (bar.high.max(previous.close), bar.low.min(previous.close));
        self.step(f64::from(plus), f64::from(minus), f64::from(high.minus(low)));
    }

    fn step(&mut self, plus: f64, minus: f64, range: f64) {
        let n = f64::from(PERIOD);
        let mut keep = 1.0 - 1.0 / n;
        if self.summed < PERIOD {
            keep = 1.0;
            self.summed += 1;
        }
        self.plus = self.plus * keep + plus;
        self.minus = self.minus * keep + minus;
        self.range = self.range * keep + range;
        if self.summed < PERIOD {
            return;
        }
        // A bar without range scales all three sums alike: their quotients stay.
        if range > 0.0 || self.averaged == 0 {
            self.dx = directional(self.plus, self.minus);
        }
        if self.averaged == PERIOD {
            self.value = (self.value * (n - 1.0) + self.dx) / n;
            return;
        }
        self.value += self.dx;
        self.averaged += 1;
        if self.averaged == PERIOD {
            self.value /= n;
        }
    }

    /// Takes `n` empty bars at once. At most 28 steps.
    pub fn advance(&mut self, mut n: u32) {
        while n > 0 && self.averaged < PERIOD {
            self.step(0.0, 0.0, 0.0);
            n -= 1;
        }
        let keep = libm::pow(1.0 - 1.0 / f64::from(PERIOD), f64::from(n));
        self.plus *= keep;
        self.minus *= keep;
        self.range *= keep;
        if n > 0 {
            self.value = self.dx + (self.value - self.dx) * keep;
        }
    }

    /// ADX in [0, 100], once 14 values of DX are in.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.averaged == PERIOD).then(|| self.value.clamp(0.0, 100.0))
    }

    /// DI⁺ and DI⁻ in [0, 100], once 14 bars are in.
    #[must_use]
    pub fn directions(&self) -> Option<(f64, f64)> {
        let share = |s: f64| {
            if self.range > NOTHING { (100.0 * s / self.range).clamp(0.0, 100.0) } else { 0.0 }
        };
        (self.summed == PERIOD).then(|| (share(self.plus), share(self.minus)))
    }
}

/// DX: the true range cancels.
fn directional(plus: f64, minus: f64) -> f64 {
    let both = plus + minus;
    if both > NOTHING { 100.0 * (plus - minus).abs() / both } else { 0.0 }
}

/// Computes [`RegimeInputs`] of one symbol.
#[derive(Clone, Debug, Default)]
pub struct RegimeTracker {
    adx: Adx,
}

impl RegimeTracker {
    /// Takes the five-minute bar that `tf5` has just closed, and the two ranks that the baseline
    /// store gives for it. Reads at most 41 bars.
    pub fn close5(
        &mut self,
        tf5: &Timeframe,
        rv_percentile: Option<f64>,
        atr_ratio: Option<f64>,
    ) -> RegimeInputs {
        if let (Some(previous), Some(bar)) = (tf5.history().ago(1), tf5.bar()) {
            self.adx.push(previous, bar);
        }
        self.read(tf5, rv_percentile, atr_ratio)
    }

    /// `n` further empty five-minute bars closed; `tf5` has them already. Constant work.
    pub fn advance(
        &mut self,
        n: u32,
        tf5: &Timeframe,
        rv_percentile: Option<f64>,
        atr_ratio: Option<f64>,
    ) -> RegimeInputs {
        if !tf5.history().is_empty() {
            self.adx.advance(n);
        }
        self.read(tf5, rv_percentile, atr_ratio)
    }

    fn read(
        &self,
        tf5: &Timeframe,
        rv_percentile: Option<f64>,
        atr_ratio: Option<f64>,
    ) -> RegimeInputs {
        let (er20, trend_sign) = efficiency(tf5);
        let numbers = Numbers {
            er20,
            adx14: self.adx.value(),
            rv_percentile: rv_percentile.map(|p| p.clamp(0.0, 1.0)),
            atr_ratio: atr_ratio.filter(|r| *r >= 0.0),
        };
        let bars = u16::try_from(tf5.history().closed()).unwrap_or(u16::MAX);
        RegimeInputs::new(numbers, range_tests(tf5), trend_sign, bars)
    }

    /// The directional movement.
    #[must_use]
    pub const fn adx(&self) -> &Adx {
        &self.adx
    }
}

/// Efficiency ratio and the sign of the move it is taken over.
fn efficiency(tf5: &Timeframe) -> (Option<f64>, i8) {
    let history = tf5.history();
    let (Some(first), Some(last)) = (history.ago(EFFICIENCY), history.ago(0)) else {
        return (None, 0);
    };
    let changes = (0..EFFICIENCY).filter_map(|at| {
        Some(i64::from(history.ago(at)?.close.minus(history.ago(at + 1)?.close)).abs())
    });
    let path: i64 = changes.sum();
    let change = last.close.minus(first.close);
    let ratio = if path == 0 { 0.0 } else { f64::from(change).abs() / path as f64 };
    (Some(ratio.min(1.0)), change.signum() as i8)
}

/// Tests of both edges of the range of the last bars.
fn range_tests(tf5: &Timeframe) -> u8 {
    let history = tf5.history();
    let (Some(atr), true) = (tf5.atr20(), history.len() >= RANGE_MIN) else { return 0 };
    let band = BAND_TICKS.max(BAND_ATR * atr);
    let high = history.last(RANGE).map(|b| b.high).max().unwrap_or_default();
    let low = history.last(RANGE).map(|b| b.low).min().unwrap_or_default();
    let near = |distance: i32| f64::from(distance) <= band;
    let mut tests = 0;
    let mut since = [TEST_GAP; 2];
    for bar in history.last(RANGE) {
        let upper = (high.minus(bar.high), high.minus(bar.close));
        let lower = (bar.low.minus(low), bar.close.minus(low));
        for (since, (reach, close)) in since.iter_mut().zip([upper, lower]) {
            if *since >= TEST_GAP && near(reach) && !near(close) {
                tests += 1;
                *since = 0;
            }
            *since += 1;
        }
    }
    tests
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bars::reference::r64;
    use crate::units::Px;

    /// A tracker and its timeframe, fed with whole five-minute bars.
    struct Fed {
        tf5: Timeframe,
        tracker: RegimeTracker,
        inputs: RegimeInputs,
    }

    impl Fed {
        fn new() -> Fed {
            let (tf5, tracker) = (Timeframe::new(5), RegimeTracker::default());
            Fed { tf5, tracker, inputs: RegimeInputs::default() }
        }

        fn close(&mut self, bar: &Bar) {
            let minute = self.tf5.history().closed() as i64 * 5 + 4;
            self.tf5.push(&Bar { minute, ..*bar }, false);
            self.inputs = self.tracker.close5(&self.tf5, Some(0.5), None);
        }
    }

    #[test]
    fn golden() {
        let mut own = Fed::new();
        for (i, bar) in r64().iter().enumerate() {
            own.close(bar);
            let adx = own.inputs.numbers().adx14;
            match i {
                0..27 => assert_eq!(adx, None),
                27 => assert!((adx.expect("28 bars") - 28.863_877).abs() < 1e-6),
                _ => {}
            }
        }
        let numbers = own.inputs.numbers();
        assert_eq!(numbers.er20, Some(0.0625));
        assert!((numbers.adx14.expect("warm") - 30.725_119).abs() < 1e-6);
        let (plus, minus) = own.tracker.adx().directions().expect("warm");
        assert!((plus - 24.917_325).abs() < 1e-6 && (minus - 19.664_052).abs() < 1e-6);
        assert_eq!((numbers.rv_percentile, numbers.atr_ratio), (Some(0.5), None));
        assert_eq!((own.inputs.bars, own.inputs.trend_sign), (64, 1));
    }

    #[test]
    fn range_tests_by_hand() {
        let px = Px::clamped;
        let bar = |high: i64, low: i64, close: i64| Bar {
            high: px(high),
            low: px(low),
            volume: 1,
            ..Bar::empty(0, px(close))
        };
        let mut own = Fed::new();
        (0..19).for_each(|_| own.close(&bar(110, 100, 105)));
        assert_eq!(own.inputs.tests, 0, "too few bars");
        own.close(&bar(110, 100, 105));
        // Band 2.5 ticks: bars 0, 3, … 18 test both edges.
        assert_eq!(own.inputs.tests, 14);
        (0..40).for_each(|_| own.close(&bar(110, 104, 109)));
        assert_eq!(own.inputs.tests, 14, "closes at the upper edge, bottoms test the lower");
    }

    #[test]
    fn packing() {
        let numbers = Numbers { er20: Some(0.0), adx14: None, ..Numbers::default() };
        let own = RegimeInputs::new(numbers, 3, -1, 9);
        assert_eq!(own.numbers(), numbers);
        assert_ne!(own.words(), RegimeInputs::new(Numbers::default(), 3, -1, 9).words());
        let bad = Numbers { atr_ratio: Some(f64::NAN), ..Numbers::default() };
        assert_eq!(RegimeInputs::new(bad, 0, 0, 0), RegimeInputs::default());
    }

    /// Everything from the bars, by the definitions.
    fn naive(bars: &[Bar]) -> (Option<f64>, Option<f64>, u8) {
        let f = |p: Px| f64::from(p.ticks());
        let (mut dms, mut dxs) = (Vec::new(), Vec::new());
        for w in bars.windows(2) {
            let (up, down) = (f(w[1].high) - f(w[0].high), f(w[0].low) - f(w[1].low));
            let tr = f(w[1].high.max(w[0].close)) - f(w[1].low.min(w[0].close));
            let plus = if up > down && up > 0.0 { up } else { 0.0 };
            let minus = if down > up && down > 0.0 { down } else { 0.0 };
            dms.push([plus, minus, tr]);
        }
        let mut sums = [0.0; 3];
        for (i, x) in dms.iter().enumerate() {
            for k in 0..3 {
                sums[k] = if i < 14 { sums[k] + x[k] } else { sums[k] - sums[k] / 14.0 + x[k] };
            }
            if i >= 13 {
                let di = |k: usize| if sums[2] > 0.0 { 100.0 * sums[k] / sums[2] } else { 0.0 };
                let both = di(0) + di(1);
                let dx = if both > 0.0 { 100.0 * (di(0) - di(1)).abs() / both } else { 0.0 };
                dxs.push(dx);
            }
        }
        let adx = (dxs.len() >= 14).then(|| {
            let seed = dxs[..14].iter().sum::<f64>() / 14.0;
            dxs[14..].iter().fold(seed, |a, dx| (13.0 * a + dx) / 14.0)
        });
        let er = (bars.len() >= 21).then(|| {
            let c: Vec<f64> = bars[bars.len() - 21..].iter().map(|b| f(b.close)).collect();
            let path: f64 = c.windows(2).map(|w| (w[1] - w[0]).abs()).sum();
            if path > 0.0 { (c[20] - c[0]).abs() / path } else { 0.0 }
        });
        (er, adx, naive_tests(bars))
    }

    fn naive_tests(bars: &[Bar]) -> u8 {
        if bars.len() < 20 {
            return 0;
        }
        let mut atr = crate::bars::Atr::<20>::default();
        bars.iter().for_each(|b| atr.push(b));
        let band = (atr.value().expect("20 bars") / 4.0).max(2.0);
        let window = &bars[bars.len().saturating_sub(40)..];
        let high = window.iter().map(|b| b.high.ticks()).max().expect("bars");
        let low = window.iter().map(|b| b.low.ticks()).min().expect("bars");
        let mut tests = [Vec::new(), Vec::new()];
        for (i, b) in window.iter().enumerate() {
            let (h, l, c) = (b.high.ticks(), b.low.ticks(), b.close.ticks());
            let hits = [(high - h, high - c), (l - low, c - low)];
            for (list, (reach, close)) in tests.iter_mut().zip(hits) {
                let apart = list.last().is_none_or(|&last| i >= last + 3);
                if apart && f64::from(reach) <= band && f64::from(close) > band {
                    list.push(i);
                }
            }
        }
        (tests[0].len() + tests[1].len()) as u8
    }

    fn walk() -> impl Strategy<Value = Vec<Bar>> {
        let step = (-8_i64..9, 0_i64..6, 0_i64..6);
        (1_i64..5, prop::collection::vec(step, 1..120)).prop_map(|(scale, steps)| {
            let mut last = 500;
            steps
                .iter()
                .map(|&(change, up, down)| {
                    // Near a level, so that edges are tested.
                    let close = (500 + (last - 500) / 2) + change / scale;
                    let (high, low) =
                        (last.max(close) + up / scale, last.min(close) - down / scale);
                    let open = Px::clamped(last);
                    last = close;
                    let [high, low, close] = [high, low, close].map(Px::clamped);
                    Bar { open, high, low, close, volume: 1, ..Bar::default() }
                })
                .collect()
        })
    }

    fn close_to(a: Option<f64>, b: Option<f64>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * b.abs().max(1.0),
            (a, b) => a.is_none() && b.is_none(),
        }
    }

    proptest! {
        #[test]
        fn equals_definition(bars in walk()) {
            let (mut own, mut mirrored) = (Fed::new(), Fed::new());
            for bar in &bars {
                own.close(bar);
                let flip = |p: Px| Px::clamped(1000 - i64::from(p.ticks()));
                let [open, high, low, close] =
                    [flip(bar.open), flip(bar.low), flip(bar.high), flip(bar.close)];
                mirrored.close(&Bar { open, high, low, close, ..*bar });
            }
            let (er, adx, tests) = naive(&bars);
            let numbers = own.inputs.numbers();
            prop_assert!(close_to(numbers.er20, er));
            prop_assert!(close_to(numbers.adx14, adx), "{:?} {:?}", numbers.adx14, adx);
            prop_assert_eq!(own.inputs.tests, tests);
            prop_assert_eq!(mirrored.inputs.numbers(), numbers);
            prop_assert_eq!(mirrored.inputs.tests, tests);
            prop_assert_eq!(mirrored.inputs.trend_sign, -own.inputs.trend_sign);
        }

        /// Empty bars at once against one by one, and a bar after them.
        #[test]
        fn advance_equals_single_closes(bars in walk(), n in 1_u32..500) {
            let mut one = Fed::new();
            bars.iter().for_each(|b| one.close(b));
            let last = bars[bars.len() - 1].close;
            let mut many = Fed { tf5: one.tf5.clone(), ..one };
            one.tf5.advance(5 * n);
            let mut tracker = many.tracker.clone();
            one.inputs = tracker.advance(n, &one.tf5, Some(0.5), None);
            one.tracker = tracker;
            (0..n).for_each(|_| many.close(&Bar::empty(0, last)));
            for _ in 0..2 {
                let (a, b) = (one.inputs.numbers(), many.inputs.numbers());
                prop_assert!(close_to(a.er20, b.er20) && close_to(a.adx14, b.adx14));
                prop_assert_eq!(one.inputs.tests, many.inputs.tests);
                prop_assert_eq!(one.inputs.bars, many.inputs.bars);
                let up = Px::clamped(i64::from(last.ticks()) + 3);
                let bar = Bar { high: up, volume: 1, ..Bar::empty(0, last) };
                one.close(&bar);
                many.close(&bar);
            }
        }

        /// Finite and in range at any prices.
        #[test]
        fn bounds(bars in prop::collection::vec(any::<[i32; 3]>(), 1..60), rank: f64) {
            let mut own = Fed::new();
            for mut prices in bars {
                prices.sort_unstable();
                let [low, close, high] = prices.map(|p| Px::clamped(i64::from(p)));
                own.close(&Bar { high, low, volume: 1, ..Bar::empty(0, close) });
                let inputs = own.tracker.read(&own.tf5, Some(rank), Some(rank));
                let n = inputs.numbers();
                prop_assert!(n.er20.is_none_or(|v| (0.0..=1.0).contains(&v)));
                prop_assert!(n.adx14.is_none_or(|v| (0.0..=100.0).contains(&v)));
                prop_assert!(n.rv_percentile.is_none_or(|v| (0.0..=1.0).contains(&v)));
                prop_assert!(n.atr_ratio.is_none_or(|v| v.is_finite() && v >= 0.0));
                prop_assert!(inputs.tests <= 28);
            }
        }
    }
}
