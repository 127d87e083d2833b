//! Volatility over the real histories: known days, no look-ahead, the curve of eight years.

use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use jiff::civil::{Date, date};
use mia::calendar::{Calendar, date_of, days};
use mia::units::{Slot, Ts};
use mia::volatility::analyzer::{Analyzer, Index, Params};
use mia::volatility::closes::{Closes, Stats};
use mia::volatility::regime::{AsThree, as_three, stress};
use mia::volatility::{Curve, Part, Quote, Regime, Signal, SignalKind, Source, Trend, hours};
use mia_test_support::shared;

fn unpacked(path: &Path) -> Vec<u8> {
    let file = std::fs::File::open(path).expect("file");
    let mut bytes = Vec::new();
    GzDecoder::new(file).read_to_end(&mut bytes).expect("gzip");
    bytes
}

fn history() -> Option<Vec<u8>> {
    shared("data/options/vix/VIX_History.csv.gz").map(|path| unpacked(&path))
}

fn calendar() -> Calendar {
    Calendar::bundled().expect("calendar")
}

fn on(closes: &Closes, day: Date) -> f64 {
    closes.iter().find(|&(d, _)| d == days(day)).expect("a close").1
}

fn observe(a: &mut Analyzer, index: Index, value: f64, ts: Ts, calendar: &Calendar) {
    a.observe(index, Quote::new(value, ts, Source::Scid), ts, calendar);
}

/// A fresh analyzer that sees one value of VIX in the afternoon.
fn afternoon(closes: &Closes, day: Date, vix: f64) -> Part {
    let calendar = calendar();
    let at = calendar.new_york(day, jiff::civil::time(15, 45, 0, 0));
    let mut analyzer = Analyzer::new(Params::default(), closes.clone());
    analyzer.observe(Index::Vix, Quote::new(vix, at, Source::Given), at, &calendar);
    analyzer.part(at, &calendar)
}

#[test]
fn the_whole_file() {
    let Some(bytes) = history() else { return };
    let closes = Closes::parse(&bytes).expect("history");
    assert_eq!(closes.len(), 9_223);
    assert_eq!(closes.iter().next(), Some((days(date(1990, 1, 2)), 17.24)));
    assert_eq!(closes.iter().next_back(), Some((days(date(2026, 7, 7)), 16.13)));
}

#[test]
fn regimes_of_known_days() {
    let Some(bytes) = history() else { return };
    let closes = Closes::parse(&bytes).expect("history");
    for (day, close, regime, multiplier, stressed, three) in [
        (date(2008, 11, 20), 80.86, Regime::Extreme, 0.5, true, AsThree::High),
        (date(2017, 11, 3), 9.14, Regime::UltraLow, 0.8, false, AsThree::Low),
        (date(2020, 3, 16), 82.69, Regime::Extreme, 0.5, true, AsThree::High),
        (date(2024, 8, 5), 38.57, Regime::Extreme, 0.5, true, AsThree::High),
    ] {
        let vix = on(&closes, day);
        assert_eq!(vix, close, "{day}");
        assert_eq!((as_three(vix), stress(vix)), (three, stressed));
        let part = afternoon(&closes, day, vix);
        assert_eq!((part.regime, part.vix_mult), (Some(regime), Some(multiplier)), "{day}");
        assert_eq!(part.stress, Some(stressed));
        println!(
            "{day} VIX {vix} {} percentile {:?} mom5 {:?} trend {:?} z {:?}",
            regime.name(),
            part.percentile.value(),
            part.mom5.value(),
            part.trend,
            part.z_60.value()
        );
    }
}

/// Two values of explicit runs against the closes before their day.
#[test]
fn percentiles_of_two_days() {
    let Some(bytes) = history() else { return };
    let closes = Closes::parse(&bytes).expect("history");
    for (day, vix, percentile, mom5, trend) in [
        (date(2022, 7, 12), 27.29, 0.734127, 0.0403, Trend::Neutral),
        (date(2022, 12, 12), 25.00, 0.468254, 0.1290, Trend::Bullish),
    ] {
        let part = afternoon(&closes, day, vix);
        let near = |slot: Slot, expected: f64, unit: f64| {
            let value = slot.value().expect("value");
            assert!((value - expected).abs() <= unit, "{day}: {value} {expected}");
        };
        near(part.percentile, percentile, 5e-7);
        near(part.mom5, mom5, 5e-5);
        assert_eq!(part.trend, Some(trend));
        assert_eq!(part.regime, Some(Regime::High), "{day}: exactly 25 is HIGH");
    }
}

/// The days of a history replayed, one observation at each close.
struct Replay {
    day: i32,
    part: Part,
}

fn replay(closes: &Closes, first: i32) -> Vec<Replay> {
    let calendar = calendar();
    let mut analyzer = Analyzer::new(Params::default(), closes.clone());
    let days = closes.iter().filter(|&(day, _)| day >= first);
    days.map(|(day, close)| {
        let ts = hours::close_of(date_of(day), &calendar);
        observe(&mut analyzer, Index::Vix, close, ts, &calendar);
        Replay { day, part: analyzer.part(ts, &calendar) }
    })
    .collect()
}

fn fired(days: &[Replay]) -> Vec<Signal> {
    let mut all: Vec<Signal> = Vec::new();
    for signal in days.iter().flat_map(|r| r.part.signals.into_iter().flatten()) {
        if !all.iter().any(|s| s.kind == signal.kind && s.ts == signal.ts) {
            all.push(signal);
        }
    }
    all
}

/// Cutting the file at a day, or making its future another one, changes nothing up to that day.
#[test]
fn nothing_looks_ahead() {
    let Some(bytes) = history() else { return };
    let closes = Closes::parse(&bytes).expect("history");
    let first = days(date(2016, 1, 1));
    let whole = replay(&closes, first);
    for cut in [date(2018, 2, 5), date(2020, 3, 16), date(2024, 8, 5)] {
        let mut short = Closes::EMPTY;
        let mut other = Closes::EMPTY;
        for (day, value) in closes.iter() {
            let past = day <= days(cut);
            let changed = if past { value } else { 5.0 + value / 2.0 };
            other.push(date_of(day), changed).expect("close");
            if past {
                short.push(date_of(day), value).expect("close");
            }
        }
        let past = whole.iter().filter(|r| r.day <= days(cut)).count();
        for closes in [short, other] {
            let replayed = replay(&closes, first);
            for (a, b) in whole.iter().zip(&replayed).take(past) {
                assert_eq!((a.day, a.part), (b.day, b.part), "{cut}");
            }
            // The power to differ: the other future does.
            let ahead = whole.iter().zip(&replayed).skip(past);
            assert!(ahead.into_iter().all(|(a, b)| a.part.vix != b.part.vix));
        }
    }
}

/// Thirty-six years of closes: statistics in their ranges, signals only where their conditions
/// were true, a share of days in each regime that history knows.
#[test]
fn the_whole_history() {
    let Some(bytes) = history() else { return };
    let closes = Closes::parse(&bytes).expect("history");
    let all = replay(&closes, i32::MIN);
    assert_eq!(all.len(), closes.len());
    for (n, r) in all.iter().enumerate() {
        let vix = r.part.vix.expect("vix").value;
        // By definition, without the code under test.
        let before: Vec<f64> = closes.iter().map(|(_, v)| v).take(n).collect();
        assert_eq!(r.part.percentile.value().is_some(), n >= 60);
        if let Some(percentile) = r.part.percentile.value() {
            let year = &before[n.saturating_sub(252)..];
            let below = year.iter().filter(|&&c| c <= vix).count();
            assert!((percentile - below as f64 / year.len() as f64).abs() < 1e-12);
            let mean = before[n - 5..].iter().sum::<f64>() / 5.0;
            let mom5 = r.part.mom5.value().expect("warm");
            assert!((mom5 - (vix / mean - 1.0)).abs() < 1e-12);
            assert_eq!(Stats::of(vix, &before).z_60, r.part.z_60);
        }
        assert!(r.part.vix_mult.is_none_or(|m| (0.5..=1.0).contains(&m)));
    }
    let signals = fired(&all);
    let count = |kind| signals.iter().filter(|s| s.kind == kind).count();
    let kinds = [
        SignalKind::SpikeReversal,
        SignalKind::Complacency,
        SignalKind::RegimeChange,
        SignalKind::Momentum,
        SignalKind::MeanReversion,
    ];
    for kind in kinds {
        println!("{kind:?}: {} in {} days", count(kind), all.len());
        assert!(count(kind) >= 3 && count(kind) < all.len() / 10, "{kind:?}");
    }
    assert_eq!(count(SignalKind::TermStructure), 0, "no curve in this file");
    for s in &signals {
        assert!((0.0..=1.0).contains(&s.strength) && s.size_mult <= 1.0);
        let here = all.iter().find(|r| r.part.vix.is_some_and(|q| q.ts == s.ts)).expect("a day");
        let (vix, part) = (here.part.vix.expect("vix").value, &here.part);
        let held = match s.kind {
            SignalKind::SpikeReversal => vix > 25.0,
            SignalKind::Complacency => {
                vix < 15.0 && part.percentile.value().is_some_and(|p| p < 0.1)
            }
            SignalKind::RegimeChange => s.change.map(|(_, to)| to) == part.regime,
            SignalKind::Momentum => part.mom5.value().is_some_and(|m| m.abs() > 0.15),
            SignalKind::MeanReversion => part.z_60.value().is_some_and(|z| z > 2.0),
            SignalKind::TermStructure => false,
        };
        assert!(held, "{s:?}");
    }
    let share = |regime| {
        let days = all.iter().filter(|r| r.part.regime == Some(regime)).count();
        days as f64 / all.len() as f64
    };
    let shares =
        [Regime::UltraLow, Regime::Low, Regime::Normal, Regime::High, Regime::Extreme].map(share);
    println!("shares of the regimes, ULTRA_LOW to EXTREME: {shares:.3?}");
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    assert!(shares[1] > 0.3 && shares[2] > 0.2 && shares[4] < 0.08);
    spikes_of_known_days(&signals);
}

/// No reversal at the close of a panic; one at the next close, which was a fifth lower and still
/// far over the low of three sessions.
fn spikes_of_known_days(signals: &[Signal]) {
    let calendar = calendar();
    let spikes = signals.iter().filter(|s| s.kind == SignalKind::SpikeReversal);
    let days: Vec<Date> = spikes.clone().map(|s| calendar.new_york_date(s.ts)).collect();
    println!("spike reversals: {days:?}");
    for panic in [date(2008, 11, 20), date(2018, 2, 5), date(2020, 3, 16), date(2024, 8, 5)] {
        assert!(!days.contains(&panic), "{panic}");
    }
    let ts = hours::close_of(date(2018, 2, 6), &calendar);
    let found = spikes.clone().find(|s| s.ts == ts).expect("a reversal");
    assert_eq!((found.direction, found.size_mult, found.stop_mult), (1, 1.0, 1.25));
    // From 17.31 to 29.98: more than half, a full strength.
    assert_eq!(found.strength, 1.0);
}

/// VIX9D, VIX, VIX3M and VIX6M of a line.
fn term_rows(bytes: &[u8]) -> Vec<(Date, [f64; 4])> {
    let text = str::from_utf8(bytes).expect("text");
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let value = |n: usize| cells[n].parse().expect("a number");
        (cells[0].parse().expect("a date"), [value(1), value(2), value(3), value(4)])
    };
    text.lines().skip(1).map(row).collect()
}

#[test]
fn curve_of_eight_years() {
    let Some(path) = shared("data/options/vix/vix_term_structure.csv.gz") else { return };
    let rows = term_rows(&unpacked(&path));
    assert_eq!(rows.len(), 2_012);
    let calendar = calendar();
    let mut analyzer = Analyzer::new(Params::default(), Closes::EMPTY);
    let mut days = Vec::new();
    for (day, [vix9d, vix, vix3m, vix6m]) in rows {
        let ts = hours::close_of(day, &calendar);
        for (index, value) in
            [(Index::Vix9d, vix9d), (Index::Vix3m, vix3m), (Index::Vix6m, vix6m), (Index::Vix, vix)]
        {
            observe(&mut analyzer, index, value, ts, &calendar);
        }
        let part = analyzer.part(ts, &calendar);
        assert_eq!(part.ratio.value(), Some(vix / vix3m), "{day}");
        assert_eq!(part.vix6m.map(|q| q.value), Some(vix6m));
        days.push((day, part));
    }
    let raw = |curve| {
        let of = |p: &Part| p.ratio.value().map(Curve::of) == Some(curve);
        days.iter().filter(|(_, p)| of(p)).count()
    };
    assert_eq!([Curve::Contango, Curve::Flat, Curve::Backwardation].map(raw), [1640, 204, 168]);
    let confirmed = |curve| days.iter().filter(|(_, p)| p.curve == Some(curve)).count();
    let counts = [Curve::Contango, Curve::Flat, Curve::Backwardation].map(confirmed);
    let share = counts.map(|n| n as f64 / days.len() as f64);
    println!("confirmed contango, flat, backwardation: {counts:?}, shares {share:.3?}");
    assert_eq!(counts.iter().sum::<usize>(), days.len());
    assert!(share[0] > 0.75 && share[0] < 0.9 && share[1] > 0.03 && share[2] > 0.04);
    let at = |day: Date| &days.iter().find(|(d, _)| *d == day).expect("the day").1;
    for day in [date(2011, 8, 8), date(2018, 2, 5), date(2018, 2, 6)] {
        let part = at(day);
        assert_eq!(part.curve, Some(Curve::Backwardation), "{day}");
        assert_eq!(part.strong_stress, Some(true), "{day}");
        let term = part.signals.iter().flatten().find(|s| s.kind == SignalKind::TermStructure);
        assert_eq!(term.map(|s| (s.direction, s.size_mult)), Some((-1, 0.7)), "{day}");
    }
    for day in [date(2011, 4, 28), date(2017, 11, 3)] {
        assert_eq!(at(day).curve, Some(Curve::Contango), "{day}");
    }
}
