//! Reconciliation: what is true is what the venue lists.
//!
//! A *round* is one set of lists: open orders, positions, fills (and the balance after a connect).
//! The connection asks for the first one itself as it comes up; later ones are asked for here, when
//! an order gets no answer or something contradicts itself. An order that was handed on before a
//! round began and that neither its list nor any update since then speaks of is not at the venue:
//! its fills are looked up and it ends.

use super::change::{Change, Odd};
use super::orders::{Orders, Turn};
use super::position::Source;
use super::state::OrderState;
use crate::order::{Action, BuySell, Command, ExitReason, Listing, OrderId};
use crate::units::{SECOND, SymbolId, Ts};

/// One set of lists that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    /// From 1.
    pub(super) number: u64,
    since: Ts,
    /// Lists that have not come, as bits.
    pending: u8,
    /// The one of a connect.
    link: bool,
    /// Something was asked for twice: an answer to the first question may still come.
    twice: bool,
}

const fn bit(listing: Listing) -> u8 {
    1 << (listing as u8)
}

const AFTER_LINK: u8 =
    bit(Listing::Orders) | bit(Listing::Positions) | bit(Listing::Fills) | bit(Listing::Balance);
const ALL: [Listing; 4] = [Listing::Orders, Listing::Positions, Listing::Balance, Listing::Fills];
const QUESTIONS: [Listing; 3] = [Listing::Orders, Listing::Positions, Listing::Fills];

/// Least time between two rounds that are asked for here, ns.
const ROUNDS_APART_NS: i64 = SECOND;

/// Rounds and the connection they belong to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounds {
    inside: bool,
    linked: bool,
    recovered: bool,
    linked_at: Ts,
    number: u64,
    active: Option<Round>,
    /// Another one is wanted once this one is over.
    wanted: bool,
    last: Ts,
    /// Last round whose list of fills is complete, and last round that is complete.
    fills_done: u64,
    completed: u64,
}

impl Rounds {
    pub(super) const fn new(inside: bool) -> Rounds {
        Rounds {
            inside,
            linked: inside,
            recovered: inside,
            linked_at: Ts::NONE,
            number: 0,
            active: None,
            wanted: false,
            last: Ts::NONE,
            fills_done: 0,
            completed: 0,
        }
    }

    pub(super) const fn linked(&self) -> bool {
        self.linked
    }

    pub(super) const fn recovered(&self) -> bool {
        self.recovered
    }

    pub(super) const fn active(&self) -> Option<Round> {
        self.active
    }

    pub(super) fn lists_fills(&self) -> bool {
        self.active.is_some_and(|round| round.pending & bit(Listing::Fills) != 0)
    }

    pub(super) const fn completed(&self) -> u64 {
        self.completed
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Whether anything may be asked of the venue: it is there, and what it has is known or does
    /// not become known.
    pub(super) const fn can_act(&self, now: Ts, round_ns: i64) -> bool {
        self.linked && (self.recovered || now.since(self.linked_at) >= round_ns)
    }
}

impl Orders {
    pub(super) fn on_link(&mut self, up: bool, turn: &mut Turn<'_>) {
        if self.params.inside {
            return;
        }
        let rounds = &mut self.rounds;
        (rounds.linked, rounds.recovered) = (up, false);
        (rounds.active, rounds.wanted, rounds.linked_at) = (None, false, turn.at.ts);
        // What has not left does not leave later, at another price: it has ended.
        self.each_live(|o| o.state == OrderState::Created, |orders, id| orders.lose(id, turn));
        self.candidate = None;
        if up {
            self.each_live(|_| true, |orders, id| orders.become_(id, OrderState::Unknown, turn));
            for held in &mut self.symbols {
                (held.venue, held.settling, held.excused) = (None, false, false);
                (held.naked, held.untidy, held.differs) = (Ts::NONE, Ts::NONE, Ts::NONE);
                held.again = None;
            }
            self.begin(AFTER_LINK, true, turn.at.ts);
        }
    }

    fn begin(&mut self, pending: u8, link: bool, since: Ts) {
        self.rounds.number += 1;
        let number = self.rounds.number;
        self.forget_listed();
        self.rounds.active = Some(Round { number, since, pending, link, twice: false });
        (self.rounds.last, self.rounds.wanted) = (since, false);
    }

    /// Asks for a round, now or as soon as the one under way is over.
    pub(super) fn want_round(&mut self, turn: &mut Turn<'_>) {
        self.rounds.wanted = true;
        self.ask(turn);
    }

    /// Now and then everything is looked at again.
    pub(super) fn audit(&mut self, turn: &mut Turn<'_>) {
        let Rounds { inside, recovered, active, last, .. } = self.rounds;
        let old = turn.at.ts.since(last) >= self.params.audit_ns;
        if old && recovered && !inside && active.is_none() {
            self.want_round(turn);
        }
    }

    /// Begins a round that is wanted, if it may begin now.
    pub(super) fn ask(&mut self, turn: &mut Turn<'_>) {
        let Rounds { linked, active, wanted, last, .. } = self.rounds;
        let soon = last.is_some() && turn.at.ts.since(last) < ROUNDS_APART_NS;
        if !wanted || !linked || active.is_some() || soon || turn.out.room() < QUESTIONS.len() {
            return;
        }
        let pending = QUESTIONS.iter().fold(0, |bits, &q| bits | bit(q));
        self.list(pending, turn);
        self.begin(pending, false, turn.at.ts);
    }

    fn list(&self, pending: u8, turn: &mut Turn<'_>) {
        let Some(symbol) = self.ids().next() else { return };
        for listing in ALL.into_iter().filter(|&listing| pending & bit(listing) != 0) {
            let action = Action::List(listing);
            // Whoever asks has looked for room.
            let _ = turn.out.push(Command { seq: turn.at.seq, ts: turn.at.ts, symbol, action });
        }
    }

    /// A list that does not come is asked for again; the account stays not reconciled. What the
    /// round may conclude stays what its first question allows: that may be what is answered.
    pub(super) fn overdue_round(&mut self, turn: &mut Turn<'_>) {
        let Some(round) = self.rounds.active else { return };
        if turn.at.ts.since(round.since) < self.params.round_ns || turn.out.room() < ALL.len() {
            return;
        }
        turn.changes.alert(SymbolId(0), OrderId::NONE, Odd::NoList);
        self.list(round.pending, turn);
        self.rounds.active = Some(Round { since: turn.at.ts, twice: true, ..round });
    }

    pub(super) fn on_listed(&mut self, listing: Listing, turn: &mut Turn<'_>) {
        let Some(round) = &mut self.rounds.active else { return };
        if round.pending & bit(listing) == 0 {
            return;
        }
        round.pending &= !bit(listing);
        let (number, left) = (round.number, round.pending);
        if listing == Listing::Fills {
            self.take_listed(turn);
        }
        match listing {
            Listing::Orders => {
                for order in &mut self.live {
                    let before = order.sent_round < number && order.heard_round < number;
                    // A server need not list what only waits for its entry, and cannot what has
                    // not left: that may wait for the journal while the question overtakes it.
                    let untold = matches!(
                        order.state,
                        OrderState::Created | OrderState::Handed | OrderState::PendingChild
                    );
                    let told = !untold;
                    if before && told {
                        order.absent_round = number;
                    }
                }
            }
            Listing::Positions => {
                // Symbols that are flat need not be listed.
                for held in self.symbols.iter_mut().filter(|h| h.venue_round < number) {
                    (held.venue, held.venue_round) = (Some(0), number);
                    held.compare(turn.at.ts);
                }
            }
            Listing::Fills => self.rounds.fills_done = number,
            Listing::Balance => {}
        }
        let done = self.rounds.fills_done;
        let absent = |o: &super::Order| o.absent_round > 0 && o.absent_round <= done;
        self.each_live(absent, |orders, id| orders.lose(id, turn));
        if left == 0 {
            self.complete(turn);
        }
    }

    /// Ends an order that the venue does not have.
    pub(super) fn lose(&mut self, id: OrderId, turn: &mut Turn<'_>) {
        let Some(order) = self.order_mut(id) else { return };
        let filled = order.qty > 0 && order.filled >= order.qty;
        let unsent = order.state == OrderState::Created;
        order.lost = !filled;
        let order = *order;
        if filled {
            return self.become_(id, OrderState::Filled, turn);
        }
        if !unsent {
            turn.changes.push(Change::Lost(order));
        }
        self.become_(id, OrderState::Canceled, turn);
    }

    fn complete(&mut self, turn: &mut Turn<'_>) {
        let Some(round) = self.rounds.active.take() else { return };
        self.rounds.completed = round.number;
        if round.twice {
            // The other answer must not pass for one to the next question.
            self.rounds.last = Ts(turn.at.ts.0.saturating_add(self.params.round_ns));
        }
        for held in &mut self.symbols {
            // Whatever price was to be had has come.
            held.finish(true, turn.changes);
            held.differs = Ts::NONE;
            held.compare(turn.at.ts);
            held.settling = held.differs.is_some();
            held.excused = held.settling && (held.excused || round.link);
        }
        for symbol in self.ids() {
            // A fill of this very moment may be ahead of the position that was listed: then both
            // get the time to meet.
            let still = self.held(symbol).is_some_and(|h| h.counted_round < round.number);
            if still && round.link {
                self.settle(symbol, turn);
            }
        }
        if round.link {
            self.rounds.recovered = true;
            turn.changes.push(Change::Reconciled);
        }
        self.ask(turn);
    }

    pub(super) fn on_position(&mut self, symbol: SymbolId, qty: i32, turn: &mut Turn<'_>) {
        let number = self.rounds.number;
        if let Some(held) = self.held_mut(symbol) {
            (held.venue, held.venue_round) = (Some(qty), number);
            held.compare(turn.at.ts);
        }
    }

    /// A difference that has lasted: after a round the venue's number is taken, else it is reported
    /// and asked about.
    pub(super) fn check_position(&mut self, symbol: SymbolId, turn: &mut Turn<'_>) {
        let Some(held) = self.held(symbol) else { return };
        let lasted =
            held.differs.is_some() && turn.at.ts.since(held.differs) >= self.params.differ_ns;
        if !lasted || self.rounds.active.is_some() || !self.rounds.recovered {
            return;
        }
        if held.settling {
            return self.settle(symbol, turn);
        }
        self.report(symbol, turn);
        self.want_round(turn);
    }

    fn report(&mut self, symbol: SymbolId, turn: &mut Turn<'_>) {
        let Some(held) = self.held_mut(symbol) else { return };
        let ours = held.position.qty;
        if let Some(venue) = held.venue.filter(|&venue| venue != ours && !held.excused) {
            turn.changes.push(Change::Mismatch { symbol, ours, venue });
        }
        (held.settling, held.excused) = (true, true);
    }

    /// Takes the venue's position over.
    fn settle(&mut self, symbol: SymbolId, turn: &mut Turn<'_>) {
        if self.held(symbol).is_none_or(|held| !held.settling) {
            return;
        }
        self.report(symbol, turn);
        let Some(held) = self.held(symbol) else { return };
        let (from, to) = (held.position.qty, held.venue.unwrap_or(held.position.qty));
        if let Some(way) = BuySell::of(to.saturating_sub(from)) {
            let (trade, reason) = (OrderId::trip(turn.at.ts, symbol), ExitReason::Manual);
            let qty = to.abs_diff(from);
            self.count(symbol, Source { trade, way, reason }, qty, None, turn);
            turn.changes.push(Change::Adopted { symbol, from, to });
        }
        if let Some(held) = self.held_mut(symbol) {
            held.finish(true, turn.changes);
            (held.settling, held.excused) = (false, false);
        }
    }
}
