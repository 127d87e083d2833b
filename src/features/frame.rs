//! [`Frame`]: what the features say after one event.

use crate::bars::Bar;
use crate::book::BookState;
use crate::calendar::Label;
use crate::event::Event;
use crate::profile::ValueArea;
use crate::units::Ts;

/// Number of features in the canonical list.
pub const FEATURES: usize = 28;
/// First feature that comes from events; 1 to 11 come from the Context.
pub const FIRST_EVENT_FEATURE: usize = 12;
/// Slots of a [`Frame`].
pub const SLOTS: usize = FEATURES - FIRST_EVENT_FEATURE + 1;

/// Name and range of each feature, in canonical order; part of the schema.
pub const CATALOGUE: [(&str, f64, f64); FEATURES] = [
    ("gamma_levels_proximity", -1.0, 1.0),
    ("gamma_flip_distance", -1.0, 1.0),
    ("net_gex_ratio", -1.0, 1.0),
    ("pcr_score", -1.0, 1.0),
    ("skew_score", -1.0, 1.0),
    ("dealers_bias", -1.0, 1.0),
    ("max_pain_distance", -1.0, 1.0),
    ("pin_score", 0.0, 1.0),
    ("vix_score", -1.0, 1.0),
    ("vix_momentum", -1.0, 1.0),
    ("vix_term_structure", -1.0, 1.0),
    ("volume_confirmation", -1.0, 1.0),
    ("delta_ratio", -1.0, 1.0),
    ("cvd_slope_z", -1.0, 1.0),
    ("delta_divergence", -1.0, 1.0),
    ("bid_ask_imbalance_l1", -1.0, 1.0),
    ("order_book_imbalance", -1.0, 1.0),
    ("smart_money_flow", -1.0, 1.0),
    ("tick_momentum", -1.0, 1.0),
    ("vwap_slope", -1.0, 1.0),
    ("vwap_position_z", -1.0, 1.0),
    ("vwap_trend_signal", -1.0, 1.0),
    ("value_area_position", -1.0, 1.0),
    ("volume_profile_imbalance", -1.0, 1.0),
    ("mtf_confluence", -1.0, 1.0),
    ("sierra_pattern_strength", -1.0, 1.0),
    ("volatility_regime", 0.0, 1.0),
    ("battle_navale_score", -1.0, 1.0),
];

/// Why a feature has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// It has one.
    Present = 0,
    /// An input is missing.
    NoInput = 1,
    /// The input is too old.
    Stale = 2,
    /// The stated sample is not complete yet.
    Warmup = 3,
    /// The sample is complete but too small.
    InsufficientSample = 4,
    /// A division by zero would be needed.
    ZeroDenominator = 5,
    /// The market is closed or halted.
    OutOfSession = 6,
    /// The book is crossed or locked.
    CrossedBook = 7,
    /// The input contradicts itself.
    InvalidInput = 8,
    /// The input is simulated where a real one is needed.
    SimulatedSource = 9,
    /// Not computed by this build.
    Disabled = 10,
}

impl Reason {
    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Present => "PRESENT",
            Reason::NoInput => "NO_INPUT",
            Reason::Stale => "STALE",
            Reason::Warmup => "WARMUP",
            Reason::InsufficientSample => "INSUFFICIENT_SAMPLE",
            Reason::ZeroDenominator => "ZERO_DENOMINATOR",
            Reason::OutOfSession => "OUT_OF_SESSION",
            Reason::CrossedBook => "CROSSED_BOOK",
            Reason::InvalidInput => "INVALID_INPUT",
            Reason::SimulatedSource => "SIMULATED_SOURCE",
            Reason::Disabled => "DISABLED",
        }
    }
}

/// A value, or the reason why there is none (the number is then 0).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slot {
    number: f64,
    /// [`Reason::Present`] with a value.
    pub reason: Reason,
}

impl Slot {
    /// No value.
    #[must_use]
    pub const fn none(reason: Reason) -> Slot {
        Slot { number: 0.0, reason }
    }

    /// A value; NaN and infinities become `INVALID_INPUT`.
    #[must_use]
    pub const fn some(value: f64) -> Slot {
        if value.is_finite() {
            Slot { number: value, reason: Reason::Present }
        } else {
            Slot::none(Reason::InvalidInput)
        }
    }

    /// `value` where `reason` is [`Reason::Present`].
    #[must_use]
    pub const fn new(value: f64, reason: Reason) -> Slot {
        if matches!(reason, Reason::Present) { Slot::some(value) } else { Slot::none(reason) }
    }

    /// The value.
    #[must_use]
    pub const fn value(&self) -> Option<f64> {
        if matches!(self.reason, Reason::Present) { Some(self.number) } else { None }
    }
}

/// Bits of [`Frame::flags`].
pub mod frame_flag {
    /// This event closed at least one one-minute bar.
    pub const BAR_CLOSED: u8 = 1;
    /// This event closed at least one five-minute bar.
    pub const BAR5_CLOSED: u8 = 2;
    /// The active anchor is the cash session's.
    pub const RTH: u8 = 4;
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
    /// The last completed one-minute bar; `volume` and all else 0 before the first.
    pub bar: Bar,
    /// End of the last completed five-minute bar.
    pub bar5_end: Ts,
    /// Session VWAP and its deviation at the last bar close, in ticks, of the active anchor; NaN
    /// free: 0 deviation and 0 mean before the first bar.
    pub vwap: f64,
    /// See `vwap`.
    pub vwap_sd: f64,
    /// CVD of the active anchor, in contracts.
    pub cvd: i64,
    /// Value area that slot 23 reads.
    pub area: Option<ValueArea>,
}

const _: () = assert!(size_of::<Frame>() <= 384);

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
            bar: Bar::empty(0, crate::units::Px::ZERO),
            bar5_end: Ts::NONE,
            vwap: 0.0,
            vwap_sd: 0.0,
            cvd: 0,
            area: None,
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

    /// Sets feature `number`, 12 to 28.
    pub fn set(&mut self, number: usize, slot: Slot) {
        let at = number.wrapping_sub(FIRST_EVENT_FEATURE);
        if let (Some(n), Some(r)) = (self.numbers.get_mut(at), self.reasons.get_mut(at)) {
            (*n, *r) = (slot.number, slot.reason);
        }
    }

    /// Words that enter the run's digest: time, place and every slot, bit for bit.
    #[must_use]
    pub fn digest_words(&self) -> [u64; SLOTS + 10] {
        let mut words = [0; SLOTS + 10];
        let (slots, rest) = words.split_at_mut(SLOTS);
        for (word, number) in slots.iter_mut().zip(self.numbers) {
            *word = number.to_bits();
        }
        let mut reasons = [0_u8; 24];
        for (byte, reason) in reasons.iter_mut().zip(self.reasons) {
            *byte = reason as u8;
        }
        let [r0, r1, r2] = words3(&reasons);
        let place = u64::from(self.event.symbol.0)
            | (self.label as u64) << 16
            | (self.book as u64) << 24
            | u64::from(self.flags) << 32;
        let rest_words = [
            self.event.seq,
            self.event.ts.0 as u64,
            self.market_time.0 as u64,
            place,
            r0,
            r1,
            r2,
            self.bar.minute as u64,
            self.cvd as u64,
            self.vwap.to_bits(),
        ];
        rest.copy_from_slice(&rest_words);
        words
    }
}

fn words3(bytes: &[u8; 24]) -> [u64; 3] {
    let mut words = [0; 3];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = chunk.iter().rev().fold(0, |w, &b| w << 8 | u64::from(b));
    }
    words
}
