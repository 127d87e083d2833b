//! The units of the core: prices in ticks, sizes in contracts, instants in nanoseconds, and
//! [`Slot`], a value or the reason why there is none.
//!
//! A float price ends at [`crate::feed`]; behind it only integers travel, so that equal input
//! gives equal bits. [`Px`] is bounded to ±2³⁰ ticks, hence a difference of two prices always
//! fits an `i32`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A price in ticks of its instrument, within ±[`Px::LIMIT`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Px(i32);

impl Px {
    /// Greatest absolute value of a price, in ticks.
    pub const LIMIT: i32 = 1 << 30;

    /// Zero ticks.
    pub const ZERO: Px = Px(0);

    /// A price of `ticks`, or `None` beyond ±[`Px::LIMIT`].
    #[must_use]
    pub const fn new(ticks: i32) -> Option<Px> {
        if ticks > -Px::LIMIT && ticks < Px::LIMIT { Some(Px(ticks)) } else { None }
    }

    /// The price nearest to `ticks` inside the limit; for arithmetic that stays near the market.
    #[must_use]
    pub fn clamped(ticks: i64) -> Px {
        let limit = i64::from(Px::LIMIT) - 1;
        Px(i32::try_from(ticks.clamp(-limit, limit)).unwrap_or(0))
    }

    /// The number of ticks.
    #[must_use]
    pub const fn ticks(self) -> i32 {
        self.0
    }

    /// `self − other` in ticks; cannot overflow.
    #[must_use]
    pub const fn minus(self, other: Px) -> i32 {
        self.0 - other.0
    }
}

/// A size in contracts.
pub type Qty = u32;

/// Greatest size of one print or level; beyond it a record is garbage (Sierra's own limit).
pub const QTY_MAX: Qty = i32::MAX as u32;

/// Nanoseconds since 1970-01-01 UTC, or [`Ts::NONE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[repr(transparent)]
pub struct Ts(pub i64);

/// Nanoseconds of one second.
pub const SECOND: i64 = 1_000_000_000;
/// Nanoseconds of one minute.
pub const MINUTE: i64 = 60 * SECOND;

impl Ts {
    /// "No time": smaller than every instant.
    pub const NONE: Ts = Ts(i64::MIN);
    /// Latest instant accepted from outside: 2200-01-01, so that sums of times cannot overflow.
    pub const MAX: Ts = Ts(7_258_118_400 * SECOND);

    /// An instant from outside: within 1970 to 2200, else [`Ts::NONE`].
    #[must_use]
    pub const fn from_outside(ns: i64) -> Ts {
        if ns > 0 && ns < Ts::MAX.0 { Ts(ns) } else { Ts::NONE }
    }

    /// Whether this is an instant.
    #[must_use]
    pub const fn is_some(self) -> bool {
        self.0 != i64::MIN
    }

    /// The instant, or `fallback` where there is none.
    #[must_use]
    pub const fn or(self, fallback: Ts) -> Ts {
        if self.is_some() { self } else { fallback }
    }

    /// `self − earlier` in ns, 0 where either is missing or the order is reversed.
    #[must_use]
    pub const fn since(self, earlier: Ts) -> i64 {
        if self.is_some() && earlier.is_some() && self.0 > earlier.0 {
            self.0.saturating_sub(earlier.0)
        } else {
            0
        }
    }

    /// The whole second at or before this instant, in seconds.
    #[must_use]
    pub const fn second(self) -> i64 {
        self.0.div_euclid(SECOND)
    }
}

impl fmt::Display for Ts {
    /// RFC 3339 in UTC with nine decimals, or `-` for [`Ts::NONE`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(t) if self.is_some() => write!(f, "{t:.9}"),
            _ => f.write_str("-"),
        }
    }
}

/// Why a value is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum Reason {
    /// It has one.
    Present = 0,
    /// An input is missing.
    NoInput = 1,
    /// The input is too old.
    Stale = 2,
    /// The stated sample is not complete yet.
    Warmup = 3,
    /// The sample is complete but too small.
    InsufficientSample = 4,
    /// A division by zero would be needed.
    ZeroDenominator = 5,
    /// The market is closed or halted.
    OutOfSession = 6,
    /// The book is crossed or locked.
    CrossedBook = 7,
    /// The input contradicts itself.
    InvalidInput = 8,
    /// The input is simulated where a real one is needed.
    SimulatedSource = 9,
    /// Not computed by this build.
    Disabled = 10,
}

impl Reason {
    /// All of them, by their codes.
    pub const ALL: [Reason; 11] = [
        Reason::Present,
        Reason::NoInput,
        Reason::Stale,
        Reason::Warmup,
        Reason::InsufficientSample,
        Reason::ZeroDenominator,
        Reason::OutOfSession,
        Reason::CrossedBook,
        Reason::InvalidInput,
        Reason::SimulatedSource,
        Reason::Disabled,
    ];

    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Present => "PRESENT",
            Reason::NoInput => "NO_INPUT",
            Reason::Stale => "STALE",
            Reason::Warmup => "WARMUP",
            Reason::InsufficientSample => "INSUFFICIENT_SAMPLE",
            Reason::ZeroDenominator => "ZERO_DENOMINATOR",
            Reason::OutOfSession => "OUT_OF_SESSION",
            Reason::CrossedBook => "CROSSED_BOOK",
            Reason::InvalidInput => "INVALID_INPUT",
            Reason::SimulatedSource => "SIMULATED_SOURCE",
            Reason::Disabled => "DISABLED",
        }
    }
}

/// A value, or the reason why there is none (the number is then 0).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    /// The value, 0 without one.
    pub(crate) number: f64,
    /// [`Reason::Present`] with a value.
    pub reason: Reason,
}

impl Slot {
    /// No value.
    #[must_use]
    pub const fn none(reason: Reason) -> Slot {
        Slot { number: 0.0, reason }
    }

    /// A value; NaN and infinities become `INVALID_INPUT`.
    #[must_use]
    pub const fn some(value: f64) -> Slot {
        if value.is_finite() {
            Slot { number: value, reason: Reason::Present }
        } else {
            Slot::none(Reason::InvalidInput)
        }
    }

    /// `value` where `reason` is [`Reason::Present`].
    #[must_use]
    pub const fn new(value: f64, reason: Reason) -> Slot {
        if matches!(reason, Reason::Present) { Slot::some(value) } else { Slot::none(reason) }
    }

    /// The value.
    #[must_use]
    pub const fn value(&self) -> Option<f64> {
        if matches!(self.reason, Reason::Present) { Some(self.number) } else { None }
    }
}

/// Index of a symbol in the run's instrument list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct SymbolId(pub u16);

/// Most symbols in one run.
pub const SYMBOLS_MAX: usize = 16;

/// A side of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Side {
    /// Resting buyers.
    Bid = 1,
    /// Resting sellers.
    Ask = 2,
}

/// Who crossed the spread in a trade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Aggressor {
    /// The feed says that nobody did, or does not know: counts in volume, in no side.
    #[default]
    None = 0,
    /// The buyer, at the ask or higher.
    Buy = 1,
    /// The seller, at the bid or lower.
    Sell = 2,
}

impl Aggressor {
    /// +1 for a buyer, −1 for a seller, 0 for none.
    #[must_use]
    pub const fn sign(self) -> i64 {
        match self {
            Aggressor::None => 0,
            Aggressor::Buy => 1,
            Aggressor::Sell => -1,
        }
    }
}

/// One tradable symbol of the run: its name at the source and its grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Instrument {
    /// Name at the source, such as `ESH4` or `MNQU21-CME`.
    pub symbol: String,
    /// Root product such as `ES`; empty when unknown.
    pub root: String,
    /// Tick size in points.
    pub tick: f64,
    /// USD per point and contract, where the table knows the root.
    pub multiplier: Option<f64>,
}

/// Root, tick in points, USD per point (CME contract specifications).
const ROOTS: [(&str, f64, f64); 4] =
    [("MES", 0.25, 5.0), ("MNQ", 0.25, 2.0), ("ES", 0.25, 50.0), ("NQ", 0.25, 20.0)];

impl Instrument {
    /// Looks `symbol` up in the instrument table by its root: the root, then a CME month code and
    /// year, a separator or the end. `None` for an unknown root: the caller must be told the tick.
    #[must_use]
    pub fn from_symbol(symbol: &str) -> Option<Instrument> {
        let name = symbol.rsplit(['/', '\\']).next().unwrap_or(symbol);
        let name = name.strip_prefix("F.US.").unwrap_or(name);
        ROOTS.iter().find(|(root, ..)| has_root(name, root)).map(|&(root, tick, multiplier)| {
            Instrument {
                symbol: symbol.to_owned(),
                root: root.to_owned(),
                tick,
                multiplier: Some(multiplier),
            }
        })
    }

    /// A symbol whose tick the user gave.
    ///
    /// # Errors
    /// The text of the problem when `tick` is not a positive finite number.
    pub fn with_tick(symbol: &str, tick: f64) -> Result<Instrument, String> {
        if !(tick.is_finite() && tick > 0.0) {
            return Err(format!("tick size of {symbol} must be above 0, got {tick}"));
        }
        let known = Instrument::from_symbol(symbol);
        Ok(Instrument {
            symbol: symbol.to_owned(),
            root: known.as_ref().map(|k| k.root.clone()).unwrap_or_default(),
            tick,
            multiplier: known.and_then(|k| k.multiplier),
        })
    }

    /// A price in points.
    #[must_use]
    pub fn points(&self, px: Px) -> f64 {
        f64::from(px.ticks()) * self.tick
    }
}

fn has_root(name: &str, root: &str) -> bool {
    let Some(rest) = name.strip_prefix(root) else { return false };
    let mut rest = rest.chars();
    match rest.next() {
        None => true,
        Some(c) if "FGHJKMNQUVXZ".contains(c) => rest.next().is_none_or(|d| d.is_ascii_digit()),
        Some(c) => !c.is_ascii_alphanumeric(),
    }
}

/// Converts float prices of a source to ticks of one instrument.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    per_point: f64,
}

/// Why a price did not become ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GridError {
    /// Not finite, or beyond [`Px::LIMIT`].
    OutOfRange,
    /// More than a tenth of a tick away from the grid: the increment is probably wrong.
    OffGrid,
}

impl Grid {
    /// A grid of `tick` points; wire prices are multiplied by `display_multiplier` first.
    /// `None` unless both are positive and finite.
    #[must_use]
    pub fn new(tick: f64, display_multiplier: f64) -> Option<Grid> {
        // The multiplier travels as f32 (0.00999999977 for 0.01): undo that rounding.
        let multiplier = (display_multiplier * 1e6).round() / 1e6;
        let per_point = multiplier / tick;
        (tick > 0.0 && multiplier > 0.0 && per_point.is_finite() && per_point > 0.0)
            .then_some(Grid { per_point })
    }

    /// The price in ticks.
    ///
    /// # Errors
    /// [`GridError`] for what is not a price on this grid.
    #[inline]
    pub fn ticks(self, price: f64) -> Result<Px, GridError> {
        let exact = price * self.per_point;
        if exact.is_nan() || exact.abs() >= f64::from(Px::LIMIT) {
            return Err(GridError::OutOfRange);
        }
        // In range by the check above. Truncating conversions are single instructions where
        // `round` is a call.
        let rounded = (exact + 0.5_f64.copysign(exact)) as i32;
        if (exact - f64::from(rounded)).abs() > 0.1 {
            return Err(GridError::OffGrid);
        }
        Px::new(rounded).ok_or(GridError::OutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots() {
        for (symbol, root) in [
            ("ESH4", "ES"),
            ("MESU24-CME", "MES"),
            ("MNQU21-CME", "MNQ"),
            ("NQ", "NQ"),
            ("ES-10-records", "ES"),
            ("F.US.MESM25", "MES"),
        ] {
            assert_eq!(Instrument::from_symbol(symbol).map(|i| i.root).as_deref(), Some(root));
        }
        for symbol in ["ESTX50", "CLZ4", "", "NQX-Y"] {
            let found = Instrument::from_symbol(symbol);
            assert!(found.is_none() || symbol == "NQX-Y", "{symbol} {found:?}");
        }
    }

    #[test]
    fn grid() {
        let es = Grid::new(0.25, 1.0).expect("grid");
        assert_eq!(es.ticks(4800.25), Ok(Px(19201)));
        assert_eq!(es.ticks(4800.2), Err(GridError::OffGrid));
        assert_eq!(es.ticks(f64::MAX), Err(GridError::OutOfRange));
        assert_eq!(es.ticks(f64::NAN), Err(GridError::OutOfRange));
        let scaled = Grid::new(0.25, f64::from(0.01_f32)).expect("grid");
        assert_eq!(scaled.ticks(282_825.0), Ok(Px(11313)));
        assert!(Grid::new(0.0, 1.0).is_none());
    }

    #[test]
    fn times() {
        assert_eq!(Ts::from_outside(-5), Ts::NONE);
        assert_eq!(Ts(1_703_545_200_105_900_877).to_string(), "2023-12-25T23:00:00.105900877Z");
        assert_eq!(Ts::NONE.to_string(), "-");
        assert_eq!(Ts(5).since(Ts::NONE), 0);
    }
}
