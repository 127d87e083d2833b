//! `volume_profile_imbalance` (24): where the session's profile was bought or sold one-sidedly.
//!
//! A row's buy share is u = b/(b + s). A zone is a run of at least three adjacent rows all with
//! u > 0.65 (accumulation, +) or all with u < 0.35 (distribution, −) whose mean volume is at least
//! 1.5 times the mean row of the session. The value is Σ sign·Σ|b − s| over the zones, divided by
//! all volume: in [−1, 1]. Rows are those from the lowest to the highest price of the active
//! anchor's profile, traded or not. Beside it: gaps, runs of at least five rows of less than a
//! fifth of the mean row that reach neither end; institutional levels, rows of at least the mean
//! of which large prints are at least 30 %. Own design. Update cost: nothing a trade; O(rows) a
//! bar, two passes.

use super::frame::{Reason, Slot};
use crate::profile::{Biggest, Profile, Row};
use crate::units::Px;

/// Zones, gaps and levels that are kept of each kind; the value counts every zone.
pub const KEPT: usize = 16;
/// Least contracts and rows of a profile that is judged.
const CONTRACTS_MIN: u64 = 1000;
const ROWS_MIN: usize = 10;
/// Least rows of a zone and of a gap.
const ZONE_ROWS: usize = 3;
const GAP_ROWS: usize = 5;

/// Rows that one side dominated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Lowest row.
    pub low: Px,
    /// Highest row.
    pub high: Px,
    /// +1 accumulation, −1 distribution.
    pub sign: i8,
    /// All contracts of its rows.
    pub volume: u64,
}

/// Rows that hardly traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Lowest row.
    pub low: Px,
    /// Highest row.
    pub high: Px,
}

/// A heavy row with much volume of large prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Its price.
    pub px: Px,
    /// Its contracts.
    pub volume: u64,
    /// Contracts of large prints that ended there.
    pub large: u64,
}

/// What a profile says at a bar close. The lists hold the [`KEPT`] greatest: zones by volume, gaps
/// by rows, levels by large volume; of equals the lower price first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProfileImbalance {
    /// Slot 24. `INSUFFICIENT_SAMPLE` below 1 000 contracts or 10 rows; `INVALID_INPUT` where the
    /// profile left its window or more than a tenth of it is unclassified.
    pub slot: Slot,
    /// One-sided zones.
    pub zones: Biggest<Zone, KEPT>,
    /// Gaps.
    pub gaps: Biggest<Gap, KEPT>,
    /// Institutional levels; none while nothing says which prints are large.
    pub levels: Biggest<Level, KEPT>,
}

impl ProfileImbalance {
    /// Judges the profile of the active anchor. Where the slot has no value the lists are still
    /// those of the rows as they are.
    #[must_use]
    pub fn of(profile: &Profile) -> ProfileImbalance {
        let (sums, mut all) = scan(profile);
        all.slot = slot(profile, &sums);
        all
    }
}

/// Sums of the scan.
struct Sums {
    /// Σ sign·Σ|b − s| over the zones.
    zones: i128,
    buy: u64,
    sell: u64,
}

fn slot(profile: &Profile, sums: &Sums) -> Slot {
    let total = profile.total();
    if profile.outside() > 0 {
        return Slot::none(Reason::InvalidInput);
    }
    if total < CONTRACTS_MIN || profile.rows().1.len() < ROWS_MIN {
        return Slot::none(Reason::InsufficientSample);
    }
    let classified = u128::from(sums.buy) + u128::from(sums.sell);
    if (u128::from(total) - classified.min(u128::from(total))) * 10 > u128::from(total) {
        return Slot::none(Reason::InvalidInput);
    }
    Slot::some((sums.zones as f64 / total as f64).clamp(-1.0, 1.0))
}

/// +1 where the buy share is above 0.65, −1 where it is below 0.35, else 0.
fn side(row: &Row) -> i8 {
    let (buy, sell) = (u128::from(row.buy), u128::from(row.sell));
    let bound = 13 * (buy + sell);
    i8::from(20 * buy > bound) - i8::from(20 * sell > bound)
}

/// A run of adjacent rows of one kind.
#[derive(Clone, Copy)]
struct Run {
    from: usize,
    /// Rows before the end of the run.
    to: usize,
    volume: u64,
    /// Σ|b − s|.
    delta: u64,
}

impl Run {
    const fn at(from: usize) -> Run {
        Run { from, to: from, volume: 0, delta: 0 }
    }

    fn add(&mut self, row: &Row) {
        self.to += 1;
        self.volume += row.volume;
        self.delta += row.buy.abs_diff(row.sell);
    }

    const fn len(&self) -> usize {
        self.to - self.from
    }
}

fn scan(profile: &Profile) -> (Sums, ProfileImbalance) {
    let (bottom, rows) = profile.rows();
    let (count, total) = (rows.len() as u128, u128::from(profile.total()));
    let px = |at: usize| Px::clamped(i64::from(bottom.ticks()) + i64::try_from(at).unwrap_or(0));
    let mut sums = Sums { zones: 0, buy: 0, sell: 0 };
    let mut all = ProfileImbalance {
        slot: Slot::none(Reason::InsufficientSample),
        zones: Biggest::default(),
        gaps: Biggest::default(),
        levels: Biggest::default(),
    };
    let mut zone = |run: &Run, sign: i8| {
        // Mean row of the run against 1.5 times the mean row of the session, in integers.
        let heavy = 2 * u128::from(run.volume) * count >= 3 * total * run.len() as u128;
        if sign != 0 && run.len() >= ZONE_ROWS && heavy {
            sums.zones += i128::from(sign) * i128::from(run.delta);
            let (low, high) = (px(run.from), px(run.to - 1));
            all.zones.push(run.volume, Zone { low, high, sign, volume: run.volume });
        }
    };
    let mut gap = |run: &Run| {
        if run.from > 0 && run.len() >= GAP_ROWS && run.to < rows.len() {
            all.gaps.push(run.len() as u64, Gap { low: px(run.from), high: px(run.to - 1) });
        }
    };
    let (mut sided, mut sign, mut thin) = (Run::at(0), 0, Run::at(0));
    for (at, row) in rows.iter().enumerate() {
        sums.buy += row.buy;
        sums.sell += row.sell;
        let volume = u128::from(row.volume) * count;
        if volume >= total && u128::from(row.large) * 10 >= u128::from(row.volume) * 3 {
            let (px, volume, large) = (px(at), row.volume, row.large);
            all.levels.push(large, Level { px, volume, large });
        }
        let own = side(row);
        if own != sign {
            zone(&sided, sign);
            (sided, sign) = (Run::at(at), own);
        }
        sided.add(row);
        if 5 * volume < total {
            thin.add(row);
        } else {
            gap(&thin);
            thin = Run::at(at + 1);
        }
    }
    zone(&sided, sign);
    gap(&thin);
    (sums, all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::Aggressor;

    const GOLDEN: [(u32, u32); 13] = [
        (20, 30),
        (25, 25),
        (90, 30),
        (100, 40),
        (110, 35),
        (40, 45),
        (4, 3),
        (2, 5),
        (5, 4),
        (3, 3),
        (1, 4),
        (30, 70),
        (35, 40),
    ];

    /// A profile with row 1 at price `low`; reflected, it lies below price `low`.
    fn profile(low: i64, rows: &[(u32, u32)], times: u32, reflect: bool) -> Profile {
        let mut profile = Profile::new(256);
        for (at, &(buy, sell)) in (1..).zip(rows) {
            let (at, buy, sell) = if reflect { (-at, sell, buy) } else { (at, buy, sell) };
            profile.add(Px::clamped(low + at), buy * times, Aggressor::Buy);
            profile.add(Px::clamped(low + at), sell * times, Aggressor::Sell);
        }
        profile
    }

    #[test]
    fn golden() {
        let small = ProfileImbalance::of(&profile(0, &GOLDEN, 1, false));
        assert_eq!(small.slot, Slot::none(Reason::InsufficientSample));
        let (sums, all) = scan(&profile(0, &GOLDEN, 1, false));
        assert_eq!(sums.zones, 195);
        let (low, high) = (Px::clamped(3), Px::clamped(5));
        let zones: Vec<_> = all.zones.iter().copied().collect();
        assert_eq!(zones, [Zone { low, high, sign: 1, volume: 405 }]);
        let gaps: Vec<_> = all.gaps.iter().copied().collect();
        assert_eq!(gaps, [Gap { low: Px::clamped(7), high: Px::clamped(11) }]);
        let twice = ProfileImbalance::of(&profile(0, &GOLDEN, 2, false));
        assert!((twice.slot.value().expect("1598 contracts") - 0.244_055).abs() < 1e-6);
        assert_eq!(twice.levels.iter().count(), 0);
    }

    #[test]
    fn institutional_levels() {
        let mut profile = profile(0, &GOLDEN, 2, false);
        profile.large_print(Px::clamped(3), 71);
        profile.large_print(Px::clamped(4), 84);
        profile.large_print(Px::clamped(7), 14);
        let levels: Vec<_> = ProfileImbalance::of(&profile).levels.iter().copied().collect();
        assert_eq!(levels, [Level { px: Px::clamped(4), volume: 280, large: 84 }]);
    }

    #[test]
    fn reasons() {
        let slot = |p: &Profile| ProfileImbalance::of(p).slot.reason;
        let mut own = Profile::new(256);
        assert_eq!(slot(&own), Reason::InsufficientSample);
        own.add(Px::clamped(0), 2000, Aggressor::Buy);
        assert_eq!(slot(&own), Reason::InsufficientSample);
        own.add(Px::clamped(9), 222, Aggressor::None);
        assert_eq!(slot(&own), Reason::Present);
        own.add(Px::clamped(9), 1, Aggressor::None);
        assert_eq!(slot(&own), Reason::InvalidInput);
        own.add(Px::clamped(0), 9000, Aggressor::Sell);
        own.add(Px::clamped(1000), 1, Aggressor::Sell);
        assert_eq!(slot(&own), Reason::InvalidInput);
    }

    /// Zones, gaps and numerator by the definition, in floats.
    fn naive(rows: &[(u32, u32)]) -> (f64, usize, usize) {
        let n = rows.len();
        let volume = |at: usize| f64::from(rows[at].0 + rows[at].1);
        let mean = (0..n).map(volume).sum::<f64>() / n as f64;
        let share = |at: usize| f64::from(rows[at].0) / volume(at);
        let (mut sum, mut zones, mut gaps) = (0.0, 0, 0);
        for from in 0..n {
            for to in from + 1..=n {
                for sign in [1.0, -1.0] {
                    let one_sided = |at: usize| {
                        if sign > 0.0 { share(at) > 0.65 } else { share(at) < 0.35 }
                    };
                    let maximal =
                        (from == 0 || !one_sided(from - 1)) && (to == n || !one_sided(to));
                    let own = (from..to).map(volume).sum::<f64>() / (to - from) as f64;
                    if to - from >= 3
                        && maximal
                        && (from..to).all(one_sided)
                        && own >= 1.5 * mean - 1e-9
                    {
                        let delta = |at: usize| f64::from(rows[at].0.abs_diff(rows[at].1));
                        sum += sign * (from..to).map(delta).sum::<f64>();
                        zones += 1;
                    }
                }
                let thin = |at: usize| volume(at) < 0.2 * mean - 1e-9;
                let inside = from > 0 && to < n && !thin(from - 1) && !thin(to);
                gaps += usize::from(inside && to - from >= 5 && (from..to).all(thin));
            }
        }
        (sum, zones, gaps)
    }

    fn rows() -> impl Strategy<Value = Vec<(u32, u32)>> {
        let heavy = (0_u32..200, 0_u32..200).boxed();
        let one_sided = prop_oneof![(200_u32..300, 0_u32..90), (0_u32..90, 200_u32..300)].boxed();
        let thin = (0_u32..4, 0_u32..4).boxed();
        let block = |row: BoxedStrategy<(u32, u32)>| prop::collection::vec(row, 1..8);
        let blocks = prop_oneof![block(heavy), block(one_sided), block(thin)];
        prop::collection::vec(blocks, 1..8).prop_map(|blocks| blocks.concat())
    }

    proptest! {
        /// One pass against the definition, and the mirrored market against the negated value.
        #[test]
        fn equals_definition(rows in rows()) {
            // The ends always trade, so that the range is that of the list.
            let mut rows = rows;
            rows.insert(0, (1, 1));
            rows.push((1, 1));
            let own = profile(0, &rows, 1, false);
            let (sums, all) = scan(&own);
            let (numerator, zones, gaps) = naive(&rows);
            prop_assert!((sums.zones as f64 - numerator).abs() < 1e-6);
            prop_assert_eq!(all.zones.iter().count(), zones.min(KEPT));
            prop_assert_eq!(all.gaps.iter().count(), gaps.min(KEPT));
            let mirrored = ProfileImbalance::of(&profile(0, &rows, 1, true));
            let own = ProfileImbalance::of(&own);
            prop_assert_eq!(own.slot.value(), mirrored.slot.value().map(|v| -v));
            prop_assert_eq!(own.slot.reason, mirrored.slot.reason);
        }

        /// In range whatever was traded.
        #[test]
        fn any_rows(trades in prop::collection::vec((-40_i64..40, any::<u32>(), 0_u8..3), 0..60)) {
            let mut own = Profile::new(64);
            for (px, qty, side) in trades {
                let sides = [Aggressor::None, Aggressor::Buy, Aggressor::Sell];
                let aggressor = sides[usize::from(side)];
                own.add(Px::clamped(px), qty, aggressor);
                own.large_print(Px::clamped(px), u64::MAX);
            }
            let slot = ProfileImbalance::of(&own).slot;
            prop_assert!(slot.value().is_none_or(|v| (-1.0..=1.0).contains(&v)));
        }
    }
}
