//! The real chain files import to what is known of them.
//!
//! Sums over the rows are checked against the numbers of an independent program on the same files:
//! a column that is read from the wrong place, or a contract lost, changes them.

use std::io::Read;
use std::path::PathBuf;

use mia::calendar::Calendar;
use mia::options::chain::{
    Chain, DelayClass, IvClock, Right, Root, Roots, Row, SourceKind, Underlying,
};
use mia::providers::import::{Fault, ImportError, ImportOptions};
use mia::providers::{cboe_csv, cboe_json, detect, own_jsonl};
use mia::units::Ts;
use mia_test_support::shared;

const SPX: &str = "data/options/cboe/spx_2022-07-12_quotedata.csv.gz";
const NDX: &str = "data/options/cboe/ndx_2022-12-12_quotedata.csv.gz";
const RUT: &str = "data/options/cboe/rut_2023-09-21_delayed_quotes_extract.json.gz";
/// The sample is about an index that is none of the product's.
const TEST_ROOTS: Roots = Roots(&[("RUT", Root::Spx), ("RUTW", Root::Spxw)]);

fn packed(path: PathBuf) -> Vec<u8> {
    std::fs::read(path).expect("a readable file")
}

fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut plain).expect("gzip");
    plain
}

fn calendar() -> Calendar {
    Calendar::bundled().expect("calendar")
}

fn import(bytes: &[u8]) -> Result<Chain, ImportError> {
    detect::read_chain(bytes, &calendar(), &ImportOptions::default())
}

fn at(text: &str) -> Ts {
    let t: jiff::Timestamp = text.parse().expect("instant");
    Ts(i64::try_from(t.as_nanosecond()).expect("range"))
}

fn sum(chain: &Chain, value: impl Fn(&Row) -> Option<f64>) -> f64 {
    chain.rows.iter().filter_map(value).sum()
}

/// Σput/Σcall.
fn put_call(chain: &Chain, value: impl Fn(&Row) -> Option<f64>) -> f64 {
    let of = |right| sum(chain, |row| value(row).filter(|_| row.osi.right == right));
    of(Right::Put) / of(Right::Call)
}

fn near(found: f64, expected: f64, relative: f64) {
    let error = ((found - expected) / expected).abs();
    assert!(error <= relative, "{found} instead of {expected}");
}

/// What is known of a quote table.
struct Known {
    underlying: Underlying,
    asof: &'static str,
    spot: f64,
    received: u32,
    used: usize,
    open_interest: f64,
    put_call_volume: f64,
    put_call_interest: f64,
    vendor_gamma_net: f64,
    vendor_delta: f64,
    sha256: &'static str,
}

fn quote_table(name: &str, known: &Known) {
    let Some(path) = shared(name) else { return };
    let packed = packed(path);
    let plain = unpacked(&packed);
    let chain = import(&plain).expect("a chain");
    assert_eq!(chain, import(&packed).expect("a chain"));
    let direct = cboe_csv::read(&plain, &calendar(), &ImportOptions::default());
    assert_eq!(Ok(&chain), direct.as_ref());

    assert_eq!((chain.underlying, chain.asof), (known.underlying, at(known.asof)));
    assert_eq!(chain.captured, chain.asof);
    let print = chain.print.expect("a print");
    assert_eq!((print.value, print.ts), (known.spot, chain.asof));
    let p = &chain.provenance;
    assert_eq!((p.provider.as_str(), p.source_kind), ("cboe_csv", SourceKind::File));
    assert_eq!((p.delay_class, p.declared_delay_s), (DelayClass::Delayed15, 900));
    assert_eq!((p.iv_clock, p.received), (IvClock::Exchange, known.received));
    assert_eq!(chain.rows.len(), known.used);
    let expired = usize::try_from(known.received).expect("count") - known.used;
    assert_eq!(p.dropped.values().map(|&n| n as usize).sum::<usize>(), expired);
    assert_eq!(p.dropped.get("expired").map_or(0, |&n| n as usize), expired);
    assert!(p.file_sha256.as_deref().is_some_and(|hex| hex.starts_with(known.sha256)));
    assert!(p.warnings.is_empty(), "{:?}", p.warnings);

    let s = known.spot;
    let signed = |row: &Row| {
        let sign = if row.osi.right == Right::Call { 1.0 } else { -1.0 };
        Some(sign * row.vendor_gamma? * row.open_interest?)
    };
    near(sum(&chain, |row| row.open_interest), known.open_interest, 0.0);
    near(put_call(&chain, |row| row.volume), known.put_call_volume, 1e-6);
    near(put_call(&chain, |row| row.open_interest), known.put_call_interest, 1e-6);
    near(sum(&chain, signed) * 100.0 * s * s * 0.01, known.vendor_gamma_net, 1e-9);
    let delta = sum(&chain, |row| Some(row.vendor_delta? * row.open_interest?));
    near(delta * 100.0 * s, known.vendor_delta, 1e-9);

    let record = own_jsonl::write(&chain).expect("written");
    let mut again = import(&record).expect("a chain");
    assert_eq!(again.provenance.source_kind, SourceKind::Replay);
    again.provenance.source_kind = SourceKind::File;
    assert_eq!(again, chain);
}

#[test]
fn spx_quote_table() {
    quote_table(
        SPX,
        &Known {
            underlying: Underlying::Spx,
            asof: "2022-07-12T15:40:00Z",
            spot: 3856.28,
            received: 19_378,
            used: 19_378,
            open_interest: 15_716_365.0,
            put_call_volume: 1.356045,
            put_call_interest: 1.669456,
            vendor_gamma_net: -17_486_629_436.61,
            vendor_delta: -455_477_471_519.66,
            sha256: "43f1825b85e2eab6",
        },
    );
}

#[test]
fn ndx_quote_table() {
    quote_table(
        NDX,
        &Known {
            underlying: Underlying::Ndx,
            asof: "2022-12-13T01:16:00Z",
            spot: 11706.4395,
            received: 19_118,
            used: 18_402,
            open_interest: 166_859.0,
            put_call_volume: 0.858555,
            put_call_interest: 0.939274,
            vendor_gamma_net: 1_087_541_495.616,
            vendor_delta: 817_834_339.834,
            sha256: "205522243d65cb3a",
        },
    );
}

/// What the calendar of the file says of its first and last series.
#[test]
fn spx_series_settle_by_their_root() {
    let Some(path) = shared(SPX) else { return };
    let chain = import(&packed(path)).expect("a chain");
    let settles = |ticker: &str| {
        let row = chain.rows.iter().find(|row| row.osi.to_string() == ticker);
        row.map(|row| row.settle_ts)
    };
    assert_eq!(settles("SPXW220712C01000000"), Some(at("2022-07-12T20:00:00Z")));
    assert_eq!(settles("SPX271217P08000000"), Some(at("2027-12-17T14:30:00Z")));
    let last = chain.rows.last().expect("rows");
    assert_eq!((last.osi.right, last.osi.strike()), (Right::Put, 8000.0));
    assert_eq!((last.bid, last.ask, last.vendor_iv), (Some(3129.4), Some(3321.4), Some(0.1672)));
    let expiries: std::collections::BTreeSet<_> = chain.rows.iter().map(|r| r.osi.expiry).collect();
    assert_eq!(expiries.len(), 47);
}

/// The delay and a given time move the time of the data, and with it what has settled.
#[test]
fn a_given_time_comes_first() {
    let Some(path) = shared(SPX) else { return };
    let bytes = packed(path);
    let read = |options: &ImportOptions| detect::read_chain(&bytes, &calendar(), options);
    let undelayed = ImportOptions { file_delay_s: 0, ..ImportOptions::default() };
    assert_eq!(read(&undelayed).expect("a chain").asof, at("2022-07-12T15:55:00Z"));
    let asof = Some(at("2022-07-12T20:00:00Z"));
    let chain = read(&ImportOptions { asof, ..undelayed }).expect("a chain");
    assert_eq!((Some(chain.asof), chain.rows.len()), (asof, 19_134));
}

#[test]
fn rut_delayed_quotes() {
    let Some(path) = shared(RUT) else { return };
    let packed = packed(path);
    let plain = unpacked(&packed);
    assert_eq!(import(&packed).expect_err("no product root").fault, Fault::Empty);

    let options = ImportOptions { roots: TEST_ROOTS, ..ImportOptions::default() };
    let read = |bytes: &[u8]| detect::read_chain(bytes, &calendar(), &options);
    let chain = read(&plain).expect("a chain");
    assert_eq!(chain, read(&packed).expect("a chain"));
    assert_eq!(Ok(&chain), cboe_json::read(&plain, &calendar(), &options).as_ref());
    assert_eq!(chain.asof, at("2023-09-21T03:02:42Z"));
    let print = chain.print.expect("a print");
    assert_eq!((print.value, print.ts), (1806.1193, at("2023-09-20T20:15:04Z")));
    let p = &chain.provenance;
    assert_eq!((p.provider.as_str(), p.received), ("cboe_json", 1_174));
    assert_eq!(p.dropped.get("expired"), Some(&338), "the series of the day before");
    assert_eq!((p.dropped.len(), chain.rows.len()), (1, 836));

    let osi = |row: &&Row| row.osi.to_string() == "SPX231020C01810000";
    let call = chain.rows.iter().find(osi).expect("a near call");
    assert_eq!((call.bid, call.ask, call.vendor_iv), (Some(37.6), Some(38.1), Some(0.1735)));
    assert_eq!((call.vendor_delta, call.vendor_gamma), (Some(0.5345), Some(0.0044)));
    assert_eq!((call.vendor_vega, call.vendor_theta), (Some(2.0505), Some(-0.5906)));
    assert_eq!(call.settle_ts, at("2023-10-20T13:30:00Z"));
}

/// A file that was cut anywhere is refused or, at a line's end, shorter; it never panics.
#[test]
fn cut_files() {
    let Some(path) = shared(RUT) else { return };
    let plain = unpacked(&packed(path));
    for end in (0..plain.len()).step_by(19_997) {
        let options = ImportOptions { roots: TEST_ROOTS, ..ImportOptions::default() };
        let found = detect::read_chain(&plain[..end], &calendar(), &options);
        assert_eq!(found.expect_err("not whole").fault, Fault::Format, "{end}");
    }
    let Some(path) = shared(NDX) else { return };
    let packed = packed(path);
    for end in (3..packed.len()).step_by(9_973) {
        let error = import(&packed[..end]).expect_err("not whole");
        assert_eq!(error.fault, Fault::Truncated, "{end} {error}");
    }
}
