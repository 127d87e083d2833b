//! Order entry: what a client sends.

use zerocopy::little_endian::{F64, I32, I64};

use super::macros::message;

message! {
    /// 208 SUBMIT_NEW_SINGLE_ORDER: a new order.
    pub struct SubmitNewSingleOrder:
        208 "SUBMIT_NEW_SINGLE_ORDER", size 304, "2025-04, 2026-08"
    {
        /// Symbol as the server writes it.
        symbol: [u8; 64] @ 4 "Symbol",
        /// Exchange of the symbol; empty when the server does not use exchanges.
        exchange: [u8; 16] @ 68 "Exchange",
        /// Account to trade in.
        trade_account: [u8; 32] @ 84 "TradeAccount",
        /// Client's own id of the order, unique within the trading session; 31 characters.
        client_order_id: [u8; 32] @ 116 "ClientOrderID",
        /// 1 market, 2 limit, 3 stop, 4 stop limit, 5 market if touched, 6 limit if touched, 7
        /// market limit.
        order_type: I32 @ 148 "OrderType",
        /// 1 buy, 2 sell.
        buy_sell: I32 @ 152 "BuySell",
        _pad0: [u8; 4] @ 156,
        /// Limit price of a limit order, trigger of a stop; not read for a market order.
        price1: F64 @ 160 "Price1",
        /// Limit price of a stop limit order.
        price2: F64 @ 168 "Price2",
        /// Quantity to trade, above 0.
        quantity: F64 @ 176 "Quantity",
        /// 1 day, 2 until canceled, 3 until `GoodTillDateTime`, 4 immediate or cancel, 5 all or
        /// none, 6 fill or kill.
        time_in_force: I32 @ 184 "TimeInForce",
        _pad1: [u8; 4] @ 188,
        /// End of life in Unix seconds when the time in force is 3; 0 is unset.
        good_till_date_time: I64 @ 192 "GoodTillDateTime",
        /// 1: a program decided, 0: a person.
        is_automated_order: u8 @ 200 "IsAutomatedOrder",
        /// 1: a pair of orders follows that hangs under this one.
        is_parent_order: u8 @ 201 "IsParentOrder",
        /// Any text; given back in updates where the server keeps it.
        free_form_text: [u8; 48] @ 202 "FreeFormText",
        _pad2: [u8; 2] @ 250,
        /// 1 opens a position, 2 closes one, 0 left to the server.
        open_or_close: I32 @ 252 "OpenOrClose",
        /// Part of the quantity to show in the book; 0 shows it all.
        max_show_quantity: F64 @ 256 "MaxShowQuantity",
        /// `Price1` as text, for servers that want exact decimals.
        price1_as_string: [u8; 16] @ 264 "Price1AsString",
        /// `Price2` as text, for servers that want exact decimals.
        price2_as_string: [u8; 16] @ 280 "Price2AsString",
        /// Position the client means to have after the fill, for servers that check it.
        intended_position_quantity: F64 @ 296 "IntendedPositionQuantity",
    }
}

message! {
    /// 201 SUBMIT_NEW_OCO_ORDER: a pair of orders of which one cancels the other, on its own or
    /// under a parent order.
    pub struct SubmitNewOCOOrder:
        201 "SUBMIT_NEW_OCO_ORDER", size 448, "2025-04, 2026-08"
    {
        /// Symbol as the server writes it.
        symbol: [u8; 64] @ 4 "Symbol",
        /// Exchange of the symbol; empty when the server does not use exchanges.
        exchange: [u8; 16] @ 68 "Exchange",
        /// Client's own id of the first order, unique within the trading session.
        client_order_id_1: [u8; 32] @ 84 "ClientOrderID_1",
        /// Type of the first order, as in `OrderType` of 208.
        order_type_1: I32 @ 116 "OrderType_1",
        /// First order: 1 buy, 2 sell.
        buy_sell_1: I32 @ 120 "BuySell_1",
        _pad0: [u8; 4] @ 124,
        /// First order's limit price or trigger.
        price1_1: F64 @ 128 "Price1_1",
        /// First order's limit price when it is a stop limit.
        price2_1: F64 @ 136 "Price2_1",
        /// First order's quantity, above 0.
        quantity_1: F64 @ 144 "Quantity_1",
        /// Client's own id of the second order, unique within the trading session.
        client_order_id_2: [u8; 32] @ 152 "ClientOrderID_2",
        /// Type of the second order, as in `OrderType` of 208.
        order_type_2: I32 @ 184 "OrderType_2",
        /// Second order: 1 buy, 2 sell.
        buy_sell_2: I32 @ 188 "BuySell_2",
        /// Second order's limit price or trigger.
        price1_2: F64 @ 192 "Price1_2",
        /// Second order's limit price when it is a stop limit.
        price2_2: F64 @ 200 "Price2_2",
        /// Second order's quantity, above 0.
        quantity_2: F64 @ 208 "Quantity_2",
        /// 1 day, 2 until canceled, 3 until `GoodTillDateTime`, 4 immediate or cancel, 5 all or
        /// none, 6 fill or kill.
        time_in_force: I32 @ 216 "TimeInForce",
        _pad1: [u8; 4] @ 220,
        /// End of life in Unix seconds when the time in force is 3; 0 is unset.
        good_till_date_time: I64 @ 224 "GoodTillDateTime",
        /// Account to trade in.
        trade_account: [u8; 32] @ 232 "TradeAccount",
        /// 1: a program decided, 0: a person.
        is_automated_order: u8 @ 264 "IsAutomatedOrder",
        /// Client order id of the parent whose fill sets both free; empty for a pair of its own.
        parent_trigger_client_order_id: [u8; 32] @ 265 "ParentTriggerClientOrderID",
        /// Any text; given back in updates where the server keeps it.
        free_form_text: [u8; 48] @ 297 "FreeFormText",
        _pad2: [u8; 3] @ 345,
        /// 1 opens a position, 2 closes one, 0 left to the server.
        open_or_close: I32 @ 348 "OpenOrClose",
        /// What a partial fill does to the other order: 1 reduces it, 2 cancels it, 0 left to the
        /// server.
        partial_fill_handling: i8 @ 352 "PartialFillHandling",
        /// 1: the prices are distances from the parent's fill price.
        use_offsets: u8 @ 353 "UseOffsets",
        _pad3: [u8; 6] @ 354,
        /// Distance of the first order from the parent's fill, in price units.
        offset_from_parent1: F64 @ 360 "OffsetFromParent1",
        /// Distance of the second order from the parent's fill, in price units.
        offset_from_parent2: F64 @ 368 "OffsetFromParent2",
        /// 1: the prices stay as given whatever the parent's fill price.
        maintain_same_prices_on_parent_fill: u8 @ 376 "MaintainSamePricesOnParentFill",
        /// `Price1_1` as text.
        price1_1_as_string: [u8; 16] @ 377 "Price1_1AsString",
        /// `Price2_1` as text.
        price2_1_as_string: [u8; 16] @ 393 "Price2_1AsString",
        /// `Price1_2` as text.
        price1_2_as_string: [u8; 16] @ 409 "Price1_2AsString",
        /// `Price2_2` as text.
        price2_2_as_string: [u8; 16] @ 425 "Price2_2AsString",
        _pad4: [u8; 7] @ 441,
    }
}

message! {
    /// 209 SUBMIT_FLATTEN_POSITION_ORDER: closes the position of a symbol at the market.
    pub struct SubmitFlattenPositionOrder:
        209 "SUBMIT_FLATTEN_POSITION_ORDER", size 198, "2025-04, 2026-08"
    {
        /// Symbol as the server writes it.
        symbol: [u8; 64] @ 4 "Symbol",
        /// Exchange of the symbol; empty when the server does not use exchanges.
        exchange: [u8; 16] @ 68 "Exchange",
        /// Account that holds the position.
        trade_account: [u8; 32] @ 84 "TradeAccount",
        /// Client's own id of the closing order, unique within the trading session.
        client_order_id: [u8; 32] @ 116 "ClientOrderID",
        /// Any text; given back in updates where the server keeps it.
        free_form_text: [u8; 48] @ 148 "FreeFormText",
        /// 1: a program decided, 0: a person.
        is_automated_order: u8 @ 196 "IsAutomatedOrder",
        _pad0: [u8; 1] @ 197,
    }
}

message! {
    /// 203 CANCEL_ORDER: cancels a working order.
    pub struct CancelOrder:
        203 "CANCEL_ORDER", size 100, "2025-04, 2026-08"
    {
        /// Server's newest id of the order.
        server_order_id: [u8; 32] @ 4 "ServerOrderID",
        /// Client's own id of the order, the same for all its life.
        client_order_id: [u8; 32] @ 36 "ClientOrderID",
        /// Account of the order; empty where the ids suffice.
        trade_account: [u8; 32] @ 68 "TradeAccount",
    }
}

message! {
    /// 204 CANCEL_REPLACE_ORDER: changes price or quantity of a working order.
    pub struct CancelReplaceOrder:
        204 "CANCEL_REPLACE_ORDER", size 192, "2025-04, 2026-08"
    {
        /// Server's newest id of the order.
        server_order_id: [u8; 32] @ 4 "ServerOrderID",
        /// Client's own id of the order, the same for all its life.
        client_order_id: [u8; 32] @ 36 "ClientOrderID",
        _pad0: [u8; 4] @ 68,
        /// New limit price or trigger, when `Price1IsSet` says so.
        price1: F64 @ 72 "Price1",
        /// New limit price of a stop limit order, when `Price2IsSet` says so.
        price2: F64 @ 80 "Price2",
        /// New total with what is filled already; 0 leaves it as it is.
        quantity: F64 @ 88 "Quantity",
        /// 1: `Price1` counts. The default is 1, so a zeroed struct changes no price.
        price1_is_set: u8 @ 96 "Price1IsSet" = 1,
        /// 1: `Price2` counts. The default is 1, so a zeroed struct changes no price.
        price2_is_set: u8 @ 97 "Price2IsSet" = 1,
        _pad1: [u8; 2] @ 98,
        /// Not used.
        unused: I32 @ 100 "Unused",
        /// New time in force; 0 leaves it as it is.
        time_in_force: I32 @ 104 "TimeInForce",
        _pad2: [u8; 4] @ 108,
        /// End of life in Unix seconds when the time in force is 3; 0 is unset.
        good_till_date_time: I64 @ 112 "GoodTillDateTime",
        /// 1: keep the new distance from the parent order.
        update_price1_offset_to_parent: u8 @ 120 "UpdatePrice1OffsetToParent",
        /// Account of the order; empty where the ids suffice.
        trade_account: [u8; 32] @ 121 "TradeAccount",
        /// `Price1` as text, for servers that want exact decimals.
        price1_as_string: [u8; 16] @ 153 "Price1AsString",
        /// `Price2` as text, for servers that want exact decimals.
        price2_as_string: [u8; 16] @ 169 "Price2AsString",
        _pad3: [u8; 7] @ 185,
    }
}
