//! What became of orders, as notes and for the limits.

use super::Trader;
use super::note::{Alert, Filled, Note, Ordered, Stamp};
use super::records::{mid2, regime};
use super::trades::{Exit, flat};
use crate::decision::Decision;
use crate::execution::{Change, Order, OrderState};
use crate::features::Frame;
use crate::order::{Fill, OrderId, OrderKind, RejectClass, Role, UpdateReason};
use crate::risk::{OpenPnl, OrderEvent, Rule};
use crate::units::{Px, SymbolId, Ts};

impl Trader {
    /// Takes what the orders said since the last call.
    pub(super) fn settle(&mut self, at: Stamp, frame: &Frame, decision: &Decision) {
        let mut next = 0;
        while let Some(&change) = self.changes.list().get(next) {
            next += 1;
            self.change(at, &change, frame, decision);
        }
        self.changes.clear();
    }

    fn change(&mut self, at: Stamp, change: &Change, frame: &Frame, decision: &Decision) {
        let of = |symbol| Stamp { symbol, ..at };
        match *change {
            Change::Filled { order, fill, index } => {
                let filled = self.filled(of(order.symbol), &order, &fill, index);
                self.book(&filled, frame, decision);
            }
            Change::Foreign { symbol, fill } => {
                let filled = self.foreign(of(symbol), &fill);
                self.book(&filled, frame, decision);
            }
            Change::Moved { order, from } => self.moved(of(order.symbol), &order, from),
            Change::Refused { order, what, class } => {
                self.refused(of(order.symbol), &order, what, class);
            }
            Change::Mismatch { symbol, ours, venue } => {
                self.risk.trip(Rule::Mismatch);
                self.alert(of(symbol), "position_mismatch", OrderId::NONE, f64::from(venue - ours));
            }
            Change::Adopted { symbol, from, to } => {
                self.risk.on_position(symbol, to);
                self.alert(of(symbol), "position_adopted", OrderId::NONE, f64::from(to - from));
            }
            Change::Naked { symbol, qty } => {
                self.alert(of(symbol), "position_without_stop", OrderId::NONE, f64::from(qty));
            }
            Change::Unpriced { order, qty } => {
                self.position(order.symbol);
                self.alert(of(order.symbol), "fill_without_price", order.id, f64::from(qty));
            }
            Change::Orphan(order) => {
                self.alert(of(order.symbol), "order_adopted", order.id, f64::from(order.qty));
            }
            Change::Lost(order) => {
                self.alert(of(order.symbol), "order_lost", order.id, f64::from(order.qty));
            }
            Change::Reconciled => self.risk.on_reconciled(),
            Change::Alert { symbol, id, what } => self.alert(of(symbol), what.name(), id, 0.0),
            // The round trip is told by its fills, with what they cost.
            Change::Closed(_) => {}
        }
    }

    pub(super) fn alert(&mut self, at: Stamp, rule: &'static str, id: OrderId, value: f64) {
        self.note(Note::Alert(Alert { at, rule, id, value }));
    }

    fn moved(&mut self, at: Stamp, order: &Order, from: OrderState) {
        let [_, sent, acked] = order.times;
        if from == OrderState::Sent && acked == at.ts && sent.is_some() {
            let latency_ns = acked.since(sent);
            self.risk.on_order(at.ts, OrderEvent::Acked { latency_ns });
        }
        if order.state == OrderState::Rejected {
            self.risk.on_order(at.ts, OrderEvent::Rejected(order.id));
        }
        self.note(Note::Order(Ordered {
            at,
            id: order.id,
            trade: order.trade,
            role: order.role,
            state: order.state.name(),
            qty: order.qty,
            filled: order.filled,
            refused: (order.state == OrderState::Rejected).then_some(order.refused),
        }));
    }

    /// A refusal: the limits hear of its class, somebody should look, and an entry that met a
    /// disturbance is to be tried again.
    fn refused(&mut self, at: Stamp, order: &Order, what: UpdateReason, class: RejectClass) {
        self.risk.on_order(at.ts, OrderEvent::Refused(class));
        self.alert(at, refusal(what, class), order.id, f64::from(order.qty));
        if let Some(symbol) = self.symbol(at.symbol)
            && symbol.entered.is_some_and(|(id, _)| id == order.id)
        {
            symbol.again = order.may_try_again();
        }
    }

    /// The note of an execution.
    fn filled(&self, at: Stamp, order: &Order, fill: &Fill, index: u32) -> Filled {
        let symbol = self.symbols.get(usize::from(at.symbol.0));
        let decided = symbol.and_then(|s| s.trades.decision(order.trade));
        let entry = decided.and_then(|d| d.entry);
        let decision_mid2 = decided.and_then(|d| d.mid2());
        // An order is measured against what it was meant to get: an entry and an exit against the
        // mid when they were decided, a stop and a target against their own price.
        let reference = match order.role {
            Role::Entry => decision_mid2,
            Role::Stop | Role::Target => order.px.map(|px| 2 * i64::from(px.ticks())),
            Role::Exit => symbol.and_then(|s| s.exit_mid2),
        };
        Filled {
            trade: order.trade,
            id: order.id,
            role: order.role,
            kind: order.kind,
            order_qty: order.qty,
            filled: order.priced,
            requested: order.px,
            index,
            touch: symbol.and_then(|s| s.touch),
            decision_half_ticks: decision_mid2,
            slippage_ticks: reference.map(|mid2| slippage(fill, mid2)),
            times: order.times,
            bracket: entry.map(|e| (e.stop, e.target)),
            plan: entry.map(|e| (e.rr_net, e.risk_usd)),
            ..self.execution(at, fill)
        }
    }

    /// The note of an execution of an order that is not known.
    fn foreign(&self, at: Stamp, fill: &Fill) -> Filled {
        let symbol = self.symbols.get(usize::from(at.symbol.0));
        Filled { touch: symbol.and_then(|s| s.touch), ..self.execution(at, fill) }
    }

    fn execution(&self, at: Stamp, fill: &Fill) -> Filled {
        let round_turn = self.risk.product(at.symbol).map_or(0.0, |p| p.round_turn);
        Filled {
            at,
            trade: OrderId::NONE,
            id: fill.id,
            execution: fill.execution,
            role: Role::Exit,
            kind: OrderKind::Market,
            way: fill.way,
            order_qty: fill.qty,
            qty: fill.qty,
            filled: fill.qty,
            requested: None,
            px: fill.px,
            index: 1,
            touch: None,
            decision_half_ticks: None,
            slippage_ticks: None,
            times: [Ts::NONE; 3],
            bracket: None,
            plan: None,
            fees_usd: round_turn / 2.0 * f64::from(fill.qty),
        }
    }

    /// Counts an execution: notes, position, profit.
    fn book(&mut self, filled: &Filled, frame: &Frame, decision: &Decision) {
        let at = filled.at;
        let mut exit = Exit { regime: None, volatility: decision.volatility_regime(at.symbol) };
        if at.symbol == frame.event.symbol {
            exit.regime = regime(decision, frame);
        }
        self.note(Note::Fill(*filled));
        let Some(symbol) = self.symbol(at.symbol) else { return };
        let before = symbol.trades.qty();
        let closed = symbol.trades.fill(filled, exit);
        let now = symbol.trades.qty();
        let mid = symbol.touch.map(mid2);
        let mark = symbol
            .last
            .map_or_else(|| 2 * i64::from(filled.px.ticks()), |px: Px| 2 * i64::from(px.ticks()));
        let ended = closed.as_ref().map(|closed| flat(closed, mark));
        let held = symbol.trades.held(at, mark, filled.bracket);
        if now == 0 {
            symbol.exit_mid2 = None;
        }
        if let Some(mid) = mid {
            self.later.fill(filled, mid);
        }
        self.position(at.symbol);
        self.revalue(at.symbol);
        if before == 0 && now != 0 {
            self.risk.on_opened(at.ts);
        }
        if let Some(closed) = closed {
            let rest = self.open();
            self.risk.on_closed(at.ts, closed.net_usd(), closed.r(), rest);
            if let Some(mid) = mid {
                self.later.trade(&closed, mid);
            }
            self.note(Note::Trade(closed));
        } else {
            let open = self.open();
            self.risk.on_open_pnl(at.ts, open);
        }
        // What goes through flat is both.
        for held in [ended, held].into_iter().flatten() {
            self.note(Note::Position(held));
        }
        if before != now {
            self.exposed(at);
        }
    }

    /// Tells the limits what the orders hold.
    pub(super) fn position(&mut self, symbol: SymbolId) {
        let qty = self.orders.position(symbol).map_or(0, |p| p.qty);
        self.risk.on_position(symbol, qty);
    }

    /// Values the position of a symbol at its last trade; whether there is one.
    pub(super) fn revalue(&mut self, id: SymbolId) -> bool {
        let Some(symbol) = self.symbol(id) else { return false };
        let Some(px) = symbol.last.filter(|_| symbol.trades.qty() != 0) else {
            symbol.open = OpenPnl::default();
            return false;
        };
        let usd = symbol.trades.open_usd(2 * i64::from(px.ticks()));
        let risk_usd = symbol.trades.risk_usd();
        // A position whose risk nobody knows counts by its money alone.
        let r = if risk_usd > 0.0 { usd / risk_usd } else { 0.0 };
        symbol.open = OpenPnl { usd, r };
        true
    }

    /// What everything that is open is worth.
    pub(super) fn open(&self) -> OpenPnl {
        let sum = |sum: OpenPnl, symbol: &super::Symbol| OpenPnl {
            usd: sum.usd + symbol.open.usd,
            r: sum.r + symbol.open.r,
        };
        self.symbols.iter().fold(OpenPnl::default(), sum)
    }
}

/// Name of a refusal, as it stands in records.
const fn refusal(what: UpdateReason, class: RejectClass) -> &'static str {
    let request = matches!(what, UpdateReason::CancelRejected | UpdateReason::ReplaceRejected);
    match (request, class) {
        (false, RejectClass::Unknown) => "order_refused_unknown",
        (false, RejectClass::Transient) => "order_refused_transient",
        (false, RejectClass::Parameter) => "order_refused_parameter",
        (false, RejectClass::Margin) => "order_refused_margin",
        (false, RejectClass::Permission) => "order_refused_permission",
        (true, RejectClass::Unknown) => "request_refused_unknown",
        (true, RejectClass::Transient) => "request_refused_transient",
        (true, RejectClass::Parameter) => "request_refused_parameter",
        (true, RejectClass::Margin) => "request_refused_margin",
        (true, RejectClass::Permission) => "request_refused_permission",
    }
}

/// Ticks that an execution was worse than half ticks `mid2`.
fn slippage(fill: &Fill, mid2: i64) -> f64 {
    f64::from(fill.way.sign()) * (i64::from(fill.px.ticks()) * 2 - mid2) as f64 / 2.0
}
