//! What a backtest says in the end.

use std::fmt;
use std::io::Write;

use serde::Serialize;

use super::pair;
use super::results::{RunResult, TradeRow};
use super::sets::Set;
use super::walk::Fold;
use crate::analytics::paired::{Paired, paired};
use crate::analytics::summary::{Summary as Statistics, Verdict};
use crate::analytics::{Score, iso, mean};
use crate::order::Gate;

/// How fast runs were made: what decodes a file and plays it is in it, what reads it is in the wall
/// time alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speed {
    /// Market events of the runs that were made; kept results have none.
    pub(super) events: u64,
    /// From the first job to the last result, ns.
    pub(super) wall_ns: u64,
    /// Sum over the jobs, ns.
    pub(super) busy_ns: u64,
    /// Jobs at a time.
    pub(super) workers: usize,
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Speed { events, wall_ns, busy_ns, workers } = *self;
        if events == 0 {
            return write!(f, "speed: nothing was played, the results were kept");
        }
        let rate = |ns: u64| events as f64 * 1e9 / ns.max(1) as f64;
        write!(
            f,
            "speed: {events} market events in {:.2} s, {workers} jobs at a time: {:.0} a second, \
             {:.0} a second and core",
            wall_ns as f64 / 1e9,
            rate(wall_ns),
            rate(busy_ns)
        )
    }
}

/// Everything that is printed.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// Mode, which labels every number.
    mode: &'static str,
    sets: Vec<OfSet>,
    walk_forward: Option<Walk>,
    comparison: Option<Comparison>,
}

#[derive(Debug, Serialize)]
struct OfSet {
    set: usize,
    label: String,
    preset: String,
    runs: usize,
    events: u64,
    trade_dates: usize,
    edges: u64,
    entries_long: u64,
    entries_short: u64,
    fills: u64,
    open_contracts: i64,
    statistics: Statistics,
    drawdown_usd: f64,
    vetoes: Vec<(&'static str, u64)>,
    /// Score of the frames with enough coverage: share of frames and quantiles.
    scores: Option<Scores>,
}

#[derive(Debug, Serialize)]
struct Scores {
    frames: u64,
    below_coverage_floor: u64,
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
    at_least_60: f64,
    at_least_70: f64,
    at_least_80: f64,
}

#[derive(Debug, Serialize)]
struct Walk {
    folds: Vec<WalkFold>,
    /// Mean R of all tested trades, and how many they were.
    out_of_sample_r: Option<f64>,
    out_of_sample_trades: usize,
    purged_trades: usize,
}

#[derive(Debug, Serialize)]
struct WalkFold {
    train: [String; 2],
    test: [String; 2],
    set: Option<usize>,
    train_r: Option<f64>,
    test_r: Option<f64>,
    test_trades: usize,
}

#[derive(Debug, Serialize)]
struct Comparison {
    /// Trade dates that both saw.
    dates: usize,
    /// Net profit of B minus A by date, USD; `None` with too few dates.
    paired: Option<Paired>,
}

impl Summary {
    /// The results of all sets.
    #[must_use]
    pub(super) fn new(
        sets: &[Set],
        results: &[RunResult],
        folds: Option<&[Fold]>,
        compare: bool,
    ) -> Summary {
        let of = |number: usize| -> Vec<RunResult> {
            results.iter().filter(|r| r.set == number).cloned().collect()
        };
        let one = |(number, set): (usize, &Set)| OfSet::new(number, set, &of(number));
        let comparison = compare.then(|| {
            let days = pair::daily(&of(0), &of(1));
            let pairs: Vec<(f64, f64)> = days.iter().map(|&(_, a, b)| (a, b)).collect();
            Comparison { dates: pairs.len(), paired: paired(&pairs) }
        });
        Summary {
            mode: "replay",
            sets: sets.iter().enumerate().map(one).collect(),
            walk_forward: folds.map(Walk::new),
            comparison,
        }
    }
}

impl OfSet {
    fn new(set: usize, changed: &Set, results: &[RunResult]) -> OfSet {
        let sum = |get: fn(&RunResult) -> u64| results.iter().map(get).sum();
        let veto = |at: usize| results.iter().filter_map(|r| r.vetoes.get(at)).sum();
        OfSet {
            set,
            label: changed.label.clone(),
            preset: results.first().map(|r| r.preset.clone()).unwrap_or_default(),
            runs: results.len(),
            events: sum(|r| r.events),
            trade_dates: results.iter().map(|r| r.days.len()).sum(),
            edges: sum(|r| r.edges),
            entries_long: sum(|r| r.entries[0]),
            entries_short: sum(|r| r.entries[1]),
            fills: sum(|r| r.fills),
            open_contracts: results.iter().flat_map(|r| &r.open).sum(),
            statistics: statistics(results),
            drawdown_usd: results.iter().map(|r| r.drawdown_usd).fold(0.0, f64::max),
            vetoes: Gate::ALL.iter().enumerate().map(|(at, g)| (g.name(), veto(at))).collect(),
            scores: Scores::new(results),
        }
    }
}

fn statistics(results: &[RunResult]) -> Statistics {
    let trades: Vec<&TradeRow> = results.iter().flat_map(|r| &r.trades).collect();
    let scores: Vec<Score> = trades
        .iter()
        .filter_map(|t| Some(Score { r: t.r?, verdict: Verdict::of(t.net_usd, t.fees_usd) }))
        .collect();
    let (net, fees) = trades.iter().fold((0.0, 0.0), |s, t| (s.0 + t.net_usd, s.1 + t.fees_usd));
    Statistics {
        without_r: (trades.len() - scores.len()) as u64,
        gross_usd: net + fees,
        fees_usd: fees,
        net_usd: net,
        ..Statistics::of_scores(&scores)
    }
}

impl Scores {
    fn new(results: &[RunResult]) -> Option<Scores> {
        let mut bins = vec![0_u64; 101];
        for result in results {
            for (sum, count) in bins.iter_mut().zip(&result.scores) {
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
            below_coverage_floor: results.iter().map(|r| r.uncovered).sum(),
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
    fn new(folds: &[Fold]) -> Walk {
        let all: Vec<f64> = folds.iter().flat_map(|f| f.tested.iter().copied()).collect();
        let fold = |f: &Fold| WalkFold {
            train: f.train.map(iso),
            test: f.test.map(iso),
            set: f.chosen,
            train_r: f.trained,
            test_r: mean(&f.tested),
            test_trades: f.tested.len(),
        };
        Walk {
            folds: folds.iter().map(fold).collect(),
            out_of_sample_r: mean(&all),
            out_of_sample_trades: all.len(),
            purged_trades: folds.iter().map(|f| f.purged).sum(),
        }
    }
}

fn or_none(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "none".to_owned(), |v| format!("{v:.digits$}"))
}

/// Prints it for people.
///
/// # Errors
/// Where the output is closed.
pub(super) fn text(all: &Summary, out: &mut dyn Write) -> std::io::Result<()> {
    for set in &all.sets {
        of_set(set, out)?;
    }
    if let Some(walk) = &all.walk_forward {
        writeln!(out, "\nwalk-forward")?;
        for f in &walk.folds {
            let set = f.set.map_or_else(|| "none traded".to_owned(), |set| format!("set {set}"));
            writeln!(
                out,
                "  train {}..{} {set} mean R {}; test {}..{} {} trades, mean R {}",
                f.train[0],
                f.train[1],
                or_none(f.train_r, 4),
                f.test[0],
                f.test[1],
                f.test_trades,
                or_none(f.test_r, 4)
            )?;
        }
        writeln!(
            out,
            "  out of sample: {} trades, mean R {} ({} trades purged)",
            walk.out_of_sample_trades,
            or_none(walk.out_of_sample_r, 4),
            walk.purged_trades
        )?;
    }
    if let Some(comparison) = &all.comparison {
        let dates = comparison.dates;
        writeln!(out, "\nA (set 0) against B (set 1), net USD by trade date, {dates} dates")?;
        match &comparison.paired {
            None => writeln!(out, "  too few dates for a test")?,
            Some(test) => {
                let interval = test.interval.map_or_else(
                    || "none".to_owned(),
                    |(low, high)| format!("{low:.2} to {high:.2}"),
                );
                writeln!(out, "  B - A: mean {:.2}, 95 % interval {interval}", test.mean)?;
                writeln!(
                    out,
                    "  Student t {} (p {}), Wilcoxon V {} (p {})",
                    or_none(test.t, 3),
                    or_none(test.t_p, 4),
                    or_none(test.wilcoxon, 1),
                    or_none(test.wilcoxon_p, 4)
                )?;
            }
        }
    }
    Ok(())
}

fn of_set(set: &OfSet, out: &mut dyn Write) -> std::io::Result<()> {
    let label = if set.label.is_empty() { "as configured" } else { &set.label };
    let (s, runs) = (&set.statistics, set.runs);
    writeln!(out, "set {} · {label} · replay · preset {}", set.set, set.preset)?;
    writeln!(
        out,
        "  {runs} runs, {} events, {} trade dates; {} edges, entries {} long {} short, {} fills",
        set.events, set.trade_dates, set.edges, set.entries_long, set.entries_short, set.fills
    )?;
    let interval = s
        .win_rate_interval
        .map_or_else(|| "none".to_owned(), |(low, high)| format!("{low:.4} to {high:.4}"));
    writeln!(
        out,
        "  {} trades: {} won, {} lost, {} flat; win rate {} (95 % {interval})",
        s.trades,
        s.wins,
        s.losses,
        s.flats,
        or_none(s.win_rate, 4)
    )?;
    writeln!(
        out,
        "  mean R {} (lower bound {}), profit factor {}, net {:.2} USD after {:.2} fees, greatest \
         fall {:.2} USD",
        or_none(s.expectancy_r, 4),
        or_none(s.expectancy_lower_bound_r, 4),
        or_none(s.profit_factor, 4),
        s.net_usd,
        s.fees_usd,
        set.drawdown_usd
    )?;
    let vetoes: Vec<String> = set
        .vetoes
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(gate, count)| format!("{gate} {count}"))
        .collect();
    let vetoes = if vetoes.is_empty() { "none".to_owned() } else { vetoes.join(", ") };
    writeln!(out, "  refused: {vetoes}")?;
    if let Some(scores) = &set.scores {
        writeln!(
            out,
            "  score over {} frames: p50 {} p90 {} p99 {} p99.9 {} max {}; from 60 {:.4} %, from \
             70 {:.4} %, from 80 {:.4} %; {} frames below the coverage floor",
            scores.frames,
            scores.p50,
            scores.p90,
            scores.p99,
            scores.p999,
            scores.max,
            100.0 * scores.at_least_60,
            100.0 * scores.at_least_70,
            100.0 * scores.at_least_80,
            scores.below_coverage_floor
        )?;
    }
    if set.open_contracts != 0 {
        writeln!(out, "  {} contracts still open at the end", set.open_contracts)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds() {
        let speed =
            |events| Speed { events, wall_ns: 2_000_000_000, busy_ns: 3_200_000_000, workers: 2 };
        assert_eq!(
            speed(8_000_000).to_string(),
            "speed: 8000000 market events in 2.00 s, 2 jobs at a time: 4000000 a second, 2500000 a \
             second and core"
        );
        assert!(speed(0).to_string().contains("kept"));
    }
}
