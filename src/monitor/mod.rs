//! What a run measures about itself.

pub mod latency;
