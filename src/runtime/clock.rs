//! The only file that reads clocks.
//!
//! Intervals come from the processor's counter (about 10 ns a read); the wall clock is read once at
//! the start, so times of a run are comparable with each other and never step.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use crate::units::Ts;

/// A monotonic clock that tells Unix time.
#[derive(Clone, Debug)]
pub struct Clock {
    counter: quanta::Clock,
    start_raw: u64,
    start_unix: i64,
    /// How far a [`Hand`] has moved it on, ns.
    moved: Option<Arc<AtomicI64>>,
    /// It does not run by itself.
    still: bool,
}

/// Moves a clock of [`Clock::by_hand`] or [`Clock::drill`] on.
#[derive(Clone, Debug)]
pub struct Hand(Arc<AtomicI64>);

impl Hand {
    /// From now on the clock and its clones are `ns` later; below 0 counts as 0.
    pub fn forward(&self, ns: i64) {
        self.0.fetch_add(ns.max(0), Ordering::AcqRel);
    }
}

impl Default for Clock {
    fn default() -> Clock {
        Clock::new()
    }
}

impl Clock {
    /// Calibrates the counter (once a process, about 200 ms) and reads the wall clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn new() -> Clock {
        let counter = quanta::Clock::new();
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let start_raw = counter.raw();
        let start_unix = i64::try_from(unix.as_nanos()).unwrap_or(i64::MAX);
        Clock { counter, start_raw, start_unix, moved: None, still: false }
    }

    /// A clock that says `start` now and runs on from there: for drills at another hour.
    #[must_use]
    pub fn set_to(start: Ts) -> Clock {
        Clock { start_unix: start.0, ..Clock::new() }
    }

    /// A clock that says `start` until its hand is moved: a run by it receives what its market
    /// sends at the times that were recorded, however long that takes.
    #[must_use]
    pub fn by_hand(start: Ts) -> (Clock, Hand) {
        let (clock, hand) = Clock::drill(start);
        (Clock { still: true, ..clock }, hand)
    }

    /// A clock as [`Clock::set_to`] makes it, and the hand that moves it on: what takes minutes is
    /// not waited for.
    #[must_use]
    pub fn drill(start: Ts) -> (Clock, Hand) {
        let hand = Hand(Arc::default());
        (Clock { moved: Some(hand.0.clone()), ..Clock::set_to(start) }, hand)
    }

    /// Nanoseconds since this clock was made, as it runs by itself.
    #[must_use]
    pub fn elapsed_ns(&self) -> u64 {
        if self.still {
            return 0;
        }
        self.counter.delta_as_nanos(self.start_raw, self.counter.raw())
    }

    /// Whether a [`Hand`] moves it: what two readings lie apart is then no time that passed.
    #[must_use]
    pub const fn is_moved(&self) -> bool {
        self.moved.is_some()
    }

    /// Unix time.
    #[must_use]
    pub fn now(&self) -> Ts {
        let now = self.start_unix.saturating_add_unsigned(self.elapsed_ns());
        let moved = self.moved.as_ref().map_or(0, |moved| moved.load(Ordering::Acquire));
        Ts(now.saturating_add(moved))
    }

    /// Unix time as the unsigned nanoseconds that the protocol session counts in.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        u64::try_from(self.now().0).unwrap_or(0)
    }

    /// Lets other threads run for about `duration`.
    pub fn sleep(duration: Duration) {
        std::thread::sleep(duration);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::SECOND;

    #[test]
    fn a_drill_runs_on_from_where_it_was_moved() {
        let start = Ts(1_767_623_400 * SECOND);
        let (clock, hand) = Clock::drill(start);
        let (other, elapsed) = (clock.clone(), clock.elapsed_ns());
        assert!(other.now().since(start) < 60 * SECOND);
        hand.forward(3600 * SECOND);
        assert!((3600 * SECOND..3660 * SECOND).contains(&other.now().since(start)));
        assert!(clock.elapsed_ns() - elapsed < 60_000_000_000, "durations stay");
    }

    #[test]
    fn a_clock_moved_by_hand() {
        let (clock, hand) = Clock::by_hand(Ts(5));
        let other = clock.clone();
        assert_eq!(clock.now(), Ts(5));
        hand.forward(4);
        assert_eq!((other.now(), clock.now_ns()), (Ts(9), 9));
        hand.forward(-2);
        assert_eq!(clock.now(), Ts(9), "never back");
    }
}
