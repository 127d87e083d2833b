//! A file that only grows, a line at a time. A line that a crash cut short is taken off and
//! reported when the file is opened again.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::store::staged::{named, sync_folder};

/// Bytes looked at in one step on the way back to the last line feed.
const STEP: u64 = 1 << 16;

/// See the module.
#[derive(Debug)]
pub(super) struct Appended {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines.
    len: u64,
    /// Whether something was written that may not be on disk yet.
    dirty: bool,
}

/// What a crash left at the end of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Torn {
    /// The file.
    pub(super) path: PathBuf,
    /// Bytes without a line feed that were taken off.
    pub(super) bytes: u64,
}

impl std::fmt::Display for Torn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: a torn last line of {} bytes taken off", self.path.display(), self.bytes)
    }
}

impl Appended {
    /// Opens or begins `path`; a new file begins with `head`.
    ///
    /// # Errors
    /// With the path where it cannot be opened, cut or written.
    pub(super) fn open(path: &Path, head: &str) -> io::Result<(Appended, Option<Torn>)> {
        let named = |e: io::Error| named(path, &e);
        let mut options = File::options();
        let file = options.create(true).truncate(false).read(true).write(true);
        let mut file = file.open(path).map_err(named)?;
        let len = file.seek(SeekFrom::End(0)).map_err(named)?;
        let whole = whole_lines(&mut file, len).map_err(named)?;
        let torn = (whole < len).then(|| Torn { path: path.to_owned(), bytes: len - whole });
        if torn.is_some() {
            file.set_len(whole).and_then(|()| file.sync_all()).map_err(named)?;
        }
        file.seek(SeekFrom::Start(whole)).map_err(named)?;
        let mut appended = Appended { path: path.to_owned(), file, len: whole, dirty: false };
        if whole == 0 {
            appended.line(head)?;
            appended.sync()?;
            sync_folder(path).map_err(named)?;
        }
        Ok((appended, torn))
    }

    /// Appends `line`, which ends in a line feed, in one write. What a full disk took of it is
    /// taken off again, so that the next line does not begin in its middle.
    ///
    /// # Errors
    /// With the path.
    pub(super) fn line(&mut self, line: &str) -> io::Result<()> {
        if line.is_empty() {
            return Ok(());
        }
        self.dirty = true;
        if let Err(e) = self.file.write_all(line.as_bytes()) {
            let _ = self.file.set_len(self.len);
            let _ = self.file.seek(SeekFrom::Start(self.len));
            return Err(named(&self.path, &e));
        }
        self.len += line.len() as u64;
        Ok(())
    }

    /// Brings everything to disk.
    ///
    /// # Errors
    /// With the path.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.dirty {
            self.file.sync_data().map_err(|e| named(&self.path, &e))?;
            self.dirty = false;
        }
        Ok(())
    }
}

/// Where the last whole line of a file of `len` bytes ends.
fn whole_lines(file: &mut File, len: u64) -> io::Result<u64> {
    let mut end = len;
    let mut buffer = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(STEP);
        file.seek(SeekFrom::Start(start))?;
        buffer.resize(usize::try_from(end - start).unwrap_or(0), 0);
        file.read_exact(&mut buffer)?;
        if let Some(at) = buffer.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temporary(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("mia-append-{name}-{}", std::process::id()))
    }

    #[test]
    fn a_torn_line_is_taken_off_wherever_it_was_cut() {
        let path = temporary("torn");
        let whole = "{\"a\":1}\n{\"b\":2}\n";
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole.as_bytes()[..cut]).expect("cut");
            let (mut file, torn) = Appended::open(&path, "").expect("opens");
            let kept = whole[..cut].rfind('\n').map_or(0, |at| at + 1);
            assert_eq!(torn.map(|t| t.bytes), (kept < cut).then(|| (cut - kept) as u64), "{cut}");
            file.line("{\"c\":3}\n").expect("appends");
            file.sync().expect("synced");
            let text = std::fs::read_to_string(&path).expect("text");
            assert_eq!(text, format!("{}{{\"c\":3}}\n", &whole[..kept]), "{cut}");
        }
        std::fs::remove_file(path).expect("clean up");
    }

    #[test]
    fn a_long_torn_line_and_a_head() {
        let path = temporary("long");
        let mut bytes = b"head\n".to_vec();
        bytes.resize(200_000, b'x');
        std::fs::write(&path, &bytes).expect("written");
        let (file, torn) = Appended::open(&path, "head\n").expect("opens");
        assert_eq!(torn.expect("torn").bytes, 199_995);
        assert!(!file.dirty);
        drop(file);
        assert_eq!(std::fs::read(&path).expect("text"), b"head\n");
        // A head that was torn itself is written anew.
        std::fs::write(&path, "he").expect("written");
        drop(Appended::open(&path, "head\n").expect("opens"));
        assert_eq!(std::fs::read(&path).expect("text"), b"head\n");
        std::fs::remove_file(path).expect("clean up");
    }

    #[test]
    fn errors_name_the_path() {
        let error = Appended::open(Path::new("/no/such/folder/a"), "").expect_err("refused");
        assert!(error.to_string().contains("/no/such/folder/a"), "{error}");
        let (mut full, _) = Appended::open(Path::new("/dev/full"), "").expect("opens");
        let error = full.line("x\n").expect_err("no room");
        assert!(error.to_string().contains("/dev/full"), "{error}");
    }
}
