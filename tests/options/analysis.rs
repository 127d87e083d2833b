//! Whole snapshots of the recorded chains against known numbers, and what a snapshot says of a
//! chain that is incomplete, settled or old.

use mia_test_support as common;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use jiff::civil::{Date, date, time};
use mia::calendar::Calendar;
use mia::options::analyse::{Analysed, Inputs, Params, Vix, analyse, analyse_with_terms};
use mia::options::basis::Live;
use mia::options::bias::Preset;
use mia::options::chain::{
    Chain, DelayClass, Osi, Print, Provenance, Right, Root, Row, SourceKind, Underlying, arrange,
    settle_ts,
};
use mia::options::price::{PriceParams, SpotMode, price};
use mia::options::snapshot::{Bias, Snapshot, Wall};
use mia::options::trigger::TriggerMethod;
use mia::options::validity::{valid, valid_until};
use mia::options::{Null, null};
use mia::providers::cboe_csv;
use mia::providers::import::ImportOptions;
use mia::units::{MINUTE, Reason, SECOND, Ts};
use simd_json::prelude::*;

fn calendar() -> Calendar {
    Calendar::bundled().expect("calendar")
}

fn new_york(day: Date, hour: i8, minute: i8) -> Ts {
    calendar().new_york(day, time(hour, minute, 0, 0))
}

fn read(name: &str) -> Option<Chain> {
    let path = common::shared(&format!("data/options/cboe/{name}"))?;
    let file = std::fs::File::open(path).expect("readable");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).expect("gzip");
    Some(cboe_csv::read(&bytes, &calendar(), &ImportOptions::default()).expect("a chain"))
}

fn spx() -> Option<Chain> {
    read("spx_2022-07-12_quotedata.csv.gz")
}

fn ndx() -> Option<Chain> {
    read("ndx_2022-12-12_quotedata.csv.gz")
}

/// The settings of the known numbers: the print as spot, written when the data were made.
fn params() -> Params {
    Params { spot_mode: SpotMode::Print, ..Params::default() }
}

fn given(value: f64, percentile: f64, mom5: f64) -> Vix {
    Vix { value, source: "given", percentile: Ok(percentile), mom5: Ok(mom5) }
}

fn with_terms(chain: &Chain, inputs: &Inputs, params: &Params) -> Analysed {
    let calendar = calendar();
    let spot = PriceParams { spot_mode: params.spot_mode, futures: None };
    let priced = price(chain, &calendar, &spot);
    analyse_with_terms(&priced, chain, &calendar, inputs, params)
}

fn run(chain: &Chain, inputs: &Inputs, params: &Params) -> Snapshot {
    let snapshot = with_terms(chain, inputs, params).snapshot;
    nulls_have_reasons(&snapshot);
    snapshot
}

fn plain(chain: &Chain) -> Snapshot {
    run(chain, &Inputs::at(chain.asof), &params())
}

/// Every null of the file has a reason under its path, and every reason stands for a null (or for
/// an empty map or list).
fn nulls_have_reasons(snapshot: &Snapshot) {
    let text = simd_json::to_string(snapshot).expect("JSON");
    let value = simd_json::to_owned_value(&mut text.into_bytes()).expect("JSON");
    let mut found = BTreeSet::new();
    walk(&value, String::new(), &mut found);
    let noted: BTreeSet<String> = snapshot.null_reasons.keys().cloned().collect();
    let unnoted: Vec<_> = found.difference(&noted).collect();
    assert!(unnoted.is_empty(), "nulls without a reason: {unnoted:?}");
    for path in noted.difference(&found) {
        let empty = path.starts_with("futures") || path.ends_with(".gamma_pins");
        assert!(empty, "a reason without a null: {path}");
    }
    for reason in snapshot.null_reasons.values() {
        let (code, _) = reason.split_once(':').unwrap_or((reason, ""));
        assert!(code.chars().all(|c| c.is_ascii_uppercase() || c == '_'), "{reason}");
    }
}

fn walk(value: &simd_json::OwnedValue, path: String, found: &mut BTreeSet<String>) {
    if value.is_null() {
        found.insert(path);
    } else if let Some(object) = value.as_object() {
        for (key, inner) in object {
            let path = if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
            walk(inner, path, found);
        }
    } else if let Some(array) = value.as_array() {
        for (i, inner) in array.iter().enumerate() {
            walk(inner, format!("{path}[{i}]"), found);
        }
    }
}

#[track_caller]
fn near(got: impl Into<Option<f64>>, want: f64, tolerance: f64) {
    let got = got.into().expect("a value");
    assert!((got - want).abs() <= tolerance, "{got} is not {want}");
}

/// Within 1e-9 of `want`.
#[track_caller]
fn relative(got: impl Into<Option<f64>>, want: f64) {
    near(got, want, want.abs() * 1e-9);
}

fn strike(wall: &Option<Wall>) -> Option<f64> {
    wall.as_ref().map(|w| w.strike)
}

fn score(bias: &Bias) -> (f64, &str, &str) {
    let words = &bias.interpretation;
    (
        bias.dealers_bias_score.expect("a score"),
        words.direction.as_deref().expect("a direction"),
        words.strength.as_deref().expect("a strength"),
    )
}

#[track_caller]
fn pins(snapshot: &Snapshot, want: &[(f64, f64)]) {
    let pins = &snapshot.analysis.as_ref().expect("levels").levels.gamma_pins;
    assert_eq!(pins.len(), want.len());
    for (pin, &(strike, strength)) in pins.iter().zip(want) {
        assert_eq!(pin.strike, strike);
        near(pin.strength, strength, 5e-5);
    }
}

#[test]
fn spx_everything() {
    let Some(chain) = spx() else { return };
    let snapshot = plain(&chain);
    assert_eq!(snapshot.status, "ok");
    assert_eq!(snapshot.snapshot_id, "SPX_20220712_154000");
    assert_eq!(snapshot.asof, "2022-07-12T15:40:00Z");
    assert_eq!(snapshot.valid_until.as_deref(), Some("2022-07-12T19:30:00Z"));
    assert_eq!(
        (snapshot.provenance.contracts_received, snapshot.provenance.contracts_used),
        (19_378, 19_378)
    );
    assert_eq!((snapshot.expiries.len(), snapshot.coverage.oi_without_iv), (47, Some(302.0)));
    near(1.0 - snapshot.coverage.own_share.expect("a share"), 0.1316, 5e-5);
    near(snapshot.coverage.near_rel_spread, 0.020_271, 5e-7);
    let a = snapshot.analysis.as_ref().expect("levels");
    relative(a.gex.gex_total_signed, -17_838_713_064.25);
    relative(a.gex.net_gamma, -17_838_713_064.25);
    relative(a.gex.abs_gex, 118_680_115_979.67);
    relative(a.gex.vendor_gamma_total, -17_486_629_436.61);
    near(a.gex.gex_total_normalized, -0.150_309, 5e-7);
    near(libm::tanh(a.gex.gex_total_normalized.expect("net/abs") / 0.25), -0.537_929, 5e-7);
    near(a.gex.net_delta, 1_642_722_266_854.0, 0.5);
    near(a.levels.gamma_flip.level, 3_953.406_820, 1e-5);
    near(a.levels.gamma_flip.uncertainty_pts, 21.9762, 5e-5);
    near(a.levels.gamma_flip.significance, 0.430_119, 5e-7);
    assert_eq!(a.levels.gamma_flip.quality.as_deref(), Some("moderate"));
    assert_eq!(
        (strike(&a.levels.call_wall), strike(&a.levels.put_wall)),
        (Some(4000.0), Some(3800.0))
    );
    near(a.levels.vol_trigger.level, 3_985.791_855, 1e-4);
    assert_eq!(a.levels.max_pain, Some(3855.0));
    assert_eq!(a.levels.max_pain_expiry.as_deref(), Some("2022-07-12"));
    pins(&snapshot, &[(3900.0, 4.8682), (3875.0, 2.5438), (3925.0, 1.8618)]);
    near(a.vol.em_day, 82.745_251, 5e-7);
    near(snapshot.groups[0].em_straddle, 19.763_540, 5e-7);
    for (got, want) in [
        (a.vol.atm_7d, 0.235_511),
        (a.vol.atm_30d, 0.241_515),
        (a.vol.atm_60d, 0.239_998),
        (a.vol.atm_90d, 0.239_524),
    ] {
        near(got, want, 5e-7);
    }
    assert_eq!(a.dealer.gamma_regime, "NEG");
    assert_eq!(a.dealer.dealer_position.as_deref(), Some("short"));
    assert_eq!(a.dealer.dealer_flow.as_deref(), Some("destabilising"));
    // Net and spot less flip are negative; what expires today decides the third sign.
    let agree = if snapshot.expiries[0].net_gex < 0.0 { 1.0 } else { 2.0 / 3.0 };
    near(
        a.dealer.dealer_confidence,
        snapshot.coverage.iv_coverage.expect("a share") * agree,
        1e-12,
    );
    let s = &snapshot.sanity;
    assert_eq!((s.score, s.status.as_str()), (100, "GO"), "{:?}", s.warnings);
    assert!(s.gates.iter().all(|g| g.ok) && s.errors.is_empty());
    // Without VIX: two terms, renormalised.
    near(a.dealers_bias.coverage, 0.75, 1e-12);
    near(a.dealers_bias.weights_used.pcr, 0.4, 1e-12);
    assert_eq!(snapshot.null_reasons["analysis.vol.vix"], "NO_INPUT:vix");
}

#[test]
fn ndx_everything() {
    let Some(chain) = ndx() else { return };
    let snapshot = plain(&chain);
    assert_eq!(
        (snapshot.provenance.contracts_received, snapshot.provenance.contracts_used),
        (19_118, 18_402)
    );
    let a = snapshot.analysis.as_ref().expect("levels");
    relative(a.gex.gex_total_signed, 1_044_955_584.967);
    near(a.gex.gex_total_normalized, 0.198_575, 5e-7);
    near(libm::tanh(a.gex.gex_total_normalized.expect("net/abs") / 0.25), 0.660_839, 5e-7);
    near(a.gex.net_delta, 68_586_827_878.0, 0.5);
    near(a.levels.gamma_flip.level, 11_040.178_249, 1e-5);
    near(a.levels.gamma_flip.uncertainty_pts, 46.0501, 5e-5);
    near(a.levels.gamma_flip.significance, 0.606_626, 5e-7);
    assert_eq!(a.levels.gamma_flip.quality.as_deref(), Some("moderate"));
    pins(&snapshot, &[(11_650.0, 24.6015), (12_000.0, 20.5386), (11_500.0, 15.4346)]);
    near(a.vol.em_day, 502.711_526, 5e-7);
    near(snapshot.groups[0].em_straddle, 357.242_161, 5e-7);
    near(snapshot.coverage.near_rel_spread, 0.076_283, 5e-7);
    near(1.0 - snapshot.coverage.own_share.expect("a share"), 0.1878, 5e-5);
    let s = &snapshot.sanity;
    assert_eq!((s.score, s.status.as_str()), (95, "GO"), "{:?}", s.warnings);
    assert!(s.warnings[0].starts_with("the flip is 5.7 % away"), "{:?}", s.warnings);
    assert_eq!(a.dealer.dealer_position.as_deref(), Some("long"));
    // NDX is compared with VXN only.
    let with = Inputs { vix: Ok(given(25.0, 0.468_254, 0.129)), ..Inputs::at(chain.asof) };
    let vix = run(&chain, &with, &params());
    let vol = &vix.analysis.as_ref().expect("levels").vol;
    assert_eq!((vol.vix, vol.vix_diff), (Some(25.0), None));
    let vxn = Inputs { vxn: Ok(30.0), ..with };
    let vol = run(&chain, &vxn, &params()).analysis.expect("levels").vol;
    near(vol.vix_diff, 0.167_312, 2e-3);
}

#[test]
fn bias_with_a_given_vix() {
    let bias = |chain: &Chain, vix: Vix, preset| {
        let inputs = Inputs { vix: Ok(vix), ..Inputs::at(chain.asof) };
        run(chain, &inputs, &Params { preset, ..params() }).analysis.expect("levels")
    };
    if let Some(chain) = spx() {
        let vix = given(27.29, 0.734_127, 0.0403);
        let strict = bias(&chain, vix, Preset::SeedStrict);
        let (value, direction, strength) = score(&strict.dealers_bias);
        near(value, -0.792_068, 5e-7);
        assert_eq!((direction, strength), ("BEARISH", "STRONG"));
        let full = bias(&chain, vix, Preset::Default);
        near(score(&full.dealers_bias).0, -0.854_448, 5e-7);
        near(full.dealers_bias.confidence, 1.0, 1e-12);
        assert_eq!(full.vol.vix_trend.as_deref(), Some("neutral"));
        assert_eq!(full.vol.vix_source.as_deref(), Some("given"));
        near(full.vol.vix_percentile, 0.734_127, 0.0);
        assert_eq!(full.dealers_bias.stress, Some(false));
    }
    if let Some(chain) = ndx() {
        let vix = given(25.0, 0.468_254, 0.129);
        let strict = bias(&chain, vix, Preset::SeedStrict);
        let (value, direction, strength) = score(&strict.dealers_bias);
        near(value, 0.259_545, 5e-7);
        assert_eq!((direction, strength), ("BULLISH", "MODERATE"));
        let full = bias(&chain, vix, Preset::Default);
        near(score(&full.dealers_bias).0, 0.305_332, 5e-7);
        near(full.dealers_bias.confidence, 0.95, 1e-12);
        assert_eq!(full.vol.vix_trend.as_deref(), Some("bullish"));
    }
}

#[test]
fn overnight_leaves_out_what_expires_today() {
    let Some(chain) = spx() else { return };
    let snapshot = plain(&chain);
    let night = snapshot.analysis_overnight.as_ref().expect("levels");
    assert_eq!(night.target_sessions, ["ASIA", "LONDON"]);
    assert_eq!(night.excluded_contracts, 19_378 - 19_134);
    relative(night.gex.gex_total_signed, -18_423_833_471.57);
    relative(night.gex.abs_gex, 114_983_748_856.63);
    near(night.levels.gamma_flip.level, 3_977.509_494, 1e-5);
    near(night.levels.gamma_flip.distance_pts, -121.2295, 5e-5);
    near(night.levels.vol_trigger.level, 4_006.280_728, 1e-4);
    near(night.pcr.volume, 1.988_883, 5e-7);
    near(night.pcr.oi, 1.667_642, 5e-7);
    assert_eq!(night.levels.max_pain, Some(3865.0));
    assert_eq!(night.dealer.dealer_position.as_deref(), Some("short"));
    assert_eq!((night.pcr.volume_0dte, night.gex.share_zero_dte), (None, Some(0.0)));
    // The next AM settlement is days away.
    assert_eq!(night.settles_in_session_share, Some(0.0));
    let peak = Params { vol_trigger_method: TriggerMethod::PeakFraction, ..params() };
    let all = run(&chain, &Inputs::at(chain.asof), &peak).analysis.expect("levels");
    near(all.levels.vol_trigger.level, 4_036.744_325, 5e-7);
    assert_eq!(all.levels.vol_trigger.method, "peak_fraction");
    let Some(chain) = ndx() else { return };
    let all = run(&chain, &Inputs::at(chain.asof), &peak).analysis.expect("levels");
    near(all.levels.vol_trigger.level, 11_275.785_040, 5e-7);
}

#[test]
fn futures_by_parity() {
    let basis = |snapshot: &Snapshot| {
        let of = |(code, f): (&String, &mia::options::snapshot::FutureLevels)| {
            assert_eq!((f.basis_source.as_str(), f.basis_age_s), ("parity", 0.0));
            (code.clone(), f.basis)
        };
        snapshot.futures.iter().map(of).collect::<BTreeMap<_, _>>()
    };
    if let Some(chain) = spx() {
        let snapshot = plain(&chain);
        let by = basis(&snapshot);
        assert_eq!(by.len(), 2);
        near(by["ESU2"], 3.315_092, 5e-7);
        near(by["ESZ2"], 18.690_497, 5e-7);
        let levels = &snapshot.futures["ESU2"].levels;
        // 4000 + 3.315092 and 3953.406820 + 3.315092 on quarters of a point.
        assert_eq!((levels["call_wall"], levels["gamma_flip"]), (Some(4003.25), Some(3956.75)));
        assert_eq!((levels["spot"], levels["pin1"]), (Some(3859.5), Some(3903.25)));
        let live = Live { value: 3.5, ts: Ts(chain.asof.0 - 30 * SECOND) };
        let inputs =
            Inputs { live: BTreeMap::from([("ESU2".to_owned(), live)]), ..Inputs::at(chain.asof) };
        let front = &run(&chain, &inputs, &params()).futures["ESU2"];
        assert_eq!((front.basis, front.basis_source.as_str()), (3.5, "live"));
        assert_eq!(front.basis_age_s, 30.0);
    }
    if let Some(chain) = ndx() {
        let by = basis(&plain(&chain));
        near(by["NQZ2"], -12.359_344, 5e-7);
        near(by["NQH3"], 105.541_826, 5e-7);
    }
}

#[test]
fn the_same_twice() {
    let Some(chain) = ndx() else { return };
    assert_eq!(plain(&chain), plain(&chain));
}

/// Terms that the file does not hold.
#[test]
fn terms() {
    let Some(chain) = spx() else { return };
    let got = with_terms(&chain, &Inputs::at(chain.asof), &params());
    let bias = got.bias.expect("levels");
    near(bias.pcr_term.ok(), -1.0, 0.0);
    near(bias.flip_term.ok(), -1.0, 0.0);
    assert_eq!(bias.skew_term, null(Reason::Warmup, "sessions"));
    assert!(got.bias_overnight.is_some());
}

#[test]
fn no_spot_no_levels() {
    let Some(mut chain) = spx() else { return };
    chain.print = None;
    let snapshot = plain(&chain);
    assert_eq!((snapshot.status.as_str(), snapshot.sanity.status.as_str()), ("no_spot", "NO_GO"));
    assert!(snapshot.analysis.is_none() && snapshot.analysis_overnight.is_none());
    assert!(snapshot.futures.is_empty() && snapshot.groups.is_empty());
    assert_eq!(snapshot.null_reasons["analysis"], "NO_INPUT:no_spot");
    assert_eq!(snapshot.null_reasons["underlying.spot"], "NO_INPUT:no_spot");
    // The chain itself implies a spot.
    let auto = Params::default();
    let implied = run(&chain, &Inputs::at(chain.asof), &auto);
    assert_eq!((implied.status.as_str(), implied.sanity.status.as_str()), ("ok", "GO"));
    assert_eq!(implied.underlying.spot_source.as_deref(), Some("implied"));
    near(implied.underlying.spot, 3856.8, 0.1);
    assert_eq!(implied.null_reasons["underlying.print"], "NO_INPUT:no_print");
    assert!(implied.analysis.expect("levels").levels.call_wall.is_some());
    let refused = Inputs {
        no_print: Null { reason: Reason::NoInput, detail: "not_entitled" },
        ..Inputs::at(chain.asof)
    };
    let implied = run(&chain, &refused, &auto);
    assert_eq!(implied.null_reasons["underlying.print"], "NO_INPUT:not_entitled");
}

/// A plan without quotes: levels from the vendor's volatilities, and nothing that needs prices.
#[test]
fn no_quotes() {
    let Some(mut chain) = spx() else { return };
    for row in &mut chain.rows {
        (row.bid, row.ask) = (None, None);
    }
    let snapshot = plain(&chain);
    assert_eq!(snapshot.status, "no_quotes");
    let a = snapshot.analysis.as_ref().expect("levels");
    assert!(a.levels.call_wall.is_some() && a.levels.gamma_flip.level.is_some());
    assert_eq!((a.vol.vix_like, snapshot.groups[0].em_straddle), (None, None));
    assert!(snapshot.futures.is_empty());
    assert_eq!(snapshot.null_reasons["futures"], "NO_INPUT:am_group");
    assert_eq!(a.levels.gamma_pins.len(), 0);
    assert_eq!(snapshot.coverage.own_share, Some(0.0));
    assert_eq!(snapshot.sanity.score, 90, "{:?}", snapshot.sanity.warnings);
    let wanted = Inputs { futures_rows: true, ..Inputs::at(chain.asof) };
    assert_eq!(run(&chain, &wanted, &params()).sanity.score, 85);
}

#[test]
fn open_interest() {
    let gate = |s: &Snapshot, name: &str| s.sanity.gates.iter().find(|g| g.name == name).cloned();
    let Some(mut chain) = spx() else { return };
    for row in chain.rows.iter_mut().filter(|r| r.osi.right == Right::Call) {
        row.open_interest = Some(0.0);
    }
    let puts = plain(&chain);
    let a = puts.analysis.as_ref().expect("levels");
    assert_eq!((a.pcr.oi, strike(&a.levels.call_wall)), (None, None));
    assert_eq!(puts.null_reasons["analysis.pcr.oi"], "ZERO_DENOMINATOR");
    assert_eq!(a.levels.gamma_flip.status, "none_negative");
    near(a.dealers_bias.components.gex, 0.7 * libm::tanh(-4.0) - 0.3, 1e-12);
    // No call wall and one sign; max pain beyond the range of a row is left out of it.
    assert_eq!(puts.sanity.score, 100 - 20 - 5, "{:?}", puts.sanity.warnings);
    for row in &mut chain.rows {
        row.open_interest = Some(0.0);
    }
    let none = plain(&chain);
    assert_eq!(none.sanity.status, "NO_GO");
    let oi = gate(&none, "oi").expect("a gate");
    assert!(!oi.ok && oi.value == Some(1.0), "{oi:?}");
    assert!(none.sanity.errors.iter().any(|e| e == "oi: the open interest is zero"));
    let a = none.analysis.as_ref().expect("a scope");
    assert_eq!(a.levels.gamma_flip.status, "not_computable");
    assert_eq!((a.gex.gex_total_normalized, a.levels.max_pain), (None, None));
    assert_eq!(a.dealers_bias.dealers_bias_score, None);
    for row in &mut chain.rows {
        row.open_interest = None;
    }
    let oi = gate(&plain(&chain), "oi").expect("a gate");
    assert!(!oi.ok && oi.value == Some(0.0), "{oi:?}");
}

#[test]
fn too_old_to_write() {
    let Some(chain) = spx() else { return };
    let limit = 900 * SECOND + i64::from(chain.provenance.declared_delay_s) * SECOND;
    let at = |ns: i64| run(&chain, &Inputs::at(Ts(chain.asof.0 + ns)), &params()).sanity.status;
    assert_eq!(at(limit), "GO");
    assert_eq!(at(limit + SECOND), "NO_GO");
    let mut replay = chain.clone();
    replay.provenance.source_kind = SourceKind::Replay;
    let late = Inputs::at(Ts(chain.asof.0 + 9 * limit));
    assert_eq!(run(&replay, &late, &params()).sanity.status, "GO");
    let mut simulated = chain.clone();
    simulated.provenance.delay_class = DelayClass::Simulated;
    assert_eq!(plain(&simulated).sanity.status, "NO_GO");
}

#[test]
fn before_the_open_volume_is_yesterdays() {
    let Some(chain) = spx() else { return };
    let at = |minute: i8| {
        let asof = new_york(date(2022, 7, 12), 9, minute);
        let mut chain = chain.clone();
        (chain.asof, chain.captured) = (asof, asof);
        run(&chain, &Inputs::at(asof), &params())
    };
    let early = at(29);
    assert_eq!(early.analysis.as_ref().expect("levels").pcr.volume, None);
    assert_eq!(early.null_reasons["analysis.pcr.volume"], "NO_INPUT:before_open");
    assert!(at(30).analysis.expect("levels").pcr.volume.is_some());
}

/// The alarm of the VIX arithmetic needs three snapshots in regular hours.
#[test]
fn vix_alarm() {
    let Some(chain) = spx() else { return };
    let with = |before: &[f64]| {
        let inputs = Inputs {
            vix: Ok(given(27.29, 0.7, 0.0)),
            vix_diffs: before.to_vec(),
            ..Inputs::at(chain.asof)
        };
        run(&chain, &inputs, &params())
    };
    let first = with(&[]);
    near(first.analysis.expect("levels").vol.vix_diff, 26.2 - 27.29, 0.1);
    assert_eq!(first.sanity.score, 100);
    assert_eq!(with(&[-1.0, 0.9]).sanity.score, 95);
    assert_eq!(with(&[-1.0, 0.1]).sanity.score, 100);
}

/// A strip of strikes of one series with two-sided quotes and open interest.
fn series(root: Root, expiry: Date, rows: &mut Vec<Row>) {
    for k in 0..60_u32 {
        for right in [Right::Call, Right::Put] {
            let osi = Osi { root, expiry, right, strike_milli: 3_700_000 + k * 5_000 };
            let mut row = Row::new(osi, settle_ts(&calendar(), root, expiry));
            let money = match right {
                Right::Call => 3850.0 - osi.strike(),
                Right::Put => osi.strike() - 3850.0,
            };
            let mid = 10.0 + money.max(0.0) - money.abs() / 20.0;
            (row.bid, row.ask) = (Some(mid - 0.1), Some(mid + 0.1));
            (row.open_interest, row.volume) = (Some(100.0), Some(10.0));
            rows.push(row);
        }
    }
}

fn chain_of(asof: Ts, listed: &[(Root, Date)]) -> Chain {
    let mut rows = Vec::new();
    for &(root, expiry) in listed {
        series(root, expiry, &mut rows);
    }
    let mut provenance = Provenance::new("cboe_csv", SourceKind::File, DelayClass::Delayed15);
    provenance.received = u32::try_from(rows.len()).expect("few");
    let rows = arrange(rows, asof, &mut provenance).expect("no conflict");
    let print = Some(Print { value: 3850.0, ts: asof });
    Chain { underlying: Underlying::Spx, asof, captured: asof, print, rows, provenance }
}

/// The third Friday at 10:00: the AM series of the day has settled, the PM series lives to 16:00.
#[test]
fn third_friday() {
    let friday = date(2022, 7, 15);
    let asof = new_york(friday, 10, 0);
    let later = date(2022, 7, 22);
    let chain = chain_of(asof, &[(Root::Spx, friday), (Root::Spxw, friday), (Root::Spxw, later)]);
    let snapshot = plain(&chain);
    assert_eq!(snapshot.provenance.dropped["expired"], 120);
    assert_eq!(snapshot.provenance.contracts_used, 240);
    assert_eq!(
        (snapshot.groups[0].root.as_str(), snapshot.groups[0].settle.as_str()),
        ("SPXW", "PM")
    );
    near(snapshot.groups[0].t_years * 365.0 * 24.0, 6.0, 1e-9);
    assert_eq!(
        (snapshot.expiries[0].dte, snapshot.expiries[0].roots.as_slice()),
        (0, &["SPXW".to_owned()][..])
    );
    // Overnight: without the PM series of the day.
    let night = snapshot.analysis_overnight.expect("levels");
    assert_eq!(
        (night.excluded_contracts, night.levels.max_pain_expiry.as_deref()),
        (120, Some("2022-07-22"))
    );
    // The day before both are alive; the AM series settles when London ends.
    let asof = new_york(date(2022, 7, 14), 15, 35);
    let listed = [(Root::Spx, friday), (Root::Spxw, friday)];
    let snapshot = plain(&chain_of(asof, &listed));
    let night = snapshot.analysis_overnight.expect("levels");
    assert_eq!(night.excluded_contracts, 0);
    let share = night.settles_in_session_share.expect("a share");
    assert!(share > 0.4 && share < 0.7, "{share}");
    let drop = Params { overnight_drop_am: true, ..params() };
    let night = run(&chain_of(asof, &listed), &Inputs::at(asof), &drop);
    let night = night.analysis_overnight.expect("levels");
    assert_eq!((night.excluded_contracts, night.settles_in_session_share), (120, Some(0.0)));
}

#[test]
fn half_day() {
    let day = date(2022, 11, 25);
    let asof = new_york(day, 12, 35);
    let snapshot = plain(&chain_of(asof, &[(Root::Spxw, day), (Root::Spxw, date(2022, 11, 28))]));
    near(snapshot.groups[0].t_years * 365.0 * 24.0 * 60.0, 25.0, 1e-9);
    assert!(calendar().capture(asof).is_some());
    assert_eq!(snapshot.valid_until.as_deref(), Some("2022-11-28T20:30:00Z"));
    let before = new_york(date(2022, 11, 23), 15, 35);
    assert_eq!(valid_until(&calendar(), before), Ok(new_york(day, 12, 30)));
}

#[test]
fn everything_has_settled() {
    let day = date(2022, 7, 12);
    let asof = new_york(date(2022, 7, 13), 10, 0);
    let snapshot = plain(&chain_of(asof, &[(Root::Spxw, day)]));
    assert_eq!((snapshot.status.as_str(), snapshot.sanity.status.as_str()), ("failed", "NO_GO"));
    assert_eq!(snapshot.null_reasons["analysis"], "NO_INPUT:no_contracts_in_scope");
    assert!(snapshot.sanity.errors[0].contains("no_contracts_in_scope"));
    // Only today's series: nothing outlives the start of Asia.
    let snapshot = plain(&chain_of(new_york(day, 10, 0), &[(Root::Spxw, day)]));
    assert!(snapshot.analysis.is_some() && snapshot.analysis_overnight.is_none());
    assert_eq!(snapshot.null_reasons["analysis_overnight"], "NO_INPUT:no_contracts_in_scope");
}

/// A capture of Friday holds over the weekend.
#[test]
fn friday_capture() {
    let asof = new_york(date(2022, 7, 15), 15, 35);
    let listed = [(Root::Spxw, date(2022, 7, 18)), (Root::Spxw, date(2022, 7, 20))];
    let snapshot = plain(&chain_of(asof, &listed));
    assert_eq!(snapshot.valid_until.as_deref(), Some("2022-07-18T19:30:00Z"));
    let until = valid_until(&calendar(), asof).expect("until");
    assert!(valid(until, new_york(date(2022, 7, 17), 18, 0)));
    assert!(valid(until, Ts(until.0 - 1)));
    assert!(!valid(until, new_york(date(2022, 7, 18), 15, 30)));
}

/// No input makes a panic: absurd prices, no rows, times beyond the calendar.
#[test]
fn hostile_chains() {
    let day = date(2022, 7, 12);
    let asof = new_york(day, 10, 0);
    let good = chain_of(asof, &[(Root::Spxw, day), (Root::Spxw, date(2022, 7, 13))]);
    let calendar = calendar();
    let all = |chain: &Chain, now: Ts| {
        for mode in [SpotMode::Auto, SpotMode::Print, SpotMode::Implied] {
            let params = Params { spot_mode: mode, ..Params::default() };
            let spot = PriceParams { spot_mode: mode, futures: None };
            let inputs = Inputs { futures_rows: true, ..Inputs::at(now) };
            let priced = price(chain, &calendar, &spot);
            nulls_have_reasons(&analyse(&priced, chain, &calendar, &inputs, &params));
        }
    };
    for value in [0.0, 1e-300, 1e300, f64::MAX, f64::INFINITY, f64::NAN, -1.0] {
        let mut chain = good.clone();
        chain.print = Some(Print { value, ts: asof });
        all(&chain, asof);
        let mut chain = good.clone();
        for row in chain.rows.iter_mut().step_by(3) {
            (row.open_interest, row.volume, row.vendor_gamma) =
                (Some(value), Some(value), Some(value));
            (row.bid, row.ask, row.vendor_iv) = (Some(value), Some(2.0 * value), Some(value));
            // As every provider does.
            row.clean();
        }
        all(&chain, asof);
    }
    let mut empty = good.clone();
    empty.rows.clear();
    all(&empty, asof);
    for now in [Ts::NONE, Ts(0), Ts(i64::MAX), Ts(asof.0 - 400 * MINUTE)] {
        all(&good, now);
        let mut odd = good.clone();
        (odd.asof, odd.captured) = (now, now);
        all(&odd, asof);
    }
}
