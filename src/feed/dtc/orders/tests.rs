//! Golden bytes in, events out; what is not said stays unsaid.

use zerocopy::IntoBytes;
use zerocopy::little_endian::{F64, I32};

use super::known::KNOWN;
use super::*;

const OURS: &str = "mia-20260114-0000000007";

fn id() -> OrderId {
    OrderId::new(20_260_114, 7)
}

fn feed() -> OrderFeed {
    let instruments = ["ESZ6", "NQZ6"].map(|s| Instrument::from_symbol(s).expect("root"));
    OrderFeed::new("SIM1", &instruments)
}

fn take(feed: &mut OrderFeed, counters: &mut Counters, bytes: &[u8]) -> Vec<(u16, Body)> {
    let mut out = Vec::new();
    let frame = dtc::frame::next_frame(bytes).expect("size").expect("whole");
    let about = feed.on_frame(&frame, Ts(5), counters, &mut |e| {
        let listed = frame.kind == wire::HistoricalOrderFillResponse::TYPE;
        let flags = if listed && matches!(e.body, Body::Fill(_)) { flag::LISTED } else { 0 };
        assert_eq!((e.seq, e.ts, e.ts_exch, e.flags), (0, Ts(5), Ts::NONE, flags));
        out.push((e.symbol.0, e.body));
    });
    assert!(about, "a message about orders");
    out
}

fn said(feed: &mut OrderFeed, message: &impl Message) -> Vec<(u16, Body)> {
    let mut counters = Counters::default();
    let events = take(feed, &mut counters, message.as_bytes());
    assert_eq!(counters, Counters::default());
    events
}

fn put(field: &mut [u8], text: &str) {
    assert!(value::put_text(field, text));
}

fn update(status: i32, reason: i32) -> wire::OrderUpdate {
    let mut m = wire::OrderUpdate::DEFAULT;
    put(&mut m.symbol, "NQZ6");
    put(&mut m.client_order_id, OURS);
    put(&mut m.server_order_id, "S1");
    put(&mut m.trade_account, "SIM1");
    (m.order_status, m.order_update_reason) = (I32::new(status), I32::new(reason));
    m
}

/// The body of an update that says only what `update` says.
fn bare(status: Status, reason: UpdateReason) -> Body {
    let (way, kind, px) = (None, None, None);
    let (qty, filled) = (QTY_UNKNOWN, QTY_UNKNOWN);
    let class = RejectClass::Unknown;
    Body::Order(OrderUpdate { id: id(), status, reason, way, kind, qty, filled, px, class })
}

#[test]
fn golden_bytes_of_a_fill() {
    // 301 at the offsets of the protocol header, written by hand.
    let mut bytes = [0_u8; 720];
    let mut at = |offset: usize, value: &[u8]| {
        bytes[offset..offset + value.len()].copy_from_slice(value);
    };
    at(0, &[0xd0, 0x02, 0x2d, 0x01]); // 720, 301
    at(16, b"ESZ6");
    at(128, b"S1");
    at(160, OURS.as_bytes());
    at(224, &[10, 0, 0, 0]); // partly filled
    at(228, &[5, 0, 0, 0]); // because of a partial fill
    at(232, &[2, 0, 0, 0]); // limit
    at(236, &[1, 0, 0, 0]); // buy
    at(240, &[0, 0, 0, 0, 0x80, 0x70, 0xb7, 0x40]); // 6000.50
    at(272, &[0, 0, 0, 0, 0, 0, 0x14, 0x40]); // 5
    at(280, &[0, 0, 0, 0, 0, 0, 0x08, 0x40]); // 3 so far
    at(304, &[0, 0, 0, 0, 0x40, 0x70, 0xb7, 0x40]); // 6000.25
    at(320, &[0, 0, 0, 0, 0, 0, 0, 0x40]); // 2 now
    at(328, b"X-17");
    at(392, b"SIM1");
    let (way, px) = (BuySell::Buy, Px::clamped(24_001));
    let execution = ExecutionId::new(xxh3_64(b"X-17"));
    let fill = Fill { id: id(), execution, px, qty: 2, way };
    let order = OrderUpdate {
        id: id(),
        status: Status::PartiallyFilled,
        reason: UpdateReason::FilledPartially,
        way: Some(way),
        kind: Some(OrderKind::Limit),
        qty: 5,
        filled: 3,
        px: Some(Px::clamped(24_002)),
        class: RejectClass::Unknown,
    };
    let mut counters = Counters::default();
    let expected = [(0, Body::Fill(fill)), (0, Body::Order(order))];
    let mut feed = feed();
    assert_eq!(take(&mut feed, &mut counters, &bytes), expected);
    assert_eq!(counters, Counters::default());
    let mut server = [0; 32];
    server[..2].copy_from_slice(b"S1");
    assert_eq!(feed.poll_learned(), Some((id(), server)));
    let mut text = [0; 64];
    text[..4].copy_from_slice(b"X-17");
    assert_eq!((feed.poll_executed(), feed.poll_executed()), (Some((execution, text)), None));
    // The same bytes again say the same: whoever counts fills tells them apart by their id.
    assert_eq!(take(&mut feed, &mut counters, &bytes), expected);
    assert_eq!(feed.poll_learned(), None, "nothing new");
}

/// The text of a refusal becomes a class, and a line for people; any other text is nobody's
/// business.
#[test]
fn a_refusal_has_a_class_and_a_text() {
    let mut feed = feed();
    for (status, reason, text, class, line) in [
        (
            9,
            8,
            "Not connected",
            RejectClass::Transient,
            "order mia-20260114-0000000007 was refused (transient): \"Not connected\"",
        ),
        (
            9,
            8,
            "Price\n\u{1b}[2J\"",
            RejectClass::Parameter,
            "order mia-20260114-0000000007 was refused (parameter): \"Price\\n\\x1b[2J\\\"\"",
        ),
        (
            4,
            9,
            "margin call",
            RejectClass::Margin,
            "the cancel of order mia-20260114-0000000007 was refused (margin): \"margin call\"",
        ),
        (
            4,
            10,
            "",
            RejectClass::Unknown,
            "a change of order mia-20260114-0000000007 was refused (unknown): \"\"",
        ),
        (
            9,
            3,
            "User is not authorized",
            RejectClass::Permission,
            "order mia-20260114-0000000007 was refused (permission): \"User is not authorized\"",
        ),
    ] {
        let mut m = update(status, reason);
        put(&mut m.info_text, text);
        let Body::Order(order) = said(&mut feed, &m)[0].1 else { panic!("an order") };
        assert_eq!(order.class, class, "{text}");
        assert_eq!(feed.poll_refused().map(|r| r.to_string()).as_deref(), Some(line));
        assert_eq!(feed.poll_refused(), None, "once");
    }
    let mut works = update(4, 2);
    put(&mut works.info_text, "Not connected, margin");
    let Body::Order(order) = said(&mut feed, &works)[0].1 else { panic!("an order") };
    assert_eq!((order.class, feed.poll_refused()), (RejectClass::Unknown, None));
}

#[test]
fn what_is_not_said_stays_unsaid() {
    let mut feed = feed();
    let reject = update(9, 8);
    let expected = bare(Status::Rejected, UpdateReason::NewRejected);
    assert_eq!(said(&mut feed, &reject), [(1, expected)]);
    // Without an account it can be about no other; the symbol is known by the server's id.
    let mut short = update(8, 6);
    (short.trade_account, short.symbol) = ([0; 32], [0; 64]);
    short.client_order_id = [0; 32];
    assert_eq!(said(&mut feed, &short), [(1, bare(Status::Canceled, UpdateReason::Canceled))]);
    // Quantities that are no contracts are unknown, not 0, and counted.
    let mut odd = update(4, 3);
    (odd.order_quantity, odd.filled_quantity) = (F64::new(1.5), F64::new(-1.0));
    let mut counters = Counters::default();
    let expected = bare(Status::Open, UpdateReason::General);
    assert_eq!(take(&mut feed, &mut counters, odd.as_bytes()), [(1, expected)]);
    assert_eq!(counters.invalid, 2);
    // A status that no table knows is none.
    let expected = bare(Status::Unspecified, UpdateReason::Unset);
    let events = take(&mut feed, &mut counters, update(77, -1).as_bytes());
    assert_eq!((events, counters.invalid), (vec![(1, expected)], 4));
    // A market order has no price, whatever stands there.
    let mut market = update(4, 2);
    (market.order_type, market.price1) = (I32::new(1), F64::new(0.0));
    let Body::Order(order) = said(&mut feed, &market)[0].1 else { panic!("an order") };
    assert_eq!((order.kind, order.px), (Some(OrderKind::Market), None));
}

#[test]
fn a_fill_that_cannot_be_read_is_none() {
    let mut counters = Counters::default();
    let mut feed = feed();
    let mut m = update(7, 4);
    (m.buy_sell, m.filled_quantity) = (I32::new(2), F64::new(2.0));
    m.last_fill_quantity = F64::new(2.0);
    for (price, counted) in [(f64::MAX, 1), (f64::NAN, 2), (21_000.1, 2)] {
        m.last_fill_price = F64::new(price);
        let events = take(&mut feed, &mut counters, m.as_bytes());
        assert!(matches!(events[..], [(1, Body::Order(o))] if o.filled == 2), "{price}");
        assert_eq!(counters.invalid, counted);
    }
    assert_eq!(counters.off_grid, 1);
    m.last_fill_price = F64::new(21_000.25);
    let events = take(&mut feed, &mut counters, m.as_bytes());
    let (execution, way) = (ExecutionId::NONE, BuySell::Sell);
    let fill = Fill { id: id(), execution, px: Px::clamped(84_001), qty: 2, way };
    assert_eq!(events[0], (1, Body::Fill(fill)));
    // The newest fill of a message that came for another reason is an old one.
    m.order_update_reason = I32::new(3);
    assert!(matches!(take(&mut feed, &mut counters, m.as_bytes())[..], [(1, Body::Order(_))]));
}

#[test]
fn other_accounts_and_symbols() {
    let mut feed = feed();
    let mut counters = Counters::default();
    let mut m = update(4, 2);
    put(&mut m.trade_account, "SIM2");
    assert_eq!(take(&mut feed, &mut counters, m.as_bytes()), []);
    assert_eq!(counters.other_account, 1);
    m = update(4, 2);
    put(&mut m.symbol, "CLZ6");
    assert_eq!(take(&mut feed, &mut counters, m.as_bytes()), []);
    assert_eq!(counters.unknown_symbol, 1);
    // Also as the last of a list it ends the list.
    put(&mut m.trade_account, "SIM2");
    (m.request_id, m.total_num_messages, m.message_number) =
        (I32::new(3), I32::new(1), I32::new(1));
    let listed = Body::Listed(Listing::Orders);
    assert_eq!(take(&mut feed, &mut counters, m.as_bytes()), [(0, listed)]);
}

#[test]
fn foreign_orders_are_numbered() {
    let mut feed = feed();
    let of = |event: &(u16, Body)| match event.1 {
        Body::Order(order) => order.id,
        _ => panic!("an order"),
    };
    let mut foreign = |server: &str, before: &str, client: &str| {
        let mut m = update(4, 2);
        put(&mut m.server_order_id, server);
        put(&mut m.previous_server_order_id, before);
        put(&mut m.client_order_id, client);
        of(&said(&mut feed, &m)[0])
    };
    assert_eq!(foreign("A", "", "by hand"), OrderId::foreign(1));
    assert_eq!(foreign("B", "", ""), OrderId::foreign(2));
    assert_eq!(foreign("A", "", ""), OrderId::foreign(1));
    // Changed by the server: the same order under both ids.
    assert_eq!(foreign("C", "A", ""), OrderId::foreign(1));
    assert_eq!(foreign("A", "", ""), OrderId::foreign(1));
    assert_eq!(foreign("S", "", OURS), id());
    assert_eq!(foreign("T", "S", ""), id(), "known by the server's id before");
    let mut nobody = update(4, 2);
    (nobody.server_order_id, nobody.client_order_id) = ([0; 32], [0; 32]);
    let mut counters = Counters::default();
    assert_eq!(take(&mut feed, &mut counters, nobody.as_bytes()), []);
    assert_eq!(counters.unknown_orders, 1);
    let newest = feed.known().last().expect("ours");
    let newest = (newest.id, newest.symbol, &newest.server[..2]);
    assert_eq!(newest, (id(), SymbolId(1), b"T\0".as_slice()));
}

#[test]
fn lists_end() {
    let mut feed = feed();
    let mut m = wire::OrderUpdate::DEFAULT;
    (m.request_id, m.no_orders) = (I32::new(1), 1);
    assert_eq!(said(&mut feed, &m), [(0, Body::Listed(Listing::Orders))]);
    m = update(4, 1);
    (m.request_id, m.total_num_messages) = (I32::new(1), I32::new(2));
    m.order_quantity = F64::new(1.0);
    for (number, events) in [(1, 1), (2, 2)] {
        m.message_number = I32::new(number);
        assert_eq!(said(&mut feed, &m).len(), events, "{number} of 2");
    }
    // Without a total nobody knows that the list is whole.
    (m.total_num_messages, m.message_number) = (I32::new(0), I32::new(0));
    assert_eq!(said(&mut feed, &m).len(), 1);
    // An order of the list whose size is not given makes it no list.
    m.order_quantity = wire::DBL_MAX;
    (m.total_num_messages, m.message_number) = (I32::new(1), I32::new(1));
    assert_eq!(said(&mut feed, &m)[1], (0, Body::Reject { message_type: 301 }));
    let mut fills = wire::HistoricalOrderFillResponse::DEFAULT;
    (fills.request_id, fills.no_order_fills) = (I32::new(4), 1);
    assert_eq!(said(&mut feed, &fills), [(0, Body::Listed(Listing::Fills))]);
    let mut rejected = wire::CurrentPositionsReject::DEFAULT;
    rejected.request_id = I32::new(2);
    assert_eq!(said(&mut feed, &rejected), [(0, Body::Reject { message_type: 307 })]);
}

#[test]
fn past_fills_find_their_order() {
    let mut feed = feed();
    let mut m = wire::HistoricalOrderFillResponse::DEFAULT;
    put(&mut m.symbol, "ESZ6");
    put(&mut m.server_order_id, "S9");
    put(&mut m.unique_execution_id, "X-17");
    put(&mut m.trade_account, "SIM1");
    (m.buy_sell, m.price, m.quantity) = (I32::new(1), F64::new(6000.25), F64::new(2.0));
    (m.request_id, m.total_number_messages, m.message_number) =
        (I32::new(4), I32::new(1), I32::new(1));
    let execution = ExecutionId::new(xxh3_64(b"X-17"));
    let (px, way) = (Px::clamped(24_001), BuySell::Buy);
    let fill = |id| Body::Fill(Fill { id, execution, px, qty: 2, way });
    let listed = (0, Body::Listed(Listing::Fills));
    assert_eq!(said(&mut feed, &m), [(0, fill(OrderId::NONE)), listed]);
    assert_eq!(feed.poll_executed(), Some((execution, m.unique_execution_id)));
    let mut server = [0; 32];
    put(&mut server, "S9");
    feed.remember(KnownOrder { id: id(), symbol: SymbolId(0), server });
    assert_eq!(said(&mut feed, &m), [(0, fill(id())), listed]);
    // Also in a run that was told so as text.
    let instruments = ["ESZ6", "NQZ6"].map(|s| Instrument::from_symbol(s).expect("root"));
    let text = feed.to_text();
    let mut again = OrderFeed::from_text(&text, &instruments).expect("own text");
    assert_eq!((again.account(), again.to_text()), ("SIM1", text));
    assert_eq!(said(&mut again, &m), [(0, fill(id())), listed]);
    for text in ["", "SIM1\nx 0 53", "SIM1\n5 0", "SIM1\n5 0 5", "SIM1\n5 0 zz"] {
        assert!(OrderFeed::from_text(text, &instruments).is_none(), "{text:?}");
    }
}

#[test]
fn positions() {
    let mut feed = feed();
    let mut m = wire::PositionUpdate::DEFAULT;
    put(&mut m.symbol, "NQZ6");
    put(&mut m.trade_account, "SIM1");
    (m.quantity, m.unsolicited) = (F64::new(-3.0), 1);
    assert_eq!(said(&mut feed, &m), [(1, Body::Position(-3))]);
    (m.unsolicited, m.request_id) = (0, I32::new(2));
    (m.total_number_messages, m.message_number) = (I32::new(1), I32::new(1));
    let listed = (0, Body::Listed(Listing::Positions));
    assert_eq!(said(&mut feed, &m), [(1, Body::Position(-3)), listed]);
    // A position that cannot be read: neither flat nor a list.
    m.quantity = F64::new(0.5);
    let mut counters = Counters::default();
    let events = take(&mut feed, &mut counters, m.as_bytes());
    assert_eq!(events, [(0, Body::Reject { message_type: 306 })]);
    // Nor one out of all bounds.
    for quantity in [2_147_483_647.0, -1_000_001.0] {
        m.quantity = F64::new(quantity);
        let events = take(&mut feed, &mut counters, m.as_bytes());
        assert_eq!(events, [(0, Body::Reject { message_type: 306 })]);
    }
    let mut none = wire::PositionUpdate::DEFAULT;
    (none.request_id, none.no_positions) = (I32::new(2), 1);
    assert_eq!(said(&mut feed, &none), [listed]);
}

#[test]
fn balances() {
    let mut feed = feed();
    let mut m = wire::AccountBalanceUpdate::DEFAULT;
    put(&mut m.trade_account, "SIM1");
    put(&mut m.account_currency, "USD");
    (m.cash_balance, m.open_positions_profit_loss) = (F64::new(1e5), F64::new(-250.5));
    assert_eq!(said(&mut feed, &m), [(0, Body::Balance(99_749.5))]);
    put(&mut m.account_currency, "EUR");
    let mut counters = Counters::default();
    assert_eq!(take(&mut feed, &mut counters, m.as_bytes()), []);
    assert_eq!(counters.invalid, 0, "another currency is beside the point");
    put(&mut m.account_currency, "USD");
    m.cash_balance = F64::new(f64::INFINITY);
    assert_eq!(take(&mut feed, &mut counters, m.as_bytes()), []);
    assert_eq!(counters.invalid, 1);
}

/// An account may hold other currencies beside its dollars, in any order; without dollars there is
/// no balance.
#[test]
fn a_list_of_balances() {
    let row = |number: i32, currency: &str| {
        let mut m = wire::AccountBalanceUpdate::DEFAULT;
        put(&mut m.trade_account, "SIM1");
        put(&mut m.account_currency, currency);
        (m.cash_balance, m.open_positions_profit_loss) = (F64::new(1e5), F64::new(0.0));
        (m.request_id, m.message_number) = (I32::new(3), I32::new(number));
        m.total_number_messages = I32::new(2);
        m
    };
    let usd = (0, Body::Balance(1e5));
    let (whole, refused) = (Body::Listed(Listing::Balance), Body::Reject { message_type: 600 });
    let mut feed = feed();
    for (currencies, expected) in [
        (["USD", "EUR"], vec![usd, (0, whole)]),
        (["EUR", "USD"], vec![usd, (0, whole)]),
        (["EUR", "CHF"], vec![(0, refused)]),
        (["USD", "EUR"], vec![usd, (0, whole)]),
    ] {
        let rows = currencies.iter().zip(1..).map(|(c, n)| row(n, c));
        let events: Vec<_> = rows.flat_map(|m| said(&mut feed, &m)).collect();
        assert_eq!(events, expected, "{currencies:?}");
    }
}

#[test]
fn memory_of_server_ids_is_bounded() {
    let mut feed = feed();
    for n in 0..KNOWN as u32 + 10 {
        let mut server = [0; 32];
        put(&mut server, &format!("S{n}"));
        let (id, symbol) = (OrderId::new(20_260_114, n + 1), SymbolId(0));
        feed.remember(KnownOrder { id, symbol, server });
    }
    let known: Vec<u32> = feed.known().map(|k| k.id.counter()).collect();
    assert_eq!((known.len(), known[0], known[KNOWN - 1]), (KNOWN, 11, KNOWN as u32 + 10));
    assert_eq!(feed.known.capacity(), KNOWN);
}

#[test]
fn hostile_bytes_never_panic_and_say_the_same_twice() {
    let mut seed = 7_u64;
    let mut bytes = vec![0_u8; 720];
    let (mut one, mut two) = (feed(), feed());
    for round in 0..4_000 {
        for byte in &mut bytes {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = if seed >> 62 == 0 { (seed >> 40) as u8 } else { 0 };
        }
        let kind = [301_u16, 304, 306, 600, 302, 307, 308, 602, 401][round % 9];
        let size = 4 + (seed >> 33) as u16 % 717;
        bytes[..2].copy_from_slice(&size.to_le_bytes());
        bytes[2..4].copy_from_slice(&kind.to_le_bytes());
        if round % 3 == 0 {
            bytes[16..20].copy_from_slice(b"ESZ6");
        }
        let mut counters = Counters::default();
        let events = take(&mut one, &mut counters, &bytes);
        assert_eq!(format!("{events:?}"), format!("{:?}", take(&mut two, &mut counters, &bytes)));
    }
}
