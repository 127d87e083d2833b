//! What waits between the orders and the venue while too many messages leave.
//!
//! Cancels, flattens, lists and the end of the connection never wait. Protective messages (exits,
//! brackets of an entry that has left, changes) go before entries, each in order. An entry leaves
//! together with its bracket or not at all; one that waited too long is dropped with it.

use std::collections::VecDeque;

use super::Risk;
use crate::order::{Action, Command, KillState, OrderId};
use crate::units::Ts;

/// Most commands that wait.
const COMMANDS: usize = 64;

/// A command that leaves the throttle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Leaving {
    /// To the venue.
    Send(Command),
    /// It never goes: too late, halted, or canceled before it was sent. An entry is followed by its
    /// bracket.
    Drop(Command),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Never waits: exempt, or its room was taken with its entry.
    Free,
    /// Leaves as dropped.
    Doomed,
    /// Goes before entries.
    Protective,
    /// An entry, or what only makes sense after it.
    Entry,
}

/// Commands between the orders and the venue.
#[derive(Clone, Debug)]
pub struct Waiting {
    list: VecDeque<(Command, Class)>,
    wait_ns: i64,
}

impl Waiting {
    /// Nothing waits; an entry is dropped after `wait_ns`.
    #[must_use]
    pub fn new(wait_ns: i64) -> Waiting {
        Waiting { list: VecDeque::with_capacity(COMMANDS), wait_ns }
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Takes a command. An entry has `parent` set and its bracket follows before the next
    /// [`Waiting::poll`]. The cancel of an order that still waits drops the order instead.
    ///
    /// # Errors
    /// The command, where too many wait: it was not taken. What is exempt always finds room that
    /// entries give up.
    pub fn push(&mut self, command: Command) -> Result<(), Command> {
        let class = match command.action {
            Action::Cancel { id } if self.is_unsent(id) => {
                self.doom(id);
                return Ok(());
            }
            Action::Cancel { .. }
            | Action::Flatten { .. }
            | Action::List(_)
            | Action::Disconnect => Class::Free,
            Action::New { parent: true, .. } => Class::Entry,
            Action::Bracket { parent, .. } if self.waits(parent) => Class::Entry,
            Action::Replace { id, .. } if self.waits(id) => Class::Entry,
            Action::New { .. } | Action::Bracket { .. } | Action::Replace { .. } => {
                Class::Protective
            }
        };
        // The last places are for what must not wait.
        let limit = if class == Class::Free { COMMANDS } else { COMMANDS - 16 };
        if self.list.len() >= limit {
            return Err(command);
        }
        self.list.push_back((command, class));
        Ok(())
    }

    /// The next command that leaves at `ts`; call until there is none, at every event and Timer.
    pub fn poll(&mut self, ts: Ts, risk: &mut Risk) -> Option<Leaving> {
        if let Some(at) = self.first(Class::Free) {
            return self.list.remove(at).map(|(command, _)| Leaving::Send(command));
        }
        if let Some(at) = self.first(Class::Doomed) {
            return self.list.remove(at).map(|(command, _)| Leaving::Drop(command));
        }
        if let Some(at) = self.first(Class::Protective) {
            if !risk.admit(ts) {
                return None;
            }
            return self.list.remove(at).map(|(command, _)| Leaving::Send(command));
        }
        let at = self.first(Class::Entry)?;
        let &(command, _) = self.list.get(at)?;
        let id = of(&command.action);
        let halted = risk.kill() != KillState::Normal;
        if halted || ts.since(command.ts) > self.wait_ns {
            self.doom(id?);
            return self.poll_doomed();
        }
        let bracket = self.bracket(id);
        if risk.room(ts) < 1 + usize::from(bracket.is_some()) {
            return None;
        }
        risk.admit(ts);
        if let Some((_, class)) = bracket.and_then(|at| self.list.get_mut(at)) {
            risk.admit(ts);
            *class = Class::Free;
        }
        self.list.remove(at).map(|(command, _)| Leaving::Send(command))
    }

    fn poll_doomed(&mut self) -> Option<Leaving> {
        let at = self.first(Class::Doomed)?;
        self.list.remove(at).map(|(command, _)| Leaving::Drop(command))
    }

    fn first(&self, class: Class) -> Option<usize> {
        self.list.iter().position(|waiting| waiting.1 == class)
    }

    /// Whether a new order of that id waits.
    fn is_unsent(&self, id: OrderId) -> bool {
        let is = |c: &Command| matches!(c.action, Action::New { id: own, .. } if own == id);
        self.list.iter().any(|(command, class)| is_held(*class) && is(command))
    }

    /// Whether an entry of that id waits.
    fn waits(&self, id: OrderId) -> bool {
        self.list
            .iter()
            .any(|(c, class)| *class == Class::Entry && of(&c.action) == Some(id))
    }

    fn bracket(&self, id: Option<OrderId>) -> Option<usize> {
        let is = |c: &Command| matches!(c.action, Action::Bracket { parent, .. } if Some(parent) == id);
        self.list.iter().position(|(command, class)| *class == Class::Entry && is(command))
    }

    /// An order and everything that belongs to it.
    fn doom(&mut self, id: OrderId) {
        for (command, class) in &mut self.list {
            if is_held(*class) && of(&command.action) == Some(id) {
                *class = Class::Doomed;
            }
        }
    }
}

/// Whether a command of the class needs room.
const fn is_held(class: Class) -> bool {
    matches!(class, Class::Protective | Class::Entry)
}

/// The order that a command belongs to.
fn of(action: &Action) -> Option<OrderId> {
    match *action {
        Action::New { id, .. } | Action::Replace { id, .. } => Some(id),
        Action::Bracket { parent, .. } => Some(parent),
        _ => None,
    }
}
