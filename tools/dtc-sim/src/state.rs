//! What a server knows of its market: the book, the last quote and trade, the session so far.
//!
//! Built from the records alone, in their order, so that every reader of the same records has the
//! same state.

use crate::market::{MarketBody, MarketRecord, Side, SymbolSpec};

/// Levels kept a side. A worse level beyond it is not kept; a client still gets its update.
pub const LEVELS_MAX: usize = 4096;

/// One price level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Price in increments: the key.
    pub ticks: i64,
    /// Displayed price, as the record gave it.
    pub price: f64,
    /// Contracts.
    pub quantity: u32,
    /// Orders, 0 if not known.
    pub orders: u16,
}

/// Both sides of a book, best level first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Book {
    bids: Vec<Level>,
    asks: Vec<Level>,
}

impl Book {
    /// Levels of one side, best first.
    #[must_use]
    pub fn levels(&self, side: Side) -> &[Level] {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    /// The best level of a side.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<&Level> {
        self.levels(side).first()
    }

    /// Whether a level stands at this price.
    #[must_use]
    pub fn contains(&self, side: Side, ticks: i64) -> bool {
        self.position(side, ticks).is_ok()
    }

    /// Whether no level stands on either side.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }

    fn set(&mut self, side: Side, level: Level) {
        let position = self.position(side, level.ticks);
        let levels = self.levels_mut(side);
        match position {
            Ok(at) => {
                if let Some(slot) = levels.get_mut(at) {
                    *slot = level;
                }
            }
            Err(at) if at < LEVELS_MAX => {
                levels.truncate(LEVELS_MAX - 1);
                levels.insert(at, level);
            }
            Err(_) => {}
        }
    }

    fn delete(&mut self, side: Side, ticks: i64) {
        if let Ok(at) = self.position(side, ticks) {
            self.levels_mut(side).remove(at);
        }
    }

    fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    fn levels_mut(&mut self, side: Side) -> &mut Vec<Level> {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }

    fn position(&self, side: Side, ticks: i64) -> Result<usize, usize> {
        match side {
            Side::Bid => self.bids.binary_search_by(|level| ticks.cmp(&level.ticks)),
            Side::Ask => self.asks.binary_search_by(|level| level.ticks.cmp(&ticks)),
        }
    }
}

/// Last trade and the running values of the session.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SessionValues {
    /// First, highest, lowest and last price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub last: f64,
    /// Contracts of the last trade.
    pub last_volume: u32,
    /// Time of the last trade, Unix ns.
    pub last_ts_ns: i64,
    /// Contracts in all.
    pub volume: u64,
    /// Trades in all.
    pub trades: u32,
}

/// Best prices as last quoted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuoteValues {
    /// Best bid (price, contracts).
    pub bid: Option<(f64, f64)>,
    /// Best ask (price, contracts).
    pub ask: Option<(f64, f64)>,
    /// Time of the quote, Unix ns.
    pub ts_ns: i64,
}

/// Everything known of one symbol.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SymbolState {
    /// The book.
    pub book: Book,
    /// A batch of depth records has begun and its final record has not come.
    pub batch_open: bool,
    /// Last quote record.
    pub quote: Option<QuoteValues>,
    /// Trades so far; `None` before the first.
    pub session: Option<SessionValues>,
    /// Time of the last depth record, Unix ns, 0 before the first.
    pub depth_ts_ns: i64,
}

/// The state of all symbols of a market.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketState {
    increments: Vec<f64>,
    symbols: Vec<SymbolState>,
    last_ts_ns: i64,
}

impl MarketState {
    /// Empty books, nothing traded.
    #[must_use]
    pub fn new(specs: &[SymbolSpec]) -> Self {
        Self {
            increments: specs.iter().map(|spec| spec.increment).collect(),
            symbols: vec![SymbolState::default(); specs.len()],
            last_ts_ns: 0,
        }
    }

    /// State of one symbol, `None` for an index out of range.
    #[must_use]
    pub fn symbol(&self, index: u16) -> Option<&SymbolState> {
        self.symbols.get(usize::from(index))
    }

    /// Greatest record time so far, Unix ns, 0 before the first.
    #[must_use]
    pub fn last_ts_ns(&self) -> i64 {
        self.last_ts_ns
    }

    /// Takes in one record. A record of an unknown symbol or without a usable price is passed over.
    pub fn apply(&mut self, record: &MarketRecord) {
        let index = usize::from(record.symbol);
        let Some(state) = self.symbols.get_mut(index) else { return };
        let increment = self.increments.get(index).copied().unwrap_or(1.0);
        self.last_ts_ns = self.last_ts_ns.max(record.ts_ns);
        state.apply(record, increment);
    }
}

impl SymbolState {
    fn apply(&mut self, record: &MarketRecord, increment: f64) {
        match record.body {
            MarketBody::Trade { price, volume, .. } => self.trade(record.ts_ns, price, volume),
            MarketBody::Quote { bid, ask } => {
                self.quote = Some(QuoteValues { bid, ask, ts_ns: record.ts_ns });
            }
            MarketBody::Depth { side, delete, price, quantity, orders, final_in_batch, .. } => {
                if let Some(ticks) = ticks_of(price, increment) {
                    if delete {
                        self.book.delete(side, ticks);
                    } else {
                        self.book.set(side, Level { ticks, price, quantity, orders });
                    }
                }
                self.batch_open = !final_in_batch;
                self.depth_ts_ns = record.ts_ns;
            }
            MarketBody::ClearBook => {
                self.book.clear();
                self.batch_open = true;
                self.depth_ts_ns = record.ts_ns;
            }
            MarketBody::BatchEnd => {
                self.batch_open = false;
                self.depth_ts_ns = record.ts_ns;
            }
        }
    }

    fn trade(&mut self, ts_ns: i64, price: f64, volume: u32) {
        let values = self.session.get_or_insert(SessionValues {
            open: price,
            high: price,
            low: price,
            ..SessionValues::default()
        });
        values.high = values.high.max(price);
        values.low = values.low.min(price);
        values.last = price;
        values.last_volume = volume;
        values.last_ts_ns = ts_ns;
        values.volume = values.volume.saturating_add(u64::from(volume));
        values.trades = values.trades.saturating_add(1);
    }
}

fn ticks_of(price: f64, increment: f64) -> Option<i64> {
    let ticks = (price / increment).round();
    (ticks.abs() < 9_007_199_254_740_992.0).then_some(ticks as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Aggressor;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn depth(side: Side, delete: bool, price: f64, quantity: u32) -> MarketRecord {
        MarketRecord {
            ts_ns: 5,
            symbol: 0,
            body: MarketBody::Depth {
                side,
                delete,
                price,
                quantity,
                orders: 1,
                level: 0,
                final_in_batch: true,
            },
        }
    }

    fn state() -> MarketState {
        MarketState::new(&[SymbolSpec::new("X", "", 0.25, 12.5)])
    }

    proptest! {
        #[test]
        fn the_book_equals_a_map(
            steps in prop::collection::vec(
                (any::<bool>(), any::<bool>(), 0i64..40, 1u32..9),
                0..200,
            )
        ) {
            let mut state = state();
            let mut bids = BTreeMap::new();
            let mut asks = BTreeMap::new();
            for (is_bid, delete, ticks, quantity) in steps {
                let side = if is_bid { Side::Bid } else { Side::Ask };
                let map = if is_bid { &mut bids } else { &mut asks };
                if delete { map.remove(&ticks); } else { map.insert(ticks, quantity); }
                state.apply(&depth(side, delete, ticks as f64 * 0.25, quantity));
            }
            let book = &state.symbol(0).unwrap().book;
            let got = |side| -> Vec<(i64, u32)> {
                book.levels(side).iter().map(|level| (level.ticks, level.quantity)).collect()
            };
            prop_assert_eq!(got(Side::Bid), bids.into_iter().rev().collect::<Vec<_>>());
            prop_assert_eq!(got(Side::Ask), asks.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_side_is_bounded_and_keeps_the_best() {
        let mut state = state();
        for tick in 0..(LEVELS_MAX as i64 + 10) {
            state.apply(&depth(Side::Bid, false, tick as f64 * 0.25, 1));
        }
        let book = &state.symbol(0).unwrap().book;
        assert_eq!(book.levels(Side::Bid).len(), LEVELS_MAX);
        assert_eq!(book.best(Side::Bid).unwrap().ticks, LEVELS_MAX as i64 + 9);
    }

    #[test]
    fn hostile_records_are_passed_over() {
        let mut state = state();
        state.apply(&depth(Side::Bid, false, f64::NAN, 1));
        state.apply(&MarketRecord { symbol: 9, ..depth(Side::Bid, false, 1.0, 1) });
        assert!(state.symbol(0).unwrap().book.is_empty());
        assert!(state.symbol(9).is_none());
    }

    #[test]
    fn the_session_runs_over_trades_only() {
        let mut state = state();
        for (price, volume) in [(10.0, 2), (12.0, 3), (9.0, 1)] {
            let body = MarketBody::Trade { price, volume, aggressor: Aggressor::Buy, unbundled: 0 };
            state.apply(&MarketRecord { ts_ns: 7, symbol: 0, body });
        }
        let session = state.symbol(0).unwrap().session.unwrap();
        assert_eq!((session.open, session.high, session.low, session.last), (10.0, 12.0, 9.0, 9.0));
        assert_eq!((session.volume, session.trades, session.last_volume), (6, 3, 1));
    }
}
