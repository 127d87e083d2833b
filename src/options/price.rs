//! [`price`]: a chain with its spot, forwards and implied volatilities.
//!
//! Time to expiry is the difference of two UTC instants in years of 365 days. The spot is, within
//! regular hours, the fresh index print, else the parity forward of the nearest expiry, else the
//! future less its basis; outside them the print comes last and is marked as stale. A spot is
//! never guessed: without one there is no result.
//!
//! Cost: linear in the contracts; 25,000 take a few milliseconds, most of it in the solver.

use jiff::civil::{Date, time};
use serde::{Deserialize, Serialize};

use super::chain::{Chain, IvClock, Print, Right, Row};
use super::priced::{ForwardSource, Group, IvSource, Leg, Priced, Spot, SpotSource, Strike};
use super::{Known, forward, iv, null};
use crate::calendar::{Calendar, days};
use crate::units::{Reason, SECOND, Ts};

/// Detail of the null when nothing of the chain is alive.
pub const NO_CONTRACTS: &str = "no_contracts_in_scope";
/// Detail of the null when no source gives a spot.
pub const NO_SPOT: &str = "no_spot";

/// Age in s up to which a print is fresh, beyond the stated delay.
const PRINT_AGE: i64 = 60;
/// Below this many years a discount factor above 1 is noise of the fit.
const SHORT: f64 = 10.0 / 365.0;
/// Beyond these a number of a provider is no open interest or volume, gamma, or delta.
const SANE: (f64, f64, f64) = (1e12, 1e3, 1e3);

/// Which spot to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpotMode {
    /// The best that there is.
    #[default]
    Auto,
    /// The index print only, however old.
    Print,
    /// The parity forward only.
    Implied,
    /// The future only.
    Futures,
}

impl SpotMode {
    /// Name as it stands in snapshots and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            SpotMode::Auto => "auto",
            SpotMode::Print => "print",
            SpotMode::Implied => "implied",
            SpotMode::Futures => "futures",
        }
    }

    /// The mode of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<SpotMode> {
        [SpotMode::Auto, SpotMode::Print, SpotMode::Implied, SpotMode::Futures]
            .into_iter()
            .find(|m| m.name() == name)
    }
}

/// What [`price`] needs besides the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PriceParams {
    /// Which spot to take.
    pub spot_mode: SpotMode,
    /// Mid of the future less the stored basis, in index points, with the time of the mid.
    pub futures: Option<Print>,
}

/// Prices a chain: groups by expiry and root, each with time, forward, volatilities and slope.
///
/// # Errors
/// `NO_INPUT` with [`NO_CONTRACTS`] when every contract has settled at `asof`, with [`NO_SPOT`]
/// when the sources of the spot mode give none.
pub fn price(chain: &Chain, calendar: &Calendar, params: &PriceParams) -> Known<Priced> {
    let today = calendar.new_york_date(chain.asof);
    let runs = runs(chain);
    let mut groups: Vec<Group> = Vec::with_capacity(runs.len());
    for rows in &runs {
        groups.extend(raw_group(rows, chain.asof, today));
    }
    if groups.is_empty() {
        return null(Reason::NoInput, NO_CONTRACTS);
    }
    let implied = match groups.iter().find_map(|g| forward::implied(&g.strikes)) {
        Some(value) => Ok(value),
        None => null(Reason::InsufficientSample, "parity_pairs"),
    };
    let spot = spot(chain, calendar, params, implied.ok())?;
    for (group, rows) in groups.iter_mut().zip(&runs) {
        let vendor = match chain.provenance.iv_clock {
            IvClock::Exchange => group.t,
            IvClock::Vendor => iv::vendor_clock(rows, spot.value, chain.asof).years,
        };
        complete(group, spot.value, vendor);
    }
    Ok(Priced { asof: chain.asof, spot, implied, groups })
}

/// What an operator should know of a priced chain: `forward_mismatch` where a forward and its
/// nearest pair disagree, `t_vendor_assumed` where the vendor's clock could not be measured but
/// its volatilities are used. Each with the expiry and root, in their order.
#[must_use]
pub fn warnings(chain: &Chain, priced: &Priced) -> Vec<String> {
    let spot = priced.spot.value;
    let mut warnings = Vec::new();
    for (group, rows) in priced.groups.iter().zip(runs(chain)) {
        let name = format!("{} {}", group.expiry, group.root.name());
        if forward::mismatch(group, spot) {
            warnings.push(format!("forward_mismatch {name}"));
        }
        let foreign = |leg: &Leg| leg.iv.is_some_and(|(_, source)| source != IvSource::Own);
        if chain.provenance.iv_clock == IvClock::Vendor
            && group.strikes.iter().flat_map(|s| [&s.call, &s.put]).flatten().any(foreign)
            && iv::vendor_clock(rows, spot, chain.asof).assumed
        {
            warnings.push(format!("t_vendor_assumed {name}"));
        }
    }
    warnings
}

/// The living rows of each expiry and root.
fn runs(chain: &Chain) -> Vec<&[Row]> {
    chain
        .rows
        .chunk_by(|a, b| (a.osi.expiry, a.osi.root) == (b.osi.expiry, b.osi.root))
        .filter(|rows| rows.first().is_some_and(|row| row.settle_ts > chain.asof))
        .collect()
}

/// A group without forward; the legs hold the vendor's volatilities as they came.
fn raw_group(rows: &[Row], asof: Ts, today: Date) -> Option<Group> {
    let first = rows.first()?;
    let mut strikes: Vec<Strike> = Vec::with_capacity(rows.len());
    for row in rows {
        let k = row.osi.strike();
        if strikes.last().is_none_or(|s| s.strike.to_bits() != k.to_bits()) {
            strikes.push(Strike { strike: k, call: None, put: None });
        }
        let Some(strike) = strikes.last_mut() else { continue };
        match row.osi.right {
            Right::Call => strike.call = Some(leg(row)),
            Right::Put => strike.put = Some(leg(row)),
        }
    }
    Some(Group {
        expiry: first.osi.expiry,
        root: first.osi.root,
        settle_ts: first.settle_ts,
        t: iv::years_between(asof, first.settle_ts),
        dte: days(first.osi.expiry).saturating_sub(days(today)),
        contracts: u32::try_from(rows.len()).unwrap_or(u32::MAX),
        n_pairs: 0,
        forward: 0.0,
        forward_source: ForwardSource::Spot,
        df: 1.0,
        carry: 0.0,
        skew_slope: 0.0,
        strikes,
    })
}

fn leg(row: &Row) -> Leg {
    let (amount, gamma, delta) = SANE;
    let below = |x: Option<f64>, limit: f64| x.filter(|x| x.abs() <= limit);
    Leg {
        bid: row.bid,
        ask: row.ask,
        volume: below(row.volume, amount),
        oi: below(row.open_interest, amount),
        iv: row.vendor_iv.map(|sigma| (sigma, IvSource::VendorLeg)),
        vendor_delta: below(row.vendor_delta, delta),
        vendor_gamma: below(row.vendor_gamma, gamma),
    }
}

/// Forward, volatilities and slope of a group; `vendor` are the vendor's years to expiry.
fn complete(group: &mut Group, spot: f64, vendor: f64) {
    let (pairs, fit) = forward::fit(&group.strikes, spot);
    group.n_pairs = pairs;
    group.forward = spot;
    if let Some(fit) = fit {
        group.forward = fit.forward;
        group.forward_source = ForwardSource::Parity;
        group.df = fit.df;
        group.carry = libm::log(fit.forward / spot) / group.t;
    }
    let df = if group.t < SHORT { group.df.min(1.0) } else { group.df };
    let terms = iv::Terms {
        forward: group.forward,
        df: fit.map(|_| df),
        t: group.t,
        vendor_scale: if vendor == group.t { 1.0 } else { (vendor / group.t).sqrt() },
    };
    for strike in &mut group.strikes {
        iv::resolve(strike, &terms);
    }
    group.skew_slope = iv::slope(&group.strikes, group.forward, group.t);
}

fn spot(
    chain: &Chain,
    calendar: &Calendar,
    params: &PriceParams,
    implied: Option<f64>,
) -> Known<Spot> {
    let good = |p: &Print| p.value.is_finite() && p.value > 0.0;
    let from = |source: SpotSource| move |p: Print| Spot { value: p.value, source, ts: p.ts };
    let print = chain.print.filter(good);
    let futures = params.futures.filter(good).map(from(SpotSource::Futures));
    let implied = implied.map(|value| Spot { value, source: SpotSource::Implied, ts: chain.asof });
    let limit = (PRINT_AGE + i64::from(chain.provenance.declared_delay_s)) * SECOND;
    let fresh = print
        .filter(|p| p.ts.is_some() && chain.captured.or(chain.asof).since(p.ts) <= limit)
        .map(from(SpotSource::Print));
    let found = match params.spot_mode {
        SpotMode::Print => print.map(from(SpotSource::Print)),
        SpotMode::Implied => implied,
        SpotMode::Futures => futures,
        SpotMode::Auto if regular_hours(calendar, chain.asof) => fresh.or(implied).or(futures),
        SpotMode::Auto => implied.or(futures).or(print.map(from(SpotSource::StalePrint))),
    };
    found.map_or_else(|| null(Reason::NoInput, NO_SPOT), Ok)
}

/// 09:30 New York to the close of the options on a trading day.
fn regular_hours(calendar: &Calendar, at: Ts) -> bool {
    let local = calendar.new_york_time(at);
    local.time() >= time(9, 30, 0, 0)
        && calendar.option_close(local.date()).is_some_and(|close| at < close)
}
