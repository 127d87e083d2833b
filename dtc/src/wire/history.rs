//! Stored prices and stored depth on request.

use zerocopy::little_endian::{F32, F64, I16, I32, I64, U16, U32};

use super::macros::message;

message! {
    /// 800 HISTORICAL_PRICE_DATA_REQUEST: asks for stored bars or trades, best on a connection of
    /// its own.
    ///
    /// Before 2025 it ended at 120 bytes, before `UseZLibNGCompression`.
    pub struct HistoricalPriceDataRequest:
        800 "HISTORICAL_PRICE_DATA_REQUEST", size 128, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Symbol as the server writes it.
        symbol: [u8; 64] @ 8 "Symbol",
        /// Exchange of the symbol; empty when the server does not use exchanges.
        exchange: [u8; 16] @ 72 "Exchange",
        /// Seconds a record spans; 0 asks for single trades.
        record_interval: I32 @ 88 "RecordInterval",
        _pad0: [u8; 4] @ 92,
        /// First time wanted in Unix seconds; 0 is from the start.
        start_date_time: I64 @ 96 "StartDateTime",
        /// Last time wanted in Unix seconds; 0 is up to now.
        end_date_time: I64 @ 104 "EndDateTime",
        /// Days to return at most; 0 is no limit.
        max_days_to_return: U32 @ 112 "MaxDaysToReturn",
        /// 1: compress all after the answer's header as one zlib stream.
        use_zlib_compression: u8 @ 116 "UseZLibCompression",
        /// 1: adjust stock prices for dividends.
        request_dividend_adjusted_stock_data: u8 @ 117 "RequestDividendAdjustedStockData",
        /// A number with a meaning between server and client.
        integer_1: U16 @ 118 "Integer_1",
        /// 1: compress in the zlib-ng manner, whose format is not published.
        use_zlib_ng_compression: u8 @ 120 "UseZLibNGCompression",
        _pad1: [u8; 7] @ 121,
    }
}

message! {
    /// 801 HISTORICAL_PRICE_DATA_RESPONSE_HEADER: opens the answer to a price request and is itself
    /// never compressed.
    ///
    /// Before 2025 it ended at 20 bytes, before `UseZLibNGCompression`.
    pub struct HistoricalPriceDataResponseHeader:
        801 "HISTORICAL_PRICE_DATA_RESPONSE_HEADER", size 24, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Seconds a record spans, which may not be what was asked for; 0 is single trades.
        record_interval: I32 @ 8 "RecordInterval",
        /// 1: all that follows is one zlib stream of messages.
        use_zlib_compression: u8 @ 12 "UseZLibCompression",
        /// 1: nothing is stored for the request, and this is the whole answer.
        no_records_to_return: u8 @ 13 "NoRecordsToReturn",
        _pad0: [u8; 2] @ 14,
        /// Divisor of integer prices, when records come as integers; 0 is none.
        int_to_float_price_divisor: F32 @ 16 "IntToFloatPriceDivisor",
        /// 1: all that follows is compressed in the zlib-ng manner.
        use_zlib_ng_compression: u8 @ 20 "UseZLibNGCompression",
        _pad1: [u8; 3] @ 21,
    }
}

message! {
    /// 802 HISTORICAL_PRICE_DATA_REJECT: the price request failed.
    pub struct HistoricalPriceDataReject:
        802 "HISTORICAL_PRICE_DATA_REJECT", size 108, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Reason, for people.
        reject_text: [u8; 96] @ 8 "RejectText",
        /// 1 ask again later, 2 do not, 3 nothing stored for that time, 4 other.
        reject_reason_code: I16 @ 104 "RejectReasonCode",
        /// Seconds to wait before asking again, when the code is 1.
        retry_time_in_seconds: U16 @ 106 "RetryTimeInSeconds",
    }
}

message! {
    /// 803 HISTORICAL_PRICE_DATA_RECORD_RESPONSE: one bar, oldest first; the last may be empty with
    /// time 0.
    pub struct HistoricalPriceDataRecordResponse:
        803 "HISTORICAL_PRICE_DATA_RECORD_RESPONSE", size 88, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Start of the bar in Unix microseconds, seconds from older servers: tell by the
        /// magnitude; 0 is unset.
        start_date_time: I64 @ 8 "StartDateTime",
        /// First price.
        open_price: F64 @ 16 "OpenPrice",
        /// Highest price.
        high_price: F64 @ 24 "HighPrice",
        /// Lowest price.
        low_price: F64 @ 32 "LowPrice",
        /// Last price.
        last_price: F64 @ 40 "LastPrice",
        /// Quantity traded within the bar.
        volume: F64 @ 48 "Volume",
        /// Open contracts for bars of a day and more, else number of trades; one union of both
        /// names.
        open_interest: U32 @ 56 "OpenInterest" | "NumTrades",
        _pad0: [u8; 4] @ 60,
        /// Quantity traded at the bid.
        bid_volume: F64 @ 64 "BidVolume",
        /// Quantity traded at the ask.
        ask_volume: F64 @ 72 "AskVolume",
        /// 1: the last record of the answer; it may hold nothing else.
        is_final_record: u8 @ 80 "IsFinalRecord",
        _pad1: [u8; 7] @ 81,
    }
}

message! {
    /// 804 HISTORICAL_PRICE_DATA_TICK_RECORD_RESPONSE: one trade, oldest first; the last may be
    /// empty with time 0.
    pub struct HistoricalPriceDataTickRecordResponse:
        804 "HISTORICAL_PRICE_DATA_TICK_RECORD_RESPONSE", size 48, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Unix seconds with a fraction; 0 is unset.
        date_time: F64 @ 8 "DateTime",
        /// Aggressor: 1 sold at the bid, 2 bought at the ask, 0 unknown.
        at_bid_or_ask: U16 @ 16 "AtBidOrAsk",
        _pad0: [u8; 6] @ 18,
        /// Price of the trade.
        price: F64 @ 24 "Price",
        /// Quantity of the trade.
        volume: F64 @ 32 "Volume",
        /// 1: the last record of the answer; it may hold nothing else.
        is_final_record: u8 @ 40 "IsFinalRecord",
        _pad1: [u8; 7] @ 41,
    }
}

message! {
    /// 807 HISTORICAL_PRICE_DATA_RESPONSE_TRAILER: closes the answer to a price request; servers
    /// may leave it out.
    pub struct HistoricalPriceDataResponseTrailer:
        807 "HISTORICAL_PRICE_DATA_RESPONSE_TRAILER", size 16, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// End of the last record in Unix microseconds, a double of seconds from older servers; 0
        /// is unset.
        final_record_last_date_time: I64 @ 8 "FinalRecordLastDateTime",
    }
}

message! {
    /// 900 HISTORICAL_MARKET_DEPTH_DATA_REQUEST: asks for stored depth.
    pub struct HistoricalMarketDepthDataRequest:
        900 "HISTORICAL_MARKET_DEPTH_DATA_REQUEST", size 112, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Symbol as the server writes it.
        symbol: [u8; 64] @ 8 "Symbol",
        /// Exchange of the symbol; empty when the server does not use exchanges.
        exchange: [u8; 16] @ 72 "Exchange",
        /// First time wanted in Unix microseconds.
        start_date_time: I64 @ 88 "StartDateTime",
        /// Last time wanted in Unix microseconds; 0 is up to now.
        end_date_time: I64 @ 96 "EndDateTime",
        /// 1: compress all after the answer's header as one zlib stream.
        use_zlib_compression: u8 @ 104 "UseZLibCompression",
        /// A number with a meaning between server and client.
        integer_1: u8 @ 105 "Integer_1",
        /// 1: compress in the zlib-ng manner, whose format is not published.
        use_zlib_ng_compression: u8 @ 106 "UseZLibNGCompression",
        _pad0: [u8; 5] @ 107,
    }
}

message! {
    /// 901 HISTORICAL_MARKET_DEPTH_DATA_RESPONSE_HEADER: opens the answer to a depth request.
    pub struct HistoricalMarketDepthDataResponseHeader:
        901 "HISTORICAL_MARKET_DEPTH_DATA_RESPONSE_HEADER", size 12, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// 1: all that follows is one zlib stream of messages.
        use_zlib_compression: u8 @ 8 "UseZLibCompression",
        /// 1: nothing is stored for the request, and this is the whole answer.
        no_records_to_return: u8 @ 9 "NoRecordsToReturn",
        /// 1: all that follows is compressed in the zlib-ng manner.
        use_zlib_ng_compression: u8 @ 10 "UseZLibNGCompression",
        _pad0: [u8; 1] @ 11,
    }
}

message! {
    /// 902 HISTORICAL_MARKET_DEPTH_DATA_REJECT: the depth request failed.
    pub struct HistoricalMarketDepthDataReject:
        902 "HISTORICAL_MARKET_DEPTH_DATA_REJECT", size 108, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Reason, for people.
        reject_text: [u8; 96] @ 8 "RejectText",
        /// 1 ask again later, 2 do not, 3 nothing stored for that time, 4 other.
        reject_reason_code: I16 @ 104 "RejectReasonCode",
        _pad0: [u8; 2] @ 106,
    }
}

message! {
    /// 903 HISTORICAL_MARKET_DEPTH_DATA_RECORD_RESPONSE: one stored change of the book, the record
    /// of a `.depth` file.
    pub struct HistoricalMarketDepthDataRecordResponse:
        903 "HISTORICAL_MARKET_DEPTH_DATA_RECORD_RESPONSE", size 32, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Time of the change in Unix microseconds.
        start_date_time: I64 @ 8 "StartDateTime",
        /// Change, as in a `.depth` file: 1 clear book, 2 and 3 add bid and ask, 4 and 5 modify, 6
        /// and 7 delete.
        command: u8 @ 16 "Command",
        /// Bits, as in a `.depth` file: 0x01 the last change of its batch.
        flags: u8 @ 17 "Flags",
        /// Orders at the price; 0 is unknown.
        num_orders: U16 @ 18 "NumOrders",
        /// Price of the level.
        price: F32 @ 20 "Price",
        /// Quantity at the price.
        quantity: U32 @ 24 "Quantity",
        /// 1: the last record of the answer; it may hold nothing else.
        is_final_record: u8 @ 28 "IsFinalRecord",
        _pad0: [u8; 3] @ 29,
    }
}
