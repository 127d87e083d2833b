//! `mia resume`: lifts a halt, once its cause is gone.

use std::io::Write;

use anyhow::Result;
use clap::Args;

use super::halt::{Stop, Where};
use crate::store::control::Request;

/// Arguments of `mia resume`.
#[derive(Args, Debug)]
pub struct ResumeArgs {
    #[command(flatten)]
    of: Where,
    /// The state that is lifted, so that nobody lifts another one than he thinks.
    #[arg(long, value_enum)]
    state: Stop,
}

/// Runs it.
///
/// # Errors
/// Where the request cannot be written, nobody answers, or it is refused.
pub fn run(args: &ResumeArgs, out: &mut dyn Write) -> Result<()> {
    args.of.ask(&Request::Resume { state: args.state.state() }, out)
}
