//! Zero gamma: the index levels at which the net gamma exposure changes its sign, with a measure
//! of how much to trust them.
//!
//! Every strict sign change between nodes of the grid (0.85 to 1.15 of the spot unless the profile
//! has another band) is refined to 1e-9 points by the Illinois method. `level` is the root nearest
//! to the spot. Its uncertainty is what an error of 2 % of gross gamma would move it,
//! `0.02·A(r)/|G′(r)|`: about as much as a vendor's gammas and own ones disagree. A running sum
//! over strikes is no flip: it answers another question and often never changes its sign.
//!
//! Cost: one pass over the grid and about ten evaluations a root.

use roots::{SimpleConvergency, find_root_regula_falsi};
use serde::{Deserialize, Serialize};

use super::profile::Profile;
use super::{Known, Null, null, snapshot};
use crate::units::Reason;

/// Width of the bracket at which a root counts as found, index points.
const TOLERANCE: f64 = 1e-9;
/// Most steps of the refinement.
const STEPS: usize = 200;
/// Default share of gross gamma by which net gamma may be wrong.
pub const REL_ERROR: f64 = 0.02;
/// Uncertainty in percent of the spot up to which a flip is clear, and moderate.
const CLEAR: (f64, f64) = (0.25, 0.75);
/// Share of the spot within which a second root makes a flip ambiguous.
const CROWD: f64 = 0.02;
/// Step of the points for display, as a share of the spot.
const QUARTER: f64 = 0.0025;
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
    /// What the assumed error of gross gamma would move it, index points.
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
    /// `G` every quarter percent of the spot over the band of the grid, for display.
    pub points: Vec<snapshot::ProfilePoint>,
}

impl Flip {
    /// Finds the zero gamma of a profile, with an error of [`REL_ERROR`].
    #[must_use]
    pub fn of(profile: &Profile) -> Flip {
        Flip::with_error(profile, REL_ERROR)
    }

    /// The same where net gamma may be wrong by `rel_error` of gross gamma.
    #[must_use]
    pub fn with_error(profile: &Profile, rel_error: f64) -> Flip {
        let (grid, points) = scan(profile);
        let roots = sign_changes(&grid, |x| profile.net(x));
        let status = match roots.len() {
            0 if grid.iter().any(|&(_, g)| g > 0.0) => FlipStatus::NonePositive,
            0 if grid.iter().any(|&(_, g)| g < 0.0) => FlipStatus::NoneNegative,
            0 => FlipStatus::NotComputable,
            1 => FlipStatus::Ok,
            _ => FlipStatus::Multiple,
        };
        let at = match nearest(&roots, profile.spot()) {
            Some(level) => assess(profile, &roots, level, rel_error),
            None if status == FlipStatus::NotComputable => null(Reason::NoInput, "no_gamma"),
            None => null(Reason::InvalidInput, "no_sign_change"),
        };
        Flip { status, roots, at, grid, points }
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

fn assess(profile: &Profile, roots: &[f64], level: f64, rel_error: f64) -> Known<Level> {
    let spot = profile.spot();
    let slope = (profile.net(level + 1.0) - profile.net(level - 1.0)) / 2.0;
    let uncertainty_pts = rel_error * profile.gross(level) / slope.abs();
    let u = 100.0 * uncertainty_pts / spot;
    let crowd = roots.iter().filter(|r| (*r - spot).abs() <= CROWD * spot).count() > 1;
    let edge = (level / spot - 1.0).abs() > profile.band() * (1.0 - 2.0 * EDGE);
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

/// `G` on the grid, and for display every quarter percent: in one go, for most of the work does
/// not depend on the number of spots.
fn scan(profile: &Profile) -> (Vec<(f64, f64)>, Vec<snapshot::ProfilePoint>) {
    let most = profile.band() / QUARTER + 1e-9;
    let steps = (1..=200_i32).take_while(|&n| f64::from(n) <= most).count();
    let steps = i32::try_from(steps).unwrap_or(0);
    let shown = (-steps..=steps).map(|n| (profile.spot() * (1.0 + QUARTER * f64::from(n)), true));
    let mut all: Vec<(f64, bool)> = profile.grid().into_iter().map(|x| (x, false)).collect();
    all.extend(shown);
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let xs: Vec<f64> = all.iter().map(|(x, _)| *x).collect();
    let (mut grid, mut points) = (Vec::with_capacity(all.len()), Vec::new());
    for ((x, shown), g) in all.into_iter().zip(profile.values(&xs, 1.0)) {
        if shown {
            points.push(snapshot::ProfilePoint { spot: x, gex: g });
        } else {
            grid.push((x, g));
        }
    }
    (grid, points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::gex::SignModel;
    use crate::options::gex::tests::{SIGN, group, toy};
    use crate::options::priced::Group;

    fn flip(groups: &[Group]) -> Flip {
        let scope: Vec<&Group> = groups.iter().collect();
        Flip::of(&Profile::of(&scope, 6000.0, SIGN))
    }

    #[test]
    fn toy_chain() {
        let flip = flip(&[toy()]);
        assert_eq!(flip.status, FlipStatus::Ok);
        assert_eq!(flip.roots.len(), 1);
        assert!((flip.roots[0] - 6_018.428_351_993_734).abs() < 1e-8);
        let at = flip.at.expect("a root");
        assert_eq!(at.strike, 6000.0);
        assert_eq!(at.quality, FlipQuality::Moderate);
        assert!((at.distance_pts + 18.428_352).abs() < 1e-6);
        assert!((at.distance_pct + 0.307_139).abs() < 1e-6);
        assert!((at.significance - (1.0 - at.uncertainty_pts / 60.0)).abs() < 1e-12);
        let (record, why) = flip.record();
        assert_eq!((record.level, record.status.as_str(), why), (Some(at.level), "ok", None));
    }

    #[test]
    fn no_sign_change() {
        let calls = flip(&[group(&[(6000.0, 0.2, 10.0, 0.0)])]);
        assert_eq!(calls.status, FlipStatus::NonePositive);
        let puts = flip(&[group(&[(6000.0, 0.2, 0.0, 10.0)])]);
        assert_eq!(puts.status, FlipStatus::NoneNegative);
        let why = puts.at.expect_err("no root");
        assert_eq!((why.reason, why.detail), (Reason::InvalidInput, "no_sign_change"));
        let short = Flip::of(&Profile::of(&[&toy()], 6000.0, SignModel::ShortAll));
        assert_eq!(short.status, FlipStatus::NoneNegative);
        let (record, why) = short.record();
        assert!(record.level.is_none() && record.uncertainty_pts.is_none() && why.is_some());
    }

    #[test]
    fn nothing_open() {
        for groups in [vec![], vec![group(&[(6000.0, 0.2, 0.0, 0.0)])]] {
            let flip = flip(&groups);
            assert_eq!(flip.status, FlipStatus::NotComputable);
            assert_eq!(flip.at.expect_err("no root").reason, Reason::NoInput);
        }
    }

    #[test]
    fn three_roots_and_the_nearest() {
        let mut g = group(&[
            (5600.0, 0.1, 0.0, 900.0),
            (5900.0, 0.1, 900.0, 0.0),
            (6150.0, 0.1, 0.0, 900.0),
            (6500.0, 0.1, 900.0, 0.0),
        ]);
        g.t = 7.0 / 365.0;
        let flip = flip(&[g]);
        assert_eq!(flip.status, FlipStatus::Multiple);
        assert_eq!(flip.roots.len(), 3);
        assert!(flip.roots.is_sorted());
        let at = flip.at.expect("roots");
        assert_eq!(at.level, flip.roots[1]);
        assert!((6000.0..6060.0).contains(&at.level));
        assert_eq!(at.quality, FlipQuality::Clear);
    }

    #[test]
    fn roots_close_together_are_ambiguous() {
        let mut g = group(&[
            (5950.0, 0.1, 0.0, 900.0),
            (6000.0, 0.1, 900.0, 0.0),
            (6050.0, 0.1, 0.0, 900.0),
        ]);
        g.t = 1.0 / 365.0;
        let flip = flip(&[g]);
        assert_eq!(flip.roots.len(), 2);
        assert_eq!(flip.at.expect("roots").quality, FlipQuality::Ambiguous);
    }

    #[test]
    fn a_root_at_the_end_of_the_grid_is_an_edge() {
        let flip = flip(&[group(&[(5250.0, 0.16, 0.0, 100.0), (5300.0, 0.16, 100.0, 0.0)])]);
        let at = flip.at.expect("a root");
        assert!(at.level < 0.88 * 6000.0);
        assert_eq!(at.quality, FlipQuality::Edge);
    }

    #[test]
    fn a_zero_on_a_node_is_one_root() {
        let line = |x: f64| x - 5.0;
        let grid: Vec<(f64, f64)> = (0..10).map(f64::from).map(|x| (x, line(x))).collect();
        let roots = sign_changes(&grid, line);
        assert_eq!(roots.len(), 1);
        assert!((roots[0] - 5.0).abs() < 1e-9);
        assert!(sign_changes(&[(1.0, 0.0), (2.0, f64::NAN)], line).is_empty());
    }

    #[test]
    fn points_for_display() {
        let p = Profile::of(&[&toy()], 6000.0, SIGN);
        let points = Flip::of(&p).points;
        assert_eq!(points.len(), 121);
        for (n, want) in [(0, 5100.0), (60, 6000.0), (120, 6900.0)] {
            assert!((points[n].spot - want).abs() < 1e-9);
        }
        assert!((points[60].gex + 30_571_391.632).abs() < 1e-3);
        let wide = Flip::of(&p.clone().within(0.2));
        assert_eq!((wide.points.len(), wide.grid.len()), (161, 1200));
    }

    #[test]
    fn a_greater_error_makes_a_wider_uncertainty() {
        let p = Profile::of(&[toy()].iter().collect::<Vec<_>>(), 6000.0, SIGN);
        let at = |error| Flip::with_error(&p, error).at.expect("a root");
        let (usual, more) = (Flip::of(&p).at.expect("a root"), at(10.0 * REL_ERROR));
        assert!((more.uncertainty_pts / usual.uncertainty_pts - 10.0).abs() < 1e-12);
        assert_eq!((more.level, more.quality), (usual.level, FlipQuality::Ambiguous));
        assert_eq!(at(0.001).quality, FlipQuality::Clear);
    }
}
