//! What is usual at a minute, learned from recorded sessions of one root product.
//!
//! Content is raw: bars and size counts of full sessions (RTH 09:30 to the cash close, ETH 18:00 to
//! 17:00 New York), the last [`KEPT`] of each kind, oldest first. Statistics are computed from it
//! at load and anew when a trade date begins:
//!
//! | statistic | over | needs |
//! |---|---|---|
//! | per minute since the anchor: median volume of a bar and of five | 20 sessions | 10 |
//! | per minute: mean and deviation of δ and of the 20-bar slope of CVD | 20 sessions | 10 |
//! | 97.5th percentile of RVOL, over all minutes | 20 sessions | 10 |
//! | level p95 and added p90 per label | 5 sessions | 1 |
//! | print p99.5 per label | 5 sessions | 5 |
//! | percentiles of five-minute ATR20 and RV; median of the daily mean of ATR20 | 20 sessions | 5 |
//! | median of the contracts from 18:00 to 09:30 New York | 20 sessions | 10 |
//! | target RV: median of the daily mean of RV | 60 sessions | 20 |
//!
//! Deviations divide by n; quantiles interpolate linearly at (n−1)p; a percentile is the share of
//! samples below plus half of the equal ones. Reading costs O(1), a percentile 20 binary searches;
//! the turn of a trade date reads every kept session once, with no allocation. Source: own design.
//!
//! A file may hold sessions of the days that are played, and of later ones: only those of earlier
//! trade dates speak, so nothing looks ahead. A session that ends in the run speaks from the next
//! trade date on.

pub mod codec;
pub mod level;
pub mod recorder;
pub mod session;
mod sizes;
mod statistics;

pub use codec::BaselineError;
pub use recorder::{Outcome, Recorder, Rejection, Running};
pub use session::{Kind, Session, What};

use level::Level;
use statistics::Tables;

use super::close::{LargeSizes, Usual};
use crate::calendar::Label;
use crate::units::Px;

/// Sessions kept of each kind.
pub const KEPT: usize = 60;
/// Shortest and longest silence in minutes that a recording may allow; the first is usual.
pub const GAP_MIN: [u32; 2] = [5, 240];

/// What all sessions of a baseline have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// Root product, or the symbol where its root is not known.
    pub root: String,
    /// Tick size in points.
    pub tick: f64,
    /// Longest silence in minutes that a session may hold.
    pub gap_min: u32,
    /// Version of the time zone database.
    pub tz: String,
    /// SHA-256 of the holiday rows.
    pub calendar: [u8; 32],
}

/// Recorded sessions of one root with their statistics.
#[derive(Clone, Debug)]
pub struct Baseline {
    origin: Origin,
    sets: [Set; 2],
    /// Only sessions of trade dates before this one speak: a day that is played again must not
    /// learn from itself or from what came after it.
    today: i32,
}

/// Sessions of one kind.
#[derive(Clone, Debug)]
struct Set {
    /// Room for [`KEPT`]; the first `used` hold one, oldest first.
    sessions: Vec<Session>,
    used: usize,
    level: Level,
    tables: Tables,
}

impl Set {
    fn new(kind: Kind) -> Set {
        Set {
            sessions: (0..KEPT).map(|_| Session::new(kind)).collect(),
            used: 0,
            level: Level::default(),
            tables: Tables::new(kind),
        }
    }

    fn sessions(&self) -> &[Session] {
        self.sessions.get(..self.used).unwrap_or_default()
    }

    /// Puts `session` behind the newest and leaves the buffers of an unused or forgotten one.
    fn take(&mut self, session: &mut Session) {
        session.derive(&mut self.level);
        if self.used == KEPT {
            self.sessions.rotate_left(1);
        } else {
            self.used += 1;
        }
        if let Some(slot) = self.sessions.get_mut(self.used - 1) {
            std::mem::swap(slot, session);
        }
    }

    /// Sessions of before `today`.
    fn known(&self, today: i32) -> &[Session] {
        let sessions = self.sessions();
        sessions.get(..sessions.partition_point(|s| s.trade_day < today)).unwrap_or_default()
    }

    fn compute(&mut self, today: i32) {
        let sessions = self.sessions.get(..self.used).unwrap_or_default();
        let known = sessions.partition_point(|s| s.trade_day < today);
        self.tables.compute(sessions.get(..known).unwrap_or_default());
    }
}

impl Baseline {
    /// A baseline without sessions. Takes about 13 MB, and never more.
    #[must_use]
    pub fn new(origin: Origin) -> Baseline {
        Baseline { origin, sets: Kind::ALL.map(Set::new), today: i32::MAX }
    }

    /// A baseline of `sessions`, of both kinds mixed, oldest first within each kind.
    #[must_use]
    pub fn with_sessions(origin: Origin, sessions: Vec<Session>) -> Baseline {
        let mut all = Baseline::new(origin);
        for mut session in sessions {
            if all.is_new(session.kind(), session.trade_day) {
                all.set_mut(session.kind()).take(&mut session);
            }
        }
        all.set_today(i32::MAX);
        all
    }

    /// Trade date `today` begins: statistics are those of the sessions before it.
    /// Reads every kept session once; no allocation.
    pub fn set_today(&mut self, today: i32) {
        self.today = today;
        self.sets.iter_mut().for_each(|set| set.compute(today));
    }

    /// The trade date whose predecessors speak, `i32::MAX` where all do.
    #[must_use]
    pub const fn today(&self) -> i32 {
        self.today
    }

    fn set(&self, kind: Kind) -> &Set {
        let [eth, rth] = &self.sets;
        match kind {
            Kind::Eth => eth,
            Kind::Rth => rth,
        }
    }

    fn set_mut(&mut self, kind: Kind) -> &mut Set {
        let [eth, rth] = &mut self.sets;
        match kind {
            Kind::Eth => eth,
            Kind::Rth => rth,
        }
    }

    /// Whether trade date `day` is later than all recorded ones of this kind.
    #[must_use]
    pub fn is_new(&self, kind: Kind, day: i32) -> bool {
        self.sessions(kind).last().is_none_or(|s| s.trade_day < day)
    }

    /// A session ended: its content goes in, and `session` is left with other buffers.
    fn join(&mut self, session: &mut Session) {
        let (today, set) = (self.today, self.set_mut(session.kind()));
        let speaks = session.trade_day < today;
        set.take(session);
        if speaks {
            set.compute(today);
        }
    }

    /// What the sessions have in common.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The sessions of one kind, oldest first.
    #[must_use]
    pub fn sessions(&self, kind: Kind) -> &[Session] {
        self.set(kind).sessions()
    }

    /// What is usual for the bar `minute` minutes after the active anchor (0 is the first), whose
    /// volume is `bar` and that of the five bars up to it `five` contracts. `five` is not used in
    /// the first four minutes, whose set reaches over the anchor.
    #[must_use]
    pub fn usual(&self, rth: bool, minute: usize, bar: i64, five: i64) -> Usual {
        let tables = &self.set(Kind::of(rth)).tables;
        let Some(at) = tables.minute(minute) else { return Usual::default() };
        let ratio = |volume: i64, median: Option<f64>| {
            median.filter(|m| *m > 0.0).map(|median| volume as f64 / median)
        };
        Usual {
            rvol: ratio(bar, at.volume),
            rvol_set: ratio(five, at.set),
            rvol_high: tables.rvol_high,
            delta: at.delta,
            cvd_slope: at.slope,
        }
    }

    /// What is large under `label`.
    #[must_use]
    pub fn large_sizes(&self, label: Label) -> LargeSizes {
        for kind in Kind::ALL {
            if let Some(at) = kind.labels().iter().position(|l| *l == label) {
                return self.set(kind).tables.large(at);
            }
        }
        LargeSizes::default()
    }

    /// Where a five-minute ATR20 in ticks stands among those of the last 20 sessions, 0 to 1.
    #[must_use]
    pub fn atr_percentile(&self, rth: bool, atr: f64) -> Option<f64> {
        statistics::percentile(self.set(Kind::of(rth)).known(self.today), atr, |s| s.atr.sorted())
    }

    /// Where a realised volatility stands among those of the last 20 sessions, 0 to 1.
    #[must_use]
    pub fn rv_percentile(&self, rth: bool, rv: f64) -> Option<f64> {
        statistics::percentile(self.set(Kind::of(rth)).known(self.today), rv, |s| s.rv.sorted())
    }

    /// Median of the daily mean RV of up to 60 sessions, annualised.
    #[must_use]
    pub fn target_rv(&self, rth: bool) -> Option<f64> {
        self.set(Kind::of(rth)).tables.target_rv
    }

    /// Median contracts of 20 days from 18:00 New York to the cash session at 09:30.
    #[must_use]
    pub fn premarket(&self) -> Option<f64> {
        self.set(Kind::Eth).tables.premarket
    }

    /// Day, contract and last price of the recorded cash sessions, oldest first.
    pub fn cash_closes(&self) -> impl Iterator<Item = (i32, &str, Px)> {
        self.sessions(Kind::Rth).iter().filter_map(|session| {
            let bar = session.bars().iter().rev().flatten().next()?;
            Some((session.trade_day, &*session.contract, bar.close))
        })
    }

    /// A five-minute ATR20 over the median of the daily means of 20 sessions.
    #[must_use]
    pub fn atr_ratio(&self, rth: bool, atr: f64) -> Option<f64> {
        let typical = self.set(Kind::of(rth)).tables.atr_typical?;
        (typical > 0.0).then(|| atr / typical)
    }
}
