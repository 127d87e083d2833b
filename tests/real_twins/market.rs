//! The market as the raw events tell it, once more and slowly: market time, sessions, trades,
//! prints and one-minute bars, all of them kept. Formulas are those of the definitions; no state of
//! the features is read. Only the calendar (which instant has which label) is shared with them.

use mia::calendar::{Calendar, Label, Segment};
use mia::event::{Body, Event, flag};
use mia::units::{MINUTE, SECOND, Ts};

/// Where something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Begin of the Globex day in ns.
    pub(crate) eth: i64,
    /// Inside the cash session.
    pub(crate) cash: bool,
}

impl Place {
    /// Whether what happened here counts for the anchor that is active at `now`.
    pub(crate) fn since(self, now: Place) -> bool {
        self.eth == now.eth && (self.cash || !now.cash)
    }

    /// The active anchor: 18:00 New York, and 15½ hours later in the cash session.
    pub(crate) fn anchor(self) -> i64 {
        self.eth + if self.cash { 930 * MINUTE } else { 0 }
    }
}

/// A trade of an open session, or a print made of several.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deal {
    pub(crate) px: i64,
    pub(crate) qty: i64,
    /// +1 bought, −1 sold, 0 unclassified.
    pub(crate) sign: i64,
    /// Market time in ns.
    pub(crate) at: i64,
    /// Receive time at which it was known.
    pub(crate) seen: i64,
    /// Bars closed before it was known.
    pub(crate) bars: usize,
    pub(crate) place: Place,
}

/// A closed bar; prices in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bar {
    pub(crate) minute: i64,
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) close: i64,
    pub(crate) volume: i64,
    pub(crate) buy: i64,
    pub(crate) sell: i64,
    pub(crate) place: Place,
    /// A session ends with it.
    pub(crate) last: bool,
}

impl Bar {
    pub(crate) fn delta(&self) -> i64 {
        self.buy - self.sell
    }

    pub(crate) fn unclassified(&self) -> i64 {
        self.volume - self.buy - self.sell
    }
}

/// More than a tenth of the volume has no side.
pub(crate) fn invalid(bars: &[Bar]) -> bool {
    let sum = |f: &dyn Fn(&Bar) -> i64| bars.iter().map(f).sum::<i64>();
    10 * sum(&Bar::unclassified) > sum(&|b| b.volume)
}

/// Everything that happened so far.
#[derive(Debug, Default)]
pub(crate) struct Market {
    /// Market time; `None` before any.
    pub(crate) now: Option<i64>,
    anchor: (i64, i64),
    pub(crate) last_market_ts: i64,
    segment: Option<Segment>,
    pub(crate) trades: Vec<Deal>,
    pub(crate) prints: Vec<Deal>,
    open: Option<Deal>,
    /// Trades before these lie in closed bars.
    closed: usize,
    pub(crate) bars: Vec<Bar>,
}

impl Market {
    /// Takes an event; every bar that it ends is in `bars` afterwards.
    pub(crate) fn event(&mut self, event: &Event, calendar: &Calendar) {
        let before = self.now;
        self.tick(event);
        if let Some(now) = self.now.filter(|_| self.now != before) {
            self.pass(before.unwrap_or(now), now, event.ts.0, calendar);
        }
        let Some(now) = self.now else { return };
        match event.body {
            Body::Trade { px, qty, aggressor, .. } => {
                let Some(place) = self.place() else { return };
                let deal = Deal {
                    px: i64::from(px.ticks()),
                    qty: i64::from(qty),
                    sign: aggressor.sign(),
                    at: now,
                    seen: event.ts.0,
                    bars: self.bars.len(),
                    place,
                };
                self.trades.push(deal);
                let joins = |p: &Deal| p.sign == deal.sign && now - p.at <= SECOND / 1000;
                match self.open {
                    Some(p) if joins(&p) => {
                        self.open = Some(Deal { qty: p.qty + deal.qty, ..deal })
                    }
                    _ => {
                        self.print(event.ts.0);
                        self.open = Some(deal);
                    }
                }
            }
            Body::Timer if self.open.is_some_and(|p| now - p.at > SECOND / 1000) => {
                self.print(event.ts.0);
            }
            _ => {}
        }
    }

    /// Label and place of the present, where a session is on.
    pub(crate) fn place(&self) -> Option<Place> {
        self.segment.as_ref().and_then(place)
    }

    fn tick(&mut self, event: &Event) {
        if matches!(event.body, Body::Timer) {
            let (m, r) = self.anchor;
            self.now = self.now.map(|now| now.max(m + (event.ts.0 - r) - SECOND));
            return;
        }
        if !event.is_market() {
            return;
        }
        self.last_market_ts = event.ts.0;
        if event.has(flag::SNAPSHOT) {
            return;
        }
        // The files at hand give an exchange time with every event, and none from the future.
        let at = event.ts_exch.0;
        assert!(event.ts_exch.is_some() && at - event.ts.0 <= 60 * SECOND);
        if self.now.is_none() || at > self.anchor.0 {
            self.anchor = (at, event.ts.0);
        }
        self.now = Some(self.now.map_or(at, |now| now.max(at)));
    }

    fn find(&mut self, at: i64, calendar: &Calendar) -> Segment {
        match self.segment {
            Some(segment) if segment.contains(Ts(at)) => segment,
            _ => calendar.segment(Ts(at)),
        }
    }

    /// Market time goes from `from` to `to`.
    fn pass(&mut self, from: i64, to: i64, seen: i64, calendar: &Calendar) {
        for minute in from.div_euclid(MINUTE)..to.div_euclid(MINUTE) {
            let segment = self.find(minute * MINUTE, calendar);
            self.enter(segment, seen);
            if let Some(place) = place(&segment)
                && !self.trades.is_empty()
            {
                let end = (minute + 1) * MINUTE;
                let last = end >= segment.end.0 && !calendar.segment(segment.end).label.is_open();
                self.close(minute, place, last);
            }
        }
        let segment = self.find(to, calendar);
        self.enter(segment, seen);
    }

    /// A print does not reach over the end of its session or label.
    fn enter(&mut self, segment: Segment, seen: i64) {
        if self.segment.is_some_and(|s| s.start != segment.start) {
            self.print(seen);
        }
        self.segment = Some(segment);
    }

    fn print(&mut self, seen: i64) {
        let bars = self.bars.len();
        self.prints.extend(self.open.take().map(|p| Deal { seen, bars, ..p }));
    }

    fn close(&mut self, minute: i64, place: Place, last: bool) {
        let trades = &self.trades[self.closed..];
        let sum = |sign: Option<i64>| -> i64 {
            trades.iter().filter(|t| sign.is_none_or(|s| t.sign == s)).map(|t| t.qty).sum()
        };
        let px = || trades.iter().map(|t| t.px);
        let before = self.bars.last().map(|b| b.close);
        let open = px().next().or(before).expect("there was a trade");
        self.bars.push(Bar {
            minute,
            open,
            high: px().max().unwrap_or(open),
            low: px().min().unwrap_or(open),
            close: px().next_back().unwrap_or(open),
            volume: sum(None),
            buy: sum(Some(1)),
            sell: sum(Some(-1)),
            place,
            last,
        });
        self.closed = self.trades.len();
    }
}

fn place(segment: &Segment) -> Option<Place> {
    let cash = segment.label == Label::Us;
    segment.label.is_open().then_some(Place { eth: segment.eth_anchor.0, cash })
}
