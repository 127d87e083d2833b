//! All features of one event, by the kind of event and by feature, and the whole core with the
//! decision.
//!
//! Why: this is what a tick costs between the ring and the decision, and the largest part of tick
//! to decision in one thread. `features/…/all` is the market as it came. The kinds are the same
//! events with the others left out (after the first of the market, which starts the clock), so
//! `trade` has no book and `timer` no trades: they rank the kinds, and do not add up to `all`.
//! `feature/…` feeds one feature what the market gives it, in the order of the market, and divides
//! by all events: what it adds to the mean. What reads the book includes the book (`book` is that
//! alone). `close/…` is the price of one bar close of the features that work there, over the 64
//! bars of a fixed series; a minute of the ES hour has about 1,000 events.
//!
//! Without a baseline: walls and pulls of the depth of market have no threshold then, slots 14 and
//! 27 no value. Patterns get a constant M20, so none of them is a momentum shift.
//!
//! Not measured: the making of the state (it allocates; an event does not), and the rings.

mod common;

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main,
};
use mia::bars::{Bar, Timeframe};
use mia::book::Book;
use mia::config::Config;
use mia::context::Context;
use mia::event::{Body, Event};
use mia::features::clock::MarketClock;
use mia::features::delta::Delta;
use mia::features::divergence::Divergence;
use mia::features::dom::Dom;
use mia::features::footprint::Footprint;
use mia::features::imbalance::{Imbalance, Ofi};
use mia::features::momentum::Momentum;
use mia::features::navale::Navale;
use mia::features::patterns::Patterns;
use mia::features::prints::{Print, Prints};
use mia::features::profile_imbalance::ProfileImbalance;
use mia::features::smart_money::{self, SmartMoney};
use mia::features::value_area::SessionProfile;
use mia::features::vwap::Vwaps;
use mia::features::{Close, Params, SymbolFeatures, SymbolParams, Usual, volume_confirmation};
use mia::pipeline::Pipeline;
use mia::runtime::setup::Setup;
use mia::tally::SessionFilter;
use mia::units::{Aggressor, Px, SymbolId, Ts};

fn features(c: &mut Criterion) {
    for market in common::recordings() {
        let mut group = c.benchmark_group(format!("features/{}", market.name));
        let events = market.events();
        one(&mut group, "all", &events);
        for kind in ["trade", "depth", "timer"] {
            let rest = events.iter().filter(|e| name(e) == kind);
            let some: Vec<Event> = events.iter().take(1).chain(rest).copied().collect();
            one(&mut group, kind, &some);
        }
    }
}

fn name(event: &Event) -> &'static str {
    match event.body {
        Body::Trade { .. } => "trade",
        Body::Depth { .. } => "depth",
        Body::Timer => "timer",
        _ => "other",
    }
}

fn one(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, events: &[Event]) {
    let calendar = common::calendar();
    let mut state = SymbolFeatures::new(Params::default(), &SymbolParams::of_root("ES"), None);
    events.iter().for_each(|e| _ = state.on_event(e, &calendar));
    assert!(events.len() > 100 && state.clock().now() > events[0].ts, "{name} moves no clock");

    group.throughput(Throughput::Elements(events.len() as u64));
    group.bench_function(name, |b| {
        b.iter_batched_ref(
            || SymbolFeatures::new(Params::default(), &SymbolParams::of_root("ES"), None),
            |state| {
                for event in events {
                    black_box(state.on_event(black_box(event), &calendar));
                }
            },
            BatchSize::PerIteration,
        );
    });
}

/// One feature alone on the market's events.
fn each(c: &mut Criterion) {
    for market in common::recordings() {
        let events = market.events();
        let mut group = c.benchmark_group(format!("feature/{}", market.name));
        group.throughput(Throughput::Elements(events.len() as u64));
        alone(&mut group, &events, "book", |_: &mut (), _, _, _| ());
        alone(&mut group, &events, "imbalance 16 17", |f: &mut Imbalance, _, book, now| {
            f.advance(now);
            if let Some(book) = book {
                f.batch(book);
            }
            black_box((f.l1(), f.order_book()));
        });
        alone(&mut group, &events, "order-flow imbalance", |f: &mut Ofi, _, book, now| {
            f.advance(now);
            if let Some(book) = book {
                f.batch(book);
            }
        });
        alone(&mut group, &events, "depth of market", |f: &mut Dom, event, book, now| {
            f.advance(now);
            match event.body {
                Body::Depth { side, px, qty, .. } => f.on_depth(side, px, qty, now),
                Body::Trade { px, qty, aggressor, .. } => f.on_trade(px, qty, aggressor, now),
                _ => {}
            }
            if let Some(book) = book {
                f.on_batch(book, now);
            }
        });
        alone(
            &mut group,
            &events,
            "prints, momentum 19",
            |f: &mut (Prints, Momentum), e, _, now| {
                if let Some(print) = print(&mut f.0, e, now) {
                    f.1.print(&print, e.ts);
                }
                black_box(f.1.slot(e.ts));
            },
        );
        alone(
            &mut group,
            &events,
            "prints, smart money 18",
            |f: &mut (Prints, Money), e, _, now| {
                f.1.0.advance(now);
                if let Some(print) = print(&mut f.0, e, now) {
                    f.1.0.print(&print);
                }
                black_box(f.1.0.slot());
            },
        );
        alone(
            &mut group,
            &events,
            "prints, patterns 26",
            |f: &mut (Prints, Patterns), e, _, now| {
                if let Some(print) = print(&mut f.0, e, now) {
                    f.1.print(print.px, print.qty, print.at, 0.1);
                }
                black_box(f.1.slot());
            },
        );
        alone(&mut group, &events, "sums of trades 13 14 20-24", |f: &mut Sums, e, _, _| {
            if let Body::Trade { px, qty, aggressor, .. } = e.body {
                f.delta.trade(qty, aggressor);
                f.vwaps.trade(px, qty);
                f.footprint.trade(px, qty, aggressor);
                f.profile.trade(px, qty, aggressor);
            }
        });
    }
}

fn print(prints: &mut Prints, event: &Event, now: Ts) -> Option<Print> {
    match event.body {
        Body::Trade { px, qty, aggressor, .. } => prints.trade(px, qty, aggressor, now),
        Body::Timer => prints.timer(now),
        _ => None,
    }
}

struct Money(SmartMoney);

impl Default for Money {
    fn default() -> Money {
        Money(SmartMoney::new(smart_money::Params::of_root("ES")))
    }
}

struct Sums {
    delta: Delta,
    vwaps: Vwaps,
    footprint: Footprint,
    profile: SessionProfile,
}

impl Default for Sums {
    fn default() -> Sums {
        let profile = SessionProfile::new(Params::default().profile_rows);
        let (delta, vwaps, footprint) = Default::default();
        Sums { delta, vwaps, footprint, profile }
    }
}

/// Runs the book and one feature; the closure gets the book where a batch has ended.
fn alone<F: Default>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    events: &[Event],
    name: &str,
    feature: impl Fn(&mut F, &Event, Option<&Book>, Ts),
) {
    group.bench_function(name, |b| {
        b.iter_batched_ref(
            || (Book::new(), F::default(), MarketClock::new(Params::default().grace_ns)),
            |(book, state, clock)| {
                for event in events {
                    let now = clock.update(event);
                    let ended = book.apply(event);
                    feature(state, black_box(event), ended.then_some(&*book), now);
                }
            },
            BatchSize::PerIteration,
        );
    });
}

/// One bar close of each feature that works there.
fn closes(c: &mut Criterion) {
    let mut group = c.benchmark_group("close");
    group.throughput(Throughput::Elements(64));
    close(&mut group, "12 volume confirmation", |_: &mut (), at| {
        black_box(volume_confirmation::read(at));
    });
    close(&mut group, "13 14 delta", |f: &mut Delta, at| f.close(at.bar));
    close(&mut group, "15 divergence", |f: &mut Divergence, at| {
        black_box(f.close(at));
    });
    close(&mut group, "20 21 22 vwap", |f: &mut Vwaps, at| {
        f.trade(at.bar.close, 5);
        f.close(at);
        black_box(f.slots(at));
    });
    close(&mut group, "23 24 value area, profile", |f: &mut Sums, at| {
        f.profile.trade(at.bar.high, 400, Aggressor::Buy);
        f.profile.trade(at.bar.low, 400, Aggressor::Sell);
        f.profile.close(at.bar);
        black_box(f.profile.read(at.bar.close, at.bar.end()));
        black_box(ProfileImbalance::of(f.profile.profile()));
    });
    close(&mut group, "26 patterns", |f: &mut Patterns, at| f.close(at));
    close(&mut group, "28 battle navale", |f: &mut Ships, at| f.0.close(at, None));
    close(&mut group, "footprint", |f: &mut Footprint, at| {
        f.trade(at.bar.high, 5, Aggressor::Buy);
        f.trade(at.bar.low, 5, Aggressor::Sell);
        f.close();
    });
}

struct Ships(Navale);

impl Default for Ships {
    fn default() -> Ships {
        Ships(Navale::new(Some(10)))
    }
}

/// Bars by a closed formula: no two alike, both directions.
fn bars() -> Vec<Bar> {
    let close = |i: i64| 24_000 + 2 * i + ((7 * i * i + 3 * i) % 41) - 20;
    let bar = |i: i64| {
        let (from, to) = (close(i - 1), close(i));
        let volume = 1000 + 37 * ((11 * i) % 29);
        Bar {
            minute: i,
            open: Px::clamped(from),
            high: Px::clamped(from.max(to) + 1 + i % 4),
            low: Px::clamped(from.min(to) - 1 - (3 * i) % 5),
            close: Px::clamped(to),
            volume,
            buy: volume / 2 + i,
            sell: volume - volume / 2 - i,
        }
    };
    (0..64).map(bar).collect()
}

fn close<F: Default>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    feature: impl Fn(&mut F, &Close<'_>),
) {
    let bars = bars();
    // The histories are made before: what a feature reads, not what keeps it.
    let mut all = Vec::new();
    let mut one = Timeframe::new(1);
    for bar in &bars {
        one.push(bar, false);
        all.push(one.clone());
    }
    group.bench_function(name, |b| {
        b.iter_batched_ref(
            F::default,
            |state| {
                for (at, one) in all.iter().enumerate() {
                    let close = Close {
                        bar: &bars[at],
                        history: one.history(),
                        rth: false,
                        atr20: one.atr20(),
                        structure: one.swings().structure(),
                        cvd: at as i64 * 7 % 50,
                        usual: Usual::default(),
                    };
                    feature(state, black_box(&close));
                }
            },
            BatchSize::SmallInput,
        );
    });
}

fn pipeline(c: &mut Criterion) {
    for market in common::recordings() {
        let events = market.events();
        let setup = Setup::new(Config::default(), market.instruments(), "replay").expect("valid");
        let core = setup.core(SessionFilter::All);
        let make = || Pipeline::new(&core, setup.calendar.clone());
        let run = |pipeline: &mut Pipeline| {
            for event in &events {
                black_box(pipeline.on_event(black_box(event), &Context::EMPTY));
            }
        };
        let (mut first, mut second) = (make(), make());
        run(&mut first);
        run(&mut second);
        assert_eq!(first.judge().digest(), second.judge().digest());
        assert!(first.judge().tally(SymbolId(0)).is_some_and(|t| t.trades > 1000));

        let mut group = c.benchmark_group(format!("pipeline/{}", market.name));
        group.throughput(Throughput::Elements(events.len() as u64));
        group.bench_function("all", |b| b.iter_batched_ref(make, run, BatchSize::PerIteration));
    }
}

criterion_group!(benches, features, each, closes, pipeline);
criterion_main!(benches);
