//! Round trips beside the orders: what a run takes over from the run before it, from the venue or
//! from somebody else's hand counts like what it opened itself.

use mia::config::Config;
use mia::context::Context;
use mia::event::{Body, Event, HaltCause, Sequencer, flag};
use mia::execution::{Admit, Changes, Moment, Order, Outbox, Plan, Queue};
use mia::order::{
    Action, BuySell, Command, ExecutionId, Fill, KillState, Listing, OrderId, OrderKind,
    OrderUpdate, RejectClass, Status, UpdateReason,
};
use mia::pipeline::{CoreParams, Pipeline};
use mia::risk::{Rule, State};
use mia::runtime::setup::Setup;
use mia::tally::SessionFilter;
use mia::trader::note::{Closed, Note, Stamp};
use mia::trader::{Trader, check_trips};
use mia::units::{Aggressor, Instrument, Px, SECOND, SymbolId, Ts};
use proptest::prelude::*;

/// 2026-01-14 10:00 New York.
const START: Ts = Ts(1_768_402_800 * SECOND);
const SYMBOL: SymbolId = SymbolId(0);
const MS: i64 = 1_000_000;

/// A core whose orders go to a venue that the test plays.
struct World {
    setup: Setup,
    core: CoreParams,
    pipeline: Pipeline,
    sequencer: Sequencer,
    ts: Ts,
    executions: u64,
    closed: Vec<Closed>,
    alerts: Vec<&'static str>,
    positions: Vec<i32>,
    commands: Vec<Command>,
}

impl World {
    fn new() -> World {
        let text = std::fs::read_to_string("tests/trading.toml").expect("tests/trading.toml");
        let config = Config::parse(&text).expect("valid");
        let instruments = vec![Instrument::from_symbol("ESH6").expect("known")];
        let setup = Setup::new(config, instruments, "replay").expect("valid");
        let mut core = setup.core(SessionFilter::All);
        let trading = core.trading.as_mut().expect("set");
        (trading.exchange, trading.orders.inside) = (None, false);
        // Somebody lifts what holds, no date does.
        trading.risk.attended = true;
        let pipeline = Pipeline::new(&core, setup.calendar.clone());
        World {
            setup,
            core,
            pipeline,
            sequencer: Sequencer::default(),
            ts: START,
            executions: 0,
            closed: Vec::new(),
            alerts: Vec::new(),
            positions: Vec::new(),
            commands: Vec::new(),
        }
    }

    fn trader(&self) -> &Trader {
        self.pipeline.judge().trader().expect("it trades")
    }

    fn state(&self) -> &State {
        self.trader().risk().state()
    }

    fn unmeasured(&self) -> bool {
        self.state().holds.since(Rule::Unmeasured).is_some()
    }

    /// What the orders hold, and that the round trips hold the same for the same trade.
    fn held(&self) -> i32 {
        let position = self.trader().orders().position(SYMBOL).expect("one symbol");
        let at = Stamp { seq: 0, ts: self.ts, market_time: self.ts, symbol: SYMBOL };
        let trips: Vec<(i32, OrderId)> =
            self.trader().held(at).map(|held| (held.qty, held.trade)).collect();
        let orders = (position.qty != 0).then_some((position.qty, position.trade));
        assert_eq!(trips, Vec::from_iter(orders), "round trips and orders");
        position.qty
    }

    /// Living orders of ours.
    fn living(&self) -> Vec<Order> {
        self.trader().orders().open_orders().filter(|o| o.id.is_ours()).copied().collect()
    }

    fn event(&mut self, body: Body) {
        self.flagged(0, body);
    }

    fn flagged(&mut self, flags: u8, body: Body) {
        self.ts.0 += MS;
        let (ts, symbol) = (self.ts, SYMBOL);
        let event = Event { seq: 0, ts, ts_exch: ts, symbol, flags, body };
        let event = self.sequencer.stamp(event);
        self.pipeline.on_event(&event, &Context::EMPTY);
        let judge = self.pipeline.judge();
        self.commands.extend_from_slice(judge.commands());
        for note in judge.notes() {
            match note {
                Note::Trade(closed) => self.closed.push(*closed),
                Note::Alert(alert) => self.alerts.push(alert.rule),
                Note::Position(held) => self.positions.push(held.qty),
                _ => {}
            }
        }
        self.held();
        assert!(!self.alerts.contains(&"round_trip_lost"));
    }

    fn connect(&mut self, position: i32) {
        self.event(Body::Link(true));
        for order in self.living() {
            self.event(Body::Order(OrderUpdate {
                id: order.id,
                status: Status::Open,
                reason: UpdateReason::OpenOrders,
                way: Some(order.way),
                kind: Some(order.kind),
                qty: order.qty,
                filled: order.filled,
                px: order.px,
                class: RejectClass::Unknown,
            }));
        }
        self.event(Body::Position(position));
        for listing in [Listing::Orders, Listing::Positions, Listing::Balance, Listing::Fills] {
            self.event(Body::Listed(listing));
        }
    }

    fn trade(&mut self, ticks: i32) {
        let (px, aggressor) = (Px::new(ticks).expect("px"), Aggressor::Buy);
        self.event(Body::Trade { px, qty: 1, aggressor, unbundled: 0 });
    }

    /// An execution of an order; of somebody else's where none is given.
    fn fill(&mut self, id: Option<OrderId>, way: BuySell, qty: u32, ticks: i32) {
        self.executions += 1;
        let id = id.unwrap_or(OrderId::foreign(7));
        let (execution, px) = (ExecutionId::new(self.executions), Px::new(ticks).expect("px"));
        self.event(Body::Fill(Fill { id, execution, px, qty, way }));
    }

    /// The program ends and starts again.
    fn restart(&mut self) {
        self.restart_with(self.trader().orders().to_text());
    }

    /// An entry of two with its bracket leaves, and the program starts again; where an entry may
    /// leave now, its id.
    fn enter(&mut self, way: BuySell) -> Option<OrderId> {
        let at = |ticks: i32| Px::new(24_000 + way.sign() * ticks).expect("px");
        let plan = Plan {
            seq: 0,
            ts: self.ts,
            symbol: SYMBOL,
            way,
            kind: OrderKind::Limit,
            qty: 2,
            px: at(0),
            stop: at(-40),
            target: at(80),
            again: OrderId::NONE,
        };
        let mut orders = self.trader().orders().clone();
        let (mut out, mut changes) = (Outbox::default(), Changes::default());
        let id = orders.enter(&plan, &mut out).ok()?;
        let now = Moment { seq: 0, ts: self.ts };
        let admit = &mut |_: &Command| Admit::Now;
        Queue::default().pass(now, &mut orders, &mut out, &mut changes, admit, &mut |_| true);
        let held = self.held();
        self.restart_with(orders.to_text());
        self.connect(held);
        Some(id)
    }

    fn restart_with(&mut self, orders: String) {
        let trader = self.trader();
        let (risk, trips) = (*trader.risk().state(), trader.trips_text());
        assert_eq!(check_trips(&trips, 1), Ok(()));
        let start = &mut self.core.trading.as_mut().expect("set").start;
        (start.risk, start.orders, start.trips) = (risk, orders, trips.clone());
        start.equity_usd = None;
        self.pipeline = Pipeline::new(&self.core, self.setup.calendar.clone());
        assert_eq!(self.trader().trips_text(), trips, "as it was");
        self.held();
    }
}

/// The run before bought two by hand; this one sells them.
#[test]
fn a_position_of_the_run_before_counts() {
    let mut world = World::new();
    world.connect(0);
    world.trade(24_000);
    world.fill(None, BuySell::Buy, 2, 24_000);
    assert_eq!((world.held(), world.state().trades), (2, 1));
    world.restart();
    world.connect(2);
    assert_eq!((world.held(), world.state().trades), (2, 1), "it is no second trade");
    world.trade(23_990);
    let open = world.state().open_usd;
    assert!((-270.0..-250.0).contains(&open), "ten ticks of two contracts, and fees: {open}");
    world.fill(None, BuySell::Sell, 2, 23_990);
    assert_eq!((world.held(), world.state().trades, world.state().losses), (0, 1, 1));
    let [closed] = world.closed[..] else { panic!("one round trip") };
    let net = closed.net_usd().expect("known");
    assert_eq!(closed.gross_usd, Some(-250.0));
    assert!((world.state().day_usd - net).abs() < 1e-9 && world.state().open_usd == 0.0);
    assert_eq!(world.positions.last(), Some(&0), "flat is told");
    assert!(!world.unmeasured());
    // The next one is a new one, and no end of a phantom.
    world.fill(None, BuySell::Buy, 1, 23_980);
    assert_eq!((world.held(), world.state().trades, world.closed.len()), (1, 2, 1));
}

/// One fill closes a trade and opens the other side: what is beyond flat is a trade of its own, for
/// the orders as for the round trips, and so is what a late fill of a closed trade opens.
#[test]
fn through_flat_is_another_trade() {
    let mut world = World::new();
    world.connect(0);
    world.trade(24_000);
    let id = world.enter(BuySell::Buy).expect("an entry");
    world.fill(Some(id), BuySell::Buy, 2, 24_000);
    let of = |world: &World| world.trader().orders().position(SYMBOL).expect("one").trade;
    assert_eq!((world.held(), of(&world)), (2, id));
    world.fill(Some(id.plus(1)), BuySell::Sell, 5, 23_960);
    let beyond = of(&world);
    assert!(world.held() == -3 && beyond != id && !beyond.is_ours(), "{beyond}");
    world.fill(None, BuySell::Buy, 3, 23_960);
    world.fill(Some(id.plus(2)), BuySell::Sell, 2, 24_080);
    let late = of(&world);
    assert!(world.held() == -2 && late != beyond && !late.is_ours(), "{late}");
    let trades: Vec<OrderId> = world.closed.iter().map(|closed| closed.trade).collect();
    assert_eq!(trades, [id, beyond]);
    assert!(world.closed.iter().all(|closed| closed.risk_usd.is_none()), "nobody planned these");
}

/// Somebody else's trips are told apart.
#[test]
fn trips_of_others_have_ids_of_their_own() {
    let mut world = World::new();
    world.connect(0);
    world.trade(24_000);
    for _ in 0..3 {
        world.fill(None, BuySell::Buy, 1, 24_000);
        world.fill(None, BuySell::Sell, 1, 24_001);
    }
    let mut ids: Vec<String> = world.closed.iter().map(|c| c.trade.to_string()).collect();
    assert!(ids.iter().all(|id| id.starts_with("foreign-")), "{ids:?}");
    ids.dedup();
    assert_eq!(ids.len(), 3, "{ids:?}");
    assert!(world.closed.iter().all(|c| c.d.is_none() && c.tier.is_none() && c.label.is_none()));
}

/// A position that nobody says the price of: its profit is unknown, and entries are halted.
#[test]
fn a_position_that_is_taken_over_has_no_known_profit() {
    let mut world = World::new();
    world.connect(3);
    assert_eq!((world.held(), world.state().trades), (3, 1));
    assert!(world.unmeasured() && world.trader().risk().kill() >= KillState::HaltEntries);
    world.trade(24_000);
    world.fill(None, BuySell::Sell, 3, 24_000);
    assert_eq!((world.held(), world.closed.len()), (0, 0), "a price may still come");
    // It does not: the venue has listed all it has.
    world.connect(0);
    let [closed] = world.closed[..] else { panic!("one round trip") };
    assert_eq!((closed.net_usd(), closed.entry, closed.exit), (None, None, Some(24_000.0)));
    assert_eq!((world.held(), world.state().day_usd, world.state().losses), (0, 0.0, 0));
    assert!(world.alerts.contains(&"profit_unknown"));
}

/// An emergency flattens first: only then the connection is closed.
#[test]
fn an_emergency_disconnects_when_it_is_flat() {
    let emergency = Body::Halt { state: KillState::Emergency, cause: HaltCause::Command };
    let gone = |world: &World| world.commands.iter().any(|c| c.action == Action::Disconnect);
    let flatten = |world: &World| {
        world.commands.iter().find_map(|c| match c.action {
            Action::Flatten { id } => Some(id),
            _ => None,
        })
    };
    let mut world = World::new();
    world.connect(0);
    world.trade(24_000);
    world.fill(None, BuySell::Buy, 2, 24_000);
    world.event(Body::Position(2));
    world.event(emergency);
    let id = flatten(&world).expect("it flattens");
    assert!(!gone(&world), "with a position the connection is needed");
    let update = |status, reason, filled| OrderUpdate {
        id,
        status,
        reason,
        way: Some(BuySell::Sell),
        kind: Some(OrderKind::Market),
        qty: 2,
        filled,
        px: None,
        class: RejectClass::Unknown,
    };
    world.event(Body::Order(update(Status::Open, UpdateReason::Accepted, 0)));
    world.fill(Some(id), BuySell::Sell, 2, 23_999);
    world.event(Body::Order(update(Status::Filled, UpdateReason::Filled, 2)));
    world.event(Body::Position(0));
    world.trade(24_000);
    assert!(world.held() == 0 && gone(&world), "flat: {:?}", world.commands);

    // A venue that does not answer: the connection is closed all the same, but not at once.
    let mut world = World::new();
    world.connect(0);
    world.trade(24_000);
    world.fill(None, BuySell::Buy, 2, 24_000);
    world.event(emergency);
    for second in 0..40 {
        assert_eq!(gone(&world), second >= 30, "after {second} s");
        world.ts.0 += SECOND - MS;
        world.event(Body::Timer);
    }
}

/// Without a link nothing is closed: the wait for a flat account begins when it is back.
#[test]
fn an_emergency_in_an_outage_flattens_once_the_link_is_back() {
    let emergency = Body::Halt { state: KillState::Emergency, cause: HaltCause::Command };
    let sent = |world: &World, is: fn(&Action) -> bool| {
        world.commands.iter().filter(|c| is(&c.action)).count()
    };
    let gone = |world: &World| sent(world, |a| *a == Action::Disconnect);
    let flattens = |world: &World| sent(world, |a| matches!(a, Action::Flatten { .. }));
    let mut world = World::new();
    world.connect(0);
    world.trade(24_000);
    world.fill(None, BuySell::Buy, 2, 24_000);
    world.event(Body::Link(false));
    world.event(emergency);
    let seconds = |world: &mut World, n: u32| {
        for _ in 0..n {
            world.ts.0 += SECOND - MS;
            world.event(Body::Timer);
        }
    };
    seconds(&mut world, 120);
    assert_eq!((gone(&world), flattens(&world)), (0, 0), "nobody hears it");
    // Half a minute is a whole one again, however often the link breaks.
    for _ in 0..2 {
        world.connect(2);
        seconds(&mut world, 20);
        assert!(gone(&world) == 0 && flattens(&world) > 0);
        world.event(Body::Link(false));
        seconds(&mut world, 20);
    }
    world.connect(2);
    seconds(&mut world, 29);
    assert_eq!(gone(&world), 0);
    seconds(&mut world, 3);
    assert_eq!(gone(&world), 1, "a venue that does not close it");
    // That did not reach the connection any more: it has to be said again.
    world.event(Body::Link(false));
    connect_again(&mut world, 0, 50_000.0, None);
    seconds(&mut world, 1);
    assert_eq!((world.held(), gone(&world)), (0, 2));
}

/// The link comes up, the venue holds `position` and is worth `usd`, and then lists `fill`.
fn connect_again(world: &mut World, position: i32, usd: f64, fill: Option<Fill>) {
    world.event(Body::Link(true));
    world.event(Body::Listed(Listing::Orders));
    world.event(Body::Position(position));
    world.event(Body::Listed(Listing::Positions));
    world.event(Body::Balance(usd));
    world.event(Body::Listed(Listing::Balance));
    fill.into_iter().for_each(|fill| world.flagged(flag::LISTED, Body::Fill(fill)));
    world.event(Body::Listed(Listing::Fills));
}

/// An exit that was missed is in the balance that comes before it.
#[test]
fn a_fill_that_was_missed_is_in_the_balance_already() {
    let mut world = World::new();
    connect_again(&mut world, 0, 100_000.0, None);
    assert_eq!(world.trader().equity_usd(), Some(100_000.0));
    world.trade(24_000);
    world.fill(None, BuySell::Buy, 2, 24_000);
    world.trade(24_000);
    world.event(Body::Flatten { all: true });
    let id = world.commands.iter().find_map(|c| match c.action {
        Action::Flatten { id } => Some(id),
        _ => None,
    });
    world.event(Body::Link(false));
    let px = Px::new(24_100).expect("px");
    let (id, execution) = (id.expect("it flattens"), ExecutionId::new(77));
    let fill = Fill { id, execution, px, qty: 2, way: BuySell::Sell };
    connect_again(&mut world, 0, 102_500.0, Some(fill));
    assert_eq!((world.held(), world.closed.len()), (0, 1));
    assert_eq!(world.closed[0].gross_usd, Some(2_500.0));
    assert!(world.state().day_usd > 2_400.0, "the day has won it");
    assert_eq!(world.trader().equity_usd(), Some(102_500.0), "once");
    assert_eq!(world.state().month_peak, Some(102_500.0));
    // With the link up a balance counts at once.
    world.event(Body::Balance(102_000.0));
    assert_eq!(world.trader().equity_usd(), Some(102_000.0));
}

/// The balance of a connect knows the market of now, the mark of before the outage does not.
#[test]
fn what_the_market_did_in_an_outage_is_in_the_balance_already() {
    for restart in [false, true] {
        let mut world = World::new();
        connect_again(&mut world, 0, 100_000.0, None);
        world.trade(24_000);
        world.fill(None, BuySell::Buy, 2, 24_000);
        world.trade(24_000);
        world.event(Body::Link(false));
        if restart {
            world.restart();
        }
        connect_again(&mut world, 2, 101_250.0, None);
        assert_eq!((world.held(), world.trader().equity_usd()), (2, Some(101_250.0)));
        world.trade(24_050);
        let equity = world.trader().equity_usd().expect("known");
        assert!((equity - 101_250.0).abs() < 1e-6, "{equity}");
        assert!(world.state().open_usd > 1_200.0);
        // From here on the market moves the equity.
        world.trade(24_060);
        let equity = world.trader().equity_usd().expect("known");
        assert!((equity - 101_500.0).abs() < 1e-6, "{equity}");
    }
}

/// Whatever number of contracts a venue can say is compared, not computed with.
#[test]
fn a_position_out_of_all_bounds_stops_trading() {
    for venue in [i32::MIN, i32::MAX] {
        let mut world = World::new();
        world.connect(0);
        world.trade(24_000);
        world.fill(None, if venue < 0 { BuySell::Buy } else { BuySell::Sell }, 5, 24_000);
        world.event(Body::Position(venue));
        world.ts.0 += 3 * SECOND;
        world.event(Body::Timer);
        assert!(world.alerts.contains(&"position_mismatch"), "{:?}", world.alerts);
        assert!(world.trader().risk().kill() >= KillState::HaltTrading);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Trade(i32),
    Foreign {
        buy: bool,
        qty: u32,
        ticks: i32,
    },
    Seconds(u8),
    Reconnect(i32),
    Restart,
    /// An entry with its bracket, where one may leave.
    Enter {
        buy: bool,
    },
    /// A living order of ours fills, be it beyond its size.
    Own {
        pick: u8,
        qty: u32,
        ticks: i32,
    },
    /// The operator closes what is open.
    Flatten,
}

fn step() -> impl Strategy<Value = Step> {
    let ticks = || 23_900..24_100;
    prop_oneof![
        1 => ticks().prop_map(Step::Trade),
        1 => (any::<bool>(), 1..5_u32, ticks()).prop_map(|(buy, qty, ticks)| Step::Foreign {
            buy,
            qty,
            ticks
        }),
        1 => (1..5_u8).prop_map(Step::Seconds),
        1 => (-4..5).prop_map(Step::Reconnect),
        1 => Just(Step::Restart),
        1 => any::<bool>().prop_map(|buy| Step::Enter { buy }),
        4 => (any::<u8>(), 1..6_u32, ticks()).prop_map(|(pick, qty, ticks)| Step::Own {
            pick,
            qty,
            ticks
        }),
        1 => Just(Step::Flatten),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 48,
        ..ProptestConfig::default()
    })]

    /// Whatever is filled, taken over and restarted: round trips hold what the orders hold, and
    /// the day has lost or won what they say.
    #[test]
    fn round_trips_follow_the_orders(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        world.connect(0);
        // Before the first trade no date is known: it begins the day.
        world.trade(24_000);
        for step in steps {
            match step {
                Step::Trade(ticks) => world.trade(ticks),
                Step::Foreign { buy, qty, ticks } => {
                    let way = if buy { BuySell::Buy } else { BuySell::Sell };
                    world.fill(None, way, qty, ticks);
                }
                Step::Seconds(n) => (0..n).for_each(|_| {
                    world.ts.0 += SECOND;
                    world.event(Body::Timer);
                }),
                Step::Reconnect(position) => {
                    world.event(Body::Link(false));
                    world.connect(position);
                }
                Step::Restart => {
                    let held = world.held();
                    world.restart();
                    world.connect(held);
                }
                Step::Enter { buy } => {
                    let _ = world.enter(if buy { BuySell::Buy } else { BuySell::Sell });
                }
                Step::Own { pick, qty, ticks } => {
                    let living = world.living();
                    let order = living.get(usize::from(pick) % living.len().max(1));
                    if let Some(&Order { id, way, .. }) = order {
                        world.fill(Some(id), way, qty, ticks);
                    }
                }
                Step::Flatten => world.event(Body::Flatten { all: true }),
            }
        }
        let known: f64 = world.closed.iter().filter_map(Closed::net_usd).sum();
        prop_assert!((world.state().day_usd - known).abs() < 1e-6);
        if world.closed.iter().any(|closed| closed.net_usd().is_none()) {
            prop_assert!(world.unmeasured());
        }
    }
}
