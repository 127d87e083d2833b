//! Gamma pins: strikes at which hedging of near expiries tends to hold the price.
//!
//! Per listed strike K of a scope, ω = min(1, 2 days/T) weighs an expiry: P(K) = Σ ω·|GEX| and
//! Q(K) = Σ ω·GEX over its contracts, USD per 1 %. Within |K − S| ≤ max(EM_day, 0.0075·S) a pin is
//! a local maximum of P with Q > 0 (dealers long gamma there); its strength is P(K) over the mean
//! of P in the window. Own design, after the pinning of index prices near strikes of large open
//! interest (Avellaneda and Lipkin 2003). Cost: O(strikes).

use std::collections::BTreeMap;

use super::Known;
use super::chain::Underlying;
use crate::units::Reason;

/// Most pins of a scope.
pub const PINS_MAX: usize = 3;
/// Pins must be stronger than this.
pub const STRENGTH_MIN: f64 = 1.5;
/// Least half-width of the window, as a share of the spot.
pub const WINDOW_MIN: f64 = 0.0075;
/// Years in which an expiry counts fully: two days.
const FULL_WEIGHT: f64 = 2.0 / 365.0;

/// Smallest distance between two pins, index points.
#[must_use]
pub const fn min_gap(underlying: Underlying) -> f64 {
    match underlying {
        Underlying::Spx => 20.0,
        Underlying::Ndx => 60.0,
    }
}

/// Weight ω of an expiry `t` years away: 1 up to two days, then falling as 1/T.
#[must_use]
pub fn weight(t: f64) -> f64 {
    if t > 0.0 { (FULL_WEIGHT / t).min(1.0) } else { 1.0 }
}

/// Weighted gamma exposure of one listed strike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PinStrike {
    /// Index points.
    pub strike: f64,
    /// P = Σ ω·|GEX|, USD per 1 %.
    pub gross: f64,
    /// Q = Σ ω·GEX, USD per 1 %.
    pub net: f64,
}

/// Sums P and Q by strike.
#[derive(Clone, Debug, Default)]
pub struct PinSums(BTreeMap<i64, PinStrike>);

impl PinSums {
    /// Adds a listed contract of `strike` with its weight ω and its gamma exposure, 0 where that
    /// is not known: the strike is listed all the same. Strikes that are no positive number are
    /// ignored.
    pub fn add(&mut self, strike: f64, weight: f64, gex: f64) {
        if !(strike > 0.0 && strike < 1e9 && weight.is_finite() && gex.is_finite()) {
            return;
        }
        // In range: strikes are thousandths of a point.
        let key = (strike * 1000.0).round() as i64;
        let at = self.0.entry(key).or_insert(PinStrike { strike, gross: 0.0, net: 0.0 });
        at.gross += weight * gex.abs();
        at.net += weight * gex;
    }

    /// The strikes, ascending.
    #[must_use]
    pub fn strikes(&self) -> Vec<PinStrike> {
        self.0.values().copied().collect()
    }
}

/// A pin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pin {
    /// Index points.
    pub strike: f64,
    /// P over the mean P of the window, above [`STRENGTH_MIN`].
    pub strength: f64,
    /// clip((strength − 1)/2, 0, 1)·exp(−|K − S|/EM_day), 0 to 1.
    pub score: f64,
}

impl Pin {
    /// `very_strong` above 2, `strong` above 1.5, `medium` above 1.2, else `weak`.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self.strength {
            s if s > 2.0 => "very_strong",
            s if s > 1.5 => "strong",
            s if s > 1.2 => "medium",
            _ => "weak",
        }
    }
}

/// At most [`PINS_MAX`] pins at least `min_gap` points apart, strongest first; of two alike the one
/// nearer `spot`. `strikes` ascend; `em_day` is the expected move of one session in points.
///
/// # Errors
/// `NO_INPUT:em_day` or its own reason without an expected move above 0; `NO_INPUT:spot`.
pub fn pins(strikes: &[PinStrike], spot: f64, em_day: Known<f64>, min_gap: f64) -> Known<Vec<Pin>> {
    let em_day = em_day?;
    if !(spot > 0.0 && spot.is_finite()) {
        return super::null(Reason::NoInput, "spot");
    }
    if !(em_day > 0.0 && em_day.is_finite()) {
        return super::null(Reason::NoInput, "em_day");
    }
    let reach = em_day.max(WINDOW_MIN * spot);
    let window: Vec<PinStrike> =
        strikes.iter().filter(|s| (s.strike - spot).abs() <= reach).copied().collect();
    let mut count = 0.0;
    let mut total = 0.0;
    for strike in &window {
        count += 1.0;
        total += strike.gross;
    }
    if total <= 0.0 {
        return Ok(Vec::new());
    }
    let mut found: Vec<Pin> = Vec::new();
    for (i, at) in window.iter().enumerate() {
        let beats = |j: Option<usize>| {
            j.and_then(|j| window.get(j)).is_none_or(|neighbour| at.gross > neighbour.gross)
        };
        let strength = at.gross * count / total;
        if at.net > 0.0 && strength > STRENGTH_MIN && beats(i.checked_sub(1)) && beats(Some(i + 1))
        {
            let near = libm::exp(-(at.strike - spot).abs() / em_day);
            let score = ((strength - 1.0) / 2.0).clamp(0.0, 1.0) * near;
            found.push(Pin { strike: at.strike, strength, score });
        }
    }
    let distance = |p: &Pin| (p.strike - spot).abs();
    found.sort_by(|a, b| {
        b.strength.total_cmp(&a.strength).then(distance(a).total_cmp(&distance(b)))
    });
    let mut kept: Vec<Pin> = Vec::with_capacity(PINS_MAX);
    for pin in found {
        let apart = kept.iter().all(|k| (k.strike - pin.strike).abs() >= min_gap);
        if apart && kept.len() < PINS_MAX {
            kept.push(pin);
        }
    }
    Ok(kept)
}

/// Greatest score of some pins, `None` without any.
#[must_use]
pub fn risk_score(pins: &[Pin]) -> Option<f64> {
    pins.iter().map(|p| p.score).max_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(strike: f64, gross: f64, net: f64) -> PinStrike {
        PinStrike { strike, gross, net }
    }

    #[test]
    fn weights() {
        assert_eq!(weight(1.0 / 365.0), 1.0);
        assert_eq!(weight(2.0 / 365.0), 1.0);
        assert!((weight(8.0 / 365.0) - 0.25).abs() < 1e-12);
    }

    /// Strength 1.8 at 6 points with an expected move of 40.
    #[test]
    fn score() {
        let chain: Vec<PinStrike> = (0..9)
            .map(|i| {
                let k = 5960.0 + 10.0 * f64::from(i);
                // One of nine strikes at 1.8 times the mean: 1.8/9 of the sum.
                if i == 4 { at(k, 1.8, 1.0) } else { at(k, 7.2 / 8.0, 1.0) }
            })
            .collect();
        let got = pins(&chain, 6006.0, Ok(46.5), 20.0).expect("pins");
        assert_eq!(got.len(), 1);
        assert!((got[0].strength - 1.8).abs() < 1e-12);
        assert!((got[0].score - 0.4 * libm::exp(-6.0 / 46.5)).abs() < 1e-12);
        assert_eq!(got[0].label(), "strong");
        assert_eq!(risk_score(&got), Some(got[0].score));
        assert_eq!(risk_score(&[]), None);
    }

    #[test]
    fn what_is_no_pin() {
        let peak = |net| [at(99.5, 1.0, 1.0), at(100.0, 9.0, net), at(100.5, 1.0, 1.0)];
        let all = |c: &[PinStrike]| pins(c, 100.0, Ok(1.0), 20.0).expect("pins").len();
        assert_eq!(all(&peak(1.0)), 1);
        assert_eq!(all(&peak(-1.0)), 0, "dealers short gamma there");
        assert_eq!(all(&[at(99.5, 9.0, 1.0), at(100.0, 9.0, 1.0), at(100.5, 0.1, 1.0)]), 0);
        assert_eq!(all(&[at(90.0, 9.0, 1.0), at(100.0, 0.0, 0.0)]), 0, "outside the window");
        assert_eq!(all(&[]), 0);
        // At the edge of the window one neighbour is enough.
        assert_eq!(all(&[at(99.0, 9.0, 1.0), at(99.5, 1.0, 1.0), at(100.0, 1.0, 1.0)]), 1);
        assert!(
            pins(&peak(1.0), 100.0, crate::options::null(Reason::NoInput, "quotes"), 20.0).is_err()
        );
        assert!(pins(&peak(1.0), 100.0, Ok(0.0), 20.0).is_err());
    }

    #[test]
    fn sums_by_strike() {
        let mut sums = PinSums::default();
        sums.add(100.0, 0.5, 8.0);
        sums.add(100.0, 1.0, -2.0);
        sums.add(f64::NAN, 1.0, 1.0);
        sums.add(105.0, 1.0, 0.0);
        assert_eq!(sums.strikes(), vec![at(100.0, 6.0, 2.0), at(105.0, 0.0, 0.0)]);
    }

    proptest! {
        #[test]
        fn gap_and_count(
            gross in prop::collection::vec(0.0..1e9_f64, 1..80),
            spot in 3990.0..4200.0_f64,
        ) {
            let chain: Vec<PinStrike> = gross
                .iter()
                .zip(0_u32..)
                .map(|(&g, i)| at(4000.0 + 5.0 * f64::from(i), g, g - 1e8))
                .collect();
            let got = pins(&chain, spot, Ok(60.0), 20.0).expect("pins");
            prop_assert!(got.len() <= PINS_MAX);
            for (i, a) in got.iter().enumerate() {
                prop_assert!((0.0..=1.0).contains(&a.score) && a.strength > STRENGTH_MIN);
                prop_assert!((a.strike - spot).abs() <= 60.0);
                for b in got.iter().skip(i + 1) {
                    prop_assert!((a.strike - b.strike).abs() >= 20.0 && a.strength >= b.strength);
                }
            }
        }
    }
}
