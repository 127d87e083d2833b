//! Term structure of the VX futures, where a feed gives them (definitions of common use; the
//! thirty-day mix is linear in days).
//!
//! | output | formula |
//! |---|---|
//! | contango | F2/F1 − 1 |
//! | basis | F1/VIX − 1 |
//! | thirty days | w·F1 + (1 − w)·F2, w = (D2 − 30)/(D2 − D1), where D1 ≤ 30 ≤ D2 |
//! | roll yield of a long position, a day | (F1 − F2)/F1/(D2 − D1) |
//! | yield to spot, a day | (VIX − F1)/F1/D1 |
//! | slope, a day | least squares of ln F on days to expiry |
//! | steepness | F4/F1 − 1, F7/F4 − 1 |
//!
//! Nothing is put in place of a missing contract. Cost: one logarithm a contract.

use super::part::Term;
use crate::units::{Reason, Slot};

/// Most contracts that are looked at, M1 to M8.
pub const CONTRACTS_MAX: usize = 8;
/// Days of the constant maturity.
const MATURITY: f64 = 30.0;
/// Days in a year, for display.
const YEAR: f64 = 365.0;
/// Greatest price and days that are believed.
const PRICE_MAX: f64 = 1_000.0;
const DAYS_MAX: u16 = 3_660;

/// A VX contract: monthly ones only, M1 first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contract {
    /// Calendar days to expiry, 0 on its day.
    pub days: u16,
    /// Price, index points.
    pub price: f64,
}

/// A yield a day as one of 365 days, for display.
#[must_use]
pub fn annual(daily: f64) -> f64 {
    daily * YEAR
}

impl Term {
    /// A section without values.
    #[must_use]
    pub const fn none(reason: Reason) -> Term {
        let none = Slot::none(reason);
        Term {
            contango_12: none,
            basis: none,
            cm30: none,
            roll_yield: none,
            yield_to_spot: none,
            slope: none,
            steepness_41: none,
            steepness_74: none,
        }
    }

    /// The term structure of `contracts`, nearest first, of which the first [`CONTRACTS_MAX`]
    /// count. `vix` in index points, or the reason why there is none. All values are
    /// `INVALID_INPUT` unless the days rise strictly and the prices are above 0 and at most 1,000.
    #[must_use]
    pub fn of(contracts: &[Contract], vix: Slot) -> Term {
        let contracts = contracts.get(..CONTRACTS_MAX).unwrap_or(contracts);
        if contracts.is_empty() {
            return Term::none(Reason::NoInput);
        }
        let believed = |c: &Contract| c.price > 0.0 && c.price <= PRICE_MAX && c.days <= DAYS_MAX;
        let rising = contracts.windows(2).all(|w| matches!(w, [a, b] if a.days < b.days));
        if !rising || !contracts.iter().all(believed) {
            return Term::none(Reason::InvalidInput);
        }
        let price = |n: usize| contracts.get(n).map(|c| c.price);
        let over = |far, near| match (price(far), price(near)) {
            (Some(far), Some(near)) => Slot::some(far / near - 1.0),
            _ => Slot::none(Reason::NoInput),
        };
        let pair = match contracts {
            [a, b, ..] => Some((a, b)),
            _ => None,
        };
        let roll = |(a, b): (&Contract, &Contract)| {
            Slot::some((a.price - b.price) / a.price / f64::from(b.days - a.days))
        };
        Term {
            contango_12: over(1, 0),
            basis: with_vix(contracts, vix, |f1, vix| Slot::some(f1.price / vix - 1.0)),
            cm30: pair.map_or(Slot::none(Reason::NoInput), thirty_days),
            roll_yield: pair.map_or(Slot::none(Reason::NoInput), roll),
            yield_to_spot: with_vix(contracts, vix, |f1, vix| {
                if f1.days == 0 {
                    return Slot::none(Reason::ZeroDenominator);
                }
                Slot::some((vix - f1.price) / f1.price / f64::from(f1.days))
            }),
            slope: slope(contracts),
            steepness_41: over(3, 0),
            steepness_74: over(6, 3),
        }
    }
}

fn with_vix(contracts: &[Contract], vix: Slot, of: impl Fn(&Contract, f64) -> Slot) -> Slot {
    match (contracts.first(), vix.value()) {
        (Some(f1), Some(vix)) if vix > 0.0 => of(f1, vix),
        (_, Some(_)) => Slot::none(Reason::InvalidInput),
        (_, None) => Slot::none(vix.reason),
    }
}

/// `NO_INPUT` where the first two contracts do not span thirty days.
fn thirty_days((a, b): (&Contract, &Contract)) -> Slot {
    let (near, far) = (f64::from(a.days), f64::from(b.days));
    if near > MATURITY || far < MATURITY {
        return Slot::none(Reason::NoInput);
    }
    let w = (far - MATURITY) / (far - near);
    Slot::some(w * a.price + (1.0 - w) * b.price)
}

/// Needs two contracts, else `INSUFFICIENT_SAMPLE`.
fn slope(contracts: &[Contract]) -> Slot {
    if contracts.len() < 2 {
        return Slot::none(Reason::InsufficientSample);
    }
    let (mut n, mut sum_x, mut sum_y) = (0.0, 0.0, 0.0);
    for c in contracts {
        n += 1.0;
        sum_x += f64::from(c.days);
        sum_y += libm::log(c.price);
    }
    let (mean_x, mean_y) = (sum_x / n, sum_y / n);
    let (mut s_xx, mut s_xy) = (0.0, 0.0);
    for c in contracts {
        let dx = f64::from(c.days) - mean_x;
        s_xx += dx * dx;
        s_xy += dx * (libm::log(c.price) - mean_y);
    }
    // The days differ, so the sum of squares is above 0.
    Slot::some(s_xy / s_xx)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn contracts(days_prices: &[(u16, f64)]) -> Vec<Contract> {
        days_prices.iter().map(|&(days, price)| Contract { days, price }).collect()
    }

    fn near(slot: Slot, expected: f64, unit: f64) {
        let value = slot.value().expect("value");
        assert!((value - expected).abs() <= unit, "{value} {expected}");
    }

    #[test]
    fn golden() {
        let four = contracts(&[(20, 17.0), (48, 18.0), (76, 18.7), (111, 19.2)]);
        let term = Term::of(&four, Slot::some(16.0));
        near(term.contango_12, 0.058824, 1e-6);
        near(term.basis, 0.0625, 1e-6);
        near(term.cm30, 17.357143, 1e-6);
        near(term.roll_yield, -0.00210084, 1e-8);
        near(term.yield_to_spot, -0.00294118, 1e-8);
        near(term.slope, 0.00132405, 1e-8);
        near(term.steepness_41, 0.129412, 1e-6);
        assert_eq!(term.steepness_74.reason, Reason::NoInput);
        let annual = |slot: Slot| annual(slot.value().expect("value"));
        assert!((annual(term.roll_yield) + 0.766807).abs() <= 1e-6);
        assert!((annual(term.yield_to_spot) + 1.073529).abs() <= 1e-6);
        let seven = contracts(&[
            (20, 17.0),
            (48, 18.0),
            (76, 18.7),
            (111, 20.0),
            (139, 20.3),
            (167, 20.7),
            (202, 21.0),
        ]);
        near(Term::of(&seven, Slot::some(16.0)).steepness_74, 0.05, 1e-12);
    }

    #[test]
    fn missing_and_broken() {
        let vix = Slot::some(16.0);
        assert_eq!(Term::of(&[], vix), Term::none(Reason::NoInput));
        let one = Term::of(&contracts(&[(0, 17.0)]), vix);
        assert_eq!(one.contango_12.reason, Reason::NoInput);
        assert_eq!(one.slope.reason, Reason::InsufficientSample);
        assert_eq!(one.yield_to_spot.reason, Reason::ZeroDenominator);
        near(one.basis, 0.0625, 1e-12);
        let two = contracts(&[(31, 17.0), (59, 18.0)]);
        let late = Term::of(&two, Slot::none(Reason::Stale));
        assert_eq!(late.cm30.reason, Reason::NoInput);
        assert_eq!(late.basis.reason, Reason::Stale);
        near(late.contango_12, 18.0 / 17.0 - 1.0, 1e-12);
        for broken in [
            contracts(&[(48, 17.0), (20, 18.0)]),
            contracts(&[(20, 17.0), (20, 18.0)]),
            contracts(&[(20, f64::NAN), (48, 18.0)]),
            contracts(&[(20, 0.0), (48, 18.0)]),
            contracts(&[(20, 17.0), (u16::MAX, 18.0)]),
        ] {
            assert_eq!(Term::of(&broken, vix), Term::none(Reason::InvalidInput));
        }
    }

    proptest! {
        #[test]
        fn any_numbers(
            list in prop::collection::vec((any::<u16>(), any::<f64>()), 0..12),
            vix in any::<f64>(),
        ) {
            let t = Term::of(&contracts(&list), Slot::some(vix));
            for slot in [t.contango_12, t.basis, t.cm30, t.roll_yield, t.yield_to_spot, t.slope] {
                prop_assert!(slot.value().is_none_or(f64::is_finite));
            }
        }
    }
}
