//! DTC frames to events, in bytes a second beside a plain copy of the same bytes, and in trades a
//! second beside `dbn`'s own record decode of the same trades.
//!
//! Why: bytes to events is the one cost that every message pays before anything useful happens, and
//! a copy is the least that a program can do with bytes. The aims are a tenth of the copy and half
//! the speed of `dbn`, whose records are fixed structs that need no cutting, no unset sentinels, no
//! conversion of float prices to ticks and no look-up of the symbol.
//!
//! `cached` is the market once: it stays in the second cache level, where a copy runs several times
//! as fast as memory. `large` is the market over and over up to 64 MiB, so that copy and decode
//! both read from memory, as with a recorded day. Not measured: the socket, the session, the
//! sequencer.

#[expect(dead_code, reason = "each bench uses a part of it")]
mod common;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dbn::decode::DecodeRecordRef;
use dbn::encode::EncodeRecord;
use dbn::{MetadataBuilder, RecordHeader, SType, Schema, TradeMsg, rtype};
use dtc_sim::encode::Generation;
use mia::event::{Body, Event};
use mia::units::{Aggressor, Ts};

/// Bytes of the stream that no cache holds.
const LARGE: usize = 64 << 20;
const TS: Ts = Ts(1_767_623_400_000_000_000);

fn bytes(c: &mut Criterion) {
    for market in common::recordings() {
        let mut group = c.benchmark_group(format!("decode/{}", market.name));
        for (name, generation) in [("float", Generation::Float), ("v2", Generation::V2)] {
            let stream: Vec<u8> =
                market.messages(generation).into_iter().flat_map(|m| m.bytes).collect();
            let expected = market.events().iter().filter(|e| e.is_market()).count();
            let (mut feed, mut count) = (market.feed(), 0);
            common::decode(&stream, TS, &mut feed, &mut |_| count += 1);
            assert_eq!(
                (count, feed.counters().invalid, feed.counters().off_grid),
                (expected, 0, 0)
            );

            let large = stream.repeat(LARGE / stream.len());
            for (size, stream) in [("cached", &stream), ("large", &large)] {
                group.throughput(Throughput::Bytes(stream.len() as u64));
                let mut copy = vec![1; stream.len()];
                group.bench_function(format!("memcpy {name} {size}"), |b| {
                    b.iter(|| black_box(&mut copy).copy_from_slice(black_box(stream)));
                });
                group.bench_function(format!("events {name} {size}"), |b| {
                    b.iter(|| {
                        common::decode(black_box(stream), TS, &mut feed, &mut |event| {
                            black_box(&event);
                        });
                    });
                });
            }
        }
    }
}

fn trades(c: &mut Criterion) {
    for market in common::recordings() {
        let is_trade = |e: &&Event| matches!(e.body, Body::Trade { .. });
        let trades: Vec<Event> = market.events().iter().filter(is_trade).copied().collect();
        let tick = market.instruments()[0].tick;
        let records: Vec<u8> = as_dbn(&trades, tick);
        let is_trade = |kind: u16| kind == 146 || kind == 147;
        let mut group = c.benchmark_group(format!("trades/{}", market.name));
        group.throughput(Throughput::Elements(trades.len() as u64));

        let mut count = 0;
        dbn_trades(&records, |_| count += 1);
        assert_eq!(count, trades.len());
        group.bench_function("dbn", |b| {
            b.iter(|| dbn_trades(black_box(&records), |t| _ = black_box(t)));
        });
        for (name, generation) in [("float", Generation::Float), ("v2", Generation::V2)] {
            let kind = |bytes: &[u8]| u16::from_le_bytes([bytes[2], bytes[3]]);
            let all = market.messages(generation).into_iter().map(|m| m.bytes);
            let stream: Vec<u8> =
                all.filter(|b| b.len() >= 4 && is_trade(kind(b))).flatten().collect();
            let (mut feed, mut decoded) = (market.feed(), Vec::new());
            common::decode(&stream, TS, &mut feed, &mut |event| decoded.push(event.body));
            assert!(decoded.iter().eq(trades.iter().map(|t| &t.body)), "other trades");
            group.bench_function(format!("dtc {name}"), |b| {
                b.iter(|| {
                    common::decode(black_box(&stream), TS, &mut feed, &mut |event| {
                        black_box(&event);
                    });
                });
            });
        }
    }
}

fn dbn_trades(records: &[u8], mut each: impl FnMut(&TradeMsg)) {
    let mut decoder = dbn::decode::dbn::Decoder::new(records).expect("header");
    while let Some(record) = decoder.decode_record_ref().expect("record") {
        each(record.get::<TradeMsg>().expect("a trade"));
    }
}

fn as_dbn(trades: &[Event], tick: f64) -> Vec<u8> {
    let metadata = MetadataBuilder::new()
        .dataset("SYNTHETIC")
        .schema(Some(Schema::Trades))
        .start(0)
        .stype_in(Some(SType::InstrumentId))
        .stype_out(SType::InstrumentId)
        .build();
    let mut encoder = dbn::encode::dbn::Encoder::new(Vec::new(), &metadata).expect("metadata");
    for trade in trades {
        let Body::Trade { px, qty, aggressor, .. } = trade.body else { continue };
        let time = u64::try_from(trade.ts.0).expect("after 1970");
        let side = match aggressor {
            Aggressor::Buy => 'B',
            Aggressor::Sell => 'A',
            Aggressor::None => 'N',
        };
        let record = TradeMsg {
            hd: RecordHeader::new::<TradeMsg>(rtype::MBP_0, 1, 1, time),
            price: (f64::from(px.ticks()) * tick * 1e9) as i64,
            size: qty,
            action: 'T' as _,
            side: side as _,
            ts_recv: time,
            ..TradeMsg::default()
        };
        encoder.encode_record(&record).expect("memory");
    }
    encoder.get_ref().clone()
}

criterion_group!(benches, bytes, trades);
criterion_main!(benches);
