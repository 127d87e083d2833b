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
