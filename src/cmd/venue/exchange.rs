//! The simulated exchange as the venue of `dtc-sim`: the same matching as in paper and backtest.
//!
//! | the desk's | the exchange's |
//! |---|---|
//! | order `n` | id `n · 4` of a date of its own |
//! | pair under parent `n` | ids `n · 4 + 1` (stop) and `n · 4 + 2` (target) |
//! | market time of the last record | time at which a command was given |
//! | end of the tape | a timer event, so that nothing waits for a record that will not come |
//!
//! What the exchange does not know is refused with a text: a pair without a parent, orders that
//! live for less than a day, a stop limit of two prices.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use dtc_sim::market::{self, MarketBody, MarketRecord, SymbolSpec};
use dtc_sim::state::MarketState;
use dtc_sim::venue::{Change, Kind, Life, NewOrder, NewPair, OrderEvent, Update, Venue};

use crate::book::Book;
use crate::calendar::{Calendar, Segment};
use crate::event::{Body, Event, flag};
use crate::execution::exchange::{Exchange, Params, Reports};
use crate::order::{
    Action, BuySell, Command, OrderId, OrderKind, OrderUpdate, Status, UpdateReason,
};
use crate::units::{Aggressor, Px, QTY_MAX, Qty, Side, SymbolId, Ts};

/// Date of all ids: any but 0 will do, they stay in here.
const DATE: u32 = 1;

/// What the desk calls an order, and how it was sent.
#[derive(Clone, Copy, Debug)]
struct Row {
    number: u64,
    symbol: u16,
    kind: Kind,
    /// A flatten order that was not heard of yet.
    flattens: bool,
    /// A child whose parent was not filled.
    waits: bool,
}

/// See the module.
pub struct ExchangeVenue {
    specs: Vec<SymbolSpec>,
    exchange: Exchange,
    latency_ns: i64,
    calendar: Calendar,
    segment: Segment,
    books: Vec<Book>,
    rows: BTreeMap<OrderId, Row>,
    ids: BTreeMap<u64, OrderId>,
    reports: Reports,
    updates: VecDeque<Update>,
    seq: u64,
    ts: Ts,
    /// A command was given since the last timer event.
    restless: bool,
}

impl ExchangeVenue {
    /// An exchange for these symbols, without orders and positions.
    #[must_use]
    pub fn new(specs: &[SymbolSpec], params: Params, calendar: Calendar) -> ExchangeVenue {
        ExchangeVenue {
            specs: specs.to_vec(),
            exchange: Exchange::new(params, specs.len()),
            latency_ns: params.latency_ns,
            segment: calendar.segment(Ts(0)),
            calendar,
            books: vec![Book::new(); specs.len()],
            rows: BTreeMap::new(),
            ids: BTreeMap::new(),
            reports: Reports::new(),
            updates: VecDeque::new(),
            seq: 0,
            ts: Ts(0),
            restless: false,
        }
    }

    fn tell(&mut self, number: u64, event: OrderEvent) {
        self.updates.push_back(Update { number, event });
    }

    fn refuse(&mut self, number: u64, text: &'static str) {
        self.tell(number, OrderEvent::Rejected(Cow::Borrowed(text)));
    }

    fn send(&mut self, symbol: u16, action: Action) {
        self.restless = true;
        let command = Command { seq: self.seq, ts: self.ts, symbol: SymbolId(symbol), action };
        self.exchange.submit(&command);
    }

    fn keep(&mut self, id: OrderId, order: &NewOrder, flattens: bool) {
        let NewOrder { number, symbol, kind, .. } = *order;
        self.rows.insert(id, Row { number, symbol, kind, flattens, waits: false });
        self.ids.insert(number, id);
    }

    /// The exchange's id and the symbol of an order.
    fn find(&self, number: u64) -> Option<(OrderId, u16)> {
        let id = self.ids.get(&number)?;
        Some((*id, self.rows.get(id)?.symbol))
    }

    /// Sequences an event of one symbol, and takes in what the exchange has to say.
    fn step(&mut self, symbol: u16, flags: u8, body: Body) {
        let Some(book) = self.books.get_mut(usize::from(symbol)) else { return };
        self.seq += 1;
        let (seq, ts) = (self.seq, self.ts);
        let event = Event { seq, ts, ts_exch: ts, symbol: SymbolId(symbol), flags, body };
        book.apply(&event);
        if ts >= self.segment.end || ts < self.segment.start {
            self.segment = self.calendar.segment(ts);
        }
        self.exchange.on_event(&event, self.segment.label.is_open(), book, &mut self.reports);
        let mut at = 0;
        while let Some(report) = self.reports.events().get(at).copied() {
            at += 1;
            match report.body {
                Body::Fill(fill) => {
                    if let Some(row) = self.rows.get(&fill.id) {
                        let ticks = i64::from(fill.px.ticks());
                        let event = OrderEvent::Filled { ticks, quantity: fill.qty };
                        self.tell(row.number, event);
                    }
                }
                Body::Order(update) => self.hear(&update),
                _ => {}
            }
        }
        self.reports.clear();
    }

    /// Passes on what the exchange says of an order; fills were passed on before.
    fn hear(&mut self, update: &OrderUpdate) {
        let Some(row) = self.rows.get_mut(&update.id) else { return };
        let (number, quantity) = (row.number, update.qty);
        let event = match update.reason {
            UpdateReason::Accepted if std::mem::take(&mut row.flattens) => {
                OrderEvent::Flattens { buy: update.way == Some(BuySell::Buy), quantity }
            }
            UpdateReason::Accepted => {
                row.waits = update.status == Status::PendingChild;
                OrderEvent::Accepted { waits: row.waits }
            }
            UpdateReason::General if std::mem::take(&mut row.waits) => {
                OrderEvent::Opened { quantity }
            }
            UpdateReason::General => OrderEvent::Resized(quantity),
            UpdateReason::Canceled => OrderEvent::Canceled(Cow::Borrowed("")),
            UpdateReason::ReplaceDone => {
                row.kind = moved(row.kind, update.px);
                OrderEvent::Replaced { quantity, kind: row.kind }
            }
            UpdateReason::NewRejected => {
                OrderEvent::Rejected(Cow::Borrowed("Refused by the exchange"))
            }
            UpdateReason::CancelRejected => {
                OrderEvent::CancelRejected(Cow::Borrowed("Refused by the exchange"))
            }
            UpdateReason::ReplaceRejected => {
                OrderEvent::ReplaceRejected(Cow::Borrowed("Refused by the exchange"))
            }
            UpdateReason::Unset
            | UpdateReason::OpenOrders
            | UpdateReason::Filled
            | UpdateReason::FilledPartially => return,
        };
        self.tell(number, event);
    }

    fn px(&self, symbol: u16, price: f64) -> Option<Px> {
        px(self.specs.get(usize::from(symbol))?.ticks(price)?)
    }

    fn side(&self, symbol: u16, level: Option<(f64, f64)>) -> Option<(Px, Qty)> {
        let (price, quantity) = level?;
        Some((self.px(symbol, price)?, quantity.clamp(0.0, f64::from(QTY_MAX)) as Qty))
    }

    /// A record as an event; `None` for one without a usable price.
    fn body(&self, record: &MarketRecord) -> Option<(u8, Body)> {
        let symbol = record.symbol;
        Some(match record.body {
            MarketBody::Trade { price, volume, aggressor, unbundled } => {
                let aggressor = match aggressor {
                    market::Aggressor::None => Aggressor::None,
                    market::Aggressor::Buy => Aggressor::Buy,
                    market::Aggressor::Sell => Aggressor::Sell,
                };
                (0, Body::Trade { px: self.px(symbol, price)?, qty: volume, aggressor, unbundled })
            }
            MarketBody::Quote { bid, ask } => {
                (0, Body::Quote { bid: self.side(symbol, bid), ask: self.side(symbol, ask) })
            }
            MarketBody::Depth { side, delete, price, quantity, orders, final_in_batch, .. } => {
                let side = match side {
                    market::Side::Bid => Side::Bid,
                    market::Side::Ask => Side::Ask,
                };
                let qty = if delete { 0 } else { quantity };
                let flags = if final_in_batch { flag::BATCH_END } else { 0 };
                (flags, Body::Depth { side, px: self.px(symbol, price)?, qty, orders })
            }
            MarketBody::ClearBook => (0, Body::Clear),
            MarketBody::BatchEnd => (flag::BATCH_END, Body::BatchEnd),
        })
    }
}

impl Venue for ExchangeVenue {
    fn submit(&mut self, order: &NewOrder, _market: &MarketState) {
        let Some(id) = own_id(order.number) else {
            return self.refuse(order.number, "Too many orders");
        };
        match terms(order) {
            Ok((kind, px)) => {
                self.keep(id, order, false);
                let (way, qty, parent) = (way(order.buy), order.quantity, order.is_parent);
                self.send(order.symbol, Action::New { id, way, kind, qty, px, parent });
            }
            Err(text) => self.refuse(order.number, text),
        }
    }

    fn submit_pair(&mut self, pair: &NewPair, _market: &MarketState) {
        match bracket(pair) {
            Ok((action, parent, [stop, target])) => {
                self.keep(parent.plus(1), stop, false);
                self.keep(parent.plus(2), target, false);
                self.send(stop.symbol, action);
            }
            Err(text) => {
                self.refuse(pair.first.number, text);
                self.refuse(pair.second.number, text);
            }
        }
    }

    fn cancel(&mut self, number: u64, _market: &MarketState) {
        match self.find(number) {
            Some((id, symbol)) => self.send(symbol, Action::Cancel { id }),
            None => self.tell(number, OrderEvent::CancelRejected("The order is done".into())),
        }
    }

    fn replace(&mut self, change: &Change, _market: &MarketState) {
        let refused = |text: &'static str| OrderEvent::ReplaceRejected(Cow::Borrowed(text));
        let Some((id, symbol)) = self.find(change.number) else {
            return self.tell(change.number, refused("The order is done"));
        };
        match price(change.kind).filter(|_| change.life == Life::Day) {
            Some(px) => {
                let qty = change.quantity;
                self.send(symbol, Action::Replace { id, qty, px });
            }
            None => self.tell(change.number, refused("Not supported by the exchange")),
        }
    }

    fn flatten(&mut self, number: u64, symbol: u16, _market: &MarketState) {
        let Some(id) = own_id(number) else { return self.refuse(number, "Too many orders") };
        let (kind, life) = (Kind::Market, Life::Day);
        let (buy, quantity, is_parent) = (false, 0, false);
        let order = NewOrder { number, symbol, buy, kind, quantity, life, is_parent };
        self.keep(id, &order, true);
        self.send(symbol, Action::Flatten { id });
    }

    fn on_record(&mut self, record: &MarketRecord, _market: &MarketState) {
        self.ts = self.ts.max(Ts(record.ts_ns));
        if let Some((flags, body)) = self.body(record) {
            self.step(record.symbol, flags, body);
        }
    }

    fn on_end(&mut self, _market: &MarketState) {
        if !std::mem::take(&mut self.restless) {
            return;
        }
        self.ts = Ts(self.ts.0.saturating_add(self.latency_ns).saturating_add(1));
        for symbol in (0_u16..).take(self.specs.len()) {
            self.step(symbol, 0, Body::Timer);
        }
    }

    fn poll(&mut self) -> Option<Update> {
        self.updates.pop_front()
    }
}

/// The exchange's id of the desk's order; with room for the two that may hang on it.
fn own_id(number: u64) -> Option<OrderId> {
    Some(OrderId::new(DATE, u32::try_from(number.checked_mul(4)?).ok()?))
}

fn px(ticks: i64) -> Option<Px> {
    Px::new(i32::try_from(ticks).ok()?)
}

fn way(buy: bool) -> BuySell {
    if buy { BuySell::Buy } else { BuySell::Sell }
}

/// The one price of a kind, 0 for a market order; `None` for what the exchange does not know.
fn price(kind: Kind) -> Option<Px> {
    match kind {
        Kind::Market => Some(Px::ZERO),
        Kind::Limit(ticks) | Kind::Stop(ticks) => px(ticks),
        Kind::StopLimit(stop, limit) => px(stop).filter(|_| stop == limit),
    }
}

/// The kind with the price at which the exchange has it now.
fn moved(kind: Kind, now: Option<Px>) -> Kind {
    let Some(ticks) = now.map(|px| i64::from(px.ticks())) else { return kind };
    match kind {
        Kind::Market => Kind::Market,
        Kind::Limit(_) => Kind::Limit(ticks),
        Kind::Stop(_) => Kind::Stop(ticks),
        Kind::StopLimit(..) => Kind::StopLimit(ticks, ticks),
    }
}

/// How the exchange names an order's kind and price.
fn terms(order: &NewOrder) -> Result<(OrderKind, Px), &'static str> {
    if order.life != Life::Day {
        return Err("Only orders for the day are supported");
    }
    let px = price(order.kind).ok_or("The price is not supported")?;
    let kind = match order.kind {
        Kind::Market => OrderKind::Market,
        Kind::Limit(_) => OrderKind::Limit,
        Kind::Stop(_) => OrderKind::Stop,
        Kind::StopLimit(..) => OrderKind::StopLimit,
    };
    Ok((kind, px))
}

/// A pair as a bracket: the command, its parent's id, and the pair as stop and target.
fn bracket(pair: &NewPair) -> Result<(Action, OrderId, [&NewOrder; 2]), &'static str> {
    let parent = pair.parent.ok_or("A pair needs a parent order here")?;
    let parent = own_id(parent).ok_or("Too many orders")?;
    let both = [&pair.first, &pair.second];
    let [stop, target] = match (pair.first.kind, pair.second.kind) {
        (Kind::Stop(_), Kind::Limit(_)) => both,
        (Kind::Limit(_), Kind::Stop(_)) => [&pair.second, &pair.first],
        _ => return Err("A pair has to be a stop and a limit order"),
    };
    if (stop.buy, stop.quantity) != (target.buy, target.quantity) {
        return Err("The two orders of a pair need one direction and quantity");
    }
    let (_, stop_px) = terms(stop)?;
    let (_, target_px) = terms(target)?;
    let (way, qty) = (way(stop.buy), stop.quantity);
    let action = Action::Bracket { parent, child: 1, way, qty, stop: stop_px, target: target_px };
    Ok((action, parent, [stop, target]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-05 14:30 UTC, a Monday: the cash session opens.
    const OPEN: i64 = 1_767_623_400_000_000_000;
    const MS: i64 = 1_000_000;

    struct Floor {
        venue: ExchangeVenue,
        market: MarketState,
        ts_ns: i64,
    }

    impl Floor {
        /// 5000.00 (5) bid, 5000.25 (4) and 5000.50 (6) asked; orders take 20 ms.
        fn new() -> Floor {
            Floor::at(OPEN)
        }

        fn at(ts_ns: i64) -> Floor {
            let specs = [SymbolSpec::new("SYN", "EX", 0.25, 12.5)];
            let params = Params { latency_ns: 20 * MS, ..Params::default() };
            let venue = ExchangeVenue::new(&specs, params, Calendar::bundled().unwrap());
            let market = MarketState::new(&specs);
            let mut floor = Floor { venue, market, ts_ns };
            floor.depth(market::Side::Bid, 5000.0, 5);
            floor.depth(market::Side::Ask, 5000.25, 4);
            floor.depth(market::Side::Ask, 5000.5, 6);
            floor
        }

        fn record(&mut self, body: MarketBody) -> Vec<(u64, OrderEvent)> {
            self.ts_ns += 30 * MS;
            let record = MarketRecord { ts_ns: self.ts_ns, symbol: 0, body };
            self.market.apply(&record);
            self.venue.on_record(&record, &self.market);
            self.heard()
        }

        fn depth(
            &mut self,
            side: market::Side,
            price: f64,
            quantity: u32,
        ) -> Vec<(u64, OrderEvent)> {
            self.record(MarketBody::Depth {
                side,
                delete: quantity == 0,
                price,
                quantity,
                orders: 1,
                level: 0,
                final_in_batch: true,
            })
        }

        fn trade(&mut self, price: f64, volume: u32) -> Vec<(u64, OrderEvent)> {
            let aggressor = market::Aggressor::None;
            self.record(MarketBody::Trade { price, volume, aggressor, unbundled: 0 })
        }

        fn heard(&mut self) -> Vec<(u64, OrderEvent)> {
            std::iter::from_fn(|| self.venue.poll()).map(|u| (u.number, u.event)).collect()
        }
    }

    fn order(number: u64, buy: bool, kind: Kind, quantity: u32) -> NewOrder {
        NewOrder { number, symbol: 0, buy, kind, quantity, life: Life::Day, is_parent: number == 1 }
    }

    fn filled(number: u64, ticks: i64, quantity: u32) -> (u64, OrderEvent) {
        (number, OrderEvent::Filled { ticks, quantity })
    }

    #[test]
    fn a_bracket_lives_as_in_paper() {
        let mut floor = Floor::new();
        floor.venue.submit(&order(1, true, Kind::Market, 2), &floor.market);
        let pair = NewPair {
            parent: Some(1),
            first: order(2, false, Kind::Limit(20_008), 2),
            second: order(3, false, Kind::Stop(19_990), 2),
        };
        floor.venue.submit_pair(&pair, &floor.market);
        assert_eq!(floor.heard(), [], "it takes its time");
        let accepted = |number, waits| (number, OrderEvent::Accepted { waits });
        // The ask and a tick on top, in ticks of 0.25.
        let expected = [
            accepted(1, false),
            filled(1, 20_002, 2),
            accepted(3, true),
            accepted(2, true),
            (3, OrderEvent::Opened { quantity: 2 }),
            (2, OrderEvent::Opened { quantity: 2 }),
        ];
        assert_eq!(floor.depth(market::Side::Bid, 5000.0, 7), expected);
        // Through the target, by one contract: the stop has one less to do.
        let expected = [filled(2, 20_008, 1), (3, OrderEvent::Resized(1))];
        assert_eq!(floor.trade(5002.25, 1), expected);
        let change = Change { number: 3, quantity: 2, kind: Kind::Stop(19_995), life: Life::Day };
        floor.venue.replace(&change, &floor.market);
        let kind = Kind::Stop(19_995);
        let replaced = (3, OrderEvent::Replaced { quantity: 1, kind });
        assert_eq!(floor.trade(5000.25, 1), [replaced], "no more than is open");
        floor.venue.cancel(2, &floor.market);
        let over = |number| (number, OrderEvent::Canceled("".into()));
        assert_eq!(floor.trade(5000.25, 1), [over(2), over(3)], "one goes with the other");
        floor.venue.cancel(2, &floor.market);
        let late = (2, OrderEvent::CancelRejected("Refused by the exchange".into()));
        assert_eq!(floor.trade(5000.25, 1), [late]);
        floor.venue.flatten(4, 0, &floor.market);
        let flattens = (4, OrderEvent::Flattens { buy: false, quantity: 1 });
        assert_eq!(floor.trade(5000.25, 1), [flattens, filled(4, 19_999, 1)]);
    }

    #[test]
    fn the_end_of_the_tape_leaves_nobody_waiting() {
        let mut floor = Floor::new();
        floor.venue.on_end(&floor.market);
        floor.venue.submit(&order(1, false, Kind::Market, 1), &floor.market);
        floor.venue.on_end(&floor.market);
        let expected = [(1, OrderEvent::Accepted { waits: false }), filled(1, 19_999, 1)];
        assert_eq!(floor.heard(), expected);
        floor.venue.on_end(&floor.market);
        assert_eq!(floor.heard(), []);
    }

    #[test]
    fn what_the_exchange_does_not_know_is_refused() {
        let mut floor = Floor::new();
        let day = order(1, true, Kind::Limit(20_000), 1);
        floor.venue.submit(&NewOrder { life: Life::FillOrKill, ..day }, &floor.market);
        let two = Kind::StopLimit(20_010, 20_011);
        floor.venue.submit(&NewOrder { number: 2, kind: two, ..day }, &floor.market);
        let pair = NewPair { parent: None, first: day, second: day };
        floor.venue.submit_pair(&pair, &floor.market);
        floor.venue.cancel(9, &floor.market);
        let said = floor.heard();
        assert_eq!(said.len(), 5);
        assert!(said.iter().take(4).all(|(_, e)| matches!(e, OrderEvent::Rejected(_))));
        // Outside the session: the exchange itself refuses.
        let mut closed = Floor::at(OPEN - 36 * 3_600_000 * MS);
        closed.venue.submit(&day, &closed.market);
        let said = closed.trade(5000.0, 1);
        assert!(matches!(said[..], [(1, OrderEvent::Rejected(_))]), "{said:?}");
    }

    /// What a listener knows of an order: contracts, filled, whether it was accepted, is over.
    #[derive(Clone, Copy, Debug, Default)]
    struct Heard {
        quantity: u32,
        filled: u32,
        accepted: bool,
        over: bool,
    }

    /// Takes in an update; what it moves the position by.
    fn listen(orders: &mut BTreeMap<u64, Heard>, update: Update) -> i64 {
        let order = orders.entry(update.number).or_default();
        match update.event {
            OrderEvent::Accepted { .. } => order.accepted = true,
            OrderEvent::Flattens { quantity, .. } => {
                (order.accepted, order.quantity) = (true, quantity);
            }
            OrderEvent::Rejected(_) | OrderEvent::Canceled(_) => order.over = true,
            OrderEvent::Opened { quantity } | OrderEvent::Resized(quantity) => {
                order.quantity = quantity;
            }
            OrderEvent::Replaced { quantity, .. } => order.quantity = quantity,
            OrderEvent::CancelRejected(_) | OrderEvent::ReplaceRejected(_) => {}
            OrderEvent::Filled { quantity, .. } => {
                assert!(order.accepted && !order.over, "{update:?} {order:?}");
                order.filled += quantity;
                assert!(order.filled <= order.quantity, "{update:?} {order:?}");
                order.over = order.filled == order.quantity;
                return i64::from(quantity);
            }
        }
        0
    }

    /// Sends something at random: entries with brackets, single orders, changes, cancels, flattens.
    fn act(
        floor: &mut Floor,
        rng: &mut fastrand::Rng,
        last: &mut u64,
        mid: i64,
    ) -> Vec<(u64, bool, u32)> {
        let (number, buy, quantity) = (*last + 1, rng.bool(), rng.u32(1..9));
        let away = |rng: &mut fastrand::Rng| mid + rng.i64(-6..7);
        match rng.u8(0..6) {
            0 | 1 => {
                let kind = if rng.bool() { Kind::Market } else { Kind::Limit(away(rng)) };
                let entry = NewOrder { is_parent: true, ..order(number, buy, kind, quantity) };
                let side = if buy { 1 } else { -1 };
                let stop = Kind::Stop(mid - side * rng.i64(2..9));
                let target = Kind::Limit(mid + side * rng.i64(2..9));
                let first = order(number + 1, !buy, stop, quantity);
                let second = order(number + 2, !buy, target, quantity);
                let pair = NewPair { parent: Some(number), first, second };
                floor.venue.submit(&entry, &floor.market);
                floor.venue.submit_pair(&pair, &floor.market);
                *last += 3;
                let rest = [(number + 1, !buy, quantity), (number + 2, !buy, quantity)];
                [[(number, buy, quantity)].as_slice(), &rest].concat()
            }
            2 => {
                let kind = Kind::Limit(away(rng));
                floor.venue.submit(&order(number, buy, kind, quantity), &floor.market);
                *last += 1;
                vec![(number, buy, quantity)]
            }
            3 => {
                let kind = Kind::Limit(away(rng));
                let change =
                    Change { number: rng.u64(1..=number), quantity, kind, life: Life::Day };
                floor.venue.replace(&change, &floor.market);
                Vec::new()
            }
            4 => {
                floor.venue.cancel(rng.u64(1..=number), &floor.market);
                Vec::new()
            }
            _ if rng.u8(0..8) == 0 => {
                floor.venue.flatten(number, 0, &floor.market);
                *last += 1;
                vec![(number, buy, 0)]
            }
            _ => Vec::new(),
        }
    }

    /// Whoever listens to the updates alone knows the orders and the position of the exchange.
    #[test]
    fn the_updates_tell_everything() {
        use dtc_sim::market::Market as _;
        use dtc_sim::synthetic::{SyntheticConfig, SyntheticMarket, es};
        let mut fills = 0_i64;
        for seed in 0..4 {
            let config = SyntheticConfig {
                seed,
                symbols: vec![(es(), 5000.0)],
                duration_s: 60.0,
                ..SyntheticConfig::default()
            };
            let mut market = SyntheticMarket::new(&config);
            let mut floor = Floor::new();
            floor.market = MarketState::new(market.symbols());
            let params = Params { latency_ns: MS, ..Params::default() };
            let calendar = Calendar::bundled().unwrap();
            floor.venue = ExchangeVenue::new(market.symbols(), params, calendar);
            let (mut rng, mut last) = (fastrand::Rng::with_seed(seed), 0);
            let (mut orders, mut sides) = (BTreeMap::new(), BTreeMap::new());
            let mut position = 0;
            while let Some(record) = market.next() {
                floor.market.apply(&record);
                floor.venue.on_record(&record, &floor.market);
                while let Some(update) = floor.venue.poll() {
                    if let OrderEvent::Flattens { buy, .. } = update.event {
                        sides.insert(update.number, buy);
                    }
                    let number = update.number;
                    let moved = listen(&mut orders, update);
                    fills += moved;
                    let buy = sides.get(&number).copied().unwrap_or(false);
                    position += if buy { moved } else { -moved };
                }
                let held = floor.venue.exchange.positions().next().unwrap().1;
                assert_eq!(i64::from(held), position);
                let mut theirs: Vec<_> = floor
                    .venue
                    .exchange
                    .open_orders()
                    .map(|order| {
                        let update = order.update(UpdateReason::General);
                        (floor.venue.rows[&order.id()].number, update.qty, update.filled)
                    })
                    .collect();
                theirs.sort_unstable();
                let ours = orders.iter().filter(|(_, o)| o.accepted && !o.over);
                let ours: Vec<_> = ours.map(|(n, o)| (*n, o.quantity, o.filled)).collect();
                assert_eq!(ours, theirs, "seed {seed}");
                let mid = floor.market.symbol(0).unwrap().session.map(|s| (s.last * 4.0) as i64);
                if let Some(mid) = mid.filter(|_| rng.u8(0..16) == 0) {
                    for (number, buy, quantity) in act(&mut floor, &mut rng, &mut last, mid) {
                        sides.insert(number, buy);
                        orders.insert(number, Heard { quantity, ..Heard::default() });
                    }
                }
            }
        }
        assert!(fills > 300, "{fills} contracts: nothing was tried");
    }
}
