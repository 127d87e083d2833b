//! Put/call ratios of a scope, and the trend of their daily values.
//!
//! ratio = Σ puts / Σ calls, of open interest or of today's volume, in contracts: 0 or more,
//! without unit. A sum over contracts of which none states the number is unknown, not 0; a
//! denominator of 0 gives no ratio. Open interest is that of the previous clearing day. Volume
//! of before the open is yesterday's leftover at some vendors: the caller says whether it counts.
//!
//! The trend is the t-statistic of the least-squares slope over the daily values, at ±2; the
//! threshold is own design. One pass over the strikes, nothing allocated but the list by date.

use jiff::civil::Date;

use super::chain::Right;
use super::priced::{Group, Leg};
use super::smile::finite;
use super::snapshot::Pcr;
use super::{Known, Null, Nulls, null};
use crate::units::Reason;

/// Fewest daily values of a trend.
pub const TREND_MIN: usize = 5;
/// The t-statistic beyond which a slope is a trend.
pub const TREND_T: f64 = 2.0;

/// Put/call ratios of a set of groups, without unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratios {
    /// By today's volume.
    pub volume: Known<f64>,
    /// By open interest.
    pub oi: Known<f64>,
}

/// The ratios of a scope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScopeRatios {
    /// Of all its groups.
    pub total: Ratios,
    /// Of those that expire today.
    pub zero_dte: Ratios,
    /// Of the others.
    pub ex_zero_dte: Ratios,
}

/// Where the daily ratio is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RatioTrend {
    /// t above [`TREND_T`].
    Increasing,
    /// Neither.
    Stable,
    /// t below −[`TREND_T`].
    Decreasing,
}

impl RatioTrend {
    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            RatioTrend::Increasing => "increasing",
            RatioTrend::Stable => "stable",
            RatioTrend::Decreasing => "decreasing",
        }
    }
}

/// Sum of the numbers that are stated; `None` while none is.
#[derive(Clone, Copy, Default)]
struct Sum(Option<f64>);

impl Sum {
    fn add(&mut self, x: Option<f64>) {
        if let Some(x) = x {
            self.0 = Some(self.0.unwrap_or(0.0) + x);
        }
    }
}

/// Puts over calls of the number that `of` takes from a leg.
fn ratio<'a>(
    groups: impl Iterator<Item = &'a Group>,
    of: fn(&Leg) -> Option<f64>,
    absent: &'static str,
) -> Known<f64> {
    let (mut calls, mut puts) = (Sum::default(), Sum::default());
    for strike in groups.flat_map(|g| &g.strikes) {
        calls.add(strike.leg(Right::Call).and_then(of));
        puts.add(strike.leg(Right::Put).and_then(of));
    }
    match (puts.0, calls.0) {
        (Some(_), Some(0.0)) => null(Reason::ZeroDenominator, ""),
        (Some(puts), Some(calls)) => finite(puts / calls, "ratio"),
        _ => null(Reason::NoInput, absent),
    }
}

/// The ratios of `groups`. `volume_counts` is false before 09:30 New York of the data's day.
///
/// # Errors
/// Each ratio: `ZERO_DENOMINATOR` without calls, `NO_INPUT` with a detail where no contract states
/// the number or the volume does not count yet.
#[must_use]
pub fn ratios<'a, I>(groups: I, volume_counts: bool) -> Ratios
where
    I: Iterator<Item = &'a Group> + Clone,
{
    let volume = if volume_counts {
        ratio(groups.clone(), |leg| leg.volume, "no_volume")
    } else {
        null(Reason::NoInput, "before_open")
    };
    Ratios { volume, oi: ratio(groups, |leg| leg.oi, "no_open_interest") }
}

/// The ratios of a scope: total, today's expiries, the others. An empty part gives
/// `NO_INPUT:no_contracts`.
#[must_use]
pub fn of_scope(scope: &[&Group], volume_counts: bool) -> ScopeRatios {
    let part = |keep: fn(&Group) -> bool| {
        let groups = scope.iter().copied().filter(|g| keep(g));
        if groups.clone().next().is_none() {
            let none = null(Reason::NoInput, "no_contracts");
            return Ratios { volume: none, oi: none };
        }
        ratios(groups, volume_counts)
    };
    ScopeRatios {
        total: part(|_| true),
        zero_dte: part(|g| g.dte == 0),
        ex_zero_dte: part(|g| g.dte != 0),
    }
}

/// The ratios of every expiry date, ascending; the roots of a date together.
#[must_use]
pub fn by_expiry(scope: &[&Group], volume_counts: bool) -> Vec<(Date, Ratios)> {
    let mut dates: Vec<Date> = scope.iter().map(|g| g.expiry).collect();
    dates.sort_unstable();
    dates.dedup();
    let of = |date| {
        ratios(scope.iter().copied().filter(move |g: &&Group| g.expiry == date), volume_counts)
    };
    dates.into_iter().map(|date| (date, of(date))).collect()
}

/// The trend of `daily` ratios, oldest first, taken as equally spaced.
///
/// t = slope / √(SSE/(n − 2)/Sxx). An exact line has no residual: its sign decides.
///
/// # Errors
/// `WARMUP` below [`TREND_MIN`] values, `INVALID_INPUT` for a value that is not finite.
pub fn ratio_trend(daily: &[f64]) -> Known<RatioTrend> {
    if daily.len() < TREND_MIN {
        return null(Reason::Warmup, "daily_ratios");
    }
    if daily.iter().any(|v| !v.is_finite()) {
        return null(Reason::InvalidInput, "daily_ratios");
    }
    let t = slope_t(daily).ok_or(Null { reason: Reason::InvalidInput, detail: "daily_ratios" })?;
    Ok(if t > TREND_T {
        RatioTrend::Increasing
    } else if t < -TREND_T {
        RatioTrend::Decreasing
    } else {
        RatioTrend::Stable
    })
}

/// The t-statistic of the slope of `y` over its index; ±∞ on an exact line, 0 on a level one.
/// `None` where sums overflow.
fn slope_t(y: &[f64]) -> Option<f64> {
    let n = f64::from(u32::try_from(y.len()).ok()?);
    let mid = (n - 1.0) / 2.0;
    let mean = y.iter().sum::<f64>() / n;
    let indexed = || y.iter().zip(0_u32..).map(|(&v, i)| (f64::from(i) - mid, v - mean));
    let (mut sxx, mut sxy, mut syy) = (0.0, 0.0, 0.0);
    for (x, v) in indexed() {
        sxx += x * x;
        sxy += x * v;
        syy += v * v;
    }
    let slope = sxy / sxx;
    let sse: f64 = indexed().map(|(x, v)| (v - slope * x) * (v - slope * x)).sum();
    if !(syy.is_finite() && sse.is_finite()) {
        return None;
    }
    // Rounding leaves a residual of about 1e-32 of the sum of squares on an exact line.
    let level = mean.abs().max(1e-300);
    if syy.sqrt() <= 1e-12 * level * n {
        return Some(0.0);
    }
    if sse <= 1e-24 * syy {
        return Some(slope.signum() * f64::INFINITY);
    }
    Some(slope / (sse / (n - 2.0) / sxx).sqrt())
}

/// Fills the record of a scope; missing ratios are noted under `path`, such as `analysis.pcr`.
#[must_use]
pub fn record(
    ratios: &ScopeRatios,
    trend: Known<RatioTrend>,
    nulls: &mut Nulls,
    path: &str,
) -> Pcr {
    let mut take = |name: &str, value| nulls.take(&format!("{path}.{name}"), value);
    Pcr {
        volume: take("volume", ratios.total.volume),
        oi: take("oi", ratios.total.oi),
        volume_0dte: take("volume_0dte", ratios.zero_dte.volume),
        oi_0dte: take("oi_0dte", ratios.zero_dte.oi),
        volume_ex0dte: take("volume_ex0dte", ratios.ex_zero_dte.volume),
        oi_ex0dte: take("oi_ex0dte", ratios.ex_zero_dte.oi),
        trend: nulls.take(&format!("{path}.trend"), trend).map(|t| t.name().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::hand::{leg, toy};
    use super::*;

    #[test]
    fn the_toy_chain() {
        let group = toy(1);
        let all = of_scope(&[&group], true);
        assert!((all.total.oi.expect("both") - 19_000.0 / 18_000.0).abs() < 1e-15);
        assert_eq!(all.zero_dte.oi, null(Reason::NoInput, "no_contracts"));
        assert_eq!(all.total.volume, null(Reason::NoInput, "no_volume"));
        assert_eq!(all.ex_zero_dte, all.total);
    }

    #[test]
    fn no_calls_no_ratio_and_unknown_is_not_zero() {
        let mut group = toy(0);
        for strike in &mut group.strikes {
            strike.call = Some(leg(Some(0.0)));
        }
        assert_eq!(of_scope(&[&group], true).total.oi, null(Reason::ZeroDenominator, ""));
        for strike in &mut group.strikes {
            strike.call = Some(leg(None));
        }
        let absent = null(Reason::NoInput, "no_open_interest");
        assert_eq!(of_scope(&[&group], true).zero_dte.oi, absent);
        for strike in &mut group.strikes {
            strike.call = Some(leg(Some(4.0)));
            strike.put = None;
        }
        assert_eq!(of_scope(&[&group], true).total.oi, absent);
        for strike in &mut group.strikes {
            strike.put = Some(leg(Some(0.0)));
        }
        assert_eq!(of_scope(&[&group], true).total.oi, Ok(0.0));
        for strike in &mut group.strikes {
            (strike.call, strike.put) = (Some(leg(Some(1e-300))), Some(leg(Some(1e12))));
        }
        let odd = null(Reason::InvalidInput, "ratio");
        assert_eq!(of_scope(&[&group], true).total.oi, odd);
    }

    #[test]
    fn volume_before_the_open_is_yesterdays() {
        let mut group = toy(0);
        for strike in &mut group.strikes {
            for leg in [&mut strike.call, &mut strike.put].into_iter().flatten() {
                leg.volume = Some(7.0);
            }
        }
        let before = of_scope(&[&group], false);
        assert_eq!(before.total.volume, null(Reason::NoInput, "before_open"));
        assert!(before.total.oi.is_ok());
        assert_eq!(of_scope(&[&group], true).total.volume, Ok(1.0));
    }

    #[test]
    fn the_roots_of_a_date_count_together() {
        let (first, mut second) = (toy(1), toy(1));
        for strike in &mut second.strikes {
            strike.call = Some(leg(Some(0.0)));
        }
        let mut third = toy(2);
        third.expiry = third.expiry.tomorrow().expect("a date");
        let by = by_expiry(&[&first, &second, &third], true);
        assert_eq!(by.len(), 2);
        assert_eq!(by[0].1.oi, Ok(38_000.0 / 18_000.0));
        assert_eq!(by[1].1.oi, Ok(19_000.0 / 18_000.0));
    }

    #[test]
    fn trends() {
        use RatioTrend::{Decreasing, Increasing, Stable};
        // By hand: slope 0.1, SSE 0.015, Σ(x − x̄)² 10.
        let noisy = [1.0, 1.15, 1.1, 1.35, 1.4];
        let t = slope_t(&noisy).expect("finite");
        let (slope, sse) = (0.1, 0.015);
        assert!((t - slope / f64::sqrt(sse / 3.0 / 10.0)).abs() < 1e-9, "{t}");
        assert_eq!(ratio_trend(&noisy), Ok(Increasing));
        assert_eq!(ratio_trend(&[1.4, 1.35, 1.1, 1.15, 1.0]), Ok(Decreasing));
        assert_eq!(ratio_trend(&[1.0, 2.0, 1.0, 2.0, 1.0]), Ok(Stable));
        assert_eq!(ratio_trend(&[1.1; 7]), Ok(Stable));
        assert_eq!(ratio_trend(&[0.1, 0.2, 0.3, 0.4, 0.5]), Ok(Increasing));
        assert_eq!(ratio_trend(&[0.5, 0.4, 0.3, 0.2, 0.1]), Ok(Decreasing));
        assert_eq!(ratio_trend(&[1.0; 4]), null(Reason::Warmup, "daily_ratios"));
        let odd = null(Reason::InvalidInput, "daily_ratios");
        assert_eq!(ratio_trend(&[1.0, 1.0, f64::NAN, 1.0, 1.0]), odd);
        assert_eq!(ratio_trend(&[1e308, -1e308, 1e308, 1e308, 1e308]), odd);
    }

    #[test]
    fn every_missing_ratio_has_its_reason() {
        let mut nulls = Nulls::default();
        let ratios = of_scope(&[], true);
        let pcr = record(&ratios, ratio_trend(&[]), &mut nulls, "analysis.pcr");
        assert_eq!(pcr.oi, None);
        assert_eq!(nulls.0.len(), 7);
        assert_eq!(nulls.0["analysis.pcr.trend"], "WARMUP:daily_ratios");
    }
}
