//! Footprint of a one-minute bar: what was sold into the bid and bought from the ask, by price.
//!
//! * Buy imbalance at p: ask(p) ≥ 10 and ask(p) ≥ 3·bid(p − 1 tick).
//! * Sell imbalance at p: bid(p) ≥ 10 and bid(p) ≥ 3·ask(p + 1 tick).
//! * Stacked: at least three adjacent rows with an imbalance of the same side.
//!
//! ask(p) and bid(p) are the contracts that buyers and sellers took at p. The neighbour must be a
//! row between low and high of the bar, where nothing may have traded; an unclassified trade
//! widens that range and counts in no row. Ratio: (buy − sell)/(buy + sell) over the numbers of
//! imbalanced rows, in [−1, 1], negated exactly by reflection.
//!
//! A bar may span 256 ticks to either side of its first price; what lies beyond is counted, and a
//! footprint with such volume says nothing. Source: the diagonal comparison of footprint charts
//! (practitioners' convention). Update cost: O(1) a trade, O(rows of the bar) a close.

use super::frame::{Reason, Slot};
use crate::units::{Aggressor, Px, Qty};

/// Ticks held to either side of the first price of the bar.
const REACH: i32 = 256;
const ROWS: usize = 2 * REACH as usize + 1;
/// Least volume of an imbalanced row, in contracts, and least multiple of its neighbour.
const LEAST: u64 = 10;
const MULTIPLE: u64 = 3;
/// Least adjacent rows of a stacked zone.
const STACKED: u16 = 3;
/// Stacked zones kept a side.
pub const ZONES: usize = 16;

/// Volume of one price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Contracts that sellers took from the bid.
    pub bid: u64,
    /// Contracts that buyers took from the ask.
    pub ask: u64,
}

/// Adjacent rows with an imbalance of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    /// Lowest row.
    pub low: Px,
    /// Highest row.
    pub high: Px,
    /// Number of rows, at least three.
    pub rows: u16,
}

/// Imbalances of one side of a bar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imbalances {
    /// Rows with an imbalance.
    pub rows: u16,
    /// Stacked zones, also those that were not kept.
    pub stacked: u16,
    zones: [Zone; ZONES],
}

impl Imbalances {
    const NONE: Imbalances = Imbalances {
        rows: 0,
        stacked: 0,
        zones: [Zone { low: Px::ZERO, high: Px::ZERO, rows: 0 }; ZONES],
    };

    /// The first sixteen stacked zones: buy zones from the low of the bar upwards, sell zones from
    /// its high downwards.
    #[must_use]
    pub fn zones(&self) -> &[Zone] {
        self.zones.get(..usize::from(self.stacked).min(ZONES)).unwrap_or_default()
    }

    fn zone(&mut self, zone: Zone) {
        if zone.rows >= STACKED {
            if let Some(place) = self.zones.get_mut(usize::from(self.stacked)) {
                *place = zone;
            }
            self.stacked += 1;
        }
    }
}

/// The footprint of a closed bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Whether the numbers below may be trusted: `PRESENT`; `WARMUP` before the first close,
    /// `INVALID_INPUT` with volume beyond the rows or more than a tenth of it unclassified.
    pub reason: Reason,
    /// Imbalances of buyers; all 0 unless `reason` is `PRESENT`.
    pub buy: Imbalances,
    /// Imbalances of sellers; all 0 unless `reason` is `PRESENT`.
    pub sell: Imbalances,
    /// Contracts bought minus contracts sold inside the rows.
    pub delta: i64,
    /// Contracts inside the rows, the unclassified among them.
    pub volume: u64,
    /// Contracts beyond the rows.
    pub outside: u64,
}

impl Closed {
    const NONE: Closed = Closed {
        reason: Reason::Warmup,
        buy: Imbalances::NONE,
        sell: Imbalances::NONE,
        delta: 0,
        volume: 0,
        outside: 0,
    };

    /// (buy − sell)/(buy + sell) over the rows with an imbalance; `ZERO_DENOMINATOR` without any.
    #[must_use]
    pub fn ratio(&self) -> Slot {
        let (buy, sell) = (f64::from(self.buy.rows), f64::from(self.sell.rows));
        if self.reason != Reason::Present {
            Slot::none(self.reason)
        } else if buy + sell > 0.0 {
            Slot::some((buy - sell) / (buy + sell))
        } else {
            Slot::none(Reason::ZeroDenominator)
        }
    }
}

/// The open bar by price, and what the last closed one said.
#[derive(Clone, Debug)]
pub struct Footprint {
    rows: Box<[Row; ROWS]>,
    /// Price of row 0; meaningful once `used` is.
    base: i32,
    /// First and last row between low and high of the bar.
    used: Option<(usize, usize)>,
    volume: u64,
    unclassified: u64,
    outside: u64,
    closed: Closed,
}

impl Default for Footprint {
    /// No trade and no closed bar; allocates the rows.
    fn default() -> Footprint {
        Footprint {
            rows: Box::new([Row { bid: 0, ask: 0 }; ROWS]),
            base: 0,
            used: None,
            volume: 0,
            unclassified: 0,
            outside: 0,
            closed: Closed::NONE,
        }
    }
}

impl Footprint {
    /// Takes a trade of the open bar.
    pub fn trade(&mut self, px: Px, qty: Qty, aggressor: Aggressor) {
        let ticks = px.ticks();
        if self.used.is_none() {
            // Within ±2³⁰ + 2⁸ by the limit of a price.
            self.base = ticks - REACH;
        }
        let qty = u64::from(qty);
        let at = usize::try_from(i64::from(ticks) - i64::from(self.base)).ok();
        let Some((at, row)) = at.and_then(|at| Some((at, self.rows.get_mut(at)?))) else {
            self.outside = self.outside.saturating_add(qty);
            return;
        };
        // No bar lives long enough for 2³² trades of 2³² contracts: the sums cannot overflow.
        match aggressor {
            Aggressor::Buy => row.ask += qty,
            Aggressor::Sell => row.bid += qty,
            Aggressor::None => self.unclassified += qty,
        }
        self.volume += qty;
        let (low, high) = self.used.unwrap_or((at, at));
        self.used = Some((low.min(at), high.max(at)));
    }

    /// The bar closed: evaluates its rows and empties them. Costs the rows between low and high.
    pub fn close(&mut self) -> &Closed {
        self.closed = Closed { volume: self.volume, outside: self.outside, ..Closed::NONE };
        let invalid =
            self.outside > 0 || u128::from(self.unclassified) * 10 > u128::from(self.volume);
        self.closed.reason = if invalid { Reason::InvalidInput } else { Reason::Present };
        if let Some((low, high)) = self.used.take() {
            let lowest = self.base + i32::try_from(low).unwrap_or(0);
            if let Some(rows) = self.rows.get_mut(low..=high) {
                self.closed.delta = rows.iter().fold(0, |sum, r| sum + r.ask as i64 - r.bid as i64);
                if !invalid {
                    self.closed.buy = imbalances(rows.iter().map(|r| (r.ask, r.bid)), lowest, 1);
                    let down = rows.iter().rev().map(|r| (r.bid, r.ask));
                    let highest = lowest + i32::try_from(high - low).unwrap_or(0);
                    self.closed.sell = imbalances(down, highest, -1);
                }
                rows.fill(Row::default());
            }
        }
        (self.volume, self.unclassified, self.outside) = (0, 0, 0);
        &self.closed
    }

    /// `n` further empty bars closed: the last of them has no row.
    pub fn advance(&mut self, n: u32) -> &Closed {
        if n > 0 {
            self.close();
        }
        &self.closed
    }

    /// The last closed bar.
    #[must_use]
    pub const fn closed(&self) -> &Closed {
        &self.closed
    }

    /// Rows of the open bar from its low, and the price of the first.
    #[must_use]
    pub fn rows(&self) -> (Px, &[Row]) {
        let Some((low, high)) = self.used else { return (Px::ZERO, &[]) };
        let px = Px::clamped(i64::from(self.base) + i64::try_from(low).unwrap_or(0));
        (px, self.rows.get(low..=high).unwrap_or_default())
    }
}

/// Imbalances along `rows`, each (own volume, volume of the other side), in the direction in which
/// the own side pushes: the neighbour is the row before. The first row is at `from`, the next one
/// `step` further.
fn imbalances(rows: impl Iterator<Item = (u64, u64)>, from: i32, step: i32) -> Imbalances {
    let mut found = Imbalances::NONE;
    let mut before: Option<u64> = None;
    let (mut px, mut run) = (from, 0_u16);
    for (own, other) in rows {
        let hit = before.is_some_and(|n| own >= LEAST && own >= n.saturating_mul(MULTIPLE));
        if hit {
            (found.rows, run) = (found.rows + 1, run + 1);
        } else {
            found.zone(zone(px, step, std::mem::take(&mut run)));
        }
        before = Some(other);
        px += step;
    }
    found.zone(zone(px, step, run));
    found
}

/// The zone of `rows` rows that ended before `px`.
fn zone(px: i32, step: i32, rows: u16) -> Zone {
    let at = |back: u16| Px::clamped(i64::from(px) - i64::from(step) * i64::from(back));
    let (last, first) = (at(1), at(rows));
    Zone { low: last.min(first), high: last.max(first), rows }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn px(at: i64) -> Px {
        Px::clamped(at)
    }

    #[test]
    fn golden() {
        let mut f = Footprint::default();
        for (at, bid, ask) in [(100, 12, 4), (101, 5, 38), (102, 6, 20), (103, 3, 19), (104, 0, 11)]
        {
            f.trade(px(at), bid, Aggressor::Sell);
            f.trade(px(at), ask, Aggressor::Buy);
        }
        assert_eq!(f.rows().1.len(), 5);
        let closed = *f.close();
        assert_eq!((closed.reason, closed.delta, closed.volume), (Reason::Present, 66, 118));
        assert_eq!((closed.buy.rows, closed.sell.rows), (4, 0));
        assert_eq!(closed.buy.zones(), [Zone { low: px(101), high: px(104), rows: 4 }]);
        assert!(closed.sell.zones().is_empty());
        assert_eq!(closed.ratio().value(), Some(1.0));
        assert_eq!(f.rows(), (Px::ZERO, [].as_slice()));
        assert_eq!(f.advance(3).ratio().reason, Reason::ZeroDenominator, "an empty bar");
    }

    #[test]
    fn none() {
        let mut f = Footprint::default();
        assert_eq!(f.closed().ratio().reason, Reason::Warmup);
        f.trade(px(0), 90, Aggressor::Buy);
        f.trade(px(0), 10, Aggressor::None);
        assert_eq!(f.close().reason, Reason::Present, "a tenth is not more than a tenth");
        f.trade(px(0), 9, Aggressor::Buy);
        f.trade(px(0), 2, Aggressor::None);
        assert_eq!(f.close().ratio().reason, Reason::InvalidInput);
        f.trade(px(0), 1, Aggressor::Buy);
        f.trade(px(i64::from(REACH)), 1, Aggressor::Buy);
        f.trade(px(-i64::from(REACH)), 1, Aggressor::Buy);
        assert_eq!((f.closed().outside, f.close().reason), (0, Reason::Present));
        f.trade(px(0), 1, Aggressor::Buy);
        f.trade(px(i64::from(REACH) + 1), 7, Aggressor::Buy);
        assert_eq!((f.close().reason, f.closed().outside), (Reason::InvalidInput, 7));
    }

    #[test]
    fn many_zones_are_counted() {
        let mut f = Footprint::default();
        for at in 0..200 {
            f.trade(px(at), 10 * u32::from(at % 4 != 0), Aggressor::Buy);
        }
        let closed = f.close();
        assert_eq!((closed.buy.stacked, closed.buy.zones().len()), (50, ZONES));
        assert_eq!(closed.buy.zones[1].low, px(5));
    }

    /// (buy rows, sell rows, buy zones, sell zones) by looking every price up.
    fn twin(trades: &[(i64, Qty, Aggressor)]) -> (Vec<i64>, Vec<i64>) {
        let sum = |at: i64, who: Aggressor| -> u64 {
            trades.iter().filter(|t| (t.0, t.2) == (at, who)).map(|t| u64::from(t.1)).sum()
        };
        let low = trades.iter().map(|t| t.0).min().unwrap_or(0);
        let high = trades.iter().map(|t| t.0).max().unwrap_or(-1);
        let buys = (low + 1..=high).filter(|&p| {
            let own = sum(p, Aggressor::Buy);
            own >= 10 && own >= 3 * sum(p - 1, Aggressor::Sell)
        });
        let sells = (low..high).filter(|&p| {
            let own = sum(p, Aggressor::Sell);
            own >= 10 && own >= 3 * sum(p + 1, Aggressor::Buy)
        });
        (buys.collect(), sells.collect())
    }

    fn stacks(rows: &[i64]) -> Vec<(i64, i64)> {
        let starts = rows.iter().filter(|&&p| !rows.contains(&(p - 1)));
        let ends = starts.map(|&p| (p, (p..).take_while(|q| rows.contains(q)).last().expect("p")));
        ends.filter(|(low, high)| high - low >= 2).collect()
    }

    fn zones(side: &Imbalances) -> Vec<(i64, i64)> {
        let ticks = |p: Px| i64::from(p.ticks());
        side.zones().iter().map(|z| (ticks(z.low), ticks(z.high))).collect()
    }

    proptest! {
        #[test]
        fn equals_its_twin_and_mirrors(
            bars in prop::collection::vec(
                prop::collection::vec((0_i64..14, 0_u32..40, 0_u8..2), 0..120), 1..4),
        ) {
            let (mut f, mut mirror) = (Footprint::default(), Footprint::default());
            for bar in bars {
                let who = |n: u8| if n == 0 { Aggressor::Buy } else { Aggressor::Sell };
                let trades: Vec<_> = bar.iter().map(|t| (t.0, t.1, who(t.2))).collect();
                for (&(at, qty, who), raw) in trades.iter().zip(&bar) {
                    f.trade(px(at), qty, who);
                    let other = if raw.2 == 0 { Aggressor::Sell } else { Aggressor::Buy };
                    mirror.trade(px(50 - at), qty, other);
                }
                let (closed, reflected) = (*f.close(), *mirror.close());
                let (buys, sells) = twin(&trades);
                prop_assert_eq!(usize::from(closed.buy.rows), buys.len());
                prop_assert_eq!(usize::from(closed.sell.rows), sells.len());
                prop_assert_eq!(zones(&closed.buy), stacks(&buys));
                let mut down = stacks(&sells);
                down.reverse();
                prop_assert_eq!(zones(&closed.sell), down);
                prop_assert_eq!(closed.ratio().value(), reflected.ratio().value().map(|v| 0.0 - v));
                let flip = |z: Vec<(i64, i64)>| -> Vec<_> {
                    z.into_iter().map(|(low, high)| (50 - high, 50 - low)).collect()
                };
                prop_assert_eq!(zones(&closed.buy), flip(zones(&reflected.sell)));
                prop_assert_eq!(zones(&closed.sell), flip(zones(&reflected.buy)));
                prop_assert_eq!(closed.delta, -reflected.delta);
            }
        }

        #[test]
        fn takes_anything(
            trades in prop::collection::vec(
                (any::<i64>(), any::<u32>(), 0_u8..3, any::<bool>()), 1..60),
        ) {
            let mut f = Footprint::default();
            for (at, qty, who, near) in trades {
                let at = if near { at % 300 } else { at };
                let who = [Aggressor::None, Aggressor::Buy, Aggressor::Sell][usize::from(who)];
                f.trade(px(at), qty, who);
                if qty % 7 == 0
                    && let Some(v) = f.close().ratio().value()
                {
                    prop_assert!((-1.0..=1.0).contains(&v));
                }
            }
            f.close();
            prop_assert!(f.rows.iter().all(|r| *r == Row::default()));
        }
    }
}
