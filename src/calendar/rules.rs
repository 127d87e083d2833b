//! Holiday rules: they propose rows for a new year and check the rows of the others.
//!
//! Sources: NYSE rule 7.2 and its yearly holiday notices, the Banking and Financial Dealings Act
//! 1971 with the London Stock Exchange's half days, CME's holiday schedules for equity index
//! products. Easter by the anonymous Gregorian algorithm (*Nature*, 20 April 1876; Meeus,
//! *Astronomical Algorithms*, 1991, ch. 8). What no rule gives is named in [`SPECIALS`]; labels
//! never ask the rules, only the rows. Cost: some microseconds a year, off the hot path.

use jiff::civil::{Date, Time, Weekday, date, time};

use super::rows::{Exception, Kind, Venue};
use super::{date_of, days, is_weekend, next, previous};

/// First year of Juneteenth as an exchange holiday.
const JUNETEENTH_SINCE: i16 = 2022;
const HALF_DAY_NYSE: Time = time(13, 0, 0, 0);
const HALF_DAY_LONDON: Time = time(12, 30, 0, 0);
/// Early halt of Globex on a holiday of NYSE alone, on a half day, and on a Good Friday with an
/// employment report.
const HALT_HOLIDAY: Time = time(13, 0, 0, 0);
const HALT_HALF_DAY: Time = time(13, 15, 0, 0);
const HALT_REPORT: Time = time(9, 15, 0, 0);

/// A row that the rules propose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The row.
    pub row: Exception,
    /// The occasion.
    pub name: &'static str,
}

/// An exception to the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Special {
    /// The row that is there (`added`) or missing (else) against the rules.
    pub row: Exception,
    /// Whether the row is there.
    pub added: bool,
    /// Why.
    pub name: &'static str,
}

/// Everything in 2020 to 2027 that no rule gives.
pub const SPECIALS: [Special; 10] = [
    special(Venue::London, date(2020, 5, 4), Kind::Closed, false, "early May moved to VE Day"),
    special(Venue::London, date(2020, 5, 8), Kind::Closed, true, "VE Day, 75 years"),
    special(Venue::London, date(2022, 5, 30), Kind::Closed, false, "spring moved to the jubilee"),
    special(Venue::London, date(2022, 6, 2), Kind::Closed, true, "spring, moved"),
    special(Venue::London, date(2022, 6, 3), Kind::Closed, true, "Platinum Jubilee"),
    special(Venue::London, date(2022, 9, 19), Kind::Closed, true, "state funeral"),
    special(Venue::London, date(2023, 5, 8), Kind::Closed, true, "coronation"),
    special(Venue::Nyse, date(2025, 1, 9), Kind::Closed, true, "day of mourning"),
    special(Venue::Cme, date(2025, 1, 9), halt(9, 30), true, "day of mourning"),
    // Not of the rules' kind at all: a regime that ended.
    special(Venue::Cme, date(2021, 6, 25), DAILY_BREAK, true, "daily break until June 2021"),
];

const DAILY_BREAK: Kind = Kind::DailyBreak(time(16, 15, 0, 0), time(16, 30, 0, 0));

const fn halt(hour: i8, minute: i8) -> Kind {
    Kind::EarlyHalt(time(hour, minute, 0, 0))
}

const fn special(venue: Venue, day: Date, kind: Kind, added: bool, name: &'static str) -> Special {
    Special { row: Exception { venue, day, kind, trade_date: None }, added, name }
}

/// The rows that the rules propose for `year`, by venue and day; empty outside 1583..=9998.
#[must_use]
pub fn candidates(year: i16) -> Vec<Candidate> {
    if !(1583..=9998).contains(&year) {
        return Vec::new();
    }
    let nyse = nyse(year);
    let mut all = cme(year, &nyse);
    all.extend_from_slice(&nyse);
    all.extend(london(year));
    all.sort_by_key(|c| (c.row.venue, c.row.day));
    all
}

/// Easter Sunday of a Gregorian year.
#[must_use]
pub fn easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (a, b, c) = (y.rem_euclid(19), y.div_euclid(100), y.rem_euclid(100));
    let (d, e) = (b / 4, b % 4);
    let g = (b - (b + 8) / 25 + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let l = (32 + 2 * e + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    Date::new(year, i8::try_from(n / 31).ok()?, i8::try_from(n % 31 + 1).ok()?).ok()
}

const GOOD_FRIDAY: &str = "Good Friday";
const NEW_YEAR: &str = "New Year's Day";
const CHRISTMAS: &str = "Christmas";

/// A Saturday's holiday moves to Friday and a Sunday's to Monday; a New Year's Day on a Saturday
/// is lost, since the Friday would belong to the old year.
fn nyse(year: i16) -> Vec<Candidate> {
    let fixed = |month, day| date(year, month, day);
    let nth = |month, n, weekday| fixed(month, 1).nth_weekday_of_month(n, weekday).ok();
    let new_year = fixed(1, 1);
    let thanksgiving = nth(11, 4, Weekday::Thursday);
    let closures = [
        (Some(observed(new_year)).filter(|d| d.year() == year), NEW_YEAR),
        (nth(1, 3, Weekday::Monday), "Martin Luther King Jr. Day"),
        (nth(2, 3, Weekday::Monday), "Presidents' Day"),
        (easter(year).map(|d| shifted(d, -2)), GOOD_FRIDAY),
        (nth(5, -1, Weekday::Monday), "Memorial Day"),
        (Some(observed(fixed(6, 19))).filter(|_| year >= JUNETEENTH_SINCE), "Juneteenth"),
        (Some(observed(fixed(7, 4))), "Independence Day"),
        (nth(9, 1, Weekday::Monday), "Labor Day"),
        (thanksgiving, "Thanksgiving"),
        (Some(observed(fixed(12, 25))), CHRISTMAS),
    ];
    let closed = |day: &Date| closures.iter().any(|(d, _)| d.as_ref() == Some(day));
    // An eve is a half day from Monday to Thursday only: a Friday's feast is on Saturday, so that
    // the Friday itself is the holiday.
    let eve = |day: Date| Some(day).filter(|d| !is_weekend(*d) && !closed(d));
    let halves = [
        (eve(fixed(7, 3)), "eve of Independence Day"),
        (thanksgiving.map(next), "day after Thanksgiving"),
        (eve(fixed(12, 24)), "Christmas Eve"),
    ];
    let closures = rows(Venue::Nyse, Kind::Closed, &closures);
    closures.chain(rows(Venue::Nyse, Kind::EarlyClose(HALF_DAY_NYSE), &halves)).collect()
}

/// Weekend holidays move to the next weekdays that are free.
fn london(year: i16) -> Vec<Candidate> {
    let fixed = |month, day| date(year, month, day);
    let nth = |month, n| fixed(month, 1).nth_weekday_of_month(n, Weekday::Monday).ok();
    let easter = easter(year);
    let (christmas, boxing) = match fixed(12, 25).weekday() {
        Weekday::Friday => (25, 28),
        Weekday::Saturday => (27, 28),
        Weekday::Sunday => (27, 26),
        _ => (25, 26),
    };
    let mut new_year = fixed(1, 1);
    while is_weekend(new_year) {
        new_year = next(new_year);
    }
    let closures = [
        (Some(new_year), NEW_YEAR),
        (easter.map(|d| shifted(d, -2)), GOOD_FRIDAY),
        (easter.map(next), "Easter Monday"),
        (nth(5, 1), "early May holiday"),
        (nth(5, -1), "spring holiday"),
        (nth(8, -1), "summer holiday"),
        (Some(fixed(12, christmas)), CHRISTMAS),
        (Some(fixed(12, boxing)), "Boxing Day"),
    ];
    let weekday_up_to = |mut day: Date| {
        while is_weekend(day) {
            day = previous(day);
        }
        Some(day)
    };
    let halves = [
        (weekday_up_to(fixed(12, 24)), "last trading day before Christmas"),
        (weekday_up_to(fixed(12, 31)), "last trading day of the year"),
    ];
    let closures = rows(Venue::London, Kind::Closed, &closures);
    closures.chain(rows(Venue::London, Kind::EarlyClose(HALF_DAY_LONDON), &halves)).collect()
}

/// Globex follows NYSE: closed at New Year, Good Friday and Christmas, halted early on its other
/// holidays (the session then counts for the next business day) and on its half days. A Good
/// Friday that is the first Friday of April carries the employment report: open until 09:15.
fn cme(year: i16, nyse: &[Candidate]) -> Vec<Candidate> {
    let holiday = |day: Date| {
        is_weekend(day) || nyse.iter().any(|c| c.row.day == day && c.row.kind == Kind::Closed)
    };
    let first_friday = date(year, 4, 1).nth_weekday_of_month(1, Weekday::Friday).ok();
    let map = |c: &Candidate| {
        let day = c.row.day;
        let mut trade_date = None;
        let kind = match (c.row.kind, c.name) {
            (Kind::Closed, GOOD_FRIDAY) if Some(day) == first_friday => {
                Kind::EarlyHalt(HALT_REPORT)
            }
            (Kind::Closed, NEW_YEAR | GOOD_FRIDAY | CHRISTMAS) => Kind::Closed,
            (Kind::Closed, _) => {
                let mut to = next(day);
                while holiday(to) {
                    to = next(to);
                }
                trade_date = Some(to);
                Kind::EarlyHalt(HALT_HOLIDAY)
            }
            _ => Kind::EarlyHalt(HALT_HALF_DAY),
        };
        Candidate { row: Exception { venue: Venue::Cme, day, kind, trade_date }, name: c.name }
    };
    nyse.iter().map(map).collect()
}

fn rows<'a>(
    venue: Venue,
    kind: Kind,
    list: &'a [(Option<Date>, &'static str)],
) -> impl Iterator<Item = Candidate> + 'a {
    list.iter().filter_map(move |&(day, name)| {
        day.map(|day| Candidate { row: Exception { venue, day, kind, trade_date: None }, name })
    })
}

fn observed(day: Date) -> Date {
    match day.weekday() {
        Weekday::Saturday => previous(day),
        Weekday::Sunday => next(day),
        _ => day,
    }
}

fn shifted(day: Date, by: i32) -> Date {
    date_of(days(day).saturating_add(by))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Calendar;

    /// Dates of Easter as the churches publish them.
    #[test]
    fn easters() {
        for (year, month, day) in [
            (1961, 4, 2),
            (2000, 4, 23),
            (2008, 3, 23),
            (2011, 4, 24),
            (2020, 4, 12),
            (2021, 4, 4),
            (2022, 4, 17),
            (2023, 4, 9),
            (2024, 3, 31),
            (2025, 4, 20),
            (2026, 4, 5),
            (2027, 3, 28),
            (2038, 4, 25),
        ] {
            assert_eq!(easter(year), Some(date(year, month, day)));
        }
    }

    /// Rows and rules agree but for the specials, in both directions.
    #[test]
    fn rows_are_rules_and_specials() {
        let calendar = Calendar::bundled().expect("calendar");
        let mut expected: Vec<Exception> =
            (2020..=2027).flat_map(candidates).map(|c| c.row).collect();
        for special in SPECIALS {
            let at = expected
                .iter()
                .position(|r| (r.venue, r.day) == (special.row.venue, special.row.day));
            match (special.added, at) {
                (true, None) => expected.push(special.row),
                (false, Some(at)) => drop(expected.remove(at)),
                (added, at) => panic!("{}: added {added}, rule at {at:?}", special.name),
            }
        }
        expected.sort_by_key(|r| (r.venue, r.day));
        let rows = calendar.exceptions();
        for row in rows {
            assert!(expected.contains(row), "row without a rule: {row:?}");
        }
        for row in &expected {
            assert!(rows.contains(row), "rule without a row: {row:?}");
        }
        assert_eq!(rows.len(), expected.len());
    }

    /// No rule makes a row for a weekend, for another year, or two for a day.
    #[test]
    fn candidates_are_sound() {
        for year in 1990..2100 {
            let all = candidates(year);
            for pair in all.windows(2) {
                let key = |c: &Candidate| (c.row.venue, c.row.day);
                assert!(key(&pair[0]) < key(&pair[1]), "{pair:?}");
            }
            for c in all {
                assert!(c.row.day.year() == year && !is_weekend(c.row.day), "{c:?}");
            }
        }
        assert!(candidates(1500).is_empty() && candidates(9999).is_empty());
    }
}
