//! A journal record appended, and a journal of a DTC session read and decoded in memory.
//!
//! Why: `net` frames every read for the journal before the core sees it, so appending is on the hot
//! path; reading and decoding is what is left of a replay when the core is taken away. `records`
//! walks and checks the records; `play` also cuts their messages, decodes them and stamps the
//! events.
//!
//! Not measured: the disk. Records hold 16 messages each, like the reads of a busy socket.

#[expect(dead_code, reason = "each bench uses a part of it")]
mod common;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dtc_sim::encode::Generation;
use mia::config::Config;
use mia::journal::record::{Bind, FileHeader, MAGIC, SourceKind, VERSION, append};
use mia::journal::{Kind, Reader};
use mia::runtime::player::Player;
use mia::runtime::setup::Setup;
use xxhash_rust::xxh3::xxh3_64;
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64};

/// Messages of one read.
const MESSAGES: usize = 16;

/// The start of a journal that describes `setup`.
fn head(setup: &Setup) -> Vec<u8> {
    let text = setup.journal_text();
    let header = FileHeader {
        magic: MAGIC,
        version: U32::new(VERSION),
        text_len: U32::new(u32::try_from(text.len()).expect("short")),
        check: U64::new(xxh3_64(text.as_bytes())),
    };
    let mut journal = [header.as_bytes(), text.as_bytes()].concat();
    journal.resize(journal.len().next_multiple_of(8), 0);
    for at in 0..setup.instruments.len() {
        let bind = Bind {
            source_kind: U16::new(SourceKind::Dtc as u16),
            symbol: U16::new(at as u16),
            wire_id: U32::new(at as u32 + 1),
        };
        append(&mut journal, Kind::Bind, 1, 0, 0, bind.as_bytes());
    }
    journal
}

/// One journal of `market`, and its events.
fn journal(market: &common::Recording, setup: &Setup) -> (Vec<u8>, u64) {
    let (mut journal, mut feed, mut events) = (head(setup), market.feed(), 0);
    for read in market.messages(Generation::Float).chunks(MESSAGES) {
        let bytes: Vec<u8> = read.iter().flat_map(|m| m.bytes.iter().copied()).collect();
        let ts = read[0].ts;
        append(&mut journal, Kind::Bytes, 1, events + 1, ts.0, &bytes);
        common::decode(&bytes, ts, &mut feed, &mut |_| events += 1);
    }
    (journal, events)
}

fn bench(c: &mut Criterion) {
    for market in common::recordings() {
        let setup = Setup::new(Config::default(), market.instruments(), "live").expect("valid");
        let (bytes, events) = journal(&market, &setup);
        let reader = Reader::open(&bytes).expect("a journal");
        assert_eq!(reader.torn_bytes(), 0);
        let mut played = 0;
        Player::new(reader, &setup.instruments)
            .and_then(|mut player| player.play(|_| played += 1))
            .expect("it plays");
        assert_eq!(played, events);

        let mut group = c.benchmark_group(format!("journal/{}", market.name));
        let read = reader.records().find(|r| r.kind == Kind::Bytes).expect("input");
        group.throughput(Throughput::Bytes(read.payload.len() as u64));
        let mut out = Vec::with_capacity(4096);
        group.bench_function("append", |b| {
            b.iter(|| {
                out.clear();
                append(&mut out, Kind::Bytes, 1, 7, read.ts, black_box(read.payload));
                black_box(out.len())
            });
        });
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function("records", |b| b.iter(|| black_box(reader.records().count())));
        group.throughput(Throughput::Elements(events));
        group.bench_function("play", |b| {
            b.iter(|| {
                let mut player = Player::new(reader, &setup.instruments).expect("binds");
                player.play(|event| _ = black_box(event)).expect("it plays");
            });
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
