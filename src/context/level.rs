//! [`LevelPart`]: levels, gamma and bias of one index, on the index and on its futures.
//!
//! Index points and points of the future; gamma exposure in USD of delta to hedge per 1 % move of
//! the index; ratios, shares and scores as numbers. `*_term` are values at the time of the data.

use serde::{Deserialize, Serialize};

use super::codes::{
    BasisSource, BiasDirection, BiasPreset, BiasStrength, DealerPosition, DelayClass, FlipQuality,
    FlipStatus, GammaRegime, SanityStatus, Scope, SignModel, SpotSource, Text,
};
use crate::options::chain::Underlying;
use crate::units::{Reason, Slot, Ts};

/// Most pins of a part.
pub const PINS_MAX: usize = 3;
/// Tick of the index futures, points.
const TICK: f64 = 0.25;
/// Points beyond which a number is no level.
const LEVEL_MAX: f64 = 1e7;

/// A price rounded to the tick of the index futures; halves away from zero.
#[must_use]
pub fn tick_rounded(points: f64) -> f64 {
    (points / TICK).round() * TICK
}

/// A strike that holds the price.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Times the mean of its window.
    pub strength: f64,
    /// 0 to 1, at the time of the data.
    pub pin_score: f64,
}

/// The levels on one grid: the index's or a future's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Levels {
    /// Greatest call gamma at or above the spot.
    pub call_wall: Slot,
    /// Greatest put gamma at or below it.
    pub put_wall: Slot,
    /// Where net gamma changes sign.
    pub flip: Slot,
    /// The same, adjusted for skew.
    pub vol_trigger: Slot,
    /// Strike of least payout.
    pub max_pain: Slot,
    /// Where the pins of [`LevelPart::pins`] are, strongest first; none behind the last.
    pub pins: [Slot; PINS_MAX],
}

impl Levels {
    /// No level, for one reason.
    #[must_use]
    pub const fn none(reason: Reason) -> Levels {
        let none = Slot::none(reason);
        Levels {
            call_wall: none,
            put_wall: none,
            flip: none,
            vol_trigger: none,
            max_pain: none,
            pins: [none; PINS_MAX],
        }
    }

    /// On the future: each level plus `basis`, rounded to the tick.
    #[must_use]
    pub fn shifted(&self, basis: Slot) -> Levels {
        let Some(basis) = basis.value() else { return Levels::none(basis.reason) };
        let on = |level: Slot| match level.value() {
            Some(level) => Slot::some(tick_rounded(level + basis)),
            None => level,
        };
        Levels {
            call_wall: on(self.call_wall),
            put_wall: on(self.put_wall),
            flip: on(self.flip),
            vol_trigger: on(self.vol_trigger),
            max_pain: on(self.max_pain),
            pins: self.pins.map(on),
        }
    }

    fn all(&self) -> [Slot; 5 + PINS_MAX] {
        let [a, b, c] = self.pins;
        [self.call_wall, self.put_wall, self.flip, self.vol_trigger, self.max_pain, a, b, c]
    }
}

/// A future on the index.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FuturePart {
    /// Contract such as `ESU26`.
    pub contract: Text<12>,
    /// Future less index, points.
    pub basis: Slot,
    /// Where that comes from.
    pub basis_source: Option<BasisSource>,
    /// When it was so.
    pub basis_ts_ns: Ts,
    /// The levels in its points, on its tick; none without a basis.
    pub levels: Levels,
}

/// Everything that the Context says of one index.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelPart {
    /// Which index.
    pub symbol: Underlying,
    /// Who delivered the chain.
    pub provider: Text<24>,
    /// How late it is.
    pub delay_class: DelayClass,
    /// Sign model of dealers' gamma.
    pub convention: SignModel,
    /// Contracts that count.
    pub scope: Scope,
    /// Time of the data.
    pub asof_ns: Ts,
    /// Time of the capture.
    pub captured_ns: Ts,
    /// First instant at which the whole part is `STALE`.
    pub valid_until_ns: Ts,
    /// Whether it may be used.
    pub sanity_status: SanityStatus,
    /// 0 to 100.
    pub sanity_score: u8,
    /// Index at the time of the data.
    pub spot: f64,
    /// Where that comes from.
    pub spot_source: SpotSource,
    /// When it was so.
    pub spot_ts_ns: Ts,
    /// Front and next future, where the snapshot names them.
    pub futures: [Option<FuturePart>; 2],
    /// Levels in index points.
    pub levels: Levels,
    /// The pins, strongest first.
    pub pins: [Option<Pin>; PINS_MAX],
    /// Expiry of the max pain, days since 1970-01-01.
    pub max_pain_expiry: Option<i32>,
    /// What is known of the flip.
    pub flip_status: FlipStatus,
    /// How sharp it is.
    pub flip_quality: Option<FlipQuality>,
    /// What 2 % of gross gamma would move it, points.
    pub flip_uncertainty_pts: Slot,
    /// Net gamma exposure.
    pub net_gex: f64,
    /// Gross gamma exposure.
    pub abs_gex: f64,
    /// Of calls.
    pub call_gex: f64,
    /// Of puts, with the model's sign.
    pub put_gex: f64,
    /// Net over gross, −1 to 1.
    pub net_abs: Slot,
    /// Share of gross gamma that expires on the day, 0 to 1.
    pub share_zero_dte: Slot,
    /// Sign of net gamma.
    pub gamma_regime: GammaRegime,
    /// Dealers' position.
    pub dealer_position: Option<DealerPosition>,
    /// Expected move of one session, points.
    pub em_day: Slot,
    /// Put volume over call volume.
    pub pcr_volume: Slot,
    /// Put over call open interest.
    pub pcr_oi: Slot,
    /// Rank of `pcr_volume` in its history, 0 to 1.
    pub pcr_pct: Slot,
    /// 25-delta skew at 30 days.
    pub skew25_30d: Slot,
    /// Its z-score.
    pub skew_z: Slot,
    /// Sessions behind `pcr_pct`.
    pub pcr_sessions: u32,
    /// Sessions behind `skew_z`.
    pub skew_sessions: u32,
    /// Feature 2 at the spot.
    pub flip_term: Slot,
    /// Feature 4: it has no price in it.
    pub pcr_term: Slot,
    /// Feature 5: nor has this.
    pub skew_term: Slot,
    /// Feature 7 at the spot.
    pub max_pain_term: Slot,
    /// Greatest score of a pin, 0 without pins.
    pub pin_score: f64,
    /// Dealer's Bias, −1 to 1.
    pub bias: Slot,
    /// Its put/call and skew term.
    pub bias_pcr: Slot,
    /// Its gamma term.
    pub bias_gex: Slot,
    /// Its VIX term.
    pub bias_vix: Slot,
    /// Share of its weights that are there, 0 to 1.
    pub coverage: f64,
    /// Coverage times sanity, 0 to 1.
    pub confidence: Slot,
    /// Its side.
    pub direction: Option<BiasDirection>,
    /// Its strength.
    pub strength: Option<BiasStrength>,
    /// Its preset.
    pub preset: BiasPreset,
    /// Whether contracts trade unusually; `None` while there is no history.
    pub unusual: Option<bool>,
    /// How many of them, as a count.
    pub unusual_events: Slot,
}

impl LevelPart {
    /// Why nothing of it may be read at `ts`, if so: past its validity, or never usable.
    ///
    /// # Errors
    /// [`Reason::Stale`] from `valid_until_ns` on, [`Reason::NoInput`] for a NO_GO.
    pub fn usable(&self, ts: Ts) -> Result<(), Reason> {
        if self.sanity_status == SanityStatus::NoGo {
            Err(Reason::NoInput)
        } else if ts >= self.valid_until_ns {
            Err(Reason::Stale)
        } else {
            Ok(())
        }
    }

    /// Whether numbers are in their ranges.
    ///
    /// # Errors
    /// What is not.
    pub fn check(&self) -> Result<(), &'static str> {
        let grids = self.futures.iter().flatten().map(|f| &f.levels).chain([&self.levels]);
        let sane = |level: f64| level.abs() <= LEVEL_MAX;
        for level in grids.flat_map(Levels::all).filter_map(|l| l.value()) {
            if !sane(level) {
                return Err("a level beyond all prices");
            }
        }
        if !(self.spot > 0.0 && sane(self.spot)) {
            return Err("a spot that is none");
        }
        let within = |slot: Slot, low: f64| slot.value().is_none_or(|v| v >= low && v <= 1.0);
        let signed = [self.net_abs, self.flip_term, self.pcr_term, self.skew_term, self.bias];
        if !signed.into_iter().all(|slot| within(slot, -1.0)) || !within(self.share_zero_dte, 0.0) {
            return Err("a ratio or score out of its range");
        }
        if self.em_day.value().is_some_and(|em| !sane(em) || em <= 0.0) {
            return Err("an expected move that is none");
        }
        if !self.valid_until_ns.is_some() {
            return Err("no end of validity");
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A plain part: spot 6000, walls 5950 and 6050, flip 5980, one future 10 points above.
    pub(in crate::context) fn part(symbol: Underlying) -> LevelPart {
        let none = Slot::none(Reason::NoInput);
        let levels = Levels {
            call_wall: Slot::some(6050.0),
            put_wall: Slot::some(5950.0),
            flip: Slot::some(5980.1),
            vol_trigger: Slot::some(5985.0),
            max_pain: Slot::some(6000.0),
            pins: [Slot::some(6010.0), none, none],
        };
        let basis = Slot::some(10.0);
        let future = FuturePart {
            contract: Text::new(&format!("{}H26", symbol.future())),
            basis,
            basis_source: Some(BasisSource::Live),
            basis_ts_ns: Ts(1),
            levels: levels.shifted(basis),
        };
        LevelPart {
            symbol,
            provider: Text::new("test"),
            delay_class: DelayClass::Replay,
            convention: SignModel::LongCallsShortPuts,
            scope: Scope::Overnight,
            asof_ns: Ts(1),
            captured_ns: Ts(2),
            valid_until_ns: Ts(1_000),
            sanity_status: SanityStatus::Go,
            sanity_score: 100,
            spot: 6000.0,
            spot_source: SpotSource::Print,
            spot_ts_ns: Ts(1),
            futures: [Some(future), None],
            levels,
            pins: [Some(Pin { strength: 1.8, pin_score: 0.3 }), None, None],
            max_pain_expiry: Some(20_000),
            flip_status: FlipStatus::Ok,
            flip_quality: Some(FlipQuality::Clear),
            flip_uncertainty_pts: Slot::some(4.0),
            net_gex: 1e9,
            abs_gex: 5e9,
            call_gex: 3e9,
            put_gex: -2e9,
            net_abs: Slot::some(0.2),
            share_zero_dte: Slot::some(0.1),
            gamma_regime: GammaRegime::Pos,
            dealer_position: Some(DealerPosition::Long),
            em_day: Slot::some(40.0),
            pcr_volume: Slot::some(0.95),
            pcr_oi: Slot::some(1.5),
            pcr_pct: none,
            skew25_30d: Slot::some(0.05),
            skew_z: none,
            pcr_sessions: 0,
            skew_sessions: 0,
            flip_term: Slot::some(0.5),
            pcr_term: Slot::some(0.25),
            skew_term: none,
            max_pain_term: Slot::some(0.0),
            pin_score: 0.3,
            bias: Slot::some(0.4),
            bias_pcr: Slot::some(0.25),
            bias_gex: Slot::some(0.6),
            bias_vix: none,
            coverage: 0.75,
            confidence: Slot::some(0.75),
            direction: Some(BiasDirection::Bullish),
            strength: Some(BiasStrength::Moderate),
            preset: BiasPreset::Default,
            unusual: None,
            unusual_events: none,
        }
    }

    #[test]
    fn levels_on_the_future_lie_on_its_tick() {
        let part = part(Underlying::Spx);
        let future = part.futures[0].expect("front");
        assert_eq!(future.contract.as_str(), "ESH26");
        assert_eq!(future.levels.flip.value(), Some(5990.0), "5990.1 rounded");
        assert_eq!(future.levels.call_wall.value(), Some(6060.0));
        assert_eq!(future.levels.pins[1], Slot::none(Reason::NoInput));
        let without = part.levels.shifted(Slot::none(Reason::Stale));
        assert_eq!(without, Levels::none(Reason::Stale));
        assert_eq!([0.125, -0.125, 0.374].map(tick_rounded), [0.25, -0.25, 0.25]);
    }

    #[test]
    fn it_ends_with_its_validity() {
        let mut part = part(Underlying::Spx);
        assert_eq!(part.usable(Ts(999)), Ok(()));
        assert_eq!(part.usable(Ts(1_000)), Err(Reason::Stale));
        part.sanity_status = SanityStatus::NoGo;
        assert_eq!(part.usable(Ts(1)), Err(Reason::NoInput));
    }

    #[test]
    fn hostile_numbers_are_refused() {
        let good = part(Underlying::Spx);
        assert_eq!(good.check(), Ok(()));
        for spoil in [
            |p: &mut LevelPart| p.levels.flip = Slot::some(1e300),
            |p: &mut LevelPart| p.spot = 0.0,
            |p: &mut LevelPart| p.bias = Slot::some(1.01),
            |p: &mut LevelPart| p.em_day = Slot::some(-1.0),
            |p: &mut LevelPart| p.valid_until_ns = Ts::NONE,
        ] {
            let mut bad = good;
            spoil(&mut bad);
            assert!(bad.check().is_err());
        }
    }
}
