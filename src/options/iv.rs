//! One implied volatility for each expiry, root and strike, and the slope of the smile.
//!
//! Best first: solved from the mid of the out-of-the-money leg on undiscounted Black-76 (both
//! legs receive it), the vendor's of that leg (both receive it), the vendor's of the leg itself.
//! Leg-by-leg vendor volatilities let stale in-the-money quotes in, hence this order. Wide quotes
//! are not refused: a vendor's volatility of the same quote is no better.
//!
//! Vendors that annualise by another clock than ours are converted by their total deviation:
//! `σ = σ_v·√(T_v/T)`, where `T_v` follows from their own vega, gamma and volatility,
//! `T_v = 100·vega/(Γ·S²·σ_v)`.
//!
//! Cost: about 0.2 µs a strike in the solver (Jäckel's rational method).

use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility};

use super::chain::{Right, Row};
use super::priced::{IvSource, Leg, Strike};
use crate::calendar::days;
use crate::units::{SECOND, Ts};

/// Total deviations σ√T that count as solved.
const DEVIATION: std::ops::Range<f64> = 1e-7..8.0;
/// Least rows near 50 delta from which the vendor's clock is measured.
const CLOCK_ROWS: usize = 3;
/// Seconds of a year of 365 days.
const YEAR: f64 = 365.0 * 86_400.0;
/// Least legs for a slope, least within its window, and legs whose median sets the window.
const SLOPE: (usize, usize, usize) = (6, 5, 4);

/// What the volatilities of one group are solved with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Forward, index points.
    pub forward: f64,
    /// Discount factor; `None` without a parity fit: then nothing is solved.
    pub df: Option<f64>,
    /// Years of 365 days, above 0.
    pub t: f64,
    /// Factor on the vendor's volatilities: √(T_v/T), 1 where its clock is ours.
    pub vendor_scale: f64,
}

/// Volatility in decimals a year of an out-of-the-money option with undiscounted price `price`;
/// `None` where no deviation in (1e-7, 8) gives that price.
#[must_use]
pub fn solve(right: Right, price: f64, forward: f64, strike: f64, t: f64) -> Option<f64> {
    let bound = match right {
        Right::Call => forward,
        Right::Put => strike,
    };
    let intrinsic = match right {
        Right::Call => forward - strike,
        Right::Put => strike - forward,
    };
    if !(price > 0.0 && price < bound && price > intrinsic) {
        return None;
    }
    // A year of 1 makes the result the total deviation.
    let d = ImpliedBlackVolatility::builder()
        .option_price(price)
        .forward(forward)
        .strike(strike)
        .expiry(1.0)
        .is_call(right == Right::Call)
        .build()?
        .calculate::<DefaultSpecialFn>()?;
    let sigma = d / t.sqrt();
    (DEVIATION.contains(&d) && sigma.is_finite()).then_some(sigma)
}

/// Gives both legs their volatility. Expects the vendor's own in `iv` of each leg, as read.
pub fn resolve(strike: &mut Strike, terms: &Terms) {
    let right = if strike.strike >= terms.forward { Right::Call } else { Right::Put };
    let vendor = |leg: Option<&Leg>| {
        let sigma = leg?.sigma()? * terms.vendor_scale;
        (sigma.is_finite() && sigma > 0.0).then_some(sigma)
    };
    let own = || {
        let mid = strike.leg(right)?.mid()?;
        solve(right, mid / terms.df?, terms.forward, strike.strike, terms.t)
    };
    let both = match own() {
        Some(sigma) => Some((sigma, IvSource::Own)),
        None => vendor(strike.leg(right)).map(|sigma| (sigma, IvSource::VendorOtm)),
    };
    for leg in [&mut strike.call, &mut strike.put].into_iter().flatten() {
        leg.iv = both.or_else(|| vendor(Some(leg)).map(|sigma| (sigma, IvSource::VendorLeg)));
    }
}

/// The vendor's time to expiry of a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VendorClock {
    /// Years of 365 days.
    pub years: f64,
    /// Not measured: midnight UTC after the expiry date is assumed.
    pub assumed: bool,
}

/// Measures the vendor's clock on the rows of one expiry and root: the median over those between
/// 0.3 and 0.7 delta, three at least.
#[must_use]
pub fn vendor_clock(rows: &[Row], spot: f64, asof: Ts) -> VendorClock {
    let mut seen: Vec<f64> = rows.iter().filter_map(|row| vendor_years(row, spot)).collect();
    if seen.len() >= CLOCK_ROWS
        && let Some(years) = median(&mut seen)
    {
        return VendorClock { years, assumed: false };
    }
    let midnight = rows.first().map_or(0, |row| i64::from(days(row.osi.expiry)) + 1);
    let end = Ts(midnight.saturating_mul(86_400 * SECOND));
    VendorClock { years: years_between(asof, end), assumed: true }
}

/// Years of 365 days from `from` to `to`, 0 where they are reversed.
#[must_use]
pub fn years_between(from: Ts, to: Ts) -> f64 {
    let ns = to.since(from);
    // Whole seconds and the rest apart, so that no digit is lost in the conversion.
    let seconds = precise(ns / SECOND) + precise(ns % SECOND) / precise(SECOND);
    seconds / YEAR
}

#[expect(clippy::cast_precision_loss, reason = "below 2^53: seconds until 2200, or a fraction")]
const fn precise(n: i64) -> f64 {
    n as f64
}

fn vendor_years(row: &Row, spot: f64) -> Option<f64> {
    let (sigma, vega, gamma) = (row.vendor_iv?, row.vendor_vega?, row.vendor_gamma?);
    let years = 100.0 * vega / (gamma * spot * spot * sigma);
    let near = (0.3..=0.7).contains(&row.vendor_delta?.abs());
    (near && years.is_finite() && years > 0.0).then_some(years)
}

/// Median of finite numbers, the mean of the middle two of an even count.
#[must_use]
pub fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    let upper = *values.get(half)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    Some((values.get(half.checked_sub(1)?)? + upper) / 2.0)
}

/// Slope of volatility over `k = ln(K/F)` at the money: least squares over the out-of-the-money
/// legs with `|k| ≤ a·√T`, `a` the median volatility of the four nearest `k = 0`. Per unit of
/// `k`; 0 with fewer than six legs with a volatility, six of them out of the money, or five in
/// the window.
#[must_use]
pub fn slope(strikes: &[Strike], forward: f64, t: f64) -> f64 {
    let legs = strikes.iter().flat_map(|s| [s.call, s.put]).flatten();
    let mut points: Vec<(f64, f64)> = strikes
        .iter()
        .filter_map(|s| Some((libm::log(s.strike / forward), s.otm(forward)?.sigma()?)))
        .collect();
    let (legs_min, window_min, nearest) = SLOPE;
    if legs.filter(|leg| leg.iv.is_some()).count() < legs_min || points.len() < legs_min {
        return 0.0;
    }
    points.sort_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
    let mut near: Vec<f64> = points.iter().take(nearest).map(|&(_, sigma)| sigma).collect();
    let reach = median(&mut near).unwrap_or(0.0) * t.sqrt();
    points.retain(|(k, _)| k.abs() <= reach);
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    if points.len() < window_min { 0.0 } else { regression(&points) }
}

/// Slope of y over x, 0 where all x are alike.
fn regression(points: &[(f64, f64)]) -> f64 {
    let (mut n, mut sum_x, mut sum_y) = (0.0, 0.0, 0.0);
    for (x, y) in points {
        n += 1.0;
        sum_x += x;
        sum_y += y;
    }
    let (mean_x, mean_y) = (sum_x / n, sum_y / n);
    let (mut xx, mut xy) = (0.0, 0.0);
    for (x, y) in points {
        xx += (x - mean_x) * (x - mean_x);
        xy += (x - mean_x) * (y - mean_y);
    }
    if xx > 0.0 { xy / xx } else { 0.0 }
}
