//! `.depth`: changes of the order book, one 24-byte record each.
//!
//! Sierra writes one file for each symbol and UTC day. About every ten minutes it stores the whole
//! book (a clear, then adds); between those come changes. Both end with a record that carries the
//! end-of-batch flag, and only there is the book a book. Adds and changes are best taken alike,
//! as "this price now has this quantity".

use super::{HeaderError, body, parse_header};
use zerocopy::little_endian::{F32, I64, U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The first four bytes of the file, 0x44444353 as a little-endian integer.
pub const MAGIC: [u8; 4] = *b"SCDD";

/// Header size of the files Sierra writes today, bytes.
pub const HEADER_BYTES: u32 = 64;

/// Record size of the files Sierra writes today, bytes.
pub const RECORD_BYTES: u32 = 24;

/// Below this a header cannot hold its fixed fields, bytes.
pub const HEADER_BYTES_MIN: u32 = 16;

/// Bit of [`Record::flags`]: the batch ends with this record.
pub const FLAG_END_OF_BATCH: u8 = 0x01;

/// Why the front of a file is not that of a `.depth`.
pub type DepthError = HeaderError;

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Where the first record starts, bytes.
    pub header_size: u32,
    /// From one record to the next, bytes; 24 are known, more are skipped.
    pub record_size: u32,
    /// Format version; 1 is the one known.
    pub version: u32,
}

impl Header {
    /// The header of the files Sierra writes today.
    pub const DEFAULT: Header =
        Header { header_size: HEADER_BYTES, record_size: RECORD_BYTES, version: 1 };

    /// Reads the header from the front of a file; at least [`HEADER_BYTES_MIN`] bytes.
    ///
    /// # Errors
    /// See [`HeaderError`]. That the file is as long as its stated header is for [`records`].
    pub fn parse(data: &[u8]) -> Result<Header, DepthError> {
        let (header_size, record_size, version) =
            parse_header(data, MAGIC, HEADER_BYTES_MIN, RECORD_BYTES)?;
        Ok(Header { header_size, record_size, version })
    }

    /// The 64 bytes of a header as Sierra writes it, for programs that write such files.
    #[must_use]
    pub fn to_bytes(self) -> [u8; HEADER_BYTES as usize] {
        let [h0, h1, h2, h3] = self.header_size.to_le_bytes();
        let [r0, r1, r2, r3] = self.record_size.to_le_bytes();
        let [v0, v1, v2, v3] = self.version.to_le_bytes();
        let [m0, m1, m2, m3] = MAGIC;
        let fixed = [m0, m1, m2, m3, h0, h1, h2, h3, r0, r1, r2, r3, v0, v1, v2, v3];
        let mut bytes = [0; HEADER_BYTES as usize];
        for (to, from) in bytes.iter_mut().zip(fixed) {
            *to = from;
        }
        bytes
    }
}

/// Goes over the whole records of a file held in memory.
///
/// # Errors
/// See [`HeaderError`]; also when the file ends before its stated header does.
pub fn records(data: &[u8]) -> Result<Records<'_>, DepthError> {
    let header = Header::parse(data)?;
    Ok(Records::new(body(data, header.header_size)?, header.record_size))
}

/// Iterator over whole records; see [`records`].
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
    stride: usize,
}

impl<'a> Records<'a> {
    /// Over bytes that start at a record, as the follower gives them. `record_size` is the
    /// header's; less than 24 is taken as 24.
    #[must_use]
    pub fn new(body: &'a [u8], record_size: u32) -> Self {
        Records { rest: body, stride: record_size.max(RECORD_BYTES) as usize }
    }

    /// Bytes of a last record that is not whole: 0 to one less than a record.
    #[must_use]
    pub fn remainder(&self) -> usize {
        self.rest.len() % self.stride
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    #[inline]
    fn next(&mut self) -> Option<Record> {
        let (record, rest) = self.rest.split_at_checked(self.stride)?;
        self.rest = rest;
        Record::parse(record)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.rest.len() / self.stride;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Records<'_> {}

/// One record: the raw fields, judged by nobody.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record {
    /// Raw date-time, microseconds since 1899-12-30; see [`Record::unix_ns`].
    pub time_us: i64,
    /// Raw command; see [`Record::kind`].
    pub command: u8,
    /// Bits; [`FLAG_END_OF_BATCH`] is the one known.
    pub flags: u8,
    /// Orders at this price; 0 when not known.
    pub num_orders: u16,
    /// The price that changes; without meaning in a clear.
    pub price: f32,
    /// Contracts at this price from now on; without meaning in a delete.
    pub quantity: u32,
}

/// What a record does to the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Nothing (the record may still end a batch).
    None,
    /// Empties both sides.
    ClearBook,
    /// A new bid price.
    AddBid,
    /// A new ask price.
    AddAsk,
    /// A new quantity at a bid price.
    ModifyBid,
    /// A new quantity at an ask price.
    ModifyAsk,
    /// A bid price is gone.
    DeleteBid,
    /// An ask price is gone.
    DeleteAsk,
}

impl Command {
    /// From the code in the file; `None` when the code is not one of 0 to 7.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Command> {
        Some(match code {
            0 => Command::None,
            1 => Command::ClearBook,
            2 => Command::AddBid,
            3 => Command::AddAsk,
            4 => Command::ModifyBid,
            5 => Command::ModifyAsk,
            6 => Command::DeleteBid,
            7 => Command::DeleteAsk,
            _ => return None,
        })
    }

    /// The code in the file, 0 to 7.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl Record {
    /// Reads a record from at least 24 bytes; `None` when there are fewer.
    #[inline]
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Record> {
        let (raw, _) = Raw::read_from_prefix(bytes).ok()?;
        Some(Record {
            time_us: raw.date_time.get(),
            command: raw.command,
            flags: raw.flags,
            num_orders: raw.num_orders.get(),
            price: raw.price.get(),
            quantity: raw.quantity.get(),
        })
    }

    /// The 24 bytes of this record, for programs that write such files.
    #[must_use]
    pub fn to_bytes(self) -> [u8; RECORD_BYTES as usize] {
        let raw = Raw {
            date_time: self.time_us.into(),
            command: self.command,
            flags: self.flags,
            num_orders: self.num_orders.into(),
            price: self.price.into(),
            quantity: self.quantity.into(),
            reserved: U32::ZERO,
        };
        zerocopy::transmute!(raw)
    }

    /// The record's time as Unix nanoseconds; `None` when unset or absurd. See
    /// [`super::unix_ns`].
    #[inline]
    #[must_use]
    pub fn unix_ns(&self) -> Option<i64> {
        super::unix_ns(self.time_us)
    }

    /// What this record does; `None` when its code is unknown, which a reader skips and counts.
    #[inline]
    #[must_use]
    pub fn kind(&self) -> Option<Command> {
        Command::from_code(self.command)
    }

    /// Whether the book is whole again after this record.
    #[inline]
    #[must_use]
    pub fn is_end_of_batch(&self) -> bool {
        self.flags & FLAG_END_OF_BATCH != 0
    }
}

/// The record as it lies in the file: all little-endian, no padding.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
struct Raw {
    date_time: I64,
    command: u8,
    flags: u8,
    num_orders: U16,
    price: F32,
    quantity: U32,
    reserved: U32,
}

const _: () = assert!(size_of::<Raw>() == RECORD_BYTES as usize);

/// Fuzz body: any bytes give records or an error, and the counts add up.
///
/// # Panics
/// When they do not, which is the finding.
#[doc(hidden)]
pub fn fuzz_depth(data: &[u8]) {
    let Ok(header) = Header::parse(data) else {
        assert!(records(data).is_err(), "no header, no records");
        return;
    };
    assert_eq!(Header::parse(&header.to_bytes()), Ok(header), "a header survives the round trip");
    let Ok(mut all) = records(data) else {
        assert!(data.len() < header.header_size as usize, "only a short file is refused here");
        return;
    };
    let (expected, remainder) = (all.len(), all.remainder());
    let mut count = 0;
    for record in all.by_ref() {
        count += 1;
        let bytes = record.to_bytes();
        let again = Record::parse(&bytes).expect("24 bytes are a record");
        assert_eq!(again.to_bytes(), bytes, "a record survives the round trip");
        assert_eq!(record.kind().is_some(), record.command < 8, "eight commands and no more");
        if let Some(command) = record.kind() {
            assert_eq!(command.code(), record.command);
        }
    }
    assert_eq!(count, expected, "as many records as stated beforehand");
    assert_eq!(all.remainder(), remainder, "what is left over stays left over");
    assert_eq!(
        header.header_size as usize + count * header.record_size as usize + remainder,
        data.len(),
        "every byte is in the header, in a record or left over"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: Record = Record {
        time_us: super::super::EPOCH_OFFSET_US + 1_000_000,
        command: 4,
        flags: FLAG_END_OF_BATCH,
        num_orders: 0x0102,
        price: 4800.25,
        quantity: 0x0304_0506,
    };

    #[test]
    fn golden_bytes() {
        let bytes = RECORD.to_bytes();
        assert_eq!(bytes[8..12], [4, 1, 2, 1]);
        assert_eq!(bytes[12..16], 4800.25f32.to_le_bytes());
        assert_eq!(bytes[16..], [6, 5, 4, 3, 0, 0, 0, 0]);
        assert_eq!(Record::parse(&bytes), Some(RECORD));
        assert_eq!(Record::parse(&bytes[..23]), None);
        assert_eq!(RECORD.unix_ns(), Some(1_000_000_000));
        assert_eq!(u32::from_le_bytes(MAGIC), 0x4444_4353);
    }

    #[test]
    fn commands_and_flags() {
        assert_eq!(RECORD.kind(), Some(Command::ModifyBid));
        assert!(RECORD.is_end_of_batch());
        assert!(!Record { flags: 0xFE, ..RECORD }.is_end_of_batch());
        for code in 0..=255u8 {
            let command = Command::from_code(code);
            assert_eq!(command.map(Command::code), (code < 8).then_some(code));
        }
    }

    #[test]
    fn a_hostile_header_is_refused() {
        let refuse = |header_size, record_size, error| {
            let header = Header { header_size, record_size, version: 1 };
            assert_eq!(records(&header.to_bytes()).err(), Some(error));
        };
        refuse(15, 24, DepthError::HeaderSize { stated: 15 });
        refuse(65, 24, DepthError::TooShort { have: 64, need: 65 });
        refuse(64, 23, DepthError::RecordSize { stated: 23 });
        refuse(64, 4097, DepthError::RecordSize { stated: 4097 });
        let wrong = DepthError::WrongMagic { found: *b"SCID", wanted: MAGIC };
        assert_eq!(Header::parse(b"SCID567890123456").err(), Some(wrong));
    }

    #[test]
    fn the_fuzz_body_runs_on_whole_and_cut_files() {
        let mut bytes = Header::DEFAULT.to_bytes().to_vec();
        bytes.extend_from_slice(&RECORD.to_bytes());
        bytes.extend_from_slice(&Record { command: 9, ..RECORD }.to_bytes());
        for end in 0..=bytes.len() {
            fuzz_depth(&bytes[..end]);
        }
    }
}
