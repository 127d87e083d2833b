//! Market time of one symbol: the market's own clock, driven by events alone.
//!
//! It is the greatest exchange time so far (receive time for a feed without one) and never goes
//! back. A Timer moves it on through silence: with m and r the market and receive time of the last
//! advancing event, a Timer at T gives m + (T − r) − grace where that is more. After a warm-up
//! Timers move nothing until the first live event says how far market and receive time lie apart.

use crate::event::{Body, Event, flag};
use crate::units::{SECOND, Ts};

/// An exchange time further than this after the receive time is treated as absent.
const AHEAD_MAX: i64 = 60 * SECOND;

/// See the module text.
#[derive(Clone, Debug)]
pub struct MarketClock {
    now: Ts,
    /// m and r of the last advancing event.
    anchor: (Ts, Ts),
    /// The feed gives exchange times.
    has_exch: bool,
    grace: i64,
    late: u64,
    implausible: u64,
}

impl MarketClock {
    /// A clock that has seen nothing; `grace` in ns is how long after its end a bar may still wait
    /// for a late event.
    #[must_use]
    pub const fn new(grace: i64) -> MarketClock {
        MarketClock {
            now: Ts::NONE,
            anchor: (Ts::NONE, Ts::NONE),
            has_exch: false,
            grace,
            late: 0,
            implausible: 0,
        }
    }

    /// Takes an event and returns market time after it, [`Ts::NONE`] before any.
    pub fn update(&mut self, event: &Event) -> Ts {
        if matches!(event.body, Body::Timer) {
            let (m, r) = self.anchor;
            if m.is_some() {
                let moved = Ts(m.0.saturating_add(event.ts.since(r)).saturating_sub(self.grace));
                self.now = self.now.max(moved);
            }
        } else if event.is_market() && !event.has(flag::SNAPSHOT) {
            let mut at = event.ts_exch;
            if at.is_some() && at.since(event.ts) > AHEAD_MAX {
                self.implausible += 1;
                at = Ts::NONE;
            }
            self.has_exch |= at.is_some();
            if !at.is_some() && self.has_exch {
                // Receive time may be years away from this market's.
                return self.now;
            }
            let at = at.or(event.ts);
            if at < self.now {
                self.late += 1;
            }
            // History has no receive time that live Timers could be measured from.
            if at > self.anchor.0 && !event.has(flag::WARMUP) {
                self.anchor = (at, event.ts);
            }
            self.now = self.now.max(at);
        }
        self.now
    }

    /// Market time.
    #[must_use]
    pub const fn now(&self) -> Ts {
        self.now
    }

    /// Events whose exchange time lay behind market time.
    #[must_use]
    pub const fn late(&self) -> u64 {
        self.late
    }

    /// Exchange times too far ahead of the receive time to be believed.
    #[must_use]
    pub const fn implausible(&self) -> u64 {
        self.implausible
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::SymbolId;

    fn at(text: &str) -> Ts {
        let t: jiff::Timestamp = text.parse().expect("instant");
        Ts(i64::try_from(t.as_nanosecond()).expect("range"))
    }

    fn event(ts: Ts, ts_exch: Ts, body: Body) -> Event {
        Event { seq: 1, ts, ts_exch, symbol: SymbolId(0), flags: 0, body }
    }

    /// The specification's three golden cases.
    #[test]
    fn timers_move_it_on() {
        for year in ["2023", "2026"] {
            let m = at("2023-12-25T10:00:58.900Z");
            let r = at(&format!("{year}-12-25T10:00:58.950Z"));
            let mut clock = MarketClock::new(SECOND);
            clock.update(&event(r, m, Body::BatchEnd));
            let timer = |s| event(at(&format!("{year}-12-25T10:01:0{s}Z")), Ts::NONE, Body::Timer);
            assert_eq!(clock.update(&timer(1)), at("2023-12-25T10:00:59.950Z"));
            assert_eq!(clock.update(&timer(2)), at("2023-12-25T10:01:00.950Z"));
        }
    }

    /// A delayed feed, or an old market served again: the history says nothing about the distance.
    #[test]
    fn timers_do_not_move_what_only_history_has_moved() {
        let mut clock = MarketClock::new(SECOND);
        let at = |s: i64, flags| Event { flags, ..event(Ts(s), Ts(s), Body::BatchEnd) };
        assert_eq!(clock.update(&at(7 * SECOND, flag::WARMUP)), Ts(7 * SECOND));
        let timer = |s: i64| event(Ts(s * SECOND), Ts::NONE, Body::Timer);
        assert_eq!(clock.update(&timer(900)), Ts(7 * SECOND));
        let live = event(Ts(901 * SECOND), Ts(9 * SECOND), Body::BatchEnd);
        assert_eq!(clock.update(&live), Ts(9 * SECOND));
        assert_eq!(clock.update(&timer(905)), Ts(12 * SECOND));
    }

    #[test]
    fn never_back_never_far_ahead() {
        let mut clock = MarketClock::new(SECOND);
        let timer = event(Ts(SECOND), Ts::NONE, Body::Timer);
        assert_eq!(clock.update(&timer), Ts::NONE, "no market yet");
        assert_eq!(clock.update(&event(Ts(9), Ts(7), Body::BatchEnd)), Ts(7));
        assert_eq!(clock.update(&event(Ts(10), Ts(5), Body::BatchEnd)), Ts(7));
        assert_eq!(clock.late(), 1);
        let ahead = event(Ts(11), Ts(11 + AHEAD_MAX + 1), Body::BatchEnd);
        assert_eq!(clock.update(&ahead), Ts(7), "as if it had none");
        assert_eq!(clock.update(&event(Ts(12), Ts::NONE, Body::BatchEnd)), Ts(7));
        let mut bare = MarketClock::new(SECOND);
        assert_eq!(bare.update(&event(Ts(12), Ts::NONE, Body::BatchEnd)), Ts(12));
        assert_eq!(clock.implausible(), 1);
    }
}
