//! What the symbols of a run come to together: open risk, and how their minutes move.

use super::Trader;
use super::note::{Exposed, Member, Note, Stamp};
use crate::bars::Bar;
use crate::risk::{Exposure, open_risk};
use crate::units::{Px, Reason, SYMBOLS_MAX, Slot, SymbolId};

/// Returns of the correlation: one hour.
const RETURNS: i64 = 60;
/// Fewest of them.
const RETURNS_MIN: u32 = 20;
/// Minutes that are kept.
const KEPT: usize = 64;

/// Closes of the last one-minute bars of a symbol.
#[derive(Clone, Debug)]
pub(super) struct Closes {
    /// Minute and close, each at its minute modulo [`KEPT`].
    ring: [(i64, Px); KEPT],
    /// The newest minute.
    last: i64,
}

impl Default for Closes {
    fn default() -> Closes {
        Closes { ring: [(i64::MIN, Px::ZERO); KEPT], last: i64::MIN }
    }
}

impl Closes {
    /// A bar closed. Of several at once the last is known, and no return reaches over the others.
    pub(super) fn close(&mut self, bar: &Bar) {
        self.last = bar.minute;
        let at = bar.minute.rem_euclid(KEPT as i64) as usize;
        if let Some(slot) = self.ring.get_mut(at) {
            *slot = (bar.minute, bar.close);
        }
    }

    fn at(&self, minute: i64) -> Option<f64> {
        let (of, px) = self.ring.get(minute.rem_euclid(KEPT as i64) as usize)?;
        (*of == minute).then(|| f64::from(px.ticks()))
    }

    /// The return over a minute, as a fraction; `None` where a close is missing or not above 0.
    fn change(&self, minute: i64) -> Option<f64> {
        let before = self.at(minute.checked_sub(1)?).filter(|px| *px > 0.0)?;
        Some(self.at(minute)? / before - 1.0)
    }

    /// Pearson correlation of the returns over the minutes of the last hour that both have, and how
    /// many those are.
    pub(super) fn correlation(&self, other: &Closes) -> (Slot, u32) {
        let last = self.last.min(other.last);
        let minutes = last.saturating_sub(RETURNS - 1)..=last;
        let both = || minutes.clone().filter_map(|m| Some((self.change(m)?, other.change(m)?)));
        let (n, x, y) = both().fold((0, 0.0, 0.0), |(n, x, y), (a, b)| (n + 1, x + a, y + b));
        if n < RETURNS_MIN {
            return (Slot::none(Reason::Warmup), n);
        }
        let (x, y) = (x / f64::from(n), y / f64::from(n));
        let (xy, xx, yy) = both().fold((0.0, 0.0, 0.0), |(xy, xx, yy), (a, b)| {
            (xy + (a - x) * (b - y), xx + (a - x) * (a - x), yy + (b - y) * (b - y))
        });
        let scale = (xx * yy).sqrt();
        if scale > 0.0 {
            (Slot::some((xy / scale).clamp(-1.0, 1.0)), n)
        } else {
            (Slot::none(Reason::ZeroDenominator), n)
        }
    }
}

impl Trader {
    /// A position changed: notes what all symbols come to, where the run has more than one.
    pub(super) fn exposed(&mut self, at: Stamp) {
        if self.symbols.len() < 2 {
            return;
        }
        self.expose();
        let Some(own) = self.symbols.get(usize::from(at.symbol.0)) else { return };
        let mut members = [Member::NONE; SYMBOLS_MAX];
        let all = self.exposure.iter().zip(&self.symbols);
        for (number, (member, (open, symbol))) in (0_u16..).zip(members.iter_mut().zip(all)) {
            let id = SymbolId(number);
            let (correlation, returns) = if id == at.symbol {
                (Slot::none(Reason::NoInput), 0)
            } else {
                own.closes.correlation(&symbol.closes)
            };
            *member = Member { open: *open, correlation, returns };
        }
        let open_risk_usd = open_risk(&Exposure { symbols: &self.exposure });
        self.note(Note::Exposed(Exposed {
            at,
            members,
            count: self.symbols.len().min(SYMBOLS_MAX),
            open_risk_usd,
            open_risk_max: self.risk.params().open_risk_max,
            equity_usd: self.risk.equity(),
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closes(from: i64, prices: &[i64]) -> Closes {
        let mut closes = Closes::default();
        for (minute, price) in (from..).zip(prices) {
            closes.close(&Bar::empty(minute, Px::clamped(*price)));
        }
        closes
    }

    fn walk(n: i64) -> Vec<i64> {
        (0..n).map(|i| 20_000 + (i * i * 7 + i * 13) % 41).collect()
    }

    #[test]
    fn alike_and_against() {
        let one = walk(61);
        let twice: Vec<i64> = one.iter().map(|p| 3 * p).collect();
        let (a, b) = (closes(0, &one), closes(0, &twice));
        let (slot, n) = a.correlation(&b);
        assert!(n == 60 && slot.value().is_some_and(|r| r > 1.0 - 1e-9), "{slot:?}");
        let mirror: Vec<i64> = one.iter().map(|p| 40_000 - p).collect();
        let against = closes(0, &mirror).correlation(&a).0.value().expect("60 returns");
        assert!(against < -0.999, "{against}");
        assert_eq!(a.correlation(&b), b.correlation(&a));
    }

    /// The textbook over the returns that both have.
    #[test]
    fn equals_the_definition() {
        let x: Vec<i64> = walk(40);
        let y: Vec<i64> = (0..40).map(|i| 5_000 + (i * 17 + i * i * 3) % 29).collect();
        let (slot, n) = closes(100, &x).correlation(&closes(100, &y));
        let returns = |p: &[i64]| -> Vec<f64> {
            p.windows(2).map(|w| w[1] as f64 / w[0] as f64 - 1.0).collect()
        };
        let (x, y) = (returns(&x), returns(&y));
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let (mx, my) = (mean(&x), mean(&y));
        let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
            x.iter().zip(&y).map(|(a, b)| f(a - mx, b - my)).sum()
        };
        let r = sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt();
        assert_eq!(n, 39);
        assert!((slot.value().expect("enough") - r).abs() < 1e-12);
    }

    #[test]
    fn too_few_or_still() {
        let few = walk(20);
        let (slot, n) = closes(0, &few).correlation(&closes(0, &few));
        assert_eq!((slot, n), (Slot::none(Reason::Warmup), 19));
        let enough = walk(21);
        assert!(closes(0, &enough).correlation(&closes(0, &enough)).0.value().is_some());
        let still = vec![20_000; 21];
        let (slot, _) = closes(0, &enough).correlation(&closes(0, &still));
        assert_eq!(slot, Slot::none(Reason::ZeroDenominator));
        assert_eq!(Closes::default().correlation(&Closes::default()).1, 0);
        // Hours apart, and with a hole: only minutes with a close before them count.
        let (slot, n) = closes(0, &enough).correlation(&closes(500, &enough));
        assert_eq!((slot.reason, n), (Reason::Warmup, 0));
        let mut holed = closes(0, &walk(40));
        holed.close(&Bar::empty(45, Px::clamped(20_100)));
        let whole = closes(0, &walk(46));
        assert_eq!(whole.correlation(&holed).1, 39, "nothing reaches over the hole");
    }
}
