//! Every number and table of a report, as one value.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::costs::{Costs, Excursions, gathered};
use super::curve::{Drawdown, Point, closed, curve, with_open, with_open_r};
use super::groups::{Deciles, Group, by, deciles};
use super::returns::{Deflated, Ratios, daily, deflated};
use super::{Summary, Trip, mean};

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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// Trading days of the period, days since 1970-01-01, rising: those without a trade too.
    pub days: Vec<i32>,
    /// Contracts of entries asked for and filled.
    pub entries: (u64, u64),
    /// Milliseconds from decision to send, send to acknowledgement, and, of entries and exits
    /// alone, acknowledgement to fill.
    pub times_ms: [Vec<f64>; 3],
    /// Movement of the mid one second after executions in their direction, ticks.
    pub impact_ticks: Vec<f64>,
    /// Daily Sharpe ratios of all configurations that were compared; empty where none were.
    pub compared: Vec<f64>,
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
    /// Largest fall of Σ R, what was open included; that of closed results alone is
    /// [`Summary::max_drawdown_r`].
    pub drawdown_r: f64,
    /// Σ R over that fall; `None` without one.
    pub recovery_r: Option<f64>,
    /// Equity at the first trade, USD.
    pub start_equity_usd: Option<f64>,
    /// Sharpe and its kin.
    #[serde(flatten)]
    pub ratios: Ratios,
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
        trips.sort_by(Trip::by_end);
        let summary = Summary::of(trips.iter());
        let start_equity_usd = trips.first().and_then(|t| t.equity_usd);
        let start = start_equity_usd.unwrap_or(0.0);
        let all: Vec<&Trip> = trips.iter().collect();
        let curve = curve(start, &all);
        let drawdown = with_open(start, &curve);
        let returns = daily(&all, &of.days).unwrap_or_default();
        let share = drawdown.share.filter(|_| start_equity_usd.is_some());
        let drawdown = Drawdown { share, ..drawdown };
        let drawdown_r = with_open_r(&curve);
        let ratios = Ratios::of(&returns, share);
        let ends = of.days.first().copied().zip(of.days.last().copied());
        Ok(Report {
            mode: mode.to_owned(),
            preset: preset.to_owned(),
            period: ends,
            days: of.days.len() as u64,
            drawdown_closed: closed(start, &curve),
            recovery_usd: (drawdown.depth > 0.0).then(|| summary.net_usd / drawdown.depth),
            drawdown_r,
            recovery_r: (drawdown_r > 0.0).then(|| summary.net_r / drawdown_r),
            start_equity_usd,
            selection: None,
            costs: Costs::of(&all, &of),
            excursions: Excursions::of(&all),
            minutes: mean(&gathered(&all, |t| t.minutes)),
            breakdowns: breakdowns(&all, &of.days),
            features: deciles(&all),
            rs: all.iter().filter_map(|t| t.r).collect(),
            ratios,
            drawdown,
            summary,
            curve,
            returns,
        }
        .selected(&of.compared))
    }

    /// With what choosing it among configurations of these daily Sharpe ratios, its own among
    /// them, leaves of its Sharpe; none means that nothing was chosen.
    #[must_use]
    pub fn selected(self, compared: &[f64]) -> Report {
        let own = self.ratios.daily_sharpe;
        let compared = if compared.is_empty() { own.as_slice() } else { compared };
        Report { selection: deflated(&self.returns, compared), ..self }
    }
}

fn breakdowns(trips: &[&Trip], days: &[i32]) -> Vec<Breakdown> {
    let unknown = || "unknown".to_owned();
    let breakdown =
        |name, of: &dyn Fn(&Trip) -> String| Breakdown { by: name, groups: by(trips, days, of) };
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
        // A loser of 1 R fell from 0.125 R above its start to 1.125 R below it.
        close(Some(report.summary.max_drawdown_r), 1.0, 12);
        close(Some(report.drawdown_r), 1.25, 12);
        close(report.recovery_r, report.summary.net_r / 1.25, 9);
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
            (report.summary.trades, report.ratios.sharpe, report.start_equity_usd),
            (0, None, None)
        );
        assert_eq!(report.returns, [0.0; 3]);
    }
}
