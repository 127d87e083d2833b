//! Providers of option chains and index values: the shell around what lies outside.
//!
//! A provider answers with one whole [`Chain`] of one source, or with a [`FetchError`] and nothing
//! else: there is no half snapshot. A second provider is a file with one more
//! [`ChainProvider`]. Time is asked from a [`Clock`] that the caller brings.

pub mod cboe_csv;
pub mod cboe_json;
pub mod detect;
pub mod fuzz;
pub mod import;
pub mod massive;
pub mod own_jsonl;

use std::fmt;
use std::time::Duration;

use crate::calendar::Calendar;
use crate::options::chain::{Chain, Underlying};
use crate::options::{Known, null};
use crate::units::{Reason, Ts};

/// The time of the caller: the system's, or one that a test drives.
pub trait Clock: Sync {
    /// Unix time; never goes back.
    fn now(&self) -> Ts;

    /// Lets about `duration` pass on this thread.
    fn sleep(&self, duration: Duration);
}

/// A source of option chains.
pub trait ChainProvider: Send {
    /// Its name in `provenance.provider`.
    fn name(&self) -> &'static str;

    /// One whole snapshot. Blocks until it is there; a provider bounds its own waiting.
    ///
    /// # Errors
    /// [`FetchError`]; nothing of the attempt remains.
    fn fetch(
        &mut self,
        underlying: Underlying,
        calendar: &Calendar,
        clock: &dyn Clock,
    ) -> Result<Chain, FetchError>;

    /// Values of indices such as `SPX` or `VIX`, in the order of `tickers`; each may be missing on
    /// its own: `NO_INPUT:not_entitled`, `NO_INPUT:not_found`, `NO_INPUT:not_offered`.
    ///
    /// # Errors
    /// [`FetchError`] when no value could be asked at all.
    fn indices(
        &mut self,
        tickers: &[&str],
        clock: &dyn Clock,
    ) -> Result<Vec<Known<IndexValue>>, FetchError> {
        let _ = clock;
        Ok(tickers.iter().map(|_| null(Reason::NoInput, "not_offered")).collect())
    }
}

/// Value of an index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IndexValue {
    /// Index points, above 0.
    pub value: f64,
    /// When it was so; an instant, never [`Ts::NONE`].
    pub ts: Ts,
    /// The provider calls it delayed.
    pub delayed: bool,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FetchErrorKind {
    /// No key was given: the provider is off.
    NoKey,
    /// A setting that cannot be used.
    InvalidConfig,
    /// The key is unknown.
    AuthFailed,
    /// The plan does not include these data.
    NotEntitled,
    /// There is no such thing at the provider.
    NotFound,
    /// The provider refuses the request for another reason.
    Refused,
    /// The provider sends us to another host.
    Redirected,
    /// One contract with two contents.
    DuplicateConflict,
    /// What came is not what the provider promises.
    Malformed,
    /// Too many requests, to the end.
    RateLimited,
    /// The provider reports an error of its own.
    ServerError,
    /// No answer in time.
    Timeout,
    /// The connection failed.
    Network,
    /// A later page failed for [`FetchError::cause`]: pages before it are thrown away.
    PartialFetch,
    /// Given up because another request failed.
    Cancelled,
}

impl FetchErrorKind {
    /// Its code in records.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            FetchErrorKind::NoKey => "no_key",
            FetchErrorKind::InvalidConfig => "invalid_config",
            FetchErrorKind::AuthFailed => "auth_failed",
            FetchErrorKind::NotEntitled => "not_entitled",
            FetchErrorKind::NotFound => "not_found",
            FetchErrorKind::Refused => "refused",
            FetchErrorKind::Redirected => "redirected",
            FetchErrorKind::DuplicateConflict => "duplicate_conflict",
            FetchErrorKind::Malformed => "malformed",
            FetchErrorKind::RateLimited => "rate_limited",
            FetchErrorKind::ServerError => "server_error",
            FetchErrorKind::Timeout => "timeout",
            FetchErrorKind::Network => "network",
            FetchErrorKind::PartialFetch => "partial_fetch",
            FetchErrorKind::Cancelled => "cancelled",
        }
    }

    /// What the operator can do about it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            FetchErrorKind::NoKey => {
                "set MASSIVE_API_KEY (or POLYGON_API_KEY) in the environment, or read a file"
            }
            FetchErrorKind::InvalidConfig => "correct the provider's settings",
            FetchErrorKind::AuthFailed => "check the key in the environment",
            FetchErrorKind::NotEntitled => {
                "the plan of this key lacks these data: take a plan with option snapshots, or read \
                 a file"
            }
            FetchErrorKind::NotFound => "check base_url and the symbol",
            FetchErrorKind::Refused | FetchErrorKind::Redirected => {
                "check base_url; if it is right the provider has changed its interface"
            }
            FetchErrorKind::DuplicateConflict
            | FetchErrorKind::Malformed
            | FetchErrorKind::PartialFetch => "nothing was kept; the next refresh tries again",
            FetchErrorKind::RateLimited => "lower rate_per_s or max_in_flight",
            FetchErrorKind::ServerError => "the provider has a problem; the next refresh retries",
            FetchErrorKind::Timeout | FetchErrorKind::Network => {
                "check the connection; the next refresh tries again"
            }
            FetchErrorKind::Cancelled => "see the error that stopped the snapshot",
        }
    }
}

/// Work that a fetch has done, counted on every attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Pages accepted.
    pub pages: u32,
    /// Requests sent.
    pub requests: u32,
    /// Of those, repetitions.
    pub retries: u32,
}

/// Why there is no snapshot. Its text says what failed, where, and what to do; it never holds a
/// key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchError {
    /// The kind.
    pub kind: FetchErrorKind,
    /// Of a partial fetch: why the page failed.
    pub cause: Option<FetchErrorKind>,
    /// Where: provider, symbol, expiries, page.
    pub place: String,
    /// What exactly, in the words of the provider where it has some.
    pub what: String,
    /// What had been done until then.
    pub work: Work,
}

impl FetchError {
    /// An error before any request.
    #[must_use]
    pub fn new(
        kind: FetchErrorKind,
        place: impl Into<String>,
        what: impl Into<String>,
    ) -> FetchError {
        FetchError {
            kind,
            cause: None,
            place: place.into(),
            what: what.into(),
            work: Work::default(),
        }
    }

    /// `status` of a snapshot that this error leaves without content: `no_key` or `failed`.
    #[must_use]
    pub const fn status(&self) -> &'static str {
        if matches!(self.kind, FetchErrorKind::NoKey) { "no_key" } else { "failed" }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.kind.code())?;
        if let Some(cause) = self.cause {
            write!(f, " ({})", cause.code())?;
        }
        if !self.what.is_empty() {
            write!(f, ": {}", self.what)?;
        }
        if self.work.requests > 0 {
            let Work { pages, requests, retries } = self.work;
            write!(f, " [{requests} requests, {retries} of them retries, {pages} good pages]")?;
        }
        let advice = self.cause.filter(|c| *c < FetchErrorKind::DuplicateConflict);
        write!(f, "; {}", advice.unwrap_or(self.kind).advice())
    }
}

impl std::error::Error for FetchError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_where_and_what_to_do() {
        let kind = FetchErrorKind::PartialFetch;
        let mut error = FetchError::new(kind, "massive, SPX, page 3", "503 Service Unavailable");
        error.cause = Some(FetchErrorKind::ServerError);
        error.work = Work { pages: 2, requests: 8, retries: 5 };
        assert_eq!(
            error.to_string(),
            "massive, SPX, page 3: partial_fetch (server_error): 503 Service Unavailable [8 \
             requests, 5 of them retries, 2 good pages]; nothing was kept; the next refresh tries \
             again"
        );
        error.cause = Some(FetchErrorKind::AuthFailed);
        assert!(error.to_string().ends_with("check the key in the environment"), "{error}");
        assert_eq!(error.status(), "failed");
        assert_eq!(FetchError::new(FetchErrorKind::NoKey, "massive", "").status(), "no_key");
    }
}
