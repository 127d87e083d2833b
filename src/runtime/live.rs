//! A live run: builds the sources, rings and threads of a configuration and takes them down again.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use rtrb::{Consumer, Producer};

use super::agent;
use super::capture::{Capture, capture};
use super::clock::Clock;
use super::connect::{OrderLink, journal_file, order_link, sources};
use super::decision::{Decider, DecisionAgent, DecisionRecord, Status};
use super::door::Control;
use super::feature::FeatureAgent;
use super::journal::{JournalAgent, JournalOutcome};
use super::mids::Mid;
use super::net::{Desk, Flags, NetAgent, NetOutcome, NetParts};
use super::orderflow::{self, FlowAgent, FlowOutcome, Tap};
use super::out::{EventSink, IndexTick};
use super::records::{self, RecordsOutcome};
use super::rings::ring;
use super::setup::Setup;
use super::source::{NetSource, READ_BYTES};
use super::trading::Sent;
use super::warmup::{History, Summary};
use crate::config::{Idle, Layout, OnStop};
use crate::event::Event;
use crate::features::Features;
use crate::feed::Counters;
use crate::order::Command;
use crate::pipeline::{Judge, split};
use crate::snapshot::Publisher;
use crate::tally::SessionFilter;
use crate::units::Ts;

/// Reports that wait for a screen.
const STATUS_RING: usize = 256;
/// Mids that wait for the cold thread.
const MIDS_RING: usize = 1024;
/// Index values that wait for the cold thread.
const INDICES_RING: usize = 1024;
/// Wishes of the operator that wait for the net thread.
const CONTROL_RING: usize = 64;
/// Context versions that wait for the journal.
const CONTEXTS: usize = 64;

/// A run whose threads are running.
#[derive(Debug)]
pub struct Live {
    /// Raise `stop` to end it.
    pub flags: Flags,
    /// What a screen may show.
    pub status: Consumer<Status>,
    /// The cold path's ends; a cold thread takes them.
    pub cold: Option<ColdEnds>,
    /// The door's end, where the run trades.
    pub control: Option<Producer<Control>>,
    hot: Hot,
    journal: Option<JoinHandle<JournalOutcome>>,
    records: Option<JoinHandle<RecordsOutcome>>,
    orderflow: Option<JoinHandle<FlowOutcome>>,
}

/// What the hot threads share with the cold path.
#[derive(Debug)]
pub struct ColdEnds {
    /// Where the Context goes.
    pub publisher: Publisher,
    /// Mids of the symbols.
    pub mids: Consumer<Mid>,
    /// Values of the indices that a DTC source gives.
    pub indices: Consumer<IndexTick>,
}

#[derive(Debug)]
enum Hot {
    Fused(JoinHandle<NetOutcome<(Features, Judge)>>),
    Split {
        net: JoinHandle<NetOutcome<()>>,
        feature: JoinHandle<Features>,
        decision: JoinHandle<Judge>,
    },
}

/// What a run left behind.
#[derive(Debug)]
pub struct Ended {
    /// The feature half, with the baselines that the run added to.
    pub features: Features,
    /// The decision half with its sums.
    pub judge: Judge,
    /// What the feeds skipped or refused.
    pub counters: Counters,
    /// The journal, where there was one.
    pub journal: Option<JournalOutcome>,
    /// Captured records that were lost; above 0 the journal is not replayable.
    pub lost: u64,
    /// Notes for the records and order messages that found no room.
    pub unsaid: [u64; 2],
    /// What the run was warmed up with.
    pub warmup: Summary,
    /// Orders that went to a server.
    pub sent: Option<Sent>,
    /// The server would not trade for us, so the run ended.
    pub refused: bool,
    /// The server ended the order connection for good, so the run ended.
    pub cut: bool,
    /// The files of the trading, where there were any.
    pub records: Option<RecordsOutcome>,
    /// The files of the order flow, where there were any.
    pub orderflow: Option<FlowOutcome>,
}

/// The whole core on the net thread.
struct FusedSink {
    features: Features,
    decider: Decider,
    tap: Option<Tap>,
    last: (u64, Ts),
}

impl EventSink for FusedSink {
    type Output = (Features, Judge);

    fn room(&self) -> usize {
        usize::MAX
    }

    fn send(&mut self, event: &Event) {
        if let Some(frame) = self.features.on_event(event) {
            self.decider.on_frame(frame);
        }
        if let Some(tap) = &mut self.tap {
            tap.event(event, &self.features);
        }
        self.last = (event.seq, event.ts);
    }

    fn finish(self) -> (Features, Judge) {
        (self.features, self.decider.finish(self.last.0, self.last.1))
    }
}

impl Live {
    /// Starts a run; `journal` is the file to write.
    ///
    /// # Errors
    /// A text that says what cannot be opened or found.
    pub fn start(setup: &Setup, journal: Option<&Path>, clock: &Clock) -> Result<Live, String> {
        Live::begin(setup, journal, clock, true).map(|(live, _)| live)
    }

    /// Starts a run whose orders are not the decision's but whoever's has the ring that comes with
    /// it: for tests of the way to the server. In paper there is none.
    ///
    /// # Errors
    /// As [`Live::start`].
    pub fn start_apart(
        setup: &Setup,
        journal: Option<&Path>,
        clock: &Clock,
    ) -> Result<(Live, Option<Producer<Command>>), String> {
        Live::begin(setup, journal, clock, false)
    }

    fn begin(
        setup: &Setup,
        journal: Option<&Path>,
        clock: &Clock,
        decides: bool,
    ) -> Result<(Live, Option<Producer<Command>>), String> {
        let flags = Flags::default();
        let (desk, control) = desk(setup);
        let OrderLink { mut link, mut commands, progress, servers } = order_link(setup, &flags)?;
        let sources = sources(setup, clock, &mut link)?;
        let history = History::load(&setup.config.warmup, &setup.instruments, clock.now())?;
        let config = &setup.config;
        let (status_in, status) = ring(STATUS_RING);
        let (mids_in, mids) = ring(MIDS_RING);
        let (indices_in, indices) = ring(INDICES_RING);
        let (mut publisher, adopter) = Publisher::new();
        let (features, judge) = split(&setup.core(SessionFilter::All), setup.calendar.clone());
        let mut capture_end = Capture::off();
        let (mut decisions_end, mut journal_thread) = (None, None);
        if let Some(path) = journal {
            let writer = journal_file(setup, path, &sources).map_err(|e| e.to_string())?;
            let (producer, consumer) = capture(config.rings.capture_bytes, READ_BYTES);
            let (records_in, records) = ring::<DecisionRecord>(config.rings.decisions);
            let (contexts_in, contexts) = crossbeam::channel::bounded(CONTEXTS);
            publisher.record(contexts_in);
            let (clock, failed) = (clock.clone(), flags.journal_failed.clone());
            let agent = JournalAgent::new(writer, consumer, records, contexts, clock, failed)
                .with_progress(progress);
            journal_thread =
                Some(agent::spawn("journal", agent, Idle::Backoff, None).map_err(text)?);
            (capture_end, decisions_end) = (producer, Some(records_in));
        }
        let mut decider = Decider::new(judge, adopter, decisions_end, status_in)
            .with_mids(mids_in)
            .with_gauges(flags.gauges.clone());
        // A clock that is moved by hand makes every decision late.
        if setup.config.trading.is_some() && !clock.is_moved() {
            decider = decider.with_clock(clock.clone());
        }
        if let Some(commands) = commands.take_if(|_| decides) {
            decider = decider.with_commands(commands);
        }
        let mut records_thread = None;
        if let Some((agent, notes)) = records::agent(setup, &mut publisher, clock, servers)? {
            decider = decider.with_notes(notes);
            records_thread =
                Some(agent::spawn("records", agent, Idle::Backoff, None).map_err(text)?);
        }
        let (tap, flow) = orderflow::agent(setup, &mut publisher, clock)?.unzip();
        let spawn = |agent: FlowAgent| agent::spawn("orderflow", agent, Idle::Backoff, None);
        let orderflow = flow.map(spawn).transpose().map_err(text)?;
        let clock = clock.clone();
        let (capture, flags_net) = (capture_end, flags.clone());
        let indices_end = Some(indices_in);
        let parts =
            Parts { setup, sources, history, capture, clock, flags: flags_net, indices_end, desk };
        let core = (features, decider, tap);
        let hot = match config.threads.layout {
            Layout::Fused => parts.fused(core)?,
            Layout::Split => parts.split(core)?,
        };
        let cold = Some(ColdEnds { publisher, mids, indices });
        let (journal, records) = (journal_thread, records_thread);
        Ok((Live { flags, status, cold, control, hot, journal, records, orderflow }, commands))
    }

    /// Whether the net thread has ended by itself.
    #[must_use]
    pub fn ended(&self) -> bool {
        match &self.hot {
            Hot::Fused(net) => net.is_finished(),
            Hot::Split { net, .. } => net.is_finished(),
        }
    }

    /// Stops the threads in order, lets each finish what it has, and collects what they leave.
    ///
    /// # Errors
    /// A text where a thread died.
    pub fn stop(self) -> Result<Ended, String> {
        self.flags.stop.store(true, Ordering::Relaxed);
        let died = |name: &'static str| move |_| format!("the {name} thread died");
        let ((features, judge), net) = match self.hot {
            Hot::Fused(net) => net.join().map_err(died("net"))?.split(),
            Hot::Split { net, feature, decision } => {
                let ((), net) = net.join().map_err(died("net"))?.split();
                let features = feature.join().map_err(died("feature"))?;
                ((features, decision.join().map_err(died("decision"))?), net)
            }
        };
        let NetOutcome { counters, lost, warmup, sent, refused, cut, .. } = net;
        let journal = self.journal.map(JoinHandle::join).transpose().map_err(died("journal"))?;
        let records = self.records.map(JoinHandle::join).transpose().map_err(died("records"))?;
        let orderflow =
            self.orderflow.map(JoinHandle::join).transpose().map_err(died("orderflow"))?;
        let unsaid = self.flags.gauges.lost();
        Ok(Ended {
            features,
            judge,
            counters,
            journal,
            lost,
            unsaid,
            warmup,
            sent,
            refused,
            cut,
            records,
            orderflow,
        })
    }
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}

/// What the hot threads are made of.
type Core = (Features, Decider, Option<Tap>);

struct Parts<'a> {
    setup: &'a Setup,
    sources: Vec<NetSource>,
    history: Option<History>,
    capture: Capture,
    clock: Clock,
    flags: Flags,
    indices_end: Option<Producer<IndexTick>>,
    desk: Option<Desk>,
}

impl Parts<'_> {
    fn net<S: EventSink>(self, sink: S) -> Result<NetAgent<S>, String> {
        let config = &self.setup.config;
        NetAgent::new(NetParts {
            sources: self.sources,
            sink,
            capture: self.capture,
            clock: self.clock,
            flags: self.flags,
            symbols: self.setup.instruments.iter().map(|i| i.symbol.clone()).collect(),
            indices: self.indices_end,
            history: self.history,
            idle: config.threads.idle,
            stall_ns_max: i64::from(config.rings.stall_ms_max) * 1_000_000,
            desk: self.desk,
        })
        .map_err(text)
    }

    fn fused(self, (features, decider, tap): Core) -> Result<Hot, String> {
        let threads = self.setup.config.threads.clone();
        let agent = self.net(FusedSink { features, decider, tap, last: (0, Ts::NONE) })?;
        // The agent waits in its own poll.
        let net = agent::spawn("net", agent, Idle::Spin, threads.net_core).map_err(text)?;
        Ok(Hot::Fused(net))
    }

    fn split(self, (features, decider, tap): Core) -> Result<Hot, String> {
        let config = &self.setup.config;
        let (threads, rings) = (config.threads.clone(), config.rings.clone());
        let (events_in, events) = ring(rings.events);
        let (frames_in, frames) = ring(rings.frames);
        let feature = FeatureAgent::new(features, events, frames_in).with_tap(tap);
        let decision = DecisionAgent::new(decider, frames);
        let (idle, net) = (threads.idle, self.net(events_in)?);
        let spawn = |e| text(e);
        Ok(Hot::Split {
            decision: agent::spawn("decision", decision, idle, threads.decision_core)
                .map_err(spawn)?,
            feature: agent::spawn("feature", feature, idle, threads.feature_core).map_err(spawn)?,
            net: agent::spawn("net", net, Idle::Spin, threads.net_core).map_err(spawn)?,
        })
    }
}

/// The operator's way to the net thread, where the run trades.
fn desk(setup: &Setup) -> (Option<Desk>, Option<Producer<Control>>) {
    let Some(trading) = &setup.config.trading else { return (None, None) };
    let (producer, control) = ring(CONTROL_RING);
    (Some(Desk { control, flatten: trading.on_stop == OnStop::Flatten }), Some(producer))
}
