//! Icebergs: more is executed at a price than it ever shows, and it is filled up again.
//!
//! At one price of one side, within 60 s: contracts executed there by aggressors ≥ 3 × the largest
//! size displayed there, and at least three replenishments.
//!
//! * Replenishment: after an execution the level shows more than the execution left of it, at its
//!   next update, or, if none comes within 100 ms of market time, by still standing as it did.
//!   Several executions before one update are one.
//! * 60 s: the ten seconds (aligned to whole multiples) of now and the five before, so the window
//!   spans 50 to 60 s.
//! * Largest size displayed: of what stood or was set in the window, from the first execution on
//!   that found the price without executions in its window.
//!
//! An event uses up what it was made of: the next one at that price needs it all again. Trades are
//! expected before the updates that show their effect. Source: own design, after the executed-
//! against-displayed comparison used for native icebergs. Cost: O(6) an execution and the update
//! that follows it; another update of a level with executions in its window is one maximum, but
//! O(6) once every ten seconds; updates of other levels do not come here.

use crate::units::{Qty, SECOND, Ts};

const SLICE_NS: i64 = 10 * SECOND;
const SLICES: usize = 6;
/// Least executed size, as a multiple of the largest displayed one, and least replenishments.
const MULTIPLE: u64 = 3;
const REFILLS: u32 = 3;
/// Market time after which a level that was not updated has been refilled unseen.
const SETTLED_NS: i64 = SECOND / 10;

/// One ten seconds at one price.
#[derive(Clone, Copy, Debug, Default)]
struct Slice {
    executed: u64,
    refills: u32,
    shown: Qty,
}

/// What happened at one price of one side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    slices: [Slice; SLICES],
    /// Place of the newest slice, and its end in ns.
    newest: usize,
    end: i64,
    /// Executed since the level was last updated, and when.
    pending: Qty,
    pending_at: Ts,
}

/// What an update of a level says of its executions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Updated {
    /// How much of a loss executions explain.
    pub(super) executed: Qty,
    /// Contracts executed in all, where that is an iceberg.
    pub(super) iceberg: Option<u64>,
    /// Nothing is left within the window.
    pub(super) idle: bool,
}

impl Window {
    pub(super) const EMPTY: Window = Window {
        slices: [Slice { executed: 0, refills: 0, shown: 0 }; SLICES],
        newest: 0,
        end: 0,
        pending: 0,
        pending_at: Ts::NONE,
    };

    /// A window that begins now, where `shown` stands.
    pub(super) fn open(shown: Qty, now: Ts) -> Window {
        let slice = now.0.div_euclid(SLICE_NS);
        let end = slice.saturating_add(1).saturating_mul(SLICE_NS);
        let mut window = Window { newest: index(slice), end, ..Window::EMPTY };
        window.show(shown);
        window
    }

    /// Contracts were executed where `shown` stands; how many in all, where that is an iceberg.
    pub(super) fn execute(&mut self, qty: Qty, shown: Qty, now: Ts) -> Option<u64> {
        self.roll(shown, now);
        if self.is_settled(now) {
            self.refill();
            self.pending = 0;
        }
        self.pending = self.pending.saturating_add(qty);
        self.pending_at = now;
        if let Some(slice) = self.slice() {
            slice.executed = slice.executed.saturating_add(u64::from(qty));
        }
        self.judge(shown, now)
    }

    /// The level shows `qty`. `true` where that was all: nothing was executed since the update
    /// before and the slice goes on; else the caller goes on with [`Window::update`].
    #[inline]
    pub(super) fn keeps(&mut self, qty: Qty, now: Ts) -> bool {
        let quiet = self.pending == 0 && now.0 < self.end;
        if quiet {
            self.show(qty);
        }
        quiet
    }

    /// The level shows `qty` where it showed `before`.
    pub(super) fn update(&mut self, before: Qty, qty: Qty, now: Ts) -> Updated {
        let rolled = self.roll(before, now);
        let settled = self.is_settled(now);
        let pending = std::mem::take(&mut self.pending);
        let executed = if settled { 0 } else { pending };
        let refilled = settled || (pending > 0 && qty > before.saturating_sub(pending));
        if refilled {
            self.refill();
        }
        self.show(qty);
        // A larger size alone makes no iceberg.
        let iceberg = if refilled { self.judge(qty, now) } else { None };
        let idle = rolled && self.slices.iter().all(|s| s.executed == 0);
        Updated { executed, iceberg, idle }
    }

    fn judge(&mut self, shown: Qty, now: Ts) -> Option<u64> {
        let (mut executed, mut refills, mut largest) = (0_u64, 0_u32, 0);
        for slice in &self.slices {
            executed = executed.saturating_add(slice.executed);
            refills = refills.saturating_add(slice.refills);
            largest = largest.max(slice.shown);
        }
        let found = largest > 0
            && refills >= REFILLS
            && executed >= MULTIPLE.saturating_mul(u64::from(largest));
        found.then(|| {
            let Window { pending, pending_at, .. } = *self;
            *self = Window { pending, pending_at, ..Window::open(shown, now) };
            executed
        })
    }

    /// Lets go what is too old; in the slices entered since, `shown` stood.
    fn roll(&mut self, shown: Qty, now: Ts) -> bool {
        if now.0 < self.end {
            return false;
        }
        let slice = now.0.div_euclid(SLICE_NS);
        let steps = slice.saturating_sub(self.end.div_euclid(SLICE_NS)).saturating_add(1);
        for step in 0..steps.min(SLICES as i64) {
            if let Some(place) = self.slices.get_mut(index(slice - step)) {
                *place = Slice { shown, ..Slice::default() };
            }
        }
        self.newest = index(slice);
        self.end = slice.saturating_add(1).saturating_mul(SLICE_NS);
        true
    }

    /// Whether the level has stood for long enough after an execution that did not change it.
    fn is_settled(&self, now: Ts) -> bool {
        self.pending > 0 && now.since(self.pending_at) > SETTLED_NS
    }

    fn slice(&mut self) -> Option<&mut Slice> {
        self.slices.get_mut(self.newest)
    }

    fn refill(&mut self) {
        if let Some(slice) = self.slice() {
            slice.refills = slice.refills.saturating_add(1);
        }
    }

    fn show(&mut self, qty: Qty) {
        if let Some(slice) = self.slice() {
            slice.shown = slice.shown.max(qty);
        }
    }
}

fn index(slice: i64) -> usize {
    slice.rem_euclid(SLICES as i64) as usize
}
