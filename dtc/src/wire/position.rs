//! Positions.

use zerocopy::little_endian::{F64, I32, U32};

use super::macros::message;

message! {
    /// 305 CURRENT_POSITIONS_REQUEST: asks for the open positions.
    pub struct CurrentPositionsRequest:
        305 "CURRENT_POSITIONS_REQUEST", size 40, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Account to answer for; empty is all.
        trade_account: [u8; 32] @ 8 "TradeAccount",
    }
}

message! {
    /// 306 POSITION_UPDATE: one position, after every change of it and in answer to a request.
    ///
    /// Before 2022 it ended at 200 bytes, before `OpenProfitLoss`.
    pub struct PositionUpdate:
        306 "POSITION_UPDATE", size 240, "2025-04, 2026-08"
    {
        /// Number of the request this answers; 0 when it comes unasked.
        request_id: I32 @ 4 "RequestID",
        /// Messages of the answer, counting this one; 0 when unasked.
        total_number_messages: I32 @ 8 "TotalNumberMessages",
        /// Number of this message within the answer, from 1; 0 when unasked.
        message_number: I32 @ 12 "MessageNumber",
        /// Symbol as the server writes it.
        symbol: [u8; 64] @ 16 "Symbol",
        /// Exchange of the symbol; empty when the server does not use exchanges.
        exchange: [u8; 16] @ 80 "Exchange",
        /// Position, below 0 when short; 0 is flat.
        quantity: F64 @ 96 "Quantity",
        /// Average price of the position.
        average_price: F64 @ 104 "AveragePrice",
        /// Id of the position where an account holds several in one symbol.
        position_identifier: [u8; 32] @ 112 "PositionIdentifier",
        /// Account.
        trade_account: [u8; 32] @ 144 "TradeAccount",
        /// 1: there are no positions, and this is the whole answer.
        no_positions: u8 @ 176 "NoPositions",
        /// 1: it comes unasked and belongs to no answer.
        unsolicited: u8 @ 177 "Unsolicited",
        _pad0: [u8; 6] @ 178,
        /// Margin held, in the account's currency; 0 is unset.
        margin_requirement: F64 @ 184 "MarginRequirement",
        /// When the position was opened, in Unix seconds; 0 is unset.
        entry_date_time: U32 @ 192 "EntryDateTime",
        _pad1: [u8; 4] @ 196,
        /// Profit or loss not yet taken, in the account's currency.
        open_profit_loss: F64 @ 200 "OpenProfitLoss",
        /// Highest price while the position was open; 0 is unset.
        high_price_during_position: F64 @ 208 "HighPriceDuringPosition",
        /// Lowest price while the position was open; 0 is unset.
        low_price_during_position: F64 @ 216 "LowPriceDuringPosition",
        /// Largest position allowed in the symbol; 0 is no limit given.
        quantity_limit: F64 @ 224 "QuantityLimit",
        /// Position if all working orders filled; the protocol header spells it so.
        max_potential_postion_quantity: F64 @ 232 "MaxPotentialPostionQuantity",
    }
}

message! {
    /// 307 CURRENT_POSITIONS_REJECT: the request for positions failed.
    pub struct CurrentPositionsReject:
        307 "CURRENT_POSITIONS_REJECT", size 104, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Reason, for people.
        reject_text: [u8; 96] @ 8 "RejectText",
    }
}
