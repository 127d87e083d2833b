//! A synthetic day as a report in every format.

use super::*;
use crate::store::options::folders::Mode;
use crate::store::trades::synthetic::{OPEN, calendar, day, header, stamp};
use crate::store::trades::{TradeWriter, folder};
use crate::units::MINUTE;

fn data(name: &str) -> PathBuf {
    let data = std::env::temp_dir().join(format!("mia-report-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&data);
    std::fs::create_dir_all(&data).expect("folder");
    data
}

fn recorded(data: &Path, mode: Mode, preset: &str, delay: &str) {
    let header = crate::store::trades::Header {
        preset: preset.to_owned(),
        run: format!("run-{preset}"),
        ..header(mode, delay)
    };
    let mut writer = TradeWriter::new(data, header, calendar(), OPEN).expect("a writer");
    for note in day(45) {
        writer.write(&note).expect("written");
    }
    writer.finish(stamp(9_999, 500 * MINUTE, 0)).expect("finished");
}

fn args(path: &Path) -> ReportArgs {
    ReportArgs {
        paths: vec![path.to_owned()],
        mode: None,
        preset: None,
        market: None,
        compared: Vec::new(),
        md: None,
        json: None,
        html: None,
        plot: None,
    }
}

#[test]
fn every_format_says_the_same() {
    let data = data("formats");
    recorded(&data, Mode::Replay, "spec", "simulated");
    let to = |name: &str| Some(data.join("out").join(name));
    let args = ReportArgs {
        md: to("a.md"),
        json: to("a.json"),
        html: to("a.html"),
        plot: to("a.png"),
        ..args(&data)
    };
    let mut out = Vec::new();
    run(&args, &mut out).expect("a report");
    let text = String::from_utf8(out).expect("UTF-8");
    let read = |name: &str| std::fs::read_to_string(data.join("out").join(name)).expect(name);
    let (md, html) = (read("a.md"), read("a.html"));
    for said in [
        "mode replay",
        "preset spec",
        "SYNTHETIC MARKET",
        "win rate",
        "insufficient",
        "profit factor",
        "By session",
        "By regime",
        "By tier",
        "By feature",
        "RR",
    ] {
        for (name, format) in [("text", &text), ("md", &md), ("html", &html)] {
            assert!(format.contains(said), "{said} in {name}");
        }
    }
    let json: serde_json::Value = serde_json::from_str(&read("a.json")).expect("JSON");
    let report = &json[0]["report"];
    assert_eq!(report["summary"]["trades"], 45);
    assert_eq!(report["period"][0], "2026-01-14");
    let net = report["summary"]["net_usd"].as_f64().expect("money");
    assert!(text.contains(&document::usd(Some(net))), "{net}");
    // The page needs nothing else: no address of anything, and it is well formed enough to end.
    assert!(html.contains("<svg") && html.trim_end().ends_with("</html>"));
    for outside in ["http://", "https://", "src=\"", "<link"] {
        let rest = html.replace("http://www.w3.org/2000/svg", "");
        assert!(!rest.contains(outside), "{outside}");
    }
    std::fs::remove_dir_all(data).expect("clean up");
}

/// Live, paper, replay and presets each have a section, whatever lies in the folder.
#[test]
fn nothing_is_pooled() {
    let data = data("pooled");
    recorded(&data, Mode::Paper, "spec", "realtime");
    recorded(&data, Mode::Paper, "core", "realtime");
    recorded(&data, Mode::Replay, "spec", "replay");
    let mut out = Vec::new();
    run(&args(&data), &mut out).expect("a report");
    let text = String::from_utf8(out).expect("UTF-8");
    for section in
        ["mode paper · preset core", "mode paper · preset spec", "mode replay · preset spec"]
    {
        assert_eq!(text.matches(section).count(), 1, "{section}");
    }
    // A made-up market of the same mode and preset is another sample.
    let also = data.join("also");
    recorded(&also, Mode::Replay, "spec", "simulated");
    for (market, sections) in [
        (None, &["preset spec · 2026", "preset spec · SYNTHETIC MARKET · 2026"][..]),
        (Some(Market::Real), &["preset spec · 2026"]),
        (Some(Market::Simulated), &["preset spec · SYNTHETIC MARKET · 2026"]),
    ] {
        let paths = vec![data.join("replay/snapshots/trades"), also.clone()];
        let mut out = Vec::new();
        run(&ReportArgs { paths, market, ..args(&data) }, &mut out).expect("a report");
        let text = String::from_utf8(out).expect("UTF-8");
        assert_eq!(text.matches("mode replay").count(), sections.len(), "{text}");
        assert!(sections.iter().all(|title| text.contains(title)), "{text}");
    }
    let one = ReportArgs { preset: Some("core".to_owned()), ..args(&data) };
    let mut out = Vec::new();
    run(&one, &mut out).expect("a report");
    assert!(!String::from_utf8(out).expect("UTF-8").contains("preset spec"));
    let several = ReportArgs { compared: vec![0.1, 0.2], ..args(&data) };
    assert!(run(&several, &mut Vec::new()).is_err(), "whose selection?");
    // The day's file holds both presets, one report each.
    let at = folder(&data, Mode::Paper).join("performance_daily_20260114.json");
    let text = std::fs::read_to_string(at).expect("performance");
    let day: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(day["reports"].as_array().map(Vec::len), Some(2));
    let unknown = ReportArgs { mode: Some("foo".to_owned()), ..args(&data) };
    let error = run(&unknown, &mut Vec::new()).expect_err("no such mode").to_string();
    assert!(error.contains("paper/core, paper/spec, replay/spec"), "{error}");
    std::fs::remove_dir_all(data).expect("clean up");
}

/// Another gate is another preset, and `core` all the same.
#[test]
fn variants_of_a_preset_have_their_own_section() {
    let data = data("variants");
    recorded(&data, Mode::Paper, "core (changed 0123abcd)", "realtime");
    recorded(&data, Mode::Paper, "core (changed 4567cdef)", "realtime");
    let said = |preset: Option<&str>| {
        let args = ReportArgs { preset: preset.map(str::to_owned), ..args(&data) };
        let mut out = Vec::new();
        run(&args, &mut out).expect("a report");
        String::from_utf8(out).expect("UTF-8")
    };
    let all = said(None);
    assert_eq!(all.matches("mode paper · preset core (changed ").count(), 2, "{all}");
    assert_eq!(all.matches("Preset core holds no option item").count(), 2);
    assert_eq!(said(Some("core")), all);
    let one = said(Some("core (changed 0123abcd)"));
    assert!(one.contains("0123abcd") && !one.contains("4567cdef"), "{one}");
    // Records know no day without a decision, and say so; nothing is flagged for its features.
    assert!(one.contains("leave no record"), "{one}");
    let day = folder(&data, Mode::Paper).join("trades_20260114.json");
    assert!(!std::fs::read_to_string(day).expect("records").contains("FEATURES_BELOW_25"));
    std::fs::remove_dir_all(data).expect("clean up");
}

/// Every form says what makes the numbers doubtful.
#[test]
fn doubts_stand_in_every_form() {
    let data = data("doubts");
    recorded(&data, Mode::Replay, "spec", "replay");
    let path = folder(&data, Mode::Replay).join("trades_20260114.json");
    let text = std::fs::read_to_string(&path).expect("records") + "{no record}\n";
    std::fs::write(&path, text).expect("written");
    let to = |name: &str| Some(data.join("out").join(name));
    let args = ReportArgs {
        md: to("a.md"),
        json: to("a.json"),
        html: to("a.html"),
        plot: to("a.svg"),
        ..args(&data)
    };
    let mut out = Vec::new();
    run(&args, &mut out).expect("a report");
    let text = String::from_utf8(out).expect("UTF-8");
    let read = |name: &str| std::fs::read_to_string(data.join("out").join(name)).expect(name);
    assert!(text.contains("1 lines could not be read"), "{text}");
    for name in ["a.md", "a.json", "a.html"] {
        assert!(read(name).contains("1 lines could not be read"), "{name}");
    }
    assert!(read("a.svg").contains("(and 1 more)"));
    std::fs::remove_dir_all(data).expect("clean up");
}

/// A decile that holds nothing leaves its place empty, and the others say where they lie.
#[test]
fn deciles_stand_in_their_place() {
    use crate::analytics::{Inputs, Trip, tests::trip};
    let trips = (0..400).map(|at: usize| {
        let value = at.saturating_sub(200) as f64 / 100.0;
        let r = if at.is_multiple_of(3) { 2.0 } else { -1.0 };
        Trip { features: [Some(value); 28], ..trip(at, r) }
    });
    let report = Report::of("paper", "spec", trips.collect(), Inputs::default()).expect("one kind");
    let section = Section {
        doubts: Vec::new(),
        is_core: false,
        days_of_records: false,
        simulated: false,
        configs: Vec::new(),
        decisions: 0,
        sides: BTreeMap::new(),
        vetoes: BTreeMap::new(),
        scores: Vec::new(),
        flagged: 0,
        unfinished: Vec::new(),
        report,
    };
    let document = Document::of(&section);
    let table = document.tables.last().expect("features");
    let row = |what: &str| {
        let row = table.rows.iter().find(|row| row.get(1).is_some_and(|said| said == what));
        row.expect(what).get(3..).expect("ten").to_vec()
    };
    let from = row("from");
    assert_eq!(from.len(), 10);
    assert_eq!(from.first().map(String::as_str), Some("0.000"));
    assert!(from.get(1..5).expect("four").iter().all(String::is_empty), "{from:?}");
    let means = row("mean R");
    assert!(means.get(1..5).expect("four").iter().all(String::is_empty), "{means:?}");
    assert!(means.get(5..).expect("five").iter().all(|said| !said.is_empty()), "{means:?}");
    assert_eq!(row("to").last().map(String::as_str), Some("1.990"));
}

/// What is said of a session, regime or decile with enough trades.
#[test]
fn parts_say_what_a_trader_asks() {
    let data = data("parts");
    recorded(&data, Mode::Replay, "spec", "replay");
    let mut out = Vec::new();
    run(&args(&data), &mut out).expect("a report");
    let text = String::from_utf8(out).expect("UTF-8");
    let (_, session) = text.split_once("By session").expect("a table");
    let (session, _) = session.split_once("By sub").expect("another");
    for said in ["Wilson", "profit factor", "lower bound", "MFE / MAE, R", "slippage, ticks"] {
        assert!(session.contains(said), "{said}: {session}");
    }
    let row = session.lines().find(|line| line.contains(" US ")).expect("US");
    assert_eq!(row.matches(" / ").count(), 2, "{row}");
    assert!(text.contains("stops and targets against their own price"));
    std::fs::remove_dir_all(data).expect("clean up");
}

#[test]
fn the_command_line_is_read() {
    use clap::Parser as _;
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: ReportArgs,
    }
    let words = ["mia", "data", "b", "--compared", "0.1,-0.2", "--mode", "paper", "--md", "a.md"];
    let args = Line::try_parse_from(words).expect("valid").args;
    assert_eq!((args.paths.len(), args.compared), (2, vec![0.1, -0.2]));
    assert!(Line::try_parse_from(["mia"]).is_err(), "of what?");
}

#[test]
fn an_empty_folder_is_told() {
    let data = data("empty");
    let error = run(&args(&data), &mut Vec::new()).expect_err("nothing there");
    assert!(error.to_string().contains("no trades_YYYYMMDD.json"), "{error}");
    let journal = data.join("a.journal");
    std::fs::write(&journal, "x").expect("written");
    let error = run(&args(&journal), &mut Vec::new()).expect_err("no trades file");
    assert!(error.to_string().contains("a.journal"), "{error}");
    std::fs::write(&journal, MAGIC).expect("written");
    let two = ReportArgs { paths: vec![journal.clone(), journal], ..args(&data) };
    let error = run(&two, &mut Vec::new()).expect_err("two journals").to_string();
    assert!(error.contains("alone") && !error.contains("neither"), "{error}");
    std::fs::remove_dir_all(data).expect("clean up");
}
