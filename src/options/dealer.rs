//! Dealers' position as a sign model implies it: an assumption made visible, not an observation.
//!
//! Net over gross gamma exposure above +0.05 says long gamma (hedging leans against moves), below
//! −0.05 short (hedging follows them). The confidence is the coverage of open interest by
//! volatilities times the sanity score times the share of three signs that agree with the sign of
//! net: net itself, spot less flip, and net of what expires today. Signs that do not exist are left
//! out of the share. Own design. Cost: constant.

use super::Known;

/// |net/abs| up to which the position is neutral.
pub const NEUTRAL: f64 = 0.05;

/// Which volatility regime the sign of net gamma implies; says nothing of direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GammaRegime {
    /// Net at or above 0: hedging damps moves.
    Pos,
    /// Net below 0: hedging feeds them.
    Neg,
}

impl GammaRegime {
    /// Of net gamma exposure.
    #[must_use]
    pub fn of(net: f64) -> GammaRegime {
        if net >= 0.0 { GammaRegime::Pos } else { GammaRegime::Neg }
    }

    /// Name as it stands in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            GammaRegime::Pos => "POS",
            GammaRegime::Neg => "NEG",
        }
    }
}

/// Which way dealers hold gamma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// net/abs above +[`NEUTRAL`].
    Long,
    /// Below −[`NEUTRAL`].
    Short,
    /// Between.
    Neutral,
}

impl Position {
    /// Of net over gross gamma exposure.
    #[must_use]
    pub fn of(net_abs: f64) -> Position {
        match net_abs {
            r if r > NEUTRAL => Position::Long,
            r if r < -NEUTRAL => Position::Short,
            _ => Position::Neutral,
        }
    }

    /// Name as it stands in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Position::Long => "long",
            Position::Short => "short",
            Position::Neutral => "neutral",
        }
    }

    /// What their hedging does to moves: `stabilising`, `destabilising`, `neutral`.
    #[must_use]
    pub const fn flow(self) -> &'static str {
        match self {
            Position::Long => "stabilising",
            Position::Short => "destabilising",
            Position::Neutral => "neutral",
        }
    }
}

/// The signs that are compared; 0 agrees with nothing but a net of 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signs {
    /// Net gamma exposure.
    pub net: f64,
    /// Spot less flip; ±1 where net gamma has one sign everywhere; `None` without either.
    pub above_flip: Option<f64>,
    /// Net gamma exposure of what expires today; `None` where nothing does.
    pub zero_dte: Option<f64>,
}

impl Signs {
    /// Share of the existing signs that equal the sign of net, 0 to 1.
    #[must_use]
    pub fn agreement(&self) -> f64 {
        let sign = |x: f64| (x > 0.0, x < 0.0);
        let mut alike = 0.0;
        let mut all = 0.0;
        for x in [Some(self.net), self.above_flip, self.zero_dte].into_iter().flatten() {
            all += 1.0;
            alike += f64::from(u8::from(sign(x) == sign(self.net)));
        }
        alike / all
    }
}

/// Confidence in the position, 0 to 1: coverage by volatilities (0 to 1) × sanity (0 to 100)/100 ×
/// agreement of the signs.
///
/// # Errors
/// That of the coverage.
pub fn confidence(iv_coverage: Known<f64>, sanity: i32, signs: &Signs) -> Known<f64> {
    let sanity = f64::from(sanity.clamp(0, 100)) / 100.0;
    Ok(iv_coverage?.clamp(0.0, 1.0) * sanity * signs.agreement())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::null;
    use crate::units::Reason;

    #[test]
    fn edges() {
        assert_eq!(GammaRegime::of(0.0).name(), "POS");
        assert_eq!(GammaRegime::of(-1e-9).name(), "NEG");
        for (ratio, name, flow) in [
            (0.05, "neutral", "neutral"),
            (0.0501, "long", "stabilising"),
            (-0.05, "neutral", "neutral"),
            (-0.0501, "short", "destabilising"),
        ] {
            assert_eq!(Position::of(ratio).name(), name, "{ratio}");
            assert_eq!(Position::of(ratio).flow(), flow);
        }
    }

    #[test]
    fn shares() {
        let signs = |net, above_flip, zero_dte| Signs { net, above_flip, zero_dte };
        assert_eq!(signs(-1.0, Some(-3.0), Some(5.0)).agreement(), 2.0 / 3.0);
        assert_eq!(signs(1.0, None, None).agreement(), 1.0);
        assert_eq!(signs(1.0, Some(-1.0), None).agreement(), 0.5);
        let s = signs(1.0, Some(2.0), Some(-1.0));
        let got = confidence(Ok(0.9), 95, &s).expect("value");
        assert!((got - 0.9 * 0.95 * 2.0 / 3.0).abs() < 1e-15);
        assert!(confidence(null(Reason::ZeroDenominator, "oi"), 95, &s).is_err());
    }
}
