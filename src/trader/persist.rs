//! Round trips as text: what a start takes over from the run before it, beside its orders.
//!
//! One line a thing: its name, `=`, the symbol, numbers; a number with a fraction stands as its
//! bits, `-` for none. The last line counts the lines before it, so that a torn text is none.

use std::fmt::Write as _;

use super::note::Entry;
use super::trades::{Open, Sum};
use crate::execution::{Leg, Numbers, buy_sell, exit_reason, order_kind};
use crate::order::OrderId;
use crate::risk::OpenPnl;
use crate::units::{Px, Ts};

/// First line of the format.
const HEAD: &str = "trips=1";

/// What is kept of a symbol.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kept {
    /// The open round trip.
    pub(super) open: Option<Open>,
    /// What it was worth last.
    pub(super) worth: OpenPnl,
    /// The newest entry that left.
    pub(super) plan: Option<Entry>,
}

/// The text of all symbols.
pub(super) fn to_text(kept: impl Iterator<Item = Kept>) -> String {
    let mut text = format!("{HEAD}\n");
    for (symbol, kept) in kept.enumerate() {
        // Writing to a string cannot fail.
        if let Some(open) = &kept.open {
            let _ = writeln!(text, "trip={symbol} {}", trip(open, kept.worth));
        }
        if let Some(plan) = kept.open.and_then(|open| open.plan) {
            let _ = writeln!(text, "own={symbol} {}", entry(&plan));
        }
        if let Some(plan) = &kept.plan {
            let _ = writeln!(text, "plan={symbol} {}", entry(plan));
        }
    }
    let lines = text.lines().count();
    let _ = writeln!(text, "end={lines}");
    text
}

/// What stands in a text, for so many symbols.
///
/// # Errors
/// A text that says which line is none of this format.
pub(super) fn of_text(text: &str, symbols: usize) -> Result<Vec<Kept>, String> {
    let mut all = vec![Kept::default(); symbols];
    let mut ended = false;
    for (line, content) in (1..).zip(text.lines()) {
        let wrong = || format!("round trips, line {line}: not what belongs here");
        if line == 1 {
            (content == HEAD).then_some(()).ok_or_else(wrong)?;
            continue;
        }
        let (name, rest) = content.split_once('=').filter(|_| !ended).ok_or_else(wrong)?;
        let mut numbers = Numbers::of(rest);
        if name == "end" {
            ended = numbers.take::<usize>() == Some(line - 1);
        } else {
            let at: usize = numbers.take().ok_or_else(wrong)?;
            all.get_mut(at).and_then(|kept| take(name, kept, &mut numbers)).ok_or_else(wrong)?;
        }
        (numbers.is_empty() && (name != "end" || ended)).then_some(()).ok_or_else(wrong)?;
    }
    if ended { Ok(all) } else { Err("round trips: torn".to_owned()) }
}

fn take(name: &str, kept: &mut Kept, numbers: &mut Numbers<'_>) -> Option<()> {
    match name {
        "trip" => {
            kept.open = Some(read_trip(numbers)?);
            kept.worth = OpenPnl { usd: number(numbers)?, r: number(numbers)? };
        }
        "own" => kept.open.as_mut()?.plan = Some(read_entry(numbers)?),
        "plan" => kept.plan = Some(read_entry(numbers)?),
        _ => return None,
    }
    Some(())
}

fn trip(of: &Open, worth: OpenPnl) -> String {
    let leg = |sum: &Sum| {
        let Sum { leg: Leg { qty, priced, ticks }, slippage: (slip, known) } = *sum;
        format!("{qty} {priced} {ticks} {} {known}", slip.to_bits())
    };
    format!(
        "{} {} {} {} {} {} {} {} {} {} {} {} {}",
        of.trade.to_bits(),
        of.way as u8,
        leg(&of.entry),
        leg(&of.exit),
        of.fees_usd.map_or_else(|| "-".to_owned(), |usd| usd.to_bits().to_string()),
        of.since.0,
        of.last_exit.0,
        of.best.to_bits(),
        of.worst.to_bits(),
        u8::from(of.adverse_first),
        of.reason as u8,
        worth.usd.to_bits(),
        worth.r.to_bits(),
    )
}

fn read_trip(numbers: &mut Numbers<'_>) -> Option<Open> {
    let leg = |numbers: &mut Numbers<'_>| {
        let leg = Leg { qty: numbers.take()?, priced: numbers.take()?, ticks: numbers.take()? };
        Some(Sum { leg, slippage: (number(numbers)?, numbers.take()?) })
    };
    Some(Open {
        trade: OrderId::from_bits(numbers.take()?),
        way: buy_sell(numbers.take()?)?,
        entry: leg(numbers)?,
        exit: leg(numbers)?,
        fees_usd: match numbers.take::<String>()?.as_str() {
            "-" => None,
            bits => Some(finite(bits.parse().ok()?)?),
        },
        since: Ts(numbers.take()?),
        last_exit: Ts(numbers.take()?),
        best: number(numbers)?,
        worst: number(numbers)?,
        adverse_first: numbers.take::<u8>()? == 1,
        reason: exit_reason(numbers.take()?)?,
        plan: None,
        decided: None,
    })
}

fn entry(of: &Entry) -> String {
    format!(
        "{} {} {} {} {} {} {} {} {}",
        of.id.to_bits(),
        of.qty,
        of.kind as u8,
        of.px.map_or_else(|| "-".to_owned(), |px| px.ticks().to_string()),
        of.stop.ticks(),
        of.target.ticks(),
        of.rr_net.to_bits(),
        of.risk_usd.to_bits(),
        of.equity_usd.to_bits(),
    )
}

fn read_entry(numbers: &mut Numbers<'_>) -> Option<Entry> {
    Some(Entry {
        id: OrderId::from_bits(numbers.take()?),
        qty: numbers.take()?,
        kind: order_kind(numbers.take()?)?,
        px: match numbers.take::<String>()?.as_str() {
            "-" => None,
            ticks => Some(Px::new(ticks.parse().ok()?)?),
        },
        stop: Px::new(numbers.take()?)?,
        target: Px::new(numbers.take()?)?,
        rr_net: number(numbers)?,
        risk_usd: number(numbers)?,
        equity_usd: number(numbers)?,
    })
}

fn number(numbers: &mut Numbers<'_>) -> Option<f64> {
    finite(numbers.take()?)
}

fn finite(bits: u64) -> Option<f64> {
    Some(f64::from_bits(bits)).filter(|number| number.is_finite())
}
