//! VIX and its kin: level regime, curve, statistics on daily closes, signals.
//!
//! [`Part`] is what the Context carries of it.

pub mod analyzer;
pub mod closes;
pub mod curve;
pub mod hours;
pub mod part;
pub mod regime;
pub mod scores;
pub mod signals;
pub mod term;

pub use part::{Curve, Part, Quote, Regime, Signal, SignalKind, Source, Term, Trend};
