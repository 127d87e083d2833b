//! The Massive client against a mock of its provider: every error, every lie, no leaked key.
//!
//! Time is a [`Driven`] clock, so that waits cost nothing and can be counted.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use mia::calendar::Calendar;
use mia::options::chain::{Chain, DelayClass, IvClock, Osi, Roots, Row, Underlying, settle_ts};
use mia::providers::massive::http::Key;
use mia::providers::massive::{Massive, Settings, indices, page, retry};
use mia::providers::{ChainProvider, Clock, FetchError, FetchErrorKind as Kind};
use mia::units::{SECOND, Ts};
use mock_massive::fault::{Fault, Placed, Plan};
use mock_massive::market::{Contract, Index, Lacks, Market};
use mock_massive::serve::Server;

/// A key that no text may ever show.
const KEY: &str = "K3y-that-must-not-leak";
/// What every chain of a mock says of itself.
const LOOPBACK: &str = "base_url is this machine: no real provider";
/// Friday 2026-08-28, 10:00 New York.
const NOW: i64 = 1_787_925_600 * SECOND;
/// A time whose last digits no double can hold.
const SPOT_TS: i64 = NOW - 900 * SECOND + 1;

/// A clock that moves when somebody sleeps.
struct Driven {
    now: AtomicI64,
    slept: AtomicU64,
}

impl Driven {
    fn at(now: i64) -> Driven {
        Driven { now: AtomicI64::new(now), slept: AtomicU64::new(0) }
    }

    fn slept(&self) -> Duration {
        Duration::from_nanos(self.slept.load(Ordering::SeqCst))
    }
}

impl Clock for Driven {
    fn now(&self) -> Ts {
        Ts(self.now.load(Ordering::SeqCst))
    }

    fn sleep(&self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).expect("short");
        self.slept.fetch_add(ns, Ordering::SeqCst);
        self.now.fetch_add(i64::try_from(ns).expect("short"), Ordering::SeqCst);
    }
}

/// Calls of one expiry, strikes from 1000 on.
fn series(root: &str, expiry: &str, strikes: u32) -> Vec<Contract> {
    let day = expiry.get(2..).expect("a date").replace('-', "");
    let one = |n: u32| {
        let strike = f64::from(1_000 + n);
        Contract {
            ticker: format!("{root}{day}C{:08}", (1_000 + n) * 1_000),
            expiry: expiry.to_owned(),
            strike,
            call: true,
            bid: Some(f64::from(n) * 0.25 + 0.1),
            ask: Some(f64::from(n) * 0.25 + 0.4),
            bid_size: Some(3.0),
            ask_size: Some(7.0),
            quote_ts: Some(SPOT_TS - 2),
            last: n.is_multiple_of(2).then_some(1.25),
            last_ts: n.is_multiple_of(2).then_some(SPOT_TS - 3),
            volume: Some(f64::from(n)),
            open_interest: Some(f64::from(n * 10)),
            iv: Some(0.1636793871337458),
            delta: Some(0.5163546212750041),
            gamma: Some(0.009508997183991348),
            theta: Some(-21.283267307257884),
            vega: Some(1.033707058596182),
        }
    };
    (0..strikes).map(one).collect()
}

/// Seven pages today, one on Monday, a few next year and in 2030.
fn market() -> Market {
    let mut contracts = series("SPXW", "2026-08-28", 1_600);
    contracts.extend(series("SPXW", "2026-08-31", 120));
    contracts.extend(series("SPX", "2027-06-17", 40));
    contracts.extend(series("SPX", "2030-12-20", 30));
    let index = |ticker: &str, value| Index { ticker: ticker.to_owned(), value, ts: SPOT_TS };
    Market {
        underlying: "SPX".to_owned(),
        spot: Some((7736.62, SPOT_TS)),
        delayed: false,
        contracts,
        indices: vec![index("SPX", 7736.62), index("VIX", 17.25)],
    }
}

fn plan(faults: Vec<Placed>) -> Plan {
    Plan { key: Some(KEY.to_owned()), faults, ..Plan::default() }
}

/// The first days only: three portions.
fn near(server: &Server) -> Settings {
    Settings { max_dte: Some(4), ..whole(server) }
}

fn whole(server: &Server) -> Settings {
    Settings {
        base_url: server.base(),
        request_timeout_ms: 5_000,
        seed: Some(7),
        ..Settings::default()
    }
}

/// What is the same in every fetch: nothing that can be printed shows the key.
fn fetch(settings: Settings, clock: &Driven) -> Result<Chain, FetchError> {
    let calendar = Calendar::bundled().expect("calendar");
    let mut massive = Massive::new(settings, Key::new(KEY)).expect("settings");
    let outcome = massive.fetch(Underlying::Spx, &calendar, clock);
    let printed = match &outcome {
        Ok(chain) => format!("{massive:?} {:?}", chain.provenance),
        Err(error) => format!("{massive:?} {error:?} {error} {error:#}"),
    };
    assert!(!printed.contains(KEY), "{printed}");
    outcome
}

/// A fetch of the first days from a server with these faults.
fn with_faults(faults: Vec<Placed>) -> (Result<Chain, FetchError>, Server, Duration) {
    let server = Server::start(0, market(), plan(faults)).expect("server");
    let clock = Driven::at(NOW);
    let outcome = fetch(near(&server), &clock);
    (outcome, server, clock.slept())
}

/// The portion of seven pages.
fn today(fault: Fault, times: u32, page: u32) -> Vec<Placed> {
    vec![Placed::new(fault, times).on_page(page).within("expiration_date=2026-08-28")]
}

fn row(contract: &Contract, calendar: &Calendar, lacks: Lacks) -> Row {
    let osi = Osi::parse(&contract.ticker, &Roots::PRODUCT).expect("ticker");
    let time = |ts: Option<i64>| ts.map_or(Ts::NONE, Ts);
    let mut row = Row::new(osi, settle_ts(calendar, osi.root, osi.expiry));
    (row.open_interest, row.volume) = (contract.open_interest, contract.volume);
    if !lacks.quotes {
        (row.bid, row.ask) = (contract.bid, contract.ask);
        (row.bid_size, row.ask_size) = (contract.bid_size, contract.ask_size);
        (row.last, row.last_ts) = (contract.last, time(contract.last_ts));
        row.quote_ts = time(contract.quote_ts);
    }
    if !lacks.greeks {
        (row.vendor_delta, row.vendor_gamma) = (contract.delta, contract.gamma);
        (row.vendor_theta, row.vendor_vega) = (contract.theta, contract.vega);
    }
    row.vendor_iv = contract.iv;
    row
}

#[test]
fn the_chain_served_is_the_chain_received() {
    let calendar = Calendar::bundled().expect("calendar");
    let mut server = Server::start(0, market(), plan(Vec::new())).expect("server");
    let clock = Driven::at(NOW);
    let chain = fetch(whole(&server), &clock).expect("chain");
    let rows: Vec<Row> =
        market().contracts.iter().map(|c| row(c, &calendar, Lacks::default())).collect();
    assert_eq!(chain.rows.len(), 1_790);
    assert_eq!(chain.rows, rows);
    assert_eq!((chain.underlying, chain.asof), (Underlying::Spx, Ts(SPOT_TS)));
    let print = chain.print.expect("print");
    assert_eq!((print.value, print.ts), (7736.62, Ts(SPOT_TS)));
    let p = &chain.provenance;
    assert_eq!((p.provider.as_str(), p.delay_class), ("massive", DelayClass::Realtime));
    assert_eq!((p.iv_clock, p.declared_delay_s), (IvClock::Vendor, 0));
    // 31 weekdays, 12 months, the rest: one page each, and six more of today.
    assert_eq!((p.pages, p.requests, p.retries, p.received), (50, 50, 0, 1_790));
    assert_eq!(p.oi_date.map(|d| d.to_string()).as_deref(), Some("2026-08-27"));
    assert!(p.dropped.is_empty() && p.counts.is_empty(), "{p:?}");
    assert_eq!(p.warnings, [LOOPBACK]);
    assert_eq!(p.fetched, (Ts(NOW), chain.captured));
    let requests = server.requests();
    assert_eq!(requests.len(), 50);
    for request in requests {
        let sent = request.header("authorization").expect("a key on every page");
        assert_eq!(sent, format!("Bearer {KEY}"));
        assert!(!request.target.contains(KEY), "the key is in no address");
    }
    // 50 requests at 20 a second with a burst of 20: the bucket has held some back.
    assert!(clock.slept() > Duration::from_secs(1), "{:?}", clock.slept());
}

#[test]
fn delayed_data_say_so() {
    let market = Market { delayed: true, ..market() };
    let server = Server::start(0, market, plan(Vec::new())).expect("server");
    let chain = fetch(near(&server), &Driven::at(NOW)).expect("chain");
    assert_eq!(chain.provenance.delay_class, DelayClass::Delayed15);
    assert_eq!(chain.provenance.declared_delay_s, 900);
    let filter = "fetch filter: expiries up to 4 days ahead";
    assert_eq!(chain.provenance.warnings, [LOOPBACK, filter]);
}

#[test]
fn a_plan_without_quotes_or_greeks_is_no_error() {
    let calendar = Calendar::bundled().expect("calendar");
    let lacks = Lacks { quotes: true, greeks: true, iv: false, spot: true };
    let market = Market { delayed: true, ..market() };
    let own = Plan { lacks, ..plan(Vec::new()) };
    let server = Server::start(0, market.clone(), own).expect("server");
    let clock = Driven::at(NOW);
    let chain = fetch(near(&server), &clock).expect("chain");
    let rows: Vec<Row> =
        market.contracts.iter().take(1_720).map(|c| row(c, &calendar, lacks)).collect();
    assert_eq!(chain.rows, rows);
    // Neither index nor quotes have a time: the end of the fetch less the delay.
    assert_eq!((chain.print, chain.asof), (None, Ts(clock.now().0 - 900 * SECOND)));
}

#[test]
fn without_the_index_the_latest_quote_dates_the_chain() {
    let own = Plan { lacks: Lacks { spot: true, ..Lacks::default() }, ..plan(Vec::new()) };
    let server = Server::start(0, market(), own).expect("server");
    let chain = fetch(near(&server), &Driven::at(NOW)).expect("chain");
    assert_eq!((chain.print, chain.asof), (None, Ts(SPOT_TS - 2)));
}

#[test]
fn before_the_opening_volume_is_yesterdays() {
    let early = NOW - 3_600 * SECOND;
    let market = Market { spot: Some((7700.0, early)), ..market() };
    let server = Server::start(0, market, plan(Vec::new())).expect("server");
    let chain = fetch(near(&server), &Driven::at(early)).expect("chain");
    assert!(chain.rows.iter().all(|r| r.volume.is_none() && r.open_interest.is_some()));
    assert_eq!(chain.provenance.counts.get("volume_before_open"), Some(&1));
}

#[test]
fn without_a_key_nothing_is_sent() {
    let calendar = Calendar::bundled().expect("calendar");
    let mut server = Server::start(0, market(), plan(Vec::new())).expect("server");
    let mut massive = Massive::new(near(&server), None).expect("settings");
    assert!(!massive.has_key());
    let clock = Driven::at(NOW);
    let error = massive.fetch(Underlying::Spx, &calendar, &clock).expect_err("no key");
    assert_eq!((error.kind, error.status()), (Kind::NoKey, "no_key"));
    assert!(error.to_string().contains("MASSIVE_API_KEY"), "{error}");
    let error = massive.indices(&["VIX"], &clock).expect_err("no key");
    assert_eq!(error.kind, Kind::NoKey);
    assert!(server.requests().is_empty());
}

#[test]
fn a_wrong_key_is_one_request_and_no_more() {
    let other = Plan { key: Some("another".to_owned()), ..Plan::default() };
    let mut server = Server::start(0, market(), other).expect("server");
    let clock = Driven::at(NOW);
    let error = fetch(whole(&server), &clock).expect_err("refused");
    assert_eq!((error.kind, error.cause), (Kind::AuthFailed, None));
    assert_eq!((error.work.requests, server.requests().len()), (1, 1));
    assert_eq!(clock.slept(), Duration::ZERO);
    let text = error.to_string();
    assert!(text.contains("HTTP 401") && text.contains("check the key"), "{text}");
}

/// The table of errors, on the very first request and for good.
#[test]
fn every_refusal_has_its_name() {
    let in_200 = |word: &str, text: &str| Fault::ErrorIn200(word.to_owned(), text.to_owned());
    for (fault, kind, requests) in [
        (Fault::Status(401), Kind::AuthFailed, 1),
        (Fault::QuoteKey, Kind::AuthFailed, 1),
        (Fault::ForbiddenError, Kind::NotEntitled, 1),
        (Fault::ForbiddenMessage, Kind::NotEntitled, 1),
        (Fault::Status(404), Kind::NotFound, 1),
        (Fault::Status(400), Kind::Refused, 1),
        (Fault::Status(418), Kind::Refused, 1),
        (Fault::Redirect("http://127.0.0.2:1".to_owned()), Kind::Redirected, 1),
        (Fault::Huge(5 << 20), Kind::Malformed, 1),
        (in_200("NOT_AUTHORIZED", "You are not entitled"), Kind::NotEntitled, 1),
        (in_200("ERROR", "Unknown API Key"), Kind::AuthFailed, 1),
        (in_200("ERROR", "Unexpected"), Kind::ServerError, 6),
        (in_200("ERROR", "exceeded the maximum requests per minute"), Kind::RateLimited, 6),
        (Fault::Status(408), Kind::Timeout, 6),
        (Fault::Status(413), Kind::RateLimited, 6),
        (Fault::TooMany(None), Kind::RateLimited, 6),
        (Fault::Status(499), Kind::ServerError, 6),
        (Fault::Status(500), Kind::ServerError, 6),
        (Fault::Status(502), Kind::ServerError, 6),
        (Fault::Status(503), Kind::ServerError, 6),
        (Fault::Status(504), Kind::Timeout, 6),
        (Fault::Truncated, Kind::Malformed, 6),
        (Fault::Reset, Kind::Network, 6),
        (Fault::Cut, Kind::Network, 6),
    ] {
        let (outcome, mut server, slept) = with_faults(vec![Placed::new(fault.clone(), 99)]);
        let error = outcome.expect_err("refused");
        assert_eq!((error.kind, error.cause), (kind, None), "{fault:?}: {error}");
        assert_eq!(error.work.requests, requests, "{fault:?}: {error}");
        assert_eq!(error.work.retries, requests - 1, "{fault:?}: {error}");
        assert_eq!(server.requests().len(), requests as usize, "{fault:?}");
        // 250 + 500 + 1000 + 2000 + 4000 ms at most.
        assert!(slept <= Duration::from_millis(7_750), "{fault:?}: {slept:?}");
        assert_eq!(slept.is_zero(), requests == 1, "{fault:?}: {slept:?}");
    }
}

/// What passes is asked again, and the chain is whole.
#[test]
fn trouble_that_passes_costs_a_retry() {
    for fault in [
        Fault::Status(503),
        Fault::Status(504),
        Fault::TooMany(None),
        Fault::Truncated,
        Fault::Cut,
        Fault::Reset,
        Fault::ErrorIn200("ERROR".to_owned(), "try later".to_owned()),
    ] {
        let (outcome, _server, _) = with_faults(today(fault.clone(), 5, 3));
        let chain = outcome.expect("chain");
        assert_eq!(chain.rows.len(), 1_720, "{fault:?}");
        let p = &chain.provenance;
        assert_eq!((p.pages, p.requests, p.retries), (9, 14, 5), "{fault:?}");
    }
}

/// Page 3 of 7 fails to the end: nothing is published, whatever came before.
#[test]
fn a_page_that_finally_fails_fails_the_snapshot() {
    let error_in_200 = Fault::ErrorIn200("ERROR".to_owned(), String::new());
    for (fault, cause) in [
        (Fault::Status(503), Kind::ServerError),
        (error_in_200, Kind::ServerError),
        (Fault::Truncated, Kind::Malformed),
        (Fault::Cut, Kind::Network),
        (Fault::Status(401), Kind::AuthFailed),
        (Fault::Status(404), Kind::NotFound),
    ] {
        let (outcome, mut server, _) = with_faults(today(fault.clone(), 6, 3));
        let error = outcome.expect_err("failed");
        assert_eq!((error.kind, error.cause), (Kind::PartialFetch, Some(cause)), "{error}");
        assert!(error.place.contains("expiry 2026-08-28, page 3"), "{error}");
        assert_eq!(error.status(), "failed");
        let refused = server.requests().iter().filter(|r| r.status != 200).count();
        assert!(refused == 0 || refused == error.work.retries as usize + 1, "{fault:?}");
    }
}

/// After a failure the same client fetches the next snapshot whole.
#[test]
fn nothing_of_a_failed_fetch_remains() {
    let calendar = Calendar::bundled().expect("calendar");
    let server = Server::start(0, market(), plan(today(Fault::Status(503), 6, 5))).expect("server");
    let mut massive = Massive::new(near(&server), Key::new(KEY)).expect("settings");
    let clock = Driven::at(NOW);
    assert!(massive.fetch(Underlying::Spx, &calendar, &clock).is_err());
    let chain = massive.fetch(Underlying::Spx, &calendar, &clock).expect("chain");
    assert_eq!((chain.rows.len(), chain.provenance.retries), (1_720, 0));
}

#[test]
fn retry_after_is_the_least_wait() {
    for (after, least, most) in [
        (None, 0, 1),
        (Some("2"), 2, 3),
        (Some("Fri, 28 Aug 2026 14:00:07 GMT"), 7, 8),
        (Some("9999"), 60, 61),
        (Some("soon"), 0, 1),
    ] {
        let fault = Fault::TooMany(after.map(str::to_owned));
        let (outcome, _server, slept) = with_faults(vec![Placed::new(fault, 1).on_page(1)]);
        assert_eq!(outcome.expect("chain").provenance.retries, 1, "{after:?}");
        let within = Duration::from_secs(least)..Duration::from_secs(most);
        assert!(within.contains(&slept), "{after:?}: {slept:?}");
    }
}

#[test]
fn a_fetch_ends_at_its_deadline_and_a_long_one_says_so() {
    let fault = || Fault::TooMany(Some("60".to_owned()));
    let (outcome, _server, slept) = with_faults(vec![Placed::new(fault(), 99).on_page(1)]);
    let error = outcome.expect_err("no time");
    assert_eq!(error.kind, Kind::RateLimited);
    assert!(error.to_string().contains("no time left"), "{error}");
    assert!(slept <= Duration::from_secs(180), "{slept:?}");
    // Twice a minute is not longer than 120 s, a second more is.
    for (more, warned) in [(0, false), (1, true)] {
        let second = Fault::TooMany(Some("1".to_owned()));
        let faults = vec![Placed::new(fault(), 2).on_page(1), Placed::new(second, more).on_page(1)];
        let (outcome, _server, _) = with_faults(faults);
        let warnings = outcome.expect("chain").provenance.warnings;
        assert_eq!(warnings.iter().any(|w| w.contains("the fetch took")), warned, "{warnings:?}");
    }
}

#[test]
fn a_provider_that_hangs_is_left() {
    let faults = vec![Placed::new(Fault::Hang(Duration::from_secs(30)), 9)];
    let server = Server::start(0, market(), plan(faults)).expect("server");
    let settings = Settings { request_timeout_ms: 150, retries: 2, ..near(&server) };
    let error = fetch(settings, &Driven::at(NOW)).expect_err("silence");
    assert_eq!((error.kind, error.work.requests), (Kind::Timeout, 3), "{error}");
    let slow = vec![Placed::new(Fault::Slow(Duration::from_millis(150)), 2)];
    let (outcome, _server, _) = with_faults(slow);
    assert_eq!(outcome.expect("late but whole").provenance.retries, 0);
}

#[test]
fn nobody_listens() {
    let base_url = {
        let server = Server::start(0, market(), plan(Vec::new())).expect("server");
        server.base()
    };
    let settings = Settings { base_url, retries: 1, ..Settings::default() };
    let error = fetch(settings, &Driven::at(NOW)).expect_err("nobody");
    assert_eq!((error.kind, error.work.requests), (Kind::Network, 2), "{error}");
}

/// Wherever the provider points, the request goes to the base host and the key nowhere else.
#[test]
fn a_foreign_host_sees_nothing() {
    let mut foreign = Server::start(0, market(), Plan::default()).expect("server");
    let (outcome, mut server, _) = with_faults(today(Fault::NextHost(foreign.base()), 9, 2));
    let chain = outcome.expect("chain");
    assert_eq!((chain.rows.len(), chain.provenance.pages), (1_720, 9));
    assert_eq!(server.requests().len(), 9);
    let (outcome, _server, _) = with_faults(today(Fault::Redirect(foreign.base()), 9, 2));
    let error = outcome.expect_err("redirected");
    assert_eq!((error.kind, error.cause), (Kind::PartialFetch, Some(Kind::Redirected)));
    assert_eq!(foreign.requests(), []);
}

/// A redirect on the provider's own host is followed.
#[test]
fn a_redirect_at_home_is_followed() {
    let own = with_faults(vec![Placed::new(Fault::Redirect(String::new()), 1).on_page(1)]);
    let chain = own.0.expect("chain");
    assert_eq!((chain.rows.len(), chain.provenance.requests), (1_720, 10));
    let (outcome, ..) = with_faults(vec![Placed::new(Fault::Redirect(String::new()), 99)]);
    assert_eq!(outcome.expect_err("a loop").kind, Kind::Redirected);
}

#[test]
fn wrong_pages_are_found_out() {
    for (fault, page, cause) in [
        (Fault::RepeatNext, 3, Kind::Malformed),
        (Fault::RepeatPage, 3, Kind::Malformed),
        (Fault::ForeignExpiry, 3, Kind::Malformed),
        (Fault::NoResults, 2, Kind::Malformed),
        (Fault::NextHost("no address ".to_owned()), 2, Kind::Malformed),
    ] {
        let (outcome, ..) = with_faults(today(fault.clone(), 99, page));
        let error = outcome.expect_err("wrong page");
        assert_eq!((error.kind, error.cause), (Kind::PartialFetch, Some(cause)), "{fault:?}");
        assert_eq!(error.work.retries, 0, "{fault:?}: {error}");
    }
    let (outcome, ..) = with_faults(today(Fault::Conflict, 1, 3));
    let error = outcome.expect_err("conflict");
    assert_eq!(error.kind, Kind::DuplicateConflict, "{error}");
    assert!(error.what.contains("SPXW260828C"), "{error}");
    let (outcome, ..) = with_faults(today(Fault::Twin, 1, 3));
    let chain = outcome.expect("chain");
    assert_eq!((chain.rows.len(), chain.provenance.received), (1_720, 1_721));
    assert_eq!(chain.provenance.dropped.get("duplicate"), Some(&1));
    // A portion without results is an empty one, if it says so on its first page.
    let (outcome, ..) = with_faults(vec![Placed::new(Fault::NoResults, 1).within("08-31")]);
    let chain = outcome.expect("chain");
    assert_eq!(chain.rows.len(), 1_600);
    assert_eq!(chain.provenance.counts.get("empty_no_results"), Some(&1));
}

#[test]
fn pages_without_end_end() {
    let mut market = market();
    market.contracts = series("SPXW", "2026-08-28", 500);
    let own = Plan { page_rows: 1, ..plan(Vec::new()) };
    let server = Server::start(0, market, own).expect("server");
    let settings = Settings { rate_per_s: 1_000_000, burst: 1_000, ..near(&server) };
    let error = fetch(settings, &Driven::at(NOW)).expect_err("too many");
    assert_eq!((error.kind, error.cause), (Kind::PartialFetch, Some(Kind::Malformed)));
    assert!(error.what.contains("400 pages") && error.work.pages <= 400 + 7, "{error}");
}

#[test]
fn strikes_outside_the_filter_do_not_come() {
    let server = Server::start(0, market(), plan(Vec::new())).expect("server");
    let settings = Settings { strikes: Some((1_010.0, 1_019.5)), ..near(&server) };
    let chain = fetch(settings, &Driven::at(NOW)).expect("chain");
    assert_eq!(chain.rows.len(), 20);
    assert_eq!(chain.provenance.warnings[2], "fetch filter: strikes 1010 to 1019.5");
}

#[test]
fn a_setting_that_cannot_be_used_is_refused() {
    let wrong = |settings| Massive::new(settings, None).expect_err("refused").kind;
    let s = Settings::default;
    let plain = "http://api.massive.com".to_owned();
    assert_eq!(wrong(Settings { base_url: plain, ..s() }), Kind::InvalidConfig);
    assert_eq!(wrong(Settings { max_in_flight: 0, ..s() }), Kind::InvalidConfig);
    assert_eq!(wrong(Settings { strikes: Some((2.0, 1.0)), ..s() }), Kind::InvalidConfig);
    assert_eq!(wrong(Settings { strikes: Some((f64::NAN, 1.0)), ..s() }), Kind::InvalidConfig);
}

#[test]
fn index_values_fail_one_by_one() {
    let own = Plan { not_entitled: vec!["VIX3M".to_owned()], ..plan(Vec::new()) };
    let mut server = Server::start(0, market(), own).expect("server");
    let mut massive = Massive::new(near(&server), Key::new(KEY)).expect("settings");
    let clock = Driven::at(NOW);
    let asked = ["VIX", "VIX3M", "VIX9D", "x&y", "SPX"];
    let values = massive.indices(&asked, &clock).expect("values");
    let vix = values[0].expect("VIX");
    assert_eq!((vix.value, vix.ts, vix.delayed), (17.25, Ts(SPOT_TS), false));
    let why: Vec<_> = values[1..4].iter().map(|v| v.expect_err("none").detail).collect();
    assert_eq!(why, ["not_entitled", "not_found", "not_found"]);
    assert_eq!(values[4].expect("SPX").value, 7736.62);
    let target = &server.requests()[0].target;
    assert_eq!(target, "/v3/snapshot/indices?ticker.any_of=I:VIX,I:VIX3M,I:VIX9D,I:SPX&limit=250");
}

/// An options plan without indices is an ordinary plan.
#[test]
fn indices_outside_the_plan_are_null() {
    let own = Plan { indices_forbidden: true, ..plan(Vec::new()) };
    let server = Server::start(0, market(), own).expect("server");
    let mut massive = Massive::new(near(&server), Key::new(KEY)).expect("settings");
    let values = massive.indices(&["VIX", "SPX"], &Driven::at(NOW)).expect("values");
    for value in values {
        assert_eq!(value.expect_err("none").detail, "not_entitled");
    }
}

/// Bodies recorded from the provider: each is read or refused, none panics.
#[test]
fn recorded_bodies() {
    let Some(list) = mia_test_support::shared("data/options/massive/OBSERVED.md") else { return };
    let folder = list.parent().expect("a folder");
    let mut read = 0;
    for part in ["responses", "errors"] {
        for entry in std::fs::read_dir(folder.join(part)).expect("readable") {
            let path = entry.expect("readable").path();
            let bytes = std::fs::read(&path).expect("readable");
            mia::providers::massive::fuzz_page(&bytes);
            let name = path.file_name().expect("name").to_string_lossy().into_owned();
            let mut own = bytes.clone();
            let parsed = page::parse(&mut own);
            match name.as_str() {
                "options_chain_AAPL.json" | "options_contract_AAPL.json" => {
                    let page = parsed.expect("a page");
                    let contract = &page.results.expect("results")[0];
                    let trade = contract.last_trade.as_ref().expect("trade");
                    assert_eq!(trade.sip_timestamp, Some(1_678_718_527_714_665_700));
                    let quote = contract.last_quote.as_ref().expect("quote");
                    assert_eq!(quote.last_updated, Some(1_651_254_260_800_059_648));
                }
                "indices_snapshot_mixed_errors.json" => {
                    let tickers = ["SPX", "APx", "APy"];
                    let values = indices::parse(&mut bytes.clone(), &tickers, Ts::MAX);
                    let why: Vec<_> = values
                        .expect("an answer")
                        .iter()
                        .map(|v| v.expect_err("no time, no value").detail)
                        .collect();
                    assert_eq!(why, ["no_time", "not_found", "not_entitled"]);
                }
                "401_unknown_key.json" => {
                    assert_eq!(parsed.expect_err("refused").kind, Kind::AuthFailed);
                }
                "403_not_entitled_error_key.json" | "403_not_entitled_message_key.json" => {
                    assert_eq!(parsed.expect_err("refused").kind, Kind::NotEntitled);
                    let trouble = retry::Trouble::of_status(403, &mut bytes.clone());
                    assert!(trouble.what.contains("You are not entitled"), "{trouble:?}");
                }
                "404_contract_not_found.json" => {
                    assert_eq!(parsed.expect_err("refused").kind, Kind::NotFound);
                }
                "429_message.txt" => {
                    let trouble = retry::Trouble::of_status(429, &mut bytes.clone());
                    assert_eq!((trouble.kind, trouble.retry), (Kind::RateLimited, true));
                }
                _ => {}
            }
            read += 1;
        }
    }
    assert!(read >= 15, "only {read} bodies found");
}
