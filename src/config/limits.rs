//! `[risk]` and `[exchange]`: the limits, and how the simulated exchange fills.
//!
//! Limits change by a new configuration and a new start, never while a run lasts.

use serde::{Deserialize, Serialize};

/// `[risk]`: every limit, with the default of the specification.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RiskConfig {
    /// Share of the equity that a trade of tier factor 1 risks.
    pub base_risk: f64,
    /// Greatest share that any trade risks.
    pub risk_cap: f64,
    /// Greatest tier factor while VIX is above its stress level.
    pub stress_tier: f64,
    /// Most open positions.
    pub positions_max: u32,
    /// Most USD a tick over all positions, sides not netted.
    pub tick_usd_max: f64,
    /// Greatest share at risk over all positions.
    pub open_risk_max: f64,
    /// Loss of a session label, in R, that stops entries until the next one.
    pub session_loss_r: f64,
    /// Loss of a trade date, in R, that stops trading until the next one.
    pub day_loss_r: f64,
    /// The same as a share of the equity.
    pub day_loss: f64,
    /// Drawdown from the month's peak from which the size shrinks to half.
    pub month_warn: f64,
    /// Drawdown from the month's peak that stops trading to its end.
    pub month_stop: f64,
    /// Losses in a row that stop entries for `pause_s`.
    pub losses_max: u32,
    /// See `losses_max`, seconds.
    pub pause_s: u32,
    /// Trades of a trade date.
    pub trades_max: u32,
    /// Wall time in New York at which everything is flat, `HH:MM`, before 17:00.
    pub flat_by: String,
    /// Least reward to risk net of costs.
    pub rr_min: f64,
    /// Order messages in any second, at least 2: an entry leaves with its bracket.
    pub throttle_max: u32,
    /// New orders in any 60 s.
    pub orders_max: u32,
    /// Changes of orders in any 60 s.
    pub replaces_max: u32,
    /// Share of new orders refused that stops entries.
    pub reject_share: f64,
    /// Send-to-ack p95 that stops entries, milliseconds.
    pub ack_p95_ms: u32,
    /// Seconds without market data that stop entries.
    pub stale_s: u32,
    /// Widest spread of an entry, ticks.
    pub spread_max: u32,
    /// Contracts of the first three levels, in multiples of the order.
    pub depth_times: u32,
    /// Greatest slippage that walking the book may cost, ticks.
    pub walk_max: f64,
    /// Greatest distance from the price of the signal, ticks.
    pub collar: u32,
    /// Seconds between two intents of one symbol and side.
    pub cadence_s: u32,
}

impl Default for RiskConfig {
    fn default() -> RiskConfig {
        RiskConfig {
            base_risk: 0.005,
            risk_cap: 0.01,
            stress_tier: 1.0,
            positions_max: 3,
            tick_usd_max: 62.5,
            open_risk_max: 0.015,
            session_loss_r: 2.0,
            day_loss_r: 3.0,
            day_loss: 0.02,
            month_warn: 0.03,
            month_stop: 0.05,
            losses_max: 3,
            pause_s: 1800,
            trades_max: 10,
            flat_by: "16:55".to_owned(),
            rr_min: 2.5,
            throttle_max: 5,
            orders_max: 20,
            replaces_max: 60,
            reject_share: 0.10,
            ack_p95_ms: 800,
            stale_s: 10,
            spread_max: 2,
            depth_times: 3,
            walk_max: 1.0,
            collar: 4,
            cadence_s: 60,
        }
    }
}

/// How the simulated exchange reckons the place of a limit order in its queue.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum QueueModel {
    /// Only trades at the price shorten it.
    #[default]
    Pessimistic,
    /// Cancels shorten it in proportion too.
    Proportional,
}

/// `[exchange]`: the simulated one.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExchangeConfig {
    /// Microseconds until an order takes effect, 0 to 10 s.
    pub latency_us: u32,
    /// `pessimistic` or `proportional`.
    pub queue: QueueModel,
    /// Ticks that a market order pays beyond the touch, at least 1.
    pub slippage_ticks: u32,
}

impl Default for ExchangeConfig {
    fn default() -> ExchangeConfig {
        ExchangeConfig { latency_us: 20_000, queue: QueueModel::Pessimistic, slippage_ticks: 1 }
    }
}

impl RiskConfig {
    /// Minutes after midnight of `flat_by`.
    ///
    /// # Errors
    /// A text where it is no time of a day.
    pub fn flat_by_minutes(&self) -> Result<u32, String> {
        let parsed = self.flat_by.split_once(':').and_then(|(hour, minute)| {
            let number = |text: &str| -> Option<u32> {
                let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
                digits.then(|| text.parse().ok()).flatten()
            };
            let (hour, minute) = (number(hour)?, number(minute)?);
            (hour < 24 && minute < 60).then_some(hour * 60 + minute)
        });
        parsed.ok_or_else(|| "risk.flat_by: HH:MM, New York".to_owned())
    }

    /// What is no limit of the risk; the limits are checked where they are used, by
    /// [`risk::Params::check`](crate::risk::Params::check).
    pub(super) fn check(&self) -> Result<(), String> {
        let ratio = self.rr_min > 0.0 && self.rr_min <= 100.0;
        if !ratio {
            return Err("risk.rr_min: above 0, at most 100".to_owned());
        }
        if !(1..=3600).contains(&self.cadence_s) {
            return Err("risk.cadence_s: 1 to 3600".to_owned());
        }
        self.flat_by_minutes().map(drop)
    }
}

impl ExchangeConfig {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.latency_us > 10_000_000 {
            return Err("exchange.latency_us: at most 10000000".to_owned());
        }
        if !(1..=100).contains(&self.slippage_ticks) {
            return Err("exchange.slippage_ticks: 1 to 100".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, TradingConfig};

    /// The example's tables from `from` to `to`, with nothing commented out.
    fn shown(from: &str, to: &str) -> String {
        let text = include_str!("../cmd/example.toml");
        let (begin, end) = (text.find(from).expect("there"), text.find(to).expect("there"));
        let open = |line: &str| format!("{}\n", line.strip_prefix("# ").unwrap_or(line));
        text.get(begin..end).expect("in order").lines().map(open).collect()
    }

    fn keys(table: &toml::Table) -> Vec<&str> {
        let mut keys: Vec<&str> = table.keys().map(String::as_str).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn the_example_shows_every_limit_with_its_default() {
        let text = shown("[risk]", "[threads]");
        let config = Config::parse(&text).expect("valid");
        assert_eq!(config.risk, RiskConfig::default());
        assert_eq!(config.exchange, ExchangeConfig::default());
        let table: toml::Table = text.parse().expect("a table");
        let of = |name: &str| table.get(name).and_then(toml::Value::as_table).expect("a table");
        let risk = toml::Table::try_from(RiskConfig::default()).expect("a table");
        let exchange = toml::Table::try_from(ExchangeConfig::default()).expect("a table");
        assert_eq!(keys(of("risk")), keys(&risk));
        assert_eq!(keys(of("exchange")), keys(&exchange));
    }

    #[test]
    fn the_example_of_trading_is_one() {
        let symbols = "[[symbols]]\nname = \"ESZ6\"\nsource = \"es\"\n[[sources]]\n\
                       kind = \"dtc\"\nname = \"es\"\naddress = \"127.0.0.1:11099\"\n";
        let config = Config::parse(&format!("{symbols}{}", shown("# [trading]", "[risk]")));
        let trading = config.expect("valid").trading.expect("there");
        let plain = TradingConfig {
            source: "es".to_owned(),
            symbols: vec!["ESZ6".to_owned()],
            news: trading.news.clone(),
            max_hold_s: trading.max_hold_s,
            product: trading.product.clone(),
            ..TradingConfig::default()
        };
        assert_eq!(trading, plain, "what is shown is the default");
        assert_eq!(trading.product.len(), 1);
    }
}
