//! Rows for learning: the features as they were at the decision, and in columns with `y_` what
//! followed. Written as trades end; the Parquet file of a day is made from its CSV.

use std::fs::File;
use std::io;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::groups::{feature, regime_name};
use crate::analytics::Verdict;
use crate::calendar::Label;
use crate::decision::Tier;
use crate::features::frame::FEATURES;
use crate::store::options::folders::parse_ts;
use crate::store::parquet::{Cells, table};
use crate::store::staged::named;
use crate::trader::note::Closed;

/// Columns before the features.
const BEFORE: [&str; 5] = ["trade_id", "ts_decision", "symbol", "mode", "preset"];
/// Columns after them. New ones go at the end.
const AFTER: [&str; 14] = [
    "coverage",
    "D",
    "score",
    "tier",
    "session",
    "regime",
    "vix",
    "battle_navale",
    "dealers_bias",
    "feature_schema_hash",
    "y_exit_reason",
    "y_r",
    "y_win",
    "y_minutes",
];
/// Columns that hold a text; all others but `ts_decision` hold a number.
const TEXTS: [&str; 9] = [
    "trade_id",
    "symbol",
    "mode",
    "preset",
    "tier",
    "session",
    "regime",
    "feature_schema_hash",
    "y_exit_reason",
];

/// Names of all columns, in order.
#[must_use]
pub fn columns() -> Vec<String> {
    let features = (1..=FEATURES).map(|number| format!("f{number:02}"));
    let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<String>>();
    own(&BEFORE).into_iter().chain(features).chain(own(&AFTER)).collect()
}

/// The header line.
pub(super) fn head() -> String {
    columns().join(",") + "\n"
}

/// What a row is made from: nothing of it but the `y_` columns is later than the decision.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) closed: &'a Closed,
    pub(super) symbol: &'a str,
    pub(super) mode: &'a str,
    pub(super) preset: &'a str,
    pub(super) schema_hash: &'a str,
}

impl Row<'_> {
    /// The row as a line of CSV.
    ///
    /// # Errors
    /// What the CSV crate says.
    pub(super) fn line(&self) -> Result<String> {
        let of = self.closed;
        let number = |n: Option<f64>| n.map_or_else(String::new, |n| n.to_string());
        let mut cells: Vec<String> = vec![
            of.trade.to_string(),
            of.decided.map_or_else(String::new, |ts| ts.to_string()),
            self.symbol.to_owned(),
            self.mode.to_owned(),
            self.preset.to_owned(),
        ];
        cells.extend(of.features.iter().map(|slot| number(slot.value())));
        let [regime, _] = of.regime;
        // A flat trade is neither class: its cell is empty.
        let verdict = of.net_usd().zip(of.fees_usd).map(|(net, fees)| Verdict::of(net, fees));
        let win = match verdict {
            Some(Verdict::Win) => Some(1.0),
            Some(Verdict::Loss) => Some(0.0),
            Some(Verdict::Flat) | None => None,
        };
        let both = of.entry_time.is_some() && of.exit_time.is_some();
        let minutes = both.then(|| of.exit_time.since(of.entry_time) as f64 / 6e10);
        cells.extend([
            number(of.coverage),
            number(of.d),
            number(of.d.map(|d| 100.0 * d.abs())),
            of.tier.map(Tier::name).unwrap_or_default().to_owned(),
            of.label.map(Label::name).unwrap_or_default().to_owned(),
            regime_name(regime).unwrap_or_default().to_owned(),
            number(of.vix),
            number(feature(&of.features, 28).value()),
            number(feature(&of.features, 6).value()),
            self.schema_hash.to_owned(),
            of.reason.name().to_owned(),
            number(of.r()),
            number(win),
            number(minutes),
        ]);
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        writer.write_record(&cells)?;
        Ok(String::from_utf8(writer.into_inner().map_err(|e| e.into_error())?)?)
    }
}

/// Writes the rows of `from`, a CSV file of this module, as Parquet. Returns how many there were.
///
/// # Errors
/// With the path of what cannot be read or written, and the cell that is not of its column's type.
pub fn parquet(from: &Path, to: &Path) -> Result<u64> {
    let name = || from.display().to_string();
    let mut reader = csv::Reader::from_reader(File::open(from).with_context(name)?);
    let names: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
    let rows = reader.records().collect::<csv::Result<Vec<_>>>().with_context(name)?;
    let mut columns = Vec::new();
    for (at, name) in names.into_iter().enumerate() {
        let cells = rows.iter().map(|row| row.get(at).filter(|cell| !cell.is_empty()));
        let cells = cells_of(&name, cells).with_context(|| format!("column {name}"))?;
        columns.push((name, cells));
    }
    table(to, "ml_features", columns)?;
    Ok(rows.len() as u64)
}

fn cells_of<'a>(name: &str, cells: impl Iterator<Item = Option<&'a str>>) -> Result<Cells> {
    Ok(if TEXTS.contains(&name) {
        Cells::Text(cells.map(|cell| cell.map(str::to_owned)).collect())
    } else if name == "ts_decision" {
        let ns = |cell: &str| parse_ts(cell).map(|ts| ts.0).with_context(|| cell.to_owned());
        Cells::Time(cells.map(|cell| cell.map(ns).transpose()).collect::<Result<_>>()?)
    } else {
        let number = |cell: &str| cell.parse().with_context(|| cell.to_owned());
        Cells::Number(cells.map(|cell| cell.map(number).transpose()).collect::<Result<_>>()?)
    })
}

/// Refuses a file whose columns are not those of [`columns`] in their order.
///
/// # Errors
/// With the path.
pub fn check(path: &Path) -> Result<()> {
    let file = File::open(path).map_err(|e: io::Error| named(path, &e))?;
    let mut reader = csv::Reader::from_reader(file);
    let names = reader.headers()?.clone();
    if !names.iter().eq(columns().iter().map(String::as_str)) {
        bail!("{}: columns are not those of this version", path.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_a_contract() {
        let expected = "trade_id,ts_decision,symbol,mode,preset,f01,f02,f03,f04,f05,f06,f07,f08,\
                        f09,f10,f11,f12,f13,f14,f15,f16,f17,f18,f19,f20,f21,f22,f23,f24,f25,f26,\
                        f27,f28,coverage,D,score,tier,session,regime,vix,battle_navale,\
                        dealers_bias,feature_schema_hash,y_exit_reason,y_r,y_win,y_minutes\n";
        assert_eq!(head(), expected);
    }
}
