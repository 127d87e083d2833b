//! [`Intent`]: an entry that the decision wants, with everything that risk needs of the market.

use super::BuySell;
use crate::units::{Px, Qty, Slot, SymbolId, Ts};

/// Visible levels of a side of the book, best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    levels: [(Px, Qty); 10],
    len: u8,
}

impl Depth {
    /// The first ten of `levels`.
    #[must_use]
    pub fn new(levels: impl Iterator<Item = (Px, Qty)>) -> Depth {
        let mut depth = Depth::default();
        for (slot, level) in depth.levels.iter_mut().zip(levels) {
            *slot = level;
            depth.len += 1;
        }
        depth
    }

    /// The levels.
    #[must_use]
    pub fn levels(&self) -> &[(Px, Qty)] {
        self.levels.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// Factors on the size, each with the reason where there is none: an unknown one counts as its
/// floor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scales {
    /// Of the session, 0 to 1.
    pub session: Slot,
    /// Of realised volatility.
    pub volatility: Slot,
    /// Of VIX.
    pub vix: Slot,
    /// VIX above its stress level: the tier counts as 1 at most.
    pub vix_stress: bool,
}

/// An entry that passed the gates of the decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Intent {
    /// The deciding event.
    pub seq: u64,
    /// Its receive time.
    pub ts: Ts,
    /// Market time of the symbol.
    pub market_time: Ts,
    /// Receive time of the last market event of the symbol.
    pub data_ts: Ts,
    /// The symbol.
    pub symbol: SymbolId,
    /// Direction.
    pub way: BuySell,
    /// Size factor of the tier, above 0.
    pub tier: f64,
    /// Best bid and ask; never crossed.
    pub touch: (Px, Px),
    /// The side that the order would take from.
    pub hit: Depth,
    /// Twice the mid at the signal, in ticks.
    pub half_ticks: i64,
    /// Price of the stop.
    pub stop: Px,
    /// Price of the target.
    pub target: Px,
    /// Factors on the size.
    pub scales: Scales,
}

impl Intent {
    /// The price that a market order would begin at.
    #[must_use]
    pub const fn far_touch(&self) -> Px {
        match self.way {
            BuySell::Buy => self.touch.1,
            BuySell::Sell => self.touch.0,
        }
    }

    /// Ticks from [`Intent::far_touch`] to the stop, above 0 where it is on its side.
    #[must_use]
    pub const fn stop_ticks(&self) -> i32 {
        self.way.sign() * self.far_touch().minus(self.stop)
    }

    /// Ticks from [`Intent::far_touch`] to the target.
    #[must_use]
    pub const fn target_ticks(&self) -> i32 {
        self.way.sign() * self.target.minus(self.far_touch())
    }
}
