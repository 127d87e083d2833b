//! The last `N` things of a kind, in place: no allocation, constant work a push.

/// Ring of the last `N` values, and how many there were in all.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Recent<T, const N: usize> {
    items: [Option<T>; N],
    count: u64,
}

impl<T: Copy, const N: usize> Default for Recent<T, N> {
    fn default() -> Recent<T, N> {
        Recent { items: [None; N], count: 0 }
    }
}

impl<T: Copy, const N: usize> Recent<T, N> {
    /// Takes a value; the oldest goes where all places are taken.
    pub(super) fn push(&mut self, item: T) {
        let at = self.at(self.count);
        if let Some(slot) = self.items.get_mut(at) {
            *slot = Some(item);
        }
        self.count = self.count.saturating_add(1);
    }

    /// Values so far, kept or not.
    #[must_use]
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The newest.
    #[must_use]
    pub(super) fn last(&self) -> Option<&T> {
        self.count.checked_sub(1).and_then(|n| self.items.get(self.at(n))?.as_ref())
    }

    /// Those that are kept, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        let split = self.at(self.count).min(N);
        let (newer, older) = self.items.split_at(split);
        older.iter().chain(newer).flatten()
    }

    /// Those that are kept, oldest first, to be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let split = self.at(self.count).min(N);
        let (newer, older) = self.items.split_at_mut(split);
        older.iter_mut().chain(newer).flatten()
    }

    fn at(&self, n: u64) -> usize {
        n.checked_rem(N as u64).unwrap_or(0) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last() {
        let mut ring = Recent::<u8, 3>::default();
        assert_eq!((ring.last(), ring.iter().count()), (None, 0));
        for n in 1..=5 {
            ring.push(n);
            let from = n.saturating_sub(2).max(1);
            assert_eq!(ring.iter().copied().collect::<Vec<_>>(), (from..=n).collect::<Vec<_>>());
            assert_eq!(ring.last(), Some(&n));
        }
        ring.iter_mut().for_each(|n| *n *= 2);
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), [6, 8, 10]);
        assert_eq!(ring.count(), 5);
        let mut none = Recent::<u8, 0>::default();
        none.push(1);
        assert_eq!((none.last(), none.iter().count()), (None, 0));
    }
}
