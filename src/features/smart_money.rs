//! `smart_money_flow` (18): which side the large prints take, and how steadily.
//!
//! A print is large when its size reaches max(floor of the instrument, 99.5th percentile of the
//! prints of recorded sessions under the same label); only prints with an aggressor can be large.
//! B and S are the exponentially decayed sizes of large buys and sells, T that of every print, all
//! with τ = 15 min of market time: x ← x·e^(−Δt/τ) + size.
//!
//! * net = (B − S)/(B + S), intensity = (B + S)/T.
//! * persistence: share of five 3-minute windows in which the net size of the large prints has the
//!   sign of net; a window without large prints, or with as much bought as sold, does not agree.
//! * value = net·√clip(intensity/0.20, 0, 1)·(0.5 + 0.5·persistence), in [−1, 1]; negated exactly
//!   by swapping the sides.
//!
//! Fifteen one-minute buckets by market time, the current minute among them, hold the counts that
//! the sample needs (three large prints and 1,000 contracts) and, taken in threes from the newest,
//! the five windows. So a window moves every minute. Windows fixed to whole three minutes would
//! begin empty and take a fifth off persistence at every start, and would span 12 to 15 minutes
//! where the counts span 14 to 15.
//!
//! B, S and T shrink by one factor, hence nothing changes between prints but at the turn of a
//! minute: the slot is computed there and read for free. A print counts when it is emitted, in the
//! minute of its own time. Source: own design. Update cost: O(1) a print (one `exp`, one `sqrt`),
//! at most fifteen steps at the turn of a minute.

use super::frame::{Reason, Slot};
use super::prints::Print;
use crate::units::{Aggressor, MINUTE, Px, SECOND, Ts};

/// Decay time of the sums, in ns.
const TAU_NS: f64 = 15.0 * MINUTE as f64;
/// One-minute buckets.
const BUCKETS: usize = 15;
/// Buckets of a persistence window.
const WINDOW: usize = 3;
/// Large prints and contracts in the last fifteen minutes that the sample needs.
const SAMPLE: (u64, u64) = (3, 1_000);
/// Contracts from which a print is a block.
const BLOCK: u64 = 500;

/// Parameters of feature 18.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    /// Least size of a large print, in contracts; `None` where the instrument has none.
    pub floor: Option<u64>,
    /// Intensity from which it no longer weakens the value; above 0.
    pub intensity_full: f64,
    /// Least intensity of the label "institutional".
    pub institutional: f64,
    /// Whether the experimental search for repeated equal sizes runs.
    pub stealth: bool,
}

impl Default for Params {
    fn default() -> Params {
        Params { floor: None, intensity_full: 0.20, institutional: 0.10, stealth: false }
    }
}

impl Params {
    /// Defaults with the floor that is known for `root`: 100 contracts for ES, none for others.
    #[must_use]
    pub fn of_root(root: &str) -> Params {
        Params { floor: (root == "ES").then_some(100), ..Params::default() }
    }
}

/// Which way the large prints have leaned for long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lean {
    /// Neither.
    #[default]
    None,
    /// net ≥ 0.2 and persistence > 0.6.
    Accumulation,
    /// net ≤ −0.2 and persistence > 0.6.
    Distribution,
}

/// What slot 18 is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// (B − S)/(B + S), in [−1, 1].
    pub net: f64,
    /// (B + S)/T, in [0, 1].
    pub intensity: f64,
    /// Share of agreeing windows, in {0, ⅕, ⅖, ⅗, ⅘, 1}.
    pub persistence: f64,
    /// |net| ≥ 0.4 and enough intensity.
    pub institutional: bool,
    /// Accumulation or distribution.
    pub lean: Lean,
}

/// Blocks seen since the start or the last reset; differences of two readings give any span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blocks {
    /// Prints of 500 contracts or more.
    pub count: u64,
    /// Their contracts.
    pub volume: u64,
    /// Block trades made off the book: recorded, in no sum.
    pub off_book_count: u64,
    /// Their contracts.
    pub off_book_volume: u64,
}

/// One minute of prints.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    contracts: u64,
    large: u64,
    /// Large buys minus large sells, in contracts.
    net: i64,
}

/// Exponentially decayed sums B, S, T at an instant.
#[derive(Clone, Copy, Debug)]
struct Sums {
    at: Ts,
    buy: f64,
    sell: f64,
    all: f64,
}

impl Sums {
    const EMPTY: Sums = Sums { at: Ts::NONE, buy: 0.0, sell: 0.0, all: 0.0 };

    fn decay(&mut self, now: Ts) {
        let elapsed = now.since(self.at);
        if elapsed > 0 {
            let keep = libm::exp(-(elapsed as f64) / TAU_NS);
            self.buy *= keep;
            self.sell *= keep;
            self.all *= keep;
        }
        self.at = self.at.max(now);
    }

    /// net and intensity; `None` while nothing large was printed.
    fn ratios(&self) -> Option<(f64, f64)> {
        let large = self.buy + self.sell;
        (large > 0.0 && self.all > 0.0).then(|| {
            let net = ((self.buy - self.sell) / large).clamp(-1.0, 1.0);
            (net, (large / self.all).clamp(0.0, 1.0))
        })
    }
}

/// State of feature 18.
#[derive(Clone, Debug)]
pub struct SmartMoney {
    params: Params,
    /// Least size of a large print; `None` while nobody knows it.
    threshold: Option<u64>,
    sums: Sums,
    buckets: [Bucket; BUCKETS],
    /// Minute of the newest bucket, since 1970; `None` before the first print or step.
    minute: Option<i64>,
    /// End of that minute, in ns: where the next turn is due.
    turn: Ts,
    /// Contracts and large prints over all buckets.
    totals: (u64, u64),
    blocks: Blocks,
    reading: Option<Reading>,
    slot: Slot,
    stealth: Option<Stealth>,
}

impl SmartMoney {
    /// State that has seen nothing.
    #[must_use]
    pub fn new(params: Params) -> SmartMoney {
        let mut money = SmartMoney {
            params,
            threshold: params.floor,
            sums: Sums::EMPTY,
            buckets: [Bucket::default(); BUCKETS],
            minute: None,
            turn: Ts::NONE,
            totals: (0, 0),
            blocks: Blocks::default(),
            reading: None,
            slot: Slot::none(Reason::Warmup),
            stealth: params.stealth.then(Stealth::default),
        };
        money.refresh();
        money
    }

    /// The session label changed: `quantile` is the 99.5th percentile of its prints in contracts,
    /// `None` without five recorded sessions. Prints taken before keep the rank that they had.
    pub fn set_quantile(&mut self, quantile: Option<f64>) {
        let quantile = quantile.filter(|q| q.is_finite());
        // Sizes are whole: size ≥ q is size ≥ ⌈q⌉. The cast saturates.
        let least = quantile.map(|q| q.max(0.0).ceil() as u64);
        self.threshold = match (self.params.floor, least) {
            (Some(floor), Some(least)) => Some(floor.max(least)),
            (floor, least) => floor.or(least),
        };
        self.refresh();
    }

    /// Market time moved to `now`. One comparison but at the turn of a minute.
    pub fn advance(&mut self, now: Ts) {
        if now >= self.turn && now.is_some() {
            self.roll(now);
            self.refresh();
        }
    }

    /// Takes a print that has been emitted.
    pub fn print(&mut self, print: &Print) {
        if print.at >= self.turn && print.at.is_some() {
            self.roll(print.at);
        }
        self.sums.decay(print.at);
        let sign = print.aggressor.sign();
        let large = self.is_large(print);
        let size = print.qty as f64;
        self.sums.all += size;
        if large && sign > 0 {
            self.sums.buy += size;
        } else if large {
            self.sums.sell += size;
        }
        self.count(print, large);
        if print.qty >= BLOCK {
            self.blocks.count += 1;
            self.blocks.volume = self.blocks.volume.saturating_add(print.qty);
        }
        if let Some(stealth) = &mut self.stealth {
            stealth.print(print);
        }
        self.refresh();
    }

    /// Whether `print` is large: one with an aggressor, of the threshold or more.
    #[must_use]
    pub fn is_large(&self, print: &Print) -> bool {
        print.aggressor != Aggressor::None && self.threshold.is_some_and(|least| print.qty >= least)
    }

    /// A block trade made off the book: recorded, not summed.
    pub fn off_book(&mut self, qty: u64) {
        self.blocks.off_book_count += 1;
        self.blocks.off_book_volume = self.blocks.off_book_volume.saturating_add(qty);
    }

    /// Slot 18.
    #[must_use]
    pub const fn slot(&self) -> Slot {
        self.slot
    }

    /// The parts of slot 18, where it has a value.
    #[must_use]
    pub const fn reading(&self) -> Option<&Reading> {
        self.reading.as_ref()
    }

    /// Blocks so far.
    #[must_use]
    pub const fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// Least size of a large print, in contracts.
    #[must_use]
    pub const fn threshold(&self) -> Option<u64> {
        self.threshold
    }

    /// Experimental, `None` unless switched on: who works an order in equal small pieces. Among the
    /// last 32 prints, all within 60 s and 2 ticks, at least eight below the threshold have the
    /// size (2 or more) and side of the newest, and that side's net is at least half of the volume.
    /// O(32).
    #[must_use]
    pub fn stealth(&self) -> Option<Aggressor> {
        self.stealth.as_ref()?.side(self.threshold.unwrap_or(u64::MAX))
    }

    /// Forgets every print, keeping parameters and threshold: the contract was rolled.
    pub fn reset(&mut self) {
        let threshold = self.threshold;
        *self = SmartMoney::new(self.params);
        self.threshold = threshold;
        self.refresh();
    }

    fn roll(&mut self, now: Ts) {
        let minute = now.0.div_euclid(MINUTE);
        let steps = self.minute.map_or(0, |last| minute.saturating_sub(last));
        for step in 0..steps.min(BUCKETS as i64) {
            if let Some(bucket) = self.buckets.get_mut(index(minute - step)) {
                self.totals.0 = self.totals.0.saturating_sub(bucket.contracts);
                self.totals.1 = self.totals.1.saturating_sub(bucket.large);
                *bucket = Bucket::default();
            }
        }
        self.minute = Some(minute);
        self.turn = Ts(minute.saturating_add(1).saturating_mul(MINUTE));
    }

    /// Enters a print into the bucket of its own minute, if that is still held.
    fn count(&mut self, print: &Print, large: bool) {
        let (Some(newest), true) = (self.minute, print.at.is_some()) else { return };
        let minute = print.at.0.div_euclid(MINUTE);
        if newest.saturating_sub(minute) >= BUCKETS as i64 {
            return;
        }
        let Some(bucket) = self.buckets.get_mut(index(minute)) else { return };
        // Refuses what would overflow the total, so that buckets and total always agree.
        let Some(total) = self.totals.0.checked_add(print.qty) else { return };
        self.totals.0 = total;
        bucket.contracts += print.qty;
        if large {
            self.totals.1 += 1;
            bucket.large += 1;
            let size = i64::try_from(print.qty).unwrap_or(i64::MAX);
            bucket.net = bucket.net.saturating_add(print.aggressor.sign() * size).max(-i64::MAX);
        }
    }

    fn persistence(&self, net: f64) -> f64 {
        let Some(minute) = self.minute else { return 0.0 };
        let wanted = if net > 0.0 { 1 } else { -1 };
        let agrees = |window: &usize| {
            let nets = (0..WINDOW).filter_map(|at| {
                let back = i64::try_from(window * WINDOW + at).ok()?;
                self.buckets.get(index(minute - back)).map(|b| i128::from(b.net))
            });
            nets.sum::<i128>().signum() == wanted
        };
        let agreeing = (0..BUCKETS / WINDOW).filter(agrees).count();
        agreeing as f64 / (BUCKETS / WINDOW) as f64
    }

    fn refresh(&mut self) {
        self.reading = None;
        self.slot = if self.threshold.is_none() {
            Slot::none(Reason::Warmup)
        } else if self.totals.1 < SAMPLE.0 || self.totals.0 < SAMPLE.1 {
            Slot::none(Reason::InsufficientSample)
        } else if let Some((net, intensity)) = self.sums.ratios() {
            let persistence = if net == 0.0 { 0.0 } else { self.persistence(net) };
            self.reading = Some(self.reading_of(net, intensity, persistence));
            Slot::some(value(net, intensity, persistence, self.params.intensity_full))
        } else {
            Slot::none(Reason::ZeroDenominator)
        };
    }

    fn reading_of(&self, net: f64, intensity: f64, persistence: f64) -> Reading {
        let steady = persistence > 0.6;
        let lean = if net >= 0.2 && steady {
            Lean::Accumulation
        } else if net <= -0.2 && steady {
            Lean::Distribution
        } else {
            Lean::None
        };
        let institutional = net.abs() >= 0.4 && intensity >= self.params.institutional;
        Reading { net, intensity, persistence, institutional, lean }
    }
}

fn index(minute: i64) -> usize {
    minute.rem_euclid(BUCKETS as i64) as usize
}

fn value(net: f64, intensity: f64, persistence: f64, full: f64) -> f64 {
    let strength = (intensity / full).clamp(0.0, 1.0).sqrt();
    (net * strength * (0.5 + 0.5 * persistence)).clamp(-1.0, 1.0)
}

/// Prints that the experimental search looks at.
const CHILDREN: usize = 32;

/// The last prints, for the experimental search.
#[derive(Clone, Debug)]
struct Stealth {
    ring: [Print; CHILDREN],
    /// Prints taken so far.
    taken: usize,
}

impl Default for Stealth {
    fn default() -> Stealth {
        let none = Print { px: Px::ZERO, qty: 0, aggressor: Aggressor::None, at: Ts::NONE };
        Stealth { ring: [none; CHILDREN], taken: 0 }
    }
}

impl Stealth {
    fn print(&mut self, print: &Print) {
        if let Some(place) = self.ring.get_mut(self.taken % CHILDREN) {
            *place = *print;
        }
        self.taken = self.taken.wrapping_add(1);
    }

    fn side(&self, threshold: u64) -> Option<Aggressor> {
        let newest = self.ring.get(self.taken.checked_sub(1)? % CHILDREN)?;
        let sign = newest.aggressor.sign();
        if self.taken < CHILDREN || sign == 0 || newest.qty < 2 || newest.qty >= threshold {
            return None;
        }
        let (mut alike, mut net, mut all) = (0, 0.0, 0.0);
        let (mut low, mut high, mut oldest) = (newest.px, newest.px, newest.at);
        for print in &self.ring {
            alike += u32::from((print.qty, print.aggressor) == (newest.qty, newest.aggressor));
            net += print.qty as f64 * (sign * print.aggressor.sign()) as f64;
            all += print.qty as f64;
            (low, high) = (low.min(print.px), high.max(print.px));
            oldest = oldest.min(print.at);
        }
        let flat = high.minus(low) <= 2 && newest.at.since(oldest) <= 60 * SECOND;
        (alike >= 8 && flat && net >= 0.5 * all).then_some(newest.aggressor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn print(at_ns: i64, qty: u64, aggressor: Aggressor) -> Print {
        Print { px: Px::clamped(100), qty, aggressor, at: Ts(at_ns) }
    }

    fn money(floor: Option<u64>) -> SmartMoney {
        SmartMoney::new(Params { floor, ..Params::default() })
    }

    #[test]
    fn golden_value() {
        for (buy, sell, golden) in [(900.0, 300.0, 0.389_711), (300.0, 900.0, -0.389_711)] {
            let sums = Sums { at: Ts(0), buy, sell, all: 8000.0 };
            let (net, intensity) = sums.ratios().expect("large prints");
            assert_eq!((net.abs(), intensity), (0.5, 0.15));
            assert!((value(net, intensity, 0.8, 0.20) - golden).abs() < 1e-6);
        }
    }

    #[test]
    fn golden_decay() {
        let mut m = money(Some(100));
        m.print(&print(0, 200, Aggressor::Buy));
        m.print(&print(300 * SECOND, 150, Aggressor::Buy));
        assert!((m.sums.buy - 293.306_262).abs() < 1e-6);
        assert_eq!(m.sums.buy, m.sums.all);
    }

    #[test]
    fn threshold_and_reasons() {
        let mut m = money(None);
        assert_eq!(m.slot().reason, Reason::Warmup);
        m.set_quantile(Some(40.2));
        assert_eq!((m.threshold(), m.slot().reason), (Some(41), Reason::InsufficientSample));
        m.set_quantile(Some(f64::NAN));
        assert_eq!(m.slot().reason, Reason::Warmup);
        let mut m = SmartMoney::new(Params::of_root("ES"));
        m.set_quantile(Some(60.0));
        assert_eq!(m.threshold(), Some(100));
        m.set_quantile(Some(130.0));
        assert_eq!(m.threshold(), Some(130));
        m.set_quantile(None);
        assert_eq!(m.threshold(), Some(100));
        assert_eq!(Params::of_root("NQ").floor, None);
    }

    #[test]
    fn sample_in_fifteen_minutes() {
        let mut m = money(Some(100));
        for at in 0..3 {
            m.print(&print(at * SECOND, 300, Aggressor::Buy));
        }
        assert_eq!(m.slot().reason, Reason::InsufficientSample, "900 contracts");
        m.print(&print(4 * SECOND, 99, Aggressor::Sell));
        m.print(&print(5 * SECOND, 1, Aggressor::None));
        // One window of five agrees: 1·1·(0.5 + 0.1).
        assert!((m.slot().value().expect("present") - 0.6).abs() < 1e-12);
        assert_eq!(m.reading().map(|r| r.persistence), Some(0.2));
        m.advance(Ts(15 * MINUTE - 1));
        assert!(m.slot().value().is_some(), "the first minute is still among the fifteen");
        m.advance(Ts(15 * MINUTE));
        assert_eq!(m.slot().reason, Reason::InsufficientSample);
        assert!(m.reading().is_none());
        for jump in [40 * MINUTE, i64::MAX] {
            m.advance(Ts(jump));
            assert_eq!(m.totals, (0, 0), "any number of minutes at once");
        }
    }

    #[test]
    fn an_unclassified_print_is_never_large() {
        let mut m = money(Some(100));
        for at in 0..5 {
            m.print(&print(at, 600, Aggressor::None));
        }
        assert_eq!(m.slot().reason, Reason::InsufficientSample);
        m.off_book(700);
        let blocks = Blocks { count: 5, volume: 3000, off_book_count: 1, off_book_volume: 700 };
        assert_eq!(m.blocks(), &blocks);
        m.reset();
        assert_eq!((m.blocks().count, m.threshold()), (0, Some(100)));
    }

    #[test]
    fn labels() {
        let mut m = money(Some(100));
        for minute in [0, 3, 6, 9, 12] {
            m.print(&print(minute * MINUTE, 250, Aggressor::Sell));
        }
        // Minutes 0 to 2, 3 to 5, …, 12 to 14 are the windows once minute 14 is the newest.
        m.advance(Ts(14 * MINUTE));
        let r = m.reading().expect("present");
        assert_eq!((r.net, r.intensity, r.persistence), (-1.0, 1.0, 1.0));
        assert!(r.institutional && r.lean == Lean::Distribution);
        assert_eq!(m.slot().value(), Some(-1.0));
    }

    #[test]
    fn stealth_is_off_by_default() {
        let run = |stealth| {
            let mut m = SmartMoney::new(Params { floor: Some(100), stealth, ..Params::default() });
            (0..32).for_each(|i| m.print(&print(i * SECOND, 7, Aggressor::Sell)));
            m.stealth()
        };
        assert_eq!(run(false), None);
        assert_eq!(run(true), Some(Aggressor::Sell));
    }

    fn side(n: u8) -> Aggressor {
        [Aggressor::None, Aggressor::Buy, Aggressor::Sell][usize::from(n % 3)]
    }

    /// Everything from the list of prints, without buckets or running sums.
    fn twin(prints: &[(Print, bool)], now: Ts) -> Result<f64, Reason> {
        let minute = |at: Ts| at.0.div_euclid(MINUTE);
        let recent = |p: &&(Print, bool)| minute(p.0.at) > minute(now) - 15;
        let contracts: u64 = prints.iter().filter(recent).map(|p| p.0.qty).sum();
        if prints.iter().filter(recent).filter(|p| p.1).count() < 3 || contracts < 1000 {
            return Err(Reason::InsufficientSample);
        }
        let last = prints.last().expect("some").0.at;
        let sum = |pick: &dyn Fn(&(Print, bool)) -> bool| -> f64 {
            let weight = |p: &Print| (-(last.since(p.at) as f64) / TAU_NS).exp() * p.qty as f64;
            prints.iter().filter(|p| pick(p)).map(|p| weight(&p.0)).sum()
        };
        let buy = sum(&|p| p.1 && p.0.aggressor == Aggressor::Buy);
        let sell = sum(&|p| p.1 && p.0.aggressor == Aggressor::Sell);
        let net = (buy - sell) / (buy + sell);
        let agrees = |window: &i64| {
            let newest = minute(now) - 3 * window;
            let inside = |p: &&(Print, bool)| (newest - 2..=newest).contains(&minute(p.0.at));
            let large = prints.iter().filter(inside).filter(|p| p.1);
            let flow: i64 = large.map(|p| p.0.aggressor.sign() * p.0.qty as i64).sum();
            flow as f64 * net > 0.0
        };
        let persistence = (0..5).filter(agrees).count() as f64 / 5.0;
        let intensity = (buy + sell) / sum(&|_| true);
        Ok(net * (intensity / 0.2).min(1.0).sqrt() * (0.5 + 0.5 * persistence))
    }

    proptest! {
        #[test]
        fn equals_its_twin_and_mirrors(
            steps in prop::collection::vec((0_i64..90, 1_u64..400, 0_u8..3, 0_i64..40), 1..80),
        ) {
            let (mut m, mut mirror) = (money(Some(200)), money(Some(200)));
            let (mut now, mut seen) = (7 * MINUTE, Vec::new());
            for (gap, qty, who, wait) in steps {
                now += gap * SECOND;
                let p = print(now, qty, side(who));
                m.print(&p);
                let other = [0, 2, 1][usize::from(who)];
                mirror.print(&Print { aggressor: side(other), ..p });
                seen.push((p, qty >= 200 && who != 0));
                now += wait * SECOND;
                m.advance(Ts(now));
                mirror.advance(Ts(now));
                prop_assert_eq!(m.slot().reason, mirror.slot().reason);
                prop_assert_eq!(m.slot().value(), mirror.slot().value().map(|v| -v));
                match twin(&seen, Ts(now)) {
                    Err(reason) => prop_assert_eq!(m.slot().reason, reason),
                    Ok(twin) => {
                        let v = m.slot().value().expect("present");
                        prop_assert!((v - twin).abs() < 1e-9, "{v} {twin}");
                    }
                }
            }
        }

        #[test]
        fn stays_in_range(
            steps in prop::collection::vec((any::<i64>(), any::<u64>(), 0_u8..3), 1..40),
            floor in prop::option::of(any::<u64>()),
            quantile in prop::option::of(any::<f64>()),
        ) {
            let mut m = SmartMoney::new(Params { floor, stealth: true, ..Params::default() });
            m.set_quantile(quantile);
            for (at, qty, who) in steps {
                let p = print(at, qty, side(who));
                m.print(&p);
                m.advance(Ts(at));
                if let Some(v) = m.slot().value() {
                    prop_assert!((-1.0..=1.0).contains(&v));
                }
                let _ = m.stealth();
            }
        }
    }
}
