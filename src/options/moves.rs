//! Expected move of a session, constant-maturity volatilities, width of the quotes.
//!
//! * `em_day` = S·atm·√(1/252), atm of the nearest group with a parity forward and a day or more
//!   to live.
//! * constant maturity: σ = √(w(τ)/τ), total variance w = σ²T linear in T between the groups'
//!   at-the-money volatilities; before the first and after the last the nearest σ, flagged.
//! * 30-day skew: `skew25` itself linear in T between the groups that have one, flagged outside.
//! * `near_rel_spread`: median of (ask − bid)/mid over the out-of-the-money legs with a bid within
//!   2 % of the spot in the three nearest groups.
//!
//! Volatilities are decimals a year, moves index points. Linear total variance between expiries
//! is the interpolation of the Cboe's VIX; the choice of groups is own design. Linear in the
//! number of groups, and of legs for the spread.

use jiff::civil::Date;

use super::chain::Root;
use super::iv::median;
use super::priced::{ForwardSource, Group};
use super::smile::{Smile, finite, linear};
use super::{Known, Null, null};
use crate::units::Reason;

/// Maturities of [`constant_maturity`], days.
pub const MATURITIES: [u16; 4] = [7, 30, 60, 90];
/// Days of a year.
const YEAR: f64 = 365.0;
/// Sessions of a year.
const SESSIONS: f64 = 252.0;
/// How far from the spot a strike is near, as a share.
const NEAR: f64 = 0.02;
/// Groups whose quotes are measured.
const NEAR_GROUPS: usize = 3;

/// A group with its smile.
#[derive(Clone, Copy, Debug)]
pub struct Smiled<'a> {
    /// The group.
    pub group: &'a Group,
    /// Its smile.
    pub smile: Smile,
}

/// The smiles of a scope with the index at `spot` points, by time to expiry; groups that settle at
/// the same instant in the order of the scope.
#[must_use]
pub fn smiles<'a>(scope: &[&'a Group], spot: f64) -> Vec<Smiled<'a>> {
    let with = |&group: &&'a Group| Smiled { group, smile: Smile::of(group, spot) };
    let mut smiles: Vec<Smiled<'a>> = scope.iter().map(with).collect();
    smiles.sort_by(|a, b| a.group.t.total_cmp(&b.group.t));
    smiles
}

/// Expected move of one session, and whose volatility it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DayMove {
    /// Index points.
    pub points: f64,
    /// Expiry of the group.
    pub expiry: Date,
    /// Its root.
    pub root: Root,
}

/// Expected move of one session of the index at `spot` points, from `smiles` by time to expiry.
///
/// # Errors
/// `NO_INPUT:no_parity_group` without a group that has a parity forward and a day or more to
/// live, else the reason of its missing volatility.
pub fn em_day(smiles: &[Smiled<'_>], spot: f64) -> Known<DayMove> {
    let fits = |s: &&Smiled<'_>| {
        s.group.forward_source == ForwardSource::Parity && s.group.t >= 1.0 / YEAR
    };
    let none = Null { reason: Reason::NoInput, detail: "no_parity_group" };
    let Smiled { group, smile } = smiles.iter().find(fits).ok_or(none)?;
    let points = finite(spot * smile.atm_iv? * (1.0 / SESSIONS).sqrt(), "em_day")?;
    Ok(DayMove { points, expiry: group.expiry, root: group.root })
}

/// A value at a maturity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AtMaturity {
    /// Decimals (a year, for a volatility).
    pub value: f64,
    /// The maturity lies outside those of the groups: the nearest group's value.
    pub flat: bool,
}

/// Volatility at the forward at a maturity of `days`, from `smiles` by time to expiry.
///
/// # Errors
/// `NO_INPUT:atm_iv` where no group has one, `INVALID_INPUT:maturity` for 0 days.
pub fn constant_maturity(smiles: &[Smiled<'_>], days: u16) -> Known<AtMaturity> {
    let tau = f64::from(days) / YEAR;
    if days == 0 {
        return null(Reason::InvalidInput, "maturity");
    }
    let node = |s: &Smiled<'_>| s.smile.atm_iv.ok().map(|atm| (s.group.t, atm));
    let (below, above) = around(smiles.iter().filter_map(node), tau);
    let total = |(t, sigma): (f64, f64)| (t, sigma * sigma * t);
    let (value, flat) = match (below, above) {
        (Some(a), Some(b)) => (linear(total(a), total(b), tau).map(|w| (w / tau).sqrt()), false),
        (Some((_, sigma)), None) | (None, Some((_, sigma))) => (Some(sigma), true),
        (None, None) => return null(Reason::NoInput, "atm_iv"),
    };
    let odd = Null { reason: Reason::InvalidInput, detail: "atm_iv" };
    let value = value.filter(|v| v.is_finite()).ok_or(odd)?;
    Ok(AtMaturity { value, flat })
}

/// 25-delta skew at a maturity of `days`, from `smiles` by time to expiry: linear in T between the
/// values of the groups, because a difference of volatilities has no total variance.
///
/// # Errors
/// `NO_INPUT:skew25` where no group has one, `INVALID_INPUT:maturity` for 0 days.
pub fn constant_skew(smiles: &[Smiled<'_>], days: u16) -> Known<AtMaturity> {
    let tau = f64::from(days) / YEAR;
    if days == 0 {
        return null(Reason::InvalidInput, "maturity");
    }
    let node = |s: &Smiled<'_>| s.smile.skew25.ok().map(|skew| (s.group.t, skew));
    let (value, flat) = match around(smiles.iter().filter_map(node), tau) {
        (Some(a), Some(b)) => (linear(a, b, tau), false),
        (Some((_, skew)), None) | (None, Some((_, skew))) => (Some(skew), true),
        (None, None) => return null(Reason::NoInput, "skew25"),
    };
    let value = value.ok_or(Null { reason: Reason::InvalidInput, detail: "skew25" })?;
    Ok(AtMaturity { value, flat })
}

/// Years to expiry and a value.
type Node = (f64, f64);

/// The last node at or before `x` and the first at or after it, of nodes ascending in their first
/// number.
fn around(nodes: impl Iterator<Item = Node>, x: f64) -> (Option<Node>, Option<Node>) {
    let mut below = None;
    for node in nodes {
        if node.0 >= x {
            return (if node.0 == x { Some(node) } else { below }, Some(node));
        }
        below = Some(node);
    }
    (below, None)
}

/// Median of (ask − bid)/mid over the out-of-the-money legs with a bid, strikes within 2 % of
/// `spot`, in the three groups that settle first.
///
/// # Errors
/// `NO_INPUT:no_quotes` without such a leg.
pub fn near_rel_spread(scope: &[&Group], spot: f64) -> Known<f64> {
    let mut groups: Vec<&Group> = scope.to_vec();
    groups.sort_by(|a, b| a.t.total_cmp(&b.t));
    let mut spreads: Vec<f64> = Vec::new();
    for group in groups.iter().take(NEAR_GROUPS) {
        for strike in group.strikes.iter().filter(|s| (s.strike / spot - 1.0).abs() <= NEAR) {
            let quote = strike.otm(group.forward).and_then(|l| Some((l.bid?, l.ask?, l.mid()?)));
            let spread = quote.map(|(bid, ask, mid)| (ask - bid) / mid);
            spreads.extend(spread.filter(|s| s.is_finite()));
        }
    }
    median(&mut spreads).ok_or(Null { reason: Reason::NoInput, detail: "no_quotes" })
}

#[cfg(test)]
mod tests {
    use super::super::hand::quoted;
    use super::super::priced::ForwardSource;
    use super::*;

    fn at(days: f64, sigma: f64) -> Group {
        let strikes = (0..81).map(|i| 3600.0 + 10.0 * f64::from(i));
        quoted(days, 4000.0, strikes, 0.1, |k| sigma - 0.1 * k)
    }

    #[test]
    fn the_move_of_a_session() {
        let (mut first, half, second) = (at(1.5, 0.3), at(0.5, 0.9), at(3.0, 0.2));
        let scope = [&first, &half, &second];
        let got = em_day(&smiles(&scope, 4100.0), 4100.0).expect("a move");
        assert!((got.points - 4100.0 * 0.3 / 252.0_f64.sqrt()).abs() < 1e-9);
        first.forward_source = ForwardSource::Spot;
        let got = em_day(&smiles(&[&first, &half, &second], 4100.0), 4100.0).expect("a move");
        assert!((got.points - 4100.0 * 0.2 / 252.0_f64.sqrt()).abs() < 1e-9);
        let none = null(Reason::NoInput, "no_parity_group");
        assert_eq!(em_day(&smiles(&[&first, &half], 4100.0), 4100.0), none);
    }

    #[test]
    fn total_variance_is_linear() {
        let (a, b, mut empty) = (at(20.0, 0.3), at(40.0, 0.2), at(25.0, 0.9));
        empty.strikes.clear();
        let smiles = smiles(&[&b, &empty, &a], 4000.0);
        let got = constant_maturity(&smiles, 30).expect("between");
        let w = (0.09 * 20.0 + 0.04 * 40.0) / 2.0;
        assert!((got.value - f64::sqrt(w / 30.0)).abs() < 1e-12 && !got.flat);
        let node = constant_maturity(&smiles, 20).expect("on a node");
        assert!((node.value - 0.3).abs() < 1e-12 && !node.flat);
        let short = constant_maturity(&smiles, 7).expect("before");
        let long = constant_maturity(&smiles, 90).expect("after");
        assert_eq!((short.flat, long.flat), (true, true));
        assert!((short.value - 0.3).abs() < 1e-12 && (long.value - 0.2).abs() < 1e-12);
        assert!(constant_maturity(&smiles, 0).is_err());
        assert_eq!(constant_maturity(&[], 30), null(Reason::NoInput, "atm_iv"));
    }

    #[test]
    fn the_skew_of_thirty_days() {
        let (a, b) = (at(20.0, 0.3), at(40.0, 0.2));
        let smiles = smiles(&[&a, &b], 4000.0);
        let [x, y] = [0, 1].map(|i: usize| smiles[i].smile.skew25.expect("a skew"));
        let got = constant_skew(&smiles, 30).expect("between");
        assert!((got.value - (x + y) / 2.0).abs() < 1e-12 && !got.flat);
        assert_eq!(constant_skew(&smiles, 7), Ok(AtMaturity { value: x, flat: true }));
        assert_eq!(constant_skew(&[], 30), null(Reason::NoInput, "skew25"));
    }

    #[test]
    fn the_width_of_near_quotes() {
        let wide = |days, spread| {
            let strikes = (0..81).map(|i| 3600.0 + 10.0 * f64::from(i));
            quoted(days, 4000.0, strikes, spread, |_| 0.2)
        };
        let groups = [wide(4.0, 9.0), wide(1.0, 0.1), wide(2.0, 0.1), wide(3.0, 0.1)];
        let scope: Vec<&Group> = groups.iter().collect();
        let got = near_rel_spread(&scope, 4000.0).expect("quotes");
        assert!(got < 0.1, "the fourth group does not count: {got}");
        let far = near_rel_spread(&scope, 9000.0);
        assert_eq!(far, null(Reason::NoInput, "no_quotes"));
        assert!(near_rel_spread(&scope, f64::NAN).is_err());
    }
}
