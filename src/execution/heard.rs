//! What the venue says of orders and executions, and what this state makes of it.

use super::change::{Change, Odd};
use super::orders::{LISTED_MAX, LIVE_MAX, Orders, QTY_ORDER_MAX, Turn};
use super::position::Source;
use super::state::{Asked, Draft, Order, OrderState, Told, told};
use crate::order::BuySell;
use crate::order::{
    ExecutionId, ExitReason, Fill, OrderId, OrderKind, OrderUpdate, QTY_UNKNOWN, Role, Status,
    UpdateReason,
};
use crate::units::{SECOND, SymbolId, Ts};

impl Orders {
    pub(super) fn on_reserved(&mut self, id: OrderId) {
        // The counter never repeats, whatever the date: only a later end is a new block.
        if id.counter() > self.reserved.counter() {
            self.reserved = id;
            self.next = OrderId::new(id.date().max(self.next.date()), self.next.counter());
        }
    }

    pub(super) fn on_fill(&mut self, symbol: SymbolId, fill: Fill, turn: &mut Turn<'_>) {
        self.drop_candidate(turn);
        if fill.qty == 0 || fill.qty > QTY_ORDER_MAX {
            return turn.changes.alert(symbol, fill.id, Odd::Unreadable);
        }
        if self.knows(fill.execution) {
            return turn.changes.alert(symbol, fill.id, Odd::Repeated);
        }
        let nameless = fill.execution == ExecutionId::NONE;
        match self.order(fill.id) {
            // Nobody could tell whose it is, or whether it is repeated.
            None if nameless || fill.id == OrderId::NONE => {
                turn.changes.alert(symbol, fill.id, Odd::Unreadable);
                self.want_round(turn);
            }
            None => {
                self.remember(fill.execution);
                let (trade, reason) = (OrderId::trip(turn.at.ts, symbol), ExitReason::Manual);
                turn.changes.push(Change::Foreign { symbol, fill });
                let source = Source { trade, way: fill.way, reason };
                self.count(symbol, source, fill.qty, Some(fill.px), turn);
            }
            Some(order) if nameless || order.by_list => self.candidate = Some((symbol, fill)),
            Some(_) => {
                self.remember(fill.execution);
                self.take_fill(fill, turn);
            }
        }
    }

    /// A fill of a list. It waits for the list's end: what counts is how much of an order the whole
    /// list has filled, since a server may call an execution by another id than it did at first.
    /// Fills of orders that are not known are in the position that is listed, and a list that comes
    /// a second time says nothing new.
    pub(super) fn on_listed_fill(&mut self, fill: Fill, turn: &mut Turn<'_>) {
        self.drop_candidate(turn);
        let round = self.rounds.active().map(|round| round.number);
        let known = self.knows(fill.execution);
        if !self.rounds.lists_fills() {
            return;
        }
        let Some(order) = self.order_mut(fill.id) else { return };
        if fill.qty == 0 || fill.qty > QTY_ORDER_MAX {
            let symbol = order.symbol;
            return turn.changes.alert(symbol, fill.id, Odd::Unreadable);
        }
        // What it had filled when it was met is in the position that the venue tells.
        let met = order.adopted && round == Some(order.sent_round);
        order.listed = order.listed.saturating_add(fill.qty);
        if met {
            return self.remember(fill.execution);
        }
        if known {
            return;
        }
        order.strange = order.strange.saturating_add(fill.qty);
        if self.listed.len() >= LISTED_MAX
            && let Some(old) = self.listed.pop_front()
            && let Some(order) = self.order_mut(old.id)
        {
            order.strange = order.strange.saturating_sub(old.qty);
        }
        self.listed.push_back(fill);
    }

    /// The list of fills is complete: of those that are not known by id an order takes as many
    /// contracts as it lacks, the newest.
    pub(super) fn take_listed(&mut self, turn: &mut Turn<'_>) {
        while let Some(fill) = self.listed.pop_front() {
            let Some(order) = self.order_mut(fill.id) else { continue };
            order.strange = order.strange.saturating_sub(fill.qty);
            let lacks = order.listed.max(order.filled).saturating_sub(order.priced);
            let qty = lacks.saturating_sub(order.strange).min(fill.qty);
            if qty == 0 {
                continue;
            }
            order.by_list = true;
            self.remember(fill.execution);
            self.take_fill(Fill { qty, ..fill }, turn);
        }
    }

    /// A list begins: nothing of an older one counts.
    pub(super) fn forget_listed(&mut self) {
        self.listed.clear();
        for order in self.live.iter_mut().chain(&mut self.ended) {
            (order.listed, order.strange) = (0, 0);
        }
    }

    fn knows(&self, execution: ExecutionId) -> bool {
        execution != ExecutionId::NONE && self.executions.contains(&execution)
    }

    /// A fill that its id does not tell from one that is repeated, and without an update behind it:
    /// the venue is asked.
    fn drop_candidate(&mut self, turn: &mut Turn<'_>) {
        if let Some((symbol, fill)) = self.candidate.take() {
            turn.changes.alert(symbol, fill.id, Odd::Unreadable);
            self.want_round(turn);
        }
    }

    fn take_fill(&mut self, fill: Fill, turn: &mut Turn<'_>) {
        let Some(order) = self.order_mut(fill.id) else { return };
        let late = order.state.is_final();
        if order.role == Role::Exit && order.filled == 0 {
            // Which way a flatten goes is the venue's knowledge.
            order.way = fill.way;
        }
        let [_, _, acked] = &mut order.times;
        *acked = acked.or(turn.at.ts);
        order.priced = order.priced.saturating_add(fill.qty);
        order.fills = order.fills.saturating_add(1);
        let grown = order.priced.saturating_sub(order.filled);
        order.filled += grown;
        let order = *order;
        turn.changes.push(Change::Filled { order, fill, new: grown, index: order.fills });
        if late && grown > 0 {
            turn.changes.alert(order.symbol, order.id, Odd::LateFill);
        }
        if fill.way != order.way {
            turn.changes.alert(order.symbol, order.id, Odd::WrongWay);
            self.want_round(turn);
        }
        if order.filled > order.qty && order.sized {
            turn.changes.alert(order.symbol, order.id, Odd::Overfill);
            self.want_round(turn);
        }
        let source = self.source(&order, fill.way, turn.at.ts);
        if grown < fill.qty {
            self.price(order.symbol, fill.way, fill.qty - grown, fill.px, turn);
        }
        if grown > 0 {
            self.count(order.symbol, source, grown, Some(fill.px), turn);
        }
        self.after_growth(order.id, turn);
    }

    fn source(&self, order: &Order, way: BuySell, ts: Ts) -> Source {
        let closing = self.held(order.symbol).and_then(|held| held.closing);
        let reason = match order.role {
            Role::Stop => ExitReason::Stop,
            Role::Target => ExitReason::Target,
            _ => order.why.or(closing.map(|c| c.reason)).unwrap_or(ExitReason::Manual),
        };
        Source { trade: order.opens(way, ts), way, reason }
    }

    /// The state that fills alone lead to: a list of fills has no updates behind it.
    fn after_growth(&mut self, id: OrderId, turn: &mut Turn<'_>) {
        let Some(order) = self.order_mut(id) else { return };
        let sure = !matches!(order.asked, Asked::Replace(_)) && order.sized;
        let done = order.filled >= order.qty && sure;
        let to = match order.state {
            state if state.is_final() => return,
            _ if done => OrderState::Filled,
            OrderState::Created
            | OrderState::Handed
            | OrderState::Sent
            | OrderState::Accepted
            | OrderState::PendingChild
            | OrderState::Working => OrderState::PartFilled,
            _ => return,
        };
        self.become_(id, to, turn);
    }

    pub(super) fn on_order(&mut self, symbol: SymbolId, update: &OrderUpdate, turn: &mut Turn<'_>) {
        let candidate = self.candidate.take_if(|(_, fill)| fill.id == update.id);
        self.drop_candidate(turn);
        let round = self.rounds.number();
        let Some(order) = self.order_mut(update.id) else {
            return self.adopt(symbol, update, turn);
        };
        order.heard_round = round;
        order.absent_round = 0;
        let [_, _, acked] = &mut order.times;
        *acked = acked.or(turn.at.ts);
        order.sized = true;
        if order.state.is_final() && !self.rise(update, turn) {
            return self.grow(update, candidate, turn);
        }
        let Some(order) = self.order_mut(update.id) else { return };
        let refused = match update.reason {
            UpdateReason::CancelRejected | UpdateReason::ReplaceRejected => {
                order.asked = Asked::Nothing;
                order.quiet = Ts(turn.at.ts.0.saturating_add(SECOND / 2));
                true
            }
            UpdateReason::ReplaceDone => {
                order.asked = Asked::Nothing;
                false
            }
            _ => false,
        };
        if !refused {
            if update.qty != QTY_UNKNOWN && (1..=QTY_ORDER_MAX).contains(&update.qty) {
                order.qty = update.qty;
            }
            if let Some(way) = update.way.filter(|_| order.role == Role::Exit && order.filled == 0)
            {
                order.way = way;
            }
            order.px = update.px.or(order.px);
        } else {
            let (order, what, class) = (*order, update.reason, update.class);
            turn.changes.push(Change::Refused { order, what, class });
        }
        self.grow(update, candidate, turn);
        let Some(order) = self.order(update.id) else { return };
        match told(order, update) {
            Told::Stay => {}
            Told::To(OrderState::Rejected) => self.refused(update, turn),
            Told::To(state) => self.become_(update.id, state, turn),
            Told::Ask => {
                self.become_(update.id, OrderState::Unknown, turn);
                self.want_round(turn);
            }
        }
    }

    /// An order is refused. What protects or closes a position is tried once more where the reason
    /// was a disturbance; an entry is the trader's to try again.
    fn refused(&mut self, update: &OrderUpdate, turn: &mut Turn<'_>) {
        let Some(order) = self.order_mut(update.id) else { return };
        order.refused = update.class;
        let (order, what) = (*order, UpdateReason::NewRejected);
        turn.changes.push(Change::Refused { order, what, class: update.class });
        self.become_(order.id, OrderState::Rejected, turn);
        if !order.may_try_again() {
            return;
        }
        let Some(held) = self.held_mut(order.symbol) else { return };
        match order.role {
            Role::Exit => {
                if let Some(closing) = &mut held.closing {
                    closing.again = Ts::NONE;
                }
            }
            Role::Stop => held.again = Some((order.id, turn.at.ts)),
            Role::Entry | Role::Target => {}
        }
    }

    /// Whether an ended order lives after all: it ended without a word of the venue, or a list of
    /// the venue shows it.
    fn rise(&mut self, update: &OrderUpdate, turn: &mut Turn<'_>) -> bool {
        let listed = update.reason == UpdateReason::OpenOrders;
        let living = !update.status.is_final()
            && !matches!(update.status, Status::Unspecified | Status::OrderSent);
        let Some(at) = self.ended.iter().position(|o| o.id == update.id) else { return false };
        let Some(order) = self.ended.get_mut(at) else { return false };
        if !living || !(order.lost || listed) || self.live.len() >= LIVE_MAX {
            return false;
        }
        // Nobody waits for it any more: it is treated like one that was met at the venue.
        (order.state, order.lost, order.adopted) = (OrderState::Unknown, false, true);
        let order = *order;
        // Its place stays, as that of nobody, so that the ring keeps its order.
        if let Some(place) = self.ended.get_mut(at) {
            place.id = OrderId::NONE;
        }
        self.live.push(order);
        turn.changes.alert(order.symbol, order.id, Odd::Risen);
        true
    }

    /// Counts what the venue says is filled beyond what is known.
    fn grow(
        &mut self,
        update: &OrderUpdate,
        candidate: Option<(SymbolId, Fill)>,
        turn: &mut Turn<'_>,
    ) {
        let Some(order) = self.order(update.id) else { return };
        let (known, symbol) = (order.filled, order.symbol);
        let absurd = update.filled > QTY_ORDER_MAX && update.filled != QTY_UNKNOWN;
        if absurd {
            turn.changes.alert(symbol, update.id, Odd::Unreadable);
            self.want_round(turn);
        }
        if absurd || update.filled == QTY_UNKNOWN {
            if candidate.is_some() && !absurd {
                turn.changes.alert(symbol, update.id, Odd::Unreadable);
                self.want_round(turn);
            }
            return;
        }
        if update.filled < known {
            return turn.changes.alert(symbol, update.id, Odd::Shrunk);
        }
        if let Some((_, fill)) = candidate {
            self.remember(fill.execution);
            if update.filled - known >= fill.qty {
                self.take_fill(fill, turn);
            }
        }
        let Some(order) = self.order_mut(update.id) else { return };
        let more = update.filled.saturating_sub(order.filled);
        if more == 0 {
            return;
        }
        let late = order.state.is_final();
        order.filled = update.filled;
        let order = *order;
        turn.changes.push(Change::Unpriced { order, qty: more });
        if late {
            turn.changes.alert(symbol, update.id, Odd::LateFill);
        }
        let source = self.source(&order, order.way, turn.at.ts);
        self.count(symbol, source, more, None, turn);
        self.want_round(turn);
    }

    /// An order at the venue that this state lacks: it is watched from now on.
    fn adopt(&mut self, symbol: SymbolId, update: &OrderUpdate, turn: &mut Turn<'_>) {
        if update.status.is_final() || update.id == OrderId::NONE {
            return;
        }
        let (Some(way), Some(kind)) = (update.way, update.kind) else {
            turn.changes.alert(symbol, update.id, Odd::Unreadable);
            return self.want_round(turn);
        };
        if self.live.len() >= LIVE_MAX || self.held(symbol).is_none() {
            return turn.changes.alert(symbol, update.id, Odd::Full);
        }
        let role = match kind {
            OrderKind::Stop | OrderKind::StopLimit => Role::Stop,
            OrderKind::Limit => Role::Target,
            OrderKind::Market => Role::Exit,
        };
        let sane = |qty| if qty > QTY_ORDER_MAX { 0 } else { qty };
        let qty = sane(update.qty);
        let (id, trade, px, why) = (update.id, OrderId::NONE, update.px, None);
        let draft = Draft { id, symbol, role, trade, way, kind, qty, px, why };
        let mut order = Order::new(draft, turn.at.ts);
        let filled = sane(update.filled);
        (order.filled, order.priced, order.adopted) = (filled, filled, true);
        (order.sent_round, order.heard_round) = (self.rounds.number(), self.rounds.number());
        (order.state, order.times) = (OrderState::Unknown, [Ts::NONE, Ts::NONE, turn.at.ts]);
        if let Told::To(state) = told(&order, update) {
            order.state = state;
        }
        self.live.push(order);
        turn.changes.push(Change::Orphan(order));
        if self.rounds.active().is_none() {
            self.want_round(turn);
        }
    }
}
