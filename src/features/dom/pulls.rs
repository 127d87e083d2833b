//! Pulls: a large size that leaves when the market comes near.
//!
//! At least the 90th percentile of added sizes is added to a level behind the touch of its side;
//! then, one to three seconds later, at least 80 % of the added size has been cancelled, and at
//! that moment the touch (of the same side, at the last batch) is within two ticks of the level
//! and nearer than when the size was added.
//!
//! * Cancelled is what a level loses beyond what was executed there. Sizes are known by level
//!   only, so a loss counts against the newest large addition, whosesoever order it was.
//! * Four fifths gone before one second has passed is flicker, and ends the matter; so do more
//!   than three seconds, and four fifths gone with the touch elsewhere.
//! * A level that is new nine ticks or more from the touch may only have come into view of a feed
//!   of ten levels: no addition. Neither is the first size seen at a price.
//!
//! Diagnostic only. Source: own design, after descriptions of layering in surveillance practice.
//! Cost: O(1) an update of a level with an open candidate; one comparison for others.

use crate::units::{Px, Qty, SECOND, Side, Ts};

/// Least and greatest age of the cancellation.
const AGE_NS: (i64, i64) = (SECOND, 3 * SECOND);
/// Greatest distance to the touch at the cancellation, in ticks.
const NEAR: i32 = 2;
/// Distance at which a new level may have come into view, in ticks.
const VIEW: i32 = 9;

/// A large addition that may be pulled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    at: Ts,
    size: Qty,
    cancelled: Qty,
    /// Ticks to the touch when it was added.
    distance: i32,
}

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing yet.
    Open,
    /// It will not be a pull.
    Over,
    /// Pulled; the size that had been added.
    Pulled(Qty),
}

impl Candidate {
    pub(super) const NONE: Candidate =
        Candidate { at: Ts::NONE, size: 0, cancelled: 0, distance: 0 };

    /// A large `size` was added to a level that showed `before`, `distance` ticks behind the touch.
    pub(super) fn new(size: Qty, before: Qty, distance: i32, now: Ts) -> Option<Candidate> {
        let behind = distance > 0 && (before > 0 || distance < VIEW);
        behind.then_some(Candidate { at: now, size, cancelled: 0, distance })
    }

    /// The level lost `cancelled` contracts that were not executed.
    pub(super) fn cancel(&mut self, cancelled: Qty, distance: Option<i32>, now: Ts) -> Verdict {
        let age = now.since(self.at);
        if age > AGE_NS.1 {
            return Verdict::Over;
        }
        self.cancelled = self.cancelled.saturating_add(cancelled);
        if u64::from(self.cancelled) * 5 < u64::from(self.size) * 4 {
            return Verdict::Open;
        }
        let near = distance.is_some_and(|d| d <= NEAR && d < self.distance);
        if near && age >= AGE_NS.0 { Verdict::Pulled(self.size) } else { Verdict::Over }
    }
}

/// Ticks from the touch of `side` back to `px`.
pub(super) fn distance(side: Side, px: Px, touch: Option<[Px; 2]>) -> Option<i32> {
    let [bid, ask] = touch?;
    Some(match side {
        Side::Bid => bid.minus(px),
        Side::Ask => px.minus(ask),
    })
}
