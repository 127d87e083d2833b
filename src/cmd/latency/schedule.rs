//! When each arrival is due: fixed before the start, whatever the program does.

use anyhow::{Result, bail};
use serde::Serialize;

use super::input::Arrival;
use crate::units::SECOND;

/// How long a run takes by default, in ns.
const DEFAULT_NS: i64 = 20 * SECOND;
/// A schedule longer than this is refused, in ns.
const LONGEST_NS: i64 = 3600 * SECOND;

/// Arrival times, in ns after the start.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Schedule {
    /// How they were made.
    kind: Kind,
    /// Arrivals.
    arrivals: usize,
    /// Time from the first to the last, in ns.
    span_ns: u64,
    #[serde(skip)]
    pub(super) due_ns: Vec<u64>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// So many a second, evenly.
    ConstantRate(f64),
    /// The recorded gaps, so many times as fast.
    RecordedGaps(f64),
}

impl Schedule {
    /// At a constant `rate` a second, or with the recorded gaps divided by `speed`; with neither
    /// the gaps are divided so that the whole takes 20 s (never stretched).
    ///
    /// # Errors
    /// A rate or speed that makes no sense, or a schedule of more than an hour.
    pub(super) fn new(
        arrivals: &[Arrival],
        rate: Option<f64>,
        speed: Option<f64>,
    ) -> Result<Schedule> {
        let first = arrivals.first().map_or(0, |a| a.ts);
        let span = arrivals.last().map_or(0, |a| a.ts.saturating_sub(first));
        let kind = match (rate, speed) {
            (Some(rate), _) => Kind::ConstantRate(rate),
            (None, Some(speed)) => Kind::RecordedGaps(speed),
            (None, None) => Kind::RecordedGaps((span as f64 / DEFAULT_NS as f64).max(1.0)),
        };
        let due: Vec<f64> = match kind {
            Kind::ConstantRate(x) | Kind::RecordedGaps(x) if !(x > 0.0 && x.is_finite()) => {
                bail!("--rate and --speed must be above 0, got {x}")
            }
            Kind::ConstantRate(rate) => {
                (0..arrivals.len()).map(|at| at as f64 * SECOND as f64 / rate).collect()
            }
            Kind::RecordedGaps(speed) => {
                arrivals.iter().map(|a| a.ts.saturating_sub(first) as f64 / speed).collect()
            }
        };
        if due.last().is_some_and(|&last| last > LONGEST_NS as f64) {
            bail!("this schedule takes more than an hour: give a higher --rate or --speed");
        }
        let due_ns: Vec<u64> = due.into_iter().map(|ns| ns as u64).collect();
        let span_ns = due_ns.last().copied().unwrap_or(0);
        Ok(Schedule { kind, arrivals: arrivals.len(), span_ns, due_ns })
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let seconds = self.span_ns as f64 / SECOND as f64;
        let how = match self.kind {
            Kind::ConstantRate(rate) => format!("constant rate of {rate} a second"),
            Kind::RecordedGaps(speed) => format!("recorded gaps, {speed:.1} times as fast"),
        };
        let mean = if seconds > 0.0 { self.arrivals as f64 / seconds } else { 0.0 };
        let n = self.arrivals;
        format!("schedule   {how}: {n} arrivals in {seconds:.1} s, {mean:.0} a second on average\n")
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::arrivals;
    use super::*;

    #[test]
    fn due_times() {
        let list = arrivals(&[5, 5, 5 + SECOND]);
        let due = |rate, speed| Schedule::new(&list, rate, speed).expect("valid").due_ns;
        assert_eq!(due(Some(1000.0), None), [0, 1_000_000, 2_000_000]);
        assert_eq!(due(None, Some(10.0)), [0, 0, 100_000_000]);
        assert_eq!(due(None, None), [0, 0, 1_000_000_000], "short files are not stretched");
        let hour = arrivals(&[0, 3600 * SECOND]);
        assert_eq!(Schedule::new(&hour, None, None).expect("valid").span_ns, 20_000_000_000);
    }

    #[test]
    fn what_is_refused() {
        let list = arrivals(&[0, 7200 * SECOND]);
        for (rate, speed) in [
            (Some(0.0), None),
            (Some(f64::NAN), None),
            (None, Some(-1.0)),
            (None, Some(f64::INFINITY)),
            (None, Some(1.0)),
            (Some(1e-9), None),
        ] {
            assert!(Schedule::new(&list, rate, speed).is_err(), "{rate:?} {speed:?}");
        }
    }
}
