//! What a level did as plain lists, and icebergs and pulls looked up in them each time.

use super::{MS, Step, px};
use crate::features::dom::levels::{Levels, Update};
use crate::features::dom::log::{Kind, Log};
use crate::units::{Qty, SECOND, Side, Ts};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Each update and execution against the lists.
pub(super) fn run(steps: &[Step]) -> Result<(), TestCaseError> {
    let (mut levels, mut log) = (Levels::new(), Log::default());
    levels.set_added(Some(30));
    let mut twins: BTreeMap<(bool, i64), Twin> = BTreeMap::new();
    let mut now = 50 * SECOND;
    for &(wait, bid, at, qty, what, best) in steps {
        now += wait * MS;
        let side = if bid { Side::Bid } else { Side::Ask };
        let twin = twins.entry((bid, at)).or_default();
        let total = log.total();
        let (iceberg, pulled) = if what == 0 {
            let qty = qty.max(1);
            levels.trade(side, px(at), qty, Ts(now), &mut log);
            (twin.trade(qty, now), None)
        } else {
            let touch = Some([px(best), px(best + 1)]);
            let update = Update { side, px: px(at), qty, touch, now: Ts(now) };
            levels.depth(&update, &mut log);
            let distance = i32::try_from(if bid { best - at } else { at - best - 1 });
            twin.depth(qty, distance.expect("small"), now)
        };
        let fresh = usize::try_from(log.total() - total).expect("few");
        let mut seen: Vec<_> = log.recent().take(fresh).map(|e| (e.kind, e.size)).collect();
        seen.reverse();
        let told = iceberg.map(|s| (Kind::Iceberg, s)).into_iter();
        let told: Vec<_> = told.chain(pulled.map(|s| (Kind::Pull, s))).collect();
        prop_assert_eq!(seen, told);
    }
    Ok(())
}

/// One price of one side, as lists.
#[derive(Default)]
struct Twin {
    shown: Option<Qty>,
    watched: bool,
    executed: Vec<(i64, u64)>,
    refills: Vec<i64>,
    shows: Vec<(i64, Qty)>,
    /// Last time that anything happened at a watched level.
    touched: i64,
    pending: (Qty, i64),
    /// (time, before, after, explained, distance)
    updates: Vec<(i64, Qty, Qty, Qty, i32)>,
}

impl Twin {
    fn inside(then: i64, now: i64) -> bool {
        then.div_euclid(10 * SECOND) > now.div_euclid(10 * SECOND) - 6
    }

    fn settle(&mut self, now: i64) {
        if self.pending.0 > 0 && now - self.pending.1 > 100 * MS {
            self.refills.push(now);
            self.pending.0 = 0;
        }
    }

    fn iceberg(&mut self, now: i64) -> Option<u64> {
        let executed: u64 =
            self.executed.iter().filter(|e| Twin::inside(e.0, now)).map(|e| e.1).sum();
        let refills = self.refills.iter().filter(|&&t| Twin::inside(t, now)).count();
        let standing = self.shows.iter().rev().find(|s| !Twin::inside(s.0, now));
        let set = self.shows.iter().filter(|s| Twin::inside(s.0, now));
        let largest = u64::from(standing.into_iter().chain(set).map(|s| s.1).max()?);
        let found = largest > 0 && refills >= 3 && executed >= 3 * largest;
        found.then(|| {
            self.executed.clear();
            self.refills.clear();
            self.shows = vec![(now, self.shown.expect("known"))];
            executed
        })
    }

    fn trade(&mut self, qty: Qty, now: i64) -> Option<u64> {
        let shown = self.shown?;
        if !std::mem::replace(&mut self.watched, true) {
            self.shows = vec![(now, shown)];
        }
        self.touched = now;
        self.settle(now);
        self.pending = (self.pending.0 + qty, now);
        self.executed.push((now, u64::from(qty)));
        self.iceberg(now)
    }

    fn depth(&mut self, qty: Qty, distance: i32, now: i64) -> (Option<u64>, Option<u64>) {
        let Some(before) = self.shown.replace(qty) else { return (None, None) };
        let refills = self.refills.len();
        self.settle(now);
        let explained = std::mem::take(&mut self.pending.0);
        if explained > 0 && qty > before.saturating_sub(explained) {
            self.refills.push(now);
        }
        self.shows.push((now, qty));
        let refilled = self.refills.len() > refills;
        let iceberg = if refilled { self.iceberg(now) } else { None };
        // A watch ends at the first update of a ten seconds without executions in the window.
        let slice = |t: i64| t.div_euclid(10 * SECOND);
        let rolled = slice(std::mem::replace(&mut self.touched, now)) < slice(now);
        if rolled && !self.executed.iter().any(|e| Twin::inside(e.0, now)) {
            self.watched = false;
            self.executed.clear();
            self.refills.clear();
        }
        self.updates.push((now, before, qty, explained, distance));
        (iceberg, self.pulled())
    }

    /// The size of the pull that the last update completed.
    fn pulled(&self) -> Option<u64> {
        let (newest, earlier) = self.updates.split_last()?;
        let added = |u: &(i64, Qty, Qty, Qty, i32)| u.2.saturating_sub(u.1);
        let from =
            earlier.iter().rposition(|u| added(u) >= 30 && u.4 > 0 && (u.1 > 0 || u.4 < 9))?;
        let first = &self.updates[from];
        let (size, mut cancelled) = (added(first), 0);
        for update in &self.updates[from + 1..] {
            cancelled += update.1.saturating_sub(update.2).saturating_sub(update.3);
            let age = update.0 - first.0;
            if age > 3 * SECOND {
                return None;
            }
            if f64::from(cancelled) >= 0.8 * f64::from(size) - 1e-9 {
                let near = update.4 <= 2 && update.4 < first.4;
                let last = std::ptr::eq(update, newest);
                return (last && near && age >= SECOND).then_some(u64::from(size));
            }
        }
        None
    }
}
