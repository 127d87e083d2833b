//! VIX and its kin: level regime, curve, statistics on daily closes, signals.
//!
//! [`Part`] is what the Context carries of it.

pub mod hours;
pub mod part;
pub mod scores;

pub use part::{Curve, Part, Quote, Regime, Signal, SignalKind, Source, Term, Trend};
