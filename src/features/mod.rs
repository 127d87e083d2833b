//! `Event` → [`Frame`]: one file a feature, each O(1) an event.
//!
//! In order of the canonical list: [`delta`] (13, 14), [`imbalance`] (16, 17), [`momentum`] (19),
//! [`vwap`] (20, 21), [`value_area`] (23). The other slots say `DISABLED`. [`SymbolFeatures`]
//! drives them: market time first, then the bars that it closes, then the event itself.

pub mod catalogue;
pub mod clock;
pub mod close;
pub mod delta;
pub mod frame;
pub mod imbalance;
pub mod momentum;
pub mod value_area;
pub mod vwap;

use std::sync::Arc;

pub use catalogue::CATALOGUE;
pub use close::{Close, LargeSizes, Usual};
pub use frame::{FEATURES, Frame, Reason, Slot, frame_flag};

use crate::bars::{Atr, Bar, Bars};
use crate::book::Book;
use crate::calendar::{Calendar, Label, Segment};
use crate::event::{Body, Event};
use crate::units::{Aggressor, MINUTE, Px, Qty, SECOND, SymbolId, Ts};

/// Age in ns of the last market event beyond which the book features are stale.
const BOOK_STALE_NS: i64 = 5 * SECOND;
/// Segments that one step of market time may cross: more than a year of them.
const SEGMENTS_MAX: u32 = 4096;

/// Parameters of the features.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    /// How long after its end a bar waits for late events when only Timers come, in ns.
    pub grace_ns: i64,
    /// Extra age allowed to the book features where the source writes in batches, in ns.
    pub flush_ns: i64,
    /// Rows of a session profile, in ticks.
    pub profile_rows: usize,
}

impl Default for Params {
    fn default() -> Params {
        Params { grace_ns: SECOND, flush_ns: 0, profile_rows: 1 << 16 }
    }
}

/// What the features counted and refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// One-minute bars closed.
    pub bars: u64,
    /// Of those, bars without a trade.
    pub empty_bars: u64,
    /// Trades stamped in HALT or CLOSED: recorded, in no bar, sum or profile.
    pub out_of_session: u64,
}

/// State of every feature of one symbol.
#[derive(Clone, Debug)]
pub struct SymbolFeatures {
    params: Params,
    clock: clock::MarketClock,
    segment: Segment,
    /// Minute whose bar is open or would be; `None` outside sessions.
    minute: Option<i64>,
    book: Book,
    bars: Bars,
    atr20: Atr<20>,
    delta: delta::Delta,
    imbalance: imbalance::Imbalance,
    ofi: imbalance::Ofi,
    prints: momentum::Prints,
    momentum: momentum::Momentum,
    vwap: [vwap::Anchored; 2],
    profile: [value_area::SessionProfile; 2],
    last_market_ts: Ts,
    counters: Counters,
    frame: Frame,
}

/// Index of the two anchored instances.
const ETH: usize = 0;
const RTH: usize = 1;

impl SymbolFeatures {
    /// State that has seen nothing; allocates here and nowhere else.
    #[must_use]
    pub fn new(params: Params) -> SymbolFeatures {
        let event = Event {
            seq: 0,
            ts: Ts::NONE,
            ts_exch: Ts::NONE,
            symbol: SymbolId(0),
            flags: 0,
            body: Body::Timer,
        };
        let mut frame = Frame::empty(event);
        for number in [13, 14, 19, 20, 21] {
            frame.set(number, Slot::none(Reason::Warmup));
        }
        for number in [16, 17, 23] {
            frame.set(number, Slot::none(Reason::NoInput));
        }
        let profile = value_area::SessionProfile::new(params.profile_rows);
        SymbolFeatures {
            params,
            clock: clock::MarketClock::new(params.grace_ns),
            segment: Segment::UNKNOWN,
            minute: None,
            book: Book::new(),
            bars: Bars::default(),
            atr20: Atr::default(),
            delta: delta::Delta::default(),
            imbalance: imbalance::Imbalance::default(),
            ofi: imbalance::Ofi::default(),
            prints: momentum::Prints::default(),
            momentum: momentum::Momentum::default(),
            vwap: Default::default(),
            profile: [profile.clone(), profile],
            last_market_ts: Ts::NONE,
            counters: Counters::default(),
            frame,
        }
    }

    /// Applies an event of this symbol and returns the features after it.
    pub fn on_event(&mut self, event: &Event, calendar: &Calendar) -> &Frame {
        self.frame.event = *event;
        self.frame.flags &= frame_flag::RTH;
        self.frame.changed = 0;
        let before = self.clock.now();
        let now = self.clock.update(event);
        if now != before {
            self.move_to(now, calendar);
        }
        if event.is_market() {
            self.last_market_ts = event.ts;
        }
        let mut book_changed = now != before;
        match event.body {
            Body::Trade { px, qty, aggressor, .. } => self.trade(px, qty, aggressor, now, event.ts),
            Body::Timer => {
                if let Some(print) = self.prints.timer(now) {
                    self.momentum.print(&print, event.ts);
                }
                book_changed = true;
            }
            _ => {
                if self.book.apply(event) {
                    self.batch();
                    book_changed = true;
                }
            }
        }
        self.fill(event.ts, book_changed);
        &self.frame
    }

    /// Market time moved: closes the bars that ended, crosses sessions, decays averages.
    fn move_to(&mut self, now: Ts, calendar: &Calendar) {
        let mut steps = 0;
        while now >= self.segment.end || now < self.segment.start {
            // A jump of more than a year, or the first event: nothing in between is worth closing.
            let first = self.segment == Segment::UNKNOWN || steps >= SEGMENTS_MAX;
            let at = if first { now } else { self.segment.end };
            if !first {
                self.close_until(self.segment.end);
            }
            self.enter(calendar.segment(at));
            steps += 1;
        }
        self.close_until(now);
        self.imbalance.advance(now);
        self.ofi.advance(now);
        self.frame.market_time = now;
    }

    fn enter(&mut self, segment: Segment) {
        let open = segment.label.is_open();
        if open && segment.eth_anchor != self.segment.eth_anchor {
            self.delta.anchor_eth();
            self.vwap[ETH] = vwap::Anchored::default();
            self.profile[ETH].anchor(segment.eth_anchor);
        }
        let (was, is) = (self.segment.label == Label::Us, segment.label == Label::Us);
        if is && !was {
            self.delta.anchor_rth();
            self.vwap[RTH] = vwap::Anchored::default();
            self.profile[RTH].anchor(segment.start);
        }
        if (open && segment.eth_anchor != self.segment.eth_anchor) || was != is {
            // "Since the active anchor": it has just changed.
            self.momentum = momentum::Momentum::default();
        }
        self.minute = open.then(|| segment.start.0.div_euclid(MINUTE));
        self.segment = segment;
        self.frame.label = segment.label;
        self.frame.flags &= !frame_flag::RTH;
        self.frame.flags |= if is { frame_flag::RTH } else { 0 };
    }

    /// Closes every bar that ends at or before `until`.
    fn close_until(&mut self, until: Ts) {
        let Some(minute) = self.minute else { return };
        let target = until.0.div_euclid(MINUTE);
        if target <= minute {
            return;
        }
        if let Some(bar) = self.bars.close(minute) {
            self.close(&bar, 1);
            let more = u32::try_from(target - minute - 1).unwrap_or(u32::MAX);
            if more > 0 {
                self.close(&Bar::empty(target - 1, bar.close), more);
            }
        }
        self.minute = Some(target);
    }

    /// `n` bars closed; more than one only where they are empty and alike, `bar` being the last.
    fn close(&mut self, bar: &Bar, n: u32) {
        let empty = bar.volume == 0;
        self.counters.bars += u64::from(n);
        self.counters.empty_bars += if empty { u64::from(n) } else { 0 };
        if n == 1 {
            self.atr20.push(bar);
            self.delta.close(bar);
        } else {
            self.atr20.advance(n);
            self.delta.advance(n);
        }
        self.vwap.iter_mut().for_each(|v| v.close(n));
        self.frame.flags |= frame_flag::BAR_CLOSED;
        let five = (bar.minute + 1).div_euclid(5) * 5 * MINUTE;
        if Ts(five) > self.frame.bar5_end {
            self.frame.bar5_end = Ts(five);
            self.frame.flags |= frame_flag::BAR5_CLOSED;
        }
        self.frame.bar = *bar;
        self.bar_slots(bar);
    }

    fn bar_slots(&mut self, bar: &Bar) {
        let rth = self.segment.label == Label::Us;
        let active = if rth { RTH } else { ETH };
        let vwap = &self.vwap[active];
        self.frame.set(13, delta::Delta::ratio(bar));
        self.frame.set(14, self.delta.slope_z());
        self.frame.set(20, vwap.slope_slot(self.atr20.value()));
        self.frame.set(21, vwap.position_slot(bar.close));
        self.frame.vwap = vwap.vwap().mean().unwrap_or(0.0);
        self.frame.vwap_sd = vwap.vwap().deviation().unwrap_or(0.0);
        let (area, slot) = self.profile[active].read(bar.close, bar.end());
        self.frame.area = area;
        self.frame.set(23, slot);
    }

    fn trade(&mut self, px: Px, qty: Qty, aggressor: Aggressor, now: Ts, ts: Ts) {
        let Some(minute) = self.minute else {
            self.counters.out_of_session += 1;
            return;
        };
        self.bars.trade(minute, px, qty, aggressor);
        self.delta.trade(qty, aggressor);
        let active = if self.segment.label == Label::Us { RTH } else { ETH };
        for at in [ETH, RTH].into_iter().take(active + 1) {
            self.vwap[at].trade(px, qty);
            self.profile[at].trade(px, qty, aggressor);
        }
        if let Some(print) = self.prints.trade(px, qty, aggressor, now) {
            self.momentum.print(&print, ts);
        }
    }

    fn batch(&mut self) {
        self.frame.book = self.book.state();
        self.imbalance.batch(&self.book);
        self.ofi.batch(&self.book);
    }

    fn fill(&mut self, ts: Ts, book_changed: bool) {
        self.frame.cvd = self.delta.cvd(self.segment.label == Label::Us);
        if self.minute.is_none() {
            for number in 16..=19 {
                if number != 18 {
                    self.frame.set(number, Slot::none(Reason::OutOfSession));
                }
            }
            return;
        }
        if book_changed {
            self.frame.ofi = self.ofi.sums();
            let stale = ts.since(self.last_market_ts) > BOOK_STALE_NS + self.params.flush_ns;
            let pick = |slot: Slot| if stale { Slot::none(Reason::Stale) } else { slot };
            self.frame.set(16, pick(self.imbalance.l1()));
            self.frame.set(17, pick(self.imbalance.order_book()));
        }
        self.frame.set(19, self.momentum.slot(ts));
    }

    /// The book.
    #[must_use]
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// Order-flow imbalance.
    #[must_use]
    pub const fn ofi(&self) -> &imbalance::Ofi {
        &self.ofi
    }

    /// Prints emitted so far.
    #[must_use]
    pub const fn prints(&self) -> u64 {
        self.prints.count()
    }

    /// Market time, late and implausible exchange times.
    #[must_use]
    pub const fn clock(&self) -> &clock::MarketClock {
        &self.clock
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The features after the last event.
    #[must_use]
    pub const fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Average true range of the last 20 bars, in ticks; `None` before there are 20.
    #[must_use]
    pub fn atr20(&self) -> Option<f64> {
        self.atr20.value()
    }
}

/// The features of every symbol of a run.
#[derive(Clone, Debug)]
pub struct Features {
    calendar: Arc<Calendar>,
    symbols: Vec<SymbolFeatures>,
}

impl Features {
    /// State for `symbols` symbols.
    #[must_use]
    pub fn new(symbols: usize, params: Params, calendar: Arc<Calendar>) -> Features {
        let symbols = (0..symbols).map(|_| SymbolFeatures::new(params)).collect();
        Features { calendar, symbols }
    }

    /// Applies an event; `None` for a symbol that the run does not have.
    pub fn on_event(&mut self, event: &Event) -> Option<&Frame> {
        let symbol = self.symbols.get_mut(usize::from(event.symbol.0))?;
        Some(symbol.on_event(event, &self.calendar))
    }

    /// The state of one symbol.
    #[must_use]
    pub fn symbol(&self, symbol: SymbolId) -> Option<&SymbolFeatures> {
        self.symbols.get(usize::from(symbol.0))
    }
}
