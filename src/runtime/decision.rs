//! The decision thread: frames in; signals, digests and adopted contexts out.

use rtrb::{Consumer, Producer};

use super::agent::{Agent, wait_until};
use super::clock::Clock;
use super::door::Control;
use super::gauges::Gauges;
use super::mids::Mid;
use crate::decision::{CONTEXT_FEATURES, Confluence, Nearest, Signal};
use crate::event::{Body, flag};
use crate::features::Frame;
use crate::journal::Kind;
use crate::order::Command;
use crate::pipeline::Judge;
use crate::snapshot::Adopter;
use crate::trader::note::{Note, Stamp};
use crate::units::{SECOND, SYMBOLS_MAX, Slot, SymbolId, Ts};

/// Frames taken in one turn.
const BATCH: usize = 256;
/// From an event's receive time to the end of its decision: from here on entries must stop, ns.
const LATE_NS: i64 = SECOND;
/// Receive time between two status reports of one symbol, in ns.
const STATUS_NS: i64 = SECOND / 10;

/// An output on its way to the journal.
#[derive(Clone, Copy, Debug)]
pub struct DecisionRecord {
    /// What it is.
    pub kind: Kind,
    /// The event it belongs to.
    pub seq: u64,
    /// That event's receive time.
    pub ts: Ts,
    /// Content, as many words as the kind has.
    pub words: [u64; 5],
    /// Words in use.
    pub len: u8,
}

/// What a screen shows of one symbol, and the newest signal.
#[derive(Clone, Copy, Debug)]
pub struct Status {
    /// The frame.
    pub frame: Frame,
    /// Features 1 to 11.
    pub context: [Slot; CONTEXT_FEATURES],
    /// The option level nearest to the price.
    pub nearest: Option<Nearest>,
    /// What the preset made of it.
    pub confluence: Confluence,
    /// A signal, where this report is about one.
    pub signal: Option<Signal>,
}

/// The decision with its outputs; on the net thread in the fused layout.
#[derive(Debug)]
pub struct Decider {
    judge: Judge,
    contexts: Adopter,
    records: Option<Producer<DecisionRecord>>,
    status: Producer<Status>,
    /// To the cold thread, which makes a live basis of them.
    mids: Option<Producer<Mid>>,
    /// Order messages for the net thread; without it the run trades on paper or not at all.
    commands: Option<Producer<Command>>,
    /// Notes for the records thread.
    notes: Option<Producer<Note>>,
    /// Notes and order messages that found no room.
    lost: [u64; 2],
    /// Limits that found none.
    limits: Option<Note>,
    /// What the other threads may know.
    gauges: Option<Gauges>,
    /// Wishes of the operator taken so far.
    heard: u32,
    /// Tells how far decisions are behind, where that matters.
    clock: Option<Clock>,
    /// Receive time of each symbol's last report.
    reported: [Ts; SYMBOLS_MAX],
}

impl Decider {
    /// A decider; without `records` nothing is journaled.
    #[must_use]
    pub fn new(
        judge: Judge,
        contexts: Adopter,
        records: Option<Producer<DecisionRecord>>,
        status: Producer<Status>,
    ) -> Decider {
        let reported = [Ts::NONE; SYMBOLS_MAX];
        Decider {
            judge,
            contexts,
            records,
            status,
            mids: None,
            commands: None,
            notes: None,
            lost: [0; 2],
            limits: None,
            gauges: None,
            heard: 0,
            clock: None,
            reported,
        }
    }

    /// Sends order messages into `commands`.
    #[must_use]
    pub fn with_commands(mut self, commands: Producer<Command>) -> Decider {
        self.commands = Some(commands);
        self
    }

    /// Tells the other threads how far trading is stopped and which ids are used.
    #[must_use]
    pub fn with_gauges(mut self, gauges: Gauges) -> Decider {
        self.gauges = Some(gauges);
        self
    }

    /// Says in the gauges where a decision took a second or more by `clock`, which stamps events.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Decider {
        self.clock = Some(clock);
        self
    }

    /// Sends notes of the trading into `notes`.
    #[must_use]
    pub fn with_notes(mut self, notes: Producer<Note>) -> Decider {
        self.notes = Some(notes);
        self
    }

    /// Sends the middle of each book into `mids`, as often as reports to a screen.
    #[must_use]
    pub fn with_mids(mut self, mids: Producer<Mid>) -> Decider {
        self.mids = Some(mids);
        self
    }

    /// Takes the next frame.
    pub fn on_frame(&mut self, frame: &Frame) {
        let (seq, ts) = (frame.event.seq, frame.event.ts);
        let (context, adopted) = self.contexts.load();
        if adopted {
            record(&mut self.records, Kind::Adopt, seq, ts, &[context.version]);
        }
        let verdict = self.judge.on_frame(frame, context);
        self.traded(frame);
        self.punctual(frame);
        if let Some(gauges) = &self.gauges {
            gauges.say_seen(seq);
        }
        if let Some(signal) = verdict.signal {
            let words = [
                u64::from(signal.symbol.0),
                signal.side as u64,
                signal.tier as u64,
                signal.confluence.d.to_bits(),
                signal.confluence.coverage.to_bits(),
            ];
            record(&mut self.records, Kind::Signal, seq, ts, &words);
        }
        if matches!(frame.event.body, Body::Timer) {
            record(&mut self.records, Kind::Digest, seq, ts, &[self.judge.digest().0]);
        }
        let at = usize::from(frame.event.symbol.0);
        let Some(reported) = self.reported.get_mut(at) else { return };
        let due = !reported.is_some() || ts.since(*reported) >= STATUS_NS;
        if due || verdict.signal.is_some() {
            *reported = ts;
            if let (Some(mids), Some(tally)) =
                (&mut self.mids, self.judge.tally(frame.event.symbol))
                && let (Some(bid), Some(ask)) =
                    (tally.book().bids().best(), tally.book().asks().best())
                && bid.px < ask.px
            {
                let twice = i64::from(bid.px.ticks()) + i64::from(ask.px.ticks());
                let symbol = frame.event.symbol;
                // A cold thread that does not keep up misses some; nothing waits for it.
                let _ = mids.push(Mid { symbol, twice, ts: frame.market_time });
            }
            let (decision, symbol) = (self.judge.decision(), frame.event.symbol);
            // A screen that does not keep up misses reports; nothing waits for it.
            let _ = self.status.push(Status {
                frame: *frame,
                confluence: decision.confluence(symbol),
                context: *decision.context_slots(symbol),
                nearest: decision.nearest(symbol),
                signal: verdict.signal,
            });
        }
    }

    /// Whether the decision came in time; the core knows no clock, so the net thread sequences what
    /// follows. History is read as fast as it can be.
    fn punctual(&self, frame: &Frame) {
        let (Some(clock), Some(gauges)) = (&self.clock, &self.gauges) else { return };
        let now = clock.now();
        if now.since(frame.event.ts) >= LATE_NS && !frame.event.has(flag::WARMUP) {
            gauges.say_late(now);
        }
    }

    /// Hands on what the trading of this step asks for and leaves. Nothing here may wait: in the
    /// fused layout this is the thread that empties the ring of commands.
    fn traded(&mut self, frame: &Frame) {
        let Some(trader) = self.judge.trader() else { return };
        let (seq, ts) = (frame.event.seq, frame.event.ts);
        let [notes_lost, commands_lost] = &mut self.lost;
        let paper = trader.exchange().is_some();
        let kind = if paper { Kind::Simulated } else { Kind::Command };
        for command in trader.commands() {
            record(&mut self.records, kind, seq, ts, &command.words());
            if let Some(commands) = self.commands.as_mut().filter(|_| !paper) {
                // What does not leave is found out by its silence: the order becomes unknown.
                *commands_lost += u64::from(commands.push(*command).is_err());
            }
        }
        if let Some(notes) = &mut self.notes {
            for note in self.limits.take().iter().chain(trader.notes()) {
                let lost = notes.push(*note).is_err();
                match note {
                    // The newest counts, and is offered until it is taken.
                    Note::Limits(_) => self.limits = lost.then_some(*note),
                    _ => *notes_lost += u64::from(lost),
                }
            }
        }
        let asked = Control::made(&frame.event.body);
        self.heard = self.heard.wrapping_add(u32::from(asked));
        let told = asked || !trader.notes().is_empty() || matches!(frame.event.body, Body::Timer);
        if let Some(gauges) = self.gauges.as_ref().filter(|_| told) {
            gauges.say_kill(trader.risk().kill());
            gauges.say_used(trader.orders().id_range().0);
            gauges.say_settled(trader.is_settled());
            gauges.say_lost([trader.notes_lost() + *notes_lost, *commands_lost]);
            // Last: who sees the count sees what it came to.
            gauges.say_heard(self.heard);
        }
    }

    /// Writes the last digest and gives the judge back.
    #[must_use]
    pub fn finish(mut self, seq: u64, ts: Ts) -> Judge {
        // What is open is told as it stands: nobody will close it.
        if let (Some(trader), Some(notes)) = (self.judge.trader(), &mut self.notes) {
            let at = Stamp { seq, ts, market_time: Ts::NONE, symbol: SymbolId(0) };
            for held in trader.held(at) {
                // A thread that does not keep up misses it; the run's own report has it too.
                let _ = notes.push(Note::Position(held));
            }
        }
        let digest = self.judge.digest().0;
        record(&mut self.records, Kind::Digest, seq, ts, &[digest]);
        record(&mut self.records, Kind::End, seq, ts, &[]);
        self.judge
    }
}

fn record(
    records: &mut Option<Producer<DecisionRecord>>,
    kind: Kind,
    seq: u64,
    ts: Ts,
    content: &[u64],
) {
    let Some(ring) = records else { return };
    let mut words = [0; 5];
    for (word, value) in words.iter_mut().zip(content) {
        *word = *value;
    }
    let len = u8::try_from(content.len()).unwrap_or(0);
    // The journal thread always drains, also when it cannot write.
    wait_until(|| !ring.is_full());
    let _ = ring.push(DecisionRecord { kind, seq, ts, words, len });
}

/// The decision on a thread of its own.
#[derive(Debug)]
pub struct DecisionAgent {
    decider: Decider,
    frames: Consumer<Frame>,
    last: (u64, Ts),
}

impl DecisionAgent {
    /// An agent behind the frames ring.
    #[must_use]
    pub fn new(decider: Decider, frames: Consumer<Frame>) -> DecisionAgent {
        DecisionAgent { decider, frames, last: (0, Ts::NONE) }
    }
}

impl Agent for DecisionAgent {
    type Output = Judge;

    fn work(&mut self) -> usize {
        let ready = self.frames.slots().min(BATCH);
        let Ok(chunk) = self.frames.read_chunk(ready) else { return 0 };
        let (first, second) = chunk.as_slices();
        for frame in first.iter().chain(second) {
            self.decider.on_frame(frame);
            self.last = (frame.event.seq, frame.event.ts);
        }
        chunk.commit_all();
        ready
    }

    fn finished(&self) -> bool {
        self.frames.is_abandoned() && self.frames.is_empty()
    }

    fn finish(self) -> Judge {
        self.decider.finish(self.last.0, self.last.1)
    }
}

#[cfg(test)]
mod tests {
    use rtrb::RingBuffer;

    use super::*;
    use crate::config::Config;
    use crate::event::Event;
    use crate::pipeline::split;
    use crate::runtime::setup::Setup;
    use crate::snapshot::Publisher;
    use crate::tally::SessionFilter;
    use crate::units::{Instrument, SymbolId};

    #[test]
    fn a_decision_that_is_late_is_said() {
        let es = Instrument::from_symbol("ESH6").expect("root");
        let setup = Setup::new(Config::default(), vec![es], "paper").expect("valid");
        let (_, judge) = split(&setup.core(SessionFilter::All), setup.calendar.clone());
        let (clock, gauges, (_publisher, adopter)) =
            (Clock::new(), Gauges::default(), Publisher::new());
        let (status, _reports) = RingBuffer::new(16);
        let mut decider = Decider::new(judge, adopter, None, status)
            .with_gauges(gauges.clone())
            .with_clock(clock.clone());
        let mut at = |ago: i64, flags: u8| {
            let ts = Ts(clock.now().0 - ago);
            let (ts_exch, symbol, body) = (Ts::NONE, SymbolId(0), Body::Timer);
            decider.on_frame(&Frame::empty(Event { seq: 1, ts, ts_exch, symbol, flags, body }));
            gauges.late()
        };
        assert_eq!(at(0, 0), Ts::NONE);
        assert_eq!(at(900 * LATE_NS, flag::WARMUP), Ts::NONE, "history is no delay");
        assert!(at(LATE_NS, 0).is_some());
    }

    /// Limits that find no room are offered again; what else finds none is counted.
    #[test]
    fn limits_find_their_way() {
        let text = "[trading]\nmax_hold_s = 40\n";
        let config = Config::parse(text).expect("valid");
        let instruments = vec![Instrument::from_symbol("ESH6").expect("known")];
        let setup = Setup::new(config, instruments, "paper").expect("valid");
        let core = setup.core(SessionFilter::All);
        let (mut features, judge) = split(&core, setup.calendar.clone());
        let (_publisher, adopter) = Publisher::new();
        let (status, _shown) = RingBuffer::new(4);
        let (notes, mut taken) = RingBuffer::new(1);
        let gauges = Gauges::default();
        let mut decider = Decider::new(judge, adopter, None, status)
            .with_notes(notes)
            .with_gauges(gauges.clone());
        let limits = Note::Limits(crate::risk::State::default());
        decider.notes.as_mut().expect("set").push(limits).expect("room");
        let mut step = |seq: i64, body| {
            let (ts, symbol) = (Ts(seq * SECOND), SymbolId(0));
            let seq = seq.unsigned_abs();
            let event = Event { seq, ts, ts_exch: Ts::NONE, symbol, flags: 0, body };
            decider.on_frame(features.on_event(&event).expect("a frame"));
            decider.lost
        };
        // The first step tells the limits; a resume of nothing raises an alert.
        step(1, Body::Timer);
        let lost = step(2, Body::Resume(crate::order::KillState::HaltTrading));
        assert_eq!((lost, gauges.lost()), ([1, 0], [1, 0]));
        taken.pop().expect("the one that was there");
        step(3, Body::Timer);
        let Note::Limits(state) = taken.pop().expect("they came") else { panic!("limits") };
        assert_ne!(state, crate::risk::State::default(), "the newest");
        step(4, Body::Timer);
        assert!(taken.pop().is_err(), "once");
    }
}
