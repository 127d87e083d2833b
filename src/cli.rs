//! The command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::cmd;

/// A low-latency, lock-free trading pipeline for ES and NQ futures.
#[derive(Debug, Parser)]
#[command(name = "mia", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the live pipeline against DTC servers or the files that Sierra Chart writes.
    Run(cmd::run::RunArgs),
    /// Stop the run that uses a data folder: entries, trading, or everything.
    Halt(cmd::halt::HaltArgs),
    /// Lift a halt, once its cause is gone.
    Resume(cmd::resume::ResumeArgs),
    /// Run the live pipeline against a synthetic market over TCP; ends by itself.
    Demo(cmd::demo::DemoArgs),
    /// Measure tick-to-decision latency on a fixed arrival schedule.
    Latency(cmd::latency::LatencyArgs),
    /// Print any frame, journal, .scid or .depth file as JSON lines.
    Inspect(cmd::inspect::InspectArgs),
    /// Run captured tick files or a journal through the whole core.
    Replay(cmd::replay::ReplayArgs),
    /// Run recorded markets with the simulated exchange: one set of parameters or many.
    Backtest(cmd::backtest::BacktestArgs),
    /// Say why an order was sent, or why none was: features, weights, gates, limits.
    Explain(cmd::explain::ExplainArgs),
    /// Build or show a baseline: what recorded sessions say is usual.
    Baseline(cmd::baseline::BaselineArgs),
    /// List the 28 features, or the columns of a feature table.
    Features(cmd::features::FeaturesArgs),
    /// Option chain to levels and bias: fetch or read, compute, print, draw, write the files.
    Levels(cmd::levels::LevelsArgs),
    /// Print the newest bias as one JSON line for other programs; exit 0 if it may be used, else 2.
    EsBiasBridge(cmd::bridge::BridgeArgs),
    /// Draw a session: price with VWAP bands, volume profile, volume, CVD, marks.
    Plot(cmd::plot::PlotArgs),
    /// Pack the files of months that are over, check that files are what was written, unpack.
    Archive(cmd::archive::ArchiveArgs),
    /// Trade records to statistics: print them, write Markdown, JSON and one page with charts.
    Report(cmd::analytics::ReportArgs),
}

impl Cli {
    /// Runs the chosen command.
    ///
    /// # Errors
    /// What the command says.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let out = &mut std::io::stdout().lock();
        match &self.command {
            Command::EsBiasBridge(args) => return cmd::bridge::run(args, out),
            Command::Run(args) => cmd::run::run(args, out),
            Command::Halt(args) => cmd::halt::run(args, out),
            Command::Resume(args) => cmd::resume::run(args, out),
            Command::Demo(args) => cmd::demo::run(args, out),
            Command::Latency(args) => cmd::latency::run(args, out),
            Command::Inspect(args) => cmd::inspect::run(args, out),
            Command::Replay(args) => cmd::replay::run(args, out),
            Command::Backtest(args) => cmd::backtest::run(args, out),
            Command::Explain(args) => cmd::explain::run(args, out),
            Command::Baseline(args) => cmd::baseline::run(args, out),
            Command::Features(args) => cmd::features::run(args, out),
            Command::Levels(args) => cmd::levels::run(args, out),
            Command::Plot(args) => cmd::plot::run(args, out),
            Command::Archive(args) => cmd::archive::run(args, out),
            Command::Report(args) => cmd::analytics::run(args, out),
        }?;
        Ok(ExitCode::SUCCESS)
    }
}
