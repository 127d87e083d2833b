//! What a note says of the market at its moment.

use super::Symbol;
use super::note::{Market, Stamp};
use crate::book::{Book, Level};
use crate::decision::Decision;
use crate::event::Event;
use crate::features::Frame;
use crate::order::Depth;
use crate::units::Px;

/// When and where a frame is.
pub(super) const fn stamp(frame: &Frame) -> Stamp {
    let event = &frame.event;
    Stamp { seq: event.seq, ts: event.ts, market_time: frame.market_time, symbol: event.symbol }
}

/// The market at a frame: `book` and `symbol` are those of its moment.
pub(super) fn market(frame: &Frame, book: &Book, decision: &Decision, symbol: &Symbol) -> Market {
    let bar = &frame.bar;
    let session = symbol.segment.context(frame.market_time);
    let minutes = session.minutes_since_open.zip(session.minutes_to_close);
    let contracts = |n: i64| u64::try_from(n).unwrap_or(0);
    let (session_volume, session_whole) = symbol.day.volume();
    Market {
        bids: depth(book.bids().visible()),
        asks: depth(book.asks().visible()),
        bar: (bar.minute > 0).then_some([bar.open, bar.high, bar.low, bar.close]),
        bar_volume: contracts(bar.volume),
        bar_sides: (contracts(bar.buy), contracts(bar.sell)),
        session: frame.levels.session,
        session_volume,
        session_whole,
        premarket: symbol.day.premarket(),
        cash: symbol.day.cash(),
        label: frame.label,
        sub_bucket: session.sub_bucket,
        minutes: minutes.map(|(since, left)| (u32::from(since), u32::from(left))),
        atr20: frame.atr20,
        volatility: decision.volatility_regime(frame.event.symbol),
        regime: regime(decision, frame),
        base: frame.base,
        details: frame.details,
        latency_ns: latency_ns(&frame.event),
    }
}

/// How late an event was received, ns; below 0 where the clocks disagree. A source without receive
/// times repeats the exchange's: that says nothing.
fn latency_ns(event: &Event) -> Option<i64> {
    let told = event.ts_exch.is_some() && event.ts.is_some() && event.ts != event.ts_exch;
    (event.is_market() && told).then(|| event.ts.0.saturating_sub(event.ts_exch.0))
}

/// Code of the market regime's state, and its sign.
pub(super) fn regime(decision: &Decision, frame: &Frame) -> Option<(u8, i8)> {
    let reading = decision.market_regime(frame.event.symbol).ok()?;
    Some((reading.state as u8, reading.sign))
}

fn depth(levels: &[Level]) -> Depth {
    Depth::new(levels.iter().map(|level| (level.px, level.qty)))
}

/// Best bid and ask of a book that is not crossed.
pub(super) fn touch(book: &Book) -> Option<(Px, Px)> {
    let (bid, ask) = (book.bids().best()?, book.asks().best()?);
    (bid.px <= ask.px).then_some((bid.px, ask.px))
}

/// The mid of a touch, in half ticks.
pub(super) fn mid2((bid, ask): (Px, Px)) -> i64 {
    i64::from(bid.ticks()) + i64::from(ask.ticks())
}
