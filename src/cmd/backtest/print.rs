//! What a backtest says in the end.

use std::io::{Result, Write};

use super::summary::{Comparison, OfSet, Scores, Selection, Summary, Walk};

fn or_none(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "none".to_owned(), |v| format!("{v:.digits$}"))
}

fn interval(value: Option<(f64, f64)>, digits: usize) -> String {
    let text = |(low, high)| format!("{low:.digits$} to {high:.digits$}");
    value.map_or_else(|| "none".to_owned(), text)
}

/// Prints it for people.
///
/// # Errors
/// Where the output is closed.
pub(super) fn text(all: &Summary, out: &mut dyn Write) -> Result<()> {
    for set in &all.sets {
        of_set(set, out)?;
    }
    if let Some(selection) = &all.selection {
        selected(selection, out)?;
    }
    if let Some(walk) = &all.walk_forward {
        walked(walk, out)?;
    }
    if let Some(comparison) = &all.comparison {
        compared(comparison, out)?;
    }
    Ok(())
}

fn selected(of: &Selection, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "\nselection: k = {} of {} sets have a daily Sharpe ratio", of.k, of.sets)?;
    let Some(best) = of.best else { return Ok(()) };
    writeln!(
        out,
        "  best set {best}: {} a day, luck alone {}; deflated Sharpe {}",
        or_none(of.daily_sharpe, 6),
        or_none(of.expected_by_luck, 6),
        or_none(of.deflated_sharpe, 4)
    )
}

fn walked(walk: &Walk, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "\nwalk-forward")?;
    for f in &walk.folds {
        let [from, to] = &f.train;
        write!(out, "  train {from}..{to} ")?;
        match f.set {
            None => write!(out, "none: fewer than {} trades", walk.least_trades)?,
            Some(set) => write!(out, "set {set} mean R {}", or_none(f.train_r, 4))?,
        }
        let [from, to] = &f.test;
        let (trades, r) = (f.test_trades, or_none(f.test_r, 4));
        writeln!(out, "; test {from}..{to} {trades} trades, mean R {r}")?;
    }
    let s = &walk.out_of_sample;
    let verdict = match (walk.insufficient, walk.accepted) {
        (true, _) => "insufficient: fewer than 30 trades, not accepted",
        (_, true) => "above 0, accepted",
        (_, false) => "not above 0, not accepted",
    };
    writeln!(
        out,
        "  out of sample: {} trades, mean R {}, 95 % lower bound {}: {verdict} ({} trades purged)",
        s.trades,
        or_none(s.expectancy_r, 4),
        or_none(s.expectancy_lower_bound_r, 4),
        walk.purged_trades
    )?;
    writeln!(
        out,
        "  net {:.2} USD after {:.2} fees, greatest fall {:.2} R; {} trades without a known risk",
        s.net_usd, s.fees_usd, s.max_drawdown_r, s.without_r
    )
}

fn compared(comparison: &Comparison, out: &mut dyn Write) -> Result<()> {
    let dates = comparison.dates;
    writeln!(out, "\nA (set 0) against B (set 1), net USD by trade date, {dates} dates")?;
    let Some(test) = &comparison.paired else {
        return writeln!(out, "  too few dates for a test");
    };
    let interval = interval(test.interval, 2);
    writeln!(out, "  B - A: mean {:.2}, 95 % interval {interval}", test.mean)?;
    writeln!(
        out,
        "  Student t {} (p {}), Wilcoxon V {} (p {})",
        or_none(test.t, 3),
        or_none(test.t_p, 4),
        or_none(test.wilcoxon, 1),
        or_none(test.wilcoxon_p, 4)
    )
}

fn of_set(set: &OfSet, out: &mut dyn Write) -> Result<()> {
    let label = if set.label.is_empty() { "as configured" } else { &set.label };
    let (report, runs) = (&set.report, set.runs);
    let s = &report.summary;
    writeln!(out, "set {} · {label} · {} · preset {}", set.set, report.mode, report.preset)?;
    if !set.cut.is_empty() {
        writeln!(out, "  ! {} of {runs} runs are of an input that is not whole", set.cut.len())?;
    }
    told(&set.doubts, out)?;
    writeln!(
        out,
        "  {runs} runs, {} events, {} trade dates; {} edges, entries {} long {} short, {} fills",
        set.events, report.days, set.edges, set.entries_long, set.entries_short, set.fills
    )?;
    writeln!(
        out,
        "  {} trades: {} won, {} lost, {} flat; win rate {} (95 % {})",
        s.trades,
        s.wins,
        s.losses,
        s.flats,
        or_none(s.win_rate, 4),
        interval(s.win_rate_interval, 4)
    )?;
    writeln!(
        out,
        "  mean R {} (lower bound {}), profit factor {}, net {:.2} USD after {:.2} fees",
        or_none(s.expectancy_r, 4),
        or_none(s.expectancy_lower_bound_r, 4),
        or_none(s.profit_factor, 4),
        s.net_usd,
        s.fees_usd
    )?;
    risk(set, out)?;
    let vetoes: Vec<String> = set
        .vetoes
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(gate, count)| format!("{gate} {count}"))
        .collect();
    let vetoes = if vetoes.is_empty() { "none".to_owned() } else { vetoes.join(", ") };
    writeln!(out, "  refused: {vetoes}")?;
    if set.micro_would_fit > 0 {
        writeln!(out, "  too small for a contract, not for the micro: {}", set.micro_would_fit)?;
    }
    if let Some(scores) = &set.scores {
        scored(scores, out)?;
    }
    if set.open_contracts > 0 {
        writeln!(out, "  ! {} contracts still open at the end", set.open_contracts)?;
    }
    told(&set.unfinished, out)
}

/// Most sentences of one kind; JSON has them all.
const TOLD_MAX: usize = 5;

fn told(sentences: &[String], out: &mut dyn Write) -> Result<()> {
    for sentence in sentences.iter().take(TOLD_MAX) {
        writeln!(out, "  ! {sentence}")?;
    }
    match sentences.len().saturating_sub(TOLD_MAX) {
        0 => Ok(()),
        more => writeln!(out, "  ! and {more} more, which --json shows"),
    }
}

/// How far it fell, and what the days, the excursions and the costs were like.
fn risk(set: &OfSet, out: &mut dyn Write) -> Result<()> {
    let of = &set.report;
    if of.summary.trades == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "  greatest fall {:.2} USD, {:.2} R with what was open ({:.2} R closed); within one run \
         {:.2} USD",
        of.drawdown.depth, of.drawdown_r, of.summary.max_drawdown_r, set.greatest_fall_of_a_run_usd
    )?;
    let (ratios, chance) = (&of.ratios, of.selection);
    writeln!(
        out,
        "  Sharpe {} a day, {} a year, Sortino {}, Calmar {}; deflated Sharpe {} (k {})",
        or_none(ratios.daily_sharpe, 6),
        or_none(ratios.sharpe, 2),
        or_none(ratios.sortino, 2),
        or_none(ratios.calmar, 2),
        or_none(chance.map(|of| of.probability), 4),
        chance.map_or_else(|| "none".to_owned(), |of| of.k.to_string())
    )?;
    let (e, c) = (&of.excursions, &of.costs);
    writeln!(
        out,
        "  best {} worst {} ticks while open ({} and {} R); slippage entry {} exit {} ticks, fees \
         {} R a trade",
        or_none(e.mfe_ticks, 1),
        or_none(e.mae_ticks, 1),
        or_none(e.mfe_r, 2),
        or_none(e.mae_r, 2),
        or_none(c.entry_slippage_ticks, 2),
        or_none(c.exit_slippage_ticks, 2),
        or_none(c.fees_r, 3)
    )
}

fn scored(scores: &Scores, out: &mut dyn Write) -> Result<()> {
    writeln!(
        out,
        "  score over {} frames: p50 {} p90 {} p99 {} p99.9 {} max {}; from 60 {:.4} %, from 70 \
         {:.4} %, from 80 {:.4} %; {} frames below the coverage floor",
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
    )
}
