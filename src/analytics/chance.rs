//! What luck alone would do: intervals and tails of a count of wins, and a sequential alarm.

use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal};

/// Two-sided 95 % deviate of the standard normal distribution.
const TWO_SIDED: f64 = 1.959_963_984_540_054;

/// 95 % interval of a share after `wins` of `n` (Wilson 1927); `None` of none.
#[must_use]
pub fn wilson(wins: u64, n: u64) -> Option<(f64, f64)> {
    if n == 0 || wins > n {
        return None;
    }
    let (count, z2) = (n as f64, TWO_SIDED * TWO_SIDED);
    let share = wins as f64 / count;
    let centre = (share + z2 / (2.0 * count)) / (1.0 + z2 / count);
    let spread = share * (1.0 - share) / count + z2 / (4.0 * count * count);
    let half = TWO_SIDED * libm::sqrt(spread) / (1.0 + z2 / count);
    Some(((centre - half).max(0.0), (centre + half).min(1.0)))
}

/// Chance of at most `wins` wins in `n` trades where each is won with chance `p`; `None` where `p`
/// is no chance.
#[must_use]
pub fn at_most(wins: u64, n: u64, p: f64) -> Option<f64> {
    Some(Binomial::new(p, n).ok()?.cdf(wins))
}

/// Chance of at least `wins` wins.
#[must_use]
pub fn at_least(wins: u64, n: u64, p: f64) -> Option<f64> {
    if wins == 0 { Some(1.0) } else { Some(Binomial::new(p, n).ok()?.sf(wins - 1)) }
}

/// The standard normal distribution function.
#[must_use]
pub fn normal(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// Its inverse, of a share in (0, 1).
#[must_use]
pub fn normal_quantile(share: f64) -> f64 {
    Normal::standard().inverse_cdf(share)
}

/// Bernoulli CUSUM: an alarm on a win rate that fell from one value to a lower one (Page 1954). The
/// sum is 0 while all is well and rises with losses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cusum {
    win: f64,
    loss: f64,
    sum: f64,
}

impl Cusum {
    /// Between win rates `from` and `to`, both inside (0, 1), `to` below `from`; else `None`.
    #[must_use]
    pub fn new(from: f64, to: f64) -> Option<Cusum> {
        let sound = to > 0.0 && to < from && from < 1.0;
        sound.then(|| Cusum {
            win: libm::log(to / from),
            loss: libm::log((1.0 - to) / (1.0 - from)),
            sum: 0.0,
        })
    }

    /// Takes the next trade and returns the sum.
    pub fn next(&mut self, won: bool) -> f64 {
        self.sum = (self.sum + if won { self.win } else { self.loss }).max(0.0);
        self.sum
    }

    /// The sum so far.
    #[must_use]
    pub const fn sum(&self) -> f64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::close;
    use super::*;

    #[test]
    fn golden_wilson() {
        for (wins, n, low, high) in
            [(76, 100, 0.6677, 0.8331), (30, 50, 0.4618, 0.7239), (23, 50, 0.3297, 0.5960)]
        {
            let (got_low, got_high) = wilson(wins, n).expect("an interval");
            close(Some(got_low), low, 4);
            close(Some(got_high), high, 4);
        }
        assert_eq!((wilson(0, 0), wilson(3, 2)), (None, None));
        assert_eq!(wilson(0, 10).map(|w| w.0), Some(0.0));
        close(wilson(10, 10).map(|w| w.1), 1.0, 12);
        // The alarm of a falling win rate: at most 23 of 50, never 24.
        assert!(wilson(23, 50).expect("an interval").1 < 0.6);
        assert!(wilson(24, 50).expect("an interval").1 >= 0.6);
    }

    #[test]
    fn golden_tails() {
        // Fewer than 60 % of 50 is at most 29.
        close(at_most(29, 50, 0.65), 0.1861, 4);
        close(at_most(29, 50, 0.70), 0.0478, 4);
        close(at_most(29, 50, 0.60), 0.4390, 4);
        // More than 75 % of 100 is at least 76.
        close(at_least(76, 100, 0.70), 0.1136, 4);
        close(at_most(23, 50, 0.65), 0.004_54, 5);
        close(at_least(0, 5, 0.3), 1.0, 12);
        assert_eq!(at_most(1, 2, 1.5), None);
    }

    #[test]
    fn golden_cusum() {
        let mut alarm = Cusum::new(0.65, 0.50).expect("sound");
        let mut fresh = alarm;
        close(Some(alarm.win), -0.262_364, 6);
        close(Some(alarm.loss), 0.356_675, 6);
        for c in "LLWLLLWLLL".chars() {
            alarm.next(c == 'W');
        }
        close(Some(alarm.sum()), 2.328_671, 6);
        assert_eq!(fresh.next(true), 0.0, "never below 0");
        assert_eq!(Cusum::new(0.5, 0.65), None);
    }
}
