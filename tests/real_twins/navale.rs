//! Slot 28: power from its points, bases followed bar by bar from their table.

use mia::units::Reason;

use crate::market::{Bar, invalid};
use crate::minutes::{Minutes, Value};

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Active,
    Tested,
    Deep,
    Violated,
    Expired,
}

#[derive(Debug)]
struct Base {
    low: i64,
    high: i64,
    colour: i64,
    width: i64,
    shape: f64,
    state: State,
    confirmed: usize,
    changed: usize,
    /// Of the bars since that touched the box: whether they respected it; at most 20.
    touches: Vec<bool>,
}

impl Base {
    fn holds(&self) -> bool {
        matches!(self.state, State::Active | State::Tested | State::Deep)
    }

    fn distance(&self, px: i64) -> i64 {
        if px < self.low { self.low - px } else { (px - self.high).max(0) }
    }

    fn quality(&self) -> f64 {
        if self.touches.is_empty() {
            return self.shape / 0.75;
        }
        let good = self.touches.iter().filter(|t| **t).count() as f64;
        self.shape + 0.25 * good / self.touches.len() as f64
    }

    fn follow(&mut self, bar: &Bar, at: usize, deep: i64) {
        let before = self.state;
        if before == State::Expired {
            return;
        }
        if at >= self.confirmed + 1380 {
            (self.state, self.changed) = (State::Expired, at);
            return;
        }
        if before == State::Violated {
            return;
        }
        if bar.low <= self.high && bar.high >= self.low && self.touches.len() < 20 {
            let inside = bar.close >= self.low && bar.close <= self.high;
            let favourable = match self.colour {
                1 => bar.close > self.high,
                -1 => bar.close < self.low,
                _ => false,
            };
            self.touches.push(inside || favourable);
        }
        let (wick, close) = match self.colour {
            1 => (self.low - bar.low, self.low - bar.close),
            -1 => (bar.high - self.high, bar.close - self.high),
            _ => return,
        };
        let opposite = (bar.close - bar.open).signum() == -self.colour;
        self.state = if opposite && close as f64 > 0.5 {
            State::Violated
        } else if wick <= 0 {
            State::Active
        } else if wick > deep || before == State::Deep {
            State::Deep
        } else {
            State::Tested
        };
        if self.state != before {
            self.changed = at;
        }
    }

    /// What it says of the trend, 0 for nothing.
    fn says(&self, px: i64) -> i64 {
        match self.state {
            State::Violated => -self.colour,
            State::Expired => 0,
            _ if self.colour == 1 && px >= self.low => 1,
            _ if self.colour == -1 && px <= self.high => -1,
            _ => 0,
        }
    }
}

/// Every base so far; the last 20 count.
#[derive(Debug)]
pub(crate) struct Navale {
    width: Option<i64>,
    bases: Vec<Base>,
    left: bool,
}

impl Navale {
    /// Bases at most `width` ticks wide, else ATR20 rounded.
    pub(crate) fn new(width: Option<i64>) -> Navale {
        Navale { width, bases: Vec::new(), left: false }
    }

    /// Bases found.
    pub(crate) fn found(&self) -> usize {
        self.bases.len()
    }

    /// Of the last 20: low, high, colour, state from 1 (active) to 5 (expired); and quality.
    pub(crate) fn boxes(&self) -> Vec<([i64; 4], f64)> {
        let all = self.last().iter();
        all.map(|b| ([b.low, b.high, b.colour, b.state as i64 + 1], b.quality())).collect()
    }

    fn last(&self) -> &[Base] {
        &self.bases[self.bases.len().saturating_sub(20)..]
    }

    /// A bar closed, and `minutes` has taken it.
    pub(crate) fn close(&mut self, minutes: &Minutes) {
        let bars = &minutes.series[0].bars;
        let (at, Some(bar)) = (bars.len(), bars.last()) else { return };
        let from = self.bases.len().saturating_sub(20);
        let deep = minutes.regime.map_or(3, |r| [3, 3, 5, 7][r]);
        self.bases[from..].iter_mut().for_each(|b| b.follow(bar, at, deep));
        let waits = self.bases.last().is_some_and(|b| {
            self.left |= b.distance(bar.close) > 0;
            !self.left && at < b.confirmed + 8
        });
        let atr = minutes.series[0].atr().map(|a| a.round() as i64);
        if let (Some(width), false) = (self.width.or(atr), waits)
            && let Some(base) = detect(bars, width)
        {
            self.bases.push(base);
            self.left = false;
        }
    }

    /// P, T and B with the score.
    pub(crate) fn slot28(&self, minutes: &Minutes) -> Result<(f64, [f64; 3]), Reason> {
        let bars = &minutes.series[0].bars;
        let p = power(minutes)?;
        if invalid(&bars[bars.len() - 20..]) {
            return Err(Reason::InvalidInput);
        }
        let px = bars[bars.len() - 1].close;
        let newest = self.last().iter().filter(|b| b.says(px) != 0).max_by_key(|b| b.changed);
        let t = newest.map_or(0.0, |b| {
            b.says(px) as f64 * (-((bars.len() - b.changed) as f64) / 60.0).exp2()
        });
        let holding = self.last().iter().rev().filter(|b| b.holds());
        let b = holding.min_by_key(|b| b.distance(px)).map_or(0.0, |b| {
            let far = b.distance(px) as f64 / (2 * b.width) as f64;
            b.colour as f64 * b.quality() * if far > 0.0 { (1.0 - far).max(0.0) } else { 1.0 }
        });
        Ok(((0.40 * p + 0.35 * t + 0.25 * b).clamp(-1.0, 1.0), [p, t, b]))
    }
}

fn span(bars: &[Bar]) -> (i64, i64) {
    let low = bars.iter().map(|b| b.low).min().expect("bars");
    (low, bars.iter().map(|b| b.high).max().expect("bars"))
}

fn detect(bars: &[Bar], width: i64) -> Option<Base> {
    let n = bars.len();
    let calm = &bars[n.checked_sub(15)?..];
    let last = |k: usize| span(&bars[n - k..]);
    let fits = |k: usize| last(k).1 - last(k).0 <= width;
    let closes: Vec<f64> = calm.iter().map(|b| b.close as f64).collect();
    let (_, sd) = mia_test_support::naive::moments(&closes);
    let (low15, high15) = span(calm);
    if !fits(8) || sd >= 0.3 * (high15 - low15) as f64 {
        return None;
    }
    let changes = |sign: i64| {
        let same = |p: &&[Bar]| (p[1].close - p[0].close).signum() == sign;
        bars[n - 5..].windows(2).filter(same).count()
    };
    let colour = i64::from(changes(1) >= 3) - i64::from(changes(-1) >= 3);
    let run = (8..=15).take_while(|&k| fits(k)).last()? as f64;
    let (low, high) = last(8);
    let w = (high - low) as f64;
    let size = match w {
        w if w < 2.0 => w / 2.0,
        w if w <= 6.0 => 1.0,
        w => ((10.0 - w) / 4.0).max(0.0),
    };
    let volumes: Vec<f64> = bars[n - 8..].iter().map(|b| b.volume as f64).collect();
    let (mean, sd) = mia_test_support::naive::moments(&volumes);
    let steady = if mean > 0.0 { 1.0 - (sd / mean).min(1.0) } else { 0.0 };
    let shape = 0.30 * (run / 10.0).min(1.0) + 0.20 * size + 0.25 * steady;
    let (state, touches) = (State::Active, Vec::new());
    Some(Base { low, high, colour, width, shape, state, confirmed: n, changed: n, touches })
}

/// P over the last five bars.
fn power(minutes: &Minutes) -> Value {
    let (volume, delta) = minutes.medians().ok_or(Reason::Warmup)?;
    let over = |x: i64, median: f64, cap: f64| match x {
        0 => 0.0,
        _ if median == 0.0 => cap,
        x => (x as f64 / median).min(cap),
    };
    let bars = &minutes.series[0].bars;
    let (mut up, mut down) = (0.0, 0.0);
    let mut give = |sign: i64, points: f64| match sign {
        1 => up += points,
        -1 => down += points,
        _ => {}
    };
    for bar in &bars[bars.len() - 5..] {
        let body = bar.close - bar.open;
        let share = body.abs() as f64 / (bar.high - bar.low) as f64;
        if share > 0.6 {
            give(body.signum(), 0.8 * share);
        }
        give(body.signum(), 0.2 * over(bar.volume, volume, 2.0));
        give(bar.delta().signum(), 0.5 * over(bar.delta().abs(), delta, 1.0));
        let buys = bar.buy as f64 / (bar.buy + bar.sell) as f64;
        give(i64::from(buys > 0.6) - i64::from(buys < 0.4), 0.3);
    }
    Ok(if up + down > 0.0 { (up - down) / (up + down) } else { 0.0 })
}
