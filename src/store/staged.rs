//! A file that is there whole or not at all: written under another name beside its own, flushed to
//! disk, then renamed. What had the name before is replaced at that moment and not earlier.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Bytes gathered before they go to the file.
const BUFFER_BYTES: usize = 1 << 18;

/// A file on its way. Dropped before [`Staged::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct Staged {
    path: PathBuf,
    temporary: PathBuf,
    /// `None` once finished.
    file: Option<BufWriter<File>>,
}

impl Staged {
    /// Begins the file that will be `path`.
    ///
    /// # Errors
    /// With the path: its folder is missing or not writable, or the name belongs to something that
    /// is no file.
    pub fn create(path: &Path) -> io::Result<Staged> {
        let mut path = path.to_owned();
        if let Ok(found) = std::fs::metadata(&path) {
            if !found.is_file() {
                let text = format!("{}: is no file that could be replaced", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            // A link stays a link: what it points to is replaced.
            path = std::fs::canonicalize(&path).map_err(|e| named(&path, &e))?;
        }
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let temporary = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
        let file = File::options().write(true).create_new(true).open(&temporary);
        let file = file.map_err(|e| named(&path, &e))?;
        Ok(Staged { path, temporary, file: Some(BufWriter::with_capacity(BUFFER_BYTES, file)) })
    }

    /// The name that the file will have.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Brings everything written so far to disk, under a name that can be read until
    /// [`Staged::finish`].
    ///
    /// # Errors
    /// With the path where it cannot be written.
    pub fn sync(&mut self) -> io::Result<&Path> {
        if let Some(file) = &mut self.file {
            let synced = file.flush().and_then(|()| file.get_ref().sync_all());
            synced.map_err(|e| named(&self.path, &e))?;
        }
        Ok(&self.temporary)
    }

    /// Brings everything to disk and gives the file its name.
    ///
    /// # Errors
    /// With the path where it cannot be written or renamed; the old file then stands as it was.
    pub fn finish(mut self) -> io::Result<()> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        let ended = file
            .flush()
            .and_then(|()| file.get_ref().sync_all())
            .and_then(|()| std::fs::rename(&self.temporary, &self.path));
        if ended.is_err() {
            let _ = std::fs::remove_file(&self.temporary);
        }
        ended.map_err(|e| named(&self.path, &e))
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().map_or(Ok(0), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            // The buffer is not worth writing any more.
            drop(file.into_parts());
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// `error` with the path in its text.
pub(super) fn named(path: &Path, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("mia-staged-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("folder");
        folder
    }

    #[test]
    fn whole_or_not_at_all() {
        let folder = folder("whole");
        let path = folder.join("a.csv");
        let mut first = Staged::create(&path).expect("new");
        first.write_all(b"one").expect("written");
        assert!(!path.exists());
        first.finish().expect("renamed");
        let mut second = Staged::create(&path).expect("replaces");
        second.write_all(b"two, cut off").expect("written");
        drop(second);
        assert_eq!(std::fs::read(&path).expect("the first"), b"one");
        assert_eq!(std::fs::read_dir(&folder).expect("folder").count(), 1, "nothing left behind");
        std::fs::remove_dir_all(folder).expect("clean up");
    }

    #[test]
    fn errors_name_the_path() {
        let folder = folder("errors");
        for path in [folder.clone(), folder.join("missing/a.csv"), PathBuf::from("/dev/full")] {
            let error = Staged::create(&path).expect_err("refused").to_string();
            assert!(error.contains(&*path.to_string_lossy()), "{error}");
        }
        std::fs::remove_dir_all(folder).expect("clean up");
    }
}
