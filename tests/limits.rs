//! Limits as the trading step keeps them: frames made by hand, a venue that answers by hand.

use std::sync::Arc;

use mia::book::Book;
use mia::calendar::{Calendar, Label};
use mia::config::Config;
use mia::context::Context;
use mia::decision::{Confluence, Decision, Edge, Signal, Tier};
use mia::event::{Body, Event, HaltCause};
use mia::features::Frame;
use mia::order::{Action, Command, ExitReason, Gate, KillState, Listing};
use mia::runtime::setup::Setup;
use mia::tally::SessionFilter;
use mia::trader::Trader;
use mia::trader::note::Note;
use mia::units::{SECOND, SymbolId, Ts};
use mia_test_support::{es_file, replay_with};

const ES: SymbolId = SymbolId(0);

fn at(text: &str) -> Ts {
    let t: jiff::Timestamp = text.parse().expect("instant");
    Ts(i64::try_from(t.as_nanosecond()).expect("range"))
}

/// One symbol whose orders go to a venue.
struct Rig {
    trader: Trader,
    decision: Decision,
    book: Book,
    context: Context,
    seq: u64,
    ts: Ts,
    market_time: Ts,
}

impl Rig {
    /// With `text` as the rest of the configuration.
    fn new(text: &str, now: Ts) -> Rig {
        let text = format!(
            "[[symbols]]\nname = \"ESH6\"\nsource = \"sim\"\n[[sources]]\nkind = \"dtc\"\n\
             name = \"sim\"\naddress = \"127.0.0.1:1\"\n[trading]\nmode = \"live\"\n\
             account = \"SIM1\"\nsource = \"sim\"\n{text}"
        );
        let config = Config::parse(&text).expect("valid");
        let instruments = config.instruments().expect("known");
        let setup = Setup::new(config, instruments, "live").expect("valid");
        let core = setup.core(SessionFilter::All);
        let calendar: Arc<Calendar> = setup.calendar.clone();
        let params = core.trading.as_ref().expect("it trades");
        Rig {
            trader: Trader::new(params, &core.reads, calendar.clone()),
            decision: Decision::new(core.preset.clone(), &core.reads, calendar),
            book: Book::new(),
            context: Context::EMPTY,
            seq: 0,
            ts: now,
            market_time: Ts::NONE,
        }
    }

    /// One event; the commands that left and the notes.
    fn put(&mut self, body: Body, edge: Option<&Edge>) -> (Vec<Command>, Vec<Note>) {
        self.seq += 1;
        let (ts, ts_exch) = (self.ts, Ts::NONE);
        let event = Event { seq: self.seq, ts, ts_exch, symbol: ES, flags: 0, body };
        self.book.apply(&event);
        let mut frame = Frame::empty(event);
        (frame.market_time, frame.label) = (self.market_time, Label::Us);
        self.trader.on_frame(&frame, edge, &self.decision, &self.context, &self.book);
        (self.trader.commands().to_vec(), self.trader.notes().to_vec())
    }

    /// The link comes up, and the venue says what it holds.
    fn link(&mut self, held: i32) {
        self.put(Body::Link(true), None);
        self.put(Body::Position(held), None);
        for listing in [Listing::Orders, Listing::Positions, Listing::Balance, Listing::Fills] {
            self.put(Body::Listed(listing), None);
        }
        assert_eq!(self.trader.orders().reconciled(ES), Ok(()));
        assert_eq!(self.trader.orders().position(ES).expect("one").qty, held);
    }
}

/// A signal made by hand.
fn edge(rig: &Rig, side: i8, tier: Tier, score: f64) -> Edge {
    let d = f64::from(side) * score / 100.0;
    let confluence = Confluence { d, score, coverage: 1.0 };
    let (ts, market_time) = (rig.ts, rig.market_time);
    let (seq, symbol, context_version) = (rig.seq + 1, ES, 0);
    let signal = Signal { seq, ts, market_time, symbol, side, tier, confluence, context_version };
    Edge { signal, veto: None, again: false }
}

/// What would not be entered closes nothing either.
#[test]
fn only_a_signal_that_is_traded_closes_what_stands_against_it() {
    let weak = "[decision]\ngate = 60.0\n";
    let allowed = format!("allow_weak = true\n{weak}");
    for (text, tier, score, closes) in [
        ("", Tier::Good, 75.0, true),
        ("", Tier::Weak, 65.0, false),
        (weak, Tier::Weak, 65.0, false),
        (allowed.as_str(), Tier::Weak, 65.0, true),
    ] {
        let mut rig = Rig::new(text, at("2026-01-14T15:00:00Z"));
        rig.link(-1);
        let edge = edge(&rig, 1, tier, score);
        rig.put(Body::BatchEnd, Some(&edge));
        let closing = rig.trader.orders().closing(ES);
        assert_eq!(closing == Some(ExitReason::Reversal), closes, "{tier:?} {score} {text}");
    }
}

/// Started after the time to be flat, before any market data, it meets a position at the venue.
#[test]
fn a_position_that_turns_up_after_the_time_to_be_flat_is_closed() {
    let mut rig = Rig::new("", at("2026-01-14T21:57:00Z"));
    assert_eq!(rig.put(Body::Timer, None).0, []);
    rig.link(2);
    let mut left = Vec::new();
    for _ in 0..2 {
        rig.ts = Ts(rig.ts.0 + SECOND);
        left.extend(rig.put(Body::Timer, None).0);
    }
    assert_eq!(rig.trader.orders().closing(ES), Some(ExitReason::Session));
    let sold = left.iter().filter(|c| matches!(c.action, Action::New { parent: false, .. }));
    assert_eq!(sold.count(), 1, "one exit, however often it is asked for: {left:?}");
}

/// A small account: where no contract of ES fits, the record says how many of MES would.
#[test]
fn a_size_of_zero_names_the_micro() {
    let Some(path) = es_file() else { return };
    let text = std::fs::read_to_string("tests/trading.toml").expect("tests/trading.toml");
    let mut config = Config::parse(&text).expect("valid");
    config.trading.as_mut().expect("set").equity = 10_000.0;
    let (mut zero, mut fits) = (0, 0);
    let _ = replay_with(&[path], config, SessionFilter::All, |_, pipeline| {
        for note in pipeline.judge().trader().expect("it trades").notes() {
            let Note::Decision(decided) = note else { continue };
            let is_zero = decided.veto.is_some_and(|veto| veto.gate == Gate::SizeZero);
            assert!(is_zero || decided.micro.is_none(), "{:?}", decided.veto);
            zero += u32::from(is_zero);
            fits += u32::from(decided.micro.is_some());
        }
    });
    assert!(zero > 0 && fits > 0, "{zero} {fits}");
}

/// A lost link stops entries; to be reconciled again is what the operator waits for, not enough.
#[test]
fn a_lost_link_waits_for_the_operator_and_for_the_venue() {
    let mut rig = Rig::new("", at("2026-01-14T15:00:00Z"));
    rig.link(0);
    let state = KillState::HaltEntries;
    rig.put(Body::Link(false), None);
    rig.put(Body::Halt { state, cause: HaltCause::Link }, None);
    assert_eq!(rig.trader.risk().kill(), state);
    let (_, notes) = rig.put(Body::Resume(state), None);
    let refused =
        |n: &Note| matches!(n, Note::Alert(alert) if alert.rule == "resume_before_reconciliation");
    assert!(notes.iter().any(refused), "{notes:?}");
    rig.link(0);
    assert_eq!(rig.trader.risk().kill(), state, "nobody has looked yet");
    rig.put(Body::Resume(state), None);
    assert_eq!(rig.trader.risk().kill(), KillState::Normal);
}
