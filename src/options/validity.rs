//! Until when levels may be used: the start of the next capture window, not a number of hours.
//!
//! A capture of Friday holds over the weekend until Monday 15:30 New York; one made inside a window
//! until the next option day's. Cost: microseconds.

use super::{Known, null};
use crate::calendar::Calendar;
use crate::units::{Reason, Ts};

/// First instant at which levels captured at `captured` are no longer valid.
///
/// # Errors
/// `NO_INPUT` without a capture time or where the calendar knows no later window.
pub fn valid_until(calendar: &Calendar, captured: Ts) -> Known<Ts> {
    if !captured.is_some() {
        return null(Reason::NoInput, "captured_at");
    }
    match calendar.next_capture(captured) {
        Some(window) => Ok(window.start),
        None => null(Reason::NoInput, "calendar"),
    }
}

/// Whether levels that end at `until` may be used at `at`.
#[must_use]
pub const fn valid(until: Ts, at: Ts) -> bool {
    until.is_some() && at.is_some() && at.0 < until.0
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;

    #[test]
    fn windows() {
        let calendar = Calendar::bundled().expect("calendar");
        let at = |m, d, h, min| calendar.new_york(date(2022, m, d), time(h, min, 0, 0));
        for (captured, until) in [
            // Friday 2022-07-15 in the window, then the morning before, then a half day.
            (at(7, 15, 15, 35), at(7, 18, 15, 30)),
            (at(7, 15, 11, 40), at(7, 15, 15, 30)),
            (at(7, 15, 15, 30), at(7, 18, 15, 30)),
            (at(11, 23, 15, 35), at(11, 25, 12, 30)),
        ] {
            assert_eq!(valid_until(&calendar, captured), Ok(until), "{captured}");
        }
        let until = valid_until(&calendar, at(7, 15, 15, 35)).expect("until");
        assert!(valid(until, at(7, 17, 18, 0)));
        assert!(!valid(until, at(7, 18, 15, 30)));
        assert!(!valid(Ts::NONE, at(7, 18, 15, 30)) && !valid(until, Ts::NONE));
        assert!(valid_until(&calendar, Ts::NONE).is_err());
        assert!(
            valid_until(&calendar, calendar.new_york(date(2150, 1, 4), time(9, 0, 0, 0))).is_err()
        );
    }
}
