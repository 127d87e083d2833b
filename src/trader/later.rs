//! What is measured some time after: the market one second after a fill, and 5, 15 and 60 minutes
//! after a trade.

use super::note::{After, Closed, Filled, Impact, Note, Stamp};
use crate::order::{ExecutionId, OrderId};
use crate::units::{MINUTE, SECOND, SymbolId, Ts};

/// Most fills and most trades that are waited for; beyond it the oldest are given up.
const WAITING_MAX: usize = 32;
/// Minutes after a trade.
const MINUTES: [i64; 3] = [5, 15, 60];

#[derive(Clone, Copy, Debug)]
struct AfterFill {
    symbol: SymbolId,
    due: Ts,
    id: OrderId,
    execution: ExecutionId,
    sign: i64,
    mid2: i64,
}

#[derive(Clone, Copy, Debug)]
struct AfterTrade {
    symbol: SymbolId,
    trade: OrderId,
    exit: Ts,
    sign: i64,
    mid2: i64,
    ticks: [Option<f64>; 3],
    next: usize,
}

/// See the module text.
#[derive(Clone, Debug)]
pub(super) struct Later {
    fills: Vec<AfterFill>,
    trades: Vec<AfterTrade>,
}

impl Default for Later {
    fn default() -> Later {
        let (fills, trades) = (Vec::with_capacity(WAITING_MAX), Vec::with_capacity(WAITING_MAX));
        Later { fills, trades }
    }
}

impl Later {
    /// Waits for the second after a fill; `mid2` is the mid at the fill, in half ticks.
    pub(super) fn fill(&mut self, fill: &Filled, mid2: i64) {
        if self.fills.len() == WAITING_MAX {
            self.fills.remove(0);
        }
        self.fills.push(AfterFill {
            symbol: fill.at.symbol,
            due: Ts(fill.at.ts.0.saturating_add(SECOND)),
            id: fill.id,
            execution: fill.execution,
            sign: i64::from(fill.way.sign()),
            mid2,
        });
    }

    /// Waits for the hour after a trade; `mid2` is the mid at the exit.
    pub(super) fn trade(&mut self, trade: &Closed, mid2: i64) {
        if self.trades.len() == WAITING_MAX {
            self.trades.remove(0);
        }
        self.trades.push(AfterTrade {
            symbol: trade.at.symbol,
            trade: trade.trade,
            exit: trade.exit_time,
            sign: i64::from(trade.way.sign()),
            mid2,
            ticks: [None; 3],
            next: 0,
        });
    }

    /// A whole second of a symbol with the mid in half ticks, `None` while its market is closed or
    /// one-sided; hands out what is due.
    pub(super) fn on_time(&mut self, at: Stamp, mid2: Option<i64>, note: &mut impl FnMut(Note)) {
        self.fills.retain(|wait| {
            if wait.symbol != at.symbol || at.ts < wait.due {
                return true;
            }
            if let Some(mid2) = mid2 {
                let ticks = (wait.sign * (mid2 - wait.mid2)) as f64 / 2.0;
                let (id, execution) = (wait.id, wait.execution);
                note(Note::Impact(Impact { at, id, execution, ticks }));
            }
            false
        });
        self.trades.retain_mut(|wait| {
            if wait.symbol != at.symbol {
                return true;
            }
            let before = wait.next;
            while let Some(minutes) = MINUTES.get(wait.next)
                && at.market_time.since(wait.exit) >= minutes * MINUTE
            {
                // A market that was closed at the time says nothing of it later.
                let fresh = at.market_time.since(wait.exit) < (minutes + 1) * MINUTE;
                if let Some(slot) = wait.ticks.get_mut(wait.next) {
                    let moved = |mid2| (wait.sign * (mid2 - wait.mid2)) as f64 / 2.0;
                    *slot = mid2.filter(|_| fresh).map(moved);
                }
                wait.next += 1;
            }
            if wait.next > before {
                let (trade, ticks, over) = (wait.trade, wait.ticks, wait.next);
                note(Note::After(After { at, trade, ticks, over }));
            }
            wait.next < MINUTES.len()
        });
    }
}
