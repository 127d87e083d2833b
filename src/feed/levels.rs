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
    for gone in old.held() {
        if !new.held().iter().any(|l| l.px == gone.px) {
            emit(Body::Depth { side, px: gone.px, qty: 0, orders: 0 });
        }
    }
    for level in new.held() {
        if !old.held().contains(level) {
            let Level { px, qty, orders } = *level;
            emit(Body::Depth { side, px, qty, orders });
        }
    }
}
