//! Level regime of VIX with hysteresis, its size multiplier, coarser views, the stress flag.
//!
//! Bins, lower bound inclusive (own design): ULTRA_LOW below 12, LOW from 12, NORMAL from 18,
//! HIGH from 25, EXTREME from 35. A change needs two consecutive observations at least half a
//! point beyond the boundary on the same side, and then goes to the less extreme of the two. Range
//! of the multiplier 0.5 to 1: calm never adds size. Cost: a few comparisons an observation.

use serde::{Deserialize, Serialize};

use super::part::Regime;

/// Points beyond a boundary that an observation must lie to count for a change.
const MARGIN: f64 = 0.5;
/// VIX above which [`stress`] is set.
const STRESS: f64 = 30.0;

/// Four levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AsFour {
    /// Below 18.
    Low,
    /// From 18.
    Normal,
    /// From 25.
    High,
    /// From 35.
    Extreme,
}

/// Three levels with bounds of their own: exactly 25 is still normal here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AsThree {
    /// Below 15.
    Low,
    /// 15 to 25, both inclusive.
    Normal,
    /// Above 25.
    High,
}

impl Regime {
    /// The bin of a level in points, without hysteresis; NaN counts as EXTREME.
    #[must_use]
    pub const fn of(vix: f64) -> Regime {
        if vix < 12.0 {
            Regime::UltraLow
        } else if vix < 18.0 {
            Regime::Low
        } else if vix < 25.0 {
            Regime::Normal
        } else if vix < 35.0 {
            Regime::High
        } else {
            Regime::Extreme
        }
    }

    /// Factor on position size, 0.5 to 1.
    #[must_use]
    pub const fn multiplier(self) -> f64 {
        match self {
            Regime::UltraLow => 0.8,
            Regime::Low | Regime::Normal => 1.0,
            Regime::High => 0.7,
            Regime::Extreme => 0.5,
        }
    }

    /// The view in four levels.
    #[must_use]
    pub const fn as_four(self) -> AsFour {
        match self {
            Regime::UltraLow | Regime::Low => AsFour::Low,
            Regime::Normal => AsFour::Normal,
            Regime::High => AsFour::High,
            Regime::Extreme => AsFour::Extreme,
        }
    }

    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Regime::UltraLow => "ULTRA_LOW",
            Regime::Low => "LOW",
            Regime::Normal => "NORMAL",
            Regime::High => "HIGH",
            Regime::Extreme => "EXTREME",
        }
    }
}

/// The view of a level in three.
#[must_use]
pub const fn as_three(vix: f64) -> AsThree {
    if vix < 15.0 {
        AsThree::Low
    } else if vix <= 25.0 {
        AsThree::Normal
    } else {
        AsThree::High
    }
}

/// Whether VIX is above 30: a risk flag, no extra bearishness.
#[must_use]
pub const fn stress(vix: f64) -> bool {
    vix > STRESS
}

/// The regime as observations confirm it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    state: Option<Regime>,
    pending: Option<Regime>,
}

impl Level {
    /// The confirmed regime; `None` before the first observation.
    #[must_use]
    pub const fn state(&self) -> Option<Regime> {
        self.state
    }

    /// Takes an observation in points; the first sets the bin. Returns the regimes before and
    /// after where this one confirms a change. What is not finite or not above 0 changes nothing.
    pub fn observe(&mut self, vix: f64) -> Option<(Regime, Regime)> {
        if !(vix.is_finite() && vix > 0.0) {
            return None;
        }
        let Some(now) = self.state else {
            self.state = Some(Regime::of(vix));
            return None;
        };
        let (up, down) = (Regime::of(vix - MARGIN), Regime::of(vix + MARGIN));
        let found = if up > now {
            up
        } else if down < now {
            down
        } else {
            self.pending = None;
            return None;
        };
        match self.pending {
            Some(before) if (before > now) == (found > now) => {
                let next = if found > now { before.min(found) } else { before.max(found) };
                *self = Level { state: Some(next), pending: None };
                Some((now, next))
            }
            _ => {
                self.pending = Some(found);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Regime::{Extreme, High, Low, Normal, UltraLow};
    use super::*;

    #[test]
    fn golden_sequences() {
        let sequences: [&[(f64, Regime)]; 6] = [
            &[(17.0, Low), (18.2, Low), (18.6, Low), (18.2, Low), (18.6, Low), (18.7, Normal)],
            &[(24.0, Normal), (25.5, Normal), (25.4, Normal), (25.5, Normal), (25.9, High)],
            &[(20.0, Normal), (36.0, Normal), (35.2, High)],
            &[(26.0, High), (24.6, High), (24.4, High), (24.4, Normal)],
            &[(26.0, High), (17.0, High), (17.0, Low)],
            &[(20.0, Normal), (40.0, Normal), (17.2, Normal), (17.2, Low)],
        ];
        for sequence in sequences {
            let mut level = Level::default();
            for &(vix, expected) in sequence {
                let before = level.state();
                let change = level.observe(vix);
                assert_eq!(level.state(), Some(expected), "{vix} of {sequence:?}");
                let differs = before.filter(|&b| b != expected).map(|b| (b, expected));
                assert_eq!(change, differs);
            }
        }
    }

    #[test]
    fn golden_bins() {
        for (vix, bin, four, three, stressed) in [
            (11.99, UltraLow, AsFour::Low, AsThree::Low, false),
            (12.0, Low, AsFour::Low, AsThree::Low, false),
            (15.0, Low, AsFour::Low, AsThree::Normal, false),
            (18.0, Normal, AsFour::Normal, AsThree::Normal, false),
            (25.0, High, AsFour::High, AsThree::Normal, false),
            (30.0, High, AsFour::High, AsThree::High, false),
            (35.0, Extreme, AsFour::Extreme, AsThree::High, true),
        ] {
            assert_eq!(Regime::of(vix), bin);
            assert_eq!(bin.as_four(), four);
            assert_eq!(as_three(vix), three);
            assert_eq!(stress(vix), stressed);
        }
        let multipliers = [UltraLow, Low, Normal, High, Extreme].map(Regime::multiplier);
        assert_eq!(multipliers, [0.8, 1.0, 1.0, 0.7, 0.5]);
    }

    #[test]
    fn garbage_is_no_observation() {
        let mut level = Level::default();
        for vix in [f64::NAN, f64::INFINITY, 0.0, -3.0] {
            assert_eq!(level.observe(vix), None);
            assert_eq!(level.state(), None);
        }
        level.observe(20.0);
        level.observe(40.0);
        // The candidate waits on: garbage neither confirms nor clears it.
        level.observe(f64::NAN);
        assert_eq!(level.observe(40.0), Some((Normal, Extreme)));
    }

    proptest! {
        /// A change needs this observation and the one before beyond the old regime's bounds, on
        /// the same side, by the margin; it never goes past the nearer of the two.
        #[test]
        fn two_on_the_same_side(seen in prop::collection::vec(5.0..60.0_f64, 1..200)) {
            let mut level = Level::default();
            let mut last = f64::NAN;
            for vix in seen {
                if let Some((from, to)) = level.observe(vix) {
                    let (high, low) = (last.max(vix), last.min(vix));
                    if to > from {
                        prop_assert_eq!(to, Regime::of(low - MARGIN));
                    } else {
                        prop_assert!(to < from);
                        prop_assert_eq!(to, Regime::of(high + MARGIN));
                    }
                }
                prop_assert!(level.state().is_some_and(|r| r.multiplier() <= 1.0));
                last = vix;
            }
        }

        #[test]
        fn any_bits(seen in prop::collection::vec(any::<f64>(), 0..50)) {
            let mut level = Level::default();
            for vix in seen {
                level.observe(vix);
            }
        }
    }
}
