//! Tables and pictures of the real files: what is in them, and that CSV and Parquet say the same.

use mia_test_support as common;
use mia_test_support::live;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

const ES: &str = "data/ticks/esh4-glbx-mdp3-20231225.mbo.dbn.zst";
const MNQ: &str = "data/ticks/MNQU21-CME.scid";

fn mia(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mia")).args(args).output().expect("runs")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Writes a table and says that it went well.
fn replay(file: &Path, out: &Path, every: &str) {
    let args = ["replay", text(file), "--features", text(out), "--every", every, "--json"];
    let done = mia(&args);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

type Table = (Vec<String>, Vec<Vec<String>>);

fn csv_table(path: &Path) -> Table {
    let mut reader = csv::Reader::from_path(path).expect("readable");
    let header = reader.headers().expect("header").iter().map(str::to_owned).collect();
    let rows = reader.records().map(|row| row.expect("row").iter().map(str::to_owned).collect());
    (header, rows.collect())
}

/// A Parquet file with its cells as CSV writes them.
fn parquet_table(path: &Path) -> Table {
    let file = std::fs::File::open(path).expect("readable");
    let reader = SerializedFileReader::new(file).expect("Parquet");
    let schema = reader.metadata().file_metadata().schema();
    let header = schema.get_fields().iter().map(|f| f.name().to_owned()).collect();
    let cell = |field: &Field| match field {
        Field::Null => String::new(),
        Field::Str(s) => s.clone(),
        Field::Bool(b) => b.to_string(),
        Field::Long(n) => n.to_string(),
        Field::Double(n) => n.to_string(),
        Field::Date(days) => {
            let day = jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(i64::from(*days));
            day.to_string()
        }
        // The row reader has no name for nanoseconds and gives the plain number.
        other => panic!("{other:?}"),
    };
    let rows = reader.get_row_iter(None).expect("rows").map(|row| {
        row.expect("row").get_column_iter().map(|(_, field)| cell(field)).collect::<Vec<_>>()
    });
    (header, rows.collect())
}

fn column(table: &Table, name: &str) -> Vec<String> {
    let at = table.0.iter().position(|n| n == name).unwrap_or_else(|| panic!("no {name}"));
    table.1.iter().map(|row| row[at].clone()).collect()
}

fn number(cell: &str) -> f64 {
    cell.parse().expect("a number")
}

/// The ES file: 59 bars; their sums are those of the trades, the last row's VWAP and CVD too.
#[test]
fn es_bars() {
    let Some(file) = common::shared(ES) else { return };
    let folder = live::folder("output-es");
    let (csv, parquet) = (folder.join("a.csv"), folder.join("a.parquet"));
    replay(&file, &csv, "1m");
    replay(&file, &parquet, "1m");
    let table = csv_table(&csv);
    assert_eq!(table.1.len(), 59);
    let first = |name: &str| column(&table, name)[0].clone();
    assert_eq!((first("symbol"), first("session")), ("ESH4".to_owned(), "ASIA".to_owned()));
    assert_eq!(
        (first("trade_date"), first("open")),
        ("2023-12-26".to_owned(), "4800.25".to_owned())
    );
    assert_eq!(first("bar_end"), "2023-12-25T23:01:00.000000000Z");
    assert_eq!((first("cvd_slope_z"), first("cvd_slope_z_reason")), ("".into(), "WARMUP".into()));
    assert_eq!(first("preset"), "S4-groups");
    for (time, end) in column(&table, "time").iter().zip(column(&table, "bar_end")) {
        // RFC 3339 with nine decimals sorts as text.
        assert!(*time >= end, "{time} {end}");
    }
    let highs = column(&table, "high").iter().map(|c| number(c)).fold(0.0, f64::max);
    let volume: f64 = column(&table, "volume").iter().map(|c| number(c)).sum();
    assert_eq!(highs, 4811.75);
    assert!((9000.0..=9892.0).contains(&volume), "{volume}: all but the open minute");
    for name in ["order_book_imbalance", "delta_ratio", "vwap_position_z", "tick_momentum"] {
        let present = column(&table, name).iter().filter(|c| !c.is_empty()).count();
        assert!(present > 30, "{name}: {present}");
    }
    same(&table, &parquet_table(&parquet));
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// Cell by cell the same; instants as nanoseconds on one side.
fn same(csv: &Table, parquet: &Table) {
    assert_eq!(csv.0, parquet.0);
    assert_eq!(csv.1.len(), parquet.1.len());
    for (ours, theirs) in csv.1.iter().zip(&parquet.1) {
        for ((name, ours), theirs) in csv.0.iter().zip(ours).zip(theirs) {
            if matches!(name.as_str(), "time" | "bar_end" | "pattern_at") && !ours.is_empty() {
                let at: jiff::Timestamp = ours.parse().expect("RFC 3339");
                assert_eq!(at.as_nanosecond().to_string(), *theirs, "{name}");
            } else {
                assert_eq!(ours, theirs, "{name}");
            }
        }
    }
}

/// The schema says what pandas and DuckDB need to know.
#[test]
fn parquet_types() {
    use parquet::basic::{Encoding, LogicalType, TimeUnit};
    let Some(file) = common::shared("data/ticks/ES-10-records.scid") else { return };
    let folder = live::folder("output-types");
    let path = folder.join("a.parquet");
    replay(&file, &path, "1");
    let reader = SerializedFileReader::new(std::fs::File::open(&path).expect("there"));
    let reader = reader.expect("Parquet");
    let meta = reader.metadata();
    let columns = meta.file_metadata().schema_descr().columns();
    let logical = |name: &str| {
        let found = columns.iter().find(|c| c.name() == name).expect(name);
        found.logical_type_ref().cloned()
    };
    assert_eq!(logical("time"), Some(LogicalType::timestamp(true, TimeUnit::NANOS)));
    assert_eq!(logical("trade_date"), Some(LogicalType::Date));
    assert_eq!(logical("pin_score_reason"), Some(LogicalType::String));
    assert_eq!(logical("pin_score"), None);
    let at = columns.iter().position(|c| c.name() == "pin_score_reason").expect("there");
    let chunk = meta.row_group(0).column(at);
    assert!(chunk.encodings().any(|e| e == Encoding::RLE_DICTIONARY), "dictionary encoded");
    let facts = meta.file_metadata().key_value_metadata().expect("facts");
    let fact = |key: &str| facts.iter().find(|f| f.key == key).and_then(|f| f.value.clone());
    assert_eq!(fact("mia.preset").as_deref(), Some("S4-groups"));
    assert!(fact("mia.column.vwap").expect("there").ends_with("[points]"));
    assert_eq!(meta.file_metadata().num_rows(), 10);
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// Rows by time, by longer bars and by events; and those of a journal are those of its file.
#[test]
fn other_steps_and_a_journal() {
    let Some(file) = common::shared(ES) else { return };
    let folder = live::folder("output-steps");
    let count = |every: &str| {
        let out = folder.join("a.csv");
        replay(&file, &out, every);
        csv_table(&out)
    };
    let five = count("5m");
    assert_eq!(five.1.len(), 11);
    let minutes = count("1m");
    let sum = |table: &Table, rows: usize| -> f64 {
        column(table, "volume").iter().take(rows).map(|c| number(c)).sum()
    };
    assert_eq!(sum(&five, 11), sum(&minutes, 55));
    let seconds = count("10s").1.len();
    assert!((350..=360).contains(&seconds), "{seconds} steps of 10 s in an hour");
    assert!(count("10000").1.len() >= 5);
    let journal = folder.join("a.mjrnl");
    let made = mia(&["replay", text(&file), "--journal", text(&journal), "--json"]);
    assert!(made.status.success());
    let out = folder.join("j.csv");
    replay(&journal, &out, "1m");
    assert_eq!(csv_table(&out), minutes);
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// Months of a thin contract: a row for each bar, none for weekends.
#[test]
fn mnq_months() {
    let Some(file) = common::shared(MNQ) else { return };
    let folder = live::folder("output-mnq");
    let out = folder.join("a.csv");
    replay(&file, &out, "1h");
    let table = csv_table(&out);
    let sessions = column(&table, "session");
    assert!(sessions.iter().all(|s| s != "CLOSED" && s != "HALT"));
    let days = column(&table, "trade_date");
    assert!(days.is_sorted() && days.iter().any(|d| d == "2021-04-29"));
    let volume: f64 = column(&table, "volume").iter().map(|c| number(c)).sum();
    assert!((37_000.0..=37_836.0).contains(&volume), "{volume}");
    std::fs::remove_dir_all(folder).expect("clean up");
}

#[test]
fn errors_say_what_is_wrong_and_leave_nothing() {
    let Some(file) = common::shared("data/ticks/ES-10-records.scid") else { return };
    let folder = live::folder("output-errors");
    let copy = folder.join("ES-10-records.scid");
    std::fs::copy(&file, &copy).expect("copied");
    let missing = folder.join("missing/a.csv");
    let other = folder.join("a.txt");
    for (args, word) in [
        (vec!["replay", text(&copy), "--features", text(&other)], ".parquet"),
        (vec!["replay", text(&copy), "--features", text(&missing)], "missing"),
        (vec!["replay", text(&copy), "--features", text(&copy)], "input"),
        (vec!["replay", text(&copy), "--features", "a.csv", "--every", "0s"], "1ms"),
        (vec!["plot", text(&copy), "--out", text(&other)], ".svg"),
        (vec!["plot", text(&copy), "--out", text(&copy)], ".svg"),
        (vec!["plot", text(&copy), "--out", "/proc/none/a.png"], "/proc/none"),
        (vec!["plot", text(&copy), "--out", "a.png", "--from", "noon"], "2021-04-29"),
        (vec!["plot", text(&copy), "--out", "a.png", "--symbol", "NQ"], "ES-10-records"),
        (vec!["plot", text(&copy), "--out", "a.png", "--from", "2030-01-01"], "no completed bar"),
    ] {
        let done = Command::new(env!("CARGO_BIN_EXE_mia"))
            .args(&args)
            .current_dir(&folder)
            .output()
            .expect("runs");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && said.contains(word), "{args:?}: {said}");
    }
    assert_eq!(std::fs::read(&copy).expect("as it was").len(), 456);
    let left: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("folder")
        .map(|entry| entry.expect("entry").path())
        .collect();
    assert_eq!(left, [copy], "nothing half done");
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// The picture of the ES hour in all three forms.
#[test]
fn pictures() {
    let Some(file) = common::shared(ES) else { return };
    let folder = live::folder("output-plot");
    let spine = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spine.toml");
    let read = |name: &str| {
        let out = folder.join(name);
        let args = ["plot", text(&file), "--out", text(&out), "--config", text(&spine)];
        let done = mia(&args);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        std::fs::read(out).expect("written")
    };
    let svg = String::from_utf8(read("a.svg")).expect("text");
    for word in [
        "ESH4",
        "Tue 26 Dec 2023",
        "VWAP",
        "POC",
        "VAH",
        "18:30",
        "ASIA",
        "New York time",
        "signal",
        "largest trades",
        "CVD",
    ] {
        assert!(svg.contains(word), "{word}");
    }
    assert!(svg.matches("<rect").count() > 3 * 59, "candles, volume, profile");
    let html = String::from_utf8(read("a.html")).expect("text");
    assert!(html.contains("<svg") && html.contains("\"candles\":[["));
    for outside in ["src=\"http", "href=\"http", "url(http", "@import"] {
        assert!(!html.contains(outside), "a page of its own: {outside}");
    }
    let png = read("a.png");
    let mut pixels = tiny_skia::Pixmap::decode_png(&png).expect("PNG");
    assert_eq!((pixels.width(), pixels.height()), (3200, 2000));
    let dark = pixels.pixels_mut().iter().filter(|p| p.red() < 80).count();
    assert!(dark > 20_000, "{dark} dark pixels: text and candles");
    std::fs::remove_dir_all(folder).expect("clean up");
}
