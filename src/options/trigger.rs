//! Vol trigger: the level below which hedging, with the skew in motion, amplifies moves.
//!
//! By default the root nearest to the spot of the skew-adjusted exposure `V(x)` at a skew
//! stickiness ratio of 1.5, see [`Profile::skewed`]; a ratio of 1 gives the zero gamma itself.
//! Alternative `peak_fraction`: walking down from the maximum of `G`, the first level at which
//! `G` is 30 % of it; that maximum often sits on the edge of the grid.
//!
//! Cost: a fifth of a grid, and about ten evaluations a root.

use serde::{Deserialize, Serialize};

use super::flip::{Flip, nearest, sign_changes};
use super::profile::Profile;
use super::{Known, Null, null, snapshot};
use crate::units::Reason;

/// Default skew stickiness ratio.
pub const SSR: f64 = 1.5;
/// Nodes of the grid from one evaluation to the next.
const STRIDE: usize = 5;
/// Share of the maximum.
const FRACTION: f64 = 0.30;

/// How the trigger is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerMethod {
    /// Root of the skew-adjusted exposure.
    #[default]
    SkewAdjusted,
    /// 30 % of the maximum.
    PeakFraction,
}

impl TriggerMethod {
    /// Name as it stands in snapshots and in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            TriggerMethod::SkewAdjusted => "skew_adjusted",
            TriggerMethod::PeakFraction => "peak_fraction",
        }
    }
}

/// Vol trigger of a scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// How it was found.
    pub method: TriggerMethod,
    /// Every root, ascending, index points; the level alone for `peak_fraction`.
    pub roots: Vec<f64>,
    /// The root nearest to the spot, with the listed strike nearest to it. `INVALID_INPUT` with
    /// `no_sign_change` or `no_positive_gamma`, or `NO_INPUT` with `no_gamma`.
    pub at: Known<(f64, f64)>,
}

impl Trigger {
    /// Finds the trigger of a profile whose flip is known. `ssr` counts for the default method.
    #[must_use]
    pub fn of(profile: &Profile, flip: &Flip, method: TriggerMethod, ssr: f64) -> Trigger {
        let (roots, level) = match method {
            TriggerMethod::SkewAdjusted => skew_adjusted(profile, flip, ssr),
            TriggerMethod::PeakFraction => peak_fraction(profile, flip),
        };
        let at = match level.map(|level| (level, profile.nearest_strike(level))) {
            Ok((level, Some(strike))) => Ok((level, strike)),
            Ok((_, None)) => null(Reason::NoInput, "no_gamma"),
            Err(why) => Err(why),
        };
        Trigger { method, roots, at }
    }

    /// In the shape of the snapshot, with the reason of its nulls.
    #[must_use]
    pub fn record(&self) -> (snapshot::Trigger, Option<Null>) {
        let record = snapshot::Trigger {
            vol_trigger_strike: self.at.ok().map(|(_, strike)| strike),
            level: self.at.ok().map(|(level, _)| level),
            method: self.method.name().to_owned(),
            roots: self.roots.clone(),
        };
        (record, self.at.err())
    }
}

fn skew_adjusted(profile: &Profile, flip: &Flip, ssr: f64) -> (Vec<f64>, Known<f64>) {
    if ssr == 1.0 {
        return (flip.roots.clone(), flip.level());
    }
    let xs: Vec<f64> = flip.grid.iter().step_by(STRIDE).map(|&(x, _)| x).collect();
    let grid: Vec<(f64, f64)> = xs.iter().copied().zip(profile.values(&xs, ssr)).collect();
    let roots = sign_changes(&grid, |x| profile.skewed(x, ssr));
    let level = match nearest(&roots, profile.spot()) {
        Some(level) => Ok(level),
        None if profile.is_empty() => null(Reason::NoInput, "no_gamma"),
        None => null(Reason::InvalidInput, "no_sign_change"),
    };
    (roots, level)
}

fn peak_fraction(profile: &Profile, flip: &Flip) -> (Vec<f64>, Known<f64>) {
    let mut peak = (0, 0.0);
    for (n, &(_, g)) in flip.grid.iter().enumerate() {
        if g > peak.1 {
            peak = (n, g);
        }
    }
    let (top, floor) = (peak.0, FRACTION * peak.1);
    if floor <= 0.0 {
        return (Vec::new(), null(Reason::InvalidInput, "no_positive_gamma"));
    }
    let below: Vec<(f64, f64)> =
        flip.grid.iter().take(top + 1).map(|&(x, g)| (x, g - floor)).collect();
    // Walking down, the first crossing is the highest.
    match sign_changes(&below, |x| profile.net(x) - floor).last() {
        Some(&level) => (vec![level], Ok(level)),
        None => (Vec::new(), null(Reason::InvalidInput, "no_sign_change")),
    }
}
