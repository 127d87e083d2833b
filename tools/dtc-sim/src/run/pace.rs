//! How fast the market moves.

/// Speed of the market against the clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As fast as it was recorded.
    Recorded,
    /// This many times as fast; 0 and nonsense count as 1.
    Times(f64),
    /// As fast as the clients take it.
    FlatOut,
}

/// Market time that has passed, against the record times. It stands still while held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pacer {
    factor: Option<f64>,
    passed_ns: f64,
    last: Option<u64>,
    first_ts_ns: Option<i64>,
}

impl Pacer {
    pub(super) fn new(pace: Pace) -> Self {
        let factor = match pace {
            Pace::Recorded => Some(1.0),
            Pace::Times(factor) if factor.is_finite() && factor > 0.0 => Some(factor),
            Pace::Times(_) => Some(1.0),
            Pace::FlatOut => None,
        };
        Self { factor, passed_ns: 0.0, last: None, first_ts_ns: None }
    }

    /// Lets time pass up to `now`, or not if the market is held.
    pub(super) fn advance(&mut self, now: u64, held: bool) {
        if let (Some(factor), Some(last), false) = (self.factor, self.last, held) {
            self.passed_ns += now.saturating_sub(last) as f64 * factor;
        }
        self.last = Some(now);
    }

    /// Real nanoseconds until a record of this time is due; 0 if it is.
    pub(super) fn wait_ns(&mut self, ts_ns: i64) -> u64 {
        let Some(factor) = self.factor else { return 0 };
        let first = *self.first_ts_ns.get_or_insert(ts_ns);
        let ahead = ts_ns.saturating_sub(first) as f64 - self.passed_ns;
        if ahead <= 0.0 { 0 } else { (ahead / factor) as u64 }
    }

    pub(super) fn is_flat_out(&self) -> bool {
        self.factor.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_hold_and_flat_out() {
        let mut pacer = Pacer::new(Pace::Times(10.0));
        pacer.advance(0, false);
        assert_eq!(pacer.wait_ns(5_000), 0, "the first record is due at once");
        assert_eq!(pacer.wait_ns(6_000), 100);
        pacer.advance(60, false);
        assert_eq!(pacer.wait_ns(6_000), 40);
        pacer.advance(1_000_000, true);
        assert_eq!(pacer.wait_ns(6_000), 40, "held");
        pacer.advance(1_000_040, false);
        assert_eq!(pacer.wait_ns(6_000), 0);
        assert_eq!(pacer.wait_ns(1_000), 0, "a time that turned back");
        assert_eq!(Pacer::new(Pace::FlatOut).wait_ns(i64::MAX), 0);
        let mut odd = Pacer::new(Pace::Times(f64::NAN));
        odd.advance(0, false);
        assert_eq!((odd.wait_ns(0), odd.wait_ns(7)), (0, 7));
    }
}
