//! One step of a [`Trader`].

use super::note::{Alert, Killed, Note, Stamp, Trip};
use super::records::{mid2, stamp, touch};
use super::{COMMANDS_MAX, NOTES_MAX, Symbol, Trader};
use crate::book::Book;
use crate::context::Context;
use crate::decision::{Decision, Edge, Entries};
use crate::event::{Body, Event, HaltCause, flag};
use crate::execution::{Admit, Moment, Order};
use crate::features::{Frame, frame_flag};
use crate::order::{Action, Command, ExitReason, KillState, OrderId};
use crate::risk::{Act, Leaving, OrderEvent, ResumeError, Risk, Rule, Why};
use crate::units::{SECOND, SymbolId, Ts};

/// So long an emergency waits for the account to be flat before it disconnects all the same, ns.
/// Time in which the venue cannot be spoken to does not count.
const LEAVE_NS: i64 = 30 * SECOND;
/// So long a position may have no known worth before entries are halted, ns.
const UNKNOWN_NS: i64 = 10 * SECOND;

impl Trader {
    /// Takes the next frame. `edge` is what `decision` made of it, `book` the symbol's book with
    /// the frame's event applied.
    pub fn on_frame(
        &mut self,
        frame: &Frame,
        edge: Option<&Edge>,
        decision: &Decision,
        context: &Context,
        book: &Book,
    ) {
        self.commands.clear();
        self.notes.clear();
        let event = &frame.event;
        self.entries.on_frame(frame, decision);
        self.market(frame, book);
        if event.has(flag::WARMUP) {
            self.risk.on_history();
            return;
        }
        let (at, now) = (stamp(frame), Moment { seq: event.seq, ts: event.ts });
        self.position(event.symbol);
        self.risk.on_time(event.ts, frame.market_time, event.symbol);
        if frame.flags & frame_flag::BAR_CLOSED != 0 {
            self.risk.on_bar(event.ts, event.symbol, frame.bar.end(), frame.market_time);
        }
        self.hear(event, now);
        self.orders.on_event(event, &mut self.outbox, &mut self.changes);
        self.settle(at, frame, decision);
        self.match_orders(event, frame, book);
        self.settle(at, frame, decision);
        self.orders.on_time(now, &mut self.outbox, &mut self.changes);
        if matches!(event.body, Body::Timer) {
            self.time(at, frame, now);
        }
        self.settle(at, frame, decision);
        self.value(event);
        if let Some(edge) = self.due(edge, event.symbol, book) {
            self.judge(&edge, frame, decision, context, book);
        }
        self.judge_again(frame, decision, context, book);
        self.act(at, now);
        self.settle(at, frame, decision);
        self.leave(now);
        self.settle(at, frame, decision);
        self.exits();
        self.disconnect(at, now);
        // Where there is no room for it, the next step says it.
        if self.notes.len() < NOTES_MAX && self.risk.take_changed() {
            self.note(Note::Limits(*self.risk.state()));
        }
    }

    /// What the market of the symbol is like after the frame.
    fn market(&mut self, frame: &Frame, book: &Book) {
        let event = &frame.event;
        let market_time = frame.market_time;
        let calendar = self.calendar.clone();
        let Some(symbol) = self.symbol(event.symbol) else { return };
        symbol.time = market_time;
        if book.is_readable() {
            symbol.touch = touch(book);
        }
        if market_time.is_some() && !symbol.segment.contains(market_time) {
            symbol.segment = calendar.segment(market_time);
        }
        let anchor = (frame.eth_anchor, frame.flags & frame_flag::RTH != 0);
        symbol.day.enter(anchor, &symbol.segment, symbol.last, &calendar);
        if frame.flags & frame_flag::BAR_CLOSED != 0 {
            symbol.closes.close(&frame.bar);
        }
        if let Body::Trade { px, qty, .. } = event.body
            && frame.label.is_open()
        {
            symbol.last = Some(px);
            symbol.day.trade(px, qty);
            if !event.has(flag::WARMUP) {
                symbol.trades.mark(2 * i64::from(px.ticks()));
            }
        }
        if event.is_market() && !event.has(flag::SNAPSHOT) && !event.has(flag::WARMUP) {
            self.risk.on_data(event.ts, event.symbol);
        }
    }

    /// The edge that is to be judged now. What rises inside a batch of the book waits for its end:
    /// half of a book has no touch to begin at.
    fn due(&mut self, edge: Option<&Edge>, symbol: SymbolId, book: &Book) -> Option<Edge> {
        let of = self.symbol(symbol)?;
        if let Some(edge) = edge {
            of.edge = Some(*edge);
        }
        if book.is_readable() { of.edge.take() } else { None }
    }

    /// The operator, the shell and the account.
    fn hear(&mut self, event: &Event, now: Moment) {
        let ts = event.ts;
        match event.body {
            Body::Halt { cause: HaltCause::Stop, .. } => {
                // The end of a run is no reason to stop the next one: the limits do not keep it.
                self.stopping = true;
                self.orders.cancel_entries(now, &mut self.outbox, &mut self.changes);
            }
            Body::Halt { state, cause } => self.risk.on_halt(ts, state, cause as u8),
            Body::Resume(state) => {
                let symbols = (0_u16..).map(SymbolId).take(self.symbols.len());
                let mut all = symbols.map(|symbol| self.orders.reconciled(symbol));
                let clean = all.all(|result| result.is_ok());
                let lifted = self.risk.on_resume(ts, state, clean);
                if self.risk.kill() < KillState::HaltTrading {
                    self.orders.lift();
                }
                if let Err(error) = lifted {
                    let at =
                        Stamp { seq: event.seq, ts, market_time: Ts::NONE, symbol: event.symbol };
                    let (rule, id) = (refused(error), OrderId::NONE);
                    self.note(Note::Alert(Alert { at, rule, id, value: 0.0 }));
                }
            }
            Body::Flatten { all: true } => {
                let reason = ExitReason::Manual;
                self.orders.flatten_all(now, reason, &mut self.outbox, &mut self.changes);
            }
            Body::Flatten { all: false } => self.exit(now, event.symbol, ExitReason::Manual),
            // Fills that were missed come after it and are in it: they must not count twice.
            Body::Balance(usd) if !self.orders.is_recovered() => self.balance = Some(usd),
            Body::Balance(usd) => self.risk.on_balance(ts, usd),
            Body::Link(up) => {
                self.balance = None;
                if up && self.risk.kill() == KillState::Emergency {
                    // It comes back although it was to be closed for good.
                    self.leaving = ts;
                }
            }
            _ => {}
        }
    }

    /// Remembers the mid at which it was decided to close a position, whoever decided: once for
    /// each exit.
    fn exits(&mut self) {
        let Trader { symbols, orders, .. } = self;
        for (id, symbol) in (0_u16..).map(SymbolId).zip(symbols) {
            let closing = orders.closing(id);
            // A reason that becomes a more urgent one is still the same exit.
            if closing.is_some() != symbol.closing.is_some() {
                symbol.exit_mid2 = symbol.touch.filter(|_| closing.is_some()).map(mid2);
            }
            symbol.closing = closing;
        }
    }

    /// Closes a position.
    pub(super) fn exit(&mut self, now: Moment, symbol: SymbolId, reason: ExitReason) {
        self.orders.exit(now, symbol, reason, &mut self.outbox, &mut self.changes);
    }

    /// The market acts on the orders of a paper run.
    fn match_orders(&mut self, event: &Event, frame: &Frame, book: &Book) {
        let Trader { exchange: Some(exchange), orders, outbox, changes, reports, .. } = self else {
            return;
        };
        exchange.on_event(event, frame.label.is_open(), book, reports);
        for report in reports.events() {
            orders.on_event(report, outbox, changes);
        }
        reports.clear();
    }

    /// A whole second.
    fn time(&mut self, at: Stamp, frame: &Frame, now: Moment) {
        if !self.orders.has_ids() {
            self.risk.trip(Rule::NoIds);
        }
        let (limit, market_time) = (self.max_hold_ns, frame.market_time);
        let Some(symbol) = self.symbols.get_mut(usize::from(at.symbol.0)) else { return };
        // Prices that were missed come with the venue's next list, or never.
        symbol.unknown = match symbol.trades.open_usd(0) {
            Some(_) => Ts::NONE,
            None => symbol.unknown.or(at.ts),
        };
        if symbol.unknown.is_some() && at.ts.since(symbol.unknown) >= UNKNOWN_NS {
            self.risk.trip(Rule::Unmeasured);
        }
        let since = symbol.trades.since();
        let mid = symbol.touch.filter(|_| frame.label.is_open()).map(mid2);
        if let (Some(limit), Some(since)) = (limit, since)
            && market_time.since(since) >= limit
            && self.orders.closing(at.symbol).is_none()
        {
            self.exit(now, at.symbol, ExitReason::Time);
        }
        let Trader { later, notes, lost, .. } = self;
        later.on_time(at, mid, &mut |note| {
            if notes.len() < NOTES_MAX {
                notes.push(note);
            } else {
                *lost += 1;
            }
        });
    }

    /// Values the open positions after a trade of their symbol.
    fn value(&mut self, event: &Event) {
        if !matches!(event.body, Body::Trade { .. }) {
            return;
        }
        let before = self.symbol(event.symbol).map_or(0.0, |symbol| symbol.open.usd);
        if self.revalue(event.symbol) {
            if let Some(symbol) = self.symbol(event.symbol)
                && std::mem::take(&mut symbol.reported)
            {
                // The balance knew this market, the mark of before did not.
                let moved = symbol.open.usd - before;
                self.risk.on_mark(moved);
            }
            let open = self.open();
            self.risk.on_open_pnl(event.ts, open);
        }
    }

    /// What the limits ask for.
    fn act(&mut self, at: Stamp, now: Moment) {
        while let Some(act) = self.risk.poll() {
            match act {
                Act::Tripped { from, to, why } => {
                    if to < KillState::HaltTrading {
                        self.orders.lift();
                    }
                    let cause = match why {
                        Why::Rule(rule) | Why::Over(rule) => Trip::Rule(rule.name()),
                        Why::Outside(code) => {
                            Trip::Event(HaltCause::of(code).unwrap_or(HaltCause::Command))
                        }
                        Why::Resume => Trip::Resume,
                    };
                    self.note(Note::Kill(Killed { at, from, to, cause }));
                }
                Act::Alert { rule, symbol, value } => {
                    let at = Stamp { symbol: symbol.unwrap_or(at.symbol), ..at };
                    let (rule, id) = (rule.name(), OrderId::NONE);
                    self.note(Note::Alert(Alert { at, rule, id, value }));
                }
                Act::CancelEntries => {
                    self.orders.cancel_entries(now, &mut self.outbox, &mut self.changes);
                }
                Act::FlattenAll => {
                    // From here on whatever turns up later is closed too.
                    self.orders.halt(now, &mut self.outbox, &mut self.changes);
                    for symbol in (0_u16..).map(SymbolId).take(self.symbols.len()) {
                        self.exit(now, symbol, ExitReason::Kill);
                    }
                }
                Act::FlatBy(symbol) => self.flat_by(now, symbol),
                Act::Disconnect => self.leaving = self.leaving.or(now.ts),
            }
        }
    }

    /// The time to be flat, asked again and again: what is not there or on its way out stays as it
    /// is.
    fn flat_by(&mut self, now: Moment, symbol: SymbolId) {
        let held = self.orders.position(symbol).is_some_and(|position| position.qty != 0);
        let works = |o: &Order| o.symbol == symbol && o.id.is_ours();
        if self.orders.closing(symbol).is_none() && (held || self.orders.open_orders().any(works)) {
            self.exit(now, symbol, ExitReason::Session);
        }
    }

    /// Closes the connection of an emergency: once nothing is open or works any more, or where that
    /// does not come about. Before that the connection is what closes positions, so that one that
    /// is gone has to come back first.
    fn disconnect(&mut self, at: Stamp, now: Moment) {
        if self.leaving.is_some() && !self.orders.is_recovered() {
            self.leaving = now.ts;
        }
        let late = self.leaving.is_some() && now.ts.since(self.leaving) >= LEAVE_NS;
        if !self.leaving.is_some() || !(late || self.is_done()) {
            return;
        }
        let Moment { seq, ts } = now;
        if self.send(&Command { seq, ts, symbol: at.symbol, action: Action::Disconnect }) {
            self.leaving = Ts::NONE;
        }
    }

    /// Whether nothing is open, works or waits to leave, as far as the venue has said.
    fn is_done(&self) -> bool {
        let mut ids = (0_u16..).map(SymbolId).take(self.symbols.len());
        ids.all(|id| {
            let flat = self.orders.position(id).is_none_or(|p| p.qty == 0);
            flat && self.orders.closing(id).is_none() && self.orders.reconciled(id).is_ok()
        }) && !self.orders.open_orders().any(|order| order.id.is_ours())
            && self.queue.is_empty()
    }

    /// Hands on what may leave now.
    fn leave(&mut self, now: Moment) {
        let Trader { symbols, entries, queue, orders, outbox, changes, .. } = self;
        let Trader { risk, exchange, commands, .. } = self;
        // Both closures need the limits; one after the other.
        let risk = std::cell::RefCell::new(risk);
        queue.pass(
            now,
            orders,
            outbox,
            changes,
            &mut |command| {
                let mut risk = risk.borrow_mut();
                if left_behind(command, now.ts, symbols, entries, &risk) {
                    return Admit::Never;
                }
                if risk.admit(now.ts, messages(command)) { Admit::Now } else { Admit::Later }
            },
            &mut |command| {
                if commands.len() + messages(command) > COMMANDS_MAX {
                    return false;
                }
                match command.action {
                    Action::New { id, .. } => {
                        risk.borrow_mut().on_order(command.ts, OrderEvent::New(id));
                    }
                    // The first one counts with its entry, a second one by itself.
                    Action::Bracket { parent, child, .. } if child > 1 => {
                        let id = parent.plus(child);
                        risk.borrow_mut().on_order(command.ts, OrderEvent::New(id));
                    }
                    Action::Replace { .. } => {
                        risk.borrow_mut().on_order(command.ts, OrderEvent::Replace);
                    }
                    _ => {}
                }
                if let Some(exchange) = exchange {
                    exchange.submit(command);
                }
                commands.push(*command);
                true
            },
        );
    }

    /// Hands a command on at once; `false` where this step has no room for it.
    fn send(&mut self, command: &Command) -> bool {
        let room = self.commands.len() < COMMANDS_MAX;
        if room {
            if let Some(exchange) = &mut self.exchange {
                exchange.submit(command);
            }
            self.commands.push(*command);
        }
        room
    }
}

/// Whether a command is an entry whose market has moved on since its signal, or is silent.
fn left_behind(
    command: &Command,
    ts: Ts,
    symbols: &[Symbol],
    entries: &Entries,
    risk: &Risk,
) -> bool {
    let Action::New { id, way, parent: true, .. } = command.action else { return false };
    let symbol = command.symbol;
    let leaving = symbols.get(usize::from(symbol.0)).and_then(|of| {
        let half_ticks = of.trades.decision(id)?.mid2?;
        let (touch, data_ts) = (of.touch?, entries.market_ts(symbol));
        Some(Leaving { symbol, way, ts, data_ts, half_ticks, touch })
    });
    // What cannot be measured does not pass.
    leaving.is_none_or(|of| risk.still(&of).is_err())
}

/// Messages that leave with a command: an entry takes its bracket along.
const fn messages(command: &Command) -> usize {
    if matches!(command.action, Action::New { parent: true, .. }) { 2 } else { 1 }
}

/// Name of a refused resume, as it stands in records.
const fn refused(error: ResumeError) -> &'static str {
    match error {
        ResumeError::NotThis(_) => "resume_of_another_state",
        ResumeError::Emergency => "resume_of_an_emergency",
        ResumeError::NotReconciled => "resume_before_reconciliation",
        ResumeError::Still(_) => "resume_while_the_cause_holds",
    }
}
