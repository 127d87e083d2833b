//! What became of orders, as notes and for the limits.

use super::Trader;
use super::note::{Alert, Closed, Filled, Held, Note, Ordered, Stamp};
use super::records::{mid2, regime};
use super::trades::{Exit, Part};
use crate::decision::Decision;
use crate::execution::{Change, Order, OrderState};
use crate::features::Frame;
use crate::order::{
    BuySell, ExitReason, Fill, OrderId, OrderKind, RejectClass, Role, UpdateReason,
};
use crate::risk::{OpenPnl, OrderEvent, Rule};
use crate::units::{Px, Qty, SymbolId, Ts};

impl Trader {
    /// Takes what the orders said since the last call.
    pub(super) fn settle(&mut self, at: Stamp, frame: &Frame, decision: &Decision) {
        if self.changes.list().is_empty() {
            return;
        }
        let mut next = 0;
        while let Some(&change) = self.changes.list().get(next) {
            next += 1;
            self.change(at, &change, frame, decision);
        }
        self.changes.clear();
        for symbol in (0_u16..).map(SymbolId).take(self.symbols.len()) {
            let off = self.agree(symbol, at.market_time.or(at.ts));
            if off != 0 {
                self.position(symbol);
                self.revalue(symbol);
                self.alert(Stamp { symbol, ..at }, "round_trip_lost", OrderId::NONE, off as f64);
            }
        }
    }

    fn change(&mut self, at: Stamp, change: &Change, frame: &Frame, decision: &Decision) {
        let of = |symbol| Stamp { symbol, ..at };
        let manual = ExitReason::Manual;
        match *change {
            Change::Filled { order, fill, new, index } => {
                let opens = order.opens(fill.way, at.ts);
                let filled = self.filled(of(order.symbol), &order, &fill, index);
                let trade = self.trade(order.symbol, order.trade, (new > 0).then_some(opens));
                let exit = self.exit_of(order.symbol, self.reason(&order), frame, decision);
                self.book(&Filled { trade, ..filled }, new, opens, exit);
            }
            Change::Foreign { symbol, fill } => {
                let opens = OrderId::trip(at.ts, symbol);
                let filled = self.foreign(of(symbol), &fill);
                let trade = self.trade(symbol, OrderId::NONE, Some(opens));
                let exit = self.exit_of(symbol, manual, frame, decision);
                self.book(&Filled { trade, ..filled }, fill.qty, opens, exit);
            }
            Change::Moved { order, from } => self.moved(of(order.symbol), &order, from),
            Change::Refused { order, what, class } => {
                self.refused(of(order.symbol), &order, what, class);
            }
            Change::Mismatch { symbol, ours, venue } => {
                self.risk.trip(Rule::Mismatch);
                self.alert(of(symbol), "position_mismatch", OrderId::NONE, off(ours, venue));
            }
            Change::Adopted { symbol, from, to } => {
                self.alert(of(symbol), "position_adopted", OrderId::NONE, off(from, to));
                // What it was paid nobody says, so what it makes is not known.
                self.risk.trip(Rule::Unmeasured);
                if let Some(way) = BuySell::of(to.saturating_sub(from)) {
                    let opens = OrderId::trip(at.ts, symbol);
                    let part = self.part(of(symbol), opens, way, to.abs_diff(from));
                    let exit = self.exit_of(symbol, manual, frame, decision);
                    self.unpriced(&part, exit);
                    self.over(of(symbol), exit);
                }
            }
            Change::Naked { symbol, qty } => {
                self.alert(of(symbol), "position_without_stop", OrderId::NONE, f64::from(qty));
            }
            Change::Unpriced { order, qty } => {
                self.alert(of(order.symbol), "fill_without_price", order.id, f64::from(qty));
                let opens = order.opens(order.way, at.ts);
                let part = self.part(of(order.symbol), opens, order.way, qty);
                let exit = self.exit_of(order.symbol, self.reason(&order), frame, decision);
                self.unpriced(&part, exit);
            }
            Change::Orphan(order) => {
                self.alert(of(order.symbol), "order_adopted", order.id, f64::from(order.qty));
            }
            Change::Lost(order) => {
                self.alert(of(order.symbol), "order_lost", order.id, f64::from(order.qty));
            }
            Change::Reconciled => self.reconciled(at.ts),
            Change::Alert { symbol, id, what } => self.alert(of(symbol), what.name(), id, 0.0),
            // What its fills have not ended waits for a price that will not come.
            Change::Closed(position) => {
                let symbol = position.symbol;
                self.over(of(symbol), self.exit_of(symbol, manual, frame, decision));
            }
        }
    }

    /// The venue has said what it has: now its balance and the positions are of the same moment.
    fn reconciled(&mut self, ts: Ts) {
        self.risk.on_reconciled();
        if let Some(usd) = self.balance.take() {
            self.risk.on_balance(ts, usd);
            for symbol in &mut self.symbols {
                symbol.reported = symbol.trades.qty() != 0;
            }
        }
    }

    pub(super) fn alert(&mut self, at: Stamp, rule: &'static str, id: OrderId, value: f64) {
        self.note(Note::Alert(Alert { at, rule, id, value }));
    }

    fn moved(&mut self, at: Stamp, order: &Order, from: OrderState) {
        let [_, sent, acked] = order.times;
        // The simulated exchange answers with the next event: in a quiet market that measures how
        // quiet it is, and nothing of a venue.
        let venue = self.exchange.is_none();
        if venue && from == OrderState::Sent && acked == at.ts && sent.is_some() {
            let latency_ns = acked.since(sent);
            self.risk.on_order(at.ts, OrderEvent::Acked { latency_ns });
        }
        if order.state == OrderState::Rejected {
            // An entry counts once with its bracket: what is refused of it leaves a position bare.
            // A bracket that is tried again counts by itself.
            let first = [order.trade.plus(1), order.trade.plus(2)].contains(&order.id);
            let id = if first { order.trade } else { order.id };
            self.risk.on_order(at.ts, OrderEvent::Rejected(id));
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
        let entry = symbol.and_then(|s| s.trades.plan(order.trade));
        let decision_mid2 = decided.and_then(|d| d.mid2);
        // An order is measured against what it was meant to get: an entry and an exit against the
        // mid when they were decided, a stop and a target against their own price.
        let reference = match order.role {
            Role::Entry => decision_mid2,
            Role::Stop | Role::Target => order.px.map(|px| 2 * i64::from(px.ticks())),
            Role::Exit => symbol.and_then(|s| s.exit_mid2),
        };
        Filled {
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

    /// See [`Trades::trade`](super::trades::Trades::trade).
    fn trade(&self, symbol: SymbolId, own: OrderId, opens: Option<OrderId>) -> OrderId {
        let symbol = self.symbols.get(usize::from(symbol.0));
        symbol.map_or(own, |s| s.trades.trade(own, opens))
    }

    fn execution(&self, at: Stamp, fill: &Fill) -> Filled {
        let round_turn = self.risk.product(at.symbol).map(|p| p.round_turn);
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
            fees_usd: round_turn.map(|usd| usd / 2.0 * f64::from(fill.qty)),
        }
    }

    /// Counts an execution of which `new` contracts were not counted before, and of them those that
    /// open a position for trade `opens`: notes, position, profit.
    fn book(&mut self, filled: &Filled, new: Qty, opens: OrderId, exit: Exit) {
        let at = filled.at;
        self.note(Note::Fill(*filled));
        let Some(symbol) = self.symbol(at.symbol) else { return };
        let before = symbol.trades.qty();
        let part = |qty| Part::of(filled, qty, opens);
        let known = symbol.trades.price(&part(filled.qty.saturating_sub(new)), exit);
        let closed = symbol.trades.count(&part(new.min(filled.qty)), exit);
        let mid = symbol.touch.map(mid2);
        if let Some(mid) = mid {
            self.later.fill(filled, mid);
        }
        self.counted(at, before);
        self.ended(at, [known, closed]);
        self.told(at, before, filled.bracket);
    }

    /// Counts contracts whose price nobody has said.
    fn unpriced(&mut self, part: &Part, exit: Exit) {
        let at = part.at;
        let Some(symbol) = self.symbol(at.symbol) else { return };
        let before = symbol.trades.qty();
        let closed = symbol.trades.count(part, exit);
        self.counted(at, before);
        self.ended(at, [closed, None]);
        self.told(at, before, None);
    }

    /// The position of a symbol has changed from `before` contracts.
    fn counted(&mut self, at: Stamp, before: i64) {
        let Some(symbol) = self.symbol(at.symbol) else { return };
        let now = symbol.trades.qty();
        if now == 0 {
            (symbol.exit_mid2, symbol.reported) = (None, false);
        }
        self.position(at.symbol);
        self.revalue(at.symbol);
        if now != 0 && before.signum() != now.signum() {
            self.risk.on_opened(at.ts);
        }
        if now != 0 && self.risk.product(at.symbol).is_none() {
            // What it wins or loses cannot be counted.
            self.risk.trip(Rule::Unmeasured);
        }
    }

    /// What is over is counted, and what is still open.
    fn ended(&mut self, at: Stamp, closed: [Option<Closed>; 2]) {
        if closed.iter().all(Option::is_none) {
            let open = self.open();
            self.risk.on_open_pnl(at.ts, open);
        }
        closed.into_iter().flatten().for_each(|closed| self.closed(&closed));
    }

    /// A round trip is over.
    fn closed(&mut self, closed: &Closed) {
        let (at, rest) = (closed.at, self.open());
        if let Some(usd) = closed.net_usd() {
            self.risk.on_closed(at.ts, usd, closed.r(), rest);
        } else {
            // No limit can count it: somebody has to look before anything is added.
            self.risk.trip(Rule::Unmeasured);
            self.risk.on_open_pnl(at.ts, rest);
            self.alert(at, "profit_unknown", closed.trade, f64::from(closed.qty));
        }
        let mid = self.symbol(at.symbol).and_then(|symbol| symbol.touch).map(mid2);
        if let Some(mid) = mid {
            self.later.trade(closed, mid);
        }
        let mark = self.symbol(at.symbol).and_then(|symbol| symbol.last);
        self.note(Note::Position(Held {
            at,
            trade: closed.trade,
            qty: 0,
            average: closed.entry,
            mark: mark.map(|px| f64::from(px.ticks())),
            open_ticks: Some(0.0),
            open_usd: Some(0.0),
            excursion: closed.excursion,
            since: closed.entry_time,
            bracket: None,
        }));
        self.note(Note::Trade(*closed));
    }

    /// Ends a round trip that is flat, whatever is not known of it.
    fn over(&mut self, at: Stamp, exit: Exit) {
        let closed = self.symbol(at.symbol).and_then(|symbol| symbol.trades.end(at, exit, true));
        closed.iter().for_each(|closed| self.closed(closed));
    }

    /// Notes the position of a symbol as it is now.
    fn told(&mut self, at: Stamp, before: i64, bracket: Option<(Px, Px)>) {
        let Some(symbol) = self.symbol(at.symbol) else { return };
        let mark = symbol.last.map(|px| 2 * i64::from(px.ticks()));
        let now = symbol.trades.qty();
        if let Some(held) = symbol.trades.held(at, mark, bracket) {
            self.note(Note::Position(held));
        }
        if before != now {
            self.exposed(at);
        }
    }

    /// What an exit is closed in: the market now, and why.
    fn exit_of(
        &self,
        symbol: SymbolId,
        reason: ExitReason,
        frame: &Frame,
        decision: &Decision,
    ) -> Exit {
        let regime = regime(decision, frame).filter(|_| symbol == frame.event.symbol);
        Exit { regime, volatility: decision.volatility_regime(symbol), reason }
    }

    /// Why an order of ours closes.
    fn reason(&self, order: &Order) -> ExitReason {
        match order.role {
            Role::Stop => ExitReason::Stop,
            Role::Target => ExitReason::Target,
            Role::Entry | Role::Exit => {
                order.why.or(self.orders.closing(order.symbol)).unwrap_or(ExitReason::Manual)
            }
        }
    }

    /// Contracts without a price.
    fn part(&self, at: Stamp, opens: OrderId, way: BuySell, qty: Qty) -> Part {
        let fee_usd = self.risk.product(at.symbol).map(|p| p.round_turn / 2.0);
        Part { at, opens, way, qty, px: None, slippage: None, fee_usd }
    }

    /// Makes the round trip of a symbol what the orders hold, and says by how many contracts they
    /// differed: never, unless something was lost on the way.
    pub(super) fn agree(&mut self, id: SymbolId, at: Ts) -> i64 {
        let at_place = usize::from(id.0);
        let (Some(position), Some(symbol)) =
            (self.orders.position(id), self.symbols.get_mut(at_place))
        else {
            return 0;
        };
        let off = i64::from(position.qty) - symbol.trades.qty();
        if off != 0 {
            symbol.trades.follow(position, at.or(position.since));
            self.risk.trip(Rule::Unmeasured);
        }
        off
    }

    /// Tells the limits what the orders hold.
    pub(super) fn position(&mut self, symbol: SymbolId) {
        let qty = self.orders.position(symbol).map_or(0, |p| p.qty);
        self.risk.on_position(symbol, qty);
    }

    /// Values the position of a symbol at its last trade; whether there is one.
    pub(super) fn revalue(&mut self, id: SymbolId) -> bool {
        let Some(symbol) = self.symbol(id) else { return false };
        if symbol.trades.qty() == 0 {
            symbol.open = OpenPnl::default();
            return false;
        }
        // Before the first trade of a run it is worth what it was worth at the end of the last.
        let Some(px) = symbol.last else { return false };
        let usd = symbol.trades.open_usd(2 * i64::from(px.ticks()));
        // A position whose risk nobody knows counts by its money alone; of one that nobody can
        // value entries are halted.
        let r = usd.zip(symbol.trades.risk_usd()).map_or(0.0, |(usd, risk)| usd / risk);
        symbol.open = OpenPnl { usd: usd.unwrap_or(0.0), r };
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

/// Contracts from one position to another; both may be anything that a venue can say.
fn off(from: i32, to: i32) -> f64 {
    f64::from(to) - f64::from(from)
}

/// Ticks that an execution was worse than half ticks `mid2`.
fn slippage(fill: &Fill, mid2: i64) -> f64 {
    f64::from(fill.way.sign()) * (i64::from(fill.px.ticks()) * 2 - mid2) as f64 / 2.0
}
