//! One run of a backtest: one input through the whole core with the simulated exchange.

use std::sync::Arc;

use anyhow::Result;

use super::results::{RunResult, TradeRow};
use crate::calendar::{Calendar, Segment};
use crate::cmd::playback::{Input, Step, play};
use crate::event::flag;
use crate::order::{BuySell, Gate};
use crate::runtime::records;
use crate::runtime::setup::{Setup, hex};
use crate::store::trades::Collector;
use crate::trader::note::{Closed, Decided, Note};
use crate::units::{Instrument, Ts};

/// Counts what a run does, step by step.
struct Counter<'a> {
    result: RunResult,
    collector: Collector,
    instruments: &'a [Instrument],
    calendar: Arc<Calendar>,
    segment: Segment,
    floor: f64,
    peak_usd: f64,
    /// Scores of the decisions whose trades are open or may still open, by entry id.
    scores: Vec<(u64, f64)>,
}

/// Plays `input` through the core of `setup`; every step goes to `each` as well.
///
/// # Errors
/// What is wrong with the input, or what `each` says.
pub(super) fn run(
    setup: &Setup,
    input: &Input<'_>,
    empty: RunResult,
    mut each: impl FnMut(&Step<'_>) -> Result<()>,
) -> Result<RunResult> {
    let mut counter = Counter::new(setup, empty);
    let mut digest = None;
    let played = play(setup, input, |step| {
        counter.step(step);
        let judge = step.pipeline.judge();
        judge.notes().iter().for_each(|note| counter.note(note));
        digest = Some(judge.digest());
        each(step)
    })?;
    let mut result = counter.result;
    let sample = counter.collector.into_sample();
    (result.open, result.unfinished) = (sample.open_contracts(), sample.unfinished());
    (result.inputs, result.doubts) = (sample.inputs(), played.doubts());
    result.digest = digest.map(|d| format!("{:016x}", d.0)).unwrap_or_default();
    Ok(result)
}

impl<'a> Counter<'a> {
    fn new(setup: &'a Setup, empty: RunResult) -> Counter<'a> {
        let header = records::header(setup, Ts::NONE);
        let result = RunResult {
            mode: setup.mode.clone(),
            preset: setup.preset.name.clone(),
            simulated: header.is_simulated(),
            state_hash: hex(&setup.state_hash()),
            ..empty
        };
        Counter {
            result,
            collector: Collector::new(&header, setup.calendar.clone()),
            instruments: &setup.instruments,
            calendar: setup.calendar.clone(),
            segment: Segment::UNKNOWN,
            floor: setup.preset.coverage_floor,
            peak_usd: 0.0,
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
            self.result.equity_usd.get_or_insert(equity);
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
        self.collector.note(note);
        match note {
            Note::Decision(decided) => self.decided(decided),
            Note::Fill(_) => self.result.fills += 1,
            Note::Trade(closed) => {
                // On paper every price and fee is known, and every entry was decided.
                self.result.trades.extend(self.row(closed));
            }
            _ => {}
        }
    }

    fn decided(&mut self, decided: &Decided) {
        if let Some(entry) = decided.entry {
            self.scores.push((entry.id.to_bits(), decided.score));
        }
        // A second try is an edge that was counted.
        if decided.again.is_some() {
            return;
        }
        let side = usize::from(decided.way == BuySell::Sell);
        let count = |counts: &mut [u64; 2]| counts.get_mut(side).map_or((), |n| *n += 1);
        count(&mut self.result.edges);
        let gate = |veto: crate::order::Veto| Gate::ALL.iter().position(|&g| g == veto.gate);
        if let Some(at) = decided.veto.and_then(gate)
            && let Some(count) = self.result.vetoes.get_mut(at)
        {
            *count += 1;
        }
        self.result.micro += u64::from(decided.micro.is_some());
        if decided.entry.is_some() {
            count(&mut self.result.entries);
        }
    }

    /// `None` of a symbol that the run does not have, and where nobody knows what it made.
    fn row(&self, closed: &Closed) -> Option<TradeRow> {
        let trip = self.collector.trip(closed)?;
        let instrument = self.instruments.get(usize::from(closed.at.symbol.0))?;
        let score = self.scores.iter().rev().find(|s| s.0 == closed.trade.to_bits());
        Some(TradeRow {
            trip,
            symbol: instrument.symbol.clone(),
            side: i8::try_from(closed.way.sign()).unwrap_or(0),
            entry_ns: closed.entry_time.0,
            entry_day: self.calendar.segment(closed.entry_time).trade_day,
            prices: [closed.entry? * instrument.tick, closed.exit? * instrument.tick],
            score: score.map(|s| s.1),
        })
    }
}
