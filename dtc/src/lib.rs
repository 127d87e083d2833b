//! The DTC protocol, for clients that must not be surprised by a server.
//!
//! Layers, from bytes upward; each uses only those above it in this list:
//!
//! - [`wire`]: every message as a struct that views bytes and judges nothing, and the same layouts
//!   as a table. Reads messages of any length, older and newer protocol headers alike.
//! - [`frame`]: cuts a byte stream into messages without copying.
//! - [`session`]: a client's side of a connection (encoding, logon, heartbeats, subscriptions,
//!   reconnecting) with no socket and no clock: bytes and times go in, bytes and events come out.
//! - `client` (feature `client`): a non-blocking mio socket around the session.
//! - [`mod@file`]: Sierra Chart's `.scid` and `.depth` files.
//! - `json` (feature `json`): the JSON encodings, to and from binary.
//!
//! Without features the crate is `no_std` and needs only `alloc`: what parses bytes cannot reach
//! a socket, a file or a clock. Nothing here panics on bytes from outside, and there is no unsafe
//! code.
//!
//! ```
//! use dtc::wire::{MarketDataUpdateTrade, Message, value};
//! use zerocopy::IntoBytes;
//!
//! let sent = MarketDataUpdateTrade {
//!     symbol_id: 1.into(),
//!     price: 4500.25.into(),
//!     volume: 3.0.into(),
//!     date_time: 1_700_000_000.5.into(),
//!     ..MarketDataUpdateTrade::DEFAULT
//! };
//!
//! let trade = MarketDataUpdateTrade::parse(sent.as_bytes());
//! assert_eq!(trade.price.get(), 4500.25);
//! assert_eq!(value::time_from_f64(trade.date_time.get()), Some(1_700_000_000_500_000_000));
//!
//! // A shorter message is no error: what it does not hold has its documented default.
//! let cut = MarketDataUpdateTrade::parse(&sent.as_bytes()[..24]);
//! assert_eq!((cut.price.get(), cut.volume.get()), (4500.25, 0.0));
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "client")]
pub mod client;
pub mod file;
pub mod frame;
#[cfg(feature = "json")]
pub mod json;
pub mod session;
pub mod wire;
