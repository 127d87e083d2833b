//! The net thread: sockets and followed files in, sequenced events out.
//!
//! It owns the sequence number. Every input is recorded in the capture ring before its events go
//! on. It reads only when both rings have room for a whole read, so pressure travels upstream and
//! ends in TCP, which loses nothing; while it does not read, the silence timer stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mio::{Events, Poll};
use rtrb::{Consumer, Producer};

use super::agent::{Agent, Waiting};
use super::capture::Capture;
use super::clock::Clock;
use super::door::Control;
use super::gauges::Gauges;
use super::out::{EventSink, IndexTick, Out};
use super::source::{NetSource, Turn, account_event};
use super::trading::Sent;
use super::warmup::{History, Summary, joined, summary, warm_up};
use crate::event::{Body, Event, HaltCause, Sequencer};
use crate::feed::Counters;
use crate::feed::seam::Seam;
use crate::order::KillState;
use crate::units::{SECOND, SymbolId, Ts};

/// Flags that other threads raise.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// Stop in order.
    pub stop: Arc<AtomicBool>,
    /// The journal cannot be written.
    pub journal_failed: Arc<AtomicBool>,
    /// What decision, door and net tell each other.
    pub gauges: Gauges,
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
    /// Who has halted and still has cause to.
    halted: [bool; CAUSES.len()],
    stall_ns_max: i64,
    stalled_since: Ts,
    /// Where the run trades.
    desk: Option<Desk>,
    /// The server would not trade for us.
    refused: bool,
    /// The server ended the order connection for good.
    cut: bool,
    /// Since when the run is being wound down.
    winding: Option<Ts>,
    /// When the last turn began.
    turned: Ts,
    /// Minute of the last look at the frames, and their numbers then.
    looked: (i64, [u64; 2]),
}

/// What a run that trades adds to the net thread.
#[derive(Debug)]
pub struct Desk {
    /// What the operator asks for.
    pub control: Consumer<Control>,
    /// Positions are closed before the run ends.
    pub flatten: bool,
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
    /// Orders that went to a server.
    pub sent: Option<Sent>,
    /// The server would not trade for us.
    pub refused: bool,
    /// The server ended the order connection for good, though nobody here had asked for it.
    pub cut: bool,
}

impl<T> NetOutcome<T> {
    /// What the sink left, and the rest.
    #[must_use]
    pub fn split(self) -> (T, NetOutcome<()>) {
        let NetOutcome { sink, counters, lost, warmup, sent, refused, cut } = self;
        (sink, NetOutcome { sink: (), counters, lost, warmup, sent, refused, cut })
    }
}

/// How long an orderly stop may take.
const STOP_NS: i64 = 3 * SECOND;
/// How long entries may take to be canceled before it, at least and at most, and positions to be
/// closed where that is wanted.
const WIND_NS: [i64; 3] = [SECOND / 5, 2 * SECOND, 5 * SECOND];
/// Age of the door's beat from which nobody would hear an operator.
const BEAT_NS: i64 = 5 * SECOND;
/// A turn that takes so long has stood still.
const LOOP_NS: i64 = 5 * SECOND;
/// Share of a minute's frames that may make no sense, in percent, of at least so many frames.
const BROKEN: [u64; 2] = [1, 100];
/// What stops entries by what the net thread itself measures.
const CAUSES: [HaltCause; 6] = [
    HaltCause::Journal,
    HaltCause::Stalled,
    HaltCause::Cold,
    HaltCause::LoopStall,
    HaltCause::ParseErrors,
    HaltCause::DecisionLatency,
];

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
    /// Given where the run trades.
    pub desk: Option<Desk>,
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
            halted: [false; CAUSES.len()],
            stall_ns_max: parts.stall_ns_max,
            stalled_since: Ts::NONE,
            desk: parts.desk,
            refused: false,
            cut: false,
            winding: None,
            turned: Ts::NONE,
            looked: (0, [0; 2]),
        })
    }

    fn poll_sockets(&mut self) {
        // A thread that may sleep sleeps in the poll, where a socket wakes it.
        let wait = if self.waiting.would_sleep() { 1 } else { 0 };
        let timeout = Some(Duration::from_millis(wait));
        if let Err(error) = self.poll.poll(&mut self.events, timeout)
            && error.kind() != std::io::ErrorKind::Interrupted
        {
            say!("mia: poll: {error}");
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
                say!("mia: {name}: {text}");
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

    /// Stops entries while `holds`; a cause that goes and comes again stops them again.
    fn halt(&mut self, holds: bool, cause: HaltCause, now: Ts) {
        let halted = self.halted.iter_mut().zip(CAUSES).find(|(_, of)| *of == cause);
        let Some((halted, _)) = halted else { return };
        if std::mem::replace(halted, holds) || !holds {
            return;
        }
        self.say_halt(cause, now);
    }

    fn say_halt(&mut self, cause: HaltCause, now: Ts) {
        for symbol in (0..self.symbols).map(SymbolId) {
            let body = Body::Halt { state: KillState::HaltEntries, cause };
            let (ts, ts_exch) = (now, Ts::NONE);
            self.out.event(Event { seq: 0, ts, ts_exch, symbol, flags: 0, body });
        }
    }

    fn watch(&mut self, turn: Turn, now: Ts) {
        self.halt(self.flags.journal_failed.load(Ordering::Relaxed), HaltCause::Journal, now);
        if !turn.held_back {
            self.stalled_since = Ts::NONE;
        } else if !self.stalled_since.is_some() {
            self.stalled_since = now;
        }
        let stalled = now.since(self.stalled_since) > self.stall_ns_max;
        self.halt(stalled, HaltCause::Stalled, now);
        if self.desk.is_none() {
            return;
        }
        let beat = self.flags.gauges.beat();
        self.halt(beat.is_some() && now.since(beat) > BEAT_NS, HaltCause::Cold, now);
        let late = self.flags.gauges.late();
        self.halt(late.is_some() && now.since(late) < SECOND, HaltCause::DecisionLatency, now);
        let minute = now.second().div_euclid(60);
        if minute > self.looked.0 {
            let frames = self.sources.iter().map(NetSource::frames);
            let all = frames.fold([0; 2], |sum, of| [sum[0] + of[0], sum[1] + of[1]]);
            let [read, broken] = [all[0] - self.looked.1[0], all[1] - self.looked.1[1]];
            self.looked = (minute, all);
            let holds = read >= BROKEN[1] && broken * 100 > read * BROKEN[0];
            self.halt(holds, HaltCause::ParseErrors, now);
        }
    }

    /// Sequences what the operator asks for.
    fn control(&mut self, now: Ts) -> usize {
        let mut done = 0;
        while let Some(control) = self.desk.as_mut().and_then(|desk| desk.control.pop().ok()) {
            done += 1;
            let mut event = account_event(now, Body::Timer);
            event.body = match control {
                Control::Halt { state, cause } => Body::Halt { state, cause },
                Control::Resume(state) => Body::Resume(state),
                Control::Flatten(None) => Body::Flatten { all: true },
                Control::Flatten(Some(symbol)) => {
                    event.symbol = symbol;
                    Body::Flatten { all: false }
                }
                Control::Reserved(id) => Body::Reserved(id),
            };
            self.out.event(event);
            if matches!(control, Control::Resume(_)) {
                // What still has cause to halt halts again at once: only an end of the cause lifts.
                for (holds, cause) in self.halted.into_iter().zip(CAUSES) {
                    if holds {
                        self.say_halt(cause, now);
                    }
                }
            }
        }
        done
    }

    /// Whether the run may end: entries are canceled first, and positions closed where that is
    /// wanted. What has not ended by then stays at the venue.
    fn wound_down(&mut self, now: Ts) -> bool {
        let Some(desk) = &self.desk else { return true };
        let [least, most, closing] = WIND_NS;
        let Some(since) = self.winding else {
            self.winding = Some(now);
            let (state, cause) = (KillState::HaltEntries, HaltCause::Stop);
            let flatten = desk.flatten;
            self.out.event(account_event(now, Body::Halt { state, cause }));
            if flatten {
                self.out.event(account_event(now, Body::Flatten { all: true }));
            }
            return false;
        };
        let (took, limit) = (now.since(since), if desk.flatten { closing } else { most });
        took >= limit || took >= least && self.flags.gauges.settled()
    }
}

impl<S: EventSink> Agent for NetAgent<S> {
    type Output = NetOutcome<S::Output>;

    fn work(&mut self) -> usize {
        self.warm_up();
        self.poll_sockets();
        let now = self.clock.now();
        let stood = self.turned.is_some() && now.since(self.turned) > LOOP_NS;
        self.halt(stood && self.desk.is_some(), HaltCause::LoopStall, now);
        self.turned = now;
        let stop = self.stopping.is_none() && self.flags.stop.load(Ordering::Relaxed);
        if stop && self.wound_down(now) {
            self.stopping = Some(now);
            self.sources.iter_mut().for_each(|s| s.stop(&self.clock));
        }
        let mut turn = Turn::default();
        turn.done += self.control(now) + self.timers(now);
        let catching_up = self.sources.iter().any(NetSource::catches_up);
        for source in &mut self.sources {
            if catching_up && source.waits() {
                continue;
            }
            source.work(self.poll.registry(), &self.clock, &mut self.out, &mut turn);
        }
        // What the reads of this turn led to leaves in this turn, whichever source they were of.
        if self.desk.is_some() {
            for source in &mut self.sources {
                source.trade(self.poll.registry(), &self.clock, &mut self.out, &mut turn);
            }
        }
        if turn.refused || turn.cut {
            (self.refused, self.cut) = (self.refused | turn.refused, self.cut | turn.cut);
            self.flags.stop.store(true, Ordering::Relaxed);
        }
        self.say_joined();
        self.watch(turn, now);
        if turn.done > 0 {
            let bytes = self.sources.iter().map(NetSource::bytes).sum();
            self.flags.gauges.say_turn(now, bytes, self.out.sequencer.next_seq() - 1);
        }
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
        let sent = self.sources.iter().find_map(NetSource::sent).cloned();
        let (refused, cut) = (self.refused, self.cut);
        NetOutcome { sink: self.out.sink.finish(), counters, lost, warmup, sent, refused, cut }
    }
}

#[cfg(test)]
mod tests;
