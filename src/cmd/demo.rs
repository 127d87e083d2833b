//! `mia demo`: the live pipeline against the simulator's synthetic market, over TCP, in one
//! process. Needs no account, no server and no key.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use dtc_sim::run::{AtEnd, Pace, ServeConfig, serve};
use dtc_sim::synthetic::{SyntheticConfig, SyntheticMarket, es, nq};

use super::run::{Watch, finish, watch};
use crate::config::{Config, Layout};
use crate::runtime::clock::Clock;
use crate::runtime::cores;
use crate::runtime::live::Live;
use crate::runtime::setup::Setup;

/// Arguments of `mia demo`.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Seconds to run.
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// How many times faster than its own clock the synthetic market runs.
    #[arg(long, default_value_t = 150.0)]
    speed: f64,
    /// Seed of the synthetic market.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Thread layout; split where there are four cores or more.
    #[arg(long, value_enum)]
    threads: Option<Layout>,
    /// Write a journal to FILE, to be replayed with `mia replay FILE --check`.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Print one JSON object at the end and nothing else on standard output.
    #[arg(long)]
    json: bool,
}

/// Weights on the features that a market without option context has, and a gate that a demo can
/// reach; the name says in every output that this is no trading configuration.
const CONFIG: &str = r#"
    [[sources]]
    kind = "dtc"
    name = "sim"
    address = "ADDRESS"
    backoff_first_ms = 50
    [[symbols]]
    name = "SYNTHETIC-ES"
    source = "sim"
    tick = 0.25
    [[symbols]]
    name = "SYNTHETIC-NQ"
    source = "sim"
    tick = 0.25
    [decision]
    preset = "demo"
    gate = 35.0
    tiers = [70.0, 60.0, 50.0, 35.0]
    [decision.weights]
    delta_ratio = 30.0
    order_book_imbalance = 40.0
    tick_momentum = 30.0
    [journal]
    enabled = false
"#;

/// Runs it.
///
/// # Errors
/// Where a loopback port, a thread or the journal is not to be had.
pub fn run(args: &DemoArgs, out: &mut dyn Write) -> Result<()> {
    let market = SyntheticMarket::new(&SyntheticConfig {
        seed: args.seed,
        symbols: vec![(es(), 5000.0), (nq(), 18_000.0)],
        duration_s: f64::from(args.seconds.max(1)) * args.speed,
        ..SyntheticConfig::default()
    });
    let serving = ServeConfig {
        pace: Pace::Times(args.speed),
        at_end: AtEnd::Logoff,
        ..ServeConfig::default()
    };
    let server = serve(serving, Box::new(market)).context("no loopback port for the simulator")?;
    let text = CONFIG.replace("ADDRESS", &server.addr().to_string());
    let mut config = Config::parse(&text).map_err(|e| anyhow!(e))?;
    let many = cores::allowed().len() >= 4;
    config.threads.layout =
        args.threads.unwrap_or(if many { Layout::Split } else { Layout::Fused });
    let instruments = config.instruments().map_err(|e| anyhow!(e))?;
    let setup = Setup::new(config, instruments, "paper").map_err(|e| anyhow!(e))?;
    let clock = Clock::new();
    let live = Live::start(&setup, args.journal.as_deref(), &clock).map_err(|e| anyhow!(e))?;
    let title = format!(
        "mia demo  ·  SYNTHETIC MARKET, seed {}, {}x  ·  DTC over {}  ·  preset demo",
        args.seed,
        args.speed,
        server.addr()
    );
    let seconds = Some(u64::from(args.seconds) + 30);
    let options = Watch { seconds, quiet: args.json, title };
    let ended = watch(live, None, &setup, &clock, &options, out)?;
    server.stop();
    let stats = server.join();
    if !args.json {
        writeln!(
            out,
            "\nsimulator    {} records, {} bytes sent",
            stats.records, stats.bytes_written
        )?;
    }
    finish(&ended, &setup, args.journal.as_deref(), args.json, out)
}
