//! Notes straight to a [`Sample`], without a file between: for runs of which only the statistics
//! are wanted, such as the many of a backtest.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::groups::{regime_name, vix_regime};
use super::read::{Execution, Kind, Sample, Standing, UNKNOWN};
use super::value::millis;
use super::{Header, mode_name};
use crate::analytics::Trip;
use crate::calendar::{Calendar, Label, Segment, SubBucket};
use crate::decision::Tier;
use crate::order::{ExecutionId, OrderId};
use crate::trader::note::{Closed, Decided, Filled, Note, Stamp};
use crate::units::{Instrument, Ts};

/// Gathers what [`Note`]s say, as the records of the same notes read back would.
#[derive(Clone, Debug)]
pub struct Collector {
    instruments: Vec<Instrument>,
    calendar: Arc<Calendar>,
    sample: Sample,
    /// Keys of executions, which have no record here.
    keys: BTreeMap<(OrderId, ExecutionId), String>,
    began: bool,
    /// The present stretch of the calendar.
    segment: Segment,
}

impl Collector {
    /// For a run with this header.
    #[must_use]
    pub fn new(header: &Header, calendar: Arc<Calendar>) -> Collector {
        let sample = Sample {
            kind: Kind {
                mode: mode_name(header.mode).to_owned(),
                preset: header.preset.clone(),
                simulated: header.is_simulated(),
            },
            configs: [header.config_hash.clone()].into(),
            ..Sample::default()
        };
        let instruments = header.instruments.clone();
        let (keys, segment) = (BTreeMap::new(), Segment::UNKNOWN);
        Collector { instruments, calendar, sample, keys, began: false, segment }
    }

    /// Takes a note.
    pub fn note(&mut self, note: &Note) {
        match note {
            Note::Decision(decided) => self.decision(decided),
            Note::Fill(filled) => self.fill(filled),
            Note::Impact(impact) => {
                self.day(impact.at);
                let key = self.keys.get(&(impact.id, impact.execution));
                if let Some(of) = key.and_then(|key| self.sample.executions.get_mut(key)) {
                    of.market_impact_1s_ticks = Some(impact.ticks);
                }
            }
            Note::Exposed(exposed) => self.day(exposed.at),
            Note::Position(held) => {
                self.day(held.at);
                let instrument = self.instruments.get(usize::from(held.at.symbol.0));
                let (qty, open_usd) = (held.qty.unsigned_abs(), held.open_usd);
                let side = if held.qty > 0 { "LONG" } else { "SHORT" }.to_owned();
                let contract = instrument.map(|i| i.symbol.clone()).unwrap_or_default();
                self.sample.stands(contract, Standing { side, qty, open_usd });
            }
            Note::Trade(closed) => {
                self.day(closed.at);
                match self.trip(closed) {
                    Some(trip) => drop(self.sample.trips.insert(trip.id.clone(), trip)),
                    None => drop(self.sample.unknown.insert(closed.trade.to_string())),
                }
            }
            Note::After(after) => self.day(after.at),
            Note::Order(_) | Note::Kill(_) | Note::Alert(_) | Note::Limits(_) => {}
        }
    }

    /// What was gathered.
    #[must_use]
    pub fn into_sample(self) -> Sample {
        self.sample
    }

    /// The market was open at `at`, an instant of exchange time: its trade date widens the period,
    /// whether or not anything was decided on it.
    pub fn market(&mut self, at: Ts) {
        if !self.segment.contains(at) {
            self.segment = self.calendar.segment(at);
            if self.segment.label.is_open() {
                self.widen(self.segment.trade_day);
            }
        }
    }

    fn trade_day(&self, at: Stamp) -> i32 {
        self.calendar.segment(at.market_time.or(at.ts)).trade_day
    }

    /// The trade date of a note widens the period.
    fn day(&mut self, at: Stamp) {
        self.widen(self.trade_day(at));
    }

    fn widen(&mut self, day: i32) {
        let sample = &mut self.sample;
        if !std::mem::replace(&mut self.began, true) {
            (sample.first, sample.last) = (day, day);
        }
        sample.first = sample.first.min(day);
        sample.last = sample.last.max(day);
    }

    fn decision(&mut self, of: &Decided) {
        self.day(of.at);
        let side = if of.way.sign() > 0 { "LONG" } else { "SHORT" };
        let gate = of.veto.map(|veto| veto.gate.name());
        let entry = of.entry.map(|entry| (entry.id.to_string(), entry.qty));
        let again = of.again.map(|id| id.to_string());
        self.sample.decision(of.score, side, gate, entry, again.as_deref());
    }

    fn fill(&mut self, of: &Filled) {
        self.day(of.at);
        let key = format!("{} {:016x} {}", of.id, of.execution.number(), of.index);
        let [decided, sent, acked] = of.times;
        let execution = Execution {
            client_id: of.id.to_string(),
            role: of.role.name().to_owned(),
            qty: of.qty,
            qty_requested: of.order_qty,
            market_impact_1s_ticks: None,
            decision_to_send_ms: millis(decided, sent),
            send_to_ack_ms: millis(sent, acked),
            ack_to_fill_ms: millis(acked, of.at.ts),
        };
        self.keys.insert((of.id, of.execution), key.clone());
        self.sample.executions.insert(key, execution);
    }

    /// The trip of a round trip; `None` where the run has no such symbol, and where nobody knows
    /// what it made.
    #[must_use]
    pub fn trip(&self, of: &Closed) -> Option<Trip> {
        let instrument = self.instruments.get(usize::from(of.at.symbol.0))?;
        let [regime, _] = of.regime;
        let text = |name: &'static str| name.to_owned();
        Some(Trip {
            id: of.trade.to_string(),
            mode: self.sample.kind.mode.clone(),
            preset: self.sample.kind.preset.clone(),
            symbol: instrument.root.clone(),
            day: self.trade_day(of.at),
            exit_ns: Some(of.exit_time).filter(|ts| ts.is_some()).map_or(0, |Ts(ns)| ns),
            qty: of.qty,
            gross_usd: of.gross_usd?,
            fees_usd: of.fees_usd?,
            r: of.r(),
            risk_usd: of.risk_usd,
            equity_usd: of.equity_usd,
            tick_usd: instrument.multiplier.map(|usd| usd * instrument.tick),
            excursion: of.excursion?,
            adverse_first: of.adverse_first,
            slippage: [of.slippage.0, of.slippage.1],
            minutes: millis(of.entry_time, of.exit_time).map(|ms| ms / 60_000.0),
            reason: text(of.reason.name()),
            session: text(of.label.map_or(UNKNOWN, Label::name)),
            sub_bucket: text(of.sub_bucket.map_or(UNKNOWN, SubBucket::name)),
            regime: regime_name(regime).map(text),
            vix_regime: vix_regime(of.vix).map(text),
            tier: text(of.tier.map_or(UNKNOWN, Tier::name)),
            features: of.features.map(|slot| slot.value()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::folders::Mode;
    use crate::store::trades::read::{self, trading_days};
    use crate::store::trades::synthetic::{OPEN, calendar, day, header, stamp};
    use crate::store::trades::{TradeWriter, folder};

    /// Through memory and through files, one report.
    #[test]
    fn as_the_records_say() {
        let data = std::env::temp_dir().join(format!("mia-collect-{}", std::process::id()));
        let header = header(Mode::Paper, "realtime");
        let mut writer =
            TradeWriter::new(&data, header.clone(), calendar(), OPEN).expect("a writer");
        let mut collector = Collector::new(&header, calendar());
        for note in day(33) {
            writer.write(&note).expect("written");
            collector.note(&note);
        }
        writer.finish(stamp(9_999, 0, 0)).expect("finished");
        let files = read::files(&folder(&data, Mode::Paper)).expect("files");
        let loaded = read::load(&files).expect("loaded");
        let from_files = loaded.samples.into_values().next().expect("a sample");
        let direct = collector.into_sample();
        let days = trading_days(&calendar(), direct.first, direct.last);
        let report = |sample: &Sample| sample.report(days.clone(), Vec::new()).expect("a report");
        assert_eq!(report(&direct), report(&from_files));
        assert_eq!(direct.decisions, from_files.decisions);
        assert_eq!(direct.vetoes, from_files.vetoes);
        assert_eq!(direct.sides, from_files.sides);
        assert_eq!(direct.scores, from_files.scores);
        assert_eq!((direct.first, direct.last), (from_files.first, from_files.last));
        assert!(direct.trips().count() == 33 && direct.decisions == 44);
        std::fs::remove_dir_all(data).expect("clean up");
    }

    /// Days on which the market was open and nothing was decided are days of the period.
    #[test]
    fn quiet_days_count() {
        let mut collector = Collector::new(&header(Mode::Replay, "replay"), calendar());
        let at = |days: i64| Ts(OPEN.0 + days * 24 * 60 * crate::units::MINUTE);
        // 2026-01-14 is a Wednesday: from Friday to Tuesday.
        for day in [2, 3, 4, 5, 6] {
            collector.market(at(day));
        }
        let sample = collector.clone().into_sample();
        let dates = [sample.first, sample.last].map(crate::analytics::iso);
        assert_eq!(dates, ["2026-01-16", "2026-01-20"]);
        for note in day(1) {
            collector.note(&note);
        }
        let sample = collector.into_sample();
        assert_eq!([sample.first, sample.last].map(crate::analytics::iso)[0], "2026-01-14");
        // The 19th is a holiday, whose hours count to the 20th.
        assert_eq!(trading_days(&calendar(), sample.first, sample.last).len(), 4);
    }

    /// Of two contracts of a product each stands by itself; one that a run took over and closed is
    /// not open.
    #[test]
    fn what_is_open_is_the_last_that_was_noted() {
        let mut header = header(Mode::Replay, "replay");
        header.instruments =
            ["ESH6", "ESM6"].map(|name| Instrument::from_symbol(name).expect("known")).into();
        let mut collector = Collector::new(&header, calendar());
        let held = |qty: i32, symbol: u16| {
            let mut notes = day(1).into_iter();
            let plain = notes.find_map(|note| match note {
                Note::Position(held) => Some(held),
                _ => None,
            });
            let plain = plain.expect("a position");
            let at = Stamp { symbol: crate::units::SymbolId(symbol), ..plain.at };
            Note::Position(crate::trader::note::Held { at, qty, ..plain })
        };
        for note in [held(1, 0), held(-2, 1)] {
            collector.note(&note);
        }
        assert_eq!(collector.clone().into_sample().open_contracts(), 3);
        collector.note(&held(0, 1));
        let sample = collector.into_sample();
        assert_eq!(sample.open_contracts(), 1);
        let said = sample.unfinished().join(" ");
        assert!(said.contains("ESH6 LONG 1") && !said.contains("ESM6"), "{said}");
    }
}
