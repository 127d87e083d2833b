//! What is looked at once a second: plain and copyable, taken on the feature thread without
//! allocation, turned into text elsewhere.

use crate::book::{Ladder, Level, VISIBLE};
use crate::event::{Body, Event, flag};
use crate::features::dom::{self, Dom, Wall};
use crate::features::footprint::Closed;
use crate::features::navale::Reading;
use crate::features::patterns::Pattern;
use crate::features::{Features, Frame, Slot, SymbolFeatures};
use crate::units::{Px, SYMBOLS_MAX, Side, Ts};

/// Newest patterns that a snapshot holds.
const PATTERNS: usize = 4;

/// Trades of open hours since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// How many.
    pub trades: u64,
    /// Contracts by aggressor: none, buyer, seller.
    pub volume: [u64; 3],
    /// Price of the last one.
    pub last: Option<Px>,
}

/// The visible levels of one side, best first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Side10 {
    levels: [Level; VISIBLE],
    len: usize,
}

impl Side10 {
    fn of(ladder: &Ladder) -> Side10 {
        let mut side = Side10::default();
        for (to, from) in side.levels.iter_mut().zip(ladder.visible()) {
            *to = *from;
            side.len += 1;
        }
        side
    }

    /// Best first.
    #[must_use]
    pub fn levels(&self) -> &[Level] {
        self.levels.get(..self.len).unwrap_or_default()
    }
}

/// Events of the depth of market, bid side first.
#[derive(Clone, Copy, Debug)]
pub struct DomPart {
    /// The nearest standing wall.
    pub walls: [Option<Wall>; 2],
    /// The longest ladder.
    pub ladders: [Option<dom::Ladder>; 2],
    /// Events so far, by the number of their kind; `None` while the kind cannot be judged.
    pub counts: [[Option<u64>; 2]; dom::Kind::ALL.len()],
    /// Support less resistance, −1 to 1.
    pub support: Slot,
}

impl DomPart {
    fn of(dom: &Dom, now: Ts) -> DomPart {
        let sides = [Side::Bid, Side::Ask];
        DomPart {
            walls: sides.map(|side| dom.wall(side).copied()),
            ladders: sides.map(|side| dom.ladder(side).copied()),
            counts: dom::Kind::ALL.map(|kind| sides.map(|side| dom.count(kind, side).ok())),
            support: dom.support(now),
        }
    }
}

/// One symbol at one instant.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    /// The frame after the event that the snapshot was taken at.
    pub frame: Frame,
    /// Bids.
    pub bids: Side10,
    /// Asks.
    pub asks: Side10,
    /// The feed has said anything of a book so far.
    pub has_book: bool,
    /// Sums over the trades.
    pub flow: Flow,
    /// The newest patterns, newest first.
    pub patterns: [Option<Pattern>; PATTERNS],
    /// Patterns so far.
    pub pattern_count: u64,
    /// Battle Navale after the last bar.
    pub navale: Option<Reading>,
    /// Footprint of the last bar.
    pub footprint: Closed,
    /// Events of the book.
    pub dom: DomPart,
    /// Events whose exchange time lay behind market time, so far.
    pub late: u64,
}

impl Snapshot {
    fn of(features: &SymbolFeatures, state: &State) -> Snapshot {
        let frame = *features.frame();
        let minutes = features.minutes();
        let (mut patterns, mut first) = ([None; PATTERNS], 0);
        // Oldest first over at most 32: the last few stay.
        for pattern in minutes.patterns().events() {
            if let Some(slot) = patterns.get_mut(first % PATTERNS) {
                *slot = Some(*pattern);
            }
            first += 1;
        }
        patterns.rotate_left(first % PATTERNS);
        patterns.reverse();
        Snapshot {
            frame,
            bids: Side10::of(features.book().bids()),
            asks: Side10::of(features.book().asks()),
            has_book: state.has_book,
            flow: state.flow,
            patterns,
            pattern_count: minutes.patterns().event_count(),
            navale: minutes.navale().reading().copied(),
            footprint: *minutes.footprint().closed(),
            dom: DomPart::of(features.dom(), frame.market_time),
            late: features.clock().late(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct State {
    /// Which step of receive time the last snapshot was of.
    step: i64,
    /// A batch of the book has begun and not ended.
    open: bool,
    has_book: bool,
    flow: Flow,
}

/// Says when a snapshot is due: at the first market event of a symbol in each step of receive
/// time, where its book may be read and its session is open. Silence gives none.
#[derive(Clone, Debug)]
pub struct Sampler {
    every_ns: i64,
    states: [State; SYMBOLS_MAX],
}

impl Sampler {
    /// One that looks every `every_ns`, at least 1.
    #[must_use]
    pub const fn new(every_ns: i64) -> Sampler {
        let flow = Flow { trades: 0, volume: [0; 3], last: None };
        let state = State { step: i64::MIN, open: false, has_book: false, flow };
        let every_ns = if every_ns < 1 { 1 } else { every_ns };
        Sampler { every_ns, states: [state; SYMBOLS_MAX] }
    }

    /// Takes an event that `features` have applied.
    pub fn take(&mut self, event: &Event, features: &Features) -> Option<Snapshot> {
        let state = self.states.get_mut(usize::from(event.symbol.0))?;
        match event.body {
            Body::Depth { .. } | Body::Clear => {
                (state.open, state.has_book) = (!event.has(flag::BATCH_END), true);
            }
            Body::Quote { .. } => state.has_book = true,
            Body::BatchEnd | Body::Gap(_) => state.open = false,
            Body::Trade { .. } => {}
            _ => return None,
        }
        if event.has(flag::WARMUP) {
            return None;
        }
        let of = features.symbol(event.symbol)?;
        if !of.frame().label.is_open() {
            return None;
        }
        if let Body::Trade { px, qty, aggressor, .. } = event.body {
            state.flow.trades += 1;
            state.flow.last = Some(px);
            if let Some(sum) = state.flow.volume.get_mut(aggressor as usize) {
                *sum += u64::from(qty);
            }
        }
        let step = event.ts.0.div_euclid(self.every_ns);
        if step <= state.step || state.open || !event.is_market() {
            return None;
        }
        state.step = step;
        Some(Snapshot::of(of, state))
    }
}
