//! Accounts and their balances.

use zerocopy::little_endian::{F64, I32, I64, U64};

use super::macros::message;

message! {
    /// 400 TRADE_ACCOUNTS_REQUEST: asks for the accounts of this login.
    pub struct TradeAccountsRequest:
        400 "TRADE_ACCOUNTS_REQUEST", size 8, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
    }
}

message! {
    /// 401 TRADE_ACCOUNT_RESPONSE: one account of this login; an empty name says there is none.
    pub struct TradeAccountResponse:
        401 "TRADE_ACCOUNT_RESPONSE", size 52, "2025-04, 2026-08"
    {
        /// Messages of the answer, counting this one; 0 when unasked.
        total_number_messages: I32 @ 4 "TotalNumberMessages",
        /// Number of this message within the answer, from 1; 0 when unasked.
        message_number: I32 @ 8 "MessageNumber",
        /// Account; empty when the login has none.
        trade_account: [u8; 32] @ 12 "TradeAccount",
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 44 "RequestID",
        /// 1: no orders are taken for the account. Missing before 2025.
        trading_is_disabled: I32 @ 48 "TradingIsDisabled",
    }
}

message! {
    /// 600 ACCOUNT_BALANCE_UPDATE: balance and limits of one account, after every change and in
    /// answer to a request.
    ///
    /// Before 2025 it ended at 368 bytes, before 2022 at 216.
    pub struct AccountBalanceUpdate:
        600 "ACCOUNT_BALANCE_UPDATE", size 416, "2025-04, 2026-08"
    {
        /// Number of the request this answers; 0 when it comes unasked.
        request_id: I32 @ 4 "RequestID",
        /// Cash in the account's currency.
        cash_balance: F64 @ 8 "CashBalance",
        /// What may be used as margin of new positions, in the account's currency.
        balance_available_for_new_positions: F64 @ 16 "BalanceAvailableForNewPositions",
        /// Currency of the account.
        account_currency: [u8; 8] @ 24 "AccountCurrency",
        /// Account.
        trade_account: [u8; 32] @ 32 "TradeAccount",
        /// Value of securities held, in the account's currency.
        securities_value: F64 @ 64 "SecuritiesValue",
        /// Margin held for positions and orders, in the account's currency.
        margin_requirement: F64 @ 72 "MarginRequirement",
        /// Messages of the answer, counting this one; 0 when unasked.
        total_number_messages: I32 @ 80 "TotalNumberMessages",
        /// Number of this message within the answer, from 1; 0 when unasked.
        message_number: I32 @ 84 "MessageNumber",
        /// 1: there are no balances, and this is the whole answer.
        no_account_balances: u8 @ 88 "NoAccountBalances",
        /// 1: it comes unasked and belongs to no answer.
        unsolicited: u8 @ 89 "Unsolicited",
        _pad0: [u8; 6] @ 90,
        /// Profit or loss not yet taken over all positions, in the account's currency.
        open_positions_profit_loss: F64 @ 96 "OpenPositionsProfitLoss",
        /// Profit or loss of the day, in the account's currency.
        daily_profit_loss: F64 @ 104 "DailyProfitLoss",
        /// Anything to say, for people.
        info_text: [u8; 96] @ 112 "InfoText",
        /// Number of the newest transaction of the account; 0 is unset.
        transaction_identifier: U64 @ 208 "TransactionIdentifier",
        /// Loss of a day that stops trading, in the account's currency; 0 is no limit.
        daily_net_loss_limit: F64 @ 216 "DailyNetLossLimit",
        /// Account value below which positions are limited, following the account's highs; 0 is no
        /// limit.
        trailing_account_value_to_limit_positions: F64 @ 224 "TrailingAccountValueToLimitPositions",
        /// 1: the loss limit of the day is reached.
        daily_net_loss_limit_reached: u8 @ 232 "DailyNetLossLimitReached",
        /// 1: the account is short of margin.
        is_under_required_margin: u8 @ 233 "IsUnderRequiredMargin",
        /// 1: positions are closed when the day ends.
        close_positions_at_end_of_day: u8 @ 234 "ClosePositionsAtEndOfDay",
        /// 1: no orders are taken for the account.
        trading_is_disabled: u8 @ 235 "TradingIsDisabled",
        /// Description of the account.
        description: [u8; 96] @ 236 "Description",
        /// 1: the account is worth less than it must be.
        is_under_required_account_value: u8 @ 332 "IsUnderRequiredAccountValue",
        _pad1: [u8; 3] @ 333,
        /// Time of the newest transaction in Unix microseconds; 0 is unset.
        transaction_date_time: I64 @ 336 "TransactionDateTime",
        /// Margin without day-trading relief, for positions and orders.
        margin_requirement_full: F64 @ 344 "MarginRequirementFull",
        /// Margin without day-trading relief, for positions alone.
        margin_requirement_full_positions_only: F64 @ 352 "MarginRequirementFullPositionsOnly",
        /// Highest margin of the day.
        peak_margin_requirement: F64 @ 360 "PeakMarginRequirement",
        /// Broker that brought the account.
        introducing_broker: [u8; 32] @ 368 "IntroducingBroker",
        /// Profit or loss not yet taken, from settlement prices.
        open_positions_profit_loss_based_on_settlement_price: F64 @ 400
            "OpenPositionsProfitLossBasedOnSettlementPrice",
        /// Newest order action of the account in Unix microseconds; 0 is unset.
        last_order_activity_date_time: I64 @ 408 "LastOrderActivityDateTime",
    }
}

message! {
    /// 601 ACCOUNT_BALANCE_REQUEST: asks for account balances.
    pub struct AccountBalanceRequest:
        601 "ACCOUNT_BALANCE_REQUEST", size 40, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Account to answer for; empty is all.
        trade_account: [u8; 32] @ 8 "TradeAccount",
    }
}

message! {
    /// 602 ACCOUNT_BALANCE_REJECT: the request for balances failed.
    pub struct AccountBalanceReject:
        602 "ACCOUNT_BALANCE_REJECT", size 104, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Reason, for people.
        reject_text: [u8; 96] @ 8 "RejectText",
    }
}

message! {
    /// 603 HISTORICAL_ACCOUNT_BALANCES_REQUEST: asks for the past balances of an account.
    pub struct HistoricalAccountBalancesRequest:
        603 "HISTORICAL_ACCOUNT_BALANCES_REQUEST", size 48, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Account to answer for.
        trade_account: [u8; 32] @ 8 "TradeAccount",
        /// First time wanted in Unix seconds; 0 is from the start.
        start_date_time: I64 @ 40 "StartDateTime",
    }
}

message! {
    /// 604 HISTORICAL_ACCOUNT_BALANCES_REJECT: the request for past balances failed.
    pub struct HistoricalAccountBalancesReject:
        604 "HISTORICAL_ACCOUNT_BALANCES_REJECT", size 104, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Reason, for people.
        reject_text: [u8; 96] @ 8 "RejectText",
    }
}

message! {
    /// 606 HISTORICAL_ACCOUNT_BALANCE_RESPONSE: one past balance of an account.
    pub struct HistoricalAccountBalanceResponse:
        606 "HISTORICAL_ACCOUNT_BALANCE_RESPONSE", size 232, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// When the balance held, in Unix seconds with a fraction.
        date_time: F64 @ 8 "DateTime",
        /// Cash in the account's currency.
        cash_balance: F64 @ 16 "CashBalance",
        /// Currency of the account.
        account_currency: [u8; 8] @ 24 "AccountCurrency",
        /// Account.
        trade_account: [u8; 32] @ 32 "TradeAccount",
        /// 1: the last message of the answer.
        is_final_response: u8 @ 64 "IsFinalResponse",
        /// 1: there are no balances, and this is the whole answer.
        no_account_balances: u8 @ 65 "NoAccountBalances",
        /// Anything to say, for people.
        info_text: [u8; 96] @ 66 "InfoText",
        /// Id of the transaction that led to the balance.
        transaction_id: [u8; 64] @ 162 "TransactionId",
        _pad0: [u8; 6] @ 226,
    }
}

message! {
    /// 607 ACCOUNT_BALANCE_ADJUSTMENT: credits or debits an account; for administrators.
    pub struct AccountBalanceAdjustment:
        607 "ACCOUNT_BALANCE_ADJUSTMENT", size 168, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Account.
        trade_account: [u8; 32] @ 8 "TradeAccount",
        /// To add, in `Currency`; 0 when debiting.
        credit_amount: F64 @ 40 "CreditAmount",
        /// To take away, in `Currency`; 0 when crediting.
        debit_amount: F64 @ 48 "DebitAmount",
        /// Currency of the amount.
        currency: [u8; 8] @ 56 "Currency",
        /// Why, for the statement.
        reason: [u8; 96] @ 64 "Reason",
        /// 1: work out the loss limit of the day anew.
        recalculate_daily_loss_limit: u8 @ 160 "RecalculateDailyLossLimit",
        _pad0: [u8; 7] @ 161,
    }
}

message! {
    /// 608 ACCOUNT_BALANCE_ADJUSTMENT_REJECT: the adjustment was refused.
    pub struct AccountBalanceAdjustmentReject:
        608 "ACCOUNT_BALANCE_ADJUSTMENT_REJECT", size 136, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Reason, for people.
        reject_text: [u8; 96] @ 8 "RejectText",
        /// Account.
        trade_account: [u8; 32] @ 104 "TradeAccount",
    }
}

message! {
    /// 609 ACCOUNT_BALANCE_ADJUSTMENT_COMPLETE: the adjustment is done.
    pub struct AccountBalanceAdjustmentComplete:
        609 "ACCOUNT_BALANCE_ADJUSTMENT_COMPLETE", size 56, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Number of the transaction made.
        transaction_id: I64 @ 8 "TransactionID",
        /// Account.
        trade_account: [u8; 32] @ 16 "TradeAccount",
        /// Cash after the adjustment, in the account's currency.
        new_balance: F64 @ 48 "NewBalance",
    }
}
