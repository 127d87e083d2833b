//! The ES file through the simulator over TCP into the live pipeline: the same market as its direct
//! replay, in every message form, split at every byte, and with the connection lost twice.

use mia_test_support as common;
use mia_test_support::live;

use dtc_sim::encode::Generation;
use dtc_sim::fault::{FaultPlan, Split};
use mia::cmd::market::recorded;
use mia::config::Layout;
use mia::pipeline::Judge;
use mia::units::{Px, SymbolId};

type Levels = Vec<(Px, u32)>;

/// What two runs over the same market must agree on.
#[derive(Debug, PartialEq)]
struct Sums {
    trades: u64,
    volume: [u64; 3],
    cvd: i64,
    vwap: Option<f64>,
    deviation: Option<f64>,
    prices: [Px; 4],
    bids: Levels,
    asks: Levels,
}

fn sums(judge: &Judge) -> Sums {
    let tally = judge.tally(SymbolId(0)).expect("one symbol");
    let range = tally.range.expect("trades");
    let side = |l: &mia::book::Ladder| l.visible().iter().map(|l| (l.px, l.qty)).collect();
    Sums {
        trades: tally.trades,
        volume: tally.volume,
        cvd: tally.cvd(),
        vwap: tally.vwap().mean(),
        deviation: tally.vwap().deviation(),
        prices: [range.first, range.last, range.high, range.low],
        bids: side(tally.book().bids()),
        asks: side(tally.book().asks()),
    }
}

fn through_tcp(name: &str, change: impl FnOnce(&mut live::Plan)) -> Option<(Judge, Judge)> {
    let path = common::es_file()?;
    let direct = common::replay(path.clone());
    let (market, _) = recorded(&[path], None).expect("readable");
    let mut plan = live::Plan::new(vec![("ESH4".to_owned(), 0.25)]);
    change(&mut plan);
    let folder = live::folder(name);
    let journal = folder.join("a.mjrnl");
    let (ended, _, stats) = live::run(Box::new(market), &plan, &journal);
    let strikes = plan.faults.disconnects.len() as u64;
    assert_eq!(stats.disconnects_forced, strikes);
    let (replayed, _) = live::replay_journal(&journal);
    assert_eq!(replayed.judge().digest(), ended.judge.digest());
    let gaps = ended.judge.tally(SymbolId(0)).expect("one symbol").gaps;
    assert_eq!(gaps, strikes, "each lost connection is a reported gap");
    std::fs::remove_dir_all(folder).expect("clean up");
    Some((direct.pipeline.judge().clone(), ended.judge))
}

#[test]
fn every_message_form() {
    for (generation, layout) in [
        (Generation::Compact, Layout::Fused),
        (Generation::Float, Layout::Split),
        (Generation::V2, Layout::Split),
    ] {
        let plan = |p: &mut live::Plan| (p.generation, p.layout) = (generation, layout);
        let Some((direct, live)) = through_tcp("forms", plan) else { return };
        assert_eq!(sums(&live), sums(&direct), "{generation:?}");
        let crossed = |j: &Judge| j.tally(SymbolId(0)).expect("one symbol").crossed;
        assert_eq!(crossed(&live), crossed(&direct), "{generation:?}");
    }
}

#[test]
fn split_at_every_byte_and_two_disconnects() {
    let Some((direct, live)) = through_tcp("faults", |plan| {
        plan.faults = FaultPlan {
            split: Split::Random { seed: 7, max: 5 },
            disconnects: vec![9_000, 40_000],
            ..FaultPlan::default()
        };
        plan.replay_missed = true;
    }) else {
        return;
    };
    assert_eq!(sums(&live), sums(&direct));
}

/// Records that nobody is told of while the client is away: the run knows less, and says so.
#[test]
fn what_is_lost_is_a_reported_gap() {
    let Some((direct, live)) = through_tcp("lost", |plan| {
        plan.faults = FaultPlan {
            disconnects: vec![45_000],
            lost_after_disconnect: 500,
            ..FaultPlan::default()
        };
        plan.wait_for_clients = true;
    }) else {
        return;
    };
    let (direct, live) = (sums(&direct), sums(&live));
    assert!(live.trades < direct.trades, "500 records of the open market hold trades");
    assert_eq!((live.bids, live.asks), (direct.bids, direct.asks), "the snapshot mends the book");
}
