//! What is served: contracts and index values, plain.

use std::fmt::Write as _;

/// One contract. Units: index points, contracts, ns since 1970 UTC, decimals a year.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contract {
    /// Ticker without `O:`.
    pub ticker: String,
    /// `YYYY-MM-DD`.
    pub expiry: String,
    /// Strike.
    pub strike: f64,
    /// Call, else put.
    pub call: bool,
    /// Best bid.
    pub bid: Option<f64>,
    /// Best ask.
    pub ask: Option<f64>,
    /// Contracts at the bid.
    pub bid_size: Option<f64>,
    /// Contracts at the ask.
    pub ask_size: Option<f64>,
    /// Time of the quote.
    pub quote_ts: Option<i64>,
    /// Last trade.
    pub last: Option<f64>,
    /// Its time.
    pub last_ts: Option<i64>,
    /// Contracts traded today.
    pub volume: Option<f64>,
    /// Open interest.
    pub open_interest: Option<f64>,
    /// The vendor's volatility.
    pub iv: Option<f64>,
    /// Delta.
    pub delta: Option<f64>,
    /// Gamma.
    pub gamma: Option<f64>,
    /// Theta per day.
    pub theta: Option<f64>,
    /// Vega per volatility point.
    pub vega: Option<f64>,
}

/// Value of an index.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    /// Ticker without `I:`.
    pub ticker: String,
    /// Index points.
    pub value: f64,
    /// When, ns.
    pub ts: i64,
}

/// All that a server offers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Market {
    /// Ticker of the index without `I:`; other chains are not found.
    pub underlying: String,
    /// Value of the index beside each contract, and its time in ns.
    pub spot: Option<(f64, i64)>,
    /// Data are called delayed.
    pub delayed: bool,
    /// The contracts, in any order.
    pub contracts: Vec<Contract>,
    /// Values of the indices endpoint.
    pub indices: Vec<Index>,
}

/// What the plan of the client leaves out of each contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lacks {
    /// No `last_quote` and no `last_trade`.
    pub quotes: bool,
    /// No `greeks`.
    pub greeks: bool,
    /// No `implied_volatility`.
    pub iv: bool,
    /// `underlying_asset` without a value.
    pub spot: bool,
}

/// An object of JSON under construction.
#[derive(Debug)]
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Object {
        Object("{".to_owned())
    }

    /// A field whose value is JSON already.
    pub(crate) fn raw(mut self, name: &str, value: &str) -> Object {
        let comma = if self.0.len() > 1 { "," } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{comma}\"{name}\":{value}");
        self
    }

    pub(crate) fn text(self, name: &str, value: &str) -> Object {
        let plain: String =
            value.chars().filter(|c| !matches!(c, '"' | '\\' | '\0'..' ')).collect();
        self.raw(name, &format!("\"{plain}\""))
    }

    /// Left out where there is none: so does the provider.
    pub(crate) fn number(self, name: &str, value: Option<f64>) -> Object {
        match value {
            Some(x) if x.is_finite() => self.raw(name, &x.to_string()),
            _ => self,
        }
    }

    pub(crate) fn time(self, name: &str, ns: Option<i64>) -> Object {
        match ns {
            Some(ns) => self.raw(name, &ns.to_string()),
            None => self,
        }
    }

    pub(crate) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

impl Contract {
    /// The contract as the provider writes it.
    #[must_use]
    pub fn json(&self, market: &Market, lacks: Lacks) -> String {
        let timeframe = if market.delayed { "DELAYED" } else { "REAL-TIME" };
        let details = Object::new()
            .text("contract_type", if self.call { "call" } else { "put" })
            .text("exercise_style", "european")
            .text("expiration_date", &self.expiry)
            .number("shares_per_contract", Some(100.0))
            .number("strike_price", Some(self.strike))
            .text("ticker", &format!("O:{}", self.ticker));
        let day = Object::new().number("volume", self.volume);
        let mut all = Object::new().raw("day", &day.end()).raw("details", &details.end());
        if !lacks.greeks && self.delta.is_some() {
            let greeks = Object::new()
                .number("delta", self.delta)
                .number("gamma", self.gamma)
                .number("theta", self.theta)
                .number("vega", self.vega);
            all = all.raw("greeks", &greeks.end());
        }
        if !lacks.iv {
            all = all.number("implied_volatility", self.iv);
        }
        if !lacks.quotes {
            let quote = Object::new()
                .number("ask", self.ask)
                .number("ask_size", self.ask_size)
                .number("bid", self.bid)
                .number("bid_size", self.bid_size)
                .time("last_updated", self.quote_ts)
                .text("timeframe", timeframe);
            all = all.raw("last_quote", &quote.end());
            if self.last.is_some() {
                let trade = Object::new()
                    .number("price", self.last)
                    .time("sip_timestamp", self.last_ts)
                    .text("timeframe", timeframe);
                all = all.raw("last_trade", &trade.end());
            }
        }
        let mut asset = Object::new().text("ticker", &format!("I:{}", market.underlying));
        if let Some((value, ts)) = market.spot.filter(|_| !lacks.spot) {
            asset = asset.number("value", Some(value)).time("last_updated", Some(ts));
        }
        let asset = asset.text("timeframe", timeframe);
        all.number("open_interest", self.open_interest).raw("underlying_asset", &asset.end()).end()
    }
}
