//! Orders over a socket, and the operator's way in: everything is sequenced, so that a replay of
//! the journal says the same.

#[path = "door/venue.rs"]
mod venue;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::time::Duration;

use mia::config::Config;
use mia::event::{Body, HaltCause};
use mia::order::{
    Action, BuySell, Command, KillState, Listing, OrderId, OrderKind, Status, UpdateReason,
};
use mia::runtime::clock::Clock;
use mia::runtime::door::{self, Control, Door};
use mia::runtime::live::{Ended, Live};
use mia::runtime::setup::Setup;
use mia::store::control::{Request, answer, submit};
use mia::store::options::Mode;
use mia::store::trades::{self, read};
use mia::units::{Px, SECOND, SymbolId, Ts};
use mia_test_support::live;
use serde_json::Value;
use venue::{Kind, Say, Venue, serve};

const SIM1: Kind = Kind { brackets: true, account: "SIM1" };

struct Run {
    live: Option<Live>,
    commands: Option<rtrb::Producer<Command>>,
    venue: Venue,
    clock: Clock,
    journal: PathBuf,
    folder: PathBuf,
}

impl Run {
    fn new(name: &str, kind: Kind, more: &str) -> Run {
        let (folder, venue) = (live::folder(name), serve(kind));
        let text = format!(
            "[[sources]]\nkind = \"dtc\"\nname = \"sim\"\naddress = \"{}\"\nbackoff_first_ms = 20\n\
             [[symbols]]\nname = \"ESZ6\"\nsource = \"sim\"\n\
             [trading]\nmode = \"live\"\naccount = \"SIM1\"\nsource = \"sim\"\n\
             folder = {:?}\n{more}",
            venue.address,
            folder.display().to_string(),
        );
        let config = Config::parse(&text).expect("valid");
        let instruments = config.instruments().expect("known product");
        let setup = Setup::new(config, instruments, "live").expect("valid");
        let (journal, clock) = (folder.join("a.mjrnl"), Clock::new());
        let started = Live::start_apart(&setup, Some(&journal), &clock);
        let (live, commands) = started.expect("starts");
        Run { live: Some(live), commands, venue, clock, journal, folder }
    }

    fn live(&mut self) -> &mut Live {
        self.live.as_mut().expect("runs")
    }

    /// The next message of this number; what comes before it is let go.
    fn next(&self, number: u16) -> Vec<u8> {
        loop {
            let came = self.venue.received.recv_timeout(Duration::from_secs(20));
            let (kind, bytes) = came.unwrap_or_else(|_| panic!("no message {number}"));
            if kind == number {
                return bytes;
            }
        }
    }

    fn command(&mut self, action: Action) {
        let (ts, symbol) = (self.clock.now(), SymbolId(0));
        let commands = self.commands.as_mut().expect("live");
        commands.push(Command { seq: 1, ts, symbol, action }).expect("room");
    }

    fn control(&mut self, control: Control) {
        self.live().control.as_mut().expect("trades").push(control).expect("room");
    }

    /// What was sequenced, Timers aside.
    fn end(self) -> (Ended, Vec<Body>) {
        self.end_with(|_, _| {})
    }

    /// The same; `look` sees the data folder and the journal before they go.
    fn end_with(mut self, look: impl FnOnce(&Path, &Path)) -> (Ended, Vec<Body>) {
        let live = self.live.take().expect("runs");
        live.flags.gauges.say_settled(true);
        let ended = live.stop().expect("ends in order");
        let (pipeline, _) = live::replay_journal(&self.journal);
        assert_eq!(pipeline.judge().digest(), ended.judge.digest(), "a replay says the same");
        let bodies = bodies(&self.journal);
        look(&self.folder, &self.journal);
        std::fs::remove_dir_all(&self.folder).expect("clean up");
        (ended, bodies)
    }
}

/// Server ids of order and execution of each execution in the records of a live run below `data`,
/// as it was corrected last.
fn executions(data: &Path) -> Vec<[String; 2]> {
    let mut all = BTreeMap::new();
    for path in read::files(&trades::folder(data, Mode::Live)).expect("files") {
        for line in std::fs::read_to_string(path).expect("text").lines() {
            let line: Value = serde_json::from_str(line).expect("JSON");
            if line["record_type"] == "EXECUTION" {
                let of = line["corrects"].as_str().or(line["record_id"].as_str()).expect("an id");
                let ids = ["server_id", "execution_id"].map(|id| line["execution"][id].to_string());
                all.insert(of.to_owned(), ids);
            }
        }
    }
    all.into_values().collect()
}

/// The records have the server's own ids, and its journal makes them again.
fn ids_of_the_server(data: &Path, journal: &Path) {
    let recorded = executions(data);
    assert_eq!(recorded, [["\"S-1\"", "\"X-1\""].map(str::to_owned)]);
    let again = data.join("again");
    let mut mia = Process::new(env!("CARGO_BIN_EXE_mia"));
    mia.arg("backtest").arg(journal).arg("--records").arg(&again);
    let done = mia.arg("--out").arg(data.join("out")).output().expect("runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(executions(&again), recorded);
}

fn bodies(journal: &Path) -> Vec<Body> {
    let data = std::fs::read(journal).expect("journal");
    let reader = mia::journal::Reader::open(&data).expect("journal");
    let setup = Setup::from_journal(&reader).expect("own build");
    let mut player =
        mia::runtime::player::Player::new(reader, &setup.instruments).expect("Bind records");
    let mut bodies = Vec::new();
    player
        .play(|event| {
            if event.body != Body::Timer {
                bodies.push(event.body);
            }
        })
        .expect("plays");
    bodies
}

fn text(field: &[u8]) -> &str {
    std::str::from_utf8(dtc::wire::value::text(field)).expect("text")
}

fn entry(n: u32) -> (OrderId, Action) {
    let id = OrderId::new(20_260_114, n);
    let (kind, px) = (OrderKind::Market, Px::ZERO);
    (id, Action::New { id, way: BuySell::Buy, kind, qty: 2, px, parent: true })
}

const LISTS: [Body; 4] = [
    Body::Listed(Listing::Orders),
    Body::Listed(Listing::Positions),
    Body::Listed(Listing::Balance),
    Body::Listed(Listing::Fills),
];

#[test]
fn orders_leave_and_come_back() {
    let mut run = Run::new("door-orders", SIM1, "journal_first = true\n");
    for list in [400, 300, 305, 601, 303] {
        run.next(list);
    }
    let (id, new) = entry(7);
    run.command(new);
    let (stop, target) = (Px::clamped(23_990), Px::clamped(24_030));
    run.command(Action::Bracket { parent: id, child: 1, way: BuySell::Sell, qty: 2, stop, target });
    let single = <dtc::wire::SubmitNewSingleOrder as dtc::wire::Message>::parse(&run.next(208));
    assert_eq!(text(&single.client_order_id), "mia-20260114-0000000007");
    assert_eq!((text(&single.trade_account), text(&single.symbol)), ("SIM1", "ESZ6"));
    let pair = <dtc::wire::SubmitNewOCOOrder as dtc::wire::Message>::parse(&run.next(201));
    assert_eq!(text(&pair.parent_trigger_client_order_id), "mia-20260114-0000000007");
    // The answer to the order teaches the server's id, which a cancel then carries.
    let mut cancel = String::new();
    while cancel.is_empty() {
        run.command(Action::Cancel { id });
        let frame = <dtc::wire::CancelOrder as dtc::wire::Message>::parse(&run.next(203));
        text(&frame.server_order_id).clone_into(&mut cancel);
    }
    assert_eq!(cancel, "S-1");
    run.venue.say.send(Say::Drop).expect("serves");
    for list in [400, 300, 305, 601, 303] {
        run.next(list);
    }
    Clock::sleep(Duration::from_millis(100));
    let (ended, bodies) = run.end_with(ids_of_the_server);
    let links: Vec<&Body> = bodies.iter().filter(|b| matches!(b, Body::Link(_))).collect();
    let [up, down] = [&Body::Link(true), &Body::Link(false)];
    assert_eq!(links, [up, down, up, down], "lost, back, and gone with the run");
    // What nobody here asked for stops entries, once.
    let (state, cause) = (KillState::HaltEntries, HaltCause::Link);
    let halt = Body::Halt { state, cause };
    let lost = bodies.iter().position(|b| *b == Body::Link(false)).expect("lost");
    assert_eq!(bodies.get(lost + 1), Some(&halt));
    assert_eq!(bodies.iter().filter(|b| **b == halt).count(), 1);
    for list in LISTS {
        assert_eq!(bodies.iter().filter(|b| **b == list).count(), 2, "{list:?}");
    }
    let at = |wanted: &dyn Fn(&Body) -> bool| bodies.iter().position(wanted).expect("sequenced");
    let fill = at(&|b| matches!(b, Body::Fill(f) if f.id == id && f.qty == 2));
    let filled = |b: &Body| match b {
        Body::Order(o) => o.status == Status::Filled && o.reason == UpdateReason::Filled,
        _ => false,
    };
    assert_eq!(at(&filled), fill + 1, "the fill goes ahead of the order that it fills");
    // What has left is told before the first word about it, once.
    let told = at(&|b| *b == Body::Sent(id));
    assert!(told < at(&|b| matches!(b, Body::Order(o) if o.id == id)));
    let sent = bodies.iter().filter(|b| matches!(b, Body::Sent(_))).count();
    assert_eq!(sent, 2, "the entry and its bracket");
    assert!(bodies.contains(&Body::Sent(id.plus(1))));
    assert!(bodies.contains(&Body::Balance(1e5)));
    let sent = ended.sent.expect("live");
    assert!(sent.held.quantiles().count == 2, "both waited for the journal: {}", sent.text());
    assert_eq!(sent.unsent, 0);
    assert!(sent.send_to_ack.quantiles().count >= 1 && sent.ack_to_fill.quantiles().count == 1);
}

#[test]
fn a_server_without_brackets_or_the_account_gets_no_order() {
    for (kind, name) in [
        (Kind { brackets: false, account: "SIM1" }, "door-brackets"),
        (Kind { brackets: true, account: "SIM2" }, "door-account"),
    ] {
        let mut run = Run::new(name, kind, "");
        let start = run.clock.now();
        while !run.live().ended() {
            run.live().flags.gauges.say_settled(true);
            assert!(run.clock.now().since(start) < 20 * SECOND, "it did not end by itself");
            Clock::sleep(Duration::from_millis(10));
        }
        let (ended, bodies) = run.end();
        assert!(ended.refused);
        assert!(!bodies.iter().any(|b| matches!(b, Body::Link(_))), "the link was never up");
    }
}

#[test]
fn a_server_that_leaves_for_good_ends_the_run() {
    let mut run = Run::new("door-leave", SIM1, "");
    run.next(303);
    run.venue.say.send(Say::Leave).expect("serves");
    let start = run.clock.now();
    while !run.live().ended() {
        run.live().flags.gauges.say_settled(true);
        assert!(run.clock.now().since(start) < 20 * SECOND, "it did not end by itself");
        Clock::sleep(Duration::from_millis(10));
    }
    let (ended, bodies) = run.end();
    assert!(ended.cut && !ended.refused);
    let (state, cause) = (KillState::HaltEntries, HaltCause::Link);
    assert!(bodies.contains(&Body::Halt { state, cause }), "{bodies:?}");
}

/// The server comes back without trading, then without the account, then as it was.
#[test]
fn a_server_that_refuses_for_a_while_is_asked_until_it_serves() {
    let mut run = Run::new("door-again", SIM1, "");
    run.next(303);
    for kind in [Kind { brackets: false, ..SIM1 }, Kind { account: "SIM2", ..SIM1 }] {
        run.venue.say.send(Say::Become(kind)).expect("serves");
        run.next(1);
        // It is not left alone, on this connection or on the next one.
        run.next(if kind.brackets { 400 } else { 1 });
    }
    run.next(400);
    run.venue.say.send(Say::Become(SIM1)).expect("serves");
    run.next(303);
    run.command(Action::Flatten { id: OrderId::new(20_260_114, 9) });
    run.next(209);
    let (ended, bodies) = run.end();
    assert!(!ended.refused && !ended.cut);
    let links = bodies.iter().filter(|b| matches!(b, Body::Link(true))).count();
    assert_eq!(links, 2, "{bodies:?}");
}

#[test]
fn what_finds_no_link_is_dropped_not_kept() {
    let mut run = Run::new("door-down", SIM1, "");
    run.command(entry(1).1);
    run.next(303);
    Clock::sleep(Duration::from_millis(100));
    let (_, second) = entry(4);
    run.command(second);
    let single = <dtc::wire::SubmitNewSingleOrder as dtc::wire::Message>::parse(&run.next(208));
    assert_eq!(text(&single.client_order_id), "mia-20260114-0000000004", "not the first one");
    let (ended, _) = run.end();
    assert_eq!(ended.sent.expect("live").unsent, 1);
}

#[test]
fn wishes_of_the_operator_are_sequenced() {
    let mut run = Run::new("door-control", SIM1, "on_stop = \"flatten\"\n");
    run.next(303);
    let (state, cause) = (KillState::HaltTrading, HaltCause::Command);
    run.control(Control::Halt { state, cause });
    run.control(Control::Flatten(Some(SymbolId(0))));
    run.control(Control::Resume(state));
    run.control(Control::Reserved(OrderId::new(20_260_114, 3_000)));
    Clock::sleep(Duration::from_millis(200));
    let (_, bodies) = run.end();
    let (entries, stop) = (KillState::HaltEntries, HaltCause::Stop);
    let wanted = [
        Body::Halt { state, cause },
        Body::Flatten { all: false },
        Body::Resume(state),
        Body::Reserved(OrderId::new(20_260_114, 3_000)),
        Body::Halt { state: entries, cause: stop },
        Body::Flatten { all: true },
    ];
    let control = |b: &&Body| {
        matches!(b, Body::Halt { .. } | Body::Flatten { .. } | Body::Resume(_) | Body::Reserved(_))
    };
    assert_eq!(
        bodies.iter().filter(control).collect::<Vec<_>>(),
        wanted.iter().collect::<Vec<_>>()
    );
}

#[test]
fn the_door_hands_requests_to_the_run() {
    let mut run = Run::new("door-thread", SIM1, "");
    let (clock, folder) = (run.clock.clone(), run.folder.clone());
    let opened = door::open(&folder, 20_260_114, clock.now()).expect("opens");
    let (control, gauges) = {
        let live = run.live();
        (live.control.take().expect("trades"), live.flags.gauges.clone())
    };
    let door = Door::start(opened, control, gauges.clone(), clock.clone()).expect("thread");
    run.next(303);
    let (state, reason) = (KillState::HaltEntries, String::new());
    let number = submit(&folder, &Request::Halt { state, flatten: false, reason }).expect("asked");
    let start = clock.now();
    let answered = loop {
        if let Some(answer) = answer(&folder, number).expect("read") {
            break answer;
        }
        let waited = clock.now().since(start);
        assert!(waited < 20 * SECOND, "nobody answered");
        if waited > SECOND / 2 {
            gauges.say_kill(state);
        }
        Clock::sleep(Duration::from_millis(10));
    };
    assert!(answered.done && answered.text.contains("HALT_ENTRIES"), "{}", answered.text);
    // A door that dies: nobody would hear the operator.
    door.stop().expect("ends");
    assert!(gauges.beat() > Ts(0));
    Clock::sleep(Duration::from_millis(7_500));
    let (_, bodies) = run.end();
    let halts: Vec<HaltCause> = bodies
        .iter()
        .filter_map(|b| match b {
            Body::Halt { cause, .. } => Some(*cause),
            _ => None,
        })
        .collect();
    assert_eq!(halts, [HaltCause::Command, HaltCause::Cold, HaltCause::Stop]);
}
