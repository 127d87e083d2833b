//! Bars of longer timeframes and what the definitions say of a series of bars: average true range,
//! average of closes, swings, structure. Each bar closes singly, however long the silence.

use crate::market::Bar;

/// A swing: its bar, counted from 0, and its price.
pub(crate) type Swing = (usize, i64);

/// Wilder's average of 20 true ranges.
#[derive(Debug, Default)]
pub(crate) struct Wilder {
    before: Option<i64>,
    ranges: Vec<f64>,
    atr: Option<f64>,
}

impl Wilder {
    /// The next true range is high less low.
    pub(crate) fn forget(&mut self) {
        self.before = None;
    }

    /// Takes a bar; the average once 20 are in.
    pub(crate) fn push(&mut self, high: i64, low: i64, close: i64) -> Option<f64> {
        let (above, below) = self.before.map_or((high, low), |c| (c, c));
        let range = (high.max(above) - low.min(below)) as f64;
        self.before = Some(close);
        self.ranges.push(range);
        let seed = || (self.ranges.len() == 20).then(|| self.ranges.iter().sum::<f64>() / 20.0);
        self.atr = self.atr.map(|atr| (atr * 19.0 + range) / 20.0).or_else(seed);
        self.atr
    }
}

/// One timeframe. The vectors run beside `bars`.
#[derive(Debug, Default)]
pub(crate) struct Series {
    minutes: i64,
    open: Option<Bar>,
    pub(crate) bars: Vec<Bar>,
    wilder: Wilder,
    atr20: Vec<Option<f64>>,
    ema20: Vec<Option<f64>>,
    pub(crate) highs: Vec<Swing>,
    pub(crate) lows: Vec<Swing>,
}

impl Series {
    pub(crate) fn new(minutes: i64) -> Series {
        Series { minutes, ..Series::default() }
    }

    /// Takes a one-minute bar; `true` where a bar of this timeframe closed.
    pub(crate) fn push(&mut self, bar: &Bar) -> bool {
        let open = self.open.get_or_insert(Bar { volume: 0, buy: 0, sell: 0, ..*bar });
        *open = Bar {
            high: open.high.max(bar.high),
            low: open.low.min(bar.low),
            close: bar.close,
            volume: open.volume + bar.volume,
            buy: open.buy + bar.buy,
            sell: open.sell + bar.sell,
            place: bar.place,
            last: bar.last,
            ..*open
        };
        let ends = bar.last || (bar.minute + 1) % self.minutes == 0;
        if ends && let Some(done) = self.open.take() {
            self.close(done);
        }
        ends
    }

    fn close(&mut self, bar: Bar) {
        self.atr20.push(self.wilder.push(bar.high, bar.low, bar.close));
        self.bars.push(bar);
        let n = self.bars.len();
        let mean = |sum: f64| (n == 20).then_some(sum / 20.0);
        let last = |v: &[Option<f64>]| v.last().copied().flatten();
        let ema = last(&self.ema20)
            .map(|ema| ema + (bar.close as f64 - ema) * 2.0 / 21.0)
            .or_else(|| mean(self.bars.iter().map(|b| b.close as f64).sum()));
        self.ema20.push(ema);
        if let [a, b, c, d, e] = &self.bars[n.saturating_sub(5)..] {
            if c.high > a.high && c.high > b.high && c.high >= d.high && c.high >= e.high {
                self.highs.push((n - 3, c.high));
            }
            if c.low < a.low && c.low < b.low && c.low <= d.low && c.low <= e.low {
                self.lows.push((n - 3, c.low));
            }
        }
    }

    pub(crate) fn atr(&self) -> Option<f64> {
        self.atr20.last().copied().flatten()
    }

    /// EMA20 now less five bars ago.
    pub(crate) fn move5(&self) -> Option<f64> {
        let at = self.ema20.len().checked_sub(6)?;
        Some(self.ema20[at + 5]? - self.ema20[at]?)
    }

    pub(crate) fn structure(&self) -> Option<f64> {
        let step = |swings: &[Swing]| match swings {
            [.., a, b] => Some((b.1 - a.1).signum() as f64),
            _ => None,
        };
        Some(0.5 * step(&self.highs)? + 0.5 * step(&self.lows)?)
    }
}
