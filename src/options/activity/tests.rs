//! Each condition on hand-made sessions, at it and just below it.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};

use super::*;
use crate::options::chain::{Osi, Roots};

/// 2026-03-10, an ordinary Tuesday; 11:00 New York is 15:00 UTC.
const TODAY: Date = date(2026, 3, 10);
const ELEVEN: i32 = 39_600;
const AT: Ts = Ts(1_773_154_800 * SECOND);
const SPOT: f64 = 6000.0;

fn key(osi: &str) -> Key {
    Key::of(&Osi::parse(osi, &Roots::PRODUCT).expect("a ticker"))
}

fn seen(osi: &str, volume: f64, oi: f64) -> Seen {
    let key = key(osi);
    let dte = days(key.osi().expiry) - days(TODAY);
    let (volume, oi) = (Some(volume), Some(oi));
    Seen { key, dte, volume, oi, bid: Some(1.0), ask: Some(1.2), last: None, iv: None }
}

fn poll(minutes: i64, mut seen: Vec<Seen>) -> Poll {
    seen.sort_by_key(|s| s.key);
    let second = ELEVEN + i32::try_from(minutes * 60).expect("small");
    let at = Ts(AT.0 + minutes * MINUTE);
    Poll { at, date: TODAY, second, spot: SPOT, seen, traded: true }
}

/// `n` sessions before today in which each contract trades `v` until eleven, with `oi` open.
fn history(n: i32, contracts: &[(&str, f64, f64)]) -> BTreeMap<Date, Session> {
    let mut rows: Vec<(Key, f64, f64)> =
        contracts.iter().map(|(osi, v, oi)| (key(osi), *v, *oi)).collect();
    rows.sort_by_key(|r| r.0);
    let volumes = rows.iter().filter(|r| r.1 > 0.0).map(|r| (r.0, r.1)).collect();
    let session = Session {
        marks: vec![
            Mark { second: 37_800, spot: SPOT, volumes: Vec::new() },
            Mark { second: ELEVEN, spot: SPOT, volumes },
        ],
        oi: rows.iter().map(|r| (r.0, r.2)).collect(),
        ivs: BTreeMap::from([(iv_bucket(0.5, 10), 0.2)]),
    };
    (1..=n).map(|back| (date_of(days(TODAY) - back), session.clone())).collect()
}

const CALL: &str = "SPXW260320C06000000";

fn kinds(found: &Found) -> Vec<&str> {
    found.unusual.events.iter().map(|e| e.kind.as_str()).collect()
}

fn first(history: &BTreeMap<Date, Session>, seen: Vec<Seen>) -> Found {
    detect(&poll(0, seen), history, &mut State::default())
}

#[test]
fn keys_are_contracts() {
    for osi in ["SPX261218P12345678", CALL, "NDX260320C00000001", "NDXP991231P99999999"] {
        assert_eq!(key(osi).osi().to_string(), osi);
    }
    assert!(key("SPX260320P06000000") < key("SPXW260320C00001000"));
    assert!(key("SPXW260320C06000000") < key("SPXW260320P06000000"));
    assert!(key("SPXW260320P99999999") < key("SPX260321C00000001"));
}

#[test]
fn status_by_the_length_of_the_history() {
    for (n, status, events) in
        [(0, "pending", 0), (9, "pending", 0), (10, "low_history", 1), (19, "low_history", 1)]
    {
        let found = first(&history(n, &[(CALL, 100.0, 100.0)]), vec![seen(CALL, 300.0, 100.0)]);
        assert_eq!((found.unusual.status.as_str(), found.unusual.events.len()), (status, events));
        assert!(found.unusual.events.iter().all(|e| e.low_history));
    }
    for n in [20, 40] {
        let found = first(&history(n, &[(CALL, 100.0, 100.0)]), vec![seen(CALL, 300.0, 100.0)]);
        assert_eq!(found.unusual.status, "ok");
        assert!(!found.unusual.events[0].low_history);
    }
    // Sessions of today and later do not count.
    let mut future = history(20, &[(CALL, 100.0, 100.0)]);
    future = future
        .into_values()
        .enumerate()
        .map(|(n, s)| (date_of(days(TODAY) + i32::try_from(n).expect("small")), s))
        .collect();
    let found = first(&future, vec![seen(CALL, 300.0, 100.0)]);
    assert_eq!(found.unusual.status, "pending");
}

#[test]
fn volume_by_ratio() {
    let twenty = history(20, &[(CALL, 100.0, 100.0)]);
    for (volume, oi, expected) in [(300.0, 600.0, 1), (299.0, 100.0, 0), (300.0, 601.0, 0)] {
        let found = first(&twenty, vec![seen(CALL, volume, oi)]);
        let told = kinds(&found).into_iter().filter(|kind| *kind == "volume").count();
        assert_eq!(told, expected, "{volume} of {oi}");
    }
    let event = &first(&twenty, vec![seen(CALL, 300.0, 100.0)]).unusual.events[0];
    assert_eq!((event.kind.as_str(), event.ratio, event.osi.as_str()), ("volume", Some(3.0), CALL));
    assert_eq!((event.time.as_str(), event.confirmed_open), ("2026-03-10T15:00:00Z", None));
    assert_eq!((event.side.as_str(), event.direction, event.severity), ("unknown", None, 1));
    // Fewer than a hundred contracts are never many; unknown open interest never passes.
    let few = history(20, &[(CALL, 1.0, 1.0)]);
    assert!(first(&few, vec![seen(CALL, 99.0, 1.0)]).unusual.events.is_empty());
    let unknown = Seen { oi: None, ..seen(CALL, 300.0, 0.0) };
    let other = seen("SPXW260320P05000000", 0.0, 1.0);
    assert!(first(&twenty, vec![unknown, other]).unusual.events.is_empty());
}

#[test]
fn same_time_of_day() {
    // Half way between the marks of 10:30 and 11:00 half of it is usual.
    let twenty = history(20, &[(CALL, 200.0, 100.0)]);
    let found = detect(&poll(-15, vec![seen(CALL, 300.0, 1.0)]), &twenty, &mut State::default());
    assert_eq!(found.unusual.events[0].ratio, Some(3.0));
    // Two hours after the last mark nothing is known.
    let found = detect(&poll(120, vec![seen(CALL, 3e4, 1.0)]), &twenty, &mut State::default());
    assert_eq!((found.unusual.status.as_str(), found.unusual.events.len()), ("pending", 0));
}

/// Forty strikes of one bucket, whose volumes spread.
fn bucket(day: &str) -> Vec<(String, f64, f64)> {
    (0..40_u32)
        .map(|n| (format!("SPXW{day}C0{}000", 6001 + n % 20), f64::from(n % 20 + 5), 1e6))
        .collect()
}

#[test]
fn expiring_today_only_z_counts() {
    // Former sessions had their own contracts of the day: the bucket is the same.
    let mut sessions = BTreeMap::new();
    for back in 1..=20 {
        let day = date_of(days(TODAY) - back);
        let name = format!("{:02}{:02}{:02}", day.year() % 100, day.month(), day.day());
        let rows = bucket(&name);
        let rows: Vec<_> = rows.iter().take(20).map(|r| (r.0.as_str(), r.1, r.2)).collect();
        let one = history(1, &rows).into_values().next().expect("one");
        sessions.insert(day, one);
    }
    let with = |volume: f64| {
        let found = first(&sessions, vec![seen("SPXW260310C06005000", volume, 0.0)]);
        found.unusual.events.into_iter().next()
    };
    let event = with(3e4).expect("an event");
    assert_eq!((event.kind.as_str(), event.ratio), ("volume", None));
    assert!(event.z.expect("a z") >= 4.0);
    assert!(with(100.0).is_none(), "a hundred contracts over no open interest is nothing");
}

#[test]
fn open_interest_once_a_day() {
    let twenty = history(20, &[(CALL, 0.0, 500.0)]);
    for (oi, expected) in [(1000.0, 1), (999.0, 0)] {
        let found = first(&twenty, vec![seen(CALL, 0.0, oi)]);
        assert_eq!(found.unusual.events.len(), expected, "{oi}");
    }
    let few = history(20, &[(CALL, 0.0, 100.0)]);
    assert!(first(&few, vec![seen(CALL, 0.0, 599.0)]).unusual.events.is_empty());
    let mut state = State::default();
    let now = |minutes| poll(minutes, vec![seen(CALL, 0.0, 1000.0)]);
    assert_eq!(kinds(&detect(&now(0), &twenty, &mut state)), ["oi"]);
    assert!(detect(&now(5), &twenty, &mut state).unusual.events.is_empty());
}

#[test]
fn volatility_against_its_bucket() {
    let twenty = history(20, &[(CALL, 0.0, 1.0)]);
    for (sigma, expected) in [(0.3001, 1), (0.2999, 0)] {
        let one = Seen { iv: Some((sigma, 0.5)), ..seen(CALL, 0.0, 1.0) };
        assert_eq!(first(&twenty, vec![one]).unusual.events.len(), expected, "{sigma}");
    }
    let elsewhere = Seen { iv: Some((0.9, 0.97)), ..seen(CALL, 0.0, 1.0) };
    assert!(first(&twenty, vec![elsewhere]).unusual.events.is_empty(), "no such bucket");
}

#[test]
fn premium_since_the_last_poll() {
    let twenty = history(20, &[(CALL, 1e6, 1e9)]);
    let mut state = State::default();
    let at = |minutes: i64, volume: f64, last: Option<f64>| {
        let time = Ts(AT.0 + minutes * MINUTE);
        poll(minutes, vec![Seen { last: last.map(|l| (l, time)), ..seen(CALL, volume, 1e9) }])
    };
    // Nothing is known of the time before the first poll.
    assert!(detect(&at(0, 1e5, Some(1.0)), &twenty, &mut state).unusual.events.is_empty());
    // 2 × 1249 × 100 is below the limit.
    assert!(detect(&at(1, 101_249.0, Some(2.0)), &twenty, &mut state).unusual.events.is_empty());
    let found = detect(&at(2, 102_499.0, Some(2.0)), &twenty, &mut state);
    let event = &found.unusual.events[0];
    assert_eq!((event.kind.as_str(), event.premium_usd), ("premium", Some(250_000.0)));
    assert_eq!((event.side.as_str(), event.direction), ("ask", Some(1)));
    // A volume that shrank is new from nothing; without a fresh trade the mid prices it.
    let found = detect(&at(3, 3_000.0, None), &twenty, &mut state);
    let event = &found.unusual.events[0];
    assert!((event.premium_usd.expect("known") - 330_000.0).abs() < 1e-6);
    assert_eq!((event.side.as_str(), event.direction), ("unknown", None));
    // The side of a put turns the direction around.
    let put = |last| {
        let mut state = State::default();
        let put = |minutes: i64, volume| {
            let time = Ts(AT.0 + minutes * MINUTE);
            let one = seen("SPXW260320P06000000", volume, 1e9);
            poll(minutes, vec![Seen { last: Some((last, time)), ..one }])
        };
        let _ = detect(&put(0, 1.0), &twenty, &mut state);
        let event = detect(&put(1, 1e5), &twenty, &mut state).unusual.events.remove(0);
        (event.side, event.direction)
    };
    assert_eq!(put(1.2), ("ask".to_owned(), Some(-1)));
    assert_eq!(put(1.0), ("bid".to_owned(), Some(1)));
    assert_eq!(put(1.1), ("mid".to_owned(), Some(0)));
}

#[test]
fn three_strikes_within_five_minutes() {
    let strikes = ["SPXW260320C06000000", "SPXW260320C06010000", "SPXW260320C06020000"];
    let usual: Vec<_> = strikes.iter().map(|s| (*s, 10.0, 10.0)).collect();
    let twenty = history(20, &usual);
    let run = |minutes: [i64; 3]| {
        let mut state = State::default();
        let mut found = Vec::new();
        for (n, minute) in minutes.into_iter().enumerate() {
            let now: Vec<_> = strikes.iter().take(n + 1).map(|s| seen(s, 500.0, 10.0)).collect();
            found = detect(&poll(minute, now), &twenty, &mut state).unusual.events;
        }
        found
    };
    let events = run([0, 2, 5]);
    let kinds: Vec<&str> = events.iter().map(|e| e.kind.as_str()).collect();
    assert!(kinds.contains(&"cross_strike") && kinds.contains(&"volume"), "{kinds:?}");
    let id = events[0].cluster_id.clone().expect("a cluster");
    assert!(events.iter().all(|e| e.cluster_id.as_ref() == Some(&id)), "{events:?}");
    assert_eq!(id, "2026-03-20-C-2026-03-10T15:05:00Z");
    let cross = events.iter().find(|e| e.kind == "cross_strike").expect("there");
    assert_eq!(cross.ratio, Some(3.0));
    assert!(run([0, 2, 6]).iter().all(|e| e.cluster_id.is_none()), "the first is too old");
}

#[test]
fn confirmed_by_the_next_day() {
    let twenty = history(20, &[(CALL, 100.0, 100.0)]);
    for (oi, confirmed) in [(Some(250.0), Some(true)), (Some(249.0), Some(false)), (None, None)] {
        let mut state = State::default();
        let found = detect(&poll(0, vec![seen(CALL, 300.0, 100.0)]), &twenty, &mut state);
        assert_eq!(found.unusual.events[0].confirmed_open, None);
        let other = seen("SPXW260320P05000000", 0.0, 1.0);
        let mut next = poll(5, vec![Seen { oi, ..seen(CALL, 0.0, 0.0) }, other]);
        next.date = date(2026, 3, 11);
        // Nothing before the session, once in it.
        let early = detect(&Poll { traded: false, ..next.clone() }, &twenty, &mut state);
        assert!(early.confirmed.is_empty());
        let found = detect(&next, &twenty, &mut state);
        assert_eq!(found.confirmed[0].confirmed_open, confirmed);
        assert!(detect(&next, &twenty, &mut state).confirmed.is_empty());
    }
}

#[test]
fn fifty_by_premium() {
    let names: Vec<String> = (0..80).map(|n| format!("SPXW260320C0{}000", 5000 + 5 * n)).collect();
    let usual: Vec<_> = names.iter().map(|n| (n.as_str(), 1.0, 1e9)).collect();
    let twenty = history(20, &usual);
    let mut state = State::default();
    let at = |minutes, volume: f64| {
        let of = |(n, name): (usize, &String)| {
            let more = f64::from(u32::try_from(n).expect("small"));
            seen(name, volume * (1.0 + more), 1e9)
        };
        poll(minutes, names.iter().enumerate().map(of).collect())
    };
    let _ = detect(&at(0, 1.0), &twenty, &mut state);
    let events = detect(&at(5, 1e4), &twenty, &mut state).unusual.events;
    assert_eq!(events.len(), EVENTS_MAX);
    let premiums: Vec<f64> = events.iter().map(|e| e.premium_usd.expect("known")).collect();
    assert!(premiums.windows(2).all(|w| w[0] >= w[1]));
}

#[test]
fn a_session_keeps_a_mark_every_half_hour() {
    let mut session = Session::default();
    let add = |session: &mut Session, second: i32| {
        let poll = Poll { second, ..poll(0, vec![seen(CALL, 5.0, 7.0)]) };
        session.add(&poll)
    };
    let wanted = [34_205, 36_100, 57_000, 57_700];
    for second in [34_205, 34_505, 35_900, 36_100, 57_000, 57_300, 57_700, 60_000] {
        assert_eq!(add(&mut session, second), wanted.contains(&second), "{second}");
    }
    assert_eq!(session.oi, [(key(CALL), 7.0)]);
    assert_eq!(session.marks.last().map(|m| m.second), Some(57_600));
    let closed = Poll { traded: false, ..poll(0, vec![seen(CALL, 5.0, 7.0)]) };
    assert!(!Session::default().add(&closed));
}
