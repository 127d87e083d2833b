//! `mtf_confluence` (25): whether one, five, fifteen and sixty minutes point the same way.
//!
//! Of each timeframe's completed bars: e = clip(move of EMA₂₀ over five bars/ATR₂₀, −1, 1), swing
//! structure st, v = clip(z/2, −1, 1) with z the distance of the close from the VWAP of the active
//! anchor in its deviations, as it was when that bar closed. d = 0.40·e + 0.30·st + 0.30·v, without
//! structure the other two over 0.70; without e or v the timeframe has no d and drops out. c is the
//! share of {average, structure, VWAP, ATR percentile} that is there. The weights w follow the
//! percentile of the five-minute ATR₂₀ in recorded sessions, the middle row where it is unknown:
//! short timeframes count more in a fast market. s = Σw·c·d/Σw; the weight share g of timeframes
//! with |d| ≥ 0.05 against s takes half of itself away, s·(1 − g/2); where every timeframe with
//! weight has |d| ≥ 0.05 and the sign of s, s gains 0.15 of its sign. Clipped to [−1, 1].
//!
//! Own design; no evidence for the weights. Cost: nothing an event; constant work a bar close.

use super::frame::{Reason, Slot};
use crate::bars::Timeframe;

/// Timeframes, of 1, 5, 15 and 60 minutes in this order everywhere.
pub const TIMEFRAMES: usize = 4;
/// Weights in hundredths for a fast, a usual and a slow market; whole numbers, so that the least
/// available weight is met exactly.
const WEIGHTS: [[u32; TIMEFRAMES]; 3] = [[70, 20, 10, 0], [50, 30, 15, 5], [30, 30, 25, 15]];
/// Percentiles above which the market is fast, and above which it is usual.
const FAST: f64 = 0.8;
const USUAL: f64 = 0.4;
/// Least available weight, in hundredths.
const AVAILABLE_MIN: u32 = 70;
/// Size from which a timeframe has a direction.
const DIRECTED: f64 = 0.05;
/// What agreement of all adds.
const AGREEMENT: f64 = 0.15;

/// Direction of one timeframe and how much of its input is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Direction {
    /// d, in [−1, 1].
    pub value: f64,
    /// c, in [0, 1].
    pub share: f64,
}

/// Feature 25 with its parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confluence {
    /// The feature, in [−1, 1]; `WARMUP` below 0.70 of available weight.
    pub slot: Slot,
    /// Each timeframe, `None` where it drops out.
    pub directions: [Option<Direction>; TIMEFRAMES],
}

/// Where the last completed bar of each timeframe closed against VWAP.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mtf {
    z: [Option<f64>; TIMEFRAMES],
}

impl Mtf {
    /// A bar of timeframe `which` (0 to 3) closed at `z` deviations from the VWAP of the anchor
    /// that was active then; `None` where slot 21 had no value. It stays until the next close of
    /// that timeframe, over anchors. Of several closes at once only the last counts.
    pub fn closed(&mut self, which: usize, z: Option<f64>) {
        if let Some(slot) = self.z.get_mut(which) {
            *slot = z.filter(|z| !z.is_nan());
        }
    }

    /// Feature 25 at a one-minute close, after every [`Mtf::closed`] of it. `percentile` is that
    /// of the five-minute ATR₂₀ in recorded sessions, in [0, 1]. There are no windows here, so many
    /// empty minutes at once need no more than this.
    #[must_use]
    pub fn read(
        &self,
        timeframes: [&Timeframe; TIMEFRAMES],
        percentile: Option<f64>,
    ) -> Confluence {
        let percentile = percentile.filter(|p| !p.is_nan());
        let mut directions = [None; TIMEFRAMES];
        for ((direction, timeframe), z) in directions.iter_mut().zip(timeframes).zip(self.z) {
            let structure = timeframe.swings().structure();
            *direction = trend(timeframe).zip(z).map(|(average, z)| Direction {
                value: direct(average, structure, (z / 2.0).clamp(-1.0, 1.0)),
                share: share(structure.is_some(), percentile.is_some()),
            });
        }
        Confluence { slot: combine(weights(percentile), directions), directions }
    }
}

/// Move of the average over five bars in average ranges; `None` where one warms up or is 0.
fn trend(timeframe: &Timeframe) -> Option<f64> {
    let atr = timeframe.atr20().filter(|atr| *atr > 0.0)?;
    Some((timeframe.ema_move()? / atr).clamp(-1.0, 1.0))
}

fn direct(average: f64, structure: Option<f64>, position: f64) -> f64 {
    let two = 0.40 * average + 0.30 * position;
    structure.map_or(two / 0.70, |s| two + 0.30 * s).clamp(-1.0, 1.0)
}

/// Average and VWAP are there wherever this is asked.
fn share(structure: bool, percentile: bool) -> f64 {
    0.5 + 0.25 * f64::from(u8::from(structure) + u8::from(percentile))
}

const fn weights(percentile: Option<f64>) -> [u32; TIMEFRAMES] {
    match percentile {
        Some(p) if p > FAST => WEIGHTS[0],
        Some(p) if p <= USUAL => WEIGHTS[2],
        _ => WEIGHTS[1],
    }
}

fn combine(weights: [u32; TIMEFRAMES], directions: [Option<Direction>; TIMEFRAMES]) -> Slot {
    let weighted = || weights.into_iter().zip(directions).filter(|(w, _)| *w > 0);
    let present = || weighted().filter_map(|(w, d)| Some((w, d?)));
    let available: u32 = present().map(|(w, _)| w).sum();
    if available < AVAILABLE_MIN {
        return Slot::none(Reason::Warmup);
    }
    let all = f64::from(available);
    let mean = present().map(|(w, d)| f64::from(w) * d.share * d.value).sum::<f64>() / all;
    let sign = f64::from(i8::from(mean > 0.0) - i8::from(mean < 0.0));
    let against: u32 = present()
        .filter(|(_, d)| d.value.abs() >= DIRECTED && d.value * sign <= 0.0)
        .map(|(w, _)| w)
        .sum();
    let mut value = mean * (1.0 - 0.5 * f64::from(against) / all);
    // A timeframe that has weight and no direction does not agree.
    if weighted().all(|(_, d)| d.is_some_and(|d| d.value * sign >= DIRECTED)) {
        value += sign * AGREEMENT;
    }
    Slot::some(value.clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::{Bar, reference::r64};
    use crate::units::Px;
    use proptest::prelude::*;

    fn combined(row: usize, shares: [f64; 4], values: [f64; 4]) -> f64 {
        let direction = |at: usize| Some(Direction { value: values[at], share: shares[at] });
        combine(WEIGHTS[row], [0, 1, 2, 3].map(direction)).value().expect("all there")
    }

    #[test]
    fn golden() {
        let near = |x: f64, y: f64| assert!((x - y).abs() < 1e-6, "{x} {y}");
        let shares = [1.0, 1.0, 0.8, 0.5];
        near(combined(1, shares, [0.6, 0.4, 0.2, -0.3]), 0.425_588);
        near(combined(1, shares, [0.6, 0.4, 0.2, 0.3]), 0.6015);
        near(combined(0, [1.0; 4], [0.9, -0.5, -0.6, 0.8]), 0.3995);
        near(combined(2, [1.0, 0.9, 1.0, 0.8], [-0.5, -0.4, -0.6, -0.7]), -0.6420);
        assert_eq!(combined(1, [1.0; 4], [0.0; 4]), 0.0);
        assert_eq!(combined(1, [1.0; 4], [1.0; 4]), 1.0);
    }

    #[test]
    fn weight_rows() {
        for (percentile, row) in [(0.81, 0), (0.8, 1), (0.41, 1), (0.4, 2), (0.0, 2), (f64::NAN, 1)]
        {
            assert_eq!(weights(Some(percentile)), WEIGHTS[row]);
        }
        assert_eq!(weights(None), WEIGHTS[1]);
        assert!(WEIGHTS.iter().all(|row| row.iter().sum::<u32>() == 100));
    }

    #[test]
    fn available_weight() {
        let some = Some(Direction { value: 0.5, share: 1.0 });
        let slot = |row: usize, there: [bool; 4]| {
            combine(WEIGHTS[row], there.map(|t| if t { some } else { None }))
        };
        assert_eq!(slot(0, [true, false, false, false]).value(), Some(0.5));
        assert_eq!(slot(1, [true, false, true, true]).value(), Some(0.5));
        assert_eq!(slot(1, [true, false, true, false]).reason, Reason::Warmup);
        assert_eq!(slot(2, [true, true, false, false]).reason, Reason::Warmup);
        assert_eq!(slot(1, [true; 4]).value(), Some(0.65));
        assert_eq!(slot(0, [true, true, true, false]).value(), Some(0.65), "60 has no weight");
    }

    /// The driver's part: four timeframes over one-minute bars, z as given.
    fn play(bars: &[Bar], z: f64, sign: f64, percentile: Option<f64>) -> Vec<Confluence> {
        let mut frames = [1, 5, 15, 60].map(Timeframe::new);
        let mut mtf = Mtf::default();
        bars.iter()
            .map(|bar| {
                for (which, frame) in frames.iter_mut().enumerate() {
                    if frame.push(bar, false) {
                        mtf.closed(which, Some(sign * (z + bar.minute as f64 / 50.0)));
                    }
                }
                let [a, b, c, d] = &frames;
                mtf.read([a, b, c, d], percentile)
            })
            .collect()
    }

    fn walk(steps: &[(i32, i32)], sign: i32) -> Vec<Bar> {
        let mut px = 0;
        let bar = |(at, &(step, wick)): (usize, &(i32, i32))| {
            let from = px;
            px += step;
            let (low, high) = (from.min(px) - wick, from.max(px) + 1);
            let tick = |x: i32| Px::clamped(i64::from(sign * x));
            Bar {
                open: tick(from),
                high: tick(if sign > 0 { high } else { low }),
                low: tick(if sign > 0 { low } else { high }),
                ..Bar::empty(at as i64, tick(px))
            }
        };
        steps.iter().enumerate().map(bar).collect()
    }

    #[test]
    fn warm_up_and_shares() {
        let bars: Vec<Bar> = (0..4_i64)
            .flat_map(|lap| {
                r64().into_iter().map(move |b| Bar { minute: b.minute + lap * 64, ..b })
            })
            .collect();
        let got = play(&bars, 0.0, 1.0, None);
        // One-minute bars alone weigh 0.50; five-minute ones join after 25 closes.
        let first = got.iter().position(|c| c.slot.value().is_some());
        assert_eq!(first, Some(124));
        assert_eq!(got[124].directions[2], None);
        assert_eq!(got[124].directions[0].map(|d| d.share), Some(0.75));
        let mut frame = Timeframe::new(1);
        bars.iter().for_each(|b| _ = frame.push(b, false));
        let mut mtf = Mtf::default();
        let other = Timeframe::new(5);
        let fast = |mtf: &Mtf| mtf.read([&frame, &other, &other, &other], Some(0.9));
        assert_eq!(fast(&mtf).slot.reason, Reason::Warmup, "no VWAP yet");
        mtf.closed(0, Some(-1.0));
        assert_eq!(fast(&mtf).directions[0].map(|d| d.share), Some(1.0));
        mtf.closed(0, None);
        mtf.closed(9, Some(1.0));
        assert_eq!(fast(&mtf).slot.reason, Reason::Warmup);
    }

    /// Both directions of one timeframe again from its raw bars.
    fn slow(bars: &[Bar], minutes: usize, z: f64) -> Option<f64> {
        let long: Vec<Bar> = bars
            .chunks_exact(minutes)
            .map(|part| {
                let mut all = part[0];
                part[1..].iter().for_each(|b| all.merge(b));
                all
            })
            .collect();
        let last = long.len().checked_sub(1)?;
        let close = |i: usize| f64::from(long[i].close.ticks());
        let ema = |upto: usize| {
            let seed = (0..20).map(close).sum::<f64>() / 20.0;
            (20..=upto).fold(seed, |y, i| y * (1.0 - 2.0 / 21.0) + close(i) * 2.0 / 21.0)
        };
        if last < 24 {
            return None;
        }
        let range = |i: usize| {
            let before = if i == 0 { long[0].high } else { long[i - 1].close };
            let low = if i == 0 { long[0].low } else { long[i].low.min(before) };
            f64::from(long[i].high.max(before).minus(low))
        };
        let seed = (0..20).map(range).sum::<f64>() / 20.0;
        let atr = (20..=last).fold(seed, |y, i| (y * 19.0 + range(i)) / 20.0);
        let e = ((ema(last) - ema(last - 5)) / atr).clamp(-1.0, 1.0);
        let change = |h: &dyn Fn(usize) -> i32| {
            let at = |i: &usize| {
                let i = *i;
                h(i) > h(i - 1).max(h(i - 2)) && h(i) >= h(i + 1).max(h(i + 2))
            };
            let mut swings = (2..=last - 2).rev().filter(at);
            let newer = swings.next()?;
            Some(f64::from((h(newer) - h(swings.next()?)).signum()))
        };
        let (highs, lows) = (change(&|i| long[i].high.ticks()), change(&|i| -long[i].low.ticks()));
        let v = ((z + long_minute(&long, minutes)) / 2.0).clamp(-1.0, 1.0);
        Some(match highs.zip(lows) {
            Some((h, l)) => 0.4 * e + 0.3 * v + 0.3 * (h - l) / 2.0,
            None => (0.4 * e + 0.3 * v) / 0.7,
        })
    }

    /// What [`play`] adds to z at the close of the last long bar.
    fn long_minute(long: &[Bar], minutes: usize) -> f64 {
        (long.len() * minutes - 1) as f64 / 50.0
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn equals_recomputation_bounded_and_symmetric(
            steps in prop::collection::vec((-9..=9_i32, 1..4_i32), 500),
            z in -4.0..4.0_f64,
            percentile in prop::option::of(0.0..=1.0_f64),
        ) {
            let (bars, reflected) = (walk(&steps, 1), walk(&steps, -1));
            let one = play(&bars, z, 1.0, percentile);
            let other = play(&reflected, z, -1.0, percentile);
            for (at, (a, b)) in one.iter().zip(&other).enumerate() {
                prop_assert!(a.slot.value().is_none_or(|v| (-1.0..=1.0).contains(&v)));
                prop_assert_eq!(a.slot.value().map(|v| -v), b.slot.value());
                prop_assert_eq!(a.slot.reason, b.slot.reason);
                if at % 83 == 0 {
                    for (which, minutes) in [1, 5, 15, 60].into_iter().enumerate() {
                        let (twin, got) = (slow(&bars[..=at], minutes, z), a.directions[which]);
                        prop_assert_eq!(twin.is_some(), got.is_some());
                        let (p, q) = (twin.unwrap_or(0.0), got.map_or(0.0, |d| d.value));
                        prop_assert!((p - q).abs() < 1e-9, "{} {}", p, q);
                    }
                }
            }
        }

        #[test]
        fn bounded_at_any_price(
            prices in prop::collection::vec(-(1_i64 << 31)..(1 << 31), 150),
            z in prop::num::f64::ANY,
            percentile in prop::option::of(prop::num::f64::ANY),
        ) {
            let bars: Vec<Bar> = prices
                .iter()
                .enumerate()
                .map(|(at, &px)| Bar::empty(at as i64, Px::clamped(px)))
                .collect();
            for confluence in play(&bars, z, 1.0, percentile) {
                let value = confluence.slot.value();
                prop_assert!(value.is_none_or(|v| (-1.0..=1.0).contains(&v)));
                prop_assert!(confluence.slot.reason != Reason::InvalidInput);
            }
        }
    }
}
