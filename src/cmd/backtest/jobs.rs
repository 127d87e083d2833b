//! The runs of a backtest: some at a time, and none twice.

use std::collections::BTreeSet;
use std::fmt;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result, anyhow, bail};
use crossbeam::channel::{Receiver, Sender};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::BacktestArgs;
use super::engine;
use super::market::{Market, Read};
use super::plan::Plan;
use super::recorder::Recorder;
use super::results::{Finished, RunResult};
use super::sets::Set;
use crate::cmd::contexts::Timed;
use crate::cmd::playback::{Input, play};
use crate::journal::Reader;
use crate::runtime::clock::Clock;
use crate::runtime::player;
use crate::runtime::setup::Setup;

/// An input of several runs. It is read once, by the first that needs it, and lies in memory until
/// its last run is over.
#[derive(Debug)]
struct Shared<'a> {
    number: usize,
    files: &'a [PathBuf],
    read: OnceLock<Result<Read, String>>,
}

impl<'a> Shared<'a> {
    fn new(number: usize, files: &'a [PathBuf]) -> Shared<'a> {
        Shared { number, files, read: OnceLock::new() }
    }

    /// What it holds; whoever comes while it is read waits.
    fn read(&self, tick: Option<f64>) -> Result<&Read> {
        let read = || Read::open(self.files, tick).map_err(|e| format!("{e:#}"));
        self.read.get_or_init(read).as_ref().map_err(|e| anyhow!(e.clone()))
    }
}

/// A run to be made.
struct Job<'a> {
    input: Arc<Shared<'a>>,
    number: usize,
    set: &'a Set,
}

/// A run that was made, now or before.
struct Done {
    input: usize,
    key: u64,
    before: bool,
    /// Time that it took, ns.
    busy_ns: u64,
    result: RunResult,
}

/// What all runs came to.
#[derive(Debug)]
pub(super) struct Ran {
    /// By set, then in the order of the inputs.
    pub(super) results: Vec<RunResult>,
    /// How many of them were made before.
    pub(super) before: usize,
    /// What should be looked at.
    pub(super) warnings: Vec<String>,
    /// How fast those that were made were.
    pub(super) speed: Speed,
}

/// How fast runs were made: what decodes a file and plays it is in it, what reads it is in the wall
/// time alone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Speed {
    /// Market events of the runs that were made; kept results have none.
    events: u64,
    /// From the first job to the last result, ns.
    wall_ns: u64,
    /// Sum over the jobs, ns.
    busy_ns: u64,
    /// Jobs at a time.
    workers: usize,
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Speed { events, wall_ns, busy_ns, workers } = *self;
        if events == 0 {
            return write!(f, "speed: nothing was played, the results were kept");
        }
        let rate = |ns: u64| events as f64 * 1e9 / ns.max(1) as f64;
        write!(
            f,
            "speed: {events} market events in {:.2} s, {workers} jobs at a time: {:.0} a second, \
             {:.0} a second and core",
            wall_ns as f64 / 1e9,
            rate(wall_ns),
            rate(busy_ns)
        )
    }
}

/// What the workers share.
#[derive(Debug)]
pub(super) struct Work<'a> {
    args: &'a BacktestArgs,
    sets: &'a [Set],
    contexts: &'a [Timed],
    finished: Finished,
    plan: Plan<'a>,
    /// Hash of the program and the contexts.
    base: u64,
    clock: Clock,
}

impl<'a> Work<'a> {
    /// The work of these sets.
    ///
    /// # Errors
    /// With the folder, the configuration or the program that cannot be read.
    pub(super) fn new(
        args: &'a BacktestArgs,
        plan: Plan<'a>,
        sets: &'a [Set],
        contexts: &'a [Timed],
    ) -> Result<Work<'a>> {
        let mut hash = Xxh3::new();
        // A version number says nothing of a program that is being worked on.
        let program = std::env::current_exe().and_then(std::fs::read);
        hash.update(&xxh3_64(&program.context("the program itself")?).to_le_bytes());
        for timed in contexts {
            hash.update(format!("{timed:?}").as_bytes());
        }
        let (finished, base) = (Finished::open(&args.out)?, hash.digest());
        Ok(Work { args, sets, contexts, finished, plan, base, clock: Clock::new() })
    }

    /// Every run, some at a time.
    ///
    /// # Errors
    /// Of the first run that failed.
    pub(super) fn all(&self) -> Result<Ran> {
        let files = self.args.files.as_slice();
        let inputs: Vec<&[PathBuf]> =
            if self.args.together { vec![files] } else { files.chunks(1).collect() };
        let all = inputs.len() * self.sets.len();
        if self.args.records.is_some() && all > 1 {
            bail!("--records: records are of one run, these are {all}");
        }
        let (queue, jobs) = crossbeam::channel::unbounded();
        for (number, &files) in inputs.iter().enumerate() {
            let input = Arc::new(Shared::new(number, files));
            for (number, set) in self.sets.iter().enumerate() {
                // The other end is open: it is held right here.
                let _ = queue.send(Job { input: input.clone(), number, set });
            }
        }
        drop(queue);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = if self.args.jobs == 0 { cores } else { self.args.jobs };
        let workers = workers.clamp(1, all.max(1));
        let begun = self.clock.elapsed_ns();
        let (sender, receiver) = crossbeam::channel::unbounded();
        let all = std::thread::scope(|scope| {
            for _ in 0..workers {
                let (sender, jobs) = (sender.clone(), &jobs);
                scope.spawn(move || self.work(jobs, &sender));
            }
            drop(sender);
            self.collect(&receiver, &jobs, all)
        })?;
        let made = || all.iter().filter(|done| !done.before);
        let speed = Speed {
            events: made().map(|done| done.result.events).sum(),
            wall_ns: self.clock.elapsed_ns() - begun,
            busy_ns: made().map(|done| done.busy_ns).sum(),
            workers,
        };
        Ok(Ran { speed, ..in_order(all) })
    }

    fn work(&self, jobs: &Receiver<Job<'_>>, sender: &Sender<Result<Done>>) {
        for job in jobs {
            let read = job.input.read(self.args.tick);
            if sender.send(read.and_then(|read| self.one(&job, read))).is_err() {
                return;
            }
        }
    }

    fn one(&self, job: &Job<'_>, read: &Read) -> Result<Done> {
        let setup = self.plan.setup(job.set, read)?;
        let key = self.key(&setup, read);
        let kept = if self.args.fresh || self.args.records.is_some() {
            None
        } else {
            self.finished.get(key)
        };
        let (before, begun) = (kept.is_some(), self.clock.elapsed_ns());
        let result = match kept {
            Some(kept) => kept,
            None => self.made(&setup, read)?,
        };
        let busy_ns = self.clock.elapsed_ns() - begun;
        let (file, label, cut) = (read.name.clone(), job.set.label.clone(), read.cut.clone());
        let result = RunResult { file, cut, set: job.number, label, ..result };
        Ok(Done { input: job.input.number, key, before, busy_ns, result })
    }

    fn made(&self, setup: &Setup, read: &Read) -> Result<RunResult> {
        let input = match &read.market {
            Market::Ticks(files) => {
                let sent = self.args.wire_times.map(Into::into);
                Input::Ticks { files, contexts: self.contexts, sent }
            }
            Market::Journal(file) => {
                let named = || file.path.display().to_string();
                Input::Journal { file, reader: Reader::open(&file.data).with_context(named)? }
            }
        };
        let empty = RunResult::new();
        let Some(folder) = &self.args.records else {
            return engine::run(setup, &input, empty, |_| Ok(()));
        };
        let named = match &input {
            Input::Journal { file, reader } => {
                let path = file.path.display();
                // Records of what the run never did are worse than none: nothing is written before.
                if let Some(differs) = play(setup, &input, |_| Ok(()))?.differs {
                    bail!("{path}: {differs} Its records cannot be made again.");
                }
                player::named(reader).map_err(|e| anyhow!("{path}: {e}"))?
            }
            Input::Ticks { .. } => Vec::new(),
        };
        let mut recorder = Recorder::new(folder, setup, named);
        let result = engine::run(setup, &input, empty, |step| recorder.step(step))?;
        recorder.finish()?;
        Ok(result)
    }

    /// What a result depends on, as a number.
    fn key(&self, setup: &Setup, read: &Read) -> u64 {
        let mut hash = Xxh3::new();
        hash.update(&self.base.to_le_bytes());
        hash.update(&setup.state_hash());
        hash.update(setup.mode.as_bytes());
        hash.update(&[0]);
        hash.update(&read.hash.to_le_bytes());
        hash.update(format!("{:?}", self.args.wire_times).as_bytes());
        hash.digest()
    }

    /// Gathers the results, keeps each as it comes, and says how far it is; the first error stops
    /// the rest.
    fn collect(
        &self,
        receiver: &Receiver<Result<Done>>,
        jobs: &Receiver<Job<'_>>,
        all: usize,
    ) -> Result<Vec<Done>> {
        let (mut done, mut kept) = (Vec::with_capacity(all), BTreeSet::new());
        let terminal = std::io::stderr().is_terminal();
        let mut failed = None;
        for one in receiver {
            // Two inputs may hold the same, two sets may come to the same.
            let one = one.and_then(|one| {
                if !one.before && kept.insert(one.key) {
                    self.finished.put(one.key, &one.result)?;
                }
                Ok(one)
            });
            match one {
                Ok(one) => done.push(one),
                Err(error) => {
                    jobs.try_iter().for_each(drop);
                    failed.get_or_insert(error);
                }
            }
            if terminal {
                eprint!("\r{}/{all} runs ", done.len());
            }
        }
        if terminal {
            eprint!("\r\x1b[K");
        }
        match failed {
            Some(error) => Err(error),
            None if done.len() < all => bail!("{} of {all} runs ended", done.len()),
            None => Ok(done),
        }
    }
}

/// By set and input, whichever thread was first; what an input repeats of one before it is left
/// out, a trade counts once.
fn in_order(mut all: Vec<Done>) -> Ran {
    all.sort_by_key(|done| (done.result.set, done.input));
    let speed = Speed::default();
    let mut ran = Ran { results: Vec::new(), before: 0, warnings: Vec::new(), speed };
    let mut seen = BTreeSet::new();
    let mut warn = BTreeSet::new();
    for done in all {
        let (set, file) = (done.result.set, &done.result.file);
        if !seen.insert((set, done.key)) {
            warn.insert(format!("{file}: holds what an input before it holds: it counts once"));
            continue;
        }
        warn.extend(done.result.doubts.iter().map(|doubt| format!("{file}: {doubt}")));
        warn.extend(done.result.cut.iter().map(|cut| format!("{cut}; what is whole was played")));
        ran.before += usize::from(done.before);
        ran.results.push(done.result);
    }
    ran.warnings.extend(warn);
    ran
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(input: usize, set: usize, key: u64, file: &str) -> Done {
        let file = file.to_owned();
        Done {
            input,
            key,
            before: false,
            busy_ns: 0,
            result: RunResult { file, set, ..RunResult::new() },
        }
    }

    #[test]
    fn the_order_is_that_of_the_inputs() {
        // As threads may end: two files of one name, the later first.
        let all = vec![
            done(2, 0, 7, "c/es.scid"),
            done(1, 1, 6, "b/es.scid"),
            done(1, 0, 5, "b/es.scid"),
            done(0, 0, 3, "a/es.scid"),
            done(0, 1, 4, "a/es.scid"),
        ];
        let ran = in_order(all);
        let files: Vec<(usize, &str)> =
            ran.results.iter().map(|r| (r.set, r.file.as_str())).collect();
        let expected = [(0, "a"), (0, "b"), (0, "c"), (1, "a"), (1, "b")];
        let expected: Vec<(usize, String)> =
            expected.map(|(set, folder)| (set, format!("{folder}/es.scid"))).to_vec();
        assert!(files.iter().copied().eq(expected.iter().map(|(s, f)| (*s, f.as_str()))));
        assert!(ran.warnings.is_empty());
    }

    /// However many runs ask for it at once, an input lies in memory once, and no longer than the
    /// last of them.
    #[test]
    fn an_input_is_read_once() {
        let name = format!("mia-once-{}-ESZ6.scid", std::process::id());
        let files = [std::env::temp_dir().join(name)];
        let [path] = &files;
        std::fs::write(path, [b"SCID".as_slice(), &[0; 96]].concat()).expect("written");
        let input = Arc::new(Shared::new(0, &files));
        let address = |read: &Read| std::ptr::from_ref(read) as usize;
        let all: BTreeSet<usize> = std::thread::scope(|scope| {
            let run = || address(input.read(Some(0.25)).expect("readable"));
            let runs: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
            runs.into_iter().map(|run| run.join().expect("ends")).collect()
        });
        assert_eq!(all.len(), 1);
        std::fs::remove_file(path).expect("clean up");
        let missing = [PathBuf::from("no-such-file.scid")];
        let input = Shared::new(0, &missing);
        for _ in 0..2 {
            let error = input.read(None).map(drop).expect_err("missing").to_string();
            assert!(error.contains("no-such-file.scid"), "{error}");
        }
    }

    #[test]
    fn speeds() {
        let speed =
            |events| Speed { events, wall_ns: 2_000_000_000, busy_ns: 3_200_000_000, workers: 2 };
        assert_eq!(
            speed(8_000_000).to_string(),
            "speed: 8000000 market events in 2.00 s, 2 jobs at a time: 4000000 a second, 2500000 a \
             second and core"
        );
        assert!(speed(0).to_string().contains("kept"));
    }

    #[test]
    fn what_is_there_twice_counts_once() {
        let all = vec![done(1, 0, 5, "copy"), done(0, 0, 5, "first"), done(0, 1, 5, "first")];
        let ran = in_order(all);
        let files: Vec<(usize, &str)> =
            ran.results.iter().map(|r| (r.set, r.file.as_str())).collect();
        assert_eq!(files, [(0, "first"), (1, "first")], "two sets may come to the same");
        assert_eq!(ran.warnings.len(), 1);
    }
}
