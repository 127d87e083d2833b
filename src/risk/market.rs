//! What the risk knows of each symbol's market: its session, the time to be flat, its silence.

use jiff::civil::Time;

use super::Params;
use crate::calendar::{Calendar, Segment, date_of};
use crate::units::{Px, Ts};

/// One symbol.
#[derive(Clone, Debug)]
pub(super) struct Market {
    segment: Segment,
    /// The Globex day of `deadline`, `i32::MIN` before any.
    day: i32,
    /// When to be flat on that day.
    deadline: Ts,
    /// When being flat was asked for last, receive time.
    asked: Ts,
    /// A position was held into the day: it should have been closed in the day before.
    overdue: bool,
    /// Last market event, receive time.
    data: Ts,
    /// Market time before the first market event: where a warm-up ended.
    warm: Ts,
    /// The market has moved market time beyond that.
    live: bool,
    /// Market time at which it had, and the end of the last bar that was closed since.
    bars: Ts,
    /// Last instant at which the market was closed, or the first of all; receive time.
    closed: Ts,
    /// That it is silent with a position was said.
    pub(super) alerted: bool,
    /// Contracts held, by the last word of the trading step.
    pub(super) held: i32,
    /// The exchange's price limits, where known.
    pub(super) band: Option<(Px, Px)>,
}

impl Market {
    pub(super) const NEW: Market = Market {
        segment: Segment::UNKNOWN,
        day: i32::MIN,
        deadline: Ts::MAX,
        asked: Ts::NONE,
        overdue: false,
        data: Ts::NONE,
        warm: Ts::NONE,
        live: false,
        bars: Ts::NONE,
        closed: Ts::NONE,
        alerted: false,
        held: 0,
        band: None,
    };

    /// The last segment that [`Market::enter`] looked up.
    pub(super) const fn segment(&self) -> &Segment {
        &self.segment
    }

    /// The time that the symbol goes by: market time from its first live event on, before that
    /// receive time, for what a warm-up left stands still. Whether it is market time.
    pub(super) fn clock(&mut self, ts: Ts, market_time: Ts) -> (Ts, bool) {
        if !self.live {
            if !self.data.is_some() {
                self.warm = market_time;
            }
            self.live = self.data.is_some() && market_time > self.warm;
            if self.live {
                // Receive time may be years away: what it said of the day counts no more.
                self.bars = market_time;
                let Market { segment, day, deadline, .. } = Market::NEW;
                (self.segment, self.day, self.deadline) = (segment, day, deadline);
            }
        }
        (if self.live { market_time } else { ts }, self.live)
    }

    /// Looks the segment of `at` up where it is a new one; whether it is.
    pub(super) fn enter(&mut self, params: &Params, calendar: &Calendar, at: Ts) -> bool {
        if !at.is_some() || self.segment.contains(at) {
            return false;
        }
        let first = self.segment == Segment::UNKNOWN;
        self.segment = calendar.segment(at);
        let segment = &self.segment;
        if segment.label.is_open() && segment.globex_day != self.day {
            self.day = segment.globex_day;
            self.deadline = deadline(params, calendar, segment);
            self.overdue = self.held != 0 && !first;
        }
        true
    }

    /// Whether to be flat is to be asked for at receive time `ts`: each second of an open market
    /// from the deadline on, whatever has been asked for before, and once for what is overdue.
    pub(super) fn is_due(&mut self, ts: Ts, at: Ts) -> bool {
        let open = self.segment.label.is_open() && self.segment.contains(at);
        let again = !self.asked.is_some() || ts.second() > self.asked.second();
        let due = open && self.is_past(at) && again;
        if due {
            self.asked = ts;
        }
        std::mem::take(&mut self.overdue) || due
    }

    /// Whether `at` is beyond the day's time to be flat.
    pub(super) fn is_past(&self, at: Ts) -> bool {
        at.is_some() && at >= self.deadline
    }

    /// How long before market time `at` the first bar of `span` ns ended that has been closed since
    /// the last [`Market::closed_to`], the last of them at `end`. `None` where there is none that
    /// began and ended in the present stretch of the live market: a bar across a halt, or one that
    /// history began, waits for the market, not for its data.
    pub(super) fn lateness(&self, span: i64, end: Ts, at: Ts) -> Option<i64> {
        let since = self.bars.max(self.segment.start);
        let first = Ts(since.0.div_euclid(span).saturating_add(1).saturating_mul(span));
        (self.live && first <= end).then(|| at.since(first))
    }

    /// Bars are closed up to `end`.
    pub(super) fn closed_to(&mut self, end: Ts) {
        self.bars = self.bars.max(end);
    }

    pub(super) fn on_data(&mut self, ts: Ts) {
        self.data = self.data.max(ts);
        self.alerted = false;
    }

    /// Silence begins with the next call of [`Market::silence`], unless the market lives.
    pub(super) const fn wait(&mut self) {
        if !self.live {
            self.closed = Ts::NONE;
        }
    }

    /// For how long the market has been silent in session at receive time `ts`, ns: since its last
    /// event, since it opened, or since the first call, whichever is last. A market that never
    /// says anything is silent too.
    pub(super) fn silence(&mut self, ts: Ts, at: Ts) -> i64 {
        let open = self.segment.label.is_open() && self.segment.contains(at);
        if !open || !self.closed.is_some() {
            self.closed = ts;
        }
        ts.since(self.data.max(self.closed))
    }

    /// The same at the last call of [`Market::silence`] that looked at the session.
    pub(super) fn silent_since(&self, ts: Ts) -> i64 {
        ts.since(self.data.max(self.closed))
    }
}

/// When to be flat on the day of an open segment: the wall time of full days, earlier before an
/// early halt.
fn deadline(params: &Params, calendar: &Calendar, segment: &Segment) -> Ts {
    let minute = params.flat_by_minute;
    let hour = i8::try_from(minute / 60).unwrap_or(16);
    let time = Time::new(hour, (minute % 60) as i8, 0, 0).unwrap_or(Time::midnight());
    let full = calendar.new_york(date_of(segment.globex_day), time);
    match segment.next_halt.filter(|_| segment.early_halt) {
        Some(halt) => full.min(Ts(halt.0.saturating_sub(params.flat_before_halt_ns))),
        None => full,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{MINUTE, SECOND};

    fn at(text: &str) -> Ts {
        let t: jiff::Timestamp = text.parse().expect("instant");
        Ts(i64::try_from(t.as_nanosecond()).expect("range"))
    }

    /// Full days in winter and summer, the former daily break, early halts, holidays.
    #[test]
    fn times_to_be_flat() {
        let calendar = Calendar::bundled().expect("calendar");
        let params = Params::default();
        for (now, flat) in [
            ("2026-01-14T15:00:00Z", "2026-01-14T21:55:00Z"),
            ("2026-07-14T15:00:00Z", "2026-07-14T20:55:00Z"),
            // Asked in Asia for the day that ends on the next date.
            ("2026-01-14T23:30:00Z", "2026-01-15T21:55:00Z"),
            // With the break at 16:15 of these years the day still ends at 17:00.
            ("2021-03-10T15:00:00Z", "2021-03-10T21:55:00Z"),
            // Day after Thanksgiving: halt at 13:15.
            ("2025-11-28T15:00:00Z", "2025-11-28T18:10:00Z"),
            // Thanksgiving: halt at 13:00.
            ("2025-11-27T15:00:00Z", "2025-11-27T17:55:00Z"),
        ] {
            let mut market = Market::NEW;
            let now = at(now);
            assert!(market.enter(&params, &calendar, now));
            assert!(!market.enter(&params, &calendar, now));
            let flat = at(flat);
            // The market's time counts; receive time says how often.
            let ts = |s: i64| Ts(s * SECOND);
            let mut due = |ts: Ts, at: Ts| {
                market.enter(&params, &calendar, at);
                market.is_due(ts, at)
            };
            assert!(!due(ts(1), Ts(flat.0 - 1)), "{now}");
            assert!(due(ts(1), flat), "{now}");
            assert!(!due(Ts(ts(2).0 - 1), flat), "once a second");
            assert!(due(ts(2), Ts(flat.0 + MINUTE)), "and again");
            assert!(market.is_past(Ts(flat.0 + MINUTE)));
        }
    }

    #[test]
    fn what_is_held_into_a_new_day_is_overdue() {
        let calendar = Calendar::bundled().expect("calendar");
        let params = Params::default();
        let mut market = Market::NEW;
        market.held = 1;
        for (now, due) in [
            ("2026-01-13T23:30:00Z", false),
            ("2026-01-14T15:00:00Z", false),
            // Beyond the deadline, but closed: nothing can be done until it opens.
            ("2026-01-14T22:30:00Z", false),
            ("2026-01-14T23:00:00Z", true),
            ("2026-01-15T15:00:00Z", false),
        ] {
            let now = at(now);
            assert!(market.enter(&params, &calendar, now));
            assert_eq!(market.is_due(now, now), due, "{now}");
        }
        let by = at("2026-01-15T21:55:00Z");
        assert!(market.enter(&params, &calendar, by) && market.is_due(by, by));
        market.held = 0;
        let next = at("2026-01-15T23:00:00Z");
        assert!(market.enter(&params, &calendar, next) && !market.is_due(next, next));
        // A closed market has no time to be flat.
        let mut market = Market::NEW;
        market.enter(&params, &calendar, at("2026-01-17T15:00:00Z"));
        assert!(!market.is_past(at("2026-01-17T23:00:00Z")));
    }

    /// A warm-up leaves a market time that stands still; nobody may wait for the market to go on.
    #[test]
    fn receive_time_counts_until_the_market_moves() {
        let (warm, now) = (at("2026-01-14T20:00:00Z"), at("2026-01-14T21:57:00Z"));
        let mut market = Market::NEW;
        assert_eq!(market.clock(now, Ts::NONE), (now, false), "nothing at all");
        assert_eq!(market.clock(now, warm), (now, false));
        market.on_data(now);
        assert_eq!(market.clock(now, warm), (now, false), "an event without a time of its own");
        let moved = Ts(warm.0 + 1);
        assert_eq!(market.clock(now, moved), (moved, true));
        let calendar = Calendar::bundled().expect("calendar");
        let mut market = Market::NEW;
        let (at, own) = market.clock(now, warm);
        assert!(market.enter(&Params::default(), &calendar, at) && market.is_due(now, at) && !own);
        // An old market served again: its own day begins, and nothing of the other stays.
        market.held = 1;
        market.on_data(now);
        let old = Ts(warm.0 - 364 * 24 * 60 * MINUTE);
        market.warm = Ts::NONE;
        let (at, own) = market.clock(now, old);
        assert!(own && market.enter(&Params::default(), &calendar, at));
        assert!(!market.is_due(now, at) && !market.is_past(at));
    }

    #[test]
    fn silence_counts_in_session() {
        let calendar = Calendar::bundled().expect("calendar");
        let params = Params::default();
        let mut market = Market::NEW;
        let ts = |s: i64| Ts(1_000 * SECOND + s * SECOND);
        assert_eq!(market.silence(ts(0), Ts::NONE), 0, "the first instant of all");
        let open = at("2026-01-14T15:00:00Z");
        market.enter(&params, &calendar, open);
        assert_eq!(market.silence(ts(4), open), 4 * SECOND);
        market.on_data(ts(5));
        assert_eq!(market.silence(ts(8), open), 3 * SECOND);
        let halt = at("2026-01-14T22:30:00Z");
        market.enter(&params, &calendar, halt);
        assert_eq!(market.silence(ts(3_600), halt), 0);
        let asia = at("2026-01-14T23:00:00Z");
        market.enter(&params, &calendar, asia);
        assert_eq!(market.silence(ts(3_602), asia), 2 * SECOND, "since the market opened");
    }
}
