//! The order state machine, its queue, a connection and the venue behind it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mia::event::{Body, Event};
use mia::execution::{Admit, Change, Changes, Moment, Order, Orders, Outbox, Params, Plan, Queue};
use mia::order::{
    Action, BuySell, Command, Detail, ExitReason, Gate, Listing, OrderId, OrderKind, RejectClass,
    Role, Status, Veto,
};
use mia::units::{Px, Qty, SECOND, SymbolId, Ts};

use crate::venue::{Manners, Venue};

pub(crate) const SYMBOLS: usize = 2;
const DATE: u32 = 20_260_114;
const BLOCK: u32 = 1000;
const MS: i64 = 1_000_000;

/// What happens next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Enter {
        symbol: u8,
        buy: bool,
        qty: u8,
        limit: bool,
    },
    Exit {
        symbol: u8,
        hard: bool,
    },
    CancelEntries,
    Kill,
    /// Commands and messages that reach the other side.
    Out(u8),
    In(u8),
    Fill {
        pick: u8,
        qty: u8,
    },
    VenueCancels(u8),
    Refuse(RejectClass),
    /// The entry that was refused last is tried a second time.
    EnterAgain,
    Again,
    Lose,
    Foreign {
        symbol: u8,
        buy: bool,
    },
    /// The link breaks; so many commands still get through.
    Break(u8),
    Connect,
    /// The program ends and starts; with the state of now or of the last save.
    Restart {
        stale: bool,
    },
    Save,
    Wait {
        ms: u16,
    },
}

pub(crate) struct World {
    pub(crate) orders: Orders,
    pub(crate) queue: Queue,
    pub(crate) venue: Venue,
    pub(crate) changes: Changes,
    out: Outbox,
    to_venue: VecDeque<Command>,
    to_us: VecDeque<(SymbolId, u8, Body)>,
    pub(crate) up: bool,
    ts: Ts,
    seq: u64,
    block: u32,
    pub(crate) killed: bool,
    saved: Option<String>,
    /// When order messages left, for the throttle.
    left: VecDeque<Ts>,
    /// Contracts by order, as the changes told them; what else moved the position.
    told: BTreeMap<OrderId, (SymbolId, i64)>,
    beside: [i64; SYMBOLS],
    foreigners: u32,
    /// The last entry, the last one that was refused, and those that have had their second try or
    /// are one.
    last: Option<Plan>,
    refused: Option<Order>,
    tried: BTreeSet<OrderId>,
    /// Changes of the whole run.
    pub(crate) log: Vec<Change>,
}

impl World {
    pub(crate) fn new(manners: Manners) -> World {
        let mut world = World {
            orders: Orders::new(
                Params::default(),
                SYMBOLS,
                OrderId::new(DATE, 0),
                OrderId::new(DATE, BLOCK),
            ),
            queue: Queue::default(),
            venue: Venue::new(SYMBOLS, manners),
            changes: Changes::default(),
            out: Outbox::default(),
            to_venue: VecDeque::new(),
            to_us: VecDeque::new(),
            up: false,
            ts: Ts(1_700_000_000 * SECOND),
            seq: 0,
            block: 1,
            killed: false,
            saved: None,
            left: VecDeque::new(),
            told: BTreeMap::new(),
            beside: [0; SYMBOLS],
            foreigners: 0,
            last: None,
            refused: None,
            tried: BTreeSet::new(),
            log: Vec::new(),
        };
        world.run(&Step::Connect);
        world.flow();
        world
    }

    pub(crate) fn at(&self) -> Moment {
        Moment { seq: self.seq, ts: self.ts }
    }

    pub(crate) fn run(&mut self, step: &Step) {
        match *step {
            Step::Enter { symbol, buy, qty, limit } => {
                let _ = self.enter(symbol, buy, qty.into(), limit);
            }
            Step::Exit { symbol, hard } => {
                let reason = if hard { ExitReason::Manual } else { ExitReason::Reversal };
                let (at, symbol) = (self.at(), SymbolId(symbol.into()));
                self.orders.exit(at, symbol, reason, &mut self.out, &mut self.changes);
            }
            Step::CancelEntries => {
                self.orders.cancel_entries(self.at(), &mut self.out, &mut self.changes);
            }
            Step::Kill => {
                self.killed = true;
                let at = self.at();
                self.orders.halt(at, &mut self.out, &mut self.changes);
            }
            Step::Out(n) => (0..n).for_each(|_| self.deliver_out()),
            Step::In(n) => (0..n).for_each(|_| self.deliver_in()),
            Step::Fill { pick, qty } => {
                let may: Vec<usize> = (0..self.venue.orders.len())
                    .filter(|&i| self.venue.orders[i].may_fill())
                    .collect();
                if let Some(&at) = may.get(usize::from(pick) % may.len().max(1)) {
                    self.venue.fill(at, qty.into());
                }
            }
            Step::VenueCancels(pick) => {
                let lives: Vec<usize> = (0..self.venue.orders.len())
                    .filter(|&i| self.venue.orders[i].lives())
                    .collect();
                if let Some(&at) = lives.get(usize::from(pick) % lives.len().max(1)) {
                    self.venue.end(at, Status::Canceled);
                }
            }
            Step::Refuse(class) => self.venue.refuse = Some(class),
            Step::EnterAgain => {
                let _ = self.enter_again();
            }
            Step::Again => {
                let fill = self.to_us.iter().find(|(_, _, b)| matches!(b, Body::Fill(_))).copied();
                self.to_us.extend(fill);
            }
            Step::Lose => {
                // What is lost inside a list nobody could know: a connection keeps its order.
                if self.to_us.iter().any(|(_, _, b)| matches!(b, Body::Listed(_))) {
                    return;
                }
                let at = self.to_us.iter().position(|(_, _, b)| {
                    matches!(b, Body::Order(_) | Body::Fill(_) | Body::Position(_) | Body::Sent(_))
                });
                at.map(|at| self.to_us.remove(at));
            }
            Step::Foreign { symbol, buy } => {
                self.foreigners += 1;
                let way = if buy { BuySell::Buy } else { BuySell::Sell };
                self.venue.foreign(SymbolId(symbol.into()), way, self.foreigners);
            }
            Step::Break(n) => self.disconnect(n),
            Step::Connect => self.connect(),
            Step::Restart { stale } => self.restart(stale),
            Step::Save => self.saved = Some(self.orders.to_text()),
            Step::Wait { ms } => self.wait(i64::from(ms)),
        }
        self.hear();
        self.after();
    }

    pub(crate) fn enter(
        &mut self,
        symbol: u8,
        buy: bool,
        qty: Qty,
        limit: bool,
    ) -> Result<OrderId, Veto> {
        let px = |ticks| Px::new(ticks).expect("px");
        let (way, stop, target) =
            if buy { (BuySell::Buy, px(90), px(130)) } else { (BuySell::Sell, px(110), px(70)) };
        let kind = if limit { OrderKind::Limit } else { OrderKind::Market };
        let (symbol, px) = (SymbolId(symbol.into()), px(100));
        let (seq, ts, again) = (self.seq, self.ts, OrderId::NONE);
        let plan = Plan { seq, ts, symbol, way, kind, qty, px, stop, target, again };
        self.last = Some(plan);
        self.orders.enter(&plan, &mut self.out)
    }

    /// The newest entry once more, whatever it was refused for.
    pub(crate) fn enter_again(&mut self) -> Result<OrderId, Veto> {
        let (Some(plan), Some(refused)) = (self.last, self.refused) else {
            return Err(Veto::new(Gate::Limit, Detail::Duplicate));
        };
        let (symbol, way) = (refused.symbol, refused.way);
        let plan = if way == plan.way { plan } else { mirrored(plan) };
        let plan = Plan { seq: self.seq, ts: self.ts, symbol, way, again: refused.id, ..plan };
        let result = self.orders.enter(&plan, &mut self.out);
        if result.is_ok() {
            let class = self.venue.refused.get(&refused.id);
            assert_eq!(class, Some(&RejectClass::Transient), "only a disturbance is tried again");
            assert!(self.tried.insert(refused.id), "twice");
            self.tried.extend(result.ok());
        }
        result
    }

    fn wait(&mut self, ms: i64) {
        // A look every 50 ms, as events would give.
        let mut left = ms;
        while left > 0 {
            let part = left.min(50);
            left -= part;
            self.ts.0 += part * MS;
            self.after();
        }
    }

    pub(crate) fn event(&mut self, symbol: SymbolId, body: Body) {
        self.flagged(symbol, 0, body);
    }

    pub(crate) fn flagged(&mut self, symbol: SymbolId, flags: u8, body: Body) {
        self.seq += 1;
        let event = Event { seq: self.seq, ts: self.ts, ts_exch: Ts::NONE, symbol, flags, body };
        self.orders.on_event(&event, &mut self.out, &mut self.changes);
        self.after();
    }

    /// What ends every step of the decision thread.
    fn after(&mut self) {
        let at = self.at();
        self.orders.on_time(at, &mut self.out, &mut self.changes);
        let (left, to_venue, up) = (&mut self.left, &mut self.to_venue, self.up);
        let ts = at.ts;
        let mut admit = |command: &Command| {
            while left.front().is_some_and(|&old| ts.since(old) >= SECOND) {
                left.pop_front();
            }
            let messages = match command.action {
                Action::New { parent: true, .. } => 2,
                _ => 1,
            };
            if left.len() + messages > 5 {
                return Admit::Later;
            }
            left.extend(std::iter::repeat_n(ts, messages));
            Admit::Now
        };
        let mut send = |command: &Command| {
            if up {
                to_venue.push_back(*command);
            }
            true
        };
        self.queue.pass(
            at,
            &mut self.orders,
            &mut self.out,
            &mut self.changes,
            &mut admit,
            &mut send,
        );
        self.account();
    }

    /// The position is the sum of what the changes told.
    fn account(&mut self) {
        for change in self.changes.list() {
            match *change {
                Change::Filled { order, .. } | Change::Unpriced { order, .. } => {
                    let base = self.told.entry(order.id).or_insert((order.symbol, 0));
                    let now = i64::from(order.way.sign()) * i64::from(order.filled);
                    self.beside[usize::from(order.symbol.0)] += now - base.1;
                    base.1 = now;
                }
                Change::Orphan(order) => {
                    let now = i64::from(order.way.sign()) * i64::from(order.filled);
                    self.told.insert(order.id, (order.symbol, now));
                }
                Change::Refused { order, .. } if order.role == Role::Entry => {
                    self.refused = Some(order);
                }
                Change::Foreign { symbol, fill } => {
                    let n = i64::from(fill.way.sign()) * i64::from(fill.qty);
                    self.beside[usize::from(symbol.0)] += n;
                }
                Change::Adopted { symbol, from, to } => {
                    self.beside[usize::from(symbol.0)] += i64::from(to - from);
                }
                _ => {}
            }
        }
        self.log.extend_from_slice(self.changes.list());
        assert_eq!(self.changes.lost(), 0);
        self.changes.clear();
        for (symbol, &sum) in (0..).zip(&self.beside) {
            let held = self.orders.position(SymbolId(symbol)).expect("symbol");
            assert_eq!(i64::from(held.qty), sum, "position and its parts: {held:?}");
        }
    }

    fn hear(&mut self) {
        if self.up {
            self.to_us.append(&mut self.venue.said);
        } else {
            self.venue.said.clear();
        }
    }

    fn deliver_out(&mut self) {
        if let Some(command) = self.to_venue.pop_front() {
            let made = match command.action {
                Action::New { id, .. } | Action::Flatten { id } => Some(id),
                Action::Bracket { parent, child, .. } => Some(parent.plus(child)),
                _ => None,
            };
            self.to_us.extend(made.map(|id| (command.symbol, 0, Body::Sent(id))));
            self.venue.take(&command);
            self.hear();
        }
    }

    fn deliver_in(&mut self) {
        if let Some((symbol, flags, body)) = self.to_us.pop_front() {
            self.flagged(symbol, flags, body);
        }
    }

    fn disconnect(&mut self, through: u8) {
        if !self.up {
            return;
        }
        (0..through).for_each(|_| self.deliver_out());
        self.up = false;
        self.to_venue.clear();
        self.to_us.clear();
        self.venue.said.clear();
        self.to_us.push_back((SymbolId(0), 0, Body::Link(false)));
    }

    fn connect(&mut self) {
        if self.up {
            return;
        }
        self.up = true;
        self.venue.said.clear();
        self.to_us.push_back((SymbolId(0), 0, Body::Link(true)));
        for listing in [Listing::Orders, Listing::Positions, Listing::Balance, Listing::Fills] {
            self.venue.list(listing);
        }
    }

    fn restart(&mut self, stale: bool) {
        self.disconnect(0);
        self.to_us.clear();
        let text = match &self.saved {
            Some(text) if stale => text.clone(),
            _ => self.orders.to_text(),
        };
        self.block += 1;
        let block = |n| OrderId::new(DATE, BLOCK * n);
        let (next, reserved) = (block(self.block - 1), block(self.block));
        self.orders =
            Orders::restore(Params::default(), SYMBOLS, next, reserved, &text).expect("state");
        assert_eq!(
            Orders::restore(Params::default(), SYMBOLS, next, reserved, &text).map(|o| o.to_text()),
            Ok(self.orders.to_text())
        );
        self.queue = Queue::default();
        self.out = Outbox::default();
        self.told = self
            .orders
            .open_orders()
            .map(|o| (o.id, (o.symbol, i64::from(o.way.sign()) * i64::from(o.filled))))
            .collect();
        for id in self.venue.ids.clone() {
            if let Some(o) = self.orders.order(id) {
                self.told.insert(id, (o.symbol, i64::from(o.way.sign()) * i64::from(o.filled)));
            }
        }
        for (symbol, sum) in (0..).zip(&mut self.beside) {
            *sum = self.orders.position(SymbolId(symbol)).map_or(0, |p| p.qty.into());
        }
        if self.killed {
            // The kill switch survives a restart: it is asked for again.
            self.run(&Step::Kill);
        }
    }

    /// Everything arrives.
    pub(crate) fn flow(&mut self) {
        for _ in 0..100_000 {
            self.hear();
            if self.to_us.is_empty() && self.to_venue.is_empty() {
                return;
            }
            self.deliver_out();
            self.deliver_in();
        }
        panic!("no end of messages");
    }

    /// The connection holds, market orders fill and two minutes pass.
    pub(crate) fn settle(&mut self) {
        self.flow();
        self.connect();
        self.flow();
        self.venue.refuse = None;
        for _ in 0..1200 {
            for at in 0..self.venue.orders.len() {
                if self.venue.orders[at].kind == OrderKind::Market {
                    self.venue.fill(at, Qty::MAX);
                }
            }
            self.flow();
            self.wait(100);
            self.flow();
        }
    }

    pub(crate) fn check_settled(&self) {
        for (symbol, &venue) in (0..).zip(&self.venue.positions) {
            let symbol = SymbolId(symbol);
            let held = self.orders.position(symbol).expect("symbol");
            assert_eq!(held.qty, venue, "the position agrees");
            assert_eq!(self.orders.reconciled(symbol), Ok(()));
            let size = venue.unsigned_abs();
            let stop = self
                .venue
                .orders
                .iter()
                .find(|o| o.symbol == symbol && o.may_fill() && o.kind == OrderKind::Stop);
            match stop {
                Some(stop) => assert_eq!(stop.qty - stop.filled, size, "the stop fits"),
                None => assert_eq!(size, 0, "a stop protects what is open"),
            }
            if self.killed {
                assert_eq!(venue, 0, "the kill switch wins");
            }
        }
        let theirs: Vec<OrderId> =
            self.venue.orders.iter().filter(|o| o.lives()).map(|o| o.id).collect();
        let mut theirs_sorted = theirs;
        theirs_sorted.sort_unstable();
        let mut ours: Vec<OrderId> =
            self.orders.open_orders().filter(|o| o.id.is_ours()).map(|o| o.id).collect();
        ours.sort_unstable();
        assert_eq!(ours, theirs_sorted, "no order is forgotten");
        if self.killed {
            assert_eq!(ours, [], "the kill switch wins");
        }
    }
}

/// The plan with stop and target on the other side of its price.
fn mirrored(plan: Plan) -> Plan {
    let mirror = |px: Px| Px::clamped(2 * i64::from(plan.px.ticks()) - i64::from(px.ticks()));
    Plan { stop: mirror(plan.stop), target: mirror(plan.target), ..plan }
}
