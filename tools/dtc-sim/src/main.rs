//! The `dtc-sim` binary: see `dtc-sim --help`. It is built with the `mia` package, whose readers
//! open the files that it serves.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = mia::cmd::serve::ServeArgs::parse();
    match mia::cmd::serve::run(&args, &mut std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dtc-sim: {error:#}");
            ExitCode::FAILURE
        }
    }
}
