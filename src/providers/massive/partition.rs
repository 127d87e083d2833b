//! The expiries in portions: each weekday of the first [`DAYS`] days, then calendar months, the
//! last portion without an end. Portions are fetched in parallel, the pages of one in sequence.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::{Date, Weekday};

use super::http::Target;
use super::page::{self, Page};
use super::retry::Trouble;
use super::rows::{self, Harvest, Wanted};
use super::session::Session;
use crate::options::chain::{Osi, Right, Root, Underlying};
use crate::providers::{FetchError, FetchErrorKind};

/// Days from today of which each weekday is a portion of its own.
pub const DAYS: i32 = 45;
/// Months after those days before the last portion begins.
const MONTHS: usize = 12;
/// Most pages of one snapshot; a whole SPX chain has about 170.
pub const PAGES_MAX: u32 = 400;

/// A range of expiry dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// First date.
    pub from: Date,
    /// Last date; `None` for no end.
    pub to: Option<Date>,
}

impl Partition {
    /// Whether a date lies inside.
    #[must_use]
    pub fn contains(&self, day: Date) -> bool {
        day >= self.from && self.to.is_none_or(|to| day <= to)
    }

    /// The first page of it.
    #[must_use]
    pub fn target(&self, underlying: Underlying, strikes: Option<(f64, f64)>) -> Target {
        let Partition { from, to } = self;
        let expiries = match to {
            Some(to) if to == from => format!("expiration_date={from}"),
            Some(to) => format!("expiration_date.gte={from}&expiration_date.lte={to}"),
            None => format!("expiration_date.gte={from}"),
        };
        let strikes = strikes.map_or_else(String::new, |(low, high)| {
            format!("&strike_price.gte={low}&strike_price.lte={high}")
        });
        let name = underlying.name();
        Target::new(format!(
            "/v3/snapshot/options/I:{name}?{expiries}{strikes}&limit=250&order=asc&sort=ticker"
        ))
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to {
            Some(to) if to == self.from => write!(f, "expiry {to}"),
            Some(to) => write!(f, "expiries {} to {to}", self.from),
            None => write!(f, "expiries from {}", self.from),
        }
    }
}

/// The portions from `today` (New York) on, ascending; up to `max_dte` days ahead if set.
#[must_use]
pub fn plan(today: Date, max_dte: Option<u16>) -> Vec<Partition> {
    let add = |day: Date, days: i32| day.saturating_add(jiff::Span::new().days(days));
    let last = max_dte.map(|days| add(today, i32::from(days)));
    let mut all = Vec::new();
    for n in 0..DAYS {
        let day = add(today, n);
        if !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
            all.push(Partition { from: day, to: Some(day) });
        }
    }
    let mut from = add(today, DAYS);
    for _ in 0..MONTHS {
        let to = from.last_of_month();
        all.push(Partition { from, to: Some(to) });
        from = add(to, 1);
    }
    all.push(Partition { from, to: None });
    if let Some(last) = last {
        all.retain(|p| p.from <= last);
        for p in &mut all {
            p.to = Some(p.to.map_or(last, |to| to.min(last)));
        }
    }
    all
}

/// One portion while it is fetched.
#[derive(Debug)]
pub struct Crawl<'a> {
    wanted: Wanted<'a>,
    /// The next page, from 1, and its address; `None` after the last.
    next: Option<(u32, Target)>,
    visited: BTreeSet<Target>,
    tickers: BTreeSet<(Date, Root, u32, Right)>,
    harvest: Harvest,
}

impl<'a> Crawl<'a> {
    /// Before its first page.
    #[must_use]
    pub fn new(wanted: Wanted<'a>) -> Crawl<'a> {
        let target = wanted.partition.target(wanted.underlying, wanted.strikes);
        Crawl {
            wanted,
            next: Some((1, target)),
            visited: BTreeSet::new(),
            tickers: BTreeSet::new(),
            harvest: Harvest::default(),
        }
    }

    /// Fetches one page. `false` after the last.
    ///
    /// # Errors
    /// [`FetchError`] when the page finally fails.
    pub fn step(
        &mut self,
        session: &Session<'_>,
        rng: &mut fastrand::Rng,
    ) -> Result<bool, FetchError> {
        let Some((number, target)) = self.next.take() else { return Ok(false) };
        let Wanted { underlying, partition, .. } = self.wanted;
        let place = format!("massive, {}, {partition}, page {number}", underlying.name());
        let pages = session.pages();
        if pages >= PAGES_MAX {
            let what = format!("more than {PAGES_MAX} pages");
            return Err(session.fail(Trouble::fatal(FetchErrorKind::Malformed, what), place));
        }
        let next = session.ask(&target, &place, rng, |bytes| {
            let page = page::parse(bytes)?;
            self.take(&page, number)
        })?;
        self.visited.insert(target);
        if let Some(next) = next {
            if self.visited.contains(&next) {
                let what = "next_url leads back to a page that was read";
                return Err(session.fail(Trouble::fatal(FetchErrorKind::Malformed, what), place));
            }
            self.next = Some((number.saturating_add(1), next));
        }
        Ok(self.next.is_some())
    }

    /// What was fetched.
    #[must_use]
    pub fn finish(self) -> Harvest {
        self.harvest
    }

    /// Takes a page in and says which is next. Its trouble is fatal: what asking again can heal
    /// has been found by the parser, before anything was kept.
    fn take(&mut self, page: &Page<'_>, number: u32) -> Result<Option<Target>, Trouble> {
        let wrong = |what: String| Trouble::fatal(FetchErrorKind::Malformed, what);
        let next = match page.next_url {
            None => None,
            Some(address) => match Target::within(address) {
                Some(target) => Some(target),
                None => return Err(wrong("next_url is no address".to_owned())),
            },
        };
        let Some(contracts) = &page.results else {
            if number > 1 {
                return Err(wrong("a later page without results".to_owned()));
            }
            self.harvest.count("empty_no_results");
            return Ok(next);
        };
        let before = self.harvest.rows.len();
        rows::add(&mut self.harvest, contracts, &self.wanted).map_err(|f| wrong(f.0))?;
        self.harvest.delayed |= page.delayed;
        let fresh = self.harvest.rows.iter().skip(before);
        let came = fresh.len();
        let known = fresh.filter(|row| !self.tickers.insert(identity(&row.osi))).count();
        // The odd contract given twice is told apart later; a page of nothing else is a repeated
        // one, and the rows of the right page are missing.
        if came > 0 && known == came && number > 1 {
            return Err(wrong("the page repeats contracts of earlier pages".to_owned()));
        }
        Ok(next)
    }
}

const fn identity(osi: &Osi) -> (Date, Root, u32, Right) {
    (osi.expiry, osi.root, osi.strike_milli, osi.right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    #[test]
    fn the_plan_of_a_day() {
        let all = plan(date(2026, 11, 20), None);
        assert_eq!(all[0], Partition { from: date(2026, 11, 20), to: Some(date(2026, 11, 20)) });
        // The weekend is left out.
        assert_eq!(all[1].from, date(2026, 11, 23));
        let days = all.iter().filter(|p| p.to == Some(p.from)).count();
        assert_eq!((days, all.len()), (31, 31 + 12 + 1));
        let months: Vec<_> = all.iter().skip(days).map(ToString::to_string).collect();
        assert_eq!(months[0], "expiries 2027-01-04 to 2027-01-31");
        assert_eq!(months[11], "expiries 2027-12-01 to 2027-12-31");
        assert_eq!(months[12], "expiries from 2028-01-01");
        assert_eq!(
            all[31].target(Underlying::Ndx, Some((1000.5, 2000.0))),
            Target::new(
                "/v3/snapshot/options/I:NDX?expiration_date.gte=2027-01-04&expiration_date.lte=\
                 2027-01-31&strike_price.gte=1000.5&strike_price.lte=2000&limit=250&order=asc&\
                 sort=ticker"
                    .to_owned()
            )
        );
        assert_eq!(plan(date(2026, 11, 20), Some(0)).len(), 1);
    }

    proptest! {
        /// Every weekday from today on lies in exactly one portion.
        #[test]
        fn no_weekday_is_lost(offset in 0_i32..3_000, ahead in 0_i32..4_000) {
            let today = crate::calendar::date_of(20_000 + offset);
            let day = crate::calendar::date_of(20_000 + offset + ahead);
            let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
            let holding = plan(today, None).iter().filter(|p| p.contains(day)).count();
            prop_assert!(holding == 1 || (weekend && ahead < DAYS && holding == 0));
            let capped = plan(today, Some(100));
            let holding = capped.iter().filter(|p| p.contains(day)).count();
            prop_assert_eq!(holding == 1, ahead <= 100 && !(weekend && ahead < DAYS));
        }
    }
}
