//! [`Queue`]: the throttle between orders and venue.
//!
//! Cancels, flattens and lists never wait. Of the rest, what protects goes first. An entry and its
//! bracket leave together or not at all: a fill never waits for its stop. An entry that waits too
//! long, or that the market has left behind, is dropped together with its bracket, and what was
//! cancelled while it waited never leaves: a cancel cannot overtake its order.

use super::change::{Changes, Moment, Outbox};
use super::orders::{LIVE_MAX, Orders, Turn};
use super::state::{Asked, OrderState};
use crate::order::{Action, Command, OrderId, Role};
use crate::units::SECOND;

/// Time after which a waiting entry is dropped, ns.
const ENTRY_WAIT_NS: i64 = SECOND;
/// Most waiting commands.
const WAITING_MAX: usize = 4 * LIVE_MAX;

/// See the module.
#[derive(Clone, Debug)]
pub struct Queue {
    waiting: Vec<Command>,
}

impl Default for Queue {
    fn default() -> Queue {
        Queue { waiting: Vec::with_capacity(WAITING_MAX) }
    }
}

/// Whether a message may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admit {
    /// Now; it is counted.
    Now,
    /// Not yet.
    Later,
    /// Not any more.
    Never,
}

/// What a command does about the throttle.
#[derive(Clone, Copy, PartialEq)]
enum Class {
    /// Leaves at once.
    Exempt,
    /// Protects or closes: first.
    Protective,
    /// Leaves with its entry.
    Held,
    /// Last.
    Entry,
    /// Never leaves: what it is about has ended.
    Dead,
}

impl Queue {
    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes what is in `out` and hands on what may leave now. To be called at the end of every
    /// step. `admit` is asked once for each message that counts against the throttle and notes it:
    /// an entry counts as two, for its bracket is not asked for. `send` says whether the command
    /// was taken: what was not is offered again at the next step; an entry may be taken only where
    /// its bracket will be too.
    pub fn pass(
        &mut self,
        at: Moment,
        orders: &mut Orders,
        out: &mut Outbox,
        changes: &mut Changes,
        admit: &mut impl FnMut(&Command) -> Admit,
        send: &mut impl FnMut(&Command) -> bool,
    ) {
        if self.waiting.is_empty() && out.list().is_empty() {
            return;
        }
        self.waiting.extend(out.drain());
        let turn = &mut Turn { at, out, changes };
        self.drop_old(orders, turn);
        for class in [Class::Exempt, Class::Protective, Class::Entry] {
            let mut place = 0;
            while let Some(command) = self.waiting.get(place).copied() {
                let is = orders.class(&command);
                if is == Class::Dead {
                    self.waiting.remove(place);
                    continue;
                }
                if is != class {
                    place += 1;
                    continue;
                }
                match if class == Class::Exempt { Admit::Now } else { admit(&command) } {
                    Admit::Now => {}
                    Admit::Later => return,
                    Admit::Never => {
                        orders.drop_entry(&command, turn);
                        self.waiting.remove(place);
                        continue;
                    }
                }
                if !send(&command) {
                    return;
                }
                self.waiting.remove(place);
                orders.handed(&command, turn);
                // An entry is followed by its bracket, which stands behind it.
                if let Some(next) = self.waiting.get(place).copied()
                    && is_bracket_of(&next, &command)
                {
                    if !send(&next) {
                        return;
                    }
                    self.waiting.remove(place);
                    orders.handed(&next, turn);
                }
            }
        }
    }

    fn drop_old(&mut self, orders: &mut Orders, turn: &mut Turn<'_>) {
        for command in &self.waiting {
            if turn.at.ts.since(command.ts) > ENTRY_WAIT_NS {
                orders.drop_entry(command, turn);
            }
        }
    }
}

fn is_bracket_of(next: &Command, entry: &Command) -> bool {
    match (next.action, entry.action) {
        (Action::Bracket { parent, .. }, Action::New { id, parent: true, .. }) => parent == id,
        _ => false,
    }
}

impl Orders {
    fn state_of(&self, id: OrderId) -> Option<OrderState> {
        self.open_orders().find(|o| o.id == id).map(|o| o.state)
    }

    fn class(&self, command: &Command) -> Class {
        let created = |id| self.state_of(id) == Some(OrderState::Created);
        match command.action {
            Action::Cancel { .. } | Action::List(_) | Action::Disconnect => Class::Exempt,
            Action::Flatten { id } if created(id) => Class::Exempt,
            Action::New { id, parent: true, .. } if created(id) => Class::Entry,
            Action::New { id, .. } if created(id) => Class::Protective,
            Action::Bracket { parent, child, .. }
                if created(parent.plus(child)) && created(parent.plus(child).plus(1)) =>
            {
                if created(parent) { Class::Held } else { Class::Protective }
            }
            Action::Replace { id, .. } => match self.order(id) {
                Some(o) if !o.state.is_final() && matches!(o.asked, Asked::Replace(_)) => {
                    Class::Protective
                }
                _ => Class::Dead,
            },
            _ => Class::Dead,
        }
    }

    /// An entry does not leave, nor does its bracket.
    fn drop_entry(&mut self, command: &Command, turn: &mut Turn<'_>) {
        let Action::New { id, parent: true, .. } = command.action else { return };
        for id in [id, id.plus(1), id.plus(2)] {
            if self.state_of(id) == Some(OrderState::Created) {
                self.lose(id, turn);
            }
        }
    }

    /// A command was handed on. Inside this program that is all the way.
    fn handed(&mut self, command: &Command, turn: &mut Turn<'_>) {
        let ids = match command.action {
            Action::New { id, .. } | Action::Flatten { id } => [id, OrderId::NONE],
            Action::Bracket { parent, child, .. } => {
                let stop = parent.plus(child);
                [stop, stop.plus(1)]
            }
            _ => return,
        };
        let (round, inside) = (self.rounds.number(), self.params.inside);
        for id in ids {
            if let Some(order) = self.order_mut(id)
                && order.state == OrderState::Created
            {
                (order.handed, order.sent_round) = (turn.at.ts, round);
                self.become_(id, OrderState::Handed, turn);
                if inside {
                    self.sent(id, turn);
                }
            }
        }
    }

    /// The bytes of the message that makes order `id` have left; of a bracket, of which `id` is the
    /// stop, those of its target with them. An order that the venue has spoken of since stays what
    /// it is.
    pub(super) fn on_sent(&mut self, id: OrderId, turn: &mut Turn<'_>) {
        let target = id.plus(1);
        let is = |orders: &Orders, id, role| orders.order(id).is_some_and(|o| o.role == role);
        let pair = is(self, id, Role::Stop) && is(self, target, Role::Target);
        self.sent(id, turn);
        if pair {
            self.sent(target, turn);
        }
    }

    fn sent(&mut self, id: OrderId, turn: &mut Turn<'_>) {
        let round = self.rounds.number();
        let Some(order) = self.order_mut(id) else { return };
        let [_, sent, _] = &mut order.times;
        if !sent.is_some() && order.handed.is_some() {
            *sent = turn.at.ts;
            order.sent_round = round;
        }
        if order.state == OrderState::Handed {
            self.become_(id, OrderState::Sent, turn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::{Params, Plan};
    use crate::order::{BuySell, ExitReason, OrderKind};
    use crate::units::{Px, SymbolId, Ts};

    const MS: i64 = SECOND / 1000;

    struct Desk {
        orders: Orders,
        queue: Queue,
        out: Outbox,
        changes: Changes,
        room: u32,
        left_behind: bool,
        ready: bool,
        sent: Vec<Action>,
    }

    impl Desk {
        fn new() -> Desk {
            let params = Params { inside: true, ..Params::default() };
            let id = |n| OrderId::new(20_260_114, n);
            Desk {
                orders: Orders::new(params, 3, id(0), id(1000)),
                queue: Queue::default(),
                out: Outbox::default(),
                changes: Changes::default(),
                room: 0,
                left_behind: false,
                ready: true,
                sent: Vec::new(),
            }
        }

        fn enter(&mut self, symbol: u16, ms: i64) -> OrderId {
            let px = |ticks| Px::new(ticks).expect("px");
            let plan = Plan {
                seq: 1,
                ts: Ts(ms * MS),
                symbol: SymbolId(symbol),
                way: BuySell::Buy,
                kind: OrderKind::Limit,
                qty: 2,
                px: px(100),
                stop: px(90),
                target: px(130),
                again: OrderId::NONE,
            };
            self.orders.enter(&plan, &mut self.out).expect("an entry")
        }

        /// What leaves at a time with so much room.
        fn pass(&mut self, ms: i64, room: u32) -> Vec<Action> {
            let Desk { orders, queue, out, changes, room: left, left_behind, ready, sent } = self;
            *left = room;
            let mut admit = |command: &Command| {
                let entry = is_entry(&command.action);
                if entry && *left_behind {
                    return Admit::Never;
                }
                let Some(rest) = left.checked_sub(if entry { 2 } else { 1 }) else {
                    return Admit::Later;
                };
                *left = rest;
                Admit::Now
            };
            let mut send = |command: &Command| {
                if *ready {
                    sent.push(command.action);
                }
                *ready
            };
            let at = Moment { seq: 1, ts: Ts(ms * MS) };
            queue.pass(at, orders, out, changes, &mut admit, &mut send);
            std::mem::take(sent)
        }

        fn state(&self, id: OrderId) -> OrderState {
            self.orders.order(id).expect("an order").state
        }
    }

    const fn is_entry(action: &Action) -> bool {
        matches!(action, Action::New { parent: true, .. })
    }

    #[test]
    fn an_entry_leaves_with_its_bracket_or_not_at_all() {
        let mut desk = Desk::new();
        let first = desk.enter(0, 0);
        let second = desk.enter(1, 0);
        assert!(desk.pass(0, 0).is_empty());
        assert_eq!(desk.state(first), OrderState::Created);
        // The last place of the second is no place for two.
        assert!(desk.pass(1, 1).is_empty());
        let sent = desk.pass(2, 3);
        let [Action::New { id, .. }, Action::Bracket { parent, .. }] = sent[..] else {
            panic!("{sent:?}")
        };
        assert_eq!((id, parent), (first, first));
        for n in 0..3 {
            assert_eq!(desk.state(first.plus(n)), OrderState::Sent);
            assert_eq!(desk.state(second.plus(n)), OrderState::Created);
        }
        assert!(!desk.queue.is_empty());
        assert_eq!(desk.pass(3, 5).len(), 2);
        assert!(desk.queue.is_empty());
    }

    #[test]
    fn an_entry_that_the_market_has_left_behind_is_dropped_with_its_bracket() {
        let mut desk = Desk::new();
        let id = desk.enter(0, 0);
        assert!(desk.pass(0, 0).is_empty());
        desk.left_behind = true;
        assert!(desk.pass(1, 9).is_empty());
        for n in 0..3 {
            assert_eq!(desk.state(id.plus(n)), OrderState::Canceled);
        }
        assert!(desk.pass(2, 9).is_empty() && desk.queue.is_empty());
    }

    #[test]
    fn an_entry_that_waits_too_long_is_dropped_with_its_bracket() {
        let mut desk = Desk::new();
        let id = desk.enter(0, 0);
        assert!(desk.pass(1000, 0).is_empty());
        assert_eq!(desk.state(id), OrderState::Created);
        assert!(desk.pass(1001, 9).is_empty());
        assert!(desk.queue.is_empty());
        for n in 0..3 {
            assert_eq!(desk.state(id.plus(n)), OrderState::Canceled);
        }
    }

    #[test]
    fn what_is_cancelled_while_it_waits_never_leaves() {
        let mut desk = Desk::new();
        let id = desk.enter(0, 0);
        desk.pass(0, 0);
        let at = Moment { seq: 2, ts: Ts(10 * MS) };
        desk.orders.halt(at, &mut desk.out, &mut desk.changes);
        assert!(desk.pass(10, 9).is_empty(), "neither the entry nor a cancel of it");
        assert_eq!(desk.state(id), OrderState::Canceled);
        assert_eq!(desk.orders.open_orders().count(), 0);
    }

    #[test]
    fn cancels_and_flattens_never_wait() {
        let mut desk = Desk::new();
        let id = desk.enter(0, 0);
        assert_eq!(desk.pass(0, 9).len(), 2);
        let waiting = desk.enter(1, 5);
        let at = Moment { seq: 2, ts: Ts(10 * MS) };
        let (out, changes) = (&mut desk.out, &mut desk.changes);
        desk.orders.exit(at, SymbolId(0), ExitReason::Kill, out, changes);
        let sent = desk.pass(10, 0);
        let cancels = sent.iter().filter(|a| matches!(a, Action::Cancel { .. })).count();
        assert_eq!((cancels, sent.len()), (3, 3), "{sent:?}");
        assert!(!sent.iter().any(is_entry));
        assert_eq!(desk.state(id), OrderState::Sent);
        assert_eq!(desk.state(waiting), OrderState::Created);
    }

    #[test]
    fn what_the_ring_does_not_take_is_offered_again() {
        let mut desk = Desk::new();
        let id = desk.enter(0, 0);
        desk.ready = false;
        assert!(desk.pass(0, 9).is_empty());
        assert_eq!(desk.state(id), OrderState::Created);
        desk.ready = true;
        assert_eq!(desk.pass(1, 9).len(), 2);
        assert!(desk.pass(2, 9).is_empty(), "once");
    }
}
