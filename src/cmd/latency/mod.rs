//! `mia latency FILE`: how long the path from a tick to the decision takes.
//!
//! Arrivals follow a schedule that is fixed before the start, and every latency counts from the
//! scheduled time. A program that falls behind pays for the events that wait meanwhile, as it would
//! live (coordinated omission is counted). Tails on a shared machine measure the host: the jitter
//! of a bare loop stands beside them.
//!
//! `mia latency --orders`: from the bytes of a tick to the bytes of an order, see `orders`.

mod fused;
mod host;
mod input;
mod orders;
mod refresh;
mod schedule;
mod split;
mod stamps;

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use clap::Args;
use serde::Serialize;

use crate::calendar::Calendar;
use crate::config::Layout;
use crate::context::Context;
use crate::monitor::latency::Quantiles;
use crate::pipeline::{CoreParams, Digest, Pipeline};
use crate::runtime::clock::Clock;
use crate::store::staged;
use crate::tally::SessionFilter;
use host::Host;
use input::Input;
use refresh::Refresh;
use schedule::Schedule;
use stamps::{Outcome, Stage};

/// Time between the making of everything and the first arrival, in ns.
const LEAD_NS: u64 = 20_000_000;
/// The aim for tick to decision in one thread, in ring hops.
const HOPS_MAX: f64 = 10.0;

/// Arguments of `mia latency`.
#[derive(Args, Debug)]
pub struct LatencyArgs {
    /// A tick file (.scid, .depth, .dbn, .dbn.zst) or a mia journal. In a journal of a DTC session
    /// the decoding of its messages is measured too.
    #[arg(required_unless_present = "orders")]
    file: Option<PathBuf>,
    /// Measure orders instead: N times the bytes of a tick that decides, to the bytes of the order
    /// that follows, over loopback TCP with a SYNTHETIC market, beside a bare echo of both.
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1000",
          value_parser = clap::value_parser!(u32).range(1..=100_000),
          conflicts_with_all = ["file", "rate", "speed", "events", "tick", "refresh"])]
    orders: Option<u32>,
    /// Orders wait until the journal has what led to them on disk.
    #[arg(long, requires = "orders")]
    journal_first: bool,
    /// Arrivals a second, evenly spaced. Default: the recorded gaps, compressed to 20 s.
    #[arg(long, value_name = "N", conflicts_with = "speed")]
    rate: Option<f64>,
    /// The recorded gaps, X times as fast.
    #[arg(long, value_name = "X")]
    speed: Option<f64>,
    /// One thread, or three with rings between them.
    #[arg(long, value_enum, default_value_t)]
    threads: Layout,
    /// Stop after N arrivals.
    #[arg(long, value_name = "N", default_value_t = 5_000_000)]
    events: usize,
    /// Tick size in points, for products that are not ES, NQ, MES or MNQ.
    #[arg(long)]
    tick: Option<f64>,
    /// An option chain that another thread reads, prices and analyses meanwhile, a quarter of a
    /// second after it was done: a refresh as the cold thread does it, only more often.
    #[arg(long, value_name = "FILE")]
    refresh: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Write the JSON object to FILE as well.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// One measured run.
#[derive(Debug, Serialize)]
struct Measurement {
    mode: &'static str,
    file: String,
    threads: &'static str,
    place: String,
    events: usize,
    schedule: Schedule,
    host: Host,
    stages: Vec<Stage>,
    tick_to_decision_ns: Quantiles,
    /// p50 of tick to decision over p50 of one ring hop.
    hops: Option<f64>,
    /// Refreshes of an option chain that ended meanwhile.
    refreshes: Option<u64>,
    /// The decisions' digest, the same as without a clock.
    digest: String,
}

/// What is run.
struct Work<'a> {
    input: &'a Input,
    schedule: &'a Schedule,
    core: CoreParams,
    calendar: Arc<Calendar>,
    /// Events that the arrivals become.
    events: usize,
    clock: &'a Clock,
    /// Arrivals taken so far.
    done: &'a AtomicU64,
}

impl Work<'_> {
    /// Clock reading of the first arrival.
    fn start(&self) -> u64 {
        self.clock.elapsed_ns() + LEAD_NS
    }

    /// Number of events and digest of the same arrivals without a clock.
    fn reference(&self) -> (usize, Digest) {
        let mut pipeline = Pipeline::new(&self.core, self.calendar.clone());
        let (mut decoder, mut events) = (self.input.decoder(), Vec::new());
        let mut count = 0;
        for arrival in &self.input.arrivals {
            decoder.decode(arrival, &mut events);
            count += events.len();
            for event in &events {
                pipeline.on_event(event, &Context::EMPTY);
            }
        }
        (count, pipeline.judge().digest())
    }
}

/// Runs it.
///
/// # Errors
/// With the file and what is wrong with it, or where the measured run decided otherwise than the
/// same run without a clock.
pub fn run(args: &LatencyArgs, out: &mut dyn Write) -> Result<()> {
    let Some(file) = &args.file else { return orders::run(args, out) };
    let input = Input::load(file, args.tick, args.events)?;
    let schedule = Schedule::new(&input.arrivals, args.rate, args.speed)?;
    let (clock, done) = (Clock::new(), AtomicU64::new(0));
    let host = Host::measure(&clock)?;
    let mut work = Work {
        input: &input,
        schedule: &schedule,
        core: input.setup.core(SessionFilter::All),
        calendar: input.setup.calendar.clone(),
        events: 0,
        clock: &clock,
        done: &done,
    };
    // Also warms the code up.
    let (events, expected) = work.reference();
    work.events = events;
    let chain = args.refresh.as_deref().map(Refresh::load).transpose()?;
    let outcome = measured(&work, args.threads, chain.as_ref())?;
    if outcome.digest != expected || outcome.stamps.len() != events {
        bail!("the measured run decided otherwise than the same events without a clock");
    }
    let rings = args.threads == Layout::Split;
    let stages = stamps::stages(&outcome.stamps, input.decodes, rings)?;
    let last = stages.last().ok_or_else(|| anyhow!("no stage"))?;
    let tick_to_decision_ns = last.since_arrival_ns;
    let hop = host.ring_hop.map(|h| h.ns.p50 as f64).filter(|&ns| ns > 0.0);
    let measurement = Measurement {
        mode: "latency",
        file: file.display().to_string(),
        threads: if rings { "split" } else { "fused" },
        place: outcome.place,
        events,
        hops: hop.map(|ns| tick_to_decision_ns.p50 as f64 / ns),
        schedule,
        host,
        stages,
        tick_to_decision_ns,
        refreshes: chain.map(|chain| chain.done()),
        digest: format!("{:016x}", expected.0),
    };
    say(args, &measurement, text, out)
}

/// Prints a measurement and writes its file, as the arguments want it.
fn say<M: Serialize>(
    args: &LatencyArgs,
    measurement: &M,
    text: fn(&M) -> String,
    out: &mut dyn Write,
) -> Result<()> {
    let json = simd_json::to_string(measurement)?;
    if let Some(path) = &args.out {
        staged::write(path, format!("{json}\n").as_bytes())?;
    }
    if args.json {
        writeln!(out, "{json}")?;
    } else {
        write!(out, "{}", text(measurement))?;
    }
    Ok(())
}

/// Runs `work` on threads of its own, and shows how far it is meanwhile.
fn measured(work: &Work<'_>, threads: Layout, chain: Option<&Refresh>) -> Result<Outcome> {
    std::thread::scope(|scope| {
        if let Some(chain) = chain {
            scope.spawn(|| chain.run());
        }
        let handle = scope.spawn(|| match threads {
            Layout::Fused => Ok(fused::run(work)),
            Layout::Split => split::run(work),
        });
        let (all, terminal) = (work.input.arrivals.len(), std::io::stderr().is_terminal());
        while terminal && !handle.is_finished() {
            eprint!("\r{} of {all} arrivals ", work.done.load(Ordering::Relaxed));
            Clock::sleep(Duration::from_millis(250));
        }
        if terminal {
            eprint!("\r\x1b[K");
        }
        let outcome = handle.join();
        if let Some(chain) = chain {
            chain.stop();
        }
        Ok(outcome.map_err(|_| anyhow!("a thread failed"))??)
    })
}

/// Spins until the clock reads `due` and returns what it reads then.
fn wait_for(clock: &Clock, due: u64, yields: bool) -> u64 {
    loop {
        let now = clock.elapsed_ns();
        if now >= due {
            return now;
        }
        if yields {
            std::thread::yield_now();
        } else {
            std::hint::spin_loop();
        }
    }
}

fn text(m: &Measurement) -> String {
    let mut out = format!("{}: {} events, {}: {}\n", m.file, m.events, m.threads, m.place);
    out.push_str(&m.schedule.text());
    out.push_str(&m.host.text());
    let mut table = |title: &str, of: fn(&Stage) -> Quantiles| {
        let heads = ["p50", "p90", "p99", "p99.9", "max", "count"];
        let [a, b, c, d, e, f] = heads;
        let _ = writeln!(out, "\n{title:<34}{a:>9}{b:>9}{c:>10}{d:>11}{e:>12}{f:>11}");
        for stage in &m.stages {
            let Quantiles { p50, p90, p99, p99_9, max, count } = of(stage);
            let name = stage.name;
            let _ = writeln!(
                out,
                "  {name:<32}{p50:>9}{p90:>9}{p99:>10}{p99_9:>11}{max:>12}{count:>11}"
            );
        }
    };
    table("ns, each stage alone", |stage| stage.alone_ns);
    table("ns, scheduled arrival to its end", |stage| stage.since_arrival_ns);
    let p50 = m.tick_to_decision_ns.p50;
    let _ = match m.hops {
        Some(hops) if m.threads == "fused" => writeln!(
            out,
            "\ntick to decision p50 {p50} ns = {hops:.1} ring hops (aim: at most {HOPS_MAX:.0})"
        ),
        Some(hops) => writeln!(out, "\ntick to decision p50 {p50} ns = {hops:.1} ring hops"),
        None => writeln!(out, "\ntick to decision p50 {p50} ns"),
    };
    if let Some(refreshes) = m.refreshes {
        let _ =
            writeln!(out, "{refreshes} refreshes of an option chain on another thread meanwhile");
    }
    let _ = writeln!(out, "digest {}, the same without a clock", m.digest);
    out
}

#[cfg(test)]
mod tests;
