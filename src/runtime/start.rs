//! What the configuration makes of the trading half of the core, and what a run of it begins with.

use std::fmt::Write as _;
use std::sync::Arc;

use super::baselines::Stored;
use super::setup::Setup;
use crate::config::TradingMode;
use crate::context::contract::Contract;
use crate::decision::News;
use crate::execution::{self, Orders, exchange};
use crate::order::OrderId;
use crate::units::{Instrument, Px, SECOND};
use crate::{risk, trader};

/// Trade date of the ids of a run that is no live one: no venue ever sees them.
const SIMULATED_DATE: u32 = 19_700_101;
/// Ticks beyond the far touch that a limit entry may pay: what walking the book may cost.
const COLLAR_TICKS: i32 = 1;

/// Numbers of executions that each order id stands for.
const EXECUTIONS_MAX: u64 = 64;

/// What a run begins with, fresh: no orders, no positions, nothing lost or won yet.
#[must_use]
pub fn fresh(equity_usd: Option<f64>) -> trader::Start {
    trader::Start {
        risk: risk::State::default(),
        orders: String::new(),
        trips: String::new(),
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
    let _ = writeln!(text, "trips {}", start.trips.lines().count());
    text.push_str(&start.trips);
    text.push_str(&start.orders);
    text
}

/// The start of a text of [`start_text`].
///
/// # Errors
/// A text that says what cannot be read.
pub fn start_of(text: &str) -> Result<trader::Start, String> {
    let rest = &mut &*text;
    let bits = |text: &str| text.parse::<u64>().map(OrderId::from_bits).map_err(|e| e.to_string());
    let (next, reserved) = (bits(line(rest, "next")?)?, bits(line(rest, "reserved")?)?);
    let equity_usd = match line(rest, "equity")? {
        "none" => None,
        text => Some(text.parse().map_err(|_| format!("equity {text}"))?),
    };
    let risk = risk::State::from_text(part(rest, "risk")?).map_err(|e| e.to_string())?;
    let trips = part(rest, "trips")?.to_owned();
    Ok(trader::Start { risk, orders: (*rest).to_owned(), trips, next, reserved, equity_usd })
}

/// Takes a line of a key and returns its value.
fn line<'a>(rest: &mut &'a str, key: &str) -> Result<&'a str, String> {
    let (head, tail) = rest.split_once('\n').ok_or_else(|| format!("no {key}"))?;
    let value = head.strip_prefix(key).and_then(|v| v.strip_prefix(' '));
    *rest = tail;
    value.ok_or_else(|| format!("no {key}"))
}

/// Takes a text of so many lines as the line before it says.
fn part<'a>(rest: &mut &'a str, key: &str) -> Result<&'a str, String> {
    let lines: usize = line(rest, key)?.parse().map_err(|_| key.to_owned())?;
    let mut ends = rest.match_indices('\n').map(|(at, _)| at + 1);
    let end = lines.checked_sub(1).map_or(Some(0), |last| ends.nth(last));
    let (part, tail) = rest.split_at(end.ok_or_else(|| format!("torn {key}"))?);
    *rest = tail;
    Ok(part)
}

/// The trading half of the core of `setup`; `None` where the configuration orders nothing.
#[must_use]
pub fn params(setup: &Setup) -> Option<trader::Params> {
    let (config, instruments) = (&setup.config, setup.instruments.as_slice());
    let trading = config.trading.as_ref()?;
    let live = trading.mode == TradingMode::Live;
    let start = setup.start.clone();
    let start = start.unwrap_or_else(|| fresh((!live).then_some(trading.equity)));
    Some(trader::Params {
        entry: config.entry_params(instruments),
        // A text that cannot be read was refused before.
        news: setup.news.as_deref().and_then(|text| News::parse(text).ok()).unwrap_or_default(),
        // Nobody lifts a halt in a backtest.
        risk: config.risk_params(setup.mode != "replay"),
        products: config.products(instruments),
        cash_closes: cash_closes(setup),
        orders: config.order_params(),
        exchange: (!live).then(|| exchange::Params {
            first_execution: first_execution(start.next),
            ..config.exchange_params()
        }),
        kind: trading.entry.kind(),
        collar_ticks: COLLAR_TICKS,
        max_hold_ns: trading.max_hold_s.map(|s| i64::from(s) * SECOND),
        start,
    })
}

/// Number of the first execution of a paper run whose first order is `next`: no order id is given
/// twice, and so many executions as follow from here no order has.
fn first_execution(next: OrderId) -> u64 {
    next.to_bits().saturating_mul(EXECUTIONS_MAX)
}

/// Last prices of the cash sessions that the baseline of each symbol recorded of its contract.
fn cash_closes(setup: &Setup) -> Vec<Vec<(i32, Px)>> {
    let of = |(instrument, stored): (&Instrument, &Option<Arc<Stored>>)| {
        let named = |name: &str| Contract::of(name, &instrument.root);
        let own = named(&instrument.symbol);
        let same = |name: &str| match (own, named(name)) {
            (Some(own), Some(other)) => own.is(other),
            _ => name == instrument.symbol,
        };
        let closes = stored.iter().flat_map(|stored| stored.baseline().cash_closes());
        closes.filter(|(_, name, _)| same(name)).map(|(day, _, px)| (day, px)).collect()
    };
    setup.instruments.iter().zip(&setup.baselines).map(of).collect()
}

/// Checks a start that was read: orders that another run left must be readable before they count.
///
/// # Errors
/// A text that says what is wrong.
pub fn check(start: &trader::Start, symbols: usize) -> Result<(), String> {
    if !start.trips.is_empty() {
        trader::check_trips(&start.trips, symbols)?;
    }
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

    /// Two paper runs of a day: the second begins with the next block of ids.
    #[test]
    fn executions_of_two_runs_differ() {
        let first = |counter| first_execution(OrderId::new(20_260_114, counter));
        assert_eq!(first(1001) - first(1), 64_000);
        assert!(first(1) > first_execution(OrderId::new(SIMULATED_DATE, u32::MAX)));
        assert!(first_execution(OrderId::new(29_991_231, 0)) < u64::MAX);
    }

    #[test]
    fn a_start_there_and_back() {
        for equity in [None, Some(100_000.25)] {
            let mut start = fresh(equity);
            start.next = OrderId::new(20_260_114, 7);
            start.orders = "orders 1\nnext=5\n".to_owned();
            start.trips = if equity.is_some() { "trips=1\nend=1\n" } else { "" }.to_owned();
            let again = start_of(&start_text(&start)).expect("readable");
            assert_eq!((again.next, again.reserved), (start.next, start.reserved));
            assert_eq!((again.equity_usd, again.orders), (equity, start.orders.clone()));
            assert_eq!((again.risk, again.trips), (start.risk, start.trips.clone()));
            for cut in 0..start_text(&start).len() / 2 {
                let text = start_text(&start);
                let _ = start_of(text.get(..cut).unwrap_or_default());
            }
        }
    }
}
