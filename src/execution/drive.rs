//! What is asked of the venue so that things become as they should be.
//!
//! Nothing here waits for an answer: each step looks at what is and asks for what is missing, once.
//! A late fill, a refused cancel or a lost answer lead back here with another picture.

use super::change::{Change, Changes, Moment, Odd, Outbox};
use super::orders::{Closing, Orders, Turn};
use super::state::{Asked, Draft, Order, OrderState};
use crate::order::{Action, BuySell, Command, ExitReason, OrderId, OrderKind, Role};
use crate::units::{Px, SECOND, SymbolId, Ts};

/// Time between two looks at what may be due, ns.
const LOOK_NS: i64 = SECOND / 20;

impl Orders {
    /// Looks for what is due at a time; to be called on every event. Answers that did not come,
    /// entries that lived too long, positions without a working stop, brackets that do not fit.
    pub fn on_time(&mut self, at: Moment, out: &mut Outbox, changes: &mut Changes) {
        if at.ts < self.due || !self.rounds.linked() {
            return;
        }
        self.due = Ts(at.ts.0.saturating_add(LOOK_NS));
        let mut turn = Turn { at, out, changes };
        let turn = &mut turn;
        self.each_live(|_| true, |orders, id| orders.look_at(id, turn));
        self.overdue_round(turn);
        self.audit(turn);
        self.ask(turn);
        for symbol in self.ids() {
            self.check_position(symbol, turn);
            self.drive(symbol, turn);
        }
    }

    /// The deadlines of one order.
    fn look_at(&mut self, id: OrderId, turn: &mut Turn<'_>) {
        let Some(order) = self.order(id) else { return };
        let late = |since: Ts, ns: i64| since.is_some() && turn.at.ts.since(since) >= ns;
        let silent = match order.state {
            // The round that is under way may tell.
            OrderState::Unknown if self.rounds.active().is_some() => return,
            OrderState::Unknown => return self.want_round(turn),
            state if state.is_under_way() => late(order.left(), self.params.ack_ns),
            _ => order.asked.since().is_some_and(|ts| late(ts, self.params.ack_ns)),
        };
        let old = order.role == Role::Entry
            && order.is_ours()
            && order.state != OrderState::Created
            && late(order.left(), self.params.entry_ns);
        if silent {
            self.become_(id, OrderState::Unknown, turn);
            self.want_round(turn);
        } else if old && self.rounds.can_act(turn.at.ts, self.params.round_ns) {
            self.cancel(id, turn);
        }
    }

    /// Asks for the end of an order, if that has not been asked for. What has not left ends here.
    pub(super) fn cancel(&mut self, id: OrderId, turn: &mut Turn<'_>) {
        let can = self.rounds.can_act(turn.at.ts, self.params.round_ns);
        let Some(order) = self.order_mut(id) else { return };
        let state = order.state;
        if state == OrderState::Created {
            return self.lose(id, turn);
        }
        let asked = matches!(order.asked, Asked::Cancel(_)) || state == OrderState::Unknown;
        if asked || state.is_final() || !can || turn.at.ts < order.quiet {
            return;
        }
        let (Moment { seq, ts }, symbol) = (turn.at, order.symbol);
        if turn.out.push(Command { seq, ts, symbol, action: Action::Cancel { id } }) {
            order.asked = Asked::Cancel(ts);
            let sent = order.state;
            // The state of an order that was never acknowledged stays what it is: its answer comes.
            if sent.may(OrderState::PendingCancel) && !sent.is_under_way() {
                self.become_(id, OrderState::PendingCancel, turn);
            }
        }
    }

    /// Asks for what a symbol needs.
    pub(super) fn drive(&mut self, symbol: SymbolId, turn: &mut Turn<'_>) {
        if !self.rounds.can_act(turn.at.ts, self.params.round_ns) {
            return;
        }
        self.refuse_strangers(symbol, turn);
        let Some(held) = self.held(symbol) else { return };
        if self.halted && held.closing.is_none() {
            let mine = self.live_of(symbol).any(Order::is_ours);
            if mine || held.exposed(self.rounds.recovered()) {
                return self.close(symbol, ExitReason::Kill, turn);
            }
        }
        match self.held(symbol).and_then(|held| held.closing) {
            Some(closing) => self.drive_close(symbol, closing, turn),
            None => {
                self.drive_again(symbol, turn);
                self.drive_entry(symbol, turn);
                self.drive_bracket(symbol, turn);
                self.drive_naked(symbol, turn);
            }
        }
    }

    /// Orders of ours that were met at the venue and do not protect a position are not wanted.
    fn refuse_strangers(&mut self, symbol: SymbolId, turn: &mut Turn<'_>) {
        let Some(held) = self.held(symbol) else { return };
        let (way, trade) = (BuySell::of(held.position.qty), held.position.trade);
        let unwanted = |o: &Order| {
            let own = !o.trade.is_ours() || o.trade == trade || !trade.is_ours();
            let protects = o.role != Role::Entry && way == Some(o.way.opposite()) && own;
            o.symbol == symbol && o.adopted && o.is_ours() && !protects
        };
        self.each_live(unwanted, |orders, id| orders.cancel(id, turn));
    }

    fn drive_close(&mut self, symbol: SymbolId, closing: Closing, turn: &mut Turn<'_>) {
        let mine = |o: &Order| o.symbol == symbol && o.is_ours();
        self.each_live(|o| mine(o) && o.role != Role::Exit, |orders, id| orders.cancel(id, turn));
        let Some(held) = self.held(symbol) else { return };
        let (qty, ts) = (held.position.qty, turn.at.ts);
        let exposed = held.exposed(self.rounds.recovered());
        let exits = self.live.iter().any(|o| mine(o) && o.role == Role::Exit);
        let others = self.live.iter().any(|o| mine(o) && o.role != Role::Exit);
        let unsure = self.live.iter().any(|o| mine(o) && o.state == OrderState::Unknown);
        if !exposed && !exits && !others {
            if let Some(held) = self.held_mut(symbol) {
                held.closing = None;
            }
            return;
        }
        // The bracket was faster: what the exit would still fill would turn the position round. Of
        // one that has filled what it was meant for, the venue's next word says whether it goes on.
        if !exposed {
            let goes_on = |o: &Order| mine(o) && !o.state.is_under_way() && o.remaining() > 0;
            self.each_live(goes_on, |orders, id| orders.cancel(id, turn));
        }
        // An exit that works, or of which nothing is known, may still fill: a second one could
        // turn the position round.
        if !exposed || exits || ts < closing.again {
            return;
        }
        let waited = ts.since(closing.since) >= self.params.ack_ns;
        let hard = closing.hard || waited || closing.attempts > 0;
        if !hard && (others || unsure || qty == 0) {
            return;
        }
        self.send_exit(symbol, qty, Closing { hard, ..closing }, turn);
    }

    fn send_exit(&mut self, symbol: SymbolId, qty: i32, closing: Closing, turn: &mut Turn<'_>) {
        let Moment { seq, ts } = turn.at;
        let venue = self.held(symbol).and_then(|held| held.venue).unwrap_or(0);
        let signed = if qty == 0 { venue } else { qty };
        let Some(way) = BuySell::of(signed).map(BuySell::opposite) else { return };
        let room = turn.out.room() > 0 && self.live.len() < super::LIVE_MAX;
        let Some(id) = room.then(|| self.take_ids(1, 0)).flatten() else {
            let what = if room { Odd::NoIds } else { Odd::Full };
            turn.changes.alert(symbol, OrderId::NONE, what);
            let again = Ts(ts.0.saturating_add(self.params.again_ns));
            if let Some(held) = self.held_mut(symbol) {
                held.closing = Some(Closing { again, ..closing });
            }
            return;
        };
        let trade = self.held(symbol).map_or(OrderId::NONE, |held| held.position.trade);
        let (kind, role, why) = (OrderKind::Market, Role::Exit, Some(closing.reason));
        let qty = signed.unsigned_abs();
        let draft = Draft { id, symbol, role, trade, way, kind, qty, px: None, why };
        let action = if closing.hard {
            Action::Flatten { id }
        } else {
            Action::New { id, way, kind, qty, px: Px::ZERO, parent: false }
        };
        if turn.out.push(Command { seq, ts, symbol, action }) {
            let (again, sized) = (closing.attempts > 0, !closing.hard);
            self.live.push(Order { again, sized, ..Order::new(draft, ts) });
            if closing.attempts > 0 {
                turn.changes.alert(symbol, id, Odd::Again);
            }
            let wait = self.params.again_ns.saturating_mul(1 << closing.attempts.min(3));
            let (attempts, again) = (closing.attempts + 1, Ts(ts.0.saturating_add(wait)));
            if let Some(held) = self.held_mut(symbol) {
                held.closing = Some(Closing { attempts, again, ..closing });
            }
        }
    }

    /// Sends a bracket a second time that was refused for a disturbance, once both of its orders
    /// have ended. What has no stop by then, and what this one leaves without, is closed like any
    /// other position without a working stop.
    fn drive_again(&mut self, symbol: SymbolId, turn: &mut Turn<'_>) {
        let Some((stop, since)) = self.held(symbol).and_then(|held| held.again) else { return };
        let late = turn.at.ts.since(since) >= self.params.tidy_ns;
        let old = self.order(stop).zip(self.order(stop.plus(1))).map(|(s, t)| (*s, *t));
        let Some((stop, target)) = old.filter(|_| !late) else { return self.not_again(symbol) };
        let Some(held) = self.held(symbol) else { return };
        let entry = self.live_of(symbol).find(|o| o.id == stop.trade);
        let open = held.position.trade == stop.trade && held.position.size() > 0;
        let qty = entry.map_or(held.position.size(), |entry| entry.qty);
        let wanted = entry.is_some_and(|entry| !entry.unwanted);
        if !wanted && !open {
            return self.not_again(symbol);
        }
        if self.live_of(symbol).any(|o| o.trade == stop.trade && o.role != Role::Entry) {
            return;
        }
        let room = turn.out.room() > 0 && self.live.len() + 2 <= super::LIVE_MAX;
        let prices = stop.px.zip(target.px).filter(|_| room && target.role == Role::Target);
        self.not_again(symbol);
        let Some((stop_px, target_px)) = prices else { return };
        let Some(first) = self.take_ids(2, 0) else { return };
        let (parent, way, Moment { seq, ts }) = (stop.trade, stop.way, turn.at);
        let Some(child) = first.counter().checked_sub(parent.counter()) else { return };
        let action = Action::Bracket { parent, child, way, qty, stop: stop_px, target: target_px };
        if turn.out.push(Command { seq, ts, symbol, action }) {
            for (at, old) in [(0, stop), (1, target)] {
                let Order { role, trade, kind, px, .. } = old;
                let id = parent.plus(child).plus(at);
                let draft = Draft { id, symbol, role, trade, way, kind, qty, px, why: None };
                self.live.push(Order { again: true, ..Order::new(draft, ts) });
            }
        }
    }

    fn not_again(&mut self, symbol: SymbolId) {
        if let Some(held) = self.held_mut(symbol) {
            held.again = None;
        }
    }

    /// An entry whose bracket has died must not fill.
    fn drive_entry(&mut self, symbol: SymbolId, turn: &mut Turn<'_>) {
        let entry = |o: &&Order| o.symbol == symbol && o.role == Role::Entry && o.is_ours();
        let Some(id) = self.live.iter().find(entry).map(|o| o.id) else { return };
        let stop = self.live.iter().any(|o| o.role == Role::Stop && o.trade == id);
        let coming = self.held(symbol).is_some_and(|held| held.again.is_some());
        if !(stop || coming) || self.order(id).is_some_and(|o| o.unwanted) {
            self.cancel(id, turn);
        }
    }

    /// A bracket whose trade is over, or that is larger or smaller than the position. The venue is
    /// given the time to do it by itself.
    fn drive_bracket(&mut self, symbol: SymbolId, turn: &mut Turn<'_>) {
        let child = |o: &Order| o.symbol == symbol && o.is_ours() && o.role != Role::Entry;
        let entry = self.live_of(symbol).any(|o| o.role == Role::Entry);
        let Some(held) = self.held(symbol) else { return };
        let (size, pending) = (held.position.size(), OrderState::PendingChild);
        let misfit = |o: &Order| child(o) && o.role != Role::Exit && o.remaining() != size;
        if entry || !self.live.iter().any(misfit) {
            if let Some(held) = self.held_mut(symbol) {
                held.untidy = Ts::NONE;
            }
            return;
        }
        // Children that have not left never will.
        if size == 0 {
            self.each_live(
                |o| misfit(o) && o.state == OrderState::Created,
                |orders, id| orders.lose(id, turn),
            );
        }
        let (now, tidy_ns, number) = (turn.at.ts, self.params.tidy_ns, self.rounds.number());
        let Some(held) = self.held_mut(symbol) else { return };
        if !held.untidy.is_some() {
            (held.untidy, held.untidy_round) = (now, number);
        }
        let began = held.untidy_round;
        if now.since(held.untidy) < tidy_ns {
            return;
        }
        if size == 0 {
            return self.each_live(misfit, |orders, id| orders.cancel(id, turn));
        }
        // A change of size that crosses a fill could make an exit larger than its position: what is
        // known must be of after the fill that made the bracket too large.
        if self.rounds.completed() <= began {
            return self.want_round(turn);
        }
        let live = |o: &Order| misfit(o) && o.state != pending;
        self.each_live(live, |orders, id| orders.resize(id, size, turn));
    }

    /// Asks for an order's remaining quantity to become `size`.
    fn resize(&mut self, id: OrderId, size: u32, turn: &mut Turn<'_>) {
        let Moment { seq, ts } = turn.at;
        let Some(order) = self.order_mut(id) else { return };
        let Some(px) = order.px.filter(|_| order.works()) else { return };
        if order.asked != Asked::Nothing || ts < order.quiet {
            return;
        }
        let (symbol, qty) = (order.symbol, order.filled.saturating_add(size));
        if turn.out.push(Command { seq, ts, symbol, action: Action::Replace { id, qty, px } }) {
            order.asked = Asked::Replace(ts);
            self.become_(id, OrderState::PendingReplace, turn);
        }
    }

    /// A position that no stop protects is closed.
    fn drive_naked(&mut self, symbol: SymbolId, turn: &mut Turn<'_>) {
        let Some(held) = self.held(symbol) else { return };
        let qty = held.position.qty;
        let covers = |o: &&Order| {
            o.role == Role::Stop && o.works() && BuySell::of(qty) == Some(o.way.opposite())
        };
        let covered: u64 =
            self.live_of(symbol).filter(covers).map(|o| u64::from(o.remaining())).sum();
        let (ts, naked_ns) = (turn.at.ts, self.params.naked_ns);
        let Some(held) = self.held_mut(symbol) else { return };
        if qty == 0 || covered >= u64::from(qty.unsigned_abs()) {
            held.naked = Ts::NONE;
            return;
        }
        held.naked = held.naked.or(ts);
        if ts.since(held.naked) >= naked_ns {
            held.naked = Ts::NONE;
            turn.changes.push(Change::Naked { symbol, qty });
            self.close(symbol, ExitReason::Kill, turn);
        }
    }
}
