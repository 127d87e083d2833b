//! What a session tells the other modules about an instant.
//!
//! Everything follows from the market time and the holiday rows, so it replays. The costly part
//! (zones, rows, expiries) is in the [`Segment`], which the hot path keeps until it ends; an
//! instant's [`SessionContext`] is then a few comparisons ([`Segment::context`]).

use super::{Calendar, Label, Segment};
use crate::units::{MINUTE, Ts};

/// Session as trade records name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Session3 {
    /// Label ASIA.
    Asia = 0,
    /// Label LONDON.
    London = 1,
    /// Labels US, US_POST and US_HOLIDAY.
    Us = 2,
}

/// Session, with US cut in three; the buckets that sizes and statistics use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SubBucket {
    /// HALT or CLOSED.
    None = 0,
    /// ASIA.
    Asia = 1,
    /// LONDON.
    London = 2,
    /// US before 11:00 New York.
    UsMorning = 3,
    /// US 11:00–14:00.
    UsMidday = 4,
    /// US from 14:00 on (never reached on a half day).
    UsAfternoon = 5,
    /// US_POST.
    UsPost = 6,
    /// US_HOLIDAY.
    UsHoliday = 7,
}

impl SubBucket {
    /// All of them.
    pub const ALL: [SubBucket; 8] = [
        SubBucket::None,
        SubBucket::Asia,
        SubBucket::London,
        SubBucket::UsMorning,
        SubBucket::UsMidday,
        SubBucket::UsAfternoon,
        SubBucket::UsPost,
        SubBucket::UsHoliday,
    ];

    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            SubBucket::None => "NONE",
            SubBucket::Asia => "ASIA",
            SubBucket::London => "LONDON",
            SubBucket::UsMorning => "US_MORNING",
            SubBucket::UsMidday => "US_MIDDAY",
            SubBucket::UsAfternoon => "US_AFTERNOON",
            SubBucket::UsPost => "US_POST",
            SubBucket::UsHoliday => "US_HOLIDAY",
        }
    }
}

/// The session context of one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionContext {
    /// The label.
    pub label: Label,
    /// Session of trade records; `None` in HALT and CLOSED.
    pub session3: Option<Session3>,
    /// Bucket for sizes and statistics.
    pub sub_bucket: SubBucket,
    /// Whole minutes since the label's session began today (ASIA 18:00, LONDON 08:00 London, US
    /// 09:30, US_POST the cash close, US_HOLIDAY 09:30); `None` in HALT and CLOSED.
    pub minutes_since_open: Option<u16>,
    /// Minutes until it ends, rounded up: the two sum to its length. For US that is the cash close.
    pub minutes_to_close: Option<u16>,
    /// Trade date, days since 1970-01-01.
    pub trade_day: i32,
    /// NYSE closes early on the day.
    pub is_half_day: bool,
    /// Both cash markets trade: from the US open to London's close, on days when both open.
    pub overlap: bool,
    /// London is closed all day.
    pub london_closed: bool,
    /// Next instant after this one at which trading stops (the former 16:15 break is a stop too);
    /// while it stands still, the stop after the next open. `None` beyond the covered years.
    pub next_halt_at: Option<Ts>,
    /// SPXW and NDXP expire (so NYSE and Cboe trade) on the calendar day of the Globex day.
    pub option_day: bool,
    /// Calendar days from that day to the next AM-settled monthly SPX expiry, 0 on its day.
    pub days_to_monthly: Option<u16>,
    /// Calendar days to the next PM-settled expiry, 0 on an option day.
    pub days_to_weekly: Option<u16>,
}

impl Segment {
    /// The context of an instant of this segment (elsewhere the minutes are clipped to it).
    #[must_use]
    pub fn context(&self, at: Ts) -> SessionContext {
        let open = self.label.is_open();
        let minutes = |ns: i64| u16::try_from(ns / MINUTE).ok().filter(|_| open);
        let since = at.since(self.session.start);
        let left = self.session.end.since(at).saturating_add(MINUTE - 1);
        SessionContext {
            label: self.label,
            session3: match self.label {
                Label::Closed | Label::Halt => None,
                Label::Asia => Some(Session3::Asia),
                Label::London => Some(Session3::London),
                Label::Us | Label::UsPost | Label::UsHoliday => Some(Session3::Us),
            },
            sub_bucket: self.sub_bucket(at),
            minutes_since_open: minutes(since),
            minutes_to_close: minutes(left),
            trade_day: self.trade_day,
            is_half_day: self.half_day,
            overlap: self.overlap.is_some_and(|o| o.contains(at)),
            london_closed: self.london_closed,
            next_halt_at: self.next_halt,
            option_day: self.option_day,
            days_to_monthly: self.days_to_monthly,
            days_to_weekly: self.days_to_weekly,
        }
    }

    fn sub_bucket(&self, at: Ts) -> SubBucket {
        match self.label {
            Label::Closed | Label::Halt => SubBucket::None,
            Label::Asia => SubBucket::Asia,
            Label::London => SubBucket::London,
            Label::UsPost => SubBucket::UsPost,
            Label::UsHoliday => SubBucket::UsHoliday,
            Label::Us => match self.cash {
                Some(cash) if at < cash.midday.start => SubBucket::UsMorning,
                Some(cash) if at < cash.midday.end => SubBucket::UsMidday,
                _ => SubBucket::UsAfternoon,
            },
        }
    }
}

/// A daily clock window, in minutes after midnight: start inclusive, end exclusive, over midnight
/// where `from > to`, empty where they are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DailyWindow {
    /// First minute, 0..1440.
    pub from: u16,
    /// First minute after it, 0..=1440.
    pub to: u16,
}

impl DailyWindow {
    const fn contains(self, minute: u16) -> bool {
        if self.from <= self.to {
            minute >= self.from && minute < self.to
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

/// The sessions as the product that publishes before the close knows them: clock windows on every
/// day of the week, weekends and holidays included, beside the labels and never instead of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompatWindows {
    /// ASIA, in UTC. Default 22:00–06:00.
    pub asia_utc: DailyWindow,
    /// LONDON, in London time. Default 08:00–16:00.
    pub london: DailyWindow,
}

impl Default for CompatWindows {
    fn default() -> CompatWindows {
        CompatWindows {
            asia_utc: DailyWindow { from: 22 * 60, to: 6 * 60 },
            london: DailyWindow { from: 8 * 60, to: 16 * 60 },
        }
    }
}

/// Which compatibility windows hold an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compat {
    /// ASIA.
    pub asia: bool,
    /// LONDON.
    pub london: bool,
}

impl Calendar {
    /// The context of an instant; look the segment up once and use [`Segment::context`] where
    /// speed matters.
    #[must_use]
    pub fn context(&self, at: Ts) -> SessionContext {
        self.segment(at).context(at)
    }

    /// The compatibility windows that hold `at`.
    #[must_use]
    pub fn compat(&self, at: Ts, windows: &CompatWindows) -> Compat {
        let utc = at.0.div_euclid(MINUTE).rem_euclid(24 * 60);
        let london = self.london_time(at);
        let london = i64::from(london.hour()) * 60 + i64::from(london.minute());
        let within = |w: DailyWindow, minute| u16::try_from(minute).is_ok_and(|m| w.contains(m));
        Compat { asia: within(windows.asia_utc, utc), london: within(windows.london, london) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{date_of, instant};

    fn context(at: &str) -> SessionContext {
        Calendar::bundled().expect("calendar").context(instant(at))
    }

    /// Start and end of the overlap, in winter, summer and the two stretches between.
    #[test]
    fn golden_overlap() {
        for (day, from, to) in [
            ("2026-01-15", "14:30", "16:30"),
            ("2026-03-16", "13:30", "16:30"),
            ("2026-07-15", "13:30", "15:30"),
            ("2026-10-28", "13:30", "16:30"),
        ] {
            let calendar = Calendar::bundled().expect("calendar");
            let bound = |t: &str| instant(&format!("{day}T{t}:00Z"));
            let overlap = calendar.segment(bound(from)).overlap.expect("overlap");
            assert_eq!((overlap.start, overlap.end), (bound(from), bound(to)), "{day}");
            let flag = |at: Ts| calendar.context(at).overlap;
            assert!(!flag(Ts(bound(from).0 - 1)) && flag(bound(from)));
            assert!(flag(Ts(bound(to).0 - 1)) && !flag(bound(to)));
        }
        // No overlap where one side is closed: King's day, the early May holiday, Christmas Eve
        // (London ends at 12:30).
        for at in ["2026-01-19T15:00:00Z", "2026-05-04T14:00:00Z", "2026-12-24T15:00:00Z"] {
            assert!(!context(at).overlap, "{at}");
        }
    }

    #[test]
    fn minutes_and_halts() {
        let c = context("2026-01-15T14:30:00Z");
        assert_eq!((c.minutes_since_open, c.minutes_to_close), (Some(0), Some(390)));
        assert_eq!(c.next_halt_at, Some(instant("2026-01-15T22:00:00Z")));
        let c = context("2026-01-15T20:59:30Z");
        assert_eq!((c.minutes_since_open, c.minutes_to_close), (Some(389), Some(1)));
        // ASIA began at 18:00 New York and ends at 08:00 London.
        let c = context("2026-07-15T06:30:00Z");
        assert_eq!((c.minutes_since_open, c.minutes_to_close), (Some(510), Some(30)));
        // US_POST runs over the break of those days: 16:40 is 40 minutes after the close.
        let c = context("2021-03-10T21:40:00Z");
        assert_eq!((c.minutes_since_open, c.minutes_to_close), (Some(40), Some(20)));
        assert_eq!(
            context("2021-03-10T21:10:00Z").next_halt_at,
            Some(instant("2021-03-10T21:15:00Z"))
        );
        assert_eq!(
            context("2021-03-10T21:20:00Z").next_halt_at,
            Some(instant("2021-03-10T22:00:00Z"))
        );
        // Friday night before King's day: the next stop is the early halt of Monday.
        let c = context("2026-01-17T12:00:00Z");
        assert_eq!(c.next_halt_at, Some(instant("2026-01-19T18:00:00Z")));
        assert_eq!((c.session3, c.minutes_since_open, c.minutes_to_close), (None, None, None));
        assert_eq!(context("2028-06-01T12:00:00Z").next_halt_at, None);
        assert_eq!(context("2027-12-31T23:00:00Z").next_halt_at, None);
    }

    #[test]
    fn session_of_records() {
        for (at, session, bucket) in [
            ("2026-01-14T23:00:00Z", Some(Session3::Asia), SubBucket::Asia),
            ("2026-01-15T08:00:00Z", Some(Session3::London), SubBucket::London),
            ("2026-01-15T16:00:00Z", Some(Session3::Us), SubBucket::UsMidday),
            ("2026-01-15T19:00:00Z", Some(Session3::Us), SubBucket::UsAfternoon),
            ("2026-01-15T21:00:00Z", Some(Session3::Us), SubBucket::UsPost),
            ("2026-01-19T15:00:00Z", Some(Session3::Us), SubBucket::UsHoliday),
            ("2026-01-15T22:30:00Z", None, SubBucket::None),
        ] {
            let c = context(at);
            assert_eq!((c.session3, c.sub_bucket), (session, bucket), "{at}");
        }
    }

    #[test]
    fn expiries_ahead() {
        // Monday before the monthly expiry of Friday 2026-01-16.
        let c = context("2026-01-12T15:00:00Z");
        assert_eq!((c.option_day, c.days_to_monthly, c.days_to_weekly), (true, Some(4), Some(0)));
        let c = context("2026-01-16T15:00:00Z");
        assert_eq!(c.days_to_monthly, Some(0));
        // Saturday 17 January: Monday is a holiday, so options next expire on Tuesday the 20th.
        let c = context("2026-01-17T15:00:00Z");
        assert_eq!((c.option_day, c.days_to_monthly, c.days_to_weekly), (false, Some(34), Some(3)));
        assert_eq!(date_of(c.trade_day).to_string(), "2026-01-20");
    }

    #[test]
    fn compatibility_windows() {
        let calendar = Calendar::bundled().expect("calendar");
        let at = |t: &str| calendar.compat(instant(t), &CompatWindows::default());
        let (asia, london) = (true, true);
        for (t, expected) in [
            ("2026-01-15T21:59:59Z", Compat::default()),
            ("2026-01-15T22:00:00Z", Compat { asia, ..Compat::default() }),
            ("2026-01-15T05:59:59Z", Compat { asia, ..Compat::default() }),
            ("2026-01-15T06:00:00Z", Compat::default()),
            ("2026-01-15T08:00:00Z", Compat { london, ..Compat::default() }),
            ("2026-01-15T16:00:00Z", Compat::default()),
            // Summer: London's eight o'clock is 07:00 UTC, ASIA stays where it is.
            ("2026-07-15T07:00:00Z", Compat { london, ..Compat::default() }),
            ("2026-07-15T15:00:00Z", Compat::default()),
            ("2026-07-15T05:59:59Z", Compat { asia, ..Compat::default() }),
        ] {
            assert_eq!(at(t), expected, "{t}");
        }
        let none = DailyWindow { from: 600, to: 600 };
        let empty = CompatWindows { asia_utc: none, london: none };
        assert_eq!(calendar.compat(instant("2026-01-15T10:00:00Z"), &empty), Compat::default());
    }
}
