//! The market a simulator serves, as plain records: no wire format, no clock, no file.
//!
//! Whoever has a recorded market (a tick file, a journal) turns it into [`MarketRecord`]s and
//! serves it; [`crate::synthetic`] makes one up from a seed.

/// One tradable symbol, in the units of its exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct SymbolSpec {
    /// Name a client subscribes to. At most 63 bytes reach the wire.
    pub symbol: String,
    /// Exchange name. At most 15 bytes reach the wire; clients may leave it empty.
    pub exchange: String,
    /// Smallest price step, in displayed price units. Must be above zero.
    pub increment: f64,
    /// Displayed price = wire price × this. 1.0 where the two are the same.
    pub display_multiplier: f64,
    /// Value of one increment of one contract, in the account currency.
    pub currency_per_increment: f64,
}

impl SymbolSpec {
    /// A symbol whose wire prices are its displayed prices.
    #[must_use]
    pub fn new(symbol: &str, exchange: &str, increment: f64, currency_per_increment: f64) -> Self {
        Self {
            symbol: symbol.to_owned(),
            exchange: exchange.to_owned(),
            increment,
            display_multiplier: 1.0,
            currency_per_increment,
        }
    }

    /// Whole increments nearest to a displayed price; `None` for a price that is no number or out
    /// of range.
    #[must_use]
    pub fn ticks(&self, price: f64) -> Option<i64> {
        let ticks = (price / self.increment).round();
        // 2^53: beyond it an f64 no longer tells neighbouring integers apart.
        (ticks.abs() < 9_007_199_254_740_992.0).then_some(ticks as i64)
    }

    /// Displayed price to wire price.
    #[must_use]
    pub fn to_wire(&self, price: f64) -> f64 {
        if self.display_multiplier == 1.0 { price } else { price / self.display_multiplier }
    }

    /// Wire price to displayed price.
    #[must_use]
    pub fn from_wire(&self, price: f64) -> f64 {
        if self.display_multiplier == 1.0 { price } else { price * self.display_multiplier }
    }
}

/// Side of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Buyers.
    Bid,
    /// Sellers.
    Ask,
}

/// Who crossed the spread in a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggressor {
    /// Not known.
    None,
    /// The buyer: the trade is at the ask.
    Buy,
    /// The seller: the trade is at the bid.
    Sell,
}

/// One thing that happened to one symbol.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarketRecord {
    /// Exchange time, nanoseconds since the Unix epoch. Paces the simulator.
    pub ts_ns: i64,
    /// Index into [`Market::symbols`]. A record of an unknown symbol is passed over.
    pub symbol: u16,
    /// What happened.
    pub body: MarketBody,
}

/// What happened. Prices are displayed prices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MarketBody {
    /// An execution. It does not change the book by itself.
    Trade {
        /// Price of the execution.
        price: f64,
        /// Contracts.
        volume: u32,
        /// Who crossed the spread.
        aggressor: Aggressor,
        /// 0 not part of an unbundled trade, 1 its first part, 2 its last.
        unbundled: u8,
    },
    /// The best prices with their quantities; `None` for an empty side.
    Quote {
        /// Best bid (price, contracts).
        bid: Option<(f64, f64)>,
        /// Best ask (price, contracts).
        ask: Option<(f64, f64)>,
    },
    /// A price level set (inserted or replaced) or deleted. Keyed by price.
    Depth {
        /// Side of the level.
        side: Side,
        /// Deletes the level; `quantity` is then of no meaning.
        delete: bool,
        /// Price of the level.
        price: f64,
        /// Contracts at the level.
        quantity: u32,
        /// Orders at the level, 0 if not known.
        orders: u16,
        /// Position from the touch, 1-based, 0 if not known. A hint: the price decides.
        level: u16,
        /// The book is whole again after this record.
        final_in_batch: bool,
    },
    /// Both sides are emptied. The batch stays open until its final record.
    ClearBook,
    /// The book is whole again; nothing else changes.
    BatchEnd,
}

/// A source of records, in the order to be served.
pub trait Market {
    /// The symbols; a record's `symbol` is an index into this. Never changes.
    fn symbols(&self) -> &[SymbolSpec];
    /// What kind of market this is, for people: the description in security definitions and a part
    /// of the server's name.
    fn label(&self) -> &str {
        "recorded market"
    }
    /// The next record, `None` at the end (and ever after).
    fn next(&mut self) -> Option<MarketRecord>;
}

/// A recorded market in memory.
#[derive(Clone, Debug, Default)]
pub struct VecMarket {
    symbols: Vec<SymbolSpec>,
    records: Vec<MarketRecord>,
    position: usize,
}

impl VecMarket {
    /// Serves `records` in order.
    #[must_use]
    pub fn new(symbols: Vec<SymbolSpec>, records: Vec<MarketRecord>) -> Self {
        Self { symbols, records, position: 0 }
    }

    /// Records not served yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.records.len().saturating_sub(self.position)
    }
}

impl Market for VecMarket {
    fn symbols(&self) -> &[SymbolSpec] {
        &self.symbols
    }

    fn next(&mut self) -> Option<MarketRecord> {
        let record = self.records.get(self.position).copied()?;
        self.position += 1;
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_round_to_the_grid_and_refuse_nonsense() {
        let spec = SymbolSpec::new("X", "", 0.25, 12.5);
        assert_eq!(spec.ticks(5000.25), Some(20_001));
        assert_eq!(spec.ticks(-0.5), Some(-2));
        assert_eq!(spec.ticks(f64::NAN), None);
        assert_eq!(spec.ticks(f64::INFINITY), None);
        assert_eq!(spec.ticks(f64::MAX), None);
        let free = SymbolSpec { increment: 0.0, ..spec };
        assert_eq!(free.ticks(1.0), None);
    }

    #[test]
    fn wire_prices_are_divided_by_the_multiplier() {
        let spec = SymbolSpec { display_multiplier: 0.01, ..SymbolSpec::new("X", "", 0.25, 12.5) };
        assert!((spec.to_wire(2828.25) - 282_825.0).abs() < 1e-6);
        assert!((spec.from_wire(282_825.0) - 2828.25).abs() < 1e-9);
    }

    #[test]
    fn a_vec_market_ends_and_stays_ended() {
        let record = MarketRecord { ts_ns: 1, symbol: 0, body: MarketBody::BatchEnd };
        let mut market = VecMarket::new(vec![SymbolSpec::new("X", "", 1.0, 1.0)], vec![record]);
        assert_eq!(market.remaining(), 1);
        assert_eq!(market.next(), Some(record));
        assert_eq!(market.next(), None);
        assert_eq!(market.next(), None);
    }
}
