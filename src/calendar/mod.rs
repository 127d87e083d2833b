//! Sessions of CME equity index futures: labels, trading day, anchors.
//!
//! A Globex day D runs from 18:00 New York of the day before to 17:00 of D. Zone rules come from
//! the bundled IANA database, exceptions from `holidays.csv` (rows decide, rules do not). The
//! label of an instant depends on nothing else, so it replays.
//!
//! * [`Segment`]: a stretch with one label and everything that holds for all of it; kept by the
//!   hot path until it ends. A look-up costs a few microseconds and allocates nothing.
//! * [`SessionContext`]: what the other modules learn about one instant.
//! * [`expiry`]: option days, capture windows, expiries, the quarterly roll.
//! * [`rules`]: computed holidays against which the rows are tested.
//! * [`scale`]: size multipliers of the sessions.

mod context;
mod coverage;
mod day;
pub mod expiry;
mod rows;
pub mod rules;
pub mod scale;

use jiff::civil::{Date, DateTime, Time, Weekday, date};
use jiff::tz::TimeZone;

use crate::units::{SECOND, Ts};
pub use context::{Compat, CompatWindows, DailyWindow, Session3, SessionContext, SubBucket};
pub use coverage::MissingYear;
pub use rows::{Exception, Kind, Venue};

/// The bundled exceptions.
const HOLIDAYS: &str = include_str!("holidays.csv");
/// Days in which the next or last open day is looked for; the longest closure lasts four.
const SCAN_DAYS: u16 = 10;

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
    /// All of them.
    pub const ALL: [Label; 7] = [
        Label::Closed,
        Label::Halt,
        Label::Asia,
        Label::London,
        Label::Us,
        Label::UsPost,
        Label::UsHoliday,
    ];

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

/// A stretch of time: start inclusive, end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First instant.
    pub start: Ts,
    /// First instant after it.
    pub end: Ts,
}

impl Span {
    /// Whether `at` lies inside.
    #[must_use]
    pub const fn contains(&self, at: Ts) -> bool {
        at.0 >= self.start.0 && at.0 < self.end.0
    }
}

/// The cash session of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cash {
    /// 09:30 New York, or the late opening: the RTH anchor.
    pub open: Ts,
    /// 16:00, on half days 13:00, or the early halt of Globex where that comes first.
    pub close: Ts,
    /// 11:00 to 14:00 New York, not cut at an early close.
    pub midday: Span,
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
    /// Trade date, in days since 1970-01-01: the day on which the Globex day ends, unless a row
    /// names another; while no Globex day is in progress, that of the next one. Never decreases.
    pub trade_day: i32,
    /// Calendar day on which the Globex day ends, in days since 1970-01-01; on days without a
    /// session the 24 hours up to 18:00 New York count alike.
    pub globex_day: i32,
    /// 18:00 New York at which the Globex day began.
    pub eth_anchor: Ts,
    /// First ETH anchor of the trading week: Sunday 18:00, later where Monday has no session.
    /// While closed the last one in force; [`Ts::NONE`] beyond the covered years.
    pub week_anchor: Ts,
    /// First ETH anchor whose trade date lies in the month of this one's; else as above.
    pub month_anchor: Ts,
    /// From where the label's session of this day begins to where it ends; longer than the
    /// segment only where the former daily break cuts a session.
    pub session: Span,
    /// The next instant after this segment's start at which trading stops; `None` where the
    /// covered years hold none.
    pub next_halt: Option<Ts>,
    /// The cash session of the Globex day; `None` where NYSE or Globex is closed.
    pub cash: Option<Cash>,
    /// Both cash markets trade: from the US open to London's close; `None` where one is closed.
    pub overlap: Option<Span>,
    /// NYSE closes early on the day.
    pub half_day: bool,
    /// NYSE is closed on the day, a weekday.
    pub holiday: bool,
    /// Globex halts before 17:00 on the day.
    pub early_halt: bool,
    /// London has a holiday on the day.
    pub london_closed: bool,
    /// NYSE and Cboe trade on the day, so SPXW and NDXP expire.
    pub option_day: bool,
    /// Calendar days from the day to the next monthly SPX expiry, 0 on its day.
    pub days_to_monthly: Option<u16>,
    /// Calendar days from the day to the next option day, 0 on one.
    pub days_to_weekly: Option<u16>,
}

impl Segment {
    /// A segment that contains no instant, so that the first look-up computes one.
    pub const UNKNOWN: Segment = Segment {
        label: Label::Closed,
        start: Ts(i64::MAX),
        end: Ts(i64::MAX),
        trade_day: 0,
        globex_day: 0,
        eth_anchor: Ts::NONE,
        week_anchor: Ts::NONE,
        month_anchor: Ts::NONE,
        session: Span { start: Ts(i64::MAX), end: Ts(i64::MAX) },
        next_halt: None,
        cash: None,
        overlap: None,
        half_day: false,
        holiday: false,
        early_halt: false,
        london_closed: false,
        option_day: false,
        days_to_monthly: None,
        days_to_weekly: None,
    };

    /// Whether `at` lies inside.
    #[must_use]
    pub const fn contains(&self, at: Ts) -> bool {
        at.0 >= self.start.0 && at.0 < self.end.0
    }
}

/// The session calendar.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// Sorted by venue and day.
    rows: Vec<Exception>,
    /// Sorted.
    years: Vec<i16>,
    /// The former daily break: last day, from, to.
    daily_break: Option<(Date, Time, Time)>,
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
        Calendar::from_csv(HOLIDAYS)
    }

    /// The SHA-256 input: what labels depend on besides the zone database.
    #[must_use]
    pub const fn source() -> &'static str {
        HOLIDAYS
    }

    /// A calendar of the rows in `text`, in the format of the bundled file.
    ///
    /// # Errors
    /// [`CalendarError::Line`] for a line that cannot be read, that contradicts another, or whose
    /// trade date lies behind that of the next session.
    pub fn from_csv(text: &str) -> Result<Calendar, CalendarError> {
        let rows = rows::parse(text).map_err(CalendarError::Line)?;
        let zone = |name| TimeZone::get(name).map_err(|_| CalendarError::Zone(name));
        let daily_break = rows.iter().rev().find_map(|r| match r.kind {
            Kind::DailyBreak(from, to) => Some((r.day, from, to)),
            _ => None,
        });
        let calendar = Calendar {
            years: coverage::covered(&rows),
            rows,
            daily_break,
            new_york: zone("America/New_York")?,
            london: zone("Europe/London")?,
        };
        let goes_back = |r: &&Exception| {
            r.venue == Venue::Cme
                && r.trade_date.is_some_and(|t| {
                    is_weekend(t)
                        || calendar.next_open(r.day).is_some_and(|n| calendar.trade_date(n) < t)
                })
        };
        match calendar.rows.iter().find(goes_back) {
            Some(row) => Err(CalendarError::Line(line_of(text, row))),
            None => Ok(calendar),
        }
    }

    /// All rows, by venue and day.
    #[must_use]
    pub fn exceptions(&self) -> &[Exception] {
        &self.rows
    }

    /// The segment that contains `at`. Costs a few microseconds: keep it until it ends.
    #[must_use]
    pub fn segment(&self, at: Ts) -> Segment {
        let local = self.new_york_time(at);
        let day = if local.hour() >= 18 { next(local.date()) } else { local.date() };
        self.segment_of(day, at)
    }

    /// The date in New York.
    #[must_use]
    pub fn new_york_date(&self, at: Ts) -> Date {
        self.new_york_time(at).date()
    }

    /// The wall time in New York.
    #[must_use]
    pub fn new_york_time(&self, at: Ts) -> DateTime {
        self.new_york.to_datetime(timestamp(at))
    }

    fn london_time(&self, at: Ts) -> DateTime {
        self.london.to_datetime(timestamp(at))
    }

    fn rule(&self, venue: Venue, day: Date) -> rows::DayRule {
        rows::day_rule(&self.rows, venue, day)
    }

    /// The instant of a wall time in New York; the first of two, the later of none.
    #[must_use]
    pub fn new_york(&self, day: Date, time: Time) -> Ts {
        instant_in(&self.new_york, day, time)
    }

    fn london(&self, day: Date, time: Time) -> Ts {
        instant_in(&self.london, day, time)
    }
}

/// The civil date of a number of days since 1970-01-01 (years −9999 to 9999; clipped beyond).
#[must_use]
pub fn date_of(days: i32) -> Date {
    let ns = i128::from(days) * 86_400 * i128::from(SECOND);
    let limit = if days < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    TimeZone::UTC.to_datetime(jiff::Timestamp::from_nanosecond(ns).unwrap_or(limit)).date()
}

/// Days since 1970-01-01 of a civil date.
#[must_use]
pub fn days(day: Date) -> i32 {
    day.since(date(1970, 1, 1)).map_or(0, |span| span.get_days())
}

/// Every `i64` of nanoseconds is in the range of the zone database's arithmetic.
fn timestamp(at: Ts) -> jiff::Timestamp {
    jiff::Timestamp::from_nanosecond(i128::from(at.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// A local time as an instant; in a DST gap or overlap the earlier offset's reading, which no row
/// of a trading day comes near. [`Ts::MAX`] beyond the range of [`Ts`].
fn instant_in(zone: &TimeZone, day: Date, time: Time) -> Ts {
    zone.to_timestamp(day.to_datetime(time))
        .ok()
        .and_then(|t| i64::try_from(t.as_nanosecond()).ok())
        .map_or(Ts::MAX, Ts)
}

/// Where a row stands in its text, from 1; 0 if nowhere.
fn line_of(text: &str, row: &Exception) -> usize {
    let head = format!("{},cme,", row.day);
    text.lines().position(|l| l.starts_with(&head)).map_or(0, |n| n + 1)
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

/// An instant written in RFC 3339, for tests.
#[cfg(test)]
pub(crate) fn instant(text: &str) -> Ts {
    let t: jiff::Timestamp = text.parse().expect("instant");
    Ts(i64::try_from(t.as_nanosecond()).expect("range"))
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
        let error = Calendar::from_csv("# x\n2024-13-01,cme,closed,\n").expect_err("bad month");
        assert_eq!(error, CalendarError::Line(2));
    }
}
