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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::chain::Root;
    use crate::options::priced::{ForwardSource, Leg};
    use crate::units::Ts;
    use proptest::prelude::*;

    fn leg(mid: f64, spread: f64) -> Leg {
        Leg {
            bid: Some(mid - spread / 2.0),
            ask: Some(mid + spread / 2.0),
            volume: None,
            oi: None,
            iv: None,
            vendor_delta: None,
            vendor_gamma: None,
        }
    }

    /// Strikes whose quotes obey parity, with a time value of 50.
    fn smile(forward: f64, df: f64, strikes: &[f64]) -> Vec<Strike> {
        let value = |x: f64| df * (x.max(0.0) + 50.0);
        let both = |&k: &f64| Strike {
            strike: k,
            call: Some(leg(value(forward - k), 0.5 + k / 1e4)),
            put: Some(leg(value(k - forward), 0.7)),
        };
        strikes.iter().map(both).collect()
    }

    fn group(strikes: Vec<Strike>, forward: f64) -> Group {
        Group {
            expiry: jiff::civil::date(2025, 3, 21),
            root: Root::Spxw,
            settle_ts: Ts(1),
            t: 0.1,
            dte: 30,
            contracts: 10,
            n_pairs: 5,
            forward,
            forward_source: ForwardSource::Parity,
            df: 1.0,
            carry: 0.0,
            skew_slope: 0.0,
            strikes,
        }
    }

    const STRIKES: [f64; 6] = [5800.0, 5900.0, 5950.0, 6000.0, 6050.0, 6200.0];

    #[test]
    fn parity_is_found_again() {
        let strikes = smile(6012.5, 0.99, &STRIKES);
        let (pairs, fit) = fit(&strikes, 6000.0);
        let fit = fit.expect("six pairs");
        assert_eq!(pairs, 6);
        assert!((fit.forward - 6012.5).abs() < 1e-9 && (fit.df - 0.99).abs() < 1e-12);
        assert!((implied(&strikes).expect("six pairs") - 6012.5).abs() < 1e-9);
    }

    #[test]
    fn four_pairs_are_too_few() {
        assert_eq!(fit(&smile(6000.0, 1.0, &STRIKES[..4]), 6000.0), (4, None));
        assert_eq!(implied(&smile(6000.0, 1.0, &STRIKES[..4])), None);
        assert_eq!(implied(&[]), None);
    }

    #[test]
    fn only_two_sided_pairs_near_the_spot_count() {
        let mut strikes = smile(6000.0, 1.0, &[5000.0, 5800.0, 5900.0, 6000.0, 6100.0, 6150.0]);
        assert_eq!(fit(&strikes, 6000.0).0, 5);
        strikes[2].call.as_mut().expect("call").bid = Some(0.0);
        strikes[3].put.as_mut().expect("put").ask = None;
        assert_eq!(fit(&strikes, 6000.0), (3, None));
    }

    #[test]
    fn quotes_that_contradict_parity_give_no_forward() {
        let mut strikes = smile(6000.0, 1.0, &STRIKES);
        for s in &mut strikes {
            std::mem::swap(&mut s.call, &mut s.put);
        }
        assert_eq!(fit(&strikes, 6000.0), (6, None));
    }

    #[test]
    fn a_pair_off_the_line_is_a_mismatch() {
        let strikes = smile(6012.5, 0.99, &STRIKES);
        assert!(!mismatch(&group(strikes.clone(), 6012.5), 6000.0));
        assert!(mismatch(&group(strikes, 6019.5), 6000.0));
    }

    proptest! {
        #[test]
        fn garbage_gives_no_nonsense(
            quotes in prop::collection::vec((1e-3..1e5_f64, 0.0..1e300_f64, 0.0..1e300_f64), 0..40),
        ) {
            let strikes: Vec<Strike> = quotes
                .iter()
                .map(|&(k, a, b)| Strike {
                    strike: k, call: Some(leg(a, b)), put: Some(leg(b, a / 2.0)),
                })
                .collect();
            if let Some(fit) = fit(&strikes, 5000.0).1 {
                prop_assert!(fit.forward > 0.0 && fit.forward.is_finite());
                prop_assert!(fit.df > 0.0 && fit.df.is_finite());
            }
            if let Some(forward) = implied(&strikes) {
                prop_assert!(forward > 0.0 && forward.is_finite());
            }
        }
    }
}
