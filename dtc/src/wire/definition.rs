//! Security definitions: tick size, tick value and the rest of a contract.

use zerocopy::little_endian::{F32, F64, I32, I64, U32};

use super::{codes, macros::message};

message! {
    /// 506 SECURITY_DEFINITION_FOR_SYMBOL_REQUEST: asks for the definition of one symbol.
    pub struct SecurityDefinitionForSymbolRequest:
        506 "SECURITY_DEFINITION_FOR_SYMBOL_REQUEST", size 88, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Symbol as the server writes it.
        symbol: [u8; 64] @ 8 "Symbol",
        /// Exchange of the symbol; empty when the server does not use exchanges.
        exchange: [u8; 16] @ 72 "Exchange",
    }
}

message! {
    /// 507 SECURITY_DEFINITION_RESPONSE: definition of one symbol, in floats.
    ///
    /// Before 2022 it ended at 348 bytes, before `RolloverDate`.
    pub struct SecurityDefinitionResponse:
        507 "SECURITY_DEFINITION_RESPONSE", size 432, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Symbol as the server writes it.
        symbol: [u8; 64] @ 8 "Symbol",
        /// Exchange of the symbol; empty when the server does not use exchanges.
        exchange: [u8; 16] @ 72 "Exchange",
        /// 1 futures, 2 stock, 3 forex or crypto, 4 index, 5 futures strategy, 6 to 8 options on
        /// stock, futures and index, 9 bond, 10 fund, 0 any or unknown.
        security_type: I32 @ 88 "SecurityType",
        /// Name of the symbol, for people.
        description: [u8; 64] @ 92 "Description",
        /// Tick size in market data units; 0 is unset.
        min_price_increment: F32 @ 156 "MinPriceIncrement",
        /// 0 to 9 that many decimals, above 100 fractions (see `codes`), -1 unset.
        price_display_format: I32 @ 160
            "PriceDisplayFormat" = I32::new(codes::PRICE_DISPLAY_FORMAT_UNSET),
        /// Worth of one tick in `Currency`; 0 is unset.
        currency_value_per_increment: F32 @ 164 "CurrencyValuePerIncrement",
        /// 1: the last message of the answer.
        is_final_message: u8 @ 168 "IsFinalMessage",
        _pad0: [u8; 3] @ 169,
        /// Factor from a price to its integer form.
        float_to_int_price_multiplier: F32 @ 172 "FloatToIntPriceMultiplier" = F32::new(1.0),
        /// Divisor from an integer price back to a price.
        int_to_float_price_divisor: F32 @ 176 "IntToFloatPriceDivisor" = F32::new(1.0),
        /// Symbol of the underlying; empty without one.
        underlying_symbol: [u8; 32] @ 180 "UnderlyingSymbol",
        /// 1: there are quotes and no trades.
        updates_bid_ask_only: u8 @ 212 "UpdatesBidAskOnly",
        _pad1: [u8; 3] @ 213,
        /// Strike of an option; 0 is none.
        strike_price: F32 @ 216 "StrikePrice",
        /// 1 call, 2 put, 0 no option.
        put_or_call: u8 @ 220 "PutOrCall",
        _pad2: [u8; 3] @ 221,
        /// Shares sold short; 0 is unset.
        short_interest: U32 @ 224 "ShortInterest",
        /// Day of expiry in Unix seconds; 0 is none.
        security_expiration_date: U32 @ 228 "SecurityExpirationDate",
        /// Interest for holding a long currency position over night.
        buy_rollover_interest: F32 @ 232 "BuyRolloverInterest",
        /// Interest for holding a short currency position over night.
        sell_rollover_interest: F32 @ 236 "SellRolloverInterest",
        /// Earnings per share, of a stock.
        earnings_per_share: F32 @ 240 "EarningsPerShare",
        /// Shares issued; 0 is unset.
        shares_outstanding: U32 @ 244 "SharesOutstanding",
        /// Divisor from an integer quantity to a quantity; 0 or 1 is none.
        int_to_float_quantity_divisor: F32 @ 248 "IntToFloatQuantityDivisor",
        /// 1: there is depth for the symbol.
        has_market_depth_data: u8 @ 252 "HasMarketDepthData" = 1,
        _pad3: [u8; 3] @ 253,
        /// Factor from market data prices to those people read; orders are divided by it. As a
        /// float 0.01 arrives inexact: round it.
        display_price_multiplier: F32 @ 256 "DisplayPriceMultiplier" = F32::new(1.0),
        /// Symbol as the exchange writes it.
        exchange_symbol: [u8; 64] @ 260 "ExchangeSymbol",
        /// Margin to open one contract; 0 is unset.
        initial_margin_requirement: F32 @ 324 "InitialMarginRequirement",
        /// Margin to hold one contract; 0 is unset.
        maintenance_margin_requirement: F32 @ 328 "MaintenanceMarginRequirement",
        /// Currency of the symbol.
        currency: [u8; 8] @ 332 "Currency",
        /// Units in one contract; 0 is unset.
        contract_size: F32 @ 340 "ContractSize",
        /// Open contracts; 0 is unset.
        open_interest: U32 @ 344 "OpenInterest",
        /// Day to move to the next contract in Unix seconds; 0 is none.
        rollover_date: U32 @ 348 "RolloverDate",
        /// 1: its market data is delayed.
        is_delayed: u8 @ 352 "IsDelayed",
        _pad4: [u8; 7] @ 353,
        /// Number of the symbol at the exchange; 0 is unset.
        security_identifier: I64 @ 360 "SecurityIdentifier",
        /// Product the symbol belongs to.
        product_identifier: [u8; 64] @ 368 "ProductIdentifier",
    }
}

message! {
    /// 509 SECURITY_DEFINITION_REJECT: there is no such definition.
    pub struct SecurityDefinitionReject:
        509 "SECURITY_DEFINITION_REJECT", size 104, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Reason, for people.
        reject_text: [u8; 96] @ 8 "RejectText",
    }
}

message! {
    /// 510 SECURITY_DEFINITION_RESPONSE_V2: definition of one symbol, in doubles; takes the place
    /// of 507.
    pub struct SecurityDefinitionResponseV2:
        510 "SECURITY_DEFINITION_RESPONSE_V2", size 472, "2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Symbol as the server writes it.
        symbol: [u8; 64] @ 8 "Symbol",
        /// Exchange of the symbol; empty when the server does not use exchanges.
        exchange: [u8; 16] @ 72 "Exchange",
        /// 1 futures, 2 stock, 3 forex or crypto, 4 index, 5 futures strategy, 6 to 8 options on
        /// stock, futures and index, 9 bond, 10 fund, 0 any or unknown.
        security_type: I32 @ 88 "SecurityType",
        /// 0 to 9 that many decimals, above 100 fractions (see `codes`), -1 unset.
        price_display_format: I32 @ 92
            "PriceDisplayFormat" = I32::new(codes::PRICE_DISPLAY_FORMAT_UNSET),
        /// Name of the symbol, for people.
        description: [u8; 64] @ 96 "Description",
        /// Tick size in market data units; 0 is unset.
        min_price_increment: F64 @ 160 "MinPriceIncrement",
        /// Worth of one tick in `Currency`; 0 is unset.
        currency_value_per_increment: F64 @ 168 "CurrencyValuePerIncrement",
        /// Factor from a price to its integer form.
        float_to_int_price_multiplier: F64 @ 176 "FloatToIntPriceMultiplier" = F64::new(1.0),
        /// Divisor from an integer price back to a price.
        int_to_float_price_divisor: F64 @ 184 "IntToFloatPriceDivisor" = F64::new(1.0),
        /// Symbol of the underlying; empty without one.
        underlying_symbol: [u8; 32] @ 192 "UnderlyingSymbol",
        /// 1: the last message of the answer.
        is_final_message: u8 @ 224 "IsFinalMessage",
        /// 1: there are quotes and no trades.
        updates_bid_ask_only: u8 @ 225 "UpdatesBidAskOnly",
        /// 1 call, 2 put, 0 no option.
        put_or_call: u8 @ 226 "PutOrCall",
        /// 1: there is depth for the symbol.
        has_market_depth_data: u8 @ 227 "HasMarketDepthData" = 1,
        /// Shares issued; 0 is unset.
        shares_outstanding: U32 @ 228 "SharesOutstanding",
        /// Strike of an option; 0 is none.
        strike_price: F64 @ 232 "StrikePrice",
        /// Shares sold short; 0 is unset.
        short_interest: U32 @ 240 "ShortInterest",
        /// Day of expiry in Unix seconds; 0 is none.
        security_expiration_date: U32 @ 244 "SecurityExpirationDate",
        /// Interest for holding a long currency position over night.
        buy_rollover_interest: F64 @ 248 "BuyRolloverInterest",
        /// Interest for holding a short currency position over night.
        sell_rollover_interest: F64 @ 256 "SellRolloverInterest",
        /// Earnings per share, of a stock.
        earnings_per_share: F64 @ 264 "EarningsPerShare",
        /// Divisor from an integer quantity to a quantity; 0 or 1 is none.
        int_to_float_quantity_divisor: F64 @ 272 "IntToFloatQuantityDivisor",
        /// Factor from market data prices to those people read; orders are divided by it.
        display_price_multiplier: F64 @ 280 "DisplayPriceMultiplier" = F64::new(1.0),
        /// Symbol as the exchange writes it.
        exchange_symbol: [u8; 64] @ 288 "ExchangeSymbol",
        /// Margin to open one contract; 0 is unset.
        initial_margin_requirement: F64 @ 352 "InitialMarginRequirement",
        /// Margin to hold one contract; 0 is unset.
        maintenance_margin_requirement: F64 @ 360 "MaintenanceMarginRequirement",
        /// Currency of the symbol.
        currency: [u8; 8] @ 368 "Currency",
        /// Units in one contract; 0 is unset.
        contract_size: F64 @ 376 "ContractSize",
        /// Open contracts; 0 is unset.
        open_interest: U32 @ 384 "OpenInterest",
        /// Day to move to the next contract in Unix seconds; 0 is none.
        rollover_date: U32 @ 388 "RolloverDate",
        /// Number of the symbol at the exchange; 0 is unset.
        security_identifier: I64 @ 392 "SecurityIdentifier",
        /// Product the symbol belongs to.
        product_identifier: [u8; 64] @ 400 "ProductIdentifier",
        /// 1: its market data is delayed.
        is_delayed: u8 @ 464 "IsDelayed",
        _pad0: [u8; 7] @ 465,
    }
}
