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
    /// How far a [`Hand`] has moved it on, ns; `None` outside drills.
    moved: Option<Arc<AtomicI64>>,
    /// It moves by its hand alone.
    stands: bool,
}

/// Moves the clock of a drill on, and all its clones, never back.
#[derive(Clone, Debug)]
pub struct Hand {
    moved: Arc<AtomicI64>,
    start: Ts,
}

impl Hand {
    /// Moves a clock of [`Clock::by_hand`] to `now`.
    pub fn set(&self, now: Ts) {
        self.moved.fetch_max(now.since(self.start), Ordering::AcqRel);
    }

    /// From now on it is `ns` later; below 0 counts as 0.
    pub fn forward(&self, ns: i64) {
        self.moved.fetch_add(ns.max(0), Ordering::AcqRel);
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
        Clock { counter, start_raw, start_unix, moved: None, stands: false }
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
        (Clock { stands: true, ..clock }, hand)
    }

    /// A clock as [`Clock::set_to`] makes it, and the hand that moves it on: what takes minutes is
    /// not waited for.
    #[must_use]
    pub fn drill(start: Ts) -> (Clock, Hand) {
        let moved = Arc::new(AtomicI64::new(0));
        let clock = Clock { moved: Some(moved.clone()), ..Clock::set_to(start) };
        (clock, Hand { moved, start })
    }

    /// Nanoseconds since this clock was made; by the counter alone, unless it moves by hand alone.
    #[must_use]
    pub fn elapsed_ns(&self) -> u64 {
        if self.stands {
            return u64::try_from(self.moved()).unwrap_or(0);
        }
        self.counter.delta_as_nanos(self.start_raw, self.counter.raw())
    }

    fn moved(&self) -> i64 {
        self.moved.as_ref().map_or(0, |moved| moved.load(Ordering::Acquire))
    }

    /// Unix time.
    #[must_use]
    pub fn now(&self) -> Ts {
        let ran = self.start_unix.saturating_add_unsigned(self.elapsed_ns());
        if self.stands { Ts(ran) } else { Ts(ran.saturating_add(self.moved())) }
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

    const START: Ts = Ts(1_767_623_400 * SECOND);

    #[test]
    fn a_hand_moves_every_clone() {
        let (clock, hand) = Clock::drill(START);
        let (other, elapsed) = (clock.clone(), clock.elapsed_ns());
        assert!(other.now().since(START) < 60 * SECOND);
        hand.forward(3600 * SECOND);
        hand.forward(-1);
        assert!((3600 * SECOND..3660 * SECOND).contains(&other.now().since(START)));
        assert!(clock.elapsed_ns() - elapsed < 60_000_000_000, "durations stay");
        assert!(Clock::set_to(START).now().since(START) < 60 * SECOND, "only its own");
    }

    #[test]
    fn a_clock_by_hand_stands() {
        let (clock, hand) = Clock::by_hand(START);
        assert_eq!((clock.now(), clock.elapsed_ns()), (START, 0));
        hand.set(Ts(START.0 + 5));
        hand.set(Ts(START.0 + 3));
        assert_eq!((clock.now(), clock.elapsed_ns()), (Ts(START.0 + 5), 5));
    }
}
