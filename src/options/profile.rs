//! Gamma exposure of a scope as a function of the index: `G(x)`, its gross `A(x)`, and the
//! skew-adjusted `V(x)`.
//!
//! `G(x) = Σ s·Γ(x)·OI·100·x²·0.01` in USD per 1 % with the volatility of each strike held fixed.
//! Both legs of a strike have the same gamma, so they are folded into one weight. `V(x)` lets the
//! volatilities follow the index, `σ(x) = max(σ + h·ln(x/S), 0.02)`, and adds the vanna term:
//! `V(x) = Σ s·OI·100·x²·0.01·[Γ + vanna·h/x]`, `h = (SSR − 1)·slope` of the group's smile. With
//! SSR = 1 it is `G(x)`, bit for bit.
//!
//! [`Profile::values`] evaluates many spots at once. The range is halved again and again; on the
//! first piece that is no wider than four deviations of a strike's bell to either side, the bell
//! is so smooth that 40 Chebyshev nodes hold it to about 1e-14 of its size. A piece that the bell
//! does not reach with 1e-16 of its peak is left out, one with few spots is summed plainly, and
//! near zero the plain sum decides. Own design; the terms are those of Black (1976).
//!
//! Cost: one `exp` a strike and spot; many spots at once take 40 to 200 a strike, however many.

use std::f64::consts::PI;

use super::chain::{MULTIPLIER, Right};
use super::gex::SignModel;
use super::greeks::{T_MIN, density};
use super::priced::Group;

/// Least volatility of a scenario.
const SIGMA_MIN: f64 = 0.02;
/// Standard deviations beyond which a density is no number to speak of.
const REACH: f64 = 8.5;
/// Chebyshev nodes of a piece; one with no more spots than that is summed plainly.
const NODES: usize = 40;
/// [`NODES`] as a number.
const COUNT: f64 = 40.0;
/// Half width of a piece in total deviations of a bell up to which the nodes hold it.
const SMOOTH: f64 = 4.0;
/// Greatest share of its volatility that a smooth bell may lose or gain from the middle of a piece.
const DRIFT: f64 = 0.25;
/// Halvings at most.
const DEPTH: u32 = 9;
/// Below this share of the greatest value the plain sum decides.
const NEAR_ZERO: f64 = 1e-8;

/// Default half width of the grid of scenario spots, as a share of the spot.
pub const BAND: f64 = 0.15;

/// One strike of one group with its legs folded.
#[derive(Clone, Copy, Debug)]
struct Item {
    /// ln(S/K) + bT.
    m: f64,
    /// σ√T.
    d: f64,
    /// 1/d.
    inverse: f64,
    sigma: f64,
    root_t: f64,
    /// Slope of the group's smile.
    slope: f64,
    /// Contracts with signs.
    net: f64,
    /// Contracts without.
    gross: f64,
}

impl Item {
    /// Γ·x, with the vanna term where `h` is not 0, per contract, at `l = ln(x/S)`.
    fn bell(&self, l: f64, ssr_less_1: f64) -> f64 {
        let h = ssr_less_1 * self.slope;
        if h == 0.0 {
            return density((self.m + l) * self.inverse + 0.5 * self.d) * self.inverse;
        }
        let d = (self.sigma + h * l).max(SIGMA_MIN) * self.root_t;
        let d1 = (self.m + l) / d + 0.5 * d;
        density(d1) / d * (1.0 - (d1 - d) * h * self.root_t)
    }

    /// Least and greatest volatility between two places, and whether the floor bends it in between.
    fn sigmas(&self, from: f64, to: f64, ssr_less_1: f64) -> (f64, f64, bool) {
        let h = ssr_less_1 * self.slope;
        if h == 0.0 {
            return (self.sigma, self.sigma, false);
        }
        let (a, b) = (self.sigma + h * from, self.sigma + h * to);
        let (least, most) = (a.min(b), a.max(b));
        let bent = least < SIGMA_MIN && most > SIGMA_MIN;
        (least.max(SIGMA_MIN), most.max(SIGMA_MIN), bent)
    }
}

/// Everything that `G(x)` depends on besides `x`.
#[derive(Clone, Debug)]
pub struct Profile {
    spot: f64,
    /// Half width of the grid, a share of the spot.
    band: f64,
    items: Vec<Item>,
    /// Listed strikes, ascending.
    strikes: Vec<f64>,
}

impl Profile {
    /// The profile of the groups of `scope` around `spot`, above 0.
    #[must_use]
    pub fn of(scope: &[&Group], spot: f64, sign: SignModel) -> Profile {
        let mut items = Vec::new();
        let mut strikes = Vec::new();
        for group in scope {
            let root_t = group.t.max(T_MIN).sqrt();
            for strike in &group.strikes {
                strikes.push(strike.strike);
                let m = libm::log(spot / strike.strike) + group.carry * group.t;
                let start = items.len();
                for right in [Right::Call, Right::Put] {
                    let Some(leg) = strike.leg(right) else { continue };
                    let (Some(sigma), oi) = (leg.sigma(), leg.open()) else { continue };
                    if oi > 0.0 {
                        let net = sign.sign(right) * oi;
                        let (slope, d) = (group.skew_slope, sigma * root_t);
                        let (inverse, gross) = (1.0 / d, oi);
                        let item = Item { m, d, inverse, sigma, root_t, slope, net, gross };
                        fold(&mut items, start, item);
                    }
                }
            }
        }
        strikes.sort_by(f64::total_cmp);
        strikes.dedup();
        Profile { spot, band: BAND, items, strikes }
    }

    /// The same with a grid of another half width than [`BAND`], a share of the spot; what lies
    /// outside 0.01 to 0.5 is taken as the nearer of these, and what is no number as [`BAND`].
    #[must_use]
    pub fn within(self, band: f64) -> Profile {
        let band = if band.is_nan() { BAND } else { band.clamp(0.01, 0.5) };
        Profile { band, ..self }
    }

    /// Half width of the grid, as a share of the spot.
    #[must_use]
    pub const fn band(&self) -> f64 {
        self.band
    }

    /// The spot of the exposures, index points.
    #[must_use]
    pub const fn spot(&self) -> f64 {
        self.spot
    }

    /// Whether no contract with open interest has a volatility.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The listed strike nearest to `level`; of two the one nearer to the spot.
    #[must_use]
    pub fn nearest_strike(&self, level: f64) -> Option<f64> {
        let key = |k: &f64| ((k - level).abs(), (k - self.spot).abs());
        self.strikes.iter().copied().reduce(|best, k| if key(&k) < key(&best) { k } else { best })
    }

    /// `G(x)`, USD per 1 %.
    #[must_use]
    pub fn net(&self, x: f64) -> f64 {
        self.skewed(x, 1.0)
    }

    /// `A(x)`: the same without signs.
    #[must_use]
    pub fn gross(&self, x: f64) -> f64 {
        let l = libm::log(x / self.spot);
        x * self.items.iter().map(|i| i.gross * i.bell(l, 0.0)).sum::<f64>() * PER_PERCENT
    }

    /// `V(x)` at a skew stickiness ratio, USD per 1 %.
    #[must_use]
    pub fn skewed(&self, x: f64, ssr: f64) -> f64 {
        let (l, s) = (libm::log(x / self.spot), ssr - 1.0);
        let items = self.items.iter().filter(|i| i.net != 0.0);
        x * items.map(|i| i.net * i.bell(l, s)).sum::<f64>() * PER_PERCENT
    }

    /// Scenario spots: multiples of the step within the band around the spot, its upper end left
    /// out; the step is a 4,000th of the spot in whole points, 1 at least. At most 1,800 in the
    /// default band of 15 %, 6,000 in the widest.
    #[must_use]
    pub fn grid(&self) -> Vec<f64> {
        let step = (self.spot / 4000.0).round().max(1.0);
        let first = ((1.0 - self.band) * self.spot / step).ceil();
        let end = (1.0 + self.band) * self.spot;
        let most = 12_000.0 * self.band;
        (0_u32..6000)
            .map(f64::from)
            .take_while(|&n| n < most)
            .map(|n| (first + n) * step)
            .take_while(|&x| x < end && x.is_finite())
            .filter(|&x| x > 0.0)
            .collect()
    }

    /// `V(x)` of many ascending spots above 0, USD per 1 %; `G(x)` with `ssr` 1.
    #[must_use]
    pub fn values(&self, xs: &[f64], ssr: f64) -> Vec<f64> {
        let s = ssr - 1.0;
        let ls: Vec<f64> = xs.iter().map(|x| libm::log(x / self.spot)).collect();
        let mut sums = vec![0.0; xs.len()];
        if let Some(mut root) = Piece::of(&ls, 0, DEPTH) {
            let cosines = cosines();
            for item in self.items.iter().filter(|i| i.net != 0.0) {
                root.add(item, s, &cosines, &ls, &mut sums);
            }
            root.give(&cosines, &ls, &mut sums);
        }
        let mut values: Vec<f64> =
            xs.iter().zip(&sums).map(|(x, sum)| x * sum * PER_PERCENT).collect();
        let greatest = values.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
        for (value, &x) in values.iter_mut().zip(xs) {
            if value.abs() < NEAR_ZERO * greatest {
                *value = self.skewed(x, ssr);
            }
        }
        values
    }
}

/// 100 index points a contract, 1 % of the index.
const PER_PERCENT: f64 = MULTIPLIER * 0.01;

/// Adds a leg to the item of its strike where both have the same volatility.
fn fold(items: &mut Vec<Item>, start: usize, leg: Item) {
    match items.get_mut(start..).and_then(<[Item]>::first_mut) {
        Some(item) if item.sigma.to_bits() == leg.sigma.to_bits() => {
            item.net += leg.net;
            item.gross += leg.gross;
        }
        _ => items.push(leg),
    }
}

/// Cosine and barycentric weight of every Chebyshev node.
fn cosines() -> [(f64, f64); NODES] {
    let mut nodes = [(0.0, 0.0); NODES];
    let (mut angle, mut sign) = (0.5 * PI / COUNT, 1.0);
    for node in &mut nodes {
        *node = (libm::cos(angle), sign * libm::sin(angle));
        sign = -sign;
        angle += PI / COUNT;
    }
    nodes
}

/// A piece of the range with what its nodes sum to, and its halves.
struct Piece {
    from: f64,
    to: f64,
    /// First spot in it, and the number of them.
    start: usize,
    spots: usize,
    /// Sums at its nodes; `None` before anything was added.
    nodes: Option<Box<[f64; NODES]>>,
    halves: Vec<Piece>,
}

impl Piece {
    /// The piece that holds `ls`, of which the first is the `start`th spot.
    fn of(ls: &[f64], start: usize, depth: u32) -> Option<Piece> {
        let (&from, &to) = (ls.first()?, ls.last()?);
        let mut halves = Vec::new();
        if ls.len() > NODES && depth > 0 && to > from {
            let mid = 0.5 * (from + to);
            let (below, above) = ls.split_at(ls.partition_point(|&l| l < mid));
            halves.extend(Piece::of(below, start, depth - 1));
            halves.extend(Piece::of(above, start + below.len(), depth - 1));
        }
        Some(Piece { from, to, start, spots: ls.len(), nodes: None, halves })
    }

    /// Adds a bell on the widest pieces whose nodes hold it.
    fn add(
        &mut self,
        item: &Item,
        ssr_less_1: f64,
        cosines: &[(f64, f64); NODES],
        ls: &[f64],
        sums: &mut [f64],
    ) {
        let (least, most, bent) = item.sigmas(self.from, self.to, ssr_less_1);
        let widest = most * item.root_t;
        let away = (self.from + item.m).max(-(self.to + item.m));
        if away > widest * (REACH + 0.5 * widest) {
            return;
        }
        let half = 0.5 * (self.to - self.from);
        let drift = (ssr_less_1 * item.slope).abs() * half;
        let steady = !bent && drift <= DRIFT * least;
        if self.spots > NODES && steady && half <= SMOOTH * least * item.root_t {
            let mid = 0.5 * (self.from + self.to);
            let nodes = self.nodes.get_or_insert_with(|| Box::new([0.0; NODES]));
            for (node, (cosine, _)) in nodes.iter_mut().zip(cosines) {
                *node += item.net * item.bell(mid + half * cosine, ssr_less_1);
            }
        } else if self.halves.is_empty() {
            let spots = self.start..self.start + self.spots;
            let (Some(ls), Some(sums)) = (ls.get(spots.clone()), sums.get_mut(spots)) else {
                return;
            };
            for (l, sum) in ls.iter().zip(sums) {
                *sum += item.net * item.bell(*l, ssr_less_1);
            }
        } else {
            for piece in &mut self.halves {
                piece.add(item, ssr_less_1, cosines, ls, sums);
            }
        }
    }

    /// Adds what the nodes hold to the sums of the spots (barycentric interpolation).
    fn give(&self, cosines: &[(f64, f64); NODES], ls: &[f64], sums: &mut [f64]) {
        for piece in &self.halves {
            piece.give(cosines, ls, sums);
        }
        let Some(nodes) = &self.nodes else { return };
        let (mid, half) = (0.5 * (self.from + self.to), 0.5 * (self.to - self.from));
        let spots = self.start..self.start + self.spots;
        let (Some(ls), Some(sums)) = (ls.get(spots.clone()), sums.get_mut(spots)) else { return };
        for (l, sum) in ls.iter().zip(sums) {
            let at = (l - mid) / half;
            let (mut above, mut below, mut hit) = (0.0, 0.0, None);
            for (&value, (cosine, weight)) in nodes.iter().zip(cosines) {
                let gap = at - cosine;
                if gap == 0.0 {
                    hit = Some(value);
                }
                let share = weight / gap;
                above += share * value;
                below += share;
            }
            *sum += hit.unwrap_or(above / below);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::gex::Exposures;
    use crate::options::gex::tests::{SIGN, group, toy};
    use proptest::prelude::*;

    #[test]
    fn at_the_spot_it_is_the_net_and_the_gross() {
        let toy = toy();
        let e = Exposures::of(&[&toy], 6000.0, SIGN);
        let p = Profile::of(&[&toy], 6000.0, SIGN);
        assert!((p.net(6000.0) - e.net).abs() < 1e-6);
        assert!((p.gross(6000.0) - e.abs).abs() < 1e-5);
    }

    #[test]
    fn legs_of_different_volatility_stay_apart() {
        let mut g = group(&[(6000.0, 0.2, 10.0, 10.0)]);
        g.strikes[0].put.as_mut().expect("put").iv =
            Some((0.3, crate::options::priced::IvSource::VendorLeg));
        let p = Profile::of(&[&g], 6000.0, SIGN);
        let e = Exposures::of(&[&g], 6000.0, SIGN);
        assert!(e.net > 0.0 && (p.net(6000.0) - e.net).abs() < 1e-9);
    }

    #[test]
    fn grids() {
        let grid = |spot: f64| Profile::of(&[], spot, SIGN).grid();
        let spx = grid(3856.28);
        assert_eq!((spx.first(), spx.last(), spx.len()), (Some(&3278.0), Some(&4434.0), 1157));
        let ndx = grid(11706.4395);
        assert_eq!((ndx.first(), ndx.last(), ndx.len()), (Some(&9951.0), Some(&13_461.0), 1171));
        for odd in [1e-300, 0.3, 5999.0, 1e300, f64::MAX, f64::INFINITY, f64::NAN] {
            assert!(grid(odd).len() <= 1800);
        }
    }

    #[test]
    fn the_band_of_the_grid() {
        let of = |band| Profile::of(&[], 6000.0, SIGN).within(band);
        let ends = |band| {
            let grid = of(band).grid();
            (grid.first().copied(), grid.last().copied())
        };
        assert_eq!(ends(0.05), (Some(5700.0), Some(6298.0)));
        assert_eq!(ends(0.5), (Some(3000.0), Some(8998.0)));
        assert_eq!([of(f64::NAN).band(), of(0.0).band(), of(9.0).band()], [BAND, 0.01, 0.5]);
        for spot in [1.0, 5999.0, 1e300, f64::NAN] {
            assert!(Profile::of(&[], spot, SIGN).within(0.5).grid().len() <= 6000);
        }
    }

    #[test]
    fn nearest_strike() {
        let p = Profile::of(&[&toy()], 6000.0, SIGN);
        assert_eq!(p.nearest_strike(6018.4), Some(6000.0));
        // Of two the one nearer to the spot.
        assert_eq!(p.nearest_strike(6150.0), Some(6100.0));
        assert_eq!(p.nearest_strike(5850.0), Some(5900.0));
        assert_eq!(Profile::of(&[], 6000.0, SIGN).nearest_strike(1.0), None);
    }

    proptest! {
        #[test]
        fn many_spots_at_once_equal_one_by_one(
            rows in prop::collection::vec(
                (0.5..1.5_f64, 0.03..0.9_f64, 0.0..1e4_f64, 0.0..1e4_f64), 1..20),
            t in prop::sample::select(vec![1e-7, 1e-4, 0.003, 0.01, 0.1, 1.0, 3.0]),
            slope in -3.0..0.5_f64,
            ssr in prop::sample::select(vec![1.0, 1.5, 2.0]),
            band in prop::sample::select(vec![0.05, BAND, 0.5]),
        ) {
            let rows: Vec<(f64, f64, f64, f64)> =
                rows.into_iter().map(|(k, s, c, p)| (k * 6000.0, s, c, p)).collect();
            let mut g = group(&rows);
            (g.t, g.skew_slope) = (t, slope);
            let p = Profile::of(&[&g, &toy()], 6000.0, SIGN).within(band);
            let xs = p.grid();
            let size = xs.iter().map(|&x| p.gross(x)).fold(0.0, f64::max);
            for (x, got) in xs.iter().zip(p.values(&xs, ssr)) {
                let want = p.skewed(*x, ssr);
                prop_assert!((got - want).abs() <= 1e-11 * size, "{x}: {got} {want} of {size}");
            }
        }
    }
}
