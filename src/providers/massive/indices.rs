//! Values of indices (`I:SPX`, `I:VIX`, …): each ticker succeeds or fails on its own.
//!
//! Indices are an entitlement apart from options, so a refusal is an ordinary answer here: the
//! value is null with `not_entitled`.

use fastrand::Rng;
use serde::Deserialize;

use super::http::Target;
use super::json::{Said, read, scalar};
use super::page::{Envelope, is_delayed};
use super::retry::Trouble;
use super::session::Session;
use crate::options::{Known, null};
use crate::providers::{FetchError, FetchErrorKind, IndexValue};
use crate::units::{MINUTE, Reason, Ts};

/// Most tickers of one request.
const TICKERS_MAX: usize = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Index<'a> {
    #[serde(borrow, deserialize_with = "scalar")]
    ticker: Option<&'a str>,
    #[serde(deserialize_with = "scalar")]
    value: Option<f64>,
    #[serde(deserialize_with = "scalar")]
    last_updated: Option<i64>,
    #[serde(borrow, deserialize_with = "scalar")]
    timeframe: Option<&'a str>,
    #[serde(borrow, deserialize_with = "scalar")]
    error: Option<Said<'a>>,
}

/// Asks for the values of `tickers` (without `I:`), in their order. More than fifty, or names
/// that no index has, are `NO_INPUT:not_found` without being asked for.
///
/// # Errors
/// [`FetchError`] when the request as a whole fails for another reason than the plan.
pub fn ask(
    session: &Session<'_>,
    tickers: &[&str],
    rng: &mut Rng,
) -> Result<Vec<Known<IndexValue>>, FetchError> {
    let named = |t: &&str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric());
    let asked: Vec<String> =
        tickers.iter().filter(|t| named(t)).take(TICKERS_MAX).map(|t| format!("I:{t}")).collect();
    if asked.is_empty() {
        return Ok(tickers.iter().map(|_| null(Reason::NoInput, "not_found")).collect());
    }
    let list = asked.join(",");
    let target = Target::new(format!("/v3/snapshot/indices?ticker.any_of={list}&limit=250"));
    let place = format!("massive, indices {list}");
    let latest = Ts(session.now().0.saturating_add(MINUTE));
    match session.ask(&target, &place, rng, |bytes| parse(bytes, tickers, latest)) {
        Ok(values) => Ok(values),
        Err(error) if error.kind == FetchErrorKind::NotEntitled => {
            Ok(tickers.iter().map(|_| null(Reason::NoInput, "not_entitled")).collect())
        }
        Err(error) => Err(error),
    }
}

/// Reads an answer: one entry for each of `tickers`; times after `latest` are none.
///
/// # Errors
/// [`Trouble`] for what is no answer.
pub fn parse(
    bytes: &mut [u8],
    tickers: &[&str],
    latest: Ts,
) -> Result<Vec<Known<IndexValue>>, Trouble> {
    let raw: Envelope<'_, Index<'_>> = read(bytes).map_err(|e| Trouble::garbled(&e))?;
    raw.check()?;
    let results = raw.results.as_deref().unwrap_or_default();
    let whole = is_delayed(raw.status.map(|s| s.0));
    let bare = |t: &str| t.strip_prefix("I:").unwrap_or(t).to_owned();
    let one = |ticker: &&str| {
        let found = results.iter().find(|i| i.ticker.is_some_and(|t| bare(t) == **ticker));
        found.map_or(null(Reason::NoInput, "not_found"), |index| value(index, whole, latest))
    };
    Ok(tickers.iter().map(one).collect())
}

fn value(index: &Index<'_>, whole_delayed: bool, latest: Ts) -> Known<IndexValue> {
    if let Some(Said(error)) = index.error {
        return null(
            Reason::NoInput,
            match error {
                "NOT_FOUND" => "not_found",
                "NOT_ENTITLED" => "not_entitled",
                _ => "provider_error",
            },
        );
    }
    let Some(value) = index.value else { return null(Reason::NoInput, "no_value") };
    if !(value.is_finite() && value > 0.0) {
        return null(Reason::InvalidInput, "not_positive");
    }
    match index.last_updated.map_or(Ts::NONE, Ts::from_outside) {
        Ts::NONE => null(Reason::NoInput, "no_time"),
        ts if ts > latest => null(Reason::InvalidInput, "future_time"),
        ts => {
            let delayed = whole_delayed || is_delayed(index.timeframe);
            Ok(IndexValue { value, ts, delayed })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ticker_on_its_own() {
        let text = r#"{"status":"OK","results":[
            {"ticker":"I:SPX","value":7736.62,"last_updated":1679597116344223501,"timeframe":"DELAYED"},
            {"ticker":"VIX","value":17,"last_updated":1679597116344223502},
            {"ticker":"I:NDX","error":"NOT_ENTITLED","message":"no","value":5},
            {"ticker":"I:VXN","error":"NOT_FOUND"},
            {"ticker":"I:A","error":{}}, {"ticker":"I:B"}, {"ticker":"I:C","value":0},
            {"ticker":"I:D","value":5}, {"ticker":"I:E","value":5,"last_updated":2679597116344223502},
            {"value":5}, 7]}"#;
        let tickers = ["SPX", "VIX", "NDX", "VXN", "A", "B", "C", "D", "E", "F"];
        let latest = Ts(1_700_000_000_000_000_000);
        let got = parse(&mut text.as_bytes().to_vec(), &tickers, latest).expect("answer");
        let spx = Ts(1_679_597_116_344_223_501);
        assert_eq!(got[0], Ok(IndexValue { value: 7736.62, ts: spx, delayed: true }));
        assert_eq!(got[1].map(|v| (v.value, v.delayed)), Ok((17.0, false)));
        let why: Vec<_> = got[2..].iter().map(|v| v.expect_err("none").detail).collect();
        assert_eq!(
            why,
            [
                "not_entitled",
                "not_found",
                "provider_error",
                "no_value",
                "not_positive",
                "no_time",
                "future_time",
                "not_found",
            ]
        );
    }
}
