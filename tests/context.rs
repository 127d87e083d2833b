//! The context from its publication to the decision: files, journal, threads, replay.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dtc_sim::market::SymbolSpec;
use dtc_sim::synthetic::{SyntheticConfig, SyntheticMarket};
use mia::config::{DecisionConfig, Layout};
use mia::context::{Context, Underlying};
use mia::event::{Body, Event, Sequencer};
use mia::journal::{Kind, Reader, context};
use mia::pipeline::{Digest, Judge, Pipeline};
use mia::runtime::player::{Outputs, Player};
use mia::runtime::setup::Setup;
use mia::snapshot::Publisher;
use mia::store::contexts::{Timed, read, write};
use mia::tally::SessionFilter;
use mia::units::{Instrument, Px, Reason, SECOND, Side, Slot, SymbolId, Ts};
use mia_test_support::{contexts, live, spine};
use proptest::prelude::*;

/// Weights that an option level can carry over the gate alone.
fn levels_first() -> DecisionConfig {
    let weights = [("gamma_levels_proximity", 60.0), ("order_book_imbalance", 40.0)];
    DecisionConfig {
        preset: "levels first".to_owned(),
        weights: weights.map(|(name, weight)| (name.to_owned(), weight)).into(),
        gate: Some(30.0),
        coverage_floor: Some(0.70),
        tiers: Some([90.0, 80.0, 70.0, 30.0]),
        additive: None,
    }
}

fn market(seconds: f64) -> Box<SyntheticMarket> {
    let es = SymbolSpec::new("ESH6", "SYNTHETIC", 0.25, 12.5);
    let nq = SymbolSpec::new("NQH6", "SYNTHETIC", 0.25, 5.0);
    Box::new(SyntheticMarket::new(&SyntheticConfig {
        seed: 3,
        symbols: vec![(es, 5000.0), (nq, 18_000.0)],
        duration_s: seconds,
        ..SyntheticConfig::default()
    }))
}

/// A version each time: levels that move, a VIX above 25 in four of eight, and one set of four
/// whose validity has run out before anybody reads it.
fn always(asked: u64, now: Ts) -> Option<Context> {
    let price = 4992.0 + 2.0 * (asked % 8) as f64;
    let mut context = contexts::version(asked + 1, now, price);
    if asked % 8 >= 4 {
        context.volatility = Some(contexts::volatility(28.0, now));
    }
    if asked % 4 == 3
        && let Some(part) = &mut context.levels[0]
    {
        part.valid_until_ns = now;
    }
    Some(context)
}

#[test]
fn live_with_contexts_replays() {
    let folder = live::folder("context-live");
    for (layout, name) in [(Layout::Split, "split"), (Layout::Fused, "fused")] {
        let path = folder.join(format!("{name}.mjrnl"));
        let symbols = ["ESH6", "NQH6"].map(|s| (s.to_owned(), 0.25)).to_vec();
        let decision = Some(levels_first());
        let plan = live::Plan { layout, decision, contexts: always, ..live::Plan::new(symbols) };
        let (ended, ..) = live::run(market(900.0), &plan, &path);
        let (pipeline, checked) = live::replay_journal(&path);
        assert!(checked > 0);
        assert_eq!(pipeline.judge().digest(), ended.judge.digest(), "{name}");
        assert_eq!(pipeline.judge().signals(), ended.judge.signals());
        let signals = ended.judge.signals();
        println!("{name}: {} long, {} short", signals.long, signals.short);
        assert!(signals.long + signals.short > 0, "levels were signalled on");
        let slots = |judge: &Judge, of| *judge.decision().context_slots(SymbolId(of));
        assert_eq!(slots(pipeline.judge(), 0), slots(&ended.judge, 0));
        assert_eq!(slots(&ended.judge, 1)[..8], [Slot::none(Reason::NoInput); 8], "no NDX set");
        journal_is_whole(&std::fs::read(&path).expect("journal"), ended.judge.digest());
    }
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// Every version stands before its first use, signals used several, and without the contents the
/// replay is another one.
fn journal_is_whole(data: &[u8], digest: Digest) {
    let reader = Reader::open(data).expect("journal");
    let (mut known, mut adopted) = (vec![], vec![]);
    for record in reader.records() {
        match record.kind {
            Kind::Context => {
                known.push(context::decode(record.payload).expect("a context").version);
            }
            Kind::Adopt => {
                let version = u64::from_le_bytes(record.payload.try_into().expect("a number"));
                assert!(known.contains(&version), "version {version} is used before it is there");
                adopted.push(version);
            }
            _ => {}
        }
    }
    assert!(adopted.len() >= 2 && adopted.is_sorted(), "{adopted:?}");
    let setup = Setup::from_journal(&reader).expect("own build");
    let mut outputs = Outputs::collect(&reader);
    assert_eq!(outputs.unknown_version(), None);
    let mut player = Player::new(reader, &setup.instruments).expect("Bind records");
    let core = setup.core(SessionFilter::All);
    let mut bare = Pipeline::new(&core, setup.calendar.clone());
    player
        .play(|event| {
            let mut version = Context::EMPTY;
            outputs.context(event.seq, &mut version);
            bare.on_event(event, &Context::EMPTY);
        })
        .expect("plays");
    assert_ne!(bare.judge().digest(), digest, "the digest sees what the context does");
}

/// One symbol's book around `price` ticks, second by second.
struct Bench {
    pipeline: Pipeline,
    sequencer: Sequencer,
}

impl Bench {
    fn new(decision: DecisionConfig) -> Bench {
        let mut config = spine();
        config.decision = decision;
        let instruments = vec![Instrument::from_symbol("ESH6").expect("root")];
        let setup = Setup::new(config, instruments, "replay").expect("valid");
        let core = setup.core(SessionFilter::All);
        let pipeline = Pipeline::new(&core, setup.calendar.clone());
        Bench { pipeline, sequencer: Sequencer::default() }
    }

    fn put(&mut self, ts: Ts, body: Body, context: &Context) -> Option<i8> {
        let event = Event { seq: 0, ts, ts_exch: ts, symbol: SymbolId(0), flags: 1, body };
        let event = self.sequencer.stamp(event);
        self.pipeline.on_event(&event, context).signal.map(|signal| signal.side)
    }

    fn slot(&self, feature: usize) -> Slot {
        self.pipeline.judge().decision().context_slots(SymbolId(0))[feature - 1]
    }
}

fn quote(bid: i32, ask: i32) -> Body {
    let at = |ticks: i32| Px::new(ticks).map(|px| (px, 10));
    Body::Quote { bid: at(bid), ask: at(ask) }
}

/// Noon of a Thursday in New York.
const NOON: Ts = Ts(1_768_496_400 * SECOND);

#[test]
fn the_price_is_the_mid_and_the_decision_follows_it() {
    let mut weights = levels_first();
    weights.weights.remove("order_book_imbalance");
    let mut bench = Bench::new(weights);
    let context = contexts::version(1, NOON, 5000.0);
    let at = |n: i64| Ts(NOON.0 + n * SECOND);
    assert_eq!(bench.put(at(0), quote(19_999, 20_001), &Context::EMPTY), None);
    assert_eq!(bench.slot(1), Slot::none(Reason::NoInput));
    // The put wall of the future is at 4990: span 10, the price half a tick above it.
    assert_eq!(bench.put(at(1), quote(19_960, 19_961), &context), Some(1));
    assert_eq!(bench.slot(1).value(), Some(1.0 - 0.125 / 10.0));
    let nearest = bench.pipeline.judge().decision().nearest(SymbolId(0)).expect("levels");
    assert_eq!((nearest.kind.name(), nearest.ticks), ("put_wall", -0.5));
    assert_eq!(bench.put(at(2), quote(20_039, 20_040), &context), Some(-1), "at the call wall");
    // One-sided: the last trade counts.
    let px = Px::new(19_960).expect("price");
    let aggressor = mia::units::Aggressor::Buy;
    let _ = bench.put(at(3), Body::Trade { px, qty: 1, aggressor, unbundled: 0 }, &context);
    let one_sided = Body::Quote { bid: Px::new(20_039).map(|px| (px, 10)), ask: None };
    assert_eq!(bench.put(at(3), one_sided, &context), Some(1));
    assert_eq!(bench.slot(1).value(), Some(1.0));
    // The end of validity is noticed by time alone.
    let mut short = contexts::version(2, NOON, 5000.0);
    let part = short.levels[0].as_mut().expect("levels");
    part.valid_until_ns = at(10);
    let _ = bench.put(at(9), Body::Timer, &short);
    assert!(bench.slot(1).value().is_some());
    let _ = bench.put(at(10), Body::Timer, &short);
    assert_eq!(bench.slot(1), Slot::none(Reason::Stale));
    assert_eq!(bench.pipeline.judge().decision().confluence(SymbolId(0)).coverage, 0.0);
}

#[test]
fn coverage_of_the_default_preset_needs_the_context() {
    let mut bench = Bench::new(DecisionConfig::default());
    let depth = |side, px: i32, qty| {
        let px = Px::new(px).expect("price");
        Body::Depth { side, px, qty, orders: 1 }
    };
    let context = contexts::version(1, NOON, 5000.0);
    for step in 0..10 {
        let at = Ts(NOON.0 + i64::from(step) * SECOND);
        let _ = bench.put(at, depth(Side::Bid, 19_999 - step, 40), &Context::EMPTY);
        let _ = bench.put(at, depth(Side::Ask, 20_000 + step, 10), &Context::EMPTY);
    }
    let coverage = |bench: &Bench| {
        let judge = bench.pipeline.judge();
        (judge.decision().confluence(SymbolId(0)).coverage * 100.0).round()
    };
    assert_eq!(coverage(&bench), 15.0, "the book alone");
    let _ = bench.put(Ts(NOON.0 + 10 * SECOND), Body::BatchEnd, &context);
    assert_eq!(coverage(&bench), 40.0, "and all four option items");
}

#[test]
fn a_fresh_vix_raises_the_volatility_regime() {
    let run = |vix: f64, age: i64| {
        let mut context = contexts::version(1, NOON, 5000.0);
        context.volatility = Some(contexts::volatility(vix, Ts(NOON.0 - age * SECOND)));
        let mut frame = mia::features::Frame::empty(Event {
            seq: 1,
            ts: NOON,
            ts_exch: NOON,
            symbol: SymbolId(0),
            flags: 0,
            body: Body::BatchEnd,
        });
        frame.set(27, Slot::some(0.0));
        let mut bench = Bench::new(levels_first());
        let _ = bench.put(NOON, Body::Timer, &context);
        let decision = bench.pipeline.judge().decision();
        decision.slot(27, &frame).value().map(|value| (value * 3.0).round())
    };
    assert_eq!(run(24.9, 0), Some(0.0));
    assert_eq!(run(25.0, 0), Some(2.0), "HIGH");
    assert_eq!(run(35.0, 90), Some(3.0), "EXTREME");
    assert_eq!(run(35.0, 91), Some(0.0), "too old to count");
}

/// A reader that adopts ten thousand versions while they are swapped under it, now and then slower
/// than they come, neither allocates nor frees.
#[test]
fn adopting_never_frees_on_the_readers_thread() {
    const ADOPTED: u64 = 10_000;
    let (mut publisher, mut adopter) = Publisher::new();
    let done = Arc::new(AtomicBool::new(false));
    let reader = std::thread::spawn({
        let done = done.clone();
        move || {
            // The first look takes the thread's own node of the swap.
            while adopter.load().0.version == 0 {
                std::hint::spin_loop();
            }
            let (mut seen, mut skipped) = (0_u64, 0_u64);
            let mut last = adopter.load().0.version;
            let measured = allocation_counter::measure(|| {
                while seen < ADOPTED {
                    let (context, new) = adopter.load();
                    if new {
                        assert!(context.version > last && context.levels[0].is_some());
                        skipped += u64::from(context.version - last > 8);
                        (seen, last) = (seen + 1, context.version);
                    }
                    if seen.is_multiple_of(100) {
                        std::thread::yield_now();
                    }
                }
            });
            done.store(true, Ordering::Release);
            (measured, skipped)
        }
    });
    let mut version = 0;
    let mut next = contexts::version(0, NOON, 5000.0);
    while !done.load(Ordering::Acquire) {
        version += 1;
        next.version = version;
        assert!(publisher.publish(next));
    }
    let (measured, skipped) = reader.join().expect("reader");
    println!("{version} versions published, {skipped} jumps of more than eight");
    assert_eq!((measured.count_total, measured.count_current), (0, 0), "{measured:?}");
}

#[test]
fn files_bring_a_day_back() {
    let folder = live::folder("context-files");
    let journal = folder.join("a.mjrnl");
    let symbols = vec![("ESH6".to_owned(), 0.25), ("NQH6".to_owned(), 0.25)];
    let plan = live::Plan { contexts: always, ..live::Plan::new(symbols) };
    let _ = live::run(market(60.0), &plan, &journal);
    // What the journal holds as files, and back: nothing is lost.
    let data = std::fs::read(&journal).expect("journal");
    let reader = Reader::open(&data).expect("journal");
    let mut count = 0;
    for record in reader.records().filter(|record| record.kind == Kind::Context) {
        let context = context::decode(record.payload).expect("a context");
        let timed = Timed { from: Ts(record.ts), context };
        let path = write(&folder, &timed).expect("written");
        assert_eq!(read(&path).expect("read"), timed);
        count += 1;
    }
    assert!(count > 0);
    let loaded = mia::cmd::contexts::load(Some(&folder)).expect("in order");
    assert_eq!(loaded.len(), count);
    std::fs::remove_dir_all(folder).expect("clean up");
}

proptest! {
    /// Every number of a context survives the journal bit for bit.
    #[test]
    fn numbers_survive(bits in prop::collection::vec(any::<f64>(), 6)) {
        let numbers: Vec<f64> = bits.into_iter().filter(|x| x.is_finite()).collect();
        let mut part = contexts::part(Underlying::Ndx, NOON, 18_000.0);
        for (slot, &x) in [&mut part.skew_z, &mut part.pcr_volume, &mut part.pcr_oi]
            .into_iter()
            .zip(&numbers)
        {
            *slot = Slot::some(x);
        }
        let plain = [&mut part.net_gex, &mut part.abs_gex, &mut part.call_gex];
        for (to, &x) in plain.into_iter().zip(numbers.iter().rev()) {
            *to = x;
        }
        let mut whole = Context { version: u64::MAX, ..Context::EMPTY };
        whole.set_level(part);
        let again = context::decode(&context::encode(&whole)).expect("decodes");
        prop_assert_eq!(again, whole);
        let own = again.levels[1].expect("NDX");
        prop_assert_eq!(own.net_gex.to_bits(), part.net_gex.to_bits());
    }

    /// Bytes that are no context are refused without a panic.
    #[test]
    fn hostile_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..4000) {
        prop_assert!(context::decode(&bytes).is_err());
        let whole = context::encode(&contexts::version(1, NOON, 5000.0));
        let cut = cut.min(whole.len() - 1);
        prop_assert!(context::decode(&whole[..cut]).is_err());
    }
}
