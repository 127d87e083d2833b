//! When there is a row: at bar closes, at whole steps of market time, or every so many events.
//!
//! A row holds what is known right after the event that made it due, so nothing in it is later than
//! its `time`. The bar that it names is the one that ended last.

use std::str::FromStr;
use std::sync::Arc;

use crate::bars::Bar;
use crate::calendar::{Calendar, Segment};
use crate::features::{Frame, frame_flag};
use crate::units::{MINUTE, SECOND, SYMBOLS_MAX, SymbolId, Ts};

/// Shortest and longest step of market time.
const STEP_NS: (i64, i64) = (1_000_000, 86_400 * SECOND);

/// How often there is a row, for each symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// At the close of bars of this many minutes, ending at whole multiples of it in UTC and where
    /// a session ends.
    Minutes(i64),
    /// At the first event at or after each whole multiple of this many ns of market time, in open
    /// sessions.
    Nanos(i64),
    /// After this many market events; Timers do not count.
    Events(u64),
}

impl Default for Every {
    fn default() -> Every {
        Every::Minutes(1)
    }
}

impl FromStr for Every {
    type Err = String;

    /// `1m`, `30s`, `250ms`, `1h`, or a plain number of events.
    fn from_str(text: &str) -> Result<Every, String> {
        let wrong = || format!("{text:?}: want a step such as 1s, 30s, 1m, 5m, 1h, or N events");
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (count, unit) = text.split_at(digits);
        let count: i64 = count.parse().map_err(|_| wrong())?;
        let unit_ns = match unit {
            "" if count > 0 => return Ok(Every::Events(count.unsigned_abs())),
            "ms" => 1_000_000,
            "s" => SECOND,
            "m" => MINUTE,
            "h" => 60 * MINUTE,
            _ => return Err(wrong()),
        };
        let ns = count.checked_mul(unit_ns).ok_or_else(wrong)?;
        if ns < STEP_NS.0 || ns > STEP_NS.1 {
            return Err(format!("{text:?}: a step lies between 1ms and 24h"));
        }
        Ok(if ns % MINUTE == 0 { Every::Minutes(ns / MINUTE) } else { Every::Nanos(ns) })
    }
}

/// What a row says about its bar and its place in the trading day.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    /// The bar that ended last; with [`Every::Minutes`] the bars since the row before, as one:
    /// where one event closed several (after days of silence, or in history), they share a row.
    pub bar: Option<Bar>,
    /// The session of the bar with [`Every::Minutes`], else that of market time.
    pub segment: Segment,
}

#[derive(Clone, Copy, Debug)]
struct State {
    segment: Segment,
    /// Bars since the last row.
    bar: Option<Bar>,
    events: u64,
    /// Multiple of the step that was reached.
    step: Option<i64>,
}

/// Says which frames become rows.
#[derive(Clone, Debug)]
pub struct Sampler {
    every: Every,
    calendar: Arc<Calendar>,
    symbols: [State; SYMBOLS_MAX],
}

impl Sampler {
    /// A sampler that has seen nothing.
    #[must_use]
    pub fn new(every: Every, calendar: Arc<Calendar>) -> Sampler {
        let state = State { segment: Segment::UNKNOWN, bar: None, events: 0, step: None };
        Sampler { every, calendar, symbols: [state; SYMBOLS_MAX] }
    }

    /// Takes the frame after an event of `symbol`, with all bars that closed with it as one;
    /// `Some` where there is a row.
    pub fn due(&mut self, symbol: SymbolId, frame: &Frame, together: &Bar) -> Option<Due> {
        let state = self.symbols.get_mut(usize::from(symbol.0))?;
        let closed = frame.flags & frame_flag::BAR_CLOSED != 0;
        let (bar, at) = match self.every {
            Every::Minutes(minutes) => {
                if !closed {
                    return None;
                }
                match &mut state.bar {
                    Some(bar) => bar.merge(together),
                    None => state.bar = Some(*together),
                }
                let reached = (frame.bar.minute + 1).div_euclid(minutes);
                let begun = state.bar.map_or(reached, |b| b.minute.div_euclid(minutes));
                let ends = begun < reached;
                if !ends && frame.label.is_open() {
                    return None;
                }
                // A merged bar keeps the minute at which it began; its end is the last one's.
                let merged = state.bar.take().map(|b| Bar { minute: frame.bar.minute, ..b });
                (merged, Ts(frame.bar.end().0 - 1))
            }
            Every::Nanos(step) => {
                let reached = frame.market_time.0.div_euclid(step);
                let before = state.step.replace(reached);
                if !frame.label.is_open() || before.is_none_or(|before| before >= reached) {
                    return None;
                }
                (last(frame), frame.market_time)
            }
            Every::Events(count) => {
                state.events += u64::from(frame.event.is_market());
                if state.events < count {
                    return None;
                }
                state.events = 0;
                (last(frame), frame.market_time)
            }
        };
        if !state.segment.contains(at) {
            state.segment = self.calendar.segment(at);
        }
        Some(Due { bar, segment: state.segment })
    }
}

/// The last completed bar; there is none before the first trade's minute is over.
fn last(frame: &Frame) -> Option<Bar> {
    (frame.bar.minute != 0).then_some(frame.bar)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Label;
    use crate::event::{Body, Event};
    use crate::units::Px;

    #[test]
    fn steps() {
        for (text, every) in [
            ("1m", Every::Minutes(1)),
            ("120s", Every::Minutes(2)),
            ("1h", Every::Minutes(60)),
            ("90s", Every::Nanos(90 * SECOND)),
            ("250ms", Every::Nanos(SECOND / 4)),
            ("1000", Every::Events(1000)),
        ] {
            assert_eq!(text.parse(), Ok(every), "{text}");
        }
        for text in ["", "0", "0s", "m", "1 m", "25h", "-1s", "1d", "1.5m", "99999999999999999h"] {
            assert!(text.parse::<Every>().is_err(), "{text}");
        }
    }

    /// 2024-07-01 14:00 UTC, in the cash session.
    const START: i64 = 1_719_842_400 / 60;

    fn frame(minute: i64, body: Body) -> Frame {
        let ts = Ts((minute + 1) * MINUTE);
        let event = Event { seq: 1, ts, ts_exch: ts, symbol: SymbolId(0), flags: 0, body };
        let mut frame = Frame::empty(event);
        let px = Px::clamped(minute - START);
        frame.bar = Bar { volume: 2, buy: 1, ..Bar::empty(minute, px) };
        (frame.market_time, frame.label, frame.flags) = (ts, Label::Us, frame_flag::BAR_CLOSED);
        frame
    }

    fn sampler(every: Every) -> Sampler {
        Sampler::new(every, Arc::new(Calendar::bundled().expect("calendar")))
    }

    fn due_of(sampler: &mut Sampler, frame: &Frame) -> Option<Due> {
        sampler.due(SymbolId(0), frame, &frame.bar)
    }

    /// Neither a break inside a step nor bars that close together lose or cut one.
    #[test]
    fn breaks_and_silence() {
        let mut sampler = sampler(Every::Minutes(5));
        let mut rows = Vec::new();
        for minute in [0, 1, 2, 3, 4, 30, 31] {
            rows.extend(due_of(&mut sampler, &frame(START + minute, Body::Timer)));
        }
        let mut last = frame(START + 41, Body::Timer);
        let first = Bar { minute: START + 32, volume: 9, ..last.bar };
        last.bar.volume = 0;
        rows.extend(sampler.due(SymbolId(0), &last, &first));
        let bars: Vec<Bar> = rows.iter().filter_map(|r| r.bar).collect();
        let told: Vec<_> = bars.iter().map(|b| (b.minute - START, b.volume)).collect();
        assert_eq!(told, [(4, 10), (41, 13)]);
    }

    #[test]
    fn longer_bars_are_merged() {
        let mut sampler = sampler(Every::Minutes(5));
        let mut rows = Vec::new();
        for minute in START..START + 10 {
            rows.extend(due_of(&mut sampler, &frame(minute, Body::Timer)));
        }
        let bars: Vec<Bar> = rows.iter().filter_map(|r| r.bar).collect();
        assert_eq!(bars.iter().map(|b| b.end().0 / MINUTE - START).collect::<Vec<_>>(), [5, 10]);
        let second = bars.get(1).expect("two");
        assert_eq!((second.low.ticks(), second.high.ticks(), second.volume), (5, 9, 10));
        assert!(rows.iter().all(|r| r.segment.label == Label::Us));
    }

    #[test]
    fn steps_of_time_and_events() {
        let mut seconds = sampler(Every::Nanos(30 * SECOND));
        let mut due = |minute| due_of(&mut seconds, &frame(minute, Body::Timer)).is_some();
        assert!(!due(START), "the first event begins a step");
        assert!(due(START + 1) && !due(START + 1) && due(START + 9));
        let mut events = sampler(Every::Events(2));
        let mut due = |body| due_of(&mut events, &frame(START, body)).is_some();
        assert!(!due(Body::BatchEnd) && !due(Body::Timer) && due(Body::BatchEnd));
        let outside = frame(START, Body::BatchEnd);
        assert!(events.due(SymbolId(99), &outside, &outside.bar).is_none());
    }
}
