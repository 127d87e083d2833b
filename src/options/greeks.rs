//! Gamma, delta, vanna and charm of a European option on a forward (Black 1976), with the
//! volatility of each strike held fixed while the spot moves.
//!
//! With `F(x) = x·e^{bT}`, `d = σ√T`, `d1 = (ln(x/K) + bT)/d + d/2`, `d2 = d1 − d`:
//! gamma `φ(d1)/(x·d)`, call delta `N(d1)`, put delta `N(d1) − 1`, vanna `−φ(d1)·d2/σ`, charm
//! `−φ(d1)·(2bT − d2·d)/(2T·d)`. The dividend discount of delta and gamma is taken as 1: its
//! effect is far below that of the open interest being a day old.
//!
//! Range: any spot, strike and volatility above 0; [`T_MIN`] keeps the last minute finite. Cost:
//! one `ln`, one `exp` and one `erfc` for all four.

use super::chain::Right;

/// Least time to expiry of the greeks in years of 365 days: 60 s.
pub const T_MIN: f64 = 60.0 / (365.0 * 86_400.0);

/// 1/√(2π).
const INV_SQRT_TAU: f64 = 0.398_942_280_401_432_7;

/// Density of the standard normal distribution at `z`.
#[must_use]
pub fn density(z: f64) -> f64 {
    INV_SQRT_TAU * libm::exp(-0.5 * z * z)
}

/// Distribution function of the standard normal distribution at `z`.
#[must_use]
pub fn cumulative(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// One option, all but its spot and its right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Strike in index points, above 0.
    pub strike: f64,
    /// Volatility in decimals a year, above 0.
    pub sigma: f64,
    /// Years of 365 days, at least [`T_MIN`].
    pub t: f64,
    /// Carry to expiry: ln(F/S), a pure number.
    pub bt: f64,
}

/// Sensitivities at one spot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Greeks {
    /// Delta per index point, the same for call and put.
    pub gamma: f64,
    /// Delta of the call; see [`Greeks::delta`].
    pub delta_call: f64,
    /// Delta per 1.00 of volatility, the same for both.
    pub vanna: f64,
    /// Delta per year that passes, the same for both.
    pub charm: f64,
}

impl Terms {
    /// Terms with the least time to expiry in force.
    #[must_use]
    pub const fn new(strike: f64, sigma: f64, t: f64, bt: f64) -> Terms {
        Terms { strike, sigma, t: t.max(T_MIN), bt }
    }

    /// σ√T.
    #[must_use]
    pub fn deviation(&self) -> f64 {
        self.sigma * self.t.sqrt()
    }

    /// The greeks were the index at `spot`, above 0.
    #[must_use]
    pub fn at(&self, spot: f64) -> Greeks {
        let d = self.deviation();
        let d1 = (libm::log(spot / self.strike) + self.bt) / d + 0.5 * d;
        let d2 = d1 - d;
        let phi = density(d1);
        Greeks {
            gamma: phi / (spot * d),
            delta_call: cumulative(d1),
            vanna: -phi * d2 / self.sigma,
            charm: -phi * (2.0 * self.bt - d2 * d) / (2.0 * self.t * d),
        }
    }
}

impl Greeks {
    /// Delta of a right: 0 to 1 for the call, −1 to 0 for the put.
    #[must_use]
    pub const fn delta(&self, right: Right) -> f64 {
        match right {
            Right::Call => self.delta_call,
            Right::Put => self.delta_call - 1.0,
        }
    }
}
