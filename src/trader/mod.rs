//! The trading half of the core: signals, limits, orders and their consequences, in one step per
//! frame.
//!
//! [`Trader`] owns what the decision thread owns besides the decision: the gates ([`Entries`]), the
//! limits ([`Risk`]), the orders ([`Orders`]), and on paper the exchange that they meet
//! ([`Exchange`]). What a step asks of a venue are [`Trader::commands`], what it leaves for records
//! are [`Trader::notes`]; both last until the next step. Nothing is allocated after construction.
//!
//! The order of a step: the venue and the operator are heard, then the market moves orders on
//! paper, then time acts, then a signal is judged, then commands leave.

pub mod note;

mod changes;
mod day;
mod joint;
mod judge;
mod later;
mod persist;
mod records;
mod step;
mod trades;

use std::sync::Arc;

use self::day::Day;
use self::joint::Closes;
use self::later::Later;
use self::note::{Frozen, Held, Note, Stamp};
use self::trades::Trades;
use crate::calendar::{Calendar, Segment};
use crate::decision::entry::{Entries, EntryParams};
use crate::decision::gates::News;
use crate::decision::{Edge, Reads, Signal};
use crate::execution::exchange::{self, Exchange, Reports};
use crate::execution::{self, Changes, Orders, Outbox, Queue};
use crate::order::{Command, ExitReason, OrderId, OrderKind};
use crate::risk::{self, Open, OpenPnl, Product, Risk};
use crate::units::{Px, SymbolId, Ts};

/// What a [`Trader`] is made from.
#[derive(Clone, Debug)]
pub struct Params {
    /// Gates, stops and targets.
    pub entry: EntryParams,
    /// Tier-1 events.
    pub news: News,
    /// Limits.
    pub risk: risk::Params,
    /// What each symbol is worth; `None` = never traded.
    pub products: Vec<Option<Product>>,
    /// Last prices of recorded cash sessions of each symbol's contract, with their days since
    /// 1970-01-01, oldest first.
    pub cash_closes: Vec<Vec<(i32, Px)>>,
    /// Orders.
    pub orders: execution::Params,
    /// The exchange that orders meet on paper; `None` = commands leave for a venue.
    pub exchange: Option<exchange::Params>,
    /// How entries meet the market: [`OrderKind::Market`] or [`OrderKind::Limit`].
    pub kind: OrderKind,
    /// Ticks beyond the far touch that a limit entry may pay.
    pub collar_ticks: i32,
    /// Longest life of a position, ns of market time; `None` = as long as it takes.
    pub max_hold_ns: Option<i64>,
    /// What was before.
    pub start: Start,
}

/// What a run begins with.
#[derive(Clone, Debug)]
pub struct Start {
    /// Limits as the last run left them.
    pub risk: risk::State,
    /// Orders and positions as the last run left them, [`Orders::to_text`]; empty for none.
    pub orders: String,
    /// Round trips as the last run left them, [`Trader::trips_text`]; empty for none.
    pub trips: String,
    /// First order id of this run.
    pub next: OrderId,
    /// First id that is not reserved.
    pub reserved: OrderId,
    /// Equity, USD; `None` until the venue says.
    pub equity_usd: Option<f64>,
}

/// State of one symbol.
#[derive(Clone, Debug)]
struct Symbol {
    trades: Trades,
    /// Market time of its last frame.
    time: Ts,
    /// Last trade of an open market.
    last: Option<Px>,
    /// Best bid and ask after the last batch of the book.
    touch: Option<(Px, Px)>,
    day: Day,
    closes: Closes,
    /// An edge that waits for the end of a batch of the book.
    edge: Option<Edge>,
    segment: Segment,
    /// Mid when an exit was decided, half ticks.
    exit_mid2: Option<i64>,
    /// Why it is being closed.
    closing: Option<ExitReason>,
    /// The newest entry with its signal, and whether it is to be tried a second time.
    entered: Option<(OrderId, Signal)>,
    again: bool,
    /// What its open position is worth.
    open: OpenPnl,
    /// Since when nobody knows what it is worth.
    unknown: Ts,
    /// The balance is newer than the mark of what is open.
    reported: bool,
}

/// See the module text.
#[derive(Clone, Debug)]
pub struct Trader {
    entries: Entries,
    risk: Risk,
    orders: Orders,
    queue: Queue,
    exchange: Option<Exchange>,
    kind: OrderKind,
    collar_ticks: i32,
    max_hold_ns: Option<i64>,
    symbols: Vec<Symbol>,
    exposure: Vec<Open>,
    calendar: Arc<Calendar>,
    later: Later,
    outbox: Outbox,
    changes: Changes,
    reports: Reports,
    commands: Vec<Command>,
    notes: Vec<Note>,
    /// The run ends: nothing is entered any more.
    stopping: bool,
    /// Since when an emergency wants the connection closed.
    leaving: Ts,
    /// The balance that the venue told while it was still telling what it has.
    balance: Option<f64>,
    /// Notes that found no room; above 0 records are missing.
    lost: u64,
}

/// Most commands of one step.
const COMMANDS_MAX: usize = 128;
/// Most notes of one step.
const NOTES_MAX: usize = 256;

impl Trader {
    /// A trader of `params` for symbols that read the context as `reads` says; allocates here only.
    #[must_use]
    pub fn new(params: &Params, reads: &[Reads], calendar: Arc<Calendar>) -> Trader {
        let count = params.products.len();
        let mut recorded = params.cash_closes.iter().cloned();
        let symbol = |product: &Option<Product>| Symbol {
            trades: Trades::new(product.map(|p| p.tick_value)),
            time: Ts::NONE,
            last: None,
            touch: None,
            day: Day::new(recorded.next().unwrap_or_default()),
            closes: Closes::default(),
            edge: None,
            segment: Segment::UNKNOWN,
            exit_mid2: None,
            closing: None,
            entered: None,
            again: false,
            open: OpenPnl::default(),
            unknown: Ts::NONE,
            reported: false,
        };
        let symbols: Vec<Symbol> = params.products.iter().map(symbol).collect();
        let Start { risk, orders, trips, next, reserved, equity_usd } = &params.start;
        let mut orders_now = Orders::new(params.orders, count, *next, *reserved);
        if !orders.is_empty() {
            // A text that cannot be read was refused before the run was set up.
            orders_now = Orders::restore(params.orders, count, *next, *reserved, orders)
                .unwrap_or(orders_now);
        }
        let products = params.products.clone();
        let mut risk = Risk::new(params.risk, products, calendar.clone(), *risk);
        if let Some(usd) = equity_usd {
            risk.on_balance(Ts::NONE, *usd);
        }
        let mut trader = Trader {
            entries: Entries::new(
                params.entry.clone(),
                reads,
                params.news.clone(),
                calendar.clone(),
            ),
            risk,
            orders: orders_now,
            queue: Queue::default(),
            exchange: params.exchange.map(|exchange| Exchange::new(exchange, count)),
            kind: params.kind,
            collar_ticks: params.collar_ticks,
            max_hold_ns: params.max_hold_ns,
            symbols,
            exposure: vec![Open::default(); count],
            calendar,
            later: Later::default(),
            outbox: Outbox::default(),
            changes: Changes::default(),
            reports: Reports::default(),
            commands: Vec::with_capacity(COMMANDS_MAX),
            notes: Vec::with_capacity(NOTES_MAX),
            stopping: false,
            leaving: Ts::NONE,
            balance: None,
            lost: 0,
        };
        trader.resume(trips);
        trader
    }

    /// Goes on with the round trips of the run before: `trips` has passed [`check_trips`]. Where
    /// they are not what the orders hold, the orders count.
    fn resume(&mut self, trips: &str) {
        let kept = persist::of_text(trips, self.symbols.len()).unwrap_or_default();
        for (symbol, kept) in self.symbols.iter_mut().zip(kept) {
            symbol.trades.restore(kept.open, kept.plan);
            symbol.open = kept.worth;
        }
        for id in (0_u16..).map(SymbolId).take(self.symbols.len()) {
            self.agree(id, Ts::NONE);
            let qty = self.orders.position(id).map_or(0, |p| p.qty);
            self.risk.on_position(id, qty);
        }
    }

    /// Open round trips and entries that may still become one, as text for the next run.
    #[must_use]
    pub fn trips_text(&self) -> String {
        persist::to_text(self.symbols.iter().map(|symbol| {
            let (open, plan) = symbol.trades.parts();
            persist::Kept { open: open.copied(), worth: symbol.open, plan: plan.copied() }
        }))
    }

    /// What the last step asked of a venue, in order. On paper the simulated exchange has it
    /// already: nothing of it is to be sent.
    #[must_use]
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// What the last step left for records, in order.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Notes that found no room so far.
    #[must_use]
    pub const fn notes_lost(&self) -> u64 {
        self.lost
    }

    /// The limits.
    #[must_use]
    pub const fn risk(&self) -> &Risk {
        &self.risk
    }

    /// The orders.
    #[must_use]
    pub const fn orders(&self) -> &Orders {
        &self.orders
    }

    /// The simulated exchange, on paper.
    #[must_use]
    pub const fn exchange(&self) -> Option<&Exchange> {
        self.exchange.as_ref()
    }

    /// What is open now, valued at the last trade of its market, at the market's own time.
    pub fn held(&self, at: Stamp) -> impl Iterator<Item = Held> + '_ {
        (0_u16..).map(SymbolId).zip(&self.symbols).filter_map(move |(symbol, of)| {
            let mark = of.last.map(|px| 2 * i64::from(px.ticks()));
            let held = of.trades.held(Stamp { symbol, market_time: of.time, ..at }, mark, None);
            held.filter(|held| held.qty != 0)
        })
    }

    /// What is known of the decision of a trade of `symbol` that is open or may still begin.
    #[must_use]
    pub fn decision(&self, symbol: SymbolId, trade: OrderId) -> Option<&Frozen> {
        self.symbols.get(usize::from(symbol.0))?.trades.decision(trade)
    }

    /// Equity now, USD, open positions included.
    #[must_use]
    pub fn equity_usd(&self) -> Option<f64> {
        self.risk.equity()
    }

    /// Whether a stop would leave nothing undone: no entry works and no position is being closed.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let mut ids = (0_u16..).map(SymbolId).take(self.symbols.len());
        ids.all(|id| self.orders.entering(id) == 0 && self.orders.closing(id).is_none())
    }

    fn symbol(&mut self, id: SymbolId) -> Option<&mut Symbol> {
        self.symbols.get_mut(usize::from(id.0))
    }

    fn note(&mut self, note: Note) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(note);
        } else {
            self.lost += 1;
        }
    }
}

/// Checks a text of [`Trader::trips_text`] for a run of so many symbols.
///
/// # Errors
/// A text that says which line is wrong.
pub fn check_trips(text: &str, symbols: usize) -> Result<(), String> {
    persist::of_text(text, symbols).map(drop)
}
