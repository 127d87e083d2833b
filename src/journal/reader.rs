//! Reads a journal in place.

use xxhash_rust::xxh3::xxh3_64;
use zerocopy::FromBytes;

use super::record::{
    FileHeader, HEADER_BYTES, Kind, MAGIC, PAYLOAD_MAX, Record, RecordHeader, SOURCE_WARMUP,
    VERSION, check,
};

/// Why a journal cannot be read at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalError {
    /// It does not start like a journal.
    NoJournal,
    /// It is of another version of the format.
    Version(u32),
    /// Its header text is cut off or damaged: not even the start was written.
    Header,
}

impl std::fmt::Display for JournalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            JournalError::NoJournal => f.write_str("not a mia journal (no MIAJRNL at its start)"),
            JournalError::Version(v) => {
                write!(
                    f,
                    "journal format {v}, this build reads {VERSION}: use the build that wrote it"
                )
            }
            JournalError::Header => f.write_str("the journal's header is cut off or damaged"),
        }
    }
}

impl std::error::Error for JournalError {}

/// A journal in memory.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    text: &'a str,
    body: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Opens `data`.
    ///
    /// # Errors
    /// [`JournalError`] where not even the header is good.
    pub fn open(data: &'a [u8]) -> Result<Reader<'a>, JournalError> {
        let (header, rest) =
            FileHeader::read_from_prefix(data).map_err(|_| JournalError::NoJournal)?;
        if header.magic != MAGIC {
            return Err(JournalError::NoJournal);
        }
        if header.version.get() != VERSION {
            return Err(JournalError::Version(header.version.get()));
        }
        let len = header.text_len.get() as usize;
        let text = rest.get(..len).ok_or(JournalError::Header)?;
        if xxh3_64(text) != header.check.get() {
            return Err(JournalError::Header);
        }
        let text = std::str::from_utf8(text).map_err(|_| JournalError::Header)?;
        let body = rest.get(len.next_multiple_of(8)..).unwrap_or_default();
        Ok(Reader { text, body })
    }

    /// A journal without records.
    #[must_use]
    pub const fn described(text: &'a str) -> Reader<'a> {
        Reader { text, body: &[] }
    }

    /// The self-description (TOML).
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// Its records, in order, up to the first that does not check.
    #[must_use]
    pub const fn records(&self) -> Records<'a> {
        Records { rest: self.body }
    }

    /// Bytes after the last whole record: a crash's torn end, 0 after an orderly stop.
    #[must_use]
    pub fn torn_bytes(&self) -> usize {
        let mut records = self.records();
        while records.next().is_some() {}
        records.rest.len()
    }
}

/// Iterator over records.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let (header, body) = RecordHeader::read_from_prefix(self.rest).ok()?;
        let len = header.len.get() as usize;
        if len > PAYLOAD_MAX {
            return None;
        }
        let payload = body.get(..len)?;
        if check(&header, payload) != header.check.get() {
            return None;
        }
        let kind = Kind::from_code(header.kind.get())?;
        // The padding of the very last record may be missing; the record itself is whole.
        let next = (HEADER_BYTES + len.next_multiple_of(8)).min(self.rest.len());
        self.rest = self.rest.get(next..).unwrap_or_default();
        let (source, seq, ts) = (header.source.get(), header.seq.get(), header.ts.get());
        let warmup = source & SOURCE_WARMUP != 0;
        Some(Record { kind, source: source & !SOURCE_WARMUP, warmup, seq, ts, payload })
    }
}

/// Fuzz body: any bytes are read without a panic, and a record that is found checks out again.
#[doc(hidden)]
pub fn fuzz_journal(data: &[u8]) {
    let mut whole = Vec::new();
    if let Ok(reader) = Reader::open(data) {
        for record in reader.records() {
            super::record::append(
                &mut whole,
                record.kind,
                record.source,
                record.seq,
                record.ts,
                record.payload,
            );
        }
        let again = Records { rest: &whole }.count();
        assert_eq!(again, reader.records().count());
    }
    // The checksums keep random bytes out of the events, so these are tried directly.
    for chunk in data.chunks_exact(super::event::PACKED_BYTES) {
        if let Ok(packed) = super::event::PackedEvent::read_from_bytes(chunk)
            && let Some(event) = packed.unpack(1)
        {
            assert_eq!(super::event::pack(&event).unpack(1), Some(event));
        }
    }
}
