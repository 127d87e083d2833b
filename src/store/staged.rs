//! A file that is there whole or not at all: written under another name beside its own, brought to
//! disk, then renamed, and the folder brought to disk with its new name. What had the name before
//! is replaced at that moment and not earlier.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes gathered before they go to the file.
const BUFFER_BYTES: usize = 1 << 18;
/// Ending of a temporary file.
const TEMPORARY: &str = ".part";
/// Numbers of the temporary files of this process.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

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
        match std::fs::metadata(&path) {
            Ok(found) if !found.is_file() => {
                let text = format!("{}: is no file that could be replaced", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            // A link stays a link: what it points to is replaced.
            Ok(_) => path = std::fs::canonicalize(&path).map_err(|e| named(&path, &e))?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(named(&path, &e)),
        }
        let (temporary, file) = begin(&path).map_err(|e| named(&path, &e))?;
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

    /// Brings everything to disk and gives the file its name, which is on disk too when this
    /// returns.
    ///
    /// # Errors
    /// With the path where it cannot be written or renamed: the old file then stands as it was. Or
    /// where the folder cannot be brought to disk: the new file stands, and may not outlive a loss
    /// of power.
    pub fn finish(mut self) -> io::Result<()> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        let ended = file
            .flush()
            .and_then(|()| file.get_ref().sync_all())
            .and_then(|()| std::fs::rename(&self.temporary, &self.path));
        if ended.is_err() {
            let _ = std::fs::remove_file(&self.temporary);
        }
        ended.and_then(|()| sync_folder(&self.path)).map_err(|e| named(&self.path, &e))
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

/// Gives `path` this content, or leaves it as it was. Its folder must be there.
///
/// # Errors
/// As [`Staged`].
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut staged = Staged::create(path)?;
    staged.write_all(bytes).map_err(|e| named(path, &e))?;
    staged.finish()
}

/// Brings the names in the folder of `path` to disk: a new or removed one must survive a loss of
/// power. Where the system opens no folders or brings none to disk there is nothing to do.
///
/// # Errors
/// What the disk says.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let Ok(folder) = File::open(folder_of(path)) else { return Ok(()) };
    match folder.sync_all() {
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        other => other,
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new temporary file for `path`. A name that is there already, left by a crash of a process that
/// had the same number or in use by one of another container, is not touched: the next is taken.
fn begin(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    loop {
        let (number, pid) = (NUMBERS.fetch_add(1, Ordering::Relaxed), std::process::id());
        let temporary = path.with_file_name(format!(".{name}.{number}.{pid}{TEMPORARY}"));
        match File::options().write(true).create_new(true).open(&temporary) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other.map(|file| (temporary, file)),
        }
    }
}

/// The stem and process of a temporary file's name, for whoever cleans up; `None` of other names.
pub(super) fn temporary(name: &str) -> Option<(&str, u32)> {
    let (stem, pid) = name.strip_prefix('.')?.strip_suffix(TEMPORARY)?.rsplit_once('.')?;
    Some((stem, pid.parse().ok()?))
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

    /// Another process with our number, of before a crash or in another container, has every name
    /// that we would take next, and goes on writing one of them.
    #[test]
    fn a_name_that_is_taken_stops_nobody() {
        let folder = folder("taken");
        let path = folder.join("a.csv");
        let next = NUMBERS.load(Ordering::Relaxed);
        let pid = std::process::id();
        // Other tests take numbers meanwhile.
        let left: Vec<PathBuf> = (next..next + 200)
            .map(|number| folder.join(format!(".a.csv.{number}.{pid}{TEMPORARY}")))
            .collect();
        left.iter().for_each(|path| std::fs::write(path, "half").expect("left"));
        let mut other = File::options().append(true).open(&left[100]).expect("in use");
        write(&path, b"one").expect("written");
        write(&path, b"two").expect("replaced");
        other.write_all(b", whole").expect("still its own");
        assert_eq!(std::fs::read(&path).expect("ours"), b"two");
        assert_eq!(std::fs::read(&left[100]).expect("theirs"), b"half, whole");
        assert!(left.iter().all(|path| path.exists()), "nobody's file was taken away");
        assert_eq!(std::fs::read_dir(&folder).expect("folder").count(), left.len() + 1);
        let name = left[0].file_name().and_then(|n| n.to_str()).expect("text");
        assert_eq!(temporary(name).map(|(_, of)| of), Some(pid));
        std::fs::remove_dir_all(folder).expect("clean up");
    }

    /// Two writers of one file: it is always that of one of them, whole.
    #[test]
    fn two_writers_at_once() {
        let folder = folder("two");
        let path = folder.join("a.csv");
        std::thread::scope(|scope| {
            for content in [vec![b'a'; 30_000], vec![b'b'; 20_000]] {
                let path = &path;
                scope.spawn(move || {
                    (0..50).for_each(|_| write(path, &content).expect("written"));
                });
            }
            for _ in 0..200 {
                let Ok(found) = std::fs::read(&path) else { continue };
                let whole = [(b'a', 30_000), (b'b', 20_000)];
                assert!(whole.contains(&(found[0], found.len())), "{}", found.len());
                assert!(found.iter().all(|byte| *byte == found[0]));
            }
        });
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
