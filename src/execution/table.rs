//! Look-up and bookkeeping of [`Orders`]: what every other part of it uses.

use super::change::{Change, Changes};
use super::orders::{ENDED_MAX, EXECUTIONS_MAX, Held, Orders, Turn};
use super::position::{Position, Source};
use super::state::{Asked, Order, OrderState};
use crate::order::{BuySell, ExecutionId, OrderId};
use crate::units::{Px, Qty, SymbolId, Ts};

impl Orders {
    pub(super) fn held(&self, symbol: SymbolId) -> Option<&Held> {
        self.symbols.get(usize::from(symbol.0))
    }

    pub(super) fn held_mut(&mut self, symbol: SymbolId) -> Option<&mut Held> {
        self.symbols.get_mut(usize::from(symbol.0))
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = SymbolId> + use<> {
        (0..self.symbols.len()).map(|at| SymbolId(u16::try_from(at).unwrap_or(u16::MAX)))
    }

    pub(super) fn live_of(&self, symbol: SymbolId) -> impl Iterator<Item = &Order> {
        self.live.iter().filter(move |o| o.symbol == symbol)
    }

    pub(super) fn order_mut(&mut self, id: OrderId) -> Option<&mut Order> {
        self.live.iter_mut().chain(&mut self.ended).find(|o| o.id == id && id != OrderId::NONE)
    }

    /// Calls `then` for every living order that is `of`, which may end it.
    pub(super) fn each_live(
        &mut self,
        of: impl Fn(&Order) -> bool,
        mut then: impl FnMut(&mut Orders, OrderId),
    ) {
        let mut at = 0;
        while let Some(order) = self.live.get(at) {
            let id = order.id;
            if of(order) {
                then(self, id);
            }
            if self.live.get(at).is_some_and(|o| o.id == id) {
                at += 1;
            }
        }
    }

    pub(super) fn remember(&mut self, execution: ExecutionId) {
        if execution == ExecutionId::NONE {
            return;
        }
        if self.executions.len() < EXECUTIONS_MAX {
            self.executions.push(execution);
        } else if let Some(place) = self.executions.get_mut(self.execution_at) {
            *place = execution;
            self.execution_at = (self.execution_at + 1) % EXECUTIONS_MAX;
        }
    }

    /// Moves an order to another state and, where that is an end, among the ended.
    pub(super) fn become_(&mut self, id: OrderId, to: OrderState, turn: &mut Turn<'_>) {
        let Some(at) = self.live.iter().position(|o| o.id == id) else { return };
        let Some(order) = self.live.get_mut(at) else { return };
        let from = order.state;
        if from == to {
            return;
        }
        order.state = to;
        if to == OrderState::Unknown || to.is_final() {
            order.asked = Asked::Nothing;
        }
        let order = *order;
        turn.changes.push(Change::Moved { order, from });
        if to.is_final() {
            self.live.remove(at);
            if self.ended.len() < ENDED_MAX {
                self.ended.push(order);
            } else if let Some(place) = self.ended.get_mut(self.ended_at) {
                *place = order;
                self.ended_at = (self.ended_at + 1) % ENDED_MAX;
            }
        }
    }

    pub(super) fn take_ids(&mut self, n: u32, spare: u32) -> Option<OrderId> {
        let end = self.next.counter().checked_add(n)?;
        if end.checked_add(spare)? > self.reserved.counter() {
            return None;
        }
        let id = self.next;
        self.next = OrderId::new(id.date(), end);
        Some(id)
    }

    /// Counts contracts into the position, first what they close, then what they open.
    pub(super) fn count(
        &mut self,
        symbol: SymbolId,
        source: Source,
        qty: Qty,
        px: Option<Px>,
        turn: &mut Turn<'_>,
    ) {
        let (ts, round) = (turn.at.ts, self.rounds.number());
        let Some(held) = self.held_mut(symbol) else { return };
        held.counted_round = round;
        let closes = held.position.closes(source.way, qty);
        if closes > 0 {
            held.position.count(source, closes, px, ts);
        }
        held.finish(qty > closes && held.position.qty == 0, turn.changes);
        if qty > closes {
            held.position.count(source, qty - closes, px, ts);
        }
        held.compare(ts);
    }

    pub(super) fn price(
        &mut self,
        symbol: SymbolId,
        way: BuySell,
        qty: Qty,
        px: Px,
        turn: &mut Turn<'_>,
    ) {
        let Some(held) = self.held_mut(symbol) else { return };
        held.position.price(way, qty, px);
        held.finish(false, turn.changes);
    }
}

impl Held {
    /// Whether there is something to be closed. The venue's number counts where this state is not
    /// sure of its own: else it is one of before the last fill.
    pub(super) fn exposed(&self, recovered: bool) -> bool {
        let unsure = self.settling || !recovered;
        self.position.qty != 0 || (unsure && self.venue.is_some_and(|venue| venue != 0))
    }

    /// Reports a round trip that is over: known in full, or `anyway`.
    pub(super) fn finish(&mut self, anyway: bool, changes: &mut Changes) {
        let over = self.position.is_open() && self.position.qty == 0;
        if over && (anyway || self.position.is_done()) {
            changes.push(Change::Closed(self.position));
            self.position = Position::flat(self.position.symbol);
        }
    }

    /// Notes since when the venue's position is another one.
    pub(super) fn compare(&mut self, ts: Ts) {
        self.differs = match self.venue {
            Some(venue) if venue != self.position.qty => self.differs.or(ts),
            _ => Ts::NONE,
        };
        if !self.differs.is_some() && self.venue.is_some() {
            (self.settling, self.excused) = (false, false);
        }
    }
}
