//! One group's smile in a few numbers: at-the-money volatility, 25-delta points, expected moves.
//!
//! * `atm_iv`: σ linear in K at the forward F, per column of calls and puts, mean of both.
//! * 25-delta points: |Δ| = N(d1) of calls at K ≥ F, N(−d1) of puts at K ≤ F, both forward
//!   deltas with d1 = ln(F/K)/d + d/2 and d = σ√T, over legs that somebody bids for; σ linear in
//!   |Δ| at 0.25, not extrapolated, three legs or more.
//! * `skew25` = σ(put) − σ(call), `rr25` = −skew25, `bf25` = mean of both − at-the-money.
//! * `em_1sd` = S·atm·√T; `em_straddle` = mid of call and put, linear in K at F.
//!
//! Volatilities are decimals a year, moves index points. The definitions are those of the market
//! (Malz, "Estimating the probability distribution of the future exchange rate from option
//! prices", 1997, for the 25-delta trio); the choice of legs is own design. One pass over the
//! strikes and one sort of the legs of a side.

use super::chain::{Right, Settle};
use super::greeks::{T_MIN, cumulative};
use super::priced::{ForwardSource, Group, Leg, Strike};
use super::snapshot::GroupRow;
use super::{Known, Null, Nulls, null};
use crate::units::Reason;

/// Fewest legs of a side for a 25-delta point.
pub const DELTA_LEGS_MIN: usize = 3;

/// A point of the smile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Volatility, decimals a year.
    pub sigma: f64,
    /// Where it lies, index points.
    pub strike: f64,
}

/// The smile of one group in numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Smile {
    /// Volatility at the forward, decimals a year.
    pub atm_iv: Known<f64>,
    /// The put of delta −0.25.
    pub put25: Known<Point>,
    /// The call of delta 0.25.
    pub call25: Known<Point>,
    /// Volatility of that put less that of that call.
    pub skew25: Known<f64>,
    /// Call less put.
    pub rr25: Known<f64>,
    /// Mean of both less `atm_iv`.
    pub bf25: Known<f64>,
    /// One standard deviation to expiry, index points.
    pub em_1sd: Known<f64>,
    /// Price of the straddle at the forward, index points.
    pub em_straddle: Known<f64>,
}

impl Smile {
    /// The smile of `group` with the index at `spot` points.
    ///
    /// Each field is an error with its reason where quotes or volatilities are missing.
    #[must_use]
    pub fn of(group: &Group, spot: f64) -> Smile {
        let atm_iv = atm_iv(group);
        let (put25, call25) = (delta25(group, Right::Put), delta25(group, Right::Call));
        let both = put25.and_then(|p| call25.map(|c| (p.sigma, c.sigma)));
        Smile {
            atm_iv,
            put25,
            call25,
            skew25: both.and_then(|(put, call)| finite(put - call, "skew25")),
            rr25: both.and_then(|(put, call)| finite(call - put, "rr25")),
            bf25: both.and_then(|(put, call)| finite((put + call) / 2.0 - atm_iv?, "bf25")),
            em_1sd: atm_iv.and_then(|atm| finite(spot * atm * group.t.sqrt(), "em_1sd")),
            em_straddle: em_straddle(group),
        }
    }
}

/// Volatility at the forward, decimals a year: linear in K between the two nearest strikes that
/// have one, in the calls' column and in the puts'; the mean of both, or the one that exists.
///
/// # Errors
/// `NO_INPUT:atm_iv` where neither column has strikes with a volatility on both sides of F,
/// `INVALID_INPUT:atm_iv` for volatilities that have no mean.
pub fn atm_iv(group: &Group) -> Known<f64> {
    let column = |right| at_forward(group, |s| s.leg(right).and_then(Leg::sigma));
    let (call, put) = (column(Right::Call), column(Right::Put));
    match (call, put) {
        (Some(call), Some(put)) => finite((call + put) / 2.0, "atm_iv"),
        (Some(one), None) | (None, Some(one)) => Ok(one),
        (None, None) => null(Reason::NoInput, "atm_iv"),
    }
}

/// Price of the straddle at the forward, index points: mid of call and put of the nearest strikes
/// on both sides of F at which both legs have a two-sided quote, linear in K.
///
/// # Errors
/// `NO_INPUT:no_quotes` where either side has none.
pub fn em_straddle(group: &Group) -> Known<f64> {
    let straddle = |s: &Strike| Some(s.call?.mid()? + s.put?.mid()?);
    at_forward(group, straddle).ok_or(Null { reason: Reason::NoInput, detail: "no_quotes" })
}

/// A number that may be published.
pub(crate) fn finite(value: f64, detail: &'static str) -> Known<f64> {
    if value.is_finite() { Ok(value) } else { null(Reason::InvalidInput, detail) }
}

/// `of` a strike, linear in K at the forward between the nearest strikes that have it.
fn at_forward(group: &Group, of: impl Fn(&Strike) -> Option<f64>) -> Option<f64> {
    let forward = group.forward;
    let (mut below, mut above) = (None, None);
    for strike in &group.strikes {
        let Some(value) = of(strike) else { continue };
        if strike.strike <= forward {
            below = Some((strike.strike, value));
        }
        if strike.strike >= forward {
            above = Some((strike.strike, value));
            break;
        }
    }
    linear(below?, above?, forward)
}

/// The value at `x` on the line through two points; that of the first where they coincide.
pub(crate) fn linear(a: (f64, f64), b: (f64, f64), x: f64) -> Option<f64> {
    let y = if b.0 == a.0 { a.1 } else { a.1 + (b.1 - a.1) * ((x - a.0) / (b.0 - a.0)) };
    y.is_finite().then_some(y)
}

/// The out-of-the-money leg of `right` whose forward delta is 0.25 in absolute value.
///
/// # Errors
/// `NO_INPUT:no_quotes` without a single leg that somebody bids for,
/// `INSUFFICIENT_SAMPLE:delta_legs` below [`DELTA_LEGS_MIN`], `NO_INPUT:delta_range` where 0.25
/// lies outside the deltas of the legs.
pub fn delta25(group: &Group, right: Right) -> Known<Point> {
    const DELTA: f64 = 0.25;
    let (forward, t) = (group.forward, group.t.max(T_MIN));
    let mut legs: Vec<(f64, Point)> = Vec::new();
    for strike in &group.strikes {
        let k = strike.strike;
        let otm = match right {
            Right::Call => k >= forward,
            Right::Put => k <= forward,
        };
        let Some(leg) = strike.leg(right).filter(|l| otm && l.bid.is_some_and(|b| b > 0.0)) else {
            continue;
        };
        let Some(sigma) = leg.sigma() else { continue };
        let d = sigma * t.sqrt();
        let d1 = libm::log(forward / k) / d + d / 2.0;
        let delta = cumulative(if right == Right::Call { d1 } else { -d1 });
        if delta.is_finite() {
            legs.push((delta, Point { sigma, strike: k }));
        }
    }
    if legs.is_empty() {
        return null(Reason::NoInput, "no_quotes");
    }
    if legs.len() < DELTA_LEGS_MIN {
        return null(Reason::InsufficientSample, "delta_legs");
    }
    // Noisy quotes let delta rise again: the nearest on both sides decide, whatever their strikes.
    legs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let above = legs.partition_point(|&(delta, _)| delta < DELTA);
    let found = legs.get(above).zip(above.checked_sub(1).and_then(|below| legs.get(below)));
    let exact = legs.get(above).filter(|&&(delta, _)| delta == DELTA).map(|&(_, point)| point);
    let between = |(a, b): (&(f64, Point), &(f64, Point))| {
        Some(Point {
            sigma: linear((a.0, a.1.sigma), (b.0, b.1.sigma), DELTA)?,
            strike: linear((a.0, a.1.strike), (b.0, b.1.strike), DELTA)?,
        })
    };
    exact
        .or_else(|| found.and_then(between))
        .ok_or(Null { reason: Reason::NoInput, detail: "delta_range" })
}

/// The record of a group; missing values are noted under `path`, such as
/// `groups.2022-07-12/SPXW`.
#[must_use]
pub fn record(group: &Group, smile: &Smile, nulls: &mut Nulls, path: &str) -> GroupRow {
    let mut take = |name: &str, value| nulls.take(&format!("{path}.{name}"), value);
    let settle = match group.root.settle() {
        Settle::Am => "AM",
        Settle::Pm => "PM",
    };
    let source = match group.forward_source {
        ForwardSource::Parity => "parity",
        ForwardSource::Spot => "spot",
    };
    GroupRow {
        expiry: group.expiry.to_string(),
        root: group.root.name().to_owned(),
        settle: settle.to_owned(),
        t_years: group.t,
        contracts: group.contracts,
        n_pairs: group.n_pairs,
        forward: group.forward,
        forward_source: source.to_owned(),
        df: group.df,
        atm_iv: take("atm_iv", smile.atm_iv),
        put25_iv: take("put25_iv", smile.put25.map(|p| p.sigma)),
        call25_iv: take("call25_iv", smile.call25.map(|p| p.sigma)),
        skew25: take("skew25", smile.skew25),
        rr25: take("rr25", smile.rr25),
        bf25: take("bf25", smile.bf25),
        em_1sd: take("em_1sd", smile.em_1sd),
        em_straddle: take("em_straddle", smile.em_straddle),
        skew_slope: group.skew_slope,
    }
}

#[cfg(test)]
mod tests {
    use super::super::hand::{black, quoted};
    use super::*;

    fn strikes() -> impl Iterator<Item = f64> {
        (0..81).map(|i| 3600.0 + 10.0 * f64::from(i))
    }

    #[test]
    fn a_flat_smile_has_no_skew() {
        let group = quoted(30.0, 4003.0, strikes(), 0.1, |_| 0.2);
        let smile = Smile::of(&group, 4000.0);
        let near = |known: Known<f64>, value: f64| {
            let got = known.expect("a value");
            assert!((got - value).abs() < 1e-12, "{got} {value}");
        };
        near(smile.atm_iv, 0.2);
        near(smile.skew25, 0.0);
        near(smile.rr25, 0.0);
        near(smile.bf25, 0.0);
        near(smile.em_1sd, 4000.0 * 0.2 * (30.0_f64 / 365.0).sqrt());
        let d = 0.2 * group.t.sqrt();
        let at = |k| black(4003.0, k, d, true) + black(4003.0, k, d, false);
        near(smile.em_straddle, 0.7 * at(4000.0) + 0.3 * at(4010.0));
        // Δ = 0.25 at d1 = Φ⁻¹(0.25) = −0.6744897501960817, so K = F·e^{d²/2 + 0.674…·d}.
        let exact = 4003.0 * libm::exp(d * d / 2.0 + 0.674_489_750_196_081_7 * d);
        let got = smile.call25.expect("a call").strike;
        assert!((got - exact).abs() < 0.1, "{got} {exact}");
    }

    #[test]
    fn a_tilted_smile() {
        let group = quoted(30.0, 4000.0, strikes(), 0.1, |k| 0.2 - 0.5 * k);
        let smile = Smile::of(&group, 4000.0);
        assert_eq!(smile.atm_iv, Ok(0.2), "a strike lies on the forward");
        let (put, call) = (smile.put25.expect("put"), smile.call25.expect("call"));
        assert!((put.sigma - (0.2 - 0.5 * libm::log(put.strike / 4000.0))).abs() < 1e-5);
        assert!(put.strike < 4000.0 && call.strike > 4000.0);
        assert_eq!(smile.skew25, Ok(put.sigma - call.sigma));
        assert_eq!(smile.rr25, Ok(call.sigma - put.sigma));
        assert_eq!(smile.bf25, Ok((put.sigma + call.sigma) / 2.0 - 0.2));
    }

    #[test]
    fn nothing_is_extrapolated() {
        let low = quoted(30.0, 4000.0, (0..20).map(|i| 3700.0 + 10.0 * f64::from(i)), 0.1, |_| 0.2);
        let smile = Smile::of(&low, 4000.0);
        assert_eq!(smile.atm_iv, null(Reason::NoInput, "atm_iv"));
        assert_eq!(smile.em_1sd, null(Reason::NoInput, "atm_iv"));
        assert_eq!(smile.em_straddle, null(Reason::NoInput, "no_quotes"));
        assert_eq!(smile.call25, null(Reason::NoInput, "no_quotes"));
        assert!(smile.put25.is_ok());
        let narrow =
            quoted(30.0, 4000.0, (0..9).map(|i| 3980.0 + 5.0 * f64::from(i)), 0.1, |_| 0.2);
        assert_eq!(Smile::of(&narrow, 4000.0).put25, null(Reason::NoInput, "delta_range"));
    }

    #[test]
    fn legs_without_a_bid_do_not_count() {
        let mut group = quoted(30.0, 4000.0, strikes(), 0.1, |_| 0.2);
        let calls = group.strikes.iter_mut().filter(|s| s.strike >= 4020.0);
        for leg in calls.filter_map(|s| s.call.as_mut()) {
            leg.bid = Some(0.0);
        }
        let smile = Smile::of(&group, 4000.0);
        assert_eq!(smile.call25, null(Reason::InsufficientSample, "delta_legs"));
        assert_eq!(smile.skew25, null(Reason::InsufficientSample, "delta_legs"));
        assert!(smile.put25.is_ok() && smile.atm_iv.is_ok());
    }

    #[test]
    fn one_column_is_enough() {
        let mut group = quoted(30.0, 4003.0, strikes(), 0.1, |k| 0.2 + k);
        let both = atm_iv(&group).expect("both");
        for strike in &mut group.strikes {
            strike.put = None;
        }
        let one = atm_iv(&group).expect("the calls");
        assert!((both - one).abs() < 1e-15);
        assert_eq!(em_straddle(&group), null(Reason::NoInput, "no_quotes"));
    }

    #[test]
    fn a_second_to_live_and_absurd_numbers() {
        let mut group = quoted(30.0, 4000.0, strikes(), 0.1, |_| 0.2);
        group.t = 1.0 / (365.0 * 86_400.0);
        assert!(Smile::of(&group, 4000.0).em_1sd.is_ok_and(|em| em < 1.0));
        for forward in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            group.forward = forward;
            let smile = Smile::of(&group, 4000.0);
            assert!(smile.atm_iv.is_err() && smile.skew25.is_err(), "{forward}");
        }
        group.forward = 4000.0;
        assert_eq!(Smile::of(&group, f64::NAN).em_1sd, null(Reason::InvalidInput, "em_1sd"));
        group.strikes.clear();
        assert!(Smile::of(&group, 4000.0).em_straddle.is_err());
    }

    #[test]
    fn every_missing_number_has_its_reason() {
        let mut group = quoted(30.0, 4000.0, strikes(), 0.1, |_| 0.2);
        let mut nulls = Nulls::default();
        let full = record(&group, &Smile::of(&group, 4000.0), &mut nulls, "groups.a");
        assert!(nulls.0.is_empty() && full.settle == "PM" && full.forward_source == "parity");
        group.strikes.clear();
        let empty = record(&group, &Smile::of(&group, 4000.0), &mut nulls, "groups.a");
        assert_eq!((empty.atm_iv, nulls.0.len()), (None, 8));
        assert_eq!(nulls.0["groups.a.put25_iv"], "NO_INPUT:no_quotes");
    }
}
