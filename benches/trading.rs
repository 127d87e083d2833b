//! What trading adds to a frame: gates, limits, orders and the simulated exchange, and its parts
//! that an order passes through.
//!
//! Why: between a frame and the bytes of an order lie `Judge::on_frame` and `Wire::encode`, nothing
//! else of the core. `judge/…/signals` is the decision without `[trading]`, `judge/…/trading` the
//! same with the paper trader and the limits of `tests/trading.toml`. Their difference, divided by
//! the frames, is what trading costs an event. `intent` is sizes, limits and pre-trade checks of an
//! intent that passes; `encode` one new order as bytes; `clock` what a reading costs with and
//! without the hand that a drill moves it by.
//!
//! Not measured: the features, which make the frames before, and the socket.

#[expect(dead_code, reason = "each bench uses a part of it")]
mod common;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dtc_sim::synthetic::{SyntheticConfig, SyntheticMarket};
use mia::config::Config;
use mia::context::Context;
use mia::execution::wire::{Name, Wire};
use mia::features::Frame;
use mia::order::{Action, BuySell, Command, Depth, Intent, OrderId, OrderKind, Scales};
use mia::pipeline::{Judge, split};
use mia::risk::{Exposure, Open, Params, Risk, State};
use mia::runtime::clock::Clock;
use mia::runtime::setup::Setup;
use mia::tally::SessionFilter;
use mia::trader::note::Note;
use mia::units::{Instrument, Px, SECOND, Slot, SymbolId, Ts};

/// Money of the synthetic contract: that of ES.
const PRODUCT: &str = "[trading.product.SYNTHETIC-ES]\ntick_value = 12.5\nround_turn = 5.0\n\
                       min_stop_ticks = 6\ncontracts_max = 5\n";

/// The configuration of `tests/trading.toml`, with trading or without.
fn setup(market: &common::Recording, trades: bool) -> Setup {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/trading.toml");
    let mut text = std::fs::read_to_string(path).expect("tests/trading.toml");
    text.push_str(PRODUCT);
    let mut config = Config::parse(&text).expect("valid");
    match &mut config.trading {
        // Its stops are wide for the size of a small account.
        Some(trading) if trades => trading.equity = 1e6,
        _ => config.trading = None,
    }
    Setup::new(config, market.instruments(), "replay").expect("valid")
}

/// Entries of a run over `frames`.
fn entries(mut judge: Judge, frames: &[Frame]) -> usize {
    let mut entries = 0;
    for frame in frames {
        judge.on_frame(frame, &Context::EMPTY);
        let entered = |n: &&Note| matches!(n, Note::Decision(decided) if decided.entry.is_some());
        entries += judge.notes().iter().filter(entered).count();
    }
    entries
}

fn judge(c: &mut Criterion) {
    // Stops need twenty one-minute bars: a longer market than the other benches have.
    let config =
        SyntheticConfig { duration_s: 3600.0, steps_per_s: 10.0, ..SyntheticConfig::default() };
    let mut market = SyntheticMarket::new(&config);
    let market = common::Recording::new("synthetic", &mut market);
    let (without, with) = (setup(&market, false), setup(&market, true));
    let make = |setup: &Setup| split(&setup.core(SessionFilter::All), setup.calendar.clone());
    let (mut features, _) = make(&without);
    let frames: Vec<Frame> =
        market.events().iter().filter_map(|event| features.on_event(event).copied()).collect();

    let judges = [("signals", make(&without).1), ("trading", make(&with).1)];
    assert_eq!(entries(judges[0].1.clone(), &frames), 0);
    let made = entries(judges[1].1.clone(), &frames);
    assert!(made >= 10, "{made} entries in {} frames", frames.len());
    println!("judge: {} frames, {made} entries with trading", frames.len());

    let mut group = c.benchmark_group("judge/synthetic");
    group.throughput(Throughput::Elements(frames.len() as u64));
    for (name, judge) in &judges {
        group.bench_function(*name, |b| {
            b.iter_batched_ref(
                || judge.clone(),
                |judge| {
                    for frame in &frames {
                        black_box(judge.on_frame(black_box(frame), &Context::EMPTY));
                    }
                },
                BatchSize::PerIteration,
            );
        });
    }
}

/// Two contracts of ES in a deep and narrow market, `n` ns into it.
fn intent(n: i64) -> Intent {
    let (one, px) = (Slot::some(1.0), Px::clamped);
    let ts = Ts(1_767_625_200 * SECOND + n);
    Intent {
        seq: 1,
        ts,
        market_time: ts,
        data_ts: ts,
        symbol: SymbolId(0),
        way: BuySell::Buy,
        tier: 1.0,
        touch: (px(24_000), px(24_001)),
        hit: Depth::new((0..10).map(|n| (px(24_001 + n), 40))),
        half_ticks: 48_001,
        stop: px(23_989),
        target: px(24_041),
        scales: Scales { session: one, volatility: one, vix: one, vix_stress: false },
    }
}

fn parts(c: &mut Criterion) {
    let mut group = c.benchmark_group("order");
    let es = Instrument::from_symbol("ESZ6").expect("known");
    let config = Config::parse("[trading]\n").expect("valid");
    let products = config.products(&[es]);
    let (params, calendar) = (Params::default(), common::calendar());
    let mut risk = Risk::new(params, products, calendar, State::default());
    risk.on_balance(Ts(1), 1e6);
    let (exposure, mut n) = ([Open::default()], 0);
    let mut ask = || {
        n += 1;
        risk.judge(black_box(&intent(n)), &Exposure { symbols: &exposure })
    };
    assert!(ask().expect("it passes").qty >= 1);
    group.bench_function("intent", |b| b.iter(&mut ask));
    assert!(ask().is_ok(), "and still does");

    let name =
        Name { symbol: "ESZ6".into(), exchange: "CME".into(), tick: 0.25, display_multiplier: 1.0 };
    let wire = Wire::new("Sim1", vec![name]).expect("texts fit");
    let (id, kind) = (OrderId::new(20_260_114, 17), OrderKind::Market);
    let action =
        Action::New { id, way: BuySell::Buy, kind, qty: 2, px: Px::clamped(24_000), parent: true };
    let command = Command { seq: 1, ts: Ts(1), symbol: SymbolId(0), action };
    let encode = |each: &mut dyn FnMut(&[u8])| {
        wire.encode(black_box(&command), &mut |bytes| each(bytes)).expect("bytes");
    };
    encode(&mut |bytes| assert_eq!((bytes.len(), bytes[2]), (304, 208)));
    group.bench_function("encode", |b| b.iter(|| encode(&mut |bytes| _ = black_box(bytes))));

    let (plain, (drill, _hand)) = (Clock::new(), Clock::drill(Ts(1_767_625_200 * SECOND)));
    for (name, clock) in [("clock", plain), ("clock of a drill", drill)] {
        group.bench_function(name, |b| b.iter(|| black_box(clock.now())));
    }
}

criterion_group!(benches, judge, parts);
criterion_main!(benches);
