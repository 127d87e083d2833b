//! `Event` → [`Frame`]: one file a feature, each O(1) an event.
//!
//! In order of the canonical list: [`volume_confirmation`] (12), [`delta`] (13, 14), [`divergence`]
//! (15), [`imbalance`] (16, 17), [`smart_money`] (18), [`momentum`] (19), [`vwap`] (20 to 22),
//! [`value_area`] (23), [`profile_imbalance`] (24), [`mtf`] (25), [`patterns`] (26),
//! [`volatility_regime`] (27), [`navale`] (28). Beside them, in no slot: [`dom`], [`footprint`],
//! [`regime_inputs`]. [`SymbolFeatures`] drives those of an event, [`Minutes`] those of a bar:
//! market time first, then the bars that it closes, then the event itself.

pub mod baseline;
pub mod catalogue;
pub mod clock;
pub mod close;
pub mod delta;
pub mod divergence;
pub mod dom;
pub mod footprint;
pub mod frame;
pub mod fuzz;
pub mod imbalance;
pub mod minutes;
pub mod momentum;
pub mod mtf;
pub mod navale;
pub mod patterns;
pub mod prints;
pub mod profile_imbalance;
mod recent;
mod recorded;
pub mod regime_inputs;
pub mod smart_money;
mod symbol;
pub mod value_area;
pub mod volatility_regime;
pub mod volume_confirmation;
pub mod vwap;

use std::sync::Arc;

pub use catalogue::CATALOGUE;
pub use close::{Close, LargeSizes, Usual};
pub use frame::{FEATURES, Frame, Reason, Slot, frame_flag};
pub use minutes::Minutes;
pub use symbol::SymbolFeatures;

use self::baseline::Running;
use crate::calendar::Calendar;
use crate::event::Event;
use crate::units::{SECOND, SymbolId};

/// Parameters of the features.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    /// How long after its end a bar waits for late events when only Timers come, in ns.
    pub grace_ns: i64,
    /// Extra age allowed to the book features where the source writes in batches, in ns.
    pub flush_ns: i64,
    /// Rows of a session profile, in ticks.
    pub profile_rows: usize,
}

impl Default for Params {
    fn default() -> Params {
        Params { grace_ns: SECOND, flush_ns: 0, profile_rows: 1 << 16 }
    }
}

/// What one instrument sets for its features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SymbolParams {
    /// Least size of a large print, in contracts; without one recorded sessions must say.
    pub large_print_floor: Option<u64>,
    /// Greatest width of a consolidation base, in ticks; without one it follows ATR20.
    pub base_width_ticks: Option<u32>,
}

impl SymbolParams {
    /// What is known of a product: ES prints of 100 contracts are large, bases of ES and MES are at
    /// most 10 ticks wide.
    #[must_use]
    pub fn of_root(root: &str) -> SymbolParams {
        SymbolParams {
            large_print_floor: (root == "ES").then_some(100),
            base_width_ticks: matches!(root, "ES" | "MES").then_some(10),
        }
    }
}

/// What the features counted and refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// One-minute bars closed.
    pub bars: u64,
    /// Of those, bars without a trade.
    pub empty_bars: u64,
    /// Trades stamped in HALT or CLOSED: recorded, in no bar, sum or profile.
    pub out_of_session: u64,
}

/// The features of every symbol of a run.
#[derive(Clone, Debug)]
pub struct Features {
    calendar: Arc<Calendar>,
    symbols: Vec<SymbolFeatures>,
}

impl Features {
    /// State for these symbols, with the baselines of those that have one.
    #[must_use]
    pub fn new(
        symbols: &[SymbolParams],
        params: Params,
        calendar: Arc<Calendar>,
        baselines: &[Option<Arc<Running>>],
    ) -> Features {
        let baseline = |at| baselines.get(at).and_then(Option::as_deref).cloned();
        let symbol = |(at, symbol)| SymbolFeatures::new(params, symbol, baseline(at));
        Features { calendar, symbols: symbols.iter().enumerate().map(symbol).collect() }
    }

    /// Applies an event; `None` for a symbol that the run does not have.
    pub fn on_event(&mut self, event: &Event) -> Option<&Frame> {
        let symbol = self.symbols.get_mut(usize::from(event.symbol.0))?;
        Some(symbol.on_event(event, &self.calendar))
    }

    /// The state of one symbol.
    #[must_use]
    pub fn symbol(&self, symbol: SymbolId) -> Option<&SymbolFeatures> {
        self.symbols.get(usize::from(symbol.0))
    }
}
