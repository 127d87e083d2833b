//! A pass over the input → the trading days of one symbol: bars, profile, marks.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::marks::{self, Mark, Told};
use crate::bars::Bar;
use crate::calendar::{Calendar, Label, Segment};
use crate::cmd::playback::Step;
use crate::event::Body;
use crate::profile::Row;
use crate::store::{Every, Sampler};
use crate::units::{Aggressor, SymbolId, Ts};

/// A one-minute bar with what stood at its close.
#[derive(Clone, Copy, Debug)]
pub struct Minute {
    /// The bar.
    pub bar: Bar,
    /// VWAP of the active anchor and its deviation, in ticks; `None` before its first trade.
    pub vwap: Option<(f64, f64)>,
    /// Session of the bar.
    pub label: Label,
    /// Cumulative delta since the trading day began, in contracts.
    pub cvd: i64,
}

/// What one trading day showed.
#[derive(Clone, Debug)]
pub struct Day {
    /// Trade date, in days since 1970-01-01.
    pub trade_day: i32,
    /// Its bars, oldest first.
    pub minutes: Vec<Minute>,
    /// Volume by price in ticks.
    pub rows: BTreeMap<i32, Row>,
    /// Signs on the chart, oldest first.
    pub marks: Vec<Mark>,
    /// Trades.
    pub trades: u64,
}

impl Day {
    fn new(trade_day: i32) -> Day {
        let (minutes, marks) = (Vec::new(), Vec::new());
        Day { trade_day, minutes, rows: BTreeMap::new(), marks, trades: 0 }
    }
}

/// Which part of the input is kept.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// First and last trade date.
    pub days: (i32, i32),
    /// First instant, and the one after the last.
    pub times: (Ts, Ts),
}

impl Window {
    /// Everything.
    pub const ALL: Window = Window { days: (i32::MIN, i32::MAX), times: (Ts::NONE, Ts::MAX) };

    fn holds(&self, segment: &Segment, at: Ts) -> bool {
        let day = segment.trade_day;
        segment.label.is_open()
            && (self.days.0..=self.days.1).contains(&day)
            && at >= self.times.0
            && at < self.times.1
    }
}

/// Collects the days of one symbol.
#[derive(Clone, Debug)]
pub struct Collector {
    symbol: SymbolId,
    window: Window,
    calendar: Arc<Calendar>,
    sampler: Sampler,
    segment: Segment,
    /// CVD, and the trade date since whose beginning it runs.
    cvd: (i32, i64),
    told: Told,
    /// Marks of one event, before it is known whether its day is wanted.
    news: Vec<Mark>,
    /// The days, oldest first.
    pub days: Vec<Day>,
}

impl Collector {
    /// A collector that has seen nothing.
    #[must_use]
    pub fn new(symbol: SymbolId, window: Window, calendar: Arc<Calendar>) -> Collector {
        let sampler = Sampler::new(Every::default(), calendar.clone());
        let (segment, days) = (Segment::UNKNOWN, Vec::new());
        let (told, news) = (Told::default(), Vec::new());
        Collector { symbol, window, calendar, sampler, segment, cvd: (0, 0), told, news, days }
    }

    /// Takes the state after an event.
    pub fn step(&mut self, step: &Step<'_>) {
        if step.event.symbol != self.symbol {
            return;
        }
        let Some(features) = step.pipeline.features().symbol(self.symbol) else { return };
        let frame = features.frame();
        let together = features.minutes().together().unwrap_or(&frame.bar);
        if let Some(due) = self.sampler.due(self.symbol, frame, together)
            && let Some(bar) = due.bar
        {
            let day = due.segment.trade_day;
            let before = if self.cvd.0 == day { self.cvd.1 } else { 0 };
            self.cvd = (day, before.saturating_add(bar.delta()));
            let known = frame.vwap != 0.0 || frame.vwap_sd != 0.0;
            let vwap = known.then_some((frame.vwap, frame.vwap_sd));
            let label = due.segment.label;
            if self.window.holds(&due.segment, Ts(bar.end().0 - 1)) {
                let minute = Minute { bar, vwap, label, cvd: self.cvd.1 };
                self.day(day).into_iter().for_each(|day| day.minutes.push(minute));
            }
        }
        self.told.news(features, &mut self.news);
        let at = frame.market_time;
        let trade = matches!(step.event.body, Body::Trade { .. } | Body::Gap(_));
        if !at.is_some() || !(trade || step.signal.is_some() || !self.news.is_empty()) {
            return;
        }
        let mut news = std::mem::take(&mut self.news);
        if !self.segment.contains(at) {
            self.segment = self.calendar.segment(at);
        }
        if self.window.holds(&self.segment, at)
            && let Some(day) = self.day(self.segment.trade_day)
        {
            day.marks.append(&mut news);
            marks::of_step(step, at, &mut day.marks);
            day.trade(&step.event.body);
        }
        news.clear();
        self.news = news;
    }

    fn day(&mut self, trade_day: i32) -> Option<&mut Day> {
        if self.days.iter().all(|day| day.trade_day != trade_day) {
            self.days.push(Day::new(trade_day));
        }
        self.days.iter_mut().rev().find(|day| day.trade_day == trade_day)
    }
}

impl Day {
    fn trade(&mut self, body: &Body) {
        let Body::Trade { px, qty, aggressor, .. } = *body else { return };
        self.trades += 1;
        let row = self.rows.entry(px.ticks()).or_default();
        let qty = u64::from(qty);
        row.volume += qty;
        match aggressor {
            Aggressor::Buy => row.buy += qty,
            Aggressor::Sell => row.sell += qty,
            Aggressor::None => {}
        }
    }
}
