//! The files of one hand-made capture: keys, rules, and what survives faults.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::date;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::sierra_csv::{Drawing, HEADER_A, Row, merge, rows};
use super::*;
use crate::options::drawn::{cents, spaced};
use crate::options::snapshot::{
    Analysis, Bias, BiasTerms, Conventions, Coverage, Dealer, Flip, FutureLevels, Gex,
    Interpretation, Levels, Overnight, Pcr, Pin, Provenance, Sanity, StrikeGex, Surface, Trigger,
    Underlying as Price, Unusual, Vol, Wall,
};
use crate::units::MINUTE;

/// 2022-07-12 11:40 New York.
const ASOF: &str = "2022-07-12T15:40:00Z";
/// Inside the capture window of that day.
const IN_WINDOW: &str = "2022-07-12T19:35:00Z";

fn ts(text: &str) -> Ts {
    folders::parse_ts(text).expect("a time")
}

fn pin(strike: f64, strength: f64) -> Pin {
    let label = "very_strong".to_owned();
    Pin { strike, strength, label, pin_score: (strength - 1.0) / 10.0, pin_probability: None }
}

fn wall(rank: [f64; 3], gex: f64) -> Option<Wall> {
    Some(Wall { strike: rank[0], oi: 1000.0, gex, rank: rank.to_vec() })
}

fn gex(call: f64, put: f64) -> Gex {
    let strike = |strike, net_gex| StrikeGex {
        strike,
        call_gex: 0.0,
        put_gex: 0.0,
        net_gex,
        call_oi: 1.0,
        put_oi: 1.0,
    };
    Gex {
        gex_total_signed: call + put,
        net_gamma: call + put,
        call_gex: call,
        put_gex: put,
        abs_gex: call - put,
        vendor_gamma_total: None,
        usd_per_point: 1.0,
        gex_total_normalized: Some((call + put) / (call - put)),
        net_delta: 0.0,
        dex_usd: 0.0,
        vex_usd_per_volpt: 0.0,
        cex_usd_per_day: 0.0,
        share_zero_dte: Some(0.1),
        by_strike: vec![
            strike(3700.0, -9.0),
            strike(3800.0, -12.0),
            strike(3900.0, 0.0),
            strike(4000.0, 10.0),
            strike(4100.0, 12.0),
        ],
        profile: Vec::new(),
    }
}

fn levels(flip: f64, max_pain: f64, trigger: f64) -> Levels {
    Levels {
        call_wall: wall([4000.0, 3900.0, 4100.0], 5e9),
        put_wall: wall([3800.0, 3700.0, 3850.0], -4e9),
        gamma_flip: Flip {
            level: Some(flip),
            gamma_flip_strike: Some(3955.0),
            quality: Some("moderate".to_owned()),
            status: "ok".to_owned(),
            roots: vec![flip],
            distance_pts: Some(3856.28 - flip),
            distance_pct: Some(-2.5),
            uncertainty_pts: Some(21.9762),
            significance: Some(0.430_119),
        },
        max_pain: Some(max_pain),
        max_pain_expiry: Some("2022-07-12".to_owned()),
        vol_trigger: Trigger {
            vol_trigger_strike: Some(3985.0),
            level: Some(trigger),
            method: "skew_adjusted".to_owned(),
            roots: vec![trigger],
        },
        gamma_pins: vec![pin(3900.0, 4.8682), pin(3875.0, 2.5438), pin(3925.0, 1.8618)],
        call_wall_any: Some(4000.0),
        put_wall_any: Some(4000.0),
        call_wall_net: Some(4005.0),
        put_wall_net: Some(3700.0),
        abs_gamma_strike: Some(4000.0),
        hvl: Some(3850.0),
        call_wall_oi: Some(4000.0),
        put_wall_oi: Some(4000.0),
    }
}

fn pcr() -> Pcr {
    Pcr {
        volume: Some(1.356_045),
        oi: Some(1.669_456),
        volume_0dte: None,
        oi_0dte: None,
        volume_ex0dte: Some(1.988_883),
        oi_ex0dte: Some(1.667_642),
        trend: None,
    }
}

fn vol() -> Vol {
    Vol {
        em_day: Some(82.745_251),
        atm_7d: Some(0.235_511),
        atm_30d: Some(0.241_515),
        atm_60d: Some(0.239_998),
        atm_90d: Some(0.239_524),
        skew25_30d: Some(0.03),
        vix: Some(27.29),
        vix_source: Some("given".to_owned()),
        vix_percentile: Some(0.734_127),
        vix_trend: Some("neutral".to_owned()),
        vix_like: Some(26.197_676),
        vix_diff: Some(26.197_676 - 27.29),
        surface: Surface {
            method: "pchip".to_owned(),
            butterfly_viol: Some(1),
            calendar_viol: Some(2),
        },
    }
}

fn dealer() -> Dealer {
    Dealer {
        gamma_regime: "NEG".to_owned(),
        dealer_position: Some("short".to_owned()),
        dealer_flow: Some("destabilising".to_owned()),
        dealer_confidence: Some(0.8),
    }
}

fn bias() -> Bias {
    let terms = |pcr, gex, vix| BiasTerms { pcr: Some(pcr), gex: Some(gex), vix: Some(vix) };
    Bias {
        dealers_bias_score: Some(-0.854_448),
        components: terms(-1.0, -0.7, -1.0),
        weights_used: terms(0.3, 0.45, 0.25),
        coverage: 1.0,
        confidence: Some(1.0),
        interpretation: Interpretation {
            direction: Some("BEARISH".to_owned()),
            strength: Some("STRONG".to_owned()),
        },
        preset: "default".to_owned(),
        stress: Some(false),
    }
}

/// The SPX chain of 2022-07-12 as its golden numbers have it.
fn sample() -> Snapshot {
    Snapshot {
        schema_version: SCHEMA.to_owned(),
        snapshot_id: "spx_20220712_154000".to_owned(),
        symbol: "SPX".to_owned(),
        status: "ok".to_owned(),
        asof: ASOF.to_owned(),
        captured_at: ASOF.to_owned(),
        valid_until: Some("2022-07-12T19:30:00Z".to_owned()),
        provenance: Provenance {
            provider: "cboe_csv".to_owned(),
            source_kind: "file".to_owned(),
            delay_class: "delayed-15".to_owned(),
            declared_delay_s: 900,
            age_s: 0.0,
            pages: 0,
            requests: 0,
            retries: 0,
            contracts_received: 19378,
            contracts_used: 19378,
            dropped: BTreeMap::new(),
            oi_date: None,
            file_sha256: Some("ab".repeat(32)),
            iv_clock: Some("exchange".to_owned()),
        },
        underlying: Price {
            spot: Some(3856.28),
            print: Some(3856.28),
            implied: None,
            spot_source: Some("print".to_owned()),
            spot_ts: Some(ASOF.to_owned()),
            spot_mode: "print".to_owned(),
        },
        conventions: Conventions {
            sign_model: "long_calls_short_puts".to_owned(),
            multiplier: 100.0,
            t_clock: "calendar_365_sec".to_owned(),
            gex_unit: "usd_per_1pct".to_owned(),
            iv_policy: "own_otm".to_owned(),
            vol_trigger_method: "skew_adjusted".to_owned(),
            ssr: 1.5,
        },
        coverage: Coverage {
            iv_coverage: Some(0.999_98),
            own_share: Some(0.8684),
            oi_complete: Some(1.0),
            near_rel_spread: Some(0.020_271),
            oi_without_iv: Some(302.0),
        },
        expiries: Vec::new(),
        groups: Vec::new(),
        analysis: Some(Analysis {
            gex: gex(50_420_701_457.71, -68_259_414_521.96),
            levels: levels(3953.406820, 3855.0, 3985.791855),
            pcr: pcr(),
            vol: vol(),
            dealer: dealer(),
            dealers_bias: bias(),
        }),
        analysis_overnight: Some(Overnight {
            gex: gex(48_279_957_692.53, -66_703_791_164.10),
            levels: levels(3977.509494, 3865.0, 4006.280728),
            pcr: Pcr { volume: Some(1.988_883), oi: Some(1.667_642), ..pcr() },
            vol: vol(),
            dealer: dealer(),
            dealers_bias: bias(),
            target_sessions: vec!["ASIA".to_owned(), "LONDON".to_owned()],
            excluded_contracts: 244,
            settles_in_session_share: Some(0.0),
        }),
        futures: BTreeMap::new(),
        unusual_activity: Unusual { status: "pending".to_owned(), events: Vec::new() },
        null_reasons: BTreeMap::from([("underlying.implied".to_owned(), "NO_INPUT".to_owned())]),
        sanity: Sanity {
            status: "GO".to_owned(),
            score: 100,
            gates: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
            recommendations: Vec::new(),
        },
    }
}

fn ndx() -> Snapshot {
    let at = "2022-12-13T01:16:00Z";
    let mut ndx = captured(sample(), at);
    ndx.symbol = "NDX".to_owned();
    ndx.snapshot_id = "ndx_20221213_011600".to_owned();
    ndx.underlying.spot = Some(11706.4395);
    ndx.underlying.print = ndx.underlying.spot;
    let analysis = ndx.analysis.as_mut().expect("levels");
    analysis.gex.gex_total_signed = 1_044_955_584.967;
    analysis.dealer.gamma_regime = "POS".to_owned();
    let levels = &mut analysis.levels;
    levels.call_wall = wall([12000.0, 12500.0, 13000.0], 1e9);
    levels.put_wall = wall([11500.0, 11000.0, 10000.0], -1e9);
    levels.gamma_flip.level = Some(11040.178249);
    levels.max_pain = Some(11550.0);
    levels.vol_trigger.level = Some(11067.032854);
    levels.gamma_pins = vec![pin(11650.0, 24.6015), pin(12000.0, 20.5386), pin(11500.0, 15.4346)];
    ndx
}

fn captured(mut snapshot: Snapshot, at: &str) -> Snapshot {
    snapshot.asof = at.to_owned();
    snapshot.captured_at = at.to_owned();
    snapshot.valid_until = Some("2099-01-01T00:00:00Z".to_owned());
    snapshot
}

fn with_future(mut snapshot: Snapshot) -> Snapshot {
    for (name, basis) in [("ESH3", 20.0), ("ESU2", 3.315_092), ("ESZ2", 18.690_497)] {
        let levels = BTreeMap::new();
        let basis_source = "parity".to_owned();
        let future = FutureLevels { basis, basis_source, basis_age_s: 0.0, levels };
        snapshot.futures.insert(name.to_owned(), future);
    }
    snapshot
}

fn calendar() -> Calendar {
    Calendar::bundled().expect("bundled")
}

/// A folder of its own, gone at the end.
struct Data(PathBuf);

impl Data {
    fn new(name: &str) -> Data {
        let data = std::env::temp_dir().join(format!("mia-products-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&data);
        fs::create_dir_all(&data).expect("folder");
        Data(data)
    }

    fn live(&self) -> Folders {
        Folders::new(&self.0, Mode::Live, false)
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn put(folders: &Folders, snapshot: &Snapshot) -> Written {
    let now = ts(&snapshot.captured_at);
    write(folders, &calendar(), snapshot, &Drawing::default(), None, now).expect("written")
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Every file of a folder with its content, but for the manifest and the lock.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("folder").map(|e| e.expect("entry").path());
    let files = entries.filter(|p| p.is_file()).map(|p| {
        let name = p.file_name().expect("name").to_string_lossy().into_owned();
        (name, fs::read(&p).expect("content"))
    });
    files.filter(|(name, _)| !name.starts_with("manifest") && !name.starts_with('.')).collect()
}

mod schemas {
    //! What the shipped schemas accept.
    use super::*;

    const SNAPSHOT: &str = include_str!("schemas/options-snapshot-1.json");
    const CRITICAL: &str = include_str!("schemas/niveaux-critiques.json");
    const SUMMARY: &str = include_str!("schemas/resume-sessions.json");
    const BRIDGE: &str = include_str!("schemas/es-bias-bridge-1.json");

    fn valid(schema: &str, value: &Value) -> bool {
        let schema = serde_json::from_str(schema).expect("a schema");
        let validator = jsonschema::validator_for(&schema).expect("compiles");
        validator.is_valid(value)
    }

    /// Every object without one of its keys, with one more, with a key of a wrong type, all fail.
    fn every_mutation_fails(schema: &str, good: &Value, optional: &[&str]) {
        assert!(valid(schema, good));
        let mut paths = Vec::new();
        objects(good, String::new(), &mut paths);
        for path in paths {
            let mut extra = good.clone();
            let object = extra.pointer_mut(&path).and_then(Value::as_object_mut).expect("object");
            let keys: Vec<String> = object.keys().cloned().collect();
            object.insert("not_a_key".to_owned(), json!(1));
            let free = ["/futures", "/null_reasons", "/provenance/dropped"].contains(&&*path)
                || path.ends_with("/levels") && path.starts_with("/futures");
            assert!(free || !valid(schema, &extra), "extra key in {path:?}");
            for key in keys {
                let mut missing = good.clone();
                let mut wrong = good.clone();
                let of = |v: &mut Value| {
                    v.pointer_mut(&path).and_then(Value::as_object_mut).expect("object").clone()
                };
                let mut object = of(&mut missing);
                object.remove(&key);
                *missing.pointer_mut(&path).expect("there") = Value::Object(object);
                let may = free || (path.is_empty() && optional.contains(&&*key));
                assert!(may || !valid(schema, &missing), "{path:?} without {key}");
                let mut object = of(&mut wrong);
                object.insert(key.clone(), json!([{ "wrong": true }]));
                *wrong.pointer_mut(&path).expect("there") = Value::Object(object);
                assert!(!valid(schema, &wrong), "{path:?} with a wrong {key}");
            }
        }
    }

    fn objects(value: &Value, path: String, into: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    objects(value, format!("{path}/{key}"), into);
                }
                into.push(path);
            }
            Value::Array(array) => {
                if let Some(first) = array.first() {
                    objects(first, format!("{path}/0"), into);
                }
            }
            _ => {}
        }
    }

    fn value<T: Serialize + DeserializeOwned + PartialEq>(of: &T) -> Value {
        serde_json::from_str(&snapshot_json::to_json(of).expect("JSON")).expect("JSON")
    }

    #[test]
    fn a_snapshot() {
        every_mutation_fails(SNAPSHOT, &value(&with_future(sample())), &[]);
        let mut failed = sample();
        failed.status = "failed".to_owned();
        (failed.analysis, failed.analysis_overnight) = (None, None);
        assert!(valid(SNAPSHOT, &value(&failed)));
    }

    #[test]
    fn the_french_files() {
        let night = captured(sample(), IN_WINDOW);
        let optional = [
            "call_put_walls",
            "pin_levels",
            "dealer_positioning",
            "quality",
            "convention",
            "provenance",
            "schema_version",
        ];
        let critical = value(&french::critical(&night).expect("due"));
        every_mutation_fails(CRITICAL, &critical, &optional);
        let summary = value(&french::summary(&night, 20.0).expect("due"));
        every_mutation_fails(SUMMARY, &summary, &[]);
    }

    #[test]
    fn the_examples_that_readers_were_given() {
        let critical = json!({
            "metadata": {
                "timestamp": "2025-08-11T15:30:00",
                "session": "US_PRE_CLOSE",
                "source": "TWS_IBKR",
                "valid_until": "2025-08-12T15:30:00",
                "next_sessions": ["ASIA", "LONDON"]
            },
            "gamma_exposure": {
                "total_exposure": 75_000_000_000_i64,
                "call_gamma": 45_000_000_000_i64,
                "put_gamma": 30_000_000_000_i64,
                "net_gamma": 15_000_000_000_i64
            },
            "gamma_flip_level": {
                "level": 5400, "significance": 0.85, "distance_from_price": 25
            },
            "vix_data": {
                "current_vix": 18.5, "vix_percentile": 0.35, "vix_trend": "neutral"
            },
            "put_call_ratio": {
                "current_ratio": 0.75, "volume_ratio": 0.72, "ratio_trend": "decreasing"
            }
        });
        assert!(valid(CRITICAL, &critical));
        let summary = json!({
            "session_info": {
                "collecte_time": "2025-08-11T15:30:00",
                "valid_until": "2025-08-12T15:30:00",
                "sessions_cibles": ["ASIA", "LONDON"]
            },
            "niveaux_cles": {
                "gamma_flip": 5400,
                "vix_level": 18.5,
                "put_call_ratio": 0.75,
                "dealer_position": "long"
            },
            "signaux_trading": {
                "gamma_bias": "bullish",
                "vix_signal": "low_vol",
                "flow_signal": "call_heavy",
                "dealer_signal": "long"
            },
            "niveaux_techniques": {
                "resistance_levels": [5450, 5500, 5550],
                "support_levels": [5350, 5300, 5250],
                "pin_levels": [5400, 5450, 5350]
            }
        });
        assert!(valid(SUMMARY, &summary));
        // Ours says the same under the same keys.
        let night = captured(sample(), IN_WINDOW);
        let keys = |v: &Value| {
            let mut paths = Vec::new();
            for path in ["", "/metadata", "/gamma_exposure", "/gamma_flip_level", "/vix_data"] {
                let object = v.pointer(path).and_then(Value::as_object).expect("object");
                paths.extend(object.keys().map(|k| format!("{path}/{k}")));
            }
            paths
        };
        let ours = keys(&value(&french::critical(&night).expect("due")));
        assert!(keys(&critical).iter().all(|key| ours.contains(key)));
        let ours = value(&french::summary(&night, 20.0).expect("due"));
        let parts = |v: &Value| v.as_object().expect("object").keys().cloned().collect::<Vec<_>>();
        assert_eq!(parts(&ours), parts(&summary));
        for part in parts(&ours) {
            assert_eq!(parts(&ours[&part]), parts(&summary[&part]), "{part}");
        }
    }

    #[test]
    fn the_bridge() {
        let ok = bridge(Some(&sample()), ts(ASOF));
        let line: Value = serde_json::from_str(&ok.line()).expect("JSON");
        every_mutation_fails(BRIDGE, &line, &[]);
        for other in [
            bridge(None, ts(ASOF)),
            bridge(Some(&sample()), ts("2022-07-12T19:30:00Z")),
            Bridge::without(bridge::Status::Timeout, ts(ASOF), ""),
        ] {
            let line: Value = serde_json::from_str(&other.line()).expect("JSON");
            assert!(valid(BRIDGE, &line), "{line}");
        }
        let mut lie = line.clone();
        lie["ok"] = json!(false);
        assert!(!valid(BRIDGE, &lie), "not ok, but with numbers");
        let order = ok.line();
        let keys = [
            "ok",
            "status",
            "direction",
            "strength",
            "score",
            "underlying_price",
            "meta",
            "data_delay",
            "live_trigger",
            "ts",
            "coverage",
            "as_of",
            "schema",
        ];
        let places: Vec<Option<usize>> =
            keys.iter().map(|k| order.find(&format!("\"{k}\":"))).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{order}");
        assert!(!order.contains('\n'));
    }
}

#[test]
fn a_snapshot_reads_back() {
    let data = Data::new("back");
    let folders = data.live();
    let mut snapshot = with_future(sample());
    snapshot.underlying.spot = Some(0.1 + 0.2);
    let (path, _) = snapshot_json::write(&folders, &snapshot).expect("written");
    assert!(path.ends_with("snapshots/options/spx_snapshot_20220712_154000.json"));
    assert_eq!(snapshot_json::read(&path).expect("read"), snapshot);
    let json = text(&path);
    assert!(json.contains("0.30000000000000004") && json.ends_with("}\n") && !json.contains('\r'));
}

#[test]
fn no_number_that_is_none() {
    let data = Data::new("nan");
    for bad in [f64::NAN, f64::INFINITY] {
        let mut snapshot = sample();
        snapshot.provenance.age_s = bad;
        assert!(snapshot_json::write(&data.live(), &snapshot).is_err());
        let mut snapshot = sample();
        snapshot.underlying.implied = Some(bad);
        assert!(snapshot_json::write(&data.live(), &snapshot).is_err());
    }
    assert!(!data.live().options().exists() || contents(data.live().options()).is_empty());
}

#[test]
fn simulated_data_stay_out_of_the_real_tree() {
    let data = Data::new("simulated");
    let mut snapshot = sample();
    snapshot.provenance.delay_class = "simulated".to_owned();
    assert!(snapshot_json::write(&data.live(), &snapshot).is_err());
    let replay = Folders::new(&data.0, Mode::Replay, false);
    let (path, _) = snapshot_json::write(&replay, &snapshot).expect("written");
    assert!(path.starts_with(data.0.join("replay/snapshots/options")));
}

#[test]
fn old_imports_are_replays() {
    let calendar = calendar();
    let (mut snapshot, now) = (sample(), ts("2022-07-12T20:00:00Z"));
    assert_eq!(Mode::Live.of(&snapshot, &calendar, now), Mode::Live);
    assert_eq!(Mode::Live.of(&snapshot, &calendar, ts("2022-07-13T15:00:00Z")), Mode::Replay);
    snapshot.provenance.source_kind = "api".to_owned();
    assert_eq!(Mode::Paper.of(&snapshot, &calendar, ts("2022-07-13T15:00:00Z")), Mode::Paper);
    snapshot.provenance.delay_class = "replay".to_owned();
    assert_eq!(Mode::Live.of(&snapshot, &calendar, now), Mode::Replay);
}

#[test]
fn golden_rows_of_format_a() {
    let data = Data::new("golden");
    put(&data.live(), &sample());
    put(&data.live(), &ndx());
    let header = HEADER_A.join(",");
    let spx = text(&data.live().sierra_a(date(2022, 7, 12)));
    let row = "SPX,2022-07-12T15:40:00Z,3856.28,4000.00,3800.00,3953.41,3855.00,3900.00,3875.00,";
    assert_eq!(spx, format!("{header}\n{row}\n"));
    // The evening belongs to the next trade date.
    let ndx = text(&data.live().sierra_a(date(2022, 12, 13)));
    let row = "NDX,2022-12-13T01:16:00Z,11706.44,12000.00,11500.00,11040.18,,11650.00,,";
    assert_eq!(ndx, format!("{header}\n{row}\n"));
}

#[test]
fn rows_of_format_b_and_of_the_future() {
    let data = Data::new("b");
    let mut snapshot = with_future(sample());
    snapshot.captured_at = "2022-07-12T15:58:59Z".to_owned();
    put(&data.live(), &snapshot);
    let b = text(&data.live().sierra_b(date(2022, 7, 12)));
    let lines: Vec<&str> = b.lines().collect();
    assert_eq!(
        lines[0],
        "symbol,trade_datetime_utc,spot,gex_total,gex_regime,gex0_vol_trigger,gex1_flip,\
         gex2_call_wall,gex3_put_wall,gex4_max_pain,gex5_pin1,gex6_pin2,window_pct,min_gap_pts,\
         market_status,stale_minutes,source,version"
    );
    assert_eq!(
        lines[1],
        "SPX,2022-07-12T15:40:00Z,3856.28,-17838713064,NEG,,3953.41,4000.00,3800.00,3855.00,\
         3900.00,3875.00,15,20,open,18,cboe_csv,2"
    );
    // ESU2 comes first: 3856.28 + 3.315092 = 3859.595…, on the quarter 3859.50.
    assert_eq!(
        lines[2],
        "ES,2022-07-12T15:40:00Z,3859.50,-17838713064,NEG,,3956.75,4003.25,3803.25,3858.25,\
         3903.25,3878.25,15,20,open,18,cboe_csv,2"
    );
    assert_eq!(lines.len(), 3);
    let calendar = calendar();
    let built = rows(&snapshot, &calendar, &Drawing::default(), Some("ESZ2"), ts(IN_WINDOW));
    assert_eq!(built.expect("rows").rows[1].spot, 387_500);
}

#[test]
fn four_rows_in_their_order_and_later_ones_replace() {
    let data = Data::new("order");
    let folders = data.live();
    put(&folders, &captured(ndx(), "2022-07-12T15:00:00Z"));
    put(&folders, &with_future(sample()));
    let path = folders.sierra_a(date(2022, 7, 12));
    let symbols = |path: &Path| {
        let rows = text(path);
        rows.lines().skip(1).map(|l| l[..l.find(',').expect(",")].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(symbols(&path), ["SPX", "ES", "NDX"]);
    // A later capture without a basis takes the row of the future away, NDX keeps its own.
    put(&folders, &captured(sample(), "2022-07-12T16:00:00Z"));
    assert_eq!(symbols(&path), ["SPX", "NDX"]);
    assert!(text(&path).contains("SPX,2022-07-12T16:00:00Z"));
    assert!(text(&path).contains("NDX,2022-07-12T15:00:00Z"));
    // An earlier one changes nothing, and says so.
    let before = text(&path);
    let written = put(&folders, &captured(sample(), "2022-07-12T15:59:00Z"));
    assert_eq!(text(&path), before);
    assert_eq!(written.warnings.len(), 2, "{:?}", written.warnings);
}

#[test]
fn damaged_rows_are_dropped_and_named() {
    let row = sample_row("SPX").cells_a();
    let good = "NDX,2022-07-12T15:00:00Z,11706.44,,,,,,,";
    let old = format!(
        "{}\n{good}\nNQ,yesterday,1,,,,,,,\nVIX,2022-07-12T15:00:00Z,1,,,,,,,\nES,2022-0\n\
         NDX,2022-07-12T15:00:00Z,2,,,,,,,\n",
        HEADER_A.join(",")
    );
    let merged = merge(Some(old.as_bytes()), &HEADER_A, Underlying::Spx, vec![row.clone()]);
    let merged = merged.expect("CSV").expect("newer");
    let text = String::from_utf8(merged.bytes).expect("UTF-8");
    assert_eq!((text.lines().count(), merged.rows, merged.dropped.len()), (3, 2, 4), "{text}");
    assert!(text.ends_with(&format!("{good}\n")));
    let nothing = merge(Some(&[0xff, 0xfe, 0, b'\n']), &HEADER_A, Underlying::Spx, vec![row]);
    assert_eq!(nothing.expect("CSV").expect("newer").dropped.len(), 1);
}

fn sample_row(symbol: &'static str) -> Row {
    let calendar = calendar();
    let built = rows(&sample(), &calendar, &Drawing::default(), None, ts(IN_WINDOW));
    Row { symbol, ..built.expect("rows").rows.remove(0) }
}

#[test]
fn rows_that_break_a_rule() {
    let now = ts(IN_WINDOW);
    let good = sample_row("SPX");
    assert_eq!(good.faults(now), Vec::<String>::new());
    assert_eq!(good.faults(Ts(good.time.0 - 1)).len(), 1, "in the future");
    let with = |at: usize, level: f64| {
        let mut row = good.clone();
        row.levels[at] = cents(level);
        row.faults(now)
    };
    assert!(with(2, 4100.0)[0].contains("put wall"));
    assert!(with(0, 3953.41 * 1.2)[0].contains("15 %"));
    assert!(with(0, 3919.99)[0].contains("least distance"));
    assert!(with(0, 3920.0).is_empty(), "exactly the least distance");
    assert!(with(3, 4434.73)[0].contains("15 %"), "a hundredth above 15 %");
    assert!(with(3, 4434.72).is_empty());
    let mut snapshot = sample();
    let analysis = snapshot.analysis.as_mut().expect("levels");
    analysis.levels.call_wall = wall([5000.0, 4000.0, 4100.0], 1e9);
    let of = |s: &Snapshot| rows(s, &calendar(), &Drawing::default(), None, now).expect("rows");
    let built = of(&snapshot);
    assert!(built.faults.is_empty(), "a far wall is left empty");
    assert_eq!(built.rows[0].levels[1], None);
    snapshot.analysis.as_mut().expect("levels").levels.gamma_flip.level = Some(5000.0);
    let built = of(&snapshot);
    assert!(built.rows.is_empty() && built.faults.len() == 1, "a far flip refuses the row");
}

#[test]
fn market_status_by_the_calendar() {
    for (at, expected) in [
        ("2022-07-12T15:40:00Z", "open"),
        ("2022-07-12T20:05:00Z", "post"),
        ("2022-07-12T21:30:00Z", "closed"),
        ("2022-07-12T22:30:00Z", "pre"),
        ("2022-07-12T12:00:00Z", "pre"),
        ("2022-07-16T15:00:00Z", "closed"),
        ("2022-07-04T15:00:00Z", "closed"),
        ("2022-11-25T18:10:00Z", "post"),
    ] {
        let snapshot = captured(sample(), at);
        let built = rows(&snapshot, &calendar(), &Drawing::default(), None, ts(at));
        assert_eq!(built.expect("rows").rows[0].market, expected, "{at}");
    }
}

#[test]
fn in_the_window_the_night_is_drawn() {
    let at = captured(sample(), IN_WINDOW);
    let built = rows(&at, &calendar(), &Drawing::default(), None, ts(IN_WINDOW)).expect("rows");
    assert_eq!(built.rows[0].levels[0], cents(3977.509494));
    assert_eq!(built.rows[0].levels[3], Some(386_500));
}

#[test]
fn the_french_numbers() {
    let mut night = captured(sample(), IN_WINDOW);
    let critical = french::critical(&night).expect("due");
    let gamma = &critical.gamma_exposure;
    assert_eq!(gamma.call_gamma, 48_279_957_692.53);
    assert_eq!(gamma.put_gamma, 66_703_791_164.10);
    assert_eq!(gamma.total_exposure, gamma.call_gamma + gamma.put_gamma);
    assert_eq!(gamma.net_gamma, gamma.call_gamma - gamma.put_gamma);
    let distance = critical.gamma_flip_level.distance_from_price.expect("a flip");
    assert!((distance - -121.2295).abs() < 5e-5, "{distance}");
    // Greatest net, whatever its sign; of equal ones the nearer first.
    assert_eq!(critical.call_put_walls.gamma_walls, [3800.0, 4100.0, 4000.0]);
    assert_eq!(critical.pin_levels.major_pin_levels, [3900.0, 3875.0, 3925.0]);
    let summary = french::summary(&night, 20.0).expect("due");
    let signals = &summary.signaux_trading;
    assert_eq!(signals.gamma_bias, "bearish");
    assert_eq!(signals.vix_signal.as_deref(), Some("high_vol"));
    assert_eq!(signals.flow_signal.as_deref(), Some("put_heavy"));
    assert_eq!(signals.dealer_signal, "short");
    // 3850 and 3875 are nearer than 20 to max pain or kept walls: 3865 loses against 3850.
    let levels = &summary.niveaux_techniques;
    assert_eq!(levels.resistance_levels, [3875.0, 3900.0, 3925.0]);
    assert_eq!(levels.support_levels, [3850.0, 3800.0, 3700.0]);
    // Without a flip all three are null, and nothing stands in for a missing VIX.
    let scope = night.analysis_overnight.as_mut().expect("night");
    scope.levels.gamma_flip.level = None;
    scope.vol.vix = None;
    scope.pcr.oi = None;
    scope.levels.gamma_pins.clear();
    let critical = french::critical(&night).expect("due");
    let flip = &critical.gamma_flip_level;
    assert!(flip.level.or(flip.significance).or(flip.distance_from_price).is_none());
    assert!(critical.pin_levels.pin_risk_score.is_none());
    let summary = french::summary(&night, 20.0).expect("due");
    let signals = &summary.signaux_trading;
    assert!(signals.vix_signal.is_none() && signals.flow_signal.is_none());
    assert!(summary.niveaux_techniques.pin_levels.is_empty(), "never padded");
}

#[test]
fn signals_at_their_edges() {
    let mut night = captured(sample(), IN_WINDOW);
    for (vix, ratio, vix_signal, flow) in [
        (25.0, 0.8, "low_vol", "balanced"),
        (25.01, 0.79, "high_vol", "call_heavy"),
        (12.0, 1.2, "low_vol", "balanced"),
        (12.0, 1.21, "low_vol", "put_heavy"),
    ] {
        let scope = night.analysis_overnight.as_mut().expect("night");
        (scope.vol.vix, scope.pcr.oi) = (Some(vix), Some(ratio));
        let signals = french::summary(&night, 20.0).expect("due").signaux_trading;
        assert_eq!(signals.vix_signal.as_deref(), Some(vix_signal));
        assert_eq!(signals.flow_signal.as_deref(), Some(flow));
    }
    for (net, bias) in [(1.0, "bullish"), (-1.0, "bearish"), (0.0, "neutral")] {
        night.analysis_overnight.as_mut().expect("night").gex.gex_total_signed = net;
        let signals = french::summary(&night, 20.0).expect("due").signaux_trading;
        assert_eq!(signals.gamma_bias, bias);
    }
}

#[test]
fn due_in_the_window_only() {
    let calendar = calendar();
    for (at, due) in [
        ("2022-07-12T19:29:59Z", false),
        ("2022-07-12T19:30:00Z", true),
        ("2022-07-12T19:44:59Z", true),
        ("2022-07-12T19:45:00Z", false),
        ("2022-11-25T17:35:00Z", true),
        ("2022-11-25T20:35:00Z", false),
        ("2022-07-16T19:35:00Z", false),
    ] {
        assert_eq!(french::due(&captured(sample(), at), &calendar).is_some(), due, "{at}");
    }
    let mut other = captured(sample(), IN_WINDOW);
    other.symbol = "NDX".to_owned();
    assert!(french::due(&other, &calendar).is_none());
    let mut bad = captured(sample(), IN_WINDOW);
    bad.sanity.status = "NO_GO".to_owned();
    assert!(french::due(&bad, &calendar).is_none() && french::critical(&bad).is_err());
}

#[test]
fn no_go_after_go_leaves_its_files() {
    let data = Data::new("nogo");
    let folders = data.live();
    put(&folders, &captured(sample(), IN_WINDOW));
    let before = contents(folders.options());
    let names: Vec<&str> = before.keys().map(String::as_str).collect();
    let expected = [
        "resume_sessions_asia_london.json",
        "sierra_levels_20220712.csv",
        "sierra_levels_20220712_v2.csv",
        "spx_niveaux_critiques_20220712_193500.json",
        "spx_snapshot_20220712_193500.json",
    ];
    assert_eq!(names, expected);
    let mut bad = captured(sample(), "2022-07-12T19:40:00Z");
    bad.sanity.status = "NO_GO".to_owned();
    let written = put(&folders, &bad);
    assert_eq!(written.files, [folders.snapshot(Underlying::Spx, ts("2022-07-12T19:40:00Z"))]);
    let mut after = contents(folders.options());
    assert!(after.remove("spx_snapshot_20220712_194000.json").is_some());
    assert_eq!(after, before);
    // The newest usable one is still the one before.
    let found = latest(folders.options(), Underlying::Spx, ts("2022-07-12T20:00:00Z"));
    let found = found.expect("read");
    assert_eq!(found.usable.expect("the GO").captured_at, IN_WINDOW);
    assert_eq!(found.newest.expect("the NO_GO").sanity.status, "NO_GO");
}

#[test]
fn ndx_has_no_french_files_and_the_alias_moves_them() {
    let data = Data::new("alias");
    let folders = Folders::new(&data.0, Mode::Live, true);
    put(&folders, &captured(ndx(), IN_WINDOW));
    assert!(!folders.french().exists());
    put(&folders, &captured(sample(), IN_WINDOW));
    assert_eq!(contents(folders.french()).len(), 2);
    assert!(folders.french().ends_with("snapshots/options_flow"));
    let found = manifest::verify(&folders, date(2022, 7, 12)).expect("manifest");
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn an_earlier_capture_leaves_the_summary() {
    let data = Data::new("summary");
    let folders = data.live();
    put(&folders, &captured(sample(), "2022-07-12T19:40:00Z"));
    let before = text(&folders.summary());
    let written = put(&folders, &captured(sample(), IN_WINDOW));
    assert_eq!(text(&folders.summary()), before);
    assert!(written.warnings.iter().any(|w| w.contains(folders::SUMMARY)));
}

#[test]
fn a_crash_before_the_rename() {
    let data = Data::new("crash");
    let folders = data.live();
    put(&folders, &sample());
    let path = folders.snapshot(Underlying::Spx, ts(ASOF));
    let before = fs::read(&path).expect("there");
    let of = |pid: u32| {
        let name = path.file_name().expect("name").to_string_lossy().into_owned();
        path.with_file_name(format!(".{name}.{pid}.part"))
    };
    // No process has this number, and process 1 always runs.
    let (dead, alive) = (of(u32::MAX), of(1));
    for temporary in [&dead, &alive] {
        fs::write(temporary, b"{ half").expect("left behind");
    }
    fs::write(folders.options().join(".other"), b"not ours").expect("written");
    let removed = folders.prepare().expect("started");
    assert!(removed.contains(&dead) && !dead.exists());
    assert_eq!(alive.exists(), Path::new("/proc/1").exists());
    assert!(folders.options().join(".other").exists());
    assert_eq!(fs::read(&path).expect("there"), before);
    assert!(latest(folders.options(), Underlying::Spx, ts(ASOF)).expect("read").usable.is_some());
}

#[test]
fn hostile_files_are_named_and_passed_over() {
    let data = Data::new("hostile");
    let folders = data.live();
    put(&folders, &sample());
    let good = fs::read(folders.snapshot(Underlying::Spx, ts(ASOF))).expect("there");
    let deep = "[".repeat(100_000);
    let contents: [&[u8]; 7] = [
        &good[..good.len() / 2],
        b"",
        b"\xff\xfe\x00",
        b"{}",
        deep.as_bytes(),
        // Whole, but the time inside is another.
        &good,
        b"{\"schema_version\":1e999}",
    ];
    for (n, content) in contents.iter().enumerate() {
        let name = format!("spx_snapshot_20220712_1600{n:02}.json");
        fs::write(folders.options().join(name), content).expect("written");
    }
    fs::create_dir_all(folders.options().join("spx_snapshot_20220712_170000.json")).expect("made");
    for name in ["spx_snapshot_x.json", "ndx_snapshot_20220712_170000.json", "spx_snapshot_.json"] {
        fs::write(folders.options().join(name), b"{}").expect("written");
    }
    let found = latest(folders.options(), Underlying::Spx, ts(IN_WINDOW)).expect("read");
    assert_eq!(found.best().map(|s| s.captured_at.as_str()), Some(ASOF));
    assert_eq!(found.skipped.len(), contents.len() + 1, "{:?}", found.skipped);
    assert!(found.skipped.iter().all(|text| text.contains("spx_snapshot_20220712_1")));
    // Nothing later than asked for, and nothing from a folder that is not there.
    let early = latest(folders.options(), Underlying::Spx, Ts(ts(ASOF).0 - MINUTE)).expect("read");
    assert_eq!(early, Latest::default());
    let none = latest(&data.0.join("nowhere"), Underlying::Spx, ts(ASOF)).expect("read");
    assert_eq!(none, Latest::default());
}

#[test]
fn a_folder_that_cannot_be_written() {
    let data = Data::new("full");
    let folders = data.live();
    put(&folders, &sample());
    let path = folders.sierra_a(date(2022, 7, 12));
    // A folder in the place of the file: fails for root too, where permissions do not.
    fs::remove_file(&path).expect("there");
    fs::create_dir(&path).expect("made");
    let written = put(&folders, &captured(sample(), IN_WINDOW));
    let name = path.display().to_string();
    assert!(written.warnings.iter().any(|w| w.contains(&name)), "{:?}", written.warnings);
    assert!(folders.summary().exists(), "the others were written");
    // A file in the place of the folder: nothing can be written, and the text names it.
    let blocked = data.0.join("blocked");
    fs::write(&blocked, b"x").expect("written");
    let error = write(
        &Folders::new(&blocked, Mode::Live, false),
        &calendar(),
        &sample(),
        &Drawing::default(),
        None,
        ts(ASOF),
    );
    assert!(format!("{:#}", error.expect_err("refused")).contains("blocked"));
    assert_eq!(fs::read(&blocked).expect("still there"), b"x");
}

#[test]
fn the_bridge_by_status() {
    let now = ts(ASOF);
    let ok = bridge(Some(&sample()), now);
    assert!(ok.ok && ok.exit_code() == 0 && !ok.live_trigger);
    assert_eq!((ok.score, ok.underlying_price), (Some(-0.854_448), Some(3856.28)));
    assert_eq!((ok.data_delay.as_str(), ok.direction.as_deref()), ("15min", Some("BEARISH")));
    let mut bad = sample();
    bad.sanity.status = "NO_GO".to_owned();
    let mut without = sample();
    without.analysis.as_mut().expect("levels").dealers_bias.dealers_bias_score = None;
    let mut forever = sample();
    forever.valid_until = None;
    use bridge::Status;
    for (snapshot, at, status) in [
        (None, ASOF, Status::NoSnapshot),
        (Some(&bad), ASOF, Status::NoGo),
        (Some(&sample()), "2022-07-12T19:29:59Z", Status::Ok),
        (Some(&sample()), "2022-07-12T19:30:00Z", Status::Stale),
        (Some(&forever), ASOF, Status::Stale),
        (Some(&sample()), "2022-07-12T15:39:59Z", Status::Stale),
        (Some(&without), ASOF, Status::Unavailable),
    ] {
        let answer = bridge(snapshot, ts(at));
        assert_eq!(answer.status, status, "{at}");
        assert_eq!(answer.exit_code(), if status == Status::Ok { 0 } else { 2 });
        if status != Status::Ok {
            let numbers = [answer.score, answer.underlying_price, answer.coverage];
            assert_eq!((answer.ok, numbers), (false, [None; 3]));
        }
    }
    let mut fast = sample();
    fast.provenance.delay_class = "realtime".to_owned();
    assert_eq!(bridge(Some(&fast), now).data_delay, "realtime");
}

#[test]
fn manifest_says_what_was_written() {
    let data = Data::new("manifest");
    let folders = data.live();
    let written = put(&folders, &captured(sample(), IN_WINDOW));
    let day = date(2022, 7, 12);
    let json: Value = serde_json::from_str(&text(&folders.manifest(day))).expect("JSON");
    let files = json["files"].as_array().expect("list");
    assert_eq!(files.len(), written.files.len());
    let of = |name: &str| files.iter().find(|f| f["file"] == name).expect("listed").clone();
    let csv = of("sierra_levels_20220712.csv");
    let path = folders.sierra_a(day);
    assert_eq!(csv["bytes"], json!(fs::metadata(&path).expect("there").len()));
    assert_eq!((&csv["records"], &csv["first_ts"]), (&json!(1), &json!(IN_WINDOW)));
    assert_eq!(manifest::verify(&folders, day).expect("manifest"), Vec::<String>::new());
    // Each differing or missing file is named; a torn manifest is begun anew.
    fs::write(&path, b"other").expect("written");
    fs::remove_file(folders.summary()).expect("there");
    assert_eq!(manifest::verify(&folders, day).expect("manifest").len(), 2);
    fs::write(folders.manifest(day), b"{").expect("written");
    assert!(manifest::verify(&folders, day).is_err());
    let written = put(&folders, &captured(sample(), "2022-07-12T19:36:00Z"));
    assert!(written.warnings.iter().any(|w| w.contains("begun anew")), "{:?}", written.warnings);
}

mod histories {
    //! Daily lines and open interest.
    use super::*;
    use crate::options::chain::{Osi, Roots, Row as Contract};
    use crate::store::options::history::{
        Daily, put_daily, read_daily, read_open_interest, write_open_interest,
    };

    fn day(n: i8) -> Daily {
        Daily::of(&sample(), date(2022, 7, n), None)
    }

    #[test]
    fn appended_replaced_read_back() {
        let data = Data::new("daily");
        let path = data.live().daily(Underlying::Spx);
        assert!(path.ends_with("snapshots/options/history/spx_daily.csv"));
        assert_eq!(read_daily(&path).expect("none yet").rows, []);
        put_daily(&path, Daily { vix_close: Some(27.29), ..day(12) }).expect("written");
        put_daily(&path, day(11)).expect("written");
        put_daily(&path, Daily { pcr_oi: None, ..day(12) }).expect("written");
        let read = read_daily(&path).expect("read");
        let expected = Daily { pcr_oi: None, vix_close: Some(27.29), ..day(12) };
        assert_eq!((read.rows, read.dropped), (vec![day(11), expected], vec![]));
        assert_eq!(
            text(&path).lines().last(),
            Some(
                "2022-07-12,1.356045,,0.03,0.241515,-17838713064.25,118680115979.67,\
                  3953.40682,3856.28,27.29"
            )
        );
    }

    #[test]
    fn torn_and_foreign_lines_are_named() {
        let data = Data::new("torn");
        let path = data.live().daily(Underlying::Spx);
        put_daily(&path, day(11)).expect("written");
        let mut bytes = fs::read(&path).expect("there");
        bytes.extend_from_slice(b"2022-07-12,a,,,,,,,,\n2022-07-12,NaN,,,,,,,,\n2022-07-13,1,2");
        fs::write(&path, &bytes).expect("written");
        let read = read_daily(&path).expect("read");
        assert_eq!(read.rows, [day(11)]);
        assert_eq!(read.dropped.len(), 3, "{:?}", read.dropped);
        assert!(read.dropped[2].contains("torn") && read.dropped[2].contains("spx_daily.csv"));
        fs::write(&path, b"date,x\n1,2\n").expect("written");
        assert!(read_daily(&path).is_err(), "another header is not overwritten");
        assert!(put_daily(&path, day(12)).is_err());
    }

    #[test]
    fn open_interest_of_a_day() {
        let data = Data::new("oi");
        let path = data.live().open_interest(Underlying::Spx, date(2022, 7, 12));
        assert!(path.ends_with("options/oi/spx_oi_20220712.csv.gz"));
        let row = |osi: &str, open_interest, volume| {
            let osi = Osi::parse(osi, &Roots::PRODUCT).expect("a ticker");
            let settle = settle(osi);
            Contract { open_interest, volume, ..Contract::new(osi, settle) }
        };
        let rows = [
            row("SPX220715C04000000", Some(0.0), None),
            row("SPXW220715P03800000", None, Some(1234.0)),
        ];
        write_open_interest(&path, &rows).expect("written");
        let read = read_open_interest(&path).expect("read");
        let got: Vec<_> = read.rows.iter().map(|r| (r.osi, r.open_interest, r.volume)).collect();
        let expected: Vec<_> = rows.iter().map(|r| (r.osi, r.open_interest, r.volume)).collect();
        assert_eq!((got, read.dropped), (expected, vec![]), "0 is a value, none is none");
        // Half of it is read as far as it goes.
        let bytes = fs::read(&path).expect("there");
        fs::write(&path, &bytes[..bytes.len() - 12]).expect("written");
        match read_open_interest(&path) {
            Ok(read) => assert!(read.dropped.iter().any(|t| t.contains("torn")), "{read:?}"),
            Err(e) => assert!(format!("{e:#}").contains("spx_oi_20220712"), "{e:#}"),
        }
        fs::write(&path, b"no gzip").expect("written");
        assert_eq!(read_open_interest(&path).expect("nothing").rows, []);
    }

    fn settle(osi: Osi) -> Ts {
        crate::options::chain::settle_ts(&calendar(), osi.root, osi.expiry)
    }
}

#[test]
fn the_archive_of_activity_reads_back() {
    use crate::options::activity::{Key, Mark, Session, State};
    use crate::options::chain::{Osi, Roots};
    use crate::store::options::activity as archive;
    let data = Data::new("activity");
    let (folders, calendar) = (data.live(), calendar());
    let key = |osi| Key::of(&Osi::parse(osi, &Roots::PRODUCT).expect("a ticker"));
    let (first, second) = (key("SPX220715C04000000"), key("SPXW220715P03800000"));
    let session = Session {
        marks: vec![
            Mark { second: 34_205, spot: 3856.28, volumes: vec![(first, 12.0)] },
            Mark { second: 57_600, spot: 3850.1, volumes: vec![(first, 90.0), (second, 1.5)] },
        ],
        oi: vec![(first, 0.0), (second, 1234.0)],
        ivs: BTreeMap::from([(3, 0.25), (81, 0.1)]),
    };
    let spx = Underlying::Spx;
    for day in 1..=8 {
        // Either side of the change of the clocks.
        let day = date(2022, 11, day);
        archive::write(&folders, spx, day, &session, &calendar).expect("written");
        let read = archive::read(&folders, spx, day, &calendar).expect("read");
        assert_eq!(read, (session.clone(), vec![]), "{day}");
    }
    let path = folders.activity(spx, date(2022, 11, 7));
    let bytes = fs::read(&path).expect("there");
    fs::write(&path, &bytes[..bytes.len() - 10]).expect("written");
    fs::write(folders.activity(spx, date(2022, 11, 6)), b"no gzip").expect("written");
    let (sessions, left_out) =
        archive::read_history(&folders, spx, date(2022, 11, 8), &calendar).expect("read");
    assert_eq!(sessions.keys().next_back(), Some(&date(2022, 11, 7)), "before the date");
    assert!(left_out.iter().any(|t| t.contains("20221107")), "{left_out:?}");
    assert!(left_out.iter().any(|t| t.contains("20221106")), "{left_out:?}");
    assert_eq!(archive::read_state(&folders, spx).expect("none yet"), State::default());
    let state = State { day: 7, volumes: vec![(first, 3.0)], ..State::default() };
    archive::write_state(&folders, spx, &state).expect("written");
    assert_eq!(archive::read_state(&folders, spx).expect("read"), state);
    fs::write(folders.activity_state(spx), b"{").expect("written");
    assert!(archive::read_state(&folders, spx).is_err());
}

#[test]
fn history_of_a_day_but_not_of_no_go() {
    use crate::options::chain::{
        Chain, DelayClass, Osi, Provenance, Roots, Row as Contract, SourceKind,
    };
    let data = Data::new("write-history");
    let (folders, calendar) = (data.live(), calendar());
    let osi = Osi::parse("SPXW220715P03800000", &Roots::PRODUCT).expect("a ticker");
    let chain = Chain {
        underlying: Underlying::Spx,
        asof: ts(IN_WINDOW),
        captured: ts(IN_WINDOW),
        print: None,
        rows: vec![Contract::new(osi, Ts(ts(IN_WINDOW).0 + MINUTE))],
        provenance: Provenance::new("cboe_csv", SourceKind::File, DelayClass::Delayed15),
    };
    let mut snapshot = captured(sample(), IN_WINDOW);
    snapshot.sanity.status = "NO_GO".to_owned();
    let written = write_history(&folders, &calendar, &snapshot, &chain, Some(26.0));
    assert_eq!(written.expect("nothing").files, Vec::<PathBuf>::new());
    snapshot.sanity.status = "CAUTION".to_owned();
    let written = write_history(&folders, &calendar, &snapshot, &chain, Some(26.0));
    assert_eq!(written.expect("written").files.len(), 2);
    let found = manifest::verify(&folders, date(2022, 7, 12)).expect("manifest");
    assert_eq!(found, Vec::<String>::new());
}

fn price() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        1 => Just(None),
        6 => (300_000_u32..450_000).prop_map(|c| Some(f64::from(c) / 100.0)),
        6 => (60_u32..90).prop_map(|k| Some(f64::from(k) * 50.0)),
    ]
}

proptest! {
    #[test]
    fn drawn_levels_keep_their_distance(
        levels in proptest::collection::vec(price(), 0..12),
        gap in 0_i64..8_000,
        most in 0_usize..9,
    ) {
        let levels: Vec<Option<i64>> = levels.iter().map(|l| l.and_then(cents)).collect();
        let kept = spaced(&levels, gap, most);
        let chosen: Vec<i64> =
            levels.iter().zip(&kept).filter(|k| *k.1).filter_map(|k| *k.0).collect();
        prop_assert!(chosen.len() <= most);
        for (n, a) in chosen.iter().enumerate() {
            for b in &chosen[n + 1..] {
                prop_assert!((a - b).abs() >= gap);
            }
        }
        // What was left out had a reason.
        for (n, level) in levels.iter().enumerate() {
            let Some(level) = level else { continue };
            let before: Vec<i64> =
                (0..n).filter(|&m| kept[m]).filter_map(|m| levels[m]).collect();
            let near = before.iter().any(|b| (b - level).abs() < gap);
            prop_assert!(kept[n] || near || before.len() >= most);
        }
    }

    #[test]
    fn rows_pass_or_are_refused(
        flip in price(), call in price(), put in price(), pain in price(), trigger in price(),
        pins in proptest::collection::vec(price(), 0..4),
        spot in 330_000_u32..430_000, basis in -5000_i32..5000,
    ) {
        let mut snapshot = with_future(sample());
        snapshot.underlying.spot = Some(f64::from(spot) / 100.0);
        snapshot.futures.get_mut("ESU2").expect("there").basis = f64::from(basis) / 37.0;
        let levels = &mut snapshot.analysis.as_mut().expect("levels").levels;
        let of = |strike: f64| Wall { strike, oi: 1.0, gex: 1.0, rank: vec![strike] };
        levels.gamma_flip.level = flip;
        levels.call_wall = call.map(of);
        levels.put_wall = put.map(of);
        levels.max_pain = pain;
        levels.vol_trigger.level = trigger;
        levels.gamma_pins = pins.iter().flatten().map(|&p| pin(p, 2.0)).collect();
        let now = ts(IN_WINDOW);
        let built = rows(&snapshot, &calendar(), &Drawing::default(), None, now).expect("rows");
        prop_assert!(built.rows.len() == 2 || !built.faults.is_empty());
        for row in &built.rows {
            prop_assert_eq!(row.faults(now), Vec::<String>::new());
            // What stands in the file says the same.
            let cells = row.cells_a();
            let number = |n: usize| cells[n].parse::<f64>().ok();
            let spot = number(2).expect("a spot");
            if let (Some(call), Some(put)) = (number(3), number(4)) {
                prop_assert!(put < call);
            }
            let mut drawn: Vec<f64> = (3..10).filter_map(number).collect();
            prop_assert!(drawn.len() <= 6);
            prop_assert!(drawn.iter().all(|l| (l / spot - 1.0).abs() <= 0.15 + 1e-12));
            drawn.sort_by(f64::total_cmp);
            prop_assert!(drawn.windows(2).all(|w| w[1] - w[0] > 20.0 - 1e-6));
            let tick = if row.symbol == "ES" { 4.0 } else { 100.0 };
            prop_assert!(drawn.iter().all(|l| (l * tick - (l * tick).round()).abs() < 1e-6));
        }
    }

    #[test]
    fn json_reads_back_bit_by_bit(
        numbers in proptest::collection::vec(
            any::<f64>().prop_filter("a number", |x| x.is_finite()), 4,
        ),
        note in "\\PC*",
    ) {
        let mut snapshot = sample();
        snapshot.underlying.spot = numbers.first().copied();
        snapshot.underlying.implied = numbers.get(1).copied();
        snapshot.provenance.age_s = numbers[2];
        snapshot.conventions.ssr = numbers[3];
        snapshot.sanity.warnings = vec![note];
        let json = snapshot_json::to_json(&snapshot).expect("JSON");
        let back: Snapshot = snapshot_json::parse(json.as_bytes()).expect("reads back");
        let bits = |x: Option<f64>| x.map(f64::to_bits);
        prop_assert_eq!(bits(back.underlying.spot), bits(numbers.first().copied()));
        prop_assert_eq!(back, snapshot);
    }
}
