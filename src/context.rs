//! [`Context`]: what the cold path publishes for the decision, versioned.
//!
//! It carries no market values yet: a run without option levels or VIX has an empty context, its
//! context features are `NO_INPUT`, and coverage says so. Versions count from 1; version 0 is the
//! empty context of the start.

use crate::units::Ts;

/// One published version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Version; greater is newer.
    pub version: u64,
    /// Capture time of its newest input, [`Ts::NONE`] while it has none.
    pub captured: Ts,
}

impl Context {
    /// The context of the start: nothing is known.
    pub const EMPTY: Context = Context { version: 0, captured: Ts::NONE };
}

impl Default for Context {
    fn default() -> Context {
        Context::EMPTY
    }
}
