//! A trading run is killed again and again while it has orders at a venue. What the last one holds
//! is what the venue holds, open position, stop and target, and no id was used twice.
//!
//! A few kills as a rule; a hundred with `MIA_KILLS=100 cargo test --test kill -- --nocapture`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use dtc_sim::market::{Market, MarketRecord, SymbolSpec};
use dtc_sim::run::{Pace, ServeConfig, serve_with};
use dtc_sim::state::MarketState;
use dtc_sim::synthetic::{SyntheticConfig, SyntheticMarket};
use dtc_sim::venue::{Change, DeskOptions, NewOrder, NewPair, OrderEvent, Update, Venue};
use mia::calendar::Calendar;
use mia::cmd::venue::ExchangeVenue;
use mia::execution::exchange::Params;
use mia::journal::{Kind, Reader};
use mia::order::{Action, Command as Order};
use mia::runtime::clock::Clock;
use mia::runtime::player::Player;
use mia::runtime::setup::Setup;
use mia::units::{SymbolId, Ts};
use mia_test_support::live;
use zerocopy::FromBytes;
use zerocopy::little_endian::U64;

/// A venue that lets the test see what it holds.
struct Watched {
    inner: ExchangeVenue,
    /// Direction of each order, by number.
    ways: Vec<(u64, bool)>,
    position: Arc<AtomicI64>,
    fills: Arc<AtomicU64>,
    /// Total and filled contracts of the orders that are not over.
    open: BTreeMap<u64, [u32; 2]>,
    working: Arc<AtomicU64>,
    /// The market does nothing to orders any more, so that nothing moves between two looks.
    still: Arc<AtomicBool>,
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

/// Of a run that holds positions for `hold_s` at most.
fn configuration(folder: &Path, address: &str, hold_s: u32) -> PathBuf {
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
         folder = {:?}\n[threads]\nidle = \"backoff\"\n{}",
        folder.join("journal"),
        limits.replace("[trading]", &own),
    );
    let path = folder.join("mia.toml");
    std::fs::write(&path, text).expect("write");
    path
}

fn start(config: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_mia"))
        .args(["run", "--json", "--live", "--confirm", "SIM1", "--config"])
        .arg(config)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("starts")
}

/// New orders of every journal with their ids, and the position and the number of open orders that
/// the last one ends with.
fn journals(folder: &Path) -> (u64, BTreeSet<u64>, i32, u64) {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("journals").map(|e| e.expect("entry").path()).collect();
    paths.sort();
    let (mut orders, mut ids, mut position, mut open) = (0, BTreeSet::new(), 0, 0);
    for path in paths {
        let data = std::fs::read(&path).expect("journal");
        let Ok(reader) = Reader::open(&data) else { continue };
        for record in reader.records().filter(|r| r.kind == Kind::Command) {
            let words = <[U64; 4]>::read_from_bytes(record.payload).expect("four words");
            let command = Order::of_words(record.seq, Ts(record.ts), words.map(U64::get));
            let id = match command.expect("a command").action {
                Action::New { id, .. } | Action::Flatten { id } => id,
                _ => continue,
            };
            orders += 1;
            ids.insert(id.to_bits());
        }
        let setup = Setup::from_journal(&reader).expect("own build");
        let core = setup.core(mia::tally::SessionFilter::All);
        let mut pipeline = mia::pipeline::Pipeline::new(&core, setup.calendar.clone());
        let mut player = Player::new(reader, &setup.instruments).expect("bound");
        player
            .play(|event| {
                pipeline.on_event(event, &mia::context::Context::EMPTY);
            })
            .expect("plays");
        let trader = pipeline.judge().trader().expect("it trades");
        position = trader.orders().position(SymbolId(0)).expect("one symbol").qty;
        open = trader.orders().open_orders().count() as u64;
    }
    (orders, ids, position, open)
}

#[test]
fn killed_anywhere_it_comes_back_to_what_the_venue_holds() {
    let kills: u32 = std::env::var("MIA_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    let folder = live::folder("kill");
    let market = SyntheticMarket::new(&SyntheticConfig {
        seed: 11,
        symbols: vec![(SymbolSpec::new("ESH6", "CME", 0.25, 12.5), 5000.0)],
        // 18:05 New York, and then two days: long sessions without a halt.
        start_ns: 1_768_345_500_000_000_000,
        steps_per_s: 4.0,
        duration_s: 1e6,
        ..SyntheticConfig::default()
    });
    let (position, fills) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicU64::new(0)));
    let (working, still) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let calendar = Calendar::bundled().expect("calendar");
    let params = Params { latency_ns: 20_000_000_000, ..Params::default() };
    let venue = Watched {
        inner: ExchangeVenue::new(market.symbols(), params, calendar),
        ways: Vec::new(),
        position: position.clone(),
        fills: fills.clone(),
        open: BTreeMap::new(),
        working: working.clone(),
        still: still.clone(),
    };
    let serving = ServeConfig {
        pace: Pace::Times(600.0),
        wait_for_clients: true,
        desk: DeskOptions { account: "SIM1".to_owned(), cash: 5e6, ..DeskOptions::default() },
        ..ServeConfig::default()
    };
    let server = serve_with(serving, Box::new(market), Box::new(venue)).expect("loopback");
    let address = server.addr().to_string();
    let config = configuration(&folder, &address, 40);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for kill in 0..kills {
        let mut run = start(&config);
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        Clock::sleep(Duration::from_millis(3_000 + (random >> 33) % 4_000));
        run.kill().expect("killed");
        run.wait().expect("gone");
        println!("kill {kill}: {} fills", fills.load(Ordering::SeqCst));
    }
    // The last one is left to find its way. Once it holds something with its stop and target at the
    // venue, the market stands still and it is stopped: what it leaves is there to be compared.
    let mut run = start(&configuration(&folder, &address, 36_000));
    let standing = || position.load(Ordering::SeqCst) != 0 && working.load(Ordering::SeqCst) >= 2;
    for _ in 0..90_000 {
        if standing() {
            still.store(true, Ordering::SeqCst);
            Clock::sleep(Duration::from_millis(500));
            if standing() {
                break;
            }
            still.store(false, Ordering::SeqCst);
        }
        Clock::sleep(Duration::from_millis(1));
    }
    let id = run.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill").success());
    assert!(run.wait().expect("ended").success());
    server.stop();
    let stats = server.join();
    let (orders, ids, held, open) = journals(&folder.join("journal"));
    let (venue, fills) = (position.load(Ordering::SeqCst), fills.load(Ordering::SeqCst));
    let works = working.load(Ordering::SeqCst);
    println!("{orders} orders journaled, {} taken by the venue, {fills} fills", stats.orders);
    println!("position {held}, at the venue {venue}; open orders {open}, at the venue {works}");
    assert_eq!(ids.len() as u64, orders, "no id twice");
    assert_eq!(i64::from(held), venue, "both hold the same");
    assert_eq!(open, works, "and have the same orders open");
    assert!(held != 0 && open >= 2, "a position with its stop and target was left");
    assert!(fills >= u64::from(kills / 4).max(1), "a test without trades proves nothing");
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// A run whose output cannot be written, because the disk behind it is full or the terminal is
/// gone, or whose terminal hangs up, ends in order: its journal is whole.
#[test]
fn without_an_output_it_ends_in_order() {
    let folder = live::folder("streams");
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full");
    if full().is_err() {
        return;
    }
    let mia = env!("CARGO_BIN_EXE_mia");
    let deaf = "trap '' HUP; exec \"$0\" \"$@\"";
    // Standard output and error that cannot be written, and a hang-up that is heard or is not.
    for (name, broken, hangs_up, hears) in [
        ("stderr", [false, true], false, true),
        ("both", [true, true], false, true),
        ("hangup", [false, false], true, true),
        ("nohup", [false, false], true, false),
    ] {
        let [stdout, stderr] = broken.map(|broken| match broken {
            true => Stdio::from(full().expect("there")),
            false => Stdio::null(),
        });
        let journal = folder.join(format!("{name}.mjrnl"));
        let mut command = Command::new(if hears { mia } else { "sh" });
        if !hears {
            command.args(["-c", deaf, mia]);
        }
        let seconds = if hangs_up && hears { "60" } else { "4" };
        command.args(["demo", "--seconds", seconds, "--journal"]).arg(&journal);
        let clock = Clock::new();
        let began = clock.now();
        let mut run = command.stdout(stdout).stderr(stderr).spawn().expect("starts");
        if hangs_up {
            Clock::sleep(Duration::from_millis(2_000));
            let id = run.id().to_string();
            assert!(Command::new("kill").args(["-HUP", &id]).status().expect("kill").success());
        }
        let status = run.wait().expect("ended");
        // A report that finds no output is an error, and no signal.
        assert_eq!(status.code(), Some(i32::from(broken[0])), "{name}: {status}");
        let took = clock.now().since(began) / 1_000_000;
        assert!(hears || took >= 4_000, "it was to outlive its terminal: {took} ms");
        assert!(took < 40_000, "{name}: {took} ms");
        let args = ["--check", "--json"];
        let replay = Command::new(mia).arg("replay").arg(&journal).args(args).output();
        let replay = replay.expect("replays");
        assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stderr));
    }
    std::fs::remove_dir_all(folder).expect("clean up");
}
