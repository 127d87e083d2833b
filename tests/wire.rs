//! Backtest equals paper. A run on paper over a socket and the replay of its journal do the same,
//! event for event. And the file, its times rounded as the wire rounds them, gives the same orders
//! and fills at the same n-th market event of each symbol as the run against `dtc-sim`.
//!
//! What a run makes of a market depends on the times at which it receives it: how old data are, how
//! long a command is under way, how many orders a second are sent. The run here receives the market
//! at the recorded times (see [`stepped`]), with the limits of `tests/trading.toml` and every rule
//! of time at work. Timers carry no exchange time and their place is the same in both, so nothing
//! is left that depends on the machine.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Command;

use dtc_sim::encode::Generation;
use dtc_sim::market::{Aggressor, Market, MarketBody, MarketRecord, Side, SymbolSpec};
use dtc_sim::synthetic::{SyntheticConfig, SyntheticMarket};
use mia::book::Level;
use mia::cmd::market::as_sent;
use mia::cmd::playback::{Input, Step, play};
use mia::config::{Config, Layout, ProductConfig};
use mia::context::Context;
use mia::event::{Body, Event, flag};
use mia::feed::stream::Stream;
use mia::feed::{Counters, FeedError, Source};
use mia::order::{BuySell, ExitReason, OrderKind, Role, Veto};
use mia::pipeline::{Judge, Pipeline};
use mia::runtime::files::{TickFiles, load};
use mia::runtime::setup::Setup;
use mia::tally::SessionFilter;
use mia::trader::note::Note;
use mia::units::{self, Instrument, Px, Qty, SECOND, Ts};
use mia_test_support::live::Plan;
use mia_test_support::stepped::{self, Script};
use mia_test_support::{es_file, live};
use serde_json::Value;

/// The limits of `tests/trading.toml`.
fn config() -> Config {
    let text = std::fs::read_to_string("tests/trading.toml").expect("tests/trading.toml");
    Config::parse(&text).expect("valid")
}

/// The same for ES and NQ, with an account that no loss of theirs stops.
fn config_of_two() -> Config {
    let mut config = config();
    let trading = config.trading.as_mut().expect("set");
    trading.equity = 1e6;
    let product = ProductConfig { min_stop_ticks: Some(8), ..ProductConfig::default() };
    trading.product.insert("NQ".to_owned(), product);
    // NQ is traded only where it is named.
    trading.symbols = ["ESH6", "NQH6"].map(str::to_owned).to_vec();
    config
}

/// What trading did, without what differs between any two runs.
#[derive(Clone, Debug, PartialEq)]
enum Did {
    /// A signal and what refused it.
    Refused(BuySell, Veto),
    /// A signal and the entry that left: contracts, limit, stop, target.
    Entered(BuySell, OrderKind, Qty, Option<Px>, [Px; 2]),
    /// An order changed its state.
    Ordered(Role, &'static str, Qty, Qty),
    /// An execution.
    Filled(Role, BuySell, Qty, Px),
    /// A round trip: contracts, mean prices in and out, net profit.
    Closed(BuySell, Qty, [Option<f64>; 2], Option<f64>, ExitReason),
}

fn did(note: &Note) -> Option<Did> {
    Some(match note {
        Note::Decision(of) => match (of.entry, of.veto) {
            (Some(e), _) => Did::Entered(of.way, e.kind, e.qty, e.px, [e.stop, e.target]),
            (None, veto) => Did::Refused(of.way, veto?),
        },
        Note::Order(of) => Did::Ordered(of.role, of.state, of.qty, of.filled),
        Note::Fill(of) => Did::Filled(of.role, of.way, of.qty, of.px),
        Note::Trade(of) => {
            Did::Closed(of.way, of.qty, [of.entry, of.exit], of.net_usd(), of.reason)
        }
        _ => return None,
    })
}

/// What a run saw and did, by symbol.
#[derive(Debug, Default)]
struct Seen {
    /// Market events: exchange time and content.
    events: Vec<Vec<(Ts, Body)>>,
    /// What it did, each with the number of its symbol's market event at that time.
    did: Vec<Vec<(usize, Did)>>,
    equity: Option<f64>,
}

impl Seen {
    fn new(symbols: usize) -> Seen {
        Seen { events: vec![Vec::new(); symbols], did: vec![Vec::new(); symbols], equity: None }
    }

    fn step(&mut self, event: &Event, pipeline: &Pipeline) {
        if event.is_market() && !event.has(flag::SNAPSHOT) {
            let tally = pipeline.judge().tally(event.symbol).expect("a symbol");
            let (bid, ask) = (tally.book().bids().best(), tally.book().asks().best());
            let seen = match event.body {
                // Compact trades do not say which part of an unbundled trade they are.
                Body::Trade { px, qty, aggressor, .. } => {
                    Body::Trade { px, qty, aggressor, unbundled: 0 }
                }
                body => body,
            };
            let body = match (event.body, bid, ask) {
                // Over the wire the end of a batch is its best level once more; without a level
                // there is nothing to say.
                (Body::BatchEnd, None, None) => None,
                (Body::BatchEnd, Some(best), _) => Some((units::Side::Bid, best)),
                (Body::BatchEnd, None, Some(best)) => Some((units::Side::Ask, best)),
                _ => None,
            };
            let level = |(side, of): (units::Side, Level)| Body::Depth {
                side,
                px: of.px,
                qty: of.qty,
                orders: of.orders,
            };
            if event.body != Body::BatchEnd || body.is_some() {
                let body = body.map_or(seen, level);
                self.events[usize::from(event.symbol.0)].push((event.ts_exch, body));
            }
        }
        let trader = pipeline.judge().trader().expect("it trades");
        for note in trader.notes() {
            if let Some(did) = did(note) {
                let symbol = usize::from(event.symbol.0);
                self.did[symbol].push((self.events[symbol].len(), did));
            }
        }
        self.equity = trader.equity_usd();
    }

    /// Counts of what must be there: entries long and short, fills, round trips.
    fn counts(&self) -> Vec<[usize; 4]> {
        let count = |all: &Vec<(usize, Did)>| {
            let of = |what: fn(&Did) -> bool| all.iter().filter(|(_, did)| what(did)).count();
            [
                of(|did| matches!(did, Did::Entered(BuySell::Buy, ..))),
                of(|did| matches!(did, Did::Entered(BuySell::Sell, ..))),
                of(|did| matches!(did, Did::Filled(..))),
                of(|did| matches!(did, Did::Closed(..))),
            ]
        };
        self.did.iter().map(count).collect()
    }
}

/// Element for element, the first difference said.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, file: &[T], live: &[T]) {
    for (at, (file, live)) in file.iter().zip(live).enumerate() {
        assert_eq!(live, file, "{what} {at}: over the wire, and from the file");
    }
    assert_eq!(live.len(), file.len(), "{what}: how many");
}

/// What the live run did, from its journal, which repeats it bit for bit.
fn recorded(journal: &Path, ended: &Judge, symbols: usize) -> Seen {
    let mut seen = Seen::new(symbols);
    let each = |event: &Event, pipeline: &Pipeline| seen.step(event, pipeline);
    let (replayed, _) = live::replay_journal_with(journal, each);
    assert_eq!(replayed.judge().digest(), ended.digest(), "it covers every order and fill");
    let equity = |judge: &Judge| judge.trader().expect("it trades").equity_usd();
    assert_eq!(equity(replayed.judge()), equity(ended));
    seen
}

/// A setup as `mia backtest` makes it.
fn backtest(config: &Config, instruments: &[Instrument]) -> Setup {
    Setup::new(config.clone(), instruments.to_vec(), "replay").expect("valid")
}

/// Runs `script` over the wire and compares what it did with `file`. Returns the journal.
fn compare(script: Script, instruments: &[Instrument], plan: &Plan, file: &Seen) -> PathBuf {
    let (form, layout) = (plan.generation, plan.layout);
    let folder = live::folder(&format!("wire-{}-{form:?}", instruments.len()));
    let journal = folder.join("a.mjrnl");
    let mut plan = plan.clone();
    plan.symbols = instruments.iter().map(|i| (i.symbol.clone(), i.tick)).collect();
    let trading = plan.trading.as_mut().and_then(|config| config.trading.as_mut());
    trading.expect("set").folder = folder.join("data");
    let (ended, _) = stepped::run(script, instruments, &plan, &journal);
    let records = ended.records.as_ref().expect("it trades");
    assert!(records.error.is_none(), "{records:?}");
    assert!(records.written.as_ref().expect("whole").records > 0);
    let live = recorded(&journal, &ended.judge, instruments.len());
    for (at, instrument) in instruments.iter().enumerate() {
        let symbol = &instrument.symbol;
        let [long, short, fills, trips] = file.counts()[at];
        let events = file.events[at].len();
        println!(
            "{form:?} {layout:?} {symbol}: {events} market events, {long} entries long, \
             {short} short, {fills} fills, {trips} round trips"
        );
        same(&format!("{symbol}: market event"), &file.events[at], &live.events[at]);
        same(&format!("{symbol}: act"), &file.did[at], &live.did[at]);
        assert!(long >= 3 && short >= 3, "{symbol}: a run without trades proves nothing");
        assert!(fills >= 6 && trips >= 3, "{symbol}");
    }
    assert_eq!(live.equity, file.equity);
    journal
}

fn plan(config: Config, (generation, layout): (Generation, Layout)) -> Plan {
    let decision = Some(config.decision.clone());
    Plan { generation, layout, decision, trading: Some(config), ..Plan::new(Vec::new()) }
}

const FORMS: [(Generation, Layout); 3] = [
    (Generation::Compact, Layout::Fused),
    (Generation::V2, Layout::Split),
    (Generation::Float, Layout::Split),
];

/// The real hour.
#[test]
fn a_file_trades_as_over_the_wire() {
    let Some(path) = es_file() else { return };
    let load = || TickFiles::new(vec![load(&path).expect("readable")], None).expect("symbols");
    // The third form rounds as the second does.
    for form in FORMS.into_iter().take(2) {
        let (plan, generation) = (plan(config(), form), form.0);
        // A minute before the opening: nothing trades before it, and minutes of it are silent.
        let (files, mut script) = (load(), Script::new(Ts(1_703_545_140 * SECOND)));
        let instruments = files.instruments.clone();
        let mut stream = files.stream().expect("readable");
        while let Some(event) = stream.next_event().expect("whole") {
            script.add(&event, &instruments, &plan);
        }
        let of = |sent| {
            let mut file = Seen::new(instruments.len());
            let input = Input::Ticks { files: &files, contexts: &[], sent };
            let each = |step: &Step<'_>| {
                file.step(step.event, step.pipeline);
                Ok(())
            };
            play(&backtest(&config(), &instruments), &input, each).expect("plays");
            file
        };
        let file = of(Some(generation));
        // With whole seconds the decision is another one: what is compared depends on the times.
        assert!(generation != Generation::Compact || file.did != of(None).did);
        let journal = compare(script, &instruments, &plan, &file);
        let form = format!("{generation:?}").to_lowercase();
        said_by_the_binary(&path, &journal, &form);
        std::fs::remove_dir_all(journal.parent().expect("a folder")).expect("clean up");
    }
}

/// The same, as a user sees it.
fn said_by_the_binary(file: &Path, journal: &Path, form: &str) {
    let folder = journal.parent().expect("a folder");
    let run = |what: &Path, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mia"));
        command.arg("backtest").arg(what).args(["--json", "--out"]).arg(folder.join("backtest"));
        command.args(more).output().expect("runs")
    };
    let backtest = |what: &Path, more: &[&str]| -> Value {
        let done = run(what, more);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let all: Value = serde_json::from_slice(&done.stdout).expect("JSON");
        all["sets"][0].clone()
    };
    let limits = ["--config", "tests/trading.toml", "--wire-times", form];
    let (file, paper) = (backtest(file, &limits), backtest(journal, &[]));
    assert!(!run(journal, &limits).status.success(), "a journal has its times");
    for key in ["edges", "vetoes", "entries_long", "entries_short", "fills"] {
        assert!(!file[key].is_null(), "{key} is missing");
        assert_eq!(file[key], paper[key], "{key}: {form}");
    }
    let of = |set: &Value| set["report"]["summary"].clone();
    assert!(!of(&file).is_null() && of(&file) == of(&paper), "statistics: {form}");
}

/// Events in a row.
struct Listed(VecDeque<Event>);

impl Source for Listed {
    fn pull(&mut self, out: &mut VecDeque<Event>) -> Result<bool, FeedError> {
        let event = self.0.pop_front();
        out.extend(event);
        Ok(event.is_some())
    }

    fn counters(&self) -> Counters {
        Counters::default()
    }
}

/// A synthetic market as a file would have it, received a quarter of a millisecond after it
/// happened.
fn listed(market: &mut SyntheticMarket, instruments: &[Instrument]) -> VecDeque<Event> {
    let event = |record: MarketRecord| {
        let instrument = &instruments[usize::from(record.symbol)];
        let px = |price: f64| Px::clamped((price / instrument.tick).round() as i64);
        let (body, end) = match record.body {
            MarketBody::Trade { price, volume, aggressor, unbundled } => {
                let aggressor = match aggressor {
                    Aggressor::None => units::Aggressor::None,
                    Aggressor::Buy => units::Aggressor::Buy,
                    Aggressor::Sell => units::Aggressor::Sell,
                };
                (Body::Trade { px: px(price), qty: volume, aggressor, unbundled }, false)
            }
            MarketBody::Depth { side, delete, price, quantity, orders, final_in_batch, .. } => {
                let side = match side {
                    Side::Bid => units::Side::Bid,
                    Side::Ask => units::Side::Ask,
                };
                let qty = if delete { 0 } else { quantity };
                (Body::Depth { side, px: px(price), qty, orders }, final_in_batch)
            }
            MarketBody::BatchEnd => (Body::BatchEnd, true),
            // A book that is empty already: nothing is said of it.
            MarketBody::ClearBook => return None,
            MarketBody::Quote { bid, ask } => {
                let side = |s: Option<(f64, f64)>| s.map(|(price, qty)| (px(price), qty as Qty));
                (Body::Quote { bid: side(bid), ask: side(ask) }, true)
            }
        };
        let (ts_exch, symbol) = (Ts(record.ts_ns), units::SymbolId(record.symbol));
        let flags = if end { flag::BATCH_END } else { 0 };
        Some(Event { seq: 0, ts: Ts(record.ts_ns + 250_000), ts_exch, symbol, flags, body })
    };
    std::iter::from_fn(|| market.next()).filter_map(event).collect()
}

/// Two made-up symbols.
#[test]
fn two_symbols_trade_as_over_the_wire() {
    for form in FORMS {
        let (plan, generation) = (plan(config_of_two(), form), form.0);
        let spec = |name, value| SymbolSpec::new(name, "", 0.25, value);
        let mut market = SyntheticMarket::new(&SyntheticConfig {
            seed: 5,
            symbols: vec![(spec("ESH6", 12.5), 5000.0), (spec("NQH6", 5.0), 18_000.0)],
            steps_per_s: 3.0,
            duration_s: 2400.0,
            ..SyntheticConfig::default()
        });
        let instruments =
            ["ESH6", "NQH6"].map(|name| Instrument::from_symbol(name).expect("a known root"));
        let events = listed(&mut market, &instruments);
        let mut script = Script::new(Ts::NONE);
        events.iter().for_each(|event| script.add(event, &instruments, &plan));

        let setup = backtest(&config_of_two(), &instruments);
        let core = setup.core(SessionFilter::All);
        let mut pipeline = Pipeline::new(&core, setup.calendar.clone());
        let sources: Vec<Box<dyn Source>> = vec![Box::new(Listed(events))];
        let mut stream = Stream::new(sources, 2).changed(|event| as_sent(generation, event));
        let mut file = Seen::new(instruments.len());
        while let Some(event) = stream.next_event().expect("a list") {
            pipeline.on_event(&event, &Context::EMPTY);
            file.step(&event, &pipeline);
        }
        let journal = compare(script, &instruments, &plan, &file);
        std::fs::remove_dir_all(journal.parent().expect("a folder")).expect("clean up");
    }
}
