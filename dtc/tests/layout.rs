//! Every layout of the protocol's C headers against `describe`, both ways.

mod tables;

use std::collections::BTreeMap;

use dtc::wire::{FieldKind, describe, messages};
use tables::rows;

/// A message of a layout table.
#[derive(Default)]
struct Layout {
    constant: String,
    size: u16,
    fields: Vec<(String, u16, u16, FieldKind)>,
}

#[test]
fn layouts_of_2025_04() {
    check("layout.2025-04.tsv", "2025-04", 93);
}

#[test]
fn layouts_of_2026_08() {
    check("layout.2026-08.tsv", "2026-08", 93);
}

fn check(table: &str, generation: &str, count: usize) {
    let Some(layouts) = read(table) else { return };
    assert_eq!(layouts.len(), count);
    for (number, layout) in &layouts {
        let d = describe(*number).unwrap_or_else(|| panic!("{} is missing", layout.constant));
        assert_eq!(d.name, layout.constant);
        assert_eq!(d.size, layout.size, "{}", d.name);
        assert!(d.generation.contains(generation), "{}", d.name);
        let fields: Vec<_> =
            d.fields.iter().map(|f| (f.name.to_string(), f.offset, f.len, f.kind)).collect();
        assert_eq!(fields, layout.fields, "{}", d.name);
    }
    for d in messages().iter().filter(|d| d.generation.contains(generation)) {
        assert!(layouts.contains_key(&d.message_type), "{} is extra", d.name);
    }
}

/// The typed messages of a table by number. Columns: struct, constant, number, field, C type,
/// offset, length; the row `__SIZE__` has the length of the struct.
fn read(table: &str) -> Option<BTreeMap<u16, Layout>> {
    let mut layouts: BTreeMap<u16, Layout> = BTreeMap::new();
    for row in rows(table)? {
        let [_, constant, number, field, c_type, offset, len] = row.as_slice() else {
            panic!("{row:?}")
        };
        // The bare header and three structs that no message number belongs to.
        let Ok(number) = number.parse() else { continue };
        let layout = layouts.entry(number).or_default();
        layout.constant.clone_from(constant);
        let (offset, len) = (offset.parse().unwrap(), len.parse().unwrap());
        match field.as_str() {
            "Size" => assert_eq!((offset, len), (0, 2)),
            "Type" => assert_eq!((offset, len), (2, 2)),
            "__SIZE__" => layout.size = len,
            // The only field whose sign changed; what it counts is never negative.
            "NumTrades" => layout.fields.push((field.clone(), offset, len, FieldKind::U32)),
            _ => layout.fields.push((field.clone(), offset, len, kind(c_type, len))),
        }
    }
    Some(layouts)
}

fn kind(c_type: &str, len: u16) -> FieldKind {
    let c_type = c_type.trim_start_matches("DTC::");
    match (c_type, len) {
        ("float", 4) => FieldKind::F32,
        ("double" | "t_DateTimeWithMilliseconds", 8) => FieldKind::F64,
        ("uint8_t" | "AtBidOrAskEnum8" | "MarketDepthUpdateTypeEnum", 1)
        | ("FinalUpdateInBatchEnum" | "MessageSetBoundaryEnum" | "PutCallEnum", 1) => FieldKind::U8,
        ("int8_t" | "UnbundledTradeIndicatorEnum" | "TradeConditionEnum", 1)
        | ("t_TradeCondition" | "TradingStatusEnum" | "PartialFillHandlingEnum", 1) => {
            FieldKind::I8
        }
        ("uint16_t" | "AtBidOrAskEnum", 2) => FieldKind::U16,
        ("HistoricalPriceDataRejectReasonCodeEnum", 2) => FieldKind::I16,
        ("uint32_t" | "t_DateTime4Byte", 4) => FieldKind::U32,
        ("uint64_t", 8) => FieldKind::U64,
        ("int64_t" | "t_DateTime", 8) => FieldKind::I64,
        ("t_DateTimeWithMillisecondsInt" | "t_DateTimeWithMicrosecondsInt", 8) => FieldKind::I64,
        ("int32_t", 4) => FieldKind::I32,
        (name, 4) if name.ends_with("Enum") => FieldKind::I32,
        (name, _) if name.starts_with("char[") => FieldKind::Text,
        _ => panic!("{c_type} of {len} bytes"),
    }
}
