//! Every record in every generation, read back through `dtc::wire`.

use dtc::frame::next_frame;
use dtc::wire::{
    MarketDataSnapshot, MarketDepthSnapshotLevel, MarketDepthSnapshotLevelFloat,
    MarketDepthUpdateLevel, MarketDepthUpdateLevelFloatWithMilliseconds, MarketDepthUpdateLevelV2,
    SecurityDefinitionResponse, SecurityDefinitionResponseV2, value,
};

use super::*;
use crate::market::Market;
use crate::state::{Book, MarketState};
use crate::synthetic::{SyntheticConfig, SyntheticMarket};

const ALL: [Generation; 3] = [Generation::Compact, Generation::Float, Generation::V2];
const TS_NS: i64 = 1_767_623_400_123_456_789;

fn spec() -> SymbolSpec {
    SymbolSpec::new("SYN", "EX", 0.25, 12.5)
}

fn frames(bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut rest = bytes;
    let mut frames = Vec::new();
    while let Some(frame) = next_frame(rest).unwrap() {
        frames.push((frame.kind, frame.bytes.to_vec()));
        rest = &rest[frame.len()..];
    }
    assert!(rest.is_empty(), "only whole messages");
    frames
}

/// A depth message of any generation, as (side, delete, price, quantity, orders, level, final).
fn read_update(kind: u16, bytes: &[u8]) -> Option<(u8, u8, f64, f64, u32, u16, u8)> {
    match kind {
        106 => {
            let m = MarketDepthUpdateLevel::parse(bytes);
            Some((
                m.side.get() as u8,
                m.update_type,
                m.price.get(),
                m.quantity.get(),
                m.num_orders.get(),
                m.level.get(),
                m.final_update_in_batch,
            ))
        }
        140 => {
            let m = MarketDepthUpdateLevelFloatWithMilliseconds::parse(bytes);
            Some((
                m.side,
                m.update_type,
                m.price.get().into(),
                m.quantity.get().into(),
                m.num_orders.get().into(),
                m.level.get(),
                m.final_update_in_batch,
            ))
        }
        109 => {
            let m = MarketDepthUpdateLevelV2::parse(bytes);
            Some((
                m.side,
                m.update_type,
                m.price.get(),
                m.quantity.get(),
                m.num_orders.get().into(),
                m.level.get(),
                m.final_update_in_batch,
            ))
        }
        _ => None,
    }
}

#[test]
fn trades_in_each_generation() {
    for (aggressor, at) in [(Aggressor::None, 0), (Aggressor::Sell, 1), (Aggressor::Buy, 2)] {
        let body = MarketBody::Trade { price: 5000.25, volume: 7, aggressor, unbundled: 2 };
        let record = MarketRecord { ts_ns: TS_NS, symbol: 0, body };
        for generation in ALL {
            let mut out = Vec::new();
            Encoder { generation, spec: &spec(), symbol_id: 9 }.market_data(&record, &mut out);
            let frames = frames(&out);
            let (kind, bytes) = &frames[0];
            let got = match kind {
                112 => {
                    let m = MarketDataUpdateTradeCompact::parse(bytes);
                    let volume = f64::from(m.volume.get());
                    assert_eq!(m.date_time.get(), 1_767_623_400);
                    (m.symbol_id.get(), m.price.get().into(), volume, m.at_bid_or_ask.get() as u8)
                }
                146 => {
                    let m = MarketDataUpdateTradeWithUnbundledIndicator2::parse(bytes);
                    assert_eq!(m.date_time.get(), 1_767_623_400_123_456);
                    assert_eq!(m.unbundled_trade_indicator, 2);
                    let volume = f64::from(m.volume.get());
                    (m.symbol_id.get(), m.price.get().into(), volume, m.at_bid_or_ask)
                }
                147 => {
                    let m = MarketDataUpdateTradeV2::parse(bytes);
                    assert_eq!(m.date_time.get(), 1_767_623_400_123_456);
                    assert_eq!(m.unbundled_trade_indicator, 2);
                    (m.symbol_id.get(), m.price.get(), m.volume.get(), m.at_bid_or_ask)
                }
                other => panic!("type {other}"),
            };
            assert_eq!(got, (9, 5000.25, 7.0, at));
            assert_eq!(frames.len(), 1);
        }
    }
}

#[test]
fn quotes_in_each_generation_and_their_empty_sides() {
    let body = MarketBody::Quote { bid: Some((5000.0, 12.0)), ask: None };
    let record = MarketRecord { ts_ns: TS_NS, symbol: 0, body };
    for generation in ALL {
        let mut out = Vec::new();
        Encoder { generation, spec: &spec(), symbol_id: 9 }.market_data(&record, &mut out);
        let (kind, bytes) = &frames(&out)[0];
        let (bid, quantity, ask) = match kind {
            117 => {
                let m = MarketDataUpdateBidAskCompact::parse(bytes);
                let ask = value::f32_set(m.ask_price.get()).map(f64::from);
                (m.bid_price.get().into(), m.bid_quantity.get().into(), ask)
            }
            144 => {
                let m = MarketDataUpdateBidAskFloatWithMicroseconds::parse(bytes);
                let ask = value::f32_set(m.ask_price.get()).map(f64::from);
                (m.bid_price.get().into(), m.bid_quantity.get().into(), ask)
            }
            148 => {
                let m = MarketDataUpdateBidAskV2::parse(bytes);
                (m.bid_price.get(), m.bid_quantity.get(), value::f64_set(m.ask_price.get()))
            }
            other => panic!("type {other}"),
        };
        assert_eq!((bid, quantity, ask), (5000.0, 12.0, None));
    }
}

/// A book rebuilt from messages alone equals the book the records made, at every batch end.
#[test]
fn books_survive_the_wire() {
    let config = SyntheticConfig { duration_s: 60.0, ..SyntheticConfig::default() };
    for generation in ALL {
        let mut market = SyntheticMarket::new(&config);
        let specs = market.symbols().to_vec();
        let encoder = Encoder { generation, spec: &specs[0], symbol_id: 1 };
        let mut server = MarketState::new(&specs);
        let mut client = MarketState::new(&specs);
        let mut ends = 0;
        while let Some(record) = market.next() {
            let mut out = Vec::new();
            encoder.depth(&record, server.symbol(0).unwrap(), &mut out);
            for (kind, bytes) in frames(&out) {
                let (side, update, price, quantity, orders, level, last) =
                    read_update(kind, &bytes).unwrap();
                let side = if side == 1 { Side::Bid } else { Side::Ask };
                let standing =
                    client.symbol(0).unwrap().book.contains(side, specs[0].ticks(price).unwrap());
                match generation {
                    Generation::V2 => assert_eq!(update == 3, update != 2 && !standing),
                    _ => assert!(update == 1 || update == 2),
                }
                let body = MarketBody::Depth {
                    side,
                    delete: update == 2,
                    price,
                    quantity: quantity as u32,
                    orders: orders as u16,
                    level,
                    final_in_batch: last == 1,
                };
                assert!(last == 1 || last == 2);
                client.apply(&MarketRecord { body, ..record });
            }
            server.apply(&record);
            let (server, client) = (server.symbol(0).unwrap(), client.symbol(0).unwrap());
            assert_eq!(server.book, client.book);
            ends += u32::from(!client.batch_open && !out.is_empty());
        }
        assert!(ends > 1000, "{ends}");
    }
}

fn two_sided_state() -> MarketState {
    let mut state = MarketState::new(&[spec()]);
    for (side, price, quantity) in
        [(Side::Bid, 5000.0, 3), (Side::Bid, 4999.75, 5), (Side::Ask, 5000.25, 4)]
    {
        let body = MarketBody::Depth {
            side,
            delete: false,
            price,
            quantity,
            orders: 2,
            level: 0,
            final_in_batch: true,
        };
        state.apply(&MarketRecord { ts_ns: TS_NS, symbol: 0, body });
    }
    state
}

#[test]
fn depth_snapshots_are_marked_at_both_ends() {
    let state = two_sided_state();
    for generation in ALL {
        let mut out = Vec::new();
        let encoder = Encoder { generation, spec: &spec(), symbol_id: 9 };
        encoder.depth_snapshot(state.symbol(0).unwrap(), 10, &mut out);
        let rows: Vec<_> = frames(&out)
            .iter()
            .map(|(kind, bytes)| match kind {
                122 => {
                    let m = MarketDepthSnapshotLevel::parse(bytes);
                    let marks = (m.is_first_message_in_batch, m.is_last_message_in_batch);
                    (m.side.get() as u8, m.level.get(), m.price.get(), m.quantity.get(), marks)
                }
                145 => {
                    let m = MarketDepthSnapshotLevelFloat::parse(bytes);
                    let mark = m.final_update_in_batch;
                    let marks = (u8::from(mark == 3), u8::from(mark == 1));
                    assert!(mark != 0);
                    let price = f64::from(m.price.get());
                    (m.side, m.level.get(), price, f64::from(m.quantity.get()), marks)
                }
                other => panic!("type {other}"),
            })
            .collect();
        assert_eq!(
            rows,
            [
                (1, 1, 5000.0, 3.0, (1, 0)),
                (1, 2, 4999.75, 5.0, (0, 0)),
                (2, 1, 5000.25, 4.0, (0, 1)),
            ]
        );
        out.clear();
        encoder.depth_snapshot(state.symbol(0).unwrap(), 1, &mut out);
        assert_eq!(frames(&out).len(), 2, "one level a side was asked for");
    }
}

#[test]
fn small_snapshots() {
    let empty = SymbolState::default();
    let mut out = Vec::new();
    for generation in [Generation::Compact, Generation::V2] {
        out.clear();
        Encoder { generation, spec: &spec(), symbol_id: 9 }.depth_snapshot(&empty, 0, &mut out);
        let [(122, bytes)] = &frames(&out)[..] else { panic!("one 122") };
        let m = MarketDepthSnapshotLevel::parse(bytes);
        assert_eq!((m.is_first_message_in_batch, m.is_last_message_in_batch), (1, 1));
        assert_eq!((m.side.get(), m.price.get(), m.quantity.get()), (0, 0.0, 0.0));
    }
    out.clear();
    let float = Encoder { generation: Generation::Float, spec: &spec(), symbol_id: 9 };
    float.depth_snapshot(&empty, 0, &mut out);
    let marks: Vec<_> = frames(&out)
        .iter()
        .map(|(_, bytes)| MarketDepthSnapshotLevelFloat::parse(bytes))
        .map(|m| (m.side, m.final_update_in_batch))
        .collect();
    assert_eq!(marks, [(0, 3), (0, 1)]);
}

#[test]
fn a_cleared_book_is_deleted_level_by_level_and_then_published() {
    let mut state = two_sided_state();
    let clear = MarketRecord { ts_ns: TS_NS, symbol: 0, body: MarketBody::ClearBook };
    let end = MarketRecord { body: MarketBody::BatchEnd, ..clear };
    for generation in ALL {
        let encoder = Encoder { generation, spec: &spec(), symbol_id: 9 };
        let mut out = Vec::new();
        encoder.depth(&clear, state.symbol(0).unwrap(), &mut out);
        let updates: Vec<_> =
            frames(&out).iter().map(|(kind, bytes)| read_update(*kind, bytes).unwrap()).collect();
        assert_eq!(updates.len(), 3);
        assert!(updates.iter().all(|update| update.1 == 2 && update.6 == 2));
    }
    // With levels standing, a bare batch end repeats the best bid.
    let mut out = Vec::new();
    let encoder = Encoder { generation: Generation::V2, spec: &spec(), symbol_id: 9 };
    encoder.depth(&end, state.symbol(0).unwrap(), &mut out);
    let [(kind, bytes)] = &frames(&out)[..] else { panic!("one update") };
    assert_eq!(read_update(*kind, bytes), Some((1, 4, 5000.0, 3.0, 2, 1, 1)));
    // On an empty book it is an empty snapshot, and nothing when nothing is open.
    state.apply(&clear);
    out.clear();
    encoder.depth(&end, state.symbol(0).unwrap(), &mut out);
    assert_eq!(frames(&out)[0].0, 122);
    state.apply(&end);
    out.clear();
    encoder.depth(&end, state.symbol(0).unwrap(), &mut out);
    assert!(out.is_empty());
    assert_eq!(state.symbol(0).unwrap().book, Book::default());
}

#[test]
fn data_snapshots_hold_what_is_known() {
    let encoder = Encoder { generation: Generation::Float, spec: &spec(), symbol_id: 9 };
    let mut out = Vec::new();
    encoder.data_snapshot(&SymbolState::default(), &mut out);
    let m = MarketDataSnapshot::parse(&out);
    assert_eq!(value::f64_set(m.last_trade_price.get()), None);
    assert_eq!(value::f64_set(m.bid_price.get()), None);
    assert_eq!(value::u32_set(m.session_num_trades.get()), None);
    assert_eq!(m.last_trade_date_time.get(), 0.0);

    let mut state = two_sided_state();
    let body =
        MarketBody::Trade { price: 5000.25, volume: 2, aggressor: Aggressor::Buy, unbundled: 0 };
    state.apply(&MarketRecord { ts_ns: TS_NS, symbol: 0, body });
    out.clear();
    encoder.data_snapshot(state.symbol(0).unwrap(), &mut out);
    let m = MarketDataSnapshot::parse(&out);
    assert_eq!((m.last_trade_price.get(), m.last_trade_volume.get()), (5000.25, 2.0));
    assert_eq!((m.bid_price.get(), m.bid_quantity.get()), (5000.0, 3.0));
    assert_eq!((m.ask_price.get(), m.ask_quantity.get()), (5000.25, 4.0));
    assert_eq!((m.session_volume.get(), m.session_num_trades.get()), (2.0, 1));
}

#[test]
fn definitions_and_the_display_multiplier() {
    let spec = SymbolSpec { display_multiplier: 0.01, ..spec() };
    let mut out = Vec::new();
    let float = Encoder { generation: Generation::Float, spec: &spec, symbol_id: 9 };
    float.security_definition(77, "a label", &mut out);
    let m = SecurityDefinitionResponse::parse(&out);
    assert_eq!((m.request_id.get(), m.is_final_message), (77, 1));
    assert_eq!(
        (value::text(&m.symbol), value::text(&m.description)),
        (&b"SYN"[..], &b"a label"[..])
    );
    assert_eq!((m.min_price_increment.get(), m.display_price_multiplier.get()), (0.25, 0.01));
    assert_eq!(m.price_display_format.get(), 2);

    out.clear();
    let v2 = Encoder { generation: Generation::V2, spec: &spec, symbol_id: 9 };
    v2.security_definition(77, "a label", &mut out);
    let m = SecurityDefinitionResponseV2::parse(&out);
    assert_eq!((m.kind.get(), m.min_price_increment.get()), (510, 0.25));
    assert_eq!((m.display_price_multiplier.get(), m.has_market_depth_data), (0.01, 1));

    out.clear();
    let body =
        MarketBody::Trade { price: 2828.25, volume: 1, aggressor: Aggressor::Buy, unbundled: 0 };
    float.market_data(&MarketRecord { ts_ns: TS_NS, symbol: 0, body }, &mut out);
    assert_eq!(MarketDataUpdateTradeWithUnbundledIndicator2::parse(&out).price.get(), 282_825.0);
}

/// What a client makes of the fields; `tests/wire.rs` of mia compares it event for event.
#[test]
fn times_are_cut_to_what_a_field_holds() {
    let ts_ns = 1_700_000_000_123_456_789;
    for (generation, market_data, depth) in [
        // The double of an older depth update is read to the nearest microsecond.
        (Generation::Compact, 1_700_000_000_000_000_000, 1_700_000_000_123_457_000),
        (Generation::Float, 1_700_000_000_123_456_000, 1_700_000_000_123_000_000),
        (Generation::V2, 1_700_000_000_123_456_000, 1_700_000_000_123_000_000),
    ] {
        assert_eq!(generation.market_data_time(ts_ns), Some(market_data), "{generation:?}");
        assert_eq!(generation.depth_time(ts_ns), Some(depth), "{generation:?}");
        assert_eq!((generation.market_data_time(0), generation.depth_time(0)), (None, None));
    }
}
