//! One-minute bars, aligned to whole minutes, and what is computed from them alone: averages,
//! swings, and the bars of longer timeframes.

pub mod averages;
pub mod history;
pub mod swings;
pub mod timeframe;

pub use averages::{Atr, Ema};
pub use history::{HISTORY, History};
pub use swings::{Swing, Swings};
pub use timeframe::Timeframe;

use crate::units::{Aggressor, MINUTE, Px, Qty, Ts};

/// A completed or open bar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bar {
    /// Minute since the epoch at which it began.
    pub minute: i64,
    /// First price.
    pub open: Px,
    /// Highest price.
    pub high: Px,
    /// Lowest price.
    pub low: Px,
    /// Last price.
    pub close: Px,
    /// Contracts, all trades.
    pub volume: i64,
    /// Contracts bought by aggressors.
    pub buy: i64,
    /// Contracts sold by aggressors.
    pub sell: i64,
}

impl Bar {
    /// A bar of the trade-free minute `minute` after a close at `px`.
    #[must_use]
    pub const fn empty(minute: i64, px: Px) -> Bar {
        Bar { minute, open: px, high: px, low: px, close: px, volume: 0, buy: 0, sell: 0 }
    }

    /// The first instant after it.
    #[must_use]
    pub const fn end(&self) -> Ts {
        Ts((self.minute + 1) * MINUTE)
    }

    /// Buy minus sell volume.
    #[must_use]
    pub const fn delta(&self) -> i64 {
        self.buy - self.sell
    }

    /// Takes a later bar in: the longer bar of both.
    pub fn merge(&mut self, later: &Bar) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume += later.volume;
        self.buy += later.buy;
        self.sell += later.sell;
    }

    /// High minus low, in ticks.
    #[must_use]
    pub const fn range(&self) -> i32 {
        self.high.minus(self.low)
    }

    /// Whether unclassified trades are more than a tenth of the volume.
    #[must_use]
    pub const fn mostly_unclassified(&self) -> bool {
        (self.volume - self.buy - self.sell) * 10 > self.volume
    }

    fn add(&mut self, px: Px, qty: Qty, aggressor: Aggressor) {
        let qty = i64::from(qty);
        if self.volume == 0 {
            (self.open, self.high, self.low) = (px, px, px);
        }
        self.high = self.high.max(px);
        self.low = self.low.min(px);
        self.close = px;
        self.volume += qty;
        match aggressor {
            Aggressor::Buy => self.buy += qty,
            Aggressor::Sell => self.sell += qty,
            Aggressor::None => {}
        }
    }
}

/// Builds bars; before the first trade ever seen there are none.
#[derive(Clone, Debug, Default)]
pub struct Bars {
    open: Option<Bar>,
    last_close: Option<Px>,
}

impl Bars {
    /// Adds a trade at minute `minute`; earlier bars have been closed by [`Bars::close`].
    pub fn trade(&mut self, minute: i64, px: Px, qty: Qty, aggressor: Aggressor) {
        let bar = self.open.get_or_insert(Bar::empty(minute, px));
        bar.add(px, qty, aggressor);
        self.last_close = Some(px);
    }

    /// The bar that is open, if a trade opened it.
    #[must_use]
    pub const fn open(&self) -> Option<&Bar> {
        self.open.as_ref()
    }

    /// Closes the bar of `minute`: the open one, or an empty one at the last close. `None` before
    /// the first trade ever.
    pub fn close(&mut self, minute: i64) -> Option<Bar> {
        match self.open.take() {
            Some(bar) => Some(bar),
            None => self.last_close.map(|px| Bar::empty(minute, px)),
        }
    }
}

/// The reference series of the specification's golden numbers.
#[cfg(test)]
pub(crate) mod reference {
    use super::*;

    /// 64 bars: integer ticks, volumes and sides by closed formulas.
    pub(crate) fn r64() -> Vec<Bar> {
        let close = |i: i64| 24_000 + 2 * i + ((7 * i * i + 3 * i) % 41) - 20;
        (0..64_i64)
            .map(|i| {
                let (c, o) = (close(i), if i == 0 { 24_000 } else { close(i - 1) });
                let volume = 1000 + 37 * ((11 * i) % 29);
                let buy = volume * (40 + (13 * i) % 21) / 100;
                Bar {
                    minute: i,
                    open: Px::clamped(o),
                    high: Px::clamped(o.max(c) + 1 + i % 4),
                    low: Px::clamped(o.min(c) - 1 - (3 * i) % 5),
                    close: Px::clamped(c),
                    volume,
                    buy,
                    sell: volume - buy,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_series() {
        let bars = reference::r64();
        let last = bars.last().expect("bars");
        assert_eq!((last.high.ticks(), last.low.ticks(), last.delta()), (24_142, 24_111, -394));
        assert_eq!(bars.iter().map(|b| b.volume).sum::<i64>(), 96_930);
        assert_eq!(bars.iter().map(Bar::delta).sum::<i64>(), -2394);
    }

    #[test]
    fn empty_minutes() {
        let mut bars = Bars::default();
        assert_eq!(bars.close(0), None);
        bars.trade(1, Px::clamped(7), 3, Aggressor::Buy);
        bars.trade(1, Px::clamped(5), 1, Aggressor::None);
        let bar = bars.close(1).expect("bar");
        assert_eq!((bar.high.ticks(), bar.low.ticks(), bar.volume, bar.delta()), (7, 5, 4, 3));
        assert!(bar.mostly_unclassified());
        assert_eq!(bars.close(2), Some(Bar::empty(2, Px::clamped(5))));
    }
}
