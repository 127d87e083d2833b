//! What each price shows, and where something is going on.
//!
//! A table of 128 prices a side, keyed by the low bits of the price: prices 128 ticks apart share
//! a place, the newer one takes it and what was known of the other is forgotten. A depth update
//! that meets a known price with no mark on it reads and writes twelve bytes.

use super::icebergs::Window;
use super::log::{Kind, Log};
use super::pulls::{Candidate, Verdict, distance};
use crate::units::{Px, Qty, Side, Ts};

/// Places of both sides; a power of two.
const PLACES: usize = 256;
/// No price has these ticks.
const NOBODY: i32 = i32::MIN;

/// Executions in the window of this price.
const EXECUTED: u32 = 1;
/// A large addition is being watched.
const ADDED: u32 = 2;

#[derive(Clone, Copy, Debug)]
struct Cell {
    px: i32,
    shown: Qty,
    marks: u32,
}

/// A depth update.
#[derive(Clone, Copy, Debug)]
pub(super) struct Update {
    pub(super) side: Side,
    pub(super) px: Px,
    pub(super) qty: Qty,
    /// Best bid and ask of the last batch.
    pub(super) touch: Option<[Px; 2]>,
    pub(super) now: Ts,
}

/// The table.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    cells: Box<[Cell; PLACES]>,
    windows: Box<[Window; PLACES]>,
    candidates: Box<[Candidate; PLACES]>,
    /// Least addition that is large; without a recorded session one that none reaches.
    large: u64,
}

fn index(side: Side, px: Px) -> usize {
    let low = (px.ticks() & (PLACES as i32 / 2 - 1)) as usize;
    match side {
        Side::Bid => low,
        Side::Ask => low + PLACES / 2,
    }
}

impl Levels {
    pub(super) fn new() -> Levels {
        Levels {
            cells: Box::new([Cell { px: NOBODY, shown: 0, marks: 0 }; PLACES]),
            windows: Box::new([Window::EMPTY; PLACES]),
            candidates: Box::new([Candidate::NONE; PLACES]),
            large: u64::MAX,
        }
    }

    pub(super) fn set_added(&mut self, added: Option<Qty>) {
        self.large = added.map_or(u64::MAX, |added| u64::from(added.max(1)));
        if added.is_none() {
            self.cells.iter_mut().for_each(|c| c.marks &= !ADDED);
        }
    }

    pub(super) fn clear(&mut self) {
        self.cells.fill(Cell { px: NOBODY, shown: 0, marks: 0 });
    }

    #[inline]
    pub(super) fn depth(&mut self, update: &Update, log: &mut Log) {
        let at = index(update.side, update.px);
        let (Some(cell), Some(window)) = (self.cells.get_mut(at), self.windows.get_mut(at)) else {
            return;
        };
        let (px, qty) = (update.px.ticks(), update.qty);
        if cell.px != px {
            *cell = Cell { px, shown: qty, marks: 0 };
            return;
        }
        let before = std::mem::replace(&mut cell.shown, qty);
        let large = u64::from(qty.saturating_sub(before)) >= self.large;
        // Most updates are near the touch, where something was executed within the minute.
        let quiet = match cell.marks {
            0 => true,
            EXECUTED => window.keeps(qty, update.now),
            _ => false,
        };
        if !quiet || large {
            self.watched(at, before, large, update, log);
        }
    }

    /// An update of a level with a mark on it, or one that puts a mark there.
    fn watched(&mut self, at: usize, before: Qty, large: bool, update: &Update, log: &mut Log) {
        let (Some(cell), Some(window), Some(candidate)) =
            (self.cells.get_mut(at), self.windows.get_mut(at), self.candidates.get_mut(at))
        else {
            return;
        };
        let &Update { side, px, qty, touch, now } = update;
        let mut executed = 0;
        if cell.marks & EXECUTED != 0 {
            let updated = window.update(before, qty, now);
            executed = updated.executed;
            if let Some(size) = updated.iceberg {
                log.put(Kind::Iceberg, side, px, size, now);
            }
            if updated.idle {
                cell.marks &= !EXECUTED;
            }
        }
        let distance = distance(side, px, touch);
        if cell.marks & ADDED != 0 {
            let cancelled = before.saturating_sub(qty).saturating_sub(executed);
            let verdict = candidate.cancel(cancelled, distance, now);
            if let Verdict::Pulled(size) = verdict {
                log.put(Kind::Pull, side, px, u64::from(size), now);
            }
            if verdict != Verdict::Open {
                cell.marks &= !ADDED;
            }
        }
        if large
            && let Some(new) = distance.and_then(|d| Candidate::new(qty - before, before, d, now))
        {
            *candidate = new;
            cell.marks |= ADDED;
        }
    }

    /// Contracts were executed against the resting `side` at `px`. A price that has not shown
    /// anything yet is passed over.
    pub(super) fn trade(&mut self, side: Side, px: Px, qty: Qty, now: Ts, log: &mut Log) {
        let at = index(side, px);
        let (Some(cell), Some(window)) = (self.cells.get_mut(at), self.windows.get_mut(at)) else {
            return;
        };
        if cell.px != px.ticks() {
            return;
        }
        if cell.marks & EXECUTED == 0 {
            *window = Window::open(cell.shown, now);
            cell.marks |= EXECUTED;
        }
        if let Some(size) = window.execute(qty, cell.shown, now) {
            log.put(Kind::Iceberg, side, px, size, now);
        }
    }
}
