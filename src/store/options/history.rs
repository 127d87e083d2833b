//! Own history: one line a trade date in `{spx,ndx}_daily.csv`, open interest and volume of every
//! contract once a day in `{spx,ndx}_oi_YYYYMMDD.csv.gz`.
//!
//! No file, no history: percentiles are then null, never guessed. A file is rewritten whole, so a
//! crash leaves the old or the new one; lines that are torn or make no sense are left out when it
//! is read, and named.

use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use csv::{ReaderBuilder, StringRecord, WriterBuilder};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::civil::Date;

use super::folders::{self, FILE_BYTES_MAX};
use crate::options::chain::{Osi, Roots, Row};
use crate::options::snapshot::Snapshot;

/// Header of the daily file.
pub const DAILY: [&str; 10] = [
    "trade_date",
    "pcr_volume",
    "pcr_oi",
    "skew25_30d",
    "atm_30d",
    "net",
    "abs",
    "flip",
    "spot",
    "vix_close",
];
/// Header of the open-interest file.
pub const OPEN_INTEREST: [&str; 3] = ["osi", "open_interest", "volume"];
/// Most contracts or lines of one file.
pub const LINES_MAX: usize = 1_000_000;
/// Most lines that are named one by one.
const NAMED_MAX: usize = 20;

/// One trade date of an underlying.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Daily {
    /// Trade date.
    pub trade_date: Date,
    /// Put volume over call volume.
    pub pcr_volume: Option<f64>,
    /// Put over call open interest.
    pub pcr_oi: Option<f64>,
    /// 25-delta skew at 30 days, decimal.
    pub skew25_30d: Option<f64>,
    /// Volatility at the forward at 30 days, decimal.
    pub atm_30d: Option<f64>,
    /// Net gamma exposure, USD per 1 %.
    pub net: Option<f64>,
    /// Gross gamma exposure.
    pub abs: Option<f64>,
    /// Zero gamma, index points.
    pub flip: Option<f64>,
    /// Spot, index points.
    pub spot: Option<f64>,
    /// Close of VIX.
    pub vix_close: Option<f64>,
}

impl Daily {
    /// What a snapshot says of its day; the close of VIX comes from elsewhere, if it is known yet.
    #[must_use]
    pub fn of(snapshot: &Snapshot, trade_date: Date, vix_close: Option<f64>) -> Daily {
        let all = snapshot.analysis.as_ref();
        Daily {
            trade_date,
            pcr_volume: all.and_then(|a| a.pcr.volume),
            pcr_oi: all.and_then(|a| a.pcr.oi),
            skew25_30d: all.and_then(|a| a.vol.skew25_30d),
            atm_30d: all.and_then(|a| a.vol.atm_30d),
            net: all.map(|a| a.gex.gex_total_signed),
            abs: all.map(|a| a.gex.abs_gex),
            flip: all.and_then(|a| a.levels.gamma_flip.level),
            spot: snapshot.underlying.spot,
            vix_close,
        }
    }

    fn cells(&self) -> Vec<String> {
        let numbers = [
            self.pcr_volume,
            self.pcr_oi,
            self.skew25_30d,
            self.atm_30d,
            self.net,
            self.abs,
            self.flip,
            self.spot,
            self.vix_close,
        ];
        let mut cells = vec![self.trade_date.to_string()];
        cells.extend(numbers.map(number));
        cells
    }

    fn parse(record: &StringRecord) -> Option<Daily> {
        if record.len() != DAILY.len() {
            return None;
        }
        let trade_date = record.get(0)?.parse().ok()?;
        let mut row = Daily {
            trade_date,
            pcr_volume: None,
            pcr_oi: None,
            skew25_30d: None,
            atm_30d: None,
            net: None,
            abs: None,
            flip: None,
            spot: None,
            vix_close: None,
        };
        let into = [
            &mut row.pcr_volume,
            &mut row.pcr_oi,
            &mut row.skew25_30d,
            &mut row.atm_30d,
            &mut row.net,
            &mut row.abs,
            &mut row.flip,
            &mut row.spot,
            &mut row.vix_close,
        ];
        for (cell, into) in record.iter().skip(1).zip(into) {
            *into = parse_number(cell)?;
        }
        Some(row)
    }
}

/// A number in its shortest form, empty for none.
fn number(x: Option<f64>) -> String {
    x.filter(|x| x.is_finite()).map(|x| x.to_string()).unwrap_or_default()
}

/// A finite number, or none for an empty cell; outer `None` for anything else.
fn parse_number(cell: &str) -> Option<Option<f64>> {
    if cell.is_empty() {
        return Some(None);
    }
    let x: f64 = cell.parse().ok()?;
    x.is_finite().then_some(Some(x))
}

/// Lines of a file and what had to be left out of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines<T> {
    /// What was read.
    pub rows: Vec<T>,
    /// Lines left out, named by file and number.
    pub dropped: Vec<String>,
}

impl<T> Default for Lines<T> {
    fn default() -> Lines<T> {
        Lines { rows: Vec::new(), dropped: Vec::new() }
    }
}

/// Reads a daily file, by date; none where there is no file. A date given twice counts once, by its
/// last line.
///
/// # Errors
/// With the path: unreadable, too long, or another header.
pub fn read_daily(path: &Path) -> Result<Lines<Daily>> {
    let Some(bytes) = folders::read(path)? else { return Ok(Lines::default()) };
    let mut lines = parse_lines(path, &bytes, &DAILY, Daily::parse)?;
    lines.rows.sort_by_key(|row| row.trade_date);
    let mut kept: Vec<Daily> = Vec::with_capacity(lines.rows.len());
    for row in lines.rows {
        match kept.last_mut() {
            Some(last) if last.trade_date == row.trade_date => *last = row,
            _ => kept.push(row),
        }
    }
    Ok(Lines { rows: kept, dropped: lines.dropped })
}

/// A file of history after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// What it holds now.
    pub content: Vec<u8>,
    /// Its lines without the header.
    pub records: u64,
    /// Lines of the old file that were left out.
    pub dropped: Vec<String>,
}

/// Puts one trade date into a daily file, instead of a former line of it. A close of VIX that is
/// known stays where the new line has none.
///
/// # Errors
/// With the path: as [`read_daily`], or no room.
pub fn put_daily(path: &Path, mut row: Daily) -> Result<Put> {
    let Lines { mut rows, dropped } = read_daily(path)?;
    if let Some(old) = rows.iter().find(|r| r.trade_date == row.trade_date) {
        row.vix_close = row.vix_close.or(old.vix_close);
    }
    rows.retain(|r| r.trade_date != row.trade_date);
    rows.push(row);
    rows.sort_by_key(|r| r.trade_date);
    let content = table(&DAILY, rows.iter().map(Daily::cells))?;
    folders::write(path, &content)?;
    Ok(Put { content, records: u64::try_from(rows.len())?, dropped })
}

/// Open interest and volume of one contract.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Open {
    /// The contract.
    pub osi: Osi,
    /// Contracts open.
    pub open_interest: Option<f64>,
    /// Contracts traded up to the capture.
    pub volume: Option<f64>,
}

/// Writes the open interest of a chain.
///
/// # Errors
/// With the path where it cannot be written.
pub fn write_open_interest(path: &Path, rows: &[Row]) -> Result<Put> {
    let cells =
        rows.iter().map(|r| vec![r.osi.to_string(), number(r.open_interest), number(r.volume)]);
    let content = compress(&table(&OPEN_INTEREST, cells)?)?;
    folders::write(path, &content)?;
    Ok(Put { content, records: u64::try_from(rows.len())?, dropped: Vec::new() })
}

/// Reads open interest back, in the order of the file; none where there is no file.
///
/// # Errors
/// As [`read_daily`].
pub fn read_open_interest(path: &Path) -> Result<Lines<Open>> {
    let Some(bytes) = folders::read(path)? else { return Ok(Lines::default()) };
    let (text, torn) = decompress(&bytes);
    let mut lines = parse_lines(path, &text, &OPEN_INTEREST, |record| {
        let osi = Osi::parse(record.get(0)?, &Roots::PRODUCT).ok()?;
        let not_negative = |cell| parse_number(cell).filter(|x| x.is_none_or(|x| x >= 0.0));
        let open_interest = not_negative(record.get(1)?)?;
        let volume = not_negative(record.get(2)?)?;
        (record.len() == OPEN_INTEREST.len()).then_some(Open { osi, open_interest, volume })
    })?;
    if torn {
        lines.dropped.push(format!("{}: torn: its end is missing", path.display()));
    }
    Ok(lines)
}

/// Rows as CSV under a header.
///
/// # Errors
/// Where a row has another number of cells than the header.
pub fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>> {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(header)?;
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().context("CSV not written")
}

/// Gzip, the same bytes for the same content.
///
/// # Errors
/// Never, but for want of memory.
pub fn compress(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

/// What could be unpacked, at most [`FILE_BYTES_MAX`], and whether the end is missing.
#[must_use]
pub fn decompress(bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut content = Vec::new();
    let read = GzDecoder::new(bytes).take(FILE_BYTES_MAX + 1).read_to_end(&mut content);
    let limit = usize::try_from(FILE_BYTES_MAX).unwrap_or(usize::MAX);
    let long = content.len() > limit;
    content.truncate(limit);
    (content, read.is_err() || long)
}

/// Lines of a CSV that `parse` takes. The last one counts only with its line feed.
///
/// # Errors
/// With the path where the header is another or there are too many lines.
pub fn parse_lines<T>(
    path: &Path,
    bytes: &[u8],
    header: &[&str],
    parse: impl Fn(&StringRecord) -> Option<T>,
) -> Result<Lines<T>> {
    let mut lines = Lines::default();
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let (bytes, rest) = bytes.split_at_checked(whole).unwrap_or((bytes, &[]));
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut left_out = 0_usize;
    let mut leave_out = |dropped: &mut Vec<String>, text: String| {
        left_out += 1;
        if left_out <= NAMED_MAX {
            dropped.push(format!("{}: {text}", path.display()));
        }
    };
    for (at, record) in reader.records().enumerate() {
        if at > LINES_MAX {
            bail!("{}: more than {LINES_MAX} lines", path.display());
        }
        let record = match record {
            Ok(record) => record,
            Err(e) => {
                leave_out(&mut lines.dropped, format!("line {}: {e}", at + 1));
                continue;
            }
        };
        if at == 0 {
            // A later version may have more columns at the end.
            if !record.iter().take(header.len()).eq(header.iter().copied()) {
                bail!("{}: another header", path.display());
            }
            continue;
        }
        match parse(&record) {
            Some(row) => lines.rows.push(row),
            None => leave_out(&mut lines.dropped, format!("line {}: left out", at + 1)),
        }
    }
    if !rest.is_empty() {
        leave_out(&mut lines.dropped, "torn last line: left out".to_owned());
    }
    if left_out > NAMED_MAX {
        lines.dropped.push(format!("{}: {left_out} lines left out in all", path.display()));
    }
    Ok(lines)
}
