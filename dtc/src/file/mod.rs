//! The same market at rest: Sierra Chart's own files, over `&[u8]`.
//!
//! Sierra's DTC server does not hand data of the large exchanges to other programs, but it writes
//! what it receives to files that others may read: [`scid`] holds trades, [`depth`] the order
//! book. Both open with a header that states its own size and that of a record, both store
//! microseconds since 1899-12-30, and both are appended to while the market runs, which is what
//! `follow` (feature `std`) is for.

pub mod depth;
#[cfg(feature = "std")]
pub mod follow;
pub mod scid;

use core::fmt;

/// No file states a header larger than this, bytes. The real ones have 56 and 64.
pub const HEADER_BYTES_MAX: u32 = 65_536;

/// No file states a record larger than this, bytes. The real ones have 40 and 24.
pub const RECORD_BYTES_MAX: u32 = 4_096;

/// Why the front of a file is not the header of its format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// Fewer bytes than the fixed part of the header; a growing file may have them later.
    TooShort {
        /// Bytes there.
        have: usize,
        /// Bytes needed.
        need: usize,
    },
    /// The first four bytes name another format.
    WrongMagic {
        /// What stood there.
        found: [u8; 4],
        /// What had to stand there.
        wanted: [u8; 4],
    },
    /// The stated header size is below the fixed part or above [`HEADER_BYTES_MAX`].
    HeaderSize {
        /// The stated size, bytes.
        stated: u32,
    },
    /// The stated record size is below the known fields or above [`RECORD_BYTES_MAX`].
    RecordSize {
        /// The stated size, bytes.
        stated: u32,
    },
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeaderError::TooShort { have, need } => {
                write!(f, "the file has {have} bytes, its header needs {need}")
            }
            HeaderError::WrongMagic { found, wanted } => write!(
                f,
                "the file opens with \"{}\" where \"{}\" must stand: another format",
                found.escape_ascii(),
                wanted.escape_ascii()
            ),
            HeaderError::HeaderSize { stated } => {
                write!(f, "the file states a header of {stated} bytes, which cannot be")
            }
            HeaderError::RecordSize { stated } => {
                write!(f, "the file states records of {stated} bytes, which cannot be")
            }
        }
    }
}

impl core::error::Error for HeaderError {}

/// What both formats share in their first 16 bytes, checked.
pub(crate) fn parse_header(
    data: &[u8],
    magic: [u8; 4],
    header_bytes_min: u32,
    record_bytes_min: u32,
) -> Result<(u32, u32, u32), HeaderError> {
    let need = header_bytes_min as usize;
    let Some(&[m0, m1, m2, m3, h0, h1, h2, h3, r0, r1, r2, r3, v0, v1, v2, v3]) =
        data.get(..need).and_then(|d| d.first_chunk())
    else {
        return Err(HeaderError::TooShort { have: data.len(), need });
    };
    let found = [m0, m1, m2, m3];
    if found != magic {
        return Err(HeaderError::WrongMagic { found, wanted: magic });
    }
    let header_size = u32::from_le_bytes([h0, h1, h2, h3]);
    if !(header_bytes_min..=HEADER_BYTES_MAX).contains(&header_size) {
        return Err(HeaderError::HeaderSize { stated: header_size });
    }
    let record_size = u32::from_le_bytes([r0, r1, r2, r3]);
    if !(record_bytes_min..=RECORD_BYTES_MAX).contains(&record_size) {
        return Err(HeaderError::RecordSize { stated: record_size });
    }
    Ok((header_size, record_size, u32::from_le_bytes([v0, v1, v2, v3])))
}

/// The bytes behind the header, or how many are missing for the header to be whole.
pub(crate) fn body(data: &[u8], header_size: u32) -> Result<&[u8], HeaderError> {
    let need = header_size as usize;
    data.get(need..).ok_or(HeaderError::TooShort { have: data.len(), need })
}

/// Microseconds from 1899-12-30 to 1970-01-01, both 00:00 UTC.
pub const EPOCH_OFFSET_US: i64 = 2_209_161_600_000_000;

const US_PER_DAY: f64 = 86_400_000_000.0;

/// A date-time of either file as Unix nanoseconds.
///
/// The eight bytes hold an `i64` of microseconds since 1899-12-30 or, in old files, an `f64` of
/// days since then. The magnitude tells them apart: a sane integer is near 4e15, the bits of a
/// sane day number read as an integer are near 4.7e18. `None` for 0 (unset), for negative values
/// and for what is neither.
#[must_use]
pub fn unix_ns(raw: i64) -> Option<i64> {
    // Year 2262, the end of Unix nanoseconds in an i64.
    const US_END: i64 = i64::MAX / 1000;
    const DAYS_END: f64 = 132_000.0;

    if raw <= 0 {
        return None;
    }
    let us = if raw <= US_END + EPOCH_OFFSET_US {
        raw
    } else {
        let days = f64::from_bits(raw.cast_unsigned());
        if !(1.0..DAYS_END).contains(&days) {
            return None;
        }
        // Half up by hand: `f64::round` is not in `core`, and the value is positive.
        (days * US_PER_DAY + 0.5) as i64
    };
    us.checked_sub(EPOCH_OFFSET_US)?.checked_mul(1000)
}

/// Unix nanoseconds as either file writes them, rounded down to the microsecond.
///
/// The inverse of [`unix_ns`] for the integer form.
#[must_use]
pub fn from_unix_ns(unix_ns: i64) -> i64 {
    // |i64::MIN / 1000| is far below i64::MAX - EPOCH_OFFSET_US: this cannot overflow.
    unix_ns.div_euclid(1000) + EPOCH_OFFSET_US
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_by_magnitude() {
        assert_eq!(unix_ns(0), None);
        assert_eq!(unix_ns(-5), None);
        assert_eq!(unix_ns(EPOCH_OFFSET_US), Some(0));
        assert_eq!(unix_ns(EPOCH_OFFSET_US + 1), Some(1000));
        assert_eq!(unix_ns(1), Some((1 - EPOCH_OFFSET_US) * 1000));
        // 44,000.5 days: 2020-06-18 12:00 UTC.
        let bits = 44_000.5f64.to_bits().cast_signed();
        assert_eq!(unix_ns(bits), Some(1_592_481_600_000_000_000));
        for hostile in [f64::NAN, f64::INFINITY, 1e300, 0.5, 200_000.0] {
            assert_eq!(unix_ns(hostile.to_bits().cast_signed()), None, "{hostile}");
        }
        assert_eq!(unix_ns(i64::MAX), None);
    }

    #[test]
    fn the_last_integer_time_and_the_first_past_it() {
        let last = i64::MAX / 1000 + EPOCH_OFFSET_US;
        assert_eq!(unix_ns(last), Some(i64::MAX / 1000 * 1000));
        assert_eq!(unix_ns(last + 1), None);
    }

    #[test]
    fn writing_a_time_is_the_inverse_of_reading_it() {
        for ns in [0, 1_608_552_000_123_456_000, -1_000] {
            assert_eq!(unix_ns(from_unix_ns(ns)), Some(ns));
        }
        assert_eq!(from_unix_ns(i64::MAX) - EPOCH_OFFSET_US, i64::MAX / 1000);
        assert!(from_unix_ns(i64::MIN) < 0);
    }
}
