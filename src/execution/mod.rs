//! From a command to an order at a venue and back as a fill.

pub mod exchange;
