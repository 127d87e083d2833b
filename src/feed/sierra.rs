//! Sierra Chart's `.scid` and `.depth` records → events.
//!
//! Both files carry exchange times only, so `ts` is `ts_exch`. A trade record says how much traded
//! at the bid and at the ask; one side holding all of it names the aggressor. The bid and ask
//! beside a trade have no sizes and make no quote.

use std::collections::VecDeque;

use dtc::file::depth::{self, Command};
use dtc::file::scid::{self, Kind, Unbundled};

use super::{Counters, FeedError, Source};
use crate::event::{Body, Event, flag};
use crate::units::{Aggressor, Grid, GridError, Instrument, Px, QTY_MAX, Side, SymbolId, Ts};

/// Turns records of one symbol into events; both file readers and the follower use it.
#[derive(Clone, Debug)]
pub struct SierraDecoder {
    symbol: SymbolId,
    grid: Grid,
    /// Inside the snapshot that a clear begins.
    snapshot: bool,
    counters: Counters,
}

impl SierraDecoder {
    /// A decoder for `instrument`.
    ///
    /// # Errors
    /// [`FeedError::NoTick`] where its tick is not positive.
    pub fn new(symbol: SymbolId, instrument: &Instrument) -> Result<SierraDecoder, FeedError> {
        let grid = Grid::new(instrument.tick, 1.0)
            .ok_or_else(|| FeedError::NoTick(instrument.symbol.clone()))?;
        Ok(SierraDecoder { symbol, grid, snapshot: false, counters: Counters::default() })
    }

    /// What was skipped or refused.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// The event of an intraday record, if it is a trade.
    pub fn trade(&mut self, record: &scid::Record) -> Option<Event> {
        let unbundled = match record.kind() {
            Kind::Trade(Unbundled::None) => 0,
            Kind::Trade(Unbundled::First) => 1,
            Kind::Trade(Unbundled::Last) => 2,
            Kind::BidAsk => {
                self.counters.unused += 1;
                return None;
            }
            Kind::Bar => {
                self.counters.bars += 1;
                return None;
            }
            Kind::Garbage => {
                self.counters.invalid += 1;
                return None;
            }
        };
        let qty = record.total_volume;
        let aggressor = match (record.bid_volume, record.ask_volume) {
            (bid, 0) if bid == qty => Aggressor::Sell,
            (0, ask) if ask == qty => Aggressor::Buy,
            _ => Aggressor::None,
        };
        if qty == 0 || qty > QTY_MAX {
            self.counters.invalid += 1;
            return None;
        }
        self.counters.unclassified += u64::from(aggressor == Aggressor::None);
        let px = self.px(record.close)?;
        self.event(record.unix_ns(), 0, Body::Trade { px, qty, aggressor, unbundled })
    }

    /// The event of a depth record.
    pub fn depth(&mut self, record: &depth::Record) -> Option<Event> {
        let end = record.is_end_of_batch();
        let Some(command) = record.kind() else {
            self.counters.invalid += 1;
            return None;
        };
        let (side, delete) = match command {
            Command::ClearBook => {
                self.snapshot = true;
                let flags = self.flags(end);
                return self.event(record.unix_ns(), flags, Body::Clear);
            }
            Command::None => {
                self.counters.unused += 1;
                return None;
            }
            Command::AddBid | Command::ModifyBid => (Side::Bid, false),
            Command::AddAsk | Command::ModifyAsk => (Side::Ask, false),
            Command::DeleteBid => (Side::Bid, true),
            Command::DeleteAsk => (Side::Ask, true),
        };
        let flags = self.flags(end);
        let qty = if delete { 0 } else { record.quantity };
        if qty > QTY_MAX {
            self.counters.invalid += 1;
            return None;
        }
        let px = self.px(record.price)?;
        let body = Body::Depth { side, px, qty, orders: record.num_orders };
        self.event(record.unix_ns(), flags, body)
    }

    fn flags(&mut self, end: bool) -> u8 {
        let snapshot = if self.snapshot { flag::SNAPSHOT } else { 0 };
        self.snapshot &= !end;
        snapshot | if end { flag::BATCH_END } else { 0 }
    }

    fn px(&mut self, price: f32) -> Option<Px> {
        match self.grid.ticks(f64::from(price)) {
            Ok(px) => return Some(px),
            Err(GridError::OffGrid) => self.counters.off_grid += 1,
            Err(GridError::OutOfRange) => self.counters.invalid += 1,
        }
        None
    }

    fn event(&mut self, unix_ns: Option<i64>, flags: u8, body: Body) -> Option<Event> {
        let ts = unix_ns.map_or(Ts::NONE, Ts::from_outside);
        if !ts.is_some() {
            self.counters.invalid += 1;
            return None;
        }
        Some(Event { seq: 0, ts, ts_exch: ts, symbol: self.symbol, flags, body })
    }
}

/// A whole `.scid` file in memory.
#[derive(Debug)]
pub struct ScidFeed<'a> {
    records: scid::Records<'a>,
    decoder: SierraDecoder,
}

impl<'a> ScidFeed<'a> {
    /// Reads `data`.
    ///
    /// # Errors
    /// [`FeedError`] where the header cannot be read or the tick is missing.
    pub fn new(
        data: &'a [u8],
        symbol: SymbolId,
        instrument: &Instrument,
    ) -> Result<ScidFeed<'a>, FeedError> {
        let records = scid::records(data).map_err(|e| FeedError::Format(e.to_string()))?;
        let mut decoder = SierraDecoder::new(symbol, instrument)?;
        decoder.counters.partial_bytes = records.remainder() as u64;
        Ok(ScidFeed { records, decoder })
    }
}

impl Source for ScidFeed<'_> {
    fn pull(&mut self, out: &mut VecDeque<Event>) -> Result<bool, FeedError> {
        let event = self.records.by_ref().find_map(|record| self.decoder.trade(&record));
        out.extend(event);
        Ok(event.is_some())
    }

    fn counters(&self) -> Counters {
        self.decoder.counters
    }
}

/// A whole `.depth` file in memory.
#[derive(Debug)]
pub struct DepthFeed<'a> {
    records: depth::Records<'a>,
    decoder: SierraDecoder,
}

impl<'a> DepthFeed<'a> {
    /// Reads `data`.
    ///
    /// # Errors
    /// [`FeedError`] where the header cannot be read or the tick is missing.
    pub fn new(
        data: &'a [u8],
        symbol: SymbolId,
        instrument: &Instrument,
    ) -> Result<DepthFeed<'a>, FeedError> {
        let records = depth::records(data).map_err(|e| FeedError::Format(e.to_string()))?;
        let mut decoder = SierraDecoder::new(symbol, instrument)?;
        decoder.counters.partial_bytes = records.remainder() as u64;
        Ok(DepthFeed { records, decoder })
    }
}

impl Source for DepthFeed<'_> {
    fn pull(&mut self, out: &mut VecDeque<Event>) -> Result<bool, FeedError> {
        let event = self.records.by_ref().find_map(|record| self.decoder.depth(&record));
        out.extend(event);
        Ok(event.is_some())
    }

    fn counters(&self) -> Counters {
        self.decoder.counters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoder() -> SierraDecoder {
        let es = Instrument::from_symbol("ESH4").expect("root");
        SierraDecoder::new(SymbolId(0), &es).expect("tick")
    }

    fn record() -> scid::Record {
        let bytes = [0_u8; scid::RECORD_BYTES as usize];
        let mut record = scid::Record::parse(&bytes).expect("whole record");
        record.time_us = dtc::file::from_unix_ns(1_700_000_000_000_000_000);
        record.num_trades = 1;
        (record.close, record.high, record.low) = (4800.25, 4800.25, 4800.0);
        (record.total_volume, record.ask_volume) = (3, 3);
        record
    }

    #[test]
    fn aggressor_is_the_side_that_holds_all() {
        let mut decoder = decoder();
        let mut side = |bid, ask| {
            let mut record = record();
            (record.bid_volume, record.ask_volume) = (bid, ask);
            match decoder.trade(&record).map(|e| e.body) {
                Some(Body::Trade { aggressor, .. }) => aggressor,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(side(0, 3), Aggressor::Buy);
        assert_eq!(side(3, 0), Aggressor::Sell);
        assert_eq!(side(1, 2), Aggressor::None);
        assert_eq!(side(0, 0), Aggressor::None);
    }

    #[test]
    fn what_is_refused_is_counted() {
        let mut decoder = decoder();
        let mut bad = record();
        bad.close = 4800.1;
        assert_eq!(decoder.trade(&bad), None);
        bad.close = f32::NAN;
        assert_eq!(decoder.trade(&bad), None);
        bad = record();
        bad.time_us = 0;
        assert_eq!(decoder.trade(&bad), None);
        let counters = decoder.counters();
        assert_eq!((counters.off_grid, counters.invalid), (1, 2));
    }
}
