//! A SYNTHETIC option chain as a Cboe quote table: prices of a skewed smile, made up open interest.

use std::fmt::Write;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};

/// Spot of the chain, index points.
pub const SPOT: f64 = 5300.0;
/// Header time of the table: 2024-06-03 11:15 New York, data of 11:00.
pub const PAGE: &str = "June 3, 2024, 11:15 AM EDT";
/// A table of at least `contracts` contracts.
#[must_use]
pub fn quote_table(contracts: usize) -> String {
    let mut text = format!(
        "SYNTHETIC 500 INDEX,Last: {SPOT:.2},Change: 0\n\"Date: {PAGE}\",Bid: 0,Ask: 0\n\
         Expiration Date,Calls,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest,Strike,\
         Puts,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest\n"
    );
    let first = date(2024, 6, 3);
    let expiries = expiries(first);
    let strikes = contracts.div_ceil(2 * expiries.len().max(1));
    for day in expiries {
        let days = first.until(day).map_or(0, |s| s.get_days());
        let t = (f64::from(days) + 5.0 / 24.0) / 365.0;
        for n in 0..strikes {
            row(&mut text, day, t, n, strikes);
        }
    }
    text
}

/// Every weekday of six weeks, then the third Fridays.
fn expiries(first: Date) -> Vec<Date> {
    let weekday = |d: &Date| !matches!(d.weekday(), Weekday::Saturday | Weekday::Sunday);
    let days = (0..400_i64).map(|n| first.saturating_add(n.days())).filter(weekday);
    let near = |d: &Date| first.until(*d).map_or(0, |s| s.get_days()) < 42;
    let third = |d: &Date| d.weekday() == Weekday::Friday && (15..=21).contains(&d.day());
    let holiday = |d: &Date| *d == date(2024, 6, 19) || *d == date(2024, 7, 4);
    days.filter(|d| !holiday(d) && (near(d) || third(d))).collect()
}

fn row(text: &mut String, day: Date, t: f64, n: usize, strikes: usize) {
    // Strikes lie closer around the spot, on multiples of five, as listed ones do.
    let x = (n as f64 + 0.5) / strikes as f64 * 2.0 - 1.0;
    let from = SPOT - 5.0 * (strikes / 2) as f64;
    let strike = from + 5.0 * n as f64;
    let sigma = (0.14 - 0.35 * (strike / SPOT).ln() / t.sqrt().max(0.15)).clamp(0.08, 0.9);
    let (call, put) = (price(strike, t, sigma, 1.0), price(strike, t, sigma, -1.0));
    let open = |side: f64| (4000.0 * (-4.0 * (x - 0.15 * side).powi(2)).exp()).round();
    let round = if (strike / 50.0).fract() == 0.0 { 5.0 } else { 1.0 };
    let stamp = format!("{:02}{:02}{:02}", day.year() % 100, day.month(), day.day());
    let milli = strike * 1000.0;
    let leg = |right: char, price: f64, open: f64| {
        let half = (0.02 * price).clamp(0.05, 2.0);
        let bid = ((price - half) * 20.0).floor().max(0.0) / 20.0;
        let ask = ((price + half) * 20.0).ceil() / 20.0;
        format!(
            "SPXW{stamp}{right}{milli:08.0},0,0,{bid:.2},{ask:.2},{},{sigma:.4},0,0,{}",
            (open / 3.0).round(),
            open * round
        )
    };
    let _ = writeln!(
        text,
        "{},{},{strike:.2},{}",
        day.strftime("%a %b %d %Y"),
        leg('C', call, open(1.0)),
        leg('P', put, open(-1.0))
    );
}

/// Undiscounted Black price without carry; `side` +1 call, −1 put.
fn price(strike: f64, t: f64, sigma: f64, side: f64) -> f64 {
    let d = sigma * t.sqrt();
    let d1 = (SPOT / strike).ln() / d + d / 2.0;
    let n = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
    (side * (SPOT * n(side * d1) - strike * n(side * (d1 - d)))).max(0.0)
}
