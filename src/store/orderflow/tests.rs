//! Files of a small market, with and without crashes.

use std::collections::BTreeMap;

use jiff::civil::date;
use simd_json::OwnedValue;
use simd_json::prelude::*;

use super::*;
use crate::calendar::Calendar;
use crate::decision::News;
use crate::event::{Body, Event, Sequencer, flag};
use crate::features::{Features, Params, SymbolParams};
use crate::store::manifest;
use crate::store::trades::Header;
use crate::units::{Aggressor, Px, SECOND, Side, SymbolId, Ts};
use crate::volatility;
use std::sync::Arc;

/// Thursday 2026-01-15, 15:00:30 UTC: inside the cash session, half a minute into a window.
const START: i64 = 1_768_489_230;
const LEVELS: i64 = 10;

fn folder_of(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("mia-flow-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn header(mode: Mode, delay_class: &str) -> Header {
    let instrument = Instrument::from_symbol("ESH6").expect("root");
    Header {
        run: "20260115150030000".to_owned(),
        mode,
        source: "sierra".to_owned(),
        delay_class: delay_class.to_owned(),
        config_hash: "c0ffee".to_owned(),
        preset: "S4-groups".to_owned(),
        coverage_floor: 0.7,
        build: "0.1.0".to_owned(),
        news: News::default(),
        instruments: vec![instrument],
    }
}

fn writer(data: &Path, mode: Mode) -> FlowWriter {
    let calendar = Arc::new(Calendar::bundled().expect("rows"));
    FlowWriter::new(data, &header(mode, "realtime"), calendar, Plan::new(1, 5)).expect("begins")
}

/// Ten updates of the book and two trades a second, `levels` a side.
fn market(seconds: std::ops::Range<i64>, levels: i64, each: &mut dyn FnMut(&Event, &Features)) {
    let calendar = Arc::new(Calendar::bundled().expect("rows"));
    let symbol = SymbolParams::of_root("ES");
    let mut features = Features::new(&[symbol], Params::default(), calendar, &[None]);
    let mut sequencer = Sequencer::default();
    for second in seconds {
        let at = |ms: i64| Ts((START + second) * SECOND + ms * 1_000_000);
        let mut say = |ms: i64, flags: u8, body: Body| {
            let event =
                Event { seq: 0, ts: at(ms), ts_exch: at(ms), symbol: SymbolId(0), flags, body };
            let event = sequencer.stamp(event);
            features.on_event(&event);
            each(&event, &features);
        };
        let mid = 24_000 + second % 7;
        say(0, 0, Body::Clear);
        for level in 0..levels {
            let last = level + 1 == levels;
            for (side, px) in [(Side::Bid, mid - 1 - level), (Side::Ask, mid + 1 + level)] {
                let ends = last && side == Side::Ask;
                let flags = if ends { flag::BATCH_END } else { 0 };
                let (px, qty) = (Px::clamped(px), 10 + u32::try_from(level).expect("small"));
                say(1, flags, Body::Depth { side, px, qty, orders: 3 });
            }
        }
        let trade =
            |aggressor, qty| Body::Trade { px: Px::clamped(mid), qty, aggressor, unbundled: 0 };
        say(500, 0, trade(Aggressor::Buy, 5));
        say(600, 0, trade(Aggressor::Sell, 2));
    }
}

/// Writes the market of `seconds`.
fn write(writer: &mut FlowWriter, seconds: std::ops::Range<i64>) {
    let mut sampler = Sampler::new(SECOND);
    market(seconds, LEVELS, &mut |event, features| {
        if let Some(shot) = sampler.take(event, features) {
            writer.write(&shot).expect("written");
        }
    });
}

fn vix(value: f64, ts: Ts) -> volatility::Part {
    use crate::volatility::analyzer::{Analyzer, Index, Params};
    use crate::volatility::closes::Closes;
    let calendar = Calendar::bundled().expect("rows");
    let mut analyzer = Analyzer::new(Params::default(), Closes::EMPTY);
    let quote = volatility::Quote::new(value, ts, volatility::Source::Scid);
    let _ = analyzer.observe(Index::Vix, quote, ts, &calendar);
    analyzer.part(ts, &calendar)
}

/// Every file below `folder` by its path, hidden ones too but for the lock.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).expect("folder") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                open.push(path);
            } else if !path.ends_with(".lock") {
                let name = path.strip_prefix(folder).expect("inside").display().to_string();
                found.insert(name.replace('\\', "/"), std::fs::read(&path).expect("readable"));
            }
        }
    }
    found
}

fn array(content: &[u8]) -> Vec<OwnedValue> {
    let value = simd_json::to_owned_value(&mut content.to_vec()).expect("JSON");
    value.into_array().expect("an array").into_iter().collect()
}

/// Two versions of one instant: the line waits its time, the snapshots say what holds.
#[test]
fn snapshots_carry_the_newest_vix() {
    let data = folder_of("newest-vix");
    let mut flow = writer(&data, Mode::Paper);
    for value in [18.5, 31.0] {
        let part = vix(value, Ts((START - 40) * SECOND));
        flow.adopt(Some(&part), Ts(START * SECOND)).expect("taken");
    }
    write(&mut flow, 0..3);
    flow.finish().expect("finished");
    let found = files(&folder(&data, Mode::Paper));
    let ticks = found.iter().find(|(name, _)| name.contains("tick_data")).expect("ticks").1;
    let text = String::from_utf8(ticks.clone()).expect("UTF-8");
    assert!(text.contains("31.0") && !text.contains("18.5"), "{text}");
    let lines = array(&found["vix_data_20260115.json"]);
    assert_eq!(lines.len(), 1);
}

#[test]
fn names_keys_and_windows() {
    let data = folder_of("names");
    let mut flow = writer(&data, Mode::Paper);
    flow.adopt(Some(&vix(18.5, Ts((START - 40) * SECOND))), Ts(START * SECOND)).expect("taken");
    // Half a minute past 15:00: the first window has 270 seconds, the second 60.
    write(&mut flow, 0..330);
    let written = flow.finish().expect("finished");
    assert_eq!(written.warnings, Vec::<String>::new());
    let root = folder(&data, Mode::Paper);
    assert_eq!(root, data.join("paper/snapshots/orderflow"));
    let found = files(&root);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    let day = "es_orderflow_20260115";
    let expected = [
        format!("{day}/es_dom_150030.json"),
        format!("{day}/es_dom_150500.json"),
        format!("{day}/es_patterns_150030.json"),
        format!("{day}/es_patterns_150500.json"),
        format!("{day}/es_tick_data_150030.json"),
        format!("{day}/es_tick_data_150500.json"),
        "manifest_orderflow_20260115.json".to_owned(),
        "vix_data_20260115.json".to_owned(),
    ];
    assert_eq!(names, expected);
    assert_eq!(array(&found[&expected[4]]).len(), 270);
    assert_eq!(array(&found[&expected[5]]).len(), 60);
    assert_eq!(array(&found[&expected[0]]).len(), 270);
    assert!(array(&found[&expected[2]]).len() < 60, "patterns only where they change");

    let record = array(&found[&expected[4]]).swap_remove(1);
    let keys: Vec<&str> = record.as_object().expect("object").keys().map(String::as_str).collect();
    for key in [
        "orderflow",
        "volatility",
        "timestamp",
        "source",
        "schema",
        "schema_version",
        "record_id",
        "record_type",
        "ts_event",
        "ts_capture",
        "seq",
        "delay_class",
        "mode",
        "symbol",
        "contract",
        "trade_date",
        "config_hash",
        "feature_schema_hash",
        "preset",
        "build",
        "completeness",
    ] {
        assert!(keys.contains(&key), "{key} of {keys:?}");
    }
    let text = |value: &OwnedValue, key: &str| value[key].as_str().unwrap_or("-").to_owned();
    assert_eq!(text(&record, "timestamp"), "2026-01-15T15:00:31.001000000Z");
    assert_eq!(text(&record, "record_type"), "TICK_DATA");
    assert_eq!((text(&record, "symbol"), text(&record, "contract")), ("ES".into(), "ESH6".into()));
    assert_eq!((text(&record, "source"), text(&record, "mode")), ("sierra".into(), "paper".into()));
    assert_eq!(text(&record, "trade_date"), "2026-01-15");
    let flow = &record["orderflow"];
    assert_eq!(flow["bid"].as_f64(), Some(6000.0));
    assert_eq!(flow["ask"].as_f64(), Some(6000.5));
    assert_eq!(flow["last"].as_f64(), Some(6000.0));
    assert_eq!(flow["interval"]["volume"].as_u64(), Some(7));
    assert_eq!(flow["interval"]["delta"].as_i64(), Some(3));
    assert!(flow["features"]["battle_navale_score"].is_null());
    assert_eq!(text(&record["missing"], "orderflow.features.battle_navale_score"), "WARMUP");
    let volatility = &record["volatility"];
    assert_eq!(
        (text(volatility, "source"), volatility["vix"].as_f64()),
        ("scid".into(), Some(18.5))
    );
    assert_eq!(text(volatility, "time"), "2026-01-15T14:59:50.000000000Z");
    assert_eq!(volatility["age_s"].as_f64(), Some(41.001), "its own age, not that of the record");

    let dom = array(&found[&expected[0]]).swap_remove(0);
    assert_eq!(dom["orderflow"]["bids"].as_array().expect("bids").len(), 10);
    assert_eq!(dom["orderflow"]["bids"][0]["size"].as_u64(), Some(10));
    assert_eq!(dom["orderflow"]["imbalance_l5"].as_f64(), Some(0.0));
    let vix = array(&found["vix_data_20260115.json"]).swap_remove(0);
    assert_eq!((text(&vix, "symbol"), text(&vix, "source")), ("VIX".into(), "scid".into()));
    assert!(vix["orderflow"].is_null());

    let (looked, wrong) = manifest::verify_all(&root).expect("manifest");
    assert_eq!((looked, wrong), (7, Vec::<String>::new()));
    std::fs::write(root.join(&expected[0]), "[]\n").expect("changed");
    assert_eq!(manifest::verify_all(&root).expect("manifest").1.len(), 1);
    std::fs::remove_dir_all(data).expect("clean up");
}

#[test]
fn at_most_one_record_a_second_and_never_inside_a_batch() {
    let mut sampler = Sampler::new(SECOND);
    let (mut shots, mut seconds) = (0, Vec::new());
    market(0..20, LEVELS, &mut |event, features| {
        if let Some(shot) = sampler.take(event, features) {
            shots += 1;
            seconds.push(event.ts.second());
            assert_eq!((shot.bids.levels().len(), shot.asks.levels().len()), (10, 10));
            assert!(shot.frame.event.seq == event.seq);
        }
    });
    assert_eq!(shots, 20);
    seconds.dedup();
    assert_eq!(seconds.len(), 20);
}

/// A run that dies at any byte leaves parts; the next start makes whole files of whole lines.
#[test]
fn a_torn_part_is_finished_at_the_next_start() {
    let data = folder_of("torn");
    let mut flow = writer(&data, Mode::Live);
    write(&mut flow, 0..9);
    let root = folder(&data, Mode::Live);
    assert_eq!(root, data.join("snapshots/orderflow"));
    let left = files(&root);
    let (name, content) = left.first_key_value().expect("one part");
    assert_eq!(left.len(), 1, "no array before its window is over");
    // What another process with a number that nobody has would have left.
    let dead = name.replace(&format!(".{}.", std::process::id()), ".4294967295.");
    drop(flow);
    std::fs::remove_file(root.join(name)).expect("ours");
    let lines: Vec<usize> =
        content.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1).collect();
    assert_eq!(lines.len(), 9);
    for cut in [0, 1, lines[0] - 1, lines[0], lines[4] + 100, content.len() - 1, content.len()] {
        let day = root.join("es_orderflow_20260115");
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(&day).expect("folder");
        std::fs::write(root.join(&dead), &content[..cut]).expect("torn");
        // An array that was being written when it died.
        std::fs::write(day.join(".es_dom_150030.json.4294967295.part"), "[").expect("half");
        let again = writer(&data, Mode::Live);
        let said = |what: &str| again.written().warnings.iter().any(|text| text.contains(what));
        assert!(said("did not finish it"), "{cut}");
        assert_eq!(said("torn last line"), cut > 0 && !lines.contains(&cut), "{cut}");
        drop(again);
        let whole = lines.iter().filter(|end| **end <= cut).count();
        let found = files(&root);
        assert!(found.keys().all(|name| !name.contains("/.")), "{:?}", found.keys());
        let ticks = found.get("es_orderflow_20260115/es_tick_data_150030.json");
        assert_eq!(ticks.map_or(0, |content| array(content).len()), whole, "{cut}");
        let (looked, wrong) = manifest::verify_all(&root).expect("manifest");
        assert_eq!((looked, wrong.len()), (if whole > 0 { 3 } else { 0 }, 0));
        // It died between array and manifest, or after it: the part is finished once more.
        std::fs::write(root.join(&dead), &content[..cut]).expect("torn");
        drop(writer(&data, Mode::Live));
        assert_eq!(files(&root), found, "and nothing is there twice");
    }
    std::fs::remove_dir_all(data).expect("clean up");
}

/// A second run that begins in the same second adds to the file; a replay makes it anew.
#[test]
fn files_are_joined_or_made_anew() {
    let data = folder_of("joined");
    for (mode, records) in [(Mode::Paper, 12), (Mode::Replay, 6)] {
        for run in ["20260115150030000", "20260115150031000"] {
            let calendar = Arc::new(Calendar::bundled().expect("rows"));
            let header = Header { run: run.to_owned(), ..header(mode, "realtime") };
            let mut flow =
                FlowWriter::new(&data, &header, calendar, Plan::new(1, 5)).expect("begins");
            write(&mut flow, 0..6);
            flow.finish().expect("finished");
        }
        let found = files(&folder(&data, mode));
        let ticks = &found["es_orderflow_20260115/es_tick_data_150030.json"];
        assert_eq!(array(ticks).len(), records, "{mode:?}");
    }
    std::fs::remove_dir_all(data).expect("clean up");
}

#[test]
fn a_thin_book_is_said() {
    let data = folder_of("thin");
    let mut flow = writer(&data, Mode::Paper);
    let mut sampler = Sampler::new(SECOND);
    market(0..3, 4, &mut |event, features| {
        if let Some(shot) = sampler.take(event, features) {
            flow.write(&shot).expect("written");
        }
    });
    let written = flow.finish().expect("finished");
    assert_eq!(written.warnings.len(), 2, "{:?}", written.warnings);
    let found = files(&folder(&data, Mode::Paper));
    let dom = array(&found["es_orderflow_20260115/es_dom_150030.json"]).swap_remove(2);
    assert_eq!(dom["completeness"].as_f64(), Some(0.8), "4 of 5 levels a side");
    assert_eq!(dom["flags"].encode(), r#"["DOM_BELOW_5","INCOMPLETE"]"#);
    assert!(dom["orderflow"]["imbalance_l5"].is_null());
    assert_eq!(dom["missing"]["orderflow.bids[4].price"].as_str(), Some("NO_INPUT"));
    std::fs::remove_dir_all(data).expect("clean up");
}

#[test]
fn simulated_data_never_go_under_the_real_tree() {
    let data = folder_of("simulated");
    let calendar = Arc::new(Calendar::bundled().expect("rows"));
    let begin = |mode| {
        FlowWriter::new(&data, &header(mode, "simulated"), calendar.clone(), Plan::new(1, 5))
    };
    let error = begin(Mode::Live).expect_err("refused").to_string();
    assert!(error.contains("simulated"), "{error}");
    assert!(!data.exists());
    let first = begin(Mode::Paper).expect("its own tree");
    let error = begin(Mode::Paper).expect_err("one writes it").to_string();
    assert!(error.contains("another run"), "{error}");
    drop(first);
    drop(begin(Mode::Paper).expect("free again"));
    assert!(!data.join("snapshots").exists());
    std::fs::remove_dir_all(data).expect("clean up");
}

#[test]
fn names_are_a_contract() {
    let day = date(2026, 1, 14);
    assert_eq!(day_folder("nq", day), "nq_orderflow_20260114");
    assert_eq!(vix_file(day), "vix_data_20260114.json");
    assert_eq!(manifest::name("orderflow", day), "manifest_orderflow_20260114.json");
    let names = ["ESH6", "NQH6.CME", "ESM6", "BTC-USD", "esm6"];
    let of = |name: &&str| Instrument::with_tick(name, 0.25).expect("tick");
    let instruments: Vec<Instrument> = names.iter().map(of).collect();
    assert_eq!(prefixes(&instruments), ["es", "nq", "esm6", "btcusd", "symbol4"]);
}
