//! The exchange against small markets written out by hand.

use super::*;
use crate::order::{BuySell, Listing, OrderKind};
use crate::units::{Aggressor, Px, Qty, Side};

const SYMBOL: SymbolId = SymbolId(0);
const ID: OrderId = OrderId::new(20_260_105, 1);
const MS: i64 = 1_000_000;

/// A market with its exchange; every event is 1 ms after the one before.
struct Stage {
    exchange: Exchange,
    book: Book,
    out: Reports,
    now: i64,
    open: bool,
}

impl Stage {
    fn new(params: Params) -> Stage {
        let exchange = Exchange::new(params, 1);
        let mut stage =
            Stage { exchange, book: Book::new(), out: Reports::new(), now: 0, open: true };
        for (at, qty) in [(100, 10), (99, 20), (98, 30)] {
            stage.level(Side::Bid, at, qty);
        }
        for (at, qty) in [(101, 5), (102, 7), (103, 9)] {
            stage.level(Side::Ask, at, qty);
        }
        stage
    }

    fn prompt() -> Stage {
        Stage::new(Params { latency_ns: 0, ..Params::default() })
    }

    fn event(&mut self, body: Body) -> Vec<Body> {
        self.flagged(body, flag::BATCH_END)
    }

    fn flagged(&mut self, body: Body, flags: u8) -> Vec<Body> {
        self.now += MS;
        let ts = Ts(self.now);
        let event = Event { seq: self.now as u64, ts, ts_exch: ts, symbol: SYMBOL, flags, body };
        self.book.apply(&event);
        self.out.clear();
        self.exchange.on_event(&event, self.open, &self.book, &mut self.out);
        self.out.events().iter().for_each(|e| assert_eq!((e.seq, e.ts), (event.seq, ts)));
        self.out.events().iter().map(|e| e.body).collect()
    }

    fn level(&mut self, side: Side, at: i64, qty: Qty) -> Vec<Body> {
        self.event(Body::Depth { side, px: Px::clamped(at), qty, orders: 1 })
    }

    fn trade(&mut self, at: i64, qty: Qty, aggressor: Aggressor) -> Vec<Body> {
        self.flagged(Body::Trade { px: Px::clamped(at), qty, aggressor, unbundled: 0 }, 0)
    }

    fn send(&mut self, action: Action) {
        self.exchange.submit(&Command { seq: 1, ts: Ts(self.now), symbol: SYMBOL, action });
    }

    fn new_order(&mut self, id: OrderId, way: BuySell, kind: OrderKind, qty: Qty, at: i64) {
        let px = Px::clamped(at);
        self.send(Action::New { id, way, kind, qty, px, parent: false });
    }

    fn parent(&mut self, kind: OrderKind, qty: Qty, at: i64, stop: i64, target: i64) {
        let px = Px::clamped(at);
        self.send(Action::New { id: ID, way: BuySell::Buy, kind, qty, px, parent: true });
        let (stop, target) = (Px::clamped(stop), Px::clamped(target));
        self.send(Action::Bracket { parent: ID, child: 1, way: BuySell::Sell, qty, stop, target });
    }

    fn position(&self) -> i32 {
        self.exchange.positions().map(|p| p.1).next().unwrap()
    }

    fn status(&self, id: OrderId) -> Status {
        self.exchange.order(id).unwrap().status()
    }

    /// Status, contracts in all and filled.
    fn state(&self, id: OrderId) -> (Status, Qty, Qty) {
        let update = self.exchange.order(id).unwrap().update(UpdateReason::Unset);
        (update.status, update.qty, update.filled)
    }
}

fn fills(bodies: &[Body]) -> Vec<(i32, Qty)> {
    let fill = |body: &Body| match body {
        Body::Fill(fill) => Some((fill.px.ticks(), fill.qty)),
        _ => None,
    };
    bodies.iter().filter_map(fill).collect()
}

fn answers(bodies: &[Body]) -> Vec<(OrderId, Status, UpdateReason)> {
    let answer = |body: &Body| match body {
        Body::Order(u) => Some((u.id, u.status, u.reason)),
        _ => None,
    };
    bodies.iter().filter_map(answer).collect()
}

#[test]
fn market_order_walks_and_slips() {
    let mut stage = Stage::prompt();
    stage.new_order(ID, BuySell::Buy, OrderKind::Market, 14, 0);
    let said = stage.event(Body::Timer);
    // One tick on top of each level, no more of it than is shown.
    assert_eq!(fills(&said), [(102, 5), (103, 7), (104, 2)]);
    assert_eq!(stage.state(ID), (Status::Filled, 14, 14));
    assert_eq!(stage.position(), 14);
    assert!(matches!(said[1..4], [Body::Fill(_), Body::Order(_), Body::Position(5)]));
    // What was taken stays missing although the feed shows it; what is added is new.
    stage.new_order(ID.plus(1), BuySell::Buy, OrderKind::Market, 10, 0);
    assert_eq!(fills(&stage.event(Body::Timer)), [(104, 7)]);
    assert_eq!(fills(&stage.level(Side::Ask, 101, 6)), [(102, 1)]);
    assert_eq!(fills(&stage.level(Side::Ask, 101, 4)), []);
    assert_eq!(fills(&stage.level(Side::Ask, 101, 5)), [(102, 1)]);
    // A level that was gone is a new one.
    stage.level(Side::Ask, 102, 0);
    assert_eq!(fills(&stage.level(Side::Ask, 102, 3)), [(103, 1)]);
    assert_eq!(stage.status(ID.plus(1)), Status::Filled);
}

#[test]
fn latency_counts() {
    let mut stage = Stage::new(Params { latency_ns: 3 * MS, ..Params::default() });
    stage.new_order(ID, BuySell::Sell, OrderKind::Market, 1, 0);
    assert!(stage.event(Body::Timer).is_empty());
    assert!(stage.event(Body::Timer).is_empty());
    assert_eq!(fills(&stage.event(Body::Timer)), [(99, 1)]);
    // A trade of the very instant at which an order arrives comes before it.
    stage.new_order(ID.plus(1), BuySell::Sell, OrderKind::Limit, 1, 101);
    stage.event(Body::Timer);
    stage.event(Body::Timer);
    let said = stage.trade(102, 50, Aggressor::Buy);
    assert_eq!((fills(&said).len(), stage.status(ID.plus(1))), (0, Status::Open));
    assert_eq!(fills(&stage.trade(102, 50, Aggressor::Buy)), [(101, 1)]);
}

#[test]
fn a_command_that_waited_is_no_faster() {
    let mut stage = Stage::new(Params { latency_ns: 3 * MS, ..Params::default() });
    let (way, kind, px) = (BuySell::Sell, OrderKind::Market, Px::ZERO);
    let action = Action::New { id: ID, way, kind, qty: 1, px, parent: false };
    stage.event(Body::Timer);
    // Decided long ago, held back by a throttle until now.
    stage.exchange.submit(&Command { seq: 1, ts: Ts(1), symbol: SYMBOL, action });
    assert!(stage.event(Body::Timer).is_empty());
    assert!(stage.event(Body::Timer).is_empty());
    assert_eq!(fills(&stage.event(Body::Timer)), [(99, 1)]);
}

#[test]
fn executions_are_numbered_from_where_it_is_told() {
    let mut stage = Stage::new(Params { latency_ns: 0, first_execution: 7, ..Params::default() });
    for number in [7, 8] {
        stage.new_order(ID.plus(number), BuySell::Sell, OrderKind::Market, 1, 0);
        assert_eq!(fills(&stage.event(Body::Timer)), [(99, 1)]);
        let last = stage.exchange.fills().last().expect("filled").fill.execution.number();
        assert_eq!(last, u64::from(number));
    }
}

#[test]
fn commands_wait_for_the_end_of_a_batch() {
    let mut stage = Stage::prompt();
    stage.new_order(ID, BuySell::Buy, OrderKind::Market, 1, 0);
    let px = Px::clamped(101);
    assert!(stage.flagged(Body::Depth { side: Side::Ask, px, qty: 0, orders: 0 }, 0).is_empty());
    assert!(stage.event(Body::Timer).is_empty());
    assert_eq!(fills(&stage.event(Body::BatchEnd)), [(103, 1)]);
}

#[test]
fn limit_waits_for_the_queue() {
    let mut stage = Stage::prompt();
    stage.new_order(ID, BuySell::Buy, OrderKind::Limit, 4, 100);
    stage.event(Body::Timer);
    assert_eq!(fills(&stage.trade(100, 8, Aggressor::Sell)), []);
    // Cancels ahead do not count, nor does the level's end.
    stage.level(Side::Bid, 100, 1);
    assert_eq!(fills(&stage.trade(100, 1, Aggressor::Sell)), []);
    // 1 is left ahead, 3 are left of the trade.
    assert_eq!(fills(&stage.trade(100, 4, Aggressor::Sell)), [(100, 3)]);
    assert_eq!(stage.state(ID), (Status::PartiallyFilled, 4, 3));
    assert_eq!(fills(&stage.trade(101, 9, Aggressor::Buy)), []);
    assert_eq!(fills(&stage.trade(100, 2, Aggressor::Sell)), [(100, 1)]);
    // A trade beyond the price fills whatever stands ahead, up to its own size.
    stage.new_order(ID.plus(1), BuySell::Buy, OrderKind::Limit, 4, 99);
    stage.event(Body::Timer);
    assert_eq!(fills(&stage.trade(98, 3, Aggressor::Sell)), [(99, 3)]);
    assert_eq!(fills(&stage.trade(99, 5, Aggressor::Sell)), [(99, 1)]);
}

#[test]
fn proportional_queue_shrinks_with_cancels() {
    let mut stage =
        Stage::new(Params { latency_ns: 0, queue: Queue::Proportional, ..Params::default() });
    stage.new_order(ID, BuySell::Buy, OrderKind::Limit, 1, 99);
    stage.event(Body::Timer);
    stage.level(Side::Bid, 99, 40);
    // 20 ahead of 40; 10 leave: 5 of those ahead.
    stage.level(Side::Bid, 99, 30);
    assert_eq!(fills(&stage.trade(99, 15, Aggressor::Sell)), []);
    // The book shows the trade: no second time.
    stage.level(Side::Bid, 99, 15);
    assert_eq!(fills(&stage.trade(99, 1, Aggressor::Sell)), [(99, 1)]);
}

#[test]
fn a_price_out_of_sight_has_an_unknown_queue() {
    let mut stage = Stage::prompt();
    stage.new_order(ID, BuySell::Buy, OrderKind::Limit, 1, 90);
    stage.event(Body::Timer);
    assert_eq!(fills(&stage.trade(90, 500, Aggressor::Sell)), []);
    stage.level(Side::Bid, 89, 3);
    stage.level(Side::Bid, 90, 6);
    // Between two levels that are seen nobody stood.
    assert_eq!(fills(&stage.trade(90, 1, Aggressor::Sell)), [(90, 1)]);
}

#[test]
fn crossing_limit_takes_up_to_its_price() {
    let mut stage = Stage::prompt();
    stage.new_order(ID, BuySell::Buy, OrderKind::Limit, 20, 102);
    // 101 and a tick, then 102 without one: the limit binds. The rest is queued.
    assert_eq!(fills(&stage.event(Body::Timer)), [(102, 5), (102, 7)]);
    assert_eq!(stage.state(ID), (Status::PartiallyFilled, 20, 12));
    // What is shown at its price later is no trade.
    assert_eq!(fills(&stage.level(Side::Ask, 102, 30)), []);
    assert_eq!(fills(&stage.trade(102, 3, Aggressor::Sell)), [(102, 3)]);
}

#[test]
fn own_orders_share_a_trade() {
    let mut stage = Stage::prompt();
    stage.new_order(ID, BuySell::Buy, OrderKind::Limit, 3, 100);
    stage.new_order(ID.plus(1), BuySell::Buy, OrderKind::Limit, 3, 100);
    stage.event(Body::Timer);
    assert_eq!(fills(&stage.trade(100, 14, Aggressor::Sell)), [(100, 3), (100, 1)]);
    assert_eq!(stage.state(ID.plus(1)).2, 1, "who came first is first");
}

#[test]
fn stop_is_elected_by_a_trade_and_takes_the_next_book() {
    let mut stage = Stage::prompt();
    stage.new_order(ID, BuySell::Sell, OrderKind::Stop, 12, 99);
    stage.event(Body::Timer);
    assert_eq!(fills(&stage.trade(100, 10, Aggressor::Sell)), []);
    stage.level(Side::Bid, 100, 0);
    assert_eq!(fills(&stage.trade(99, 15, Aggressor::Sell)), []);
    // 20 were shown at 99, 15 have traded.
    assert_eq!(fills(&stage.level(Side::Bid, 99, 5)), [(98, 5), (97, 7)]);
    assert_eq!((stage.status(ID), stage.position()), (Status::Filled, -12));
    // Without a book in between the trade is deducted from what is shown.
    let mut stage = Stage::prompt();
    stage.new_order(ID, BuySell::Buy, OrderKind::Stop, 4, 101);
    stage.event(Body::Timer);
    stage.trade(101, 3, Aggressor::Buy);
    assert_eq!(fills(&stage.event(Body::Timer)), [(102, 2), (103, 2)]);
    // A stop with a limit rests at it.
    let mut stage = Stage::prompt();
    stage.new_order(ID, BuySell::Buy, OrderKind::StopLimit, 9, 101);
    stage.event(Body::Timer);
    stage.trade(101, 3, Aggressor::Buy);
    assert_eq!(fills(&stage.level(Side::Ask, 101, 2)), [(101, 2)]);
    assert_eq!(fills(&stage.trade(100, 4, Aggressor::Sell)), [(101, 4)]);
}

#[test]
fn bracket_lives_with_its_parent() {
    let mut stage = Stage::prompt();
    let (stop, target) = (ID.plus(1), ID.plus(2));
    stage.parent(OrderKind::Limit, 5, 100, 97, 101);
    stage.event(Body::Timer);
    assert_eq!(stage.state(stop), (Status::PendingChild, 5, 0));
    assert_eq!(fills(&stage.trade(100, 13, Aggressor::Sell)), [(100, 3)]);
    assert_eq!(stage.state(stop), (Status::Open, 3, 0));
    stage.trade(100, 2, Aggressor::Sell);
    assert_eq!((stage.status(ID), stage.state(stop).1), (Status::Filled, 5));
    stage.level(Side::Bid, 100, 4);
    // A part of the target takes as much from the stop.
    assert_eq!(fills(&stage.trade(101, 7, Aggressor::Buy)), [(101, 2)]);
    assert_eq!(stage.state(target), (Status::PartiallyFilled, 5, 2));
    assert_eq!(stage.state(stop), (Status::Open, 3, 0));
    stage.trade(97, 1, Aggressor::Sell);
    let said = stage.event(Body::BatchEnd);
    assert_eq!(fills(&said), [(99, 3)]);
    assert_eq!((stage.state(stop), stage.position()), ((Status::Filled, 3, 3), 0));
    assert_eq!(stage.state(target), (Status::Canceled, 2, 2));
    assert_eq!(answers(&said).last(), Some(&(target, Status::Canceled, UpdateReason::Canceled)));
}

#[test]
fn a_done_bracket_ends_its_parent() {
    let mut stage = Stage::prompt();
    stage.parent(OrderKind::Limit, 5, 100, 97, 101);
    stage.event(Body::Timer);
    stage.trade(100, 12, Aggressor::Sell);
    stage.event(Body::BatchEnd);
    assert_eq!(fills(&stage.trade(102, 9, Aggressor::Buy)), [(101, 2)]);
    assert_eq!(stage.state(ID), (Status::Canceled, 5, 2));
    assert_eq!((stage.status(ID.plus(1)), stage.position()), (Status::Canceled, 0));
    assert_eq!(stage.exchange.open_orders().count(), 0);
}

#[test]
fn a_market_beyond_the_stop_elects_it_at_once() {
    let mut stage = Stage::prompt();
    stage.parent(OrderKind::Limit, 2, 99, 98, 103);
    stage.event(Body::Timer);
    assert_eq!(fills(&stage.trade(97, 9, Aggressor::Sell)), [(99, 2)]);
    assert_eq!(fills(&stage.event(Body::BatchEnd)), [(99, 2)]);
    assert_eq!(stage.position(), 0);
}

#[test]
fn cancels_win_or_lose_once() {
    let mut stage = Stage::prompt();
    let limit = |stage: &mut Stage, n| {
        stage.new_order(ID.plus(n), BuySell::Buy, OrderKind::Limit, 2, 100);
        stage.event(Body::Timer);
        stage.send(Action::Cancel { id: ID.plus(n) });
    };
    limit(&mut stage, 0);
    let said = stage.event(Body::Timer);
    assert_eq!(answers(&said), [(ID, Status::Canceled, UpdateReason::Canceled)]);
    assert_eq!(fills(&stage.trade(98, 9, Aggressor::Sell)), []);
    // The trade was first.
    stage.new_order(ID.plus(1), BuySell::Buy, OrderKind::Limit, 2, 100);
    stage.event(Body::Timer);
    stage.exchange.submit(&Command {
        seq: 1,
        ts: Ts(stage.now + MS),
        symbol: SYMBOL,
        action: Action::Cancel { id: ID.plus(1) },
    });
    let said = stage.trade(98, 9, Aggressor::Sell);
    let filled = (ID.plus(1), Status::Filled, UpdateReason::Filled);
    let refused = (ID.plus(1), Status::Filled, UpdateReason::CancelRejected);
    assert_eq!(answers(&said), [filled, refused]);
    stage.send(Action::Cancel { id: ID.plus(9) });
    let unknown = (ID.plus(9), Status::Unspecified, UpdateReason::CancelRejected);
    assert_eq!(answers(&stage.event(Body::Timer)), [unknown]);
    // The cancel of one of a pair is the cancel of both; their parent does without.
    stage.parent(OrderKind::Limit, 1, 99, 97, 103);
    stage.send(Action::Cancel { id: ID.plus(2) });
    stage.event(Body::Timer);
    // `ID` was used before: nothing of this bracket is accepted.
    assert_eq!(stage.exchange.open_orders().count(), 0);
}

#[test]
fn the_cancel_of_one_child_is_the_cancel_of_both() {
    let mut stage = Stage::prompt();
    stage.parent(OrderKind::Limit, 1, 99, 97, 103);
    stage.event(Body::Timer);
    stage.send(Action::Cancel { id: ID.plus(2) });
    stage.event(Body::Timer);
    assert_eq!(stage.status(ID.plus(1)), Status::Canceled);
    assert_eq!(stage.status(ID), Status::Open);
    // And a parent without fills takes its children along.
    let mut stage = Stage::prompt();
    stage.parent(OrderKind::Limit, 1, 99, 97, 103);
    stage.send(Action::Cancel { id: ID });
    stage.event(Body::Timer);
    assert_eq!(stage.exchange.open_orders().count(), 0);
}

#[test]
fn replace_moves_in_the_queue() {
    let mut stage = Stage::prompt();
    stage.new_order(ID, BuySell::Buy, OrderKind::Limit, 4, 100);
    stage.event(Body::Timer);
    stage.trade(100, 6, Aggressor::Sell);
    // Fewer contracts keep the place: 4 ahead.
    stage.send(Action::Replace { id: ID, qty: 2, px: Px::clamped(100) });
    stage.event(Body::Timer);
    assert_eq!(fills(&stage.trade(100, 5, Aggressor::Sell)), [(100, 1)]);
    // The total includes what is filled.
    stage.send(Action::Replace { id: ID, qty: 1, px: Px::clamped(100) });
    let said = stage.event(Body::Timer);
    let refused = (ID, Status::PartiallyFilled, UpdateReason::ReplaceRejected);
    assert_eq!(answers(&said), [refused]);
    // More contracts go to the end: 10 ahead again.
    stage.send(Action::Replace { id: ID, qty: 3, px: Px::clamped(100) });
    stage.event(Body::Timer);
    assert_eq!(fills(&stage.trade(100, 10, Aggressor::Sell)), []);
    // A price that crosses takes.
    stage.send(Action::Replace { id: ID, qty: 3, px: Px::clamped(101) });
    assert_eq!(fills(&stage.event(Body::Timer)), [(101, 2)]);
    assert_eq!(stage.state(ID), (Status::Filled, 3, 3));
    // The stop of a bracket moves, but not beyond the market.
    let mut stage = Stage::prompt();
    stage.parent(OrderKind::Market, 2, 0, 97, 110);
    stage.event(Body::Timer);
    stage.trade(100, 1, Aggressor::Sell);
    stage.send(Action::Replace { id: ID.plus(1), qty: 2, px: Px::clamped(100) });
    stage.send(Action::Replace { id: ID.plus(1), qty: 2, px: Px::clamped(99) });
    let said = stage.event(Body::Timer);
    let reasons: Vec<_> = answers(&said).iter().map(|a| a.2).collect();
    assert_eq!(reasons, [UpdateReason::ReplaceRejected, UpdateReason::ReplaceDone]);
    stage.trade(99, 1, Aggressor::Sell);
    assert_eq!(fills(&stage.event(Body::BatchEnd)), [(99, 2)]);
}

#[test]
fn nonsense_is_refused() {
    let mut stage = Stage::prompt();
    stage.trade(100, 1, Aggressor::Sell);
    stage.new_order(ID, BuySell::Buy, OrderKind::Limit, 0, 100);
    stage.new_order(ID.plus(1), BuySell::Buy, OrderKind::Stop, 1, 100);
    stage.new_order(ID.plus(2), BuySell::Sell, OrderKind::Stop, 1, 100);
    stage.new_order(OrderId::NONE, BuySell::Sell, OrderKind::Market, 1, 100);
    let said = stage.event(Body::Timer);
    assert_eq!(said.len(), 4);
    for (_, status, reason) in answers(&said) {
        assert_eq!((status, reason), (Status::Rejected, UpdateReason::NewRejected));
    }
    // An id is used once; the order that has it lives on.
    let id = ID.plus(10);
    stage.new_order(id, BuySell::Buy, OrderKind::Limit, 1, 90);
    stage.new_order(id, BuySell::Buy, OrderKind::Limit, 1, 90);
    let said = stage.event(Body::Timer);
    assert_eq!(answers(&said).last(), Some(&(id, Status::Open, UpdateReason::NewRejected)));
    assert_eq!(stage.exchange.open_orders().count(), 1);
    // A bracket without its parent, and one whose stop is a target.
    let (stop, target) = (Px::clamped(105), Px::clamped(95));
    for parent in [ID.plus(50), id] {
        let way = BuySell::Sell;
        stage.send(Action::Bracket { parent, child: 1, way, qty: 1, stop, target });
        let said = stage.event(Body::Timer);
        let both = [1, 2].map(|n| (parent.plus(n), Status::Rejected, UpdateReason::NewRejected));
        assert_eq!(answers(&said), both);
    }
    stage.send(Action::Replace { id: ID.plus(77), qty: 1, px: stop });
    let unknown = (ID.plus(77), Status::Unspecified, UpdateReason::ReplaceRejected);
    assert_eq!(answers(&stage.event(Body::Timer)), [unknown]);
    // A symbol that the exchange does not have.
    let action = Action::Flatten { id: ID.plus(80) };
    stage.exchange.submit(&Command { seq: 1, ts: Ts(0), symbol: SymbolId(9), action });
    stage.event(Body::Timer);
    assert_eq!(stage.exchange.open_orders().count(), 1, "other symbols keep their orders");
}

#[test]
fn a_halt_cancels_orders_of_the_day() {
    for halted in [false, true] {
        let mut stage = Stage::prompt();
        stage.parent(OrderKind::Market, 1, 0, 97, 110);
        stage.new_order(ID.plus(5), BuySell::Buy, OrderKind::Limit, 1, 99);
        stage.event(Body::Timer);
        assert_eq!(stage.exchange.open_orders().count(), 3);
        stage.open = halted;
        let said = stage.event(if halted { Body::Status(4) } else { Body::Timer });
        assert_eq!(said.len(), 3);
        assert!(answers(&said).iter().all(|a| a.1 == Status::Canceled));
        assert_eq!((stage.exchange.open_orders().count(), stage.position()), (0, 1));
        stage.new_order(ID.plus(6), BuySell::Sell, OrderKind::Market, 1, 0);
        assert_eq!(answers(&stage.event(Body::Timer)).len(), 1);
        assert_eq!(stage.status(ID.plus(6)), Status::Rejected);
        stage.open = true;
        stage.event(Body::Status(2));
        stage.send(Action::Flatten { id: ID.plus(7) });
        assert_eq!(fills(&stage.event(Body::Timer)), [(99, 1)]);
        assert_eq!(stage.position(), 0);
    }
}

#[test]
fn flatten_cancels_and_closes() {
    let mut stage = Stage::prompt();
    stage.parent(OrderKind::Market, 3, 0, 97, 110);
    stage.event(Body::Timer);
    stage.send(Action::Flatten { id: ID.plus(3) });
    let said = stage.event(Body::Timer);
    assert_eq!(fills(&said), [(99, 3)]);
    assert_eq!((stage.position(), stage.exchange.open_orders().count()), (0, 0));
    stage.send(Action::Flatten { id: ID.plus(4) });
    let said = stage.event(Body::Timer);
    assert_eq!(answers(&said), [(ID.plus(4), Status::Canceled, UpdateReason::Canceled)]);
    assert_eq!(said.last(), Some(&Body::Position(0)));
}

#[test]
fn lists_end_with_their_name() {
    let mut stage = Stage::prompt();
    stage.parent(OrderKind::Market, 3, 0, 97, 110);
    for listing in [Listing::Orders, Listing::Positions, Listing::Fills, Listing::Balance] {
        stage.send(Action::List(listing));
    }
    let said = stage.event(Body::Timer);
    let open = answers(&said).iter().filter(|a| a.2 == UpdateReason::OpenOrders).count();
    assert_eq!((open, fills(&said)), (2, vec![(102, 3), (102, 3)]));
    assert_eq!(said.last(), Some(&Body::Listed(Listing::Balance)));
    assert_eq!(said.iter().filter(|b| matches!(b, Body::Position(3))).count(), 2);
    stage.send(Action::Disconnect);
    stage.new_order(ID.plus(9), BuySell::Buy, OrderKind::Market, 1, 0);
    assert_eq!(stage.event(Body::Timer), [Body::Link(false)]);
    assert!(stage.exchange.order(ID.plus(9)).is_none());
}

#[test]
fn limits_hold() {
    let mut stage = Stage::prompt();
    for n in 0..300 {
        stage.new_order(ID.plus(n), BuySell::Buy, OrderKind::Limit, 1, 90);
    }
    assert_eq!(stage.exchange.lost(), 300 - PENDING_MAX as u64);
    let said = stage.event(Body::Timer);
    let open = answers(&said).iter().filter(|a| a.1 == Status::Open).count();
    assert_eq!((open, said.len()), (LIVE_MAX, PENDING_MAX));
    stage.send(Action::Flatten { id: ID.plus(400) });
    assert_eq!(stage.event(Body::Timer).len(), LIVE_MAX + 2);
    // What was read before the start is history.
    stage.new_order(ID.plus(500), BuySell::Buy, OrderKind::Market, 1, 0);
    assert!(stage.flagged(Body::Timer, flag::WARMUP).is_empty());
}
