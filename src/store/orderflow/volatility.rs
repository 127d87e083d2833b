//! VIX as it stands in the records.

use serde::Serialize;

use super::record::{age_s, finite};
use crate::units::Ts;
use crate::volatility::{Part, Quote, Source, Term, Trend};

/// VIX and its kin with their own source, time and age.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Volatility {
    pub(super) source: Option<&'static str>,
    pub(super) time: Option<String>,
    pub(super) age_s: Option<f64>,
    stale: Option<bool>,
    eod: Option<bool>,
    vix: Option<f64>,
    regime: Option<&'static str>,
    vix_mult: Option<f64>,
    stress: Option<bool>,
    curve_state: Option<&'static str>,
    ratio: Option<f64>,
    strong_stress: Option<bool>,
    percentile: Option<f64>,
    mom5: Option<f64>,
    mom20: Option<f64>,
    trend: Option<&'static str>,
    z_60: Option<f64>,
    vix9d: Option<Quoted>,
    vix3m: Option<Quoted>,
    vix6m: Option<Quoted>,
    vxn: Option<Quoted>,
    vx: Option<Futures>,
    /// Why there is no VIX.
    reason: Option<&'static str>,
}

#[derive(Clone, Debug, Serialize)]
struct Quoted {
    value: f64,
    source: &'static str,
    time: String,
    age_s: f64,
    stale: bool,
    eod: bool,
}

#[derive(Clone, Debug, Serialize)]
struct Futures {
    contango_12: Option<f64>,
    vx_basis: Option<f64>,
    cm30: Option<f64>,
    roll_yield: Option<f64>,
    yield_to_spot: Option<f64>,
    slope: Option<f64>,
    steepness_41: Option<f64>,
    steepness_74: Option<f64>,
}

/// Name of a source of index values.
pub(super) const fn source_name(source: Source) -> &'static str {
    match source {
        Source::Given => "given",
        Source::Scid => "scid",
        Source::Dtc => "dtc",
        Source::Index => "index",
        Source::Eod => "eod",
    }
}

fn quoted(quote: &Quote, now: Ts) -> Quoted {
    Quoted {
        value: quote.value,
        source: source_name(quote.source),
        time: quote.ts.to_string(),
        age_s: age_s(quote.ts, now),
        stale: quote.stale,
        eod: quote.eod,
    }
}

impl Volatility {
    /// As of receive time `now`.
    pub(super) fn of(part: Option<&Part>, now: Ts) -> Volatility {
        let Some(part) = part else {
            return Volatility { reason: Some("NO_INPUT"), ..Volatility::default() };
        };
        let quote = |of: &Option<Quote>| of.as_ref().map(|quote| quoted(quote, now));
        let vix = quote(&part.vix);
        Volatility {
            source: vix.as_ref().map(|v| v.source),
            time: vix.as_ref().map(|v| v.time.clone()),
            age_s: vix.as_ref().map(|v| v.age_s),
            stale: vix.as_ref().map(|v| v.stale),
            eod: vix.as_ref().map(|v| v.eod),
            vix: vix.as_ref().and_then(|v| finite(v.value)),
            regime: part.regime.map(|regime| regime.name()),
            vix_mult: part.vix_mult.and_then(finite),
            stress: part.stress,
            curve_state: part.curve.map(|curve| curve.name()),
            ratio: part.ratio.value(),
            strong_stress: part.strong_stress,
            percentile: part.percentile.value(),
            mom5: part.mom5.value(),
            mom20: part.mom20.value(),
            trend: part.trend.map(|trend| match trend {
                Trend::Bullish => "bullish",
                Trend::Neutral => "neutral",
                Trend::Bearish => "bearish",
            }),
            z_60: part.z_60.value(),
            vix9d: quote(&part.vix9d),
            vix3m: quote(&part.vix3m),
            vix6m: quote(&part.vix6m),
            vxn: quote(&part.vxn),
            vx: part.vx.as_ref().map(futures),
            reason: part.vix.is_none().then_some("NO_INPUT"),
        }
    }
}

fn futures(term: &Term) -> Futures {
    Futures {
        contango_12: term.contango_12.value(),
        vx_basis: term.basis.value(),
        cm30: term.cm30.value(),
        roll_yield: term.roll_yield.value(),
        yield_to_spot: term.yield_to_spot.value(),
        slope: term.slope.value(),
        steepness_41: term.steepness_41.value(),
        steepness_74: term.steepness_74.value(),
    }
}
