//! What a charting row of a scope would show, checked before it is written.
//!
//! Levels are drawn in the order flip, call wall, put wall, max pain, first and second pin, vol
//! trigger; one closer than the gap to a kept one is left out, and so is what exceeds the count.

use super::part::Part;

/// The levels that a row keeps: name and index points, in their order.
pub(super) fn drawn(part: &Part<'_>, gap: f64, most: usize) -> Vec<(&'static str, f64)> {
    let pin = |i: usize| part.pins.as_ref().ok().and_then(|p| p.get(i)).map(|p| p.strike);
    let found = [
        ("gamma flip", part.flip.level().ok()),
        ("call wall", part.walls.call.ok().map(|w| w.strike)),
        ("put wall", part.walls.put.ok().map(|w| w.strike)),
        ("max pain", part.headline().ok().map(|(_, strike)| strike)),
        ("pin 1", pin(0)),
        ("pin 2", pin(1)),
        ("vol trigger", part.trigger.at.ok().map(|(level, _)| level)),
    ];
    let mut kept: Vec<(&'static str, f64)> = Vec::with_capacity(found.len());
    for (name, level) in found {
        let Some(level) = level else { continue };
        let apart = kept.iter().all(|(_, other)| (level - other).abs() >= gap);
        if apart && kept.len() < most {
            kept.push((name, level));
        }
    }
    kept
}

/// What is wrong with the row of `symbol` whose levels and spot are shifted by `basis`.
pub(super) fn errors(
    symbol: &str,
    drawn: &[(&'static str, f64)],
    spot: f64,
    basis: f64,
) -> Vec<String> {
    let mut errors = Vec::new();
    let at = spot + basis;
    for (name, level) in drawn {
        let away = ((level + basis) / at - 1.0).abs();
        if away.is_nan() || away > 0.15 {
            errors.push(format!("{symbol} {name} is {:.1} % from the spot", 100.0 * away));
        }
    }
    let of = |name: &str| drawn.iter().find(|(n, _)| *n == name).map(|(_, level)| *level);
    if let (Some(put), Some(call)) = (of("put wall"), of("call wall"))
        && put >= call
    {
        errors.push(format!("{symbol} put wall is not below the call wall"));
    }
    errors
}
