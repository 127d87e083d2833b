//! The simulated exchange of paper, replay and backtest: matches orders against the book and the
//! tape of a market that does not know of them. It never fills what they do not allow.
//!
//! - **Market**: at the levels of the far side, best first, each no further than its shown size, at
//!   the level's price with [`Params::slippage_ticks`] on top. What the book cannot give waits for
//!   more.
//! - **Limit** that crosses on arrival: the same way, never beyond its price. The rest is queued.
//! - **Limit** in a queue: by trades alone. One beyond its price fills it up to the trade's size,
//!   one at its price once the contracts ahead have traded.
//! - **Stop**: a trade at its price or beyond makes it a market order, or a limit order where it
//!   has a limit, which takes from the next book: a venue ends the trades of an order before it
//!   elects stops.
//!
//! Sizes are shared: what one order takes of a trade or level, another cannot. What was taken of a
//! level stays missing although the feed still shows it; only what is added to it is new.
//!
//! **Times.** A command takes effect [`Params::latency_ns`] after it was sent, with the first
//! event of its symbol at or after that. A trade of the very same instant comes before it: nobody
//! trades against what he could not have known. While a batch of the book is under way commands
//! wait.
//!
//! **Brackets.** Stop and target wait as `PendingChild` and become live with the fills of their
//! parent, in the size of its fills. A fill of one takes its size from the other; the last one
//! cancels it, and the rest of a parent that is still working: a trade that was stopped out does
//! not begin again. The cancel of one is the cancel of both.
//!
//! Fees are no matter of the venue: whoever counts money charges them for each fill.

mod commands;
mod market;
mod matching;
mod order;

use std::collections::VecDeque;

pub use order::{Execution, Reports, VenueOrder};

use crate::book::Book;
use crate::event::{Body, Event, flag};
use crate::order::{Action, Command, OrderId, RejectClass, Status, UpdateReason};
use crate::units::{MINUTE, SymbolId, Ts};
use market::Market;
use order::Bracket;

/// Most orders that work at a time.
pub const LIVE_MAX: usize = 128;
/// Ended orders that are remembered, so that a late cancel learns what became of them.
pub const ENDED_MAX: usize = 256;
/// Fills that are remembered for the list of fills.
pub const FILLS_MAX: usize = 1024;
/// Commands under way; more are lost like a message that never arrived.
pub const PENDING_MAX: usize = 256;

/// What shrinks the queue ahead of a resting order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Queue {
    /// Trades at its price alone: every cancel is taken to have been behind.
    #[default]
    Pessimistic,
    /// Trades, and cancels in proportion: of the contracts that leave without a trade, the share
    /// that is ahead. Counts on a feed that tells a trade before the level that shows it, as files
    /// do; where the level comes first, the trade counts twice.
    Proportional,
}

/// How the exchange behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// From a command to its effect, ns, at least 0.
    pub latency_ns: i64,
    /// The model of the queue.
    pub queue: Queue,
    /// Ticks that whoever takes pays on top of the level's price; less than 1 counts as 1.
    pub slippage_ticks: i32,
    /// Number of the first execution: a run must not repeat the numbers of another.
    pub first_execution: u64,
}

impl Default for Params {
    fn default() -> Params {
        let latency_ns = 20_000_000;
        Params { latency_ns, queue: Queue::Pessimistic, slippage_ticks: 1, first_execution: 1 }
    }
}

/// A command on its way.
#[derive(Clone, Copy, Debug)]
struct Pending {
    due: Ts,
    command: Command,
}

/// The exchange of every symbol of a run.
#[derive(Clone, Debug)]
pub struct Exchange {
    params: Params,
    markets: Vec<Market>,
    live: Vec<VenueOrder>,
    ended: VecDeque<VenueOrder>,
    brackets: Vec<Bracket>,
    pending: VecDeque<Pending>,
    fills: VecDeque<Execution>,
    /// Receive time of the last event.
    now: Ts,
    /// Arrivals so far.
    rank: u64,
    /// Number of the next execution.
    execution: u64,
    lost: u64,
    /// A client that has gone for good is not listened to.
    left: bool,
}

/// What a step works with.
struct Step<'a> {
    event: &'a Event,
    book: &'a Book,
    out: &'a mut Reports,
}

impl Step<'_> {
    fn say(&mut self, body: Body) {
        self.say_of(self.event.symbol, body);
    }

    fn say_of(&mut self, symbol: SymbolId, body: Body) {
        let Event { seq, ts, ts_exch, .. } = *self.event;
        self.out.push(Event { seq, ts, ts_exch, symbol, flags: 0, body });
    }
}

impl Exchange {
    /// An exchange for `symbols` symbols, without orders and positions.
    #[must_use]
    pub fn new(params: Params, symbols: usize) -> Exchange {
        let params = Params {
            latency_ns: params.latency_ns.clamp(0, MINUTE),
            slippage_ticks: params.slippage_ticks.max(1),
            first_execution: params.first_execution.max(1),
            ..params
        };
        Exchange {
            params,
            markets: vec![Market::new(); symbols],
            live: Vec::with_capacity(LIVE_MAX + symbols),
            ended: VecDeque::with_capacity(ENDED_MAX),
            brackets: Vec::with_capacity(LIVE_MAX),
            pending: VecDeque::with_capacity(PENDING_MAX),
            fills: VecDeque::with_capacity(FILLS_MAX),
            now: Ts::NONE,
            rank: 0,
            execution: params.first_execution,
            lost: 0,
            left: false,
        }
    }

    /// Sends a command. It takes effect with the first event of its symbol at or after the latency;
    /// commands of a symbol in the order in which they were sent.
    pub fn submit(&mut self, command: &Command) {
        if self.left {
            return;
        }
        if self.pending.len() == PENDING_MAX {
            self.lost += 1;
            return;
        }
        // It may have waited for the throttle since it was given.
        let sent = command.ts.max(self.now);
        let due = Ts(sent.0.saturating_add(self.params.latency_ns));
        self.pending.push_back(Pending { due, command: *command });
    }

    /// Steps on a sequenced event. `open` says whether the session of its symbol is open, `book`
    /// is the symbol's, this event applied. What the venue says is added to `out`.
    pub fn on_event(&mut self, event: &Event, open: bool, book: &Book, out: &mut Reports) {
        self.now = self.now.max(event.ts);
        // What was read before the start is history: nobody could have traded in it.
        if event.has(flag::WARMUP) {
            return;
        }
        let Some(market) = self.markets.get_mut(usize::from(event.symbol.0)) else { return };
        let settled = market.hear(event, open, book);
        let (closed, readable) = (market.closed(), market.readable);
        let mut step = Step { event, book, out };
        if closed {
            self.cancel_all(event.symbol, &mut step);
        } else if settled {
            self.advance_queues(&step);
            self.take_all(&mut step);
        } else if readable && event.body == Body::Timer {
            // No book may ever follow a trade that elected a stop.
            self.take_all(&mut step);
        }
        let trade = match event.body {
            Body::Trade { px, qty, aggressor, .. } if !event.has(flag::SNAPSHOT) => {
                Some((px, qty, aggressor))
            }
            _ => None,
        };
        self.commands(Ts(event.ts.0.saturating_sub(1)), &mut step);
        if let Some((px, qty, aggressor)) = trade {
            if let Some(market) = self.markets.get_mut(usize::from(event.symbol.0)) {
                market.trade(px, qty, aggressor, book);
            }
            if !closed {
                self.on_trade(px, qty, &mut step);
            }
        }
        self.commands(event.ts, &mut step);
        self.sweep();
    }

    /// Obeys what is due by `until` for the event's symbol, in the order in which it was sent.
    fn commands(&mut self, until: Ts, step: &mut Step<'_>) {
        while let Some(at) = self.next_due(until, step.event.symbol) {
            let Some(pending) = self.pending.remove(at) else { return };
            self.obey(&pending.command, step);
        }
    }

    fn next_due(&self, until: Ts, symbol: SymbolId) -> Option<usize> {
        let market = self.markets.get(usize::from(symbol.0))?;
        if !market.readable {
            return None;
        }
        self.pending.iter().enumerate().find_map(|(at, pending)| {
            let here = match pending.command.action {
                // A list shows what earlier commands led to, of whatever symbol.
                Action::List(_) | Action::Disconnect => at == 0,
                // No event will ever come for a symbol that does not exist.
                _ => {
                    let to = pending.command.symbol;
                    to == symbol || usize::from(to.0) >= self.markets.len()
                }
            };
            (here && pending.due <= until).then_some(at)
        })
    }

    /// Moves what has ended out of the way.
    fn sweep(&mut self) {
        let Exchange { live, ended, brackets, .. } = self;
        let before = live.len();
        live.retain(|order| {
            let keep = !order.status.is_final();
            if !keep {
                if ended.len() == ENDED_MAX {
                    ended.pop_front();
                }
                ended.push_back(*order);
            }
            keep
        });
        if live.len() != before {
            brackets.retain(|b| live.iter().any(|order| order.parent() == Some(b.parent)));
        }
    }

    /// Orders that work or wait, in the order in which they came.
    pub fn open_orders(&self) -> impl Iterator<Item = &VenueOrder> {
        self.live.iter().filter(|order| !order.status.is_final())
    }

    /// An order that works or has ended not long ago.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<&VenueOrder> {
        self.live.iter().chain(self.ended.iter().rev()).find(|order| order.id == id)
    }

    /// Contracts of every symbol, below 0 = short.
    pub fn positions(&self) -> impl Iterator<Item = (SymbolId, i32)> {
        (0_u16..).map(SymbolId).zip(self.markets.iter().map(|market| market.position))
    }

    /// The last fills, oldest first.
    pub fn fills(&self) -> impl Iterator<Item = &Execution> {
        self.fills.iter()
    }

    /// Commands that were lost because too many were under way.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Answers that an order is none of the venue's.
    fn unknown(id: OrderId, reason: UpdateReason, step: &mut Step<'_>) {
        let unknown = crate::order::QTY_UNKNOWN;
        step.say(Body::Order(crate::order::OrderUpdate {
            id,
            status: Status::Unspecified,
            reason,
            way: None,
            kind: None,
            qty: unknown,
            filled: unknown,
            px: None,
            class: RejectClass::Unknown,
        }));
    }
}

#[cfg(test)]
mod tests;
