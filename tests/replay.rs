//! Live equals replay: the journal of a live run, played again, gives the same digest, sums and
//! signals; so does a journal cut off anywhere, as far as it goes.

use mia_test_support::live;

use dtc_sim::synthetic::{SyntheticConfig, SyntheticMarket, es, nq};
use mia::config::Layout;
use mia::units::SymbolId;

fn market(seed: u64, seconds: f64) -> Box<SyntheticMarket> {
    Box::new(SyntheticMarket::new(&SyntheticConfig {
        seed,
        symbols: vec![(es(), 5000.0), (nq(), 18_000.0)],
        duration_s: seconds,
        ..SyntheticConfig::default()
    }))
}

fn plan(layout: Layout) -> live::Plan {
    let symbols = ["SYNTHETIC-ES", "SYNTHETIC-NQ"].map(|s| (s.to_owned(), 0.25));
    live::Plan { layout, ..live::Plan::new(symbols.to_vec()) }
}

#[test]
fn twenty_of_twenty_live_runs_replay() {
    let folder = live::folder("replay");
    for run in 0..20_u64 {
        let layout = if run % 4 == 3 { Layout::Fused } else { Layout::Split };
        let path = folder.join(format!("{run}.mjrnl"));
        let (ended, ..) = live::run(market(run, 60.0), &plan(layout), &path);
        let (pipeline, checked) = live::replay_journal(&path);
        assert!(checked > 0);
        assert_eq!(pipeline.judge().digest(), ended.judge.digest(), "run {run}");
        assert_eq!(pipeline.judge().frames(), ended.judge.frames());
        assert_eq!(pipeline.judge().signals(), ended.judge.signals());
        for symbol in [SymbolId(0), SymbolId(1)] {
            let sums = |j: &mia::pipeline::Judge| {
                let t = j.tally(symbol).expect("symbol").clone();
                (t.events, t.trades, t.volume, t.range, t.vwap().mean())
            };
            assert!(sums(&ended.judge).1 > 100, "a market with trades");
            assert_eq!(sums(pipeline.judge()), sums(&ended.judge));
        }
    }
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// An hour of the synthetic market can say both long and short.
#[test]
fn signals_in_both_directions() {
    let folder = live::folder("directions");
    let path = folder.join("a.mjrnl");
    let (ended, ..) = live::run(market(1, 3600.0), &plan(Layout::Split), &path);
    let signals = ended.judge.signals();
    println!("synthetic market, preset spine: {} long, {} short", signals.long, signals.short);
    assert!(signals.long >= 10 && signals.short >= 10);
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// A crash at any byte: what is whole replays, and its digests agree.
#[test]
fn a_torn_journal_replays_as_far_as_it_goes() {
    let folder = live::folder("torn");
    let path = folder.join("a.mjrnl");
    let _ = live::run(market(5, 20.0), &plan(Layout::Fused), &path);
    let data = std::fs::read(&path).expect("journal");
    let whole = events(&data).0;
    for part in 1..40 {
        let (count, ended) = events(&data[..data.len() * part / 40]);
        assert!(count <= whole && !ended);
    }
    std::fs::remove_dir_all(folder).expect("clean up");
}

fn events(data: &[u8]) -> (u64, bool) {
    let Ok(reader) = mia::journal::Reader::open(data) else { return (0, false) };
    let setup = mia::runtime::setup::Setup::from_journal(&reader).expect("own build");
    let mut outputs = mia::runtime::player::Outputs::collect(&reader);
    let Ok(mut player) = mia::runtime::player::Player::new(reader, &setup.instruments) else {
        return (0, false);
    };
    let core = setup.core(mia::tally::SessionFilter::All);
    let mut pipeline = mia::pipeline::Pipeline::new(&core, setup.calendar.clone());
    let mut count = 0;
    player
        .play(|event| {
            pipeline.on_event(event, &mia::context::Context::EMPTY);
            outputs.check(event.seq, &pipeline);
            count += 1;
        })
        .expect("plays");
    assert_eq!(outputs.mismatch(), None);
    (count, outputs.ended)
}
