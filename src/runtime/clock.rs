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
    /// Where a clock stands that does not run.
    hand: Option<Arc<AtomicI64>>,
}

/// What moves a clock of [`Clock::by_hand`].
#[derive(Clone, Debug)]
pub struct Hand(Arc<AtomicI64>);

impl Hand {
    /// Moves the clock and its clones to `now`, never back.
    pub fn set(&self, now: Ts) {
        self.0.fetch_max(now.0, Ordering::AcqRel);
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
        Clock { counter, start_raw, start_unix, hand: None }
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
        let hand = Arc::new(AtomicI64::new(start.0));
        (Clock { hand: Some(hand.clone()), ..Clock::set_to(start) }, Hand(hand))
    }

    /// Nanoseconds since this clock was made.
    #[must_use]
    pub fn elapsed_ns(&self) -> u64 {
        if let Some(hand) = &self.hand {
            let passed = Ts(hand.load(Ordering::Acquire)).since(Ts(self.start_unix));
            return u64::try_from(passed).unwrap_or(0);
        }
        self.counter.delta_as_nanos(self.start_raw, self.counter.raw())
    }

    /// Unix time.
    #[must_use]
    pub fn now(&self) -> Ts {
        Ts(self.start_unix.saturating_add_unsigned(self.elapsed_ns()))
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

    #[test]
    fn a_clock_moved_by_hand() {
        let (clock, hand) = Clock::by_hand(Ts(5));
        let other = clock.clone();
        assert_eq!((clock.now(), clock.elapsed_ns()), (Ts(5), 0));
        hand.set(Ts(9));
        assert_eq!((other.now(), clock.now_ns(), other.elapsed_ns()), (Ts(9), 9, 4));
        hand.set(Ts(7));
        assert_eq!(clock.now(), Ts(9), "never back");
    }
}
