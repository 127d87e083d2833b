//! Round trips as text: what a start takes over from the run before it, beside its orders.
//!
//! One line a thing: its name, `=`, the symbol, numbers; a number with a fraction stands as its
//! bits, `-` for none, and where there is a reason for that with its code behind. The last line
//! counts the lines before it, so that a torn text is none.

use std::fmt::Write as _;

use super::note::{Entry, Frozen};
use super::trades::{Open, Planned, Sum};
use crate::calendar::{Label, SubBucket};
use crate::decision::Tier;
use crate::execution::{Leg, Numbers, buy_sell, exit_reason, order_kind};
use crate::features::frame::FEATURES;
use crate::order::OrderId;
use crate::risk::OpenPnl;
use crate::units::{Px, Reason, Slot, Ts};

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
    pub(super) plan: Option<Planned>,
}

/// The text of all symbols.
pub(super) fn to_text(kept: impl Iterator<Item = Kept>) -> String {
    let mut text = format!("{HEAD}\n");
    for (symbol, kept) in kept.enumerate() {
        // Writing to a string cannot fail.
        if let Some(open) = &kept.open {
            let _ = writeln!(text, "trip={symbol} {}", trip(open, kept.worth));
        }
        let own = kept.open.and_then(|open| open.plan);
        for (name, plan) in [("own", own), ("plan", kept.plan)] {
            let Some(Planned { entry, decided }) = plan else { continue };
            let _ = writeln!(text, "{name}={symbol} {}", of_entry(&entry));
            if let Some(decided) = decided {
                let _ = writeln!(text, "{name}_decided={symbol} {}", of_decision(&decided));
            }
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
        "own_decided" => {
            kept.open.as_mut()?.plan.as_mut()?.decided = Some(read_decision(numbers)?);
        }
        "plan" => kept.plan = Some(read_entry(numbers)?),
        "plan_decided" => kept.plan.as_mut()?.decided = Some(read_decision(numbers)?),
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
        perhaps(of.fees_usd.map(f64::to_bits)),
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
        fees_usd: read_perhaps(numbers)?.map_or(Some(None), |bits| finite(bits).map(Some))?,
        since: Ts(numbers.take()?),
        last_exit: Ts(numbers.take()?),
        best: number(numbers)?,
        worst: number(numbers)?,
        adverse_first: numbers.take::<u8>()? == 1,
        reason: exit_reason(numbers.take()?)?,
        plan: None,
    })
}

fn of_entry(of: &Entry) -> String {
    format!(
        "{} {} {} {} {} {} {} {} {}",
        of.id.to_bits(),
        of.qty,
        of.kind as u8,
        perhaps(of.px.map(|px| px.ticks())),
        of.stop.ticks(),
        of.target.ticks(),
        of.rr_net.to_bits(),
        of.risk_usd.to_bits(),
        of.equity_usd.to_bits(),
    )
}

fn read_entry(numbers: &mut Numbers<'_>) -> Option<Planned> {
    let entry = Entry {
        id: OrderId::from_bits(numbers.take()?),
        qty: numbers.take()?,
        kind: order_kind(numbers.take()?)?,
        px: read_perhaps(numbers)?.map_or(Some(None), |ticks| Px::new(ticks).map(Some))?,
        stop: Px::new(numbers.take()?)?,
        target: Px::new(numbers.take()?)?,
        rr_net: number(numbers)?,
        risk_usd: number(numbers)?,
        equity_usd: number(numbers)?,
    };
    Some(Planned { entry, decided: None })
}

fn of_decision(of: &Frozen) -> String {
    let (state, sign) = of.regime.unzip();
    let mut text = format!(
        "{} {} {} {} {} {} {} {} {} {} {} {} {}",
        of.seq,
        of.ts.0,
        of.market_time.0,
        perhaps(of.mid2),
        of.d.to_bits(),
        of.coverage.to_bits(),
        of.tier.name(),
        of.label.name(),
        of.sub_bucket.name(),
        perhaps(state),
        sign.unwrap_or(0),
        slot(&of.volatility),
        perhaps(of.vix.map(f64::to_bits)),
    );
    for feature in &of.features {
        let _ = write!(text, " {}", slot(feature));
    }
    text
}

fn read_decision(numbers: &mut Numbers<'_>) -> Option<Frozen> {
    let (seq, ts, market_time) = (numbers.take()?, Ts(numbers.take()?), Ts(numbers.take()?));
    let mid2 = read_perhaps(numbers)?;
    let (d, coverage) = (number(numbers)?, number(numbers)?);
    let tier = numbers.take::<String>()?;
    let (label, part) = (numbers.take::<String>()?, numbers.take::<String>()?);
    let (state, sign) = (read_perhaps(numbers)?, numbers.take()?);
    let volatility = read_slot(numbers)?;
    let vix = read_perhaps(numbers)?.map_or(Some(None), |bits| finite(bits).map(Some))?;
    let mut features = [Slot::none(Reason::NoInput); FEATURES];
    for feature in &mut features {
        *feature = read_slot(numbers)?;
    }
    Some(Frozen {
        seq,
        ts,
        market_time,
        mid2,
        d,
        coverage,
        tier: Tier::ALL.into_iter().find(|of| of.name() == tier)?,
        features,
        label: Label::ALL.into_iter().find(|of| of.name() == label)?,
        sub_bucket: SubBucket::ALL.into_iter().find(|of| of.name() == part)?,
        regime: state.map(|state| (state, sign)),
        volatility,
        vix,
    })
}

/// Bits of a value, `-` and the code of the reason where there is none.
fn slot(of: &Slot) -> String {
    of.value().map_or_else(|| format!("-{}", of.reason as u8), |value| value.to_bits().to_string())
}

fn read_slot(numbers: &mut Numbers<'_>) -> Option<Slot> {
    let text = numbers.take::<String>()?;
    let Some(code) = text.strip_prefix('-') else {
        return Some(Slot::some(finite(text.parse().ok()?)?));
    };
    let code: u8 = code.parse().ok()?;
    let reason = Reason::ALL.into_iter().find(|reason| *reason as u8 == code)?;
    (reason != Reason::Present).then(|| Slot::none(reason))
}

fn perhaps<T: ToString>(number: Option<T>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

/// A number or none; `None` where neither stands there.
#[expect(
    clippy::option_option,
    reason = "that nothing is known is one of the things that are read"
)]
fn read_perhaps<T: std::str::FromStr>(numbers: &mut Numbers<'_>) -> Option<Option<T>> {
    match numbers.take::<String>()?.as_str() {
        "-" => Some(None),
        number => Some(Some(number.parse().ok()?)),
    }
}

fn number(numbers: &mut Numbers<'_>) -> Option<f64> {
    finite(numbers.take()?)
}

fn finite(bits: u64) -> Option<f64> {
    Some(f64::from_bits(bits)).filter(|number| number.is_finite())
}
