//! Option chain → dealer-positioning levels: pure arithmetic over one snapshot of a chain.
//!
//! [`chain`] is what a provider delivers, [`priced`] is that with forwards and implied
//! volatilities, [`snapshot`] is what is published and written to files. Nothing here knows a
//! clock, a network or a file; sums run in a fixed order (expiry, root, strike, right).

pub mod activity;
pub mod analyse;
pub mod basis;
pub mod bias;
pub mod chain;
pub mod cone;
pub mod contract;
pub mod dealer;
pub mod drawn;
pub mod flip;
pub mod forward;
pub mod gex;
pub mod greeks;
#[cfg(test)]
mod hand;
pub mod iv;
pub mod max_pain;
pub mod moves;
pub mod pchip;
pub mod pins;
pub mod price;
pub mod priced;
pub mod profile;
pub mod ratios;
pub mod sanity;
pub mod scopes;
pub mod smile;
pub mod snapshot;
pub mod surface;
pub mod svi;
pub mod trigger;
pub mod validity;
pub mod vix_like;
pub mod walls;

use std::collections::BTreeMap;

use crate::units::Reason;

/// Why a value is missing: a code, and what exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Null {
    /// The code.
    pub reason: Reason,
    /// What exactly, in snake case; empty where the code says it all.
    pub detail: &'static str,
}

/// A value, or why there is none.
pub type Known<T> = Result<T, Null>;

/// No value, with a code and a detail.
///
/// # Errors
/// Always.
pub const fn null<T>(reason: Reason, detail: &'static str) -> Known<T> {
    Err(Null { reason, detail })
}

/// Every null of a snapshot: path → `CODE` or `CODE:detail`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nulls(pub BTreeMap<String, String>);

impl Nulls {
    /// The value, or `None` with its reason noted under `path`.
    pub fn take<T>(&mut self, path: &str, known: Known<T>) -> Option<T> {
        match known {
            Ok(value) => Some(value),
            Err(Null { reason, detail }) => {
                let code = reason.name();
                let text =
                    if detail.is_empty() { code.to_owned() } else { format!("{code}:{detail}") };
                self.0.insert(path.to_owned(), text);
                None
            }
        }
    }
}
