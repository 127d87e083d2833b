//! A SYNTHETIC market of SPXW options around any time: a skewed smile, made up open interest.

use jiff::ToSpan;
use jiff::civil::Date;
use mia::calendar::Calendar;
use mia::units::{SECOND, Ts};
use mock_massive::market::{Contract, Index, Market};

/// Spot, index points.
pub(crate) const SPOT: f64 = 5300.0;
/// Expiries, today's among them.
const EXPIRIES: usize = 5;
/// Strikes above and below the spot.
const STRIKES: i32 = 30;
/// Ns of a year.
const YEAR: f64 = 365.0 * 86_400.0 * SECOND as f64;

/// What a provider serves whose data are of `asof`.
pub(crate) fn market(calendar: &Calendar, asof: Ts) -> Market {
    let first = calendar.new_york_date(asof);
    let days = (0..14).map(|n| first.saturating_add(n.days()));
    let open = days.filter(|&d| calendar.option_close(d).is_some_and(|close| close > asof));
    let contracts = open.take(EXPIRIES).flat_map(|day| series(calendar, day, asof)).collect();
    let index = |ticker: &str, value| Index { ticker: ticker.to_owned(), value, ts: asof.0 };
    Market {
        underlying: "SPX".to_owned(),
        spot: Some((SPOT, asof.0)),
        delayed: false,
        contracts,
        indices: vec![index("VIX", 17.25), index("VIX3M", 19.0)],
    }
}

fn series(calendar: &Calendar, day: Date, asof: Ts) -> Vec<Contract> {
    let t = calendar.option_close(day).expect("open").since(asof) as f64 / YEAR;
    let both = |n: i32| [one(day, t, n, true, asof), one(day, t, n, false, asof)];
    (-STRIKES..=STRIKES).flat_map(both).collect()
}

fn one(day: Date, t: f64, n: i32, call: bool, asof: Ts) -> Contract {
    let strike = SPOT + f64::from(5 * n);
    let sigma = (0.14 - 0.35 * (strike / SPOT).ln() / t.sqrt().max(0.15)).clamp(0.08, 0.9);
    let price = price(strike, t, sigma, call);
    let half = (0.02 * price).clamp(0.05, 2.0);
    let (right, side) = if call { ('C', 1.0) } else { ('P', -1.0) };
    let x = f64::from(n) / f64::from(STRIKES) - 0.15 * side;
    let round = if n % 10 == 0 { 5.0 } else { 1.0 };
    // Of what expires today the far strikes have no price, so they hold little.
    let size = if t < 1.0 / 365.0 { 500.0 } else { 4000.0 };
    let open = f64::round(size * (-20.0 * x * x).exp()) * round;
    let stamp = format!("{:02}{:02}{:02}", day.year() % 100, day.month(), day.day());
    Contract {
        ticker: format!("SPXW{stamp}{right}{:08.0}", strike * 1000.0),
        expiry: day.to_string(),
        strike,
        call,
        bid: Some(((price - half) * 20.0).floor().max(0.0) / 20.0),
        ask: Some(((price + half) * 20.0).ceil() / 20.0),
        bid_size: Some(10.0),
        ask_size: Some(10.0),
        quote_ts: Some(asof.0 - SECOND),
        volume: Some((open / 3.0).round()),
        open_interest: Some(open),
        ..Contract::default()
    }
}

/// Undiscounted Black price without carry.
fn price(strike: f64, t: f64, sigma: f64, call: bool) -> f64 {
    let d = sigma * t.sqrt();
    let d1 = (SPOT / strike).ln() / d + d / 2.0;
    let n = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
    let side = if call { 1.0 } else { -1.0 };
    (side * (SPOT * n(side * d1) - strike * n(side * (d1 - d)))).max(0.0)
}
