//! A trading run is killed again and again while it has orders at a venue. What the last one holds
//! is what the venue holds, open position, stop and target, and no id was used twice.
//!
//! A few kills as a rule; a hundred with `MIA_KILLS=100 cargo test --test kill -- --nocapture`.

#[path = "kill/watched.rs"]
mod watched;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mia::journal::{Kind, Reader};
use mia::order::{Action, Command as Order};
use mia::runtime::clock::Clock;
use mia::runtime::player::Player;
use mia::runtime::setup::Setup;
use mia::units::{SymbolId, Ts};
use mia_test_support::live;
use watched::{configuration, serve, start};
use zerocopy::FromBytes;
use zerocopy::little_endian::U64;

/// New orders of every journal with their ids, and the position and the number of open orders that
/// the last one ends with.
fn journals(folder: &Path) -> (u64, BTreeSet<u64>, i32, u64) {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("journals").map(|e| e.expect("entry").path()).collect();
    paths.sort();
    let (mut orders, mut ids, mut position, mut open) = (0, BTreeSet::new(), 0, 0);
    for path in paths {
        let data = std::fs::read(&path).expect("journal");
        let Ok(reader) = Reader::open(&data) else { continue };
        for record in reader.records().filter(|r| r.kind == Kind::Command) {
            let words = <[U64; 4]>::read_from_bytes(record.payload).expect("four words");
            let command = Order::of_words(record.seq, Ts(record.ts), words.map(U64::get));
            let id = match command.expect("a command").action {
                Action::New { id, .. } | Action::Flatten { id } => id,
                _ => continue,
            };
            orders += 1;
            ids.insert(id.to_bits());
        }
        let setup = Setup::from_journal(&reader).expect("own build");
        let core = setup.core(mia::tally::SessionFilter::All);
        let mut pipeline = mia::pipeline::Pipeline::new(&core, setup.calendar.clone());
        let mut player = Player::new(reader, &setup.instruments).expect("bound");
        player
            .play(|event| {
                pipeline.on_event(event, &mia::context::Context::EMPTY);
            })
            .expect("plays");
        let trader = pipeline.judge().trader().expect("it trades");
        position = trader.orders().position(SymbolId(0)).expect("one symbol").qty;
        open = trader.orders().open_orders().count() as u64;
    }
    (orders, ids, position, open)
}

/// Does `what` while an operator lifts every halt of entries. At 600 times the pace of a clock a
/// pause of 50 ms makes a bar late, which stops entries as it must, also those of the runs to come:
/// a busy machine would leave a test in which nothing trades.
fn lifting(config: &Path, what: impl FnOnce()) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                Clock::sleep(Duration::from_millis(500));
                // Refused where nothing is halted.
                let mia = Command::new(env!("CARGO_BIN_EXE_mia"))
                    .args(["resume", "--state", "entries", "--wait", "1", "--config"])
                    .arg(config)
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status();
                mia.expect("asked");
            }
        });
        what();
        over.store(true, Ordering::SeqCst);
    });
}

#[test]
fn killed_anywhere_it_comes_back_to_what_the_venue_holds() {
    let kills: u32 = std::env::var("MIA_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    let folder = live::folder("kill");
    let (server, seen) = serve();
    let address = server.addr().to_string();
    let config = configuration(&folder, &address, 40, "fused");
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for kill in 0..kills {
        let mut run = start(&config);
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        lifting(&config, || Clock::sleep(Duration::from_millis(3_000 + (random >> 33) % 4_000)));
        run.kill().expect("killed");
        run.wait().expect("gone");
        println!("kill {kill}: {} fills", seen.fills.load(Ordering::SeqCst));
    }
    // The last one is left to find its way. Once it holds something with its stop and target at the
    // venue, the market stands still and it is stopped: what it leaves is there to be compared.
    let config = configuration(&folder, &address, 36_000, "fused");
    let mut run = start(&config);
    lifting(&config, || {
        seen.stands_still();
    });
    let id = run.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill").success());
    assert!(run.wait().expect("ended").success());
    server.stop();
    let stats = server.join();
    let (orders, ids, held, open) = journals(&folder.join("journal"));
    let (venue, fills) = (seen.position(), seen.fills.load(Ordering::SeqCst));
    let works = seen.working();
    println!("{orders} orders journaled, {} taken by the venue, {fills} fills", stats.orders);
    println!("position {held}, at the venue {venue}; open orders {open}, at the venue {works}");
    assert_eq!(ids.len() as u64, orders, "no id twice");
    assert_eq!(i64::from(held), venue, "both hold the same");
    assert_eq!(open, works, "and have the same orders open");
    assert!(held != 0 && open >= 2, "a position with its stop and target was left");
    assert!(fills >= u64::from(kills / 4).max(1), "a test without trades proves nothing");
    std::fs::remove_dir_all(folder).expect("clean up");
}

/// A run whose output cannot be written, because the disk behind it is full or the terminal is
/// gone, or whose terminal hangs up, ends in order: its journal is whole.
#[test]
fn without_an_output_it_ends_in_order() {
    let folder = live::folder("streams");
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full");
    if full().is_err() {
        return;
    }
    let mia = env!("CARGO_BIN_EXE_mia");
    let deaf = "trap '' HUP; exec \"$0\" \"$@\"";
    // Standard output and error that cannot be written, and a hang-up that is heard or is not.
    for (name, broken, hangs_up, hears) in [
        ("stderr", [false, true], false, true),
        ("both", [true, true], false, true),
        ("hangup", [false, false], true, true),
        ("nohup", [false, false], true, false),
    ] {
        let [stdout, stderr] = broken.map(|broken| match broken {
            true => Stdio::from(full().expect("there")),
            false => Stdio::null(),
        });
        let journal = folder.join(format!("{name}.mjrnl"));
        let mut command = Command::new(if hears { mia } else { "sh" });
        if !hears {
            command.args(["-c", deaf, mia]);
        }
        let seconds = if hangs_up && hears { "60" } else { "4" };
        command.args(["demo", "--seconds", seconds, "--journal"]).arg(&journal);
        let clock = Clock::new();
        let began = clock.now();
        let mut run = command.stdout(stdout).stderr(stderr).spawn().expect("starts");
        if hangs_up {
            Clock::sleep(Duration::from_millis(2_000));
            let id = run.id().to_string();
            assert!(Command::new("kill").args(["-HUP", &id]).status().expect("kill").success());
        }
        let status = run.wait().expect("ended");
        // A report that finds no output is an error, and no signal.
        assert_eq!(status.code(), Some(i32::from(broken[0])), "{name}: {status}");
        let took = clock.now().since(began) / 1_000_000;
        assert!(hears || took >= 4_000, "it was to outlive its terminal: {took} ms");
        assert!(took < 40_000, "{name}: {took} ms");
        let args = ["--check", "--json"];
        let replay = Command::new(mia).arg("replay").arg(&journal).args(args).output();
        let replay = replay.expect("replays");
        assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stderr));
    }
    std::fs::remove_dir_all(folder).expect("clean up");
}
