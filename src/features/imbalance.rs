//! Book imbalance: `bid_ask_imbalance_l1` (16), `order_book_imbalance` (17), and order-flow
//! imbalance (OFI).
//!
//! I_k = (Σ wᵢ·bidᵢ − Σ wᵢ·askᵢ)/(Σ wᵢ·bidᵢ + Σ wᵢ·askᵢ) with wᵢ = 0.8^(i−1). Slot 16 is I₁, slot
//! 17 is 0.6·I₁ + 0.4·I₅; both shrink with the spread beyond one tick and are smoothed by an
//! average with a half-life of 500 ms of market time, readable at any instant. A crossed or locked
//! book pauses the average. OFI follows Cont, Kukanov and Stoikov (2014), "The price impact of
//! order book events". Update cost: O(5) a batch that changes one of
//! the best five levels, one power of two a step of market time.

use super::frame::{Reason, Slot};
use crate::book::{Book, BookState, Ladder, Level};
use crate::units::{SECOND, Ts};

const HALF_LIFE: f64 = 0.5 * SECOND as f64;
/// Levels that the slots look at.
const DEPTH: usize = 5;

/// 2^(−t/h) for the one half-life h of this file, to 2⁻⁵⁰ of the value.
///
/// Nearly every event moves market time, and the general `exp2` was a quarter of all feature work:
/// a table over steps of 2²⁰ ns and four terms of the series for the rest cost less.
/// Plain arithmetic in a fixed order, so it replays.
#[derive(Clone, Debug)]
struct Halving(Box<[f64; STEPS]>);

/// Steps of the table: a little more than one half-life.
const STEPS: usize = 512;
const STEP_BITS: u32 = 20;

impl Halving {
    fn new() -> Halving {
        let mut table = Box::new([1.0; STEPS]);
        for (at, entry) in table.iter_mut().enumerate() {
            *entry = libm::exp2(-((at << STEP_BITS) as f64) / HALF_LIFE);
        }
        Halving(table)
    }

    /// What is left after `elapsed` ns, at least 0.
    fn keep(&self, elapsed: i64) -> f64 {
        let step = usize::try_from(elapsed >> STEP_BITS).unwrap_or(usize::MAX);
        let Some(whole) = self.0.get(step) else {
            return libm::exp2(-(elapsed as f64) / HALF_LIFE);
        };
        // y < 0.0015: the first term left out, y⁵/120, is below 2⁻⁵³.
        let y = (elapsed & ((1 << STEP_BITS) - 1)) as f64 * (std::f64::consts::LN_2 / HALF_LIFE);
        let square = y * y;
        whole * ((1.0 - y) + square * (0.5 - y / 6.0 + square / 24.0))
    }
}
const WEIGHTS: [f64; 5] = [1.0, 0.8, 0.8 * 0.8, 0.8 * 0.8 * 0.8, 0.8 * 0.8 * 0.8 * 0.8];

/// Exponential average of a piecewise constant input.
#[derive(Clone, Copy, Debug, Default)]
struct Ewma {
    input: f64,
    average: f64,
    /// Whether an input has initialised it.
    set: bool,
}

impl Ewma {
    fn decay(&mut self, keep: f64) {
        self.average = self.input + (self.average - self.input) * keep;
    }

    fn put(&mut self, input: f64) {
        self.input = input;
        if !self.set {
            (self.average, self.set) = (input, true);
        }
    }
}

/// State of features 16 and 17.
#[derive(Clone, Debug)]
pub struct Imbalance {
    l1: Ewma,
    book: Ewma,
    l1_reason: Reason,
    book_reason: Reason,
    at: Ts,
    paused: bool,
    halving: Halving,
}

impl Default for Imbalance {
    fn default() -> Imbalance {
        Imbalance {
            l1: Ewma::default(),
            book: Ewma::default(),
            l1_reason: Reason::NoInput,
            book_reason: Reason::NoInput,
            at: Ts::NONE,
            paused: true,
            halving: Halving::new(),
        }
    }
}

impl Imbalance {
    /// Market time moved to `now`.
    pub fn advance(&mut self, now: Ts) {
        let elapsed = now.since(self.at);
        if elapsed > 0 && !self.paused {
            let keep = self.halving.keep(elapsed);
            self.l1.decay(keep);
            self.book.decay(keep);
        }
        self.at = now;
    }

    /// A batch ended; market time has been advanced before.
    pub fn batch(&mut self, book: &Book) {
        if book.touched() >= DEPTH {
            return;
        }
        let raw = raw(book);
        self.paused = matches!(raw, Err(Reason::CrossedBook));
        match raw {
            Err(reason) => {
                (self.l1_reason, self.book_reason) = (reason, reason);
                // A book that was gone begins anew; one that is crossed is only waited for.
                let goes_on = reason == Reason::CrossedBook;
                self.l1.set &= goes_on;
                self.book.set &= goes_on;
            }
            Ok((l1, five)) => {
                self.l1.put(l1);
                self.l1_reason = Reason::Present;
                if let Some(five) = five {
                    self.book.put(five);
                    self.book_reason = Reason::Present;
                } else {
                    self.book_reason = Reason::NoInput;
                    self.book.set = false;
                }
            }
        }
    }

    /// Slot 16.
    #[must_use]
    pub fn l1(&self) -> Slot {
        Slot::new(self.l1.average.clamp(-1.0, 1.0), self.l1_reason)
    }

    /// Slot 17.
    #[must_use]
    pub fn order_book(&self) -> Slot {
        Slot::new(self.book.average.clamp(-1.0, 1.0), self.book_reason)
    }
}

/// The price in ticks between best bid and ask at which both sizes balance: (bid·q_ask +
/// ask·q_bid)/(q_bid + q_ask), the size-weighted mid that stands behind Stoikov (2018), "The
/// micro-price". `None` unless the best bid lies below the best ask. Constant work.
#[must_use]
pub fn microprice(book: &Book) -> Option<f64> {
    let (bid, ask) = (book.bids().best()?, book.asks().best()?);
    let all = f64::from(bid.qty) + f64::from(ask.qty);
    let spread = f64::from(ask.px.minus(bid.px));
    // From the bid up, so that no digits are lost to the price.
    (spread > 0.0 && all > 0.0)
        .then(|| f64::from(bid.px.ticks()) + spread * f64::from(bid.qty) / all)
}

/// Unsmoothed slots 16 and 17; the second is `None` with fewer than five levels a side.
fn raw(book: &Book) -> Result<(f64, Option<f64>), Reason> {
    match book.state() {
        BookState::Normal => {}
        BookState::Locked | BookState::Crossed => return Err(Reason::CrossedBook),
        BookState::Empty | BookState::OneSided => return Err(Reason::NoInput),
    }
    let (bids, asks) = (book.bids().visible(), book.asks().visible());
    let (Some(bid), Some(ask)) = (bids.first(), asks.first()) else { return Err(Reason::NoInput) };
    let spread = ask.px.minus(bid.px);
    let tight = 1.0 - (f64::from(spread - 1) / 3.0).clamp(0.0, 1.0);
    let Some(first) = ratio(f64::from(bid.qty), f64::from(ask.qty)) else {
        return Err(Reason::ZeroDenominator);
    };
    let five = match (bids.first_chunk::<5>(), asks.first_chunk::<5>()) {
        (Some(bids), Some(asks)) => ratio(weighted(bids), weighted(asks)),
        _ => None,
    };
    Ok((first * tight, five.map(|five| (0.6 * first + 0.4 * five) * tight)))
}

/// I_k over the best `levels` levels a side, neither shrunk nor smoothed; `None` unless the book
/// has them and stands normally.
#[must_use]
pub fn instant(book: &Book, levels: usize) -> Option<f64> {
    let side = |ladder: &Ladder| -> Option<f64> {
        let mut weight = 1.0;
        let sum = ladder.visible().get(..levels)?.iter().fold(0.0, |sum, level| {
            let term = weight * f64::from(level.qty);
            weight *= 0.8;
            sum + term
        });
        Some(sum)
    };
    match book.state() {
        BookState::Normal => ratio(side(book.bids())?, side(book.asks())?),
        _ => None,
    }
}

fn weighted(levels: &[Level; 5]) -> f64 {
    levels.iter().zip(WEIGHTS).fold(0.0, |sum, (level, w)| sum + w * f64::from(level.qty))
}

fn ratio(bid: f64, ask: f64) -> Option<f64> {
    let all = bid + ask;
    (all > 0.0).then(|| (bid - ask) / all)
}

/// Tenths of a second that the longest OFI window spans.
const BUCKETS: usize = 600;
const BUCKET_NS: i64 = SECOND / 10;
/// Buckets of the three windows: 1, 10 and 60 s.
const SPANS: [usize; 3] = [10, 100, BUCKETS];

/// Order-flow imbalance over 1, 10 and 60 s, in steps of a tenth of a second of market time.
#[derive(Clone, Debug)]
pub struct Ofi {
    last: Option<(Level, Level)>,
    /// (Σe, Σ|e|) a bucket.
    buckets: Box<[(i64, i64); BUCKETS]>,
    bucket: i64,
    sums: [(i64, i64); 3],
}

impl Default for Ofi {
    fn default() -> Ofi {
        Ofi { last: None, buckets: Box::new([(0, 0); BUCKETS]), bucket: 0, sums: [(0, 0); 3] }
    }
}

impl Ofi {
    /// Market time moved to `now`: what is older than a window leaves its sum. At most
    /// 600 steps.
    pub fn advance(&mut self, now: Ts) {
        let bucket = now.0.div_euclid(BUCKET_NS);
        let steps = bucket.saturating_sub(self.bucket);
        if steps <= 0 {
            return;
        }
        let [.., (_, all)] = self.sums;
        if all == 0 {
            // Nothing flowed within the longest window: every bucket is empty already.
        } else if steps >= BUCKETS as i64 {
            self.buckets.fill((0, 0));
            self.sums = [(0, 0); 3];
        } else {
            for step in self.bucket + 1..=bucket {
                for (sum, span) in self.sums.iter_mut().zip(SPANS) {
                    let gone = at(&self.buckets, step - span as i64);
                    *sum = (sum.0 - gone.0, sum.1 - gone.1);
                }
                if let Some(slot) = self.buckets.get_mut(index(step)) {
                    *slot = (0, 0);
                }
            }
        }
        self.bucket = bucket;
    }

    /// The book was emptied or its session is over: what comes next is no flow from what was.
    pub fn forget(&mut self) {
        self.last = None;
    }

    /// A batch ended.
    pub fn batch(&mut self, book: &Book) {
        if book.touched() > 0 && self.last.is_some() {
            return;
        }
        let (Some(bid), Some(ask)) = (book.bids().best(), book.asks().best()) else {
            self.last = None;
            return;
        };
        if let Some((b, a)) = self.last
            && (b, a) != (bid, ask)
        {
            self.add(flow(b, bid, 1) - flow(a, ask, -1));
        }
        self.last = Some((bid, ask));
    }

    fn add(&mut self, e: i64) {
        for sum in &mut self.sums {
            *sum = (sum.0 + e, sum.1 + e.abs());
        }
        if let Some(slot) = self.buckets.get_mut(index(self.bucket)) {
            *slot = (slot.0 + e, slot.1 + e.abs());
        }
    }

    /// Σe over 1, 10 and 60 s, in contracts.
    #[must_use]
    pub fn sums(&self) -> [i64; 3] {
        self.sums.map(|s| s.0)
    }

    /// Σe/Σ|e| over 60 s in [−1, 1]; `None` while nothing flowed.
    #[must_use]
    pub fn normalised(&self) -> Option<f64> {
        let [.., (sum, all)] = self.sums;
        (all > 0).then(|| sum as f64 / all as f64)
    }
}

fn index(bucket: i64) -> usize {
    bucket.rem_euclid(BUCKETS as i64) as usize
}

fn at(buckets: &[(i64, i64); BUCKETS], bucket: i64) -> (i64, i64) {
    buckets.get(index(bucket)).copied().unwrap_or_default()
}

/// Contribution of one side; `sign` is +1 where a higher price is better.
fn flow(before: Level, now: Level, sign: i32) -> i64 {
    let (p0, p1) = (before.px.ticks() * sign, now.px.ticks() * sign);
    let gained = if p1 >= p0 { i64::from(now.qty) } else { 0 };
    let lost = if p1 <= p0 { i64::from(before.qty) } else { 0 };
    gained - lost
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Body, Event};
    use crate::units::{Px, Qty, Side, SymbolId};

    fn set(book: &mut Book, side: Side, px: i64, qty: Qty) {
        let body = Body::Depth { side, px: Px::clamped(px), qty, orders: 1 };
        let (ts, symbol) = (Ts(1), SymbolId(0));
        book.apply(&Event { seq: 1, ts, ts_exch: ts, symbol, flags: 1, body });
    }

    fn five(spread: i64) -> Book {
        let mut book = Book::new();
        for (i, (bid, ask)) in [(60, 40), (50, 50), (40, 60), (30, 30), (20, 20)].iter().enumerate()
        {
            let i = i64::try_from(i).expect("small");
            set(&mut book, Side::Bid, 100 - i, *bid);
            set(&mut book, Side::Ask, 100 + spread + i, *ask);
        }
        book
    }

    #[test]
    fn golden_levels() {
        let (l1, both) = raw(&five(1)).expect("normal");
        assert!((l1 - 0.2).abs() < 1e-12);
        assert!((both.expect("five levels") - 0.129_893).abs() < 1e-6);
        let (_, both) = raw(&five(2)).expect("normal");
        assert!((both.expect("five levels") - 0.086_596).abs() < 1e-6);
        assert_eq!(raw(&five(0)), Err(Reason::CrossedBook));
        assert_eq!(raw(&Book::new()), Err(Reason::NoInput));
        let mut thin = Book::new();
        set(&mut thin, Side::Bid, 100, 3);
        set(&mut thin, Side::Ask, 101, 1);
        assert_eq!(raw(&thin), Ok((0.5, None)));
    }

    #[test]
    fn golden_instants() {
        for (levels, value) in [(1, 0.2), (2, 0.111_111), (5, 0.024_733)] {
            let got = instant(&five(1), levels).expect("five levels");
            assert!((got - value).abs() < 1e-6, "{levels} levels: {got}");
        }
        assert_eq!((instant(&five(1), 6), instant(&five(0), 1)), (None, None));
    }

    #[test]
    fn microprice_leans_to_the_thin_side() {
        assert_eq!(microprice(&five(1)), Some(100.6), "60 bid, 40 asked: nearer to the ask");
        assert_eq!(microprice(&five(2)), Some(101.2));
        assert_eq!(microprice(&five(0)), None);
        assert_eq!(microprice(&Book::new()), None);
    }

    #[test]
    fn golden_average() {
        let (ms, mut e) = (SECOND / 1000, Imbalance { paused: false, ..Imbalance::default() });
        for (at, input) in [(0, 0.2), (100, 0.6), (600, -0.4)] {
            e.advance(Ts(at * ms));
            if at == 600 {
                assert!((e.l1.average - 0.4).abs() < 1e-12);
            }
            e.l1.put(input);
        }
        e.advance(Ts(850 * ms));
        assert!((e.l1.average - 0.165_685).abs() < 1e-6);
    }

    #[test]
    fn halving_equals_exp2() {
        let halving = Halving::new();
        for elapsed in (0..2_000).map(|i| i * i * i / 7).chain([500_000_000, 536_870_911]) {
            let exact = libm::exp2(-(elapsed as f64) / HALF_LIFE);
            assert!((halving.keep(elapsed) / exact - 1.0).abs() < 1e-15, "{elapsed}");
        }
        assert_eq!(halving.keep(0), 1.0);
        assert_eq!(halving.keep(i64::MAX), 0.0);
    }

    #[test]
    fn crossed_pauses() {
        let mut e = Imbalance::default();
        e.batch(&five(1));
        let before = e.l1().value().expect("present");
        e.batch(&five(0));
        e.advance(Ts(SECOND));
        assert_eq!(e.l1().reason, Reason::CrossedBook);
        e.batch(&five(1));
        assert_eq!(e.l1().value(), Some(before));
    }

    #[test]
    fn a_book_that_was_gone_begins_anew() {
        let mut e = Imbalance::default();
        e.batch(&five(1));
        e.batch(&Book::new());
        assert_eq!(e.l1().reason, Reason::Present, "nothing was touched");
        let mut gone = five(1);
        let (ts, symbol) = (Ts(1), SymbolId(0));
        gone.apply(&Event { seq: 1, ts, ts_exch: ts, symbol, flags: 1, body: Body::Clear });
        e.batch(&gone);
        assert_eq!(e.l1().reason, Reason::NoInput);
        let mut other = Book::new();
        set(&mut other, Side::Bid, 100, 1);
        set(&mut other, Side::Ask, 101, 3);
        e.batch(&other);
        assert_eq!(e.l1().value(), Some(-0.5), "not an average with what was before");
    }

    #[test]
    fn golden_ofi() {
        let mut ofi = Ofi::default();
        let mut total = 0;
        let states = [
            ((24_000, 50), (24_001, 40)),
            ((24_000, 70), (24_001, 40)),
            ((24_000, 70), (24_001, 25)),
            ((24_001, 10), (24_002, 60)),
            ((24_000, 30), (24_001, 20)),
        ];
        for (state, e) in states.into_iter().zip([0, 20, 15, 35, -30]) {
            let mut book = Book::new();
            set(&mut book, Side::Bid, state.0.0, state.0.1);
            set(&mut book, Side::Ask, state.1.0, state.1.1);
            ofi.batch(&book);
            total += e;
            assert_eq!(ofi.sums(), [total; 3]);
        }
        assert_eq!(ofi.normalised(), Some(0.4));
        ofi.advance(Ts(SECOND));
        assert_eq!(ofi.sums(), [0, 40, 40]);
        ofi.advance(Ts(10 * SECOND));
        assert_eq!(ofi.sums(), [0, 0, 40]);
        ofi.advance(Ts(60 * SECOND));
        assert_eq!(ofi.sums(), [0, 0, 0]);
        assert_eq!(ofi.normalised(), None);
    }
}
