//! Contracts as sent → [`Row`]s: which are dropped and why, and what they say about the index.
//!
//! A row must agree with itself: the ticker names root, expiry, right and strike, the details
//! must say the same where they say anything; the multiplier must be stated as 100. A row of
//! another expiry than the request asked for is a wrong page and ends the snapshot.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::page::{Asset, Contract, Details};
use super::partition::Partition;
use crate::calendar::Calendar;
use crate::options::chain::{
    Drop, MULTIPLIER, Osi, Provenance, Right, Root, Roots, Row, Underlying, settle_ts,
};
use crate::units::Ts;

/// What the index was said to be beside one contract.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// When.
    pub ts: Ts,
    /// Index points, above 0.
    pub value: Option<f64>,
}

/// What the pages of one partition, or of all of them, amount to.
#[derive(Debug, Default)]
pub struct Harvest {
    /// Rows, cleaned, in the order they came.
    pub rows: Vec<Row>,
    /// The index beside each contract.
    pub seen: Vec<Seen>,
    /// Anything was called delayed.
    pub delayed: bool,
    /// Contracts that came.
    pub received: u32,
    /// Those left out, by [`Drop::name`].
    pub dropped: BTreeMap<&'static str, u32>,
    /// Other counts.
    pub counts: BTreeMap<&'static str, u32>,
}

impl Harvest {
    /// Counts something.
    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Takes in what another partition brought.
    pub fn join(&mut self, mut other: Harvest) {
        self.rows.append(&mut other.rows);
        self.seen.append(&mut other.seen);
        self.delayed |= other.delayed;
        self.received = self.received.saturating_add(other.received);
        for (from, to) in [(other.dropped, &mut self.dropped), (other.counts, &mut self.counts)] {
            for (name, n) in from {
                let sum = to.entry(name).or_default();
                *sum = sum.saturating_add(n);
            }
        }
    }

    /// Writes the counts down.
    pub fn note(&mut self, provenance: &mut Provenance) {
        provenance.received = self.received;
        provenance.dropped = std::mem::take(&mut self.dropped);
        provenance.counts = std::mem::take(&mut self.counts);
    }
}

/// What the rows are measured by.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The index asked for.
    pub underlying: Underlying,
    /// The expiries asked for.
    pub partition: &'a Partition,
    /// The strikes asked for, index points, both included.
    pub strikes: Option<(f64, f64)>,
    /// For settlement instants.
    pub calendar: &'a Calendar,
}

/// A row that nobody asked for: the page is a wrong one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign(pub String);

/// Adds the contracts of one page.
///
/// # Errors
/// [`Foreign`] for a row outside the partition.
pub fn add(
    harvest: &mut Harvest,
    contracts: &[Contract<'_>],
    wanted: &Wanted<'_>,
) -> Result<(), Foreign> {
    let mut series: Option<((Root, Date), Ts)> = None;
    for contract in contracts {
        harvest.received = harvest.received.saturating_add(1);
        harvest.delayed |= contract.delayed();
        belongs(contract, wanted)?;
        if let Some(asset) = &contract.underlying_asset {
            look(harvest, asset, wanted.underlying);
        }
        match terms(contract, wanted) {
            Err(why) => *harvest.dropped.entry(why.name()).or_default() += 1,
            Ok(osi) => {
                let key = (osi.root, osi.expiry);
                // A conversion between time zones costs a microsecond; series come together.
                let settle = match series {
                    Some((known, at)) if known == key => at,
                    _ => settle_ts(wanted.calendar, osi.root, osi.expiry),
                };
                series = Some((key, settle));
                let row = row(contract, osi, settle, harvest);
                harvest.rows.push(row);
            }
        }
    }
    Ok(())
}

/// Whether the expiry that the contract states, else that of its ticker, was asked for.
fn belongs(contract: &Contract<'_>, wanted: &Wanted<'_>) -> Result<(), Foreign> {
    let Some(details) = &contract.details else { return Ok(()) };
    let ticker = details.ticker.unwrap_or_default();
    let stated = details.expiration_date.and_then(|text| text.parse::<Date>().ok());
    let named = || Osi::parse(ticker, &Roots::PRODUCT).ok().map(|osi| osi.expiry);
    match stated.or_else(named) {
        Some(expiry) if !wanted.partition.contains(expiry) => {
            let ticker: String = ticker.chars().take(30).collect();
            Err(Foreign(format!("{ticker:?} expires on {expiry}, which was not asked for")))
        }
        _ => Ok(()),
    }
}

/// The contract's terms, if the row is one of ours and agrees with itself.
fn terms(contract: &Contract<'_>, wanted: &Wanted<'_>) -> Result<Osi, Drop> {
    let details = contract.details.as_ref().ok_or(Drop::Malformed)?;
    let Details { ticker, expiration_date, strike_price, contract_type, shares_per_contract } =
        details;
    let osi = Osi::parse(ticker.ok_or(Drop::Malformed)?, &Roots::PRODUCT)?;
    if osi.root.underlying() != wanted.underlying {
        return Err(Drop::RootForeign);
    }
    match contract_type {
        Some("call") if osi.right == Right::Put => return Err(Drop::DetailsMismatch),
        Some("put") if osi.right == Right::Call => return Err(Drop::DetailsMismatch),
        Some("call" | "put") | None => {}
        Some(_) => return Err(Drop::RightOther),
    }
    let expiry = expiration_date.map(|text| text.parse::<Date>().ok());
    if expiry.is_some_and(|e| e != Some(osi.expiry)) {
        return Err(Drop::DetailsMismatch);
    }
    // Not written as `> 1e-9`: a strike that is no number must not pass.
    if strike_price.is_some_and(|k| !((k - osi.strike()).abs() <= 1e-9)) {
        return Err(Drop::DetailsMismatch);
    }
    if *shares_per_contract != Some(MULTIPLIER) {
        return Err(Drop::Multiplier);
    }
    if wanted.strikes.is_some_and(|(low, high)| osi.strike() < low || osi.strike() > high) {
        return Err(Drop::Filtered);
    }
    Ok(osi)
}

fn row(contract: &Contract<'_>, osi: Osi, settle: Ts, harvest: &mut Harvest) -> Row {
    let mut row = Row::new(osi, settle);
    let time = |ns: Option<i64>| ns.map_or(Ts::NONE, Ts::from_outside);
    row.open_interest = contract.open_interest;
    row.volume = contract.day.as_ref().and_then(|d| d.volume);
    if let Some(quote) = &contract.last_quote {
        (row.bid, row.ask) = (quote.bid, quote.ask);
        (row.bid_size, row.ask_size) = (quote.bid_size, quote.ask_size);
        row.quote_ts = time(quote.last_updated);
    }
    if let Some(trade) = &contract.last_trade {
        (row.last, row.last_ts) = (trade.price, time(trade.sip_timestamp));
    }
    row.vendor_iv = contract.implied_volatility;
    if let Some(greeks) = &contract.greeks {
        (row.vendor_delta, row.vendor_gamma) = (greeks.delta, greeks.gamma);
        (row.vendor_theta, row.vendor_vega) = (greeks.theta, greeks.vega);
    }
    let cleaned = row.clean();
    if cleaned.crossed {
        harvest.count("crossed");
    }
    if cleaned.negative_gamma {
        harvest.count("negative_gamma");
    }
    row
}

/// Notes what a contract says of its index.
fn look(harvest: &mut Harvest, asset: &Asset<'_>, underlying: Underlying) {
    let named = |t: &str| t.strip_prefix("I:").unwrap_or(t) == underlying.name();
    if asset.ticker.is_some_and(|t| !named(t)) {
        harvest.count("underlying_mismatch");
        return;
    }
    let value = asset.value.or(asset.price).filter(|v| v.is_finite() && *v > 0.0);
    let ts = asset.last_updated.map_or(Ts::NONE, Ts::from_outside);
    if ts.is_some() {
        harvest.seen.push(Seen { ts, value });
    } else if value.is_some() {
        // A value without a time has no age: it is no print.
        harvest.count("print_without_time");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::massive::page;
    use jiff::civil::date;

    fn harvest(text: &str) -> Result<Harvest, Foreign> {
        let calendar = Calendar::bundled().expect("calendar");
        let partition = Partition { from: date(2026, 8, 28), to: Some(date(2026, 8, 31)) };
        let wanted = Wanted {
            underlying: Underlying::Spx,
            partition: &partition,
            strikes: Some((1_000.0, 9_000.0)),
            calendar: &calendar,
        };
        let mut bytes = format!(r#"{{"status":"OK","results":[{text}]}}"#).into_bytes();
        let page = page::parse(&mut bytes).expect("page");
        let mut harvest = Harvest::default();
        add(&mut harvest, &page.results.expect("results"), &wanted).map(|()| harvest)
    }

    /// One contract with the given details, each in JSON.
    fn one(ticker: &str, day: &str, strike: &str, kind: &str, shares: &str) -> String {
        format!(
            r#"{{"details":{{"ticker":{ticker},"expiration_date":{day},"strike_price":{strike},
            "contract_type":{kind},"shares_per_contract":{shares}}}}}"#
        )
    }

    #[test]
    fn a_whole_row() {
        let harvest = harvest(
            r#"{"details":{"ticker":"O:SPXW260828C07735000","expiration_date":"2026-08-28",
            "strike_price":7735,"contract_type":"call","shares_per_contract":100,"x":[1]},
            "open_interest":1110,"day":{"volume":4877},"implied_volatility":0.1636793871337458,
            "last_quote":{"bid":16.5,"ask":19.2,"bid_size":3,"ask_size":4,
            "last_updated":1787925604000000001,"timeframe":"DELAYED"},
            "last_trade":{"price":17.9,"sip_timestamp":1787925600000000003},
            "greeks":{"delta":0.5163546212750041,"gamma":0.009508997183991348,
            "theta":-21.283267307257884,"vega":1.033707058596182},
            "underlying_asset":{"ticker":"I:SPX","value":7736.62,
            "last_updated":1787925603999999999}}"#,
        )
        .expect("harvest");
        let row = harvest.rows[0];
        assert_eq!(row.osi.to_string(), "SPXW260828C07735000");
        assert_eq!(row.settle_ts.to_string(), "2026-08-28T20:00:00.000000000Z");
        assert_eq!((row.bid, row.ask), (Some(16.5), Some(19.2)));
        assert_eq!((row.bid_size, row.ask_size), (Some(3.0), Some(4.0)));
        assert_eq!(row.quote_ts, Ts(1_787_925_604_000_000_001));
        assert_eq!((row.last, row.last_ts), (Some(17.9), Ts(1_787_925_600_000_000_003)));
        assert_eq!((row.open_interest, row.volume), (Some(1110.0), Some(4877.0)));
        assert_eq!(row.vendor_iv, Some(0.1636793871337458));
        assert_eq!(row.vendor_gamma, Some(0.009508997183991348));
        assert_eq!(row.vendor_theta, Some(-21.283267307257884));
        assert_eq!(row.vendor_vega, Some(1.033707058596182));
        assert_eq!(row.vendor_delta, Some(0.5163546212750041));
        let seen = Seen { ts: Ts(1_787_925_603_999_999_999), value: Some(7736.62) };
        assert_eq!((harvest.seen, harvest.delayed), (vec![seen], true));
    }

    #[test]
    fn what_is_dropped_and_why() {
        let t = r#""O:SPXW260828C07735000""#;
        let d = r#""2026-08-28""#;
        for (text, expected) in [
            (one(t, d, "7735", r#""call""#, "100"), None),
            (one(t, "null", "null", "null", "100"), None),
            (one(t, d, "7735", r#""put""#, "100"), Some("details_mismatch")),
            (one(t, d, "7735.001", r#""call""#, "100"), Some("details_mismatch")),
            (one(t, r#""2026-08-31""#, "7735", r#""call""#, "100"), Some("details_mismatch")),
            (one(t, r#""soon""#, "7735", r#""call""#, "100"), Some("details_mismatch")),
            (one(t, d, "7735", r#""other""#, "100"), Some("right_other")),
            (one(t, d, "7735", r#""call""#, "10"), Some("multiplier")),
            (one(t, d, "7735", r#""call""#, "null"), Some("multiplier")),
            (one("null", d, "7735", r#""call""#, "100"), Some("malformed")),
            (one(r#""O:AAPL211022C000150000""#, d, "1", "null", "100"), Some("malformed")),
            (one(r#""O:SPXL260828C07735000""#, d, "7735", "null", "100"), Some("root_foreign")),
            (one(r#""NDXP260828C07735000""#, d, "7735", "null", "100"), Some("root_foreign")),
            (one(r#""O:SPXW260828C00000000""#, d, "0", "null", "100"), Some("malformed")),
            (one(r#""O:SPXW260828C09000001""#, d, "null", "null", "100"), Some("filtered")),
            (one(r#""O:SPX260828Ç07735000""#, d, "null", "null", "100"), Some("malformed")),
            ("{}".to_owned(), Some("malformed")),
            ("7".to_owned(), Some("malformed")),
        ] {
            let harvest = harvest(&text).expect(&text);
            let dropped: Vec<_> = harvest.dropped.keys().copied().collect();
            assert_eq!(dropped.first().copied(), expected, "{text}");
            assert_eq!(harvest.rows.len(), usize::from(expected.is_none()), "{text}");
            assert_eq!(harvest.received, 1);
        }
    }

    #[test]
    fn a_row_of_another_expiry_ends_it() {
        let d = r#""2026-09-01""#;
        assert!(harvest(&one(r#""O:SPXW260901C07735000""#, d, "7735", "null", "100")).is_err());
        assert!(harvest(&one("null", d, "7735", "null", "100")).is_err());
        let undated = one(r#""O:SPXW260901C07735000""#, "null", "7735", "null", "100");
        assert!(harvest(&undated).is_err());
    }

    #[test]
    fn what_counts_as_a_print() {
        for (asset, count, seen) in [
            (r#"{"price":5,"last_updated":9}"#, None, Some((9, Some(5.0)))),
            (r#"{"value":6,"price":5,"last_updated":9}"#, None, Some((9, Some(6.0)))),
            (r#"{"value":-6,"last_updated":9}"#, None, Some((9, None))),
            (r#"{"value":6,"last_updated":1.5e18}"#, Some("print_without_time"), None),
            (r#"{"value":6}"#, Some("print_without_time"), None),
            (r#"{"ticker":"I:NDX","value":6}"#, Some("underlying_mismatch"), None),
            (r#"null"#, None, None),
        ] {
            let harvest = harvest(&format!(r#"{{"underlying_asset":{asset}}}"#)).expect(asset);
            let expected = seen.map(|(ts, value)| Seen { ts: Ts(ts), value });
            assert_eq!(harvest.seen.first().copied(), expected, "{asset}");
            assert_eq!(harvest.counts.keys().next().copied(), count, "{asset}");
        }
    }
}
