//! Max pain: the listed strike at which the holders of an expiry date receive least.
//!
//! `Σ OI_c·max(K − K_c, 0)·100 + Σ OI_p·max(K_p − K, 0)·100` over all roots of the date; the least
//! over the listed strikes, of equals the nearest to the spot. Undefined without open interest.
//!
//! Cost: linear in the strikes after sorting; the payout is piecewise linear between them.

use jiff::civil::Date;

use super::chain::MULTIPLIER;
use super::priced::{Group, Strike};
use super::{Known, null};
use crate::units::Reason;

/// Max pain of an expiry date.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaxPain {
    /// The date.
    pub expiry: Date,
    /// Strike in index points and payout in USD; `NO_INPUT` without open interest.
    pub at: Known<(f64, f64)>,
}

/// Max pain of every expiry date of `scope`, ascending.
#[must_use]
pub fn by_expiry(scope: &[&Group], spot: f64) -> Vec<MaxPain> {
    scope
        .chunk_by(|a, b| a.expiry == b.expiry)
        .filter_map(|groups| {
            let expiry = groups.first()?.expiry;
            Some(MaxPain { expiry, at: of(groups, spot) })
        })
        .collect()
}

/// The headline: that of the nearest expiry date in scope.
///
/// # Errors
/// `NO_INPUT` where the scope is empty or that date has no open interest.
pub fn headline(all: &[MaxPain]) -> Known<(Date, f64)> {
    match all.first() {
        None => null(Reason::NoInput, super::price::NO_CONTRACTS),
        Some(first) => first.at.map(|(strike, _)| (first.expiry, strike)),
    }
}

/// Max pain of groups of one date.
fn of(groups: &[&Group], spot: f64) -> Known<(f64, f64)> {
    let mut strikes: Vec<&Strike> = groups.iter().flat_map(|g| &g.strikes).collect();
    strikes.sort_by(|a, b| a.strike.total_cmp(&b.strike));
    let open = |s: &Strike| (s.call.map_or(0.0, |l| l.open()), s.put.map_or(0.0, |l| l.open()));
    // Puts above the first strike pay; on the way up they stop paying and calls begin to.
    let (mut puts, mut puts_k, mut calls, mut calls_k) = (0.0, 0.0, 0.0, 0.0);
    for s in &strikes {
        let (call, put) = open(s);
        puts += put;
        puts_k += put * s.strike;
        if call + put > 0.0 {
            calls = 1.0;
        }
    }
    if calls == 0.0 {
        return null(Reason::NoInput, "no_open_interest");
    }
    calls = 0.0;
    let mut best: Option<(f64, f64)> = None;
    for s in &strikes {
        let (call, put) = open(s);
        let k = s.strike;
        calls += call;
        calls_k += call * k;
        puts -= put;
        puts_k -= put * k;
        let payout = ((calls * k - calls_k) + (puts_k - puts * k)) * MULTIPLIER;
        let nearer = |at: f64| (k - spot).abs() < (at - spot).abs();
        if best.is_none_or(|(at, least)| payout < least || (payout == least && nearer(at))) {
            best = Some((k, payout));
        }
    }
    best.map_or_else(|| null(Reason::NoInput, "no_open_interest"), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::chain::Root;
    use crate::options::gex::tests::{group, toy};
    use proptest::prelude::*;

    #[test]
    fn toy_chain() {
        let toy = toy();
        let all = by_expiry(&[&toy], 6000.0);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].at, Ok((6000.0, 65e6)));
        assert_eq!(headline(&all), Ok((toy.expiry, 6000.0)));
        // The payout everywhere else.
        for (n, want) in [(0, 215e6), (1, 85e6), (3, 105e6), (4, 240e6)] {
            assert_eq!(payout(&toy, 5800.0 + 100.0 * f64::from(n)), want);
        }
    }

    fn payout(group: &Group, k: f64) -> f64 {
        let one = |s: &Strike| {
            s.call.map_or(0.0, |l| l.open()) * (k - s.strike).max(0.0)
                + s.put.map_or(0.0, |l| l.open()) * (s.strike - k).max(0.0)
        };
        group.strikes.iter().map(one).sum::<f64>() * MULTIPLIER
    }

    #[test]
    fn roots_of_a_date_stand_together() {
        let (mut am, mut pm) =
            (group(&[(5900.0, 0.2, 5.0, 0.0)]), group(&[(6100.0, 0.2, 0.0, 4.0)]));
        (am.root, pm.root) = (Root::Spx, Root::Spxw);
        let all = by_expiry(&[&am, &pm], 6000.0);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].at, Ok((5900.0, 80_000.0)));
        pm.expiry = pm.expiry.tomorrow().expect("a date");
        assert_eq!(by_expiry(&[&am, &pm], 6000.0).len(), 2);
    }

    #[test]
    fn nothing_open_and_ties() {
        let nothing = group(&[(5900.0, 0.2, 0.0, 0.0), (6000.0, 0.2, 0.0, 0.0)]);
        let all = by_expiry(&[&nothing], 6000.0);
        assert_eq!(all[0].at.expect_err("null").detail, "no_open_interest");
        assert!(headline(&all).is_err() && headline(&[]).is_err());
        // Calls only: nothing is paid at or below the lowest open one.
        let calls =
            group(&[(5800.0, 0.2, 0.0, 0.0), (5900.0, 0.2, 0.0, 0.0), (6100.0, 0.2, 7.0, 0.0)]);
        assert_eq!(by_expiry(&[&calls], 6010.0)[0].at, Ok((6100.0, 0.0)));
        assert_eq!(by_expiry(&[&calls], 5890.0)[0].at, Ok((5900.0, 0.0)));
    }

    proptest! {
        #[test]
        fn is_the_least_of_all_strikes(
            rows in prop::collection::vec((1_u32..400, 0_u32..1000, 0_u32..1000), 1..30),
        ) {
            let rows: Vec<(f64, f64, f64, f64)> = rows
                .into_iter()
                .map(|(k, c, p)| (5.0 * f64::from(k), 0.2, f64::from(c), f64::from(p)))
                .collect();
            let g = group(&rows);
            prop_assume!(rows.iter().any(|r| r.2 + r.3 > 0.0));
            let (strike, paid) = by_expiry(&[&g], 1000.0)[0].at.expect("open interest");
            prop_assert_eq!(payout(&g, strike), paid);
            prop_assert!(rows.iter().all(|r| payout(&g, r.0) >= paid));
        }
    }
}
