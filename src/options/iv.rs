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
//! Cost: one solution a strike (Jäckel's rational method).

use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility};

use super::chain::{Right, Row};
use super::priced::{IvSource, Leg, Strike};
use crate::calendar::days;
use crate::units::{SECOND, Ts};

/// Total deviations σ√T that count as solved.
const DEVIATION: std::ops::Range<f64> = 1e-7..8.0;
/// Volatilities that a conversion may lead to; beyond them the clock was measured on garbage.
const CONVERTED: std::ops::Range<f64> = 1e-4..1e4;
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
        CONVERTED.contains(&sigma).then_some(sigma)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Calendar;
    use crate::options::chain::{Osi, Roots, settle_ts};
    use crate::options::greeks::cumulative;
    use proptest::prelude::*;

    fn leg(bid: f64, ask: f64, vendor: Option<f64>) -> Leg {
        Leg {
            bid: Some(bid),
            ask: Some(ask),
            volume: None,
            oi: Some(1.0),
            iv: vendor.map(|sigma| (sigma, IvSource::VendorLeg)),
            vendor_delta: None,
            vendor_gamma: None,
        }
    }

    const TERMS: Terms = Terms { forward: 6000.0, df: Some(0.99), t: 0.25, vendor_scale: 1.0 };

    fn resolved(k: f64, call: Option<Leg>, put: Option<Leg>, terms: &Terms) -> Strike {
        let mut strike = Strike { strike: k, call, put };
        resolve(&mut strike, terms);
        strike
    }

    fn iv(leg: Option<Leg>) -> Option<(f64, IvSource)> {
        leg.and_then(|l| l.iv)
    }

    /// Undiscounted Black-76.
    fn black(right: Right, forward: f64, strike: f64, d: f64) -> f64 {
        let d1 = libm::log(forward / strike) / d + 0.5 * d;
        match right {
            Right::Call => forward * cumulative(d1) - strike * cumulative(d1 - d),
            Right::Put => strike * cumulative(d - d1) - forward * cumulative(-d1),
        }
    }

    #[test]
    fn the_out_of_the_money_quote_decides_for_both() {
        let price = 0.99 * black(Right::Call, 6000.0, 6200.0, 0.2 * 0.5);
        let call = leg(price - 0.5, price + 0.5, Some(0.4));
        let s = resolved(6200.0, Some(call), Some(leg(200.0, 210.0, Some(0.5))), &TERMS);
        let (sigma, source) = iv(s.call).expect("own");
        assert!((sigma - 0.2).abs() < 1e-12);
        assert_eq!(source, IvSource::Own);
        assert_eq!(iv(s.put), iv(s.call));
        let put = 0.99 * black(Right::Put, 6000.0, 5900.0, 0.3 * 0.5);
        let s = resolved(5900.0, None, Some(leg(put - 1.0, put + 1.0, None)), &TERMS);
        assert!((iv(s.put).expect("own").0 - 0.3).abs() < 1e-12);
    }

    #[test]
    fn without_a_quote_the_vendor_of_that_leg_then_of_each() {
        let (otm, itm) = (Some(0.4), Some(0.5));
        // No bid; locked; crossed; dearer than the forward.
        for (bid, ask) in [(0.0, 1.0), (5.0, 5.0), (5.0, 4.0), (6000.0, 7000.0)] {
            let put = leg(200.0, 210.0, itm);
            let s = resolved(6200.0, Some(leg(bid, ask, otm)), Some(put), &TERMS);
            assert_eq!(iv(s.call), Some((0.4, IvSource::VendorOtm)));
            assert_eq!(iv(s.put), iv(s.call));
            let s = resolved(6200.0, Some(leg(bid, ask, None)), Some(put), &TERMS);
            assert_eq!(iv(s.call), None);
            assert_eq!(iv(s.put), Some((0.5, IvSource::VendorLeg)));
        }
    }

    #[test]
    fn without_parity_nothing_is_solved() {
        let terms = Terms { df: None, vendor_scale: 1.25, ..TERMS };
        let s = resolved(6200.0, Some(leg(50.0, 51.0, Some(0.4))), None, &terms);
        assert_eq!(iv(s.call), Some((0.5, IvSource::VendorOtm)));
        let s = resolved(6200.0, Some(leg(50.0, 51.0, None)), None, &terms);
        assert_eq!(iv(s.call), None);
    }

    #[test]
    fn prices_beyond_the_bounds_have_no_volatility() {
        for price in [0.0, -1.0, 100.0, f64::NAN, f64::INFINITY] {
            assert_eq!(solve(Right::Call, price, 100.0, 110.0, 1.0), None, "{price}");
        }
        // Below intrinsic value.
        assert_eq!(solve(Right::Call, 9.0, 110.0, 100.0, 1.0), None);
        assert_eq!(solve(Right::Put, 9.0, 100.0, 110.0, 1.0), None);
        assert!(solve(Right::Put, 11.0, 100.0, 110.0, 1.0).is_some());
    }

    fn vendor_row(sigma: f64, vega: f64, gamma: f64, delta: f64) -> Row {
        let osi = Osi::parse("SPXW250620C06000000", &Roots::PRODUCT).expect("ticker");
        let calendar = Calendar::bundled().expect("calendar");
        let mut row = Row::new(osi, settle_ts(&calendar, osi.root, osi.expiry));
        row.vendor_iv = Some(sigma);
        row.vendor_vega = Some(vega);
        row.vendor_gamma = Some(gamma);
        row.vendor_delta = Some(delta);
        row
    }

    #[test]
    fn the_vendors_clock_is_measured_on_its_own_greeks() {
        let row = vendor_row(
            0.163_679_387_133_745_8,
            1.033_707_058_596_182,
            0.009_508_997_183_991_348,
            0.5,
        );
        let clock = vendor_clock(&[row, row, row], 7736.62, Ts(0));
        assert!(!clock.assumed);
        assert!((clock.years * 8760.0 - 9.720).abs() < 5e-4, "{}", clock.years * 8760.0);
    }

    #[test]
    fn too_few_rows_near_the_money_assume_midnight() {
        let calendar = Calendar::bundled().expect("calendar");
        let good = vendor_row(0.2, 1.0, 0.01, 0.5);
        let far = vendor_row(0.2, 1.0, 0.01, 0.2);
        // 12:00 New York on the day: 8 hours to midnight UTC.
        let asof = calendar.new_york(good.osi.expiry, jiff::civil::time(12, 0, 0, 0));
        let clock = vendor_clock(&[good, good, far], 6000.0, asof);
        assert!(clock.assumed);
        assert!((clock.years * 8760.0 - 8.0).abs() < 1e-9);
        assert!(vendor_clock(&[], 6000.0, asof).years.is_finite());
    }

    #[test]
    fn slope_of_a_straight_smile() {
        let strike = |n: u32| {
            let k = 5850.0 + 25.0 * f64::from(n);
            let iv = Some((0.2 - 0.8 * libm::log(k / 6000.0), IvSource::Own));
            let leg = Leg { iv, ..leg(1.0, 2.0, None) };
            Strike { strike: k, call: Some(leg), put: Some(leg) }
        };
        let strikes: Vec<Strike> = (0..13).map(strike).collect();
        assert!((slope(&strikes, 6000.0, 0.25) + 0.8).abs() < 1e-9);
        // Too few legs, and a window too narrow for five.
        assert_eq!(slope(&strikes[..5], 6000.0, 0.25), 0.0);
        assert_eq!(slope(&strikes, 6000.0, 1e-4), 0.0);
    }

    #[test]
    fn medians() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    proptest! {
        #[test]
        fn solves_what_black_priced(k in 0.7..1.4_f64, sigma in 0.05..1.5_f64, t in 0.01..3.0_f64) {
            let (forward, strike) = (6000.0, 6000.0 * k);
            let right = if strike >= forward { Right::Call } else { Right::Put };
            let price = black(right, forward, strike, sigma * t.sqrt());
            // Below this the price itself has lost the digits.
            prop_assume!(price > 1e-4);
            let got = solve(right, price, forward, strike, t).expect("in range");
            prop_assert!((got - sigma).abs() * t.sqrt() < 1e-9, "{got} {sigma}");
        }
    }
}
