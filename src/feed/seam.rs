//! Where history ends and the live market begins, by symbol.
//!
//! A live run may be given recorded ticks before its sources are asked. Both may hold the same
//! trades: a file that another program still writes goes on until now, a server may send what it
//! has just seen, a file may overlap with the next. A trade adds up, so it must not count twice:
//! one whose exchange time is not after the last trade of what came before is skipped and counted.
//! Book updates do not add up and pass. The rule looks at events and nothing else, so a replay
//! skips what the live run skipped. It errs to the side of too little: of several trades at the
//! very instant at which the history ends, those that the history lacks are lost. Constant work an
//! event.

use crate::event::{Body, Event, flag};
use crate::units::{SYMBOLS_MAX, SymbolId, Ts};

/// What history held of one symbol, and how the live market joined it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warmed {
    /// Market events.
    pub events: u64,
    /// Trades.
    pub trades: u64,
    /// Exchange time of the first market event that is no part of a book snapshot.
    pub from: Ts,
    /// Greatest exchange time.
    pub to: Ts,
    /// Greatest exchange time of a trade.
    pub last_trade: Ts,
    /// Exchange time of the first live market event that is no part of a snapshot.
    pub live: Ts,
    /// Trades of the history that an earlier file of it may already hold, skipped.
    pub repeated: u64,
    /// Live trades that the history may already hold, skipped.
    pub overlap: u64,
}

impl Warmed {
    const NOTHING: Warmed = Warmed {
        events: 0,
        trades: 0,
        from: Ts::NONE,
        to: Ts::NONE,
        last_trade: Ts::NONE,
        live: Ts::NONE,
        repeated: 0,
        overlap: 0,
    };

    /// Market time in ns between the end of the history and the first live event: what happened
    /// there, if anything did, is missing. 0 where they meet or overlap, or before either.
    #[must_use]
    pub const fn missing_ns(&self) -> i64 {
        self.live.since(self.to)
    }
}

/// See the module text.
#[derive(Clone, Debug)]
pub struct Seam {
    symbols: [Warmed; SYMBOLS_MAX],
    /// Trades of the history up to here came from an earlier file.
    earlier: [Ts; SYMBOLS_MAX],
    /// There was history.
    active: bool,
    /// Symbols whose first live event has come and was not taken note of, as bits.
    joined: u16,
}

const _: () = assert!(SYMBOLS_MAX <= 16);

impl Default for Seam {
    fn default() -> Seam {
        Seam {
            symbols: [Warmed::NOTHING; SYMBOLS_MAX],
            earlier: [Ts::NONE; SYMBOLS_MAX],
            active: false,
            joined: 0,
        }
    }
}

impl Seam {
    /// Another file begins, which may overlap with those before it.
    pub fn next_file(&mut self) {
        for (earlier, symbol) in self.earlier.iter_mut().zip(&self.symbols) {
            *earlier = symbol.last_trade;
        }
    }

    /// Takes an event of the history; `false`: skip it.
    pub fn history(&mut self, event: &Event) -> bool {
        let at = usize::from(event.symbol.0);
        let (Some(symbol), Some(&earlier)) = (self.symbols.get_mut(at), self.earlier.get(at))
        else {
            return true;
        };
        if !event.is_market() || event.has(flag::SNAPSHOT) {
            return true;
        }
        let time = event.ts_exch.or(event.ts);
        if matches!(event.body, Body::Trade { .. }) {
            if earlier.is_some() && time <= earlier {
                symbol.repeated += 1;
                return false;
            }
            symbol.trades += 1;
            symbol.last_trade = symbol.last_trade.max(time);
        }
        self.active = true;
        symbol.events += 1;
        symbol.from = symbol.from.or(time);
        symbol.to = symbol.to.max(time);
        true
    }

    /// Takes an event of a live source; `false`: skip it.
    #[inline]
    pub fn live(&mut self, event: &Event) -> bool {
        !self.active || self.joins(event)
    }

    fn joins(&mut self, event: &Event) -> bool {
        let Some(symbol) = self.symbols.get_mut(usize::from(event.symbol.0)) else { return true };
        if !symbol.to.is_some() || !event.is_market() || event.has(flag::SNAPSHOT) {
            return true;
        }
        let time = event.ts_exch.or(event.ts);
        if !symbol.live.is_some() && !event.has(flag::WARMUP) {
            symbol.live = time;
            self.joined |= 1 << (event.symbol.0 & 15);
        }
        let trade = matches!(event.body, Body::Trade { .. });
        if trade && symbol.last_trade.is_some() && time <= symbol.last_trade {
            symbol.overlap += 1;
            return false;
        }
        true
    }

    /// A symbol whose first live event has come since the last call that named it.
    pub fn poll_joined(&mut self) -> Option<SymbolId> {
        let at = self.joined.trailing_zeros();
        self.joined &= self.joined.wrapping_sub(1);
        u16::try_from(at).ok().filter(|&at| at < 16).map(SymbolId)
    }

    /// What is known of a symbol; `None` where the history held nothing of it.
    #[must_use]
    pub fn symbol(&self, symbol: SymbolId) -> Option<&Warmed> {
        self.symbols.get(usize::from(symbol.0)).filter(|s| s.events > 0)
    }

    /// Live trades skipped, of all symbols.
    #[must_use]
    pub fn overlap(&self) -> u64 {
        self.symbols.iter().map(|s| s.overlap).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Aggressor, Px};

    fn trade(at: i64, flags: u8) -> Event {
        let body = Body::Trade { px: Px::ZERO, qty: 1, aggressor: Aggressor::Buy, unbundled: 0 };
        let (ts, symbol) = (Ts(at), SymbolId(1));
        Event { seq: 0, ts: Ts(at + 1), ts_exch: ts, symbol, flags, body }
    }

    #[test]
    fn without_history_everything_passes() {
        let mut seam = Seam::default();
        assert!(seam.live(&trade(5, 0)) && seam.live(&trade(4, 0)));
        assert_eq!(seam.poll_joined(), None);
        assert_eq!(seam.symbol(SymbolId(1)), None);
    }

    #[test]
    fn what_history_held_does_not_count_again() {
        let mut seam = Seam::default();
        let snapshot = Event { body: Body::BatchEnd, ..trade(1, flag::SNAPSHOT) };
        assert!(seam.history(&snapshot));
        assert!([5, 7, 6].iter().all(|&at| seam.history(&trade(at, flag::WARMUP))));
        seam.next_file();
        assert!(!seam.history(&trade(7, flag::WARMUP)), "the first file went on until then");
        assert!(seam.history(&trade(9, flag::WARMUP)));
        assert!(!seam.live(&trade(9, 0)), "the same instant");
        let book = Event { body: Body::BatchEnd, ..trade(3, 0) };
        assert!(seam.live(&book), "a book does not add up");
        assert!(!seam.live(&trade(8, flag::WARMUP)), "a followed file that is read from its start");
        assert!(seam.live(&trade(10, 0)));
        assert_eq!((seam.poll_joined(), seam.poll_joined()), (Some(SymbolId(1)), None));
        let symbol = *seam.symbol(SymbolId(1)).expect("history");
        assert_eq!((symbol.from, symbol.to, symbol.live), (Ts(5), Ts(9), Ts(9)));
        assert_eq!((symbol.trades, symbol.repeated, symbol.overlap), (4, 1, 2));
        assert_eq!(symbol.missing_ns(), 0);
        let other = Event { symbol: SymbolId(2), ..trade(1, 0) };
        assert!(seam.live(&other), "another symbol has no history");
    }

    #[test]
    fn the_hole_is_measured() {
        let mut seam = Seam::default();
        assert!(seam.history(&trade(10, flag::WARMUP)) && seam.live(&trade(14, 0)));
        assert_eq!(seam.symbol(SymbolId(1)).map(Warmed::missing_ns), Some(4));
    }
}
