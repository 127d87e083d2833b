//! When to ask again, and how long to wait before: error classes, full-jitter back-off, token
//! bucket.
//!
//! Before repetition n (from 0) a request waits U(0, min(cap, base·2ⁿ)), at least what
//! `Retry-After` asks for, capped at [`RETRY_AFTER_MAX`]. All requests of a provider pass one
//! bucket of `burst` tokens that fills with `rate_per_s` (generic cell rate algorithm: one atomic,
//! no lock).

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use fastrand::Rng;

use super::page::Envelope;
use crate::providers::FetchErrorKind;
use crate::units::{SECOND, Ts};

/// Longest wait that a `Retry-After` can ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
/// Most characters of the provider's own words that are passed on.
const WORDS_MAX: usize = 200;

/// One attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Its class.
    pub kind: FetchErrorKind,
    /// In words.
    pub what: String,
    /// Whether asking again can help.
    pub retry: bool,
    /// `Retry-After` as sent.
    pub after: Option<String>,
}

impl Trouble {
    /// Trouble that no repetition heals.
    #[must_use]
    pub fn fatal(kind: FetchErrorKind, what: impl Into<String>) -> Trouble {
        Trouble { kind, what: what.into(), retry: false, after: None }
    }

    /// Trouble that may pass.
    #[must_use]
    pub fn passing(kind: FetchErrorKind, what: impl Into<String>) -> Trouble {
        Trouble { kind, what: what.into(), retry: true, after: None }
    }

    /// A body that cannot be read; it may have been cut.
    #[must_use]
    pub fn garbled(why: &str) -> Trouble {
        Trouble::passing(FetchErrorKind::Malformed, format!("unreadable answer: {}", short(why)))
    }

    /// An HTTP status other than 200 with its body.
    #[must_use]
    pub fn of_status(status: u16, body: &mut [u8]) -> Trouble {
        let words = words_of(body);
        let what = if words.is_empty() {
            format!("HTTP {status}")
        } else {
            format!("HTTP {status}, {words:?}")
        };
        match status {
            401 => Trouble::fatal(FetchErrorKind::AuthFailed, what),
            403 => Trouble::fatal(FetchErrorKind::NotEntitled, what),
            404 => Trouble::fatal(FetchErrorKind::NotFound, what),
            408 | 504 => Trouble::passing(FetchErrorKind::Timeout, what),
            413 | 429 => Trouble::passing(FetchErrorKind::RateLimited, what),
            499 | 500 | 502 | 503 => Trouble::passing(FetchErrorKind::ServerError, what),
            300..=399 => Trouble::fatal(FetchErrorKind::Redirected, what),
            400..=498 => Trouble::fatal(FetchErrorKind::Refused, what),
            500..=599 => Trouble::fatal(FetchErrorKind::ServerError, what),
            _ => Trouble::fatal(FetchErrorKind::Malformed, what),
        }
    }

    /// An error inside a 200: its status word and its text.
    #[must_use]
    pub fn of_words(status: &str, words: &str) -> Trouble {
        let what = format!("error in a 200: status {:?}, {:?}", short(status), short(words));
        let text = format!("{status} {words}").to_ascii_lowercase();
        let says = |any: &[&str]| any.iter().any(|w| text.contains(w));
        // The text of a rate limit invites to upgrade as well, so it is looked for first.
        if says(&["maximum requests", "rate limit", "too many requests"]) {
            Trouble::passing(FetchErrorKind::RateLimited, what)
        } else if says(&["api key", "apikey", "unauthenticated"]) {
            Trouble::fatal(FetchErrorKind::AuthFailed, what)
        } else if says(&["not_authorized", "not authorized", "entitled", "upgrade your plan"]) {
            Trouble::fatal(FetchErrorKind::NotEntitled, what)
        } else if says(&["not found", "not_found"]) {
            Trouble::fatal(FetchErrorKind::NotFound, what)
        } else if says(&["timeout", "timed out"]) {
            Trouble::passing(FetchErrorKind::Timeout, what)
        } else {
            Trouble::passing(FetchErrorKind::ServerError, what)
        }
    }
}

/// What an error body says: its `error` or `message`, else the text itself.
fn words_of(body: &mut [u8]) -> String {
    let plain = short(&String::from_utf8_lossy(body.get(..1_000).unwrap_or(body)));
    #[derive(Default, serde::Deserialize)]
    struct Nothing {}
    match super::json::read::<Envelope<'_, Nothing>>(body) {
        Ok(envelope) if !envelope.words().is_empty() => short(envelope.words()),
        _ => plain,
    }
}

/// The first characters of a text, on one line.
pub(super) fn short(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORDS_MAX).collect()
}

/// How often and after which waits a request is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Repetitions after the first try.
    pub retries: u32,
    /// Upper bound of the first wait.
    pub base: Duration,
    /// Upper bound of every wait.
    pub cap: Duration,
}

impl Backoff {
    /// Wait before repetition `n`, from 0.
    #[must_use]
    pub fn wait(&self, n: u32, rng: &mut Rng) -> Duration {
        let bound = self.base.saturating_mul(1 << n.min(20)).min(self.cap);
        let ns = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(rng.u64(0..=ns))
    }
}

/// The wait that a `Retry-After` asks for at `now`: seconds or an HTTP date; capped. `None` for
/// what is neither.
#[must_use]
pub fn retry_after(text: &str, now: Ts) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX));
    }
    let date = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let now = Duration::from_nanos(u64::try_from(now.0).unwrap_or(0));
    Some(date.saturating_sub(now).min(RETRY_AFTER_MAX))
}

/// A bucket of tokens, shared by threads.
#[derive(Debug)]
pub struct Bucket {
    /// ns between tokens.
    interval: i64,
    /// ns by which a full bucket runs ahead.
    ahead: i64,
    /// When the last token handed out is due, ns.
    due: AtomicI64,
}

impl Bucket {
    /// A full bucket of `burst` tokens that gains `rate_per_s`; both count as at least 1.
    #[must_use]
    pub fn new(rate_per_s: u32, burst: u32) -> Bucket {
        let interval = SECOND / i64::from(rate_per_s.max(1));
        let ahead = interval.saturating_mul(i64::from(burst.max(1)));
        Bucket { interval, ahead, due: AtomicI64::new(i64::MIN) }
    }

    /// Takes a token; the time until it may be used.
    pub fn take(&self, now: Ts) -> Duration {
        let full = now.0.saturating_sub(self.ahead);
        let next = |due: i64| due.max(full).saturating_add(self.interval);
        let before = self
            .due
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |due| Some(next(due)))
            .unwrap_or_else(|due| due);
        let wait = next(before).saturating_sub(now.0);
        Duration::from_nanos(u64::try_from(wait).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FetchErrorKind::{
        AuthFailed, Malformed, NotEntitled, NotFound, RateLimited, Redirected, Refused,
        ServerError, Timeout,
    };

    #[test]
    fn every_row_of_the_table() {
        for (status, kind, retry) in [
            (401, AuthFailed, false),
            (403, NotEntitled, false),
            (404, NotFound, false),
            (408, Timeout, true),
            (413, RateLimited, true),
            (429, RateLimited, true),
            (499, ServerError, true),
            (500, ServerError, true),
            (502, ServerError, true),
            (503, ServerError, true),
            (504, Timeout, true),
            (400, Refused, false),
            (418, Refused, false),
            (301, Redirected, false),
            (308, Redirected, false),
            (501, ServerError, false),
            (204, Malformed, false),
        ] {
            let trouble = Trouble::of_status(status, &mut []);
            assert_eq!((trouble.kind, trouble.retry), (kind, retry), "{status}");
        }
        for (status, words, kind, retry) in [
            ("NOT_AUTHORIZED", "", NotEntitled, false),
            ("ERROR", "Unknown API Key", AuthFailed, false),
            ("ERROR", "Options contract not found.", NotFound, false),
            ("ERROR", "exceeded the maximum requests per minute, upgrade your", RateLimited, true),
            ("ERROR", "upstream timed out", Timeout, true),
            ("ERROR", "", ServerError, true),
        ] {
            let trouble = Trouble::of_words(status, words);
            assert_eq!((trouble.kind, trouble.retry), (kind, retry), "{status} {words}");
        }
    }

    #[test]
    fn words_come_from_either_key_or_from_plain_text() {
        for body in [
            r#"{"status":"NOT_AUTHORIZED","error":"You are not entitled"}"#,
            r#"{"status":"NOT_AUTHORIZED","request_id":"b3","message":"You are not entitled"}"#,
            "You are not entitled\r\n",
        ] {
            let trouble = Trouble::of_status(403, &mut body.as_bytes().to_vec());
            assert_eq!(trouble.what, r#"HTTP 403, "You are not entitled""#);
        }
        let long = "x".repeat(5_000);
        assert!(Trouble::of_status(500, &mut long.into_bytes()).what.len() < 250);
    }

    #[test]
    fn waits_are_jittered_doubled_and_capped() {
        let backoff = Backoff {
            retries: 5,
            base: Duration::from_millis(250),
            cap: Duration::from_millis(8_000),
        };
        let mut rng = Rng::with_seed(1);
        for n in 0..40 {
            let bound = Duration::from_millis(250 << n.min(5)).min(backoff.cap);
            let waits: Vec<Duration> = (0..400).map(|_| backoff.wait(n, &mut rng)).collect();
            assert!(waits.iter().all(|w| *w <= bound));
            let mean = waits.iter().sum::<Duration>() / 400;
            assert!(mean > bound * 2 / 5 && mean < bound * 3 / 5, "{n}: {mean:?} of {bound:?}");
        }
    }

    #[test]
    fn retry_after_in_seconds_and_as_a_date() {
        let now = Ts(784_111_770 * SECOND);
        for (text, expected) in [
            ("2", Some(2)),
            (" 0 ", Some(0)),
            ("99999", Some(60)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sun, 06 Nov 1994 07:49:37 GMT", Some(0)),
            ("Sat, 06 Nov 2094 08:49:37 GMT", Some(60)),
            ("soon", None),
            ("-1", None),
            ("", None),
            ("99999999999999999999999999", None),
        ] {
            assert_eq!(retry_after(text, now), expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn the_bucket_lets_a_burst_pass_and_then_the_rate() {
        let bucket = Bucket::new(20, 3);
        let at = |ms: i64| Ts(1_700_000_000 * SECOND + ms * 1_000_000);
        for expected in [0, 0, 0, 50, 100] {
            assert_eq!(bucket.take(at(0)), Duration::from_millis(expected));
        }
        assert_eq!(bucket.take(at(100)), Duration::from_millis(50));
        // Filled again, and never beyond the burst.
        for expected in [0, 0, 0, 50] {
            assert_eq!(bucket.take(at(60_000)), Duration::from_millis(expected));
        }
        assert_eq!(Bucket::new(0, 0).take(Ts(5)), Duration::ZERO);
    }
}
