//! Market regime TREND / RANGE / VOLATILE, and the final volatility regime with its VIX floor.
//!
//! At each five-minute close, in this order: VOLATILE where the rank of realised volatility is at
//! least 0.95, or VIX is above 30, or ATR20 is at least twice its usual; TREND where ER20 ≥ 0.35
//! and ADX14 ≥ 22, with the sign of the 20-bar move; RANGE where ER20 ≤ 0.25 and the range was
//! tested three times or more; else what it was. A clause whose input is missing is skipped. A
//! change needs three closes in a row that name the same new state. VOLATILE is entered at once
//! and left after three closes without its conditions, for the state that the third of them names,
//! or else for the one before it. There is no state before 40 bars, without a rank of realised
//! volatility (five recorded sessions), or until a first close names one. Thresholds and
//! confirmation are own design. Update cost: constant, at a five-minute close.
//!
//! A silence that closes several bars with one event counts them all, up to three, by the inputs of
//! the last: those in between were never in a frame.

use crate::features::regime_inputs::{Numbers, RegimeInputs};
use crate::features::volatility_regime::Volatility;
use crate::features::{Reason, Slot};
use crate::units::Ts;

/// Bars before a first state.
const BARS_MIN: u16 = 40;
/// Closes that confirm a change.
const CONFIRM: u8 = 3;
/// Bounds of VOLATILE.
const VOLATILE_RANK: f64 = 0.95;
const VOLATILE_VIX: f64 = 30.0;
const VOLATILE_ATR: f64 = 2.0;
/// Bounds of TREND.
const TREND_ER: f64 = 0.35;
const TREND_ADX: f64 = 22.0;
/// Bounds of RANGE.
const RANGE_ER: f64 = 0.25;
const RANGE_TESTS: u8 = 3;
/// VIX from which volatility is at least HIGH, and EXTREME.
const FLOOR_HIGH: f64 = 25.0;
const FLOOR_EXTREME: f64 = 35.0;

/// What kind of market it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Market {
    /// It goes somewhere.
    Trend = 0,
    /// It turns at the edges of a range.
    Range = 1,
    /// It moves more than it usually does.
    Volatile = 2,
}

impl Market {
    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Market::Trend => "TREND",
            Market::Range => "RANGE",
            Market::Volatile => "VOLATILE",
        }
    }
}

/// Degree of each state in [0, 1], sum 1. Not calibrated probabilities.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memberships {
    /// Of VOLATILE.
    pub volatile: f64,
    /// Of TREND.
    pub trend: f64,
    /// Of RANGE.
    pub range: f64,
}

/// The regime after a five-minute close.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// The state.
    pub state: Market,
    /// Sign of the 20-bar move at the last close that named TREND; 0 in the other states.
    pub sign: i8,
    /// Market time of the close at which the state was entered.
    pub since: Ts,
    /// Degrees at this close.
    pub memberships: Memberships,
}

/// The state machine of one symbol.
#[derive(Clone, Copy, Debug, Default)]
pub struct MarketRegime {
    held: Option<Held>,
    /// What was held before VOLATILE.
    before: Option<(Market, i8)>,
    /// The state that the last closes named against the one held, and how many did. In VOLATILE
    /// only the count is read: closes without its conditions.
    rival: Option<Market>,
    run: u8,
    /// Five-minute bars at the last close.
    bars: u16,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Held {
    state: Market,
    sign: i8,
    since: Ts,
}

impl MarketRegime {
    /// Takes the inputs of a five-minute close at market time `at`; `vix` is a fresh value in
    /// points or `None`.
    ///
    /// # Errors
    /// [`Reason::Warmup`] while there is no state; what was held is then forgotten where the cause
    /// is a missing input.
    pub fn close5(
        &mut self,
        inputs: &RegimeInputs,
        vix: Option<f64>,
        at: Ts,
    ) -> Result<Reading, Reason> {
        let numbers = inputs.numbers();
        let Some(memberships) = memberships(&numbers, vix) else {
            *self = MarketRegime::default();
            return Err(Reason::Warmup);
        };
        if inputs.bars < BARS_MIN || numbers.rv_percentile.is_none() {
            *self = MarketRegime::default();
            return Err(Reason::Warmup);
        }
        // Closes that came with one event count each, with the inputs of the last of them.
        let closes = inputs.bars.saturating_sub(self.bars).clamp(1, u16::from(CONFIRM));
        self.bars = inputs.bars;
        for _ in 0..closes {
            self.take(named(&numbers, inputs.tests, vix), inputs.trend_sign, at);
        }
        let Held { state, sign, since } = self.held.ok_or(Reason::Warmup)?;
        Ok(Reading { state, sign, since, memberships })
    }

    /// Takes what a close named.
    fn take(&mut self, named: Option<Market>, sign: i8, at: Ts) {
        let Some(held) = &mut self.held else {
            if let Some(state) = named {
                self.enter(state, sign, at);
            }
            return;
        };
        if named == Some(held.state) {
            if held.state == Market::Trend {
                held.sign = sign;
            }
            (self.rival, self.run) = (None, 0);
            return;
        }
        let held = *held;
        if named == Some(Market::Volatile) {
            self.before = Some((held.state, held.sign));
            self.enter(Market::Volatile, 0, at);
        } else if held.state == Market::Volatile {
            self.run += 1;
            let next = named.map(|state| (state, sign)).or(self.before);
            if let (CONFIRM.., Some((state, sign))) = (self.run, next) {
                self.enter(state, sign, at);
            }
            self.run = self.run.min(CONFIRM);
        } else {
            self.run = if self.rival == named { self.run + 1 } else { 1 };
            self.rival = named;
            match named {
                Some(state) if self.run >= CONFIRM => self.enter(state, sign, at),
                Some(_) => {}
                None => self.run = 0,
            }
        }
    }

    fn enter(&mut self, state: Market, sign: i8, since: Ts) {
        let sign = if state == Market::Trend { sign } else { 0 };
        self.held = Some(Held { state, sign, since });
        (self.rival, self.run) = (None, 0);
    }
}

/// The state whose conditions hold, in order; `None` where none does.
fn named(numbers: &Numbers, tests: u8, vix: Option<f64>) -> Option<Market> {
    let least = |number: Option<f64>, bound: f64| number.is_some_and(|n| n >= bound);
    if least(numbers.rv_percentile, VOLATILE_RANK)
        || vix.is_some_and(|v| v > VOLATILE_VIX)
        || least(numbers.atr_ratio, VOLATILE_ATR)
    {
        Some(Market::Volatile)
    } else if least(numbers.er20, TREND_ER) && least(numbers.adx14, TREND_ADX) {
        Some(Market::Trend)
    } else if numbers.er20.is_some_and(|er| er <= RANGE_ER) && tests >= RANGE_TESTS {
        Some(Market::Range)
    } else {
        None
    }
}

/// Degrees of the three states: v = the greatest of clip((rank − 0.80)/0.20), clip((VIX − 25)/10)
/// and clip((ATR ratio − 1.5)/0.75); τ = ½·clip((ER − 0.15)/0.30) + ½·clip((ADX − 12)/20);
/// VOLATILE v, TREND (1 − v)·τ, RANGE (1 − v)·(1 − τ), each clip to [0, 1]. A missing rank, VIX or
/// ratio counts 0; `None` without ER20 or ADX14.
#[must_use]
pub fn memberships(numbers: &Numbers, vix: Option<f64>) -> Option<Memberships> {
    let known = |x: Option<f64>| x.filter(|x| !x.is_nan());
    let degree = |x: f64, from: f64, width: f64| ((x - from) / width).clamp(0.0, 1.0);
    let excess = |x, from, width| known(x).map_or(0.0, |x| degree(x, from, width));
    let v = excess(numbers.rv_percentile, 0.8, 0.2).max(excess(vix, 25.0, 10.0)).max(excess(
        numbers.atr_ratio,
        1.5,
        0.75,
    ));
    let er = degree(known(numbers.er20)?, 0.15, 0.3);
    let tau = 0.5 * er + 0.5 * degree(known(numbers.adx14)?, 12.0, 20.0);
    let (trend, range) = ((1.0 - v) * tau, (1.0 - v) * (1.0 - tau));
    Some(Memberships { volatile: v, trend, range })
}

/// Feature 27 as records carry it: the VIX-free slot of the frame, raised at once to at least HIGH
/// at a fresh VIX of 25 and to EXTREME at 35. Without a value it stays without.
#[must_use]
pub fn volatility(slot: Slot, vix: Option<f64>) -> Slot {
    let Some(free) = Volatility::of_slot(&slot) else { return slot };
    let floor = match vix {
        Some(vix) if vix >= FLOOR_EXTREME => Volatility::Extreme,
        Some(vix) if vix >= FLOOR_HIGH => Volatility::High,
        _ => Volatility::Low,
    };
    if floor > free { floor.slot() } else { slot }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VOLATILE: [f64; 3] = [0.5, 30.0, 0.96];
    const TREND: [f64; 3] = [0.4, 25.0, 0.5];
    const RANGE: [f64; 3] = [0.2, 15.0, 0.5];
    const NEITHER: [f64; 3] = [0.3, 18.0, 0.5];

    fn inputs([er, adx, rank]: [f64; 3], sign: i8) -> RegimeInputs {
        let (er20, adx14, rv_percentile) = (Some(er), Some(adx), Some(rank));
        let numbers = Numbers { er20, adx14, rv_percentile, atr_ratio: None };
        RegimeInputs::new(numbers, 3, sign, 40)
    }

    fn run(closes: &[([f64; 3], i8)]) -> Vec<Option<(&'static str, i8, i64)>> {
        let mut regime = MarketRegime::default();
        (0..)
            .zip(closes)
            .map(|(at, &(close, sign))| {
                let reading = regime.close5(&inputs(close, sign), None, Ts(at)).ok()?;
                Some((reading.state.name(), reading.sign, reading.since.0))
            })
            .collect()
    }

    #[test]
    fn golden_memberships() {
        for (numbers, expected) in [
            ([0.40, 28.0, 0.50, 18.0, 1.0], [0.0, 0.8167, 0.1833]),
            ([0.20, 14.0, 0.40, 16.0, 0.9], [0.0, 0.1333, 0.8667]),
            ([0.45, 30.0, 0.97, 22.0, 1.3], [0.85, 0.1425, 0.0075]),
            ([0.30, 20.0, 0.90, 28.0, 1.2], [0.5, 0.225, 0.275]),
        ] {
            let [er20, adx14, rv_percentile, vix, atr_ratio] = numbers.map(Some);
            let numbers = Numbers { er20, adx14, rv_percentile, atr_ratio };
            let m = memberships(&numbers, vix).expect("inputs");
            for (own, expected) in [m.volatile, m.trend, m.range].into_iter().zip(expected) {
                assert!((own - expected).abs() < 5e-5, "{own} {expected}");
            }
        }
    }

    #[test]
    fn three_closes_confirm() {
        let own = run(&[
            (NEITHER, 1),
            (TREND, 1),
            (RANGE, 0),
            (RANGE, 0),
            (NEITHER, 0),
            (RANGE, 0),
            (TREND, -1),
            (RANGE, 0),
            (RANGE, 0),
            (RANGE, 0),
        ]);
        assert_eq!(own[0], None);
        assert!(own[1..6].iter().all(|&o| o == Some(("TREND", 1, 1))));
        assert!(own[6..9].iter().all(|&o| o == Some(("TREND", -1, 1))));
        assert_eq!(own[9], Some(("RANGE", 0, 9)));
    }

    #[test]
    fn volatile_at_once_and_three_closes_out() {
        let (v, n) = ((VOLATILE, 1), (NEITHER, 1));
        let own = run(&[(TREND, -1), v, (RANGE, 0), (RANGE, 0), v, n, n, n, v, n, n, (RANGE, 0)]);
        assert_eq!(own[0], Some(("TREND", -1, 0)));
        assert!(own[1..7].iter().all(|&o| o == Some(("VOLATILE", 0, 1))));
        assert_eq!(own[7], Some(("TREND", -1, 7)), "back to what it was");
        assert_eq!(
            own[8..],
            [8, 8, 8, 11].map(|t| match t {
                11 => Some(("RANGE", 0, 11)),
                _ => Some(("VOLATILE", 0, t)),
            })
        );
        let stuck = run(&[v, n, n, n, n, (TREND, 1)]);
        assert_eq!(stuck[4..], [Some(("VOLATILE", 0, 0)), Some(("TREND", 1, 5))]);
    }

    #[test]
    fn conditions_of_volatile() {
        let mut numbers = inputs(RANGE, 0).numbers();
        assert_eq!(named(&numbers, 3, Some(30.0)), Some(Market::Range));
        assert_eq!(named(&numbers, 2, Some(30.0)), None);
        assert_eq!(named(&numbers, 3, Some(30.1)), Some(Market::Volatile));
        assert_eq!(named(&numbers, 3, Some(f64::NAN)), Some(Market::Range));
        numbers.atr_ratio = Some(2.0);
        assert_eq!(named(&numbers, 3, None), Some(Market::Volatile));
    }

    #[test]
    fn warm_up() {
        let mut regime = MarketRegime::default();
        let ready = inputs(TREND, 1);
        assert!(regime.close5(&ready, None, Ts(1)).is_ok());
        let young = RegimeInputs::new(ready.numbers(), 3, 1, 39);
        assert_eq!(regime.close5(&young, None, Ts(2)), Err(Reason::Warmup));
        assert_eq!(regime.close5(&ready, None, Ts(3)).map(|r| r.since), Ok(Ts(3)));
        let unranked = Numbers { rv_percentile: None, ..ready.numbers() };
        let unranked = RegimeInputs::new(unranked, 3, 1, 40);
        assert_eq!(regime.close5(&unranked, None, Ts(4)), Err(Reason::Warmup));
    }

    #[test]
    fn vix_floor() {
        let raised = |free: Volatility, vix: f64| {
            Volatility::of_slot(&volatility(free.slot(), Some(vix))).expect("value")
        };
        assert_eq!(raised(Volatility::Low, 24.9), Volatility::Low);
        assert_eq!(raised(Volatility::Low, 25.0), Volatility::High);
        assert_eq!(raised(Volatility::Extreme, 25.0), Volatility::Extreme);
        assert_eq!(raised(Volatility::Normal, 35.0), Volatility::Extreme);
        assert_eq!(raised(Volatility::Normal, f64::NAN), Volatility::Normal);
        let none = Slot::none(Reason::Warmup);
        assert_eq!(volatility(none, Some(40.0)), none);
        assert_eq!(volatility(Volatility::Normal.slot(), None), Volatility::Normal.slot());
    }

    /// The state by a search through all closes named so far.
    fn naive(all: &[Option<Market>]) -> Option<Market> {
        let (mut state, mut before, mut entered) = (None, None, 0);
        for (i, &now) in all.iter().enumerate() {
            let last = &all[entered.max(i.saturating_sub(2))..=i];
            let next = match (state, now) {
                (None, now) => now,
                (Some(_), Some(Market::Volatile)) => Some(Market::Volatile),
                (Some(Market::Volatile), now) => {
                    let out = last.len() == 3 && last.iter().all(|n| *n != Some(Market::Volatile));
                    if out { now.or(before).or(state) } else { state }
                }
                (Some(_), now) => {
                    if last.len() == 3 && last.iter().all(|n| *n == now) && now.is_some() {
                        now
                    } else {
                        state
                    }
                }
            };
            if next != state {
                if next == Some(Market::Volatile) && state.is_some() {
                    before = state;
                }
                (state, entered) = (next, i + 1);
            }
        }
        state
    }

    proptest! {
        /// The machine against the search; mirrored moves give the mirrored sign and nothing else.
        #[test]
        fn equals_definition(closes in prop::collection::vec((0_usize..4, -1_i8..2), 1..60)) {
            let kinds = [VOLATILE, TREND, RANGE, NEITHER];
            let closes: Vec<_> = closes.iter().map(|&(kind, sign)| (kinds[kind], sign)).collect();
            let mirrored: Vec<_> = closes.iter().map(|&(kind, sign)| (kind, -sign)).collect();
            let own = run(&closes);
            let flipped: Vec<_> =
                run(&mirrored).iter().map(|o| o.map(|(s, sign, t)| (s, -sign, t))).collect();
            prop_assert_eq!(&own, &flipped);
            let all: Vec<_> =
                closes.iter().map(|c| named(&inputs(c.0, c.1).numbers(), 3, None)).collect();
            for i in 0..all.len() {
                let expected = naive(&all[..=i]).map(Market::name);
                prop_assert_eq!(own[i].map(|o| o.0), expected, "close {}", i);
            }
        }

        /// Degrees are in range and add up, whatever goes in.
        #[test]
        fn bounds(x: [f64; 5], some: [bool; 5]) {
            let pick = |at: usize| some[at].then_some(x[at]);
            let numbers = Numbers {
                er20: pick(0),
                adx14: pick(1),
                rv_percentile: pick(2),
                atr_ratio: pick(3),
            };
            if let Some(m) = memberships(&numbers, pick(4)) {
                for degree in [m.volatile, m.trend, m.range] {
                    prop_assert!((0.0..=1.0).contains(&degree));
                }
                prop_assert!((m.volatile + m.trend + m.range - 1.0).abs() < 1e-12);
            }
            let inputs = RegimeInputs::new(numbers, 255, 1, u16::MAX);
            _ = MarketRegime::default().close5(&inputs, pick(4), Ts(0));
            _ = volatility(Slot::some(x[0]), pick(4));
        }
    }
}
