//! `mia backtest FILES…`: recorded markets through the whole core with the simulated exchange.

mod engine;
mod pair;
mod parquet;
mod print;
mod results;
mod sets;
mod walk;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use xxhash_rust::xxh3::Xxh3;

use self::results::{Finished, RunResult};
use self::sets::{Set, sets};
use self::walk::Split;
use super::contexts::{self, Timed};
use super::playback::{self, Input};
use crate::config::TradingConfig;
use crate::journal::Reader;
use crate::runtime::baselines;
use crate::runtime::clock::Clock;
use crate::runtime::files::{FileKind, Loaded, TickFiles, load};
use crate::runtime::setup::Setup;

/// Arguments of `mia backtest`.
#[derive(Args, Debug)]
pub struct BacktestArgs {
    /// Tick files (.scid, .depth, .dbn, .dbn.zst) or journals. Each is a run of its own.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// All files are one market, merged by time: the .scid and .depth of a symbol, or ES and NQ.
    #[arg(long)]
    together: bool,
    /// Configuration file; a journal brings its own.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Preset of the decision. Files without option context need `core`, the default.
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
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// A run to be made.
struct Job<'a> {
    files: &'a [PathBuf],
    number: usize,
    set: &'a Set,
}

/// Runs it.
///
/// # Errors
/// With the file and what is wrong with it, with the key of a set that is refused, or where a
/// result cannot be written.
pub fn run(args: &BacktestArgs, out: &mut dyn Write) -> Result<()> {
    let sets = all_sets(args)?;
    let contexts = contexts::load(args.context.as_deref())?;
    let finished = Finished::open(&args.out)?;
    let groups: Vec<&[PathBuf]> =
        if args.together { vec![args.files.as_slice()] } else { args.files.chunks(1).collect() };
    let jobs: Vec<Job<'_>> = groups
        .iter()
        .flat_map(|&files| {
            sets.iter().enumerate().map(move |(number, set)| Job { files, number, set })
        })
        .collect();
    let work = Work {
        args,
        contexts: &contexts,
        finished: &finished,
        jobs: &jobs,
        clock: Clock::new(),
        made: AtomicU64::new(0),
        busy_ns: AtomicU64::new(0),
    };
    let begun = work.clock.elapsed_ns();
    let mut results = work.all()?;
    let speed = work.speed(work.clock.elapsed_ns() - begun);
    results.sort_by(|a, b| (a.set, &a.file).cmp(&(b.set, &b.file)));
    parquet::write(&args.out, &results)?;
    let folds = args.walk_forward.map(|split| walk::folds(&results, split)).transpose()?;
    let summary = print::Summary::new(&sets, &results, folds.as_deref(), args.against.is_some());
    if args.json {
        writeln!(out, "{}", simd_json::to_string(&summary)?)?;
        // Two equal backtests print equal objects: how long they took stands beside them.
        eprintln!("mia: {speed}");
    } else {
        print::text(&summary, out)?;
        writeln!(out, "\n{speed}\nresults {}", args.out.display())?;
    }
    Ok(())
}

fn all_sets(args: &BacktestArgs) -> Result<Vec<Set>> {
    let preset = match (&args.config, &args.preset) {
        (None, None) => Some("core"),
        (_, preset) => preset.as_deref(),
    };
    let mut base = playback::config(args.config.as_deref(), preset)?;
    let trading = base.trading.get_or_insert_with(TradingConfig::default);
    // What a live configuration would send is simulated here, whatever it says.
    trading.mode = crate::config::TradingMode::Paper;
    trading.symbols.clear();
    let read =
        |path: &PathBuf| std::fs::read_to_string(path).with_context(|| path.display().to_string());
    let grid = args.grid.as_ref().map(read).transpose()?;
    let mut all = sets(&base, &args.set, grid.as_deref())?;
    if let Some(path) = &args.against {
        let named = || path.display().to_string();
        all.extend(sets::changed(&base, &args.set, &read(path)?).with_context(named)?);
    }
    Ok(all)
}

/// What the workers share.
struct Work<'a> {
    args: &'a BacktestArgs,
    contexts: &'a [Timed],
    finished: &'a Finished,
    jobs: &'a [Job<'a>],
    clock: Clock,
    /// Market events of the runs that were made, and the time that took, of all workers.
    made: AtomicU64,
    busy_ns: AtomicU64,
}

impl Work<'_> {
    /// How many jobs run at a time.
    fn workers(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = if self.args.jobs == 0 { cores } else { self.args.jobs };
        workers.clamp(1, self.jobs.len().max(1))
    }

    fn speed(&self, wall_ns: u64) -> print::Speed {
        let of = |sum: &AtomicU64| sum.load(Ordering::Relaxed);
        let (events, busy_ns) = (of(&self.made), of(&self.busy_ns));
        print::Speed { events, wall_ns, busy_ns, workers: self.workers() }
    }

    /// Every job, some at a time.
    fn all(&self) -> Result<Vec<RunResult>> {
        let workers = self.workers();
        let next = AtomicUsize::new(0);
        let (sender, receiver) = crossbeam::channel::unbounded();
        std::thread::scope(|scope| {
            for _ in 0..workers {
                let (sender, next) = (sender.clone(), &next);
                scope.spawn(move || self.work(next, &sender));
            }
            drop(sender);
            self.collect(&receiver, &next)
        })
    }

    fn work(&self, next: &AtomicUsize, sender: &crossbeam::channel::Sender<Result<RunResult>>) {
        let mut loaded: Option<(&[PathBuf], Vec<Loaded>)> = None;
        while let Some(job) = self.jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            // Jobs of one input come one after the other: it is read once.
            if loaded.as_ref().is_none_or(|(files, _)| *files != job.files) {
                let files = job.files.iter().map(|p| load(p).map_err(|e| anyhow!(e)));
                match files.collect::<Result<Vec<_>>>() {
                    Ok(files) => loaded = Some((job.files, files)),
                    Err(error) => {
                        let _ = sender.send(Err(error));
                        return;
                    }
                }
            }
            let Some((_, files)) = loaded.take() else { return };
            let (result, files) = self.one(job, files);
            loaded = Some((job.files, files));
            if sender.send(result).is_err() {
                return;
            }
        }
    }

    /// One job; the files come back for the next.
    fn one(&self, job: &Job<'_>, files: Vec<Loaded>) -> (Result<RunResult>, Vec<Loaded>) {
        let key = self.key(job, &files);
        if !self.args.fresh
            && let Some(result) = self.finished.get(key)
        {
            let result = RunResult { set: job.number, label: job.set.label.clone(), ..result };
            return (Ok(result), files);
        }
        let begun = self.clock.elapsed_ns();
        let (result, files) = self.made(job, files);
        if let Ok(result) = &result {
            self.made.fetch_add(result.events, Ordering::Relaxed);
            self.busy_ns.fetch_add(self.clock.elapsed_ns() - begun, Ordering::Relaxed);
        }
        let kept = result.and_then(|result| {
            self.finished.put(key, &result)?;
            Ok(result)
        });
        (kept, files)
    }

    fn made(&self, job: &Job<'_>, files: Vec<Loaded>) -> (Result<RunResult>, Vec<Loaded>) {
        let name = job.files.first().map(|p| engine::name(p));
        let Some(Ok(name)) = name else { return (Err(anyhow!("no file")), files) };
        let empty = RunResult::new(name, job.number, job.set.label.clone());
        if let [file] = files.as_slice()
            && file.kind == FileKind::Journal
        {
            let result = self.journal(job, file, empty);
            return (result, files);
        }
        let ticks = match TickFiles::new(files, self.args.tick) {
            Ok(ticks) => ticks,
            Err(error) => return (Err(anyhow!(error)), Vec::new()),
        };
        let result = self.ticks(job, &ticks, empty);
        (result, ticks.into_files())
    }

    fn ticks(&self, job: &Job<'_>, files: &TickFiles, empty: RunResult) -> Result<RunResult> {
        let (config, instruments) = (job.set.config.clone(), files.instruments.clone());
        let mut setup = Setup::new(config, instruments, "replay").map_err(|e| anyhow!(e))?;
        baselines::attach(&mut setup, &self.args.baseline).map_err(|e| anyhow!(e))?;
        let input = Input::Ticks { files, contexts: self.contexts };
        engine::run(&setup, &input, empty, |_| Ok(()))
    }

    /// A journal is played as the run was, where nothing was changed.
    fn journal(&self, job: &Job<'_>, file: &Loaded, empty: RunResult) -> Result<RunResult> {
        let named = |e: &dyn std::fmt::Display| anyhow!("{}: {e}", file.path.display());
        let reader = Reader::open(&file.data).map_err(|e| named(&e))?;
        let recorded = Setup::from_journal(&reader).map_err(|e| named(&e))?;
        let args = self.args;
        let own = args.config.is_none() && args.preset.is_none() && job.set.label.is_empty();
        let setup = if own && recorded.config.trading.is_some() {
            recorded
        } else {
            let (config, instruments) = (job.set.config.clone(), recorded.instruments);
            let fresh = Setup::new(config, instruments, "replay").map_err(|e| named(&e))?;
            Setup { baselines: recorded.baselines, ..fresh }
        };
        engine::run(&setup, &Input::Journal { file, reader }, empty, |_| Ok(()))
    }

    /// What a result depends on, as a number.
    fn key(&self, job: &Job<'_>, files: &[Loaded]) -> u64 {
        let mut hash = Xxh3::new();
        hash.update(env!("CARGO_PKG_VERSION").as_bytes());
        hash.update(job.set.config.to_text().as_bytes());
        hash.update(&[u8::from(job.set.label.is_empty())]);
        hash.update(format!("{:?} {:?}", self.args.tick, self.args.together).as_bytes());
        for file in files {
            hash.update(&xxhash_rust::xxh3::xxh3_64(&file.data).to_le_bytes());
        }
        for timed in self.contexts {
            hash.update(format!("{timed:?}").as_bytes());
        }
        for path in &self.args.baseline {
            hash.update(&std::fs::read(path).unwrap_or_default());
        }
        hash.digest()
    }

    /// Gathers the results and says how far it is; the first error stops the rest.
    fn collect(
        &self,
        receiver: &crossbeam::channel::Receiver<Result<RunResult>>,
        next: &AtomicUsize,
    ) -> Result<Vec<RunResult>> {
        let (all, mut results) = (self.jobs.len(), Vec::with_capacity(self.jobs.len()));
        let terminal = std::io::stderr().is_terminal();
        let mut failed = None;
        for result in receiver {
            match result {
                Ok(result) => results.push(result),
                Err(error) => {
                    next.store(all, Ordering::Relaxed);
                    failed.get_or_insert(error);
                }
            }
            if terminal {
                eprint!("\r{}/{all} runs ", results.len());
            }
        }
        if terminal {
            eprint!("\r\x1b[K");
        }
        match failed {
            Some(error) => Err(error),
            None if results.len() < all => bail!("{} of {all} runs ended", results.len()),
            None => Ok(results),
        }
    }
}
