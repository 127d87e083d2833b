//! Features 1 to 11 of one symbol: what the adopted Context says at the price of now.
//!
//! | # | value | range |
//! |--:|---|---|
//! | 1 | pull or breakout at the nearest option levels ([`proximity`]) | −1 to 1 |
//! | 2 | clip((S − flip)/EM); ±1 where net gamma has one sign everywhere | −1 to 1 |
//! | 3 | net over gross gamma exposure | −1 to 1 |
//! | 4, 5 | put/call ratio and skew, as published: no price is in them | −1 to 1 |
//! | 6 | Dealer's Bias, as published | −1 to 1 |
//! | 7 | clip((max pain − S)/EM) | −1 to 1 |
//! | 8 | greatest clip((strength − 1)/2)·e^(−\|S − pin\|/EM), 0 without pins | 0 to 1 |
//! | 9, 10, 11 | VIX level, its five-day momentum, VIX/VIX3M | −1 to 1 |
//!
//! S is the mid of a two-sided book, else the last trade, and the levels of 1, 2, 7 and 8 are those
//! of the symbol's own contract: ES and MES read SPX, NQ and MNQ read NDX, other products nothing
//! (`NO_INPUT`). VIX is read for both indices: VXN has scores of its own nowhere. A level set ends
//! as a whole (`STALE`) with its validity; a VIX that is too old in the hours of its dissemination
//! is `STALE`, outside them the last value of the day counts. Ages are by receive time.
//!
//! Cost: three comparisons where nothing moved; at a new price six levels and an exponential a pin;
//! look-ups in the calendar only where a limit of age or of dissemination hours is passed. No
//! allocation.

pub mod proximity;

use crate::calendar::Calendar;
use crate::context::contract::Contract;
use crate::context::terms;
use crate::context::{Context, DelayClass, FuturePart, LevelPart, Levels, Underlying};
use crate::features::frame::FIRST_EVENT_FEATURE;
use crate::features::{Frame, frame_flag};
use crate::units::{Instrument, Reason, Slot, Ts};
use crate::volatility::hours::{FRESH_FOR, Freshness, freshness, windows};
use crate::volatility::{Quote, scores};
use proximity::Proximity;
pub use proximity::{LevelKind, Nearest};

/// Features that come from the Context.
pub const CONTEXT_FEATURES: usize = FIRST_EVENT_FEATURE - 1;

/// What a symbol reads of the Context.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reads {
    /// The index behind it.
    underlying: Option<Underlying>,
    /// Its contract; without one the front counts.
    contract: Option<Contract>,
    /// Tick, points.
    tick: f64,
}

impl Reads {
    /// What `instrument` reads, by its root.
    #[must_use]
    pub fn of(instrument: &Instrument) -> Reads {
        let underlying = match instrument.root.as_str() {
            "ES" | "MES" => Some(Underlying::Spx),
            "NQ" | "MNQ" => Some(Underlying::Ndx),
            _ => None,
        };
        let contract = Contract::of(&instrument.symbol, &instrument.root);
        Reads { underlying, contract, tick: instrument.tick }
    }

    /// Tick in points.
    pub(super) const fn tick(self) -> f64 {
        self.tick
    }

    /// Its future of a level part.
    fn future(self, part: &LevelPart) -> Option<&FuturePart> {
        let mut futures = part.futures.iter().flatten();
        match (self.contract, self.underlying) {
            (Some(own), Some(of)) => futures.find(|future| {
                let named = Contract::of(future.contract.as_str(), of.future());
                named.is_some_and(|named| named.is(own))
            }),
            _ => futures.next(),
        }
    }
}

/// Least span of feature 1, points.
const fn min_span(of: Underlying) -> f64 {
    match of {
        Underlying::Spx => 6.0,
        Underlying::Ndx => 18.0,
    }
}

/// An adopted level set.
#[derive(Clone, Copy, Debug)]
struct Set {
    part: LevelPart,
    /// On the symbol's future; none without its basis.
    levels: Levels,
    proximity: Proximity,
}

/// State of one symbol.
#[derive(Clone, Debug)]
pub(super) struct ContextFeatures {
    reads: Reads,
    set: Option<Set>,
    slots: [Slot; CONTEXT_FEATURES],
    version: u64,
    /// Price in half ticks.
    price: Option<i64>,
    eth_anchor: Ts,
    /// First receive time at which age alone changes something.
    due: Ts,
    /// A VIX that is good for everything.
    vix: Option<f64>,
    /// Times of the quotes behind features 9 to 11.
    quoted: [Ts; 3],
}

impl ContextFeatures {
    pub(super) const fn new(reads: Reads) -> ContextFeatures {
        ContextFeatures {
            reads,
            set: None,
            slots: [Slot::none(Reason::NoInput); CONTEXT_FEATURES],
            version: 0,
            price: None,
            eth_anchor: Ts::NONE,
            due: Ts(i64::MAX),
            vix: None,
            quoted: [Ts::NONE; 3],
        }
    }

    /// Feature 1 to 11.
    pub(super) fn slot(&self, feature: usize) -> Slot {
        let slot = self.slots.get(feature.wrapping_sub(1)).copied();
        slot.unwrap_or(Slot::none(Reason::NoInput))
    }

    /// All of them.
    pub(super) const fn slots(&self) -> &[Slot; CONTEXT_FEATURES] {
        &self.slots
    }

    /// Time of the input behind feature 1 to 11, [`Ts::NONE`] without one.
    pub(super) fn as_of(&self, feature: usize) -> Ts {
        match feature {
            1..=8 => self.set.as_ref().map_or(Ts::NONE, |set| set.part.asof_ns),
            9..=11 => self.quoted.get(feature - 9).copied().unwrap_or(Ts::NONE),
            _ => Ts::NONE,
        }
    }

    /// A VIX that is disseminated and fresh.
    pub(super) const fn fresh_vix(&self) -> Option<f64> {
        self.vix
    }

    /// The level nearest to the price, while the set may be read.
    pub(super) fn nearest(&self) -> Option<Nearest> {
        self.slot(1).value()?;
        self.set.as_ref()?.proximity.nearest(self.points()?)
    }

    /// The option levels on the symbol's future, in points, while the set may be read.
    pub(super) fn levels(&self, ts: Ts) -> Option<&Levels> {
        let set = self.set.as_ref()?;
        set.part.usable(ts).ok().map(|()| &set.levels)
    }

    /// Whether the input behind feature 1 to 11 is delayed, a day's end, or older than `limit` ns.
    pub(super) fn is_aged(&self, feature: usize, context: &Context, ts: Ts, limit: i64) -> bool {
        let of = self.as_of(feature);
        let late = match feature {
            1..=8 => self.set.as_ref().is_none_or(|s| s.part.delay_class != DelayClass::Realtime),
            _ => context.volatility.as_ref().and_then(|part| part.vix).is_none_or(|vix| vix.eod),
        };
        late || !of.is_some() || ts.since(of) > limit
    }

    /// Takes a frame with the price after it, in half ticks. Returns the features that changed, as
    /// bits from feature 1.
    pub(super) fn update(
        &mut self,
        frame: &Frame,
        context: &Context,
        price: Option<i64>,
        calendar: &Calendar,
    ) -> u32 {
        let ts = frame.event.ts;
        let adopted = self.version != context.version;
        let fresh_set = adopted && self.adopt(context);
        // Only closes after its adoption count for a set.
        let closed = !fresh_set && self.close(frame);
        let before = self.slots;
        if adopted || ts >= self.due {
            self.price = price;
            self.fill(context, ts, calendar);
        } else if price != self.price || closed {
            self.price = price;
            if self.set.is_none() {
                return 0;
            }
            self.fill_prices(ts);
        } else {
            return 0;
        }
        let changed =
            |a: &Slot, b: &Slot| a.number.to_bits() != b.number.to_bits() || a.reason != b.reason;
        let slots = self.slots.iter().zip(&before).enumerate();
        slots.filter(|(_, (a, b))| changed(a, b)).fold(0, |mask, (at, _)| mask | 1 << at)
    }

    /// Takes a new version; whether it brings another level set. A set that only a change of
    /// another part has carried along stays the one it was, with what closes have done to it.
    fn adopt(&mut self, context: &Context) -> bool {
        self.version = context.version;
        let part = self.reads.underlying.and_then(|of| context.level(of));
        if part == self.set.as_ref().map(|set| &set.part) {
            return false;
        }
        let reads = self.reads;
        self.set = part.map(|part| {
            let of = reads.future(part);
            let levels = of.map_or(Levels::none(Reason::NoInput), |future| future.levels);
            let span = min_span(part.symbol);
            let proximity = Proximity::new(part, &levels, span, reads.tick);
            Set { part: *part, levels, proximity }
        });
        true
    }

    /// Takes a one-minute close into the set; whether there was one that counts.
    fn close(&mut self, frame: &Frame) -> bool {
        let Some(set) = &mut self.set else { return false };
        let began = frame.eth_anchor != self.eth_anchor;
        if began {
            self.eth_anchor = frame.eth_anchor;
            set.proximity.unlatch();
        }
        // A bar that an event of the next session closes belongs to the session before.
        let counts = frame.flags & frame_flag::BAR_CLOSED != 0 && frame.bar.end() > self.eth_anchor;
        if counts {
            set.proximity.close(frame.bar.close);
        }
        began || counts
    }

    fn points(&self) -> Option<f64> {
        self.price.map(|half_ticks| half_ticks as f64 * (self.reads.tick / 2.0))
    }

    fn put(&mut self, feature: usize, slot: Slot) {
        if let Some(to) = self.slots.get_mut(feature.wrapping_sub(1)) {
            *to = slot;
        }
    }

    /// Computes all features and when age alone will change one.
    fn fill(&mut self, context: &Context, ts: Ts, calendar: &Calendar) {
        self.due = Ts(i64::MAX);
        self.fill_prices(ts);
        let level = |read: fn(&LevelPart) -> Slot| match &self.set {
            None => Slot::none(Reason::NoInput),
            Some(set) => match set.part.usable(ts) {
                Ok(()) => signed(read(&set.part)),
                Err(reason) => Slot::none(reason),
            },
        };
        let read = [level(|p| p.net_abs), level(|p| p.pcr_term), level(|p| p.skew_term)];
        let bias = level(|p| p.bias);
        for (feature, slot) in (3..).zip(read).chain([(6, bias)]) {
            self.put(feature, slot);
        }
        if let Some(set) = &self.set
            && ts < set.part.valid_until_ns
        {
            self.due = self.due.min(set.part.valid_until_ns);
        }
        self.fill_volatility(context, ts, calendar);
    }

    /// Features 1, 2, 7 and 8.
    fn fill_prices(&mut self, ts: Ts) {
        let [near, flip, pain, pin] = match (&self.set, self.points()) {
            (None, _) => [Slot::none(Reason::NoInput); 4],
            (Some(set), price) => match set.part.usable(ts) {
                Ok(()) => at_price(set, price),
                Err(reason) => [Slot::none(reason); 4],
            },
        };
        for (feature, slot) in [(1, near), (2, flip), (7, pain), (8, pin)] {
            self.put(feature, slot);
        }
    }

    /// Features 9 to 11, and the VIX that regimes may ask.
    fn fill_volatility(&mut self, context: &Context, ts: Ts, calendar: &Calendar) {
        (self.vix, self.quoted) = (None, [Ts::NONE; 3]);
        let none = Slot::none(Reason::NoInput);
        let mut slots = [none; 3];
        if let (Some(part), Some(_)) = (&context.volatility, self.reads.underlying) {
            let vix = aged(part.vix.as_ref(), ts, calendar);
            let far = aged(part.vix3m.as_ref(), ts, calendar);
            if let Ok((value, Freshness::Fresh)) = vix
                && part.vix.is_some_and(|quote| !quote.stale && !quote.eod)
            {
                self.vix = Some(value);
            }
            let score = |number: Slot, of: fn(f64) -> f64| match number.value() {
                Some(value) => Slot::some(of(value)),
                None => number,
            };
            slots = match (vix, far) {
                (Err(reason), _) => [Slot::none(reason); 3],
                (Ok((value, _)), far) => [
                    Slot::some(scores::vix_score(value)),
                    score(part.mom5, scores::vix_momentum),
                    far.map_or_else(Slot::none, |_| score(part.ratio, scores::vix_term_structure)),
                ],
            };
            let [near, all] = [part.vix, part.vix3m].map(|q| q.map_or(Ts::NONE, |q| q.ts));
            self.quoted = [near, near, near.min(all)];
            self.due = self.due.min(next_change(ts, calendar));
            for quote in [part.vix, part.vix3m].into_iter().flatten() {
                let ends = Ts(quote.ts.0.saturating_add(FRESH_FOR + 1));
                if ends > ts {
                    self.due = self.due.min(ends);
                }
            }
        }
        for (feature, slot) in (9..).zip(slots) {
            self.put(feature, signed(slot));
        }
    }
}

/// Features 1, 2, 7 and 8 of a set that may be read.
fn at_price(set: &Set, price: Option<f64>) -> [Slot; 4] {
    let (part, levels) = (&set.part, &set.levels);
    let Some(price) = price else { return [Slot::none(Reason::NoInput); 4] };
    let near = match set.proximity.is_empty() {
        true => Slot::none(Reason::NoInput),
        false => Slot::some(set.proximity.value(price)),
    };
    [
        near,
        terms::flip_distance(price, levels.flip, part.flip_status, part.em_day),
        terms::max_pain_distance(price, levels.max_pain, part.em_day),
        pins(set, price),
    ]
}

/// Feature 8.
fn pins(set: &Set, price: f64) -> Slot {
    let pins = set.part.pins.iter().zip(set.levels.pins);
    let mut greatest = 0.0_f64;
    for (pin, level) in pins {
        let Some(pin) = pin else { continue };
        match (level.value(), terms::move_of(set.part.em_day)) {
            (Some(level), Ok(em)) => {
                greatest = greatest.max(terms::pin_score(price, level, pin.strength, em));
            }
            (None, _) => return level,
            (_, Err(reason)) => return Slot::none(reason),
        }
    }
    Slot::some(greatest)
}

/// A value in [−1, 1]; one from outside may lie elsewhere.
fn signed(slot: Slot) -> Slot {
    slot.value().map_or(slot, |value| Slot::some(value.clamp(-1.0, 1.0)))
}

/// An index value that may be used at `ts`, and what for.
fn aged(quote: Option<&Quote>, ts: Ts, calendar: &Calendar) -> Result<(f64, Freshness), Reason> {
    let quote = quote.ok_or(Reason::NoInput)?;
    if !(quote.value.is_finite() && quote.value > 0.0) {
        return Err(Reason::InvalidInput);
    }
    match freshness(quote.ts, ts, calendar) {
        Freshness::Stale => Err(Reason::Stale),
        good => Ok((quote.value, good)),
    }
}

/// The first instant after `ts` at which the hours of dissemination begin or end, or the next
/// midnight of New York.
fn next_change(ts: Ts, calendar: &Calendar) -> Ts {
    let today = calendar.new_york_date(ts);
    let midnight =
        today.tomorrow().map(|day| calendar.new_york(day, jiff::civil::Time::midnight()));
    let hours = windows(today, calendar).into_iter().flatten();
    // The last instant of a window belongs to it.
    let edges = hours.flat_map(|span| [span.start, Ts(span.end.0.saturating_add(1))]);
    let next = edges.chain(midnight).filter(|&edge| edge > ts).min();
    next.unwrap_or(Ts(i64::MAX))
}

#[cfg(test)]
pub(super) mod tests;
