//! A live run: builds the sources, rings and threads of a configuration and takes them down again.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use dtc::client::Client;
use dtc::session::{Backoff, SessionConfig, Subscription};
use rtrb::{Consumer, Producer, RingBuffer};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32};

use super::agent;
use super::capture::{Capture, capture};
use super::clock::Clock;
use super::decision::{Decider, DecisionAgent, DecisionRecord, Status};
use super::door::Control;
use super::feature::FeatureAgent;
use super::followed::{Followed, Which};
use super::journal::{JournalAgent, JournalOutcome};
use super::mids::Mid;
use super::net::{Desk, EventSink, Flags, INDEX_BASE, IndexTick, NetAgent, NetOutcome, NetParts};
use super::player::ORDER_SOURCE;
use super::records::{self, RecordsOutcome};
use super::setup::Setup;
use super::source::{DtcConnection, NetSource, READ_BYTES};
use super::trading::{COMMANDS_RING, Progress, Sent, Trading, TradingParts};
use super::warmup::{History, Summary};
use crate::config::{DtcSource, Idle, Layout, OnStop, SierraSource, SourceConfig, SymbolConfig};
use crate::event::Event;
use crate::execution::wire::{Name, Wire};
use crate::features::Features;
use crate::feed::Counters;
use crate::feed::dtc::DtcFeed;
use crate::feed::dtc::orders::OrderFeed;
use crate::feed::sierra::SierraDecoder;
use crate::journal::record::{Bind, SourceKind};
use crate::journal::{Kind, Writer};
use crate::order::Command;
use crate::pipeline::{Judge, split};
use crate::snapshot::Publisher;
use crate::tally::SessionFilter;
use crate::units::{Instrument, SymbolId, Ts};

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
    /// What the run was warmed up with.
    pub warmup: Summary,
    /// Orders that went to a server.
    pub sent: Option<Sent>,
    /// The server would not trade for us, so the run ended.
    pub refused: bool,
    /// The files of the trading, where there were any.
    pub records: Option<RecordsOutcome>,
}

/// The whole core on the net thread.
struct FusedSink {
    features: Features,
    decider: Decider,
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
        let flags = Flags::default();
        let (desk, control) = desk(setup);
        let (mut link, commands, progress) = order_link(setup, &flags)?;
        let sources = sources(setup, clock, &mut link)?;
        let history = History::load(&setup.config.warmup, &setup.instruments, clock.now())?;
        let config = &setup.config;
        let (status_in, status) = RingBuffer::new(STATUS_RING);
        let (mids_in, mids) = RingBuffer::new(MIDS_RING);
        let (indices_in, indices) = RingBuffer::new(INDICES_RING);
        let (mut publisher, adopter) = Publisher::new();
        let (features, judge) = split(&setup.core(SessionFilter::All), setup.calendar.clone());
        let mut capture_end = Capture::off();
        let (mut decisions_end, mut journal_thread) = (None, None);
        if let Some(path) = journal {
            let writer = journal_file(setup, path, &sources).map_err(|e| e.to_string())?;
            let (producer, consumer) = capture(config.rings.capture_bytes, READ_BYTES);
            let (records_in, records) = RingBuffer::<DecisionRecord>::new(config.rings.decisions);
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
        if let Some(commands) = commands {
            decider = decider.with_commands(commands);
        }
        let mut records_thread = None;
        if let Some((agent, notes)) = records::agent(setup, &mut publisher, clock)? {
            decider = decider.with_notes(notes);
            records_thread =
                Some(agent::spawn("records", agent, Idle::Backoff, None).map_err(text)?);
        }
        let clock = clock.clone();
        let (capture, flags_net) = (capture_end, flags.clone());
        let indices_end = Some(indices_in);
        let parts =
            Parts { setup, sources, history, capture, clock, flags: flags_net, indices_end, desk };
        let hot = match config.threads.layout {
            Layout::Fused => parts.fused(features, decider)?,
            Layout::Split => parts.split(features, decider)?,
        };
        let cold = Some(ColdEnds { publisher, mids, indices });
        let (journal, records) = (journal_thread, records_thread);
        Ok(Live { flags, status, cold, control, hot, journal, records })
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
        let NetOutcome { counters, lost, warmup, sent, refused, .. } = net;
        let journal = self.journal.map(JoinHandle::join).transpose().map_err(died("journal"))?;
        let records = self.records.map(JoinHandle::join).transpose().map_err(died("records"))?;
        Ok(Ended { features, judge, counters, journal, lost, warmup, sent, refused, records })
    }
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}

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

    fn fused(self, features: Features, decider: Decider) -> Result<Hot, String> {
        let threads = self.setup.config.threads.clone();
        let agent = self.net(FusedSink { features, decider, last: (0, Ts::NONE) })?;
        // The agent waits in its own poll.
        let net = agent::spawn("net", agent, Idle::Spin, threads.net_core).map_err(text)?;
        Ok(Hot::Fused(net))
    }

    fn split(self, features: Features, decider: Decider) -> Result<Hot, String> {
        let config = &self.setup.config;
        let (threads, rings) = (config.threads.clone(), config.rings.clone());
        let (events_in, events) = RingBuffer::new(rings.events);
        let (frames_in, frames) = RingBuffer::new(rings.frames);
        let feature = FeatureAgent::new(features, events, frames_in);
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

/// Symbols of a source: the number used on the wire is the run's own, from 1.
fn bound<'a>(setup: &'a Setup, source: &str) -> Vec<(u32, SymbolId, &'a Instrument, u16, &'a str)> {
    let symbols = setup.config.symbols.iter().zip(&setup.instruments);
    (0_u16..)
        .zip(symbols)
        .filter(|(_, (c, _))| c.source == source)
        .map(|(id, (c, i))| {
            (u32::from(id) + 1, SymbolId(id), i, c.depth_levels, c.exchange.as_str())
        })
        .collect()
}

/// The operator's way to the net thread, where the run trades.
fn desk(setup: &Setup) -> (Option<Desk>, Option<Producer<Control>>) {
    let Some(trading) = &setup.config.trading else { return (None, None) };
    let (producer, control) = RingBuffer::new(CONTROL_RING);
    (Some(Desk { control, flatten: trading.on_stop == OnStop::Flatten }), Some(producer))
}

/// Orders on their way to a server: the link, the decision's end of it, and what tells it how far
/// the journal is. Nothing of it exists in paper.
type OrderLink = (Option<Trading>, Option<Producer<Command>>, Option<Progress>);

fn order_link(setup: &Setup, flags: &Flags) -> Result<OrderLink, String> {
    let Some(trading) = setup.config.live_trading() else { return Ok((None, None, None)) };
    let symbols = || setup.config.symbols.iter().zip(&setup.instruments);
    let name = |(config, instrument): (&SymbolConfig, &Instrument)| Name {
        symbol: instrument.symbol.clone(),
        exchange: config.exchange.clone(),
        tick: instrument.tick,
        display_multiplier: 1.0,
    };
    let wire = Wire::new(&trading.account, symbols().map(name).collect())
        .map_err(|_| "trading.account or a symbol: too long for the wire".to_owned())?;
    let (producer, commands) = RingBuffer::new(COMMANDS_RING);
    let progress = trading.journal_first.then(Progress::default);
    let elsewhere = symbols().filter(|(config, _)| config.source != trading.source);
    let link = Trading::new(TradingParts {
        commands,
        wire,
        account: trading.account.clone(),
        define: elsewhere.map(|(c, i)| (i.symbol.clone(), c.exchange.clone())).collect(),
        progress: progress.clone(),
        journal_failed: flags.journal_failed.clone(),
    })?;
    Ok((Some(link), Some(producer), progress))
}

fn sources(
    setup: &Setup,
    clock: &Clock,
    link: &mut Option<Trading>,
) -> Result<Vec<NetSource>, String> {
    let mut sources = Vec::new();
    for config in &setup.config.sources {
        match config {
            SourceConfig::Dtc(dtc) => {
                let id = u16::try_from(sources.len() + 1).unwrap_or(u16::MAX);
                let trades = setup.config.live_trading().filter(|t| t.source == dtc.name);
                let link = trades.and_then(|_| link.take());
                sources.push(dtc_source(setup, dtc, id, link)?);
            }
            SourceConfig::Sierra(sierra) => sierra_sources(setup, sierra, clock, &mut sources)?,
        }
    }
    if sources.is_empty() || setup.instruments.is_empty() {
        return Err("nothing to run: the configuration names no source or no symbol".to_owned());
    }
    Ok(sources)
}

fn dtc_source(
    setup: &Setup,
    dtc: &DtcSource,
    id: u16,
    link: Option<Trading>,
) -> Result<NetSource, String> {
    let of = bound(setup, &dtc.name);
    let subscription = |&(wire, _, i, depth, exchange): &(u32, _, &Instrument, u16, &str)| {
        let (symbol, exchange) = (i.symbol.clone(), exchange.to_owned());
        Subscription { symbol_id: wire, symbol, exchange, depth_levels: i32::from(depth) }
    };
    let password = match dtc.password_env.as_str() {
        "" => String::new(),
        name => std::env::var(name)
            .map_err(|_| format!("source {}: no environment variable {name}", dtc.name))?,
    };
    let indices = indices(setup, &dtc.name)?;
    let asked = indices.iter().map(|(wire, _, i, exchange)| Subscription {
        symbol_id: *wire,
        symbol: i.symbol.clone(),
        exchange: (*exchange).to_owned(),
        depth_levels: 0,
    });
    let session = SessionConfig {
        username: dtc.username.clone(),
        password,
        client_name: "mia".to_owned(),
        heartbeat_s: dtc.heartbeat_s,
        subscriptions: of.iter().map(subscription).chain(asked).collect(),
        backoff: Backoff { first_ms: dtc.backoff_first_ms, max_ms: dtc.backoff_max_ms },
        seed: u64::from(id),
        ..SessionConfig::default()
    };
    session.check().map_err(|e| format!("source {}: {e}", dtc.name))?;
    let address = resolve(&dtc.address).map_err(|e| format!("source {}: {e}", dtc.name))?;
    let client = Client::new(mio::Token(usize::from(id)), address, session, READ_BYTES);
    let own = of.iter().map(|&(wire, id, i, ..)| (wire, id, i));
    let beside = indices.iter().map(|(wire, id, i, _)| (*wire, *id, i));
    let symbols: Vec<_> = own.chain(beside).collect();
    let mut feed = DtcFeed::new(&symbols);
    let Some(mut link) = link else {
        return Ok(NetSource::Dtc(Box::new(DtcConnection::new(&dtc.name, id, client, feed))));
    };
    let mut orders = OrderFeed::new(link.account(), &setup.instruments);
    for known in &setup.known_orders {
        orders.remember(*known);
        link.remember(known);
    }
    feed = feed.with_orders(orders);
    let connection = DtcConnection::new(&dtc.name, id, client, feed).with_trading(link);
    Ok(NetSource::Dtc(Box::new(connection)))
}

/// Indices that a source gives: the number on the wire, the number beside the run's symbols, the
/// index as an instrument, its exchange.
fn indices<'a>(
    setup: &'a Setup,
    source: &str,
) -> Result<Vec<(u32, SymbolId, Instrument, &'a str)>, String> {
    let mut indices = Vec::new();
    for (at, one) in (0_u16..).zip(setup.config.volatility.dtc.values()) {
        if one.source == source {
            let instrument = Instrument::with_tick(&one.symbol, one.tick)?;
            let id = SymbolId(INDEX_BASE + at);
            indices.push((u32::from(INDEX_BASE) + u32::from(at), id, instrument, &*one.exchange));
        }
    }
    Ok(indices)
}

fn resolve(address: &str) -> Result<SocketAddr, String> {
    let mut found = address
        .to_socket_addrs()
        .map_err(|e| format!("address {address:?} (want host:port): {e}"))?;
    found.next().ok_or_else(|| format!("address {address:?} has no numeric form"))
}

fn sierra_sources(
    setup: &Setup,
    sierra: &SierraSource,
    clock: &Clock,
    out: &mut Vec<NetSource>,
) -> Result<(), String> {
    if !sierra.folder.is_dir() {
        return Err(format!("source {}: no folder {}", sierra.name, sierra.folder.display()));
    }
    let now = clock.now();
    for (_, symbol, instrument, depth_levels, _) in bound(setup, &sierra.name) {
        let mut add = |which: Which| -> Result<(), String> {
            let id = u16::try_from(out.len() + 1).unwrap_or(u16::MAX);
            let decoder = SierraDecoder::new(symbol, instrument).map_err(|e| e.to_string())?;
            let followed = Followed::new(id, symbol, which, sierra.from_start, decoder, now);
            out.push(NetSource::Follow(Box::new(followed)));
            Ok(())
        };
        let name = instrument.symbol.clone();
        add(Which::Scid(sierra.folder.join(format!("{name}.scid"))))?;
        if depth_levels > 0 {
            add(Which::Depth { folder: sierra.folder.join("MarketDepthData"), name })?;
        }
    }
    Ok(())
}

/// The journal with everything that comes before the first input.
fn journal_file(setup: &Setup, path: &Path, sources: &[NetSource]) -> std::io::Result<Writer> {
    let mut writer = Writer::create(path, &setup.journal_text())?;
    setup.write_states(&mut writer)?;
    for source in sources {
        for (id, kind, symbol, wire_id) in source.binds() {
            let bind = Bind {
                source_kind: U16::new(kind as u16),
                symbol: U16::new(symbol.0),
                wire_id: U32::new(wire_id),
            };
            writer.append(Kind::Bind, id, 0, 0, bind.as_bytes())?;
        }
    }
    for source in sources {
        if let NetSource::Dtc(dtc) = source
            && let (id, Some(text)) = dtc.order_text()
        {
            let payload = [ORDER_SOURCE.as_bytes(), &[0], text.as_bytes()].concat();
            writer.append(Kind::State, id, 0, 0, &payload)?;
        }
    }
    writer.flush()?;
    Ok(writer)
}

impl NetSource {
    /// Source number, kind, and the symbols with their numbers on the wire.
    fn binds(&self) -> Vec<(u16, SourceKind, SymbolId, u32)> {
        match self {
            NetSource::Dtc(dtc) => {
                let (id, symbols) = dtc.symbols();
                // A replay of the bytes knows the run's own symbols only.
                let own = symbols.filter(|(_, symbol)| symbol.0 < INDEX_BASE);
                own.map(|(wire, symbol)| (id, SourceKind::Dtc, symbol, wire)).collect()
            }
            NetSource::Follow(followed) => {
                let (id, symbol, depth) = followed.identity();
                let kind = if depth { SourceKind::Depth } else { SourceKind::Scid };
                vec![(id, kind, symbol, 0)]
            }
        }
    }
}
