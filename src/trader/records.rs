//! What a note says of the market at its moment.

use super::note::{Market, Stamp};
use crate::book::{Book, Level};
use crate::calendar::Segment;
use crate::decision::Decision;
use crate::features::Frame;
use crate::order::Depth;
use crate::units::Px;

/// When and where a frame is.
pub(super) const fn stamp(frame: &Frame) -> Stamp {
    let event = &frame.event;
    Stamp { seq: event.seq, ts: event.ts, market_time: frame.market_time, symbol: event.symbol }
}

/// The market at a frame: `book` and `segment` are those of its moment.
pub(super) fn market(
    frame: &Frame,
    book: &Book,
    decision: &Decision,
    segment: &Segment,
    session_volume: Option<u64>,
) -> Market {
    let bar = &frame.bar;
    let session = segment.context(frame.market_time);
    let minutes = session.minutes_since_open.zip(session.minutes_to_close);
    Market {
        bids: depth(book.bids().visible()),
        asks: depth(book.asks().visible()),
        bar: (bar.minute > 0).then_some([bar.open, bar.high, bar.low, bar.close]),
        bar_volume: u64::try_from(bar.volume).unwrap_or(0),
        session: frame.levels.session,
        session_volume,
        label: frame.label,
        sub_bucket: session.sub_bucket,
        minutes: minutes.map(|(since, left)| (u32::from(since), u32::from(left))),
        atr20: frame.atr20,
        volatility: decision.volatility_regime(frame.event.symbol),
        regime: regime(decision, frame),
    }
}

/// Code of the market regime's state, and its sign.
pub(super) fn regime(decision: &Decision, frame: &Frame) -> Option<(u8, f64)> {
    let reading = decision.market_regime(frame.event.symbol).ok()?;
    Some((reading.state as u8, f64::from(reading.sign)))
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
