//! Market data messages in terms that every form of them shares.
//!
//! Eighteen messages of two header generations say four things: a trade, a quote, a depth update, a
//! level of a depth snapshot. Nothing is judged here.

use dtc::frame::Frame;
use dtc::wire::{self, Message, codes, value};

use crate::units::Ts;

/// What a message says.
pub(super) enum Said {
    Trade(Print),
    Quote(Touch),
    Level(Level),
    /// A level of a snapshot: whether it opens and whether it ends it.
    Snapshot(Level, bool, bool),
}

/// When it says that it happened.
#[derive(Clone, Copy)]
pub(super) enum When {
    /// At this exchange time; [`Ts::NONE`] where the field is unset.
    At(Ts),
    /// At the time of the message of the same sort before it.
    AsBefore,
}

/// A trade.
pub(super) struct Print {
    pub(super) symbol: u32,
    pub(super) price: f64,
    pub(super) volume: f64,
    pub(super) at_bid_or_ask: u8,
    pub(super) unbundled: i8,
    pub(super) when: When,
}

/// Best prices with their sizes; `None` = unset.
pub(super) struct Touch {
    pub(super) symbol: u32,
    pub(super) bid: (Option<f64>, Option<f64>),
    pub(super) ask: (Option<f64>, Option<f64>),
    pub(super) when: When,
}

/// A depth level.
pub(super) struct Level {
    pub(super) symbol: u32,
    pub(super) side: u8,
    pub(super) price: f64,
    pub(super) quantity: f64,
    pub(super) orders: u32,
    pub(super) update: u8,
    pub(super) finality: u8,
    pub(super) when: When,
}

/// What `frame` says, if it is one of the market data messages.
#[inline]
pub(super) fn read(frame: &Frame<'_>) -> Option<Said> {
    let bytes = frame.bytes;
    Some(match frame.kind {
        wire::MarketDataUpdateTradeV2::TYPE => {
            let mut spare = None;
            let m = wire::MarketDataUpdateTradeV2::view(bytes, &mut spare);
            Said::Trade(Print {
                symbol: m.symbol_id.get(),
                price: m.price.get(),
                volume: m.volume.get(),
                at_bid_or_ask: m.at_bid_or_ask,
                unbundled: m.unbundled_trade_indicator,
                when: integer(m.date_time.get()),
            })
        }
        wire::MarketDataUpdateTradeWithUnbundledIndicator2::TYPE => {
            let mut spare = None;
            let m = wire::MarketDataUpdateTradeWithUnbundledIndicator2::view(bytes, &mut spare);
            Said::Trade(Print {
                symbol: m.symbol_id.get(),
                price: f64::from(m.price.get()),
                volume: f64::from(m.volume.get()),
                at_bid_or_ask: m.at_bid_or_ask,
                unbundled: m.unbundled_trade_indicator,
                when: integer(m.date_time.get()),
            })
        }
        wire::MarketDepthUpdateLevelV2::TYPE => {
            let mut spare = None;
            let m = wire::MarketDepthUpdateLevelV2::view(bytes, &mut spare);
            Said::Level(Level {
                symbol: m.symbol_id.get(),
                side: m.side,
                price: m.price.get(),
                quantity: m.quantity.get(),
                orders: u32::from(m.num_orders.get()),
                update: m.update_type,
                finality: m.final_update_in_batch,
                when: integer(m.date_time.get()),
            })
        }
        wire::MarketDepthUpdateLevelFloatWithMilliseconds::TYPE => {
            let mut spare = None;
            let m = wire::MarketDepthUpdateLevelFloatWithMilliseconds::view(bytes, &mut spare);
            Said::Level(Level {
                symbol: m.symbol_id.get(),
                side: m.side,
                price: f64::from(m.price.get()),
                quantity: f64::from(m.quantity.get()),
                orders: u32::from(m.num_orders.get()),
                update: m.update_type,
                finality: m.final_update_in_batch,
                when: integer(m.date_time.get()),
            })
        }
        107 | 112 | 137 | 142 => Said::Trade(older_trade(frame)),
        108 | 117 | 143 | 144 | 148 => Said::Quote(quote(frame)),
        106 | 141 => Said::Level(older_level(frame)),
        122 | 145 => snapshot(frame),
        _ => return None,
    })
}

fn older_trade(frame: &Frame<'_>) -> Print {
    let bytes = frame.bytes;
    match frame.kind {
        wire::MarketDataUpdateTrade::TYPE => {
            let m = wire::MarketDataUpdateTrade::parse(bytes);
            Print {
                symbol: m.symbol_id.get(),
                price: m.price.get(),
                volume: m.volume.get(),
                at_bid_or_ask: narrow(m.at_bid_or_ask.get()),
                unbundled: 0,
                when: seconds(m.date_time.get()),
            }
        }
        wire::MarketDataUpdateTradeCompact::TYPE => {
            let m = wire::MarketDataUpdateTradeCompact::parse(bytes);
            Print {
                symbol: m.symbol_id.get(),
                price: f64::from(m.price.get()),
                volume: f64::from(m.volume.get()),
                at_bid_or_ask: narrow(m.at_bid_or_ask.get()),
                unbundled: 0,
                when: whole_seconds(m.date_time.get()),
            }
        }
        wire::MarketDataUpdateTradeWithUnbundledIndicator::TYPE => {
            let m = wire::MarketDataUpdateTradeWithUnbundledIndicator::parse(bytes);
            Print {
                symbol: m.symbol_id.get(),
                price: m.price.get(),
                volume: f64::from(m.volume.get()),
                at_bid_or_ask: m.at_bid_or_ask,
                unbundled: m.unbundled_trade_indicator,
                when: seconds(m.date_time.get()),
            }
        }
        _ => {
            let m = wire::MarketDataUpdateTradeNoTimestamp::parse(bytes);
            Print {
                symbol: m.symbol_id.get(),
                price: f64::from(m.price.get()),
                volume: f64::from(m.volume.get()),
                at_bid_or_ask: m.at_bid_or_ask,
                unbundled: m.unbundled_trade_indicator,
                when: When::AsBefore,
            }
        }
    }
}

fn quote(frame: &Frame<'_>) -> Touch {
    let bytes = frame.bytes;
    let (long, short) = (value::f64_set, |v: f32| value::f32_set(v).map(f64::from));
    match frame.kind {
        wire::MarketDataUpdateBidAsk::TYPE => {
            let m = wire::MarketDataUpdateBidAsk::parse(bytes);
            Touch {
                symbol: m.symbol_id.get(),
                bid: (long(m.bid_price.get()), short(m.bid_quantity.get())),
                ask: (long(m.ask_price.get()), short(m.ask_quantity.get())),
                when: whole_seconds(m.date_time.get()),
            }
        }
        wire::MarketDataUpdateBidAskCompact::TYPE => {
            let m = wire::MarketDataUpdateBidAskCompact::parse(bytes);
            Touch {
                symbol: m.symbol_id.get(),
                bid: (short(m.bid_price.get()), short(m.bid_quantity.get())),
                ask: (short(m.ask_price.get()), short(m.ask_quantity.get())),
                when: whole_seconds(m.date_time.get()),
            }
        }
        wire::MarketDataUpdateBidAskNoTimeStamp::TYPE => {
            let m = wire::MarketDataUpdateBidAskNoTimeStamp::parse(bytes);
            let size = |quantity: u32| Some(f64::from(quantity));
            Touch {
                symbol: m.symbol_id.get(),
                bid: (short(m.bid_price.get()), size(m.bid_quantity.get())),
                ask: (short(m.ask_price.get()), size(m.ask_quantity.get())),
                when: When::AsBefore,
            }
        }
        wire::MarketDataUpdateBidAskFloatWithMicroseconds::TYPE => {
            let m = wire::MarketDataUpdateBidAskFloatWithMicroseconds::parse(bytes);
            Touch {
                symbol: m.symbol_id.get(),
                bid: (short(m.bid_price.get()), short(m.bid_quantity.get())),
                ask: (short(m.ask_price.get()), short(m.ask_quantity.get())),
                when: integer(m.date_time.get()),
            }
        }
        _ => {
            let m = wire::MarketDataUpdateBidAskV2::parse(bytes);
            Touch {
                symbol: m.symbol_id.get(),
                bid: (long(m.bid_price.get()), long(m.bid_quantity.get())),
                ask: (long(m.ask_price.get()), long(m.ask_quantity.get())),
                when: integer(m.date_time.get()),
            }
        }
    }
}

fn older_level(frame: &Frame<'_>) -> Level {
    if frame.kind == wire::MarketDepthUpdateLevel::TYPE {
        let m = wire::MarketDepthUpdateLevel::parse(frame.bytes);
        Level {
            symbol: m.symbol_id.get(),
            side: narrow(m.side.get()),
            price: m.price.get(),
            quantity: m.quantity.get(),
            orders: m.num_orders.get(),
            update: m.update_type,
            finality: m.final_update_in_batch,
            when: seconds(m.date_time.get()),
        }
    } else {
        let m = wire::MarketDepthUpdateLevelNoTimestamp::parse(frame.bytes);
        Level {
            symbol: m.symbol_id.get(),
            side: m.side as u8,
            price: f64::from(m.price.get()),
            quantity: f64::from(m.quantity.get()),
            orders: u32::from(m.num_orders.get()),
            update: m.update_type as u8,
            finality: m.final_update_in_batch,
            when: When::AsBefore,
        }
    }
}

fn snapshot(frame: &Frame<'_>) -> Said {
    if frame.kind == wire::MarketDepthSnapshotLevel::TYPE {
        let m = wire::MarketDepthSnapshotLevel::parse(frame.bytes);
        let level = Level {
            symbol: m.symbol_id.get(),
            side: narrow(m.side.get()),
            price: m.price.get(),
            quantity: m.quantity.get(),
            orders: m.num_orders.get(),
            update: codes::UPDATE_INSERT_UPDATE,
            finality: codes::FINAL_UPDATE_UNSET,
            when: seconds(m.date_time.get()),
        };
        let (first, last) = (m.is_first_message_in_batch, m.is_last_message_in_batch);
        Said::Snapshot(level, first == 1, last == 1)
    } else {
        let m = wire::MarketDepthSnapshotLevelFloat::parse(frame.bytes);
        let level = Level {
            symbol: m.symbol_id.get(),
            side: m.side,
            price: f64::from(m.price.get()),
            quantity: f64::from(m.quantity.get()),
            orders: m.num_orders.get(),
            update: codes::UPDATE_INSERT_UPDATE,
            finality: codes::FINAL_UPDATE_UNSET,
            when: When::At(Ts::NONE),
        };
        let place = m.final_update_in_batch;
        let first = place == codes::FINAL_UPDATE_BEGIN_BATCH;
        Said::Snapshot(level, first, place == codes::FINAL_UPDATE_TRUE)
    }
}

/// Best prices of a market data snapshot; `None` where it has neither.
pub(super) fn snapshot_touch(bytes: &[u8]) -> Option<Touch> {
    let m = wire::MarketDataSnapshot::parse(bytes);
    let set = value::f64_set;
    let touch = Touch {
        symbol: m.symbol_id.get(),
        bid: (set(m.bid_price.get()), set(m.bid_quantity.get())),
        ask: (set(m.ask_price.get()), set(m.ask_quantity.get())),
        when: seconds(m.bid_ask_date_time.get()),
    };
    (touch.bid.0.is_some() || touch.ask.0.is_some()).then_some(touch)
}

/// A two-byte code; none of the codes in use needs the second byte.
fn narrow(code: u16) -> u8 {
    u8::try_from(code).unwrap_or(u8::MAX)
}

#[inline]
fn integer(raw: i64) -> When {
    When::At(value::time_from_int(raw).map_or(Ts::NONE, Ts::from_outside))
}

fn seconds(raw: f64) -> When {
    When::At(value::time_from_f64(raw).map_or(Ts::NONE, Ts::from_outside))
}

fn whole_seconds(raw: u32) -> When {
    When::At(value::time_from_u32(raw).map_or(Ts::NONE, Ts::from_outside))
}
