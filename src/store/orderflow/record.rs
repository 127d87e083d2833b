//! The records as they stand in the files: every key is a field here, in its order.

use std::collections::BTreeMap;

use serde::Serialize;

use super::gauges::skew_ns;
use super::snapshot::{Flow, Snapshot};
use super::volatility::Volatility;
use crate::book::Level;
use crate::features::CATALOGUE;
use crate::features::frame::{FIRST_EVENT_FEATURE, frame_flag};
use crate::store::quality::Completeness;
use crate::units::{Px, SECOND, Slot, Ts};

/// Fields without a value, by path, and why.
pub(super) type Missing = BTreeMap<String, &'static str>;

/// What all records of a run say alike.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Run {
    pub(super) delay_class: String,
    pub(super) mode: &'static str,
    pub(super) config_hash: String,
    pub(super) feature_schema_hash: String,
    pub(super) preset: String,
    pub(super) build: String,
}

/// A record; `O` is its part of its own.
#[derive(Debug, Serialize)]
pub(super) struct Record<'a, O> {
    pub(super) orderflow: O,
    pub(super) volatility: &'a Volatility,
    pub(super) timestamp: String,
    pub(super) source: &'a str,
    #[serde(flatten)]
    pub(super) head: Head<'a>,
}

/// The header that all records have.
#[derive(Debug, Serialize)]
pub(super) struct Head<'a> {
    pub(super) schema: &'static str,
    pub(super) schema_version: u32,
    pub(super) record_id: String,
    pub(super) record_type: &'static str,
    pub(super) ts_event: Option<String>,
    pub(super) ts_capture: String,
    pub(super) seq: Option<u64>,
    pub(super) symbol: &'a str,
    pub(super) contract: Option<&'a str>,
    pub(super) trade_date: String,
    #[serde(flatten)]
    pub(super) run: &'a Run,
    pub(super) completeness: Option<f64>,
    pub(super) cells: Completeness,
    pub(super) missing: Missing,
    pub(super) flags: Vec<&'static str>,
}

/// Time as it stands in records; `None` where there is none.
pub(super) fn time(ts: Ts) -> Option<String> {
    ts.is_some().then(|| ts.to_string())
}

pub(super) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

pub(super) fn age_s(from: Ts, to: Ts) -> f64 {
    to.since(from) as f64 / SECOND as f64
}

/// Cells of one record: what is required, what has no value and why.
#[derive(Debug, Default)]
pub(super) struct Cells {
    pub(super) counted: Completeness,
    pub(super) missing: Missing,
    pub(super) flags: Vec<&'static str>,
}

impl Cells {
    /// A required cell.
    pub(super) fn need<T>(&mut self, name: &str, value: Option<T>) -> Option<T> {
        self.counted.cell(value.is_some());
        self.maybe(name, value, "NO_INPUT")
    }

    /// A cell that may have no value, for `reason`.
    pub(super) fn maybe<T>(
        &mut self,
        name: &str,
        value: Option<T>,
        reason: &'static str,
    ) -> Option<T> {
        if value.is_none() {
            self.missing.insert(format!("orderflow.{name}"), reason);
        }
        value
    }

    pub(super) fn slot(&mut self, name: &str, slot: Slot) -> Option<f64> {
        self.maybe(name, slot.value(), slot.reason.name())
    }
}

/// A snapshot with what its numbers mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) shot: &'a Snapshot,
    pub(super) tick: f64,
    /// A book is expected of the feed, or has been there.
    pub(super) depth: bool,
    /// Sums and receive time of the record before, if there was one.
    pub(super) before: Option<(Flow, Ts)>,
}

/// `tick_data`.
#[derive(Debug, Serialize)]
pub(super) struct TickData {
    last: Option<f64>,
    bid: Option<f64>,
    bid_size: Option<u32>,
    ask: Option<f64>,
    ask_size: Option<u32>,
    mid: Option<f64>,
    spread_ticks: Option<i32>,
    interval: Option<Interval>,
    session: &'static str,
    cvd: i64,
    cvd_anchor: &'static str,
    bar: Option<BarPart>,
    vwap: Option<f64>,
    vwap_sd: Option<f64>,
    atr_20: Option<f64>,
    poc: Option<f64>,
    vah: Option<f64>,
    val: Option<f64>,
    session_high: Option<f64>,
    session_low: Option<f64>,
    ofi_1s: i64,
    ofi_10s: i64,
    ofi_60s: i64,
    late_events: u64,
    clock_skew_ms: Option<f64>,
    features: BTreeMap<&'static str, Option<f64>>,
}

/// What was traded since the record before.
#[derive(Debug, Serialize)]
struct Interval {
    seconds: f64,
    trades: u64,
    volume: u64,
    buy_volume: u64,
    sell_volume: u64,
    unclassified_volume: u64,
    delta: i64,
}

#[derive(Debug, Serialize)]
struct BarPart {
    end: String,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: i64,
    buy_volume: i64,
    sell_volume: i64,
    delta: i64,
}

impl View<'_> {
    pub(super) fn points(&self, px: Px) -> f64 {
        f64::from(px.ticks()) * self.tick
    }

    pub(super) fn touch(&self) -> (Option<Level>, Option<Level>) {
        (self.shot.bids.levels().first().copied(), self.shot.asks.levels().first().copied())
    }

    /// A cell of the book: required where the feed has one.
    fn booked<T>(&self, cells: &mut Cells, name: &str, value: Option<T>) -> Option<T> {
        if self.depth { cells.need(name, value) } else { cells.maybe(name, value, "NO_INPUT") }
    }

    /// The whole of `tick_data`.
    pub(super) fn tick_data(&self, cells: &mut Cells) -> TickData {
        let (shot, frame) = (self.shot, &self.shot.frame);
        let (bid, ask) = self.touch();
        let points = |px: Px| self.points(px);
        let has_bar = frame.bar.minute > 0;
        let warm =
            |value: Option<f64>, cells: &mut Cells, name: &str| cells.maybe(name, value, "WARMUP");
        let scaled = |ticks: f64| finite(ticks * self.tick).filter(|_| has_bar);
        let area = frame.area;
        let both = bid.zip(ask);
        TickData {
            last: cells.need("last", shot.flow.last.map(points)),
            bid: self.booked(cells, "bid", bid.map(|l| points(l.px))),
            bid_size: self.booked(cells, "bid_size", bid.map(|l| l.qty)),
            ask: self.booked(cells, "ask", ask.map(|l| points(l.px))),
            ask_size: self.booked(cells, "ask_size", ask.map(|l| l.qty)),
            mid: both.map(|(b, a)| f64::midpoint(points(b.px), points(a.px))),
            spread_ticks: both.map(|(b, a)| a.px.minus(b.px)),
            interval: cells.maybe("interval", self.interval(), "WARMUP"),
            session: frame.label.name(),
            cvd: frame.cvd,
            cvd_anchor: if frame.flags & frame_flag::RTH != 0 { "RTH" } else { "ETH" },
            bar: cells.maybe("bar", self.bar().filter(|_| has_bar), "WARMUP"),
            vwap: warm(scaled(frame.vwap), cells, "vwap"),
            vwap_sd: warm(scaled(frame.vwap_sd), cells, "vwap_sd"),
            atr_20: warm(frame.atr20.and_then(scaled), cells, "atr_20"),
            poc: warm(area.map(|a| points(a.poc)), cells, "poc"),
            vah: warm(area.map(|a| points(a.vah)), cells, "vah"),
            val: warm(area.map(|a| points(a.val)), cells, "val"),
            session_high: warm(frame.levels.session.map(|s| points(s.1)), cells, "session_high"),
            session_low: warm(frame.levels.session.map(|s| points(s.0)), cells, "session_low"),
            ofi_1s: frame.ofi[0],
            ofi_10s: frame.ofi[1],
            ofi_60s: frame.ofi[2],
            late_events: shot.late,
            clock_skew_ms: skew_ns(shot).map(|ns| ns as f64 / 1e6),
            features: self.features(cells),
        }
    }

    fn interval(&self) -> Option<Interval> {
        let (before, ts) = self.before?;
        let now = &self.shot.flow;
        let [unclassified, buy, sell] =
            std::array::from_fn(|i| now.volume[i].saturating_sub(before.volume[i]));
        Some(Interval {
            seconds: age_s(ts, self.shot.frame.event.ts),
            trades: now.trades.saturating_sub(before.trades),
            volume: unclassified + buy + sell,
            buy_volume: buy,
            sell_volume: sell,
            unclassified_volume: unclassified,
            delta: buy.cast_signed().saturating_sub(sell.cast_signed()),
        })
    }

    fn bar(&self) -> Option<BarPart> {
        let bar = &self.shot.frame.bar;
        Some(BarPart {
            end: time(bar.end())?,
            open: self.points(bar.open),
            high: self.points(bar.high),
            low: self.points(bar.low),
            close: self.points(bar.close),
            volume: bar.volume,
            buy_volume: bar.buy,
            sell_volume: bar.sell,
            delta: bar.delta(),
        })
    }

    fn features(&self, cells: &mut Cells) -> BTreeMap<&'static str, Option<f64>> {
        let of_events = CATALOGUE.iter().filter(|entry| entry.number >= FIRST_EVENT_FEATURE);
        let of_events = of_events.map(|entry| {
            let slot = self.shot.frame.slot(entry.number);
            (entry.name, cells.slot(&format!("features.{}", entry.name), slot))
        });
        of_events.collect()
    }
}
