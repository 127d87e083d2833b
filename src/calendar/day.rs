//! One Globex day: its labels one after the other, and what holds for all of it.
//!
//! Labels by first match: CLOSED and HALT from the rows, then US, US_POST, US_HOLIDAY, LONDON,
//! ASIA. The builder lays them end to end from 18:00 to 18:00 New York, so that every instant has
//! exactly one.

use jiff::civil::{Date, Time, Weekday, time};

use super::rows::Venue;
use super::{
    Calendar, Cash, Label, SCAN_DAYS, Segment, Span, date_of, days, is_weekend, next, previous,
};
use crate::units::Ts;

const ETH: Time = time(18, 0, 0, 0);
const HALT: Time = time(17, 0, 0, 0);
const CASH_OPEN: Time = time(9, 30, 0, 0);
const CASH_CLOSE: Time = time(16, 0, 0, 0);
const MIDDAY: (Time, Time) = (time(11, 0, 0, 0), time(14, 0, 0, 0));
const LONDON_OPEN: Time = time(8, 0, 0, 0);
const LONDON_CLOSE: Time = time(16, 30, 0, 0);

/// Most stretches of a day: late opening, five labels, the break in one of them, the end.
const PIECES: usize = 12;

#[derive(Clone, Copy)]
struct Piece {
    label: Label,
    span: Span,
}

/// The day as a row of pieces, laid from left to right.
struct Pieces {
    list: [Piece; PIECES],
    len: usize,
    from: Ts,
    /// The former daily break, inside which nothing is open.
    pause: Option<Span>,
}

impl Pieces {
    fn new(from: Ts, pause: Option<Span>) -> Pieces {
        let nothing = Span { start: Ts(i64::MAX), end: Ts(i64::MAX) };
        let list = [Piece { label: Label::Closed, span: nothing }; PIECES];
        Pieces { list, len: 0, from, pause }
    }

    /// Up to `until` the label is `label`, except in the pause.
    fn put(&mut self, label: Label, until: Ts) {
        if let Some(pause) = self.pause
            && label.is_open()
            && until > pause.start
            && self.from < pause.end
        {
            self.push(label, pause.start);
            self.push(Label::Halt, pause.end.min(until));
        }
        self.push(label, until);
    }

    fn push(&mut self, label: Label, until: Ts) {
        if until <= self.from {
            return;
        }
        if let Some(piece) = self.list.get_mut(self.len) {
            *piece = Piece { label, span: Span { start: self.from, end: until } };
            self.len += 1;
            self.from = until;
        }
    }

    fn get(&self) -> &[Piece] {
        self.list.get(..self.len).unwrap_or_default()
    }

    /// First end of trading in or after piece `from`.
    fn stop(&self, from: usize) -> Option<Ts> {
        let rest = self.get().iter().skip(from).skip_while(|p| !p.label.is_open());
        rest.skip_while(|p| p.label.is_open()).map(|p| p.span.start).next()
    }

    /// From the first to the last piece of a label.
    fn session(&self, label: Label) -> Option<Span> {
        let mut own = self.get().iter().filter(|p| p.label == label).map(|p| p.span);
        let first = own.next()?;
        Some(Span { start: first.start, end: own.next_back().unwrap_or(first).end })
    }
}

impl Calendar {
    /// The segment of Globex day `day` that contains `at`, which lies between 18:00 of the day
    /// before and 18:00 of the day.
    pub(super) fn segment_of(&self, day: Date, at: Ts) -> Segment {
        let cash = self.cash(day);
        let pieces = self.pieces(day, cash);
        let list = pieces.get();
        let index = list.iter().position(|p| p.span.contains(at)).unwrap_or(0);
        let Some(piece) = list.get(index) else {
            // A day beyond the range of `Ts`.
            return Segment { start: at, end: Ts::MAX, ..Segment::UNKNOWN };
        };
        let open_day = self.is_open(day);
        let anchored = if open_day { Some(day) } else { self.last_open(day) };
        let later = || self.next_open(day).and_then(|d| self.pieces(d, self.cash(d)).stop(0));
        let london = self.rule(Venue::London, day);
        let nyse = self.rule(Venue::Nyse, day);
        let halt = self.rule(Venue::Cme, day).until;
        let session = match piece.label.is_open() {
            true => pieces.session(piece.label).unwrap_or(piece.span),
            false => piece.span,
        };
        Segment {
            label: piece.label,
            start: piece.span.start,
            end: piece.span.end,
            trade_day: days(self.trade_date(day)),
            globex_day: days(day),
            eth_anchor: self.eth_anchor(day),
            week_anchor: anchored.map_or(Ts::NONE, |d| self.week_anchor(d)),
            month_anchor: anchored.map_or(Ts::NONE, |d| self.month_anchor(d)),
            session,
            next_halt: pieces.stop(index).or_else(later),
            cash,
            overlap: cash.and_then(|cash| self.overlap(day, &cash)),
            half_day: cash.is_some() && nyse.until.is_some(),
            holiday: self.covers(day.year()) && !is_weekend(day) && nyse.closed,
            early_halt: open_day && halt.is_some_and(|t| t < HALT),
            london_closed: london.closed,
            option_day: self.option_day(day),
            days_to_monthly: self.days_to_monthly(day),
            days_to_weekly: self.days_to_weekly(day),
        }
    }

    /// Whether Globex trades on `day`; days of years without rows are closed.
    pub(super) fn is_open(&self, day: Date) -> bool {
        self.covers(day.year()) && !is_weekend(day) && !self.rule(Venue::Cme, day).closed
    }

    /// The next open day after `day`.
    pub(super) fn next_open(&self, day: Date) -> Option<Date> {
        let mut day = day;
        for _ in 0..SCAN_DAYS {
            day = next(day);
            if self.is_open(day) {
                return Some(day);
            }
        }
        None
    }

    fn last_open(&self, day: Date) -> Option<Date> {
        let mut day = day;
        for _ in 0..SCAN_DAYS {
            day = previous(day);
            if self.is_open(day) {
                return Some(day);
            }
        }
        None
    }

    /// The trade date of Globex day `day`: the row's, else the day itself; a day without a session
    /// belongs to the next one that has one.
    pub(super) fn trade_date(&self, day: Date) -> Date {
        let day = if self.is_open(day) { day } else { self.next_open(day).unwrap_or(day) };
        self.rule(Venue::Cme, day).trade_date.unwrap_or(day)
    }

    fn eth_anchor(&self, day: Date) -> Ts {
        self.new_york(previous(day), ETH)
    }

    /// ETH anchor of the first open day of `day`'s week; `day` is open.
    fn week_anchor(&self, day: Date) -> Ts {
        let (mut first, mut to) = (day, day);
        while to.weekday() != Weekday::Monday && !is_weekend(to) {
            to = previous(to);
            first = if self.is_open(to) { to } else { first };
        }
        self.eth_anchor(first)
    }

    /// ETH anchor of the first open day whose trade date is in the same month as that of `day`,
    /// which is open. An override brings in at most the last days of the month before.
    fn month_anchor(&self, day: Date) -> Ts {
        let month = self.trade_date(day).first_of_month();
        let mut first = date_of(days(month).saturating_sub(i32::from(SCAN_DAYS) / 2));
        while first < day && !(self.is_open(first) && self.trade_date(first) >= month) {
            first = next(first);
        }
        self.eth_anchor(first)
    }

    /// The last day before `day` with a cash session, both in days since 1970-01-01.
    #[must_use]
    pub fn cash_day_before(&self, day: i32) -> Option<i32> {
        let before = (1..=i32::from(SCAN_DAYS)).map(|n| date_of(day.saturating_sub(n)));
        before.into_iter().find(|&day| self.cash(day).is_some()).map(days)
    }

    fn cash(&self, day: Date) -> Option<Cash> {
        let nyse = self.rule(Venue::Nyse, day);
        if !self.is_open(day) || nyse.closed {
            return None;
        }
        let at = |time| self.new_york(day, time);
        let open = at(nyse.open.unwrap_or(CASH_OPEN));
        let close = at(nyse.until.unwrap_or(CASH_CLOSE)).min(self.halt(day));
        let midday = Span { start: at(MIDDAY.0), end: at(MIDDAY.1) };
        (open < close).then_some(Cash { open, close, midday })
    }

    /// Where trading of `day` stops for good.
    fn halt(&self, day: Date) -> Ts {
        self.new_york(day, self.rule(Venue::Cme, day).until.map_or(HALT, |t| t.min(HALT)))
    }

    fn overlap(&self, day: Date, cash: &Cash) -> Option<Span> {
        let london = self.rule(Venue::London, day);
        if london.closed {
            return None;
        }
        let end = self.london(day, london.until.unwrap_or(LONDON_CLOSE)).min(cash.close);
        (cash.open < end).then_some(Span { start: cash.open, end })
    }

    /// The labels of `day`, end to end from 18:00 to 18:00.
    fn pieces(&self, day: Date, cash: Option<Cash>) -> Pieces {
        let pause = self.daily_break.filter(|(last, ..)| day <= *last).map(|(_, from, to)| Span {
            start: self.new_york(day, from),
            end: self.new_york(day, to),
        });
        let mut pieces = Pieces::new(self.eth_anchor(day), pause);
        let end = self.new_york(day, ETH);
        if !self.is_open(day) {
            pieces.put(Label::Closed, end);
            return pieces;
        }
        if let Some(time) = self.rule(Venue::Cme, day).open {
            let eve = if time >= ETH { previous(day) } else { day };
            pieces.put(Label::Halt, self.new_york(eve, time).min(end));
        }
        let halt = self.halt(day);
        pieces.put(Label::Asia, self.london(day, LONDON_OPEN).min(halt));
        match cash {
            Some(cash) => {
                pieces.put(Label::London, cash.open);
                pieces.put(Label::Us, cash.close);
                pieces.put(Label::UsPost, halt);
            }
            None => {
                pieces.put(Label::London, self.new_york(day, CASH_OPEN).min(halt));
                pieces.put(Label::UsHoliday, halt);
            }
        }
        let closed_next = day.weekday() == Weekday::Friday || !self.is_open(next(day));
        pieces.put(if closed_next { Label::Closed } else { Label::Halt }, end);
        pieces
    }
}
