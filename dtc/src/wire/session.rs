//! Opening, keeping and closing a connection.

use zerocopy::little_endian::{I32, I64, U32};

use super::{codes, macros::message};

message! {
    /// 6 ENCODING_REQUEST: first message of a connection, always in this binary form.
    pub struct EncodingRequest:
        6 "ENCODING_REQUEST", size 16, "2025-04, 2026-08"
    {
        /// Protocol version of the sender; 8 for years, whatever the message set.
        protocol_version: I32 @ 4 "ProtocolVersion" = I32::new(codes::CURRENT_VERSION),
        /// Encoding asked for: 0 binary, 1 binary with variable-length strings, 2 JSON, 3 JSON
        /// Compact, 4 Protocol Buffers.
        encoding: I32 @ 8 "Encoding",
        /// Always `DTC`.
        protocol_type: [u8; 4] @ 12 "ProtocolType" = *b"DTC\0",
    }
}

message! {
    /// 7 ENCODING_RESPONSE: the server's answer; what it names counts from the next message on.
    pub struct EncodingResponse:
        7 "ENCODING_RESPONSE", size 16, "2025-04, 2026-08"
    {
        /// Protocol version of the sender; 8 for years, whatever the message set.
        protocol_version: I32 @ 4 "ProtocolVersion" = I32::new(codes::CURRENT_VERSION),
        /// Encoding the server will speak, which may not be the one asked for: compare.
        encoding: I32 @ 8 "Encoding",
        /// Always `DTC`.
        protocol_type: [u8; 4] @ 12 "ProtocolType" = *b"DTC\0",
    }
}

message! {
    /// 1 LOGON_REQUEST: asks to log on.
    ///
    /// Servers of 2020 know 280 bytes of it: they stop before `MarketDataTransmissionInterval`.
    pub struct LogonRequest:
        1 "LOGON_REQUEST", size 284, "2025-04, 2026-08"
    {
        /// Protocol version of the sender; 8 for years, whatever the message set.
        protocol_version: I32 @ 4 "ProtocolVersion" = I32::new(codes::CURRENT_VERSION),
        /// Login name; empty where the server asks for none.
        username: [u8; 32] @ 8 "Username",
        /// Password, in plain text unless the connection is encrypted.
        password: [u8; 32] @ 40 "Password",
        /// Free text with a meaning between server and client.
        general_text_data: [u8; 64] @ 72 "GeneralTextData",
        /// Flag bits with a meaning between server and client; for Sierra Chart see `codes::flags`.
        integer_1: I32 @ 136 "Integer_1",
        /// A second number with a meaning between server and client.
        integer_2: I32 @ 140 "Integer_2",
        /// Seconds between heartbeats of both sides, 5 to 60; required.
        heartbeat_interval_in_seconds: I32 @ 144 "HeartbeatIntervalInSeconds",
        /// Not used; 0.
        unused1: I32 @ 148 "Unused1",
        /// Account to use; empty where the login decides.
        trade_account: [u8; 32] @ 152 "TradeAccount",
        /// Mark of the machine, for servers that bind a login to one.
        hardware_identifier: [u8; 64] @ 184 "HardwareIdentifier",
        /// Name of the client program, for the server's log.
        client_name: [u8; 32] @ 248 "ClientName",
        /// Milliseconds the server may hold market data back to send it together; 0 leaves it to
        /// the server.
        market_data_transmission_interval: I32 @ 280 "MarketDataTransmissionInterval",
    }
}

message! {
    /// 2 LOGON_RESPONSE: result of the logon and what the server can do.
    ///
    /// The capability bytes are truth values, 0 or 1; a short message leaves the last of them at
    /// their defaults, three of which are 1.
    pub struct LogonResponse:
        2 "LOGON_RESPONSE", size 256, "2025-04, 2026-08"
    {
        /// Protocol version of the sender; 8 for years, whatever the message set.
        protocol_version: I32 @ 4 "ProtocolVersion" = I32::new(codes::CURRENT_VERSION),
        /// Outcome: 1 logged on, 2 error, 3 error without a second try, 4 connect to
        /// `ReconnectAddress`.
        result: I32 @ 8 "Result" = I32::new(codes::LOGON_SUCCESS),
        /// Reason or greeting, for people.
        result_text: [u8; 96] @ 12 "ResultText",
        /// Where to connect instead, `host:port` or `host`, when the result is 4.
        reconnect_address: [u8; 64] @ 108 "ReconnectAddress",
        /// A number with a meaning between server and client.
        integer_1: I32 @ 172 "Integer_1",
        /// Name of the server program.
        server_name: [u8; 60] @ 176 "ServerName",
        /// 1: the best bid and offer come only as level 1 of the depth.
        market_depth_updates_best_bid_and_ask: u8 @ 236 "MarketDepthUpdatesBestBidAndAsk",
        /// 1: the server takes orders.
        trading_is_supported: u8 @ 237 "TradingIsSupported",
        /// 1: the server takes pairs of orders (201).
        oco_orders_supported: u8 @ 238 "OCOOrdersSupported",
        /// 1: working orders can be changed (204).
        order_cancel_replace_supported: u8 @ 239 "OrderCancelReplaceSupported" = 1,
        /// Text between symbol and exchange when a symbol carries both; empty when exchange fields
        /// are not used.
        symbol_exchange_delimiter: [u8; 4] @ 240 "SymbolExchangeDelimiter",
        /// 1: the server answers security definition requests.
        security_definitions_supported: u8 @ 244 "SecurityDefinitionsSupported",
        /// 1: the server answers historical price requests.
        historical_price_data_supported: u8 @ 245 "HistoricalPriceDataSupported",
        /// 1: after a feed status of 2 the client must subscribe to everything again.
        resubscribe_when_market_data_feed_available: u8 @ 246
            "ResubscribeWhenMarketDataFeedAvailable",
        /// 1: the server answers depth requests.
        market_depth_is_supported: u8 @ 247 "MarketDepthIsSupported" = 1,
        /// 1: the server closes the connection after one historical answer.
        one_historical_price_data_request_per_connection: u8 @ 248
            "OneHistoricalPriceDataRequestPerConnection",
        /// 1: pairs of orders may hang under a parent order.
        bracket_orders_supported: u8 @ 249 "BracketOrdersSupported",
        /// Not used.
        unused_1: u8 @ 250 "Unused_1",
        /// 1: an account may hold several positions in one symbol.
        uses_multiple_positions_per_symbol_and_trade_account: u8 @ 251
            "UsesMultiplePositionsPerSymbolAndTradeAccount",
        /// 1: the server answers market data requests.
        market_data_supported: u8 @ 252 "MarketDataSupported" = 1,
        _pad0: [u8; 3] @ 253,
    }
}

message! {
    /// 3 HEARTBEAT: sign of life, due from both sides every agreed interval.
    ///
    /// Some servers send a longer private form of up to 74 bytes that starts with the same fields.
    pub struct Heartbeat:
        3 "HEARTBEAT", size 16, "2025-04, 2026-08"
    {
        /// Market data messages the server left out because this client read too slowly; 0 is none.
        num_dropped_messages: U32 @ 4 "NumDroppedMessages",
        /// Sender's clock in Unix seconds; 0 when not given.
        current_date_time: I64 @ 8 "CurrentDateTime",
    }
}

message! {
    /// 5 LOGOFF: last message of a side that closes the connection.
    pub struct Logoff:
        5 "LOGOFF", size 102, "2025-04, 2026-08"
    {
        /// Why, for people.
        reason: [u8; 96] @ 4 "Reason",
        /// 1: the client must not connect again by itself.
        do_not_reconnect: u8 @ 100 "DoNotReconnect",
        _pad0: [u8; 1] @ 101,
    }
}
