//! `mia es-bias-bridge`: the newest bias as one line of JSON for another process.
//!
//! The answer is on standard output whatever happens, one object on one line; everything else goes
//! to standard error. A folder that does not answer, such as a network drive, is given up after
//! twenty seconds.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use crossbeam::channel::bounded;

use crate::options::chain::Underlying;
use crate::runtime::clock::Clock;
use crate::store::options::bridge::{Status, TIMEOUT_S};
use crate::store::options::{Bridge, Folders, Mode, bridge, latest};
use crate::units::Ts;

/// Arguments of `mia es-bias-bridge`.
#[derive(Args, Debug)]
pub struct BridgeArgs {
    /// Root of the files that `mia levels` and `mia run` write.
    #[arg(long, value_name = "DIR", default_value = "data")]
    out: PathBuf,
    /// Read what a paper run wrote (`paper/snapshots/…`) instead.
    #[arg(long)]
    paper: bool,
    /// Index: SPX or NDX.
    #[arg(long, default_value = "SPX")]
    symbol: String,
}

/// Runs it.
///
/// # Errors
/// Where the answer cannot be written.
pub fn run(args: &BridgeArgs, out: &mut dyn Write) -> Result<ExitCode> {
    let now = Clock::new().now();
    let mode = if args.paper { Mode::Paper } else { Mode::Live };
    let folders = Folders::new(&args.out, mode, false);
    let symbol = args.symbol.to_ascii_uppercase();
    let answer = match Underlying::of(&symbol) {
        Some(of) => in_time(move || look(&folders, of, now), now)?,
        None => Bridge::without(Status::Error, now, "symbol: want SPX or NDX"),
    };
    writeln!(out, "{}", answer.line())?;
    out.flush()?;
    Ok(ExitCode::from(answer.exit_code()))
}

/// The answer of `look`, or `timeout`.
fn in_time(look: impl FnOnce() -> Bridge + Send + 'static, now: Ts) -> Result<Bridge> {
    let (answer, answers) = bounded(1);
    let asked = std::thread::Builder::new().name("look".to_owned()).spawn(move || {
        // Nobody waits any more for what comes too late.
        let _ = answer.send(look());
    });
    asked.context("no thread")?;
    let limit = Duration::from_secs(TIMEOUT_S);
    Ok(answers
        .recv_timeout(limit)
        .unwrap_or_else(|_| Bridge::without(Status::Timeout, now, "the folder does not answer")))
}

fn look(folders: &Folders, of: Underlying, now: Ts) -> Bridge {
    match latest(folders.options(), of, now) {
        Ok(found) => {
            found.skipped.iter().for_each(|text| eprintln!("mia: {text}"));
            bridge(found.best(), now)
        }
        Err(error) => Bridge::without(Status::Error, now, &format!("{error:#}")),
    }
}
