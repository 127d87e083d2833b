//! From the index to its futures: level_future = round_tick(level_index + basis).
//!
//! The basis is kept by contract, since it jumps at the roll. In order: `live`, the median over
//! 60 s of future less index, paired by their own times; `parity`, the forward of the AM series
//! that expires with the contract less the spot of the same snapshot; `frozen`, the last live basis
//! of the contract and trade date, shrunk with the days that remain. Own design. Cost: O(pairs of
//! a minute) for the median, at most [`PAIRS_MAX`].

use std::collections::VecDeque;

use jiff::civil::Date;

use super::chain::{Settle, Underlying, settle_ts};
use super::priced::{ForwardSource, Priced};
use super::{Known, null};
use crate::calendar::expiry::hard_roll;
use crate::calendar::{Calendar, Span};
use crate::units::{Reason, SECOND, Ts};

/// Tick of the index futures, points.
pub const TICK: f64 = 0.25;
/// Window of the live basis, ns.
pub const WINDOW: i64 = 60 * SECOND;
/// Age up to which a quote counts as fresh, ns.
pub const FRESH: i64 = 2 * SECOND;
/// Most pairs of a window; beyond it the oldest go.
pub const PAIRS_MAX: usize = 1024;
/// Most mids that wait for a print, one a quarter of a second.
const MIDS_MAX: usize = 512;
/// Mids nearer together than this replace each other, ns.
const MID_STEP: i64 = SECOND / 4;

/// `price` on the futures' grid, index points.
#[must_use]
pub fn round_tick(price: f64) -> f64 {
    (price / TICK).round() * TICK
}

/// Freshness limit of a source: `flush_ms` is how often a followed file is written, `None` for a
/// feed.
#[must_use]
pub fn fresh_limit(flush_ms: Option<u32>) -> i64 {
    flush_ms.map_or(FRESH, |ms| FRESH.max(i64::from(ms) * 1_000_000 + SECOND))
}

/// A quarterly futures contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// Such as `ESU2`.
    pub code: String,
    /// Day of its final settlement.
    pub expiry: Date,
    /// Instant of it: the cash open.
    pub settles: Ts,
}

/// Code of the contract of `underlying`'s future that settles on `expiry`: root, month letter,
/// last digit of the year. `None` unless the month is a quarterly one.
#[must_use]
pub fn code(underlying: Underlying, expiry: Date) -> Option<String> {
    let letter = match expiry.month() {
        3 => 'H',
        6 => 'M',
        9 => 'U',
        12 => 'Z',
        _ => return None,
    };
    Some(format!("{}{letter}{}", underlying.future(), expiry.year().rem_euclid(10)))
}

/// The front and the next quarterly contract at `at`: the first two that have not settled. Fewer
/// where the calendar ends.
#[must_use]
pub fn contracts(calendar: &Calendar, underlying: Underlying, at: Ts) -> Vec<Contract> {
    let root = match underlying {
        Underlying::Spx => super::chain::Root::Spx,
        Underlying::Ndx => super::chain::Root::Ndx,
    };
    let mut found = Vec::with_capacity(2);
    let mut day = calendar.new_york_date(at);
    // The first may have settled this morning.
    for _ in 0..3 {
        let Some(expiry) = calendar.next_quarterly_expiry(day) else { break };
        let settles = settle_ts(calendar, root, expiry);
        if settles > at
            && found.len() < 2
            && let Some(code) = code(underlying, expiry)
        {
            found.push(Contract { code, expiry, settles });
        }
        let Ok(after) = expiry.tomorrow() else { break };
        day = after;
    }
    found
}

/// Code of the contract that is traded at `at`: the front one until the Monday of its expiry week,
/// then the next.
#[must_use]
pub fn traded(calendar: &Calendar, underlying: Underlying, at: Ts) -> Option<String> {
    let today = calendar.new_york_date(at);
    let mut listed = contracts(calendar, underlying, at);
    let rolled = listed.first().is_some_and(|front| today >= hard_roll(front.expiry));
    let traded = if rolled && listed.len() > 1 { 1 } else { 0 };
    (traded < listed.len()).then(|| listed.swap_remove(traded).code)
}

/// Where a basis comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Median of paired prints.
    Live,
    /// Parity forward less spot.
    Parity,
    /// The last live one.
    Frozen,
}

impl Source {
    /// Name as it stands in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Source::Live => "live",
            Source::Parity => "parity",
            Source::Frozen => "frozen",
        }
    }
}

/// Future less index, points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Basis {
    /// Points.
    pub value: f64,
    /// Where from.
    pub source: Source,
    /// Its time.
    pub ts: Ts,
}

/// A live basis of a contract, now or earlier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Live {
    /// Points.
    pub value: f64,
    /// Time of its last pair.
    pub ts: Ts,
}

/// Pairs a future's mids with index prints by their own times and gives the median of a minute.
///
/// A print is paired with the last mid at or before it. It must be fresher than its limit against
/// the newest time seen, the mid fresher than its own against the print. Memory is bounded.
#[derive(Clone, Debug)]
pub struct LiveBasis {
    hours: Span,
    future_limit: i64,
    print_limit: i64,
    newest: Ts,
    mids: VecDeque<(Ts, f64)>,
    pairs: VecDeque<(Ts, f64)>,
}

impl LiveBasis {
    /// For one contract and one regular session, see [`regular_hours`]; limits in ns from
    /// [`fresh_limit`].
    #[must_use]
    pub fn new(hours: Span, future_limit: i64, print_limit: i64) -> LiveBasis {
        LiveBasis {
            hours,
            future_limit,
            print_limit,
            newest: Ts::NONE,
            mids: VecDeque::new(),
            pairs: VecDeque::new(),
        }
    }

    /// The regular session that it is for.
    #[must_use]
    pub const fn hours(&self) -> Span {
        self.hours
    }

    /// A mid of the future, points, at its own time. What is no price, lies outside the session or
    /// goes back in time is ignored.
    pub fn future(&mut self, mid: f64, ts: Ts) {
        let behind = self.mids.back().is_some_and(|&(last, _)| ts < last);
        if !self.accepts(mid, ts) || behind {
            return;
        }
        self.newest = self.newest.max(ts);
        // Replacing the newest of a quarter second would move it past a print that waits: keep
        // the first and the last of each.
        let step = |t: Ts| t.0.div_euclid(MID_STEP);
        let len = self.mids.len();
        let same = len >= 2 && self.mids.range(len - 2..).all(|&(t, _)| step(t) == step(ts));
        if same {
            self.mids.pop_back();
        }
        self.mids.push_back((ts, mid));
        if self.mids.len() > MIDS_MAX {
            self.mids.pop_front();
        }
    }

    /// A print of the index, points, at its own time.
    pub fn print(&mut self, value: f64, ts: Ts) {
        let seen = self.pairs.back().is_some_and(|&(last, _)| ts <= last);
        if !self.accepts(value, ts) || seen {
            return;
        }
        self.newest = self.newest.max(ts);
        let mid = self.mids.iter().rev().find(|&&(t, _)| t <= ts);
        let Some(&(at, mid)) = mid else { return };
        if self.newest.since(ts) < self.print_limit && ts.since(at) < self.future_limit {
            self.pairs.push_back((ts, mid - value));
        }
        while self.pairs.len() > PAIRS_MAX
            || self.pairs.front().is_some_and(|&(t, _)| self.newest.since(t) >= WINDOW)
        {
            self.pairs.pop_front();
        }
    }

    /// The median over the minute before `now`.
    ///
    /// # Errors
    /// `OUT_OF_SESSION` outside the hours, `NO_INPUT` before the first pair, `STALE` without a
    /// pair in that minute.
    pub fn median(&self, now: Ts) -> Known<Live> {
        if !self.hours.contains(now) {
            return null(Reason::OutOfSession, "basis");
        }
        let fresh = |t: Ts| t <= now && now.since(t) < WINDOW;
        let mut values: Vec<f64> =
            self.pairs.iter().filter(|&&(t, _)| fresh(t)).map(|&(_, v)| v).collect();
        let Some(&(ts, _)) = self.pairs.iter().rev().find(|&&(t, _)| fresh(t)) else {
            let reason = if self.pairs.is_empty() { Reason::NoInput } else { Reason::Stale };
            return null(reason, "basis");
        };
        values.sort_by(f64::total_cmp);
        let half = values.len() / 2;
        let at = |i: usize| values.get(i).copied();
        let value = match (half.checked_sub(1).and_then(at), at(half)) {
            (Some(low), Some(high)) if values.len().is_multiple_of(2) => (low + high) / 2.0,
            (_, Some(high)) => high,
            _ => return null(Reason::NoInput, "basis"),
        };
        Ok(Live { value, ts })
    }

    fn accepts(&self, price: f64, ts: Ts) -> bool {
        price.is_finite() && price > 0.0 && self.hours.contains(ts)
    }
}

/// 09:30 to the close of the options on the New York day of `at`; `None` where it is no option
/// day.
#[must_use]
pub fn regular_hours(calendar: &Calendar, at: Ts) -> Option<Span> {
    let day = calendar.new_york_date(at);
    let end = calendar.option_close(day)?;
    Some(Span { start: calendar.new_york(day, jiff::civil::time(9, 30, 0, 0)), end })
}

/// Basis by parity: forward of the AM series that expires with the contract, less the spot.
///
/// # Errors
/// `NO_INPUT:am_group` without that series or without pairs in it.
pub fn parity(priced: &Priced, expiry: Date) -> Known<Basis> {
    let group = priced.groups.iter().find(|g| {
        g.expiry == expiry
            && g.root.settle() == Settle::Am
            && g.forward_source == ForwardSource::Parity
            && g.settle_ts > priced.asof
    });
    match group.map(|g| g.forward - priced.spot.value) {
        Some(value) if value.is_finite() => {
            Ok(Basis { value, source: Source::Parity, ts: priced.asof })
        }
        _ => null(Reason::NoInput, "am_group"),
    }
}

/// The last live basis, shrunk with the time that remains to the settlement of the contract; it
/// must be of the trade date of `now`.
///
/// # Errors
/// `NO_INPUT:live_basis` without one, `STALE` from another trade date or after settlement.
pub fn frozen(calendar: &Calendar, last: Known<Live>, settles: Ts, now: Ts) -> Known<Basis> {
    let Ok(last) = last else { return null(Reason::NoInput, "live_basis") };
    let same_day = calendar.segment(last.ts).trade_day == calendar.segment(now).trade_day;
    let left = settles.since(now) as f64;
    let whole = settles.since(last.ts) as f64;
    let value = last.value * (left / whole);
    if same_day && last.ts <= now && left > 0.0 && value.is_finite() {
        Ok(Basis { value, source: Source::Frozen, ts: last.ts })
    } else {
        null(Reason::Stale, "live_basis")
    }
}

/// The best basis of a contract for a snapshot that is written at `now`: `live` where its last pair
/// is at most a minute old and inside the regular hours, else `parity`, else `frozen`.
///
/// # Errors
/// That of the parity where none exists.
pub fn choose(
    calendar: &Calendar,
    contract: &Contract,
    live: Known<Live>,
    priced: &Priced,
    now: Ts,
) -> Known<Basis> {
    let open = regular_hours(calendar, now).is_some_and(|hours| hours.contains(now));
    if let Ok(l) = live
        && open
        && l.value.is_finite()
        && l.ts <= now
        && now.since(l.ts) < WINDOW
    {
        return Ok(Basis { value: l.value, source: Source::Live, ts: l.ts });
    }
    let parity = parity(priced, contract.expiry);
    parity.or_else(|why| frozen(calendar, live, contract.settles, now).map_err(|_| why))
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;
    use crate::options::chain::Root;
    use crate::options::priced::{Group, Spot, SpotSource};

    fn calendar() -> Calendar {
        Calendar::bundled().expect("calendar")
    }

    fn at(h: i8, m: i8, s: i8) -> Ts {
        calendar().new_york(date(2022, 7, 12), time(h, m, s, 0))
    }

    fn plus(ts: Ts, ms: i64) -> Ts {
        Ts(ts.0 + ms * 1_000_000)
    }

    fn live() -> LiveBasis {
        let hours = regular_hours(&calendar(), at(12, 0, 0)).expect("hours");
        LiveBasis::new(hours, FRESH, FRESH)
    }

    #[test]
    fn codes() {
        let calendar = calendar();
        let names =
            |u, ts| contracts(&calendar, u, ts).into_iter().map(|c| c.code).collect::<Vec<_>>();
        assert_eq!(names(Underlying::Spx, at(11, 40, 0)), ["ESU2", "ESZ2"]);
        let december = calendar.new_york(date(2022, 12, 12), time(20, 16, 0, 0));
        assert_eq!(names(Underlying::Ndx, december), ["NQZ2", "NQH3"]);
        let friday = |h| calendar.new_york(date(2022, 9, 16), time(h, 0, 0, 0));
        assert_eq!(names(Underlying::Spx, friday(9)), ["ESU2", "ESZ2"]);
        assert_eq!(names(Underlying::Spx, friday(10)), ["ESZ2", "ESH3"]);
        assert_eq!(code(Underlying::Spx, date(2022, 7, 15)), None);
    }

    #[test]
    fn ticks() {
        for (price, want) in [(3956.72, 3956.75), (3956.60, 3956.5), (-12.36, -12.25)] {
            assert_eq!(round_tick(price), want);
        }
        assert_eq!(fresh_limit(None), FRESH);
        assert_eq!(fresh_limit(Some(5000)), 6 * SECOND);
        assert_eq!(fresh_limit(Some(500)), FRESH);
    }

    #[test]
    fn pairs_by_their_own_times() {
        let start = at(11, 40, 0);
        let mut b = live();
        assert_eq!(b.median(start), null(Reason::NoInput, "basis"));
        b.future(3860.0, start);
        b.future(3870.0, plus(start, 1500));
        // Between the two mids: the earlier one counts, though the later is known.
        b.print(3856.0, plus(start, 1000));
        assert_eq!(b.median(plus(start, 1500)).map(|l| l.value), Ok(4.0));
        // A print 2 s behind the newest time, and one without a mid within 2 s.
        b.future(3870.0, plus(start, 4000));
        b.print(3800.0, plus(start, 1900));
        b.print(3800.0, plus(start, 6000));
        assert_eq!(b.median(plus(start, 6000)).map(|l| l.value), Ok(4.0));
        assert_eq!(b.median(plus(start, 61_000)), null(Reason::Stale, "basis"));
    }

    #[test]
    fn median_of_a_minute() {
        let start = at(11, 40, 0);
        let mut b = live();
        for i in 0..100 {
            let ts = plus(start, i * 1000);
            b.future(4000.0, ts);
            // 0, 1, … 99 points below the future.
            b.print(4000.0 - i as f64, ts);
        }
        // The last sixty: 40 to 99.
        let got = b.median(plus(start, 99_000)).expect("median");
        assert_eq!((got.value, got.ts), (69.5, plus(start, 99_000)));
        b.print(f64::NAN, plus(start, 100_000));
        b.print(-1.0, plus(start, 100_000));
        assert_eq!(b.median(plus(start, 99_000)), Ok(got));
    }

    #[test]
    fn regular_hours_only() {
        let mut b = live();
        for (h, m) in [(9, 29), (16, 0)] {
            b.future(4000.0, at(h, m, 0));
            b.print(3990.0, at(h, m, 0));
        }
        assert!(b.mids.is_empty() && b.pairs.is_empty());
        assert_eq!(b.median(at(16, 0, 0)), null(Reason::OutOfSession, "basis"));
        let half = calendar().new_york(date(2022, 11, 25), time(12, 0, 0, 0));
        let hours = regular_hours(&calendar(), half).expect("hours");
        assert_eq!(hours.end, calendar().new_york(date(2022, 11, 25), time(13, 0, 0, 0)));
    }

    #[test]
    fn memory_is_bounded() {
        let start = at(10, 0, 0);
        let mut b = live();
        for i in 0..200_000 {
            let ts = Ts(start.0 + i * 100_000);
            b.future(4000.0, ts);
            b.print(3999.0, ts);
        }
        assert!(b.mids.len() <= MIDS_MAX && b.pairs.len() <= PAIRS_MAX);
    }

    fn priced(asof: Ts, groups: &[(Root, Date, f64, ForwardSource)]) -> Priced {
        let group = |&(root, expiry, forward, forward_source): &(_, _, _, _)| Group {
            expiry,
            root,
            settle_ts: settle_ts(&calendar(), root, expiry),
            t: 0.2,
            dte: 60,
            contracts: 2,
            n_pairs: 9,
            forward,
            forward_source,
            df: 1.0,
            carry: 0.0,
            skew_slope: 0.0,
            strikes: vec![],
        };
        Priced {
            asof,
            spot: Spot { value: 3856.28, source: SpotSource::Print, ts: asof },
            implied: null(Reason::NoInput, ""),
            groups: groups.iter().map(group).collect(),
        }
    }

    #[test]
    fn order_of_sources() {
        let calendar = calendar();
        let now = at(11, 40, 0);
        let front = contracts(&calendar, Underlying::Spx, now).remove(0);
        let day = date(2022, 9, 16);
        let with = priced(
            now,
            &[
                (Root::Spx, day, 3_859.595_092, ForwardSource::Parity),
                (Root::Spxw, day, 3900.0, ForwardSource::Parity),
            ],
        );
        let without = priced(now, &[(Root::Spx, day, 3856.28, ForwardSource::Spot)]);
        let fresh = Ok(Live { value: 3.5, ts: plus(now, -59_000) });
        let old = Ok(Live { value: 3.5, ts: plus(now, -3_600_000) });
        let none = null(Reason::NoInput, "basis");
        let best = |live, p: &Priced, now| choose(&calendar, &front, live, p, now);
        let got = best(fresh, &with, now).expect("live");
        assert_eq!((got.source.name(), got.value), ("live", 3.5));
        let got = best(old, &with, now).expect("parity");
        assert_eq!(got.source.name(), "parity");
        assert!((got.value - 3.315_092).abs() < 1e-9);
        let got = best(old, &without, now).expect("frozen");
        assert_eq!((got.source.name(), got.ts), ("frozen", plus(now, -3_600_000)));
        let days = front.settles.since(now) as f64 / 86_400e9;
        assert!((got.value - 3.5 * days / (days + 1.0 / 24.0)).abs() < 1e-12);
        assert!(best(none, &without, now).is_err());
        // Next trade date: nothing is left of the live one.
        assert!(best(old, &without, at(18, 0, 0)).is_err());
    }
}
