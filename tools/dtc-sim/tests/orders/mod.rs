//! Orders over real sockets: what a client hears, and what it finds when it comes back.

use dtc::wire::{
    AccountBalanceRequest, CancelOrder, CurrentPositionsRequest, HistoricalOrderFillsRequest,
    Message, OpenOrdersRequest, SubmitFlattenPositionOrder, SubmitNewOCOOrder,
    SubmitNewSingleOrder, TradeAccountsRequest, codes, value,
};
use dtc_sim::fault::{FaultPlan, OrderFaults};
use dtc_sim::run::{AtEnd, ServeConfig, ServerHandle};

use crate::common::{self, Client, Ended, Recorded, config, final_books, market, start};

/// A server at the end of its market, so that the book stands still, with one client.
fn quiet(orders: OrderFaults) -> (ServerHandle, Client, Recorded) {
    let market = market(3.0);
    let plan = FaultPlan { orders, ..FaultPlan::default() };
    let server = start(ServeConfig { at_end: AtEnd::KeepOpen, ..config(plan) }, &market);
    let mut client = Client::connect(&server, &market.0, "one");
    let count = common::trades(&market.1).len();
    assert_eq!(client.read_until(|client| client.trades.len() == count), Ended::Enough);
    (server, client, market)
}

fn buy(market: &Recorded, id: &str, kind: i32, price: f64, quantity: f64) -> SubmitNewSingleOrder {
    let mut order = SubmitNewSingleOrder {
        order_type: kind.into(),
        buy_sell: codes::BUY.into(),
        price1: price.into(),
        quantity: quantity.into(),
        time_in_force: codes::TIF_DAY.into(),
        ..Message::DEFAULT
    };
    assert!(value::put_text(&mut order.symbol, &market.0[0].symbol));
    assert!(value::put_text(&mut order.client_order_id, id));
    order
}

fn bracket(market: &Recorded, parent: &str, bid: f64) -> SubmitNewOCOOrder {
    let mut pair = SubmitNewOCOOrder {
        order_type_1: codes::ORDER_TYPE_STOP.into(),
        buy_sell_1: codes::SELL.into(),
        price1_1: (bid - 5.0).into(),
        quantity_1: 1.0.into(),
        order_type_2: codes::ORDER_TYPE_LIMIT.into(),
        buy_sell_2: codes::SELL.into(),
        price1_2: (bid + 5.0).into(),
        quantity_2: 1.0.into(),
        ..Message::DEFAULT
    };
    assert!(value::put_text(&mut pair.symbol, &market.0[0].symbol));
    assert!(value::put_text(&mut pair.client_order_id_1, "stop"));
    assert!(value::put_text(&mut pair.client_order_id_2, "target"));
    assert!(value::put_text(&mut pair.parent_trigger_client_order_id, parent));
    pair
}

/// (client order id, reason, status) of everything unasked and asked.
fn rows(client: &Client) -> Vec<(String, i32, i32)> {
    let row = |m: &dtc::wire::OrderUpdate| {
        let id = value::text_lossy(&m.client_order_id).into_owned();
        (id, m.order_update_reason.get(), m.order_status.get())
    };
    client.updates.iter().map(row).collect()
}

fn row(id: &str, reason: i32, status: i32) -> (String, i32, i32) {
    (id.to_owned(), reason, status)
}

/// What a client asks after a logon, and the answers to it.
fn reconcile(client: &mut Client) {
    client.updates.clear();
    client.positions.clear();
    client.send(&OpenOrdersRequest::DEFAULT);
    client.send(&CurrentPositionsRequest::DEFAULT);
    let mut fills = HistoricalOrderFillsRequest { number_of_days: 1.into(), ..Message::DEFAULT };
    assert!(value::put_text(&mut fills.trade_account, "SIM"));
    client.send(&fills);
    client.send(&AccountBalanceRequest { request_id: 77.into(), ..Message::DEFAULT });
    let answered = |client: &Client| client.balances.iter().any(|m| m.request_id.get() == 77);
    assert_eq!(client.read_until(answered), Ended::Enough);
    client.balances.clear();
}

#[test]
fn a_bracket_from_entry_to_flat() {
    let (server, mut client, market) = quiet(OrderFaults::default());
    let (bid, ask) = (final_books(&market)[0][0].price, final_books(&market)[1][0].price);
    let mut entry = buy(&market, "entry", codes::ORDER_TYPE_MARKET, 0.0, 1.0);
    entry.is_parent_order = 1;
    client.send(&entry);
    client.send(&bracket(&market, "entry", bid));
    assert_eq!(client.read_until(|c| c.updates.len() == 4), Ended::Enough);
    let expected = [row("entry", 2, 4), row("entry", 4, 7), row("stop", 2, 4), row("target", 2, 4)];
    assert_eq!(rows(&client), expected);
    let fill = client.updates[1];
    assert_eq!((fill.last_fill_price.get(), fill.average_fill_price.get()), (ask, ask));
    assert_eq!(value::text(&fill.last_fill_execution_id), b"SIM-X1");
    assert_eq!(value::text(&fill.server_order_id), b"SIM-1");
    assert!(fill.last_fill_date_time.get() > 1_600_000_000_000, "milliseconds");
    assert_eq!(value::text(&client.updates[2].parent_server_order_id), b"SIM-1");
    assert_eq!(value::text(&client.updates[2].oco_linked_order_server_order_id), b"SIM-3");
    assert_eq!((client.positions[0].quantity.get(), client.positions[0].unsolicited), (1.0, 1));
    assert_eq!(client.balances[0].unsolicited, 1);

    // Flatten and cancel, as a kill switch does it.
    let mut flatten = SubmitFlattenPositionOrder::DEFAULT;
    assert!(value::put_text(&mut flatten.symbol, &market.0[0].symbol));
    assert!(value::put_text(&mut flatten.client_order_id, "flat"));
    client.updates.clear();
    client.send(&flatten);
    let mut cancel = CancelOrder::DEFAULT;
    assert!(value::put_text(&mut cancel.server_order_id, "SIM-2"));
    client.send(&cancel);
    assert!(value::put_text(&mut cancel.server_order_id, "SIM-3"));
    client.send(&cancel);
    assert_eq!(client.read_until(|c| c.updates.len() == 4), Ended::Enough);
    let expected = [row("flat", 2, 4), row("flat", 4, 7), row("stop", 6, 8), row("target", 6, 8)];
    assert_eq!(rows(&client), expected);
    reconcile(&mut client);
    assert_eq!((client.updates[0].no_orders, client.positions[0].no_positions), (1, 1));
    let fills: Vec<f64> = client.fills.iter().map(|m| m.price.get()).collect();
    assert_eq!(fills, [ask, bid]);
    let sides: Vec<i32> = client.fills.iter().map(|m| m.open_close.get()).collect();
    assert_eq!(sides, [codes::TRADE_OPEN, codes::TRADE_CLOSE]);
    assert_eq!(server.join().orders, 4);
}

#[test]
fn orders_outlive_their_connection() {
    let (_server, mut client, market) = quiet(OrderFaults::default());
    let bid = final_books(&market)[0][0].price;
    client.send(&buy(&market, "rests", codes::ORDER_TYPE_LIMIT, bid - 2.0, 3.0));
    client.send(&buy(&market, "takes", codes::ORDER_TYPE_MARKET, 0.0, 1.0));
    assert_eq!(client.read_until(|c| c.updates.len() == 3), Ended::Enough);
    client.hang_up();
    client.reconnect();
    reconcile(&mut client);
    assert_eq!(rows(&client), [row("rests", 1, 4)]);
    assert_eq!(client.updates[0].price1.get(), bid - 2.0);
    assert_eq!(client.positions[0].quantity.get(), 1.0);
    assert_eq!(client.fills.len(), 1);
    // The id is remembered too.
    client.updates.clear();
    client.send(&buy(&market, "takes", codes::ORDER_TYPE_MARKET, 0.0, 1.0));
    assert_eq!(client.read_until(|c| !c.updates.is_empty()), Ended::Enough);
    assert_eq!(rows(&client), [row("takes", 8, 9)]);
    client.send(&TradeAccountsRequest { request_id: 5.into(), ..Message::DEFAULT });
    assert_eq!(client.read_until(|c| !c.accounts.is_empty()), Ended::Enough);
    assert_eq!(value::text(&client.accounts[0].trade_account), b"SIM");
}

#[test]
fn the_connection_breaks_between_an_order_and_its_word() {
    let faults = OrderFaults { cut_after: vec![1], cut_before: vec![3], ..OrderFaults::default() };
    let (server, mut client, market) = quiet(faults);
    // Both leave in one piece; the server hears no more than the first.
    client.send(&buy(&market, "in", codes::ORDER_TYPE_MARKET, 0.0, 1.0));
    assert!(matches!(client.read_until(|_| false), Ended::Closed | Ended::Reset));
    assert!(client.updates.is_empty(), "nothing was heard of it");
    client.reconnect();
    reconcile(&mut client);
    assert_eq!(client.updates[0].no_orders, 1);
    assert_eq!((client.positions[0].quantity.get(), client.fills.len()), (1.0, 1), "it was in");

    client.send(&buy(&market, "rests", codes::ORDER_TYPE_LIMIT, 1000.0, 1.0));
    assert_eq!(client.read_until(|c| c.updates.len() == 2), Ended::Enough);
    client.send(&buy(&market, "lost", codes::ORDER_TYPE_MARKET, 0.0, 1.0));
    assert!(matches!(client.read_until(|_| false), Ended::Closed | Ended::Reset));
    client.reconnect();
    client.fills.clear();
    reconcile(&mut client);
    assert_eq!(rows(&client), [row("rests", 1, 4)], "it was not");
    assert_eq!((client.positions[0].quantity.get(), client.fills.len()), (1.0, 1));
    let stats = server.join();
    assert_eq!((stats.disconnects_forced, stats.orders), (2, 2));
}

#[test]
fn acknowledgements_come_late_or_never() {
    let faults = OrderFaults {
        late_acks: vec![(1, 300)],
        lost_acks: vec![2],
        rejects: vec![(3, "Margin".to_owned())],
        duplicate_fills: vec![2],
        ..OrderFaults::default()
    };
    let (_server, mut client, market) = quiet(faults);
    let began = std::time::Instant::now();
    client.send(&buy(&market, "late", codes::ORDER_TYPE_LIMIT, 1000.0, 1.0));
    assert_eq!(client.read_until(|c| !c.updates.is_empty()), Ended::Enough);
    assert!(began.elapsed().as_millis() >= 299, "{:?}", began.elapsed());
    client.send(&buy(&market, "lost", codes::ORDER_TYPE_MARKET, 0.0, 1.0));
    client.send(&buy(&market, "margin", codes::ORDER_TYPE_MARKET, 0.0, 1.0));
    assert_eq!(client.read_until(|c| c.updates.len() == 4), Ended::Enough);
    let expected = [row("late", 2, 4), row("lost", 4, 7), row("lost", 4, 7), row("margin", 8, 9)];
    assert_eq!(rows(&client), expected);
    let ids: Vec<_> = client.updates[1..3].iter().map(|m| m.last_fill_execution_id).collect();
    assert_eq!(ids[0], ids[1]);
    assert_eq!(client.positions.last().unwrap().quantity.get(), 1.0);
}
