//! Patterns of completed bars. Only the rising form of each is written down: the falling one is the
//! same question asked of the reflected bars, so that none can be easier to meet than its mirror.

use super::Kind;
use crate::bars::{Bar, History};
use crate::features::close::Close;

/// Ticks by which the legs of a long pattern must overlap.
const LONG: i32 = 8;
/// Ticks by which the legs of a colour pattern must overlap.
const COLOR: i32 = 12;

/// A pattern that is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) kind: Kind,
    /// +1, −1, or 0 for an event without direction.
    pub(super) sign: i8,
    /// In [0, 1].
    pub(super) strength: f64,
}

/// Prices of a bar in ticks, as they are or reflected at 0.
#[derive(Clone, Copy, Debug)]
struct Shape {
    open: i32,
    high: i32,
    low: i32,
    close: i32,
}

impl Shape {
    const fn upright(bar: &Bar) -> Shape {
        let (open, close) = (bar.open.ticks(), bar.close.ticks());
        Shape { open, high: bar.high.ticks(), low: bar.low.ticks(), close }
    }

    const fn reflected(self) -> Shape {
        Shape { open: -self.open, high: -self.low, low: -self.high, close: -self.close }
    }
}

/// The patterns that the newest bar of `close` completes: a long one, a colour one, a climax.
pub(super) fn find(close: &Close<'_>) -> [Option<Found>; 3] {
    let (Some(atr), Some(bars)) = (close.atr20, newest(close.history)) else { return [None; 3] };
    let shapes = bars.map(Shape::upright);
    let turned = shapes.map(Shape::reflected);
    let weigh = |n: usize| strength(range(&bars, n), atr, close.usual.rvol);
    let either = |holds: fn(&[Shape; 4]) -> bool, n: usize, up: Kind, down: Kind| {
        if holds(&shapes) {
            Some(Found { kind: up, sign: 1, strength: weigh(n) })
        } else if holds(&turned) {
            Some(Found { kind: down, sign: -1, strength: weigh(n) })
        } else {
            None
        }
    };
    [
        either(down_up, 3, Kind::LongDownUp, Kind::LongUpDown),
        either(color_up, 4, Kind::ColorUp, Kind::ColorDown),
        climax(close, &shapes, atr).map(|(kind, sign)| Found { kind, sign, strength: weigh(4) }),
    ]
}

/// The last four bars, oldest first.
fn newest(history: &History) -> Option<[&Bar; 4]> {
    Some([history.ago(3)?, history.ago(2)?, history.ago(1)?, history.ago(0)?])
}

/// Down, then up by more than was lost.
const fn down_up(bars: &[Shape; 4]) -> bool {
    let [_, before, low, up] = bars;
    low.open < before.close
        && before.high - low.low > LONG
        && up.open > low.close
        && up.high - low.low > LONG
        && up.high > before.high
}

/// Up, a pause that gives nothing back, up again.
const fn color_up(bars: &[Shape; 4]) -> bool {
    let [first, rise, pause, up] = bars;
    rise.open > first.close
        && rise.high - first.low > COLOR
        && rise.high > first.high
        && pause.low > rise.low
        && up.open > pause.close
        && up.high - pause.low > COLOR
        && up.high > pause.high
}

/// Three bars of one colour, then one of unusual volume, range and delta. It exhausts the trend
/// where it closes in the third of its range opposite to it.
fn climax(close: &Close<'_>, bars: &[Shape; 4], atr: f64) -> Option<(Kind, i8)> {
    let [a, b, c, _] = bars.map(|s| (s.close - s.open).signum());
    if a == 0 || a != b || b != c {
        return None;
    }
    let (rvol, high) = (close.usual.rvol?, close.usual.rvol_high?);
    let bar = close.bar;
    let (delta, volume) = (i128::from(bar.buy) - i128::from(bar.sell), i128::from(bar.volume));
    let classified = 10 * (volume - i128::from(bar.buy) - i128::from(bar.sell)) <= volume;
    let extreme = rvol >= high
        && f64::from(bar.range()) >= 2.0 * atr
        && volume > 0
        && classified
        && delta.abs() * 10 >= volume * 3;
    if !extreme {
        return None;
    }
    let back = if a > 0 { bar.close.minus(bar.low) } else { bar.high.minus(bar.close) };
    if i64::from(back) * 3 > i64::from(bar.range()) {
        return Some((Kind::Climax, 0));
    }
    Some((Kind::ClimaxExhaustion, if a > 0 { -1 } else { 1 }))
}

/// Span of the last `n` of four bars, in ticks.
fn range(bars: &[&Bar; 4], n: usize) -> f64 {
    let last = || bars.iter().skip(4 - n.min(4));
    match (last().map(|b| b.high).max(), last().map(|b| b.low).min()) {
        (Some(high), Some(low)) => f64::from(high.minus(low)),
        _ => 0.0,
    }
}

/// 0.7·min(1, range/(2·ATR20)) + 0.3·min(1, RVOL/2); the first part alone, in full, without RVOL.
pub(super) fn strength(range: f64, atr: f64, rvol: Option<f64>) -> f64 {
    let size = if range <= 0.0 {
        0.0
    } else if atr > 0.0 {
        (range / (2.0 * atr)).min(1.0)
    } else {
        1.0
    };
    match rvol {
        Some(rvol) if rvol.is_finite() => 0.7 * size + 0.3 * (rvol / 2.0).clamp(0.0, 1.0),
        _ => size,
    }
}
