//! What leaves, in which order, and what never does; no socket.

use dtc::frame::next_frame;
use dtc::session::{SessionConfig, SessionEvent};
use rtrb::{Producer, RingBuffer};
use zerocopy::IntoBytes;

use super::*;
use crate::execution::wire::Name;
use crate::monitor::latency::Latencies;
use crate::order::{BuySell, OrderKind};
use crate::units::{Instrument, Px};

/// No message.
const NOTHING: [u16; 0] = [];

struct Run {
    trading: Trading,
    commands: Producer<Command>,
    session: Session,
    progress: Option<Progress>,
    failed: Arc<AtomicBool>,
    clock: Clock,
    /// What the core was told.
    events: Vec<Event>,
}

fn feed(session: &mut Session, message: &impl Message) {
    session.handle_frame(&next_frame(message.as_bytes()).expect("size").expect("whole"), 1);
}

/// Numbers of the messages that are to leave.
fn left(session: &mut Session) -> Vec<u16> {
    let Some(bytes) = session.poll_transmit() else { return Vec::new() };
    let (mut numbers, mut rest) = (Vec::new(), bytes);
    while let Ok(Some(frame)) = next_frame(rest) {
        numbers.push(frame.kind);
        rest = &rest[frame.len()..];
    }
    let count = bytes.len();
    session.handle_transmitted(count);
    numbers
}

impl Run {
    /// Logged on, with the server's answer about the account.
    fn new(journal_first: bool) -> Run {
        let (commands, ring) = RingBuffer::new(COMMANDS_RING);
        let (symbol, exchange) = ("ESZ6".to_owned(), String::new());
        let name = Name { symbol, exchange, tick: 0.25, display_multiplier: 1.0 };
        let failed = Arc::new(AtomicBool::new(false));
        let progress = journal_first.then(Progress::default);
        let mut trading = Trading::new(TradingParts {
            commands: ring,
            wire: Wire::new("SIM1", vec![name.clone(), name]).expect("fits"),
            account: "SIM1".to_owned(),
            define: vec![("ESZ6".to_owned(), String::new())],
            traded: vec![(SymbolId(0), "ESZ6".to_owned())],
            progress: progress.clone(),
            journal_failed: failed.clone(),
        })
        .expect("histograms");
        let mut session = Session::new(SessionConfig::default());
        session.handle_connecting(0);
        session.handle_connected(0);
        feed(&mut session, &wire::EncodingResponse::DEFAULT);
        let mut logon = wire::LogonResponse::DEFAULT;
        (logon.trading_is_supported, logon.oco_orders_supported) = (1, 1);
        (logon.bracket_orders_supported, logon.security_definitions_supported) = (1, 1);
        feed(&mut session, &logon);
        left(&mut session);
        let can = std::iter::from_fn(|| session.poll_event())
            .find_map(|e| if let SessionEvent::LoggedOn(can) = e { Some(can) } else { None })
            .expect("logged on");
        assert_eq!(trading.logged_on(&can, &mut session), Ok(()));
        assert_eq!(left(&mut session), [400, 506]);
        Run {
            trading,
            commands,
            session,
            progress,
            failed,
            clock: Clock::new(),
            events: Vec::new(),
        }
    }

    fn up(journal_first: bool) -> Run {
        let mut run = Run::new(journal_first);
        run.account("SIM1", 0);
        run.define(0.25);
        assert_eq!(run.trading.decided(&mut run.session, Ts(1)), Some(Ok(())));
        assert_eq!(left(&mut run.session), [300, 305, 601, 303]);
        run
    }

    fn account(&mut self, name: &str, disabled: i32) {
        let mut m = wire::TradeAccountResponse::DEFAULT;
        assert!(value::put_text(&mut m.trade_account, name));
        (m.total_number_messages, m.message_number) = (2.into(), 2.into());
        m.trading_is_disabled = disabled.into();
        self.trading.on_frame(&next_frame(m.as_bytes()).expect("size").expect("whole"));
    }

    /// The server defines the first symbol.
    fn define(&mut self, increment: f64) {
        let instruments = [Instrument::with_tick("ESZ6", 0.25).expect("a tick")];
        let mut feed = OrderFeed::new("SIM1", &instruments);
        feed.define(b"ESZ6", increment, 1.0);
        self.trading.learn(&mut feed);
    }

    fn push(&mut self, seq: u64, symbol: u16, action: Action) {
        let symbol = SymbolId(symbol);
        let ts = self.clock.now();
        self.commands.push(Command { seq, ts, symbol, action }).expect("room");
    }

    fn work(&mut self) -> Vec<u16> {
        self.trading.work(&mut self.session, &self.clock, &mut false);
        let bytes = left(&mut self.session);
        self.trading.flushed(self.clock.now(), &mut |event| self.events.push(event));
        bytes
    }
}

fn id(n: u32) -> OrderId {
    OrderId::new(20_260_114, n)
}

fn new(n: u32) -> Action {
    let (way, kind, px) = (BuySell::Buy, OrderKind::Market, Px::ZERO);
    Action::New { id: id(n), way, kind, qty: 1, px, parent: true }
}

fn bracket(n: u32) -> Action {
    let (stop, target) = (Px::clamped(23_990), Px::clamped(24_030));
    Action::Bracket { parent: id(n), child: 1, way: BuySell::Sell, qty: 1, stop, target }
}

#[test]
fn nothing_leaves_before_the_account_is_ours() {
    let mut run = Run::new(false);
    assert_eq!(run.trading.decided(&mut run.session, Ts(1)), None);
    run.push(1, 0, new(1));
    assert_eq!(run.work(), NOTHING);
    assert_eq!(run.trading.sent().unsent, 1);
    run.account("SIM1", 0);
    assert_eq!(run.trading.decided(&mut run.session, Ts(1)), None, "nor before it is defined");
    run.define(0.1);
    assert_eq!(run.trading.decided(&mut run.session, Ts(1)), None, "with the tick that we know");
    run.define(0.25);
    assert_eq!(run.trading.decided(&mut run.session, Ts(1)), Some(Ok(())));
    assert_eq!(run.trading.decided(&mut run.session, Ts(1)), None, "once");
    assert_eq!(run.work(), [300, 305, 601, 303], "and not what was dropped");
    let mut silent = Run::new(false);
    for (second, decided) in [(1, false), (10, false), (11, true), (12, false)] {
        let outcome = silent.trading.decided(&mut silent.session, Ts(second * SECOND));
        assert_eq!(outcome.is_some_and(|o| o.is_err()), decided, "after {second} s");
    }
    for (name, disabled, word) in [("SIM2", 0, "no account"), ("SIM1", 1, "may not trade")] {
        let mut run = Run::new(false);
        run.account(name, disabled);
        let refused = run.trading.decided(&mut run.session, Ts(1)).expect("decided");
        assert!(refused.expect_err("refused").contains(word));
        run.push(1, 0, new(1));
        assert_eq!((run.work(), run.trading.served()), (vec![], false));
    }
}

#[test]
fn without_waiting_everything_leaves_in_order() {
    let mut run = Run::up(false);
    run.push(9, 0, new(1));
    run.push(9, 0, bracket(1));
    run.push(10, 0, Action::Cancel { id: id(2) });
    run.push(11, 0, Action::Replace { id: id(2), qty: 1, px: Px::clamped(23_991) });
    run.push(12, 0, Action::Flatten { id: id(4) });
    run.push(12, 0, Action::List(Listing::Orders));
    assert_eq!(run.work(), [208, 201, 203, 204, 209, 300]);
    let sent = run.trading.sent();
    assert_eq!((sent.sent, sent.unsent, sent.tick_to_send.quantiles().count), (10, 0, 6));
    let told: Vec<Body> = run.events.iter().map(|event| event.body).collect();
    assert_eq!(told, [1, 2, 4].map(|n| Body::Sent(id(n))), "what makes orders; a bracket its stop");
}

#[test]
fn answers_are_measured_from_the_bytes_in_the_socket() {
    let mut run = Run::up(false);
    run.push(9, 0, new(1));
    run.push(9, 0, bracket(1));
    run.work();
    let sent = run.events.first().expect("sent").ts;
    let (way, px, execution) = (BuySell::Buy, Px::ZERO, crate::order::ExecutionId::NONE);
    let fill = |n| Body::Fill(crate::order::Fill { id: id(n), execution, px, qty: 1, way });
    let mut hear = |ms: i64, body| {
        let (ts, symbol) = (Ts(sent.0 + ms * 1_000_000), SymbolId(0));
        let ts_exch = Ts::NONE;
        run.trading.heard(&Event { seq: 0, ts, ts_exch, symbol, flags: 0, body });
    };
    for (ms, n) in [(3, 2), (5, 1), (9, 1), (700, 2), (800, 77)] {
        let update = crate::order::OrderUpdate {
            id: id(n),
            status: crate::order::Status::Open,
            reason: crate::order::UpdateReason::Accepted,
            way: Some(way),
            kind: None,
            qty: 1,
            filled: 0,
            px: None,
            class: crate::order::RejectClass::Unknown,
        };
        hear(ms, Body::Order(update));
    }
    hear(25, fill(1));
    hear(99, fill(1));
    hear(99, fill(2));
    let sent = run.trading.sent();
    let ms = |l: &Latencies| (l.quantiles().count, l.quantiles().max / 1_000_000);
    assert_eq!((ms(&sent.send_to_ack), ms(&sent.ack_to_fill)), ((2, 5), (1, 20)));
    let text = sent.text();
    for name in ["tick to decision", "decision to send", "send to ack", "ack to fill"] {
        assert!(text.contains(&format!("{name} p50")), "{text}");
    }
}

#[test]
fn new_orders_wait_for_the_journal_and_nothing_else_does() {
    let mut run = Run::up(true);
    let progress = run.progress.clone().expect("journal first");
    run.push(9, 0, new(1));
    run.push(9, 0, bracket(1));
    run.push(9, 0, Action::Cancel { id: id(77) });
    assert_eq!(run.work(), [203]);
    assert_eq!(progress.due(), Some(9), "the journal is asked");
    progress.done(8);
    assert_eq!(run.work(), NOTHING);
    progress.done(9);
    // One that is on disk already still leaves behind those before it.
    run.push(5, 0, new(4));
    assert_eq!(run.work(), [208, 201, 208]);
    assert_eq!(progress.due(), None);
    assert_eq!(run.trading.sent().held.quantiles().count, 3);
    run.push(9, 0, new(7));
    assert_eq!(run.work(), [208], "what the journal has does not wait");
}

#[test]
fn what_waits_for_too_long_never_leaves() {
    let mut run = Run::up(true);
    let progress = run.progress.clone().expect("journal first");
    let old = Ts(run.clock.now().0 - HELD_NS);
    for action in [new(1), bracket(1)] {
        let symbol = SymbolId(0);
        run.commands.push(Command { seq: 9, ts: old, symbol, action }).expect("room");
    }
    // An exit waits from when it came, however old its reason.
    let exit = Action::New {
        id: id(4),
        way: BuySell::Sell,
        kind: OrderKind::Market,
        qty: 1,
        px: Px::ZERO,
        parent: false,
    };
    run.commands
        .push(Command { seq: 10, ts: old, symbol: SymbolId(0), action: exit })
        .expect("room");
    assert_eq!(run.work(), NOTHING);
    progress.done(10);
    assert_eq!(run.work(), [208], "the exit");
    assert_eq!(run.trading.sent().unsent, 2);
    // An entry whose bracket finds no room does not wait either.
    for n in 0..HELD_MAX as u32 - 1 {
        run.push(20, 0, new(10 + 3 * n));
    }
    run.push(20, 0, new(900));
    run.push(20, 0, bracket(900));
    assert_eq!(run.work(), NOTHING);
    assert_eq!(run.trading.sent().unsent, 2 + 2);
}

#[test]
fn a_cancel_or_flatten_takes_the_order_that_waits_with_it() {
    let mut run = Run::up(true);
    run.push(9, 0, new(1));
    run.push(9, 0, bracket(1));
    run.push(9, 1, new(4));
    run.push(10, 0, Action::Cancel { id: id(1) });
    assert_eq!(run.work(), [203]);
    run.push(10, 1, Action::Flatten { id: id(7) });
    assert_eq!(run.work(), [209]);
    run.progress.as_ref().expect("journal first").done(99);
    assert_eq!(run.work(), NOTHING, "nothing opens behind a flatten");
    assert_eq!(run.trading.sent().unsent, 3);
}

#[test]
fn a_journal_that_fails_or_a_lost_link_drops_what_waits() {
    let mut run = Run::up(true);
    run.push(9, 0, new(1));
    run.work();
    run.failed.store(true, Ordering::Release);
    assert_eq!(run.work(), NOTHING);
    run.progress.as_ref().expect("journal first").done(99);
    assert_eq!((run.work(), run.trading.sent().unsent), (vec![], 1));
    run.failed.store(false, Ordering::Release);
    run.push(100, 0, new(4));
    assert_eq!(run.work(), NOTHING);
    assert!(run.trading.lost() && !run.trading.lost());
    assert_eq!(run.trading.sent().unsent, 2);
    run.push(100, 0, Action::Flatten { id: id(7) });
    assert_eq!((run.work(), run.trading.sent().unsent), (vec![], 3));
}

#[test]
fn disconnect_is_handed_on() {
    let mut run = Run::up(false);
    run.push(1, 0, Action::Disconnect);
    let mut disconnect = false;
    run.trading.work(&mut run.session, &run.clock, &mut disconnect);
    assert!(disconnect && left(&mut run.session).is_empty());
}

/// A server that comes back without its own trade service: whatever it refuses it is asked again.
#[test]
fn who_has_served_us_is_asked_again_after_a_refusal() {
    let mut run = Run::up(false);
    let can = *run.session.capabilities().expect("logged on");
    assert!(run.trading.lost());
    assert_eq!(run.trading.logged_on(&can, &mut run.session), Ok(()));
    assert_eq!(left(&mut run.session), [400, 506]);
    let at = |s: i64| Ts(s * SECOND);
    let refused = |run: &mut Run, second| {
        let outcome = run.trading.decided(&mut run.session, at(second));
        assert!(outcome.is_some_and(|o| o.is_err()), "after {second} s");
        run.push(1, 0, new(1));
        assert_eq!((run.work(), run.trading.is_up()), (vec![], false));
    };
    run.account("", 0);
    refused(&mut run, 1);
    assert_eq!(run.trading.decided(&mut run.session, at(5)), None);
    assert_eq!(left(&mut run.session), NOTHING);
    // Nor does it answer at all.
    assert_eq!(run.trading.decided(&mut run.session, at(6)), None);
    assert_eq!(left(&mut run.session), [400, 506]);
    refused(&mut run, 16);
    assert_eq!(run.trading.decided(&mut run.session, at(21)), None);
    assert_eq!(left(&mut run.session), [400, 506]);
    run.account("SIM1", 0);
    assert_eq!(run.trading.decided(&mut run.session, at(22)), Some(Ok(())));
    run.push(1, 0, Action::Flatten { id: id(7) });
    assert_eq!(run.work(), [300, 305, 601, 303, 209]);
}

#[test]
fn without_a_price_grid_exits_leave_and_entries_do_not() {
    let mut run = Run::up(false);
    run.define(0.1);
    for action in [new(1), bracket(1)] {
        run.push(9, 0, action);
    }
    assert_eq!((run.work(), run.trading.sent().unsent), (vec![], 2), "not even at the market");
    let (way, kind, px) = (BuySell::Sell, OrderKind::Market, Px::ZERO);
    run.push(10, 0, Action::New { id: id(4), way, kind, qty: 1, px, parent: false });
    run.push(10, 0, Action::Flatten { id: id(5) });
    assert_eq!(run.work(), [208, 209]);
    run.define(0.25);
    run.push(11, 0, new(6));
    run.push(11, 0, bracket(6));
    assert_eq!(run.work(), [208, 201]);
}
