//! An order as the exchange holds it, and the checks it has to pass.

use dtc::wire::{SubmitNewSingleOrder, codes, value};

use super::{ACCOUNT, ORDER_IDS_MAX, Venue, WORKING_MAX};

/// Contracts of one order at most.
const QUANTITY_MAX: f64 = 1e6;
/// How far off the price grid, in increments, still counts as on it: a multiplier sent as `float`
/// costs a client this much precision.
const GRID_TOLERANCE: f64 = 0.01;

/// How an order meets the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Market,
    /// At this price or better, in increments.
    Limit(i64),
    /// A market order once a trade reaches this price.
    Stop(i64),
    /// A limit order at the second price once a trade reaches the first.
    StopLimit(i64, i64),
}

/// An order that is not done.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) id: u64,
    pub(super) client_order_id: [u8; 32],
    pub(super) symbol: u16,
    pub(super) buy: bool,
    pub(super) kind: Kind,
    /// As sent, for the reports: a stop keeps its type after it was triggered.
    pub(super) order_type: i32,
    pub(super) price1: Option<i64>,
    pub(super) price2: Option<i64>,
    pub(super) quantity: f64,
    pub(super) filled: f64,
    /// Sum of price × contracts of the fills.
    pub(super) fill_value: f64,
    pub(super) time_in_force: i32,
    pub(super) is_parent: bool,
    pub(super) parent: Option<u64>,
    pub(super) sibling: Option<u64>,
    pub(super) status: i32,
    pub(super) free_form_text: [u8; 48],
    pub(super) open_or_close: i32,
    pub(super) received_ns: i64,
}

impl Order {
    pub(super) fn remaining(&self) -> f64 {
        (self.quantity - self.filled).max(0.0)
    }

    pub(super) fn is_live(&self) -> bool {
        self.status != codes::ORDER_STATUS_PENDING_CHILD
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
}

impl Venue {
    /// A checked order without an id, or why it is refused.
    pub(super) fn check(&self, ticket: &Ticket) -> Result<Order, &'static str> {
        let symbol = self.symbol_index(&ticket.symbol).ok_or("Symbol is not known")?;
        if !account_is_ours(&ticket.trade_account) {
            return Err("TradeAccount is not known; the only one is SIM");
        }
        let client_order_id = value::text(&ticket.client_order_id);
        if client_order_id.is_empty() {
            return Err("ClientOrderID is not set");
        }
        let key = id_key(&ticket.client_order_id);
        if self.order_ids.contains(&key) {
            return Err("ClientOrderID was used before");
        }
        if self.orders.len() >= WORKING_MAX || self.order_ids.len() >= ORDER_IDS_MAX {
            return Err("Too many orders");
        }
        let buy = match ticket.buy_sell {
            codes::BUY => true,
            codes::SELL => false,
            _ => return Err("BuySell is not set"),
        };
        let quantity = check_quantity(ticket.quantity)?;
        let kind = self.check_kind(symbol, ticket)?;
        let (price1, price2) = match kind {
            Kind::Market => (None, None),
            Kind::Limit(price) | Kind::Stop(price) => (Some(price), None),
            Kind::StopLimit(stop, limit) => (Some(stop), Some(limit)),
        };
        Ok(Order {
            id: 0,
            client_order_id: key,
            symbol,
            buy,
            kind,
            order_type: ticket.order_type,
            price1,
            price2,
            quantity,
            filled: 0.0,
            fill_value: 0.0,
            time_in_force: ticket.time_in_force,
            is_parent: ticket.is_parent,
            parent: None,
            sibling: None,
            status: codes::ORDER_STATUS_OPEN,
            free_form_text: ticket.free_form_text,
            open_or_close: ticket.open_or_close,
            received_ns: self.market.last_ts_ns(),
        })
    }

    pub(super) fn symbol_index(&self, symbol: &[u8]) -> Option<u16> {
        let wanted = value::text(symbol);
        let at = self.specs.iter().position(|spec| spec.symbol.as_bytes() == wanted)?;
        u16::try_from(at).ok()
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

pub(super) fn check_quantity(quantity: f64) -> Result<f64, &'static str> {
    if !(1.0..=QUANTITY_MAX).contains(&quantity) || quantity.fract() != 0.0 {
        return Err("Quantity must be a whole number from 1 to 1000000");
    }
    Ok(quantity)
}

/// An empty account means the only one there is.
pub(super) fn account_is_ours(field: &[u8]) -> bool {
    let text = value::text(field);
    text.is_empty() || text == ACCOUNT.as_bytes()
}

/// The text of an id with everything after its end zeroed, so that equal ids are equal arrays.
pub(super) fn id_key(field: &[u8; 32]) -> [u8; 32] {
    let mut key = [0; 32];
    for (to, from) in key.iter_mut().zip(value::text(field)) {
        *to = *from;
    }
    key
}
