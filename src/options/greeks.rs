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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn near(got: f64, want: f64, tolerance: f64) {
        assert!((got - want).abs() <= tolerance, "got {got}, want {want}");
    }

    /// Undiscounted price of a call and of a put.
    fn black(terms: &Terms, spot: f64) -> (f64, f64) {
        let d = terms.deviation();
        let forward = spot * libm::exp(terms.bt);
        let d1 = libm::log(forward / terms.strike) / d + 0.5 * d;
        let put = terms.strike * cumulative(d - d1) - forward * cumulative(-d1);
        (put + forward - terms.strike, put)
    }

    #[test]
    fn textbook_option() {
        let terms = Terms::new(100.0, 0.2, 1.0, 0.05);
        let (df, g) = (libm::exp(-0.05), terms.at(100.0));
        let (call, put) = black(&terms, 100.0);
        near(df * call, 10.450584, 1e-6);
        near(df * put, 5.573526, 1e-6);
        near(g.delta(Right::Call), 0.636831, 1e-6);
        near(g.delta(Right::Put), 0.636831 - 1.0, 1e-6);
        near(g.gamma, 0.018_762_02, 1e-8);
        near(g.gamma * 100.0 * 100.0 * 0.2, 37.524035, 1e-6);
        let d2 = 0.15;
        let theta = -37.524_034_7 * 0.2 / 2.0 - 0.05 * 100.0 * df * cumulative(d2);
        near(theta, -6.414028, 1e-6);
    }

    #[test]
    fn gammas_of_the_toy_chain() {
        let want = [
            0.001_084_270_755_084_546_8,
            0.001_343_719_180_341_166,
            0.001_449_140_226_860_479_4,
            0.001_369_314_536_563_441_6,
            0.001_140_962_134_843_981_2,
        ];
        for (n, want) in (0_u32..).zip(want) {
            let strike = 5800.0 + 100.0 * f64::from(n);
            let gamma = Terms::new(strike, 0.16, 30.0 / 365.0, 0.0).at(6000.0).gamma;
            near(gamma, want, 1e-14);
        }
    }

    #[test]
    fn vanna_and_charm_are_derivatives_of_delta() {
        for (strike, sigma, t, bt) in
            [(5800.0, 0.16, 0.08, 0.001), (6100.0, 0.3, 0.01, -0.0004), (6000.0, 0.1, 1.5, 0.05)]
        {
            let g = Terms::new(strike, sigma, t, bt).at(6000.0);
            let delta = |sigma: f64, t: f64, bt: f64, x: f64| {
                Terms::new(strike, sigma, t, bt).at(x).delta(Right::Call)
            };
            let e = 1e-5;
            let vanna = (delta(sigma + e, t, bt, 6e3) - delta(sigma - e, t, bt, 6e3)) / (2.0 * e);
            near(g.vanna, vanna, 1e-6 * vanna.abs().max(1.0));
            // Time passes: T falls, and the carry that is left with it.
            let h = t * 1e-5;
            let at = |t_left: f64| delta(sigma, t_left, bt * t_left / t, 6e3);
            let charm = (at(t - h) - at(t + h)) / (2.0 * h);
            near(g.charm, charm, 1e-6 * charm.abs().max(1.0));
            let gamma = (delta(sigma, t, bt, 6000.1) - delta(sigma, t, bt, 5999.9)) / 0.2;
            near(g.gamma, gamma, 1e-9);
        }
    }

    #[test]
    fn the_last_minute_is_held() {
        let last = Terms::new(6000.0, 0.2, 1e-18, 0.0);
        assert_eq!(last.t, T_MIN);
        assert!(last.at(6000.0).gamma.is_finite());
    }

    proptest! {
        #[test]
        fn finite_and_in_range(
            k in 0.001..5e6_f64, s in 0.5..1e6_f64, sigma in 1e-3..100.0_f64,
            t in 0.0..10.0_f64, bt in -1.0..1.0_f64,
        ) {
            let g = Terms::new(k, sigma, t, bt).at(s);
            prop_assert!(g.gamma.is_finite() && g.gamma >= 0.0);
            prop_assert!((0.0..=1.0).contains(&g.delta_call));
            prop_assert!(g.vanna.is_finite() && g.charm.is_finite());
        }
    }
}
