//! A signal: gates, size, order.

use std::num::NonZero;

use super::Trader;
use super::note::{Decided, Entry, Note};
use super::records::{market, stamp};
use crate::book::Book;
use crate::context::Context;
use crate::decision::entry::Proposal;
use crate::decision::{Decision, Edge};
use crate::execution::{Moment, Plan};
use crate::features::Frame;
use crate::features::frame::FEATURES;
use crate::order::{BuySell, Detail, ExitReason, Gate, OrderId, OrderKind, Role, Veto};
use crate::risk::{Exposure, Open, Sizing};
use crate::units::{Px, Reason, Slot, SymbolId};

/// What the gates came to.
struct Passed {
    proposal: Proposal,
    sizing: Sizing,
    id: OrderId,
    px: Option<Px>,
}

impl Trader {
    /// Judges an edge of the score and notes what came of it.
    pub(super) fn judge(
        &mut self,
        edge: &Edge,
        frame: &Frame,
        decision: &Decision,
        context: &Context,
        book: &Book,
    ) {
        let signal = &edge.signal;
        let Some(way) = BuySell::of(i32::from(signal.side)) else { return };
        let id = signal.symbol;
        let held = self.orders.position(id).map_or(0, |p| p.qty);
        let opposed = held.signum() == -way.sign();
        if opposed && self.entries.tradable(edge, decision, frame, context).is_ok() {
            // An opposite signal that would be traded closes, it does not turn.
            let now = Moment { seq: frame.event.seq, ts: frame.event.ts };
            self.exit(now, id, ExitReason::Reversal);
        }
        let again = self.first_try(edge);
        let mut cluster = None;
        let passed = self.gates(edge, way, frame, decision, context, book, &mut cluster);
        let Some(symbol) = self.symbols.get(usize::from(id.0)) else { return };
        let veto = passed.as_ref().err().copied();
        let zero = veto.filter(|veto| veto.gate == Gate::SizeZero);
        let micro = zero.and_then(|_| NonZero::new(self.risk.last_sizing()?.micro_hint?));
        let market = market(frame, book, decision, symbol);
        let entry = passed.as_ref().ok().map(|passed| Entry {
            id: passed.id,
            qty: passed.sizing.qty,
            kind: self.kind,
            px: passed.px,
            stop: passed.proposal.intent.stop,
            target: passed.proposal.intent.target,
            rr_net: passed.proposal.rr_net,
            risk_usd: passed.sizing.at_risk_usd(),
            equity_usd: passed.sizing.equity,
        });
        let mut features = [Slot::none(Reason::NoInput); FEATURES];
        for (number, slot) in (1..).zip(&mut features) {
            *slot = decision.slot(number, frame);
        }
        let decided = Decided {
            at: stamp(frame),
            way,
            d: signal.confluence.d,
            d_core: decision.core_confluence(frame).d,
            score: signal.confluence.score,
            coverage: signal.confluence.coverage,
            tier: signal.tier,
            features,
            market,
            context_version: signal.context_version,
            vix: context.volatility.and_then(|v| v.vix).map(|vix| vix.value),
            nearest: decision.nearest(id),
            cluster,
            micro,
            again,
            veto,
            entry,
        };
        if let Some(entry) = entry
            && let Some(symbol) = self.symbol(id)
        {
            symbol.trades.decided(entry, decided.frozen());
            (symbol.entered, symbol.again) = (Some((entry.id, *signal)), false);
        }
        self.note(Note::Decision(decided));
    }

    /// An entry that was refused for a disturbance is judged a second time, at the market of now,
    /// as soon as its bracket has ended. Every gate is asked again; what it comes to is final.
    pub(super) fn judge_again(
        &mut self,
        frame: &Frame,
        decision: &Decision,
        context: &Context,
        book: &Book,
    ) {
        let id = frame.event.symbol;
        let Some(symbol) = self.symbols.get_mut(usize::from(id.0)) else { return };
        let Some((refused, signal)) = symbol.entered.filter(|_| symbol.again) else { return };
        // Half a batch of the book is no market to decide on.
        let busy = self.orders.open_orders().any(|o| o.symbol == id && o.id.is_ours());
        if busy || !book.is_readable() {
            return;
        }
        symbol.again = false;
        match decision.again(&signal, frame, context) {
            Some(edge) => self.judge(&edge, frame, decision, context, book),
            None => self.alert(stamp(frame), "entry_not_wanted_again", refused, 0.0),
        }
    }

    /// The entry that an edge is the second try of.
    fn first_try(&self, edge: &Edge) -> Option<OrderId> {
        let symbol = self.symbols.get(usize::from(edge.signal.symbol.0)).filter(|_| edge.again)?;
        symbol.entered.map(|(id, _)| id)
    }

    /// The gates in their order, up to the order itself.
    #[expect(clippy::too_many_arguments, reason = "everything that a gate may look at")]
    fn gates(
        &mut self,
        edge: &Edge,
        way: BuySell,
        frame: &Frame,
        decision: &Decision,
        context: &Context,
        book: &Book,
        cluster: &mut Option<f64>,
    ) -> Result<Passed, Veto> {
        let id = edge.signal.symbol;
        if self.stopping {
            return Err(Veto::new(Gate::Halt, Detail::KillSwitch));
        }
        self.risk.gate_halt(id)?;
        self.entries.before(frame, book)?;
        self.orders.reconciled(id)?;
        let proposal = match self.entries.propose(edge, decision, frame, context, book) {
            Ok(proposal) => proposal,
            Err(refused) => {
                *cluster = refused.cluster;
                return Err(refused.veto);
            }
        };
        *cluster = Some(proposal.cluster);
        self.entries.took(&proposal.intent);
        self.expose();
        let exposure = Exposure { symbols: &self.exposure };
        let sizing = self.risk.judge(&proposal.intent, &exposure)?;
        let intent = &proposal.intent;
        let px = match self.kind {
            OrderKind::Market => None,
            _ => {
                let beyond = way.sign().saturating_mul(self.collar_ticks);
                let ticks = i64::from(intent.far_touch().ticks()) + i64::from(beyond);
                Some(Px::clamped(ticks))
            }
        };
        let plan = Plan {
            seq: intent.seq,
            ts: intent.ts,
            symbol: id,
            way,
            kind: self.kind,
            qty: sizing.qty,
            px: px.unwrap_or(Px::ZERO),
            stop: intent.stop,
            target: intent.target,
            again: self.first_try(edge).unwrap_or(OrderId::NONE),
        };
        let id = self.orders.enter(&plan, &mut self.outbox)?;
        Ok(Passed { proposal, sizing, id, px })
    }

    /// What is open in each symbol now.
    pub(super) fn expose(&mut self) {
        let Trader { exposure, orders, symbols, .. } = self;
        for (number, (open, symbol)) in (0_u16..).zip(exposure.iter_mut().zip(symbols)) {
            let id = SymbolId(number);
            let (qty, working) = (orders.position(id).map_or(0, |p| p.qty), orders.entering(id));
            let working = i32::try_from(working).unwrap_or(i32::MAX);
            let pending = orders.open_orders().find(|o| o.symbol == id && o.role == Role::Entry);
            let planned = pending.and_then(|o| symbol.trades.plan(o.trade)).filter(|e| e.qty > 0);
            let contracts = f64::from(working.unsigned_abs());
            let coming = planned.map(|e| e.risk_usd / f64::from(e.qty) * contracts);
            let held = symbol.trades.risk_usd().filter(|_| qty != 0);
            // What nobody planned may lose anything: nothing is added to it.
            let of = |contracts: i32, risk: Option<f64>| match contracts {
                0 => 0.0,
                _ => risk.unwrap_or(f64::INFINITY),
            };
            *open = Open { qty, working, risk_usd: of(qty, held) + of(working, coming) };
        }
    }
}
