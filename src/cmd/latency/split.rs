//! Three threads with rings between them, as in the live pipeline; the stamps travel beside the
//! events in ring elements that exist here only.

use std::io;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use rtrb::{Consumer, Producer, RingBuffer};

use super::stamps::{Outcome, Stamps};
use super::{Work, wait_for};
use crate::config::Idle;
use crate::context::Context;
use crate::event::Event;
use crate::features::{Features, Frame};
use crate::pipeline::{Judge, split};
use crate::runtime::agent::{Agent, spawn, wait_until};
use crate::runtime::clock::Clock;
use crate::runtime::cores;

/// Capacities of the live rings.
const EVENTS: usize = 65_536;
const FRAMES: usize = 4_096;
/// Elements taken in one turn, as live.
const BATCH: usize = 256;

#[derive(Clone, Copy)]
struct TimedEvent {
    event: Event,
    stamps: Stamps,
}

#[derive(Clone, Copy)]
struct TimedFrame {
    frame: Frame,
    stamps: Stamps,
}

struct FeatureAgent {
    clock: Clock,
    features: Features,
    events: Consumer<TimedEvent>,
    frames: Producer<TimedFrame>,
}

impl Agent for FeatureAgent {
    type Output = ();

    fn work(&mut self) -> usize {
        let ready = self.events.slots().min(BATCH);
        let Ok(chunk) = self.events.read_chunk(ready) else { return 0 };
        for TimedEvent { event, mut stamps } in chunk {
            stamps.entered_features = self.clock.elapsed_ns();
            let Some(frame) = self.features.on_event(&event) else { continue };
            let frame = *frame;
            stamps.featured = self.clock.elapsed_ns();
            wait_until(|| !self.frames.is_full());
            // The only producer has just seen room.
            let _ = self.frames.push(TimedFrame { frame, stamps });
        }
        ready
    }

    fn finished(&self) -> bool {
        self.events.is_abandoned() && self.events.is_empty()
    }

    fn finish(self) {}
}

struct DecisionAgent {
    clock: Clock,
    judge: Judge,
    frames: Consumer<TimedFrame>,
    stamps: Vec<Stamps>,
}

impl Agent for DecisionAgent {
    type Output = (Judge, Vec<Stamps>);

    fn work(&mut self) -> usize {
        let ready = self.frames.slots().min(BATCH);
        let Ok(chunk) = self.frames.read_chunk(ready) else { return 0 };
        for TimedFrame { frame, mut stamps } in chunk {
            stamps.entered_decision = self.clock.elapsed_ns();
            self.judge.on_frame(&frame, &Context::EMPTY);
            stamps.decided = self.clock.elapsed_ns();
            self.stamps.push(stamps);
        }
        ready
    }

    fn finished(&self) -> bool {
        self.frames.is_abandoned() && self.frames.is_empty()
    }

    fn finish(self) -> (Judge, Vec<Stamps>) {
        (self.judge, self.stamps)
    }
}

/// Runs `work`: arrivals on the calling thread, the rest on two more. With fewer than three cores
/// nothing is pinned and waiting threads yield.
///
/// # Errors
/// Where the system gives no thread.
pub(super) fn run(work: &Work<'_>) -> io::Result<Outcome> {
    let allowed = cores::allowed();
    let ([net, feature, decision], roomy) = match allowed.as_slice() {
        &[a, b, c, ..] => ([Some(a), Some(b), Some(c)], true),
        _ => ([None; 3], false),
    };
    let pinned = net.is_some_and(|core| cores::pin("latency", core));
    let idle = if roomy { Idle::Spin } else { Idle::Yield };
    let (features, judge) = split(&work.core, work.calendar.clone());
    let (events, taken) = RingBuffer::new(EVENTS);
    let (frames, judged) = RingBuffer::new(FRAMES);
    let clock = work.clock.clone();
    let agent = FeatureAgent { clock, features, events: taken, frames };
    let feature = spawn("feature", agent, idle, feature)?;
    let (clock, stamps) = (work.clock.clone(), Stamps::room_for(work.events));
    let agent = DecisionAgent { clock, judge, frames: judged, stamps };
    let decision = spawn("decision", agent, idle, decision)?;
    feed(work, events, !roomy);
    let failed = |_| io::Error::other("a thread failed");
    JoinHandle::join(feature).map_err(failed)?;
    let (judge, stamps) = decision.join().map_err(failed)?;
    let place = if pinned {
        "three threads, each pinned to a core of its own".to_owned()
    } else {
        format!("three threads on {} cores, NOT pinned, yielding while they wait", allowed.len())
    };
    Ok(Outcome { stamps, digest: judge.digest(), place })
}

/// The net thread's part. The ring is closed at the end.
fn feed(work: &Work<'_>, mut ring: Producer<TimedEvent>, yields: bool) {
    let mut decoder = work.input.decoder();
    let mut events = Vec::with_capacity(super::input::EVENTS_MAX);
    let start = work.start();
    for (arrival, due) in work.input.arrivals.iter().zip(&work.schedule.due_ns) {
        let due = start + due;
        let seen = wait_for(work.clock, due, yields);
        decoder.decode(arrival, &mut events);
        let decoded = if work.input.decodes { work.clock.elapsed_ns() } else { seen };
        let stamps = Stamps { due, seen, decoded, ..Stamps::default() };
        for &event in &events {
            wait_until(|| !ring.is_full());
            let _ = ring.push(TimedEvent { event, stamps });
        }
        work.done.fetch_add(1, Ordering::Relaxed);
    }
}
