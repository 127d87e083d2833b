//! The net thread: sockets and followed files in, sequenced events out.
//!
//! It owns the sequence number. Every input is recorded in the capture ring before its events go
//! on. It reads only when both rings have room for a whole read, so pressure travels upstream and
//! ends in TCP, which loses nothing; while it does not read, the silence timer stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mio::{Events, Poll};
use rtrb::Producer;
use zerocopy::IntoBytes;

use super::agent::{Agent, Waiting, wait_until};
use super::capture::Capture;
use super::clock::Clock;
use super::source::{NetSource, Turn};
use super::warmup::{History, Summary, joined, summary, warm_up};
use crate::event::{Body, Event, HaltCause, Sequencer};
use crate::feed::Counters;
use crate::feed::seam::Seam;
use crate::journal::event::pack;
use crate::order::KillState;
use crate::units::{Px, SECOND, SymbolId, Ts};

/// Where events go: a ring, or the core itself.
pub trait EventSink: Send {
    /// What it leaves behind.
    type Output: Send + 'static;

    /// Events that can be taken now.
    fn room(&self) -> usize;

    /// Takes an event; waits where there is no room.
    fn send(&mut self, event: &Event);

    /// Ends it.
    fn finish(self) -> Self::Output;
}

impl EventSink for Producer<Event> {
    type Output = ();

    fn room(&self) -> usize {
        self.slots()
    }

    fn send(&mut self, event: &Event) {
        // Only a hostile server makes more events of one read than were asked room for; the reader
        // of this ring depends on nothing of ours, so the wait ends.
        wait_until(|| !self.is_full());
        let _ = self.push(*event);
    }

    fn finish(self) {}
}

/// First number of the symbols that are indices: beside the run's own and no part of its events.
pub const INDEX_BASE: u16 = 0x8000;

/// A value of an index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IndexTick {
    /// Place in the configured list.
    pub index: u16,
    /// Value, in ticks.
    pub px: Px,
    /// Its time.
    pub ts: Ts,
}

/// Flags that other threads raise.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// Stop in order.
    pub stop: Arc<AtomicBool>,
    /// The journal cannot be written.
    pub journal_failed: Arc<AtomicBool>,
}

/// Stamps events, records them and passes them on.
#[derive(Debug)]
pub struct Out<S> {
    pub(super) sequencer: Sequencer,
    pub(super) capture: Capture,
    pub(super) sink: S,
    /// Where the history ended; it keeps trades from counting twice.
    pub(super) seam: Seam,
    /// Values of indices, which are no events of the run: the cold thread reads them.
    pub(super) indices: Option<Producer<IndexTick>>,
}

impl<S: EventSink> Out<S> {
    /// An event without bytes of its own.
    pub(super) fn event(&mut self, event: Event) {
        if event.symbol.0 >= INDEX_BASE {
            return;
        }
        let event = self.sequencer.stamp(event);
        self.capture.event(&event);
        self.sink.send(&event);
    }

    /// An event whose bytes have been recorded.
    pub(super) fn decoded(&mut self, event: Event) {
        if event.symbol.0 >= INDEX_BASE {
            return self.index(&event);
        }
        if !self.seam.live(&event) {
            return;
        }
        let event = self.sequencer.stamp(event);
        self.sink.send(&event);
    }

    /// A value of an index. A cold thread that does not keep up misses some; nothing waits for it.
    #[cold]
    fn index(&mut self, event: &Event) {
        let index = event.symbol.0 - INDEX_BASE;
        if let (Body::Trade { px, .. }, Some(ring)) = (event.body, &mut self.indices) {
            let _ = ring.push(IndexTick { index, px, ts: event.ts_exch.or(event.ts) });
        }
    }

    /// Events of the history; the caller has seen to the room.
    pub(super) fn batch(&mut self, events: &mut [Event]) {
        let first = self.sequencer.next_seq();
        let mut packed = Vec::new();
        for event in &mut *events {
            *event = self.sequencer.stamp(*event);
            packed.extend_from_slice(pack(event).as_bytes());
        }
        let Some(last) = events.last() else { return };
        self.capture.packed(first, last.ts.0, &packed);
        events.iter().for_each(|event| self.sink.send(event));
    }
}

/// See the module text.
pub struct NetAgent<S> {
    poll: Poll,
    events: Events,
    sources: Vec<NetSource>,
    out: Out<S>,
    clock: Clock,
    flags: Flags,
    symbols: u16,
    /// Goes before everything else.
    history: Option<History>,
    /// Names of the symbols, for messages.
    names: Vec<String>,
    /// The last second that was sequenced.
    second: i64,
    waiting: Waiting,
    stopping: Option<Ts>,
    halted: [bool; 2],
    stall_ns_max: i64,
    stalled_since: Ts,
}

impl<S> std::fmt::Debug for NetAgent<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetAgent").field("sources", &self.sources.len()).finish_non_exhaustive()
    }
}

/// What the net thread leaves behind.
#[derive(Debug)]
pub struct NetOutcome<T> {
    /// What the sink left.
    pub sink: T,
    /// What the feeds skipped or refused.
    pub counters: Counters,
    /// Records that found no room in the capture ring.
    pub lost: u64,
    /// What the run was warmed up with.
    pub warmup: Summary,
}

/// How long an orderly stop may take.
const STOP_NS: i64 = 3 * SECOND;

/// What a [`NetAgent`] is made from.
#[derive(Debug)]
pub struct NetParts<S> {
    /// Sockets and files.
    pub sources: Vec<NetSource>,
    /// Where events go.
    pub sink: S,
    /// Where the journal's bytes go.
    pub capture: Capture,
    /// The clock.
    pub clock: Clock,
    /// Flags of other threads.
    pub flags: Flags,
    /// Names of the symbols.
    pub symbols: Vec<String>,
    /// Where values of indices go.
    pub indices: Option<Producer<IndexTick>>,
    /// What goes before the live market.
    pub history: Option<History>,
    /// Idle strategy.
    pub idle: crate::config::Idle,
    /// Full rings for longer than this become a Halt, in ns.
    pub stall_ns_max: i64,
}

impl<S: EventSink> NetAgent<S> {
    /// An agent of these parts.
    ///
    /// # Errors
    /// Where the system gives no poll.
    pub fn new(parts: NetParts<S>) -> std::io::Result<NetAgent<S>> {
        let second = parts.clock.now().second();
        let (capture, sink) = (parts.capture, parts.sink);
        Ok(NetAgent {
            poll: Poll::new()?,
            events: Events::with_capacity(64),
            sources: parts.sources,
            out: Out {
                sequencer: Sequencer::default(),
                capture,
                sink,
                seam: Seam::default(),
                indices: parts.indices,
            },
            clock: parts.clock,
            flags: parts.flags,
            symbols: u16::try_from(parts.symbols.len()).unwrap_or(0),
            history: parts.history,
            names: parts.symbols,
            second,
            waiting: Waiting::new(parts.idle),
            stopping: None,
            halted: [false; 2],
            stall_ns_max: parts.stall_ns_max,
            stalled_since: Ts::NONE,
        })
    }

    fn poll_sockets(&mut self) {
        // A thread that may sleep sleeps in the poll, where a socket wakes it.
        let wait = if self.waiting.would_sleep() { 1 } else { 0 };
        let timeout = Some(Duration::from_millis(wait));
        if let Err(error) = self.poll.poll(&mut self.events, timeout)
            && error.kind() != std::io::ErrorKind::Interrupted
        {
            eprintln!("mia: poll: {error}");
        }
        for event in &self.events {
            self.sources.iter_mut().for_each(|s| s.handle_readiness(event));
        }
    }

    /// Before the first turn: the history, if there is one.
    fn warm_up(&mut self) {
        let Some(history) = self.history.take() else { return };
        warm_up(&history, &mut self.out, &self.clock, &self.flags.stop);
        // The seconds that it took get no Timers.
        self.second = self.clock.now().second();
    }

    fn say_joined(&mut self) {
        while let Some(symbol) = self.out.seam.poll_joined() {
            let text = self.out.seam.symbol(symbol).and_then(joined);
            if let (Some(name), Some(text)) = (self.names.get(usize::from(symbol.0)), text) {
                eprintln!("mia: {name}: {text}");
            }
        }
    }

    fn timers(&mut self, now: Ts) -> usize {
        let second = now.second();
        if second <= self.second {
            return 0;
        }
        self.second = second;
        for symbol in (0..self.symbols).map(SymbolId) {
            let (ts, ts_exch) = (now, Ts::NONE);
            self.out.event(Event { seq: 0, ts, ts_exch, symbol, flags: 0, body: Body::Timer });
        }
        usize::from(self.symbols)
    }

    fn halt(&mut self, which: usize, cause: HaltCause, now: Ts) {
        let Some(halted) = self.halted.get_mut(which) else { return };
        if !std::mem::replace(halted, true) {
            for symbol in (0..self.symbols).map(SymbolId) {
                let body = Body::Halt { state: KillState::HaltEntries, cause };
                let (ts, ts_exch) = (now, Ts::NONE);
                self.out.event(Event { seq: 0, ts, ts_exch, symbol, flags: 0, body });
            }
        }
    }

    fn watch(&mut self, turn: Turn, now: Ts) {
        if self.flags.journal_failed.load(Ordering::Relaxed) {
            self.halt(0, HaltCause::Journal, now);
        }
        if !turn.held_back {
            self.stalled_since = Ts::NONE;
        } else if !self.stalled_since.is_some() {
            self.stalled_since = now;
        } else if now.since(self.stalled_since) > self.stall_ns_max {
            self.halt(1, HaltCause::Stalled, now);
        }
    }
}

impl<S: EventSink> Agent for NetAgent<S> {
    type Output = NetOutcome<S::Output>;

    fn work(&mut self) -> usize {
        self.warm_up();
        self.poll_sockets();
        let now = self.clock.now();
        if self.stopping.is_none() && self.flags.stop.load(Ordering::Relaxed) {
            self.stopping = Some(now);
            self.sources.iter_mut().for_each(|s| s.stop(&self.clock));
        }
        let mut turn = Turn::default();
        turn.done += self.timers(now);
        let catching_up = self.sources.iter().any(NetSource::catches_up);
        for source in &mut self.sources {
            if catching_up && source.waits() {
                continue;
            }
            source.work(self.poll.registry(), &self.clock, &mut self.out, &mut turn);
        }
        self.say_joined();
        self.watch(turn, now);
        self.waiting.after(turn.done.max(usize::from(self.waiting.would_sleep())));
        turn.done
    }

    fn finished(&self) -> bool {
        let ended = self.sources.iter().all(NetSource::ended);
        ended || self.stopping.is_some_and(|since| self.clock.now().since(since) > STOP_NS)
    }

    fn finish(self) -> NetOutcome<S::Output> {
        let overlap = self.out.seam.overlap();
        let mut counters = Counters { overlap, ..Counters::default() };
        self.sources.iter().for_each(|s| counters.add(&s.counters()));
        let (lost, warmup) = (self.out.capture.lost(), summary(&self.out.seam));
        NetOutcome { sink: self.out.sink.finish(), counters, lost, warmup }
    }
}
