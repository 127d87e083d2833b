//! All messages by number.

use super::{Description, Message};

/// The description of a message number, or `None` when the number is unknown.
pub fn describe(message_type: u16) -> Option<&'static Description> {
    let at = MESSAGES.binary_search_by_key(&message_type, |d| d.message_type).ok()?;
    MESSAGES.get(at).copied()
}

/// All described messages in order of their number.
pub fn messages() -> &'static [&'static Description] {
    MESSAGES
}

/// Calls the generic function `$check` for every message type.
macro_rules! for_each_message {
    ($check:ident($($argument:expr),*)) => {
        for_each_message!(@ $check ($($argument),*)
            LogonRequest
            LogonResponse
            Heartbeat
            Logoff
            EncodingRequest
            EncodingResponse
            MarketDataFeedStatus
            MarketDataRequest
            MarketDepthRequest
            MarketDataReject
            MarketDataSnapshot
            MarketDepthUpdateLevel
            MarketDataUpdateTrade
            MarketDataUpdateBidAsk
            MarketDepthUpdateLevelV2
            MarketDataUpdateTradeCompact
            MarketDataUpdateSessionVolume
            MarketDataUpdateSessionHigh
            MarketDataUpdateSessionLow
            MarketDataFeedSymbolStatus
            MarketDataUpdateBidAskCompact
            MarketDataUpdateSessionSettlement
            MarketDataUpdateSessionOpen
            MarketDepthReject
            MarketDepthSnapshotLevel
            MarketDataUpdateOpenInterest
            MarketDataUpdateLastTradeSnapshot
            MarketDataUpdateSessionNumTrades
            MarketDataUpdateTradingSessionDate
            MarketDataUpdateTradeWithUnbundledIndicator
            TradingSymbolStatus
            MarketDepthUpdateLevelFloatWithMilliseconds
            MarketDepthUpdateLevelNoTimestamp
            MarketDataUpdateTradeNoTimestamp
            MarketDataUpdateBidAskNoTimeStamp
            MarketDataUpdateBidAskFloatWithMicroseconds
            MarketDepthSnapshotLevelFloat
            MarketDataUpdateTradeWithUnbundledIndicator2
            MarketDataUpdateTradeV2
            MarketDataUpdateBidAskV2
            MarketOrdersRequest
            MarketOrdersReject
            MarketOrdersSnapshotMessageBoundary
            SubmitNewOCOOrder
            CancelOrder
            CancelReplaceOrder
            SubmitNewSingleOrder
            SubmitFlattenPositionOrder
            OpenOrdersRequest
            OrderUpdate
            OpenOrdersReject
            HistoricalOrderFillsRequest
            HistoricalOrderFillResponse
            CurrentPositionsRequest
            PositionUpdate
            CurrentPositionsReject
            HistoricalOrderFillsReject
            AddCorrectingOrderFill
            CorrectingOrderFillResponse
            TradeAccountsRequest
            TradeAccountResponse
            ExchangeListRequest
            ExchangeListResponse
            SymbolsForExchangeRequest
            UnderlyingSymbolsForExchangeRequest
            SymbolsForUnderlyingRequest
            SecurityDefinitionForSymbolRequest
            SecurityDefinitionResponse
            SymbolSearchRequest
            SecurityDefinitionReject
            SecurityDefinitionResponseV2
            AccountBalanceUpdate
            AccountBalanceRequest
            AccountBalanceReject
            HistoricalAccountBalancesRequest
            HistoricalAccountBalancesReject
            HistoricalAccountBalanceResponse
            AccountBalanceAdjustment
            AccountBalanceAdjustmentReject
            AccountBalanceAdjustmentComplete
            UserMessage
            GeneralLogMessage
            AlertMessage
            JournalEntryAdd
            JournalEntriesRequest
            JournalEntriesReject
            JournalEntryResponse
            HistoricalPriceDataRequest
            HistoricalPriceDataResponseHeader
            HistoricalPriceDataReject
            HistoricalPriceDataRecordResponse
            HistoricalPriceDataTickRecordResponse
            HistoricalPriceDataResponseTrailer
            HistoricalMarketDepthDataRequest
            HistoricalMarketDepthDataResponseHeader
            HistoricalMarketDepthDataReject
            HistoricalMarketDepthDataRecordResponse
        )
    };
    (@ describe_all () $($Name:ident)*) => { &[$(super::$Name::DESCRIPTION),*] };
    (@ $check:ident $arguments:tt $($Name:ident)*) => { $($check::<super::$Name> $arguments;)* };
}

pub(crate) use for_each_message;

const MESSAGES: &[&Description] = for_each_message!(describe_all());

// `describe` searches by halves, so the table must rise.
const _: () = {
    let mut rest = MESSAGES;
    while let [first, tail @ ..] = rest {
        if let [second, ..] = tail {
            assert!(first.message_type < second.message_type);
        }
        rest = tail;
    }
};
