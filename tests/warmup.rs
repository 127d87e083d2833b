//! Starting in the middle: the first half of a market as warm-up and the second one live leave
//! VWAP, profile, CVD and bars as a run over the whole market does; the journal replays it; and
//! nothing is signalled before the live market.

use mia_test_support as common;
use mia_test_support::live;

use std::path::{Path, PathBuf};

use dtc_sim::market::{Market, MarketBody, MarketRecord, Side, VecMarket};
use mia::bars::Bar;
use mia::cmd::market::recorded;
use mia::config::Layout;
use mia::features::frame::frame_flag;
use mia::features::{Features, Frame};
use mia::journal::{Kind, Reader};
use mia::pipeline::Judge;
use mia::runtime::live::Ended;
use mia::runtime::player::Player;
use mia::runtime::setup::Setup;
use mia::units::{SymbolId, Ts};

const ONLY: SymbolId = SymbolId(0);

/// A bar, the slots that bars fill, VWAP with its deviation, and CVD.
type AtClose = (Bar, Vec<Option<u64>>, [u64; 2], i64);

/// What does not depend on where a run began, and what does not depend on its Timers.
#[derive(Debug, PartialEq)]
struct State {
    trades: u64,
    volume: [u64; 3],
    cvd: i64,
    vwap: (Option<f64>, Option<f64>),
    area: Option<mia::profile::ValueArea>,
    book: [Vec<(i32, u32)>; 2],
    /// Every one-minute bar with the slots that bars fill.
    bars: Vec<AtClose>,
}

fn state(judge: &Judge, journal: &Path) -> State {
    let tally = judge.tally(ONLY).expect("one symbol");
    let side = |l: &mia::book::Ladder| l.visible().iter().map(|l| (l.px.ticks(), l.qty)).collect();
    State {
        trades: tally.trades,
        volume: tally.volume,
        cvd: tally.cvd(),
        vwap: (tally.vwap().mean(), tally.vwap().deviation()),
        area: tally.profile().value_area(),
        book: [side(tally.book().bids()), side(tally.book().asks())],
        bars: frames(journal)
            .iter()
            .map(|f| {
                let slot = |n: usize| f.slot(n).value().map(f64::to_bits);
                let slots: Vec<_> = (12..=15).chain(20..=28).map(slot).collect();
                (f.bar, slots, [f.vwap.to_bits(), f.vwap_sd.to_bits()], f.cvd)
            })
            .collect(),
    }
}

/// The frames of a journal that closed bars.
fn frames(journal: &Path) -> Vec<Frame> {
    let data = std::fs::read(journal).expect("journal");
    let reader = Reader::open(&data).expect("journal");
    let setup = Setup::from_journal(&reader).expect("own build");
    let params = setup.config.feature_params();
    let mut features = Features::new(&setup.symbol_params(), params, setup.calendar.clone(), &[]);
    let mut out = Vec::new();
    let mut player = Player::new(reader, &setup.instruments).expect("Bind records");
    player
        .play(|event| {
            let frame = features.on_event(event).expect("one symbol");
            if frame.flags & frame_flag::BAR_CLOSED != 0 {
                out.push(*frame);
            }
        })
        .expect("plays");
    out
}

/// Seq of the last event of the warm-up and of every signal.
fn marks(journal: &Path) -> (u64, Vec<u64>) {
    let data = std::fs::read(journal).expect("journal");
    let reader = Reader::open(&data).expect("journal");
    let signals = reader.records().filter(|r| r.kind == Kind::Signal).map(|r| r.seq).collect();
    let setup = Setup::from_journal(&reader).expect("own build");
    let mut last = 0;
    let mut player = Player::new(reader, &setup.instruments).expect("Bind records");
    let play = player.play(|event| {
        if event.has(mia::event::flag::WARMUP) {
            last = event.seq;
        }
    });
    play.expect("plays");
    (last, signals)
}

fn records(market: &mut VecMarket) -> Vec<MarketRecord> {
    std::iter::from_fn(|| market.next()).collect()
}

/// The records from `cut` on, behind the book that stood there.
fn second_half(market: &mut VecMarket, cut: i64) -> VecMarket {
    let all = records(market);
    let (before, after): (Vec<_>, Vec<_>) = all.into_iter().partition(|r| r.ts_ns < cut);
    let mut levels: Vec<MarketRecord> = Vec::new();
    for record in before {
        match record.body {
            MarketBody::ClearBook => levels.clear(),
            MarketBody::Depth { side, price, delete, .. } => {
                levels.retain(|l| {
                    !matches!(l.body, MarketBody::Depth { side: s, price: p, .. }
                        if s == side && p == price)
                });
                if !delete {
                    levels.push(record);
                }
            }
            _ => {}
        }
    }
    let mut served = Vec::new();
    let record = |body| MarketRecord { ts_ns: cut, symbol: 0, body };
    if !levels.is_empty() {
        served.push(record(MarketBody::ClearBook));
        served.extend(levels.iter().filter_map(|l| match l.body {
            MarketBody::Depth { side, price, quantity, orders, .. } => {
                let (delete, level, final_in_batch) = (false, 0, false);
                Some(record(MarketBody::Depth {
                    side: if side == Side::Bid { Side::Bid } else { Side::Ask },
                    delete,
                    price,
                    quantity,
                    orders,
                    level,
                    final_in_batch,
                }))
            }
            _ => None,
        }));
        served.push(record(MarketBody::BatchEnd));
    }
    served.extend(after);
    VecMarket::new(market.symbols().to_vec(), served)
}

fn plan(symbol: &str, layout: Layout, warmup: Vec<PathBuf>) -> live::Plan {
    live::Plan { layout, warmup, ..live::Plan::new(vec![(symbol.to_owned(), 0.25)]) }
}

/// Runs the whole of `file` live, then `first` as warm-up with the rest live from `cut`, compares.
fn compare(name: &str, file: &Path, symbol: &str, first: Vec<PathBuf>, cut: i64) -> Ended {
    let folder = live::folder(name);
    let (whole, warm) = (folder.join("whole.mjrnl"), folder.join("warm.mjrnl"));
    let (market, _) = recorded(&[file.to_owned()], None).expect("readable");
    let (reference, ..) =
        live::run(Box::new(market), &plan(symbol, Layout::Fused, Vec::new()), &whole);
    for layout in [Layout::Fused, Layout::Split] {
        let (mut market, _) = recorded(&[file.to_owned()], None).expect("readable");
        let market = second_half(&mut market, cut);
        let _ = std::fs::remove_file(&warm);
        let (ended, ..) = live::run(Box::new(market), &plan(symbol, layout, first.clone()), &warm);
        assert_eq!(ended.lost, 0);
        assert_eq!(ended.counters.overlap, 0, "the halves do not overlap");
        let (a, b) = (state(&reference.judge, &whole), state(&ended.judge, &warm));
        assert_eq!(a.bars.len(), b.bars.len());
        for (a, b) in a.bars.iter().zip(&b.bars) {
            assert_eq!(a, b);
        }
        assert_eq!(a, b);
        let (replayed, checked) = live::replay_journal(&warm);
        assert!(checked > 0);
        assert_eq!(replayed.judge().digest(), ended.judge.digest(), "live equals replay");
        let (last, signals) = marks(&warm);
        assert!(last > 1000 && signals.iter().all(|&seq| seq > last), "no signal from history");
        let warmed = ended.warmup.first().expect("one symbol").1;
        assert!(warmed.to < Ts(cut) && warmed.live >= Ts(cut) && warmed.trades > 500);
        if layout == Layout::Split {
            std::fs::remove_dir_all(folder).expect("clean up");
            return ended;
        }
    }
    unreachable!("two layouts")
}

/// The records of an order-by-order file before `cut`, as a file of their own.
fn first_half_of_dbn(file: &Path, cut: i64, to: &Path) {
    let data = mia::runtime::files::load(file).expect("readable").data;
    let metadata = u32::from_le_bytes(data[4..8].try_into().expect("four bytes")) as usize;
    let (head, body) = data.split_at(8 + metadata);
    let mut out = head.to_vec();
    for record in body.chunks_exact(56) {
        // Exchange time, by which the market is cut.
        let at = i64::from_le_bytes(record[8..16].try_into().expect("eight bytes"));
        if at >= cut {
            break;
        }
        out.extend_from_slice(record);
    }
    std::fs::write(to, out).expect("written");
}

#[test]
fn half_of_the_es_file() {
    let Some(file) = common::es_file() else { return };
    // 23:30:00Z; the file has an hour of open market.
    let cut = 1_703_547_000_000_000_000;
    let folder = live::folder("warm-es-file");
    let first = folder.join("esh4.dbn");
    first_half_of_dbn(&file, cut, &first);
    let ended = compare("warm-es", &file, "ESH4", vec![first], cut);
    let warmed = ended.warmup.first().expect("one symbol").1;
    assert!(warmed.missing_ns() < 60_000_000_000, "{warmed:?}");
    assert!(ended.judge.signals().long + ended.judge.signals().short > 0, "live signals");
    std::fs::remove_dir_all(folder).expect("clean up");
}

#[test]
fn half_of_the_mnq_file() {
    let Some(file) = common::shared("data/ticks/MNQU21-CME.scid") else { return };
    let data = std::fs::read(&file).expect("readable");
    let records = dtc::file::scid::records(&data).expect("scid");
    let times: Vec<i64> = records.filter_map(|r| r.unix_ns()).collect();
    let cut = times[times.len() / 2];
    let keep = times.iter().take_while(|&&t| t < cut).count();
    let folder = live::folder("warm-mnq-file");
    let first = folder.join("MNQU21-CME.scid");
    std::fs::write(&first, &data[..56 + 40 * keep]).expect("written");
    let ended = compare("warm-mnq", &file, "MNQU21-CME", vec![first], cut);
    assert_eq!(ended.warmup.first().map(|w| w.1.events), ended.warmup.first().map(|w| w.1.trades));
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// The journal of a run is the history of the next; what both saw counts once.
#[test]
fn a_journal_warms_up_and_overlap_counts_once() {
    let Some(file) = common::shared("data/ticks/MNQU21-CME.scid") else { return };
    let folder = live::folder("warm-journal");
    let (first, second) = (folder.join("first.mjrnl"), folder.join("second.mjrnl"));
    let whole = recorded(&[file], None).expect("readable").0;
    let all = records(&mut whole.clone());
    let (half, back) = (all.len() / 2, all.len() / 3);
    let market = |records: &[MarketRecord]| {
        Box::new(VecMarket::new(whole.symbols().to_vec(), records.to_vec()))
    };
    let symbol = "MNQU21-CME";
    let _ = live::run(market(&all[..half]), &plan(symbol, Layout::Fused, Vec::new()), &first);
    let warm = plan(symbol, Layout::Fused, vec![first.clone(), first]);
    let (ended, ..) = live::run(market(&all[back..]), &warm, &second);
    let warmed = ended.warmup.first().expect("one symbol").1;
    assert_eq!(warmed.trades, half as u64);
    assert_eq!(warmed.repeated, half as u64, "the same journal twice");
    let last = all[half - 1].ts_ns;
    let again = all[back..].iter().filter(|r| r.ts_ns <= last).count() as u64;
    assert_eq!(ended.counters.overlap, again);
    let tally = ended.judge.tally(ONLY).expect("one symbol");
    assert_eq!(tally.trades, all.len() as u64 - (again - (half - back) as u64));
    let (replayed, _) = live::replay_journal(&second);
    assert_eq!(replayed.judge().digest(), ended.judge.digest());
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// What cannot be this run's history is said before anything starts.
#[test]
fn another_contract_is_an_error() {
    let Some(file) = common::es_file() else { return };
    let text = "warmup = [\"FILE\"]\n[[sources]]\nkind = \"dtc\"\nname = \"x\"\n\
                address = \"127.0.0.1:1\"\n[[symbols]]\nname = \"ESM4\"\nsource = \"x\"\n";
    let text = text.replace("FILE", &file.display().to_string());
    let config = mia::config::Config::parse(&text).expect("valid");
    let instruments = config.instruments().expect("known");
    let setup = Setup::new(config, instruments, "paper").expect("valid");
    let clock = mia::runtime::clock::Clock::new();
    let error = mia::runtime::live::Live::start(&setup, None, &clock).expect_err("another month");
    assert!(error.contains("ESH4") && error.contains("another contract"), "{error}");
}
