//! Results of runs that never were, whose sums are known.

use super::*;
use crate::analytics::tests::{close, trip};
use crate::cmd::backtest::results::TradeRow;
use crate::cmd::backtest::sets::sets;

/// A run with trades of these results in R, each `(minute, R)` of 2026-01-14 on.
fn run(set: usize, mode: &str, preset: &str, trades: &[(usize, f64)]) -> RunResult {
    let rows = trades.iter().map(|&(at, r)| {
        let (mode, preset) = (mode.to_owned(), preset.to_owned());
        let trip = Trip { mode, preset, excursion: (0.0, 0.0), ..trip(at, r) };
        let (symbol, entry_day) = ("ESH6".to_owned(), trip.day);
        TradeRow { trip, symbol, side: 1, entry_ns: 0, entry_day, prices: [0.0; 2], score: None }
    });
    let trades: Vec<TradeRow> = rows.collect();
    RunResult {
        set,
        mode: mode.to_owned(),
        preset: preset.to_owned(),
        days: (20_467..20_471).collect(),
        trades,
        ..RunResult::new()
    }
}

#[test]
fn live_and_replay_are_not_pooled() {
    let runs = [run(0, "live", "spec", &[(0, 1.0)]), run(0, "replay", "core", &[(1, -1.0)])];
    let one = sets(&[], None).expect("one set");
    let summary = Summary::new(&one, &runs, false).expect("two parts");
    let said: Vec<(&str, &str, u64)> = summary
        .sets
        .iter()
        .map(|of| (&*of.report.mode, &*of.report.preset, of.report.summary.trades))
        .collect();
    assert_eq!(said, [("live", "spec", 1), ("replay", "core", 1)]);
    // Nor compared.
    let two = sets(&[], Some("decision.gate = [60, 70]")).expect("two sets");
    let error = Summary::new(&two, &runs, false).expect_err("mixed").to_string();
    assert!(error.contains("live/spec, replay/core"), "{error}");
}

/// Long in one run and short in another are two open positions, and every form says so.
#[test]
fn what_is_open_does_not_cancel_out() {
    let open = |file: &str, side: &str| RunResult {
        file: file.to_owned(),
        open: 1,
        unfinished: vec![format!("Position never closed: ESH6 {side} 1.")],
        doubts: vec!["NOT WHAT THE RUN DID".to_owned()],
        ..run(0, "replay", "core (changed 0123abcd)", &[(0, 1.0)])
    };
    let runs = [open("a", "LONG"), open("b", "SHORT")];
    let one = sets(&[], None).expect("one set");
    let summary = Summary::new(&one, &runs, false).expect("one part");
    let mut out = Vec::new();
    crate::cmd::backtest::print::text(&summary, &mut out).expect("printed");
    let text = String::from_utf8(out).expect("UTF-8");
    let json = simd_json::to_string(&summary).expect("JSON");
    assert!(text.contains("2 contracts still open"), "{text}");
    let section = summary.sets.into_iter().next().expect("a set").section();
    let tables = crate::cmd::analytics::text(&[section]);
    for (name, form) in [("text", &text), ("json", &json), ("tables", &tables)] {
        for said in ["ESH6 LONG 1", "ESH6 SHORT 1", "b: NOT WHAT THE RUN DID"] {
            assert!(form.contains(said), "{said} in {name}: {form}");
        }
    }
    // Another gate makes it no other preset.
    assert!(tables.contains("Preset core holds no option item"), "{tables}");
}

#[test]
fn one_curve_in_the_order_of_the_exits() {
    // Of two files, by turns: lost, won, lost, won. By file: both losses first.
    let runs = [
        run(0, "replay", "core", &[(0, -1.0), (2, -1.0)]),
        run(0, "replay", "core", &[(1, 1.0), (3, 1.0)]),
    ];
    let one = sets(&[], None).expect("one set");
    let summary = Summary::new(&one, &runs, false).expect("one part");
    let report = &summary.sets.first().expect("a part").report;
    assert_eq!(report.rs, [-1.0, 1.0, -1.0, 1.0]);
    close(Some(report.summary.max_drawdown_r), 1.0, 12);
    close(Some(report.drawdown.depth), 100.0, 9);
    assert_eq!(report.days, 4, "both files are of the same dates");
}

#[test]
fn the_best_of_many_is_judged_as_one_of_many() {
    let runs: Vec<RunResult> = [0.9, 0.1, -0.2, 0.0]
        .into_iter()
        .enumerate()
        .map(|(set, drift)| {
            let noise = [0.8, -0.6, 0.4, -0.7, 0.5, -0.4, 0.9, -0.8, 0.3, -0.5];
            let trades: Vec<(usize, f64)> =
                noise.iter().enumerate().map(|(at, r)| (at * 2, r + drift)).collect();
            run(set, "replay", "core", &trades)
        })
        .collect();
    let four = sets(&[], Some("decision.gate = [60, 65, 70, 75]")).expect("four sets");
    let chosen = Summary::new(&four, &runs, false).expect("four").selection.expect("compared");
    assert_eq!((chosen.sets, chosen.k, chosen.best), (4, 4, Some(0)));
    let one = sets(&[], None).expect("one set");
    let first = runs.get(..1).expect("one");
    let alone = Summary::new(&one, first, false).expect("one");
    assert!(alone.selection.is_none(), "nothing was chosen");
    let alone = alone.sets.first().and_then(|of| of.report.selection).expect("a spread");
    assert_eq!(alone.k, 1);
    let deflated = chosen.deflated_sharpe.expect("known");
    assert!(deflated < alone.probability, "{deflated} of {}", alone.probability);
    assert!(chosen.expected_by_luck.expect("known") > 0.0);
}

#[test]
fn acceptance_asks_the_trades_that_were_not_trained_on() {
    let fold = |tested: &[f64]| Fold {
        train: [1, 2],
        test: [3, 3],
        chosen: Some(0),
        trained: Some(2.0),
        tested: tested.iter().enumerate().map(|(at, &r)| trip(at, r)).collect(),
        purged: 0,
    };
    let good = Walk::new(&[fold(&[1.0, 1.2].repeat(8)), fold(&[0.8, 1.1].repeat(7))], 30);
    assert!(good.accepted && good.out_of_sample.trades == 30);
    assert_eq!(good.out_of_sample.net_usd, good.out_of_sample.gross_usd);
    assert!(good.out_of_sample.net_usd > 3_000.0, "money is not 0 where it was made");
    // Two trades that went well are no proof, whatever bound they have.
    let few = Walk::new(&[fold(&[1.0, 1.2]), fold(&[0.8, 1.1])], 30);
    assert!(few.out_of_sample.expectancy_lower_bound_r > Some(0.0));
    assert!(few.insufficient && !few.accepted);
    let said = |walk: Walk| {
        let all = Summary {
            sets: Vec::new(),
            selection: None,
            walk_forward: Some(walk),
            comparison: None,
        };
        let mut out = Vec::new();
        crate::cmd::backtest::print::text(&all, &mut out).expect("printed");
        String::from_utf8(out).expect("UTF-8")
    };
    let text = said(few);
    assert!(text.contains("insufficient") && text.contains("not accepted"), "{text}");
    assert!(said(good).contains("above 0, accepted"));
    // A mean above 0 is not enough.
    let wide = Walk::new(&[fold(&[3.0, -2.0].repeat(10)), fold(&[1.0, -1.0].repeat(10))], 30);
    assert!(!wide.insufficient);
    assert!(wide.out_of_sample.expectancy_r > Some(0.0) && !wide.accepted);
}
