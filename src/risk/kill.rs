//! The kill switch: every cause holds it at a state of its own, the most severe counts.
//!
//! Up by itself, down by the operator, who names the state that he lifts; only what ends with a
//! session or a day of itself goes by itself. No call leads from any state to another backend.

use crate::order::{Detail, KillState};

macro_rules! rules {
    ($($name:ident = $text:literal, $state:ident, $doc:literal;)*) => {
        /// What holds the kill switch.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Rule {
            $(#[doc = $doc] $name,)*
        }

        impl Rule {
            /// All of them.
            pub const ALL: &[Rule] = &[$(Rule::$name),*];

            /// Name as it stands in records and in the state's text.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Rule::$name => $text,)* }
            }

            /// How far it stops trading.
            #[must_use]
            pub const fn state(self) -> KillState {
                match self { $(Rule::$name => KillState::$state,)* }
            }
        }
    };
}

// Names stand in state files: they are never used again for something else.
rules! {
    SessionLoss = "session_loss", HaltEntries, "The session's loss; until the next label.";
    DayLoss = "day_loss", HaltTrading, "The day's loss; at least until the next trade date.";
    MonthDrawdown = "month_drawdown", HaltTrading, "The month's drawdown; at least to its end.";
    TradesPerDay = "trades_per_day", HaltEntries, "The day's trades; until the next trade date.";
    OrderRate = "order_rate", HaltTrading, "New orders in a minute.";
    ReplaceRate = "replace_rate", HaltEntries, "Replaces in a minute.";
    RejectRate = "reject_rate", HaltEntries, "Share of refused orders.";
    Margin = "margin", HaltEntries, "The venue refused an order for lack of money.";
    Permission = "permission", HaltEntries, "The venue refused an order for lack of permission.";
    AckLatency = "ack_latency", HaltEntries, "Acknowledgements take too long.";
    StaleData = "stale_data", HaltEntries, "The market of a symbol is silent in session.";
    BarLate = "bar_late", HaltEntries, "A bar came too late.";
    NoIds = "no_ids", HaltEntries, "No reserved order id is left.";
    Mismatch = "mismatch", HaltTrading, "Own position and the venue's differ.";
    Unmeasured = "unmeasured", HaltEntries, "A profit that is no number.";
    Entries = "halt_entries", HaltEntries, "Somebody else halted entries.";
    Trading = "halt_trading", HaltTrading, "Somebody else halted trading.";
    Emergency = "halt_emergency", Emergency, "Somebody else called an emergency.";
}

impl Rule {
    /// The rule of a halt from outside.
    #[must_use]
    pub const fn outside(state: KillState) -> Option<Rule> {
        match state {
            KillState::Normal => None,
            KillState::HaltEntries => Some(Rule::Entries),
            KillState::HaltTrading => Some(Rule::Trading),
            KillState::Emergency => Some(Rule::Emergency),
        }
    }

    /// The rule of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Rule> {
        Rule::ALL.iter().copied().find(|rule| rule.name() == name)
    }

    /// What a refusal of gate 1 says of it.
    pub(super) const fn detail(self) -> Detail {
        match self {
            Rule::SessionLoss => Detail::SessionLoss,
            Rule::DayLoss => Detail::DayLoss,
            Rule::MonthDrawdown => Detail::MonthDrawdown,
            Rule::TradesPerDay => Detail::TradesPerDay,
            Rule::NoIds => Detail::NoIds,
            _ => Detail::KillSwitch,
        }
    }
}

/// Number of [`Rule`]s.
pub const RULES: usize = 18;

const _: () = assert!(Rule::ALL.len() == RULES);

/// Which rules hold the kill switch, each since a period: the session, day or month in which it
/// tripped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holds([Option<i64>; RULES]);

impl Holds {
    /// The most severe state that a rule holds.
    #[must_use]
    pub fn state(&self) -> KillState {
        self.iter().map(|(rule, _)| rule.state()).max().unwrap_or_default()
    }

    /// A rule of that state, the first in order.
    #[must_use]
    pub fn rule(&self) -> Option<Rule> {
        let state = self.state();
        self.iter().map(|(rule, _)| rule).find(|rule| rule.state() == state)
    }

    /// The rules that hold, with their periods.
    pub fn iter(&self) -> impl Iterator<Item = (Rule, i64)> {
        Rule::ALL.iter().zip(&self.0).filter_map(|(rule, since)| Some((*rule, (*since)?)))
    }

    /// The period in which a rule tripped, while it holds.
    #[must_use]
    pub fn since(&self, rule: Rule) -> Option<i64> {
        self.0.get(rule as usize).copied().flatten()
    }

    /// Holds, or no longer.
    pub fn set(&mut self, rule: Rule, since: Option<i64>) {
        if let Some(hold) = self.0.get_mut(rule as usize) {
            *hold = since;
        }
    }

    /// What either holds; a rule of both since the later period.
    #[must_use]
    pub fn join(mut self, other: &Holds) -> Holds {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            // `None` is smaller than any period.
            *own = (*own).max(*other);
        }
        self
    }
}

/// Why a halt was not lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResumeError {
    /// The state is another one.
    NotThis(KillState),
    /// An emergency ends with a new start only.
    Emergency,
    /// Orders and positions are not reconciled.
    NotReconciled,
    /// The cause is still there.
    Still(Rule),
}

impl std::fmt::Display for ResumeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ResumeError::NotThis(state) => write!(f, "the state is {}", state.name()),
            ResumeError::Emergency => f.write_str("an emergency ends with a new start only"),
            ResumeError::NotReconciled => f.write_str("orders and positions are not reconciled"),
            ResumeError::Still(rule) => write!(f, "{} still holds", rule.name()),
        }
    }
}

impl std::error::Error for ResumeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_to_one() {
        for &rule in Rule::ALL {
            assert_eq!(Rule::named(rule.name()), Some(rule));
            assert_ne!(rule.state(), KillState::Normal, "{rule:?} stops something");
        }
        for state in [KillState::HaltEntries, KillState::HaltTrading, KillState::Emergency] {
            assert_eq!(Rule::outside(state).map(Rule::state), Some(state));
        }
        assert_eq!(Rule::outside(KillState::Normal), None);
        assert_eq!(Rule::named("normal"), None);
    }

    #[test]
    fn the_most_severe_counts() {
        let mut holds = Holds::default();
        assert_eq!((holds.state(), holds.rule()), (KillState::Normal, None));
        holds.set(Rule::SessionLoss, Some(7));
        assert_eq!(holds.state(), KillState::HaltEntries);
        holds.set(Rule::Mismatch, Some(0));
        assert_eq!((holds.state(), holds.rule()), (KillState::HaltTrading, Some(Rule::Mismatch)));
        holds.set(Rule::Mismatch, None);
        assert_eq!(
            (holds.state(), holds.rule()),
            (KillState::HaltEntries, Some(Rule::SessionLoss))
        );
        let mut other = Holds::default();
        other.set(Rule::SessionLoss, Some(9));
        other.set(Rule::Emergency, Some(1));
        let both = holds.join(&other);
        assert_eq!(both, other.join(&holds));
        assert_eq!(both.since(Rule::SessionLoss), Some(9));
        assert_eq!(both.state(), KillState::Emergency);
    }
}
