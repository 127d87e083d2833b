//! Which levels a chart row draws, and what is wrong with a row.
//!
//! Prices are whole hundredths of a point, so that distances are exact. By priority (flip, call
//! wall, put wall, max pain, two pins, vol trigger) a level is left out that lies nearer than the
//! gap to a kept one, or that exceeds the count. Walls, max pain, pins and vol trigger more than
//! 15 % from the spot are left out before that: a far wall of long-dated contracts would otherwise
//! have the whole row refused. A flip that far still refuses it. On a future the rule is applied
//! to its own prices, rounded to a quarter. Own design. Cost: a few comparisons a level.

/// Levels farther than this from the spot, in percent of it, are a fault.
pub const WINDOW_PERCENT: u32 = 15;
/// Names of the levels of a row, by priority.
pub const NAMES: [&str; 7] =
    ["gamma_flip", "call_wall", "put_wall", "max_pain", "pin1", "pin2", "vol_trigger"];

/// A price in hundredths of a point, or none.
pub type Cents = Option<i64>;
/// The levels of a row by priority, see [`NAMES`].
pub type Levels = [Cents; 7];

/// Hundredths of a point; `None` for what is no price.
#[must_use]
pub fn cents(points: f64) -> Cents {
    let scaled = (points * 100.0).round();
    // Exact in both directions far beyond any index.
    (scaled.abs() < 1e12).then_some(scaled as i64)
}

/// Hundredths of a point on a grid of a quarter; `None` for what is no price.
#[must_use]
pub fn quarter(points: f64) -> Cents {
    let ticks = (points * 4.0).round();
    // Only then: the product of what is out of range would overflow.
    (ticks.abs() < 1e10).then(|| ticks as i64 * 25)
}

/// Which of `levels`, given by priority, keep `gap` to every kept one before them; at most `most`.
#[must_use]
pub fn spaced(levels: &[Cents], gap: i64, most: usize) -> Vec<bool> {
    let mut kept: Vec<i64> = Vec::new();
    let mut keep = |level: Cents| {
        let Some(level) = level else { return false };
        let free = kept.len() < most && kept.iter().all(|k| (level - k).abs() >= gap);
        if free {
            kept.push(level);
        }
        free
    };
    levels.iter().map(|&level| keep(level)).collect()
}

/// The levels of a row that are drawn, the others empty.
#[must_use]
pub fn drawn(levels: Levels, spot: i64, gap: i64, most: usize) -> Levels {
    let [flip, others @ ..] = levels;
    let [call, put, pain, pin1, pin2, trigger] =
        others.map(|level| level.filter(|&level| !is_far(level, spot)));
    let near = [flip, call, put, pain, pin1, pin2, trigger];
    let mut row: Levels = [None; 7];
    for ((cell, level), keep) in row.iter_mut().zip(near).zip(spaced(&near, gap, most)) {
        *cell = level.filter(|_| keep);
    }
    row
}

/// What is wrong with a row of drawn levels; nothing with one that may be written.
#[must_use]
pub fn faults(levels: &Levels, spot: i64, gap: i64) -> Vec<String> {
    let mut found = Vec::new();
    if spot <= 0 {
        found.push("no spot".to_owned());
    }
    let [_, call, put, ..] = *levels;
    if let (Some(call), Some(put)) = (call, put)
        && put >= call
    {
        found.push("put wall not below call wall".to_owned());
    }
    let mut sorted: Vec<i64> = Vec::new();
    for (name, level) in NAMES.iter().zip(levels) {
        let Some(level) = *level else { continue };
        sorted.push(level);
        if is_far(level, spot) {
            found.push(format!("{name} more than {WINDOW_PERCENT} % from the spot"));
        }
    }
    sorted.sort_unstable();
    let close = |(a, b): (&i64, &i64)| b.abs_diff(*a) < gap.unsigned_abs();
    if sorted.iter().zip(sorted.iter().skip(1)).any(close) {
        found.push("levels nearer than the least distance".to_owned());
    }
    found
}

fn is_far(level: i64, spot: i64) -> bool {
    let window = u128::from(WINDOW_PERCENT) * u128::from(spot.unsigned_abs());
    100 * u128::from(level.abs_diff(spot)) > window
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_far_is_left_out_but_not_the_flip() {
        let far = Some(500_000);
        let levels = [Some(401_000), far, Some(390_000), far, far, far, far];
        let row = drawn(levels, 400_000, 2_000, 6);
        assert_eq!(row, [Some(401_000), None, Some(390_000), None, None, None, None]);
        assert!(faults(&row, 400_000, 2_000).is_empty());
        let row = drawn([far, None, None, None, None, None, None], 400_000, 2_000, 6);
        assert_eq!(faults(&row, 400_000, 2_000), ["gamma_flip more than 15 % from the spot"]);
        // Exactly 15 % is near.
        let edge = [None, Some(460_000), Some(460_001), None, None, None, None];
        assert_eq!(drawn(edge, 400_000, 0, 6)[1..3], [Some(460_000), None]);
    }

    #[test]
    fn a_level_left_out_as_far_takes_no_place() {
        let row = drawn([None, Some(500_000), Some(1), Some(501), None, None, None], 500, 0, 1);
        assert_eq!(row, [None, None, None, Some(501), None, None, None]);
    }

    #[test]
    fn an_empty_level_moves_no_other() {
        let levels = [None, Some(410_000), Some(390_000), None, Some(410_001), None, None];
        let row = drawn(levels, 400_000, 2_000, 6);
        assert_eq!(row, [None, Some(410_000), Some(390_000), None, None, None, None]);
    }

    #[test]
    fn hostile_prices() {
        for x in [f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!((cents(x), quarter(x)), (None, None));
        }
        let levels = [Some(-999_999_999_999); 7];
        assert!(!faults(&levels, 999_999_999_999, 1).is_empty());
        assert_eq!(quarter(4000.13), Some(400_025));
    }
}
