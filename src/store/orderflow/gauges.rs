//! Gauges of each feed, from the instants that records are made of: how far the exchange's clock
//! and ours lie apart, how long the book stood crossed.

use serde::Serialize;

use super::snapshot::Snapshot;
use crate::book::BookState;

/// Clock skew beyond which a line says so, ms.
const SKEW_MS_MAX: f64 = 500.0;
/// Samples that are kept: more than a day of seconds.
const SAMPLES: usize = 100_000;

/// What the instants of one symbol come to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Feed {
    /// The symbol at its source.
    pub contract: String,
    /// Instants that were looked at.
    pub samples: u64,
    /// Exchange time less receive time of the event of each, ms; median. `None` without exchange
    /// times.
    pub clock_skew_p50_ms: Option<f64>,
    /// Median of the last quarter of them less that of the first, ms.
    pub clock_skew_drift_ms: Option<f64>,
    /// Instants with a crossed book times the step between two.
    pub crossed_book_s: f64,
}

/// Gathers them.
#[derive(Clone, Debug, Default)]
pub(super) struct Gauges {
    skews_ns: Vec<i64>,
    /// One instant of two to the power of this is looked at.
    thinned: u32,
    samples: u64,
    crossed: u64,
}

/// Exchange time less receive time of the event that a snapshot was taken at, ns.
pub(super) fn skew_ns(shot: &Snapshot) -> Option<i64> {
    let event = &shot.frame.event;
    let both = event.ts.is_some() && event.ts_exch.is_some();
    both.then(|| event.ts_exch.0.saturating_sub(event.ts.0))
}

impl Gauges {
    pub(super) fn add(&mut self, shot: &Snapshot) {
        self.samples += 1;
        self.crossed += u64::from(shot.frame.book == BookState::Crossed);
        if self.samples.trailing_zeros() >= self.thinned {
            self.skew(skew_ns(shot));
        }
    }

    /// Keeps a sample; where there is no more room, every second one stays and every second one of
    /// those to come is taken, so that they are spread over the whole run.
    fn skew(&mut self, skew_ns: Option<i64>) {
        if self.skews_ns.len() >= SAMPLES {
            let mut at = 0_usize;
            self.skews_ns.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            self.thinned += 1;
        }
        self.skews_ns.extend(skew_ns);
    }

    /// What they come to, with a step of `every_ns`.
    pub(super) fn feed(&self, contract: &str, every_ns: i64) -> Feed {
        let quarter = self.skews_ns.len() / 4;
        let first = median_ms(self.skews_ns.get(..quarter));
        let last = median_ms(self.skews_ns.get(self.skews_ns.len() - quarter..));
        Feed {
            contract: contract.to_owned(),
            samples: self.samples,
            clock_skew_p50_ms: median_ms(Some(&self.skews_ns)),
            clock_skew_drift_ms: last.zip(first).map(|(last, first)| last - first),
            crossed_book_s: self.crossed as f64 * every_ns as f64 / 1e9,
        }
    }
}

impl Feed {
    /// A line for people.
    #[must_use]
    pub fn text(&self) -> String {
        let ms = |value: Option<f64>| value.map_or("-".to_owned(), |ms| format!("{ms:.3} ms"));
        let skew = self.clock_skew_p50_ms;
        let far = if skew.is_some_and(|ms| ms.abs() > SKEW_MS_MAX) {
            "; ABOVE 500 ms: set this machine's clock, or the market is an old one"
        } else {
            ""
        };
        format!(
            "{}: exchange less receive time {} (median of {} seconds), drift {}, book crossed \
             for {} s{far}",
            self.contract,
            ms(skew),
            self.samples,
            ms(self.clock_skew_drift_ms),
            self.crossed_book_s
        )
    }
}

fn median_ms(samples: Option<&[i64]>) -> Option<f64> {
    let mut sorted = samples?.to_vec();
    sorted.sort_unstable();
    let (low, high) = (sorted.len().checked_sub(1)? / 2, sorted.len() / 2);
    Some(f64::midpoint(*sorted.get(low)? as f64, *sorted.get(high)? as f64) / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::SECOND;

    /// A run of many days: what is kept is spread over all of it, so the end still counts.
    #[test]
    fn a_long_run_keeps_its_end() {
        let mut gauges = Gauges::default();
        let all = 5 * SAMPLES as i64;
        for at in 0..all {
            gauges.samples += 1;
            if gauges.samples.trailing_zeros() >= gauges.thinned {
                gauges.skew(Some(at * 1_000_000));
            }
        }
        assert!(gauges.skews_ns.len() <= SAMPLES && gauges.skews_ns.is_sorted());
        let feed = gauges.feed("ESH6", SECOND);
        let near = |ms: Option<f64>, share: f64| {
            let share = share * all as f64;
            assert!(ms.is_some_and(|ms| (ms - share).abs() < 0.02 * all as f64), "{ms:?} {share}");
        };
        near(feed.clock_skew_p50_ms, 0.5);
        near(feed.clock_skew_drift_ms, 0.75);
    }

    #[test]
    fn median_and_drift() {
        let skews_ns = (0..100).map(|i| -3_000_000 + i * 10_000).collect();
        let gauges = Gauges { skews_ns, samples: 120, crossed: 7, ..Gauges::default() };
        let feed = gauges.feed("ESH6", 2_000_000_000);
        assert_eq!(feed.clock_skew_p50_ms, Some(-2.505), "of a hundred: the middle of two");
        let drift = feed.clock_skew_drift_ms.expect("samples");
        assert!((drift - 0.75).abs() < 1e-12, "{drift}");
        assert_eq!((feed.samples, feed.crossed_book_s), (120, 14.0));
        assert!(!feed.text().contains("500"), "{}", feed.text());
        let far = Gauges { skews_ns: vec![501_000_000], samples: 1, ..Gauges::default() };
        assert!(far.feed("ESH6", 1).text().contains("ABOVE 500 ms"));
        let none = Gauges::default().feed("ESH6", 1);
        assert_eq!((none.clock_skew_p50_ms, none.clock_skew_drift_ms), (None, None));
    }
}
