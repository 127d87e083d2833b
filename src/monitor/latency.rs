//! Latency histograms and the gaps of a spinning loop.
//!
//! A histogram keeps three significant digits from 1 ns to an hour, so the tails are as good as
//! the middle. Criterion's means say nothing about either.

use hdrhistogram::{CreationError, Histogram};
use serde::Serialize;

/// Longest duration told apart from longer ones, in ns.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Durations of one kind, in ns.
#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

/// The quantiles that are reported, in ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Quantiles {
    /// Half are at or below.
    pub p50: u64,
    /// Nine in ten are at or below.
    pub p90: u64,
    /// 99 in a hundred are at or below.
    pub p99: u64,
    /// 999 in a thousand are at or below.
    #[serde(rename = "p99.9")]
    pub p99_9: u64,
    /// The longest.
    pub max: u64,
    /// How many there were.
    pub count: u64,
}

impl Latencies {
    /// An empty histogram.
    ///
    /// # Errors
    /// What the histogram says of its bounds; with the constants here it has nothing to say.
    pub fn new() -> Result<Latencies, CreationError> {
        Histogram::new_with_bounds(1, LONGEST_NS, 3).map(Latencies)
    }

    /// Takes a duration; 0 counts as 1, more than an hour as an hour.
    pub fn record(&mut self, ns: u64) {
        self.0.saturating_record(ns.max(1));
    }

    /// Takes a duration `count` times.
    pub fn record_n(&mut self, ns: u64, count: u64) {
        self.0.saturating_record_n(ns.max(1), count);
    }

    /// Takes what another one has counted.
    pub fn add(&mut self, other: &Latencies) {
        // Both have the bounds of `new`, so nothing is out of range.
        let _ = self.0.add(&other.0);
    }

    /// The quantiles so far; all 0 while empty.
    #[must_use]
    pub fn quantiles(&self) -> Quantiles {
        let at = |q| if self.0.is_empty() { 0 } else { self.0.value_at_quantile(q) };
        Quantiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            max: self.0.max(),
            count: self.0.len(),
        }
    }
}

/// A gap longer than this was time that the host or the kernel took, in ns.
pub const LOST_NS: u64 = 10_000;
/// Gaps below this are counted by the nanosecond, which costs the loop next to nothing.
const FINE: usize = 1024;

/// Gaps between successive clock reads of a thread that does nothing else: what is left when the
/// program is taken away.
#[derive(Clone, Debug)]
pub struct Gaps {
    fine: [u64; FINE],
    coarse: Latencies,
    lost_ns: u64,
    all_ns: u64,
}

/// What [`Gaps`] found.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Jitter {
    /// The gaps; the middle is the cost of a clock read.
    pub gaps_ns: Quantiles,
    /// Share of the time that lay in gaps longer than [`LOST_NS`], in [0, 1].
    pub lost_share: f64,
    /// How long the loop ran, in ns.
    pub observed_ns: u64,
}

impl Gaps {
    /// No gap seen.
    ///
    /// # Errors
    /// As [`Latencies::new`].
    pub fn new() -> Result<Gaps, CreationError> {
        Ok(Gaps { fine: [0; FINE], coarse: Latencies::new()?, lost_ns: 0, all_ns: 0 })
    }

    /// Takes a gap.
    pub fn record(&mut self, ns: u64) {
        self.all_ns = self.all_ns.saturating_add(ns);
        match usize::try_from(ns).ok().and_then(|at| self.fine.get_mut(at)) {
            Some(count) => *count += 1,
            None => {
                self.coarse.record(ns);
                self.lost_ns += if ns > LOST_NS { ns } else { 0 };
            }
        }
    }

    /// What was found.
    #[must_use]
    pub fn jitter(&self) -> Jitter {
        let mut all = self.coarse.clone();
        for (ns, &count) in self.fine.iter().enumerate().filter(|(_, count)| **count > 0) {
            all.record_n(ns as u64, count);
        }
        let lost_share =
            if self.all_ns > 0 { self.lost_ns as f64 / self.all_ns as f64 } else { 0.0 };
        Jitter { gaps_ns: all.quantiles(), lost_share, observed_ns: self.all_ns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_a_known_set() {
        let mut latencies = Latencies::new().expect("bounds");
        assert_eq!(latencies.quantiles().p99_9, 0);
        (1..=1000).for_each(|ns| latencies.record(ns));
        let q = latencies.quantiles();
        assert_eq!(
            (q.p50, q.p90, q.p99, q.p99_9, q.max, q.count),
            (500, 900, 990, 999, 1000, 1000)
        );
        latencies.record(0);
        latencies.record(u64::MAX);
        assert!(latencies.quantiles().max >= LONGEST_NS);
    }

    #[test]
    fn gaps_and_lost_time() {
        let mut gaps = Gaps::new().expect("bounds");
        (0..999).for_each(|_| gaps.record(10));
        gaps.record(LOST_NS);
        assert_eq!(gaps.jitter().lost_share, 0.0, "at the limit is not above it");
        gaps.record(980_010);
        let jitter = gaps.jitter();
        assert_eq!((jitter.gaps_ns.p50, jitter.gaps_ns.count), (10, 1001));
        assert_eq!(jitter.observed_ns, 1_000_000);
        assert!((jitter.lost_share - 0.980_01).abs() < 1e-9);
    }
}
