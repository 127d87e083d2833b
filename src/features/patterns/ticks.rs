//! Patterns of prints: the quick reversal and the change of side of M₂₀.
//!
//! A *move* is a print at another price than the one before; a *leg* is a run of moves in one
//! direction with every print at an unchanged price among and after them, until the first move
//! back. Its volume is that of these prints.
//!
//! **Tick reversal**: a leg of at least five moves, then at least three moves back; from the fifth
//! last move of the first leg to now at most 2 s of market time; the volumes of both legs not below
//! the median of the last 63 complete legs (the first leg is the newest of them), of which there
//! must be 15. Looked at with every move back from the third on, until it fires: once a leg. Its
//! move is that of the second leg so far.
//!
//! **Momentum shift**: M₂₀ passes from one side of 0 to the other (0 itself belongs to the side
//! that it came from), and lies with that very print at least 0.6 away from its extreme on the side
//! that it leaves. Its move is that of price since that extreme. Before the 20th direction after an
//! anchor M₂₀ only warms up: it starts at ±1 whatever comes.
//!
//! Cost: constant a print; one sort of at most 63 numbers where a leg looks like a reversal.

use super::Kind;
use super::bars::Found;
use crate::features::recent::Recent;
use crate::units::{Px, SECOND, Ts};

/// Complete legs of which the median is taken.
const LEGS: usize = 63;
/// Fewest of them.
const LEGS_MIN: usize = 15;
/// Moves of the first leg, and of the one back.
const OUT: u32 = 5;
const BACK: u32 = 3;
/// Time for all of them, in ns.
const WITHIN: i64 = 2 * SECOND;
/// Directions after which M₂₀ is trusted.
const WARM: u32 = 20;
/// How far M₂₀ must have come.
const SHIFT: f64 = 0.6;
/// Move that has full strength, in ticks.
const FULL: f64 = 8.0;

#[derive(Clone, Copy, Debug)]
struct Leg {
    /// ±1, 0 before the first move.
    direction: i32,
    moves: u32,
    volume: u64,
    /// Price before its first move.
    origin: Px,
    /// Times of its last moves: of move n at n mod 5.
    times: [Ts; OUT as usize],
    /// Twice the median leg, once it was needed.
    median: Option<u128>,
    fired: bool,
}

impl Leg {
    const NONE: Leg = Leg {
        direction: 0,
        moves: 0,
        volume: 0,
        origin: Px::ZERO,
        times: [Ts::NONE; OUT as usize],
        median: None,
        fired: false,
    };

    fn step(&mut self, at: Ts) {
        if let Some(time) = self.times.get_mut((self.moves % OUT) as usize) {
            *time = at;
        }
        self.moves = self.moves.saturating_add(1);
    }

    /// Time of the fifth last move, of five or more.
    fn fifth_last(&self) -> Ts {
        self.times.get((self.moves % OUT) as usize).copied().unwrap_or(Ts::NONE)
    }
}

/// M₂₀ on its present side of 0.
#[derive(Clone, Copy, Debug, Default)]
struct Excursion {
    /// ±1, 0 before the first value.
    side: i8,
    /// Greatest value of this side since it was entered, and the price then.
    extreme: f64,
    px: Px,
}

/// State of both, since the active anchor.
#[derive(Clone, Debug)]
pub(super) struct Ticks {
    last: Option<Px>,
    leg: Leg,
    previous: Leg,
    volumes: Recent<u64, LEGS>,
    directions: u32,
    excursion: Excursion,
}

impl Default for Ticks {
    fn default() -> Ticks {
        Ticks {
            last: None,
            leg: Leg::NONE,
            previous: Leg::NONE,
            volumes: Recent::default(),
            directions: 0,
            excursion: Excursion::default(),
        }
    }
}

impl Ticks {
    /// Takes a print and M₂₀ after it.
    pub(super) fn print(&mut self, px: Px, qty: u64, at: Ts, m20: f64) -> [Option<Found>; 2] {
        let Some(last) = self.last.replace(px) else { return [None; 2] };
        let change = px.minus(last).signum();
        let mut reversal = None;
        if change != 0 {
            if change != self.leg.direction {
                self.turn(change, last);
            }
            self.leg.step(at);
        }
        if self.leg.direction == 0 {
            return [None; 2];
        }
        self.leg.volume = self.leg.volume.saturating_add(qty);
        if change != 0 {
            reversal = self.reversal(px, at);
        }
        self.directions = self.directions.saturating_add(1);
        [reversal, self.shift(px, m20)]
    }

    fn turn(&mut self, direction: i32, origin: Px) {
        if self.leg.direction != 0 {
            self.volumes.push(self.leg.volume);
        }
        self.previous = std::mem::replace(&mut self.leg, Leg { direction, origin, ..Leg::NONE });
    }

    fn reversal(&mut self, px: Px, at: Ts) -> Option<Found> {
        let (leg, previous) = (&mut self.leg, &self.previous);
        if leg.fired || leg.moves < BACK || previous.moves < OUT {
            return None;
        }
        let from = previous.fifth_last();
        if !from.is_some() || !at.is_some() || at.since(from) > WITHIN {
            return None;
        }
        if leg.median.is_none() {
            leg.median = twice_median(&self.volumes);
        }
        let median = leg.median?;
        let heavy = |volume: u64| 2 * u128::from(volume) >= median;
        if !heavy(leg.volume) || !heavy(previous.volume) {
            return None;
        }
        leg.fired = true;
        let sign = if leg.direction > 0 { 1 } else { -1 };
        Some(Found { kind: Kind::TickReversal, sign, strength: size(px.minus(leg.origin)) })
    }

    fn shift(&mut self, px: Px, m20: f64) -> Option<Found> {
        if self.directions < WARM || !m20.is_finite() {
            return None;
        }
        let side = i8::from(m20 > 0.0) - i8::from(m20 < 0.0);
        let now = Excursion { side, extreme: m20, px };
        let was = self.excursion;
        if was.side == 0 {
            self.excursion = now;
            return None;
        }
        if side != -was.side {
            if side != 0 && m20.abs() >= was.extreme.abs() {
                self.excursion = now;
            }
            return None;
        }
        self.excursion = now;
        ((m20 - was.extreme).abs() >= SHIFT).then(|| {
            let strength = size(px.minus(was.px));
            Found { kind: Kind::MomentumShift, sign: side, strength }
        })
    }
}

fn size(ticks: i32) -> f64 {
    (f64::from(ticks).abs() / FULL).min(1.0)
}

/// Twice the median of the complete legs' volumes, of 15 or more.
fn twice_median(volumes: &Recent<u64, LEGS>) -> Option<u128> {
    let mut sample = [0_u64; LEGS];
    let mut n = 0;
    for (slot, &volume) in sample.iter_mut().zip(volumes.iter()) {
        *slot = volume;
        n += 1;
    }
    if n < LEGS_MIN {
        return None;
    }
    let sample = sample.get_mut(..n)?;
    sample.sort_unstable();
    Some(u128::from(*sample.get((n - 1) / 2)?) + u128::from(*sample.get(n / 2)?))
}
