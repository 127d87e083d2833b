//! Gates 12, 13 and 14 of an intent, in that order.

use super::pretrade::{self, Leaving};
use super::{EPS, Params, Product, Risk, Sizing, size};
use crate::order::{Detail, Gate, Intent, Veto};
use crate::units::Qty;

/// What is open in a symbol.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Open {
    /// Contracts, below 0 = short.
    pub qty: i32,
    /// Contracts of working entries, below 0 = sales.
    pub working: i32,
    /// What both lose if they are stopped out, USD.
    pub risk_usd: f64,
}

impl Open {
    /// Whether anything is held or may be.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.qty != 0 || self.working != 0
    }

    fn contracts(&self) -> f64 {
        f64::from(self.qty.unsigned_abs()) + f64::from(self.working.unsigned_abs())
    }
}

/// What is open in every symbol of the run, in the run's order.
#[derive(Clone, Copy, Debug)]
pub struct Exposure<'a> {
    /// By symbol.
    pub symbols: &'a [Open],
}

const fn limit(detail: Detail) -> Veto {
    Veto::new(Gate::Limit, detail)
}

impl Risk {
    /// The size of an intent, or the first gate of 12, 13 and 14 that refuses it; the kill switch
    /// is asked again before them.
    ///
    /// # Errors
    /// The refusal. [`Risk::last_sizing`] says what the size would have been, where one was found.
    pub fn judge(&mut self, intent: &Intent, exposure: &Exposure<'_>) -> Result<Sizing, Veto> {
        self.ts = self.ts.max(intent.ts);
        self.sized = None;
        self.gate_halt(intent.symbol)?;
        let open = exposure.symbols.get(usize::from(intent.symbol.0));
        // A symbol that nobody reports on is not flat.
        let open = *open.ok_or(Veto::new(Gate::Reconcile, Detail::Venue))?;
        self.counters(intent)?;
        self.positions(&open, exposure)?;
        let product = *self.product(intent.symbol).ok_or(limit(Detail::NoContract))?;
        let equity = self.equity().ok_or(limit(Detail::NoEquity))?;
        if intent.stop_ticks() < 1 {
            // Without a distance there is no size.
            return Err(Veto::new(Gate::SizeZero, Detail::StopSide));
        }
        let params = &self.params;
        let scale = self.drawdown_scale();
        let usd = size::risk_usd(params, equity, intent.tier, &intent.scales, scale);
        let mut sizing = size::size(&product, equity, usd, intent.stop_ticks());
        self.sized = Some(sizing);
        let room = self.contracts_left(&product, &open, exposure)?;
        sizing.qty = sizing.qty.min(room);
        self.sized = Some(sizing);
        if sizing.qty > 0 {
            let at_risk = open_risk(exposure) + sizing.at_risk_usd();
            if !within(at_risk, params.open_risk_max * equity) {
                return Err(limit(Detail::OpenRisk));
            }
        }
        if sizing.qty == 0 {
            return Err(Veto::new(Gate::SizeZero, Detail::BelowOne));
        }
        let held = open.qty.saturating_add(open.working);
        let band = self.markets.get(usize::from(intent.symbol.0)).and_then(|m| m.band);
        pretrade::check(params, &product, intent, sizing.qty, held, band)?;
        Ok(sizing)
    }

    /// Asks again, of what gate 14 found, what may have changed while an entry waited to leave.
    ///
    /// # Errors
    /// The refusal.
    pub fn still(&self, of: &Leaving) -> Result<(), Veto> {
        let product = self.product(of.symbol).ok_or(limit(Detail::NoContract))?;
        pretrade::leaving(&self.params, product, of)
    }

    /// Time to be flat, losses, cool-down. The first three hold the kill switch too; they are asked
    /// again, for a hold that was lifted wrongly must not open them.
    fn counters(&self, intent: &Intent) -> Result<(), Veto> {
        let (params, state) = (&self.params, &self.state);
        let market = self.markets.get(usize::from(intent.symbol.0));
        if market.is_some_and(|market| market.is_past(intent.market_time)) {
            return Err(limit(Detail::FlatBy));
        }
        let lost = |r: f64, most: f64| r + state.open_r <= EPS - most;
        if lost(state.session_r, params.session_loss_r) {
            return Err(limit(Detail::SessionLoss));
        }
        if lost(state.day_r, params.day_loss_r) || self.day_share_lost() {
            return Err(limit(Detail::DayLoss));
        }
        if self.drawdown().is_some_and(|lost| lost >= params.month_stop - EPS) {
            return Err(limit(Detail::MonthDrawdown));
        }
        if state.pause_until.is_some() && intent.ts < state.pause_until {
            return Err(limit(Detail::CoolDown));
        }
        Ok(())
    }

    /// Trades of the day, open positions. Working entries count as what they may become.
    fn positions(&self, open: &Open, exposure: &Exposure<'_>) -> Result<(), Veto> {
        let count = |is: fn(&Open) -> bool| {
            let n = exposure.symbols.iter().filter(|open| is(open)).count();
            u32::try_from(n).unwrap_or(u32::MAX)
        };
        let pending = count(|open| open.qty == 0 && open.working != 0);
        if self.state.trades.saturating_add(pending) >= self.params.trades_max {
            return Err(limit(Detail::TradesPerDay));
        }
        if open.is_open() {
            return Err(limit(Detail::PositionOpen));
        }
        if count(Open::is_open) >= self.params.positions_max {
            return Err(limit(Detail::Positions));
        }
        Ok(())
    }

    /// Contracts that the caps of the symbol and of the gross USD per tick leave, at least one.
    fn contracts_left(
        &self,
        product: &Product,
        open: &Open,
        exposure: &Exposure<'_>,
    ) -> Result<Qty, Veto> {
        let own = size::contracts(f64::from(product.cap) - open.contracts(), 1.0);
        if own == 0 {
            return Err(limit(Detail::PositionCap));
        }
        let mut gross = 0.0;
        for (open, product) in exposure.symbols.iter().zip(&self.products) {
            match product {
                Some(product) => gross += open.contracts() * product.tick_value,
                None if open.is_open() => return Err(limit(Detail::TickExposure)),
                None => {}
            }
        }
        let room = size::contracts(self.params.tick_usd_max - gross, product.tick_value);
        if room == 0 { Err(limit(Detail::TickExposure)) } else { Ok(own.min(room)) }
    }

    /// Factor of the month's drawdown on the size.
    fn drawdown_scale(&self) -> f64 {
        let Params { month_warn, month_scale, .. } = self.params;
        match self.drawdown() {
            Some(lost) if lost < month_warn - EPS => 1.0,
            _ => month_scale,
        }
    }
}

/// Open risk of the account, USD. Opposite sides are not netted, and what is no index future counts
/// like one: so that of the index futures, which move together, is within the same limit.
#[must_use]
pub fn open_risk(exposure: &Exposure<'_>) -> f64 {
    exposure.symbols.iter().filter(|open| open.is_open()).map(|open| open.risk_usd).sum()
}

/// At most `most`, but for what float sums are off; no number is not within anything.
fn within(usd: f64, most: f64) -> bool {
    usd <= most + EPS * most.abs().max(1.0)
}
