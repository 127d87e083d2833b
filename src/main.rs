//! The `mia` binary: see `mia --help`.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match mia::cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            // Where nobody can read it, the exit code says it.
            let _ = writeln!(std::io::stderr(), "mia: {error:#}");
            ExitCode::FAILURE
        }
    }
}
