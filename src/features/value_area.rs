//! `value_area_position` (23) and the session profiles behind it.
//!
//! Above the point of control (C − POC)/(VAH − POC), below it (C − POC)/(POC − VAL), each divisor
//! at least one tick, clipped to [−1, 1] (own design over the Market Profile's value area). The
//! profile is the developing one of the active anchor once that is 30 minutes old and has traded,
//! else that of the previous session of the same type. Beside it: the previous session's area, and
//! the naked points of control, those of the last 20 sessions of the type with volume that no later
//! bar has spanned. Update cost: O(1) a trade; a bar 20 comparisons, and O(rows) where slot 23 is
//! read; the end of a session O(rows).

use super::frame::{NODES, Reason, Slot};
use crate::bars::Bar;
use crate::profile::{Profile, ValueArea};
use crate::units::{Aggressor, MINUTE, Px, Qty, Ts};

/// Age of an anchor from which its own profile is used.
const DEVELOPED_NS: i64 = 30 * MINUTE;

/// Sessions after which an untouched point of control is forgotten.
pub const NAKED_SESSIONS: usize = 20;

/// Profile of one kind of session.
#[derive(Clone, Debug)]
pub struct SessionProfile {
    profile: Profile,
    previous: Option<ValueArea>,
    anchor: Ts,
    /// Whether the area of this session has been handed to `previous` and `naked`.
    ended: bool,
    /// Untouched points of control, one place a session, and the place of the oldest.
    naked: [Option<Px>; NAKED_SESSIONS],
    oldest: usize,
}

impl SessionProfile {
    /// An empty profile over `rows` ticks.
    #[must_use]
    pub fn new(rows: usize) -> SessionProfile {
        SessionProfile {
            profile: Profile::new(rows),
            previous: None,
            anchor: Ts::NONE,
            ended: false,
            naked: [None; NAKED_SESSIONS],
            oldest: 0,
        }
    }

    /// A new session begins at `at`; ends the one before where nobody did.
    pub fn anchor(&mut self, at: Ts) {
        self.end();
        self.profile.clear();
        self.anchor = at;
        self.ended = false;
    }

    /// The session has ended: its last bar was given to [`SessionProfile::close`]. From here on its
    /// area is the previous one and its point of control naked, while later sessions of another
    /// type go on. A session whose profile left its window has neither. Again is nothing.
    pub fn end(&mut self) {
        if self.ended {
            return;
        }
        self.ended = true;
        let Some(area) = self.profile.value_area() else { return };
        let area = (self.profile.outside() == 0).then_some(area);
        self.previous = area;
        if let Some(slot) = self.naked.get_mut(self.oldest) {
            *slot = area.map(|a| a.poc);
        }
        self.oldest = (self.oldest + 1) % NAKED_SESSIONS;
    }

    /// Adds a trade of an open session.
    pub fn trade(&mut self, px: Px, qty: Qty, aggressor: Aggressor) {
        self.profile.add(px, qty, aggressor);
    }

    /// Adds a large print of an open session, after its trades.
    pub fn large_print(&mut self, px: Px, qty: u64) {
        self.profile.large_print(px, qty);
    }

    /// Takes a closed bar of any session: a naked point of control inside its range is touched.
    /// A gap between two bars touches nothing. Costs 20 comparisons; an empty bar none.
    pub fn close(&mut self, bar: &Bar) {
        if bar.volume == 0 {
            return;
        }
        for slot in &mut self.naked {
            if slot.is_some_and(|px| bar.low <= px && px <= bar.high) {
                *slot = None;
            }
        }
    }

    /// Takes the previous session's area from outside; one that is not ordered makes slot 23
    /// `INVALID_INPUT` while it would be read.
    pub fn import_previous(&mut self, area: ValueArea) {
        self.previous = Some(area);
    }

    /// The rows of this session.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// PPOC, PVAH and PVAL: the area of the last session of this type that ended with volume, where
    /// it stayed inside its window.
    #[must_use]
    pub const fn previous(&self) -> Option<ValueArea> {
        self.previous
    }

    /// The naked points of control in no order, at most [`NAKED_SESSIONS`].
    pub fn naked(&self) -> impl Iterator<Item = Px> {
        self.naked.iter().flatten().copied()
    }

    /// The developing value area; `None` without volume.
    #[must_use]
    pub fn developing(&self) -> Option<ValueArea> {
        self.profile.value_area()
    }

    /// High-volume nodes of the developing profile around a close at market time `now`: the nearest
    /// at or above it and the nearest below it, of those that the profile keeps, each at the middle
    /// of its rows. None before the profile is in force. Costs the rows in use.
    #[must_use]
    pub fn nodes(&self, close: Px, now: Ts) -> [Option<Px>; NODES] {
        let mut near = [None; NODES];
        if now.since(self.anchor) < DEVELOPED_NS || self.profile.outside() > 0 {
            return near;
        }
        let nodes = self.profile.nodes();
        let (above, below) = near.split_at_mut(NODES / 2);
        for node in nodes.high.iter() {
            let middle = i64::from(node.low.ticks()) + i64::from(node.high.minus(node.low) / 2);
            let px = Px::clamped(middle);
            nearest(if px >= close { &mut *above } else { &mut *below }, px, close);
        }
        near
    }

    /// The value area that slot 23 reads at market time `now`, and slot 23 for a close at `close`.
    #[must_use]
    pub fn read(&self, close: Px, now: Ts) -> (Option<ValueArea>, Slot) {
        let developed = now.since(self.anchor) >= DEVELOPED_NS;
        if developed && self.profile.outside() > 0 {
            return (None, Slot::none(Reason::InvalidInput));
        }
        // A session that has not traded yet leaves the one before it in force.
        match developed.then(|| self.developing()).flatten().or(self.previous) {
            None => (None, Slot::none(Reason::NoInput)),
            Some(area) if !area.is_ordered() => (None, Slot::none(Reason::InvalidInput)),
            Some(area) => (Some(area), Slot::some(position(close, &area))),
        }
    }
}

/// Takes `px` among the nearest to `close`, nearest first.
fn nearest(near: &mut [Option<Px>], px: Px, close: Px) {
    let mut carry = Some(px);
    let away = |px: Option<Px>| px.map_or(i32::MAX, |px| px.minus(close).abs());
    for slot in near {
        if away(carry) < away(*slot) {
            std::mem::swap(slot, &mut carry);
        }
    }
}

fn position(close: Px, area: &ValueArea) -> f64 {
    let distance = close.minus(area.poc);
    let span = if distance >= 0 { area.vah.minus(area.poc) } else { area.poc.minus(area.val) };
    (f64::from(distance) / f64::from(span.max(1))).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn px(ticks: i64) -> Px {
        Px::clamped(ticks)
    }

    #[test]
    fn golden() {
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
        session.trade(px(10), 5, Aggressor::Buy);
        assert_eq!(session.read(px(10), early).1.reason, Reason::NoInput);
        assert_eq!(session.read(px(12), Ts(DEVELOPED_NS)).1.value(), Some(1.0));
        session.anchor(Ts(0));
        assert_eq!(session.read(px(9), Ts(DEVELOPED_NS)).1.value(), Some(-1.0), "no trade yet");
        session.trade(px(30), 5, Aggressor::Buy);
        assert_eq!(session.read(px(9), early).1.value(), Some(-1.0));
        session.trade(px(300), 5, Aggressor::Buy);
        let developed = session.read(px(9), Ts(DEVELOPED_NS));
        assert_eq!(developed.1.reason, Reason::InvalidInput);
        session.end();
        assert_eq!((session.previous(), session.naked().count()), (None, 1));
    }

    /// Peaks at 10, 30, 50, 70, 90 and 110, each with its neighbours; the nearest two of each side.
    #[test]
    fn nodes_are_the_nearest_of_each_side() {
        let mut session = SessionProfile::new(256);
        session.anchor(Ts(0));
        for row in 0..120 {
            let qty = if row % 20 == 10 { 90 } else { 1 };
            session.trade(px(row), qty, Aggressor::Buy);
        }
        let at = |close| session.nodes(px(close), Ts(DEVELOPED_NS)).map(|n| n.map(Px::ticks));
        assert_eq!(at(60), [Some(70), Some(90), Some(50), Some(30)]);
        assert_eq!(at(70), [Some(70), Some(90), Some(50), Some(30)], "at the close is above");
        assert_eq!(at(95), [Some(110), None, Some(90), Some(70)]);
        assert_eq!(at(5), [Some(10), Some(30), None, None]);
        assert_eq!(session.nodes(px(60), Ts(DEVELOPED_NS - 1)), [None; NODES], "too young");
        session.trade(px(900), 1, Aggressor::Buy);
        assert_eq!(session.nodes(px(60), Ts(DEVELOPED_NS)), [None; NODES], "left its window");
    }

    #[test]
    fn an_area_out_of_order_is_refused() {
        let mut session = SessionProfile::new(64);
        session.anchor(Ts(0));
        session.import_previous(ValueArea { poc: px(5), vah: px(4), val: px(3) });
        assert_eq!(session.read(px(5), Ts(1)), (None, Slot::none(Reason::InvalidInput)));
        session.import_previous(ValueArea { poc: px(5), vah: px(7), val: px(3) });
        assert_eq!(session.read(px(6), Ts(1)).1.value(), Some(0.5));
    }

    fn spanning(low: i64, high: i64) -> Bar {
        Bar { high: px(high), low: px(low), volume: 1, ..Bar::empty(0, px(low)) }
    }

    #[test]
    fn naked_until_a_bar_spans_it() {
        let mut session = SessionProfile::new(64);
        session.anchor(Ts(0));
        session.trade(px(10), 5, Aggressor::Buy);
        session.close(&spanning(10, 10));
        session.end();
        session.end();
        assert_eq!(session.naked().collect::<Vec<_>>(), [px(10)]);
        session.close(&spanning(11, 20));
        session.close(&Bar::empty(0, px(10)));
        session.anchor(Ts(0));
        assert_eq!((session.naked().count(), session.previous().is_some()), (1, true));
        session.close(&spanning(5, 10));
        assert_eq!(session.naked().count(), 0);
    }

    /// Point of control of a session, and low and size of the bars after it.
    fn sessions() -> impl Strategy<Value = Vec<(i64, Vec<(i64, i64)>)>> {
        let bars = prop::collection::vec((0_i64..40, 0_i64..4), 0..2);
        prop::collection::vec((0_i64..40, bars), 1..60)
    }

    proptest! {
        /// The list against all sessions' points of control and all later bars; the index stays
        /// right over many sessions; slot 23 is in range, and negates under reflection.
        #[test]
        fn equals_definition(
            sessions in sessions(),
            close in -50_i64..90,
        ) {
            let (mut own, mut mirrored) = (SessionProfile::new(256), SessionProfile::new(256));
            let mut all: Vec<(i64, bool)> = Vec::new();
            for (poc, bars) in &sessions {
                own.anchor(Ts(0));
                mirrored.anchor(Ts(0));
                for (at, qty) in [(poc - 2, 3), (*poc, 9), (poc + 1, 4)] {
                    own.trade(px(at), qty, Aggressor::Buy);
                    mirrored.trade(px(7 - at), qty, Aggressor::Sell);
                }
                let (a, b) = (own.read(px(close), Ts(DEVELOPED_NS)).1,
                    mirrored.read(px(7 - close), Ts(DEVELOPED_NS)).1);
                prop_assert_eq!(a.value(), b.value().map(|v| -v));
                prop_assert!(a.value().is_some_and(|v| (-1.0..=1.0).contains(&v)));
                own.end();
                all.push((*poc, true));
                for (low, size) in bars {
                    own.close(&spanning(*low, low + size));
                    for (poc, naked) in &mut all {
                        *naked &= !(*low..=low + size).contains(poc);
                    }
                }
            }
            let mut expected: Vec<_> = all.iter().rev().take(NAKED_SESSIONS)
                .filter(|(_, naked)| *naked).map(|(poc, _)| px(*poc)).collect();
            let mut found: Vec<_> = own.naked().collect();
            expected.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
