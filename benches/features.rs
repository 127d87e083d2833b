//! All features of one event, by the kind of event, and the whole core with the decision.
//!
//! Why: this is what a tick costs between the ring and the decision, and the largest part of tick
//! to decision in one thread. `all` is the market as it came. The kinds are the same events with
//! the others left out (after the first of the market, which starts the clock), so `trade` has no
//! book and `timer` no trades: they rank the kinds, and do not add up to `all`.
//!
//! Not measured: the making of the state (it allocates; an event does not), and the rings.

mod common;

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main,
};
use mia::config::Config;
use mia::context::Context;
use mia::event::{Body, Event};
use mia::features::{Params, SymbolFeatures};
use mia::pipeline::Pipeline;
use mia::runtime::setup::Setup;
use mia::tally::SessionFilter;
use mia::units::SymbolId;

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
    let mut state = SymbolFeatures::new(Params::default());
    events.iter().for_each(|e| _ = state.on_event(e, &calendar));
    assert!(events.len() > 100 && state.clock().now() > events[0].ts, "{name} moves no clock");

    group.throughput(Throughput::Elements(events.len() as u64));
    group.bench_function(name, |b| {
        b.iter_batched_ref(
            || SymbolFeatures::new(Params::default()),
            |state| {
                for event in events {
                    black_box(state.on_event(black_box(event), &calendar));
                }
            },
            BatchSize::PerIteration,
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

criterion_group!(benches, features, pipeline);
criterion_main!(benches);
