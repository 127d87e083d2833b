//! Where an entry would be wrong and where it would be done: stop, target and their ratio.
//!
//! stop = max(distance to the structure + 2, ⌈1.5·ATR20⌉, the product's minimum) ticks, times the
//! factor of a VIX spike, of an inverted VIX curve or of EXTREME volatility, rounded up; structure
//! is the nearest of the protecting base edge, swing and level cluster. Target is one tick in front
//! of the nearest strong cluster. Nothing is widened and nothing skipped so that a ratio fits.
//! Cost: constant.

use super::clusters::{Cluster, Clusters};
use crate::features::Frame;
use crate::order::BuySell;
use crate::units::Px;
use crate::volatility::{Curve, Part, SignalKind};

/// Numbers behind stops and targets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TargetParams {
    /// Ticks beyond the structure.
    pub beyond_ticks: i32,
    /// Least stop in multiples of ATR20.
    pub atr_multiple: f64,
    /// Least strength of a cluster that is a target or protects.
    pub strength_min: f64,
    /// Least reward to risk net of costs.
    pub rr_min: f64,
    /// Factor on the stop where a condition asks for one and names none, 1 or more.
    pub stop_mult: f64,
}

impl Default for TargetParams {
    fn default() -> TargetParams {
        TargetParams {
            beyond_ticks: 2,
            atr_multiple: 1.5,
            strength_min: 0.10,
            rr_min: 2.5,
            stop_mult: 1.25,
        }
    }
}

/// Money of one product.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// USD of one tick and contract, above 0.
    pub tick_value: f64,
    /// Fees of entry and exit of one contract, USD.
    pub round_turn: f64,
    /// Slippage that is reckoned with, ticks.
    pub slippage_ticks: f64,
    /// Least distance of a stop, ticks.
    pub min_stop_ticks: i32,
}

impl Costs {
    /// Whether these are amounts: what is negative or no number would flatter a ratio.
    #[must_use]
    pub fn is_sane(&self) -> bool {
        let known = [self.tick_value, self.round_turn, self.slippage_ticks];
        self.tick_value > 0.0 && known.into_iter().all(|v| v >= 0.0 && v.is_finite())
    }
}

/// Ticks from `from` to the nearest structure that protects a position: the far edge of the base,
/// the last swing, the nearest strong cluster. `None` where nothing protects it.
#[must_use]
pub fn structure(
    way: BuySell,
    from: Px,
    frame: &Frame,
    clusters: &Clusters,
    params: &TargetParams,
) -> Option<i32> {
    let (base, swing) = match way {
        BuySell::Buy => (frame.base.map(|b| b.low), frame.levels.swing_low),
        BuySell::Sell => (frame.base.map(|b| b.high), frame.levels.swing_high),
    };
    let cluster = clusters.nearest(from, -way.sign(), params.strength_min).map(|c| c.px);
    let distances = [base, swing, cluster].into_iter().flatten();
    distances.map(|px| way.sign() * from.minus(px)).filter(|&ticks| ticks > 0).min()
}

/// Ticks of the stop; `None` where ATR20 is no number.
#[must_use]
pub fn stop_ticks(
    structure: i32,
    atr20: f64,
    minimum: i32,
    mult: f64,
    params: &TargetParams,
) -> Option<i32> {
    let atr = ticks_up(params.atr_multiple * atr20)?;
    let ticks = structure.saturating_add(params.beyond_ticks).max(atr).max(minimum).max(1);
    // Where there is no factor, none may shorten it by a rounding.
    if mult > 1.0 { ticks_up(f64::from(ticks) * mult) } else { Some(ticks) }
}

/// Ticks rounded up; `None` for what is no distance.
fn ticks_up(ticks: f64) -> Option<i32> {
    let up = libm::ceil(ticks);
    (up >= 0.0 && up < f64::from(Px::LIMIT)).then_some(up as i32)
}

/// Factor on the stop, 1 or more: the greatest of an active spike, of an inverted curve and of
/// EXTREME volatility, 1 where there is none of them.
#[must_use]
pub fn stop_mult(part: Option<&Part>, extreme: bool, params: &TargetParams) -> f64 {
    let own = params.stop_mult.max(1.0);
    let mut mult = if extreme { own } else { 1.0 };
    let Some(part) = part else { return mult };
    if part.curve == Some(Curve::Backwardation) {
        mult = mult.max(own);
    }
    for signal in part.signals.iter().flatten() {
        if matches!(signal.kind, SignalKind::SpikeReversal | SignalKind::TermStructure) {
            mult = mult.max(signal.stop_mult);
        }
    }
    mult
}

/// The price one tick in front of the nearest strong cluster ahead of `from`, and the cluster. It
/// may be `from` itself, which is no gain: it is not skipped for a farther one.
#[must_use]
pub fn target(
    way: BuySell,
    from: Px,
    clusters: &Clusters,
    params: &TargetParams,
) -> Option<(Px, Cluster)> {
    let cluster = clusters.nearest(from, way.sign(), params.strength_min)?;
    Some((away(cluster.px, way, -1), cluster))
}

/// The price `ticks` ticks from `px` in the direction of `way`.
#[must_use]
pub fn away(px: Px, way: BuySell, ticks: i32) -> Px {
    Px::clamped(i64::from(px.ticks()) + i64::from(way.sign()) * i64::from(ticks))
}

/// Reward to risk net of costs: (target·tv − round turn)/(stop·tv + round turn + slippage·tv).
#[must_use]
pub fn rr_net(stop: i32, target: i32, costs: &Costs) -> f64 {
    let tick = costs.tick_value;
    let gain = f64::from(target) * tick - costs.round_turn;
    gain / (f64::from(stop) * tick + costs.round_turn + costs.slippage_ticks * tick)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::super::clusters::{Family, Level, LevelList};
    use super::*;
    use crate::event::{Body, Event};
    use crate::features::frame::NearBase;
    use crate::features::navale::State;
    use crate::units::{Reason, Slot, SymbolId, Ts};
    use crate::volatility::Signal;

    const PARAMS: fn() -> TargetParams = TargetParams::default;

    fn px(ticks: i32) -> Px {
        Px::new(ticks).expect("price")
    }

    fn frame(base: Option<(i32, i32)>, swings: (Option<i32>, Option<i32>)) -> Frame {
        let (ts, symbol) = (Ts(5), SymbolId(0));
        let event = Event { seq: 9, ts, ts_exch: ts, symbol, flags: 0, body: Body::BatchEnd };
        let mut frame = Frame::empty(event);
        frame.base = base.map(|(low, high)| NearBase {
            low: px(low),
            high: px(high),
            quality: 0.5,
            number: 1,
            width_max: 10,
            colour: 1,
            state: State::Active,
        });
        (frame.levels.swing_low, frame.levels.swing_high) = (swings.0.map(px), swings.1.map(px));
        frame
    }

    fn clusters(walls: &[i32]) -> Clusters {
        let mut list = LevelList::default();
        for &ticks in walls {
            let family = Family::GammaWall;
            list.push(Level { family, px: px(ticks), age_min: 0.0, touches: 0 });
        }
        list.clusters()
    }

    #[test]
    fn golden_stops() {
        assert_eq!(stop_ticks(9, 6.4, 6, 1.0, &PARAMS()), Some(11));
        assert_eq!(stop_ticks(1, 2.1, 6, 1.0, &PARAMS()), Some(6));
        assert_eq!(stop_ticks(1, 7.0, 6, 1.0, &PARAMS()), Some(11), "⌈10.5⌉");
        assert_eq!(stop_ticks(9, 6.4, 6, 1.25, &PARAMS()), Some(14), "⌈13.75⌉");
        assert_eq!(stop_ticks(9, 6.4, 6, 0.5, &PARAMS()), Some(11), "never narrower");
        assert_eq!(stop_ticks(9, f64::NAN, 6, 1.0, &PARAMS()), None);
        assert_eq!(stop_ticks(9, f64::INFINITY, 6, 1.0, &PARAMS()), None);
    }

    #[test]
    fn golden_ratios() {
        let es =
            Costs { tick_value: 12.5, round_turn: 5.0, slippage_ticks: 1.0, min_stop_ticks: 6 };
        for (stop, target, ratio, passes) in
            [(8, 24, 2.5106, true), (8, 23, 2.4043, false), (6, 20, 2.6486, true)]
        {
            let own = rr_net(stop, target, &es);
            assert!((own - ratio).abs() < 5e-5, "{own}");
            assert_eq!(own >= PARAMS().rr_min, passes);
        }
    }

    /// Each source of structure counts on its own side only, and the nearest of them.
    #[test]
    fn nearest_structure() {
        let at = |way, frame: &Frame, walls: &[i32]| {
            structure(way, px(100), frame, &clusters(walls), &PARAMS())
        };
        let bare = frame(None, (None, None));
        assert_eq!(at(BuySell::Buy, &bare, &[]), None);
        assert_eq!(at(BuySell::Buy, &bare, &[110]), None, "a level ahead protects nothing");
        assert_eq!(at(BuySell::Buy, &bare, &[88]), Some(12));
        assert_eq!(at(BuySell::Sell, &bare, &[88, 109]), Some(9));
        let swings = frame(None, (Some(93), Some(106)));
        assert_eq!(at(BuySell::Buy, &swings, &[88]), Some(7));
        assert_eq!(at(BuySell::Sell, &swings, &[88]), Some(6));
        let base = frame(Some((95, 103)), (Some(93), Some(106)));
        assert_eq!(at(BuySell::Buy, &base, &[]), Some(5));
        assert_eq!(at(BuySell::Sell, &base, &[]), Some(3));
        let broken = frame(Some((100, 104)), (Some(101), Some(99)));
        assert_eq!(at(BuySell::Buy, &broken, &[]), None, "what the price has passed is nothing");
    }

    #[test]
    fn targets_are_in_front_and_not_skipped() {
        let at = |way, walls: &[i32]| {
            target(way, px(100), &clusters(walls), &PARAMS()).map(|t| t.0.ticks())
        };
        assert_eq!(at(BuySell::Buy, &[112, 140, 80]), Some(111));
        assert_eq!(at(BuySell::Sell, &[112, 140, 80]), Some(81));
        assert_eq!(at(BuySell::Buy, &[101, 140]), Some(100), "no gain, and no farther one");
        assert_eq!(at(BuySell::Buy, &[80, 100]), None);
        let mut round = LevelList::default();
        let family = Family::Round;
        round.push(Level { family, px: px(112), age_min: 0.0, touches: 0 });
        assert_eq!(target(BuySell::Buy, px(100), &round.clusters(), &PARAMS()), None, "too weak");
    }

    pub(in crate::decision) fn volatility() -> Part {
        let none = Slot::none(Reason::NoInput);
        Part {
            vix: None,
            vix9d: None,
            vix3m: None,
            vix6m: None,
            vxn: None,
            regime: None,
            vix_mult: None,
            stress: None,
            ratio: none,
            curve: None,
            strong_stress: None,
            percentile: none,
            mom5: none,
            mom20: none,
            trend: None,
            z_60: none,
            vx: None,
            signals: [None; 6],
        }
    }

    #[test]
    fn what_widens_a_stop() {
        let mult = |part: &Part, extreme| stop_mult(Some(part), extreme, &PARAMS());
        let signal = |kind, stop_mult| Signal {
            kind,
            ts: Ts(1),
            direction: 0,
            strength: 1.0,
            confidence: 1.0,
            size_mult: 1.0,
            stop_mult,
            target_mult: 1.0,
            change: None,
        };
        let mut part = volatility();
        assert_eq!(mult(&part, false), 1.0);
        assert_eq!(stop_mult(None, true, &PARAMS()), 1.25);
        assert_eq!(mult(&part, true), 1.25);
        part.signals[0] = Some(signal(SignalKind::Complacency, 0.9));
        part.signals[1] = Some(signal(SignalKind::MeanReversion, 1.25));
        assert_eq!(mult(&part, false), 1.0, "only what the rule names");
        part.signals[2] = Some(signal(SignalKind::SpikeReversal, 1.4));
        assert_eq!(mult(&part, false), 1.4);
        assert_eq!(mult(&part, true), 1.4, "the greatest, not the product");
        part.signals[2] = Some(signal(SignalKind::SpikeReversal, 0.5));
        assert_eq!(mult(&part, false), 1.0, "never tighter");
        part.curve = Some(Curve::Contango);
        assert_eq!(mult(&part, false), 1.0);
        part.curve = Some(Curve::Backwardation);
        assert_eq!(mult(&part, false), 1.25);
    }

    proptest! {
        /// Both directions are mirrors of each other.
        #[test]
        fn mirrored(
            walls in prop::collection::vec(-60_i32..60, 0..8),
            base in prop::option::of((-30_i32..30, 0_i32..12)),
            low in prop::option::of(-40_i32..40),
            high in prop::option::of(-40_i32..40),
        ) {
            // Walls of one family lie apart: which of two equal ones counts has no mirror.
            let mut apart: Vec<i32> = walls.iter().map(|w| w * 4).collect();
            apart.sort_unstable();
            apart.dedup();
            let mirrored: Vec<i32> = apart.iter().map(|w| -w).collect();
            let up = frame(base.map(|(l, w)| (l, l + w)), (low, high));
            let down = frame(
                base.map(|(l, w)| (-l - w, -l)),
                (high.map(|h| -h), low.map(|l| -l)),
            );
            let (own, twin) = (clusters(&apart), clusters(&mirrored));
            let p = PARAMS();
            prop_assert_eq!(
                structure(BuySell::Buy, Px::ZERO, &up, &own, &p),
                structure(BuySell::Sell, Px::ZERO, &down, &twin, &p)
            );
            prop_assert_eq!(
                target(BuySell::Buy, Px::ZERO, &own, &p).map(|t| t.0.ticks()),
                target(BuySell::Sell, Px::ZERO, &twin, &p).map(|t| -t.0.ticks())
            );
        }

        /// A stop lies beyond the structure, ATR and minimum, and a factor never narrows it.
        #[test]
        fn stops_keep_their_distance(
            structure in 1_i32..2000, atr in 0.0_f64..500.0, minimum in 0_i32..100,
            mult in 0.0_f64..3.0,
        ) {
            let plain = stop_ticks(structure, atr, minimum, 1.0, &PARAMS()).expect("ticks");
            let wide = stop_ticks(structure, atr, minimum, mult, &PARAMS()).expect("ticks");
            prop_assert!(plain >= structure + 2 && plain >= minimum);
            prop_assert!(f64::from(plain) >= 1.5 * atr);
            prop_assert!(wide >= plain && f64::from(wide) >= f64::from(plain) * mult);
        }
    }
}
