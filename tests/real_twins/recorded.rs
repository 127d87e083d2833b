//! Recorded sessions, once more: which days are full, and what they say of a minute and of ATR20.
//! A session speaks from the next Globex day on.

use mia::calendar::Calendar;
use mia::units::{MINUTE, Ts};
use mia_test_support::naive::{moments, quantile, slope};

use crate::market::{Bar, Market, Place};
use crate::series::Wilder;

/// What is usual at a bar's minute, as its parts use it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usual {
    pub(crate) rvol: Option<f64>,
    pub(crate) rvol_set: Option<f64>,
    pub(crate) rvol_high: Option<f64>,
    pub(crate) slope: Option<(f64, f64)>,
}

/// A full session: its minutes, halted ones empty, and ATR20 at its five-minute closes.
#[derive(Debug)]
struct Session {
    day: i32,
    bars: Vec<Option<Bar>>,
    atr: Vec<f64>,
}

impl Session {
    /// The last `n` bars up to minute `at`, over a halt where there is one.
    fn upto(&self, at: usize, n: usize) -> Option<Vec<Bar>> {
        self.bars.get(at).copied().flatten()?;
        let bars: Vec<Bar> = self.bars[..=at].iter().flatten().copied().collect();
        Some(bars[bars.len().checked_sub(n)?..].to_vec())
    }
}

/// Full sessions of both kinds.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// Longest silence of trading time, in ns.
    gap: i64,
    day: Option<i64>,
    sessions: [Vec<Session>; 2],
    /// The chain of true ranges of each kind.
    chains: [Wilder; 2],
    high: [Option<f64>; 2],
}

impl Recorded {
    pub(crate) fn new(gap_min: u32) -> Recorded {
        Recorded {
            gap: i64::from(gap_min) * MINUTE,
            day: None,
            sessions: [Vec::new(), Vec::new()],
            chains: [Wilder::default(), Wilder::default()],
            high: [None; 2],
        }
    }

    /// Full sessions of the Globex days so far, and of the cash session.
    pub(crate) fn counts(&self) -> [usize; 2] {
        [self.sessions[0].len(), self.sessions[1].len()]
    }

    /// A bar is about to be judged: with the first of a Globex day the day before is known.
    pub(crate) fn bar(&mut self, market: &Market, bar: &Bar, calendar: &Calendar) {
        if self.day == Some(bar.place.eth) {
            return;
        }
        if let Some(eth) = self.day.replace(bar.place.eth) {
            for cash in [false, true] {
                self.record(market, Place { eth, cash }, calendar);
                self.high[usize::from(cash)] = self.highest(cash);
            }
        }
    }

    fn record(&mut self, market: &Market, place: Place, calendar: &Calendar) {
        let anchor = place.anchor();
        let minutes = if place.cash { 390 } else { 1380 };
        let end = anchor + minutes as i64 * MINUTE;
        let first = calendar.segment(Ts(place.eth));
        if first.holiday || first.half_day || first.early_halt {
            return;
        }
        let halted = |minute: i64| !calendar.segment(Ts(minute * MINUTE)).label.is_open();
        let whole = anchor / MINUTE..end / MINUTE;
        let halts: Vec<i64> = whole.filter(|m| halted(*m)).collect();
        // Trading time between two instants; halts begin and end with whole minutes.
        let between = |from: i64, to: i64| {
            let inside = |m: &&i64| from <= **m * MINUTE && **m * MINUTE < to;
            to - from - halts.iter().filter(inside).count() as i64 * MINUTE
        };
        let trades = market.trades.iter().filter(|t| t.place.since(place)).map(|t| t.at);
        let mut last = anchor;
        for at in trades.chain([end]) {
            if between(last, at) > self.gap {
                return;
            }
            last = at;
        }
        let mut bars = vec![None; minutes];
        for bar in market.bars.iter().filter(|b| b.place.since(place)) {
            bars[usize::try_from(bar.minute - anchor / MINUTE).expect("since")] = Some(*bar);
        }
        if bars[0].is_none() {
            return;
        }
        let day = first.globex_day;
        let which = usize::from(place.cash);
        let chain = &mut self.chains[which];
        if self.sessions[which].last().is_none_or(|s| day - s.day > 4) {
            *chain = Wilder::default();
        } else if place.cash {
            chain.forget();
        }
        let mut atr = Vec::new();
        let mut five: Vec<Bar> = Vec::new();
        for (at, bar) in bars.iter().enumerate() {
            let Some(bar) = bar else { continue };
            five.push(*bar);
            let last = bars.get(at + 1).is_none_or(Option::is_none);
            if last || (bar.minute + 1) % 5 == 0 {
                let high = five.iter().map(|b| b.high).max().expect("bars");
                let low = five.iter().map(|b| b.low).min().expect("bars");
                atr.extend(chain.push(high, low, bar.close));
                five.clear();
            }
        }
        self.sessions[which].push(Session { day, bars, atr });
    }

    fn newest(&self, cash: bool) -> &[Session] {
        let all = &self.sessions[usize::from(cash)];
        &all[all.len().saturating_sub(20)..]
    }

    /// Of ten sessions or more.
    fn enough(values: Vec<f64>) -> Option<Vec<f64>> {
        (values.len() >= 10).then_some(values)
    }

    fn median(&self, cash: bool, at: usize, n: usize) -> Option<f64> {
        let sum = |b: Vec<Bar>| b.iter().map(|b| b.volume).sum::<i64>() as f64;
        let all = self.newest(cash).iter().filter_map(|s| s.upto(at, n)).map(sum).collect();
        Some(quantile(Self::enough(all)?, 0.5)).filter(|m| *m > 0.0)
    }

    /// 97.5th percentile of RVOL over all minutes.
    fn highest(&self, cash: bool) -> Option<f64> {
        let minutes = if cash { 390 } else { 1380 };
        let mut all = Vec::new();
        for at in 0..minutes {
            let volume = |s: &Session| Some(s.bars[at]?.volume as f64);
            let volumes: Vec<f64> = self.newest(cash).iter().filter_map(volume).collect();
            if volumes.len() >= 10 {
                let median = quantile(volumes.clone(), 0.5);
                all.extend(volumes.iter().filter(|_| median > 0.0).map(|v| v / median));
            }
        }
        (!all.is_empty()).then(|| quantile(all, 0.975))
    }

    /// What is usual for the last of `bars`.
    pub(crate) fn usual(&self, bars: &[Bar]) -> Usual {
        let Some(bar) = bars.last() else { return Usual::default() };
        let cash = bar.place.cash;
        let at = bar.minute - bar.place.anchor() / MINUTE;
        let at = usize::try_from(at).expect("since the anchor");
        let sum = |n: usize| -> Option<f64> {
            Some(bars[bars.len().checked_sub(n)?..].iter().map(|b| b.volume).sum::<i64>() as f64)
        };
        let ratio = |n: usize| Some(sum(n)? / self.median(cash, at, n)?);
        let slopes = self.newest(cash).iter().filter_map(|s| {
            let mut cvd = 0;
            let mut add = |b: &Bar| {
                cvd += b.delta();
                cvd as f64
            };
            Some(slope(&s.upto(at, 20)?.iter().map(&mut add).collect::<Vec<_>>()))
        });
        Usual {
            rvol: ratio(1),
            rvol_set: ratio(5),
            rvol_high: self.high[usize::from(cash)],
            slope: Self::enough(slopes.collect()).map(|s| moments(&s)),
        }
    }

    /// Share of recorded ATR20 below `atr`, with half of the equal ones.
    pub(crate) fn rank(&self, cash: bool, atr: f64) -> Option<f64> {
        let days = self.newest(cash);
        if days.len() < 5 {
            return None;
        }
        let all: Vec<f64> = days.iter().flat_map(|s| s.atr.iter().copied()).collect();
        let below = all.iter().filter(|a| **a < atr).count() as f64;
        let equal = all.iter().filter(|a| **a == atr).count() as f64;
        (!all.is_empty()).then(|| (below + 0.5 * equal) / all.len() as f64)
    }
}
