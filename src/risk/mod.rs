//! What may be risked: sizes, limits, the kill switch, rates. Gates 1, 12, 13 and 14.
//!
//! A function of what it is told: events, times, profits, balances. It asks no clock and reads no
//! file; what it must remember beyond a run is [`State`], whose text somebody else writes.
//!
//! * [`size`]: contracts from equity, stop and tier.
//! * [`pretrade`]: the market just before the order.
//! * [`kill`]: rules that hold the kill switch, each by itself; the most severe counts.
//!
//! A step of trading tells it the time first ([`Risk::on_time`]), then what happened
//! (`Risk::on_…`), asks gate 1 and [`Risk::judge`], and does what [`Risk::poll`] says. A value that
//! is missing or no number refuses; it never passes.

pub mod act;
mod judge;
pub mod kill;
mod market;
pub mod params;
pub mod pretrade;
mod rate;
pub mod size;
pub mod state;
mod switch;

use std::sync::Arc;

pub use act::{Act, Why};
pub use judge::{Exposure, Open, open_risk};
pub use kill::{Holds, ResumeError, Rule};
pub use params::{Micro, Params, Product};
pub use pretrade::Leaving;
pub use size::Sizing;
pub use state::{State, StateError};

use crate::calendar::{Calendar, date_of};
use crate::order::{Detail, Gate, KillState, OrderId, RejectClass, Veto};
use crate::units::{MINUTE, Px, SymbolId, Ts};
use act::Acts;
use market::Market;
use rate::{Acks, Rate, Refusals};

/// What float sums may be off: a limit at −2 R trips at −1.9999999999.
const EPS: f64 = 1e-9;
/// Least time between two requests to save a month's peak that only rises, ns.
const PEAK_SAVE_NS: i64 = 1_000_000_000;

/// Profit of what is not closed yet: open contracts, partial exits and fees so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OpenPnl {
    /// USD.
    pub usd: f64,
    /// The same as multiples of each trade's money at risk, summed.
    pub r: f64,
}

/// What happened to an order, for rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderEvent {
    /// The core started a new order. An entry counts once with its bracket, a retry again; a
    /// flatten of the kill switch does not count.
    New(OrderId),
    /// The core asked for a change.
    Replace,
    /// The venue refused a new order: it counts.
    Rejected(OrderId),
    /// The venue refused a new order, a cancel or a change, for this.
    Refused(RejectClass),
    /// The venue answered a new order for the first time.
    Acked {
        /// Time since it was sent, ns.
        latency_ns: i64,
    },
}

/// All limits of a run.
#[derive(Clone, Debug)]
pub struct Risk {
    params: Params,
    products: Vec<Option<Product>>,
    calendar: Arc<Calendar>,
    state: State,
    /// Receive time of the last call.
    ts: Ts,
    markets: Vec<Market>,
    orders: Rate,
    replaces: Rate,
    throttle: Rate,
    refusals: Refusals,
    acks: Acks,
    acts: Acts,
    /// The last size that was asked for.
    sized: Option<Sizing>,
    /// Something was changed that a restart must know.
    changed: bool,
    /// The peak rose; when the last request to save was made.
    peak_rose: bool,
    asked: Ts,
}

impl Risk {
    /// Limits over one product a symbol (`None` = its money value is not known), from a state that
    /// another run may have left. `params` and products have passed their checks.
    ///
    /// An emergency of the last run has ended with this start: what stays is a halt of trading,
    /// which the operator lifts.
    #[must_use]
    pub fn new(
        params: Params,
        products: Vec<Option<Product>>,
        calendar: Arc<Calendar>,
        state: State,
    ) -> Risk {
        let mut state = state;
        if let Some(since) = state.holds.since(Rule::Emergency) {
            state.holds.set(Rule::Emergency, None);
            state.holds.set(Rule::Trading, Some(since));
        }
        let mut risk = Risk {
            params,
            calendar,
            ts: Ts::NONE,
            markets: vec![Market::NEW; products.len()],
            products,
            orders: Rate::new(params.orders_max.saturating_add(1), params.rate_ns),
            replaces: Rate::new(params.replaces_max.saturating_add(1), params.rate_ns),
            throttle: Rate::new(params.throttle_max, params.throttle_ns),
            refusals: Refusals::new(params.reject_sample),
            acks: Acks::new(params.ack_sample),
            acts: Acts::new(),
            sized: None,
            changed: true,
            peak_rose: false,
            asked: Ts::NONE,
            state,
        };
        risk.on_reconciled();
        risk
    }

    /// The numbers.
    #[must_use]
    pub const fn params(&self) -> &Params {
        &self.params
    }

    /// The product of a symbol.
    #[must_use]
    pub fn product(&self, symbol: SymbolId) -> Option<&Product> {
        self.products.get(usize::from(symbol.0))?.as_ref()
    }

    /// What a restart must know.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The kill switch.
    #[must_use]
    pub fn kill(&self) -> KillState {
        self.state.holds.state()
    }

    /// Equity now, USD, open profit included; `None` before the broker or the run's configuration
    /// said any.
    #[must_use]
    pub fn equity(&self) -> Option<f64> {
        self.state.equity()
    }

    /// Share of the month's peak that is lost now, 0 or more; `None` without equity.
    #[must_use]
    pub fn drawdown(&self) -> Option<f64> {
        let (equity, peak) = (self.state.equity()?, self.state.month_peak?);
        (peak > 0.0).then(|| (peak - equity) / peak)
    }

    /// The last size that [`Risk::judge`] came to, also where it was refused afterwards.
    #[must_use]
    pub const fn last_sizing(&self) -> Option<Sizing> {
        self.sized
    }

    /// Gate 1: the kill switch is NORMAL and the symbol is traded.
    ///
    /// # Errors
    /// The refusal; its detail names the limit that holds the switch.
    pub fn gate_halt(&self, symbol: SymbolId) -> Result<(), Veto> {
        if let Some(rule) = self.state.holds.rule() {
            return Err(Veto::new(Gate::Halt, rule.detail()));
        }
        match self.product(symbol) {
            Some(product) if !product.trading => Err(Veto::new(Gate::Halt, Detail::SymbolDisabled)),
            _ => Ok(()),
        }
    }

    /// What follows, one after the other; call until there is nothing.
    #[must_use]
    pub fn poll(&mut self) -> Option<Act> {
        self.acts.poll()
    }

    /// Whether [`Risk::state`] should be saved now: at each change, at most once a second where
    /// only the month's peak has risen.
    pub fn take_changed(&mut self) -> bool {
        let peak = self.peak_rose && (!self.asked.is_some() || self.since_asked() >= PEAK_SAVE_NS);
        if !self.changed && !peak {
            return false;
        }
        (self.changed, self.peak_rose, self.asked) = (false, false, self.ts);
        self.state.saved = self.ts.max(self.state.saved);
        true
    }

    const fn since_asked(&self) -> i64 {
        self.ts.since(self.asked)
    }

    /// Receive time `ts`, at which the market time of a symbol is `market_time`: rolls its session,
    /// the trade date and the month, watches its silence and the time to be flat. Call it with
    /// every event and Timer of every symbol, but not in warm-up: history has no time to be flat.
    /// Before the symbol's first live event silence and the time to be flat are those of receive
    /// time.
    pub fn on_time(&mut self, ts: Ts, market_time: Ts, symbol: SymbolId) {
        self.ts = self.ts.max(ts);
        let trades = self.product(symbol).is_some_and(|p| p.trading);
        let Some(market) = self.markets.get_mut(usize::from(symbol.0)) else { return };
        let (at, own) = market.clock(ts, market_time);
        let entered = market.enter(&self.params, &self.calendar, at);
        if market.is_due(ts, at) {
            self.acts.flat_by(symbol);
        }
        let silence = market.silence(ts, at);
        let alert = market.held != 0 && !market.alerted && silence > self.params.stale_held_ns;
        if alert {
            market.alerted = true;
            let value = silence as f64 / 1e9;
            self.acts.say(Act::Alert { rule: Rule::StaleData, symbol: Some(symbol), value });
        }
        // Dates and sessions are the market's alone: they never go back.
        if entered && own {
            let segment = market.segment();
            let (label, session, day) = (segment.label, segment.session.start, segment.trade_day);
            self.roll(label.is_open().then_some(session), day);
        }
        if trades && silence >= self.params.stale_ns {
            self.trip(Rule::StaleData);
        }
    }

    /// History is still being read: until it ends nobody can wait for a market that has not begun.
    pub fn on_history(&mut self) {
        self.markets.iter_mut().for_each(Market::wait);
    }

    /// A market event of a symbol that is no part of a snapshot.
    pub fn on_data(&mut self, ts: Ts, symbol: SymbolId) {
        self.ts = self.ts.max(ts);
        if let Some(market) = self.markets.get_mut(usize::from(symbol.0)) {
            market.on_data(ts);
        }
        let held = self.state.holds.since(Rule::StaleData).is_some();
        if held && !self.params.attended && !self.is_stale() {
            self.release(Rule::StaleData);
        }
    }

    /// The contracts of a symbol now, below 0 = short.
    pub fn on_position(&mut self, symbol: SymbolId, contracts: i32) {
        if let Some(market) = self.markets.get_mut(usize::from(symbol.0)) {
            market.held = contracts;
        }
    }

    /// The exchange's price limits of a symbol; `None` where they are not known any more.
    pub fn on_band(&mut self, symbol: SymbolId, band: Option<(Px, Px)>) {
        if let Some(market) = self.markets.get_mut(usize::from(symbol.0)) {
            market.band = band;
        }
    }

    /// The account's value, USD, open profit included; also the equity that a paper run begins
    /// with. What is no number takes the equity away: nothing is sized until there is one.
    pub fn on_balance(&mut self, ts: Ts, usd: f64) {
        self.ts = self.ts.max(ts);
        self.state.balance = Some(usd).filter(|usd| usd.is_finite());
        self.state.closed_usd = 0.0;
        self.state.reported_open_usd = self.state.open_usd;
        self.changed = true;
        self.check_limits();
    }

    /// What is open was valued at the market of the last balance for the first time, which moved
    /// its worth by `usd`: the balance has that already.
    pub fn on_mark(&mut self, usd: f64) {
        if usd.is_finite() {
            self.state.reported_open_usd += usd;
            self.changed = true;
        }
    }

    /// Profit of everything that is open now. Not for the moment between a closing fill and its
    /// [`Risk::on_closed`].
    pub fn on_open_pnl(&mut self, ts: Ts, open: OpenPnl) {
        self.ts = self.ts.max(ts);
        self.set_open(open);
        self.check_limits();
    }

    /// A position was opened: it counts as a trade of the day.
    pub fn on_opened(&mut self, ts: Ts) {
        self.ts = self.ts.max(ts);
        self.state.trades = self.state.trades.saturating_add(1);
        self.changed = true;
        if self.state.trades >= self.params.trades_max {
            self.trip(Rule::TradesPerDay);
        }
    }

    /// A position is flat again: its profit net of fees in USD and in multiples of its money at
    /// risk, and the profit of what is still open without it. A trade whose risk nobody knows
    /// counts in multiples of the base risk.
    pub fn on_closed(&mut self, ts: Ts, net_usd: f64, r: Option<f64>, rest: OpenPnl) {
        self.ts = self.ts.max(ts);
        self.changed = true;
        if !net_usd.is_finite() {
            self.trip(Rule::Unmeasured);
            return;
        }
        let unit = self.state.equity().map(|e| e * self.params.base_risk).filter(|u| *u > 0.0);
        let r = r
            .filter(|r| r.is_finite())
            .or(unit.map(|unit| net_usd / unit))
            // Neither risk nor equity: a loss is a whole one.
            .unwrap_or(if net_usd < 0.0 { -1.0 } else { 0.0 });
        let state = &mut self.state;
        state.closed_usd += net_usd;
        state.day_usd += net_usd;
        state.day_r += r;
        state.session_r += r;
        if net_usd < 0.0 {
            state.losses = state.losses.saturating_add(1);
            // The fourth loss pauses like the third: only a gain ends the row.
            if state.losses >= self.params.losses_max {
                state.pause_until = Ts(ts.0.saturating_add(self.params.pause_ns));
            }
        } else if net_usd > 0.0 {
            state.losses = 0;
        }
        self.set_open(rest);
        self.check_limits();
    }

    fn set_open(&mut self, open: OpenPnl) {
        if open.usd.is_finite() && open.r.is_finite() {
            (self.state.open_usd, self.state.open_r) = (open.usd, open.r);
        } else {
            self.trip(Rule::Unmeasured);
        }
    }

    /// Peak and drawdown of the month, loss of the session and of the day, open positions included.
    fn check_limits(&mut self) {
        let params = self.params;
        let equity = self.state.equity();
        if let Some(equity) = equity
            && self.state.month_peak.is_none_or(|peak| equity > peak)
        {
            self.state.month_peak = Some(equity);
            self.peak_rose = true;
        }
        let State { session_r, day_r, open_r, .. } = self.state;
        if self.drawdown().is_some_and(|lost| lost >= params.month_stop - EPS) {
            self.trip(Rule::MonthDrawdown);
        }
        if self.day_share_lost() || day_r + open_r <= EPS - params.day_loss_r {
            self.trip(Rule::DayLoss);
        }
        if session_r + open_r <= EPS - params.session_loss_r {
            self.trip(Rule::SessionLoss);
        }
    }

    /// Whether the day has lost its share of the equity, open positions included.
    fn day_share_lost(&self) -> bool {
        let usd = self.state.day_usd + self.state.open_usd;
        let most = |equity: f64| usd < 0.0 && usd <= EPS - self.params.day_loss * equity;
        self.state.equity().is_some_and(most)
    }

    /// What happened to an order: rates, refusals, acknowledgement times.
    pub fn on_order(&mut self, ts: Ts, event: OrderEvent) {
        self.ts = self.ts.max(ts);
        match event {
            OrderEvent::New(id) => {
                self.orders.push(ts);
                self.refusals.sent(id);
                if self.orders.is_full(ts) {
                    self.trip(Rule::OrderRate);
                }
            }
            OrderEvent::Replace => {
                self.replaces.push(ts);
                if self.replaces.is_full(ts) {
                    self.trip(Rule::ReplaceRate);
                }
            }
            OrderEvent::Rejected(id) => self.refusals.refused(id),
            OrderEvent::Refused(class) => match class {
                RejectClass::Margin => self.trip(Rule::Margin),
                RejectClass::Permission => self.trip(Rule::Permission),
                RejectClass::Unknown | RejectClass::Transient | RejectClass::Parameter => {}
            },
            OrderEvent::Acked { latency_ns } => {
                self.acks.push(latency_ns);
                if self.acks.p95().is_some_and(|ns| ns >= self.params.ack_p95_ns) {
                    self.trip(Rule::AckLatency);
                }
            }
        }
        if self.refusals.share().is_some_and(|share| share > self.params.reject_share + EPS) {
            self.trip(Rule::RejectRate);
        }
    }

    /// An event at market time `at` closed the one-minute bars of a symbol up to `end`. Call it
    /// after [`Risk::on_time`] of the same event.
    pub fn on_bar(&mut self, ts: Ts, symbol: SymbolId, end: Ts, at: Ts) {
        self.ts = self.ts.max(ts);
        let trades = self.product(symbol).is_some_and(|p| p.trading);
        let Some(market) = self.markets.get_mut(usize::from(symbol.0)) else { return };
        let spans = [(1, self.params.bar_1_late_ns), (30, self.params.bar_30_late_ns)];
        let late = spans.iter().any(|(minutes, limit)| {
            market.lateness(minutes * MINUTE, end, at).is_some_and(|late| late >= *limit)
        });
        market.closed_to(end);
        if trades && late {
            self.trip(Rule::BarLate);
        }
    }

    /// Whether so many more messages may leave at `ts`, and if so they do: 208, 201 and 204.
    /// Cancels and flattens are never asked for.
    pub fn admit(&mut self, ts: Ts, messages: usize) -> bool {
        let free = self.throttle.room(ts) >= messages;
        for _ in 0..if free { messages } else { 0 } {
            self.throttle.push(ts);
        }
        free
    }
}

#[cfg(test)]
mod tests;
