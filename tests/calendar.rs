//! The session calendar from outside: golden instants, a hand-written list of tricky ones, and a
//! slow twin that labels an instant straight from the clocks of New York and London.
//!
//! The twin has its own copy of the holidays (months and days by year) and its own first-match
//! table. Every boundary lies on a quarter of an hour, so that comparing the two at each quarter
//! and one nanosecond before it covers every instant.

use jiff::civil::{Date, Time, Weekday, date, time};
use jiff::tz::TimeZone;
use mia::calendar::{Calendar, Label, Segment, date_of, days};
use mia::units::{MINUTE, Ts};
use proptest::prelude::*;

fn bundled() -> Calendar {
    Calendar::bundled().expect("bundled calendar")
}

/// `2026-01-15T14:30` or with seconds, UTC.
fn instant(text: &str) -> Ts {
    let seconds = if text.len() == 16 { ":00Z" } else { "Z" };
    let t: jiff::Timestamp = format!("{text}{seconds}").parse().expect("instant");
    Ts(i64::try_from(t.as_nanosecond()).expect("range"))
}

/// First and last instant of 2020 to 2027 in New York.
fn years() -> (Ts, Ts) {
    (instant("2020-01-01T05:00"), instant("2028-01-01T05:00"))
}

/// Instants and labels of the reference table.
#[test]
fn golden_labels() {
    let calendar = bundled();
    for (at, label) in [
        ("2026-01-14T22:30", "HALT"),
        ("2026-01-14T23:00", "ASIA"),
        ("2026-01-15T07:59", "ASIA"),
        ("2026-01-15T08:00", "LONDON"),
        ("2026-01-15T14:29", "LONDON"),
        ("2026-01-15T14:30", "US"),
        ("2026-01-15T21:00", "US_POST"),
        ("2026-01-15T22:00", "HALT"),
        ("2026-01-16T22:00", "CLOSED"),
        ("2026-01-18T22:59", "CLOSED"),
        ("2026-01-18T23:00", "ASIA"),
        ("2026-03-16T07:59", "ASIA"),
        ("2026-03-16T08:00", "LONDON"),
        ("2026-03-16T13:29", "LONDON"),
        ("2026-03-16T13:30", "US"),
        ("2026-07-15T06:59", "ASIA"),
        ("2026-07-15T07:00", "LONDON"),
        ("2026-07-15T13:30", "US"),
        ("2026-07-15T20:00", "US_POST"),
        ("2026-07-15T21:00", "HALT"),
        ("2026-07-15T22:00", "ASIA"),
        ("2026-10-28T08:00", "LONDON"),
        ("2026-10-28T13:30", "US"),
        ("2026-11-27T17:59", "US"),
        ("2026-11-27T18:00", "US_POST"),
        ("2026-01-19T15:00", "US_HOLIDAY"),
        ("2021-03-10T21:20", "HALT"),
        ("2021-07-14T20:20", "US_POST"),
        ("2021-04-02T13:14", "LONDON"),
        ("2021-04-02T13:15", "CLOSED"),
        ("2021-12-31T15:00", "US"),
        ("2022-06-20T15:00", "US_HOLIDAY"),
        ("2022-06-20T17:00", "HALT"),
        ("2022-09-19T08:00", "LONDON"),
        ("2022-12-26T22:59", "CLOSED"),
        ("2022-12-26T23:00", "ASIA"),
        ("2023-12-25T22:30", "CLOSED"),
        ("2023-12-25T23:00", "ASIA"),
        ("2024-03-28T22:30", "CLOSED"),
        ("2024-07-03T17:10", "US_POST"),
        ("2024-07-03T17:15", "HALT"),
        ("2025-01-09T14:29", "LONDON"),
        ("2025-01-09T14:30", "HALT"),
    ] {
        assert_eq!(calendar.segment(instant(at)).label.name(), label, "{at}");
    }
    for at in ["2021-04-02T13:14", "2022-09-19T08:00"] {
        assert!(calendar.context(instant(at)).london_closed, "{at}");
    }
}

#[test]
fn golden_trade_dates() {
    let calendar = bundled();
    for (at, day) in [
        ("2026-01-11T23:00", date(2026, 1, 12)),
        ("2026-01-15T21:30", date(2026, 1, 15)),
        ("2026-01-15T23:30", date(2026, 1, 16)),
        // The row of King's day gives its session to Tuesday.
        ("2026-01-18T23:00", date(2026, 1, 20)),
        ("2023-12-25T23:00", date(2023, 12, 26)),
    ] {
        assert_eq!(date_of(calendar.segment(instant(at)).trade_day), day, "{at}");
    }
    // Without the row it would be the Monday's own.
    let without = Calendar::source().replace(",2026-01-20,", ",,");
    let calendar = Calendar::from_csv(&without).expect("calendar");
    let segment = calendar.segment(instant("2026-01-18T23:00"));
    assert_eq!(date_of(segment.trade_day), date(2026, 1, 19));
    assert_eq!(date_of(segment.globex_day), date(2026, 1, 19));
}

/// A trade date may not lie behind that of the session that follows.
#[test]
fn trade_dates_that_go_back_are_refused() {
    let rows = Calendar::source().replace(",2026-01-20,", ",2026-01-21,");
    let line =
        Calendar::source().lines().position(|l| l.starts_with("2026-01-19,cme")).expect("row");
    let error = Calendar::from_csv(&rows).expect_err("goes back");
    assert_eq!(error, mia::calendar::CalendarError::Line(line + 1));
    let rows = Calendar::source().replace(",2026-07-06,", ",2026-07-04,");
    assert!(Calendar::from_csv(&rows).is_err(), "a Saturday");
}

#[test]
fn golden_overlap_and_capture() {
    let calendar = bundled();
    for (from, to) in [
        ("2026-01-15T14:30", "2026-01-15T16:30"),
        ("2026-03-16T13:30", "2026-03-16T16:30"),
        ("2026-07-15T13:30", "2026-07-15T15:30"),
        ("2026-10-28T13:30", "2026-10-28T16:30"),
    ] {
        let flag = |at: i64| calendar.context(Ts(at)).overlap;
        let (from, to) = (instant(from).0, instant(to).0);
        assert_eq!(
            [flag(from - 1), flag(from), flag(to - 1), flag(to)],
            [false, true, true, false]
        );
    }
    for (morning, start) in [
        ("2026-01-15T12:00", "2026-01-15T20:30"),
        ("2026-03-16T12:00", "2026-03-16T19:30"),
        ("2026-07-15T12:00", "2026-07-15T19:30"),
        ("2026-11-27T12:00", "2026-11-27T17:30"),
        // Friday evening: over the weekend and King's day.
        ("2026-01-16T22:00", "2026-01-20T20:30"),
    ] {
        let window = calendar.next_capture(instant(morning)).expect("window");
        assert_eq!(window.start, instant(start), "{morning}");
        assert_eq!(window.end, Ts(window.start.0 + 15 * MINUTE), "{morning}");
    }
}

/// Anchors of the week and the month.
#[test]
fn anchors() {
    let calendar = bundled();
    for (at, week, month) in [
        // New Year's Day has no session, so January begins with the evening of the first.
        ("2026-01-15T15:00", "2026-01-11T23:00", "2026-01-01T23:00"),
        // The first of February is a Sunday.
        ("2026-02-03T15:00", "2026-02-01T23:00", "2026-02-01T23:00"),
        ("2026-02-01T23:00", "2026-02-01T23:00", "2026-02-01T23:00"),
        // Closed weekend: those in force on Friday.
        ("2026-02-01T22:59", "2026-01-25T23:00", "2026-01-01T23:00"),
        // Christmas on a Monday: the week begins on its evening.
        ("2023-12-26T15:00", "2023-12-25T23:00", "2023-11-30T23:00"),
        // Memorial Day of 31 May counts for 1 June: the month begins on Sunday evening.
        ("2021-06-01T15:00", "2021-05-30T22:00", "2021-05-30T22:00"),
        ("2021-05-31T15:00", "2021-05-30T22:00", "2021-05-30T22:00"),
        ("2021-05-28T15:00", "2021-05-23T22:00", "2021-05-02T22:00"),
    ] {
        let segment = calendar.segment(instant(at));
        assert_eq!(segment.week_anchor, instant(week), "{at}: week");
        assert_eq!(segment.month_anchor, instant(month), "{at}: month");
    }
}

/// Instants where clocks, holidays and trade dates trip; reasoned from the rules by hand.
/// Each: UTC, label, trade date as month and day of the instant's year, London's holiday flag.
const TRICKY: [(&str, &str, (i8, i8), bool); 78] = [
    // New York goes to summer time on 2026-03-08, London on 03-29: the gap is four hours between.
    ("2026-03-06T21:59:59", "US_POST", (3, 6), false), // Fri 16:59:59 EST
    ("2026-03-06T22:00", "CLOSED", (3, 6), false),     // Fri 17:00 EST
    ("2026-03-08T21:59:59", "CLOSED", (3, 9), false),  // Sun 17:59:59 EDT
    ("2026-03-08T22:00", "ASIA", (3, 9), false),       // Sun 18:00 EDT, an hour earlier in UTC
    ("2026-03-09T12:00", "LONDON", (3, 9), false),     // 08:00 EDT, 12:00 GMT
    ("2026-03-09T13:30", "US", (3, 9), false),         // 09:30 EDT
    ("2026-03-09T20:00", "US_POST", (3, 9), false),    // 16:00 EDT
    ("2026-03-27T07:59:59", "ASIA", (3, 27), false),   // 07:59:59 GMT
    ("2026-03-27T08:00", "LONDON", (3, 27), false),    // 08:00 GMT, the last Friday of winter
    ("2026-03-30T06:59:59", "ASIA", (3, 30), false),   // 07:59:59 BST
    ("2026-03-30T07:00", "LONDON", (3, 30), false),    // 08:00 BST
    // London goes back on 2026-10-25, New York on 11-01.
    ("2026-10-23T07:00", "LONDON", (10, 23), false), // 08:00 BST
    ("2026-10-26T07:00", "ASIA", (10, 26), false),   // 07:00 GMT
    ("2026-10-26T08:00", "LONDON", (10, 26), false), // 08:00 GMT, 04:00 EDT
    ("2026-10-30T20:00", "US_POST", (10, 30), false), // Fri 16:00 EDT
    ("2026-10-30T21:00", "CLOSED", (10, 30), false), // Fri 17:00 EDT
    ("2026-11-01T22:00", "CLOSED", (11, 2), false),  // Sun 17:00 EST: summer's opening time
    ("2026-11-01T23:00", "ASIA", (11, 2), false),    // Sun 18:00 EST
    ("2026-11-02T13:30", "LONDON", (11, 2), false),  // 08:30 EST: summer's cash open
    ("2026-11-02T14:30", "US", (11, 2), false),      // 09:30 EST
    // Half days: cash until 13:00, Globex until 13:15.
    ("2024-11-29T17:59:59", "US", (11, 29), false), // Fri 12:59:59 EST
    ("2024-11-29T18:00", "US_POST", (11, 29), false),
    ("2024-11-29T18:15", "CLOSED", (11, 29), false), // a Friday: until Sunday
    ("2024-12-24T18:14:59", "US_POST", (12, 24), false),
    ("2024-12-24T18:15", "CLOSED", (12, 24), false), // Christmas is next: no mere halt
    ("2024-12-25T22:59:59", "CLOSED", (12, 26), true),
    ("2024-12-25T23:00", "ASIA", (12, 26), true), // London's Boxing Day
    ("2023-07-03T17:15", "HALT", (7, 3), false),  // Mon; the 4th has a session
    ("2023-07-03T22:00", "ASIA", (7, 5), false),  // which counts for the 5th
    ("2023-07-04T17:00", "HALT", (7, 5), false),  // Tue 13:00 EDT
    ("2025-07-03T16:59:59", "US", (7, 3), false),
    // Thanksgiving counts for its Friday.
    ("2026-11-26T17:59:59", "US_HOLIDAY", (11, 27), false),
    ("2026-11-26T18:00", "HALT", (11, 27), false),
    ("2026-11-26T23:00", "ASIA", (11, 27), false),
    // Good Fridays: until 09:15 with an employment report (2021, 2023, 2026), else closed.
    ("2021-04-01T22:00", "ASIA", (4, 2), true), // Thu 18:00 EDT
    ("2021-04-02T13:14:59", "LONDON", (4, 2), true),
    ("2021-04-02T13:15", "CLOSED", (4, 2), true),
    ("2022-04-15T06:00", "CLOSED", (4, 18), true),
    ("2023-04-07T13:14:59", "LONDON", (4, 7), true),
    ("2023-04-07T13:30", "CLOSED", (4, 7), true),
    ("2024-03-28T20:59:59", "US_POST", (3, 28), false),
    ("2024-03-28T21:00", "CLOSED", (3, 28), false), // Thu 17:00 EDT, CLOSED wins over HALT
    ("2024-03-29T14:00", "CLOSED", (4, 1), true),
    ("2025-04-18T13:00", "CLOSED", (4, 21), true),
    ("2025-04-21T12:00", "LONDON", (4, 21), true), // Easter Monday is a London holiday only
    ("2026-04-03T13:14:59", "LONDON", (4, 3), true),
    ("2026-04-03T13:15", "CLOSED", (4, 3), true),
    // A summer Sunday.
    ("2022-07-10T21:59:59", "CLOSED", (7, 11), false),
    ("2022-07-10T22:00", "ASIA", (7, 11), false),
    // Juneteenth, from 2022 on; in 2026 a Friday, in 2027 kept on the Friday before.
    ("2021-06-18T15:00", "US", (6, 18), false),
    ("2022-06-20T13:30", "US_HOLIDAY", (6, 21), false),
    ("2024-06-19T17:00", "HALT", (6, 20), false),
    ("2024-06-19T22:00", "ASIA", (6, 20), false),
    ("2026-06-19T17:00", "CLOSED", (6, 22), false),
    ("2027-06-18T16:59:59", "US_HOLIDAY", (6, 21), false),
    // Independence Day of 2020 on a Saturday: Friday's session counts for Monday.
    ("2020-07-02T22:00", "ASIA", (7, 6), false),
    ("2020-07-03T17:00", "CLOSED", (7, 6), false),
    // Christmas and New Year on weekends.
    ("2021-12-23T22:00", "CLOSED", (12, 23), false), // Thu 17:00 EST, Friday is closed
    ("2021-12-24T15:00", "CLOSED", (12, 27), false),
    ("2021-12-31T21:00", "US_POST", (12, 31), false), // an ordinary Friday in New York
    ("2022-01-03T09:00", "LONDON", (1, 3), true),     // London makes New Year up
    ("2022-12-26T15:00", "CLOSED", (12, 27), true),
    ("2023-01-02T22:59:59", "CLOSED", (1, 3), true),
    ("2023-01-02T23:00", "ASIA", (1, 3), false),
    ("2027-12-24T12:00", "CLOSED", (12, 27), false),
    ("2027-12-31T20:59:59", "US", (12, 31), false),
    // The daily break, for the last time on Friday 2021-06-25.
    ("2021-06-25T20:14:59", "US_POST", (6, 25), false),
    ("2021-06-25T20:15", "HALT", (6, 25), false),
    ("2021-06-25T20:30", "US_POST", (6, 25), false),
    ("2021-06-28T20:15", "US_POST", (6, 28), false),
    ("2020-12-24T21:20", "CLOSED", (12, 24), false), // stopped since 13:15: no HALT in CLOSED
    // Day of mourning.
    ("2025-01-09T14:29:59", "LONDON", (1, 9), false),
    ("2025-01-09T15:00", "HALT", (1, 9), false),
    ("2025-01-09T23:00", "ASIA", (1, 10), false),
    // Leap days, a moved London holiday, an American one on which everything trades.
    ("2020-02-29T12:00", "CLOSED", (3, 2), false), // a Saturday
    ("2024-02-29T23:00", "ASIA", (3, 1), false),
    ("2020-05-08T07:00", "LONDON", (5, 8), true),
    ("2025-10-13T14:00", "US", (10, 13), false),
];

#[test]
fn tricky_instants() {
    let calendar = bundled();
    for (at, label, (month, day), london_closed) in TRICKY {
        let context = calendar.context(instant(at));
        let year = at.get(..4).and_then(|y| y.parse().ok()).expect("year");
        assert_eq!(context.label.name(), label, "{at}");
        assert_eq!(date_of(context.trade_day), date(year, month, day), "{at}");
        assert_eq!(context.london_closed, london_closed, "{at}");
    }
}

/// Full closures and early ends by year, months and days in order.
struct Year {
    nyse: &'static str,
    nyse_half: &'static str,
    london: &'static str,
    cme: &'static str,
    cme_13_00: &'static str,
    cme_13_15: &'static str,
    cme_other: &'static [(&'static str, Time)],
}

const FIRST_YEAR: i16 = 2020;
const REPORT: Time = time(9, 15, 0, 0);
const YEARS: [Year; 8] = [
    Year {
        nyse: "01/01 01/20 02/17 04/10 05/25 07/03 09/07 11/26 12/25",
        nyse_half: "11/27 12/24",
        london: "01/01 04/10 04/13 05/08 05/25 08/31 12/25 12/28",
        cme: "01/01 04/10 12/25",
        cme_13_00: "01/20 02/17 05/25 07/03 09/07 11/26",
        cme_13_15: "11/27 12/24",
        cme_other: &[],
    },
    Year {
        nyse: "01/01 01/18 02/15 04/02 05/31 07/05 09/06 11/25 12/24",
        nyse_half: "11/26",
        london: "01/01 04/02 04/05 05/03 05/31 08/30 12/27 12/28",
        cme: "01/01 12/24",
        cme_13_00: "01/18 02/15 05/31 07/05 09/06 11/25",
        cme_13_15: "11/26",
        cme_other: &[("04/02", REPORT)],
    },
    Year {
        nyse: "01/17 02/21 04/15 05/30 06/20 07/04 09/05 11/24 12/26",
        nyse_half: "11/25",
        london: "01/03 04/15 04/18 05/02 06/02 06/03 08/29 09/19 12/26 12/27",
        cme: "04/15 12/26",
        cme_13_00: "01/17 02/21 05/30 06/20 07/04 09/05 11/24",
        cme_13_15: "11/25",
        cme_other: &[],
    },
    Year {
        nyse: "01/02 01/16 02/20 04/07 05/29 06/19 07/04 09/04 11/23 12/25",
        nyse_half: "07/03 11/24",
        london: "01/02 04/07 04/10 05/01 05/08 05/29 08/28 12/25 12/26",
        cme: "01/02 12/25",
        cme_13_00: "01/16 02/20 05/29 06/19 07/04 09/04 11/23",
        cme_13_15: "07/03 11/24",
        cme_other: &[("04/07", REPORT)],
    },
    Year {
        nyse: "01/01 01/15 02/19 03/29 05/27 06/19 07/04 09/02 11/28 12/25",
        nyse_half: "07/03 11/29 12/24",
        london: "01/01 03/29 04/01 05/06 05/27 08/26 12/25 12/26",
        cme: "01/01 03/29 12/25",
        cme_13_00: "01/15 02/19 05/27 06/19 07/04 09/02 11/28",
        cme_13_15: "07/03 11/29 12/24",
        cme_other: &[],
    },
    Year {
        nyse: "01/01 01/09 01/20 02/17 04/18 05/26 06/19 07/04 09/01 11/27 12/25",
        nyse_half: "07/03 11/28 12/24",
        london: "01/01 04/18 04/21 05/05 05/26 08/25 12/25 12/26",
        cme: "01/01 04/18 12/25",
        cme_13_00: "01/20 02/17 05/26 06/19 07/04 09/01 11/27",
        cme_13_15: "07/03 11/28 12/24",
        cme_other: &[("01/09", time(9, 30, 0, 0))],
    },
    Year {
        nyse: "01/01 01/19 02/16 04/03 05/25 06/19 07/03 09/07 11/26 12/25",
        nyse_half: "11/27 12/24",
        london: "01/01 04/03 04/06 05/04 05/25 08/31 12/25 12/28",
        cme: "01/01 12/25",
        cme_13_00: "01/19 02/16 05/25 06/19 07/03 09/07 11/26",
        cme_13_15: "11/27 12/24",
        cme_other: &[("04/03", REPORT)],
    },
    Year {
        nyse: "01/01 01/18 02/15 03/26 05/31 06/18 07/05 09/06 11/25 12/24",
        nyse_half: "11/26",
        london: "01/01 03/26 03/29 05/03 05/31 08/30 12/27 12/28",
        cme: "01/01 03/26 12/24",
        cme_13_00: "01/18 02/15 05/31 06/18 07/05 09/06 11/25",
        cme_13_15: "11/26",
        cme_other: &[],
    },
];

/// Labels an instant from the clocks on the wall.
struct Twin {
    new_york: TimeZone,
    london: TimeZone,
}

/// What the twin says.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    label: Label,
    trade_date: Date,
    london_closed: bool,
}

impl Twin {
    fn new() -> Twin {
        let zone = |name| TimeZone::get(name).expect("zone");
        Twin { new_york: zone("America/New_York"), london: zone("Europe/London") }
    }

    fn say(&self, at: Ts) -> Said {
        let t = jiff::Timestamp::from_nanosecond(i128::from(at.0)).expect("range");
        let here = self.new_york.to_datetime(t);
        let london = self.london.to_datetime(t);
        let evening = here.hour() >= 18;
        let day = if evening { here.date().tomorrow().expect("range") } else { here.date() };
        let label = self.label(day, (!evening).then(|| here.time()), london);
        Said { label, trade_date: trade_date(day), london_closed: listed(day, |y| y.london) }
    }

    /// First match; `clock` is New York's on `day` itself, none on the evening before.
    fn label(&self, day: Date, clock: Option<Time>, london: jiff::civil::DateTime) -> Label {
        let from = |hour, minute| clock.is_some_and(|c| c >= time(hour, minute, 0, 0));
        if no_session(day) {
            return Label::Closed;
        }
        if clock.is_some_and(|c| c >= halt(day)) {
            let stays =
                day.weekday() == Weekday::Friday || no_session(day.tomorrow().expect("day"));
            return if stays { Label::Closed } else { Label::Halt };
        }
        if day < date(2021, 6, 28) && from(16, 15) && !from(16, 30) {
            return Label::Halt;
        }
        if listed(day, |y| y.nyse) {
            if from(9, 30) {
                return Label::UsHoliday;
            }
        } else {
            let close = if listed(day, |y| y.nyse_half) { 13 } else { 16 };
            if from(9, 30) && !from(close, 0) {
                return Label::Us;
            }
            if from(close, 0) {
                return Label::UsPost;
            }
        }
        // Before 09:30 New York it is the same day in London, or still the evening before there.
        if london.date() == day && london.hour() >= 8 { Label::London } else { Label::Asia }
    }
}

fn listed(day: Date, list: impl Fn(&Year) -> &str) -> bool {
    let year = usize::try_from(day.year() - FIRST_YEAR).ok().and_then(|y| YEARS.get(y));
    year.is_some_and(|y| list(y).contains(&format!("{:02}/{:02}", day.month(), day.day())))
}

fn no_session(day: Date) -> bool {
    let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    weekend || !(2020..=2027).contains(&day.year()) || listed(day, |y| y.cme)
}

fn halt(day: Date) -> Time {
    if listed(day, |y| y.cme_13_00) {
        return time(13, 0, 0, 0);
    }
    if listed(day, |y| y.cme_13_15) {
        return time(13, 15, 0, 0);
    }
    let name = format!("{:02}/{:02}", day.month(), day.day());
    let year = &YEARS[usize::try_from(day.year() - FIRST_YEAR).expect("covered")];
    year.cme_other.iter().find(|(d, _)| *d == name).map_or(time(17, 0, 0, 0), |(_, t)| *t)
}

/// Over days without a session to the next one, and over a holiday's session to the business day.
fn trade_date(day: Date) -> Date {
    let mut to = day;
    while no_session(to) || listed(to, |y| y.cme_13_00) {
        to = to.tomorrow().expect("range");
        if to.year() > 2027 {
            return day;
        }
    }
    to
}

fn said(segment: &Segment) -> Said {
    Said {
        label: segment.label,
        trade_date: date_of(segment.trade_day),
        london_closed: segment.london_closed,
    }
}

/// Every instant of 2020 to 2027 has the label, trade date and London flag of the twin.
#[test]
fn every_instant_has_its_label() {
    let (calendar, twin) = (bundled(), Twin::new());
    let (from, to) = years();
    let mut segment = Segment::UNKNOWN;
    let mut at = from;
    while at < to {
        for probe in [at, Ts(at.0 + 15 * MINUTE - 1)] {
            if !segment.contains(probe) {
                segment = calendar.segment(probe);
                assert!(segment.contains(probe), "{probe}");
            }
            assert_eq!(said(&segment), twin.say(probe), "{probe}");
        }
        at = Ts(at.0 + 15 * MINUTE);
    }
}

/// Segments tile the eight years; trade dates, days and anchors only grow, and anchors and stops
/// lie where they must.
#[test]
fn segments_tile() {
    let calendar = bundled();
    let (from, to) = years();
    let mut last = calendar.segment(from);
    let mut count = 0;
    while last.end < to {
        let s = calendar.segment(last.end);
        assert_eq!(s.start, last.end);
        assert!(s.end > s.start);
        assert_eq!(calendar.segment(Ts(s.end.0 - 1)), s, "one segment from {} on", s.start);
        assert!(s.trade_day >= last.trade_day, "{}: the trade date goes back", s.start);
        assert!(s.globex_day >= last.globex_day && s.eth_anchor >= last.eth_anchor);
        assert!(s.week_anchor >= last.week_anchor && s.month_anchor >= last.month_anchor);
        assert!(s.week_anchor <= s.start && s.month_anchor <= s.start && s.eth_anchor <= s.start);
        assert!(s.session.start <= s.start && s.session.end >= s.end);
        assert_eq!(s.cash.is_some_and(|c| c.open == s.session.start), s.label == Label::Us);
        assert!(s.next_halt.is_none_or(|h| h >= s.end || !s.label.is_open() && h > s.start));
        if let Some(stop) = s.next_halt {
            assert!(!calendar.segment(stop).label.is_open());
            assert!(calendar.segment(Ts(stop.0 - 1)).label.is_open());
        }
        if s.label.is_open() {
            assert!(calendar.segment(s.week_anchor).label.is_open());
            assert!(calendar.segment(s.month_anchor).label.is_open());
            let (a, b) =
                (date_of(s.trade_day), date_of(calendar.segment(s.month_anchor).trade_day));
            assert_eq!((a.year(), a.month()), (b.year(), b.month()));
        }
        (last, count) = (s, count + 1);
    }
    // Five or six each trading day, one each day without a session.
    assert!((11_000..13_000).contains(&count), "{count} segments");
}

proptest! {
    /// Random instants to the nanosecond agree with the twin.
    #[test]
    fn twin_agrees(ns in years().0.0..years().1.0) {
        let (calendar, twin) = (bundled(), Twin::new());
        let segment = calendar.segment(Ts(ns));
        prop_assert!(segment.contains(Ts(ns)));
        prop_assert_eq!(said(&segment), twin.say(Ts(ns)));
    }

    /// Any integer is an instant: one segment holds it, and its context has sane numbers.
    #[test]
    fn any_instant(ns: i64) {
        let calendar = bundled();
        let segment = calendar.segment(Ts(ns));
        let covered = segment.globex_day >= days(date(2020, 1, 1))
            && segment.globex_day <= days(date(2027, 12, 31));
        prop_assert!(covered || segment.label == Label::Closed);
        prop_assert_eq!(segment.context(Ts(ns)), calendar.context(Ts(ns)));
    }

    /// Minutes since the open and to the close sum to the session's length.
    #[test]
    fn minutes_sum(ns in years().0.0..years().1.0) {
        let segment = bundled().segment(Ts(ns));
        let context = segment.context(Ts(ns));
        let length = (segment.session.end.0 - segment.session.start.0) / MINUTE;
        match (context.minutes_since_open, context.minutes_to_close) {
            (Some(since), Some(left)) => {
                prop_assert!(segment.label.is_open() && left > 0);
                prop_assert_eq!(i64::from(since) + i64::from(left), length);
            }
            (None, None) => prop_assert!(!segment.label.is_open()),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    /// A capture window is inside an option day's US session and lies ahead.
    #[test]
    fn captures_lie_ahead(ns in years().0.0..instant("2027-12-20T00:00").0) {
        let calendar = bundled();
        let window = calendar.next_capture(Ts(ns)).expect("window");
        prop_assert!(window.start > Ts(ns) && window.start.0 - ns < 6 * 24 * 60 * MINUTE);
        let context = calendar.context(window.start);
        prop_assert!(context.option_day && context.label == Label::Us);
        prop_assert_eq!(context.minutes_to_close, Some(30));
    }
}
