//! Trades in parts: by session, regime, tier and so on, and by where a feature stood.

use std::collections::BTreeMap;

use serde::Serialize;

use super::costs::{Costs, Excursions};
use super::curve::{curve, with_open};
use super::report::Inputs;
use super::returns::{Ratios, daily};
use super::{FEATURES, Summary, Trip};

/// Trades below which a part says nothing.
pub const INSUFFICIENT: u64 = 30;
/// Parts of a feature's sample.
const PARTS: usize = 10;

/// A part of the trades.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// What its trades have in common.
    pub name: String,
    /// Whether it holds fewer than [`INSUFFICIENT`] trades.
    pub insufficient: bool,
    /// What they come to.
    pub summary: Summary,
    /// Sharpe and its kin over all days of the period, with those on which this part did not
    /// trade.
    #[serde(flatten)]
    pub ratios: Ratios,
    /// How far they went.
    pub excursions: Excursions,
    /// What trading them cost.
    pub costs: Costs,
}

/// Where a feature stood, in ten parts of equal count.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Deciles {
    /// Number of the feature, 1 to 28.
    pub feature: usize,
    /// Trades at whose decision it had a value.
    pub trades: u64,
    /// The parts from the lowest values to the highest. Where values repeat some hold nothing: they
    /// are left out, and the others keep their number.
    pub parts: Vec<Decile>,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decile {
    /// Its place, 1 to 10.
    pub number: usize,
    /// Lowest value in it.
    pub low: f64,
    /// Highest.
    pub high: f64,
    /// Whether it holds fewer than [`INSUFFICIENT`] trades.
    pub insufficient: bool,
    /// What its trades come to.
    pub summary: Summary,
    /// How far they went.
    pub excursions: Excursions,
}

/// The parts by what `name` says of a trade, by name; `days` as [`Inputs::days`].
pub fn by(trips: &[&Trip], days: &[i32], name: impl Fn(&Trip) -> String) -> Vec<Group> {
    let mut parts: BTreeMap<String, Vec<&Trip>> = BTreeMap::new();
    for &trip in trips {
        parts.entry(name(trip)).or_default().push(trip);
    }
    parts.into_iter().map(|(name, trips)| Group::of(name, &trips, days)).collect()
}

impl Group {
    fn of(name: String, trips: &[&Trip], days: &[i32]) -> Group {
        let summary = Summary::of(trips.iter().copied());
        let start = trips.first().and_then(|trip| trip.equity_usd);
        let fall = start.and_then(|start| with_open(start, &curve(start, trips)).share);
        let returns = daily(trips, days).unwrap_or_default();
        Group {
            name,
            insufficient: summary.trades < INSUFFICIENT,
            summary,
            ratios: Ratios::of(&returns, fall),
            excursions: Excursions::of(trips),
            costs: Costs::of(trips, &Inputs::default()),
        }
    }
}

/// Every feature that has a value in some trade.
#[must_use]
pub fn deciles(trips: &[&Trip]) -> Vec<Deciles> {
    (1..=FEATURES).filter_map(|feature| of_feature(trips, feature)).collect()
}

fn of_feature(trips: &[&Trip], feature: usize) -> Option<Deciles> {
    let value = |trip: &Trip| trip.features.get(feature - 1).copied().flatten();
    let mut sorted: Vec<(f64, &Trip)> =
        trips.iter().filter_map(|&trip| Some((value(trip)?, trip))).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let count = sorted.len();
    let mut parts: Vec<Vec<(f64, &Trip)>> = vec![Vec::new(); PARTS];
    let mut part = 0;
    // Equal values stay together: the part of their first.
    for group in sorted.chunk_by(|a, b| a.0 == b.0) {
        let before: usize = parts.iter().map(Vec::len).sum();
        part = part.max(before * PARTS / count);
        if let Some(part) = parts.get_mut(part) {
            part.extend_from_slice(group);
        }
    }
    let numbered = (1..).zip(&parts);
    let parts: Vec<Decile> = numbered.filter_map(|(n, part)| decile(n, part)).collect();
    (count > 0).then_some(Deciles { feature, trades: count as u64, parts })
}

fn decile(number: usize, part: &[(f64, &Trip)]) -> Option<Decile> {
    let (low, high) = (part.first()?.0, part.last()?.0);
    let mut trips: Vec<&Trip> = part.iter().map(|(_, trip)| *trip).collect();
    // Falls and recoveries are those of trades in their order, not in that of the feature.
    trips.sort_by(|a, b| a.by_end(b));
    let summary = Summary::of(trips.iter().copied());
    let insufficient = summary.trades < INSUFFICIENT;
    let excursions = Excursions::of(&trips);
    Some(Decile { number, low, high, insufficient, summary, excursions })
}

#[cfg(test)]
mod tests {
    use super::super::returns::daily_sharpe;
    use super::super::tests::{close, trip};
    use super::*;

    #[test]
    fn parts_below_thirty_say_so() {
        let trips: Vec<Trip> = (0..61)
            .map(|at| {
                let mut trip = trip(at, if at % 3 == 0 { 2.0 } else { -1.0 });
                trip.session = if at < 31 { "US" } else { "ASIA" }.to_owned();
                trip
            })
            .collect();
        let trips: Vec<&Trip> = trips.iter().collect();
        let days: Vec<i32> = (20_467..20_480).collect();
        let groups = by(&trips, &days, |t| t.session.clone());
        let said: Vec<(&str, u64, bool)> =
            groups.iter().map(|g| (&*g.name, g.summary.trades, g.insufficient)).collect();
        assert_eq!(said, [("ASIA", 30, false), ("US", 31, false)]);
        let few = by(trips.get(..29).expect("enough"), &days, |t| t.tier.clone());
        assert!(few.iter().all(|g| g.insufficient));
        let total: u64 = groups.iter().map(|g| g.summary.trades).sum();
        assert_eq!(total, 61, "every trade is in one part");
        // A part says what the whole says of the same trades.
        let asia = groups.first().expect("a part");
        let own: Vec<&Trip> = trips.get(31..).expect("enough").to_vec();
        assert_eq!(asia.excursions, Excursions::of(&own));
        close(asia.costs.entry_slippage_ticks, 1.0, 12);
        close(
            asia.ratios.daily_sharpe,
            daily_sharpe(&daily(&own, &days).expect("known")).expect("a spread"),
            12,
        );
        assert_eq!(asia.costs.fill_ratio, None, "orders are not known by part");
    }

    #[test]
    fn ten_parts_of_a_feature() {
        let mut trips: Vec<Trip> =
            (0..400).map(|at| trip(at, if at < 200 { -1.0 } else { 1.0 })).collect();
        let all = deciles(&trips.iter().collect::<Vec<_>>());
        assert_eq!(all.len(), FEATURES);
        let first = all.first().expect("a feature");
        assert_eq!((first.parts.len(), first.trades), (10, 400));
        assert!(first.parts.iter().all(|p| p.summary.trades == 40 && !p.insufficient));
        let means: Vec<Option<f64>> = first.parts.iter().map(|p| p.summary.expectancy_r).collect();
        assert!(means.iter().take(5).all(|m| *m == Some(-1.0)));
        assert!(means.iter().skip(5).all(|m| *m == Some(1.0)));
        // One value everywhere is one part, none nowhere is no feature.
        for trip in &mut trips {
            trip.features = [None; FEATURES];
            if let Some(first) = trip.features.first_mut() {
                *first = Some(0.5);
            }
        }
        let all = deciles(&trips.iter().collect::<Vec<_>>());
        assert_eq!(all.len(), 1);
        let part = all.first().and_then(|f| f.parts.first()).expect("a part");
        assert_eq!((part.summary.trades, part.low, part.high), (400, 0.5, 0.5));
        close(part.summary.win_rate, 0.5, 12);
    }

    /// A feature that is 0 in half of the trades: its parts keep their numbers.
    #[test]
    fn empty_parts_move_no_other() {
        let mut trips: Vec<Trip> = (0..100).map(|at| trip(at, 1.0)).collect();
        for (at, trip) in trips.iter_mut().enumerate() {
            trip.features = [Some(at.saturating_sub(50) as f64); FEATURES];
        }
        let all = deciles(&trips.iter().collect::<Vec<_>>());
        let parts = &all.first().expect("a feature").parts;
        let said: Vec<(usize, u64)> = parts.iter().map(|p| (p.number, p.summary.trades)).collect();
        assert_eq!(said, [(1, 51), (6, 9), (7, 10), (8, 10), (9, 10), (10, 10)]);
    }

    /// Won and lost by turns is a fall of one loss, wherever the feature stood.
    #[test]
    fn a_part_falls_in_the_order_of_its_trades() {
        let result = |at: usize| if at.is_multiple_of(2) { 1.0 } else { -1.0 };
        let trips: Vec<Trip> = (0..40).map(|at| trip(at, result(at))).collect();
        // Losses stand below wins.
        let mut part: Vec<(f64, &Trip)> =
            trips.iter().filter_map(|trip| Some((trip.r?, trip))).collect();
        part.sort_by(|a, b| a.0.total_cmp(&b.0));
        let part = decile(1, &part);
        let summary = part.expect("a part").summary;
        close(Some(summary.max_drawdown_r), 1.0, 12);
    }
}
