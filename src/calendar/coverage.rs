//! Which years the rows cover, and which a run needs.
//!
//! A year is covered when each of the three calendars has a day in it (every exchange closes at
//! least at Christmas or New Year). Whatever reaches another year is labelled CLOSED; a start
//! refuses when a year in use is missing. Years are those of New York's date; `now` is a value.

use jiff::civil::date;

use super::Calendar;
use super::rows::{Exception, Kind, Venue};
use crate::units::Ts;

/// A year that is in use and has no rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingYear(pub i16);

impl std::fmt::Display for MissingYear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "holiday file: no rows for {}", self.0)
    }
}

impl std::error::Error for MissingYear {}

impl Calendar {
    /// First and last year with rows.
    #[must_use]
    pub fn years(&self) -> (i16, i16) {
        (self.years.first().copied().unwrap_or(0), self.years.last().copied().unwrap_or(-1))
    }

    /// Whether all three calendars have rows for `year`.
    #[must_use]
    pub fn covers(&self, year: i16) -> bool {
        self.years.binary_search(&year).is_ok()
    }

    /// Whether every year from that of `first` to that of `last` is covered: the check of a file
    /// with these market times, or of a run that has got as far as `last`.
    ///
    /// # Errors
    /// The earliest [`MissingYear`].
    pub fn check_years(&self, first: Ts, last: Ts) -> Result<(), MissingYear> {
        let (from, to) = (self.new_york_date(first).year(), self.new_york_date(last).year());
        match (from..=to).find(|&year| !self.covers(year)) {
            Some(year) => Err(MissingYear(year)),
            None => Ok(()),
        }
    }

    /// The check of a live start at `now`: this year, from 15 December the next one too. From
    /// 1 November a missing next year comes back as a warning.
    ///
    /// # Errors
    /// The [`MissingYear`] without which the start must fail.
    pub fn check_live(&self, now: Ts) -> Result<Option<MissingYear>, MissingYear> {
        let today = self.new_york_date(now);
        let year = today.year();
        if !self.covers(year) {
            return Err(MissingYear(year));
        }
        let next = year.saturating_add(1);
        if self.covers(next) || today < date(year, 11, 1) {
            return Ok(None);
        }
        if today >= date(year, 12, 15) {
            Err(MissingYear(next))
        } else {
            Ok(Some(MissingYear(next)))
        }
    }
}

/// The covered years, sorted.
pub(super) fn covered(rows: &[Exception]) -> Vec<i16> {
    let of = |venue| {
        rows.iter()
            .filter(move |r| r.venue == venue && !matches!(r.kind, Kind::DailyBreak(..)))
            .map(|r| r.day.year())
    };
    let mut years: Vec<i16> = of(Venue::Cme)
        .filter(|&y| of(Venue::Nyse).any(|n| n == y) && of(Venue::London).any(|l| l == y))
        .collect();
    years.sort_unstable();
    years.dedup();
    years
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::instant;

    #[test]
    fn years_in_use() {
        let calendar = Calendar::bundled().expect("calendar");
        assert_eq!(calendar.years(), (2020, 2027));
        assert!(calendar.covers(2020) && calendar.covers(2027) && !calendar.covers(2028));
        let check = |a: &str, b: &str| calendar.check_years(instant(a), instant(b));
        assert_eq!(check("2020-01-01T05:00:00Z", "2027-12-31T22:00:00Z"), Ok(()));
        assert_eq!(check("2019-12-31T22:00:00Z", "2020-01-02T22:00:00Z"), Err(MissingYear(2019)));
        assert_eq!(check("2027-12-31T22:00:00Z", "2028-01-01T05:00:00Z"), Err(MissingYear(2028)));
        assert_eq!(check("2026-05-01T00:00:00Z", "2026-04-01T00:00:00Z"), Ok(()));
    }

    #[test]
    fn live_start() {
        let calendar = Calendar::bundled().expect("calendar");
        let check = |now: &str| calendar.check_live(instant(now));
        assert_eq!(check("2026-12-31T12:00:00Z"), Ok(None));
        assert_eq!(check("2027-11-01T03:59:59Z"), Ok(None));
        assert_eq!(check("2027-11-01T04:00:00Z"), Ok(Some(MissingYear(2028))));
        assert_eq!(check("2027-12-15T04:59:59Z"), Ok(Some(MissingYear(2028))));
        assert_eq!(check("2027-12-15T05:00:00Z"), Err(MissingYear(2028)));
        assert_eq!(check("2028-01-01T05:00:00Z"), Err(MissingYear(2028)));
        assert_eq!(check("2019-06-01T12:00:00Z"), Err(MissingYear(2019)));
    }
}
