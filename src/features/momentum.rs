//! `tick_momentum` (19): which way the prints step.
//!
//! d is the sign of the price change between prints (0 repeats the last d); M_n is the
//! bias-corrected exponential average of d with α = 2/(n+1); the slot is
//! 0.5·M₂₀ + 0.3·M₅₀ + 0.2·M₁₀₀. Update cost: O(1) a print.

use super::frame::{Reason, Slot};
use super::prints::Print;
use crate::units::{Px, SECOND, Ts};

/// Prints of [`Momentum::steps`].
const STEPS: u32 = 20;
const STALE_NS: i64 = 60 * SECOND;
/// Directions since the anchor before the slot speaks.
const WARM: u64 = 100;

/// Exponential average of ±1, divided by the weight that has come in so far.
#[derive(Clone, Copy, Debug)]
struct Corrected {
    alpha: f64,
    average: f64,
    /// (1 − α)^k.
    missing: f64,
}

impl Corrected {
    fn new(n: f64) -> Corrected {
        Corrected { alpha: 2.0 / (n + 1.0), average: 0.0, missing: 1.0 }
    }

    fn push(&mut self, d: f64) {
        self.average += self.alpha * (d - self.average);
        self.missing *= 1.0 - self.alpha;
    }

    fn value(&self) -> f64 {
        let weight = 1.0 - self.missing;
        if weight > 0.0 { self.average / weight } else { 0.0 }
    }
}

/// State of feature 19.
#[derive(Clone, Debug)]
pub struct Momentum {
    averages: [Corrected; 3],
    last_px: Option<Px>,
    direction: i64,
    directions: u64,
    run: i64,
    /// Bit n: the print n before the last was at a higher price than the one before it.
    rises: u32,
    /// The same for a lower price.
    falls: u32,
    /// Prints that had one before, up to [`STEPS`].
    steps: u32,
    last_print_ts: Ts,
    /// Changes with a print, is read with every event.
    value: f64,
    m20: f64,
}

impl Default for Momentum {
    fn default() -> Momentum {
        Momentum {
            averages: [20.0, 50.0, 100.0].map(Corrected::new),
            last_px: None,
            direction: 0,
            directions: 0,
            run: 0,
            rises: 0,
            falls: 0,
            steps: 0,
            last_print_ts: Ts::NONE,
            value: 0.0,
            m20: 0.0,
        }
    }
}

impl Momentum {
    /// Takes a print, seen at receive time `ts`.
    pub fn print(&mut self, print: &Print, ts: Ts) {
        self.last_print_ts = ts;
        let Some(last) = self.last_px.replace(print.px) else { return };
        let change = i64::from(print.px.minus(last).signum());
        self.rises = self.rises << 1 | u32::from(change > 0);
        self.falls = self.falls << 1 | u32::from(change < 0);
        self.steps = (self.steps + 1).min(STEPS);
        if change != 0 {
            self.run = if change == self.direction { self.run + change } else { change };
            self.direction = change;
        } else {
            self.run += self.direction;
        }
        if self.direction != 0 {
            self.directions += 1;
            self.averages.iter_mut().for_each(|m| m.push(self.direction as f64));
            let [m20, m50, m100] = self.averages.map(|m| m.value());
            self.m20 = m20;
            self.value = (0.5 * m20 + 0.3 * m50 + 0.2 * m100).clamp(-1.0, 1.0);
        }
    }

    /// Slot 19 read at receive time `ts`.
    #[must_use]
    pub fn slot(&self, ts: Ts) -> Slot {
        if self.directions < WARM {
            Slot::none(Reason::Warmup)
        } else if ts.since(self.last_print_ts) > STALE_NS {
            Slot::none(Reason::Stale)
        } else {
            Slot::some(self.value)
        }
    }

    /// M₂₀, in [−1, 1]; 0 before the first direction.
    #[must_use]
    pub const fn m20(&self) -> f64 {
        self.m20
    }

    /// (M₂₀ − M₁₀₀)/2.
    #[must_use]
    pub fn acceleration(&self) -> f64 {
        let [m20, _, m100] = self.averages.map(|m| m.value());
        (m20 - m100) / 2.0
    }

    /// How many of the last 20 prints were at a higher and at a lower price than the one before;
    /// `None` while there were fewer.
    #[must_use]
    pub const fn steps(&self) -> Option<(u8, u8)> {
        if self.steps < STEPS {
            return None;
        }
        let last = (1 << STEPS) - 1;
        Some(((self.rises & last).count_ones() as u8, (self.falls & last).count_ones() as u8))
    }

    /// Direction of the last print that moved the price; 0 before one.
    #[must_use]
    pub const fn direction(&self) -> i8 {
        self.direction as i8
    }

    /// Length of the run of equal directions, signed.
    #[must_use]
    pub const fn run(&self) -> i64 {
        self.run
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Aggressor;

    #[test]
    fn golden() {
        let mut m = Momentum::default();
        for (i, px) in [100, 101, 101, 102, 101, 101, 102, 103, 103, 102].into_iter().enumerate() {
            let at = Ts(i64::try_from(i).expect("small"));
            let print = Print { px: Px::clamped(px), qty: 1, aggressor: Aggressor::Buy, at };
            m.print(&print, at);
        }
        let values = m.averages.map(|a| a.value());
        for (value, golden) in values.iter().zip([0.269_717, 0.307_186, 0.320_132]) {
            assert!((value - golden).abs() < 1e-6, "{value}");
        }
        assert!((m.value - 0.291_041).abs() < 1e-6);
        assert!((m.acceleration() + 0.025_207).abs() < 1e-6);
        assert_eq!(m.run(), -1);
        assert_eq!(m.slot(Ts(9)).reason, Reason::Warmup);
    }

    /// Against a look at the last prints.
    #[test]
    fn steps_of_the_last_twenty() {
        let mut m = Momentum::default();
        let px = |i: i64| 100 + [0, 1, 1, 0, -1, -1, 0][i as usize % 7];
        for i in 0..60 {
            let at = Ts(i);
            let print = Print { px: Px::clamped(px(i)), qty: 1, aggressor: Aggressor::Sell, at };
            m.print(&print, at);
            let last = |sign: i64| {
                (i - 19..=i).filter(|&n| (px(n) - px(n - 1)).signum() == sign).count() as u8
            };
            assert_eq!(m.steps(), (i >= 20).then(|| (last(1), last(-1))), "{i}");
        }
        assert!(m.steps().is_some_and(|(up, down)| up > 0 && down > 0 && up + down < 20));
        let moved = (1..60).rev().map(|n| (px(n) - px(n - 1)).signum()).find(|&s| s != 0);
        assert_eq!(Some(i64::from(m.direction())), moved);
    }

    #[test]
    fn goes_stale() {
        let mut m = Momentum::default();
        for i in 0..102_i64 {
            let print = Print { px: Px::clamped(i), qty: 1, aggressor: Aggressor::Buy, at: Ts(i) };
            m.print(&print, Ts(i));
        }
        assert_eq!(m.slot(Ts(200)).value(), Some(1.0));
        assert_eq!(m.slot(Ts(101 + STALE_NS + 1)).reason, Reason::Stale);
    }
}
