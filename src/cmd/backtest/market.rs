//! An input in memory: tick files that are one market, or a journal.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::cmd::playback::cut_off;
use crate::journal::Reader;
use crate::runtime::files::{FileKind, Loaded, TickFiles, load};

/// What is played.
#[derive(Debug)]
pub(super) enum Market {
    /// Tick files, merged by time.
    Ticks(TickFiles),
    /// A journal.
    Journal(Loaded),
}

/// An input that was read.
#[derive(Debug)]
pub(super) struct Read {
    /// Its files as they were named.
    pub(super) name: String,
    /// What it holds.
    pub(super) market: Market,
    /// Hash of everything that its events depend on.
    pub(super) hash: u64,
    /// What is missing at its end, where it is not whole.
    pub(super) cut: Option<String>,
}

impl Read {
    /// Reads `paths`; `tick` as in [`TickFiles::new`].
    ///
    /// # Errors
    /// With the path and what is wrong with it.
    pub(super) fn open(paths: &[PathBuf], tick: Option<f64>) -> Result<Read> {
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let files = paths.iter().map(|path| load(path).map_err(|e| anyhow!(e)));
        let mut files = files.collect::<Result<Vec<Loaded>>>()?;
        let mut hash = Xxh3::new();
        for file in &files {
            // A Sierra file holds no name of its symbol but its own.
            if matches!(file.kind, FileKind::Scid | FileKind::Depth) {
                hash.update(file.path.file_name().unwrap_or_default().as_encoded_bytes());
            }
            hash.update(&[0, u8::from(file.cut.is_some())]);
            hash.update(&xxh3_64(&file.data).to_le_bytes());
        }
        let hash = hash.digest();
        let cut = joined(files.iter().filter_map(|file| file.cut.clone()).collect());
        let alone = files.len() == 1;
        let (market, cut) = match files.pop() {
            Some(file) if alone && file.kind == FileKind::Journal => {
                let named = |e| anyhow!("{}: {e}", file.path.display());
                let cuts = cut_off(&file, &Reader::open(&file.data).map_err(named)?);
                (Market::Journal(file), joined(cuts))
            }
            last => {
                files.extend(last);
                (Market::Ticks(TickFiles::new(files, tick).map_err(|e| anyhow!(e))?), cut)
            }
        };
        Ok(Read { name: names.join(" "), market, hash, cut })
    }
}

fn joined(cuts: Vec<String>) -> Option<String> {
    (!cuts.is_empty()).then(|| cuts.join("; "))
}
