//! What waits between the orders and the venue while too many messages leave.
//!
//! Cancels, flattens, lists and the end of the connection never wait. Protective messages (exits,
//! brackets of an entry that has left, changes) go before entries, each in order. An entry leaves
//! together with its bracket or not at all; one that waited too long is dropped with it.

use std::collections::VecDeque;

use super::Risk;
use crate::order::{Action, Command, KillState, OrderId};
use crate::units::{SymbolId, Ts};

/// Most commands that wait.
const COMMANDS: usize = 64;
/// Places of them for what never waits and for brackets.
const SPARE: usize = 16;

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
    /// [`Waiting::poll`]. The cancel of an order that still waits drops the order; a flatten
    /// drops everything of its symbol that waits.
    ///
    /// # Errors
    /// The command, where too many wait: it was not taken.
    pub fn push(&mut self, command: Command) -> Result<(), Command> {
        let class = match command.action {
            Action::Cancel { id } if self.is_unsent(id) => {
                self.doom(id);
                return Ok(());
            }
            Action::Flatten { .. } => {
                // An exit that left after it would open a position the other way round.
                self.doom_symbol(command.symbol);
                Class::Free
            }
            Action::Cancel { .. } | Action::List(_) | Action::Disconnect => Class::Free,
            Action::New { parent: true, .. } => Class::Entry,
            Action::Bracket { parent, .. } if self.waits(parent) => Class::Entry,
            Action::Replace { id, .. } if self.waits(id) => Class::Entry,
            Action::New { .. } | Action::Bracket { .. } | Action::Replace { .. } => {
                Class::Protective
            }
        };
        // The last places are for what must not wait and for brackets: an entry that was taken gets
        // its own.
        let limit = match command.action {
            Action::Bracket { .. } => COMMANDS,
            Action::New { parent: true, .. } => COMMANDS - SPARE - 1,
            _ if class == Class::Free => COMMANDS,
            _ => COMMANDS - SPARE,
        };
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
        self.list.iter().any(|(c, class)| *class == Class::Entry && of(&c.action) == Some(id))
    }

    fn bracket(&self, id: Option<OrderId>) -> Option<usize> {
        let is =
            |c: &Command| matches!(c.action, Action::Bracket { parent, .. } if Some(parent) == id);
        self.list.iter().position(|(command, class)| *class == Class::Entry && is(command))
    }

    /// Everything of a symbol that needs room.
    fn doom_symbol(&mut self, symbol: SymbolId) {
        for (command, class) in &mut self.list {
            if command.symbol == symbol && is_held(*class) {
                *class = Class::Doomed;
            }
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::calendar::Calendar;
    use crate::order::{BuySell, OrderKind};
    use crate::risk::{Params, Product, State};
    use crate::units::{Px, SECOND};

    fn risk() -> Risk {
        let calendar = Arc::new(Calendar::bundled().expect("calendar"));
        let es = Product::of_root("ES");
        Risk::new(Params::default(), vec![es], calendar, State::default())
    }

    fn id(n: u32) -> OrderId {
        OrderId::new(20_260_114, n)
    }

    fn command(ts: Ts, action: Action) -> Command {
        Command { seq: 1, ts, symbol: SymbolId(0), action }
    }

    fn new(n: u32, parent: bool) -> Action {
        let (way, kind) = (BuySell::Buy, OrderKind::Market);
        Action::New { id: id(n), way, kind, qty: 1, px: Px::ZERO, parent }
    }

    fn bracket(n: u32) -> Action {
        let (way, px) = (BuySell::Sell, Px::ZERO);
        Action::Bracket { parent: id(n), way, qty: 1, stop: px, target: px }
    }

    fn replace(n: u32) -> Action {
        Action::Replace { id: id(n), qty: 1, px: Px::ZERO }
    }

    fn push(waiting: &mut Waiting, ts: Ts, actions: &[Action]) {
        for &action in actions {
            waiting.push(command(ts, action)).expect("room");
        }
    }

    /// What leaves at `ts`: sent, dropped.
    fn leave(waiting: &mut Waiting, ts: Ts, risk: &mut Risk) -> (Vec<Action>, Vec<Action>) {
        let (mut sent, mut dropped) = (Vec::new(), Vec::new());
        while let Some(leaving) = waiting.poll(ts, risk) {
            match leaving {
                Leaving::Send(command) => sent.push(command.action),
                Leaving::Drop(command) => dropped.push(command.action),
            }
        }
        (sent, dropped)
    }

    #[test]
    fn five_in_a_second_and_protective_ones_first() {
        let (mut risk, mut waiting) = (risk(), Waiting::new(SECOND));
        let now = Ts(SECOND);
        push(&mut waiting, now, &[new(1, true), bracket(1), new(10, true), bracket(10)]);
        push(&mut waiting, now, &[new(20, true), bracket(20), replace(7), new(30, false)]);
        push(&mut waiting, now, &[Action::Cancel { id: id(5) }]);
        let other = Command { symbol: SymbolId(1), ..command(now, Action::Flatten { id: id(6) }) };
        waiting.push(other).expect("room");
        let (sent, dropped) = leave(&mut waiting, now, &mut risk);
        // Exempt ones, then what protects, then an entry with its bracket; the room for one more
        // is too small for the next pair.
        let expected = [
            Action::Cancel { id: id(5) },
            Action::Flatten { id: id(6) },
            replace(7),
            new(30, false),
            new(1, true),
            bracket(1),
        ];
        assert_eq!((sent.as_slice(), dropped.len()), (&expected[..], 0));
        assert_eq!(leave(&mut waiting, Ts(2 * SECOND - 1), &mut risk), (vec![], vec![]));
        let (sent, _) = leave(&mut waiting, Ts(2 * SECOND), &mut risk);
        assert_eq!(sent, [new(10, true), bracket(10), new(20, true), bracket(20)]);
        assert!(waiting.is_empty());
    }

    #[test]
    fn entries_that_waited_too_long_are_dropped_with_their_bracket() {
        let (mut risk, mut waiting) = (risk(), Waiting::new(SECOND));
        for _ in 0..5 {
            assert!(risk.admit(Ts(SECOND)));
        }
        assert!(!risk.admit(Ts(SECOND)));
        push(&mut waiting, Ts(SECOND), &[new(1, true), bracket(1), new(9, false)]);
        assert_eq!(leave(&mut waiting, Ts(SECOND), &mut risk), (vec![], vec![]));
        for _ in 0..5 {
            assert!(risk.admit(Ts(2 * SECOND)));
        }
        let late = Ts(2 * SECOND + 1);
        assert_eq!(leave(&mut waiting, late, &mut risk), (vec![], vec![]), "an exit stands before");
        let (sent, dropped) = leave(&mut waiting, Ts(3 * SECOND), &mut risk);
        assert_eq!(sent, [new(9, false)]);
        assert_eq!(dropped, [new(1, true), bracket(1)]);
    }

    #[test]
    fn a_halt_and_a_cancel_stop_what_has_not_left() {
        let (mut risk, mut waiting) = (risk(), Waiting::new(SECOND));
        let now = Ts(SECOND);
        push(&mut waiting, now, &[new(1, true), bracket(1), new(9, false), new(5, true)]);
        push(&mut waiting, now, &[bracket(5), Action::Cancel { id: id(1) }]);
        let (sent, dropped) = leave(&mut waiting, now, &mut risk);
        assert_eq!(sent, [new(9, false), new(5, true), bracket(5)], "no cancel of the unsent");
        assert_eq!(dropped, [new(1, true), bracket(1)]);
        let after = Ts(3 * SECOND);
        push(&mut waiting, after, &[new(20, true), bracket(20), replace(5), new(30, false)]);
        risk.on_halt(after, KillState::HaltEntries, 5);
        let (sent, dropped) = leave(&mut waiting, after, &mut risk);
        assert_eq!(sent, [replace(5), new(30, false)], "exits and brackets live");
        assert_eq!(dropped, [new(20, true), bracket(20)]);
    }

    /// Whatever would trade beside the flatten is gone.
    #[test]
    fn a_flatten_stands_alone() {
        let (mut risk, mut waiting) = (risk(), Waiting::new(SECOND));
        let now = Ts(SECOND);
        push(&mut waiting, now, &[new(1, true), bracket(1), new(9, false), replace(7)]);
        let other = Command { symbol: SymbolId(1), ..command(now, new(30, false)) };
        waiting.push(other).expect("room");
        push(&mut waiting, now, &[Action::Flatten { id: id(50) }]);
        let (sent, dropped) = leave(&mut waiting, now, &mut risk);
        assert_eq!(sent, [Action::Flatten { id: id(50) }, new(30, false)]);
        assert_eq!(dropped, [new(1, true), bracket(1), new(9, false), replace(7)]);
    }

    #[test]
    fn full() {
        let mut waiting = Waiting::new(SECOND);
        let now = Ts(SECOND);
        for n in 0..46 {
            push(&mut waiting, now, &[new(n, false)]);
        }
        // The last entry that is taken finds room for its bracket, however many exits come between.
        push(&mut waiting, now, &[new(60, true), new(70, false)]);
        assert!(waiting.push(command(now, new(80, true))).is_err());
        assert!(waiting.push(command(now, new(90, false))).is_err());
        push(&mut waiting, now, &[bracket(60), Action::Cancel { id: id(200) }]);
        assert_eq!(waiting.len(), 50);
    }

    proptest! {
        /// Never more than five in a second, no entry without its bracket at once, nothing lost,
        /// nothing twice.
        #[test]
        fn every_command_leaves_once(steps in prop::collection::vec((0_i64..600, 0_u8..4), 1..80)) {
            let (mut risk, mut waiting) = (risk(), Waiting::new(SECOND));
            let (mut now, mut n, mut pushed) = (SECOND, 0, 0);
            let (mut times, mut left) = (Vec::new(), Vec::new());
            for (ms, what) in steps {
                now += ms * 1_000_000;
                n += 10;
                let actions = match what {
                    0 | 1 => vec![new(n, true), bracket(n)],
                    2 => vec![new(n, false)],
                    _ => vec![Action::Cancel { id: id(n) }],
                };
                for action in actions {
                    pushed += usize::from(waiting.push(command(Ts(now), action)).is_ok());
                }
                let mut parent = None;
                while let Some(leaving) = waiting.poll(Ts(now), &mut risk) {
                    let (Leaving::Send(command) | Leaving::Drop(command)) = leaving;
                    prop_assert!(!left.contains(&command.action), "twice {:?}", command);
                    left.push(command.action);
                    let sent = matches!(leaving, Leaving::Send(_));
                    if sent && !matches!(command.action, Action::Cancel { .. }) {
                        times.push(now);
                    }
                    let follows = match command.action {
                        Action::Bracket { parent, .. } => Some(parent),
                        _ => None,
                    };
                    prop_assert!(parent.is_none() || parent == follows, "entry without bracket");
                    parent = match command.action {
                        Action::New { id, parent: true, .. } => Some(id),
                        _ => None,
                    };
                }
                prop_assert!(parent.is_none());
                prop_assert_eq!(left.len() + waiting.len(), pushed);
            }
            for window in times.windows(6) {
                prop_assert!(window[5] - window[0] >= SECOND);
            }
        }
    }
}
