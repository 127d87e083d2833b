//! A request → the bytes of its answer: paths, filters, paging, authorisation.
//!
//! A cursor is the hex form of the first page's query with the offset of the next row: opaque to
//! the client, readable for a test. Pure, apart from the countdown of the faults.

use std::collections::BTreeMap;

use crate::fault::{Fault, Plan};
use crate::market::{Contract, Market, Object};

const CHAIN: &str = "/v3/snapshot/options/I:";
const INDICES: &str = "/v3/snapshot/indices";
/// Rows of a page unless asked for otherwise.
const LIMIT: usize = 10;
const NOT_ENTITLED: &str = "You are not entitled to this data. Please upgrade your plan.";

/// What is sent back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers besides those of the length and type.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Answer {
    fn new(status: u16, body: String) -> Answer {
        Answer { status, headers: Vec::new(), body }
    }

    /// An error in the provider's form, its text under `key`.
    fn error(status: u16, word: &str, key: &str, text: &str) -> Answer {
        let body = Object::new().text("status", word).text("request_id", "x").text(key, text);
        Answer::new(status, body.end())
    }
}

/// What a request leads to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The answer, where there is one.
    pub answer: Answer,
    /// What the sockets still have to do to it.
    pub fault: Option<Fault>,
}

/// Answers a GET of `target` (path and query) that carried `authorization`.
#[must_use]
pub fn answer(market: &Market, plan: &Plan, target: &str, authorization: Option<&str>) -> Outcome {
    let plain = |answer| Outcome { answer, fault: None };
    let sent = authorization.and_then(|a| a.strip_prefix("Bearer "));
    if plan.key.is_some() && sent != plan.key.as_deref() {
        return plain(Answer::error(401, "ERROR", "error", "Unknown API Key"));
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path == INDICES {
        return plain(indices(market, plan, &fields(query)));
    }
    if path.strip_prefix(CHAIN) != Some(market.underlying.as_str()) {
        return plain(Answer::error(404, "ERROR", "error", "Ticker not found."));
    }
    let Some(place) = Place::of(query, plan.page_rows) else {
        return plain(Answer::error(400, "ERROR", "error", "Malformed cursor."));
    };
    let fault = plan.strike(&place.query, place.number());
    let answer = match fault {
        None => page(market, plan, &place, None),
        Some(fault) => faulty(market, plan, &place, (fault, sent)),
    };
    Outcome { answer, fault: fault.cloned() }
}

/// Where in a portion a page begins.
#[derive(Clone, Debug)]
struct Place {
    /// The query of the first page.
    query: String,
    /// Rows before it.
    offset: usize,
    limit: usize,
}

impl Place {
    fn of(query: &str, most: usize) -> Option<Place> {
        let given = fields(query);
        let (query, offset) = match given.get("cursor") {
            Some(cursor) => {
                let text = from_hex(cursor)?;
                let (offset, query) = text.split_once(';')?;
                (query.to_owned(), offset.parse().ok()?)
            }
            None => (query.to_owned(), 0),
        };
        let limit = fields(&query).get("limit").map_or(Some(LIMIT), |l| l.parse().ok())?;
        Some(Place { query, offset, limit: limit.clamp(1, most.max(1)) })
    }

    /// From 1.
    fn number(&self) -> u32 {
        u32::try_from(self.offset / self.limit + 1).unwrap_or(u32::MAX)
    }

    fn at(&self, offset: usize) -> Place {
        Place { offset, ..self.clone() }
    }

    fn address(&self, base: &str, underlying: &str) -> String {
        let cursor = to_hex(&format!("{};{}", self.offset, self.query));
        format!("{base}{CHAIN}{underlying}?cursor={cursor}")
    }
}

/// The contracts of a portion, by ticker.
fn select<'a>(market: &'a Market, query: &str) -> Vec<&'a Contract> {
    let given = fields(query);
    let text = |name: &str| given.get(name).map(String::as_str);
    let number = |name: &str| given.get(name).and_then(|v| v.parse::<f64>().ok());
    let mut all: Vec<&Contract> = market
        .contracts
        .iter()
        .filter(|c| text("expiration_date").is_none_or(|d| c.expiry == d))
        .filter(|c| text("expiration_date.gte").is_none_or(|d| c.expiry.as_str() >= d))
        .filter(|c| text("expiration_date.lte").is_none_or(|d| c.expiry.as_str() <= d))
        .filter(|c| number("strike_price").is_none_or(|k| c.strike == k))
        .filter(|c| number("strike_price.gte").is_none_or(|k| c.strike >= k))
        .filter(|c| number("strike_price.lte").is_none_or(|k| c.strike <= k))
        .filter(|c| text("contract_type").is_none_or(|t| (t == "call") == c.call))
        .collect();
    all.sort_by(|a, b| a.ticker.cmp(&b.ticker));
    match text("sort") {
        Some("expiration_date") => all.sort_by(|a, b| a.expiry.cmp(&b.expiry)),
        Some("strike_price") => all.sort_by(|a, b| a.strike.total_cmp(&b.strike)),
        _ => {}
    }
    if text("order") == Some("desc") {
        all.reverse();
    }
    all
}

/// A page as the provider means it, or with the given fault in its content.
fn page(market: &Market, plan: &Plan, place: &Place, fault: Option<&Fault>) -> Answer {
    let all = select(market, &place.query);
    let mut rows: Vec<Contract> =
        all.iter().skip(place.offset).take(place.limit).map(|c| (*c).clone()).collect();
    let after = place.offset.saturating_add(rows.len());
    match (fault, rows.first().cloned()) {
        (Some(Fault::ForeignExpiry), Some(mut row)) => {
            row.expiry = "2099-12-18".to_owned();
            rows.push(row);
        }
        (Some(Fault::Twin), Some(row)) => rows.push(row),
        (Some(Fault::Conflict), Some(mut row)) => {
            row.open_interest = Some(row.open_interest.unwrap_or(0.0) + 1.0);
            rows.push(row);
        }
        _ => {}
    }
    let status = if market.delayed { "DELAYED" } else { "OK" };
    let mut body = Object::new().text("request_id", "x").text("status", status);
    if !matches!(fault, Some(Fault::NoResults)) {
        let rows: Vec<String> = rows.iter().map(|c| c.json(market, plan.lacks)).collect();
        body = body.raw("results", &format!("[{}]", rows.join(",")));
    }
    let base = match fault {
        Some(Fault::NextHost(host)) => host,
        _ => &plan.public_base,
    };
    let next = match fault {
        Some(Fault::RepeatNext) => Some(place.at(0)),
        _ => (after < all.len()).then(|| place.at(after)),
    };
    if let Some(next) = next {
        let address = match next.offset {
            // The very address of the first page, as the client has sent it.
            0 => format!("{base}{CHAIN}{}?{}", market.underlying, next.query),
            _ => next.address(base, &market.underlying),
        };
        body = body.text("next_url", &address);
    }
    Answer::new(200, body.end())
}

fn faulty(
    market: &Market,
    plan: &Plan,
    place: &Place,
    (fault, key): (&Fault, Option<&str>),
) -> Answer {
    let right = || page(market, plan, place, Some(fault));
    match fault {
        Fault::Status(404) => Answer::error(404, "ERROR", "error", "Options contract not found."),
        Fault::Status(status) => Answer::error(*status, "ERROR", "error", "as asked for"),
        Fault::TooMany(after) => {
            let text = "You've exceeded the maximum requests per minute, please wait or upgrade \
                        your subscription to continue.";
            let mut answer = Answer::error(429, "ERROR", "error", text);
            answer.headers.extend(after.clone().map(|a| ("Retry-After".to_owned(), a)));
            answer
        }
        Fault::ForbiddenError => Answer::error(403, "NOT_AUTHORIZED", "error", NOT_ENTITLED),
        Fault::ForbiddenMessage => Answer::error(403, "NOT_AUTHORIZED", "message", NOT_ENTITLED),
        Fault::ErrorIn200(word, text) => Answer::error(200, word, "error", text),
        Fault::QuoteKey => {
            let text = format!("Unknown API Key {}", key.unwrap_or("-"));
            Answer::error(401, "ERROR", "error", &text)
        }
        Fault::RepeatPage => {
            // The rows of the page before, with the way to the page after.
            let before = place.at(place.offset.saturating_sub(place.limit));
            let (mut wrong, right) = (page(market, plan, &before, None), right());
            let (own, next) = (next_of(&wrong.body), next_of(&right.body));
            wrong.body = match (own, next) {
                (Some(own), Some(next)) => wrong.body.replace(&own, &next),
                (Some(own), None) => wrong.body.replace(&format!(",\"next_url\":\"{own}\""), ""),
                _ => wrong.body,
            };
            wrong
        }
        Fault::Redirect(host) => {
            let address = format!("{host}{CHAIN}{}?{}", market.underlying, place.query);
            let mut answer = Answer::new(302, String::new());
            answer.headers.push(("Location".to_owned(), address));
            answer
        }
        Fault::Huge(bytes) => Answer::new(200, " ".repeat(*bytes)),
        Fault::Truncated => {
            let mut answer = right();
            // The texts are ASCII, so every place is a boundary.
            answer.body.truncate(answer.body.len() / 2);
            answer
        }
        _ => right(),
    }
}

fn next_of(body: &str) -> Option<String> {
    let (_, rest) = body.split_once("\"next_url\":\"")?;
    rest.split_once('"').map(|(address, _)| address.to_owned())
}

fn indices(market: &Market, plan: &Plan, given: &BTreeMap<String, String>) -> Answer {
    if plan.indices_forbidden {
        return Answer::error(403, "NOT_AUTHORIZED", "message", NOT_ENTITLED);
    }
    let timeframe = if market.delayed { "DELAYED" } else { "REAL-TIME" };
    let wanted = given.get("ticker.any_of").map(String::as_str).unwrap_or_default();
    let one = |ticker: &str| {
        let entry = Object::new().text("ticker", ticker);
        let bare = ticker.strip_prefix("I:").unwrap_or_default();
        let refused = |word, text| entry_error(ticker, word, text);
        if plan.not_entitled.iter().any(|t| t == bare) {
            return refused("NOT_ENTITLED", "Not entitled to this ticker.");
        }
        match market.indices.iter().find(|i| i.ticker == bare) {
            None => refused("NOT_FOUND", "Ticker not found."),
            Some(i) => entry
                .number("value", Some(i.value))
                .time("last_updated", Some(i.ts))
                .text("timeframe", timeframe)
                .text("type", "indices")
                .end(),
        }
    };
    let results: Vec<String> = wanted.split(',').filter(|t| !t.is_empty()).map(one).collect();
    let body = Object::new().text("request_id", "x").text("status", "OK");
    Answer::new(200, body.raw("results", &format!("[{}]", results.join(","))).end())
}

fn entry_error(ticker: &str, word: &str, text: &str) -> String {
    Object::new().text("ticker", ticker).text("error", word).text("message", text).end()
}

/// The fields of a query. What this interface uses needs no decoding but `%3A` and `%2C`.
fn fields(query: &str) -> BTreeMap<String, String> {
    let plain = |text: &str| {
        text.replace("%3A", ":").replace("%3a", ":").replace("%2C", ",").replace("%2c", ",")
    };
    query
        .split('&')
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (plain(name), plain(value)))
        .collect()
}

fn to_hex(text: &str) -> String {
    text.bytes().map(|b| format!("{b:02x}")).collect()
}

fn from_hex(text: &str) -> Option<String> {
    let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(digits).collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn market(contracts: usize) -> Market {
        let contract = |n: usize| Contract {
            ticker: format!("SPXW260828C{:08}", (7_000 + n) * 1_000),
            expiry: "2026-08-28".to_owned(),
            strike: 7_000.0 + n as f64,
            call: true,
            ..Contract::default()
        };
        let contracts = (0..contracts).rev().map(contract).collect();
        Market { underlying: "SPX".to_owned(), contracts, ..Market::default() }
    }

    fn walk(market: &Market, plan: &Plan, first: &str) -> Vec<String> {
        let mut target = Some(first.to_owned());
        let mut bodies = Vec::new();
        while let Some(now) = target.filter(|_| bodies.len() < 20) {
            let body = answer(market, plan, &now, None).answer.body;
            target = next_of(&body).map(|n| n.replace(&plan.public_base, ""));
            bodies.push(body);
        }
        bodies
    }

    #[test]
    fn pages_hold_every_row_once_and_no_key() {
        let market = market(601);
        let first = "/v3/snapshot/options/I:SPX?expiration_date=2026-08-28&limit=250";
        let pages = walk(&market, &Plan::default(), first);
        assert_eq!(pages.len(), 3);
        let all = pages.concat();
        for contract in &market.contracts {
            assert_eq!(all.matches(&contract.ticker).count(), 1);
        }
        assert!(!all.to_lowercase().contains("apikey"));
        assert!(walk(&market, &Plan::default(), &first.replace("-28&", "-29&"))[0].contains("[]"));
    }

    #[test]
    fn filters_and_order() {
        let market = market(30);
        let query = "expiration_date.gte=2026-08-01&strike_price.gte=7010&strike_price.lte=7012";
        let found = select(&market, query);
        assert_eq!(found.iter().map(|c| c.strike).collect::<Vec<_>>(), [7010.0, 7011.0, 7012.0]);
        assert_eq!(select(&market, "order=desc")[0].strike, 7029.0);
        assert_eq!(select(&market, "expiration_date.lte=2026-08-27").len(), 0);
    }

    #[test]
    fn who_may_ask_what() {
        let plan = Plan { key: Some("k".to_owned()), ..Plan::default() };
        let target = "/v3/snapshot/options/I:SPX?limit=1";
        let status = |t: &str, a: Option<&str>| answer(&market(1), &plan, t, a).answer.status;
        assert_eq!(status(target, None), 401);
        assert_eq!(status(target, Some("Bearer j")), 401);
        assert_eq!(status(target, Some("Bearer k")), 200);
        assert_eq!(status("/v3/snapshot/options/I:NDX?limit=1", Some("Bearer k")), 404);
        assert_eq!(status("/v3/snapshot/options/I:SPX?cursor=zz", Some("Bearer k")), 400);
    }
}
