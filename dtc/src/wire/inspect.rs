//! Reading any message field by field, driven by its [`Description`].

use super::{Description, Field, FieldKind, covered};

/// One field of one message, as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Not given: the sentinel of a field that has one, or a float that is no finite number.
    Null,
    /// A signed integer of 1 to 8 bytes.
    Int(i64),
    /// An unsigned integer of 1 to 8 bytes.
    UInt(u64),
    /// A `float`.
    F32(f32),
    /// A `double`.
    F64(f64),
    /// A `char[n]` up to its first NUL, in whatever encoding the sender used.
    Text(&'a [u8]),
}

/// Reads field `f` of a message described by `d` from its bytes, header included.
///
/// A field that `frame` (or the length it states) does not hold whole takes its default. `f` must
/// come from `d`; a field of another message gives some value or [`Value::Null`], never a panic.
pub fn read_field<'a>(frame: &'a [u8], d: &Description, f: &Field) -> Value<'a> {
    match covered(frame).get(f.range()).or_else(|| d.default.get(f.range())) {
        Some(bytes) => decode(bytes, f),
        None => Value::Null,
    }
}

fn decode<'a>(bytes: &'a [u8], f: &Field) -> Value<'a> {
    if f.kind == FieldKind::Text {
        return Value::Text(super::value::text(bytes));
    }
    if f.null && f.kind.is_unset(bytes) {
        return Value::Null;
    }
    number(bytes, f.kind).unwrap_or(Value::Null)
}

fn number<'a>(bytes: &[u8], kind: FieldKind) -> Option<Value<'a>> {
    Some(match kind {
        FieldKind::U8 => Value::UInt(u8::from_le_bytes(bytes.try_into().ok()?).into()),
        FieldKind::I8 => Value::Int(i8::from_le_bytes(bytes.try_into().ok()?).into()),
        FieldKind::U16 => Value::UInt(u16::from_le_bytes(bytes.try_into().ok()?).into()),
        FieldKind::I16 => Value::Int(i16::from_le_bytes(bytes.try_into().ok()?).into()),
        FieldKind::U32 => Value::UInt(u32::from_le_bytes(bytes.try_into().ok()?).into()),
        FieldKind::I32 => Value::Int(i32::from_le_bytes(bytes.try_into().ok()?).into()),
        FieldKind::U64 => Value::UInt(u64::from_le_bytes(bytes.try_into().ok()?)),
        FieldKind::I64 => Value::Int(i64::from_le_bytes(bytes.try_into().ok()?)),
        FieldKind::F32 => finite32(f32::from_le_bytes(bytes.try_into().ok()?)),
        FieldKind::F64 => finite64(f64::from_le_bytes(bytes.try_into().ok()?)),
        FieldKind::Text => return None,
    })
}

fn finite32<'a>(v: f32) -> Value<'a> {
    if v.is_finite() { Value::F32(v) } else { Value::Null }
}

fn finite64<'a>(v: f64) -> Value<'a> {
    if v.is_finite() { Value::F64(v) } else { Value::Null }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{
        DBL_MAX, MarketDataRequest, MarketDataSnapshot, MarketDataUpdateTrade, Message,
    };
    use zerocopy::IntoBytes;
    use zerocopy::little_endian::{F64, U16};

    fn value<'a, M: Message>(frame: &'a [u8], name: &str) -> Value<'a> {
        let field = M::FIELDS.iter().find(|f| f.name == name).unwrap();
        read_field(frame, M::DESCRIPTION, field)
    }

    #[test]
    fn sentinels_are_null_only_where_the_default_says_so() {
        let snapshot = MarketDataSnapshot::DEFAULT;
        assert_eq!(value::<MarketDataSnapshot>(snapshot.as_bytes(), "BidPrice"), Value::Null);
        assert_eq!(value::<MarketDataSnapshot>(snapshot.as_bytes(), "OpenInterest"), Value::Null);
        assert_eq!(value::<MarketDataSnapshot>(snapshot.as_bytes(), "SymbolID"), Value::UInt(0));
        let trade = MarketDataUpdateTrade { price: DBL_MAX, ..MarketDataUpdateTrade::DEFAULT };
        assert_eq!(value::<MarketDataUpdateTrade>(trade.as_bytes(), "Price"), Value::F64(f64::MAX));
    }

    #[test]
    fn floats_that_are_no_number_are_null() {
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let trade =
                MarketDataUpdateTrade { price: F64::new(odd), ..MarketDataUpdateTrade::DEFAULT };
            assert_eq!(value::<MarketDataUpdateTrade>(trade.as_bytes(), "Price"), Value::Null);
        }
    }

    #[test]
    fn a_field_beyond_the_frame_is_its_default() {
        let mut request = MarketDataRequest::DEFAULT;
        request.symbol[..4].copy_from_slice(b"ESU6");
        assert_eq!(value::<MarketDataRequest>(request.as_bytes(), "Symbol"), Value::Text(b"ESU6"));
        let cut = request.as_bytes().get(..75).unwrap();
        assert_eq!(value::<MarketDataRequest>(cut, "Symbol"), Value::Text(b""));
        assert_eq!(value::<MarketDataRequest>(&[], "RequestAction"), Value::Int(1));
        request.size = U16::new(11);
        request.symbol_id = 9.into();
        assert_eq!(value::<MarketDataRequest>(request.as_bytes(), "SymbolID"), Value::UInt(0));
    }

    #[test]
    fn a_field_of_another_message_does_not_panic() {
        let far = MarketDataSnapshot::FIELDS.last().unwrap();
        assert_eq!(read_field(&[], MarketDataUpdateTrade::DESCRIPTION, far), Value::Null);
    }
}
