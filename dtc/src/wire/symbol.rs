//! Finding exchanges and symbols.

use zerocopy::little_endian::I32;

use super::{codes, macros::message};

message! {
    /// 500 EXCHANGE_LIST_REQUEST: asks for the exchanges the server knows.
    pub struct ExchangeListRequest:
        500 "EXCHANGE_LIST_REQUEST", size 8, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
    }
}

message! {
    /// 501 EXCHANGE_LIST_RESPONSE: one exchange.
    pub struct ExchangeListResponse:
        501 "EXCHANGE_LIST_RESPONSE", size 76, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Exchange code; empty when there is none.
        exchange: [u8; 16] @ 8 "Exchange",
        /// 1: the last message of the answer.
        is_final_message: u8 @ 24 "IsFinalMessage",
        /// Name of the exchange.
        description: [u8; 48] @ 25 "Description",
        _pad0: [u8; 3] @ 73,
    }
}

message! {
    /// 502 SYMBOLS_FOR_EXCHANGE_REQUEST: asks for the symbols of an exchange; the answers are
    /// security definitions.
    pub struct SymbolsForExchangeRequest:
        502 "SYMBOLS_FOR_EXCHANGE_REQUEST", size 96, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Exchange to list; empty is all the server allows.
        exchange: [u8; 16] @ 8 "Exchange",
        /// 1 futures, 2 stock, 3 forex or crypto, 4 index, 5 futures strategy, 6 to 8 options on
        /// stock, futures and index, 9 bond, 10 fund, 0 any or unknown.
        security_type: I32 @ 24 "SecurityType",
        /// 1 list and keep up to date, 2 stop that, 3 list once.
        request_action: I32 @ 28 "RequestAction" = I32::new(codes::SUBSCRIBE),
        /// One symbol to narrow the answer to; empty is all.
        symbol: [u8; 64] @ 32 "Symbol",
    }
}

message! {
    /// 503 UNDERLYING_SYMBOLS_FOR_EXCHANGE_REQUEST: asks for the underlying symbols of an exchange;
    /// the answers are security definitions.
    pub struct UnderlyingSymbolsForExchangeRequest:
        503 "UNDERLYING_SYMBOLS_FOR_EXCHANGE_REQUEST", size 28, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Exchange of the symbol; empty when the server does not use exchanges.
        exchange: [u8; 16] @ 8 "Exchange",
        /// 1 futures, 2 stock, 3 forex or crypto, 4 index, 5 futures strategy, 6 to 8 options on
        /// stock, futures and index, 9 bond, 10 fund, 0 any or unknown.
        security_type: I32 @ 24 "SecurityType",
    }
}

message! {
    /// 504 SYMBOLS_FOR_UNDERLYING_REQUEST: asks for the symbols over one underlying; the answers
    /// are security definitions.
    pub struct SymbolsForUnderlyingRequest:
        504 "SYMBOLS_FOR_UNDERLYING_REQUEST", size 60, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Underlying to list symbols for.
        underlying_symbol: [u8; 32] @ 8 "UnderlyingSymbol",
        /// Exchange of the symbol; empty when the server does not use exchanges.
        exchange: [u8; 16] @ 40 "Exchange",
        /// 1 futures, 2 stock, 3 forex or crypto, 4 index, 5 futures strategy, 6 to 8 options on
        /// stock, futures and index, 9 bond, 10 fund, 0 any or unknown.
        security_type: I32 @ 56 "SecurityType",
    }
}

message! {
    /// 508 SYMBOL_SEARCH_REQUEST: searches symbols or descriptions; the answers are security
    /// definitions.
    pub struct SymbolSearchRequest:
        508 "SYMBOL_SEARCH_REQUEST", size 96, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Text to look for.
        search_text: [u8; 64] @ 8 "SearchText",
        /// Exchange to search; empty is all.
        exchange: [u8; 16] @ 72 "Exchange",
        /// 1 futures, 2 stock, 3 forex or crypto, 4 index, 5 futures strategy, 6 to 8 options on
        /// stock, futures and index, 9 bond, 10 fund, 0 any or unknown.
        security_type: I32 @ 88 "SecurityType",
        /// 1 in symbols, 2 in descriptions.
        search_type: I32 @ 92 "SearchType",
    }
}
