//! Statistics of closed trades: plain numbers in and out, no file, no clock.
//!
//! A [`Trip`] is a round trip as its record says it. [`Report::of`] takes those of one mode and
//! preset (others are refused: live, paper and replay are never pooled, nor `core` with another
//! preset) and makes every number and table of a report. [`paired`] compares two variants on the
//! same data, [`chance`] says what luck alone would do.

pub mod chance;
pub mod costs;
pub mod curve;
pub mod groups;
pub mod paired;
pub mod report;
pub mod returns;
pub mod summary;

use std::cmp::Ordering;

use serde::{Deserialize, Serialize, Serializer};

pub use chance::wilson;
pub use costs::{Costs, Excursions};
pub use curve::{Drawdown, Point, curve};
pub use groups::{Deciles, Group, INSUFFICIENT};
pub use report::{Inputs, Mixed, Report};
pub use returns::Ratios;
pub use summary::{Summary, Verdict};

/// Features of a decision.
pub const FEATURES: usize = 28;

/// A round trip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trip {
    /// Id of its entry.
    pub id: String,
    /// `live`, `paper` or `replay`.
    pub mode: String,
    /// Name of the weights that decided.
    pub preset: String,
    /// Root of the contract.
    pub symbol: String,
    /// Trade date of the exit, days since 1970-01-01.
    pub day: i32,
    /// Exit, ns since 1970-01-01: the order of trips within a day.
    pub exit_ns: i64,
    /// Contracts.
    pub qty: u32,
    /// Profit before fees, USD.
    pub gross_usd: f64,
    /// Fees, USD.
    pub fees_usd: f64,
    /// Net profit in multiples of the money at risk; `None` where none was known.
    pub r: Option<f64>,
    /// Money at risk at the entry, USD.
    pub risk_usd: Option<f64>,
    /// Equity at the entry, USD.
    pub equity_usd: Option<f64>,
    /// USD of a tick and contract.
    pub tick_usd: Option<f64>,
    /// Best and worst open profit, ticks of one contract.
    pub excursion: (f64, f64),
    /// Whether the worst came before the best.
    pub adverse_first: bool,
    /// Cost of entries and exits, ticks a contract; + = worse. Against the mid at the decision,
    /// stops and targets against their own price.
    pub slippage: [Option<f64>; 2],
    /// Minutes held.
    pub minutes: Option<f64>,
    /// `TP`, `SL` and so on.
    pub reason: String,
    /// Label at the entry.
    pub session: String,
    /// Its part.
    pub sub_bucket: String,
    /// Market regime at the entry.
    pub regime: Option<String>,
    /// Regime of VIX at the entry.
    pub vix_regime: Option<String>,
    /// Tier of the decision.
    pub tier: String,
    /// Features at the decision, 1 to 28.
    pub features: [Option<f64>; FEATURES],
}

impl Trip {
    /// The order of trips: that in which they ended.
    #[must_use]
    pub fn by_end(&self, other: &Trip) -> Ordering {
        (self.day, self.exit_ns, &self.id).cmp(&(other.day, other.exit_ns, &other.id))
    }

    /// Profit net of fees, USD.
    #[must_use]
    pub fn net_usd(&self) -> f64 {
        self.gross_usd - self.fees_usd
    }

    /// Win, loss, or flat where the result lies within its fees.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self.net_usd(), self.fees_usd)
    }

    /// Slippage of entry and exit together, USD; `None` where one of them is unknown.
    #[must_use]
    pub fn slippage_usd(&self) -> Option<f64> {
        let [entry, exit] = self.slippage;
        self.usd(entry? + exit?)
    }

    /// Ticks of one contract as money of the whole position; `None` where a tick's value is
    /// unknown.
    #[must_use]
    pub fn usd(&self, ticks: f64) -> Option<f64> {
        Some(ticks * self.tick_usd? * f64::from(self.qty))
    }

    /// Ticks of one contract in multiples of the money at risk; `None` where one is unknown.
    #[must_use]
    pub fn in_r(&self, ticks: f64) -> Option<f64> {
        Some(self.usd(ticks)? / self.risk()?)
    }

    /// Money at risk, above 0, USD.
    #[must_use]
    pub fn risk(&self) -> Option<f64> {
        self.risk_usd.filter(|&usd| usd > 0.0)
    }

    /// Monday to Sunday of the trade date.
    #[must_use]
    pub const fn weekday(&self) -> &'static str {
        // 1970-01-01 was a Thursday.
        match (self.day + 3).rem_euclid(7) {
            0 => "Monday",
            1 => "Tuesday",
            2 => "Wednesday",
            3 => "Thursday",
            4 => "Friday",
            5 => "Saturday",
            _ => "Sunday",
        }
    }
}

/// `YYYY-MM-DD` of days since 1970-01-01.
#[must_use]
pub fn iso(day: i32) -> String {
    let epoch = jiff::civil::date(1970, 1, 1);
    epoch.saturating_add(jiff::Span::new().days(day)).to_string()
}

/// A day as its date.
fn date<S: Serializer>(day: &i32, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&iso(*day))
}

/// Two days as their dates.
fn dates<S: Serializer>(days: &Option<(i32, i32)>, to: S) -> Result<S::Ok, S::Error> {
    let dates = days.map(|(first, last)| [iso(first), iso(last)]);
    Serialize::serialize(&dates, to)
}

/// Mean of numbers; `None` of none.
#[must_use]
pub fn mean(numbers: &[f64]) -> Option<f64> {
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

/// Standard deviation of a sample (n − 1); `None` of fewer than two.
#[must_use]
pub fn deviation(numbers: &[f64]) -> Option<f64> {
    let mean = mean(numbers).filter(|_| numbers.len() > 1)?;
    let squares: f64 = numbers.iter().map(|x| (x - mean) * (x - mean)).sum();
    Some(libm::sqrt(squares / (numbers.len() - 1) as f64))
}

/// The number below which a share of the sorted `numbers` lies, nearest rank; `None` of none.
#[must_use]
pub fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let rank = libm::ceil(share * sorted.len() as f64).max(1.0) as usize - 1;
    sorted.get(rank.min(last)).copied()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Asserts that two numbers agree to `digits` decimals.
    pub(crate) fn close(got: Option<f64>, expected: f64, digits: i32) {
        let got = got.expect("a number");
        let off = (got - expected).abs();
        assert!(off <= 0.5000001 * 10_f64.powi(-digits), "{got} is not {expected}");
    }

    /// A trip of 1 ES contract with this result in R at 100 USD of risk, without fees.
    pub(crate) fn trip(at: usize, r: f64) -> Trip {
        let day = 20_467 + i32::try_from(at / 5).expect("small");
        Trip {
            id: format!("mia-20260114-{at:010}"),
            mode: "paper".to_owned(),
            preset: "spec".to_owned(),
            symbol: "ES".to_owned(),
            day,
            exit_ns: at as i64 * 60_000_000_000,
            qty: 1,
            gross_usd: 100.0 * r,
            fees_usd: 0.0,
            r: Some(r),
            risk_usd: Some(100.0),
            equity_usd: Some(100_000.0),
            tick_usd: Some(12.5),
            excursion: (8.0 * r.max(0.0) + 1.0, 8.0 * r.min(0.0) - 1.0),
            adverse_first: at.is_multiple_of(2),
            slippage: [Some(1.0), Some(1.5)],
            minutes: Some(12.0),
            reason: if r > 0.0 { "TP" } else { "SL" }.to_owned(),
            session: "US".to_owned(),
            sub_bucket: "US_MORNING".to_owned(),
            regime: Some("TREND".to_owned()),
            vix_regime: None,
            tier: "GOOD".to_owned(),
            features: [Some(at as f64 / 100.0); FEATURES],
        }
    }

    #[test]
    fn helpers() {
        close(mean(&[1.0, 2.0, 6.0]), 3.0, 12);
        close(deviation(&[1.0, 2.0, 6.0]), 7.0_f64.sqrt(), 12);
        assert_eq!((mean(&[]), deviation(&[1.0]), quantile(&[], 0.5)), (None, None, None));
        let sorted: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(quantile(&sorted, 0.95), Some(95.0));
        assert_eq!(quantile(&sorted, 0.0), Some(1.0));
        assert_eq!(quantile(&[7.0], 1.0), Some(7.0));
        // Wednesday 2026-01-14.
        assert_eq!((trip(0, 1.0).weekday(), &*iso(20_467)), ("Wednesday", "2026-01-14"));
    }

    #[test]
    fn golden_profit_of_a_trade() {
        // ES buy 2 @ 6000.25 to 6004.50, 4.50 a round turn: 17 ticks, 416.00 USD.
        let es = Trip { qty: 2, gross_usd: 17.0 * 12.5 * 2.0, fees_usd: 9.0, ..trip(0, 1.0) };
        close(Some(es.net_usd()), 416.0, 9);
        // NQ sell 1 @ 21000.00 to 21010.25: -41 ticks, -209.50 USD.
        let nq = Trip { gross_usd: -41.0 * 5.0, fees_usd: 4.5, ..trip(0, 1.0) };
        close(Some(nq.net_usd()), -209.5, 9);
        // Within its fees a trade is flat, at exactly the fees too.
        for (gross, verdict) in [
            (9.0, Verdict::Flat),
            (9.01, Verdict::Win),
            (0.0, Verdict::Flat),
            (-0.01, Verdict::Loss),
        ] {
            let trip = Trip { gross_usd: gross, fees_usd: 4.5, ..trip(0, 1.0) };
            assert_eq!(trip.verdict(), verdict, "{gross}");
        }
        close(trip(0, 1.0).slippage_usd(), 31.25, 9);
    }
}
