//! A DTC server to run against.
//!
//! ```text
//!  market ──► state ──► encode ──┐
//!  (records)  (book)    (bytes)  │
//!     │                          ▼
//!     │                server::ServerSession ◄──► run (sockets, clock, pace) ◄── fault
//!     └──► venue (orders, fills) ─┘
//! ```
//!
//! It serves a recorded market ([`market::VecMarket`], or any [`market::Market`]) or one made up
//! from a seed ([`synthetic`], which says SYNTHETIC wherever a person looks) to several clients
//! over TCP, in any of three message generations, at the recorded pace, faster or flat out. It
//! takes orders, and fills them by a rule of its own or by any [`venue::Venue`]. And it misbehaves
//! on request ([`fault`]): bytes cut anywhere, stalls, closes, resets, missing heartbeats, garbage,
//! slow lines; orders refused, acknowledged late or never, told twice, lost with their connection.
//!
//! All but [`run`] is free of I/O and clocks: the same records give the same bytes.

#![forbid(unsafe_code)]

pub mod encode;
pub mod fault;
pub mod market;
pub mod run;
pub mod server;
pub mod state;
pub mod synthetic;
pub mod venue;
