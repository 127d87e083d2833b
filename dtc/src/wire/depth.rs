//! Market depth by price, and the typed part of market by order.

use zerocopy::little_endian::{F32, F64, I32, I64, U16, U32};

use super::{codes, macros::message};

message! {
    /// 102 MARKET_DEPTH_REQUEST: starts or ends the depth of one symbol.
    pub struct MarketDepthRequest:
        102 "MARKET_DEPTH_REQUEST", size 96, "2025-04, 2026-08"
    {
        /// What to do: 1 subscribe, 2 unsubscribe, 3 one snapshot, 4 snapshots at an interval.
        request_action: I32 @ 4 "RequestAction" = I32::new(codes::SUBSCRIBE),
        /// Number the client chooses for the symbol; may be the one of its market data.
        symbol_id: U32 @ 8 "SymbolID",
        /// Symbol as the server writes it; empty when unsubscribing.
        symbol: [u8; 64] @ 12 "Symbol",
        /// Exchange of the symbol; empty when the server does not use exchanges.
        exchange: [u8; 16] @ 76 "Exchange",
        /// Levels wanted for each side; 0 leaves it to the server.
        num_levels: I32 @ 92 "NumLevels",
    }
}

message! {
    /// 121 MARKET_DEPTH_REJECT: no depth will come for this request.
    pub struct MarketDepthReject:
        121 "MARKET_DEPTH_REJECT", size 104, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Reason, for people.
        reject_text: [u8; 96] @ 8 "RejectText",
    }
}

message! {
    /// 122 MARKET_DEPTH_SNAPSHOT_LEVEL: one level of a whole book.
    ///
    /// A first message empties both sides; an empty book is one message with both batch marks and
    /// nothing else.
    pub struct MarketDepthSnapshotLevel:
        122 "MARKET_DEPTH_SNAPSHOT_LEVEL", size 56, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// 1 bid side, 2 ask side.
        side: U16 @ 8 "Side",
        _pad0: [u8; 6] @ 10,
        /// Price in market data units, to be multiplied by the display price multiplier.
        price: F64 @ 16 "Price",
        /// Quantity at the price.
        quantity: F64 @ 24 "Quantity",
        /// Place from the best price, which is 1.
        level: U16 @ 32 "Level",
        /// 1: the first level of a snapshot; both sides are to be emptied.
        is_first_message_in_batch: u8 @ 34 "IsFirstMessageInBatch",
        /// 1: the last level of a snapshot; the book is whole.
        is_last_message_in_batch: u8 @ 35 "IsLastMessageInBatch",
        _pad1: [u8; 4] @ 36,
        /// Unix seconds with a fraction; 0 is unset.
        date_time: F64 @ 40 "DateTime",
        /// Orders at the price; 0 is unknown.
        num_orders: U32 @ 48 "NumOrders",
        _pad2: [u8; 4] @ 52,
    }
}

message! {
    /// 145 MARKET_DEPTH_SNAPSHOT_LEVEL_FLOAT: one level of a whole book, in floats, batched by
    /// `FinalUpdateInBatch`.
    pub struct MarketDepthSnapshotLevelFloat:
        145 "MARKET_DEPTH_SNAPSHOT_LEVEL_FLOAT", size 24, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Price in market data units, to be multiplied by the display price multiplier.
        price: F32 @ 8 "Price",
        /// Quantity at the price.
        quantity: F32 @ 12 "Quantity",
        /// Orders at the price; 0 is unknown.
        num_orders: U32 @ 16 "NumOrders",
        /// Place from the best price, which is 1.
        level: U16 @ 20 "Level",
        /// 1 bid side, 2 ask side.
        side: u8 @ 22 "Side",
        /// Place in the snapshot: 3 the first level, 2 more follows, 1 the last.
        final_update_in_batch: u8 @ 23 "FinalUpdateInBatch",
    }
}

message! {
    /// 106 MARKET_DEPTH_UPDATE_LEVEL: change of one price level, in doubles.
    ///
    /// No longer in the 2026-08 header. Its last two fields lie in what was padding before: 0 there
    /// is no value.
    pub struct MarketDepthUpdateLevel:
        106 "MARKET_DEPTH_UPDATE_LEVEL", size 56, "2025-04"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// 1 bid side, 2 ask side.
        side: U16 @ 8 "Side",
        _pad0: [u8; 6] @ 10,
        /// Price in market data units, to be multiplied by the display price multiplier.
        price: F64 @ 16 "Price",
        /// Quantity now at the price; of no meaning when the level is deleted.
        quantity: F64 @ 24 "Quantity",
        /// 1 set, 2 delete; keyed by price, not by level.
        update_type: u8 @ 32 "UpdateType",
        _pad1: [u8; 7] @ 33,
        /// Unix seconds with a fraction; 0 is unset.
        date_time: F64 @ 40 "DateTime",
        /// Orders at the price; 0 is unknown.
        num_orders: U32 @ 48 "NumOrders",
        /// Place in the batch: 3 begins, 2 more follows, 1 the book is whole, 0 batches are not
        /// marked.
        final_update_in_batch: u8 @ 52 "FinalUpdateInBatch",
        _pad2: [u8; 1] @ 53,
        /// Place from the best price, which is 1; a hint only, 0 is unset.
        level: U16 @ 54 "Level",
    }
}

message! {
    /// 140 MARKET_DEPTH_UPDATE_LEVEL_FLOAT_WITH_MILLISECONDS: change of one price level, in floats
    /// and milliseconds.
    ///
    /// Packed without padding. Older servers send 29 bytes, without `Level`.
    pub struct MarketDepthUpdateLevelFloatWithMilliseconds:
        140 "MARKET_DEPTH_UPDATE_LEVEL_FLOAT_WITH_MILLISECONDS", size 31, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Unix milliseconds; 0 is unset.
        date_time: I64 @ 8 "DateTime",
        /// Price in market data units, to be multiplied by the display price multiplier.
        price: F32 @ 16 "Price",
        /// Quantity now at the price; of no meaning when the level is deleted.
        quantity: F32 @ 20 "Quantity",
        /// 1 bid side, 2 ask side.
        side: u8 @ 24 "Side",
        /// 1 set, 2 delete; keyed by price, not by level.
        update_type: u8 @ 25 "UpdateType",
        /// Orders at the price; 0 is unknown.
        num_orders: U16 @ 26 "NumOrders",
        /// Place in the batch: 3 begins, 2 more follows, 1 the book is whole, 0 batches are not
        /// marked.
        final_update_in_batch: u8 @ 28 "FinalUpdateInBatch",
        /// Place from the best price, which is 1; a hint only, 0 is unset.
        level: U16 @ 29 "Level",
    }
}

message! {
    /// 141 MARKET_DEPTH_UPDATE_LEVEL_NO_TIMESTAMP: change of one price level at the time of the
    /// depth update before it, for the same symbol.
    ///
    /// Packed without padding. No longer in the 2026-08 header; older servers send it, with 21
    /// bytes before `Level` came.
    pub struct MarketDepthUpdateLevelNoTimestamp:
        141 "MARKET_DEPTH_UPDATE_LEVEL_NO_TIMESTAMP", size 23, "2025-04"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Price in market data units, to be multiplied by the display price multiplier.
        price: F32 @ 8 "Price",
        /// Quantity now at the price; of no meaning when the level is deleted.
        quantity: F32 @ 12 "Quantity",
        /// Orders at the price; 0 is unknown.
        num_orders: U16 @ 16 "NumOrders",
        /// 1 bid side, 2 ask side.
        side: i8 @ 18 "Side",
        /// 1 set, 2 delete; keyed by price, not by level.
        update_type: i8 @ 19 "UpdateType",
        /// Place in the batch: 3 begins, 2 more follows, 1 the book is whole, 0 batches are not
        /// marked.
        final_update_in_batch: u8 @ 20 "FinalUpdateInBatch",
        /// Place from the best price, which is 1; a hint only, 0 is unset.
        level: U16 @ 21 "Level",
    }
}

message! {
    /// 109 MARKET_DEPTH_UPDATE_LEVEL_V2: change of one price level, in doubles and milliseconds.
    ///
    /// Packed without padding; takes the place of the older depth updates.
    pub struct MarketDepthUpdateLevelV2:
        109 "MARKET_DEPTH_UPDATE_LEVEL_V2", size 39, "2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Unix milliseconds; 0 is unset.
        date_time: I64 @ 8 "DateTime",
        /// Price in market data units, to be multiplied by the display price multiplier.
        price: F64 @ 16 "Price",
        /// Quantity now at the price; of no meaning when the level is deleted.
        quantity: F64 @ 24 "Quantity",
        /// Orders at the price; 0 is unknown.
        num_orders: U16 @ 32 "NumOrders",
        /// Place from the best price, which is 1; a hint only, 0 is unset.
        level: U16 @ 34 "Level",
        /// 1 bid side, 2 ask side.
        side: u8 @ 36 "Side",
        /// 2 delete, 3 a new price, 4 a price already there; keyed by price, not by level.
        update_type: u8 @ 37 "UpdateType",
        /// Place in the batch: 3 begins, 2 more follows, 1 the book is whole, 0 batches are not
        /// marked.
        final_update_in_batch: u8 @ 38 "FinalUpdateInBatch",
    }
}

message! {
    /// 150 MARKET_ORDERS_REQUEST: starts or ends the order-by-order book of one symbol.
    pub struct MarketOrdersRequest:
        150 "MARKET_ORDERS_REQUEST", size 96, "2025-04, 2026-08"
    {
        /// What to do: 1 subscribe, 2 unsubscribe, 3 one snapshot, 4 snapshots at an interval.
        request_action: I32 @ 4 "RequestAction" = I32::new(codes::SUBSCRIBE),
        /// Number the client chooses for the symbol; may be the one of its market data.
        symbol_id: U32 @ 8 "SymbolID",
        /// Symbol as the server writes it; empty when unsubscribing.
        symbol: [u8; 64] @ 12 "Symbol",
        /// Exchange of the symbol; empty when the server does not use exchanges.
        exchange: [u8; 16] @ 76 "Exchange",
        /// Leave out orders smaller than this; 0 sends all.
        send_quantities_greater_or_equal_to: I32 @ 92 "SendQuantitiesGreaterOrEqualTo",
    }
}

message! {
    /// 151 MARKET_ORDERS_REJECT: no order-by-order book will come for this request.
    pub struct MarketOrdersReject:
        151 "MARKET_ORDERS_REJECT", size 104, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// Reason, for people.
        reject_text: [u8; 96] @ 8 "RejectText",
    }
}

message! {
    /// 155 MARKET_ORDERS_SNAPSHOT_MESSAGE_BOUNDARY: frames the orders of a market-by-order
    /// snapshot.
    ///
    /// Packed without padding.
    pub struct MarketOrdersSnapshotMessageBoundary:
        155 "MARKET_ORDERS_SNAPSHOT_MESSAGE_BOUNDARY", size 9, "2025-04, 2026-08"
    {
        /// Number the client chose for the symbol when it subscribed.
        symbol_id: U32 @ 4 "SymbolID",
        /// 1 the orders of the snapshot follow, 2 they are all sent.
        message_boundary: u8 @ 8 "MessageBoundary",
    }
}
