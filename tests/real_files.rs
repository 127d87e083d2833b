//! The real files replay to what is known of them.

use mia_test_support as common;

use std::collections::BTreeMap;
use std::io::Read;

use mia::config::Config;
use mia::event::{Body, flag};
use mia::feed::Counters;
use mia::tally::{SessionFilter, Tally};
use mia::units::SymbolId;

const ONLY: SymbolId = SymbolId(0);

fn clean(counters: &Counters) {
    let refused = Counters { unclassified: 0, unused: 0, ..*counters };
    assert_eq!(refused, Counters::default());
}

fn points(ticks: f64) -> f64 {
    ticks * 0.25
}

fn prices(tally: &Tally) -> [f64; 4] {
    let range = tally.range.expect("trades");
    [range.first, range.last, range.high, range.low].map(|p| points(f64::from(p.ticks())))
}

#[test]
fn es_holiday_evening() {
    let Some(path) = common::es_file() else { return };
    let run = common::replay(path);
    let tally = run.pipeline.judge().tally(ONLY).expect("one symbol");
    clean(&run.counters);
    assert_eq!(run.counters.unclassified, 1);
    assert_eq!((tally.trades, tally.volume), (2973, [44, 5322, 4526]));
    assert_eq!((tally.cvd(), tally.crossed, tally.timers), (796, 891, 7199));
    assert_eq!(prices(tally), [4800.25, 4810.0, 4811.75, 4800.25]);
    assert_eq!(points(tally.vwap().mean().expect("volume")), 4_808.722_705_216_336);
    assert!((points(tally.vwap().deviation().expect("volume")) - 2.195_722).abs() < 1e-6);
    let best = |l: &mia::book::Ladder| l.best().map(|l| (points(f64::from(l.px.ticks())), l.qty));
    assert_eq!(best(tally.book().bids()), Some((4810.0, 22)));
    assert_eq!(best(tally.book().asks()), Some((4810.25, 28)));
    let features = run.pipeline.features().symbol(ONLY).expect("one symbol");
    assert_eq!(features.counters().bars, 59);
    assert_eq!(features.counters().empty_bars, 0);
    assert_eq!(features.prints(), 1735);
}

/// The ten visible levels equal an independent reconstruction at every batch end.
#[test]
fn es_levels_equal_the_oracle() {
    let Some(path) = common::es_file() else { return };
    let Some(oracle) = common::shared("data/ticks/ESH4_20231225_trades_l10_derived.csv.gz") else {
        return;
    };
    let mut text = String::new();
    let file = std::fs::File::open(oracle).expect("readable");
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let mut rows = rows.records().map(|r| r.expect("csv"));

    // The oracle's own ladders, by side and level; the next state is read ahead of each change.
    let mut expected: BTreeMap<(String, u32), (f64, u32, u16)> = BTreeMap::new();
    let (mut states, mut trades) = (0, 0);
    let mut changed = false;
    let mut advance = |expected: &mut BTreeMap<_, _>, want: &str| loop {
        let row = rows.next().expect("the oracle has as many changes");
        assert_eq!(&row[2], want, "trades and changes come in the same order");
        if want == "T" {
            return (row[5].parse::<f64>().expect("price"), row[6].parse::<u32>().expect("size"));
        }
        let key = (row[3].to_owned(), row[4].parse::<u32>().expect("level"));
        let size: u32 = row[6].parse().expect("size");
        if size == 0 {
            expected.remove(&key);
        } else {
            let price: f64 = row[5].parse().expect("price");
            expected.insert(key, (price, size, row[7].parse().expect("orders")));
        }
        if &row[9] == "1" {
            return (0.0, 0);
        }
    };
    let run =
        common::replay_with(&[path], Config::default(), SessionFilter::All, |event, pipeline| {
            match event.body {
                Body::Trade { px, qty, .. } => {
                    trades += 1;
                    let row = advance(&mut expected, "T");
                    assert_eq!(row, (points(f64::from(px.ticks())), qty));
                }
                Body::Depth { .. } => {
                    changed = true;
                    if event.has(flag::BATCH_END) && std::mem::take(&mut changed) {
                        states += 1;
                        advance(&mut expected, "D");
                        let book = pipeline.judge().tally(ONLY).expect("one symbol").book();
                        let mut own = BTreeMap::new();
                        for (side, ladder) in [("B", book.bids()), ("A", book.asks())] {
                            for (at, l) in (0_u32..).zip(ladder.visible()) {
                                let price = points(f64::from(l.px.ticks()));
                                own.insert((side.to_owned(), at), (price, l.qty, l.orders));
                            }
                        }
                        assert_eq!(own, expected, "seq {}", event.seq);
                    }
                }
                _ => {}
            }
        });
    assert_eq!((trades, states), (2973, 37_064));
    assert_eq!(run.counters.unknown_orders, 0);
}

#[test]
fn mnq_months() {
    let Some(path) = common::shared("data/ticks/MNQU21-CME.scid") else { return };
    let run = common::replay(path);
    let tally = run.pipeline.judge().tally(ONLY).expect("one symbol");
    clean(&run.counters);
    assert_eq!((tally.trades, tally.volume), (24_000, [0, 19_466, 18_370]));
    assert_eq!(prices(tally), [12_100.0, 13_766.0, 14_053.0, 12_100.0]);
    assert!((points(tally.vwap().mean().expect("volume")) - 13_442.894_347).abs() < 1e-6);
    let area = tally.profile().value_area().expect("volume");
    assert_eq!(points(f64::from(area.poc.ticks())), 13_845.5);
    let (low, rows) = tally.profile().rows();
    let at = usize::try_from(area.poc.minus(low)).expect("inside");
    assert_eq!(rows[at].volume, 236);
}

/// The session filter says which trades count, and no trade of this file lies outside both.
#[test]
fn sessions_share_the_trades() {
    let Some(path) = common::shared("data/ticks/MNQU21-CME.scid") else { return };
    let volume = |filter| {
        let paths = std::slice::from_ref(&path);
        let run = common::replay_with(paths, Config::default(), filter, |_, _| {});
        run.pipeline.judge().tally(ONLY).expect("one symbol").total_volume()
    };
    assert_eq!(volume(SessionFilter::Rth), 24_137);
    assert_eq!(volume(SessionFilter::Eth), 37_836 - 24_137);
}

#[test]
fn ten_es_trades() {
    let Some(path) = common::shared("data/ticks/ES-10-records.scid") else { return };
    let run = common::replay(path);
    let tally = run.pipeline.judge().tally(ONLY).expect("one symbol");
    assert_eq!((tally.trades, tally.volume), (10, [0, 2, 8]));
    assert_eq!(prices(tally)[2..], [4048.5, 4047.0]);
    assert_eq!(points(tally.vwap().mean().expect("volume")), 4047.875);
}

#[test]
fn mbp_1_and_trades_tell_the_same_trades() {
    let name =
        |s: &str| format!("data/ticks/futures_{s}_2024-07-01T23-58_2024-07-02T00-02.dbn.zst");
    let Some(quotes) = common::shared(&name("mbp-1")) else { return };
    let Some(trades) = common::shared(&name("trades")) else { return };
    let (quotes, trades) = (common::replay(quotes), common::replay(trades));
    let tally = |r: &common::Replayed| {
        let tally = r.pipeline.judge().tally(ONLY).expect("one symbol").clone();
        (tally.trades, tally.volume, tally.range, tally.vwap().mean())
    };
    clean(&quotes.counters);
    assert_eq!(tally(&quotes), tally(&trades));
    assert_eq!(tally(&trades).0, 120);
    let book = quotes.pipeline.judge().tally(ONLY).expect("one symbol").book();
    assert_eq!(book.state(), mia::book::BookState::Normal);
}

#[test]
fn mbp_10_sample() {
    let Some(path) = common::shared("data/ticks/test_data.mbp-10.dbn.zst") else { return };
    let run = common::replay(path);
    let book = run.pipeline.judge().tally(ONLY).expect("one symbol").book();
    assert_eq!((book.bids().visible().len(), book.asks().visible().len()), (10, 10));
    clean(&run.counters);
}

/// A file cut off in the middle of a record: what is whole is replayed, the rest is counted.
#[test]
fn a_cut_file_keeps_what_is_whole() {
    let Some(path) = common::es_file() else { return };
    let mut file = mia::runtime::files::load(&path).expect("readable");
    file.data.truncate(2_000_030);
    let files = mia::runtime::files::TickFiles::new(vec![file], None).expect("known symbol");
    let mut stream = files.stream().expect("the header is whole");
    let mut trades = 0;
    while let Some(event) = stream.next_event().expect("a cut is no error") {
        trades += u64::from(matches!(event.body, Body::Trade { .. }));
    }
    assert_eq!((trades, stream.counters().partial_bytes), (1370, 8));
}

/// With weights on what exists, both directions are reached: a run in which nothing can happen
/// proves nothing.
#[test]
fn es_signals_in_both_directions() {
    let Some(path) = common::es_file() else { return };
    let run = common::replay_with(&[path], common::spine(), SessionFilter::All, |_, _| {});
    let signals = run.pipeline.judge().signals();
    println!("ES file, preset spine: {} long, {} short", signals.long, signals.short);
    assert!(signals.long >= 10 && signals.short >= 10);
    assert!(run.pipeline.judge().decision().preset().name.starts_with("spine ("));
}

/// Cutting the input leaves what was said before the cut as it was.
#[test]
fn no_look_ahead() {
    let Some(path) = common::es_file() else { return };
    let digests = |limit: u64| {
        let mut out = Vec::new();
        let files = vec![mia::runtime::files::load(&path).expect("readable")];
        let files = mia::runtime::files::TickFiles::new(files, None).expect("known");
        let setup =
            mia::runtime::setup::Setup::new(common::spine(), files.instruments.clone(), "replay")
                .expect("valid");
        let mut pipeline =
            mia::pipeline::Pipeline::new(&setup.core(SessionFilter::All), setup.calendar.clone());
        let mut stream = files.stream().expect("readable");
        while let Some(event) = stream.next_event().expect("whole")
            && event.seq <= limit
        {
            pipeline.on_event(&event, &mia::context::Context::EMPTY);
            out.push(pipeline.judge().digest().0);
        }
        out
    };
    let (whole, half) = (digests(u64::MAX), digests(30_000));
    assert_eq!(whole[..30_000], half[..]);
}
