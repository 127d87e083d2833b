//! Trading on recorded input: the hour trades, and a backtest of it equals that of its journal. How
//! that compares with a live run: `tests/wire.rs`.

use std::path::Path;
use std::process;

use mia::config::Config;
use mia::context::Context;
use mia::event::{Body, Event, HaltCause, Sequencer};
use mia::journal::{Kind, Reader};
use mia::order::{
    Action, BuySell, Command, ExecutionId, Fill, KillState, Listing, OrderId, OrderUpdate,
    QTY_UNKNOWN, RejectClass, Status, UpdateReason,
};
use mia::pipeline::{Pipeline, split};
use mia::runtime::decision::Decider;
use mia::runtime::files::{TickFiles, load};
use mia::runtime::player::Player;
use mia::runtime::records;
use mia::runtime::setup::Setup;
use mia::snapshot::Publisher;
use mia::store::trades::Collector;
use mia::tally::SessionFilter;
use mia::trader::Trader;
use mia::trader::note::{Closed, Decided, Note};
use mia::units::{Instrument, SECOND, SymbolId, Ts};
use mia_test_support::{es_file, events, live, replay_with};
use rtrb::RingBuffer;
use serde_json::Value;

/// For headers of runs that write nothing.
const START: Ts = Ts(0);

/// The limits of `tests/trading.toml`.
fn config() -> Config {
    let text = std::fs::read_to_string("tests/trading.toml").expect("tests/trading.toml");
    Config::parse(&text).expect("valid")
}

/// What trading did: entries long and short, fills, round trips, their profit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Did {
    entries: [u64; 2],
    fills: u64,
    trades: u64,
    net_usd: f64,
    /// Contracts bought less contracts sold.
    held: i64,
    lost: u64,
}

impl Did {
    fn note(&mut self, note: &Note) {
        match note {
            Note::Decision(decided) if decided.entry.is_some() => {
                self.entries[usize::from(decided.way == BuySell::Sell)] += 1;
            }
            Note::Fill(fill) => {
                self.fills += 1;
                self.held += i64::from(fill.way.sign()) * i64::from(fill.qty);
            }
            Note::Trade(closed) => {
                self.trades += 1;
                self.net_usd += closed.net_usd().expect("on paper all is known");
            }
            _ => {}
        }
    }
}

/// On the real hour: orders in both directions, and the position is what the fills add up to.
#[test]
fn the_real_hour_trades_both_ways() {
    let Some(path) = es_file() else { return };
    let mut did = Did::default();
    let (mut signals, mut inside, mut orders) = (0, 0, 0);
    let all = replay_with(&[path], config(), SessionFilter::All, |_, pipeline| {
        let trader = pipeline.judge().trader().expect("it trades");
        trader.notes().iter().for_each(|note| did.note(note));
        let symbol = SymbolId(0);
        let readable = pipeline.judge().tally(symbol).expect("one").book().is_readable();
        let counts = pipeline.judge().signals();
        if counts.long + counts.short > signals {
            signals = counts.long + counts.short;
            inside += u64::from(!readable);
        }
        if trader.notes().iter().any(|note| matches!(note, Note::Decision(_))) {
            assert!(readable, "half of a book is no market to decide on");
        }
        let new = |c: &&Command| matches!(c.action, Action::New { .. });
        orders += trader.commands().iter().filter(new).count() as u64;
        let position = trader.orders().position(symbol).expect("one symbol").qty;
        assert_eq!(i64::from(position), did.held, "the sum of the fills");
        let venue = trader.exchange().expect("paper").positions().next().expect("one").1;
        assert_eq!(venue, position, "what the exchange says");
    });
    println!("{did:?}; {inside} of {signals} signals rose inside a batch of the book");
    assert!(orders >= did.entries.iter().sum(), "what the simulated exchange took is told");
    assert!(did.entries.iter().all(|&n| n >= 3), "both ways: {did:?}");
    assert!(did.trades >= 6 && did.fills >= 2 * did.trades, "{did:?}");
    let trader = all.pipeline.judge().trader().expect("it trades");
    assert_eq!(trader.notes_lost(), 0);
    // Equity is where it began, what the round trips made, and what is open.
    let equity = trader.equity_usd().expect("known");
    let open = equity - 100_000.0 - did.net_usd;
    assert!(open.abs() < 2_000.0 && (did.held != 0 || open.abs() < 1e-6), "{open} {did:?}");
}

/// An emergency on paper closes what is open before the exchange is left.
#[test]
fn an_emergency_closes_first() {
    let Some(path) = es_file() else { return };
    let setup = {
        let instrument = Instrument::from_symbol("ESH4").expect("known");
        Setup::new(config(), vec![instrument], "replay").expect("valid")
    };
    let mut pipeline = Pipeline::new(&setup.core(SessionFilter::All), setup.calendar.clone());
    let (mut sequencer, mut held_at) = (Sequencer::default(), None);
    let held = |pipeline: &Pipeline| {
        let trader = pipeline.judge().trader().expect("it trades");
        trader.orders().position(SymbolId(0)).expect("one symbol").qty
    };
    for event in events(&path) {
        pipeline.on_event(&sequencer.stamp(event), &Context::EMPTY);
        if held_at.is_none() && held(&pipeline) != 0 {
            held_at = Some(event.ts);
            let (state, cause) = (KillState::Emergency, HaltCause::Command);
            let halt = Event { body: Body::Halt { state, cause }, flags: 0, ..event };
            pipeline.on_event(&sequencer.stamp(halt), &Context::EMPTY);
        }
        if held_at.is_some_and(|at| event.ts.since(at) > 10 * SECOND) {
            break;
        }
    }
    assert!(held_at.is_some(), "it traded");
    let exchange = pipeline.judge().trader().and_then(Trader::exchange).expect("paper");
    let at_venue = exchange.positions().next().expect("one").1;
    assert_eq!((held(&pipeline), at_venue), (0, 0));
}

/// What the simulated exchange takes stands in the journal, as what was never sent.
#[test]
fn orders_on_paper_are_journaled() {
    let Some(path) = es_file() else { return };
    let instrument = Instrument::from_symbol("ESH4").expect("known");
    let setup = Setup::new(config(), vec![instrument], "paper").expect("valid");
    let core = setup.core(SessionFilter::All);
    let (mut features, judge) = split(&core, setup.calendar.clone());
    let (_publisher, adopter) = Publisher::new();
    let ((records, mut journal), (status, _shown)) = (RingBuffer::new(512), RingBuffer::new(4));
    let mut decider = Decider::new(judge, adopter, Some(records), status);
    let (mut sequencer, mut entries) = (Sequencer::default(), 0);
    for event in events(&path) {
        decider.on_frame(features.on_event(&sequencer.stamp(event)).expect("a frame"));
        while let Ok(record) = journal.pop() {
            assert_ne!(record.kind, Kind::Command, "nothing was sent");
            let [a, b, c, d, _] = record.words;
            let command = Command::of_words(record.seq, record.ts, [a, b, c, d]);
            let simulated = record.kind == Kind::Simulated;
            let action = command.filter(|_| simulated).map(|command| command.action);
            entries += u32::from(matches!(action, Some(Action::New { parent: true, .. })));
        }
        if entries > 1 {
            return;
        }
    }
    panic!("{entries} entries in the hour");
}

fn mia(arguments: &[&str]) -> Value {
    let done =
        process::Command::new(env!("CARGO_BIN_EXE_mia")).args(arguments).output().expect("runs");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{arguments:?}: {said}");
    serde_json::from_slice(&done.stdout).unwrap_or(Value::Null)
}

/// A file and the journal of its replay, one job and two, the first time and from what is kept.
#[test]
fn backtests_agree() {
    let Some(es) = es_file() else { return };
    let folder = live::folder("backtest");
    let name = |path: &Path| path.to_string_lossy().into_owned();
    let (es, journal) = (name(&es), name(&folder.join("es.mjrnl")));
    let limits = "tests/trading.toml";
    mia(&["replay", &es, "--config", limits, "--journal", &journal, "--json"]);
    let out = |n: u32| name(&folder.join(n.to_string()));
    let file = mia(&["backtest", &es, "--config", limits, "--out", &out(1), "--json"]);
    let again = mia(&["backtest", &es, "--config", limits, "--out", &out(1), "--json"]);
    let recorded = mia(&["backtest", &journal, "--out", &out(2), "--json"]);
    assert_eq!(file, again, "what is kept is what was made");
    assert_eq!(file, recorded, "the journal of a replay");
    let entries = |side: &str| file["sets"][0][side].as_u64().expect("a number");
    assert!(entries("entries_long") >= 3 && entries("entries_short") >= 3, "{file}");

    let grid = folder.join("grid.toml");
    std::fs::write(&grid, "[decision]\ngate = [30.0, 35.0]\n").expect("write");
    let grid = name(&grid);
    let with = |jobs: &str, to: &str| {
        let arguments = ["backtest", &es, &journal, "--config", limits, "--grid", &grid];
        mia(&[&arguments[..], &["--jobs", jobs, "--out", to, "--json"]].concat())
    };
    assert_eq!(with("1", &out(3)), with("2", &out(4)), "the number of jobs changes nothing");
    for file in ["runs.parquet", "trades.parquet"] {
        let read = |n: u32| std::fs::read(folder.join(n.to_string()).join(file)).expect("written");
        assert_eq!(read(3), read(4), "{file}");
    }

    every_order_is_explained(&journal);
    let why = mia(&["explain", &journal, "--json"]);
    let gates = why["gates"].as_array().expect("gates");
    assert_eq!(gates.len(), 12);
    let parts = why["features"].as_array().expect("features").iter();
    let d: f64 = parts.filter_map(|f| f["contribution"].as_f64()).sum();
    assert!((d - why["d"].as_f64().expect("D")).abs() < 1e-12, "the parts add up to D: {why}");
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// The decision behind each kind of order of a journal: an entry, its stop and target, an exit.
fn every_order_is_explained(journal: &str) {
    let data = std::fs::read(journal).expect("journal");
    let reader = Reader::open(&data).expect("journal");
    let (mut entry, mut exit) = (None, None);
    let setup = Setup::from_journal(&reader).expect("own build");
    let mut pipeline = Pipeline::new(&setup.core(SessionFilter::All), setup.calendar.clone());
    let mut player = Player::new(reader, &setup.instruments).expect("bound");
    let played = player.play(|event| {
        pipeline.on_event(event, &Context::EMPTY);
        for command in pipeline.judge().commands() {
            match command.action {
                Action::New { id, parent: true, .. } => {
                    entry.get_or_insert(id);
                }
                Action::New { id, .. } | Action::Flatten { id } => {
                    exit.get_or_insert(id);
                }
                _ => {}
            }
        }
    });
    played.expect("plays");
    let (entry, exit) = (entry.expect("entries"), exit.expect("exits"));
    let why = |id: OrderId| mia(&["explain", journal, "--order", &id.to_string(), "--json"]);
    for (n, role) in (0..).zip(["ENTRY", "STOP", "TARGET"]) {
        let why = why(entry.plus(n));
        assert_eq!(why["asked"]["role"], role, "{why}");
        assert_eq!(why["order"]["id"], entry.to_string());
        assert_eq!(
            (&why["asked"]["adopted"], &why["asked"]["cause"]),
            (&false.into(), &Value::Null)
        );
    }
    let why = why(exit);
    assert_eq!(why["asked"]["role"], "EXIT", "{why}");
    assert_eq!(why["asked"]["trade"], why["order"]["id"], "the decision of what it closes");
    let reason = why["asked"]["cause"]["reason"].as_str().expect("a reason");
    assert!(["TIME", "REVERSAL"].contains(&reason), "{why}");
}

/// A run whose orders the test answers.
struct Desk {
    pipeline: Pipeline,
    seq: u64,
    entries: Vec<(OrderId, Ts)>,
    alerts: Vec<&'static str>,
    /// Class of the refusals that were noted.
    refused: Vec<RejectClass>,
    /// Decisions, and what statistics hold of them.
    decided: Vec<Decided>,
    sample: Collector,
}

impl Desk {
    /// Takes an event and refuses, for `class`, each entry that it leads to, with its bracket.
    fn take(&mut self, event: Event, class: RejectClass) {
        let mut waiting = vec![event];
        while let Some(event) = waiting.pop() {
            self.seq += 1;
            self.pipeline.on_event(&Event { seq: self.seq, ..event }, &Context::EMPTY);
            for note in self.pipeline.judge().notes() {
                self.sample.note(note);
                match note {
                    Note::Decision(decided) => self.decided.push(*decided),
                    Note::Alert(alert) => self.alerts.push(alert.rule),
                    Note::Order(order) => self.refused.extend(order.refused),
                    _ => {}
                }
            }
            for command in self.pipeline.judge().commands() {
                let Action::New { id, parent: true, .. } = command.action else { continue };
                self.entries.push((id, event.ts));
                let refusal = |n| refusal(command, id.plus(n), class);
                waiting.extend([2, 1, 0].map(refusal));
            }
        }
    }

    fn kill(&self) -> KillState {
        self.pipeline.judge().trader().expect("it trades").risk().kill()
    }
}

fn refusal(command: &Command, id: OrderId, class: RejectClass) -> Event {
    let update = OrderUpdate {
        id,
        status: Status::Rejected,
        reason: UpdateReason::NewRejected,
        way: None,
        kind: None,
        qty: QTY_UNKNOWN,
        filled: QTY_UNKNOWN,
        px: None,
        class,
    };
    let (ts, symbol, body) = (command.ts, SymbolId(0), Body::Order(update));
    Event { seq: 0, ts, ts_exch: Ts::NONE, symbol, flags: 0, body }
}

/// The real hour at a venue that refuses everything. Within the five seconds in which a new intent
/// would be a duplicate the only second order is the second try, and that only after a disturbance.
#[test]
fn a_refused_entry_has_the_consequence_of_its_class() {
    let Some(path) = es_file() else { return };
    let market = events(&path);
    let files = TickFiles::new(vec![load(&path).expect("readable")], None).expect("symbols");
    for class in RejectClass::ALL {
        let setup = Setup::new(config(), files.instruments.clone(), "replay").expect("valid");
        let mut core = setup.core(SessionFilter::All);
        core.trading.as_mut().expect("it trades").exchange = None;
        let mut desk = Desk {
            pipeline: Pipeline::new(&core, setup.calendar.clone()),
            seq: 0,
            entries: Vec::new(),
            alerts: Vec::new(),
            refused: Vec::new(),
            decided: Vec::new(),
            sample: Collector::new(&records::header(&setup, START), setup.calendar.clone()),
        };
        for event in &market {
            if desk.entries.first().is_some_and(|first| event.ts.since(first.1) > 4 * SECOND) {
                break;
            }
            desk.take(*event, class);
        }
        println!("{class:?}: {:?} {:?}", desk.entries, desk.alerts);
        let tries = if class == RejectClass::Transient { 2 } else { 1 };
        assert_eq!(desk.entries.len(), tries, "{class:?}");
        if let [(first, _), (second, _)] = desk.entries[..] {
            assert_eq!(second, first.plus(3), "new ids");
        }
        // The second try is no second edge.
        let (again, edges): (Vec<&Decided>, Vec<&Decided>) =
            desk.decided.iter().partition(|decided| decided.again.is_some());
        assert_eq!(again.len(), tries - 1);
        for decided in again {
            let [first, second] = [0, 1].map(|n| desk.entries[n].0);
            assert_eq!((decided.again, decided.entry.map(|e| e.id)), (Some(first), Some(second)));
        }
        let sample = desk.sample.clone().into_sample();
        assert_eq!(sample.decisions, edges.len() as u64);
        let asked = sample.inputs().entries.0;
        let meant = edges.iter().find_map(|decided| decided.entry).expect("one").qty;
        assert_eq!(asked, u64::from(meant), "what is asked for twice is wanted once");
        assert_eq!(desk.refused, vec![class; 3 * tries], "entry, stop and target");
        let name = format!("order_refused_{}", class.name());
        let said = desk.alerts.iter().filter(|alert| **alert == name).count();
        assert_eq!(said, 3 * tries, "somebody should look");
        let stops = matches!(class, RejectClass::Margin | RejectClass::Permission);
        assert_eq!(desk.kill() == KillState::HaltEntries, stops, "{class:?}");
    }
}

/// A venue that fills what it is sent, at the price of now.
struct Filled {
    pipeline: Pipeline,
    sequencer: Sequencer,
    executions: u64,
    entered: Option<(Decided, OrderId)>,
    closed: Vec<Closed>,
}

impl Filled {
    fn put(&mut self, at: Event, body: Body) -> Vec<Command> {
        let event = Event { body, flags: 0, ts_exch: Ts::NONE, ..at };
        self.market(event)
    }

    fn market(&mut self, event: Event) -> Vec<Command> {
        self.pipeline.on_event(&self.sequencer.stamp(event), &Context::EMPTY);
        for note in self.pipeline.judge().notes() {
            match note {
                Note::Decision(decided) => {
                    let entry = decided.entry.map(|entry| (*decided, entry.id));
                    self.entered = self.entered.or(entry);
                }
                Note::Trade(closed) => self.closed.push(*closed),
                _ => {}
            }
        }
        self.pipeline.judge().commands().to_vec()
    }

    fn connect(&mut self, at: Event, position: i32) {
        self.put(at, Body::Link(true));
        let open: Vec<_> = self
            .pipeline
            .judge()
            .trader()
            .expect("it trades")
            .orders()
            .open_orders()
            .copied()
            .collect();
        for order in open {
            self.put(
                at,
                Body::Order(OrderUpdate {
                    id: order.id,
                    status: Status::Open,
                    reason: UpdateReason::OpenOrders,
                    way: Some(order.way),
                    kind: Some(order.kind),
                    qty: order.qty,
                    filled: order.filled,
                    px: order.px,
                    class: RejectClass::Unknown,
                }),
            );
        }
        self.put(at, Body::Position(position));
        for listing in [Listing::Orders, Listing::Positions, Listing::Balance, Listing::Fills] {
            self.put(at, Body::Listed(listing));
        }
    }

    fn fill(&mut self, at: Event, id: OrderId, way: BuySell, qty: u32, px: mia::units::Px) {
        self.executions += 1;
        let execution = ExecutionId::new(self.executions);
        self.put(at, Body::Fill(Fill { id, execution, px, qty, way }));
    }
}

/// The program ends with a position and starts again: what closes it is the round trip of its
/// decision, with the features as they were then, and a row for learning like any other.
#[test]
fn a_trade_keeps_its_decision_over_a_restart() {
    let Some(path) = es_file() else { return };
    let files = TickFiles::new(vec![load(&path).expect("readable")], None).expect("symbols");
    let setup = Setup::new(config(), files.instruments.clone(), "replay").expect("valid");
    let mut core = setup.core(SessionFilter::All);
    let trading = core.trading.as_mut().expect("it trades");
    (trading.exchange, trading.orders.inside) = (None, false);
    let mut run = Filled {
        pipeline: Pipeline::new(&core, setup.calendar.clone()),
        sequencer: Sequencer::default(),
        executions: 0,
        entered: None,
        closed: Vec::new(),
    };
    let market = events(&path);
    run.connect(market[0], 0);
    let mut filled = None;
    for &event in &market {
        for command in run.market(event) {
            if let Action::New { id, way, qty, parent: true, .. } = command.action {
                let (decided, _) = run.entered.expect("decided first");
                let px = decided.market.asks.levels()[0].0;
                run.fill(event, id, way, qty, px);
                filled = Some((event, id, way, qty, px));
            }
        }
        if filled.is_some() {
            break;
        }
    }
    let (at, id, way, qty, px) = filled.expect("an entry");
    let trader = run.pipeline.judge().trader().expect("it trades");
    let start = &mut core.trading.as_mut().expect("it trades").start;
    (start.risk, start.orders) = (*trader.risk().state(), trader.orders().to_text());
    let trips = trader.trips_text();
    start.trips.clone_from(&trips);
    run.pipeline = Pipeline::new(&core, setup.calendar.clone());
    let again = run.pipeline.judge().trader().expect("it trades");
    assert_eq!(again.trips_text(), trips, "the next restart knows it too");
    let frozen = again.decision(SymbolId(0), id).copied();
    let (decided, _) = run.entered.expect("decided");
    assert_eq!(frozen, Some(decided.frozen()));
    run.connect(at, way.sign() * i32::try_from(qty).expect("few"));
    run.fill(at, id.plus(2), way.opposite(), qty, px);
    let [closed] = run.closed[..] else { panic!("one round trip: {:?}", run.closed) };
    assert_eq!((closed.trade, closed.decided), (id, Some(decided.at.ts)));
    assert_eq!((closed.d, closed.coverage), (Some(decided.d), Some(decided.coverage)));
    assert_eq!((closed.tier, closed.vix), (Some(decided.tier), decided.vix));
    assert_eq!(closed.features, decided.features);
    assert!(closed.features.iter().filter(|slot| slot.value().is_some()).count() > 10);
    assert_eq!(closed.label, Some(decided.market.label));
    assert_eq!(closed.regime[0], decided.market.regime);
    assert_eq!(closed.volatility[0], decided.market.volatility);
    assert!(closed.r().is_some() && closed.slippage.0.is_some(), "its plan and its mid");
}
