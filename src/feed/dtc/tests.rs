//! Every form of a message ends in the same event, and hostile values in none.

use zerocopy::little_endian::{F32, F64, I64, U16, U32};

use super::*;

const NS: i64 = 1_700_000_000_000_000_000;

fn feed() -> DtcFeed {
    let es = Instrument::from_symbol("ESZ6").expect("root");
    DtcFeed::new(&[(7, SymbolId(3), &es)])
}

fn events(feed: &mut DtcFeed, message: &impl Message) -> Vec<Event> {
    let mut out = Vec::new();
    let frame = dtc::frame::next_frame(message.as_bytes()).expect("size").expect("whole");
    feed.on_frame(&frame, Ts(NS + 5), &mut |e| out.push(e));
    out
}

fn body(feed: &mut DtcFeed, message: &impl Message) -> Body {
    events(feed, message).first().expect("an event").body
}

#[test]
fn every_trade_is_the_same_trade() {
    let mut feed = feed();
    let (id, price, volume) = (U32::new(7), F64::new(4800.25), F64::new(3.0));
    let expected = Event {
        seq: 0,
        ts: Ts(NS + 5),
        ts_exch: Ts(NS),
        symbol: SymbolId(3),
        flags: 0,
        body: Body::Trade {
            px: Px::clamped(19_201),
            qty: 3,
            aggressor: Aggressor::Buy,
            unbundled: 0,
        },
    };
    let s = F64::new(1.7e9);
    let mut full = wire::MarketDataUpdateTrade::DEFAULT;
    (full.symbol_id, full.price, full.volume, full.date_time) = (id, price, volume, s);
    full.at_bid_or_ask = U16::new(2);
    assert_eq!(events(&mut feed, &full), [expected]);
    let mut compact = wire::MarketDataUpdateTradeCompact::DEFAULT;
    (compact.symbol_id, compact.price) = (id, F32::new(4800.25));
    (compact.volume, compact.date_time) = (F32::new(3.0), U32::new(1_700_000_000));
    compact.at_bid_or_ask = U16::new(2);
    assert_eq!(events(&mut feed, &compact), [expected]);
    let mut v2 = wire::MarketDataUpdateTradeV2::DEFAULT;
    (v2.symbol_id, v2.price, v2.volume) = (id, price, volume);
    (v2.date_time, v2.at_bid_or_ask) = (I64::new(NS / 1000), 2);
    assert_eq!(events(&mut feed, &v2), [expected]);
    let mut second = wire::MarketDataUpdateTradeWithUnbundledIndicator2::DEFAULT;
    (second.symbol_id, second.price, second.volume) = (id, F32::new(4800.25), U32::new(3));
    (second.date_time, second.at_bid_or_ask) = (I64::new(NS / 1000), 2);
    assert_eq!(events(&mut feed, &second), [expected]);
    // Without a time of its own it repeats the last trade's.
    let mut bare = wire::MarketDataUpdateTradeNoTimestamp::DEFAULT;
    (bare.symbol_id, bare.price, bare.volume) = (id, F32::new(4800.25), U32::new(3));
    bare.at_bid_or_ask = 2;
    assert_eq!(events(&mut feed, &bare), [expected]);
}

#[test]
fn an_unset_price_is_no_price() {
    let mut feed = feed();
    let mut quote = wire::MarketDataUpdateBidAskV2::DEFAULT;
    quote.symbol_id = U32::new(7);
    (quote.ask_price, quote.ask_quantity) = (F64::new(4800.5), F64::new(4.0));
    let ask = Some((Px::clamped(19_202), 4));
    assert_eq!(body(&mut feed, &quote), Body::Quote { bid: None, ask });
    let mut compact = wire::MarketDataUpdateBidAskCompact::DEFAULT;
    compact.symbol_id = U32::new(7);
    assert_eq!(body(&mut feed, &compact), Body::Quote { bid: None, ask: None });
}

#[test]
fn batches_and_snapshots() {
    let mut feed = feed();
    let mut level = wire::MarketDepthUpdateLevelV2::DEFAULT;
    (level.symbol_id, level.side, level.price) = (U32::new(7), 1, F64::new(4800.0));
    (level.quantity, level.update_type) = (F64::new(9.0), 3);
    for (finality, flags) in [(0, flag::BATCH_END), (1, flag::BATCH_END), (2, 0), (3, 0)] {
        level.final_update_in_batch = finality;
        assert_eq!(events(&mut feed, &level)[0].flags, flags);
    }
    level.update_type = 2;
    assert!(matches!(body(&mut feed, &level), Body::Depth { qty: 0, .. }));
    let mut empty = wire::MarketDepthSnapshotLevel::DEFAULT;
    empty.symbol_id = U32::new(7);
    (empty.is_first_message_in_batch, empty.is_last_message_in_batch) = (1, 1);
    let got = events(&mut feed, &empty);
    assert_eq!(got.len(), 1);
    assert_eq!((got[0].body, got[0].flags), (Body::Clear, flag::SNAPSHOT | flag::BATCH_END));
    (empty.side, empty.price, empty.quantity) = (U16::new(2), F64::new(4800.0), F64::new(1.0));
    let got: Vec<Body> = events(&mut feed, &empty).iter().map(|e| e.body).collect();
    assert!(matches!(got[..], [Body::Clear, Body::Depth { side: Side::Ask, .. }]));
    assert_eq!(feed.counters(), Counters::default());
}

#[test]
fn definitions() {
    let mut feed = feed();
    let mut trade = wire::MarketDataUpdateTradeV2::DEFAULT;
    (trade.symbol_id, trade.volume) = (U32::new(7), F64::new(1.0));
    let mut definition = wire::SecurityDefinitionResponse::DEFAULT;
    assert!(value::put_text(&mut definition.symbol, "ESZ6"));
    definition.min_price_increment = F32::new(0.25);
    definition.display_price_multiplier = F32::new(0.01);
    assert!(events(&mut feed, &definition).is_empty());
    trade.price = F64::new(480_025.0);
    assert!(matches!(body(&mut feed, &trade), Body::Trade { px, .. } if px.ticks() == 19_201));
    // A definition with another increment: every price is refused from here on.
    definition.min_price_increment = F32::new(0.05);
    assert!(events(&mut feed, &definition).is_empty());
    assert!(events(&mut feed, &trade).is_empty());
    let counters = feed.counters();
    assert_eq!((counters.tick_mismatches, counters.invalid), (1, 1));
}

#[test]
fn hostile_values_are_counted() {
    let mut feed = feed();
    let mut trade = wire::MarketDataUpdateTradeV2::DEFAULT;
    trade.symbol_id = U32::new(7);
    for (price, volume) in
        [(f64::NAN, 1.0), (1e300, 1.0), (4800.1, 1.0), (4800.0, 0.0), (4800.0, 1.5), (4800.0, -1.0)]
    {
        (trade.price, trade.volume) = (F64::new(price), F64::new(volume));
        assert!(events(&mut feed, &trade).is_empty());
    }
    trade.symbol_id = U32::new(8);
    assert!(events(&mut feed, &trade).is_empty());
    let counters = feed.counters();
    assert_eq!((counters.invalid, counters.off_grid, counters.unknown_symbol), (5, 1, 1));
    let mut unknown = *b"\x08\0\x99\x99abcd";
    unknown[2] = 0xe7;
    let frame = dtc::frame::next_frame(&unknown).expect("size").expect("whole");
    feed.on_frame(&frame, Ts(NS), &mut |e| panic!("{e:?}"));
    assert_eq!(feed.counters().unknown, 1);
}

#[test]
fn losses_are_events() {
    let mut feed = feed();
    let mut beat = wire::Heartbeat::DEFAULT;
    assert!(events(&mut feed, &beat).is_empty());
    beat.num_dropped_messages = U32::new(4);
    assert_eq!(body(&mut feed, &beat), Body::Gap(GapCause::ServerDropped));
    assert!(events(&mut feed, &beat).is_empty(), "no more than before");
    feed.reconnected();
    assert_eq!(body(&mut feed, &beat), Body::Gap(GapCause::ServerDropped));
    let mut reject = wire::MarketDataReject::DEFAULT;
    reject.symbol_id = U32::new(7);
    assert_eq!(body(&mut feed, &reject), Body::Reject { message_type: 103 });
}
