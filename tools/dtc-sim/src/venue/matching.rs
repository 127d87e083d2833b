//! When orders fill, and what follows from a fill.

use dtc::wire::codes;

use super::order::{Kind, Order};
use super::{FILLS_MAX, Fill, Venue};
use crate::market::{MarketBody, MarketRecord, Side};

/// Filled parents remembered, for a pair that comes after its parent's fill.
const FILLED_PARENTS_MAX: usize = 256;

/// What a waiting order does at a record.
enum Action {
    /// Fills as a whole at its limit.
    FillAt(i64),
    /// Its stop was reached.
    Trigger,
}

impl Venue {
    /// Lets the waiting orders of the record's symbol act, one at a time: a fill may cancel or wake
    /// others.
    pub(super) fn match_record(&mut self, record: &MarketRecord) {
        let trade = match record.body {
            MarketBody::Trade { price, .. } => {
                self.spec(record.symbol).and_then(|spec| spec.ticks(price))
            }
            _ => None,
        };
        // Every action ends an order or turns a stop into what it was to become.
        let bound = self.orders.len().saturating_mul(4);
        for _ in 0..bound {
            let found = self
                .orders
                .iter()
                .enumerate()
                .find_map(|(at, order)| Some((at, self.action(order, record.symbol, trade)?)));
            let Some((at, action)) = found else { return };
            let mut order = self.orders.remove(at);
            match action {
                Action::FillAt(ticks) => {
                    let remaining = order.remaining();
                    self.fill(&mut order, ticks, remaining);
                }
                Action::Trigger => {
                    order.kind = match order.kind {
                        Kind::StopLimit(_, limit) => Kind::Limit(limit),
                        _ => Kind::Market,
                    };
                    self.place(order);
                }
            }
        }
    }

    /// Puts a live order to the market: takes what it can, then waits or ends.
    pub(super) fn place(&mut self, mut order: Order) {
        let limit = match order.kind {
            Kind::Market => None,
            Kind::Limit(ticks) => Some(ticks),
            Kind::Stop(_) | Kind::StopLimit(..) => return self.orders.push(order),
        };
        let takes = self.takes(&order, limit);
        let total: f64 = takes.iter().map(|(_, quantity)| quantity).sum();
        if order.time_in_force == codes::TIF_FILL_OR_KILL && total < order.remaining() {
            return self.cancel_order(order, "Could not be filled as a whole at once");
        }
        for (ticks, quantity) in takes {
            self.fill(&mut order, ticks, quantity);
        }
        if order.remaining() <= 0.0 {
            return;
        }
        match order.kind {
            Kind::Market => self.cancel_order(order, "Nothing left to trade with"),
            _ if order.time_in_force == codes::TIF_IMMEDIATE_OR_CANCEL => {
                self.cancel_order(order, "The rest could not be filled at once");
            }
            _ => self.orders.push(order),
        }
    }

    /// Ends an order that is no longer in the list, with those that hang on it.
    pub(super) fn cancel_order(&mut self, mut order: Order, text: &str) {
        order.status = codes::ORDER_STATUS_CANCELED;
        self.report_order(&order, codes::ORDER_CANCELED, None, text);
        let children: Vec<u64> = self.children_of(order.id);
        for id in children {
            if let Some(child) = self.take_order(id) {
                self.cancel_order(child, "The parent order was canceled");
            }
        }
    }

    pub(super) fn take_order(&mut self, id: u64) -> Option<Order> {
        let at = self.orders.iter().position(|order| order.id == id)?;
        Some(self.orders.remove(at))
    }

    /// What the standing book offers an order, as (price, contracts).
    fn takes(&self, order: &Order, limit: Option<i64>) -> Vec<(i64, f64)> {
        let Some(state) = self.market.symbol(order.symbol) else { return Vec::new() };
        let side = if order.buy { Side::Ask } else { Side::Bid };
        let mut wanted = order.remaining();
        let mut takes = Vec::new();
        for level in state.book.levels(side) {
            let reached = limit.is_none_or(|limit| {
                if order.buy { level.ticks <= limit } else { level.ticks >= limit }
            });
            if !reached || wanted <= 0.0 {
                break;
            }
            let quantity = wanted.min(f64::from(level.quantity));
            if quantity > 0.0 {
                takes.push((level.ticks, quantity));
                wanted -= quantity;
            }
        }
        takes
    }

    fn action(&self, order: &Order, symbol: u16, trade: Option<i64>) -> Option<Action> {
        if order.symbol != symbol || !order.is_live() {
            return None;
        }
        match order.kind {
            Kind::Limit(limit) => {
                let state = self.market.symbol(symbol)?;
                let side = if order.buy { Side::Ask } else { Side::Bid };
                // A batch may pass through crossed states; only a whole book counts.
                let touch = state.book.best(side).filter(|_| !state.batch_open);
                let touched = touch.is_some_and(|level| {
                    if order.buy { level.ticks <= limit } else { level.ticks >= limit }
                });
                let through =
                    trade.is_some_and(|at| if order.buy { at < limit } else { at > limit });
                (touched || through).then_some(Action::FillAt(limit))
            }
            Kind::Stop(stop) | Kind::StopLimit(stop, _) => trade
                .is_some_and(|at| if order.buy { at >= stop } else { at <= stop })
                .then_some(Action::Trigger),
            Kind::Market => None,
        }
    }

    /// Books one execution of an order that is not in the list, and what follows if it is done.
    fn fill(&mut self, order: &mut Order, ticks: i64, quantity: f64) {
        let Some(spec) = self.spec(order.symbol) else { return };
        let price = ticks as f64 * spec.increment;
        let value_per_price = spec.currency_per_increment / spec.increment;
        order.filled += quantity;
        order.fill_value += price * quantity;
        self.last_execution = self.last_execution.saturating_add(1);
        self.move_position(order, price, quantity, value_per_price);
        let fill = Fill {
            order: order.id,
            execution: self.last_execution,
            symbol: order.symbol,
            buy: order.buy,
            price,
            quantity,
            ts_ns: self.market.last_ts_ns(),
            position_after: self.position(order.symbol),
        };
        if self.fills.len() >= FILLS_MAX {
            self.fills.pop_front();
        }
        self.fills.push_back(fill);
        let done = order.remaining() <= 0.0;
        let (status, reason) = if done {
            (codes::ORDER_STATUS_FILLED, codes::ORDER_FILLED)
        } else {
            (codes::ORDER_STATUS_PARTIALLY_FILLED, codes::ORDER_FILLED_PARTIALLY)
        };
        order.status = status;
        self.report_order(order, reason, Some(&fill), "");
        self.report_position(order.symbol);
        if done {
            self.after_fill(order);
        }
    }

    fn after_fill(&mut self, order: &Order) {
        if let Some(sibling) = order.sibling.and_then(|id| self.take_order(id)) {
            self.cancel_order(sibling, "The other order of the pair was filled");
        }
        if order.is_parent {
            if self.filled_parents.len() >= FILLED_PARENTS_MAX {
                self.filled_parents.pop_front();
            }
            self.filled_parents.push_back(order.client_order_id);
        }
        // All children wake before any of them acts: the first may cancel the second.
        let children = self.children_of(order.id);
        for id in &children {
            if let Some(at) = self.orders.iter().position(|child| child.id == *id) {
                let mut child = self.orders.remove(at);
                child.status = codes::ORDER_STATUS_OPEN;
                self.report_order(&child, codes::GENERAL_ORDER_UPDATE, None, "");
                self.orders.insert(at, child);
            }
        }
        for id in children {
            if let Some(child) = self.take_order(id) {
                self.place(child);
            }
        }
    }

    fn children_of(&self, id: u64) -> Vec<u64> {
        let waiting = |order: &&Order| order.parent == Some(id) && !order.is_live();
        self.orders.iter().filter(waiting).map(|order| order.id).collect()
    }

    fn move_position(&mut self, order: &Order, price: f64, quantity: f64, value_per_price: f64) {
        let signed = if order.buy { quantity } else { -quantity };
        let Some(position) = self.positions.get_mut(usize::from(order.symbol)) else { return };
        let before = position.quantity;
        let after = before + signed;
        if before * signed >= 0.0 {
            let value = position.average_price * before.abs() + price * quantity;
            position.average_price = value / after.abs().max(1.0);
        } else {
            let closed = quantity.min(before.abs());
            let gain = (price - position.average_price) * before.signum();
            self.cash += closed * gain * value_per_price;
            if after == 0.0 {
                position.average_price = 0.0;
            } else if after * before < 0.0 {
                position.average_price = price;
            }
        }
        position.quantity = after;
    }
}
