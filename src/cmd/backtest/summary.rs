//! What a backtest came to, as numbers.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use serde::Serialize;

use super::pair;
use super::results::RunResult;
use super::sets::Set;
use super::walk::Fold;
use crate::analytics::paired::{Paired, paired};
use crate::analytics::{INSUFFICIENT, Inputs, Report, Summary as Statistics, Trip, iso, mean};
use crate::cmd::analytics::Section;
use crate::decision::is_core;
use crate::order::Gate;

/// Everything that is printed.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// One for each set, mode and preset: they are never pooled.
    pub(super) sets: Vec<OfSet>,
    pub(super) selection: Option<Selection>,
    pub(super) walk_forward: Option<Walk>,
    pub(super) comparison: Option<Comparison>,
}

#[derive(Debug, Serialize)]
pub(super) struct OfSet {
    pub(super) set: usize,
    pub(super) label: String,
    pub(super) runs: usize,
    /// Whether some market was made up.
    pub(super) simulated: bool,
    /// Inputs that are not whole, and why.
    pub(super) cut: Vec<String>,
    /// What else makes the numbers doubtful, in sentences.
    pub(super) doubts: Vec<String>,
    pub(super) events: u64,
    pub(super) edges: u64,
    pub(super) edges_long: u64,
    pub(super) entries_long: u64,
    pub(super) entries_short: u64,
    pub(super) fills: u64,
    /// Contracts that were open at the end of their runs, whichever way they stood.
    pub(super) open_contracts: u64,
    /// What stands in no number, in sentences.
    pub(super) unfinished: Vec<String>,
    /// Greatest fall of the equity in one run, what was open included at every trade of the market
    /// and at its end, USD.
    pub(super) greatest_fall_of_a_run_usd: f64,
    pub(super) vetoes: Vec<(&'static str, u64)>,
    /// Of the refusals for size, those in which the small contract would have fitted.
    pub(super) micro_would_fit: u64,
    /// Score of the frames with enough coverage: share of frames and quantiles.
    pub(super) scores: Option<Scores>,
    /// The statistics of all trades in the order in which they ended, over the trade dates of the
    /// inputs; equity begins with that of the first trade.
    pub(super) report: Report,
}

#[derive(Debug, Serialize)]
pub(super) struct Scores {
    pub(super) frames: u64,
    pub(super) below_coverage_floor: u64,
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
    pub(super) max: f64,
    pub(super) at_least_60: f64,
    pub(super) at_least_70: f64,
    pub(super) at_least_80: f64,
}

/// What choosing the best of the sets is worth.
#[derive(Debug, Serialize)]
pub(super) struct Selection {
    /// Sets that were run.
    pub(super) sets: usize,
    /// Of them those with a daily Sharpe ratio: what was compared.
    pub(super) k: usize,
    /// The one with the greatest.
    pub(super) best: Option<usize>,
    pub(super) daily_sharpe: Option<f64>,
    /// The daily Sharpe that the best of k would show by luck.
    pub(super) expected_by_luck: Option<f64>,
    /// Chance that the true Sharpe is above that: the deflated Sharpe ratio.
    pub(super) deflated_sharpe: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Walk {
    /// Trades with an R that a set needs in training to be chosen.
    pub(super) least_trades: usize,
    pub(super) folds: Vec<WalkFold>,
    /// The tested trades of all folds, in the order in which they ended.
    pub(super) out_of_sample: Statistics,
    /// Whether fewer than [`INSUFFICIENT`] of them have an R: then they say nothing.
    pub(super) insufficient: bool,
    /// Enough trades, and a lower bound of their expectancy above 0.
    pub(super) accepted: bool,
    pub(super) purged_trades: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct WalkFold {
    pub(super) train: [String; 2],
    pub(super) test: [String; 2],
    pub(super) set: Option<usize>,
    pub(super) train_r: Option<f64>,
    pub(super) test_r: Option<f64>,
    pub(super) test_trades: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    /// Trade dates that both saw.
    pub(super) dates: usize,
    /// Net profit of B minus A by date, USD; `None` with too few dates.
    pub(super) paired: Option<Paired>,
}

impl Summary {
    /// The results of all sets.
    ///
    /// # Errors
    /// Where sets are compared whose runs are of several modes or presets.
    pub(super) fn new(sets: &[Set], results: &[RunResult], compare: bool) -> Result<Summary> {
        let mut parts: BTreeMap<(usize, &str, &str), Vec<&RunResult>> = BTreeMap::new();
        for result in results {
            let key = (result.set, result.mode.as_str(), result.preset.as_str());
            parts.entry(key).or_default().push(result);
        }
        if sets.len() > 1 {
            let of = |set: usize| parts.keys().filter(move |key| key.0 == set);
            let mixed = (0..sets.len()).find(|&set| of(set).count() > 1);
            let found = mixed.map(of).into_iter().flatten();
            let found: Vec<String> = found.map(|key| format!("{}/{}", key.1, key.2)).collect();
            ensure!(
                mixed.is_none(),
                "sets are compared over inputs of one mode and preset, these are of {}",
                found.join(", ")
            );
        }
        let mut sets_of = Vec::with_capacity(parts.len());
        for ((number, ..), runs) in parts {
            let label = sets.get(number).map(|set| set.label.clone()).unwrap_or_default();
            sets_of.push(OfSet::new(number, label, &runs)?);
        }
        let selection = (sets.len() > 1).then(|| select(&mut sets_of));
        let comparison = compare.then(|| {
            let of = |set: usize| results.iter().filter(move |r| r.set == set);
            let days = pair::daily(of(0), of(1));
            let pairs: Vec<(f64, f64)> = days.iter().map(|&(_, a, b)| (a, b)).collect();
            Comparison { dates: pairs.len(), paired: paired(&pairs) }
        });
        Ok(Summary { sets: sets_of, selection, walk_forward: None, comparison })
    }
}

/// Takes off every set's Sharpe what choosing among all of them is worth.
fn select(sets: &mut Vec<OfSet>) -> Selection {
    let sharpe = |set: &OfSet| set.report.ratios.daily_sharpe;
    let compared: Vec<f64> = sets.iter().filter_map(sharpe).collect();
    if !compared.is_empty() {
        let taken = std::mem::take(sets).into_iter();
        let selected = |set: OfSet| OfSet { report: set.report.selected(&compared), ..set };
        *sets = taken.map(selected).collect();
    }
    let known = sets.iter().filter_map(|set| Some((set, sharpe(set)?)));
    // The first of equals.
    let best = known.reduce(|best, next| if next.1 > best.1 { next } else { best });
    let deflated = best.and_then(|(set, _)| set.report.selection);
    Selection {
        sets: sets.len(),
        k: compared.len(),
        best: best.map(|(set, _)| set.set),
        daily_sharpe: best.map(|(_, sharpe)| sharpe),
        expected_by_luck: deflated.map(|of| of.expected_by_luck),
        deflated_sharpe: deflated.map(|of| of.probability),
    }
}

impl OfSet {
    fn new(set: usize, label: String, runs: &[&RunResult]) -> Result<OfSet> {
        let sum = |get: fn(&RunResult) -> u64| runs.iter().map(|run| get(run)).sum();
        let veto = |at: usize| runs.iter().filter_map(|r| r.vetoes.get(at)).sum();
        Ok(OfSet {
            set,
            label,
            runs: runs.len(),
            simulated: runs.iter().any(|run| run.simulated),
            cut: runs.iter().filter_map(|run| run.cut.clone()).collect(),
            doubts: told(runs, |run| &run.doubts),
            events: sum(|r| r.events),
            edges: sum(|r| r.edges[0] + r.edges[1]),
            edges_long: sum(|r| r.edges[0]),
            entries_long: sum(|r| r.entries[0]),
            entries_short: sum(|r| r.entries[1]),
            fills: sum(|r| r.fills),
            open_contracts: sum(|r| r.open),
            unfinished: told(runs, |run| &run.unfinished),
            greatest_fall_of_a_run_usd: runs.iter().map(|r| r.drawdown_usd).fold(0.0, f64::max),
            vetoes: Gate::ALL.iter().enumerate().map(|(at, g)| (g.name(), veto(at))).collect(),
            micro_would_fit: sum(|r| r.micro),
            scores: Scores::new(runs),
            report: report(runs)?,
        })
    }
}

/// What runs tell, each with its file where they are several.
fn told(runs: &[&RunResult], get: fn(&RunResult) -> &Vec<String>) -> Vec<String> {
    let named = |file: &str, text: &str| match runs {
        [_] => text.to_owned(),
        _ => format!("{file}: {text}"),
    };
    runs.iter().flat_map(|run| get(run).iter().map(|text| named(&run.file, text))).collect()
}

impl OfSet {
    /// As `mia report` has it.
    pub(super) fn section(self) -> Section {
        let vetoes = self.vetoes.iter().filter(|(_, count)| *count > 0);
        let sides = [("LONG", self.edges_long), ("SHORT", self.edges - self.edges_long)];
        Section {
            doubts: self.cut.into_iter().chain(self.doubts).collect(),
            is_core: is_core(&self.report.preset),
            days_of_records: false,
            simulated: self.simulated,
            // A set is one of them.
            configs: Vec::new(),
            decisions: self.edges,
            sides: sides.map(|(side, count)| (side.to_owned(), count)).into(),
            vetoes: vetoes.map(|&(gate, count)| (gate.to_owned(), count)).collect(),
            scores: Vec::new(),
            flagged: 0,
            unfinished: self.unfinished,
            report: self.report,
        }
    }
}

/// One report over runs of one mode and preset: their trades in the order in which they ended.
fn report(runs: &[&RunResult]) -> Result<Report> {
    let mut inputs = Inputs::default();
    let mut days = BTreeSet::new();
    let mut trips: Vec<Trip> = Vec::new();
    for run in runs {
        days.extend(&run.days);
        for row in &run.trades {
            // A trade may end in a pause of the market, on no day of its events.
            days.insert(row.trip.day);
            trips.push(row.trip.clone());
        }
        let of = &run.inputs;
        inputs.entries.0 += of.entries.0;
        inputs.entries.1 += of.entries.1;
        for (all, own) in inputs.times_ms.iter_mut().zip(&of.times_ms) {
            all.extend(own);
        }
        inputs.impact_ticks.extend(&of.impact_ticks);
    }
    inputs.days = days.into_iter().collect();
    let first = runs.first();
    let (mode, preset) = first.map_or(("", ""), |run| (&*run.mode, &*run.preset));
    Ok(Report::of(mode, preset, trips, inputs)?)
}

impl Scores {
    fn new(runs: &[&RunResult]) -> Option<Scores> {
        let mut bins = vec![0_u64; 101];
        for run in runs {
            for (sum, count) in bins.iter_mut().zip(&run.scores) {
                *sum += count;
            }
        }
        let frames: u64 = bins.iter().sum();
        if frames == 0 {
            return None;
        }
        let quantile = |share: f64| {
            let wanted = (share * frames as f64).ceil() as u64;
            let mut seen = 0;
            let at = bins.iter().position(|count| {
                seen += count;
                seen >= wanted
            });
            at.unwrap_or(100) as f64
        };
        let from = |score: usize| bins.iter().skip(score).sum::<u64>() as f64 / frames as f64;
        Some(Scores {
            frames,
            below_coverage_floor: runs.iter().map(|r| r.uncovered).sum(),
            p50: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            p999: quantile(0.999),
            max: bins.iter().rposition(|&count| count > 0).unwrap_or(0) as f64,
            at_least_60: from(60),
            at_least_70: from(70),
            at_least_80: from(80),
        })
    }
}

impl Walk {
    pub(super) fn new(folds: &[Fold], least_trades: usize) -> Walk {
        let mut all: Vec<&Trip> = folds.iter().flat_map(|f| &f.tested).collect();
        all.sort_by(|a, b| a.by_end(b));
        let rs = |fold: &Fold| fold.tested.iter().filter_map(|t| t.r).collect::<Vec<f64>>();
        let fold = |f: &Fold| WalkFold {
            train: f.train.map(iso),
            test: f.test.map(iso),
            set: f.chosen,
            train_r: f.trained,
            test_r: mean(&rs(f)),
            test_trades: f.tested.len(),
        };
        let out_of_sample = Statistics::of(all.iter().copied());
        let measured = out_of_sample.trades - out_of_sample.without_r;
        let insufficient = measured < INSUFFICIENT;
        let above = out_of_sample.expectancy_lower_bound_r.is_some_and(|bound| bound > 0.0);
        Walk {
            least_trades,
            folds: folds.iter().map(fold).collect(),
            insufficient,
            accepted: above && !insufficient,
            out_of_sample,
            purged_trades: folds.iter().map(|f| f.purged).sum(),
        }
    }
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
