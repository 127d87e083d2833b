//! What the configuration makes of the trading half of the core, and what a run of it begins with.

use std::fmt::Write as _;

use super::setup::Setup;
use crate::config::{ExchangeConfig, Money, QueueModel, RiskConfig, TradingConfig, TradingMode};
use crate::decision::targets::Costs;
use crate::decision::{EntryParams, GateParams, News};
use crate::execution::exchange::{self, Queue};
use crate::execution::{self, Orders};
use crate::order::OrderId;
use crate::risk::{self, Micro, Product};
use crate::trader;
use crate::units::{Instrument, SECOND};

/// Trade date of the ids of a run that is no live one: no venue ever sees them.
const SIMULATED_DATE: u32 = 19_700_101;

/// What a run begins with, fresh: no orders, no positions, nothing lost or won yet.
#[must_use]
pub fn fresh(equity_usd: Option<f64>) -> trader::Start {
    trader::Start {
        risk: risk::State::default(),
        orders: String::new(),
        next: OrderId::new(SIMULATED_DATE, 1),
        reserved: OrderId::new(SIMULATED_DATE, u32::MAX),
        equity_usd,
    }
}

/// A start as text: what a journal's State record holds.
#[must_use]
pub fn start_text(start: &trader::Start) -> String {
    let mut text = String::new();
    let equity = start.equity_usd.map_or_else(|| "none".to_owned(), |usd| format!("{usd:?}"));
    // Writing to a string cannot fail.
    let _ = writeln!(text, "next {}", start.next.to_bits());
    let _ = writeln!(text, "reserved {}", start.reserved.to_bits());
    let _ = writeln!(text, "equity {equity}");
    let _ = writeln!(text, "risk {}", start.risk.to_text().lines().count());
    text.push_str(&start.risk.to_text());
    text.push_str(&start.orders);
    text
}

/// The start of a text of [`start_text`].
///
/// # Errors
/// A text that says what cannot be read.
pub fn start_of(text: &str) -> Result<trader::Start, String> {
    let mut rest = text;
    let mut line = |key: &str| -> Result<String, String> {
        let (head, tail) = rest.split_once('\n').ok_or_else(|| format!("no {key}"))?;
        let value = head.strip_prefix(key).and_then(|v| v.strip_prefix(' '));
        rest = tail;
        value.map(str::to_owned).ok_or_else(|| format!("no {key}"))
    };
    let bits = |text: String| text.parse::<u64>().map(OrderId::from_bits).map_err(|e| e.to_string());
    let (next, reserved) = (bits(line("next")?)?, bits(line("reserved")?)?);
    let equity = line("equity")?;
    let equity_usd = match equity.as_str() {
        "none" => None,
        text => Some(text.parse().map_err(|_| format!("equity {text}"))?),
    };
    let lines: usize = line("risk")?.parse().map_err(|_| "risk".to_owned())?;
    let end = rest.match_indices('\n').nth(lines.saturating_sub(1)).map_or(rest.len(), |(at, _)| at + 1);
    let (risk, orders) = rest.split_at(end);
    let risk = risk::State::from_text(risk).map_err(|e| e.to_string())?;
    Ok(trader::Start { risk, orders: orders.to_owned(), next, reserved, equity_usd })
}

/// The trading half of the core of `setup`; `None` where the configuration orders nothing.
#[must_use]
pub fn params(setup: &Setup) -> Option<trader::Params> {
    let config = &setup.config;
    let trading = config.trading.as_ref()?;
    let live = trading.mode == TradingMode::Live;
    let paper_equity = (!live).then_some(trading.equity);
    let start = setup.start.clone().unwrap_or_else(|| fresh(paper_equity));
    let product = |i: &Instrument| product(trading, i, config.trades(&i.symbol));
    let products: Vec<Option<Product>> = setup.instruments.iter().map(product).collect();
    let gates = GateParams {
        data_age_ns: config.feature_params().flush_ns + SECOND,
        allow_weak: trading.allow_weak,
        live,
        ..GateParams::default()
    };
    Some(trader::Params {
        entry: EntryParams { gates, ..entry(&products, &config.risk) },
        news: News::none(),
        risk: risk_params(&config.risk, setup),
        products,
        orders: execution::Params { inside: !live, ..execution::Params::default() },
        exchange: (!live).then(|| exchange_params(&config.exchange)),
        kind: trading.entry.kind(),
        collar_ticks: 1,
        max_hold_ns: trading.max_hold_s.map(|s| i64::from(s) * SECOND),
        start,
    })
}

/// Costs of each symbol, as stops and targets reckon with them.
fn entry(products: &[Option<Product>], config: &RiskConfig) -> EntryParams {
    let costs = |p: &Product| Costs {
        tick_value: p.tick_value,
        round_turn: p.round_turn,
        // The ratio reckons with the slippage of the way out alone; the size with both ways.
        slippage_ticks: 1.0,
        min_stop_ticks: p.min_stop_ticks,
    };
    let mut params = EntryParams::new(products.iter().map(|p| p.as_ref().map(costs)).collect());
    params.targets.rr_min = config.rr_min;
    params
}

fn product(trading: &TradingConfig, instrument: &Instrument, allowed: bool) -> Option<Product> {
    // What is missing was said when the configuration was read; a symbol of a file may be another.
    let money = trading.money(instrument).ok()?;
    let Money { tick_value, round_turn, index, .. } = money;
    let micro = money.micro.map(|(_, tick_value, round_turn)| {
        let cap = risk::Product::of_root("MES").map_or(50, |p| p.cap);
        Micro { tick_value, round_turn, cap }
    });
    Some(Product {
        trading: allowed,
        tick_value,
        round_turn,
        slippage_ticks: f64::from(money.slippage_ticks),
        cap: money.contracts_max,
        min_stop_ticks: i32::try_from(money.min_stop_ticks).unwrap_or(i32::MAX),
        index,
        micro,
    })
}

fn risk_params(config: &RiskConfig, setup: &Setup) -> risk::Params {
    let seconds = |s: u32| i64::from(s) * SECOND;
    let whole = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    risk::Params {
        base_risk: config.per_trade,
        risk_cap: config.per_trade_max,
        open_risk_max: config.open_max,
        session_loss_r: config.session_r,
        day_loss_r: config.day_r,
        day_loss: config.day_share,
        month_warn: config.month_half,
        month_stop: config.month_stop,
        losses_max: config.losses,
        pause_ns: seconds(config.pause_s),
        trades_max: config.trades,
        positions_max: config.positions,
        tick_usd_max: config.usd_per_tick,
        flat_by_minute: config.flat_by_minutes().ok().and_then(|m| u16::try_from(m).ok()).unwrap_or(0),
        throttle_max: config.messages_per_s,
        orders_max: config.orders_per_min,
        replaces_max: config.replaces_per_min,
        reject_share: config.reject_share,
        ack_p95_ns: i64::from(config.ack_ms) * 1_000_000,
        stale_ns: seconds(config.stale_s),
        spread_max: whole(config.spread_ticks),
        depth_times: config.depth_factor.ceil() as u32,
        walk_max: config.walk_ticks,
        collar: whole(config.collar_ticks),
        data_age_ns: setup.config.feature_params().flush_ns + SECOND,
        // Nobody lifts a halt in a backtest.
        attended: setup.mode != "replay",
        ..risk::Params::default()
    }
}

fn exchange_params(config: &ExchangeConfig) -> exchange::Params {
    exchange::Params {
        latency_ns: i64::from(config.latency_us) * 1_000,
        queue: match config.queue {
            QueueModel::Pessimistic => Queue::Pessimistic,
            QueueModel::Proportional => Queue::Proportional,
        },
        slippage_ticks: i32::try_from(config.slippage_ticks).unwrap_or(1),
        ..exchange::Params::default()
    }
}

/// Checks a start that was read: orders that another run left must be readable before they count.
///
/// # Errors
/// A text that says what is wrong.
pub fn check(start: &trader::Start, symbols: usize) -> Result<(), String> {
    if start.orders.is_empty() {
        return Ok(());
    }
    let params = execution::Params::default();
    Orders::restore(params, symbols, start.next, start.reserved, &start.orders)
        .map(drop)
        .map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_there_and_back() {
        for equity in [None, Some(100_000.25)] {
            let mut start = fresh(equity);
            start.next = OrderId::new(20_260_114, 7);
            start.orders = "orders 1\nnext=5\n".to_owned();
            let again = start_of(&start_text(&start)).expect("readable");
            assert_eq!((again.next, again.reserved), (start.next, start.reserved));
            assert_eq!((again.equity_usd, again.orders), (equity, start.orders.clone()));
            assert_eq!(again.risk, start.risk);
            for cut in 0..start_text(&start).len() / 2 {
                let text = start_text(&start);
                let _ = start_of(text.get(..cut).unwrap_or_default());
            }
        }
    }
}
