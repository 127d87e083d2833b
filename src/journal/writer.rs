//! Writes a journal.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U32, U64};

use super::record::{FileHeader, Kind, MAGIC, VERSION, append};

/// Bytes gathered before they go to the file.
const BUFFER_BYTES: usize = 1 << 18;

/// An open journal. What was handed to it and not yet flushed is lost in a crash; what was flushed
/// stays readable whatever comes after.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    bytes: u64,
}

impl Writer {
    /// Creates the file, which must not exist yet: a journal is never overwritten.
    ///
    /// # Errors
    /// With the path in its text.
    pub fn create(path: &Path, text: &str) -> io::Result<Writer> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| named(folder, &e))?;
        }
        let file =
            File::options().write(true).create_new(true).open(path).map_err(|e| named(path, &e))?;
        let mut writer = Writer {
            path: path.to_owned(),
            file,
            buffer: Vec::with_capacity(2 * BUFFER_BYTES),
            bytes: 0,
        };
        let header = FileHeader {
            magic: MAGIC,
            version: U32::new(VERSION),
            text_len: U32::new(u32::try_from(text.len()).unwrap_or(0)),
            check: U64::new(xxh3_64(text.as_bytes())),
        };
        writer.buffer.extend_from_slice(header.as_bytes());
        writer.buffer.extend_from_slice(text.as_bytes());
        let padded = writer.buffer.len().next_multiple_of(8);
        writer.buffer.resize(padded, 0);
        writer.flush()?;
        // The name must be on disk too before anything may rely on what stands behind it.
        writer.file.sync_all().map_err(|e| named(path, &e))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| named(folder, &e))?;
        Ok(writer)
    }

    /// Appends a record.
    ///
    /// # Errors
    /// Where the file cannot be written, such as on a full disk.
    pub fn append(
        &mut self,
        kind: Kind,
        source: u16,
        seq: u64,
        ts: i64,
        payload: &[u8],
    ) -> io::Result<()> {
        append(&mut self.buffer, kind, source, seq, ts, payload);
        self.spill()
    }

    /// Appends bytes that are whole records already.
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub fn append_framed(&mut self, records: &[u8]) -> io::Result<()> {
        if records.len() < BUFFER_BYTES {
            self.buffer.extend_from_slice(records);
            return self.spill();
        }
        // Too much to gather: straight to the file, behind what was gathered.
        self.flush()?;
        self.file.write_all(records).map_err(|e| named(&self.path, &e))?;
        self.bytes += records.len() as u64;
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    /// Hands everything to the operating system.
    ///
    /// # Errors
    /// As [`Writer::append`]. What could not be written is dropped: the caller must mark the run as
    /// not replayable from here.
    pub fn flush(&mut self) -> io::Result<()> {
        let result = self.file.write_all(&self.buffer).map_err(|e| named(&self.path, &e));
        if result.is_ok() {
            self.bytes += self.buffer.len() as u64;
        }
        self.buffer.clear();
        result
    }

    /// Flushes and waits until the disk has it.
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        self.file.sync_data().map_err(|e| named(&self.path, &e))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that the file has taken so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("journal {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::super::reader::{JournalError, Reader};
    use super::*;

    fn journal(name: &str) -> (Vec<u8>, usize) {
        let folder = std::env::temp_dir().join(format!("mia-{name}-{}", std::process::id()));
        let path = folder.join("a.mjrnl");
        let _ = std::fs::remove_file(&path);
        let mut writer = Writer::create(&path, "version = 1\n").expect("create");
        assert!(Writer::create(&path, "").is_err(), "never overwritten");
        for n in 0..20_u64 {
            let payload = vec![n as u8; n as usize];
            writer.append(Kind::Bytes, 1, n, 5, &payload).expect("append");
        }
        writer.sync().expect("sync");
        let data = std::fs::read(&path).expect("read");
        assert_eq!(data.len() as u64, writer.bytes());
        std::fs::remove_dir_all(folder).expect("clean up");
        let start = size_of::<FileHeader>() + "version = 1\n".len().next_multiple_of(8);
        (data, start)
    }

    /// A crash at any byte: the whole records before it are there, and nothing else.
    #[test]
    fn every_truncation_recovers() {
        let (data, start) = journal("truncated");
        let ends: Vec<usize> = {
            let mut at = start;
            let lens = (0..20_usize).map(|n| 32 + n.next_multiple_of(8));
            lens.map(|len| {
                at += len;
                at
            })
            .collect()
        };
        for cut in 0..=data.len() {
            let kept = &data[..cut];
            match Reader::open(kept) {
                Err(error) => {
                    assert!(cut < start, "{error}");
                    assert!(matches!(error, JournalError::NoJournal | JournalError::Header));
                }
                Ok(reader) => {
                    let records: Vec<_> = reader.records().collect();
                    let whole = ends.iter().filter(|&&end| end <= cut).count();
                    // Only the zero padding of the last record may be missing.
                    assert!(records.len() == whole || records.len() == whole + 1, "{cut}");
                    for (n, record) in records.iter().enumerate() {
                        assert_eq!(record.payload, vec![n as u8; n]);
                    }
                }
            }
        }
        assert_eq!(Reader::open(&data).expect("whole").torn_bytes(), 0);
    }

    #[test]
    fn a_flipped_bit_ends_the_reading() {
        let (mut data, _) = journal("flipped");
        let at = data.len() - 12;
        data[at] ^= 1;
        let reader = Reader::open(&data).expect("header is good");
        assert_eq!(reader.records().count(), 19);
        assert!(reader.torn_bytes() > 0);
        data[8] = 9;
        assert_eq!(Reader::open(&data).err(), Some(JournalError::Version(9)));
    }
}
