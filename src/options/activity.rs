//! Contracts that trade unusually, against the last twenty sessions at the same time of day.
//!
//! Key: root, expiry, strike, right. Below ten sessions of history nothing is said (`pending`),
//! below twenty every event is marked. Conditions, v = contracts of the day so far:
//!
//! * `volume`: v ≥ 3·mean(v) and v ≥ 100 and v/max(OI, 1) ≥ 0.5, or a robust z ≥ 4 of ln(1 + v)
//!   among the contracts of the same days-to-expiry and moneyness that traded in those sessions;
//! * `oi`: OI ≥ 2·mean and 500 more than the session before; `iv`: 1.5 times the mean of its delta
//!   and maturity bucket; each at most once a day and contract;
//! * `premium`: price · Δv · 100 ≥ 250 000 USD since the last poll;
//! * `cross_strike`: three strikes of one right and expiry flagged within five minutes.
//!
//! Expiring today only z and premium count: open interest is about nothing at listing. Severities
//! are own design. Cost: one pass over the contracts of a poll and their sessions.

mod baseline;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use baseline::{Baseline, CLOSE_S};
pub use baseline::{
    Key, Mark, Poll, SESSIONS, SESSIONS_MIN, SLOT_S, Seen, Session, iv_bucket, volume_bucket,
};

use super::chain::{MULTIPLIER, Osi, Right};
use super::snapshot::{Unusual, UnusualEvent};
use crate::calendar::{date_of, days};
use crate::units::{MINUTE, SECOND, Ts};

/// Most events of a snapshot.
pub const EVENTS_MAX: usize = 50;
/// USD of premium since the last poll.
const PREMIUM_USD: f64 = 250_000.0;
/// Flags that lie no further apart make a cluster.
const CLUSTER_NS: i64 = 5 * MINUTE;
const CLUSTER_STRIKES: usize = 3;

/// An event whose opening the next session's open interest will confirm or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// The event.
    pub event: UnusualEvent,
    /// Its contract.
    pub key: Key,
    /// Contracts of its day, as far as they were seen.
    pub volume: f64,
    /// Open interest of its day.
    pub oi: f64,
}

/// What is carried from poll to poll; a store may keep it over a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// New York date, in days since 1970-01-01.
    pub day: i32,
    /// Time of the last poll, [`Ts::NONE`] before the first of the day.
    pub last_poll: Option<Ts>,
    /// Volumes at the last poll, by key, above 0.
    pub volumes: Vec<(Key, f64)>,
    /// Contracts whose open interest was reported today.
    pub oi_told: BTreeSet<Key>,
    /// The same for volatility.
    pub iv_told: BTreeSet<Key>,
    /// Contracts flagged in the last five minutes.
    pub flags: Vec<(Ts, Key)>,
    /// Clusters that live, by expiry day and right: id, last flag, strikes told.
    pub clusters: Vec<Cluster>,
    /// Events of the day that wait for the next session's open interest.
    pub open: Vec<Open>,
}

/// Strikes of one right and expiry that were flagged together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its name.
    pub id: String,
    /// Expiry, in days since 1970-01-01.
    pub expiry: i32,
    /// Call or put.
    pub right: Right,
    /// Last flag.
    pub last: Ts,
    /// Strikes so far, thousandths of an index point.
    pub strikes: BTreeSet<u32>,
}

/// What one poll found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// For the snapshot.
    pub unusual: Unusual,
    /// Events of the session before, with `confirmed_open` set; once a day.
    pub confirmed: Vec<UnusualEvent>,
}

/// What a poll says of unusual activity, given former sessions by date. `state` must be that of the
/// same underlying.
#[must_use]
pub fn detect(poll: &Poll, history: &BTreeMap<Date, Session>, state: &mut State) -> Found {
    let mut confirmed = Vec::new();
    if state.day != days(poll.date) {
        if poll.seen.iter().any(|s| s.oi.is_some()) && poll.traded {
            confirmed = confirm(&state.open, poll);
            *state = State { day: days(poll.date), ..State::default() };
        } else {
            // Before the session nothing is new; what waits goes on waiting.
            return Found { unusual: empty(count(poll, history)), confirmed };
        }
    }
    let baseline = Baseline::at(poll, history);
    let sessions = baseline.sessions.len();
    let mut unusual = empty(sessions);
    if poll.traded && sessions >= SESSIONS_MIN {
        unusual.events = events(poll, &baseline, state);
    }
    state.last_poll = Some(poll.at);
    if poll.traded {
        let traded = poll.seen.iter().filter_map(|s| Some((s.key, s.volume.filter(|v| *v > 0.0)?)));
        state.volumes = traded.collect();
    }
    for open in &mut state.open {
        let now = poll.seen.binary_search_by_key(&open.key, |s| s.key).ok();
        let volume = now.and_then(|at| poll.seen.get(at)).and_then(|s| s.volume);
        open.volume = volume.unwrap_or(open.volume);
    }
    Found { unusual, confirmed }
}

fn count(poll: &Poll, history: &BTreeMap<Date, Session>) -> usize {
    let second = poll.second.min(CLOSE_S);
    let known = history.range(..poll.date).rev().filter(|(_, s)| s.around(second).is_some());
    known.take(SESSIONS).count()
}

fn empty(sessions: usize) -> Unusual {
    let status = match sessions {
        n if n < SESSIONS_MIN => "pending",
        n if n < SESSIONS => "low_history",
        _ => "ok",
    };
    Unusual { status: status.to_owned(), events: Vec::new() }
}

/// Opened, if open interest grew by half of the day's volume or more.
fn confirm(open: &[Open], poll: &Poll) -> Vec<UnusualEvent> {
    let told = open.iter().map(|open| {
        let at = poll.seen.binary_search_by_key(&open.key, |s| s.key).ok();
        let oi = at.and_then(|at| poll.seen.get(at)).and_then(|s| s.oi);
        let confirmed_open = oi.map(|oi| oi - open.oi >= 0.5 * open.volume);
        UnusualEvent { confirmed_open, ..open.event.clone() }
    });
    told.collect()
}

/// One contract while it is looked at.
struct Look<'a> {
    seen: &'a Seen,
    osi: Osi,
    ratio: Option<f64>,
    z: Option<f64>,
    premium: Option<f64>,
    moved: bool,
    low_history: bool,
    side: &'static str,
}

fn events(poll: &Poll, baseline: &Baseline<'_>, state: &mut State) -> Vec<UnusualEvent> {
    let low_history = baseline.sessions.len() < SESSIONS;
    let mut events: Vec<(Key, UnusualEvent)> = Vec::new();
    let mut fresh: Vec<Key> = Vec::new();
    for seen in &poll.seen {
        let look = look(seen, poll, baseline, state, low_history);
        let mut say = |kind: &str, ratio: Option<f64>| {
            events.push((seen.key, look.event(poll.at, kind, ratio)));
        };
        let flagged = [volume_rule(&look), look.premium.is_some_and(|p| p >= PREMIUM_USD)];
        if flagged[0] {
            say("volume", look.ratio);
        }
        if flagged[1] {
            say("premium", look.ratio);
        }
        if let Some(ratio) = oi_ratio(seen, baseline)
            && state.oi_told.insert(seen.key)
        {
            say("oi", Some(ratio));
        }
        if let Some(ratio) = iv_ratio(seen, baseline)
            && state.iv_told.insert(seen.key)
        {
            say("iv", Some(ratio));
        }
        if flagged.contains(&true) {
            fresh.push(seen.key);
            if let (Some(volume), Some(oi), [.., (_, event)]) = (seen.volume, seen.oi, &*events)
                && state.open.len() < 20 * EVENTS_MAX
                && !state.open.iter().any(|o| o.key == seen.key)
            {
                state.open.push(Open { event: event.clone(), key: seen.key, volume, oi });
            }
        }
    }
    clusters(poll, &fresh, &mut events, state);
    let mut events: Vec<UnusualEvent> = events.into_iter().map(|e| e.1).collect();
    // A stable sort: equal premiums stay in the order of the keys.
    let premium = |e: &UnusualEvent| e.premium_usd.unwrap_or(-1.0);
    events.sort_by(|a, b| premium(b).total_cmp(&premium(a)));
    events.truncate(EVENTS_MAX);
    events
}

fn look<'a>(
    seen: &'a Seen,
    poll: &Poll,
    baseline: &Baseline<'_>,
    state: &State,
    low_history: bool,
) -> Look<'a> {
    let osi = seen.key.osi();
    let volume = seen.volume.filter(|v| *v > 0.0);
    let mean = volume.and_then(|_| baseline.mean_volume(seen.key));
    let ratio = volume.zip(mean).filter(|(_, mean)| *mean > 0.0).map(|(v, mean)| v / mean);
    let z = volume.and_then(|v| {
        let bucket = volume_bucket(&osi, seen.dte, poll.spot);
        let (middle, sigma) = baseline.spread.get(&bucket)?;
        Some((libm::log1p(v) - middle) / sigma)
    });
    let before = state.volumes.binary_search_by_key(&seen.key, |v| v.0).ok();
    let before = before.and_then(|at| state.volumes.get(at)).map_or(0.0, |v| v.1);
    // A volume may shrink: then what is there now is new.
    let delta = volume.map(|v| if v >= before { v - before } else { v });
    let delta = delta.filter(|_| state.last_poll.is_some());
    let since = state.last_poll.unwrap_or(Ts::NONE);
    let last = seen.last.filter(|(_, at)| at.is_some() && *at > since && *at <= poll.at);
    let mid = seen.bid.zip(seen.ask).filter(|(bid, ask)| *bid > 0.0 && ask > bid);
    let price = last.map(|l| l.0).or(mid.map(|(bid, ask)| (bid + ask) / 2.0));
    Look {
        seen,
        osi,
        ratio,
        z,
        premium: delta.zip(price).map(|(delta, price)| price * delta * MULTIPLIER),
        moved: state.last_poll.is_none() || delta.is_some_and(|d| d > 0.0),
        low_history,
        side: match (last.map(|l| l.0), seen.bid.zip(seen.ask)) {
            (Some(last), Some((_, ask))) if last >= ask => "ask",
            (Some(last), Some((bid, _))) if last <= bid => "bid",
            (Some(_), Some(_)) => "mid",
            _ => "unknown",
        },
    }
}

fn volume_rule(look: &Look<'_>) -> bool {
    let Some(volume) = look.seen.volume.filter(|_| look.moved) else { return false };
    let grown = look.seen.oi.is_some_and(|oi| volume / oi.max(1.0) >= 0.5);
    let many = look.ratio.is_some_and(|r| r >= 3.0) && volume >= 100.0 && grown;
    look.z.is_some_and(|z| z >= 4.0) || (many && look.seen.dte > 0)
}

fn oi_ratio(seen: &Seen, baseline: &Baseline<'_>) -> Option<f64> {
    let oi = seen.oi.filter(|_| seen.dte > 0)?;
    let before = baseline.sessions.first()?.0.open_interest(seen.key)?;
    if oi - before < 500.0 {
        return None;
    }
    let mean = baseline.mean_oi(seen.key).filter(|mean| *mean > 0.0)?;
    Some(oi / mean).filter(|ratio| *ratio >= 2.0)
}

fn iv_ratio(seen: &Seen, baseline: &Baseline<'_>) -> Option<f64> {
    let (sigma, delta) = seen.iv.filter(|_| seen.dte > 0)?;
    let mean = baseline.mean_iv(iv_bucket(delta, seen.dte)).filter(|mean| *mean > 0.0)?;
    Some(sigma / mean).filter(|ratio| *ratio - 1.0 >= 0.5)
}

impl Look<'_> {
    fn event(&self, at: Ts, kind: &str, ratio: Option<f64>) -> UnusualEvent {
        let bullish = if self.osi.right == Right::Call { 1 } else { -1 };
        UnusualEvent {
            time: time(at),
            osi: self.osi.to_string(),
            kind: kind.to_owned(),
            ratio,
            z: self.z,
            premium_usd: self.premium,
            side: self.side.to_owned(),
            direction: match self.side {
                "ask" => Some(bullish),
                "bid" => Some(-bullish),
                "mid" => Some(0),
                _ => None,
            },
            severity: severity(ratio, self.z, self.premium),
            cluster_id: None,
            confirmed_open: None,
            low_history: self.low_history,
        }
    }
}

/// 2 from twice the ratio, one and a half times the z or four times the premium of the conditions,
/// 3 from about twice that again.
fn severity(ratio: Option<f64>, z: Option<f64>, premium: Option<f64>) -> u8 {
    let above = |limits: [f64; 3]| {
        [ratio, z, premium].iter().zip(limits).any(|(x, limit)| x.is_some_and(|x| x >= limit))
    };
    match () {
        () if above([12.0, 8.0, 5_000_000.0]) => 3,
        () if above([6.0, 6.0, 1_000_000.0]) => 2,
        () => 1,
    }
}

fn time(at: Ts) -> String {
    let whole = jiff::Timestamp::from_second(at.0.div_euclid(SECOND));
    whole.map(|t| t.to_string()).unwrap_or_default()
}

/// Joins fresh flags to clusters, names the cluster in their events, and adds one `cross_strike`
/// event to each cluster that has new strikes: of its greatest premium, with their sum.
fn clusters(poll: &Poll, fresh: &[Key], events: &mut Vec<(Key, UnusualEvent)>, state: &mut State) {
    let recent = |at: Ts| poll.at.0.saturating_sub(at.0) <= CLUSTER_NS;
    state.flags.retain(|(at, _)| recent(*at));
    state.flags.extend(fresh.iter().map(|key| (poll.at, *key)));
    state.clusters.retain(|c| recent(c.last));
    let mut sets: BTreeMap<(i32, Right), BTreeSet<u32>> = BTreeMap::new();
    for (_, key) in &state.flags {
        let osi = key.osi();
        sets.entry((days(osi.expiry), osi.right)).or_default().insert(osi.strike_milli);
    }
    for ((expiry, right), strikes) in sets {
        let mine = |key: &Key| {
            let osi = key.osi();
            days(osi.expiry) == expiry && osi.right == right
        };
        if strikes.len() < CLUSTER_STRIKES || !fresh.iter().any(mine) {
            continue;
        }
        let old = state.clusters.iter().position(|c| (c.expiry, c.right) == (expiry, right));
        let mut cluster = old.map(|at| state.clusters.remove(at)).unwrap_or_else(|| {
            let letter = if right == Right::Call { 'C' } else { 'P' };
            let id = format!("{}-{letter}-{}", date_of(expiry), time(poll.at));
            Cluster { id, expiry, right, last: poll.at, strikes: BTreeSet::new() }
        });
        let grown = strikes.iter().any(|s| !cluster.strikes.contains(s));
        cluster.strikes.extend(strikes);
        cluster.last = poll.at;
        let mut members: BTreeMap<Key, UnusualEvent> = BTreeMap::new();
        for (key, event) in events.iter_mut() {
            let flag = event.kind == "volume" || event.kind == "premium";
            if flag && fresh.contains(key) && mine(key) {
                event.cluster_id = Some(cluster.id.clone());
                members.entry(*key).or_insert_with(|| event.clone());
            }
        }
        let premium = |e: &UnusualEvent| e.premium_usd.unwrap_or(0.0);
        let sum: f64 = members.values().map(premium).sum();
        let known = members.values().any(|e| e.premium_usd.is_some());
        let first = members.into_iter().max_by(|a, b| premium(&a.1).total_cmp(&premium(&b.1)));
        if let Some((key, mut event)) = first.filter(|_| grown) {
            event.kind = "cross_strike".to_owned();
            event.ratio = u32::try_from(cluster.strikes.len()).ok().map(f64::from);
            event.premium_usd = known.then_some(sum);
            events.push((key, event));
        }
        state.clusters.push(cluster);
    }
}

#[cfg(test)]
mod tests;
