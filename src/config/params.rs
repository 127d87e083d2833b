//! The tables as the parameters of the core.

use super::trading::MICROS_MAX;
use super::{Config, Money, QueueModel, SourceConfig, TradingConfig};
use crate::decision::entry::EntryParams;
use crate::decision::targets::Costs;
use crate::execution::{self, exchange};
use crate::risk::{self, Micro, Product};
use crate::units::{Instrument, SECOND};

const MS: i64 = 1_000_000;

impl Config {
    /// Numbers of the risk. `attended`: somebody is there who lifts a halt.
    #[must_use]
    pub fn risk_params(&self, attended: bool) -> risk::Params {
        let set = &self.risk;
        let whole = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let minutes = set.flat_by_minutes().ok().and_then(|m| u16::try_from(m).ok());
        let known = risk::Params::default();
        risk::Params {
            base_risk: set.base_risk,
            risk_cap: set.risk_cap,
            stress_tier: set.stress_tier,
            positions_max: set.positions_max,
            tick_usd_max: set.tick_usd_max,
            open_risk_max: set.open_risk_max,
            session_loss_r: set.session_loss_r,
            day_loss_r: set.day_loss_r,
            day_loss: set.day_loss,
            month_warn: set.month_warn,
            month_stop: set.month_stop,
            losses_max: set.losses_max,
            pause_ns: i64::from(set.pause_s) * SECOND,
            trades_max: set.trades_max,
            flat_by_minute: minutes.unwrap_or(known.flat_by_minute),
            orders_max: set.orders_max,
            replaces_max: set.replaces_max,
            reject_share: set.reject_share,
            ack_p95_ns: i64::from(set.ack_p95_ms) * MS,
            stale_ns: i64::from(set.stale_s) * SECOND,
            throttle_max: set.throttle_max,
            spread_max: whole(set.spread_max),
            depth_times: set.depth_times,
            walk_max: set.walk_max,
            collar: whole(set.collar),
            attended,
            ..known
        }
    }

    /// Times of the orders; in paper the venue is part of the program.
    #[must_use]
    pub fn order_params(&self) -> execution::Params {
        let inside = self.live_trading().is_none();
        execution::Params { inside, ..execution::Params::default() }
    }

    /// The simulated exchange.
    #[must_use]
    pub fn exchange_params(&self) -> exchange::Params {
        let set = &self.exchange;
        exchange::Params {
            latency_ns: i64::from(set.latency_us) * 1000,
            queue: match set.queue {
                QueueModel::Pessimistic => exchange::Queue::Pessimistic,
                QueueModel::Proportional => exchange::Queue::Proportional,
            },
            slippage_ticks: i32::try_from(set.slippage_ticks).unwrap_or(i32::MAX),
            ..exchange::Params::default()
        }
    }

    /// Money of each symbol; `None` where it is not known.
    #[must_use]
    pub fn products(&self, instruments: &[Instrument]) -> Vec<Option<Product>> {
        let known = TradingConfig::default();
        let trading = self.trading.as_ref().unwrap_or(&known);
        let product = |instrument: &Instrument| {
            let money = trading.money(instrument).ok()?;
            let age = self.data_age_ns(&instrument.symbol);
            Some(money.product(self.trades(&instrument.symbol), age))
        };
        instruments.iter().map(product).collect()
    }

    /// Numbers behind entries.
    #[must_use]
    pub fn entry_params(&self, instruments: &[Instrument]) -> EntryParams {
        let known = TradingConfig::default();
        let trading = self.trading.as_ref().unwrap_or(&known);
        let costs = |instrument: &Instrument| Some(trading.money(instrument).ok()?.costs());
        let mut params = EntryParams::new(instruments.iter().map(costs).collect());
        params.data_age_ns = instruments.iter().map(|i| self.data_age_ns(&i.symbol)).collect();
        params.gates.allow_weak = trading.allow_weak;
        params.gates.live = self.live_trading().is_some();
        params.targets.rr_min = self.risk.rr_min;
        params.cadence_ns = i64::from(self.risk.cadence_s) * SECOND;
        params
    }

    /// Greatest age of the market data of a symbol: a second, and what the file that it is followed
    /// in holds back.
    fn data_age_ns(&self, symbol: &str) -> i64 {
        let of = self.symbols.iter().find(|s| s.name == symbol);
        let source = of.and_then(|s| self.sources.iter().find(|of| of.name() == s.source));
        let flush = match source {
            Some(SourceConfig::Sierra(sierra)) => match i64::from(sierra.scid_flush_ms) {
                // Sierra takes 0 for its default.
                0 => 5_000 * MS,
                ms => ms * MS,
            },
            Some(SourceConfig::Dtc(_)) | None => 0,
        };
        SECOND + flush
    }
}

impl Money {
    /// As the risk reckons: slippage of entry and exit. `data_age_ns`: greatest age of its market
    /// data.
    #[must_use]
    pub fn product(&self, trading: bool, data_age_ns: i64) -> Product {
        Product {
            trading,
            tick_value: self.tick_value,
            round_turn: self.round_turn,
            slippage_ticks: 2.0 * f64::from(self.slippage_ticks),
            cap: self.contracts_max,
            min_stop_ticks: i32::try_from(self.min_stop_ticks).unwrap_or(i32::MAX),
            data_age_ns,
            micro: self.micro.as_ref().map(|&(_, tick_value, round_turn)| Micro {
                tick_value,
                round_turn,
                cap: MICROS_MAX,
            }),
        }
    }

    /// As the ratio of reward to risk reckons: slippage of the stop.
    #[must_use]
    pub fn costs(&self) -> Costs {
        Costs {
            tick_value: self.tick_value,
            round_turn: self.round_turn,
            slippage_ticks: f64::from(self.slippage_ticks),
            min_stop_ticks: i32::try_from(self.min_stop_ticks).unwrap_or(i32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_specifications() {
        let config = Config::default();
        assert_eq!(config.risk_params(true), risk::Params::default());
        assert_eq!(config.exchange_params(), exchange::Params::default());
        let es = Instrument::from_symbol("ESZ6").expect("root");
        let params = config.entry_params(std::slice::from_ref(&es));
        let [costs] = params.costs.clone().try_into().expect("one");
        assert_eq!(params, EntryParams::new(vec![costs]));
        let [product] = config.products(&[es]).try_into().expect("one");
        let product = product.expect("known");
        // 12 ticks of ES: 180 USD a contract (30 §3.1); the ratio counts one tick (30 §3.2).
        assert!(!product.trading && product.cap == 5);
        let per_contract = 12.0 * product.tick_value
            + product.round_turn
            + product.slippage_ticks * product.tick_value;
        assert_eq!(per_contract, 180.0);
        assert_eq!(costs.map(|c| c.slippage_ticks), Some(1.0));
    }

    /// Each symbol by its own source: a slow file beside it makes no server's data younger.
    #[test]
    fn a_followed_file_may_be_older() {
        let text = "[[symbols]]\nname = \"ESZ6\"\nsource = \"f\"\n[[symbols]]\nname = \"MESZ6\"\n\
                    source = \"d\"\n[[sources]]\nkind = \"dtc\"\nname = \"d\"\n\
                    address = \"127.0.0.1:1\"\n[[sources]]\nkind = \"sierra\"\nname = \"f\"\n\
                    folder = \"/s\"\n";
        for (line, ns) in [
            ("", 6 * SECOND),
            ("scid_flush_ms = 0\n", 6 * SECOND),
            ("scid_flush_ms = 250\n", 1_250 * MS),
        ] {
            let config = Config::parse(&format!("{text}{line}")).expect("valid");
            let mut instruments = config.instruments().expect("known");
            instruments.push(Instrument::from_symbol("ESH7").expect("root"));
            let ages = [ns, SECOND, SECOND];
            assert_eq!(config.entry_params(&instruments).data_age_ns, ages, "{line}");
            let products = config.products(&instruments);
            let risk: Vec<i64> = products.iter().flatten().map(|p| p.data_age_ns).collect();
            assert_eq!(risk, ages, "{line}");
        }
    }
}
