//! Any bytes as what a venue says of orders: from the frame to the state of every order.

use std::collections::BTreeSet;

use dtc::frame::{Frame, next_frame};
use dtc::wire::{self, Message, value};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{F64, I32};

use crate::event::{Body, Event};
use crate::execution::wire::{Name, Wire};
use crate::execution::{
    Admit, Change, Changes, LIVE_MAX, Moment, Orders, Outbox, Params, Plan, Queue,
};
use crate::feed::Counters;
use crate::feed::dtc::orders::OrderFeed;
use crate::order::{Action, BuySell, Command, ExitReason, OrderId, OrderKind};
use crate::units::{Instrument, Px, SECOND, SymbolId, Ts};

const SYMBOLS: [&str; 2] = ["ESH6", "NQH6"];
const ACCOUNT: &str = "SIM1";
const FIRST: OrderId = OrderId::new(20_260_114, 0);
/// Ids of the run; far fewer steps use them up.
const IDS: u32 = 4_096;
/// Steps of a run: what is filled stays far inside its numbers.
const STEPS_MAX: usize = 600;
/// Bytes that choose what a made-up message says.
const CHOICES: usize = 12;

/// Two bytes are a step and its size: time, a wish of ours, a link that comes or goes, a frame of
/// the bytes behind, or a message whose fields the bytes behind choose.
///
/// # Panics
/// Where a position is not the sum of what was taken into it, an id leaves twice, an entry leaves
/// against a halt, a table outgrows its limit, or a state cannot be read back.
#[doc(hidden)]
pub fn fuzz_orders(data: &[u8]) {
    let _ = reached(data);
}

/// What a run of [`fuzz_orders`] came to: orders that left, executions that were taken, and round
/// trips that ended.
#[doc(hidden)]
#[must_use]
pub fn reached(data: &[u8]) -> [u64; 3] {
    let mut desk = Desk::new();
    let mut rest = data;
    for _ in 0..STEPS_MAX {
        let Some((&[step, size], after)) = rest.split_first_chunk() else { break };
        rest = after;
        match step % 8 {
            0 => desk.ts.0 += i64::from(size) * SECOND / 50,
            1 => desk.enter(size),
            2 => desk.exit(size),
            3 => desk.event(SymbolId(0), Body::Link(size & 1 == 1)),
            4 => desk.halt(size),
            5 => {
                let (frame, after) = rest.split_at(rest.len().min(usize::from(size) * 4));
                rest = after;
                if let Ok(Some(frame)) = next_frame(frame) {
                    desk.frame(&frame);
                }
            }
            _ => {
                let Some((choices, after)) = rest.split_first_chunk::<CHOICES>() else { break };
                rest = after;
                desk.said(size, choices);
            }
        }
        desk.time();
    }
    desk.reads_back();
    [desk.left.len() as u64, desk.fills, desk.trips]
}

struct Desk {
    feed: OrderFeed,
    counters: Counters,
    wire: Wire,
    orders: Orders,
    queue: Queue,
    out: Outbox,
    changes: Changes,
    ts: Ts,
    seq: u64,
    /// Contracts by symbol, as the changes told them.
    sums: [i32; SYMBOLS.len()],
    /// Orders that have left.
    left: BTreeSet<OrderId>,
    halted: bool,
    fills: u64,
    trips: u64,
    /// The newest entry.
    newest: OrderId,
}

impl Desk {
    fn new() -> Desk {
        let instruments: Vec<Instrument> =
            SYMBOLS.iter().filter_map(|name| Instrument::from_symbol(name)).collect();
        let name = |symbol: &str| Name {
            symbol: symbol.to_owned(),
            exchange: String::new(),
            tick: 0.25,
            display_multiplier: 1.0,
        };
        let names = SYMBOLS.iter().map(|symbol| name(symbol)).collect();
        Desk {
            feed: OrderFeed::new(ACCOUNT, &instruments),
            counters: Counters::default(),
            wire: Wire::new(ACCOUNT, names).expect("short names"),
            orders: Orders::new(Params::default(), SYMBOLS.len(), FIRST, FIRST.plus(IDS)),
            queue: Queue::default(),
            out: Outbox::default(),
            changes: Changes::default(),
            ts: Ts(1_768_402_800 * SECOND),
            seq: 0,
            sums: [0; SYMBOLS.len()],
            left: BTreeSet::new(),
            halted: false,
            fills: 0,
            trips: 0,
            newest: FIRST,
        }
    }

    const fn at(&self) -> Moment {
        Moment { seq: self.seq, ts: self.ts }
    }

    fn event(&mut self, symbol: SymbolId, body: Body) {
        self.seq += 1;
        let event = Event { seq: self.seq, ts: self.ts, ts_exch: Ts::NONE, symbol, flags: 0, body };
        self.take(&event);
    }

    fn take(&mut self, event: &Event) {
        self.orders.on_event(event, &mut self.out, &mut self.changes);
        self.account();
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        let mut events = Vec::new();
        self.feed.on_frame(frame, self.ts, &mut self.counters, &mut |event| events.push(event));
        if let Some((id, server)) = self.feed.poll_learned() {
            self.wire.learn(id, &server);
        }
        for event in events {
            self.seq += 1;
            self.take(&Event { seq: self.seq, ..event });
        }
    }

    fn enter(&mut self, size: u8) {
        let way = if size & 1 == 0 { BuySell::Buy } else { BuySell::Sell };
        let symbol = SymbolId(u16::from(size >> 1 & 1));
        let px = |ticks: i32| Px::clamped(24_000 + i64::from(way.sign() * ticks));
        let refused = self.orders.order(self.newest).filter(|_| size & 128 != 0);
        let plan = Plan {
            seq: self.seq,
            ts: self.ts,
            symbol,
            way,
            kind: if size & 4 == 0 { OrderKind::Market } else { OrderKind::Limit },
            qty: u32::from(size >> 3 & 3) + 1,
            px: px(0),
            stop: px(-20),
            target: px(40),
            again: refused.map_or(OrderId::NONE, |order| order.id),
        };
        if let Ok(id) = self.orders.enter(&plan, &mut self.out) {
            assert!(!self.halted, "an entry against a halt");
            let flat = self.orders.position(symbol).is_some_and(|held| held.qty == 0);
            assert!(flat, "an entry on top of a position");
            self.newest = id;
        }
    }

    fn exit(&mut self, size: u8) {
        let reason = if size & 1 == 0 { ExitReason::Reversal } else { ExitReason::Manual };
        let (at, symbol) = (self.at(), SymbolId(u16::from(size >> 1 & 1)));
        if size & 4 == 0 {
            self.orders.exit(at, symbol, reason, &mut self.out, &mut self.changes);
        } else {
            self.orders.cancel_entries(at, &mut self.out, &mut self.changes);
        }
        self.account();
    }

    fn halt(&mut self, size: u8) {
        self.halted = size & 3 == 0;
        if self.halted {
            self.orders.halt(self.at(), &mut self.out, &mut self.changes);
        } else {
            self.orders.lift();
        }
        self.account();
    }

    /// A message of an ordinary server, whose fields `choices` pick.
    fn said(&mut self, kind: u8, choices: &[u8; CHOICES]) {
        let bytes = message(kind, self.newest, choices);
        if let Ok(Some(frame)) = next_frame(&bytes) {
            self.frame(&frame);
        }
    }

    /// What ends every step: time acts, and commands leave.
    fn time(&mut self) {
        let at = self.at();
        self.orders.on_time(at, &mut self.out, &mut self.changes);
        let mut sent: Vec<Command> = Vec::new();
        let Desk { orders, queue, out, changes, .. } = self;
        queue.pass(at, orders, out, changes, &mut |_| Admit::Now, &mut |command| {
            sent.push(*command);
            true
        });
        for command in sent {
            self.leaves(&command);
        }
        self.account();
        assert!(
            self.orders.open_orders().count() <= LIVE_MAX,
            "more orders than there is room for"
        );
    }

    fn leaves(&mut self, command: &Command) {
        let made = match command.action {
            Action::New { id, parent, .. } => {
                assert!(!(parent && self.halted), "an entry leaves against a halt");
                vec![id]
            }
            Action::Flatten { id } => vec![id],
            Action::Bracket { parent, child, .. } => {
                vec![parent.plus(child), parent.plus(child).plus(1)]
            }
            _ => Vec::new(),
        };
        for id in &made {
            assert!(self.left.insert(*id), "{id} leaves twice");
            assert!(id.counter() < FIRST.plus(IDS).counter(), "{id} is not reserved");
        }
        let encoded = self.wire.encode(command, &mut |_| {});
        assert_eq!(encoded, Ok(()), "{command:?}");
        if let Some(&id) = made.first() {
            self.event(command.symbol, Body::Sent(id));
        }
    }

    /// The position is the sum of what the changes told.
    fn account(&mut self) {
        for change in self.changes.list() {
            self.fills += u64::from(matches!(change, Change::Filled { .. }));
            self.trips += u64::from(matches!(change, Change::Closed(_)));
            let (symbol, way, qty) = match *change {
                Change::Filled { order, fill, new, .. } => (order.symbol, fill.way, new),
                Change::Unpriced { order, qty } => (order.symbol, order.way, qty),
                Change::Foreign { symbol, fill } => (symbol, fill.way, fill.qty),
                Change::Adopted { symbol, from, to } => {
                    let way = if to > from { BuySell::Buy } else { BuySell::Sell };
                    (symbol, way, to.abs_diff(from))
                }
                _ => continue,
            };
            if let Some(sum) = self.sums.get_mut(usize::from(symbol.0)) {
                let now = i64::from(*sum) + i64::from(way.sign()) * i64::from(qty);
                *sum = i32::try_from(now).unwrap_or(if now > 0 { i32::MAX } else { i32::MIN });
            }
        }
        assert_eq!(self.changes.lost(), 0, "every change is told");
        self.changes.clear();
        for (symbol, &sum) in (0..).map(SymbolId).zip(&self.sums) {
            let held = self.orders.position(symbol).map(|position| position.qty);
            assert_eq!(held, Some(sum), "the sum of what was taken");
        }
    }

    /// What a restart takes over is what this run leaves.
    fn reads_back(&self) {
        let text = self.orders.to_text();
        let read = |text: &str| {
            let (next, reserved) = (FIRST.plus(IDS), FIRST.plus(2 * IDS));
            Orders::restore(Params::default(), SYMBOLS.len(), next, reserved, text)
        };
        let again = read(&text).expect("a state of ours");
        let position = |orders: &Orders, symbol| orders.position(symbol).copied();
        for symbol in (0..).map(SymbolId).take(SYMBOLS.len()) {
            assert_eq!(position(&again, symbol), position(&self.orders, symbol));
        }
        let twice = read(&again.to_text()).expect("a state of ours");
        assert_eq!(twice.to_text(), again.to_text());
    }
}

/// A value of the list, by a byte.
fn pick<T: Copy>(list: &[T], byte: u8) -> T {
    list[usize::from(byte) % list.len()]
}

/// Quantities and prices that a server may send, some of them none.
const NUMBERS: [f64; 12] =
    [1.0, 2.0, 3.0, 4.0, 0.0, f64::MAX, 0.5, -1.0, 5.0, 1e6, 2_147_483_647.0, f64::NAN];

/// What a message says, as bytes chose it.
struct Said {
    client: String,
    server: String,
    execution: String,
    account: &'static str,
    symbol: &'static str,
    /// Request, messages of the answer, and which of them this is.
    place: [I32; 3],
    way: I32,
    price: F64,
    qty: F64,
    /// Filled so far, and by the last execution.
    filled: [F64; 2],
    /// Codes of state, reason and kind.
    codes: [I32; 3],
    rest: u8,
}

impl Said {
    fn new(newest: OrderId, choices: &[u8; CHOICES]) -> Said {
        let &[id, status, reason, order, qty, filled, last, px, execution, list, symbol, rest] =
            choices;
        let number = |byte| F64::new(pick(&NUMBERS, byte));
        let code = |byte: u8| I32::new(i32::from(byte));
        Said {
            // Orders of the newest entry, others of ours, somebody else's, or none is named.
            client: match id % 16 {
                at @ 0..8 => newest.plus(u32::from(at)).to_string(),
                at @ 8..12 => FIRST.plus(u32::from(at - 8)).to_string(),
                at @ 12..15 => format!("theirs-{at}"),
                _ => String::new(),
            },
            server: if id & 64 == 0 { format!("S-{}", id % 16) } else { String::new() },
            execution: if execution < 16 { String::new() } else { format!("E-{execution}") },
            account: if rest % 32 == 31 { "OTHER" } else { ACCOUNT },
            symbol: pick(&SYMBOLS, symbol),
            place: [code(list & 7), code(list >> 3 & 3), code(list >> 5 & 3)],
            way: code(order >> 3 & 3),
            price: F64::new(6000.0 + f64::from(px) / 4.0),
            qty: number(qty),
            filled: [number(filled), number(last)],
            codes: [code(status % 12), code(reason % 12), code(order % 6)],
            rest,
        }
    }

    fn order(&self) -> Vec<u8> {
        let mut m = wire::OrderUpdate::DEFAULT;
        [m.request_id, m.total_num_messages, m.message_number] = self.place;
        put(&mut m.symbol, self.symbol);
        put(&mut m.client_order_id, &self.client);
        put(&mut m.server_order_id, &self.server);
        put(&mut m.trade_account, self.account);
        put(&mut m.last_fill_execution_id, &self.execution);
        put(&mut m.info_text, pick(&["", "timeout, try again", "margin", "bad price"], self.rest));
        [m.order_status, m.order_update_reason, m.order_type] = self.codes;
        (m.buy_sell, m.price1, m.order_quantity) = (self.way, self.price, self.qty);
        [m.filled_quantity, m.last_fill_quantity] = self.filled;
        (m.last_fill_price, m.no_orders) = (self.price, u8::from(self.rest & 15 == 15));
        m.as_bytes().to_vec()
    }

    fn past_fill(&self) -> Vec<u8> {
        let mut m = wire::HistoricalOrderFillResponse::DEFAULT;
        [m.request_id, m.total_number_messages, m.message_number] = self.place;
        put(&mut m.symbol, self.symbol);
        put(&mut m.server_order_id, &self.server);
        put(&mut m.unique_execution_id, &self.execution);
        put(&mut m.trade_account, self.account);
        (m.buy_sell, m.price, m.quantity) = (self.way, self.price, self.qty);
        m.no_order_fills = u8::from(self.rest & 3 == 3);
        m.as_bytes().to_vec()
    }

    fn position(&self) -> Vec<u8> {
        let mut m = wire::PositionUpdate::DEFAULT;
        [m.request_id, m.total_number_messages, m.message_number] = self.place;
        put(&mut m.symbol, self.symbol);
        put(&mut m.trade_account, self.account);
        let sign = if self.way.get() & 1 == 0 { 1.0 } else { -1.0 };
        m.quantity = F64::new(sign * self.qty.get());
        m.no_positions = u8::from(self.rest & 3 == 3);
        m.as_bytes().to_vec()
    }

    fn balance(&self) -> Vec<u8> {
        let mut m = wire::AccountBalanceUpdate::DEFAULT;
        [m.request_id, m.total_number_messages, m.message_number] = self.place;
        m.cash_balance = self.price;
        put(&mut m.trade_account, self.account);
        m.as_bytes().to_vec()
    }

    /// A list that is refused; all of these have one layout.
    fn refusal(&self) -> Vec<u8> {
        let mut reject = wire::OpenOrdersReject::DEFAULT.as_bytes().to_vec();
        let kinds = [302_u16, 307, 308, 602, 401];
        if let Some(number) = reject.get_mut(2..4) {
            number.copy_from_slice(&pick(&kinds, self.rest).to_le_bytes());
        }
        reject
    }
}

fn put(field: &mut [u8], text: &str) {
    let _fits = value::put_text(field, text);
}

/// The bytes of a message: what kind of one, and what it says.
fn message(kind: u8, newest: OrderId, choices: &[u8; CHOICES]) -> Vec<u8> {
    let said = Said::new(newest, choices);
    match kind % 16 {
        0..9 => said.order(),
        9..11 => said.past_fill(),
        11..13 => said.position(),
        13 => said.balance(),
        _ => said.refusal(),
    }
}
