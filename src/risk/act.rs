//! What follows from a limit: a short list that the trading step empties after each event.

use std::collections::VecDeque;

use super::kill::Rule;
use crate::order::KillState;
use crate::units::SymbolId;

/// Something that the trading step has to do or to write down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act {
    /// The kill switch moved, up or down.
    Tripped {
        /// From.
        from: KillState,
        /// To.
        to: KillState,
        /// Why.
        why: Why,
    },
    /// Somebody should look.
    Alert {
        /// At what.
        rule: Rule,
        /// Whose market, where it is about one.
        symbol: Option<SymbolId>,
        /// What was measured; its unit is that of the rule's limit.
        value: f64,
    },
    /// Cancel every working entry.
    CancelEntries,
    /// Close every position.
    FlattenAll,
    /// The time to be flat: cancel the symbol's entries and close its position.
    FlatBy(SymbolId),
    /// Close the order connection for good, after everything before it.
    Disconnect,
}

/// Why the kill switch moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A rule tripped.
    Rule(Rule),
    /// A sequenced halt of this cause code.
    Outside(u8),
    /// The operator lifted it.
    Resume,
    /// The rule's time is over.
    Over(Rule),
}

/// Most moves and alerts that wait; more are dropped, orders to act never are.
const MESSAGES: usize = 64;

/// What waits to be done.
#[derive(Clone, Debug)]
pub(super) struct Acts {
    messages: VecDeque<Act>,
    cancel: bool,
    flatten: bool,
    disconnect: bool,
    /// Symbols as bits.
    flat: u32,
}

impl Acts {
    pub(super) fn new() -> Acts {
        let messages = VecDeque::with_capacity(MESSAGES);
        Acts { messages, cancel: false, flatten: false, disconnect: false, flat: 0 }
    }

    pub(super) fn say(&mut self, act: Act) {
        if self.messages.len() < MESSAGES {
            self.messages.push_back(act);
        }
    }

    /// What a kill state asks for.
    pub(super) fn demand(&mut self, state: KillState) {
        self.cancel |= state >= KillState::HaltEntries;
        self.flatten |= state >= KillState::HaltTrading;
        self.disconnect |= state >= KillState::Emergency;
    }

    pub(super) fn flat_by(&mut self, symbol: SymbolId) {
        self.flat |= 1_u32.checked_shl(u32::from(symbol.0)).unwrap_or(0);
    }

    /// The next one: what to write down, then entries, positions, the connection.
    pub(super) fn poll(&mut self) -> Option<Act> {
        if let Some(act) = self.messages.pop_front() {
            return Some(act);
        }
        if std::mem::take(&mut self.cancel) {
            return Some(Act::CancelEntries);
        }
        if std::mem::take(&mut self.flatten) {
            return Some(Act::FlattenAll);
        }
        if self.flat != 0 {
            let symbol = self.flat.trailing_zeros();
            self.flat &= self.flat - 1;
            // At most 31.
            return Some(Act::FlatBy(SymbolId(symbol as u16)));
        }
        std::mem::take(&mut self.disconnect).then_some(Act::Disconnect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_order_and_once() {
        let mut acts = Acts::new();
        acts.demand(KillState::Emergency);
        acts.demand(KillState::Normal);
        acts.flat_by(SymbolId(3));
        acts.flat_by(SymbolId(0));
        acts.flat_by(SymbolId(3));
        let alert = Act::Alert { rule: Rule::StaleData, symbol: None, value: 1.0 };
        for _ in 0..100 {
            acts.say(alert);
        }
        for _ in 0..MESSAGES {
            assert_eq!(acts.poll(), Some(alert));
        }
        let rest: Vec<Act> = std::iter::from_fn(|| acts.poll()).collect();
        assert_eq!(
            rest,
            [
                Act::CancelEntries,
                Act::FlattenAll,
                Act::FlatBy(SymbolId(0)),
                Act::FlatBy(SymbolId(3)),
                Act::Disconnect
            ]
        );
    }
}
