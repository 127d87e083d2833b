//! Baselines: what is recorded, what is computed from it, what the file and the journal keep of it.

use mia_test_support as common;

use common::naive::{self, moments, quantile};
use common::{days, live};
use dtc_sim::market::{Aggressor, MarketBody, MarketRecord, SymbolSpec, VecMarket};
use mia::bars::Bar;
use mia::calendar::{Calendar, Label};
use mia::cmd::baseline::{BuildArgs, build};
use mia::config::Layout;
use mia::event::{Body, Event};
use mia::features::baseline::codec::{decode, encode};
use mia::features::baseline::{Baseline, BaselineError, Kind, Outcome, Rejection, Session};
use mia::features::{Params, Slot, SymbolFeatures, SymbolParams, frame_flag};
use mia::runtime::baselines;
use mia::units::{MINUTE, SymbolId, Ts};

fn outcomes(features: &SymbolFeatures) -> Vec<Outcome> {
    let recorder = features.baseline().expect("given").recorder();
    (0..recorder.ended()).filter_map(|n| recorder.outcome(n)).collect()
}

/// Slope by the textbook, over CVD since the anchor.
fn naive_slope(bars: &[Bar]) -> f64 {
    let mut cvd = 0.0;
    let y: Vec<f64> = bars
        .iter()
        .map(|b| {
            cvd += b.delta() as f64;
            cvd
        })
        .collect();
    naive::slope(&y)
}

fn near(found: Option<f64>, expected: f64) {
    let found = found.expect("enough sessions");
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} {expected}");
}

/// The time-of-day tables against the plain definitions, read from the sessions' own bars.
#[test]
fn tables_equal_the_definitions() {
    let baseline = days::grown("X", 26);
    for kind in [Kind::Rth, Kind::Eth] {
        let sessions = baseline.sessions(kind);
        assert_eq!(sessions.len(), 25, "26 weekdays, one of them a holiday");
        let last: Vec<Vec<Bar>> = sessions[5..]
            .iter()
            .map(|s| s.bars().iter().map(|b| b.expect("no halt")).collect())
            .collect();
        let mut ratios = Vec::new();
        for at in 0..kind.minutes() {
            let of = |f: &dyn Fn(&Vec<Bar>) -> f64| last.iter().map(f).collect::<Vec<_>>();
            let volume = quantile(of(&|b| b[at].volume as f64), 0.5);
            let usual = baseline.usual(kind == Kind::Rth, at, 1000, 5000);
            if volume > 0.0 {
                ratios.extend(last.iter().map(|b| b[at].volume as f64 / volume));
                near(usual.rvol, 1000.0 / volume);
            } else {
                assert_eq!(usual.rvol, None);
            }
            let delta = moments(&of(&|b| b[at].delta() as f64));
            near(usual.delta.map(|d| d.0), delta.0);
            near(usual.delta.map(|d| d.1), delta.1);
            if at >= 4 {
                let set = |b: &Vec<Bar>| b[at - 4..=at].iter().map(|b| b.volume as f64).sum();
                near(usual.rvol_set, 5000.0 / quantile(of(&set), 0.5));
            } else {
                assert_eq!(usual.rvol_set, None);
            }
            if at >= 19 {
                let slope = moments(&of(&|b| naive_slope(&b[at - 19..=at])));
                near(usual.cvd_slope.map(|d| d.0), slope.0);
                near(usual.cvd_slope.map(|d| d.1), slope.1);
            } else {
                assert_eq!(usual.cvd_slope, None);
            }
        }
        let usual = baseline.usual(kind == Kind::Rth, 0, 1, 1);
        near(usual.rvol_high, quantile(ratios, 0.975));
        assert_eq!(baseline.usual(kind == Kind::Rth, 1380, 1, 1).rvol, None);
    }
}

/// Sizes of the last five sessions, counted again from the events.
#[test]
fn large_sizes_equal_the_events() {
    let baseline = days::grown("X", 12);
    let dates: Vec<i64> = days::weekdays(12).filter(|d| *d != days::MONDAY + 14).collect();
    let hours = |date: i64, from: i64, to: i64| {
        let start = days::anchor(date).0;
        let inside = move |e: &Event| {
            let minute = (e.ts.0 - start) / MINUTE;
            (from..to).contains(&minute)
        };
        days::day(date, 50).into_iter().filter(move |e| inside(e))
    };
    // Minutes since 18:00: Asia to 08:00 London, London to 09:30, US to 16:00, US_POST to 17:00.
    for (label, from, to) in
        [(Label::Asia, 0, 540), (Label::London, 540, 930), (Label::Us, 930, 1320)]
    {
        let mut prints = Vec::new();
        for &date in &dates[dates.len() - 5..] {
            let mut sizes: Vec<f64> = hours(date, from, to)
                .filter_map(|e| match e.body {
                    Body::Trade { qty, .. } => Some(f64::from(qty)),
                    _ => None,
                })
                .collect();
            // The last one is whole only once the next label has begun.
            sizes.pop();
            prints.extend(sizes);
        }
        let large = baseline.large_sizes(label);
        near(large.print, quantile(prints, 0.995));
        assert!(large.level.expect("depth") > 30.0 && large.added.expect("depth") > 20.0);
    }
    assert_eq!(baseline.large_sizes(Label::UsHoliday), Default::default());
    let few = days::grown("X", 3).large_sizes(Label::Us);
    assert!(few.print.is_none() && few.level.is_some(), "prints need five sessions");
}

#[test]
fn how_many_sessions_are_needed() {
    for (n, usual, level, target) in
        [(4, false, false, false), (9, false, true, false), (22, true, true, true)]
    {
        let baseline = days::grown("X", n);
        for rth in [true, false] {
            assert_eq!(baseline.usual(rth, 100, 10, 50).delta.is_some(), usual, "{n}");
            let typical = baseline.atr_ratio(rth, 10.0);
            assert_eq!(typical.is_some(), level, "{n}");
            assert_eq!(baseline.atr_percentile(rth, 10.0).is_some(), level);
            assert_eq!(baseline.rv_percentile(rth, 0.1).is_some(), level);
            assert_eq!(baseline.target_rv(rth).is_some(), target, "{n}");
        }
        if level {
            assert_eq!(baseline.atr_percentile(true, 0.0), Some(0.0));
            assert_eq!(baseline.rv_percentile(false, 1e9), Some(1.0));
            let middle = 10.0 / baseline.atr_ratio(true, 10.0).expect("enough");
            let rank = baseline.atr_percentile(true, middle).expect("enough");
            assert!((0.2..0.8).contains(&rank), "{rank}");
        }
    }
}

/// A run that starts at 11:00 compares with the minutes after 11:00, not with those after 09:30.
#[test]
fn a_start_in_mid_session_knows_the_minute() {
    let calendar = Calendar::bundled().expect("calendar");
    let baseline = days::grown("X", 12);
    let date = days::weekdays(13).last().expect("a date");
    let start = days::anchor(date).0;
    let from = |minute: i64| {
        let mut features = days::recording(baseline.clone());
        let mut closes = Vec::new();
        for event in days::day(date, 50) {
            if (event.ts.0 - start) / MINUTE < minute {
                continue;
            }
            let frame = features.on_event(&event, &calendar);
            if frame.flags & frame_flag::BAR_CLOSED != 0 {
                closes.push((frame.bar.minute, frame.slot(12), frame.slot(14)));
            }
        }
        closes
    };
    let (whole, late) = (from(0), from(1020));
    let first = start / MINUTE + 1020 + 25;
    let of = |closes: &[(i64, Slot, Slot)]| -> Vec<_> {
        closes.iter().filter(|c| (first..first + 250).contains(&c.0)).copied().collect()
    };
    assert_eq!(of(&whole), of(&late));
    let known = |c: &(i64, Slot, Slot)| c.1.value().is_some() && c.2.value().is_some();
    assert!(of(&late).iter().filter(|c| known(c)).count() > 200);
}

/// A day with a hole of `minutes` from minute `from` of its Globex day.
fn holed(from: i64, minutes: i64) -> Vec<Outcome> {
    let calendar = Calendar::bundled().expect("calendar");
    let mut features = days::recording(Baseline::new(days::origin("X")));
    let start = days::anchor(days::MONDAY).0;
    for event in days::day(days::MONDAY, 10) {
        let minute = (event.ts.0 - start) / MINUTE;
        if !(from..from + minutes).contains(&minute) {
            features.on_event(&event, &calendar);
        }
    }
    days::end(&mut features, days::MONDAY, &calendar);
    outcomes(&features)
}

#[test]
fn silence_is_told_apart() {
    let verdicts = |from, minutes| {
        let of = |kind| holed(from, minutes).into_iter().find(|o| o.kind == kind).expect("ended");
        [Kind::Rth, Kind::Eth].map(|kind| of(kind).rejection)
    };
    assert_eq!(verdicts(0, 0), [None, None]);
    assert_eq!(verdicts(1000, 4), [None, None], "4 min and what is around");
    let [rth, eth] = verdicts(1000, 6);
    assert!(matches!(rth, Some(Rejection::Silence(_, ns)) if ns / MINUTE == 6), "{rth:?}");
    assert_eq!(rth, eth);
    // 09:28 to 09:36: the cash session starts late; 15:57 to 16:04: it is silent for 3 min only.
    let [rth, eth] = verdicts(928, 8);
    assert!(matches!(rth, Some(Rejection::LateStart(ns)) if ns / MINUTE == 6), "{rth:?}");
    assert!(matches!(eth, Some(Rejection::Silence(..))));
    let [rth, eth] = verdicts(1317, 7);
    assert!(rth.is_none() && eth.is_some());
    let [rth, eth] = verdicts(0, 931);
    assert_eq!(rth, Some(Rejection::NoPrice(1)), "nothing had ever traded before 09:31");
    assert!(matches!(eth, Some(Rejection::LateStart(_))));
    let [rth, _] = verdicts(1310, 70);
    assert!(matches!(rth, Some(Rejection::Silence(_, ns)) if ns / MINUTE == 10), "{rth:?}");
}

#[test]
fn holidays_and_half_days_are_left_out() {
    let calendar = Calendar::bundled().expect("calendar");
    // 2026-01-19 is a holiday, 2025-12-24 a half day.
    for (date, expected) in [(days::MONDAY + 14, Rejection::Holiday), (20_446, Rejection::HalfDay)]
    {
        let mut features = days::recording(Baseline::new(days::origin("X")));
        days::day(date, 60).iter().for_each(|e| _ = features.on_event(e, &calendar));
        days::end(&mut features, date + 1, &calendar);
        let mut found = outcomes(&features);
        found.retain(|o| i64::from(o.trade_day) == date);
        assert!(!found.is_empty());
        assert!(found.iter().all(|o| o.rejection == Some(expected)), "{found:?}");
    }
}

/// A session of a date that the baseline holds already is not taken twice.
#[test]
fn known_dates_are_not_taken_again() {
    let calendar = Calendar::bundled().expect("calendar");
    let mut features = days::recording(days::grown("X", 2));
    days::day(days::MONDAY, 50).iter().for_each(|e| _ = features.on_event(e, &calendar));
    days::end(&mut features, days::MONDAY, &calendar);
    let found = outcomes(&features);
    assert!(found.iter().all(|o| o.rejection == Some(Rejection::Known)), "{found:?}");
    assert_eq!(features.baseline().expect("given").joined(), 0);
}

/// Sixty are kept; what joins later takes the place of the oldest, and nothing is allocated.
#[test]
fn a_full_baseline_forgets_the_oldest_without_allocating() {
    let calendar = Calendar::bundled().expect("calendar");
    let week = days::grown("X", 5);
    let copies = |kind: Kind| {
        let first: Session = week.sessions(kind)[0].clone();
        (0..60).map(move |n| {
            let mut one = first.clone();
            one.trade_day -= 100 - n;
            one
        })
    };
    let all = copies(Kind::Eth).chain(copies(Kind::Rth)).collect();
    let mut features = days::recording(Baseline::with_sessions(days::origin("X"), all));
    let events: Vec<Event> = days::weekdays(3).flat_map(|d| days::day(d, 50)).collect();
    let measured = allocation_counter::measure(|| {
        events.iter().for_each(|event| _ = features.on_event(event, &calendar));
        days::end(&mut features, days::MONDAY + 2, &calendar);
    });
    // The zone database answers out of memory that it has; sessions come out of theirs.
    assert_eq!(measured.count_total, 0, "{measured:?}");
    let running = features.baseline().expect("given");
    assert_eq!(running.joined(), 6);
    for kind in Kind::ALL {
        let sessions = running.baseline().sessions(kind);
        assert_eq!(sessions.len(), 60);
        assert!(sessions.is_sorted_by_key(|s| s.trade_day));
    }
    let bytes = encode(running.baseline());
    assert!(bytes.len() < mia::features::baseline::codec::BYTES_MAX);
    assert!(bytes.len() < mia::journal::record::PAYLOAD_MAX);
}

/// What joined in memory equals what the file of it says when read again.
#[test]
fn file_round_trip_and_damage() {
    let baseline = days::grown("X", 12);
    let bytes = encode(&baseline);
    let again = decode(&bytes).expect("just written");
    assert_eq!(encode(&again), bytes);
    assert_eq!(again.origin(), baseline.origin());
    for rth in [true, false] {
        for at in (0..1380).step_by(7) {
            assert_eq!(again.usual(rth, at, 9, 99), baseline.usual(rth, at, 9, 99));
        }
        assert_eq!(again.atr_percentile(rth, 9.0), baseline.atr_percentile(rth, 9.0));
        assert_eq!(again.rv_percentile(rth, 0.05), baseline.rv_percentile(rth, 0.05));
    }
    for label in [Label::Asia, Label::London, Label::Us, Label::UsPost] {
        assert_eq!(again.large_sizes(label), baseline.large_sizes(label));
    }
    for at in (0..bytes.len()).step_by(bytes.len() / 50 + 1) {
        let cut = decode(&bytes[..at]).expect_err("cut off");
        assert!(matches!(cut, BaselineError::Damaged | BaselineError::NoBaseline), "{cut}");
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        assert!(decode(&flipped).is_err(), "byte {at}");
    }
    let mut newer = bytes.clone();
    newer[8] = 9;
    assert_eq!(decode(&newer).err(), Some(BaselineError::Version(9)));
    assert_eq!(decode(b"SCID").err(), Some(BaselineError::NoBaseline));
}

#[test]
fn what_does_not_fit_a_run_is_refused() {
    let folder = live::folder("baseline-refused");
    let path = folder.join("a.mbase");
    baselines::write(&path, &days::grown("ES", 1)).expect("writable");
    let attach = |symbol: &str, tick, gap: Option<u32>, times| {
        let gap =
            gap.map_or(String::new(), |gap| format!("[instrument.ES]\nbaseline_gap_min = {gap}\n"));
        let text = format!(
            "[[sources]]\nkind = \"dtc\"\nname = \"s\"\naddress = \"localhost:1\"\n\
             [[symbols]]\nname = \"{symbol}\"\nsource = \"s\"\ntick = {tick:?}\n{gap}"
        );
        let config = mia::config::Config::parse(&text).expect("valid");
        let instruments = config.instruments().expect("ticks");
        let mut setup =
            mia::runtime::setup::Setup::new(config, instruments, "paper").expect("valid");
        baselines::attach(&mut setup, &vec![path.clone(); times])
    };
    attach("ESH6", 0.25, None, 1).expect("fits");
    attach("ESH6", 0.25, Some(5), 1).expect("fits");
    for (symbol, tick, gap, times, word) in [
        ("NQH6", 0.25, None, 1, "a baseline of ES"),
        ("ESH6", 0.5, None, 1, "--tick"),
        ("ESH6", 0.25, Some(10), 1, "--gap-min 10"),
        ("ESH6", 0.25, None, 2, "second baseline"),
    ] {
        let error = attach(symbol, tick, gap, times).expect_err(word);
        assert!(error.contains(word) && error.contains("a.mbase"), "{error}");
    }
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// A cash session that ends inside a live run joins; the journal alone repeats that.
#[test]
fn live_equals_replay_with_a_baseline() {
    let folder = live::folder("baseline-live");
    let (file, journal) = (folder.join("a.mbase"), folder.join("a.mjrnl"));
    baselines::write(&file, &days::grown("SYNTHETIC-ES", 11)).expect("writable");
    // A later date: 2026-02-02, from 09:25 to 16:02.
    let start = days::anchor(days::MONDAY + 28).0;
    let records: Vec<MarketRecord> = (925 * 4..1322 * 4)
        .map(|quarter| MarketRecord {
            ts_ns: start + quarter * MINUTE / 4,
            symbol: 0,
            body: MarketBody::Trade {
                price: 5000.0 + (quarter % 17) as f64 / 4.0,
                volume: 1 + quarter as u32 % 30,
                aggressor: if quarter % 5 < 2 { Aggressor::Buy } else { Aggressor::Sell },
                unbundled: 0,
            },
        })
        .collect();
    let spec = SymbolSpec::new("SYNTHETIC-ES", "", 0.25, 12.5);
    for layout in [Layout::Fused, Layout::Split] {
        let market = Box::new(VecMarket::new(vec![spec.clone()], records.clone()));
        let plan = live::Plan {
            layout,
            baselines: vec![file.clone()],
            ..live::Plan::new(vec![("SYNTHETIC-ES".to_owned(), 0.25)])
        };
        let (ended, setup, _) = live::run(market, &plan, &journal);
        std::fs::rename(&file, folder.join("away")).expect("the journal alone is enough");
        let (pipeline, checked) = live::replay_journal(&journal);
        std::fs::rename(folder.join("away"), &file).expect("back");
        assert!(checked > 0);
        assert_eq!(pipeline.judge().digest(), ended.judge.digest());
        let of = |f: &mia::features::Features| {
            let running = f.symbol(SymbolId(0)).and_then(SymbolFeatures::baseline);
            let running = running.expect("given");
            assert_eq!(running.joined(), 1, "the cash session is full");
            encode(running.baseline())
        };
        assert!(of(&ended.features) == of(pipeline.features()));
        let lines = baselines::write_grown(&setup, &ended.features, &plan.baselines);
        assert!(lines.expect("writable")[0].contains("1 session more"));
        let grown = baselines::read(&file).expect("just written");
        assert_eq!(grown.baseline().sessions(Kind::Rth).len(), 11);
        // The second layout begins from where the first did.
        baselines::write(&file, &days::grown("SYNTHETIC-ES", 11)).expect("writable");
    }
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// The thin contract of the shared folder: no full session at 5 min, some at 10, 15 and 20.
#[test]
fn mnq_sessions() {
    let Some(path) = common::shared("data/ticks/MNQU21-CME.scid") else { return };
    let calendar = Calendar::bundled().expect("calendar");
    for (gap_min, full) in [(5, 0), (10, 7), (15, 17), (20, 27)] {
        let origin = mia::features::baseline::Origin { gap_min, ..days::origin("MNQ") };
        let file = vec![mia::runtime::files::load(&path).expect("readable")];
        let files = mia::runtime::files::TickFiles::new(file, None).expect("known symbol");
        let mut stream = files.stream().expect("readable");
        let running =
            mia::features::baseline::Running::new(Baseline::new(origin), "MNQU21-CME", [1; 32]);
        let mut features =
            SymbolFeatures::new(Params::default(), &SymbolParams::of_root("MNQ"), Some(running));
        let (mut seen, mut read) = (Vec::new(), 0);
        while let Some(event) = stream.next_event().expect("whole") {
            features.on_event(&event, &calendar);
            let recorder = features.baseline().expect("given").recorder();
            while let Some(outcome) = recorder.outcome(read) {
                seen.push(outcome);
                read += 1;
            }
        }
        // The last day of the file is not whole, and one of the 96.
        seen.extend(features.baseline().expect("given").recorder().unfinished());
        let left_out = [Rejection::Holiday, Rejection::HalfDay, Rejection::NoData].map(Some);
        let of =
            |kind| seen.iter().filter(move |o| o.kind == kind && !left_out.contains(&o.rejection));
        assert_eq!(of(Kind::Rth).count(), 96);
        assert_eq!(of(Kind::Rth).filter(|o| o.rejection.is_none()).count(), full, "{gap_min}");
        let ended = |kind| of(kind).filter(|o| o.rejection != Some(Rejection::Unfinished));
        let shortest = |kind| ended(kind).map(|o| o.silence_ns).min().expect("sessions");
        let minutes = |kind| shortest(kind) as f64 / MINUTE as f64;
        assert!((minutes(Kind::Rth) - 7.18).abs() < 0.005, "{}", minutes(Kind::Rth));
        assert!((minutes(Kind::Eth) - 28.28).abs() < 0.005, "{}", minutes(Kind::Eth));
        assert_eq!(of(Kind::Eth).filter(|o| o.rejection.is_none()).count(), 0);
    }
}

/// The command: nothing is written where nothing is full, and the reasons are printed.
#[test]
fn the_command_builds_and_refuses() {
    let Some(path) = common::shared("data/ticks/MNQU21-CME.scid") else { return };
    let folder = live::folder("baseline-build");
    let args = |gap_min| BuildArgs {
        files: vec![path.clone()],
        out: folder.join("mnq.mbase"),
        gap_min,
        config: None,
        root: None,
        tick: None,
    };
    let mut out = Vec::new();
    let error = build(&args(None), &mut out).expect_err("no full session").to_string();
    assert!(error.contains("--gap-min") && !folder.join("mnq.mbase").exists(), "{error}");
    let text = String::from_utf8(out).expect("UTF-8");
    for line in ["0 accepted of", "half day", "silent for 7.18 min", "silent for 28.28 min"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let mut out = Vec::new();
    build(&args(Some(20)), &mut out).expect("27 sessions");
    let stored = baselines::read(&folder.join("mnq.mbase")).expect("just written");
    let sessions = stored.baseline().sessions(Kind::Rth);
    assert_eq!((sessions.len(), stored.baseline().origin().root.as_str()), (27, "MNQ"));
    assert_eq!(&*sessions[0].contract, "MNQU21-CME");
    assert!(stored.baseline().usual(true, 60, 30, 150).rvol.is_some());
    assert!(stored.baseline().target_rv(true).is_some_and(|rv| (0.05..1.0).contains(&rv)));
    let end = Ts(sessions[0].anchor * MINUTE);
    assert!(end.to_string().contains("T14:30") || end.to_string().contains("T13:30"));
    std::fs::remove_dir_all(folder).expect("clean up");
}
