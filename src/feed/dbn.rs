//! Databento files (schemas mbo, mbp-1, mbp-10, trades) → events.
//!
//! `ts` is the capture server's receive time, `ts_exch` the venue's. An order-by-order stream is
//! built into price levels, and each venue event (records up to the flag LAST) becomes the updates
//! between its ten-level states. Orders of the snapshot that opens a file are placed in silence:
//! their levels come with the first event after it.

use std::collections::VecDeque;
use std::hash::{BuildHasherDefault, Hasher};

use dbn::decode::DbnMetadata;
use dbn::{BidAskPair, FlagSet, MboMsg, Mbp1Msg, Mbp10Msg, Record, RecordRef, Schema, TradeMsg};

use super::levels::{Ten, diff};
use super::{Counters, FeedError, Source};
use crate::book::Level;
use crate::event::{Body, Event, flag};
use crate::units::{Aggressor, Instrument, Px, QTY_MAX, Qty, Side, SymbolId, Ts};

/// Fibonacci hashing of an order number: fixed, so that runs are equal, and cheap. The table is
/// looked up by key only; its order is never read.
#[derive(Clone, Copy, Debug, Default)]
struct OrderHasher(u64);

impl Hasher for OrderHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&b| self.write_u64(u64::from(b)));
    }
    fn write_u64(&mut self, n: u64) {
        let mixed = (self.0 ^ n).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ mixed >> 29;
    }
}

#[expect(clippy::disallowed_types, reason = "the one waiver: look-up by order number only")]
type Orders = std::collections::HashMap<u64, Order, BuildHasherDefault<OrderHasher>>;

#[derive(Clone, Copy, Debug)]
struct Order {
    side: Side,
    px: Px,
    qty: Qty,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    qty: u64,
    orders: u32,
}

/// Price levels of one side, worst first: what happens near the touch happens at the end.
#[derive(Clone, Debug, Default)]
struct Levels {
    /// Sort key (greater is better), size and orders.
    levels: Vec<(i32, Sum)>,
}

impl Levels {
    /// Where `key` is, or would be inserted.
    fn find(&self, key: i32) -> Result<usize, usize> {
        // Most changes are among the best few: look there before halving the rest.
        let near = self.levels.len().saturating_sub(16);
        match self.levels.get(near) {
            Some(first) if first.0 <= key => {
                let tail = self.levels.get(near..).unwrap_or_default();
                let back = tail.iter().rev().take_while(|l| l.0 > key).count();
                let at = self.levels.len() - back;
                match at.checked_sub(1).and_then(|found| self.levels.get(found)) {
                    Some(level) if level.0 == key => Ok(at - 1),
                    _ => Err(at),
                }
            }
            _ => self.levels.binary_search_by_key(&key, |l| l.0),
        }
    }

    fn add(&mut self, key: i32, qty: Qty) {
        match self.find(key) {
            Ok(at) => {
                if let Some((_, sum)) = self.levels.get_mut(at) {
                    sum.qty += u64::from(qty);
                    sum.orders += 1;
                }
            }
            Err(at) => self.levels.insert(at, (key, Sum { qty: u64::from(qty), orders: 1 })),
        }
    }

    fn take(&mut self, key: i32, qty: Qty, whole: bool) {
        let Ok(at) = self.find(key) else { return };
        let Some((_, sum)) = self.levels.get_mut(at) else { return };
        sum.qty = sum.qty.saturating_sub(u64::from(qty));
        sum.orders = sum.orders.saturating_sub(u32::from(whole));
        if sum.orders == 0 {
            self.levels.remove(at);
        }
    }
}

/// Full-depth book of one instrument, from single orders.
#[derive(Clone, Debug, Default)]
struct OrderBook {
    orders: Orders,
    bids: Levels,
    asks: Levels,
}

impl OrderBook {
    /// The levels of a side, and what makes a price its sort key there.
    fn side(&mut self, side: Side) -> (&mut Levels, i32) {
        match side {
            Side::Bid => (&mut self.bids, 1),
            Side::Ask => (&mut self.asks, -1),
        }
    }

    fn put(&mut self, id: u64, order: Order) {
        self.orders.insert(id, order);
        let (levels, sign) = self.side(order.side);
        levels.add(order.px.ticks() * sign, order.qty);
    }

    /// Takes `qty` of an order away, all of it when `qty` is `None`; the order as it was.
    fn take(&mut self, id: u64, qty: Option<Qty>) -> Option<Order> {
        let std::collections::hash_map::Entry::Occupied(mut entry) = self.orders.entry(id) else {
            return None;
        };
        let order = *entry.get();
        let taken = qty.unwrap_or(order.qty).min(order.qty);
        let whole = taken == order.qty;
        if whole {
            entry.remove();
        } else {
            entry.get_mut().qty -= taken;
        }
        let (levels, sign) = self.side(order.side);
        levels.take(order.px.ticks() * sign, taken, whole);
        Some(order)
    }

    fn ten(&self, side: Side) -> Ten {
        let (levels, sign) = match side {
            Side::Bid => (&self.bids, 1),
            Side::Ask => (&self.asks, -1),
        };
        Ten::from_iter(levels.levels.iter().rev().map(|&(key, sum)| Level {
            px: Px::clamped(i64::from(key * sign)),
            qty: Qty::try_from(sum.qty).unwrap_or(QTY_MAX).min(QTY_MAX),
            orders: u16::try_from(sum.orders).unwrap_or(u16::MAX),
        }))
    }
}

/// One instrument of the file.
#[derive(Clone, Debug)]
struct Symbol {
    id: SymbolId,
    /// Tick in units of 1e-9.
    tick_nano: i64,
    book: OrderBook,
    shown: [Ten; 2],
    /// Which side's ten levels may have changed since they were shown.
    dirty: [bool; 2],
}

/// A Databento file in memory, decompressed.
pub struct DbnFeed<'a> {
    decoder: ::dbn::decode::dbn::Decoder<&'a [u8]>,
    symbols: Vec<(u32, Symbol)>,
    counters: Counters,
    records: u64,
    /// Bytes of the data that no record has used yet.
    left: u64,
}

impl std::fmt::Debug for DbnFeed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DbnFeed").field("records", &self.records).finish_non_exhaustive()
    }
}

/// The symbols that a file names, by instrument number.
///
/// # Errors
/// [`FeedError::Format`] where the file is no DBN file of a schema that is read here.
pub fn symbols(data: &[u8]) -> Result<Vec<(u32, String)>, FeedError> {
    let decoder = open(data)?;
    let metadata = decoder.metadata();
    let known = [Schema::Mbo, Schema::Mbp1, Schema::Mbp10, Schema::Trades];
    if let Some(schema) = metadata.schema
        && !known.contains(&schema)
    {
        let text = format!("schema {schema} is not read; convert to mbo, mbp-1, mbp-10 or trades");
        return Err(FeedError::Format(text));
    }
    let mut out: Vec<(u32, String)> = Vec::new();
    for mapping in &metadata.mappings {
        for interval in &mapping.intervals {
            // Either side may be the number: it depends on the symbology of the request.
            let pair = match (interval.symbol.parse(), mapping.raw_symbol.parse()) {
                (Ok(id), _) => (id, mapping.raw_symbol.clone()),
                (_, Ok(id)) => (id, interval.symbol.clone()),
                _ => continue,
            };
            if !out.iter().any(|known| known.0 == pair.0) {
                out.push(pair);
            }
        }
    }
    Ok(out)
}

fn open(data: &[u8]) -> Result<::dbn::decode::dbn::Decoder<&[u8]>, FeedError> {
    ::dbn::decode::dbn::Decoder::new(data)
        .map_err(|e| FeedError::Format(format!("not a readable DBN file: {e}")))
}

/// Bytes behind the metadata, whose length stands behind magic and version.
fn record_bytes(data: &[u8]) -> u64 {
    let Some((_, rest)) = data.split_first_chunk::<4>() else { return 0 };
    let Some((len, body)) = rest.split_first_chunk::<4>() else { return 0 };
    (body.len() as u64).saturating_sub(u64::from(u32::from_le_bytes(*len)))
}

impl<'a> DbnFeed<'a> {
    /// Reads `data`; `symbols` gives the run's symbol and grid for an instrument number.
    ///
    /// # Errors
    /// [`FeedError::Format`] where the header cannot be read.
    pub fn new(
        data: &'a [u8],
        symbols: &[(u32, SymbolId, &Instrument)],
    ) -> Result<DbnFeed<'a>, FeedError> {
        let symbol = |&(number, id, instrument): &(u32, SymbolId, &Instrument)| {
            let tick_nano = (instrument.tick * 1e9).round() as i64;
            let (book, shown, dirty) = (OrderBook::default(), Default::default(), [false; 2]);
            (number, Symbol { id, tick_nano: tick_nano.max(1), book, shown, dirty })
        };
        Ok(DbnFeed {
            decoder: open(data)?,
            symbols: symbols.iter().map(symbol).collect(),
            counters: Counters::default(),
            records: 0,
            left: record_bytes(data),
        })
    }

    /// Records read so far.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.records
    }
}

impl Source for DbnFeed<'_> {
    fn pull(&mut self, out: &mut VecDeque<Event>) -> Result<bool, FeedError> {
        let before = out.len();
        while out.len() == before {
            let at = self.records;
            let record = self.decoder.decode_ref().map_err(|e| {
                FeedError::Format(format!("DBN record {at} cannot be read ({e}); file damaged?"))
            })?;
            let Some(record) = record else {
                self.counters.partial_bytes = self.left;
                return Ok(false);
            };
            self.records += 1;
            self.left = self.left.saturating_sub(record.record_size() as u64);
            let number = record.header().instrument_id;
            match self.symbols.iter_mut().find(|s| s.0 == number) {
                Some((_, symbol)) => {
                    Decode { symbol, out, counters: &mut self.counters }.record(&record);
                }
                None => self.counters.unknown_symbol += 1,
            }
        }
        Ok(true)
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}

struct Decode<'a> {
    symbol: &'a mut Symbol,
    out: &'a mut VecDeque<Event>,
    counters: &'a mut Counters,
}

/// Where and when a record happened.
#[derive(Clone, Copy)]
struct At {
    ts: Ts,
    ts_exch: Ts,
    last: bool,
}

impl At {
    fn new(ts_recv: u64, ts_event: u64, flags: FlagSet) -> At {
        let time = |ns: u64| i64::try_from(ns).map_or(Ts::NONE, Ts::from_outside);
        let ts_exch = time(ts_event);
        At { ts: time(ts_recv).or(ts_exch), ts_exch, last: flags.is_last() }
    }
}

impl Decode<'_> {
    fn record(&mut self, record: &RecordRef<'_>) {
        if let Some(msg) = record.get::<MboMsg>() {
            self.mbo(msg);
        } else if let Some(msg) = record.get::<Mbp1Msg>() {
            let at = At::new(msg.ts_recv, msg.hd.ts_event, msg.flags);
            self.trade(msg.action, msg.side, msg.price, msg.size, at);
            let [pair] = &msg.levels;
            self.quote(pair, at);
        } else if let Some(msg) = record.get::<Mbp10Msg>() {
            let at = At::new(msg.ts_recv, msg.hd.ts_event, msg.flags);
            self.trade(msg.action, msg.side, msg.price, msg.size, at);
            self.ten(&msg.levels, at);
        } else if let Some(msg) = record.get::<TradeMsg>() {
            let at = At::new(msg.ts_recv, msg.hd.ts_event, msg.flags);
            self.trade(msg.action, msg.side, msg.price, msg.size, at);
        } else {
            self.counters.unused += 1;
        }
    }

    fn emit(&mut self, at: At, flags: u8, body: Body) {
        let (ts, ts_exch, symbol) = (at.ts, at.ts_exch, self.symbol.id);
        self.out.push_back(Event { seq: 0, ts, ts_exch, symbol, flags, body });
    }

    fn px(&mut self, price: i64) -> Option<Px> {
        if price == ::dbn::UNDEF_PRICE {
            return None;
        }
        let tick = self.symbol.tick_nano;
        if price % tick != 0 {
            self.counters.off_grid += 1;
            return None;
        }
        let px = i32::try_from(price / tick).ok().and_then(Px::new);
        self.counters.invalid += u64::from(px.is_none());
        px
    }

    fn trade(&mut self, action: i8, side: i8, price: i64, size: u32, at: At) {
        if action as u8 != b'T' {
            return;
        }
        let aggressor = match side as u8 {
            b'B' => Aggressor::Buy,
            b'A' => Aggressor::Sell,
            _ => Aggressor::None,
        };
        self.counters.unclassified += u64::from(aggressor == Aggressor::None);
        if size == 0 || size > QTY_MAX {
            self.counters.invalid += 1;
        } else if let Some(px) = self.px(price) {
            self.emit(at, 0, Body::Trade { px, qty: size, aggressor, unbundled: 0 });
        }
    }

    fn mbo(&mut self, msg: &MboMsg) {
        let at = At::new(msg.ts_recv, msg.hd.ts_event, msg.flags);
        let side = match msg.side as u8 {
            b'B' => Some(Side::Bid),
            b'A' => Some(Side::Ask),
            _ => None,
        };
        match (msg.action as u8, side) {
            (b'T', _) => self.trade(msg.action, msg.side, msg.price, msg.size, at),
            (b'A' | b'M', Some(side)) => self.place(msg, side),
            (b'C', _) => match self.symbol.book.take(msg.order_id, Some(msg.size)) {
                Some(order) => self.touch(order.side, order.px),
                None => self.counters.unknown_orders += 1,
            },
            (b'R', _) => {
                self.symbol.book = OrderBook::default();
                self.symbol.dirty = [true; 2];
            }
            // A fill repeats what the trade and the cancel say; N says nothing.
            (b'F' | b'N', _) => {}
            _ => self.counters.invalid += 1,
        }
        if at.last {
            self.show(at);
        }
    }

    fn place(&mut self, msg: &MboMsg, side: Side) {
        let known = self.symbol.book.take(msg.order_id, None);
        if let Some(old) = known {
            self.touch(old.side, old.px);
        }
        // An add of a known order and a change of an unknown one are both out of place.
        self.counters.unknown_orders += u64::from(known.is_some() == (msg.action as u8 == b'A'));
        if msg.size == 0 || msg.size > QTY_MAX {
            self.counters.invalid += u64::from(msg.size > QTY_MAX);
        } else if let Some(px) = self.px(msg.price) {
            self.symbol.book.put(msg.order_id, Order { side, px, qty: msg.size });
            self.touch(side, px);
        }
    }

    /// Notes a change at `px`: beyond the tenth level shown it changes nothing visible.
    fn touch(&mut self, side: Side, px: Px) {
        let shown = match (side, &self.symbol.shown) {
            (Side::Bid, [bids, _]) => bids.tenth().is_none_or(|t| px >= t.px),
            (Side::Ask, [_, asks]) => asks.tenth().is_none_or(|t| px <= t.px),
        };
        let [bids, asks] = &mut self.symbol.dirty;
        let dirty = if side == Side::Bid { bids } else { asks };
        *dirty |= shown;
    }

    /// A venue event ended: emits what changed among the best ten.
    fn show(&mut self, at: At) {
        let first = self.out.len();
        for (index, side) in [Side::Bid, Side::Ask].into_iter().enumerate() {
            let dirty = self.symbol.dirty.get_mut(index).is_some_and(std::mem::take);
            if dirty {
                let now = self.symbol.book.ten(side);
                self.change(index, side, now, at);
            }
        }
        self.end_batch(first, at);
    }

    fn change(&mut self, index: usize, side: Side, now: Ten, at: At) {
        let (ts, ts_exch, symbol) = (at.ts, at.ts_exch, self.symbol.id);
        if let Some(shown) = self.symbol.shown.get_mut(index) {
            let out = &mut *self.out;
            diff(shown, &now, side, |body| {
                out.push_back(Event { seq: 0, ts, ts_exch, symbol, flags: 0, body });
            });
            *shown = now;
        }
    }

    /// Marks the last event since `first` as the end of its batch, or says that nothing changed.
    fn end_batch(&mut self, first: usize, at: At) {
        if self.out.len() > first
            && let Some(event) = self.out.back_mut()
        {
            event.flags |= flag::BATCH_END;
        } else {
            self.emit(at, flag::BATCH_END, Body::BatchEnd);
        }
    }

    fn ten(&mut self, levels: &[BidAskPair; 10], at: At) {
        let mut sides = [[Level::default(); 10]; 2];
        let mut lens = [0_usize; 2];
        for pair in levels {
            let both =
                [(pair.bid_px, pair.bid_sz, pair.bid_ct), (pair.ask_px, pair.ask_sz, pair.ask_ct)];
            for ((side, len), (price, qty, orders)) in sides.iter_mut().zip(&mut lens).zip(both) {
                if qty > 0
                    && qty <= QTY_MAX
                    && let Some(px) = self.px(price)
                    && let Some(slot) = side.get_mut(*len)
                {
                    let orders = u16::try_from(orders).unwrap_or(u16::MAX);
                    *slot = Level { px, qty, orders };
                    *len += 1;
                }
            }
        }
        let first = self.out.len();
        for (index, side) in [Side::Bid, Side::Ask].into_iter().enumerate() {
            let held = sides.get(index).zip(lens.get(index));
            if let Some((levels, &len)) = held {
                let now = Ten::from_iter(levels.iter().take(len).copied());
                self.change(index, side, now, at);
            }
        }
        if at.last {
            self.end_batch(first, at);
        }
    }

    fn quote(&mut self, pair: &BidAskPair, at: At) {
        let mut side = |price, qty: Qty| {
            if qty == 0 || qty > QTY_MAX { None } else { self.px(price).map(|px| (px, qty)) }
        };
        let bid = side(pair.bid_px, pair.bid_sz);
        let ask = side(pair.ask_px, pair.ask_sz);
        self.emit(at, flag::BATCH_END, Body::Quote { bid, ask });
    }
}
