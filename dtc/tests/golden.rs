//! Golden messages, compiled from the protocol's C header: values, bytes, truncations.
//!
//! A vector `*.default` holds the constructor's defaults; in `*.filled` every field differs, and a
//! second table gives the value of each.

mod tables;

use std::collections::BTreeMap;

use dtc::wire::{self, Message, Value, describe, messages, read_field};
use tables::{Row, rows};
use zerocopy::IntoBytes;

/// Parses `frame` as the message `kind` and gives the bytes of the struct.
macro_rules! parse_as {
    ($kind:expr, $frame:expr, $($Name:ident)*) => {
        match $kind {
            $(wire::$Name::TYPE => wire::$Name::parse($frame).as_bytes().to_vec(),)*
            other => panic!("no struct for {other}"),
        }
    };
}

fn reencode(kind: u16, frame: &[u8]) -> Vec<u8> {
    parse_as!(
        kind, frame,
        LogonRequest LogonResponse Heartbeat Logoff EncodingRequest EncodingResponse
        MarketDataFeedStatus MarketDataRequest MarketDepthRequest MarketDataReject
        MarketDataSnapshot MarketDepthUpdateLevel MarketDataUpdateTrade MarketDataUpdateBidAsk
        MarketDepthUpdateLevelV2 MarketDataUpdateTradeCompact MarketDataUpdateSessionVolume
        MarketDataUpdateSessionHigh MarketDataUpdateSessionLow MarketDataFeedSymbolStatus
        MarketDataUpdateBidAskCompact MarketDataUpdateSessionSettlement MarketDataUpdateSessionOpen
        MarketDepthReject MarketDepthSnapshotLevel MarketDataUpdateOpenInterest
        MarketDataUpdateLastTradeSnapshot MarketDataUpdateSessionNumTrades
        MarketDataUpdateTradingSessionDate MarketDataUpdateTradeWithUnbundledIndicator
        TradingSymbolStatus MarketDepthUpdateLevelFloatWithMilliseconds
        MarketDepthUpdateLevelNoTimestamp MarketDataUpdateTradeNoTimestamp
        MarketDataUpdateBidAskNoTimeStamp MarketDataUpdateBidAskFloatWithMicroseconds
        MarketDepthSnapshotLevelFloat MarketDataUpdateTradeWithUnbundledIndicator2
        MarketDataUpdateTradeV2 MarketDataUpdateBidAskV2 MarketOrdersRequest MarketOrdersReject
        MarketOrdersSnapshotMessageBoundary SubmitNewOCOOrder CancelOrder CancelReplaceOrder
        SubmitNewSingleOrder SubmitFlattenPositionOrder OpenOrdersRequest OrderUpdate
        OpenOrdersReject HistoricalOrderFillsRequest HistoricalOrderFillResponse
        CurrentPositionsRequest PositionUpdate CurrentPositionsReject HistoricalOrderFillsReject
        AddCorrectingOrderFill CorrectingOrderFillResponse TradeAccountsRequest TradeAccountResponse
        ExchangeListRequest ExchangeListResponse SymbolsForExchangeRequest
        UnderlyingSymbolsForExchangeRequest SymbolsForUnderlyingRequest
        SecurityDefinitionForSymbolRequest SecurityDefinitionResponse SymbolSearchRequest
        SecurityDefinitionReject SecurityDefinitionResponseV2 AccountBalanceUpdate
        AccountBalanceRequest AccountBalanceReject HistoricalAccountBalancesRequest
        HistoricalAccountBalancesReject HistoricalAccountBalanceResponse AccountBalanceAdjustment
        AccountBalanceAdjustmentReject AccountBalanceAdjustmentComplete UserMessage
        GeneralLogMessage AlertMessage JournalEntryAdd JournalEntriesRequest JournalEntriesReject
        JournalEntryResponse HistoricalPriceDataRequest HistoricalPriceDataResponseHeader
        HistoricalPriceDataReject HistoricalPriceDataRecordResponse
        HistoricalPriceDataTickRecordResponse HistoricalPriceDataResponseTrailer
        HistoricalMarketDepthDataRequest HistoricalMarketDepthDataResponseHeader
        HistoricalMarketDepthDataReject HistoricalMarketDepthDataRecordResponse
    )
}

/// A golden message.
struct Vector {
    kind: u16,
    bytes: Vec<u8>,
}

#[test]
fn defaults_and_round_trips() {
    let Some(vectors) = vectors() else { return };
    for (name, vector) in &vectors {
        assert_eq!(reencode(vector.kind, &vector.bytes), vector.bytes, "{name}");
        let d = describe(vector.kind).unwrap();
        if name.ends_with(".default") {
            assert_eq!(d.default, vector.bytes, "{name}");
        }
    }
    assert_eq!(vectors.len(), 2 * 93);
    for d in messages() {
        assert_eq!(reencode(d.message_type, &[]), d.default, "{}", d.name);
    }
}

#[test]
fn every_field_has_its_value() {
    let (Some(vectors), Some(fields)) = (vectors(), fields()) else { return };
    let mut seen = 0;
    for (name, vector) in vectors.iter().filter(|(name, _)| name.ends_with(".filled")) {
        let d = describe(vector.kind).unwrap();
        for row in &fields[name.trim_end_matches(".filled")] {
            let field = d.fields.iter().find(|f| f.name == row[1]).unwrap();
            let value = read_field(&vector.bytes, d, field);
            assert!(same(value, &row[5]), "{name} {}: {value:?}, not {}", row[1], row[5]);
            seen += 1;
        }
    }
    assert_eq!(seen, fields.values().map(Vec::len).sum::<usize>());
}

#[test]
fn every_truncation_is_a_prefix_over_the_defaults() {
    let (Some(vectors), Some(fields)) = (vectors(), fields()) else { return };
    for (name, vector) in &vectors {
        let base = name.rsplit_once('.').unwrap().0;
        for len in 0..vector.bytes.len() {
            let expected = truncated(&vectors, &fields[base], base, &vector.bytes[..len]);
            let cut = reencode(vector.kind, &vector.bytes[..len]);
            assert_eq!(cut, expected, "{name} cut to {len} bytes");
        }
    }
}

#[test]
fn a_smaller_stated_size_counts_like_a_truncation() {
    let (Some(vectors), Some(fields)) = (vectors(), fields()) else { return };
    for (name, vector) in &vectors {
        let base = name.rsplit_once('.').unwrap().0;
        for len in 4..vector.bytes.len() {
            let mut frame = vector.bytes.clone();
            frame[..2].copy_from_slice(&u16::try_from(len).unwrap().to_le_bytes());
            let expected = truncated(&vectors, &fields[base], base, &frame[..len]);
            assert_eq!(reencode(vector.kind, &frame), expected, "{name} stating {len} bytes");
        }
    }
}

#[test]
fn extra_bytes_are_ignored() {
    let Some(vectors) = vectors() else { return };
    for (name, vector) in &vectors {
        let mut frame = vector.bytes.clone();
        frame.extend([0xee; 90]);
        assert_eq!(reencode(vector.kind, &frame), vector.bytes, "{name}");
        let stated = u16::try_from(frame.len()).unwrap().to_le_bytes();
        frame[..2].copy_from_slice(&stated);
        let read = reencode(vector.kind, &frame);
        assert_eq!(read[..2], stated, "{name}");
        assert_eq!(read[2..], vector.bytes[2..], "{name}");
    }
}

#[test]
fn the_fuzz_body_holds_on_every_vector() {
    let Some(vectors) = vectors() else { return };
    for vector in vectors.values() {
        wire::fuzz_decode(&vector.bytes);
        wire::fuzz_decode(&vector.bytes[..vector.bytes.len() / 2]);
    }
}

/// What a message of only these bytes must read as, worked out from the tables.
fn truncated(
    vectors: &BTreeMap<String, Vector>,
    fields: &[Row],
    base: &str,
    held: &[u8],
) -> Vec<u8> {
    let default = &vectors[&format!("{base}.default")].bytes;
    let mut expected = default.clone();
    if held.len() < 4 {
        return expected;
    }
    expected[..held.len()].copy_from_slice(held);
    for row in fields {
        let from: usize = row[3].parse().unwrap();
        let to = from + row[4].parse::<usize>().unwrap();
        if (from..to).contains(&held.len()) {
            expected[from..to].copy_from_slice(&default[from..to]);
        }
    }
    expected
}

fn same(value: Value<'_>, text: &str) -> bool {
    match value {
        Value::Null => false,
        Value::Int(v) => text.parse() == Ok(v),
        Value::UInt(v) => text.parse() == Ok(v),
        Value::F32(v) => text.parse() == Ok(v),
        Value::F64(v) => text.parse() == Ok(v),
        Value::Text(v) => text.as_bytes() == [b"\"", v, b"\""].concat(),
    }
}

/// Columns: name, message number, length, bytes in hex.
fn vectors() -> Option<BTreeMap<String, Vector>> {
    let rows = rows("vectors.2025-04.tsv")?;
    let vector = |row: &Row| {
        let bytes: Vec<u8> = row[3]
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        assert_eq!(row[2].parse(), Ok(bytes.len()), "{}", row[0]);
        (row[0].clone(), Vector { kind: row[1].parse().unwrap(), bytes })
    };
    Some(rows.iter().skip(1).map(vector).collect())
}

/// Rows by struct. Columns: struct, field, C type, offset, length, value in the filled vector.
fn fields() -> Option<BTreeMap<String, Vec<Row>>> {
    let mut fields: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in rows("fields.2025-04.tsv")?.into_iter().skip(1) {
        fields.entry(row[0].clone()).or_default().push(row);
    }
    Some(fields)
}
