//! The trading half of the core: signals, limits, orders and their consequences, in one step per
//! frame.

pub mod note;
