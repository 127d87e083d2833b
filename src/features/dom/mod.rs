//! Depth-of-market events: who stands in the book, who hides there, who leaves.
//!
//! Diagnostics and a dynamic support and resistance; in no directional sum.
//!
//! | event | file | side |
//! |---|---|---|
//! | wall | [`walls`] | the resting side: a bid wall supports |
//! | iceberg | [`icebergs`] | the resting side; displayed size alone is never one |
//! | absorption | [`absorption`] | the resting side: absorbed selling supports |
//! | pull | [`pulls`] | of the level that went; weighs nothing |
//! | ladder | [`ladders`] | the resting side |
//!
//! Walls and pulls read thresholds of recorded sessions and say `WARMUP` without one. Sides are
//! treated alike: the reflected market gives the same events on the other side.
//!
//! Support = (b − a)/(b + a + 1) in (−1, 1), where b and a are the weights of the events of the bid
//! and the ask side (walls, icebergs and absorptions 1, ladders ½, pulls 0), decayed with a
//! half-life of 60 s of market time; the 1 keeps a single event at one half. Source: own design.
//!
//! Update cost: a depth update is one look-up in a table of 3 KiB and a few comparisons, unless
//! the level has an execution or an open pull on it; a batch is two touches and a comparison; ten
//! levels a side are walked at most four times a second of market time; five seconds cost one
//! insertion into a sorted window of 720.

pub mod absorption;
pub mod icebergs;
pub mod ladders;
mod levels;
mod log;
pub mod pulls;
pub mod walls;

pub use ladders::Ladder;
pub use log::{DomEvent, Kind, RECENT};
pub use walls::Wall;

use super::close::LargeSizes;
use super::frame::{Reason, Slot};
use crate::book::{Book, BookState};
use crate::units::{Aggressor, Px, Qty, SECOND, Side, Ts};
use absorption::Absorption;
use levels::{Levels, Update};
use log::Log;

/// Market time between two walks over the levels.
const SAMPLE_NS: i64 = SECOND / 4;

/// Index of a side in an array of two.
const fn at(side: Side) -> usize {
    match side {
        Side::Bid => 0,
        Side::Ask => 1,
    }
}

/// Everything of one symbol.
#[derive(Clone, Debug)]
pub struct Dom {
    levels: Levels,
    walls: [walls::Walls; 2],
    ladders: [Option<Ladder>; 2],
    absorption: Absorption,
    log: Log,
    sizes: [Option<Qty>; 2],
    /// Best bid and ask of the last batch, where the book was neither crossed nor one-sided.
    touch: Option<[Px; 2]>,
    /// When the levels are walked next.
    sample: Ts,
    /// A batch has begun and not ended: the book may not be read.
    open: bool,
}

impl Default for Dom {
    fn default() -> Dom {
        Dom::new()
    }
}

impl Dom {
    /// State that has seen nothing; allocates here and nowhere else.
    #[must_use]
    pub fn new() -> Dom {
        Dom {
            levels: Levels::new(),
            walls: Default::default(),
            ladders: [None; 2],
            absorption: Absorption::default(),
            log: Log::default(),
            sizes: [None; 2],
            touch: None,
            sample: Ts::NONE,
            open: false,
        }
    }

    /// The session label changed, and with it what is large.
    pub fn set_sizes(&mut self, sizes: &LargeSizes) {
        self.sizes = [whole(sizes.level), whole(sizes.added)];
        let [level, added] = self.sizes;
        self.walls.iter_mut().for_each(|w| w.set_least(level));
        self.levels.set_added(added);
    }

    /// Market time moved to `now`; before the event that moved it. Closes the five seconds that
    /// ended.
    pub fn advance(&mut self, now: Ts) {
        self.absorption.advance(now, self.touch, &mut self.log);
    }

    /// One level now holds `qty`. Call it for every update, also inside batches.
    pub fn on_depth(&mut self, side: Side, px: Px, qty: Qty, now: Ts) {
        self.open = true;
        let touch = self.touch;
        self.levels.depth(&Update { side, px, qty, touch, now }, &mut self.log);
    }

    /// A trade inside a session.
    pub fn on_trade(&mut self, px: Px, qty: Qty, aggressor: Aggressor, now: Ts) {
        self.absorption.trade(qty, aggressor);
        let side = match aggressor {
            Aggressor::Buy => Side::Ask,
            Aggressor::Sell => Side::Bid,
            Aggressor::None => return,
        };
        self.levels.trade(side, px, qty, now, &mut self.log);
    }

    /// A batch ended and `book` may be read.
    pub fn on_batch(&mut self, book: &Book, now: Ts) {
        self.open = false;
        if book.touched() == 0 || self.touch.is_none() {
            self.touch = match (book.bids().best(), book.asks().best()) {
                (Some(bid), Some(ask)) if bid.px < ask.px => Some([bid.px, ask.px]),
                _ => None,
            };
        }
        if now >= self.sample {
            self.walk(book, now);
        }
    }

    /// A Timer: silence does not stop a wall from standing. A book in the middle of a batch is
    /// left alone.
    pub fn on_timer(&mut self, book: &Book, now: Ts) {
        if !self.open && now >= self.sample {
            self.walk(book, now);
        }
    }

    /// The book was emptied: a Clear, or a gap in the feed.
    pub fn on_clear(&mut self) {
        self.levels.clear();
        self.absorption.spoil();
        self.walls.iter_mut().for_each(walls::Walls::clear);
        self.ladders = [None; 2];
        (self.touch, self.open) = (None, false);
    }

    /// HALT or CLOSED begins. Call nothing but [`Dom::set_sizes`] until the next session's first
    /// event; levels are unknown then. The sample of five-second volumes is kept.
    pub fn pause(&mut self) {
        self.on_clear();
        self.absorption.pause();
        self.sample = Ts::NONE;
    }

    /// The contract was rolled: everything but the thresholds is forgotten.
    pub fn reset(&mut self) {
        let [level, added] = self.sizes;
        *self = Dom::new();
        self.set_sizes(&LargeSizes {
            level: level.map(f64::from),
            added: added.map(f64::from),
            print: None,
        });
    }

    fn walk(&mut self, book: &Book, now: Ts) {
        if !now.is_some() || book.state() == BookState::Empty {
            return;
        }
        self.sample = Ts((now.0.div_euclid(SAMPLE_NS) + 1).saturating_mul(SAMPLE_NS));
        if matches!(book.state(), BookState::Crossed | BookState::Locked) {
            self.walls.iter_mut().for_each(walls::Walls::clear);
            self.ladders = [None; 2];
            return;
        }
        for (side, ladder) in [(Side::Bid, book.bids()), (Side::Ask, book.asks())] {
            let levels = ladder.visible();
            if let Some(walls) = self.walls.get_mut(at(side)) {
                walls.sample(side, levels, now, &mut self.log);
            }
            let found = Ladder::find(levels);
            if let Some(last) = self.ladders.get_mut(at(side)) {
                if let (None, Some(new)) = (&last, &found) {
                    self.log.put(Kind::Ladder, side, new.px, new.size, now);
                }
                *last = found;
            }
        }
    }

    /// The standing wall nearest to the touch.
    #[must_use]
    pub fn wall(&self, side: Side) -> Option<&Wall> {
        self.walls(side).next()
    }

    /// All standing walls of a side, nearest first.
    pub fn walls(&self, side: Side) -> impl Iterator<Item = &Wall> {
        self.walls.get(at(side)).into_iter().flat_map(walls::Walls::standing)
    }

    /// The longest ladder of a side.
    #[must_use]
    pub fn ladder(&self, side: Side) -> Option<&Ladder> {
        self.ladders.get(at(side))?.as_ref()
    }

    /// Events of a kind and side since the start or the last reset.
    ///
    /// # Errors
    /// `WARMUP` where the kind cannot be judged yet: walls and pulls without a recorded session,
    /// absorption before ten minutes of volumes, icebergs and ladders before a book.
    pub fn count(&self, kind: Kind, side: Side) -> Result<u64, Reason> {
        let [level, added] = self.sizes;
        let known = match kind {
            Kind::Wall => level.is_some(),
            Kind::Pull => added.is_some(),
            Kind::Absorption => self.absorption.is_warm(),
            // Without any book there is nothing to hide in.
            Kind::Iceberg | Kind::Ladder => self.sample.is_some() || self.total() > 0,
        };
        if known { Ok(self.log.count(kind, side)) } else { Err(Reason::Warmup) }
    }

    /// The last events, newest first, at most [`RECENT`].
    pub fn recent(&self) -> impl Iterator<Item = &DomEvent> {
        self.log.recent()
    }

    /// Events so far: with [`Dom::recent`] tells which of them are new.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.log.total()
    }

    /// Support (above 0) or resistance by the events of both sides, at `now`; `NO_INPUT` before
    /// the first batch.
    #[must_use]
    pub fn support(&self, now: Ts) -> Slot {
        if self.sample.is_some() || self.total() > 0 {
            Slot::some(self.log.support(now))
        } else {
            Slot::none(Reason::NoInput)
        }
    }

    /// Where a side defends itself: the nearest standing wall, or the price nearest to the last
    /// touch of an iceberg or absorption among the recent events of the last five minutes that is
    /// not passed yet. `None` without a touch.
    #[must_use]
    pub fn defended(&self, side: Side, now: Ts) -> Option<Px> {
        let touch = *self.touch?.get(at(side))?;
        let depth = |px: Px| match side {
            Side::Bid => touch.minus(px),
            Side::Ask => px.minus(touch),
        };
        let shown = self.wall(side).map(|w| w.px);
        let told = self.log.recent().filter(|e| {
            matches!(e.kind, Kind::Iceberg | Kind::Absorption)
                && e.side == side
                && now.since(e.at) <= 300 * SECOND
        });
        let ahead = shown.into_iter().chain(told.map(|e| e.px)).filter(|&px| depth(px) >= 0);
        ahead.min_by_key(|&px| depth(px))
    }
}

/// A quantile of sizes as the least whole size that reaches it, at least 1.
fn whole(quantile: Option<f64>) -> Option<Qty> {
    // The cast saturates.
    quantile.filter(|q| q.is_finite()).map(|q| q.ceil().max(1.0) as Qty)
}

#[cfg(test)]
mod tests;
