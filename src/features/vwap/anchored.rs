//! The VWAP of one anchor at its bar closes: points, slopes, bands, zones, events, slots 20 to 22.
//!
//! Cost: a bar close moves 61 points and 20 signs; nothing is allocated.

use super::sums::Vwap;
use crate::bars::Bar;
use crate::features::frame::{Reason, Slot};
use crate::units::{Px, Qty};

/// Points that are kept: the newest and the hour before it.
const POINTS: usize = 61;
/// Points that slot 20 looks at, and bars of the warm-up of 21.
const SLOPE: usize = 10;
/// Bars of the consistency of slot 22.
const CONSISTENCY: usize = 20;
/// Minutes of the raw slopes.
pub const SPANS: [usize; 4] = [1, 5, 15, 60];
/// Slope of VWAP over ATR₂₀ that counts as 1.
const SLOPE_UNIT: f64 = 0.10;
/// Bars, the first one beyond the band included, within which a close back inside rejects it.
const REJECT_BARS: u8 = 3;

/// Where a price stands in the bands, by its distance z from VWAP in deviations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Zone {
    /// z < −2.
    FarBelow = 0,
    /// −2 ≤ z < −1.
    Below = 1,
    /// −1 ≤ z < 0.
    JustBelow = 2,
    /// 0 ≤ z < 1.
    JustAbove = 3,
    /// 1 ≤ z < 2.
    Above = 4,
    /// z ≥ 2.
    FarAbove = 5,
}

/// VWAP of one anchor with its values at the last bar closes.
#[derive(Clone, Debug)]
pub struct Anchored {
    vwap: Vwap,
    /// VWAP less the first price since the anchor at the last closes, newest last.
    points: [f64; POINTS],
    /// Closes with a VWAP since the anchor, up to [`POINTS`].
    count: usize,
    /// Closes since the anchor.
    bars: u32,
    /// Sign of close − VWAP of each bar, newest last.
    sides: [i8; CONSISTENCY],
    /// Bars of the present excursion beyond +2σ and −2σ, 0 for none, counted to one more than
    /// [`REJECT_BARS`].
    beyond: [u8; 2],
    /// Side beyond ±1σ whose breakout has been told.
    told: i8,
    rejection: i8,
    breakout: Option<i8>,
}

impl Default for Anchored {
    fn default() -> Anchored {
        Anchored {
            vwap: Vwap::default(),
            points: [0.0; POINTS],
            count: 0,
            bars: 0,
            sides: [0; CONSISTENCY],
            beyond: [0; 2],
            told: 0,
            rejection: 0,
            breakout: None,
        }
    }
}

impl Anchored {
    /// Adds a trade of an open session.
    pub fn trade(&mut self, px: Px, qty: Qty) {
        self.vwap.add(px, qty);
    }

    /// Adds the trades of a minute.
    pub fn merge(&mut self, minute: &Vwap) {
        self.vwap.merge(minute);
    }

    /// `n` bars closed, all at the present VWAP (more than one only where they were empty); points
    /// only, [`Anchored::push`] does the rest.
    pub fn close(&mut self, n: u32) {
        self.bars = self.bars.saturating_add(n);
        let Some(point) = self.vwap.offset() else { return };
        for _ in 0..n.min(POINTS as u32) {
            self.points.copy_within(1.., 0);
            self.points[POINTS - 1] = point;
            self.count = (self.count + 1).min(POINTS);
        }
    }

    /// `bar` closed, its trades having been added; `rvol` is its volume over what is usual.
    pub fn push(&mut self, bar: &Bar, rvol: Option<f64>) {
        self.close(1);
        if let Some(side) = self.vwap.side(bar.close) {
            self.sides.copy_within(1.., 0);
            self.sides[CONSISTENCY - 1] = side;
        }
        self.events(bar, rvol);
    }

    /// `n` further empty bars closed, the last of them `bar`. After an hour of them nothing here
    /// changes any more, so at most 61 are played.
    pub fn advance(&mut self, n: u32, bar: &Bar, rvol: Option<f64>) {
        let played = n.min(POINTS as u32);
        (0..played).for_each(|_| self.push(bar, rvol));
        self.bars = self.bars.saturating_add(n - played);
    }

    fn events(&mut self, bar: &Bar, rvol: Option<f64>) {
        (self.rejection, self.breakout) = (0, rvol.map(|_| 0));
        let warm = self.bars as usize >= SLOPE;
        let z = |px: Px| if warm { self.z(px) } else { None };
        let (Some(high), Some(low), Some(close)) = (z(bar.high), z(bar.low), z(bar.close)) else {
            (self.beyond, self.told) = ([0; 2], 0);
            return;
        };
        let above = rejects(&mut self.beyond[0], high > 2.0, close <= 2.0);
        let below = rejects(&mut self.beyond[1], low < -2.0, close >= -2.0);
        self.rejection = i8::from(below) - i8::from(above);
        let side = i8::from(close > 1.0) - i8::from(close < -1.0);
        if side != self.told {
            self.told = 0;
        }
        if side != 0 && self.told == 0 && rvol.is_some_and(|r| r > 1.0) {
            (self.told, self.breakout) = (side, Some(side));
        }
    }

    /// The running sums.
    #[must_use]
    pub const fn vwap(&self) -> &Vwap {
        &self.vwap
    }

    /// VWAP + `k`·σ in ticks; 0 is VWAP itself, ±1 to ±3 are the bands.
    #[must_use]
    pub fn band(&self, k: f64) -> Option<f64> {
        Some(self.vwap.mean()? + k * self.vwap.deviation()?)
    }

    /// (px − VWAP)/σ; `None` without volume or where σ is 0.
    #[must_use]
    pub fn z(&self, px: Px) -> Option<f64> {
        let (above, sd) = (self.vwap.above(px)?, self.vwap.deviation()?);
        (sd > 0.0).then(|| above / sd)
    }

    /// The band that `px` is in.
    #[must_use]
    pub fn zone(&self, px: Px) -> Option<Zone> {
        let z = self.z(px)?;
        Some(match z {
            _ if z >= 2.0 => Zone::FarAbove,
            _ if z >= 1.0 => Zone::Above,
            _ if z >= 0.0 => Zone::JustAbove,
            _ if z >= -1.0 => Zone::JustBelow,
            _ if z >= -2.0 => Zone::Below,
            _ => Zone::FarBelow,
        })
    }

    /// Sign against an excursion beyond ±2σ that the last bar ended: a bar reached beyond the band
    /// (its high or low against the band at its close), and it or one of the two after it closed
    /// back inside. 0 for none; an excursion that lasts longer is accepted and rejects nothing.
    #[must_use]
    pub const fn rejection(&self) -> i8 {
        self.rejection
    }

    /// Side to which the last bar closed beyond ±1σ on more volume than usual, told once an
    /// excursion: until a close comes back within ±1σ or goes to the other side. 0 for none,
    /// `None` where the usual volume is not known.
    #[must_use]
    pub const fn breakout(&self) -> Option<i8> {
        self.breakout
    }

    /// Mean slope of VWAP over the last 1, 5, 15 and 60 minutes, in ticks a minute: its value at
    /// the last close less that so many closes before, over the minutes.
    #[must_use]
    pub fn slopes(&self) -> [Option<f64>; 4] {
        let newest = self.points[POINTS - 1];
        SPANS.map(|span| {
            let older = self.points.get(POINTS - 1 - span).filter(|_| self.count > span)?;
            Some((newest - older) / span as f64)
        })
    }

    /// Least-squares slope of VWAP in ticks a bar over the last ten closes since the anchor.
    #[must_use]
    pub fn slope(&self) -> Option<f64> {
        if self.count < SLOPE {
            return None;
        }
        // Σ(x − x̄)·y / Σ(x − x̄)²; with n = 10 the divisor is 82.5.
        let middle = (SLOPE - 1) as f64 / 2.0;
        let (mut sum, mut square, mut x) = (0.0, 0.0, -middle);
        for y in self.points.iter().skip(POINTS - SLOPE) {
            // Relative to the newest value, so that no digits are lost to the price itself.
            sum += x * (y - self.points[POINTS - 1]);
            square += x * x;
            x += 1.0;
        }
        Some(sum / square)
    }

    /// (Closes above − closes below their own bar's VWAP)/20 over the last 20 bars, in [−1, 1].
    #[must_use]
    pub fn consistency(&self) -> Option<f64> {
        let sum: i32 = self.sides.iter().map(|&s| i32::from(s)).sum();
        (self.count >= CONSISTENCY).then(|| f64::from(sum) / CONSISTENCY as f64)
    }

    /// Slot 20, in [−1, 1]: slope over ATR₂₀ over 0.10.
    #[must_use]
    pub fn slope_slot(&self, atr20: Option<f64>) -> Slot {
        match (self.slope(), atr20) {
            (Some(slope), Some(atr)) if atr > 0.0 => {
                Slot::some((slope / atr / SLOPE_UNIT).clamp(-1.0, 1.0))
            }
            (Some(_), Some(_)) => Slot::none(Reason::ZeroDenominator),
            _ => Slot::none(Reason::Warmup),
        }
    }

    /// Slot 21, in [−1, 1], for a bar that closed at `close`: z over 2.
    #[must_use]
    pub fn position_slot(&self, close: Px) -> Slot {
        if (self.bars as usize) < SLOPE {
            return Slot::none(Reason::Warmup);
        }
        match self.z(close) {
            Some(z) => Slot::some((z / 2.0).clamp(-1.0, 1.0)),
            None => Slot::none(Reason::ZeroDenominator),
        }
    }

    /// Slot 22, in [−1, 1]: 0.30·slot 20 + 0.25·slot 21 + 0.25·consistency + 0.20·`structure`;
    /// without structure the first three over 0.80. `WARMUP` below 20 closes with a VWAP, else
    /// what slot 20 or 21 lacks.
    #[must_use]
    pub fn trend_slot(&self, close: Px, atr20: Option<f64>, structure: Option<f64>) -> Slot {
        let Some(consistency) = self.consistency() else { return Slot::none(Reason::Warmup) };
        let (slope, position) = (self.slope_slot(atr20), self.position_slot(close));
        let (Some(f20), Some(f21)) = (slope.value(), position.value()) else {
            let lacking = if slope.value().is_none() { slope } else { position };
            return Slot::none(lacking.reason);
        };
        let three = 0.30 * f20 + 0.25 * f21 + 0.25 * consistency;
        let value = structure.map_or(three / 0.80, |s| three + 0.20 * s);
        Slot::some(value.clamp(-1.0, 1.0))
    }
}

/// One bar of an excursion that `state` counts; `true` where it is rejected.
fn rejects(state: &mut u8, reached: bool, inside: bool) -> bool {
    if *state > 0 || reached {
        *state = (*state + 1).min(REJECT_BARS + 1);
    }
    let rejected = inside && (1..=REJECT_BARS).contains(state);
    if inside {
        *state = 0;
    }
    rejected
}
