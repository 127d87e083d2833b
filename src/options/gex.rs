//! Exposures of a scope: what dealers must trade when the index, volatility or time moves.
//!
//! Gamma exposure of a contract is `s·Γ·OI·100·S²·0.01`: USD of delta to hedge per 1 % move. The
//! sign `s` is a model of who holds what, not an observation, see [`SignModel`]. Contracts
//! without a volatility count in the open interest only. The sums run by expiry, root, strike,
//! right.
//!
//! Cost: one set of greeks a contract with a volatility.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::chain::{MULTIPLIER, Right};
use super::greeks::{Greeks, Terms};
use super::priced::{Group, IvSource, Leg};
use super::{Known, null};
use crate::units::Reason;

/// What dealers are assumed to hold against the open interest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignModel {
    /// Calls +1, puts −1: customers sell calls and buy puts.
    #[default]
    LongCallsShortPuts,
    /// Both −1: a diagnostic without a flip.
    ShortAll,
}

impl SignModel {
    /// Name as it stands in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            SignModel::LongCallsShortPuts => "long_calls_short_puts",
            SignModel::ShortAll => "short_all",
        }
    }

    /// +1 where dealers hold the right, −1 where they are short of it.
    #[must_use]
    pub const fn sign(self, right: Right) -> f64 {
        match (self, right) {
            (SignModel::LongCallsShortPuts, Right::Call) => 1.0,
            _ => -1.0,
        }
    }
}

/// A strike over all expiries of the scope.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StrikeExposure {
    /// Index points.
    pub strike: f64,
    /// Of its calls with the model's sign, USD per 1 %.
    pub call_gex: f64,
    /// Of its puts, likewise.
    pub put_gex: f64,
    /// Open calls, contracts.
    pub call_oi: f64,
    /// Open puts.
    pub put_oi: f64,
}

impl StrikeExposure {
    /// Both rights with their signs, USD per 1 %.
    #[must_use]
    pub fn net(&self) -> f64 {
        self.call_gex + self.put_gex
    }

    /// Both rights without signs, USD per 1 %.
    #[must_use]
    pub fn abs(&self) -> f64 {
        self.call_gex.abs() + self.put_gex.abs()
    }
}

/// An expiry date, its roots together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExpiryExposure {
    /// The date.
    pub expiry: Date,
    /// New York days to it.
    pub dte: i32,
    /// With signs, USD per 1 %.
    pub net: f64,
    /// Without, USD per 1 %.
    pub abs: f64,
}

/// How much of a scope could be used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Coverage {
    /// Listed contracts.
    pub contracts: u32,
    /// With open interest given, 0 included.
    pub with_oi: u32,
    /// With a volatility.
    pub with_iv: u32,
    /// With a volatility solved here.
    pub own: u32,
    /// Open interest, contracts.
    pub oi: f64,
    /// Of it, without any volatility.
    pub oi_without_iv: f64,
}

impl Coverage {
    /// Open interest with a volatility over all.
    ///
    /// # Errors
    /// `ZERO_DENOMINATOR` without open interest.
    pub fn iv_coverage(&self) -> Known<f64> {
        ratio(self.oi - self.oi_without_iv, self.oi, "open_interest")
    }

    /// Contracts with an own volatility over all.
    ///
    /// # Errors
    /// `ZERO_DENOMINATOR` without contracts.
    pub fn own_share(&self) -> Known<f64> {
        ratio(f64::from(self.own), f64::from(self.contracts), "contracts")
    }

    /// Contracts with open interest given over all.
    ///
    /// # Errors
    /// `ZERO_DENOMINATOR` without contracts.
    pub fn oi_complete(&self) -> Known<f64> {
        ratio(f64::from(self.with_oi), f64::from(self.contracts), "contracts")
    }

    fn add(&mut self, leg: &Leg) {
        self.contracts = self.contracts.saturating_add(1);
        self.with_oi = self.with_oi.saturating_add(u32::from(leg.oi.is_some()));
        self.oi += leg.open();
        match leg.iv {
            None => self.oi_without_iv += leg.open(),
            Some((_, source)) => {
                self.with_iv = self.with_iv.saturating_add(1);
                self.own = self.own.saturating_add(u32::from(source == IvSource::Own));
            }
        }
    }
}

/// Exposures of a scope at one spot.
#[derive(Clone, Debug, PartialEq)]
pub struct Exposures {
    /// The spot, index points.
    pub spot: f64,
    /// The sign model.
    pub sign: SignModel,
    /// Gamma with signs, USD per 1 %.
    pub net: f64,
    /// Of the calls.
    pub call: f64,
    /// Of the puts; not above 0.
    pub put: f64,
    /// Gamma without signs, USD per 1 %.
    pub abs: f64,
    /// Net by the vendor's gammas: plausibility only. `NO_INPUT` where it gives none.
    pub vendor_net: Known<f64>,
    /// Net, USD per index point.
    pub usd_per_point: f64,
    /// Net over gross, −1 to 1; `ZERO_DENOMINATOR` without gross.
    pub normalized: Known<f64>,
    /// Strikes, ascending.
    pub by_strike: Vec<StrikeExposure>,
    /// Expiry dates, ascending.
    pub by_expiry: Vec<ExpiryExposure>,
    /// Net of what expires today, USD per 1 %.
    pub zero_dte_net: f64,
    /// Share of gross that expires today; `ZERO_DENOMINATOR` without gross.
    pub zero_dte_share: Known<f64>,
    /// Delta of the holders by the model, USD.
    pub dex_usd: f64,
    /// The same by the vendor's deltas; `NO_INPUT` where it gives none.
    pub dex_vendor_usd: Known<f64>,
    /// Delta of the dealers, USD.
    pub net_delta: f64,
    /// Dealers' delta per volatility point, USD.
    pub vex_usd_per_volpt: f64,
    /// Dealers' delta per calendar day, USD.
    pub cex_usd_per_day: f64,
    /// How much of the scope stands behind this.
    pub coverage: Coverage,
}

/// A sum that knows whether anything was added.
#[derive(Clone, Copy, Default)]
struct Vendor {
    sum: f64,
    seen: bool,
}

impl Vendor {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.seen = true;
        }
    }

    fn known(self, factor: f64, what: &'static str) -> Known<f64> {
        if self.seen { Ok(self.sum * factor) } else { null(Reason::NoInput, what) }
    }
}

/// Sums of a pass, per contract and unit of spot.
#[derive(Default)]
struct Sums {
    vendor_gamma: Vendor,
    vendor_delta: Vendor,
    dex: f64,
    net_delta: f64,
    vanna: f64,
    charm: f64,
}

impl Exposures {
    /// Exposures of the groups of `scope` at `spot`, above 0.
    #[must_use]
    pub fn of(scope: &[&Group], spot: f64, sign: SignModel) -> Exposures {
        let mut strikes: BTreeMap<u64, StrikeExposure> = BTreeMap::new();
        let mut by_expiry: Vec<ExpiryExposure> = Vec::new();
        let (mut sums, mut coverage) = (Sums::default(), Coverage::default());
        let (mut call, mut put) = (0.0, 0.0);
        for group in scope {
            let (mut net, mut abs) = (0.0, 0.0);
            for strike in &group.strikes {
                let k = strike.strike;
                // Bits of positive numbers sort like the numbers.
                let row = strikes.entry(k.to_bits()).or_default();
                row.strike = k;
                for right in [Right::Call, Right::Put] {
                    let Some(leg) = strike.leg(right) else { continue };
                    coverage.add(leg);
                    let gex = sums.add(group, k, leg, spot, sign.sign(right), right);
                    let (sum, by_right, oi) = match right {
                        Right::Call => (&mut call, &mut row.call_gex, &mut row.call_oi),
                        Right::Put => (&mut put, &mut row.put_gex, &mut row.put_oi),
                    };
                    *sum += gex;
                    *by_right += gex;
                    *oi += leg.open();
                    net += gex;
                    abs += gex.abs();
                }
            }
            add_expiry(&mut by_expiry, group, net, abs);
        }
        let by_strike = strikes.into_values().collect();
        Exposures::assemble(spot, sign, (call, put), (by_strike, by_expiry), &sums, coverage)
    }

    fn assemble(
        spot: f64,
        sign: SignModel,
        (call, put): (f64, f64),
        (by_strike, by_expiry): (Vec<StrikeExposure>, Vec<ExpiryExposure>),
        sums: &Sums,
        coverage: Coverage,
    ) -> Exposures {
        let (net, abs) = (call + put, by_expiry.iter().map(|e| e.abs).sum());
        let today = || by_expiry.iter().filter(|e| e.dte == 0);
        let (today_net, today_abs) =
            (today().map(|e| e.net).sum(), today().map(|e| e.abs).sum::<f64>());
        Exposures {
            spot,
            sign,
            net,
            call,
            put,
            abs,
            vendor_net: sums.vendor_gamma.known(per_percent(spot), "vendor_gamma"),
            usd_per_point: net * 100.0 / spot,
            normalized: ratio(net, abs, "abs_gex"),
            by_strike,
            zero_dte_net: today_net,
            zero_dte_share: ratio(today_abs, abs, "abs_gex"),
            by_expiry,
            dex_usd: sums.dex * MULTIPLIER * spot,
            dex_vendor_usd: sums.vendor_delta.known(MULTIPLIER * spot, "vendor_delta"),
            net_delta: sums.net_delta * MULTIPLIER * spot,
            vex_usd_per_volpt: sums.vanna * MULTIPLIER * spot * 0.01,
            cex_usd_per_day: sums.charm * MULTIPLIER * spot / 365.0,
            coverage,
        }
    }

    /// Strikes within `share` of the spot that have open interest.
    pub fn near(&self, share: f64) -> impl Iterator<Item = &StrikeExposure> {
        let (spot, reach) = (self.spot, self.spot * share);
        self.by_strike
            .iter()
            .filter(move |s| (s.strike - spot).abs() <= reach && s.call_oi + s.put_oi > 0.0)
    }
}

impl Sums {
    /// Adds a contract and returns its gamma exposure, USD per 1 %.
    fn add(&mut self, group: &Group, k: f64, leg: &Leg, spot: f64, s: f64, right: Right) -> f64 {
        let oi = leg.open();
        self.vendor_gamma.add(leg.vendor_gamma.map(|g| s * g * oi));
        self.vendor_delta.add(leg.vendor_delta.map(|d| d * oi));
        let Some(sigma) = leg.sigma().filter(|_| oi > 0.0) else { return 0.0 };
        let greeks = greeks(group, k, sigma, spot);
        let delta = greeks.delta(right) * oi;
        self.dex += delta;
        self.net_delta += s * delta;
        self.vanna += s * greeks.vanna * oi;
        self.charm += s * greeks.charm * oi;
        s * greeks.gamma * oi * per_percent(spot)
    }
}

/// Greeks of a strike of a group at `spot`.
#[must_use]
pub fn greeks(group: &Group, strike: f64, sigma: f64, spot: f64) -> Greeks {
    Terms::new(strike, sigma, group.t, group.carry * group.t).at(spot)
}

/// From gamma times contracts to USD per 1 % at `spot`.
#[must_use]
pub fn per_percent(spot: f64) -> f64 {
    MULTIPLIER * spot * spot * 0.01
}

fn add_expiry(by_expiry: &mut Vec<ExpiryExposure>, group: &Group, net: f64, abs: f64) {
    match by_expiry.last_mut().filter(|e| e.expiry == group.expiry) {
        Some(e) => {
            e.net += net;
            e.abs += abs;
        }
        None => by_expiry.push(ExpiryExposure { expiry: group.expiry, dte: group.dte, net, abs }),
    }
}

/// `a/b`, or why not.
fn ratio(a: f64, b: f64, what: &'static str) -> Known<f64> {
    if b > 0.0 { Ok(a / b) } else { null(Reason::ZeroDenominator, what) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::options::chain::Root;
    use crate::options::priced::{ForwardSource, Strike};
    use crate::units::Ts;

    /// A leg without a quote.
    pub(crate) fn leg(sigma: Option<f64>, oi: Option<f64>) -> Leg {
        Leg {
            bid: None,
            ask: None,
            volume: None,
            oi,
            iv: sigma.map(|s| (s, IvSource::Own)),
            vendor_delta: None,
            vendor_gamma: None,
        }
    }

    /// A group of 30 days without carry: strike, volatility, open calls, open puts.
    pub(crate) fn group(rows: &[(f64, f64, f64, f64)]) -> Group {
        let both = |&(strike, sigma, calls, puts): &(f64, f64, f64, f64)| Strike {
            strike,
            call: Some(leg(Some(sigma), Some(calls))),
            put: Some(leg(Some(sigma), Some(puts))),
        };
        Group {
            expiry: jiff::civil::date(2025, 3, 21),
            root: Root::Spxw,
            settle_ts: Ts(1),
            t: 30.0 / 365.0,
            dte: 30,
            contracts: 2 * u32::try_from(rows.len()).expect("few"),
            n_pairs: 0,
            forward: 6000.0,
            forward_source: ForwardSource::Spot,
            df: 1.0,
            carry: 0.0,
            skew_slope: 0.0,
            strikes: rows.iter().map(both).collect(),
        }
    }

    /// Five strikes around 6000 at 16 %.
    pub(crate) fn toy() -> Group {
        group(&[
            (5800.0, 0.16, 1000.0, 5000.0),
            (5900.0, 0.16, 2000.0, 9000.0),
            (6000.0, 0.16, 3000.0, 3000.0),
            (6100.0, 0.16, 8000.0, 1500.0),
            (6200.0, 0.16, 4000.0, 500.0),
        ])
    }

    pub(crate) const SIGN: SignModel = SignModel::LongCallsShortPuts;

    #[track_caller]
    fn near(got: f64, want: f64) {
        assert!((got - want).abs() <= 1e-3, "got {got}, want {want}");
    }

    #[test]
    fn toy_chain() {
        let toy = toy();
        let e = Exposures::of(&[&toy], 6000.0, SIGN);
        near(e.call, 850_949_806.616);
        near(e.put, -881_521_198.248);
        near(e.abs, 1_732_471_004.865);
        near(e.net, -30_571_391.632);
        near(e.usd_per_point, -30_571_391.632 / 60.0);
        let net = [-156_134_988.732, -338_617_233.446, 0.0, 320_419_601.556, 143_761_228.990];
        for (s, want) in e.by_strike.iter().zip(net) {
            near(s.net(), want);
        }
        assert_eq!(e.by_expiry.len(), 1);
        assert_eq!((e.zero_dte_net, e.zero_dte_share), (0.0, Ok(0.0)));
        assert_eq!(e.coverage.iv_coverage(), Ok(1.0));
        assert_eq!(e.near(0.02).count(), 3);
        assert!(e.vendor_net.is_err() && e.dex_vendor_usd.is_err());
        let short = Exposures::of(&[&toy], 6000.0, SignModel::ShortAll);
        near(short.net, -1_732_471_004.865);
        near(short.abs, e.abs);
        assert_eq!(short.dex_usd, e.dex_usd);
    }

    #[test]
    fn deltas_cancel_where_dealers_hold_what_they_owe() {
        let e = Exposures::of(&[&group(&[(6000.0, 0.2, 10.0, 10.0)])], 6000.0, SIGN);
        // A call and a put of one strike: gammas, vannas and charms cancel, deltas do not.
        assert_eq!((e.net, e.vex_usd_per_volpt, e.cex_usd_per_day), (0.0, 0.0, 0.0));
        near(e.net_delta, 10.0 * 100.0 * 6000.0);
    }

    #[test]
    fn what_is_unknown_is_not_zero() {
        let mut g = group(&[(6000.0, 0.2, 10.0, 30.0), (6100.0, 0.2, 0.0, 0.0)]);
        g.strikes[0].put.as_mut().expect("put").iv = None;
        g.strikes[1].put.as_mut().expect("put").oi = None;
        g.strikes[1].call.as_mut().expect("call").iv = Some((0.2, IvSource::VendorOtm));
        let e = Exposures::of(&[&g], 6000.0, SIGN);
        let c = &e.coverage;
        assert_eq!((c.contracts, c.with_oi, c.with_iv, c.own), (4, 3, 3, 2));
        assert_eq!((c.oi, c.oi_without_iv), (40.0, 30.0));
        assert_eq!(
            (c.iv_coverage(), c.own_share(), c.oi_complete()),
            (Ok(0.25), Ok(0.5), Ok(0.75))
        );
        assert_eq!(e.put, 0.0);
        assert_eq!(e.by_strike[0].put_oi, 30.0);
    }

    #[test]
    fn nothing_open_has_no_ratio() {
        for scope in [vec![], vec![group(&[(6000.0, 0.2, 0.0, 0.0)])]] {
            let scope: Vec<&Group> = scope.iter().collect();
            let e = Exposures::of(&scope, 6000.0, SIGN);
            assert_eq!((e.net, e.abs), (0.0, 0.0));
            let why = e.normalized.expect_err("no gross");
            assert_eq!((why.reason, why.detail), (Reason::ZeroDenominator, "abs_gex"));
            assert!(e.zero_dte_share.is_err() && e.coverage.iv_coverage().is_err());
        }
    }

    #[test]
    fn roots_of_a_date_stand_together_and_today_apart() {
        let mut today = toy();
        today.dte = 0;
        today.expiry = jiff::civil::date(2025, 2, 19);
        let mut morning = toy();
        morning.root = Root::Spx;
        let all = [today, morning, toy()];
        let scope: Vec<&Group> = all.iter().collect();
        let e = Exposures::of(&scope, 6000.0, SIGN);
        assert_eq!(e.by_expiry.len(), 2);
        assert!((e.zero_dte_share.expect("gross") - 1.0 / 3.0).abs() < 1e-12);
        near(e.zero_dte_net, -30_571_391.632);
        near(e.by_expiry[1].net, -2.0 * 30_571_391.632);
    }
}
