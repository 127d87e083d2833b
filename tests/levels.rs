//! `mia levels` and `mia es-bias-bridge` on the command line.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mia::options::snapshot::Snapshot;
use mia::store::options::snapshot_json;
use mia_test_support::{live, shared, synthetic_chain};

/// The settings of the golden numbers.
const SPX: [&str; 4] = ["--spot-mode", "print", "--vix", "27.29"];
const NDX: [&str; 4] = ["--spot-mode", "print", "--vix", "25.00"];

fn mia(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mia"));
    command.args(args).env_remove("MASSIVE_API_KEY").env_remove("POLYGON_API_KEY");
    command.output().expect("it starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[track_caller]
fn done(output: &Output) -> &str {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// What is said by a run that fails, which prints nothing else.
#[track_caller]
fn failed(output: &Output) -> &str {
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert_eq!(text(&output.stdout), "");
    text(&output.stderr)
}

/// A folder with a synthetic chain in it.
fn folder(name: &str) -> (PathBuf, String) {
    let folder = live::folder(&format!("levels-{name}"));
    let chain = folder.join("chain.csv");
    std::fs::write(&chain, synthetic_chain::quote_table(3_000)).expect("written");
    (folder, chain.to_string_lossy().into_owned())
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_string_lossy().into_owned()
}

/// Every file below a folder, by its path from there.
fn files(root: &Path) -> Vec<String> {
    let (mut folders, mut found) = (vec![root.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).expect("below");
                found.push(name.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

/// The price of the line that begins with `name`, which levels at the same price may share.
fn rung(table: &str, name: &str) -> f64 {
    let also = |line: &str| line.split_once("; also ").is_some_and(|(_, all)| all.contains(name));
    let own = |line: &&str| line.starts_with(name) || also(line);
    let line = table.lines().find(own).expect(name);
    let cell = line[24..].split_whitespace().next().expect(line);
    cell.parse().expect(line)
}

#[test]
fn json_is_the_snapshot_that_was_written() {
    let (folder, chain) = folder("json");
    let out = path(&folder, "out");
    let output = mia(&["levels", "--chain", &chain, "--json", "--vix", "18", "--out", &out]);
    let printed = done(&output);
    let snapshot = snapshot_json::parse(printed.as_bytes()).expect("a snapshot");
    assert_eq!((snapshot.symbol.as_str(), snapshot.status.as_str()), ("SPX", "ok"));
    assert_eq!(snapshot.underlying.spot, Some(synthetic_chain::SPOT));
    assert_eq!(snapshot.asof, "2024-06-03T15:00:00Z");
    // A former day: under the tree of replays.
    let name = "replay/snapshots/options/spx_snapshot_20240603_150000.json";
    let written = std::fs::read_to_string(Path::new(&out).join(name)).expect("written");
    assert_eq!(written.trim_end(), printed.trim_end());
    assert!(text(&output.stderr).contains(name), "{}", text(&output.stderr));
    let found = files(Path::new(&out));
    assert!(found.iter().all(|f| f.starts_with("replay/") && !f.ends_with(".part")), "{found:?}");
    for name in ["sierra_levels_20240603.csv", "sierra_levels_20240603_v2.csv", "spx_daily.csv"] {
        assert!(found.iter().any(|f| f.ends_with(name)), "{name}: {found:?}");
    }
    // The same again, byte by byte; and without files.
    let again = mia(&["levels", "--chain", &chain, "--json", "--vix", "18", "--dry-run"]);
    let again = snapshot_json::parse(done(&again).as_bytes()).expect("a snapshot");
    assert_eq!(again, snapshot);
    std::fs::remove_dir_all(folder).expect("clean up");
}

#[test]
fn the_table_holds_the_levels() {
    let (folder, chain) = folder("table");
    let args = ["levels", "--chain", &chain, "--dry-run", "--vix", "18"];
    let output = mia(&args);
    let table = done(&output);
    let json = mia(&[&args[..], &["--json"]].concat());
    let snapshot = snapshot_json::parse(done(&json).as_bytes()).expect("a snapshot");
    check_table(table, &snapshot);
    assert_eq!(text(&output.stderr), "", "nothing was written");
    assert_eq!(files(&folder), ["chain.csv"]);
    std::fs::remove_dir_all(folder).expect("clean up");
}

#[track_caller]
fn check_table(table: &str, snapshot: &Snapshot) {
    let levels = &snapshot.analysis.as_ref().expect("levels").levels;
    let close = |name: &str, want: Option<f64>| {
        if let Some(want) = want {
            let got = rung(table, name);
            assert!((got - want).abs() <= 0.005 + 1e-9, "{name}: {got}, want {want}\n{table}");
        }
    };
    close("call wall", levels.call_wall.as_ref().map(|w| w.strike));
    close("put wall", levels.put_wall.as_ref().map(|w| w.strike));
    close("gamma flip", levels.gamma_flip.level);
    close("max pain", levels.max_pain);
    close("spot", snapshot.underlying.spot);
    for word in ["sanity", "dealer's bias", "put/call", "overnight, for", "valid until"] {
        assert!(table.contains(word), "{word}\n{table}");
    }
    // The list of what is missing may be long, the levels may not.
    let mut levels = table.lines().take_while(|line| !line.starts_with("missing"));
    assert!(levels.all(|line| line.chars().count() <= 120), "{table}");
}

#[test]
fn pictures() {
    let (folder, chain) = folder("plot");
    for (name, head) in [
        ("a.html", b"<!DOCTYPE html>".as_slice()),
        ("a.svg", b"<svg".as_slice()),
        ("a.png", b"\x89PNG\r\n\x1a\n".as_slice()),
    ] {
        let file = path(&folder, name);
        let output = mia(&["levels", "--chain", &chain, "--dry-run", "--plot", &file]);
        done(&output);
        let bytes = std::fs::read(&file).expect("drawn");
        let start = bytes.get(..head.len()).expect("long enough");
        assert!(start.eq_ignore_ascii_case(head), "{name}: {:?}", text(start));
        assert!(bytes.len() > 5_000, "{name}: {} bytes", bytes.len());
    }
    // An ending that is no picture is refused before anything is read.
    let file = path(&folder, "a.gif");
    let output = mia(&["levels", "--chain", "no such file", "--plot", &file]);
    assert!(failed(&output).contains("gif"), "{}", text(&output.stderr));
    std::fs::remove_dir_all(folder).expect("clean up");
}

#[test]
fn without_a_key_it_says_what_to_do() {
    let folder = live::folder("levels-key");
    let out = path(&folder, "out");
    let output = mia(&["levels", "--out", &out]);
    let said = failed(&output);
    assert!(said.contains("MASSIVE_API_KEY"), "{said}");
    assert_eq!(files(&folder), Vec::<String>::new());
    std::fs::remove_dir_all(folder).expect("clean up");
}

#[test]
fn what_cannot_be_read_is_named_and_leaves_nothing() {
    let (folder, chain) = folder("wrong");
    let (out, torn) = (path(&folder, "out"), path(&folder, "torn.csv"));
    std::fs::write(&torn, "no table at all\n").expect("written");
    for (args, words) in [
        (&["--chain", "/no/such/file.csv"][..], &["/no/such/file.csv"][..]),
        (&["--chain", &torn], &["torn.csv"]),
        (&["--chain", &chain, "--symbol", "NDX"], &["chain.csv", "chain of SPX"]),
        (&["--chain", &chain, "--asof", "yesterday"], &["--asof", "yesterday"]),
        (&["--chain", &chain, "--vix=-3"], &["--vix"]),
        (&["--asof", "2022-07-12T11:40"], &["--asof", "--chain"]),
        (&["--chain", &chain, "--config", "/no/such.toml"], &["/no/such.toml"]),
    ] {
        let output = mia(&[&["levels", "--out", &out], args].concat());
        let said = failed(&output);
        assert!(words.iter().all(|w| said.contains(w)), "{said}");
        assert!(!Path::new(&out).exists(), "{args:?}");
    }
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// After all expiries there is nothing to compute: only the snapshot is written, and it says why.
#[test]
fn after_the_last_expiry() {
    let (folder, chain) = folder("late");
    let out = path(&folder, "out");
    let output =
        mia(&["levels", "--chain", &chain, "--asof", "2026-01-14T10:00", "--json", "--out", &out]);
    let snapshot = snapshot_json::parse(done(&output).as_bytes()).expect("a snapshot");
    assert_eq!((snapshot.status.as_str(), snapshot.sanity.status.as_str()), ("failed", "NO_GO"));
    assert!(snapshot.analysis.is_none() && snapshot.analysis_overnight.is_none());
    assert_eq!(snapshot.asof, "2026-01-14T15:00:00Z", "a time of New York");
    let why = snapshot.null_reasons.get("analysis").expect("a reason");
    assert!(why.contains("no_contracts_in_scope"), "{why}");
    let found = files(Path::new(&out));
    let kept = |f: &&String| !f.contains("manifest") && !f.ends_with(".lock");
    let products: Vec<&String> = found.iter().filter(kept).collect();
    assert_eq!(products, ["replay/snapshots/options/spx_snapshot_20260114_150000.json"]);
    // The table says it, too, and there is nothing to draw.
    let plot = path(&folder, "a.svg");
    let args = ["levels", "--chain", &chain, "--asof", "2026-01-14T10:00", "--dry-run"];
    let output = mia(&[&args[..], &["--plot", &plot]].concat());
    assert!(done(&output).contains("NO_GO"), "{}", text(&output.stdout));
    assert!(!Path::new(&plot).exists());
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// Both genuine chains with the settings of the golden numbers.
#[test]
fn real_chains() {
    let (spx, ndx) = ("spx_2022-07-12_quotedata.csv.gz", "ndx_2022-12-12_quotedata.csv.gz");
    for (file, settings, levels) in [
        (spx, SPX, &[("call wall", 4000.0), ("put wall", 3800.0), ("gamma flip", 3953.41)]),
        (ndx, NDX, &[("call wall", 12000.0), ("put wall", 11500.0), ("gamma flip", 11040.18)]),
    ] {
        let Some(chain) = shared(&format!("data/options/cboe/{file}")) else { return };
        let chain = chain.to_string_lossy();
        let folder = live::folder(&format!("levels-real-{}", &file[..3]));
        let out = path(&folder, "out");
        let plot = path(&folder, "a.svg");
        let base = [&["levels", "--chain", &chain, "--out", &out], &settings[..]].concat();
        let output = mia(&[&base[..], &["--json", "--plot", &plot]].concat());
        let snapshot = snapshot_json::parse(done(&output).as_bytes()).expect("a snapshot");
        let name = files(Path::new(&out)).into_iter().find(|f| f.contains("_snapshot_"));
        let name = Path::new(&out).join(name.expect("written"));
        let written = std::fs::read_to_string(name).expect("readable");
        assert_eq!(written.trim_end(), text(&output.stdout).trim_end());
        assert!(Path::new(&plot).is_file());
        let output = mia(&base);
        let table = done(&output);
        check_table(table, &snapshot);
        for (name, want) in levels {
            assert_eq!(rung(table, name), *want, "{table}");
        }
        std::fs::remove_dir_all(folder).expect("clean up");
    }
}

/// Runs the bridge on `snapshot` in the tree of live runs; its exit code and its one line.
fn bridge(folder: &Path, snapshot: Option<&Snapshot>) -> (Option<i32>, String) {
    let out = folder.join("live");
    let _ = std::fs::remove_dir_all(&out);
    if let Some(snapshot) = snapshot {
        let text = snapshot_json::to_json(snapshot).expect("JSON");
        let path = out.join("snapshots/options/spx_snapshot_20240603_150000.json");
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        std::fs::write(path, text).expect("written");
    }
    let output = mia(&["es-bias-bridge", "--out", &out.to_string_lossy()]);
    let line = text(&output.stdout).to_owned();
    assert!(line.ends_with('\n') && line.lines().count() == 1, "{line:?}");
    (output.status.code(), line)
}

/// Keys of the top level in the order in which they stand.
fn keys(line: &str) -> Vec<String> {
    let (mut depth, mut found) = (0, Vec::new());
    let mut pieces = line.split('"');
    let mut outside = pieces.next().unwrap_or_default();
    while let (Some(inside), Some(after)) = (pieces.next(), pieces.next()) {
        depth += outside.matches('{').count();
        depth -= outside.matches('}').count();
        if depth == 1 && after.starts_with(':') {
            found.push(inside.to_owned());
        }
        outside = after;
    }
    found
}

#[test]
fn the_bridge() {
    const KEYS: [&str; 13] = [
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
    let (folder, chain) = folder("bridge");
    let output = mia(&["levels", "--chain", &chain, "--json", "--vix", "18", "--dry-run"]);
    let old = snapshot_json::parse(done(&output).as_bytes()).expect("a snapshot");
    let schema = include_str!("../src/store/options/schemas/es-bias-bridge-1.json");
    let schema = serde_json::from_str(schema).expect("a schema");
    let schema = jsonschema::validator_for(&schema).expect("compiles");
    let mut valid = old.clone();
    valid.valid_until = Some("2100-01-04T20:30:00Z".to_owned());
    let mut no_go = valid.clone();
    no_go.sanity.status = "NO_GO".to_owned();
    let mut unavailable = valid.clone();
    let analysis = unavailable.analysis.as_mut().expect("levels");
    analysis.dealers_bias.dealers_bias_score = None;
    for (snapshot, code, status) in [
        (Some(&valid), 0, "ok"),
        (None, 2, "no_snapshot"),
        (Some(&old), 2, "stale"),
        (Some(&no_go), 2, "no_go"),
        (Some(&unavailable), 2, "unavailable"),
    ] {
        let (got, line) = bridge(&folder, snapshot);
        let answer: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!((got, answer["status"].as_str()), (Some(code), Some(status)), "{line}");
        assert!(schema.is_valid(&answer), "{line}");
        assert_eq!(keys(&line), KEYS, "{line}");
        assert_eq!(answer["ok"], serde_json::json!(code == 0));
        assert_eq!(answer["live_trigger"], serde_json::json!(false));
        let score = valid.analysis.as_ref().and_then(|a| a.dealers_bias.dealers_bias_score);
        let want = if code == 0 { score } else { None };
        assert_eq!(answer["score"].as_f64(), want, "{line}");
    }
    let output = mia(&["es-bias-bridge", "--symbol", "RUT", "--out", &path(&folder, "live")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).contains("\"status\":\"error\""), "{}", text(&output.stdout));
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// Reads a gzip file, as the shared ones are.
fn unpacked(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).expect("readable");
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).expect("gzip");
    bytes
}

/// Percentile and trend come from the closes before the date of the data.
#[test]
fn a_history_of_vix() {
    let Some(chain) = shared("data/options/cboe/spx_2022-07-12_quotedata.csv.gz") else { return };
    let Some(history) = shared("data/options/vix/VIX_History.csv.gz") else { return };
    let folder = live::folder("levels-vix");
    let csv = path(&folder, "VIX.csv");
    std::fs::write(&csv, unpacked(&history)).expect("written");
    let chain = chain.to_string_lossy();
    let args = ["levels", "--chain", &chain, "--vix-history", &csv, "--dry-run", "--json"];
    let given = mia(&[&args[..], &SPX].concat());
    let snapshot = snapshot_json::parse(done(&given).as_bytes()).expect("a snapshot");
    let vol = &snapshot.analysis.as_ref().expect("levels").vol;
    assert_eq!((vol.vix, vol.vix_trend.as_deref()), (Some(27.29), Some("neutral")));
    let percentile = vol.vix_percentile.expect("history");
    assert!((percentile - 0.734127).abs() < 5e-7, "{percentile}");
    // Without --vix a run at 11:40 knows the close before, and calls it that.
    let alone = mia(&args);
    let snapshot = snapshot_json::parse(done(&alone).as_bytes()).expect("a snapshot");
    let vol = &snapshot.analysis.as_ref().expect("levels").vol;
    assert_eq!((vol.vix, vol.vix_source.as_deref()), (Some(26.17), Some("eod")));
    std::fs::remove_dir_all(folder).expect("clean up");
}
