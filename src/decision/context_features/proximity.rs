//! Feature 1 `gamma_levels_proximity` in [−1, 1]: pull towards or breakout through the option
//! levels near the price (own design of the specification).
//!
//! Levels: walls (weight 1), flip (0.9), pins (0.7), on the future's grid. With span =
//! max(minimum, EM/4) and π = max(0, 1 − |S − L|/span), dealers long gamma (net/gross > 0.05) give
//! each level +π·w as support below the price and −π·w as resistance above; at the price a put wall
//! supports, a call wall resists and the others say nothing. Dealers short gamma (< −0.05) give
//! +π·w after a one-minute close more than two ticks above a level that closes have crossed, −π·w
//! mirrored, until a close crosses back. Between the two the sign of S − flip decides, and without
//! it the feature is 0. The greatest contribution counts; of equal ones the nearer level, and two
//! opposite ones at one distance give 0. Cost: constant, at most six levels.

use crate::context::{LevelPart, Levels, PINS_MAX};
use crate::units::Px;

/// Bound of net/gross gamma beyond which it has a sign.
const GAMMA_MIN: f64 = 0.05;
/// Ticks beyond a level from which a close has broken it.
const BREAK_TICKS: f64 = 2.0;
const WALL: f64 = 1.0;
const FLIP: f64 = 0.9;
const PIN: f64 = 0.7;
/// Most levels of a set.
const LINES: usize = 3 + PINS_MAX;

/// What a level is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LevelKind {
    /// Put wall.
    PutWall,
    /// Call wall.
    CallWall,
    /// Gamma flip.
    Flip,
    /// A pin.
    Pin,
}

impl LevelKind {
    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            LevelKind::PutWall => "put_wall",
            LevelKind::CallWall => "call_wall",
            LevelKind::Flip => "flip",
            LevelKind::Pin => "pin",
        }
    }

    const fn weight(self) -> f64 {
        match self {
            LevelKind::PutWall | LevelKind::CallWall => WALL,
            LevelKind::Flip => FLIP,
            LevelKind::Pin => PIN,
        }
    }

    /// What it does to a price that stands on it while dealers are long gamma.
    const fn side_at(self) -> f64 {
        match self {
            LevelKind::PutWall => 1.0,
            LevelKind::CallWall => -1.0,
            LevelKind::Flip | LevelKind::Pin => 0.0,
        }
    }
}

/// The level nearest to the price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearest {
    /// What it is.
    pub kind: LevelKind,
    /// Where, in points of the future.
    pub level: f64,
    /// Level less price, in ticks (halves where the price is a mid).
    pub ticks: f64,
}

/// Which closes have crossed a level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Latch {
    /// Side of the last close off the level: −1 below, +1 above, 0 none yet.
    side: i8,
    /// Side to which closes have crossed.
    crossed: i8,
    /// Side to which it is broken.
    broken: i8,
}

impl Latch {
    /// Takes a close `distance` ticks above the level.
    fn close(&mut self, distance: f64) {
        let side = match distance {
            d if d > 0.0 => 1,
            d if d < 0.0 => -1,
            // A close on the level crosses nothing.
            _ => return,
        };
        if self.side != 0 && side != self.side {
            (self.crossed, self.broken) = (side, 0);
        }
        self.side = side;
        if self.crossed == side && distance.abs() > BREAK_TICKS {
            self.broken = side;
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Line {
    kind: LevelKind,
    /// Points of the future.
    at: f64,
    latch: Latch,
}

/// Sign that gamma gives to the levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gamma {
    Long,
    Short,
    Neutral,
}

/// The levels of one adopted set on one future, with what closes have done to them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proximity {
    lines: [Option<Line>; LINES],
    span: f64,
    net_abs: Option<f64>,
    flip: Option<f64>,
    tick: f64,
}

impl Proximity {
    /// The set of `part` on a grid of `tick` points; `levels` are those of the future.
    pub(super) fn new(part: &LevelPart, levels: &Levels, min_span: f64, tick: f64) -> Proximity {
        let line = |kind, at: f64| Line { kind, at, latch: Latch::default() };
        let mut lines = [None; LINES];
        let [put, call, flip, pins @ ..] = &mut lines;
        *put = levels.put_wall.value().map(|at| line(LevelKind::PutWall, at));
        *call = levels.call_wall.value().map(|at| line(LevelKind::CallWall, at));
        *flip = levels.flip.value().map(|at| line(LevelKind::Flip, at));
        for (to, pin) in pins.iter_mut().zip(levels.pins) {
            *to = pin.value().map(|at| line(LevelKind::Pin, at));
        }
        let span = part.em_day.value().map_or(min_span, |em| min_span.max(0.25 * em));
        let (net_abs, flip) = (part.net_abs.value(), levels.flip.value());
        Proximity { lines, span, net_abs, flip, tick }
    }

    /// Whether there is any level.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.iter().all(Option::is_none)
    }

    /// No close counts any more: a session began.
    pub(super) fn unlatch(&mut self) {
        self.lines.iter_mut().flatten().for_each(|line| line.latch = Latch::default());
    }

    /// Takes a one-minute close.
    pub(super) fn close(&mut self, close: Px) {
        let points = f64::from(close.ticks()) * self.tick;
        for line in self.lines.iter_mut().flatten() {
            line.latch.close((points - line.at) / self.tick);
        }
    }

    /// The feature at `price`, in points.
    pub(super) fn value(&self, price: f64) -> f64 {
        let gamma = self.gamma(price);
        if gamma == Gamma::Neutral {
            return 0.0;
        }
        let (mut best, mut nearest, mut opposed) = (0.0_f64, f64::INFINITY, false);
        for line in self.lines.iter().flatten() {
            let distance = (price - line.at).abs();
            let strength = (1.0 - distance / self.span).max(0.0) * line.kind.weight();
            let own = strength * side(gamma, line, price);
            if own.abs() > best.abs() || (own.abs() == best.abs() && distance < nearest) {
                (best, nearest, opposed) = (own, distance, false);
            } else if own == -best && distance == nearest {
                opposed = true;
            }
        }
        if opposed { 0.0 } else { best.clamp(-1.0, 1.0) + 0.0 }
    }

    /// The level nearest to `price`.
    pub(super) fn nearest(&self, price: f64) -> Option<Nearest> {
        let away = |line: &&Line| (price - line.at).abs();
        let lines = self.lines.iter().flatten();
        let line = lines.min_by(|a, b| away(a).total_cmp(&away(b)))?;
        let ticks = (line.at - price) / self.tick;
        Some(Nearest { kind: line.kind, level: line.at, ticks })
    }

    fn gamma(&self, price: f64) -> Gamma {
        match (self.net_abs, self.flip) {
            (Some(net), _) if net > GAMMA_MIN => Gamma::Long,
            (Some(net), _) if net < -GAMMA_MIN => Gamma::Short,
            (_, Some(flip)) if price > flip => Gamma::Long,
            (_, Some(flip)) if price < flip => Gamma::Short,
            _ => Gamma::Neutral,
        }
    }
}

fn side(gamma: Gamma, line: &Line, price: f64) -> f64 {
    match gamma {
        Gamma::Neutral => 0.0,
        Gamma::Short => f64::from(line.latch.broken),
        Gamma::Long if line.at < price => 1.0,
        Gamma::Long if line.at > price => -1.0,
        Gamma::Long => line.kind.side_at(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(net: Option<f64>, span: f64, lines: &[(LevelKind, f64)]) -> Proximity {
        let mut all = [None; LINES];
        for (to, &(kind, at)) in all.iter_mut().zip(lines) {
            *to = Some(Line { kind, at, latch: Latch::default() });
        }
        let flip = lines.iter().find(|l| l.0 == Flip).map(|l| l.1);
        Proximity { lines: all, span, net_abs: net, flip, tick: 0.25 }
    }

    fn near(own: f64, expected: f64) {
        assert!((own - expected).abs() < 5e-7, "{own} {expected}");
    }

    const LONG: Option<f64> = Some(0.2);
    const SHORT: Option<f64> = Some(-0.2);
    use LevelKind::{CallWall, Flip, Pin, PutWall};

    #[test]
    fn golden() {
        near(set(LONG, 10.0, &[(PutWall, 6000.0)]).value(6002.0), 0.8);
        near(set(LONG, 10.0, &[(CallWall, 6010.0)]).value(6002.0), -0.2);
        let walls = [(PutWall, 6000.0), (CallWall, 6010.0)];
        near(set(LONG, 10.0, &walls).value(6002.0), 0.8);
        let three = [walls[0], walls[1], (Flip, 6003.0)];
        near(set(LONG, 10.0, &three).value(6002.0), -0.81);
        near(set(LONG, 6.0, &[(PutWall, 6000.0)]).value(6002.0), 2.0 / 3.0);
    }

    #[test]
    fn on_a_level_walls_keep_their_kind() {
        for (kind, expected) in [(PutWall, 1.0), (CallWall, -1.0), (Flip, 0.0), (Pin, 0.0)] {
            near(set(LONG, 10.0, &[(kind, 6000.0)]).value(6000.0), expected);
        }
        // Both walls on one strike.
        near(set(LONG, 10.0, &[(PutWall, 6000.0), (CallWall, 6000.0)]).value(6000.0), 0.0);
    }

    #[test]
    fn ties() {
        let opposite = [(PutWall, 6000.0), (CallWall, 6004.0)];
        near(set(LONG, 10.0, &opposite).value(6002.0), 0.0);
        // A greater one elsewhere decides.
        let mut three = opposite.to_vec();
        three.push((Pin, 6002.25));
        near(set(LONG, 4.0, &three).value(6002.0), -0.7 * (1.0 - 0.25 / 4.0));
        // Equal sizes at different distances: the nearer level counts, in either order. A pin four
        // points away weighs what a wall does that is farther: 0.7·(1 − 4/14) = 1 − 7/14.
        let pin_nearer = [(PutWall, 5993.0), (Pin, 6004.0)];
        near(set(LONG, 14.0, &pin_nearer).value(6000.0), -0.5);
        near(set(LONG, 14.0, &[pin_nearer[1], pin_nearer[0]]).value(6000.0), -0.5);
    }

    #[test]
    fn small_net_gamma_asks_the_flip() {
        let lines = [(PutWall, 6000.0), (Flip, 5990.0)];
        near(set(Some(0.05), 10.0, &lines).value(6002.0), 0.8);
        near(set(Some(0.0), 10.0, &[(PutWall, 6000.0)]).value(6002.0), 0.0);
        near(set(None, 10.0, &[(PutWall, 6000.0), (Flip, 6002.0)]).value(6002.0), 0.0);
    }

    #[test]
    fn breakouts_latch_until_a_close_crosses_back() {
        let mut set = set(SHORT, 10.0, &[(CallWall, 6000.0)]);
        let mut after = |ticks: i32| {
            set.close(Px::clamped(24_000 + i64::from(ticks)));
            set.value(6000.0)
        };
        assert_eq!(after(5), 0.0, "it never crossed");
        assert_eq!(after(3), 0.0);
        assert_eq!(after(-2), 0.0, "crossed, but not by more than two ticks");
        assert_eq!(after(-3), -1.0);
        assert_eq!(after(0), -1.0, "on the level is not across");
        assert_eq!(after(-1), -1.0, "still broken");
        assert_eq!(after(1), 0.0, "crossed back");
        assert_eq!(after(2), 0.0);
        assert_eq!(after(3), 1.0);
        assert_eq!(after(-9), -1.0, "back and broken at once");
        set.unlatch();
        assert_eq!(set.value(6000.0), 0.0);
        set.close(Px::clamped(24_010));
        assert_eq!(set.value(6000.0), 0.0, "one close is no crossing");
    }

    #[test]
    fn nearest_says_where_and_what() {
        let set = set(LONG, 10.0, &[(PutWall, 5999.0), (CallWall, 6010.0), (Flip, 6002.25)]);
        let nearest = set.nearest(6001.625).expect("levels");
        assert_eq!(nearest, Nearest { kind: Flip, level: 6002.25, ticks: 2.5 });
        let tie = set.nearest(6000.625).expect("levels");
        assert_eq!(tie.kind, PutWall, "equal distance: in the order of the list");
    }

    proptest! {
        /// Mirrored levels and price give the mirrored value; always in range.
        #[test]
        fn reflection(
            ticks in prop::collection::vec(-60_i32..60, 1..=5),
            closes in prop::collection::vec(-30_i32..30, 0..8),
            price in -60_i32..60,
            net in -0.3_f64..0.3,
        ) {
            let kinds = [PutWall, CallWall, Flip, Pin, Pin];
            let mirror_kinds = [CallWall, PutWall, Flip, Pin, Pin];
            let build = |kinds: [LevelKind; 5], sign: i32| {
                let at = |t: &i32| f64::from(24_000 + sign * t) * 0.25;
                let lines: Vec<_> = kinds.into_iter().zip(ticks.iter().map(at)).collect();
                // Between the bounds the flip decides, and it does not mirror the regime.
                let net = if net > 0.0 { net + 0.06 } else { net - 0.06 };
                let mut set = set(Some(net), 7.0, &lines);
                closes.iter().for_each(|c| set.close(Px::clamped(i64::from(24_000 + sign * c))));
                set.value(f64::from(24_000 + sign * price) * 0.25)
            };
            let (own, mirrored) = (build(kinds, 1), build(mirror_kinds, -1));
            prop_assert_eq!(own, -mirrored + 0.0);
            prop_assert!((-1.0..=1.0).contains(&own));
        }
    }
}
