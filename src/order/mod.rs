//! The vocabulary of orders: what the decision wants, what is asked of a venue and what a venue
//! says. Plain numbers: text and identifiers of the outside are interned before they get here.

mod id;
mod intent;
mod refusal;
mod veto;
mod words;

pub use id::{ExecutionId, OrderId, OrderText};
pub use intent::{Depth, Intent, Scales};
pub use refusal::RejectClass;
pub use veto::{Detail, Gate, Veto};

use serde::{Deserialize, Serialize};

use crate::units::{Px, Qty, SymbolId, Ts};

/// Direction of an order or position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[repr(u8)]
pub enum BuySell {
    /// Buys; a long position.
    Buy = 1,
    /// Sells; a short position.
    Sell = 2,
}

impl BuySell {
    /// +1 for a purchase, −1 for a sale.
    #[must_use]
    pub const fn sign(self) -> i32 {
        match self {
            BuySell::Buy => 1,
            BuySell::Sell => -1,
        }
    }

    /// The direction of a signed number, `None` for 0.
    #[must_use]
    pub const fn of(sign: i32) -> Option<BuySell> {
        match sign {
            1.. => Some(BuySell::Buy),
            0 => None,
            _ => Some(BuySell::Sell),
        }
    }

    /// The other direction.
    #[must_use]
    pub const fn opposite(self) -> BuySell {
        match self {
            BuySell::Buy => BuySell::Sell,
            BuySell::Sell => BuySell::Buy,
        }
    }

    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            BuySell::Buy => "BUY",
            BuySell::Sell => "SELL",
        }
    }
}

/// How an order meets the market; codes of DTC's `OrderTypeEnum`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum OrderKind {
    /// At what the book offers.
    Market = 1,
    /// At its price or better.
    Limit = 2,
    /// A market order once the market trades at its price.
    Stop = 3,
    /// A limit order once the market trades at its price.
    StopLimit = 4,
}

/// What an order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum Role {
    /// Opens a position.
    Entry = 1,
    /// Closes it at a loss.
    Stop = 2,
    /// Closes it at a gain.
    Target = 3,
    /// Closes it for another reason.
    Exit = 4,
}

impl Role {
    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Role::Entry => "ENTRY",
            Role::Stop => "STOP",
            Role::Target => "TARGET",
            Role::Exit => "EXIT",
        }
    }
}

/// State of an order at a venue; codes of DTC's `OrderStatusEnum`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Status {
    /// The venue does not say.
    Unspecified = 0,
    /// Sent on, not acknowledged by the exchange.
    OrderSent = 1,
    /// Acknowledged, about to open.
    PendingOpen = 2,
    /// Waits for its parent.
    PendingChild = 3,
    /// Works.
    Open = 4,
    /// A change was asked for.
    PendingReplace = 5,
    /// A cancel was asked for.
    PendingCancel = 6,
    /// Done.
    Filled = 7,
    /// Ended by a cancel; fills before it count.
    Canceled = 8,
    /// Refused.
    Rejected = 9,
    /// Works with a part done.
    PartiallyFilled = 10,
}

impl Status {
    /// The status of a DTC code, `None` for one that this list does not know.
    #[must_use]
    pub const fn of(code: i32) -> Option<Status> {
        Some(match code {
            0 => Status::Unspecified,
            1 => Status::OrderSent,
            2 => Status::PendingOpen,
            3 => Status::PendingChild,
            4 => Status::Open,
            5 => Status::PendingReplace,
            6 => Status::PendingCancel,
            7 => Status::Filled,
            8 => Status::Canceled,
            9 => Status::Rejected,
            10 => Status::PartiallyFilled,
            _ => return None,
        })
    }

    /// Whether nothing more is expected of the order.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Status::Filled | Status::Canceled | Status::Rejected)
    }
}

/// Why a venue speaks of an order; codes of DTC's `OrderUpdateReasonEnum`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum UpdateReason {
    /// The venue does not say.
    Unset = 0,
    /// In answer to a request for the open orders.
    OpenOrders = 1,
    /// It was accepted.
    Accepted = 2,
    /// Anything else.
    General = 3,
    /// It is filled.
    Filled = 4,
    /// It is filled in part.
    FilledPartially = 5,
    /// It is canceled.
    Canceled = 6,
    /// A change is done.
    ReplaceDone = 7,
    /// It was refused.
    NewRejected = 8,
    /// A cancel was refused: the order lives on.
    CancelRejected = 9,
    /// A change was refused: the order lives on.
    ReplaceRejected = 10,
}

impl UpdateReason {
    /// The reason of a DTC code, `None` for one that this list does not know.
    #[must_use]
    pub const fn of(code: i32) -> Option<UpdateReason> {
        Some(match code {
            0 => UpdateReason::Unset,
            1 => UpdateReason::OpenOrders,
            2 => UpdateReason::Accepted,
            3 => UpdateReason::General,
            4 => UpdateReason::Filled,
            5 => UpdateReason::FilledPartially,
            6 => UpdateReason::Canceled,
            7 => UpdateReason::ReplaceDone,
            8 => UpdateReason::NewRejected,
            9 => UpdateReason::CancelRejected,
            10 => UpdateReason::ReplaceRejected,
            _ => return None,
        })
    }
}

/// Why a position was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum ExitReason {
    /// The target.
    #[serde(rename = "TP")]
    Target = 1,
    /// The stop.
    #[serde(rename = "SL")]
    Stop = 2,
    /// Held for too long.
    #[serde(rename = "TIME")]
    Time = 3,
    /// The operator, or somebody else at the venue.
    #[serde(rename = "MANUAL")]
    Manual = 4,
    /// The kill switch.
    #[serde(rename = "KILL")]
    Kill = 5,
    /// The time to be flat.
    #[serde(rename = "SESSION")]
    Session = 6,
    /// A signal for the other side.
    #[serde(rename = "REVERSAL")]
    Reversal = 7,
}

impl ExitReason {
    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ExitReason::Target => "TP",
            ExitReason::Stop => "SL",
            ExitReason::Time => "TIME",
            ExitReason::Manual => "MANUAL",
            ExitReason::Kill => "KILL",
            ExitReason::Session => "SESSION",
            ExitReason::Reversal => "REVERSAL",
        }
    }
}

/// A quantity that the venue did not give.
pub const QTY_UNKNOWN: Qty = Qty::MAX;

/// What a venue says of an order. Quantities are [`QTY_UNKNOWN`] where it says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderUpdate {
    /// Which order: ours, or a foreign one that was given a number.
    pub id: OrderId,
    /// Its state.
    pub status: Status,
    /// Why the venue speaks.
    pub reason: UpdateReason,
    /// Direction, where given.
    pub way: Option<BuySell>,
    /// Kind, where given.
    pub kind: Option<OrderKind>,
    /// All contracts of the order.
    pub qty: Qty,
    /// Contracts filled so far: cumulative.
    pub filled: Qty,
    /// Its limit or stop price, where it has one.
    pub px: Option<Px>,
    /// Class of a refusal's text; [`RejectClass::Unknown`] of anything else.
    pub class: RejectClass,
}

/// One execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Which order; [`OrderId::NONE`] where the venue does not say.
    pub id: OrderId,
    /// Which execution.
    pub execution: ExecutionId,
    /// Price.
    pub px: Px,
    /// Contracts, above 0.
    pub qty: Qty,
    /// Direction.
    pub way: BuySell,
}

/// What a venue lists on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Listing {
    /// Open orders.
    Orders = 1,
    /// Positions.
    Positions = 2,
    /// Fills of the last days.
    Fills = 3,
    /// Balance of the account.
    Balance = 4,
}

/// How far trading is stopped, least to most severe.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum KillState {
    /// Trading.
    #[default]
    Normal = 0,
    /// No entries; exits and brackets live.
    HaltEntries = 1,
    /// Entries are canceled, positions flattened, then no orders.
    HaltTrading = 2,
    /// The account is flattened, the connection closed, an alert raised.
    Emergency = 3,
}

impl KillState {
    /// The state of a number.
    #[must_use]
    pub const fn of(code: u8) -> Option<KillState> {
        Some(match code {
            0 => KillState::Normal,
            1 => KillState::HaltEntries,
            2 => KillState::HaltTrading,
            3 => KillState::Emergency,
            _ => return None,
        })
    }

    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            KillState::Normal => "NORMAL",
            KillState::HaltEntries => "HALT_ENTRIES",
            KillState::HaltTrading => "HALT_TRADING",
            KillState::Emergency => "EMERGENCY",
        }
    }
}

/// What the decision thread asks of a venue. A ring element: 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Command {
    /// The event that led to it.
    pub seq: u64,
    /// That event's receive time.
    pub ts: Ts,
    /// Whose market.
    pub symbol: SymbolId,
    /// What.
    pub action: Action,
}

const _: () = assert!(size_of::<Command>() <= 64);

impl Command {
    /// The command as four words, `seq` and `ts` apart: what a journal keeps and a digest hashes.
    #[must_use]
    pub fn words(&self) -> [u64; 4] {
        words::pack(self)
    }

    /// The command of [`Command::words`]; `None` where they spell none.
    #[must_use]
    pub fn of_words(seq: u64, ts: Ts, words: [u64; 4]) -> Option<Command> {
        words::unpack(seq, ts, words)
    }
}

/// See [`Command`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// A new order.
    New {
        /// Its id.
        id: OrderId,
        /// Direction.
        way: BuySell,
        /// Kind.
        kind: OrderKind,
        /// Contracts, above 0.
        qty: Qty,
        /// Limit or stop price; without meaning for a market order.
        px: Px,
        /// An [`Action::Bracket`] follows that waits for it.
        parent: bool,
    },
    /// A stop and a target, one cancels the other, that become live as their parent fills. The stop
    /// is order `parent + child`, the target the one after it.
    Bracket {
        /// The entry.
        parent: OrderId,
        /// Ids from the entry to the stop, above 0: 1, or more where the bracket is sent again.
        child: u32,
        /// Direction of the exits.
        way: BuySell,
        /// Contracts.
        qty: Qty,
        /// Stop price.
        stop: Px,
        /// Limit price.
        target: Px,
    },
    /// Cancels an order.
    Cancel {
        /// Which.
        id: OrderId,
    },
    /// Changes an order.
    Replace {
        /// Which.
        id: OrderId,
        /// New total, what is filled included.
        qty: Qty,
        /// New price.
        px: Px,
    },
    /// Closes the position of the symbol at the market; the venue cancels its orders.
    Flatten {
        /// Id of the order that does it.
        id: OrderId,
    },
    /// Asks for a list.
    List(Listing),
    /// Closes the connection and does not open it again.
    Disconnect,
}
