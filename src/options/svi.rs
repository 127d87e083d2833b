//! SVI: a five-parameter smile fitted to one slice; a report, never the source of levels.
//!
//! w(k) = a + b·(ρ(k − m) + √((k − m)² + σ²)), total variance over k = ln(K/F) (Gatheral, "A
//! parsimonious arbitrage-free implied volatility parameterization", 2004). The fit follows De
//! Marco and Martini's quasi-explicit calibration (Zeliade Systems, 2009): at fixed (m, σ) the
//! rest is least squares in a, d = ρbσ and c = bσ under |d| ≤ c, c + |d| ≤ 2σ (Lee's bound on the
//! wings) and a ≤ max w, solved exactly; (m, ln σ) are searched by Nelder and Mead's simplex from
//! the best point of a coarse grid, m within the quoted strikes and σ no wider than they are, for
//! quotes of one wing do not tell the other. The publication's a ≥ 0 is weakened to what it is
//! for, w ≥ 0 everywhere: a ≥ −c, and where then a + √(c² − d²) < 0 the solution with a ≥ 0.
//! Residuals are weighted by 1/(2√(wT)), so that they are volatilities to first order.
//!
//! Own design: weights, ranges, grid, iterations. Cost: up to 300 evaluations, each linear in the
//! strikes; deterministic, no random starts.

use super::surface::Slice;
use super::{Known, Null, null};
use crate::units::Reason;

/// Fewest strikes of a fit: one more than parameters.
pub const NODES_MIN: usize = 6;
/// Lee's bound on the slope of a wing.
pub const WING_MAX: f64 = 2.0;
/// Steps of the simplex.
const STEPS: u32 = 160;
/// Relative difference of the corners' costs at which the search ends.
const CLOSE: f64 = 1e-10;
/// Points of the coarse grid, each way.
const GRID: u32 = 7;
/// Points at which g is tested.
const TESTED: u32 = 400;
/// Least σ of the search, as a share of the quoted range of k; the range itself is the greatest.
const SIGMA_MIN: f64 = 1e-4;

/// The parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Svi {
    /// Level, total variance.
    pub a: f64,
    /// Slope, not below 0.
    pub b: f64,
    /// Tilt, −1 to 1.
    pub rho: f64,
    /// Where it turns, in k.
    pub m: f64,
    /// How round it is, in k, above 0.
    pub sigma: f64,
}

/// A fit with its quality.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// The parameters.
    pub svi: Svi,
    /// Root mean square of model less quoted volatility, decimals a year.
    pub rmse_vol: f64,
    /// Least g(k) within the quoted strikes; below 0 the implied density is negative. `None` where
    /// the model's variance touches 0.
    pub min_g: Option<f64>,
    /// b(1 + |ρ|), at most [`WING_MAX`].
    pub wing_slope: f64,
    /// Strikes.
    pub nodes: u32,
}

impl Svi {
    /// Total variance at k.
    #[must_use]
    pub fn w(&self, k: f64) -> f64 {
        let x = k - self.m;
        self.a + self.b * (self.rho * x + (x * x + self.sigma * self.sigma).sqrt())
    }

    /// Durrleman's g at k: (1 − k·w′/2w)² − w′²/4·(1/w + ¼) + w″/2.
    #[must_use]
    pub fn g(&self, k: f64) -> f64 {
        let x = k - self.m;
        let root = (x * x + self.sigma * self.sigma).sqrt();
        let w = self.w(k);
        let first = self.b * (self.rho + x / root);
        let second = self.b * self.sigma * self.sigma / (root * root * root);
        let slant = 1.0 - k * first / (2.0 * w);
        slant * slant - first * first / 4.0 * (1.0 / w + 0.25) + second / 2.0
    }
}

/// Fits the nodes of a slice.
///
/// # Errors
/// `INSUFFICIENT_SAMPLE:svi_nodes` below [`NODES_MIN`] strikes, `INVALID_INPUT:svi_nodes` for a
/// total variance that is not above 0 or where no fit is finite.
pub fn fit(slice: &Slice) -> Known<Fit> {
    let nodes: Vec<(f64, f64)> = slice.curve.points().collect();
    if nodes.len() < NODES_MIN {
        return null(Reason::InsufficientSample, "svi_nodes");
    }
    let odd = Null { reason: Reason::InvalidInput, detail: "svi_nodes" };
    let problem = Problem::new(&nodes, slice.t).ok_or(odd)?;
    let best = problem.search().ok_or(odd)?;
    let svi = best.svi;
    let (first, last) = slice.curve.range().ok_or(odd)?;
    let n = f64::from(u32::try_from(nodes.len()).unwrap_or(u32::MAX));
    let miss = |&(k, w): &(f64, f64)| {
        let gap = (svi.w(k).max(0.0) / slice.t).sqrt() - (w / slice.t).sqrt();
        gap * gap
    };
    let rmse_vol = (nodes.iter().map(miss).sum::<f64>() / n).sqrt();
    let min_g = (0..=TESTED)
        .map(|i| svi.g(first + (last - first) * f64::from(i) / f64::from(TESTED)))
        .try_fold(f64::INFINITY, |least, g| g.is_finite().then(|| least.min(g)));
    Ok(Fit {
        svi,
        rmse_vol,
        min_g,
        wing_slope: svi.b * (1.0 + svi.rho.abs()),
        nodes: u32::try_from(nodes.len()).unwrap_or(u32::MAX),
    })
}

/// The nodes with their weights.
struct Problem<'a> {
    nodes: &'a [(f64, f64)],
    weights: Vec<f64>,
    most: f64,
    range: (f64, f64),
}

/// A candidate and its weighted sum of squares.
#[derive(Clone, Copy)]
struct Candidate {
    at: [f64; 2],
    cost: f64,
    svi: Svi,
}

impl<'a> Problem<'a> {
    fn new(nodes: &'a [(f64, f64)], t: f64) -> Option<Problem<'a>> {
        let good = |&(k, w): &(f64, f64)| k.is_finite() && w > 0.0 && w.is_finite();
        if !nodes.iter().all(good) {
            return None;
        }
        let weights = nodes.iter().map(|&(_, w)| 1.0 / (4.0 * w * t)).collect();
        let most = nodes.iter().map(|&(_, w)| w).fold(0.0, f64::max);
        Some(Problem { nodes, weights, most, range: (nodes.first()?.0, nodes.last()?.0) })
    }

    /// The best a, b and ρ at m = `at[0]`, σ = e^`at[1]`, kept within the range of the search.
    fn solve(&self, at: [f64; 2]) -> Option<Candidate> {
        let [m, log_sigma] = at;
        let width = self.range.1 - self.range.0;
        let m = m.clamp(self.range.0, self.range.1);
        let sigma = libm::exp(log_sigma).clamp(SIGMA_MIN * width, width);
        // Normal equations of w = a + d·y + c·√(1 + y²), y = (k − m)/σ.
        let mut normal = [[0.0; 3]; 3];
        let mut right = [0.0; 3];
        let mut squares = 0.0;
        for (&(k, w), &weight) in self.nodes.iter().zip(&self.weights) {
            let y = (k - m) / sigma;
            let row = [1.0, y, (y * y + 1.0).sqrt()];
            for ((line, to), &x) in normal.iter_mut().zip(&mut right).zip(&row) {
                for (cell, &z) in line.iter_mut().zip(&row) {
                    *cell += weight * x * z;
                }
                *to += weight * x * w;
            }
            squares += weight * w * w;
        }
        let quadratic = Quadratic { normal, right };
        let free = quadratic.least(&bounds(sigma, self.most, 1.0));
        let positive = |&([a, d, c], _): &([f64; 3], f64)| a * a <= c * c - d * d || a >= 0.0;
        let ([a, d, c], reduced) = match free.filter(positive) {
            Some(found) => found,
            None => quadratic.least(&bounds(sigma, self.most, 0.0))?,
        };
        let cost = squares + reduced;
        let b = c / sigma;
        let rho = if c > 0.0 { (d / c).clamp(-1.0, 1.0) } else { 0.0 };
        let svi = Svi { a, b, rho, m, sigma };
        cost.is_finite().then_some(Candidate { at: [m, libm::log(sigma)], cost, svi })
    }

    /// Grid, then simplex.
    fn search(&self) -> Option<Candidate> {
        let (low, high) = self.range;
        let width = high - low;
        let step = |i: u32| f64::from(i) / f64::from(GRID - 1);
        let mut best: Option<Candidate> = None;
        for i in 0..GRID {
            for j in 0..GRID {
                // σ from a hundredth of the quoted range to twice that range.
                let log_sigma = libm::log(width / 100.0) + step(j) * libm::log(200.0);
                let found = self.solve([low + width * step(i), log_sigma]);
                best = better(best, found);
            }
        }
        let start = best?;
        let spread = [width / 8.0, 0.5];
        let corner = |axis: usize| {
            let mut at = start.at;
            if let Some((x, by)) = at.get_mut(axis).zip(spread.get(axis)) {
                *x += by;
            }
            self.solve(at)
        };
        let mut simplex = [start, corner(0)?, corner(1)?];
        for _ in 0..STEPS {
            simplex.sort_by(|a, b| a.cost.total_cmp(&b.cost));
            let [first, .., last] = &simplex;
            if last.cost - first.cost <= CLOSE * first.cost {
                break;
            }
            simplex = self.step(simplex)?;
        }
        simplex.into_iter().min_by(|a, b| a.cost.total_cmp(&b.cost))
    }

    /// One move of the simplex, whose corners are sorted by cost.
    fn step(&self, [best, middle, worst]: [Candidate; 3]) -> Option<[Candidate; 3]> {
        let along = |share: f64| {
            let mut at = [0.0; 2];
            let corners = best.at.iter().zip(&middle.at).zip(&worst.at);
            for (to, ((b, m), w)) in at.iter_mut().zip(corners) {
                let centre = (b + m) / 2.0;
                *to = centre + share * (w - centre);
            }
            self.solve(at)
        };
        let reflected = along(-1.0)?;
        if reflected.cost < best.cost {
            let expanded = along(-2.0)?;
            let further = if expanded.cost < reflected.cost { expanded } else { reflected };
            return Some([best, middle, further]);
        }
        if reflected.cost < middle.cost {
            return Some([best, middle, reflected]);
        }
        let contracted = along(if reflected.cost < worst.cost { -0.5 } else { 0.5 })?;
        if contracted.cost < worst.cost.min(reflected.cost) {
            return Some([best, middle, contracted]);
        }
        let towards = |corner: Candidate| {
            let mut at = corner.at;
            for (x, b) in at.iter_mut().zip(&best.at) {
                *x = (*x + b) / 2.0;
            }
            self.solve(at)
        };
        Some([best, towards(middle)?, towards(worst)?])
    }
}

fn better(a: Option<Candidate>, b: Option<Candidate>) -> Option<Candidate> {
    match (a, b) {
        (Some(a), Some(b)) if b.cost < a.cost => Some(b),
        (None, b) => b,
        (a, _) => a,
    }
}

/// A half-space normal·x ≤ limit.
#[derive(Clone, Copy)]
struct Bound {
    normal: [f64; 3],
    limit: f64,
}

/// The admissible (a, d, c): −`depth`·c ≤ a ≤ `most`, a rhombus in (d, c).
fn bounds(sigma: f64, most: f64, depth: f64) -> [Bound; 6] {
    let wing = WING_MAX * sigma;
    [
        Bound { normal: [-1.0, 0.0, -depth], limit: 0.0 },
        Bound { normal: [1.0, 0.0, 0.0], limit: most },
        Bound { normal: [0.0, 1.0, -1.0], limit: 0.0 },
        Bound { normal: [0.0, -1.0, -1.0], limit: 0.0 },
        Bound { normal: [0.0, 1.0, 1.0], limit: wing },
        Bound { normal: [0.0, -1.0, 1.0], limit: wing },
    ]
}

/// xᵀNx − 2rᵀx, a convex quadratic of three unknowns.
struct Quadratic {
    normal: [[f64; 3]; 3],
    right: [f64; 3],
}

impl Quadratic {
    fn value(&self, x: &[f64; 3]) -> f64 {
        let rows = self.normal.iter().zip(&self.right).zip(x);
        rows.map(|((line, r), xi)| xi * (dot(line, x) - 2.0 * r)).sum()
    }

    /// The least point within the bounds and its value. The least point of a convex quadratic over
    /// a polytope is the least point of the plane of some of its bounds: all planes of up to
    /// three bounds are tried, and the best admissible point is exact.
    fn least(&self, bounds: &[Bound; 6]) -> Option<([f64; 3], f64)> {
        let mut best: Option<([f64; 3], f64)> = None;
        for set in 0..1_u32 << bounds.len() {
            if set.count_ones() > 3 {
                continue;
            }
            let active = |i: usize| set >> i & 1 == 1;
            let Some(x) = self.on_plane(bounds, active) else { continue };
            let scale = x.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
            let inside = |b: &Bound| dot(&b.normal, &x) <= b.limit + 1e-12 * scale;
            if !bounds.iter().all(inside) {
                continue;
            }
            let value = self.value(&x);
            if set == 0 {
                return Some((x, value));
            }
            if value.is_finite() && best.is_none_or(|(_, least)| value < least) {
                best = Some((x, value));
            }
        }
        best
    }

    /// The least point with the active bounds as equalities, by Lagrange's multipliers.
    fn on_plane(&self, bounds: &[Bound; 6], active: impl Fn(usize) -> bool) -> Option<[f64; 3]> {
        let mut system = [[0.0; 7]; 6];
        for ((line, normal), right) in system.iter_mut().zip(&self.normal).zip(&self.right) {
            line[..3].copy_from_slice(normal);
            line[6] = *right;
        }
        let mut size = 3;
        for (_, bound) in bounds.iter().enumerate().filter(|&(i, _)| active(i)) {
            for (axis, &x) in bound.normal.iter().enumerate() {
                *system.get_mut(axis)?.get_mut(size)? = x;
                *system.get_mut(size)?.get_mut(axis)? = x;
            }
            *system.get_mut(size)?.get_mut(6)? = bound.limit;
            size += 1;
        }
        let x = eliminate(&mut system, size)?;
        Some([x[0], x[1], x[2]])
    }
}

fn dot(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Solves the first `size` equations (right-hand sides in column 6) by elimination with row
/// pivots; `None` where they are singular.
fn eliminate(system: &mut [[f64; 7]; 6], size: usize) -> Option<[f64; 6]> {
    let rows = system.get_mut(..size)?;
    for column in 0..size {
        let weight = |line: &[f64; 7]| line.get(column).map_or(0.0, |x| x.abs());
        let below = rows.iter().enumerate().skip(column);
        let (pivot, line) =
            below.max_by(|a, b| weight(a.1).total_cmp(&weight(b.1))).map(|(i, l)| (i, *l))?;
        let head = *line.get(column)?;
        if !(head.abs() > 1e-14 && head.is_finite()) {
            return None;
        }
        rows.swap(column, pivot);
        for (_, other) in rows.iter_mut().enumerate().filter(|&(i, _)| i != column) {
            let factor = other.get(column)? / head;
            for (x, p) in other.iter_mut().zip(&line) {
                *x -= factor * p;
            }
        }
    }
    let mut solution = [0.0; 6];
    for (i, (to, line)) in solution.iter_mut().zip(rows).enumerate() {
        *to = line[6] / line.get(i)?;
    }
    solution.iter().all(|x| x.is_finite()).then_some(solution)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::super::chain::Root;
    use super::super::pchip::Pchip;
    use super::*;

    fn slice(w: impl Fn(f64) -> f64, n: u32) -> Slice {
        let nodes: Vec<(f64, f64)> =
            (0..n).map(|i| -0.5 + f64::from(i) / f64::from(n - 1)).map(|k| (k, w(k))).collect();
        let curve = Pchip::new(&nodes).expect("ascending");
        Slice { expiry: date(2022, 8, 12), root: Root::Spxw, t: 0.1, forward: 4000.0, curve }
    }

    #[test]
    fn it_finds_the_smile_that_was_put_in() {
        for svi in [
            Svi { a: 0.002, b: 0.06, rho: -0.6, m: 0.03, sigma: 0.08 },
            Svi { a: 0.01, b: 0.02, rho: 0.3, m: -0.1, sigma: 0.3 },
            Svi { a: -0.005, b: 0.1, rho: -0.3, m: 0.0, sigma: 0.2 },
            Svi { a: 0.0005, b: 0.03, rho: -0.95, m: 0.1, sigma: 0.05 },
        ] {
            let fit = fit(&slice(|k| svi.w(k), 101)).expect("a fit");
            assert!(fit.rmse_vol < 1e-6, "{fit:?}");
            assert!((fit.svi.rho - svi.rho).abs() < 1e-2, "{fit:?}");
            assert!((fit.wing_slope - svi.b * (1.0 + svi.rho.abs())).abs() < 1e-3);
        }
    }

    /// g against its definition by differences, and the published example of a slice with a
    /// negative density (Vogt; Gatheral and Jacquier 2014).
    #[test]
    fn a_negative_density_is_seen() {
        let vogt = Svi { a: -0.0410, b: 0.1331, rho: 0.3060, m: 0.3586, sigma: 0.4153 };
        let h = 1e-4;
        for k in [-0.4, 0.0, 0.7] {
            let w = vogt.w(k);
            let first = (vogt.w(k + h) - vogt.w(k - h)) / (2.0 * h);
            let second = (vogt.w(k + h) - 2.0 * w + vogt.w(k - h)) / (h * h);
            let slant = 1.0 - k * first / (2.0 * w);
            let want = slant * slant - first * first / 4.0 * (1.0 / w + 0.25) + second / 2.0;
            assert!((vogt.g(k) - want).abs() < 1e-5);
        }
        assert!(vogt.g(0.0) > 0.0);
        assert!((0..150).map(|i| vogt.g(f64::from(i) / 100.0)).fold(1.0, f64::min) < -0.01);
    }

    #[test]
    fn wings_keep_lees_bound() {
        let steep = fit(&slice(|k| 0.01 + 9.0 * k.abs(), 51)).expect("a fit");
        assert!(steep.wing_slope <= WING_MAX + 1e-9 && steep.rmse_vol > 0.1, "{steep:?}");
    }

    #[test]
    fn too_few_or_odd() {
        let few = fit(&slice(|_| 0.01, 5));
        assert_eq!(few, null(Reason::InsufficientSample, "svi_nodes"));
        assert_eq!(fit(&slice(|_| 0.0, 9)), null(Reason::InvalidInput, "svi_nodes"));
        let flat = fit(&slice(|_| 0.01, 9)).expect("a level smile");
        assert!(flat.rmse_vol < 1e-9 && flat.min_g.is_some_and(|g| (g - 1.0).abs() < 1e-3));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// Whatever the quotes: a fit within its bounds, no worse than the best level smile.
        #[test]
        fn it_stays_within_its_bounds(ws in prop::collection::vec(1e-4..0.5_f64, 6..30)) {
            let n = u32::try_from(ws.len()).expect("few");
            let mut of = ws.iter();
            let slice = slice(|_| 0.0, n);
            let nodes: Vec<(f64, f64)> =
                slice.curve.points().map(|(k, _)| (k, *of.next().expect("as many"))).collect();
            let curve = Pchip::new(&nodes).expect("ascending");
            let fit = fit(&Slice { curve, ..slice }).expect("a fit");
            let svi = fit.svi;
            prop_assert!(svi.b >= 0.0 && svi.rho.abs() <= 1.0);
            prop_assert!((-300..=300).all(|i| svi.w(f64::from(i) / 100.0) >= -1e-12));
            prop_assert!(fit.wing_slope <= WING_MAX + 1e-6 && svi.sigma > 0.0);
            let cost = |w: &dyn Fn(f64) -> f64| -> f64 {
                nodes.iter().map(|&(k, q)| (w(k) - q) * (w(k) - q) / q).sum()
            };
            let sum: f64 = nodes.iter().map(|_| 1.0).sum();
            let level = sum / nodes.iter().map(|&(_, q)| 1.0 / q).sum::<f64>();
            prop_assert!(cost(&|k| svi.w(k)) <= cost(&|_| level) * (1.0 + 1e-9));
        }
    }
}
