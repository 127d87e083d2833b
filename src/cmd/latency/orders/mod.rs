//! `mia latency --orders`: from the bytes of a tick that decides to the bytes of the order.
//!
//! A whole live run (sockets, journal, records, limits) trades against a scripted DTC venue in the
//! same process. The venue reads the clock just before it writes the bytes of the deciding tick and
//! just after the read that holds the first byte of the new order, so both ways over loopback TCP
//! are in it. A bare echo of as many bytes, in blocks before, between and after the runs, says what
//! those ways cost by themselves. The market is SYNTHETIC, and the venue fills nothing.

mod cancels;
mod echo;
mod line;
mod round;
mod server;

use std::fmt::Write as _;
use std::io::Write;

use anyhow::{Result, anyhow};
use hdrhistogram::CreationError;
use serde::Serialize;

use super::LatencyArgs;
use super::host::{Host, apart};
use crate::config::{Idle, Layout};
use crate::monitor::latency::{Latencies, Quantiles};
use crate::order::BuySell;
use crate::runtime::clock::Clock;
use crate::runtime::cores;

/// Runs at least, and orders of one run at most: each trades a contract, and in the end they would
/// move the levels that targets stand at.
const ROUNDS: u32 = 4;
const ROUND_MAX: u32 = 250;
/// Orders from which there are several runs.
const SEVERAL: u32 = 200;
/// What the order may take longer than the echo at the middle, in ns.
const AIM_NS: i64 = 2000;

/// How the threads are laid out.
#[derive(Clone, Copy, Debug)]
struct Place {
    layout: Layout,
    idle: Idle,
    /// Core of the venue.
    venue: Option<usize>,
    /// Core of the net thread, and of the echo.
    hot: Option<usize>,
    journal_first: bool,
}

impl Place {
    fn new(layout: Layout, journal_first: bool) -> Place {
        let allowed = cores::allowed();
        let (venue, hot) = match allowed.as_slice() {
            [] | [_] => (None, None),
            [a, .., b] => (Some(*a), Some(*b)),
        };
        // Three hot threads and the venue, or one and the venue.
        let roomy = allowed.len() >= if layout == Layout::Split { 4 } else { 2 };
        let idle = if roomy { Idle::Spin } else { Idle::Yield };
        Place { layout, idle, venue, hot, journal_first }
    }

    fn text(&self) -> String {
        let waits = if self.idle == Idle::Spin { "spinning" } else { "yielding" };
        match (self.layout, self.venue, self.hot) {
            (Layout::Fused, Some(venue), Some(hot)) => {
                format!("venue on core {venue}, net thread and echo on core {hot}, {waits}")
            }
            (Layout::Split, Some(venue), Some(hot)) => {
                format!("venue on core {venue}, echo on core {hot}, three threads free, {waits}")
            }
            _ => format!("nothing pinned, {waits}"),
        }
    }
}

/// What was measured so far.
#[derive(Debug)]
struct Found {
    orders: Latencies,
    echo: Latencies,
    /// Receive time of the tick to the bytes in the socket, by the run itself.
    inside: Latencies,
    held: Latencies,
    sides: [u64; 2],
    tick: Vec<u8>,
    order_bytes: usize,
}

impl Found {
    fn new() -> Result<Found, CreationError> {
        Ok(Found {
            orders: Latencies::new()?,
            echo: Latencies::new()?,
            inside: Latencies::new()?,
            held: Latencies::new()?,
            sides: [0; 2],
            tick: Vec::new(),
            order_bytes: 0,
        })
    }

    fn order(&mut self, way: BuySell, took: u64, tick: Vec<u8>, bytes: usize) {
        self.orders.record(took);
        let [buys, sells] = &mut self.sides;
        *match way {
            BuySell::Buy => buys,
            BuySell::Sell => sells,
        } += 1;
        (self.tick, self.order_bytes) = (tick, bytes);
    }
}

/// The measurement as it is printed.
#[derive(Debug, Serialize)]
struct Measurement {
    mode: &'static str,
    market: &'static str,
    threads: &'static str,
    place: String,
    journal_first: bool,
    runs: u32,
    buys: u64,
    sells: u64,
    /// Bytes of the deciding tick, and of the order with its bracket.
    tick_bytes: usize,
    order_bytes: usize,
    host: Host,
    echo_ns: Quantiles,
    tick_to_order_ns: Quantiles,
    /// Difference of the two p50.
    over_echo_p50_ns: i64,
    /// The run's own measurement: p50 from the receive time of the tick to the bytes in the socket.
    /// Its tails would be those of the moved clock.
    tick_to_send_p50_ns: u64,
    /// What waiting for the journal added to new orders.
    waited_for_journal_ns: Option<Quantiles>,
}

/// Runs it.
///
/// # Errors
/// Where an order is missing or is not what was decided.
pub(super) fn run(args: &LatencyArgs, out: &mut dyn Write) -> Result<()> {
    let samples = args.orders.ok_or_else(|| anyhow!("neither a file nor --orders"))?;
    let place = Place::new(args.threads, args.journal_first);
    let clock = Clock::new();
    let host = Host::measure(&clock)?;
    let runs = if samples < SEVERAL { 1 } else { ROUNDS.max(samples.div_ceil(ROUND_MAX)) };
    let found = apart(|| measure(&place, &clock, samples, runs))??;
    let (echo_ns, tick_to_order_ns) = (found.echo.quantiles(), found.orders.quantiles());
    let [buys, sells] = found.sides;
    let measurement = Measurement {
        mode: "orders",
        market: "SYNTHETIC",
        threads: if args.threads == Layout::Split { "split" } else { "fused" },
        place: place.text(),
        journal_first: args.journal_first,
        runs,
        buys,
        sells,
        tick_bytes: found.tick.len(),
        order_bytes: found.order_bytes,
        host,
        echo_ns,
        tick_to_order_ns,
        over_echo_p50_ns: tick_to_order_ns.p50 as i64 - echo_ns.p50 as i64,
        tick_to_send_p50_ns: found.inside.quantiles().p50,
        waited_for_journal_ns: args.journal_first.then(|| found.held.quantiles()),
    };
    super::say(args, &measurement, text, out)
}

/// Echo, run, echo, run, …, echo.
fn measure(place: &Place, clock: &Clock, samples: u32, runs: u32) -> Result<Found> {
    if let Some(core) = place.venue {
        cores::pin("venue", core);
    }
    let mut found = Found::new()?;
    // What the echo repeats is known after an order: a short run shows it, and warms up.
    let (process, now) = (std::process::id(), clock.now().0);
    let folder =
        |run: u32| std::env::temp_dir().join(format!("mia-latency-orders-{process}-{now}-{run}"));
    let mut first = Found::new()?;
    round::run(place, &folder(0), 2, &mut first)?;
    (found.tick, found.order_bytes) = (first.tick, first.order_bytes);
    for run in 0..runs {
        let share = samples / runs + u32::from(run < samples % runs);
        echo::run(place, clock, share, &mut found)?;
        round::run(place, &folder(run + 1), share, &mut found)?;
    }
    echo::run(place, clock, samples.div_ceil(runs), &mut found)?;
    Ok(found)
}

fn text(m: &Measurement) -> String {
    let Measurement { threads, place, runs, buys, sells, tick_bytes, order_bytes, .. } = m;
    let first = if m.journal_first { ", the journal first" } else { "" };
    let mut out = format!(
        "SYNTHETIC market, scripted venue over loopback TCP: {buys} buys and {sells} sells in \
         {runs} live runs{first}\n\
         threads    {threads}: {place}\n\
         bytes      {tick_bytes} of the deciding tick, {order_bytes} of the order and its \
         bracket\n{}",
        m.host.text()
    );
    let [a, b, c, d, e, f] = ["p50", "p90", "p99", "p99.9", "max", "count"];
    let _ = writeln!(out, "\n{:<34}{a:>9}{b:>9}{c:>10}{d:>11}{e:>12}{f:>11}", "ns");
    let mut row = |name: &str, quantiles: Quantiles| {
        let Quantiles { p50, p90, p99, p99_9, max, count } = quantiles;
        let _ =
            writeln!(out, "  {name:<32}{p50:>9}{p90:>9}{p99:>10}{p99_9:>11}{max:>12}{count:>11}");
    };
    row("bare echo of the same bytes", m.echo_ns);
    row("tick to order, at the venue", m.tick_to_order_ns);
    if let Some(waited) = m.waited_for_journal_ns {
        row("waited for the journal", waited);
    }
    let over = m.over_echo_p50_ns;
    let _ = match m.waited_for_journal_ns {
        None => {
            writeln!(out, "\ntick to order p50 = echo p50 {over:+} ns (aim: at most {AIM_NS:+})")
        }
        Some(_) => writeln!(out, "\ntick to order p50 = echo p50 {over:+} ns"),
    };
    let _ = writeln!(out, "receive to send, by the run itself: p50 {} ns", m.tick_to_send_p50_ns);
    out
}

#[cfg(test)]
mod tests;
