//! Every number and table of a report, as one value.

use std::collections::BTreeMap;

use serde::Serialize;

use super::curve::{Drawdown, Point, closed, curve, with_open};
use super::groups::{Deciles, Group, by, deciles};
use super::returns::{Deflated, calmar, daily, daily_sharpe, deflated, sharpe, sortino};
use super::{Summary, Trip, mean, quantile};

/// Trades that must not be in one statistic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mixed {
    /// Modes and presets that were found.
    pub found: Vec<(String, String)>,
}

impl std::fmt::Display for Mixed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("trades of different modes or presets are never in one statistic:")?;
        self.found.iter().try_for_each(|(mode, preset)| write!(f, " {mode}/{preset}"))
    }
}

impl std::error::Error for Mixed {}

/// What a report is made of besides the trades.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inputs {
    /// Trading days of the period, days since 1970-01-01, rising: those without a trade too.
    pub days: Vec<i32>,
    /// Contracts of entries asked for and filled.
    pub entries: (u64, u64),
    /// Milliseconds from decision to send, send to acknowledgement, acknowledgement to fill.
    pub times_ms: [Vec<f64>; 3],
    /// Movement of the mid one second after executions in their direction, ticks.
    pub impact_ticks: Vec<f64>,
    /// Daily Sharpe ratios of all configurations that were compared; empty where none were.
    pub compared: Vec<f64>,
}

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

/// What trading itself cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Costs {
    /// Mean slippage of entries against the mid at their decision, ticks a contract.
    pub entry_slippage_ticks: Option<f64>,
    /// Of exits.
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
    /// Slippage and fees of the filled contracts, USD: what the trades gave away against the mids
    /// that they were decided on.
    pub shortfall_usd: Option<f64>,
    /// Contracts of entries filled over those asked for.
    pub fill_ratio: Option<f64>,
    /// Mean movement of the mid one second after an execution, ticks.
    pub impact_ticks: Option<f64>,
    /// Decision to send.
    pub decision_to_send_ms: Option<Times>,
    /// Send to acknowledgement.
    pub send_to_ack_ms: Option<Times>,
    /// Acknowledgement to fill.
    pub ack_to_fill_ms: Option<Times>,
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

/// A named breakdown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Breakdown {
    /// By what.
    pub by: &'static str,
    /// Its parts.
    pub groups: Vec<Group>,
}

/// A report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Mode of every trade.
    pub mode: String,
    /// Preset of every trade.
    pub preset: String,
    /// First and last trade date, days since 1970-01-01; `None` without a day.
    #[serde(serialize_with = "super::dates")]
    pub period: Option<(i32, i32)>,
    /// Trading days in it.
    pub days: u64,
    /// What the trades come to.
    pub summary: Summary,
    /// Largest fall of equity, what was open included, USD and share of the height.
    pub drawdown: Drawdown,
    /// Of closed results alone.
    pub drawdown_closed: Drawdown,
    /// Net over the largest fall in USD.
    pub recovery_usd: Option<f64>,
    /// Equity at the first trade, USD.
    pub start_equity_usd: Option<f64>,
    /// Of a year, by days.
    pub sharpe: Option<f64>,
    /// Of a year.
    pub sortino: Option<f64>,
    /// Return of a year over the largest fall.
    pub calmar: Option<f64>,
    /// Sharpe after the selection.
    pub selection: Option<Deflated>,
    /// What trading cost.
    pub costs: Costs,
    /// How far trades went.
    pub excursions: Excursions,
    /// Mean minutes held.
    pub minutes: Option<f64>,
    /// By session and so on.
    pub breakdowns: Vec<Breakdown>,
    /// By where features stood.
    pub features: Vec<Deciles>,
    /// Equity after each trade.
    pub curve: Vec<Point>,
    /// R of each trade that has one, in order.
    pub rs: Vec<f64>,
    /// Returns of the days.
    pub returns: Vec<f64>,
}

impl Report {
    /// The report of trades of one mode and preset; they are put in order.
    ///
    /// # Errors
    /// [`Mixed`] where they are not of one.
    pub fn of(mode: &str, preset: &str, mut trips: Vec<Trip>, of: Inputs) -> Result<Report, Mixed> {
        if trips.iter().any(|t| t.mode != mode || t.preset != preset) {
            let kinds = trips.iter().map(|t| ((t.mode.clone(), t.preset.clone()), ()));
            let found = kinds.collect::<BTreeMap<_, ()>>().into_keys().collect();
            return Err(Mixed { found });
        }
        trips.sort_by(|a, b| (a.day, a.exit_ns, &a.id).cmp(&(b.day, b.exit_ns, &b.id)));
        let summary = Summary::of(trips.iter());
        let start_equity_usd = trips.first().and_then(|t| t.equity_usd);
        let start = start_equity_usd.unwrap_or(0.0);
        let curve = curve(start, &trips);
        let drawdown = with_open(start, &curve);
        let returns = daily(&trips, &of.days).unwrap_or_default();
        let share = drawdown.share.filter(|_| start_equity_usd.is_some());
        let drawdown = Drawdown { share, ..drawdown };
        let best_known = daily_sharpe(&returns);
        let selection = match of.compared.as_slice() {
            [] => best_known.and_then(|own| deflated(&returns, &[own])),
            all => deflated(&returns, all),
        };
        let ends = of.days.first().copied().zip(of.days.last().copied());
        Ok(Report {
            mode: mode.to_owned(),
            preset: preset.to_owned(),
            period: ends,
            days: of.days.len() as u64,
            drawdown_closed: closed(start, &curve),
            recovery_usd: (drawdown.depth > 0.0).then(|| summary.net_usd / drawdown.depth),
            start_equity_usd,
            sharpe: sharpe(&returns),
            sortino: sortino(&returns),
            calmar: share.and_then(|share| calmar(&returns, share)),
            selection,
            costs: costs(&trips, &of),
            excursions: excursions(&trips),
            minutes: mean(&gathered(&trips, |t| t.minutes)),
            breakdowns: breakdowns(&trips),
            features: deciles(&trips),
            rs: trips.iter().filter_map(|t| t.r).collect(),
            drawdown,
            summary,
            curve,
            returns,
        })
    }
}

fn breakdowns(trips: &[Trip]) -> Vec<Breakdown> {
    let unknown = || "unknown".to_owned();
    let breakdown =
        |name, of: &dyn Fn(&Trip) -> String| Breakdown { by: name, groups: by(trips, of) };
    vec![
        breakdown("symbol", &|t| t.symbol.clone()),
        breakdown("session", &|t| t.session.clone()),
        breakdown("sub_bucket", &|t| t.sub_bucket.clone()),
        breakdown("regime", &|t| t.regime.clone().unwrap_or_else(unknown)),
        breakdown("tier", &|t| t.tier.clone()),
        breakdown("preset", &|t| t.preset.clone()),
        breakdown("weekday", &|t| t.weekday().to_owned()),
        breakdown("vix_regime", &|t| t.vix_regime.clone().unwrap_or_else(unknown)),
        breakdown("exit_reason", &|t| t.reason.clone()),
    ]
}

fn gathered(trips: &[Trip], of: impl Fn(&Trip) -> Option<f64>) -> Vec<f64> {
    trips.iter().filter_map(of).collect()
}

fn costs(trips: &[Trip], of: &Inputs) -> Costs {
    let average = |f: &dyn Fn(&Trip) -> Option<f64>| mean(&gathered(trips, f));
    let slippage = gathered(trips, Trip::slippage_usd);
    let fees: f64 = trips.iter().map(|t| t.fees_usd).sum();
    let total = (!slippage.is_empty()).then(|| slippage.iter().sum::<f64>());
    let unknown = trips.len() - slippage.len();
    let (asked, filled) = of.entries;
    let [send, ack, fill] = &of.times_ms;
    let risk = |t: &Trip| t.risk_usd.filter(|&usd| usd > 0.0);
    let per_contract = |t: &Trip| Some(t.tick_usd? * f64::from(t.qty)).filter(|&usd| usd > 0.0);
    Costs {
        entry_slippage_ticks: average(&|t| t.slippage[0]),
        exit_slippage_ticks: average(&|t| t.slippage[1]),
        slippage_usd: total,
        slippage_unknown: unknown as u64,
        slippage_r: average(&|t| Some(t.slippage_usd()? / risk(t)?)),
        fees_ticks: average(&|t| Some(t.fees_usd / per_contract(t)?)),
        fees_r: average(&|t| Some(t.fees_usd / risk(t)?)),
        // A sum with a hole in it would look smaller than it is.
        shortfall_usd: total.filter(|_| unknown == 0).map(|usd| usd + fees),
        fill_ratio: (asked > 0).then(|| filled as f64 / asked as f64),
        impact_ticks: mean(&of.impact_ticks),
        decision_to_send_ms: times(send),
        send_to_ack_ms: times(ack),
        ack_to_fill_ms: times(fill),
    }
}

fn times(all: &[f64]) -> Option<Times> {
    let mut sorted = all.to_vec();
    sorted.sort_by(f64::total_cmp);
    Some(Times {
        n: sorted.len() as u64,
        p50: quantile(&sorted, 0.5)?,
        p95: quantile(&sorted, 0.95)?,
        max: sorted.last().copied()?,
    })
}

fn excursions(trips: &[Trip]) -> Excursions {
    let average = |f: &dyn Fn(&Trip) -> Option<f64>| mean(&gathered(trips, f));
    let in_r = |t: &Trip, ticks: f64| {
        let risk = t.risk_usd.filter(|&usd| usd > 0.0)?;
        Some(ticks * t.tick_usd? * f64::from(t.qty) / risk)
    };
    let only = |t: &Trip, verdict| (t.verdict() == verdict).then_some(());
    Excursions {
        mfe_ticks: average(&|t| Some(t.excursion.0)),
        mae_ticks: average(&|t| Some(t.excursion.1)),
        mfe_r: average(&|t| in_r(t, t.excursion.0)),
        mae_r: average(&|t| in_r(t, t.excursion.1)),
        mae_of_wins_r: average(&|t| {
            only(t, super::Verdict::Win)?;
            in_r(t, t.excursion.1)
        }),
        mfe_of_losses_r: average(&|t| {
            only(t, super::Verdict::Loss)?;
            in_r(t, t.excursion.0)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, trip};
    use super::*;

    fn sample() -> (Vec<Trip>, Inputs) {
        let trips: Vec<Trip> =
            (0..20).map(|at| trip(at, if at % 2 == 0 { 1.5 } else { -1.0 })).collect();
        let first = trips.first().expect("a trip").day;
        let days = (first..first + 6).collect();
        (trips, Inputs { days, entries: (24, 20), ..Inputs::default() })
    }

    #[test]
    fn never_pooled() {
        let (trips, inputs) = sample();
        let mut other = trips.clone();
        other.last_mut().expect("a trip").mode = "live".to_owned();
        let refused = Report::of("paper", "spec", other, inputs.clone()).expect_err("two modes");
        assert_eq!(refused.found.len(), 2);
        let mut core = trips.clone();
        core.last_mut().expect("a trip").preset = "core".to_owned();
        assert!(Report::of("paper", "spec", core, inputs.clone()).is_err());
        let report = Report::of("paper", "spec", trips, inputs).expect("one");
        assert_eq!((&*report.mode, &*report.preset), ("paper", "spec"));
    }

    #[test]
    fn everything_agrees() {
        let (mut trips, inputs) = sample();
        trips.reverse();
        let report = Report::of("paper", "spec", trips, inputs).expect("one");
        assert_eq!(report.days, 6);
        assert_eq!(report.returns.len(), 6, "two days without a trade count");
        let net: f64 = report.rs.iter().sum();
        close(Some(net), report.summary.net_r, 9);
        let last = report.curve.last().expect("a point");
        close(Some(last.after - 100_000.0), report.summary.net_usd, 6);
        assert!(report.drawdown.depth >= report.drawdown_closed.depth);
        close(report.costs.fill_ratio, 20.0 / 24.0, 12);
        close(report.costs.entry_slippage_ticks, 1.0, 12);
        close(report.costs.slippage_usd, 20.0 * 31.25, 9);
        close(report.costs.shortfall_usd, 20.0 * 31.25, 9);
        for breakdown in &report.breakdowns {
            let n: u64 = breakdown.groups.iter().map(|g| g.summary.trades).sum();
            assert_eq!(n, 20, "{}", breakdown.by);
        }
        let selection = report.selection.expect("days with a spread");
        assert_eq!(selection.k, 1);
    }

    #[test]
    fn an_unknown_slippage_is_no_slippage_of_zero() {
        let (mut trips, inputs) = sample();
        trips.first_mut().expect("a trip").slippage = [Some(1.0), None];
        let report = Report::of("paper", "spec", trips, inputs).expect("one");
        assert_eq!((report.costs.slippage_unknown, report.costs.shortfall_usd), (1, None));
        close(report.costs.slippage_usd, 19.0 * 31.25, 9);
    }

    #[test]
    fn no_trade_at_all() {
        let inputs = Inputs { days: vec![1, 2, 3], ..Inputs::default() };
        let report = Report::of("replay", "core", Vec::new(), inputs).expect("empty");
        assert_eq!(
            (report.summary.trades, report.sharpe, report.start_equity_usd),
            (0, None, None)
        );
        assert_eq!(report.returns, [0.0; 3]);
    }

    #[test]
    fn times_by_rank() {
        let all: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let got = times(&all).expect("some");
        assert_eq!((got.n, got.p50, got.p95, got.max), (100, 50.0, 95.0, 100.0));
        assert_eq!(times(&[]), None);
    }
}
