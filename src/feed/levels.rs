//! From whole ten-level states to the updates between them.

use crate::book::{Level, VISIBLE};
use crate::event::Body;
use crate::units::Side;

/// The best ten levels of one side, best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ten {
    levels: [Level; VISIBLE],
    len: usize,
}

impl Ten {
    /// The first ten of `levels`.
    pub(super) fn from_iter(levels: impl Iterator<Item = Level>) -> Ten {
        let mut ten = Ten::default();
        for (slot, level) in ten.levels.iter_mut().zip(levels) {
            *slot = level;
            ten.len += 1;
        }
        ten
    }

    pub(super) fn held(&self) -> &[Level] {
        self.levels.get(..self.len).unwrap_or_default()
    }

    /// The worst level while all ten are in use.
    pub(super) fn tenth(&self) -> Option<Level> {
        if self.len == VISIBLE { self.levels.last().copied() } else { None }
    }
}

/// Emits what turns `old` into `new`: deletes first, so that a ladder never holds more than ten.
pub(super) fn diff(old: &Ten, new: &Ten, side: Side, mut emit: impl FnMut(Body)) {
    let sign = if side == Side::Bid { -1 } else { 1 };
    let key = |level: &Level| level.px.ticks() * sign;
    // Both are sorted, and mostly equal: what they share in front and behind is passed over.
    let same = old.held().iter().zip(new.held()).take_while(|(a, b)| a == b).count();
    let (old, new) =
        (old.held().get(same..).unwrap_or_default(), new.held().get(same..).unwrap_or_default());
    let behind = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let old = old.get(..old.len() - behind).unwrap_or_default();
    let new = new.get(..new.len() - behind).unwrap_or_default();
    let mut ahead = new.iter().peekable();
    for gone in old {
        while ahead.next_if(|l| key(l) < key(gone)).is_some() {}
        if ahead.peek().is_none_or(|l| l.px != gone.px) {
            emit(Body::Depth { side, px: gone.px, qty: 0, orders: 0 });
        }
    }
    let mut before = old.iter().peekable();
    for level in new {
        while before.next_if(|l| key(l) < key(level)).is_some() {}
        if before.peek().is_none_or(|l| *l != level) {
            let Level { px, qty, orders } = *level;
            emit(Body::Depth { side, px, qty, orders });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::units::Px;

    proptest! {
        /// Applying the updates to the old state gives the new one, and never more than ten levels.
        #[test]
        fn updates_lead_from_one_to_the_other(
            a in prop::collection::btree_map(0_i64..25, 1_u32..4, 0..14),
            b in prop::collection::btree_map(0_i64..25, 1_u32..4, 0..14),
            bid in any::<bool>(),
        ) {
            let (side, sign) = if bid { (Side::Bid, -1) } else { (Side::Ask, 1) };
            let ten = |m: &BTreeMap<i64, u32>| {
                let mut levels: Vec<Level> = m
                    .iter()
                    .map(|(&p, &qty)| Level { px: Px::clamped(p), qty, orders: 1 })
                    .collect();
                levels.sort_by_key(|l| l.px.ticks() * sign);
                Ten::from_iter(levels.into_iter())
            };
            let (old, new) = (ten(&a), ten(&b));
            let mut held: BTreeMap<Px, u32> = old.held().iter().map(|l| (l.px, l.qty)).collect();
            diff(&old, &new, side, |body| {
                let Body::Depth { px, qty, .. } = body else { panic!("{body:?}") };
                if qty == 0 {
                    assert!(held.remove(&px).is_some());
                } else {
                    assert_ne!(held.insert(px, qty), Some(qty), "nothing is said twice");
                }
                assert!(held.len() <= VISIBLE);
            });
            let expected: BTreeMap<Px, u32> = new.held().iter().map(|l| (l.px, l.qty)).collect();
            prop_assert_eq!(held, expected);
        }
    }
}
