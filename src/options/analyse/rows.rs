//! What a charting row of a scope would show, checked before it is written: see [`drawn`].

use super::part::Part;
use crate::options::drawn::{self, Levels, cents, quarter};

/// How a row is drawn.
#[derive(Clone, Copy)]
pub(super) struct Drawing {
    /// Least distance of two levels, points.
    pub(super) gap: f64,
    /// Most levels.
    pub(super) most: usize,
}

/// The levels of a scope by priority, index points.
fn by_priority(part: &Part<'_>) -> [Option<f64>; 7] {
    let pin = |i: usize| part.pins.as_ref().ok().and_then(|p| p.get(i)).map(|p| p.strike);
    [
        part.flip.level().ok(),
        part.walls.call.ok().map(|w| w.strike),
        part.walls.put.ok().map(|w| w.strike),
        part.headline().ok().map(|(_, strike)| strike),
        pin(0),
        pin(1),
        part.trigger.at.ok().map(|(level, _)| level),
    ]
}

/// What is wrong with the row of the index.
pub(super) fn of_index(symbol: &str, part: &Part<'_>, drawing: Drawing) -> Vec<String> {
    let levels = by_priority(part).map(|level| level.and_then(cents));
    errors(symbol, levels, cents(part.spot), drawing)
}

/// What is wrong with the row of a future at `basis` above the index, on its own prices.
pub(super) fn of_future(
    symbol: &str,
    part: &Part<'_>,
    basis: f64,
    drawing: Drawing,
) -> Vec<String> {
    let levels = by_priority(part).map(|level| level.and_then(|x| quarter(x + basis)));
    errors(symbol, levels, quarter(part.spot + basis), drawing)
}

fn errors(symbol: &str, levels: Levels, spot: Option<i64>, drawing: Drawing) -> Vec<String> {
    let faults = match (spot, cents(drawing.gap)) {
        (Some(spot), Some(gap)) => {
            drawn::faults(&drawn::drawn(levels, spot, gap, drawing.most), spot, gap)
        }
        _ => vec!["spot or least distance out of range".to_owned()],
    };
    faults.into_iter().map(|fault| format!("{symbol}: {fault}")).collect()
}
