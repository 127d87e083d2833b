//! `value_area_position` (23) and the session profiles behind it.
//!
//! Above the point of control (C − POC)/(VAH − POC), below it (C − POC)/(POC − VAL), each divisor
//! at least one tick, clipped to [−1, 1]. The profile is the developing one of the active anchor
//! once that is 30 minutes old, else that of the previous session of the same type. Update cost:
//! O(1) a trade, O(rows) a bar.

use super::frame::{Reason, Slot};
use crate::profile::{Profile, ValueArea};
use crate::units::{Aggressor, MINUTE, Px, Qty, Ts};

/// Age of an anchor from which its own profile is used.
const DEVELOPED_NS: i64 = 30 * MINUTE;

/// Profile of one kind of session.
#[derive(Clone, Debug)]
pub struct SessionProfile {
    profile: Profile,
    previous: Option<ValueArea>,
    anchor: Ts,
}

impl SessionProfile {
    /// An empty profile over `rows` ticks.
    #[must_use]
    pub fn new(rows: usize) -> SessionProfile {
        SessionProfile { profile: Profile::new(rows), previous: None, anchor: Ts::NONE }
    }

    /// A new session begins at `at`.
    pub fn anchor(&mut self, at: Ts) {
        if let Some(area) = self.profile.value_area() {
            self.previous = (self.profile.outside() == 0).then_some(area);
        }
        self.profile.clear();
        self.anchor = at;
    }

    /// Adds a trade of an open session.
    pub fn trade(&mut self, px: Px, qty: Qty, aggressor: Aggressor) {
        self.profile.add(px, qty, aggressor);
    }

    /// The developing value area; `None` without volume.
    #[must_use]
    pub fn developing(&self) -> Option<ValueArea> {
        self.profile.value_area()
    }

    /// The value area that slot 23 reads at market time `now`, and slot 23 for a close at `close`.
    #[must_use]
    pub fn read(&self, close: Px, now: Ts) -> (Option<ValueArea>, Slot) {
        let developed = now.since(self.anchor) >= DEVELOPED_NS;
        if developed && self.profile.outside() > 0 {
            return (None, Slot::none(Reason::InvalidInput));
        }
        let area = if developed { self.developing() } else { self.previous };
        (area, area.map_or(Slot::none(Reason::NoInput), |a| Slot::some(position(close, &a))))
    }
}

fn position(close: Px, area: &ValueArea) -> f64 {
    let distance = close.minus(area.poc);
    let span = if distance >= 0 { area.vah.minus(area.poc) } else { area.poc.minus(area.val) };
    (f64::from(distance) / f64::from(span.max(1))).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let px = Px::clamped;
        let area = ValueArea { poc: px(6000), vah: px(6008), val: px(5994) };
        for (close, value) in [(6004, 0.5), (5997, -0.5), (6012, 1.0), (5990, -1.0), (6000, 0.0)] {
            assert_eq!(position(px(close), &area), value);
        }
    }

    #[test]
    fn previous_until_developed() {
        let mut session = SessionProfile::new(64);
        let early = Ts(DEVELOPED_NS - 1);
        session.anchor(Ts(0));
        session.trade(Px::clamped(10), 5, Aggressor::Buy);
        assert_eq!(session.read(Px::clamped(10), early).1.reason, Reason::NoInput);
        assert_eq!(session.read(Px::clamped(12), Ts(DEVELOPED_NS)).1.value(), Some(1.0));
        session.anchor(Ts(0));
        session.trade(Px::clamped(30), 5, Aggressor::Buy);
        assert_eq!(session.read(Px::clamped(9), early).1.value(), Some(-1.0));
        session.trade(Px::clamped(300), 5, Aggressor::Buy);
        let developed = session.read(Px::clamped(9), Ts(DEVELOPED_NS));
        assert_eq!(developed.1.reason, Reason::InvalidInput);
    }
}
