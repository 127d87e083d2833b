//! DTC frames → events.
//!
//! Compact and full forms of a message, of either header generation, end in the same event. Prices
//! become ticks by the symbol's increment and `DisplayPriceMultiplier`; unset sentinels become
//! `None`. A frame's length is never an error: what is missing has its documented default. What is
//! learned here comes from the frames alone, so the recorded bytes of a session replay to the same
//! events.

mod message;
pub mod orders;

use dtc::frame::Frame;
use dtc::wire::{self, Message, codes, value};

use self::message::{Level, Print, Said, Touch, When};
use self::orders::OrderFeed;
use super::{Counters, contracts};
use crate::event::{Body, Event, GapCause, flag};
use crate::units::{Aggressor, Grid, GridError, Instrument, Px, Qty, Side, SymbolId, Ts};

/// One subscription.
#[derive(Clone, Debug)]
struct Symbol {
    wire_id: u32,
    id: SymbolId,
    name: String,
    tick: f64,
    /// `None` once a definition contradicted the tick.
    grid: Option<Grid>,
    /// Exchange time of the last trade, quote and depth: messages without a time repeat it.
    last: [Ts; 3],
}

#[derive(Clone, Copy)]
enum Of {
    Trade = 0,
    Quote = 1,
    Depth = 2,
}

/// Decoder of one connection's market data.
#[derive(Clone, Debug)]
pub struct DtcFeed {
    symbols: Vec<Symbol>,
    /// Where the connection is the one that orders go over.
    orders: Option<Box<OrderFeed>>,
    counters: Counters,
    dropped: u32,
}

/// Where and when a message belongs.
#[derive(Clone, Copy)]
struct Place {
    symbol: SymbolId,
    grid: Option<Grid>,
    ts: Ts,
    ts_exch: Ts,
}

impl Place {
    fn event(&self, flags: u8, body: Body) -> Event {
        let Place { symbol, ts, ts_exch, .. } = *self;
        Event { seq: 0, ts, ts_exch, symbol, flags, body }
    }
}

impl DtcFeed {
    /// A decoder for these subscriptions: the number used on the wire, the run's symbol, its tick.
    #[must_use]
    pub fn new(subscriptions: &[(u32, SymbolId, &Instrument)]) -> DtcFeed {
        let symbol = |&(wire_id, id, instrument): &(u32, SymbolId, &Instrument)| Symbol {
            wire_id,
            id,
            name: instrument.symbol.clone(),
            tick: instrument.tick,
            grid: Grid::new(instrument.tick, 1.0),
            last: [Ts::NONE; 3],
        };
        DtcFeed {
            symbols: subscriptions.iter().map(symbol).collect(),
            orders: None,
            counters: Counters::default(),
            dropped: 0,
        }
    }

    /// Decodes what is said of orders too.
    #[must_use]
    pub fn with_orders(mut self, orders: OrderFeed) -> DtcFeed {
        self.orders = Some(Box::new(orders));
        self
    }

    /// What its decoder of orders is made from, where there is one.
    #[must_use]
    pub fn order_text(&self) -> Option<String> {
        self.orders.as_ref().map(|orders| orders.to_text())
    }

    /// The decoder of orders, where there is one.
    pub fn orders(&mut self) -> Option<&mut OrderFeed> {
        self.orders.as_deref_mut()
    }

    /// What was skipped or refused.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// The subscriptions: number on the wire and symbol of the run.
    pub fn symbols(&self) -> impl Iterator<Item = (u32, SymbolId)> + '_ {
        self.symbols.iter().map(|s| (s.wire_id, s.id))
    }

    /// The connection was made anew: the server counts from 0 again.
    pub fn reconnected(&mut self) {
        self.dropped = 0;
        if let Some(orders) = &mut self.orders {
            orders.reconnected();
        }
    }

    /// Decodes one frame, received at `ts`.
    #[inline]
    pub fn on_frame(&mut self, frame: &Frame<'_>, ts: Ts, emit: &mut impl FnMut(Event)) {
        match message::read(frame) {
            Some(Said::Level(level)) => {
                // 0 = the server does not mark batches: every update stands alone.
                let end = level.finality == codes::FINAL_UPDATE_UNSET
                    || level.finality == codes::FINAL_UPDATE_TRUE;
                self.depth(&level, if end { flag::BATCH_END } else { 0 }, ts, emit);
            }
            Some(Said::Trade(trade)) => self.trade(&trade, ts, emit),
            Some(Said::Quote(touch)) => self.quote(&touch, 0, ts, emit),
            Some(Said::Snapshot(level, first, last)) => {
                self.snapshot(&level, first, last, ts, emit);
            }
            None => self.rare(frame, ts, emit),
        }
    }

    #[cold]
    fn rare(&mut self, frame: &Frame<'_>, ts: Ts, emit: &mut impl FnMut(Event)) {
        let bytes = frame.bytes;
        let reject = Body::Reject { message_type: frame.kind };
        if let Some(orders) = &mut self.orders
            && orders.on_frame(frame, ts, &mut self.counters, emit)
        {
            return;
        }
        match frame.kind {
            wire::MarketDataSnapshot::TYPE => {
                if let Some(touch) = message::snapshot_touch(bytes) {
                    self.quote(&touch, flag::SNAPSHOT, ts, emit);
                }
            }
            wire::Heartbeat::TYPE => {
                let dropped = wire::Heartbeat::parse(bytes).num_dropped_messages.get();
                if dropped > self.dropped {
                    self.all(ts, Body::Gap(GapCause::ServerDropped), emit);
                }
                self.dropped = dropped;
            }
            wire::MarketDataFeedStatus::TYPE => {
                let m = wire::MarketDataFeedStatus::parse(bytes);
                if m.status.get() == codes::MARKET_DATA_FEED_UNAVAILABLE {
                    self.all(ts, Body::Gap(GapCause::FeedLost), emit);
                }
            }
            wire::MarketDataFeedSymbolStatus::TYPE => {
                let m = wire::MarketDataFeedSymbolStatus::parse(bytes);
                if m.status.get() == codes::MARKET_DATA_FEED_UNAVAILABLE {
                    self.one(m.symbol_id.get(), ts, Body::Gap(GapCause::FeedLost), emit);
                }
            }
            wire::TradingSymbolStatus::TYPE => {
                let m = wire::TradingSymbolStatus::parse(bytes);
                self.one(m.symbol_id.get(), ts, Body::Status(m.status as u8), emit);
            }
            wire::MarketDataReject::TYPE => {
                let m = wire::MarketDataReject::parse(bytes);
                self.one(m.symbol_id.get(), ts, reject, emit);
            }
            wire::MarketDepthReject::TYPE => {
                let m = wire::MarketDepthReject::parse(bytes);
                self.one(m.symbol_id.get(), ts, reject, emit);
            }
            wire::SecurityDefinitionResponse::TYPE => {
                let m = wire::SecurityDefinitionResponse::parse(bytes);
                let increment = f64::from(m.min_price_increment.get());
                self.define(&m.symbol, increment, f64::from(m.display_price_multiplier.get()));
            }
            wire::SecurityDefinitionResponseV2::TYPE => {
                let m = wire::SecurityDefinitionResponseV2::parse(bytes);
                let multiplier = m.display_price_multiplier.get();
                self.define(&m.symbol, m.min_price_increment.get(), multiplier);
            }
            kind if wire::describe(kind).is_some() => self.counters.unused += 1,
            _ => self.counters.unknown += 1,
        }
    }

    /// A definition confirms the tick and tells the display multiplier. The increment may be given
    /// before or after that multiplier; one that fits neither way means that the configured tick is
    /// wrong, and prices on a wrong grid must not reach the book.
    fn define(&mut self, name: &[u8], increment: f64, multiplier: f64) {
        let name = value::text(name);
        let traded = self.orders.as_mut().and_then(|o| o.define(name, increment, multiplier));
        let Some(symbol) = self.symbols.iter_mut().find(|s| s.name.as_bytes() == name) else {
            match traded {
                Some(fits) => self.counters.tick_mismatches += u64::from(!fits),
                None => self.counters.unknown_symbol += 1,
            }
            return;
        };
        symbol.grid = grid(symbol.tick, increment, multiplier);
        self.counters.tick_mismatches += u64::from(symbol.grid.is_none());
    }

    #[inline]
    fn px(&mut self, grid: Option<Grid>, price: f64) -> Option<Px> {
        match grid.map(|g| g.ticks(price)) {
            Some(Ok(px)) => return Some(px),
            Some(Err(GridError::OffGrid)) => self.counters.off_grid += 1,
            Some(Err(GridError::OutOfRange)) | None => self.counters.invalid += 1,
        }
        None
    }

    /// Finds a message's symbol; remembers its time for messages without one.
    #[inline]
    fn place(&mut self, wire_id: u32, of: Of, when: When, ts: Ts) -> Option<Place> {
        let Some(symbol) = self.symbols.iter_mut().find(|s| s.wire_id == wire_id) else {
            self.counters.unknown_symbol += 1;
            return None;
        };
        let last = symbol.last.get_mut(of as usize)?;
        let ts_exch = match when {
            When::AsBefore => *last,
            When::At(time) => time,
        };
        if ts_exch.is_some() {
            *last = ts_exch;
        }
        Some(Place { symbol: symbol.id, grid: symbol.grid, ts, ts_exch })
    }

    #[inline]
    fn trade(&mut self, trade: &Print, ts: Ts, emit: &mut impl FnMut(Event)) {
        let Some(place) = self.place(trade.symbol, Of::Trade, trade.when, ts) else { return };
        let Some(px) = self.px(place.grid, trade.price) else { return };
        let Some(qty) = contracts(trade.volume).filter(|&q| q > 0) else {
            self.counters.invalid += 1;
            return;
        };
        let aggressor = match trade.at_bid_or_ask {
            codes::AT_BID => Aggressor::Sell,
            codes::AT_ASK => Aggressor::Buy,
            _ => Aggressor::None,
        };
        self.counters.unclassified += u64::from(aggressor == Aggressor::None);
        let unbundled = u8::try_from(trade.unbundled).unwrap_or(0);
        emit(place.event(0, Body::Trade { px, qty, aggressor, unbundled }));
    }

    fn quote(&mut self, touch: &Touch, flags: u8, ts: Ts, emit: &mut impl FnMut(Event)) {
        let Some(place) = self.place(touch.symbol, Of::Quote, touch.when, ts) else { return };
        let mut side = |(price, quantity): (Option<f64>, Option<f64>)| -> Option<(Px, Qty)> {
            let qty = contracts(quantity?).filter(|&q| q > 0)?;
            Some((self.px(place.grid, price?)?, qty))
        };
        let body = Body::Quote { bid: side(touch.bid), ask: side(touch.ask) };
        emit(place.event(flags | flag::BATCH_END, body));
    }

    #[inline]
    fn depth(&mut self, level: &Level, flags: u8, ts: Ts, emit: &mut impl FnMut(Event)) {
        let Some(place) = self.place(level.symbol, Of::Depth, level.when, ts) else { return };
        let body = self.level(level, &place);
        if let Some(body) = body {
            emit(place.event(flags, body));
        } else if flags & flag::BATCH_END != 0 {
            // A refused update may still have closed its batch.
            emit(place.event(flags, Body::BatchEnd));
        }
    }

    #[inline]
    fn level(&mut self, level: &Level, place: &Place) -> Option<Body> {
        let side = match level.side {
            codes::AT_BID => Some(Side::Bid),
            codes::AT_ASK => Some(Side::Ask),
            _ => None,
        };
        let qty = match level.update {
            codes::UPDATE_DELETE => Some(0),
            codes::UPDATE_INSERT_UPDATE | codes::UPDATE_INSERT | codes::UPDATE_CHANGE => {
                contracts(level.quantity)
            }
            _ => None,
        };
        let (Some(side), Some(qty)) = (side, qty) else {
            self.counters.invalid += 1;
            return None;
        };
        let px = self.px(place.grid, level.price)?;
        let orders = u16::try_from(level.orders).unwrap_or(u16::MAX);
        Some(Body::Depth { side, px, qty, orders })
    }

    fn snapshot(
        &mut self,
        level: &Level,
        first: bool,
        last: bool,
        ts: Ts,
        emit: &mut impl FnMut(Event),
    ) {
        // A message of an empty book says which symbol it is and nothing else.
        let empty = level.side == 0 && level.quantity == 0.0;
        let end = flag::SNAPSHOT | if last { flag::BATCH_END } else { 0 };
        if first {
            let Some(place) = self.place(level.symbol, Of::Depth, level.when, ts) else { return };
            emit(place.event(if empty { end } else { flag::SNAPSHOT }, Body::Clear));
        }
        if !empty {
            self.depth(level, end, ts, emit);
        } else if last
            && !first
            && let Some(place) = self.place(level.symbol, Of::Depth, level.when, ts)
        {
            emit(place.event(end, Body::BatchEnd));
        }
    }

    fn one(&mut self, wire_id: u32, ts: Ts, body: Body, emit: &mut impl FnMut(Event)) {
        if let Some(place) = self.place(wire_id, Of::Quote, When::At(Ts::NONE), ts) {
            emit(place.event(0, body));
        }
    }

    /// An event for every symbol of the connection.
    pub fn all(&self, ts: Ts, body: Body, emit: &mut impl FnMut(Event)) {
        for symbol in self.symbols.iter().map(|s| s.id) {
            emit(Event { seq: 0, ts, ts_exch: Ts::NONE, symbol, flags: 0, body });
        }
    }
}

/// The grid of a symbol with this tick after a definition; `None` where that contradicts it.
fn grid(tick: f64, increment: f64, multiplier: f64) -> Option<Grid> {
    let near = |a: f64| (a / tick - 1.0).abs() < 1e-4;
    let fits = increment == 0.0 || near(increment) || near(increment * multiplier);
    if fits { Grid::new(tick, multiplier) } else { None }
}

#[cfg(test)]
mod tests;
