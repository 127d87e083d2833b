//! Windows over what was sent and what came back: rates, refusals, acknowledgement times.
//!
//! All lists are filled once at the start; a full one forgets its oldest entry.

use std::collections::VecDeque;

use crate::order::OrderId;
use crate::units::Ts;

/// How often something happened in the last `span` ns, the instant `span` ago not included.
/// Instants never decrease.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    /// The last ones, oldest first.
    last: VecDeque<Ts>,
    keep: usize,
    span: i64,
}

impl Rate {
    /// Remembers the last `keep` instants, at least one.
    pub(super) fn new(keep: u32, span: i64) -> Rate {
        let keep = usize::try_from(keep).unwrap_or(usize::MAX).max(1);
        Rate { last: VecDeque::with_capacity(keep), keep, span }
    }

    pub(super) fn push(&mut self, ts: Ts) {
        if self.last.len() == self.keep {
            self.last.pop_front();
        }
        self.last.push_back(ts);
    }

    /// Whether all that are remembered lie in the window that ends at `ts`.
    pub(super) fn is_full(&self, ts: Ts) -> bool {
        self.last.len() == self.keep
            && self.last.front().is_some_and(|first| ts.since(*first) < self.span)
    }

    /// How many more fit into the window that ends at `ts`.
    pub(super) fn room(&self, ts: Ts) -> usize {
        let within = self.last.iter().rev().take_while(|at| ts.since(**at) < self.span).count();
        self.keep - within
    }

    pub(super) fn clear(&mut self) {
        self.last.clear();
    }
}

/// Which of the last orders were refused.
#[derive(Clone, Debug)]
pub(super) struct Refusals {
    last: VecDeque<(OrderId, bool)>,
    keep: usize,
}

impl Refusals {
    /// Over the last `keep` orders, at least one.
    pub(super) fn new(keep: u32) -> Refusals {
        let keep = usize::try_from(keep).unwrap_or(usize::MAX).max(1);
        Refusals { last: VecDeque::with_capacity(keep), keep }
    }

    pub(super) fn sent(&mut self, id: OrderId) {
        if self.last.len() == self.keep {
            self.last.pop_front();
        }
        self.last.push_back((id, false));
    }

    pub(super) fn refused(&mut self, id: OrderId) {
        // An order counts once, however often the venue refuses it.
        if let Some(order) = self.last.iter_mut().rev().find(|order| order.0 == id) {
            order.1 = true;
        }
    }

    /// Share of the last orders that was refused, `None` before there were enough.
    pub(super) fn share(&self) -> Option<f64> {
        let refused = self.last.iter().filter(|order| order.1).count();
        (self.last.len() == self.keep).then(|| refused as f64 / self.keep as f64)
    }

    pub(super) fn clear(&mut self) {
        self.last.clear();
    }
}

/// Times from send to acknowledgement.
#[derive(Clone, Debug)]
pub(super) struct Acks {
    last: VecDeque<i64>,
    /// Room to sort in.
    sorted: Vec<i64>,
    keep: usize,
}

impl Acks {
    /// Over the last `keep`, at least one.
    pub(super) fn new(keep: u32) -> Acks {
        let keep = usize::try_from(keep).unwrap_or(usize::MAX).max(1);
        Acks { last: VecDeque::with_capacity(keep), sorted: Vec::with_capacity(keep), keep }
    }

    pub(super) fn push(&mut self, ns: i64) {
        if self.last.len() == self.keep {
            self.last.pop_front();
        }
        self.last.push_back(ns);
    }

    /// The 95th percentile by nearest rank, ns; `None` before there are enough.
    pub(super) fn p95(&mut self) -> Option<i64> {
        if self.last.len() < self.keep {
            return None;
        }
        self.sorted.clear();
        self.sorted.extend(&self.last);
        let rank = (self.keep * 95).div_ceil(100);
        let at = rank.saturating_sub(1).min(self.keep - 1);
        Some(*self.sorted.select_nth_unstable(at).1)
    }

    pub(super) fn clear(&mut self) {
        self.last.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentile() {
        let mut acks = Acks::new(50);
        for ns in (1..=49).rev() {
            acks.push(ns);
            assert_eq!(acks.p95(), None);
        }
        acks.push(50);
        assert_eq!(acks.p95(), Some(48), "48th of 50");
        acks.push(1_000);
        acks.push(1_000);
        assert_eq!(acks.p95(), Some(48), "two outliers do not move it");
        acks.push(1_000);
        assert_eq!(acks.p95(), Some(1_000));
    }

    #[test]
    fn refusals_count_once() {
        let mut refusals = Refusals::new(10);
        let id = |n| OrderId::new(20_260_114, n);
        for n in 0..10 {
            assert_eq!(refusals.share(), None);
            refusals.sent(id(n));
        }
        assert_eq!(refusals.share(), Some(0.0));
        refusals.refused(id(3));
        refusals.refused(id(3));
        refusals.refused(id(77));
        assert_eq!(refusals.share(), Some(0.1));
        refusals.sent(id(10));
        refusals.sent(id(11));
        assert_eq!(refusals.share(), Some(0.1));
        refusals.sent(id(12));
        refusals.sent(id(13));
        assert_eq!(refusals.share(), Some(0.0), "forgotten with its order");
    }

    proptest! {
        /// The window against a list of everything.
        #[test]
        fn equals_a_list(steps in prop::collection::vec(0_i64..40, 1..200), keep in 1_u32..9) {
            let mut rate = Rate::new(keep, 100);
            let (mut all, mut now) = (Vec::new(), 0);
            for step in steps {
                now += step;
                let within = |all: &[i64]| all.iter().filter(|at| **at > now - 100).count();
                let keep = keep as usize;
                prop_assert_eq!(rate.room(Ts(now)), keep.saturating_sub(within(&all)));
                prop_assert_eq!(rate.is_full(Ts(now)), within(&all) >= keep);
                rate.push(Ts(now));
                all.push(now);
                prop_assert_eq!(rate.is_full(Ts(now)), within(&all) >= keep);
            }
        }
    }
}
