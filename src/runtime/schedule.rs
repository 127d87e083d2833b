//! When a chain is due: once at the start, every so often in the cash session, and once in the
//! capture window before the close, until that succeeds.

use crate::calendar::Calendar;
use crate::units::{SECOND, Ts};

/// Least time between two tries of a capture, in ns.
const RETRY_NS: i64 = 60 * SECOND;

/// Why a chain is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The run has just begun.
    Start,
    /// The cash session goes on.
    Intraday,
    /// The window before the close: the levels of the next sessions.
    Capture,
    /// Somebody asked for it.
    Wanted,
}

/// The schedule of one underlying.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    refresh_ns: i64,
    asked: Ts,
    /// Start of the last window in which a capture succeeded.
    captured: Ts,
}

impl Schedule {
    /// Every `refresh_s` seconds while the cash market is open.
    #[must_use]
    pub fn new(refresh_s: u32) -> Schedule {
        Schedule { refresh_ns: i64::from(refresh_s) * SECOND, asked: Ts::NONE, captured: Ts::NONE }
    }

    /// Whether a chain is due at `now`, and why.
    #[must_use]
    pub fn due(&self, now: Ts, calendar: &Calendar) -> Option<Why> {
        if !self.asked.is_some() {
            return Some(if self.window(now, calendar).is_some() {
                Why::Capture
            } else {
                Why::Start
            });
        }
        let waited = now.since(self.asked);
        if self.window(now, calendar).is_some() && waited >= RETRY_NS {
            return Some(Why::Capture);
        }
        let cash = calendar.segment(now).cash;
        let open = cash.is_some_and(|cash| now >= cash.open && now < cash.close);
        (open && waited >= self.refresh_ns).then_some(Why::Intraday)
    }

    /// A fetch began at `now`.
    pub const fn began(&mut self, now: Ts) {
        self.asked = now;
    }

    /// A chain that was asked for at `asked` was published.
    pub fn succeeded(&mut self, asked: Ts, calendar: &Calendar) {
        if let Some(window) = calendar.capture(asked) {
            self.captured = window.start;
        }
    }

    /// The capture window that holds `now` and has no capture yet.
    fn window(&self, now: Ts, calendar: &Calendar) -> Option<Ts> {
        calendar.capture(now).map(|w| w.start).filter(|&start| start != self.captured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Ts {
        let time: jiff::Timestamp = text.parse().expect("time");
        Ts(i64::try_from(time.as_nanosecond()).expect("in range"))
    }

    #[test]
    fn a_day() {
        let calendar = Calendar::bundled().expect("rows");
        let mut schedule = Schedule::new(300);
        let mut ask = |schedule: &mut Schedule, text: &str, good: bool| {
            let now = at(text);
            let why = schedule.due(now, &calendar)?;
            schedule.began(now);
            if good {
                schedule.succeeded(now, &calendar);
            }
            Some(why)
        };
        // A Wednesday in winter: New York is five hours behind.
        let ask = &mut ask;
        let s = &mut schedule;
        assert_eq!(ask(s, "2026-01-14T13:00:00Z", true), Some(Why::Start));
        assert_eq!(ask(s, "2026-01-14T14:29:59Z", true), None, "before the open");
        assert_eq!(ask(s, "2026-01-14T14:30:00Z", true), Some(Why::Intraday));
        assert_eq!(ask(s, "2026-01-14T14:34:59Z", true), None);
        assert_eq!(ask(s, "2026-01-14T14:35:00Z", false), Some(Why::Intraday));
        assert_eq!(ask(s, "2026-01-14T20:29:00Z", true), Some(Why::Intraday));
        assert_eq!(ask(s, "2026-01-14T20:30:00Z", false), Some(Why::Capture), "it fails");
        assert_eq!(ask(s, "2026-01-14T20:30:59Z", true), None);
        assert_eq!(ask(s, "2026-01-14T20:31:00Z", true), Some(Why::Capture), "and succeeds");
        assert_eq!(ask(s, "2026-01-14T20:33:00Z", true), None, "once");
        assert_eq!(ask(s, "2026-01-14T20:36:00Z", true), Some(Why::Intraday));
        assert_eq!(ask(s, "2026-01-14T21:00:00Z", true), None, "closed");
        // A half day: 12:30 New York.
        assert_eq!(ask(s, "2026-11-27T17:30:00Z", true), Some(Why::Capture));
        assert_eq!(ask(s, "2026-11-27T20:30:00Z", true), None);
        // A holiday, and a start inside a window.
        assert_eq!(ask(s, "2026-12-25T20:30:00Z", true), None);
        assert_eq!(ask(&mut Schedule::new(300), "2026-01-15T20:40:00Z", true), Some(Why::Capture));
    }
}
