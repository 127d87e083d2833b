//! Gates that need only the market, the calendar and the score: 2 session, 3 news, 4 data,
//! 8 side, 9 score. Each is a function of values; a value that cannot be measured never passes.

use super::confluence::Tier;
use crate::book::{Book, BookState};
use crate::calendar::Label;
use crate::order::{Detail, Gate, Veto};
use crate::units::{MINUTE, SECOND, Ts};

/// Numbers behind the gates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GateParams {
    /// Least time to the next halt or close, ns of market time.
    pub min_to_halt_ns: i64,
    /// Time around a tier-1 event in which nothing is entered, ns.
    pub news_ns: i64,
    /// Least levels on each side of the book, 1 to 10.
    pub levels_min: usize,
    /// Time after a sequence gap in which nothing is entered, ns.
    pub gap_ns: i64,
    /// Age from which an option context does not decide the side alone, ns.
    pub context_age_ns: i64,
    /// Whether WEAK is traded in live.
    pub allow_weak: bool,
    /// Orders go to a real venue.
    pub live: bool,
}

impl Default for GateParams {
    fn default() -> GateParams {
        GateParams {
            min_to_halt_ns: 15 * MINUTE,
            news_ns: 5 * MINUTE,
            levels_min: 5,
            gap_ns: 60 * SECOND,
            context_age_ns: 900 * SECOND,
            allow_weak: false,
            live: false,
        }
    }
}

/// Gate 2: a traded label, and time enough to the next halt or close.
///
/// # Errors
/// The refusal.
pub fn session(
    label: Label,
    market_time: Ts,
    next_halt: Option<Ts>,
    params: &GateParams,
) -> Result<(), Veto> {
    if !matches!(label, Label::Asia | Label::London | Label::Us | Label::UsPost) {
        return Err(Veto::new(Gate::Session, Detail::Label));
    }
    // Beyond the rows of the calendar nobody knows when the next halt is.
    match next_halt {
        Some(halt) if market_time.is_some() && halt.since(market_time) >= params.min_to_halt_ns => {
            Ok(())
        }
        _ => Err(Veto::new(Gate::Session, Detail::HaltNear)),
    }
}

/// The tier-1 events of an event calendar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Sorted.
    events: Vec<Ts>,
    /// First instant that the calendar does not cover; `None` without a calendar.
    until: Option<Ts>,
}

impl News {
    /// No calendar.
    #[must_use]
    pub const fn none() -> News {
        News { events: Vec::new(), until: None }
    }

    /// A calendar of tier-1 instants that knows all of them before `until`.
    #[must_use]
    pub fn new(mut events: Vec<Ts>, until: Ts) -> News {
        events.retain(|at| at.is_some());
        events.sort_unstable();
        News { events, until: until.is_some().then_some(until) }
    }

    /// A calendar from text: a line is an instant in RFC 3339 and, after a comma, anything; one
    /// line is `until,` and an instant. Empty lines and those that begin with `#` are comments.
    ///
    /// # Errors
    /// The number of the first line that cannot be read, from 1; 0 where `until` is missing.
    pub fn parse(text: &str) -> Result<News, usize> {
        let instant = |text: &str| -> Option<Ts> {
            let at: jiff::Timestamp = text.trim().parse().ok()?;
            let at = Ts::from_outside(i64::try_from(at.as_nanosecond()).ok()?);
            at.is_some().then_some(at)
        };
        let (mut events, mut until) = (Vec::new(), None);
        for (number, line) in (1_usize..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (head, rest) = line.split_once(',').unwrap_or((line, ""));
            if head.trim() == "until" {
                let end = instant(rest).filter(|_| until.is_none());
                until = Some(end.ok_or(number)?);
            } else {
                events.push(instant(head).ok_or(number)?);
            }
        }
        Ok(News::new(events, until.ok_or(0_usize)?))
    }

    /// Whether all of `window` ns after `at` is covered.
    #[must_use]
    pub fn covers(&self, at: Ts, window: i64) -> bool {
        at.is_some() && self.until.is_some_and(|end| end.0 > at.0.saturating_add(window))
    }

    /// Whether an event lies at most `window` ns before or after `at`.
    #[must_use]
    pub fn is_near(&self, at: Ts, window: i64) -> bool {
        let from = Ts(at.0.saturating_sub(window));
        let first = self.events.partition_point(|&event| event < from);
        self.events.get(first).is_some_and(|event| event.0 <= at.0.saturating_add(window))
    }
}

/// Gate 3: no tier-1 event near `at`, the market time of the account. In live a calendar that
/// is missing or ends too early refuses too.
///
/// # Errors
/// The refusal.
pub fn news(news: &News, at: Ts, params: &GateParams) -> Result<(), Veto> {
    if at.is_some() && news.is_near(at, params.news_ns) {
        return Err(Veto::new(Gate::News, Detail::Event));
    }
    if params.live && !news.covers(at, params.news_ns) {
        return Err(Veto::new(Gate::News, Detail::NoCalendar));
    }
    Ok(())
}

/// What gate 4 knows of a symbol, by receive time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feed {
    /// The last market event: no snapshot, Timer, heartbeat or event of the warm-up.
    pub market_ts: Ts,
    /// The last sequence gap.
    pub gap_ts: Ts,
}

impl Feed {
    /// Nothing has been seen.
    pub const NONE: Feed = Feed { market_ts: Ts::NONE, gap_ts: Ts::NONE };
}

/// Gate 4: the market data is at most `age_ns` old and whole, the book deep and not crossed. A
/// source without depth never passes.
///
/// # Errors
/// The refusal.
pub fn data(feed: Feed, ts: Ts, age_ns: i64, book: &Book, params: &GateParams) -> Result<(), Veto> {
    let refuse = |detail| Err(Veto::new(Gate::Data, detail));
    let known = feed.market_ts.is_some() && ts.is_some();
    if !known || ts.since(feed.market_ts) > age_ns {
        return refuse(Detail::Age);
    }
    if book.state() == BookState::Crossed {
        return refuse(Detail::Crossed);
    }
    let levels = book.bids().visible().len().min(book.asks().visible().len());
    if levels < params.levels_min.max(1) {
        return refuse(Detail::Shallow);
    }
    if feed.gap_ts.is_some() && ts.since(feed.gap_ts) < params.gap_ns {
        return refuse(Detail::Gap);
    }
    Ok(())
}

/// Gate 8: where the option context is late (`aged`), D without it points the same way.
///
/// # Errors
/// The refusal.
pub fn side(aged: bool, side: i8, d_core: f64) -> Result<(), Veto> {
    let agrees = (side > 0 && d_core > 0.0) || (side < 0 && d_core < 0.0);
    if aged && !agrees { Err(Veto::new(Gate::Side, Detail::None)) } else { Ok(()) }
}

/// Gate 9: a tier that is traded in this mode, and a score from `gate` on.
///
/// # Errors
/// The refusal.
pub fn score(tier: Tier, score: f64, gate: f64, params: &GateParams) -> Result<(), Veto> {
    let passes = score >= gate && tier != Tier::NoTrade;
    if !passes {
        return Err(Veto::new(Gate::Score, Detail::None));
    }
    if tier == Tier::Weak && params.live && !params.allow_weak {
        return Err(Veto::new(Gate::Score, Detail::WeakTier));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::calendar::{Calendar, instant};
    use crate::event::{Body, Event, GapCause, flag};
    use crate::units::{Px, Side, SymbolId};

    fn params() -> GateParams {
        GateParams::default()
    }

    fn live() -> GateParams {
        GateParams { live: true, ..params() }
    }

    fn detail(result: Result<(), Veto>) -> Option<Detail> {
        result.err().map(|veto| veto.detail)
    }

    #[test]
    fn sessions() {
        let calendar = Calendar::bundled().expect("calendar");
        for (at, expected) in [
            ("2026-01-14T23:00:00Z", None),
            ("2026-01-15T08:00:00Z", None),
            ("2026-01-15T14:30:00Z", None),
            ("2026-01-15T21:00:00Z", None),
            // 17:00 New York is the halt: a quarter of an hour before it passes, less does not.
            ("2026-01-15T21:45:00Z", None),
            ("2026-01-15T21:45:00.000000001Z", Some(Detail::HaltNear)),
            ("2026-01-15T21:59:59Z", Some(Detail::HaltNear)),
            ("2026-01-15T22:00:00Z", Some(Detail::Label)),
            ("2026-01-17T12:00:00Z", Some(Detail::Label)),
            // A holiday of NYSE; a half day; the daily break of those days.
            ("2026-01-19T15:00:00Z", Some(Detail::Label)),
            ("2026-11-27T17:59:00Z", None),
            ("2026-11-27T18:00:01Z", Some(Detail::HaltNear)),
            ("2021-03-10T21:01:00Z", Some(Detail::HaltNear)),
            ("2031-01-09T14:30:00Z", Some(Detail::Label)),
        ] {
            let at = instant(at);
            let segment = calendar.segment(at);
            let own = session(segment.label, at, segment.next_halt, &params());
            assert_eq!(detail(own), expected, "{at}");
        }
        let us = |halt| detail(session(Label::Us, Ts(5), halt, &params()));
        assert_eq!(us(None), Some(Detail::HaltNear), "an unknown halt is no far one");
        let unknown = session(Label::Us, Ts::NONE, Some(Ts(i64::MAX)), &params());
        assert_eq!(detail(unknown), Some(Detail::HaltNear));
    }

    #[test]
    fn blackouts() {
        let (event, until) = (instant("2026-01-14T13:30:00Z"), instant("2026-01-31T00:00:00Z"));
        let calendar = News::new(vec![event], until);
        let minute = |n: i64| Ts(event.0 + n * MINUTE);
        for (at, expected) in [
            (minute(-6), None),
            (Ts(minute(-5).0 - 1), None),
            (minute(-5), Some(Detail::Event)),
            (minute(0), Some(Detail::Event)),
            (minute(5), Some(Detail::Event)),
            (Ts(minute(5).0 + 1), None),
        ] {
            for params in [params(), live()] {
                assert_eq!(detail(news(&calendar, at, &params)), expected, "{at}");
            }
        }
        // Missing or out of date: refused in live alone.
        let late = Ts(until.0 - 4 * MINUTE);
        for (calendar, at) in [(&News::none(), minute(9)), (&calendar, late), (&calendar, Ts::NONE)]
        {
            assert_eq!(detail(news(calendar, at, &params())), None);
            assert_eq!(detail(news(calendar, at, &live())), Some(Detail::NoCalendar));
        }
        let open = News::new(vec![event], Ts::NONE);
        assert_eq!(detail(news(&open, minute(9), &live())), Some(Detail::NoCalendar));
        assert_eq!(detail(news(&open, minute(1), &params())), Some(Detail::Event));
    }

    #[test]
    fn calendars_of_text() {
        let text =
            "# CPI\n2026-02-11T13:30:00Z,CPI\n\n2026-01-28T19:00:00Z\nuntil,2026-03-01T00:00:00Z\n";
        let own = News::parse(text).expect("calendar");
        let events = ["2026-01-28T19:00:00Z", "2026-02-11T13:30:00Z"].map(instant).to_vec();
        assert_eq!(own, News::new(events, instant("2026-03-01T00:00:00Z")));
        for (text, line) in [
            ("", 0),
            ("2026-02-11T13:30:00Z", 0),
            ("\nfoo", 2),
            ("until,", 1),
            ("until,2026-03-01T00:00:00Z\nuntil,2026-03-01T00:00:00Z", 2),
            ("1960-01-01T00:00:00Z", 1),
        ] {
            assert_eq!(News::parse(text), Err(line), "{text}");
        }
    }

    fn depth(book: &mut Book, side: Side, ticks: i64) {
        let (ts, px) = (Ts(1), Px::clamped(ticks));
        let body = Body::Depth { side, px, qty: 5, orders: 1 };
        let flags = flag::BATCH_END;
        book.apply(&Event { seq: 1, ts, ts_exch: ts, symbol: SymbolId(0), flags, body });
    }

    fn book(levels: i64) -> Book {
        let mut book = Book::new();
        for n in 0..levels {
            depth(&mut book, Side::Bid, 99 - n);
            depth(&mut book, Side::Ask, 100 + n);
        }
        book
    }

    #[test]
    fn feeds() {
        let now = Ts(1_000 * SECOND);
        let ago = |ns: i64| Ts(now.0 - ns);
        let fresh = Feed { market_ts: ago(SECOND), ..Feed::NONE };
        let of = |feed, book: &Book| detail(data(feed, now, SECOND, book, &params()));
        assert_eq!(of(fresh, &book(5)), None);
        assert_eq!(of(Feed { market_ts: ago(SECOND + 1), ..fresh }, &book(5)), Some(Detail::Age));
        assert_eq!(of(Feed::NONE, &book(5)), Some(Detail::Age));
        assert_eq!(of(fresh, &book(4)), Some(Detail::Shallow));
        assert_eq!(of(fresh, &book(0)), Some(Detail::Shallow));
        let mut lame = book(5);
        depth(&mut lame, Side::Bid, 100);
        assert_eq!(lame.state(), BookState::Locked);
        assert_eq!(of(fresh, &lame), None, "locked is not crossed");
        depth(&mut lame, Side::Bid, 101);
        assert_eq!(of(fresh, &lame), Some(Detail::Crossed));
        for (gap, expected) in
            [(60 * SECOND, None), (60 * SECOND - 1, Some(Detail::Gap)), (0, Some(Detail::Gap))]
        {
            assert_eq!(of(Feed { gap_ts: ago(gap), ..fresh }, &book(5)), expected);
        }
        // A feed without depth has one level a side.
        let mut quotes = Book::new();
        let (bid, ask) = (Some((Px::clamped(99), 5)), Some((Px::clamped(100), 5)));
        let (ts, flags) = (Ts(1), 0);
        let body = Body::Quote { bid, ask };
        quotes.apply(&Event { seq: 1, ts, ts_exch: ts, symbol: SymbolId(0), flags, body });
        assert_eq!(of(fresh, &quotes), Some(Detail::Shallow));
        let gap = Body::Gap(GapCause::Disconnect);
        quotes.apply(&Event { seq: 2, ts, ts_exch: ts, symbol: SymbolId(0), flags, body: gap });
        assert_eq!(of(fresh, &quotes), Some(Detail::Shallow));
    }

    #[test]
    fn sides() {
        for (aged, d, core, passes) in [
            (false, 1, -0.5, true),
            (true, 1, 0.5, true),
            (true, -1, -0.5, true),
            (true, 1, -0.5, false),
            (true, -1, 0.5, false),
            (true, 1, 0.0, false),
            (true, -1, -0.0, false),
            (true, 0, 0.0, false),
            (true, 1, f64::NAN, false),
        ] {
            assert_eq!(side(aged, d, core).is_ok(), passes, "{aged} {d} {core}");
        }
    }

    #[test]
    fn scores() {
        let weak = GateParams { allow_weak: true, ..live() };
        for (tier, value, gate, params, expected) in [
            (Tier::Good, 70.0, 70.0, live(), None),
            (Tier::Good, 70.0, 75.0, live(), Some(Detail::None)),
            (Tier::Weak, 65.0, 70.0, params(), Some(Detail::None)),
            (Tier::Weak, 65.0, 60.0, params(), None),
            (Tier::Weak, 65.0, 60.0, live(), Some(Detail::WeakTier)),
            (Tier::Weak, 65.0, 60.0, weak, None),
            (Tier::NoTrade, 50.0, 40.0, params(), Some(Detail::None)),
            (Tier::Good, f64::NAN, 70.0, params(), Some(Detail::None)),
        ] {
            assert_eq!(detail(score(tier, value, gate, &params)), expected, "{tier:?} {value}");
        }
    }

    proptest! {
        /// The search against a look at every event.
        #[test]
        fn near_equals_definition(
            events in prop::collection::vec(0_i64..1_000, 0..20), at in 0_i64..1_000,
            window in 0_i64..50,
        ) {
            let own = News::new(events.iter().map(|&e| Ts(e)).collect(), Ts(5_000));
            let naive = events.iter().any(|e| (e - at).abs() <= window);
            prop_assert_eq!(own.is_near(Ts(at), window), naive);
        }
    }
}
