//! What is behind the slots, for records, rows and pictures.

use super::Minutes;
use crate::bars::{Bar, Timeframe};
use crate::features::delta::Delta;
use crate::features::divergence::Divergence;
use crate::features::footprint::Footprint;
use crate::features::mtf::Confluence;
use crate::features::navale::Navale;
use crate::features::patterns::Patterns;
use crate::features::profile_imbalance::ProfileImbalance;
use crate::features::regime_inputs::RegimeTracker;
use crate::features::value_area::SessionProfile;
use crate::features::volatility_regime::VolatilityRegime;
use crate::features::volume_confirmation::Confirmation;
use crate::features::vwap::Vwaps;

impl Minutes {
    /// Bars closed so far, and how many of them without a trade.
    #[must_use]
    pub const fn closed(&self) -> (u64, u64) {
        (self.closed, self.closed_empty)
    }

    /// Completed bars of 1, 5, 15 and 60 minutes.
    #[must_use]
    pub const fn timeframes(&self) -> &[Timeframe; 4] {
        &self.series.timeframes
    }

    /// Aggressor volume.
    #[must_use]
    pub const fn delta(&self) -> &Delta {
        &self.series.delta
    }

    /// Feature 12 with its diagnostic, of the last close.
    #[must_use]
    pub const fn confirmation(&self) -> Option<&Confirmation> {
        self.confirmation.as_ref()
    }

    /// Feature 15 in its two forms.
    #[must_use]
    pub const fn divergence(&self) -> &Divergence {
        &self.divergence
    }

    /// VWAP of every anchor.
    #[must_use]
    pub const fn vwaps(&self) -> &Vwaps {
        &self.vwap
    }

    /// The profile of the anchor that was active at the last close, and what earlier ones left.
    #[must_use]
    pub fn profile(&self) -> &SessionProfile {
        let [eth, rth] = &self.profiles;
        if self.closed_rth { rth } else { eth }
    }

    /// Feature 24 with its zones, gaps and levels, of the last close.
    #[must_use]
    pub const fn profile_imbalance(&self) -> Option<&ProfileImbalance> {
        self.imbalance.as_ref()
    }

    /// Feature 25 with its directions, of the last close.
    #[must_use]
    pub const fn confluence(&self) -> Option<&Confluence> {
        self.confluence.as_ref()
    }

    /// Patterns of bars and prints.
    #[must_use]
    pub const fn patterns(&self) -> &Patterns {
        &self.patterns
    }

    /// Feature 27 and realised volatility.
    #[must_use]
    pub const fn volatility(&self) -> &VolatilityRegime {
        &self.volatility
    }

    /// Directional movement behind the market regime.
    #[must_use]
    pub const fn regime(&self) -> &RegimeTracker {
        &self.regime
    }

    /// Battle Navale.
    #[must_use]
    pub const fn navale(&self) -> &Navale {
        &self.navale
    }

    /// The footprint of the last closed bar.
    #[must_use]
    pub const fn footprint(&self) -> &Footprint {
        &self.footprint
    }

    /// Whether the active anchor is that of the cash session now.
    #[must_use]
    pub(in crate::features) const fn in_rth(&self) -> bool {
        self.series.rth
    }

    /// Whether it was at the last close, to which all that bars say belongs.
    #[must_use]
    pub const fn is_rth(&self) -> bool {
        self.closed_rth
    }

    /// All bars that closed with the last event that moved market time, as one bar whose minute is
    /// that of the first; `None` where none did.
    #[must_use]
    pub const fn together(&self) -> Option<&Bar> {
        self.together.as_ref()
    }
}
