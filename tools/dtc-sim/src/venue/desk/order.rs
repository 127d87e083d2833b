//! An order as the desk holds it, and the checks it has to pass.

use dtc::wire::{SubmitNewOCOOrder, SubmitNewSingleOrder, codes, value};

use super::{Desk, ORDER_IDS_MAX, WORKING_MAX};
use crate::venue::{Kind, Life, NewOrder};

/// Contracts of one order at most.
const QUANTITY_MAX: f64 = 1e6;
/// How far off the price grid, in increments, still counts as on it: a multiplier sent as `float`
/// costs a client this much precision.
const GRID_TOLERANCE: f64 = 0.01;

/// A client's order: what was asked for and what has become of it.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) new: NewOrder,
    /// Changes that gave it another id of the server.
    pub(super) revision: u32,
    pub(super) client_order_id: [u8; 32],
    /// As sent, for the reports: a stop keeps its type after it was triggered.
    pub(super) order_type: i32,
    pub(super) time_in_force: i32,
    pub(super) free_form_text: [u8; 48],
    pub(super) open_or_close: i32,
    pub(super) received_ns: i64,
    pub(super) parent: Option<u64>,
    pub(super) sibling: Option<u64>,
    pub(super) status: i32,
    pub(super) filled: u32,
    /// Sum of price × contracts of the fills.
    pub(super) fill_value: f64,
}

impl Order {
    pub(super) fn remaining(&self) -> u32 {
        self.new.quantity.saturating_sub(self.filled)
    }

    /// The server's id: the newest.
    pub(super) fn server_id(&self) -> String {
        server_id(self.new.number, self.revision)
    }

    /// The prices that its kind has, in increments.
    pub(super) fn prices(&self) -> (Option<i64>, Option<i64>) {
        match self.new.kind {
            Kind::Market => (None, None),
            Kind::Limit(price) | Kind::Stop(price) => (Some(price), None),
            Kind::StopLimit(stop, limit) => (Some(stop), Some(limit)),
        }
    }

    /// The status of one that works, by what is filled of it.
    pub(super) fn working_status(&self) -> i32 {
        if self.filled > 0 {
            codes::ORDER_STATUS_PARTIALLY_FILLED
        } else {
            codes::ORDER_STATUS_OPEN
        }
    }
}

/// What a client asks for, out of whichever message.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) symbol: [u8; 64],
    pub(super) trade_account: [u8; 32],
    pub(super) client_order_id: [u8; 32],
    pub(super) order_type: i32,
    pub(super) buy_sell: i32,
    pub(super) price1: f64,
    pub(super) price2: f64,
    pub(super) quantity: f64,
    pub(super) time_in_force: i32,
    pub(super) is_parent: bool,
    pub(super) free_form_text: [u8; 48],
    pub(super) open_or_close: i32,
}

impl Ticket {
    pub(super) fn single(m: &SubmitNewSingleOrder) -> Self {
        Self {
            symbol: m.symbol,
            trade_account: m.trade_account,
            client_order_id: m.client_order_id,
            order_type: m.order_type.get(),
            buy_sell: m.buy_sell.get(),
            price1: m.price1.get(),
            price2: m.price2.get(),
            quantity: m.quantity.get(),
            time_in_force: m.time_in_force.get(),
            is_parent: m.is_parent_order != 0,
            free_form_text: m.free_form_text,
            open_or_close: m.open_or_close.get(),
        }
    }

    pub(super) fn pair(m: &SubmitNewOCOOrder) -> (Self, Self) {
        let first = Self {
            symbol: m.symbol,
            trade_account: m.trade_account,
            client_order_id: m.client_order_id_1,
            order_type: m.order_type_1.get(),
            buy_sell: m.buy_sell_1.get(),
            price1: m.price1_1.get(),
            price2: m.price2_1.get(),
            quantity: m.quantity_1.get(),
            time_in_force: m.time_in_force.get(),
            is_parent: false,
            free_form_text: m.free_form_text,
            open_or_close: m.open_or_close.get(),
        };
        let second = Self {
            client_order_id: m.client_order_id_2,
            order_type: m.order_type_2.get(),
            buy_sell: m.buy_sell_2.get(),
            price1: m.price1_2.get(),
            price2: m.price2_2.get(),
            quantity: m.quantity_2.get(),
            ..first.clone()
        };
        (first, second)
    }
}

impl Desk {
    /// The order that a ticket becomes under a number, or why it is refused.
    pub(super) fn check(&self, number: u64, ticket: &Ticket) -> Result<Order, &'static str> {
        let symbol = self.check_head(ticket)?;
        let buy = match ticket.buy_sell {
            codes::BUY => true,
            codes::SELL => false,
            _ => return Err("BuySell is not set"),
        };
        let quantity = check_quantity(ticket.quantity)?;
        let kind = self.check_kind(symbol, ticket)?;
        let life = life(ticket.time_in_force);
        let is_parent = ticket.is_parent;
        let new = NewOrder { number, symbol, buy, kind, quantity, life, is_parent };
        Ok(self.order(ticket, new))
    }

    /// What holds for orders of every kind; the symbol's index.
    pub(super) fn check_head(&self, ticket: &Ticket) -> Result<u16, &'static str> {
        let symbol = self.symbol_index(&ticket.symbol).ok_or("Symbol is not known")?;
        if !self.is_ours(&ticket.trade_account) {
            return Err("TradeAccount is not known");
        }
        if value::text(&ticket.client_order_id).is_empty() {
            return Err("ClientOrderID is not set");
        }
        if self.order_ids.contains(&id_key(&ticket.client_order_id)) {
            return Err("ClientOrderID was used before");
        }
        if self.orders.len() >= WORKING_MAX || self.order_ids.len() >= ORDER_IDS_MAX {
            return Err("Too many orders");
        }
        Ok(symbol)
    }

    pub(super) fn order(&self, ticket: &Ticket, new: NewOrder) -> Order {
        Order {
            new,
            revision: 0,
            client_order_id: id_key(&ticket.client_order_id),
            order_type: ticket.order_type,
            time_in_force: ticket.time_in_force,
            free_form_text: ticket.free_form_text,
            open_or_close: ticket.open_or_close,
            received_ns: self.market.last_ts_ns(),
            parent: None,
            sibling: None,
            status: codes::ORDER_STATUS_PENDING_OPEN,
            filled: 0,
            fill_value: 0.0,
        }
    }

    pub(super) fn symbol_index(&self, symbol: &[u8]) -> Option<u16> {
        let wanted = value::text(symbol);
        let at = self.specs.iter().position(|spec| spec.symbol.as_bytes() == wanted)?;
        u16::try_from(at).ok()
    }

    /// An empty account means the only one there is.
    pub(super) fn is_ours(&self, field: &[u8]) -> bool {
        let text = value::text(field);
        text.is_empty() || text == self.options.account.as_bytes()
    }

    /// A wire price as increments, if it is on the grid.
    pub(super) fn check_price(&self, symbol: u16, wire: f64) -> Result<i64, &'static str> {
        let spec = self.spec(symbol).ok_or("Symbol is not known")?;
        let price = spec.from_wire(wire);
        let ticks = spec.ticks(price).ok_or("Price is not a price")?;
        if (price / spec.increment - ticks as f64).abs() > GRID_TOLERANCE {
            return Err("Price is not a multiple of the price increment");
        }
        Ok(ticks)
    }

    fn check_kind(&self, symbol: u16, ticket: &Ticket) -> Result<Kind, &'static str> {
        match ticket.order_type {
            codes::ORDER_TYPE_MARKET => Ok(Kind::Market),
            codes::ORDER_TYPE_LIMIT => Ok(Kind::Limit(self.check_price(symbol, ticket.price1)?)),
            codes::ORDER_TYPE_STOP => Ok(Kind::Stop(self.check_price(symbol, ticket.price1)?)),
            codes::ORDER_TYPE_STOP_LIMIT => {
                let stop = self.check_price(symbol, ticket.price1)?;
                Ok(Kind::StopLimit(stop, self.check_price(symbol, ticket.price2)?))
            }
            _ => Err("OrderType is not supported; use market, limit, stop or stop-limit"),
        }
    }
}

/// The server's id of an order after so many changes that gave it another one.
pub(super) fn server_id(number: u64, revision: u32) -> String {
    match revision {
        0 => format!("SIM-{number}"),
        _ => format!("SIM-{number}.{revision}"),
    }
}

pub(super) fn life(time_in_force: i32) -> Life {
    match time_in_force {
        codes::TIF_IMMEDIATE_OR_CANCEL => Life::ImmediateOrCancel,
        codes::TIF_FILL_OR_KILL => Life::FillOrKill,
        _ => Life::Day,
    }
}

pub(super) fn check_quantity(quantity: f64) -> Result<u32, &'static str> {
    if !(1.0..=QUANTITY_MAX).contains(&quantity) || quantity.fract() != 0.0 {
        return Err("Quantity must be a whole number from 1 to 1000000");
    }
    Ok(quantity as u32)
}

/// The text of an id with everything after its end zeroed, so that equal ids are equal arrays.
pub(super) fn id_key(field: &[u8; 32]) -> [u8; 32] {
    let mut key = [0; 32];
    for (to, from) in key.iter_mut().zip(value::text(field)) {
        *to = *from;
    }
    key
}
