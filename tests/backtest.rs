//! `mia backtest` as a user calls it, on real files: whose configuration counts, what is kept of
//! earlier runs, and the records that can be made again.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mia_test_support::{es_file, live, shared};
use serde_json::Value;

fn mia(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mia")).args(arguments).output().expect("runs")
}

/// What it printed on standard output, and on standard error.
fn said(arguments: &[&str]) -> (String, String) {
    let done = mia(arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let (out, err) = (text(done.stdout), text(done.stderr));
    assert!(done.status.success(), "{arguments:?}: {err}");
    (out, err)
}

fn json(arguments: &[&str]) -> Value {
    let (out, _) = said(&[arguments, &["--json"]].concat());
    serde_json::from_str(&out).expect("JSON")
}

fn refused(arguments: &[&str]) -> String {
    let done = mia(arguments);
    assert!(!done.status.success(), "{arguments:?}");
    String::from_utf8(done.stderr).expect("UTF-8")
}

fn name(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A folder with a configuration that is not the default, and ten real records.
fn small(test: &str) -> Option<(PathBuf, String, String)> {
    let records = shared("data/ticks/ES-10-records.scid")?;
    let folder = live::folder(test);
    let news = folder.join("news.txt");
    std::fs::write(&news, "2019-01-02T13:30:00Z,payrolls\nuntil,2030-01-01T00:00:00Z\n")
        .expect("written");
    let limits = std::fs::read_to_string("tests/trading.toml").expect("tests/trading.toml");
    let table = format!("[trading]\nequity = 54321.0\nnews = \"{}\"\n", name(&news));
    let config = folder.join("config.toml");
    std::fs::write(&config, limits.replace("[trading]\n", &table)).expect("written");
    Some((folder, name(&records), name(&config)))
}

/// The results that were kept in a folder.
fn kept(out: &Path) -> Vec<Value> {
    let files = std::fs::read_dir(out.join("runs")).expect("a folder");
    let read = |path: PathBuf| std::fs::read_to_string(path).expect("readable");
    files.map(|f| serde_json::from_str(&read(f.expect("a file").path())).expect("JSON")).collect()
}

/// What is changed of a journal's run is changed of its own configuration.
#[test]
fn a_journal_brings_its_configuration() {
    let Some((folder, records, config)) = small("backtest-own") else { return };
    let journal = name(&folder.join("a.mjrnl"));
    said(&["replay", &records, "--config", &config, "--journal", &journal]);
    let to = |n: &str| name(&folder.join(n));
    let set = "decision.gate=35.0";
    let changed = json(&["backtest", &journal, "--set", set, "--out", &to("set")]);
    assert_eq!(changed["sets"][0]["label"], set);
    let direct =
        json(&["backtest", &records, "--config", &config, "--set", set, "--out", &to("direct")]);
    assert_eq!(changed, direct, "the configuration of the journal with one key changed");
    let [of_journal] = kept(&folder.join("set")).try_into().expect("one run");
    let [of_file] = kept(&folder.join("direct")).try_into().expect("one run");
    assert!(of_journal["preset"].as_str().expect("a name").starts_with("both-ways ("));
    assert_eq!(of_journal["preset"], of_file["preset"]);
    assert_eq!(of_journal["equity_usd"], 54321.0);
    // Weights, limits, equity, calendar of events: everything that reaches the core.
    assert_eq!(of_journal["state_hash"], of_file["state_hash"]);

    let b = folder.join("b.toml");
    std::fs::write(&b, "[decision]\ngate = 35.0\n").expect("written");
    let against = json(&["backtest", &journal, "--against", &name(&b), "--out", &to("against")]);
    let preset = |set: usize| against["sets"][set]["report"]["preset"].clone();
    assert!(preset(0).as_str().expect("a name").starts_with("both-ways ("));
    assert_ne!(preset(0), preset(1), "another gate");
    assert_eq!(against["sets"][1]["label"], set);
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// A result is taken from before only where nothing of it changed, and that is said.
#[test]
fn results_are_kept_by_what_they_depend_on() {
    let Some((folder, records, config)) = small("backtest-kept") else { return };
    let (journal, out) = (name(&folder.join("a.mjrnl")), name(&folder.join("out")));
    said(&["replay", &records, "--config", &config, "--journal", &journal]);
    let (own, _) = said(&["backtest", &journal, "--out", &out]);
    assert!(own.contains("preset both-ways") && own.contains("0 of 1 runs from before"), "{own}");
    let (again, _) = said(&["backtest", &journal, "--out", &out]);
    assert!(again.contains("1 of 1 runs from before"), "{again}");
    let (core, _) = said(&["backtest", &journal, "--preset", "core", "--out", &out]);
    assert!(core.contains("preset core") && core.contains("0 of 1 runs"), "{core}");
    // A Sierra file is named for its symbol.
    for symbol in ["ESZ3.scid", "NQZ3.scid"] {
        let copy = folder.join(symbol);
        std::fs::copy(&records, &copy).expect("copied");
        let set = "trading.product.NQ.min_stop_ticks=10";
        let (text, _) = said(&["backtest", &name(&copy), "--set", set, "--out", &out]);
        assert!(text.contains("0 of 1 runs from before"), "{symbol}: {text}");
    }
    // A calendar of events is part of it; one that is not there is no calendar without events.
    let file = ["backtest", &records, "--config", &config, "--out", &out];
    assert!(said(&file).0.contains("0 of 1 runs"));
    std::fs::write(folder.join("news.txt"), "until,2030-01-01T00:00:00Z\n").expect("written");
    assert!(said(&file).0.contains("0 of 1 runs"), "other events");
    assert!(said(&file).0.contains("1 of 1 runs"));
    std::fs::remove_file(folder.join("news.txt")).expect("removed");
    assert!(refused(&file).contains("news.txt"));
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// Two names of one file are one market; a file without its end is called that.
#[test]
fn what_was_read_is_said() {
    let Some((folder, records, _)) = small("backtest-read") else { return };
    let out = name(&folder.join("out"));
    let twice = ["backtest", &records, &records, "--jobs", "2", "--fresh", "--out", &out];
    let (text, warned) = said(&twice);
    assert!(text.contains("\n  1 runs,") && warned.contains("counts once"), "{text} {warned}");

    let Some(es) = es_file() else { return };
    let bytes = std::fs::read(es).expect("readable");
    let cut = folder.join("cut.dbn.zst");
    std::fs::write(&cut, bytes.get(..60_000).expect("longer")).expect("written");
    for before in [0, 1] {
        let (text, warned) = said(&["backtest", &name(&cut), "--out", &out]);
        assert!(text.contains("1 of 1 runs are of an input that is not whole"), "{text}");
        assert!(text.contains(&format!("{before} of 1 runs from before")), "{text}");
        assert!(warned.contains("cut off") && warned.contains("cut.dbn.zst"), "{warned}");
    }
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// The records of a run come out of its journal, and a report reads them as it reads the journal.
#[test]
fn records_are_made_again() {
    let Some(es) = es_file() else { return };
    let folder = live::folder("backtest-records");
    let (journal, data) = (name(&folder.join("es.mjrnl")), name(&folder.join("data")));
    let (out, es) = (name(&folder.join("out")), name(&es));
    said(&["replay", &es, "--config", "tests/trading.toml", "--journal", &journal]);
    let record = ["backtest", &journal, "--records", &data, "--out", &out];
    let (text, _) = said(&record);
    assert!(text.contains("set 0"), "{text}");
    let day = folder.join("data/replay/snapshots/trades/trades_20231226.json");
    let lines = std::fs::read_to_string(&day).expect("records").lines().count();
    assert!(lines > 10, "{lines} records");
    let of_records = said(&["report", &data]).0;
    let of_journal = said(&["report", &journal]).0;
    // What is flagged stands in records alone, and they do not know of quiet days.
    let plain = |text: &str| -> Vec<String> {
        let own = ["flagged", "Days without a trade count as 0"];
        let common = |line: &&str| !own.iter().any(|own| line.contains(own));
        text.lines().filter(common).map(str::to_owned).collect()
    };
    assert_eq!(plain(&of_records), plain(&of_journal));
    assert!(refused(&record).contains("trades_20231226.json"), "two runs do not mix");
    let sets = [&record[..], &["--grid", "tests/trading.toml"]].concat();
    assert!(!refused(&sets).is_empty());
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// A copy of a journal in which the digest in the middle is another one.
fn damaged(journal: &Path, copy: &Path) {
    use mia::journal::{Kind, Reader, Writer};
    let data = std::fs::read(journal).expect("readable");
    let reader = Reader::open(&data).expect("a journal");
    let digests = reader.records().filter(|r| r.kind == Kind::Digest).count();
    assert!(digests > 100, "{digests} digests");
    let mut writer = Writer::create(copy, reader.text()).expect("made");
    let mut seen = 0;
    for record in reader.records() {
        let mut payload = record.payload.to_vec();
        if record.kind == Kind::Digest {
            seen += 1;
            if seen == digests / 2 {
                payload.reverse();
            }
        }
        writer
            .append(record.kind, record.source, record.seq, record.ts, &payload)
            .expect("written");
    }
    writer.sync().expect("written");
}

/// What does not come out as it was recorded is shown by nobody as what the run did.
#[test]
fn a_journal_that_does_not_repeat_is_said() {
    const SAID: &str = "NOT WHAT THE RUN DID";
    let Some(es) = es_file() else { return };
    let folder = live::folder("backtest-damaged");
    let path = folder.join("es.mjrnl");
    let (journal, out, es) = (name(&path), name(&folder.join("out")), name(&es));
    said(&["replay", &es, "--config", "tests/trading.toml", "--journal", &journal]);
    let whole = said(&["report", &journal]).0;
    assert!(!whole.contains(SAID) && !whole.contains("cannot be read"), "{whole}");
    assert!(!said(&["explain", &journal]).0.contains('!'));

    let copy = folder.join("other.mjrnl");
    damaged(&path, &copy);
    let copy = name(&copy);
    let to = |n: &str| name(&folder.join(n));
    let (json, html, md) = (to("a.json"), to("a.html"), to("a.md"));
    let (text, _) = said(&["report", &copy, "--json", &json, "--html", &html, "--md", &md]);
    let read = |path: &str| std::fs::read_to_string(path).expect("written");
    for form in [text, read(&json), read(&html), read(&md)] {
        assert!(form.contains(SAID) && form.contains("2023-12-25T2"), "{form}");
    }
    assert!(said(&["explain", &copy]).0.starts_with(&format!("! {SAID}")));
    let (text, warned) = said(&["backtest", &copy, "--out", &out]);
    assert!(text.contains(SAID) && warned.contains(SAID), "{text} {warned}");
    // Records of it are not made, and none are left.
    let data = folder.join("data");
    let error = refused(&["backtest", &copy, "--records", &name(&data), "--out", &out]);
    assert!(error.contains(SAID) && !data.join("replay").exists(), "{error}");
    // A changed configuration repeats nothing.
    let (text, _) = said(&["backtest", &copy, "--set", "decision.gate=35.0", "--out", &out]);
    assert!(!text.contains(SAID), "{text}");

    // Half a day, as of a disk that was full.
    let bytes = std::fs::read(&path).expect("readable");
    let half = folder.join("half.mjrnl");
    std::fs::write(&half, &bytes[..bytes.len() / 2]).expect("written");
    let (text, _) = said(&["report", &name(&half)]);
    assert!(text.contains("after the last whole record") && !text.contains(SAID), "{text}");
    assert!(text.contains("did not end in order"), "{text}");
    assert!(said(&["explain", &name(&half)]).0.contains("after the last whole record"));
    std::fs::remove_dir_all(folder).expect("clean up");
}
