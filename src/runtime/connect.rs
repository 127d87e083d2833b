//! What a configuration's sources become: connections with their decoders, followed files, the link
//! that takes orders, and the journal that knows them all.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;

use dtc::client::Client;
use dtc::session::{Backoff, SessionConfig, Subscription};
use rtrb::{Consumer, Producer};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32};

use super::clock::Clock;
use super::followed::{Followed, Which};
use super::net::Flags;
use super::out::INDEX_BASE;
use super::player::ORDER_SOURCE;
use super::rings::ring;
use super::setup::Setup;
use super::source::{DtcConnection, NetSource, READ_BYTES};
use super::trading::{COMMANDS_RING, Progress, Trading, TradingParts};
use crate::config::{DtcSource, SierraSource, SourceConfig, SymbolConfig};
use crate::execution::wire::{Name, Wire};
use crate::feed::dtc::DtcFeed;
use crate::feed::dtc::orders::{Named, OrderFeed};
use crate::feed::sierra::SierraDecoder;
use crate::journal::record::{Bind, SourceKind};
use crate::journal::{Kind, Writer};
use crate::order::Command;
use crate::units::{Instrument, SymbolId};

/// Orders on their way to a server. Nothing of it exists in paper.
#[derive(Default)]
pub(super) struct OrderLink {
    /// The link.
    pub(super) link: Option<Trading>,
    /// The decision's end of it.
    pub(super) commands: Option<Producer<Command>>,
    /// What tells it how far the journal is.
    pub(super) progress: Option<Progress>,
    /// Ids that the server gives orders and executions, for records.
    pub(super) servers: Option<Consumer<Named>>,
}

pub(super) fn order_link(setup: &Setup, flags: &Flags) -> Result<OrderLink, String> {
    let Some(trading) = setup.config.live_trading() else { return Ok(OrderLink::default()) };
    let symbols = || setup.config.symbols.iter().zip(&setup.instruments);
    let name = |(config, instrument): (&SymbolConfig, &Instrument)| Name {
        symbol: instrument.symbol.clone(),
        exchange: config.exchange.clone(),
        tick: instrument.tick,
        // Not known before the server has said it.
        display_multiplier: f64::NAN,
    };
    let wire = Wire::new(&trading.account, symbols().map(name).collect())
        .map_err(|_| "trading.account or a symbol: too long for the wire".to_owned())?;
    let (producer, commands) = ring(COMMANDS_RING);
    let progress = trading.journal_first.then(Progress::default);
    let elsewhere = symbols().filter(|(config, _)| config.source != trading.source);
    let link = Trading::new(TradingParts {
        commands,
        wire,
        account: trading.account.clone(),
        define: elsewhere.map(|(c, i)| (i.symbol.clone(), c.exchange.clone())).collect(),
        traded: (0_u16..)
            .zip(&setup.instruments)
            .filter(|(_, i)| setup.config.trades(&i.symbol))
            .map(|(id, i)| (SymbolId(id), i.symbol.clone()))
            .collect(),
        progress: progress.clone(),
        journal_failed: flags.journal_failed.clone(),
    })?;
    let (learned, servers) = ring(COMMANDS_RING);
    Ok(OrderLink {
        link: Some(link.with_servers(learned)),
        commands: Some(producer),
        progress,
        servers: Some(servers),
    })
}

pub(super) fn sources(
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
pub(super) fn journal_file(
    setup: &Setup,
    path: &Path,
    sources: &[NetSource],
) -> std::io::Result<Writer> {
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
