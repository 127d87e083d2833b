//! State of the index curve by r = VIX/VIX3M: CONTANGO below 0.95, FLAT to 1 inclusive,
//! BACKWARDATION above; strong stress above 1.11 (own design).
//!
//! The first observation sets the state; two consecutive ones on the same side of it change it,
//! without a margin, to the nearer of the two. The quotes of a ratio lie at most 90 s apart. Cost:
//! a division and a few comparisons an observation.

use super::part::{Curve, Quote};
use crate::units::{Reason, SECOND, Slot};

/// Most nanoseconds between the quotes of a ratio.
pub const APART: i64 = 90 * SECOND;
/// Ratio above which the curve says strong stress.
pub const STRONG_STRESS: f64 = 1.11;

impl Curve {
    /// The state of a ratio, one observation alone; NaN counts as BACKWARDATION.
    #[must_use]
    pub const fn of(ratio: f64) -> Curve {
        if ratio < 0.95 {
            Curve::Contango
        } else if ratio <= 1.0 {
            Curve::Flat
        } else {
            Curve::Backwardation
        }
    }

    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Curve::Contango => "CONTANGO",
            Curve::Flat => "FLAT",
            Curve::Backwardation => "BACKWARDATION",
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Curve::Contango => 0,
            Curve::Flat => 1,
            Curve::Backwardation => 2,
        }
    }
}

/// Whether a ratio says strong stress.
#[must_use]
pub const fn strong_stress(ratio: f64) -> bool {
    ratio > STRONG_STRESS
}

/// `above/below` as a ratio of points: `NO_INPUT` without one of them, `STALE` where they lie more
/// than [`APART`] from each other.
#[must_use]
pub fn ratio(above: Option<&Quote>, below: Option<&Quote>) -> Slot {
    let (Some(above), Some(below)) = (above, below) else { return Slot::none(Reason::NoInput) };
    let apart = above.ts.since(below.ts).max(below.ts.since(above.ts));
    if !(above.ts.is_some() && below.ts.is_some()) || apart > APART {
        return Slot::none(Reason::Stale);
    }
    Slot::some(above.value / below.value)
}

/// The curve as observations confirm it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confirmed {
    state: Option<Curve>,
    pending: Option<Curve>,
}

impl Confirmed {
    /// The confirmed state; `None` before the first observation.
    #[must_use]
    pub const fn state(&self) -> Option<Curve> {
        self.state
    }

    /// Takes a ratio. What is not finite or not above 0 changes nothing.
    pub fn observe(&mut self, ratio: f64) {
        if !(ratio.is_finite() && ratio > 0.0) {
            return;
        }
        let found = Curve::of(ratio);
        let Some(now) = self.state else {
            self.state = Some(found);
            return;
        };
        let side = |c: Curve| c.rank().cmp(&now.rank());
        if found == now {
            self.pending = None;
        } else if let Some(before) = self.pending.filter(|&b| side(b) == side(found)) {
            // Both say that the present state is left; only the nearer one is said twice.
            let nearer = if before == found { found } else { Curve::Flat };
            *self = Confirmed { state: Some(nearer), pending: None };
        } else {
            self.pending = Some(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Curve::{Backwardation, Contango, Flat};
    use super::*;
    use crate::units::Ts;
    use crate::volatility::part::Source;

    #[test]
    fn golden() {
        for (r, expected) in
            [(0.9499, Contango), (0.95, Flat), (1.0, Flat), (1.0001, Backwardation)]
        {
            assert_eq!(Curve::of(r), expected);
            let mut curve = Confirmed::default();
            curve.observe(r);
            assert_eq!(curve.state(), Some(expected));
        }
        assert!(!strong_stress(1.11));
        assert!(strong_stress(1.1101));
    }

    #[test]
    fn two_confirm() {
        let mut curve = Confirmed::default();
        for (r, expected) in [
            (0.90, Contango),
            (0.96, Contango),
            (0.94, Contango),
            (0.96, Contango),
            (0.97, Flat),
            (1.01, Flat),
            (1.01, Backwardation),
            // Opposite and further states: said twice is only that the curve is not inverted.
            (0.97, Backwardation),
            (0.90, Flat),
            // From one end past the other's neighbour.
            (0.90, Flat),
            (0.90, Contango),
            (1.20, Contango),
            (1.20, Backwardation),
            (f64::NAN, Backwardation),
        ] {
            curve.observe(r);
            assert_eq!(curve.state(), Some(expected), "{r}");
        }
        // The nearer of the two, in whichever order.
        for pair in [[0.97, 1.2], [1.2, 0.97]] {
            let mut curve = Confirmed::default();
            curve.observe(0.9);
            pair.iter().for_each(|&r| curve.observe(r));
            assert_eq!(curve.state(), Some(Flat));
        }
        // Sides that alternate confirm nothing.
        let mut curve = Confirmed::default();
        for r in [0.97, 0.90, 1.10, 0.90, 1.10] {
            curve.observe(r);
            assert_eq!(curve.state(), Some(Flat));
        }
    }

    #[test]
    fn quotes_apart() {
        let quote = |value, s: i64| {
            let ts = Ts(1_700_000_000 * SECOND + s * SECOND);
            Quote { value, ts, source: Source::Scid, stale: false, eod: false }
        };
        let (vix, near, far) = (quote(19.0, 0), quote(20.0, -90), quote(20.0, 91));
        assert_eq!(ratio(Some(&vix), Some(&near)).value(), Some(0.95));
        assert_eq!(ratio(Some(&near), Some(&vix)).value(), Some(20.0 / 19.0));
        assert_eq!(ratio(Some(&vix), Some(&far)).reason, Reason::Stale);
        assert_eq!(ratio(Some(&vix), None).reason, Reason::NoInput);
        let timeless = Quote { ts: Ts::NONE, ..vix };
        assert_eq!(ratio(Some(&vix), Some(&timeless)).reason, Reason::Stale);
    }

    proptest! {
        #[test]
        fn never_on_one(seen in prop::collection::vec(0.8..1.2_f64, 1..200)) {
            let mut curve = Confirmed::default();
            let mut last = None;
            for r in seen {
                let before = curve.state();
                curve.observe(r);
                if before.is_some() && curve.state() != before {
                    prop_assert!(last != before && Some(Curve::of(r)) != before);
                }
                last = Some(Curve::of(r));
            }
        }
    }
}
