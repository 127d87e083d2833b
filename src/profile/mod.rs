//! Volume by price of one session: point of control, value area; nodes and shape.
//!
//! The point of control is kept at each trade: volumes only grow, so the most of a row and whether
//! another row has as much are known without a search. Which of several equal rows it is depends
//! on the range, which also grows, and is settled where somebody asks. The value area and its
//! two-row rule are those of the CBOT Market Profile (Steidlmayer; Dalton, *Mind over Markets*).
//! Update cost: O(1) a trade; what a question costs is said at each.

mod nodes;

pub use nodes::{Biggest, NODES, Node, Nodes, Shape};

use crate::units::{Aggressor, Px, Qty};

/// Volume of one price row; two of them share a cache line, none lies across two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(32))]
pub struct Row {
    /// Contracts bought by aggressors.
    pub buy: u64,
    /// Contracts sold by aggressors.
    pub sell: u64,
    /// All contracts.
    pub volume: u64,
    /// Contracts of large prints that ended here; a print spans rows, so this may exceed `volume`.
    pub large: u64,
}

/// Point of control and value area, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueArea {
    /// Row with the most volume; a tie goes to the row nearest the middle of the range, then to
    /// the lower.
    pub poc: Px,
    /// Highest row of the value area.
    pub vah: Px,
    /// Lowest row of the value area.
    pub val: Px,
}

impl ValueArea {
    /// Whether VAL ≤ POC ≤ VAH; computed areas always are, those from outside may not be.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        self.val <= self.poc && self.poc <= self.vah
    }
}

/// How many rows a side offers at each step of the value area.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AreaRule {
    /// Two: the rule of the Market Profile handbook.
    #[default]
    TwoRows,
    /// One: what several charting packages do.
    OneRow,
}

/// Volume per tick row in a window of rows around the first price.
#[derive(Clone, Debug)]
pub struct Profile {
    rows: Vec<Row>,
    /// Price of row 0; meaningful once a row is in use.
    base: Px,
    /// First and last row in use; `lo > hi` while there is none.
    lo: usize,
    hi: usize,
    total: u64,
    /// Volume whose price lies outside the window.
    outside: u64,
    /// Most volume of a row, and the first row that had it.
    most: u64,
    first_most: usize,
    /// Whether another row has as much.
    tied: bool,
}

impl Profile {
    /// A profile that reaches `rows / 2` ticks to either side of the first price, equally far, so
    /// that a reflected market leaves its window when this one does; allocates here and nowhere
    /// else.
    #[must_use]
    pub fn new(rows: usize) -> Profile {
        Profile {
            rows: vec![Row::default(); rows | 1],
            base: Px::ZERO,
            lo: usize::MAX,
            hi: 0,
            total: 0,
            outside: 0,
            most: 0,
            first_most: 0,
            tied: false,
        }
    }

    /// Adds a trade. Constant work.
    pub fn add(&mut self, px: Px, qty: Qty, aggressor: Aggressor) {
        if self.lo > self.hi {
            let half = i64::try_from(self.rows.len() / 2).unwrap_or(0);
            self.base = Px::clamped(i64::from(px.ticks()) - half);
        }
        let qty = u64::from(qty);
        let at = self.row_of(px);
        let Some(row) = self.rows.get_mut(at) else {
            self.outside += qty;
            return;
        };
        row.volume += qty;
        match aggressor {
            Aggressor::Buy => row.buy += qty,
            Aggressor::Sell => row.sell += qty,
            Aggressor::None => {}
        }
        self.total += qty;
        (self.lo, self.hi) = (self.lo.min(at), self.hi.max(at));
        if row.volume > self.most {
            (self.most, self.first_most, self.tied) = (row.volume, at, false);
        } else if row.volume == self.most && at != self.first_most {
            self.tied = true;
        }
    }

    /// Notes that a large print of `qty` contracts ended at `px`; its trades have been added.
    /// Ignored outside the rows in use. Constant work.
    pub fn large_print(&mut self, px: Px, qty: u64) {
        let at = self.row_of(px);
        if at >= self.lo
            && at <= self.hi
            && let Some(row) = self.rows.get_mut(at)
        {
            row.large = row.large.saturating_add(qty);
        }
    }

    /// Row of a price; beyond every window where it lies below this one.
    fn row_of(&self, px: Px) -> usize {
        usize::try_from(px.minus(self.base)).unwrap_or(usize::MAX)
    }

    /// Empties it; costs the rows in use.
    pub fn clear(&mut self) {
        if let Some(rows) = self.rows.get_mut(self.lo..self.hi.saturating_add(1)) {
            rows.fill(Row::default());
        }
        (self.lo, self.hi) = (usize::MAX, 0);
        (self.total, self.outside) = (0, 0);
        (self.most, self.first_most, self.tied) = (0, 0, false);
    }

    /// Contracts inside the window.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Contracts outside the window: above 0 the profile is not to be trusted.
    #[must_use]
    pub const fn outside(&self) -> u64 {
        self.outside
    }

    /// Rows in use from the lowest price, and that price.
    #[must_use]
    pub fn rows(&self) -> (Px, &[Row]) {
        if self.lo > self.hi {
            return (Px::ZERO, &[]);
        }
        (self.base_plus(self.lo), self.rows.get(self.lo..=self.hi).unwrap_or_default())
    }

    fn base_plus(&self, rows: usize) -> Px {
        above(self.base, rows)
    }

    /// Row of the point of control, counted from the lowest in use. Constant work without a tie,
    /// else it costs the rows in use.
    fn poc_row(&self) -> Option<usize> {
        if self.most == 0 {
            return None;
        }
        if !self.tied {
            return Some(self.first_most.saturating_sub(self.lo));
        }
        let rows = self.rows().1;
        // Twice the distance to the middle of the range, in integers.
        let last = rows.len().saturating_sub(1);
        let tied = rows.iter().enumerate().filter(|(_, r)| r.volume == self.most).map(|(i, _)| i);
        tied.min_by_key(|&i| (2 * i).abs_diff(last))
    }

    /// Point of control; `None` without volume. Constant work without a tie, else it costs the
    /// rows in use.
    #[must_use]
    pub fn poc(&self) -> Option<Px> {
        Some(above(self.rows().0, self.poc_row()?))
    }

    /// Contracts between two prices, both included. Costs the rows between.
    #[must_use]
    pub fn volume_between(&self, low: Px, high: Px) -> u64 {
        let (bottom, rows) = self.rows();
        let from = usize::try_from(low.minus(bottom)).unwrap_or(0);
        let to = usize::try_from(i64::from(high.minus(bottom)) + 1).unwrap_or(0).min(rows.len());
        rows.get(from..to).unwrap_or_default().iter().map(|r| r.volume).sum()
    }

    /// Point of control and the area of at least 70 % of the volume around it, by the two-row
    /// rule: the larger of the next two rows above and the next two below joins, both on a tie.
    /// `None` without volume. Costs the rows in use.
    #[must_use]
    pub fn value_area(&self) -> Option<ValueArea> {
        self.value_area_by(AreaRule::TwoRows)
    }

    /// As [`Profile::value_area`], with the number of rows a side offers at once. A side with
    /// fewer left offers those; one with none left lets the other in.
    #[must_use]
    pub fn value_area_by(&self, rule: AreaRule) -> Option<ValueArea> {
        let step = match rule {
            AreaRule::TwoRows => 2,
            AreaRule::OneRow => 1,
        };
        let (low, rows) = self.rows();
        let poc = self.poc_row()?;
        let (mut lo, mut hi) = (poc, poc);
        let sum = |from: usize, to: usize| -> u64 {
            rows.get(from..to).unwrap_or_default().iter().map(|r| r.volume).sum()
        };
        let mut inside = self.most;
        // Integers: 10·inside < 7·total is "below 70 %" without rounding.
        while u128::from(inside) * 10 < u128::from(self.total) * 7 {
            let below = lo.min(step);
            let over = (rows.len() - 1 - hi).min(step);
            if below + over == 0 {
                break;
            }
            let (down, up) = (sum(lo - below, lo), sum(hi + 1, hi + 1 + over));
            if over > 0 && (below == 0 || up >= down) {
                hi += over;
                inside += up;
            }
            if below > 0 && (over == 0 || down >= up) {
                lo -= below;
                inside += down;
            }
        }
        Some(ValueArea { poc: above(low, poc), vah: above(low, hi), val: above(low, lo) })
    }
}

fn above(px: Px, rows: usize) -> Px {
    Px::clamped(i64::from(px.ticks()) + i64::try_from(rows).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn profile(low: i64, volumes: &[u32]) -> Profile {
        let mut profile = Profile::new(64);
        // The top first, so that the window is not simply aligned with the input.
        for (i, &volume) in volumes.iter().enumerate().rev() {
            let px = Px::clamped(low + i64::try_from(i).expect("small"));
            profile.add(px, volume, Aggressor::Buy);
        }
        profile
    }

    fn area(low: i64, volumes: &[u32], rule: AreaRule) -> (i32, i32, i32) {
        let a = profile(low, volumes).value_area_by(rule).expect("volume");
        (a.poc.ticks(), a.val.ticks(), a.vah.ticks())
    }

    #[test]
    fn golden() {
        let bell = [5, 10, 20, 40, 30, 15, 5];
        assert_eq!(area(10, &bell, AreaRule::TwoRows), (13, 11, 15));
        assert_eq!(area(10, &bell, AreaRule::OneRow), (13, 12, 14));
        let (low, high) = (Px::clamped(12), Px::clamped(14));
        assert_eq!(profile(10, &bell).volume_between(low, high), 90);
        let two = AreaRule::TwoRows;
        assert_eq!(area(100, &[10, 30, 10, 30, 10, 30, 10], two), (103, 101, 105));
        assert_eq!(area(200, &[8, 8, 40, 8, 8], two), (202, 200, 204));
    }

    #[test]
    fn window_and_clear() {
        let mut profile = Profile::new(8);
        assert_eq!((profile.value_area(), profile.poc(), profile.shape()), (None, None, None));
        profile.large_print(Px::clamped(1000), 5);
        profile.clear();
        profile.add(Px::clamped(1000), 5, Aggressor::Sell);
        profile.add(Px::clamped(1010), 7, Aggressor::Sell);
        profile.large_print(Px::clamped(1000), 5);
        profile.large_print(Px::clamped(1001), 5);
        assert_eq!((profile.total(), profile.outside()), (5, 7));
        assert_eq!(profile.rows().1.iter().map(|r| r.large).collect::<Vec<_>>(), [5]);
        profile.clear();
        profile.add(Px::clamped(-1010), 7, Aggressor::None);
        assert_eq!((profile.total(), profile.outside()), (7, 0));
        assert_eq!(profile.rows().0.ticks(), -1010);
        assert_eq!(profile.poc(), Some(Px::clamped(-1010)));
    }

    #[test]
    fn the_window_reaches_equally_far() {
        for rows in [8, 9] {
            for (away, outside) in [(-5, 7), (-4, 0), (4, 0), (5, 7)] {
                let mut profile = Profile::new(rows);
                profile.add(Px::clamped(1000), 5, Aggressor::Sell);
                profile.add(Px::clamped(1000 + away), 7, Aggressor::Sell);
                assert_eq!(profile.outside(), outside, "{away} of {rows} rows");
            }
        }
    }

    proptest! {
        /// Point of control after each trade, and sums at the end, against the definition.
        #[test]
        fn equals_definition(trades in prop::collection::vec((0_i64..24, 0_u32..4), 1..200)) {
            let mut own = Profile::new(64);
            let mut rows = BTreeMap::new();
            for &(px, qty) in &trades {
                own.add(Px::clamped(px), qty, Aggressor::Sell);
                *rows.entry(px).or_insert(0_u64) += u64::from(qty);
                let (low, high) = (*rows.keys().next().unwrap(), *rows.keys().last().unwrap());
                let most = *rows.values().max().unwrap();
                let equal = rows.iter().filter(|(_, v)| **v == most && most > 0).map(|(p, _)| *p);
                let poc = equal.min_by_key(|p| ((2 * p - low - high).abs(), *p));
                prop_assert_eq!(own.poc(), poc.map(Px::clamped));
            }
            let low = *rows.keys().next().unwrap();
            let lowest: u64 = rows.range(low..low + 5).map(|(_, v)| v).sum();
            prop_assert_eq!(own.volume_between(Px::clamped(-9), Px::clamped(low + 4)), lowest);
            prop_assert_eq!(own.volume_between(Px::clamped(low - 9), Px::clamped(low - 1)), 0);
        }

        /// Nothing panics at the ends of the price range, and the area is ordered.
        #[test]
        fn any_prices(trades in prop::collection::vec((any::<i32>(), any::<u32>()), 0..20)) {
            let mut own = Profile::new(1 << 10);
            for &(px, qty) in &trades {
                let px = Px::clamped(i64::from(px));
                own.add(px, qty, Aggressor::None);
                own.large_print(px, u64::MAX);
                _ = own.volume_between(px, Px::clamped(i64::MIN));
                _ = own.volume_between(Px::clamped(i64::MIN), Px::clamped(i64::MAX));
            }
            prop_assert!(own.value_area().is_none_or(|a| a.is_ordered()));
            _ = (own.nodes(), own.shape());
            own.clear();
            prop_assert!(own.rows().1.is_empty() && own.poc().is_none());
        }
    }
}
