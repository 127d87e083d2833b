//! [`Event`]: the one sequenced input of the core. 64 bytes, `Copy`.
//!
//! Text does not fit and does not travel: symbols, orders and accounts are interned to integers
//! before the event that uses them; the text of a reject stays in the raw record with its `seq`.

use crate::order::{Fill, KillState, Listing, OrderId, OrderUpdate};
use crate::units::{Aggressor, Px, Qty, Side, SymbolId, Ts};

/// Bits of [`Event::flags`].
pub mod flag {
    /// The last update of a batch: the book may be read.
    pub const BATCH_END: u8 = 1;
    /// Part of a book snapshot: does not advance market time.
    pub const SNAPSHOT: u8 = 2;
    /// Read before the start: features use it, decision does not act on it.
    pub const WARMUP: u8 = 4;
    /// A fill out of a list that was asked for: most of them are known.
    pub const LISTED: u8 = 8;
}

/// One sequenced input. Aligned to a cache line, so that a ring slot never straddles two.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
pub struct Event {
    /// Position in the run's total order, from 1.
    pub seq: u64,
    /// Receive time (a file's own receive stamp, else its exchange time); never decreases.
    pub ts: Ts,
    /// Exchange time, or [`Ts::NONE`].
    pub ts_exch: Ts,
    /// Whose market this is.
    pub symbol: SymbolId,
    /// Bits of [`flag`].
    pub flags: u8,
    /// What happened.
    pub body: Body,
}

/// What an [`Event`] says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Body {
    /// A trade.
    Trade {
        /// Price.
        px: Px,
        /// Contracts, above 0.
        qty: Qty,
        /// Who crossed the spread, by the feed's own word.
        aggressor: Aggressor,
        /// 0 none, 1 first, 2 last sub-trade of an unbundled trade.
        unbundled: u8,
    },
    /// Best bid and ask of a feed without depth; `None` = that side is empty.
    Quote {
        /// Best bid and its size.
        bid: Option<(Px, Qty)>,
        /// Best ask and its size.
        ask: Option<(Px, Qty)>,
    },
    /// One level of the book now holds `qty` (0 = it is gone).
    Depth {
        /// Which side.
        side: Side,
        /// Level price.
        px: Px,
        /// Contracts now; 0 deletes.
        qty: Qty,
        /// Orders at the level, 0 when unknown.
        orders: u16,
    },
    /// Both sides are empty now.
    Clear,
    /// A batch ended without changing a visible level.
    BatchEnd,
    /// A whole second has passed.
    Timer,
    /// The source may have lost messages.
    Gap(GapCause),
    /// Trading must stop at least this far.
    Halt {
        /// How far.
        state: KillState,
        /// Why.
        cause: HaltCause,
    },
    /// The operator lifts a halt of this state.
    Resume(KillState),
    /// The operator wants the symbol flat, or every one.
    Flatten {
        /// All symbols.
        all: bool,
    },
    /// The order connection is there, or gone.
    Link(bool),
    /// What a venue says of an order.
    Order(OrderUpdate),
    /// The bytes of the message that makes this order were handed to the socket; of a bracket, the
    /// id of its stop.
    Sent(OrderId),
    /// An execution.
    Fill(Fill),
    /// The venue's position of the symbol, in contracts; below 0 = short.
    Position(i32),
    /// The account's value in USD, open positions included.
    Balance(f64),
    /// A list that was asked for is complete.
    Listed(Listing),
    /// Client order ids below this one may be used.
    Reserved(OrderId),
    /// The venue's state of the symbol changed (DTC trading status codes 0 to 4).
    Status(u8),
    /// A request was refused; the text is in the raw record of this `seq`.
    Reject {
        /// DTC message number of the refusal.
        message_type: u16,
    },
}

/// Why messages may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum GapCause {
    /// The connection was lost; what the server does not send again is gone.
    Disconnect = 1,
    /// The server reported that it dropped messages for this client.
    ServerDropped = 2,
    /// The server lost its own feed.
    FeedLost = 3,
    /// A followed file was truncated or replaced.
    FileReplaced = 4,
}

/// Why a halt was sequenced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum HaltCause {
    /// A full ring stopped the reading of the market for longer than allowed.
    Stalled = 1,
    /// The journal cannot be written.
    Journal = 2,
    /// A signal asked the process to stop.
    Signal = 3,
    /// The outbound buffer of a connection is full.
    Outbound = 4,
    /// The operator's command.
    Command = 5,
    /// The halt file.
    File = 6,
    /// The cold thread has not been heard of: commands and files would not be seen.
    Cold = 7,
    /// A decision took too long.
    DecisionLatency = 8,
    // 9 was said by nobody: send-to-ack is measured by the core.
    /// The net thread stood still.
    LoopStall = 10,
    /// Processor use.
    Cpu = 11,
    /// Memory use.
    Memory = 12,
    /// Too many bytes that are no messages.
    ParseErrors = 13,
    /// The server of the orders has gone silent.
    Heartbeat = 14,
    /// The run ends in order: it stops what begins, the next run is not stopped by it.
    Stop = 15,
    /// The order connection was lost without our asking.
    Link = 16,
}

impl HaltCause {
    /// All of them.
    pub const ALL: [HaltCause; 15] = [
        HaltCause::Stalled,
        HaltCause::Journal,
        HaltCause::Signal,
        HaltCause::Outbound,
        HaltCause::Command,
        HaltCause::File,
        HaltCause::Cold,
        HaltCause::DecisionLatency,
        HaltCause::LoopStall,
        HaltCause::Cpu,
        HaltCause::Memory,
        HaltCause::ParseErrors,
        HaltCause::Heartbeat,
        HaltCause::Stop,
        HaltCause::Link,
    ];

    /// The cause of a code.
    #[must_use]
    pub fn of(code: u8) -> Option<HaltCause> {
        HaltCause::ALL.into_iter().find(|cause| *cause as u8 == code)
    }
}

impl Event {
    /// Whether this is a sequenced market event, in the sense of the `events` counter.
    #[must_use]
    pub const fn is_market(&self) -> bool {
        matches!(
            self.body,
            Body::Trade { .. }
                | Body::Quote { .. }
                | Body::Depth { .. }
                | Body::Clear
                | Body::BatchEnd
        )
    }

    /// Whether this is what a venue says of orders and the account.
    #[must_use]
    pub const fn is_of_venue(&self) -> bool {
        matches!(
            self.body,
            Body::Link(_)
                | Body::Order(_)
                | Body::Sent(_)
                | Body::Fill(_)
                | Body::Position(_)
                | Body::Balance(_)
                | Body::Listed(_)
                | Body::Reserved(_)
                | Body::Halt { cause: HaltCause::Link | HaltCause::Heartbeat, .. }
        )
    }

    /// Whether `bit` of [`flag`] is set.
    #[must_use]
    pub const fn has(&self, bit: u8) -> bool {
        self.flags & bit != 0
    }
}

const _: () = assert!(size_of::<Event>() == 64);

/// Gives events their place in the run's total order. There is one a run.
#[derive(Clone, Copy, Debug)]
pub struct Sequencer {
    seq: u64,
    last_ts: Ts,
}

impl Default for Sequencer {
    fn default() -> Sequencer {
        Sequencer { seq: 0, last_ts: Ts::NONE }
    }
}

impl Sequencer {
    /// The event with the next `seq`; its `ts` is raised to the last one where it fell behind.
    #[must_use]
    pub fn stamp(&mut self, mut event: Event) -> Event {
        self.seq += 1;
        event.seq = self.seq;
        event.ts = event.ts.max(self.last_ts);
        self.last_ts = event.ts;
        event
    }

    /// The `seq` that the next event will get.
    #[must_use]
    pub const fn next_seq(&self) -> u64 {
        self.seq + 1
    }
}
