//! The Globex day of a symbol as records tell it: contracts since the anchors, the night before the
//! cash session, and from where that session opened.
//!
//! What a run saw only the end of is not told as the whole. Cost: two additions a trade, the rest
//! where an anchor changes.

use crate::calendar::{Calendar, Segment};
use crate::units::{Px, Qty, Reason, Slot, Ts};

/// Indices of the two anchors: 18:00 and 09:30 New York.
const ETH: usize = 0;
const RTH: usize = 1;

/// See the module text.
#[derive(Clone, Debug)]
pub(super) struct Day {
    /// 18:00 New York at which it began, and whether the cash session is on.
    anchor: (Ts, bool),
    /// Calendar day on which it ends.
    globex_day: i32,
    /// Contracts since each anchor.
    volume: [u64; 2],
    /// Whether each began before the eyes of the run.
    whole: [bool; 2],
    /// Contracts before the cash session, once that is on.
    premarket: Slot,
    /// First price of the cash session.
    cash_open: Option<Px>,
    /// Last price of the cash session of the trading day before.
    prior_close: Option<Px>,
    /// Last prices of recorded cash sessions with their days, oldest first.
    recorded: Vec<(i32, Px)>,
    /// That of the last cash session that the run saw the end of.
    seen: Option<(i32, Px)>,
}

impl Day {
    /// Nothing seen; `recorded` are last prices of cash sessions by day, oldest first.
    pub(super) const fn new(recorded: Vec<(i32, Px)>) -> Day {
        Day {
            anchor: (Ts::NONE, false),
            globex_day: 0,
            volume: [0; 2],
            whole: [false; 2],
            premarket: Slot::none(Reason::Warmup),
            cash_open: None,
            prior_close: None,
            recorded,
            seen: None,
        }
    }

    /// Market time lies in `segment`, after anchor `eth` and in the cash session where `rth`;
    /// `last` is the last price before.
    pub(super) fn enter(
        &mut self,
        (eth, rth): (Ts, bool),
        segment: &Segment,
        last: Option<Px>,
        calendar: &Calendar,
    ) {
        if (eth, rth) == self.anchor {
            return;
        }
        let (old, was) = std::mem::replace(&mut self.anchor, (eth, rth));
        let (known, next) = (old.is_some(), eth != old);
        if was && (next || !rth) {
            self.seen = last.map(|px| (self.globex_day, px));
        }
        if next {
            self.globex_day = segment.globex_day;
            (self.volume[ETH], self.whole[ETH]) = (0, known);
            self.premarket = Slot::none(Reason::Warmup);
            self.cash_open = None;
            self.prior_close = self.close_before(calendar);
        }
        if rth && (next || !was) {
            (self.volume[RTH], self.whole[RTH]) = (0, known);
            self.premarket = if self.whole[ETH] {
                Slot::some(self.volume[ETH] as f64)
            } else {
                Slot::none(Reason::InsufficientSample)
            };
        }
    }

    /// Last price of the trading day before, where somebody saw it.
    fn close_before(&self, calendar: &Calendar) -> Option<Px> {
        let before = calendar.cash_day_before(self.globex_day)?;
        let mut known = self.recorded.iter().chain(&self.seen);
        // What the run saw itself comes last and counts.
        known.rfind(|(day, _)| *day == before).map(|(_, px)| *px)
    }

    /// A trade of an open market.
    pub(super) fn trade(&mut self, px: Px, qty: Qty) {
        let qty = u64::from(qty);
        self.volume[ETH] = self.volume[ETH].saturating_add(qty);
        if self.anchor.1 {
            self.volume[RTH] = self.volume[RTH].saturating_add(qty);
            if self.whole[RTH] {
                self.cash_open.get_or_insert(px);
            }
        }
    }

    /// Contracts since the active anchor, and whether the run saw all of them.
    pub(super) const fn volume(&self) -> (u64, bool) {
        let at = if self.anchor.1 { RTH } else { ETH };
        (self.volume[at], self.whole[at])
    }

    /// Contracts from 18:00 New York to the cash session; no value before that begins, and where
    /// the run began after 18:00.
    pub(super) const fn premarket(&self) -> Slot {
        self.premarket
    }

    /// Last price of the cash session of the trading day before, and first of this day's, each
    /// where it was seen.
    pub(super) const fn cash(&self) -> (Option<Px>, Option<Px>) {
        (self.prior_close, self.cash_open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Label, instant};

    fn px(ticks: i64) -> Px {
        Px::clamped(ticks)
    }

    /// Walks through instants with a trade of 10 contracts at each.
    fn walk(day: &mut Day, times: &[(&str, i64)]) {
        let calendar = Calendar::bundled().expect("calendar");
        let mut last = None;
        for (at, price) in times {
            let segment = calendar.segment(instant(at));
            let rth = segment.label == Label::Us;
            day.enter((segment.eth_anchor, rth), &segment, last, &calendar);
            if segment.label.is_open() {
                day.trade(px(*price), 10);
                last = Some(px(*price));
            }
        }
    }

    #[test]
    fn a_day_from_its_begin() {
        let mut day = Day::new(Vec::new());
        // Tuesday in the halt, the night, the cash session.
        walk(&mut day, &[("2026-01-13T22:30:00Z", 1), ("2026-01-13T23:00:00Z", 100)]);
        assert_eq!((day.volume(), day.cash()), ((10, true), (None, None)));
        assert_eq!(day.premarket(), Slot::none(Reason::Warmup));
        walk(&mut day, &[("2026-01-14T08:30:00Z", 101), ("2026-01-14T14:30:00Z", 110)]);
        assert_eq!((day.volume(), day.premarket()), ((10, true), Slot::some(20.0)));
        walk(&mut day, &[("2026-01-14T20:59:59Z", 120)]);
        assert_eq!((day.volume(), day.cash()), ((20, true), (None, Some(px(110)))));
    }

    #[test]
    fn the_close_of_the_day_before() {
        let mut day = Day::new(Vec::new());
        // Friday's last price of the cash session is what Tuesday after a holiday opens from.
        let times = [
            ("2026-01-16T20:00:00Z", 100),
            ("2026-01-16T20:59:00Z", 105),
            ("2026-01-16T21:10:00Z", 106),
            ("2026-01-19T15:00:00Z", 90),
            ("2026-01-20T14:30:00Z", 98),
        ];
        walk(&mut day, &times);
        assert_eq!(day.cash(), (Some(px(105)), Some(px(98))));
        // The contracts after the cash session belong to the Globex day.
        let mut day = Day::new(Vec::new());
        walk(&mut day, &times[..3]);
        assert_eq!(day.volume(), (30, false), "a run that began in the afternoon");
        assert_eq!(day.cash(), (None, None));
        // A day between was not seen: no close of another day stands for it.
        let mut day = Day::new(Vec::new());
        walk(&mut day, &[times[0], times[1], ("2026-01-21T14:30:00Z", 98)]);
        assert_eq!(day.cash(), (None, Some(px(98))));
    }

    #[test]
    fn recorded_closes() {
        // 2026-01-12 to 14 are 20,465 to 20,467 days after 1970.
        let recorded = vec![(20_465, px(50)), (20_466, px(60)), (20_467, px(70))];
        let mut day = Day::new(recorded);
        walk(&mut day, &[("2026-01-14T15:00:00Z", 98)]);
        assert_eq!(day.cash(), (Some(px(60)), None), "nothing of today or later, no open");
        assert_eq!(day.premarket(), Slot::none(Reason::InsufficientSample));
        let mut day = Day::new(vec![(20_464, px(50))]);
        walk(&mut day, &[("2026-01-14T15:00:00Z", 98)]);
        assert_eq!(day.cash(), (None, None), "not the trading day before");
    }
}
