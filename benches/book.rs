//! One update of the ten-level book, beside the same update of two `BTreeMap`s.
//!
//! Why: depth is most of what a venue sends (eight in ten events of the ES hour), and the ladder
//! rests on a claim: near the touch a walk over a few adjacent levels beats any tree. The updates
//! are those of the market in their order, so they hit the levels that a market hits.
//!
//! Not measured: what the features read from the book, and feeds deeper than the ladder holds.

#[expect(dead_code, reason = "each bench uses a part of it")]
mod common;

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mia::book::{Book, Level, VISIBLE};
use mia::event::{Body, Event};
use mia::units::{Px, Qty, Side};

type Levels = BTreeMap<Px, (Qty, u16)>;

#[derive(Default)]
struct Twin {
    bids: Levels,
    asks: Levels,
}

impl Twin {
    fn apply(&mut self, event: &Event) {
        match event.body {
            Body::Depth { side, px, qty, orders } => {
                let levels = if side == Side::Bid { &mut self.bids } else { &mut self.asks };
                if qty == 0 {
                    levels.remove(&px);
                } else {
                    levels.insert(px, (qty, orders));
                }
            }
            Body::Clear => *self = Twin::default(),
            _ => {}
        }
    }

    fn best<'a>(levels: impl Iterator<Item = (&'a Px, &'a (Qty, u16))>) -> Vec<Level> {
        let level = |(&px, &(qty, orders)): (&Px, &(Qty, u16))| Level { px, qty, orders };
        levels.take(VISIBLE).map(level).collect()
    }
}

fn book(c: &mut Criterion) {
    for market in common::recordings() {
        let depth = |e: &Event| matches!(e.body, Body::Depth { .. } | Body::Clear);
        let events: Vec<Event> = market.events().into_iter().filter(depth).collect();
        let (mut book, mut twin) = (Book::new(), Twin::default());
        for event in &events {
            book.apply(event);
            twin.apply(event);
            assert_eq!(book.bids().best(), Twin::best(twin.bids.iter().rev()).first().copied());
        }
        assert_eq!(book.bids().visible(), Twin::best(twin.bids.iter().rev()));
        assert_eq!(book.asks().visible(), Twin::best(twin.asks.iter()));
        assert!(book.bids().visible().len() == VISIBLE && book.missing_deletes() == 0);

        let mut group = c.benchmark_group(format!("book/{}", market.name));
        group.throughput(Throughput::Elements(events.len() as u64));
        group.bench_function("ladder", |b| {
            b.iter(|| {
                let mut book = Book::new();
                for event in &events {
                    black_box(book.apply(black_box(event)));
                }
                black_box(book.bids().best())
            });
        });
        group.bench_function("BTreeMap", |b| {
            b.iter(|| {
                let mut twin = Twin::default();
                for event in &events {
                    twin.apply(black_box(event));
                }
                black_box(twin.bids.last_key_value().map(|l| *l.0))
            });
        });
    }
}

criterion_group!(benches, book);
criterion_main!(benches);
