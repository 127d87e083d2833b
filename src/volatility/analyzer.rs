//! [`Analyzer`]: quotes, closes and VX futures in, [`Part`] out.
//!
//! For each index the best source with a fresh value counts (given by hand, Sierra file, DTC,
//! provider, daily close), without one the newest value; what was given by hand stands before
//! everything. A worse source never replaces a better fresh one. Regime and curve take one
//! observation a minute, in dissemination hours; the first one may come at any time. Signals need
//! a fresh VIX. Outside the hours the last value gives context; in them an old one gives nothing
//! but itself. A daily close gives statistics also then, and says `eod`.
//!
//! One instance serves VIX; a second one, [`Analyzer::vxn`], serves VXN with closes of its own.
//! Cost: an observation and a part each look up a few time zones and scan the closes.

use jiff::civil::Date;

use super::closes::{CloseError, Closes, LEVEL_MAX, Stats};
use super::curve::{self, Confirmed};
use super::hours::{self, Freshness};
use super::part::{Curve, Part, Quote, Regime, SIGNALS_MAX, Source, Term};
use super::regime::{Level, stress};
use super::signals::{SPIKE_SESSIONS, SignalParams, Signals, View};
use super::term::Contract;
use crate::calendar::{Calendar, date_of, days};
use crate::units::{MINUTE, Reason, SECOND, Slot, Ts};

/// A quote further ahead of the clock than this is not believed, ns.
pub const AHEAD_MAX: i64 = 60 * SECOND;
/// Most VX contracts that are kept, expired ones included.
const FUTURES_MAX: usize = 16;
/// Days in which the sessions before are looked for.
const SCAN_DAYS: i32 = 14;

/// The indices that are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Index {
    /// VIX, thirty days.
    Vix = 0,
    /// VIX9D, nine days.
    Vix9d = 1,
    /// VIX3M, three months.
    Vix3m = 2,
    /// VIX6M, six months.
    Vix6m = 3,
    /// VXN, of the Nasdaq-100.
    Vxn = 4,
}

/// Indices.
const INDICES: usize = 5;
/// Sources, best first.
const SOURCES: [Source; 5] = [Source::Given, Source::Scid, Source::Dtc, Source::Index, Source::Eod];

/// Trading days that a history may lack before its last close is no value any more: one, for it may
/// be written only after the next day's open.
const EOD_MISSING: usize = 1;
/// The same for statistics over it.
const STATS_MISSING: usize = 5;

/// What is left to calibration.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Params {
    /// Of the signals.
    pub signals: SignalParams,
}

impl Params {
    /// Whether all lie in their ranges.
    ///
    /// # Errors
    /// The name of the first that does not.
    pub fn check(&self) -> Result<(), &'static str> {
        self.signals.check()
    }
}

/// What became of a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is the value of its index now.
    Yes,
    /// Kept, but another source's value stands.
    Behind,
    /// Older than what its source said before.
    Older,
    /// More than a minute ahead of the clock.
    Ahead,
    /// No level above 0 and at most 1,000 points, or no time.
    Invalid,
}

/// A VX future: a monthly contract.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Future {
    /// Day on which it settles.
    pub expiry: Date,
    /// Price, index points.
    pub price: f64,
}

impl Quote {
    /// A quote as it comes in: `value` in points at `ts`.
    #[must_use]
    pub const fn new(value: f64, ts: Ts, source: Source) -> Quote {
        Quote { value, ts, source, stale: false, eod: matches!(source, Source::Eod) }
    }
}

/// Everything about one volatility index and its kin.
#[derive(Clone, Debug)]
pub struct Analyzer {
    base: Index,
    closes: Closes,
    /// By index, then by source.
    quotes: [[Option<Quote>; SOURCES.len()]; INDICES],
    level: Level,
    /// Time of the last observation of the level.
    level_at: Ts,
    /// The base was above its stress level when a value last counted.
    stressed: bool,
    curve: Confirmed,
    curve_at: Ts,
    signals: Signals,
    futures: Vec<Future>,
    futures_at: Ts,
}

impl Analyzer {
    /// An analyzer of VIX with its daily closes, [`Closes::EMPTY`] without any.
    #[must_use]
    pub fn new(params: Params, closes: Closes) -> Analyzer {
        Analyzer::of(Index::Vix, params, closes)
    }

    /// An analyzer of VXN: its part holds VXN's quote, regime and statistics, no curve.
    #[must_use]
    pub fn vxn(params: Params, closes: Closes) -> Analyzer {
        Analyzer::of(Index::Vxn, params, closes)
    }

    fn of(base: Index, params: Params, closes: Closes) -> Analyzer {
        Analyzer {
            base,
            closes,
            quotes: [[None; SOURCES.len()]; INDICES],
            level: Level::default(),
            level_at: Ts::NONE,
            stressed: false,
            curve: Confirmed::default(),
            curve_at: Ts::NONE,
            signals: Signals::new(params.signals),
            futures: Vec::new(),
            futures_at: Ts::NONE,
        }
    }

    /// The daily closes.
    #[must_use]
    pub fn closes(&self) -> &Closes {
        &self.closes
    }

    /// Adds the close of a later day, in points.
    ///
    /// # Errors
    /// [`CloseError`] where the day does not lie after the last, or the value is no level.
    pub fn close(&mut self, day: Date, value: f64) -> Result<(), CloseError> {
        self.closes.push(day, value)
    }

    /// Takes a quote that arrives at `now`. Its flags are not looked at: age and source decide.
    pub fn observe(&mut self, index: Index, quote: Quote, now: Ts, calendar: &Calendar) -> Taken {
        let level = quote.value > 0.0 && quote.value <= LEVEL_MAX;
        if !(level && quote.ts.is_some() && now.is_some()) {
            return Taken::Invalid;
        }
        if quote.ts.since(now) > AHEAD_MAX {
            return Taken::Ahead;
        }
        let place = self.quotes.get_mut(index as usize).and_then(|s| s.get_mut(rank(quote.source)));
        let Some(place) = place else { return Taken::Invalid };
        if place.is_some_and(|held| held.ts > quote.ts) {
            return Taken::Older;
        }
        *place = Some(Quote::new(quote.value, quote.ts, quote.source));
        match self.best(index, now, calendar) {
            Some(best) if best.source == quote.source && best.ts == quote.ts => {
                self.strain(index, best, now, calendar);
                self.sample(index, best, now, calendar);
                Taken::Yes
            }
            _ => Taken::Behind,
        }
    }

    /// Takes the prices of the VX futures at `ts`, nearest first; an older list changes nothing.
    pub fn vx(&mut self, futures: &[Future], ts: Ts) {
        if ts.is_some() && ts >= self.futures_at {
            self.futures_at = ts;
            self.futures.clear();
            self.futures.extend(futures.iter().take(FUTURES_MAX));
        }
    }

    /// The value of an index at `now`, with its flags.
    #[must_use]
    pub fn quote(&self, index: Index, now: Ts, calendar: &Calendar) -> Option<Quote> {
        self.best(index, now, calendar)
    }

    fn best(&self, index: Index, now: Ts, calendar: &Calendar) -> Option<Quote> {
        let sources = self.quotes.get(index as usize)?;
        let known = |quote: &Quote| quote.ts.since(now) <= AHEAD_MAX;
        let closed = if index == self.base { self.last_close(now, calendar) } else { None };
        let mut newest: Option<Quote> = None;
        for mut quote in sources.iter().flatten().copied().chain(closed).filter(known) {
            quote.stale = hours::freshness(quote.ts, now, calendar) != Freshness::Fresh;
            if !quote.stale || quote.source == Source::Given {
                return Some(quote);
            }
            if newest.is_none_or(|n| quote.ts > n.ts) {
                newest = Some(quote);
            }
        }
        newest
    }

    /// Trading days between the last close before `today` and `today`, counted over two weeks.
    fn missing(&self, today: i32, calendar: &Calendar) -> usize {
        let Some((last, _)) = self.closes.last_at(today.saturating_sub(1)) else { return 0 };
        let between = last.saturating_add(1)..today.min(last.saturating_add(SCAN_DAYS));
        between.filter(|&day| hours::trading_day(date_of(day), calendar)).count()
    }

    /// The last close of the history that is known at `now`; none where the history has ended: a
    /// close of another month is no value of today.
    fn last_close(&self, now: Ts, calendar: &Calendar) -> Option<Quote> {
        let today = days(calendar.new_york_date(now));
        if self.missing(today, calendar) > EOD_MISSING {
            return None;
        }
        [today, today.saturating_sub(1)].into_iter().find_map(|day| {
            let (day, value) = self.closes.last_at(day)?;
            let ts = hours::close_of(date_of(day), calendar);
            (ts <= now).then_some(Quote::new(value, ts, Source::Eod))
        })
    }

    /// Remembers the stress of the base: any value begins it, only one that is fit for now ends it.
    fn strain(&mut self, index: Index, quote: Quote, now: Ts, calendar: &Calendar) {
        let usable = hours::freshness(quote.ts, now, calendar).is_usable();
        if index == self.base && (usable || stress(quote.value)) {
            self.stressed = stress(quote.value);
        }
    }

    /// Lets the minute's first value of an index count for regime, curve and signals.
    fn sample(&mut self, index: Index, quote: Quote, now: Ts, calendar: &Calendar) {
        let mut change = None;
        if index == self.base {
            let first = self.level.state().is_none();
            if first || (later(quote.ts, self.level_at) && hours::open(quote.ts, calendar)) {
                change = self.level.observe(quote.value);
                self.level_at = quote.ts;
            } else {
                return;
            }
        } else if !matches!(index, Index::Vix9d | Index::Vix3m) {
            return;
        }
        let Some(base) = self.best(self.base, now, calendar) else { return };
        let ratio = self.ratio(Index::Vix3m, &base, now, calendar);
        let at = quote.ts.max(base.ts);
        if let Some(r) = ratio.value()
            && later(at, self.curve_at)
            && hours::open(at, calendar)
        {
            self.curve.observe(r);
            self.curve_at = at;
        }
        let session = calendar.new_york_date(base.ts);
        if base.stale || !hours::trading_day(session, calendar) {
            return;
        }
        let previous = self.closes.before(days(session));
        let ratio9 = self.ratio(Index::Vix9d, &base, now, calendar);
        self.signals.observe(&View {
            ts: at,
            session: days(session),
            since: self.sessions_back(session, calendar),
            vix: base.value,
            stats: Stats::of(base.value, previous),
            previous_close: previous.last().copied(),
            change,
            ratio,
            curve: ratio.value().and(self.curve.state()),
            ratio9: ratio9.value().map_or(ratio9, |r| Slot::some(1.0 / r)),
        });
    }

    /// The base over another index of its curve; `STALE` where one of them is.
    fn ratio(&self, over: Index, base: &Quote, now: Ts, calendar: &Calendar) -> Slot {
        if self.base != Index::Vix {
            return Slot::none(Reason::NoInput);
        }
        let other = self.best(over, now, calendar);
        let ratio = curve::ratio(Some(base), other.as_ref());
        let usable = |q: &Quote| hours::freshness(q.ts, now, calendar).is_usable();
        let old = !usable(base) || !other.as_ref().is_none_or(usable);
        if old && ratio.value().is_some() { Slot::none(Reason::Stale) } else { ratio }
    }

    /// Day of the first of the [`SPIKE_SESSIONS`] sessions that end with `session`. Where the
    /// calendar does not cover the year, a session is a weekday with a close.
    fn sessions_back(&self, session: Date, calendar: &Calendar) -> i32 {
        let last = days(session);
        let closed = |day| self.closes.last_at(day).is_some_and(|(found, _)| found == day);
        let is_session = |&day: &i32| {
            let date = date_of(day);
            let told = calendar.covers(date.year()) || self.closes.is_empty();
            hours::trading_day(date, calendar) && (told || closed(day))
        };
        let earliest = last.saturating_sub(SCAN_DAYS);
        (earliest..last).rev().filter(is_session).nth(SPIKE_SESSIONS - 2).unwrap_or(earliest)
    }

    /// What the Context says of volatility at `now`.
    #[must_use]
    pub fn part(&self, now: Ts, calendar: &Calendar) -> Part {
        let best = |index| self.best(index, now, calendar);
        let base = best(self.base);
        let usable = base.filter(|q| hours::freshness(q.ts, now, calendar).is_usable());
        let missing = if base.is_some() { Reason::Stale } else { Reason::NoInput };
        let ratio = base.map_or(Slot::none(Reason::NoInput), |base| {
            self.ratio(Index::Vix3m, &base, now, calendar)
        });
        let regime = usable.map(|q| self.regime(&q));
        let stats = self.stats(base, usable, now, calendar);
        let vix = usable.map_or(Slot::none(missing), |q| Slot::some(q.value));
        Part {
            vix: best(Index::Vix),
            vix9d: best(Index::Vix9d),
            vix3m: best(Index::Vix3m),
            vix6m: best(Index::Vix6m),
            vxn: best(Index::Vxn),
            regime,
            vix_mult: regime.map(Regime::multiplier),
            stress: usable.map(|q| stress(q.value)).or(self.stressed.then_some(true)),
            ratio,
            curve: ratio.value().map(|r| self.curve.state().unwrap_or(Curve::of(r))),
            strong_stress: ratio.value().map(curve::strong_stress),
            percentile: stats.percentile,
            mom5: stats.mom5,
            mom20: stats.mom20,
            trend: stats.trend,
            z_60: stats.z_60,
            vx: self.term(vix, now, calendar),
            signals: if usable.is_some() { self.signals.active() } else { [None; SIGNALS_MAX] },
        }
    }

    /// The confirmed regime; the bin where nothing was observed up to a daily close.
    fn regime(&self, quote: &Quote) -> Regime {
        let unseen = quote.eod && quote.ts > self.level_at;
        self.level.state().filter(|_| !unseen).unwrap_or(Regime::of(quote.value))
    }

    /// Statistics against the closes before today: of a usable value, or of a daily close.
    fn stats(
        &self,
        base: Option<Quote>,
        usable: Option<Quote>,
        now: Ts,
        calendar: &Calendar,
    ) -> Stats {
        let Some(base) = base else { return Stats::none(Reason::NoInput) };
        if usable.is_none() && !base.eod {
            return Stats::none(Reason::Stale);
        }
        let today = days(calendar.new_york_date(now));
        if self.missing(today, calendar) > STATS_MISSING {
            return Stats::none(Reason::Stale);
        }
        Stats::of(base.value, self.closes.before(today))
    }

    fn term(&self, vix: Slot, now: Ts, calendar: &Calendar) -> Option<Term> {
        if !self.futures_at.is_some() || self.base != Index::Vix {
            return None;
        }
        if !hours::freshness(self.futures_at, now, calendar).is_usable() {
            return Some(Term::none(Reason::Stale));
        }
        let today = days(calendar.new_york_date(now));
        let contract = |f: &Future| {
            let left = u16::try_from(days(f.expiry).saturating_sub(today)).ok()?;
            Some(Contract { days: left, price: f.price })
        };
        let contracts: Vec<Contract> = self.futures.iter().filter_map(contract).collect();
        Some(Term::of(&contracts, vix))
    }
}

/// Position of a source, best first.
fn rank(source: Source) -> usize {
    SOURCES.iter().position(|&s| s == source).unwrap_or(SOURCES.len())
}

/// Whether `at` lies in a later minute than `last`.
fn later(at: Ts, last: Ts) -> bool {
    !last.is_some() || at.0.div_euclid(MINUTE) > last.0.div_euclid(MINUTE)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::calendar::instant;
    use crate::volatility::part::{Signal, SignalKind, Trend};

    fn calendar() -> Calendar {
        Calendar::bundled().expect("calendar")
    }

    /// Closes of the weekdays up to and including `last`, `values` oldest first.
    fn closes(last: Date, values: &[f64]) -> Closes {
        let mut day = days(last);
        let mut list = Vec::new();
        for &value in values.iter().rev() {
            while (day + 3).rem_euclid(7) > 4 {
                day -= 1;
            }
            list.push((date_of(day), value));
            day -= 1;
        }
        let mut closes = Closes::EMPTY;
        for (day, value) in list.into_iter().rev() {
            closes.push(day, value).expect("close");
        }
        closes
    }

    fn empty() -> Analyzer {
        Analyzer::new(Params::default(), Closes::EMPTY)
    }

    fn say(a: &mut Analyzer, c: &Calendar, index: Index, value: f64, at: &str) -> Taken {
        let ts = instant(at);
        a.observe(index, Quote::new(value, ts, Source::Scid), ts, c)
    }

    fn signals(part: &Part) -> Vec<SignalKind> {
        part.signals.iter().flatten().map(|s: &Signal| s.kind).collect()
    }

    #[test]
    fn a_history_that_has_ended() {
        let c = calendar();
        let now = instant("2026-01-15T15:00:00Z");
        let ending = |last: Date| Analyzer::new(Params::default(), closes(last, &[16.0; 80]));
        for (last, known) in [
            (date(2026, 1, 14), true),
            (date(2026, 1, 13), true),
            (date(2026, 1, 12), false),
            (date(2025, 8, 12), false),
        ] {
            let part = ending(last).part(now, &c);
            assert_eq!(part.vix.is_some_and(|q| q.eod && q.value == 16.0), known, "{last}");
        }
        for (last, reason) in [
            (date(2026, 1, 7), Reason::Present),
            (date(2026, 1, 6), Reason::Stale),
            (date(2025, 8, 12), Reason::Stale),
        ] {
            let mut a = ending(last);
            say(&mut a, &c, Index::Vix, 17.0, "2026-01-15T15:00:00Z");
            let part = a.part(now, &c);
            assert_eq!(part.vix.map(|q| q.value), Some(17.0));
            assert_eq!((part.percentile.reason, part.mom5.reason), (reason, reason), "{last}");
        }
    }

    #[test]
    fn nothing_known() {
        let part = empty().part(instant("2026-01-15T15:00:00Z"), &calendar());
        assert_eq!((part.vix, part.regime, part.vix_mult, part.stress), (None, None, None, None));
        assert_eq!((part.percentile.reason, part.ratio.reason), (Reason::NoInput, Reason::NoInput));
        assert_eq!((part.curve, part.vx, part.trend), (None, None, None));
        assert!(signals(&part).is_empty());
    }

    /// Two quotes in a minute are one observation; two minutes confirm.
    #[test]
    fn one_observation_a_minute() {
        let (mut a, c) = (empty(), calendar());
        let regime = |a: &Analyzer, at: &str| a.part(instant(at), &c).regime;
        say(&mut a, &c, Index::Vix, 20.0, "2026-01-15T15:00:01Z");
        assert_eq!(regime(&a, "2026-01-15T15:00:01Z"), Some(Regime::Normal));
        say(&mut a, &c, Index::Vix, 36.0, "2026-01-15T15:01:01Z");
        say(&mut a, &c, Index::Vix, 36.0, "2026-01-15T15:01:59Z");
        assert_eq!(regime(&a, "2026-01-15T15:01:59Z"), Some(Regime::Normal));
        say(&mut a, &c, Index::Vix, 35.2, "2026-01-15T15:02:00Z");
        let part = a.part(instant("2026-01-15T15:02:10Z"), &c);
        assert_eq!(
            (part.regime, part.vix_mult, part.stress),
            (Some(Regime::High), Some(0.7), Some(true))
        );
        let change = part.signals.iter().flatten().find(|s| s.kind == SignalKind::RegimeChange);
        let change = change.expect("signal");
        assert_eq!(change.change, Some((Regime::Normal, Regime::High)));
        assert_eq!(change.ts, instant("2026-01-15T15:02:00Z"));
    }

    #[test]
    fn stale_in_its_hours_and_held_outside() {
        let c = calendar();
        let mut a = Analyzer::new(Params::default(), closes(date(2026, 1, 14), &[20.0; 70]));
        say(&mut a, &c, Index::Vix, 31.0, "2026-01-15T21:10:00Z");
        let at = |now: &str| a.part(instant(now), &c);
        let fresh = at("2026-01-15T21:11:30Z");
        assert!(fresh.vix.is_some_and(|q| !q.stale && !q.eod));
        assert_eq!(fresh.regime, Some(Regime::High));
        let stale = at("2026-01-15T21:11:31Z");
        assert!(stale.vix.is_some_and(|q| q.stale && q.value == 31.0));
        assert_eq!((stale.regime, stale.vix_mult, stale.stress), (None, None, Some(true)));
        assert_eq!((stale.percentile.reason, stale.trend), (Reason::Stale, None));
        assert!(signals(&stale).is_empty());
        let held = at("2026-01-16T08:14:00Z");
        assert!(held.vix.is_some_and(|q| q.stale));
        assert_eq!((held.regime, held.stress), (Some(Regime::High), Some(true)));
        assert_eq!(held.percentile.value(), Some(1.0));
        assert_eq!(at("2026-01-16T08:15:00Z").regime, None);
    }

    /// A VIX that falls silent in stress is no calm: only a value of now ends it.
    #[test]
    fn stress_outlives_its_quote() {
        let (mut a, c) = (empty(), calendar());
        let at = |a: &Analyzer, now: &str| a.part(instant(now), &c).stress;
        assert_eq!(at(&a, "2026-01-15T15:00:00Z"), None, "never known");
        say(&mut a, &c, Index::Vix, 30.0, "2026-01-15T15:00:00Z");
        assert_eq!(at(&a, "2026-01-15T15:00:10Z"), Some(false));
        assert_eq!(at(&a, "2026-01-15T15:10:00Z"), None, "stale and calm");
        say(&mut a, &c, Index::Vix, 30.1, "2026-01-15T15:11:00Z");
        say(&mut a, &c, Index::Vix9d, 20.0, "2026-01-15T15:12:00Z");
        assert_eq!(at(&a, "2026-01-15T15:20:00Z"), Some(true), "stale and not calm");
        // A calm value of a quarter of an hour ago says nothing of now.
        let (ts, now) = (instant("2026-01-15T15:12:00Z"), instant("2026-01-15T15:27:00Z"));
        a.observe(Index::Vix, Quote::new(29.0, ts, Source::Index), now, &c);
        assert_eq!(at(&a, "2026-01-15T15:27:00Z"), Some(true));
        say(&mut a, &c, Index::Vix, 29.0, "2026-01-15T15:28:00Z");
        assert_eq!(at(&a, "2026-01-15T15:28:10Z"), Some(false));
        assert_eq!(at(&a, "2026-01-15T15:40:00Z"), None);
    }

    #[test]
    fn sources() {
        let (mut a, c) = (empty(), calendar());
        let now = instant("2026-01-15T15:10:00Z");
        let ago = |s: i64| Ts(now.0 - s * SECOND);
        let tell = |a: &mut Analyzer, value, s, source| {
            a.observe(Index::Vix, Quote::new(value, ago(s), source), now, &c)
        };
        let value = |a: &Analyzer| a.quote(Index::Vix, now, &c).map(|q| q.value);
        assert_eq!(tell(&mut a, 17.0, 600, Source::Index), Taken::Yes);
        assert_eq!(tell(&mut a, 18.0, 300, Source::Dtc), Taken::Yes);
        // None is fresh: the newest counts, whoever says it.
        assert_eq!(tell(&mut a, 17.5, 200, Source::Index), Taken::Yes);
        assert_eq!(tell(&mut a, 17.6, 250, Source::Index), Taken::Older);
        assert_eq!(tell(&mut a, 18.5, 60, Source::Dtc), Taken::Yes);
        // A better one that is fresh, though older, and a worse one that is newer.
        assert_eq!(tell(&mut a, 19.0, 80, Source::Scid), Taken::Yes);
        assert_eq!(tell(&mut a, 18.6, 0, Source::Dtc), Taken::Behind);
        assert_eq!(value(&a), Some(19.0));
        // Eleven seconds later it is not fresh any more.
        let later = Ts(now.0 + 11 * SECOND);
        assert_eq!(a.quote(Index::Vix, later, &c).map(|q| q.value), Some(18.6));
        assert_eq!(tell(&mut a, 27.0, 0, Source::Given), Taken::Yes);
        assert_eq!(tell(&mut a, 19.0, 0, Source::Scid), Taken::Behind);
        assert_eq!(value(&a), Some(27.0));
        for (v, s, expected) in [
            (f64::NAN, 0, Taken::Invalid),
            (0.0, 0, Taken::Invalid),
            (1e9, 0, Taken::Invalid),
            (20.0, -61, Taken::Ahead),
        ] {
            assert_eq!(tell(&mut a, v, s, Source::Given), expected);
        }
        let timeless = Quote::new(20.0, Ts::NONE, Source::Scid);
        assert_eq!(a.observe(Index::Vix, timeless, now, &c), Taken::Invalid);
    }

    #[test]
    fn a_daily_close_stands_in() {
        let c = calendar();
        let values: Vec<f64> = (0..70).map(|i| 20.0 + f64::from(i) / 10.0).collect();
        let mut a = Analyzer::new(Params::default(), closes(date(2026, 1, 15), &values));
        // In the hours of the next day: known and flagged, gives statistics, no regime.
        let part = a.part(instant("2026-01-16T16:00:00Z"), &c);
        let quote = part.vix.expect("close");
        assert_eq!((quote.value, quote.eod, quote.stale), (26.9, true, true));
        assert_eq!(quote.ts, instant("2026-01-15T21:15:00Z"));
        assert_eq!((part.regime, part.percentile.value()), (None, Some(1.0)));
        assert_eq!(part.trend, Some(Trend::Neutral));
        // Before them it is context, and its own close is not known before it was.
        let night = a.part(instant("2026-01-16T03:00:00Z"), &c);
        assert_eq!(night.regime, Some(Regime::High));
        let before = a.part(instant("2026-01-15T21:14:59Z"), &c);
        assert_eq!(before.vix.map(|q| q.value), Some(26.8));
        // A live value is newer; after the next close the close is.
        say(&mut a, &c, Index::Vix, 19.0, "2026-01-16T15:00:00Z");
        assert_eq!(a.part(instant("2026-01-16T15:00:30Z"), &c).regime, Some(Regime::Normal));
        a.close(date(2026, 1, 16), 36.0).expect("close");
        let part = a.part(instant("2026-01-16T22:00:00Z"), &c);
        assert_eq!((part.vix.map(|q| q.value), part.regime), (Some(36.0), Some(Regime::Extreme)));
    }

    #[test]
    fn curve_takes_two_and_near_quotes() {
        let (mut a, c) = (empty(), calendar());
        for (minute, vix3m, expected) in [
            (0, 22.0, Curve::Contango),
            (1, 19.0, Curve::Contango),
            (2, 19.0, Curve::Backwardation),
        ] {
            let at = format!("2026-01-15T15:0{minute}:10Z");
            say(&mut a, &c, Index::Vix3m, vix3m, &at);
            say(&mut a, &c, Index::Vix, 20.0, &at);
            let part = a.part(instant(&at), &c);
            assert_eq!(part.curve, Some(expected), "{minute}");
            assert_eq!(part.ratio.value(), Some(20.0 / vix3m));
        }
        let part = a.part(instant("2026-01-15T15:02:10Z"), &c);
        assert_eq!(signals(&part), [SignalKind::TermStructure]);
        assert_eq!(part.strong_stress, Some(false));
        // VIX goes on alone.
        say(&mut a, &c, Index::Vix, 20.0, "2026-01-15T15:03:41Z");
        let part = a.part(instant("2026-01-15T15:03:41Z"), &c);
        assert_eq!((part.ratio.reason, part.curve), (Reason::Stale, None));
        assert_eq!(part.regime, Some(Regime::Normal));
        // Near each other, but one is too old.
        say(&mut a, &c, Index::Vix3m, 19.0, "2026-01-15T15:05:00Z");
        assert!(a.part(instant("2026-01-15T15:05:11Z"), &c).curve.is_some());
        let part = a.part(instant("2026-01-15T15:05:12Z"), &c);
        assert_eq!((part.ratio.reason, part.curve), (Reason::Stale, None));
    }

    /// A quarter of an hour late: the regime follows inside, nothing of it is said or signalled.
    #[test]
    fn delayed_quotes() {
        let (mut a, c) = (empty(), calendar());
        let mut say = |value, vix3m, at: &str| {
            let ts = instant(at);
            let now = Ts(ts.0 + 15 * MINUTE);
            a.observe(Index::Vix3m, Quote::new(vix3m, ts, Source::Index), now, &c);
            a.observe(Index::Vix, Quote::new(value, ts, Source::Index), now, &c);
            a.part(now, &c)
        };
        for (value, at) in [(20.0, "00"), (40.0, "01"), (40.0, "02"), (40.0, "03")] {
            let part = say(value, 25.0, &format!("2026-01-15T15:{at}:00Z"));
            assert_eq!((part.regime, part.curve, part.ratio.reason), (None, None, Reason::Stale));
            assert!(part.vix.is_some_and(|q| q.stale && q.value == value));
        }
        // After the close they are what is known.
        let part = say(39.0, 25.0, "2026-01-15T21:14:00Z");
        assert_eq!((part.regime, part.curve), (Some(Regime::Extreme), Some(Curve::Backwardation)));
        assert!(signals(&part).is_empty());
    }

    #[test]
    fn outside_the_hours_nothing_is_confirmed() {
        let (mut a, c) = (empty(), calendar());
        for (value, at) in [(20.0, "21:14"), (40.0, "21:20"), (40.0, "21:21"), (40.0, "21:22")] {
            let at = format!("2026-01-15T{at}:00Z");
            say(&mut a, &c, Index::Vix3m, 25.0, &at);
            say(&mut a, &c, Index::Vix, value, &at);
        }
        let part = a.part(instant("2026-01-15T21:23:00Z"), &c);
        assert_eq!(part.vix.map(|q| q.value), Some(40.0));
        assert_eq!((part.regime, part.curve), (Some(Regime::Normal), Some(Curve::Contango)));
        assert_eq!(part.stress, Some(true));
    }

    #[test]
    fn a_second_instance_for_vxn() {
        let c = calendar();
        let at = "2026-01-15T15:00:00Z";
        let mut a = Analyzer::vxn(Params::default(), closes(date(2026, 1, 14), &[20.0; 70]));
        say(&mut a, &c, Index::Vxn, 26.0, at);
        say(&mut a, &c, Index::Vix, 14.0, at);
        say(&mut a, &c, Index::Vix3m, 13.0, at);
        let part = a.part(instant(at), &c);
        assert_eq!((part.regime, part.percentile.value()), (Some(Regime::High), Some(1.0)));
        assert_eq!((part.ratio.reason, part.curve), (Reason::NoInput, None));
        assert_eq!(part.vxn.map(|q| q.value), Some(26.0));
    }

    #[test]
    fn futures_by_their_days() {
        let (mut a, c) = (empty(), calendar());
        let at = "2026-01-15T15:00:00Z";
        say(&mut a, &c, Index::Vix, 16.0, at);
        assert_eq!(a.part(instant(at), &c).vx, None);
        let future = |days_left: i32, price| Future {
            expiry: date_of(days(date(2026, 1, 15)) + days_left),
            price,
        };
        a.vx(&[future(-1, 30.0), future(20, 17.0), future(48, 18.0)], instant(at));
        let near = |slot: Slot, x: f64| assert!(slot.value().is_some_and(|v| (v - x).abs() < 1e-6));
        let term = a.part(instant(at), &c).vx.expect("feed");
        near(term.basis, 0.0625);
        near(term.cm30, 17.357143);
        a.vx(&[future(20, 40.0)], Ts(instant(at).0 - 1));
        assert_eq!(a.part(instant(at), &c).vx, Some(term));
        let stale = a.part(instant("2026-01-15T15:02:00Z"), &c).vx;
        assert_eq!(stale, Some(Term::none(Reason::Stale)));
    }

    /// The low of a spike is that of the last three sessions of the exchange.
    #[test]
    fn spike_over_a_holiday() {
        let c = calendar();
        // Monday 2026-01-19 is a holiday: Thursday is the second session before Tuesday.
        for (first, fires) in [("2026-01-15T15:00:00Z", true), ("2026-01-14T15:00:00Z", false)] {
            let mut a = empty();
            say(&mut a, &c, Index::Vix, 20.0, first);
            say(&mut a, &c, Index::Vix, 31.0, "2026-01-20T15:00:00Z");
            say(&mut a, &c, Index::Vix, 29.0, "2026-01-20T15:01:00Z");
            let part = a.part(instant("2026-01-20T15:01:00Z"), &c);
            assert_eq!(signals(&part).contains(&SignalKind::SpikeReversal), fires, "{first}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever comes in: no panic, no NaN, ranges hold.
        #[test]
        fn any_quotes(
            quotes in prop::collection::vec(
                (0..5_usize, 0..5_usize, any::<f64>(), 5.0..90.0_f64, 0..3_i64, any::<i64>()),
                1..60,
            ),
            days_of_history in 0..90_usize,
        ) {
            let c = calendar();
            let history = vec![20.0; days_of_history];
            let mut a = Analyzer::new(Params::default(), closes(date(2026, 1, 14), &history));
            let indices = [Index::Vix, Index::Vix9d, Index::Vix3m, Index::Vix6m, Index::Vxn];
            let mut now = instant("2026-01-15T14:20:00Z");
            for (index, source, wild, tame, kind, jump) in quotes {
                now = Ts(now.0 + jump.rem_euclid(200 * SECOND));
                let (value, ts) = match kind {
                    0 => (wild, Ts(jump)),
                    1 => (wild, now),
                    _ => (tame, Ts(now.0 - jump.rem_euclid(100 * SECOND))),
                };
                let quote = Quote::new(value, ts, SOURCES[source]);
                a.observe(indices[index], Quote { stale: jump % 2 == 0, ..quote }, now, &c);
                a.vx(&[Future { expiry: date_of(jump as i32), price: wild }], ts);
                for at in [now, ts, Ts::NONE] {
                    let part = a.part(at, &c);
                    prop_assert!(part.vix.is_none_or(|q| q.value > 0.0 && q.value <= LEVEL_MAX));
                    prop_assert!(part.vix_mult.is_none_or(|m| (0.5..=1.0).contains(&m)));
                    prop_assert!(part.percentile.value().is_none_or(|p| (0.0..=1.0).contains(&p)));
                    let slots = [part.ratio, part.mom5, part.mom20, part.z_60];
                    prop_assert!(slots.iter().all(|s| s.value().is_none_or(f64::is_finite)));
                    for s in part.signals.iter().flatten() {
                        prop_assert!((0.0..=1.0).contains(&s.strength) && s.size_mult <= 1.0);
                        prop_assert!((-1..=1).contains(&s.direction) && s.ts.is_some());
                    }
                }
            }
        }

        /// The regime moves only after two values in a row on the other side.
        #[test]
        fn no_jump(values in prop::collection::vec(8.0..50.0_f64, 2..100)) {
            let (mut a, c) = (empty(), calendar());
            let mut now = instant("2026-01-15T14:31:00Z");
            let mut last = (f64::NAN, None);
            for value in values {
                a.observe(Index::Vix, Quote::new(value, now, Source::Scid), now, &c);
                let regime = a.part(now, &c).regime;
                if let (Some(from), Some(to)) = (last.1, regime) && from != to {
                    let bins = [Regime::of(last.0), Regime::of(value)];
                    prop_assert!(bins.iter().all(|&b| b != from && (b > from) == (to > from)));
                }
                last = (value, regime);
                now = Ts(now.0 + MINUTE);
            }
        }
    }
}
