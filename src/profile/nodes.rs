//! Nodes and shape of a profile: where volume piled up, where it is missing.
//!
//! Own thresholds over the terms of the Market Profile: a high-volume node is a local maximum of at
//! least 1.5 times the mean row, a low-volume node a local minimum of at most half of it, both of
//! the profile smoothed by (1, 2, 1)/4. Nothing is carried: each question costs the rows in use.

use std::mem::swap;

use super::{Profile, above};
use crate::units::Px;

/// Nodes that are kept of each kind.
pub const NODES: usize = 16;

/// Where in the range the point of control lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// In the top third.
    P,
    /// In the bottom third; drawn as `b`.
    B,
    /// Between.
    D,
}

/// A run of equal rows of the smoothed profile above or below both its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its lowest row; usually also its highest.
    pub low: Px,
    /// Its highest row.
    pub high: Px,
    /// Four times its smoothed volume, in contracts.
    pub weight: u64,
}

/// Nodes of a profile, at most [`NODES`] of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nodes {
    /// High-volume nodes, the heaviest first.
    pub high: Biggest<Node, NODES>,
    /// Low-volume nodes, the lightest first.
    pub low: Biggest<Node, NODES>,
}

/// The `N` items with the greatest keys, greatest first; of equal keys the earlier stays first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Biggest<T, const N: usize> {
    items: [Option<(u64, T)>; N],
}

impl<T: Copy, const N: usize> Default for Biggest<T, N> {
    fn default() -> Biggest<T, N> {
        Biggest { items: [None; N] }
    }
}

impl<T: Copy, const N: usize> Biggest<T, N> {
    /// Takes an item in where it is among the greatest. Costs `N`.
    pub fn push(&mut self, key: u64, item: T) {
        let mut carry = (key, item);
        let mut shifting = false;
        for slot in &mut self.items {
            match slot {
                None => {
                    *slot = Some(carry);
                    return;
                }
                Some(held) if shifting || held.0 < carry.0 => {
                    swap(held, &mut carry);
                    shifting = true;
                }
                Some(_) => {}
            }
        }
    }

    /// The items, greatest key first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().flatten().map(|(_, item)| item)
    }
}

impl Profile {
    /// In which third of the range the point of control lies; `None` without volume.
    #[must_use]
    pub fn shape(&self) -> Option<Shape> {
        let (at, last) = (self.poc_row()?, self.rows().1.len().saturating_sub(1));
        Some(if 3 * at > 2 * last {
            Shape::P
        } else if 3 * at < last {
            Shape::B
        } else {
            Shape::D
        })
    }

    /// Local maxima of at least 1.5 times, and local minima of at most 0.5 times, the mean row of
    /// the profile smoothed by (1, 2, 1)/4; a run of equal rows is one node. Rows outside the
    /// range count as empty, and a node touches neither end of it. Costs the rows in use.
    #[must_use]
    pub fn nodes(&self) -> Nodes {
        let mut nodes = Nodes::default();
        let (bottom, rows) = self.rows();
        let volume = |at: usize| rows.get(at).map_or(0, |r| r.volume);
        let smooth = |at: usize| volume(at.wrapping_sub(1)) + 2 * volume(at) + volume(at + 1);
        let sum = u128::from((0..rows.len()).map(smooth).sum::<u64>());
        let (mut from, mut before) = (0, None);
        for at in 1..rows.len() {
            let (own, after) = (smooth(from), smooth(at));
            if own == after {
                continue;
            }
            if let Some(before) = before {
                let (low, high) = (above(bottom, from), above(bottom, at - 1));
                let node = Node { low, high, weight: own };
                let twice = u128::from(own) * 2 * rows.len() as u128;
                if own > before && own > after && twice >= 3 * sum {
                    nodes.high.push(own, node);
                } else if own < before && own < after && twice <= sum {
                    nodes.low.push(u64::MAX - own, node);
                }
            }
            (from, before) = (at, Some(own));
        }
        nodes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::Aggressor;

    fn profile(low: i64, volumes: &[u32]) -> Profile {
        let mut profile = Profile::new(64);
        for (at, &volume) in (low..).zip(volumes) {
            profile.add(Px::clamped(at), volume, Aggressor::Buy);
        }
        profile
    }

    #[test]
    fn nodes_and_shape() {
        // Smoothed, times four: 4 21 54 57 23 4 4 4 23 42 22, mean 23.45.
        let peaks = profile(0, &[1, 2, 16, 20, 1, 1, 1, 1, 1, 20, 1]);
        let own: Vec<_> = peaks.nodes().high.iter().map(|n| (n.low.ticks(), n.weight)).collect();
        assert_eq!(own, [(3, 57), (9, 42)]);
        let low: Vec<_> = peaks.nodes().low.iter().map(|n| (n.low, n.high, n.weight)).collect();
        assert_eq!(low, [(Px::clamped(5), Px::clamped(7), 4)]);
        assert_eq!(peaks.shape(), Some(Shape::B));
        assert_eq!(profile(0, &[9, 1, 1, 1]).shape(), Some(Shape::B));
        assert_eq!(profile(0, &[1, 1, 1, 9]).shape(), Some(Shape::P));
        assert_eq!(profile(0, &[3]).shape(), Some(Shape::D));
        assert!(profile(0, &[3]).nodes().high.iter().next().is_none());
    }

    #[test]
    fn biggest_is_sorted_and_stable() {
        let mut list = Biggest::<u8, 3>::default();
        for (key, item) in [(5, 0), (5, 1), (6, 2), (4, 3), (5, 4), (7, 5)] {
            list.push(key, item);
        }
        assert_eq!(list.iter().copied().collect::<Vec<_>>(), [5, 2, 0]);
    }

    /// First and last row of each node.
    type Spans = Vec<(usize, usize)>;

    /// Nodes by the definition, in floats.
    fn naive(rows: &[u32]) -> (Spans, Spans) {
        let n = rows.len();
        let v = |i: i64| {
            usize::try_from(i).ok().and_then(|i| rows.get(i)).map_or(0.0, |&v| f64::from(v))
        };
        let s: Vec<f64> = (0..n as i64).map(|i| (v(i - 1) + 2.0 * v(i) + v(i + 1)) / 4.0).collect();
        let mean = s.iter().sum::<f64>() / n as f64;
        let (mut high, mut low) = (Vec::new(), Vec::new());
        for from in 1..n {
            for to in from..n - 1 {
                let own = s[from];
                if s[from..=to].iter().any(|&x| x != own) {
                    break;
                }
                let (a, b) = (s[from - 1], s[to + 1]);
                if own > a && own > b && own >= 1.5 * mean - 1e-9 {
                    high.push((from, to));
                }
                if own < a && own < b && own <= 0.5 * mean + 1e-9 {
                    low.push((from, to));
                }
            }
        }
        (high, low)
    }

    fn spans<'n>(nodes: impl Iterator<Item = &'n Node>) -> Spans {
        let row = |px: Px| usize::try_from(px.ticks()).expect("a row");
        let mut all: Spans = nodes.map(|n| (row(n.low), row(n.high))).collect();
        all.sort_unstable();
        all
    }

    proptest! {
        /// One pass against the definition; the mirrored profile has the mirrored nodes.
        #[test]
        fn equals_definition(rows in prop::collection::vec(0_u32..9, 1..30)) {
            let nodes = profile(0, &rows).nodes();
            let (high, low) = naive(&rows);
            prop_assert_eq!(spans(nodes.high.iter()), high);
            prop_assert_eq!(spans(nodes.low.iter()), low);
            let mirrored: Vec<u32> = rows.iter().rev().copied().collect();
            let flip = |spans: Spans| -> Spans {
                let last = rows.len() - 1;
                spans.iter().rev().map(|&(a, b)| (last - b, last - a)).collect()
            };
            let flipped = profile(0, &mirrored).nodes();
            prop_assert_eq!(flip(spans(flipped.high.iter())), spans(nodes.high.iter()));
            prop_assert_eq!(flip(spans(flipped.low.iter())), spans(nodes.low.iter()));
        }
    }
}
