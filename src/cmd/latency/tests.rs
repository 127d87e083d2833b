//! A DTC session in a journal, measured in both layouts.

use std::path::Path;

use dtc_sim::encode::{Encoder, Generation};
use dtc_sim::market::Market;
use dtc_sim::state::MarketState;
use dtc_sim::synthetic::{SyntheticConfig, SyntheticMarket};
use simd_json::prelude::*;
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32};

use super::*;
use crate::config::Config;
use crate::event::Event;
use crate::feed::dtc::DtcFeed;
use crate::journal::record::{Bind, SourceKind};
use crate::journal::{Kind, Reader, Writer};
use crate::runtime::player::Player;
use crate::runtime::setup::Setup;
use crate::units::{Instrument, SymbolId, Ts};

/// Arrivals at these times, in ns.
pub(super) fn arrivals(at: &[i64]) -> Vec<input::Arrival> {
    at.iter().map(|&ts| input::Arrival::at(ts)).collect()
}

#[test]
fn the_clock_is_waited_for() {
    let clock = Clock::new();
    let due = clock.elapsed_ns() + 3_000_000;
    assert!(wait_for(&clock, due, false) >= due);
    assert!(wait_for(&clock, due + 1_000_000, true) > due);
    let late = wait_for(&clock, 1, false);
    assert!(late > due, "an arrival that is late is taken up at once, by the clock");
}

/// A file of this name in the folder for such, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        Scratch(std::env::temp_dir().join(format!("mia-latency-{}-{name}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Ten seconds of the synthetic market as the journal of a DTC session whose reads end anywhere.
fn journal(path: &Path) {
    let config = SyntheticConfig { duration_s: 10.0, ..SyntheticConfig::default() };
    let mut market = SyntheticMarket::new(&config);
    let spec = market.symbols()[0].clone();
    let instrument = Instrument::with_tick(&spec.symbol, spec.increment).expect("tick");
    let setup = Setup::new(Config::default(), vec![instrument], "live").expect("valid");
    let mut writer = Writer::create(path, &setup.journal_text()).expect("a new file");
    let source_kind = U16::new(SourceKind::Dtc as u16);
    let bind = Bind { source_kind, symbol: U16::new(0), wire_id: U32::new(7) };
    writer.append(Kind::Bind, 1, 0, 0, bind.as_bytes()).expect("disk");
    writer.append(Kind::Connected, 1, 0, config.start_ns, &[]).expect("disk");
    let encoder = Encoder { generation: Generation::V2, spec: &spec, symbol_id: 7 };
    let mut state = MarketState::new(std::slice::from_ref(&spec));
    let mut feed = DtcFeed::new(&[(7, SymbolId(0), &setup.instruments[0])]);
    let (mut stream, mut partial, mut next) = (Vec::new(), Vec::new(), 1);
    while let Some(record) = market.next() {
        encoder.market_data(&record, &mut stream);
        encoder.depth(&record, state.symbol(0).expect("listed"), &mut stream);
        state.apply(&record);
        if stream.len() >= 1000 {
            let read: Vec<u8> = stream.drain(..1000).collect();
            writer.append(Kind::Bytes, 1, next, record.ts_ns, &read).expect("disk");
            partial.extend_from_slice(&read);
            while let Ok(Some(frame)) = dtc::frame::next_frame(&partial) {
                feed.on_frame(&frame, Ts(record.ts_ns), &mut |_| next += 1);
                let len = frame.len();
                partial.drain(..len);
            }
        }
    }
    writer.sync().expect("disk");
}

#[test]
fn a_journal_is_measured_in_both_layouts() {
    let file = Scratch::new("layouts.mjrnl");
    journal(&file.0);
    let input = Input::load(&file.0, None, usize::MAX).expect("readable");
    assert!(input.decodes && input.arrivals.len() > 1000);

    let core = input.setup.core(SessionFilter::All);
    let data = std::fs::read(&file.0).expect("readable");
    let mut player =
        Player::new(Reader::open(&data).expect("journal"), &input.setup.instruments).expect("bind");
    let mut pipeline = Pipeline::new(&core, input.setup.calendar.clone());
    let mut played = 0;
    let mut play = |event: &Event| {
        pipeline.on_event(event, &Context::EMPTY);
        played += 1;
    };
    player.play(&mut play).expect("it plays");

    let (clock, done) = (Clock::new(), AtomicU64::new(0));
    let schedule = Schedule::new(&input.arrivals, Some(100_000.0), None).expect("valid");
    let calendar = input.setup.calendar.clone();
    let (input, schedule, clock, done) = (&input, &schedule, &clock, &done);
    let mut work = Work { input, schedule, core, calendar, events: 0, clock, done };
    let (events, digest) = work.reference();
    assert_eq!((events, digest), (played, pipeline.judge().digest()), "as the player plays it");
    work.events = events;
    for threads in [Layout::Fused, Layout::Split] {
        let outcome = measured(&work, threads, None).expect("threads");
        assert_eq!((outcome.digest, outcome.stamps.len()), (digest, events), "{threads:?}");
        for s in &outcome.stamps {
            let order = [
                s.due,
                s.seen,
                s.decoded,
                s.entered_features,
                s.featured,
                s.entered_decision,
                s.decided,
            ];
            assert!(order.is_sorted(), "{threads:?} {s:?}");
        }
    }
    assert_eq!(done.load(Ordering::Relaxed), 2 * input.arrivals.len() as u64);
}

#[test]
fn the_report_is_whole() {
    let (file, json) = (Scratch::new("report.mjrnl"), Scratch::new("report.json"));
    journal(&file.0);
    let mut args = LatencyArgs {
        file: Some(file.0.clone()),
        orders: None,
        journal_first: false,
        rate: None,
        speed: Some(50.0),
        threads: Layout::Fused,
        events: 500,
        tick: None,
        refresh: None,
        json: true,
        out: Some(json.0.clone()),
    };
    let mut printed = Vec::new();
    run(&args, &mut printed).expect("it runs");
    assert_eq!(printed, std::fs::read(&json.0).expect("written"));
    let report: simd_json::OwnedValue = simd_json::from_slice(&mut printed).expect("JSON");
    let stages = report["stages"].as_array().expect("stages");
    let names: Vec<_> = stages.iter().map(|s| s["name"].as_str().expect("text")).collect();
    assert_eq!(names, ["wait", "decode", "features", "decision"]);
    assert_eq!(report["schedule"]["kind"]["recorded_gaps"].as_f64(), Some(50.0));
    let last = &stages[3]["since_arrival_ns"];
    assert_eq!(last, &report["tick_to_decision_ns"]);
    assert_eq!(last["count"].as_u64(), report["events"].as_u64());
    assert!(last["p50"].as_u64() <= last["p99.9"].as_u64());
    assert!(report["host"]["jitter"]["lost_share"].as_f64().is_some());

    (args.json, args.out, args.threads) = (false, None, Layout::Split);
    let mut printed = Vec::new();
    run(&args, &mut printed).expect("it runs");
    let text = String::from_utf8(printed).expect("text");
    for word in ["hop to features", "jitter", "governor", "ring hop", "scheduled arrival", "digest"]
    {
        assert!(text.contains(word), "{word} is missing in\n{text}");
    }
}

#[test]
fn what_cannot_be_measured_is_said() {
    let file = Scratch::new("empty.mjrnl");
    let instrument = Instrument::from_symbol("ESH4").expect("root");
    let setup = Setup::new(Config::default(), vec![instrument], "live").expect("valid");
    Writer::create(&file.0, &setup.journal_text()).expect("a new file").sync().expect("disk");
    let error = Input::load(&file.0, None, 10).expect_err("nothing in it").to_string();
    assert!(error.contains("no event") && error.contains("empty.mjrnl"), "{error}");
}
