//! Requests, the halt file, signals and order ids, look by look.

use rtrb::{Consumer, RingBuffer};

use super::*;
use crate::store::control::{answer, submit};

const DATE: u32 = 20_260_114;

struct Run {
    keeper: Keeper,
    control: Consumer<Control>,
    gauges: Gauges,
    asked: Asked,
    data: std::path::PathBuf,
    now: Ts,
    /// Wishes that the net thread has taken.
    taken: u32,
}

impl Run {
    fn new(name: &str, ring: usize) -> Run {
        let data = std::env::temp_dir().join(format!("mia-door-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&data);
        Run::again(data, ring)
    }

    fn again(data: std::path::PathBuf, ring: usize) -> Run {
        let now = Ts(1_000 * SECOND);
        let opened = open(&data, DATE, now).expect("opens");
        let (producer, control) = RingBuffer::new(ring);
        let gauges = Gauges::default();
        let keeper = Keeper::new(opened, producer, gauges.clone());
        Run { keeper, control, gauges, asked: Asked::default(), data, now, taken: 0 }
    }

    /// A look, `ms` after the one before; what it handed on.
    fn turn(&mut self, ms: i64) -> Vec<Control> {
        self.now = Ts(self.now.0 + ms * 1_000_000);
        self.keeper.turn(self.now, &self.asked);
        let wishes: Vec<Control> = std::iter::from_fn(|| self.control.pop().ok()).collect();
        self.taken += wishes.len() as u32;
        wishes
    }

    /// The core has taken every wish so far and says its state.
    fn says(&self, state: KillState) {
        self.gauges.say_kill(state);
        self.gauges.say_heard(self.taken);
    }

    fn ask(&self, request: &Request) -> u32 {
        submit(&self.data, request).expect("written")
    }

    fn answer(&self, number: u32) -> Option<(bool, String)> {
        answer(&self.data, number).expect("read").map(|a| (a.done, a.text))
    }

    fn end(self) {
        drop(self.keeper);
        std::fs::remove_dir_all(self.data).expect("clean up");
    }
}

fn halt(state: KillState, flatten: bool) -> Request {
    Request::Halt { state, flatten, reason: "test".to_owned() }
}

fn halted(state: KillState, cause: HaltCause) -> Control {
    Control::Halt { state, cause }
}

const TRADING: KillState = KillState::HaltTrading;
const ENTRIES: KillState = KillState::HaltEntries;

#[test]
fn a_halt_is_answered_when_it_shows() {
    let mut run = Run::new("halt", 64);
    run.says(KillState::Normal);
    let number = run.ask(&halt(TRADING, true));
    let expected = [halted(TRADING, HaltCause::Command), Control::Flatten(None)];
    assert_eq!(run.turn(100), expected);
    assert_eq!(run.answer(number), None, "no effect yet");
    assert_eq!(run.turn(100), [], "it is handed on once");
    run.says(TRADING);
    run.turn(100);
    assert_eq!(run.answer(number), Some((true, "the state is HALT_TRADING".to_owned())));
    // A state that was there before is no answer: the core must have heard of this one.
    let number = run.ask(&halt(TRADING, true));
    assert_eq!(run.turn(100), expected);
    run.turn(100);
    assert_eq!(run.answer(number), None);
    run.says(TRADING);
    run.turn(100);
    assert!(run.answer(number).expect("answered").0);
    // One without effect is answered too.
    let number = run.ask(&halt(KillState::Emergency, false));
    assert_eq!(run.turn(100), [halted(KillState::Emergency, HaltCause::Command)]);
    run.turn(2_100);
    let (done, text) = run.answer(number).expect("answered");
    assert!(!done && text.contains("HALT_TRADING"), "{text}");
    run.end();
}

#[test]
fn resume_names_what_it_lifts() {
    let mut run = Run::new("resume", 64);
    run.says(TRADING);
    for (state, word) in [
        (ENTRIES, "the state is HALT_TRADING"),
        (KillState::Normal, "name the state"),
        (KillState::Emergency, "new start"),
    ] {
        let number = run.ask(&Request::Resume { state });
        assert_eq!(run.turn(100), [], "{state:?}");
        let (done, text) = run.answer(number).expect("answered");
        assert!(!done && text.contains(word), "{text}");
    }
    let number = run.ask(&Request::Resume { state: TRADING });
    assert_eq!(run.turn(100), [Control::Resume(TRADING)]);
    run.turn(2_100);
    assert!(run.answer(number).expect("answered").1.contains("cause remains"));
    let number = run.ask(&Request::Resume { state: TRADING });
    run.turn(100);
    run.says(KillState::Normal);
    run.turn(100);
    assert_eq!(run.answer(number), Some((true, "the state is NORMAL".to_owned())));
    run.end();
}

#[test]
fn a_request_of_before_the_start_halts_but_never_lifts() {
    let run = Run::new("stale", 64);
    let (resume, stop) =
        (run.ask(&Request::Resume { state: TRADING }), run.ask(&halt(ENTRIES, false)));
    let data = run.data.clone();
    drop(run);
    let mut run = Run::again(data, 64);
    assert_eq!(run.turn(100), [halted(ENTRIES, HaltCause::Command)]);
    assert!(run.answer(resume).expect("answered").1.contains("before this run"));
    assert_eq!(run.answer(stop), None);
    run.keeper.close(run.now);
    assert_eq!(run.answer(stop), Some((false, "the run has ended".to_owned())));
    run.end();
}

/// An emergency ends the run, maybe before the next look: the operator hears that it had effect.
#[test]
fn what_ended_the_run_is_answered() {
    let mut run = Run::new("ended", 64);
    let number = run.ask(&halt(KillState::Emergency, false));
    assert_eq!(run.turn(100), [halted(KillState::Emergency, HaltCause::Command)]);
    run.says(KillState::Emergency);
    run.keeper.close(run.now);
    assert_eq!(run.answer(number), Some((true, "the state is EMERGENCY".to_owned())));
    run.end();
}

#[test]
fn the_halt_file_holds_while_it_is_there() {
    let mut run = Run::new("file", 64);
    let file = run.data.join(control::HALT);
    run.says(KillState::Normal);
    assert_eq!(run.turn(100), []);
    std::fs::write(&file, "entries").expect("written");
    assert_eq!(run.turn(100), [halted(ENTRIES, HaltCause::File)]);
    run.says(ENTRIES);
    assert_eq!(run.turn(5_000), [], "said once");
    let number = run.ask(&Request::Resume { state: ENTRIES });
    assert_eq!(run.turn(100), []);
    assert!(run.answer(number).expect("answered").1.contains("HALT"));
    // A timer lifted it: the file is still there.
    run.says(KillState::Normal);
    assert_eq!(run.turn(1_000), [halted(ENTRIES, HaltCause::File)]);
    assert_eq!(run.turn(100), [], "not ten times a second");
    std::fs::write(&file, "").expect("written");
    assert_eq!(run.turn(100), [halted(TRADING, HaltCause::File)]);
    std::fs::remove_file(&file).expect("removed");
    assert_eq!(run.turn(5_000), [], "a file that goes lifts nothing");
    let data = run.data.clone();
    std::fs::write(&file, "emergency").expect("written");
    drop(run);
    let opened = open(&data, DATE, Ts(SECOND)).expect("opens");
    assert_eq!(opened.halted, Some(KillState::Emergency), "known before the start");
    drop(opened);
    std::fs::remove_dir_all(data).expect("clean up");
}

#[cfg(unix)]
#[test]
fn a_request_that_cannot_be_answered_stands_before_nothing() {
    let mut run = Run::new("reply", 64);
    let control = run.data.join("control");
    std::fs::write(control.join("000001.command"), "nonsense").expect("written");
    // What would be the answer is a link that leads to itself.
    std::os::unix::fs::symlink("000001.answer", control.join("000001.answer")).expect("made");
    let number = run.ask(&halt(TRADING, false));
    assert_eq!(run.turn(100), [halted(TRADING, HaltCause::Command)]);
    assert!(run.keeper.trouble.contains("000001"), "{}", run.keeper.trouble);
    run.says(TRADING);
    run.turn(100);
    assert!(run.answer(number).expect("answered").0);
    run.end();
}

#[test]
fn signals() {
    let mut run = Run::new("signals", 64);
    run.asked.entries.store(true, Ordering::Relaxed);
    assert_eq!(run.turn(100), [halted(ENTRIES, HaltCause::Signal)]);
    assert_eq!(run.turn(100), []);
    run.asked.entries.store(true, Ordering::Relaxed);
    run.asked.trading.store(true, Ordering::Relaxed);
    assert_eq!(run.turn(100), [halted(TRADING, HaltCause::Signal)]);
    run.end();
}

#[test]
fn a_full_ring_delays_and_loses_nothing() {
    let mut run = Run::new("ring", 1);
    let number = run.ask(&halt(TRADING, true));
    assert_eq!(run.turn(100), [halted(TRADING, HaltCause::Command)]);
    assert_eq!(run.turn(2_500), [Control::Flatten(None)]);
    assert_eq!(run.gauges.beat(), run.now);
    run.turn(100);
    let (done, text) = run.answer(number).expect("answered");
    assert!(done && text.contains("does not say"), "{text}");
    run.end();
}

#[test]
fn ids_are_reserved_before_half_is_used() {
    let mut run = Run::new("ids", 64);
    let first = run.keeper.reserved - BLOCK;
    assert_eq!(first, 1_000 * BLOCK, "a folder without a file begins at the second of the day");
    run.gauges.say_used(OrderId::new(DATE, first + 499));
    assert_eq!(run.turn(100), []);
    run.gauges.say_used(OrderId::new(DATE, first + 500));
    run.gauges.say_used(OrderId::new(DATE, first + 3));
    let end = OrderId::new(DATE, first + 2 * BLOCK);
    assert_eq!(run.turn(100), [Control::Reserved(end)]);
    assert_eq!(run.turn(100), []);
    let data = run.data.clone();
    drop(run);
    let mut again = Run::again(data, 64);
    assert_eq!(again.keeper.reserved, first + 3 * BLOCK, "a start begins with a new block");
    // A disk that fails is no reason to stop looking.
    let ids = again.data.join("order_ids");
    std::fs::remove_file(&ids).expect("there");
    std::fs::create_dir(&ids).expect("something of that name");
    again.gauges.say_used(OrderId::new(DATE, first + 2 * BLOCK + 600));
    again.ask(&halt(ENTRIES, false));
    assert_eq!(again.turn(100), [halted(ENTRIES, HaltCause::Command)]);
    std::fs::remove_dir(&ids).expect("gone");
    assert!(matches!(again.turn(100)[..], [Control::Reserved(_)]));
    again.end();
}

/// The file of numbers was deleted or put back: the journal knows better.
#[test]
fn ids_begin_behind_those_of_the_run_before() {
    let run = Run::new("go-on", 8);
    let data = run.data.clone();
    drop(run);
    std::fs::write(data.join("order_ids"), "reserved = 2000\n").expect("written");
    let mut opened = open(&data, DATE, Ts(1_000 * SECOND)).expect("opens");
    let counters = |o: &Opened| (o.block.first.counter(), o.block.end.counter());
    assert_eq!(counters(&opened), (2000, 3000));
    opened.go_on(OrderId::new(DATE, 1999)).expect("in order");
    assert_eq!(counters(&opened), (2000, 3000));
    opened.go_on(OrderId::new(DATE, 41_234)).expect("reserved");
    assert_eq!(counters(&opened), (41_234, 42_234));
    let text = std::fs::read_to_string(data.join("order_ids")).expect("read");
    assert_eq!(text, "reserved = 42234\n", "and on disk");
    assert!(opened.go_on(OrderId::new(DATE, u32::MAX)).is_err(), "no id is left");
    std::fs::remove_dir_all(data).expect("clean up");
}
