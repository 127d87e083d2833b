//! The state of the host, without which a latency says nothing.

use std::fs::read_to_string;
use std::hint::spin_loop;

use anyhow::{Result, anyhow};
use rtrb::RingBuffer;
use serde::Serialize;

use crate::event::{Body, Event};
use crate::monitor::latency::{Gaps, Jitter, Latencies, Quantiles};
use crate::runtime::clock::Clock;
use crate::runtime::cores;
use crate::units::{SymbolId, Ts};

/// How long the bare loop spins, in ns.
const JITTER_NS: u64 = 1_500_000_000;
/// Round trips of the ring measurement.
const ROUND_TRIPS: u32 = 200_000;

/// What a latency claim has to stand beside.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Host {
    /// Name of the processor.
    cpu: String,
    /// Processors of the machine, 0 where it does not say.
    cores: usize,
    /// Those that this process may use.
    allowed_cores: Vec<usize>,
    /// Frequency governor of the first processor.
    governor: String,
    /// Clock source of the kernel.
    clock_source: String,
    /// Gaps of a bare spinning loop, measured just before.
    pub(super) jitter: Jitter,
    /// One hop of an event through a ring, measured just before; `None` on a single core.
    pub(super) ring_hop: Option<Hop>,
}

/// Half of a round trip of one event between two threads.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Hop {
    /// Its distribution.
    pub(super) ns: Quantiles,
    /// The two cores.
    cores: (usize, usize),
    /// Whether both threads were pinned to them.
    pinned: bool,
}

impl Host {
    /// Measures; takes about two seconds.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(super) fn measure(clock: &Clock) -> Result<Host> {
        let allowed = cores::allowed();
        let info = read_to_string("/proc/cpuinfo").unwrap_or_default();
        let fields = |name: &'static str| info.lines().filter(move |l| l.starts_with(name));
        let model = fields("model name").next().and_then(|l| l.split_once(':'));
        let unknown = || "unknown".to_owned();
        Ok(Host {
            cpu: model.map_or_else(unknown, |(_, name)| name.trim().to_owned()),
            cores: fields("processor").count(),
            governor: line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            clock_source: line("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
            jitter: apart(|| jitter(clock, allowed.last().copied()))??,
            ring_hop: match allowed.as_slice() {
                [] | [_] => None,
                [a, .., b] => Some(hop(clock, *a, *b)?),
            },
            allowed_cores: allowed,
        })
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let Host { cpu, cores, governor, clock_source, jitter, .. } = self;
        let (allowed, gaps) = (self.allowed_cores.len(), jitter.gaps_ns);
        let lost = jitter.lost_share * 100.0;
        let hop = match &self.ring_hop {
            None => "not measured: it takes two cores".to_owned(),
            Some(hop) => {
                let Hop { ns, cores: (a, b), pinned } = hop;
                let how = if *pinned { "pinned" } else { "NOT pinned" };
                format!("p50 {} ns, p99 {} ns (cores {a} and {b}, {how})", ns.p50, ns.p99)
            }
        };
        format!(
            "host       {cpu}; {cores} cores, {allowed} allowed; governor {governor}; \
             clock source {clock_source}\n\
             jitter     bare loop: p50 {} ns (a clock read), p99.9 {} ns, max {} ns; {lost:.2} % \
             of the time in gaps above 10 µs\n\
             ring hop   {hop}\n",
            gaps.p50, gaps.p99_9, gaps.max,
        )
    }
}

/// Runs `work` on a thread of its own, so that its pinning ends with it.
pub(super) fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    std::thread::scope(|scope| scope.spawn(work).join().map_err(|_| anyhow!("a thread failed")))
}

fn line(path: &str) -> String {
    read_to_string(path).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

fn jitter(clock: &Clock, core: Option<usize>) -> Result<Jitter> {
    let mut gaps = Gaps::new()?;
    if let Some(core) = core {
        cores::pin("jitter", core);
    }
    let start = clock.elapsed_ns();
    let mut last = start;
    while last < start + JITTER_NS {
        let now = clock.elapsed_ns();
        gaps.record(now.saturating_sub(last));
        last = now;
    }
    Ok(gaps.jitter())
}

fn hop(clock: &Clock, here: usize, there: usize) -> Result<Hop> {
    let (ts, symbol) = (Ts(1), SymbolId(0));
    let event = Event { seq: 1, ts, ts_exch: ts, symbol, flags: 0, body: Body::Timer };
    let (mut ping, mut pinged) = RingBuffer::<Event>::new(64);
    let (mut pong, mut ponged) = RingBuffer::<Event>::new(64);
    let echo = move || {
        let pinned = cores::pin("echo", there);
        while !pinged.is_abandoned() || !pinged.is_empty() {
            match pinged.pop() {
                // Never full: one event is under way at a time.
                Ok(event) => _ = pong.push(event),
                Err(_) => spin_loop(),
            }
        }
        pinned
    };
    let call = move || {
        let pinned = cores::pin("ring hop", here);
        let mut trips = Latencies::new()?;
        for trip in 0..ROUND_TRIPS + ROUND_TRIPS / 10 {
            let start = clock.elapsed_ns();
            let _ = ping.push(event);
            while ponged.pop().is_err() {
                spin_loop();
            }
            let ns = clock.elapsed_ns().saturating_sub(start);
            // The first tenth warms up.
            if trip >= ROUND_TRIPS / 10 {
                trips.record(ns / 2);
            }
        }
        Ok::<_, anyhow::Error>((pinned, trips.quantiles()))
    };
    std::thread::scope(|scope| {
        let (echo, call) = (scope.spawn(echo), scope.spawn(call));
        let failed = |_| anyhow!("a thread failed");
        let (pinned, ns) = call.join().map_err(failed)??;
        let pinned = echo.join().map_err(failed)? && pinned;
        Ok(Hop { ns, cores: (here, there), pinned })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_there() {
        let host = Host::measure(&Clock::new()).expect("threads");
        assert!(host.jitter.observed_ns >= JITTER_NS && host.jitter.gaps_ns.count > 1000);
        assert!((0.0..=1.0).contains(&host.jitter.lost_share));
        assert_eq!(host.ring_hop.is_some(), host.allowed_cores.len() > 1);
        assert!(host.ring_hop.is_none_or(|h| h.ns.count == u64::from(ROUND_TRIPS)));
        assert_eq!(line("/no/such/file"), "unknown");
    }
}
