//! `battle_navale_score` (28): who is winning, relative to the boxes in which price rested.
//!
//! s = 0.40·P + 0.35·T + 0.25·B in [−1, 1], own design.
//!
//! - P, the power of buyers over sellers in the last five bars: see `power`.
//! - T, the trend that bases defend (*rouge sous verte*: a rise holds until a red bar closes below
//!   a green base). Of the green bases that hold with the close not below their low (+1), the red
//!   ones that hold with the close not above their high (−1), the violated green (−1) and the
//!   violated red (+1): the one whose state changed last, its confirmation being a change, and of
//!   two that changed with the same bar the younger; times 2^(−age/60 bars). 0 without any.
//! - B, the pull of the base nearest to the close among those that hold, of equally near ones the
//!   youngest: sign of its colour · quality · max(0, 1 − distance/(2·`width_max`)). A neutral base
//!   that is nearest pulls nowhere: 0.
//!
//! LONG where s > 0.25, SHORT where s < −0.25, strength clip((|s| − 0.25)/0.25, 0, 1). All three
//! parts have a sign and none a floor: a mirrored market gives exactly −s.
//!
//! Bases ([`Base`]): the last 20 are kept. After one, there is no new one until 8 bars later or a
//! bar closes outside its box (at that very close there may be). Their width is the configured
//! number of ticks, else the rounded ATR20 at confirmation, and then keeps. Bases go on over breaks
//! and anchors and expire after 1,380 bars. Every change of the published state counts as a
//! transition, the deepening of a test too. Wicks are deep beyond 3 ticks, 5 in HIGH and 7 in
//! EXTREME of the volatility regime that uses no VIX.
//!
//! `None`: fewer than 20 bars `WARMUP`; more than a tenth of the volume of the last 20 bars
//! unclassified `INVALID_INPUT` (bases are found and followed all the same).
//!
//! Cost: nothing an event. A bar costs two sorts of 20 integers, three passes over at most 20 bars,
//! up to 8 spans of 8 to 15 bars where a base is confirmed, and four passes over 20 bases;
//! `advance(n)` costs no more, whatever n.

mod base;
mod power;

pub(super) use base::pull;
pub use base::{Base, Colour, State};

use super::close::Close;
use super::frame::{Reason, Slot};
use super::recent::Recent;
use crate::bars::{Bar, History};
use crate::units::{MINUTE, Px, Ts};

/// Bases that are kept.
pub const BASES: usize = 20;
/// Transitions that are kept.
pub const TRANSITIONS: usize = 64;
/// Half-life of T, in bars.
const HALF_LIFE: f64 = 60.0;
/// |s| beyond which there is a side.
const THRESHOLD: f64 = 0.25;

/// A base that changed its state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transition {
    /// Number of the base.
    pub base: u64,
    /// Its colour.
    pub colour: Colour,
    /// Its state before; `None` at its confirmation.
    pub from: Option<State>,
    /// Its state since.
    pub to: State,
    /// End of the bar that did it.
    pub at: Ts,
    /// Close of that bar.
    pub px: Px,
    /// Low of the box.
    pub low: Px,
    /// High of the box.
    pub high: Px,
}

/// What a score says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum Verdict {
    /// Below −0.25.
    Short = -1,
    /// Neither.
    None = 0,
    /// Above 0.25.
    Long = 1,
}

impl Verdict {
    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Short => "SHORT",
            Verdict::None => "NONE",
            Verdict::Long => "LONG",
        }
    }
}

/// The score after a bar and its parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// P in [−1, 1].
    pub power: f64,
    /// T in [−1, 1].
    pub trend: f64,
    /// B in [−1, 1].
    pub base: f64,
    /// s in [−1, 1].
    pub score: f64,
    /// Side of s.
    pub verdict: Verdict,
    /// How far s lies beyond the threshold, in [0, 1].
    pub strength: f64,
}

impl Reading {
    /// The score of three parts.
    #[must_use]
    pub fn new(power: f64, trend: f64, base: f64) -> Reading {
        // Adding 0 keeps a negative zero out.
        let score = (0.40 * power + 0.35 * trend + 0.25 * base).clamp(-1.0, 1.0) + 0.0;
        let verdict = if score > THRESHOLD {
            Verdict::Long
        } else if score < -THRESHOLD {
            Verdict::Short
        } else {
            Verdict::None
        };
        let strength = ((score.abs() - THRESHOLD) / THRESHOLD).clamp(0.0, 1.0);
        Reading { power, trend, base, score, verdict, strength }
    }
}

/// State of feature 28.
#[derive(Clone, Debug)]
pub struct Navale {
    width_max: Option<u32>,
    /// Ordinal of the newest bar, from 1.
    ordinal: u64,
    bases: Recent<Base, BASES>,
    /// Whether a bar has closed outside the youngest box.
    left: bool,
    transitions: Recent<Transition, TRANSITIONS>,
    reading: Option<Reading>,
    slot: Slot,
}

impl Navale {
    /// State that has seen nothing. Bases are at most `width_max` ticks wide (ES and MES 10), or
    /// where that is `None` at most ATR20, rounded.
    #[must_use]
    pub fn new(width_max: Option<u32>) -> Navale {
        Navale {
            width_max,
            ordinal: 0,
            bases: Recent::default(),
            left: false,
            transitions: Recent::default(),
            reading: None,
            slot: Slot::none(Reason::Warmup),
        }
    }

    /// A bar closed; `regime` is the ordinal 0 to 3 of the volatility regime, where it is known.
    pub fn close(&mut self, close: &Close<'_>, regime: Option<u8>) {
        self.follow(close.bar, 1, deep(regime));
        self.detect(close);
        self.read(close);
    }

    /// `n` more empty bars closed, `close.bar` being the last of them and in `close.history`; at
    /// least 15 empty ones came before. Equals `n` single closes.
    pub fn advance(&mut self, n: u32, close: &Close<'_>, regime: Option<u8>) {
        if n > 0 {
            // Equal bars change a state with the first or never, and confirm no base: closes that
            // are all alike have no deviation below 0.3 of no span.
            self.follow(close.bar, n, deep(regime));
            self.read(close);
        }
    }

    /// Follows the bases over `n` bars like `bar`, which is the last of them.
    fn follow(&mut self, bar: &Bar, n: u32, deep: i32) {
        let first = self.ordinal.saturating_add(1);
        let last = self.ordinal.saturating_add(u64::from(n));
        self.ordinal = last;
        let end = |ordinal: u64| {
            let back = i64::try_from(last.saturating_sub(ordinal)).unwrap_or(0);
            Ts(bar.end().0.saturating_sub(back.saturating_mul(MINUTE)))
        };
        let Navale { bases, transitions, .. } = self;
        let mut log = |base: &mut Base, from: State, ordinal: u64| {
            base.changed = ordinal;
            transitions.push(transition(base, Some(from), end(ordinal), bar.close));
        };
        // What the bars do comes first, then what their number does: that is the order in time,
        // for a base that expires with the first bar takes it in no more.
        for base in bases.iter_mut() {
            let expiry = base.confirmed.saturating_add(base::SESSION);
            let from = base.state;
            if from == State::Expired {
                continue;
            }
            if expiry <= first {
                base.state = State::Expired;
                log(base, from, first);
            } else if base.bars(bar, last.min(expiry - 1) - first + 1, deep).is_some() {
                log(base, from, first);
            }
        }
        for base in bases.iter_mut().filter(|b| b.state != State::Expired) {
            let expiry = base.confirmed.saturating_add(base::SESSION);
            if expiry <= last {
                let from = std::mem::replace(&mut base.state, State::Expired);
                log(base, from, expiry);
            }
        }
        self.left |= self.bases.last().is_some_and(|b| b.distance(bar.close) > 0);
    }

    fn detect(&mut self, close: &Close<'_>) {
        let waiting = self.bases.last().is_some_and(|b| {
            !self.left && self.ordinal < b.confirmed.saturating_add(base::BOX as u64)
        });
        let Some(width) = self.width_max.or_else(|| close.atr20.map(rounded)) else { return };
        if waiting {
            return;
        }
        let number = self.bases.count().saturating_add(1);
        if let Some(base) = base::detect(close.history, width, number, self.ordinal) {
            self.transitions.push(transition(&base, None, base.end, close.bar.close));
            self.bases.push(base);
            self.left = false;
        }
    }

    fn read(&mut self, close: &Close<'_>) {
        let px = close.bar.close;
        let power = power::power(close.history);
        let unclassified = mostly_unclassified(close.history);
        self.reading = power.filter(|_| !unclassified).map(|power| {
            Reading::new(power, self.trend(px), self.nearest(px).map_or(0.0, |b| b.pull(px)))
        });
        self.slot = match self.reading {
            Some(reading) => Slot::some(reading.score),
            None if power.is_some() => Slot::none(Reason::InvalidInput),
            None => Slot::none(Reason::Warmup),
        };
    }

    fn trend(&self, px: Px) -> f64 {
        let speaks = self.bases.iter().filter(|b| b.trend(px) != 0);
        // Of equal ones the last, which is the youngest.
        speaks.max_by_key(|b| b.changed).map_or(0.0, |base| {
            let age = self.ordinal.saturating_sub(base.changed);
            f64::from(base.trend(px)) * libm::exp2(-(age as f64) / HALF_LIFE)
        })
    }

    /// The base nearest to `px` among those that hold; of equally near ones the youngest.
    #[must_use]
    pub fn nearest(&self, px: Px) -> Option<&Base> {
        let holding = self.bases.iter().filter(|b| b.state.holds());
        holding.max_by_key(|b| std::cmp::Reverse(b.distance(px)))
    }

    /// Slot 28, as of the last bar.
    #[must_use]
    pub const fn slot(&self) -> Slot {
        self.slot
    }

    /// The score and its parts; `None` where the slot is.
    #[must_use]
    pub const fn reading(&self) -> Option<&Reading> {
        self.reading.as_ref()
    }

    /// The last bases in any state, oldest first.
    pub fn bases(&self) -> impl Iterator<Item = &Base> {
        self.bases.iter()
    }

    /// Bases confirmed so far.
    #[must_use]
    pub const fn found(&self) -> u64 {
        self.bases.count()
    }

    /// The newest transition.
    #[must_use]
    pub fn newest(&self) -> Option<&Transition> {
        self.transitions.last()
    }

    /// The last transitions, oldest first.
    pub fn transitions(&self) -> impl Iterator<Item = &Transition> {
        self.transitions.iter()
    }

    /// Transitions so far: tells a reader how many are new.
    #[must_use]
    pub const fn transition_count(&self) -> u64 {
        self.transitions.count()
    }
}

const fn transition(base: &Base, from: Option<State>, at: Ts, px: Px) -> Transition {
    let Base { number, colour, state, low, high, .. } = *base;
    Transition { base: number, colour, from, to: state, at, px, low, high }
}

/// Ticks beyond which a wick is deep.
const fn deep(regime: Option<u8>) -> i32 {
    match regime {
        None | Some(0 | 1) => 3,
        Some(2) => 5,
        Some(_) => 7,
    }
}

/// Nearest whole number of ticks; ranges are below 2³¹, so it fits.
fn rounded(ticks: f64) -> u32 {
    (ticks + 0.5).floor() as u32
}

fn mostly_unclassified(history: &History) -> bool {
    let (mut all, mut none) = (0_i128, 0_i128);
    for bar in history.last(power::WINDOW) {
        all += i128::from(bar.volume);
        none += i128::from(bar.volume) - i128::from(bar.buy) - i128::from(bar.sell);
    }
    none * 10 > all
}

#[cfg(test)]
mod tests;
