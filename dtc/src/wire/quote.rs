//! Best bid and offer, in the five forms servers have given them.

use zerocopy::little_endian::{F32, F64, I64, U32};

use super::{DBL_MAX, FLT_MAX, macros::message};

message! {
    /// 108 MARKET_DATA_UPDATE_BID_ASK: best bid and offer, prices in doubles.
    pub struct MarketDataUpdateBidAsk:
        108 "MARKET_DATA_UPDATE_BID_ASK", size 40, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Best bid; `DBL_MAX` is no bid.
        bid_price: F64 @ 8 "BidPrice" = DBL_MAX,
        /// Quantity at the best bid.
        bid_quantity: F32 @ 16 "BidQuantity",
        _pad0: [u8; 4] @ 20,
        /// Best offer; `DBL_MAX` is no offer.
        ask_price: F64 @ 24 "AskPrice" = DBL_MAX,
        /// Quantity at the best offer.
        ask_quantity: F32 @ 32 "AskQuantity",
        /// Whole Unix seconds; 0 is unset.
        date_time: U32 @ 36 "DateTime",
    }
}

message! {
    /// 117 MARKET_DATA_UPDATE_BID_ASK_COMPACT: best bid and offer, in floats and whole seconds;
    /// what Sierra Chart sends unless asked otherwise.
    pub struct MarketDataUpdateBidAskCompact:
        117 "MARKET_DATA_UPDATE_BID_ASK_COMPACT", size 28, "2025-04, 2026-08"
    {
        /// Best bid; `FLT_MAX` is no bid.
        bid_price: F32 @ 4 "BidPrice" = FLT_MAX,
        /// Quantity at the best bid.
        bid_quantity: F32 @ 8 "BidQuantity",
        /// Best offer; `FLT_MAX` is no offer.
        ask_price: F32 @ 12 "AskPrice" = FLT_MAX,
        /// Quantity at the best offer.
        ask_quantity: F32 @ 16 "AskQuantity",
        /// Whole Unix seconds; 0 is unset.
        date_time: U32 @ 20 "DateTime",
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 24 "SymbolID",
    }
}

message! {
    /// 143 MARKET_DATA_UPDATE_BID_ASK_NO_TIMESTAMP: best bid and offer at the time of the quote
    /// before it, for the same symbol.
    ///
    /// No longer in the 2026-08 header; older servers send it.
    pub struct MarketDataUpdateBidAskNoTimeStamp:
        143 "MARKET_DATA_UPDATE_BID_ASK_NO_TIMESTAMP", size 24, "2025-04"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Best bid; `FLT_MAX` is no bid.
        bid_price: F32 @ 8 "BidPrice" = FLT_MAX,
        /// Quantity at the best bid.
        bid_quantity: U32 @ 12 "BidQuantity",
        /// Best offer; `FLT_MAX` is no offer.
        ask_price: F32 @ 16 "AskPrice" = FLT_MAX,
        /// Quantity at the best offer.
        ask_quantity: U32 @ 20 "AskQuantity",
    }
}

message! {
    /// 144 MARKET_DATA_UPDATE_BID_ASK_FLOAT_WITH_MICROSECONDS: best bid and offer, in floats with
    /// microseconds.
    pub struct MarketDataUpdateBidAskFloatWithMicroseconds:
        144 "MARKET_DATA_UPDATE_BID_ASK_FLOAT_WITH_MICROSECONDS", size 32, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Best bid; `FLT_MAX` is no bid.
        bid_price: F32 @ 8 "BidPrice" = FLT_MAX,
        /// Quantity at the best bid.
        bid_quantity: F32 @ 12 "BidQuantity",
        /// Best offer; `FLT_MAX` is no offer.
        ask_price: F32 @ 16 "AskPrice" = FLT_MAX,
        /// Quantity at the best offer.
        ask_quantity: F32 @ 20 "AskQuantity",
        /// Unix microseconds, milliseconds from servers of 2020; 0 is unset.
        date_time: I64 @ 24 "DateTime",
    }
}

message! {
    /// 148 MARKET_DATA_UPDATE_BID_ASK_DOUBLE_WITH_MICROSECONDS: best bid and offer, in doubles and
    /// microseconds; takes the place of the older quote messages.
    pub struct MarketDataUpdateBidAskV2:
        148 "MARKET_DATA_UPDATE_BID_ASK_DOUBLE_WITH_MICROSECONDS", size 48, "2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Best bid; `DBL_MAX` is no bid.
        bid_price: F64 @ 8 "BidPrice" = DBL_MAX,
        /// Quantity at the best bid.
        bid_quantity: F64 @ 16 "BidQuantity",
        /// Best offer; `DBL_MAX` is no offer.
        ask_price: F64 @ 24 "AskPrice" = DBL_MAX,
        /// Quantity at the best offer.
        ask_quantity: F64 @ 32 "AskQuantity",
        /// Unix microseconds; 0 is unset.
        date_time: I64 @ 40 "DateTime",
    }
}
