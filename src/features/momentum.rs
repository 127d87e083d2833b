//! `tick_momentum` (19) and the prints that it reads.
//!
//! A print is a run of trades with the same aggressor, each at most 1 ms of exchange time after the
//! one before. d is the sign of the price change between prints (0 repeats the last d); M_n is the
//! bias-corrected exponential average of d with α = 2/(n+1); the slot is
//! 0.5·M₂₀ + 0.3·M₅₀ + 0.2·M₁₀₀. Update cost: O(1) a print.

use super::frame::{Reason, Slot};
use crate::units::{Aggressor, Px, Qty, SECOND, Ts};

const JOIN_NS: i64 = SECOND / 1000;
const STALE_NS: i64 = 60 * SECOND;
/// Directions since the anchor before the slot speaks.
const WARM: u64 = 100;

/// Trades merged into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Print {
    /// Price of the last member.
    pub px: Px,
    /// Sum of the members, in contracts.
    pub qty: u64,
    /// Their aggressor.
    pub aggressor: Aggressor,
    /// Market time of the last member.
    pub at: Ts,
}

/// Merges trades into prints.
#[derive(Clone, Debug, Default)]
pub struct Prints {
    open: Option<Print>,
    count: u64,
}

impl Prints {
    /// Takes a trade; the print before it, where the trade does not join.
    pub fn trade(&mut self, px: Px, qty: Qty, aggressor: Aggressor, at: Ts) -> Option<Print> {
        let next = Print { px, qty: u64::from(qty), aggressor, at };
        match &mut self.open {
            Some(open) if open.aggressor == aggressor && at.since(open.at) <= JOIN_NS => {
                *open = Print { qty: open.qty + next.qty, ..next };
                None
            }
            _ => self.emit(Some(next)),
        }
    }

    /// A Timer moved market time to `now`; the open print, where it can grow no more.
    pub fn timer(&mut self, now: Ts) -> Option<Print> {
        let open = self.open.as_ref()?;
        if now.since(open.at) > JOIN_NS { self.emit(None) } else { None }
    }

    fn emit(&mut self, next: Option<Print>) -> Option<Print> {
        let done = std::mem::replace(&mut self.open, next);
        self.count += u64::from(done.is_some());
        done
    }

    /// Prints emitted so far.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }
}

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
    last_print_ts: Ts,
    /// Changes with a print, is read with every event.
    value: f64,
}

impl Default for Momentum {
    fn default() -> Momentum {
        Momentum {
            averages: [20.0, 50.0, 100.0].map(Corrected::new),
            last_px: None,
            direction: 0,
            directions: 0,
            run: 0,
            last_print_ts: Ts::NONE,
            value: 0.0,
        }
    }
}

impl Momentum {
    /// Takes a print, seen at receive time `ts`.
    pub fn print(&mut self, print: &Print, ts: Ts) {
        self.last_print_ts = ts;
        let Some(last) = self.last_px.replace(print.px) else { return };
        let change = i64::from(print.px.minus(last).signum());
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

    /// (M₂₀ − M₁₀₀)/2.
    #[must_use]
    pub fn acceleration(&self) -> f64 {
        let [m20, _, m100] = self.averages.map(|m| m.value());
        (m20 - m100) / 2.0
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

    #[test]
    fn prints_chain_from_the_last_member() {
        let mut prints = Prints::default();
        let mut put = |at, qty, side| prints.trade(Px::clamped(5), qty, side, Ts(at));
        assert_eq!(put(0, 1, Aggressor::Buy), None);
        assert_eq!(put(900_000, 2, Aggressor::Buy), None);
        // 1.8 ms after the first member, 0.9 ms after the last: joins.
        assert_eq!(put(1_800_000, 3, Aggressor::Buy), None);
        assert_eq!(put(1_800_000, 4, Aggressor::None).map(|p| p.qty), Some(6));
        assert_eq!(put(9_000_000, 5, Aggressor::None).map(|p| p.qty), Some(4));
        assert_eq!(prints.timer(Ts(9_900_000)), None);
        assert_eq!(prints.timer(Ts(10_000_001)).map(|p| p.qty), Some(5));
        assert_eq!(prints.count(), 3);
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
