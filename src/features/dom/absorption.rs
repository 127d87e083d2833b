//! Absorption: heavy aggression that does not move the market.
//!
//! Market time is cut into spans of five seconds (aligned to whole multiples). A span's volume is
//! that of its busier aggressor, unclassified trades aside. A span absorbs when its volume is at
//! least the 90th percentile (linear interpolation) of the up to 720 spans before it, an hour,
//! silent ones among them, and the middle between the touches differs by no more than one tick
//! between its beginning and its end. The event belongs to the resting side: absorbed selling is
//! bullish. No event: equal volumes of both aggressors, no volume, no touch at either end, a span
//! that a session's start or a gap cut, or fewer than 120 spans (ten minutes) to compare with.
//!
//! The sample is the run's own, hence no recorded session is needed; time out of session does not
//! enter it. Source: own design. Cost: O(1) a trade; at the end of a span one insertion into 720
//! sorted volumes, for n silent spans at once min(n, 720) of them.

use super::log::{Kind, Log};
use crate::units::{Aggressor, Px, Qty, SECOND, Side, Ts};

const SPAN_NS: i64 = 5 * SECOND;
/// Spans of an hour.
const SPANS: usize = 720;
/// Spans that the comparison needs.
const WARM: usize = 120;

/// Volumes of the last spans, in order of arrival and of size.
#[derive(Clone, Debug)]
struct Sample {
    ring: Box<[u64; SPANS]>,
    sorted: Box<[u64; SPANS]>,
    len: usize,
    /// Where the next volume goes in `ring`; the oldest one is there once it is full.
    next: usize,
}

impl Default for Sample {
    fn default() -> Sample {
        Sample { ring: Box::new([0; SPANS]), sorted: Box::new([0; SPANS]), len: 0, next: 0 }
    }
}

impl Sample {
    fn push(&mut self, volume: u64) {
        let Some(place) = self.ring.get_mut(self.next) else { return };
        let oldest = std::mem::replace(place, volume);
        self.next = (self.next + 1) % SPANS;
        if self.len == SPANS {
            let at = self.rank(|v| v < oldest);
            if let Some(tail) = self.sorted.get_mut(at..) {
                tail.copy_within(1.., 0);
            }
            self.len -= 1;
        }
        let at = self.rank(|v| v <= volume);
        if let Some(tail) = self.sorted.get_mut(at..=self.len)
            && let Some(moved) = tail.len().checked_sub(1)
        {
            tail.copy_within(..moved, 1);
            if let Some(first) = tail.first_mut() {
                *first = volume;
            }
        }
        self.len += 1;
    }

    /// `n` silent spans.
    fn push_silent(&mut self, n: i64) {
        if n >= SPANS as i64 {
            self.ring.fill(0);
            self.sorted.fill(0);
            self.len = SPANS;
        } else {
            (0..n).for_each(|_| self.push(0));
        }
    }

    fn rank(&self, below: impl Fn(u64) -> bool) -> usize {
        self.sorted.get(..self.len).unwrap_or_default().partition_point(|&v| below(v))
    }

    /// Whether `volume` reaches the 90th percentile, decided in integers.
    fn is_high(&self, volume: u64) -> bool {
        let place = self.len.saturating_sub(1) * 9;
        let at = |i: usize| self.sorted.get(i).copied().unwrap_or(u64::MAX);
        let low = at(place / 10);
        // The last place has nothing above it, and needs nothing.
        let high = if place.is_multiple_of(10) { low } else { at(place / 10 + 1) };
        let tenths = (place % 10) as u128;
        let percentile = u128::from(low) * (10 - tenths) + u128::from(high) * tenths;
        u128::from(volume) * 10 >= percentile
    }
}

/// The open span and the sample before it.
#[derive(Clone, Debug, Default)]
pub(super) struct Absorption {
    sample: Sample,
    /// Number of the open span since 1970; `None` outside sessions.
    span: Option<i64>,
    /// Its end; 0 without one, so that the first instant (later than 1970) opens one.
    end: i64,
    /// Contracts bought and sold in it.
    volumes: [u64; 2],
    /// Twice the middle at its beginning, in ticks.
    middle: Option<i64>,
    /// It began before it was watched, or a gap is in it.
    spoiled: bool,
}

impl Absorption {
    pub(super) fn trade(&mut self, qty: Qty, aggressor: Aggressor) {
        let [bought, sold] = &mut self.volumes;
        match aggressor {
            Aggressor::Buy => *bought = bought.saturating_add(u64::from(qty)),
            Aggressor::Sell => *sold = sold.saturating_add(u64::from(qty)),
            Aggressor::None => {}
        }
    }

    /// Market time moved to `now`; `touch` is that of the last batch.
    #[inline]
    pub(super) fn advance(&mut self, now: Ts, touch: Option<[Px; 2]>, log: &mut Log) {
        if now.0 >= self.end {
            self.turn(now, touch, log);
        }
    }

    /// A span ends, and another one begins.
    fn turn(&mut self, now: Ts, touch: Option<[Px; 2]>, log: &mut Log) {
        let span = now.0.div_euclid(SPAN_NS);
        if let Some(last) = self.span {
            if !self.spoiled {
                self.judge(now, touch, log);
                let [bought, sold] = self.volumes;
                self.sample.push(bought.max(sold));
            }
            self.sample.push_silent(span.saturating_sub(last).saturating_sub(1));
        }
        self.spoiled = self.span.is_none();
        self.span = Some(span);
        self.end = span.saturating_add(1).saturating_mul(SPAN_NS);
        self.volumes = [0; 2];
        self.middle = touch.map(middle);
    }

    fn judge(&self, now: Ts, touch: Option<[Px; 2]>, log: &mut Log) {
        let (Some(touch), Some(before)) = (touch, self.middle) else { return };
        let ([bought, sold], [bid, ask]) = (self.volumes, touch);
        let still = (middle(touch) - before).abs() <= 2;
        let (volume, side, px) =
            if sold > bought { (sold, Side::Bid, bid) } else { (bought, Side::Ask, ask) };
        if still && bought != sold && self.is_warm() && self.sample.is_high(volume) {
            log.put(Kind::Absorption, side, px, volume, now);
        }
    }

    /// Messages may be missing in the open span.
    pub(super) fn spoil(&mut self) {
        self.spoiled = true;
    }

    /// A session ended.
    pub(super) fn pause(&mut self) {
        (self.span, self.end, self.volumes) = (None, 0, [0; 2]);
    }

    pub(super) fn is_warm(&self) -> bool {
        self.sample.len >= WARM
    }
}

/// Twice the middle, in ticks.
fn middle(touch: [Px; 2]) -> i64 {
    touch.iter().map(|px| i64::from(px.ticks())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn touch(at: i64) -> Option<[Px; 2]> {
        Some([Px::clamped(at), Px::clamped(at + 1)])
    }

    /// An absorption that has seen 199 spans of 10 and 1 of 40 contracts, in the middle of a span.
    fn warm(log: &mut Log) -> (Absorption, i64) {
        let mut a = Absorption::default();
        a.advance(Ts(SPAN_NS / 2), touch(100), log);
        for span in 1..202 {
            a.advance(Ts(span * SPAN_NS), touch(span * 10), log);
            a.trade(if span == 7 { 40 } else { 10 }, Aggressor::Buy);
        }
        (a, 202)
    }

    #[test]
    fn absorbed_selling_is_bullish() {
        for (who, side, px) in [(Aggressor::Sell, Side::Bid, 101), (Aggressor::Buy, Side::Ask, 102)]
        {
            let mut log = Log::default();
            let (mut a, span) = warm(&mut log);
            assert_eq!(log.total(), 0, "the middle moved");
            a.advance(Ts(span * SPAN_NS), touch(100), &mut log);
            a.trade(9, Aggressor::None);
            a.trade(10, who);
            a.advance(Ts((span + 1) * SPAN_NS), touch(101), &mut log);
            let event = log.recent().next().expect("absorbed");
            assert_eq!((event.kind, event.side, event.size), (Kind::Absorption, side, 10));
            assert_eq!(event.px.ticks(), px);
        }
    }

    #[test]
    fn says_nothing_when_it_must_not() {
        let run = |trades: &[(Qty, Aggressor)], from, to, spoil: bool| {
            let mut log = Log::default();
            let (mut a, span) = warm(&mut log);
            a.advance(Ts(span * SPAN_NS), from, &mut log);
            trades.iter().for_each(|t| a.trade(t.0, t.1));
            if spoil {
                a.spoil();
            }
            a.advance(Ts((span + 1) * SPAN_NS), to, &mut log);
            log.total()
        };
        let (buy, sell) = (Aggressor::Buy, Aggressor::Sell);
        assert_eq!(run(&[(50, buy)], touch(5), touch(5), false), 1);
        assert_eq!(run(&[(50, buy)], touch(5), touch(7), false), 0, "two ticks");
        assert_eq!(run(&[(50, buy), (50, sell)], touch(5), touch(5), false), 0, "a tie");
        assert_eq!(run(&[(9, buy)], touch(5), touch(5), false), 0, "usual volume");
        assert_eq!(run(&[(50, buy)], None, touch(5), false), 0);
        assert_eq!(run(&[(50, buy)], touch(5), None, false), 0);
        assert_eq!(run(&[(50, buy)], touch(5), touch(5), true), 0, "a gap");
    }

    #[test]
    fn out_of_session_does_not_count() {
        let mut log = Log::default();
        let (mut a, span) = warm(&mut log);
        let before = a.sample.len;
        a.pause();
        a.advance(Ts((span + 700) * SPAN_NS + 1), touch(1), &mut log);
        a.trade(999, Aggressor::Buy);
        a.advance(Ts((span + 701) * SPAN_NS), touch(1), &mut log);
        assert_eq!((a.sample.len, log.total()), (before, 0));
        a.advance(Ts((span + 9_000) * SPAN_NS), touch(1), &mut log);
        assert_eq!((a.sample.len, a.sample.sorted[SPANS - 1]), (SPANS, 0));
    }

    proptest! {
        #[test]
        fn equals_its_twin(
            volumes in prop::collection::vec(
                prop_oneof![3 => 0_u64..50, 1 => any::<u64>()], 1..900),
            gaps in prop::collection::vec(0_i64..400, 1..4),
        ) {
            let (mut sample, mut all) = (Sample::default(), Vec::new());
            for (i, &volume) in volumes.iter().enumerate() {
                if i % 211 == 0 {
                    let n = gaps[i / 211 % gaps.len()];
                    sample.push_silent(n);
                    all.extend((0..n).map(|_| 0));
                }
                if i % 17 == 0 && !all.is_empty() {
                    let mut sorted = all[all.len().saturating_sub(SPANS)..].to_vec();
                    sorted.sort_unstable();
                    prop_assert_eq!(&sample.sorted[..sample.len], &sorted[..]);
                    let at = (sorted.len() - 1) * 9;
                    let low = sorted[at / 10];
                    let high = sorted[(at / 10 + 1).min(sorted.len() - 1)];
                    let tenths = (at % 10) as u128;
                    let p90 = u128::from(low) * (10 - tenths) + u128::from(high) * tenths;
                    prop_assert_eq!(sample.is_high(volume), u128::from(volume) * 10 >= p90);
                }
                sample.push(volume);
                all.push(volume);
            }
        }
    }
}
