//! The operator's way in, as files of the data folder.
//!
//! ```text
//! HALT                     while it exists trading is halted; content: entries, trading, emergency
//! control/lock             held by the run that reads this folder
//! control/000007.command   a request; it appears whole
//! control/000007.answer    what became of it
//! ```

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::lock::Lock;
use super::staged::{self, Staged, named};
use crate::order::KillState;

/// The halt file's name.
pub const HALT: &str = "HALT";
/// Folder of requests and answers.
const FOLDER: &str = "control";
/// The lock's name in it.
const LOCK: &str = "lock";
/// Answers that are kept, besides those of requests still waiting.
const ANSWERS: usize = 100;
/// Longest reason, in characters.
pub const REASON_MAX: usize = 200;

/// What an operator asks.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields, tag = "command", rename_all = "lowercase")]
pub enum Request {
    /// Halt at least this far.
    Halt {
        /// How far.
        state: KillState,
        /// Close every position too.
        flatten: bool,
        /// Why, for people.
        reason: String,
    },
    /// Lift the halt.
    Resume {
        /// The state that is lifted, named so that nobody lifts another one.
        state: KillState,
    },
}

/// What became of a request.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// It was done.
    pub done: bool,
    /// What to tell the operator.
    pub text: String,
}

/// A state from a word of an operator, such as `trading` or `HALT_TRADING`.
#[must_use]
pub fn state(word: &str) -> Option<KillState> {
    let word = word.trim().to_ascii_lowercase();
    Some(match word.strip_prefix("halt_").unwrap_or(&word) {
        "entries" => KillState::HaltEntries,
        "trading" => KillState::HaltTrading,
        "emergency" => KillState::Emergency,
        _ => return None,
    })
}

/// What the halt file of `data` says; `None` while there is none. One that says nothing, or nothing
/// that can be understood, stops trading.
#[must_use]
pub fn halt_file(data: &Path) -> Option<KillState> {
    let path = data.join(HALT);
    match std::fs::read(&path) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let word = text.split_whitespace().next().unwrap_or_default();
            Some(state(word).unwrap_or(KillState::HaltTrading))
        }
        // It is there where it cannot be read, too.
        Err(_) => path.symlink_metadata().is_ok().then_some(KillState::HaltTrading),
    }
}

fn file(data: &Path, number: u32, extension: &str) -> PathBuf {
    data.join(FOLDER).join(format!("{number:06}.{extension}"))
}

/// Numbers of the files with this extension in ascending order, and the greatest number of any.
fn numbers(folder: &Path, extension: &str) -> io::Result<(Vec<u32>, u32)> {
    let (mut found, mut greatest) = (Vec::new(), 0);
    for entry in std::fs::read_dir(folder).map_err(|e| named(folder, &e))? {
        let path = entry.map_err(|e| named(folder, &e))?.path();
        let stem = path.file_stem().and_then(|s| s.to_str());
        let Some(number) = stem.and_then(|s| s.parse::<u32>().ok()) else { continue };
        greatest = greatest.max(number);
        if path.extension().is_some_and(|e| e == extension) {
            found.push(number);
        }
    }
    found.sort_unstable();
    Ok((found, greatest))
}

fn text(path: &Path, content: &impl Serialize) -> io::Result<String> {
    toml::to_string(content).map_err(|e| named(path, &e))
}

/// Writes a request for the run that reads `data`; its number.
///
/// # Errors
/// With the path where it cannot be written.
pub fn submit(data: &Path, request: &Request) -> io::Result<u32> {
    let folder = data.join(FOLDER);
    std::fs::create_dir_all(&folder).map_err(|e| named(&folder, &e))?;
    let mut draft = Staged::create(&folder.join("draft"))?;
    draft.write_all(text(&folder, request)?.as_bytes())?;
    let whole = draft.sync()?;
    // A link never takes a name that another request has. The draft's own goes when it is dropped.
    loop {
        let number = numbers(&folder, "")?.1.saturating_add(1);
        match std::fs::hard_link(whole, file(data, number, "command")) {
            Ok(()) => return Ok(number),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(named(&folder, &error)),
        }
    }
}

/// The answer to request `number`, once there is one.
///
/// # Errors
/// With the path where it cannot be read.
pub fn answer(data: &Path, number: u32) -> io::Result<Option<Answer>> {
    let path = file(data, number, "answer");
    match std::fs::read_to_string(&path) {
        Ok(text) => toml::from_str(&text).map(Some).map_err(|e| named(&path, &e)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(named(&path, &error)),
    }
}

/// Takes request `number` back; `false` where it has been taken in already.
#[must_use]
pub fn withdraw(data: &Path, number: u32) -> bool {
    std::fs::remove_file(file(data, number, "command")).is_ok()
}

/// The run's end of the folder.
#[derive(Debug)]
pub struct Inbox {
    data: PathBuf,
    /// Held until the process ends, however it ends.
    _lock: Lock,
    /// Greatest number of the requests that were there before this run.
    before: u32,
}

/// A request that was found.
#[derive(Debug)]
pub struct Found {
    /// Its number.
    pub number: u32,
    /// What is asked, or why that cannot be said.
    pub request: Result<Request, String>,
    /// It was there before this run.
    pub stale: bool,
}

impl Inbox {
    /// Takes the data folder `data` for this process.
    ///
    /// # Errors
    /// With the path: another run has it, or it cannot be written.
    pub fn open(data: &Path) -> io::Result<Inbox> {
        let folder = data.join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(|e| named(&folder, &e))?;
        let path = folder.join(LOCK);
        let taken = "another run uses this data folder; give one of them another one";
        let lock = Lock::take(&path, taken)?;
        let before = numbers(&folder, "")?.1;
        Ok(Inbox { data: data.to_owned(), _lock: lock, before })
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The oldest request that has no answer.
    ///
    /// # Errors
    /// With the path where the folder cannot be read.
    pub fn next(&self, waiting: &dyn Fn(u32) -> bool) -> io::Result<Option<Found>> {
        let (requests, _) = numbers(&self.data.join(FOLDER), "command")?;
        for number in requests.into_iter().filter(|&number| !waiting(number)) {
            if file(&self.data, number, "answer").exists() {
                // An earlier run answered and died before it took it away.
                let _ = withdraw(&self.data, number);
                continue;
            }
            let path = file(&self.data, number, "command");
            let text = match std::fs::read_to_string(&path) {
                Ok(text) => Ok(text),
                // Withdrawn in the meantime.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => Err(error.to_string()),
            };
            let read = |text: String| toml::from_str(&text).map_err(|e| e.to_string());
            let stale = number <= self.before;
            return Ok(Some(Found { number, request: text.and_then(read), stale }));
        }
        Ok(None)
    }

    /// Answers a request and takes it away.
    ///
    /// # Errors
    /// With the path where it cannot be written; the request then stays.
    pub fn reply(&self, number: u32, answer: &Answer) -> io::Result<()> {
        let path = file(&self.data, number, "answer");
        staged::write(&path, text(&path, answer)?.as_bytes())?;
        let _ = withdraw(&self.data, number);
        let (answers, _) = numbers(&self.data.join(FOLDER), "answer")?;
        let surplus = answers.len().saturating_sub(ANSWERS);
        for old in answers.into_iter().take(surplus) {
            let _ = std::fs::remove_file(file(&self.data, old, "answer"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("mia-control-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        folder
    }

    fn halt() -> Request {
        let reason = "a \"quoted\" word\nand a line".to_owned();
        Request::Halt { state: KillState::HaltTrading, flatten: true, reason }
    }

    #[test]
    fn requests_are_numbered_and_answered_once() {
        let data = folder("numbers");
        let old = submit(&data, &Request::Resume { state: KillState::HaltEntries }).expect("one");
        let inbox = Inbox::open(&data).expect("opens");
        let number = submit(&data, &halt()).expect("two");
        assert_eq!((old, number), (1, 2));
        let nobody = |_| false;
        let found = inbox.next(&nobody).expect("read").expect("the older one");
        assert_eq!((found.number, found.stale), (1, true));
        let found = inbox.next(&|n| n == 1).expect("read").expect("the newer one");
        assert_eq!((found.number, found.request, found.stale), (2, Ok(halt()), false));
        assert_eq!(answer(&data, 2).expect("read"), None);
        let text = Answer { done: true, text: "halted".to_owned() };
        inbox.reply(2, &text).expect("written");
        assert_eq!(answer(&data, 2).expect("read"), Some(text));
        assert!(withdraw(&data, 1) && !withdraw(&data, 2));
        assert!(inbox.next(&nobody).expect("read").is_none());
        // A number is not given again while its answer is there.
        assert_eq!(submit(&data, &halt()).expect("three"), 3);
        let names = std::fs::read_dir(data.join(FOLDER)).expect("folder").count();
        assert_eq!(names, 3, "lock, an answer, a request and nothing else");
        std::fs::remove_dir_all(data).expect("clean up");
    }

    #[test]
    fn many_at_once_each_have_their_number() {
        let data = folder("race");
        let mut all: Vec<u32> = std::thread::scope(|scope| {
            let one = || submit(&data, &halt()).expect("written");
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
            threads.into_iter().map(|t| t.join().expect("ends")).collect()
        });
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3, 4, 5, 6, 7, 8]);
        std::fs::remove_dir_all(data).expect("clean up");
    }

    #[test]
    fn nonsense_is_answered_not_obeyed() {
        let data = folder("nonsense");
        let inbox = Inbox::open(&data).expect("opens");
        for text in
            ["", "command = \"halt\"", "command = \"buy\"", "command = \"resume\"\nstate = 3"]
        {
            std::fs::write(file(&data, 1, "command"), text).expect("written");
            let found = inbox.next(&|_| false).expect("read").expect("there");
            assert!(found.request.is_err(), "{text}");
        }
        std::fs::remove_dir_all(data).expect("clean up");
    }

    #[test]
    fn one_run_a_folder() {
        let data = folder("lock");
        let first = Inbox::open(&data).expect("opens");
        let error = Inbox::open(&data).expect_err("taken").to_string();
        assert!(error.contains("another run"), "{error}");
        drop(first);
        Inbox::open(&data).expect("free again");
        std::fs::remove_dir_all(data).expect("clean up");
    }

    #[test]
    fn the_halt_file() {
        let data = folder("halt");
        std::fs::create_dir_all(&data).expect("folder");
        assert_eq!(halt_file(&data), None);
        for (content, state) in [
            ("", KillState::HaltTrading),
            ("\n", KillState::HaltTrading),
            ("entries\n", KillState::HaltEntries),
            ("HALT_ENTRIES since noon", KillState::HaltEntries),
            ("Emergency", KillState::Emergency),
            ("normal", KillState::HaltTrading),
            ("entires", KillState::HaltTrading),
        ] {
            std::fs::write(data.join(HALT), content).expect("written");
            assert_eq!(halt_file(&data), Some(state), "{content:?}");
        }
        std::fs::remove_file(data.join(HALT)).expect("removed");
        std::fs::create_dir(data.join(HALT)).expect("something of that name");
        assert_eq!(halt_file(&data), Some(KillState::HaltTrading));
        std::fs::remove_dir_all(data).expect("clean up");
    }
}
