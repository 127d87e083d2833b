//! Prints: trades that one aggressor made at once, merged.
//!
//! A print is a run of trades with the same aggressor ("none" is one of the three), each at most
//! 1 ms of exchange time after the one before: the chain is measured from the last member, so that
//! a long sweep stays one print. Size is the sum; price and time are those of the last member. It
//! is emitted by the first trade that does not join, or by a Timer that takes market time more than
//! 1 ms past the last member. Own reading of how matching engines report one order that meets
//! several resting ones. Update cost: O(1) a trade.

use crate::units::{Aggressor, Px, Qty, SECOND, Ts};

const JOIN_NS: i64 = SECOND / 1000;

/// Trades merged into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Print {
    /// Price of the last member.
    pub px: Px,
    /// Sum of the members, in contracts.
    pub qty: u64,
    /// Their aggressor.
    pub aggressor: Aggressor,
    /// Market time of the last member.
    pub at: Ts,
}

/// Merges trades into prints.
#[derive(Clone, Debug, Default)]
pub struct Prints {
    open: Option<Print>,
    count: u64,
}

impl Prints {
    /// Takes a trade; the print before it, where the trade does not join.
    pub fn trade(&mut self, px: Px, qty: Qty, aggressor: Aggressor, at: Ts) -> Option<Print> {
        let next = Print { px, qty: u64::from(qty), aggressor, at };
        match &mut self.open {
            Some(open) if open.aggressor == aggressor && at.since(open.at) <= JOIN_NS => {
                *open = Print { qty: open.qty.saturating_add(next.qty), ..next };
                None
            }
            _ => self.emit(Some(next)),
        }
    }

    /// A Timer moved market time to `now`; the open print, where it can grow no more.
    pub fn timer(&mut self, now: Ts) -> Option<Print> {
        let open = self.open.as_ref()?;
        if now.since(open.at) > JOIN_NS { self.emit(None) } else { None }
    }

    /// The open print, which ends here whatever comes: its session is over.
    pub fn flush(&mut self) -> Option<Print> {
        self.emit(None)
    }

    fn emit(&mut self, next: Option<Print>) -> Option<Print> {
        let done = std::mem::replace(&mut self.open, next);
        self.count += u64::from(done.is_some());
        done
    }

    /// Prints emitted so far.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_chain_from_the_last_member() {
        let mut prints = Prints::default();
        let mut put = |at, qty, side| prints.trade(Px::clamped(5), qty, side, Ts(at));
        assert_eq!(put(0, 1, Aggressor::Buy), None);
        assert_eq!(put(900_000, 2, Aggressor::Buy), None);
        // 1.8 ms after the first member, 0.9 ms after the last: joins.
        assert_eq!(put(1_800_000, 3, Aggressor::Buy), None);
        assert_eq!(put(1_800_000, 4, Aggressor::None).map(|p| p.qty), Some(6));
        assert_eq!(put(9_000_000, 5, Aggressor::None).map(|p| p.qty), Some(4));
        assert_eq!(prints.timer(Ts(9_900_000)), None);
        assert_eq!(prints.timer(Ts(10_000_001)).map(|p| p.qty), Some(5));
        assert_eq!(prints.count(), 3);
    }
}
