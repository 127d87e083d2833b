//! The delayed quotes that Cboe's page fetches as JSON: one object per contract.
//!
//! `timestamp` is taken as UTC, the data as older than it by the delay; the times of trades are
//! New York wall time. The index value is `data.current_price`, its time `data.last_trade_time`.
//! Vega is per volatility point, theta per day; volatilities are annualised to the settlement
//! instants. Unknown fields are ignored. Cost: one pass for the limits, one for the parser; a few
//! µs per contract.

use std::borrow::Cow;
use std::fmt;

use jiff::civil::DateTime;
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use super::import::{
    Fault, ImportError, ImportOptions, Intake, MAX_CONTRACTS, check_json, excerpt, number,
    sha256_hex,
};
use crate::calendar::Calendar;
use crate::options::chain::{Chain, DelayClass, IvClock, Provenance, Row, SourceKind, Underlying};
use crate::units::Ts;

/// The whole file.
#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow, default)]
    timestamp: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    symbol: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Data<'a>,
}

/// The index and its contracts.
#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, default)]
    symbol: Option<Cow<'a, str>>,
    #[serde(default)]
    current_price: Number,
    #[serde(borrow, default)]
    last_trade_time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    options: Quotes<'a>,
}

/// One contract.
#[derive(Deserialize)]
struct Quote<'a> {
    #[serde(borrow)]
    option: Cow<'a, str>,
    #[serde(default)]
    bid: Number,
    #[serde(default)]
    ask: Number,
    #[serde(default)]
    bid_size: Number,
    #[serde(default)]
    ask_size: Number,
    #[serde(default)]
    iv: Number,
    #[serde(default)]
    open_interest: Number,
    #[serde(default)]
    volume: Number,
    #[serde(default)]
    delta: Number,
    #[serde(default)]
    gamma: Number,
    #[serde(default)]
    theta: Number,
    #[serde(default)]
    vega: Number,
    #[serde(default)]
    last_trade_price: Number,
    #[serde(borrow, default)]
    last_trade_time: Option<Cow<'a, str>>,
}

/// A number, a number in quotes, or null.
#[derive(Clone, Copy, Default)]
struct Number(Option<f64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or null")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Number, E> {
        Ok(Number(Some(value)))
    }

    #[expect(clippy::cast_precision_loss, reason = "a JSON number is a double")]
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Number, E> {
        Ok(Number(Some(value as f64)))
    }

    #[expect(clippy::cast_precision_loss, reason = "a JSON number is a double")]
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Number, E> {
        Ok(Number(Some(value as f64)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
        let cannot =
            |_| E::custom(format!("cannot read the number `{}`", excerpt(text.as_bytes())));
        number(text.as_bytes()).map(Number).map_err(cannot)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Number, E> {
        Ok(Number(None))
    }
}

/// At most [`MAX_CONTRACTS`] contracts.
struct Quotes<'a>(Vec<Quote<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Quotes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Quotes<'a>, D::Error> {
        deserializer.deserialize_seq(QuotesVisitor).map(Quotes)
    }
}

struct QuotesVisitor;

impl<'de> Visitor<'de> for QuotesVisitor {
    type Value = Vec<Quote<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX_CONTRACTS} contracts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut quotes = Vec::new();
        while let Some(quote) = list.next_element()? {
            if u32::try_from(quotes.len()).is_ok_and(|n| n < MAX_CONTRACTS) {
                quotes.push(quote);
            } else {
                return Err(de::Error::custom(format!("more than {MAX_CONTRACTS} contracts")));
            }
        }
        Ok(quotes)
    }
}

/// Reads delayed quotes.
///
/// A contract whose ticker cannot be read or whose root is unknown is left out and counted.
///
/// # Errors
/// [`Fault::Format`] (which also says that a file ends too early), [`Fault::Time`],
/// [`Fault::Mixed`] (also where `symbol` names another index), [`Fault::Empty`],
/// [`Fault::DuplicateConflict`], [`Fault::TooLarge`].
pub fn read(
    bytes: &[u8],
    calendar: &Calendar,
    options: &ImportOptions,
) -> Result<Chain, ImportError> {
    check_json(bytes)?;
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // The parser works in place.
    let mut text = text.to_vec();
    let file: File<'_> = simd_json::from_slice(&mut text).map_err(|error| {
        ImportError::new(Fault::Format, format!("cannot read the delayed quotes: {error}"))
    })?;
    let asof = asof(file.timestamp.as_deref(), options)?;

    let mut provenance = Provenance::new("cboe_json", SourceKind::File, DelayClass::Delayed15);
    provenance.declared_delay_s = options.file_delay_s;
    provenance.iv_clock = IvClock::Exchange;
    provenance.file_sha256 = Some(sha256_hex(bytes));
    let mut intake = Intake::new(calendar, options.roots, provenance);
    for quote in &file.data.options.0 {
        if let Some(osi) = intake.ticker(quote.option.as_bytes())? {
            let row = intake.row(osi);
            intake.add(filled(row, quote, calendar));
        }
    }
    let mut chain = intake.finish(asof, file.data.current_price.0)?;
    for symbol in [&file.symbol, &file.data.symbol].into_iter().flatten() {
        check_symbol(symbol, chain.underlying, options)?;
    }
    if let Some(print) = &mut chain.print {
        // The page's clock and the delay are both assumed: a print is never newer than the data.
        let traded = file.data.last_trade_time.as_deref().map(|t| new_york(t, calendar));
        print.ts = traded.filter(|ts| ts.is_some()).map_or(asof, |ts| ts.min(asof));
    }
    Ok(chain)
}

/// `2023-09-21 03:17:42` in UTC, less the delay.
fn asof(timestamp: Option<&str>, options: &ImportOptions) -> Result<Ts, ImportError> {
    let stamp = timestamp.and_then(|text| {
        let utc = text.trim().trim_end_matches('Z');
        let at = wall_time(utc)?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        i64::try_from(at.timestamp().as_nanosecond()).ok().map(Ts)
    });
    options.time_of(stamp).ok_or_else(|| {
        let what = match timestamp {
            Some(text) => format!("cannot read the timestamp `{}`", excerpt(text.as_bytes())),
            None => "no `timestamp`".to_owned(),
        };
        ImportError::new(Fault::Time, what)
    })
}

/// A date and time without zone; blank or `T` between them.
fn wall_time(text: &str) -> Option<DateTime> {
    // Nothing longer is one, and the parser need not look at it.
    (text.len() <= 32).then(|| text.parse::<DateTime>().ok()).flatten()
}

/// The instant of a wall time in New York, or none.
fn new_york(text: &str, calendar: &Calendar) -> Ts {
    let at = wall_time(text.trim());
    at.map_or(Ts::NONE, |at| Ts::from_outside(calendar.new_york(at.date(), at.time()).0))
}

/// `^SPX`, `_SPX` or `SPX`.
fn check_symbol(
    symbol: &str,
    underlying: Underlying,
    options: &ImportOptions,
) -> Result<(), ImportError> {
    let name = symbol.trim_start_matches(['^', '_']);
    let named = Underlying::of(name).or_else(|| options.roots.of(name).map(|r| r.underlying()));
    if named == Some(underlying) {
        return Ok(());
    }
    let (symbol, index) = (excerpt(symbol.as_bytes()), underlying.name());
    let what = format!("symbol `{symbol}` over contracts of {index}");
    Err(ImportError::new(Fault::Mixed, what))
}

fn filled(row: Row, quote: &Quote<'_>, calendar: &Calendar) -> Row {
    // A last price of 0 says that there was no trade.
    let last = quote.last_trade_price.0.filter(|&last| last != 0.0);
    let traded = quote.last_trade_time.as_deref().filter(|_| last.is_some());
    Row {
        bid: quote.bid.0,
        ask: quote.ask.0,
        bid_size: quote.bid_size.0,
        ask_size: quote.ask_size.0,
        last,
        last_ts: traded.map_or(Ts::NONE, |time| new_york(time, calendar)),
        volume: quote.volume.0,
        open_interest: quote.open_interest.0,
        vendor_iv: quote.iv.0,
        vendor_delta: quote.delta.0,
        vendor_gamma: quote.gamma.0,
        vendor_theta: quote.theta.0,
        vendor_vega: quote.vega.0,
        ..row
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::chain::{Root, Roots};
    use proptest::prelude::*;

    const TEXT: &str = r#"{"timestamp": "2022-07-12 15:55:00", "symbol": "_SPX", "new": [{}],
        "data": {"symbol": "^SPX", "current_price": 3856.28, "bid": 0.0,
        "last_trade_time": "2022-07-12T11:39:58", "options": [
        {"option": "SPXW220715C03850000", "bid": 30, "bid_size": 7, "ask": 31.2, "ask_size": 9.0,
         "iv": 0.251, "open_interest": 250.0, "volume": 12, "delta": 0.52, "gamma": 0.0031,
         "theta": -1.5, "rho": 0.1, "vega": 1.9, "theo": "x", "last_trade_price": 31.5,
         "last_trade_time": "2022-07-12T11:30:00"},
        {"option": "SPXW220715P03850000", "bid": "24.6", "ask": null, "iv": 0.0, "gamma": -1e-4,
         "last_trade_price": 0.0, "last_trade_time": null}]}}"#;

    fn read_text(text: &str) -> Result<Chain, ImportError> {
        let calendar = Calendar::bundled().expect("calendar");
        read(text.as_bytes(), &calendar, &ImportOptions::default())
    }

    fn fault(text: &str) -> Fault {
        read_text(text).expect_err("an error").fault
    }

    fn at(text: &str) -> Ts {
        crate::calendar::instant(text)
    }

    #[test]
    fn objects_become_rows() {
        let chain = read_text(TEXT).expect("a chain");
        assert_eq!(chain.underlying, Underlying::Spx);
        assert_eq!(chain.asof, at("2022-07-12T15:40:00Z"));
        let print = chain.print.expect("a print");
        assert_eq!((print.value, print.ts), (3856.28, at("2022-07-12T15:39:58Z")));
        let [call, put] = chain.rows.as_slice() else { panic!("{} rows", chain.rows.len()) };
        assert_eq!(call.osi.root, Root::Spxw);
        assert_eq!((call.bid, call.ask, call.last), (Some(30.0), Some(31.2), Some(31.5)));
        assert_eq!((call.bid_size, call.ask_size), (Some(7.0), Some(9.0)));
        assert_eq!((call.volume, call.open_interest), (Some(12.0), Some(250.0)));
        assert_eq!((call.vendor_iv, call.vendor_gamma), (Some(0.251), Some(0.0031)));
        assert_eq!((call.vendor_theta, call.vendor_vega), (Some(-1.5), Some(1.9)));
        assert_eq!(call.last_ts, at("2022-07-12T15:30:00Z"));
        assert_eq!((put.bid, put.ask, put.vendor_iv), (Some(24.6), None, None));
        assert_eq!((put.vendor_gamma, put.last, put.last_ts), (None, None, Ts::NONE));
        assert_eq!(chain.provenance.received, 2);
        assert_eq!(chain.provenance.counts.get("negative_gamma"), Some(&1));
    }

    #[test]
    fn a_print_is_never_newer_than_the_data() {
        let chain = read_text(&TEXT.replace("11:39:58", "11:50:00")).expect("a chain");
        assert_eq!(chain.print.map(|p| p.ts), Some(chain.asof));
        let chain = read_text(&TEXT.replace("\"2022-07-12T11:39:58\"", "null")).expect("a chain");
        assert_eq!(chain.print.map(|p| p.ts), Some(chain.asof));
        let chain = read_text(&TEXT.replace("3856.28", "null")).expect("a chain");
        assert_eq!(chain.print, None);
    }

    #[test]
    fn errors() {
        for (from, to, expected) in [
            ("2022-07-12 15:55:00", "12 juillet", Fault::Time),
            ("2022-07-12 15:55:00", "9999-12-31 23:59:59", Fault::Time),
            ("\"timestamp\"", "\"time\"", Fault::Time),
            ("_SPX", "_NDX", Fault::Mixed),
            ("^SPX", "^XSP", Fault::Mixed),
            ("SPXW220715P", "NDXP220715P", Fault::Mixed),
            ("SPXW220715", "SPXL220715", Fault::Empty),
            ("SPXW220715P", "SPXW220715C", Fault::DuplicateConflict),
            ("\"24.6\"", "\"24;6\"", Fault::Format),
            ("\"24.6\"", "[1]", Fault::Format),
            ("\"24.6\"", "1e999", Fault::Format),
            ("\"options\"", "\"option\"", Fault::Format),
            ("null}]}}", "null}", Fault::Format),
        ] {
            assert_eq!(fault(&TEXT.replace(from, to)), expected, "{to}");
        }
        let error = read_text(&TEXT.replace("15:55:00", "x")).expect_err("no time");
        assert!(error.to_string().contains("--asof"), "{error}");
        assert_eq!(fault("{}"), Fault::Format);
        assert_eq!(fault(""), Fault::Format);
        let deep = format!("{}\"x\":{}", &TEXT[..1], "[".repeat(1_000_000));
        assert_eq!(fault(&deep), Fault::TooLarge);
    }

    #[test]
    fn rows_that_cannot_be_read_are_counted() {
        let long = "X".repeat(100_000);
        for (to, why) in [("SPX", "malformed"), (&*long, "malformed"), ("\u{1F600}", "malformed")] {
            let chain = read_text(&TEXT.replace("SPXW220715P03850000", to)).expect("a chain");
            assert_eq!(chain.rows.len(), 1);
            assert_eq!(chain.provenance.dropped.get(why), Some(&1));
        }
        let alike = TEXT.replace(r#""bid": "24.6""#, r#""bid": 24.60"#);
        let start = alike.find(r#"{"option": "SPXW220715P"#).expect("the put");
        let put = alike[start..].trim_end_matches("]}}").to_owned();
        let twice = format!("{},{put}]}}}}", alike.trim_end_matches("]}}"));
        let chain = read_text(&twice).expect("a chain");
        assert_eq!((chain.rows.len(), chain.provenance.received), (2, 3));
        assert_eq!(chain.provenance.dropped.get("duplicate"), Some(&1));
    }

    #[test]
    fn other_roots() {
        let calendar = Calendar::bundled().expect("calendar");
        let roots = Roots(&[("RUT", Root::Spx), ("RUTW", Root::Spxw)]);
        let text = TEXT.replace("SPX", "RUT");
        let options = ImportOptions { roots, ..ImportOptions::default() };
        let chain = read(text.as_bytes(), &calendar, &options).expect("a chain");
        assert_eq!(chain.rows.len(), 2);
    }

    proptest! {
        #[test]
        fn never_panics(
            at in 0_usize..1200,
            junk in proptest::collection::vec(any::<u8>(), 0..6),
            cut in 0_usize..8,
        ) {
            let mut bytes = TEXT.as_bytes().to_vec();
            let at = at.min(bytes.len());
            let end = (at + cut).min(bytes.len());
            bytes.splice(at..end, junk);
            let calendar = Calendar::bundled().expect("calendar");
            if let Ok(chain) = read(&bytes, &calendar, &ImportOptions::default()) {
                prop_assert!(chain.rows.len() <= 2);
                prop_assert!(chain.asof.is_some());
            }
        }
    }
}
