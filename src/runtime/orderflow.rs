//! The order-flow thread: snapshots in, the files that other programs read out.
//!
//! The feature thread pushes a snapshot a second and waits for nobody: what finds no room is
//! counted and missing in the files. A disk that is slow or full stops neither trading nor journal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::channel::Receiver;
use rtrb::{Consumer, Producer};

use super::agent::Agent;
use super::clock::Clock;
use super::records;
use super::rings::ring;
use super::setup::Setup;
use crate::config::Config;
use crate::context::Context;
use crate::event::Event;
use crate::features::Features;
use crate::snapshot::Publisher;
use crate::store::orderflow::{FlowWriter, Plan, Sampler, Snapshot, Written};

/// Snapshots that wait for this thread: two symbols for a quarter of a minute.
const RING: usize = 32;
/// Context versions that wait.
const CONTEXTS: usize = 64;

/// The feature thread's end.
#[derive(Debug)]
pub struct Tap {
    sampler: Sampler,
    ring: Producer<Snapshot>,
    lost: Arc<AtomicU64>,
}

impl Tap {
    /// Sees an event that `features` have applied.
    pub fn event(&mut self, event: &Event, features: &Features) {
        if let Some(shot) = self.sampler.take(event, features)
            && self.ring.push(shot).is_err()
        {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How a configuration wants the files; the default where it has no table.
#[must_use]
pub fn plan(config: &Config) -> Plan {
    let of = config.orderflow.clone().unwrap_or_default();
    let mut plan = Plan::new(of.every_s, of.file_minutes);
    plan.depth = config.symbols.iter().map(|symbol| symbol.depth_levels > 0).collect();
    if config.options.massive.delayed {
        plan.index_delay = "delayed-15";
    }
    plan
}

/// The ends of a run whose configuration wants the files. `publisher` tells the thread each
/// version of the context.
///
/// # Errors
/// A text with the path of what cannot be made.
pub fn agent(
    setup: &Setup,
    publisher: &mut Publisher,
    clock: &Clock,
) -> Result<Option<(Tap, FlowAgent)>, String> {
    let wanted = setup.config.orderflow.as_ref().filter(|of| of.enabled);
    let Some(of) = wanted else { return Ok(None) };
    let (header, plan) = (records::header(setup, clock.now()), plan(&setup.config));
    let sampler = Sampler::new(plan.every_ns);
    let writer = FlowWriter::new(&of.out, &header, setup.calendar.clone(), plan);
    let writer = writer.map_err(|e| format!("{e:#}"))?;
    say(writer.written());
    let (ring, shots) = ring(RING);
    let (contexts_in, contexts) = crossbeam::channel::bounded(CONTEXTS);
    publisher.record(contexts_in);
    let lost = Arc::new(AtomicU64::new(0));
    let told = writer.written().warnings.len();
    let agent = FlowAgent {
        writer: Some(writer),
        shots,
        contexts,
        clock: clock.clone(),
        lost: lost.clone(),
        told,
        failed: None,
    };
    Ok(Some((Tap { sampler, ring, lost }, agent)))
}

fn say(written: &Written) {
    written.warnings.iter().for_each(|warning| say!("mia: order flow: {warning}"));
}

/// See the module text.
#[derive(Debug)]
pub struct FlowAgent {
    /// `None` once the files could not be written.
    writer: Option<FlowWriter>,
    shots: Consumer<Snapshot>,
    contexts: Receiver<Arc<Context>>,
    clock: Clock,
    lost: Arc<AtomicU64>,
    /// Warnings that were said.
    told: usize,
    failed: Option<String>,
}

/// What the files came to.
#[derive(Debug)]
pub struct FlowOutcome {
    /// What was written; `None` where the files are not whole.
    pub written: Option<Written>,
    /// Snapshots that found no room.
    pub lost: u64,
    /// Why the files are not whole.
    pub error: Option<String>,
}

impl FlowAgent {
    fn try_work(&mut self) -> anyhow::Result<usize> {
        let mut done = 0;
        let now = self.clock.now();
        // Whoever publishes waits for room: these are taken also where nothing is written.
        for context in self.contexts.try_iter() {
            done += 1;
            if let Some(writer) = &mut self.writer {
                writer.adopt(context.volatility.as_ref(), now)?;
            }
        }
        while let Ok(shot) = self.shots.pop() {
            done += 1;
            if let Some(writer) = &mut self.writer {
                writer.write(&shot)?;
            }
        }
        if let Some(writer) = &mut self.writer {
            writer.beat(now)?;
            let warnings = &writer.written().warnings;
            for warning in warnings.get(self.told..).unwrap_or_default() {
                say!("mia: order flow: {warning}");
            }
            self.told = warnings.len();
        }
        Ok(done)
    }
}

impl Agent for FlowAgent {
    type Output = FlowOutcome;

    fn work(&mut self) -> usize {
        self.try_work().unwrap_or_else(|error| {
            say!("mia: {error:#}: no order-flow files from here on; the journal goes on");
            (self.writer, self.failed) = (None, Some(format!("{error:#}")));
            1
        })
    }

    fn finished(&self) -> bool {
        self.shots.is_abandoned() && self.shots.is_empty()
    }

    fn finish(self) -> FlowOutcome {
        let lost = self.lost.load(Ordering::Relaxed);
        match self.writer.map(FlowWriter::finish) {
            Some(Ok(written)) => {
                let new = written.warnings.get(self.told..).unwrap_or_default();
                new.iter().for_each(|warning| say!("mia: order flow: {warning}"));
                FlowOutcome { written: Some(written), lost, error: None }
            }
            Some(Err(error)) => {
                FlowOutcome { written: None, lost, error: Some(format!("{error:#}")) }
            }
            None => FlowOutcome { written: None, lost, error: self.failed },
        }
    }
}
