//! The `mia` binary: see `mia --help`.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match mia::cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mia: {error:#}");
            ExitCode::FAILURE
        }
    }
}
