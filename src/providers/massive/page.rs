//! One page of the chain snapshot: bytes in, contracts and the address of the next page out.
//!
//! A pure function of the bytes. Every nested object and field may be absent, null or of a wrong
//! kind. Nothing is judged here but the page as a whole; rows are judged in [`super::rows`].
//! Range: ≤ [`ROWS_MAX`] contracts. Cost: one pass over the bytes.

use serde::Deserialize;

use super::json::{Said, list, object, read, scalar};
use super::retry::Trouble;

/// Most contracts in one page; 250 are asked for.
pub const ROWS_MAX: usize = 1_000;

/// A page that the provider means as an answer.
#[derive(Debug, Default)]
pub struct Page<'a> {
    /// The contracts; `None` where the page has no `results` at all.
    pub results: Option<Vec<Contract<'a>>>,
    /// Address of the next page, as sent.
    pub next_url: Option<&'a str>,
    /// The page as a whole is called delayed.
    pub delayed: bool,
}

/// One contract as sent. Units: index points, contracts, ns since 1970 UTC, decimals a year.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Contract<'a> {
    /// Its terms.
    #[serde(borrow, deserialize_with = "object")]
    pub details: Option<Details<'a>>,
    /// Contracts open at the previous close of business.
    #[serde(deserialize_with = "scalar")]
    pub open_interest: Option<f64>,
    /// Today's trading.
    #[serde(deserialize_with = "object")]
    pub day: Option<Day>,
    /// Best bid and ask.
    #[serde(borrow, deserialize_with = "object")]
    pub last_quote: Option<LastQuote<'a>>,
    /// Last trade.
    #[serde(borrow, deserialize_with = "object")]
    pub last_trade: Option<LastTrade<'a>>,
    /// The vendor's greeks.
    #[serde(deserialize_with = "object")]
    pub greeks: Option<Greeks>,
    /// The vendor's volatility.
    #[serde(deserialize_with = "scalar")]
    pub implied_volatility: Option<f64>,
    /// The index.
    #[serde(borrow, deserialize_with = "object")]
    pub underlying_asset: Option<Asset<'a>>,
}

/// Terms of a contract.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Details<'a> {
    /// `O:` and the ticker.
    #[serde(borrow, deserialize_with = "scalar")]
    pub ticker: Option<&'a str>,
    /// `YYYY-MM-DD`.
    #[serde(borrow, deserialize_with = "scalar")]
    pub expiration_date: Option<&'a str>,
    /// Index points.
    #[serde(deserialize_with = "scalar")]
    pub strike_price: Option<f64>,
    /// `call`, `put` or `other`.
    #[serde(borrow, deserialize_with = "scalar")]
    pub contract_type: Option<&'a str>,
    /// The multiplier.
    #[serde(deserialize_with = "scalar")]
    pub shares_per_contract: Option<f64>,
}

/// Today's trading in a contract.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Day {
    /// Contracts.
    #[serde(deserialize_with = "scalar")]
    pub volume: Option<f64>,
}

/// Best bid and ask of a contract.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct LastQuote<'a> {
    /// Index points; 0 says that nobody bids.
    #[serde(deserialize_with = "scalar")]
    pub bid: Option<f64>,
    /// Index points.
    #[serde(deserialize_with = "scalar")]
    pub ask: Option<f64>,
    /// Contracts.
    #[serde(deserialize_with = "scalar")]
    pub bid_size: Option<f64>,
    /// Contracts.
    #[serde(deserialize_with = "scalar")]
    pub ask_size: Option<f64>,
    /// ns.
    #[serde(deserialize_with = "scalar")]
    pub last_updated: Option<i64>,
    /// `DELAYED` or `REAL-TIME`.
    #[serde(borrow, deserialize_with = "scalar")]
    pub timeframe: Option<&'a str>,
}

/// Last trade of a contract.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct LastTrade<'a> {
    /// Index points.
    #[serde(deserialize_with = "scalar")]
    pub price: Option<f64>,
    /// ns.
    #[serde(deserialize_with = "scalar")]
    pub sip_timestamp: Option<i64>,
    /// `DELAYED` or `REAL-TIME`.
    #[serde(borrow, deserialize_with = "scalar")]
    pub timeframe: Option<&'a str>,
}

/// The vendor's greeks.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Greeks {
    /// Per index point.
    #[serde(deserialize_with = "scalar")]
    pub delta: Option<f64>,
    /// Per index point.
    #[serde(deserialize_with = "scalar")]
    pub gamma: Option<f64>,
    /// Per day.
    #[serde(deserialize_with = "scalar")]
    pub theta: Option<f64>,
    /// Per volatility point.
    #[serde(deserialize_with = "scalar")]
    pub vega: Option<f64>,
}

/// The index as it stands beside every contract.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asset<'a> {
    /// `I:SPX`.
    #[serde(borrow, deserialize_with = "scalar")]
    pub ticker: Option<&'a str>,
    /// Index points: what an index has.
    #[serde(deserialize_with = "scalar")]
    pub value: Option<f64>,
    /// Index points: what a stock has.
    #[serde(deserialize_with = "scalar")]
    pub price: Option<f64>,
    /// ns.
    #[serde(deserialize_with = "scalar")]
    pub last_updated: Option<i64>,
    /// `DELAYED` or `REAL-TIME`.
    #[serde(borrow, deserialize_with = "scalar")]
    pub timeframe: Option<&'a str>,
}

/// What every answer of the provider is wrapped in.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "T: Deserialize<'de> + Default"))]
pub struct Envelope<'a, T> {
    /// `OK`, `DELAYED`, or what went wrong.
    #[serde(borrow, deserialize_with = "scalar")]
    pub status: Option<Said<'a>>,
    /// Present in an error.
    #[serde(borrow, deserialize_with = "scalar")]
    pub error: Option<Said<'a>>,
    /// Words, in some errors.
    #[serde(borrow, deserialize_with = "scalar")]
    pub message: Option<&'a str>,
    /// Address of the next page.
    #[serde(borrow, deserialize_with = "scalar")]
    pub next_url: Option<&'a str>,
    /// The content.
    #[serde(deserialize_with = "list::<ROWS_MAX, _, _>")]
    pub results: Option<Vec<T>>,
}

impl<T> Envelope<'_, T> {
    /// The words of an error, from whichever key holds them.
    #[must_use]
    pub fn words(&self) -> &str {
        let error = self.error.map(|e| e.0).filter(|e| !e.is_empty());
        error.or(self.message).unwrap_or_default()
    }

    /// Whether the provider means this as an answer.
    ///
    /// # Errors
    /// An error inside a 200, classified by its words.
    pub fn check(&self) -> Result<(), Trouble> {
        let status = self.status.map_or("", |s| s.0);
        let good = match self.status {
            None => self.results.is_some(),
            Some(_) => ["OK", "DELAYED"].iter().any(|s| status.eq_ignore_ascii_case(s)),
        };
        if good && self.error.is_none() {
            return Ok(());
        }
        if self.status.is_none() && self.error.is_none() {
            return Err(Trouble::garbled("an answer with neither status nor results"));
        }
        Err(Trouble::of_words(status, self.words()))
    }
}

/// Reads one page. The bytes are rewritten; what is returned borrows from them.
///
/// # Errors
/// [`Trouble`] for text that is no JSON, for an error inside a 200 and for a page too large.
pub fn parse(bytes: &mut [u8]) -> Result<Page<'_>, Trouble> {
    let raw: Envelope<'_, Contract<'_>> = read(bytes).map_err(|e| Trouble::garbled(&e))?;
    raw.check()?;
    let delayed = is_delayed(raw.status.map(|s| s.0));
    Ok(Page { results: raw.results, next_url: raw.next_url, delayed })
}

/// Whether a `status` or `timeframe` says so.
#[must_use]
pub fn is_delayed(word: Option<&str>) -> bool {
    word.is_some_and(|w| w.eq_ignore_ascii_case("DELAYED"))
}

impl Contract<'_> {
    /// Whether any part of it is called delayed.
    #[must_use]
    pub fn delayed(&self) -> bool {
        let quote = self.last_quote.as_ref().and_then(|q| q.timeframe);
        let trade = self.last_trade.as_ref().and_then(|t| t.timeframe);
        let asset = self.underlying_asset.as_ref().and_then(|a| a.timeframe);
        [quote, trade, asset].into_iter().any(is_delayed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::FetchErrorKind;

    fn kind(text: &str) -> Result<usize, FetchErrorKind> {
        let mut bytes = text.as_bytes().to_vec();
        parse(&mut bytes).map(|p| p.results.map_or(999, |r| r.len())).map_err(|t| t.kind)
    }

    #[test]
    fn what_counts_as_an_answer() {
        for (text, expected) in [
            (r#"{"status":"OK","results":[]}"#, Ok(0)),
            (r#"{"status":"DELAYED","results":[{},{}]}"#, Ok(2)),
            (r#"{"status":"OK"}"#, Ok(999)),
            (r#"{"status":"OK","results":{"open_interest":5}}"#, Ok(1)),
            (r#"{"results":[]}"#, Ok(0)),
            (r#"{"status":"OK","error":null,"results":[]}"#, Ok(0)),
            (r#"{}"#, Err(FetchErrorKind::Malformed)),
            (r#"[]"#, Err(FetchErrorKind::Malformed)),
            ("", Err(FetchErrorKind::Malformed)),
            (r#"{"status":"OK","results":[{"#, Err(FetchErrorKind::Malformed)),
            (r#"{"status":"OK","error":"oops","results":[]}"#, Err(FetchErrorKind::ServerError)),
            (r#"{"status":"OK","error":{},"results":[]}"#, Err(FetchErrorKind::ServerError)),
            (r#"{"status":"ERROR","results":[]}"#, Err(FetchErrorKind::ServerError)),
            (r#"{"status":7,"results":[]}"#, Err(FetchErrorKind::ServerError)),
            (r#"{"status":"NOT_AUTHORIZED"}"#, Err(FetchErrorKind::NotEntitled)),
            (r#"{"status":"ERROR","error":"Unknown API Key"}"#, Err(FetchErrorKind::AuthFailed)),
            (r#"{"status":"ERROR","message":"x not found."}"#, Err(FetchErrorKind::NotFound)),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
    }

    #[test]
    fn a_page_too_long_is_refused() {
        let rows = vec!["{}"; ROWS_MAX + 1].join(",");
        let text = format!(r#"{{"status":"OK","results":[{rows}]}}"#);
        assert_eq!(kind(&text), Err(FetchErrorKind::Malformed));
    }

    #[test]
    fn delay_is_seen_wherever_it_stands() {
        for part in ["last_quote", "last_trade", "underlying_asset"] {
            let text =
                format!(r#"{{"status":"OK","results":[{{"{part}":{{"timeframe":"DELAYED"}}}}]}}"#);
            let mut bytes = text.into_bytes();
            let page = parse(&mut bytes).expect("page");
            assert!(page.results.expect("rows")[0].delayed(), "{part}");
        }
    }
}
