//! One snapshot of an option chain as every provider delivers it: rows, spot, provenance.
//!
//! Prices are in index points, volatilities in decimals a year, open interest in
//! contracts of the previous clearing day.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use super::contract::{Drop, Osi, Right, Root, Roots, Settle, Underlying, settle_ts};
use crate::units::Ts;

/// Index points of delta hedge per contract.
pub const MULTIPLIER: f64 = 100.0;
/// Vendor volatilities outside this range are no volatilities: Cboe writes 0 for none and 0.02 as
/// a floor.
pub const VENDOR_IV: std::ops::RangeInclusive<f64> = 0.03..=10.0;

/// One contract.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Root, expiry, right and strike.
    pub osi: Osi,
    /// Settlement instant.
    pub settle_ts: Ts,
    /// Best bid; 0 says that nobody bids.
    pub bid: Option<f64>,
    /// Best ask.
    pub ask: Option<f64>,
    /// Contracts at the bid.
    pub bid_size: Option<f64>,
    /// Contracts at the ask.
    pub ask_size: Option<f64>,
    /// Time of the quote.
    pub quote_ts: Ts,
    /// Last trade; never used for volatilities.
    pub last: Option<f64>,
    /// Its time.
    pub last_ts: Ts,
    /// Contracts traded today.
    pub volume: Option<f64>,
    /// Open interest; 0 is a value.
    pub open_interest: Option<f64>,
    /// Vendor's implied volatility, within [`VENDOR_IV`].
    pub vendor_iv: Option<f64>,
    /// Vendor's delta per index point.
    pub vendor_delta: Option<f64>,
    /// Vendor's gamma per index point, not below 0.
    pub vendor_gamma: Option<f64>,
    /// Vendor's theta per day.
    pub vendor_theta: Option<f64>,
    /// Vendor's vega per volatility point.
    pub vendor_vega: Option<f64>,
}

impl Row {
    /// A contract of which only its terms are known.
    #[must_use]
    pub const fn new(osi: Osi, settle_ts: Ts) -> Row {
        Row {
            osi,
            settle_ts,
            bid: None,
            ask: None,
            bid_size: None,
            ask_size: None,
            quote_ts: Ts::NONE,
            last: None,
            last_ts: Ts::NONE,
            volume: None,
            open_interest: None,
            vendor_iv: None,
            vendor_delta: None,
            vendor_gamma: None,
            vendor_theta: None,
            vendor_vega: None,
        }
    }

    /// Nulls what is no value: negative or non-finite numbers, a vendor volatility out of range, a
    /// crossed or locked quote. Returns what was wrong, for the counts.
    pub fn clean(&mut self) -> Cleaned {
        let keep = |x: &mut Option<f64>, good: fn(f64) -> bool| {
            let bad = x.is_some_and(|x| !x.is_finite() || !good(x));
            if bad {
                *x = None;
            }
            bad
        };
        let not_negative = |x: f64| x >= 0.0;
        for x in [
            &mut self.bid,
            &mut self.ask,
            &mut self.bid_size,
            &mut self.ask_size,
            &mut self.last,
            &mut self.volume,
            &mut self.open_interest,
        ] {
            keep(x, not_negative);
        }
        keep(&mut self.vendor_iv, |iv| VENDOR_IV.contains(&iv));
        let negative_gamma = keep(&mut self.vendor_gamma, not_negative);
        let mut cleaned = Cleaned { crossed: false, negative_gamma };
        for x in [&mut self.vendor_delta, &mut self.vendor_theta, &mut self.vendor_vega] {
            keep(x, |_| true);
        }
        if let (Some(bid), Some(ask)) = (self.bid, self.ask)
            && bid > 0.0
            && ask <= bid
        {
            (self.bid, self.ask) = (None, None);
            cleaned.crossed = true;
        }
        cleaned
    }
}

/// What [`Row::clean`] took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Bid and ask crossed or locked.
    pub crossed: bool,
    /// A gamma below 0.
    pub negative_gamma: bool,
}

/// How old the data of a provider are by design.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DelayClass {
    /// As it happens.
    Realtime,
    /// Fifteen minutes.
    #[serde(rename = "delayed-15")]
    Delayed15,
    /// End of day.
    Eod,
    /// A recorded day played again.
    Replay,
    /// Made up.
    Simulated,
}

/// Where a chain came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Asked from a provider.
    Api,
    /// Read from a file.
    File,
    /// A recorded snapshot of our own.
    Replay,
}

/// Which clock the vendor annualised its volatilities by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IvClock {
    /// Ours: to the settlement instant.
    Exchange,
    /// Midnight UTC after the expiry date (Massive): converted before use.
    Vendor,
}

/// Where the data came from and what was lost on the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Provenance {
    /// Provider, such as `massive` or `cboe_csv`.
    pub provider: String,
    /// How it was read.
    pub source_kind: SourceKind,
    /// Its delay.
    pub delay_class: DelayClass,
    /// The delay that the provider or the configuration states, in s.
    pub declared_delay_s: u32,
    /// Clock of its volatilities.
    pub iv_clock: IvClock,
    /// Pages, requests, and requests that were retries.
    pub pages: u32,
    /// See `pages`.
    pub requests: u32,
    /// See `pages`.
    pub retries: u32,
    /// Contracts that the provider sent.
    pub received: u32,
    /// Contracts left out, by [`Drop::name`].
    pub dropped: BTreeMap<&'static str, u32>,
    /// Other counts: `crossed`, `negative_gamma`, `empty_no_results`.
    pub counts: BTreeMap<&'static str, u32>,
    /// Date of the open interest, where it is known.
    pub oi_date: Option<Date>,
    /// SHA-256 of the file, lower-case hex.
    pub file_sha256: Option<String>,
    /// What an operator should know, in words.
    pub warnings: Vec<String>,
    /// Start and end of the fetch; equal for a file.
    pub fetched: (Ts, Ts),
}

impl Provenance {
    /// Of a provider that has delivered nothing yet.
    #[must_use]
    pub fn new(provider: &str, source_kind: SourceKind, delay_class: DelayClass) -> Provenance {
        Provenance {
            provider: provider.to_owned(),
            source_kind,
            delay_class,
            declared_delay_s: 0,
            iv_clock: IvClock::Exchange,
            pages: 0,
            requests: 0,
            retries: 0,
            received: 0,
            dropped: BTreeMap::new(),
            counts: BTreeMap::new(),
            oi_date: None,
            file_sha256: None,
            warnings: Vec::new(),
            fetched: (Ts::NONE, Ts::NONE),
        }
    }

    /// Counts a contract that is left out.
    pub fn drop(&mut self, why: Drop) {
        *self.dropped.entry(why.name()).or_default() += 1;
    }

    /// Counts something else.
    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }
}

/// An index value with its own time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Print {
    /// Index points, above 0.
    pub value: f64,
    /// When it was so.
    pub ts: Ts,
}

/// One snapshot of one source.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// The index.
    pub underlying: Underlying,
    /// Time of the data, not of the request.
    pub asof: Ts,
    /// When it was captured; `asof` for files and replays.
    pub captured: Ts,
    /// The provider's own index print.
    pub print: Option<Print>,
    /// Contracts by expiry, root, strike, right; no two alike, none settled at `asof`.
    pub rows: Vec<Row>,
    /// Where it came from.
    pub provenance: Provenance,
}

/// The chain cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict(pub String);

/// Puts rows into order, leaves out what has settled and what was given twice alike, and counts.
///
/// # Errors
/// The ticker of a contract that was given twice with different content (`duplicate_conflict`).
pub fn arrange(
    mut rows: Vec<Row>,
    asof: Ts,
    provenance: &mut Provenance,
) -> Result<Vec<Row>, Conflict> {
    rows.sort_by_key(|r| (r.osi.expiry, r.osi.root, r.osi.strike_milli, r.osi.right));
    let mut kept: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows {
        match kept.last() {
            Some(last) if last.osi == row.osi && *last == row => provenance.drop(Drop::Duplicate),
            Some(last) if last.osi == row.osi => return Err(Conflict(row.osi.to_string())),
            _ => kept.push(row),
        }
    }
    kept.retain(|row| {
        let alive = row.settle_ts > asof;
        if !alive {
            provenance.drop(Drop::Expired);
        }
        alive
    });
    Ok(kept)
}
