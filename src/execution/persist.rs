//! Orders and positions as text: what a start takes over from the run before it.
//!
//! One line a thing: its name, `=`, numbers. The last line counts the lines before it, so that a
//! torn text is no state.

use std::fmt::Write as _;
use std::str::FromStr;

use super::orders::{Closing, ENDED_MAX, EXECUTIONS_MAX, LIVE_MAX, Orders, Params};
use super::position::{Leg, Position};
use super::state::{Draft, Order, OrderState};
use crate::order::{BuySell, ExecutionId, ExitReason, OrderId, OrderKind, Role};
use crate::units::{Px, SymbolId, Ts};

/// First line of the format.
const HEAD: &str = "execution=1";
/// A price that is not there.
const NO_PX: i64 = i64::MIN;

/// Why a text is no state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateError {
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl std::fmt::Display for StateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "state of orders, line {}: {}", self.line, self.problem)
    }
}

impl std::error::Error for StateError {}

impl Orders {
    /// Everything that a restart needs, as lines of text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::from(HEAD);
        text.push('\n');
        let _ = writeln!(text, "next={}", self.next.to_bits());
        let _ = writeln!(text, "halted={}", u8::from(self.halted));
        // The numbers of orders that are not ours begin anew with each run: the venue lists them.
        for order in self.live.iter().filter(|o| o.is_ours()) {
            order_line(&mut text, "live", order);
        }
        for order in self.ended.iter().filter(|o| o.is_ours()) {
            order_line(&mut text, "ended", order);
        }
        for held in &self.symbols {
            position_line(&mut text, &held.position, held.closing.as_ref());
        }
        for execution in &self.executions {
            let _ = writeln!(text, "execution={}", execution.number());
        }
        let lines = text.lines().count();
        let _ = writeln!(text, "end={lines}");
        text
    }

    /// The orders and positions that [`Orders::to_text`] wrote. Nothing is known of an order until
    /// the venue has listed what it has; ids of the run before are never used again.
    ///
    /// # Errors
    /// A text that is no state, or one of other symbols.
    pub fn restore(
        params: Params,
        symbols: usize,
        next: OrderId,
        reserved: OrderId,
        text: &str,
    ) -> Result<Orders, StateError> {
        let mut orders = Orders::new(params, symbols, next, reserved);
        let mut lines = (1..).zip(text.lines());
        let fail = |line, problem| Err(StateError { line, problem });
        if lines.next().is_none_or(|(_, head)| head != HEAD) {
            return fail(1, "not the head of this format");
        }
        let mut ended = false;
        for (line, content) in lines {
            if ended {
                return fail(line, "something behind the end");
            }
            let Some((name, rest)) = content.split_once('=') else {
                return fail(line, "no name");
            };
            let mut numbers = Numbers::of(rest);
            let done = match name {
                "next" => orders.read_next(&mut numbers),
                "halted" => numbers.take::<u8>().map(|halted| orders.halted = halted != 0),
                "live" => orders.read_order(&mut numbers, true),
                "ended" => orders.read_order(&mut numbers, false),
                "position" => orders.read_position(&mut numbers),
                "execution" => orders.read_execution(&mut numbers),
                "end" => {
                    ended = true;
                    (numbers.take::<usize>() == Some(line - 1)).then_some(())
                }
                _ => None,
            };
            if done.is_none() || !numbers.is_empty() {
                return fail(line, "not what belongs here");
            }
        }
        if ended { Ok(orders) } else { fail(text.lines().count(), "it is torn") }
    }

    fn read_next(&mut self, numbers: &mut Numbers<'_>) -> Option<()> {
        let before = OrderId::from_bits(numbers.take()?);
        let counter = self.next.counter().max(before.counter());
        self.next = OrderId::new(self.next.date().max(before.date()), counter);
        Some(())
    }

    fn read_order(&mut self, numbers: &mut Numbers<'_>, live: bool) -> Option<()> {
        let mut order = read_order(numbers)?;
        self.symbols.get(usize::from(order.symbol.0))?;
        // An order of the run before may use a number that the next one was given already.
        if order.is_ours() && order.id.counter() >= self.next.counter() {
            self.next = OrderId::new(self.next.date(), order.id.counter().checked_add(1)?);
        }
        if live {
            if self.live.len() >= LIVE_MAX || order.state.is_final() {
                return None;
            }
            // It may have left in the last moment of that run.
            order.state = OrderState::Unknown;
            self.live.push(order);
        } else {
            if self.ended.len() >= ENDED_MAX || !order.state.is_final() {
                return None;
            }
            self.ended.push(order);
        }
        Some(())
    }

    fn read_position(&mut self, numbers: &mut Numbers<'_>) -> Option<()> {
        let symbol = SymbolId(numbers.take()?);
        let (qty, way) = (numbers.take()?, numbers.take::<u8>()?);
        let (trade, since) = (OrderId::from_bits(numbers.take()?), Ts(numbers.take()?));
        let (entered, exited) = (read_leg(numbers)?, read_leg(numbers)?);
        let reason = exit_reason(numbers.take()?)?;
        let closing = match numbers.take::<u8>()? {
            0 => None,
            code => Some(Closing {
                reason: exit_reason(code)?,
                since: Ts(numbers.take()?),
                hard: numbers.take::<u8>()? == 1,
                again: Ts::NONE,
                attempts: 0,
            }),
        };
        let held = self.held_mut(symbol)?;
        let way = match way {
            0 => None,
            code => Some(buy_sell(code)?),
        };
        held.position = Position { symbol, qty, trade, way, since, entered, exited, reason };
        held.closing = closing;
        Some(())
    }

    fn read_execution(&mut self, numbers: &mut Numbers<'_>) -> Option<()> {
        let execution = ExecutionId::new(numbers.take()?);
        (self.executions.len() < EXECUTIONS_MAX).then(|| self.executions.push(execution))
    }
}

fn order_line(text: &mut String, name: &str, o: &Order) {
    let [decided, sent, acked] = o.times;
    // An exit that was filled before the venue said for how much it is has no certain size yet.
    let acked = if o.sized { acked } else { Ts::NONE };
    let _ = writeln!(
        text,
        "{name}={} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}",
        o.id.to_bits(),
        o.symbol.0,
        o.role as u8,
        o.trade.to_bits(),
        o.way as u8,
        o.kind as u8,
        o.qty,
        o.px.map_or(NO_PX, |px| i64::from(px.ticks())),
        o.filled,
        o.priced,
        o.fills,
        o.state as u8,
        o.why.map_or(0, |why| why as u8),
        decided.0,
        sent.0,
        acked.0,
        u8::from(o.adopted),
        u8::from(o.lost),
    );
}

fn read_order(numbers: &mut Numbers<'_>) -> Option<Order> {
    let (id, symbol) = (OrderId::from_bits(numbers.take()?), SymbolId(numbers.take()?));
    let role = match numbers.take::<u8>()? {
        1 => Role::Entry,
        2 => Role::Stop,
        3 => Role::Target,
        4 => Role::Exit,
        _ => return None,
    };
    let (trade, way) = (OrderId::from_bits(numbers.take()?), buy_sell(numbers.take()?)?);
    let kind = order_kind(numbers.take()?)?;
    let qty = numbers.take()?;
    let px = match numbers.take::<i64>()? {
        NO_PX => None,
        ticks => Some(Px::new(i32::try_from(ticks).ok()?)?),
    };
    let draft = Draft { id, symbol, role, trade, way, kind, qty, px, why: None };
    let mut order = Order::new(draft, Ts::NONE);
    (order.filled, order.priced) = (numbers.take()?, numbers.take()?);
    order.fills = numbers.take()?;
    order.state = OrderState::of(numbers.take()?)?;
    order.why = match numbers.take::<u8>()? {
        0 => None,
        code => Some(exit_reason(code)?),
    };
    for time in &mut order.times {
        *time = Ts(numbers.take()?);
    }
    // Nothing of the run before is tried again.
    order.again = true;
    let [_, _, acked] = order.times;
    order.sized = order.role != Role::Exit || acked.is_some();
    order.adopted = numbers.take::<u8>()? == 1;
    order.lost = numbers.take::<u8>()? == 1;
    Some(order)
}

fn position_line(text: &mut String, p: &Position, closing: Option<&Closing>) {
    let _ = write!(
        text,
        "position={} {} {} {} {} {} {} {} {} {} {} {}",
        p.symbol.0,
        p.qty,
        p.way.map_or(0, |way| way as u8),
        p.trade.to_bits(),
        p.since.0,
        p.entered.qty,
        p.entered.priced,
        p.entered.ticks,
        p.exited.qty,
        p.exited.priced,
        p.exited.ticks,
        p.reason as u8,
    );
    let _ = match closing {
        None => writeln!(text, " 0"),
        Some(c) => writeln!(text, " {} {} {}", c.reason as u8, c.since.0, u8::from(c.hard)),
    };
}

fn read_leg(numbers: &mut Numbers<'_>) -> Option<Leg> {
    Some(Leg { qty: numbers.take()?, priced: numbers.take()?, ticks: numbers.take()? })
}

pub(crate) const fn order_kind(code: u8) -> Option<OrderKind> {
    Some(match code {
        1 => OrderKind::Market,
        2 => OrderKind::Limit,
        3 => OrderKind::Stop,
        4 => OrderKind::StopLimit,
        _ => return None,
    })
}

pub(crate) const fn buy_sell(code: u8) -> Option<BuySell> {
    match code {
        1 => Some(BuySell::Buy),
        2 => Some(BuySell::Sell),
        _ => None,
    }
}

pub(crate) const fn exit_reason(code: u8) -> Option<ExitReason> {
    Some(match code {
        1 => ExitReason::Target,
        2 => ExitReason::Stop,
        3 => ExitReason::Time,
        4 => ExitReason::Manual,
        5 => ExitReason::Kill,
        6 => ExitReason::Session,
        7 => ExitReason::Reversal,
        _ => return None,
    })
}

/// Numbers with blanks between them.
#[derive(Debug)]
pub(crate) struct Numbers<'a>(&'a str);

impl<'a> Numbers<'a> {
    pub(crate) const fn of(text: &'a str) -> Numbers<'a> {
        Numbers(text)
    }

    /// Whether all were taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }

    pub(crate) fn take<T: FromStr>(&mut self) -> Option<T> {
        let rest = self.0.trim_start();
        let end = rest.find(' ').unwrap_or(rest.len());
        let (number, rest) = rest.split_at_checked(end)?;
        self.0 = rest;
        number.parse().ok()
    }
}
