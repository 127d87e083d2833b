//! The `mia` binary: see `mia --help`.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match mia::cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("mia: {error:#}");
            ExitCode::FAILURE
        }
    }
}
