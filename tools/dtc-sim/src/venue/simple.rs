//! The built-in venue: simple matching against the served book, without delay.
//!
//! - A market order, and a limit order at or through the touch, takes the standing levels price by
//!   price (several partial fills where it needs several levels). The served book does not change
//!   by it. What a market order cannot take is canceled; a limit order's rest waits.
//! - A waiting limit order fills as a whole at its price when the touch reaches it or a trade goes
//!   through it. A queue position is not pretended.
//! - A stop order becomes a market order, a stop-limit order a limit order at its second price,
//!   when a trade reaches its first.
//! - Of a pair, a fill of one takes as many contracts from the other, and all of them cancel it. A
//!   pair with a parent waits for the parent's whole fill and goes when the parent is canceled.
//! - Flatten closes the position with a market order and leaves waiting orders alone.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::{Change, Kind, Life, NewOrder, NewPair, OrderEvent, Update, Venue};
use crate::market::{MarketBody, MarketRecord, Side, SymbolSpec};
use crate::state::MarketState;

/// What a waiting order does at a record.
enum Action {
    /// Fills as a whole at its limit.
    FillAt(i64),
    /// Its stop was reached.
    Trigger,
}

/// An order that is not done.
#[derive(Clone, Copy, Debug)]
struct Order {
    new: NewOrder,
    filled: u32,
    parent: Option<u64>,
    sibling: Option<u64>,
    /// Its parent is not filled.
    waits: bool,
}

impl Order {
    fn new(new: &NewOrder) -> Self {
        Self { new: *new, filled: 0, parent: None, sibling: None, waits: false }
    }

    fn remaining(&self) -> u32 {
        self.new.quantity.saturating_sub(self.filled)
    }

    /// Whether a price is as good as `limit` or better for it.
    fn reaches(&self, ticks: i64, limit: i64) -> bool {
        if self.new.buy { ticks <= limit } else { ticks >= limit }
    }

    /// The side of the book it takes from.
    fn takes_from(&self) -> Side {
        if self.new.buy { Side::Ask } else { Side::Bid }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct SimpleVenue {
    specs: Vec<SymbolSpec>,
    orders: Vec<Order>,
    positions: Vec<i64>,
    updates: VecDeque<Update>,
}

impl SimpleVenue {
    /// No orders, no positions.
    #[must_use]
    pub fn new(specs: &[SymbolSpec]) -> Self {
        Self {
            specs: specs.to_vec(),
            orders: Vec::new(),
            positions: vec![0; specs.len()],
            updates: VecDeque::new(),
        }
    }

    fn tell(&mut self, number: u64, event: OrderEvent) {
        self.updates.push_back(Update { number, event });
    }

    fn take(&mut self, number: u64) -> Option<Order> {
        let at = self.orders.iter().position(|order| order.new.number == number)?;
        Some(self.orders.remove(at))
    }

    /// Puts a live order to the market: takes what it can, then waits or ends.
    fn place(&mut self, mut order: Order, market: &MarketState) {
        let limit = match order.new.kind {
            Kind::Market => None,
            Kind::Limit(ticks) => Some(ticks),
            Kind::Stop(_) | Kind::StopLimit(..) => return self.orders.push(order),
        };
        let takes = takes(&order, limit, market);
        let total: u32 = takes.iter().map(|(_, quantity)| quantity).sum();
        if order.new.life == Life::FillOrKill && total < order.remaining() {
            return self.end(order, "Could not be filled as a whole at once");
        }
        for (ticks, quantity) in takes {
            self.fill(&mut order, ticks, quantity, market);
        }
        if order.remaining() == 0 {
            return;
        }
        match (order.new.kind, order.new.life) {
            (Kind::Market, _) => self.end(order, "Nothing left to trade with"),
            (_, Life::ImmediateOrCancel) => {
                self.end(order, "The rest could not be filled at once");
            }
            _ => self.orders.push(order),
        }
    }

    /// Ends an order that is no longer in the list, with those that hang on it.
    fn end(&mut self, order: Order, text: &'static str) {
        self.tell(order.new.number, OrderEvent::Canceled(Cow::Borrowed(text)));
        for number in self.children_of(order.new.number) {
            if let Some(child) = self.take(number) {
                self.end(child, "The parent order was canceled");
            }
        }
    }

    fn action(
        &self,
        order: &Order,
        symbol: u16,
        trade: Option<i64>,
        market: &MarketState,
    ) -> Option<Action> {
        if order.new.symbol != symbol || order.waits {
            return None;
        }
        match order.new.kind {
            Kind::Limit(limit) => {
                let state = market.symbol(symbol)?;
                // A batch may pass through crossed states; only a whole book counts.
                let touch = state.book.best(order.takes_from()).filter(|_| !state.batch_open);
                let touched = touch.is_some_and(|level| order.reaches(level.ticks, limit));
                let through = trade.is_some_and(|at| at != limit && order.reaches(at, limit));
                (touched || through).then_some(Action::FillAt(limit))
            }
            Kind::Stop(stop) | Kind::StopLimit(stop, _) => trade
                .is_some_and(|at| if order.new.buy { at >= stop } else { at <= stop })
                .then_some(Action::Trigger),
            Kind::Market => None,
        }
    }

    /// Books one execution of an order that is not in the list, and what follows.
    fn fill(&mut self, order: &mut Order, ticks: i64, quantity: u32, market: &MarketState) {
        order.filled = order.filled.saturating_add(quantity);
        if let Some(position) = self.positions.get_mut(usize::from(order.new.symbol)) {
            *position += if order.new.buy { i64::from(quantity) } else { -i64::from(quantity) };
        }
        self.tell(order.new.number, OrderEvent::Filled { ticks, quantity });
        if let Some(mut sibling) = order.sibling.and_then(|number| self.take(number)) {
            if order.remaining() == 0 || sibling.remaining() <= quantity {
                self.end(sibling, "The other order of the pair was filled");
            } else {
                sibling.new.quantity -= quantity;
                self.tell(sibling.new.number, OrderEvent::Resized(sibling.new.quantity));
                self.orders.push(sibling);
            }
        }
        if order.remaining() > 0 {
            return;
        }
        // All children wake before any of them acts: the first may cancel the second.
        let children = self.children_of(order.new.number);
        for number in &children {
            if let Some(child) = self.orders.iter_mut().find(|o| o.new.number == *number) {
                child.waits = false;
                let quantity = child.new.quantity;
                self.tell(*number, OrderEvent::Opened { quantity });
            }
        }
        for number in children {
            if let Some(child) = self.take(number) {
                self.place(child, market);
            }
        }
    }

    fn children_of(&self, number: u64) -> Vec<u64> {
        let waiting = |order: &&Order| order.parent == Some(number) && order.waits;
        self.orders.iter().filter(waiting).map(|order| order.new.number).collect()
    }
}

impl Venue for SimpleVenue {
    fn submit(&mut self, order: &NewOrder, market: &MarketState) {
        self.tell(order.number, OrderEvent::Accepted { waits: false });
        self.place(Order::new(order), market);
    }

    fn submit_pair(&mut self, pair: &NewPair, market: &MarketState) {
        let works = |parent: u64| self.orders.iter().any(|order| order.new.number == parent);
        let waits = pair.parent.is_some_and(works);
        let parent = pair.parent.filter(|_| waits);
        for (order, sibling) in [(&pair.first, &pair.second), (&pair.second, &pair.first)] {
            self.tell(order.number, OrderEvent::Accepted { waits });
            let sibling = Some(sibling.number);
            // Both in the list before the first acts, so that a fill finds its sibling.
            self.orders.push(Order { parent, sibling, waits, ..Order::new(order) });
        }
        for number in [pair.first.number, pair.second.number].into_iter().filter(|_| !waits) {
            if let Some(order) = self.take(number) {
                self.place(order, market);
            }
        }
    }

    fn cancel(&mut self, number: u64, _market: &MarketState) {
        match self.take(number) {
            Some(order) => self.end(order, ""),
            None => self.tell(number, OrderEvent::CancelRejected("The order is done".into())),
        }
    }

    fn replace(&mut self, change: &Change, market: &MarketState) {
        let Some(mut order) = self.take(change.number) else {
            let event = OrderEvent::ReplaceRejected("The order is done".into());
            return self.tell(change.number, event);
        };
        if change.quantity <= order.filled {
            let event = OrderEvent::ReplaceRejected("The new quantity is already filled".into());
            self.orders.push(order);
            return self.tell(change.number, event);
        }
        order.new.quantity = change.quantity;
        order.new.life = change.life;
        order.new.kind = match (order.new.kind, change.kind) {
            // Triggered before: it works at its second price.
            (Kind::Limit(_), Kind::StopLimit(_, limit)) => Kind::Limit(limit),
            (_, kind) => kind,
        };
        let (quantity, kind) = (change.quantity, change.kind);
        self.tell(change.number, OrderEvent::Replaced { quantity, kind });
        if order.waits { self.orders.push(order) } else { self.place(order, market) }
    }

    fn flatten(&mut self, number: u64, symbol: u16, market: &MarketState) {
        let held = self.positions.get(usize::from(symbol)).copied().unwrap_or(0);
        let quantity = u32::try_from(held.unsigned_abs()).unwrap_or(u32::MAX);
        if quantity == 0 {
            let event = OrderEvent::Rejected("There is no position to close".into());
            return self.tell(number, event);
        }
        let order = NewOrder {
            number,
            symbol,
            buy: held < 0,
            kind: Kind::Market,
            quantity,
            life: Life::Day,
            is_parent: false,
        };
        self.tell(number, OrderEvent::Flattens { buy: order.buy, quantity });
        self.place(Order::new(&order), market);
    }

    /// Lets the waiting orders of the record's symbol act, one at a time: a fill may cancel or wake
    /// others.
    fn on_record(&mut self, record: &MarketRecord, market: &MarketState) {
        if self.orders.is_empty() {
            return;
        }
        let spec = self.specs.get(usize::from(record.symbol));
        let trade = match record.body {
            MarketBody::Trade { price, .. } => spec.and_then(|spec| spec.ticks(price)),
            _ => None,
        };
        // Every action ends an order or turns a stop into what it was to become.
        let bound = self.orders.len().saturating_mul(4);
        for _ in 0..bound {
            let found = self.orders.iter().enumerate().find_map(|(at, order)| {
                Some((at, self.action(order, record.symbol, trade, market)?))
            });
            let Some((at, action)) = found else { return };
            let mut order = self.orders.remove(at);
            match action {
                Action::FillAt(ticks) => {
                    let remaining = order.remaining();
                    self.fill(&mut order, ticks, remaining, market);
                }
                Action::Trigger => {
                    order.new.kind = match order.new.kind {
                        Kind::StopLimit(_, limit) => Kind::Limit(limit),
                        _ => Kind::Market,
                    };
                    self.place(order, market);
                }
            }
        }
    }

    fn on_end(&mut self, _market: &MarketState) {}

    fn poll(&mut self) -> Option<Update> {
        self.updates.pop_front()
    }
}

/// What the standing book offers an order, as (price, contracts).
fn takes(order: &Order, limit: Option<i64>, market: &MarketState) -> Vec<(i64, u32)> {
    let Some(state) = market.symbol(order.new.symbol) else { return Vec::new() };
    let mut wanted = order.remaining();
    let mut takes = Vec::new();
    for level in state.book.levels(order.takes_from()) {
        let reached = limit.is_none_or(|limit| order.reaches(level.ticks, limit));
        if !reached || wanted == 0 {
            break;
        }
        let quantity = wanted.min(level.quantity);
        if quantity > 0 {
            takes.push((level.ticks, quantity));
            wanted -= quantity;
        }
    }
    takes
}
