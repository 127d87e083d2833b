//! Market records as DTC messages, in each message generation.
//!
//! | | trade | quote | depth update | depth snapshot | definition |
//! |---|--:|--:|--:|--:|--:|
//! | [`Generation::Compact`] | 112 | 117 | 106 | 122 | 507 |
//! | [`Generation::Float`] | 146 | 144 | 140 | 145 | 507 |
//! | [`Generation::V2`] | 147 | 148 | 109 | 122 | 510 |
//!
//! Wire price = displayed price / multiplier, narrowed to `float` where the message has one.
//! Compact trades and quotes carry whole seconds.

mod depth;
mod snapshot;

pub(crate) use snapshot::put;

use dtc::wire::{
    MarketDataUpdateBidAskCompact, MarketDataUpdateBidAskFloatWithMicroseconds,
    MarketDataUpdateBidAskV2, MarketDataUpdateTradeCompact, MarketDataUpdateTradeV2,
    MarketDataUpdateTradeWithUnbundledIndicator2, Message, codes, value,
};

use crate::market::{Aggressor, MarketBody, MarketRecord, Side, SymbolSpec};
use crate::state::SymbolState;

/// Which messages carry the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Generation {
    /// What Sierra Chart sends to a client that sets no flags.
    Compact,
    /// What Sierra Chart sends to a client that sets the flags for the newest messages.
    Float,
    /// The messages added in 2026: `double` prices throughout.
    V2,
}

impl Generation {
    /// What a client reads as the time of a trade or quote of `ts_ns`, both Unix ns: what the field
    /// of its message holds. `None` = the field is unset.
    #[must_use]
    pub fn market_data_time(self, ts_ns: i64) -> Option<i64> {
        match self {
            Generation::Compact => value::time_from_u32(seconds_u32(ts_ns)),
            Generation::Float | Generation::V2 => value::time_from_int(micros(ts_ns)),
        }
    }

    /// As [`Generation::market_data_time`], for a depth update.
    #[must_use]
    pub fn depth_time(self, ts_ns: i64) -> Option<i64> {
        match self {
            Generation::Compact => value::time_from_f64(seconds_f64(ts_ns)),
            Generation::Float | Generation::V2 => value::time_from_int(millis(ts_ns)),
        }
    }
}

/// Writes messages about one symbol to one client.
#[derive(Clone, Copy, Debug)]
pub struct Encoder<'a> {
    /// Messages to use.
    pub generation: Generation,
    /// The symbol.
    pub spec: &'a SymbolSpec,
    /// The client's number for the symbol.
    pub symbol_id: u32,
}

/// Appends a message as it stands.
pub fn push<M: Message>(out: &mut Vec<u8>, message: &M) {
    out.extend_from_slice(message.as_bytes());
}

impl Encoder<'_> {
    /// Appends the trade or quote of a record; appends nothing for other records.
    pub fn market_data(&self, record: &MarketRecord, out: &mut Vec<u8>) {
        match record.body {
            MarketBody::Trade { price, volume, aggressor, unbundled } => {
                let at = match aggressor {
                    Aggressor::None => codes::BID_ASK_UNSET,
                    Aggressor::Buy => codes::AT_ASK,
                    Aggressor::Sell => codes::AT_BID,
                };
                self.trade(record.ts_ns, self.spec.to_wire(price), volume, at, unbundled, out);
            }
            MarketBody::Quote { bid, ask } => self.quote(record.ts_ns, bid, ask, out),
            MarketBody::Depth { .. } | MarketBody::ClearBook | MarketBody::BatchEnd => {}
        }
    }

    /// Appends the depth updates of a record; `before` is the symbol's state without it.
    ///
    /// An upsert or delete is one message. [`MarketBody::ClearBook`] is a delete for each level
    /// that stands, none of them final. [`MarketBody::BatchEnd`] changes nothing, so it is sent as
    /// a final update that repeats the best bid (the best ask without a bid); for an empty book
    /// it is an empty snapshot if a batch is open, else nothing.
    pub fn depth(&self, record: &MarketRecord, before: &SymbolState, out: &mut Vec<u8>) {
        match record.body {
            MarketBody::Depth { side, delete, price, quantity, orders, level, final_in_batch } => {
                let change = depth::Change {
                    side,
                    kind: self.update_kind(before, side, delete, price),
                    price,
                    quantity: if delete { 0 } else { quantity },
                    orders,
                    level,
                    last: final_in_batch,
                };
                self.depth_update(record.ts_ns, &change, out);
            }
            MarketBody::ClearBook => self.clear(record.ts_ns, before, out),
            MarketBody::BatchEnd => self.batch_end(record.ts_ns, before, out),
            MarketBody::Trade { .. } | MarketBody::Quote { .. } => {}
        }
    }

    fn update_kind(&self, before: &SymbolState, side: Side, delete: bool, price: f64) -> u8 {
        if delete {
            return codes::UPDATE_DELETE;
        }
        let stands = self.spec.ticks(price).is_some_and(|ticks| before.book.contains(side, ticks));
        match self.generation {
            Generation::V2 if stands => codes::UPDATE_CHANGE,
            Generation::V2 => codes::UPDATE_INSERT,
            Generation::Compact | Generation::Float => codes::UPDATE_INSERT_UPDATE,
        }
    }

    fn trade(&self, ts_ns: i64, price: f64, volume: u32, at: u8, part: u8, out: &mut Vec<u8>) {
        let unbundled_trade_indicator = i8::try_from(part).unwrap_or(0);
        match self.generation {
            Generation::Compact => push(
                out,
                &MarketDataUpdateTradeCompact {
                    symbol_id: self.symbol_id.into(),
                    price: (price as f32).into(),
                    volume: (volume as f32).into(),
                    date_time: seconds_u32(ts_ns).into(),
                    at_bid_or_ask: u16::from(at).into(),
                    ..Message::DEFAULT
                },
            ),
            Generation::Float => push(
                out,
                &MarketDataUpdateTradeWithUnbundledIndicator2 {
                    symbol_id: self.symbol_id.into(),
                    price: (price as f32).into(),
                    volume: volume.into(),
                    date_time: micros(ts_ns).into(),
                    at_bid_or_ask: at,
                    unbundled_trade_indicator,
                    ..Message::DEFAULT
                },
            ),
            Generation::V2 => push(
                out,
                &MarketDataUpdateTradeV2 {
                    symbol_id: self.symbol_id.into(),
                    price: price.into(),
                    volume: f64::from(volume).into(),
                    date_time: micros(ts_ns).into(),
                    at_bid_or_ask: at,
                    unbundled_trade_indicator,
                    ..Message::DEFAULT
                },
            ),
        }
    }

    fn quote(
        &self,
        ts_ns: i64,
        bid: Option<(f64, f64)>,
        ask: Option<(f64, f64)>,
        out: &mut Vec<u8>,
    ) {
        let (bid_price, bid_quantity) = self.wire_quote(bid);
        let (ask_price, ask_quantity) = self.wire_quote(ask);
        match self.generation {
            Generation::Compact => push(
                out,
                &MarketDataUpdateBidAskCompact {
                    bid_price: narrow(bid_price).into(),
                    bid_quantity: (bid_quantity as f32).into(),
                    ask_price: narrow(ask_price).into(),
                    ask_quantity: (ask_quantity as f32).into(),
                    date_time: seconds_u32(ts_ns).into(),
                    symbol_id: self.symbol_id.into(),
                    ..Message::DEFAULT
                },
            ),
            Generation::Float => push(
                out,
                &MarketDataUpdateBidAskFloatWithMicroseconds {
                    symbol_id: self.symbol_id.into(),
                    bid_price: narrow(bid_price).into(),
                    bid_quantity: (bid_quantity as f32).into(),
                    ask_price: narrow(ask_price).into(),
                    ask_quantity: (ask_quantity as f32).into(),
                    date_time: micros(ts_ns).into(),
                    ..Message::DEFAULT
                },
            ),
            Generation::V2 => push(
                out,
                &MarketDataUpdateBidAskV2 {
                    symbol_id: self.symbol_id.into(),
                    bid_price: bid_price.into(),
                    bid_quantity: bid_quantity.into(),
                    ask_price: ask_price.into(),
                    ask_quantity: ask_quantity.into(),
                    date_time: micros(ts_ns).into(),
                    ..Message::DEFAULT
                },
            ),
        }
    }

    /// Wire price, unset for an empty side, and quantity.
    fn wire_quote(&self, quote: Option<(f64, f64)>) -> (f64, f64) {
        quote.map_or((f64::MAX, 0.0), |(price, quantity)| (self.spec.to_wire(price), quantity))
    }
}

/// `f64` to `f32`, the one's "unset" to the other's.
fn narrow(value: f64) -> f32 {
    if value == f64::MAX { f32::MAX } else { value as f32 }
}

fn seconds_u32(ts_ns: i64) -> u32 {
    u32::try_from(ts_ns.div_euclid(1_000_000_000)).unwrap_or(0)
}

fn millis(ts_ns: i64) -> i64 {
    ts_ns.div_euclid(1_000_000)
}

fn micros(ts_ns: i64) -> i64 {
    ts_ns.div_euclid(1_000)
}

/// Unix ns to seconds as a `double`; 0, the unset time, stays 0.
pub(crate) fn seconds_f64(ts_ns: i64) -> f64 {
    ts_ns as f64 / 1e9
}

#[cfg(test)]
mod tests;
