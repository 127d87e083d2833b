//! Round trips: what the fills of a symbol add up to, from flat to flat.

use super::note::{Closed, Decided, Filled, Held, Stamp};
use crate::calendar::{Label, SubBucket};
use crate::decision::Tier;
use crate::features::frame::FEATURES;
use crate::order::{BuySell, ExitReason, OrderId, Role};
use crate::units::{Px, Qty, Reason, Slot, Ts};

/// Contract-weighted sum.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    qty: i64,
    /// Σ quantity × ticks.
    ticks: i64,
    /// Σ quantity × slippage, and the contracts that had one.
    slippage: (f64, i64),
}

impl Sum {
    fn add(&mut self, qty: Qty, px: Px, slippage: Option<f64>) {
        self.qty += i64::from(qty);
        self.ticks += i64::from(qty) * i64::from(px.ticks());
        if let Some(slippage) = slippage {
            self.slippage.0 += f64::from(qty) * slippage;
            self.slippage.1 += i64::from(qty);
        }
    }

    fn average(&self) -> f64 {
        if self.qty == 0 { 0.0 } else { self.ticks as f64 / self.qty as f64 }
    }

    fn slippage(&self) -> Option<f64> {
        (self.slippage.1 > 0).then(|| self.slippage.0 / self.slippage.1 as f64)
    }
}

/// The open round trip of a symbol.
#[derive(Clone, Copy, Debug)]
struct Open {
    trade: OrderId,
    way: BuySell,
    entry: Sum,
    exit: Sum,
    fees_usd: f64,
    since: Ts,
    last_exit: Ts,
    best: f64,
    worst: f64,
    adverse_first: bool,
    reason: ExitReason,
    /// The decision that it came from; `None` for a position that this run did not open.
    decided: Option<Decided>,
}

/// What the market says at the exit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exit {
    /// Market regime.
    pub(super) regime: Option<(u8, i8)>,
    /// Volatility regime.
    pub(super) volatility: Slot,
}

/// The round trips of one symbol.
#[derive(Clone, Debug, Default)]
pub(super) struct Trades {
    open: Option<Open>,
    /// The newest decision that led to an order; a fill of its entry opens the round trip.
    decided: Option<Decided>,
    /// USD per tick and contract, where known.
    tick_value: Option<f64>,
}

impl Trades {
    /// No position; `tick_value` in USD per tick and contract.
    #[must_use]
    pub(super) fn new(tick_value: Option<f64>) -> Trades {
        Trades { open: None, decided: None, tick_value }
    }

    /// An order left for this decision.
    pub(super) fn decided(&mut self, decided: &Decided) {
        self.decided = Some(*decided);
    }

    /// The decision of a trade, while it is the newest or the open one.
    #[must_use]
    pub(super) fn decision(&self, trade: OrderId) -> Option<&Decided> {
        let of = |d: &&Decided| d.entry.is_some_and(|e| e.id == trade);
        let open = self.open.as_ref().and_then(|o| o.decided.as_ref());
        open.filter(of).or_else(|| self.decided.as_ref().filter(of))
    }

    /// Contracts held, below 0 = short.
    #[must_use]
    pub(super) fn qty(&self) -> i64 {
        self.open.as_ref().map_or(0, |o| i64::from(o.way.sign()) * (o.entry.qty - o.exit.qty))
    }

    /// Why the position is about to be closed, where it is not by stop or target.
    pub(super) fn closing(&mut self, reason: ExitReason) {
        if let Some(open) = &mut self.open {
            open.reason = reason;
        }
    }

    /// Takes an execution; the round trip that it ended. What goes through flat opens another.
    pub(super) fn fill(&mut self, fill: &Filled, exit: Exit) -> Option<Closed> {
        let held = self.qty();
        let against = held * i64::from(fill.way.sign()) < 0;
        let closes = if against { held.unsigned_abs().min(u64::from(fill.qty)) } else { 0 };
        let closes = Qty::try_from(closes).unwrap_or(fill.qty);
        let share = f64::from(closes) / f64::from(fill.qty.max(1));
        let mut closed = None;
        if closes > 0
            && let Some(open) = &mut self.open
        {
            open.exit.add(closes, fill.px, fill.slippage_ticks);
            open.fees_usd += fill.fees_usd * share;
            open.last_exit = fill.at.market_time.or(fill.at.ts);
            match fill.role {
                Role::Stop => open.reason = ExitReason::Stop,
                Role::Target => open.reason = ExitReason::Target,
                Role::Entry | Role::Exit => {}
            }
            open.mark(i64::from(fill.px.ticks()) * 2);
            if open.exit.qty == open.entry.qty {
                closed = Some(open.closed(fill.at, exit, self.tick_value));
                self.open = None;
            }
        }
        let opens = fill.qty - closes;
        if opens > 0 {
            let decided = self.decision(fill.trade).copied();
            let at = fill.at.market_time.or(fill.at.ts);
            let open = self.open.get_or_insert(Open::new(fill, at, decided));
            open.entry.add(opens, fill.px, fill.slippage_ticks);
            open.fees_usd += fill.fees_usd * (1.0 - share);
        }
        closed
    }

    /// The market is at half ticks `mid2` now.
    pub(super) fn mark(&mut self, mid2: i64) {
        if let Some(open) = &mut self.open {
            open.mark(mid2);
        }
    }

    /// Open profit in USD at half ticks `mid2`, before fees that are still to come.
    #[must_use]
    pub(super) fn open_usd(&self, mid2: i64) -> f64 {
        let (Some(open), Some(value)) = (&self.open, self.tick_value) else { return 0.0 };
        let held = (open.entry.qty - open.exit.qty) as f64;
        let sign = f64::from(open.way.sign());
        let realised =
            sign * (open.exit.ticks as f64 - open.exit.qty as f64 * open.entry.average());
        let running = sign * held * (mid2 as f64 / 2.0 - open.entry.average());
        (realised + running) * value - open.fees_usd
    }

    /// The position for a record, valued at half ticks `mid2`.
    #[must_use]
    pub(super) fn held(&self, at: Stamp, mid2: i64, bracket: Option<(Px, Px)>) -> Option<Held> {
        let open = self.open.as_ref()?;
        let (average, mark) = (open.entry.average(), mid2 as f64 / 2.0);
        let qty = i32::try_from(self.qty()).unwrap_or(i32::MAX);
        let open_ticks = f64::from(open.way.sign()) * (mark - average);
        let open_usd = open_ticks * f64::from(qty.abs()) * self.tick_value.unwrap_or(0.0);
        let (trade, since, excursion) = (open.trade, open.since, (open.best, open.worst));
        let held =
            Held { at, trade, qty, average, mark, open_ticks, open_usd, excursion, since, bracket };
        Some(held)
    }

    /// Money at risk at the entry, USD; 0 where nobody knows it.
    #[must_use]
    pub(super) fn risk_usd(&self) -> f64 {
        let entry = self.open.as_ref().and_then(|open| open.decided?.entry);
        entry.map_or(0.0, |entry| entry.risk_usd)
    }

    /// Market time at which the position was opened.
    #[must_use]
    pub(super) fn since(&self) -> Option<Ts> {
        self.open.as_ref().map(|o| o.since)
    }
}

/// A position that a round trip has just closed, for a record.
pub(super) fn flat(closed: &Closed, mid2: i64) -> Held {
    Held {
        at: closed.at,
        trade: closed.trade,
        qty: 0,
        average: closed.entry,
        mark: mid2 as f64 / 2.0,
        open_ticks: 0.0,
        open_usd: 0.0,
        excursion: closed.excursion,
        since: closed.entry_time,
        bracket: None,
    }
}

impl Open {
    fn new(fill: &Filled, since: Ts, decided: Option<Decided>) -> Open {
        Open {
            trade: fill.trade,
            way: fill.way,
            entry: Sum::default(),
            exit: Sum::default(),
            fees_usd: 0.0,
            since,
            last_exit: since,
            best: 0.0,
            worst: 0.0,
            adverse_first: false,
            // Whoever closes it without a word is no order of ours.
            reason: ExitReason::Manual,
            decided,
        }
    }

    fn mark(&mut self, mid2: i64) {
        if self.entry.qty == 0 {
            return;
        }
        let ticks = f64::from(self.way.sign()) * (mid2 as f64 / 2.0 - self.entry.average());
        if ticks > self.best {
            self.best = ticks;
            self.adverse_first = self.worst < 0.0;
        }
        if ticks < self.worst {
            self.worst = ticks;
            self.adverse_first = false;
        }
    }

    fn closed(&self, at: Stamp, exit: Exit, tick_value: Option<f64>) -> Closed {
        let (entry, out) = (self.entry.average(), self.exit.average());
        let ticks = f64::from(self.way.sign()) * (out - entry);
        let (plan, d) = (self.decided.and_then(|d| d.entry), self.decided.as_ref());
        let none = Slot::none(Reason::NoInput);
        let qty = Qty::try_from(self.entry.qty).unwrap_or(Qty::MAX);
        Closed {
            at,
            trade: self.trade,
            way: self.way,
            qty,
            entry_time: self.since,
            exit_time: self.last_exit,
            entry,
            exit: out,
            ticks,
            gross_usd: ticks * f64::from(qty) * tick_value.unwrap_or(0.0),
            fees_usd: self.fees_usd,
            risk_usd: plan.map_or(0.0, |p| p.risk_usd),
            equity_usd: plan.map_or(0.0, |p| p.equity_usd),
            slippage: (self.entry.slippage(), self.exit.slippage()),
            excursion: (self.best, self.worst),
            adverse_first: self.adverse_first,
            reason: self.reason,
            tier: d.map_or(Tier::NoTrade, |d| d.tier),
            d: d.map_or(0.0, |d| d.d),
            coverage: d.map_or(0.0, |d| d.coverage),
            features: d.map_or([none; FEATURES], |d| d.features),
            label: d.map_or(Label::Closed, |d| d.market.label),
            sub_bucket: d.map_or(SubBucket::None, |d| d.market.sub_bucket),
            regime: [d.and_then(|d| d.market.regime), exit.regime],
            volatility: [d.map_or(none, |d| d.market.volatility), exit.volatility],
            vix: d.and_then(|d| d.vix),
        }
    }
}
