//! [`Queue`]: the throttle between orders and venue.
//!
//! Cancels, flattens and lists never wait. Of the rest, what protects goes first; a bracket never
//! before its entry. An entry that waits too long is dropped together with its bracket, and what
//! was cancelled while it waited never leaves: a cancel cannot overtake its order.

use super::change::{Changes, Moment, Outbox};
use super::orders::{LIVE_MAX, Orders, Turn};
use super::state::{Asked, OrderState};
use crate::order::{Action, Command, OrderId};
use crate::units::{SECOND, Ts};

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

/// What a command does about the throttle.
#[derive(Clone, Copy, PartialEq)]
enum Class {
    /// Leaves at once.
    Exempt,
    /// Protects or closes: first.
    Protective,
    /// Waits for its entry.
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
    /// step. `admit` is asked once for each message that counts against the throttle and notes it;
    /// `send` says whether the command was taken: what was not is offered again at the next step.
    pub fn pass(
        &mut self,
        at: Moment,
        orders: &mut Orders,
        out: &mut Outbox,
        changes: &mut Changes,
        admit: &mut impl FnMut(Ts) -> bool,
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
                // A bracket whose entry left in this very loop follows it.
                let follows = class == Class::Entry && is == Class::Protective;
                if is != class && !follows {
                    place += 1;
                    continue;
                }
                if class != Class::Exempt && !admit(at.ts) {
                    return;
                }
                if !send(&command) {
                    return;
                }
                self.waiting.remove(place);
                orders.sent(&command, turn);
            }
        }
    }

    fn drop_old(&mut self, orders: &mut Orders, turn: &mut Turn<'_>) {
        for command in &self.waiting {
            if let Action::New { id, parent: true, .. } = command.action
                && turn.at.ts.since(command.ts) > ENTRY_WAIT_NS
            {
                for id in [id, id.plus(1), id.plus(2)] {
                    if orders.state_of(id) == Some(OrderState::Created) {
                        orders.lose(id, turn);
                    }
                }
            }
        }
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
            Action::Bracket { parent, .. }
                if created(parent.plus(1)) && created(parent.plus(2)) =>
            {
                if created(parent) {
                    Class::Held
                } else {
                    Class::Protective
                }
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

    /// A command has left.
    fn sent(&mut self, command: &Command, turn: &mut Turn<'_>) {
        let ids = match command.action {
            Action::New { id, .. } | Action::Flatten { id } => [id, OrderId::NONE],
            Action::Bracket { parent, .. } => [parent.plus(1), parent.plus(2)],
            _ => return,
        };
        let round = self.rounds.number();
        for id in ids {
            if let Some(order) = self.order_mut(id)
                && order.state == OrderState::Created
            {
                let [_, sent, _] = &mut order.times;
                *sent = turn.at.ts;
                order.sent_round = round;
                self.become_(id, OrderState::Sent, turn);
            }
        }
    }
}
