//! Files as one sequence: merged by receive time, Timers injected, `seq` and `ts` stamped.

use std::collections::VecDeque;

use super::{Counters, FeedError, Source};
use crate::event::{Body, Event, Sequencer, flag};
use crate::units::{SECOND, SymbolId, Ts};

/// A forward jump longer than this many seconds gets only its last Timer.
const JUMP_MAX: i64 = 5 * 86_400;

/// Injects a Timer a symbol at each whole second of the file's market time, before the first event
/// at or after it.
#[derive(Clone, Debug)]
pub struct Timers {
    symbols: u16,
    /// Next second that is due; `None` before the first event.
    next: Option<i64>,
    /// Symbol that the current second has reached.
    symbol: u16,
    market: Ts,
    last_ts: Ts,
}

impl Timers {
    /// Timers for `symbols` symbols.
    #[must_use]
    pub const fn new(symbols: u16) -> Timers {
        Timers { symbols, next: None, symbol: 0, market: Ts::NONE, last_ts: Ts::NONE }
    }

    /// The next Timer that goes before `event`, until there is none.
    pub fn before(&mut self, event: &Event) -> Option<Event> {
        if event.is_market() && !event.has(flag::SNAPSHOT) {
            self.market = self.market.max(event.ts_exch.or(event.ts));
        }
        if !self.market.is_some() {
            return None;
        }
        let now = self.market.second();
        let Some(mut due) = self.next else {
            self.next = Some(now + 1);
            return None;
        };
        if due > now {
            return None;
        }
        if now - due > JUMP_MAX {
            due = now;
        }
        let ts = Ts(due.saturating_mul(SECOND)).max(self.last_ts);
        let symbol = SymbolId(self.symbol);
        self.symbol += 1;
        if self.symbol >= self.symbols {
            (self.symbol, due) = (0, due + 1);
        }
        self.next = Some(due);
        self.last_ts = ts;
        Some(Event { seq: 0, ts, ts_exch: Ts::NONE, symbol, flags: 0, body: Body::Timer })
    }

    /// Notes the receive time of an event that was passed on.
    pub fn passed(&mut self, ts: Ts) {
        self.last_ts = self.last_ts.max(ts);
    }
}

/// A source with the events that it has given and nobody has taken.
struct Head<'a> {
    source: Box<dyn Source + 'a>,
    queue: VecDeque<Event>,
}

impl Head<'_> {
    /// The source's next event, if it has one.
    fn front(&mut self, change: Option<&Change<'_>>) -> Result<Option<&Event>, FeedError> {
        if self.queue.is_empty() {
            self.source.pull(&mut self.queue)?;
            if let Some(change) = change {
                self.queue.iter_mut().for_each(change);
            }
        }
        Ok(self.queue.front())
    }
}

/// Sources merged by `ts`; earlier sources win ties.
pub struct Stream<'a> {
    heads: Vec<Head<'a>>,
    /// `None`: history for a live run, which gets no Timers.
    timers: Option<Timers>,
    sequencer: Sequencer,
    change: Option<Change<'a>>,
}

/// Something that is done to every event of the sources.
type Change<'a> = Box<dyn Fn(&mut Event) + 'a>;

impl std::fmt::Debug for Stream<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("sequencer", &self.sequencer).finish_non_exhaustive()
    }
}

impl<'a> Stream<'a> {
    /// Merges `sources`, which know `symbols` symbols between them.
    #[must_use]
    pub fn new(sources: Vec<Box<dyn Source + 'a>>, symbols: u16) -> Stream<'a> {
        let head = |source| Head { source, queue: VecDeque::with_capacity(64) };
        Stream {
            heads: sources.into_iter().map(head).collect(),
            timers: Some(Timers::new(symbols)),
            sequencer: Sequencer::default(),
            change: None,
        }
    }

    /// Does `change` to every event of the sources before anything else looks at it.
    #[must_use]
    pub fn changed(self, change: impl Fn(&mut Event) + 'a) -> Stream<'a> {
        Stream { change: Some(Box::new(change)), ..self }
    }

    /// Merges `sources` without Timers: a live run's history, in which only events move time.
    #[must_use]
    pub fn history(sources: Vec<Box<dyn Source + 'a>>) -> Stream<'a> {
        Stream { timers: None, ..Stream::new(sources, 0) }
    }

    /// The next event, stamped; `None` at the end.
    ///
    /// # Errors
    /// The first error of a source.
    pub fn next_event(&mut self) -> Result<Option<Event>, FeedError> {
        let mut first: Option<(Ts, usize)> = None;
        for (at, head) in self.heads.iter_mut().enumerate() {
            if let Some(event) = head.front(self.change.as_ref())?
                && first.is_none_or(|(ts, _)| event.ts < ts)
            {
                first = Some((event.ts, at));
            }
        }
        let Some(head) = first.and_then(|(_, at)| self.heads.get_mut(at)) else { return Ok(None) };
        let Some(event) = head.queue.front() else { return Ok(None) };
        if let Some(timer) = self.timers.as_mut().and_then(|t| t.before(event)) {
            return Ok(Some(self.sequencer.stamp(timer)));
        }
        let event = head.queue.pop_front().map(|event| self.sequencer.stamp(event));
        if let (Some(event), Some(timers)) = (&event, &mut self.timers) {
            timers.passed(event.ts);
        }
        Ok(event)
    }

    /// What all sources skipped or refused.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut all = Counters::default();
        self.heads.iter().for_each(|h| all.add(&h.source.counters()));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Listed(Vec<Event>);
    impl Source for Listed {
        fn pull(&mut self, out: &mut VecDeque<Event>) -> Result<bool, FeedError> {
            let event = (!self.0.is_empty()).then(|| self.0.remove(0));
            out.extend(event);
            Ok(event.is_some())
        }
        fn counters(&self) -> Counters {
            Counters::default()
        }
    }

    fn event(ts: i64, symbol: u16, flags: u8) -> Event {
        let (ts, symbol) = (Ts(ts), SymbolId(symbol));
        Event { seq: 0, ts, ts_exch: ts, symbol, flags, body: Body::BatchEnd }
    }

    fn run(sources: Vec<Vec<Event>>, symbols: u16) -> Vec<(u64, i64, bool, u16)> {
        let boxed = sources.into_iter().map(|s| Box::new(Listed(s)) as Box<dyn Source>).collect();
        let mut stream = Stream::new(boxed, symbols);
        let mut out = Vec::new();
        while let Some(e) = stream.next_event().expect("listed sources do not fail") {
            out.push((e.seq, e.ts.0, e.body == Body::Timer, e.symbol.0));
        }
        out
    }

    #[test]
    fn merges_stamps_and_injects() {
        let a = vec![event(SECOND / 2, 0, 0), event(2 * SECOND, 0, 0)];
        let b = vec![event(SECOND / 3, 1, flag::SNAPSHOT), event(2 * SECOND, 1, 0)];
        let expected = [
            (1, SECOND / 3, false, 1),
            (2, SECOND / 2, false, 0),
            (3, SECOND, true, 0),
            (4, SECOND, true, 1),
            (5, 2 * SECOND, true, 0),
            (6, 2 * SECOND, true, 1),
            (7, 2 * SECOND, false, 0),
            (8, 2 * SECOND, false, 1),
        ];
        assert_eq!(run(vec![a, b], 2), expected);
    }

    #[test]
    fn a_long_jump_gets_one_timer_and_ts_never_falls() {
        let far = 6 * 86_400 * SECOND;
        let mut back = event(5, 0, 0);
        back.ts = Ts(1);
        let got = run(vec![vec![event(1, 0, 0), event(far, 0, 0), back]], 1);
        let seconds: Vec<_> = got.iter().filter(|e| e.2).map(|e| e.1).collect();
        assert_eq!(seconds, [far]);
        assert_eq!(got.last().map(|e| e.1), Some(far));
    }
}
