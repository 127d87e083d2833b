//! Position-size multiplier of a session (a scale, never a direction).
//!
//! Default table, own design: ASIA 0.8, LONDON 1.0 (0.8 while London is on holiday), US 1.0 /
//! 0.7 / 1.0 for 09:30–11:00 / 11:00–14:00 / 14:00–close, US_POST 0.5, everything else 0.
//! Learning shrinks the observed ratio of expectancies towards 1 with weight n/(n + 100) and is
//! a proposal for a person: nothing here applies it. Range 0..=1. Cost: one match.

use super::context::{SessionContext, SubBucket};

/// Fewest own trades in a bucket before anything is proposed.
pub const TRADES_MIN: u32 = 100;
/// Trades at which the observation weighs as much as the prior of 1.
const PRIOR_TRADES: f64 = 100.0;

/// Multiplier by sub-bucket, each within 0..=1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SessionScale {
    /// ASIA, and LONDON on a London holiday.
    pub asia: f64,
    /// LONDON.
    pub london: f64,
    /// US 09:30–11:00 New York.
    pub us_morning: f64,
    /// US 11:00–14:00.
    pub us_midday: f64,
    /// US 14:00 to the close.
    pub us_afternoon: f64,
    /// US_POST.
    pub us_post: f64,
}

impl Default for SessionScale {
    fn default() -> SessionScale {
        SessionScale {
            asia: 0.8,
            london: 1.0,
            us_morning: 1.0,
            us_midday: 0.7,
            us_afternoon: 1.0,
            us_post: 0.5,
        }
    }
}

impl SessionScale {
    /// The multiplier at an instant; 0 in US_HOLIDAY, HALT and CLOSED.
    #[must_use]
    pub fn of(&self, context: &SessionContext) -> f64 {
        match context.sub_bucket {
            SubBucket::Asia => self.asia,
            SubBucket::London if context.london_closed => self.asia,
            SubBucket::London => self.london,
            SubBucket::UsMorning => self.us_morning,
            SubBucket::UsMidday => self.us_midday,
            SubBucket::UsAfternoon => self.us_afternoon,
            SubBucket::UsPost => self.us_post,
            SubBucket::UsHoliday | SubBucket::None => 0.0,
        }
    }
}

/// Multiplier proposed for a bucket whose `trades` own trades earned `bucket` each on average
/// while all trades earned `all` (same unit): m̂ = clip(bucket/all, 0.2, 1.3), then [`shrunk`].
/// `None` below [`TRADES_MIN`] trades, or unless `all` is positive and both are finite.
#[must_use]
pub fn propose(bucket: f64, all: f64, trades: u32) -> Option<f64> {
    if trades < TRADES_MIN || !(bucket.is_finite() && all.is_finite() && all > 0.0) {
        return None;
    }
    Some(shrunk((bucket / all).clamp(0.2, 1.3), trades))
}

/// m = clip(1 + (m̂ − 1)·n/(n + 100), 0.5, 1.0).
#[must_use]
pub fn shrunk(ratio: f64, trades: u32) -> f64 {
    let n = f64::from(trades);
    (1.0 + (ratio - 1.0) * n / (n + PRIOR_TRADES)).clamp(0.5, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Calendar, instant};
    use proptest::prelude::*;

    #[test]
    fn golden_learning() {
        for (ratio, trades, expected) in [(0.7, 150, 0.82), (1.3, 150, 1.0), (0.2, 400, 0.5)] {
            assert!((shrunk(ratio, trades) - expected).abs() < 1e-12, "{ratio} {trades}");
            assert!(
                (propose(ratio * 80.0, 80.0, trades).expect("enough") - expected).abs() < 1e-12
            );
        }
        assert_eq!(propose(0.7, 1.0, 99), None);
        assert_eq!(propose(0.7, 0.0, 500), None);
        assert_eq!(propose(0.7, -1.0, 500), None);
        assert_eq!(propose(f64::NAN, 1.0, 500), None);
        // A losing bucket is clipped to 0.2 first: 1 − 0.8·100/200.
        assert!((propose(-3.0, 1.0, 100).expect("enough") - 0.6).abs() < 1e-12);
    }

    #[test]
    fn default_table() {
        let calendar = Calendar::bundled().expect("calendar");
        let scale = SessionScale::default();
        for (at, expected) in [
            ("2026-01-14T23:00:00Z", 0.8),
            ("2026-01-15T08:00:00Z", 1.0),
            ("2026-01-15T14:30:00Z", 1.0),
            ("2026-01-15T15:59:59Z", 1.0),
            ("2026-01-15T16:00:00Z", 0.7),
            ("2026-01-15T18:59:59Z", 0.7),
            ("2026-01-15T19:00:00Z", 1.0),
            ("2026-01-15T21:00:00Z", 0.5),
            ("2026-01-15T22:00:00Z", 0.0),
            ("2026-01-17T22:00:00Z", 0.0),
            // Martin Luther King Day: US_HOLIDAY.
            ("2026-01-19T15:00:00Z", 0.0),
            // State funeral in London: LONDON counts as ASIA.
            ("2022-09-19T08:00:00Z", 0.8),
            // Half day: midday ends with the close at 13:00.
            ("2026-11-27T17:59:00Z", 0.7),
            ("2026-11-27T18:00:00Z", 0.5),
        ] {
            let context = calendar.context(instant(at));
            assert!((scale.of(&context) - expected).abs() < 1e-12, "{at}");
        }
    }

    proptest! {
        #[test]
        fn proposals_stay_in_range(bucket: f64, all: f64, trades: u32) {
            if let Some(m) = propose(bucket, all, trades) {
                prop_assert!((0.5..=1.0).contains(&m));
            }
        }
    }
}
