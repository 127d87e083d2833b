//! Messages as bytes: every struct of the protocol in its fixed binary encoding.
//!
//! This layer views bytes and judges nothing. Each struct is a data sheet with the layout of the
//! protocol's own C header, proven while compiling; [`Message::parse`] accepts any length and any
//! content; [`describe`] gives the same layouts as a table for code that works on all messages.
//!
//! Numbers are little-endian and unaligned. Text is `[u8; N]`, NUL-terminated when shorter; read
//! and write it through [`value`]. Enumerations stay integers; their codes are in [`codes`].

mod account;
mod definition;
mod depth;
mod describe;
mod fuzz;
mod history;
mod inspect;
mod macros;
mod market;
mod notice;
mod order;
mod position;
mod quote;
mod report;
mod session;
mod symbol;
mod table;
mod trade;

pub mod codes;
pub mod value;

use zerocopy::little_endian::{F32, F64, U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub use account::{
    AccountBalanceAdjustment, AccountBalanceAdjustmentComplete, AccountBalanceAdjustmentReject,
    AccountBalanceReject, AccountBalanceRequest, AccountBalanceUpdate,
    HistoricalAccountBalanceResponse, HistoricalAccountBalancesReject,
    HistoricalAccountBalancesRequest, TradeAccountResponse, TradeAccountsRequest,
};
pub use definition::{
    SecurityDefinitionForSymbolRequest, SecurityDefinitionReject, SecurityDefinitionResponse,
    SecurityDefinitionResponseV2,
};
pub use depth::{
    MarketDepthReject, MarketDepthRequest, MarketDepthSnapshotLevel, MarketDepthSnapshotLevelFloat,
    MarketDepthUpdateLevel, MarketDepthUpdateLevelFloatWithMilliseconds,
    MarketDepthUpdateLevelNoTimestamp, MarketDepthUpdateLevelV2, MarketOrdersReject,
    MarketOrdersRequest, MarketOrdersSnapshotMessageBoundary,
};
pub use describe::{Description, Field, FieldKind, WireValue};
pub use history::{
    HistoricalMarketDepthDataRecordResponse, HistoricalMarketDepthDataReject,
    HistoricalMarketDepthDataRequest, HistoricalMarketDepthDataResponseHeader,
    HistoricalPriceDataRecordResponse, HistoricalPriceDataReject, HistoricalPriceDataRequest,
    HistoricalPriceDataResponseHeader, HistoricalPriceDataResponseTrailer,
    HistoricalPriceDataTickRecordResponse,
};
pub use inspect::{Value, read_field};
pub use market::{
    MarketDataFeedStatus, MarketDataFeedSymbolStatus, MarketDataReject, MarketDataRequest,
    MarketDataSnapshot, MarketDataUpdateOpenInterest, MarketDataUpdateSessionHigh,
    MarketDataUpdateSessionLow, MarketDataUpdateSessionNumTrades, MarketDataUpdateSessionOpen,
    MarketDataUpdateSessionSettlement, MarketDataUpdateSessionVolume,
    MarketDataUpdateTradingSessionDate, TradingSymbolStatus,
};
pub use notice::{
    AlertMessage, GeneralLogMessage, JournalEntriesReject, JournalEntriesRequest, JournalEntryAdd,
    JournalEntryResponse, UserMessage,
};
pub use order::{
    CancelOrder, CancelReplaceOrder, SubmitFlattenPositionOrder, SubmitNewOCOOrder,
    SubmitNewSingleOrder,
};
pub use position::{CurrentPositionsReject, CurrentPositionsRequest, PositionUpdate};
pub use quote::{
    MarketDataUpdateBidAsk, MarketDataUpdateBidAskCompact,
    MarketDataUpdateBidAskFloatWithMicroseconds, MarketDataUpdateBidAskNoTimeStamp,
    MarketDataUpdateBidAskV2,
};
pub use report::{
    AddCorrectingOrderFill, CorrectingOrderFillResponse, HistoricalOrderFillResponse,
    HistoricalOrderFillsReject, HistoricalOrderFillsRequest, OpenOrdersReject, OpenOrdersRequest,
    OrderUpdate,
};
pub use session::{
    EncodingRequest, EncodingResponse, Heartbeat, Logoff, LogonRequest, LogonResponse,
};
pub use symbol::{
    ExchangeListRequest, ExchangeListResponse, SymbolSearchRequest, SymbolsForExchangeRequest,
    SymbolsForUnderlyingRequest, UnderlyingSymbolsForExchangeRequest,
};
pub use table::{describe, messages};
pub use trade::{
    MarketDataUpdateLastTradeSnapshot, MarketDataUpdateTrade, MarketDataUpdateTradeCompact,
    MarketDataUpdateTradeNoTimestamp, MarketDataUpdateTradeV2,
    MarketDataUpdateTradeWithUnbundledIndicator, MarketDataUpdateTradeWithUnbundledIndicator2,
};

#[doc(hidden)]
pub use fuzz::fuzz_decode;

/// "No value" of a `double` field whose default says so.
pub const DBL_MAX: F64 = F64::new(f64::MAX);
/// "No value" of a `float` field whose default says so.
pub const FLT_MAX: F32 = F32::new(f32::MAX);
/// "No value" of a `uint32_t` field whose default says so.
pub const UINT_MAX: U32 = U32::new(u32::MAX);

/// The four bytes every binary message starts with.
#[repr(C)]
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
pub struct Header {
    /// Length of the whole message in bytes, this header included; less than 4 is corruption.
    pub size: U16,
    /// Message number.
    pub kind: U16,
}

/// A message of the fixed binary encoding.
pub trait Message:
    FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned + Copy + 'static
{
    /// The message number.
    const TYPE: u16;
    /// The protocol header's constant, such as `MARKET_DATA_UPDATE_TRADE`.
    const NAME: &'static str;
    /// Length of the struct in bytes.
    const SIZE: usize;
    /// The documented defaults, with size and kind filled in.
    const DEFAULT: Self;
    /// The fields under the header's own names, in order of offset, without size, kind and padding.
    const FIELDS: &'static [Field];
    /// The same layout as a table row.
    const DESCRIPTION: &'static Description;

    /// Reads a message of any length: what `frame` holds, over the defaults.
    ///
    /// `frame` starts at the header. The length that counts is the smaller of the slice and the
    /// size it states; bytes after the last known field are ignored, and a field that is not held
    /// whole has its default. The struct's `size` and `kind` are what the frame says; a frame
    /// without a whole header gives the default. The message number is not looked at.
    #[inline]
    fn parse(frame: &[u8]) -> Self {
        let held = covered(frame);
        match Self::read_from_prefix(held) {
            Ok((message, _)) => message,
            Err(_) => overlay(held),
        }
    }

    /// As [`Message::parse`], in place: `spare` is used only where the frame is shorter than the
    /// struct. For the messages that come thousands of times a second.
    #[inline]
    fn view<'f>(frame: &'f [u8], spare: &'f mut Option<Self>) -> &'f Self {
        let held = covered(frame);
        match Self::ref_from_prefix(held) {
            Ok((message, _)) => message,
            Err(_) => spare.insert(overlay(held)),
        }
    }
}

/// The part of `frame` its own size field vouches for; empty without a whole header.
pub(crate) fn covered(frame: &[u8]) -> &[u8] {
    let Some((&[low, high, ..], _)) = frame.split_first_chunk::<4>() else { return &[] };
    let size = usize::from(u16::from_le_bytes([low, high]));
    match frame.get(..size) {
        _ if size < size_of::<Header>() => &[],
        Some(held) => held,
        None => frame,
    }
}

/// A message shorter than its struct: the defaults, under every field that `held` holds whole.
fn overlay<M: Message>(held: &[u8]) -> M {
    let mut message = M::DEFAULT;
    let bytes = message.as_mut_bytes();
    for (to, from) in bytes.iter_mut().zip(held) {
        *to = *from;
    }
    // Half a price over DBL_MAX would be a price like any other: a field cut in two is not given.
    let cut = M::FIELDS.iter().map(Field::range).find(|r| r.contains(&held.len()));
    if let Some(range) = cut
        && let Some(to) = bytes.get_mut(range.clone())
        && let Some(from) = M::DESCRIPTION.default.get(range)
    {
        to.copy_from_slice(from);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 108 with bid 4500.25 x 3, ask 4500.5 x 7, 1 700 000 000 s, for symbol 2.
    const QUOTE: [u8; 40] = [
        0x28, 0, 0x6c, 0, 2, 0, 0, 0, // header, symbol
        0, 0, 0, 0, 0x40, 0x94, 0xb1, 0x40, // bid
        0, 0, 0x40, 0x40, 0, 0, 0, 0, // bid quantity, padding
        0, 0, 0, 0, 0x80, 0x94, 0xb1, 0x40, // ask
        0, 0, 0xe0, 0x40, 0, 0xf1, 0x53, 0x65, // ask quantity, time
    ];

    #[test]
    fn defaults_are_the_documented_bytes() {
        assert_eq!(
            EncodingRequest::DEFAULT.as_bytes(),
            [0x10, 0, 6, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0x44, 0x54, 0x43, 0]
        );
        assert_eq!(
            Heartbeat::DEFAULT.as_bytes(),
            [0x10, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        );
        let mut compact = [0; 28];
        compact[..4].copy_from_slice(&[0x1c, 0, 0x75, 0]);
        compact[4..8].copy_from_slice(&[0xff, 0xff, 0x7f, 0x7f]);
        compact[12..16].copy_from_slice(&[0xff, 0xff, 0x7f, 0x7f]);
        assert_eq!(MarketDataUpdateBidAskCompact::DEFAULT.as_bytes(), compact);
        assert_eq!(CancelReplaceOrder::DEFAULT.price1_is_set, 1);
        assert_eq!(
            OrderUpdate::DEFAULT.price1.to_bytes(),
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xef, 0x7f]
        );
        assert_eq!(MarketDataSnapshot::DEFAULT.open_interest.get(), u32::MAX);
        assert_eq!(MarketDataUpdateBidAskV2::DEFAULT.ask_price.get(), f64::MAX);
        assert_eq!(SecurityDefinitionResponseV2::DEFAULT.price_display_format.get(), -1);
    }

    #[test]
    fn a_whole_frame_reads_and_writes_back() {
        let q = MarketDataUpdateBidAsk::parse(&QUOTE);
        assert_eq!((q.symbol_id.get(), q.date_time.get()), (2, 1_700_000_000));
        assert_eq!((q.bid_price.get(), q.bid_quantity.get()), (4500.25, 3.0));
        assert_eq!((q.ask_price.get(), q.ask_quantity.get()), (4500.5, 7.0));
        assert_eq!(q.as_bytes(), QUOTE);
    }

    #[test]
    fn extra_bytes_are_ignored() {
        let mut long = [0xee; 74];
        long[..4].copy_from_slice(&[74, 0, 3, 0]);
        long[4..16].copy_from_slice(&[5, 0, 0, 0, 0, 0xf1, 0x53, 0x65, 0, 0, 0, 0]);
        let beat = Heartbeat::parse(&long);
        assert_eq!((beat.size.get(), beat.num_dropped_messages.get()), (74, 5));
        assert_eq!(beat.current_date_time.get(), 1_700_000_000);
    }

    #[test]
    fn a_field_not_held_whole_is_its_default() {
        for len in 0..QUOTE.len() {
            let q = MarketDataUpdateBidAsk::parse(&QUOTE[..len]);
            assert_eq!(q.bid_price.get(), if len < 16 { f64::MAX } else { 4500.25 }, "{len}");
            assert_eq!(q.ask_price.get(), if len < 32 { f64::MAX } else { 4500.5 }, "{len}");
            assert_eq!(q.date_time.get(), if len < 40 { 0 } else { 1_700_000_000 }, "{len}");
        }
    }

    #[test]
    fn the_stated_size_bounds_the_frame() {
        for size in 0..40_u8 {
            let mut frame = QUOTE;
            frame[0] = size;
            let q = MarketDataUpdateBidAsk::parse(&frame);
            assert_eq!(q.bid_price.get(), if size < 16 { f64::MAX } else { 4500.25 }, "{size}");
            assert_eq!(q.kind.get(), 108);
            assert_eq!(q.size.get(), if size < 4 { 40 } else { size.into() });
        }
    }

    #[test]
    fn every_message_is_described_once() {
        assert_eq!(messages().len(), 97);
        for d in messages() {
            assert_eq!(describe(d.message_type), Some(*d));
            assert_eq!(d.default.len(), usize::from(d.size));
            assert_eq!(d.default[..2], d.size.to_le_bytes());
            assert_eq!(d.default[2..4], d.message_type.to_le_bytes());
        }
        for unknown in [0, 4, 125, 152, 210, 999, u16::MAX] {
            assert_eq!(describe(unknown), None);
        }
    }

    #[test]
    fn a_union_has_both_names() {
        let names: alloc::vec::Vec<_> = HistoricalPriceDataRecordResponse::FIELDS
            .iter()
            .filter(|f| f.offset == 56)
            .map(|f| f.name)
            .collect();
        assert_eq!(names, ["OpenInterest", "NumTrades"]);
    }

    #[test]
    fn the_fuzz_body_holds_on_awkward_bytes() {
        for fill in [0, 1, 0x7f, 0xff] {
            let mut data = [fill; 800];
            for size in [0, 3, 4, 5, 16, 27, 40, 255, 720, 799, 800, u16::MAX] {
                data[..2].copy_from_slice(&size.to_le_bytes());
                for len in [0, 1, 3, 4, 5, 29, 40, 100, 719, 800] {
                    fuzz_decode(&data[..len]);
                }
            }
        }
    }
}
