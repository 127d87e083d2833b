//! The pretended exchange behind the server: one account, simple matching against the served book.
//!
//! - A market order, and a limit order at or through the touch, takes the standing levels price by
//!   price (several partial fills where it needs several levels). The served book does not change
//!   by it. What a market order cannot take is canceled; a limit order's rest waits.
//! - A waiting limit order fills as a whole at its price when the touch reaches it or a trade goes
//!   through it. A queue position is not pretended.
//! - A stop order becomes a market order, a stop-limit order a limit order at `Price2`, when a
//!   trade reaches `Price1`.
//! - The two orders of an OCO pair cancel each other when one is filled as a whole. A pair with a
//!   parent waits for the parent's whole fill and goes when the parent is canceled.
//! - Flatten closes the position with a market order and leaves waiting orders alone.
//!
//! Time is market time; nothing here reads a clock.

mod matching;
mod order;
mod report;
mod request;

use std::collections::{BTreeSet, VecDeque};

use dtc::wire::{OrderUpdate, PositionUpdate};

use crate::market::{MarketRecord, SymbolSpec};
use crate::state::MarketState;
use order::Order;

/// The only trade account.
pub const ACCOUNT: &str = "SIM";
/// Cash the account starts with.
pub const START_CASH: f64 = 100_000.0;
/// Orders that may work at once; more are rejected.
pub const WORKING_MAX: usize = 1_000;
/// Client order ids remembered, which limits the orders of one run.
pub const ORDER_IDS_MAX: usize = 1_000_000;
/// Fills kept for requests about the past; the oldest go first.
pub const FILLS_MAX: usize = 10_000;

/// Names one connection among those of a server, so that a rejection reaches only its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientKey(pub u64);

/// A message the exchange wants sent.
#[derive(Clone, Debug)]
pub struct Report {
    /// The one connection it is for, or `None` for all.
    pub to: Option<ClientKey>,
    /// The message.
    pub message: ReportMessage,
}

/// The messages that go out unasked.
#[derive(Clone, Debug)]
pub enum ReportMessage {
    /// Something happened to an order.
    Order(Box<OrderUpdate>),
    /// A position changed.
    Position(Box<PositionUpdate>),
}

/// The exchange: the market as served so far, and the account.
#[derive(Clone, Debug)]
pub struct Venue {
    specs: Vec<SymbolSpec>,
    market: MarketState,
    orders: Vec<Order>,
    order_ids: BTreeSet<[u8; 32]>,
    filled_parents: VecDeque<[u8; 32]>,
    positions: Vec<Position>,
    fills: VecDeque<Fill>,
    cash: f64,
    last_order: u64,
    last_execution: u64,
    reports: VecDeque<Report>,
}

/// Net position of one symbol, price as displayed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Position {
    quantity: f64,
    average_price: f64,
}

/// One execution of the account.
#[derive(Clone, Copy, Debug)]
struct Fill {
    order: u64,
    execution: u64,
    symbol: u16,
    buy: bool,
    price: f64,
    quantity: f64,
    ts_ns: i64,
    position_after: f64,
}

impl Venue {
    /// An empty market and a flat account.
    #[must_use]
    pub fn new(specs: Vec<SymbolSpec>) -> Self {
        Self {
            market: MarketState::new(&specs),
            positions: vec![Position::default(); specs.len()],
            specs,
            orders: Vec::new(),
            order_ids: BTreeSet::new(),
            filled_parents: VecDeque::new(),
            fills: VecDeque::new(),
            cash: START_CASH,
            last_order: 0,
            last_execution: 0,
            reports: VecDeque::new(),
        }
    }

    /// The symbols traded here.
    #[must_use]
    pub fn symbols(&self) -> &[SymbolSpec] {
        &self.specs
    }

    /// The market after the last record.
    #[must_use]
    pub fn market(&self) -> &MarketState {
        &self.market
    }

    /// Orders accepted so far.
    #[must_use]
    pub fn orders_accepted(&self) -> u64 {
        self.last_order
    }

    /// Orders that wait for the market or for their parent.
    #[must_use]
    pub fn orders_working(&self) -> usize {
        self.orders.len()
    }

    /// Net contracts held of a symbol.
    #[must_use]
    pub fn position(&self, symbol: u16) -> f64 {
        self.positions.get(usize::from(symbol)).map_or(0.0, |position| position.quantity)
    }

    /// Takes in a record and fills what it lets fill. Then drain [`Self::poll_report`].
    pub fn handle_record(&mut self, record: &MarketRecord) {
        self.market.apply(record);
        if !self.orders.is_empty() {
            self.match_record(record);
        }
    }

    /// The next message to send. Drain after every `handle_*`.
    #[must_use]
    pub fn poll_report(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    fn spec(&self, symbol: u16) -> Option<&SymbolSpec> {
        self.specs.get(usize::from(symbol))
    }
}

#[cfg(test)]
mod tests;
