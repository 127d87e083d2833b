//! Slots 18 and 19, from every print since the start.

use mia::units::{MINUTE, Reason, SECOND};

use crate::market::{Deal, Market};
use crate::minutes::Value;

/// Slot 18 with `floor` contracts as the least large print.
pub(crate) fn slot18(market: &Market, floor: Option<i64>) -> Value {
    let floor = floor.ok_or(Reason::Warmup)?;
    let now = market.now.ok_or(Reason::Warmup)?;
    let minute = |at: i64| at.div_euclid(MINUTE);
    let age = |p: &Deal| minute(now) - minute(p.at);
    let large = |p: &&Deal| p.sign != 0 && p.qty >= floor;
    let recent: Vec<Deal> =
        market.prints.iter().rev().take_while(|p| age(p) < 15).copied().collect();
    let contracts: i64 = recent.iter().map(|p| p.qty).sum();
    if recent.iter().filter(large).count() < 3 || contracts < 1000 {
        return Err(Reason::InsufficientSample);
    }
    // All sums at the instant of the newest print; later decay changes no ratio.
    let at = market.prints.last().map_or(now, |p| p.at);
    let weight = |p: &Deal| p.qty as f64 * (-((at - p.at) as f64) / (900.0 * SECOND as f64)).exp();
    let sum = |keep: &dyn Fn(&&Deal) -> bool| -> f64 {
        market.prints.iter().filter(keep).map(weight).sum()
    };
    let buy = sum(&|p| large(p) && p.sign > 0);
    let sell = sum(&|p| large(p) && p.sign < 0);
    let net = (buy - sell) / (buy + sell);
    let intensity = (buy + sell) / sum(&|_| true);
    let agreeing = (0..5_i64).filter(|window| {
        let inside = |p: &&Deal| age(p) / 3 == *window;
        let side: i64 = recent.iter().filter(inside).filter(large).map(|p| p.sign * p.qty).sum();
        side as f64 * net > 0.0
    });
    let persistence = agreeing.count() as f64 / 5.0;
    Ok(net * (intensity / 0.20).clamp(0.0, 1.0).sqrt() * (0.5 + 0.5 * persistence))
}

/// Signs of the price changes between prints, zeros taking the sign before; leading ones left out.
pub(crate) fn directions(prints: &[Deal]) -> Vec<f64> {
    let mut last = 0;
    let changes = prints.windows(2).map(|p| {
        let change = (p[1].px - p[0].px).signum();
        last = if change == 0 { last } else { change };
        last as f64
    });
    changes.skip_while(|d| *d == 0.0).collect()
}

/// The bias-corrected average over n, as one weighted sum.
pub(crate) fn average(directions: &[f64], n: f64) -> f64 {
    let alpha = 2.0 / (n + 1.0);
    let mut weight = alpha;
    let mut sum = 0.0;
    for d in directions.iter().rev() {
        sum += weight * d;
        weight *= 1.0 - alpha;
    }
    let missing = (1.0 - alpha).powi(i32::try_from(directions.len()).expect("small"));
    if directions.is_empty() { 0.0 } else { sum / (1.0 - missing) }
}

/// Prints since the active anchor.
pub(crate) fn since_anchor(market: &Market) -> Vec<Deal> {
    let Some(place) = market.place() else { return Vec::new() };
    let day = market.prints.iter().rev().take_while(|p| p.place.eth == place.eth);
    let mut prints: Vec<Deal> = day.filter(|p| p.place.since(place)).copied().collect();
    prints.reverse();
    prints
}

/// Slot 19 at receive time `ts`.
pub(crate) fn slot19(market: &Market, ts: i64) -> Value {
    let prints = since_anchor(market);
    let d = directions(&prints);
    if d.len() < 100 {
        return Err(Reason::Warmup);
    }
    if ts - prints.last().map_or(ts, |p| p.seen) > 60 * SECOND {
        return Err(Reason::Stale);
    }
    Ok(0.5 * average(&d, 20.0) + 0.3 * average(&d, 50.0) + 0.2 * average(&d, 100.0))
}
