//! The `mock-massive` binary: see `mock-massive --help`. It is built with the `mia` package, whose
//! readers open the file that it serves.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = mia::cmd::mock_massive::MockArgs::parse();
    match mia::cmd::mock_massive::run(&args, &mut std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mock-massive: {error:#}");
            ExitCode::FAILURE
        }
    }
}
