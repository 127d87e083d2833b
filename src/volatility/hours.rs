//! When index values are disseminated, and how long one may be used.
//!
//! On trading days 03:15–09:25 and 09:30–16:15 New York, on half days until a quarter of an hour
//! after the early close; both ends inclusive. In these hours a value is fresh for 90 s. Outside,
//! the last one is held as context from the hours that ended until the next begin, never for
//! signals. A trading day is one of the calendar where it covers the year, else a weekday. Cost:
//! microseconds.

use jiff::Span as Duration;
use jiff::civil::{Date, Time, Weekday, time};

use crate::calendar::{Calendar, Span};
use crate::units::{MINUTE, SECOND, Ts};

/// Nanoseconds for which a value is fresh in dissemination hours.
pub const FRESH_FOR: i64 = 90 * SECOND;
/// The early hours, from and to, and the opening of the regular ones.
const EARLY: (Time, Time) = (time(3, 15, 0, 0), time(9, 25, 0, 0));
const OPEN: Time = time(9, 30, 0, 0);
/// The usual close of options, from which the last value lags.
const OPTIONS_CLOSE: Time = time(16, 0, 0, 0);
const AFTER_CLOSE: i64 = 15 * MINUTE;
/// Days in which the last hours are looked for; the longest closure lasts four.
const SCAN_DAYS: i32 = 10;

/// What a value is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Disseminated and at most 90 s old: good for everything.
    Fresh,
    /// The last value of the hours that ended: context, not for signals.
    Held,
    /// Too old: none of its outputs exist.
    Stale,
}

impl Freshness {
    /// Whether the value may be used as context.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        !matches!(self, Freshness::Stale)
    }
}

/// Whether indices of New York are disseminated on `day`.
#[must_use]
pub fn trading_day(day: Date, calendar: &Calendar) -> bool {
    if calendar.covers(day.year()) {
        calendar.option_day(day)
    } else {
        !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
    }
}

/// When the last value of `day` is disseminated: 16:15 New York, on half days earlier. Also for a
/// day that is no trading day, so that a close of any date has a time.
#[must_use]
pub fn close_of(day: Date, calendar: &Calendar) -> Ts {
    let options = calendar.option_close(day);
    let close = options.unwrap_or_else(|| calendar.new_york(day, OPTIONS_CLOSE));
    Ts(close.0.saturating_add(AFTER_CLOSE))
}

/// The early and the regular hours of `day`, whose ends belong to them; `None` off trading days.
#[must_use]
pub fn windows(day: Date, calendar: &Calendar) -> Option<[Span; 2]> {
    trading_day(day, calendar).then(|| {
        let at = |time| calendar.new_york(day, time);
        [
            Span { start: at(EARLY.0), end: at(EARLY.1) },
            Span { start: at(OPEN), end: close_of(day, calendar) },
        ]
    })
}

/// The hours that hold `at`, or else the last ones before it; whether they hold it.
fn current(at: Ts, calendar: &Calendar) -> Option<(Span, bool)> {
    let today = calendar.new_york_date(at);
    (0..SCAN_DAYS).find_map(|back| {
        let day = today.checked_sub(Duration::new().days(back)).ok()?;
        let begun = |span: &&Span| span.start <= at;
        let hours = windows(day, calendar)?;
        hours.iter().rev().find(begun).map(|span| (*span, at <= span.end))
    })
}

/// Whether `at` lies in dissemination hours.
#[must_use]
pub fn open(at: Ts, calendar: &Calendar) -> bool {
    at.is_some() && current(at, calendar).is_some_and(|(_, open)| open)
}

/// What a value of `quoted` is good for at `now`. One dated after `now` counts as of `now`.
#[must_use]
pub fn freshness(quoted: Ts, now: Ts, calendar: &Calendar) -> Freshness {
    if !(quoted.is_some() && now.is_some()) {
        return Freshness::Stale;
    }
    match current(now, calendar) {
        Some((_, true)) if now.since(quoted) <= FRESH_FOR => Freshness::Fresh,
        Some((span, false)) if quoted >= span.start => Freshness::Held,
        _ => Freshness::Stale,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::calendar::instant;

    #[test]
    fn hours() {
        let calendar = Calendar::bundled().expect("calendar");
        for (at, expected) in [
            // Winter: New York is UTC − 5.
            ("2026-01-15T08:14:59Z", false),
            ("2026-01-15T08:15:00Z", true),
            ("2026-01-15T14:25:00Z", true),
            ("2026-01-15T14:25:01Z", false),
            ("2026-01-15T14:29:59Z", false),
            ("2026-01-15T14:30:00Z", true),
            ("2026-01-15T21:15:00Z", true),
            ("2026-01-15T21:15:01Z", false),
            // Summer, and the weeks between the clock changes of two continents.
            ("2026-07-15T07:15:00Z", true),
            ("2026-07-15T20:15:01Z", false),
            ("2026-03-16T07:15:00Z", true),
            ("2026-03-16T07:14:00Z", false),
            // Saturday, Martin Luther King Day, half day.
            ("2026-01-17T15:00:00Z", false),
            ("2026-01-19T15:00:00Z", false),
            ("2026-11-27T18:15:00Z", true),
            ("2026-11-27T18:15:01Z", false),
            // Beyond the covered years a weekday counts: Labour Day of 2011.
            ("2011-09-05T15:00:00Z", true),
            ("2011-09-04T15:00:00Z", false),
        ] {
            assert_eq!(open(instant(at), &calendar), expected, "{at}");
        }
        assert!(!open(Ts::NONE, &calendar));
        assert!(windows(date(2026, 1, 19), &calendar).is_none());
    }

    #[test]
    fn ages() {
        use Freshness::{Fresh, Held, Stale};
        let calendar = Calendar::bundled().expect("calendar");
        for (quoted, now, expected) in [
            ("2026-01-15T15:00:00Z", "2026-01-15T15:01:30Z", Fresh),
            ("2026-01-15T15:00:00Z", "2026-01-15T15:01:31Z", Stale),
            ("2026-01-15T15:00:05Z", "2026-01-15T15:00:00Z", Fresh),
            // After the close of Thursday, until 03:15 of Friday.
            ("2026-01-15T21:14:00Z", "2026-01-15T21:16:00Z", Held),
            ("2026-01-15T21:15:00Z", "2026-01-16T08:14:59Z", Held),
            ("2026-01-15T21:15:00Z", "2026-01-16T08:15:00Z", Stale),
            // Between the early and the regular hours.
            ("2026-01-15T14:24:00Z", "2026-01-15T14:28:00Z", Held),
            ("2026-01-14T21:15:00Z", "2026-01-15T14:28:00Z", Stale),
            // Over a weekend with a holiday.
            ("2026-01-16T21:15:00Z", "2026-01-20T08:14:59Z", Held),
            ("2026-01-15T21:15:00Z", "2026-01-19T15:00:00Z", Stale),
        ] {
            let found = freshness(instant(quoted), instant(now), &calendar);
            assert_eq!(found, expected, "{quoted} at {now}");
        }
        let now = instant("2026-01-15T15:00:00Z");
        assert_eq!(freshness(Ts::NONE, now, &calendar), Stale);
        assert_eq!(freshness(now, Ts::NONE, &calendar), Stale);
        for at in [Ts(i64::MAX), Ts(i64::MIN + 1), Ts(0)] {
            assert!(freshness(at, at, &calendar) != Fresh || at == Ts(0));
            assert!(close_of(calendar.new_york_date(at), &calendar).is_some());
        }
    }
}
