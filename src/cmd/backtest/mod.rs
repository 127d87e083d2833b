//! `mia backtest FILES…`: recorded markets through the whole core with the simulated exchange.

mod engine;
mod jobs;
mod market;
mod pair;
mod parquet;
mod plan;
mod print;
mod recorder;
mod results;
mod sets;
mod summary;
mod walk;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

use self::jobs::Work;
use self::plan::Plan;
use self::sets::{Set, sets};
use self::summary::{Summary, Walk};
use self::walk::Split;
use super::analytics::is_journal;
use super::contexts;
use super::serve::Form;

/// Arguments of `mia backtest`.
#[derive(Args, Debug)]
pub struct BacktestArgs {
    /// Tick files (.scid, .depth, .dbn, .dbn.zst) or journals. Each is a run of its own.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// All files are one market, merged by time: the .scid and .depth of a symbol, or ES and NQ.
    #[arg(long)]
    together: bool,
    /// Configuration file. Without one a journal brings its own, with what its run began with;
    /// where nothing is changed it is repeated as it was, orders at a venue included.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Preset of the decision. Files without option context need `core`, the default; a journal
    /// brings its own.
    #[arg(long)]
    preset: Option<String>,
    /// Change a key of the configuration: `--set decision.gate=60`; repeat it for further keys.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// TOML file in which every key holds a list of values: all combinations are run.
    #[arg(long, value_name = "FILE")]
    grid: Option<PathBuf>,
    /// TOML file with changed keys: run as B beside the configuration, A, and compare them date by
    /// date.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["grid", "walk_forward"])]
    against: Option<PathBuf>,
    /// Choose the best set on TRAIN trade dates and judge it on the next TEST, leaving PURGE out.
    #[arg(long, value_name = "TRAIN:TEST[:PURGE]", requires = "grid")]
    walk_forward: Option<Split>,
    /// Trades in training without which a set is not chosen.
    #[arg(long, value_name = "N", default_value_t = 30, requires = "walk_forward")]
    least_trades: usize,
    /// Write the records of a single run, in the tree of its mode below this data folder:
    /// DIR/replay/snapshots/trades; those of a journal are made again.
    #[arg(long, value_name = "DIR")]
    records: Option<PathBuf>,
    /// Print the tables of `mia report` for each set, by session, regime, tier, feature and so on.
    #[arg(long, conflicts_with = "json")]
    tables: bool,
    /// Runs at a time; 0 = as many as cores.
    #[arg(long, default_value_t = 0)]
    jobs: usize,
    /// Folder of the results. A backtest that was stopped goes on where it was.
    #[arg(long, default_value = "data/replay/backtest")]
    out: PathBuf,
    /// Run again what is finished.
    #[arg(long)]
    fresh: bool,
    /// Folder of recorded context versions (context-VERSION.json).
    #[arg(long)]
    context: Option<PathBuf>,
    /// Baseline of a root product (see `mia baseline build`); repeat it for further roots.
    #[arg(long, value_name = "FILE")]
    baseline: Vec<PathBuf>,
    /// Tick size in points, for products that are not ES, NQ, MES or MNQ.
    #[arg(long)]
    tick: Option<f64>,
    /// Round exchange times as a DTC server that sends messages of this form rounds them, to
    /// compare with a run on such a server.
    #[arg(long, value_enum, value_name = "FORM")]
    wire_times: Option<Form>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// With the file and what is wrong with it, with the key of a set that is refused, or where a
/// result cannot be written.
pub fn run(args: &BacktestArgs, out: &mut dyn Write) -> Result<()> {
    let sets = all_sets(args)?;
    let plan = Plan::new(args, &sets)?;
    if args.config.is_some() || !args.files.iter().all(|path| is_journal(path)) {
        plan.check(&sets)?;
    }
    let contexts = contexts::load(args.context.as_deref())?;
    let ran = Work::new(args, plan, &sets, &contexts)?.all()?;
    ran.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    parquet::write(&args.out, &ran.results)?;
    let mut summary = Summary::new(&sets, &ran.results, args.against.is_some())?;
    if let Some(split) = args.walk_forward {
        let folds = walk::folds(&ran.results, split, args.least_trades)?;
        summary.walk_forward = Some(Walk::new(&folds, args.least_trades));
    }
    if args.json {
        writeln!(out, "{}", simd_json::to_string(&summary)?)?;
        // Two equal backtests print equal objects: how long they took stands beside them.
        eprintln!("mia: {}", ran.speed);
        return Ok(());
    }
    print::text(&summary, out)?;
    if args.tables {
        let sections: Vec<_> = summary.sets.into_iter().map(|set| set.section()).collect();
        write!(out, "{}", super::analytics::text(&sections))?;
    }
    let (before, all) = (ran.before, ran.results.len());
    writeln!(out, "\n{}", ran.speed)?;
    writeln!(out, "results {} ({before} of {all} runs from before)", args.out.display())?;
    Ok(())
}

fn all_sets(args: &BacktestArgs) -> Result<Vec<Set>> {
    let read =
        |path: &Path| std::fs::read_to_string(path).with_context(|| path.display().to_string());
    let grid = args.grid.as_deref().map(read).transpose()?;
    let mut all = sets(&args.set, grid.as_deref())?;
    if let (Some(path), [a]) = (&args.against, all.as_slice()) {
        let named = || path.display().to_string();
        let b = sets::changed(a, &read(path)?).with_context(named)?;
        all.push(b);
    }
    Ok(all)
}
