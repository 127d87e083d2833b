//! What a report says of two symbols: see [`crate::pair`].

use serde::Serialize;

use crate::pair::{Pairs, Reading};
use crate::units::{Instrument, SymbolId};

/// Lead, lag and correlation of one-second returns of two symbols: a diagnostic, no input of any
/// decision.
#[derive(Clone, Debug, Serialize)]
pub struct PairReport {
    first: String,
    second: String,
    /// Why the numbers are absent.
    reason: Option<String>,
    correlation: Option<f64>,
    /// Above 0: the first leads.
    lead_s: Option<i64>,
    lead_correlation: Option<f64>,
    /// Return of the second on a return of the first.
    beta: Option<f64>,
    seconds: Option<usize>,
    until: Option<String>,
}

/// The report of every pair of `instruments`.
#[must_use]
pub fn reports(instruments: &[Instrument], pairs: &Pairs) -> Vec<PairReport> {
    let name = |id: SymbolId| {
        instruments.get(usize::from(id.0)).map(|i| i.symbol.clone()).unwrap_or_default()
    };
    let report = |(a, b)| PairReport::new(name(a), name(b), pairs.reading(a, b));
    pairs.pairs().map(report).collect()
}

impl PairReport {
    fn new(
        first: String,
        second: String,
        reading: Result<Reading, crate::features::Reason>,
    ) -> PairReport {
        let ok = reading.ok();
        PairReport {
            first,
            second,
            reason: reading.err().map(|reason| reason.name().to_owned()),
            correlation: ok.map(|r| r.r0),
            lead_s: ok.map(|r| r.lead_s),
            lead_correlation: ok.map(|r| r.r_lead),
            beta: ok.map(|r| r.beta),
            seconds: ok.map(|r| r.seconds),
            until: ok.map(|r| r.until.to_string()),
        }
    }

    /// One line for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let (first, second) = (&self.first, &self.second);
        let (Some(r), Some(lead), Some(at)) =
            (self.correlation, self.lead_s, self.lead_correlation)
        else {
            let reason = self.reason.as_deref().unwrap_or("-");
            return format!("{first} / {second}: no correlation ({reason})");
        };
        let who = match lead {
            0 => "neither leads".to_owned(),
            1.. => format!("{first} leads by {lead} s (r {at:.2})"),
            _ => format!("{second} leads by {} s (r {at:.2})", -lead),
        };
        let (beta, n) = (self.beta.unwrap_or(0.0), self.seconds.unwrap_or(0));
        format!("{first} / {second}: 1 s returns r {r:.2}, {who}, beta {beta:.2}; last {n} s")
    }
}
