//! The depth ladder of one symbol, in ticks.
//!
//! Updates are keyed by price: an unknown price inserts, a known one replaces, size 0 deletes. A
//! side holds up to [`HELD`] levels so that a feed deeper than ten keeps its tenth level when a
//! better one goes; readers see the best ten. Inside a batch a ladder may be crossed for a moment:
//! read it where [`Book::apply`] says that a batch ended.

use crate::event::{Body, Event, flag};
use crate::units::{Px, Qty, Side};

/// Levels a side that readers see.
pub const VISIBLE: usize = 10;
/// Levels a side that are held.
pub const HELD: usize = 32;

/// One price level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Its price.
    pub px: Px,
    /// Contracts resting there, above 0.
    pub qty: Qty,
    /// Orders resting there, 0 when unknown.
    pub orders: u16,
}

/// How the two sides stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum BookState {
    /// Neither side has a level.
    Empty = 0,
    /// Only one side has levels.
    OneSided = 1,
    /// Best bid below best ask.
    Normal = 2,
    /// Best bid equals best ask.
    Locked = 3,
    /// Best bid above best ask: usual before an opening, not tradable.
    Crossed = 4,
}

/// One side of the ladder, best level first.
#[derive(Clone, Debug)]
pub struct Ladder {
    levels: [Level; HELD],
    len: usize,
    /// +1 where a higher price is better (bids), −1 for asks.
    sign: i32,
}

impl Ladder {
    const fn new(sign: i32) -> Ladder {
        Ladder { levels: [Level { px: Px::ZERO, qty: 0, orders: 0 }; HELD], len: 0, sign }
    }

    /// The best ten levels, best first.
    #[must_use]
    pub fn visible(&self) -> &[Level] {
        self.levels.get(..self.len.min(VISIBLE)).unwrap_or_default()
    }

    /// The best level.
    #[must_use]
    pub fn best(&self) -> Option<Level> {
        if self.len > 0 { self.levels.first().copied() } else { None }
    }

    /// Sets the level at `px` and returns its position from the best, `None` where a delete found
    /// nothing. A level worse than all of a full ladder is not kept, but has a position.
    pub fn set(&mut self, px: Px, qty: Qty, orders: u16) -> Option<usize> {
        let key = px.ticks() * self.sign;
        let held = self.levels.get(..self.len).unwrap_or_default();
        // Most updates are near the touch: a walk from the best beats a binary search.
        let at = held.iter().position(|l| l.px.ticks() * self.sign <= key).unwrap_or(self.len);
        let found = held.get(at).is_some_and(|l| l.px == px);
        match (found, qty) {
            (true, 0) => self.remove(at),
            (false, 0) => return None,
            (true, _) => {
                if let Some(level) = self.levels.get_mut(at) {
                    *level = Level { px, qty, orders };
                }
            }
            (false, _) => self.insert(at, Level { px, qty, orders }),
        }
        Some(at)
    }

    fn remove(&mut self, at: usize) {
        if let Some(tail) = self.levels.get_mut(at..self.len) {
            tail.copy_within(1.., 0);
            self.len -= 1;
        }
    }

    fn insert(&mut self, at: usize, level: Level) {
        // A full ladder forgets its worst level; a level worse than all of them is not kept.
        let len = (self.len + 1).min(HELD);
        if let Some(tail) = self.levels.get_mut(at..len)
            && !tail.is_empty()
        {
            let keep = tail.len() - 1;
            tail.copy_within(..keep, 1);
            if let Some(first) = tail.first_mut() {
                *first = level;
            }
            self.len = len;
        }
    }

    fn clear(&mut self) {
        self.len = 0;
    }
}

/// Both sides of one symbol.
#[derive(Clone, Debug)]
pub struct Book {
    bids: Ladder,
    asks: Ladder,
    /// Once the feed has sent depth, quotes no longer touch the ladder.
    has_depth: bool,
    missing_deletes: u64,
    /// Best position that changed since the last batch ended.
    touched: usize,
    /// The batch that `touched` tells of has ended.
    ended: bool,
    /// A batch is under way.
    partial: bool,
}

impl Default for Book {
    fn default() -> Book {
        Book::new()
    }
}

impl Book {
    /// An empty book.
    #[must_use]
    pub const fn new() -> Book {
        Book {
            bids: Ladder::new(1),
            asks: Ladder::new(-1),
            has_depth: false,
            missing_deletes: 0,
            touched: usize::MAX,
            ended: false,
            partial: false,
        }
    }

    /// Applies an event of this symbol; `true` where a batch has ended and the book may be read.
    pub fn apply(&mut self, event: &Event) -> bool {
        if self.ended {
            (self.touched, self.ended) = (usize::MAX, false);
        }
        self.ended = self.change(event);
        let changes = matches!(event.body, Body::Depth { .. } | Body::Clear);
        self.partial = !self.ended && (self.partial || changes);
        self.ended
    }

    /// Whether no batch is under way: between its events a ladder may be crossed or lack levels.
    #[must_use]
    pub const fn is_readable(&self) -> bool {
        !self.partial
    }

    fn change(&mut self, event: &Event) -> bool {
        match event.body {
            Body::Depth { side, px, qty, orders } => {
                if !self.has_depth {
                    self.clear();
                    self.has_depth = true;
                }
                let ladder = match side {
                    Side::Bid => &mut self.bids,
                    Side::Ask => &mut self.asks,
                };
                match ladder.set(px, qty, orders) {
                    Some(at) => self.touched = self.touched.min(at),
                    None => self.missing_deletes += 1,
                }
                event.has(flag::BATCH_END)
            }
            Body::Clear => {
                self.has_depth = true;
                self.clear();
                event.has(flag::BATCH_END)
            }
            Body::Quote { bid, ask } if !self.has_depth => {
                self.clear();
                if let Some((px, qty)) = bid {
                    self.bids.set(px, qty, 0);
                }
                if let Some((px, qty)) = ask {
                    self.asks.set(px, qty, 0);
                }
                true
            }
            Body::BatchEnd => true,
            // What was missed may have changed any level: better no book than a wrong one.
            Body::Gap(_) => {
                self.clear();
                true
            }
            _ => false,
        }
    }

    /// Empties both sides.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
        self.touched = 0;
    }

    /// Best position, from 0, that the batch which has just ended changed on either side: what
    /// reads no deeper has nothing new to read. `usize::MAX` where nothing changed.
    #[must_use]
    pub const fn touched(&self) -> usize {
        self.touched
    }

    /// The bid side.
    #[must_use]
    pub const fn bids(&self) -> &Ladder {
        &self.bids
    }

    /// The ask side.
    #[must_use]
    pub const fn asks(&self) -> &Ladder {
        &self.asks
    }

    /// Deletes of prices that were not held: normal for a feed deeper than [`HELD`].
    #[must_use]
    pub const fn missing_deletes(&self) -> u64 {
        self.missing_deletes
    }

    /// How the sides stand to each other.
    #[must_use]
    pub fn state(&self) -> BookState {
        match (self.bids.best(), self.asks.best()) {
            (None, None) => BookState::Empty,
            (Some(b), Some(a)) if b.px < a.px => BookState::Normal,
            (Some(b), Some(a)) if b.px == a.px => BookState::Locked,
            (Some(_), Some(_)) => BookState::Crossed,
            _ => BookState::OneSided,
        }
    }
}

/// Fuzz body: any bytes as updates, clears, quotes and gaps keep a book equal to its slow twin.
#[doc(hidden)]
pub fn fuzz_book(data: &[u8]) {
    let (mut book, mut twin) = (Book::new(), twin::Twin::default());
    let mut shown = [Vec::new(), Vec::new()];
    for chunk in data.chunks_exact(3) {
        let &[op, at, size] = chunk else { continue };
        let event = twin::event(op, at, size);
        let ended = book.apply(&event);
        assert_eq!(ended, twin.apply(&event));
        assert_eq!(twin::Twin::levels(&book.bids), twin.best(0));
        assert_eq!(twin::Twin::levels(&book.asks), twin.best(1));
        assert_eq!(book.state(), twin.state());
        assert!(book.is_readable() || !ended);
        if ended {
            // What the book says is untouched has not changed.
            let now = [&book.bids, &book.asks].map(twin::Twin::levels);
            for (now, before) in now.iter().zip(&shown) {
                assert!(now.iter().zip(before).take(book.touched()).all(|(a, b)| a == b));
                let same = |l: &[_]| l.len().min(book.touched());
                assert_eq!(same(now), same(before));
            }
            shown = now;
        }
    }
}

/// The book as two sorted maps: plainly right, slow.
mod twin {
    use std::collections::BTreeMap;

    use super::{BookState, HELD, Ladder, VISIBLE};
    use crate::event::{Body, Event, GapCause, flag};
    use crate::units::{Px, Qty, Side, SymbolId, Ts};

    #[derive(Default)]
    pub(super) struct Twin {
        /// Keys are best first: negated prices of bids, prices of asks.
        sides: [BTreeMap<i32, Qty>; 2],
        has_depth: bool,
    }

    /// An event out of three bytes.
    pub(super) fn event(op: u8, at: u8, size: u8) -> Event {
        let (px, qty) = (Px::clamped(i64::from(at) - 100), Qty::from(size % 4));
        let body = match op % 16 {
            0 => Body::Clear,
            1 => Body::Gap(GapCause::Disconnect),
            2 => Body::Quote { bid: Some((px, qty + 1)), ask: None },
            3 => Body::BatchEnd,
            n => {
                let side = if n % 2 == 0 { Side::Bid } else { Side::Ask };
                Body::Depth { side, px, qty, orders: 1 }
            }
        };
        let (ts, symbol, flags) = (Ts(1), SymbolId(0), op >> 7);
        Event { seq: 1, ts, ts_exch: ts, symbol, flags, body }
    }

    impl Twin {
        pub(super) fn apply(&mut self, event: &Event) -> bool {
            let end = event.has(flag::BATCH_END);
            match event.body {
                Body::Depth { side, px, qty, .. } => {
                    if !std::mem::replace(&mut self.has_depth, true) {
                        self.sides = Default::default();
                    }
                    let [bids, asks] = &mut self.sides;
                    let (side, key) = match side {
                        Side::Bid => (bids, -px.ticks()),
                        Side::Ask => (asks, px.ticks()),
                    };
                    side.remove(&key);
                    if qty > 0 {
                        side.insert(key, qty);
                    }
                    // A full ladder forgets its worst level.
                    if side.len() > HELD {
                        side.pop_last();
                    }
                    end
                }
                Body::Quote { bid, .. } if !self.has_depth => {
                    let bids = bid.map(|(px, qty)| (-px.ticks(), qty)).into_iter().collect();
                    self.sides = [bids, BTreeMap::new()];
                    true
                }
                Body::Clear => {
                    *self = Twin { has_depth: true, ..Twin::default() };
                    end
                }
                Body::Gap(_) => {
                    self.sides = Default::default();
                    true
                }
                body => matches!(body, Body::BatchEnd),
            }
        }

        /// The best levels as key and size.
        pub(super) fn best(&self, side: usize) -> Vec<(i32, Qty)> {
            let levels = self.sides.get(side).into_iter().flatten();
            levels.take(VISIBLE).map(|(&key, &qty)| (key, qty)).collect()
        }

        pub(super) fn levels(ladder: &Ladder) -> Vec<(i32, Qty)> {
            ladder.visible().iter().map(|l| (-l.px.ticks() * ladder.sign, l.qty)).collect()
        }

        pub(super) fn state(&self) -> BookState {
            match self.sides.each_ref().map(|s| s.first_key_value().map(|(&key, _)| key)) {
                [None, None] => BookState::Empty,
                [Some(bid), Some(ask)] => match (-bid).cmp(&ask) {
                    std::cmp::Ordering::Less => BookState::Normal,
                    std::cmp::Ordering::Equal => BookState::Locked,
                    std::cmp::Ordering::Greater => BookState::Crossed,
                },
                _ => BookState::OneSided,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{SymbolId, Ts};

    fn event(body: Body, flags: u8) -> Event {
        Event { seq: 1, ts: Ts(1), ts_exch: Ts(1), symbol: SymbolId(0), flags, body }
    }

    fn depth(side: Side, px: i64, qty: Qty) -> Event {
        event(Body::Depth { side, px: Px::clamped(px), qty, orders: 1 }, flag::BATCH_END)
    }

    #[test]
    fn upsert_delete_states() {
        let mut book = Book::new();
        assert_eq!(book.state(), BookState::Empty);
        assert!(book.apply(&depth(Side::Bid, 100, 5)));
        assert_eq!(book.state(), BookState::OneSided);
        book.apply(&depth(Side::Ask, 101, 7));
        assert_eq!(book.state(), BookState::Normal);
        book.apply(&depth(Side::Bid, 101, 1));
        assert_eq!(book.state(), BookState::Locked);
        book.apply(&depth(Side::Bid, 102, 1));
        assert_eq!(book.state(), BookState::Crossed);
        book.apply(&depth(Side::Bid, 102, 0));
        book.apply(&depth(Side::Bid, 101, 0));
        assert_eq!(book.bids().best().map(|l| (l.px.ticks(), l.qty)), Some((100, 5)));
        book.apply(&depth(Side::Bid, 55, 0));
        assert_eq!(book.missing_deletes(), 1);
        assert!(!book.apply(&event(Body::Clear, 0)));
        assert_eq!(book.state(), BookState::Empty);
        book.apply(&depth(Side::Bid, 100, 5));
        assert!(book.apply(&event(Body::Gap(crate::event::GapCause::Disconnect), 0)));
        assert_eq!(book.state(), BookState::Empty, "a gap leaves no level to trust");
    }

    #[test]
    fn depth_outranks_quotes() {
        let mut book = Book::new();
        let quote = Body::Quote { bid: Some((Px::clamped(10), 1)), ask: None };
        assert!(book.apply(&event(quote, 0)));
        assert_eq!(book.bids().visible().len(), 1);
        book.apply(&depth(Side::Ask, 20, 2));
        assert!(book.bids().best().is_none(), "the quote's level was no depth level");
        assert!(!book.apply(&event(quote, 0)));
        assert!(book.bids().best().is_none());
    }

    #[test]
    fn full_ladder_forgets_the_worst() {
        let mut ladder = Ladder::new(1);
        for px in 0..40 {
            ladder.set(Px::clamped(px), 1, 1);
        }
        assert_eq!(ladder.visible().first().map(|l| l.px.ticks()), Some(39));
        assert_eq!(ladder.set(Px::clamped(7), 0, 0), None, "below the held 32");
        assert_eq!(ladder.set(Px::clamped(8), 0, 0), Some(31));
        // Worse than all and no room left: not kept.
        ladder.set(Px::clamped(8), 1, 1);
        ladder.set(Px::clamped(1), 1, 1);
        assert_eq!(ladder.set(Px::clamped(1), 0, 0), None);
    }
}
