//! The implied volatility surface as quoted: interpolation and no-arbitrage diagnostics.
//!
//! Per expiry and root a slice: total variance w = σ²T over k = ln(K/F), monotone cubic through
//! the volatilities solved from out-of-the-money mids (no vendor's), constant beyond the quoted
//! strikes. Between slices w is linear in T at fixed k; before the first and after the last the
//! nearest slice's σ at that k. What lies beyond the quotes is flagged. Every quote is met; no
//! model smooths an event week away, hence arbitrage is counted, not removed.
//!
//! * `butterfly_viol`: inner strikes at which the undiscounted Black-76 call price is concave by
//!   more than a tick: 2·(λC₋ + (1 − λ)C₊ − C) < −0.05, λ the weight that makes the strikes of
//!   both neighbours average to this one (equal distances: C₋ − 2C + C₊).
//! * `calendar_viol`: nodes of a slice, within the quoted strikes of the next, at which the next
//!   slice's w is lower by more than 1e-4 of it.
//! * `atm_w_monotone`: w at k = 0 does not fall with T by more than that.
//!
//! Gatheral, "The Volatility Surface" (2006), for total variance and both conditions; PCHIP and
//! the thresholds are own design. Linear in the quotes, a value costs three binary searches.

use jiff::civil::Date;

use super::chain::Root;
use super::greeks::cumulative;
use super::pchip::Pchip;
use super::priced::{Group, IvSource};
use super::smile::linear;
use super::snapshot::Surface as Record;
use super::{Known, Null, Nulls, null};
use crate::units::Reason;

/// A tick of an index option, index points.
const TICK: f64 = 0.05;
/// Share of w by which it may fall with maturity.
const FALL: f64 = 1e-4;

/// One expiry and root of a surface.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// Expiry date.
    pub expiry: Date,
    /// Its root.
    pub root: Root,
    /// Years of 365 days.
    pub t: f64,
    /// Forward, index points.
    pub forward: f64,
    /// w = σ²T over k = ln(K/F).
    pub curve: Pchip,
}

/// The slices by time to expiry, at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Surface {
    slices: Vec<Slice>,
}

/// A point of the surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Total {
    /// Total variance σ²T.
    pub w: f64,
    /// Volatility, decimals a year.
    pub sigma: f64,
    /// A slice that it rests on has no quotes at this k.
    pub beyond_strikes: bool,
    /// No slices on both sides of this T.
    pub beyond_expiries: bool,
}

/// How far the surface is from being free of arbitrage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// Strikes with concave call prices.
    pub butterfly_viol: u32,
    /// Strikes tested for it.
    pub butterfly_tested: u32,
    /// Nodes at which w falls with maturity.
    pub calendar_viol: u32,
    /// Nodes tested for it.
    pub calendar_tested: u32,
    /// Total variance at the money never falls; `None` below two slices that quote it.
    pub atm_w_monotone: Option<bool>,
}

impl Slice {
    /// The slice of a group; `None` below two strikes with a volatility of our own.
    #[must_use]
    pub fn of(group: &Group) -> Option<Slice> {
        let mut nodes: Vec<(f64, f64)> = Vec::new();
        for strike in &group.strikes {
            let Some((sigma, IvSource::Own)) = strike.otm(group.forward).and_then(|leg| leg.iv)
            else {
                continue;
            };
            let node = (libm::log(strike.strike / group.forward), sigma * sigma * group.t);
            if node.0.is_finite() && node.1.is_finite() {
                nodes.push(node);
            }
        }
        let curve = Pchip::new(&nodes)?;
        let (expiry, root, t, forward) = (group.expiry, group.root, group.t, group.forward);
        (t > 0.0 && t.is_finite()).then_some(Slice { expiry, root, t, forward, curve })
    }

    /// Inner strikes with concave call prices, and inner strikes.
    fn butterflies(&self) -> (u32, u32) {
        let call = |(k, w): (f64, f64)| {
            let d = w.sqrt();
            let d1 = -k / d + d / 2.0;
            let strike = self.forward * libm::exp(k);
            (strike, self.forward * cumulative(d1) - strike * cumulative(d1 - d))
        };
        let calls: Vec<(f64, f64)> = self.curve.points().map(call).collect();
        let (mut bad, mut tested) = (0, 0);
        for inner in calls.windows(3) {
            let &[a, (strike, price), b] = inner else { continue };
            tested += 1;
            let chord = linear(a, b, strike);
            bad += u32::from(chord.is_some_and(|chord| 2.0 * (chord - price) < -TICK));
        }
        (bad, tested)
    }

    /// Nodes at which the slice `next` has less total variance, and nodes that both quote.
    fn falls(&self, next: &Slice) -> (u32, u32) {
        let (mut bad, mut tested) = (0, 0);
        for (k, w) in self.curve.points() {
            let Some(later) = next.curve.at(k).filter(|v| !v.flat) else { continue };
            tested += 1;
            bad += u32::from(later.y < w * (1.0 - FALL));
        }
        (bad, tested)
    }
}

impl Surface {
    /// The surface of a scope.
    ///
    /// # Errors
    /// `NO_INPUT:no_quotes` where no group has two strikes with a volatility of our own.
    pub fn of(scope: &[&Group]) -> Known<Surface> {
        let mut slices: Vec<Slice> = scope.iter().filter_map(|group| Slice::of(group)).collect();
        if slices.is_empty() {
            return null(Reason::NoInput, "no_quotes");
        }
        slices.sort_by(|a, b| a.t.total_cmp(&b.t));
        Ok(Surface { slices })
    }

    /// The slices by time to expiry.
    #[must_use]
    pub fn slices(&self) -> &[Slice] {
        &self.slices
    }

    /// Total variance and volatility at k = ln(K/F) and `t` years.
    ///
    /// # Errors
    /// `INVALID_INPUT:surface_point` unless k is finite and t above 0 and finite.
    pub fn at(&self, k: f64, t: f64) -> Known<Total> {
        let odd = Null { reason: Reason::InvalidInput, detail: "surface_point" };
        if !(k.is_finite() && t.is_finite() && t > 0.0) {
            return Err(odd);
        }
        let after = self.slices.partition_point(|s| s.t < t);
        let above = self.slices.get(after);
        let below = match above {
            Some(slice) if slice.t == t => Some(slice),
            _ => after.checked_sub(1).and_then(|i| self.slices.get(i)),
        };
        let value = |slice: &Slice| slice.curve.at(k).map(|v| (slice.t, v));
        let (w, beyond_strikes) = match (below, above) {
            (Some(a), Some(b)) => {
                let ((ta, va), (tb, vb)) = value(a).zip(value(b)).ok_or(odd)?;
                (linear((ta, va.y), (tb, vb.y), t).ok_or(odd)?, va.flat || vb.flat)
            }
            (Some(one), None) | (None, Some(one)) => {
                let (at, v) = value(one).ok_or(odd)?;
                (v.y / at * t, v.flat)
            }
            (None, None) => return Err(odd),
        };
        let beyond_expiries = below.is_none() || above.is_none();
        let sigma = (w / t).sqrt();
        if !sigma.is_finite() {
            return Err(odd);
        }
        Ok(Total { w, sigma, beyond_strikes, beyond_expiries })
    }

    /// Counts arbitrage.
    #[must_use]
    pub fn diagnostics(&self) -> Diagnostics {
        let mut found = Diagnostics::default();
        for slice in &self.slices {
            let (bad, tested) = slice.butterflies();
            found.butterfly_viol += bad;
            found.butterfly_tested += tested;
        }
        for pair in self.slices.windows(2) {
            let [a, b] = pair else { continue };
            let (bad, tested) = a.falls(b);
            found.calendar_viol += bad;
            found.calendar_tested += tested;
        }
        let quoted = |s: &Slice| s.curve.at(0.0).filter(|v| !v.flat).map(|v| v.y);
        let atm: Vec<f64> = self.slices.iter().filter_map(quoted).collect();
        let rises = |pair: &[f64]| matches!(pair, [a, b] if *b >= a * (1.0 - FALL));
        found.atm_w_monotone = (atm.len() > 1).then(|| atm.windows(2).all(rises));
        found
    }
}

/// The record of the diagnostics; without a surface the nulls are noted under `path`, such as
/// `analysis.vol.surface`.
#[must_use]
pub fn record(surface: &Known<Surface>, nulls: &mut Nulls, path: &str) -> Record {
    let found = surface.as_ref().map(Surface::diagnostics).map_err(|null| *null);
    let mut take = |name: &str, value| nulls.take(&format!("{path}.{name}"), value);
    Record {
        method: "pchip".to_owned(),
        butterfly_viol: take("butterfly_viol", found.map(|d| d.butterfly_viol)),
        calendar_viol: take("calendar_viol", found.map(|d| d.calendar_viol)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::hand::quoted;
    use super::*;

    fn at(days: f64, smile: impl Fn(f64) -> f64) -> Group {
        quoted(days, 4000.0, (0..81).map(|i| 3600.0 + 10.0 * f64::from(i)), 0.1, smile)
    }

    #[test]
    fn every_quote_is_met_and_the_rest_is_flagged() {
        let (a, b) = (at(10.0, |k| 0.3 - 0.2 * k), at(40.0, |k| 0.2 - 0.1 * k));
        let surface = Surface::of(&[&b, &a]).expect("two slices");
        let k = libm::log(3700.0 / 4000.0);
        let node = surface.at(k, a.t).expect("a node");
        assert!((node.sigma - (0.3 - 0.2 * k)).abs() < 1e-12);
        assert!(!node.beyond_strikes && !node.beyond_expiries);
        let mid = surface.at(k, 25.0 / 365.0).expect("between");
        let w = |sigma: f64, t: f64| sigma * sigma * t;
        let want = (w(0.3 - 0.2 * k, a.t) + w(0.2 - 0.1 * k, b.t)) / 2.0;
        assert!((mid.w - want).abs() < 1e-12 && !mid.beyond_expiries);
        let far = surface.at(1.0, a.t).expect("beyond");
        let edge = libm::log(4400.0 / 4000.0);
        assert!(far.beyond_strikes && (far.sigma - (0.3 - 0.2 * edge)).abs() < 1e-12);
        let early = surface.at(0.0, 1.0 / 365.0).expect("before");
        assert!(early.beyond_expiries && (early.sigma - 0.3).abs() < 1e-12);
        let late = surface.at(0.0, 1.0).expect("after");
        assert!(late.beyond_expiries && (late.sigma - 0.2).abs() < 1e-12);
        for (k, t) in [(f64::NAN, 0.1), (0.0, 0.0), (0.0, f64::INFINITY), (0.0, -1.0)] {
            assert!(surface.at(k, t).is_err());
        }
    }

    #[test]
    fn only_our_own_volatilities_are_quotes() {
        let mut group = at(10.0, |_| 0.3);
        for leg in group.strikes.iter_mut().flat_map(|s| [&mut s.call, &mut s.put]).flatten() {
            leg.iv = Some((0.3, IvSource::VendorOtm));
        }
        assert_eq!(Surface::of(&[&group]), null(Reason::NoInput, "no_quotes"));
        let mut nulls = Nulls::default();
        let record = record(&Surface::of(&[&group]), &mut nulls, "analysis.vol.surface");
        assert_eq!((record.butterfly_viol, nulls.0.len()), (None, 2));
    }

    #[test]
    fn arbitrage_is_counted() {
        let (a, b) = (at(10.0, |_| 0.2), at(20.0, |_| 0.2));
        let clean = Surface::of(&[&a, &b]).expect("two").diagnostics();
        assert_eq!((clean.butterfly_viol, clean.calendar_viol), (0, 0));
        assert_eq!((clean.butterfly_tested, clean.calendar_tested), (2 * 79, 81));
        assert_eq!(clean.atm_w_monotone, Some(true));
        // Half the variance at twice the time is a fall of w at every node.
        let low = at(20.0, |_| 0.1);
        let fall = Surface::of(&[&a, &low]).expect("two").diagnostics();
        assert_eq!((fall.calendar_viol, fall.atm_w_monotone), (81, Some(false)));
        // A strike that costs several ticks more than its neighbours: concave there alone.
        let peak = at(10.0, |k| if k.abs() < 1e-9 { 0.21 } else { 0.2 });
        let found = Surface::of(&[&peak]).expect("one").diagnostics();
        assert_eq!((found.butterfly_viol, found.atm_w_monotone), (1, None));
    }
}
