//! An emergency of a live run: what is open at the venue is closed, what works there ends, then the
//! connection is closed and with it the run, in both layouts of the threads.

#[path = "kill/watched.rs"]
mod watched;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use mia::event::{Body, HaltCause};
use mia::journal::{Kind, Reader};
use mia::order::{Action, Command as Order, KillState, OrderId};
use mia::runtime::clock::Clock;
use mia::runtime::player::Player;
use mia::runtime::setup::Setup;
use mia::units::Ts;
use mia_test_support::live;
use serde_json::Value;
use watched::{Seen, configuration, serve, start};
use zerocopy::FromBytes;
use zerocopy::little_endian::U64;

fn journal(folder: &Path) -> PathBuf {
    let entries = std::fs::read_dir(folder.join("journal")).expect("journals");
    let paths: Vec<PathBuf> = entries.map(|e| e.expect("entry").path()).collect();
    let [path] = &paths[..] else { panic!("one run, one journal: {paths:?}") };
    path.clone()
}

/// Commands that left, in order.
fn sent(reader: &Reader<'_>) -> Vec<Action> {
    let commands = reader.records().filter(|r| r.kind == Kind::Command).map(|record| {
        let words = <[U64; 4]>::read_from_bytes(record.payload).expect("four words");
        let command = Order::of_words(record.seq, Ts(record.ts), words.map(U64::get));
        command.expect("a command").action
    });
    commands.collect()
}

/// A run of `layout` holds a position with its stop and target; `halt` halts it.
fn emergency(layout: &str, halt: impl FnOnce(&Path, &Path) -> Option<Child>) -> Vec<HaltCause> {
    let folder = live::folder(&format!("emergency-{layout}"));
    let (server, seen) = serve();
    let config = configuration(&folder, &server.addr().to_string(), 36_000, layout);
    let mut run = start(&config);
    assert!(seen.stands_still(), "a test without a position proves nothing");
    let asked = halt(&folder.join("data"), &config);
    closes(&seen, &mut run);
    if let Some(mut asked) = asked {
        assert!(asked.wait().expect("answered").success(), "the operator is told");
    }
    server.stop();
    server.join();
    assert_eq!((seen.position(), seen.working()), (0, 0), "flat, and nothing works");

    let path = journal(&folder);
    let data = std::fs::read(&path).expect("journal");
    let reader = Reader::open(&data).expect("journal");
    let sent = sent(&reader);
    let flatten = |a: &Action| if let Action::Flatten { id } = a { Some(*id) } else { None };
    let id = sent.iter().find_map(flatten).expect("a flatten");
    // To be disconnected is no message; whatever was ordered after the flatten closes too.
    let after = sent.iter().skip_while(|a| flatten(a).is_none());
    let entries = after.filter(|a| matches!(a, Action::New { parent: true, .. })).count();
    assert_eq!(entries, 0, "nothing is entered any more: {sent:?}");
    let setup = Setup::from_journal(&reader).expect("own build");
    let (mut halts, mut down) = (Vec::new(), 0);
    let mut player = Player::new(reader, &setup.instruments).expect("bound");
    let played = player.play(|event| match event.body {
        Body::Halt { state: KillState::Emergency, cause } => halts.push(cause),
        Body::Link(false) => down += 1,
        _ => {}
    });
    played.expect("plays");
    assert_eq!(down, 1, "the connection is closed, once, and not made again");
    let (pipeline, checked) = live::replay_journal(&path);
    assert!(checked > 0, "a replay says the same, digest for digest");
    let trader = pipeline.judge().trader().expect("it trades");
    assert_eq!(trader.risk().kill(), KillState::Emergency);
    assert!(trader.orders().open_orders().next().is_none());
    explained(&path, id);
    std::fs::remove_dir_all(folder).expect("clean up");
    halts
}

/// The market goes on once the flatten is at the venue; then the run ends by itself and in order.
fn closes(seen: &Seen, run: &mut Child) {
    for _ in 0..60_000 {
        if seen.flattens.load(Ordering::SeqCst) > 0 {
            seen.still.store(false, Ordering::SeqCst);
        }
        if let Some(status) = run.try_wait().expect("asked") {
            assert!(status.success(), "{status}");
            return;
        }
        Clock::sleep(Duration::from_millis(1));
    }
    run.kill().expect("killed");
    panic!("the run goes on: {} held, {} work", seen.position(), seen.working());
}

/// What led to the flatten, and the decision behind what it closed.
fn explained(journal: &Path, id: OrderId) {
    let done = Command::new(env!("CARGO_BIN_EXE_mia"))
        .arg("explain")
        .arg(journal)
        .args(["--order", &id.to_string(), "--json"])
        .output()
        .expect("runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let why: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!(
        (&why["asked"]["role"], &why["asked"]["cause"]["reason"]),
        (&"EXIT".into(), &"KILL".into())
    );
    let because = why["asked"]["cause"]["because"].as_str().expect("a text");
    assert!(because.contains("EMERGENCY"), "{because}");
    assert_eq!(why["asked"]["trade"], why["order"]["id"], "{why}");
}

#[test]
fn by_command_on_one_thread() {
    let halts = emergency("fused", |_, config| {
        let asked = Command::new(env!("CARGO_BIN_EXE_mia"))
            .args(["halt", "--state", "emergency", "--reason", "test", "--config"])
            .arg(config)
            .stdout(Stdio::null())
            .spawn();
        Some(asked.expect("starts"))
    });
    assert_eq!(halts, [HaltCause::Command]);
}

#[test]
fn by_file_on_threads_of_their_own() {
    let halts = emergency("split", |data, _| {
        std::fs::write(data.join("HALT"), "emergency\n").expect("write");
        None
    });
    assert_eq!(halts, [HaltCause::File]);
}
