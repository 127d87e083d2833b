//! Values inside fields: text, unset numbers and date-times.
//!
//! All times are UTC. The functions return Unix nanoseconds, or `None` when the field is unset,
//! not a time, or outside the years an `i64` of nanoseconds can hold.

use alloc::borrow::Cow;
use alloc::string::String;

/// The text of a `char[n]`: the bytes before the first NUL, or all of them.
pub fn text(field: &[u8]) -> &[u8] {
    field.split(|b| *b == 0).next().unwrap_or(field)
}

/// The text of a `char[n]` as a string; bytes that are not UTF-8 become U+FFFD.
pub fn text_lossy(field: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(text(field))
}

/// Writes `text` into a `char[n]`, filling the rest with NUL, and leaves at least one NUL.
///
/// Returns false when the text did not fit and was cut, at a character boundary, or when it holds
/// a NUL, at which every reader stops.
#[must_use = "false means that the text was cut"]
pub fn put_text(field: &mut [u8], text: &str) -> bool {
    let room = field.len().saturating_sub(1);
    let end = text.floor_char_boundary(room);
    let kept = text.as_bytes().get(..end).unwrap_or_default();
    field.fill(0);
    for (to, from) in field.iter_mut().zip(kept) {
        *to = *from;
    }
    end == text.len() && !kept.contains(&0)
}

/// A `double` that may be unset: `DBL_MAX` and everything not finite is `None`.
pub fn f64_set(v: f64) -> Option<f64> {
    (v.is_finite() && v != f64::MAX).then_some(v)
}

/// A `float` that may be unset: `FLT_MAX` and everything not finite is `None`.
pub fn f32_set(v: f32) -> Option<f32> {
    (v.is_finite() && v != f32::MAX).then_some(v)
}

/// A `uint32_t` that may be unset: `UINT_MAX` is `None`.
pub fn u32_set(v: u32) -> Option<u32> {
    (v != u32::MAX).then_some(v)
}

/// An integer date-time in Unix nanoseconds; 0 and negative values are `None`.
///
/// The unit of a field changed between protocol headers under the same message number, so it is
/// told from the magnitude: below 10^11 seconds, below 10^14 milliseconds, else microseconds. A
/// value whose bits are a `double` of seconds from the year 2001 on (an older form of field 807
/// `FinalRecordLastDateTime`) is read as that.
#[inline]
pub fn time_from_int(v: i64) -> Option<i64> {
    match v {
        ..=0 => None,
        1..100_000_000_000 => v.checked_mul(NS_PER_S),
        100_000_000_000..100_000_000_000_000 => v.checked_mul(1_000_000),
        100_000_000_000_000..F64_SECONDS_FIRST => v.checked_mul(1_000),
        F64_SECONDS_FIRST.. => time_from_f64(f64::from_bits(v.cast_unsigned())),
    }
}

/// A `double` of seconds in Unix nanoseconds, rounded to the microsecond, which is about what a
/// double of today's date can tell apart; 0, negative and not finite values are `None`.
pub fn time_from_f64(seconds: f64) -> Option<i64> {
    // Below 2^53 microseconds (the year 2255) the product is exact to less than one microsecond.
    let us = seconds * 1e6;
    if !(0.5..MAX_EXACT).contains(&us) {
        return None;
    }
    // In range by the line above, so the cast only drops the fraction.
    ((us + 0.5) as i64).checked_mul(1_000)
}

/// A `uint32_t` of seconds in Unix nanoseconds; 0 and `UINT_MAX` are `None`.
pub fn time_from_u32(seconds: u32) -> Option<i64> {
    match seconds {
        0 | u32::MAX => None,
        s => Some(i64::from(s) * NS_PER_S),
    }
}

const NS_PER_S: i64 = 1_000_000_000;
/// 2^53, above which a double skips integers.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
/// The bits of `1e9` as a double: 2001-09-09 in seconds. As microseconds it is far beyond any
/// date an `i64` of nanoseconds holds.
const F64_SECONDS_FIRST: i64 = 1e9_f64.to_bits().cast_signed();

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-11-14 22:13:20 UTC.
    const S: i64 = 1_700_000_000;
    const NS: i64 = S * NS_PER_S;

    #[test]
    fn text_ends_at_the_first_nul_or_the_end() {
        assert_eq!(text(b"ES\0junk"), b"ES");
        assert_eq!(text(b"full"), b"full");
        assert_eq!(text(b"\0\0"), b"");
        assert_eq!(text(b""), b"");
        assert_eq!(text_lossy(b"a\xffb\0"), "a\u{fffd}b");
    }

    #[test]
    fn put_text_pads_and_keeps_a_nul() {
        let mut field = [0xaa; 6];
        assert!(put_text(&mut field, "ES"));
        assert_eq!(field, *b"ES\0\0\0\0");
        assert!(put_text(&mut field, "12345"));
        assert_eq!(field, *b"12345\0");
        assert!(!put_text(&mut field, "123456"));
        assert_eq!(field, *b"12345\0");
        assert!(!put_text(&mut field, "1234\u{e9}"));
        assert_eq!(field, *b"1234\0\0");
        assert!(!put_text(&mut field, "a\0b"));
        assert!(!put_text(&mut [], "a"));
        assert!(put_text(&mut [], ""));
    }

    #[test]
    fn sentinels_are_unset() {
        assert_eq!(f64_set(f64::MAX), None);
        assert_eq!(f64_set(f64::NAN), None);
        assert_eq!(f64_set(f64::INFINITY), None);
        assert_eq!(f64_set(-f64::MAX), Some(-f64::MAX));
        assert_eq!(f64_set(0.0), Some(0.0));
        assert_eq!(f32_set(f32::MAX), None);
        assert_eq!(f32_set(f32::NEG_INFINITY), None);
        assert_eq!(f32_set(1.5), Some(1.5));
        assert_eq!(u32_set(u32::MAX), None);
        assert_eq!(u32_set(0), Some(0));
    }

    #[test]
    fn an_integer_time_tells_its_unit_by_magnitude() {
        assert_eq!(time_from_int(S), Some(NS));
        assert_eq!(time_from_int(S * 1_000 + 123), Some(NS + 123_000_000));
        assert_eq!(time_from_int(S * 1_000_000 + 123_456), Some(NS + 123_456_000));
        assert_eq!(time_from_int((S as f64 + 0.125).to_bits() as i64), Some(NS + 125_000_000));
    }

    #[test]
    fn the_units_meet_without_overlap() {
        assert_eq!(time_from_int(9_000_000_000), Some(9_000_000_000 * NS_PER_S));
        assert_eq!(time_from_int(99_999_999_999), None);
        assert_eq!(time_from_int(100_000_000_000), Some(100_000_000 * NS_PER_S));
        assert_eq!(time_from_int(99_999_999_999_999), None);
        assert_eq!(time_from_int(100_000_000_000_000), Some(100_000_000 * NS_PER_S));
        assert_eq!(time_from_int(F64_SECONDS_FIRST - 1), None);
        assert_eq!(time_from_int(F64_SECONDS_FIRST), Some(1_000_000_000 * NS_PER_S));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for v in [0, -1, i64::MIN, i64::MAX, f64::INFINITY.to_bits().cast_signed()] {
            assert_eq!(time_from_int(v), None, "{v}");
        }
        for v in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::MAX, f64::MIN_POSITIVE, 1e10] {
            assert_eq!(time_from_f64(v), None, "{v}");
        }
        assert_eq!(time_from_u32(0), None);
        assert_eq!(time_from_u32(u32::MAX), None);
    }

    #[test]
    fn a_double_time_is_rounded_to_the_microsecond() {
        assert_eq!(time_from_f64(1_700_000_000.125), Some(NS + 125_000_000));
        assert_eq!(time_from_f64(1_700_000_000.123_456), Some(NS + 123_456_000));
        assert_eq!(time_from_f64(1_700_000_000.999_999), Some(NS + 999_999_000));
        assert_eq!(time_from_u32(1_700_000_000), Some(NS));
        assert_eq!(time_from_u32(u32::MAX - 1), Some(4_294_967_294 * NS_PER_S));
    }
}
