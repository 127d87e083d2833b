//! [`Position`]: what is open in a symbol, as the sum of its fills, and the round trip behind it.

use crate::order::{BuySell, ExitReason, OrderId};
use crate::units::{Px, Qty, SymbolId, Ts};

/// One half of a round trip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leg {
    /// Contracts.
    pub qty: Qty,
    /// Contracts of them whose price is known.
    pub priced: Qty,
    /// Sum of price × contracts over these, ticks.
    pub ticks: i64,
}

impl Leg {
    /// Average price in ticks, `None` without a price.
    #[must_use]
    pub fn average(&self) -> Option<f64> {
        (self.priced > 0).then(|| self.ticks as f64 / f64::from(self.priced))
    }

    /// Whether the price of every contract is known.
    #[must_use]
    pub const fn is_priced(&self) -> bool {
        self.priced >= self.qty
    }

    pub(crate) fn add(&mut self, qty: Qty, px: Option<Px>) {
        self.qty = self.qty.saturating_add(qty);
        if let Some(px) = px {
            self.price(qty, px);
        }
    }

    pub(crate) fn price(&mut self, qty: Qty, px: Px) {
        let qty = qty.min(self.qty.saturating_sub(self.priced));
        self.priced += qty;
        self.ticks += i64::from(qty) * i64::from(px.ticks());
    }
}

/// A position and the round trip that it is part of. Flat without a trip is the default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// Whose market.
    pub symbol: SymbolId,
    /// Contracts, below 0 = short: the sum of all fills.
    pub qty: i32,
    /// The trade: id of its entry, or [`OrderId::trip`] of a position that no entry of ours opened;
    /// [`OrderId::NONE`] without one.
    pub trade: OrderId,
    /// Direction of the trade, `None` without one.
    pub way: Option<BuySell>,
    /// Receive time of the first fill.
    pub since: Ts,
    /// What was entered.
    pub entered: Leg,
    /// What was closed.
    pub exited: Leg,
    /// Why the last contract was closed.
    pub reason: ExitReason,
}

/// Who fills.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    /// The trade of what it opens.
    pub(super) trade: OrderId,
    pub(super) way: BuySell,
    pub(super) reason: ExitReason,
}

impl Position {
    /// Flat.
    #[must_use]
    pub const fn flat(symbol: SymbolId) -> Position {
        Position {
            symbol,
            qty: 0,
            trade: OrderId::NONE,
            way: None,
            since: Ts::NONE,
            entered: Leg { qty: 0, priced: 0, ticks: 0 },
            exited: Leg { qty: 0, priced: 0, ticks: 0 },
            reason: ExitReason::Manual,
        }
    }

    /// Contracts without their sign.
    #[must_use]
    pub const fn size(&self) -> Qty {
        self.qty.unsigned_abs()
    }

    /// Whether a round trip is under way, be it that only the price of its end is missing.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.way.is_some()
    }

    /// Average entry in ticks, `None` without a price.
    #[must_use]
    pub fn average(&self) -> Option<f64> {
        self.entered.average()
    }

    /// Contracts of `qty` that would close something.
    pub(super) fn closes(&self, way: BuySell, qty: Qty) -> Qty {
        match self.way {
            Some(own) if own != way => qty.min(self.size()),
            _ => 0,
        }
    }

    /// Whether the trip is over and everything of it known.
    pub(super) const fn is_done(&self) -> bool {
        self.is_open() && self.qty == 0 && self.entered.is_priced() && self.exited.is_priced()
    }

    /// Counts contracts that all open or all close.
    pub(super) fn count(&mut self, from: Source, qty: Qty, px: Option<Px>, ts: Ts) {
        let signed = from.way.sign().saturating_mul(i32::try_from(qty).unwrap_or(i32::MAX));
        self.qty = self.qty.saturating_add(signed);
        match self.way {
            Some(own) if own != from.way => {
                self.exited.add(qty, px);
                self.reason = from.reason;
            }
            own => {
                if own.is_none() {
                    (self.way, self.trade, self.since) = (Some(from.way), from.trade, ts);
                }
                self.entered.add(qty, px);
            }
        }
    }

    /// The price of contracts that were counted before.
    pub(super) fn price(&mut self, way: BuySell, qty: Qty, px: Px) {
        match self.way {
            Some(own) if own == way => self.entered.price(qty, px),
            Some(_) => self.exited.price(qty, px),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(way: BuySell) -> Source {
        Source { trade: OrderId::new(20_260_114, 1), way, reason: ExitReason::Target }
    }

    #[test]
    fn a_round_trip() {
        let mut p = Position::flat(SymbolId(0));
        // 6000.00, 6000.25, 6000.25, 6000.75 of a quarter tick: the golden average 6000.3125.
        for (qty, ticks) in [(1, 24_000), (2, 24_001), (1, 24_003)] {
            p.count(source(BuySell::Buy), qty, Px::new(ticks), Ts(5));
        }
        assert_eq!((p.qty, p.average().map(|a| a * 0.25)), (4, Some(6000.3125)));
        assert_eq!((p.closes(BuySell::Sell, 9), p.closes(BuySell::Buy, 9)), (4, 0));
        p.count(source(BuySell::Sell), 3, Px::new(24_010), Ts(6));
        assert!(!p.is_done());
        p.count(source(BuySell::Sell), 1, None, Ts(7));
        assert!(p.qty == 0 && p.is_open() && !p.is_done(), "its price is missing");
        p.price(BuySell::Sell, 1, Px::new(24_020).expect("px"));
        assert!(p.is_done());
        assert_eq!(p.exited.average(), Some(24_012.5));
        assert_eq!((p.reason, p.since), (ExitReason::Target, Ts(5)));
    }
}
