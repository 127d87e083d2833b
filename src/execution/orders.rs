//! [`Orders`]: every order and position of a run.
//!
//! Events of the venue go in, commands and [`Change`]s come out. Rules that cost money when broken:
//!
//! - The position is the sum of what is filled, and the venue's cumulative number counts: an
//!   execution that is told twice, late or not at all changes it once.
//! - An id is handed on once. What the venue does not answer is asked for, never sent again; what
//!   it refuses is tried again only where its text names a disturbance, once, with new ids.
//! - A bracket is cancelled, and its end awaited, before an exit order leaves: both cannot fill. A
//!   kill, an operator's flatten and a wait without end do not wait: there a position that stays
//!   open costs more than one that is turned round for a moment and closed again.
//! - Where lists of the venue and this state differ, the venue wins.

use std::collections::VecDeque;

use super::change::{Changes, Moment, Outbox, Plan};
use super::position::Position;
use super::recovery::Rounds;
use super::state::{Draft, Order, OrderState};
use crate::event::{Body, Event, flag};
use crate::order::{
    Action, BuySell, Command, Detail, ExecutionId, ExitReason, Fill, Gate, OrderId, OrderKind,
    Role, Veto,
};
use crate::units::{Qty, SECOND, SymbolId, Ts};

/// Most orders that may be alive at once.
pub const LIVE_MAX: usize = 64;
/// Places that an entry leaves free for exits and for orders met at the venue.
const LIVE_SPARE: usize = 24;
/// Ended orders that are remembered, for late fills.
pub(super) const ENDED_MAX: usize = 256;
/// Executions that are remembered, against repetition.
pub(super) const EXECUTIONS_MAX: usize = 1024;
/// Fills of one list that may be new: of more than these the newest count.
pub(super) const LISTED_MAX: usize = 1024;
/// Ids of an entry with its bracket.
const ENTRY_IDS: u32 = 3;

/// Times and reserves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    /// Without an answer for so long an order is unknown, ns.
    pub ack_ns: i64,
    /// An entry that is not filled is cancelled after so long, ns.
    pub entry_ns: i64,
    /// A position without a working stop for so long is closed, ns.
    pub naked_ns: i64,
    /// An entry of the same symbol and side within so long is a duplicate, ns.
    pub duplicate_ns: i64,
    /// So long the venue has to put a bracket right by itself, ns.
    pub tidy_ns: i64,
    /// So long a position may differ from the venue's while messages are on their way, ns.
    pub differ_ns: i64,
    /// So long a list may take, ns.
    pub round_ns: i64,
    /// Everything is listed again so long after it was listed last, ns: what nobody said shows.
    pub audit_ns: i64,
    /// Time between two attempts to flatten, ns; doubled after each, three times at most.
    pub again_ns: i64,
    /// Ids that entries leave for exits.
    pub spare_ids: u32,
    /// The venue is part of this program: there is no connection to be lost, nothing to reconcile.
    pub inside: bool,
}

impl Default for Params {
    fn default() -> Params {
        Params {
            ack_ns: 2 * SECOND,
            entry_ns: 30 * SECOND,
            naked_ns: 2 * SECOND,
            duplicate_ns: 5 * SECOND,
            tidy_ns: SECOND,
            differ_ns: 2 * SECOND,
            round_ns: 10 * SECOND,
            audit_ns: 60 * SECOND,
            again_ns: 2 * SECOND,
            spare_ids: 100,
            inside: false,
        }
    }
}

/// A position that is being closed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Closing {
    pub(super) reason: ExitReason,
    pub(super) since: Ts,
    /// By a flatten instead of cancels and an exit order.
    pub(super) hard: bool,
    /// No exit before this time, and how often it was tried.
    pub(super) again: Ts,
    pub(super) attempts: u32,
}

/// A symbol.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) position: Position,
    /// At the venue, `None` before it said.
    pub(super) venue: Option<i32>,
    /// List round in which it said so.
    pub(super) venue_round: u64,
    /// Since when both differ.
    pub(super) differs: Ts,
    /// List round in which a fill was counted last.
    pub(super) counted_round: u64,
    /// The venue's number is taken over if they still differ in a while: not reconciled.
    pub(super) settling: bool,
    /// The difference stems from a connect, where it is no alarm, or has been reported.
    pub(super) excused: bool,
    pub(super) closing: Option<Closing>,
    /// The stop of a bracket that is to be sent a second time, and since when.
    pub(super) again: Option<(OrderId, Ts)>,
    /// Since when the position has no working stop.
    pub(super) naked: Ts,
    /// Since when the bracket does not fit the position.
    pub(super) untidy: Ts,
    /// Last round that had begun by then.
    pub(super) untidy_round: u64,
    /// Last entry of each direction.
    pub(super) entered: [Ts; 2],
}

/// Everything of a step.
pub(super) struct Turn<'a> {
    pub(super) at: Moment,
    pub(super) out: &'a mut Outbox,
    pub(super) changes: &'a mut Changes,
}

/// Every order and position of a run.
#[derive(Clone, Debug)]
pub struct Orders {
    pub(super) params: Params,
    pub(super) next: OrderId,
    /// Ids below its counter may be used.
    pub(super) reserved: OrderId,
    pub(super) live: Vec<Order>,
    pub(super) ended: Vec<Order>,
    pub(super) ended_at: usize,
    pub(super) executions: Vec<ExecutionId>,
    pub(super) execution_at: usize,
    /// Fills of the list that is being read whose executions are not known by their ids.
    pub(super) listed: VecDeque<Fill>,
    pub(super) symbols: Vec<Held>,
    pub(super) rounds: Rounds,
    /// Nothing may be open or working: what turns up is closed.
    pub(super) halted: bool,
    /// A fill whose id does not tell it from others, until the update behind it says how much is
    /// filled.
    pub(super) candidate: Option<(SymbolId, Fill)>,
    /// The next time that anything can be due.
    pub(super) due: Ts,
}

impl Orders {
    /// No orders, flat in `symbols` symbols. Ids run from `next` to below `reserved`.
    #[must_use]
    pub fn new(params: Params, symbols: usize, next: OrderId, reserved: OrderId) -> Orders {
        let held = |symbol: usize| Held {
            position: Position::flat(SymbolId(u16::try_from(symbol).unwrap_or(u16::MAX))),
            venue: None,
            venue_round: 0,
            counted_round: 0,
            differs: Ts::NONE,
            settling: false,
            excused: false,
            closing: None,
            again: None,
            naked: Ts::NONE,
            untidy: Ts::NONE,
            untidy_round: 0,
            entered: [Ts::NONE; 2],
        };
        Orders {
            params,
            next,
            reserved,
            live: Vec::with_capacity(LIVE_MAX),
            ended: Vec::with_capacity(ENDED_MAX),
            ended_at: 0,
            executions: Vec::with_capacity(EXECUTIONS_MAX),
            execution_at: 0,
            listed: VecDeque::with_capacity(LISTED_MAX),
            symbols: (0..symbols).map(held).collect(),
            rounds: Rounds::new(params.inside),
            halted: false,
            candidate: None,
            due: Ts::NONE,
        }
    }

    /// Gate 5: orders and positions of the symbol agree with the venue since the last connect, and
    /// no order of it is in an unknown state.
    ///
    /// # Errors
    /// What is missing.
    pub fn reconciled(&self, symbol: SymbolId) -> Result<(), Veto> {
        let settled = self.held(symbol).is_some_and(|held| !held.settling);
        if !self.rounds.recovered() || !settled {
            return Err(Veto::new(Gate::Reconcile, Detail::Venue));
        }
        if self.live_of(symbol).any(|o| o.state == OrderState::Unknown) {
            return Err(Veto::new(Gate::Reconcile, Detail::UnknownOrder));
        }
        Ok(())
    }

    /// Orders an entry with its bracket: the entry gets the id that is returned, the stop the next
    /// and the target the one after it.
    ///
    /// # Errors
    /// Why nothing was ordered: the symbol is not reconciled, is not flat and free of orders, had
    /// the same intent seconds ago, or there is no id or place left; of a second try, that the
    /// first one was not refused for a disturbance, is too old, or was tried again already.
    pub fn enter(&mut self, plan: &Plan, out: &mut Outbox) -> Result<OrderId, Veto> {
        let limit = |detail| Err(Veto::new(Gate::Limit, detail));
        if self.halted {
            return Err(Veto::new(Gate::Halt, Detail::KillSwitch));
        }
        self.reconciled(plan.symbol)?;
        let (duplicate_ns, side) = (self.params.duplicate_ns, usize::from(plan.way as u8) - 1);
        let Some(held) = self.held(plan.symbol) else { return limit(Detail::SymbolDisabled) };
        let last = held.entered.get(side).copied().unwrap_or(Ts::NONE);
        let same = match plan.again {
            OrderId::NONE => last.is_some() && plan.ts.since(last) < duplicate_ns,
            refused => !self.may_enter_again(refused, plan),
        };
        if same {
            return limit(Detail::Duplicate);
        }
        let busy = held.position.is_open() || held.position.qty != 0 || held.closing.is_some();
        if busy || self.live_of(plan.symbol).next().is_some() {
            return limit(Detail::PositionOpen);
        }
        let right_side =
            plan.stop != plan.target && BuySell::of(plan.target.minus(plan.stop)) == Some(plan.way);
        if plan.qty == 0 || plan.qty > QTY_ORDER_MAX || !right_side {
            return Err(Veto::new(Gate::Pretrade, Detail::StopSide));
        }
        if self.live.len() + 3 + LIVE_SPARE > LIVE_MAX || out.room() < 2 {
            return limit(Detail::Positions);
        }
        let Some(id) = self.take_ids(ENTRY_IDS, self.params.spare_ids) else {
            return limit(Detail::NoIds);
        };
        if let Some(refused) = self.order_mut(plan.again) {
            refused.again = true;
        }
        self.draft_trio(plan, id);
        let command = |action| Command { seq: plan.seq, ts: plan.ts, symbol: plan.symbol, action };
        let Plan { way, kind, qty, px, stop, target, .. } = *plan;
        // There is room for both: it was asked for above.
        let entry = Action::New { id, way, kind, qty, px, parent: true };
        let bracket =
            Action::Bracket { parent: id, child: 1, way: way.opposite(), qty, stop, target };
        let _ = out.push(command(entry));
        let _ = out.push(command(bracket));
        if let Some(last) = self.held_mut(plan.symbol).and_then(|h| h.entered.get_mut(side)) {
            *last = plan.ts;
        }
        self.due = Ts::NONE;
        Ok(id)
    }

    fn draft_trio(&mut self, plan: &Plan, id: OrderId) {
        let priced = !matches!(plan.kind, OrderKind::Market);
        let rows = [
            (Role::Entry, plan.way, plan.kind, priced.then_some(plan.px)),
            (Role::Stop, plan.way.opposite(), OrderKind::Stop, Some(plan.stop)),
            (Role::Target, plan.way.opposite(), OrderKind::Limit, Some(plan.target)),
        ];
        for (at, (role, way, kind, px)) in (0..).zip(rows) {
            let (symbol, qty) = (plan.symbol, plan.qty);
            let (id, trade) = (id.plus(at), id);
            let draft = Draft { id, symbol, role, trade, way, kind, qty, px, why: None };
            let again = plan.again != OrderId::NONE;
            self.live.push(Order { again, ..Order::new(draft, plan.ts) });
        }
    }

    /// Whether a refused entry is wanted and allowed a second time.
    fn may_enter_again(&self, refused: OrderId, plan: &Plan) -> bool {
        self.order(refused).is_some_and(|o| {
            let [decided, ..] = o.times;
            let young = decided.is_some() && plan.ts.since(decided) < self.params.entry_ns;
            let same = o.role == Role::Entry && (o.symbol, o.way) == (plan.symbol, plan.way);
            same && young && o.state == OrderState::Rejected && o.may_try_again()
        })
    }

    /// Closes the position of a symbol and cancels its orders, however long that takes: until it is
    /// flat and no order of it lives. KILL and MANUAL flatten at the venue, other reasons await the
    /// end of the bracket and then send an exit order.
    pub fn exit(
        &mut self,
        at: Moment,
        symbol: SymbolId,
        reason: ExitReason,
        out: &mut Outbox,
        changes: &mut Changes,
    ) {
        let mut turn = Turn { at, out, changes };
        self.close(symbol, reason, &mut turn);
    }

    pub(super) fn close(&mut self, symbol: SymbolId, reason: ExitReason, turn: &mut Turn<'_>) {
        let hard = matches!(reason, ExitReason::Kill | ExitReason::Manual);
        let mine = self.live_of(symbol).any(Order::is_ours);
        let recovered = self.rounds.recovered();
        let Some(held) = self.held_mut(symbol) else { return };
        let exposed = held.exposed(recovered);
        match &mut held.closing {
            Some(closing) if hard && !closing.hard => {
                (closing.reason, closing.hard) = (reason, true)
            }
            Some(_) => {}
            closing @ None if mine || exposed => {
                let (since, again) = (turn.at.ts, Ts::NONE);
                *closing = Some(Closing { reason, since, hard, again, attempts: 0 });
            }
            None => {}
        }
        self.drive(symbol, turn);
        self.due = Ts::NONE;
    }

    /// Cancels every entry that is not done; brackets live on.
    pub fn cancel_entries(&mut self, at: Moment, out: &mut Outbox, changes: &mut Changes) {
        let mut turn = Turn { at, out, changes };
        let of = |o: &Order| o.role == Role::Entry && o.is_ours();
        self.each_live(of, |orders, id| {
            // Whatever becomes of this request, the wish stays.
            orders.order_mut(id).into_iter().for_each(|o| o.unwanted = true);
            orders.cancel(id, &mut turn);
        });
        for symbol in self.ids() {
            self.drive(symbol, &mut turn);
        }
        self.due = Ts::NONE;
    }

    /// [`Orders::exit`] for every symbol.
    pub fn flatten_all(
        &mut self,
        at: Moment,
        reason: ExitReason,
        out: &mut Outbox,
        changes: &mut Changes,
    ) {
        for symbol in self.ids() {
            self.exit(at, symbol, reason, out, changes);
        }
    }

    /// The kill switch from HALT_TRADING on: everything is closed, and whatever turns up later too,
    /// until [`Orders::lift`].
    pub fn halt(&mut self, at: Moment, out: &mut Outbox, changes: &mut Changes) {
        self.halted = true;
        self.flatten_all(at, ExitReason::Kill, out, changes);
    }

    /// Entries may be ordered again after [`Orders::halt`].
    pub fn lift(&mut self) {
        self.halted = false;
    }

    /// Takes an event; those that are not about orders change nothing.
    pub fn on_event(&mut self, event: &Event, out: &mut Outbox, changes: &mut Changes) {
        let mut turn = Turn { at: Moment { seq: event.seq, ts: event.ts }, out, changes };
        let turn = &mut turn;
        match event.body {
            Body::Fill(fill) if event.has(flag::LISTED) => self.on_listed_fill(fill, turn),
            Body::Fill(fill) => self.on_fill(event.symbol, fill, turn),
            Body::Order(update) => self.on_order(event.symbol, &update, turn),
            Body::Sent(id) => self.on_sent(id, turn),
            Body::Position(qty) => self.on_position(event.symbol, qty, turn),
            Body::Listed(listing) => self.on_listed(listing, turn),
            Body::Link(up) => self.on_link(up, turn),
            Body::Reserved(id) => self.on_reserved(id),
            _ => return,
        }
        match event.body {
            Body::Listed(_) | Body::Link(_) => {
                for symbol in self.ids() {
                    self.drive(symbol, turn);
                }
            }
            _ => self.drive(event.symbol, turn),
        }
        self.due = Ts::NONE;
    }

    /// Whether the venue is there and has said what it has since the last connect.
    #[must_use]
    pub const fn is_recovered(&self) -> bool {
        self.rounds.recovered()
    }

    /// The position of a symbol.
    #[must_use]
    pub fn position(&self, symbol: SymbolId) -> Option<&Position> {
        self.held(symbol).map(|held| &held.position)
    }

    /// Contracts that working entries of a symbol may still fill, signed.
    #[must_use]
    pub fn entering(&self, symbol: SymbolId) -> i64 {
        let entries = self.live_of(symbol).filter(|o| o.role == Role::Entry);
        entries.map(|o| i64::from(o.way.sign()) * i64::from(o.remaining())).sum()
    }

    /// Whether the position of a symbol is being closed.
    #[must_use]
    pub fn closing(&self, symbol: SymbolId) -> Option<ExitReason> {
        self.held(symbol)?.closing.map(|closing| closing.reason)
    }

    /// Orders that have not ended, in the order of their creation.
    pub fn open_orders(&self) -> impl Iterator<Item = &Order> {
        self.live.iter()
    }

    /// An order that lives or ended not long ago.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        // Places of ended orders that live again bear no id.
        self.live.iter().chain(&self.ended).find(|o| o.id == id && id != OrderId::NONE)
    }

    /// The next id, and the one below whose counter ids may be used.
    #[must_use]
    pub const fn id_range(&self) -> (OrderId, OrderId) {
        (self.next, self.reserved)
    }

    /// Whether entries may still take ids.
    #[must_use]
    pub fn has_ids(&self) -> bool {
        let left = self.reserved.counter().saturating_sub(self.next.counter());
        left >= ENTRY_IDS.saturating_add(self.params.spare_ids)
    }
}

/// Most contracts of one order: quantities stay far inside an `i32`.
pub(super) const QTY_ORDER_MAX: Qty = 1_000_000;
