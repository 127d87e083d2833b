//! Builds sessions out of a run's events, and says why one is not full.
//!
//! A session is full where, between its anchor, the successive events of the symbol and its close,
//! no silence of trading minutes is longer than the baseline allows. Trades, quotes and depth are
//! events; Timers and snapshots are none; what arrives in a halt is none either, and halted minutes
//! do not count. In a file of trades alone silence and loss look alike, so the rule is that between
//! trades. Holidays, half days and early halts are left out.
//!
//! The last print of a label may be missing: it is known to be whole only in the next label.
//! A size is *added* where a level grows, or comes up inside the known ladder: a level behind the
//! worst known one may have been there before. All memory is taken in `new`; an event costs a
//! comparison, a depth update a walk over its side's visible levels. Source: own design.

use std::sync::Arc;

use super::session::{Kind, Session, VOLUME_MAX, WHATS, What};
use super::sizes::Sizes;
use super::{Baseline, GAP_MIN};
use crate::bars::Bar;
use crate::book::Book;
use crate::calendar::{Label, Segment};
use crate::event::{Body, Event, flag};
use crate::features::close::Usual;
use crate::features::prints::Print;
use crate::units::{MINUTE, Px, Qty, Side, Ts};

/// Outcomes that wait to be read.
const OUTCOMES: usize = 256;

/// Why a session is not full, or was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The cash market was closed.
    Holiday,
    /// The cash market closed early.
    HalfDay,
    /// Globex halted early.
    EarlyHalt,
    /// No event at all.
    NoData,
    /// The first event came so many ns after the anchor.
    LateStart(i64),
    /// So many ns of trading time without an event, from this instant on.
    Silence(Ts, i64),
    /// Nothing had ever traded for so many of its first minutes.
    NoPrice(usize),
    /// More distinct sizes than a session holds.
    ManySizes,
    /// A bar with a volume that no market has.
    Volume,
    /// The baseline has this trade date or a later one already.
    Known,
    /// The input ended before the session did.
    Unfinished,
}

/// What became of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// RTH or ETH.
    pub kind: Kind,
    /// Trade date, in days since 1970-01-01.
    pub trade_day: i32,
    /// Contracts traded.
    pub volume: i64,
    /// Longest silence of trading time, in ns.
    pub silence_ns: i64,
    /// `None` where it joined the baseline.
    pub rejection: Option<Rejection>,
}

/// A session in the making.
#[derive(Clone, Debug)]
struct Open {
    session: Session,
    active: bool,
    /// What the calendar says against it.
    excluded: Option<Rejection>,
    anchor: Ts,
    end: Ts,
    seen: bool,
    /// Longest silence, and where it began.
    longest: (i64, Ts),
    volume: bool,
}

/// Records both kinds at once.
#[derive(Clone, Debug)]
pub struct Recorder {
    contract: Arc<str>,
    source: [u8; 32],
    gap_ns: i64,
    open: [Open; 2],
    /// Counts by label of the kind, then by [`What`].
    counts: [Vec<[Sizes; WHATS]>; 2],
    /// Where sizes of the present label go.
    label: Option<(Kind, usize)>,
    /// Start of the present segment, and whether it is open.
    segment: Ts,
    trading: bool,
    /// Last event, moved on over halts.
    last: Ts,
    /// Silence from which the longest of a session may change, in ns.
    watch: i64,
    outcomes: Box<[Option<Outcome>]>,
    next: u64,
    joined: u64,
}

impl Recorder {
    /// A recorder of `contract`; `gap_min` as [`GAP_MIN`] allows.
    #[must_use]
    pub fn new(contract: &str, source: [u8; 32], gap_min: u32) -> Recorder {
        let [least, most] = GAP_MIN;
        let open = |kind| Open {
            session: Session::new(kind),
            active: false,
            excluded: None,
            anchor: Ts::NONE,
            end: Ts::NONE,
            seen: false,
            longest: (0, Ts::NONE),
            volume: false,
        };
        let counts = |kind: Kind| kind.labels().iter().map(|_| Default::default()).collect();
        Recorder {
            contract: Arc::from(contract),
            source,
            gap_ns: i64::from(gap_min.clamp(least, most)) * MINUTE,
            open: Kind::ALL.map(open),
            counts: Kind::ALL.map(counts),
            label: None,
            segment: Ts::NONE,
            trading: false,
            last: Ts::NONE,
            watch: i64::MAX,
            outcomes: vec![None; OUTCOMES].into_boxed_slice(),
            next: 0,
            joined: 0,
        }
    }

    /// Market time crosses from `old` to `new`: sessions end and begin. What ended full joins
    /// `baseline`.
    pub fn enter(&mut self, old: &Segment, new: &Segment, baseline: &mut Baseline) {
        self.resume(old, new);
        let (us, was) = (new.label == Label::Us, old.label == Label::Us);
        let day = new.eth_anchor != old.eth_anchor;
        for kind in Kind::ALL {
            let over = match kind {
                Kind::Rth => !us || day,
                Kind::Eth => day || self.at(kind).is_some_and(|open| new.start >= open.end),
            };
            if over {
                self.end(kind, baseline);
            }
        }
        if new.label.is_open() && !self.open.iter().any(|o| o.active) && day {
            let end = Ts(new.eth_anchor.0 + Kind::Eth.minutes() as i64 * MINUTE);
            self.begin(Kind::Eth, new.eth_anchor, end, new.globex_day, excluded(new));
        }
        if us && !was {
            self.begin(Kind::Rth, new.start, new.end, new.globex_day, excluded(new));
        }
        self.label = Kind::ALL.into_iter().find_map(|kind| {
            kind.labels().iter().position(|l| *l == new.label).map(|at| (kind, at))
        });
    }

    /// Halted time is no silence.
    fn resume(&mut self, old: &Segment, new: &Segment) {
        if !self.trading && new.label.is_open() && old.eth_anchor == new.eth_anchor {
            let moved = self.last.0.saturating_add(new.start.0.saturating_sub(old.start.0));
            self.last = Ts(moved).min(new.start);
        }
        (self.trading, self.segment) = (new.label.is_open(), new.start);
    }

    fn at(&self, kind: Kind) -> Option<&Open> {
        self.open.get(kind as usize).filter(|open| open.active)
    }

    fn begin(&mut self, kind: Kind, anchor: Ts, end: Ts, day: i32, excluded: Option<Rejection>) {
        let counts = self.counts.get_mut(kind as usize).into_iter().flatten().flatten();
        counts.for_each(Sizes::clear);
        let Some(open) = self.open.get_mut(kind as usize) else { return };
        open.session.restart(day, anchor.0.div_euclid(MINUTE));
        (open.active, open.seen, open.volume) = (true, false, false);
        (open.anchor, open.end, open.excluded) = (anchor, end, excluded);
        open.longest = (0, anchor);
        self.watch = 0;
    }

    /// Any event of the symbol at market time `now`, before it is applied to `book`.
    #[inline]
    pub fn event(&mut self, event: &Event, now: Ts, book: &Book) {
        if !event.is_market() || event.has(flag::SNAPSHOT) {
            return;
        }
        self.event_seen(now);
        if let Body::Depth { side, px, qty, .. } = event.body
            && qty > 0
        {
            self.depth(side, px, qty, book);
        }
    }

    #[inline]
    fn event_seen(&mut self, now: Ts) {
        if !self.trading {
            return;
        }
        if now.0.saturating_sub(self.last.0) > self.watch {
            self.silence(now);
        }
        self.last = now;
    }

    #[cold]
    fn silence(&mut self, now: Ts) {
        self.watch = i64::MAX;
        for open in self.open.iter_mut().filter(|open| open.active) {
            open.silence(self.last, now);
            open.seen = true;
            self.watch = self.watch.min(open.longest.0);
        }
    }

    /// `n` bars closed, alike and empty where more than one; `bar` is the last. The book is that of
    /// the close.
    pub fn bar(&mut self, bar: &Bar, n: u32, book: &Book) {
        for open in self.open.iter_mut().filter(|open| open.active) {
            open.volume |= bar.volume > VOLUME_MAX;
            let most = open.session.kind().minutes() as i64;
            let last = bar.minute.min(open.session.anchor + most - 1);
            let first = (bar.minute - i64::from(n) + 1).max(open.session.anchor);
            (first..=last).for_each(|minute| open.session.put(&Bar { minute, ..*bar }));
        }
        let levels = book.bids().visible().iter().chain(book.asks().visible());
        levels.for_each(|level| self.count(What::Level, u64::from(level.qty), n));
    }

    /// A print is whole.
    pub fn print(&mut self, print: &Print) {
        if print.at >= self.segment {
            self.count(What::Print, print.qty, 1);
        }
    }

    /// Counts what a level of `qty` is about to add to `book`.
    fn depth(&mut self, side: Side, px: Px, qty: Qty, book: &Book) {
        if self.label.is_none() {
            return;
        }
        let (ladder, sign) = match side {
            Side::Bid => (book.bids(), 1),
            Side::Ask => (book.asks(), -1),
        };
        let levels = ladder.visible();
        let known = levels.iter().find(|level| level.px == px).map(|level| level.qty);
        let inside = levels.last().is_some_and(|worst| px.minus(worst.px) * sign > 0);
        if known.is_some() || inside {
            self.count(What::Added, u64::from(qty.saturating_sub(known.unwrap_or(0))), 1);
        }
    }

    fn count(&mut self, what: What, size: u64, n: u32) {
        if let Some((kind, at)) = self.label
            && let Some(counts) = self.counts.get_mut(kind as usize)
            && let Some(sizes) = counts.get_mut(at).and_then(|c| c.get_mut(what as usize))
        {
            sizes.add(size, n);
        }
    }

    fn end(&mut self, kind: Kind, baseline: &mut Baseline) {
        let (Some(open), Some(counts)) =
            (self.open.get_mut(kind as usize), self.counts.get(kind as usize))
        else {
            return;
        };
        if !open.active {
            return;
        }
        open.active = false;
        open.silence(self.last, open.end);
        let mut rejection = open.judge(self.gap_ns);
        if rejection.is_none() && !baseline.is_new(kind, open.session.trade_day) {
            rejection = Some(Rejection::Known);
        }
        if rejection.is_none() && !open.session.put_all(counts) {
            rejection = Some(Rejection::ManySizes);
        }
        let outcome = open.outcome(rejection);
        if rejection.is_none() {
            open.session.contract = self.contract.clone();
            open.session.source = self.source;
            baseline.join(&mut open.session);
            self.joined += 1;
        }
        let at = (self.next % OUTCOMES as u64) as usize;
        if let Some(slot) = self.outcomes.get_mut(at) {
            *slot = Some(outcome);
        }
        self.next += 1;
    }

    /// Sessions that ended so far.
    #[must_use]
    pub const fn ended(&self) -> u64 {
        self.next
    }

    /// What became of session number `n`, from 0; the last 256 are held.
    #[must_use]
    pub fn outcome(&self, n: u64) -> Option<Outcome> {
        let held = n < self.next && n + OUTCOMES as u64 >= self.next;
        let at = (n % OUTCOMES as u64) as usize;
        self.outcomes.get(at).copied().flatten().filter(|_| held)
    }

    /// Sessions that have begun and not ended.
    pub fn unfinished(&self) -> impl Iterator<Item = Outcome> {
        let open = self.open.iter().filter(|open| open.active);
        open.map(|open| open.outcome(open.excluded.or(Some(Rejection::Unfinished))))
    }
}

impl Open {
    /// Time up to `now` without an event since `last`.
    fn silence(&mut self, last: Ts, now: Ts) {
        let from = last.max(self.anchor);
        let silence = now.min(self.end).0.saturating_sub(from.0);
        if silence > self.longest.0 {
            self.longest = (silence, from);
        }
    }

    fn judge(&self, gap_ns: i64) -> Option<Rejection> {
        let (silence, from) = self.longest;
        if self.excluded.is_some() {
            return self.excluded;
        }
        if !self.seen {
            return Some(Rejection::NoData);
        }
        if silence > gap_ns {
            let start = from == self.anchor;
            let rejection = if start {
                Rejection::LateStart(silence)
            } else {
                Rejection::Silence(from, silence)
            };
            return Some(rejection);
        }
        let missing = self.session.bars().iter().take_while(|bar| bar.is_none()).count();
        if missing > 0 {
            return Some(Rejection::NoPrice(missing));
        }
        self.volume.then_some(Rejection::Volume)
    }

    fn outcome(&self, rejection: Option<Rejection>) -> Outcome {
        let (kind, trade_day) = (self.session.kind(), self.session.trade_day);
        let (volume, silence_ns) = (self.session.volume(), self.longest.0);
        Outcome { kind, trade_day, volume, silence_ns, rejection }
    }
}

/// What the calendar says against the Globex day of `segment`.
const fn excluded(segment: &Segment) -> Option<Rejection> {
    if segment.holiday {
        Some(Rejection::Holiday)
    } else if segment.half_day {
        Some(Rejection::HalfDay)
    } else if segment.early_halt {
        Some(Rejection::EarlyHalt)
    } else {
        None
    }
}

/// A baseline that a run reads and that grows with it.
#[derive(Clone, Debug)]
pub struct Running {
    baseline: Baseline,
    recorder: Recorder,
}

impl Running {
    /// `baseline` for a run of `contract`; sessions recorded in it name `source` as their origin.
    #[must_use]
    pub fn new(baseline: Baseline, contract: &str, source: [u8; 32]) -> Running {
        let recorder = Recorder::new(contract, source, baseline.origin().gap_min);
        Running { baseline, recorder }
    }

    /// As [`Recorder::enter`].
    pub fn enter(&mut self, old: &Segment, new: &Segment) {
        self.recorder.enter(old, new, &mut self.baseline);
        if new.label.is_open() && new.globex_day != self.baseline.today() {
            self.baseline.set_today(new.globex_day);
        }
    }

    /// What is usual for `bar`, with `five` contracts in the five bars up to it. Minutes count from
    /// the anchor, also where the run began after it or a halt lies between.
    #[must_use]
    pub fn usual(&self, rth: bool, bar: &Bar, five: i64) -> Usual {
        let open = self.recorder.at(Kind::of(rth));
        let minute = open.and_then(|open| usize::try_from(bar.minute - open.session.anchor).ok());
        let usual = |minute| self.baseline.usual(rth, minute, bar.volume, five);
        minute.map_or(Usual::default(), usual)
    }

    /// The sessions so far, with what they say.
    #[must_use]
    pub const fn baseline(&self) -> &Baseline {
        &self.baseline
    }

    /// What the run records.
    #[must_use]
    pub const fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The same, to be fed.
    pub const fn recorder_mut(&mut self) -> &mut Recorder {
        &mut self.recorder
    }

    /// Sessions of this run that joined.
    #[must_use]
    pub const fn joined(&self) -> u64 {
        self.recorder.joined
    }
}
