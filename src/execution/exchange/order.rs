//! One order at the venue: what was asked, what is filled, and where it stands.

use crate::event::Event;
use crate::order::{
    BuySell, Fill, OrderId, OrderKind, OrderUpdate, RejectClass, Status, UpdateReason,
};
use crate::units::{Px, Qty, SymbolId, Ts};

/// Where an order stands in the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// A bracket's order whose parent has not filled anything.
    Child,
    /// A stop that has not been reached.
    Trigger,
    /// Takes from the book until it is done: a market order, a stop that was reached.
    Taking,
    /// A limit that takes what it can and then rests, at the next book that may be read.
    Arriving,
    /// A limit in the queue of its price.
    Resting(Place),
}

/// A place in the queue of a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Contracts that stand ahead; `None` while the price is too far from the touch to be seen.
    pub(super) ahead: Option<Qty>,
    /// Contracts shown at the price when the book was last read.
    pub(super) shown: Qty,
    /// Contracts traded at the price since then.
    pub(super) traded: Qty,
}

/// How an order hangs together with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    None,
    /// Others wait for its fills.
    Parent,
    /// One of the two that wait for the fills of this one.
    Child(OrderId),
}

/// An order that the venue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VenueOrder {
    pub(super) id: OrderId,
    pub(super) symbol: SymbolId,
    pub(super) way: BuySell,
    pub(super) kind: OrderKind,
    /// Contracts that were asked for. A child may have less to do: see [`Bracket::room`].
    pub(super) qty: Qty,
    /// What its bracket lets it have in all, its fills included; `qty` for any other order.
    pub(super) total: Qty,
    pub(super) filled: Qty,
    pub(super) px: Px,
    pub(super) status: Status,
    pub(super) stage: Stage,
    pub(super) link: Link,
    /// Order of arrival at its price.
    pub(super) rank: u64,
}

impl VenueOrder {
    /// Its client id.
    #[must_use]
    pub const fn id(&self) -> OrderId {
        self.id
    }

    /// Whose market.
    #[must_use]
    pub const fn symbol(&self) -> SymbolId {
        self.symbol
    }

    /// Its state.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// The entry that it waits for, where it belongs to a bracket.
    #[must_use]
    pub const fn parent(&self) -> Option<OrderId> {
        match self.link {
            Link::Child(parent) => Some(parent),
            _ => None,
        }
    }

    /// What the venue says of it.
    #[must_use]
    pub fn update(&self, reason: UpdateReason) -> OrderUpdate {
        OrderUpdate {
            id: self.id,
            status: self.status,
            reason,
            way: Some(self.way),
            kind: Some(self.kind),
            qty: self.total,
            filled: self.filled,
            px: (self.kind != OrderKind::Market).then_some(self.px),
            class: RejectClass::Unknown,
        }
    }

    /// Contracts still to be done.
    pub(super) const fn left(&self) -> Qty {
        self.total.saturating_sub(self.filled)
    }

    /// Ticks by which `px` is worse for the order's owner than the order's own price: above 0 for a
    /// purchase above it.
    pub(super) const fn worse(&self, px: Px) -> i32 {
        self.way.sign() * px.minus(self.px)
    }

    /// Whether a trade at `px` reaches the price of a stop.
    pub(super) const fn reached(&self, px: Px) -> bool {
        self.worse(px) >= 0
    }

    /// Where an order of its kind begins.
    pub(super) const fn first_stage(kind: OrderKind) -> Stage {
        match kind {
            OrderKind::Market => Stage::Taking,
            OrderKind::Limit => Stage::Arriving,
            OrderKind::Stop | OrderKind::StopLimit => Stage::Trigger,
        }
    }

    /// What a stop becomes when it is reached.
    pub(super) fn trigger(&mut self) {
        if self.stage == Stage::Trigger {
            self.stage = match self.kind {
                OrderKind::StopLimit => Stage::Arriving,
                _ => Stage::Taking,
            };
        }
    }
}

/// A stop and a target that close what their parent opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bracket {
    pub(super) parent: OrderId,
    /// Contracts that the parent filled, as far as the bracket covers them.
    pub(super) entered: Qty,
    /// Contracts that stop and target filled between them.
    pub(super) exited: Qty,
}

impl Bracket {
    /// Contracts that are open and not closed.
    pub(super) const fn room(&self) -> Qty {
        self.entered.saturating_sub(self.exited)
    }
}

/// An execution, with where and when it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Receive time of the event that caused it.
    pub ts: Ts,
    /// Whose market.
    pub symbol: SymbolId,
    /// What was filled.
    pub fill: Fill,
}

/// What the venue said, in order: each with `seq`, times and symbol of the event that caused it,
/// except that a list names the symbol that each of its lines is about.
#[derive(Clone, Debug)]
pub struct Reports {
    events: Vec<Event>,
}

/// Reports that fit without growing: a step of a few orders leaves a few dozen.
const REPORTS: usize = 2048;

impl Default for Reports {
    fn default() -> Reports {
        Reports::new()
    }
}

impl Reports {
    /// None yet, with room for the largest lists.
    #[must_use]
    pub fn new() -> Reports {
        Reports { events: Vec::with_capacity(REPORTS) }
    }

    /// The reports, first one first.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.events.clear();
    }

    pub(super) fn push(&mut self, event: Event) {
        self.events.push(event);
    }
}
