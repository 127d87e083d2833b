//! A venue over a socket that lets the test see what it holds, and live runs against it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use dtc_sim::market::{Market, MarketRecord, SymbolSpec};
use dtc_sim::run::{Pace, ServeConfig, ServerHandle, serve_with};
use dtc_sim::state::MarketState;
use dtc_sim::synthetic::{SyntheticConfig, SyntheticMarket};
use dtc_sim::venue::{Change, DeskOptions, NewOrder, NewPair, OrderEvent, Update, Venue};
use mia::calendar::Calendar;
use mia::cmd::venue::ExchangeVenue;
use mia::execution::exchange::Params;
use mia::runtime::clock::Clock;

/// A venue that lets the test see what it holds.
pub(crate) struct Watched {
    inner: ExchangeVenue,
    /// Direction of each order, by number.
    ways: Vec<(u64, bool)>,
    position: Arc<AtomicI64>,
    fills: Arc<AtomicU64>,
    /// Total and filled contracts of the orders that are not over.
    open: BTreeMap<u64, [u32; 2]>,
    working: Arc<AtomicU64>,
    flattens: Arc<AtomicU64>,
    /// The market does nothing to orders any more, so that nothing moves between two looks.
    still: Arc<AtomicBool>,
}

/// What the test sees of a [`Watched`], and may tell it.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    /// Contracts held, below 0 = short.
    pub(crate) position: Arc<AtomicI64>,
    /// Executions so far.
    pub(crate) fills: Arc<AtomicU64>,
    /// Orders that are not over.
    pub(crate) working: Arc<AtomicU64>,
    /// Flattens that were asked for.
    pub(crate) flattens: Arc<AtomicU64>,
    /// Whether the market does nothing to orders any more.
    pub(crate) still: Arc<AtomicBool>,
}

impl Seen {
    pub(crate) fn position(&self) -> i64 {
        self.position.load(Ordering::SeqCst)
    }

    pub(crate) fn working(&self) -> u64 {
        self.working.load(Ordering::SeqCst)
    }

    /// A position with its stop and target at the venue.
    fn standing(&self) -> bool {
        self.position() != 0 && self.working() >= 2
    }

    /// Waits for a position with its stop and target at the venue, where the market then stands
    /// still; whether that came about.
    pub(crate) fn stands_still(&self) -> bool {
        for _ in 0..90_000 {
            if self.standing() {
                self.still.store(true, Ordering::SeqCst);
                Clock::sleep(Duration::from_millis(500));
                if self.standing() {
                    return true;
                }
                self.still.store(false, Ordering::SeqCst);
            }
            Clock::sleep(Duration::from_millis(1));
        }
        false
    }
}

/// Serves a market of two days at 600 times its pace, to whoever is there.
pub(crate) fn serve() -> (ServerHandle, Seen) {
    let market = SyntheticMarket::new(&SyntheticConfig {
        seed: 11,
        symbols: vec![(SymbolSpec::new("ESH6", "CME", 0.25, 12.5), 5000.0)],
        // 18:05 New York, and then two days: long sessions without a halt.
        start_ns: 1_768_345_500_000_000_000,
        steps_per_s: 4.0,
        duration_s: 1e6,
        ..SyntheticConfig::default()
    });
    let seen = Seen::default();
    let calendar = Calendar::bundled().expect("calendar");
    let params = Params { latency_ns: 20_000_000_000, ..Params::default() };
    let venue = Watched {
        inner: ExchangeVenue::new(market.symbols(), params, calendar),
        ways: Vec::new(),
        position: seen.position.clone(),
        fills: seen.fills.clone(),
        open: BTreeMap::new(),
        working: seen.working.clone(),
        flattens: seen.flattens.clone(),
        still: seen.still.clone(),
    };
    let serving = ServeConfig {
        pace: Pace::Times(600.0),
        wait_for_clients: true,
        desk: DeskOptions { account: "SIM1".to_owned(), cash: 5e6, ..DeskOptions::default() },
        ..ServeConfig::default()
    };
    let server = serve_with(serving, Box::new(market), Box::new(venue)).expect("loopback");
    (server, seen)
}

impl Watched {
    /// An order has come.
    fn takes(&mut self, number: u64, quantity: u32) {
        self.open.insert(number, [quantity, 0]);
        self.working.store(self.open.len() as u64, Ordering::SeqCst);
    }
}

impl Venue for Watched {
    fn submit(&mut self, order: &NewOrder, market: &MarketState) {
        self.ways.push((order.number, order.buy));
        self.takes(order.number, order.quantity);
        self.inner.submit(order, market);
    }

    fn submit_pair(&mut self, pair: &NewPair, market: &MarketState) {
        self.ways.extend([(pair.first.number, pair.first.buy)]);
        self.ways.extend([(pair.second.number, pair.second.buy)]);
        for order in [&pair.first, &pair.second] {
            self.takes(order.number, order.quantity);
        }
        self.inner.submit_pair(pair, market);
    }

    fn cancel(&mut self, number: u64, market: &MarketState) {
        self.inner.cancel(number, market);
    }

    fn replace(&mut self, change: &Change, market: &MarketState) {
        self.inner.replace(change, market);
    }

    fn flatten(&mut self, number: u64, symbol: u16, market: &MarketState) {
        // Of how many contracts is said with the answer.
        self.takes(number, u32::MAX);
        self.flattens.fetch_add(1, Ordering::SeqCst);
        self.inner.flatten(number, symbol, market);
    }

    fn on_record(&mut self, record: &MarketRecord, market: &MarketState) {
        if !self.still.load(Ordering::SeqCst) {
            self.inner.on_record(record, market);
        }
    }

    fn on_end(&mut self, market: &MarketState) {
        self.inner.on_end(market);
    }

    fn poll(&mut self) -> Option<Update> {
        let update = self.inner.poll()?;
        match update.event {
            OrderEvent::Flattens { buy, quantity } => {
                self.ways.push((update.number, buy));
                self.open.insert(update.number, [quantity, 0]);
            }
            OrderEvent::Rejected(_) | OrderEvent::Canceled(_) => {
                self.open.remove(&update.number);
            }
            OrderEvent::Opened { quantity }
            | OrderEvent::Resized(quantity)
            | OrderEvent::Replaced { quantity, .. } => {
                self.open.entry(update.number).or_default()[0] = quantity;
            }
            OrderEvent::Filled { quantity, .. } => {
                let way = self.ways.iter().rev().find(|way| way.0 == update.number);
                let sign = if way.expect("a known order").1 { 1 } else { -1 };
                self.position.fetch_add(sign * i64::from(quantity), Ordering::SeqCst);
                self.fills.fetch_add(1, Ordering::SeqCst);
                if let Some([total, filled]) = self.open.get_mut(&update.number) {
                    *filled += quantity;
                    if filled >= total {
                        self.open.remove(&update.number);
                    }
                }
            }
            _ => {}
        }
        self.working.store(self.open.len() as u64, Ordering::SeqCst);
        Some(update)
    }
}

/// Of a run that holds positions for `hold_s` at most, with `layout` of its threads.
pub(crate) fn configuration(folder: &Path, address: &str, hold_s: u32, layout: &str) -> PathBuf {
    let limits = std::fs::read_to_string("tests/trading.toml").expect("tests/trading.toml");
    let limits = limits.replace("max_hold_s = 40", &format!("max_hold_s = {hold_s}"));
    let news = folder.join("news.txt");
    std::fs::write(&news, "until,2100-01-01T00:00:00Z\n").expect("write");
    let own = format!(
        "[trading]\nfolder = {:?}\nmode = \"live\"\naccount = \"SIM1\"\nsource = \"sim\"\n\
         news = {news:?}\non_stop = \"leave\"",
        folder.join("data")
    );
    let text = format!(
        "[[symbols]]\nname = \"ESH6\"\nsource = \"sim\"\n[[sources]]\nkind = \"dtc\"\n\
         name = \"sim\"\naddress = \"{address}\"\nbackoff_first_ms = 20\n[journal]\n\
         folder = {:?}\n[threads]\nlayout = \"{layout}\"\nidle = \"backoff\"\n{}",
        folder.join("journal"),
        limits.replace("[trading]", &own),
    );
    let path = folder.join("mia.toml");
    std::fs::write(&path, text).expect("write");
    path
}

pub(crate) fn start(config: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_mia"))
        .args(["run", "--json", "--live", "--confirm", "SIM1", "--config"])
        .arg(config)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("starts")
}
