//! Round trips: what the fills of a symbol add up to, from flat to flat.
//!
//! They hold what the orders hold, contract for contract: what was filled without a price, or is
//! only known from the venue's position, counts too. What such a trip made is not known.

use super::note::{Closed, Entry, Filled, Frozen, Held, Stamp};
use crate::execution::{Leg, Position};
use crate::features::frame::FEATURES;
use crate::order::{BuySell, ExitReason, OrderId};
use crate::units::{Px, Qty, Reason, Slot, Ts};

/// Contract-weighted sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sum {
    /// Contracts and their prices.
    pub(super) leg: Leg,
    /// Σ quantity × slippage, and the contracts that had one.
    pub(super) slippage: (f64, i64),
}

impl Sum {
    fn add(&mut self, qty: Qty, px: Option<Px>, slippage: Option<f64>) {
        self.leg.add(qty, px);
        self.slip(qty, slippage);
    }

    fn price(&mut self, qty: Qty, px: Px, slippage: Option<f64>) {
        self.leg.price(qty, px);
        self.slip(qty, slippage);
    }

    fn slip(&mut self, qty: Qty, slippage: Option<f64>) {
        if let Some(slippage) = slippage {
            self.slippage.0 += f64::from(qty) * slippage;
            self.slippage.1 += i64::from(qty);
        }
    }

    /// Average price in ticks, `None` where a contract has none.
    fn average(&self) -> Option<f64> {
        self.leg.average().filter(|_| self.leg.is_priced())
    }

    fn slippage(&self) -> Option<f64> {
        (self.slippage.1 > 0).then(|| self.slippage.0 / self.slippage.1 as f64)
    }
}

/// An entry as it was planned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planned {
    pub(super) entry: Entry,
    /// The decision behind it; `None` where nobody wrote it down.
    pub(super) decided: Option<Frozen>,
}

/// The open round trip of a symbol.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) trade: OrderId,
    pub(super) way: BuySell,
    pub(super) entry: Sum,
    pub(super) exit: Sum,
    /// `None` where nobody knows what a contract costs.
    pub(super) fees_usd: Option<f64>,
    pub(super) since: Ts,
    pub(super) last_exit: Ts,
    pub(super) best: f64,
    pub(super) worst: f64,
    pub(super) adverse_first: bool,
    pub(super) reason: ExitReason,
    /// As it was planned; `None` for a position that no entry of ours opened.
    pub(super) plan: Option<Planned>,
}

/// What the market says at the exit, and why it was closed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exit {
    /// Market regime.
    pub(super) regime: Option<(u8, i8)>,
    /// Volatility regime.
    pub(super) volatility: Slot,
    /// Why.
    pub(super) reason: ExitReason,
}

/// Contracts that were filled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// When.
    pub(super) at: Stamp,
    /// The trade of those that open a position.
    pub(super) opens: OrderId,
    /// Direction.
    pub(super) way: BuySell,
    /// Contracts.
    pub(super) qty: Qty,
    /// Price, where known.
    pub(super) px: Option<Px>,
    /// Ticks worse than meant.
    pub(super) slippage: Option<f64>,
    /// Fee of a contract, USD.
    pub(super) fee_usd: Option<f64>,
}

impl Part {
    /// `qty` contracts of an execution.
    pub(super) fn of(filled: &Filled, qty: Qty, opens: OrderId) -> Part {
        Part {
            at: filled.at,
            opens,
            way: filled.way,
            qty,
            px: Some(filled.px),
            slippage: filled.slippage_ticks,
            fee_usd: filled.fees_usd.map(|usd| usd / f64::from(filled.qty.max(1))),
        }
    }

    fn time(&self) -> Ts {
        self.at.market_time.or(self.at.ts)
    }
}

/// The round trips of one symbol.
#[derive(Clone, Debug, Default)]
pub(super) struct Trades {
    open: Option<Open>,
    /// The newest entry that left, be it in the run before; its fill opens the round trip.
    plan: Option<Planned>,
    /// USD per tick and contract, where known.
    tick_value: Option<f64>,
}

impl Trades {
    /// No position; `tick_value` in USD per tick and contract.
    #[must_use]
    pub(super) fn new(tick_value: Option<f64>) -> Trades {
        Trades { tick_value, ..Trades::default() }
    }

    /// What the run before left.
    pub(super) fn restore(&mut self, open: Option<Open>, plan: Option<Planned>) {
        (self.open, self.plan) = (open, plan);
    }

    /// What a run that follows must know.
    pub(super) const fn parts(&self) -> (Option<&Open>, Option<&Planned>) {
        (self.open.as_ref(), self.plan.as_ref())
    }

    /// Becomes the round trip of a position of the orders: they count.
    pub(super) fn follow(&mut self, position: &Position, at: Ts) {
        self.open = position.way.map(|way| {
            let sum = |leg| Sum { leg, ..Sum::default() };
            let old = self.open.filter(|open| open.trade == position.trade && open.way == way);
            Open {
                entry: sum(position.entered),
                exit: sum(position.exited),
                reason: position.reason,
                // What the missing contracts cost nobody said.
                fees_usd: None,
                ..old.unwrap_or(Open::new(position.trade, way, at, self))
            }
        });
    }

    /// An order left for this decision.
    pub(super) fn decided(&mut self, entry: Entry, decided: Frozen) {
        self.plan = Some(Planned { entry, decided: Some(decided) });
    }

    /// The decision of a trade, while it is the newest or the open one.
    #[must_use]
    pub(super) fn decision(&self, trade: OrderId) -> Option<&Frozen> {
        self.planned(trade)?.decided.as_ref()
    }

    /// The entry of a trade as it was planned, while it is the newest or the open one.
    #[must_use]
    pub(super) fn plan(&self, trade: OrderId) -> Option<&Entry> {
        self.planned(trade).map(|planned| &planned.entry)
    }

    fn planned(&self, trade: OrderId) -> Option<&Planned> {
        let of = |planned: &&Planned| planned.entry.id == trade;
        let open = self.open.as_ref().and_then(|o| o.plan.as_ref());
        open.filter(of).or_else(|| self.plan.as_ref().filter(of))
    }

    /// Contracts held, below 0 = short.
    #[must_use]
    pub(super) fn qty(&self) -> i64 {
        self.open.as_ref().map_or(0, Open::held)
    }

    /// Counts contracts; the round trip that they ended. What goes through flat opens another.
    pub(super) fn count(&mut self, part: &Part, exit: Exit) -> Option<Closed> {
        let held = self.qty();
        let against = held * i64::from(part.way.sign()) < 0;
        let closes = if against { held.unsigned_abs().min(u64::from(part.qty)) } else { 0 };
        let closes = Qty::try_from(closes).unwrap_or(part.qty);
        let mut closed = None;
        if closes > 0
            && let Some(open) = &mut self.open
        {
            open.exit.add(closes, part.px, part.slippage);
            open.pay(closes, part.fee_usd);
            (open.last_exit, open.reason) = (part.time(), exit.reason);
            if let Some(px) = part.px {
                open.mark(i64::from(px.ticks()) * 2);
            }
            closed = self.end(part.at, exit, false);
        }
        let opens = part.qty - closes;
        if opens > 0 {
            // What is flat and waits for a price waits no longer.
            closed = closed.or_else(|| self.end(part.at, exit, true));
            let new = Open::new(part.opens, part.way, part.time(), self);
            let open = self.open.get_or_insert(new);
            open.entry.add(opens, part.px, part.slippage);
            open.pay(opens, part.fee_usd);
        }
        closed
    }

    /// The price of contracts that were counted before; the round trip of which it was the last.
    pub(super) fn price(&mut self, part: &Part, exit: Exit) -> Option<Closed> {
        let (Some(open), Some(px)) = (&mut self.open, part.px) else { return None };
        let leg = if open.way == part.way { &mut open.entry } else { &mut open.exit };
        leg.price(part.qty, px, part.slippage);
        self.end(part.at, exit, false)
    }

    /// Ends a round trip that is flat: known in full, or `anyway`.
    pub(super) fn end(&mut self, at: Stamp, exit: Exit, anyway: bool) -> Option<Closed> {
        let open = self.open.filter(|open| open.held() == 0)?;
        let known = open.entry.leg.is_priced() && open.exit.leg.is_priced();
        (known || anyway).then(|| {
            self.open = None;
            open.closed(at, exit, self.tick_value)
        })
    }

    /// The market is at half ticks `mid2` now.
    pub(super) fn mark(&mut self, mid2: i64) {
        if let Some(open) = &mut self.open {
            open.mark(mid2);
        }
    }

    /// Open profit in USD at half ticks `mid2`, before fees that are still to come; `None` where a
    /// price, what a tick is worth or a fee is not known.
    #[must_use]
    pub(super) fn open_usd(&self, mid2: i64) -> Option<f64> {
        let Some(open) = &self.open else { return Some(0.0) };
        let (average, exit) = (open.entry.average()?, &open.exit.leg);
        let sign = f64::from(open.way.sign());
        if !exit.is_priced() {
            return None;
        }
        let realised = sign * (exit.ticks as f64 - f64::from(exit.qty) * average);
        let running = open.held() as f64 * (mid2 as f64 / 2.0 - average);
        Some((realised + running) * self.tick_value? - open.fees_usd?)
    }

    /// The position for a record, valued at half ticks `mid2` where they are known.
    #[must_use]
    pub(super) fn held(
        &self,
        at: Stamp,
        mid2: Option<i64>,
        bracket: Option<(Px, Px)>,
    ) -> Option<Held> {
        let open = self.open.as_ref()?;
        let (average, mark) = (open.entry.average(), mid2.map(|mid2| mid2 as f64 / 2.0));
        let qty = i32::try_from(self.qty()).unwrap_or(i32::MAX);
        let sign = f64::from(open.way.sign());
        let open_ticks = average.zip(mark).map(|(average, mark)| sign * (mark - average));
        let open_usd = open_ticks
            .zip(self.tick_value)
            .map(|(ticks, value)| ticks * f64::from(qty.unsigned_abs()) * value);
        let (trade, since, excursion) = (open.trade, open.since, open.excursion());
        let held =
            Held { at, trade, qty, average, mark, open_ticks, open_usd, excursion, since, bracket };
        Some(held)
    }

    /// Money at risk at the entry, USD, of the contracts that were entered; `None` where nobody
    /// knows it.
    #[must_use]
    pub(super) fn risk_usd(&self) -> Option<f64> {
        self.open.as_ref().and_then(Open::risk_usd)
    }

    /// The trade that an execution of an order of trade `own` belongs to: that one, or the open one
    /// where it is nobody's. What has contracts that are new and meets no position belongs to what
    /// it `opens`.
    #[must_use]
    pub(super) fn trade(&self, own: OrderId, opens: Option<OrderId>) -> OrderId {
        match self.open.as_ref().filter(|open| opens.is_none() || open.held() != 0) {
            Some(_) if own.is_ours() => own,
            Some(open) => open.trade,
            None => opens.unwrap_or(own),
        }
    }

    /// Market time at which the position was opened.
    #[must_use]
    pub(super) fn since(&self) -> Option<Ts> {
        self.open.as_ref().filter(|open| open.held() != 0).map(|open| open.since)
    }
}

impl Open {
    fn new(trade: OrderId, way: BuySell, since: Ts, of: &Trades) -> Open {
        Open {
            trade,
            way,
            entry: Sum::default(),
            exit: Sum::default(),
            fees_usd: Some(0.0),
            since,
            last_exit: since,
            best: 0.0,
            worst: 0.0,
            adverse_first: false,
            // Whoever closes it without a word is no order of ours.
            reason: ExitReason::Manual,
            plan: of.planned(trade).copied(),
        }
    }

    /// Contracts held, below 0 = short.
    fn held(&self) -> i64 {
        let size = i64::from(self.entry.leg.qty) - i64::from(self.exit.leg.qty);
        i64::from(self.way.sign()) * size
    }

    fn pay(&mut self, qty: Qty, fee_usd: Option<f64>) {
        self.fees_usd = self.fees_usd.zip(fee_usd).map(|(sum, fee)| sum + f64::from(qty) * fee);
    }

    fn risk_usd(&self) -> Option<f64> {
        let plan = self.plan.map(|plan| plan.entry);
        let plan = plan.filter(|plan| plan.risk_usd > 0.0 && plan.qty > 0)?;
        Some(plan.risk_usd / f64::from(plan.qty) * f64::from(self.entry.leg.qty))
    }

    /// Best and worst open profit, `None` where the entry has no price to measure from.
    fn excursion(&self) -> Option<(f64, f64)> {
        self.entry.average().map(|_| (self.best, self.worst))
    }

    fn mark(&mut self, mid2: i64) {
        let Some(average) = self.entry.average() else { return };
        let ticks = f64::from(self.way.sign()) * (mid2 as f64 / 2.0 - average);
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
        let ticks = entry.zip(out).map(|(entry, out)| f64::from(self.way.sign()) * (out - entry));
        let d = self.plan.as_ref().and_then(|plan| plan.decided.as_ref());
        let none = Slot::none(Reason::NoInput);
        let qty = self.entry.leg.qty;
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
            gross_usd: ticks.zip(tick_value).map(|(ticks, usd)| ticks * f64::from(qty) * usd),
            fees_usd: self.fees_usd,
            risk_usd: self.risk_usd(),
            equity_usd: self.plan.map(|plan| plan.entry.equity_usd),
            slippage: (self.entry.slippage(), self.exit.slippage()),
            excursion: self.excursion(),
            adverse_first: self.adverse_first,
            reason: self.reason,
            decided: d.map(|d| d.ts),
            tier: d.map(|d| d.tier),
            d: d.map(|d| d.d),
            coverage: d.map(|d| d.coverage),
            features: d.map_or([none; FEATURES], |d| d.features),
            label: d.map(|d| d.label),
            sub_bucket: d.map(|d| d.sub_bucket),
            regime: [d.and_then(|d| d.regime), exit.regime],
            volatility: [d.map_or(none, |d| d.volatility), exit.volatility],
            vix: d.and_then(|d| d.vix),
        }
    }
}

#[cfg(test)]
mod tests;
