//! `dtc-sim`: the simulator on a port, with a recorded or a synthetic market.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, ValueEnum};
use dtc_sim::encode::Generation;
use dtc_sim::fault::{FaultPlan, Garbage, Split};
use dtc_sim::market::Market;
use dtc_sim::run::{AtEnd, Pace, ServeConfig, serve_with};
use dtc_sim::server::ServerOptions;
use dtc_sim::synthetic::{SyntheticConfig, SyntheticMarket, es, nq};

use super::venue::{OrderFaultArgs, VenueArgs};
use crate::runtime::clock::Clock;

/// Which messages carry the market.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Form {
    /// 112, 117, 106, 122: what Sierra Chart sends unasked.
    Compact,
    /// 146, 144, 140, 145: what its logon flags ask for.
    Float,
    /// 147, 148, 109, 510: the messages of 2026.
    V2,
}

/// A DTC server to run against: serves a recorded market, or a synthetic one, over TCP.
#[derive(Debug, Parser)]
#[command(name = "dtc-sim", version, about, max_term_width = 100)]
pub struct ServeArgs {
    /// Tick files (.scid, .depth, .dbn, .dbn.zst) or one mia journal; none = synthetic market.
    files: Vec<PathBuf>,
    /// Address to listen on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 11099)]
    port: u16,
    /// Message forms.
    #[arg(long, value_enum, default_value_t = Form::V2)]
    form: Form,
    /// `recorded`, `flat` (as fast as clients take it) or a factor such as `10x`.
    #[arg(long, default_value = "recorded", value_parser = pace)]
    pace: Pace,
    /// Tick size in points, for products that are not ES, NQ, MES or MNQ.
    #[arg(long)]
    tick: Option<f64>,
    /// Seed of the synthetic market.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seconds of synthetic market.
    #[arg(long, default_value_t = 3600.0)]
    duration: f64,
    /// Log off the clients when the market ends, and exit.
    #[arg(long)]
    once: bool,
    /// Stand still while nobody is subscribed.
    #[arg(long)]
    wait_for_clients: bool,
    /// A client that comes back gets what it missed.
    #[arg(long)]
    replay_missed: bool,
    /// Fault: send in pieces of at most N bytes.
    #[arg(long, value_name = "N")]
    split: Option<usize>,
    /// Fault: pause MS milliseconds before record N.
    #[arg(long, value_name = "N:MS", value_parser = stall)]
    stall: Vec<(u64, u64)>,
    /// Fault: close the connections before record N.
    #[arg(long, value_name = "N")]
    disconnect: Vec<u64>,
    /// Fault: reset the connections before record N.
    #[arg(long, value_name = "N")]
    reset: Vec<u64>,
    /// Fault: records that nobody is told of after each disconnect.
    #[arg(long, value_name = "K", default_value_t = 0)]
    lost: u64,
    /// Fault: a message with a size below 4 before record N.
    #[arg(long, value_name = "N")]
    garbage: Vec<u64>,
    /// Fault: send no heartbeats.
    #[arg(long)]
    drop_heartbeats: bool,
    /// Fault: at most this many bytes a second to each client.
    #[arg(long, value_name = "BYTES")]
    slow: Option<u64>,
    #[command(flatten)]
    venue: VenueArgs,
    #[command(flatten)]
    orders: OrderFaultArgs,
}

fn pace(text: &str) -> Result<Pace, String> {
    match text {
        "recorded" => Ok(Pace::Recorded),
        "flat" => Ok(Pace::FlatOut),
        _ => match text.strip_suffix('x').and_then(|n| n.parse::<f64>().ok()) {
            Some(n) if n > 0.0 && n.is_finite() => Ok(Pace::Times(n)),
            _ => Err("want recorded, flat, or a factor such as 10x".to_owned()),
        },
    }
}

fn stall(text: &str) -> Result<(u64, u64), String> {
    let parts = text.split_once(':').and_then(|(n, ms)| Some((n.parse().ok()?, ms.parse().ok()?)));
    parts.ok_or_else(|| "want RECORD:MILLISECONDS".to_owned())
}

impl ServeArgs {
    fn market(&self) -> Result<Box<dyn Market + Send>> {
        if self.files.is_empty() {
            if !(self.duration > 0.0 && self.duration.is_finite()) {
                bail!("--duration must be above 0");
            }
            return Ok(Box::new(SyntheticMarket::new(&SyntheticConfig {
                seed: self.seed,
                symbols: vec![(es(), 5000.0), (nq(), 18_000.0)],
                duration_s: self.duration,
                ..SyntheticConfig::default()
            })));
        }
        Ok(Box::new(super::market::recorded(&self.files, self.tick)?.0))
    }

    fn faults(&self) -> FaultPlan {
        FaultPlan {
            split: self.split.map_or(Split::None, |n| Split::Every(n.max(1))),
            stalls: self.stall.clone(),
            disconnects: self.disconnect.clone(),
            resets: self.reset.clone(),
            lost_after_disconnect: self.lost,
            drop_heartbeats: self.drop_heartbeats,
            garbage: self.garbage.iter().map(|&n| Garbage::undersized(n)).collect(),
            bytes_per_s_max: self.slow,
            orders: self.orders.plan(),
        }
    }
}

/// Serves until the market is over (`--once`) or a signal stops it.
///
/// # Errors
/// Where a file or the port cannot be opened.
pub fn run(args: &ServeArgs, out: &mut dyn Write) -> Result<()> {
    let market = args.market()?;
    let symbols: Vec<String> = market.symbols().iter().map(|s| s.symbol.clone()).collect();
    let label = market.label().to_owned();
    let config = ServeConfig {
        bind: SocketAddr::new(args.address, args.port),
        options: ServerOptions { generation: args.form.into(), ..ServerOptions::default() },
        pace: args.pace,
        at_end: if args.once { AtEnd::Logoff } else { AtEnd::KeepOpen },
        faults: args.faults(),
        wait_for_clients: args.wait_for_clients,
        replay_missed: args.replay_missed,
        desk: args.venue.desk(),
        ..ServeConfig::default()
    };
    let venue = args.venue.venue(market.symbols())?;
    let server = serve_with(config, market, venue)
        .with_context(|| format!("cannot listen on {}:{}", args.address, args.port))?;
    writeln!(out, "dtc-sim: {label}: {} on {}", symbols.join(", "), server.addr())?;
    out.flush()?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, stop.clone())?;
    }
    let over = || args.once && server.finished();
    while !stop.load(Ordering::Relaxed) && !over() {
        while let Some(event) = server.poll_event() {
            writeln!(
                out,
                "{:>10.3} s  client {}: {}",
                event.at_ns as f64 / 1e9,
                event.client,
                event.text
            )?;
        }
        Clock::sleep(Duration::from_millis(50));
    }
    server.stop();
    let stats = server.join();
    writeln!(
        out,
        "dtc-sim: {} records, {} bytes, {} clients, {} disconnects forced, {} orders",
        stats.records,
        stats.bytes_written,
        stats.clients_accepted,
        stats.disconnects_forced,
        stats.orders
    )?;
    Ok(())
}

impl From<Form> for Generation {
    fn from(form: Form) -> Generation {
        match form {
            Form::Compact => Generation::Compact,
            Form::Float => Generation::Float,
            Form::V2 => Generation::V2,
        }
    }
}
