//! One thread: decode, features and decision, one after the other.

use std::sync::atomic::Ordering;

use super::stamps::{Outcome, Stamps};
use super::{Work, wait_for};
use crate::context::Context;
use crate::pipeline::split;
use crate::runtime::cores;

/// Runs `work` on the calling thread, pinned to the last core that is allowed.
pub(super) fn run(work: &Work<'_>) -> Outcome {
    let core = cores::allowed().last().copied();
    let pinned = core.is_some_and(|core| cores::pin("latency", core));
    let (mut features, mut judge) = split(&work.core, work.calendar.clone());
    let mut decoder = work.input.decoder();
    let mut events = Vec::with_capacity(super::input::EVENTS_MAX);
    let mut stamps = Stamps::room_for(work.events);
    let start = work.start();
    for (arrival, due) in work.input.arrivals.iter().zip(&work.schedule.due_ns) {
        let due = start + due;
        let seen = wait_for(work.clock, due, false);
        decoder.decode(arrival, &mut events);
        let decoded = if work.input.decodes { work.clock.elapsed_ns() } else { seen };
        let mut begun = decoded;
        for event in &events {
            let frame = features.on_event(event);
            let featured = work.clock.elapsed_ns();
            if let Some(frame) = frame {
                judge.on_frame(frame, &Context::EMPTY);
            }
            let decided = work.clock.elapsed_ns();
            stamps.push(Stamps {
                due,
                seen,
                decoded,
                entered_features: begun,
                featured,
                entered_decision: featured,
                decided,
            });
            begun = decided;
        }
        work.done.fetch_add(1, Ordering::Relaxed);
    }
    let place = match core {
        Some(core) if pinned => format!("one thread, pinned to core {core}"),
        _ => "one thread, NOT pinned".to_owned(),
    };
    Outcome { stamps, digest: judge.digest(), place }
}
