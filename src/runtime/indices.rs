//! An index whose `.scid` file Sierra Chart writes, followed as it grows: the cold thread's way to
//! VIX and SPX, which Sierra's own DTC server refuses to forward.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use dtc::file::follow::{FileKind, Follower, Progress, Start};
use dtc::file::scid::{self, Header, Kind, Record};

use crate::options::chain::Print;
use crate::units::Ts;

/// Bytes that one look gives at most.
const CHUNK_BYTES: usize = 1 << 16;
/// Records at the end of a file among which its last value is looked for.
const TAIL: u64 = 64;

/// A followed index.
#[derive(Debug)]
pub struct IndexFile {
    path: PathBuf,
    follower: Follower,
    started: bool,
    /// What was last said of the file, so that it is said once.
    said: Option<String>,
}

impl IndexFile {
    /// Follows the file at `path`, from its last value on.
    #[must_use]
    pub fn new(path: &Path) -> IndexFile {
        IndexFile {
            path: path.to_owned(),
            follower: Follower::new(path, FileKind::Scid, Start::End, CHUNK_BYTES),
            started: false,
            said: None,
        }
    }

    /// The newest value since the last call: at the first call the last one of the file. Calls
    /// `say` with what an operator should know, once each.
    pub fn poll(&mut self, say: &mut dyn FnMut(String)) -> Option<Print> {
        let mut newest = None;
        if !self.started {
            newest = last_of(&self.path).ok().flatten();
            self.started = newest.is_some();
        }
        loop {
            let note = match self.follower.poll() {
                Ok(Progress::Records { bytes, record_size }) => {
                    let prints = scid::Records::new(bytes, record_size).filter_map(|r| value(&r));
                    newest = prints.last().or(newest);
                    continue;
                }
                Ok(Progress::Opened { .. } | Progress::Truncated | Progress::Replaced) => continue,
                Ok(Progress::Idle) => None,
                Ok(Progress::Missing) => {
                    Some("waiting for it: Sierra Chart has not written it".to_owned())
                }
                Err(error) => Some(error.to_string()),
            };
            if note != self.said {
                if let Some(note) = &note {
                    say(format!("{}: {note}", self.path.display()));
                }
                self.said = note;
            }
            return newest;
        }
    }
}

/// The last value of a file that another program may be writing.
fn last_of(path: &Path) -> std::io::Result<Option<Print>> {
    let mut file = File::open(path)?;
    let mut head = [0; scid::HEADER_BYTES as usize];
    let length = file.metadata()?.len();
    file.read_exact(&mut head)?;
    let Ok(header) = Header::parse(&head) else { return Ok(None) };
    let (front, size) = (u64::from(header.header_size), u64::from(header.record_size));
    let Some(records) = length.checked_sub(front).and_then(|l| l.checked_div(size)) else {
        return Ok(None);
    };
    let from = records.saturating_sub(TAIL);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(from.saturating_mul(size).saturating_add(front)))?;
    file.take((records - from).saturating_mul(size)).read_to_end(&mut bytes)?;
    Ok(scid::Records::new(&bytes, header.record_size).filter_map(|r| value(&r)).last())
}

/// The index value of a record: its last price, at its time.
fn value(record: &Record) -> Option<Print> {
    if matches!(record.kind(), Kind::Garbage | Kind::BidAsk) {
        return None;
    }
    let value = f64::from(record.close);
    let ts = Ts::from_outside(record.unix_ns()?);
    (value.is_finite() && value > 0.0 && ts.is_some()).then_some(Print { value, ts })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::units::SECOND;

    fn record(value: f32, second: i64) -> [u8; 40] {
        let record = Record {
            time_us: dtc::file::scid::EPOCH_OFFSET_US + second * 1_000_000,
            open_bits: 0,
            open: 0.0,
            high: value,
            low: value,
            close: value,
            num_trades: 1,
            total_volume: 1,
            bid_volume: 0,
            ask_volume: 1,
        };
        record.to_bytes()
    }

    #[test]
    fn begins_with_the_last_value_and_follows() {
        let path = std::env::temp_dir().join(format!("mia-index-{}.scid", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let (mut index, mut said) = (IndexFile::new(&path), Vec::new());
        let mut poll = |index: &mut IndexFile| {
            index.poll(&mut |note| said.push(note)).map(|p| (p.value, p.ts.0 / SECOND))
        };
        assert_eq!(poll(&mut index), None);
        assert_eq!(poll(&mut index), None, "and says so once");
        let mut file = File::create(&path).expect("create");
        file.write_all(&Header::DEFAULT.to_bytes()).expect("write");
        for (value, second) in [(17.5, 1_700_000_000), (18.25, 1_700_000_001)] {
            file.write_all(&record(value, second)).expect("write");
        }
        assert_eq!(poll(&mut index), Some((18.25, 1_700_000_001)));
        assert_eq!(poll(&mut index), None);
        file.write_all(&record(19.0, 1_700_000_002)).expect("write");
        file.write_all(&record(f32::NAN, 1_700_000_003)).expect("write");
        assert_eq!(poll(&mut index), Some((19.0, 1_700_000_002)));
        assert_eq!(said.len(), 1, "{said:?}");
        std::fs::remove_file(&path).expect("clean up");
    }
}
