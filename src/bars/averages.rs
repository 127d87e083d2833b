//! Averages over bars: Wilder's true range and the exponential average.

use super::Bar;
use crate::units::Px;

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

    /// The next bar's true range is its own: what came before it belongs to another series.
    pub fn forget_close(&mut self) {
        self.last_close = None;
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

/// Exponential average of closes over `N` bars, in ticks: α = 2/(N+1), seeded with the mean of the
/// first `N`. Constant work a bar.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ema<const N: u32> {
    value: f64,
    count: u32,
}

impl<const N: u32> Ema<N> {
    const ALPHA: f64 = 2.0 / (N as f64 + 1.0);

    /// Takes a close.
    pub fn push(&mut self, close: Px) {
        let close = f64::from(close.ticks());
        if self.count < N {
            // While seeding `value` is the sum.
            self.value += close;
            self.count += 1;
            if self.count == N {
                self.value /= f64::from(N);
            }
        } else {
            self.value += Self::ALPHA * (close - self.value);
        }
    }

    /// Takes `n` equal closes at once.
    pub fn advance(&mut self, close: Px, mut n: u32) {
        while n > 0 && self.count < N {
            self.push(close);
            n -= 1;
        }
        if n > 0 {
            let close = f64::from(close.ticks());
            self.value = close + (self.value - close) * libm::pow(1.0 - Self::ALPHA, f64::from(n));
        }
    }

    /// The average, once `N` closes are in.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.count == N).then_some(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::reference;

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
    fn ema_golden() {
        let mut ema = Ema::<20>::default();
        for (i, bar) in reference::r64().iter().enumerate() {
            ema.push(bar.close);
            if i == 58 {
                assert!((ema.value().expect("warm") - 24_100.616_076).abs() < 1e-6);
            }
        }
        assert!((ema.value().expect("warm") - 24_109.346_608).abs() < 1e-6);
        let mut flat = Ema::<20>::default();
        flat.advance(Px::clamped(100), 20);
        flat.advance(Px::clamped(90), 7);
        assert!((flat.value().expect("warm") - 94.962_953).abs() < 1e-6);
    }
}
