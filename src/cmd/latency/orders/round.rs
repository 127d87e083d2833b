//! One live run against the scripted venue: warm-up, then one decided order after the other.
//!
//! The rules that count seconds of receive time (an order's duplicate, the cadence of a side, the
//! rate of orders) see [`APART_S`] seconds go by between two orders: the clock of the run is moved
//! on, and each second of it is seen by the whole core before the next one comes. Durations are
//! those of the real clock throughout.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::{Result, anyhow, bail};
use dtc_sim::market::{Market, MarketBody};
use dtc_sim::synthetic::{START_NS, SyntheticConfig, SyntheticMarket, es};

use super::line::PATIENCE_NS;
use super::server::Server;
use super::{Found, Place};
use crate::config::{Config, Layout};
use crate::order::BuySell;
use crate::runtime::clock::{Clock, Hand};
use crate::runtime::live::{Ended, Live};
use crate::runtime::setup::Setup;
use crate::units::{SECOND, Ts};

/// Nothing comes from the run for so long before it is asked, in ns.
pub(super) const QUIET_NS: u64 = 200_000;
/// Seconds between two orders: two orders of one side are the rule's 5 s apart.
const APART_S: u32 = 3;
/// Length of the market before the first order: enough one-minute bars for the averages behind a
/// stop.
const WARM_UP_S: u32 = 1800;
/// Records of the market that are shown at once.
const PIECE: usize = 128;
/// Longest time that the run has to read all of it, seconds of its clock.
const CATCH_UP_S: u32 = 2000;
/// Contracts a level: even, and what leans to one side.
const EVEN: u32 = 100;
const HEAVY: u32 = 400;
const LIGHT: u32 = 20;

/// The run's configuration: a score that one book decides, and limits that let orders through. No
/// parameters to trade money with; the preset's name says so in every output.
const CONFIG: &str = r#"
    [[sources]]
    kind = "dtc"
    name = "venue"
    address = "ADDRESS"
    backoff_first_ms = 20
    heartbeat_s = 60
    [[symbols]]
    name = "SYNTHETIC-ES"
    source = "venue"
    tick = 0.25
    [decision]
    preset = "SYNTHETIC-latency"
    gate = 30.0
    tiers = [90.0, 80.0, 30.0, 20.0]
    weights = { order_book_imbalance = 1.0 }
    [trading]
    mode = "live"
    account = "SIM"
    source = "venue"
    [trading.product.SYNTHETIC-ES]
    tick_value = 12.5
    round_turn = 5.0
    min_stop_ticks = 6
    contracts_max = 5
    [risk]
    rr_min = 0.02
    spread_max = 8
    depth_times = 1
    walk_max = 8.0
    collar = 50
    cadence_s = 1
    trades_max = 1000
    losses_max = 100
    throttle_max = 100
    orders_max = 1000
    stale_s = 600
"#;
/// Tier-1 events: none, all of the years of the synthetic market.
const NEWS: &str = "until,2030-01-01T00:00:00Z\n";

/// Makes `samples` orders in a run of its own; its files go to `folder`.
///
/// # Errors
/// Where an order does not come or is not what was decided, or the run does not end in order.
pub(super) fn run(place: &Place, folder: &Path, samples: u32, found: &mut Found) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut round = Round::start(place, folder)?;
    round.warm_up()?;
    for sample in 0..samples {
        let way = if sample % 2 == 0 { BuySell::Buy } else { BuySell::Sell };
        round.order(way, found).map_err(|error| {
            let journal = round.journal.display();
            anyhow!("order {sample}: {error:#} (mia explain {journal} says more)")
        })?;
    }
    let ended = round.end()?;
    let sent = ended.sent.ok_or_else(|| anyhow!("the run was no live one"))?;
    let journal = ended.journal.ok_or_else(|| anyhow!("the run has no journal"))?;
    if let Some(error) = journal.error {
        return Err(error.into());
    }
    if ended.lost > 0 || sent.unsent > 0 {
        bail!("{} journal records lost, {} commands not sent", ended.lost, sent.unsent);
    }
    found.inside.add(&sent.tick_to_send);
    found.held.add(&sent.held);
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

struct Round {
    live: Live,
    server: Server,
    clock: Clock,
    hand: Hand,
    journal: PathBuf,
    /// Receive time and number of the newest frame that the decision has told of, and its score.
    seen: Ts,
    seq: u64,
    /// It was one of the market, so that what was sent before has been read.
    market: bool,
    score: f64,
}

impl Round {
    fn start(place: &Place, folder: &Path) -> Result<Round> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let text = CONFIG.replace("ADDRESS", &listener.local_addr()?.to_string());
        let mut config = Config::parse(&text).map_err(|e| anyhow!(e))?;
        if let Some(trading) = &mut config.trading {
            trading.folder = folder.to_owned();
            trading.journal_first = place.journal_first;
        }
        config.threads.layout = place.layout;
        config.threads.idle = place.idle;
        if place.layout == Layout::Fused {
            config.threads.net_core = place.hot;
        }
        let instruments = config.instruments().map_err(|e| anyhow!(e))?;
        // Simulated data stay out of the records of live runs, whatever the orders do.
        let mut setup = Setup::new(config, instruments, "paper").map_err(|e| anyhow!(e))?;
        setup.news = Some(NEWS.to_owned());
        let start = Ts(START_NS + i64::from(WARM_UP_S + 5) * SECOND);
        let (clock, hand) = Clock::drill(start);
        let journal = folder.join("orders.mjrnl");
        let live = Live::start(&setup, Some(&journal), &clock).map_err(|e| anyhow!(e))?;
        let server = Server::accept(&listener, &clock)?;
        Ok(Round {
            live,
            server,
            clock,
            hand,
            journal,
            seen: Ts::NONE,
            seq: 0,
            market: false,
            score: 0.0,
        })
    }

    /// One turn of the venue and of whoever watches the run.
    fn turn(&mut self) -> Result<()> {
        self.server.serve()?;
        while let Ok(status) = self.live.status.pop() {
            let event = &status.frame.event;
            (self.seen, self.seq, self.market) = (event.ts, event.seq, event.is_market());
            self.score = status.confluence.score;
        }
        Ok(())
    }

    fn until(&mut self, what: &str, ready: impl Fn(&Round) -> bool) -> Result<()> {
        let start = self.clock.elapsed_ns();
        while !ready(self) {
            self.turn()?;
            if self.live.ended() {
                bail!("the run ended by itself");
            }
            if self.clock.elapsed_ns() - start > PATIENCE_NS {
                bail!("{what}: waited in vain");
            }
        }
        Ok(())
    }

    /// Serves until nothing has come for a while.
    fn quiet(&mut self) -> Result<()> {
        let start = self.clock.elapsed_ns();
        let idle = |round: &Round| {
            let since = start.max(round.server.heard_ns);
            round.clock.elapsed_ns().saturating_sub(since) >= QUIET_NS
        };
        self.until("quiet", idle)
    }

    /// Moves the clock on, and waits until an event of after that has gone through the core: two
    /// such steps of a second never fall into one turn of the net thread, but for what it reads
    /// meanwhile.
    fn step(&mut self, ns: i64) -> Result<()> {
        let next = self.forward(ns);
        self.until("the next moment", |round| round.seen >= next)
    }

    /// Moves the clock on; no event from now on is earlier than what is returned.
    fn forward(&self, ns: i64) -> Ts {
        let next = Ts(self.clock.now().0 + ns);
        self.hand.forward(ns);
        next
    }

    /// Waits until the core has had what was said of the last order: that must not seem to have
    /// taken seconds. An even book goes after it, and is repeated until it is seen.
    fn hear_out(&mut self) -> Result<()> {
        loop {
            let next = self.forward(SECOND / 10);
            self.server.book(EVEN, EVEN)?;
            self.until("a book", |round| round.seen >= next)?;
            if self.market {
                return Ok(());
            }
        }
    }

    /// Lets some seconds go by, each of them seen by the whole core.
    fn pass(&mut self, seconds: u32) -> Result<()> {
        (0..seconds).try_for_each(|_| self.step(SECOND))
    }

    /// Lets seconds go by until the run has nothing left to read: its events are Timers alone.
    fn catch_up(&mut self) -> Result<()> {
        let (mut last, mut still) = (0, 0);
        for _ in 0..CATCH_UP_S {
            self.pass(1)?;
            still = if self.seq == last + 1 { still + 1 } else { 0 };
            last = self.seq;
            if still == 3 {
                return Ok(());
            }
        }
        bail!("the run does not keep up with the market");
    }

    fn warm_up(&mut self) -> Result<()> {
        self.until("logon", |round| round.server.is_ready())?;
        let mut market = SyntheticMarket::new(&SyntheticConfig {
            symbols: vec![(es(), 5000.0)],
            steps_per_s: 4.0,
            duration_s: f64::from(WARM_UP_S),
            ..SyntheticConfig::default()
        });
        // Without depth there is no score, so nothing is ordered before its time.
        let shown = |body: &_| matches!(body, MarketBody::Trade { .. } | MarketBody::Quote { .. });
        let records = std::iter::from_fn(|| market.next()).filter(|record| shown(&record.body));
        for (number, record) in records.enumerate() {
            self.server.show(&record)?;
            // Little by little: a turn of the net thread that takes long would halt the entries.
            if number % PIECE == PIECE - 1 {
                self.step(SECOND / 10)?;
            }
        }
        self.server.book(EVEN, EVEN)?;
        self.catch_up()
    }

    fn order(&mut self, way: BuySell, found: &mut Found) -> Result<()> {
        self.hear_out()?;
        self.pass(APART_S)?;
        let (bids, asks) = match way {
            BuySell::Buy => (HEAVY, LIGHT),
            BuySell::Sell => (LIGHT, HEAVY),
        };
        self.server.book(bids, asks)?;
        self.quiet()?;
        if self.server.order(way)?.is_some() || self.server.working() > 0 {
            bail!("an order came before its tick");
        }
        let (tick, took) = self.server.decide(way)?;
        let Some(took) = took else {
            let kill = self.live.flags.gauges.kill();
            bail!("no order came; score before it {}, kill switch {kill:?}", self.score)
        };
        let start = self.clock.elapsed_ns();
        let bytes = loop {
            if let Some(bytes) = self.server.order(way)? {
                break bytes;
            }
            self.turn()?;
            if self.clock.elapsed_ns() - start > PATIENCE_NS {
                bail!("no bracket came");
            }
        };
        found.order(way, took, tick, bytes);
        Ok(())
    }

    fn end(mut self) -> Result<Ended> {
        self.quiet()?;
        self.live.flags.stop.store(true, Ordering::Relaxed);
        let start = self.clock.elapsed_ns();
        while !self.live.ended() {
            // The client hangs up.
            let _ = self.server.serve();
            if self.clock.elapsed_ns() - start > PATIENCE_NS {
                bail!("the run does not end");
            }
        }
        drop(self.server);
        self.live.stop().map_err(|e| anyhow!(e))
    }
}
