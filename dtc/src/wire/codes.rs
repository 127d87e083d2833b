//! Codes of the protocol's enumerations.
//!
//! The type of a constant is the wire type of the enumeration, except for the codes that travel
//! both as `u8` and as a wider integer, which are `u8` here. A value without a constant is
//! possible in every field: a sender may be newer than this list.

/// The protocol version both sides of a connection state.
pub const CURRENT_VERSION: i32 = 8;

/// Flag bits of `Integer_1` in a logon request to Sierra Chart's server; they choose the message
/// types of the market data it sends.
pub mod flags {
    /// Trades one by one as they matched, not bundled by aggressive order.
    pub const TRADES_UNBUNDLED: i32 = 0x4;
    /// Depth updates as 140: `float` prices and milliseconds.
    pub const DEPTH_FLOAT_WITH_MILLISECONDS: i32 = 0x80;
    /// Depth snapshots as 145: `float` prices.
    pub const DEPTH_SNAPSHOT_FLOAT: i32 = 0x800;
    /// Trades as 146: `float` price, integer volume, microseconds.
    pub const TRADES_WITH_MICROSECONDS: i32 = 0x80000;
    /// Quotes as 144: `float` prices and microseconds.
    pub const QUOTES_WITH_MICROSECONDS: i32 = 0x10_0000;
}

// `Encoding`: how messages are written.

/// Fixed-length binary structs, the encoding of this module.
pub const BINARY_ENCODING: i32 = 0;
/// Binary with text moved behind the struct.
pub const BINARY_WITH_VARIABLE_LENGTH_STRINGS: i32 = 1;
/// JSON objects, each followed by a zero byte.
pub const JSON_ENCODING: i32 = 2;
/// JSON with the frequent messages as arrays.
pub const JSON_COMPACT_ENCODING: i32 = 3;
/// Google Protocol Buffers behind the binary header.
pub const PROTOCOL_BUFFERS: i32 = 4;

// `Result` of a logon.

/// Logged on; the capability bytes hold.
pub const LOGON_SUCCESS: i32 = 1;
/// Refused; a later try may succeed.
pub const LOGON_ERROR: i32 = 2;
/// Refused for good: do not try again by yourself.
pub const LOGON_ERROR_NO_RECONNECT: i32 = 3;
/// Connect to `ReconnectAddress` instead.
pub const LOGON_RECONNECT_NEW_ADDRESS: i32 = 4;

// `RequestAction` of a subscription.

/// Start sending updates.
pub const SUBSCRIBE: i32 = 1;
/// Stop sending updates.
pub const UNSUBSCRIBE: i32 = 2;
/// Send the present state once.
pub const SNAPSHOT: i32 = 3;
/// Send the state again and again at the interval asked for.
pub const SNAPSHOT_WITH_INTERVAL_UPDATES: i32 = 4;

// `AtBidOrAsk` of a trade and `Side` of depth, as `u16` or `u8`.

/// Not known.
pub const BID_ASK_UNSET: u8 = 0;
/// Trade: the seller was the aggressor. Depth: bid side.
pub const AT_BID: u8 = 1;
/// Trade: the buyer was the aggressor. Depth: ask side.
pub const AT_ASK: u8 = 2;

// `UnbundledTradeIndicator`: place of a trade within one aggressive order.

/// A whole trade, or one in the middle of a bundle.
pub const UNBUNDLED_TRADE_NONE: i8 = 0;
/// First part of a bundle.
pub const FIRST_SUB_TRADE_OF_UNBUNDLED_TRADE: i8 = 1;
/// Last part of a bundle.
pub const LAST_SUB_TRADE_OF_UNBUNDLED_TRADE: i8 = 2;

// `TradeCondition` bits.

/// Nothing special.
pub const TRADE_CONDITION_NONE: i8 = 0;
/// Equity trade that does not set the last price.
pub const TRADE_CONDITION_NON_LAST_UPDATE_EQUITY_TRADE: i8 = 1;
/// Equity trade of less than a round lot.
pub const TRADE_CONDITION_ODD_LOT_EQUITY_TRADE: i8 = 2;
/// Equity trade reported through the alternative display facility; since 2026.
pub const TRADE_CONDITION_ALTERNATIVE_DISPLAY_FACILITY_TRADE: i8 = 4;

// `UpdateType` of a depth update; 1, 3 and 4 all set the level.

/// Not given.
pub const MARKET_DEPTH_UNSET: u8 = 0;
/// Set the quantity at the price, whether or not there was one.
pub const UPDATE_INSERT_UPDATE: u8 = 1;
/// Remove the price.
pub const UPDATE_DELETE: u8 = 2;
/// A price that was not there before; V2 only.
pub const UPDATE_INSERT: u8 = 3;
/// A price that was there before; V2 only.
pub const UPDATE_CHANGE: u8 = 4;

// `FinalUpdateInBatch`: where a depth update stands in its batch. Not a truth value.

/// The sender does not mark batches.
pub const FINAL_UPDATE_UNSET: u8 = 0;
/// Last of its batch: the book is whole again.
pub const FINAL_UPDATE_TRUE: u8 = 1;
/// More of the batch follows.
pub const FINAL_UPDATE_FALSE: u8 = 2;
/// First of its batch.
pub const FINAL_UPDATE_BEGIN_BATCH: u8 = 3;

// `MessageBoundary` of a market-by-order snapshot.

/// Not given.
pub const MESSAGE_SET_BOUNDARY_UNSET: u8 = 0;
/// The snapshot starts.
pub const MESSAGE_SET_BOUNDARY_BEGIN: u8 = 1;
/// The snapshot is whole.
pub const MESSAGE_SET_BOUNDARY_END: u8 = 2;

// `Status` of the feed or of one symbol's feed.

/// Not given.
pub const MARKET_DATA_FEED_STATUS_UNSET: i32 = 0;
/// Data has stopped.
pub const MARKET_DATA_FEED_UNAVAILABLE: i32 = 1;
/// Data flows again.
pub const MARKET_DATA_FEED_AVAILABLE: i32 = 2;

// `TradingStatus` of a symbol.

/// Not known.
pub const TRADING_STATUS_UNKNOWN: i8 = 0;
/// Before the open.
pub const TRADING_STATUS_PRE_OPEN: i8 = 1;
/// Trading.
pub const TRADING_STATUS_OPEN: i8 = 2;
/// Closed.
pub const TRADING_STATUS_CLOSE: i8 = 3;
/// Halted.
pub const TRADING_STATUS_TRADING_HALT: i8 = 4;

// `OrderType`.

/// Not given.
pub const ORDER_TYPE_UNSET: i32 = 0;
/// At any price.
pub const ORDER_TYPE_MARKET: i32 = 1;
/// At `Price1` or better.
pub const ORDER_TYPE_LIMIT: i32 = 2;
/// A market order once `Price1` trades.
pub const ORDER_TYPE_STOP: i32 = 3;
/// A limit order at `Price2` once `Price1` trades.
pub const ORDER_TYPE_STOP_LIMIT: i32 = 4;
/// A market order once the market falls or rises to `Price1`.
pub const ORDER_TYPE_MARKET_IF_TOUCHED: i32 = 5;
/// A limit order at `Price2` once `Price1` is touched.
pub const ORDER_TYPE_LIMIT_IF_TOUCHED: i32 = 6;
/// A market order whose rest becomes a limit order at the fill price.
pub const ORDER_TYPE_MARKET_LIMIT: i32 = 7;

// `TimeInForce`.

/// Not given.
pub const TIF_UNSET: i32 = 0;
/// Until the session ends.
pub const TIF_DAY: i32 = 1;
/// Until canceled.
pub const TIF_GOOD_TILL_CANCELED: i32 = 2;
/// Until `GoodTillDateTime`.
pub const TIF_GOOD_TILL_DATE_TIME: i32 = 3;
/// What fills at once; the rest is canceled.
pub const TIF_IMMEDIATE_OR_CANCEL: i32 = 4;
/// Only as a whole.
pub const TIF_ALL_OR_NONE: i32 = 5;
/// As a whole and at once, or not at all.
pub const TIF_FILL_OR_KILL: i32 = 6;

// `BuySell`.

/// Not given.
pub const BUY_SELL_UNSET: i32 = 0;
/// Buy.
pub const BUY: i32 = 1;
/// Sell.
pub const SELL: i32 = 2;

// `OpenOrClose` and `OpenClose`.

/// Not given.
pub const TRADE_UNSET: i32 = 0;
/// Opens a position.
pub const TRADE_OPEN: i32 = 1;
/// Closes a position.
pub const TRADE_CLOSE: i32 = 2;

// `PartialFillHandling` of a pair of orders.

/// Left to the server.
pub const PARTIAL_FILL_UNSET: i8 = 0;
/// A partial fill takes as much off the other order.
pub const PARTIAL_FILL_HANDLING_REDUCE_QUANTITY: i8 = 1;
/// A partial fill cancels the other order.
pub const PARTIAL_FILL_HANDLING_IMMEDIATE_CANCEL: i8 = 2;

// `OrderStatus`.

/// Not given.
pub const ORDER_STATUS_UNSPECIFIED: i32 = 0;
/// Sent and not yet answered; the client's own state, never on the wire.
pub const ORDER_STATUS_ORDER_SENT: i32 = 1;
/// Taken by the server, not yet working.
pub const ORDER_STATUS_PENDING_OPEN: i32 = 2;
/// Held until its parent fills.
pub const ORDER_STATUS_PENDING_CHILD: i32 = 3;
/// Working.
pub const ORDER_STATUS_OPEN: i32 = 4;
/// A change is under way.
pub const ORDER_STATUS_PENDING_CANCEL_REPLACE: i32 = 5;
/// A cancel is under way.
pub const ORDER_STATUS_PENDING_CANCEL: i32 = 6;
/// Filled as a whole.
pub const ORDER_STATUS_FILLED: i32 = 7;
/// Canceled.
pub const ORDER_STATUS_CANCELED: i32 = 8;
/// Refused.
pub const ORDER_STATUS_REJECTED: i32 = 9;
/// Partly filled, the rest working.
pub const ORDER_STATUS_PARTIALLY_FILLED: i32 = 10;

// `OrderUpdateReason`.

/// Not given.
pub const ORDER_UPDATE_REASON_UNSET: i32 = 0;
/// Answer to an open orders request.
pub const OPEN_ORDERS_REQUEST_RESPONSE: i32 = 1;
/// A new order is accepted.
pub const NEW_ORDER_ACCEPTED: i32 = 2;
/// Some field changed.
pub const GENERAL_ORDER_UPDATE: i32 = 3;
/// Filled as a whole; the `LastFill` fields hold.
pub const ORDER_FILLED: i32 = 4;
/// Filled in part; the `LastFill` fields hold.
pub const ORDER_FILLED_PARTIALLY: i32 = 5;
/// Canceled.
pub const ORDER_CANCELED: i32 = 6;
/// A change took effect.
pub const ORDER_CANCEL_REPLACE_COMPLETE: i32 = 7;
/// A new order is refused.
pub const NEW_ORDER_REJECTED: i32 = 8;
/// A cancel is refused; the status is the order's present one.
pub const ORDER_CANCEL_REJECTED: i32 = 9;
/// A change is refused; the status is the order's present one.
pub const ORDER_CANCEL_REPLACE_REJECTED: i32 = 10;

// `SecurityType`.

/// Not given, or any.
pub const SECURITY_TYPE_UNSET: i32 = 0;
/// Futures contract.
pub const SECURITY_TYPE_FUTURES: i32 = 1;
/// Share.
pub const SECURITY_TYPE_STOCK: i32 = 2;
/// Currency pair, crypto too.
pub const SECURITY_TYPE_FOREX: i32 = 3;
/// Index.
pub const SECURITY_TYPE_INDEX: i32 = 4;
/// Spread or other strategy of futures.
pub const SECURITY_TYPE_FUTURES_STRATEGY: i32 = 5;
/// Option on a share.
pub const SECURITY_TYPE_STOCK_OPTION: i32 = 6;
/// Option on a future.
pub const SECURITY_TYPE_FUTURES_OPTION: i32 = 7;
/// Option on an index.
pub const SECURITY_TYPE_INDEX_OPTION: i32 = 8;
/// Bond.
pub const SECURITY_TYPE_BOND: i32 = 9;
/// Mutual fund.
pub const SECURITY_TYPE_MUTUAL_FUND: i32 = 10;

// `PutOrCall`.

/// No option.
pub const PC_UNSET: u8 = 0;
/// Call.
pub const PC_CALL: u8 = 1;
/// Put.
pub const PC_PUT: u8 = 2;

// `SearchType`.

/// Not given.
pub const SEARCH_TYPE_UNSET: i32 = 0;
/// In symbols.
pub const SEARCH_TYPE_BY_SYMBOL: i32 = 1;
/// In descriptions.
pub const SEARCH_TYPE_BY_DESCRIPTION: i32 = 2;

// `PriceDisplayFormat`: 0 to 9 are that many decimals, above 100 fractions.

/// Not given.
pub const PRICE_DISPLAY_FORMAT_UNSET: i32 = -1;
/// Halves.
pub const PRICE_DISPLAY_FORMAT_DENOMINATOR_2: i32 = 102;
/// Quarters.
pub const PRICE_DISPLAY_FORMAT_DENOMINATOR_4: i32 = 104;
/// Eighths.
pub const PRICE_DISPLAY_FORMAT_DENOMINATOR_8: i32 = 108;
/// Sixteenths.
pub const PRICE_DISPLAY_FORMAT_DENOMINATOR_16: i32 = 116;
/// 32nds.
pub const PRICE_DISPLAY_FORMAT_DENOMINATOR_32: i32 = 132;
/// Halves of a 32nd.
pub const PRICE_DISPLAY_FORMAT_DENOMINATOR_32_HALVES: i32 = 134;
/// Quarters of a 32nd.
pub const PRICE_DISPLAY_FORMAT_DENOMINATOR_32_QUARTERS: i32 = 136;
/// Eighths of a 32nd.
pub const PRICE_DISPLAY_FORMAT_DENOMINATOR_32_EIGHTHS: i32 = 140;
/// 64ths.
pub const PRICE_DISPLAY_FORMAT_DENOMINATOR_64: i32 = 164;
/// 128ths.
pub const PRICE_DISPLAY_FORMAT_DENOMINATOR_128: i32 = 228;
/// 256ths.
pub const PRICE_DISPLAY_FORMAT_DENOMINATOR_256: i32 = 356;

// `RecordInterval` of historical prices, in seconds.

/// Every trade.
pub const INTERVAL_TICK: i32 = 0;
/// A second.
pub const INTERVAL_1_SECOND: i32 = 1;
/// A minute.
pub const INTERVAL_1_MINUTE: i32 = 60;
/// Five minutes.
pub const INTERVAL_5_MINUTE: i32 = 300;
/// An hour.
pub const INTERVAL_1_HOUR: i32 = 3600;
/// A day.
pub const INTERVAL_1_DAY: i32 = 86_400;
/// A week.
pub const INTERVAL_1_WEEK: i32 = 604_800;

// `RejectReasonCode` of a historical request.

/// Not given.
pub const HPDR_UNSET: i16 = 0;
/// Ask again after `RetryTimeInSeconds`.
pub const HPDR_UNABLE_TO_SERVE_DATA_RETRY_IN_SPECIFIED_SECONDS: i16 = 1;
/// Do not ask again.
pub const HPDR_UNABLE_TO_SERVE_DATA_DO_NOT_RETRY: i16 = 2;
/// Nothing is stored for that time.
pub const HPDR_DATA_REQUEST_OUTSIDE_BOUNDS_OF_AVAILABLE_DATA: i16 = 3;
/// Another error; see the text.
pub const HPDR_GENERAL_REJECT_ERROR: i16 = 4;
