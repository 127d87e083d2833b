//! What a row holds: one table of columns, in their order in every file.
//!
//! Prices and distances are in points, sizes in contracts, instants in UTC. A cell without a value
//! is empty (CSV) or null (Parquet); a feature without one says why in the column after it. New
//! columns go at the end of `behind::BEHIND`, so that a reader by position keeps working.

use std::borrow::Cow;

use super::behind;
use super::rows::Due;
use crate::book::{BookState, Level};
use crate::context::Context;
use crate::decision::{Confluence, Decision};
use crate::event::flag;
use crate::features::{CATALOGUE, Frame, Slot, SymbolFeatures, imbalance};
use crate::units::{Instrument, Px, Ts};

/// Everything that a row is made from.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The symbol.
    pub instrument: &'a Instrument,
    /// Its features after the event that made the row due.
    pub features: &'a SymbolFeatures,
    /// The decision after that event.
    pub decision: &'a Decision,
    /// The context that the event was decided with.
    pub context: &'a Context,
    /// The row's bar and session.
    pub due: Due,
}

impl<'a> Sample<'a> {
    pub(super) fn frame(&self) -> &'a Frame {
        self.features.frame()
    }

    fn feature(&self, number: usize) -> Slot {
        self.decision.slot(number, self.frame())
    }

    fn confluence(&self) -> Confluence {
        self.decision.confluence(self.frame().event.symbol)
    }

    pub(super) fn points(&self, px: Px) -> f64 {
        self.instrument.points(px)
    }

    /// A distance or a mean price, from ticks to points.
    pub(super) fn scaled(&self, ticks: f64) -> f64 {
        ticks * self.instrument.tick
    }

    /// VWAP moved by `deviations` bands, in points; `None` before the first bar of its anchor.
    fn band(&self, deviations: f64) -> Option<f64> {
        let frame = self.frame();
        let known = frame.vwap != 0.0 || frame.vwap_sd != 0.0;
        known.then(|| self.scaled(frame.vwap + deviations * frame.vwap_sd))
    }

    fn bid(&self) -> Option<Level> {
        self.features.book().bids().best()
    }

    fn ask(&self) -> Option<Level> {
        self.features.book().asks().best()
    }
}

/// How a column's cells are found; the variant is the column's type.
#[derive(Clone, Copy, Debug)]
pub enum Get {
    /// An instant.
    Time(fn(&Sample<'_>) -> Option<Ts>),
    /// Days since 1970-01-01.
    Date(fn(&Sample<'_>) -> Option<i32>),
    /// One of a few texts.
    Text(for<'s> fn(&Sample<'s>) -> &'s str),
    /// True or false.
    Flag(fn(&Sample<'_>) -> Option<bool>),
    /// A whole number.
    Count(fn(&Sample<'_>) -> Option<i64>),
    /// A number.
    Number(fn(&Sample<'_>) -> Option<f64>),
    /// Value of a feature, 1 to 28.
    Feature(usize),
    /// Why that feature has no value, or `PRESENT`.
    Reason(usize),
}

/// A cell of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// See [`Get::Time`].
    Time(Option<Ts>),
    /// See [`Get::Date`].
    Date(Option<i32>),
    /// See [`Get::Text`].
    Text(&'a str),
    /// See [`Get::Flag`].
    Flag(Option<bool>),
    /// See [`Get::Count`].
    Count(Option<i64>),
    /// See [`Get::Number`]; never NaN.
    Number(Option<f64>),
}

/// A column of every table.
#[derive(Clone, Debug)]
pub struct Column {
    /// Name in the header.
    pub name: Cow<'static, str>,
    /// Unit of its values, empty where there is none.
    pub unit: &'static str,
    /// What it says, in one line.
    pub doc: Cow<'static, str>,
    /// Its cells.
    pub get: Get,
}

impl Column {
    /// The cell of one row.
    #[must_use]
    pub fn cell<'s>(&self, sample: &Sample<'s>) -> Cell<'s> {
        match self.get {
            Get::Time(get) => Cell::Time(get(sample).filter(|ts| ts.is_some())),
            Get::Date(get) => Cell::Date(get(sample)),
            Get::Text(get) => Cell::Text(get(sample)),
            Get::Flag(get) => Cell::Flag(get(sample)),
            Get::Count(get) => Cell::Count(get(sample)),
            Get::Number(get) => Cell::Number(get(sample).filter(|n| n.is_finite())),
            Get::Feature(number) => Cell::Number(sample.feature(number).value()),
            Get::Reason(number) => Cell::Text(sample.feature(number).reason.name()),
        }
    }
}

/// A line of [`PLACE`] or [`RAW`]: name, unit, what it says, cells.
pub(super) type Line = (&'static str, &'static str, &'static str, Get);

/// Every column: when and where, the features, what the preset makes of them, what is behind them.
#[must_use]
pub fn columns() -> Vec<Column> {
    let own = |&(name, unit, doc, get): &Line| Column {
        name: Cow::Borrowed(name),
        unit,
        doc: Cow::Borrowed(doc),
        get,
    };
    let mut all: Vec<Column> = PLACE.iter().map(own).collect();
    for entry in &CATALOGUE {
        all.push(Column {
            name: Cow::Borrowed(entry.name),
            unit: "",
            doc: Cow::Owned(format!("feature {}: {}", entry.number, entry.definition)),
            get: Get::Feature(entry.number),
        });
        all.push(Column {
            name: Cow::Owned(format!("{}_reason", entry.name)),
            unit: "",
            doc: Cow::Owned(format!("PRESENT, or why feature {} has no value", entry.number)),
            get: Get::Reason(entry.number),
        });
    }
    all.extend(RAW.iter().chain(behind::BEHIND).map(own));
    all
}

/// When, where, and the bar.
const PLACE: &[Line] = &[
    ("symbol", "", "name of the symbol at its source", Get::Text(|s| &s.instrument.symbol)),
    (
        "time",
        "UTC",
        "market time at which all of the row was known",
        Get::Time(|s| Some(s.frame().market_time)),
    ),
    (
        "bar_end",
        "UTC",
        "first instant after the bar",
        Get::Time(|s| s.due.bar.map(|bar| bar.end())),
    ),
    (
        "session",
        "",
        "session label of the bar (of time, where rows do not follow bars)",
        Get::Text(|s| s.due.segment.label.name()),
    ),
    ("trade_date", "", "trade date of that session", Get::Date(|s| Some(s.due.segment.trade_day))),
    (
        "rth",
        "",
        "whether VWAP and profile are those of the cash session",
        Get::Flag(|s| Some(s.features.minutes().is_rth())),
    ),
    (
        "warmup",
        "",
        "whether the event only warmed the run up",
        Get::Flag(|s| Some(s.frame().event.has(flag::WARMUP))),
    ),
    (
        "empty_bar",
        "",
        "whether the bar holds no trade",
        Get::Flag(|s| Some(s.due.bar?.volume == 0)),
    ),
    ("open", "points", "first price of the bar", Get::Number(|s| Some(s.points(s.due.bar?.open)))),
    ("high", "points", "highest price", Get::Number(|s| Some(s.points(s.due.bar?.high)))),
    ("low", "points", "lowest price", Get::Number(|s| Some(s.points(s.due.bar?.low)))),
    ("close", "points", "last price", Get::Number(|s| Some(s.points(s.due.bar?.close)))),
    ("volume", "contracts", "contracts traded in the bar", Get::Count(|s| Some(s.due.bar?.volume))),
    (
        "delta",
        "contracts",
        "bought minus sold by aggressors in the bar",
        Get::Count(|s| Some(s.due.bar?.delta())),
    ),
];

/// What the preset says, VWAP, sums and book.
const RAW: &[Line] = &[
    (
        "preset",
        "",
        "name of the weights behind the score",
        Get::Text(|s| &s.decision.preset().name),
    ),
    (
        "coverage",
        "",
        "share of the preset's weight that is present",
        Get::Number(|s| Some(s.confluence().coverage)),
    ),
    ("d", "", "signed confluence, -1 to 1", Get::Number(|s| Some(s.confluence().d))),
    ("score", "", "100 times its size", Get::Number(|s| Some(s.confluence().score))),
    ("vwap", "points", "VWAP of the active anchor at the bar close", Get::Number(|s| s.band(0.0))),
    (
        "vwap_sd",
        "points",
        "its volume-weighted standard deviation",
        Get::Number(|s| Some(s.band(1.0)? - s.band(0.0)?)),
    ),
    ("vwap_plus_1sd", "points", "VWAP and 1 deviation", Get::Number(|s| s.band(1.0))),
    ("vwap_plus_2sd", "points", "VWAP and 2 deviations", Get::Number(|s| s.band(2.0))),
    ("vwap_plus_3sd", "points", "VWAP and 3 deviations", Get::Number(|s| s.band(3.0))),
    ("vwap_minus_1sd", "points", "VWAP less 1 deviation", Get::Number(|s| s.band(-1.0))),
    ("vwap_minus_2sd", "points", "VWAP less 2 deviations", Get::Number(|s| s.band(-2.0))),
    ("vwap_minus_3sd", "points", "VWAP less 3 deviations", Get::Number(|s| s.band(-3.0))),
    (
        "cvd",
        "contracts",
        "cumulative delta since the active anchor, at time",
        Get::Count(|s| Some(s.frame().cvd)),
    ),
    (
        "poc",
        "points",
        "point of control that feature 23 reads",
        Get::Number(|s| Some(s.points(s.frame().area?.poc))),
    ),
    (
        "vah",
        "points",
        "upper edge of its value area",
        Get::Number(|s| Some(s.points(s.frame().area?.vah))),
    ),
    (
        "val",
        "points",
        "lower edge of its value area",
        Get::Number(|s| Some(s.points(s.frame().area?.val))),
    ),
    (
        "atr20",
        "points",
        "average true range of 20 one-minute bars",
        Get::Number(|s| Some(s.scaled(s.frame().atr20?))),
    ),
    (
        "book_state",
        "",
        "how the sides of the book stand",
        Get::Text(|s| book_state(s.frame().book)),
    ),
    ("bid", "points", "best bid", Get::Number(|s| Some(s.points(s.bid()?.px)))),
    ("bid_size", "contracts", "size there", Get::Count(|s| Some(i64::from(s.bid()?.qty)))),
    ("ask", "points", "best ask", Get::Number(|s| Some(s.points(s.ask()?.px)))),
    ("ask_size", "contracts", "size there", Get::Count(|s| Some(i64::from(s.ask()?.qty)))),
    (
        "imbalance_1",
        "",
        "size imbalance of the touch at time, neither shrunk nor smoothed",
        Get::Number(|s| imbalance::instant(s.features.book(), 1)),
    ),
    (
        "imbalance_5",
        "",
        "of five levels",
        Get::Number(|s| imbalance::instant(s.features.book(), 5)),
    ),
    (
        "imbalance_10",
        "",
        "of ten levels",
        Get::Number(|s| imbalance::instant(s.features.book(), 10)),
    ),
    (
        "ofi_1s",
        "contracts",
        "order-flow imbalance of the last second",
        Get::Count(|s| Some(ofi(s, 0))),
    ),
    ("ofi_10s", "contracts", "of the last 10 seconds", Get::Count(|s| Some(ofi(s, 1)))),
    ("ofi_60s", "contracts", "of the last minute", Get::Count(|s| Some(ofi(s, 2)))),
    (
        "prints",
        "",
        "prints (merged trades) so far",
        Get::Count(|s| i64::try_from(s.features.prints()).ok()),
    ),
    (
        "context_version",
        "",
        "version of the option and volatility context, 0 = none",
        Get::Count(|s| i64::try_from(s.context.version).ok()),
    ),
];

const fn book_state(state: BookState) -> &'static str {
    match state {
        BookState::Empty => "EMPTY",
        BookState::OneSided => "ONE_SIDED",
        BookState::Normal => "NORMAL",
        BookState::Locked => "LOCKED",
        BookState::Crossed => "CROSSED",
    }
}

fn ofi(sample: &Sample<'_>, window: usize) -> i64 {
    sample.frame().ofi.get(window).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_their_own_and_say_what_they_are() {
        let all = columns();
        for (at, column) in all.iter().enumerate() {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(column.name.chars().all(plain), "{}", column.name);
            assert!(!column.doc.is_empty() && !column.doc.ends_with('.'), "{}", column.name);
            assert!(all.iter().take(at).all(|other| other.name != column.name), "{}", column.name);
        }
        let features = all.iter().filter(|c| matches!(c.get, Get::Feature(_)));
        assert!(features.map(|c| &*c.name).eq(CATALOGUE.iter().map(|e| e.name)));
    }
}
