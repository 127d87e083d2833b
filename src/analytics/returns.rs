//! Returns of days: Sharpe, Sortino, Calmar, and Sharpe after a selection.

use std::collections::BTreeMap;

use serde::Serialize;

use super::chance::{normal, normal_quantile};
use super::{Trip, deviation, mean};

/// Trading days of a year.
pub const YEAR: f64 = 252.0;
/// Euler's constant.
const EULER: f64 = 0.577_215_664_901_532_9;

/// Net result of each of `days` (trade dates, rising) over the equity at its start; days without a
/// trade are 0. Equity at the start of a day is what its first trade says, else the equity before
/// plus the results since; `None` where neither is known, or a trade lies on none of the days.
#[must_use]
pub fn daily(trips: &[&Trip], days: &[i32]) -> Option<Vec<f64>> {
    let mut sums: BTreeMap<i32, (Option<f64>, f64)> = BTreeMap::new();
    for trip in trips {
        let sum = sums.entry(trip.day).or_insert((trip.equity_usd, 0.0));
        sum.1 += trip.net_usd();
    }
    if sums.keys().any(|day| days.binary_search(day).is_err()) {
        return None;
    }
    let mut running: Option<f64> = None;
    let mut returns = Vec::with_capacity(days.len());
    for day in days {
        let Some(&(equity, net)) = sums.get(day) else {
            returns.push(0.0);
            continue;
        };
        let start = equity.or(running).filter(|&usd| usd > 0.0)?;
        running = Some(start + net);
        returns.push(net / start);
    }
    Some(returns)
}

/// Sharpe and its kin; `None` where the days cannot say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Ratios {
    /// Of a day: what [`deflated`] compares.
    pub daily_sharpe: Option<f64>,
    /// Of a year, by days.
    pub sharpe: Option<f64>,
    /// Of a year.
    pub sortino: Option<f64>,
    /// Return of a year over the largest fall.
    pub calmar: Option<f64>,
}

impl Ratios {
    /// Of the returns of days and the largest fall as a share of the height.
    #[must_use]
    pub fn of(returns: &[f64], fall: Option<f64>) -> Ratios {
        Ratios {
            daily_sharpe: daily_sharpe(returns),
            sharpe: sharpe(returns),
            sortino: sortino(returns),
            calmar: fall.and_then(|fall| calmar(returns, fall)),
        }
    }
}

/// Mean over deviation (n − 1), of a day.
#[must_use]
pub fn daily_sharpe(returns: &[f64]) -> Option<f64> {
    let sd = deviation(returns).filter(|&sd| sd > 0.0)?;
    Some(mean(returns)? / sd)
}

/// [`daily_sharpe`] of a year.
#[must_use]
pub fn sharpe(returns: &[f64]) -> Option<f64> {
    Some(daily_sharpe(returns)? * libm::sqrt(YEAR))
}

/// Mean over √(mean of min(0, r)²), of a year; `None` of fewer than two days.
#[must_use]
pub fn sortino(returns: &[f64]) -> Option<f64> {
    let squares: Vec<f64> = returns.iter().map(|r| r.min(0.0) * r.min(0.0)).collect();
    let below = mean(&squares).filter(|&m| m > 0.0 && returns.len() > 1)?;
    Some(mean(returns)? / libm::sqrt(below) * libm::sqrt(YEAR))
}

/// Mean return of a year (252 times that of a day, not compounded) over the largest fall as a share
/// of the height; `None` of fewer than two days, of which a year says nothing.
#[must_use]
pub fn calmar(returns: &[f64], drawdown: f64) -> Option<f64> {
    let mean = mean(returns).filter(|_| drawdown > 0.0 && returns.len() > 1)?;
    Some(mean * YEAR / drawdown)
}

/// Sharpe of the best of several configurations, with what choosing it is worth taken off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Deflated {
    /// Configurations that were compared.
    pub k: u64,
    /// The daily Sharpe that the best of `k` would show by luck.
    pub expected_by_luck: f64,
    /// Chance that the true Sharpe is above that.
    pub probability: f64,
}

/// Bailey and López de Prado (2014): `trials` are the daily Sharpe ratios of all configurations
/// that were compared, the chosen one among them. With one trial this is the chance that the true
/// Sharpe is above 0. `None` where returns or trials cannot say it.
#[must_use]
pub fn deflated(returns: &[f64], trials: &[f64]) -> Option<Deflated> {
    let sd = deviation(trials).or_else(|| (trials.len() == 1).then_some(0.0))?;
    let moments = Moments::of(returns)?;
    deflate(moments, returns.len(), sd * sd, trials.len() as u64)
}

/// Daily Sharpe, skewness and kurtosis (3 for a normal distribution).
#[derive(Clone, Copy, Debug)]
struct Moments {
    sharpe: f64,
    skew: f64,
    kurtosis: f64,
}

impl Moments {
    fn of(returns: &[f64]) -> Option<Moments> {
        let (mean, sharpe) = (mean(returns)?, daily_sharpe(returns)?);
        let n = returns.len() as f64;
        let moment = |power: i32| returns.iter().map(|r| (r - mean).powi(power)).sum::<f64>() / n;
        let variance = moment(2);
        let skew = moment(3) / (variance * libm::sqrt(variance));
        Some(Moments { sharpe, skew, kurtosis: moment(4) / (variance * variance) })
    }
}

fn deflate(of: Moments, n: usize, variance: f64, k: u64) -> Option<Deflated> {
    let tries = k as f64;
    let luck = if k > 1 {
        let first = normal_quantile(1.0 - 1.0 / tries);
        let second = normal_quantile(1.0 - 1.0 / (tries * std::f64::consts::E));
        libm::sqrt(variance) * ((1.0 - EULER) * first + EULER * second)
    } else {
        0.0
    };
    let spread = 1.0 - of.skew * of.sharpe + (of.kurtosis - 1.0) / 4.0 * of.sharpe * of.sharpe;
    let sample = n.checked_sub(1).filter(|&n| n > 0 && spread > 0.0)? as f64;
    let z = (of.sharpe - luck) * libm::sqrt(sample) / libm::sqrt(spread);
    Some(Deflated { k, expected_by_luck: luck, probability: normal(z) })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, trip};
    use super::*;

    const DAYS: [f64; 10] = [0.004, -0.002, 0.0, 0.003, -0.001, 0.005, 0.0, -0.003, 0.002, 0.001];

    #[test]
    fn golden_returns() {
        close(sharpe(&DAYS), 5.492_314, 6);
        close(sortino(&DAYS), 12.074_767, 6);
        // Without the days of no trade it would be another number, and a wrong one.
        let busy: Vec<f64> = DAYS.into_iter().filter(|r| *r != 0.0).collect();
        close(sharpe(&busy), 6.157_953, 6);
        close(calmar(&DAYS, 0.003), 0.0009 * 252.0 / 0.003, 9);
    }

    #[test]
    fn no_answer_without_a_spread() {
        assert_eq!(sharpe(&[0.001]), None);
        assert_eq!(sharpe(&[0.0, 0.0, 0.0]), None);
        assert_eq!(sortino(&[0.001, 0.002]), None, "nothing was lost");
        assert_eq!(sortino(&[-0.001]), None, "a day says nothing of a year");
        assert_eq!((calmar(&DAYS, 0.0), calmar(&[0.01], 0.1)), (None, None));
    }

    #[test]
    fn days_without_a_trade_are_zero() {
        // Five trades a day of 100 USD each on 100 000.
        let trips: Vec<Trip> = (0..10).map(|at| trip(at, 1.0)).collect();
        let first = trips.first().expect("a trip").day;
        let days: Vec<i32> = vec![first - 1, first, first + 1, first + 2];
        let all: Vec<&Trip> = trips.iter().collect();
        let returns = daily(&all, &days).expect("equity is known");
        assert_eq!(returns, [0.0, 0.005, 0.005, 0.0]);
        assert_eq!(daily(&all, &[first]), None, "a trade outside the days");
        let mut bare = trips;
        for trip in bare.iter_mut().skip(5) {
            trip.equity_usd = None;
        }
        // The second day starts where the first ended.
        let returns = daily(&bare.iter().collect::<Vec<_>>(), &days).expect("carried on");
        close(returns.get(2).copied(), 500.0 / 100_500.0, 12);
        bare.first_mut().expect("a trip").equity_usd = None;
        assert_eq!(daily(&bare.iter().collect::<Vec<_>>(), &days), None);
    }

    #[test]
    fn golden_deflation() {
        // The paper's example: Sharpe 2.5 of a year of 250 days, 5 years, 100 trials with a
        // variance of 0.5 a year, skewness -3, kurtosis 10.
        let day = 250.0_f64;
        let of = Moments { sharpe: 2.5 / day.sqrt(), skew: -3.0, kurtosis: 10.0 };
        let got = deflate(of, 1250, 0.5 / day, 100).expect("sound");
        close(Some(got.expected_by_luck), 0.1132, 4);
        close(Some(got.probability), 0.9004, 4);
        // And at 46 trials, where it would still have passed 95 %: 0.9505.
        let fewer = deflate(of, 1250, 0.5 / day, 46).expect("sound");
        close(Some(fewer.probability), 0.9505, 4);
    }

    #[test]
    fn selection_lowers_the_chance() {
        let alone = deflated(&DAYS, &[0.3]).expect("one");
        assert_eq!((alone.k, alone.expected_by_luck), (1, 0.0));
        let chosen = deflated(&DAYS, &[0.3, 0.1, -0.2, 0.0]).expect("four");
        assert!(chosen.expected_by_luck > 0.0 && chosen.probability < alone.probability);
        assert_eq!(deflated(&DAYS, &[]), None);
    }
}
