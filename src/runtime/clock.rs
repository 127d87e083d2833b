//! The only file that reads clocks.
//!
//! Intervals come from the processor's counter (about 10 ns a read); the wall clock is read once at
//! the start, so times of a run are comparable with each other and never step.

use std::time::{Duration, SystemTime};

use crate::units::Ts;

/// A monotonic clock that tells Unix time.
#[derive(Clone, Debug)]
pub struct Clock {
    counter: quanta::Clock,
    start_raw: u64,
    start_unix: i64,
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
        Clock { counter, start_raw, start_unix }
    }

    /// A clock that says `start` now and runs on from there: for drills at another hour.
    #[must_use]
    pub fn set_to(start: Ts) -> Clock {
        Clock { start_unix: start.0, ..Clock::new() }
    }

    /// Nanoseconds since this clock was made.
    #[must_use]
    pub fn elapsed_ns(&self) -> u64 {
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
