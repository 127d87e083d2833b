//! How many contracts: money at risk over what a contract can lose.
//!
//! ```text
//! risk_usd  = equity · base · tier · min(1, session · min(vol, vix) · drawdown), then ≤ cap · equity
//! per_ct    = stop · tick_value + round_turn + slippage · tick_value
//! contracts = floor(risk_usd / per_ct)
//! ```

use super::{Params, Product};
use crate::order::Scales;
use crate::units::{QTY_MAX, Qty};

/// A size and where it came from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sizing {
    /// Contracts, after caps.
    pub qty: Qty,
    /// Money that the trade may lose, USD: its R.
    pub risk_usd: f64,
    /// Loss of a contract at the stop with costs, USD.
    pub per_contract: f64,
    /// Equity that it came from, USD.
    pub equity: f64,
    /// Contracts of the small sister, where there is one and no contract of this one fits.
    pub micro_hint: Option<Qty>,
}

impl Sizing {
    /// What is lost if every contract is stopped out, USD.
    #[must_use]
    pub fn at_risk_usd(&self) -> f64 {
        f64::from(self.qty) * self.per_contract
    }
}

/// Money that a trade may lose, USD: 0 or more. `drawdown` is the factor of the month.
#[must_use]
pub fn risk_usd(params: &Params, equity: f64, tier: f64, scales: &Scales, drawdown: f64) -> f64 {
    let tier = if scales.vix_stress { tier.min(params.stress_tier) } else { tier };
    let session = scales.session.value().unwrap_or(params.session_floor);
    let volatility = scales.volatility.value().unwrap_or(params.volatility_floor);
    let vix = scales.vix.value().unwrap_or(params.vix_floor);
    // Realised and implied volatility say the same thing twice: the smaller counts.
    let scale = (session.max(0.0) * volatility.min(vix).max(0.0) * drawdown).min(1.0);
    let usd = (equity * params.base_risk * tier * scale).min(params.risk_cap * equity);
    if usd > 0.0 { usd } else { 0.0 }
}

/// Loss of a contract at a stop `ticks` away, USD.
#[must_use]
pub fn per_contract(ticks: i32, tick_value: f64, round_turn: f64, slippage_ticks: f64) -> f64 {
    f64::from(ticks) * tick_value + round_turn + slippage_ticks * tick_value
}

/// Whole contracts of `per_contract` USD that fit into `risk_usd`.
#[must_use]
pub fn contracts(risk_usd: f64, per_contract: f64) -> Qty {
    let exact = risk_usd / per_contract;
    if !(exact >= 0.0 && per_contract > 0.0) {
        return 0;
    }
    // 104.99999999999999 for a product that is 105 on paper would cost a contract.
    let contracts = ((exact * 1e9).round() / 1e9).floor();
    // In range after the comparison.
    contracts.min(f64::from(QTY_MAX)) as Qty
}

/// The size of a trade before caps, with the stop `ticks` away, above 0.
#[must_use]
pub fn size(product: &Product, equity: f64, risk_usd: f64, ticks: i32) -> Sizing {
    let slippage = product.slippage_ticks;
    let per = per_contract(ticks, product.tick_value, product.round_turn, slippage);
    let qty = contracts(risk_usd, per);
    let micro_hint = product.micro.filter(|_| qty == 0).map(|micro| {
        let per = per_contract(ticks, micro.tick_value, micro.round_turn, slippage);
        contracts(risk_usd, per).min(micro.cap)
    });
    Sizing { qty, risk_usd, per_contract: per, equity, micro_hint }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::{Reason, Slot};

    fn scales(session: f64, volatility: f64) -> Scales {
        Scales {
            session: Slot::some(session),
            volatility: Slot::some(volatility),
            vix: Slot::some(9.0),
            vix_stress: false,
        }
    }

    /// The specification's table.
    #[test]
    fn golden() {
        let es = Product::of_root("ES").expect("ES");
        let mes = Product::of_root("MES").expect("MES");
        let nq = Product::of_root("NQ").expect("NQ");
        let one = scales(1.0, 1.0);
        for (base, equity, tier, scales, ticks, product, risk, per, qty) in [
            (0.005, 100_000.0, 1.5, scales(1.0, 0.7), 12, es, 525.0, 180.0, 2),
            (0.005, 100_000.0, 1.5, scales(1.0, 0.7), 12, mes, 525.0, 19.0, 27),
            (0.005, 20_000.0, 1.0, one, 12, es, 100.0, 180.0, 0),
            (0.005, 20_000.0, 1.0, one, 12, mes, 100.0, 19.0, 5),
            (0.005, 250_000.0, 2.0, one, 20, nq, 2500.0, 115.0, 21),
            (0.005, 100_000.0, 1.5, scales(1.2, 1.3), 12, es, 750.0, 180.0, 4),
            (0.006, 100_000.0, 2.0, one, 12, es, 1000.0, 180.0, 5),
        ] {
            let params = Params { base_risk: base, ..Params::default() };
            let usd = risk_usd(&params, equity, tier, &scales, 1.0);
            let sizing = size(&product, equity, usd, ticks);
            assert!((usd - risk).abs() < 1e-9, "{usd} {risk}");
            assert!((sizing.per_contract - per).abs() < 1e-9, "{sizing:?}");
            assert_eq!(sizing.qty, qty, "{sizing:?}");
            let hint = (qty == 0 && product == es).then_some(5);
            assert_eq!(sizing.micro_hint, hint, "{sizing:?}");
        }
    }

    #[test]
    fn unknown_factors_count_as_their_floors() {
        let params = Params::default();
        let none = Slot::none(Reason::NoInput);
        let known = scales(1.0, 1.0);
        let usd = |scales: Scales| risk_usd(&params, 100_000.0, 1.0, &scales, 1.0);
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        near(usd(Scales { session: none, ..known }), 250.0);
        near(usd(Scales { volatility: none, ..known }), 200.0);
        near(usd(Scales { vix: none, ..known }), 250.0);
        near(usd(Scales { volatility: none, vix: none, ..known }), 200.0);
        near(usd(Scales { session: Slot::some(0.0), ..known }), 0.0);
        near(usd(Scales { session: Slot::some(-3.0), volatility: Slot::some(-1.0), ..known }), 0.0);
        // Stress caps the tier, and only downwards.
        let stress = Scales { vix_stress: true, ..known };
        near(risk_usd(&params, 100_000.0, 2.0, &stress, 1.0), 500.0);
        near(risk_usd(&params, 100_000.0, 0.5, &stress, 1.0), 250.0);
        // Drawdown halves; realised and implied volatility are not multiplied.
        near(risk_usd(&params, 100_000.0, 1.0, &known, 0.5), 250.0);
        near(usd(Scales { volatility: Slot::some(0.6), vix: Slot::some(0.7), ..known }), 300.0);
    }

    #[test]
    fn nothing_is_forced() {
        for (risk, per) in
            [(0.0, 180.0), (100.0, 0.0), (100.0, -1.0), (f64::NAN, 1.0), (1.0, f64::NAN)]
        {
            assert_eq!(contracts(risk, per), 0, "{risk} {per}");
        }
        assert_eq!(contracts(f64::INFINITY, 1.0), QTY_MAX);
        assert_eq!(contracts(0.1 + 0.2, 0.1), 3);
        assert_eq!(contracts(359.99, 180.0), 1);
        let params = Params::default();
        let scales = scales(1.0, 1.0);
        assert_eq!(risk_usd(&params, -5_000.0, 1.0, &scales, 1.0), 0.0);
        assert_eq!(risk_usd(&params, f64::NAN, 1.0, &scales, 1.0), 0.0);
    }

    proptest! {
        /// A size never risks more than the cap, and one contract more would.
        #[test]
        fn the_size_fits(
            equity in 0.0_f64..1e7,
            tier in 0.0_f64..5.0,
            session in 0.0_f64..2.0,
            volatility in 0.0_f64..2.0,
            ticks in 1_i32..400,
        ) {
            let params = Params::default();
            let product = Product::of_root("NQ").expect("NQ");
            let usd = risk_usd(&params, equity, tier, &scales(session, volatility), 1.0);
            prop_assert!(usd <= equity * 0.01 && usd <= equity * 0.005 * tier + 1e-9);
            let sizing = size(&product, equity, usd, ticks);
            prop_assert!(sizing.at_risk_usd() <= usd * (1.0 + 1e-8) + 1e-6);
            prop_assert!(sizing.at_risk_usd() + sizing.per_contract > usd);
        }
    }
}
