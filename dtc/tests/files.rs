//! Sierra's files: real ones, hostile ones, and growing ones.

use dtc::file::follow::{FileKind, FollowError, Follower, Progress, Start};
use dtc::file::scid::{Kind, Record, Unbundled};
use dtc::file::{HeaderError, depth, scid};
use proptest::prelude::*;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

// ── real files ──────────────────────────────────────────────────────────────────────────────────

/// A file of the shared data folder, or `None` where that folder is not there.
fn real(name: &str) -> Option<Vec<u8>> {
    let shared = std::env::var_os("MIA_SHARED").unwrap_or_else(|| "../shared".into());
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = workspace.join(shared).join("data/ticks").join(name);
    match fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            println!("skipped: {}: {error}", path.display());
            None
        }
    }
}

#[derive(Debug, Default, PartialEq)]
struct Sums {
    plain: usize,
    first: usize,
    last: usize,
    other: usize,
    volume: u64,
    bid: u64,
    ask: u64,
}

fn sums(records: impl Iterator<Item = Record>) -> Sums {
    let mut sums = Sums::default();
    for record in records {
        match record.kind() {
            Kind::Trade(Unbundled::None) => sums.plain += 1,
            Kind::Trade(Unbundled::First) => sums.first += 1,
            Kind::Trade(Unbundled::Last) => sums.last += 1,
            _ => sums.other += 1,
        }
        sums.volume += u64::from(record.total_volume);
        sums.bid += u64::from(record.bid_volume);
        sums.ask += u64::from(record.ask_volume);
    }
    sums
}

#[test]
fn the_real_nasdaq_file() {
    let Some(bytes) = real("MNQU21-CME.scid") else { return };
    let header = scid::Header::parse(&bytes).unwrap();
    assert_eq!(header, scid::Header::DEFAULT);
    let records = scid::records(&bytes).unwrap();
    assert_eq!((records.len(), records.remainder()), (24_000, 0));
    let wanted = Sums {
        plain: 22_118,
        first: 941,
        last: 941,
        other: 0,
        volume: 37_836,
        bid: 18_370,
        ask: 19_466,
    };
    assert_eq!(sums(records.clone()), wanted);

    let all: Vec<Record> = records.collect();
    let prices = || all.iter().map(|r| r.close);
    assert_eq!((all[0].close, all[all.len() - 1].close), (12_100.0, 13_766.0));
    assert_eq!(prices().fold(f32::MIN, f32::max), 14_053.0);
    assert_eq!(prices().fold(f32::MAX, f32::min), 12_100.0);
    let times: Vec<i64> = all.iter().map(|r| r.unix_ns().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a < b), "times count within a millisecond");
    let (y2020, y2022) = (1_577_836_800_000_000_000, 1_640_995_200_000_000_000);
    assert!(times[0] > y2020 && times[times.len() - 1] < y2022);
    for (record, raw) in all.iter().zip(bytes[56..].chunks(40)) {
        assert_eq!(record.to_bytes(), raw);
    }
}

#[test]
fn the_real_es_file() {
    let Some(bytes) = real("ES-10-records.scid") else { return };
    let records = scid::records(&bytes).unwrap();
    assert_eq!((records.len(), records.remainder()), (10, 0));
    let found = sums(records);
    assert_eq!((found.volume, found.bid, found.ask, found.other), (10, 8, 2, 0));
}

#[test]
fn a_real_file_cut_anywhere_keeps_its_whole_records() {
    let Some(bytes) = real("ES-10-records.scid") else { return };
    for end in 0..bytes.len() {
        let cut = &bytes[..end];
        match scid::records(cut) {
            Ok(records) => {
                assert_eq!(
                    (records.len(), records.remainder()),
                    ((end - 56) / 40, (end - 56) % 40)
                );
            }
            Err(error) => {
                let need = if end < 20 { 20 } else { 56 };
                assert_eq!(error, HeaderError::TooShort { have: end, need });
            }
        }
    }
}

// ── hostile files ───────────────────────────────────────────────────────────────────────────────

proptest! {
    #[test]
    fn any_bytes_as_scid(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        scid::fuzz_scid(&bytes);
    }

    #[test]
    fn any_records_and_sizes_as_scid(
        header_size in 0u32..120, record_size in 30u32..80,
        body in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let header = scid::Header { header_size, record_size, version: 1 };
        scid::fuzz_scid(&[header.to_bytes().as_slice(), &body].concat());
    }

    #[test]
    fn any_bytes_as_depth(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        depth::fuzz_depth(&bytes);
    }

    #[test]
    fn any_records_and_sizes_as_depth(
        header_size in 0u32..120, record_size in 10u32..60,
        body in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let header = depth::Header { header_size, record_size, version: 1 };
        depth::fuzz_depth(&[header.to_bytes().as_slice(), &body].concat());
    }
}

// ── growing files ───────────────────────────────────────────────────────────────────────────────

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("dtc-follow-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn append(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

fn record(n: u32) -> Record {
    Record {
        time_us: scid::EPOCH_OFFSET_US + i64::from(n) * 1000,
        open_bits: 0,
        open: 0.0,
        high: 2.0,
        low: 1.0,
        close: 1.5,
        num_trades: 1,
        total_volume: n,
        bid_volume: n,
        ask_volume: 0,
    }
}

fn bytes_of(numbers: std::ops::Range<u32>) -> Vec<u8> {
    numbers.flat_map(|n| record(n).to_bytes()).collect()
}

fn header() -> [u8; 56] {
    scid::Header::DEFAULT.to_bytes()
}

/// What a poll said, with the numbers of the records it gave.
#[derive(Debug, PartialEq)]
enum Said {
    Missing,
    Opened,
    Records(Vec<u32>),
    Idle,
    Truncated,
    Replaced,
}

fn poll(follower: &mut Follower) -> Said {
    match follower.poll().unwrap() {
        Progress::Missing => Said::Missing,
        Progress::Opened { record_size } => {
            assert_eq!(record_size, 40);
            Said::Opened
        }
        Progress::Records { bytes, record_size } => {
            let records = scid::Records::new(bytes, record_size);
            assert_eq!(records.remainder(), 0);
            Said::Records(records.map(|r| r.total_volume).collect())
        }
        Progress::Idle => Said::Idle,
        Progress::Truncated => Said::Truncated,
        Progress::Replaced => Said::Replaced,
    }
}

fn follow(path: &Path, start: Start) -> Follower {
    Follower::new(path, FileKind::Scid, start, 4096)
}

#[test]
fn every_byte_appended_alone() {
    let folder = Folder::new("bytewise");
    let path = folder.file("a.scid");
    let mut follower = follow(&path, Start::Beginning);
    assert_eq!(poll(&mut follower), Said::Missing);
    let bytes = [header().to_vec(), bytes_of(0..3)].concat();
    for (at, byte) in bytes.iter().enumerate() {
        append(&path, &[*byte]);
        let wanted = match at + 1 {
            56 => Said::Opened,
            whole @ (96 | 136 | 176) => Said::Records(vec![(whole as u32 - 96) / 40]),
            _ => Said::Idle,
        };
        assert_eq!(poll(&mut follower), wanted, "after byte {at}");
    }
    assert_eq!(poll(&mut follower), Said::Idle);
}

#[test]
fn long_files_come_in_chunks_without_loss() {
    let folder = Folder::new("chunks");
    let path = folder.file("a.scid");
    append(&path, &[header().to_vec(), bytes_of(0..5000)].concat());
    let mut follower = follow(&path, Start::Beginning);
    assert_eq!(poll(&mut follower), Said::Opened);
    let (mut all, mut polls) = (Vec::new(), 0);
    while let Said::Records(numbers) = poll(&mut follower) {
        all.extend(numbers);
        polls += 1;
    }
    assert_eq!(all, (0..5000).collect::<Vec<u32>>());
    assert!(polls > 2, "in more than two chunks, not {polls}");
}

#[test]
fn from_the_end_only_what_is_new() {
    let folder = Folder::new("end");
    let path = folder.file("a.scid");
    append(&path, &[header().to_vec(), bytes_of(0..7), vec![0xEE; 39]].concat());
    let mut follower = follow(&path, Start::End);
    assert_eq!(poll(&mut follower), Said::Opened);
    assert_eq!(poll(&mut follower), Said::Idle);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(56 + 7 * 40).unwrap(); // the half record is written anew, whole
    append(&path, &bytes_of(7..9));
    assert_eq!(poll(&mut follower), Said::Records(vec![7, 8]));
    file.set_len(0).unwrap();
    assert_eq!(poll(&mut follower), Said::Truncated);
    append(&path, &[header().to_vec(), bytes_of(20..22)].concat());
    assert_eq!(poll(&mut follower), Said::Opened);
    assert_eq!(poll(&mut follower), Said::Records(vec![20, 21]), "from its beginning now");
}

#[test]
fn truncation_is_told_and_survived() {
    let folder = Folder::new("truncate");
    let path = folder.file("a.scid");
    append(&path, &[header().to_vec(), bytes_of(0..4)].concat());
    let mut follower = follow(&path, Start::Beginning);
    assert_eq!(poll(&mut follower), Said::Opened);
    assert_eq!(poll(&mut follower), Said::Records(vec![0, 1, 2, 3]));
    OpenOptions::new().write(true).open(&path).unwrap().set_len(56 + 3 * 40).unwrap();
    assert_eq!(poll(&mut follower), Said::Truncated);
    assert_eq!(poll(&mut follower), Said::Opened);
    assert_eq!(poll(&mut follower), Said::Records(vec![0, 1, 2]));
    assert_eq!(poll(&mut follower), Said::Idle);
}

#[test]
fn a_rewrite_that_grew_past_the_old_end_is_told() {
    let folder = Folder::new("rewrite");
    let path = folder.file("a.scid");
    append(&path, &[header().to_vec(), bytes_of(0..4)].concat());
    let mut follower = follow(&path, Start::Beginning);
    assert_eq!(poll(&mut follower), Said::Opened);
    assert_eq!(poll(&mut follower), Said::Records(vec![0, 1, 2, 3]));
    let mut file = OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
    file.write_all(&[header().to_vec(), bytes_of(50..60)].concat()).unwrap();
    assert_eq!(poll(&mut follower), Said::Replaced);
    assert_eq!(poll(&mut follower), Said::Opened);
    assert_eq!(poll(&mut follower), Said::Records((50..60).collect()));
}

#[test]
fn a_last_bar_rewritten_in_place_does_not_disturb() {
    let folder = Folder::new("bar");
    let path = folder.file("a.scid");
    append(&path, &[header().to_vec(), bytes_of(0..2)].concat());
    let mut follower = follow(&path, Start::Beginning);
    assert_eq!(poll(&mut follower), Said::Opened);
    assert_eq!(poll(&mut follower), Said::Records(vec![0, 1]));
    let bar = Record { close: 9.0, total_volume: 77, ..record(1) };
    let body = [header().to_vec(), bytes_of(0..1), bar.to_bytes().to_vec(), bytes_of(2..3)];
    OpenOptions::new().write(true).open(&path).unwrap().write_all(&body.concat()).unwrap();
    assert_eq!(poll(&mut follower), Said::Records(vec![2]));
}

#[cfg(unix)]
#[test]
fn replacement_and_deletion_are_told() {
    let folder = Folder::new("replace");
    let (path, next) = (folder.file("a.scid"), folder.file("b.scid"));
    append(&path, &[header().to_vec(), bytes_of(0..2)].concat());
    let mut follower = follow(&path, Start::End);
    assert_eq!(poll(&mut follower), Said::Opened);
    append(&path, &bytes_of(2..3));
    assert_eq!(poll(&mut follower), Said::Records(vec![2]));

    append(&next, &[header().to_vec(), bytes_of(7..9)].concat());
    append(&path, &bytes_of(3..4));
    fs::rename(&next, &path).unwrap();
    assert_eq!(poll(&mut follower), Said::Records(vec![3]), "first what the old file has");
    assert_eq!(poll(&mut follower), Said::Replaced);
    assert_eq!(poll(&mut follower), Said::Opened);
    assert_eq!(poll(&mut follower), Said::Records(vec![7, 8]));

    fs::remove_file(&path).unwrap();
    assert_eq!(poll(&mut follower), Said::Missing);
    assert_eq!(poll(&mut follower), Said::Missing);
    append(&path, &[header().to_vec(), bytes_of(11..12)].concat());
    assert_eq!(poll(&mut follower), Said::Replaced);
    assert_eq!(poll(&mut follower), Said::Opened);
    assert_eq!(poll(&mut follower), Said::Records(vec![11]));
}

#[test]
fn another_format_is_an_error_until_it_is_right() {
    let folder = Folder::new("format");
    let path = folder.file("a.scid");
    append(&path, &depth::Header::DEFAULT.to_bytes());
    let mut follower = follow(&path, Start::Beginning);
    for _ in 0..2 {
        let error = follower.poll().unwrap_err();
        assert!(matches!(error, FollowError::Header(HeaderError::WrongMagic { .. })), "{error}");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(poll(&mut follower), Said::Missing);
    append(&path, &[header().to_vec(), bytes_of(0..1)].concat());
    assert_eq!(poll(&mut follower), Said::Opened);
    assert_eq!(poll(&mut follower), Said::Records(vec![0]));
}

#[test]
fn depth_files_are_followed_alike() {
    let folder = Folder::new("depth");
    let path = folder.file("a.depth");
    let one =
        depth::Record { time_us: 5, command: 2, flags: 1, num_orders: 3, price: 1.0, quantity: 4 };
    File::create(&path).unwrap().write_all(&depth::Header::DEFAULT.to_bytes()).unwrap();
    let mut follower = Follower::new(&path, FileKind::Depth, Start::Beginning, 0);
    assert_eq!(follower.poll().unwrap(), Progress::Opened { record_size: 24 });
    append(&path, &one.to_bytes());
    let wanted = one.to_bytes();
    assert_eq!(follower.poll().unwrap(), Progress::Records { bytes: &wanted, record_size: 24 },);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However the writer's bytes fall between the polls, the records are the same.
    #[test]
    fn any_pace_of_writing_gives_the_same_records(
        steps in prop::collection::vec(1usize..700, 1..40)
    ) {
        let folder = Folder::new("pace");
        let path = folder.file("a.scid");
        let bytes = [header().to_vec(), bytes_of(0..200)].concat();
        let mut follower = follow(&path, Start::Beginning);
        let (mut at, mut all) = (0usize, Vec::new());
        for step in steps.into_iter().chain([usize::MAX]) {
            let end = bytes.len().min(at.saturating_add(step));
            append(&path, bytes.get(at..end).unwrap_or_default());
            at = end;
            loop {
                match poll(&mut follower) {
                    Said::Records(numbers) => all.extend(numbers),
                    Said::Opened => {}
                    said => {
                        prop_assert_eq!(said, Said::Idle);
                        break;
                    }
                }
            }
        }
        prop_assert_eq!(all, (0..200).collect::<Vec<u32>>());
    }
}
