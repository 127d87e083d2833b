//! Statistics over the sessions of one kind.

use super::session::{Kind, Session, What};
use super::sizes::quantile;
use super::{KEPT, LargeSizes};

/// Sessions of a time-of-day statistic, and the fewest it needs.
const DAYS: usize = 20;
const DAYS_MIN: usize = 10;
/// Sessions of a size quantile; all of them for prints.
const RECENT: usize = 5;
/// Fewest sessions of a percentile of ATR or RV.
const LEVEL_MIN: usize = 5;
/// Fewest sessions of the target RV.
const TARGET_MIN: usize = 20;
/// Minutes from 18:00 New York to the cash session.
const PREMARKET: usize = 930;
/// Quantile of RVOL that is called high.
const HIGH: f64 = 0.975;

/// What is usual at one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Minute {
    /// Median volume.
    pub(super) volume: Option<f64>,
    /// Median volume of the five bars that end here.
    pub(super) set: Option<f64>,
    /// Mean and deviation of δ.
    pub(super) delta: Option<(f64, f64)>,
    /// Mean and deviation of the slope of CVD.
    pub(super) slope: Option<(f64, f64)>,
}

/// All tables of one kind.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    minutes: Box<[Minute]>,
    large: [LargeSizes; 3],
    scratch: Box<[f64]>,
    /// 97.5th percentile of RVOL.
    pub(super) rvol_high: Option<f64>,
    /// Median of the daily mean RV.
    pub(super) target_rv: Option<f64>,
    /// Median of the daily mean ATR20, in ticks.
    pub(super) atr_typical: Option<f64>,
    /// Median of the contracts before 09:30; of Globex days only.
    pub(super) premarket: Option<f64>,
}

impl Tables {
    pub(super) fn new(kind: Kind) -> Tables {
        Tables {
            minutes: vec![Minute::default(); kind.minutes()].into_boxed_slice(),
            large: [LargeSizes::default(); 3],
            scratch: vec![0.0; kind.minutes() * DAYS].into_boxed_slice(),
            rvol_high: None,
            target_rv: None,
            atr_typical: None,
            premarket: None,
        }
    }

    pub(super) fn minute(&self, at: usize) -> Option<&Minute> {
        self.minutes.get(at)
    }

    pub(super) fn large(&self, label: usize) -> LargeSizes {
        self.large.get(label).copied().unwrap_or_default()
    }

    /// Computes everything from `sessions`, oldest first.
    pub(super) fn compute(&mut self, sessions: &[Session]) {
        let days = newest(sessions, DAYS);
        for (at, minute) in self.minutes.iter_mut().enumerate() {
            let bars = || days.iter().filter_map(move |s| s.bars().get(at).copied().flatten());
            *minute = Minute {
                volume: median(bars().map(|b| b.volume as f64), DAYS_MIN),
                set: median(days.iter().filter_map(|s| s.set(at)).map(|v| v as f64), DAYS_MIN),
                delta: moments(bars().map(|b| b.delta() as f64)),
                slope: moments(days.iter().filter_map(|s| s.slope(at))),
            };
        }
        self.rvol_high = self.high(days);
        let recent = newest(sessions, RECENT);
        for (label, large) in self.large.iter_mut().enumerate() {
            let of = |what, p| {
                let part = |n: usize| recent.get(n).map_or(&[][..], |s| s.sizes(label, what));
                quantile([part(0), part(1), part(2), part(3), part(4)], p)
            };
            *large = LargeSizes {
                level: of(What::Level, 0.95),
                added: of(What::Added, 0.90),
                print: of(What::Print, 0.995).filter(|_| recent.len() == RECENT),
            };
        }
        let means = |s: &[Session], of: fn(&Session) -> Option<f64>, min| {
            median(s.iter().filter_map(of), min)
        };
        self.target_rv = means(newest(sessions, KEPT), |s| s.rv.mean, TARGET_MIN);
        self.atr_typical = means(days, |s| s.atr.mean, LEVEL_MIN);
        let before = |s: &Session| {
            let night = s.bars().get(..PREMARKET)?;
            Some(night.iter().flatten().fold(0.0, |sum, bar| sum + bar.volume as f64))
        };
        // The minutes of a cash session are fewer.
        self.premarket = median(days.iter().filter_map(before), DAYS_MIN);
    }

    /// 97.5th percentile of volume over the minute's median, over all minutes of `days`.
    fn high(&mut self, days: &[Session]) -> Option<f64> {
        let mut used = 0;
        for session in days {
            for (bar, minute) in session.bars().iter().zip(&self.minutes) {
                let (Some(bar), Some(median)) = (bar, minute.volume) else { continue };
                if median > 0.0
                    && let Some(slot) = self.scratch.get_mut(used)
                {
                    *slot = bar.volume as f64 / median;
                    used += 1;
                }
            }
        }
        let values = self.scratch.get_mut(..used)?;
        let rank = values.len().checked_sub(1)? as f64 * HIGH;
        let (_, &mut low, above) = values.select_nth_unstable_by(rank as usize, f64::total_cmp);
        let next = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
        Some(low + (next - low) * (rank - rank.floor()))
    }
}

/// The last `n`.
fn newest(sessions: &[Session], n: usize) -> &[Session] {
    sessions.get(sessions.len().saturating_sub(n)..).unwrap_or_default()
}

/// Median of at most [`KEPT`] values, `None` for fewer than `min`.
fn median(values: impl Iterator<Item = f64>, min: usize) -> Option<f64> {
    let mut all = [0.0; KEPT];
    let mut used = 0;
    for (slot, value) in all.iter_mut().zip(values) {
        *slot = value;
        used += 1;
    }
    let all = all.get_mut(..used).filter(|all| all.len() >= min)?;
    all.sort_unstable_by(f64::total_cmp);
    let high = *all.get(used / 2)?;
    if used % 2 == 1 { Some(high) } else { Some((*all.get(used / 2 - 1)? + high) / 2.0) }
}

/// Mean and deviation (dividing by n), `None` for fewer than [`DAYS_MIN`].
fn moments(values: impl Iterator<Item = f64> + Clone) -> Option<(f64, f64)> {
    let (count, sum) = values.clone().fold((0_u32, 0.0), |(n, s), v| (n + 1, s + v));
    if (count as usize) < DAYS_MIN {
        return None;
    }
    let mean = sum / f64::from(count);
    let squares: f64 = values.map(|v| (v - mean) * (v - mean)).sum();
    Some((mean, (squares / f64::from(count)).sqrt()))
}

/// Share of the last 20 sessions' samples below `value`, plus half of those equal to it.
pub(super) fn percentile(
    sessions: &[Session],
    value: f64,
    of: impl Fn(&Session) -> &[f64],
) -> Option<f64> {
    let days = newest(sessions, DAYS);
    if days.len() < LEVEL_MIN || value.is_nan() {
        return None;
    }
    let (mut twice_below, mut all) = (0, 0);
    for samples in days.iter().map(of) {
        let below = samples.partition_point(|s| *s < value);
        let up_to = samples.partition_point(|s| *s <= value);
        twice_below += below + up_to;
        all += samples.len();
    }
    (all > 0).then(|| twice_below as f64 / (2 * all) as f64)
}
