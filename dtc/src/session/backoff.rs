//! How long to wait before the next attempt: doubling, bounded, with jitter from a seed.

use super::config::Backoff;

const NS_PER_MS: u64 = 1_000_000;

/// The waits of one session.
#[derive(Debug)]
pub(super) struct Waits {
    limits: Backoff,
    attempt: u32,
    random: SplitMix64,
}

impl Waits {
    pub(super) fn new(limits: Backoff, seed: u64) -> Self {
        Waits { limits, attempt: 0, random: SplitMix64(seed) }
    }

    /// The next wait, ns: between half and the whole of `first * 2^attempt`, at most the longest.
    /// The jitter keeps many clients of one server from coming back at the same moment.
    pub(super) fn next_ns(&mut self) -> u64 {
        let first = u64::from(self.limits.first_ms.max(1));
        let longest = u64::from(self.limits.max_ms).max(first);
        // Below 2^32 * 2^20, so nothing is shifted out.
        let whole = (first << self.attempt.min(20)).min(longest) * NS_PER_MS;
        self.attempt = self.attempt.saturating_add(1);
        let half = whole / 2;
        half + self.random.below(whole - half + 1)
    }

    /// After a logon that lasted.
    pub(super) fn reset(&mut self) {
        self.attempt = 0;
    }
}

/// Sebastiano Vigna's SplitMix64: one addition and three mixing steps a number, every seed good.
#[derive(Debug)]
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 up to `end`, which is left out; by multiplication, whose bias is of no concern here.
    fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn waits(first_ms: u32, max_ms: u32, seed: u64) -> Vec<u64> {
        let mut waits = Waits::new(Backoff { first_ms, max_ms }, seed);
        (0..40).map(|_| waits.next_ns()).collect()
    }

    #[test]
    fn the_published_first_numbers_of_splitmix64() {
        let mut random = SplitMix64(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn doubles_to_the_longest_and_stays_within_half() {
        for (n, &ns) in waits(500, 60_000, 7).iter().enumerate() {
            let whole = (500u64 << n.min(20)).min(60_000) * NS_PER_MS;
            assert!((whole / 2..=whole).contains(&ns), "wait {n}: {ns}");
        }
    }

    #[test]
    fn a_seed_decides_everything() {
        assert_eq!(waits(500, 60_000, 7), waits(500, 60_000, 7));
        assert_ne!(waits(500, 60_000, 7), waits(500, 60_000, 8));
    }

    #[test]
    fn odd_limits_are_survived() {
        assert!(waits(0, 0, 1).iter().all(|&ns| ns <= NS_PER_MS && ns > 0));
        assert!(waits(u32::MAX, 0, 1).iter().all(|&ns| ns > 0));
        assert!(waits(u32::MAX, u32::MAX, 1).iter().all(|&ns| ns > 0));
    }
}
