//! A folder that one process writes at a time: a file in it is locked until the process lets go of
//! it or ends, however it ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use super::staged::named;

/// Held while the folder is used.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock file `path`, and makes it where it is missing.
    ///
    /// # Errors
    /// With the path: `taken` where another has it, what the system says where it cannot be opened
    /// or locked.
    pub fn take(path: &Path, taken: &str) -> io::Result<Lock> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(named(path, &taken)),
            Err(TryLockError::Error(error)) => Err(named(path, &error)),
        }
    }

    /// The same for files that two processes can at worst write twice: where the file system knows
    /// no locks there is none.
    ///
    /// # Errors
    /// As [`Lock::take`].
    pub fn take_if_known(path: &Path, taken: &str) -> io::Result<Lock> {
        let file = open(path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(named(path, &taken)),
            other => known(path, other.map_err(io::Error::from)).map(|()| Lock { _file: file }),
        }
    }

    /// Waits until no other has the lock file `path`. Where the file system knows no locks there is
    /// none.
    ///
    /// # Errors
    /// With the path where it cannot be opened or locked.
    pub fn wait(path: &Path) -> io::Result<Lock> {
        let file = open(path)?;
        known(path, file.lock()).map(|()| Lock { _file: file })
    }
}

fn open(path: &Path) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(path);
    file.map_err(|e| named(path, &e))
}

fn known(path: &Path, locked: io::Result<()>) -> io::Result<()> {
    match locked {
        Err(e) if e.kind() != io::ErrorKind::Unsupported => Err(named(path, &e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let path = std::env::temp_dir().join(format!("mia-lock-{}", std::process::id()));
        let held = Lock::take(&path, "is used").expect("free");
        for refused in [Lock::take(&path, "is used"), Lock::take_if_known(&path, "is used")] {
            let error = refused.expect_err("taken").to_string();
            assert!(error.contains("is used") && error.contains("mia-lock-"), "{error}");
        }
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| Lock::wait(&path).map(drop));
            drop(held);
            waits.join().expect("ends").expect("free again");
        });
        drop(Lock::take_if_known(&path, "is used").expect("free"));
        std::fs::remove_file(path).expect("clean up");
        Lock::wait(Path::new("/no/such/folder/lock")).expect_err("no folder");
    }
}
