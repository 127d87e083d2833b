//! The desk: one account between the clients and a [`Venue`].
//!
//! It checks what clients send, numbers their orders, keeps what the venue says of them, books
//! fills, answers requests and writes the messages. An order is listed from the moment it is
//! passed on. All of this outlives every connection: a client that comes back finds its orders.
//!
//! The faults of [`OrderFaults`] are done here: the venue never knows of them.

mod account;
mod fault;
mod order;
mod report;
mod request;

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};

use dtc::wire::codes;

use super::{ClientKey, OrderEvent, Report, ReportMessage, SimpleVenue, Update, Venue};
use crate::fault::OrderFaults;
use crate::market::{MarketRecord, SymbolSpec};
use crate::state::MarketState;
use account::{Fill, Position};
use fault::Held;
use order::Order;

/// Orders that may work at once; more are rejected.
pub const WORKING_MAX: usize = 1_000;
/// Client order ids remembered, which limits the orders of one run.
pub const ORDER_IDS_MAX: usize = 1_000_000;
/// Fills kept for requests about the past; the oldest go first.
pub const FILLS_MAX: usize = 10_000;
/// Orders kept that are over; the oldest go first.
const ENDED_MAX: usize = 10_000;

/// The account.
#[derive(Clone, Debug, PartialEq)]
pub struct DeskOptions {
    /// Name of the only trade account, at most 31 bytes.
    pub account: String,
    /// Cash it starts with.
    pub cash: f64,
    /// Taken from the cash for each contract that trades.
    pub fee_per_contract: f64,
}

impl Default for DeskOptions {
    fn default() -> Self {
        Self { account: "SIM".to_owned(), cash: 100_000.0, fee_per_contract: 0.0 }
    }
}

/// See the module.
pub struct Desk {
    specs: Vec<SymbolSpec>,
    options: DeskOptions,
    faults: OrderFaults,
    venue: Box<dyn Venue>,
    market: MarketState,
    /// Orders that are not over, oldest first.
    orders: Vec<Order>,
    ended: VecDeque<Order>,
    order_ids: BTreeSet<[u8; 32]>,
    positions: Vec<Position>,
    fills: VecDeque<Fill>,
    cash: f64,
    received: u64,
    accepted: u64,
    last_execution: u64,
    reports: VecDeque<Report>,
    held: Held,
    cut: Vec<ClientKey>,
}

impl Desk {
    /// An empty market, a flat account.
    #[must_use]
    pub fn new(
        specs: Vec<SymbolSpec>,
        venue: Box<dyn Venue>,
        options: DeskOptions,
        faults: OrderFaults,
    ) -> Self {
        Self {
            market: MarketState::new(&specs),
            positions: vec![Position::default(); specs.len()],
            cash: options.cash,
            specs,
            options,
            faults,
            venue,
            orders: Vec::new(),
            ended: VecDeque::new(),
            order_ids: BTreeSet::new(),
            fills: VecDeque::new(),
            received: 0,
            accepted: 0,
            last_execution: 0,
            reports: VecDeque::new(),
            held: Held::default(),
            cut: Vec::new(),
        }
    }

    /// With the built-in venue and no faults.
    #[must_use]
    pub fn simple(specs: Vec<SymbolSpec>) -> Self {
        let venue = Box::new(SimpleVenue::new(&specs));
        Self::new(specs, venue, DeskOptions::default(), OrderFaults::default())
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
        self.accepted
    }

    /// Orders that are not over.
    #[must_use]
    pub fn orders_working(&self) -> usize {
        self.orders.len()
    }

    /// Takes in a record and what the venue makes of it. Then drain [`Self::poll_report`].
    pub fn handle_record(&mut self, record: &MarketRecord) {
        self.market.apply(record);
        self.follow(record.symbol, &record.body);
        self.venue.on_record(record, &self.market);
        self.settle();
    }

    /// No record will come any more.
    pub fn handle_market_end(&mut self) {
        self.venue.on_end(&self.market);
        self.settle();
    }

    /// The next message to send. Drain after every `handle_*`.
    #[must_use]
    pub fn poll_report(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    fn spec(&self, symbol: u16) -> Option<&SymbolSpec> {
        self.specs.get(usize::from(symbol))
    }

    /// Takes in what the venue has to say.
    fn settle(&mut self) {
        while let Some(update) = self.venue.poll() {
            self.apply(update);
        }
    }

    fn apply(&mut self, update: Update) {
        // A cancel may find its order filled meanwhile, and a fill its order canceled.
        let over = |order: &Order| order.new.number == update.number;
        let Some(mut order) = self.take(update.number).or_else(|| {
            let at = self.ended.iter().rposition(over)?;
            self.ended.remove(at)
        }) else {
            return;
        };
        if let OrderEvent::Filled { ticks, quantity } = update.event {
            self.fill(&mut order, ticks, quantity);
        } else {
            let (reason, text) = self.change(&mut order, update.event);
            self.report_order(&order, reason, None, &text);
        }
        self.put_back(order);
    }

    fn take(&mut self, number: u64) -> Option<Order> {
        let at = self.orders.iter().position(|order| order.new.number == number)?;
        Some(self.orders.remove(at))
    }

    /// Everything but a fill: the new state of the order, and why it is told.
    fn change(&mut self, order: &mut Order, event: OrderEvent) -> (i32, Cow<'static, str>) {
        let none = Cow::Borrowed("");
        match event {
            OrderEvent::Accepted { waits } => {
                self.accepted = self.accepted.saturating_add(1);
                order.status = if waits {
                    codes::ORDER_STATUS_PENDING_CHILD
                } else {
                    codes::ORDER_STATUS_OPEN
                };
                (codes::NEW_ORDER_ACCEPTED, none)
            }
            OrderEvent::Flattens { buy, quantity } => {
                self.accepted = self.accepted.saturating_add(1);
                order.new.buy = buy;
                order.new.quantity = quantity;
                order.status = codes::ORDER_STATUS_OPEN;
                (codes::NEW_ORDER_ACCEPTED, none)
            }
            OrderEvent::Rejected(text) => {
                order.status = codes::ORDER_STATUS_REJECTED;
                (codes::NEW_ORDER_REJECTED, text)
            }
            OrderEvent::Opened { quantity } => {
                order.new.quantity = quantity;
                order.status = order.working_status();
                (codes::GENERAL_ORDER_UPDATE, none)
            }
            OrderEvent::Resized(quantity) => {
                order.new.quantity = quantity;
                (codes::GENERAL_ORDER_UPDATE, none)
            }
            OrderEvent::Replaced { quantity, kind } => {
                order.new.quantity = quantity;
                order.new.kind = kind;
                order.revision += u32::from(self.faults.new_ids.contains(&order.new.number));
                (codes::ORDER_CANCEL_REPLACE_COMPLETE, none)
            }
            OrderEvent::Canceled(text) => {
                order.status = codes::ORDER_STATUS_CANCELED;
                (codes::ORDER_CANCELED, text)
            }
            OrderEvent::CancelRejected(text) => {
                if order.status == codes::ORDER_STATUS_PENDING_CANCEL {
                    order.status = order.working_status();
                }
                (codes::ORDER_CANCEL_REJECTED, text)
            }
            OrderEvent::ReplaceRejected(text) => (codes::ORDER_CANCEL_REPLACE_REJECTED, text),
            // Booked before this is asked.
            OrderEvent::Filled { .. } => (codes::GENERAL_ORDER_UPDATE, none),
        }
    }

    fn fill(&mut self, order: &mut Order, ticks: i64, quantity: u32) {
        let Some(fill) = self.book(order, ticks, quantity) else { return };
        order.filled = order.filled.saturating_add(quantity);
        order.fill_value += fill.price * f64::from(quantity);
        let (status, reason) = if order.remaining() == 0 {
            (codes::ORDER_STATUS_FILLED, codes::ORDER_FILLED)
        } else {
            (codes::ORDER_STATUS_PARTIALLY_FILLED, codes::ORDER_FILLED_PARTIALLY)
        };
        // One that was canceled before stays so: the fill counts and it is over all the same.
        if order.remaining() == 0 || !is_over(order.status) {
            order.status = status;
        }
        self.end_race(order.new.number);
        self.report_order(order, reason, Some(&fill), "");
        if self.faults.duplicate_fills.contains(&order.new.number) {
            self.report_order(order, reason, Some(&fill), "");
        }
        self.report_position(order.new.symbol);
        self.report_balance(order.new.symbol);
    }

    /// Back in its place by age, unless it is over.
    fn put_back(&mut self, order: Order) {
        if is_over(order.status) {
            return self.end(order);
        }
        let at = self.orders.partition_point(|other| other.new.number < order.new.number);
        self.orders.insert(at, order);
    }

    fn end(&mut self, order: Order) {
        if self.ended.len() >= ENDED_MAX {
            self.ended.pop_front();
        }
        self.ended.push_back(order);
    }
}

fn is_over(status: i32) -> bool {
    use codes::{ORDER_STATUS_CANCELED, ORDER_STATUS_FILLED, ORDER_STATUS_REJECTED};
    [ORDER_STATUS_FILLED, ORDER_STATUS_CANCELED, ORDER_STATUS_REJECTED].contains(&status)
}

#[cfg(test)]
mod tests;
