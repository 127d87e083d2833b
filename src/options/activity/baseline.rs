//! What a session leaves of its volumes, open interest and volatilities, and what was usual at one
//! time of day over the last twenty of them.
//!
//! Volumes between two marks are interpolated on the line; a contract that is listed and has none
//! traded 0. Buckets are own design: days to expiry by moneyness for volumes, by the forward delta
//! of the strike's call for volatilities. A baseline of twenty sessions is a walk over their marks.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::calendar::{Calendar, date_of, days};
use crate::options::chain::{Chain, Osi, Right, Root};
use crate::options::priced::{IvSource, Leg, Priced};
use crate::units::Ts;

/// Sessions of a whole baseline.
pub const SESSIONS: usize = 20;
/// Sessions below which nothing is said.
pub const SESSIONS_MIN: usize = 10;
/// Seconds between two marks of a session, half the longest gap that is interpolated.
pub const SLOT_S: i32 = 1_800;
/// 09:30 and 16:00 New York, seconds after midnight.
const OPEN_S: i32 = 34_200;
pub(super) const CLOSE_S: i32 = 57_600;
/// Fewest values of a bucket for a z.
const BUCKET_MIN: usize = 30;
/// MAD of a normal variable times this is its standard deviation.
const MAD_SIGMA: f64 = 1.482_602_218_505_602;
/// Upper edges of the days-to-expiry buckets, the last one open.
const DTE_EDGES: [f64; 5] = [0.5, 1.5, 7.5, 30.5, 90.5];
/// Upper edges of ln(K/S), negative in the money.
const MONEY_EDGES: [f64; 7] = [-0.05, -0.02, -0.005, 0.005, 0.02, 0.05, 0.1];
/// Upper edges of the forward delta of the strike's call.
const DELTA_EDGES: [f64; 8] = [0.05, 0.1, 0.25, 0.4, 0.6, 0.75, 0.9, 0.95];

/// A contract in one number; its order is expiry, root, strike, right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(u64);

const ROOTS: [Root; 4] = [Root::Spx, Root::Spxw, Root::Ndx, Root::Ndxp];

impl Key {
    /// The key of a contract.
    #[must_use]
    pub fn of(osi: &Osi) -> Key {
        let day = u64::try_from(days(osi.expiry)).unwrap_or(0);
        let root = ROOTS.iter().position(|r| *r == osi.root).unwrap_or(0);
        let root = u64::try_from(root).unwrap_or(0);
        let right = u64::from(osi.right == Right::Put);
        Key((((day << 2) | root) << 33) | (u64::from(osi.strike_milli) << 1) | right)
    }

    /// The contract.
    #[must_use]
    pub fn osi(self) -> Osi {
        let strike_milli = u32::try_from((self.0 >> 1) & 0xffff_ffff).unwrap_or(u32::MAX);
        let root = usize::try_from((self.0 >> 33) & 3).unwrap_or(0);
        let day = i32::try_from(self.0 >> 35).unwrap_or(0);
        Osi {
            root: ROOTS.get(root).copied().unwrap_or(Root::Spx),
            expiry: date_of(day),
            right: if self.0 & 1 == 1 { Right::Put } else { Right::Call },
            strike_milli,
        }
    }
}

/// One contract at one poll.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// The contract.
    pub key: Key,
    /// New York days to its expiry.
    pub dte: i32,
    /// Contracts today; none before 09:30 New York.
    pub volume: Option<f64>,
    /// Open interest.
    pub oi: Option<f64>,
    /// Best bid, 0 for none.
    pub bid: Option<f64>,
    /// Best ask.
    pub ask: Option<f64>,
    /// Last trade and its time.
    pub last: Option<(f64, Ts)>,
    /// Own volatility, with the forward delta of the strike's call.
    pub iv: Option<(f64, f64)>,
}

/// All contracts at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Poll {
    /// Time of the data.
    pub at: Ts,
    /// Its New York date.
    pub date: Date,
    /// Seconds after New York midnight.
    pub second: i32,
    /// Spot, index points.
    pub spot: f64,
    /// By key.
    pub seen: Vec<Seen>,
    /// Whether options trade on the date and the cash session has begun.
    pub traded: bool,
}

impl Poll {
    /// A poll of a chain. Both arguments must be of the same snapshot.
    #[must_use]
    pub fn of(chain: &Chain, priced: &Priced, calendar: &Calendar) -> Poll {
        let clock = calendar.new_york_time(chain.asof).time();
        let (h, m, s) = (clock.hour(), clock.minute(), clock.second());
        let second = i32::from(h) * 3600 + i32::from(m) * 60 + i32::from(s);
        let date = calendar.new_york_date(chain.asof);
        let mut ivs: BTreeMap<Key, (f64, f64)> = BTreeMap::new();
        for group in &priced.groups {
            for strike in &group.strikes {
                for (right, leg) in [(Right::Call, strike.call), (Right::Put, strike.put)] {
                    let Some(sigma) = leg.as_ref().and_then(own) else { continue };
                    let strike_milli = (strike.strike * 1000.0).round();
                    // Strikes came from as many thousandths.
                    let strike_milli = strike_milli as u32;
                    let (root, expiry) = (group.root, group.expiry);
                    let key = Key::of(&Osi { root, expiry, right, strike_milli });
                    let d = sigma * group.t.sqrt();
                    let d1 = libm::log(group.forward / strike.strike) / d + d / 2.0;
                    let delta = 0.5 * libm::erfc(-d1 / std::f64::consts::SQRT_2);
                    ivs.insert(key, (sigma, delta));
                }
            }
        }
        let traded = calendar.option_day(date) && second >= OPEN_S;
        let mut seen: Vec<Seen> = Vec::with_capacity(chain.rows.len());
        for row in &chain.rows {
            let key = Key::of(&row.osi);
            seen.push(Seen {
                key,
                dte: days(row.osi.expiry).saturating_sub(days(date)),
                volume: row.volume.filter(|_| traded),
                oi: row.open_interest,
                bid: row.bid,
                ask: row.ask,
                last: row.last.map(|last| (last, row.last_ts)),
                iv: ivs.get(&key).copied(),
            });
        }
        seen.sort_by_key(|s| s.key);
        Poll { at: chain.asof, date, second, spot: priced.spot.value, seen, traded }
    }
}

fn own(leg: &Leg) -> Option<f64> {
    leg.iv.filter(|(sigma, source)| *source == IvSource::Own && *sigma > 0.0).map(|(s, _)| s)
}

/// Volumes of a former session at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Seconds after New York midnight.
    pub second: i32,
    /// Spot, index points.
    pub spot: f64,
    /// Contracts that had traded, by key, above 0.
    pub volumes: Vec<(Key, f64)>,
}

/// What is kept of a session. [`Session::add`] fills it, an archive holds it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    /// Its marks, by time.
    pub marks: Vec<Mark>,
    /// Open interest, by key.
    pub oi: Vec<(Key, f64)>,
    /// Mean volatility by [`iv_bucket`].
    pub ivs: BTreeMap<u8, f64>,
}

impl Session {
    /// Takes a poll of the session in: its volumes where half an hour or the close has passed since
    /// the last mark, its open interest and volatilities the first time. Says whether it did.
    pub fn add(&mut self, poll: &Poll) -> bool {
        if !poll.traded {
            return false;
        }
        let second = poll.second.min(CLOSE_S);
        let due = self.marks.last().is_none_or(|last| {
            second >= last.second.saturating_add(SLOT_S)
                || (second == CLOSE_S && last.second < CLOSE_S)
        });
        if !due {
            return false;
        }
        if self.oi.is_empty() {
            self.oi = poll.seen.iter().filter_map(|s| Some((s.key, s.oi?))).collect();
            self.ivs = mean_ivs(poll);
        }
        let volumes =
            poll.seen.iter().filter_map(|s| Some((s.key, s.volume.filter(|v| *v > 0.0)?)));
        self.marks.push(Mark { second, spot: poll.spot, volumes: volumes.collect() });
        true
    }

    /// The marks before and after `second`, with the share of the way between them; before the open
    /// nothing has traded. `None` where the gap is too long.
    pub(super) fn around(&self, second: i32) -> Option<(Option<&Mark>, &Mark, f64)> {
        let Some(after) = self.marks.iter().find(|m| m.second >= second) else {
            // A little past the last mark, at the pace of the day so far.
            let last = self.marks.last().filter(|m| m.second > OPEN_S)?;
            let late = second.saturating_sub(last.second) <= SLOT_S;
            let way = f64::from(second.saturating_sub(OPEN_S));
            return late.then(|| (None, last, way / f64::from(last.second - OPEN_S)));
        };
        let before = self.marks.iter().rev().find(|m| m.second < second);
        let from = before.map_or(OPEN_S, |m| m.second);
        let span = after.second.saturating_sub(from);
        if span <= 0 {
            return Some((before, after, 1.0));
        }
        // Polls come late: twice the slot is still near enough.
        if span > 2 * SLOT_S {
            return None;
        }
        let way = f64::from(second.saturating_sub(from)) / f64::from(span);
        Some((before, after, way.clamp(0.0, 1.0)))
    }

    pub(super) fn open_interest(&self, key: Key) -> Option<f64> {
        let at = self.oi.binary_search_by_key(&key, |o| o.0).ok()?;
        self.oi.get(at).map(|o| o.1)
    }
}

fn volume_at(mark: &Mark, key: Key) -> f64 {
    let at = mark.volumes.binary_search_by_key(&key, |v| v.0);
    at.ok().and_then(|at| mark.volumes.get(at)).map_or(0.0, |v| v.1)
}

/// Number of the bucket below whose edge `x` lies.
fn bucket(x: f64, edges: &[f64]) -> u8 {
    u8::try_from(edges.iter().take_while(|edge| x > **edge).count()).unwrap_or(u8::MAX)
}

/// Bucket of a volatility: by forward delta of the strike's call and days to expiry.
#[must_use]
pub fn iv_bucket(delta: f64, dte: i32) -> u8 {
    bucket(f64::from(dte), &DTE_EDGES) * 16 + bucket(delta, &DELTA_EDGES)
}

/// Bucket of a volume: by days to expiry and how far out of the money the strike is.
#[must_use]
pub fn volume_bucket(osi: &Osi, dte: i32, spot: f64) -> u8 {
    let k = libm::log(osi.strike() / spot);
    let out = if osi.right == Right::Call { k } else { -k };
    bucket(f64::from(dte), &DTE_EDGES) * 16 + bucket(out, &MONEY_EDGES)
}

fn mean_ivs(poll: &Poll) -> BTreeMap<u8, f64> {
    let mut sums: BTreeMap<u8, (f64, f64)> = BTreeMap::new();
    for seen in &poll.seen {
        let Some((sigma, delta)) = seen.iv else { continue };
        let sum = sums.entry(iv_bucket(delta, seen.dte)).or_default();
        *sum = (sum.0 + sigma, sum.1 + 1.0);
    }
    sums.into_iter().map(|(bucket, (sum, n))| (bucket, sum / n)).collect()
}

/// What was usual at one time of day.
#[derive(Clone, Debug, Default)]
pub(super) struct Baseline<'a> {
    pub(super) sessions: Vec<(&'a Session, Option<&'a Mark>, &'a Mark, f64)>,
    /// Median and robust σ of ln(1 + v) by bucket.
    pub(super) spread: BTreeMap<u8, (f64, f64)>,
}

impl<'a> Baseline<'a> {
    pub(super) fn at(poll: &Poll, history: &'a BTreeMap<Date, Session>) -> Baseline<'a> {
        let second = poll.second.min(CLOSE_S);
        let mut baseline = Baseline::default();
        let mut pooled: BTreeMap<u8, Vec<f64>> = BTreeMap::new();
        for (date, session) in history.range(..poll.date).rev() {
            if baseline.sessions.len() == SESSIONS {
                break;
            }
            let Some((before, after, way)) = session.around(second) else { continue };
            baseline.sessions.push((session, before, after, way));
            for &(key, to) in &after.volumes {
                let from = before.map_or(0.0, |m| volume_at(m, key));
                let v = from + way * (to - from);
                if v > 0.0 {
                    let osi = key.osi();
                    let dte = days(osi.expiry).saturating_sub(days(*date));
                    let bucket = volume_bucket(&osi, dte, after.spot);
                    pooled.entry(bucket).or_default().push(libm::log1p(v));
                }
            }
        }
        for (bucket, mut values) in pooled {
            if values.len() >= BUCKET_MIN
                && let Some(middle) = median(&mut values)
            {
                let mut away: Vec<f64> = values.iter().map(|x| (x - middle).abs()).collect();
                let sigma = median(&mut away).unwrap_or(0.0) * MAD_SIGMA;
                if sigma > 0.0 {
                    baseline.spread.insert(bucket, (middle, sigma));
                }
            }
        }
        baseline
    }

    /// Mean over the sessions that have a value; `None` below [`SESSIONS_MIN`] of them.
    fn mean(&self, values: impl Iterator<Item = f64>) -> Option<f64> {
        let (mut sum, mut n) = (0.0, 0_usize);
        for value in values {
            sum += value;
            n += 1;
        }
        let count = u32::try_from(n).ok()?;
        (n >= SESSIONS_MIN).then(|| sum / f64::from(count))
    }

    pub(super) fn mean_volume(&self, key: Key) -> Option<f64> {
        let listed = self.sessions.iter().filter(|s| s.0.open_interest(key).is_some());
        self.mean(listed.map(|(_, before, after, way)| {
            let from = before.map_or(0.0, |m| volume_at(m, key));
            from + way * (volume_at(after, key) - from)
        }))
    }

    pub(super) fn mean_oi(&self, key: Key) -> Option<f64> {
        self.mean(self.sessions.iter().filter_map(|s| s.0.open_interest(key)))
    }

    pub(super) fn mean_iv(&self, bucket: u8) -> Option<f64> {
        self.mean(self.sessions.iter().filter_map(|s| s.0.ivs.get(&bucket).copied()))
    }
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    let upper = *values.get(half)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    values.get(half.wrapping_sub(1)).map(|lower| (lower + upper) / 2.0)
}
