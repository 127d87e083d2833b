//! A whole option chain from bytes to the Context: parse, implied volatilities, analysis, each
//! alone and all of them.
//!
//! Why: this runs on the cold thread, where it may take long but must not take the machine. The
//! aim is 25,000 contracts from bytes to Context in under 150 ms on one core.
//!
//! The chain is a SYNTHETIC one of the size that SPX has, written as a Cboe quote table; where the
//! recorded files are at hand (`MIA_SHARED`) the real table is measured beside it. Throughput is in
//! contracts. Not measured: network and disk.

use std::hint::black_box;
use std::io::Read;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mia::calendar::Calendar;
use mia::context::{History, LevelPart, Scope};
use mia::options::analyse::{Inputs, Params, analyse};
use mia::options::chain::Chain;
use mia::options::price::{PriceParams, price};
use mia::providers::cboe_csv;
use mia::providers::import::ImportOptions;
use mia_test_support::synthetic_chain::quote_table;

/// What the synthetic table is asked for; it gives about 25,500.
const CONTRACTS: usize = 25_000;

/// The tables: name, bytes.
fn tables() -> Vec<(&'static str, Vec<u8>)> {
    let mut tables = vec![("synthetic", quote_table(CONTRACTS).into_bytes())];
    let real = mia_test_support::shared("data/options/cboe/spx_2022-07-12_quotedata.csv.gz");
    if let Some(path) = real {
        let packed = std::fs::read(path).expect("readable");
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).expect("gzip");
        tables.push(("spx", bytes));
    }
    tables
}

fn parse(bytes: &[u8], calendar: &Calendar) -> Chain {
    cboe_csv::read(bytes, calendar, &ImportOptions::default()).expect("a table")
}

fn chains(c: &mut Criterion) {
    let calendar = Calendar::bundled().expect("rows");
    for (name, bytes) in tables() {
        let chain = parse(&bytes, &calendar);
        let (pricing, params) = (PriceParams::default(), Params::default());
        let inputs = Inputs::at(chain.asof);
        let priced = price(&chain, &calendar, &pricing);
        let of = |what| BenchmarkId::new(what, name);
        let mut group = c.benchmark_group("options");
        group.throughput(Throughput::Elements(chain.rows.len() as u64));
        group.sample_size(20).measurement_time(Duration::from_secs(4));
        group.bench_function(of("parse"), |b| b.iter(|| parse(black_box(&bytes), &calendar)));
        group.bench_function(of("volatilities"), |b| {
            b.iter(|| price(black_box(&chain), &calendar, &pricing));
        });
        group.bench_function(of("analysis"), |b| {
            b.iter(|| analyse(black_box(&priced), &chain, &calendar, &inputs, &params));
        });
        group.bench_function(of("bytes to context"), |b| {
            b.iter(|| {
                let chain = parse(black_box(&bytes), &calendar);
                let priced = price(&chain, &calendar, &pricing);
                let snapshot = analyse(&priced, &chain, &calendar, &inputs, &params);
                LevelPart::from_snapshot(&snapshot, Scope::All, &History::NONE)
            });
        });
        group.finish();
    }
}

criterion_group!(benches, chains);
criterion_main!(benches);
