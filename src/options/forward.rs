//! Forward and discount factor of one expiry and root from put–call parity.
//!
//! Over pairs whose call and put both have a two-sided quote within 5 % of the spot,
//! `y_K = mid_C − mid_P = DF·(F − K)` is fitted by least squares with the inverse of the summed
//! spreads as the root of the weight: `DF = −slope`, `F` where the line crosses zero. The strikes
//! are centred first, so that the solution does not lose digits. Five pairs at least.
//!
//! Cost: two passes over the strikes.

use super::priced::{Group, Strike};

/// Least pairs of a fit.
pub const PAIRS_MIN: u32 = 5;
/// Greatest distance of a strike from the spot, as a share of the spot.
const BAND: f64 = 0.05;
/// Greatest distance of the fitted forward from that of the single nearest pair, as a share of
/// the spot.
const MISMATCH: f64 = 0.001;
/// Rounds in which the window of [`implied`] follows its own forward.
const ROUNDS: u32 = 8;

/// A fitted forward.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Forward in index points, above 0.
    pub forward: f64,
    /// Discount factor, above 0; above 1 where short-dated quotes are noisy.
    pub df: f64,
}

/// A strike with two two-sided quotes.
#[derive(Clone, Copy, Debug)]
struct Pair {
    strike: f64,
    /// Call mid less put mid.
    y: f64,
    /// Square of the inverse of the summed spreads.
    weight: f64,
}

fn pair(strike: &Strike) -> Option<Pair> {
    let (call, put) = (strike.call.as_ref()?, strike.put.as_ref()?);
    let y = call.mid()? - put.mid()?;
    let spread = (call.ask? - call.bid?) + (put.ask? - put.bid?);
    let weight = 1.0 / (spread * spread);
    (y.is_finite() && weight.is_finite() && weight > 0.0).then_some(Pair {
        strike: strike.strike,
        y,
        weight,
    })
}

fn pairs(strikes: &[Strike], spot: f64) -> impl Iterator<Item = Pair> + '_ {
    strikes.iter().filter(move |s| (s.strike / spot - 1.0).abs() < BAND).filter_map(pair)
}

/// The pairs around `spot` and, from [`PAIRS_MIN`] on, their fit. `None` also where the quotes
/// contradict each other so much that there is no forward above 0.
#[must_use]
pub fn fit(strikes: &[Strike], spot: f64) -> (u32, Option<Fit>) {
    let (mut n, mut sum_w, mut sum_k, mut sum_y) = (0_u32, 0.0, 0.0, 0.0);
    for p in pairs(strikes, spot) {
        n = n.saturating_add(1);
        sum_w += p.weight;
        sum_k += p.weight * p.strike;
        sum_y += p.weight * p.y;
    }
    if n < PAIRS_MIN {
        return (n, None);
    }
    let (mean_k, mean_y) = (sum_k / sum_w, sum_y / sum_w);
    let (mut kk, mut ky) = (0.0, 0.0);
    for p in pairs(strikes, spot) {
        let dk = p.strike - mean_k;
        kk += p.weight * dk * dk;
        ky += p.weight * dk * (p.y - mean_y);
    }
    let df = -ky / kk;
    let forward = mean_k + mean_y / df;
    let sane = df.is_finite() && df > 0.0 && forward.is_finite() && forward > 0.0;
    (n, sane.then_some(Fit { forward, df }))
}

/// The forward without a spot to look around: starts at the strike where call and put are nearest
/// and lets the window follow the fit until it stands still. `None` without a fit.
#[must_use]
pub fn implied(strikes: &[Strike]) -> Option<f64> {
    let mut at = nearest(strikes.iter().filter_map(pair))?.strike;
    for _ in 0..ROUNDS {
        let forward = fit(strikes, at).1?.forward;
        if forward.to_bits() == at.to_bits() {
            break;
        }
        at = forward;
    }
    Some(at)
}

/// Whether the fitted forward and the one of the pair nearest to it differ by more than 0.1 % of
/// the spot: some quotes are not of the same moment. False without a fit.
#[must_use]
pub fn mismatch(group: &Group, spot: f64) -> bool {
    group.forward_source == super::priced::ForwardSource::Parity
        && nearest(pairs(&group.strikes, spot))
            .is_some_and(|p| (group.forward - (p.strike + p.y)).abs() > MISMATCH * spot)
}

/// The pair of least |y|, the lower strike of two.
fn nearest(pairs: impl Iterator<Item = Pair>) -> Option<Pair> {
    pairs.reduce(|best, p| if p.y.abs() < best.y.abs() { p } else { best })
}
