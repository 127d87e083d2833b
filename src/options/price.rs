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

use super::chain::{Chain, IvClock, Print, Right, Row, VENDOR_IV};
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
        iv: row
            .vendor_iv
            .filter(|sigma| VENDOR_IV.contains(sigma))
            .map(|sigma| (sigma, IvSource::VendorLeg)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::chain::{
        DelayClass, Osi, Provenance, Root, Roots, SourceKind, Underlying, settle_ts,
    };
    use crate::options::greeks::cumulative;
    use crate::options::priced::Scope;
    use crate::units::MINUTE;
    use jiff::civil::date;

    /// A third Friday.
    const FRIDAY: Date = date(2025, 6, 20);

    fn calendar() -> Calendar {
        Calendar::bundled().expect("calendar")
    }

    fn row(root: &str, day: Date, right: char, strike: u32) -> Row {
        let (y, m, d) = (day.year() % 100, day.month(), day.day());
        let ticker = format!("{root}{y:02}{m:02}{d:02}{right}{:08}", strike * 1000);
        let osi = Osi::parse(&ticker, &Roots::PRODUCT).expect("ticker");
        Row::new(osi, settle_ts(&calendar(), osi.root, osi.expiry))
    }

    /// Calls and puts at 20 % around a forward, quoted a tenth of a point wide.
    fn rows(root: &str, day: Date, asof: Ts, forward: f64) -> Vec<Row> {
        let mut rows = Vec::new();
        for strike in (5800..=6200).step_by(50) {
            let k = f64::from(strike);
            for right in ['C', 'P'] {
                let mut row = row(root, day, right, strike);
                let d = 0.2 * iv::years_between(asof, row.settle_ts).max(1e-9).sqrt();
                let d1 = libm::log(forward / k) / d + 0.5 * d;
                let call = forward * cumulative(d1) - k * cumulative(d1 - d);
                let mid = if right == 'C' { call } else { call - forward + k }.max(0.1);
                (row.bid, row.ask) = (Some(mid - 0.05), Some(mid + 0.05));
                row.open_interest = Some(100.0);
                rows.push(row);
            }
        }
        rows
    }

    fn chain(asof: Ts, rows: Vec<Row>) -> Chain {
        Chain {
            underlying: Underlying::Spx,
            asof,
            captured: asof,
            print: Some(Print { value: 6001.0, ts: asof }),
            rows,
            provenance: Provenance::new("test", SourceKind::File, DelayClass::Realtime),
        }
    }

    fn at(day: Date, hour: i8, minute: i8) -> Ts {
        calendar().new_york(day, time(hour, minute, 0, 0))
    }

    fn run(chain: &Chain, mode: SpotMode, futures: Option<Print>) -> Known<Priced> {
        price(chain, &calendar(), &PriceParams { spot_mode: mode, futures })
    }

    fn source(chain: &Chain, mode: SpotMode, futures: Option<Print>) -> Option<SpotSource> {
        run(chain, mode, futures).ok().map(|p| p.spot.source)
    }

    /// A quoted chain at a time of Wednesday 2025-06-18 with a print of some age in seconds.
    fn wednesday(hour: i8, minute: i8, age: i64) -> Chain {
        let asof = at(date(2025, 6, 18), hour, minute);
        let mut chain = chain(asof, rows("SPXW", FRIDAY, asof, 6005.0));
        chain.print = Some(Print { value: 6001.0, ts: Ts(asof.0 - age * SECOND) });
        chain
    }

    #[test]
    fn spot_within_regular_hours() {
        let es = Some(Print { value: 6002.0, ts: Ts(1) });
        let mut chain = wednesday(11, 0, 60);
        assert_eq!(source(&chain, SpotMode::Auto, es), Some(SpotSource::Print));
        chain = wednesday(11, 0, 61);
        assert_eq!(source(&chain, SpotMode::Auto, es), Some(SpotSource::Implied));
        chain.provenance.declared_delay_s = 900;
        assert_eq!(source(&chain, SpotMode::Auto, es), Some(SpotSource::Print));
        chain.print = None;
        for row in &mut chain.rows {
            row.bid = None;
        }
        let priced = run(&chain, SpotMode::Auto, es).expect("the future");
        assert_eq!((priced.spot.source, priced.spot.ts), (SpotSource::Futures, Ts(1)));
        assert_eq!(priced.implied.expect_err("no pairs").reason, Reason::InsufficientSample);
        // A stale print is no spot while the market is open.
        chain.print = Some(Print { value: 6001.0, ts: Ts::NONE });
        let why = run(&chain, SpotMode::Auto, None).expect_err("nothing fresh");
        assert_eq!((why.reason, why.detail), (Reason::NoInput, NO_SPOT));
    }

    #[test]
    fn spot_outside_regular_hours() {
        let es = Some(Print { value: 6002.0, ts: Ts(1) });
        for (hour, minute) in [(9, 29), (16, 0), (20, 0)] {
            let mut chain = wednesday(hour, minute, 0);
            assert_eq!(source(&chain, SpotMode::Auto, es), Some(SpotSource::Implied));
            for row in &mut chain.rows {
                row.ask = None;
            }
            assert_eq!(source(&chain, SpotMode::Auto, es), Some(SpotSource::Futures));
            assert_eq!(source(&chain, SpotMode::Auto, None), Some(SpotSource::StalePrint));
        }
    }

    #[test]
    fn a_given_mode_takes_nothing_else() {
        let es = Some(Print { value: 6002.0, ts: Ts(1) });
        let mut chain = wednesday(20, 0, 86_400);
        assert_eq!(source(&chain, SpotMode::Print, None), Some(SpotSource::Print));
        assert_eq!(source(&chain, SpotMode::Implied, es), Some(SpotSource::Implied));
        assert_eq!(source(&chain, SpotMode::Futures, es), Some(SpotSource::Futures));
        assert_eq!(source(&chain, SpotMode::Futures, None), None);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            chain.print = Some(Print { value: bad, ts: chain.asof });
            assert_eq!(source(&chain, SpotMode::Print, es), None);
        }
        for mode in [SpotMode::Auto, SpotMode::Print, SpotMode::Implied, SpotMode::Futures] {
            assert_eq!(SpotMode::of(mode.name()), Some(mode));
        }
    }

    #[test]
    fn the_implied_spot_is_the_forward_of_the_nearest_group() {
        let chain = wednesday(20, 0, 0);
        let priced = run(&chain, SpotMode::Implied, None).expect("priced");
        let group = &priced.groups[0];
        assert!((priced.spot.value - 6005.0).abs() < 1e-9);
        assert!((group.forward - priced.spot.value).abs() < 1e-9);
        assert_eq!(priced.implied, Ok(priced.spot.value));
        assert!(group.carry.abs() < 1e-9);
    }

    #[test]
    fn volatilities_forward_and_time_of_a_quoted_group() {
        let chain = wednesday(11, 0, 0);
        let priced = run(&chain, SpotMode::Auto, None).expect("priced");
        let [g] = priced.groups.as_slice() else { panic!("one group") };
        assert_eq!((g.contracts, g.n_pairs, g.dte), (18, 9, 2));
        assert_eq!(g.forward_source, ForwardSource::Parity);
        assert!((g.t * 8760.0 - 53.0).abs() < 1e-9);
        assert!((g.forward * libm::exp(-g.carry * g.t) - 6001.0).abs() < 1e-9);
        let near = g.strikes.iter().filter(|s| (s.strike - 6000.0).abs() < 120.0);
        for leg in near.flat_map(|s| [s.call, s.put]).flatten() {
            let (sigma, source) = leg.iv.expect("quoted");
            assert!((sigma - 0.2).abs() < 1e-6, "{sigma}");
            assert_eq!(source, IvSource::Own);
        }
        assert!(warnings(&chain, &priced).is_empty());
    }

    #[test]
    fn third_friday_ten_o_clock() {
        let asof = at(FRIDAY, 10, 0);
        let both = [rows("SPX", FRIDAY, asof, 6000.0), rows("SPXW", FRIDAY, asof, 6000.0)];
        let priced = run(&chain(asof, both.concat()), SpotMode::Print, None).expect("priced");
        let [g] = priced.groups.as_slice() else { panic!("one group") };
        assert_eq!((g.root, g.dte), (Root::Spxw, 0));
        assert!((g.t * 8760.0 - 6.0).abs() < 1e-9);
        // An hour earlier both are alive.
        let asof = at(FRIDAY, 9, 0);
        let both = [rows("SPX", FRIDAY, asof, 6000.0), rows("SPXW", FRIDAY, asof, 6000.0)];
        let priced = run(&chain(asof, both.concat()), SpotMode::Print, None).expect("priced");
        assert_eq!(priced.groups.len(), 2);
        assert!((priced.groups[0].t * 8760.0 - 0.5).abs() < 1e-9);
    }

    #[test]
    fn half_days_and_clock_changes() {
        let half = date(2025, 11, 28);
        let asof = at(half, 12, 30);
        let priced = run(&chain(asof, rows("SPXW", half, asof, 6000.0)), SpotMode::Print, None);
        assert!((priced.expect("priced").groups[0].t * 8760.0 - 0.5).abs() < 1e-9);
        let asof = at(date(2022, 7, 12), 11, 40);
        let day = date(2022, 12, 16);
        let priced = run(&chain(asof, rows("SPX", day, asof, 6000.0)), SpotMode::Print, None);
        assert!((priced.expect("priced").groups[0].t * 8760.0 - 3766.833333333).abs() < 1e-6);
    }

    #[test]
    fn after_all_expiries() {
        let asof = at(FRIDAY, 16, 0);
        let chain = chain(asof, rows("SPXW", FRIDAY, asof, 6000.0));
        let why = run(&chain, SpotMode::Auto, None).expect_err("nothing alive");
        assert_eq!((why.reason, why.detail), (Reason::NoInput, NO_CONTRACTS));
    }

    #[test]
    fn without_quotes_the_vendors_volatility_by_its_clock() {
        let asof = at(FRIDAY, 12, 0);
        let mut chain = chain(asof, rows("SPXW", FRIDAY, asof, 6000.0));
        chain.provenance.iv_clock = IvClock::Vendor;
        for row in &mut chain.rows {
            (row.bid, row.ask, row.vendor_iv) = (None, None, Some(0.15));
        }
        let priced = run(&chain, SpotMode::Print, None).expect("priced");
        let group = &priced.groups[0];
        assert_eq!((group.n_pairs, group.forward, group.carry), (0, 6001.0, 0.0));
        assert_eq!(group.forward_source, ForwardSource::Spot);
        // Four hours to the settlement, eight to midnight UTC.
        for leg in group.strikes.iter().flat_map(|s| [s.call, s.put]).flatten() {
            let (sigma, source) = leg.iv.expect("given");
            assert!((sigma - 0.15 * 2.0_f64.sqrt()).abs() < 1e-9);
            assert_eq!(source, IvSource::VendorOtm);
        }
        assert_eq!(warnings(&chain, &priced), ["t_vendor_assumed 2025-06-20 SPXW"]);
        // With greeks that say six hours.
        for row in &mut chain.rows {
            let t = 6.0 / 8760.0;
            row.vendor_delta = Some(0.5);
            row.vendor_gamma = Some(0.01);
            row.vendor_vega = Some(t * 0.01 * 6001.0 * 6001.0 * 0.15 / 100.0);
        }
        let priced = run(&chain, SpotMode::Print, None).expect("priced");
        let sigma = priced.groups[0].strikes[0].call.and_then(|l| l.sigma()).expect("given");
        assert!((sigma - 0.15 * 1.5_f64.sqrt()).abs() < 1e-9);
        assert!(warnings(&chain, &priced).is_empty());
    }

    #[test]
    fn a_short_dated_discount_above_one_is_noise() {
        let asof = at(date(2025, 6, 18), 11, 0);
        let own = |day: Date| {
            let mut rows = rows("SPXW", day, asof, 6000.0);
            for row in &mut rows {
                let scale = |x: f64| x * 1.01;
                (row.bid, row.ask) = (row.bid.map(scale), row.ask.map(scale));
            }
            let priced = run(&chain(asof, rows), SpotMode::Print, None).expect("priced");
            let g = &priced.groups[0];
            assert!((g.df - 1.01).abs() < 1e-3, "{}", g.df);
            g.strikes[4].call.and_then(|l| l.sigma()).expect("own")
        };
        assert!((own(FRIDAY) - 0.202).abs() < 1e-4);
        assert!((own(date(2025, 8, 15)) - 0.2).abs() < 1e-4);
    }

    #[test]
    fn hostile_numbers_give_finite_sums() {
        let asof = at(FRIDAY, 12, 0);
        for bad in [0.0, 1e-300, 1e300, f64::MAX] {
            let mut chain = chain(Ts(asof.0 + 239 * MINUTE), rows("SPXW", FRIDAY, asof, 6000.0));
            for row in chain.rows.iter_mut().step_by(3) {
                (row.bid, row.ask) = (Some(bad), Some(bad * 2.0));
                (row.vendor_iv, row.open_interest) = (Some(bad), Some(bad));
                (row.vendor_gamma, row.vendor_vega) = (Some(bad), Some(bad));
                (row.vendor_delta, row.volume) = (Some(bad), Some(bad));
            }
            chain.provenance.iv_clock = IvClock::Vendor;
            let Ok(priced) = run(&chain, SpotMode::Print, None) else { panic!("no spot") };
            let scope: Scope<'_> = priced.groups.iter().collect();
            let e = crate::options::gex::Exposures::of(&scope, 6001.0, Default::default());
            assert!(
                [e.net, e.abs, e.net_delta, e.cex_usd_per_day, e.coverage.oi]
                    .iter()
                    .all(|x| x.is_finite()),
                "{bad}: {e:?}"
            );
        }
    }
}
