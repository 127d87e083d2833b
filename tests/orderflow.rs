//! Order-flow files of a live run and of the real ES file; `mia archive` on the command line.

use std::path::Path;
use std::process::{Command, Output};

use mia::cmd::market::recorded;
use mia::config::{Layout, OrderflowConfig};
use mia::store::manifest::verify_all;
use mia_test_support::{es_file, live};

fn mia(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mia")).args(args).output().expect("it starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[track_caller]
fn done(output: &Output) -> &str {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Names in a folder, by name.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("folder");
    let name = |e: std::io::Result<std::fs::DirEntry>| e.expect("entry").file_name();
    let mut names: Vec<String> = entries.map(|e| name(e).into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

/// The records of an array file.
fn records(path: &Path) -> Vec<simd_json::OwnedValue> {
    use simd_json::prelude::*;
    let mut content = std::fs::read(path).expect("readable");
    let value = simd_json::to_owned_value(&mut content).expect("JSON");
    value.into_array().expect("an array").into_iter().collect()
}

/// The evening of 2023-12-25: CLOSED to 23:00 UTC, which is the next trade date, then an hour.
#[test]
fn the_real_file_as_order_flow() {
    use simd_json::prelude::*;
    let Some(ticks) = es_file() else { return };
    let data = live::folder("flow-real");
    let args = ["replay", path(&ticks), "--orderflow", path(&data), "--json"];
    let said = mia(&args);
    done(&said);
    println!("{}", text(&said.stderr));
    let root = data.join("replay/snapshots/orderflow");
    assert_eq!(names(&data), ["replay"], "a replay is nowhere else");
    let day = "es_orderflow_20231226";
    assert_eq!(names(&root), [".lock", day, "manifest_orderflow_20231226.json"]);
    let files = names(&root.join(day));
    let ticks_of: Vec<&String> = files.iter().filter(|n| n.contains("_tick_data_")).collect();
    assert_eq!(ticks_of.len(), 12, "five minutes each: {files:?}");
    assert_eq!(ticks_of[0], "es_tick_data_230000.json");
    let (mut volume, mut count) = (0, 0);
    for name in &ticks_of {
        let found = records(&root.join(day).join(name));
        assert!(found.len() <= 300, "{name}: {}", found.len());
        count += found.len();
        for record in &found {
            let flow = &record["orderflow"];
            // Of the first record there is none: nothing says what it would be of.
            let interval = flow.get("interval").and_then(|interval| interval.get("volume"));
            volume += interval.and_then(|volume| volume.as_u64()).unwrap_or(0);
            assert_eq!(record["mode"].as_str(), Some("replay"));
            assert_eq!(record["delay_class"].as_str(), Some("replay"));
            assert!(record["volatility"]["vix"].is_null(), "nobody said a VIX");
            assert_eq!(record["volatility"]["reason"].as_str(), Some("NO_INPUT"));
        }
    }
    println!("{count} records, {volume} contracts between the first and the last");
    // What the file holds, less what came before the first and after the last record.
    let all = mia(&["replay", path(&ticks), "--json"]);
    let report = simd_json::to_owned_value(&mut done(&all).as_bytes().to_vec()).expect("JSON");
    let all = report["volume"].as_u64().expect("volume");
    assert!(volume <= all && volume * 10 > all * 8, "{volume} of {all}");
    let (looked, wrong) = verify_all(&root).expect("manifest");
    assert_eq!((looked, wrong), (files.len(), Vec::<String>::new()));
    // A second pass makes the same files, byte for byte.
    let before = std::fs::read(root.join("manifest_orderflow_20231226.json")).expect("manifest");
    done(&mia(&args));
    let after = std::fs::read(root.join("manifest_orderflow_20231226.json")).expect("manifest");
    assert!(before == after, "the hashes of all files");
    std::fs::remove_dir_all(data).expect("clean up");
}

#[test]
fn a_live_run_writes_them_in_both_layouts() {
    let Some(ticks) = es_file() else { return };
    for layout in [Layout::Fused, Layout::Split] {
        let folder = live::folder("flow-live");
        let (market, _) = recorded(std::slice::from_ref(&ticks), None).expect("readable");
        let mut plan = live::Plan::new(vec![("ESH4".to_owned(), 0.25)]);
        let out = folder.join("data");
        (plan.layout, plan.orderflow) =
            (layout, Some(OrderflowConfig { out: out.clone(), ..OrderflowConfig::default() }));
        let (ended, ..) = live::run(Box::new(market), &plan, &folder.join("a.mjrnl"));
        let outcome = ended.orderflow.expect("configured");
        assert_eq!((outcome.error, outcome.lost), (None, 0));
        let written = outcome.written.expect("whole");
        // An hour of market in a few seconds: a record a second of ours.
        assert!(written.records > 0 && written.files > 0, "{written:?}");
        assert_eq!(names(&out), ["paper"]);
        let root = out.join("paper/snapshots/orderflow");
        let (looked, wrong) = verify_all(&root).expect("manifest");
        assert_eq!((looked as u64, wrong), (written.files, Vec::<String>::new()));
        let (_, checked) = live::replay_journal(&folder.join("a.mjrnl"));
        assert!(checked > 0, "and the journal is replayed without them");
        std::fs::remove_dir_all(folder).expect("clean up");
    }
}

#[test]
fn archive_on_the_command_line() {
    let data = live::folder("archive");
    let root = data.join("paper/snapshots/orderflow");
    let day = root.join("es_orderflow_20200102");
    std::fs::create_dir_all(&day).expect("folder");
    std::fs::write(day.join("es_dom_143000.json"), "[\n{}\n]\n").expect("written");
    std::fs::write(root.join("vix_data_20200103.json"), "[").expect("written");
    let run = |args: &[&str]| mia(&[&["archive", "--data", path(&data)], args].concat());
    let said = run(&[]);
    let archive = data.join("paper/snapshots/archive/orderflow_archive_202001.gz");
    assert!(done(&said).contains("2 files, 8 bytes"), "{}", text(&said.stdout));
    assert!(done(&said).contains("2 new, checked; originals kept"), "{}", text(&said.stdout));
    assert!(day.join("es_dom_143000.json").is_file() && archive.is_file());
    assert!(done(&run(&[])).contains("up to date"));
    assert!(done(&run(&["--verify"])).contains("2 files, whole"));
    assert!(done(&run(&["--family", "trades"])).contains("no files"));
    assert!(done(&run(&["--delete"])).contains("2 originals removed"));
    assert!(!day.exists());
    let tree = data.join("paper/snapshots");
    done(&run(&["--extract", path(&archive), "--to", path(&tree)]));
    assert_eq!(std::fs::read(day.join("es_dom_143000.json")).expect("back"), b"[\n{}\n]\n");

    // What is wrong is said, and nothing goes.
    let mut damaged = std::fs::read(&archive).expect("archive");
    damaged.truncate(damaged.len() - 9);
    std::fs::write(&archive, damaged).expect("written");
    for args in [["--delete"], ["--verify"]] {
        let output = run(&args);
        assert_eq!(output.status.code(), Some(1));
        let said = [text(&output.stdout), text(&output.stderr)].concat();
        assert!(said.contains("orderflow_archive_202001.gz: the archive is damaged"), "{said}");
    }
    assert!(day.join("es_dom_143000.json").is_file());
    let no_folder = ["archive", "--data", "/no/such/folder"];
    for (output, word) in [
        (run(&["--month", "209912"]), "closed months"),
        (run(&["--month", "2020"]), "202601"),
        (mia(&no_folder), "/no/such/folder"),
    ] {
        assert!(!output.status.success());
        assert!(text(&output.stderr).contains(word), "{}", text(&output.stderr));
    }
    std::fs::remove_dir_all(data).expect("clean up");
}
