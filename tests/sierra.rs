//! Following the files that Sierra Chart writes: history first, then what is appended, in pieces of
//! any size; truncation is a reported gap; the journal replays it all.

use mia_test_support::live;

use std::io::Write;
use std::path::Path;

use dtc::file::{depth, from_unix_ns, scid};
use mia::config::Config;
use mia::runtime::clock::Clock;
use mia::runtime::live::Live;
use mia::runtime::setup::Setup;
use mia::units::{SECOND, SymbolId};

/// A trade of `qty` contracts, `n` milliseconds after a Monday's opening, bought at `price`.
fn trade(n: i64, price: f32, qty: u32) -> [u8; scid::RECORD_BYTES as usize] {
    scid::Record {
        time_us: from_unix_ns(1_767_623_400 * SECOND + n * 1_000_000),
        open_bits: 0,
        open: 0.0,
        high: price,
        low: price - 0.25,
        close: price,
        num_trades: 1,
        total_volume: qty,
        bid_volume: 0,
        ask_volume: qty,
    }
    .to_bytes()
}

fn level(n: i64, command: depth::Command, price: f32, last: bool) -> Vec<u8> {
    depth::Record {
        time_us: from_unix_ns(1_767_623_400 * SECOND + n * 1_000_000),
        command: command.code(),
        flags: u8::from(last),
        num_orders: 2,
        price,
        quantity: 7,
    }
    .to_bytes()
    .to_vec()
}

/// Gives the run `ms` milliseconds to see what was written.
fn settle(clock: &Clock, ms: i64) {
    let start = clock.now();
    while clock.now().since(start) < ms * 1_000_000 {
        Clock::sleep(std::time::Duration::from_millis(5));
    }
}

fn append(path: &Path, bytes: &[u8]) {
    let mut file = std::fs::File::options().append(true).open(path).expect("open");
    file.write_all(bytes).expect("append");
}

#[test]
fn history_growth_truncation_and_replay() {
    let folder = live::folder("sierra");
    std::fs::create_dir_all(folder.join("MarketDepthData")).expect("folder");
    let clock = Clock::new();
    let day = clock.now().to_string();
    let depth_path =
        folder.join(format!("MarketDepthData/ESZ6-CME.{}.depth", day.get(..10).expect("date")));
    let ticks = folder.join("ESZ6-CME.scid");
    let mut file = scid::Header::DEFAULT.to_bytes().to_vec();
    (0..100).for_each(|n| file.extend(trade(n, 5000.0, 1)));
    std::fs::write(&ticks, &file).expect("history");

    let text = format!(
        "[[sources]]\nkind = \"sierra\"\nname = \"files\"\nfolder = {:?}\nfrom_start = true\n\
         scid_flush_ms = 100\n[[symbols]]\nname = \"ESZ6-CME\"\nsource = \"files\"\n",
        folder.display().to_string()
    );
    let config = Config::parse(&text).expect("valid");
    let instruments = config.instruments().expect("known product");
    let setup = Setup::new(config, instruments, "paper").expect("valid");
    let journal = folder.join("a.mjrnl");
    let live = Live::start(&setup, Some(&journal), &clock).expect("starts");
    settle(&clock, 150);

    // Growth that ends inside a record, then the rest; and a depth file that appears late.
    let [first, second] = [trade(200, 5000.5, 3), trade(300, 5001.0, 4)];
    append(&ticks, &[&first[..], &second[..17]].concat());
    settle(&clock, 60);
    append(&ticks, &second[17..]);
    let mut book = depth::Header::DEFAULT.to_bytes().to_vec();
    book.extend(level(310, depth::Command::ClearBook, 0.0, false));
    book.extend(level(310, depth::Command::AddBid, 5000.75, false));
    book.extend(level(310, depth::Command::AddAsk, 5001.0, true));
    std::fs::write(&depth_path, book).expect("depth");
    settle(&clock, 150);

    // "Delete All Data and Download": shorter than before.
    file.truncate(56 + 40 * 10);
    std::fs::write(&ticks, &file).expect("truncated");
    settle(&clock, 150);
    let ended = live.stop().expect("ends in order");

    let tally = ended.judge.tally(SymbolId(0)).expect("one symbol");
    assert_eq!(tally.trades, 100 + 2 + 10);
    assert_eq!(tally.volume, [0, 100 + 7 + 10, 0]);
    assert_eq!(tally.gaps, 1, "the truncation");
    // The gap emptied the book: what is known of it afterwards is nothing.
    assert_eq!(tally.depth_updates, 2);
    assert_eq!(tally.book().state(), mia::book::BookState::Empty);
    let (pipeline, _) = live::replay_journal(&journal);
    assert_eq!(pipeline.judge().digest(), ended.judge.digest());

    // What was there before the start and what was read again is history, and is marked so.
    let data = std::fs::read(&journal).expect("journal");
    let reader = mia::journal::Reader::open(&data).expect("journal");
    let bytes = |warmup: bool| -> usize {
        let of = |r: &mia::journal::Record<'_>| r.kind == mia::journal::Kind::Bytes;
        reader.records().filter(of).filter(|r| r.warmup == warmup).map(|r| r.payload.len()).sum()
    };
    assert_eq!(bytes(true), (100 + 10) * 40);
    assert_eq!(bytes(false), 2 * 40 + 3 * 24);
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// The day's depth is read after the older trades: they do not all count as of now.
#[test]
fn trades_of_before_come_before_the_depth_of_today() {
    let folder = live::folder("sierra-order");
    std::fs::create_dir_all(folder.join("MarketDepthData")).expect("folder");
    let clock = Clock::new();
    let now = clock.now();
    let mut file = scid::Header::DEFAULT.to_bytes().to_vec();
    (0..20_000).for_each(|n| file.extend(trade(n, 5000.0, 1)));
    std::fs::write(folder.join("ESZ6-CME.scid"), &file).expect("history");
    let mut book = depth::Header::DEFAULT.to_bytes().to_vec();
    let ms = now.0 / 1_000_000 - 1_767_623_400 * 1000;
    for (command, price) in [
        (depth::Command::ClearBook, 0.0),
        (depth::Command::AddBid, 1.0),
        (depth::Command::AddAsk, 2.0),
    ] {
        book.extend(level(ms, command, price, true));
    }
    let day = now.to_string();
    let name = format!("MarketDepthData/ESZ6-CME.{}.depth", day.get(..10).expect("date"));
    std::fs::write(folder.join(name), book).expect("depth");

    let text = format!(
        "[[sources]]\nkind = \"sierra\"\nname = \"files\"\nfolder = {:?}\nfrom_start = true\n\
         [[symbols]]\nname = \"ESZ6-CME\"\nsource = \"files\"\n",
        folder.display().to_string()
    );
    let config = Config::parse(&text).expect("valid");
    let instruments = config.instruments().expect("known product");
    let setup = Setup::new(config, instruments, "paper").expect("valid");
    let journal = folder.join("a.mjrnl");
    let live = Live::start(&setup, Some(&journal), &clock).expect("starts");
    settle(&clock, 600);
    let ended = live.stop().expect("ends in order");
    let tally = ended.judge.tally(SymbolId(0)).expect("one symbol");
    assert_eq!((tally.trades, tally.depth_updates), (20_000, 2));
    let (pipeline, _) = live::replay_journal(&journal);
    assert_eq!(pipeline.features().symbol(SymbolId(0)).expect("one symbol").clock().late(), 0);
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// A folder that is not there is said before anything starts.
#[test]
fn a_missing_folder_is_an_error() {
    let text = "[[sources]]\nkind = \"sierra\"\nname = \"files\"\nfolder = \"/no/such/folder\"\n\
                [[symbols]]\nname = \"ESZ6\"\nsource = \"files\"\n";
    let config = Config::parse(text).expect("valid");
    let instruments = config.instruments().expect("known product");
    let setup = Setup::new(config, instruments, "paper").expect("valid");
    let error = Live::start(&setup, None, &Clock::new()).expect_err("no folder");
    assert!(error.contains("/no/such/folder"), "{error}");
}
