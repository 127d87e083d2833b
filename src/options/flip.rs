//! Zero gamma: the index levels at which the net gamma exposure changes its sign, with a measure
//! of how much to trust them.
//!
//! Every strict sign change between nodes of the grid (0.85 to 1.15 of the spot) is refined to
//! 1e-9 points by the Illinois method. `level` is the root nearest to the spot. Its uncertainty is
//! what 2 % of gross gamma would move it, `0.02·A(r)/|G′(r)|`: about as much as a vendor's gammas
//! and own ones disagree. A running sum over strikes is no flip: it answers another question and
//! often never changes its sign.
//!
//! Cost: one pass over the grid and about ten evaluations a root.

use roots::{SimpleConvergency, find_root_regula_falsi};
use serde::{Deserialize, Serialize};

use super::profile::{BAND, Profile};
use super::{Known, Null, null, snapshot};
use crate::units::Reason;

/// Width of the bracket at which a root counts as found, index points.
const TOLERANCE: f64 = 1e-9;
/// Most steps of the refinement.
const STEPS: usize = 200;
/// Share of gross gamma by which net gamma may be wrong.
pub const REL_ERROR: f64 = 0.02;
/// Uncertainty in percent of the spot up to which a flip is clear, and moderate.
const CLEAR: (f64, f64) = (0.25, 0.75);
/// Share of the spot within which a second root makes a flip ambiguous.
const CROWD: f64 = 0.02;
/// Share of the grid at each end that counts as its edge.
const EDGE: f64 = 0.10;

/// What the grid says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum FlipStatus {
    /// One root.
    Ok = 0,
    /// More than one.
    Multiple = 1,
    /// Net gamma is positive everywhere.
    NonePositive = 2,
    /// Net gamma is negative everywhere.
    NoneNegative = 3,
    /// There is no gamma to speak of.
    NotComputable = 4,
}

impl FlipStatus {
    /// Name as it stands in snapshots.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            FlipStatus::Ok => "ok",
            FlipStatus::Multiple => "multiple",
            FlipStatus::NonePositive => "none_positive",
            FlipStatus::NoneNegative => "none_negative",
            FlipStatus::NotComputable => "not_computable",
        }
    }
}

/// How far a flip can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum FlipQuality {
    /// Uncertain by 0.25 % of the spot at most.
    Clear = 0,
    /// By 0.75 % at most.
    Moderate = 1,
    /// By more, or several roots within 2 % of the spot.
    Ambiguous = 2,
    /// In the outer tenth of the grid on either side.
    Edge = 3,
}

impl FlipQuality {
    /// Name as it stands in snapshots.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            FlipQuality::Clear => "clear",
            FlipQuality::Moderate => "moderate",
            FlipQuality::Ambiguous => "ambiguous",
            FlipQuality::Edge => "edge",
        }
    }
}

/// A level with its quality.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Index points.
    pub level: f64,
    /// Listed strike nearest to it; the level itself is no strike.
    pub strike: f64,
    /// Its quality.
    pub quality: FlipQuality,
    /// Spot less level, index points.
    pub distance_pts: f64,
    /// The same in percent of the spot.
    pub distance_pct: f64,
    /// What [`REL_ERROR`] of gross gamma would move it, index points.
    pub uncertainty_pts: f64,
    /// 1 for a sharp one, 0 where it is uncertain by 1 % of the spot or more.
    pub significance: f64,
}

/// Zero gamma of a scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Flip {
    /// What the grid says.
    pub status: FlipStatus,
    /// Every root, ascending, index points.
    pub roots: Vec<f64>,
    /// The root nearest to the spot. `INVALID_INPUT` with `no_sign_change`, or `NO_INPUT` with
    /// `no_gamma`.
    pub at: Known<Level>,
    /// `G` at the nodes of [`Profile::grid`], USD per 1 %.
    pub grid: Vec<(f64, f64)>,
}

impl Flip {
    /// Finds the zero gamma of a profile.
    #[must_use]
    pub fn of(profile: &Profile) -> Flip {
        let xs = profile.grid();
        let grid: Vec<(f64, f64)> = xs.iter().copied().zip(profile.values(&xs, 1.0)).collect();
        let roots = sign_changes(&grid, |x| profile.net(x));
        let status = match roots.len() {
            0 if grid.iter().any(|&(_, g)| g > 0.0) => FlipStatus::NonePositive,
            0 if grid.iter().any(|&(_, g)| g < 0.0) => FlipStatus::NoneNegative,
            0 => FlipStatus::NotComputable,
            1 => FlipStatus::Ok,
            _ => FlipStatus::Multiple,
        };
        let at = match nearest(&roots, profile.spot()) {
            Some(level) => assess(profile, &roots, level),
            None if status == FlipStatus::NotComputable => null(Reason::NoInput, "no_gamma"),
            None => null(Reason::InvalidInput, "no_sign_change"),
        };
        Flip { status, roots, at, grid }
    }

    /// The level, index points.
    ///
    /// # Errors
    /// As [`Flip::at`].
    pub fn level(&self) -> Known<f64> {
        self.at.map(|at| at.level)
    }

    /// In the shape of the snapshot, with the reason of its nulls.
    #[must_use]
    pub fn record(&self) -> (snapshot::Flip, Option<Null>) {
        let at = self.at.ok();
        let record = snapshot::Flip {
            level: at.map(|a| a.level),
            gamma_flip_strike: at.map(|a| a.strike),
            quality: at.map(|a| a.quality.name().to_owned()),
            status: self.status.name().to_owned(),
            roots: self.roots.clone(),
            distance_pts: at.map(|a| a.distance_pts),
            distance_pct: at.map(|a| a.distance_pct),
            uncertainty_pts: at.map(|a| a.uncertainty_pts),
            significance: at.map(|a| a.significance),
        };
        (record, self.at.err())
    }
}

/// Every root between neighbouring values of opposite sign, ascending. Zeros in between belong to
/// the change around them.
#[must_use]
pub fn sign_changes(grid: &[(f64, f64)], f: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut signed = grid.iter().filter(|(_, g)| *g != 0.0 && g.is_finite());
    let Some(&(mut x, mut g)) = signed.next() else { return Vec::new() };
    let mut roots = Vec::new();
    for &(next_x, next_g) in signed {
        if (g > 0.0) != (next_g > 0.0) {
            roots.push(refine((x, g), (next_x, next_g), &f));
        }
        (x, g) = (next_x, next_g);
    }
    roots
}

/// A root of `f` between two points of opposite sign, to [`TOLERANCE`] or what a number of that
/// size can hold.
fn refine((a, fa): (f64, f64), (b, fb): (f64, f64), f: impl Fn(f64) -> f64) -> f64 {
    let eps = TOLERANCE.max(8.0 * f64::EPSILON * b.abs());
    let mut convergency = SimpleConvergency { eps, max_iter: STEPS };
    find_root_regula_falsi(a, b, &f, &mut convergency).unwrap_or_else(|_| {
        // Too flat for the solver: the crossing of the chord.
        a + (b - a) * (fa / (fa - fb))
    })
}

/// The value nearest to `spot`, the lower of two.
#[must_use]
pub fn nearest(roots: &[f64], spot: f64) -> Option<f64> {
    let gap = |x: f64| (x - spot).abs();
    roots.iter().copied().reduce(|best, x| if gap(x) < gap(best) { x } else { best })
}

fn assess(profile: &Profile, roots: &[f64], level: f64) -> Known<Level> {
    let spot = profile.spot();
    let slope = (profile.net(level + 1.0) - profile.net(level - 1.0)) / 2.0;
    let uncertainty_pts = REL_ERROR * profile.gross(level) / slope.abs();
    let u = 100.0 * uncertainty_pts / spot;
    let crowd = roots.iter().filter(|r| (*r - spot).abs() <= CROWD * spot).count() > 1;
    let edge = (level / spot - 1.0).abs() > BAND * (1.0 - 2.0 * EDGE);
    let quality = match u {
        _ if edge => FlipQuality::Edge,
        _ if crowd => FlipQuality::Ambiguous,
        u if u <= CLEAR.0 => FlipQuality::Clear,
        u if u <= CLEAR.1 => FlipQuality::Moderate,
        _ => FlipQuality::Ambiguous,
    };
    let Some(strike) = profile.nearest_strike(level) else {
        return null(Reason::NoInput, "no_gamma");
    };
    if !uncertainty_pts.is_finite() {
        return null(Reason::ZeroDenominator, "flat_profile");
    }
    Ok(Level {
        level,
        strike,
        quality,
        distance_pts: spot - level,
        distance_pct: 100.0 * (spot - level) / spot,
        uncertainty_pts,
        significance: (1.0 - u).clamp(0.0, 1.0),
    })
}

/// `G` every quarter percent of the spot over the band of the grid, for display.
#[must_use]
pub fn points(profile: &Profile) -> Vec<snapshot::ProfilePoint> {
    let xs: Vec<f64> = (-60..=60).map(|n| profile.spot() * (1.0 + 0.0025 * f64::from(n))).collect();
    let values = profile.values(&xs, 1.0);
    xs.into_iter().zip(values).map(|(spot, gex)| snapshot::ProfilePoint { spot, gex }).collect()
}
