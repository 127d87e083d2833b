//! Groups made by hand for the unit tests: Black-76 prices of a given smile.

use jiff::civil::{Date, date};

use super::chain::Root;
use super::priced::{ForwardSource, Group, IvSource, Leg, Strike};
use crate::units::{SECOND, Ts};

/// Nanoseconds of a year of 365 days.
const YEAR: f64 = 365.0 * 86_400.0 * 1e9;
/// The instant that the groups are seen from.
pub(crate) const ASOF: Ts = Ts(1_657_640_400 * SECOND);

/// A leg of which only the open interest is known.
pub(crate) fn leg(oi: Option<f64>) -> Leg {
    Leg { bid: None, ask: None, volume: None, oi, iv: None, vendor_delta: None, vendor_gamma: None }
}

/// A group without strikes.
pub(crate) fn group(expiry: Date, root: Root, days: f64, forward: f64) -> Group {
    let t = days / 365.0;
    Group {
        expiry,
        root,
        #[expect(clippy::cast_possible_truncation, reason = "years of a test fit")]
        settle_ts: Ts(ASOF.0 + (t * YEAR) as i64),
        t,
        dte: days.floor().min(1e6) as i32,
        contracts: 0,
        n_pairs: 5,
        forward,
        forward_source: ForwardSource::Parity,
        df: 1.0,
        carry: 0.0,
        skew_slope: 0.0,
        strikes: Vec::new(),
    }
}

/// Undiscounted Black-76, as a difference of normal probabilities.
pub(crate) fn black(forward: f64, strike: f64, d: f64, call: bool) -> f64 {
    let cdf = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
    let d1 = libm::log(forward / strike) / d + d / 2.0;
    let sign = if call { 1.0 } else { -1.0 };
    sign * (forward * cdf(sign * d1) - strike * cdf(sign * (d1 - d)))
}

/// A group that quotes `smile(k)`, k = ln(K/F), at `strikes`, both legs, with `spread` around the
/// middle.
pub(crate) fn quoted(
    days: f64,
    forward: f64,
    strikes: impl Iterator<Item = f64>,
    spread: f64,
    smile: impl Fn(f64) -> f64,
) -> Group {
    let mut group = group(date(2022, 7, 12), Root::Spxw, days, forward);
    for strike in strikes {
        let sigma = smile(libm::log(strike / forward));
        let d = sigma * group.t.sqrt();
        let leg = |call| {
            let mid = black(forward, strike, d, call);
            Some(Leg {
                bid: Some((mid - spread / 2.0).max(0.0)),
                ask: Some(mid + spread / 2.0),
                iv: Some((sigma, IvSource::Own)),
                ..leg(Some(1.0))
            })
        };
        group.strikes.push(Strike { strike, call: leg(true), put: leg(false) });
        group.contracts += 2;
    }
    group
}

/// Five strikes around 6000 with open interest.
pub(crate) fn toy(dte: i32) -> Group {
    let mut group = group(date(2022, 7, 12), Root::Spxw, 30.0, 6000.0);
    group.dte = dte;
    let calls = [1000.0, 2000.0, 3000.0, 8000.0, 4000.0];
    let puts = [5000.0, 9000.0, 3000.0, 1500.0, 500.0];
    let strikes = [5800.0, 5900.0, 6000.0, 6100.0, 6200.0];
    for ((strike, call), put) in strikes.into_iter().zip(calls).zip(puts) {
        group.strikes.push(Strike {
            strike,
            call: Some(leg(Some(call))),
            put: Some(leg(Some(put))),
        });
    }
    group
}
