//! [`OrderState`]: the states of an order and who leads where; [`Order`]: one order.

use crate::order::{BuySell, ExitReason, OrderId, OrderKind, OrderUpdate, RejectClass, Role};
use crate::order::{Status, UpdateReason};
use crate::units::{Px, Qty, SymbolId, Ts};

/// State of an order as this program knows it. Codes are DTC's where DTC has the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OrderState {
    /// Decided, not handed on yet.
    Created = 0,
    /// Its bytes have left; the venue has said nothing.
    Sent = 1,
    /// Acknowledged, about to open.
    Accepted = 2,
    /// A part of a bracket that waits for its entry.
    PendingChild = 3,
    /// Works.
    Working = 4,
    /// A change was asked for.
    PendingReplace = 5,
    /// A cancel was asked for.
    PendingCancel = 6,
    /// Done.
    Filled = 7,
    /// Ended by a cancel, by never having been sent, or unknown to the venue.
    Canceled = 8,
    /// Refused.
    Rejected = 9,
    /// Works with a part done.
    PartFilled = 10,
    /// No answer in time, or the connection was lost: the next lists of the venue tell.
    Unknown = 11,
    /// Handed on to the connection, which has not said that its bytes have left.
    Handed = 12,
}

use OrderState as S;

impl OrderState {
    /// All of them.
    pub const ALL: [OrderState; 13] = [
        S::Created,
        S::Handed,
        S::Sent,
        S::Accepted,
        S::PendingChild,
        S::Working,
        S::PendingReplace,
        S::PendingCancel,
        S::Filled,
        S::Canceled,
        S::Rejected,
        S::PartFilled,
        S::Unknown,
    ];

    /// The state of a code.
    #[must_use]
    pub fn of(code: u8) -> Option<OrderState> {
        OrderState::ALL.into_iter().find(|state| *state as u8 == code)
    }

    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            S::Created => "CREATED",
            S::Handed => "HANDED",
            S::Sent => "SENT",
            S::Accepted => "ACCEPTED",
            S::PendingChild => "PENDING_CHILD",
            S::Working => "WORKING",
            S::PendingReplace => "PENDING_REPLACE",
            S::PendingCancel => "PENDING_CANCEL",
            S::Filled => "FILLED",
            S::Canceled => "CANCELED",
            S::Rejected => "REJECTED",
            S::PartFilled => "PART_FILLED",
            S::Unknown => "UNKNOWN",
        }
    }

    /// Whether nothing more is expected of the order; only a late fill after it still counts.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, S::Filled | S::Canceled | S::Rejected)
    }

    /// Whether the order is on its way to the venue, which has said nothing of it.
    pub(super) const fn is_under_way(self) -> bool {
        matches!(self, S::Handed | S::Sent)
    }

    /// Whether no venue leads here.
    const fn is_own(self) -> bool {
        matches!(self, S::Created | S::Handed | S::Sent)
    }

    /// Whether a venue may lead from here to `to`. An end is always believed, and so is everything
    /// after [`OrderState::Unknown`]; a step back is an old message.
    #[must_use]
    pub const fn may(self, to: OrderState) -> bool {
        if self.is_final() {
            return false;
        }
        if to.is_final() {
            return true;
        }
        match self {
            S::Created | S::Handed | S::Sent | S::Unknown => !to.is_own(),
            // A pending child stands here too: a server may acknowledge before it parks the order.
            S::Accepted => !to.is_own() && !matches!(to, S::Accepted),
            S::PendingChild => !to.is_own() && !matches!(to, S::Accepted | S::PendingChild),
            S::Working => {
                matches!(to, S::PartFilled | S::PendingReplace | S::PendingCancel | S::Unknown)
            }
            S::PartFilled => matches!(to, S::PendingReplace | S::PendingCancel | S::Unknown),
            S::PendingReplace => {
                matches!(to, S::Working | S::PartFilled | S::PendingCancel | S::Unknown)
            }
            S::PendingCancel => matches!(to, S::Working | S::PartFilled | S::Unknown),
            S::Filled | S::Canceled | S::Rejected => false,
        }
    }
}

/// A change that the venue was asked for and has not answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Asked {
    /// None.
    #[default]
    Nothing,
    /// A cancel, since when.
    Cancel(Ts),
    /// A replace, since when.
    Replace(Ts),
}

impl Asked {
    pub(super) const fn since(self) -> Option<Ts> {
        match self {
            Asked::Nothing => None,
            Asked::Cancel(ts) | Asked::Replace(ts) => Some(ts),
        }
    }
}

/// One order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Whose market.
    pub symbol: SymbolId,
    /// What it is for.
    pub role: Role,
    /// The trade that it belongs to: the id of its entry, or of the position that it closes;
    /// [`OrderId::NONE`] for an order of somebody else.
    pub trade: OrderId,
    /// Direction.
    pub way: BuySell,
    /// Kind.
    pub kind: OrderKind,
    /// All contracts.
    pub qty: Qty,
    /// Limit or stop price, where it has one.
    pub px: Option<Px>,
    /// Filled of them: what the venue said last, never less than `priced`. The position counts
    /// this number.
    pub filled: Qty,
    /// Filled of them by executions with a price. Below `filled` while an execution is missing.
    pub priced: Qty,
    /// Executions so far.
    pub fills: u32,
    /// State.
    pub state: OrderState,
    /// Why it closes a position, for an exit.
    pub why: Option<ExitReason>,
    /// When it was decided, its bytes left, and it was first acknowledged; [`Ts::NONE`] before, and
    /// where nobody said.
    pub times: [Ts; 3],
    /// Class of the refusal that ended it.
    pub refused: RejectClass,
    /// The second try of an order that was refused: there is no third.
    pub again: bool,
    /// Was first met at the venue, not decided here.
    pub adopted: bool,
    /// Its quantity is certain: what a flatten is for, the venue alone knows until it says so.
    pub(super) sized: bool,
    /// Is to be cancelled.
    pub(super) unwanted: bool,
    /// When it was handed on.
    pub(super) handed: Ts,
    pub(super) asked: Asked,
    /// No further request of it before this time.
    pub(super) quiet: Ts,
    /// It ended without a word of the venue: a sign of life is believed.
    pub(super) lost: bool,
    /// Count of list rounds when it was handed on, when the venue last spoke of it, and when a list
    /// lacked it (0 = none did).
    pub(super) sent_round: u64,
    pub(super) heard_round: u64,
    pub(super) absent_round: u64,
    /// Filled of it by the list that is being read, and by those of it that are not known by id and
    /// wait for its end.
    pub(super) listed: Qty,
    pub(super) strange: Qty,
    /// A list told of a fill first: what is told of it later may be the same one.
    pub(super) by_list: bool,
}

/// What an order is at first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft {
    pub(super) id: OrderId,
    pub(super) symbol: SymbolId,
    pub(super) role: Role,
    pub(super) trade: OrderId,
    pub(super) way: BuySell,
    pub(super) kind: OrderKind,
    pub(super) qty: Qty,
    pub(super) px: Option<Px>,
    pub(super) why: Option<ExitReason>,
}

impl Order {
    pub(super) const fn new(draft: Draft, decided: Ts) -> Order {
        Order {
            id: draft.id,
            symbol: draft.symbol,
            role: draft.role,
            trade: draft.trade,
            way: draft.way,
            kind: draft.kind,
            qty: draft.qty,
            px: draft.px,
            filled: 0,
            priced: 0,
            fills: 0,
            state: OrderState::Created,
            why: draft.why,
            times: [decided, Ts::NONE, Ts::NONE],
            refused: RejectClass::Unknown,
            again: false,
            adopted: false,
            sized: true,
            unwanted: false,
            handed: Ts::NONE,
            asked: Asked::Nothing,
            quiet: Ts::NONE,
            lost: false,
            sent_round: 0,
            heard_round: 0,
            absent_round: 0,
            listed: 0,
            strange: 0,
            by_list: false,
        }
    }

    /// Whether it may be tried again, once and with a new id: it was refused for a disturbance,
    /// nothing of it is filled, and it is no second try itself.
    #[must_use]
    pub const fn may_try_again(&self) -> bool {
        matches!(self.refused, RejectClass::Transient) && !self.again && self.filled == 0
    }

    /// The trade of contracts that it fills at `ts` where they open a position: its own, where that
    /// is what it is for. What goes beyond flat is no part of the trade that was closed.
    #[must_use]
    pub fn opens(&self, way: BuySell, ts: Ts) -> OrderId {
        let meant = self.role == Role::Entry && self.way == way;
        if meant { self.trade } else { OrderId::trip(ts, self.symbol) }
    }

    /// Contracts that are not filled.
    #[must_use]
    pub const fn remaining(&self) -> Qty {
        self.qty.saturating_sub(self.filled)
    }

    /// Whether it rests at the venue and will act without a further word.
    #[must_use]
    pub const fn works(&self) -> bool {
        matches!(self.state, S::Working | S::PartFilled | S::PendingReplace)
            && !matches!(self.asked, Asked::Cancel(_))
    }

    /// Since when it is on its way: when its bytes left, where nobody said when it was handed on,
    /// and of an order of before this run when it was decided.
    pub(super) fn left(&self) -> Ts {
        let [decided, sent, _] = self.times;
        sent.or(self.handed).or(decided)
    }

    pub(super) const fn is_ours(&self) -> bool {
        self.id.is_ours()
    }
}

/// What an update makes of an order's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing.
    Stay,
    /// This state.
    To(OrderState),
    /// It contradicts what is known: the venue must be asked.
    Ask,
}

/// What `update` makes of the state of `order`, whose quantities it has already changed.
pub(super) fn told(order: &Order, update: &OrderUpdate) -> Told {
    let refused =
        matches!(update.reason, UpdateReason::CancelRejected | UpdateReason::ReplaceRejected);
    let to = match update.status {
        // "Rejected" is the answer for the request, or a server that does not know the order: that
        // the order is dead it does not say.
        Status::Rejected | Status::Unspecified | Status::OrderSent if refused => return Told::Ask,
        Status::Unspecified | Status::OrderSent => return Told::Stay,
        Status::PendingOpen => S::Accepted,
        Status::PendingChild => S::PendingChild,
        // An update that crossed our request on its way says nothing about the request.
        Status::Open if order.asked != Asked::Nothing => return Told::Stay,
        Status::Open if order.filled > 0 => S::PartFilled,
        Status::Open => S::Working,
        Status::PartiallyFilled if order.asked != Asked::Nothing => return Told::Stay,
        Status::PartiallyFilled => S::PartFilled,
        Status::PendingReplace => S::PendingReplace,
        Status::PendingCancel => S::PendingCancel,
        Status::Filled if order.filled < order.qty => return Told::Ask,
        Status::Filled => S::Filled,
        Status::Canceled => S::Canceled,
        Status::Rejected => S::Rejected,
    };
    if to == order.state {
        return Told::Stay;
    }
    if order.state.may(to) { Told::To(to) } else { Told::Stay }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the specification, row by row.
    #[test]
    fn who_leads_where() {
        let rows: [(OrderState, &[OrderState]); 9] = [
            (
                S::Handed,
                &[S::Accepted, S::Working, S::PartFilled, S::Filled, S::Rejected, S::Unknown],
            ),
            (
                S::Sent,
                &[S::Accepted, S::Working, S::PartFilled, S::Filled, S::Rejected, S::Unknown],
            ),
            (S::Accepted, &[S::Working, S::PartFilled, S::Filled, S::Rejected, S::Canceled]),
            (S::PendingChild, &[S::Working, S::Canceled, S::Rejected]),
            (
                S::Working,
                &[
                    S::PartFilled,
                    S::Filled,
                    S::PendingReplace,
                    S::PendingCancel,
                    S::Canceled,
                    S::Rejected,
                ],
            ),
            (S::PartFilled, &[S::Filled, S::PendingReplace, S::PendingCancel, S::Canceled]),
            (S::PendingReplace, &[S::Working, S::PartFilled, S::Filled, S::Canceled]),
            (S::PendingCancel, &[S::Canceled, S::Filled, S::PartFilled, S::Working]),
            (S::Unknown, &[S::Working, S::PartFilled, S::Filled, S::Canceled, S::Rejected]),
        ];
        for (from, all) in rows {
            for to in all {
                assert!(from.may(*to), "{from:?} {to:?}");
            }
            assert!([S::Created, S::Handed, S::Sent].iter().all(|to| !from.may(*to)), "{from:?}");
        }
        for end in [S::Filled, S::Canceled, S::Rejected] {
            assert!(OrderState::ALL.iter().all(|to| !end.may(*to)), "{end:?}");
        }
        assert!(!S::Working.may(S::Accepted) && !S::PartFilled.may(S::Working));
        for state in OrderState::ALL {
            assert_eq!(OrderState::of(state as u8), Some(state));
        }
        assert_eq!(OrderState::of(13), None);
    }
}
