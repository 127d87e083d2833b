//! Context features 2, 4, 5, 7 and 8 as plain formulas: of an index at the time of the data, or of
//! a future at the decision's price. Range and sign: −1 bearish to 1 bullish, feature 8 from 0 to
//! 1. Points; own design of the specification. Cost: constant, one exponential a pin.

use super::codes::FlipStatus;
use crate::units::{Reason, Slot};

/// Sessions from which a percentile or a z-score counts.
pub const SESSIONS_MIN: u32 = 60;

/// An expected move that may stand under a fraction.
///
/// # Errors
/// Why there is none.
pub fn move_of(em_day: Slot) -> Result<f64, Reason> {
    match em_day.value() {
        Some(em) if em > 0.0 => Ok(em),
        Some(_) => Err(Reason::ZeroDenominator),
        None => Err(em_day.reason),
    }
}

/// Feature 2: clip((S − flip)/EM, −1, 1); +1 or −1 where net gamma has one sign over the whole
/// grid; none where the flip could not be computed.
#[must_use]
pub fn flip_distance(price: f64, flip: Slot, status: FlipStatus, em_day: Slot) -> Slot {
    match status {
        FlipStatus::NonePositive => return Slot::some(1.0),
        FlipStatus::NoneNegative => return Slot::some(-1.0),
        FlipStatus::NotComputable => {
            let has = flip.reason == Reason::Present;
            return Slot::none(if has { Reason::InvalidInput } else { flip.reason });
        }
        FlipStatus::Ok | FlipStatus::Multiple => {}
    }
    let Some(level) = flip.value() else { return flip };
    move_of(em_day).map_or_else(Slot::none, |em| over(price - level, em))
}

/// Feature 4: clip((1 − PCR)/0.2, −1, 1) of the put/call ratio by volume, and with a percentile
/// over 60 sessions or more clip((0.5 − percentile)/0.3, −1, 1). The contrarian reading flips it.
#[must_use]
pub fn pcr_score(ratio: Slot, percentile: Slot, sessions: u32, contrarian: bool) -> Slot {
    let sign = if contrarian { -1.0 } else { 1.0 };
    match (ratio.value(), percentile.value()) {
        (None, _) => Slot::none(ratio.reason),
        (Some(_), Some(rank)) if sessions >= SESSIONS_MIN => clip(sign * (0.5 - rank) / 0.3),
        (Some(ratio), _) => clip(sign * (1.0 - ratio) / 0.2),
    }
}

/// Feature 5: −clip(z, −2, 2)/2 of the 30-day 25-delta skew over 60 sessions or more.
#[must_use]
pub fn skew_score(z: Slot, sessions: u32) -> Slot {
    match z.value() {
        Some(_) if sessions < SESSIONS_MIN => Slot::none(Reason::Warmup),
        Some(z) => Slot::some(0.0 - z.clamp(-2.0, 2.0) / 2.0),
        None => z,
    }
}

/// Feature 7: clip((max pain − S)/EM, −1, 1): a magnet above is bullish.
#[must_use]
pub fn max_pain_distance(price: f64, max_pain: Slot, em_day: Slot) -> Slot {
    let Some(level) = max_pain.value() else { return max_pain };
    move_of(em_day).map_or_else(Slot::none, |em| over(level - price, em))
}

/// Feature 8 of one pin: clip((strength − 1)/2, 0, 1)·e^(−|d|/EM).
#[must_use]
pub fn pin_score(price: f64, level: f64, strength: f64, em: f64) -> f64 {
    ((strength - 1.0) / 2.0).clamp(0.0, 1.0) * libm::exp(-(price - level).abs() / em)
}

fn over(distance: f64, em: f64) -> Slot {
    clip(distance / em)
}

/// `x` within [−1, 1], never a negative zero.
fn clip(x: f64) -> Slot {
    Slot::some(x.clamp(-1.0, 1.0) + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(slot: Slot, expected: f64) {
        let own = slot.value().expect("value");
        assert!((own - expected).abs() <= 5e-7, "{own} {expected}");
    }

    #[test]
    fn golden() {
        let (some, none) = (Slot::some, Slot::none);
        close(flip_distance(6002.0, some(5990.0), FlipStatus::Ok, some(40.0)), 0.30);
        close(max_pain_distance(6002.0, some(5990.0), some(40.0)), -0.30);
        for (ratio, expected) in [(0.75, 1.0), (0.95, 0.25), (1.0, 0.0), (1.2, -1.0), (1.5, -1.0)] {
            close(pcr_score(some(ratio), none(Reason::Warmup), 0, false), expected);
            close(pcr_score(some(ratio), none(Reason::Warmup), 0, true), -expected);
        }
        close(skew_score(some(1.5), 60), -0.75);
        assert!((pin_score(6002.0, 5996.0, 1.8, 40.0) - 0.344_283).abs() <= 5e-7);
    }

    #[test]
    fn percentiles_count_from_sixty_sessions() {
        let (ratio, rank) = (Slot::some(0.75), Slot::some(0.8));
        close(pcr_score(ratio, rank, 59, false), 1.0);
        close(pcr_score(ratio, rank, 60, false), -1.0);
        close(pcr_score(ratio, Slot::some(0.41), 60, false), 0.3);
        assert_eq!(skew_score(Slot::some(1.0), 59), Slot::none(Reason::Warmup));
        let missing = Slot::none(Reason::NoInput);
        assert_eq!(skew_score(missing, 100), missing);
        assert_eq!(pcr_score(missing, rank, 100, false), missing);
    }

    #[test]
    fn what_is_missing_says_why() {
        let (em, flip) = (Slot::some(40.0), Slot::some(5990.0));
        let missing = Slot::none(Reason::InsufficientSample);
        let far = |status| flip_distance(6002.0, missing, status, missing).value();
        assert_eq!(far(FlipStatus::NonePositive), Some(1.0));
        assert_eq!(far(FlipStatus::NoneNegative), Some(-1.0));
        let none = |slot: Slot, reason| assert_eq!(slot, Slot::none(reason));
        let sample = Reason::InsufficientSample;
        none(flip_distance(6002.0, missing, FlipStatus::NotComputable, em), sample);
        let odd = flip_distance(6002.0, flip, FlipStatus::NotComputable, em);
        none(odd, Reason::InvalidInput);
        none(flip_distance(6002.0, flip, FlipStatus::Ok, missing), sample);
        none(max_pain_distance(6002.0, flip, Slot::some(0.0)), Reason::ZeroDenominator);
        none(max_pain_distance(6002.0, missing, em), sample);
    }
}
