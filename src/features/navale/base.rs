//! Bases: boxes in which price rested, how good they are, and what became of them.
//!
//! Confirmed at a close where the last 8 bars span at most `width_max` ticks and the closes of the
//! last 15 lie together: deviation below 0.3 of the span of those 15. Three of the last four
//! changes of close up make it green, three down red, else it is neutral. Box, colour, start and
//! end never change afterwards.
//!
//! | state | of a green base (a red one mirrored) |
//! |---|---|
//! | Active | no bar has passed the low since, or the last one stayed above it |
//! | Tested | a bar's low lies below the low of the box |
//! | Tested deep | by more ticks than the regime allows; stays deep until Active again |
//! | Violated | a red bar closed below the low (prices are whole ticks: by at least one) |
//! | Expired | 1,380 bars are over, the length of one Globex session; out of every state |
//!
//! A neutral base protects no edge: it is Active until it expires.

use crate::bars::{Bar, History};
use crate::units::{Px, Ts};

/// Bars of the box.
pub(super) const BOX: usize = 8;
/// Bars whose closes must lie together, and the longest run.
const CALM: usize = 15;
/// Bars that a base lives: 23 hours of minutes.
pub(super) const SESSION: u64 = 23 * 60;
/// Bars touching the box of which the respect is taken.
const TOUCHES: u32 = 20;

/// What the last closes of a base did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Colour {
    /// Rose: its low is protected.
    Green = 1,
    /// Fell: its high is protected.
    Red = 2,
    /// Neither.
    Neutral = 3,
}

impl Colour {
    /// +1 green, −1 red, 0 neutral.
    #[must_use]
    pub const fn sign(self) -> i32 {
        match self {
            Colour::Green => 1,
            Colour::Red => -1,
            Colour::Neutral => 0,
        }
    }

    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Colour::Green => "GREEN",
            Colour::Red => "RED",
            Colour::Neutral => "NEUTRAL",
        }
    }
}

/// Where a base stands; the table above says when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// It holds.
    Active = 1,
    /// A wick passed its protected edge.
    Tested = 2,
    /// The same, far.
    TestedDeep = 3,
    /// A close broke it.
    Violated = 4,
    /// Its session is over.
    Expired = 5,
}

impl State {
    /// Whether it still holds: active or tested.
    #[must_use]
    pub const fn holds(self) -> bool {
        matches!(self, State::Active | State::Tested | State::TestedDeep)
    }

    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            State::Active => "ACTIVE",
            State::Tested => "TESTED",
            State::TestedDeep => "TESTED_DEEP",
            State::Violated => "VIOLATED",
            State::Expired => "EXPIRED",
        }
    }
}

/// One base.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Base {
    /// Its number, from 1 in the order of confirmation.
    pub number: u64,
    /// Lowest price of its bars.
    pub low: Px,
    /// Highest price of its bars.
    pub high: Px,
    /// Its colour.
    pub colour: Colour,
    /// Begin of the first of its eight bars.
    pub start: Ts,
    /// End of the last of them, at which it was confirmed.
    pub end: Ts,
    /// Width allowed when it was confirmed, in ticks.
    pub width_max: u32,
    /// Bars ending at confirmation that lie within `width_max`, 8 to 15.
    pub run: u32,
    /// Where it stands.
    pub state: State,
    /// Ordinal of the bar at which it was confirmed.
    pub(super) confirmed: u64,
    /// Ordinal of the bar at which its state changed last.
    pub(super) changed: u64,
    /// Run, size and steadiness of its quality, at most 0.75.
    shape: f64,
    /// Bars since then that touched the box, at most 20, and how many of them respected it.
    touches: u32,
    respected: u32,
}

/// The base that the newest bar confirms, as number `number`, at bar `ordinal`.
pub(super) fn detect(h: &History, width_max: u32, number: u64, ordinal: u64) -> Option<Base> {
    let newest = h.ago(0)?;
    if h.len() < CALM {
        return None;
    }
    let (low, high) = span(h, BOX)?;
    let fits = |(low, high): (Px, Px)| i64::from(high.minus(low)) <= i64::from(width_max);
    if !fits((low, high)) || !calm(h, newest.close) {
        return None;
    }
    let run = (BOX..=CALM).take_while(|&n| span(h, n).is_some_and(fits)).count() + BOX - 1;
    let run = u32::try_from(run).ok()?;
    let first = h.ago(BOX - 1)?;
    Some(Base {
        number,
        low,
        high,
        colour: colour(h),
        start: Ts(first.end().0.saturating_sub(crate::units::MINUTE)),
        end: newest.end(),
        width_max,
        run,
        state: State::Active,
        confirmed: ordinal,
        changed: ordinal,
        shape: shape(run, high.minus(low), steadiness(h)),
        touches: 0,
        respected: 0,
    })
}

/// Low and high of the last `n` bars.
fn span(history: &History, n: usize) -> Option<(Px, Px)> {
    let low = history.last(n).map(|b| b.low).min()?;
    Some((low, history.last(n).map(|b| b.high).max()?))
}

/// Whether the closes' deviation is below 0.3 of the span: sd² < 0.09·R², in integers.
fn calm(history: &History, reference: Px) -> bool {
    let Some((low, high)) = span(history, CALM) else { return false };
    let (mut sum, mut squares) = (0_i128, 0_i128);
    for bar in history.last(CALM) {
        let d = i128::from(bar.close.minus(reference));
        sum += d;
        squares += d * d;
    }
    let (n, range) = (CALM as i128, i128::from(high.minus(low)));
    100 * (n * squares - sum * sum) < 9 * n * n * range * range
}

fn colour(history: &History) -> Colour {
    let change = |n: usize| match (history.ago(n), history.ago(n + 1)) {
        (Some(newer), Some(older)) => newer.close.minus(older.close).signum(),
        _ => 0,
    };
    let count = |sign: i32| (0..4).filter(|&n| change(n) == sign).count();
    match (count(1), count(-1)) {
        (3.., _) => Colour::Green,
        (_, 3..) => Colour::Red,
        _ => Colour::Neutral,
    }
}

/// 1 − sd/mean of the eight volumes, in [0, 1]; 0 where nothing was traded.
fn steadiness(history: &History) -> f64 {
    let n = BOX as f64;
    let mean = history.last(BOX).map(|b| b.volume as f64).sum::<f64>() / n;
    if mean <= 0.0 {
        return 0.0;
    }
    let square = |b: &Bar| (b.volume as f64 - mean) * (b.volume as f64 - mean);
    let sd = (history.last(BOX).map(square).sum::<f64>() / n).sqrt();
    1.0 - (sd / mean).min(1.0)
}

/// The three parts of the quality that are known at confirmation, at most 0.75.
fn shape(run: u32, width: i32, steadiness: f64) -> f64 {
    let width = f64::from(width);
    let size = if width < 2.0 {
        width / 2.0
    } else if width <= 6.0 {
        1.0
    } else {
        ((10.0 - width) / 4.0).max(0.0)
    };
    0.30 * (f64::from(run) / 10.0).min(1.0) + 0.20 * size + 0.25 * steadiness
}

impl Base {
    /// 0.30·run + 0.20·size + 0.25·steady volume + 0.25·respect, in [0, 1]. Respect is the share of
    /// the first 20 bars touching the box since that closed in it or on the side of its colour;
    /// before the first such bar the other three count for all.
    #[must_use]
    pub fn quality(&self) -> f64 {
        let quality = match self.respect() {
            Some(share) => self.shape + 0.25 * share,
            None => self.shape / 0.75,
        };
        quality.clamp(0.0, 1.0)
    }

    /// That share, once a bar has touched the box.
    #[must_use]
    pub fn respect(&self) -> Option<f64> {
        (self.touches > 0).then(|| f64::from(self.respected) / f64::from(self.touches))
    }

    /// How far `px` lies outside the box, in ticks; 0 inside.
    #[must_use]
    pub fn distance(&self, px: Px) -> i32 {
        self.low.minus(px).max(px.minus(self.high)).max(0)
    }

    /// Takes `n` bars that are all like `bar` while it holds; the new state, where that changes
    /// (with the first of them). Wicks of more than `deep` ticks test it deep.
    pub(super) fn bars(&mut self, bar: &Bar, n: u64, deep: i32) -> Option<State> {
        if !self.state.holds() {
            return None;
        }
        self.touch(bar, n);
        let next = self.next(bar, deep);
        (next != self.state).then(|| {
            self.state = next;
            next
        })
    }

    fn touch(&mut self, bar: &Bar, n: u64) {
        if bar.low > self.high || bar.high < self.low {
            return;
        }
        let more = TOUCHES.saturating_sub(self.touches).min(u32::try_from(n).unwrap_or(u32::MAX));
        self.touches += more;
        let sign = self.colour.sign();
        let above = bar.close >= self.low || sign < 0;
        let below = bar.close <= self.high || sign > 0;
        self.respected += if above && below { more } else { 0 };
    }

    fn next(&self, bar: &Bar, deep: i32) -> State {
        // How far wick and close lie beyond the protected edge.
        let (wick, close) = match self.colour {
            Colour::Green => (self.low.minus(bar.low), self.low.minus(bar.close)),
            Colour::Red => (bar.high.minus(self.high), bar.close.minus(self.high)),
            Colour::Neutral => return State::Active,
        };
        if close > 0 && bar.close.minus(bar.open).signum() == -self.colour.sign() {
            State::Violated
        } else if wick <= 0 {
            State::Active
        } else if wick > deep || self.state == State::TestedDeep {
            State::TestedDeep
        } else {
            State::Tested
        }
    }

    /// Direction in which it says that the trend goes, at a close of `px`; 0 for none.
    pub(super) fn trend(&self, px: Px) -> i32 {
        match (self.state, self.colour) {
            (State::Violated, colour) => -colour.sign(),
            (State::Expired, _) | (_, Colour::Neutral) => 0,
            (_, Colour::Green) => i32::from(px >= self.low),
            (_, Colour::Red) => -i32::from(px <= self.high),
        }
    }

    /// Sign·quality, fading to 0 over twice the allowed width away from the box.
    pub(super) fn pull(&self, px: Px) -> f64 {
        pull(self.colour.sign(), self.quality(), self.distance(px), self.width_max)
    }
}

/// B of a base whose colour has this sign, at a price `distance` ticks outside its box.
pub(in crate::features) fn pull(sign: i32, quality: f64, distance: i32, width_max: u32) -> f64 {
    let (distance, reach) = (f64::from(distance), 2.0 * f64::from(width_max));
    let near = if distance <= 0.0 {
        1.0
    } else if reach > 0.0 {
        (1.0 - distance / reach).max(0.0)
    } else {
        0.0
    };
    f64::from(sign) * quality * near
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn golden_bars() -> Vec<Bar> {
        let closes = [
            24_000, 24_006, 23_998, 24_010, 24_004, 24_008, 24_012, 24_008, 24_009, 24_007, 24_008,
            24_009, 24_010, 24_011, 24_012,
        ];
        let volumes = [1000, 1100, 900, 1000, 1200, 800, 1000, 1000];
        let mut open = 24_000;
        let mut bars = Vec::new();
        for (at, close) in closes.into_iter().enumerate() {
            let volume = at.checked_sub(7).map_or(1000, |n| volumes[n]);
            bars.push(Bar {
                minute: i64::try_from(at).expect("small"),
                open: Px::clamped(open),
                high: Px::clamped(open.max(close) + 1),
                low: Px::clamped(open.min(close) - 1),
                close: Px::clamped(close),
                volume,
                buy: volume / 2,
                sell: volume / 2,
            });
            open = close;
        }
        bars
    }

    pub(in super::super) fn green(low: i64, high: i64) -> Base {
        Base {
            number: 1,
            low: Px::clamped(low),
            high: Px::clamped(high),
            colour: Colour::Green,
            start: Ts(0),
            end: Ts(0),
            width_max: 10,
            run: 8,
            state: State::Active,
            confirmed: 0,
            changed: 0,
            shape: 0.6,
            touches: 0,
            respected: 0,
        }
    }

    #[test]
    fn golden_base() {
        let mut history = History::default();
        let bars = golden_bars();
        bars.iter().take(14).for_each(|b| history.push(b));
        assert_eq!(detect(&history, 10, 1, 14), None);
        history.push(&bars[14]);
        let mut base = detect(&history, 10, 1, 15).expect("base");
        assert_eq!((base.low.ticks(), base.high.ticks(), base.run), (24_006, 24_013, 11));
        assert_eq!((base.colour, base.state), (Colour::Green, State::Active));
        assert_eq!((base.start, base.end), (Ts(7 * 60_000_000_000), Ts(15 * 60_000_000_000)));
        assert!((base.quality() - 0.896_066).abs() < 1e-6);
        (base.touches, base.respected) = (5, 4);
        assert!((base.quality() - 0.872_049).abs() < 1e-6);
        assert_eq!(detect(&history, 7, 1, 15).map(|b| b.run), Some(9));
        assert_eq!(detect(&history, 6, 1, 15), None);
    }

    #[test]
    fn golden_states() {
        let mut base = green(24_000, 24_008);
        let rows = [
            (24_009, 24_001, 24_010, State::Active),
            (24_006, 23_998, 24_003, State::Tested),
            (24_004, 23_996, 24_002, State::TestedDeep),
            (24_003, 24_001, 24_009, State::Active),
            (23_997, 23_996, 23_999, State::TestedDeep),
            (24_004, 23_998, 23_999, State::Violated),
        ];
        for (open, low, close, state) in rows {
            let [open, low, close] = [open, low, close].map(Px::clamped);
            let bar = Bar { open, low, close, high: open.max(close), ..Bar::default() };
            let before = base.state;
            assert_eq!(base.bars(&bar, 1, 3), (state != before).then_some(state));
            assert_eq!(base.state, state);
            let sign = if state == State::Violated { -1 } else { i32::from(close >= base.low) };
            assert_eq!(base.trend(close), sign);
        }
        assert_eq!(base.trend(Px::clamped(24_100)), -1);
        assert_eq!(base.bars(&Bar::empty(9, Px::clamped(24_004)), 1, 3), None);
        // Six bars touched the box; those that closed at 23,999 did not respect it.
        assert_eq!((base.touches, base.respected), (5, 4));
    }

    #[test]
    fn golden_pull() {
        let mut base = green(24_000, 24_008);
        assert!((base.quality() - 0.8).abs() < 1e-12);
        assert!((base.pull(Px::clamped(24_013)) - 0.60).abs() < 1e-12);
        assert!((base.pull(Px::clamped(23_995)) - 0.60).abs() < 1e-12);
        assert_eq!(base.pull(Px::clamped(24_028)), 0.0);
        base.colour = Colour::Red;
        assert!((base.pull(Px::clamped(24_004)) + 0.80).abs() < 1e-12);
        base.width_max = 0;
        assert_eq!(base.pull(Px::clamped(24_009)), 0.0);
    }

    #[test]
    fn respect_is_that_of_twenty_bars() {
        let mut base = green(24_000, 24_008);
        let inside = Bar::empty(0, Px::clamped(24_004));
        (0..19).for_each(|_| _ = base.bars(&inside, 1, 3));
        let [low, open] = [23_999, 24_001].map(Px::clamped);
        // Falls through the low: the twentieth bar, and the last that counts.
        let mut broken = base;
        broken.bars(&Bar { open, high: open, low, close: low, ..inside }, 1, 3);
        assert_eq!((broken.state, broken.respect()), (State::Violated, Some(0.95)));
        base.bars(&inside, 1, 3);
        base.bars(&Bar { open: low, high: open, low, close: low, ..inside }, 1, 3);
        assert_eq!((base.state, base.respect(), base.touches), (State::Tested, Some(1.0), 20));
    }

    #[test]
    fn neutral_bases_hold() {
        let mut base = green(24_000, 24_008);
        base.colour = Colour::Neutral;
        let [open, close] = [24_004, 23_000].map(Px::clamped);
        let bar = Bar { open, high: open, low: close, close, ..Bar::default() };
        assert_eq!(base.bars(&bar, 1, 3), None);
        assert_eq!((base.trend(close), base.pull(open), base.respect()), (0, 0.0, Some(0.0)));
    }
}
