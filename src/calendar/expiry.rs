//! Option days, capture windows, expiries and the quarterly roll.
//!
//! Rules (Cboe and CME contract specifications) give a candidate, which a row of kind `expiry`
//! may move:
//! * SPX AM monthly: third Friday, or the business day before where NYSE is closed on it.
//! * SPXW, NDXP: every NYSE day, PM-settled at the cash close.
//! * VIX: Wednesday 30 days before the third Friday of the next month; where that Wednesday or
//!   that Friday is no business day, the business day before the Wednesday.
//! * ES, NQ: third Friday of March, June, September and December, settled at the cash open, hence
//!   the business day before where there is none.
//!
//! A business day is one on which NYSE opens. A year without rows gives `None`. Cost: microseconds.

use jiff::civil::{Date, Weekday, time};

use super::rows::{Kind, Venue};
use super::{Calendar, SCAN_DAYS, Span, date_of, days, next, previous};
use crate::units::{MINUTE, Ts};

/// Days before expiry from which a roll by volume is looked for.
pub const ROLL_SEARCH_DAYS: i32 = 10;

impl Calendar {
    /// Whether NYSE and Cboe open on `day`: SPXW and NDXP expire on each such day.
    #[must_use]
    pub fn option_day(&self, day: Date) -> bool {
        self.covers(day.year()) && !super::is_weekend(day) && !self.rule(Venue::Nyse, day).closed
    }

    /// When PM-settled options expire on `day`: 16:00 New York, on half days the early close;
    /// `None` where it is no option day.
    #[must_use]
    pub fn option_close(&self, day: Date) -> Option<Ts> {
        let close = self.rule(Venue::Nyse, day).until.unwrap_or(time(16, 0, 0, 0));
        self.option_day(day).then(|| self.new_york(day, close))
    }

    /// The first capture window that starts after `at`: 30 to 15 minutes before the options close,
    /// 15:30–15:45 New York or 12:30–12:45 on half days.
    #[must_use]
    pub fn next_capture(&self, at: Ts) -> Option<Span> {
        self.first_capture(at, |window| window.start > at)
    }

    /// The capture window that holds `at`.
    #[must_use]
    pub fn capture(&self, at: Ts) -> Option<Span> {
        self.first_capture(at, |window| window.end > at).filter(|window| window.contains(at))
    }

    /// Day on which the AM-settled SPX options of `month` (1..=12) settle.
    #[must_use]
    pub fn spx_monthly(&self, year: i16, month: i8) -> Option<Date> {
        let friday = third_friday(year, month)?;
        let day = if self.option_day(friday) { friday } else { self.business_day_before(friday)? };
        Some(self.moved(Venue::Spx, day))
    }

    /// Last day on which they trade: the business day before.
    #[must_use]
    pub fn spx_last_trading_day(&self, year: i16, month: i8) -> Option<Date> {
        self.business_day_before(self.spx_monthly(year, month)?)
    }

    /// Day on which the VIX futures and options of `month` settle.
    #[must_use]
    pub fn vix_expiry(&self, year: i16, month: i8) -> Option<Date> {
        let (next_year, next_month) =
            if month == 12 { (year.checked_add(1)?, 1) } else { (year, month.checked_add(1)?) };
        let friday = third_friday(next_year, next_month)?;
        if !self.covers(next_year) {
            return None;
        }
        let wednesday = date_of(days(friday).checked_sub(30)?);
        let plain = self.option_day(wednesday) && self.option_day(friday);
        let day = if plain { wednesday } else { self.business_day_before(wednesday)? };
        Some(self.moved(Venue::Vix, day))
    }

    /// Day on which the E-mini futures of `month` expire; `None` unless it is 3, 6, 9 or 12.
    #[must_use]
    pub fn quarterly_expiry(&self, year: i16, month: i8) -> Option<Date> {
        let friday = third_friday(year, month).filter(|_| month % 3 == 0)?;
        let day = if self.option_day(friday) { friday } else { self.business_day_before(friday)? };
        Some(self.moved(Venue::Es, day))
    }

    /// The first quarterly expiry on or after `day`: that of the front contract before the roll.
    #[must_use]
    pub fn next_quarterly_expiry(&self, day: Date) -> Option<Date> {
        let mut month = (day.month() - 1) / 3 * 3 + 3;
        let mut year = day.year();
        for _ in 0..2 {
            let expiry = self.quarterly_expiry(year, month)?;
            if expiry >= day {
                return Some(expiry);
            }
            (year, month) = if month == 12 { (year.checked_add(1)?, 3) } else { (year, month + 3) };
        }
        None
    }

    /// Calendar days from `day` to the next monthly SPX expiry, 0 on its day.
    pub(super) fn days_to_monthly(&self, day: Date) -> Option<u16> {
        let (year, month) = (day.year(), day.month());
        let this = self.spx_monthly(year, month)?;
        let expiry = match this >= day {
            true => this,
            false if month == 12 => self.spx_monthly(year.checked_add(1)?, 1)?,
            false => self.spx_monthly(year, month + 1)?,
        };
        u16::try_from(days(expiry).saturating_sub(days(day))).ok()
    }

    /// Calendar days from `day` to the next option day, 0 on one.
    pub(super) fn days_to_weekly(&self, day: Date) -> Option<u16> {
        let mut to = day;
        for n in 0..SCAN_DAYS {
            if self.option_day(to) {
                return Some(n);
            }
            to = next(to);
        }
        None
    }

    fn business_day_before(&self, day: Date) -> Option<Date> {
        let mut day = day;
        for _ in 0..SCAN_DAYS {
            day = previous(day);
            if self.option_day(day) {
                return Some(day);
            }
        }
        None
    }

    fn moved(&self, venue: Venue, day: Date) -> Date {
        let row = self
            .exceptions()
            .iter()
            .find(|r| r.venue == venue && r.day == day && r.kind == Kind::Expiry);
        row.and_then(|r| r.trade_date).unwrap_or(day)
    }

    fn first_capture(&self, at: Ts, wanted: impl Fn(&Span) -> bool) -> Option<Span> {
        let mut day = self.new_york_date(at);
        for _ in 0..SCAN_DAYS {
            if let Some(close) = self.option_close(day) {
                let before = |minutes: i64| Ts(close.0.saturating_sub(minutes * MINUTE));
                let window = Span { start: before(30), end: before(15) };
                if wanted(&window) {
                    return Some(window);
                }
            }
            day = next(day);
        }
        None
    }
}

/// Volumes of the front and the next quarterly contract in one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionVolumes {
    /// Trade date, days since 1970-01-01.
    pub trade_day: i32,
    /// Contracts traded in the front month.
    pub front: u64,
    /// Contracts traded in the next one.
    pub next: u64,
    /// Whether the session was seen from its start to its end.
    pub full: bool,
}

/// Which contract a trade date belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roll {
    /// Still the front month.
    Hold,
    /// The next one, since its volume was greater in the full session of this trade date.
    Volume(i32),
    /// The next one, since the Monday of expiry week has come.
    Hard,
}

/// Monday of the week of `expiry`, the last possible roll.
#[must_use]
pub fn hard_roll(expiry: Date) -> Date {
    date_of(days(expiry) - i32::from(expiry.weekday().to_monday_zero_offset()))
}

/// First trade date whose volumes count for the roll: ten calendar days before `expiry`.
#[must_use]
pub fn roll_search_from(expiry: Date) -> Date {
    date_of(days(expiry) - ROLL_SEARCH_DAYS)
}

/// The contract for trade date `today` given the sessions so far, in any order: the next one after
/// the first full session, ten calendar days before `expiry` or later, in which it traded more
/// than the front, and from the Monday of expiry week in any case. Sessions of `today` and later
/// do not count, so the answer for a day never changes with what comes.
#[must_use]
pub fn roll(expiry: Date, today: i32, sessions: &[SessionVolumes]) -> Roll {
    let hard = days(hard_roll(expiry));
    let window = days(roll_search_from(expiry))..today.min(hard);
    let decisive =
        |s: &&SessionVolumes| s.full && s.next > s.front && window.contains(&s.trade_day);
    match sessions.iter().filter(decisive).map(|s| s.trade_day).min() {
        Some(session) => Roll::Volume(session),
        None if today >= hard => Roll::Hard,
        None => Roll::Hold,
    }
}

fn third_friday(year: i16, month: i8) -> Option<Date> {
    Date::new(year, month, 1).ok()?.nth_weekday_of_month(3, Weekday::Friday).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::instant;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn bundled() -> Calendar {
        Calendar::bundled().expect("calendar")
    }

    #[test]
    fn golden_spx() {
        let calendar = bundled();
        let days = [16, 20, 20, 17, 15, 18, 17, 21, 18, 16, 20, 18];
        for (month, day) in (1..=12).zip(days) {
            assert_eq!(calendar.spx_monthly(2026, month), Some(date(2026, month, day)));
        }
        assert_eq!(calendar.spx_monthly(2027, 6), Some(date(2027, 6, 17)));
        assert_eq!(calendar.spx_last_trading_day(2026, 6), Some(date(2026, 6, 17)));
        assert_eq!(calendar.spx_last_trading_day(2026, 1), Some(date(2026, 1, 15)));
        // Good Friday is the third Friday of April 2025.
        assert_eq!(calendar.spx_monthly(2025, 4), Some(date(2025, 4, 17)));
        assert_eq!(calendar.spx_monthly(2028, 1), None);
        assert_eq!(calendar.spx_monthly(2026, 13), None);
    }

    #[test]
    fn golden_vix() {
        let calendar = bundled();
        let days = [21, 18, 18, 15, 19, 17, 22, 19, 16, 21, 18, 16];
        for (month, day) in (1..=12).zip(days) {
            assert_eq!(calendar.vix_expiry(2026, month), Some(date(2026, month, day)));
        }
        assert_eq!(calendar.vix_expiry(2027, 5), Some(date(2027, 5, 18)));
        // The Friday of January 2028 is not known to be open.
        assert_eq!(calendar.vix_expiry(2027, 12), None);
    }

    #[test]
    fn quarterly_and_its_roll() {
        let calendar = bundled();
        assert_eq!(calendar.quarterly_expiry(2026, 3), Some(date(2026, 3, 20)));
        assert_eq!(calendar.quarterly_expiry(2026, 12), Some(date(2026, 12, 18)));
        // 19 June 2026 is Juneteenth.
        assert_eq!(calendar.quarterly_expiry(2026, 6), Some(date(2026, 6, 18)));
        assert_eq!(calendar.quarterly_expiry(2026, 4), None);
        for (day, expiry) in [
            (date(2026, 1, 1), date(2026, 3, 20)),
            (date(2026, 3, 20), date(2026, 3, 20)),
            (date(2026, 3, 21), date(2026, 6, 18)),
            (date(2026, 12, 19), date(2027, 3, 19)),
        ] {
            assert_eq!(calendar.next_quarterly_expiry(day), Some(expiry), "{day}");
        }
        assert_eq!(calendar.next_quarterly_expiry(date(2027, 12, 18)), None);
        assert_eq!(hard_roll(date(2026, 3, 20)), date(2026, 3, 16));
        assert_eq!(hard_roll(date(2026, 6, 18)), date(2026, 6, 15));
        assert_eq!(roll_search_from(date(2026, 3, 20)), date(2026, 3, 10));
    }

    #[test]
    fn rolls() {
        let expiry = date(2026, 3, 20);
        let on = |d| days(date(2026, 3, d));
        let session = |d, front, next, full| SessionVolumes { trade_day: on(d), front, next, full };
        // 9 March is too early, 10 not full, 11 equal; 12 decides, from 13 on.
        let seen = [
            session(9, 1, 9, true),
            session(10, 1, 9, false),
            session(11, 5, 5, true),
            session(12, 5, 6, true),
            session(13, 9, 1, true),
        ];
        assert_eq!(roll(expiry, on(12), &seen), Roll::Hold);
        assert_eq!(roll(expiry, on(13), &seen), Roll::Volume(on(12)));
        assert_eq!(roll(expiry, on(17), &seen), Roll::Volume(on(12)));
        assert_eq!(roll(expiry, on(13), &seen[..3]), Roll::Hold);
        assert_eq!(roll(expiry, on(16), &seen[..3]), Roll::Hard);
        // The session of the hard roll itself comes too late to be the reason.
        assert_eq!(roll(expiry, on(17), &[session(16, 1, 9, true)]), Roll::Hard);
    }

    #[test]
    fn golden_captures() {
        let calendar = bundled();
        for (from, start) in [
            ("2026-01-15T12:00:00Z", "2026-01-15T20:30:00Z"),
            ("2026-03-16T12:00:00Z", "2026-03-16T19:30:00Z"),
            ("2026-07-15T12:00:00Z", "2026-07-15T19:30:00Z"),
            ("2026-11-27T12:00:00Z", "2026-11-27T17:30:00Z"),
            // Inside a window the next is that of the following day: over weekend and King's day.
            ("2026-01-16T20:30:00Z", "2026-01-20T20:30:00Z"),
            ("2026-01-16T20:29:59Z", "2026-01-16T20:30:00Z"),
        ] {
            let window = calendar.next_capture(instant(from)).expect("window");
            assert_eq!(window.start, instant(start), "{from}");
            assert_eq!(window.end.0 - window.start.0, 15 * MINUTE);
            assert_eq!(calendar.capture(window.start), Some(window));
            assert_eq!(calendar.capture(window.end), None);
            assert_eq!(calendar.capture(Ts(window.start.0 - 1)), None);
        }
        assert_eq!(calendar.next_capture(instant("2027-12-31T20:30:00Z")), None);
    }

    /// A row moves the candidate.
    #[test]
    fn rows_decide() {
        let rows = format!("{}2026-03-20,spx,expiry,,2026-03-19,,,\n", Calendar::source());
        let calendar = Calendar::from_csv(&rows).expect("calendar");
        assert_eq!(calendar.spx_monthly(2026, 3), Some(date(2026, 3, 19)));
        assert_eq!(calendar.spx_last_trading_day(2026, 3), Some(date(2026, 3, 18)));
        assert_eq!(calendar.quarterly_expiry(2026, 3), Some(date(2026, 3, 20)));
    }

    proptest! {
        /// Later knowledge never changes an earlier day's contract, and no day rolls back.
        #[test]
        fn rolls_once(volumes in prop::collection::vec((0u64..9, 0u64..9, any::<bool>()), 30)) {
            let expiry = date(2026, 9, 18);
            let first = days(expiry) - 20;
            let sessions: Vec<SessionVolumes> = (first..)
                .zip(&volumes)
                .map(|(trade_day, &(front, next, full))| {
                    SessionVolumes { trade_day, front, next, full }
                })
                .collect();
            let mut rolled = None;
            for (today, known) in (first..days(expiry)).zip(0..) {
                let now = roll(expiry, today, &sessions);
                prop_assert_eq!(now, roll(expiry, today, &sessions[..known]));
                if let Some(before) = rolled {
                    prop_assert_eq!(now, before);
                }
                rolled = (now != Roll::Hold).then_some(now);
                prop_assert!(today < days(expiry) - 4 || now != Roll::Hold);
            }
        }
    }
}
