//! One-minute bars, aligned to whole minutes, and what is computed from them alone.

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

/// Wilder's average true range over `N` bars, in ticks: the seed is the mean of the first `N`
/// true ranges, then `(ATR·(N−1) + TR)/N`. Constant work a bar.
#[derive(Clone, Debug, Default)]
pub struct Atr<const N: u32> {
    value: f64,
    count: u32,
    last_close: Option<Px>,
}

impl<const N: u32> Atr<N> {
    /// Takes a completed bar.
    pub fn push(&mut self, bar: &Bar) {
        let range = match self.last_close {
            None => bar.high.minus(bar.low),
            Some(c) => bar.high.max(c).minus(bar.low.min(c)),
        };
        self.last_close = Some(bar.close);
        self.push_range(f64::from(range));
    }

    fn push_range(&mut self, range: f64) {
        let n = f64::from(N);
        if self.count < N {
            // While seeding `value` is the sum.
            self.value += range;
            self.count += 1;
            if self.count == N {
                self.value /= n;
            }
        } else {
            self.value = (self.value * (n - 1.0) + range) / n;
        }
    }

    /// Takes `n` empty bars at once.
    pub fn advance(&mut self, mut n: u32) {
        while n > 0 && self.count < N {
            self.push_range(0.0);
            n -= 1;
        }
        if n > 0 {
            let keep = (f64::from(N) - 1.0) / f64::from(N);
            self.value *= libm::pow(keep, f64::from(n));
        }
    }

    /// The average, once `N` bars are in.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.count == N).then_some(self.value)
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
    fn atr_golden() {
        let mut atr = Atr::<20>::default();
        let mut atr14 = Atr::<14>::default();
        for (i, bar) in reference::r64().iter().enumerate() {
            atr.push(bar);
            atr14.push(bar);
            if i == 19 {
                assert_eq!(atr.value(), Some(18.25));
            }
        }
        assert!((atr.value().expect("warm") - 18.589_077).abs() < 1e-6);
        assert!((atr14.value().expect("warm") - 18.965_946).abs() < 1e-6);
        atr.advance(5);
        assert!((atr.value().expect("warm") - 14.383_873).abs() < 1e-6);
    }

    #[test]
    fn advance_equals_single_closes() {
        let bars = reference::r64();
        for warm in [0, 5, 30] {
            let mut one = Atr::<20>::default();
            bars.iter().take(warm).for_each(|b| one.push(b));
            let mut many = one.clone();
            one.advance(37);
            (0..37).for_each(|_| many.advance(1));
            assert_eq!(one.value().is_some(), many.value().is_some());
            let (a, b) = (one.value().unwrap_or(0.0), many.value().unwrap_or(0.0));
            assert!((a - b).abs() <= 1e-9 * a.abs().max(1.0), "{a} {b}");
        }
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
