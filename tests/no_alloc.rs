//! The hot path allocates nothing after start: decode, book, features, decision, digest, capture.

use mia_test_support as common;

use dtc_sim::encode::{Encoder, Generation};
use dtc_sim::market::{Market, MarketBody};
use dtc_sim::state::MarketState;
use dtc_sim::synthetic::{SyntheticConfig, SyntheticMarket, es};
use mia::config::Config;
use mia::context::Context;
use mia::event::{Body, Event, Sequencer};
use mia::feed::dtc::DtcFeed;
use mia::pipeline::Pipeline;
use mia::runtime::capture::capture;
use mia::runtime::setup::Setup;
use mia::store::orderflow::Sampler;
use mia::tally::SessionFilter;
use mia::trader::note::Note;
use mia::units::{Instrument, MINUTE, Reason, SECOND, SymbolId, Ts};

/// Unix second at which the market begins.
const START: i64 = 1_767_644_400;

/// The synthetic market as DTC bytes, with the exchange time of each record.
fn frames(generation: Generation) -> Vec<(i64, Vec<u8>)> {
    let mut market = SyntheticMarket::new(&SyntheticConfig {
        // 15:20 New York: the cash session ends on the way, and with it label and anchor.
        start_ns: START * SECOND,
        duration_s: 3000.0,
        ..SyntheticConfig::default()
    });
    let spec = es();
    let encoder = Encoder { generation, spec: &spec, symbol_id: 1 };
    let mut state = MarketState::new(market.symbols());
    let mut out = Vec::new();
    while let Some(record) = market.next() {
        let mut bytes = Vec::new();
        match record.body {
            MarketBody::Trade { .. } | MarketBody::Quote { .. } => {
                encoder.market_data(&record, &mut bytes);
            }
            _ => {
                let before = state.symbol(0).expect("one symbol");
                encoder.depth(&record, before, &mut bytes);
            }
        }
        state.apply(&record);
        out.push((record.ts_ns, bytes));
    }
    out
}

/// A version a minute from `start` on, the fifth of them valid for half a minute only, and none in
/// the last minutes.
fn versions(start: Ts) -> Vec<(Ts, Context)> {
    let one = |minute: u32| {
        let at = Ts(start.0 + i64::from(minute) * MINUTE);
        let mut one = common::contexts::version(u64::from(minute) + 1, at, 5000.0);
        if let (5, Some(part)) = (minute, &mut one.levels[0]) {
            part.valid_until_ns = Ts(at.0 + 30 * SECOND);
        }
        (at, one)
    };
    (0..15).map(one).collect()
}

#[test]
fn hot_path_allocates_nothing() {
    // A symbol that reads the context.
    let instrument = Instrument::from_symbol("ESH6").expect("root");
    for generation in [Generation::Compact, Generation::Float, Generation::V2] {
        let frames = frames(generation);
        // The market trades both ways on paper with these limits.
        let text = std::fs::read_to_string("tests/trading.toml").expect("tests/trading.toml");
        let mut config = Config::parse(&text).expect("valid");
        config.trading.as_mut().expect("set").equity = 5e6;
        let setup = Setup::new(config, vec![instrument.clone()], "replay").expect("valid");
        let core = setup.core(SessionFilter::All);
        let mut pipeline = Pipeline::new(&core, setup.calendar.clone());
        let mut feed = DtcFeed::new(&[(1, SymbolId(0), &instrument)]);
        let (mut capture, mut journal) = capture(64 << 20, 1 << 17);
        let (mut sequencer, mut second) = (Sequencer::default(), 0);
        let (mut events, mut drained) = (0_u64, 0);
        let symbol = SymbolId(0);
        let versions = versions(Ts(START * SECOND));
        let (mut context, mut rest_of_versions) = (&Context::EMPTY, versions.as_slice());
        let (mut reasons, mut did) = ([0_u64; 16], [0_u64; 3]);
        let (mut sampler, mut shots) = (Sampler::new(SECOND), 0);
        let measured = allocation_counter::measure(|| {
            for (ts, bytes) in &frames {
                let ts = Ts(*ts);
                while let Some(((at, next), rest)) = rest_of_versions.split_first()
                    && *at <= ts
                {
                    (context, rest_of_versions) = (next, rest);
                }
                if ts.second() > second {
                    second = ts.second();
                    let timer = Event {
                        seq: 0,
                        ts,
                        ts_exch: Ts::NONE,
                        symbol,
                        flags: 0,
                        body: Body::Timer,
                    };
                    let timer = sequencer.stamp(timer);
                    capture.event(&timer);
                    pipeline.on_event(&timer, context);
                    for slot in pipeline.judge().decision().context_slots(symbol) {
                        reasons[slot.reason as usize] += 1;
                    }
                    while let Ok(chunk) = journal.read_chunk(journal.slots())
                        && !chunk.is_empty()
                    {
                        drained += chunk.len();
                        chunk.commit_all();
                    }
                }
                capture.bytes(1, sequencer.next_seq(), ts.0, bytes);
                let mut rest = bytes.as_slice();
                while let Ok(Some(frame)) = dtc::frame::next_frame(rest) {
                    feed.on_frame(&frame, ts, &mut |event| {
                        events += 1;
                        let event = sequencer.stamp(event);
                        pipeline.on_event(&event, context);
                        let shot = sampler.take(&event, pipeline.features());
                        shots += u32::from(std::hint::black_box(shot).is_some());
                        for note in pipeline.judge().notes() {
                            match note {
                                Note::Decision(_) => did[0] += 1,
                                Note::Fill(_) => did[1] += 1,
                                Note::Trade(_) => did[2] += 1,
                                _ => {}
                            }
                        }
                    });
                    rest = &rest[frame.len()..];
                }
            }
        });
        assert_eq!(measured.count_total, 0, "{generation:?}: {measured:?}");
        assert!(events > 100_000 && drained > 1 << 20, "{events} events, {drained} bytes");
        assert_eq!(capture.lost(), 0);
        assert!((1000..=3001).contains(&shots), "{shots} snapshots of order flow");
        let signals = pipeline.judge().signals();
        assert!(signals.long + signals.short > 0, "the decision decided");
        let [decisions, fills, trades] = did;
        println!("{generation:?}: {decisions} decisions, {fills} fills, {trades} round trips");
        assert!(decisions > 10 && fills > 4 && trades > 1, "it traded");
        let bars = pipeline.features().symbol(symbol).expect("one").counters().bars;
        assert_eq!(bars, 49, "minutes closed on the way");
        assert!(rest_of_versions.is_empty() && reasons[0] > 5000, "context features had values");
        assert!(reasons[Reason::Stale as usize] > 1000, "and grew stale: {reasons:?}");
    }
}

/// The count can see an allocation: otherwise the test above proves nothing.
#[test]
fn the_counter_counts() {
    let measured = allocation_counter::measure(|| drop(std::hint::black_box(vec![1_u8; 100])));
    assert_eq!(measured.count_total, 1);
}
