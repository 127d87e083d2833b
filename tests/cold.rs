//! The running cold thread against a mock of its provider: what a good chain leaves, and what is
//! left when the provider hangs, lies, dies or comes back.
//!
//! The thread's clock is set to an hour of a trading day and runs on from there, so that capture
//! windows, regular hours and ends of validity do not depend on when the test runs.

#[path = "cold/market.rs"]
mod market;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dtc::file::scid;
use mia::calendar::Calendar;
use mia::cmd::contexts;
use mia::config::{Config, DtcIndex, OptionsConfig, Provider, VolatilityConfig};
use mia::context::{BasisSource, Context, LevelPart, SanityStatus, Scope, Underlying};
use mia::options::chain::{Chain, Print};
use mia::providers::massive::http::Key;
use mia::providers::massive::{Massive, Settings};
use mia::providers::{ChainProvider, Clock as Time, FetchError};
use mia::runtime::clock::Clock;
use mia::runtime::cold::{Cold, Parts, Shown, Status};
use mia::runtime::mids::{Futures, Mid};
use mia::runtime::out::IndexTick;
use mia::snapshot::{Adopter, Publisher};
use mia::store::options::{Folders, Mode, folders, snapshot_json};
use mia::units::{Instrument, MINUTE, Px, Reason, SECOND, SymbolId, Ts};
use mia_test_support::{live, synthetic_chain};
use mock_massive::fault::{Fault, Placed, Plan};
use mock_massive::market::Market;
use mock_massive::serve::Server;
use rtrb::{Producer, RingBuffer};

use market::{SPOT, market};

/// A key that no text may show.
const KEY: &str = "K3y-that-must-not-leak";
/// A Wednesday, 10:00 New York.
const MORNING: &str = "2026-01-14T15:00:00Z";
/// The same day inside the capture window.
const WINDOW: &str = "2026-01-14T20:31:00Z";
/// Where that window begins.
const WINDOW_START: &str = "2026-01-14T20:30:00Z";

fn at(text: &str) -> Ts {
    folders::parse_ts(text).expect("a time")
}

fn calendar() -> Arc<Calendar> {
    Arc::new(Calendar::bundled().expect("calendar"))
}

/// A folder, and what runs of a thread in it share.
struct Place {
    folder: PathBuf,
    config: Config,
    calendar: Arc<Calendar>,
}

impl Place {
    fn new(name: &str) -> Place {
        let folder = live::folder(&format!("cold-{name}"));
        let options = OptionsConfig {
            symbols: vec![Underlying::Spx],
            out: folder.join("data"),
            ..OptionsConfig::default()
        };
        let config = Config { options, ..Config::default() };
        Place { folder, config, calendar: calendar() }
    }

    /// A thread whose clock says `time` now.
    fn start(&self, time: Ts, provider: Option<Box<dyn ChainProvider>>) -> Running {
        self.start_with(time, provider, |_| {})
    }

    fn start_with(
        &self,
        time: Ts,
        provider: Option<Box<dyn ChainProvider>>,
        change: impl FnOnce(&mut Parts),
    ) -> Running {
        let (publisher, adopter) = Publisher::new();
        let clock = Clock::set_to(time);
        let mut parts = Parts {
            config: self.config.clone(),
            calendar: self.calendar.clone(),
            clock: clock.clone(),
            publisher,
            futures: Futures::none(),
            indices: None,
        };
        change(&mut parts);
        let cold = match provider {
            Some(provider) => Cold::asking(parts, Some(provider)),
            None => Cold::start(parts),
        };
        Running { cold: cold.expect("started"), adopter, clock }
    }

    /// Folder of the paper run's files.
    fn files(&self) -> PathBuf {
        Folders::new(&self.folder.join("data"), Mode::Paper, false).options().to_owned()
    }

    fn contexts(&self) -> PathBuf {
        self.folder.join("data/paper/contexts/20260114")
    }

    /// Every file below the data, by its path from there.
    fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let (root, mut all) = (self.folder.join("data"), BTreeMap::new());
        collect(&root, &root, &mut all);
        all
    }

    fn end(self) {
        std::fs::remove_dir_all(self.folder).expect("clean up");
    }
}

fn collect(root: &Path, folder: &Path, into: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            collect(root, &path, into);
        } else {
            let name = path.strip_prefix(root).expect("below").to_string_lossy().into_owned();
            into.insert(name, std::fs::read(&path).expect("content"));
        }
    }
}

/// A thread and the reader that the decision would be.
struct Running {
    cold: Cold,
    adopter: Adopter,
    clock: Clock,
}

impl Running {
    fn context(&mut self) -> Context {
        *self.adopter.load().0
    }

    fn part(&mut self) -> Option<LevelPart> {
        self.context().level(Underlying::Spx).copied()
    }

    fn shown(&self) -> Shown {
        self.cold.status().levels.get("SPX").cloned().unwrap_or_default()
    }

    /// Waits until `test` holds; what the screen says at that time.
    #[track_caller]
    fn wait(&mut self, what: &str, mut test: impl FnMut(&Context, &Status) -> bool) -> Shown {
        for _ in 0..3_000 {
            let (context, status) = (self.context(), self.cold.status());
            if test(&context, &status) {
                return self.shown();
            }
            Clock::sleep(Duration::from_millis(20));
        }
        panic!("waited in vain for {what}: {:?}", self.cold.status());
    }

    /// Waits for levels without trouble.
    #[track_caller]
    fn good(&mut self) -> LevelPart {
        self.wait("levels", |context, status| {
            let (shown, part) = (status.levels.get("SPX"), context.level(Underlying::Spx));
            let times = part.map(|p| (p.captured_ns, p.asof_ns));
            let same = shown.is_some_and(|s| s.captured == times && s.trouble.is_none());
            // The version is shown once its file is there.
            part.is_some() && same && status.version == context.version
        });
        self.part().expect("levels")
    }

    /// Waits for trouble other than `before`.
    #[track_caller]
    fn trouble(&mut self, before: Option<&str>) -> String {
        let trouble = |status: &Status| status.levels.get("SPX").and_then(|s| s.trouble.clone());
        let shown = self.wait("trouble", |_, status| {
            trouble(status).is_some_and(|now| Some(now.as_str()) != before)
        });
        shown.trouble.expect("trouble")
    }

    fn stop(self) {
        self.cold.stop().expect("ended in order");
    }
}

/// A client that gives up soon.
fn client(base_url: String) -> Massive {
    let settings = Settings {
        base_url,
        rate_per_s: 1_000,
        burst: 1_000,
        retries: 1,
        backoff_base_ms: 1,
        backoff_cap_ms: 1,
        request_timeout_ms: 1_500,
        declared_delay_s: 0,
        max_dte: Some(8),
        seed: Some(7),
        ..Settings::default()
    };
    Massive::new(settings, Key::new(KEY)).expect("settings")
}

fn serve(market: Market, faults: Vec<Placed>) -> Server {
    let key = Some(KEY.to_owned());
    let plan = Plan { key, faults, page_rows: 50, ..Plan::default() };
    Server::start(0, market, plan).expect("server")
}

/// A market whose data are a minute older than `time`.
fn of(time: Ts) -> Market {
    market(&calendar(), Ts(time.0 - MINUTE))
}

fn alone(server: &Server) -> Option<Box<dyn ChainProvider>> {
    Some(Box::new(client(server.base())))
}

/// Several servers, one of which is asked at a time.
struct Switch {
    clients: Vec<Massive>,
    now: Arc<AtomicUsize>,
}

impl ChainProvider for Switch {
    fn name(&self) -> &'static str {
        "massive"
    }

    fn fetch(
        &mut self,
        underlying: Underlying,
        calendar: &Calendar,
        clock: &dyn Time,
    ) -> Result<Chain, FetchError> {
        let now = self.now.load(Ordering::SeqCst);
        self.clients[now].fetch(underlying, calendar, clock)
    }
}

fn switch(bases: Vec<String>) -> (Option<Box<dyn ChainProvider>>, Arc<AtomicUsize>) {
    let now = Arc::new(AtomicUsize::new(0));
    let clients = bases.into_iter().map(client).collect();
    (Some(Box::new(Switch { clients, now: now.clone() })), now)
}

#[test]
fn a_good_chain_is_published_and_stored() {
    let place = Place::new("good");
    let server = serve(of(at(MORNING)), Vec::new());
    let mut running = place.start(at(MORNING), alone(&server));
    let part = running.good();
    assert_eq!((part.symbol, part.sanity_status), (Underlying::Spx, SanityStatus::Go));
    assert_eq!((part.scope, part.provider.as_str()), (Scope::All, "massive"));
    assert!((part.spot - SPOT).abs() < 0.01, "{}", part.spot);
    assert_eq!(part.asof_ns, Ts(at(MORNING).0 - MINUTE));
    assert!(part.captured_ns >= at(MORNING) && part.captured_ns < running.clock.now());
    assert_eq!(part.valid_until_ns, at(WINDOW_START));
    let wall = |slot: mia::units::Slot| slot.value().expect("a wall");
    assert!(wall(part.levels.put_wall) <= SPOT && SPOT <= wall(part.levels.call_wall));
    assert!(part.levels.flip.value().is_some(), "{:?}", part.levels);
    // No future is known: nothing is made up for it.
    assert!(part.futures.iter().flatten().all(|f| f.basis.value().is_none()));
    let context = running.context();
    assert_eq!(context.check(), Ok(()));
    assert_eq!((context.volatility, context.days_to_weekly), (None, Some(0)));
    let shown = running.shown();
    assert_eq!(shown.captured, Some((part.captured_ns, part.asof_ns)));
    assert!(shown.sanity.starts_with("GO "), "{shown:?}");
    assert_eq!(running.cold.status().version, context.version);
    running.stop();

    let files = place.contents();
    let count = |text: &str| files.keys().filter(|name| name.contains(text)).count();
    for name in ["spx_snapshot_20260114_1500", "history/spx_daily.csv", "oi/spx_oi_20260114"] {
        assert_eq!(count(name), 1, "{name}: {:?}", files.keys());
    }
    assert_eq!(count("sierra_levels_20260114"), 2);
    assert_eq!((count("niveaux"), count("resume")), (0, 0), "not inside the window");
    assert_eq!(count(".part"), 0);
    let shows_key = |(_, bytes): (&String, &Vec<u8>)| String::from_utf8_lossy(bytes).contains(KEY);
    assert!(!files.iter().any(shows_key));

    // The stored versions are what a replay brings back.
    let stored = contexts::load(Some(&place.contexts())).expect("readable");
    let last = stored.last().expect("a version");
    assert_eq!(last.context, context);
    let until = Ts(part.captured_ns.0 + MINUTE);
    assert!(last.from >= part.captured_ns && last.from < until, "{}", last.from);
    place.end();
}

/// Each fault for good, after a good chain and before another.
#[test]
fn whatever_the_provider_does_the_last_levels_stay() {
    let place = Place::new("faults");
    let time = at(MORNING);
    let forever = |fault| vec![Placed::new(fault, u32::MAX)];
    let second_page = vec![Placed::new(Fault::RepeatPage, u32::MAX).on_page(2)];
    let error_in_200 = Fault::ErrorIn200("ERROR".to_owned(), "out of order".to_owned());
    let good = serve(of(time), Vec::new());
    let other_key = Plan { key: Some("another".to_owned()), ..Plan::default() };
    let bad = [
        (serve(of(time), forever(Fault::Status(503))), "503"),
        (serve(of(time), forever(Fault::Hang(Duration::from_secs(60)))), "timeout"),
        (serve(of(time), forever(error_in_200)), "out of order"),
        (serve(of(time), forever(Fault::Truncated)), "malformed"),
        (serve(of(time), second_page), "page 2"),
        (Server::start(0, of(time), other_key).expect("server"), "check the key"),
        (serve(of(time), forever(Fault::Reset)), "network"),
    ];
    let mut bases = vec![good.base()];
    bases.extend(bad.iter().map(|(server, _)| server.base()));
    let (provider, now) = switch(bases);
    let mut running = place.start(time, provider);
    let part = running.good();
    let (files, version) = (place.contents(), running.context().version);
    let mut before: Option<String> = None;
    for (n, (_, word)) in bad.iter().enumerate() {
        now.store(n + 1, Ordering::SeqCst);
        running.cold.ask();
        let trouble = running.trouble(before.as_deref());
        assert!(trouble.to_lowercase().contains(word), "{word}: {trouble}");
        assert!(!trouble.contains(KEY), "{trouble}");
        assert_eq!(running.part(), Some(part), "{word}");
        assert_eq!(running.context().version, version, "{word}: there is nothing new");
        assert!(place.contents() == files, "{word}: {:?}", place.contents().keys());
        // The age of what is left can be seen.
        let shown = running.shown();
        assert_eq!(shown.captured, Some((part.captured_ns, part.asof_ns)), "{word}");
        before = Some(trouble);
    }
    // It comes back. A snapshot's name has seconds.
    wait_for_another_second(&running.clock);
    now.store(0, Ordering::SeqCst);
    running.cold.ask();
    let again = running.good();
    assert!(again.captured_ns > part.captured_ns);
    assert_eq!((again.levels, again.net_gex), (part.levels, part.net_gex));
    running.stop();
    let stored = contexts::load(Some(&place.contexts())).expect("readable");
    assert_eq!(stored.last().map(|s| s.context.levels[0]), Some(Some(again)));
    place.end();
}

fn wait_for_another_second(clock: &Clock) {
    let from = clock.now().second();
    while clock.now().second() == from {
        Clock::sleep(Duration::from_millis(20));
    }
}

/// A chain without open interest, inside the window of the night files.
#[test]
fn no_go_after_go_changes_nothing() {
    let place = Place::new("no-go");
    let time = at(WINDOW);
    let mut empty = of(time);
    empty.contracts.iter_mut().for_each(|c| c.open_interest = Some(0.0));
    let (good, bad) = (serve(of(time), Vec::new()), serve(empty, Vec::new()));
    let (provider, now) = switch(vec![good.base(), bad.base()]);
    let mut running = place.start(time, provider);
    let part = running.good();
    let before = place.contents();
    let count = |text: &str| before.keys().filter(|name| name.contains(text)).count();
    assert_eq!((count("spx_niveaux_critiques_20260114_2031"), count("resume_sessions")), (1, 1));
    wait_for_another_second(&running.clock);
    now.store(1, Ordering::SeqCst);
    running.cold.ask();
    let trouble = running.trouble(None);
    assert!(trouble.contains("NO_GO") && trouble.contains("stay"), "{trouble}");
    assert_eq!(running.part(), Some(part));
    running.stop();
    let after = place.contents();
    let same = before.iter().all(|(name, bytes)| {
        name.contains("manifest") || after.get(name).is_some_and(|now| now == bytes)
    });
    assert!(same, "a GO file has changed");
    let new: Vec<&String> = after.keys().filter(|name| !before.contains_key(*name)).collect();
    let [name] = new.as_slice() else { panic!("{new:?}") };
    assert!(name.contains("spx_snapshot_20260114_2031"), "{name}");
    let snapshot = snapshot_json::parse(&after[*name]).expect("a snapshot");
    assert_eq!(snapshot.sanity.status, "NO_GO");
    place.end();
}

/// A provider that never answers, so that only what is stored can be published.
fn silent() -> Server {
    let hang = Placed::new(Fault::Hang(Duration::from_secs(60)), u32::MAX);
    serve(of(at(MORNING)), vec![hang])
}

#[test]
fn a_restart_finds_what_is_still_valid() {
    let place = Place::new("restart");
    let server = serve(of(at(WINDOW)), Vec::new());
    let mut running = place.start(at(WINDOW), alone(&server));
    let part = running.good();
    let version = running.context().version;
    running.stop();
    let until = at("2026-01-15T20:30:00Z");
    assert_eq!((part.valid_until_ns, part.scope), (until, Scope::All));

    // A little later the same levels, before anything was fetched.
    let silent = silent();
    let mut running = place.start(Ts(at(WINDOW).0 + 5 * MINUTE), alone(&silent));
    running.wait("stored levels", |context, _| context.level(Underlying::Spx).is_some());
    let back = running.part().expect("levels");
    assert_eq!((back.levels, back.spot, back.bias), (part.levels, part.spot, part.bias));
    assert_eq!((back.captured_ns, back.asof_ns), (part.captured_ns, part.asof_ns));
    assert_eq!((back.valid_until_ns, back.scope), (until, Scope::All));
    assert!(running.context().version > version, "versions of a day rise over restarts");
    assert_eq!(running.shown().captured, None, "nothing was captured in this run");
    running.stop();
    assert!(contexts::load(Some(&place.contexts())).is_ok());

    // At night what has not settled.
    let mut running = place.start(at("2026-01-15T02:00:00Z"), alone(&silent));
    running.wait("stored levels", |context, _| context.level(Underlying::Spx).is_some());
    let night = running.part().expect("levels");
    assert_eq!((night.scope, night.captured_ns), (Scope::Overnight, part.captured_ns));
    assert_eq!(night.share_zero_dte.value().unwrap_or(0.0), 0.0, "today's options have gone");
    assert_eq!((night.usable(until), night.usable(Ts(until.0 - 1))), (Err(Reason::Stale), Ok(())));
    running.stop();

    // From the end of its validity on it is not offered.
    let mut running = place.start(until, alone(&silent));
    running.trouble(None);
    assert_eq!(running.part(), None);
    running.stop();
    place.end();
}

/// A version that was cut off, a snapshot of another program: named, and passed over.
#[test]
fn a_restart_survives_damaged_files() {
    let place = Place::new("damaged");
    let server = serve(of(at(MORNING)), Vec::new());
    let mut running = place.start(at(MORNING), alone(&server));
    let part = running.good();
    running.stop();
    let files = place.files();
    std::fs::write(files.join("spx_snapshot_20260114_150500.json"), "{\"schema").expect("write");
    std::fs::write(files.join("spx_snapshot_20260114_150600.json"), [0xff; 64]).expect("write");
    let left_over = files.join(".spx_snapshot_20260114_150700.json.4194305.part");
    std::fs::write(&left_over, "{").expect("write");
    let mut running = place.start(Ts(at(MORNING).0 + 8 * MINUTE), alone(&server));
    running.wait("stored levels", |context, _| context.level(Underlying::Spx).is_some());
    assert_eq!(running.part().map(|p| p.levels), Some(part.levels));
    running.good();
    running.stop();
    assert!(!left_over.exists(), "a crash leaves a temporary file until the next capture");
    place.end();
}

#[test]
fn stops_at_once_while_a_fetch_hangs() {
    let place = Place::new("stop");
    let mut silent = silent();
    let running = place.start(at(MORNING), alone(&silent));
    while silent.poll().is_none() {
        Clock::sleep(Duration::from_millis(10));
    }
    let clock = Clock::new();
    running.stop();
    assert!(clock.elapsed_ns() < 1_000_000_000, "{} ns", clock.elapsed_ns());
    for entry in std::fs::read_dir(place.files()).expect("made at the start") {
        let path = entry.expect("readable").path();
        let lock = path.ends_with(".lock");
        assert!(lock || path.is_dir(), "nothing was captured: {}", path.display());
    }
    place.end();
}

/// The configured provider without a key: a message that says what to do, and nothing else.
#[test]
fn without_a_key_it_says_so() {
    if ["MASSIVE_API_KEY", "POLYGON_API_KEY"].iter().any(|key| std::env::var_os(key).is_some()) {
        println!("skipped: a key is set");
        return;
    }
    let place = Place::new("no-key");
    let mut running = place.start(at(MORNING), None);
    let trouble = running.trouble(None);
    assert!(trouble.contains("MASSIVE_API_KEY"), "{trouble}");
    assert_eq!(running.part(), None);
    running.stop();
    place.end();
}

/// The provider `files`, with no account at all.
#[test]
fn a_folder_of_exports() {
    let mut place = Place::new("files");
    let exports = place.folder.join("exports");
    std::fs::create_dir_all(&exports).expect("folder");
    place.config.options.provider = Provider::Files;
    place.config.options.folder = Some(exports.clone());
    let time = at("2024-06-03T15:16:00Z");
    let mut running = place.start(time, None);
    let trouble = running.trouble(None);
    assert!(trouble.contains("no chain of SPX"), "{trouble}");
    std::fs::write(exports.join("spx.csv"), synthetic_chain::quote_table(6_000)).expect("write");
    running.cold.ask();
    let part = running.good();
    assert_eq!((part.spot, part.asof_ns), (synthetic_chain::SPOT, at("2024-06-03T15:00:00Z")));
    // A newer file that is none does not hide the good one.
    std::fs::write(exports.join("torn.csv"), "Expiration Date,Calls").expect("write");
    let version = running.context().version;
    running.cold.ask();
    running.wait("the next capture", |context, _| context.version > version);
    assert_eq!(running.shown().trouble, None);
    running.stop();
    place.end();
}

/// Bytes of one value in an index file.
fn record(value: f32, ts: Ts) -> [u8; 40] {
    let record = scid::Record {
        time_us: scid::EPOCH_OFFSET_US + ts.0 / 1_000,
        open_bits: 0,
        open: 0.0,
        high: value,
        low: value,
        close: value,
        num_trades: 1,
        total_volume: 1,
        bid_volume: 0,
        ask_volume: 1,
    };
    record.to_bytes()
}

#[test]
fn an_index_file_that_grows() {
    use std::io::Write;
    let mut place = Place::new("index");
    let path = place.folder.join("VIX.scid");
    place.config.options.symbols.clear();
    place.config.volatility = VolatilityConfig {
        scid: [("VIX".to_owned(), path.clone())].into(),
        ..VolatilityConfig::default()
    };
    // 75 s old: fresh for fifteen more.
    let time = at(MORNING);
    let first = Ts(time.0 - 75 * SECOND);
    let mut file = std::fs::File::create(&path).expect("file");
    file.write_all(&scid::Header::DEFAULT.to_bytes()).expect("write");
    file.write_all(&record(17.5, first)).expect("write");
    let mut running = place.start(time, None);
    let vix = |context: &Context| context.volatility.and_then(|v| v.vix);
    running.wait("a fresh value", |c, _| vix(c).is_some_and(|q| !q.stale));
    let quote = vix(&running.context()).expect("VIX");
    assert_eq!((quote.value, quote.ts), (17.5, first));
    running.wait("its age", |c, _| vix(c).is_some_and(|q| q.stale && q.value == 17.5));
    let volatility = running.context().volatility.expect("volatility");
    assert_eq!((volatility.regime, volatility.vix_mult), (None, None), "nothing of a stale VIX");
    // The screen follows what was published.
    running.wait("its age on the screen", |_, status| status.vix == Some((17.5, first, true)));
    let now = running.clock.now();
    file.write_all(&record(35.0, now)).expect("write");
    running.wait("the new value", |c, _| vix(c).is_some_and(|q| !q.stale && q.value == 35.0));
    let volatility = running.context().volatility.expect("volatility");
    assert!(volatility.regime.is_some() && volatility.stress == Some(true), "{volatility:?}");
    assert!(running.context().levels.iter().all(Option::is_none));
    running.stop();
    place.end();
}

/// ESH26 as a symbol of a run.
fn es() -> Instrument {
    let (symbol, root) = ("ESH26".to_owned(), "ES".to_owned());
    Instrument { symbol, root, tick: 0.25, multiplier: Some(50.0) }
}

fn mid(points: f64, ts: Ts) -> Mid {
    Mid { symbol: SymbolId(0), twice: (points * 8.0) as i64, ts }
}

/// Mids of the future and values of the index make a live basis, and the levels stand on the
/// future's prices, too.
#[test]
fn a_live_basis_puts_the_levels_on_the_future() {
    let mut place = Place::new("basis");
    let index = DtcIndex {
        source: "feed".to_owned(),
        symbol: "SPX".to_owned(),
        exchange: String::new(),
        tick: 0.01,
    };
    place.config.volatility.dtc = [("SPX".to_owned(), index)].into();
    let server = serve(of(at(MORNING)), Vec::new());
    let (mut mids, mids_end) = RingBuffer::new(64);
    let (mut ticks, ticks_end) = RingBuffer::new(64);
    let mut running = place.start_with(at(MORNING), alone(&server), |parts| {
        parts.futures = Futures::new(mids_end, &[es()], None);
        parts.indices = Some(ticks_end);
    });
    assert!(running.good().futures[0].is_none_or(|f| f.basis.value().is_none()));
    for _ in 0..8 {
        let ts = running.clock.now();
        mids.push(mid(5320.125, ts)).expect("room");
        let px = Px::new(530_000).expect("in range");
        ticks.push(IndexTick { index: 0, px, ts }).expect("room");
        Clock::sleep(Duration::from_millis(120));
    }
    running.cold.ask();
    let live = |context: &Context| {
        let front = context.level(Underlying::Spx).and_then(|p| p.futures[0]);
        front.is_some_and(|f| f.basis_source == Some(BasisSource::Live))
    };
    running.wait("a live basis", |context, _| live(context));
    let part = running.part().expect("levels");
    let front = part.futures[0].expect("a future");
    assert!(front.contract.as_str().starts_with("ESH"), "{}", front.contract.as_str());
    assert_eq!(front.basis.value(), Some(20.125));
    let (own, of) = (front.levels.call_wall.value(), part.levels.call_wall.value());
    let (own, of) = (own.expect("wall"), of.expect("wall"));
    assert_eq!((own / 0.25).fract(), 0.0, "on the tick");
    assert!((own - of - 20.125).abs() <= 0.125, "{own} {of}");
    running.stop();
    let table = place.files().join("sierra_levels_20260114.csv");
    let table = std::fs::read_to_string(table).expect("table");
    assert!(table.lines().any(|line| line.starts_with("ES,")), "{table}");
    place.end();
}

/// The futures alone, at chosen times.
#[test]
fn basis_by_the_hour() {
    let calendar = calendar();
    let (mut mids, end) = RingBuffer::new(64);
    let mut futures = Futures::new(end, &[es()], None);
    assert!(futures.follows(Underlying::Spx) && !futures.follows(Underlying::Ndx));
    let turn = |futures: &mut Futures, mids: &mut Producer<Mid>, time: &str, mid_at, print| {
        let now = at(time);
        mids.push(mid(mid_at, now)).expect("room");
        futures.poll(now, &calendar);
        futures.print(Underlying::Spx, Print { value: print, ts: now });
        futures.poll(now, &calendar);
        futures.live(Underlying::Spx, now)
    };
    // 09:29:59, 09:30 and on, New York.
    assert!(turn(&mut futures, &mut mids, "2026-01-14T14:29:59Z", 5320.0, 5300.0).is_empty());
    for (time, mid, want) in [
        ("2026-01-14T14:30:00Z", 5320.0, 20.0),
        ("2026-01-14T14:30:10Z", 5321.0, 20.5),
        ("2026-01-14T14:30:20Z", 5330.0, 21.0),
        // The first two have left the minute.
        ("2026-01-14T14:31:15Z", 5322.0, 26.0),
    ] {
        let live = turn(&mut futures, &mut mids, time, mid, 5300.0);
        let names: Vec<&str> = live.keys().map(String::as_str).collect();
        assert_eq!(names, ["ESH6"], "{time}");
        assert_eq!((live["ESH6"].value, live["ESH6"].ts), (want, at(time)), "{time}");
    }
    assert!(futures.live(Underlying::Ndx, Ts::MAX).is_empty());
    let spot = futures.spot(Underlying::Spx).expect("spot");
    assert_eq!((spot.value, spot.ts), (5296.0, at("2026-01-14T14:31:15Z")));
    // After the close nothing new is measured, the last one is kept with its own time.
    let after = turn(&mut futures, &mut mids, "2026-01-14T21:00:05Z", 5400.0, 5300.0);
    let kept = after["ESH6"];
    assert_eq!((kept.value, kept.ts), (26.0, at("2026-01-14T14:31:15Z")));
    // A print that is two seconds behind the future pairs with nothing.
    let stale = Ts(at("2026-01-14T15:00:00Z").0 - 2 * SECOND);
    let (mut mids, end) = RingBuffer::new(8);
    let mut futures = Futures::new(end, &[es()], None);
    mids.push(mid(5320.0, stale)).expect("room");
    mids.push(mid(5320.0, at("2026-01-14T15:00:00Z"))).expect("room");
    futures.poll(at("2026-01-14T15:00:00Z"), &calendar);
    futures.print(Underlying::Spx, Print { value: 5300.0, ts: stale });
    futures.poll(at("2026-01-14T15:00:00Z"), &calendar);
    assert!(futures.live(Underlying::Spx, Ts::MAX).is_empty());
}
