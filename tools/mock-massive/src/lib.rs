//! A mock of the Massive snapshot interface, to run a client against.
//!
//! ```text
//!  market ──► answer (pages, indices) ──► serve (sockets) ──► client
//!                                            ▲
//!                                          fault: which request misbehaves, how, how often
//! ```
//!
//! It serves the contracts that it is given ([`market::Market`]) with the provider's paging,
//! filters and authorisation, and misbehaves on request ([`fault::Plan`]): slow, silent, cut off,
//! refused, wrong pages, redirects. Every request is recorded, so that a test can say what a host
//! has seen. It knows nothing of the client.

#![forbid(unsafe_code)]

pub mod answer;
pub mod fault;
pub mod market;
pub mod serve;
