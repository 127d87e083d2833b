//! Results as Parquet: `runs.parquet`, a row a run, and `trades.parquet`, a row a round trip.

use std::path::Path;

use anyhow::Result;

use super::results::{RunResult, TradeRow};
use crate::analytics::mean;
use crate::order::Gate;
use crate::store::parquet::{Cells, table};

/// Name of the schemas.
const TABLE: &str = "backtest";

type Columns = Vec<(String, Cells)>;

/// Writes both files into `folder`, each whole or not at all.
///
/// # Errors
/// With the path.
pub(super) fn write(folder: &Path, results: &[RunResult]) -> Result<()> {
    table(&folder.join("runs.parquet"), TABLE, runs(results))?;
    Ok(table(&folder.join("trades.parquet"), TABLE, trades(results))?)
}

fn runs(results: &[RunResult]) -> Columns {
    let text =
        |get: fn(&RunResult) -> String| Cells::Text(results.iter().map(|r| Some(get(r))).collect());
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let count = |get: fn(&RunResult) -> u64| {
        Cells::Whole(results.iter().map(|r| Some(whole(get(r)))).collect())
    };
    let number =
        |get: fn(&RunResult) -> Option<f64>| Cells::Number(results.iter().map(get).collect());
    let mut columns = vec![
        ("file", text(|r| r.file.clone())),
        ("set", count(|r| r.set as u64)),
        ("label", text(|r| r.label.clone())),
        ("mode", text(|r| r.mode.clone())),
        ("preset", text(|r| r.preset.clone())),
        ("state_hash", text(|r| r.state_hash.clone())),
        ("digest", text(|r| r.digest.clone())),
        ("events", count(|r| r.events)),
        ("trade_dates", count(|r| r.days.len() as u64)),
        ("edges", count(|r| r.edges[0] + r.edges[1])),
        ("entries_long", count(|r| r.entries[0])),
        ("entries_short", count(|r| r.entries[1])),
        ("fills", count(|r| r.fills)),
        ("trades", count(|r| r.trades.len() as u64)),
        ("net_usd", number(|r| Some(r.net_usd()))),
        ("mean_r", number(|r| mean(&r.rs()))),
        ("drawdown_usd", number(|r| Some(r.drawdown_usd))),
        ("equity_usd", number(|r| r.equity_usd)),
        ("cut", Cells::Text(results.iter().map(|r| r.cut.clone()).collect())),
    ]
    .into_iter()
    .map(|(name, cells)| (name.to_owned(), cells))
    .collect::<Columns>();
    for (at, gate) in Gate::ALL.iter().enumerate() {
        let vetoes = |r: &RunResult| Some(whole(r.vetoes.get(at).copied().unwrap_or(0)));
        let cells = results.iter().map(vetoes);
        columns
            .push((format!("veto_{}", gate.name().to_lowercase()), Cells::Whole(cells.collect())));
    }
    columns
}

fn trades(results: &[RunResult]) -> Columns {
    let all: Vec<(&RunResult, &TradeRow)> =
        results.iter().flat_map(|r| r.trades.iter().map(move |t| (r, t))).collect();
    type Row<'a> = (&'a RunResult, &'a TradeRow);
    let words = |get: fn(&Row<'_>) -> Option<String>| Cells::Text(all.iter().map(get).collect());
    let text =
        |get: fn(&Row<'_>) -> String| Cells::Text(all.iter().map(|r| Some(get(r))).collect());
    let whole = |get: fn(&Row<'_>) -> i64| Cells::Whole(all.iter().map(|r| Some(get(r))).collect());
    let number = |get: fn(&Row<'_>) -> Option<f64>| Cells::Number(all.iter().map(get).collect());
    vec![
        ("file", text(|r| r.0.file.clone())),
        ("set", whole(|r| r.0.set as i64)),
        ("mode", text(|r| r.1.trip.mode.clone())),
        ("preset", text(|r| r.1.trip.preset.clone())),
        ("trade", text(|r| r.1.trip.id.clone())),
        ("symbol", text(|r| r.1.symbol.clone())),
        ("side", whole(|r| i64::from(r.1.side))),
        ("qty", whole(|r| i64::from(r.1.trip.qty))),
        ("entry_time", Cells::Time(all.iter().map(|r| Some(r.1.entry_ns)).collect())),
        ("exit_time", Cells::Time(all.iter().map(|r| Some(r.1.trip.exit_ns)).collect())),
        ("entry_px", number(|r| Some(r.1.prices[0]))),
        ("exit_px", number(|r| Some(r.1.prices[1]))),
        ("net_usd", number(|r| Some(r.1.trip.net_usd()))),
        ("fees_usd", number(|r| Some(r.1.trip.fees_usd))),
        ("r", number(|r| r.1.trip.r)),
        ("entry_slippage_ticks", number(|r| r.1.trip.slippage[0])),
        ("exit_slippage_ticks", number(|r| r.1.trip.slippage[1])),
        ("mfe_ticks", number(|r| Some(r.1.trip.excursion.0))),
        ("mae_ticks", number(|r| Some(r.1.trip.excursion.1))),
        ("exit_reason", text(|r| r.1.trip.reason.clone())),
        ("score", number(|r| r.1.score)),
        ("tier", text(|r| r.1.trip.tier.clone())),
        ("session", text(|r| r.1.trip.session.clone())),
        ("sub_bucket", text(|r| r.1.trip.sub_bucket.clone())),
        ("regime", words(|r| r.1.trip.regime.clone())),
        ("risk_usd", number(|r| r.1.trip.risk_usd)),
        ("equity_usd", number(|r| r.1.trip.equity_usd)),
    ]
    .into_iter()
    .map(|(name, cells)| (name.to_owned(), cells))
    .collect()
}
