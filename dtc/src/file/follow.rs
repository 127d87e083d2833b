//! Follows a file that another program appends to.
//!
//! Call [`Follower::poll`] as often as news is wanted; each call does bounded work and says what
//! it found. Only whole records are given; the front part of one waits for its rest. A file that
//! is not there yet, one that becomes shorter and one that is replaced by another are ordinary
//! answers, no errors: after [`Progress::Truncated`] and [`Progress::Replaced`] the follower
//! starts again at the front, and so must whoever keeps a state made of the records.
//!
//! A file rewritten to at least its old length between two polls shows neither in its length nor
//! in its identity. Therefore each read begins with the last record given before, whose date-time
//! must still be the same. What is not noticed is a change inside records already given: a last
//! bar rewritten in place, for which there is no remedy here.

use super::{HEADER_BYTES_MAX, HeaderError, RECORD_BYTES_MAX, depth, scid};
use alloc::vec::Vec;
use core::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Which format the file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// See [`scid`].
    Scid,
    /// See [`depth`].
    Depth,
}

/// Where to start in a file that has records already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At its first record.
    Beginning,
    /// Behind its last whole record. This holds for the first opening only: a file that was
    /// truncated or replaced is read from its beginning.
    End,
}

/// What one poll found.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// There is no such file (yet, or any more). Poll again later.
    Missing,
    /// The file is open and its header is good. Poll again at once.
    Opened {
        /// From one record to the next, bytes.
        record_size: u32,
    },
    /// Whole records; poll again at once, there may be more.
    Records {
        /// One or more records, each of `record_size` bytes.
        bytes: &'a [u8],
        /// From one record to the next, bytes.
        record_size: u32,
    },
    /// Nothing new. Poll again later.
    Idle,
    /// The file became shorter than what was read of it. The next poll starts at its front.
    Truncated,
    /// Another file has taken the place of this one, or its content was rewritten. The next poll
    /// starts at its front.
    Replaced,
}

/// Why a poll failed. The follower stays usable: the next poll opens the file again.
#[derive(Debug)]
pub enum FollowError {
    /// The operating system refused; which step and why.
    Io {
        /// `"open"`, `"examine"` or `"read"`.
        step: &'static str,
        /// Its reason.
        error: io::Error,
    },
    /// The front of the file is not the header of its format.
    Header(HeaderError),
}

impl fmt::Display for FollowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FollowError::Io { step, error } => write!(f, "cannot {step} the file: {error}"),
            FollowError::Header(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for FollowError {}

/// Reads what another program appends to a `.scid` or `.depth` file.
///
/// Allocates in [`Follower::new`] only; on paths of 384 bytes and more the standard library
/// allocates once for each poll that finds nothing new.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    kind: FileKind,
    start: Start,
    open: Option<Open>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Open {
    file: File,
    identity: Identity,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The header has not been seen yet.
    Header,
    Records {
        record_size: u32,
        /// Where the next record starts, bytes.
        offset: u64,
        /// Date-time bytes of the record before `offset`; `None` while that is not known.
        last_time: Option<[u8; 8]>,
    },
}

impl Follower {
    /// Prepares to follow `path`, which need not exist. `chunk_bytes` bounds what one poll gives
    /// and is raised to one record at least.
    #[must_use]
    pub fn new(path: &Path, kind: FileKind, start: Start, chunk_bytes: usize) -> Self {
        // One more record than is given, for the overlap; and room for the longest header.
        let bytes = chunk_bytes.max(RECORD_BYTES_MAX as usize) + RECORD_BYTES_MAX as usize;
        let buffer = alloc::vec![0; bytes.max(HEADER_BYTES_MAX as usize)];
        Follower { path: path.to_path_buf(), kind, start, open: None, buffer }
    }

    /// The path that is followed.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which format it follows.
    #[must_use]
    pub fn kind(&self) -> FileKind {
        self.kind
    }

    /// Looks for news: at most one read of the chunk size.
    ///
    /// # Errors
    /// See [`FollowError`]; the file is opened anew by the next poll.
    pub fn poll(&mut self) -> Result<Progress<'_>, FollowError> {
        // Decided first and looked at afterwards: the records borrow the buffer.
        let step = match &mut self.open {
            None => open(&self.path).map(|found| match found {
                None => Step::Missing,
                Some(found) => {
                    self.open = Some(found);
                    Step::Idle
                }
            }),
            Some(_) => Ok(Step::Idle),
        }
        .and_then(|step| match &mut self.open {
            None => Ok(step),
            Some(open) => open.advance(&self.path, self.kind, self.start, &mut self.buffer),
        });
        match step {
            Ok(Step::Missing) => Ok(Progress::Missing),
            Ok(Step::Idle) => Ok(Progress::Idle),
            Ok(Step::Opened { record_size }) => {
                self.start = Start::Beginning;
                Ok(Progress::Opened { record_size })
            }
            Ok(Step::Records { from, to, record_size }) => {
                let bytes = self.buffer.get(from..to).unwrap_or_default();
                Ok(Progress::Records { bytes, record_size })
            }
            Ok(Step::Truncated) => {
                self.open = None;
                Ok(Progress::Truncated)
            }
            Ok(Step::Replaced) => {
                self.open = None;
                Ok(Progress::Replaced)
            }
            Err(error) => {
                self.open = None;
                Err(error)
            }
        }
    }
}

/// [`Progress`] without the borrow.
enum Step {
    Missing,
    Idle,
    Opened { record_size: u32 },
    Records { from: usize, to: usize, record_size: u32 },
    Truncated,
    Replaced,
}

impl Open {
    fn advance(
        &mut self,
        path: &Path,
        kind: FileKind,
        start: Start,
        buffer: &mut [u8],
    ) -> Result<Step, FollowError> {
        let len = self.file.metadata().map_err(|e| io("examine", e))?.len();
        match self.state {
            State::Header => {
                let Some((header_size, record_size)) = self.read_header(kind, buffer)? else {
                    return self.look_for_another(path);
                };
                let whole = len.saturating_sub(header_size.into()) / u64::from(record_size);
                let offset = match start {
                    Start::Beginning => u64::from(header_size),
                    Start::End => u64::from(header_size) + whole * u64::from(record_size),
                };
                self.state = State::Records { record_size, offset, last_time: None };
                Ok(Step::Opened { record_size })
            }
            State::Records { offset, .. } if len < offset => Ok(Step::Truncated),
            State::Records { record_size, offset, last_time } => {
                if len - offset < u64::from(record_size) {
                    return self.look_for_another(path);
                }
                self.read_records(record_size, offset, last_time, buffer)
            }
        }
    }

    /// Header and record size, or `None` while the file is shorter than its header.
    fn read_header(
        &mut self,
        kind: FileKind,
        buffer: &mut [u8],
    ) -> Result<Option<(u32, u32)>, FollowError> {
        let room = buffer.get_mut(..HEADER_BYTES_MAX as usize).unwrap_or_default();
        let got = self.read_at(0, room)?;
        let bytes = buffer.get(..got).unwrap_or_default();
        let sizes = match kind {
            FileKind::Scid => scid::Header::parse(bytes).map(|h| (h.header_size, h.record_size)),
            FileKind::Depth => depth::Header::parse(bytes).map(|h| (h.header_size, h.record_size)),
        };
        match sizes {
            Ok((header_size, record_size)) if got >= header_size as usize => {
                Ok(Some((header_size, record_size)))
            }
            Ok(_) | Err(HeaderError::TooShort { .. }) => Ok(None),
            Err(error) => Err(FollowError::Header(error)),
        }
    }

    fn read_records(
        &mut self,
        record_size: u32,
        offset: u64,
        last_time: Option<[u8; 8]>,
        buffer: &mut [u8],
    ) -> Result<Step, FollowError> {
        let stride = record_size as usize;
        let overlap = if last_time.is_some() { stride } else { 0 };
        let room = buffer.len() - buffer.len() % stride;
        let room = buffer.get_mut(..room).unwrap_or_default();
        let got = self.read_at(offset - overlap as u64, room)?;
        let whole = got - got % stride;
        if whole <= overlap {
            // The file lost its end between the two calls; the next poll will see that.
            return Ok(Step::Idle);
        }
        let time_at = |at: usize| buffer.get(at..).and_then(|b| b.first_chunk::<8>()).copied();
        if last_time.is_some() && time_at(0) != last_time {
            return Ok(Step::Replaced);
        }
        self.state = State::Records {
            record_size,
            offset: offset + (whole - overlap) as u64,
            last_time: time_at(whole - stride),
        };
        Ok(Step::Records { from: overlap, to: whole, record_size })
    }

    /// With nothing new in the open file: is it still the one that the path names?
    fn look_for_another(&self, path: &Path) -> Result<Step, FollowError> {
        match std::fs::metadata(path) {
            Ok(metadata) if identity(&metadata) != self.identity => Ok(Step::Replaced),
            Ok(_) => Ok(Step::Idle),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Step::Missing),
            Err(error) => Err(io("examine", error)),
        }
    }

    /// Fills `room` from `at` as far as the file goes; returns the bytes read.
    fn read_at(&mut self, at: u64, room: &mut [u8]) -> Result<usize, FollowError> {
        self.file.seek(SeekFrom::Start(at)).map_err(|e| io("read", e))?;
        let mut got = 0;
        while let Some(rest) = room.get_mut(got..).filter(|rest| !rest.is_empty()) {
            match self.file.read(rest) {
                Ok(0) => break,
                Ok(n) => got += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io("read", error)),
            }
        }
        Ok(got)
    }
}

/// Opens for reading only. The standard library shares the file for reading, writing and
/// deleting on the systems that ask for that.
fn open(path: &Path) -> Result<Option<Open>, FollowError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io("open", error)),
    };
    let metadata = file.metadata().map_err(|e| io("examine", e))?;
    Ok(Some(Open { identity: identity(&metadata), file, state: State::Header }))
}

fn io(step: &'static str, error: io::Error) -> FollowError {
    FollowError::Io { step, error }
}

#[cfg(unix)]
type Identity = (u64, u64);

/// Device and inode: another file under the same name differs as long as this one is open.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
type Identity = Option<std::time::SystemTime>;

/// The time of creation, the best there is without the inode.
#[cfg(not(unix))]
fn identity(metadata: &Metadata) -> Identity {
    metadata.created().ok()
}
