//! The cold thread: index files followed, chains asked for on schedule, levels computed, files
//! written, and the Context published.
//!
//! A provider is asked on a thread of its own, so that one that hangs delays nothing else; what it
//! says late is taken late. Whatever fails leaves the last good levels in the Context, with their
//! own times, until their validity ends. Nothing here is waited for by a hot thread: it finds a
//! newer [`Context`] behind a pointer, or the same one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use crossbeam::channel::{Receiver, Sender, bounded};
use rtrb::Consumer;

use super::asker::{self, Answer, Asked, Asker, IndexAsker, Indices, provider};
use super::clock::Clock;
use super::desk::{Around, Desk, Levelled};
use super::mids::Futures;
use super::out::IndexTick;
use super::schedule::{Schedule, Why};
use super::unusual::Watch;
use super::vix::Vix;
use crate::calendar::Calendar;
use crate::config::{Config, OptionsConfig, Provider};
use crate::context::{Context, Scope};
use crate::options::chain::{Chain, Print, Underlying};
use crate::providers::ChainProvider;
use crate::snapshot::Publisher;
use crate::store::contexts::{self, Timed};
use crate::store::options::{Mode, folders, latest};
use crate::units::{MINUTE, Ts};

/// How long the thread rests between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// Least time between two publications for a change of numbers alone.
const REFRESH_NS: i64 = MINUTE;

/// What a screen may show of one underlying.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// When the levels in use were captured, and of what time their data are.
    pub captured: Option<(Ts, Ts)>,
    /// Sanity, such as `GO 100`.
    pub sanity: String,
    /// Why the last try failed, while it did.
    pub trouble: Option<String>,
}

/// What a screen may show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// By ticker.
    pub levels: BTreeMap<&'static str, Shown>,
    /// VIX in points with its time, and whether it is stale.
    pub vix: Option<(f64, Ts, bool)>,
    /// Version of the Context.
    pub version: u64,
}

/// One underlying.
struct Job {
    of: Underlying,
    schedule: Schedule,
    asking: bool,
    levelled: Option<Levelled>,
    /// Scope of what is published.
    scope: Option<Scope>,
    vix_diffs: Vec<f64>,
    unusual: Watch,
}

/// What the thread is made from.
#[derive(Debug)]
pub struct Parts {
    /// The whole configuration.
    pub config: Config,
    /// The calendar.
    pub calendar: Arc<Calendar>,
    /// The clock.
    pub clock: Clock,
    /// Where the Context goes.
    pub publisher: Publisher,
    /// Mids of the futures, for a live basis.
    pub futures: Futures,
    /// Values of the indices that a DTC source gives.
    pub indices: Option<Consumer<IndexTick>>,
}

/// The running thread.
#[derive(Debug)]
pub struct Cold {
    stop: Arc<AtomicBool>,
    statuses: Receiver<Status>,
    /// The last one of them.
    status: RefCell<Status>,
    hurry: Arc<AtomicBool>,
    thread: JoinHandle<Publisher>,
}

impl Cold {
    /// Whether a configuration asks for it at all.
    #[must_use]
    pub fn wanted(config: &Config) -> bool {
        let volatility = &config.volatility;
        let indices =
            volatility.massive || !volatility.scid.is_empty() || !volatility.dtc.is_empty();
        indices || volatility.vix_history.is_some() || !config.options.symbols.is_empty()
    }

    /// Starts it.
    ///
    /// # Errors
    /// Where a history cannot be read, the provider's settings cannot be used, or the system gives
    /// no thread.
    pub fn start(parts: Parts) -> Result<Cold> {
        let config = &parts.config;
        let asks = !config.options.symbols.is_empty();
        let provider = if asks { Some(provider(&config.options)?) } else { None };
        Cold::asking(parts, provider)
    }

    /// Starts it with a provider of the caller's instead of the configured one; `None` asks nobody.
    ///
    /// # Errors
    /// As [`Cold::start`].
    pub fn asking(parts: Parts, provider: Option<Box<dyn ChainProvider>>) -> Result<Cold> {
        let Parts { config, calendar, clock, publisher, futures, indices } = parts;
        let vix = Vix::new(&config.volatility, &calendar)?;
        let (ask, asked) = bounded(4);
        let (answer, answers) = bounded(4);
        if let Some(provider) = provider {
            let asker = Asker { provider, calendar: calendar.clone(), clock: clock.clone() };
            let name = "provider".to_owned();
            std::thread::Builder::new().name(name).spawn(move || asker.run(&asked, &answer))?;
        }
        let (show, statuses) = bounded(1);
        let stop = Arc::new(AtomicBool::new(false));
        let (value, values) = bounded(4);
        if config.volatility.massive {
            let of = OptionsConfig { provider: Provider::Massive, ..config.options.clone() };
            let (provider, clock) = (asker::provider(&of)?, clock.clone());
            let asker = IndexAsker { provider, clock, stop: stop.clone() };
            std::thread::Builder::new()
                .name("indices".to_owned())
                .spawn(move || asker.run(&value))?;
        }
        let hurry = Arc::new(AtomicBool::new(false));
        let (mode, contexts) = places(&config);
        let desk = Desk::new(&config.options, calendar.clone(), mode);
        let schedule = Schedule::new(config.options.refresh_s);
        let job = |&of: &Underlying| Job {
            of,
            schedule,
            asking: false,
            levelled: None,
            scope: None,
            vix_diffs: Vec::new(),
            unusual: Watch::new(of),
        };
        let mut agent = Agent {
            jobs: config.options.symbols.iter().map(job).collect(),
            contexts,
            version: 0,
            published: Ts::NONE,
            desk,
            calendar,
            clock,
            publisher,
            futures,
            vix,
            served: served(&config),
            indices,
            ask,
            answers,
            values,
            shown: Status::default(),
            unshown: false,
            show,
            hurry: hurry.clone(),
        };
        let flag = stop.clone();
        let thread = std::thread::Builder::new().name("cold".to_owned()).spawn(move || {
            agent.begin();
            while !flag.load(Ordering::Relaxed) {
                agent.turn();
                Clock::sleep(LOOK);
            }
            agent.publisher
        })?;
        Ok(Cold { stop, statuses, status: RefCell::default(), hurry, thread })
    }

    /// What a screen may show.
    #[must_use]
    pub fn status(&self) -> Status {
        if let Some(newest) = self.statuses.try_iter().last() {
            self.status.replace(newest);
        }
        self.status.borrow().clone()
    }

    /// Asks for every chain at the next look, whatever the schedule says. One that is on its way
    /// is not asked for twice.
    pub fn ask(&self) {
        self.hurry.store(true, Ordering::Relaxed);
    }

    /// Stops it. A provider that still hangs is left to its own end.
    ///
    /// # Errors
    /// A text where the thread died.
    pub fn stop(self) -> Result<Publisher, String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the cold thread died".to_owned())
    }
}

/// The state of the thread.
struct Agent {
    jobs: Vec<Job>,
    desk: Desk,
    calendar: Arc<Calendar>,
    clock: Clock,
    publisher: Publisher,
    futures: Futures,
    vix: Vix,
    /// Names and increments of the indices of DTC sources, in their order.
    served: Vec<(String, f64)>,
    indices: Option<Consumer<IndexTick>>,
    ask: Sender<Asked>,
    answers: Receiver<Answer>,
    values: Receiver<Indices>,
    shown: Status,
    /// It has changed since it was last sent.
    unshown: bool,
    show: Sender<Status>,
    /// Somebody wants fresh chains now.
    hurry: Arc<AtomicBool>,
    /// Folder of the stored versions; a folder a trade date.
    contexts: PathBuf,
    version: u64,
    published: Ts,
}

/// Folders of a run that trades for real, and of every other one; where its Context versions go.
fn places(config: &Config) -> (Mode, PathBuf) {
    let out = &config.options.out;
    match config.live_trading() {
        Some(_) => (Mode::Live, out.join("contexts")),
        None => (Mode::Paper, out.join("paper").join("contexts")),
    }
}

fn served(config: &Config) -> Vec<(String, f64)> {
    config.volatility.dtc.iter().map(|(name, index)| (name.clone(), index.tick)).collect()
}

fn say(text: &str) {
    say!("mia: {text}");
}

impl Agent {
    /// Brings back what an earlier run left: levels that are still valid, the newest version.
    fn begin(&mut self) {
        let now = self.clock.now();
        self.version = contexts::newest(&self.folder(now)).unwrap_or(0);
        match self.desk.folders().prepare() {
            Ok(swept) => {
                for path in swept {
                    say(&format!("removed {}: an earlier run did not finish it", path.display()));
                }
            }
            Err(error) => say(&format!("{error:#}")),
        }
        for at in 0..self.jobs.len() {
            let Some(job) = self.jobs.get(at) else { break };
            let of = job.of;
            match latest(self.desk.folders().options(), of, now) {
                Ok(found) => {
                    found.skipped.iter().for_each(|text| say(text));
                    let Some(snapshot) = found.usable else { continue };
                    let until = snapshot.valid_until.as_deref().and_then(folders::parse_ts);
                    if until.is_none_or(|until| until <= now) {
                        continue;
                    }
                    say(&format!("{} levels of {} are still valid", of.name(), snapshot.asof));
                    let levelled = self.desk.recall(snapshot);
                    if let Some(job) = self.jobs.get_mut(at) {
                        job.levelled = Some(levelled);
                    }
                }
                Err(error) => say(&format!("{error:#}")),
            }
        }
        self.publish(now, true);
    }

    /// One look at everything.
    fn turn(&mut self) {
        let now = self.clock.now();
        let calendar = self.calendar.clone();
        self.vix.poll(now, &calendar, &mut |text| say(&text));
        while let Some(tick) = self.indices.as_mut().and_then(|ring| ring.pop().ok()) {
            if let Some((name, size)) = self.served.get(usize::from(tick.index)) {
                let print = Print { value: f64::from(tick.px.ticks()) * size, ts: tick.ts };
                self.vix.served(name, print, now, &calendar);
            }
        }
        for job in &self.jobs {
            if let Some(print) = self.vix.print(job.of) {
                self.futures.print(job.of, print);
            }
        }
        self.futures.poll(now, &calendar);
        while let Ok(values) = self.values.try_recv() {
            for (name, print) in values {
                self.vix.named(name, print, now, &calendar);
            }
        }
        let mut fresh = false;
        while let Ok(answer) = self.answers.try_recv() {
            fresh |= self.take(answer);
        }
        let hurry = self.hurry.swap(false, Ordering::Relaxed).then_some(Why::Wanted);
        for job in &mut self.jobs {
            let why = job.schedule.due(now, &calendar).or(hurry);
            if let Some(why) = why.filter(|_| !job.asking) {
                job.schedule.began(now);
                job.asking = self.ask.try_send(Asked { of: job.of, at: now, why }).is_ok();
            }
        }
        self.publish(now, fresh);
        // Where the one before has not been looked at yet, this one waits for the next turn.
        if self.unshown && self.show.try_send(self.shown.clone()).is_ok() {
            self.unshown = false;
        }
    }

    /// Takes what a provider answered; whether there are new levels.
    fn take(&mut self, (asked, chain): Answer) -> bool {
        let now = self.clock.now();
        let Some(at) = self.jobs.iter().position(|job| job.of == asked.of) else { return false };
        let done = match chain {
            Ok(chain) => self.chain(at, &chain, now),
            Err(error) => Err(error.to_string()),
        };
        let Some(job) = self.jobs.get_mut(at) else { return false };
        job.asking = false;
        let name = job.of.name();
        if done.is_ok() {
            job.schedule.succeeded(asked.at, &self.calendar);
        }
        if let Err(trouble) = &done {
            say(&format!("{name} ({:?}): {trouble}", asked.why));
        }
        let good = done.is_ok();
        self.shown(name).trouble = done.err();
        good
    }

    /// Levels of a chain, their files, and whether they may be used.
    fn chain(&mut self, at: usize, chain: &Chain, now: Ts) -> Result<(), String> {
        let mut around = Around::at(now);
        around.volatility = Some(self.vix.part(now, &self.calendar));
        around.live = self.futures.live(chain.underlying, now);
        around.futures = self.futures.spot(chain.underlying);
        around.futures_rows = self.futures.follows(chain.underlying);
        let Some(job) = self.jobs.get_mut(at) else { return Ok(()) };
        around.vix_diffs.clone_from(&job.vix_diffs);
        let mut chain = chain.clone();
        // The followed file of the index is newer than what a provider delays.
        if let Some(print) = self.vix.print(chain.underlying)
            && chain.print.is_none_or(|own| own.ts < print.ts && print.ts <= chain.asof)
            && print.ts <= chain.asof
        {
            chain.print = Some(print);
        }
        let levelled = self.desk.level(&chain, &around, Some(&mut job.unusual));
        levelled.warnings.iter().for_each(|text| say(text));
        match self.desk.write(&levelled, &chain, now) {
            Ok(written) => written.warnings.iter().for_each(|text| say(text)),
            // The levels are good; only their files are missing.
            Err(error) => say(&format!("{error:#}")),
        }
        let snapshot = levelled.snapshot();
        let sanity = format!("{} {}", snapshot.sanity.status, snapshot.sanity.score);
        let usable = matches!(snapshot.status.as_str(), "ok" | "no_quotes");
        if snapshot.sanity.status == "NO_GO" || !usable {
            let why = snapshot.sanity.errors.join("; ");
            return Err(format!("{} {sanity}: {why}; the levels before stay", snapshot.status));
        }
        let times = (chain.captured, chain.asof);
        let shown = self.shown(chain.underlying.name());
        (shown.captured, shown.sanity) = (Some(times), sanity);
        let diff = snapshot.analysis.as_ref().and_then(|a| a.vol.vix_diff);
        if let Some(job) = self.jobs.get_mut(at) {
            job.vix_diffs.extend(diff);
            let surplus = job.vix_diffs.len().saturating_sub(2);
            job.vix_diffs.drain(..surplus);
            (job.levelled, job.scope) = (Some(levelled), None);
        }
        Ok(())
    }

    /// What is shown of an underlying, to be changed.
    fn shown(&mut self, name: &'static str) -> &mut Shown {
        self.unshown = true;
        self.shown.levels.entry(name).or_default()
    }

    /// Publishes what is new: levels at once, and when today's contracts have settled; numbers of
    /// volatility once a minute, their states at once.
    fn publish(&mut self, now: Ts, fresh: bool) {
        let mut context = self.publisher.newest();
        let volatility = self.vix.part(now, &self.calendar);
        let mut due = fresh;
        for job in &mut self.jobs {
            let scope = scope(&self.calendar, job.levelled.as_ref(), now);
            if scope.is_some()
                && (job.scope != scope || fresh)
                && let (Some(scope), Some(levelled)) = (scope, &job.levelled)
                && let Some(part) = levelled.part(scope)
            {
                context.set_level(part);
                due |= job.scope != Some(scope);
                job.scope = Some(scope);
            }
        }
        let held = context.volatility;
        let known = volatility.vix.is_some();
        let state = |p: &crate::volatility::Part| {
            (
                p.regime,
                p.curve,
                p.stress,
                p.vix.map(|q| q.stale),
                p.signals.map(|s| s.map(|s| s.ts)),
            )
        };
        let changed = known && held.is_none_or(|held| state(&held) != state(&volatility));
        let moved = known && held.is_none_or(|held| held != volatility);
        due |= changed || moved && now.since(self.published) >= REFRESH_NS;
        if !due {
            return;
        }
        context.volatility = known.then_some(volatility);
        let session = self.calendar.context(now);
        context.trade_day = Some(session.trade_day);
        (context.days_to_weekly, context.days_to_monthly) =
            (session.days_to_weekly, session.days_to_monthly);
        self.version = self.version.max(context.version) + 1;
        context.version = self.version;
        self.publisher.publish(context);
        self.published = now;
        self.store(&context, now);
        self.shown.version = context.version;
        self.shown.vix = context.volatility.and_then(|v| v.vix).map(|q| (q.value, q.ts, q.stale));
        self.unshown = true;
    }

    fn folder(&self, now: Ts) -> PathBuf {
        let day = folders::trade_date(&self.calendar, now);
        self.contexts.join(folders::compact(day))
    }

    /// Stores a version for later replays; one that cannot be stored is still published.
    fn store(&self, context: &Context, now: Ts) {
        let folder = self.folder(now);
        let stored = std::fs::create_dir_all(&folder)
            .and_then(|()| contexts::write(&folder, &Timed { from: now, context: *context }));
        if let Err(error) = stored {
            say(&format!("context {}: {error}", context.version));
        }
    }
}

/// What of a snapshot holds at `now`: everything until the options of its day have settled, then
/// what outlives them.
fn scope(calendar: &Calendar, levelled: Option<&Levelled>, now: Ts) -> Option<Scope> {
    let captured = folders::parse_ts(&levelled?.snapshot().captured_at)?;
    let settled = calendar.option_close(calendar.new_york_date(captured));
    Some(if settled.is_some_and(|at| now >= at) { Scope::Overnight } else { Scope::All })
}
