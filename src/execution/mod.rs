//! Orders: their states, what a venue says of them, what is asked of it, and the bytes of that.
//!
//! [`Orders`] is a pure state machine over sequenced events; [`Queue`] stands between it and the
//! venue and holds the throttle; [`wire`] turns commands into DTC messages. State goes to disk and
//! back as text ([`Orders::to_text`], [`Orders::restore`]). [`exchange`] is the venue of paper,
//! replay and backtest.

mod change;
mod drive;
pub mod exchange;
mod heard;
mod orders;
mod persist;
mod position;
mod queue;
mod recovery;
mod state;
mod table;
pub mod wire;

pub use change::{Change, Changes, Moment, Odd, Outbox, Plan};
pub use orders::{LIVE_MAX, Orders, Params};
pub use persist::StateError;
pub(crate) use persist::{Numbers, buy_sell, exit_reason, order_kind};
pub use position::{Leg, Position};
pub use queue::{Admit, Queue};
pub use state::{Order, OrderState};
