//! Lead, lag and correlation of two symbols' returns: a diagnostic, no input of any decision.
//!
//! Each symbol's price is sampled at the end of every second of its own market time by the
//! previous tick: the mid of its book in half ticks once it had two sides, before that its last
//! trade. Over the last `window` seconds that both symbols have completed, with x and y the
//! one-second changes,
//!
//! ```text
//! r(l)  = Pearson correlation of the pairs (x[t], y[t + l]),  l = −5 … 5 s
//! lead  = the l with the greatest |r|; l > 0: the first symbol leads by l seconds
//! beta  = cov(x, y) / var(x) · Px / Py    (return of the second on one of the first)
//! ```
//!
//! Changes are integers, so every sum is exact: nothing drifts, and swapping the symbols negates
//! `lead` and leaves every r as it is, bit for bit. Changes stand for returns because correlation
//! has no scale and a price moves little within the window; `beta` puts the scale back with the
//! present prices. Of two lags with equal |r| the shorter counts; where +l and −l tie nobody leads
//! and `lead` is 0. `None`: `WARMUP` below half a window of common seconds, `ZERO_DENOMINATOR`
//! where a symbol did not move. A silence or jump of more than [`JUMP_MAX`] seconds begins anew.
//!
//! Correlation at short sampling is biased toward 0 (Epps, "Comovements in Stock Prices in the
//! Very Short Run", JASA 1979): compare values of one sampling only. The estimator of Hayashi and
//! Yoshida (Bernoulli 2005) needs no grid and has no such bias, but no bounded cost a second
//! either. Lags over a grid follow the usual cross-correlation of lead-lag studies (de Jong and
//! Nijman 1997).
//!
//! An event costs one comparison; a new second costs every pair of that symbol 11 lags of constant
//! work each.

use std::cmp::Ordering;

use crate::features::frame::Reason;
use crate::units::{SECOND, SymbolId, Ts};

/// Longest lag, in seconds.
pub const LAG_MAX: i64 = 5;
/// Seconds of one jump beyond which the window begins anew.
pub const JUMP_MAX: i64 = 60;
const LAGS: usize = 2 * LAG_MAX as usize + 1;
/// Seconds that one symbol may be ahead of the other before what is in between is given up.
const AHEAD_MAX: i64 = 256;
/// Greatest change that is taken as one, in half ticks: products of the window then fit their sums.
const CHANGE_MAX: i64 = 1 << 20;

/// How the window is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// Seconds in the window, 20 to 3600.
    pub window: u16,
}

impl Default for Params {
    fn default() -> Params {
        Params { window: 300 }
    }
}

/// What the last window says about two symbols.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Correlation without lag, −1 to 1.
    pub r0: f64,
    /// Seconds by which the first leads (negative: the second), −5 to 5.
    pub lead_s: i64,
    /// Correlation at that lag, −1 to 1.
    pub r_lead: f64,
    /// Return of the second for a return of 1 of the first, over the same second.
    pub beta: f64,
    /// Seconds in the window.
    pub seconds: usize,
    /// End of the last second.
    pub until: Ts,
}

/// Exact sums over pairs of changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    n: i64,
    x: i64,
    y: i64,
    xx: i64,
    yy: i64,
    xy: i64,
}

impl Sums {
    /// Adds (`sign` 1) or takes away (−1) a pair.
    fn put(&mut self, x: i64, y: i64, sign: i64) {
        // At most 3600 pairs of at most 2^20 each: below 2^52.
        self.n += sign;
        self.x += sign * x;
        self.y += sign * y;
        self.xx += sign * x * x;
        self.yy += sign * y * y;
        self.xy += sign * x * y;
    }

    /// n² times covariance and both variances, exactly.
    fn moments(&self) -> (i128, i128, i128) {
        let [n, x, y] = [self.n, self.x, self.y].map(i128::from);
        let [xx, yy, xy] = [self.xx, self.yy, self.xy].map(i128::from);
        (n * xy - x * y, n * xx - x * x, n * yy - y * y)
    }

    fn correlation(&self) -> Option<f64> {
        let (xy, xx, yy) = self.moments();
        if xx <= 0 || yy <= 0 {
            return None;
        }
        // Each moment is below 2^65, so their product stays within the range of f64.
        let r = xy as f64 / (xx as f64 * yy as f64).sqrt();
        Some(r.clamp(-1.0, 1.0))
    }
}

/// One symbol's samples.
#[derive(Clone, Debug)]
struct Track {
    /// Market time from which the next second is due.
    due: Ts,
    /// The second that is being lived through; meaningless before the first price.
    second: i64,
    /// First second whose change is known.
    first: i64,
    /// Price at the last sample, in half ticks.
    price: Option<i64>,
    /// Prices are mids, not trades.
    mids: bool,
    /// Changes by second, a ring.
    changes: Vec<i64>,
}

impl Track {
    fn new(ring: usize) -> Track {
        let changes = vec![0; ring];
        Track { due: Ts(i64::MIN), second: 0, first: 0, price: None, mids: false, changes }
    }

    fn slot(&self, second: i64) -> usize {
        let len = i64::try_from(self.changes.len()).unwrap_or(1).max(1);
        usize::try_from(second.rem_euclid(len)).unwrap_or(0)
    }

    /// The change over `second`.
    fn change(&self, second: i64) -> i64 {
        self.changes.get(self.slot(second)).copied().unwrap_or(0)
    }

    /// Samples up to `now`, whose second begins; `price` is the last one before it.
    fn advance(&mut self, now: Ts, price: Price) {
        let second = now.second();
        self.due = Ts(second.saturating_add(1).saturating_mul(SECOND));
        let (mids, at) = match price {
            Price::None if self.price.is_none() => return,
            Price::None => (self.mids, self.price.unwrap_or(0)),
            Price::Mid(at) => (true, at),
            // A book that is one-sided for a moment keeps its last mid.
            Price::Last(at) if !self.mids => (false, at),
            Price::Last(_) => (true, self.price.unwrap_or(0)),
        };
        let ahead = second - self.second;
        let broken = self.price.is_none() || mids != self.mids || !(1..=JUMP_MAX).contains(&ahead);
        let change = if broken { 0 } else { at - self.price.unwrap_or(at) };
        (self.price, self.mids) = (Some(at), mids);
        if broken || change.abs() > CHANGE_MAX {
            (self.first, self.second) = (second, second);
            return;
        }
        for past in self.second..second {
            let slot = self.slot(past);
            if let Some(kept) = self.changes.get_mut(slot) {
                // All of it happened in the second that was being lived through.
                *kept = if past == self.second { change } else { 0 };
            }
        }
        self.second = second;
    }
}

/// A symbol's price as its book and trades tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Price {
    /// Neither a trade nor a two-sided book yet.
    None,
    /// Last trade, in half ticks.
    Last(i64),
    /// Bid plus ask in ticks: the mid in half ticks.
    Mid(i64),
}

/// Two symbols.
#[derive(Clone, Debug)]
struct Pair {
    symbols: [usize; 2],
    /// First second in the window, and the one after the last.
    from: i64,
    until: i64,
    lags: [Sums; LAGS],
}

/// Every pair of the symbols of a run.
#[derive(Clone, Debug)]
pub struct Pairs {
    window: i64,
    tracks: Vec<Track>,
    pairs: Vec<Pair>,
}

impl Pairs {
    /// Pairs of `symbols` symbols; allocates here and nowhere else.
    #[must_use]
    pub fn new(symbols: usize, params: Params) -> Pairs {
        let window = i64::from(params.window.clamp(20, 3600));
        let ring = usize::try_from(window + AHEAD_MAX + JUMP_MAX).unwrap_or(0);
        let pair = |a: usize| {
            (a + 1..symbols).map(move |b| Pair {
                symbols: [a, b],
                from: 0,
                until: 0,
                lags: [Sums::default(); LAGS],
            })
        };
        let pairs: Vec<Pair> = (0..symbols).flat_map(pair).collect();
        let tracked = if pairs.is_empty() { 0 } else { symbols };
        Pairs { window, tracks: vec![Track::new(ring); tracked], pairs }
    }

    /// Whether market time `now` of `symbol` begins a new second: then call [`Pairs::second`].
    #[inline]
    #[must_use]
    pub fn is_due(&self, symbol: SymbolId, now: Ts) -> bool {
        self.tracks.get(usize::from(symbol.0)).is_some_and(|t| now >= t.due) && now.is_some()
    }

    /// A new second of `symbol` began with market time `now`; `price` is its price before that.
    pub fn second(&mut self, symbol: SymbolId, now: Ts, price: Price) {
        let at = usize::from(symbol.0);
        let Some(track) = self.tracks.get_mut(at) else { return };
        track.advance(now, price);
        for pair in self.pairs.iter_mut().filter(|p| p.symbols.contains(&at)) {
            let [a, b] = pair.symbols;
            if let (Some(a), Some(b)) = (self.tracks.get(a), self.tracks.get(b)) {
                pair.advance(a, b, self.window);
            }
        }
    }

    /// The pairs: indices of the first and second symbol.
    pub fn pairs(&self) -> impl Iterator<Item = (SymbolId, SymbolId)> + '_ {
        let id = |at: usize| SymbolId(u16::try_from(at).unwrap_or(u16::MAX));
        self.pairs.iter().map(move |p| (id(p.symbols[0]), id(p.symbols[1])))
    }

    /// What the window says about `first` and `second`.
    ///
    /// # Errors
    /// Why it says nothing.
    pub fn reading(&self, first: SymbolId, second: SymbolId) -> Result<Reading, Reason> {
        let [a, b] = [first, second].map(|s| usize::from(s.0));
        let swapped = a > b;
        let symbols = if swapped { [b, a] } else { [a, b] };
        let pair = self.pairs.iter().find(|p| p.symbols == symbols).ok_or(Reason::NoInput)?;
        let lag = |l: i64| {
            let at = LAG_MAX + if swapped { -l } else { l };
            let sums = pair.lags.get(usize::try_from(at).unwrap_or(0)).copied().unwrap_or_default();
            let (x, y) = if swapped { (sums.y, sums.x) } else { (sums.x, sums.y) };
            let (xx, yy) = if swapped { (sums.yy, sums.xx) } else { (sums.xx, sums.yy) };
            Sums { x, y, xx, yy, ..sums }
        };
        let now = lag(0);
        if now.n < self.window / 2 {
            return Err(Reason::Warmup);
        }
        let r0 = now.correlation().ok_or(Reason::ZeroDenominator)?;
        let (mut lead_s, mut r_lead, mut most) = (0, r0, r0.abs());
        for l in 1..=LAG_MAX {
            let [after, before] = [lag(l), lag(-l)].map(|s| s.correlation().unwrap_or(0.0));
            let (a, b) = (after.abs(), before.abs());
            if a.max(b) > most {
                most = a.max(b);
                (lead_s, r_lead) = match a.total_cmp(&b) {
                    Ordering::Greater => (l, after),
                    Ordering::Less => (-l, before),
                    Ordering::Equal => (0, r0),
                };
            }
        }
        let price = |at: usize| self.tracks.get(at).and_then(|t| t.price).unwrap_or(0) as f64;
        let (xy, xx, _) = now.moments();
        let beta = xy as f64 / xx as f64 * (price(a) / price(b));
        if !beta.is_finite() {
            return Err(Reason::ZeroDenominator);
        }
        let until = Ts(pair.until.saturating_mul(SECOND));
        let seconds = usize::try_from(now.n).unwrap_or(0);
        Ok(Reading { r0, lead_s, r_lead, beta, seconds, until })
    }
}

impl Pair {
    /// Takes the seconds that both symbols have completed since the last time.
    fn advance(&mut self, a: &Track, b: &Track, window: i64) {
        if a.price.is_none() || b.price.is_none() {
            return;
        }
        let (first, done) = (a.first.max(b.first), a.second.min(b.second));
        let apart = (a.second - b.second).abs() > AHEAD_MAX;
        if apart || first > self.from {
            // A symbol began anew, or one has waited for the other for too long.
            let from = if apart { a.second.max(b.second) } else { first };
            (self.from, self.until) = (from, from);
            self.lags = [Sums::default(); LAGS];
        }
        while self.until < done {
            let t = self.until;
            self.until += 1;
            self.put(a, b, t, 1);
            if self.until - self.from > window {
                self.drop_first(a, b);
            }
        }
    }

    /// Adds the pairs whose later second is `t`.
    fn put(&mut self, a: &Track, b: &Track, t: i64, sign: i64) {
        for (l, sums) in (-LAG_MAX..=LAG_MAX).zip(&mut self.lags) {
            // l > 0: y is later. l < 0: x is later.
            let (x, y) = (t - l.max(0), t + l.min(0));
            if x.min(y) >= self.from {
                sums.put(a.change(x), b.change(y), sign);
            }
        }
    }

    /// Takes away the pairs whose earlier second is the window's first.
    fn drop_first(&mut self, a: &Track, b: &Track) {
        let t = self.from;
        for (l, sums) in (-LAG_MAX..=LAG_MAX).zip(&mut self.lags) {
            let (x, y) = (t + (-l).max(0), t + l.max(0));
            if x.max(y) < self.until {
                sums.put(a.change(x), b.change(y), -1);
            }
        }
        self.from += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: SymbolId = SymbolId(0);
    const B: SymbolId = SymbolId(1);
    const START: i64 = 1_700_000_000;

    /// A walk that any change of a bit changes.
    fn moves(seed: u64, n: usize) -> Vec<i64> {
        let mut state = seed.wrapping_mul(2).wrapping_add(1);
        let step = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            (state >> 60) as i64 - 7
        };
        (0..n).map(step).collect()
    }

    /// Both symbols each second: `changes` happen within the seconds from `START` on.
    fn fed(changes: [&[i64]; 2], window: u16) -> Pairs {
        let mut pairs = Pairs::new(2, Params { window });
        let mut prices = [40_000, 130_000];
        let n = changes[0].len().min(changes[1].len());
        for at in 0..=n {
            for (id, symbol) in [A, B].into_iter().enumerate() {
                let now = Ts((START + at as i64) * SECOND + 5);
                assert!(pairs.is_due(symbol, now));
                pairs.second(symbol, now, Price::Mid(prices[id]));
                assert!(!pairs.is_due(symbol, Ts(now.0 + 1000)));
                prices[id] += changes[id].get(at).copied().unwrap_or(0);
            }
        }
        pairs
    }

    fn later(changes: &[i64], by: usize) -> Vec<i64> {
        [&vec![0; by], &changes[..changes.len() - by]].concat()
    }

    #[test]
    fn the_follower_follows() {
        let lead = moves(7, 400);
        let follow: Vec<i64> = later(&lead, 2).iter().map(|m| 2 * m).collect();
        let pairs = fed([&lead, &follow], 300);
        let reading = pairs.reading(A, B).expect("whole window");
        assert_eq!((reading.lead_s, reading.seconds), (2, 300));
        assert!(reading.r_lead > 0.999_999 && reading.r0.abs() < 0.3, "{reading:?}");
        assert_eq!(reading.until, Ts((START + 400) * SECOND));
        // The same market seen from the other side.
        let back = pairs.reading(B, A).expect("whole window");
        assert_eq!((back.lead_s, back.r0, back.r_lead), (-2, reading.r0, reading.r_lead));
        let swapped = fed([&follow, &lead], 300).reading(A, B).expect("whole window");
        assert_eq!((swapped.lead_s, swapped.r0, swapped.r_lead), (-2, reading.r0, reading.r_lead));
        // Prices reflected: all changes negated.
        let minus = |m: &[i64]| m.iter().map(|m| -m).collect::<Vec<_>>();
        let mirror = fed([&minus(&lead), &minus(&follow)], 300).reading(A, B).expect("window");
        assert_eq!((mirror.lead_s, mirror.r0, mirror.r_lead), (2, reading.r0, reading.r_lead));
        let one = fed([&lead, &minus(&follow)], 300).reading(A, B).expect("window");
        assert_eq!((one.lead_s, one.r0, one.r_lead), (2, -reading.r0, -reading.r_lead));
    }

    #[test]
    fn beta_is_of_returns() {
        let x = moves(3, 300);
        let y: Vec<i64> = x.iter().map(|m| 3 * m).collect();
        let reading = fed([&x, &y], 300).reading(A, B).expect("window");
        assert!(reading.lead_s == 0 && reading.r0 > 1.0 - 1e-12, "{reading:?}");
        // Three half ticks for one, at about 3.25 times the price.
        let (px, py) = (40_000 + x.iter().sum::<i64>(), 130_000 + y.iter().sum::<i64>());
        assert!((reading.beta - 3.0 * px as f64 / py as f64).abs() < 1e-12);
    }

    #[test]
    fn reasons() {
        let x = moves(5, 149);
        assert_eq!(fed([&x, &x], 300).reading(A, B), Err(Reason::Warmup));
        let x = moves(5, 150);
        assert!(fed([&x, &x], 300).reading(A, B).is_ok());
        assert_eq!(fed([&x, &vec![0; 150]], 300).reading(A, B), Err(Reason::ZeroDenominator));
        assert_eq!(Pairs::new(1, Params::default()).reading(A, B), Err(Reason::NoInput));
        assert!(!Pairs::new(1, Params::default()).is_due(A, Ts(5)));
    }

    #[test]
    fn a_silence_begins_anew() {
        let x = moves(5, 200);
        let mut pairs = fed([&x, &x], 300);
        let now = Ts((START + 200 + JUMP_MAX + 1) * SECOND);
        pairs.second(A, now, Price::Mid(40_000));
        pairs.second(B, now, Price::Mid(40_000));
        assert_eq!(pairs.reading(A, B), Err(Reason::Warmup));
        // So does the step from trades to the book.
        let mut pairs = fed([&x, &x], 300);
        let now = Ts((START + 201) * SECOND);
        pairs.second(A, now, Price::Last(40_000));
        pairs.second(B, now, Price::None);
        assert!(pairs.reading(A, B).is_ok(), "a book that is one-sided for a moment");
    }

    /// One symbol's clock runs far ahead: what lies between is given up, nothing else breaks.
    #[test]
    fn far_ahead() {
        let x = moves(5, 300);
        let mut pairs = fed([&x, &x], 300);
        for s in 0..1000 {
            pairs.second(A, Ts((START + 300 + s) * SECOND), Price::Mid(40_000 + s % 7));
        }
        assert_eq!(pairs.reading(A, B), Err(Reason::Warmup));
        for s in 990..1400 {
            let now = Ts((START + 300 + s) * SECOND);
            pairs.second(B, now, Price::Mid(40_000 + s % 7));
            pairs.second(A, now, Price::Mid(40_000 + s % 7));
        }
        let reading = pairs.reading(A, B).expect("both again");
        assert!(reading.lead_s == 0 && reading.r0 > 1.0 - 1e-12, "{reading:?}");
    }

    fn naive(x: &[f64], y: &[f64]) -> Option<f64> {
        let n = x.len() as f64;
        let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
        let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
            x.iter().zip(y).map(|(&x, &y)| f(x - mx, y - my)).sum()
        };
        let (xx, yy) = (sum(&|x, _| x * x), sum(&|_, y| y * y));
        (xx > 1e-9 && yy > 1e-9).then(|| sum(&|x, y| x * y) / (xx.sqrt() * yy.sqrt()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// The slow twin: both symbols tick when they like; samples are taken from the whole list.
        #[test]
        fn twin(ticks in prop::collection::vec((any::<bool>(), 0_i64..4, -9_i64..10), 200..600)) {
            let window = 40;
            let mut pairs = Pairs::new(2, Params { window });
            // Price after each tick, by symbol, in order of time.
            let mut all: [Vec<(i64, i64)>; 2] = Default::default();
            let mut second = START;
            for (which, step, change) in ticks {
                second += step;
                let at = usize::from(which);
                let last = all[at].last().map(|l| l.1);
                let now = Ts(second * SECOND);
                let symbol = [A, B][at];
                if pairs.is_due(symbol, now) {
                    pairs.second(symbol, now, last.map_or(Price::None, Price::Mid));
                }
                all[at].push((second, last.unwrap_or(40_000) + change));
            }
            // Silence: both clocks go on.
            for symbol in [A, B] {
                let last = all[usize::from(symbol.0)].last();
                let last = last.map_or(Price::None, |l| Price::Mid(l.1));
                pairs.second(symbol, Ts((second + 1) * SECOND), last);
            }
            let end = second + 1;
            let price = |at: usize, s: i64| all[at].iter().rev().find(|t| t.0 <= s).map(|t| t.1);
            // A change is known from the second after the first that has a price before it.
            let from = (0..2).filter_map(|at| {
                let first = all[at].first()?.0;
                all[at].iter().map(|t| t.0).find(|&s| s > first)
            }).max();
            let Some(from) = from else { return Ok(()) };
            let from = from.max(end - i64::from(window));
            let change = |at: usize| -> Vec<f64> {
                (from..end).map(|s| {
                    (price(at, s).unwrap_or(0) - price(at, s - 1).unwrap_or(0)) as f64
                }).collect()
            };
            let (x, y) = (change(0), change(1));
            let reading = pairs.reading(A, B);
            if x.len() < usize::from(window) / 2 {
                prop_assert_eq!(reading, Err(Reason::Warmup));
                return Ok(());
            }
            let Some(r0) = naive(&x, &y) else {
                prop_assert_eq!(reading, Err(Reason::ZeroDenominator));
                return Ok(());
            };
            let reading = reading.expect("a whole window that moves");
            prop_assert!((reading.r0 - r0).abs() < 1e-9, "{} {}", reading.r0, r0);
            let lagged = |l: i64| {
                let by = l.unsigned_abs() as usize;
                let n = x.len() - by;
                let pair = if l > 0 { (&x[..n], &y[by..]) } else { (&x[by..], &y[..n]) };
                naive(pair.0, pair.1).unwrap_or(0.0)
            };
            prop_assert!((reading.r_lead - lagged(reading.lead_s)).abs() < 1e-9);
            for l in -LAG_MAX..=LAG_MAX {
                prop_assert!(lagged(l).abs() <= reading.r_lead.abs() + 1e-9, "lag {l}");
            }
            let back = pairs.reading(B, A).expect("the same window");
            prop_assert_eq!((back.lead_s, back.r0), (-reading.lead_s, reading.r0));
            prop_assert!(reading.beta.is_finite());
        }

        /// Any prices and times: in range, finite, no panic.
        #[test]
        fn any_input(ticks in prop::collection::vec(
            (any::<bool>(), 0_i64..2_000_000_000, -(1_i64 << 31)..(1_i64 << 31), 0..3), 0..500,
        )) {
            let mut pairs = Pairs::new(2, Params { window: 20 });
            let mut now = START * SECOND;
            for (which, step, price, kind) in ticks {
                now += step;
                let price = [Price::Mid(price), Price::Last(price), Price::None][kind as usize];
                pairs.second(if which { A } else { B }, Ts(now), price);
                if let Ok(r) = pairs.reading(A, B) {
                    prop_assert!(r.r0.abs() <= 1.0 && r.r_lead.abs() <= 1.0 && r.beta.is_finite());
                    prop_assert!(r.r_lead.abs() >= r.r0.abs() || r.lead_s == 0);
                }
            }
        }
    }
}
