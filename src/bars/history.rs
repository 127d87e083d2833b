//! The last completed bars.

use super::Bar;

/// Bars that are kept.
pub const HISTORY: usize = 64;

/// Ring of the last [`HISTORY`] bars of one timeframe, and how many there were in all.
#[derive(Clone, Debug)]
pub struct History {
    bars: Box<[Bar; HISTORY]>,
    closed: u64,
}

impl Default for History {
    fn default() -> History {
        History { bars: Box::new([Bar::default(); HISTORY]), closed: 0 }
    }
}

impl History {
    /// Takes a completed bar.
    pub fn push(&mut self, bar: &Bar) {
        if let Some(slot) = self.bars.get_mut((self.closed % HISTORY as u64) as usize) {
            *slot = *bar;
        }
        self.closed += 1;
    }

    /// Takes `n` empty bars at once, of `minutes` each, after the newest.
    pub fn advance(&mut self, n: u32, minutes: i64) {
        let Some(&last) = self.ago(0) else { return };
        let kept = n.min(HISTORY as u32);
        self.closed += u64::from(n - kept);
        for step in n - kept..n {
            self.push(&Bar::empty(last.minute + (i64::from(step) + 1) * minutes, last.close));
        }
    }

    /// Bars so far, kept or not: the ordinal of the next one.
    #[must_use]
    pub const fn closed(&self) -> u64 {
        self.closed
    }

    /// Bars that are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.closed.min(HISTORY as u64) as usize
    }

    /// Whether there was none yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.closed == 0
    }

    /// The bar `n` before the newest; 0 is the newest.
    #[must_use]
    pub fn ago(&self, n: usize) -> Option<&Bar> {
        if n >= self.len() {
            return None;
        }
        self.bars.get(((self.closed - 1 - n as u64) % HISTORY as u64) as usize)
    }

    /// The last `n` bars, oldest first; fewer where there were fewer.
    pub fn last(&self, n: usize) -> impl DoubleEndedIterator<Item = &Bar> {
        (0..n.min(self.len())).rev().filter_map(|at| self.ago(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::reference::r64;
    use crate::units::Px;

    #[test]
    fn a_ring_of_bars() {
        let mut history = History::default();
        assert!(history.ago(0).is_none() && history.is_empty());
        let bars = r64();
        bars.iter().chain(bars.iter().take(10)).for_each(|b| history.push(b));
        assert_eq!((history.len(), history.closed()), (64, 74));
        assert_eq!(history.ago(0), bars.get(9));
        assert_eq!(history.ago(63), bars.get(10));
        assert_eq!(history.last(2).map(|b| b.minute).collect::<Vec<_>>(), [8, 9]);
        assert!(history.ago(64).is_none());
    }

    #[test]
    fn advance_equals_pushes() {
        for n in [1, 5, 63, 64, 65, 1000_u32] {
            let mut one = History::default();
            r64().iter().for_each(|b| one.push(b));
            let mut many = one.clone();
            one.advance(n, 5);
            (0..n).for_each(|_| many.advance(1, 5));
            assert_eq!(one.closed(), many.closed());
            assert!(one.last(64).eq(many.last(64)));
            assert_eq!(one.ago(0).map(|b| (b.close, b.volume)), Some((Px::clamped(24_116), 0)));
        }
    }
}
