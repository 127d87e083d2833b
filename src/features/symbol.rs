//! The features of one symbol: which event reaches which of them, and in which order.

use super::baseline::Running;
use super::dom::Dom;
use super::frame::{Frame, Number, Reason, Slot, frame_flag};
use super::imbalance::{Imbalance, Ofi};
use super::minutes::{ETH, Minutes, RTH};
use super::momentum::Momentum;
use super::prints::{Print, Prints};
use super::recorded::Recorded;
use super::smart_money::{self, SmartMoney};
use super::{Counters, Params, SymbolParams, clock};
use crate::book::Book;
use crate::calendar::{Calendar, Label, Segment};
use crate::event::{Body, Event};
use crate::units::{Aggressor, Px, Qty, SECOND, SymbolId, Ts};

/// Age in ns of the last market event beyond which the book features are stale.
const BOOK_STALE_NS: i64 = 5 * SECOND;
/// Segments that one step of market time may cross: more than a year of them.
const SEGMENTS_MAX: u32 = 4096;

/// State of every feature of one symbol.
#[derive(Clone, Debug)]
pub struct SymbolFeatures {
    params: Params,
    clock: clock::MarketClock,
    segment: Segment,
    book: Book,
    imbalance: Imbalance,
    ofi: Ofi,
    dom: Dom,
    prints: Prints,
    /// Of the Globex day and of the cash session.
    momentum: [Momentum; 2],
    money: SmartMoney,
    minutes: Minutes,
    baseline: Option<Box<Running>>,
    last_market_ts: Ts,
    out_of_session: u64,
    frame: Frame,
}

impl SymbolFeatures {
    /// State that has seen nothing, comparing with recorded sessions where there are any and
    /// recording further ones; allocates here and nowhere else.
    #[must_use]
    pub fn new(params: Params, symbol: &SymbolParams, baseline: Option<Running>) -> SymbolFeatures {
        let event = Event {
            seq: 0,
            ts: Ts::NONE,
            ts_exch: Ts::NONE,
            symbol: SymbolId(0),
            flags: 0,
            body: Body::Timer,
        };
        let mut frame = Frame::empty(event);
        for number in 12..=28 {
            let book = matches!(number, 16 | 17 | 23);
            frame.set(number, Slot::none(if book { Reason::NoInput } else { Reason::Warmup }));
        }
        let floor = symbol.large_print_floor;
        SymbolFeatures {
            params,
            clock: clock::MarketClock::new(params.grace_ns),
            segment: Segment::UNKNOWN,
            book: Book::new(),
            imbalance: Imbalance::default(),
            ofi: Ofi::default(),
            dom: Dom::new(),
            prints: Prints::default(),
            momentum: Default::default(),
            money: SmartMoney::new(smart_money::Params { floor, ..Default::default() }),
            minutes: Minutes::new(&params, symbol),
            baseline: baseline.map(Box::new),
            last_market_ts: Ts::NONE,
            out_of_session: 0,
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
        let mut book_changed = now != before;
        if event.is_market() {
            // Silence ends with any market event, not only with one of the book.
            book_changed |= self.is_stale(event.ts);
            self.last_market_ts = event.ts;
        }
        if let Some(running) = &mut self.baseline {
            running.recorder_mut().event(event, now, &self.book);
        }
        match event.body {
            Body::Trade { px, qty, aggressor, .. } => self.trade(px, qty, aggressor, now, event.ts),
            Body::Timer => {
                if let Some(print) = self.prints.timer(now) {
                    self.print(&print, event.ts);
                }
                if self.minutes.in_session() {
                    self.dom.on_timer(&self.book, now);
                }
                book_changed = true;
            }
            _ => book_changed |= self.depth(event, now),
        }
        self.fill(event.ts, book_changed);
        &self.frame
    }

    /// Market time moved: closes the bars that ended, crosses sessions, decays averages.
    fn move_to(&mut self, now: Ts, calendar: &Calendar) {
        self.minutes.begin();
        let mut steps = 0;
        while now >= self.segment.end || now < self.segment.start {
            // A jump of more than a year, or the first event: nothing in between is worth closing.
            let first = self.segment == Segment::UNKNOWN || steps >= SEGMENTS_MAX;
            let next = calendar.segment(if first { now } else { self.segment.end });
            if !first {
                self.close_until(self.segment.end, !next.label.is_open());
            }
            if let Some(running) = &mut self.baseline {
                running.enter(&self.segment, &next);
            }
            // A print ends with its session: it counts where it was made.
            if let Some(print) = self.prints.flush() {
                self.print(&print, self.frame.event.ts);
            }
            self.enter(next);
            steps += 1;
        }
        self.close_until(now, false);
        self.imbalance.advance(now);
        self.ofi.advance(now);
        if self.minutes.in_session() {
            self.dom.advance(now);
            self.money.advance(now);
        }
        if self.frame.flags & frame_flag::BAR_CLOSED != 0 {
            self.tell();
        }
        self.frame.market_time = now;
    }

    fn close_until(&mut self, until: Ts, ends: bool) {
        let running = self.baseline.as_deref_mut();
        let mut recorded = Recorded { running, book: &self.book };
        self.minutes.close_until(until, ends, &mut recorded, &mut self.frame);
    }

    fn enter(&mut self, segment: Segment) {
        let began = self.minutes.enter(&segment);
        if began.globex {
            self.momentum[ETH] = Momentum::default();
        }
        if began.cash {
            self.momentum[RTH] = Momentum::default();
        }
        if segment.label != self.segment.label {
            let running = self.baseline.as_deref_mut();
            let sizes = Recorded { running, book: &self.book }.sizes(segment.label);
            self.money.set_quantile(sizes.print);
            self.dom.set_sizes(&sizes);
        }
        if self.segment.label.is_open() && !segment.label.is_open() {
            self.dom.pause();
            self.ofi.forget();
        }
        self.segment = segment;
        self.frame.label = segment.label;
        self.frame.eth_anchor = segment.eth_anchor;
        self.frame.flags &= !frame_flag::RTH;
        self.frame.flags |= if segment.label == Label::Us { frame_flag::RTH } else { 0 };
        self.tell();
    }

    fn trade(&mut self, px: Px, qty: Qty, aggressor: Aggressor, now: Ts, ts: Ts) {
        if !self.minutes.trade(px, qty, aggressor) {
            self.out_of_session += 1;
            return;
        }
        self.dom.on_trade(px, qty, aggressor, now);
        if let Some(print) = self.prints.trade(px, qty, aggressor, now) {
            self.print(&print, ts);
        }
    }

    fn print(&mut self, print: &Print, ts: Ts) {
        self.momentum[ETH].print(print, ts);
        if self.minutes.in_rth() {
            self.momentum[RTH].print(print, ts);
        }
        self.money.print(print);
        if let Some(running) = &mut self.baseline {
            running.recorder_mut().print(print);
        }
        let large = self.money.is_large(print);
        self.minutes.print(print, self.momentum().m20(), large);
        self.tell();
    }

    /// What records ask for and prints change.
    fn tell(&mut self) {
        let (steps, direction) = (self.momentum().steps(), self.momentum().direction());
        let net = self.money.reading().map(|reading| reading.net);
        let details = &mut self.frame.details;
        (details.steps, details.direction) = (steps, direction);
        details.pattern = self.minutes.pattern();
        details.set(Number::LargeNet, net);
    }

    /// Applies what is no trade and no Timer; `true` where the book may be read anew.
    fn depth(&mut self, event: &Event, now: Ts) -> bool {
        let open = self.minutes.in_session();
        if let (Body::Depth { side, px, qty, .. }, true) = (event.body, open) {
            self.dom.on_depth(side, px, qty, now);
        }
        let ended = self.book.apply(event);
        if matches!(event.body, Body::Clear | Body::Gap(_)) {
            self.dom.on_clear();
            self.ofi.forget();
        }
        if ended {
            if self.book.touched() == 0 {
                self.frame.book = self.book.state();
            }
            self.imbalance.batch(&self.book);
            if open {
                self.ofi.batch(&self.book);
                self.dom.on_batch(&self.book, now);
            }
        }
        ended
    }

    fn fill(&mut self, ts: Ts, book_changed: bool) {
        self.frame.cvd = self.minutes.cvd();
        self.frame.set(26, self.minutes.pattern_slot());
        if !self.minutes.in_session() {
            for number in 16..=19 {
                self.frame.set(number, Slot::none(Reason::OutOfSession));
            }
            return;
        }
        if book_changed {
            self.frame.ofi = self.ofi.sums();
            let stale = self.is_stale(ts);
            // Only a value grows old; what keeps it from being there stays the reason.
            let aged = |slot: &Slot| stale && slot.value().is_some();
            let pick = |slot: Slot| if aged(&slot) { Slot::none(Reason::Stale) } else { slot };
            self.frame.set(16, pick(self.imbalance.l1()));
            self.frame.set(17, pick(self.imbalance.order_book()));
        }
        self.frame.set(18, self.money.slot());
        self.frame.set(19, self.momentum().slot(ts));
    }

    fn is_stale(&self, ts: Ts) -> bool {
        ts.since(self.last_market_ts) > BOOK_STALE_NS + self.params.flush_ns
    }

    /// What changes with the bars.
    #[must_use]
    pub const fn minutes(&self) -> &Minutes {
        &self.minutes
    }

    /// The book.
    #[must_use]
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// The last frame.
    #[must_use]
    pub const fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The present stretch of the calendar.
    #[must_use]
    pub const fn segment(&self) -> &Segment {
        &self.segment
    }

    /// Recorded sessions, where the run has any.
    #[must_use]
    pub fn baseline(&self) -> Option<&Running> {
        self.baseline.as_deref()
    }

    /// Order-flow imbalance.
    #[must_use]
    pub const fn ofi(&self) -> &Ofi {
        &self.ofi
    }

    /// Events of the depth of market.
    #[must_use]
    pub const fn dom(&self) -> &Dom {
        &self.dom
    }

    /// Tick momentum since the active anchor.
    #[must_use]
    pub const fn momentum(&self) -> &Momentum {
        let [eth, rth] = &self.momentum;
        if self.minutes.in_rth() { rth } else { eth }
    }

    /// Smart-money flow.
    #[must_use]
    pub const fn smart_money(&self) -> &SmartMoney {
        &self.money
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
    pub const fn counters(&self) -> Counters {
        let (bars, empty_bars) = self.minutes.closed();
        Counters { bars, empty_bars, out_of_session: self.out_of_session }
    }
}
