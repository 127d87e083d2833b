//! Exact counts of sizes in contracts: a table while a session records, sorted pairs afterwards.
//!
//! A pair is one word, size above count, so sorted pairs are sorted words. Sizes below
//! [`DENSE`] cost one addition; [`LARGE`] further distinct sizes are held sorted. What does not fit
//! is not rounded: the table says so and its session is rejected. Source: own design.

/// Sizes below this have an entry of their own.
const DENSE: usize = 4096;
/// Distinct sizes from [`DENSE`] on.
const LARGE: usize = 256;

/// `size` counted `count` times, as one word.
pub(super) const fn pair(size: u32, count: u32) -> u64 {
    (size as u64) << 32 | count as u64
}

/// Size and count of a word.
pub(super) const fn unpair(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

/// Counts of one session.
#[derive(Clone, Debug)]
pub(super) struct Sizes {
    dense: Box<[u32]>,
    large: Box<[u64]>,
    used: usize,
    full: bool,
}

impl Default for Sizes {
    fn default() -> Sizes {
        let (dense, large) = (vec![0; DENSE], vec![0; LARGE]);
        let (dense, large) = (dense.into_boxed_slice(), large.into_boxed_slice());
        Sizes { dense, large, used: 0, full: false }
    }
}

impl Sizes {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.dense.fill(0);
        (self.used, self.full) = (0, false);
    }

    /// Counts `size` `n` times; 0 is no size.
    pub(super) fn add(&mut self, size: u64, n: u32) {
        let Ok(size) = u32::try_from(size) else {
            self.full = true;
            return;
        };
        if size == 0 || n == 0 {
            return;
        }
        match self.dense.get_mut(size as usize) {
            Some(count) => match count.checked_add(n) {
                Some(sum) => *count = sum,
                None => self.full = true,
            },
            None => self.add_large(size, n),
        }
    }

    fn add_large(&mut self, size: u32, n: u32) {
        let held = self.large.get(..self.used).unwrap_or_default();
        let at = held.partition_point(|&word| unpair(word).0 < size);
        let count = held.get(at).map(|&word| unpair(word)).filter(|p| p.0 == size).map(|p| p.1);
        if let Some(count) = count {
            match (count.checked_add(n), self.large.get_mut(at)) {
                (Some(sum), Some(slot)) => *slot = pair(size, sum),
                _ => self.full = true,
            }
            return;
        }
        match self.large.get_mut(at..=self.used) {
            Some(tail) if !tail.is_empty() => {
                tail.rotate_right(1);
                if let Some(first) = tail.first_mut() {
                    *first = pair(size, n);
                }
                self.used += 1;
            }
            _ => self.full = true,
        }
    }

    /// Whether something did not fit.
    pub(super) const fn is_full(&self) -> bool {
        self.full
    }

    /// The pairs, smallest size first.
    pub(super) fn pairs(&self) -> impl Iterator<Item = u64> {
        let dense = (0_u32..).zip(&self.dense).filter(|(_, n)| **n > 0);
        let large = self.large.get(..self.used).unwrap_or_default();
        dense.map(|(size, &n)| pair(size, n)).chain(large.iter().copied())
    }
}

/// Quantile `p` of the sizes of several sessions together, with linear interpolation at (n−1)p;
/// `None` where nothing was counted. Each part is sorted. Costs one pass over the pairs.
pub(super) fn quantile<const N: usize>(mut parts: [&[u64]; N], p: f64) -> Option<f64> {
    let counts = parts.iter().copied().flatten().map(|&word| u64::from(unpair(word).1));
    let total: u64 = counts.sum();
    let rank = total.checked_sub(1)? as f64 * p;
    let low = rank as u64;
    let (mut seen, mut at_low) = (0_u64, None);
    loop {
        let heads = parts.iter().filter_map(|part| part.first());
        let size = heads.map(|&word| unpair(word).0).min()?;
        for part in &mut parts {
            if let Some((&word, rest)) = part.split_first()
                && unpair(word).0 == size
            {
                seen += u64::from(unpair(word).1);
                *part = rest;
            }
        }
        let size = f64::from(size);
        if at_low.is_none() && seen > low {
            at_low = Some(size);
        }
        if let Some(at_low) = at_low
            && (seen > low + 1 || seen == total)
        {
            return Some(at_low + (size - at_low) * (rank - low as f64));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a sorted map and a sorted list.
        #[test]
        fn equals_the_naive_count(
            sizes in prop::collection::vec(
                (prop_oneof![0_u64..9, 4090..4110_u64], 1_u32..4),
                0..300,
            ),
            p in 0.0..=1.0_f64,
        ) {
            let mut parts = [Sizes::default(), Sizes::default()];
            let (mut map, mut list) = (BTreeMap::new(), Vec::new());
            for (at, &(size, n)) in sizes.iter().enumerate() {
                parts[at % 2].add(size, n);
                if size > 0 {
                    *map.entry(size).or_insert(0_u32) += n;
                    list.extend((0..n).map(|_| size as f64));
                }
            }
            let [a, b] = parts.each_ref().map(|s| s.pairs().collect::<Vec<_>>());
            let mut own = BTreeMap::new();
            for &word in a.iter().chain(&b) {
                *own.entry(u64::from(unpair(word).0)).or_insert(0_u32) += unpair(word).1;
            }
            prop_assert_eq!(own, map);
            prop_assert!(a.is_sorted() && b.is_sorted());
            list.sort_by(f64::total_cmp);
            let expected = (!list.is_empty()).then(|| {
                let rank = (list.len() - 1) as f64 * p;
                let (low, part) = (rank as usize, rank.fract());
                let high = list[(low + 1).min(list.len() - 1)];
                list[low] + (high - list[low]) * part
            });
            let found = quantile([a.as_slice(), b.as_slice()], p);
            prop_assert_eq!(found.is_some(), expected.is_some());
            let error = found.unwrap_or(0.0) - expected.unwrap_or(0.0);
            prop_assert!(error.abs() < 1e-9);
        }
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let mut sizes = Sizes::default();
        (0..LARGE as u64).for_each(|n| sizes.add(1_000_000 - n, 1));
        assert!(!sizes.is_full());
        assert_eq!(sizes.pairs().count(), LARGE);
        sizes.add(1_000_000, 5);
        assert!(!sizes.is_full(), "a known size needs no room");
        sizes.add(DENSE as u64, 1);
        assert!(sizes.is_full());
        sizes.clear();
        assert!(!sizes.is_full() && sizes.pairs().next().is_none());
        sizes.add(u64::from(u32::MAX) + 1, 1);
        assert!(sizes.is_full());
    }
}
