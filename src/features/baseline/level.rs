//! ATR20 and realised volatility at five-minute closes, from one-minute bars of recorded sessions.
//!
//! RV is that of `volatility_regime`: √(var·252·n) with n = 78 (RTH) or 276 (ETH) bars a day.
//!
//! Both go on from session to session of the same contract while no more than four days lie
//! between (a weekend, a holiday). Into an ETH session the change from the close before belongs to
//! the first bar, as it does live; into an RTH session it does not: the night lies between, so the
//! first return and the first true range are those of the bar itself. Update cost: O(1) a minute.

use std::sync::Arc;

use super::session::Kind;
use crate::bars::Bar;
use crate::features::volatility_regime::Variance;
use crate::units::Px;

/// Bars of the average range.
const ATR_BARS: u32 = 20;
/// Longest pause in days over which both go on.
const PAUSE_DAYS: i32 = 4;

/// State that runs over the sessions of one type.
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    last: Option<(Arc<str>, i32)>,
    open: Option<Bar>,
    close: Option<Px>,
    variance: Variance,
    atr: f64,
    count: u32,
}

impl Level {
    /// A session begins.
    pub(super) fn session(&mut self, kind: Kind, contract: &Arc<str>, day: i32) {
        let goes_on = self.last.as_ref().is_some_and(|(name, last)| {
            name == contract && (1..=PAUSE_DAYS).contains(&day.saturating_sub(*last))
        });
        if !goes_on {
            *self = Level::default();
        } else if kind == Kind::Rth {
            self.close = None;
        }
        self.open = None;
        self.last = Some((contract.clone(), day));
    }

    /// Takes a minute, `last` where a halt or the end follows; `true` where five minutes closed.
    pub(super) fn minute(&mut self, bar: &Bar, last: bool) -> bool {
        match &mut self.open {
            Some(open) => open.merge(bar),
            None => self.open = Some(*bar),
        }
        if !last && (bar.minute + 1).rem_euclid(5) != 0 {
            return false;
        }
        let bar = self.open.take().unwrap_or(*bar);
        let before = self.close.replace(bar.close);
        let edge = before.unwrap_or(bar.high);
        let range = bar.high.max(edge).minus(bar.low.min(before.unwrap_or(bar.low)));
        self.range(f64::from(range));
        let (from, to) = (before.unwrap_or(bar.open).ticks(), bar.close.ticks());
        if from > 0 && to > 0 {
            let r = libm::log(f64::from(to) / f64::from(from));
            self.variance.push(r * r);
        }
        true
    }

    fn range(&mut self, range: f64) {
        let n = f64::from(ATR_BARS);
        if self.count < ATR_BARS {
            self.atr += range / n;
            self.count += 1;
        } else {
            self.atr = (self.atr * (n - 1.0) + range) / n;
        }
    }

    /// Average range in ticks, once 20 bars are in.
    pub(super) fn atr(&self) -> Option<f64> {
        (self.count == ATR_BARS).then_some(self.atr)
    }

    /// Realised volatility.
    pub(super) fn rv(&self, kind: Kind) -> Option<f64> {
        self.variance.annualised(kind.fives() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::reference::r64;

    /// The reference bars as five-minute bars.
    #[test]
    fn golden() {
        let mut variance = Variance::default();
        let mut level = Level::default();
        let mut before: Option<Px> = None;
        for bar in r64() {
            if let Some(before) = before.replace(bar.close) {
                let (from, to) = (f64::from(before.ticks()), f64::from(bar.close.ticks()));
                let r = libm::log(to / from);
                variance.push(r * r);
            }
            assert!(level.minute(&bar, true));
        }
        assert!((variance.value().expect("seeded") - 4.198_468e-7).abs() < 1e-13);
        assert!((variance.annualised(78.0).expect("seeded") - 0.090_843).abs() < 1e-6);
        assert!((variance.annualised(276.0).expect("seeded") - 0.170_884).abs() < 1e-6);
        assert!((level.atr().expect("warm") - 18.589_077).abs() < 1e-6);
    }

    #[test]
    fn goes_on_over_a_night_and_not_over_a_roll() {
        let names = [Arc::<str>::from("ESH6"), Arc::from("ESM6")];
        let bar = |px| Bar { minute: 4, ..Bar::empty(0, Px::clamped(px)) };
        for (kind, contract, day, kept, gap) in [
            (Kind::Eth, 0, 11, 2, 100),
            (Kind::Rth, 0, 11, 2, 0),
            (Kind::Eth, 1, 11, 1, 0),
            (Kind::Eth, 0, 15, 1, 0),
        ] {
            let mut level = Level::default();
            level.session(kind, &names[0], 10);
            level.minute(&bar(1000), false);
            level.session(kind, &names[contract], day);
            level.minute(&bar(1100), false);
            assert_eq!(level.count, kept);
            assert!((level.atr - f64::from(gap) / 20.0).abs() < 1e-12, "{kind:?} {day}");
        }
    }
}
