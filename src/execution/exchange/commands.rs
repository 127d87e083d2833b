//! What clients ask for, judged and obeyed.

use super::order::{Bracket, Link, Stage, VenueOrder};
use super::{ENDED_MAX, Exchange, LIVE_MAX, Step};
use crate::event::Body;
use crate::order::{Action, BuySell, Command, Listing, OrderId, OrderKind, Status, UpdateReason};
use crate::units::{Px, QTY_MAX, Qty, SymbolId};

impl Exchange {
    /// Obeys a command that has arrived; the book may be read.
    pub(super) fn obey(&mut self, command: &Command, step: &mut Step<'_>) {
        let symbol = command.symbol;
        match command.action {
            Action::New { id, way, kind, qty, px, parent } => {
                let link = if parent { Link::Parent } else { Link::None };
                let order = asked(id, symbol, (way, kind, qty, px), link);
                if self.is_sound(&order) && self.is_free(1) {
                    self.accept(order, step);
                } else {
                    self.reject(order, step);
                }
            }
            Action::Bracket { parent, child, way, qty, stop, target } => {
                let link = Link::Child(parent);
                let id = parent.plus(child);
                let stop = asked(id, symbol, (way, OrderKind::Stop, qty, stop), link);
                let limit = (way, OrderKind::Limit, qty, target);
                let target = asked(id.plus(1), symbol, limit, link);
                self.bracket([stop, target], step);
            }
            Action::Cancel { id } => match self.position_of(id) {
                Some(at) => self.cancel(at, step),
                None => self.refuse(id, UpdateReason::CancelRejected, step),
            },
            Action::Replace { id, qty, px } => self.replace(id, qty, px, step),
            Action::Flatten { id } => self.flatten(id, symbol, step),
            Action::List(listing) => self.list(listing, step),
            Action::Disconnect => {
                self.left = true;
                self.pending.clear();
                step.say(Body::Link(false));
            }
        }
    }

    /// An order that lives.
    fn position_of(&self, id: OrderId) -> Option<usize> {
        self.live.iter().position(|order| order.id == id && !order.status.is_final())
    }

    fn is_free(&self, orders: usize) -> bool {
        self.live.len() + orders <= LIVE_MAX
    }

    /// Whether an order makes sense where the market is now.
    fn is_sound(&self, order: &VenueOrder) -> bool {
        let market = self.markets.get(usize::from(order.symbol.0));
        market.is_some_and(|market| !market.closed())
            && order.id != OrderId::NONE
            && self.order(order.id).is_none()
            && (1..=QTY_MAX).contains(&order.qty)
            && !self.is_past(order)
    }

    /// Whether the market has traded at or beyond a stop's price.
    fn is_past(&self, order: &VenueOrder) -> bool {
        let market = self.markets.get(usize::from(order.symbol.0));
        matches!(order.kind, OrderKind::Stop | OrderKind::StopLimit)
            && market.and_then(|m| m.last).is_some_and(|last| order.reached(last))
    }

    fn accept(&mut self, mut order: VenueOrder, step: &mut Step<'_>) {
        self.rank += 1;
        order.rank = self.rank;
        order.status = Status::Open;
        step.say(Body::Order(order.update(UpdateReason::Accepted)));
        self.live.push(order);
        self.take(self.live.len() - 1, step);
    }

    fn reject(&mut self, mut order: VenueOrder, step: &mut Step<'_>) {
        // A second order of the same id: the first one lives on as it is.
        if self.order(order.id).is_some() {
            return self.refuse(order.id, UpdateReason::NewRejected, step);
        }
        order.status = Status::Rejected;
        step.say_of(order.symbol, Body::Order(order.update(UpdateReason::NewRejected)));
        self.remember(order);
    }

    /// Keeps an ended order for whoever asks for it later.
    fn remember(&mut self, order: VenueOrder) {
        if self.ended.len() == ENDED_MAX {
            self.ended.pop_front();
        }
        self.ended.push_back(order);
    }

    /// Refuses to change an order and says how it stands.
    fn refuse(&mut self, id: OrderId, reason: UpdateReason, step: &mut Step<'_>) {
        match self.order(id).copied() {
            Some(order) => step.say_of(order.symbol, Body::Order(order.update(reason))),
            None => Exchange::unknown(id, reason, step),
        }
    }

    fn bracket(&mut self, children: [VenueOrder; 2], step: &mut Step<'_>) {
        let [stop, target] = &children;
        let parent_id = stop.parent().unwrap_or(OrderId::NONE);
        let parent = self.order(parent_id).copied().filter(|parent| {
            let dead = matches!(parent.status, Status::Canceled | Status::Rejected);
            parent.link == Link::Parent
                && parent.symbol == stop.symbol
                && parent.way == stop.way.opposite()
                && (!dead || parent.filled > 0)
        });
        let market = self.markets.get(usize::from(stop.symbol.0));
        let sound = market.is_some_and(|market| !market.closed())
            && (1..=QTY_MAX).contains(&stop.qty)
            // The stop of a sale lies below its target.
            && stop.worse(target.px) < 0
            && children.iter().all(|child| self.order(child.id).is_none())
            && self.is_free(2);
        let Some(parent) = parent.filter(|_| sound) else {
            return children.into_iter().for_each(|child| self.reject(child, step));
        };
        self.brackets.push(Bracket { parent: parent_id, entered: 0, exited: 0 });
        for mut child in children {
            self.rank += 1;
            (child.rank, child.stage) = (self.rank, Stage::Child);
            child.status = Status::PendingChild;
            step.say(Body::Order(child.update(UpdateReason::Accepted)));
            self.live.push(child);
        }
        if parent.filled > 0 {
            self.entered(parent_id, parent.filled, step);
            for at in self.live.len().saturating_sub(2)..self.live.len() {
                self.take(at, step);
            }
        }
    }

    fn replace(&mut self, id: OrderId, qty: Qty, px: Px, step: &mut Step<'_>) {
        let refused = UpdateReason::ReplaceRejected;
        let Some(at) = self.position_of(id) else { return self.refuse(id, refused, step) };
        let Some(&old) = self.live.get(at) else { return };
        let new = VenueOrder { qty, px, ..old };
        let closed = self.markets.get(usize::from(old.symbol.0)).is_none_or(|m| m.closed());
        let wrong = closed
            || old.stage == Stage::Taking
            || qty <= old.filled
            || qty > QTY_MAX
            || (old.stage == Stage::Trigger && self.is_past(&new));
        if wrong {
            return self.refuse(id, refused, step);
        }
        let total = match (old.link, old.stage) {
            (Link::Child(_), Stage::Child) => qty,
            (Link::Child(parent), _) => {
                let bracket = self.brackets.iter().find(|b| b.parent == parent);
                qty.min(old.filled.saturating_add(bracket.map_or(0, Bracket::room)))
            }
            _ => qty,
        };
        // A new price or more contracts lose the place in the queue; less keeps it.
        let moved = px != old.px || total > old.total;
        self.rank += u64::from(moved);
        let rank = self.rank;
        let Some(order) = self.live.get_mut(at) else { return };
        (order.qty, order.px, order.total) = (qty, px, total);
        if moved {
            order.rank = rank;
            if matches!(order.stage, Stage::Resting(_)) {
                order.stage = Stage::Arriving;
            }
        }
        step.say(Body::Order(order.update(UpdateReason::ReplaceDone)));
        self.take(at, step);
    }

    /// Cancels the symbol's orders and closes its position.
    fn flatten(&mut self, id: OrderId, symbol: SymbolId, step: &mut Step<'_>) {
        self.cancel_all(symbol, step);
        self.sweep();
        let position = self.markets.get(usize::from(symbol.0)).map_or(0, |m| m.position);
        let way = BuySell::of(position).map_or(BuySell::Sell, BuySell::opposite);
        let what = (way, OrderKind::Market, position.unsigned_abs(), Px::ZERO);
        let order = asked(id, symbol, what, Link::None);
        if position == 0 && self.order(id).is_none() {
            // Nothing to do is no failure.
            let nothing = VenueOrder { status: Status::Canceled, ..order };
            step.say_of(symbol, Body::Order(nothing.update(UpdateReason::Canceled)));
            step.say_of(symbol, Body::Position(0));
            self.remember(nothing);
        } else if self.is_sound(&order) && self.live.len() < LIVE_MAX + self.markets.len() {
            self.accept(order, step);
        } else {
            self.reject(order, step);
        }
    }

    /// Lists what was asked for. Money is not known here: the list of balances is empty.
    fn list(&mut self, listing: Listing, step: &mut Step<'_>) {
        match listing {
            Listing::Orders => {
                for order in self.open_orders() {
                    let update = order.update(UpdateReason::OpenOrders);
                    step.say_of(order.symbol, Body::Order(update));
                }
            }
            Listing::Positions => {
                for (symbol, position) in self.positions() {
                    step.say_of(symbol, Body::Position(position));
                }
            }
            Listing::Fills => {
                for execution in &self.fills {
                    step.say_of(execution.symbol, Body::Fill(execution.fill));
                }
            }
            Listing::Balance => {}
        }
        step.say(Body::Listed(listing));
    }
}

/// An order as it was asked for.
fn asked(
    id: OrderId,
    symbol: SymbolId,
    (way, kind, qty, px): (BuySell, OrderKind, Qty, Px),
    link: Link,
) -> VenueOrder {
    VenueOrder {
        id,
        symbol,
        way,
        kind,
        qty,
        total: qty,
        filled: 0,
        px,
        status: Status::OrderSent,
        stage: VenueOrder::first_stage(kind),
        link,
        rank: 0,
    }
}
