//! Levels as Sierra Chart's spreadsheet studies read them: format A and the longer B.
//!
//! One row each for SPX, ES, NDX, NQ, in that order; a future has one only with a basis, its levels
//! are index + basis on its tick. Which levels are drawn is the rule of [`crate::options::drawn`],
//! a future's by its own prices. A row that breaks a rule is refused and the one before it stays.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use csv::{ReaderBuilder, StringRecord, WriterBuilder};

use super::folders::{parse_ts, rfc3339, seconds, underlying};
use crate::calendar::{Calendar, Label};
use crate::options::chain::Underlying;
use crate::options::drawn::{self, Cents, WINDOW_PERCENT, cents, quarter};
use crate::options::snapshot::{Dealer, FutureLevels, Gex, Levels, Snapshot};
use crate::units::{SECOND, Ts};

/// Header of format A.
pub const HEADER_A: [&str; 10] = [
    "symbol",
    "timestamp",
    "spot_price",
    "call_wall",
    "put_wall",
    "gamma_flip",
    "max_pain",
    "pin1",
    "pin2",
    "vol_trigger",
];
/// Header of format B.
pub const HEADER_B: [&str; 18] = [
    "symbol",
    "trade_datetime_utc",
    "spot",
    "gex_total",
    "gex_regime",
    "gex0_vol_trigger",
    "gex1_flip",
    "gex2_call_wall",
    "gex3_put_wall",
    "gex4_max_pain",
    "gex5_pin1",
    "gex6_pin2",
    "window_pct",
    "min_gap_pts",
    "market_status",
    "stale_minutes",
    "source",
    "version",
];
/// Symbols in the order of the rows.
const ORDER: [&str; 4] = ["SPX", "ES", "NDX", "NQ"];
/// Version of format B.
const VERSION: &str = "2";
/// How levels are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawing {
    /// Least distance on SPX and ES, points.
    pub gap_spx: f64,
    /// The same on NDX and NQ.
    pub gap_ndx: f64,
    /// Most levels of a row.
    pub max_drawn: usize,
}

impl Default for Drawing {
    fn default() -> Drawing {
        Drawing { gap_spx: 20.0, gap_ndx: 60.0, max_drawn: 6 }
    }
}

impl Drawing {
    /// Least distance of the levels of an underlying and of its future, points.
    #[must_use]
    pub const fn gap(&self, of: Underlying) -> f64 {
        match of {
            Underlying::Spx => self.gap_spx,
            Underlying::Ndx => self.gap_ndx,
        }
    }
}

/// One row before it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// SPX, ES, NDX or NQ.
    pub symbol: &'static str,
    /// Time of the data, a whole second.
    pub time: Ts,
    /// Spot in hundredths of a point.
    pub spot: i64,
    /// Drawn levels in hundredths of a point, by priority: flip, call wall, put wall, max pain,
    /// two pins, vol trigger.
    pub levels: [Option<i64>; 7],
    /// Net gamma exposure, USD per 1 %.
    pub net: f64,
    /// `POS` or `NEG`.
    pub regime: String,
    /// Least distance, hundredths of a point.
    pub gap: i64,
    /// `pre`, `open`, `post` or `closed`.
    pub market: &'static str,
    /// Whole minutes from the data to the capture.
    pub stale_minutes: u32,
    /// Provider.
    pub source: String,
}

impl Row {
    /// What is wrong with this row at `now`; nothing for one that may be written.
    #[must_use]
    pub fn faults(&self, now: Ts) -> Vec<String> {
        let mut found = Vec::new();
        let mut say = |text: String| found.push(format!("{}: {text}", self.symbol));
        if !self.time.is_some() || self.time > now {
            say("time in the future".to_owned());
        }
        drawn::faults(&self.levels, self.spot, self.gap).into_iter().for_each(say);
        found
    }

    /// Cells of format A.
    #[must_use]
    pub fn cells_a(&self) -> Vec<String> {
        let [flip, call, put, pain, pin1, pin2, trigger] = self.levels.map(cell);
        let time = rfc3339(self.time);
        let spot = cell(Some(self.spot));
        vec![self.symbol.to_owned(), time, spot, call, put, flip, pain, pin1, pin2, trigger]
    }

    /// Cells of format B.
    #[must_use]
    pub fn cells_b(&self) -> Vec<String> {
        let [flip, call, put, pain, pin1, pin2, trigger] = self.levels.map(cell);
        // Adding zero makes no zero of −0.
        let net = format!("{:.0}", self.net.round() + 0.0);
        let gap = cell(Some(self.gap));
        vec![
            self.symbol.to_owned(),
            rfc3339(self.time),
            cell(Some(self.spot)),
            net,
            self.regime.clone(),
            trigger,
            flip,
            call,
            put,
            pain,
            pin1,
            pin2,
            WINDOW_PERCENT.to_string(),
            gap.strip_suffix(".00").unwrap_or(&gap).to_owned(),
            self.market.to_owned(),
            self.stale_minutes.to_string(),
            self.source.clone(),
            VERSION.to_owned(),
        ]
    }
}

/// Rows of one snapshot, and why others are missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Of the index, then of its future. Without the former there is none of the latter.
    pub rows: Vec<Row>,
    /// Broken rules; each refuses its row.
    pub faults: Vec<String>,
}

/// The rows of a snapshot: from the overnight scope where it was captured in the capture window,
/// else from everything. `front` names the contract of the future; without it the nearest counts.
///
/// # Errors
/// A snapshot without spot, levels or times.
pub fn rows(
    snapshot: &Snapshot,
    calendar: &Calendar,
    drawing: &Drawing,
    front: Option<&str>,
    now: Ts,
) -> Result<Rows> {
    let of = underlying(snapshot)?;
    let captured = parse_ts(&snapshot.captured_at).context("no capture time")?;
    let time = parse_ts(&snapshot.asof).context("no time of the data")?;
    let spot = snapshot.underlying.spot.context("no spot")?;
    let overnight = snapshot.analysis_overnight.as_ref();
    let (levels, gex, dealer): (&Levels, &Gex, &Dealer) =
        match overnight.filter(|_| calendar.capture(captured).is_some()) {
            Some(o) => (&o.levels, &o.gex, &o.dealer),
            None => {
                let a = snapshot.analysis.as_ref().context("no levels")?;
                (&a.levels, &a.gex, &a.dealer)
            }
        };
    let gap = cents(drawing.gap(of)).context("least distance out of range")?;
    let mut row = Row {
        symbol: of.name(),
        time: Ts(time.second() * SECOND),
        spot: cents(spot).context("spot out of range")?,
        levels: [None; 7],
        net: gex.gex_total_signed,
        regime: dealer.gamma_regime.clone(),
        gap,
        market: market(calendar, captured),
        stale_minutes: minutes(time, captured),
        source: snapshot.provenance.provider.clone(),
    };
    ensure!(row.net.is_finite(), "net gamma exposure is not finite");
    let index = by_priority(levels);
    row.levels = drawn::drawn(index.map(|l| l.and_then(cents)), row.spot, gap, drawing.max_drawn);
    let mut built = Rows { faults: row.faults(now), rows: Vec::new() };
    if !built.faults.is_empty() {
        return Ok(built);
    }
    built.rows.push(row.clone());
    if let Some(future) = front_of(&snapshot.futures, of, captured, front) {
        row.symbol = of.future();
        let moved = |x: f64| quarter(x + future.basis);
        row.spot = moved(spot).context("basis out of range")?;
        row.levels =
            drawn::drawn(index.map(|l| l.and_then(moved)), row.spot, gap, drawing.max_drawn);
        let faults = row.faults(now);
        if faults.is_empty() {
            built.rows.push(row);
        }
        built.faults = faults;
    }
    Ok(built)
}

/// Levels by priority.
fn by_priority(levels: &Levels) -> [Option<f64>; 7] {
    let pin = |n: usize| levels.gamma_pins.get(n).map(|p| p.strike);
    [
        levels.gamma_flip.level,
        levels.call_wall.as_ref().map(|w| w.strike),
        levels.put_wall.as_ref().map(|w| w.strike),
        levels.max_pain,
        pin(0),
        pin(1),
        levels.vol_trigger.level,
    ]
}

fn cell(price: Cents) -> String {
    price.map_or_else(String::new, |c| {
        let sign = if c < 0 { "-" } else { "" };
        let size = c.unsigned_abs();
        format!("{sign}{}.{:02}", size / 100, size % 100)
    })
}

fn minutes(from: Ts, to: Ts) -> u32 {
    let whole = (seconds(from, to) / 60.0).floor();
    // Not negative, and a float to integer conversion saturates.
    whole as u32
}

/// The cash market at an instant: `open` in its hours, `post` from its close to the halt, `pre`
/// from the evening before to its open, `closed` else.
fn market(calendar: &Calendar, at: Ts) -> &'static str {
    let segment = calendar.segment(at);
    match segment.label {
        Label::Us => "open",
        Label::UsPost => "post",
        Label::Asia | Label::London if segment.cash.is_some() => "pre",
        _ => "closed",
    }
}

/// The future whose levels are drawn: `front` where it is there, else the contract that expires
/// first.
fn front_of<'a>(
    futures: &'a BTreeMap<String, FutureLevels>,
    of: Underlying,
    at: Ts,
    front: Option<&str>,
) -> Option<&'a FutureLevels> {
    if let Some(found) = front.and_then(|name| futures.get(name)) {
        return Some(found);
    }
    let year = rfc3339(at).get(..4).and_then(|y| y.parse::<u32>().ok())?;
    let month = |name: &str| contract_month(name.strip_prefix(of.future())?, year);
    let dated = futures.iter().filter_map(|(name, f)| Some((month(name)?, f)));
    dated.min_by_key(|(month, _)| *month).map(|(_, future)| future)
}

/// Year and month code of the rest of a contract's name, such as `H4`, `H24` or `H2024`. One digit
/// means the first such year from `now`.
fn contract_month(rest: &str, now: u32) -> Option<(u32, char)> {
    let code = rest.chars().next().filter(|c| "FGHJKMNQUVXZ".contains(*c))?;
    let digits: String = rest.chars().skip(1).take_while(char::is_ascii_digit).collect();
    let year: u32 = digits.parse().ok()?;
    let year = match digits.len() {
        1 => now + (10 + year - now % 10) % 10,
        2 => 2000 + year,
        4 => year,
        _ => return None,
    };
    Some((year, code))
}

/// A file of the day with new rows in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Content of the file.
    pub bytes: Vec<u8>,
    /// Rows in it.
    pub rows: u64,
    /// Lines of the old file that could not be kept, and why.
    pub dropped: Vec<String>,
}

/// The content of the day's file after `cells` of `of` replaced its former rows; the other
/// underlying keeps its own. `None` where the old file has rows of `of` with a later time.
///
/// # Errors
/// Where a cell cannot be written as CSV.
pub fn merge(
    old: Option<&[u8]>,
    header: &[&str],
    of: Underlying,
    cells: Vec<Vec<String>>,
) -> Result<Option<Merged>> {
    let mut dropped = Vec::new();
    let mut all: Vec<Vec<String>> = Vec::new();
    let own = [of.name(), of.future()];
    let new_time = cells.first().and_then(|c| c.get(1)).and_then(|t| parse_ts(t));
    for record in old.map(|bytes| kept(bytes, header, &mut dropped)).unwrap_or_default() {
        if !record.get(0).is_some_and(|symbol| own.contains(&symbol)) {
            all.push(record.iter().map(str::to_owned).collect());
        } else if record.get(1).and_then(parse_ts) > new_time {
            return Ok(None);
        }
    }
    all.extend(cells);
    let place = |row: &Vec<String>| ORDER.iter().position(|s| row.first().is_some_and(|r| r == s));
    all.sort_by_key(place);
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(header)?;
    for row in &all {
        writer.write_record(row)?;
    }
    let bytes = writer.into_inner().context("CSV not written")?;
    Ok(Some(Merged { bytes, rows: u64::try_from(all.len())?, dropped }))
}

/// Rows of an old file that are whole: right number of cells, known symbol, one each, a time.
fn kept(bytes: &[u8], header: &[&str], dropped: &mut Vec<String>) -> Vec<StringRecord> {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut rows: Vec<StringRecord> = Vec::new();
    for (at, record) in reader.records().enumerate() {
        let line = at + 1;
        let record = match record {
            Ok(record) => record,
            Err(e) => {
                dropped.push(format!("line {line}: {e}"));
                continue;
            }
        };
        if at == 0 && record.iter().eq(header.iter().copied()) {
            continue;
        }
        let symbol = record.get(0).unwrap_or_default();
        let whole = record.len() == header.len() && ORDER.contains(&symbol);
        let timed = record.get(1).and_then(parse_ts).is_some();
        let again = rows.iter().any(|r| r.get(0) == Some(symbol));
        if whole && timed && !again {
            rows.push(record);
        } else {
            dropped.push(format!("line {line}: no row of this file"));
        }
    }
    rows
}
