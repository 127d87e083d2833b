//! The events that were found: the last of them, their numbers, their weight.

use super::at;
use crate::units::{Px, SECOND, Side, Ts};

/// Events that are held.
pub const RECENT: usize = 32;
/// Half-life of an event's weight, in ns.
const HALF_LIFE: f64 = 60.0 * SECOND as f64;

/// What was found in the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// A large displayed size stands.
    Wall = 0,
    /// Far more was executed at a price than it ever displayed.
    Iceberg = 1,
    /// Heavy aggression did not move the middle.
    Absorption = 2,
    /// A large size was added and cancelled when the touch came near.
    Pull = 3,
    /// Sizes began to grow from level to level.
    Ladder = 4,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 5] =
        [Kind::Wall, Kind::Iceberg, Kind::Absorption, Kind::Pull, Kind::Ladder];

    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Wall => "WALL",
            Kind::Iceberg => "ICEBERG",
            Kind::Absorption => "ABSORPTION",
            Kind::Pull => "PULL",
            Kind::Ladder => "LADDER",
        }
    }

    const fn weight(self) -> f64 {
        match self {
            Kind::Wall | Kind::Iceberg | Kind::Absorption => 1.0,
            Kind::Ladder => 0.5,
            Kind::Pull => 0.0,
        }
    }
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomEvent {
    /// Market time at which it was known.
    pub at: Ts,
    /// What it is.
    pub kind: Kind,
    /// The side whose resting orders it is about.
    pub side: Side,
    /// Its price: of an absorption the touch, of a ladder the level nearest to the touch.
    pub px: Px,
    /// Contracts: of a wall the level's, of an iceberg those executed, of an absorption those of
    /// the aggressor, of a pull those added, of a ladder the sum of its levels.
    pub size: u64,
}

/// Numbers, weights and the last events.
#[derive(Clone, Debug)]
pub(super) struct Log {
    ring: [DomEvent; RECENT],
    written: u64,
    counts: [[u64; 2]; Kind::ALL.len()],
    weights: [f64; 2],
    weighed: Ts,
}

impl Default for Log {
    fn default() -> Log {
        let (at, kind, side, px) = (Ts::NONE, Kind::Wall, Side::Bid, Px::ZERO);
        Log {
            ring: [DomEvent { at, kind, side, px, size: 0 }; RECENT],
            written: 0,
            counts: Default::default(),
            weights: [0.0; 2],
            weighed: Ts::NONE,
        }
    }
}

impl Log {
    pub(super) fn put(&mut self, kind: Kind, side: Side, px: Px, size: u64, now: Ts) {
        if let Some(place) = self.ring.get_mut((self.written % RECENT as u64) as usize) {
            *place = DomEvent { at: now, kind, side, px, size };
        }
        self.written += 1;
        if let Some(count) = self.counts.get_mut(kind as usize).and_then(|c| c.get_mut(at(side))) {
            *count += 1;
        }
        self.weights = self.decayed(now);
        self.weighed = self.weighed.max(now);
        if let Some(weight) = self.weights.get_mut(at(side)) {
            *weight += kind.weight();
        }
    }

    fn decayed(&self, now: Ts) -> [f64; 2] {
        let keep = libm::exp2(-(now.since(self.weighed) as f64) / HALF_LIFE);
        self.weights.map(|w| w * keep)
    }

    pub(super) fn support(&self, now: Ts) -> f64 {
        let [bid, ask] = self.decayed(now);
        ((bid - ask) / (bid + ask + 1.0)).clamp(-1.0, 1.0)
    }

    pub(super) fn count(&self, kind: Kind, side: Side) -> u64 {
        self.counts.get(kind as usize).and_then(|c| c.get(at(side))).copied().unwrap_or(0)
    }

    pub(super) const fn total(&self) -> u64 {
        self.written
    }

    pub(super) fn recent(&self) -> impl Iterator<Item = &DomEvent> {
        let held = self.written.min(RECENT as u64);
        (1..=held)
            .filter_map(move |back| self.ring.get(((self.written - back) % RECENT as u64) as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_and_decays() {
        let mut log = Log::default();
        for i in 0..40 {
            log.put(Kind::Pull, Side::Ask, Px::clamped(i), 1, Ts(i));
        }
        assert_eq!((log.total(), log.recent().count()), (40, RECENT));
        assert_eq!(log.recent().next().map(|e| e.px.ticks()), Some(39));
        assert_eq!(log.recent().last().map(|e| e.px.ticks()), Some(8));
        assert_eq!(log.support(Ts(40)), 0.0, "a pull weighs nothing");
        log.put(Kind::Wall, Side::Bid, Px::ZERO, 1, Ts(100));
        assert_eq!(log.support(Ts(100)), 0.5);
        assert_eq!(log.support(Ts(100 + 60 * SECOND)), 0.5 / 1.5);
        log.put(Kind::Ladder, Side::Ask, Px::ZERO, 1, Ts(100 + 60 * SECOND));
        assert_eq!(log.support(Ts(100 + 60 * SECOND)), 0.0);
        assert_eq!(log.count(Kind::Pull, Side::Ask), 40);
        assert_eq!(log.count(Kind::Pull, Side::Bid), 0);
    }
}
