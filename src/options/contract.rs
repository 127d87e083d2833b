//! What a contract is: index, root, settlement, right, ticker.
//!
//! AM or PM settlement follows from the root alone: SPX and NDX settle at the open, SPXW and NDXP
//! at the close.

use jiff::civil::{Date, time};
use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::units::Ts;

/// The index that a chain is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Underlying {
    /// S&P 500.
    Spx,
    /// Nasdaq-100.
    Ndx,
}

impl Underlying {
    /// Its ticker.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Underlying::Spx => "SPX",
            Underlying::Ndx => "NDX",
        }
    }

    /// Root of the E-mini future on it.
    #[must_use]
    pub const fn future(self) -> &'static str {
        match self {
            Underlying::Spx => "ES",
            Underlying::Ndx => "NQ",
        }
    }

    /// The index of a ticker.
    #[must_use]
    pub fn of(name: &str) -> Option<Underlying> {
        [Underlying::Spx, Underlying::Ndx].into_iter().find(|u| u.name() == name)
    }
}

/// When a series settles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Settle {
    /// 09:30 New York on the expiry date.
    Am,
    /// 16:00 New York, 13:00 on half days.
    Pm,
}

/// Root of an option ticker. The order is that of the sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Root {
    /// AM-settled monthlies on the S&P 500.
    Spx,
    /// PM-settled dailies on it.
    Spxw,
    /// AM-settled monthlies on the Nasdaq-100.
    Ndx,
    /// PM-settled dailies on it.
    Ndxp,
}

impl Root {
    /// The letters of the ticker.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Root::Spx => "SPX",
            Root::Spxw => "SPXW",
            Root::Ndx => "NDX",
            Root::Ndxp => "NDXP",
        }
    }

    /// When its series settle.
    #[must_use]
    pub const fn settle(self) -> Settle {
        match self {
            Root::Spx | Root::Ndx => Settle::Am,
            Root::Spxw | Root::Ndxp => Settle::Pm,
        }
    }

    /// Its index.
    #[must_use]
    pub const fn underlying(self) -> Underlying {
        match self {
            Root::Spx | Root::Spxw => Underlying::Spx,
            Root::Ndx | Root::Ndxp => Underlying::Ndx,
        }
    }
}

/// The instant at which series of `root` that expire on `expiry` settle. On a date for which the
/// calendar has no session the plain clock time stands: a series may be listed for a day that a
/// later holiday closes.
#[must_use]
pub fn settle_ts(calendar: &Calendar, root: Root, expiry: Date) -> Ts {
    match root.settle() {
        Settle::Am => calendar.new_york(expiry, time(9, 30, 0, 0)),
        Settle::Pm => calendar
            .option_close(expiry)
            .unwrap_or_else(|| calendar.new_york(expiry, time(16, 0, 0, 0))),
    }
}

/// Which ticker letters are which root.
#[derive(Clone, Copy, Debug)]
pub struct Roots(pub &'static [(&'static str, Root)]);

impl Roots {
    /// The product's own roots.
    pub const PRODUCT: Roots = Roots(&[
        ("SPX", Root::Spx),
        ("SPXW", Root::Spxw),
        ("NDX", Root::Ndx),
        ("NDXP", Root::Ndxp),
    ]);

    /// The root of some letters: all of them, not a prefix.
    #[must_use]
    pub fn of(&self, letters: &str) -> Option<Root> {
        self.0.iter().find(|(name, _)| *name == letters).map(|&(_, root)| root)
    }
}

/// Call or put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Right {
    /// Call.
    #[serde(rename = "C")]
    Call,
    /// Put.
    #[serde(rename = "P")]
    Put,
}

/// Why a contract of a provider is not in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drop {
    /// The ticker cannot be read.
    Malformed,
    /// The root is none of the underlying's.
    RootForeign,
    /// Ticker and stated details disagree.
    DetailsMismatch,
    /// Neither call nor put.
    RightOther,
    /// A multiplier other than 100.
    Multiplier,
    /// It has settled.
    Expired,
    /// Given twice, alike.
    Duplicate,
    /// Outside the configured fetch filter.
    Filtered,
}

impl Drop {
    /// Name as it stands in `provenance.dropped`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Drop::Malformed => "malformed",
            Drop::RootForeign => "root_foreign",
            Drop::DetailsMismatch => "details_mismatch",
            Drop::RightOther => "right_other",
            Drop::Multiplier => "multiplier",
            Drop::Expired => "expired",
            Drop::Duplicate => "duplicate",
            Drop::Filtered => "filtered",
        }
    }
}

/// A ticker taken apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Osi {
    /// Its root.
    pub root: Root,
    /// Expiry date.
    pub expiry: Date,
    /// Call or put.
    pub right: Right,
    /// Strike in thousandths of an index point, above 0.
    pub strike_milli: u32,
}

impl Osi {
    /// Reads `ROOT` + `YYMMDD` + `C`/`P` + eight digits, with or without `O:` before it.
    ///
    /// # Errors
    /// [`Drop::Malformed`] or [`Drop::RootForeign`].
    pub fn parse(ticker: &str, roots: &Roots) -> Result<Osi, Drop> {
        let text = ticker.strip_prefix("O:").unwrap_or(ticker);
        let letters = text.len() - text.trim_start_matches(|c: char| c.is_ascii_uppercase()).len();
        let (letters, rest) = text.split_at_checked(letters).ok_or(Drop::Malformed)?;
        let (day, rest) = rest.split_at_checked(6).ok_or(Drop::Malformed)?;
        let (right, strike) = rest.split_at_checked(1).ok_or(Drop::Malformed)?;
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        if !digits(day) || !digits(strike) || strike.len() != 8 || letters.is_empty() {
            return Err(Drop::Malformed);
        }
        let root = roots.of(letters).ok_or(Drop::RootForeign)?;
        let right = match right {
            "C" => Right::Call,
            "P" => Right::Put,
            _ => return Err(Drop::Malformed),
        };
        let number = |t: Option<&str>| t.and_then(|t| t.parse::<i8>().ok());
        let (Some(year), Some(month), Some(day)) =
            (number(day.get(..2)), number(day.get(2..4)), number(day.get(4..)))
        else {
            return Err(Drop::Malformed);
        };
        let expiry = Date::new(2000 + i16::from(year), month, day).map_err(|_| Drop::Malformed)?;
        let strike_milli = strike.parse().ok().filter(|&s| s > 0).ok_or(Drop::Malformed)?;
        Ok(Osi { root, expiry, right, strike_milli })
    }

    /// Strike in index points.
    #[must_use]
    pub fn strike(&self) -> f64 {
        f64::from(self.strike_milli) / 1000.0
    }
}

impl std::fmt::Display for Osi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (root, day, strike) = (self.root.name(), self.expiry, self.strike_milli);
        let right = if self.right == Right::Call { 'C' } else { 'P' };
        let (y, m, d) = (day.year() % 100, day.month(), day.day());
        write!(f, "{root}{y:02}{m:02}{d:02}{right}{strike:08}")
    }
}
