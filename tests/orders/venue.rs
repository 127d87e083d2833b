//! A small venue: takes commands, keeps orders and positions, says what happens. Fills are the
//! test's to choose.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mia::event::{Body, flag};
use mia::order::{
    Action, BuySell, Command, ExecutionId, Fill, Listing, OrderId, OrderKind, OrderUpdate,
    RejectClass, Status, UpdateReason,
};
use mia::units::{Px, Qty, SymbolId};

/// How it treats brackets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manners {
    /// As the protocol says.
    Good,
    /// Children have the full size at once and nobody reduces or cancels them.
    Sloppy,
}

/// An order at the venue.
#[derive(Clone, Debug)]
pub(crate) struct Resting {
    pub(crate) id: OrderId,
    pub(crate) symbol: SymbolId,
    pub(crate) way: BuySell,
    pub(crate) kind: OrderKind,
    pub(crate) qty: Qty,
    pub(crate) px: Px,
    pub(crate) filled: Qty,
    pub(crate) status: Status,
    pub(crate) parent: OrderId,
    pub(crate) sibling: OrderId,
}

impl Resting {
    pub(crate) fn lives(&self) -> bool {
        !self.status.is_final()
    }

    pub(crate) fn may_fill(&self) -> bool {
        matches!(self.status, Status::Open | Status::PartiallyFilled)
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Venue {
    pub(crate) manners: Manners,
    pub(crate) orders: Vec<Resting>,
    pub(crate) positions: Vec<i32>,
    pub(crate) fills: Vec<(SymbolId, Fill)>,
    /// Every id that ever came.
    pub(crate) ids: BTreeSet<OrderId>,
    /// The next new order, bracket or flatten is refused for this.
    pub(crate) refuse: Option<RejectClass>,
    /// Its lists call executions by other ids than it did at first.
    pub(crate) renames: bool,
    /// Ids that were refused, with the reason.
    pub(crate) refused: BTreeMap<OrderId, RejectClass>,
    /// A position turned from one side to the other without a stop in between.
    pub(crate) flipped: bool,
    /// With the flags of the event.
    pub(crate) said: VecDeque<(SymbolId, u8, Body)>,
}

impl Venue {
    pub(crate) fn new(symbols: usize, manners: Manners) -> Venue {
        Venue {
            manners,
            orders: Vec::new(),
            positions: vec![0; symbols],
            fills: Vec::new(),
            ids: BTreeSet::new(),
            refuse: None,
            renames: false,
            refused: BTreeMap::new(),
            flipped: false,
            said: VecDeque::new(),
        }
    }

    pub(crate) fn find(&self, id: OrderId) -> Option<usize> {
        self.orders.iter().position(|o| o.id == id)
    }

    fn new_id(&mut self, id: OrderId) {
        assert!(self.ids.insert(id), "{id} was sent twice");
    }

    fn say(&mut self, at: usize, reason: UpdateReason) {
        let o = &self.orders[at];
        let update = OrderUpdate {
            id: o.id,
            status: o.status,
            reason,
            way: Some(o.way),
            kind: Some(o.kind),
            qty: o.qty,
            filled: o.filled,
            px: (o.kind != OrderKind::Market).then_some(o.px),
            class: self.refused.get(&o.id).copied().unwrap_or_default(),
        };
        self.said.push_back((o.symbol, 0, Body::Order(update)));
    }

    fn place(&mut self, order: Resting, reason: UpdateReason) {
        self.orders.push(order);
        self.say(self.orders.len() - 1, reason);
    }

    pub(crate) fn take(&mut self, command: &Command) {
        let symbol = command.symbol;
        match command.action {
            Action::New { id, way, kind, qty, px, .. } => {
                self.new_id(id);
                assert!(qty > 0);
                let (status, reason) = if self.refuses(&[id]) {
                    (Status::Rejected, UpdateReason::NewRejected)
                } else {
                    (Status::Open, UpdateReason::Accepted)
                };
                let (parent, sibling) = (OrderId::NONE, OrderId::NONE);
                let filled = 0;
                self.place(
                    Resting { id, symbol, way, kind, qty, px, filled, status, parent, sibling },
                    reason,
                );
            }
            Action::Bracket { parent, child, way, qty, stop, target } => {
                let ids = [parent.plus(child), parent.plus(child + 1)];
                self.bracket(symbol, parent, ids, way, qty, (stop, target));
            }
            Action::Cancel { id } => match self.find(id) {
                Some(at) if self.orders[at].lives() => self.end(at, Status::Canceled),
                Some(at) => self.say(at, UpdateReason::CancelRejected),
                None => self.unknown(symbol, id, UpdateReason::CancelRejected),
            },
            Action::Replace { id, qty, px } => match self.find(id) {
                Some(at) if self.orders[at].lives() && qty > self.orders[at].filled => {
                    (self.orders[at].qty, self.orders[at].px) = (qty, px);
                    self.say(at, UpdateReason::ReplaceDone);
                }
                Some(at) => self.say(at, UpdateReason::ReplaceRejected),
                None => self.unknown(symbol, id, UpdateReason::ReplaceRejected),
            },
            Action::Flatten { id } => self.flatten(symbol, id),
            Action::List(listing) => self.list(listing),
            Action::Disconnect => {}
        }
    }

    fn refuses(&mut self, ids: &[OrderId]) -> bool {
        let class = self.refuse.take();
        class.is_some_and(|class| {
            self.refused.extend(ids.iter().map(|id| (*id, class)));
            true
        })
    }

    fn unknown(&mut self, symbol: SymbolId, id: OrderId, reason: UpdateReason) {
        let unknown = Qty::MAX;
        let update = OrderUpdate {
            id,
            status: Status::Rejected,
            reason,
            way: None,
            kind: None,
            qty: unknown,
            filled: unknown,
            px: None,
            class: RejectClass::Unknown,
        };
        self.said.push_back((symbol, 0, Body::Order(update)));
    }

    fn bracket(
        &mut self,
        symbol: SymbolId,
        parent: OrderId,
        [stop, target]: [OrderId; 2],
        way: BuySell,
        qty: Qty,
        px: (Px, Px),
    ) {
        let entry = self.find(parent).map(|at| self.orders[at].clone());
        let filled = entry.as_ref().map_or(0, |o| o.filled);
        let mut before = self.orders.iter().filter(|o| o.parent == parent);
        if let Some(first) = before.find(|o| o.kind == OrderKind::Stop) {
            let class = self.refused.get(&first.id);
            assert_eq!(class, Some(&RejectClass::Transient), "tried again after a disturbance");
            let second = before.find(|o| o.kind == OrderKind::Stop);
            assert!(second.is_none(), "tried a third time");
        }
        let refused = self.refuses(&[stop, target]);
        let status = match entry {
            _ if refused => Status::Rejected,
            Some(o) if o.filled > 0 => Status::Open,
            Some(o) if o.lives() => Status::PendingChild,
            _ => Status::Rejected,
        };
        let reason = match status {
            Status::Rejected => UpdateReason::NewRejected,
            _ => UpdateReason::Accepted,
        };
        let whole = self.manners == Manners::Sloppy || filled == 0;
        let qty = if whole { qty } else { filled };
        for (id, sibling, kind, px) in
            [(stop, target, OrderKind::Stop, px.0), (target, stop, OrderKind::Limit, px.1)]
        {
            self.new_id(id);
            let filled = 0;
            self.place(
                Resting { id, symbol, way, kind, qty, px, filled, status, parent, sibling },
                reason,
            );
        }
    }

    /// Ends an order; a well-mannered venue ends what hangs on it.
    pub(crate) fn end(&mut self, at: usize, status: Status) {
        self.orders[at].status = status;
        let reason =
            if status == Status::Canceled { UpdateReason::Canceled } else { UpdateReason::General };
        self.say(at, reason);
        if self.manners == Manners::Sloppy {
            return;
        }
        let (id, filled) = (self.orders[at].id, self.orders[at].filled);
        for child in 0..self.orders.len() {
            if self.orders[child].parent == id && self.orders[child].lives() && filled == 0 {
                self.end(child, Status::Canceled);
            }
        }
        if let Some(sibling) = self.find(self.orders[at].sibling)
            && self.orders[sibling].lives()
        {
            self.end(sibling, Status::Canceled);
        }
    }

    fn flatten(&mut self, symbol: SymbolId, id: OrderId) {
        self.new_id(id);
        let refused = self.refuses(&[id]);
        for at in 0..self.orders.len() {
            if !refused && self.orders[at].symbol == symbol && self.orders[at].lives() {
                self.end(at, Status::Canceled);
            }
        }
        let open = self.positions[usize::from(symbol.0)];
        let Some(way) = BuySell::of(open) else { return };
        let (qty, px) = (open.unsigned_abs(), Px::ZERO);
        let (parent, sibling, kind) = (OrderId::NONE, OrderId::NONE, OrderKind::Market);
        let (way, filled) = (way.opposite(), 0);
        let (status, reason) = if refused {
            (Status::Rejected, UpdateReason::NewRejected)
        } else {
            (Status::Open, UpdateReason::Accepted)
        };
        self.place(
            Resting { id, symbol, way, kind, qty, px, filled, status, parent, sibling },
            reason,
        );
        let at = self.orders.len() - 1;
        self.fill(at, qty);
    }

    pub(crate) fn list(&mut self, listing: Listing) {
        match listing {
            Listing::Orders => {
                for at in 0..self.orders.len() {
                    if self.orders[at].lives() {
                        self.say(at, UpdateReason::OpenOrders);
                    }
                }
            }
            Listing::Positions => {
                for (symbol, &qty) in (0..).zip(&self.positions) {
                    if qty != 0 {
                        self.said.push_back((SymbolId(symbol), 0, Body::Position(qty)));
                    }
                }
            }
            Listing::Fills => {
                for &(symbol, fill) in &self.fills {
                    let mut fill = fill;
                    if self.renames {
                        fill.execution = ExecutionId::new(fill.execution.number() + 1_000_000);
                    }
                    self.said.push_back((symbol, flag::LISTED, Body::Fill(fill)));
                }
            }
            Listing::Balance => self.said.push_back((SymbolId(0), 0, Body::Balance(100_000.0))),
        }
        self.said.push_back((SymbolId(0), 0, Body::Listed(listing)));
    }

    /// Fills up to `qty` of an order that works.
    pub(crate) fn fill(&mut self, at: usize, qty: Qty) {
        let order = &mut self.orders[at];
        let qty = qty.min(order.qty - order.filled);
        if !order.may_fill() || qty == 0 {
            return;
        }
        order.filled += qty;
        let done = order.filled == order.qty;
        order.status = if done { Status::Filled } else { Status::PartiallyFilled };
        let reason = if done { UpdateReason::Filled } else { UpdateReason::FilledPartially };
        let (symbol, id, way, sibling) = (order.symbol, order.id, order.way, order.sibling);
        let execution = ExecutionId::new(self.fills.len() as u64 + 1);
        let fill = Fill { id, execution, px: Px::new(100).expect("px"), qty, way };
        self.fills.push((symbol, fill));
        self.said.push_back((symbol, 0, Body::Fill(fill)));
        self.say(at, reason);
        self.count(symbol, way, qty);
        let parent = self.orders[at].parent;
        if self.manners == Manners::Good
            && done
            && let Some(other) = self.find(sibling)
            && self.orders[other].lives()
        {
            self.orders[other].sibling = OrderId::NONE;
            self.end(other, Status::Canceled);
        }
        self.fit(if parent == OrderId::NONE { id } else { parent });
    }

    /// The exits of an entry are as large as what it has filled and they have not.
    fn fit(&mut self, entry: OrderId) {
        let Some(filled) = self.find(entry).map(|at| self.orders[at].filled) else { return };
        let of = |o: &&Resting| o.parent == entry;
        let exited: Qty = self.orders.iter().filter(of).map(|o| o.filled).sum();
        for at in 0..self.orders.len() {
            let child = &mut self.orders[at];
            if child.parent != entry || !child.lives() || filled == 0 {
                continue;
            }
            let before = (child.qty, child.status);
            if self.manners == Manners::Good {
                child.qty = child.filled + filled.saturating_sub(exited);
            }
            if child.status == Status::PendingChild {
                child.status = Status::Open;
            }
            if before != (child.qty, child.status) {
                self.say(at, UpdateReason::General);
            }
        }
    }

    /// A trade of somebody else in the account.
    pub(crate) fn foreign(&mut self, symbol: SymbolId, way: BuySell, number: u32) {
        let id = OrderId::foreign(number);
        let execution = ExecutionId::new(self.fills.len() as u64 + 1);
        let fill = Fill { id, execution, px: Px::new(99).expect("px"), qty: 1, way };
        self.fills.push((symbol, fill));
        self.said.push_back((symbol, 0, Body::Fill(fill)));
        self.count(symbol, way, 1);
        self.flipped = false;
    }

    fn count(&mut self, symbol: SymbolId, way: BuySell, qty: Qty) {
        let open = &mut self.positions[usize::from(symbol.0)];
        let before = *open;
        *open += way.sign() * i32::try_from(qty).expect("qty");
        if before.signum() * open.signum() < 0 {
            self.flipped = true;
        }
        let qty = *open;
        self.said.push_back((symbol, 0, Body::Position(qty)));
    }
}
