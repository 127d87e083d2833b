//! Every number of the risk, and what a product costs and may hold.
//!
//! Numbers change by configuration and a restart, never by what a run learns.

use crate::units::{MINUTE, Qty, SECOND};

/// Limits and thresholds. The defaults are the specification's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    /// Share of equity that a trade of tier factor 1 risks.
    pub base_risk: f64,
    /// Most of the equity that one trade risks.
    pub risk_cap: f64,
    /// What an unknown session factor counts as.
    pub session_floor: f64,
    /// What an unknown volatility factor counts as.
    pub volatility_floor: f64,
    /// What an unknown VIX factor counts as.
    pub vix_floor: f64,
    /// Greatest tier factor while VIX is above its stress level.
    pub stress_tier: f64,
    /// Most open positions, working entries included.
    pub positions_max: u32,
    /// Most USD per tick over all positions, sides not netted.
    pub tick_usd_max: f64,
    /// Most open risk of the account, share of equity.
    pub open_risk_max: f64,
    /// Loss of a session that stops entries, R.
    pub session_loss_r: f64,
    /// Loss of a day that stops trading, R.
    pub day_loss_r: f64,
    /// Loss of a day that stops trading, share of equity.
    pub day_loss: f64,
    /// Drawdown from the month's peak at which the size shrinks.
    pub month_warn: f64,
    /// What it shrinks to.
    pub month_scale: f64,
    /// Drawdown from the month's peak that stops trading.
    pub month_stop: f64,
    /// Losses in a row after which entries pause.
    pub losses_max: u32,
    /// For how long, ns of receive time.
    pub pause_ns: i64,
    /// Trades of a day after which entries stop.
    pub trades_max: u32,
    /// When to be flat on a full day, minutes after midnight in New York.
    pub flat_by_minute: u16,
    /// How long before an early halt to be flat, ns.
    pub flat_before_halt_ns: i64,
    /// Window of the order and replace rates, ns.
    pub rate_ns: i64,
    /// Most new orders in it.
    pub orders_max: u32,
    /// Most replaces in it.
    pub replaces_max: u32,
    /// Share of refused orders above which entries stop.
    pub reject_share: f64,
    /// Orders over which it is measured; fewer say nothing.
    pub reject_sample: u32,
    /// Acknowledgements over which their 95th percentile is measured; fewer say nothing.
    pub ack_sample: u32,
    /// The percentile from which entries stop, ns.
    pub ack_p95_ns: i64,
    /// Silence of the market in session from which entries stop, ns.
    pub stale_ns: i64,
    /// Silence above which somebody must look while a position is open, ns.
    pub stale_held_ns: i64,
    /// Lateness of a one-minute bar from which entries stop, ns.
    pub bar_1_late_ns: i64,
    /// Lateness of a 30-minute bar from which entries stop, ns.
    pub bar_30_late_ns: i64,
    /// Order messages that may leave in the throttle's window.
    pub throttle_max: u32,
    /// The throttle's window, ns.
    pub throttle_ns: i64,
    /// Widest spread, ticks.
    pub spread_max: i32,
    /// Levels whose contracts count as depth.
    pub depth_levels: usize,
    /// Depth that is needed, multiple of the order.
    pub depth_times: u32,
    /// Greatest expected cost of walking the book, ticks a contract.
    pub walk_max: f64,
    /// Farthest distance of the price from that of the signal, ticks.
    pub collar: i32,
    /// Somebody is there who lifts a halt. Without (a backtest), what the risk itself stopped
    /// begins again with the next trade date, or month for a drawdown, and with fresh data.
    pub attended: bool,
}

impl Default for Params {
    fn default() -> Params {
        Params {
            base_risk: 0.005,
            risk_cap: 0.01,
            session_floor: 0.5,
            volatility_floor: 0.4,
            vix_floor: 0.5,
            stress_tier: 1.0,
            positions_max: 3,
            tick_usd_max: 62.5,
            open_risk_max: 0.015,
            session_loss_r: 2.0,
            day_loss_r: 3.0,
            day_loss: 0.02,
            month_warn: 0.03,
            month_scale: 0.5,
            month_stop: 0.05,
            losses_max: 3,
            pause_ns: 30 * MINUTE,
            trades_max: 10,
            flat_by_minute: 16 * 60 + 55,
            flat_before_halt_ns: 5 * MINUTE,
            rate_ns: MINUTE,
            orders_max: 20,
            replaces_max: 60,
            reject_share: 0.10,
            reject_sample: 10,
            ack_sample: 50,
            ack_p95_ns: 800_000_000,
            stale_ns: 10 * SECOND,
            stale_held_ns: 60 * SECOND,
            bar_1_late_ns: 30 * SECOND,
            bar_30_late_ns: 300 * SECOND,
            throttle_max: 5,
            throttle_ns: SECOND,
            spread_max: 2,
            depth_levels: 3,
            depth_times: 3,
            walk_max: 1.0,
            collar: 4,
            attended: true,
        }
    }
}

/// Greatest time: far more than any of them can mean.
const WEEK_NS: i64 = 7 * 24 * 60 * MINUTE;
/// Before this minute of the day everything must be flat: the Globex day ends.
const DAY_END_MINUTE: u16 = 17 * 60;

impl Params {
    /// Checks what a user may have written. Keys are those of the configuration.
    ///
    /// # Errors
    /// A text that names the first offending value and what is allowed.
    pub fn check(&self) -> Result<(), String> {
        // A limit of 0 or of no number is no limit.
        for (key, value, most) in [
            ("base_risk", self.base_risk, 0.01),
            ("risk_cap", self.risk_cap, 0.01),
            ("session_floor", self.session_floor, 1.0),
            ("volatility_floor", self.volatility_floor, 1.0),
            ("vix_floor", self.vix_floor, 1.0),
            ("stress_tier", self.stress_tier, 2.0),
            ("tick_usd_max", self.tick_usd_max, 1e5),
            ("open_risk_max", self.open_risk_max, 0.05),
            ("session_loss_r", self.session_loss_r, 10.0),
            ("day_loss_r", self.day_loss_r, 10.0),
            ("day_loss", self.day_loss, 0.10),
            ("month_warn", self.month_warn, 0.20),
            ("month_scale", self.month_scale, 1.0),
            ("month_stop", self.month_stop, 0.20),
            ("reject_share", self.reject_share, 1.0),
            ("walk_max", self.walk_max, 100.0),
        ] {
            let within = value > 0.0 && value <= most;
            if !within {
                return Err(format!("risk.{key}: above 0, at most {most}"));
            }
        }
        if self.month_warn > self.month_stop {
            return Err("risk.month_warn: not above month_stop".to_owned());
        }
        if self.flat_by_minute >= DAY_END_MINUTE {
            return Err("risk.flat_by: before 17:00, when the day ends".to_owned());
        }
        self.check_counts()?;
        self.check_times()
    }

    fn check_counts(&self) -> Result<(), String> {
        let ticks = |n: i32| u32::try_from(n).unwrap_or(0);
        let levels = u32::try_from(self.depth_levels).unwrap_or(0);
        for (key, value, [least, most]) in [
            ("positions_max", self.positions_max, [1, 16]),
            ("losses_max", self.losses_max, [1, 100]),
            ("trades_max", self.trades_max, [1, 1000]),
            ("orders_max", self.orders_max, [1, 1000]),
            ("replaces_max", self.replaces_max, [1, 1000]),
            ("reject_sample", self.reject_sample, [1, 1000]),
            ("ack_sample", self.ack_sample, [1, 1000]),
            // An entry leaves together with its bracket or not at all.
            ("throttle_max", self.throttle_max, [2, 100]),
            ("spread_max", ticks(self.spread_max), [1, 100]),
            ("depth_levels", levels, [1, 10]),
            ("depth_times", self.depth_times, [1, 1000]),
            ("collar", ticks(self.collar), [1, 100]),
        ] {
            if !(least..=most).contains(&value) {
                return Err(format!("risk.{key}: {least} to {most}"));
            }
        }
        Ok(())
    }

    fn check_times(&self) -> Result<(), String> {
        for (key, ns, unit, most) in [
            ("pause_s", self.pause_ns, SECOND, 86_400),
            ("ack_p95_ms", self.ack_p95_ns, SECOND / 1000, 60_000),
            ("stale_s", self.stale_ns, SECOND, 600),
        ] {
            if !(unit..=unit * most).contains(&ns) {
                return Err(format!("risk.{key}: 1 to {most}"));
            }
        }
        let rest = [
            ("flat_before_halt", self.flat_before_halt_ns),
            ("rate", self.rate_ns),
            ("stale_held", self.stale_held_ns),
            ("bar_1_late", self.bar_1_late_ns),
            ("bar_30_late", self.bar_30_late_ns),
            ("throttle", self.throttle_ns),
        ];
        match rest.iter().find(|(_, ns)| !(1..=WEEK_NS).contains(ns)) {
            Some((key, _)) => Err(format!("risk.{key}: above 0, at most a week")),
            None => Ok(()),
        }
    }
}

/// What a contract of a symbol is worth, costs and may be held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Product {
    /// Orders of the symbol may be sent.
    pub trading: bool,
    /// USD per tick and contract.
    pub tick_value: f64,
    /// Fees of a contract there and back, USD.
    pub round_turn: f64,
    /// Slippage that the size expects, ticks.
    pub slippage_ticks: f64,
    /// Most contracts of the symbol.
    pub cap: Qty,
    /// Least distance of a stop, ticks.
    pub min_stop_ticks: i32,
    /// Greatest age of its market data, ns.
    pub data_age_ns: i64,
    /// Its small sister, for the hint where no contract fits.
    pub micro: Option<Micro>,
}

/// The small contract beside a large one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Micro {
    /// USD per tick and contract.
    pub tick_value: f64,
    /// Fees of a contract there and back, USD.
    pub round_turn: f64,
    /// Most contracts.
    pub cap: Qty,
}

impl Product {
    /// Checks what a user may have written. Keys are those of the configuration.
    ///
    /// # Errors
    /// A text that begins with the key of the first offending value and says what is allowed.
    pub fn check(&self) -> Result<(), String> {
        let of = self.micro.map_or([1.0, 0.0], |m| [m.tick_value, m.round_turn]);
        let (values, fees) = ([self.tick_value, of[0]], [self.round_turn, of[1]]);
        if values.iter().any(|x| !(x.is_finite() && *x > 0.0)) {
            return Err("tick_value: above 0".to_owned());
        }
        if fees.iter().any(|x| !(x.is_finite() && *x >= 0.0)) {
            return Err("round_turn: 0 or above".to_owned());
        }
        // Of entry and exit.
        if !(0.0..=2000.0).contains(&self.slippage_ticks) {
            return Err("slippage_ticks: at most 1000".to_owned());
        }
        if !(1..=1000).contains(&self.min_stop_ticks) {
            return Err("min_stop_ticks: 1 to 1000".to_owned());
        }
        if !(1..=1000).contains(&self.cap) {
            return Err("contracts_max: 1 to 1000".to_owned());
        }
        if !(1..=WEEK_NS).contains(&self.data_age_ns) {
            return Err("the age of market data: above 0, at most a week".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
impl Product {
    /// An index future of the specification's examples, by root.
    pub(super) fn of_root(root: &str) -> Option<Product> {
        let (tick_value, micro) = match root {
            "ES" => (12.5, Some(1.25)),
            "NQ" => (5.0, Some(0.5)),
            "MES" => (1.25, None),
            "MNQ" => (0.5, None),
            _ => return None,
        };
        let (round_turn, cap) = if micro.is_some() { (5.0, 5) } else { (1.5, 50) };
        Some(Product {
            trading: true,
            tick_value,
            round_turn,
            slippage_ticks: 2.0,
            cap,
            min_stop_ticks: 6,
            data_age_ns: SECOND,
            micro: micro.map(|tick_value| Micro { tick_value, round_turn: 1.5, cap: 50 }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_pass() {
        Params::default().check().expect("defaults");
        for root in ["ES", "NQ", "MES", "MNQ"] {
            Product::of_root(root).expect("root").check().expect("product");
        }
        assert_eq!(Product::of_root("CL"), None);
        // Five large contracts are as much a tick as fifty small ones.
        let usd = |root| Product::of_root(root).map(|p| f64::from(p.cap) * p.tick_value);
        assert_eq!((usd("ES"), usd("MES")), (Some(62.5), Some(62.5)));
    }

    #[test]
    fn what_a_user_may_not_write() {
        let good = Params::default();
        for (params, word) in [
            (Params { base_risk: 0.0, ..good }, "base_risk"),
            (Params { risk_cap: f64::NAN, ..good }, "risk_cap"),
            (Params { month_stop: 1.5, ..good }, "month_stop"),
            (Params { month_warn: 0.06, ..good }, "month_warn"),
            (Params { day_loss_r: -1.0, ..good }, "day_loss_r"),
            (Params { session_loss_r: f64::INFINITY, ..good }, "session_loss_r"),
            (Params { orders_max: 0, ..good }, "orders_max"),
            (Params { throttle_max: 1, ..good }, "throttle_max"),
            (Params { stale_ns: 0, ..good }, "stale_s"),
            (Params { pause_ns: i64::MAX, ..good }, "pause_s"),
            (Params { throttle_ns: 0, ..good }, "throttle"),
            (Params { flat_by_minute: 1020, ..good }, "flat_by"),
            (Params { positions_max: 17, ..good }, "positions_max"),
            (Params { depth_levels: 11, ..good }, "depth_levels"),
            (Params { collar: -1, ..good }, "collar"),
        ] {
            assert!(params.check().expect_err(word).contains(word));
        }
        let es = Product::of_root("ES").expect("ES");
        for product in [
            Product { tick_value: 0.0, ..es },
            Product { round_turn: -1.0, ..es },
            Product { slippage_ticks: f64::NAN, ..es },
            Product { min_stop_ticks: 0, ..es },
            Product { cap: 1001, ..es },
            Product { cap: 0, ..es },
            Product { data_age_ns: 0, ..es },
            Product { micro: Some(Micro { tick_value: 0.0, round_turn: 1.0, cap: 5 }), ..es },
            Product { micro: Some(Micro { tick_value: 1.0, round_turn: -1.0, cap: 5 }), ..es },
        ] {
            assert!(product.check().is_err(), "{product:?}");
        }
    }
}
