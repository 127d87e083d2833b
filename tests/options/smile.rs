//! Ratios, smiles, moves and the VIX arithmetic on two real chains, against the numbers of an
//! independent program, and what holds on any real chain: parity, quotes met by the surface.

use std::io::Read;

use flate2::read::GzDecoder;
use jiff::civil::date;
use mia::calendar::Calendar;
use mia::options::chain::{Right, Root};
use mia::options::moves::{
    MATURITIES, Smiled, constant_maturity, constant_skew, em_day, near_rel_spread, smiles,
};
use mia::options::price::{PriceParams, SpotMode, price};
use mia::options::priced::{ForwardSource, Group, IvSource, Leg, Priced, Strike};
use mia::options::ratios::{by_expiry, of_scope};
use mia::options::smile::{Point, Smile};
use mia::options::surface::Surface;
use mia::options::vix_like::{Strip, vix_like};
use mia::options::{Known, svi};
use mia::providers::cboe_csv;
use mia::providers::import::ImportOptions;
use mia::units::Ts;
use proptest::prelude::*;
use simd_json::OwnedValue;
use simd_json::prelude::{
    ValueAsArray, ValueAsObject, ValueAsScalar, ValueObjectAccess, ValueObjectAccessAsScalar,
};

const SPX: &str = "spx_2022-07-12_1140_own.json";
const SPX_EX0DTE: &str = "spx_2022-07-12_1140_ex0dte.json";
const NDX: &str = "ndx_2022-12-12_2016_own.json";

/// A real chain, priced at its print; the numbers of the other program are read by [`golden`].
fn priced(name: &str) -> Option<Priced> {
    let path = mia_test_support::shared(&format!("data/options/cboe/{name}"))?;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).expect("a file");
    GzDecoder::new(file).read_to_end(&mut bytes).expect("a gzip file");
    let calendar = Calendar::bundled().expect("bundled");
    let chain = cboe_csv::read(&bytes, &calendar, &ImportOptions::default()).expect("a chain");
    let params = PriceParams { spot_mode: SpotMode::Print, ..PriceParams::default() };
    Some(price(&chain, &calendar, &params).expect("a priced chain"))
}

fn spx() -> Option<Priced> {
    priced("spx_2022-07-12_quotedata.csv.gz")
}

fn ndx() -> Option<Priced> {
    priced("ndx_2022-12-12_quotedata.csv.gz")
}

fn golden(name: &str) -> OwnedValue {
    let path = mia_test_support::shared(&format!("data/options/golden/{name}")).expect("a file");
    simd_json::to_owned_value(&mut std::fs::read(path).expect("readable")).expect("JSON")
}

fn number(value: &OwnedValue, key: &str) -> f64 {
    value.get(key).and_then(|v| v.cast_f64()).unwrap_or_else(|| panic!("{key}"))
}

fn near(got: f64, want: f64, tolerance: f64, what: &str) {
    assert!((got - want).abs() <= tolerance, "{what}: {got}, expected {want}");
}

fn known<T>(value: Known<T>, what: &str) -> T {
    value.unwrap_or_else(|null| panic!("{what}: {null:?}"))
}

fn name(group: &Group) -> String {
    format!("{}/{}", group.expiry, group.root.name())
}

/// One group against the other program's numbers.
fn check_group(group: &Group, spot: f64, want: &OwnedValue) {
    let name = name(group);
    let smile = Smile::of(group, spot);
    near(group.t * 365.0, number(want, "T_days"), 1e-9, &name);
    near(group.forward, number(want, "F"), 1e-6, &name);
    let atm = known(smile.atm_iv, &name);
    near(atm, number(want, "atm_iv"), 1e-8, &name);
    near(known(smile.em_1sd, &name), number(want, "em_1sd"), 1e-5, &name);
    let point = |point: Known<Point>, key: &str| {
        let pair = want.get(key).and_then(|v| v.as_array()).expect("a pair");
        let [sigma, strike] = [0, 1].map(|i: usize| pair[i].cast_f64().expect("a number"));
        let got = known(point, key);
        near(got.sigma, sigma, 1e-8, &name);
        near(got.strike, strike, 1e-5, &name);
    };
    point(smile.put25, "put25");
    point(smile.call25, "call25");
    near(known(smile.skew25, &name), number(want, "skew25"), 1e-8, &name);
    near(known(smile.rr25, &name), -number(want, "skew25"), 1e-8, &name);
    near(known(smile.bf25, &name), number(want, "bf25"), 1e-8, &name);
}

/// Every group of the file, and every group of the other program.
fn check_groups(priced: &Priced, file: &str, floor: Option<&str>) {
    let golden = golden(file);
    let skew = golden.get("skew").and_then(|v| v.as_object()).expect("skew");
    let parity = golden.get("parity").and_then(|v| v.as_object()).expect("parity");
    let mut seen = 0;
    for group in &priced.groups {
        let name = name(group);
        if let Some(fit) = parity.get(name.as_str()) {
            assert_eq!(group.forward_source, ForwardSource::Parity, "{name}");
            assert_eq!(f64::from(group.n_pairs), number(fit, "n"), "{name}");
            near(group.df, number(fit, "DF"), 1e-9, &name);
            near(group.forward, number(fit, "F"), 1e-6, &name);
        } else {
            assert_eq!(group.forward_source, ForwardSource::Spot, "{name}");
            assert_eq!((group.df, group.forward), (1.0, priced.spot.value), "{name}");
        }
        // The other program took the file's 0.02 for a volatility: it stands for none.
        if floor == Some(&name) {
            let smile = Smile::of(group, priced.spot.value);
            assert!(smile.atm_iv.is_err() && smile.em_1sd.is_err() && smile.skew25.is_err());
            seen += 1;
        } else if let Some(want) = skew.get(name.as_str()) {
            check_group(group, priced.spot.value, want);
            seen += 1;
        }
    }
    assert_eq!(seen, skew.len(), "groups of {file}");
}

#[test]
fn every_group_of_both_chains() {
    if let Some(spx) = spx() {
        check_groups(&spx, SPX, None);
    }
    if let Some(ndx) = ndx() {
        check_groups(&ndx, NDX, Some("2022-12-16/NDXP"));
    }
}

/// Five groups as they are printed, so that the table stands in the repository as well.
#[test]
fn five_groups_in_print() {
    type Row = (&'static str, [f64; 8]);
    let spx_rows: [Row; 3] = [
        (
            "2022-07-12/SPXW",
            [
                3856.822986,
                1.00005946,
                0.28841002,
                0.30203932,
                0.27906957,
                0.02296975,
                0.00214442,
                24.736480,
            ],
        ),
        (
            "2022-07-13/SPXW",
            [
                3856.843036,
                0.99989720,
                0.34062364,
                0.36066469,
                0.32261035,
                0.03805435,
                0.00101388,
                74.703359,
            ],
        ),
        (
            "2022-07-15/SPX",
            [
                3856.835967,
                0.99996157,
                0.27739551,
                0.29549798,
                0.25862387,
                0.03687411,
                -0.00033458,
                95.509664,
            ],
        ),
    ];
    let ndx_rows: [Row; 2] = [
        (
            "2022-12-13/NDXP",
            [
                11688.795390,
                0.99781897,
                0.80897884,
                0.80082592,
                0.74796825,
                0.05285767,
                -0.03458176,
                449.479781,
            ],
        ),
        (
            "2022-12-16/NDX",
            [
                11694.080156,
                0.99858422,
                0.51966831,
                0.52697256,
                0.48440794,
                0.04256463,
                -0.01397806,
                600.072528,
            ],
        ),
    ];
    for (priced, rows) in [(spx(), &spx_rows[..]), (ndx(), &ndx_rows[..])] {
        let Some(priced) = priced else { continue };
        for (of, [forward, df, atm, put, call, skew, bf, em]) in rows {
            let group = priced.groups.iter().find(|g| name(g) == *of).expect("a group");
            let smile = Smile::of(group, priced.spot.value);
            near(group.forward, *forward, 1e-6, of);
            near(group.df, *df, 1e-8, of);
            near(known(smile.atm_iv, of), *atm, 1e-8, of);
            near(known(smile.put25, of).sigma, *put, 1e-8, of);
            near(known(smile.call25, of).sigma, *call, 1e-8, of);
            near(known(smile.skew25, of), *skew, 1e-8, of);
            near(known(smile.bf25, of), *bf, 1e-8, of);
            near(known(smile.em_1sd, of), *em, 1e-5, of);
        }
    }
}

fn check_ratios(scope: &[&Group], file: &str, volume: f64, oi: f64) {
    let golden = golden(file);
    let total = of_scope(scope, true).total;
    near(known(total.volume, file), volume, 1e-6, file);
    near(known(total.oi, file), oi, 1e-6, file);
    near(known(total.volume, file), number(&golden, "pcr_volume"), 1e-12, file);
    near(known(total.oi, file), number(&golden, "pcr_oi"), 1e-12, file);
    let dates = golden.get("pcr_by_expiry").and_then(|v| v.as_object()).expect("dates");
    let ours = by_expiry(scope, true);
    assert_eq!(ours.len(), dates.len(), "{file}");
    for (date, got) in ours {
        let want = dates.get(date.to_string().as_str()).and_then(|v| v.as_array()).expect("date");
        for (got, want) in [got.volume, got.oi].into_iter().zip(want) {
            match want.cast_f64() {
                Some(want) => near(known(got, file), want, 1e-12, file),
                None => assert!(got.is_err(), "{date} {got:?}"),
            }
        }
    }
}

#[test]
fn put_call_ratios() {
    if let Some(spx) = spx() {
        let all: Vec<&Group> = spx.groups.iter().collect();
        check_ratios(&all, SPX, 1.356045, 1.669456);
        let later: Vec<&Group> = all.iter().copied().filter(|g| g.dte != 0).collect();
        check_ratios(&later, SPX_EX0DTE, 1.988883, 1.667642);
        let parts = of_scope(&all, true);
        assert_eq!(parts.ex_zero_dte, of_scope(&later, true).total);
        let today: Vec<&Group> = all.iter().copied().filter(|g| g.dte == 0).collect();
        assert_eq!(parts.zero_dte, of_scope(&today, true).total);
    }
    if let Some(ndx) = ndx() {
        let all: Vec<&Group> = ndx.groups.iter().collect();
        check_ratios(&all, NDX, 0.858555, 0.939274);
        assert!(of_scope(&all, true).zero_dte.oi.is_err(), "nothing expires that evening");
    }
}

fn check_strip(got: &Strip, want: &OwnedValue) {
    assert_eq!(want.get_str("expiry"), Some(got.expiry.to_string().as_str()));
    assert_eq!(want.get_str("root"), Some(got.root.name()));
    near(got.t, number(want, "T"), 1e-12, "T");
    near(got.forward, number(want, "F"), 1e-9, "F");
    assert_eq!((got.k0, f64::from(got.strikes)), (number(want, "K0"), number(want, "n")));
    near(got.variance, number(want, "var"), 1e-14, "variance");
}

#[test]
fn the_vix_arithmetic() {
    let chains = [(spx(), SPX, 0.0215, 26.197676), (ndx(), NDX, 0.04, 30.167312)];
    for (priced, file, rate, printed) in chains {
        let Some(priced) = priced else { continue };
        let scope: Vec<&Group> = priced.groups.iter().collect();
        let got = known(vix_like(&scope, rate), file);
        let golden = golden(file);
        near(got.value, printed, 1e-6, file);
        near(got.value, number(&golden, "vix_like"), 1e-9, file);
        let parts = golden.get("vix_parts").and_then(|v| v.as_array()).expect("parts");
        for (got, want) in [got.near, got.next].iter().zip(parts) {
            check_strip(got, want);
        }
        if file == SPX {
            assert!((25.82..27.75).contains(&got.value), "the official range of that day");
        }
    }
}

struct Moves {
    em_day: f64,
    of: (&'static str, Root),
    straddle: f64,
    atm: [f64; 4],
    spread: f64,
}

fn check_moves(priced: &Priced, want: &Moves) {
    let spot = priced.spot.value;
    let scope: Vec<&Group> = priced.groups.iter().collect();
    let smiles: Vec<Smiled<'_>> = smiles(&scope, spot);
    let day = known(em_day(&smiles, spot), "em_day");
    near(day.points, want.em_day, 5e-7, "em_day");
    assert_eq!((day.expiry.to_string().as_str(), day.root), want.of);
    let straddle = known(smiles[0].smile.em_straddle, "em_straddle");
    near(straddle, want.straddle, 5e-7, "em_straddle");
    for (days, atm) in MATURITIES.into_iter().zip(want.atm) {
        let got = known(constant_maturity(&smiles, days), "maturity");
        near(got.value, atm, 5e-7, &format!("{days} days"));
        assert!(!got.flat);
    }
    near(known(near_rel_spread(&scope, spot), "spread"), want.spread, 5e-7, "near_rel_spread");
    // No golden number: between the values of the two groups around 30 days.
    let skew = known(constant_skew(&smiles, 30), "skew");
    let t = 30.0 / 365.0;
    let after = smiles.iter().position(|s| s.group.t > t).expect("later groups");
    let [a, b] = [after - 1, after].map(|i| known(smiles[i].smile.skew25, "skew25"));
    assert!(!skew.flat && skew.value >= a.min(b) && skew.value <= a.max(b));
}

#[test]
fn moves_and_maturities() {
    if let Some(spx) = spx() {
        let want = Moves {
            em_day: 82.745251,
            of: ("2022-07-13", Root::Spxw),
            straddle: 19.763540,
            atm: [0.235511, 0.241515, 0.239998, 0.239524],
            spread: 0.020271,
        };
        check_moves(&spx, &want);
    }
    if let Some(ndx) = ndx() {
        let want = Moves {
            em_day: 502.711526,
            of: ("2022-12-14", Root::Ndxp),
            straddle: 357.242161,
            atm: [0.398713, 0.282571, 0.285473, 0.282658],
            spread: 0.076283,
        };
        check_moves(&ndx, &want);
    }
}

/// Put–call parity on every pair of the fit: C − P = DF·(F − K) within the widths of both quotes.
#[test]
fn parity_holds_on_real_quotes() {
    for priced in [spx(), ndx()].into_iter().flatten() {
        let (mut pairs, mut outside) = (0, 0);
        for group in priced.groups.iter().filter(|g| g.forward_source == ForwardSource::Parity) {
            let mut of_group = 0;
            for strike in &group.strikes {
                let near = (strike.strike / priced.spot.value - 1.0).abs() < 0.05;
                let (Some(call), Some(put)) = (strike.call, strike.put) else { continue };
                let (Some(c), Some(p), true) = (call.mid(), put.mid(), near) else { continue };
                let width = |leg: &Leg| leg.ask.expect("a mid") - leg.bid.expect("a mid");
                let residual = c - p - group.df * (group.forward - strike.strike);
                of_group += 1;
                let half = (width(&call) + width(&put)) / 2.0;
                outside += u32::from(residual.abs() > half);
            }
            assert_eq!(of_group, group.n_pairs, "{}", name(group));
            pairs += of_group;
        }
        println!("{outside} of {pairs} pairs beyond half of both widths");
        assert!(pairs > 2000 && outside * 100 < pairs, "{outside} of {pairs}");
    }
}

/// The surface goes through every volatility that was solved from a quote, each reprices its
/// quote, and an SVI slice does worse.
#[test]
fn the_surface_meets_every_quote() {
    for priced in [spx(), ndx()].into_iter().flatten() {
        let scope: Vec<&Group> = priced.groups.iter().collect();
        let surface = known(Surface::of(&scope), "surface");
        let mut met = 0;
        for group in &priced.groups {
            for strike in &group.strikes {
                let leg = strike.otm(group.forward);
                let Some((sigma, IvSource::Own)) = leg.and_then(|l| l.iv) else { continue };
                let k = libm::log(strike.strike / group.forward);
                let at = known(surface.at(k, group.t), "a node");
                near(at.sigma, sigma, 1e-9, &name(group));
                assert!(!at.beyond_strikes && !at.beyond_expiries);
                met += 1;
            }
        }
        assert!(met > 5000, "{met}");
        let found = surface.diagnostics();
        let mut fits: Vec<f64> = Vec::new();
        for slice in surface.slices() {
            let fit = known(svi::fit(slice), "SVI");
            assert!(fit.wing_slope <= svi::WING_MAX + 1e-6 && fit.svi.rho.abs() <= 1.0);
            fits.push(fit.rmse_vol);
        }
        fits.sort_by(f64::total_cmp);
        println!("{met} quotes, {found:?}, SVI rmse {:?}", fits[fits.len() / 2]);
        assert!(found.butterfly_viol <= found.butterfly_tested);
        assert!(found.calendar_viol <= found.calendar_tested);
        assert!(fits[fits.len() / 2] < 0.02, "median {:?}", fits[fits.len() / 2]);
    }
}

/// Both legs of a strike carry one volatility, so that both columns agree at the forward.
#[test]
fn columns_agree() {
    let Some(spx) = spx() else { return };
    for strike in spx.groups.iter().flat_map(|g| &g.strikes) {
        let sigma = |right| strike.leg(right).and_then(|l| l.iv);
        if let (Some((a, IvSource::Own)), Some((b, _))) = (sigma(Right::Call), sigma(Right::Put)) {
            assert_eq!(a.to_bits(), b.to_bits());
        }
    }
}

/// Any number that a row may hold after cleaning, and some that it may not.
fn odd() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        3 => (0.0..200.0_f64).prop_map(Some),
        1 => prop::sample::select(vec![
            None, Some(0.0), Some(1e-300), Some(1e300), Some(f64::MAX), Some(f64::NAN),
            Some(f64::INFINITY), Some(-1.0),
        ]),
    ]
}

fn odd_leg() -> impl Strategy<Value = Option<Leg>> {
    let leg = (odd(), odd(), odd(), odd(), odd()).prop_map(|(bid, ask, volume, oi, iv)| Leg {
        bid,
        ask,
        volume,
        oi,
        iv: iv.map(|sigma| (sigma, IvSource::Own)),
        vendor_delta: None,
        vendor_gamma: None,
    });
    prop::option::weighted(0.9, leg)
}

fn odd_group() -> impl Strategy<Value = Group> {
    let strikes = prop::collection::vec((1_u32..50_000_000, odd_leg(), odd_leg()), 0..24);
    let forward = prop_oneof![1000.0..40_000.0_f64, Just(f64::MIN_POSITIVE), Just(f64::MAX)];
    let t = prop_oneof![1e-9..1.0_f64, 23.0 / 365.0..37.0 / 365.0, Just(f64::MIN_POSITIVE)];
    (strikes, forward, t).prop_map(|(mut rows, forward, t)| {
        rows.sort_by_key(|row| row.0);
        Group {
            expiry: date(2022, 8, 12),
            root: Root::Spxw,
            settle_ts: Ts(1),
            t,
            dte: 0,
            contracts: 0,
            n_pairs: 5,
            forward,
            forward_source: ForwardSource::Parity,
            df: 1.0,
            carry: 0.0,
            skew_slope: 0.0,
            strikes: rows
                .into_iter()
                .map(|(milli, call, put)| Strike { strike: f64::from(milli) / 1e3, call, put })
                .collect(),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// Whatever the quotes say: no panic, and what is published is a finite number.
    #[test]
    fn absurd_quotes_give_finite_numbers_or_none(
        groups in prop::collection::vec(odd_group(), 1..4),
        spot in prop_oneof![3000.0..5000.0_f64, Just(f64::MAX), Just(f64::NAN)],
    ) {
        let scope: Vec<&Group> = groups.iter().collect();
        let smiles = smiles(&scope, spot);
        let mut found: Vec<Known<f64>> = vec![
            em_day(&smiles, spot).map(|m| m.points),
            near_rel_spread(&scope, spot),
            vix_like(&scope, 0.04).map(|v| v.value),
            of_scope(&scope, true).total.oi,
            of_scope(&scope, true).total.volume,
        ];
        for days in MATURITIES {
            found.push(constant_maturity(&smiles, days).map(|m| m.value));
            found.push(constant_skew(&smiles, days).map(|m| m.value));
        }
        for Smile { atm_iv, put25, call25, skew25, rr25, bf25, em_1sd, em_straddle } in
            smiles.iter().map(|s| s.smile)
        {
            found.extend([put25.map(|p| p.sigma), call25.map(|p| p.strike)]);
            found.extend([atm_iv, skew25, rr25, bf25, em_1sd, em_straddle]);
        }
        if let Ok(surface) = Surface::of(&scope) {
            let counts = surface.diagnostics();
            prop_assert!(counts.butterfly_viol <= counts.butterfly_tested);
            for slice in surface.slices() {
                found.push(surface.at(0.1, slice.t).map(|at| at.sigma));
                found.push(svi::fit(slice).map(|fit| fit.rmse_vol));
                found.push(svi::fit(slice).map(|fit| fit.wing_slope));
            }
        }
        for value in found.into_iter().flatten() {
            prop_assert!(value.is_finite(), "{value}");
        }
    }
}
