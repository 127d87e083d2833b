//! The groups of fields that records are made of. What is not known is null and says why; nothing
//! is defaulted.

mod decided;
mod traded;

pub(super) use decided::{Index, entry, market, microstructure, options, session, signal};
pub(super) use traded::{
    Server, acknowledged, correlation, execution, position, post_trade, result,
};

use super::value::{Group, Value};
use crate::features::frame::FEATURES;
use crate::order::OrderKind;
use crate::units::{Reason, Slot};
use crate::volatility::Regime;

/// Names of market regimes by their code.
const REGIMES: [&str; 3] = ["TREND", "RANGE", "VOLATILE"];
/// Names of volatility regimes by their thirds.
const VOLATILITY: [&str; 4] = ["LOW", "NORMAL", "HIGH", "EXTREME"];

/// Name of a market regime.
pub(super) fn regime_name(regime: Option<(u8, i8)>) -> Option<&'static str> {
    REGIMES.get(usize::from(regime?.0)).copied()
}

/// Name of a volatility regime: 0, 1/3, 2/3 or 1.
pub(super) fn volatility_name(slot: Slot) -> Option<&'static str> {
    let thirds = slot.value()? * 3.0;
    VOLATILITY.get(thirds.round().clamp(0.0, 3.0) as usize).copied()
}

/// Name of the regime of a level of VIX.
pub(super) fn vix_regime(vix: Option<f64>) -> Option<&'static str> {
    vix.map(|vix| Regime::of(vix).name())
}

/// Values of the features and, beside them, why one has none.
pub(super) fn features(group: &mut Group, slots: &[Slot; FEATURES]) -> usize {
    let values = slots.iter().map(|s| s.value().map_or(Value::Null, Value::from));
    group.put("features", values.collect::<Vec<Value>>());
    let reasons = slots.iter().map(|s| Value::from(s.reason.name()));
    group.put("feature_reasons", reasons.collect::<Vec<Value>>());
    let count = slots.iter().filter(|s| s.value().is_some()).count();
    group.put("feature_count", count as u64);
    count
}

/// A feature by its number.
pub(super) fn feature(slots: &[Slot; FEATURES], number: usize) -> Slot {
    slots.get(number - 1).copied().unwrap_or(Slot::none(Reason::NoInput))
}

const fn kind_name(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Market => "MARKET",
        OrderKind::Limit => "LIMIT",
        OrderKind::Stop => "STOP",
        OrderKind::StopLimit => "STOP_LIMIT",
    }
}
