//! Context features 9, 10 and 11: VIX level, VIX momentum, slope of the index curve.
//!
//! Each is a function of one number and lies in −1 to 1, + bullish for the index future (own
//! design). A number that is not finite gives NaN: ask before. Cost: a few operations.

/// Level of neutral VIX, points.
const NEUTRAL: f64 = 20.0;
/// Points from neutral to a full score.
const FULL: f64 = 5.0;
/// VIX below which calm is complacent, and the cap on the score there.
const COMPLACENT: (f64, f64) = (12.0, 0.5);

/// Feature 9 `vix_score`: clip((20 − VIX)/5, −1, 1), at most 0.5 below 12 points.
#[must_use]
pub fn vix_score(vix: f64) -> f64 {
    let score = ((NEUTRAL - vix) / FULL).clamp(-1.0, 1.0);
    if vix < COMPLACENT.0 { score.min(COMPLACENT.1) } else { score }
}

/// Feature 10 `vix_momentum`: −clip(mom5/0.15, −1, 1); VIX that falls is bullish.
#[must_use]
pub fn vix_momentum(mom5: f64) -> f64 {
    // `0.0 −` and not a sign: no −0.
    0.0 - (mom5 / 0.15).clamp(-1.0, 1.0)
}

/// Feature 11 `vix_term_structure` of r = VIX/VIX3M: clip((0.975 − r)/0.135, −1, 1), 0 in the
/// middle of FLAT, −1 at strong stress.
#[must_use]
pub fn vix_term_structure(ratio: f64) -> f64 {
    ((0.975 - ratio) / 0.135).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn golden() {
        let near = |a: f64, b: f64, digits: f64| assert!((a - b).abs() < digits, "{a} {b}");
        for (vix, score) in [
            (10.0, 0.5),
            (12.0, 1.0),
            (15.0, 1.0),
            (18.5, 0.3),
            (20.0, 0.0),
            (25.0, -1.0),
            (40.0, -1.0),
        ] {
            near(vix_score(vix), score, 1e-9);
        }
        near(vix_momentum(0.105263), -0.701754, 2e-6);
        near(vix_momentum(2.0 / 19.0), -0.701754, 5e-7);
        for (r, score) in
            [(0.84, 1.0), (0.9, 0.5556), (0.95, 0.1852), (1.0, -0.1852), (1.11, -1.0), (1.2, -1.0)]
        {
            near(vix_term_structure(r), score, 5e-5);
        }
    }

    proptest! {
        #[test]
        fn in_range(x in any::<f64>().prop_filter("a number", |x| !x.is_nan())) {
            for score in [vix_score(x), vix_momentum(x), vix_term_structure(x)] {
                prop_assert!((-1.0..=1.0).contains(&score));
            }
        }
    }
}
