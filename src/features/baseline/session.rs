//! One recorded session and what is computed from it alone.

use std::sync::Arc;

use super::sizes::Sizes;
use crate::bars::Bar;
use crate::calendar::Label;

/// Bars of the slope window of CVD, and bars of a set.
const SLOPE: usize = 20;
const SET: usize = 5;
/// Largest volume of a bar that a session may hold, in contracts.
pub(super) const VOLUME_MAX: i64 = 1 << 40;

/// Which hours of the Globex day a session covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// 18:00 to 17:00 New York.
    Eth = 0,
    /// 09:30 New York to the cash close.
    Rth = 1,
}

impl Kind {
    /// Both.
    pub const ALL: [Kind; 2] = [Kind::Eth, Kind::Rth];

    /// RTH for `true`.
    #[must_use]
    pub const fn of(rth: bool) -> Kind {
        if rth { Kind::Rth } else { Kind::Eth }
    }

    /// `ETH` or `RTH`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Eth => "ETH",
            Kind::Rth => "RTH",
        }
    }

    /// Minutes of a full session.
    #[must_use]
    pub const fn minutes(self) -> usize {
        match self {
            Kind::Eth => 1380,
            Kind::Rth => 390,
        }
    }

    /// Five-minute bars of a full session.
    pub(super) const fn fives(self) -> usize {
        self.minutes() / 5
    }

    /// The labels whose sizes a session of this kind holds. Sizes of the cash session stand in the
    /// RTH set alone: there they need no whole Globex day.
    pub(super) const fn labels(self) -> &'static [Label] {
        match self {
            Kind::Eth => &[Label::Asia, Label::London, Label::UsPost],
            Kind::Rth => &[Label::Us],
        }
    }

    /// Distinct sizes that a session can hold, all its histograms together.
    pub(super) const fn pairs_max(self) -> usize {
        match self {
            Kind::Eth => 8192,
            Kind::Rth => 4096,
        }
    }
}

/// What a histogram counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum What {
    /// Merged trades.
    Print = 0,
    /// Sizes of the ten visible levels a side at minute closes.
    Level = 1,
    /// Contracts added to a level at once.
    Added = 2,
}

/// Histograms a label.
pub(super) const WHATS: usize = 3;
/// Most histograms of a session.
pub(super) const HISTOGRAMS: usize = 3 * WHATS;

/// A full session: its bars and sizes, and the numbers that statistics are made from. All memory is
/// taken at once, so that a finished session can take the place of an old one.
#[derive(Clone, Debug)]
pub struct Session {
    kind: Kind,
    /// Name of the contract at its source.
    pub contract: Arc<str>,
    /// Trade date, in days since 1970-01-01.
    pub trade_day: i32,
    /// SHA-256 of the tick file or, recorded in a run, the hash of that run's start conditions.
    pub source: [u8; 32],
    /// Minute since the epoch at which it began.
    pub anchor: i64,
    bars: Box<[Option<Bar>]>,
    pairs: Box<[u64]>,
    /// Histogram i is `pairs[ends[i]..ends[i + 1]]`.
    ends: [usize; HISTOGRAMS + 1],
    sets: Box<[Option<i64>]>,
    slopes: Box<[Option<f64>]>,
    /// ATR20 and RV at five-minute closes, sorted.
    pub(super) atr: Samples,
    pub(super) rv: Samples,
}

impl Session {
    /// Room for a session.
    #[must_use]
    pub fn new(kind: Kind) -> Session {
        let minutes = kind.minutes();
        Session {
            kind,
            contract: Arc::from(""),
            trade_day: 0,
            source: [0; 32],
            anchor: 0,
            bars: vec![None; minutes].into_boxed_slice(),
            pairs: vec![0; kind.pairs_max()].into_boxed_slice(),
            ends: [0; HISTOGRAMS + 1],
            sets: vec![None; minutes].into_boxed_slice(),
            slopes: vec![None; minutes].into_boxed_slice(),
            atr: Samples::new(kind.fives()),
            rv: Samples::new(kind.fives()),
        }
    }

    /// RTH or ETH.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Its minutes; `None` where the market was halted.
    #[must_use]
    pub fn bars(&self) -> &[Option<Bar>] {
        &self.bars
    }

    /// All contracts.
    #[must_use]
    pub fn volume(&self) -> i64 {
        self.bars.iter().flatten().fold(0, |sum, bar| bar.volume.saturating_add(sum))
    }

    /// The counted sizes of label `at` of [`Kind::labels`], as sorted pairs.
    pub(super) fn sizes(&self, at: usize, what: What) -> &[u64] {
        let n = at * WHATS + what as usize;
        let [Some(&from), Some(&to)] = [self.ends.get(n), self.ends.get(n + 1)] else { return &[] };
        self.pairs.get(from..to).unwrap_or_default()
    }

    /// Contracts of the five bars that end at `minute` since the anchor.
    pub(super) fn set(&self, minute: usize) -> Option<i64> {
        self.sets.get(minute).copied().flatten()
    }

    /// Slope of CVD over the 20 bars that end at `minute`, in contracts a bar.
    pub(super) fn slope(&self, minute: usize) -> Option<f64> {
        self.slopes.get(minute).copied().flatten()
    }

    /// Starts anew at minute `anchor`.
    pub(super) fn restart(&mut self, trade_day: i32, anchor: i64) {
        (self.trade_day, self.anchor) = (trade_day, anchor);
        self.bars.fill(None);
        self.ends = [0; HISTOGRAMS + 1];
    }

    /// Sets the bar of its minute; minutes outside are ignored.
    pub(super) fn put(&mut self, bar: &Bar) {
        let at = usize::try_from(bar.minute.saturating_sub(self.anchor));
        if let Some(slot) = at.ok().and_then(|at| self.bars.get_mut(at)) {
            *slot = Some(*bar);
        }
    }

    /// Takes the pairs of the next histogram, number `n`; `false` where there is no room.
    pub(super) fn put_sizes(&mut self, n: usize, pairs: impl Iterator<Item = u64>) -> bool {
        let Some(mut at) = self.ends.get(n).copied() else { return false };
        for word in pairs {
            let Some(slot) = self.pairs.get_mut(at) else { return false };
            *slot = word;
            at += 1;
        }
        self.ends.iter_mut().skip(n + 1).for_each(|end| *end = at);
        true
    }

    /// Takes what was counted under each of its labels.
    pub(super) fn put_all(&mut self, counts: &[[Sizes; WHATS]]) -> bool {
        let all = counts.iter().flatten().enumerate();
        all.fold(true, |fits, (n, sizes)| {
            fits && !sizes.is_full() && self.put_sizes(n, sizes.pairs())
        })
    }

    /// Computes what depends on its bars alone, and its samples of ATR and RV by `level`, which
    /// goes on from the session before. Costs about 20 operations a minute.
    pub(super) fn derive(&mut self, level: &mut super::level::Level) {
        let mut window = [(0_i64, 0_i64); SLOPE];
        let (mut count, mut cvd) = (0_usize, 0_i64);
        let each = self.bars.iter().zip(self.sets.iter_mut().zip(self.slopes.iter_mut()));
        for (bar, (set, slope)) in each {
            (*set, *slope) = (None, None);
            let Some(bar) = bar else { continue };
            cvd += bar.delta();
            count += 1;
            window.copy_within(1.., 0);
            window[SLOPE - 1] = (bar.volume, cvd);
            if count >= SET {
                *set = Some(window.iter().rev().take(SET).map(|w| w.0).sum());
            }
            if count >= SLOPE {
                *slope = Some(least_squares(&window));
            }
        }
        (self.atr.used, self.rv.used) = (0, 0);
        level.session(self.kind, &self.contract, self.trade_day);
        let mut bars = self.bars.iter().peekable();
        while let Some(bar) = bars.next() {
            let Some(bar) = bar else { continue };
            let last = bars.peek().is_none_or(|next| next.is_none());
            if level.minute(bar, last) {
                self.atr.push(level.atr());
                self.rv.push(level.rv(self.kind));
            }
        }
        self.atr.finish();
        self.rv.finish();
    }
}

/// Least-squares slope of the second of each, equally spaced; exact until the last division.
fn least_squares(window: &[(i64, i64); SLOPE]) -> f64 {
    let n = SLOPE as i128;
    let (mut sum_y, mut sum_xy) = (0_i128, 0_i128);
    for (x, &(_, y)) in (0_i128..).zip(window) {
        sum_y += i128::from(y);
        sum_xy += x * i128::from(y);
    }
    let (sum_x, sum_xx) = (n * (n - 1) / 2, (n - 1) * n * (2 * n - 1) / 6);
    (n * sum_xy - sum_x * sum_y) as f64 / (n * sum_xx - sum_x * sum_x) as f64
}

/// A sorted sample with its mean.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    values: Box<[f64]>,
    used: usize,
    /// Mean, while there is a value.
    pub(super) mean: Option<f64>,
}

impl Samples {
    fn new(most: usize) -> Samples {
        Samples { values: vec![0.0; most].into_boxed_slice(), used: 0, mean: None }
    }

    fn push(&mut self, value: Option<f64>) {
        if let (Some(value), Some(slot)) = (value, self.values.get_mut(self.used)) {
            *slot = value;
            self.used += 1;
        }
    }

    fn finish(&mut self) {
        let used = self.values.get_mut(..self.used).unwrap_or_default();
        used.sort_unstable_by(f64::total_cmp);
        self.mean = (!used.is_empty()).then(|| used.iter().sum::<f64>() / used.len() as f64);
    }

    /// The values, smallest first.
    pub(super) fn sorted(&self) -> &[f64] {
        self.values.get(..self.used).unwrap_or_default()
    }
}
