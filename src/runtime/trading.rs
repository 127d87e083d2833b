//! What the configuration makes of the trading half of the core, and what a run of it begins with.

use std::fmt::Write as _;

use super::setup::Setup;
use crate::config::{ExchangeConfig, Money, QueueModel, RiskConfig, TradingConfig, TradingMode};
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
        entry: EntryParams { gates, ..entry(&products) },
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
