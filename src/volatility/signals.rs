//! Six kinds of signals that volatility gives: they modify risk, none opens a trade.
//!
//! | kind | condition | direction | strength |
//! |---|---|---|---|
//! | spike reversal | VIX > 25, up ≥ 20 % in three sessions, has turned | + | rise/0.5 |
//! | complacency | percentile < 0.10 and VIX < 15 | − | 1 − 5·percentile |
//! | regime change | a confirmed change of the level regime | 0 | 1 |
//! | term structure | the curve is BACKWARDATION, or strong stress | − | (r − 1)/0.11 |
//! | momentum | \|mom5\| > 0.15 | −sgn | \|mom5\|/0.30 |
//! | mean reversion | z of sixty > 2 and VIX below its previous close | + | (z − 2)/2 |
//!
//! A spike rises from the low of the present session and the two before; it has turned where VIX
//! is ≥ 5 % below its high since, or VIX9D/VIX below its last value of the session before.
//!
//! Own design; strengths are clipped to 0..=1. A kind fires once, stays active, and ends and
//! re-arms after a session in which its condition was known and never true; a change of regime
//! fires each time. Cost: a few dozen operations an observation, no allocation.

use super::closes::Stats;
use super::curve::strong_stress;
use super::part::{Curve, Regime, SIGNALS_MAX, Signal, SignalKind};
use crate::units::{Slot, Ts};

/// Sessions over which a spike's low is looked for, the present one included.
pub const SPIKE_SESSIONS: usize = 3;
const SPIKE_VIX: f64 = 25.0;
const SPIKE_RISE: f64 = 0.2;
/// Share of the high since at which a spike has turned.
const TURNED: f64 = 0.95;
const COMPLACENT: (f64, f64) = (0.1, 15.0);
const MOMENTUM: f64 = 0.15;
const FAR: f64 = 2.0;

/// What of the signals is left to calibration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignalParams {
    /// Confidence of complacency, 0..=1.
    pub complacency_confidence: f64,
    /// Confidence of term structure, 0..=1.
    pub term_confidence: f64,
    /// Confidence of momentum, 0..=1.
    pub momentum_confidence: f64,
    /// Confidence of mean reversion, 0..=1.
    pub reversion_confidence: f64,
    /// Factor on the stop after a spike, at least 1.
    pub spike_stop: f64,
    /// Factor on the stop in backwardation, at least 1.
    pub term_stop: f64,
    /// Factor on the stop at a mean reversion, at least 1.
    pub reversion_stop: f64,
}

impl Default for SignalParams {
    fn default() -> SignalParams {
        SignalParams {
            complacency_confidence: 0.65,
            term_confidence: 0.65,
            momentum_confidence: 0.60,
            reversion_confidence: 0.60,
            spike_stop: 1.25,
            term_stop: 1.25,
            reversion_stop: 1.25,
        }
    }
}

impl SignalParams {
    /// Whether confidences lie in 0..=1 and stops are finite and not tightened.
    ///
    /// # Errors
    /// The name of the first that does not.
    pub fn check(&self) -> Result<(), &'static str> {
        for (name, confidence) in [
            ("complacency_confidence", self.complacency_confidence),
            ("term_confidence", self.term_confidence),
            ("momentum_confidence", self.momentum_confidence),
            ("reversion_confidence", self.reversion_confidence),
        ] {
            if !(0.0..=1.0).contains(&confidence) {
                return Err(name);
            }
        }
        for (name, stop) in [
            ("spike_stop", self.spike_stop),
            ("term_stop", self.term_stop),
            ("reversion_stop", self.reversion_stop),
        ] {
            if !(1.0..=10.0).contains(&stop) {
                return Err(name);
            }
        }
        Ok(())
    }
}

/// What one observation of a fresh VIX sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Time of the observation.
    pub ts: Ts,
    /// Its session, days since 1970-01-01.
    pub session: i32,
    /// First session that counts for the low of a spike.
    pub since: i32,
    /// Points.
    pub vix: f64,
    /// Against the closes before the session.
    pub stats: Stats,
    /// The last close before the session, points.
    pub previous_close: Option<f64>,
    /// A change of regime that this observation confirms.
    pub change: Option<(Regime, Regime)>,
    /// VIX/VIX3M.
    pub ratio: Slot,
    /// Confirmed curve; `None` where the ratio has no value.
    pub curve: Option<Curve>,
    /// VIX9D/VIX.
    pub ratio9: Slot,
}

/// One session as the spike sees it, points.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Day {
    session: i32,
    low: f64,
    high_since_low: f64,
    high: f64,
    /// The last VIX9D/VIX of the session.
    ratio9: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Kind {
    active: Option<Signal>,
    /// In this session the condition could be told, and was true.
    known: bool,
    held: bool,
}

/// What a condition that holds says.
#[derive(Clone, Copy, Debug)]
struct Says {
    direction: i8,
    strength: f64,
    confidence: f64,
    /// On size, stop and target.
    factors: [f64; 3],
}

/// Kinds in the order of the table.
const KINDS: [SignalKind; SIGNALS_MAX] = [
    SignalKind::SpikeReversal,
    SignalKind::Complacency,
    SignalKind::RegimeChange,
    SignalKind::TermStructure,
    SignalKind::Momentum,
    SignalKind::MeanReversion,
];

/// The signals and what they remember.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signals {
    params: SignalParams,
    kinds: [Kind; SIGNALS_MAX],
    /// Newest first.
    days: [Option<Day>; SPIKE_SESSIONS],
}

impl Signals {
    /// No signals yet.
    #[must_use]
    pub fn new(params: SignalParams) -> Signals {
        Signals { params, kinds: [Kind::default(); SIGNALS_MAX], days: [None; SPIKE_SESSIONS] }
    }

    /// The active ones by time, in the order of the table at equal times.
    #[must_use]
    pub fn active(&self) -> [Option<Signal>; SIGNALS_MAX] {
        let mut list = self.kinds.map(|k| k.active);
        // A stable sort keeps the order of the table.
        list.sort_by_key(|s| s.map_or((1, Ts::MAX), |s| (0, s.ts)));
        list
    }

    /// Takes an observation. One of an earlier session than the last, or without a level, is
    /// ignored.
    pub fn observe(&mut self, view: &View) {
        let newest = self.days[0].map(|d| d.session);
        if !(view.vix.is_finite() && view.vix > 0.0) || newest.is_some_and(|s| view.session < s) {
            return;
        }
        if newest != Some(view.session) {
            self.next_session();
        }
        self.track(view);
        let says = [
            self.spike(view),
            self.complacency(view),
            None,
            self.term(view),
            self.momentum(view),
            self.reversion(view),
        ];
        for ((kind, name), says) in self.kinds.iter_mut().zip(KINDS).zip(says) {
            // `None`: cannot be told.
            let Some(says) = says else { continue };
            kind.known = true;
            let Some(says) = says else { continue };
            kind.held = true;
            if kind.active.is_none() {
                kind.active = Some(signal(name, view, &says));
            }
        }
        self.regime_change(view);
    }

    fn next_session(&mut self) {
        for kind in &mut self.kinds {
            let over = kind.known && !kind.held;
            *kind = Kind { active: kind.active.filter(|_| !over), ..Kind::default() };
        }
        let [a, b, _] = self.days;
        self.days = [None, a, b];
    }

    fn track(&mut self, view: &View) {
        let v = view.vix;
        let mut day = self.days[0].unwrap_or(Day {
            session: view.session,
            low: v,
            high_since_low: v,
            high: v,
            ratio9: None,
        });
        // The latest of equal lows: what was high before it is over.
        if v <= day.low {
            (day.low, day.high_since_low) = (v, v);
        }
        day.high_since_low = day.high_since_low.max(v);
        day.high = day.high.max(v);
        day.ratio9 = view.ratio9.value().or(day.ratio9);
        self.days[0] = Some(day);
    }

    /// Low of the sessions from `since` on, and the high after it.
    fn low_and_high(&self, since: i32) -> Option<(f64, f64)> {
        let mut found: Option<(f64, f64)> = None;
        for day in self.days.iter().rev().flatten().filter(|d| d.session >= since) {
            found = match found {
                Some((low, high)) if low < day.low => Some((low, high.max(day.high))),
                _ => Some((day.low, day.high_since_low)),
            };
        }
        found
    }

    fn spike(&self, view: &View) -> Option<Option<Says>> {
        let (low, high) = self.low_and_high(view.since)?;
        let rise = view.vix / low - 1.0;
        let before = self.days.iter().skip(1).flatten().filter(|d| d.session >= view.since);
        let falling = match (view.ratio9.value(), before.map(|d| d.ratio9).next().flatten()) {
            (Some(now), Some(before)) => now < before,
            _ => false,
        };
        let turned = view.vix <= TURNED * high || falling;
        let holds = view.vix > SPIKE_VIX && rise >= SPIKE_RISE && turned;
        Some(holds.then_some(Says {
            direction: 1,
            strength: rise / 0.5,
            confidence: 0.75,
            factors: [1.0, self.params.spike_stop, 1.3],
        }))
    }

    fn complacency(&self, view: &View) -> Option<Option<Says>> {
        let percentile = view.stats.percentile.value()?;
        let holds = percentile < COMPLACENT.0 && view.vix < COMPLACENT.1;
        Some(holds.then_some(Says {
            direction: -1,
            strength: 1.0 - 5.0 * percentile,
            confidence: self.params.complacency_confidence,
            factors: [0.8, 0.9, 0.8],
        }))
    }

    fn term(&self, view: &View) -> Option<Option<Says>> {
        let (ratio, curve) = (view.ratio.value()?, view.curve?);
        let holds = curve == Curve::Backwardation || strong_stress(ratio);
        Some(holds.then_some(Says {
            direction: -1,
            strength: (ratio - 1.0) / 0.11,
            confidence: self.params.term_confidence,
            factors: [0.7, self.params.term_stop, 1.0],
        }))
    }

    fn momentum(&self, view: &View) -> Option<Option<Says>> {
        let mom5 = view.stats.mom5.value()?;
        Some((mom5.abs() > MOMENTUM).then_some(Says {
            direction: if mom5 > 0.0 { -1 } else { 1 },
            strength: mom5.abs() / 0.3,
            confidence: self.params.momentum_confidence,
            factors: [1.0; 3],
        }))
    }

    fn reversion(&self, view: &View) -> Option<Option<Says>> {
        let (z, close) = (view.stats.z_60.value()?, view.previous_close?);
        Some((z > FAR && view.vix < close).then_some(Says {
            direction: 1,
            strength: (z - FAR) / 2.0,
            confidence: self.params.reversion_confidence,
            factors: [1.0, self.params.reversion_stop, 1.0],
        }))
    }

    /// Each transition is an event of its own; the newest is the active one.
    fn regime_change(&mut self, view: &View) {
        let [_, _, kind, ..] = &mut self.kinds;
        kind.known = true;
        if let Some((_, to)) = view.change {
            kind.held = true;
            let factors = [to.multiplier(), 1.0, 1.0];
            let says = Says { direction: 0, strength: 1.0, confidence: 0.65, factors };
            kind.active = Some(signal(SignalKind::RegimeChange, view, &says));
        }
    }
}

fn signal(kind: SignalKind, view: &View, says: &Says) -> Signal {
    let [size_mult, stop_mult, target_mult] = says.factors;
    Signal {
        kind,
        ts: view.ts,
        direction: says.direction,
        strength: says.strength.clamp(0.0, 1.0),
        confidence: says.confidence,
        size_mult,
        stop_mult,
        target_mult,
        change: view.change.filter(|_| kind == SignalKind::RegimeChange),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Reason, SECOND};

    fn view(session: i32, vix: f64) -> View {
        let none = Slot::none(Reason::NoInput);
        View {
            ts: Ts(i64::from(session) * 86_400 * SECOND),
            session,
            since: session - 2,
            vix,
            stats: Stats::none(Reason::Warmup),
            previous_close: None,
            change: None,
            ratio: none,
            curve: None,
            ratio9: none,
        }
    }

    fn of(signals: &Signals, kind: SignalKind) -> Option<Signal> {
        signals.active().into_iter().flatten().find(|s| s.kind == kind)
    }

    fn new() -> Signals {
        Signals::new(SignalParams::default())
    }

    fn numbers(s: Signal) -> (i8, f64, f64, [f64; 3]) {
        (s.direction, s.strength, s.confidence, [s.size_mult, s.stop_mult, s.target_mult])
    }

    /// A rise of 37.5 % has strength 0.75; without a turn there is none.
    #[test]
    fn spike_golden() {
        let mut signals = new();
        for vix in [20.0, 24.0, 29.0] {
            signals.observe(&view(100, vix));
            assert_eq!(of(&signals, SignalKind::SpikeReversal), None, "{vix}");
        }
        // 27.56 is 4.97 % below the high, 27.5 is 5.2 %.
        signals.observe(&view(100, 27.56));
        assert_eq!(of(&signals, SignalKind::SpikeReversal), None);
        signals.observe(&view(100, 27.5));
        let fired = of(&signals, SignalKind::SpikeReversal).expect("spike");
        let (direction, strength, confidence, factors) = numbers(fired);
        assert_eq!((direction, confidence, factors), (1, 0.75, [1.0, 1.25, 1.3]));
        assert!((strength - 0.75).abs() < 1e-12);
    }

    #[test]
    fn spike_needs_its_low_first_and_its_sessions() {
        // The high came before the low: no reversal while VIX still rises from it.
        let mut signals = new();
        for vix in [40.0, 20.0, 26.0, 30.0] {
            signals.observe(&view(100, vix));
        }
        assert_eq!(of(&signals, SignalKind::SpikeReversal), None);
        // Nor from the latest of two equal lows.
        let mut signals = new();
        for vix in [20.0, 23.0, 20.0, 24.0, 26.0, 25.5] {
            signals.observe(&view(100, vix));
        }
        for vix in [20.0, 24.0, 30.0, 20.0, 26.0] {
            signals.observe(&view(101, vix));
            let early = of(&signals, SignalKind::SpikeReversal);
            assert_eq!(early, None, "{vix}");
        }
        // Two sessions later the low still counts, three later it does not.
        for (session, fires) in [(102, true), (103, false)] {
            let mut signals = new();
            signals.observe(&view(100, 20.0));
            signals.observe(&view(session, 30.0));
            signals.observe(&view(session, 28.0));
            assert_eq!(of(&signals, SignalKind::SpikeReversal).is_some(), fires, "{session}");
        }
        // At most 25 or less than a fifth: nothing.
        for vix in [[20.0, 27.0, 25.0], [24.0, 31.0, 28.5]] {
            let mut signals = new();
            vix.iter().for_each(|&v| signals.observe(&view(100, v)));
            assert_eq!(of(&signals, SignalKind::SpikeReversal), None);
        }
    }

    #[test]
    fn spike_turned_by_the_short_end() {
        for (ratio9, fires) in [(1.29, true), (1.3, false), (1.4, false)] {
            let mut signals = new();
            signals.observe(&View { ratio9: Slot::some(1.3), ..view(100, 20.0) });
            signals.observe(&View { ratio9: Slot::some(ratio9), ..view(101, 30.0) });
            assert_eq!(of(&signals, SignalKind::SpikeReversal).is_some(), fires, "{ratio9}");
        }
    }

    #[test]
    fn complacency_golden() {
        let stats = |p| Stats { percentile: Slot::some(p), ..Stats::none(Reason::Warmup) };
        let mut signals = new();
        for (p, vix) in [(0.10, 12.0), (0.06, 15.0)] {
            signals.observe(&View { stats: stats(p), ..view(100, vix) });
            assert_eq!(of(&signals, SignalKind::Complacency), None);
        }
        signals.observe(&View { stats: stats(0.06), ..view(100, 14.9) });
        let (direction, strength, confidence, factors) =
            numbers(of(&signals, SignalKind::Complacency).expect("complacency"));
        assert_eq!((direction, confidence, factors), (-1, 0.65, [0.8, 0.9, 0.8]));
        assert!((strength - 0.70).abs() < 1e-12);
    }

    #[test]
    fn term_momentum_reversion() {
        let mut signals = new();
        let stats =
            Stats { mom5: Slot::some(0.24), z_60: Slot::some(2.5), ..Stats::none(Reason::Warmup) };
        let at = View {
            stats,
            previous_close: Some(31.0),
            ratio: Slot::some(1.055),
            curve: Some(Curve::Backwardation),
            ..view(100, 30.0)
        };
        signals.observe(&at);
        let say = |kind| numbers(of(&signals, kind).expect("signal"));
        let (direction, strength, confidence, factors) = say(SignalKind::TermStructure);
        assert_eq!((direction, confidence, factors), (-1, 0.65, [0.7, 1.25, 1.0]));
        assert!((strength - 0.5).abs() < 1e-9);
        let (direction, strength, confidence, factors) = say(SignalKind::Momentum);
        assert_eq!((direction, confidence, factors), (-1, 0.60, [1.0; 3]));
        assert!((strength - 0.8).abs() < 1e-12);
        assert_eq!(say(SignalKind::MeanReversion), (1, 0.25, 0.60, [1.0, 1.25, 1.0]));
        // The other side of each.
        let mut signals = new();
        let falling = Stats { mom5: Slot::some(-0.5), z_60: Slot::some(2.0), ..stats };
        let stressed = View { curve: Some(Curve::Flat), ratio: Slot::some(1.12), ..at };
        signals.observe(&View { stats: falling, ..stressed });
        assert_eq!(of(&signals, SignalKind::MeanReversion), None);
        let momentum = of(&signals, SignalKind::Momentum).expect("momentum");
        assert_eq!((momentum.direction, momentum.strength), (1, 1.0));
        assert_eq!(of(&signals, SignalKind::TermStructure).map(|s| s.strength), Some(1.0));
        let mut signals = new();
        signals.observe(&View { previous_close: Some(30.0), ..at });
        assert_eq!(of(&signals, SignalKind::MeanReversion), None);
    }

    #[test]
    fn fires_once_and_again_after_a_session_without() {
        let on = |session, p: Option<f64>| {
            let percentile = p.map_or(Slot::none(Reason::Warmup), Slot::some);
            View {
                stats: Stats { percentile, ..Stats::none(Reason::Warmup) },
                ..view(session, 12.0)
            }
        };
        let mut signals = new();
        let fired = |signals: &Signals| of(signals, SignalKind::Complacency).map(|s| s.ts);
        let day = |session: i32| Some(Ts(i64::from(session) * 86_400 * SECOND));
        for (session, p, expected) in [
            (100, Some(0.05), day(100)),
            (100, Some(0.5), day(100)),
            (100, Some(0.05), day(100)),
            // False and true in one session: not false for a session.
            (101, Some(0.5), day(100)),
            (101, Some(0.05), day(100)),
            // Could not be told: not false either.
            (102, None, day(100)),
            (103, Some(0.05), day(100)),
            // False throughout: still active until the session is over.
            (104, Some(0.5), day(100)),
            (104, Some(0.5), day(100)),
            (105, Some(0.05), day(105)),
            (106, Some(0.5), day(105)),
            (107, Some(0.5), None),
            // Time that goes back is no observation.
            (106, Some(0.05), None),
        ] {
            signals.observe(&on(session, p));
            assert_eq!(fired(&signals), expected, "{session} {p:?}");
        }
    }

    #[test]
    fn each_change_of_regime() {
        let mut signals = new();
        let change = |session, from, to| View { change: Some((from, to)), ..view(session, 26.0) };
        signals.observe(&change(100, Regime::Normal, Regime::High));
        signals.observe(&change(100, Regime::High, Regime::Extreme));
        let last = of(&signals, SignalKind::RegimeChange).expect("change");
        assert_eq!(last.change, Some((Regime::High, Regime::Extreme)));
        assert_eq!(numbers(last), (0, 1.0, 0.65, [0.5, 1.0, 1.0]));
        signals.observe(&view(101, 40.0));
        assert!(of(&signals, SignalKind::RegimeChange).is_some());
        signals.observe(&view(102, 40.0));
        assert!(of(&signals, SignalKind::RegimeChange).is_none());
    }

    #[test]
    fn parameters() {
        assert_eq!(SignalParams::default().check(), Ok(()));
        let tight = SignalParams { term_stop: 0.9, ..SignalParams::default() };
        assert_eq!(tight.check(), Err("term_stop"));
        let sure = SignalParams { term_confidence: f64::NAN, ..SignalParams::default() };
        assert_eq!(sure.check(), Err("term_confidence"));
    }
}
