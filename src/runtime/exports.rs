//! A folder of exports as a provider: the newest chain of an underlying in it.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::calendar::Calendar;
use crate::options::chain::{Chain, Underlying};
use crate::providers::detect::read_chain;
use crate::providers::import::ImportOptions;
use crate::providers::{ChainProvider, Clock, FetchError, FetchErrorKind};

/// Newest files that are looked at for one of the underlying.
const LOOK_BACK: usize = 8;
/// Files beyond this size are no exports.
const BYTES_MAX: u64 = 64 << 20;

/// See the module text.
#[derive(Debug)]
pub struct Exports {
    folder: PathBuf,
    file_delay_s: u32,
}

impl Exports {
    /// The exports of `folder`, whose data are `file_delay_s` older than their headers say.
    #[must_use]
    pub fn new(folder: &Path, file_delay_s: u32) -> Exports {
        Exports { folder: folder.to_owned(), file_delay_s }
    }

    fn error(&self, kind: FetchErrorKind, what: String) -> FetchError {
        FetchError::new(kind, self.folder.display().to_string(), what)
    }

    /// Files by the time of their last change, newest first.
    fn newest(&self) -> std::io::Result<Vec<PathBuf>> {
        let mut files: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let data = entry.metadata()?;
            if data.is_file() && data.len() <= BYTES_MAX {
                files.push((data.modified()?, entry.path()));
            }
        }
        files.sort();
        Ok(files.into_iter().rev().map(|(_, path)| path).collect())
    }
}

impl ChainProvider for Exports {
    fn name(&self) -> &'static str {
        "files"
    }

    fn fetch(
        &mut self,
        underlying: Underlying,
        calendar: &Calendar,
        _clock: &dyn Clock,
    ) -> Result<Chain, FetchError> {
        let files =
            self.newest().map_err(|e| self.error(FetchErrorKind::NotFound, e.to_string()))?;
        let options = ImportOptions { file_delay_s: self.file_delay_s, ..ImportOptions::default() };
        let mut wrong = Vec::new();
        for path in files.iter().take(LOOK_BACK) {
            let chain = std::fs::read(path).map_err(|e| e.to_string()).and_then(|bytes| {
                read_chain(&bytes, calendar, &options).map_err(|e| e.to_string())
            });
            match chain {
                Ok(chain) if chain.underlying == underlying => return Ok(chain),
                Ok(_) => {}
                Err(error) => wrong.push(format!("{}: {error}", path.display())),
            }
        }
        let (name, looked) = (underlying.name(), files.len().min(LOOK_BACK));
        let what = format!("no chain of {name} among its {looked} newest files");
        wrong.insert(0, what);
        Err(self.error(FetchErrorKind::NotFound, wrong.join("; ")))
    }
}
