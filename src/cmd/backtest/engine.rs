//! One run of a backtest: one input through the whole core with the simulated exchange.

use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::results::{RunResult, TradeRow};
use crate::calendar::{Calendar, Segment};
use crate::cmd::playback::{Input, Step, play};
use crate::event::flag;
use crate::order::{BuySell, Gate};
use crate::runtime::setup::{Setup, hex};
use crate::trader::note::{Closed, Decided, Note};
use crate::units::{Instrument, Ts};

/// Counts what a run does, step by step.
struct Counter<'a> {
    result: RunResult,
    instruments: &'a [Instrument],
    calendar: Arc<Calendar>,
    segment: Segment,
    floor: f64,
    peak_usd: f64,
    /// Scores of the decisions whose trades are open or may still open, by entry id.
    scores: Vec<(u64, f64)>,
}

/// Plays `input` through the core of `setup`; every note goes to `each` as well.
///
/// # Errors
/// What is wrong with the input, or what `each` says.
pub(super) fn run(
    setup: &Setup,
    input: &Input<'_>,
    empty: RunResult,
    mut each: impl FnMut(&Note) -> Result<()>,
) -> Result<RunResult> {
    let mut counter = Counter::new(setup, empty);
    let mut digest = None;
    play(setup, input, |step| {
        counter.step(step);
        let judge = step.pipeline.judge();
        for note in judge.notes() {
            counter.note(note);
            each(note)?;
        }
        digest = Some(judge.digest());
        Ok(())
    })?;
    let mut result = counter.result;
    result.digest = digest.map(|d| format!("{:016x}", d.0)).unwrap_or_default();
    Ok(result)
}

impl<'a> Counter<'a> {
    fn new(setup: &'a Setup, empty: RunResult) -> Counter<'a> {
        let equity_usd = setup.config.trading.as_ref().map_or(0.0, |t| t.equity);
        let result = RunResult {
            preset: setup.preset.name.clone(),
            state_hash: hex(&setup.state_hash()),
            equity_usd,
            open: vec![0; setup.instruments.len()],
            ..empty
        };
        Counter {
            result,
            instruments: &setup.instruments,
            calendar: setup.calendar.clone(),
            segment: Segment::UNKNOWN,
            floor: setup.preset.coverage_floor,
            peak_usd: equity_usd,
            scores: Vec::new(),
        }
    }

    fn step(&mut self, step: &Step<'_>) {
        if !step.event.is_market() || step.event.has(flag::WARMUP) {
            return;
        }
        self.result.events += 1;
        let judge = step.pipeline.judge();
        let confluence = judge.decision().confluence(step.event.symbol);
        if confluence.coverage < self.floor {
            self.result.uncovered += 1;
        } else if let Some(bin) = self.result.scores.get_mut(confluence.score as usize) {
            *bin += 1;
        }
        self.day(step.event.ts_exch.or(step.event.ts));
        if let Some(equity) = judge.trader().and_then(|t| t.equity_usd()) {
            self.peak_usd = self.peak_usd.max(equity);
            let fall = self.peak_usd - equity;
            self.result.drawdown_usd = self.result.drawdown_usd.max(fall);
        }
    }

    /// Notes the trade date of an open market.
    fn day(&mut self, at: Ts) {
        if self.segment.contains(at) {
            return;
        }
        self.segment = self.calendar.segment(at);
        let day = self.segment.trade_day;
        if self.segment.label.is_open() && self.result.days.last().is_none_or(|&last| last < day) {
            self.result.days.push(day);
        }
    }

    fn note(&mut self, note: &Note) {
        match note {
            Note::Decision(decided) => self.decided(decided),
            Note::Fill(fill) => {
                self.result.fills += 1;
                if let Some(open) = self.result.open.get_mut(usize::from(fill.at.symbol.0)) {
                    *open += i64::from(fill.way.sign()) * i64::from(fill.qty);
                }
            }
            Note::Trade(closed) => {
                // On paper every price and fee is known, and every entry was decided.
                self.result.trades.extend(self.row(closed));
            }
            _ => {}
        }
    }

    fn decided(&mut self, decided: &Decided) {
        self.result.edges += 1;
        let gate = |veto: crate::order::Veto| Gate::ALL.iter().position(|&g| g == veto.gate);
        if let Some(at) = decided.veto.and_then(gate)
            && let Some(count) = self.result.vetoes.get_mut(at)
        {
            *count += 1;
        }
        if let Some(entry) = decided.entry {
            let [long, short] = &mut self.result.entries;
            *(if decided.way == BuySell::Buy { long } else { short }) += 1;
            self.scores.push((entry.id.to_bits(), decided.score));
        }
    }

    fn row(&self, closed: &Closed) -> Option<TradeRow> {
        let instrument = self.instruments.get(usize::from(closed.at.symbol.0));
        let tick = instrument.map_or(0.0, |i| i.tick);
        let day = |at: Ts| self.calendar.segment(at).trade_day;
        let score = self.scores.iter().rev().find(|s| s.0 == closed.trade.to_bits());
        Some(TradeRow {
            trade: closed.trade.to_string(),
            symbol: instrument.map(|i| i.symbol.clone()).unwrap_or_default(),
            side: i8::try_from(closed.way.sign()).unwrap_or(0),
            qty: closed.qty,
            entry_ns: closed.entry_time.0,
            exit_ns: closed.exit_time.0,
            days: [day(closed.entry_time), day(closed.exit_time)],
            prices: [closed.entry? * tick, closed.exit? * tick],
            net_usd: closed.net_usd()?,
            fees_usd: closed.fees_usd?,
            r: closed.r(),
            slippage: [closed.slippage.0, closed.slippage.1],
            excursion: closed.excursion?.into(),
            reason: closed.reason,
            score: score.map_or(0.0, |s| s.1),
            tier: closed.tier?.name().to_owned(),
            session: closed.sub_bucket?.name().to_owned(),
        })
    }
}

/// Name of an input without its folder.
///
/// # Errors
/// Where the path has none.
pub(super) fn name(path: &std::path::Path) -> Result<String> {
    let name = path.file_name().with_context(|| format!("{}: no file", path.display()))?;
    Ok(name.to_string_lossy().into_owned())
}
