//! Any bytes as a market: what must hold for the features on whatever input.

use std::sync::Arc;

use super::{CATALOGUE, Features, Frame, Params, Reason, SymbolParams};
use crate::calendar::Calendar;
use crate::event::{Body, Event, GapCause, Sequencer, flag};
use crate::units::{Aggressor, MINUTE, Px, SECOND, Side, SymbolId, Ts};

/// Where the made-up market starts, in ticks; prices are reflected about it.
const MIDDLE: i64 = 20_000;
/// Features without a direction: reflection leaves them as they are.
const UNSIGNED: [usize; 1] = [27];
/// Begin of the market, seconds since the epoch: a Wednesday 09:25 New York, the Sunday opening, a
/// Friday before the close, a minute before the daily halt, and one before the break of 2021.
const STARTS: [i64; 5] =
    [1_720_617_900, 1_720_994_340, 1_720_814_160, 1_720_645_140, 1_615_409_640];
/// Steps of time, in ns.
const STEPS: [i64; 12] = [
    0,
    100,
    500_000,
    2_000_000,
    SECOND / 4,
    SECOND,
    7 * SECOND,
    MINUTE,
    3 * MINUTE,
    40 * MINUTE,
    600 * MINUTE,
    7_000 * MINUTE,
];

/// Events out of bytes, six each after the first, which chooses the start. Nearly all are of an
/// ordinary market around [`MIDDLE`]; some are as large as the types allow.
#[doc(hidden)]
#[must_use]
pub fn market(data: &[u8]) -> Vec<Event> {
    let Some((&first, rest)) = data.split_first() else { return Vec::new() };
    let start = STARTS.get(usize::from(first) % STARTS.len()).copied().unwrap_or(0);
    let (mut at, mut px) = (Ts(start * SECOND), MIDDLE);
    let mut sequencer = Sequencer::default();
    let event = |chunk: &[u8; 6]| {
        let &[op, step, moved, size, level, bits] = chunk;
        // Long steps are rare, so that most input stays within a session.
        let step = if step < 240 { usize::from(step % 6) } else { usize::from(step % 12) };
        at = Ts(at.0 + STEPS.get(step).copied().unwrap_or(0));
        px += i64::from(moved % 9) - 4;
        if bits == 255 {
            px = if moved < 128 { MIDDLE } else { i64::from(moved) << 22 };
        }
        let qty = if size == 255 { 2_000_000_000 } else { u32::from(size) };
        let body = body(op, px, qty, level, bits);
        let flags = if level & 1 == 0 { flag::BATCH_END } else { 0 };
        let flags = flags | if bits % 64 == 11 { flag::SNAPSHOT } else { 0 };
        let ts_exch = match bits % 32 {
            7 => Ts(at.0 - SECOND),
            9 => Ts::NONE,
            _ => at,
        };
        sequencer.stamp(Event { seq: 0, ts: at, ts_exch, symbol: SymbolId(0), flags, body })
    };
    rest.as_chunks().0.iter().map(event).collect()
}

fn body(op: u8, px: i64, qty: u32, level: u8, bits: u8) -> Body {
    let side = if bits & 1 == 0 { Side::Bid } else { Side::Ask };
    let away = i64::from(level % 12) - 1;
    match op % 16 {
        0..6 => Body::Trade {
            px: Px::clamped(px),
            qty: qty.max(1),
            aggressor: match bits % 16 {
                0 => Aggressor::None,
                b if b % 2 == 0 => Aggressor::Buy,
                _ => Aggressor::Sell,
            },
            unbundled: 0,
        },
        6..13 => Body::Depth {
            side,
            px: Px::clamped(if side == Side::Bid { px - away } else { px + 1 + away }),
            qty,
            orders: 1,
        },
        13 => Body::Timer,
        14 if bits > 250 => Body::Clear,
        14 if bits > 245 => Body::Gap(GapCause::Disconnect),
        14 => Body::BatchEnd,
        _ => Body::Quote {
            bid: Some((Px::clamped(px), qty.max(1))),
            ask: Some((Px::clamped(px + 1 + i64::from(level % 3)), 1 + u32::from(level))),
        },
    }
}

/// The same market with prices reflected, p → 2·middle − p, and sides swapped.
#[doc(hidden)]
#[must_use]
pub fn mirrored(event: &Event, middle: i64) -> Event {
    let flip = |px: Px| Px::clamped(2 * middle - i64::from(px.ticks()));
    let body = match event.body {
        Body::Trade { px, qty, aggressor, unbundled } => Body::Trade {
            px: flip(px),
            qty,
            aggressor: match aggressor {
                Aggressor::None => Aggressor::None,
                Aggressor::Buy => Aggressor::Sell,
                Aggressor::Sell => Aggressor::Buy,
            },
            unbundled,
        },
        Body::Quote { bid, ask } => Body::Quote {
            bid: ask.map(|(px, qty)| (flip(px), qty)),
            ask: bid.map(|(px, qty)| (flip(px), qty)),
        },
        Body::Depth { side, px, qty, orders } => Body::Depth {
            side: match side {
                Side::Bid => Side::Ask,
                Side::Ask => Side::Bid,
            },
            px: flip(px),
            qty,
            orders,
        },
        other => other,
    };
    Event { body, ..*event }
}

/// The first slot of `frame` that is outside its stated range or not finite.
#[doc(hidden)]
#[must_use]
pub fn out_of_range(frame: &Frame) -> Option<(usize, f64)> {
    CATALOGUE.iter().skip(11).find_map(|entry| {
        let value = frame.slot(entry.number).value()?;
        (!(entry.low..=entry.high).contains(&value)).then_some((entry.number, value))
    })
}

/// The first slot in which `other`, of the mirrored market, is not the mirror image of `frame`: its
/// number and both readings. A point of control that two rows share is the lower of them, so the
/// slot that measures from it may differ where the areas do.
#[doc(hidden)]
#[must_use]
pub fn asymmetric(
    frame: &Frame,
    other: &Frame,
    middle: i64,
    tolerance: f64,
) -> Option<(usize, [(f64, Reason); 2])> {
    let flip = |px: Px| 2 * middle - i64::from(px.ticks());
    let tie = match (frame.area, other.area) {
        (Some(a), Some(b)) => flip(a.poc) != i64::from(b.poc.ticks()),
        _ => false,
    };
    (12..=28).filter(|&n| n != 23 || !tie).find_map(|number| {
        let (a, b) = (frame.slot(number), other.slot(number));
        let both = [a, b].map(|s| (s.value().unwrap_or(0.0), s.reason));
        let sign = if UNSIGNED.contains(&number) { 1.0 } else { -1.0 };
        let [(x, _), (y, _)] = both;
        let same = a.reason == b.reason && (x - sign * y).abs() <= tolerance;
        (!same).then_some((number, both))
    })
}

/// Fuzz body: on any market every slot is finite and inside its range, and the mirrored market
/// gives the mirrored slots.
#[doc(hidden)]
pub fn fuzz_features(data: &[u8]) {
    let events = market(data);
    let Ok(calendar) = Calendar::bundled().map(Arc::new) else { return };
    let params = Params { profile_rows: 1 << 10, ..Params::default() };
    let symbol = [SymbolParams { large_print_floor: Some(100), base_width_ticks: None }];
    let make = || Features::new(&symbol, params, calendar.clone(), &[]);
    let (mut features, mut mirror) = (make(), make());
    for event in &events {
        let other = mirrored(event, MIDDLE);
        let (Some(frame), Some(other)) = (features.on_event(event), mirror.on_event(&other)) else {
            return;
        };
        assert_eq!(out_of_range(frame), None, "{event:?}");
        assert_eq!(asymmetric(frame, other, MIDDLE, 1e-9), None, "{event:?}");
    }
}
