//! What trading itself cost, and how far trades went while they were open.

use serde::Serialize;

use super::report::Inputs;
use super::{Trip, Verdict, mean, quantile};

/// Middle and tail of measured times, ms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Times {
    /// How many.
    pub n: u64,
    /// Half are below.
    pub p50: f64,
    /// 95 % are below.
    pub p95: f64,
    /// Longest.
    pub max: f64,
}

impl Times {
    fn of(all: &[f64]) -> Option<Times> {
        let mut sorted = all.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Times {
            n: sorted.len() as u64,
            p50: quantile(&sorted, 0.5)?,
            p95: quantile(&sorted, 0.95)?,
            max: sorted.last().copied()?,
        })
    }
}

/// What trading itself cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Costs {
    /// Mean slippage of entries against the mid at their decision, ticks a contract.
    pub entry_slippage_ticks: Option<f64>,
    /// Of exits; stops and targets against their own price.
    pub exit_slippage_ticks: Option<f64>,
    /// Slippage of all trades whose two sides are known, USD.
    pub slippage_usd: Option<f64>,
    /// Trades of which it is not known.
    pub slippage_unknown: u64,
    /// Mean slippage of a trade, both sides, R.
    pub slippage_r: Option<f64>,
    /// Mean fees of a trade, ticks a contract.
    pub fees_ticks: Option<f64>,
    /// Mean fees of a trade, R.
    pub fees_r: Option<f64>,
    /// Slippage and fees of the filled contracts, USD.
    pub shortfall_usd: Option<f64>,
    /// Contracts of entries filled over those asked for; like what follows it is known of all
    /// trades together, not of a part of them.
    pub fill_ratio: Option<f64>,
    /// Mean movement of the mid one second after an execution, ticks.
    pub impact_ticks: Option<f64>,
    /// Decision to send.
    pub decision_to_send_ms: Option<Times>,
    /// Send to acknowledgement.
    pub send_to_ack_ms: Option<Times>,
    /// Acknowledgement to fill of entries and exits: stops and targets wait for the market.
    pub ack_to_fill_ms: Option<Times>,
}

impl Costs {
    /// Of trades and of what else is known of their orders.
    #[must_use]
    pub fn of(trips: &[&Trip], inputs: &Inputs) -> Costs {
        let average = |f: &dyn Fn(&Trip) -> Option<f64>| mean(&gathered(trips, f));
        let slippage = gathered(trips, Trip::slippage_usd);
        let fees: f64 = trips.iter().map(|t| t.fees_usd).sum();
        let total = (!slippage.is_empty()).then(|| slippage.iter().sum::<f64>());
        let unknown = trips.len() - slippage.len();
        let (asked, filled) = inputs.entries;
        let [send, ack, fill] = &inputs.times_ms;
        let tick = |t: &Trip| t.usd(1.0).filter(|&usd| usd > 0.0);
        Costs {
            entry_slippage_ticks: average(&|t| t.slippage[0]),
            exit_slippage_ticks: average(&|t| t.slippage[1]),
            slippage_usd: total,
            slippage_unknown: unknown as u64,
            slippage_r: average(&|t| Some(t.slippage_usd()? / t.risk()?)),
            fees_ticks: average(&|t| Some(t.fees_usd / tick(t)?)),
            fees_r: average(&|t| Some(t.fees_usd / t.risk()?)),
            // A sum with a hole in it would look smaller than it is.
            shortfall_usd: total.filter(|_| unknown == 0).map(|usd| usd + fees),
            fill_ratio: (asked > 0).then(|| filled as f64 / asked as f64),
            impact_ticks: mean(&inputs.impact_ticks),
            decision_to_send_ms: Times::of(send),
            send_to_ack_ms: Times::of(ack),
            ack_to_fill_ms: Times::of(fill),
        }
    }
}

/// How far trades went while they were open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Excursions {
    /// Mean of the best, ticks.
    pub mfe_ticks: Option<f64>,
    /// Mean of the worst, ticks, 0 or below.
    pub mae_ticks: Option<f64>,
    /// Mean of the best, R.
    pub mfe_r: Option<f64>,
    /// Mean of the worst, R.
    pub mae_r: Option<f64>,
    /// Mean worst of wins, R: how far what was won stood against us.
    pub mae_of_wins_r: Option<f64>,
    /// Mean best of losses, R: what was let go.
    pub mfe_of_losses_r: Option<f64>,
}

impl Excursions {
    /// Of trades.
    #[must_use]
    pub fn of(trips: &[&Trip]) -> Excursions {
        let average = |f: &dyn Fn(&Trip) -> Option<f64>| mean(&gathered(trips, f));
        let only = |t: &Trip, verdict| (t.verdict() == verdict).then_some(());
        Excursions {
            mfe_ticks: average(&|t| Some(t.excursion.0)),
            mae_ticks: average(&|t| Some(t.excursion.1)),
            mfe_r: average(&|t| t.in_r(t.excursion.0)),
            mae_r: average(&|t| t.in_r(t.excursion.1)),
            mae_of_wins_r: average(&|t| {
                only(t, Verdict::Win)?;
                t.in_r(t.excursion.1)
            }),
            mfe_of_losses_r: average(&|t| {
                only(t, Verdict::Loss)?;
                t.in_r(t.excursion.0)
            }),
        }
    }
}

/// What `of` knows of the trades.
pub(super) fn gathered(trips: &[&Trip], of: impl Fn(&Trip) -> Option<f64>) -> Vec<f64> {
    trips.iter().filter_map(|trip| of(trip)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_by_rank() {
        let all: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let got = Times::of(&all).expect("some");
        assert_eq!((got.n, got.p50, got.p95, got.max), (100, 50.0, 95.0, 100.0));
        assert_eq!(Times::of(&[]), None);
    }
}
