//! Who is filled, at what, and what follows from it.

use super::market::{far_side, shown};
use super::order::{Execution, Link, Place, Stage, VenueOrder};
use super::{Exchange, FILLS_MAX, Queue, Step};
use crate::book::BookState;
use crate::event::Body;
use crate::order::{ExecutionId, Fill, OrderId, OrderKind, Status, UpdateReason};
use crate::units::{Px, Qty, SymbolId};

impl Exchange {
    /// The session ended or the venue halted: orders of the day are canceled.
    pub(super) fn cancel_all(&mut self, symbol: SymbolId, step: &mut Step<'_>) {
        for at in 0..self.live.len() {
            if self.live.get(at).is_some_and(|order| order.symbol == symbol) {
                self.cancel(at, step);
            }
        }
    }

    /// What the new book says of the queues.
    pub(super) fn advance_queues(&mut self, step: &Step<'_>) {
        let queue = self.params.queue;
        for order in self.live.iter_mut().filter(|o| o.symbol == step.event.symbol) {
            let Stage::Resting(place) = &mut order.stage else { continue };
            let Some(now) = shown(step.book, order.way, order.px) else { continue };
            match (place.ahead, queue) {
                // First seen: everything there came before, as far as anyone can tell.
                (None, _) => place.ahead = Some(now),
                (Some(ahead), Queue::Proportional) => {
                    place.ahead = Some(after_cancels(ahead, place, now));
                }
                (Some(_), Queue::Pessimistic) => {}
            }
            (place.shown, place.traded) = (now, 0);
        }
    }

    /// Orders that take do so, in the order in which they came.
    pub(super) fn take_all(&mut self, step: &mut Step<'_>) {
        // Children that become live on the way are behind their parents, hence seen too.
        for at in 0..self.live.len() {
            if self.live.get(at).is_some_and(|order| order.symbol == step.event.symbol) {
                self.take(at, step);
            }
        }
    }

    /// Lets an order take from the book what it may; a limit then joins the queue of its price.
    pub(super) fn take(&mut self, at: usize, step: &mut Step<'_>) {
        let Some(&order) = self.live.get(at) else { return };
        let arriving = match order.stage {
            Stage::Arriving => true,
            Stage::Taking => false,
            _ => return,
        };
        if order.status.is_final() || order.symbol != step.event.symbol {
            return;
        }
        // A crossed or locked book is no book to trade with; the order waits for a better one.
        if !matches!(step.book.state(), BookState::Normal | BookState::OneSided) {
            if arriving && step.book.state() == BookState::Empty {
                self.rest(at, step);
            }
            return;
        }
        for level in far_side(step.book, order.way).visible() {
            let beyond = order.worse(level.px);
            let left = self.live.get(at).map_or(0, VenueOrder::left);
            if left == 0 || (arriving && beyond > 0) {
                break;
            }
            let Some(market) = self.markets.get_mut(usize::from(order.symbol.0)) else { return };
            let qty = left.min(market.available(order.way, level.px, level.qty));
            if qty == 0 {
                continue;
            }
            market.take(order.way, level.px, qty);
            let most = if arriving { beyond.saturating_neg() } else { i32::MAX };
            let slip = self.params.slippage_ticks.min(most);
            let ticks = i64::from(level.px.ticks()) + i64::from(order.way.sign()) * i64::from(slip);
            self.fill(at, Px::clamped(ticks), qty, step);
        }
        if arriving {
            self.rest(at, step);
        }
    }

    /// Puts what is left of a limit at the end of the queue of its price.
    fn rest(&mut self, at: usize, step: &Step<'_>) {
        let Some(&order) = self.live.get(at) else { return };
        if order.status.is_final() {
            return;
        }
        let now = shown(step.book, order.way, order.px);
        // An earlier order of ours at the price stands before a later one.
        let own = self.live.iter().filter(|o| {
            (o.symbol, o.way, o.px) == (order.symbol, order.way, order.px) && o.rank < order.rank
        });
        let ahead = own.fold(now, |ahead, other| match other.stage {
            Stage::Resting(place) => Some(ahead?.max(place.ahead?)),
            _ => ahead,
        });
        let place = Place { ahead, shown: now.unwrap_or(0), traded: 0 };
        if let Some(order) = self.live.get_mut(at) {
            order.stage = Stage::Resting(place);
        }
    }

    /// A trade: elects stops, then fills who rests at its price or better, no more than it was.
    pub(super) fn on_trade(&mut self, px: Px, qty: Qty, step: &mut Step<'_>) {
        let symbol = step.event.symbol;
        for order in self.live.iter_mut().filter(|o| o.symbol == symbol) {
            if order.reached(px) {
                order.trigger();
            }
        }
        let mut left = qty;
        let mut done = None;
        while let Some((key, at)) = self.next_resting(px, done, step) {
            done = Some(key);
            let Some(order) = self.live.get_mut(at) else { return };
            let through = order.worse(px) < 0;
            let (at_px, open) = (order.px, order.left());
            let Stage::Resting(place) = &mut order.stage else { continue };
            let used = match (through, place.ahead) {
                (true, _) => 0,
                (false, Some(ahead)) => ahead.min(qty),
                (false, None) => qty,
            };
            place.ahead = if through { Some(0) } else { place.ahead.map(|a| a - used.min(a)) };
            if !through {
                place.traded = place.traded.saturating_add(qty);
            }
            let fill = left.saturating_sub(used).min(open);
            if fill > 0 {
                left -= fill;
                self.fill(at, at_px, fill, step);
            }
        }
    }

    /// The resting order after `done` in the order of side, price and arrival that a trade at `px`
    /// reaches.
    fn next_resting(
        &self,
        px: Px,
        done: Option<(i32, i32, u64)>,
        step: &Step<'_>,
    ) -> Option<((i32, i32, u64), usize)> {
        let symbol = step.event.symbol;
        let reached = |order: &VenueOrder| {
            matches!(order.stage, Stage::Resting(_))
                && order.symbol == symbol
                && !order.status.is_final()
                && order.worse(px) <= 0
        };
        let keyed = self.live.iter().enumerate().filter(|(_, o)| reached(o)).map(|(at, o)| {
            let sign = o.way.sign();
            ((sign, -sign * o.px.ticks(), o.rank), at)
        });
        keyed.filter(|(key, _)| done.is_none_or(|done| *key > done)).min()
    }

    /// Books an execution and what follows from it.
    fn fill(&mut self, at: usize, px: Px, qty: Qty, step: &mut Step<'_>) {
        let Some(order) = self.live.get_mut(at) else { return };
        order.filled += qty;
        let (id, way, symbol, link) = (order.id, order.way, order.symbol, order.link);
        let (status, reason) = if order.left() == 0 {
            (Status::Filled, UpdateReason::Filled)
        } else {
            (Status::PartiallyFilled, UpdateReason::FilledPartially)
        };
        order.status = status;
        let update = order.update(reason);
        let execution = ExecutionId::new(self.execution);
        self.execution += 1;
        let fill = Fill { id, execution, px, qty, way };
        if self.fills.len() == FILLS_MAX {
            self.fills.pop_front();
        }
        self.fills.push_back(Execution { ts: step.event.ts, symbol, fill });
        step.say(Body::Fill(fill));
        step.say(Body::Order(update));
        if let Some(market) = self.markets.get_mut(usize::from(symbol.0)) {
            let signed = way.sign().saturating_mul(i32::try_from(qty).unwrap_or(i32::MAX));
            market.position = market.position.saturating_add(signed);
            step.say(Body::Position(market.position));
        }
        match link {
            Link::None => {}
            Link::Parent => self.entered(id, qty, step),
            Link::Child(parent) => self.exited(parent, qty, step),
        }
    }

    /// The parent of a bracket filled: its children are live for as much.
    pub(super) fn entered(&mut self, parent: OrderId, qty: Qty, step: &mut Step<'_>) {
        // Who has sent no bracket, or has canceled it, goes without.
        let Some(bracket) = self.brackets.iter_mut().find(|b| b.parent == parent) else { return };
        bracket.entered = bracket.entered.saturating_add(qty);
        let room = bracket.room();
        let market = self.markets.get(usize::from(step.event.symbol.0));
        let last = market.and_then(|market| market.last);
        for child in self.live.iter_mut().filter(|o| o.link == Link::Child(parent)) {
            if child.status.is_final() {
                continue;
            }
            child.total = child.qty.min(child.filled.saturating_add(room));
            match child.stage {
                Stage::Child => {
                    child.status = Status::Open;
                    child.stage = VenueOrder::first_stage(child.kind);
                    // The market may already be beyond the stop: better out than without one.
                    let stop = child.kind == OrderKind::Stop;
                    if stop && last.is_some_and(|last| child.reached(last)) {
                        child.trigger();
                    }
                }
                // More of an order goes to the end of the queue.
                Stage::Resting(_) => {
                    self.rank += 1;
                    (child.stage, child.rank) = (Stage::Arriving, self.rank);
                }
                _ => {}
            }
            step.say(Body::Order(child.update(UpdateReason::General)));
        }
    }

    /// Stop or target filled: the other one has as much less to do.
    fn exited(&mut self, parent: OrderId, qty: Qty, step: &mut Step<'_>) {
        let Some(bracket) = self.brackets.iter_mut().find(|b| b.parent == parent) else { return };
        bracket.exited = bracket.exited.saturating_add(qty);
        let room = bracket.room();
        for at in 0..self.live.len() {
            let Some(order) = self.live.get_mut(at) else { return };
            if order.status.is_final() {
                continue;
            }
            if order.link == Link::Child(parent) {
                let total = order.qty.min(order.filled.saturating_add(room));
                let changed = std::mem::replace(&mut order.total, total) != total;
                if room > 0 && changed {
                    step.say(Body::Order(order.update(UpdateReason::General)));
                }
            }
            if room == 0 && (order.id == parent || order.link == Link::Child(parent)) {
                self.cancel(at, step);
            }
        }
    }

    /// Cancels an order that lives, and what cannot live without it.
    pub(super) fn cancel(&mut self, at: usize, step: &mut Step<'_>) {
        let Some(order) = self.live.get_mut(at) else { return };
        if order.status.is_final() {
            return;
        }
        order.status = Status::Canceled;
        let (id, symbol, link) = (order.id, order.symbol, order.link);
        step.say_of(symbol, Body::Order(order.update(UpdateReason::Canceled)));
        let group = match link {
            Link::None => return,
            Link::Child(parent) => parent,
            // What the parent did fill stays protected.
            Link::Parent if self.brackets.iter().any(|b| b.parent == id && b.entered > 0) => return,
            Link::Parent => id,
        };
        for child in self.live.iter_mut().filter(|o| o.link == Link::Child(group)) {
            if !child.status.is_final() {
                child.status = Status::Canceled;
                step.say_of(symbol, Body::Order(child.update(UpdateReason::Canceled)));
            }
        }
    }
}

/// Contracts ahead after a book that shows `now` contracts at the price: what left without a trade
/// left evenly. Rounded against the order.
fn after_cancels(ahead: Qty, place: &Place, now: Qty) -> Qty {
    let before = place.shown.saturating_sub(place.traded);
    let canceled = before.saturating_sub(now);
    let share = u64::from(canceled) * u64::from(ahead) / u64::from(before.max(1));
    ahead.saturating_sub(Qty::try_from(share).unwrap_or(Qty::MAX)).min(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancels_in_proportion() {
        let place = Place { ahead: Some(10), shown: 30, traded: 10 };
        // 20 were left after the trades, 8 of them go: 8·10/20 = 4 of those ahead.
        assert_eq!(after_cancels(10, &place, 12), 6);
        assert_eq!(after_cancels(10, &place, 20), 10, "trades alone");
        assert_eq!(after_cancels(10, &place, 50), 10, "who comes is behind");
        assert_eq!(after_cancels(10, &place, 13), 7, "3.5 counts as 3");
        assert_eq!(after_cancels(10, &place, 0), 0);
    }
}
