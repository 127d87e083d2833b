//! How the kill switch of [`Risk`] moves: up by rules and halts, down by the operator and by time.

use super::act::{Act, Why};
use super::kill::{ResumeError, Rule};
use super::{Risk, date_of};
use crate::order::KillState;
use crate::units::Ts;

impl Risk {
    /// A rule trips. Nothing happens where it holds already.
    pub fn trip(&mut self, rule: Rule) {
        self.hold(rule, Why::Rule(rule));
    }

    /// A sequenced halt with the code of its cause: the state is at least this one from here on.
    pub fn on_halt(&mut self, ts: Ts, state: KillState, cause: u8) {
        self.ts = self.ts.max(ts);
        if let Some(rule) = Rule::outside(state) {
            self.hold(rule, Why::Outside(cause));
            // Asked for again is done again: somebody sees what the core does not.
            self.acts.demand(state);
        }
    }

    /// The operator lifts the halts of `state`, which must be the present one; milder ones stay.
    /// `clean` = orders and positions are reconciled. The halt file is the door's business: while
    /// it exists no resume is sequenced.
    ///
    /// # Errors
    /// [`ResumeError`]; nothing was changed.
    pub fn on_resume(&mut self, ts: Ts, state: KillState, clean: bool) -> Result<(), ResumeError> {
        self.ts = self.ts.max(ts);
        let now = self.kill();
        if now == KillState::Emergency {
            return Err(ResumeError::Emergency);
        }
        if state != now || now == KillState::Normal {
            return Err(ResumeError::NotThis(now));
        }
        if !clean {
            return Err(ResumeError::NotReconciled);
        }
        let of_state = |rule: &&Rule| rule.state() == state;
        let held = |rule: &&Rule| self.state.holds.since(**rule).is_some();
        let still = |rule: &&Rule| self.is_still(**rule);
        if let Some(rule) = Rule::ALL.iter().filter(of_state).filter(held).find(still) {
            return Err(ResumeError::Still(*rule));
        }
        for rule in Rule::ALL.iter().copied().filter(|rule| rule.state() == state) {
            self.forget(rule);
        }
        self.changed = true;
        self.acts.say(Act::Tripped { from: now, to: self.kill(), why: Why::Resume });
        Ok(())
    }

    /// Orders and positions are reconciled: what the kill switch asks for is asked for again, since
    /// only now it is known what there is.
    pub fn on_reconciled(&mut self) {
        let demands = self.state.holds.iter().filter(|(rule, _)| *rule != Rule::TradesPerDay);
        if let Some(state) = demands.map(|(rule, _)| rule.state()).max() {
            self.acts.demand(state);
        }
    }

    fn hold(&mut self, rule: Rule, why: Why) {
        let period = self.period(rule);
        if self.state.holds.since(rule).is_some_and(|since| since >= period) {
            return;
        }
        let from = self.kill();
        self.state.holds.set(rule, Some(period));
        self.changed = true;
        let to = self.kill();
        if to != from {
            self.acts.say(Act::Tripped { from, to, why });
        }
        // The day's last trade is no reason to take its own rest out of the market.
        if rule != Rule::TradesPerDay {
            self.acts.demand(rule.state());
        }
    }

    /// What a rule trips in: the session, the month or the trade date.
    fn period(&self, rule: Rule) -> i64 {
        match rule {
            Rule::SessionLoss => self.state.session.0,
            Rule::MonthDrawdown => i64::from(self.state.month),
            _ => i64::from(self.state.trade_day),
        }
    }

    /// Whether the cause of a rule that holds is still there, as far as it can be measured here.
    fn is_still(&self, rule: Rule) -> bool {
        match rule {
            Rule::SessionLoss | Rule::TradesPerDay | Rule::DayLoss | Rule::MonthDrawdown => {
                self.state.holds.since(rule).is_some_and(|since| since >= self.period(rule))
            }
            Rule::OrderRate => self.orders.is_full(self.ts),
            Rule::ReplaceRate => self.replaces.is_full(self.ts),
            Rule::StaleData => self.is_stale(),
            _ => false,
        }
    }

    /// Whether a traded market is silent in session.
    pub(super) fn is_stale(&self) -> bool {
        let trades = self.products.iter().map(|p| p.is_some_and(|p| p.trading));
        let mut traded = self.markets.iter().zip(trades).filter(|(_, trades)| *trades);
        traded.any(|(market, _)| market.silent_since(self.ts) >= self.params.stale_ns)
    }

    /// Takes a new segment of some symbol: `session` is the start of its label's session where the
    /// market is open. Time goes forward only, whatever symbol says it.
    pub(super) fn roll(&mut self, session: Option<Ts>, day: i32) {
        let state = &mut self.state;
        let (mut rolled, date) = (false, date_of(day));
        let month = i32::from(date.year()) * 12 + i32::from(date.month()) - 1;
        if day > state.trade_day {
            (state.day_r, state.day_usd, state.trades) = (0.0, 0.0, 0);
            state.trade_day = day;
            if month != state.month {
                state.month = month;
                state.month_peak = state.equity();
            }
            rolled = true;
        }
        if let Some(session) = session.filter(|session| *session > state.session) {
            state.session = session;
            state.session_r = 0.0;
            rolled = true;
        }
        if rolled {
            self.changed = true;
            self.expire();
        }
    }

    /// Lifts what has ended with its period.
    fn expire(&mut self) {
        let holds = self.state.holds;
        for (rule, since) in holds.iter() {
            let ended = match rule {
                Rule::SessionLoss | Rule::TradesPerDay => since != self.period(rule),
                Rule::Entries | Rule::Trading | Rule::Emergency | Rule::Mismatch => false,
                // A new day brings neither money nor permission.
                Rule::Margin | Rule::Permission => false,
                // For these somebody has to look, where there is somebody.
                _ => !self.params.attended && since < self.period(rule),
            };
            if ended {
                self.release(rule);
            }
        }
    }

    /// Lifts the hold of a rule whose time is over.
    pub(super) fn release(&mut self, rule: Rule) {
        let from = self.kill();
        self.forget(rule);
        self.changed = true;
        let to = self.kill();
        if to != from {
            self.acts.say(Act::Tripped { from, to, why: Why::Over(rule) });
        }
    }

    /// A rule begins anew.
    fn forget(&mut self, rule: Rule) {
        self.state.holds.set(rule, None);
        match rule {
            Rule::OrderRate => self.orders.clear(),
            Rule::ReplaceRate => self.replaces.clear(),
            Rule::RejectRate => self.refusals.clear(),
            Rule::AckLatency => self.acks.clear(),
            _ => {}
        }
    }
}
