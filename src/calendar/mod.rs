//! Sessions of CME equity index futures: labels, trading day, anchors.
//!
//! A Globex day D runs from 18:00 New York of the day before to 17:00 of D. Zone rules come from
//! the bundled IANA database, exceptions from `holidays.csv` (rows decide, rules do not). The
//! label of an instant depends on nothing else, so it replays.

use jiff::civil::{Date, Time, Weekday, date};
use jiff::tz::TimeZone;

use crate::units::{SECOND, Ts};

/// The bundled exceptions.
const HOLIDAYS: &str = include_str!("holidays.csv");
/// Last trade date of the daily 16:15 to 16:30 break.
const DAILY_BREAK_LAST: Date = date(2021, 6, 25);

/// What part of the trading day an instant belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Label {
    /// Weekend or full closure, or a year without calendar rows.
    Closed = 0,
    /// Daily maintenance or an early halt.
    Halt = 1,
    /// 18:00 New York to 08:00 London.
    Asia = 2,
    /// 08:00 London to 09:30 New York.
    London = 3,
    /// 09:30 New York to the cash close.
    Us = 4,
    /// Cash close to the halt.
    UsPost = 5,
    /// 09:30 to the halt while NYSE is closed.
    UsHoliday = 6,
}

impl Label {
    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Label::Closed => "CLOSED",
            Label::Halt => "HALT",
            Label::Asia => "ASIA",
            Label::London => "LONDON",
            Label::Us => "US",
            Label::UsPost => "US_POST",
            Label::UsHoliday => "US_HOLIDAY",
        }
    }

    /// Whether bars, sums and profiles advance.
    #[must_use]
    pub const fn is_open(self) -> bool {
        !matches!(self, Label::Closed | Label::Halt)
    }
}

/// A stretch of time with one label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its label.
    pub label: Label,
    /// First instant.
    pub start: Ts,
    /// First instant after it.
    pub end: Ts,
    /// Trade date, in days since 1970-01-01.
    pub trade_day: i32,
    /// 18:00 New York at which the Globex day began.
    pub eth_anchor: Ts,
}

impl Segment {
    /// A segment that contains no instant, so that the first look-up computes one.
    pub const UNKNOWN: Segment = Segment {
        label: Label::Closed,
        start: Ts(i64::MAX),
        end: Ts(i64::MAX),
        trade_day: 0,
        eth_anchor: Ts::NONE,
    };

    /// Whether `at` lies inside.
    #[must_use]
    pub const fn contains(&self, at: Ts) -> bool {
        at.0 >= self.start.0 && at.0 < self.end.0
    }
}

/// London's rows are data for the features that compare with it; no label depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Venue {
    Cme,
    Nyse,
    London,
}

#[derive(Clone, Debug)]
struct Row {
    venue: Venue,
    day: Date,
    /// `None` = closed all day.
    until: Option<Time>,
}

/// The session calendar.
#[derive(Clone, Debug)]
pub struct Calendar {
    rows: Vec<Row>,
    years: (i16, i16),
    new_york: TimeZone,
    london: TimeZone,
}

/// What keeps a calendar from loading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CalendarError {
    /// The bundled database lacks this zone.
    Zone(&'static str),
    /// This line of the holiday file cannot be read (from 1).
    Line(usize),
}

impl std::fmt::Display for CalendarError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CalendarError::Zone(zone) => write!(f, "no time zone {zone} in the bundled database"),
            CalendarError::Line(n) => write!(f, "holiday file: cannot read line {n}"),
        }
    }
}

impl std::error::Error for CalendarError {}

impl Calendar {
    /// The calendar of the bundled rows, 2020 to 2027.
    ///
    /// # Errors
    /// [`CalendarError`] when the bundled data is broken.
    pub fn bundled() -> Result<Calendar, CalendarError> {
        Calendar::parse(HOLIDAYS)
    }

    /// The SHA-256 input: what labels depend on besides the zone database.
    #[must_use]
    pub const fn source() -> &'static str {
        HOLIDAYS
    }

    fn parse(text: &str) -> Result<Calendar, CalendarError> {
        let mut rows = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            rows.push(parse_row(line).ok_or(CalendarError::Line(index + 1))?);
        }
        rows.sort_by_key(|r: &Row| (r.venue, r.day));
        let years = rows.iter().map(|r| r.day.year());
        let years = (years.clone().min().unwrap_or(0), years.max().unwrap_or(-1));
        let zone = |name| TimeZone::get(name).map_err(|_| CalendarError::Zone(name));
        let (new_york, london) = (zone("America/New_York")?, zone("Europe/London")?);
        Ok(Calendar { rows, years, new_york, london })
    }

    /// First and last year with rows.
    #[must_use]
    pub const fn years(&self) -> (i16, i16) {
        self.years
    }

    /// The segment that contains `at`. Costs a few microseconds: keep it until it ends.
    #[must_use]
    pub fn segment(&self, at: Ts) -> Segment {
        let Ok(instant) = jiff::Timestamp::from_nanosecond(i128::from(at.0)) else {
            return Segment { start: at, end: Ts::MAX, ..Segment::UNKNOWN };
        };
        let local = self.new_york.to_datetime(instant);
        let day = if local.hour() >= 18 { next(local.date()) } else { local.date() };
        let bounds = self.globex_day(day);
        let mut current = *bounds.first().unwrap_or(&Segment::UNKNOWN);
        for segment in bounds {
            if segment.contains(at) {
                current = segment;
            }
        }
        current
    }

    /// The segments of Globex day `day`, from 18:00 of the day before to 18:00 of `day`; unused
    /// entries contain no instant.
    fn globex_day(&self, day: Date) -> [Segment; 8] {
        let start = self.at(&self.new_york, previous(day), 18, 0);
        let end = self.at(&self.new_york, day, 18, 0);
        let trade_day = days(day);
        let mut out = [Segment::UNKNOWN; 8];
        let mut slots = out.iter_mut();
        let mut from = start;
        let mut put = |label, until: Ts| {
            if until > from
                && let Some(slot) = slots.next()
            {
                *slot = Segment { label, start: from, end: until, trade_day, eth_anchor: start };
                from = until;
            }
        };
        let covered = (self.years.0..=self.years.1).contains(&day.year());
        if !covered || is_weekend(day) || self.closed(Venue::Cme, day) {
            put(Label::Closed, end);
            return out;
        }
        let ny = |hour, minute| self.at(&self.new_york, day, hour, minute);
        let halt = match self.row(Venue::Cme, day) {
            Some(Row { until: Some(t), .. }) => ny(t.hour(), t.minute()),
            _ => ny(17, 0),
        };
        put(Label::Asia, self.at(&self.london, day, 8, 0).min(halt));
        put(Label::London, ny(9, 30).min(halt));
        if self.closed(Venue::Nyse, day) {
            put(Label::UsHoliday, halt);
        } else {
            let close = match self.row(Venue::Nyse, day) {
                Some(Row { until: Some(t), .. }) => ny(t.hour(), t.minute()),
                _ => ny(16, 0),
            };
            put(Label::Us, close.min(halt));
            if day <= DAILY_BREAK_LAST {
                put(Label::UsPost, ny(16, 15).min(halt));
                put(Label::Halt, ny(16, 30).min(halt));
            }
            put(Label::UsPost, halt);
        }
        let weekend = day.weekday() == Weekday::Friday;
        let closed_next = weekend || self.closed(Venue::Cme, next(day));
        put(if closed_next { Label::Closed } else { Label::Halt }, end);
        out
    }

    fn row(&self, venue: Venue, day: Date) -> Option<&Row> {
        let at = self.rows.binary_search_by_key(&(venue, day), |r| (r.venue, r.day)).ok()?;
        self.rows.get(at)
    }

    fn closed(&self, venue: Venue, day: Date) -> bool {
        self.row(venue, day).is_some_and(|r| r.until.is_none())
    }

    fn at(&self, zone: &TimeZone, day: Date, hour: i8, minute: i8) -> Ts {
        // None of the times used here falls into a DST gap; a failure means a date beyond the
        // range of the zone database, which no accepted instant reaches.
        day.at(hour, minute, 0, 0)
            .to_zoned(zone.clone())
            .map_or(Ts::MAX, |z| Ts(z.timestamp().as_second().saturating_mul(SECOND)))
    }
}

fn parse_row(line: &str) -> Option<Row> {
    let mut cells = line.split(',');
    let day = cells.next()?.parse().ok()?;
    let venue = match cells.next()? {
        "cme" => Venue::Cme,
        "nyse" => Venue::Nyse,
        "london" => Venue::London,
        _ => return None,
    };
    let until = match (cells.next()?, cells.next()?) {
        ("closed", "") => None,
        ("early_close" | "early_halt", time) => Some(time.parse().ok()?),
        _ => return None,
    };
    Some(Row { venue, day, until })
}

fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

fn next(day: Date) -> Date {
    day.tomorrow().unwrap_or(day)
}

fn previous(day: Date) -> Date {
    day.yesterday().unwrap_or(day)
}

fn days(day: Date) -> i32 {
    day.since(date(1970, 1, 1)).map_or(0, |span| span.get_days())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(at: &str) -> &'static str {
        let t: jiff::Timestamp = at.parse().expect("instant");
        let at = Ts(i64::try_from(t.as_nanosecond()).expect("range"));
        Calendar::bundled().expect("calendar").segment(at).label.name()
    }

    /// Instants and labels of the specification's table.
    #[test]
    fn golden_labels() {
        for (at, expected) in [
            ("2026-01-14T22:30:00Z", "HALT"),
            ("2026-01-14T23:00:00Z", "ASIA"),
            ("2026-01-15T07:59:00Z", "ASIA"),
            ("2026-01-15T08:00:00Z", "LONDON"),
            ("2026-01-15T14:29:00Z", "LONDON"),
            ("2026-01-15T14:30:00Z", "US"),
            ("2026-01-15T21:00:00Z", "US_POST"),
            ("2026-01-15T22:00:00Z", "HALT"),
            ("2026-01-16T22:00:00Z", "CLOSED"),
            ("2026-01-18T22:59:00Z", "CLOSED"),
            ("2026-01-18T23:00:00Z", "ASIA"),
            ("2026-03-16T08:00:00Z", "LONDON"),
            ("2026-03-16T13:30:00Z", "US"),
            ("2026-07-15T06:59:00Z", "ASIA"),
            ("2026-07-15T07:00:00Z", "LONDON"),
            ("2026-07-15T22:00:00Z", "ASIA"),
            ("2026-10-28T08:00:00Z", "LONDON"),
            ("2026-11-27T17:59:00Z", "US"),
            ("2026-11-27T18:00:00Z", "US_POST"),
            ("2026-01-19T15:00:00Z", "US_HOLIDAY"),
            ("2021-03-10T21:20:00Z", "HALT"),
            ("2021-07-14T20:20:00Z", "US_POST"),
            ("2021-04-02T13:14:00Z", "LONDON"),
            ("2021-04-02T13:15:00Z", "CLOSED"),
            ("2021-12-31T15:00:00Z", "US"),
            ("2022-06-20T15:00:00Z", "US_HOLIDAY"),
            ("2022-06-20T17:00:00Z", "HALT"),
            ("2022-12-26T22:59:00Z", "CLOSED"),
            ("2022-12-26T23:00:00Z", "ASIA"),
            ("2023-12-25T22:30:00Z", "CLOSED"),
            ("2023-12-25T23:00:00Z", "ASIA"),
            ("2024-03-28T22:30:00Z", "CLOSED"),
            ("2024-07-03T17:10:00Z", "US_POST"),
            ("2024-07-03T17:15:00Z", "HALT"),
            ("2025-01-09T14:29:00Z", "LONDON"),
            ("2025-01-09T14:30:00Z", "HALT"),
            ("2031-01-09T14:30:00Z", "CLOSED"),
        ] {
            assert_eq!(label(at), expected, "{at}");
        }
    }

    /// Segments of two years tile the time line, and the trade date never goes back.
    #[test]
    fn segments_tile() {
        let calendar = Calendar::bundled().expect("calendar");
        let mut at = calendar.segment(Ts(1_767_225_600 * SECOND)).start;
        let mut day = i32::MIN;
        while at.0 < 1_830_297_600 * SECOND {
            let segment = calendar.segment(at);
            assert!(segment.contains(at), "{at}");
            assert_eq!(segment.start, at);
            assert!(segment.trade_day >= day);
            (at, day) = (segment.end, segment.trade_day);
        }
    }

    #[test]
    fn broken_rows_are_named() {
        let error = Calendar::parse("# x\n2024-13-01,cme,closed,\n").expect_err("bad month");
        assert_eq!(error, CalendarError::Line(2));
    }
}
