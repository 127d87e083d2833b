//! Bars of a longer timeframe, built from completed one-minute bars, with averages and swings.

use super::{Atr, Bar, Ema, History, Swings};
use crate::units::{MINUTE, Px, Ts};

/// Bars over which the average's slope is taken.
const SLOPE: usize = 5;
/// Empty bars after which swings and the average's slope are at rest.
const SETTLE: u32 = 8;

/// Bars of one timeframe. They are aligned to whole multiples of their length since the epoch,
/// which is the alignment of the session (it opens on the hour); where a session ends inside one,
/// it ends with it.
#[derive(Clone, Debug)]
pub struct Timeframe {
    minutes: i64,
    /// The minute that was pushed last.
    minute: Option<i64>,
    open: Option<Bar>,
    end: Ts,
    history: History,
    atr20: Atr<20>,
    ema20: Ema<20>,
    /// The average after the last closes, newest last; `None` while it warms up.
    averages: [Option<f64>; SLOPE + 1],
    swings: Swings,
}

impl Timeframe {
    /// Bars of `minutes` minutes, a divisor of 60.
    #[must_use]
    pub fn new(minutes: i64) -> Timeframe {
        Timeframe {
            minutes,
            minute: None,
            open: None,
            end: Ts::NONE,
            history: History::default(),
            atr20: Atr::default(),
            ema20: Ema::default(),
            averages: [None; SLOPE + 1],
            swings: Swings::default(),
        }
    }

    /// Takes a completed one-minute bar; `last` where a session ends with it. `true` where a bar of
    /// this timeframe closed: [`Timeframe::bar`] is then that bar.
    pub fn push(&mut self, bar: &Bar, last: bool) -> bool {
        self.minute = Some(bar.minute);
        match &mut self.open {
            Some(open) => open.merge(bar),
            None => self.open = Some(*bar),
        }
        if !last && (bar.minute + 1).rem_euclid(self.minutes) != 0 {
            return false;
        }
        let done = self.open.take().unwrap_or(*bar);
        self.close(&done, bar.end());
        true
    }

    fn close(&mut self, done: &Bar, end: Ts) {
        self.end = end;
        self.history.push(done);
        self.atr20.push(done);
        self.ema20.push(done.close);
        self.averages.copy_within(1.., 0);
        self.averages[SLOPE] = self.ema20.value();
        self.swings.push(&self.history);
    }

    /// Takes `n` empty minutes after the one that was pushed last, and returns how many bars of
    /// this timeframe they closed. Equals `n` single pushes to 1e-9, at the cost of at most
    /// 14 closes.
    pub fn advance(&mut self, n: u32) -> u32 {
        let Some(from) = self.minute else { return 0 };
        let minute = from + i64::from(n);
        self.minute = Some(minute);
        let step = self.minutes;
        let closed = |m: i64| (m + 1).div_euclid(step);
        let closes = u32::try_from(closed(minute) - closed(from)).unwrap_or(0);
        let px = self.open.as_ref().or(self.history.ago(0)).map_or(Px::ZERO, |b| b.close);
        let mut at = 0;
        while at < closes {
            if at >= SETTLE && closes - at > SLOPE as u32 + 1 {
                // Swings and slope are at rest: only the averages still move.
                let many = closes - at - (SLOPE as u32 + 1);
                self.history.advance(many, step);
                self.atr20.advance(many);
                self.ema20.advance(px, many);
                at += many;
                continue;
            }
            let start = (closed(from) + i64::from(at)) * step;
            let done = self.open.take().unwrap_or(Bar::empty(start, px));
            self.close(&done, Ts((start + step) * MINUTE));
            at += 1;
        }
        let start = closed(minute) * step;
        if self.open.is_none() && start <= minute {
            self.open = Some(Bar::empty(start, px));
        }
        closes
    }

    /// The newest completed bar.
    #[must_use]
    pub fn bar(&self) -> Option<&Bar> {
        self.history.ago(0)
    }

    /// First instant after the newest completed bar, [`Ts::NONE`] before the first.
    #[must_use]
    pub const fn end(&self) -> Ts {
        self.end
    }

    /// The last completed bars.
    #[must_use]
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// Wilder's average true range over 20 bars, in ticks.
    #[must_use]
    pub fn atr20(&self) -> Option<f64> {
        self.atr20.value()
    }

    /// Exponential average of 20 closes, in ticks.
    #[must_use]
    pub fn ema20(&self) -> Option<f64> {
        self.ema20.value()
    }

    /// How far that average moved over the last five bars, in ticks.
    #[must_use]
    pub fn ema_move(&self) -> Option<f64> {
        Some(self.averages[SLOPE]? - self.averages[0]?)
    }

    /// Swings and structure.
    #[must_use]
    pub const fn swings(&self) -> &Swings {
        &self.swings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::reference::r64;

    #[test]
    fn five_minutes() {
        let mut five = Timeframe::new(5);
        let closed: Vec<i64> =
            r64().iter().filter(|b| five.push(b, b.minute == 62)).map(|b| b.minute).collect();
        assert_eq!(closed, [4, 9, 14, 19, 24, 29, 34, 39, 44, 49, 54, 59, 62]);
        let bars = r64();
        let last = five.bar().expect("closed");
        assert_eq!((last.minute, last.open, last.close), (60, bars[60].open, bars[62].close));
        assert_eq!(last.volume, bars[60..=62].iter().map(|b| b.volume).sum::<i64>());
        assert_eq!(five.end(), Ts(63 * MINUTE));
    }

    #[test]
    fn advance_equals_single_minutes() {
        for (minutes, n) in [(1, 700), (5, 3), (5, 4), (5, 333), (15, 840), (60, 61), (60, 840)] {
            for warm in [1, 37, 64] {
                let mut one = Timeframe::new(minutes);
                r64().iter().take(warm).for_each(|b| _ = one.push(b, false));
                let mut many = one.clone();
                let closes = one.advance(n);
                let last = r64()[warm - 1];
                let empty = |at: u32| Bar::empty(last.minute + 1 + i64::from(at), last.close);
                let single = (0..n).filter(|&at| many.push(&empty(at), false)).count();
                assert_eq!(closes as usize, single);
                assert_eq!((one.end, one.open, one.minute), (many.end, many.open, many.minute));
                assert!(one.history.last(64).eq(many.history.last(64)), "{minutes} {n}");
                assert_eq!(one.swings.structure(), many.swings.structure());
                for (a, b) in [
                    (one.atr20(), many.atr20()),
                    (one.ema20(), many.ema20()),
                    (one.ema_move(), many.ema_move()),
                ] {
                    assert_eq!(a.is_some(), b.is_some());
                    let (a, b) = (a.unwrap_or(0.0), b.unwrap_or(0.0));
                    assert!((a - b).abs() <= 1e-9 * a.abs().max(1.0), "{a} {b}");
                }
            }
        }
    }
}
