//! `.scid`: trades or bars, one 40-byte record each.
//!
//! The file opens with a header of usually 56 bytes, and both sizes are taken from it, never
//! assumed. A record serves several purposes and [`Record::kind`] says which: a single trade with
//! the quote at its time, a part of an unbundled trade, a change of the quote alone, or a bar.
//!
//! Trades of the same millisecond are told apart by the microseconds, which count them instead of
//! measuring them.

use super::{HeaderError, body, parse_header};
use zerocopy::little_endian::{F32, I64, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub use super::EPOCH_OFFSET_US;

/// The first four bytes of the file.
pub const MAGIC: [u8; 4] = *b"SCID";

/// Header size of the files Sierra writes today, bytes.
pub const HEADER_BYTES: u32 = 56;

/// Record size of the files Sierra writes today, bytes.
pub const RECORD_BYTES: u32 = 40;

/// Below this a header cannot hold its fixed fields, bytes.
pub const HEADER_BYTES_MIN: u32 = 20;

/// `Open` of the first sub-trade of an unbundled trade, as bits of an `f32` (about -1.999e37).
pub const OPEN_FIRST_SUB_TRADE: u32 = 0xFD70_9EF9;

/// `Open` of the last sub-trade of an unbundled trade, as bits of an `f32` (about -1.999e37).
pub const OPEN_LAST_SUB_TRADE: u32 = 0xFD70_9F01;

/// Why the front of a file is not that of a `.scid`.
pub type ScidError = HeaderError;

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Where the first record starts, bytes.
    pub header_size: u32,
    /// From one record to the next, bytes; 40 are known, more are skipped.
    pub record_size: u32,
    /// Format version; 1 in every file seen.
    pub version: u16,
}

impl Header {
    /// The header of the files Sierra writes today.
    pub const DEFAULT: Header =
        Header { header_size: HEADER_BYTES, record_size: RECORD_BYTES, version: 1 };

    /// Reads the header from the front of a file; at least [`HEADER_BYTES_MIN`] bytes.
    ///
    /// # Errors
    /// See [`HeaderError`]. That the file is as long as its stated header is for [`records`].
    pub fn parse(data: &[u8]) -> Result<Header, ScidError> {
        let (header_size, record_size, version) =
            parse_header(data, MAGIC, HEADER_BYTES_MIN, RECORD_BYTES)?;
        // The upper half of these four bytes is unused.
        let version = (version & 0xFFFF) as u16;
        Ok(Header { header_size, record_size, version })
    }

    /// The 56 bytes of a header as Sierra writes it, for programs that write such files.
    #[must_use]
    pub fn to_bytes(self) -> [u8; HEADER_BYTES as usize] {
        let [h0, h1, h2, h3] = self.header_size.to_le_bytes();
        let [r0, r1, r2, r3] = self.record_size.to_le_bytes();
        let [v0, v1] = self.version.to_le_bytes();
        let fixed = [b'S', b'C', b'I', b'D', h0, h1, h2, h3, r0, r1, r2, r3, v0, v1];
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
pub fn records(data: &[u8]) -> Result<Records<'_>, ScidError> {
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
    /// header's; less than 40 is taken as 40.
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

/// One record: the raw fields, judged by nobody but [`Record::kind`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record {
    /// Raw date-time, microseconds since 1899-12-30; see [`Record::unix_ns`].
    pub time_us: i64,
    /// `open` as it stood in the file, for exact comparison with the sentinels.
    pub open_bits: u32,
    /// Bar: opening price. Single trade: 0. Sub-trade: a sentinel, see `open_bits`.
    pub open: f32,
    /// Bar: highest price. Single trade: ask at its time.
    pub high: f32,
    /// Bar: lowest price. Single trade: bid at its time.
    pub low: f32,
    /// Bar: last price. Single trade: its price.
    pub close: f32,
    /// Number of trades; 1 for a single trade.
    pub num_trades: u32,
    /// Contracts in all.
    pub total_volume: u32,
    /// Contracts traded at the bid or below: the seller was the aggressor.
    pub bid_volume: u32,
    /// Contracts traded at the ask or above: the buyer was the aggressor.
    pub ask_volume: u32,
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One trade (or one part of an unbundled one) with the quote at its time.
    Trade(Unbundled),
    /// A new quote without a trade: `low` is the bid, `high` the ask.
    BidAsk,
    /// A bar over some time. The last one of a file may be rewritten in place.
    Bar,
    /// A volume above `i32::MAX`, a price that is no number, or a sentinel in a bar: not usable.
    Garbage,
}

/// Which part of an unbundled trade a trade is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unbundled {
    /// Not marked.
    None,
    /// The first sub-trade.
    First,
    /// The last sub-trade.
    Last,
}

impl Record {
    /// Reads a record from at least 40 bytes; `None` when there are fewer.
    #[inline]
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Record> {
        let (raw, _) = Raw::read_from_prefix(bytes).ok()?;
        let open = raw.open.get();
        Some(Record {
            time_us: raw.date_time.get(),
            open_bits: raw.open.get().to_bits(),
            open,
            high: raw.high.get(),
            low: raw.low.get(),
            close: raw.close.get(),
            num_trades: raw.num_trades.get(),
            total_volume: raw.total_volume.get(),
            bid_volume: raw.bid_volume.get(),
            ask_volume: raw.ask_volume.get(),
        })
    }

    /// The 40 bytes of this record, for programs that write such files. `open_bits` is what is
    /// written, not `open`.
    #[must_use]
    pub fn to_bytes(self) -> [u8; RECORD_BYTES as usize] {
        let raw = Raw {
            date_time: self.time_us.into(),
            open: f32::from_bits(self.open_bits).into(),
            high: self.high.into(),
            low: self.low.into(),
            close: self.close.into(),
            num_trades: self.num_trades.into(),
            total_volume: self.total_volume.into(),
            bid_volume: self.bid_volume.into(),
            ask_volume: self.ask_volume.into(),
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

    /// What this record is. Each record has one kind, whatever its bytes.
    #[inline]
    #[must_use]
    pub fn kind(&self) -> Kind {
        const VOLUME_MAX: u32 = i32::MAX.cast_unsigned();
        if self.total_volume.max(self.bid_volume).max(self.ask_volume) > VOLUME_MAX
            || !(self.high.is_finite() && self.low.is_finite() && self.close.is_finite())
        {
            return Kind::Garbage;
        }
        if self.num_trades == 1 && self.total_volume == 0 && self.high != 0.0 && self.low != 0.0 {
            return Kind::BidAsk;
        }
        match (self.num_trades, self.open_bits) {
            (1, OPEN_FIRST_SUB_TRADE) => Kind::Trade(Unbundled::First),
            (1, OPEN_LAST_SUB_TRADE) => Kind::Trade(Unbundled::Last),
            (1, _) if self.open == 0.0 => Kind::Trade(Unbundled::None),
            (_, OPEN_FIRST_SUB_TRADE | OPEN_LAST_SUB_TRADE) => Kind::Garbage,
            _ if self.open.is_finite() => Kind::Bar,
            _ => Kind::Garbage,
        }
    }
}

/// The record as it lies in the file: all little-endian, no padding.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
struct Raw {
    date_time: I64,
    open: F32,
    high: F32,
    low: F32,
    close: F32,
    num_trades: U32,
    total_volume: U32,
    bid_volume: U32,
    ask_volume: U32,
}

const _: () = assert!(size_of::<Raw>() == RECORD_BYTES as usize);

/// Fuzz body: any bytes give records or an error, and the counts add up.
///
/// # Panics
/// When they do not, which is the finding.
#[doc(hidden)]
pub fn fuzz_scid(data: &[u8]) {
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
        let again = Record::parse(&bytes).expect("40 bytes are a record");
        assert_eq!(again.to_bytes(), bytes, "a record survives the round trip");
        if let Kind::Trade(part) = record.kind() {
            assert_eq!(record.num_trades, 1);
            let plain = record.open == 0.0;
            assert_eq!(part == Unbundled::None, plain, "only a zero open is a plain trade");
        }
        if let Some(ns) = record.unix_ns() {
            assert_eq!(super::unix_ns(super::from_unix_ns(ns)), Some(ns));
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
    use alloc::vec::Vec;

    fn trade() -> Record {
        Record {
            time_us: EPOCH_OFFSET_US + 7,
            open_bits: 0,
            open: 0.0,
            high: 100.25,
            low: 100.0,
            close: 100.25,
            num_trades: 1,
            total_volume: 3,
            bid_volume: 0,
            ask_volume: 3,
        }
    }

    fn opened(bits: u32) -> Record {
        Record { open_bits: bits, open: f32::from_bits(bits), ..trade() }
    }

    fn file(header_size: u32, record_size: u32, records: &[Record], tail: usize) -> Vec<u8> {
        let header = Header { header_size, record_size, version: 1 };
        let mut bytes = header.to_bytes().to_vec();
        bytes.resize(header_size as usize, 0xEE);
        for record in records {
            bytes.extend_from_slice(&record.to_bytes());
            bytes.resize(bytes.len() + record_size as usize - 40, 0xEE);
        }
        bytes.resize(bytes.len() + tail, 0xEE);
        bytes
    }

    #[test]
    fn every_kind() {
        assert_eq!(trade().kind(), Kind::Trade(Unbundled::None));
        assert_eq!(opened(OPEN_FIRST_SUB_TRADE).kind(), Kind::Trade(Unbundled::First));
        assert_eq!(opened(OPEN_LAST_SUB_TRADE).kind(), Kind::Trade(Unbundled::Last));
        assert_eq!(opened(99f32.to_bits()).kind(), Kind::Bar);
        assert_eq!(Record { num_trades: 12, ..opened(99f32.to_bits()) }.kind(), Kind::Bar);
        assert_eq!(Record { total_volume: 0, ask_volume: 0, ..trade() }.kind(), Kind::BidAsk);
    }

    #[test]
    fn a_neighbour_of_a_sentinel_is_not_the_sentinel() {
        for bits in [OPEN_FIRST_SUB_TRADE, OPEN_LAST_SUB_TRADE] {
            for near in [bits - 1, bits + 1] {
                assert_eq!(opened(near).kind(), Kind::Bar, "{near:#x}");
            }
        }
    }

    #[test]
    fn garbage_is_named() {
        for bad in [
            Record { total_volume: 1 << 31, ..trade() },
            Record { bid_volume: u32::MAX, ..trade() },
            Record { ask_volume: u32::MAX, ..trade() },
            Record { close: f32::NAN, ..trade() },
            Record { high: f32::INFINITY, ..trade() },
            Record { num_trades: 2, ..opened(OPEN_FIRST_SUB_TRADE) },
            opened(f32::NAN.to_bits()),
        ] {
            assert_eq!(bad.kind(), Kind::Garbage, "{bad:?}");
        }
        let largest = i32::MAX.cast_unsigned();
        assert_ne!(Record { total_volume: largest, ..trade() }.kind(), Kind::Garbage);
    }

    #[test]
    fn sizes_come_from_the_file() {
        for (header_size, record_size, tail) in [(56, 40, 0), (56, 48, 47), (4096, 4096, 39)] {
            let bytes = file(header_size, record_size, &[trade(), opened(0x4200_0000)], tail);
            let mut all = records(&bytes).unwrap();
            assert_eq!((all.len(), all.remainder()), (2, tail));
            assert_eq!(all.next(), Some(trade()));
            assert_eq!(all.next().map(|r| r.kind()), Some(Kind::Bar));
            assert_eq!((all.next(), all.remainder()), (None, tail));
        }
    }

    #[test]
    fn a_hostile_header_is_refused() {
        let refuse = |header_size, record_size, error| {
            let header = Header { header_size, record_size, version: 1 };
            assert_eq!(records(&header.to_bytes()).err(), Some(error));
        };
        refuse(19, 40, ScidError::HeaderSize { stated: 19 });
        refuse(u32::MAX, 40, ScidError::HeaderSize { stated: u32::MAX });
        refuse(56, 0, ScidError::RecordSize { stated: 0 });
        refuse(56, 39, ScidError::RecordSize { stated: 39 });
        refuse(56, u32::MAX, ScidError::RecordSize { stated: u32::MAX });
        refuse(57, 40, ScidError::TooShort { have: 56, need: 57 });
        let wrong = ScidError::WrongMagic { found: *b"SCDD", wanted: MAGIC };
        assert_eq!(Header::parse(b"SCDD4567890123456789").err(), Some(wrong));
        assert_eq!(Header::parse(b"SCID").err(), Some(ScidError::TooShort { have: 4, need: 20 }));
    }

    #[test]
    fn the_fuzz_body_runs_on_whole_and_cut_files() {
        let bytes = file(56, 44, &[trade(), opened(OPEN_LAST_SUB_TRADE)], 3);
        for end in 0..=bytes.len() {
            fuzz_scid(&bytes[..end]);
        }
    }
}
