//! One order through a run: what it was for, whose trade, and what led to it where no decision did.

use std::io::Write;

use serde::Serialize;

use crate::cmd::playback::Step;
use crate::event::{Body, HaltCause};
use crate::execution::{Order, OrderState};
use crate::order::{ExitReason, KillState, OrderId, Role};
use crate::trader::note::{Frozen, Note, Trip};
use crate::units::{Instrument, SymbolId, Ts};

/// Follows one order.
#[derive(Debug)]
pub(super) struct Trace {
    id: OrderId,
    /// The order as it was last known.
    order: Option<Order>,
    /// The event after which it was there.
    at: (u64, Ts),
    /// It was there before the first event.
    before: bool,
    /// What led to it, for an order that closes something.
    cause: Option<Cause>,
    /// The decision of its trade, where the run before made it.
    decided: Option<Frozen>,
    /// Why each symbol is being closed.
    closing: Vec<Option<Cause>>,
    /// The kill switch as it was last moved.
    kill: Option<String>,
    stopping: bool,
    begun: bool,
}

/// Why something is closed.
#[derive(Clone, Debug, Serialize)]
struct Cause {
    /// As records name it.
    reason: &'static str,
    /// In words.
    because: String,
    /// The event that led to it.
    seq: u64,
    ts: String,
    #[serde(skip)]
    code: ExitReason,
}

/// What is known of an order.
#[derive(Debug, Serialize)]
pub(super) struct Traced {
    id: String,
    #[serde(skip)]
    pub(super) trade: OrderId,
    #[serde(rename = "trade")]
    trade_id: Option<String>,
    symbol: String,
    role: &'static str,
    side: &'static str,
    contracts: u32,
    filled: u32,
    state: &'static str,
    /// Class of the refusal that ended it.
    refused: Option<&'static str>,
    /// A second try of what was refused for a disturbance.
    second_try: bool,
    /// Met at the venue, decided by nobody here.
    adopted: bool,
    /// The run took it over from the run before.
    run_before: bool,
    /// Event of the run before that its decision belongs to, and its time.
    decided_before: Option<(u64, String)>,
    seq: u64,
    ts: String,
    cause: Option<Cause>,
}

impl Trace {
    /// Of order `id`, in a run of so many symbols.
    pub(super) fn new(id: OrderId, symbols: usize) -> Trace {
        Trace {
            id,
            order: None,
            at: (0, Ts::NONE),
            before: false,
            cause: None,
            decided: None,
            closing: vec![None; symbols],
            kill: None,
            stopping: false,
            begun: false,
        }
    }

    /// Looks at the core after an event.
    pub(super) fn step(&mut self, step: &Step<'_>) {
        let judge = step.pipeline.judge();
        let Some(trader) = judge.trader() else { return };
        let event = step.event;
        let begun = std::mem::replace(&mut self.begun, true);
        self.stopping |= matches!(event.body, Body::Halt { cause: HaltCause::Stop, .. });
        for note in judge.notes() {
            if let Note::Kill(killed) = note
                && killed.to >= KillState::HaltTrading
            {
                self.kill = Some(format!("{} by {}", killed.to.name(), who(killed.cause)));
            }
        }
        for at in 0..self.closing.len() {
            let symbol = SymbolId(u16::try_from(at).unwrap_or(u16::MAX));
            let now = trader.orders().closing(symbol);
            let Some(known) = self.closing.get(at) else { continue };
            if now == known.as_ref().map(|cause| cause.code) {
                continue;
            }
            let cause = now.map(|code| Cause {
                reason: code.name(),
                because: self.because(code, begun, step),
                seq: event.seq,
                ts: event.ts.to_string(),
                code,
            });
            if let Some(known) = self.closing.get_mut(at) {
                *known = cause;
            }
        }
        let Some(order) = trader.orders().order(self.id) else { return };
        if self.order.is_none() {
            (self.at, self.before) = ((event.seq, event.ts), !begun);
            let closing = self.closing.get(usize::from(order.symbol.0)).cloned().flatten();
            self.cause = closing.filter(|_| order.role == Role::Exit && !order.adopted);
            self.decided = trader.decision(order.symbol, order.trade).copied();
        }
        self.order = Some(*order);
    }

    /// What led to a position being closed, by what is seen of the event.
    fn because(&self, code: ExitReason, begun: bool, step: &Step<'_>) -> String {
        let naked = |note: &Note| matches!(note, Note::Alert(a) if a.rule == NAKED);
        let text = match code {
            _ if !begun => "the run before was closing it",
            ExitReason::Manual if self.stopping => "the end of the run, which closes positions",
            ExitReason::Manual => "the operator asked to flatten",
            ExitReason::Kill if step.pipeline.judge().notes().iter().any(naked) => {
                "a position had no working stop"
            }
            ExitReason::Kill => {
                let state = self.kill.as_deref().unwrap_or("as the run before left it");
                return format!("kill switch {state}");
            }
            ExitReason::Time => "it was held for as long as positions may be",
            ExitReason::Session => "the time to be flat",
            ExitReason::Reversal => "a signal for the other side that would be traded",
            // Stop and target close by themselves.
            ExitReason::Target | ExitReason::Stop => "",
        };
        text.to_owned()
    }

    /// What was seen; `None` where no such order was.
    pub(super) fn asked(self, instruments: &[Instrument]) -> Option<Traced> {
        let Trace { order, at: (seq, ts), before, cause, decided, .. } = self;
        let order = order?;
        let decided = decided.filter(|_| before);
        let symbol = instruments.get(usize::from(order.symbol.0));
        Some(Traced {
            id: order.id.to_string(),
            trade: order.trade,
            trade_id: (order.trade != OrderId::NONE).then(|| order.trade.to_string()),
            symbol: symbol.map(|i| i.symbol.clone()).unwrap_or_default(),
            role: order.role.name(),
            side: order.way.name(),
            contracts: order.qty,
            filled: order.filled,
            state: order.state.name(),
            refused: (order.state == OrderState::Rejected).then(|| order.refused.name()),
            second_try: order.again && !before,
            adopted: order.adopted,
            run_before: before,
            decided_before: decided.map(|of| (of.seq, of.ts.to_string())),
            seq,
            ts: ts.to_string(),
            cause,
        })
    }
}

impl Traced {
    /// For people; `decided`: the decision follows.
    pub(super) fn print(&self, decided: bool, out: &mut dyn Write) -> std::io::Result<()> {
        let Traced { id, symbol, role, side, contracts, filled, state, .. } = self;
        let refused = self.refused.map(|class| format!(" ({class})")).unwrap_or_default();
        writeln!(
            out,
            "{id}: {role} {side} {contracts} {symbol}, {filled} filled, {state}{refused}"
        )?;
        let since = format!("at {} (event {})", self.ts, self.seq);
        match (self.adopted, self.run_before) {
            (true, _) => writeln!(out, "  met at the venue {since}: nothing here decided it")?,
            (_, true) => writeln!(out, "  taken over from the run before {since}")?,
            _ => writeln!(out, "  made {since}")?,
        }
        if self.second_try {
            writeln!(out, "  a second try: the first one was refused")?;
        }
        if let Some(Cause { reason, because, seq, ts, .. }) = &self.cause {
            writeln!(out, "  closes: {reason}, {because}, since {ts} (event {seq})")?;
        }
        match (&self.trade_id, &self.decided_before) {
            _ if decided => writeln!(out, "  the decision of its trade:\n"),
            (Some(trade), Some((seq, ts))) => writeln!(
                out,
                "  the run before decided its trade {trade} at {ts} (event {seq}): its journal \
                 explains it"
            ),
            (Some(trade), None) => {
                writeln!(out, "  its trade {trade} was opened by no decision of this run")
            }
            (None, _) => writeln!(out, "  it belongs to no trade of ours"),
        }
    }
}

/// The alert of a position without a stop.
const NAKED: &str = "position_without_stop";

fn who(cause: Trip) -> String {
    match cause {
        Trip::Event(cause) => format!("{cause:?}"),
        Trip::Resume => "the operator's resume".to_owned(),
        Trip::Rule(rule) => format!("rule {rule}"),
    }
}
