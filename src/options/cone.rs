//! The volatility cone: how much an index has moved over horizons of a week to a year, and where
//! an implied volatility stands in it.
//!
//! Realised volatility over n sessions is √252 times the sample standard deviation (n − 1 in the
//! denominator) of the n daily log returns; every window of the history counts, overlapping.
//! Percentiles are linear between order statistics. Decimals a year. Burghardt and Lane, "How to
//! tell if options are cheap" (1990). Cost: closes × 519.

use super::{Known, Null, null};
use crate::units::Reason;

/// Horizons in sessions.
pub const HORIZONS: [u16; 7] = [5, 10, 21, 42, 63, 126, 252];
/// Percentiles of each.
pub const PERCENTILES: [u8; 7] = [5, 10, 25, 50, 75, 90, 95];
/// Fewest closes: two years of returns.
pub const CLOSES_MIN: usize = 2 * 252 + 1;
/// Sessions and days of a year.
const YEAR: (f64, f64) = (252.0, 365.0);

/// One horizon.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// Sessions.
    pub sessions: u16,
    /// Realised volatilities at [`PERCENTILES`], decimals a year.
    pub percentiles: [f64; 7],
    /// Of the last window.
    pub latest: f64,
    /// All of them, ascending.
    realised: Vec<f64>,
}

/// All horizons.
#[derive(Clone, Debug, PartialEq)]
pub struct Cone {
    /// By [`HORIZONS`].
    pub bands: Vec<Band>,
}

impl Cone {
    /// The cone of daily closes, oldest first.
    ///
    /// # Errors
    /// `WARMUP:closes` below [`CLOSES_MIN`] closes, `INVALID_INPUT:closes` for a close that is not
    /// above 0 and finite.
    pub fn of(closes: &[f64]) -> Known<Cone> {
        if closes.len() < CLOSES_MIN {
            return null(Reason::Warmup, "closes");
        }
        if closes.iter().any(|c| !(*c > 0.0 && c.is_finite())) {
            return null(Reason::InvalidInput, "closes");
        }
        let logs: Vec<f64> = closes.iter().map(|&c| libm::log(c)).collect();
        let returns: Vec<f64> =
            logs.windows(2).filter_map(|w| Some(w.last()? - w.first()?)).collect();
        let bands: Option<Vec<Band>> = HORIZONS.iter().map(|&n| Band::of(&returns, n)).collect();
        let bands = bands.ok_or(Null { reason: Reason::Warmup, detail: "closes" })?;
        Ok(Cone { bands })
    }

    /// Share of the realised volatilities at or below `sigma`, over the horizon nearest to `days`
    /// calendar days: 7 → 5 sessions, 30 → 21, 60 → 42, 90 → 63. From 0 to 1.
    ///
    /// # Errors
    /// `INVALID_INPUT:sigma` for a volatility that is not a number.
    pub fn place(&self, days: u16, sigma: f64) -> Known<f64> {
        let odd = Null { reason: Reason::InvalidInput, detail: "sigma" };
        let sessions = f64::from(days) * YEAR.0 / YEAR.1;
        let away = |band: &&Band| (f64::from(band.sessions) - sessions).abs();
        let nearest = self.bands.iter().min_by(|a, b| away(a).total_cmp(&away(b)));
        let realised = &nearest.ok_or(odd)?.realised;
        if sigma.is_nan() {
            return Err(odd);
        }
        let below = realised.partition_point(|&r| r <= sigma);
        Ok(number(below) / number(realised.len()))
    }
}

impl Band {
    fn of(returns: &[f64], sessions: u16) -> Option<Band> {
        let mut realised: Vec<f64> =
            returns.windows(usize::from(sessions)).map(deviation).collect();
        let latest = *realised.last()?;
        realised.sort_by(f64::total_cmp);
        let mut percentiles = [0.0; 7];
        for (to, &percent) in percentiles.iter_mut().zip(&PERCENTILES) {
            *to = quantile(&realised, percent)?;
        }
        Some(Band { sessions, percentiles, latest, realised })
    }
}

/// Annualised sample standard deviation.
fn deviation(returns: &[f64]) -> f64 {
    let n = number(returns.len());
    let mean = returns.iter().sum::<f64>() / n;
    let squares: f64 = returns.iter().map(|r| (r - mean) * (r - mean)).sum();
    (squares / (n - 1.0) * YEAR.0).sqrt()
}

/// Linear between the order statistics of `sorted`, the first at 0 % and the last at 100 %.
fn quantile(sorted: &[f64], percent: u8) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let scaled = last * usize::from(percent);
    let (index, rest) = (scaled / 100, number(scaled % 100) / 100.0);
    let low = sorted.get(index)?;
    Some(sorted.get(index + 1).map_or(*low, |high| low + (high - low) * rest))
}

fn number(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ±1 % in turn: over an even window the deviation is 1 %·√(n/(n − 1)).
    fn alternating() -> Vec<f64> {
        (0..600).map(|i| if i % 2 == 0 { 100.0 } else { 100.0 * libm::exp(0.01) }).collect()
    }

    #[test]
    fn a_cone_without_spread() {
        let cone = Cone::of(&alternating()).expect("600 closes");
        assert_eq!(cone.bands.iter().map(|b| b.sessions).collect::<Vec<_>>(), HORIZONS);
        let ten = &cone.bands[1];
        let want = 0.01 * (10.0_f64 / 9.0 * 252.0).sqrt();
        assert!(ten.percentiles.iter().all(|p| (p - want).abs() < 1e-12));
        assert!((ten.latest - want).abs() < 1e-12);
        assert_eq!(ten.realised.len(), 590);
        assert_eq!(cone.place(14, 0.0), Ok(0.0));
        assert_eq!(cone.place(14, 1.0), Ok(1.0));
    }

    #[test]
    fn calm_then_wild() {
        let mut price = 100.0;
        let closes: Vec<f64> = (0..1000)
            .map(|i| {
                let size = if i < 700 { 0.001 } else { 0.03 };
                price *= libm::exp(if i % 2 == 0 { size } else { -size });
                price
            })
            .collect();
        let cone = Cone::of(&closes).expect("1000 closes");
        for band in &cone.bands {
            assert!(band.percentiles.windows(2).all(|p| p[0] <= p[1]));
            assert!(band.percentiles[0] < 0.02 && band.percentiles[6] > 0.4);
        }
        let place = cone.place(7, 0.2).expect("a place");
        assert!((place - 0.7).abs() < 0.01, "{place}");
        assert!(cone.place(30, f64::NAN).is_err());
    }

    #[test]
    fn quantiles_by_hand() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(quantile(&sorted, 0), Some(1.0));
        assert_eq!(quantile(&sorted, 50), Some(3.0));
        assert_eq!(quantile(&sorted, 75), Some(5.0));
        assert_eq!(quantile(&sorted, 100), Some(8.0));
        assert_eq!(quantile(&[], 50), None);
    }

    #[test]
    fn too_little_or_odd() {
        assert_eq!(Cone::of(&alternating()[..504]), null(Reason::Warmup, "closes"));
        assert!(Cone::of(&alternating()[..505]).is_ok());
        for odd in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let mut closes = alternating();
            closes[300] = odd;
            assert_eq!(Cone::of(&closes), null(Reason::InvalidInput, "closes"));
        }
    }
}
