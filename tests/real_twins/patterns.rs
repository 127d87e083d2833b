//! Slot 26: every pattern that was ever there, each weighed by its age at every reading.

use mia::units::{Reason, SECOND};
use mia_test_support::naive::quantile;

use crate::flow::{average, directions};
use crate::market::{Bar, Deal, Market, invalid};
use crate::minutes::{Minutes, Value};

/// Bars closed when it was emitted, its sign and strength.
#[derive(Clone, Copy, Debug)]
struct Pattern {
    bars: usize,
    sign: f64,
    strength: f64,
}

/// Every pattern so far.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    all: Vec<Pattern>,
    /// Prints looked at.
    prints: usize,
    /// First print of the last leg that was called a reversal.
    reversed: Option<usize>,
    /// Bar patterns, reversals, shifts, exhaustions.
    pub(crate) counts: [usize; 4],
}

fn mirror(b: &Bar) -> Bar {
    Bar { open: -b.open, high: -b.low, low: -b.high, close: -b.close, ..*b }
}

/// Long Down-Up.
fn long(b: &[Bar]) -> bool {
    let [_, m1, o, p1] = b else { return false };
    o.open < m1.close
        && m1.high > o.low + 8
        && p1.open > o.close
        && p1.high > o.low + 8
        && p1.high > m1.high
}

/// Color Up.
fn color(b: &[Bar]) -> bool {
    let [m2, m1, o, p1] = b else { return false };
    m1.open > m2.close
        && m1.high > m2.low + 12
        && m1.high > m2.high
        && o.low > m1.low
        && p1.open > o.close
        && p1.high > o.low + 12
        && p1.high > o.high
}

/// A climax that exhausts a rise.
fn exhaustion(b: &[Bar], atr: f64) -> bool {
    let [a, b, c, last] = b else { return false };
    let range = (last.high - last.low) as f64;
    [a, b, c].iter().all(|b| b.close > b.open)
        && range >= 2.0 * atr
        && last.volume > 0
        && !invalid(&[*last])
        && last.delta().abs() as f64 / last.volume as f64 >= 0.3
        && ((last.close - last.low) as f64) <= range / 3.0
}

impl Patterns {
    /// A bar closed, and `minutes` has taken it. A climax needs recorded sessions.
    pub(crate) fn close(&mut self, minutes: &Minutes) {
        let bars = &minutes.series[0].bars;
        let Some(atr) = minutes.series[0].atr() else { return };
        let four = &bars[bars.len() - 4..];
        let mirrored: Vec<Bar> = four.iter().map(mirror).collect();
        let usual = minutes.usual;
        let strength = |n: usize| {
            let own = &four[4 - n..];
            let high = own.iter().map(|b| b.high).max().expect("bars");
            let range = (high - own.iter().map(|b| b.low).min().expect("bars")) as f64;
            let size = if range == 0.0 { 0.0 } else { (range / (2.0 * atr)).min(1.0) };
            usual.rvol.map_or(size, |rvol| 0.7 * size + 0.3 * (rvol / 2.0).min(1.0))
        };
        let found = [(long as fn(&[Bar]) -> bool, 3), (color, 4)];
        for (holds, n) in found {
            let sign = if holds(four) {
                1.0
            } else if holds(&mirrored) {
                -1.0
            } else {
                continue;
            };
            self.all.push(Pattern { bars: bars.len(), sign, strength: strength(n) });
            self.counts[0] += 1;
        }
        for (bars4, sign) in [(four, -1.0), (&mirrored[..], 1.0)] {
            if let (Some(rvol), Some(high)) = (usual.rvol, usual.rvol_high)
                && rvol >= high
                && exhaustion(bars4, atr)
            {
                self.all.push(Pattern { bars: bars.len(), sign, strength: strength(4) });
                self.counts[3] += 1;
            }
        }
    }

    /// Looks at the prints that are new.
    pub(crate) fn prints(&mut self, market: &Market) {
        while self.prints < market.prints.len() {
            let newest = market.prints[self.prints];
            self.prints += 1;
            let seen = &market.prints[..self.prints];
            // Since the anchor that was active then, which changes with the cash session's end too.
            let n = seen.iter().rev().take_while(|p| p.place == newest.place).count();
            let from = seen.len() - n;
            let prints = &seen[from..];
            if let Some((strength, sign, leg)) = reversal(prints)
                && self.reversed != Some(from + leg)
            {
                self.reversed = Some(from + leg);
                self.put(newest.bars, sign, strength, 1);
            }
            let day = |p: &&Deal| p.place.since(newest.place);
            let active: Vec<Deal> = seen.iter().filter(day).copied().collect();
            if let Some((strength, sign)) = shift(&active, prints.len()) {
                self.put(newest.bars, sign, strength, 2);
            }
        }
    }

    fn put(&mut self, bars: usize, sign: f64, strength: f64, kind: usize) {
        self.all.push(Pattern { bars, sign, strength });
        self.counts[kind] += 1;
    }

    /// Slot 26 after `bars` closes.
    pub(crate) fn slot26(&self, bars: usize) -> Value {
        if bars < 20 {
            return Err(Reason::Warmup);
        }
        let weight = |p: &Pattern| p.strength * (-((bars - p.bars) as f64) / 3.0).exp2();
        let most = self.all.iter().map(weight).fold(0.0, f64::max);
        // Of equal ones the younger; equally young ones of both signs cancel.
        let ahead = || self.all.iter().filter(|p| most - weight(p) <= 1e-12 * most);
        let youngest = ahead().map(|p| p.bars).max().unwrap_or(0);
        let mut signs = ahead().filter(|p| p.bars == youngest).map(|p| p.sign);
        let first = signs.next().unwrap_or(0.0);
        Ok(if signs.all(|s| s == first) { first * most } else { 0.0 })
    }
}

/// A leg: direction, indices of its moves, volume, price before it.
struct Leg {
    sign: i64,
    moves: Vec<usize>,
    volume: i64,
    origin: i64,
}

fn legs(prints: &[Deal]) -> Vec<Leg> {
    let mut legs: Vec<Leg> = Vec::new();
    for (at, pair) in prints.windows(2).enumerate() {
        let sign = (pair[1].px - pair[0].px).signum();
        if sign != 0 && legs.last().is_none_or(|l| l.sign != sign) {
            legs.push(Leg { sign, moves: Vec::new(), volume: 0, origin: pair[0].px });
        }
        if let Some(leg) = legs.last_mut() {
            leg.volume += pair[1].qty;
            if sign != 0 {
                leg.moves.push(at + 1);
            }
        }
    }
    legs
}

/// Strength and sign of a reversal that the newest print makes, and where its leg begins.
fn reversal(prints: &[Deal]) -> Option<(f64, f64, usize)> {
    let legs = legs(prints);
    let [.., out, back] = &legs[..] else { return None };
    if back.moves.last() != Some(&(prints.len() - 1)) || back.moves.len() < 3 || out.moves.len() < 5
    {
        return None;
    }
    let newest = prints.last()?;
    let first = prints[out.moves[out.moves.len() - 5]];
    let complete = &legs[legs.len().saturating_sub(64)..legs.len() - 1];
    if newest.at - first.at > 2 * SECOND || complete.len() < 15 {
        return None;
    }
    let median = quantile(complete.iter().map(|l| l.volume as f64).collect(), 0.5);
    let heavy = |l: &Leg| l.volume as f64 >= median;
    let strength = ((newest.px - back.origin).abs() as f64 / 8.0).min(1.0);
    (heavy(out) && heavy(back)).then_some((strength, back.sign as f64, *back.moves.first()?))
}

/// Strength and sign of a momentum shift with the newest of `active`, the prints since the active
/// anchor; the last `own` of them are those since it changed.
fn shift(active: &[Deal], own: usize) -> Option<(f64, f64)> {
    let d = directions(active);
    let trusted = directions(&active[active.len() - own..]).len();
    let m20 = |back: usize| average(&d[..d.len() - back], 20.0);
    // Nothing is looked for unless M20 has just come to its side.
    if trusted <= 20 || m20(0) * m20(1) > 0.0 {
        return None;
    }
    // M20 after each print from the 20th direction since the change on, newest last.
    let m: Vec<f64> = (0..=trusted - 20).rev().map(m20).collect();
    let px: Vec<i64> = active[active.len() - m.len()..].iter().map(|p| p.px).collect();
    let (newest, before) = (*m.last()?, &m[..m.len() - 1]);
    // The present stay on the other side: back to where M20 was last on this side.
    let start = before.iter().rposition(|x| x * newest > 0.0).map_or(0, |at| at + 1);
    let stay = (start..before.len()).filter(|&at| m[at] * newest < 0.0);
    // Of equal extremes the newest.
    let extreme = stay.max_by(|a, b| m[*a].abs().total_cmp(&m[*b].abs()))?;
    let far = (newest - m[extreme]).abs() >= 0.6;
    let moved = (px[px.len() - 1] - px[extreme]).abs() as f64;
    far.then(|| ((moved / 8.0).min(1.0), newest.signum()))
}
