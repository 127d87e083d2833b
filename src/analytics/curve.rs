//! Equity after each trade, and how far it fell from a former height.

use serde::Serialize;

use super::Trip;

/// The largest fall from a height to a later depth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Drawdown {
    /// The fall, in the unit of the curve, 0 or above.
    pub depth: f64,
    /// It as a share of the height, where that is above 0.
    pub share: Option<f64>,
}

impl Drawdown {
    /// Of a curve that begins at `start`. Depth and share are each the largest, which need not be
    /// of the same fall.
    #[must_use]
    pub fn of(start: f64, points: impl Iterator<Item = f64>) -> Drawdown {
        let mut peak = start;
        let mut worst = Drawdown { depth: 0.0, share: (start > 0.0).then_some(0.0) };
        for point in points {
            peak = peak.max(point);
            worst.depth = worst.depth.max(peak - point);
            if peak > 0.0 {
                let share = (peak - point) / peak;
                worst.share = Some(worst.share.map_or(share, |s| s.max(share)));
            }
        }
        worst
    }
}

/// Equity around one trade, USD.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Trade date, days since 1970-01-01.
    #[serde(serialize_with = "super::date")]
    pub day: i32,
    /// Before it.
    pub before: f64,
    /// At its extremes, in the order in which they came.
    pub extremes: [f64; 2],
    /// After it.
    pub after: f64,
    /// Σ R at its extremes, in the same order.
    pub extremes_r: [f64; 2],
    /// Σ R after it.
    pub sum_r: f64,
}

/// The curve of trades in their order, from `start` USD: closed results, and between them the best
/// and worst that each trade showed while it was open. Trades of several symbols that were open at
/// the same time are taken one after the other.
#[must_use]
pub fn curve(start: f64, trips: &[&Trip]) -> Vec<Point> {
    let (mut after, mut sum_r) = (start, 0.0);
    let mut points = Vec::with_capacity(trips.len());
    for trip in trips {
        let (before, before_r) = (after, sum_r);
        after += trip.net_usd();
        sum_r += trip.r.unwrap_or(0.0);
        let (best, worst) = (trip.excursion.0.max(0.0), trip.excursion.1.min(0.0));
        let order = if trip.adverse_first { [worst, best] } else { [best, worst] };
        // Without the value of a tick, or the money at risk, the result is all that is known.
        let extremes = order.map(|ticks| trip.usd(ticks).map_or(after, |usd| before + usd));
        let extremes_r = order.map(|ticks| trip.in_r(ticks).map_or(sum_r, |r| before_r + r));
        points.push(Point { day: trip.day, before, extremes, after, extremes_r, sum_r });
    }
    points
}

/// Largest fall of the curve, what was open included.
#[must_use]
pub fn with_open(start: f64, points: &[Point]) -> Drawdown {
    Drawdown::of(start, points.iter().flat_map(|p| [p.extremes[0], p.extremes[1], p.after]))
}

/// Largest fall of Σ R, what was open included.
#[must_use]
pub fn with_open_r(points: &[Point]) -> f64 {
    let heights = points.iter().flat_map(|p| [p.extremes_r[0], p.extremes_r[1], p.sum_r]);
    Drawdown::of(0.0, heights).depth
}

/// Largest fall of the closed results alone.
#[must_use]
pub fn closed(start: f64, points: &[Point]) -> Drawdown {
    Drawdown::of(start, points.iter().map(|p| p.after))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, trip};
    use super::*;

    #[test]
    fn falls() {
        let fall = Drawdown::of(100.0, [120.0, 90.0, 110.0, 140.0, 112.0].into_iter());
        assert_eq!(fall.depth, 30.0);
        close(fall.share, 0.25, 12);
        assert_eq!(Drawdown::of(0.0, [1.0, 2.0].into_iter()).depth, 0.0);
        assert_eq!(Drawdown::of(0.0, [-1.0].into_iter()), Drawdown { depth: 1.0, share: None });
    }

    #[test]
    fn what_was_open_counts() {
        // Won 1 R = 100 USD after 10 ticks = 125 USD against it.
        let mut one = trip(0, 1.0);
        one.excursion = (8.0, -10.0);
        let points = curve(10_000.0, &[&one]);
        assert_eq!(
            points,
            [Point {
                day: one.day,
                before: 10_000.0,
                extremes: [9_875.0, 10_100.0],
                after: 10_100.0,
                extremes_r: [-1.25, 1.0],
                sum_r: 1.0,
            }]
        );
        assert_eq!(with_open(10_000.0, &points).depth, 125.0);
        assert_eq!(closed(10_000.0, &points).depth, 0.0);
        assert_eq!(with_open_r(&points), 1.25, "the winner stood 1.25 R against us");
        // The other way round the fall begins at the best.
        one.adverse_first = false;
        let points = curve(10_000.0, &[&one]);
        assert_eq!((with_open(10_000.0, &points).depth, with_open_r(&points)), (225.0, 2.25));
        one.tick_usd = None;
        let points = curve(10_000.0, &[&one]);
        assert_eq!((with_open(10_000.0, &points).depth, with_open_r(&points)), (0.0, 0.0));
    }
}
