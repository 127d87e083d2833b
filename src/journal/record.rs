//! One record of the journal, as bytes.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};
use zerocopy::little_endian::{I64, U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// First bytes of every journal.
pub const MAGIC: [u8; 8] = *b"MIAJRNL\0";
/// Version of the format written here; other versions are refused.
pub const VERSION: u32 = 3;
/// Bytes of a record header.
pub const HEADER_BYTES: usize = 32;
/// Bit of [`RecordHeader::source`]: these bytes were read before the start (history), and their
/// events carry the warm-up flag.
pub const SOURCE_WARMUP: u16 = 1 << 15;
/// Longest payload of one record.
pub const PAYLOAD_MAX: usize = 1 << 24;

/// Start of the file. The text follows, zero-padded to a multiple of 8.
#[repr(C)]
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
pub struct FileHeader {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`VERSION`].
    pub version: U32,
    /// Bytes of the text.
    pub text_len: U32,
    /// XXH3 of the text.
    pub check: U64,
}

/// Start of a record. The payload follows, zero-padded to a multiple of 8.
#[repr(C)]
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
pub struct RecordHeader {
    /// Bytes of the payload.
    pub len: U32,
    /// [`Kind`].
    pub kind: U16,
    /// Which source of the run, 0 when none; see [`SOURCE_WARMUP`].
    pub source: U16,
    /// Sequence number of the first event in the payload, or the one an output belongs to.
    pub seq: U64,
    /// Receive time, Unix ns.
    pub ts: I64,
    /// XXH3 of the payload, seeded with XXH3 of the 24 bytes before.
    pub check: U64,
}

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Kind {
    /// Something that reaches the core and is no event: name, NUL, content.
    State = 1,
    /// An integer stands for a text from here on: see [`Bind`].
    Bind = 2,
    /// Bytes of a socket or followed file as one read brought them.
    Bytes = 3,
    /// Events that have no bytes of their own: Timers, gaps, halts, a file's levels.
    Events = 4,
    /// A source connected anew: what it had read of an unfinished message is void.
    Connected = 5,
    /// Content of a context version.
    Context = 6,
    /// The decision used context version `payload` from event `seq` on.
    Adopt = 7,
    /// A signal.
    Signal = 8,
    /// The running digest after event `seq`.
    Digest = 9,
    /// The run ended in order; nothing follows.
    End = 10,
    /// An order message that the decision gave out: its words, see
    /// [`crate::order::Command::words`].
    Command = 11,
    /// One that the simulated exchange of a paper run took: it was never sent. Its words likewise.
    Simulated = 12,
}

impl Kind {
    /// The kind of a code.
    #[must_use]
    pub const fn from_code(code: u16) -> Option<Kind> {
        Some(match code {
            1 => Kind::State,
            2 => Kind::Bind,
            3 => Kind::Bytes,
            4 => Kind::Events,
            5 => Kind::Connected,
            6 => Kind::Context,
            7 => Kind::Adopt,
            8 => Kind::Signal,
            9 => Kind::Digest,
            10 => Kind::End,
            11 => Kind::Command,
            12 => Kind::Simulated,
            _ => return None,
        })
    }
}

/// What a source's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum SourceKind {
    /// DTC frames.
    Dtc = 1,
    /// `.scid` records without their header.
    Scid = 2,
    /// `.depth` records without their header.
    Depth = 3,
}

/// Payload of a [`Kind::Bind`] record: symbol `symbol` of the run is `wire_id` at this source.
#[repr(C)]
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
pub struct Bind {
    /// [`SourceKind`].
    pub source_kind: U16,
    /// Index in the run's symbol list.
    pub symbol: U16,
    /// Number on the wire; 0 for files.
    pub wire_id: U32,
}

/// A record in place.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// What it holds.
    pub kind: Kind,
    /// Which source, without [`SOURCE_WARMUP`].
    pub source: u16,
    /// Whether the bytes were read before the start.
    pub warmup: bool,
    /// See [`RecordHeader::seq`].
    pub seq: u64,
    /// Receive time.
    pub ts: i64,
    /// Content.
    pub payload: &'a [u8],
}

/// Bytes of a record with a payload of `len` bytes.
#[must_use]
pub const fn record_bytes(len: usize) -> usize {
    HEADER_BYTES + len.next_multiple_of(8)
}

/// The header of a record; `payload` must not be longer than [`PAYLOAD_MAX`].
#[must_use]
pub fn header(kind: Kind, source: u16, seq: u64, ts: i64, payload: &[u8]) -> RecordHeader {
    let mut header = RecordHeader {
        len: U32::new(u32::try_from(payload.len()).unwrap_or(0)),
        kind: U16::new(kind as u16),
        source: U16::new(source),
        seq: U64::new(seq),
        ts: I64::new(ts),
        check: U64::new(0),
    };
    header.check = U64::new(check(&header, payload));
    header
}

/// The checksum that belongs to `header` and `payload`.
#[must_use]
pub fn check(header: &RecordHeader, payload: &[u8]) -> u64 {
    let stated = header.as_bytes().first_chunk::<24>();
    xxh3_64_with_seed(payload, xxh3_64(stated.map_or(&[], |s| s.as_slice())))
}

/// Appends a whole record to `out`.
pub fn append(out: &mut Vec<u8>, kind: Kind, source: u16, seq: u64, ts: i64, payload: &[u8]) {
    out.extend_from_slice(header(kind, source, seq, ts, payload).as_bytes());
    out.extend_from_slice(payload);
    out.resize(out.len().next_multiple_of(8), 0);
}
