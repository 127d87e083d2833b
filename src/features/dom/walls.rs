//! Walls: large displayed sizes that stay.
//!
//! A level is a wall when its size is at least max(95th percentile of level sizes in recorded
//! sessions, 3 × median of the visible levels of its side), it is among the ten best, and both
//! have held at every look for two seconds or more. The levels are looked at no more than four
//! times a second of market time, hence "two seconds" may be up to a quarter more, and a size that
//! leaves and returns between two looks is not noticed. The event is the look at which a wall has
//! stood long enough; it ends at the look that finds it too small, out of the ten levels, or the
//! book crossed. Displayed size is never an iceberg. Source: own design.
//! Cost: O(10) a look, and a sort of ten sizes where one of them reaches the percentile.

use super::log::{Kind, Log};
use crate::book::{Level, VISIBLE};
use crate::units::{Px, Qty, SECOND, Side, Ts};

/// How long a size stands before it is a wall.
const STAND_NS: i64 = 2 * SECOND;

/// A large displayed size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wall {
    /// Its price.
    pub px: Px,
    /// Contracts at the last look.
    pub size: Qty,
    /// Market time of the first look that found it.
    pub since: Ts,
    standing: bool,
}

/// Large sizes of one side, nearest first.
#[derive(Clone, Debug)]
pub(super) struct Walls {
    found: [Wall; VISIBLE],
    len: usize,
    /// 95th percentile of level sizes; `None` without a recorded session.
    least: Option<Qty>,
}

impl Default for Walls {
    fn default() -> Walls {
        let none = Wall { px: Px::ZERO, size: 0, since: Ts::NONE, standing: false };
        Walls { found: [none; VISIBLE], len: 0, least: None }
    }
}

impl Walls {
    pub(super) fn set_least(&mut self, least: Option<Qty>) {
        self.least = least;
        if least.is_none() {
            self.clear();
        }
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    pub(super) fn standing(&self) -> impl Iterator<Item = &Wall> {
        self.found.iter().take(self.len).filter(|w| w.standing)
    }

    /// Looks at the levels of this side, best first.
    pub(super) fn sample(&mut self, side: Side, levels: &[Level], now: Ts, log: &mut Log) {
        let Some(least) = self.least else { return };
        if !levels.iter().any(|l| l.qty >= least) {
            self.len = 0;
            return;
        }
        let least = u64::from(least).max(thrice_median(levels));
        let before = self.found;
        let known = before.get(..self.len).unwrap_or_default();
        self.len = 0;
        for level in levels.iter().filter(|l| u64::from(l.qty) >= least) {
            let last = known.iter().find(|w| w.px == level.px);
            let since = last.map_or(now, |w| w.since);
            let standing = now.since(since) >= STAND_NS;
            if standing && !last.is_some_and(|w| w.standing) {
                log.put(Kind::Wall, side, level.px, u64::from(level.qty), now);
            }
            if let Some(place) = self.found.get_mut(self.len) {
                *place = Wall { px: level.px, size: level.qty, since, standing };
                self.len += 1;
            }
        }
    }
}

/// Least whole size that is 3 × the median size of `levels` or more.
fn thrice_median(levels: &[Level]) -> u64 {
    let mut sizes = [Qty::MAX; VISIBLE];
    for (size, level) in sizes.iter_mut().zip(levels) {
        *size = level.qty;
    }
    // What is not filled sorts last and is not looked at.
    sizes.sort_unstable();
    let n = levels.len().min(VISIBLE);
    let middle = |at: usize| sizes.get(at).map_or(0, |&s| u64::from(s));
    let twice = middle(n.saturating_sub(1) / 2) + middle(n / 2);
    (3 * twice).div_ceil(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn level(px: i64, qty: Qty) -> Level {
        Level { px: Px::clamped(px), qty, orders: 0 }
    }

    #[test]
    fn median() {
        let thrice = |sizes: &[Qty]| {
            let levels: Vec<_> = sizes.iter().map(|&q| level(0, q)).collect();
            thrice_median(&levels)
        };
        assert_eq!(thrice(&[4, 1, 7]), 12);
        assert_eq!(thrice(&[4, 1, 7, 5]), 14, "4.5 × 3 = 13.5");
        assert_eq!(thrice(&[5]), 15);
        assert_eq!(thrice(&[Qty::MAX; 10]), 3 * u64::from(Qty::MAX));
    }

    #[test]
    fn stands_two_seconds() {
        let (mut walls, mut log) = (Walls::default(), Log::default());
        let book = |size| [level(100, 10), level(99, size), level(98, 12)];
        walls.sample(Side::Bid, &book(90), Ts(0), &mut log);
        assert_eq!(walls.len, 0, "no threshold");
        walls.set_least(Some(50));
        for (at, size, stands) in
            [(0, 60, false), (1, 70, false), (2, 61, true), (3, 62, true), (4, 49, false)]
        {
            walls.sample(Side::Bid, &book(size), Ts(at * SECOND), &mut log);
            assert_eq!(walls.standing().next().is_some(), stands, "{at}");
        }
        assert_eq!(log.count(Kind::Wall, Side::Bid), 1);
        assert_eq!(log.recent().next().map(|e| (e.px.ticks(), e.size)), Some((99, 61)));
    }

    proptest! {
        /// Standing walls are those levels that were large at every look for two seconds.
        #[test]
        fn equals_its_twin(
            looks in prop::collection::vec(
                (1_i64..900, prop::collection::vec(1_u32..60, 0..=10)), 1..40),
        ) {
            let (mut walls, mut log) = (Walls::default(), Log::default());
            walls.set_least(Some(20));
            let (mut now, mut past): (i64, Vec<(i64, Vec<i64>)>) = (0, Vec::new());
            for (gap, sizes) in looks {
                now += gap * SECOND / 1000;
                let levels: Vec<_> =
                    sizes.iter().zip(0..).map(|(&qty, i)| level(100 - i, qty)).collect();
                walls.sample(Side::Bid, &levels, Ts(now), &mut log);
                let mut sorted = sizes.clone();
                sorted.sort_unstable();
                let n = sorted.len();
                let median = match n {
                    0 => 0.0,
                    n => f64::from(sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0,
                };
                let large = levels.iter().filter(|l| {
                    f64::from(l.qty) >= (3.0 * median).max(20.0)
                });
                past.push((now, large.map(|l| i64::from(l.px.ticks())).collect()));
                let stands = |px: &&i64| {
                    let run = past.iter().rev().take_while(|(_, large)| large.contains(px));
                    run.last().is_some_and(|(first, _)| now - first >= STAND_NS)
                };
                let twin: Vec<i64> =
                    past.last().expect("one").1.iter().filter(stands).copied().collect();
                let held: Vec<i64> = walls.standing().map(|w| i64::from(w.px.ticks())).collect();
                prop_assert_eq!(held, twin);
            }
        }
    }
}
