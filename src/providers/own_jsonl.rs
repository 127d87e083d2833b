//! Our own record of a chain: a line about the chain, then one line per contract, all JSON.
//!
//! What is written reads back bit for bit, but for [`SourceKind::Replay`]; `null` and an absent
//! field are the same. Instants are ns since 1970 UTC. The first line says how many contracts
//! follow, so that a file which ends too early is seen. A record is refused as a whole where it
//! breaks what a [`Chain`] promises. Cost: one pass; about 190 bytes a contract.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::import::{
    Fault, ImportError, ImportOptions, MAX_BYTES, MAX_CONTRACTS, check_json, excerpt,
};
use crate::options::chain::{
    Chain, DelayClass, Drop, IvClock, Osi, Print, Provenance, Roots, Row, SourceKind, Underlying,
    arrange,
};
use crate::units::Ts;

/// Value of `schema`.
pub const SCHEMA: &str = "mia-chain/1";
/// First bytes of a record.
const START: &[u8] = b"{\"schema\":\"mia-chain/";
/// Reasons that `provenance.dropped` knows.
const DROPS: [Drop; 8] = [
    Drop::Malformed,
    Drop::RootForeign,
    Drop::DetailsMismatch,
    Drop::RightOther,
    Drop::Multiplier,
    Drop::Expired,
    Drop::Duplicate,
    Drop::Filtered,
];
/// Names that `provenance.counts` knows.
const COUNTS: [&str; 7] = [
    "crossed",
    "negative_gamma",
    "empty_no_results",
    "future_time",
    "print_without_time",
    "underlying_mismatch",
    "volume_before_open",
];

/// The first line.
#[derive(Serialize, Deserialize)]
struct Header<'a> {
    schema: Cow<'a, str>,
    underlying: Underlying,
    asof: Ts,
    captured: Ts,
    print: Option<PrintLine>,
    provenance: ProvenanceLine<'a>,
    rows: u32,
}

#[derive(Serialize, Deserialize)]
struct PrintLine {
    value: f64,
    ts: Ts,
}

/// See [`Provenance`].
#[derive(Serialize, Deserialize)]
struct ProvenanceLine<'a> {
    provider: Cow<'a, str>,
    source_kind: SourceKind,
    delay_class: DelayClass,
    declared_delay_s: u32,
    iv_clock: IvClock,
    pages: u32,
    requests: u32,
    retries: u32,
    received: u32,
    dropped: BTreeMap<Cow<'a, str>, u32>,
    counts: BTreeMap<Cow<'a, str>, u32>,
    oi_date: Option<String>,
    file_sha256: Option<Cow<'a, str>>,
    warnings: Cow<'a, [String]>,
    fetch_start: Option<Ts>,
    fetch_end: Option<Ts>,
}

/// A contract; see [`Row`].
#[derive(Serialize, Deserialize)]
struct Line {
    osi: String,
    settle_ts: Ts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bid: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ask: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bid_size: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ask_size: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quote_ts: Option<Ts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_ts: Option<Ts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    volume: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open_interest: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vendor_iv: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vendor_delta: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vendor_gamma: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vendor_theta: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vendor_vega: Option<f64>,
}

/// Whether the bytes are a record, of whatever version.
#[must_use]
pub fn is_it(bytes: &[u8]) -> bool {
    bytes.starts_with(START)
}

/// The record of a chain.
///
/// # Errors
/// That of the writer; none is known for a chain.
pub fn write(chain: &Chain) -> Result<Vec<u8>, simd_json::Error> {
    let mut out = simd_json::serde::to_vec(&header(chain))?;
    out.push(b'\n');
    for row in &chain.rows {
        simd_json::serde::to_writer(&mut out, &line(row))?;
        out.push(b'\n');
    }
    Ok(out)
}

/// Reads a record. A given [`ImportOptions::asof`] takes the place of the recorded time; what
/// has settled until then is left out. Roots are the product's own.
///
/// # Errors
/// [`Fault::Truncated`] where lines or the end of the last one are missing, [`Fault::Format`] for
/// a line that cannot be read or breaks what [`Chain`] promises, [`Fault::Time`] for a given time
/// before the recorded one, [`Fault::TooLarge`].
pub fn read(bytes: &[u8], options: &ImportOptions) -> Result<Chain, ImportError> {
    if bytes.len() > MAX_BYTES {
        return Err(ImportError::new(Fault::TooLarge, format!("more than {MAX_BYTES} bytes")));
    }
    let mut lines = bytes.split_inclusive(|&b| b == b'\n').zip(1_u64..);
    let (first, _) = lines.next().unwrap_or_default();
    let mut copy = whole(first, 1)?.to_vec();
    let header: Header<'_> =
        simd_json::from_slice(&mut copy).map_err(|e| unreadable(first, 1, &e))?;
    if header.schema != SCHEMA {
        let schema = excerpt(header.schema.as_bytes());
        let what = format!("schema `{schema}`, this build reads `{SCHEMA}`");
        return Err(ImportError::new(Fault::Format, what).at(1));
    }
    if header.rows > MAX_CONTRACTS {
        return Err(ImportError::new(Fault::TooLarge, format!("{} contracts", header.rows)).at(1));
    }

    // The count of the first line is a claim: the lines themselves are what is stored.
    let mut rows: Vec<Row> = Vec::new();
    let mut copy = Vec::new();
    for (text, at) in lines.by_ref().take(header.rows as usize) {
        copy.clear();
        copy.extend_from_slice(whole(text, at)?);
        let line: Line = simd_json::from_slice(&mut copy).map_err(|e| unreadable(text, at, &e))?;
        let row = row(&line).ok_or_else(|| promise(at, "a contract that cannot be read"))?;
        check(&row, rows.last(), &header).map_err(|what| promise(at, what))?;
        rows.push(row);
    }
    let found = rows.len();
    if found != header.rows as usize {
        let what = format!("{found} contracts of {}", header.rows);
        return Err(ImportError::new(Fault::Truncated, what));
    }
    if let Some((_, at)) = lines.next() {
        return Err(promise(at, "more lines than the first one says"));
    }
    later(chain(&header, rows)?, options)
}

/// A line without its end; the writer ends every line.
fn whole(line: &[u8], at: u64) -> Result<&[u8], ImportError> {
    let text = line.strip_suffix(b"\n").ok_or_else(|| {
        let what = format!("the record ends inside `{}`", excerpt(line));
        ImportError::new(Fault::Truncated, what).at(at)
    })?;
    check_json(text).map_err(|error| error.at(at))?;
    Ok(text)
}

fn unreadable(line: &[u8], at: u64, error: &simd_json::Error) -> ImportError {
    let what = format!("cannot read `{}`: {error}", excerpt(line));
    ImportError::new(Fault::Format, what).at(at)
}

fn promise(at: u64, what: &str) -> ImportError {
    ImportError::new(Fault::Format, format!("{what}: the record was changed")).at(at)
}

/// What a chain promises of its rows.
fn check(row: &Row, before: Option<&Row>, header: &Header<'_>) -> Result<(), &'static str> {
    let key = |r: &Row| (r.osi.expiry, r.osi.root, r.osi.strike_milli, r.osi.right);
    let mut clean = *row;
    clean.clean();
    if row.osi.root.underlying() != header.underlying {
        Err("a contract of another index")
    } else if before.is_some_and(|before| key(before) >= key(row)) {
        Err("a contract out of order")
    } else if row.settle_ts <= header.asof || row.settle_ts > Ts::MAX {
        Err("a contract that has settled")
    } else if clean != *row {
        Err("a value that is none")
    } else {
        Ok(())
    }
}

/// The chain at a given time instead of the recorded one.
fn later(mut chain: Chain, options: &ImportOptions) -> Result<Chain, ImportError> {
    let Some(asof) = options.asof else { return Ok(chain) };
    if asof < chain.asof {
        let what = format!("the given time {asof} lies before the recorded one, {}", chain.asof);
        return Err(ImportError::new(Fault::Time, what));
    }
    chain.asof = asof;
    chain.rows = arrange(chain.rows, asof, &mut chain.provenance).map_err(|conflict| {
        ImportError::new(Fault::DuplicateConflict, format!("{} twice", conflict.0))
    })?;
    Ok(chain)
}

fn some(ts: Ts) -> Option<Ts> {
    Some(ts).filter(|ts| ts.is_some())
}

fn none(ts: Option<Ts>) -> Ts {
    ts.unwrap_or(Ts::NONE)
}

fn header(chain: &Chain) -> Header<'_> {
    let p = &chain.provenance;
    let named = |counts: &BTreeMap<&'static str, u32>| {
        counts.iter().map(|(&name, &n)| (Cow::Borrowed(name), n)).collect()
    };
    let (fetch_start, fetch_end) = p.fetched;
    Header {
        schema: Cow::Borrowed(SCHEMA),
        underlying: chain.underlying,
        asof: chain.asof,
        captured: chain.captured,
        print: chain.print.map(|Print { value, ts }| PrintLine { value, ts }),
        provenance: ProvenanceLine {
            provider: Cow::Borrowed(&p.provider),
            source_kind: p.source_kind,
            delay_class: p.delay_class,
            declared_delay_s: p.declared_delay_s,
            iv_clock: p.iv_clock,
            pages: p.pages,
            requests: p.requests,
            retries: p.retries,
            received: p.received,
            dropped: named(&p.dropped),
            counts: named(&p.counts),
            oi_date: p.oi_date.map(|day| day.to_string()),
            file_sha256: p.file_sha256.as_deref().map(Cow::Borrowed),
            warnings: Cow::Borrowed(&p.warnings),
            fetch_start: some(fetch_start),
            fetch_end: some(fetch_end),
        },
        rows: u32::try_from(chain.rows.len()).unwrap_or(u32::MAX),
    }
}

/// The chain of a first line and its rows.
fn chain(header: &Header<'_>, rows: Vec<Row>) -> Result<Chain, ImportError> {
    let p = &header.provenance;
    let mut provenance = Provenance::new(&p.provider, SourceKind::Replay, p.delay_class);
    provenance.declared_delay_s = p.declared_delay_s;
    provenance.iv_clock = p.iv_clock;
    (provenance.pages, provenance.requests, provenance.retries) = (p.pages, p.requests, p.retries);
    provenance.received = p.received;
    provenance.warnings = p.warnings.to_vec();
    provenance.dropped = known(&p.dropped, DROPS.map(Drop::name), &mut provenance.warnings);
    provenance.counts = known(&p.counts, COUNTS, &mut provenance.warnings);
    let date = |text: &String| text.parse::<Date>().map_err(|_| promise(1, "no date in `oi_date`"));
    provenance.oi_date = p.oi_date.as_ref().map(date).transpose()?;
    provenance.file_sha256 = p.file_sha256.as_ref().map(|hex| hex.clone().into_owned());
    provenance.fetched = (none(p.fetch_start), none(p.fetch_end));
    let print = header.print.as_ref().map(|p| Print { value: p.value, ts: p.ts });
    let print_holds = print.is_none_or(|p| p.value.is_finite() && p.value > 0.0);
    let held = |ts: Ts| Ts::from_outside(ts.0) == ts && ts.is_some();
    if !print_holds || !held(header.asof) || !held(header.captured) {
        return Err(promise(1, "a time or index value that is none"));
    }
    let Header { underlying, asof, captured, .. } = *header;
    Ok(Chain { underlying, asof, captured, print, rows, provenance })
}

/// Counts by name; a name of a newer build is left out with a warning.
fn known<const N: usize>(
    counts: &BTreeMap<Cow<'_, str>, u32>,
    names: [&'static str; N],
    warnings: &mut Vec<String>,
) -> BTreeMap<&'static str, u32> {
    let mut found = BTreeMap::new();
    for (name, &count) in counts {
        match names.iter().find(|known| *known == name) {
            Some(known) => {
                found.insert(*known, count);
            }
            None => {
                warnings.push(format!("unknown count `{}`: {count}", excerpt(name.as_bytes())));
            }
        }
    }
    found
}

fn line(row: &Row) -> Line {
    Line {
        osi: row.osi.to_string(),
        settle_ts: row.settle_ts,
        bid: row.bid,
        ask: row.ask,
        bid_size: row.bid_size,
        ask_size: row.ask_size,
        quote_ts: some(row.quote_ts),
        last: row.last,
        last_ts: some(row.last_ts),
        volume: row.volume,
        open_interest: row.open_interest,
        vendor_iv: row.vendor_iv,
        vendor_delta: row.vendor_delta,
        vendor_gamma: row.vendor_gamma,
        vendor_theta: row.vendor_theta,
        vendor_vega: row.vendor_vega,
    }
}

fn row(line: &Line) -> Option<Row> {
    let osi = Osi::parse(&line.osi, &Roots::PRODUCT).ok()?;
    Some(Row {
        bid: line.bid,
        ask: line.ask,
        bid_size: line.bid_size,
        ask_size: line.ask_size,
        quote_ts: none(line.quote_ts),
        last: line.last,
        last_ts: none(line.last_ts),
        volume: line.volume,
        open_interest: line.open_interest,
        vendor_iv: line.vendor_iv,
        vendor_delta: line.vendor_delta,
        vendor_gamma: line.vendor_gamma,
        vendor_theta: line.vendor_theta,
        vendor_vega: line.vendor_vega,
        ..Row::new(osi, line.settle_ts)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::SECOND;
    use proptest::prelude::*;

    const ASOF: Ts = Ts(1_657_640_400 * SECOND);
    const RECORD: &str = concat!(
        r#"{"schema":"mia-chain/1","underlying":"SPX","asof":1657640400000000000,"#,
        r#""captured":1657640400000000001,"print":{"value":3856.28,"ts":1657640399000000000},"#,
        r#""provenance":{"provider":"cboe_csv","source_kind":"file","delay_class":"delayed-15","#,
        r#""declared_delay_s":900,"iv_clock":"exchange","pages":1,"requests":2,"retries":3,"#,
        r#""received":5,"dropped":{"expired":2,"malformed":1},"counts":{"crossed":1},"#,
        r#""oi_date":"2022-07-11","file_sha256":"00ff","warnings":["a \"b\""],"#,
        r#""fetch_start":null,"fetch_end":1657640400000000000},"rows":2}"#,
        "\n",
        r#"{"osi":"SPXW220715C03850000","settle_ts":1657915200000000000,"bid":30.1,"ask":31.2,"#,
        r#""bid_size":7.0,"ask_size":9.0,"quote_ts":1657640398123456789,"last":31.5,"#,
        r#""last_ts":1657640397000000001,"volume":12.0,"open_interest":250.0,"vendor_iv":0.251,"#,
        r#""vendor_delta":0.52,"vendor_gamma":0.0031,"vendor_theta":-1.5,"vendor_vega":1.9}"#,
        "\n",
        r#"{"osi":"SPXW220715P03850000","settle_ts":1657915200000000000,"bid":0.0}"#,
        "\n",
    );

    fn read_text(text: &str) -> Result<Chain, ImportError> {
        read(text.as_bytes(), &ImportOptions::default())
    }

    #[test]
    fn a_record_reads_and_writes() {
        let chain = read_text(RECORD).expect("a chain");
        assert_eq!((chain.underlying, chain.asof), (Underlying::Spx, ASOF));
        assert_eq!(chain.captured, Ts(ASOF.0 + 1));
        assert_eq!(chain.print, Some(Print { value: 3856.28, ts: Ts(ASOF.0 - SECOND) }));
        let [call, put] = chain.rows.as_slice() else { panic!("{} rows", chain.rows.len()) };
        assert_eq!(call.osi.to_string(), "SPXW220715C03850000");
        assert_eq!((call.bid, call.ask, call.last), (Some(30.1), Some(31.2), Some(31.5)));
        assert_eq!((call.bid_size, call.ask_size), (Some(7.0), Some(9.0)));
        assert_eq!(call.quote_ts, Ts(1_657_640_398_123_456_789));
        assert_eq!(call.last_ts, Ts(1_657_640_397_000_000_001));
        assert_eq!((call.volume, call.open_interest), (Some(12.0), Some(250.0)));
        assert_eq!((call.vendor_iv, call.vendor_delta), (Some(0.251), Some(0.52)));
        assert_eq!((call.vendor_gamma, call.vendor_theta), (Some(0.0031), Some(-1.5)));
        assert_eq!((call.vendor_vega, put.bid, put.ask), (Some(1.9), Some(0.0), None));
        assert_eq!((put.quote_ts, put.last_ts), (Ts::NONE, Ts::NONE));
        let p = &chain.provenance;
        assert_eq!((p.provider.as_str(), p.source_kind), ("cboe_csv", SourceKind::Replay));
        assert_eq!((p.delay_class, p.declared_delay_s), (DelayClass::Delayed15, 900));
        assert_eq!((p.pages, p.requests, p.retries, p.received), (1, 2, 3, 5));
        assert_eq!(p.dropped, BTreeMap::from([("expired", 2), ("malformed", 1)]));
        assert_eq!(p.counts, BTreeMap::from([("crossed", 1)]));
        assert_eq!(p.oi_date, Some(jiff::civil::date(2022, 7, 11)));
        assert_eq!((p.fetched, p.file_sha256.as_deref()), ((Ts::NONE, ASOF), Some("00ff")));
        assert_eq!(p.warnings, ["a \"b\""]);
        let written = String::from_utf8(write(&chain).expect("written")).expect("text");
        assert_eq!(written, RECORD.replace("\"file\"", "\"replay\""));
        assert!(is_it(written.as_bytes()));
    }

    #[test]
    fn a_record_that_ends_too_early() {
        let lines: Vec<&str> = RECORD.split_inclusive('\n').collect();
        for end in 0..RECORD.len() {
            let error = read_text(&RECORD[..end]).expect_err("no whole record");
            assert_eq!(error.fault, Fault::Truncated, "{end} {error}");
        }
        let error = read_text(RECORD.trim_end()).expect_err("no last line end");
        assert_eq!(error.line, Some(3));
        assert!(error.to_string().contains("ends inside"), "{error}");
        let error = read_text(&lines[..2].concat()).expect_err("a line less");
        assert!(error.to_string().contains("1 contracts of 2"), "{error}");
    }

    #[test]
    fn a_record_that_was_changed() {
        let lines: Vec<&str> = RECORD.split_inclusive('\n').collect();
        let replaced = |from: &str, to: &str| RECORD.replacen(from, to, 1);
        for (text, line) in [
            (format!("{RECORD}{}", lines[2]), Some(4)),
            ([lines[0], lines[2], lines[1]].concat(), Some(3)),
            ([lines[0], lines[1], lines[1]].concat(), Some(3)),
            (replaced("mia-chain/1", "mia-chain/2"), Some(1)),
            (replaced("\"SPX\"", "\"NDX\""), Some(2)),
            (replaced("\"SPX\"", "\"RUT\""), Some(1)),
            (replaced("3856.28", "-1"), Some(1)),
            (replaced("2022-07-11", "2022-07-32"), Some(1)),
            (replaced(r#""asof":1657640400"#, r#""asof":-1657640400"#), Some(1)),
            (replaced("SPXW220715C", "SPXL220715C"), Some(2)),
            (replaced("1657915200", "1657640400"), Some(2)),
            (replaced("30.1", "31.3"), Some(2)),
            (replaced("0.0031", "-0.0031"), Some(2)),
            (replaced(":0.251", ":0.02"), Some(2)),
            (replaced("\"bid\"", "bid"), Some(2)),
        ] {
            let error = read_text(&text).expect_err(&text);
            assert_eq!((error.fault, error.line), (Fault::Format, line), "{error}");
        }
        let many = replaced(r#""rows":2"#, r#""rows":4000000000"#);
        assert_eq!(read_text(&many).expect_err("too many").fault, Fault::TooLarge);
        let deep = format!("{}{}\n", lines[0], "[".repeat(1_000_000));
        assert_eq!(read_text(&deep).expect_err("too deep").fault, Fault::TooLarge);
    }

    #[test]
    fn counts_of_a_newer_build_are_named() {
        let text = RECORD.replace("\"crossed\":1", "\"crossed\":1,\"sunspots\":7");
        let p = read_text(&text).expect("a chain").provenance;
        assert_eq!(p.counts, BTreeMap::from([("crossed", 1)]));
        assert_eq!(p.warnings.last().map(String::as_str), Some("unknown count `sunspots`: 7"));
    }

    #[test]
    fn a_given_time_makes_it_older() {
        let options = |asof| ImportOptions { asof: Some(Ts(asof)), ..ImportOptions::default() };
        let settled = read(RECORD.as_bytes(), &options(1_657_915_200 * SECOND)).expect("a chain");
        assert!(settled.rows.is_empty());
        assert_eq!(settled.provenance.dropped.get("expired"), Some(&4));
        let error = read(RECORD.as_bytes(), &options(ASOF.0 - 1)).expect_err("before");
        assert_eq!(error.fault, Fault::Time);
    }

    fn values() -> impl Strategy<Value = [Option<f64>; 12]> {
        let any = prop_oneof![
            any::<f64>(),
            (0_u32..1_000_000).prop_map(|n| f64::from(n) / 100.0),
            0.0..10.0_f64,
            Just(-0.0),
            Just(f64::MIN_POSITIVE / 3.0),
        ];
        proptest::array::uniform12(proptest::option::of(any))
    }

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let time = prop_oneof![Just(Ts::NONE), (1_i64..Ts::MAX.0).prop_map(Ts)];
        let terms = (1_u32..100_000_000, any::<bool>(), any::<bool>(), 13_u8..28);
        let row =
            (terms, values(), time.clone(), time).prop_map(|(terms, v, quote_ts, last_ts)| {
                let (strike, weekly, call, day) = terms;
                let (root, right) =
                    (if weekly { "SPXW" } else { "SPX" }, if call { 'C' } else { 'P' });
                let ticker = format!("{root}2207{day:02}{right}{strike:08}");
                let osi = Osi::parse(&ticker, &Roots::PRODUCT).expect("a ticker");
                let [bid, ask, bid_size, ask_size, last, volume, rest @ ..] = v;
                let [open_interest, vendor_iv, vendor_delta, rest @ ..] = rest;
                let [vendor_gamma, vendor_theta, vendor_vega] = rest;
                let settle_ts = Ts(ASOF.0 + i64::from(day) * 86_400 * SECOND);
                let mut row = Row::new(osi, settle_ts);
                (row.bid, row.ask, row.bid_size, row.ask_size) = (bid, ask, bid_size, ask_size);
                (row.quote_ts, row.last, row.last_ts, row.volume) =
                    (quote_ts, last, last_ts, volume);
                (row.open_interest, row.vendor_iv, row.vendor_delta) =
                    (open_interest, vendor_iv, vendor_delta);
                (row.vendor_gamma, row.vendor_theta, row.vendor_vega) =
                    (vendor_gamma, vendor_theta, vendor_vega);
                row.clean();
                row
            });
        proptest::collection::vec(row, 0..12)
    }

    /// Every bit of a row; `==` calls 0 and −0 equal.
    fn bits(row: &Row) -> Vec<Option<u64>> {
        let Row { bid, ask, bid_size, ask_size, last, volume, open_interest, .. } = *row;
        let Row { vendor_iv, vendor_delta, vendor_gamma, vendor_theta, vendor_vega, .. } = *row;
        [bid, ask, bid_size, ask_size, last, volume, open_interest]
            .into_iter()
            .chain([vendor_iv, vendor_delta, vendor_gamma, vendor_theta, vendor_vega])
            .map(|value| value.map(f64::to_bits))
            .collect()
    }

    proptest! {
        #[test]
        fn a_chain_survives_bit_for_bit(
            rows in rows(),
            print in proptest::option::of(1e-3..1e6_f64),
            captured in 1_i64..Ts::MAX.0,
            warnings in proptest::collection::vec(".*", 0..3),
        ) {
            let mut expected = read_text(RECORD).expect("a chain");
            expected.rows = match arrange(rows, ASOF, &mut expected.provenance) {
                Ok(rows) => rows,
                Err(_) => return Ok(()),
            };
            expected.print = print.map(|value| Print { value, ts: Ts(captured) });
            expected.captured = Ts(captured);
            expected.provenance.warnings = warnings;
            let record = write(&expected).expect("written");
            let found = read(&record, &ImportOptions::default()).expect("a chain");
            prop_assert_eq!(&found, &expected);
            for (found, expected) in found.rows.iter().zip(&expected.rows) {
                prop_assert_eq!(bits(found), bits(expected));
            }
            prop_assert_eq!(write(&found).expect("written"), record);
        }

        #[test]
        fn never_panics(
            at in 0_usize..1500,
            junk in proptest::collection::vec(any::<u8>(), 0..6),
            cut in 0_usize..8,
        ) {
            let mut bytes = RECORD.as_bytes().to_vec();
            let at = at.min(bytes.len());
            let end = (at + cut).min(bytes.len());
            bytes.splice(at..end, junk);
            if let Ok(chain) = read(&bytes, &ImportOptions::default()) {
                prop_assert_eq!(chain.rows.len(), 2);
            }
        }
    }
}
