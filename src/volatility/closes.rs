//! Daily closes of an index and what is measured against them.
//!
//! | statistic | formula (common definitions) |
//! |---|---|
//! | percentile | share of the previous ≤ 252 closes at or below v, 0 to 1 |
//! | momentum, n = 5 and 20 | v / mean of the previous n closes − 1 |
//! | trend | momentum of five above 0.05 bullish, below −0.05 bearish: VIX rises or falls |
//! | z of sixty | (ln v − mean of ln) / population deviation of ln |
//!
//! Only closes dated before a given day count, so nothing looks ahead; fewer than 60 of them are
//! `WARMUP`. Closes come from a history of Cboe (`DATE,OPEN,HIGH,LOW,CLOSE`) or one by one. Cost
//! of all statistics: one pass over at most 252 numbers and 61 logarithms.

use jiff::civil::Date;

use super::part::Trend;
use crate::calendar::days;
use crate::units::{Reason, Slot};

/// Closes in a percentile.
pub const YEAR: usize = 252;
/// Closes below which there are no statistics.
pub const WARM: usize = 60;
/// Most closes that are kept: four hundred years.
pub const CLOSES_MAX: usize = 100_000;
/// Greatest level that is believed, points.
pub const LEVEL_MAX: f64 = 1_000.0;
/// Momentum of five beyond which there is a trend.
const TREND: f64 = 0.05;

/// Why a close is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseError {
    /// No header with the columns DATE and CLOSE.
    Header,
    /// Not a comma-separated line of text with these columns.
    Row,
    /// Not a day as MM/DD/YYYY from 1900 to 2199.
    Date,
    /// Not a number of points above 0 and at most [`LEVEL_MAX`].
    Close,
    /// Its day does not lie after the one before.
    Order,
    /// More than [`CLOSES_MAX`].
    TooMany,
}

impl std::fmt::Display for CloseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            CloseError::Header => "no header with the columns DATE and CLOSE",
            CloseError::Row => "cannot read the row",
            CloseError::Date => "the date is not a day as MM/DD/YYYY",
            CloseError::Close => "the close is not a number above 0 and at most 1000",
            CloseError::Order => "the day does not lie after the one before",
            CloseError::TooMany => "too many rows",
        })
    }
}

impl std::error::Error for CloseError {}

/// The line of a history that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineError {
    /// Line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub error: CloseError,
}

impl std::fmt::Display for LineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.error)
    }
}

impl std::error::Error for LineError {}

/// Daily closes by day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Closes {
    /// Days since 1970-01-01, rising strictly.
    days: Vec<i32>,
    /// Points, as many.
    values: Vec<f64>,
}

impl Closes {
    /// No closes.
    pub const EMPTY: Closes = Closes { days: Vec::new(), values: Vec::new() };

    /// The closes of a history: a header that names DATE and CLOSE, then one day a line, oldest
    /// first. Further columns are not looked at; a byte-order mark and blank lines are skipped.
    ///
    /// # Errors
    /// [`LineError`] with the first line that cannot be read.
    pub fn parse(bytes: &[u8]) -> Result<Closes, LineError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        let mut row = csv::ByteRecord::new();
        let mut columns = None;
        let mut closes = Closes::EMPTY;
        loop {
            let at = reader.position().line();
            let more = reader.read_byte_record(&mut row);
            let line = row.position().map_or(at, |start| line_of(bytes, start));
            let fail = |error| LineError { line, error };
            if !more.map_err(|_| fail(CloseError::Row))? {
                break;
            }
            match columns {
                None => columns = Some(header(&row).ok_or(fail(CloseError::Header))?),
                Some(columns) => {
                    let (day, value) = cells(&row, columns).map_err(fail)?;
                    closes.push(day, value).map_err(fail)?;
                }
            }
        }
        match columns {
            Some(_) => Ok(closes),
            None => Err(LineError { line: 1, error: CloseError::Header }),
        }
    }

    /// Adds the close of a later day, in points.
    ///
    /// # Errors
    /// [`CloseError`] where the day does not lie after the last, or the value is no level.
    pub fn push(&mut self, day: Date, value: f64) -> Result<(), CloseError> {
        if !(value > 0.0 && value <= LEVEL_MAX) {
            return Err(CloseError::Close);
        }
        let day = days(day);
        if self.days.last().is_some_and(|&last| last >= day) {
            return Err(CloseError::Order);
        }
        if self.days.len() >= CLOSES_MAX {
            return Err(CloseError::TooMany);
        }
        self.days.push(day);
        self.values.push(value);
        Ok(())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.days.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// Day (days since 1970-01-01) and points, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i32, f64)> + '_ {
        self.days.iter().copied().zip(self.values.iter().copied())
    }

    /// Points of the days before `day` (days since 1970-01-01), oldest first.
    #[must_use]
    pub fn before(&self, day: i32) -> &[f64] {
        let n = self.days.partition_point(|&d| d < day);
        self.values.get(..n).unwrap_or(&[])
    }

    /// The newest close dated `day` or earlier.
    #[must_use]
    pub fn last_at(&self, day: i32) -> Option<(i32, f64)> {
        let n = self.days.partition_point(|&d| d <= day).checked_sub(1)?;
        Some((*self.days.get(n)?, *self.values.get(n)?))
    }
}

/// Line of a record; its position is that of the blank lines before it.
fn line_of(bytes: &[u8], start: &csv::Position) -> u64 {
    let from = usize::try_from(start.byte()).ok().and_then(|from| bytes.get(from..));
    let blank = from.unwrap_or(&[]).iter().take_while(|b| matches!(b, b'\r' | b'\n'));
    blank.filter(|b| **b == b'\n').fold(start.line(), |line, _| line.saturating_add(1))
}

/// Where DATE and CLOSE stand.
fn header(row: &csv::ByteRecord) -> Option<(usize, usize)> {
    let find =
        |name: &str| row.iter().position(|c| c.trim_ascii().eq_ignore_ascii_case(name.as_bytes()));
    Some((find("DATE")?, find("CLOSE")?))
}

fn cells(row: &csv::ByteRecord, columns: (usize, usize)) -> Result<(Date, f64), CloseError> {
    let cell = |n: usize| {
        let text = row.get(n).and_then(|c| str::from_utf8(c.trim_ascii()).ok());
        text.ok_or(CloseError::Row)
    };
    let day = day_of(cell(columns.0)?).ok_or(CloseError::Date)?;
    let value = cell(columns.1)?.parse().map_err(|_| CloseError::Close)?;
    Ok((day, value))
}

/// A day as MM/DD/YYYY.
fn day_of(text: &str) -> Option<Date> {
    let (month, rest) = text.split_once('/')?;
    let (day, year) = rest.split_once('/')?;
    let digits = |s: &str, n: usize| s.len() <= n && s.bytes().all(|b| b.is_ascii_digit());
    if !(digits(month, 2) && digits(day, 2) && digits(year, 4)) {
        return None;
    }
    let year = year.parse().ok().filter(|y| (1900..2200).contains(y))?;
    Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()
}

/// What one level says against the closes before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stats {
    /// 0 to 1.
    pub percentile: Slot,
    /// Over five closes, decimal.
    pub mom5: Slot,
    /// Over twenty closes, decimal.
    pub mom20: Slot,
    /// By the momentum of five.
    pub trend: Option<Trend>,
    /// Over sixty closes, standard deviations.
    pub z_60: Slot,
}

impl Stats {
    /// No statistics.
    #[must_use]
    pub const fn none(reason: Reason) -> Stats {
        let none = Slot::none(reason);
        Stats { percentile: none, mom5: none, mom20: none, trend: None, z_60: none }
    }

    /// All statistics of `v` points against `previous` closes, oldest first; `WARMUP` below
    /// [`WARM`] of them, `INVALID_INPUT` where `v` is no level.
    #[must_use]
    pub fn of(v: f64, previous: &[f64]) -> Stats {
        if !(v > 0.0 && v <= LEVEL_MAX) {
            return Stats::none(Reason::InvalidInput);
        }
        if previous.len() < WARM {
            return Stats::none(Reason::Warmup);
        }
        let mom5 = momentum(v, previous, 5);
        Stats {
            percentile: percentile(v, previous),
            mom5,
            mom20: momentum(v, previous, 20),
            trend: mom5.value().map(trend),
            z_60: z_score(v, previous),
        }
    }
}

fn last(previous: &[f64], n: usize) -> &[f64] {
    previous.get(previous.len().saturating_sub(n)..).unwrap_or(&[])
}

/// Share of the last [`YEAR`] of `previous` at or below `v`; `WARMUP` without any.
#[must_use]
pub fn percentile(v: f64, previous: &[f64]) -> Slot {
    let year = last(previous, YEAR);
    let (mut all, mut below) = (0.0, 0.0);
    for &close in year {
        all += 1.0;
        if close <= v {
            below += 1.0;
        }
    }
    if year.is_empty() { Slot::none(Reason::Warmup) } else { Slot::some(below / all) }
}

/// `v` over the mean of the last `n` of `previous`, less 1; `WARMUP` without that many.
#[must_use]
pub fn momentum(v: f64, previous: &[f64], n: usize) -> Slot {
    if n == 0 || previous.len() < n {
        return Slot::none(Reason::Warmup);
    }
    let (mut all, mut sum) = (0.0, 0.0);
    for &close in last(previous, n) {
        all += 1.0;
        sum += close;
    }
    if sum > 0.0 { Slot::some(v / (sum / all) - 1.0) } else { Slot::none(Reason::ZeroDenominator) }
}

/// The trend of VIX that a momentum of five says.
#[must_use]
pub fn trend(mom5: f64) -> Trend {
    if mom5 > TREND {
        Trend::Bullish
    } else if mom5 < -TREND {
        Trend::Bearish
    } else {
        Trend::Neutral
    }
}

/// z of ln `v` among the logarithms of the last [`WARM`] of `previous`; `WARMUP` without that many,
/// `ZERO_DENOMINATOR` where all are equal.
#[must_use]
pub fn z_score(v: f64, previous: &[f64]) -> Slot {
    if previous.len() < WARM {
        return Slot::none(Reason::Warmup);
    }
    let sample = last(previous, WARM);
    let (mut n, mut sum) = (0.0, 0.0);
    for &close in sample {
        n += 1.0;
        sum += libm::log(close);
    }
    let mean = sum / n;
    let (mut squares, mut lowest, mut highest) = (0.0, f64::INFINITY, 0.0_f64);
    for &close in sample {
        let d = libm::log(close) - mean;
        squares += d * d;
        (lowest, highest) = (close.min(lowest), close.max(highest));
    }
    // Rounding of the mean leaves a deviation of equal closes above 0.
    if lowest >= highest {
        return Slot::none(Reason::ZeroDenominator);
    }
    Slot::some((libm::log(v) - mean) / libm::sqrt(squares / n))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn golden_closes() -> Vec<f64> {
        (0..252).map(|i| 12.0 + 0.05 * f64::from((37 * i) % 252)).collect()
    }

    fn near(slot: Slot, expected: f64) {
        let value = slot.value().expect("value");
        assert!((value - expected).abs() < 5e-7, "{value} {expected}");
    }

    #[test]
    fn golden() {
        let closes = golden_closes();
        near(percentile(16.0, &closes), 0.321429);
        near(percentile(40.0, &closes), 1.0);
        near(percentile(5.0, &closes), 0.0);
        // Closes further back do not count.
        let older: Vec<f64> = [1.0; 40].into_iter().chain(closes).collect();
        near(percentile(16.0, &older), 0.321429);
        near(momentum(21.0, &[18.0, 18.5, 19.0, 19.5, 20.0], 5), 0.105263);
        near(momentum(21.0, &[900.0, 18.0, 18.5, 19.0, 19.5, 20.0], 5), 0.105263);
        for (mom5, expected) in [
            (0.105263, Trend::Bullish),
            (0.05, Trend::Neutral),
            (-0.05, Trend::Neutral),
            (-0.0501, Trend::Bearish),
        ] {
            assert_eq!(trend(mom5), expected);
        }
    }

    #[test]
    fn z_by_hand() {
        // Half of the closes e^3, half e^2: mean 2.5, population deviation 0.5.
        let closes: Vec<f64> =
            (0..60).map(|i| libm::exp(if i % 2 == 0 { 3.0 } else { 2.0 })).collect();
        near(z_score(libm::exp(3.5), &closes), 2.0);
        near(z_score(libm::exp(2.0), &closes), -1.0);
        assert_eq!(z_score(20.0, &[17.3; 60]).reason, Reason::ZeroDenominator);
    }

    #[test]
    fn warm_at_sixty() {
        let closes = golden_closes();
        let (cold, warm) = closes.split_at(59);
        assert_eq!(Stats::of(16.0, cold), Stats::none(Reason::Warmup));
        let stats = Stats::of(16.0, warm.get(..60).expect("sixty"));
        assert!(stats.percentile.value().is_some() && stats.z_60.value().is_some());
        assert_eq!(Stats::of(f64::NAN, warm), Stats::none(Reason::InvalidInput));
    }

    #[test]
    fn a_history() {
        let text = b"\xef\xbb\xbfDATE,OPEN,HIGH,LOW,CLOSE\r\n01/02/1990,17.2,17.2,17.2,17.24\r\n\
            \r\n1/3/1990,18,18,18, 18.190000 \n";
        let closes = Closes::parse(text).expect("history");
        let (second, third) = (days(date(1990, 1, 2)), days(date(1990, 1, 3)));
        assert_eq!(closes.iter().collect::<Vec<_>>(), [(second, 17.24), (third, 18.19)]);
        assert_eq!(closes.before(third), [17.24]);
        assert_eq!(closes.before(third + 9), [17.24, 18.19]);
        assert!(closes.before(second).is_empty());
        assert_eq!(closes.last_at(second), Some((second, 17.24)));
        assert_eq!(closes.last_at(third + 9), Some((third, 18.19)));
        assert_eq!(closes.last_at(second - 1), None);
        let other = Closes::parse(b"Close,x,Date\n9,,01/02/1990\n").expect("any order");
        assert_eq!(other.before(third), [9.0]);
        assert!(Closes::parse(b"DATE,OPEN,HIGH,LOW,CLOSE\n").expect("empty").is_empty());
    }

    #[test]
    fn hostile_lines() {
        use CloseError as E;
        for (text, line, error) in [
            (&b""[..], 1, E::Header),
            (b"\n\n", 1, E::Header),
            (b"DATE,OPEN\n", 1, E::Header),
            (b"DATE,CLOSE\n01/02/1990,17\n01/02/1990,17\n", 3, E::Order),
            (b"DATE,CLOSE\n01/03/1990,17\n01/02/1990,17\n", 3, E::Order),
            (b"DATE,CLOSE\n01/02/1990,17\n\n02/30/1990,17\n", 4, E::Date),
            (b"DATE,CLOSE\n1990-01-02,17\n", 2, E::Date),
            (b"DATE,CLOSE\n+1/02/1990,17\n", 2, E::Date),
            (b"DATE,CLOSE\n01/02/0090,17\n", 2, E::Date),
            (b"DATE,CLOSE\n01/02/1990,NaN\n", 2, E::Close),
            (b"DATE,CLOSE\n01/02/1990,inf\n", 2, E::Close),
            (b"DATE,CLOSE\n01/02/1990,-4\n", 2, E::Close),
            (b"DATE,CLOSE\n01/02/1990,1e9\n", 2, E::Close),
            (b"DATE,CLOSE\n01/02/1990,\n", 2, E::Close),
            (b"DATE,CLOSE\n01/02/1990\n", 2, E::Row),
            (b"DATE,CLOSE\n\xff,17\n", 2, E::Row),
        ] {
            assert_eq!(Closes::parse(text), Err(LineError { line, error }), "{text:?}");
        }
        let open_quote = Closes::parse(b"DATE,CLOSE\n01/02/1990,\"17\n01/03/1990,18\n");
        assert_eq!(open_quote, Err(LineError { line: 2, error: E::Close }));
        let mut closes = Closes::EMPTY;
        assert_eq!(closes.push(date(2020, 1, 2), 0.0), Err(E::Close));
        assert_eq!(closes.push(date(2020, 1, 2), 12.0), Ok(()));
        assert_eq!(closes.push(date(2020, 1, 2), 12.0), Err(E::Order));
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            drop(Closes::parse(&bytes));
            drop(Closes::parse(&[b"DATE,CLOSE\n", bytes.as_slice()].concat()));
        }

        #[test]
        fn in_range(
            v in 0.01..1000.0_f64,
            closes in prop::collection::vec(0.01..1000.0_f64, 0..400),
        ) {
            let stats = Stats::of(v, &closes);
            prop_assert_eq!(stats.percentile.value().is_some(), closes.len() >= WARM);
            prop_assert!(stats.percentile.value().is_none_or(|p| (0.0..=1.0).contains(&p)));
            for slot in [stats.mom5, stats.mom20, stats.z_60] {
                prop_assert!(slot.value().is_none_or(f64::is_finite));
            }
        }
    }
}
