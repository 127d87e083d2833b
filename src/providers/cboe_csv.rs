//! The quote table that Cboe's page exports as CSV: one line per strike, call left, put right.
//!
//! A preamble names the index, its value after `Last:` and the page's time after `Date:`; then
//! come a line of names and lines of 22 columns. The page shows data that are 15 minutes old: the
//! time of the data is the page's New York wall time less the delay; the zone text is ignored. Its
//! volatilities are annualised to the settlement instants. Cost: one pass over the bytes.

use csv::{ByteRecord, ReaderBuilder};
use jiff::civil::{Date, DateTime, Time};

use super::import::{
    Fault, ImportError, ImportOptions, Intake, MAX_BYTES, excerpt, number, sha256_hex,
};
use crate::calendar::Calendar;
use crate::options::chain::{Chain, DelayClass, Drop, IvClock, Osi, Provenance, Right, SourceKind};
use crate::units::Ts;

/// First cell of the line of names.
const FIRST_NAME: &str = "Expiration Date";
/// Columns of a leg, with the name that an older table gives.
const LEG: [(&str, &str); 9] = [
    ("Last Sale", "Last Sale"),
    ("Net", "Net"),
    ("Bid", "Bid"),
    ("Ask", "Ask"),
    ("Volume", "Vol"),
    ("IV", "IV"),
    ("Delta", "Delta"),
    ("Gamma", "Gamma"),
    ("Open Interest", "Open Int"),
];
/// Columns of a line.
const COLUMNS: usize = 22;
/// Column of the strike.
const STRIKE: usize = 11;
/// Columns of the two tickers; the fields of a leg follow its ticker.
const LEGS: [(usize, Right); 2] = [(1, Right::Call), (12, Right::Put)];
/// Most lines before the line of names.
const PREAMBLE_LINES: usize = 50;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Whether the bytes look like such a table.
#[must_use]
pub fn is_it(bytes: &[u8]) -> bool {
    split(bytes).is_some()
}

/// Reads a table.
///
/// A contract whose ticker cannot be read, whose root is unknown or whose ticker contradicts the
/// line's expiry, strike or side is left out and counted.
///
/// # Errors
/// [`Fault::Format`], [`Fault::Time`], [`Fault::Number`], [`Fault::Mixed`], [`Fault::Empty`],
/// [`Fault::DuplicateConflict`], [`Fault::Truncated`] (a short line), [`Fault::TooLarge`].
pub fn read(
    bytes: &[u8],
    calendar: &Calendar,
    options: &ImportOptions,
) -> Result<Chain, ImportError> {
    if bytes.len() > MAX_BYTES {
        let what = format!("{} bytes, more than {MAX_BYTES}", bytes.len());
        return Err(ImportError::new(Fault::TooLarge, what));
    }
    let (preamble, lines_before, body) = split(bytes).ok_or_else(|| {
        let what = format!("no line that starts `{FIRST_NAME},`");
        ImportError::new(Fault::Format, what)
    })?;
    let preamble = String::from_utf8_lossy(preamble);
    let asof = asof(&preamble, calendar, options)?;
    let spot = spot(&preamble)?;

    let mut provenance = Provenance::new("cboe_csv", SourceKind::File, DelayClass::Delayed15);
    provenance.declared_delay_s = options.file_delay_s;
    provenance.iv_clock = IvClock::Exchange;
    provenance.file_sha256 = Some(sha256_hex(bytes));
    if !bytes.ends_with(b"\n") {
        // A cut inside the last number leaves 22 columns and cannot be told from its content.
        provenance.warnings.push("the last line has no end: the file may be cut".to_owned());
    }
    let mut intake = Intake::new(calendar, options.roots, provenance);
    table(body, lines_before, &mut intake)?;
    intake.finish(asof, spot)
}

/// Preamble, its lines, and the rest from the line of names on.
fn split(bytes: &[u8]) -> Option<(&[u8], u64, &[u8])> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut start = 0;
    for (line, count) in bytes.split_inclusive(|&b| b == b'\n').take(PREAMBLE_LINES).zip(0..) {
        let head = line.trim_ascii_start();
        let head = head.strip_prefix(b"\"").unwrap_or(head);
        if let Some(rest) = head.strip_prefix(FIRST_NAME.as_bytes())
            && matches!(rest.first(), Some(b',' | b'"'))
        {
            return Some((bytes.get(..start)?, count, bytes.get(start..)?));
        }
        start += line.len();
    }
    None
}

/// What follows `label` on its line.
fn after<'a>(preamble: &'a str, label: &str) -> Option<&'a str> {
    let (_, rest) = preamble.split_once(label)?;
    rest.lines().next()
}

fn asof(preamble: &str, calendar: &Calendar, options: &ImportOptions) -> Result<Ts, ImportError> {
    let text = after(preamble, "Date:");
    let stamp = text.and_then(page_time).map(|t| calendar.new_york(t.date(), t.time()));
    options.time_of(stamp).ok_or_else(|| match text {
        Some(text) => {
            let text = text.split('"').next().unwrap_or(text).trim();
            let what = format!("cannot read the date `{}`", excerpt(text.as_bytes()));
            ImportError::new(Fault::Time, what)
        }
        None => ImportError::new(Fault::Time, "no `Date:` before the table"),
    })
}

/// `July 12, 2022, 11:55 AM EDT`, `December 12, 2022 at 8:31 PM EST`, `26 May 2023, 5:18 PM EDT`;
/// month names may be cut to three letters. Any white space counts: browsers write a narrow one
/// before AM and PM.
fn page_time(text: &str) -> Option<DateTime> {
    let mut words = text
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | '"'))
        .filter(|word| !word.is_empty() && *word != "at");
    let (first, second) = (words.next()?, words.next()?);
    let (month, day) = match month_of(first) {
        Some(month) => (month, second),
        None => (month_of(second)?, first),
    };
    let year = words.next().filter(|y| y.len() == 4)?;
    let (hour, minute) = words.next()?.split_once(':')?;
    let half: String = words.next()?.chars().filter(|&c| c != '.').collect();
    let hour = hour.parse().ok().filter(|hour| (1..=12_i8).contains(hour))? % 12;
    let hour = match half.to_ascii_uppercase().as_str() {
        "AM" => hour,
        "PM" => hour + 12,
        _ => return None,
    };
    let minute = minute.parse().ok().filter(|_| minute.len() == 2)?;
    let date = Date::new(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    Some(date.to_datetime(Time::new(hour, minute, 0, 0).ok()?))
}

/// Month of an English name or its first three letters.
fn month_of(word: &str) -> Option<i8> {
    let is = |name: &str| {
        word.eq_ignore_ascii_case(name)
            || name.get(..3).is_some_and(|short| word.eq_ignore_ascii_case(short))
    };
    MONTHS.iter().zip(1..).find(|(name, _)| is(name)).map(|(_, month)| month)
}

/// The number after `Last:`; the cell may be quoted and its number grouped, or neither.
fn spot(preamble: &str) -> Result<Option<f64>, ImportError> {
    let Some(text) = after(preamble, "Last:") else { return Ok(None) };
    let text = text.trim_start();
    // The next cell starts with a letter, a quote or a comma: a comma before a digit is a group.
    let bytes = text.as_bytes();
    let inside = |&at: &usize| match bytes.get(at) {
        Some(b',') => bytes.get(at + 1).is_some_and(u8::is_ascii_digit),
        Some(b) => b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'),
        None => false,
    };
    let end = (0..bytes.len()).take_while(inside).count();
    let cell = bytes.get(..end).unwrap_or_default();
    number(cell).map_err(|_| {
        let what = format!("cannot read the index value `{}`", excerpt(cell));
        ImportError::new(Fault::Number, what)
    })
}

/// Reads the line of names and everything below it.
fn table(body: &[u8], before: u64, intake: &mut Intake<'_>) -> Result<(), ImportError> {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(body);
    let mut record = ByteRecord::new();
    let mut expiry = Expiry::default();
    let mut named = false;
    loop {
        let more = reader.read_byte_record(&mut record).map_err(|error| {
            ImportError::new(Fault::Format, format!("cannot read the table: {error}"))
        })?;
        if !more {
            return Ok(());
        }
        let line = before + record.position().map_or(0, csv::Position::line);
        if !named {
            names(&record).map_err(|error| error.at(line))?;
            named = true;
        } else if !record.iter().all(|cell| cell.trim_ascii().is_empty()) {
            contracts(&record, &mut expiry, intake).map_err(|error| error.at(line))?;
        }
    }
}

/// 22 columns; more only where they are empty.
fn check_width(record: &ByteRecord) -> Result<(), ImportError> {
    let wide = record.iter().skip(COLUMNS).any(|cell| !cell.trim_ascii().is_empty());
    if record.len() < COLUMNS || wide {
        let fault = if wide { Fault::Format } else { Fault::Truncated };
        let what = format!("{} columns instead of {COLUMNS}", record.len());
        return Err(ImportError::new(fault, what));
    }
    Ok(())
}

/// Checks the line of names: another order of columns must not be read as this one.
fn names(record: &ByteRecord) -> Result<(), ImportError> {
    check_width(record)?;
    let leg = |ticker| std::iter::once((ticker, ticker)).chain(LEG);
    let strike = std::iter::once(("Strike", "Strike"));
    let expected = std::iter::once((FIRST_NAME, FIRST_NAME))
        .chain(leg("Calls"))
        .chain(strike)
        .chain(leg("Puts"));
    for (cell, (name, older)) in record.iter().zip(expected) {
        let cell = cell.trim_ascii();
        let is = |name: &str| cell.eq_ignore_ascii_case(name.as_bytes());
        if !is(name) && !is(older) {
            let what = format!("column `{}` where `{name}` was expected", excerpt(cell));
            return Err(ImportError::new(Fault::Format, what));
        }
    }
    Ok(())
}

/// The expiry of the line before: a table repeats it hundreds of times.
#[derive(Default)]
struct Expiry {
    text: Vec<u8>,
    date: Option<Date>,
}

impl Expiry {
    /// `Tue Jul 12 2022`; the weekday is not looked at.
    fn of(&mut self, text: &[u8]) -> Option<Date> {
        if self.text != text {
            self.text = text.to_vec();
            self.date = std::str::from_utf8(text).ok().and_then(|text| {
                let mut words = text.split_ascii_whitespace().skip(1);
                let month = month_of(words.next()?)?;
                let day = words.next()?.parse().ok()?;
                let year = words.next().filter(|y| y.len() == 4)?.parse().ok()?;
                words.next().is_none().then(|| Date::new(year, month, day).ok()).flatten()
            });
        }
        self.date
    }
}

/// The call and the put of a line.
fn contracts(
    record: &ByteRecord,
    expiry: &mut Expiry,
    intake: &mut Intake<'_>,
) -> Result<(), ImportError> {
    check_width(record)?;
    let date = expiry.of(record.get(0).unwrap_or_default());
    let strike = cell(record, STRIKE, "Strike")?;
    for (column, right) in LEGS {
        let ticker = record.get(column).unwrap_or_default();
        let Some(osi) = intake.ticker(ticker)? else { continue };
        let Some((date, strike)) = date.zip(strike) else {
            intake.provenance.drop(Drop::Malformed);
            continue;
        };
        if osi.expiry != date || osi.right != right || !same_strike(&osi, strike) {
            intake.provenance.drop(Drop::DetailsMismatch);
            continue;
        }
        leg(record, column, osi, intake)?;
    }
    Ok(())
}

fn same_strike(osi: &Osi, strike: f64) -> bool {
    (osi.strike() - strike).abs() <= 1e-9
}

/// The nine fields after a ticker.
fn leg(
    record: &ByteRecord,
    column: usize,
    osi: Osi,
    intake: &mut Intake<'_>,
) -> Result<(), ImportError> {
    let mut values = [None; LEG.len()];
    for (at, (value, (name, _))) in values.iter_mut().zip(LEG).enumerate() {
        *value = cell(record, column + 1 + at, name)?;
    }
    let [last, _net, bid, ask, volume, iv, delta, gamma, open_interest] = values;
    let mut row = intake.row(osi);
    // A last sale of 0 says that there was none.
    row.last = last.filter(|&last| last != 0.0);
    (row.bid, row.ask, row.volume, row.open_interest) = (bid, ask, volume, open_interest);
    (row.vendor_iv, row.vendor_delta, row.vendor_gamma) = (iv, delta, gamma);
    intake.add(row);
    Ok(())
}

fn cell(record: &ByteRecord, column: usize, name: &str) -> Result<Option<f64>, ImportError> {
    let cell = record.get(column).unwrap_or_default();
    number(cell).map_err(|_| {
        let what = format!("cannot read `{}` in column {name}", excerpt(cell));
        ImportError::new(Fault::Number, what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::chain::Underlying;
    use proptest::prelude::*;

    const NAMES: &str = "Expiration Date,Calls,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,\
        Open Interest,Strike,Puts,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest\n";
    const LINE: &str = "Fri Jul 15 2022,SPXW220715C03850000,31.5,-2,30.1,31.2,12,0.251,0.52,0.0031,\
        250,3850,SPXW220715P03850000,0,0,24.6,25.4,7,0.0200,-0.48,-0.0001,90\n";
    const HEAD: &str = "S&P 500,Last: 3856.28,Change: 1.85\n\"Date: July 12, 2022, 11:55 AM EDT\",\
        Bid: 1\n";

    fn text(head: &str, lines: &str) -> String {
        format!("{head}{NAMES}{lines}")
    }

    fn read_text(text: &str) -> Result<Chain, ImportError> {
        let calendar = Calendar::bundled().expect("calendar");
        read(text.as_bytes(), &calendar, &ImportOptions::default())
    }

    fn fault(text: &str) -> (Fault, Option<u64>) {
        let error = read_text(text).expect_err("an error");
        (error.fault, error.line)
    }

    fn at(text: &str) -> Ts {
        crate::calendar::instant(text)
    }

    #[test]
    fn a_line_becomes_a_call_and_a_put() {
        let chain = read_text(&text(HEAD, LINE)).expect("a chain");
        assert_eq!(chain.underlying, Underlying::Spx);
        assert_eq!(chain.asof, at("2022-07-12T15:40:00Z"));
        assert_eq!(chain.captured, chain.asof);
        let print = chain.print.expect("a print");
        assert_eq!((print.value, print.ts), (3856.28, chain.asof));
        let [call, put] = chain.rows.as_slice() else { panic!("{} rows", chain.rows.len()) };
        assert_eq!(call.osi.to_string(), "SPXW220715C03850000");
        assert_eq!(call.settle_ts, at("2022-07-15T20:00:00Z"));
        assert_eq!((call.last, call.bid, call.ask), (Some(31.5), Some(30.1), Some(31.2)));
        assert_eq!((call.volume, call.open_interest), (Some(12.0), Some(250.0)));
        assert_eq!((call.vendor_iv, call.vendor_delta), (Some(0.251), Some(0.52)));
        assert_eq!(call.vendor_gamma, Some(0.0031));
        assert_eq!(put.osi.to_string(), "SPXW220715P03850000");
        assert_eq!((put.last, put.vendor_iv, put.vendor_gamma), (None, None, None));
        assert_eq!((put.bid, put.open_interest), (Some(24.6), Some(90.0)));
        let p = &chain.provenance;
        assert_eq!((p.received, p.declared_delay_s), (2, 900));
        assert_eq!(p.counts.get("negative_gamma"), Some(&1));
        assert!(p.dropped.is_empty() && p.warnings.is_empty(), "{p:?}");
    }

    #[test]
    fn dialects_of_the_preamble() {
        for (head, spot, asof) in [
            (
                "---Example---\nNASDAQ,Last: 3856.5,Change: 1\n\
                 \"Date: December 12, 2022 at 8:31 PM EST\",Bid: 0\n",
                Some(3856.5),
                "2022-12-13T01:16:00Z",
            ),
            (
                "\u{feff}\nX,\"Last: 3,856.28\",,,,\r\n\
                 Date: 26 May 2023, 5:18 PM EDT,Bid: 0,,,\r\n",
                Some(3856.28),
                "2023-05-26T21:03:00Z",
            ),
            (
                "Last: 3,856.28,Change: 1\nDate: Jul 12, 2022, 12:05\u{202f}p.m. GMT-4\n",
                Some(3856.28),
                "2022-07-12T15:50:00Z",
            ),
            ("\u{feff}\"Date: July 12, 2022, 12:10 AM EDT\"\n", None, "2022-07-12T03:55:00Z"),
            ("Last: 0\nDate: July 12, 2022, 11:55 AM\n", None, "2022-07-12T15:40:00Z"),
        ] {
            let lines = LINE.replace("Jul 15 2022", "Jun 21 2024").replace("220715", "240621");
            let chain = read_text(&text(head, &lines)).expect(head);
            assert_eq!(chain.print.map(|p| p.value), spot, "{head}");
            assert_eq!(chain.asof, at(asof), "{head}");
            assert_eq!(chain.provenance.warnings.is_empty(), spot.is_some(), "{head}");
            assert_eq!(chain.rows.len(), 2, "{head}");
        }
    }

    #[test]
    fn dialects_of_the_table() {
        let older = NAMES.replace("Volume", "Vol").replace("Open Interest", "Open Int");
        let trailing = LINE.replace('\n', ",,\n");
        for lines in [
            format!("{NAMES}{}", LINE.replace(",3850,", ",3850.00,")),
            format!("{NAMES}{}", LINE.replace(",3850,", ",\"3,850.00\",")),
            format!("{}{trailing}", NAMES.replace('\n', ",,\r\n")),
            format!("{older}\n{LINE},,,,\n"),
            format!("{NAMES}{}", LINE.replace(",250,", ",\"1,250\",")),
        ] {
            let chain = read_text(&format!("{HEAD}{lines}")).expect("a chain");
            assert_eq!(chain.rows.len(), 2, "{lines}");
            let interest = chain.rows[0].open_interest;
            assert!(interest == Some(250.0) || interest == Some(1250.0), "{interest:?}");
        }
    }

    #[test]
    fn a_last_line_without_end_is_named() {
        let chain = read_text(text(HEAD, LINE).trim_end()).expect("a chain");
        assert_eq!(chain.provenance.warnings, ["the last line has no end: the file may be cut"]);
    }

    #[test]
    fn an_empty_cell_is_no_value_and_nought_is_one() {
        let lines = LINE.replace("31.2,12,", "31.2,,").replace(",250,", ",0,");
        let chain = read_text(&text(HEAD, &lines)).expect("a chain");
        assert_eq!((chain.rows[0].volume, chain.rows[0].open_interest), (None, Some(0.0)));
    }

    #[test]
    fn dates_of_other_languages_ask_for_a_time() {
        for date in [
            "12 juillet 2022 à 11:55 UTC−4",
            "12/07/2022, 11:55",
            "July 12, 2022, 11:55",
            "July 32, 2022, 11:55 AM",
            "July 12, 2022, 13:55 AM",
            "July 12, 2022, 11:5 AM",
            "July 12, 22, 11:55 AM",
            "",
        ] {
            let text = text(&HEAD.replace("July 12, 2022, 11:55 AM EDT", date), LINE);
            let error = read_text(&text).expect_err(date);
            assert_eq!(error.fault, Fault::Time, "{date}");
            assert!(error.to_string().contains("--asof"), "{error}");

            let calendar = Calendar::bundled().expect("calendar");
            let asof = Some(at("2022-07-12T15:00:00Z"));
            let options = ImportOptions { asof, ..ImportOptions::default() };
            let chain = read(text.as_bytes(), &calendar, &options).expect("a chain");
            assert_eq!(Some(chain.asof), asof);
        }
        assert_eq!(fault(&text("Last: 3\n", LINE)), (Fault::Time, None));
    }

    #[test]
    fn contradictions_are_left_out_and_counted() {
        for (from, to, why, rows) in [
            ("Jul 15 2022,", "Jul 16 2022,", "details_mismatch", 0),
            ("Jul 15 2022,", "juil. 15 2022,", "malformed", 0),
            (",3850,", ",3855,", "details_mismatch", 0),
            (",3850,", ",,", "malformed", 0),
            ("SPXW220715P", "SPXW220716P", "details_mismatch", 1),
            ("SPXW220715P", "SPXW220715C", "details_mismatch", 1),
            ("SPXW220715P", "SPXL220715P", "root_foreign", 1),
            ("P03850000", "P038500000", "malformed", 1),
            ("SPXW220715P03850000", "", "malformed", 1),
        ] {
            let chain = read_text(&text(HEAD, &LINE.replace(from, to))).expect(to);
            assert_eq!(chain.rows.len(), rows, "{to}");
            let dropped = chain.provenance.dropped;
            assert_eq!(dropped.get(why).copied(), u32::try_from(2 - rows).ok(), "{to} {dropped:?}");
            assert_eq!(chain.provenance.received, 2);
        }
    }

    #[test]
    fn duplicates() {
        let chain = read_text(&text(HEAD, &LINE.repeat(2))).expect("a chain");
        assert_eq!((chain.rows.len(), chain.provenance.received), (2, 4));
        assert_eq!(chain.provenance.dropped.get("duplicate"), Some(&2));
        let other = LINE.replace(",250,", ",251,");
        let found = fault(&text(HEAD, &format!("{LINE}{other}")));
        assert_eq!(found, (Fault::DuplicateConflict, None));
    }

    #[test]
    fn expired_contracts_are_left_out() {
        let lines = LINE.replace("Jul 15", "Jul 11").replace("220715", "220711");
        let chain = read_text(&text(HEAD, &lines)).expect("a chain");
        assert!(chain.rows.is_empty());
        assert_eq!(chain.provenance.dropped.get("expired"), Some(&2));
    }

    #[test]
    fn errors_name_the_line() {
        let ndx = LINE.replace("SPXW", "NDXP");
        for (lines, expected) in [
            (format!("{LINE}{ndx}"), (Fault::Mixed, Some(5))),
            (LINE.replace("30.1", "30;1"), (Fault::Number, Some(4))),
            (LINE.replace("30.1", "\"30,1\""), (Fault::Number, Some(4))),
            (LINE.replace("30.1", "NaN"), (Fault::Number, Some(4))),
            (LINE.replace("30.1,", ""), (Fault::Truncated, Some(4))),
            (LINE.replace('\n', ",1\n"), (Fault::Format, Some(4))),
            (format!("{LINE}Fri Jul 15 2022,\"SPX"), (Fault::Truncated, Some(5))),
            (String::new(), (Fault::Empty, None)),
            (LINE.replace("SPXW", "SPXL"), (Fault::Empty, None)),
        ] {
            assert_eq!(fault(&text(HEAD, &lines)), expected, "{lines}");
        }
        let swapped = text(HEAD, LINE).replacen("Bid,Ask", "Ask,Bid", 1);
        assert_eq!(fault(&swapped), (Fault::Format, Some(3)));
        assert_eq!(fault("a,b\n1,2\n"), (Fault::Format, None));
        assert_eq!(fault(&text(&HEAD.replace("3856.28", "3856,2"), LINE)), (Fault::Number, None));
    }

    proptest! {
        #[test]
        fn never_panics(
            at in 0_usize..900,
            junk in proptest::collection::vec(any::<u8>(), 0..6),
            cut in 0_usize..8,
        ) {
            let mut bytes = text(HEAD, LINE).into_bytes();
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
