//! Orders against a small book, read back from the reports.

use dtc::wire::{
    CancelOrder, CancelReplaceOrder, CurrentPositionsRequest, HistoricalOrderFillsRequest, Message,
    OpenOrdersRequest, SubmitFlattenPositionOrder, SubmitNewOCOOrder, SubmitNewSingleOrder, codes,
    value,
};

use super::*;
use crate::market::{Aggressor, MarketBody, Side};
use crate::venue::{OrderEvent, Update, Venue};

const ME: ClientKey = ClientKey(1);

/// 5000.00 (5), 4999.75 (9) bid; 5000.25 (4), 5000.50 (6) asked.
fn venue() -> Desk {
    let mut venue = Desk::simple(vec![SymbolSpec::new("SYN", "EX", 0.25, 12.5)]);
    for (side, price, quantity) in [
        (Side::Bid, 5000.0, 5),
        (Side::Bid, 4999.75, 9),
        (Side::Ask, 5000.25, 4),
        (Side::Ask, 5000.5, 6),
    ] {
        depth(&mut venue, side, price, quantity);
    }
    venue
}

fn depth(venue: &mut Desk, side: Side, price: f64, quantity: u32) {
    let body = MarketBody::Depth {
        side,
        delete: quantity == 0,
        price,
        quantity,
        orders: 1,
        level: 0,
        final_in_batch: true,
    };
    venue.handle_record(&MarketRecord { ts_ns: 1_767_623_400_000_000_000, symbol: 0, body });
}

fn trade(venue: &mut Desk, price: f64) {
    let body = MarketBody::Trade { price, volume: 1, aggressor: Aggressor::None, unbundled: 0 };
    venue.handle_record(&MarketRecord { ts_ns: 1_767_623_401_000_000_000, symbol: 0, body });
}

fn order(
    id: &str,
    order_type: i32,
    buy_sell: i32,
    price: f64,
    quantity: f64,
) -> SubmitNewSingleOrder {
    let mut m = SubmitNewSingleOrder {
        order_type: order_type.into(),
        buy_sell: buy_sell.into(),
        price1: price.into(),
        quantity: quantity.into(),
        time_in_force: codes::TIF_DAY.into(),
        ..Message::DEFAULT
    };
    assert!(value::put_text(&mut m.symbol, "SYN") && value::put_text(&mut m.client_order_id, id));
    m
}

fn pair(ids: [&str; 2], parent: &str, target: f64, stop: f64) -> SubmitNewOCOOrder {
    let mut m = SubmitNewOCOOrder {
        order_type_1: codes::ORDER_TYPE_LIMIT.into(),
        buy_sell_1: codes::SELL.into(),
        price1_1: target.into(),
        quantity_1: 2.0.into(),
        order_type_2: codes::ORDER_TYPE_STOP.into(),
        buy_sell_2: codes::SELL.into(),
        price1_2: stop.into(),
        quantity_2: 2.0.into(),
        ..Message::DEFAULT
    };
    assert!(value::put_text(&mut m.symbol, "SYN"));
    assert!(value::put_text(&mut m.client_order_id_1, ids[0]));
    assert!(value::put_text(&mut m.client_order_id_2, ids[1]));
    assert!(value::put_text(&mut m.parent_trigger_client_order_id, parent));
    m
}

/// (client order id, reason, status, filled, last fill price or 0) of the order updates waiting.
fn updates(venue: &mut Desk) -> Vec<(String, i32, i32, f64, f64)> {
    let mut rows = Vec::new();
    while let Some(report) = venue.poll_report() {
        if let ReportMessage::Order(m) = report.message {
            rows.push((
                value::text_lossy(&m.client_order_id).into_owned(),
                m.order_update_reason.get(),
                m.order_status.get(),
                value::f64_set(m.filled_quantity.get()).unwrap_or(0.0),
                value::f64_set(m.last_fill_price.get()).unwrap_or(0.0),
            ));
        }
    }
    rows
}

fn row(
    id: &str,
    reason: i32,
    status: i32,
    filled: f64,
    price: f64,
) -> (String, i32, i32, f64, f64) {
    (id.to_owned(), reason, status, filled, price)
}

#[test]
fn a_market_order_walks_the_book() {
    let mut venue = venue();
    venue.submit(ME, &order("a", 1, codes::BUY, 0.0, 7.0));
    assert_eq!(
        updates(&mut venue),
        [row("a", 2, 4, 0.0, 0.0), row("a", 5, 10, 4.0, 5000.25), row("a", 4, 7, 7.0, 5000.5),]
    );
    assert_eq!(venue.position(0), 7);
    venue.submit(ME, &order("b", 1, codes::SELL, 0.0, 20.0));
    let rows = updates(&mut venue);
    assert_eq!(rows.last(), Some(&row("b", 6, 8, 14.0, 0.0)), "nothing left: the rest is canceled");
    assert_eq!(venue.position(0), -7);
    assert_eq!(venue.orders_working(), 0);
}

#[test]
fn a_limit_order_waits_for_touch_or_trade_through() {
    let mut venue = venue();
    venue.submit(ME, &order("a", 2, codes::BUY, 4999.5, 1.0));
    venue.submit(ME, &order("b", 2, codes::BUY, 4999.25, 1.0));
    assert_eq!(updates(&mut venue).len(), 2);
    trade(&mut venue, 4999.5);
    assert!(updates(&mut venue).is_empty(), "a trade at the price is not a trade through it");
    trade(&mut venue, 4999.25);
    assert_eq!(updates(&mut venue), [row("a", 4, 7, 1.0, 4999.5)]);
    depth(&mut venue, Side::Ask, 4999.25, 3);
    assert_eq!(updates(&mut venue), [row("b", 4, 7, 1.0, 4999.25)]);
}

#[test]
fn immediate_or_cancel_and_fill_or_kill() {
    let mut venue = venue();
    let mut ioc = order("a", 2, codes::BUY, 5000.25, 6.0);
    ioc.time_in_force = codes::TIF_IMMEDIATE_OR_CANCEL.into();
    venue.submit(ME, &ioc);
    assert_eq!(updates(&mut venue).last(), Some(&row("a", 6, 8, 4.0, 0.0)));
    let mut fok = order("b", 2, codes::BUY, 5000.25, 6.0);
    fok.time_in_force = codes::TIF_FILL_OR_KILL.into();
    venue.submit(ME, &fok);
    assert_eq!(updates(&mut venue).last(), Some(&row("b", 6, 8, 0.0, 0.0)));
}

#[test]
fn refusals_reach_their_sender_with_a_text() {
    let mut venue = venue();
    let good = order("a", 2, codes::BUY, 4999.5, 1.0);
    let mut unknown = good;
    assert!(value::put_text(&mut unknown.symbol, "OTHER"));
    let mut account = good;
    assert!(value::put_text(&mut account.trade_account, "REAL"));
    let bad = [
        unknown,
        account,
        order("", 2, codes::BUY, 4999.5, 1.0),
        order("a", 2, 0, 4999.5, 1.0),
        order("a", 2, codes::BUY, 4999.6, 1.0),
        order("a", 2, codes::BUY, f64::NAN, 1.0),
        order("a", 2, codes::BUY, f64::MAX, 1.0),
        order("a", 2, codes::BUY, 4999.5, 0.0),
        order("a", 2, codes::BUY, 4999.5, 1.5),
        order("a", 2, codes::BUY, 4999.5, f64::NAN),
        order("a", 9, codes::BUY, 4999.5, 1.0),
    ];
    for message in bad {
        venue.submit(ME, &message);
        let report = venue.poll_report().unwrap();
        assert_eq!(report.to, Some(ME));
        let ReportMessage::Order(m) = report.message else { panic!("an order update") };
        assert_eq!((m.order_update_reason.get(), m.order_status.get()), (8, 9));
        assert!(!value::text(&m.info_text).is_empty());
    }
    venue.submit(ME, &good);
    assert_eq!(updates(&mut venue), [row("a", 2, 4, 0.0, 0.0)]);
    venue.submit(ME, &good);
    assert_eq!(updates(&mut venue), [row("a", 8, 9, 0.0, 0.0)], "the id is used");
}

#[test]
fn cancel_and_replace() {
    let mut venue = venue();
    venue.submit(ME, &order("a", 2, codes::BUY, 4999.5, 3.0));
    let mut change = CancelReplaceOrder { price1: 5000.25.into(), ..Message::DEFAULT };
    assert!(value::put_text(&mut change.client_order_id, "a"));
    updates(&mut venue);
    venue.replace(ME, &change);
    assert_eq!(
        updates(&mut venue),
        [row("a", 7, 4, 0.0, 0.0), row("a", 4, 7, 3.0, 5000.25)],
        "moved to the touch it fills"
    );
    venue.replace(ME, &change);
    assert_eq!(updates(&mut venue), [row("a", 10, 7, 3.0, 0.0)]);

    venue.submit(ME, &order("b", 2, codes::BUY, 4999.5, 3.0));
    let mut bad =
        CancelReplaceOrder { quantity: (-1.0).into(), price1_is_set: 0, ..Message::DEFAULT };
    assert!(value::put_text(&mut bad.client_order_id, "b"));
    venue.replace(ME, &bad);
    assert_eq!(
        updates(&mut venue).last(),
        Some(&row("b", 10, 4, 0.0, 0.0)),
        "a refused change states the order's own status"
    );
    let mut cancel = CancelOrder::DEFAULT;
    assert!(value::put_text(&mut cancel.server_order_id, "SIM-2"));
    venue.cancel(ME, &cancel);
    assert_eq!(updates(&mut venue), [row("b", 6, 8, 0.0, 0.0)]);
    venue.cancel(ME, &cancel);
    assert_eq!(updates(&mut venue)[0].1, codes::ORDER_CANCEL_REJECTED);
}

#[test]
fn one_of_a_pair_cancels_the_other() {
    let mut venue = venue();
    venue.submit_pair(ME, &pair(["t", "s"], "", 5001.0, 4999.0));
    assert_eq!(updates(&mut venue), [row("t", 2, 4, 0.0, 0.0), row("s", 2, 4, 0.0, 0.0)]);
    trade(&mut venue, 4999.0);
    let rows = updates(&mut venue);
    assert_eq!(rows, [row("s", 4, 7, 2.0, 5000.0), row("t", 6, 8, 0.0, 0.0)]);
    // Marketable from the start: the target fills, the stop never works.
    venue.submit_pair(ME, &pair(["t2", "s2"], "", 5000.0, 4999.0));
    let rows = updates(&mut venue);
    assert_eq!(rows[2], row("t2", 4, 7, 2.0, 5000.0));
    assert_eq!(rows[3], row("s2", 6, 8, 0.0, 0.0));
    assert_eq!(venue.orders_working(), 0);
}

#[test]
fn a_bracket_waits_for_its_parent() {
    let mut venue = venue();
    let mut parent = order("p", 2, codes::BUY, 4999.5, 2.0);
    parent.is_parent_order = 1;
    venue.submit(ME, &parent);
    venue.submit_pair(ME, &pair(["t", "s"], "p", 5001.0, 4999.0));
    assert_eq!(updates(&mut venue)[1], row("t", 2, 3, 0.0, 0.0));
    trade(&mut venue, 5001.25);
    assert!(updates(&mut venue).is_empty(), "children do not act before the parent");
    trade(&mut venue, 4999.25);
    assert_eq!(
        updates(&mut venue),
        [row("p", 4, 7, 2.0, 4999.5), row("t", 3, 4, 0.0, 0.0), row("s", 3, 4, 0.0, 0.0)]
    );
    trade(&mut venue, 5001.25);
    assert_eq!(updates(&mut venue), [row("t", 4, 7, 2.0, 5001.0), row("s", 6, 8, 0.0, 0.0)]);

    // A pair after its parent's fill works at once; a pair without its parent is refused.
    venue.submit_pair(ME, &pair(["t2", "s2"], "p", 5001.0, 4999.0));
    assert_eq!(updates(&mut venue)[0].2, codes::ORDER_STATUS_OPEN);
    venue.submit_pair(ME, &pair(["t3", "s3"], "nobody", 5001.0, 4999.0));
    assert_eq!(updates(&mut venue), [row("t3", 8, 9, 0.0, 0.0), row("s3", 8, 9, 0.0, 0.0)]);
}

#[test]
fn children_go_with_a_canceled_parent() {
    let mut venue = venue();
    let mut parent = order("p", 2, codes::BUY, 4999.5, 2.0);
    parent.is_parent_order = 1;
    venue.submit(ME, &parent);
    venue.submit_pair(ME, &pair(["t", "s"], "p", 5001.0, 4999.0));
    updates(&mut venue);
    let mut cancel = CancelOrder::DEFAULT;
    assert!(value::put_text(&mut cancel.client_order_id, "p"));
    venue.cancel(ME, &cancel);
    let ids: Vec<_> = updates(&mut venue).into_iter().map(|row| (row.0, row.1)).collect();
    assert_eq!(ids, [("p".into(), 6), ("t".into(), 6), ("s".into(), 6)]);
    assert_eq!(venue.orders_working(), 0);
}

#[test]
fn flatten_positions_balance_and_fills() {
    let mut venue = venue();
    let mut flatten = SubmitFlattenPositionOrder::DEFAULT;
    assert!(value::put_text(&mut flatten.symbol, "SYN"));
    assert!(value::put_text(&mut flatten.client_order_id, "f"));
    venue.flatten(ME, &flatten);
    assert_eq!(updates(&mut venue)[0].1, codes::NEW_ORDER_REJECTED, "nothing to close");

    let none = venue.current_positions(&CurrentPositionsRequest::DEFAULT);
    assert_eq!((none.len(), none[0].no_positions), (1, 1));
    let none = venue.open_orders(&OpenOrdersRequest::DEFAULT);
    assert_eq!((none.len(), none[0].no_orders), (1, 1));

    venue.submit(ME, &order("a", 1, codes::BUY, 0.0, 4.0));
    let held = venue.current_positions(&CurrentPositionsRequest::DEFAULT);
    assert_eq!((held[0].quantity.get(), held[0].average_price.get()), (4.0, 5000.25));
    venue.submit(ME, &order("b", 2, codes::BUY, 4999.5, 1.0));
    let open = venue.open_orders(&OpenOrdersRequest { request_id: 5.into(), ..Message::DEFAULT });
    assert_eq!((open.len(), open[0].request_id.get(), open[0].no_orders), (1, 5, 0));

    let mut fills = HistoricalOrderFillsRequest::DEFAULT;
    assert!(venue.order_fills(&fills).is_err());
    assert!(value::put_text(&mut fills.trade_account, "SIM"));
    assert!(venue.order_fills(&fills).is_err());
    fills.number_of_days = 1.into();
    assert_eq!(venue.order_fills(&fills).unwrap()[0].quantity.get(), 4.0);

    venue.flatten(ME, &flatten);
    assert_eq!(updates(&mut venue).last().unwrap().1, 8, "the refused one had this id");
    assert!(value::put_text(&mut flatten.client_order_id, "g"));
    venue.flatten(ME, &flatten);
    assert_eq!(venue.position(0), 0);
    // Bought 4 at 5000.25, sold 4 at 5000.00: one increment of 12.50 each.
    assert_eq!(venue.balance(9).cash_balance.get(), 100_000.0 - 50.0);
    assert_eq!(venue.balance(9).request_id.get(), 9);
    assert_eq!(venue.balance(9).daily_profit_loss.get(), -50.0);
}

#[test]
fn a_fill_takes_contracts_from_the_other_of_its_pair() {
    let mut venue = venue();
    let mut both = pair(["t", "s"], "", 5001.0, 4999.0);
    both.quantity_1 = 9.0.into();
    both.quantity_2 = 9.0.into();
    venue.submit_pair(ME, &both);
    updates(&mut venue);
    // The stop sells into 5 and 9: two fills.
    trade(&mut venue, 4999.0);
    let rows = updates(&mut venue);
    let expected = [
        row("s", 5, 10, 5.0, 5000.0),
        row("t", 3, 4, 0.0, 0.0),
        row("s", 4, 7, 9.0, 4999.75),
        row("t", 6, 8, 0.0, 0.0),
    ];
    assert_eq!(rows, expected);
    assert_eq!(venue.position(0), -9);
}

/// A venue of another kind: it says nothing until it is told to.
struct Slow {
    script: std::sync::mpsc::Receiver<Update>,
}

impl Venue for Slow {
    fn submit(&mut self, _: &crate::venue::NewOrder, _: &MarketState) {}
    fn submit_pair(&mut self, _: &crate::venue::NewPair, _: &MarketState) {}
    fn cancel(&mut self, _: u64, _: &MarketState) {}
    fn replace(&mut self, _: &crate::venue::Change, _: &MarketState) {}
    fn flatten(&mut self, _: u64, _: u16, _: &MarketState) {}
    fn on_record(&mut self, _: &MarketRecord, _: &MarketState) {}
    fn on_end(&mut self, _: &MarketState) {}
    fn poll(&mut self) -> Option<Update> {
        self.script.try_recv().ok()
    }
}

#[test]
fn a_venue_may_take_its_time() {
    let (sender, script) = std::sync::mpsc::channel();
    let venue = Box::new(Slow { script });
    let specs = vec![SymbolSpec::new("SYN", "EX", 0.25, 12.5)];
    let options = DeskOptions { account: "ME".to_owned(), cash: 1_000.0, fee_per_contract: 2.0 };
    let mut desk = Desk::new(specs, venue, options, OrderFaults::default());
    desk.submit(ME, &order("a", 2, codes::BUY, 5000.0, 3.0));
    assert!(updates(&mut desk).is_empty());
    let open = desk.open_orders(&OpenOrdersRequest::DEFAULT);
    assert_eq!(open[0].order_status.get(), codes::ORDER_STATUS_PENDING_OPEN, "listed at once");
    let say = |event| sender.send(Update { number: 1, event }).unwrap();
    say(OrderEvent::Accepted { waits: false });
    say(OrderEvent::Filled { ticks: 20_000, quantity: 2 });
    let mut cancel = CancelOrder::DEFAULT;
    assert!(value::put_text(&mut cancel.client_order_id, "a"));
    desk.cancel(ME, &cancel);
    assert_eq!(updates(&mut desk), [row("a", 2, 4, 0.0, 0.0), row("a", 5, 10, 2.0, 5000.0)]);
    // Canceled, then a fill that was on its way, then a refusal for another cancel.
    say(OrderEvent::Canceled("".into()));
    say(OrderEvent::Filled { ticks: 20_000, quantity: 1 });
    say(OrderEvent::CancelRejected("done".into()));
    trade(&mut desk, 5000.0);
    let rows = updates(&mut desk);
    let expected =
        [row("a", 6, 8, 2.0, 0.0), row("a", 4, 7, 3.0, 5000.0), row("a", 9, 7, 3.0, 0.0)];
    assert_eq!(rows, expected);
    assert_eq!((desk.position(0), desk.orders_working()), (3, 0));
    assert_eq!(desk.balance(0).cash_balance.get(), 994.0, "fees of three contracts");
    assert_eq!(value::text(&desk.accounts(1).trade_account), b"ME");
}

#[test]
fn a_display_multiplier_holds_for_orders_too() {
    let spec = SymbolSpec { display_multiplier: 0.01, ..SymbolSpec::new("SYN", "EX", 0.25, 12.5) };
    let mut venue = Desk::simple(vec![spec]);
    depth(&mut venue, Side::Ask, 2828.25, 5);
    // The price as a client makes it that knows the multiplier as a float only.
    let wire = 2828.25 / f64::from(0.01f32);
    venue.submit(ME, &order("a", 2, codes::BUY, wire, 1.0));
    let rows = updates(&mut venue);
    assert!((rows[1].4 - 282_825.0).abs() < 1e-6, "{rows:?}");
}

/// The small book with a plan for what goes wrong.
fn faulty(faults: OrderFaults) -> Desk {
    let mut desk = venue();
    desk.faults = faults;
    desk
}

fn cancel_of(id: &str) -> CancelOrder {
    let mut cancel = CancelOrder::DEFAULT;
    assert!(value::put_text(&mut cancel.client_order_id, id));
    cancel
}

#[test]
fn planned_rejections() {
    let rejects = vec![(1, "Not enough margin".to_owned()), (4, "no".to_owned())];
    let mut desk = faulty(OrderFaults { rejects, ..OrderFaults::default() });
    desk.submit(ME, &order("a", 1, codes::BUY, 0.0, 1.0));
    let ReportMessage::Order(m) = desk.poll_report().unwrap().message else { panic!("an order") };
    assert_eq!((m.order_update_reason.get(), m.order_status.get()), (8, 9));
    assert_eq!(value::text(&m.info_text), b"Not enough margin");
    desk.submit(ME, &order("a", 1, codes::BUY, 0.0, 1.0));
    assert_eq!(updates(&mut desk), [row("a", 8, 9, 0.0, 0.0)], "the id is used, order 2 too");
    // Order 4 is the second of this pair.
    desk.submit_pair(ME, &pair(["t", "s"], "", 5001.0, 4999.0));
    assert_eq!(updates(&mut desk), [row("t", 8, 9, 0.0, 0.0), row("s", 8, 9, 0.0, 0.0)]);
    desk.submit(ME, &order("b", 1, codes::BUY, 0.0, 1.0));
    assert_eq!(updates(&mut desk).last(), Some(&row("b", 4, 7, 1.0, 5000.25)));
    assert_eq!((desk.position(0), desk.orders_working()), (1, 0));
}

#[test]
fn late_lost_silent_and_twice() {
    let mut desk = faulty(OrderFaults {
        late_acks: vec![(1, 50)],
        lost_acks: vec![2],
        silent: vec![3],
        duplicate_fills: vec![2],
        ..OrderFaults::default()
    });
    desk.handle_time(1_000_000_000);
    desk.submit(ME, &order("a", 1, codes::BUY, 0.0, 1.0));
    desk.handle_time(1_049_999_999);
    assert!(desk.poll_report().is_none(), "neither its fill nor the position comes first");
    let held = desk.current_positions(&CurrentPositionsRequest::DEFAULT);
    assert_eq!(held[0].quantity.get(), 1.0, "who asks hears the truth");
    desk.handle_time(1_050_000_000);
    assert_eq!(updates(&mut desk), [row("a", 2, 4, 0.0, 0.0), row("a", 4, 7, 1.0, 5000.25)]);
    assert!(desk.poll_report().is_none());

    desk.submit(ME, &order("b", 1, codes::SELL, 0.0, 1.0));
    let fill = row("b", 4, 7, 1.0, 5000.0);
    assert_eq!(updates(&mut desk), [fill.clone(), fill], "no acceptance, two fills");
    assert_eq!(desk.position(0), 0, "that count once");

    desk.submit(ME, &order("c", 2, codes::BUY, 4999.0, 1.0));
    desk.cancel(ME, &cancel_of("c"));
    assert!(desk.poll_report().is_none());
    assert_eq!(desk.orders_working(), 0);
    desk.cancel(ME, &cancel_of("c"));
    assert_eq!(updates(&mut desk), [row("c", 9, 8, 0.0, 0.0)], "an answer is not unasked");
}

#[test]
fn a_cancel_races_a_fill() {
    let races = vec![(1, 100), (2, 100), (3, 100)];
    let mut desk = faulty(OrderFaults { cancel_races: races, ..OrderFaults::default() });
    desk.submit(ME, &order("a", 2, codes::BUY, 4999.5, 3.0));
    updates(&mut desk);
    desk.cancel(ME, &cancel_of("a"));
    assert_eq!(updates(&mut desk), [row("a", 3, 6, 0.0, 0.0)]);
    trade(&mut desk, 4999.25);
    desk.handle_time(1);
    assert_eq!(
        updates(&mut desk),
        [row("a", 4, 7, 3.0, 4999.5), row("a", 9, 7, 3.0, 0.0)],
        "the fill was first, and the refusal says so"
    );
    // Nobody to race with: the cancel wins when its time is up.
    desk.submit(ME, &order("b", 2, codes::BUY, 4999.5, 3.0));
    desk.cancel(ME, &cancel_of("b"));
    updates(&mut desk);
    desk.handle_time(99_999_999);
    assert!(updates(&mut desk).is_empty());
    desk.handle_time(100_000_001);
    assert_eq!(updates(&mut desk), [row("b", 6, 8, 0.0, 0.0)]);
}

#[test]
fn cuts_before_and_after() {
    let faults = OrderFaults { cut_before: vec![1], cut_after: vec![2], ..OrderFaults::default() };
    let mut desk = faulty(faults);
    desk.submit(ME, &order("a", 1, codes::BUY, 0.0, 1.0));
    assert!(desk.take_cut(ME) && !desk.take_cut(ME));
    assert_eq!((desk.position(0), updates(&mut desk).len()), (0, 0), "lost on its way");
    desk.submit(ME, &order("a", 1, codes::BUY, 0.0, 1.0));
    assert!(!desk.take_cut(ClientKey(9)) && desk.take_cut(ME));
    assert_eq!(desk.position(0), 1, "the same id: it was never used");
}

#[test]
fn a_change_may_give_another_id() {
    let mut desk = faulty(OrderFaults { new_ids: vec![1], ..OrderFaults::default() });
    desk.submit(ME, &order("a", 2, codes::BUY, 4999.5, 3.0));
    updates(&mut desk);
    let mut change = CancelReplaceOrder { price1: 4999.25.into(), ..Message::DEFAULT };
    assert!(value::put_text(&mut change.server_order_id, "SIM-1"));
    desk.replace(ME, &change);
    let ReportMessage::Order(m) = desk.poll_report().unwrap().message else { panic!("an order") };
    assert_eq!(value::text(&m.server_order_id), b"SIM-1.1");
    assert_eq!(value::text(&m.previous_server_order_id), b"SIM-1");
    let mut cancel = cancel_of("a");
    assert!(value::put_text(&mut cancel.server_order_id, "SIM-1"));
    desk.cancel(ME, &cancel);
    let rows = updates(&mut desk);
    assert_eq!((rows[0].1, rows[0].2), (9, 9), "the id before is not known any more");
    trade(&mut desk, 4999.0);
    let mut fills = HistoricalOrderFillsRequest { number_of_days: 1.into(), ..Message::DEFAULT };
    assert!(value::put_text(&mut fills.trade_account, "SIM"));
    let fills = desk.order_fills(&fills).unwrap();
    assert_eq!(value::text(&fills[0].server_order_id), b"SIM-1.1");
    assert!(value::put_text(&mut cancel.server_order_id, "SIM-1.1"));
    desk.cancel(ME, &cancel);
    assert_eq!(updates(&mut desk).last(), Some(&row("a", 9, 7, 3.0, 0.0)));
}
