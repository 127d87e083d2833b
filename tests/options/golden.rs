//! Real chains against an independent program: every number within the printed tolerance.

use std::collections::BTreeMap;
use std::io::Read;

use mia::calendar::Calendar;
use mia::options::chain::{Chain, Osi, Right};
use mia::options::flip::{Flip, FlipQuality, FlipStatus};
use mia::options::gex::{Exposures, SignModel};
use mia::options::max_pain;
use mia::options::price::{PriceParams, SpotMode, price};
use mia::options::priced::{Group, IvSource, Priced, Scope};
use mia::options::profile::Profile;
use mia::options::trigger::{Trigger, TriggerMethod};
use mia::options::walls::Walls;
use mia::providers::cboe_csv;
use mia::providers::import::ImportOptions;
use mia_test_support::shared;
use serde::Deserialize;

const SPX: &str = "spx_2022-07-12_quotedata.csv.gz";
const SIGN: SignModel = SignModel::LongCallsShortPuts;
const NDX: &str = "ndx_2022-12-12_quotedata.csv.gz";

/// What the independent program wrote.
#[derive(Debug, Deserialize)]
struct Golden {
    spot: f64,
    contracts_in_file: u32,
    contracts_used: u32,
    oi_used: f64,
    oi_without_iv: f64,
    total_gex_usd_per_1pct: f64,
    call_gex: f64,
    put_gex: f64,
    total_gex_usd_per_point: f64,
    abs_gex: f64,
    total_gex_other_source: f64,
    call_wall: f64,
    put_wall: f64,
    call_wall_at_or_above_spot: f64,
    put_wall_at_or_below_spot: f64,
    call_resistance_net: f64,
    put_support_net: f64,
    abs_gamma_strike: f64,
    call_oi_wall: f64,
    put_oi_wall: f64,
    hvl_min_cum_net_gex: f64,
    zero_gamma_all: Vec<f64>,
    profile_grid: (f64, f64, usize),
    profile_points: BTreeMap<String, f64>,
    skew_slope: BTreeMap<String, f64>,
    vol_trigger_all: Vec<f64>,
    skew_adj_gex_at_spot: f64,
    max_pain_by_expiry: BTreeMap<String, (f64, f64)>,
    dex_usd: f64,
    dex_model_usd: f64,
    vex_usd_per_volpt: f64,
    cex_usd_per_day: f64,
    iv_source_counts: BTreeMap<String, u32>,
    parity: BTreeMap<String, Parity>,
}

#[derive(Debug, Deserialize)]
#[expect(non_snake_case, reason = "keys of the file")]
struct Parity {
    F: f64,
    DF: f64,
    n: u32,
    T: f64,
}

fn bytes(name: &str) -> Option<Vec<u8>> {
    let raw = std::fs::read(shared(&format!("data/options/{name}"))?).expect("readable");
    let mut bytes = Vec::new();
    if name.ends_with(".gz") {
        flate2::read::GzDecoder::new(raw.as_slice()).read_to_end(&mut bytes).expect("gzip");
        return Some(bytes);
    }
    Some(raw)
}

fn chain(name: &str) -> Option<(Chain, Calendar)> {
    let bytes = bytes(&format!("cboe/{name}"))?;
    let calendar = Calendar::bundled().expect("calendar");
    let chain = cboe_csv::read(&bytes, &calendar, &ImportOptions::default()).expect("chain");
    Some((chain, calendar))
}

fn priced(name: &str) -> Option<Priced> {
    let (chain, calendar) = chain(name)?;
    let params = PriceParams { spot_mode: SpotMode::Print, ..PriceParams::default() };
    Some(price(&chain, &calendar, &params).expect("priced"))
}

fn golden(name: &str) -> Option<Golden> {
    let mut bytes = bytes(&format!("golden/{name}.json"))?;
    Some(simd_json::serde::from_slice(&mut bytes).expect("golden"))
}

#[track_caller]
fn rel(got: f64, want: f64, tolerance: f64) {
    assert!((got - want).abs() <= tolerance * want.abs(), "got {got}, want {want}");
}

#[track_caller]
fn near(got: f64, want: f64, tolerance: f64) {
    assert!((got - want).abs() <= tolerance, "got {got}, want {want}");
}

fn scope(priced: &Priced, keep: impl Fn(&Group) -> bool) -> Scope<'_> {
    priced.groups.iter().filter(|g| keep(g)).collect()
}

fn key(group: &Group) -> String {
    format!("{}/{}", group.expiry, group.root.name())
}

fn check_sums(e: &Exposures, g: &Golden) {
    for (got, want) in [
        (e.net, g.total_gex_usd_per_1pct),
        (e.call, g.call_gex),
        (e.put, g.put_gex),
        (e.abs, g.abs_gex),
        (e.usd_per_point, g.total_gex_usd_per_point),
        (e.vendor_net.expect("vendor gammas"), g.total_gex_other_source),
        (e.dex_usd, g.dex_model_usd),
        (e.dex_vendor_usd.expect("vendor deltas"), g.dex_usd),
        (e.vex_usd_per_volpt, g.vex_usd_per_volpt),
        (e.cex_usd_per_day, g.cex_usd_per_day),
        (e.normalized.expect("gross"), g.total_gex_usd_per_1pct / g.abs_gex),
    ] {
        rel(got, want, 1e-9);
    }
    let c = &e.coverage;
    assert_eq!((c.oi, c.oi_without_iv), (g.oi_used, g.oi_without_iv));
}

fn check_levels(profile: &Profile, e: &Exposures, g: &Golden) {
    let walls = Walls::of(e);
    for (got, want) in [
        (walls.call.map(|w| w.strike), g.call_wall_at_or_above_spot),
        (walls.put.map(|w| w.strike), g.put_wall_at_or_below_spot),
        (walls.call_any, g.call_wall),
        (walls.put_any, g.put_wall),
        (walls.call_net, g.call_resistance_net),
        (walls.put_net, g.put_support_net),
        (walls.call_oi, g.call_oi_wall),
        (walls.put_oi, g.put_oi_wall),
        (walls.abs_gamma, g.abs_gamma_strike),
        (walls.hvl, g.hvl_min_cum_net_gex),
    ] {
        assert_eq!(got, Ok(want));
    }
    let flip = Flip::of(profile);
    let (first, last, nodes) = g.profile_grid;
    assert_eq!(flip.grid.len(), nodes);
    assert_eq!(flip.grid.first().map(|n| n.0), Some(first));
    assert_eq!(flip.grid.last().map(|n| n.0), Some(last));
    assert_eq!(flip.roots.len(), g.zero_gamma_all.len());
    for (got, want) in flip.roots.iter().zip(&g.zero_gamma_all) {
        near(*got, *want, 1e-8);
    }
    for (x, want) in &g.profile_points {
        rel(profile.net(x.parse().expect("spot")), *want, 1e-9);
    }
    rel(profile.net(e.spot), e.net, 1e-12);
    let trigger = Trigger::of(profile, &flip, TriggerMethod::SkewAdjusted, 1.5);
    assert_eq!(trigger.roots.len(), g.vol_trigger_all.len());
    for (got, want) in trigger.roots.iter().zip(&g.vol_trigger_all) {
        near(*got, *want, 1e-6);
    }
    rel(profile.skewed(e.spot, 1.5), g.skew_adj_gex_at_spot, 1e-9);
    let same = Trigger::of(profile, &flip, TriggerMethod::SkewAdjusted, 1.0);
    assert_eq!(same.roots, flip.roots);
    assert_eq!(same.at.map(|at| at.0), flip.level());
}

fn check_groups(scope: &[&Group], spot: f64, g: &Golden) {
    let mut parity = 0;
    for group in scope {
        near(group.skew_slope, g.skew_slope.get(&key(group)).copied().unwrap_or(0.0), 1e-8);
        let Some(want) = g.parity.get(&key(group)) else { continue };
        parity += 1;
        near(group.forward, want.F, 1e-6);
        near(group.df, want.DF, 1e-9);
        near(group.t, want.T, 1e-15);
        assert_eq!(group.n_pairs, want.n, "{}", key(group));
    }
    assert_eq!(parity, g.parity.len());
    let pains = max_pain::by_expiry(scope, spot);
    assert_eq!(pains.len(), g.max_pain_by_expiry.len());
    for pain in pains {
        let want = g.max_pain_by_expiry[&pain.expiry.to_string()];
        let groups = scope.iter().filter(|g| g.expiry == pain.expiry);
        let legs = groups.flat_map(|g| &g.strikes).flat_map(|s| [s.call, s.put]).flatten();
        if legs.map(|leg| leg.open()).sum::<f64>() == 0.0 {
            // The other program names the strike nearest to the spot where nothing is open.
            assert!(pain.at.is_err() && want.1 == 0.0, "{}", pain.expiry);
        } else {
            assert_eq!(pain.at, Ok(want), "{}", pain.expiry);
        }
    }
}

fn check_strikes(e: &Exposures, name: &str) {
    let Some(bytes) = bytes(&format!("golden/{name}_strikes.csv")) else { return };
    let text = String::from_utf8(bytes).expect("text");
    let rows: Vec<Vec<f64>> = text
        .lines()
        .skip(1)
        .map(|l| l.split(',').map(|c| c.parse().expect("number")).collect())
        .collect();
    let listed: Vec<f64> = e.by_strike.iter().map(|s| s.strike).collect();
    assert_eq!(listed, rows.iter().map(|r| r[0]).collect::<Vec<_>>());
    for (s, r) in e.by_strike.iter().zip(&rows) {
        for (got, want) in [(s.call_gex, r[1]), (s.put_gex, r[2]), (s.net(), r[3])] {
            near(got, want, 1e-4 + 1e-9 * want.abs());
        }
        assert_eq!((s.call_oi, s.put_oi), (r[4], r[5]), "{}", s.strike);
    }
}

fn check(file: &str, name: &str, ex_today: bool) {
    let (Some(priced), Some(g)) = (priced(file), golden(name)) else { return };
    let spot = priced.spot.value;
    assert_eq!(spot, g.spot);
    let scope = scope(&priced, |group| !ex_today || group.dte > 0);
    let e = Exposures::of(&scope, spot, SIGN);
    let profile = Profile::of(&scope, spot, SIGN);
    check_groups(&scope, spot, &g);
    check_sums(&e, &g);
    check_levels(&profile, &e, &g);
    if !ex_today {
        check_strikes(&e, name);
    }
    assert!(g.contracts_in_file >= g.contracts_used);
    assert_eq!(e.coverage.contracts, g.contracts_used);
    assert_eq!(e.coverage.own, g.iv_source_counts["own"]);
}

#[test]
fn spx_all() {
    check(SPX, "spx_2022-07-12_1140_own", false);
}

#[test]
fn spx_without_today() {
    check(SPX, "spx_2022-07-12_1140_ex0dte", true);
}

#[test]
fn ndx_all() {
    check(NDX, "ndx_2022-12-12_2016_own", false);
}

/// Every zero gamma of some groups.
fn flip(groups: &[Group], spot: f64) -> Flip {
    let scope: Scope<'_> = groups.iter().collect();
    Flip::of(&Profile::of(&scope, spot, SIGN))
}

/// The groups with other volatilities: `choose` gets the vendor's of a strike's call and put, and
/// whether the call is out of the money.
fn vendor(
    chain: &Chain,
    priced: &Priced,
    choose: impl Fn(Option<f64>, Option<f64>, bool) -> (Option<f64>, Option<f64>),
) -> Vec<Group> {
    let given: BTreeMap<String, f64> =
        chain.rows.iter().filter_map(|r| Some((r.osi.to_string(), r.vendor_iv?))).collect();
    let mut groups = priced.groups.clone();
    for group in &mut groups {
        let (expiry, root, forward) = (group.expiry, group.root, group.forward);
        for strike in &mut group.strikes {
            let strike_milli = (strike.strike * 1000.0).round() as u32;
            let of = |right| given.get(&Osi { root, expiry, right, strike_milli }.to_string());
            let (call, put) = (of(Right::Call).copied(), of(Right::Put).copied());
            let (call, put) = choose(call, put, strike.strike >= forward);
            let leg = |sigma: Option<f64>| sigma.map(|s| (s, IvSource::VendorLeg));
            for (to, sigma) in [(&mut strike.call, call), (&mut strike.put, put)] {
                if let Some(to) = to {
                    to.iv = leg(sigma);
                }
            }
        }
    }
    groups
}

fn carry(mut groups: Vec<Group>, b: f64) -> Vec<Group> {
    for group in &mut groups {
        group.carry = b;
    }
    groups
}

#[test]
fn what_moves_the_spx_flip() {
    let (Some((chain, _)), Some(priced)) = (chain(SPX), priced(SPX)) else { return };
    let level = |groups: Vec<Group>| flip(&groups, priced.spot.value).level().expect("a root");
    let otm = |call, put, above| if above { (call, call) } else { (put, put) };
    let leg = |call, put, _| (call, put);
    let of = |keep: &dyn Fn(&Group) -> bool| {
        level(priced.groups.iter().filter(|g| keep(g)).cloned().collect())
    };
    for (what, got, want) in [
        ("as specified", level(priced.groups.clone()), 3953.406820),
        ("vendor OTM for both", level(vendor(&chain, &priced, otm)), 3953.394863),
        ("vendor leg", level(vendor(&chain, &priced, leg)), 3959.016467),
        ("vendor leg, no carry", level(carry(vendor(&chain, &priced, leg), 0.0)), 3964.766275),
        ("own, no carry", level(carry(priced.groups.clone(), 0.0)), 3958.841838),
        ("only today", of(&|g| g.dte == 0), 3846.319556),
        ("30 days", of(&|g| g.dte <= 30), 3881.273407),
        // Here the table counts 8 times 24 hours; what expires on the eighth day is out.
        ("8 days", of(&|g| g.t * 365.0 <= 8.0), 3873.314947),
    ] {
        assert!((got - want).abs() <= 1e-6, "{what}: got {got}, want {want}");
    }
    let scope: Scope<'_> = priced.groups.iter().collect();
    let profile = Profile::of(&scope, priced.spot.value, SIGN);
    let flip = Flip::of(&profile);
    for (ssr, want) in [(1.0, 3953.406820), (2.0, 4028.513094)] {
        let trigger = Trigger::of(&profile, &flip, TriggerMethod::SkewAdjusted, ssr);
        near(trigger.at.expect("a root").0, want, 1e-6);
    }
}

#[test]
fn ndx_leg_volatilities_have_seven_roots() {
    let (Some((chain, _)), Some(priced)) = (chain(NDX), priced(NDX)) else { return };
    // What the export writes as a floor is no volatility to the product; the table kept it.
    let floors = floors(&bytes(&format!("cboe/{NDX}")).expect("the file"));
    let mut chain = chain;
    for row in &mut chain.rows {
        if floors.contains(&row.osi.to_string()) {
            row.vendor_iv = Some(0.02);
        }
    }
    let flip = flip(&vendor(&chain, &priced, |call, put, _| (call, put)), priced.spot.value);
    assert_eq!(flip.status, FlipStatus::Multiple);
    assert_eq!(flip.roots.len(), 7, "{:?}", flip.roots);
    near(flip.level().expect("roots"), 11_139.833297, 1e-6);
}

/// Tickers whose volatility in the export is the floor.
fn floors(bytes: &[u8]) -> std::collections::BTreeSet<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut floors = std::collections::BTreeSet::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split(',').collect();
        for (ticker, iv) in [(1, 7), (12, 18)] {
            if let (Some(ticker), Some(&"0.02")) = (cells.get(ticker), cells.get(iv)) {
                floors.insert((*ticker).to_owned());
            }
        }
    }
    floors
}

struct Derived {
    file: &'static str,
    normalized: f64,
    uncertainty: f64,
    significance: f64,
    net_delta: f64,
    without_own: f64,
    peak: f64,
}

#[test]
fn quality_of_the_flip_and_what_follows() {
    for want in [
        Derived {
            file: SPX,
            normalized: -0.150309,
            uncertainty: 21.9762,
            significance: 0.430119,
            net_delta: 1_642_722_266_854.0,
            without_own: 0.1316,
            peak: 4036.744325,
        },
        Derived {
            file: NDX,
            normalized: 0.198575,
            uncertainty: 46.0501,
            significance: 0.606626,
            net_delta: 68_586_827_878.0,
            without_own: 0.1878,
            peak: 11_275.785040,
        },
    ] {
        let Some(priced) = priced(want.file) else { return };
        let spot = priced.spot.value;
        let scope: Scope<'_> = priced.groups.iter().collect();
        let e = Exposures::of(&scope, spot, SIGN);
        near(e.normalized.expect("gross"), want.normalized, 1e-6);
        near(e.net_delta, want.net_delta, 1.0);
        near(1.0 - e.coverage.own_share().expect("contracts"), want.without_own, 5e-5);
        let profile = Profile::of(&scope, spot, SIGN);
        let flip = Flip::of(&profile);
        let at = flip.at.expect("a root");
        near(at.uncertainty_pts, want.uncertainty, 1e-4);
        near(at.significance, want.significance, 1e-6);
        assert_eq!((flip.status, at.quality), (FlipStatus::Ok, FlipQuality::Moderate));
        let peak = Trigger::of(&profile, &flip, TriggerMethod::PeakFraction, 1.5);
        near(peak.at.expect("a level").0, want.peak, 1e-6);
    }
}

#[test]
fn signed_distance_without_today() {
    let Some(priced) = priced(SPX) else { return };
    let groups: Vec<Group> = priced.groups.iter().filter(|g| g.dte > 0).cloned().collect();
    let at = flip(&groups, priced.spot.value).at.expect("a root");
    near(at.distance_pts, -121.2295, 1e-4);
}

#[test]
fn many_spots_at_once_keep_the_signs() {
    for priced in [SPX, NDX].into_iter().filter_map(priced) {
        let scope: Scope<'_> = priced.groups.iter().collect();
        let profile = Profile::of(&scope, priced.spot.value, SIGN);
        let xs = profile.grid();
        for ssr in [1.0, 1.5] {
            for (x, got) in xs.iter().zip(profile.values(&xs, ssr)).step_by(7) {
                let want = profile.skewed(*x, ssr);
                assert_eq!(got > 0.0, want > 0.0, "{x}");
                near(got, want, 1e-11 * profile.gross(*x));
            }
        }
    }
}

#[test]
fn a_local_clock_would_move_the_flip() {
    // One hour off for every expiry across a clock change: what the table warns of.
    let Some(mut priced) = priced(SPX) else { return };
    for group in &mut priced.groups {
        let off = group.t - 1.0 / 8760.0;
        // 09:30 and 16:00 New York are 14:30 and 21:00 UTC in winter, an hour earlier in summer.
        let minute = group.settle_ts.second().rem_euclid(86_400) / 60;
        if [14 * 60 + 30, 21 * 60].contains(&minute) {
            group.carry *= group.t / off;
            let scale = (group.t / off).sqrt();
            for leg in group.strikes.iter_mut().flat_map(|s| [&mut s.call, &mut s.put]).flatten() {
                if let Some((sigma, IvSource::Own)) = &mut leg.iv {
                    *sigma *= scale;
                }
            }
            group.t = off;
        }
    }
    let level = flip(&priced.groups, priced.spot.value).level().expect("a root");
    near(level, 3953.406887, 1e-6);
}
