//! Contracts since the anchors of the session, as [`crate::features::frame::Levels`] has its range.

use crate::units::{Qty, Ts};

/// Sums of one symbol. A sum whose anchor was not seen is none: nobody knows what went before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Volume {
    /// Start of the Globex day, once known.
    globex: Option<Ts>,
    /// The cash session is the active one.
    cash: bool,
    /// Since the start of the Globex day and of the cash session.
    sums: [Option<u64>; 2],
}

impl Volume {
    /// The anchors of an event: the start of its Globex day, and whether the cash session is on.
    pub(super) fn anchor(&mut self, globex: Ts, cash: bool) {
        if !globex.is_some() || (self.globex == Some(globex) && self.cash == cash) {
            return;
        }
        let began = self.globex.is_some_and(|old| old != globex);
        let [day, session] = &mut self.sums;
        if began {
            *day = Some(0);
        }
        if cash && (began || (self.globex.is_some() && !self.cash)) {
            *session = Some(0);
        }
        (self.globex, self.cash) = (Some(globex), cash);
    }

    /// Contracts that were traded.
    pub(super) fn trade(&mut self, qty: Qty) {
        let [day, session] = &mut self.sums;
        let own = session.as_mut().filter(|_| self.cash);
        for sum in day.iter_mut().chain(own) {
            *sum = sum.saturating_add(u64::from(qty));
        }
    }

    /// Contracts since the active anchor; `None` where that was not seen.
    pub(super) const fn active(&self) -> Option<u64> {
        let [day, session] = self.sums;
        if self.cash { session } else { day }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_go_with_the_ranges() {
        let (first, second) = (Ts(100), Ts(200));
        let mut volume = Volume::default();
        volume.anchor(Ts::NONE, false);
        volume.anchor(first, false);
        volume.trade(5);
        assert_eq!(volume.active(), None, "what went before nobody saw");
        volume.anchor(first, true);
        volume.trade(3);
        assert_eq!(volume.active(), Some(3), "the cash session was seen to begin");
        volume.anchor(first, false);
        assert_eq!(volume.active(), None, "the day was not");
        volume.anchor(second, false);
        volume.trade(7);
        volume.anchor(second, true);
        volume.trade(2);
        assert_eq!(volume.active(), Some(2));
        volume.anchor(second, false);
        volume.trade(1);
        assert_eq!(volume.active(), Some(10), "the Globex day goes on behind the cash session");
        let mut late = Volume::default();
        late.anchor(first, true);
        late.trade(4);
        assert_eq!(late.active(), None, "a start inside the cash session");
    }
}
