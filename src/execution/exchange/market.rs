//! One market as the exchange sees it: what it last heard, and what of the shown sizes is gone.

use crate::book::{Book, Ladder};
use crate::event::{Body, Event, flag};
use crate::order::BuySell;
use crate::units::{Aggressor, Px, Qty};

/// Levels whose remaining size is remembered: both visible sides twice over.
const LEVELS: usize = 40;

/// Status codes of a venue at which nothing is matched (DTC `TradingStatus`): before the open,
/// closed, halted.
const SHUT: [u8; 3] = [1, 3, 4];

/// What of a shown level cannot be taken any more.
#[derive(Clone, Copy, Debug)]
struct Spent {
    /// The side that takes from the level.
    taker: BuySell,
    px: Px,
    /// Contracts that orders of ours took. The market does not know of them: they stay missing
    /// until the level is gone or has shrunk below them.
    own: Qty,
    /// Contracts traded at the level since the book last changed: the next change shows them gone.
    tape: Qty,
}

/// State of one symbol.
#[derive(Clone, Debug)]
pub(super) struct Market {
    /// Contracts held, below 0 = short.
    pub(super) position: i32,
    /// Price of the last trade.
    pub(super) last: Option<Px>,
    /// The session is open.
    pub(super) open: bool,
    /// The venue said that it does not match.
    shut: bool,
    /// No batch of the book is under way.
    pub(super) readable: bool,
    spent: Vec<Spent>,
}

impl Market {
    pub(super) fn new() -> Market {
        let spent = Vec::with_capacity(LEVELS);
        Market { position: 0, last: None, open: false, shut: false, readable: true, spent }
    }

    /// Whether orders are neither taken nor kept.
    pub(super) const fn closed(&self) -> bool {
        self.shut || !self.open
    }

    /// Takes note of an event; `true` where the book has changed for good and may be read.
    pub(super) fn hear(&mut self, event: &Event, open: bool, book: &Book) -> bool {
        if event.is_market() || matches!(event.body, Body::Timer | Body::Status(_)) {
            self.open = open;
        }
        let settled = match event.body {
            Body::Depth { .. } | Body::Clear => {
                self.readable = event.has(flag::BATCH_END);
                self.readable
            }
            Body::BatchEnd | Body::Gap(_) => {
                self.readable = true;
                true
            }
            // Beside depth a quote changes nothing, and may be ahead of the ladder.
            Body::Quote { bid, ask } => {
                let best = |ladder: &Ladder| ladder.best().map(|level| (level.px, level.qty));
                self.readable && best(book.bids()) == bid && best(book.asks()) == ask
            }
            Body::Status(code) => {
                self.shut = SHUT.contains(&code);
                false
            }
            _ => false,
        };
        if settled {
            self.refresh(book);
        }
        settled
    }

    /// Adapts what is remembered of the levels to a book that has changed.
    fn refresh(&mut self, book: &Book) {
        self.spent.retain_mut(|spent| {
            let now = far_side(book, spent.taker).visible().iter().find(|l| l.px == spent.px);
            spent.own = spent.own.min(now.map_or(0, |level| level.qty));
            spent.tape = 0;
            spent.own > 0
        });
    }

    /// Contracts of a level of `shown` contracts that `taker` may still take.
    pub(super) fn available(&self, taker: BuySell, px: Px, shown: Qty) -> Qty {
        match self.spent.iter().find(|s| s.taker == taker && s.px == px) {
            Some(spent) => shown.saturating_sub(spent.own).saturating_sub(spent.tape),
            // A level that could not be remembered would be taken twice.
            None if self.spent.len() == LEVELS => 0,
            None => shown,
        }
    }

    /// Remembers that orders of ours took `qty` contracts of a level.
    pub(super) fn take(&mut self, taker: BuySell, px: Px, qty: Qty) {
        self.spend(Spent { taker, px, own: qty, tape: 0 });
    }

    /// Remembers a trade: what it took from the book is still shown there until the next change.
    pub(super) fn trade(&mut self, px: Px, qty: Qty, aggressor: Aggressor, book: &Book) {
        self.last = Some(px);
        for taker in [BuySell::Buy, BuySell::Sell] {
            let other = match taker {
                BuySell::Buy => Aggressor::Sell,
                BuySell::Sell => Aggressor::Buy,
            };
            // Where the feed does not say who took, either may have.
            if aggressor != other && far_side(book, taker).visible().iter().any(|l| l.px == px) {
                self.spend(Spent { taker, px, own: 0, tape: qty });
            }
        }
    }

    fn spend(&mut self, new: Spent) {
        let same = |s: &&mut Spent| s.taker == new.taker && s.px == new.px;
        if let Some(spent) = self.spent.iter_mut().find(same) {
            spent.own = spent.own.saturating_add(new.own);
            spent.tape = spent.tape.saturating_add(new.tape);
        } else if self.spent.len() < LEVELS {
            self.spent.push(new);
        }
    }
}

/// The side that an order of `way` takes from.
pub(super) const fn far_side(book: &Book, way: BuySell) -> &Ladder {
    match way {
        BuySell::Buy => book.asks(),
        BuySell::Sell => book.bids(),
    }
}

/// Contracts shown at `px` on the side where an order of `way` rests; `None` where the price is
/// beyond what can be seen.
pub(super) fn shown(book: &Book, way: BuySell, px: Px) -> Option<Qty> {
    let levels = far_side(book, way.opposite()).visible();
    let worst = levels.last()?;
    if way.sign() * px.minus(worst.px) < 0 {
        return None;
    }
    Some(levels.iter().find(|level| level.px == px).map_or(0, |level| level.qty))
}
