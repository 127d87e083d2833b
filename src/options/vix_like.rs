//! The VIX arithmetic over a chain: thirty-day variance of a strip of out-of-the-money options.
//!
//! Per expiry: k₀ = argmin |C − P| of the mids, F = k₀ + e^{RT}(C − P), K₀ = the greatest strike
//! ≤ F, then σ² = (2/T)·Σ ΔK/K²·e^{RT}·Q − (F/K₀ − 1)²/T, where Q is the mid of the
//! out-of-the-money leg (both legs' mean at K₀), ΔK half the distance of the neighbours in the
//! strip, and each wing ends at two strikes in a row that nobody bids for. T·σ² of two Friday
//! expiries is interpolated in minutes to thirty days; the result is 100·√ of it, annualised.
//!
//! After the Cboe's VIX methodology. Two things differ: the rate is one number for both expiries,
//! and T runs to 09:30 or 16:00 New York by the root. Index points in, volatility points out.
//! One pass over the strikes of two groups.

use jiff::civil::{Date, Weekday};

use super::chain::{Right, Root, Settle};
use super::priced::{ForwardSource, Group, Leg, Strike};
use super::{Known, Null, null};
use crate::units::Reason;

/// Days to expiry between which a group may serve, exclusive.
const DAYS: (f64, f64) = (23.0, 37.0);
/// Fewest pairs of a group's parity fit.
const PAIRS_MIN: u32 = 5;
/// Minutes of a year and of thirty days.
const MINUTES: (f64, f64) = (525_600.0, 43_200.0);
/// Rates beyond this, as a decimal a year, are no rates.
const RATE_MAX: f64 = 1.0;

/// One expiry's strip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strip {
    /// Expiry date.
    pub expiry: Date,
    /// Its root.
    pub root: Root,
    /// Years of 365 days to settlement.
    pub t: f64,
    /// Forward of the nearest-the-money pair, index points.
    pub forward: f64,
    /// The strike between puts and calls, index points.
    pub k0: f64,
    /// Strikes of the strip.
    pub strikes: u32,
    /// Variance a year.
    pub variance: f64,
}

/// The result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VixLike {
    /// Volatility points, as VIX is quoted.
    pub value: f64,
    /// The expiry at thirty days or before.
    pub near: Strip,
    /// The one after.
    pub next: Strip,
}

/// The VIX arithmetic over `scope` with the interest rate `rate`, a decimal a year.
///
/// # Errors
/// `INVALID_INPUT:rate`; `NO_INPUT:vix_expiries` without two Friday expiries on both sides of
/// thirty days, each between 23 and 37 days away with five pairs or more (third Fridays: the AM
/// root, others: the PM root); `NO_INPUT:vix_quotes` where a strip lacks its middle or a wing;
/// `INVALID_INPUT:vix_variance` where the quotes give no positive variance.
pub fn vix_like(scope: &[&Group], rate: f64) -> Known<VixLike> {
    if rate.is_nan() || rate.abs() > RATE_MAX {
        return null(Reason::InvalidInput, "rate");
    }
    let thirty = MINUTES.1 / MINUTES.0;
    let fit = || scope.iter().copied().filter(|g| serves(g));
    let near = fit().filter(|g| g.t <= thirty).max_by(|a, b| a.t.total_cmp(&b.t));
    let next = fit().filter(|g| g.t > thirty).min_by(|a, b| a.t.total_cmp(&b.t));
    let none = Null { reason: Reason::NoInput, detail: "vix_expiries" };
    let (near, next) = near.zip(next).ok_or(none)?;
    let (near, next) = (strip(near, rate)?, strip(next, rate)?);
    let (year, month) = MINUTES;
    let (n1, n2) = (near.t * year, next.t * year);
    let total = near.t * near.variance * ((n2 - month) / (n2 - n1))
        + next.t * next.variance * ((month - n1) / (n2 - n1));
    let value = 100.0 * (total * year / month).sqrt();
    if !(value.is_finite() && value > 0.0) {
        return null(Reason::InvalidInput, "vix_variance");
    }
    Ok(VixLike { value, near, next })
}

/// Whether the index would use this group.
fn serves(group: &Group) -> bool {
    let days = group.t * 365.0;
    let third = (15..=21).contains(&group.expiry.day());
    let settle = if third { Settle::Am } else { Settle::Pm };
    group.expiry.weekday() == Weekday::Friday
        && group.root.settle() == settle
        && days > DAYS.0
        && days < DAYS.1
        && group.n_pairs >= PAIRS_MIN
        && group.forward_source == ForwardSource::Parity
}

/// Mids of call and put where both have a two-sided quote.
fn pair(strike: &Strike) -> Option<(f64, f64)> {
    Some((strike.call?.mid()?, strike.put?.mid()?))
}

/// The variance of one expiry.
fn strip(group: &Group, rate: f64) -> Known<Strip> {
    let quotes = Null { reason: Reason::NoInput, detail: "vix_quotes" };
    let growth = libm::exp(rate * group.t);
    let mut centre: Option<(f64, f64)> = None;
    for strike in &group.strikes {
        let Some((call, put)) = pair(strike) else { continue };
        if centre.is_none_or(|(_, least)| (call - put).abs() < least.abs()) {
            centre = Some((strike.strike, call - put));
        }
    }
    let (at, difference) = centre.ok_or(quotes)?;
    let forward = at + growth * difference;
    let upper = group.strikes.partition_point(|s| s.strike <= forward);
    let (below, above) = group.strikes.split_at_checked(upper).ok_or(quotes)?;
    let (middle, below) = below.split_last().ok_or(quotes)?;
    let (call, put) = pair(middle).ok_or(quotes)?;
    let mut legs = wing(below.iter().rev(), Right::Put);
    legs.reverse();
    let calls = wing(above.iter(), Right::Call);
    if legs.is_empty() || calls.is_empty() {
        return Err(quotes);
    }
    let k0 = middle.strike;
    legs.push((k0, (call + put) / 2.0));
    legs.extend(calls);
    let gap = forward / k0 - 1.0;
    let variance = 2.0 / group.t * growth * weighted(&legs) - gap * gap / group.t;
    if !(variance.is_finite() && variance > 0.0) {
        return null(Reason::InvalidInput, "vix_variance");
    }
    Ok(Strip {
        expiry: group.expiry,
        root: group.root,
        t: group.t,
        forward,
        k0,
        strikes: u32::try_from(legs.len()).unwrap_or(u32::MAX),
        variance,
    })
}

/// Strikes and mids of a wing, outwards from the middle, up to two strikes in a row without a bid.
fn wing<'a>(strikes: impl Iterator<Item = &'a Strike>, right: Right) -> Vec<(f64, f64)> {
    let mut legs = Vec::new();
    let mut unbid = 0;
    for strike in strikes {
        if let Some(mid) = strike.leg(right).and_then(Leg::mid) {
            legs.push((strike.strike, mid));
            unbid = 0;
        } else {
            unbid += 1;
            if unbid == 2 {
                break;
            }
        }
    }
    legs
}

/// Σ ΔK/K²·Q over legs ascending in K; at both ends ΔK is the distance of the one neighbour.
fn weighted(legs: &[(f64, f64)]) -> f64 {
    let strike = |i: usize| legs.get(i).map(|leg| leg.0);
    let mut sum = 0.0;
    for (i, &(k, mid)) in legs.iter().enumerate() {
        let left = i.checked_sub(1).and_then(strike);
        let width = match (left, strike(i + 1)) {
            (Some(left), Some(right)) => (right - left) / 2.0,
            (Some(left), None) => k - left,
            (None, Some(right)) => right - k,
            (None, None) => 0.0,
        };
        sum += width / (k * k) * mid;
    }
    sum
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::hand::quoted;
    use super::*;

    fn friday(days: f64, day: Date, root: Root, sigma: f64) -> Group {
        let strikes = (0..1600).map(|i| 400.0 + 5.0 * f64::from(i));
        let mut group = quoted(days, 4001.0, strikes, 1e-9, |_| sigma);
        (group.expiry, group.root) = (day, root);
        group
    }

    fn both() -> (Group, Group) {
        // Fridays; 2022-08-19 is a third one.
        let near = friday(25.0, date(2022, 8, 12), Root::Spxw, 0.2);
        (near, friday(32.0, date(2022, 8, 19), Root::Spx, 0.2))
    }

    /// A strip over all strikes replicates the variance of a flat smile.
    #[test]
    fn a_flat_smile_is_its_own_index() {
        let (near, next) = both();
        let got = vix_like(&[&near, &next], 0.0).expect("two expiries");
        assert!((got.value - 20.0).abs() < 2e-3, "{}", got.value);
        assert!((got.near.forward - 4001.0).abs() < 1e-6 && got.near.k0 == 4000.0);
        let next = friday(32.0, date(2022, 8, 19), Root::Spx, 0.3);
        let got = vix_like(&[&near, &next], 0.0).expect("two expiries");
        let w = (0.04 * 25.0 * 2.0 / 7.0 + 0.09 * 32.0 * 5.0 / 7.0) / 30.0;
        assert!((got.value - 100.0 * f64::sqrt(w)).abs() < 5e-3, "{}", got.value);
    }

    #[test]
    fn only_the_fridays_of_the_index() {
        let none = null(Reason::NoInput, "vix_expiries");
        let (near, next) = both();
        assert_eq!(vix_like(&[&near], 0.0), none);
        assert_eq!(vix_like(&[&next], 0.0), none);
        for change in [
            |g: &mut Group| g.root = Root::Spxw,
            |g: &mut Group| g.expiry = date(2022, 8, 18),
            |g: &mut Group| g.n_pairs = 4,
            |g: &mut Group| g.t = 37.0 / 365.0,
            |g: &mut Group| g.t = 23.0 / 365.0,
            |g: &mut Group| g.forward_source = ForwardSource::Spot,
        ] {
            let mut next = next.clone();
            change(&mut next);
            assert_eq!(vix_like(&[&near, &next], 0.0), none);
        }
    }

    #[test]
    fn a_wing_ends_at_two_strikes_without_a_bid() {
        let (near, next) = both();
        let full = vix_like(&[&near, &next], 0.0).expect("two").next.strikes;
        let silent = |group: &mut Group, at: &[f64]| {
            for strike in &mut group.strikes {
                if at.contains(&strike.strike)
                    && let Some(put) = &mut strike.put
                {
                    put.bid = Some(0.0);
                }
            }
        };
        let with = |at: &[f64]| {
            let mut next = next.clone();
            silent(&mut next, at);
            vix_like(&[&near, &next], 0.0).expect("two").next
        };
        let gaps = with(&[3500.0, 3490.0]);
        assert_eq!(full - gaps.strikes, 2, "single gaps leave out one strike each");
        let cut = with(&[3500.0, 3495.0]);
        let calls = with(&[3990.0, 3985.0]).strikes - 2;
        // Puts from 3505 to 3995, the middle, the calls.
        assert_eq!(cut.strikes, 99 + 1 + calls);
    }

    #[test]
    fn no_quotes_no_index() {
        let (near, mut next) = both();
        let quotes = null(Reason::NoInput, "vix_quotes");
        let silenced = next.strikes.iter_mut().filter(|s| s.strike > 4000.0);
        for call in silenced.filter_map(|s| s.call.as_mut()) {
            call.bid = None;
        }
        assert_eq!(vix_like(&[&near, &next], 0.0), quotes, "one wing");
        next.strikes.clear();
        assert_eq!(vix_like(&[&near, &next], 0.0), quotes, "no strikes");
        for rate in [f64::NAN, f64::INFINITY, 2.0] {
            assert_eq!(vix_like(&[&near], rate), null(Reason::InvalidInput, "rate"));
        }
    }
}
