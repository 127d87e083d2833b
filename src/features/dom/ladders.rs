//! Ladders: at least three consecutive levels of one side whose size grows strictly from level to
//! level away from the touch.
//!
//! Consecutive levels are neighbours in the book; a price without orders between them does not
//! part them. Of several ladders the one with most levels counts, of equal ones the nearer. It is
//! looked for whenever the levels are walked; the event is the walk that finds one where the walk
//! before found none. Source: own design. Cost: O(10) a walk.

use crate::book::Level;
use crate::units::Px;

/// Least levels of a ladder.
const LEAST: usize = 3;

/// Levels whose size grows away from the touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// Its level nearest to the touch.
    pub px: Px,
    /// Its levels, 3 to 10.
    pub levels: u8,
    /// Contracts of all its levels.
    pub size: u64,
}

impl Ladder {
    /// The longest ladder of `levels`, which are best first.
    #[must_use]
    pub fn find(levels: &[Level]) -> Option<Ladder> {
        let runs = levels.chunk_by(|near, far| near.qty < far.qty);
        let mut longest: &[Level] = &[];
        for run in runs {
            if run.len() > longest.len() {
                longest = run;
            }
        }
        let first = longest.first().filter(|_| longest.len() >= LEAST)?;
        Some(Ladder {
            px: first.px,
            levels: u8::try_from(longest.len()).unwrap_or(u8::MAX),
            size: longest.iter().map(|l| u64::from(l.qty)).sum(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn levels(sizes: &[u32]) -> Vec<Level> {
        let px = |i: usize| Px::clamped(100 - i64::try_from(i).expect("small"));
        sizes.iter().enumerate().map(|(i, &qty)| Level { px: px(i), qty, orders: 0 }).collect()
    }

    #[test]
    fn strictly_growing() {
        assert_eq!(Ladder::find(&[]), None);
        assert_eq!(Ladder::find(&levels(&[1, 2, 2, 3])), None);
        let found = Ladder::find(&levels(&[9, 1, 2, 3, 1, 5, 6])).expect("two of three levels");
        assert_eq!((found.px.ticks(), found.levels, found.size), (99, 3, 6));
    }

    proptest! {
        #[test]
        fn equals_its_twin(sizes in prop::collection::vec(1_u32..6, 0..10)) {
            let mut best: Option<(usize, usize)> = None;
            for from in 0..sizes.len() {
                for to in from + 3..=sizes.len() {
                    let run = &sizes[from..to];
                    let grows = run.windows(2).all(|w| w[0] < w[1]);
                    if grows && best.is_none_or(|(a, b)| to - from > b - a) {
                        best = Some((from, to));
                    }
                }
            }
            let found = Ladder::find(&levels(&sizes));
            prop_assert_eq!(
                found.map(|l| (100 - l.px.ticks() as usize, usize::from(l.levels))),
                best.map(|(from, to)| (from, to - from))
            );
        }
    }
}
