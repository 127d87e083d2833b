//! A synthetic day through the writer and back.

use std::path::{Path, PathBuf};

use super::super::read::{self, trading_days};
use super::super::synthetic::{OPEN, calendar, day, header, stamp};
use super::super::{ml, performance_file};
use super::*;
use crate::units::MINUTE;

const COUNT: usize = 40;
const END: Stamp = Stamp {
    seq: 9_999,
    ts: Ts(OPEN.0 + 400 * MINUTE),
    market_time: Ts(OPEN.0 + 400 * MINUTE),
    symbol: crate::units::SymbolId(0),
};

fn data(name: &str) -> PathBuf {
    let data = std::env::temp_dir().join(format!("mia-trades-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&data);
    std::fs::create_dir_all(&data).expect("folder");
    data
}

fn run(data: &Path, mode: Mode, delay: &str) -> Written {
    let mut writer =
        TradeWriter::new(data, header(mode, delay), calendar(), OPEN).expect("a writer");
    for note in day(COUNT) {
        writer.write(&note).expect("written");
    }
    writer.finish(END).expect("finished")
}

fn lines(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn of<'a>(all: &'a [serde_json::Value], kind: &str) -> Vec<&'a serde_json::Value> {
    all.iter().filter(|line| line["record_type"] == kind).collect()
}

const HEADER: [&str; 17] = [
    "schema",
    "schema_version",
    "record_id",
    "record_type",
    "ts_event",
    "ts_capture",
    "seq",
    "source",
    "delay_class",
    "mode",
    "symbol",
    "contract",
    "trade_date",
    "config_hash",
    "feature_schema_hash",
    "preset",
    "build",
];

#[test]
fn every_note_has_its_records() {
    let data = data("every");
    let written = run(&data, Mode::Paper, "realtime");
    assert_eq!(written.trades, COUNT as u64);
    // Some trades of the day end without a known mid.
    let (present, all) = (written.needed - written.lacking, written.needed);
    let name = "trades_20260114.json";
    let said = format!("{name}: {present} of {all} cells have a value, 100 % are needed");
    assert_eq!(written.warnings, [said]);
    let folder = folder(&data, Mode::Paper);
    let all = lines(&folder.join("trades_20260114.json"));
    assert_eq!(all.len() as u64, written.records);
    let decisions = COUNT + COUNT.div_ceil(3);
    for (kind, count) in [
        ("PRE_ANALYSIS", decisions),
        ("MICROSTRUCTURE", decisions),
        ("DECISION", decisions),
        // Each execution and its correction.
        ("EXECUTION", 4 * COUNT),
        ("POSITION_UPDATE", 2 * COUNT),
        ("CORRELATION_UPDATE", 2 * COUNT),
        ("FINAL_RESULT", COUNT),
        ("POST_TRADE_ANALYSIS", COUNT),
    ] {
        assert_eq!(of(&all, kind).len(), count, "{kind}");
    }
    let mut ids: Vec<&str> = all.iter().map(|l| l["record_id"].as_str().expect("id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all.len(), "ids are unique");
    for line in &all {
        for field in HEADER {
            assert!(!line[field].is_null(), "{field}: {line}");
        }
        assert_eq!(line["trade_date"], "2026-01-14");
        assert!(line["ts_event"].as_str().is_some_and(|t| t.ends_with('Z')));
    }
    std::fs::remove_dir_all(data).expect("clean up");
}

fn schema() -> jsonschema::Validator {
    let schema = include_str!("schemas/trades-1.json");
    let schema = serde_json::from_str(schema).expect("a schema");
    jsonschema::validator_for(&schema).expect("compiles")
}

/// The schema takes what is written, and nothing that lacks a field, has one more or a wrong one.
#[test]
fn records_fit_their_schema() {
    let data = data("schema");
    run(&data, Mode::Paper, "realtime");
    let all = lines(&folder(&data, Mode::Paper).join("trades_20260114.json"));
    let schema = schema();
    for line in &all {
        let error = schema.iter_errors(line).next().map(|e| e.to_string());
        assert_eq!(error, None, "{line}");
    }
    let mut kinds: Vec<&str> = all.iter().filter_map(|l| l["record_type"].as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), 8);
    for kind in kinds {
        let good = of(&all, kind)[0];
        for (name, value) in good.as_object().expect("a record") {
            let with = |change: &dyn Fn(&mut serde_json::Map<String, serde_json::Value>)| {
                let mut other = good.clone();
                change(other.as_object_mut().expect("a record"));
                schema.is_valid(&other)
            };
            let optional = name == "corrects";
            assert!(optional || !with(&|line| _ = line.remove(name)), "{kind} without {name}");
            let wrong = serde_json::json!({ "no": "such thing" });
            assert!(!with(&|line| _ = line.insert(name.clone(), wrong.clone())), "{kind} {name}");
            let Some(fields) = value.as_object().filter(|_| name != "missing") else { continue };
            let within = |change: &dyn Fn(&mut serde_json::Map<String, serde_json::Value>)| {
                with(&|line| change(line[name].as_object_mut().expect("a group")))
            };
            assert!(!within(&|group| _ = group.insert("more".into(), 1.into())), "{kind} {name}");
            for field in fields.keys() {
                let bad = within(&|group| _ = group.insert(field.clone(), wrong.clone()));
                assert!(!bad, "{kind} {name}.{field}");
                let optional = name == "entry" && field != "trade_id";
                let gone = within(&|group| _ = group.remove(field));
                assert!(optional || !gone, "{kind} without {name}.{field}");
            }
        }
        let mut other = good.clone();
        other["more"] = 1.into();
        assert!(!schema.is_valid(&other), "{kind} with more");
    }
    std::fs::remove_dir_all(data).expect("clean up");
}

/// On a live run an execution and its order have the server's ids once they are known, and on paper
/// the numbers of our own exchange.
#[test]
fn servers_name_orders() {
    let data = data("server");
    let mut writer =
        TradeWriter::new(&data, header(Mode::Live, "realtime"), calendar(), OPEN).expect("one");
    let notes = day(1);
    let first = notes.iter().find_map(|n| if let Note::Fill(f) = n { Some(*f) } else { None });
    let first = first.expect("a fill");
    writer.named(first.id, "4711".to_owned());
    writer.executed(first.execution, "E-17/a".to_owned());
    notes.iter().for_each(|note| writer.write(note).expect("written"));
    writer.finish(END).expect("finished");
    let all = lines(&folder(&data, Mode::Live).join("trades_20260114.json"));
    let ids: Vec<&serde_json::Value> =
        of(&all, "EXECUTION").into_iter().map(|line| &line["execution"]["server_id"]).collect();
    assert_eq!(ids.len(), 4);
    assert_eq!((ids[0], ids[1]), (&"4711".into(), &"4711".into()), "and in the correction");
    let unnamed = of(&all, "EXECUTION")[2];
    assert_eq!(unnamed["missing"]["execution.server_id"], "NO_INPUT");
    let texts: Vec<&serde_json::Value> =
        of(&all, "EXECUTION").into_iter().map(|line| &line["execution"]["execution_id"]).collect();
    assert_eq!(texts[..2], [&"E-17/a".into(), &"E-17/a".into()] as [&serde_json::Value; 2]);
    assert_eq!(unnamed["missing"]["execution.execution_id"], "NO_INPUT");
    assert!(unnamed["flags"].as_array().is_some_and(|flags| flags.contains(&"INCOMPLETE".into())));
    run(&data, Mode::Paper, "realtime");
    let all = lines(&folder(&data, Mode::Paper).join("trades_20260114.json"));
    assert_eq!(of(&all, "EXECUTION")[0]["execution"]["execution_id"], "0000000000000001");
    std::fs::remove_dir_all(data).expect("clean up");
}

/// Every null has its reason, and every reason its null.
#[test]
fn nulls_say_why() {
    let data = data("nulls");
    run(&data, Mode::Paper, "realtime");
    let all = lines(&folder(&data, Mode::Paper).join("trades_20260114.json"));
    let mut nulls = 0;
    for line in &all {
        let missing = line["missing"].as_object().expect("reasons");
        let mut found = Vec::new();
        for (group, fields) in line.as_object().expect("a record") {
            let Some(fields) = fields.as_object().filter(|_| group != "missing") else { continue };
            let empty = fields.iter().filter(|(_, value)| value.is_null());
            found.extend(empty.map(|(name, _)| format!("{group}.{name}")));
        }
        found.sort();
        let mut said: Vec<&String> = missing.keys().collect();
        said.sort();
        assert!(found.iter().eq(said.iter().copied()), "{line}");
        nulls += found.len();
    }
    assert!(nulls > 100, "the day has gaps");
    let decision = of(&all, "DECISION");
    let first = decision.first().expect("a decision");
    let reasons = first["signal"]["feature_reasons"].as_array().expect("reasons");
    let values = first["signal"]["features"].as_array().expect("values");
    for (reason, value) in reasons.iter().zip(values) {
        assert_eq!(reason == "PRESENT", !value.is_null());
    }
    std::fs::remove_dir_all(data).expect("clean up");
}

#[test]
fn an_execution_is_corrected_not_edited() {
    let data = data("corrected");
    run(&data, Mode::Paper, "realtime");
    let all = lines(&folder(&data, Mode::Paper).join("trades_20260114.json"));
    let executions = of(&all, "EXECUTION");
    let (first, late): (Vec<&serde_json::Value>, Vec<&serde_json::Value>) =
        executions.into_iter().partition(|e| e["corrects"].is_null());
    assert_eq!((first.len(), late.len()), (2 * COUNT, 2 * COUNT));
    for (old, new) in first.iter().zip(&late) {
        assert_eq!(old["record_id"], new["corrects"]);
        assert!(old["execution"]["market_impact_1s_ticks"].is_null());
        assert!(new["execution"]["market_impact_1s_ticks"].is_f64());
        assert_eq!(old["execution"]["execution_id"], new["execution"]["execution_id"]);
    }
    let result = of(&all, "FINAL_RESULT");
    let fills = result.first().expect("a result")["result"]["fill_ids"].as_array().expect("ids");
    assert_eq!(fills.len(), 2);
    assert!(fills.iter().all(|id| first.iter().any(|e| e["record_id"] == *id)));
    std::fs::remove_dir_all(data).expect("clean up");
}

/// Slippage says what it is measured against, and carries no other mid.
#[test]
fn slippage_has_its_reference() {
    let data = data("slippage");
    run(&data, Mode::Paper, "realtime");
    let all = lines(&folder(&data, Mode::Paper).join("trades_20260114.json"));
    let mut seen = BTreeMap::<String, u32>::new();
    for line in of(&all, "EXECUTION") {
        let of = &line["execution"];
        let number = |name: &str| of[name].as_f64();
        let sign = if of["side"] == "BUY" { 1.0 } else { -1.0 };
        let tick = 0.25;
        let (fill, meant) = (number("fill_price"), number("reference_price").expect("known"));
        let slippage = sign * (fill.expect("a price") - meant) / tick;
        assert!((slippage - number("slippage_ticks").expect("known")).abs() < 1e-9, "{of}");
        let role = of["role"].as_str().expect("a role");
        let (reference, mid) = match role {
            "STOP" => ("STOP_PRICE", None),
            "TARGET" => ("LIMIT_PRICE", None),
            _ => ("DECISION_MID", Some(meant)),
        };
        assert_eq!((&of["slippage_reference"], number("decision_mid")), (&reference.into(), mid));
        *seen.entry(role.to_owned()).or_default() += 1;
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
    std::fs::remove_dir_all(data).expect("clean up");
}

#[test]
fn a_report_says_what_the_notes_said() {
    let data = data("report");
    run(&data, Mode::Paper, "realtime");
    let folder = folder(&data, Mode::Paper);
    let loaded = read::load(&read::files(&folder).expect("files")).expect("loaded");
    assert_eq!(loaded.warnings, Vec::<String>::new());
    let sample = loaded.samples.values().next().expect("a sample");
    assert_eq!((&*sample.kind.mode, &*sample.kind.preset), ("paper", "spec"));
    assert_eq!(sample.vetoes.get("RR"), Some(&(COUNT.div_ceil(3) as u64)));
    let days = trading_days(&calendar(), sample.first, sample.last);
    let report = sample.report(days, Vec::new()).expect("a report");
    let closed: Vec<Closed> = day(COUNT)
        .into_iter()
        .filter_map(|note| if let Note::Trade(closed) = note { Some(closed) } else { None })
        .collect();
    let net: f64 = closed.iter().filter_map(Closed::net_usd).sum();
    assert!((report.summary.net_usd - net).abs() < 1e-6);
    let rs: f64 = closed.iter().filter_map(Closed::r).sum();
    assert!((report.summary.net_r - rs).abs() < 1e-9);
    assert_eq!(report.summary.trades, COUNT as u64);
    assert!(report.summary.flats > 0, "trades at their entry are flat");
    // Every execution was corrected once and counts once.
    let ack = report.costs.send_to_ack_ms.expect("times");
    assert_eq!((ack.n, ack.p50), (2 * COUNT as u64, 12.0));
    assert_eq!(report.costs.fill_ratio, Some(1.0));
    assert_eq!(report.costs.impact_ticks, Some(0.0));
    assert!(report.costs.slippage_unknown > 0 && report.costs.shortfall_usd.is_none());
    std::fs::remove_dir_all(data).expect("clean up");
}

#[test]
fn rows_for_learning() {
    let data = data("ml");
    run(&data, Mode::Paper, "realtime");
    let path = folder(&data, Mode::Paper).join("ml_features_20260114.csv");
    ml::check(&path).expect("columns");
    let text = std::fs::read_to_string(&path).expect("rows");
    assert_eq!(text.lines().count(), COUNT + 1);
    let row: Vec<&str> = text.lines().nth(1).expect("a row").split(',').collect();
    assert_eq!(row.len(), 47);
    assert_eq!(row.first().copied(), Some("mia-20260114-0000000001"));
    assert_eq!(row.get(1).copied(), Some("2026-01-14T14:30:00.000000000Z"));
    assert_eq!(row.get(5).copied(), Some(""), "feature 1 has no value");
    assert_ne!(row.get(7).copied(), Some(""));
    assert_eq!(row.get(43..46), Some(&["TP", "2.455", "1"][..]));
    let flat = text.lines().nth(6).expect("a flat trade").split(',').nth(45);
    assert_eq!(flat, Some(""), "neither won nor lost");
    // And back from Parquet.
    let file = std::fs::File::open(path.with_extension("parquet")).expect("there");
    let reader = parquet::file::reader::SerializedFileReader::new(file).expect("Parquet");
    use parquet::file::reader::FileReader as _;
    let fields = reader.metadata().file_metadata().schema().get_fields().to_vec();
    let names: Vec<String> = fields.iter().map(|f| f.name().to_owned()).collect();
    assert_eq!(names, ml::columns());
    let rows: Vec<_> = reader.get_row_iter(None).expect("rows").map(|r| r.expect("row")).collect();
    assert_eq!(rows.len(), COUNT);
    let first: Vec<String> =
        rows.first().expect("a row").get_column_iter().map(|(_, f)| f.to_string()).collect();
    assert_eq!(first.get(5).map(String::as_str), Some("null"));
    assert_eq!(first.get(44).map(String::as_str), Some("2.455"));
    std::fs::remove_dir_all(data).expect("clean up");
}

/// A line cut anywhere by a crash costs that line alone, and the next run writes on.
#[test]
fn a_crash_costs_the_last_line_at_most() {
    let data = data("crash");
    run(&data, Mode::Paper, "realtime");
    let path = folder(&data, Mode::Paper).join("trades_20260114.json");
    let whole = std::fs::read(&path).expect("bytes");
    let cut = whole.len() - 37;
    std::fs::write(&path, whole.get(..cut).expect("shorter")).expect("cut");
    let torn = read::load(std::slice::from_ref(&path)).expect("loaded");
    assert!(torn.warnings.iter().any(|w| w.contains("torn")), "{:?}", torn.warnings);
    let mut second = header(Mode::Paper, "realtime");
    second.run = "second".to_owned();
    let mut writer = TradeWriter::new(&data, second, calendar(), OPEN).expect("a writer");
    let note = day(1).into_iter().next().expect("a decision");
    writer.write(&note).expect("written");
    let written = writer.finish(END).expect("finished");
    assert!(written.warnings.iter().any(|w| w.contains("torn last line")), "{written:?}");
    let loaded = read::load(&[path]).expect("loaded");
    assert_eq!(loaded.warnings, Vec::<String>::new());
    assert_eq!(loaded.trades(), COUNT as u64);
    std::fs::remove_dir_all(data).expect("clean up");
}

#[test]
fn simulated_inputs_give_no_performance() {
    let data = data("simulated");
    run(&data, Mode::Replay, "simulated");
    let at = folder(&data, Mode::Replay);
    let date = jiff::civil::date(2026, 1, 14);
    assert!(at.join("trades_20260114.json").is_file());
    assert!(!at.join(performance_file(date)).exists());
    let refused = TradeWriter::new(&data, header(Mode::Live, "simulated"), calendar(), OPEN);
    assert!(refused.is_err(), "never under the real tree");
    run(&data, Mode::Paper, "realtime");
    assert!(folder(&data, Mode::Paper).join(performance_file(date)).is_file());
    std::fs::remove_dir_all(data).expect("clean up");
}

/// A second run that would write the same folder does not begin.
#[test]
fn one_run_writes_a_folder() {
    let data = data("one");
    let new = |mode| TradeWriter::new(&data, header(mode, "realtime"), calendar(), OPEN);
    let first = new(Mode::Paper).expect("a writer");
    let error = new(Mode::Paper).expect_err("taken").to_string();
    assert!(error.contains("another run") && error.contains("paper"), "{error}");
    drop(new(Mode::Live).expect("another tree"));
    drop(first);
    drop(new(Mode::Paper).expect("free again"));
    std::fs::remove_dir_all(data).expect("clean up");
}

/// A day that a crash left open is closed by the next run, and closing twice changes nothing.
#[test]
fn a_day_is_closed_once_it_is_over() {
    let data = data("closed");
    let calendar = calendar();
    let mut writer =
        TradeWriter::new(&data, header(Mode::Paper, "realtime"), Arc::clone(&calendar), OPEN)
            .expect("a writer");
    for note in day(5) {
        writer.write(&note).expect("written");
    }
    writer.sync().expect("on disk");
    drop(writer);
    let at = folder(&data, Mode::Paper);
    let date = jiff::civil::date(2026, 1, 14);
    assert!(!at.join(performance_file(date)).exists());
    let same =
        TradeWriter::new(&data, header(Mode::Paper, "realtime"), Arc::clone(&calendar), OPEN);
    assert!(same.expect("a writer").written().warnings.is_empty(), "the day is not over");
    let next = Ts(OPEN.0 + 24 * 60 * MINUTE);
    let later = TradeWriter::new(&data, header(Mode::Paper, "realtime"), calendar, next);
    let warnings = later.expect("a writer").written().warnings.clone();
    assert!(warnings.iter().any(|w| w.contains("closed late")), "{warnings:?}");
    let names = [
        "performance_daily_20260114.json",
        "ml_features_20260114.parquet",
        "manifest_trades_20260114.json",
    ];
    let read = || names.map(|name| std::fs::read(at.join(name)).expect(name));
    let first = read();
    close_day(&at, date, &super::super::synthetic::calendar()).expect("again");
    assert_eq!(first, read());
    let manifest: serde_json::Value = serde_json::from_slice(&first[2]).expect("JSON");
    for entry in manifest["files"].as_array().expect("files") {
        let file = at.join(entry["file"].as_str().expect("name"));
        let content = std::fs::read(file).expect("content");
        let sha = crate::store::options::manifest::sha256(&content);
        assert_eq!(entry["sha256"], sha.as_str());
        assert_eq!(entry["bytes"], content.len());
    }
    std::fs::remove_dir_all(data).expect("clean up");
}

#[test]
fn lines_are_on_disk_within_a_second() {
    let data = data("sync");
    let mut writer =
        TradeWriter::new(&data, header(Mode::Paper, "realtime"), calendar(), OPEN).expect("one");
    let notes = day(1);
    writer.write(notes.first().expect("a note")).expect("written");
    assert!(writer.waits_since.is_some());
    writer.beat(Ts(OPEN.0 + SECOND / 4)).expect("waits");
    assert!(writer.waits_since.is_some());
    writer.beat(Ts(OPEN.0 + SECOND / 2)).expect("synced");
    assert_eq!(writer.waits_since, None);
    // Without beats the notes' own times bound it.
    for note in &notes {
        writer.write(note).expect("written");
    }
    assert!(writer.waits_since.is_some_and(|at| at.0 > OPEN.0 + SECOND / 2));
    std::fs::remove_dir_all(data).expect("clean up");
}

/// The next trade date begins its own files; what comes late goes into the newest.
#[test]
fn files_follow_the_trade_date() {
    let data = data("dates");
    let mut writer =
        TradeWriter::new(&data, header(Mode::Paper, "realtime"), calendar(), OPEN).expect("one");
    let notes = day(1);
    let Some(Note::Decision(decided)) = notes.first().copied() else { panic!("a decision") };
    // 18:30 New York belongs to the next trade date.
    for hours in [0, 9, 7] {
        let at = stamp(1, hours * 60 * MINUTE, 0);
        writer.write(&Note::Decision(Decided { at, ..decided })).expect("written");
    }
    writer.finish(END).expect("finished");
    let at = folder(&data, Mode::Paper);
    assert_eq!(lines(&at.join("trades_20260114.json")).len(), 3);
    let next = lines(&at.join("trades_20260115.json"));
    assert_eq!(next.len(), 6);
    assert_eq!(next.last().expect("late")["trade_date"], "2026-01-14");
    std::fs::remove_dir_all(data).expect("clean up");
}

/// What no decision opened, and what never happened, teaches nothing.
#[test]
fn no_rows_without_a_decision_or_a_market() {
    let rows = |data: &Path, mode: Mode| {
        let path = folder(data, mode).join("ml_features_20260114.csv");
        std::fs::read_to_string(path).expect("rows").lines().count() - 1
    };
    let data = data("no-rows");
    run(&data, Mode::Replay, "simulated");
    assert_eq!(rows(&data, Mode::Replay), 0);
    let head = header(Mode::Paper, "realtime");
    let mut writer = TradeWriter::new(&data, head, calendar(), OPEN).expect("a writer");
    for note in day(2) {
        let note = match note {
            Note::Trade(closed) if closed.trade.counter() == 1 => Note::Trade(Closed {
                decided: None,
                tier: None,
                d: None,
                coverage: None,
                label: None,
                sub_bucket: None,
                gross_usd: None,
                ..closed
            }),
            other => other,
        };
        writer.write(&note).expect("written");
    }
    writer.finish(END).expect("finished");
    assert_eq!(rows(&data, Mode::Paper), 1);
    let path = folder(&data, Mode::Paper).join("trades_20260114.json");
    let all = lines(&path);
    let result = &of(&all, "FINAL_RESULT").first().copied().expect("a result")["result"];
    for field in ["tier", "d", "score", "coverage", "session", "gross_usd", "net_usd", "r"] {
        assert!(result[field].is_null(), "{field}: {result}");
    }
    let loaded = read::load(&[path]).expect("loaded");
    let sample = loaded.samples.values().next().expect("a sample");
    assert_eq!((sample.trips().count(), sample.unknown.len()), (1, 1));
    std::fs::remove_dir_all(data).expect("clean up");
}

/// A position that nothing closes is told, and is in no number.
#[test]
fn what_is_open_at_the_end_is_told() {
    let data = data("open");
    let head = header(Mode::Paper, "realtime");
    let mut writer = TradeWriter::new(&data, head, calendar(), OPEN).expect("a writer");
    // The second trade is not closed.
    let last = day(2).into_iter().rposition(|note| matches!(note, Note::Impact(_)));
    let fills = day(2).into_iter().take(last.expect("one") - 3);
    fills.for_each(|note| writer.write(&note).expect("written"));
    writer.finish(END).expect("finished");
    let at = folder(&data, Mode::Paper);
    let loaded = read::load(&[at.join("trades_20260114.json")]).expect("loaded");
    let sample = loaded.samples.values().next().expect("a sample");
    let said = sample.unfinished();
    assert!(
        matches!(&said[..], [one] if one.contains("ESH6 SHORT 2, open profit 25.00 USD")),
        "{said:?}"
    );
    let text = std::fs::read_to_string(at.join(performance_file(jiff::civil::date(2026, 1, 14))));
    assert!(text.expect("the day's file").contains("Position never closed: ESH6 SHORT 2"));
    std::fs::remove_dir_all(data).expect("clean up");
}

/// An entry that ends without a fill is the beginning of nothing.
#[test]
fn a_trade_begins_with_a_fill() {
    let data = data("nothing");
    let head = header(Mode::Paper, "realtime");
    let mut writer = TradeWriter::new(&data, head, calendar(), OPEN).expect("a writer");
    let mut open = Vec::new();
    for note in day(1) {
        writer.write(&note).expect("written");
        let kind = match note {
            Note::Decision(_) => "decision",
            Note::Fill(_) => "fill",
            _ => continue,
        };
        open.push((kind, writer.open.len()));
    }
    assert_eq!(open.first(), Some(&("decision", 0)));
    assert_eq!(open.iter().find(|(kind, _)| *kind == "fill"), Some(&("fill", 1)));
    std::fs::remove_dir_all(data).expect("clean up");
}
