//! Gate 14: the market just before the order, from the book at the deciding event; and what of it
//! must still hold where an entry had to wait for the throttle.

use super::{Params, Product};
use crate::order::{BuySell, Depth, Detail, Gate, Intent, Veto};
use crate::units::{Px, Qty, SymbolId, Ts};

/// The first check that refuses `qty` contracts of an intent. `held` are the contracts of the
/// symbol, working entries included; `band` the exchange's price limits, where they are known: no
/// feed of ours says them, and without them that check is not made.
///
/// # Errors
/// What refused.
pub fn check(
    params: &Params,
    product: &Product,
    intent: &Intent,
    qty: Qty,
    held: i32,
    band: Option<(Px, Px)>,
) -> Result<(), Veto> {
    let refuse = |detail| Err(Veto::new(Gate::Pretrade, detail));
    let (bid, ask) = intent.touch;
    let spread = ask.minus(bid);
    if spread < 0 {
        return refuse(Detail::Crossed);
    }
    if spread > params.spread_max {
        return refuse(Detail::Spread);
    }
    let near = intent.hit.levels().iter().take(params.depth_levels);
    let depth: u64 = near.map(|level| u64::from(level.1)).sum();
    if depth < u64::from(params.depth_times) * u64::from(qty) {
        return refuse(Detail::Thin);
    }
    match walk(&intent.hit, intent.far_touch(), qty) {
        Some(ticks) if ticks <= params.walk_max => {}
        _ => return refuse(Detail::Slippage),
    }
    let Intent { symbol, way, ts, data_ts, half_ticks, .. } = *intent;
    let of = Leaving { symbol, way, ts, data_ts, half_ticks, touch: intent.touch };
    leaving(params, product, &of)?;
    let after = i64::from(held) + i64::from(intent.way.sign()) * i64::from(qty);
    if after.unsigned_abs() > u64::from(product.cap) {
        return refuse(Detail::PositionCap);
    }
    if intent.stop_ticks() < product.min_stop_ticks.max(1) {
        return refuse(Detail::StopSide);
    }
    if intent.target_ticks() <= 0 {
        return refuse(Detail::NoTarget);
    }
    let outside = |px: Px| band.is_some_and(|(low, high)| px < low || px > high);
    if [intent.far_touch(), intent.stop, intent.target].into_iter().any(outside) {
        return refuse(Detail::Band);
    }
    Ok(())
}

/// An entry that is about to leave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leaving {
    /// Its symbol.
    pub symbol: SymbolId,
    /// Its direction.
    pub way: BuySell,
    /// Receive time of now.
    pub ts: Ts,
    /// Receive time of the last market event.
    pub data_ts: Ts,
    /// Twice the mid at the signal, ticks.
    pub half_ticks: i64,
    /// Best bid and ask of now.
    pub touch: (Px, Px),
}

/// Whether the market is still where the signal saw it, and its data is of now.
pub(super) fn leaving(params: &Params, product: &Product, of: &Leaving) -> Result<(), Veto> {
    let refuse = |detail| Err(Veto::new(Gate::Pretrade, detail));
    let far = match of.way {
        BuySell::Buy => of.touch.1,
        BuySell::Sell => of.touch.0,
    };
    let moved = 2 * i64::from(far.ticks()) - of.half_ticks;
    if moved.abs() > 2 * i64::from(params.collar) {
        return refuse(Detail::Collar);
    }
    let fresh = of.data_ts.is_some()
        && of.data_ts <= of.ts
        && of.ts.since(of.data_ts) <= product.data_age_ns;
    if fresh { Ok(()) } else { refuse(Detail::Age) }
}

/// What `qty` contracts cost beyond the price `from` that they begin at, ticks a contract; `None`
/// where fewer are shown.
#[must_use]
pub fn walk(depth: &Depth, from: Px, qty: Qty) -> Option<f64> {
    let (mut left, mut cost) = (qty, 0_u64);
    for &(px, shown) in depth.levels() {
        let taken = left.min(shown);
        cost += u64::from(taken) * u64::from(px.minus(from).unsigned_abs());
        left -= taken;
        if left == 0 {
            break;
        }
    }
    (left == 0 && qty > 0).then(|| cost as f64 / f64::from(qty))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::order::Scales;
    use crate::units::{SECOND, Slot};

    fn px(ticks: i32) -> Px {
        Px::new(ticks).expect("px")
    }

    fn depth(levels: &[(i32, Qty)]) -> Depth {
        Depth::new(levels.iter().map(|&(t, q)| (px(t), q)))
    }

    /// Passes with two contracts of ES.
    fn intent(way: BuySell) -> Intent {
        let one = Slot::some(1.0);
        let sign = way.sign();
        let touch = (px(24_000), px(24_001));
        let far = if sign > 0 { touch.1 } else { touch.0 };
        let away = |ticks: i32| px(far.ticks() + sign * ticks);
        let level = |n: i32| (away(n), 2);
        Intent {
            seq: 1,
            ts: Ts(100 * SECOND),
            market_time: Ts(100 * SECOND),
            data_ts: Ts(100 * SECOND),
            symbol: SymbolId(0),
            way,
            tier: 1.0,
            touch,
            hit: Depth::new((0..5).map(level)),
            half_ticks: 48_001,
            stop: away(-12),
            target: away(40),
            scales: Scales { session: one, volatility: one, vix: one, vix_stress: false },
        }
    }

    fn ask(intent: &Intent, qty: Qty, held: i32) -> Option<Detail> {
        let es = Product::of_root("ES").expect("ES");
        let band = Some((px(20_000), px(28_000)));
        match check(&Params::default(), &es, intent, qty, held, band) {
            Ok(()) => None,
            Err(veto) => {
                assert_eq!(veto.gate, Gate::Pretrade);
                Some(veto.detail)
            }
        }
    }

    /// Each row trips one check; its neighbour at the limit passes.
    #[test]
    fn every_check_trips() {
        for way in [BuySell::Buy, BuySell::Sell] {
            let good = intent(way);
            let sign = way.sign();
            assert_eq!(ask(&good, 2, 0), None);
            let wide = |ticks| {
                // The far side stays, so that nothing else changes.
                let (bid, ask) = good.touch;
                let touch = if sign > 0 {
                    (px(ask.ticks() - ticks), ask)
                } else {
                    (bid, px(bid.ticks() + ticks))
                };
                Intent { touch, ..good }
            };
            assert_eq!(ask(&wide(2), 2, 0), None);
            assert_eq!(ask(&wide(3), 2, 0), Some(Detail::Spread));
            assert_eq!(ask(&wide(-1), 2, 0), Some(Detail::Crossed));
            // Three levels of two: enough for two contracts, not for three.
            assert_eq!(ask(&good, 3, 0), Some(Detail::Thin));
            let far = good.far_touch().ticks();
            // One contract at the touch, one two ticks away: a tick each, and then more.
            let at = |n: i32, q| Intent { hit: depth(&[(far, 1), (far + sign * n, q)]), ..good };
            assert_eq!(ask(&at(2, 5), 2, 0), None);
            assert_eq!(ask(&at(3, 5), 2, 0), Some(Detail::Slippage));
            let off = |half| Intent { half_ticks: i64::from(2 * far - sign * half), ..good };
            assert_eq!(ask(&off(8), 2, 0), None);
            assert_eq!(ask(&off(-8), 2, 0), None);
            assert_eq!(ask(&off(9), 2, 0), Some(Detail::Collar));
            assert_eq!(ask(&off(-9), 2, 0), Some(Detail::Collar));
            let old = |ns| Intent { data_ts: Ts(good.ts.0 - ns), ..good };
            assert_eq!(ask(&old(SECOND), 2, 0), None);
            assert_eq!(ask(&old(SECOND + 1), 2, 0), Some(Detail::Age));
            assert_eq!(ask(&Intent { data_ts: Ts::NONE, ..good }, 2, 0), Some(Detail::Age));
            assert_eq!(ask(&old(-1), 2, 0), Some(Detail::Age), "data of the future");
            assert_eq!(ask(&good, 2, 3 * sign), None);
            assert_eq!(ask(&good, 2, 4 * sign), Some(Detail::PositionCap));
            let stop = |ticks| Intent { stop: px(far - sign * ticks), ..good };
            assert_eq!(ask(&stop(6), 2, 0), None);
            assert_eq!(ask(&stop(5), 2, 0), Some(Detail::StopSide));
            assert_eq!(ask(&stop(-12), 2, 0), Some(Detail::StopSide));
            let target = |ticks| Intent { target: px(far + sign * ticks), ..good };
            assert_eq!(ask(&target(0), 2, 0), Some(Detail::NoTarget));
            assert_eq!(ask(&target(5_000), 2, 0), Some(Detail::Band));
            assert_eq!(ask(&stop(5_000), 2, 0), Some(Detail::Band));
        }
    }

    /// What waited is asked again: against the mid of its signal, and the data of now.
    #[test]
    fn an_entry_that_waited() {
        for way in [BuySell::Buy, BuySell::Sell] {
            let Intent { symbol, ts, data_ts, half_ticks, touch, .. } = intent(way);
            let of = |ticks: i32, ns: i64| {
                let (bid, ask) = touch;
                let moved = (px(bid.ticks() + ticks), px(ask.ticks() + ticks));
                let ts = Ts(ts.0 + ns);
                let of = Leaving { symbol, way, ts, data_ts, half_ticks, touch: moved };
                let es = Product::of_root("ES").expect("ES");
                leaving(&Params::default(), &es, &of).err().map(|veto| veto.detail)
            };
            // Half a tick away to begin with: three ticks more are 3.5, four are too many.
            assert_eq!(of(3 * way.sign(), SECOND), None);
            assert_eq!(of(4 * way.sign(), 0), Some(Detail::Collar));
            assert_eq!(of(-5 * way.sign(), 0), Some(Detail::Collar));
            assert_eq!(of(0, SECOND + 1), Some(Detail::Age));
        }
    }

    #[test]
    fn without_a_band_or_a_book() {
        let es = Product::of_root("ES").expect("ES");
        let good = intent(BuySell::Buy);
        let far = Intent { target: px(90_000), ..good };
        assert_eq!(check(&Params::default(), &es, &far, 1, 0, None), Ok(()));
        let empty = Intent { hit: Depth::default(), ..good };
        assert_eq!(ask(&empty, 1, 0), Some(Detail::Thin));
        assert_eq!(walk(&good.hit, good.far_touch(), 11), None);
        assert_eq!(walk(&good.hit, good.far_touch(), 0), None);
        assert_eq!(walk(&good.hit, good.far_touch(), 4), Some(0.5));
    }

    proptest! {
        /// The walk against one contract at a time.
        #[test]
        fn walk_is_a_sum(
            levels in prop::collection::vec((0_i32..9, 0_u32..20), 0..12),
            qty in 0_u32..60,
        ) {
            let depth = depth(&levels);
            let mut each = levels.iter().take(10)
                .flat_map(|&(t, q)| std::iter::repeat_n(t, q as usize));
            let taken: Vec<i32> = each.by_ref().take(qty as usize).collect();
            let known = qty > 0 && taken.len() == qty as usize;
            let mean = f64::from(taken.iter().sum::<i32>()) / f64::from(qty.max(1));
            match walk(&depth, Px::ZERO, qty) {
                Some(cost) => prop_assert!(known && (cost - mean).abs() < 1e-9),
                None => prop_assert!(!known),
            }
        }
    }
}
