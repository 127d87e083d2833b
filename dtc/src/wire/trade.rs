//! Trades, in the seven forms servers have given them.

use zerocopy::little_endian::{F32, F64, I64, U16, U32};

use super::macros::message;

message! {
    /// 107 MARKET_DATA_UPDATE_TRADE: one trade, in doubles.
    pub struct MarketDataUpdateTrade:
        107 "MARKET_DATA_UPDATE_TRADE", size 40, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Aggressor: 1 sold at the bid, 2 bought at the ask, 0 unknown.
        at_bid_or_ask: U16 @ 8 "AtBidOrAsk",
        _pad0: [u8; 6] @ 10,
        /// Price in market data units, to be multiplied by the display price multiplier.
        price: F64 @ 16 "Price",
        /// Quantity traded.
        volume: F64 @ 24 "Volume",
        /// Unix seconds with a fraction; 0 is unset.
        date_time: F64 @ 32 "DateTime",
    }
}

message! {
    /// 112 MARKET_DATA_UPDATE_TRADE_COMPACT: one trade, in floats and whole seconds; what Sierra
    /// Chart sends unless asked otherwise.
    pub struct MarketDataUpdateTradeCompact:
        112 "MARKET_DATA_UPDATE_TRADE_COMPACT", size 24, "2025-04, 2026-08"
    {
        /// Price in market data units, to be multiplied by the display price multiplier.
        price: F32 @ 4 "Price",
        /// Quantity traded.
        volume: F32 @ 8 "Volume",
        /// Whole Unix seconds; 0 is unset.
        date_time: U32 @ 12 "DateTime",
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 16 "SymbolID",
        /// Aggressor: 1 sold at the bid, 2 bought at the ask, 0 unknown.
        at_bid_or_ask: U16 @ 20 "AtBidOrAsk",
        _pad0: [u8; 2] @ 22,
    }
}

message! {
    /// 134 MARKET_DATA_UPDATE_LAST_TRADE_SNAPSHOT: the last trade before the subscription; not a
    /// new trade.
    pub struct MarketDataUpdateLastTradeSnapshot:
        134 "MARKET_DATA_UPDATE_LAST_TRADE_SNAPSHOT", size 32, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Price of that trade.
        last_trade_price: F64 @ 8 "LastTradePrice",
        /// Quantity of that trade.
        last_trade_volume: F64 @ 16 "LastTradeVolume",
        /// Time of that trade in Unix seconds with a fraction; 0 is unset.
        last_trade_date_time: F64 @ 24 "LastTradeDateTime",
    }
}

message! {
    /// 137 MARKET_DATA_UPDATE_TRADE_WITH_UNBUNDLED_INDICATOR: one trade with its place within the
    /// aggressive order it came from.
    pub struct MarketDataUpdateTradeWithUnbundledIndicator:
        137 "MARKET_DATA_UPDATE_TRADE_WITH_UNBUNDLED_INDICATOR", size 40, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Aggressor: 1 sold at the bid, 2 bought at the ask, 0 unknown.
        at_bid_or_ask: u8 @ 8 "AtBidOrAsk",
        /// Place within the aggressive order: 1 first part, 2 last part, 0 neither.
        unbundled_trade_indicator: i8 @ 9 "UnbundledTradeIndicator",
        /// Condition bits of equity trades: 1 not the last price, 2 odd lot, 4 alternative display
        /// facility.
        trade_condition: u8 @ 10 "TradeCondition",
        /// Reserved; 0.
        reserve_1: u8 @ 11 "Reserve_1",
        /// Reserved; 0.
        reserve_2: U32 @ 12 "Reserve_2",
        /// Price in market data units, to be multiplied by the display price multiplier.
        price: F64 @ 16 "Price",
        /// Quantity traded.
        volume: U32 @ 24 "Volume",
        /// Reserved; 0.
        reserve_3: U32 @ 28 "Reserve_3",
        /// Unix seconds with a fraction; 0 is unset.
        date_time: F64 @ 32 "DateTime",
    }
}

message! {
    /// 142 MARKET_DATA_UPDATE_TRADE_NO_TIMESTAMP: one trade at the time of the trade before it, for
    /// the same symbol.
    ///
    /// No longer in the 2026-08 header; older servers send it.
    pub struct MarketDataUpdateTradeNoTimestamp:
        142 "MARKET_DATA_UPDATE_TRADE_NO_TIMESTAMP", size 19, "2025-04"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Price in market data units, to be multiplied by the display price multiplier.
        price: F32 @ 8 "Price",
        /// Quantity traded.
        volume: U32 @ 12 "Volume",
        /// Aggressor: 1 sold at the bid, 2 bought at the ask, 0 unknown.
        at_bid_or_ask: u8 @ 16 "AtBidOrAsk",
        /// Place within the aggressive order: 1 first part, 2 last part, 0 neither.
        unbundled_trade_indicator: i8 @ 17 "UnbundledTradeIndicator",
        /// Condition bits of equity trades: 1 not the last price, 2 odd lot, 4 alternative display
        /// facility.
        trade_condition: i8 @ 18 "TradeCondition",
    }
}

message! {
    /// 146 MARKET_DATA_UPDATE_TRADE_WITH_UNBUNDLED_INDICATOR_2: one trade in 27 bytes with
    /// microseconds.
    ///
    /// Packed without padding.
    pub struct MarketDataUpdateTradeWithUnbundledIndicator2:
        146 "MARKET_DATA_UPDATE_TRADE_WITH_UNBUNDLED_INDICATOR_2", size 27, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Price in market data units, to be multiplied by the display price multiplier.
        price: F32 @ 8 "Price",
        /// Quantity traded.
        volume: U32 @ 12 "Volume",
        /// Unix microseconds; 0 is unset.
        date_time: I64 @ 16 "DateTime",
        /// Aggressor: 1 sold at the bid, 2 bought at the ask, 0 unknown.
        at_bid_or_ask: u8 @ 24 "AtBidOrAsk",
        /// Place within the aggressive order: 1 first part, 2 last part, 0 neither.
        unbundled_trade_indicator: i8 @ 25 "UnbundledTradeIndicator",
        /// Condition bits of equity trades: 1 not the last price, 2 odd lot, 4 alternative display
        /// facility.
        trade_condition: i8 @ 26 "TradeCondition",
    }
}

message! {
    /// 147 MARKET_DATA_UPDATE_TRADE_V2: one trade, in doubles and microseconds; takes the place of
    /// the older trade messages.
    pub struct MarketDataUpdateTradeV2:
        147 "MARKET_DATA_UPDATE_TRADE_V2", size 40, "2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Price in market data units, to be multiplied by the display price multiplier.
        price: F64 @ 8 "Price",
        /// Quantity traded; may hold a fraction.
        volume: F64 @ 16 "Volume",
        /// Unix microseconds; 0 is unset.
        date_time: I64 @ 24 "DateTime",
        /// Aggressor: 1 sold at the bid, 2 bought at the ask, 0 unknown.
        at_bid_or_ask: u8 @ 32 "AtBidOrAsk",
        /// Place within the aggressive order: 1 first part, 2 last part, 0 neither.
        unbundled_trade_indicator: i8 @ 33 "UnbundledTradeIndicator",
        /// Condition bits of equity trades: 1 not the last price, 2 odd lot, 4 alternative display
        /// facility.
        trade_condition: i8 @ 34 "TradeCondition",
        _pad0: [u8; 5] @ 35,
    }
}
