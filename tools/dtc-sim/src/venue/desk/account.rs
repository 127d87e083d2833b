//! What the account holds: positions, money, executions.

use super::order::Order;
use super::{Desk, FILLS_MAX};
use crate::market::MarketBody;

/// Net position of one symbol, price as displayed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Position {
    /// Contracts, below 0 when short.
    pub(super) quantity: i64,
    pub(super) average_price: f64,
    /// Market time of the fill that opened it, Unix ns.
    pub(super) entry_ns: i64,
    /// Highest and lowest price while it was open.
    pub(super) high: f64,
    pub(super) low: f64,
}

/// One execution of the account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fill {
    pub(super) order: u64,
    /// Of the order's id when it happened.
    pub(super) revision: u32,
    pub(super) execution: u64,
    pub(super) symbol: u16,
    pub(super) buy: bool,
    pub(super) price: f64,
    pub(super) quantity: u32,
    pub(super) ts_ns: i64,
    pub(super) closes: bool,
    pub(super) position: Position,
}

impl Desk {
    /// Net contracts held of a symbol, below 0 when short.
    #[must_use]
    pub fn position(&self, symbol: u16) -> i64 {
        self.positions.get(usize::from(symbol)).map_or(0, |position| position.quantity)
    }

    /// Books an execution and keeps it for requests about the past.
    pub(super) fn book(&mut self, of: &Order, ticks: i64, quantity: u32) -> Option<Fill> {
        let (order, revision) = (of.new.number, of.revision);
        let (symbol, buy) = (of.new.symbol, of.new.buy);
        let spec = self.spec(symbol)?;
        let price = ticks as f64 * spec.increment;
        let value_per_price = spec.currency_per_increment / spec.increment;
        let ts_ns = self.market.last_ts_ns();
        let position = self.positions.get_mut(usize::from(symbol))?;
        let signed = if buy { i64::from(quantity) } else { -i64::from(quantity) };
        let closes = position.quantity.signum() * signed.signum() < 0;
        self.cash += position.trade(price, signed, ts_ns) * value_per_price;
        self.cash -= f64::from(quantity) * self.options.fee_per_contract;
        self.last_execution = self.last_execution.saturating_add(1);
        let execution = self.last_execution;
        let position = *position;
        let fill = Fill {
            order,
            revision,
            execution,
            symbol,
            buy,
            price,
            quantity,
            ts_ns,
            closes,
            position,
        };
        if self.fills.len() >= FILLS_MAX {
            self.fills.pop_front();
        }
        self.fills.push_back(fill);
        Some(fill)
    }

    /// Follows the extremes of a position that is open.
    pub(super) fn follow(&mut self, symbol: u16, body: &MarketBody) {
        if let MarketBody::Trade { price, .. } = body
            && let Some(position) = self.positions.get_mut(usize::from(symbol))
            && position.quantity != 0
        {
            position.high = position.high.max(*price);
            position.low = position.low.min(*price);
        }
    }

    /// What closing the position at the last trade would bring, in the account's currency; 0
    /// before the first trade.
    pub(super) fn open_gain(&self, symbol: u16) -> f64 {
        let gain = || {
            let position = self.positions.get(usize::from(symbol))?;
            let spec = self.spec(symbol)?;
            let last = self.market.symbol(symbol)?.session?.last;
            let points = (last - position.average_price) * position.quantity as f64;
            Some(points / spec.increment * spec.currency_per_increment)
        };
        gain().unwrap_or(0.0)
    }
}

impl Position {
    /// Moves by `signed` contracts; the gain of what was closed, in price × contracts.
    fn trade(&mut self, price: f64, signed: i64, ts_ns: i64) -> f64 {
        let before = self.quantity;
        let after = before + signed;
        self.quantity = after;
        if before == 0 || after.signum() * before.signum() < 0 {
            let gain = (price - self.average_price) * before as f64;
            *self = Self {
                quantity: after,
                average_price: price,
                entry_ns: ts_ns,
                high: price,
                low: price,
            };
            return gain;
        }
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        if before.signum() == signed.signum() {
            let value = self.average_price * before as f64 + price * signed as f64;
            self.average_price = value / after as f64;
            return 0.0;
        }
        let gain = (price - self.average_price) * -signed as f64;
        if after == 0 {
            *self = Self::default();
        }
        gain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_averages_closes_and_turns() {
        let mut position = Position::default();
        assert_eq!(position.trade(100.0, 2, 5), 0.0);
        assert_eq!(position.trade(103.0, 1, 6), 0.0);
        assert_eq!((position.quantity, position.average_price, position.entry_ns), (3, 101.0, 5));
        assert_eq!(position.trade(105.0, -1, 7), 4.0);
        assert_eq!((position.quantity, position.high), (2, 105.0));
        assert_eq!(position.trade(99.0, -5, 8), -4.0, "closes two, opens three");
        assert_eq!((position.quantity, position.average_price, position.entry_ns), (-3, 99.0, 8));
        assert_eq!(position.trade(97.0, 3, 9), 6.0);
        assert_eq!(position, Position::default());
    }
}
