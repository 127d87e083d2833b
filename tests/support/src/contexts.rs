//! Context versions by hand.

use mia::context::{
    BiasPreset, Context, DelayClass, FlipStatus, FuturePart, GammaRegime, LevelPart, Levels, Pin,
    SanityStatus, Scope, SignModel, SpotSource, Text, Underlying,
};
use mia::units::{MINUTE, Reason, Slot, Ts};
use mia::volatility::{Part, Quote, Source};

const NONE: Slot = Slot::none(Reason::NoInput);

/// A level set captured at `at` and valid for an hour, around a future at `price`: walls 10 points
/// below and above, flip and max pain below, a pin above; dealers long gamma (`net_abs` 0.2), basis
/// 5 points on the H and M contracts of 2026, expected move 40 points.
#[must_use]
pub fn part(symbol: Underlying, at: Ts, price: f64) -> LevelPart {
    let (basis, index) = (Slot::some(5.0), price - 5.0);
    let levels = Levels {
        call_wall: Slot::some(index + 10.0),
        put_wall: Slot::some(index - 10.0),
        flip: Slot::some(index - 12.3),
        vol_trigger: Slot::some(index - 11.0),
        max_pain: Slot::some(index - 5.0),
        pins: [Slot::some(index + 3.0), NONE, NONE],
    };
    let future = |month: char| FuturePart {
        contract: Text::new(&format!("{}{month}26", symbol.future())),
        basis,
        basis_source: None,
        basis_ts_ns: at,
        levels: levels.shifted(basis),
    };
    LevelPart {
        symbol,
        provider: Text::new("test"),
        delay_class: DelayClass::Replay,
        convention: SignModel::LongCallsShortPuts,
        scope: Scope::All,
        asof_ns: at,
        captured_ns: at,
        valid_until_ns: Ts(at.0 + 60 * MINUTE),
        sanity_status: SanityStatus::Go,
        sanity_score: 100,
        spot: index,
        spot_source: SpotSource::Print,
        spot_ts_ns: at,
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
        skew_z: NONE,
        pcr_sessions: 0,
        skew_sessions: 0,
        flip_term: NONE,
        pcr_term: Slot::some(0.25),
        skew_term: NONE,
        max_pain_term: NONE,
        pin_score: 0.3,
        bias: Slot::some(0.4),
        bias_pcr: NONE,
        bias_gex: NONE,
        bias_vix: NONE,
        coverage: 1.0,
        confidence: NONE,
        direction: None,
        strength: None,
        preset: BiasPreset::Default,
        unusual: None,
        unusual_events: NONE,
    }
}

/// VIX at `value`, quoted at `ts`, in contango.
#[must_use]
pub fn volatility(value: f64, ts: Ts) -> Part {
    let quote = |value| Some(Quote { value, ts, source: Source::Scid, stale: false, eod: false });
    Part {
        vix: quote(value),
        vix9d: None,
        vix3m: quote(value / 0.9),
        vix6m: None,
        vxn: None,
        regime: None,
        vix_mult: None,
        stress: None,
        ratio: Slot::some(0.9),
        curve: None,
        strong_stress: None,
        percentile: NONE,
        mom5: Slot::some(0.03),
        mom20: NONE,
        trend: None,
        z_60: NONE,
        vx: None,
        signals: [None; 6],
    }
}

/// A version with levels of SPX around `price`.
#[must_use]
pub fn version(version: u64, at: Ts, price: f64) -> Context {
    let mut context = Context { version, volatility: Some(volatility(17.0, at)), ..Context::EMPTY };
    context.set_level(part(Underlying::Spx, at, price));
    context
}
