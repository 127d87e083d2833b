//! What every message looks like: the table behind `describe` and its row types.

use zerocopy::little_endian::{F32, F64, I16, I32, I64, U16, U32, U64};

/// A field of a message: where it lies and how to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The protocol header's own spelling, which is also the JSON member name.
    pub name: &'static str,
    /// Bytes from the start of the message.
    pub offset: u16,
    /// Length in bytes.
    pub len: u16,
    /// How the bytes are read.
    pub kind: FieldKind,
    /// True when the documented default is the largest value of the kind, which then means that
    /// the sender gave no value.
    pub null: bool,
}

impl Field {
    /// The bytes of the field within a message.
    pub fn range(&self) -> core::ops::Range<usize> {
        let from = usize::from(self.offset);
        from..from.saturating_add(usize::from(self.len))
    }

    /// A row of the table; `default` is the message's default bytes, read for `null`.
    pub(crate) const fn new(
        name: &'static str,
        offset: u16,
        len: usize,
        kind: FieldKind,
        default: &[u8],
    ) -> Self {
        let (_, tail) = default.split_at(offset as usize);
        let (bytes, _) = tail.split_at(len);
        Self { name, offset, len: len as u16, kind, null: kind.is_unset(bytes) }
    }
}

/// The shape of a field; all numbers are little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// 1 byte, unsigned.
    U8,
    /// 1 byte, signed.
    I8,
    /// 2 bytes, unsigned.
    U16,
    /// 2 bytes, signed.
    I16,
    /// 4 bytes, unsigned.
    U32,
    /// 4 bytes, signed.
    I32,
    /// 8 bytes, signed.
    I64,
    /// 8 bytes, unsigned.
    U64,
    /// IEEE 754 single.
    F32,
    /// IEEE 754 double.
    F64,
    /// Bytes up to the first NUL or the end.
    Text,
}

impl FieldKind {
    /// Whether `bytes` are the largest value of a kind that can stand for "no value": `DBL_MAX`,
    /// `FLT_MAX`, `UINT_MAX`, `INT_MAX`, `INT64_MAX`.
    pub const fn is_unset(self, bytes: &[u8]) -> bool {
        match self {
            Self::F64 => same(bytes, &f64::MAX.to_le_bytes()),
            Self::F32 => same(bytes, &f32::MAX.to_le_bytes()),
            Self::U32 => same(bytes, &u32::MAX.to_le_bytes()),
            Self::I32 => same(bytes, &i32::MAX.to_le_bytes()),
            Self::I64 => same(bytes, &i64::MAX.to_le_bytes()),
            _ => false,
        }
    }
}

/// Slice equality, as `==` is not const.
const fn same(mut a: &[u8], mut b: &[u8]) -> bool {
    loop {
        match (a, b) {
            ([], []) => return true,
            ([x, rest_a @ ..], [y, rest_b @ ..]) if *x == *y => (a, b) = (rest_a, rest_b),
            _ => return false,
        }
    }
}

/// A message: its number, name, length, fields and default bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// The protocol header's constant, such as `MARKET_DATA_UPDATE_TRADE`.
    pub name: &'static str,
    /// The message number.
    pub message_type: u16,
    /// Length of the struct in bytes. A sender of another generation may send fewer or more.
    pub size: u16,
    /// The header generations that hold the message in this layout.
    pub generation: &'static str,
    /// The fields in order of offset, without `Size`, `Type` and padding.
    pub fields: &'static [Field],
    /// The documented defaults as a whole message of `size` bytes.
    pub default: &'static [u8],
}

/// A type that can stand in a message.
pub trait WireValue {
    /// How its bytes are read.
    const KIND: FieldKind;
    /// All bytes zero, or empty.
    const ZERO: Self;
}

macro_rules! wire_value {
    ($($ty:ty, $kind:ident, $zero:expr;)*) => {
        $(impl WireValue for $ty {
            const KIND: FieldKind = FieldKind::$kind;
            const ZERO: Self = $zero;
        })*
    };
}

wire_value! {
    u8, U8, 0;
    i8, I8, 0;
    U16, U16, U16::ZERO;
    I16, I16, I16::ZERO;
    U32, U32, U32::ZERO;
    I32, I32, I32::ZERO;
    U64, U64, U64::ZERO;
    I64, I64, I64::ZERO;
    F32, F32, F32::ZERO;
    F64, F64, F64::ZERO;
}

impl<const N: usize> WireValue for [u8; N] {
    const KIND: FieldKind = FieldKind::Text;
    const ZERO: Self = [0; N];
}
