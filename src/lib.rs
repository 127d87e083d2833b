//! `mia`: a low-latency, lock-free trading pipeline for index futures.
//!
//! ```text
//!    venue bytes                       a file that another program writes
//!        │                                             │
//!        ▼                                             ▼
//!   dtc::client ─► dtc::frame ─► dtc::session     dtc::file::follow
//!                       │ frames                       │ records
//!                       └──────────► feed ◄────────────┘
//!   └────────────────────── thread net (pinned) ────────────────────────┘
//!                                     │ Event                     ╲ every input byte + stamp
//!                               events ring                        capture ring
//!                                     ▼                                    ╲
//!           book ─► features ─► Frame ─ frames ring ─► decision ─► Signal ─► thread journal
//!           └── thread feature (pinned) ──┘      └── thread decision ──┘             │
//!                                                              ▲ &Context             ▼
//!   option chain ─► providers ─► options ─┐                │                            file
//!   VIX, SPX, VX ─► volatility ───────────┴► context ─ snapshot (arc-swap)
//!   └───────────────────── thread cold ────────────────────┘
//! ```
//!
//! ```text
//!   decision ─► Edge ─► trader: gates ─► risk ─► execution ─► Command ─► execution::wire ─► venue
//!                         │ on paper: execution::exchange       └ commands ring, thread net ┘
//!                         ▼ Note ─► thread records ─► store::trades
//!   features ─► Snapshot, one a second ─► thread orderflow ─► store::orderflow
//!   halt file, `mia halt`, signals ─► thread door ─ control ring ─► thread net, sequenced
//! ```
//!
//! Replay is the same picture with a file on the left, one thread, and no clock.
//!
//! **The way of one trade**, in seven files: `runtime/source.rs` reads the socket,
//! `dtc/src/frame.rs` cuts the message, `feed/dtc/mod.rs` makes it an [`event::Event`],
//! `features/symbol.rs` turns it into a [`features::Frame`], `decision/mod.rs` weighs that,
//! `pipeline.rs` joins both and keeps the digest, `journal/mod.rs` says how it is written down.
//!
//! **The way of a chain**, in six: `runtime/cold.rs` asks for it, `providers/mod.rs` delivers it,
//! `options/price.rs` finds forwards and volatilities, `options/analyse.rs` makes the
//! [`options::snapshot::Snapshot`], `context/import.rs` takes what the decision needs of it, and
//! `decision/context_features/mod.rs` reads that at the price of now.
//!
//! **The way of an order**, in six: `decision/entry.rs` finds stop and target, `risk/judge.rs` the
//! size, `execution/orders.rs` keeps its state, `trader/step.rs` composes them, `execution/wire.rs`
//! makes bytes of it, `feed/dtc/orders.rs` reads what the venue says.
//!
//! **Two halves.** The functional core ([`units`] to [`pipeline`]) is a function of state, event
//! and context: it knows no clock, socket, file, thread or hash order. The imperative shell
//! ([`snapshot`], [`journal`], [`store`], [`runtime`], [`cmd`]) moves bytes and time.
//! `tests/tidy.rs` holds who may name whom.
#![forbid(unsafe_code)]

/// A line to standard error, for whoever looks. Where nobody can read it, because the disk behind
/// it is full or the terminal is gone, it is lost, and that must not end a run with open positions:
/// `eprintln!` would panic.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

// The functional core, in the order of the path.
pub mod units;

pub mod order;

pub mod event;

pub mod feed;

pub mod book;

pub mod bars;

pub mod profile;

pub mod calendar;

pub mod features;

pub mod volatility;

pub mod options;

pub mod context;

pub mod decision;

pub mod risk;

pub mod execution;

pub mod trader;

pub mod tally;

pub mod pair;

pub mod pipeline;

// The imperative shell.
pub mod snapshot;

pub mod journal;

pub mod analytics;

pub mod store;

pub mod monitor;

pub mod config;

pub mod providers;

pub mod runtime;

pub mod cmd;

pub mod cli;
