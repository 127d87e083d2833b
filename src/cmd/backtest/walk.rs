//! Walk-forward: the set that was best on some trade dates is judged on the next ones.
//!
//! A fold trains on `train` trade dates, leaves `purge` dates out and tests on the `test` dates
//! after them; the next fold begins `test` dates later, so that no date is tested twice. A trade
//! counts where both its ends lie inside: one that crosses an edge is purged from both sides.

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};

use super::results::{RunResult, TradeRow};
use crate::analytics::{Trip, mean};
use crate::decision::preset_base;

/// `TRAIN:TEST` or `TRAIN:TEST:PURGE`, in trade dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Split {
    /// Dates to choose on, from 1.
    pub(super) train: usize,
    /// Dates to judge on, from 1.
    pub(super) test: usize,
    /// Dates between them that belong to neither.
    pub(super) purge: usize,
}

impl std::str::FromStr for Split {
    type Err = String;

    fn from_str(text: &str) -> Result<Split, String> {
        let parts: Option<Vec<usize>> = text.split(':').map(|part| part.parse().ok()).collect();
        let (train, test, purge) = match parts.as_deref() {
            Some([train, test]) => (*train, *test, 0),
            Some([train, test, purge]) => (*train, *test, *purge),
            _ => (0, 0, 0),
        };
        if train == 0 || test == 0 {
            let want = "TRAIN:TEST or TRAIN:TEST:PURGE, in trade dates, such as 20:5:1";
            return Err(want.to_owned());
        }
        Ok(Split { train, test, purge })
    }
}

/// One fold.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fold {
    /// First and last trade date of the training.
    pub(super) train: [i32; 2],
    /// First and last trade date of the test.
    pub(super) test: [i32; 2],
    /// The set with the best mean R in training; `None` where no set had trades enough.
    pub(super) chosen: Option<usize>,
    /// Mean R of the chosen set in training.
    pub(super) trained: Option<f64>,
    /// The chosen set's trades in the test, in the order in which they ended.
    pub(super) tested: Vec<Trip>,
    /// Trades that crossed an edge of the chosen set's windows.
    pub(super) purged: usize,
}

/// The folds of the results of several sets over the same inputs. A set can be chosen that had at
/// least `least` trades with an R in training: the mean of fewer says nothing.
///
/// # Errors
/// Where the inputs hold too few trade dates for one fold, or the results are of several modes or
/// presets: one verdict over both would pool them.
pub(super) fn folds(results: &[RunResult], split: Split, least: usize) -> Result<Vec<Fold>> {
    let kind = |r: &RunResult| format!("{}/{}", r.mode, preset_base(&r.preset));
    let kinds: BTreeSet<String> = results.iter().map(kind).collect();
    ensure!(
        kinds.len() <= 1,
        "walk-forward: its trades are judged together, so they are of one mode and preset; these \
         are of {}: take decision.preset out of the grid, or the inputs of another mode",
        kinds.into_iter().collect::<Vec<_>>().join(", ")
    );
    let mut days: Vec<i32> = results.iter().flat_map(|r| r.days.iter().copied()).collect();
    days.sort_unstable();
    days.dedup();
    let length = split.train + split.purge + split.test;
    if days.len() < length {
        bail!("walk-forward: one fold needs {length} trade dates, the input holds {}", days.len());
    }
    let sets = results.iter().map(|r| r.set).max().map_or(0, |last| last + 1);
    let mut folds = Vec::new();
    for from in (0..=days.len() - length).step_by(split.test) {
        let window = |from: usize, len: usize| days.get(from..from + len).unwrap_or_default();
        let train = ends(window(from, split.train));
        let test = ends(window(from + split.train + split.purge, split.test));
        let trained = |set: usize| {
            let rs: Vec<f64> = inside(results, set, train).filter_map(|t| t.trip.r).collect();
            mean(&rs).filter(|_| rs.len() >= least)
        };
        let means = (0..sets).filter_map(|set| Some((set, trained(set)?)));
        // The first of equals: the order of the sets decides, not chance.
        let best = means.reduce(|best, next| if next.1 > best.1 { next } else { best });
        let chosen = best.map(|(set, _)| set);
        let trips = |set| inside(results, set, test).map(|row| row.trip.clone()).collect();
        let mut tested: Vec<Trip> = chosen.map_or_else(Vec::new, trips);
        // Inputs come in any order.
        tested.sort_by(Trip::by_end);
        let crosses = |t: &&TradeRow| crosses(t, train) || crosses(t, test);
        let purged = chosen.map_or(0, |set| of(results, set).filter(crosses).count());
        folds.push(Fold { train, test, chosen, trained: best.map(|b| b.1), tested, purged });
    }
    Ok(folds)
}

fn ends(days: &[i32]) -> [i32; 2] {
    [days.first().copied().unwrap_or(0), days.last().copied().unwrap_or(0)]
}

fn of(results: &[RunResult], set: usize) -> impl Iterator<Item = &TradeRow> {
    results.iter().filter(move |r| r.set == set).flat_map(|r| &r.trades)
}

fn inside(
    results: &[RunResult],
    set: usize,
    [first, last]: [i32; 2],
) -> impl Iterator<Item = &TradeRow> {
    of(results, set).filter(move |t| t.entry_day >= first && t.trip.day <= last)
}

fn crosses(trade: &TradeRow, [first, last]: [i32; 2]) -> bool {
    let (from, to) = (trade.entry_day, trade.trip.day);
    (from < first && to >= first) || (from <= last && to > last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics::tests::trip;

    fn trade(from: i32, to: i32, r: f64) -> TradeRow {
        TradeRow {
            trip: Trip { day: to, ..trip(0, r) },
            symbol: String::new(),
            side: 1,
            entry_ns: 0,
            entry_day: from,
            prices: [0.0; 2],
            score: None,
        }
    }

    fn result(set: usize, trades: Vec<TradeRow>) -> RunResult {
        let days = (1..=6).collect();
        RunResult { days, trades, set, ..RunResult::new() }
    }

    #[test]
    fn the_best_of_the_past_is_judged_on_what_follows() {
        let good_then_bad = vec![trade(1, 1, 2.0), trade(4, 4, -1.0), trade(2, 3, 9.0)];
        let bad_then_good = vec![trade(1, 1, -1.0), trade(4, 4, 3.0), trade(5, 5, 1.0)];
        let results = [result(0, good_then_bad), result(1, bad_then_good)];
        let split: Split = "2:1:1".parse().expect("split");
        let folds = folds(&results, split, 1).expect("enough");
        assert_eq!(folds.len(), 3);
        let first = folds.first().expect("a fold");
        assert_eq!((first.train, first.test, first.chosen), ([1, 2], [4, 4], Some(0)));
        assert_eq!((first.trained, first.purged), (Some(2.0), 1), "the trade of days 2 and 3");
        let rs: Vec<f64> = first.tested.iter().filter_map(|trip| trip.r).collect();
        assert_eq!(rs, [-1.0]);
        let second = folds.get(1).expect("a fold");
        assert_eq!((second.train, second.test), ([2, 3], [5, 5]));
        assert_eq!(second.chosen, Some(0), "its trade of two days lies inside");
        let third = folds.get(2).expect("a fold");
        assert_eq!((third.train, third.chosen, third.tested.len()), ([3, 4], Some(1), 0));
    }

    /// One lucky trade does not choose a set.
    #[test]
    fn few_trades_choose_nothing() {
        let lucky = vec![trade(1, 1, 9.0), trade(3, 3, -1.0)];
        let steady = vec![trade(1, 1, 0.5), trade(2, 2, 0.5), trade(3, 3, 0.25)];
        let results = [result(0, lucky), result(1, steady)];
        let split: Split = "2:1".parse().expect("split");
        let chosen = |least| {
            let folds = folds(&results, split, least).expect("enough days");
            folds.first().expect("a fold").chosen
        };
        assert_eq!((chosen(1), chosen(2), chosen(3)), (Some(0), Some(1), None));
    }

    /// Verdicts of `core` and of another preset are never one; another gate is the same preset.
    #[test]
    fn presets_are_not_pooled() {
        let preset = |set, name: &str| RunResult {
            preset: name.to_owned(),
            ..result(set, vec![trade(1, 1, 1.0)])
        };
        let split: Split = "2:1".parse().expect("split");
        let mixed = [preset(0, "core"), preset(1, "S4-groups")];
        let error = folds(&mixed, split, 1).expect_err("two presets").to_string();
        assert!(error.contains("/S4-groups, /core"), "{error}");
        let gates = [preset(0, "core"), preset(1, "core (changed 0123abcd)")];
        assert!(folds(&gates, split, 1).is_ok());
        let live = RunResult { mode: "live".to_owned(), ..preset(1, "core") };
        assert!(folds(&[preset(0, "core"), live], split, 1).is_err(), "two modes");
    }

    /// Of two files by turns, the later one first; one trade without a known risk.
    #[test]
    fn tested_trades_stand_in_the_order_of_their_ends() {
        let at = |minute: i64, r: Option<f64>| {
            let row = trade(3, 3, r.unwrap_or(0.0));
            TradeRow { trip: Trip { exit_ns: minute, r, ..row.trip }, ..row }
        };
        let early = vec![trade(1, 1, 1.0), at(1, Some(-1.0)), at(3, Some(-1.0)), at(5, None)];
        let late = vec![at(2, Some(1.0)), at(4, Some(1.0))];
        let split: Split = "2:1".parse().expect("split");
        let folds = folds(&[result(0, late), result(0, early)], split, 1).expect("enough days");
        let tested = &folds.first().expect("a fold").tested;
        let rs: Vec<Option<f64>> = tested.iter().map(|trip| trip.r).collect();
        assert_eq!(rs, [Some(-1.0), Some(1.0), Some(-1.0), Some(1.0), None]);
    }

    #[test]
    fn too_few_days() {
        let split = Split { train: 5, test: 2, purge: 0 };
        assert!(
            folds(&[result(0, Vec::new())], split, 1).expect_err("short").to_string().contains('7')
        );
        for text in ["", "5", "0:1", "5:0", "a:b", "1:2:3:4"] {
            assert!(text.parse::<Split>().is_err(), "{text}");
        }
    }
}
