//! `sierra_pattern_strength` (26): patterns of bars and of prints, weighed by size and age.
//!
//! Bars −2, −1, 0, +1, t = tick; +1 is the newest completed bar, so nothing looks ahead.
//!
//! | pattern | conditions | sign |
//! |---|---|--:|
//! | Long Down-Up | O₀ < C₋₁; H₋₁ > L₀ + 8t; O₊₁ > C₀; H₊₁ > L₀ + 8t; H₊₁ > H₋₁ | + |
//! | Long Up-Down | O₀ > C₋₁; H₀ > L₋₁ + 8t; O₊₁ < C₀; H₀ > L₊₁ + 8t; L₊₁ < L₋₁ | − |
//! | Color Up | O₋₁ > C₋₂; H₋₁ > L₋₂ + 12t; H₋₁ > H₋₂; L₀ > L₋₁; and (1) | + |
//! | Color Down | O₋₁ < C₋₂; H₋₂ > L₋₁ + 12t; L₋₁ < L₋₂; H₀ < H₋₁; and (2) | − |
//! | Climax exhaustion | see below | − trend |
//! | Climax | the same without its close: an event, in no sum | 0 |
//! | Tick reversal, Momentum shift | of prints: see `ticks` | new side |
//!
//! (1) O₊₁ > C₀; H₊₁ > L₀ + 12t; H₊₁ > H₀. (2) O₊₁ < C₀; H₀ > L₊₁ + 12t; L₊₁ < L₀.
//!
//! Climax exhaustion: −2, −1 and 0 have one colour (the trend; a doji has none); then +1 has RVOL ≥
//! its 97.5th percentile, range ≥ 2·ATR20, |δ|/V ≥ 0.3 of either sign, and closes in the third of
//! its range opposite to the trend. Without RVOL or that percentile, or with more than a tenth of
//! the bar unclassified, neither climax can fire.
//!
//! Strength of bar patterns: 0.7·min(1, range/(2·ATR20)) + 0.3·min(1, RVOL/2) with the range of all
//! its bars (three of a long one, else four) and the RVOL of +1; without RVOL the first part/0.7.
//! Strength of tick patterns: min(1, |move| in ticks/8). Source: the study conditions of charting
//! software; weights and decay are own design.
//!
//! Value in [−1, 1]: the pattern with the largest |sign·strength·2^(−age/3)|, age in bars closed
//! since it was emitted (0 for the rest of that bar, for patterns of prints too). Of two equal ones
//! of opposite sign the younger; equally old ones cancel to 0. 0 without any; `None(WARMUP)` before
//! 20 bars, in which bar patterns are not looked for either. All patterns fade at one rate, so the
//! one that is ahead stays ahead of all earlier ones for good: it alone is kept, and nothing is
//! lost by it.
//!
//! Bar patterns go on over breaks and anchors; what is known of prints restarts at the active
//! anchor. Cost: constant a print (see `ticks`), a few comparisons of four bars and one power a
//! bar; reading costs nothing.

mod bars;
mod ticks;

use super::close::Close;
use super::frame::{Reason, Slot};
use super::recent::Recent;
use crate::units::{Px, Ts};

use self::bars::Found;

/// Kinds of pattern.
pub const KINDS: usize = 8;
/// Events that are kept.
pub const EVENTS: usize = 32;
/// Bars before the slot speaks.
const WARM: usize = 20;
/// Half-life of a pattern, in bars.
const HALF_LIFE: f64 = 3.0;

/// A kind of pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Down, then up by more.
    LongDownUp = 0,
    /// Up, then down by more.
    LongUpDown = 1,
    /// Down, a pause, down again.
    ColorDown = 2,
    /// Up, a pause, up again.
    ColorUp = 3,
    /// A trend's last cry, turned back.
    ClimaxExhaustion = 4,
    /// A cry that was not turned back: no direction.
    Climax = 5,
    /// Five ticks one way, three back at once.
    TickReversal = 6,
    /// M₂₀ changed its side from afar.
    MomentumShift = 7,
}

impl Kind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Kind; KINDS] = [
        Kind::LongDownUp,
        Kind::LongUpDown,
        Kind::ColorDown,
        Kind::ColorUp,
        Kind::ClimaxExhaustion,
        Kind::Climax,
        Kind::TickReversal,
        Kind::MomentumShift,
    ];

    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::LongDownUp => "LONG_DOWN_UP",
            Kind::LongUpDown => "LONG_UP_DOWN",
            Kind::ColorDown => "COLOR_DOWN",
            Kind::ColorUp => "COLOR_UP",
            Kind::ClimaxExhaustion => "CLIMAX_EXHAUSTION",
            Kind::Climax => "CLIMAX",
            Kind::TickReversal => "TICK_REVERSAL",
            Kind::MomentumShift => "MOMENTUM_SHIFT",
        }
    }
}

/// A pattern that was there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pattern {
    /// What it was.
    pub kind: Kind,
    /// +1, −1, or 0 without direction.
    pub sign: i8,
    /// In [0, 1].
    pub strength: f64,
    /// End of the bar, or time of the print, that completed it.
    pub at: Ts,
    /// Close of that bar, or price of that print.
    pub px: Px,
}

/// The pattern ahead of all others; sign 0 where two cancel.
#[derive(Clone, Copy, Debug)]
struct Live {
    kind: Kind,
    sign: i8,
    strength: f64,
    /// Bars closed when it was emitted.
    bars: u64,
}

impl Live {
    fn weight(&self, bars: u64) -> f64 {
        let age = bars.saturating_sub(self.bars);
        if age == 0 { self.strength } else { self.strength * libm::exp2(-(age as f64) / HALF_LIFE) }
    }
}

/// State of feature 26.
#[derive(Clone, Debug)]
pub struct Patterns {
    ticks: ticks::Ticks,
    /// Bars closed.
    bars: u64,
    live: Option<Live>,
    events: Recent<Pattern, EVENTS>,
    last: [Option<Pattern>; KINDS],
    counts: [u64; KINDS],
    warm: bool,
    slot: Slot,
}

impl Default for Patterns {
    fn default() -> Patterns {
        Patterns {
            ticks: ticks::Ticks::default(),
            bars: 0,
            live: None,
            events: Recent::default(),
            last: [None; KINDS],
            counts: [0; KINDS],
            warm: false,
            slot: Slot::none(Reason::Warmup),
        }
    }
}

impl Patterns {
    /// The active anchor changed: prints begin anew.
    pub fn anchor(&mut self) {
        self.ticks = ticks::Ticks::default();
    }

    /// Takes a print of `qty` contracts at market time `at`, and M₂₀ of `tick_momentum` after it.
    pub fn print(&mut self, px: Px, qty: u64, at: Ts, m20: f64) {
        let found = self.ticks.print(px, qty, at, m20);
        if found.iter().any(Option::is_some) {
            found.into_iter().flatten().for_each(|f| self.emit(f, at, px));
            self.refresh();
        }
    }

    /// A bar closed.
    pub fn close(&mut self, close: &Close<'_>) {
        self.bars = self.bars.saturating_add(1);
        self.warm = close.history.len() >= WARM;
        if self.warm {
            for found in bars::find(close).into_iter().flatten() {
                self.emit(found, close.bar.end(), close.bar.close);
            }
        }
        self.refresh();
    }

    /// `n` more empty bars closed; at least four empty ones came before, so that they complete no
    /// pattern. Equals `n` single closes.
    pub fn advance(&mut self, n: u32, close: &Close<'_>) {
        self.bars = self.bars.saturating_add(u64::from(n));
        self.warm = close.history.len() >= WARM;
        self.refresh();
    }

    fn emit(&mut self, found: Found, at: Ts, px: Px) {
        let Found { kind, sign, strength } = found;
        let pattern = Pattern { kind, sign, strength: strength.clamp(0.0, 1.0), at, px };
        self.events.push(pattern);
        if let (Some(last), Some(count)) =
            (self.last.get_mut(kind as usize), self.counts.get_mut(kind as usize))
        {
            *last = Some(pattern);
            *count = count.saturating_add(1);
        }
        if sign != 0 && strength > 0.0 {
            self.weigh(kind, sign, pattern.strength);
        }
    }

    fn weigh(&mut self, kind: Kind, sign: i8, strength: f64) {
        let next = Live { kind, sign, strength, bars: self.bars };
        match &mut self.live {
            Some(live) if live.weight(self.bars) > strength => {}
            Some(live) if live.bars == self.bars && live.strength == strength => {
                live.sign = if live.sign == sign { sign } else { 0 };
            }
            live => *live = Some(next),
        }
    }

    fn refresh(&mut self) {
        if self.warm {
            let value = self.live.map_or(0.0, |l| f64::from(l.sign) * l.weight(self.bars));
            // Adding 0 keeps a negative zero out.
            self.slot = Slot::some(value.clamp(-1.0, 1.0) + 0.0);
        }
    }

    /// Slot 26, as of now.
    #[must_use]
    pub const fn slot(&self) -> Slot {
        self.slot
    }

    /// The pattern that the slot speaks of; `None` before any, and where two cancel.
    #[must_use]
    pub fn ahead(&self) -> Option<Kind> {
        self.live.filter(|live| self.warm && live.sign != 0).map(|live| live.kind)
    }

    /// The last events, oldest first.
    pub fn events(&self) -> impl Iterator<Item = &Pattern> {
        self.events.iter()
    }

    /// Events so far: tells a reader how many are new.
    #[must_use]
    pub const fn event_count(&self) -> u64 {
        self.events.count()
    }

    /// The last pattern of `kind`.
    #[must_use]
    pub fn last(&self, kind: Kind) -> Option<&Pattern> {
        self.last.get(kind as usize)?.as_ref()
    }

    /// Patterns so far, by the number of their kind.
    #[must_use]
    pub const fn counts(&self) -> &[u64; KINDS] {
        &self.counts
    }
}

#[cfg(test)]
mod tests;
