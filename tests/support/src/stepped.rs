//! A live run against a simulator that receives a recorded market at the recorded times, without
//! waiting for them.
//!
//! The run's clock stands still and is moved by hand: to each whole second, where the net thread
//! sequences its Timers, and to the receive time of each record, before the simulator may send it.
//! The next step waits until the run has decided on what was sent. So every age, wait and rate of
//! the run is that of the recording, on a machine of any speed, and Timers stand between the same
//! records.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dtc_sim::market::{MarketRecord, VecMarket};
use dtc_sim::run::{ServeConfig, serve};
use mia::cmd::market::{as_sent, push, spec};
use mia::config::Idle;
use mia::event::{Event, flag};
use mia::runtime::clock::Clock;
use mia::runtime::live::{Ended, Live};
use mia::runtime::setup::Setup;
use mia::units::{Instrument, SECOND, Ts};

use crate::live::Plan;

/// Longest wait for one step.
const PATIENCE_NS: i64 = 60 * SECOND;

/// Rest between two looks at whether a step is done.
const PAUSE: Duration = Duration::from_micros(20);

/// Records with the times at which they are received.
#[derive(Clone, Debug)]
pub struct Script {
    records: Vec<MarketRecord>,
    received: Vec<Ts>,
    /// Market time so far.
    market: Ts,
    from: Ts,
}

impl Script {
    /// Nothing yet. What was received before `from` is received then, in the order in which it was:
    /// a run joins at `from` a market that has been waiting for it.
    #[must_use]
    pub const fn new(from: Ts) -> Script {
        Script { records: Vec::new(), received: Vec::new(), market: Ts::NONE, from }
    }

    /// Adds what the simulator serves of `event`, as `plan` serves it.
    ///
    /// A file has its Timers at whole seconds of its market time, a live run at those of its clock.
    /// What was received in the first moments of a second and happened in the one before is hence
    /// received in the last moment of that: else a Timer would stand on its other side.
    pub fn add(&mut self, event: &Event, instruments: &[Instrument], plan: &Plan) {
        push(&mut self.records, event, instruments);
        if event.is_market() && !event.has(flag::SNAPSHOT) {
            let mut sent = *event;
            as_sent(plan.generation, &mut sent);
            self.market = self.market.max(sent.ts_exch.or(sent.ts));
        }
        let second = self.market.second() * SECOND;
        let ts = event.ts.0.clamp(second, second + SECOND - 1);
        let ts = Ts(if self.market.is_some() { ts } else { event.ts.0 });
        let last = self.received.last().copied().unwrap_or(self.from);
        self.received.resize(self.records.len(), ts.max(last));
    }
}

/// Serves `script` step by step and runs the live pipeline against it until the server logs it off.
///
/// # Panics
/// As an assertion of the test that calls it.
#[must_use]
pub fn run(
    script: Script,
    instruments: &[Instrument],
    plan: &Plan,
    journal: &Path,
) -> (Ended, Setup) {
    let Script { records, received, .. } = script;
    let market = VecMarket::new(instruments.iter().map(spec).collect(), records);
    let mut now = *received.first().expect("records");
    let (clock, hand) = Clock::by_hand(now);
    let released = Arc::new(AtomicU64::new(0));
    let serving = ServeConfig { released: Some(released.clone()), ..plan.serving() };
    let server = serve(serving, Box::new(market)).expect("loopback port");
    let mut setup = plan.setup(server.addr());
    // Most of the time each waits for another: who spins keeps it from the processor.
    setup.config.threads.idle = Idle::Backoff;
    let _ = std::fs::remove_file(journal);
    let live = Live::start(&setup, Some(journal), &clock).expect("starts");
    let (gauges, wall) = (live.flags.gauges.clone(), Clock::new());
    let wait = |what: &dyn std::fmt::Display, ready: &dyn Fn() -> bool| {
        let since = wall.now();
        while !ready() {
            assert!(wall.now().since(since) < PATIENCE_NS, "{what}: nothing happens");
            Clock::sleep(PAUSE);
        }
    };
    let mut at = 0;
    while let Some(&ts) = received.get(at) {
        while now.second() < ts.second() {
            let second = Ts((now.second() + 1) * SECOND);
            hand.forward(second.since(now));
            now = second;
            wait(&now, &|| gauges.turn().0 >= now && gauges.all_seen());
        }
        hand.forward(ts.since(now));
        now = ts;
        at += received.iter().skip(at).take_while(|&&next| next == ts).count();
        released.store(at as u64, Ordering::Release);
        wait(&now, &|| server.stats().records >= at as u64);
        let sent = server.stats().bytes_written;
        wait(&now, &|| gauges.turn().1 >= sent && gauges.all_seen());
    }
    wait(&"the end", &|| live.ended());
    let ended = live.stop().expect("threads end in order");
    server.stop();
    assert_eq!(server.join().disconnects_forced, 0);
    (ended, setup)
}
