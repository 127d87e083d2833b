//! The requests of one fetch: bucket, attempts, waits, deadline, and the counts of all that.
//!
//! Shared by the threads of the fetch. When one of them fails the others stop at their next wait
//! or request.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use fastrand::Rng;

use super::http::{Http, Reply, Target};
use super::retry::{Backoff, Bucket, Trouble, retry_after};
use crate::providers::{Clock, FetchError, FetchErrorKind, Work};
use crate::units::Ts;

/// Longest sleep without a look at whether the fetch was given up.
const NAP: Duration = Duration::from_millis(100);
/// Most redirects on the provider's own host for one request.
const HOPS_MAX: u32 = 3;

/// What all requests of a fetch share.
pub struct Session<'a> {
    http: &'a Http,
    bucket: &'a Bucket,
    clock: &'a dyn Clock,
    backoff: Backoff,
    /// Longest time for one answer.
    patience: Duration,
    deadline: Ts,
    stop: AtomicBool,
    pages: AtomicU32,
    requests: AtomicU32,
    retries: AtomicU32,
}

impl std::fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("work", &self.work()).finish_non_exhaustive()
    }
}

impl<'a> Session<'a> {
    /// A fetch that starts now and must end within `limit`; each answer within `patience`.
    #[must_use]
    pub fn new(
        http: &'a Http,
        bucket: &'a Bucket,
        clock: &'a dyn Clock,
        backoff: Backoff,
        (patience, limit): (Duration, Duration),
    ) -> Session<'a> {
        Session {
            http,
            bucket,
            clock,
            backoff,
            patience,
            deadline: later(clock.now(), limit),
            stop: AtomicBool::new(false),
            pages: AtomicU32::new(0),
            requests: AtomicU32::new(0),
            retries: AtomicU32::new(0),
        }
    }

    /// Pages accepted so far.
    #[must_use]
    pub fn pages(&self) -> u32 {
        self.pages.load(Ordering::Relaxed)
    }

    /// What was done so far.
    #[must_use]
    pub fn work(&self) -> Work {
        Work {
            pages: self.pages(),
            requests: self.requests.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
        }
    }

    /// The caller's clock.
    #[must_use]
    pub fn now(&self) -> Ts {
        self.clock.now()
    }

    /// Gives the fetch up for all threads.
    pub fn give_up(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Asks for `target` until `read` accepts an answer.
    ///
    /// # Errors
    /// [`FetchError`] for trouble that does not pass, or has not passed in time.
    pub fn ask<T>(
        &self,
        target: &Target,
        place: &str,
        rng: &mut Rng,
        mut read: impl FnMut(&mut [u8]) -> Result<T, Trouble>,
    ) -> Result<T, FetchError> {
        let mut repetition = 0;
        loop {
            self.wait(self.bucket.take(self.now()), place)?;
            if repetition > 0 {
                self.retries.fetch_add(1, Ordering::Relaxed);
            }
            let outcome = self.answer(target).and_then(|mut reply| {
                read(&mut reply.body).map_err(|t| Trouble { after: reply.retry_after, ..t })
            });
            let trouble = match outcome {
                Ok(value) => {
                    self.pages.fetch_add(1, Ordering::Relaxed);
                    return Ok(value);
                }
                Err(trouble) => trouble,
            };
            if !trouble.retry || repetition >= self.backoff.retries {
                return Err(self.fail(trouble, place));
            }
            let least = trouble.after.as_deref().and_then(|text| retry_after(text, self.now()));
            let wait = self.backoff.wait(repetition, rng).max(least.unwrap_or_default());
            if later(self.now(), wait) >= self.deadline {
                let what = format!("no time left to ask again after: {}", trouble.what);
                return Err(self.fail(Trouble { what, ..trouble }, place));
            }
            self.wait(wait, place)?;
            repetition += 1;
        }
    }

    /// An answer with status 200. Redirects are followed on the provider's own host alone.
    fn answer(&self, target: &Target) -> Result<Reply, Trouble> {
        let mut target = target.clone();
        for _ in 0..=HOPS_MAX {
            let left = Duration::from_nanos(self.deadline.since(self.now()).unsigned_abs());
            if left.is_zero() {
                let what = "the whole fetch took too long";
                return Err(Trouble::fatal(FetchErrorKind::Timeout, what));
            }
            self.requests.fetch_add(1, Ordering::Relaxed);
            let mut reply = self.http.get(&target, self.patience.min(left))?;
            match (reply.status, &reply.location) {
                (200, _) => return Ok(reply),
                (300..=399, Some(to)) if self.http.base().holds(to) => match Target::within(to) {
                    Some(next) => target = next,
                    None => return Err(Trouble::of_status(reply.status, &mut [])),
                },
                (300..=399, Some(_)) => {
                    let what = format!("HTTP {}, a redirect to another host", reply.status);
                    return Err(Trouble::fatal(FetchErrorKind::Redirected, what));
                }
                (status, _) => {
                    let trouble = Trouble::of_status(status, &mut reply.body);
                    return Err(Trouble { after: reply.retry_after, ..trouble });
                }
            }
        }
        let what = format!("more than {HOPS_MAX} redirects");
        Err(Trouble::fatal(FetchErrorKind::Redirected, what))
    }

    /// Sleeps, unless the fetch is given up or out of time.
    fn wait(&self, duration: Duration, place: &str) -> Result<(), FetchError> {
        let until = later(self.now(), duration);
        loop {
            if self.stop.load(Ordering::Relaxed) {
                let what = "another request failed";
                return Err(self.fail(Trouble::fatal(FetchErrorKind::Cancelled, what), place));
            }
            let now = self.now();
            if now >= self.deadline {
                let what = "the whole fetch took too long";
                return Err(self.fail(Trouble::fatal(FetchErrorKind::Timeout, what), place));
            }
            let left = Duration::from_nanos(until.since(now).unsigned_abs());
            if left.is_zero() {
                return Ok(());
            }
            self.clock.sleep(left.min(NAP));
        }
    }

    /// The error of a request that finally failed: after a good page a partial fetch.
    #[must_use]
    pub fn fail(&self, trouble: Trouble, place: impl Into<String>) -> FetchError {
        let work = self.work();
        let mut error = FetchError::new(trouble.kind, place, self.http.hide(&trouble.what));
        if work.pages > 0 && trouble.kind != FetchErrorKind::Cancelled {
            error.kind = FetchErrorKind::PartialFetch;
            error.cause = Some(trouble.kind);
        }
        FetchError { work, ..error }
    }
}

fn later(at: Ts, duration: Duration) -> Ts {
    Ts(at.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
}
