//! What goes in and out of [`super::Orders`]: plans in, commands and changes out. Every list has a
//! fixed capacity.

use super::{Order, OrderState, Position};
use crate::order::{BuySell, Command, Fill, OrderId, OrderKind, RejectClass, UpdateReason};
use crate::units::{Px, Qty, SymbolId, Ts};

/// The event that leads to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Its place.
    pub seq: u64,
    /// Its receive time.
    pub ts: Ts,
}

/// An entry with its bracket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// The deciding event.
    pub seq: u64,
    /// Its receive time.
    pub ts: Ts,
    /// Whose market.
    pub symbol: SymbolId,
    /// Direction.
    pub way: BuySell,
    /// Kind of the entry.
    pub kind: OrderKind,
    /// Contracts, above 0.
    pub qty: Qty,
    /// Limit; without meaning for a market order.
    pub px: Px,
    /// Price of the stop, beyond the market against the direction.
    pub stop: Px,
    /// Price of the target.
    pub target: Px,
    /// The entry of the same intent that was refused and that this one tries a second time;
    /// [`OrderId::NONE`] for a first try.
    pub again: OrderId,
}

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odd {
    /// A fill of an order that had ended.
    LateFill,
    /// An order is filled beyond its quantity.
    Overfill,
    /// The venue says less filled than before.
    Shrunk,
    /// An execution that was taken before.
    Repeated,
    /// A fill whose direction is not its order's.
    WrongWay,
    /// Something of an order without what it takes to understand it.
    Unreadable,
    /// An order that had ended lives.
    Risen,
    /// A list that was asked for did not come.
    NoList,
    /// A table is full.
    Full,
    /// The last reserved ids are kept for exits.
    NoIds,
    /// A flatten is tried again.
    Again,
}

impl Odd {
    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Odd::LateFill => "late_fill",
            Odd::Overfill => "overfill",
            Odd::Shrunk => "filled_shrunk",
            Odd::Repeated => "repeated_execution",
            Odd::WrongWay => "fill_wrong_way",
            Odd::Unreadable => "order_unreadable",
            Odd::Risen => "order_risen",
            Odd::NoList => "no_list",
            Odd::Full => "order_table_full",
            Odd::NoIds => "no_ids",
            Odd::Again => "flatten_again",
        }
    }
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// An execution of a known order.
    Filled {
        /// The order after it.
        order: Order,
        /// The execution.
        fill: Fill,
        /// Contracts of it that are new; the others were counted before their price was known.
        new: Qty,
        /// Its number in the order, from 1.
        index: u32,
    },
    /// The venue says that more is filled than executions told: counted, its price unknown so far.
    Unpriced {
        /// The order after it.
        order: Order,
        /// Contracts.
        qty: Qty,
    },
    /// An execution of an order that is not known here; counted.
    Foreign {
        /// Whose market.
        symbol: SymbolId,
        /// The execution.
        fill: Fill,
    },
    /// An order changed its state.
    Moved {
        /// The order in its new state.
        order: Order,
        /// From.
        from: OrderState,
    },
    /// The venue refused an order, or to cancel or change one.
    Refused {
        /// The order.
        order: Order,
        /// What was refused.
        what: UpdateReason,
        /// By its text.
        class: RejectClass,
    },
    /// A round trip is over; where a leg is not priced, its profit is not known.
    Closed(Position),
    /// An order at the venue that was not known here is watched now.
    Orphan(Order),
    /// An order that the venue does not know has ended.
    Lost(Order),
    /// The position at the venue is another one, long after reconciliation.
    Mismatch {
        /// Whose market.
        symbol: SymbolId,
        /// Sum of the fills.
        ours: i32,
        /// At the venue.
        venue: i32,
    },
    /// The position at the venue was taken over.
    Adopted {
        /// Whose market.
        symbol: SymbolId,
        /// From.
        from: i32,
        /// To.
        to: i32,
    },
    /// A position without a working stop is being closed.
    Naked {
        /// Whose market.
        symbol: SymbolId,
        /// Contracts.
        qty: i32,
    },
    /// Orders and positions of the account agree with the venue.
    Reconciled,
    /// Somebody should look.
    Alert {
        /// Whose market.
        symbol: SymbolId,
        /// Which order, where it is about one.
        id: OrderId,
        /// What.
        what: Odd,
    },
}

/// Most changes of one step; a halt of every order and symbol fits.
const CHANGES_MAX: usize = 256;
/// Most commands of one step.
const COMMANDS_MAX: usize = 160;

/// The changes of a step, in order.
#[derive(Clone, Debug)]
pub struct Changes {
    list: Vec<Change>,
    lost: u64,
}

impl Default for Changes {
    fn default() -> Changes {
        Changes { list: Vec::with_capacity(CHANGES_MAX), lost: 0 }
    }
}

impl Changes {
    /// The changes since the last [`Changes::clear`].
    #[must_use]
    pub fn list(&self) -> &[Change] {
        &self.list
    }

    /// Changes that did not fit, ever. State is never lost with them, only their record.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Forgets the changes.
    pub fn clear(&mut self) {
        self.list.clear();
    }

    pub(super) fn push(&mut self, change: Change) {
        if self.list.len() < CHANGES_MAX {
            self.list.push(change);
        } else {
            self.lost += 1;
        }
    }

    pub(super) fn alert(&mut self, symbol: SymbolId, id: OrderId, what: Odd) {
        self.push(Change::Alert { symbol, id, what });
    }
}

/// Commands on their way to a [`super::Queue`], which alone takes them out: what has left and what
/// has not must be known of every order.
#[derive(Clone, Debug)]
pub struct Outbox {
    list: Vec<Command>,
}

impl Default for Outbox {
    fn default() -> Outbox {
        Outbox { list: Vec::with_capacity(COMMANDS_MAX) }
    }
}

impl Outbox {
    /// What waits to be taken.
    #[must_use]
    pub fn list(&self) -> &[Command] {
        &self.list
    }

    pub(super) fn room(&self) -> usize {
        COMMANDS_MAX.saturating_sub(self.list.len())
    }

    /// False where there is no room: nothing was asked for then.
    #[must_use]
    pub(super) fn push(&mut self, command: Command) -> bool {
        let fits = self.room() > 0;
        if fits {
            self.list.push(command);
        }
        fits
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Command> + '_ {
        self.list.drain(..)
    }
}
