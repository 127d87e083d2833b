//! Orders: what a venue is to the server, and the server's own side of it.
//!
//! ```text
//!  session ──► Desk (checks, ids, account, messages, faults) ──► Venue (accepts, fills, cancels)
//!          ◄──      reports                                  ◄──       updates
//! ```
//!
//! A [`Venue`] decides what becomes of orders and knows nothing of messages, texts or money. The
//! [`Desk`] is everything around it: it is the same for every venue. [`SimpleVenue`] is the one
//! that is built in.
//!
//! Prices are whole increments of the symbol. Time is market time; nothing here reads a clock.

mod desk;
mod simple;

use std::borrow::Cow;

use dtc::wire::{AccountBalanceUpdate, OrderUpdate, PositionUpdate};

pub use desk::{Desk, DeskOptions, FILLS_MAX, ORDER_IDS_MAX, WORKING_MAX};
pub use simple::SimpleVenue;

use crate::market::MarketRecord;
use crate::state::MarketState;

/// Names one connection among those of a server, so that a rejection reaches only its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientKey(pub u64);

/// A message the desk wants sent.
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
    /// The account changed.
    Balance(Box<AccountBalanceUpdate>),
}

/// How an order meets the market. Prices in increments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// At what the book offers.
    Market,
    /// At this price or better.
    Limit(i64),
    /// A market order once a trade reaches this price.
    Stop(i64),
    /// A limit order at the second price once a trade reaches the first.
    StopLimit(i64, i64),
}

/// How long an order lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// For the trading day, or until canceled: the venue's own choice.
    Day,
    /// What cannot be filled at once is canceled.
    ImmediateOrCancel,
    /// Filled as a whole at once, or canceled.
    FillOrKill,
}

/// A new order, checked for its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Its number, from 1, never used twice. Everything said of it later names this.
    pub number: u64,
    /// Index of the symbol.
    pub symbol: u16,
    /// Buys, else sells.
    pub buy: bool,
    /// Kind and prices.
    pub kind: Kind,
    /// Contracts, above 0.
    pub quantity: u32,
    /// How long it lives.
    pub life: Life,
    /// A pair may follow that waits for it.
    pub is_parent: bool,
}

/// Two orders of which one cancels the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewPair {
    /// The order they wait for: one that works or is filled, with its direction and contracts as
    /// the pair expects them or not.
    pub parent: Option<u64>,
    /// One.
    pub first: NewOrder,
    /// The other.
    pub second: NewOrder,
}

/// A change of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which order.
    pub number: u64,
    /// New total, what is filled included.
    pub quantity: u32,
    /// The same kind with the new prices.
    pub kind: Kind,
    /// How long it lives now.
    pub life: Life,
}

/// What a venue says of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Its number.
    pub number: u64,
    /// What happened.
    pub event: OrderEvent,
}

/// See [`Update`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderEvent {
    /// It is in.
    Accepted {
        /// It waits for its parent.
        waits: bool,
    },
    /// A flatten order is in, with what it does.
    Flattens {
        /// Buys, else sells.
        buy: bool,
        /// Contracts.
        quantity: u32,
    },
    /// It is refused and over.
    Rejected(Cow<'static, str>),
    /// Its parent traded: it works now.
    Opened {
        /// Its total, which may be less than was asked for.
        quantity: u32,
    },
    /// The venue changed its total by itself: the other order of its pair was filled in part.
    Resized(u32),
    /// It traded. The venue sends this before it says anything that follows from it.
    Filled {
        /// Price in increments.
        ticks: i64,
        /// Contracts, above 0.
        quantity: u32,
    },
    /// It is over; what was filled before counts.
    Canceled(Cow<'static, str>),
    /// A change was made.
    Replaced {
        /// Total now.
        quantity: u32,
        /// Kind and prices now.
        kind: Kind,
    },
    /// A cancel was refused; the order is as it was.
    CancelRejected(Cow<'static, str>),
    /// A change was refused; the order is as it was.
    ReplaceRejected(Cow<'static, str>),
}

/// Where orders go. It answers through [`Venue::poll`], at once or after any later record.
///
/// `market` is the market as served so far: what a person who watches would know.
pub trait Venue: Send {
    /// A new order.
    fn submit(&mut self, order: &NewOrder, market: &MarketState);
    /// A new pair.
    fn submit_pair(&mut self, pair: &NewPair, market: &MarketState);
    /// Cancels an order that is not known to be over.
    fn cancel(&mut self, number: u64, market: &MarketState);
    /// Changes an order that is not known to be over.
    fn replace(&mut self, change: &Change, market: &MarketState);
    /// Closes the position of a symbol with order `number`: [`OrderEvent::Flattens`] or
    /// [`OrderEvent::Rejected`] comes first.
    fn flatten(&mut self, number: u64, symbol: u16, market: &MarketState);
    /// The market moved by `record`; `market` is the state after it.
    fn on_record(&mut self, record: &MarketRecord, market: &MarketState);
    /// No record will come any more: what still waits for one is to be answered.
    fn on_end(&mut self, market: &MarketState);
    /// The next thing that happened, in order.
    fn poll(&mut self) -> Option<Update>;
}
