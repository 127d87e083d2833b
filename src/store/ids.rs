//! Client order ids: a counter that never repeats, whatever crashes.
//!
//! The counter runs in blocks. A block is on disk as used up before its first id is given, so a
//! start after a crash begins behind every id that can have left; what was left of the block is
//! lost, which costs nothing.

use std::io;
use std::path::{Path, PathBuf};

use super::staged::{self, named};
use crate::order::OrderId;

/// Ids of a block.
pub const BLOCK: u32 = 1000;
/// Name of the file in the data folder.
const NAME: &str = "order_ids";
/// What stands before the number in it.
const KEY: &str = "reserved = ";

/// Ids that may be used: from `first` to below `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The first.
    pub first: OrderId,
    /// The one behind the last.
    pub end: OrderId,
}

/// The file. One process at a time: see `store::control`.
#[derive(Debug)]
pub struct Ids {
    path: PathBuf,
    date: u32,
    /// Counters below this one are reserved.
    reserved: u32,
}

impl Ids {
    /// Reads the file of `folder`. `date` (YYYYMMDD, the trade date of the start) goes into every
    /// id of the run; `fresh` is where to begin without a file: choose it above what an earlier run
    /// of that date can have reached, for a file may have been deleted.
    ///
    /// # Errors
    /// With the path: it cannot be read, or holds no number. Nothing is guessed then: an id that is
    /// used twice can hit a live order.
    pub fn open(folder: &Path, date: u32, fresh: u32) -> io::Result<Ids> {
        let path = folder.join(NAME);
        let reserved = match std::fs::read_to_string(&path) {
            Ok(text) => parse(&text).ok_or_else(|| {
                let wanted = "write the line \"reserved = N\", N above every id that was used";
                named(&path, &format!("holds no number of order ids: {wanted}"))
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => fresh,
            Err(error) => return Err(named(&path, &error)),
        };
        Ok(Ids { path, date, reserved })
    }

    /// [`Ids::reserve`], of a block that begins at `counter` or behind it.
    ///
    /// # Errors
    /// As [`Ids::reserve`].
    pub fn reserve_from(&mut self, counter: u32) -> io::Result<Block> {
        self.reserved = self.reserved.max(counter);
        self.reserve()
    }

    /// Reserves the next block. It is on disk when this returns.
    ///
    /// # Errors
    /// With the path where it cannot be written, or no number is left; no id of it may be used.
    pub fn reserve(&mut self) -> io::Result<Block> {
        let first = self.reserved.max(1);
        let end = first.checked_add(BLOCK).ok_or_else(|| named(&self.path, &"no id is left"))?;
        staged::write(&self.path, format!("{KEY}{end}\n").as_bytes())?;
        self.reserved = end;
        let id = |counter| OrderId::new(self.date, counter);
        Ok(Block { first: id(first), end: id(end) })
    }
}

fn parse(text: &str) -> Option<u32> {
    let digits = text.strip_prefix(KEY)?.trim_end();
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: u32 = 20_260_114;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("mia-ids-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("folder");
        folder
    }

    #[test]
    fn no_id_is_given_twice() {
        let folder = folder("twice");
        let mut last = OrderId::NONE;
        for start in 0..3 {
            let mut ids = Ids::open(&folder, DATE, 500).expect("opens");
            for _ in 0..=start {
                let block = ids.reserve().expect("written");
                assert!(block.first >= last && block.end == block.first.plus(BLOCK), "{block:?}");
                last = block.end;
            }
        }
        assert_eq!(last, OrderId::new(DATE, 500 + 6 * BLOCK));
        let text = std::fs::read_to_string(folder.join(NAME)).expect("there");
        assert_eq!(text, "reserved = 6500\n");
        // A later date goes on behind them.
        let next = Ids::open(&folder, DATE + 1, 0).expect("opens").reserve().expect("written");
        assert_eq!(next.first, OrderId::new(DATE + 1, 6500));
        std::fs::remove_dir_all(folder).expect("clean up");
    }

    #[test]
    fn a_damaged_file_is_not_guessed_at() {
        let folder = folder("damaged");
        for text in
            ["", "reserved = ", "reserved = -1", "reserved = 1 2", "1000", "reserved = 4294967296"]
        {
            std::fs::write(folder.join(NAME), text).expect("written");
            let error = Ids::open(&folder, DATE, 0).expect_err(text).to_string();
            assert!(error.contains(NAME), "{error}");
        }
        std::fs::write(folder.join(NAME), "reserved = 4294967000\n").expect("written");
        let mut ids = Ids::open(&folder, DATE, 0).expect("opens");
        assert!(ids.reserve().expect_err("none left").to_string().contains("no id"));
        std::fs::remove_dir_all(folder).expect("clean up");
    }

    #[test]
    fn a_block_that_is_not_on_disk_is_none() {
        let folder = folder("full");
        let mut ids = Ids::open(&folder, DATE, 0).expect("opens");
        std::fs::remove_dir_all(&folder).expect("gone");
        ids.reserve().expect_err("no folder");
        std::fs::create_dir_all(&folder).expect("back");
        assert_eq!(ids.reserve().expect("written").first.counter(), 1, "nothing was skipped");
        std::fs::remove_dir_all(folder).expect("clean up");
    }
}
