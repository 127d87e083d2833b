//! Market data other than trades, quotes and depth: requests, snapshot, status, session values.

use zerocopy::little_endian::{F64, I32, U32};

use super::{DBL_MAX, UINT_MAX, codes, macros::message};

message! {
    /// 101 MARKET_DATA_REQUEST: starts or ends the market data of one symbol.
    pub struct MarketDataRequest:
        101 "MARKET_DATA_REQUEST", size 96, "2025-04, 2026-08"
    {
        /// What to do: 1 subscribe, 2 unsubscribe, 3 one snapshot, 4 snapshots at an interval.
        request_action: I32 @ 4 "RequestAction" = I32::new(codes::SUBSCRIBE),
        /// Number the client chooses for the symbol, unique while it is subscribed.
        symbol_id: U32 @ 8 "SymbolID",
        /// Symbol as the server writes it; empty when unsubscribing.
        symbol: [u8; 64] @ 12 "Symbol",
        /// Exchange of the symbol; empty when the server does not use exchanges.
        exchange: [u8; 16] @ 76 "Exchange",
        /// Milliseconds between snapshots when the action is 4.
        interval_for_snapshot_updates_in_milliseconds: U32 @ 92
            "IntervalForSnapshotUpdatesInMilliseconds",
    }
}

message! {
    /// 103 MARKET_DATA_REJECT: no market data will come for this request.
    pub struct MarketDataReject:
        103 "MARKET_DATA_REJECT", size 104, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Reason, for people.
        reject_text: [u8; 96] @ 8 "RejectText",
    }
}

message! {
    /// 104 MARKET_DATA_SNAPSHOT: state of a symbol at the time of subscription, and again whenever
    /// the server sees fit.
    ///
    /// It is never a trade. What the server does not know stays unset.
    pub struct MarketDataSnapshot:
        104 "MARKET_DATA_SNAPSHOT", size 144, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Settlement price; `DBL_MAX` is unset.
        session_settlement_price: F64 @ 8 "SessionSettlementPrice" = DBL_MAX,
        /// First price of the session; `DBL_MAX` is unset.
        session_open_price: F64 @ 16 "SessionOpenPrice" = DBL_MAX,
        /// Highest price of the session; `DBL_MAX` is unset.
        session_high_price: F64 @ 24 "SessionHighPrice" = DBL_MAX,
        /// Lowest price of the session; `DBL_MAX` is unset.
        session_low_price: F64 @ 32 "SessionLowPrice" = DBL_MAX,
        /// Volume of the session; `DBL_MAX` is unset.
        session_volume: F64 @ 40 "SessionVolume" = DBL_MAX,
        /// Trades of the session; `UINT_MAX` is unset.
        session_num_trades: U32 @ 48 "SessionNumTrades" = UINT_MAX,
        /// Open contracts; `UINT_MAX` is unset.
        open_interest: U32 @ 52 "OpenInterest" = UINT_MAX,
        /// Best bid; `DBL_MAX` is no bid or unset.
        bid_price: F64 @ 56 "BidPrice" = DBL_MAX,
        /// Best offer; `DBL_MAX` is no offer or unset.
        ask_price: F64 @ 64 "AskPrice" = DBL_MAX,
        /// Quantity at the best offer; `DBL_MAX` is unset.
        ask_quantity: F64 @ 72 "AskQuantity" = DBL_MAX,
        /// Quantity at the best bid; `DBL_MAX` is unset.
        bid_quantity: F64 @ 80 "BidQuantity" = DBL_MAX,
        /// Price of the last trade; `DBL_MAX` is unset.
        last_trade_price: F64 @ 88 "LastTradePrice" = DBL_MAX,
        /// Volume of the last trade; `DBL_MAX` is unset.
        last_trade_volume: F64 @ 96 "LastTradeVolume" = DBL_MAX,
        /// Time of the last trade in Unix seconds with a fraction; 0 is unset.
        last_trade_date_time: F64 @ 104 "LastTradeDateTime",
        /// Time of the quote in Unix seconds with a fraction; 0 is unset.
        bid_ask_date_time: F64 @ 112 "BidAskDateTime",
        /// Day of the settlement price in Unix seconds; 0 is unset.
        session_settlement_date_time: U32 @ 120 "SessionSettlementDateTime",
        /// Day of the session in Unix seconds at midnight; 0 is unset.
        trading_session_date: U32 @ 124 "TradingSessionDate",
        /// Phase of trading: 0 unknown, 1 before the open, 2 open, 3 closed, 4 halted.
        trading_status: i8 @ 128 "TradingStatus",
        _pad0: [u8; 7] @ 129,
        /// Time of the last depth update in Unix seconds with a fraction; 0 is unset.
        market_depth_update_date_time: F64 @ 136 "MarketDepthUpdateDateTime",
    }
}

message! {
    /// 100 MARKET_DATA_FEED_STATUS: all market data stopped or came back; at connect it is taken to
    /// be available.
    pub struct MarketDataFeedStatus:
        100 "MARKET_DATA_FEED_STATUS", size 8, "2025-04, 2026-08"
    {
        /// 1 unavailable, 2 available, 0 unset.
        status: I32 @ 4 "Status",
    }
}

message! {
    /// 116 MARKET_DATA_FEED_SYMBOL_STATUS: the market data of one symbol stopped or came back.
    pub struct MarketDataFeedSymbolStatus:
        116 "MARKET_DATA_FEED_SYMBOL_STATUS", size 12, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// 1 unavailable, 2 available, 0 unset.
        status: I32 @ 8 "Status",
    }
}

message! {
    /// 138 TRADING_SYMBOL_STATUS: phase of trading of one symbol.
    pub struct TradingSymbolStatus:
        138 "TRADING_SYMBOL_STATUS", size 12, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// 0 unknown, 1 before the open, 2 open, 3 closed, 4 halted.
        status: i8 @ 8 "Status",
        _pad0: [u8; 3] @ 9,
    }
}

message! {
    /// 120 MARKET_DATA_UPDATE_SESSION_OPEN: first price of the session, set or corrected.
    pub struct MarketDataUpdateSessionOpen:
        120 "MARKET_DATA_UPDATE_SESSION_OPEN", size 24, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Price in market data units.
        price: F64 @ 8 "Price",
        /// Day of the session in Unix seconds at midnight; 0 is unset.
        trading_session_date: U32 @ 16 "TradingSessionDate",
        _pad0: [u8; 4] @ 20,
    }
}

message! {
    /// 114 MARKET_DATA_UPDATE_SESSION_HIGH: highest price of the session, set or corrected.
    pub struct MarketDataUpdateSessionHigh:
        114 "MARKET_DATA_UPDATE_SESSION_HIGH", size 24, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Price in market data units.
        price: F64 @ 8 "Price",
        /// Day of the session in Unix seconds at midnight; 0 is unset.
        trading_session_date: U32 @ 16 "TradingSessionDate",
        _pad0: [u8; 4] @ 20,
    }
}

message! {
    /// 115 MARKET_DATA_UPDATE_SESSION_LOW: lowest price of the session, set or corrected.
    pub struct MarketDataUpdateSessionLow:
        115 "MARKET_DATA_UPDATE_SESSION_LOW", size 24, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Price in market data units.
        price: F64 @ 8 "Price",
        /// Day of the session in Unix seconds at midnight; 0 is unset.
        trading_session_date: U32 @ 16 "TradingSessionDate",
        _pad0: [u8; 4] @ 20,
    }
}

message! {
    /// 113 MARKET_DATA_UPDATE_SESSION_VOLUME: volume of the session so far.
    ///
    /// Clients add up trades by themselves; this value takes the place of their sum.
    pub struct MarketDataUpdateSessionVolume:
        113 "MARKET_DATA_UPDATE_SESSION_VOLUME", size 24, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Contracts, shares or coins since the session began.
        volume: F64 @ 8 "Volume",
        /// Day of the session in Unix seconds at midnight; 0 is unset.
        trading_session_date: U32 @ 16 "TradingSessionDate",
        /// 1: the session is over and the value final.
        is_final_session_volume: u8 @ 20 "IsFinalSessionVolume",
        _pad0: [u8; 3] @ 21,
    }
}

message! {
    /// 124 MARKET_DATA_UPDATE_OPEN_INTEREST: open contracts of a symbol.
    pub struct MarketDataUpdateOpenInterest:
        124 "MARKET_DATA_UPDATE_OPEN_INTEREST", size 16, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Open contracts.
        open_interest: U32 @ 8 "OpenInterest",
        /// Day of the session in Unix seconds at midnight; 0 is unset.
        trading_session_date: U32 @ 12 "TradingSessionDate",
    }
}

message! {
    /// 119 MARKET_DATA_UPDATE_SESSION_SETTLEMENT: settlement price of a symbol.
    pub struct MarketDataUpdateSessionSettlement:
        119 "MARKET_DATA_UPDATE_SESSION_SETTLEMENT", size 24, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Price in market data units.
        price: F64 @ 8 "Price",
        /// Day of the settlement in Unix seconds; 0 is unset.
        date_time: U32 @ 16 "DateTime",
        _pad0: [u8; 4] @ 20,
    }
}

message! {
    /// 135 MARKET_DATA_UPDATE_SESSION_NUM_TRADES: number of trades of the session so far.
    pub struct MarketDataUpdateSessionNumTrades:
        135 "MARKET_DATA_UPDATE_SESSION_NUM_TRADES", size 16, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Trades since the session began; an `int32_t` in the 2025-04 header.
        num_trades: U32 @ 8 "NumTrades",
        /// Day of the session in Unix seconds at midnight; 0 is unset.
        trading_session_date: U32 @ 12 "TradingSessionDate",
    }
}

message! {
    /// 136 MARKET_DATA_UPDATE_TRADING_SESSION_DATE: the session the coming updates belong to.
    pub struct MarketDataUpdateTradingSessionDate:
        136 "MARKET_DATA_UPDATE_TRADING_SESSION_DATE", size 12, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Day of the session in Unix seconds at midnight.
        date: U32 @ 8 "Date",
    }
}
