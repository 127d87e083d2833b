//! The auditor: sees events, commands and reports, knows what the rules allow and asserts it.
//! Everything it needs it counts by itself, from the whole tape.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mia::book::{Book, BookState, Ladder};
use mia::event::{Body, Event, flag};
use mia::execution::exchange::{Params, Queue};
use mia::order::{
    Action, BuySell, Command, Fill, OrderId, OrderKind, OrderUpdate, Status, UpdateReason,
};
use mia::units::{Aggressor, Px, Qty};

/// What happened, so that a test can ask whether anything did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) makers: u64,
    pub(crate) takers: u64,
    pub(crate) stops: u64,
    pub(crate) stop_exits: u64,
    pub(crate) target_exits: u64,
    pub(crate) cancels_won: u64,
    pub(crate) cancels_lost: u64,
    pub(crate) bought: u64,
    pub(crate) sold: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Tally) {
        self.makers += other.makers;
        self.takers += other.takers;
        self.stops += other.stops;
        self.stop_exits += other.stop_exits;
        self.target_exits += other.target_exits;
        self.cancels_won += other.cancels_won;
        self.cancels_lost += other.cancels_lost;
        self.bought += other.bought;
        self.sold += other.sold;
    }
}

/// An order as it was asked for, and what is known of it.
#[derive(Clone, Debug)]
struct Known {
    way: BuySell,
    kind: OrderKind,
    qty: Qty,
    px: Px,
    due: i64,
    parent: Option<OrderId>,
    status: Option<Status>,
    filled: Qty,
    /// A stop was reached.
    elected: bool,
    /// Contracts shown at its price when it came, where they were to be seen.
    ahead: Option<u64>,
    /// Contracts traded at its price since.
    volume: u64,
    /// Filled as a maker at its price.
    made: u64,
    /// The market traded beyond its price.
    through: bool,
    /// Replaced or grown: its place in the queue is not what it was.
    moved: bool,
    /// Accepted, activated or changed in the event under way.
    fresh: bool,
}

#[derive(Clone, Copy, Debug)]
struct Stock {
    shown: Qty,
    /// Contracts ever shown since the level was last absent.
    supply: u64,
    taken: u64,
    /// Contracts that trades took since the book last changed, the trade under way not counted.
    tape: u64,
    /// Contracts that the trade under way took.
    trade: u64,
}

pub(crate) struct Audit {
    params: Params,
    orders: BTreeMap<OrderId, Known>,
    /// Those that have not ended.
    live: Vec<OrderId>,
    /// By the way of who takes (true = buys) and price.
    stocks: BTreeMap<(bool, i32), Stock>,
    /// Sent, refused, and refused because no such order was there yet.
    cancels: BTreeMap<OrderId, [u64; 3]>,
    /// When changes under way take effect, by order.
    changes: BTreeMap<OrderId, VecDeque<i64>>,
    executions: BTreeSet<u64>,
    /// Trade of the event under way and what of it was filled.
    trade: Option<(Px, Qty)>,
    filled: Qty,
    /// Price of the last trade: before this event, and with it.
    lasts: [Option<Px>; 2],
    now: i64,
    tally: Tally,
}

fn far(book: &Book, buys: bool) -> &Ladder {
    if buys { book.asks() } else { book.bids() }
}

impl Audit {
    pub(crate) fn new(params: Params) -> Audit {
        Audit {
            params,
            orders: BTreeMap::new(),
            live: Vec::new(),
            stocks: BTreeMap::new(),
            cancels: BTreeMap::new(),
            changes: BTreeMap::new(),
            executions: BTreeSet::new(),
            trade: None,
            filled: 0,
            lasts: [None; 2],
            now: 0,
            tally: Tally::default(),
        }
    }

    pub(crate) fn asked(&mut self, command: &Command) {
        let due = command.ts.0 + self.params.latency_ns;
        let mut know = |id, way, kind, qty, px, parent| {
            self.live.push(id);
            self.orders.entry(id).or_insert(Known {
                way,
                kind,
                qty,
                px,
                due,
                parent,
                status: None,
                filled: 0,
                elected: false,
                ahead: None,
                volume: 0,
                made: 0,
                through: false,
                moved: false,
                fresh: false,
            });
        };
        match command.action {
            Action::New { id, way, kind, qty, px, .. } => know(id, way, kind, qty, px, None),
            Action::Bracket { parent, child, way, qty, stop, target } => {
                know(parent.plus(child), way, OrderKind::Stop, qty, stop, Some(parent));
                know(parent.plus(child + 1), way, OrderKind::Limit, qty, target, Some(parent));
            }
            // Which way a flatten goes is known when it comes.
            Action::Flatten { id } => {
                know(id, BuySell::Buy, OrderKind::Market, 0, Px::ZERO, None);
            }
            Action::Cancel { id } => self.cancels.entry(id).or_default()[0] += 1,
            Action::Replace { id, .. } => self.changes.entry(id).or_default().push_back(due),
            _ => {}
        }
    }

    /// Takes note of an event before the exchange does.
    pub(crate) fn hear(&mut self, event: &Event, open: bool, book: &Book) {
        let settled = match event.body {
            Body::Depth { .. } | Body::Clear => event.has(flag::BATCH_END),
            Body::BatchEnd | Body::Gap(_) => true,
            _ => false,
        };
        for buys in [true, false].into_iter().filter(|_| settled) {
            let levels = far(book, buys).visible();
            self.stocks
                .retain(|(b, px), _| *b != buys || levels.iter().any(|l| l.px.ticks() == *px));
            for level in levels {
                let none = Stock { shown: 0, supply: 0, taken: 0, tape: 0, trade: 0 };
                let stock = self.stocks.entry((buys, level.px.ticks())).or_insert(none);
                stock.supply += u64::from(level.qty.saturating_sub(stock.shown));
                (stock.shown, stock.tape, stock.trade) = (level.qty, 0, 0);
            }
        }
        for stock in self.stocks.values_mut() {
            stock.tape += std::mem::take(&mut stock.trade);
        }
        self.now = event.ts.0;
        (self.trade, self.filled) = (None, 0);
        self.lasts[0] = self.lasts[1];
        if let Body::Trade { px, qty, aggressor, .. } = event.body
            && !event.has(flag::SNAPSHOT)
        {
            self.lasts[1] = Some(px);
            for (buys, passive) in [(true, Aggressor::Sell), (false, Aggressor::Buy)] {
                if let Some(stock) = self.stocks.get_mut(&(buys, px.ticks()))
                    && aggressor != passive
                {
                    stock.trade = u64::from(qty);
                }
            }
            for id in self.live.iter().filter(|_| open) {
                let Some(known) = self.orders.get_mut(id) else { continue };
                let beyond = known.way.sign() * px.minus(known.px);
                let works = matches!(known.status, Some(Status::Open | Status::PartiallyFilled));
                known.elected |= works && beyond >= 0;
                known.volume += u64::from(qty) * u64::from(works && beyond == 0);
                known.through |= works && beyond < 0;
            }
            self.trade = Some((px, qty)).filter(|_| open);
        }
    }

    pub(crate) fn judge(&mut self, event: &Event, open: bool, book: &Book, said: &[Event]) {
        let orders = &mut self.orders;
        self.live.retain(|id| {
            let known = orders.get_mut(id).expect("asked for");
            known.fresh = false;
            !known.status.is_some_and(Status::is_final)
        });
        for report in said {
            assert_eq!((report.seq, report.ts), (event.seq, event.ts));
            match report.body {
                Body::Order(update) => self.update(event, book, &update),
                Body::Fill(fill) => {
                    assert!(open, "filled in a closed market: {fill:?}");
                    self.fill(&fill);
                }
                Body::Position(position) => {
                    let held = self.tally.bought as i64 - self.tally.sold as i64;
                    assert_eq!(i64::from(position), held, "position and fills");
                }
                other => panic!("not asked for: {other:?}"),
            }
        }
    }

    fn update(&mut self, event: &Event, book: &Book, update: &OrderUpdate) {
        if update.status == Status::Unspecified {
            assert!(self.orders.get(&update.id).is_none_or(|k| k.status.is_none()));
        }
        if update.reason == UpdateReason::CancelRejected {
            let cancels = self.cancels.get_mut(&update.id).expect("a cancel was sent");
            cancels[1] += 1;
            cancels[2] += u64::from(update.status == Status::Unspecified);
        }
        let changed = match update.reason {
            UpdateReason::ReplaceDone | UpdateReason::ReplaceRejected => {
                let due = self.changes.get_mut(&update.id).and_then(VecDeque::pop_front);
                Some(due.expect("a change was sent"))
            }
            _ => None,
        };
        let Some(known) = self.orders.get_mut(&update.id) else { return };
        use UpdateReason as R;
        if matches!(update.reason, R::CancelRejected | R::ReplaceRejected) {
            assert!(known.status.is_none_or(|status| status == update.status), "{update:?}");
            return;
        }
        assert!(!known.status.is_some_and(Status::is_final), "{update:?} after the end");
        assert!(event.ts.0 >= known.due, "before it could be there: {update:?}");
        assert_eq!(update.filled, known.filled, "{update:?}");
        assert!(update.filled <= update.qty || update.status == Status::Rejected, "{update:?}");
        let traded = match self.trade {
            Some((px, qty)) if px == known.px && known.due < event.ts.0 => u64::from(qty),
            _ => 0,
        };
        match update.reason {
            R::Accepted => {
                known.way = update.way.expect("given");
                known.qty = known.qty.max(update.qty);
                known.fresh = true;
                known.volume = traded;
                let levels = far(book, known.way == BuySell::Sell).visible();
                let seen =
                    levels.last().is_some_and(|l| known.way.sign() * known.px.minus(l.px) >= 0);
                let at = levels.iter().find(|l| l.px == known.px).map_or(0, |l| l.qty);
                known.ahead = seen.then_some(u64::from(at));
                // It joins the queue when the book is no longer crossed.
                known.moved |= matches!(book.state(), BookState::Locked | BookState::Crossed);
                let early = known.due < event.ts.0;
                if let Some((px, _)) = self.trade.filter(|_| early) {
                    known.elected |= known.way.sign() * px.minus(known.px) >= 0;
                    known.through |= known.way.sign() * px.minus(known.px) < 0;
                }
            }
            R::General => {
                (known.fresh, known.moved) = (true, true);
                // Who comes before the trade of this event goes by the one before it.
                let reached = |last: &Px| known.way.sign() * last.minus(known.px) >= 0;
                known.elected |= self.lasts.iter().flatten().any(reached);
            }
            R::ReplaceDone => {
                (known.px, known.qty) = (update.px.expect("given"), update.qty.max(known.qty));
                (known.fresh, known.moved) = (true, true);
                known.due = changed.unwrap_or(known.due);
                // A change that came before the trade of this event is reached by it.
                let reached = |(px, _): (Px, Qty)| known.way.sign() * px.minus(known.px) >= 0;
                known.elected |= self.trade.is_some_and(reached);
            }
            R::Canceled => self.tally.cancels_won += 1,
            _ => {}
        }
        known.status = Some(update.status);
    }

    fn fill(&mut self, fill: &Fill) {
        assert!(fill.qty > 0 && self.executions.insert(fill.execution.number()), "{fill:?}");
        let known = self.orders.get_mut(&fill.id).expect("asked for");
        assert_eq!(known.way, fill.way);
        assert!(
            matches!(known.status, Some(Status::Open | Status::PartiallyFilled)),
            "{fill:?} of {known:?}"
        );
        known.filled += fill.qty;
        assert!(known.filled <= known.qty, "{fill:?} of {known:?}");
        let stop = matches!(known.kind, OrderKind::Stop | OrderKind::StopLimit);
        assert!(!stop || known.elected, "a stop that no trade reached: {known:?}");
        self.tally.stops += u64::from(stop);
        if known.parent.is_some() {
            let count =
                if stop { &mut self.tally.stop_exits } else { &mut self.tally.target_exits };
            *count += 1;
        }
        match fill.way {
            BuySell::Buy => self.tally.bought += u64::from(fill.qty),
            BuySell::Sell => self.tally.sold += u64::from(fill.qty),
        }
        let parent = known.parent;
        let limit = matches!(known.kind, OrderKind::Limit | OrderKind::StopLimit);
        let worse = fill.way.sign() * fill.px.minus(known.px);
        assert!(!limit || worse <= 0, "beyond its limit: {fill:?} of {known:?}");
        // Who came with the event of a trade, but before the trade, may have done both.
        let (fresh, trade) = (known.fresh, self.trade);
        if let Some(parent) = parent {
            self.bracket(parent);
        }
        if (trade.is_none() || fresh) && self.took(fill, limit) {
            return;
        }
        let trade = trade.unwrap_or_else(|| panic!("nothing of the kind is shown: {fill:?}"));
        self.made(fill, trade);
    }

    /// A fill in the queue: by this trade, no more than it was, after all that stood ahead.
    fn made(&mut self, fill: &Fill, (px, qty): (Px, Qty)) {
        let known = self.orders.get_mut(&fill.id).expect("asked for");
        assert!(matches!(known.kind, OrderKind::Limit | OrderKind::StopLimit), "{known:?}");
        assert_eq!(fill.px, known.px, "a maker is filled at his price");
        assert!(fill.way.sign() * px.minus(known.px) <= 0, "{fill:?} by a trade at {px:?}");
        self.filled += fill.qty;
        assert!(self.filled <= qty, "more than was traded: {fill:?}");
        let plain = known.kind == OrderKind::Limit && !known.moved && known.parent.is_none();
        if plain && !known.through && self.params.queue == Queue::Pessimistic {
            known.made += u64::from(fill.qty);
            if let Some(ahead) = known.ahead {
                assert!(known.made + ahead <= known.volume, "out of turn: {fill:?} of {known:?}");
            }
        }
        self.tally.makers += 1;
    }

    /// A fill from the book: at a level that is shown, with the slippage on top, no more than was
    /// ever shown there. `false` where there is no such level.
    fn took(&mut self, fill: &Fill, limit: bool) -> bool {
        let sign = fill.way.sign();
        let buys = fill.way == BuySell::Buy;
        let known = self.orders.get(&fill.id).expect("asked for");
        let own = limit.then_some(known.px);
        let early = known.due < self.now;
        let slip = self.params.slippage_ticks.max(1);
        let expected = |level: i32| {
            let px = level + sign * slip;
            own.map_or(px, |own| if sign > 0 { px.min(own.ticks()) } else { px.max(own.ticks()) })
        };
        let room = |(key, stock): &(&(bool, i32), &mut Stock)| {
            key.0 == buys
                && expected(key.1) == fill.px.ticks()
                && sign * (fill.px.ticks() - key.1) >= 0
                && {
                    let tape = stock.tape + if early { 0 } else { stock.trade };
                    let qty = u64::from(fill.qty) + tape;
                    qty <= u64::from(stock.shown) && stock.taken + qty <= stock.supply
                }
        };
        // Best first, as the book is taken.
        let found = if buys {
            self.stocks.iter_mut().find(room)
        } else {
            self.stocks.iter_mut().rfind(room)
        };
        let Some((_, stock)) = found else { return false };
        stock.taken += u64::from(fill.qty);
        self.tally.takers += 1;
        true
    }

    /// Stop and target never close more than their parent opened.
    fn bracket(&self, parent: OrderId) {
        let filled = |id| self.orders.get(&id).map_or(0, |known| known.filled);
        let exited = filled(parent.plus(1)) + filled(parent.plus(2));
        assert!(exited <= filled(parent), "{parent:?}: {exited} out of {}", filled(parent));
    }

    /// After the last command had its effect: what `open` lists is all that lives, and every cancel
    /// was answered once.
    pub(crate) fn finish(mut self, open: &[OrderId]) -> Tally {
        for (id, known) in &self.orders {
            let alive = known.status.is_some_and(|status| !status.is_final());
            assert_eq!(open.contains(id), alive, "{id:?} {known:?}");
        }
        for (id, [sent, refused, early]) in &self.cancels {
            let won = self.orders.get(id).is_some_and(|k| k.status == Some(Status::Canceled));
            let answered = refused + u64::from(won);
            // An order may have been canceled before the first cancel for it came.
            assert!(refused <= sent && answered >= *sent, "{id:?}: {sent} sent, {refused} refused");
            self.tally.cancels_lost += refused;
            assert!(early == sent || !open.contains(id), "{id:?} lives after its cancel");
        }
        self.tally
    }
}
