//! [`Frame`]: what the features say after one event.

use super::navale::{State, pull};
use super::patterns::Kind;
use super::regime_inputs::RegimeInputs;
use crate::bars::Bar;
use crate::book::BookState;
use crate::calendar::Label;
use crate::event::Event;
use crate::profile::ValueArea;
use crate::units::{Px, Ts};
pub use crate::units::{Reason, Slot};

/// Number of features in the canonical list.
pub const FEATURES: usize = 28;
/// First feature that comes from events; 1 to 11 come from the Context.
pub const FIRST_EVENT_FEATURE: usize = 12;
/// Slots of a [`Frame`].
pub const SLOTS: usize = FEATURES - FIRST_EVENT_FEATURE + 1;

/// High-volume nodes of a [`Frame`]: the nearest on either side of the close, half of them each.
pub const NODES: usize = 4;
/// No node: farther than any that is kept.
const NO_NODE: i16 = i16::MIN;

/// Bits of [`Frame::flags`].
pub mod frame_flag {
    /// This event closed at least one one-minute bar.
    pub const BAR_CLOSED: u8 = 1;
    /// This event closed at least one five-minute bar.
    pub const BAR5_CLOSED: u8 = 2;
    /// The active anchor is the cash session's.
    pub const RTH: u8 = 4;
}

/// Prices that a decision may lean on, as of the last one-minute close; each where it exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Value area of the previous session of the active anchor's type.
    pub previous: Option<ValueArea>,
    /// Low and high since the active anchor.
    pub session: Option<(Px, Px)>,
    /// Low and high from 18:00 New York to the cash session, or so far.
    pub overnight: Option<(Px, Px)>,
    /// The last confirmed swing high of one-minute bars.
    pub swing_high: Option<Px>,
    /// The last confirmed swing low.
    pub swing_low: Option<Px>,
}

/// The consolidation base nearest to the last close, among those that hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NearBase {
    /// Lowest price of the box.
    pub low: Px,
    /// Highest price of the box.
    pub high: Px,
    /// In [0, 1].
    pub quality: f64,
    /// Its number, from 1 in the order of confirmation.
    pub number: u32,
    /// Width allowed when it was confirmed, in ticks, up to 65,535.
    pub width_max: u16,
    /// +1 green, −1 red, 0 neutral.
    pub colour: i8,
    /// Where it stands: active or tested.
    pub state: State,
}

impl NearBase {
    /// B of slot 28 at a close of `px`.
    #[must_use]
    pub fn pull(&self, px: Px) -> f64 {
        let distance = self.low.minus(px).max(px.minus(self.high)).max(0);
        pull(i32::from(self.colour), self.quality, distance, u32::from(self.width_max))
    }
}

/// What records ask for and no decision does: packed, for it travels with every frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Details {
    numbers: [f64; NUMBERS],
    /// Bit n: number n is there.
    present: u8,
    /// The pattern behind slot 26, the one ahead of all others; `None` where none is.
    pub pattern: Option<Kind>,
    /// Of the last 20 prints since the active anchor, those at a higher and at a lower price than
    /// the one before; `None` while there were fewer.
    pub steps: Option<(u8, u8)>,
    /// Direction of the last print that moved the price since the active anchor, 0 before one.
    pub direction: i8,
}

/// Numbers of [`Details`].
const NUMBERS: usize = 7;

/// Which number of [`Details`]. All but the last are of the last one-minute close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Number {
    /// Wilder's average true range over 14 one-minute bars, in ticks.
    Atr14 = 0,
    /// Realised volatility of the active anchor's session type, annualised.
    RealisedVol = 1,
    /// Volume of the last bar over the median of the same minute in recorded sessions.
    Rvol = 2,
    /// P of slot 28, in [−1, 1].
    Power = 3,
    /// T of slot 28, in [−1, 1].
    Trend = 4,
    /// Median over recorded days of the contracts from 18:00 New York to the cash session.
    PremarketUsual = 5,
    /// Net side of the large prints behind slot 18, in [−1, 1].
    LargeNet = 6,
}

impl Details {
    /// A number, where it is there.
    #[must_use]
    pub fn get(&self, which: Number) -> Option<f64> {
        let there = self.present & 1 << which as u8 != 0;
        self.numbers.get(which as usize).copied().filter(|_| there)
    }

    /// Sets a number; one that is not finite is not there.
    pub fn set(&mut self, which: Number, number: Option<f64>) {
        let number = number.filter(|n| n.is_finite());
        if let Some(slot) = self.numbers.get_mut(which as usize) {
            *slot = number.unwrap_or(0.0);
            self.present &= !(1 << which as u8);
            self.present |= u8::from(number.is_some()) << which as u8;
        }
    }

    fn words(&self) -> [u64; NUMBERS + 1] {
        // No count is 255.
        let (up, down) = self.steps.unwrap_or((u8::MAX, 0));
        let mut words = [0; NUMBERS + 1];
        for (word, number) in words.iter_mut().zip(self.numbers) {
            *word = number.to_bits();
        }
        words[NUMBERS] = u64::from(self.present)
            | u64::from(up) << 8
            | u64::from(down) << 16
            | u64::from(self.direction as u8) << 24
            | self.pattern.map_or(0, |kind| 1 + kind as u64) << 32;
        words
    }
}

/// The features after one event. `as_of` of slots 16 to 19 and 26 is `market_time`; of 27 the end
/// of the last five-minute bar; of the others `bar.end()`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Frame {
    /// The event.
    pub event: Event,
    /// Market time of its symbol.
    pub market_time: Ts,
    numbers: [f64; SLOTS],
    reasons: [Reason; SLOTS],
    /// Session label of `market_time`.
    pub label: Label,
    /// State of the book.
    pub book: BookState,
    /// Bits of [`frame_flag`].
    pub flags: u8,
    /// Bit n: slot n + 12 changed with this event.
    pub changed: u32,
    /// The last completed one-minute bar; `volume` and all else 0 before the first.
    pub bar: Bar,
    /// End of the last completed five-minute bar.
    pub bar5_end: Ts,
    /// 18:00 New York at which the Globex day of `market_time` began.
    pub eth_anchor: Ts,
    /// Session VWAP and its deviation at the last bar close, in ticks, of the active anchor; NaN
    /// free: 0 deviation and 0 mean before the first bar.
    pub vwap: f64,
    /// See `vwap`.
    pub vwap_sd: f64,
    /// Wilder's average true range over 20 one-minute bars at the last close, in ticks.
    pub atr20: Option<f64>,
    /// Factor on the size of a position by realised volatility, 0.4 to 1; 0 where that or its
    /// usual is unknown.
    pub volatility_size: f64,
    /// Ticks from the last close to the nodes around it, [`NO_NODE`] for none.
    nodes: [i16; NODES],
    /// CVD of the active anchor, in contracts.
    pub cvd: i64,
    /// Value area that slot 23 reads.
    pub area: Option<ValueArea>,
    /// Prices of the last one-minute close.
    pub levels: Levels,
    /// The nearest base.
    pub base: Option<NearBase>,
    /// What the last five-minute close says of the market regime, VIX apart.
    pub regime: RegimeInputs,
    /// Order-flow imbalance over 1, 10 and 60 s of market time, in contracts.
    pub ofi: [i64; 3],
    /// For records.
    pub details: Details,
}

const _: () = assert!(size_of::<Details>() <= 64 && size_of::<Frame>() <= 576);

impl Frame {
    /// A frame in which nothing has been computed.
    #[must_use]
    pub const fn empty(event: Event) -> Frame {
        Frame {
            event,
            market_time: Ts::NONE,
            numbers: [0.0; SLOTS],
            reasons: [Reason::Disabled; SLOTS],
            label: Label::Closed,
            book: BookState::Empty,
            flags: 0,
            changed: 0,
            bar: Bar::empty(0, Px::ZERO),
            bar5_end: Ts::NONE,
            eth_anchor: Ts::NONE,
            vwap: 0.0,
            vwap_sd: 0.0,
            atr20: None,
            volatility_size: 0.0,
            nodes: [NO_NODE; NODES],
            cvd: 0,
            area: None,
            levels: Levels {
                previous: None,
                session: None,
                overnight: None,
                swing_high: None,
                swing_low: None,
            },
            base: None,
            regime: RegimeInputs::NONE,
            ofi: [0; 3],
            details: Details {
                numbers: [0.0; NUMBERS],
                present: 0,
                pattern: None,
                steps: None,
                direction: 0,
            },
        }
    }

    /// Feature `number` of the canonical list, 12 to 28.
    #[must_use]
    pub fn slot(&self, number: usize) -> Slot {
        let at = number.wrapping_sub(FIRST_EVENT_FEATURE);
        match (self.numbers.get(at), self.reasons.get(at)) {
            (Some(&value), Some(&reason)) => Slot { number: value, reason },
            _ => Slot::none(Reason::NoInput),
        }
    }

    /// High-volume nodes of the developing profile around the last close, as of that close, in no
    /// order.
    pub fn nodes(&self) -> impl Iterator<Item = Px> {
        let close = i64::from(self.bar.close.ticks());
        let known = self.nodes.iter().filter(|&&node| node != NO_NODE);
        known.map(move |&node| Px::clamped(close + i64::from(node)))
    }

    /// Sets the nodes around the close of [`Frame::bar`]; one that is more than 32 767 ticks away
    /// is left out.
    pub fn set_nodes(&mut self, nodes: [Option<Px>; NODES]) {
        let close = self.bar.close;
        self.nodes = nodes
            .map(|px| px.and_then(|px| i16::try_from(px.minus(close)).ok()).unwrap_or(NO_NODE));
    }

    /// Sets feature `number`, 12 to 28.
    pub fn set(&mut self, number: usize, slot: Slot) {
        let at = number.wrapping_sub(FIRST_EVENT_FEATURE);
        if let (Some(n), Some(r)) = (self.numbers.get_mut(at), self.reasons.get_mut(at))
            && (n.to_bits() != slot.number.to_bits() || *r != slot.reason)
        {
            (*n, *r) = (slot.number, slot.reason);
            self.changed |= 1 << at;
        }
    }

    /// Writes the words that enter the run's digest into `words`, which holds [`DIGEST_WORDS`] or
    /// more, and returns how many: time, place, and every slot that changed with this event, bit
    /// for bit. Together with the frames before it that is the whole frame.
    pub fn digest_words(&self, words: &mut [u64]) -> usize {
        let place = u64::from(self.event.symbol.0)
            | (self.label as u64) << 16
            | (self.book as u64) << 24
            | u64::from(self.flags) << 32;
        let Some((fixed, rest)) = words.split_first_chunk_mut() else { return 0 };
        *fixed = [
            self.event.seq,
            self.event.ts.0 as u64,
            self.market_time.0 as u64,
            place,
            self.cvd as u64,
            u64::from(self.changed),
            self.ofi[0] as u64,
            self.ofi[1] as u64,
            self.ofi[2] as u64,
        ];
        let mut at = 0;
        let mut put = |word: u64| {
            if let Some(slot) = rest.get_mut(at) {
                *slot = word;
                at += 1;
            }
        };
        let mut changed = self.changed;
        while changed != 0 {
            let slot = changed.trailing_zeros() as usize;
            changed &= changed - 1;
            put(self.numbers.get(slot).map_or(0, |n| n.to_bits()));
            put(self.reasons.get(slot).map_or(0, |&r| r as u64));
        }
        if self.flags & frame_flag::BAR_CLOSED != 0 {
            let bar = &self.bar;
            put(bar.minute as u64);
            put(bar.close.ticks() as u64);
            put(bar.open.ticks() as u64);
            put(bar.high.ticks() as u64);
            put(bar.low.ticks() as u64);
            put(bar.volume as u64);
            put(bar.buy as u64);
            put(bar.sell as u64);
            put(self.vwap.to_bits());
            put(self.vwap_sd.to_bits());
            self.level_words().into_iter().for_each(&mut put);
            self.details.words().into_iter().for_each(&mut put);
        }
        if self.flags & frame_flag::BAR5_CLOSED != 0 {
            put(self.bar5_end.0 as u64);
            self.regime.words().into_iter().for_each(&mut put);
        }
        fixed.len() + at
    }

    fn level_words(&self) -> [u64; LEVEL_WORDS] {
        // A price that is not there is one that no price can be.
        let px = |px: Option<Px>| px.map_or(i32::MIN, Px::ticks) as u32;
        let two = |a: Option<Px>, b: Option<Px>| u64::from(px(a)) << 32 | u64::from(px(b));
        let low = |range: Option<(Px, Px)>| range.map(|r| r.0);
        let high = |range: Option<(Px, Px)>| range.map(|r| r.1);
        let l = &self.levels;
        let base = self.base;
        let kind = base.map_or(0, |b| {
            let place = u64::from(b.width_max) << 16 | u64::from(b.number) << 32;
            b.state as u64 | u64::from(b.colour as u8) << 8 | place
        });
        [
            two(l.previous.map(|a| a.poc), l.previous.map(|a| a.vah)),
            two(l.previous.map(|a| a.val), l.swing_high),
            two(l.swing_low, low(l.session)),
            two(high(l.session), low(l.overnight)),
            two(high(l.overnight), base.map(|b| b.low)),
            two(base.map(|b| b.high), self.area.map(|a| a.poc)),
            two(self.area.map(|a| a.vah), self.area.map(|a| a.val)),
            u64::from(self.area.is_some()),
            kind,
            base.map_or(0, |b| b.quality.to_bits()),
            self.atr20.map_or(0, f64::to_bits),
            self.volatility_size.to_bits(),
            self.nodes.iter().fold(0, |word, &node| word << 16 | u64::from(node as u16)),
        ]
    }
}

/// Most words of [`Frame::digest_words`].
pub const DIGEST_WORDS: usize = 9 + 2 * SLOTS + 10 + LEVEL_WORDS + NUMBERS + 1 + 6;
/// Words of what a one-minute close says of prices.
const LEVEL_WORDS: usize = 13;
