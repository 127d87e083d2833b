//! Orders and fills: what a server reports.

use zerocopy::little_endian::{F64, I32, I64};

use super::{DBL_MAX, macros::message};

message! {
    /// 300 OPEN_ORDERS_REQUEST: asks for the working orders.
    pub struct OpenOrdersRequest:
        300 "OPEN_ORDERS_REQUEST", size 76, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// 1: all working orders, 0: the one named.
        request_all_orders: I32 @ 8 "RequestAllOrders" = I32::new(1),
        /// The order asked for when not all are.
        server_order_id: [u8; 32] @ 12 "ServerOrderID",
        /// Account to answer for; empty is all.
        trade_account: [u8; 32] @ 44 "TradeAccount",
    }
}

message! {
    /// 301 ORDER_UPDATE: state of one order, after every change of it and in answer to a request.
    ///
    /// After a reject only the message counts, symbol, client order id, status and reason are
    /// certain. Before 2022 it ended at 688 bytes, without `Username`.
    pub struct OrderUpdate:
        301 "ORDER_UPDATE", size 720, "2025-04, 2026-08"
    {
        /// Number of the request this answers; 0 when it comes unasked.
        request_id: I32 @ 4 "RequestID",
        /// Messages of the answer, counting this one; 0 when unasked.
        total_num_messages: I32 @ 8 "TotalNumMessages",
        /// Number of this message within the answer, from 1; 0 when unasked.
        message_number: I32 @ 12 "MessageNumber",
        /// Symbol as the server writes it.
        symbol: [u8; 64] @ 16 "Symbol",
        /// Exchange of the symbol; empty when the server does not use exchanges.
        exchange: [u8; 16] @ 80 "Exchange",
        /// Server's id before a change that gave the order a new one.
        previous_server_order_id: [u8; 32] @ 96 "PreviousServerOrderID",
        /// Server's id of the order, the one to know it by.
        server_order_id: [u8; 32] @ 128 "ServerOrderID",
        /// Client's id of the order; only certain for reasons 2 and 6 to 10.
        client_order_id: [u8; 32] @ 160 "ClientOrderID",
        /// Exchange's id of the order.
        exchange_order_id: [u8; 32] @ 192 "ExchangeOrderID",
        /// 0 unspecified, 2 pending open, 3 pending child, 4 open, 5 change pending, 6 cancel
        /// pending, 7 filled, 8 canceled, 9 rejected, 10 partly filled.
        order_status: I32 @ 224 "OrderStatus",
        /// Why the message came: 1 answer, 2 accepted, 3 update, 4 filled, 5 partly filled, 6
        /// canceled, 7 changed, 8 rejected, 9 cancel rejected, 10 change rejected.
        order_update_reason: I32 @ 228 "OrderUpdateReason",
        /// 1 market, 2 limit, 3 stop, 4 stop limit, 5 market if touched, 6 limit if touched, 7
        /// market limit.
        order_type: I32 @ 232 "OrderType",
        /// 1 buy, 2 sell.
        buy_sell: I32 @ 236 "BuySell",
        /// Limit price or trigger; `DBL_MAX` is unset.
        price1: F64 @ 240 "Price1" = DBL_MAX,
        /// Limit price of a stop limit order; `DBL_MAX` is unset.
        price2: F64 @ 248 "Price2" = DBL_MAX,
        /// 1 day, 2 until canceled, 3 until `GoodTillDateTime`, 4 immediate or cancel, 5 all or
        /// none, 6 fill or kill.
        time_in_force: I32 @ 256 "TimeInForce",
        _pad0: [u8; 4] @ 260,
        /// End of life in Unix seconds when the time in force is 3; 0 is unset.
        good_till_date_time: I64 @ 264 "GoodTillDateTime",
        /// Total quantity; `DBL_MAX` is unset.
        order_quantity: F64 @ 272 "OrderQuantity" = DBL_MAX,
        /// Filled so far; `DBL_MAX` is unset.
        filled_quantity: F64 @ 280 "FilledQuantity" = DBL_MAX,
        /// Still working; `DBL_MAX` is unset.
        remaining_quantity: F64 @ 288 "RemainingQuantity" = DBL_MAX,
        /// Average price of what is filled; `DBL_MAX` is unset.
        average_fill_price: F64 @ 296 "AverageFillPrice" = DBL_MAX,
        /// Price of the newest fill; `DBL_MAX` is unset.
        last_fill_price: F64 @ 304 "LastFillPrice" = DBL_MAX,
        /// Time of the newest fill in Unix milliseconds, seconds from servers of 2020; 0 is unset.
        last_fill_date_time: I64 @ 312 "LastFillDateTime",
        /// Quantity of the newest fill; `DBL_MAX` is unset.
        last_fill_quantity: F64 @ 320 "LastFillQuantity" = DBL_MAX,
        /// Unique id of the newest fill.
        last_fill_execution_id: [u8; 64] @ 328 "LastFillExecutionID",
        /// Account.
        trade_account: [u8; 32] @ 392 "TradeAccount",
        /// Anything to say, for people.
        info_text: [u8; 96] @ 424 "InfoText",
        /// 1: there are no working orders, and this is the whole answer.
        no_orders: u8 @ 520 "NoOrders",
        /// Server's id of the parent order; empty without one.
        parent_server_order_id: [u8; 32] @ 521 "ParentServerOrderID",
        /// Server's id of the order that a fill of this one cancels; empty without one.
        oco_linked_order_server_order_id: [u8; 32] @ 553 "OCOLinkedOrderServerOrderID",
        _pad1: [u8; 3] @ 585,
        /// 1 opens a position, 2 closes one, 0 left to the server.
        open_or_close: I32 @ 588 "OpenOrClose",
        /// Client's id before a change that gave a new one.
        previous_client_order_id: [u8; 32] @ 592 "PreviousClientOrderID",
        /// Any text; given back in updates where the server keeps it.
        free_form_text: [u8; 48] @ 624 "FreeFormText",
        /// When the server got the order, in Unix seconds, milliseconds from some servers; 0 is
        /// unset.
        order_received_date_time: I64 @ 672 "OrderReceivedDateTime",
        /// Newest change in Unix seconds with a fraction; 0 is unset.
        latest_transaction_date_time: F64 @ 680 "LatestTransactionDateTime",
        /// Login that sent the order.
        username: [u8; 32] @ 688 "Username",
    }
}

message! {
    /// 302 OPEN_ORDERS_REJECT: the request for working orders failed.
    pub struct OpenOrdersReject:
        302 "OPEN_ORDERS_REJECT", size 104, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Reason, for people.
        reject_text: [u8; 96] @ 8 "RejectText",
    }
}

message! {
    /// 303 HISTORICAL_ORDER_FILLS_REQUEST: asks for past fills; needs a start time or a number of
    /// days, and mostly an account.
    pub struct HistoricalOrderFillsRequest:
        303 "HISTORICAL_ORDER_FILLS_REQUEST", size 88, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// The order asked for; empty is all.
        server_order_id: [u8; 32] @ 8 "ServerOrderID",
        /// Days back from now; 0 when `StartDateTime` is given.
        number_of_days: I32 @ 40 "NumberOfDays",
        /// Account to answer for; most servers require one.
        trade_account: [u8; 32] @ 44 "TradeAccount",
        _pad0: [u8; 4] @ 76,
        /// First time wanted in Unix seconds; 0 when `NumberOfDays` is given.
        start_date_time: I64 @ 80 "StartDateTime",
    }
}

message! {
    /// 304 HISTORICAL_ORDER_FILL_RESPONSE: one past fill.
    ///
    /// Before 2025 it ended at 384 bytes, before `Username`.
    pub struct HistoricalOrderFillResponse:
        304 "HISTORICAL_ORDER_FILL_RESPONSE", size 480, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Messages of the answer, counting this one; 0 when unasked.
        total_number_messages: I32 @ 8 "TotalNumberMessages",
        /// Number of this message within the answer, from 1; 0 when unasked.
        message_number: I32 @ 12 "MessageNumber",
        /// Symbol as the server writes it.
        symbol: [u8; 64] @ 16 "Symbol",
        /// Exchange of the symbol; empty when the server does not use exchanges.
        exchange: [u8; 16] @ 80 "Exchange",
        /// Server's id of the order; it may change when the order is changed.
        server_order_id: [u8; 32] @ 96 "ServerOrderID",
        /// 1 buy, 2 sell.
        buy_sell: I32 @ 128 "BuySell",
        _pad0: [u8; 4] @ 132,
        /// Price of the fill.
        price: F64 @ 136 "Price",
        /// Time of the fill in Unix seconds.
        date_time: I64 @ 144 "DateTime",
        /// Quantity of the fill.
        quantity: F64 @ 152 "Quantity",
        /// Unique id of the fill.
        unique_execution_id: [u8; 64] @ 160 "UniqueExecutionID",
        /// Account.
        trade_account: [u8; 32] @ 224 "TradeAccount",
        /// 1 opened a position, 2 closed one, 0 unknown.
        open_close: I32 @ 256 "OpenClose",
        /// 1: there are no fills, and this is the whole answer.
        no_order_fills: u8 @ 260 "NoOrderFills",
        /// Anything to say, for people.
        info_text: [u8; 96] @ 261 "InfoText",
        _pad1: [u8; 3] @ 357,
        /// Highest price while the position was open; 0 is unset.
        high_price_during_position: F64 @ 360 "HighPriceDuringPosition",
        /// Lowest price while the position was open; 0 is unset.
        low_price_during_position: F64 @ 368 "LowPriceDuringPosition",
        /// Position after the fill, below 0 when short; `DBL_MAX` is unset.
        position_quantity: F64 @ 376 "PositionQuantity" = DBL_MAX,
        /// Login that sent the order.
        username: [u8; 32] @ 384 "Username",
        /// Exchange's id of the order.
        exchange_order_id: [u8; 32] @ 416 "ExchangeOrderID",
        /// Sub-identifier of the sender, where the exchange asks for one.
        sender_sub_id: [u8; 32] @ 448 "SenderSubID",
    }
}

message! {
    /// 308 HISTORICAL_ORDER_FILLS_REJECT: the request for past fills failed.
    pub struct HistoricalOrderFillsReject:
        308 "HISTORICAL_ORDER_FILLS_REJECT", size 104, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Reason, for people.
        reject_text: [u8; 96] @ 8 "RejectText",
    }
}

message! {
    /// 309 ADD_CORRECTING_ORDER_FILL: enters a fill by hand to set a position right.
    pub struct AddCorrectingOrderFill:
        309 "ADD_CORRECTING_ORDER_FILL", size 216, "2025-04, 2026-08"
    {
        /// Symbol as the server writes it.
        symbol: [u8; 64] @ 4 "Symbol",
        /// Exchange of the symbol; empty when the server does not use exchanges.
        exchange: [u8; 16] @ 68 "Exchange",
        /// Account to correct.
        trade_account: [u8; 32] @ 84 "TradeAccount",
        /// Client's own id for the entry.
        client_order_id: [u8; 32] @ 116 "ClientOrderID",
        /// 1 buy, 2 sell.
        buy_sell: I32 @ 148 "BuySell",
        /// Price of the fill.
        fill_price: F64 @ 152 "FillPrice",
        /// Quantity of the fill.
        fill_quantity: F64 @ 160 "FillQuantity",
        /// Any text; given back in updates where the server keeps it.
        free_form_text: [u8; 48] @ 168 "FreeFormText",
    }
}

message! {
    /// 310 CORRECTING_ORDER_FILL_RESPONSE: result of a fill entered by hand.
    pub struct CorrectingOrderFillResponse:
        310 "CORRECTING_ORDER_FILL_RESPONSE", size 294, "2025-04, 2026-08"
    {
        /// Client's id of the entry this answers.
        client_order_id: [u8; 32] @ 4 "ClientOrderID",
        /// Outcome, for people.
        result_text: [u8; 256] @ 36 "ResultText",
        /// 1: the entry failed.
        is_error: u8 @ 292 "IsError",
        _pad0: [u8; 1] @ 293,
    }
}
