//! Massive (formerly Polygon): option chains and index values over its snapshot interface.
//!
//! ```text
//!  partition: expiries in portions ─► session: bucket, attempts ─► http: one GET, key in a header
//!       ▲                                                               │ bytes
//!  rows ─ page ─ json ◄─────────────────────────────────────────────────┘
//! ```
//!
//! The first page is asked alone, so that a wrong key or a plan without options is one request;
//! then [`Settings::max_in_flight`] threads share the portions. **A page that finally fails fails
//! the snapshot.** The vendor's volatilities run to midnight UTC after the expiry date and not to
//! the settlement: [`IvClock::Vendor`].

pub mod http;
pub mod indices;
pub mod json;
pub mod page;
pub mod partition;
pub mod retry;
pub mod rows;
pub mod session;

use std::sync::OnceLock;
use std::time::Duration;

use crossbeam::channel;
use fastrand::Rng;
use jiff::civil::{Date, date};

use self::http::{Base, Http, Key};
use self::partition::{Crawl, Partition};
use self::retry::{Backoff, Bucket};
use self::rows::{Harvest, Seen, Wanted};
use self::session::Session;
use super::{ChainProvider, Clock, FetchError, FetchErrorKind, IndexValue};
use crate::calendar::Calendar;
use crate::options::Known;
use crate::options::chain::{
    Chain, DelayClass, IvClock, Print, Provenance, Row, SourceKind, Underlying, arrange,
};
use crate::units::{MINUTE, SECOND, Ts};

/// Name of this provider.
pub const NAME: &str = "massive";
/// Days that are looked back for the date of the open interest.
const OI_DAYS: usize = 10;

/// How to ask.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `https://host`, or `http://` and a loopback host.
    pub base_url: String,
    /// Portions fetched at once, 1 to 32.
    pub max_in_flight: usize,
    /// Requests a second in the long run, all threads together.
    pub rate_per_s: u32,
    /// Requests that may pass at once.
    pub burst: u32,
    /// Repetitions of a request after its first try.
    pub retries: u32,
    /// Upper bound of the first wait, ms; it doubles with every repetition.
    pub backoff_base_ms: u64,
    /// Upper bound of every wait, ms.
    pub backoff_cap_ms: u64,
    /// For the connection, ms.
    pub connect_timeout_ms: u64,
    /// For one whole answer, ms.
    pub request_timeout_ms: u64,
    /// For the whole snapshot, s.
    pub snapshot_deadline_s: u64,
    /// A snapshot that took longer carries a warning, s.
    pub slow_fetch_s: u64,
    /// Age of delayed data, s.
    pub declared_delay_s: u32,
    /// Expiries up to that many days ahead only.
    pub max_dte: Option<u16>,
    /// Strikes within this range only, index points, both included.
    pub strikes: Option<(f64, f64)>,
    /// Seed of the waits; the time of the fetch where absent.
    pub seed: Option<u64>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            base_url: "https://api.massive.com".to_owned(),
            max_in_flight: 8,
            rate_per_s: 20,
            burst: 20,
            retries: 5,
            backoff_base_ms: 250,
            backoff_cap_ms: 8_000,
            connect_timeout_ms: 5_000,
            request_timeout_ms: 20_000,
            snapshot_deadline_s: 180,
            slow_fetch_s: 120,
            declared_delay_s: 900,
            max_dte: None,
            strikes: None,
            seed: None,
        }
    }
}

/// The client. Without a key it answers every fetch with [`FetchErrorKind::NoKey`].
#[derive(Debug)]
pub struct Massive {
    settings: Settings,
    http: Option<Http>,
    bucket: Bucket,
}

impl Massive {
    /// A client with the key of the environment, if there is one.
    ///
    /// # Errors
    /// [`FetchErrorKind::InvalidConfig`].
    pub fn from_env(settings: Settings) -> Result<Massive, FetchError> {
        Massive::new(settings, Key::from_env())
    }

    /// A client with the given key.
    ///
    /// # Errors
    /// [`FetchErrorKind::InvalidConfig`] for an address or a range that cannot be used.
    pub fn new(settings: Settings, key: Option<Key>) -> Result<Massive, FetchError> {
        let wrong = |what: &str| Err(FetchError::new(FetchErrorKind::InvalidConfig, NAME, what));
        let base = Base::parse(&settings.base_url)?;
        if !(1..=32).contains(&settings.max_in_flight) {
            return wrong("max_in_flight must be within 1 to 32");
        }
        if settings.strikes.is_some_and(|(l, h)| !(l >= 0.0 && l < h && h.is_finite())) {
            return wrong("the strike range must be two numbers, ascending");
        }
        let connect = Duration::from_millis(settings.connect_timeout_ms);
        let http = key.map(|key| Http::new(base, key, connect, settings.max_in_flight));
        let bucket = Bucket::new(settings.rate_per_s, settings.burst);
        Ok(Massive { settings, http, bucket })
    }

    /// Whether there is a key.
    #[must_use]
    pub const fn has_key(&self) -> bool {
        self.http.is_some()
    }

    fn session<'a>(&'a self, clock: &'a dyn Clock) -> Result<Session<'a>, FetchError> {
        let Some(http) = &self.http else {
            let what = "no key in the environment";
            return Err(FetchError::new(FetchErrorKind::NoKey, NAME, what));
        };
        let s = &self.settings;
        let backoff = Backoff {
            retries: s.retries,
            base: Duration::from_millis(s.backoff_base_ms),
            cap: Duration::from_millis(s.backoff_cap_ms),
        };
        let patience = Duration::from_millis(s.request_timeout_ms);
        let limit = Duration::from_secs(s.snapshot_deadline_s);
        Ok(Session::new(http, &self.bucket, clock, backoff, (patience, limit)))
    }

    fn seed(&self, start: Ts) -> u64 {
        self.settings.seed.unwrap_or(start.0.unsigned_abs())
    }

    /// All portions, in parallel after the first page.
    fn harvest(
        &self,
        session: &Session<'_>,
        crawls: Vec<Crawl<'_>>,
        seed: u64,
    ) -> Result<Harvest, FetchError> {
        let (to_do, portions) = channel::unbounded();
        for (at, mut crawl) in crawls.into_iter().enumerate() {
            let mut rng = Rng::with_seed(seed.wrapping_add(u64::try_from(at).unwrap_or(0)));
            if at == 0 {
                crawl.step(session, &mut rng)?;
            }
            // Both ends live here: it cannot be disconnected.
            let _ = to_do.send((at, crawl, rng));
        }
        drop(to_do);
        let work = || {
            let mut done = Vec::new();
            while let Ok((at, mut crawl, mut rng)) = portions.try_recv() {
                let outcome = loop {
                    match crawl.step(session, &mut rng) {
                        Ok(true) => {}
                        Ok(false) => break Ok(crawl.finish()),
                        Err(error) => break Err(error),
                    }
                };
                let failed = outcome.is_err();
                done.push((at, outcome));
                if failed {
                    session.give_up();
                    break;
                }
            }
            done
        };
        let mut done: Vec<(usize, Result<Harvest, FetchError>)> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..self.settings.max_in_flight).map(|_| scope.spawn(&work)).collect();
            threads.into_iter().flat_map(|t| t.join().unwrap_or_default()).collect()
        });
        done.sort_by_key(|(at, _)| *at);
        let of_others = |r: &Result<Harvest, FetchError>| {
            r.as_ref().is_err_and(|e| e.kind == FetchErrorKind::Cancelled)
        };
        // The reason, not those who stopped because of it.
        let (stopped, done): (Vec<_>, Vec<_>) = done.into_iter().partition(|(_, r)| of_others(r));
        let mut all = Harvest::default();
        for (_, outcome) in done.into_iter().chain(stopped) {
            all.join(outcome?);
        }
        Ok(all)
    }
}

impl ChainProvider for Massive {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fetch(
        &mut self,
        underlying: Underlying,
        calendar: &Calendar,
        clock: &dyn Clock,
    ) -> Result<Chain, FetchError> {
        let session = self.session(clock)?;
        let start = session.now();
        let Settings { max_dte, strikes, .. } = self.settings;
        let plan = partition::plan(calendar.new_york_date(start), max_dte);
        let wanted = |partition| Wanted { underlying, partition, strikes, calendar };
        let crawls: Vec<Crawl<'_>> = plan.iter().map(|p| Crawl::new(wanted(p))).collect();
        let portions = crawls.len();
        let harvest = self.harvest(&session, crawls, self.seed(start))?;
        let work = session.work();
        let fetched = Fetched { harvest, underlying, calendar, time: (start, session.now()) };
        let mut provenance = Provenance::new(NAME, SourceKind::Api, fetched.delay());
        provenance.iv_clock = IvClock::Vendor;
        if fetched.harvest.delayed {
            provenance.declared_delay_s = self.settings.declared_delay_s;
        }
        (provenance.pages, provenance.requests) = (work.pages, work.requests);
        provenance.retries = work.retries;
        provenance.warnings = self.warnings(&fetched, portions);
        fetched.chain(provenance).map_err(|error| FetchError { work, ..error })
    }

    fn indices(
        &mut self,
        tickers: &[&str],
        clock: &dyn Clock,
    ) -> Result<Vec<Known<IndexValue>>, FetchError> {
        let session = self.session(clock)?;
        let mut rng = Rng::with_seed(self.seed(session.now()));
        indices::ask(&session, tickers, &mut rng)
    }
}

impl Massive {
    fn warnings(&self, fetched: &Fetched<'_>, portions: usize) -> Vec<String> {
        let mut all = Vec::new();
        if self.http.as_ref().is_some_and(|http| http.base().is_loopback()) {
            all.push("base_url is this machine: no real provider".to_owned());
        }
        let took = Duration::from_nanos(fetched.time.1.since(fetched.time.0).unsigned_abs());
        if took > Duration::from_secs(self.settings.slow_fetch_s) {
            let seconds = took.as_secs();
            all.push(format!("the fetch took {seconds} s: its rows are not of one moment"));
        }
        if let Some(days) = self.settings.max_dte {
            all.push(format!("fetch filter: expiries up to {days} days ahead"));
        }
        if let Some((low, high)) = self.settings.strikes {
            all.push(format!("fetch filter: strikes {low} to {high}"));
        }
        if fetched.harvest.received == 0 {
            all.push(format!("the provider lists no contract in {portions} portions"));
        }
        all
    }
}

/// All that came, before it is a chain.
struct Fetched<'a> {
    harvest: Harvest,
    underlying: Underlying,
    calendar: &'a Calendar,
    /// Start and end of the fetch.
    time: (Ts, Ts),
}

impl Fetched<'_> {
    const fn delay(&self) -> DelayClass {
        if self.harvest.delayed { DelayClass::Delayed15 } else { DelayClass::Realtime }
    }

    /// Time of the data: median time of the index, else the latest quote, else the end of the
    /// fetch less the delay. The print is that of the median.
    fn asof(&mut self, declared_delay_s: u32) -> (Ts, Option<Print>) {
        let end = self.time.1;
        let latest = Ts(end.0.saturating_add(MINUTE));
        let all = self.harvest.seen.len();
        self.harvest.seen.retain(|s| s.ts <= latest);
        if self.harvest.seen.len() < all {
            self.harvest.count("future_time");
        }
        let seen = &mut self.harvest.seen;
        seen.sort_by_key(|s| s.ts);
        let middle = |all: &[Seen]| all.get(all.len().saturating_sub(1) / 2).copied();
        let valued: Vec<Seen> = seen.iter().filter(|s| s.value.is_some()).copied().collect();
        let print = middle(&valued).and_then(|s| s.value.map(|value| Print { value, ts: s.ts }));
        if let Some(Seen { ts, .. }) = middle(seen) {
            return (ts, print);
        }
        let quoted = |r: &Row| Some(r.quote_ts).filter(|ts| ts.is_some() && *ts <= latest);
        let quote = self.harvest.rows.iter().filter_map(quoted).max();
        let delay = i64::from(declared_delay_s).saturating_mul(SECOND);
        (quote.unwrap_or(Ts(end.0.saturating_sub(delay))), None)
    }

    fn chain(mut self, mut provenance: Provenance) -> Result<Chain, FetchError> {
        let (asof, print) = self.asof(provenance.declared_delay_s);
        let today = self.calendar.new_york_date(asof);
        // Until the opening the field still holds yesterday's volume.
        if self.calendar.new_york_time(asof).time() < jiff::civil::time(9, 30, 0, 0) {
            let leftovers = self.harvest.rows.iter_mut().filter_map(|r| r.volume.take()).count();
            if leftovers > 0 {
                self.harvest.count("volume_before_open");
            }
        }
        self.harvest.note(&mut provenance);
        provenance.oi_date = self.oi_date(today);
        provenance.fetched = self.time;
        let rows = arrange(self.harvest.rows, asof, &mut provenance).map_err(|conflict| {
            let place = format!("{NAME}, {}", self.underlying.name());
            let what = format!("{} came twice with different content", conflict.0);
            FetchError::new(FetchErrorKind::DuplicateConflict, place, what)
        })?;
        let (underlying, captured) = (self.underlying, self.time.1);
        Ok(Chain { underlying, asof, captured, print, rows, provenance })
    }

    /// Open interest is that of the option day before, all day long; on other days it is not said
    /// which.
    fn oi_date(&self, today: Date) -> Option<Date> {
        let before = std::iter::successors(today.yesterday().ok(), |day| day.yesterday().ok());
        let day = before.take(OI_DAYS).find(|day| self.calendar.option_day(*day));
        day.filter(|_| self.calendar.option_day(today))
    }
}

/// Reads any bytes as a page, as an answer about indices and as an error: for fuzzing.
pub fn fuzz_page(data: &[u8]) {
    static CALENDAR: OnceLock<Option<Calendar>> = OnceLock::new();
    let Some(calendar) = CALENDAR.get_or_init(|| Calendar::bundled().ok()) else { return };
    let partition = Partition { from: date(2000, 1, 1), to: None };
    for underlying in [Underlying::Spx, Underlying::Ndx] {
        let wanted = Wanted { underlying, partition: &partition, strikes: None, calendar };
        let mut bytes = data.to_vec();
        let Ok(page) = page::parse(&mut bytes) else { continue };
        let next = page.next_url.and_then(http::Target::within);
        let mut harvest = Harvest::default();
        let contracts = page.results.unwrap_or_default();
        let good = rows::add(&mut harvest, &contracts, &wanted).is_ok();
        let dropped: u32 = harvest.dropped.values().sum();
        let kept = u32::try_from(harvest.rows.len()).unwrap_or(u32::MAX);
        assert!(!good || harvest.received == kept.saturating_add(dropped));
        assert!(harvest.rows.iter().all(|r| r.osi.root.underlying() == underlying));
        let now = Ts(1_787_925_604 * SECOND);
        let fetched = Fetched { harvest, underlying, calendar, time: (now, now) };
        let provenance = Provenance::new(NAME, SourceKind::Api, fetched.delay());
        if let Ok(chain) = fetched.chain(provenance) {
            assert!(chain.asof <= Ts(now.0.saturating_add(MINUTE)));
        }
        drop(next);
    }
    // Refusals and garbage are outcomes; only a panic is a finding.
    let _ = indices::parse(&mut data.to_vec(), &["SPX", "VIX"], Ts::MAX);
    let _ = retry::Trouble::of_status(403, &mut data.to_vec());
    let _ = std::str::from_utf8(data).map(|text| retry::retry_after(text, Ts(0)));
}
