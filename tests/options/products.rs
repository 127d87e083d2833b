//! The files of both real chains: golden rows, the night files, and the end of their validity.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use mia::calendar::Calendar;
use mia::config::{OptionsConfig, VolatilityConfig};
use mia::context::Scope;
use mia::options::chain::{Chain, Underlying};
use mia::options::price::SpotMode;
use mia::providers::detect::read_chain;
use mia::providers::import::ImportOptions;
use mia::runtime::desk::{Around, Desk, Levelled};
use mia::runtime::vix::Vix;
use mia::store::options::bridge::Status;
use mia::store::options::{Mode, bridge, folders, latest};
use mia::units::{Reason, SECOND, Ts};
use mia_test_support::{live, shared};
use serde_json::{Value, json};

const SPX: (&str, f64) = ("spx_2022-07-12_quotedata.csv.gz", 27.29);
const NDX: (&str, f64) = ("ndx_2022-12-12_quotedata.csv.gz", 25.00);
/// Inside the capture window of the day of the SPX chain.
const IN_WINDOW: &str = "2022-07-12T19:35:00Z";

fn at(text: &str) -> Ts {
    folders::parse_ts(text).expect("a time")
}

/// What a capture is made with: a folder, a desk, the VIX of the day.
struct Capture {
    folder: PathBuf,
    desk: Desk,
    chain: Chain,
    around: Around,
}

impl Capture {
    /// The chain of a file with the settings of the golden numbers; `None` without real files.
    fn new(name: &str, (file, value): (&str, f64)) -> Option<Capture> {
        let bytes = std::fs::read(shared(&format!("data/options/cboe/{file}"))?).expect("readable");
        let history = std::fs::File::open(shared("data/options/vix/VIX_History.csv.gz")?);
        let folder = live::folder(&format!("products-{name}"));
        let closes = folder.join("VIX.csv");
        let mut plain = Vec::new();
        let mut packed = flate2::read::GzDecoder::new(history.expect("readable"));
        packed.read_to_end(&mut plain).expect("gzip");
        std::fs::write(&closes, plain).expect("written");
        let calendar = Arc::new(Calendar::bundled().expect("calendar"));
        let chain = read_chain(&bytes, &calendar, &ImportOptions::default()).expect("chain");
        let config = VolatilityConfig { vix_history: Some(closes), ..VolatilityConfig::default() };
        let mut vix = Vix::new(&config, &calendar).expect("history");
        vix.give(value, chain.asof, chain.asof, &calendar);
        let volatility = Some(vix.part(chain.asof, &calendar));
        let around = Around { volatility, ..Around::at(chain.asof) };
        let config = OptionsConfig {
            spot_mode: SpotMode::Print,
            out: folder.clone(),
            ..OptionsConfig::default()
        };
        let desk = Desk::new(&config, calendar, Mode::Replay);
        Some(Capture { folder, desk, chain, around })
    }

    /// Levels and their files; the paths that were written.
    fn take(&self) -> (Levelled, Vec<PathBuf>) {
        let levelled = self.desk.level(&self.chain, &self.around, None);
        let written = self.desk.write(&levelled, &self.chain, self.chain.captured);
        let written = written.expect("written");
        assert_eq!(written.warnings, Vec::<String>::new());
        (levelled, written.files)
    }

    /// The text of the file whose name ends so.
    #[track_caller]
    fn text(&self, files: &[PathBuf], end: &str) -> String {
        let path = files.iter().find(|p| p.to_string_lossy().ends_with(end));
        let path = path.unwrap_or_else(|| panic!("no {end} among {files:?}"));
        std::fs::read_to_string(path).expect("readable")
    }

    fn end(self) {
        std::fs::remove_dir_all(self.folder).expect("clean up");
    }
}

fn row<'a>(table: &'a str, symbol: &str) -> &'a str {
    let start = format!("{symbol},");
    table.lines().find(|line| line.starts_with(&start)).expect("a row")
}

#[test]
fn golden_rows() {
    for (name, given, stamp, day, a, b) in [
        (
            "SPX",
            SPX,
            "20220712_154000",
            "20220712",
            "SPX,2022-07-12T15:40:00Z,3856.28,4000.00,3800.00,3953.41,3855.00,3900.00,3875.00,",
            "SPX,2022-07-12T15:40:00Z,3856.28,-17838713064,NEG,,3953.41,4000.00,3800.00,3855.00,\
             3900.00,3875.00,15,20,open,0,cboe_csv,2",
        ),
        (
            "NDX",
            NDX,
            "20221213_011600",
            "20221213",
            "NDX,2022-12-13T01:16:00Z,11706.44,12000.00,11500.00,11040.18,,11650.00,,",
            "NDX,2022-12-13T01:16:00Z,11706.44,1044955585,POS,,11040.18,12000.00,11500.00,,\
             11650.00,,15,60,pre,0,cboe_csv,2",
        ),
    ] {
        let Some(capture) = Capture::new(name, given) else { return };
        let (_, files) = capture.take();
        let snapshot = format!("{}_snapshot_{stamp}.json", name.to_lowercase());
        assert!(files.iter().any(|p| p.ends_with(&snapshot)), "{files:?}");
        let table = capture.text(&files, &format!("sierra_levels_{day}.csv"));
        assert_eq!(row(&table, name), a);
        let table = capture.text(&files, &format!("sierra_levels_{day}_v2.csv"));
        assert_eq!(row(&table, name), b);
        let french = |p: &PathBuf| p.to_string_lossy().contains("niveaux");
        assert!(!files.iter().any(french), "not in the window: {files:?}");
        capture.end();
    }
}

/// The future's rows: the parity basis, every price on the quarter.
#[test]
fn rows_of_the_future() {
    for (given, future, day, index, basis) in
        [(SPX, "ES", "20220712", "SPX", 3.315092), (NDX, "NQ", "20221213", "NDX", 105.541826)]
    {
        let Some(capture) = Capture::new(future, given) else { return };
        let (levelled, files) = capture.take();
        let known: Vec<f64> = levelled.snapshot().futures.values().map(|f| f.basis).collect();
        assert!(known.iter().any(|b| (b - basis).abs() < 1e-6), "{known:?}, want {basis}");
        let table = capture.text(&files, &format!("sierra_levels_{day}.csv"));
        let cells = |symbol| row(&table, symbol).split(',').skip(2).map(str::parse::<f64>);
        for (own, of) in cells(future).zip(cells(index)) {
            match (own, of) {
                (Ok(own), Ok(of)) => {
                    assert_eq!((own / 0.25).fract(), 0.0, "{own}");
                    assert!((own - of - basis).abs() <= 0.125 + 0.005, "{own} {of}");
                }
                (Err(_), Err(_)) => {}
                (own, of) => panic!("{own:?} {of:?}: a cell is empty on one side"),
            }
        }
        capture.end();
    }
}

#[track_caller]
fn valid(schema: &str, text: &str) -> Value {
    let value: Value = serde_json::from_str(text).expect("JSON");
    let schema = serde_json::from_str(schema).expect("a schema");
    let schema = jsonschema::validator_for(&schema).expect("compiles");
    let errors: Vec<String> = schema.iter_errors(&value).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    value
}

#[track_caller]
fn near(value: &Value, want: f64, tolerance: f64) {
    let got = value.as_f64().expect("a number");
    assert!((got - want).abs() <= tolerance, "got {got}, want {want}");
}

/// The chain as if it had been captured in the window: what settles that day is not in the files
/// of the night.
#[test]
fn the_night_files() {
    let Some(mut capture) = Capture::new("night", SPX) else { return };
    capture.chain.captured = at(IN_WINDOW);
    let (levelled, files) = capture.take();
    assert_eq!(levelled.snapshot().sanity.status, "GO");
    let text = capture.text(&files, "options/spx_niveaux_critiques_20220712_193500.json");
    let schema = include_str!("../../src/store/options/schemas/niveaux-critiques.json");
    let levels = valid(schema, &text);
    let gamma = &levels["gamma_exposure"];
    near(&gamma["total_exposure"], 114_983_748_856.63, 115.0);
    near(&gamma["call_gamma"], 48_279_957_692.53, 49.0);
    near(&gamma["put_gamma"], 66_703_791_164.10, 67.0);
    near(&gamma["net_gamma"], -18_423_833_471.57, 19.0);
    near(&levels["gamma_flip_level"]["level"], 3977.509494, 1e-5);
    near(&levels["gamma_flip_level"]["distance_from_price"], -121.2295, 5e-5);
    near(&levels["vix_data"]["current_vix"], 27.29, 0.0);
    near(&levels["vix_data"]["vix_percentile"], 0.734127, 5e-7);
    assert_eq!(levels["vix_data"]["vix_trend"], json!("neutral"));
    near(&levels["put_call_ratio"]["current_ratio"], 1.667642, 1e-6);
    near(&levels["put_call_ratio"]["volume_ratio"], 1.988883, 1e-6);
    assert_eq!(levels["call_put_walls"]["major_call_walls"][0], json!(4000.0));
    assert_eq!(levels["call_put_walls"]["major_put_walls"][0], json!(3800.0));
    assert_eq!(levels["dealer_positioning"]["dealer_position"], json!("short"));
    let until = json!("2022-07-13T19:30:00Z");
    assert_eq!(levels["metadata"]["valid_until"], until);
    assert_eq!(levels["metadata"]["timestamp"], json!(IN_WINDOW));

    let text = capture.text(&files, "options/resume_sessions_asia_london.json");
    let schema = include_str!("../../src/store/options/schemas/resume-sessions.json");
    let summary = valid(schema, &text);
    let signals = json!({
        "gamma_bias": "bearish",
        "vix_signal": "high_vol",
        "flow_signal": "put_heavy",
        "dealer_signal": "short"
    });
    assert_eq!(summary["signaux_trading"], signals);
    assert_eq!(summary["session_info"]["valid_until"], until);
    near(&summary["niveaux_cles"]["gamma_flip"], 3977.509494, 1e-5);
    near(&summary["niveaux_cles"]["vix_level"], 27.29, 0.0);
    near(&summary["niveaux_cles"]["put_call_ratio"], 1.667642, 1e-6);
    let prices = |name: &str| -> Vec<f64> {
        let list = summary["niveaux_techniques"][name].as_array().expect("a list");
        list.iter().map(|x| x.as_f64().expect("a price")).collect()
    };
    let (above, below) = (prices("resistance_levels"), prices("support_levels"));
    assert!(above.len() <= 3 && above.is_sorted() && above.iter().all(|&x| x > 3856.28));
    assert!(below.len() <= 3 && below.is_sorted_by(|a, b| a >= b));
    assert!(below.iter().all(|&x| x < 3856.28) && below.contains(&3800.0), "{below:?}");

    // Inside the window Sierra draws the night, too.
    let table = capture.text(&files, "sierra_levels_20220712.csv");
    let night = "SPX,2022-07-12T15:40:00Z,3856.28,4000.00,3800.00,3977.51,";
    assert!(row(&table, "SPX").starts_with(night), "{table}");
    let schema = include_str!("../../src/store/options/schemas/options-snapshot-1.json");
    valid(schema, &capture.text(&files, "spx_snapshot_20220712_193500.json"));
    capture.end();
}

/// Levels are there until the next window begins, and not one nanosecond longer.
#[test]
fn levels_end_with_their_validity() {
    let Some(mut capture) = Capture::new("validity", SPX) else { return };
    capture.chain.captured = at(IN_WINDOW);
    let (levelled, _) = capture.take();
    let until = at("2022-07-13T19:30:00Z");
    let last = Ts(until.0 - 1);
    for scope in [Scope::All, Scope::Overnight] {
        let part = levelled.part(scope).expect("levels");
        assert_eq!(part.valid_until_ns, until);
        assert_eq!((part.usable(last), part.usable(until)), (Ok(()), Err(Reason::Stale)));
    }
    let folder = capture.folder.join("replay/snapshots/options");
    let status = |now: Ts| {
        let found = latest(&folder, Underlying::Spx, now).expect("readable");
        let answer = bridge(found.best(), now);
        (answer.status, answer.ok, answer.score.is_some())
    };
    assert_eq!(status(last), (Status::Ok, true, true));
    assert_eq!(status(until), (Status::Stale, false, false));
    assert_eq!(status(Ts(at(IN_WINDOW).0 - SECOND)), (Status::NoSnapshot, false, false));
    capture.end();
}
