//! What must hold for the features on any market, and on every real one: ranges, reflection, no
//! look-ahead, and which clock counts.

use mia_test_support as common;

use std::path::PathBuf;
use std::sync::Arc;

use mia::calendar::Calendar;
use mia::event::{Body, Event};
use mia::features::baseline::{Baseline, Origin, Running};
use mia::features::fuzz::{asymmetric, fuzz_features, market, mirrored, out_of_range};
use mia::features::{Features, Frame, Params, SymbolParams};
use mia::units::{MINUTE, SECOND, SYMBOLS_MAX, Ts};
use proptest::prelude::*;

/// The real files, each as one sequence of events.
fn real() -> Vec<(PathBuf, Vec<Event>)> {
    let names = [
        "data/ticks/esh4-glbx-mdp3-20231225.mbo.dbn.zst",
        "data/ticks/MNQU21-CME.scid",
        "data/ticks/ES-10-records.scid",
        "data/ticks/futures_mbp-1_2024-07-01T23-58_2024-07-02T00-02.dbn.zst",
        "data/ticks/futures_trades_2024-07-01T23-58_2024-07-02T00-02.dbn.zst",
        "data/ticks/test_data.mbp-10.dbn.zst",
    ];
    // One Timer a minute is enough for months of a thin contract.
    let few = |e: &Event| e.is_market() || e.ts.second() % 60 == 0;
    let events = |path: PathBuf| {
        let all = common::events(&path);
        let months = all.len() > 1_000_000;
        (path, all.into_iter().filter(|e| !months || few(e)).collect())
    };
    names.into_iter().filter_map(common::shared).map(events).collect()
}

fn features() -> Features {
    features_with(&[])
}

fn features_with(baselines: &[Option<Arc<Running>>]) -> Features {
    let calendar = Arc::new(Calendar::bundled().expect("bundled"));
    let symbols = [SymbolParams::of_root("ES"); SYMBOLS_MAX];
    let params = Params { profile_rows: 1 << 14, ..Params::default() };
    Features::new(&symbols, params, calendar, baselines)
}

/// A baseline that is empty at the start and takes thin sessions too.
fn growing() -> [Option<Arc<Running>>; 1] {
    let (root, tz, calendar) = ("MNQ".to_owned(), String::new(), [0; 32]);
    let origin = Origin { root, tick: 0.25, gap_min: 60, tz, calendar };
    [Some(Arc::new(Running::new(Baseline::new(origin), "MNQU21", [0; 32])))]
}

fn frames<'a>(events: impl IntoIterator<Item = &'a Event>, mut each: impl FnMut(&Frame)) {
    let mut features = features();
    for event in events {
        each(features.on_event(event).expect("a known symbol"));
    }
}

/// A price near the middle of what the file trades at, so that reflected prices stay positive.
fn middle(events: &[Event]) -> i64 {
    let px = events.iter().find_map(|e| match e.body {
        Body::Trade { px, .. } | Body::Depth { px, .. } => Some(px),
        _ => None,
    });
    i64::from(px.expect("a price").ticks())
}

#[test]
fn real_files_stay_in_range_and_mirror() {
    let mut total = [0_u64; 29];
    for (path, events) in real() {
        let middle = middle(&events);
        let mut present = [0_u64; 29];
        // The baseline of the reflected market is made of its own sessions.
        let months = path.extension().is_some_and(|e| e == "scid") && events.len() > 1000;
        let baselines = || if months { growing().to_vec() } else { Vec::new() };
        let (mut own, mut mirror) = (features_with(&baselines()), features_with(&baselines()));
        for event in &events {
            let frame = own.on_event(event).expect("a known symbol");
            let other = mirror.on_event(&mirrored(event, middle)).expect("a known symbol");
            assert_eq!(out_of_range(frame), None, "{} seq {}", path.display(), event.seq);
            let bad = asymmetric(frame, other, middle, 1e-12);
            assert_eq!(bad, None, "{} seq {}", path.display(), event.seq);
            for (number, count) in present.iter_mut().enumerate().skip(12) {
                *count += u64::from(frame.slot(number).value().is_some());
            }
        }
        println!("{}: frames with a value, by slot: {:?}", path.display(), &present[12..]);
        total.iter_mut().zip(present).for_each(|(total, count)| *total += count);
    }
    if !real().is_empty() {
        assert!(total.iter().skip(12).all(|count| *count > 1000), "{total:?}: a slot never spoke");
    }
}

/// Everything a frame says but its receive time.
fn said(frame: &Frame) -> impl PartialEq + std::fmt::Debug + use<> {
    let slots: Vec<_> = (12..=28).map(|n| frame.slot(n)).collect();
    let place = (frame.market_time, frame.label, frame.book, frame.flags, frame.bar);
    let levels = (frame.vwap, frame.vwap_sd, frame.atr20, frame.levels, frame.base, frame.regime);
    let beside = (frame.volatility_size, frame.details);
    (place, slots, frame.cvd, frame.area, frame.ofi, levels, beside)
}

/// The months file, its second half cut away before it is read, and with a baseline that holds its
/// own later days: what came before the cut is the same.
#[test]
fn no_look_ahead_through_the_file_or_the_baseline() {
    let Some(path) = common::shared("data/ticks/MNQU21-CME.scid") else { return };
    let data = std::fs::read(&path).expect("readable");
    let folder = common::live::folder("properties-cut");
    let short = folder.join("MNQU21-CME.scid");
    let half = 56 + (data.len() - 56) / 40 / 2 * 40;
    std::fs::write(&short, &data[..half]).expect("writable");
    let few = |path: &std::path::Path| -> Vec<Event> {
        let keep = |e: &Event| e.is_market() || e.ts.second() % 60 == 0;
        common::events(path).into_iter().filter(keep).collect()
    };
    let (whole, first) = (few(&path), few(&short));
    // All sessions of the file, the later ones too, against those of its first half.
    let learn = |events: &[Event]| -> [Option<Arc<Running>>; 1] {
        let mut features = features_with(&growing());
        events.iter().for_each(|e| _ = features.on_event(e));
        let symbol = features.symbol(mia::units::SymbolId(0)).expect("one");
        [symbol.baseline().cloned().map(Arc::new)]
    };
    let told = |events: &[Event], baselines: &[Option<Arc<Running>>]| {
        let mut features = features_with(baselines);
        let mut all = Vec::new();
        for event in events.iter().take(first.len()) {
            all.push(said(features.on_event(event).expect("one symbol")));
        }
        all
    };
    assert!(told(&whole, &learn(&whole)) == told(&first, &learn(&first)));
    assert!(told(&whole, &[]) == told(&first, &[]));
    std::fs::remove_dir_all(folder).expect("clean up");
}

#[test]
fn no_look_ahead() {
    for (path, events) in real() {
        let half = events.len() / 2;
        let (mut whole, mut first) = (Vec::new(), Vec::new());
        frames(&events, |f| whole.push(said(f)));
        frames(&events[..half], |f| first.push(said(f)));
        assert!(whole.iter().take(half).eq(&first), "{}", path.display());
    }
}

/// A constant delay of every receive time changes nothing at a market event; the Timers that the
/// receive clock sequences are left out, for they fall between other events then.
#[test]
fn market_time_rules() {
    for (path, events) in real() {
        let market: Vec<Event> = events.iter().filter(|e| e.is_market()).copied().collect();
        let delay = |by: i64| market.iter().map(move |e| Event { ts: Ts(e.ts.0 + by), ..*e });
        let mut one = Vec::new();
        frames(&delay(0).collect::<Vec<_>>(), |f| one.push(said(f)));
        for by in [SECOND / 3, 3 * 365 * 1440 * MINUTE] {
            let mut other = Vec::new();
            frames(&delay(by).collect::<Vec<_>>(), |f| other.push(said(f)));
            assert!(one == other, "{} by {by} ns", path.display());
        }
    }
}

/// Whole weeks inside one season of clock changes move dates and nothing else.
#[test]
fn weeks_shift() {
    let Some(path) = common::es_file() else { return };
    let week = 7 * 1440 * MINUTE;
    let shifted = |e: &Event| Event {
        ts: Ts(e.ts.0 + week),
        ts_exch: if e.ts_exch.is_some() { Ts(e.ts_exch.0 + week) } else { e.ts_exch },
        ..*e
    };
    // Christmas evening to New Year's: both open at 18:00 New York after a closed holiday.
    let events = common::events(&path);
    let (mut own, mut other) = (features(), features());
    for event in &events {
        let a = own.on_event(event).expect("one symbol");
        let b = other.on_event(&shifted(event)).expect("one symbol");
        assert_eq!(a.label, b.label);
        for number in 12..=28 {
            assert_eq!(a.slot(number), b.slot(number), "slot {number} seq {}", event.seq);
        }
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..6 * 1500)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any market: in range, never NaN, mirrored when mirrored.
    #[test]
    fn any_market(data in bytes()) {
        fuzz_features(&data);
    }

    /// Any market, cut anywhere: what came before the cut is the same.
    #[test]
    fn any_market_cut(data in bytes(), part in 0.0..1.0_f64) {
        let events = market(&data);
        let cut = (events.len() as f64 * part) as usize;
        let (mut whole, mut first) = (Vec::new(), Vec::new());
        frames(&events, |f| whole.push(said(f)));
        frames(&events[..cut], |f| first.push(said(f)));
        prop_assert!(whole.iter().take(cut).eq(&first));
    }
}
