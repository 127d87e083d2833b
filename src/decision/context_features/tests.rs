//! Features 1 to 11 over frames and contexts made by hand.

use super::*;
use crate::calendar::instant;
use crate::context::{
    BiasPreset, DelayClass, FlipStatus, GammaRegime, PINS_MAX, Pin, SanityStatus, Scope, SignModel,
    SpotSource, Text,
};
use crate::event::{Body, Event};
use crate::units::{MINUTE, Px, SECOND, SymbolId};
use crate::volatility::{Part, Source};

const NONE: Slot = Slot::none(Reason::NoInput);
/// A Thursday, 10:00 New York.
const NOW: &str = "2026-01-15T15:00:00Z";

fn now() -> Ts {
    instant(NOW)
}

fn after(ns: i64) -> Ts {
    Ts(now().0 + ns)
}

fn es() -> Reads {
    Reads::of(&Instrument::from_symbol("ESH6").expect("root"))
}

/// Index and future alike (basis 0): put wall 6000, call wall 6010, flip 5990, max pain 5990, one
/// pin at 5996; EM 40, net/gross 0.2.
pub(in crate::decision) fn part(symbol: Underlying) -> LevelPart {
    let levels = Levels {
        call_wall: Slot::some(6010.0),
        put_wall: Slot::some(6000.0),
        flip: Slot::some(5990.0),
        vol_trigger: NONE,
        max_pain: Slot::some(5990.0),
        pins: [Slot::some(5996.0), NONE, NONE],
    };
    let future = |month: char| FuturePart {
        contract: Text::new(&format!("{}{month}26", symbol.future())),
        basis: Slot::some(0.0),
        basis_source: None,
        basis_ts_ns: now(),
        levels,
    };
    LevelPart {
        symbol,
        provider: Text::new("test"),
        delay_class: DelayClass::Replay,
        convention: SignModel::LongCallsShortPuts,
        scope: Scope::All,
        asof_ns: after(-5 * MINUTE),
        captured_ns: after(-MINUTE),
        valid_until_ns: after(60 * MINUTE),
        sanity_status: SanityStatus::Go,
        sanity_score: 100,
        spot: 6002.0,
        spot_source: SpotSource::Print,
        spot_ts_ns: now(),
        futures: [Some(future('H')), Some(future('M'))],
        levels,
        pins: [Some(Pin { strength: 1.8, pin_score: 0.3 }), None, None],
        max_pain_expiry: None,
        flip_status: FlipStatus::Ok,
        flip_quality: None,
        flip_uncertainty_pts: NONE,
        net_gex: 15.0,
        abs_gex: 75.0,
        call_gex: 45.0,
        put_gex: -30.0,
        net_abs: Slot::some(0.2),
        share_zero_dte: NONE,
        gamma_regime: GammaRegime::Pos,
        dealer_position: None,
        em_day: Slot::some(40.0),
        pcr_volume: Slot::some(0.95),
        pcr_oi: NONE,
        pcr_pct: NONE,
        skew25_30d: NONE,
        skew_z: Slot::some(1.5),
        pcr_sessions: 0,
        skew_sessions: 60,
        flip_term: NONE,
        pcr_term: Slot::some(0.25),
        skew_term: Slot::some(-0.75),
        max_pain_term: NONE,
        pin_score: 0.3,
        bias: Slot::some(0.673_817),
        bias_pcr: NONE,
        bias_gex: NONE,
        bias_vix: NONE,
        coverage: 1.0,
        confidence: NONE,
        direction: None,
        strength: None,
        preset: BiasPreset::SeedStrict,
        unusual: None,
        unusual_events: NONE,
    }
}

fn quote(value: f64, ts: Ts) -> Option<Quote> {
    Some(Quote { value, ts, source: Source::Scid, stale: false, eod: false })
}

fn volatility(vix: f64, ts: Ts) -> Part {
    Part {
        vix: quote(vix, ts),
        vix9d: None,
        vix3m: quote(vix / 0.9, ts),
        vix6m: None,
        vxn: None,
        regime: None,
        vix_mult: None,
        stress: None,
        ratio: Slot::some(0.9),
        curve: None,
        strong_stress: None,
        percentile: NONE,
        mom5: Slot::some(0.105_263),
        mom20: NONE,
        trend: None,
        z_60: NONE,
        vx: None,
        signals: [None; 6],
    }
}

fn context(version: u64, part: Option<LevelPart>, volatility: Option<Part>) -> Context {
    let mut context = Context { version, volatility, ..Context::EMPTY };
    part.into_iter().for_each(|part| context.set_level(part));
    context
}

fn frame(ts: Ts, close: Option<i64>) -> Frame {
    let body = Body::BatchEnd;
    let event = Event { seq: 1, ts, ts_exch: ts, symbol: SymbolId(0), flags: 0, body };
    let mut frame = Frame::empty(event);
    frame.eth_anchor = Ts(0);
    if let Some(ticks) = close {
        frame.flags = frame_flag::BAR_CLOSED;
        frame.bar = crate::bars::Bar::empty(1, Px::clamped(ticks));
    }
    frame
}

struct Run {
    of: ContextFeatures,
    calendar: Calendar,
}

impl Run {
    fn new(reads: Reads) -> Run {
        let calendar = Calendar::bundled().expect("calendar");
        Run { of: ContextFeatures::new(reads), calendar }
    }

    fn put(&mut self, ts: Ts, context: &Context, points: f64) -> u32 {
        let price = Some((points * 8.0) as i64);
        self.of.update(&frame(ts, None), context, price, &self.calendar)
    }

    fn close(&mut self, ts: Ts, context: &Context, ticks: i64) -> Option<f64> {
        let price = Some(2 * ticks);
        let _ = self.of.update(&frame(ts, Some(ticks)), context, price, &self.calendar);
        self.of.slot(1).value()
    }

    fn near(&self, feature: usize, expected: f64) {
        let own = self.of.slot(feature).value().expect("value");
        assert!((own - expected).abs() <= 2e-6, "feature {feature}: {own} {expected}");
    }

    fn none(&self, features: std::ops::RangeInclusive<usize>, reason: Reason) {
        for feature in features {
            assert_eq!(self.of.slot(feature), Slot::none(reason), "feature {feature}");
        }
    }
}

#[test]
fn golden() {
    let mut run = Run::new(es());
    let context =
        context(1, Some(part(Underlying::Spx)), Some(volatility(18.5, after(-30 * SECOND))));
    assert_eq!(run.put(now(), &context, 6002.0), 0x7ff, "all eleven");
    for (feature, expected) in [
        (1, 0.8),
        (2, 0.3),
        (3, 0.2),
        (4, 0.25),
        (5, -0.75),
        (6, 0.673_817),
        (7, -0.3),
        (8, 0.344_283),
        (9, 0.3),
        (10, -0.701_754),
        (11, 0.555_556),
    ] {
        run.near(feature, expected);
    }
    assert_eq!(run.of.as_of(1), after(-5 * MINUTE));
    assert_eq!(run.of.as_of(11), after(-30 * SECOND));
    let nearest = run.of.nearest().expect("levels");
    assert_eq!((nearest.kind.name(), nearest.level, nearest.ticks), ("put_wall", 6000.0, -8.0));
    assert_eq!(run.put(after(1), &context, 6002.0), 0, "nothing moved");
    assert_eq!(run.put(after(2), &context, 6002.125), 0b1100_0011, "what has a price in it");
}

#[test]
fn nearer_levels_win() {
    let mut set = part(Underlying::Spx);
    for levels in set.futures.iter_mut().flatten().map(|f| &mut f.levels) {
        levels.flip = Slot::some(6003.0);
    }
    let mut run = Run::new(es());
    run.put(now(), &context(1, Some(set), None), 6002.0);
    run.near(1, -0.81);
    set.em_day = Slot::none(Reason::InvalidInput);
    for levels in set.futures.iter_mut().flatten().map(|f| &mut f.levels) {
        (levels.flip, levels.pins) = (NONE, [NONE; PINS_MAX]);
    }
    set.pins = [None; PINS_MAX];
    run.put(now(), &context(2, Some(set), None), 6002.0);
    run.near(1, 0.666_667);
    assert_eq!(run.of.slot(2), NONE, "no flip");
    run.none(7..=7, Reason::InvalidInput);
    run.near(8, 0.0);
}

#[test]
fn who_reads_what() {
    let (spx, ndx) = (part(Underlying::Spx), part(Underlying::Ndx));
    let both = |version| {
        let mut both = context(version, Some(spx), Some(volatility(18.5, now())));
        let mut ndx = ndx;
        ndx.net_abs = Slot::some(-0.5);
        both.set_level(ndx);
        both
    };
    for (symbol, third) in
        [("ESH6", 0.2), ("MESH6-CME", 0.2), ("F.US.NQH26", -0.5), ("MNQM6", -0.5), ("ES", 0.2)]
    {
        let mut run = Run::new(Reads::of(&Instrument::from_symbol(symbol).expect("root")));
        run.put(now(), &both(1), 6002.0);
        run.near(3, third);
        assert!(run.of.slot(2).value().is_some(), "{symbol} has a basis");
        run.near(9, 0.3);
    }
    // A contract that the set does not know has no basis; what has no price in it stays.
    let mut run = Run::new(Reads::of(&Instrument::from_symbol("ESZ6").expect("root")));
    run.put(now(), &both(1), 6002.0);
    for feature in [1, 2, 7, 8] {
        run.none(feature..=feature, Reason::NoInput);
    }
    run.near(3, 0.2);
    // Another product reads nothing.
    let mut run = Run::new(Reads::of(&Instrument::with_tick("CLZ6", 0.01).expect("tick")));
    assert_eq!(run.put(now(), &both(1), 6002.0), 0);
    run.none(1..=11, Reason::NoInput);
}

#[test]
fn a_set_ends_with_its_validity() {
    let mut run = Run::new(es());
    let set = context(1, Some(part(Underlying::Spx)), None);
    run.put(after(60 * MINUTE - 1), &set, 6002.0);
    run.near(1, 0.8);
    assert_eq!(run.put(after(60 * MINUTE), &set, 6002.0), 0xff, "by the time alone");
    run.none(1..=8, Reason::Stale);
    assert_eq!(run.of.nearest(), None);
    run.put(after(61 * MINUTE), &set, 6003.0);
    run.none(1..=8, Reason::Stale);
    // A NO_GO that got here all the same is as if it were not there.
    let no_go = LevelPart { sanity_status: SanityStatus::NoGo, ..part(Underlying::Spx) };
    run.put(now(), &context(2, Some(no_go), None), 6002.0);
    run.none(1..=8, Reason::NoInput);
}

#[test]
fn vix_grows_old_by_the_hours_of_its_dissemination() {
    let mut run = Run::new(es());
    let (open, vix) = (now(), volatility(28.0, now()));
    let one = context(1, None, Some(vix));
    run.put(open, &one, 6002.0);
    run.near(9, -1.0);
    assert_eq!(run.of.fresh_vix(), Some(28.0));
    run.put(after(90 * SECOND), &one, 6002.0);
    run.near(9, -1.0);
    assert_eq!(run.put(after(90 * SECOND + 1), &one, 6002.0), 0b111 << 8);
    run.none(9..=11, Reason::Stale);
    assert_eq!(run.of.fresh_vix(), None);
    // The last value of the day is context until the next hours begin, and fresh no more.
    let last = instant("2026-01-15T21:14:30Z");
    let two = context(2, None, Some(volatility(15.0, last)));
    run.put(last, &two, 6002.0);
    assert_eq!(run.of.fresh_vix(), Some(15.0));
    run.put(instant("2026-01-15T21:15:01Z"), &two, 6002.0);
    run.near(9, 1.0);
    assert_eq!(run.of.fresh_vix(), None);
    run.put(instant("2026-01-16T08:14:59Z"), &two, 6002.0);
    run.near(9, 1.0);
    run.put(instant("2026-01-16T08:15:00Z"), &two, 6002.0);
    run.none(9..=11, Reason::Stale);
}

#[test]
fn each_part_of_the_curve_has_its_own_reason() {
    let mut run = Run::new(es());
    let mut vix = volatility(18.5, now());
    (vix.vix3m, vix.mom5) = (None, Slot::none(Reason::Warmup));
    run.put(now(), &context(1, None, Some(vix)), 6002.0);
    run.near(9, 0.3);
    run.none(10..=10, Reason::Warmup);
    run.none(11..=11, Reason::NoInput);
    let mut vix = volatility(18.5, now());
    vix.vix3m = quote(20.0, after(-91 * SECOND));
    run.put(now(), &context(2, None, Some(vix)), 6002.0);
    run.none(11..=11, Reason::Stale);
    let mut vix = volatility(f64::MAX, now());
    vix.vix = quote(-1.0, now());
    run.put(now(), &context(3, None, Some(vix)), 6002.0);
    run.none(9..=11, Reason::InvalidInput);
    let mut stale = volatility(28.0, now());
    stale.vix.iter_mut().for_each(|quote| quote.stale = true);
    run.put(now(), &context(4, None, Some(stale)), 6002.0);
    assert_eq!(run.of.fresh_vix(), None, "the publisher says so");
    run.put(now(), &context(5, None, None), 6002.0);
    run.none(9..=11, Reason::NoInput);
}

#[test]
fn closes_count_from_the_adoption_of_a_set() {
    let mut short = part(Underlying::Spx);
    short.net_abs = Slot::some(-0.2);
    for levels in short.futures.iter_mut().flatten().map(|f| &mut f.levels) {
        *levels = Levels { call_wall: Slot::some(6000.0), ..Levels::none(Reason::NoInput) };
    }
    let mut run = Run::new(es());
    let set = |version, asof, vix| {
        let mut part = short;
        part.asof_ns = asof;
        context(version, Some(part), vix)
    };
    let (first, at) = (set(1, Ts(1), None), |n| after(n * MINUTE / 10));
    assert_eq!(run.close(at(0), &first, 23_990), Some(0.0), "the close of its adoption");
    assert_eq!(run.close(at(1), &first, 24_004), Some(0.0), "the first one that counts");
    assert_eq!(run.close(at(2), &first, 23_997), Some(-(1.0 - 0.75 / 10.0)));
    // A version that brings another VIX only keeps the set, and what closes have done.
    let second = set(2, Ts(1), Some(volatility(18.5, now())));
    run.put(at(3), &second, 6000.0);
    assert_eq!(run.of.slot(1).value(), Some(-1.0));
    // Another set starts anew.
    let third = set(3, Ts(2), None);
    run.put(at(4), &third, 6000.0);
    assert_eq!(run.of.slot(1).value(), Some(0.0));
    assert_eq!(run.close(at(5), &third, 24_004), Some(0.0));
    assert_eq!(run.close(at(6), &third, 23_990).map(f64::signum), Some(-1.0));
    // So does a session: a bar of the old one that its first event closes does not count.
    let mut next = frame(at(7), Some(24_020));
    next.eth_anchor = Ts(2 * MINUTE);
    let _ = run.of.update(&next, &third, Some(48_000), &run.calendar);
    assert_eq!(run.of.slot(1).value(), Some(0.0));
    next.bar = crate::bars::Bar::empty(2, Px::clamped(23_990));
    let _ = run.of.update(&next, &third, Some(48_000), &run.calendar);
    assert_eq!(run.of.slot(1).value(), Some(0.0), "one close of the new session is no crossing");
}

#[test]
fn without_a_price_what_needs_one_is_missing() {
    let mut run = Run::new(es());
    let context = context(1, Some(part(Underlying::Spx)), None);
    let _ = run.of.update(&frame(now(), None), &context, None, &run.calendar);
    for feature in [1, 2, 7, 8] {
        run.none(feature..=feature, Reason::NoInput);
    }
    run.near(3, 0.2);
    run.put(after(1), &context, 6002.0);
    run.near(1, 0.8);
}
