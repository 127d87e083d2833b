//! Which contracts count: everything alive, what outlives the start of Asia, what expires today.
//!
//! `overnight` leaves out what settles at or before the next start of Asia, 18:00 New York: today's
//! PM series. An AM series that settles next morning is alive during Asia and London and stays;
//! its share of gross gamma is published. Settlement is known by group, so scopes are groups.
//! Cost: O(groups).

use super::chain::Settle;
use super::priced::{Group, Priced, Scope};
use super::{Known, null};
use crate::calendar::{Calendar, Label};
use crate::units::{Reason, Ts};

/// Most segments that are looked through: ten days have fewer.
const SEGMENTS_MAX: usize = 80;

/// The sessions between one US session and the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Night {
    /// Start of Asia.
    pub asia: Ts,
    /// End of London: the US open.
    pub london_end: Ts,
}

/// The first night whose Asia session starts after `at`; over a weekend that of Sunday.
///
/// # Errors
/// `NO_INPUT:calendar` where the calendar knows none.
pub fn next_night(calendar: &Calendar, at: Ts) -> Known<Night> {
    let mut segment = calendar.segment(at);
    let mut asia = None;
    for _ in 0..SEGMENTS_MAX {
        match (asia, segment.label) {
            (None, Label::Asia) if segment.start > at => asia = Some(segment.start),
            (Some(_), Label::Asia | Label::Halt) => {}
            (Some(asia), Label::London) => return Ok(Night { asia, london_end: segment.end }),
            // No London that day: the night ends where Asia did.
            (Some(asia), _) => return Ok(Night { asia, london_end: segment.start }),
            (None, _) => {}
        }
        if segment.end <= segment.start || segment.end >= Ts::MAX {
            break;
        }
        segment = calendar.segment(segment.end);
    }
    null(Reason::NoInput, "calendar")
}

/// Everything alive.
#[must_use]
pub fn all(priced: &Priced) -> Scope<'_> {
    priced.groups.iter().filter(|g| g.settle_ts > priced.asof).collect()
}

/// Everything alive that outlives the start of Asia; with `drop_am` also without what settles
/// before the night ends.
#[must_use]
pub fn overnight<'a>(priced: &'a Priced, night: &Night, drop_am: bool) -> Scope<'a> {
    let mut scope = all(priced);
    scope.retain(|g| g.settle_ts > night.asia && !(drop_am && settles_in(g, night)));
    scope
}

/// What expires on the New York day of the snapshot and is alive.
#[must_use]
pub fn zero_dte(priced: &Priced) -> Scope<'_> {
    let mut scope = all(priced);
    scope.retain(|g| g.dte == 0);
    scope
}

/// Whether a group is an AM series that settles when the night ends.
#[must_use]
pub fn settles_in(group: &Group, night: &Night) -> bool {
    group.root.settle() == Settle::Am
        && group.settle_ts > night.asia
        && group.settle_ts <= night.london_end
}

/// Contracts of the groups that `scope` leaves out.
#[must_use]
pub fn excluded(priced: &Priced, scope: &Scope<'_>) -> u32 {
    let count = |groups: &mut dyn Iterator<Item = &Group>| {
        groups.fold(0_u32, |n, g| n.saturating_add(g.contracts))
    };
    let kept = count(&mut scope.iter().copied());
    count(&mut priced.groups.iter()).saturating_sub(kept)
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Date, date, time};

    use super::*;
    use crate::options::chain::{Root, settle_ts};
    use crate::options::priced::{ForwardSource, Spot, SpotSource};

    fn group(calendar: &Calendar, asof: Ts, root: Root, expiry: Date) -> Group {
        let settle_ts = settle_ts(calendar, root, expiry);
        let day = calendar.new_york_date(asof);
        Group {
            expiry,
            root,
            settle_ts,
            t: settle_ts.since(asof) as f64 / 31_536e12,
            dte: crate::calendar::days(expiry) - crate::calendar::days(day),
            contracts: 10,
            n_pairs: 0,
            forward: 4000.0,
            forward_source: ForwardSource::Spot,
            df: 1.0,
            carry: 0.0,
            skew_slope: 0.0,
            strikes: vec![],
        }
    }

    fn priced(calendar: &Calendar, asof: Ts, series: &[(Root, Date)]) -> Priced {
        Priced {
            asof,
            spot: Spot { value: 4000.0, source: SpotSource::Print, ts: asof },
            implied: null(Reason::NoInput, ""),
            groups: series.iter().map(|&(r, d)| group(calendar, asof, r, d)).collect(),
        }
    }

    #[test]
    fn nights() {
        let calendar = Calendar::bundled().expect("calendar");
        let at = |y, m, d, h, min| calendar.new_york(date(y, m, d), time(h, min, 0, 0));
        for (from, asia, end) in [
            (at(2022, 7, 12, 11, 40), at(2022, 7, 12, 18, 0), at(2022, 7, 13, 9, 30)),
            // Inside Asia the next one is meant; over the weekend that of Sunday.
            (at(2022, 12, 12, 20, 16), at(2022, 12, 13, 18, 0), at(2022, 12, 14, 9, 30)),
            (at(2022, 7, 15, 15, 35), at(2022, 7, 17, 18, 0), at(2022, 7, 18, 9, 30)),
            (at(2022, 7, 12, 18, 0), at(2022, 7, 13, 18, 0), at(2022, 7, 14, 9, 30)),
        ] {
            assert_eq!(next_night(&calendar, from), Ok(Night { asia, london_end: end }), "{from}");
        }
        assert!(next_night(&calendar, at(2150, 1, 4, 9, 0)).is_err());
        assert!(next_night(&calendar, Ts::NONE).is_err());
    }

    /// Thursday before the third Friday: the PM series of the day goes, the AM series of the
    /// morning stays unless it is dropped.
    #[test]
    fn thursday() {
        let calendar = Calendar::bundled().expect("calendar");
        let asof = calendar.new_york(date(2022, 7, 14), time(15, 35, 0, 0));
        let (thursday, friday) = (date(2022, 7, 14), date(2022, 7, 15));
        let series = [(Root::Spxw, thursday), (Root::Spx, friday), (Root::Spxw, friday)];
        let p = priced(&calendar, asof, &series);
        let night = next_night(&calendar, asof).expect("night");
        let names = |s: &Scope<'_>| s.iter().map(|g| (g.root, g.expiry)).collect::<Vec<_>>();
        assert_eq!(names(&all(&p)), series);
        let kept = overnight(&p, &night, false);
        assert_eq!(names(&kept), series[1..]);
        assert_eq!(excluded(&p, &kept), 10);
        assert!(settles_in(kept[0], &night) && !settles_in(kept[1], &night));
        assert_eq!(names(&overnight(&p, &night, true)), series[2..]);
        assert_eq!(names(&zero_dte(&p)), series[..1]);
    }

    /// Third Friday, 10:00: the AM series of the day has settled.
    #[test]
    fn third_friday() {
        let calendar = Calendar::bundled().expect("calendar");
        let friday = date(2022, 7, 15);
        let asof = calendar.new_york(friday, time(10, 0, 0, 0));
        let p = priced(&calendar, asof, &[(Root::Spx, friday), (Root::Spxw, friday)]);
        assert_eq!(all(&p).len(), 1);
        assert_eq!(zero_dte(&p)[0].root, Root::Spxw);
        let night = next_night(&calendar, asof).expect("night");
        assert!(overnight(&p, &night, false).is_empty());
    }
}
