//! Strikes that stand out: walls by gamma and by open interest, greatest gross gamma, and the
//! strike of the least running sum.
//!
//! Walls compare magnitudes, so they do not depend on the sign model. Of equal strikes the one
//! nearest to the spot counts; a maximum of 0 is no wall. Cost: a few passes over the strikes.

use super::gex::{Exposures, StrikeExposure};
use super::{Known, null, snapshot};
use crate::units::Reason;

/// Strikes of a ranking.
const RANKS: usize = 3;

/// A wall on its side of the spot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wall {
    /// Index points.
    pub strike: f64,
    /// Open interest of its right, contracts.
    pub oi: f64,
    /// Gamma exposure of its right with the model's sign, USD per 1 %.
    pub gex: f64,
    /// The greatest on its side, greatest first; as many as there are.
    pub rank: [Option<f64>; RANKS],
}

impl Wall {
    /// In the shape of the snapshot.
    #[must_use]
    pub fn record(&self) -> snapshot::Wall {
        let rank = self.rank.iter().flatten().copied().collect();
        snapshot::Wall { strike: self.strike, oi: self.oi, gex: self.gex, rank }
    }
}

/// Strikes that stand out. `NO_INPUT` with `no_gamma` or `no_open_interest` where none does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Walls {
    /// Greatest call gamma at or above the spot.
    pub call: Known<Wall>,
    /// Greatest put gamma at or below the spot.
    pub put: Known<Wall>,
    /// Greatest call gamma anywhere, index points.
    pub call_any: Known<f64>,
    /// Greatest put gamma anywhere.
    pub put_any: Known<f64>,
    /// Greatest net gamma, above 0.
    pub call_net: Known<f64>,
    /// Least net gamma, below 0.
    pub put_net: Known<f64>,
    /// Most open calls; says nothing of gamma.
    pub call_oi: Known<f64>,
    /// Most open puts; says nothing of gamma.
    pub put_oi: Known<f64>,
    /// Greatest gross gamma.
    pub abs_gamma: Known<f64>,
    /// Least running sum of net gamma over ascending strikes; no flip.
    pub hvl: Known<f64>,
}

impl Walls {
    /// Finds them in the exposures by strike.
    #[must_use]
    pub fn of(exposures: &Exposures) -> Walls {
        let (rows, spot) = (exposures.by_strike.as_slice(), exposures.spot);
        let call = |s: &StrikeExposure| s.call_gex.abs();
        let put = |s: &StrikeExposure| s.put_gex.abs();
        let gamma = |size: &dyn Fn(&StrikeExposure) -> f64| {
            greatest(rows.iter(), spot, size).map_or_else(|| none(GAMMA), |s| Ok(s.strike))
        };
        let open = |size: &dyn Fn(&StrikeExposure) -> f64| {
            greatest(rows.iter(), spot, size).map_or_else(|| none(OPEN), |s| Ok(s.strike))
        };
        let above = rows.iter().filter(|s| s.strike >= spot);
        let below = rows.iter().filter(|s| s.strike <= spot);
        Walls {
            call: wall(above, spot, call, |s| (s.call_oi, s.call_gex)),
            put: wall(below, spot, put, |s| (s.put_oi, s.put_gex)),
            call_any: gamma(&call),
            put_any: gamma(&put),
            call_net: gamma(&StrikeExposure::net),
            put_net: gamma(&|s| -s.net()),
            call_oi: open(&|s| s.call_oi),
            put_oi: open(&|s| s.put_oi),
            abs_gamma: gamma(&StrikeExposure::abs),
            hvl: hvl(exposures),
        }
    }

    /// The strikes of greatest |net| gamma, greatest first, three at most.
    #[must_use]
    pub fn by_net(exposures: &Exposures) -> Vec<f64> {
        ranked(exposures.by_strike.iter(), exposures.spot, |s| s.net().abs())
            .iter()
            .take(RANKS)
            .map(|s| s.strike)
            .collect()
    }
}

const GAMMA: &str = "no_gamma";
const OPEN: &str = "no_open_interest";

fn none<T>(what: &'static str) -> Known<T> {
    null(Reason::NoInput, what)
}

/// The strike of the greatest size above 0, the nearest to the spot of equals.
fn greatest<'a>(
    rows: impl Iterator<Item = &'a StrikeExposure>,
    spot: f64,
    size: impl Fn(&StrikeExposure) -> f64,
) -> Option<&'a StrikeExposure> {
    rows.filter(|s| size(s) > 0.0).reduce(|best, s| {
        let (a, b) = (size(s), size(best));
        let nearer = (s.strike - spot).abs() < (best.strike - spot).abs();
        if a > b || (a == b && nearer) { s } else { best }
    })
}

/// Strikes of a size above 0, greatest first, the nearest to the spot first of equals.
fn ranked<'a>(
    rows: impl Iterator<Item = &'a StrikeExposure>,
    spot: f64,
    size: impl Fn(&StrikeExposure) -> f64,
) -> Vec<&'a StrikeExposure> {
    let mut rows: Vec<&StrikeExposure> = rows.filter(|s| size(s) > 0.0).collect();
    let gap = |s: &StrikeExposure| (s.strike - spot).abs();
    rows.sort_by(|a, b| size(b).total_cmp(&size(a)).then(gap(a).total_cmp(&gap(b))));
    rows
}

fn wall<'a>(
    rows: impl Iterator<Item = &'a StrikeExposure>,
    spot: f64,
    size: impl Fn(&StrikeExposure) -> f64,
    own: impl Fn(&StrikeExposure) -> (f64, f64),
) -> Known<Wall> {
    let ranked = ranked(rows, spot, size);
    let Some(first) = ranked.first() else { return none(GAMMA) };
    let (oi, gex) = own(first);
    let mut rank = [None; RANKS];
    for (slot, s) in rank.iter_mut().zip(&ranked) {
        *slot = Some(s.strike);
    }
    Ok(Wall { strike: first.strike, oi, gex, rank })
}

fn hvl(exposures: &Exposures) -> Known<f64> {
    if exposures.abs <= 0.0 {
        return none(GAMMA);
    }
    let spot = exposures.spot;
    let (mut sum, mut best) = (0.0, None);
    for s in &exposures.by_strike {
        sum += s.net();
        let gap = (s.strike - spot).abs();
        if best.is_none_or(|(least, _, near)| sum < least || (sum == least && gap < near)) {
            best = Some((sum, s.strike, gap));
        }
    }
    best.map_or_else(|| none(GAMMA), |(_, strike, _)| Ok(strike))
}
