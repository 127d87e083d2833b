//! `mia halt`: stops the run that uses a data folder, and says whether it answered.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, ValueEnum};

use crate::config::Config;
use crate::order::KillState;
use crate::runtime::clock::Clock;
use crate::store::control::{self, REASON_MAX, Request};
use crate::units::SECOND;

/// How far to stop, as an operator says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stop {
    /// No entries; stops and targets stay.
    Entries,
    /// Entries are canceled, positions closed, then no orders.
    Trading,
    /// The account is flattened, the connection closed; only a new start ends it.
    Emergency,
}

impl Stop {
    /// The state of the kill switch.
    #[must_use]
    pub const fn state(self) -> KillState {
        match self {
            Stop::Entries => KillState::HaltEntries,
            Stop::Trading => KillState::HaltTrading,
            Stop::Emergency => KillState::Emergency,
        }
    }
}

/// Which run is meant.
#[derive(Args, Debug)]
pub struct Where {
    /// Data folder of the run.
    #[arg(long, value_name = "DIR", default_value = "data", conflicts_with = "config")]
    data: PathBuf,
    /// Configuration of the run, which names its data folder.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Seconds to wait for an answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    wait: u32,
}

/// Arguments of `mia halt`.
#[derive(Args, Debug)]
pub struct HaltArgs {
    #[command(flatten)]
    of: Where,
    /// How far to stop.
    #[arg(long, value_enum, default_value_t = Stop::Trading)]
    state: Stop,
    /// Close every position too.
    #[arg(long)]
    flatten: bool,
    /// Why; it goes to the run's log.
    #[arg(long, default_value = "")]
    reason: String,
}

/// Runs it.
///
/// # Errors
/// Where the request cannot be written, nobody answers, or it had no effect.
pub fn run(args: &HaltArgs, out: &mut dyn Write) -> Result<()> {
    let reason = args.reason.chars().take(REASON_MAX).collect();
    let request = Request::Halt { state: args.state.state(), flatten: args.flatten, reason };
    args.of.ask(&request, out)
}

impl Where {
    fn folder(&self) -> Result<PathBuf> {
        let Some(path) = &self.config else { return Ok(self.data.clone()) };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("configuration {}", path.display()))?;
        let config = Config::parse(&text).map_err(|e| anyhow!("{}: {e}", path.display()))?;
        Ok(config.trading.unwrap_or_default().folder)
    }

    /// Writes a request, waits for its answer and prints it.
    pub(super) fn ask(&self, request: &Request, out: &mut dyn Write) -> Result<()> {
        let data = self.folder()?;
        if !data.is_dir() {
            bail!("{}: no such data folder", data.display());
        }
        let number = control::submit(&data, request)?;
        let clock = Clock::new();
        let start = clock.now();
        loop {
            if let Some(answer) = control::answer(&data, number)? {
                if !answer.done {
                    bail!("{}", answer.text);
                }
                writeln!(out, "{}", answer.text)?;
                return Ok(());
            }
            if clock.now().since(start) >= i64::from(self.wait) * SECOND {
                return Err(nobody(&data, number, request));
            }
            Clock::sleep(Duration::from_millis(50));
        }
    }
}

/// Nobody answered. A halt stays for the next start, which is the safe side; a resume does not.
fn nobody(data: &Path, number: u32, request: &Request) -> anyhow::Error {
    let what = match request {
        Request::Halt { .. } => "the halt stays there and holds at the next start",
        Request::Resume { .. } if control::withdraw(data, number) => "nothing was lifted",
        Request::Resume { .. } => "a run has just taken it: ask again",
    };
    anyhow!("nobody answered in {}: no run uses it, or it hangs; {what}", data.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::control::{Answer, Inbox};

    fn place(data: &Path, wait: u32) -> Where {
        Where { data: data.to_owned(), config: None, wait }
    }

    #[test]
    fn a_halt_that_nobody_answers_stays_and_a_resume_does_not() {
        let data = std::env::temp_dir().join(format!("mia-halt-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&data);
        let halt = HaltArgs {
            of: place(&data, 0),
            state: Stop::Entries,
            flatten: true,
            reason: "é".repeat(REASON_MAX + 1),
        };
        let error = run(&halt, &mut Vec::new()).expect_err("no folder").to_string();
        assert!(error.contains("no such data folder"), "{error}");
        std::fs::create_dir(&data).expect("folder");
        let error = run(&halt, &mut Vec::new()).expect_err("nobody").to_string();
        assert!(error.contains("nobody answered") && error.contains("next start"), "{error}");
        let resume = Request::Resume { state: KillState::HaltEntries };
        let error = place(&data, 0).ask(&resume, &mut Vec::new()).expect_err("nobody").to_string();
        assert!(error.contains("nothing was lifted"), "{error}");
        let inbox = Inbox::open(&data).expect("opens");
        let left = inbox.next(&|_| false).expect("read").expect("the halt");
        let reason = "é".repeat(REASON_MAX);
        let state = KillState::HaltEntries;
        assert_eq!(left.request, Ok(Request::Halt { state, flatten: true, reason }));
        assert!(inbox.next(&|n| n == left.number).expect("read").is_none());
        std::fs::remove_dir_all(data).expect("clean up");
    }

    #[test]
    fn the_answer_is_printed_or_is_the_error() {
        let data = std::env::temp_dir().join(format!("mia-answer-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&data);
        std::fs::create_dir(&data).expect("folder");
        let inbox = Inbox::open(&data).expect("opens");
        for done in [true, false] {
            let mut out = Vec::new();
            let asked = std::thread::scope(|scope| {
                scope.spawn(|| {
                    loop {
                        if let Some(found) = inbox.next(&|_| false).expect("read") {
                            let text = "the state is X".to_owned();
                            inbox.reply(found.number, &Answer { done, text }).expect("written");
                            return;
                        }
                        Clock::sleep(Duration::from_millis(5));
                    }
                });
                let request = Request::Resume { state: KillState::HaltTrading };
                place(&data, 30).ask(&request, &mut out)
            });
            assert_eq!(asked.is_ok(), done);
            let said = asked.err().map_or_else(
                || String::from_utf8_lossy(&out).into_owned(),
                |error| format!("{error}\n"),
            );
            assert_eq!(said, "the state is X\n");
        }
        std::fs::remove_dir_all(data).expect("clean up");
    }
}
