//! What the file providers share: options, errors, numbers, and the way of a contract into a chain.
//!
//! A provider takes bytes and gives a [`Chain`]; nothing here opens a file. Every error says what
//! is wrong, where, and what to do about it. Limits: [`MAX_BYTES`], [`MAX_CONTRACTS`] and, for
//! JSON, [`MAX_VALUES`] and [`MAX_DEPTH`]; within them the memory is bounded.

use std::fmt::{self, Write};

use jiff::civil::Date;
use sha2::{Digest, Sha256};

use crate::calendar::Calendar;
use crate::options::chain::{
    Chain, Drop, Osi, Print, Provenance, Root, Roots, Row, Underlying, arrange, settle_ts,
};
use crate::units::{SECOND, Ts};

/// Most bytes of a file, unpacked; the whole SPX chain takes 2 MB as CSV and 12 MB as JSON.
pub const MAX_BYTES: usize = 64 << 20;
/// Most commas, colons and opening brackets of a JSON text; the whole SPX chain has 1.5 million.
pub const MAX_VALUES: usize = 4_000_000;
/// Most contracts of a file; SPX lists 31 thousand at most.
pub const MAX_CONTRACTS: u32 = 200_000;
/// Deepest nesting of JSON; a chain has four levels.
pub const MAX_DEPTH: usize = 32;

/// How a file is to be read.
#[derive(Clone, Copy, Debug)]
pub struct ImportOptions {
    /// Time of the data, before everything that the file says.
    pub asof: Option<Ts>,
    /// How much older the data are than the time that the file states, in s.
    pub file_delay_s: u32,
    /// Which ticker letters are which root.
    pub roots: Roots,
}

impl Default for ImportOptions {
    /// No given time, 15 minutes of delay, the product's roots.
    fn default() -> ImportOptions {
        ImportOptions { asof: None, file_delay_s: 900, roots: Roots::PRODUCT }
    }
}

impl ImportOptions {
    /// Time of the data of a file that states `stamp`: [`ImportOptions::asof`] where it is given,
    /// else the stamp less the delay. `None` without either, or outside 1970 to 2200.
    #[must_use]
    pub fn time_of(&self, stamp: Option<Ts>) -> Option<Ts> {
        let stamped = || {
            let delay = i64::from(self.file_delay_s).saturating_mul(SECOND);
            stamp.map(|ts| Ts::from_outside(ts.0.saturating_sub(delay)))
        };
        self.asof.or_else(stamped).filter(|ts| ts.is_some())
    }
}

/// What kind of error an import ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// None of the known formats, or not what the format promises.
    Format,
    /// The time of the data cannot be told.
    Time,
    /// A cell that is no number.
    Number,
    /// Contracts of two indices.
    Mixed,
    /// No contract of a known root.
    Empty,
    /// One contract given twice with different content.
    DuplicateConflict,
    /// The file ends too early.
    Truncated,
    /// Beyond a limit of this module.
    TooLarge,
}

impl Fault {
    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Fault::Format => "format",
            Fault::Time => "time",
            Fault::Number => "number",
            Fault::Mixed => "mixed_underlyings",
            Fault::Empty => "no_contracts",
            Fault::DuplicateConflict => "duplicate_conflict",
            Fault::Truncated => "truncated",
            Fault::TooLarge => "too_large",
        }
    }

    /// What the operator can do.
    const fn remedy(self) -> &'static str {
        match self {
            Fault::Format => {
                "import a Cboe quote table (CSV), a Cboe delayed-quotes JSON or a recorded chain"
            }
            Fault::Time => "give the time of the data with --asof, such as 2022-07-12T11:40:00",
            Fault::Number => "export the table again in English, numbers as 1,234.5",
            Fault::Mixed => "import one index per file",
            Fault::Empty => "import a file with SPX, SPXW, NDX or NDXP contracts",
            Fault::DuplicateConflict => "export again; do not join two tables",
            Fault::Truncated => "export or copy the file again",
            Fault::TooLarge => "check that this is the chain of one index",
        }
    }
}

/// Why a file gives no chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportError {
    /// The kind.
    pub fault: Fault,
    /// Line in the file, from 1, where one is to blame.
    pub line: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl ImportError {
    /// An error about the whole file.
    #[must_use]
    pub fn new(fault: Fault, what: impl Into<String>) -> ImportError {
        ImportError { fault, line: None, what: what.into() }
    }

    /// The same about a line, from 1.
    #[must_use]
    pub fn at(self, line: u64) -> ImportError {
        ImportError { line: Some(line), ..self }
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        write!(f, "{} ({}): {}", self.what, self.fault.name(), self.fault.remedy())
    }
}

impl std::error::Error for ImportError {}

/// Text of a file for an error message: 60 characters, what cannot be printed as `?`.
#[must_use]
pub fn excerpt(bytes: &[u8]) -> String {
    let head = bytes.get(..240).unwrap_or(bytes);
    let text = String::from_utf8_lossy(head);
    let printable = |c: char| if c.is_control() { '?' } else { c };
    text.chars().take(60).map(printable).collect()
}

/// A cell that is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANumber;

/// A cell as a number: blank, `-`, `--` and `N/A` are none; commas only before groups of three
/// digits.
///
/// # Errors
/// For anything else, and for what is not finite.
pub fn number(cell: &[u8]) -> Result<Option<f64>, NotANumber> {
    let cell = cell.trim_ascii();
    if matches!(cell, b"" | b"-" | b"--" | b"N/A") {
        return Ok(None);
    }
    let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E');
    if cell.len() > 40 {
        return Err(NotANumber);
    }
    let parsed = if cell.iter().all(|&b| plain(b)) {
        std::str::from_utf8(cell).ok().and_then(|t| t.parse::<f64>().ok())
    } else {
        grouped(cell).and_then(|t| t.parse::<f64>().ok())
    };
    parsed.filter(|x| x.is_finite()).map(Some).ok_or(NotANumber)
}

/// `-1,234,567.8` without its commas.
fn grouped(cell: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(cell).ok()?;
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let mut groups = whole.split(',');
    let first = groups.next().filter(|g| (1..=3).contains(&g.len()) && all_digits(g))?;
    let mut plain = format!("{sign}{first}");
    for group in groups {
        if group.len() != 3 || !all_digits(group) {
            return None;
        }
        plain.push_str(group);
    }
    if !all_digits(fraction) {
        return None;
    }
    plain.push('.');
    plain.push_str(fraction);
    plain.push('0');
    Some(plain)
}

/// Checks the limits of a JSON text before a parser builds anything from it: bytes, values, depth.
///
/// # Errors
/// [`Fault::TooLarge`].
pub fn check_json(bytes: &[u8]) -> Result<(), ImportError> {
    let too = |what: String| Err(ImportError::new(Fault::TooLarge, what));
    if bytes.len() > MAX_BYTES {
        return too(format!("{} bytes, more than {MAX_BYTES}", bytes.len()));
    }
    let (mut depth, mut values) = (0_usize, 0_usize);
    let (mut quoted, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => {
                depth += 1;
                values += 1;
                if depth > MAX_DEPTH {
                    return too(format!("JSON nested more than {MAX_DEPTH} deep"));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' | b':' => values += 1,
            _ => {}
        }
    }
    if values > MAX_VALUES {
        return too(format!("more than {MAX_VALUES} values"));
    }
    Ok(())
}

/// SHA-256 in lower-case hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Takes the contracts of a file one by one and makes a chain of them.
#[derive(Debug)]
pub struct Intake<'a> {
    calendar: &'a Calendar,
    roots: Roots,
    underlying: Option<Underlying>,
    /// The series seen last: files list by expiry, so that most contracts are answered from here.
    series: [Option<(Root, Date, Ts)>; 2],
    rows: Vec<Row>,
    /// Filled as contracts come.
    pub provenance: Provenance,
}

impl<'a> Intake<'a> {
    /// Of a file of `provider`.
    #[must_use]
    pub fn new(calendar: &'a Calendar, roots: Roots, provenance: Provenance) -> Intake<'a> {
        Intake {
            calendar,
            roots,
            underlying: None,
            series: [None; 2],
            rows: Vec::new(),
            provenance,
        }
    }

    /// Reads and counts a ticker; `None` where the contract is left out.
    ///
    /// # Errors
    /// [`Fault::Mixed`] and [`Fault::TooLarge`].
    pub fn ticker(&mut self, ticker: &[u8]) -> Result<Option<Osi>, ImportError> {
        if self.provenance.received >= MAX_CONTRACTS {
            let what = format!("more than {MAX_CONTRACTS} contracts");
            return Err(ImportError::new(Fault::TooLarge, what));
        }
        self.provenance.received += 1;
        let text = std::str::from_utf8(ticker.trim_ascii()).map_err(|_| Drop::Malformed);
        let osi = match text.and_then(|t| Osi::parse(t, &self.roots)) {
            Ok(osi) => osi,
            Err(why) => {
                self.provenance.drop(why);
                return Ok(None);
            }
        };
        let index = osi.root.underlying();
        let first = *self.underlying.get_or_insert(index);
        if first != index {
            let what = format!("{osi} in a chain of {}", first.name());
            return Err(ImportError::new(Fault::Mixed, what));
        }
        Ok(Some(osi))
    }

    /// The contract with its settlement instant, nothing else known.
    #[must_use]
    pub fn row(&mut self, osi: Osi) -> Row {
        let known = |s: &&(Root, Date, Ts)| (s.0, s.1) == (osi.root, osi.expiry);
        let at = self.series.iter().flatten().find(known).map(|s| s.2);
        let at = at.unwrap_or_else(|| {
            let at = settle_ts(self.calendar, osi.root, osi.expiry);
            self.series = [Some((osi.root, osi.expiry, at)), self.series[0]];
            at
        });
        Row::new(osi, at)
    }

    /// Adds a contract, less what is no value.
    pub fn add(&mut self, mut row: Row) {
        let cleaned = row.clean();
        if cleaned.crossed {
            self.provenance.count("crossed");
        }
        if cleaned.negative_gamma {
            self.provenance.count("negative_gamma");
        }
        self.rows.push(row);
    }

    /// The chain. Contracts that have settled are left out: none may remain.
    ///
    /// # Errors
    /// [`Fault::Empty`] and [`Fault::DuplicateConflict`].
    pub fn finish(self, asof: Ts, spot: Option<f64>) -> Result<Chain, ImportError> {
        let Intake { underlying, rows, mut provenance, .. } = self;
        let Some(underlying) = underlying else {
            let what = format!("no usable contract among {}", provenance.received);
            return Err(ImportError::new(Fault::Empty, what));
        };
        let rows = arrange(rows, asof, &mut provenance).map_err(|conflict| {
            let what = format!("{} is given twice with different content", conflict.0);
            ImportError::new(Fault::DuplicateConflict, what)
        })?;
        provenance.fetched = (asof, asof);
        let spot = spot.filter(|s| s.is_finite() && *s > 0.0);
        if spot.is_none() {
            provenance.warnings.push("the file states no index value".to_owned());
        }
        let print = spot.map(|value| Print { value, ts: asof });
        Ok(Chain { underlying, asof, captured: asof, print, rows, provenance })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (cell, expected) in [
            ("", Ok(None)),
            ("  ", Ok(None)),
            ("--", Ok(None)),
            ("N/A", Ok(None)),
            ("0", Ok(Some(0.0))),
            (" 12.5 ", Ok(Some(12.5))),
            ("-0.0004", Ok(Some(-0.0004))),
            ("1,234", Ok(Some(1234.0))),
            ("-1,234,567.25", Ok(Some(-1_234_567.25))),
            ("1e3", Ok(Some(1000.0))),
            ("12,5", Err(NotANumber)),
            ("1234,567", Err(NotANumber)),
            ("1,2345", Err(NotANumber)),
            (",123", Err(NotANumber)),
            ("1,234.5,6", Err(NotANumber)),
            ("nan", Err(NotANumber)),
            ("inf", Err(NotANumber)),
            ("1e999", Err(NotANumber)),
            ("abc", Err(NotANumber)),
            ("1.2.3", Err(NotANumber)),
        ] {
            assert_eq!(number(cell.as_bytes()), expected, "{cell}");
        }
    }

    #[test]
    fn a_given_time_comes_first() {
        let stamp = Some(Ts(2_000 * SECOND));
        let mut options = ImportOptions::default();
        assert_eq!(options.time_of(stamp), Some(Ts(1_100 * SECOND)));
        assert_eq!(options.time_of(None), None);
        assert_eq!(options.time_of(Some(Ts(900 * SECOND))), None);
        options.asof = Some(Ts(5));
        assert_eq!(options.time_of(stamp), Some(Ts(5)));
        assert_eq!(options.time_of(None), Some(Ts(5)));
    }

    #[test]
    fn json_has_limits() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert_eq!(check_json(nested(MAX_DEPTH).as_bytes()), Ok(()));
        assert!(check_json(nested(MAX_DEPTH + 1).as_bytes()).is_err());
        assert_eq!(check_json("[]".repeat(MAX_DEPTH + 1).as_bytes()), Ok(()));
        let quoted = format!(r#"{{"a\"{}": 1}}"#, "[".repeat(MAX_DEPTH + 1));
        assert_eq!(check_json(quoted.as_bytes()), Ok(()));
        assert_eq!(check_json(",".repeat(MAX_VALUES).as_bytes()), Ok(()));
        assert!(check_json(",".repeat(MAX_VALUES + 1).as_bytes()).is_err());
    }

    #[test]
    fn errors_say_what_where_and_what_to_do() {
        let error = ImportError::new(Fault::Number, "cannot read `x` in column Bid").at(7);
        let text = error.to_string();
        assert!(text.starts_with("line 7: cannot read `x` in column Bid (number): "), "{text}");
        assert!(text.contains("in English"), "{text}");
        assert_eq!(excerpt(b"a\nb\xff"), "a?b\u{fffd}");
    }
}
