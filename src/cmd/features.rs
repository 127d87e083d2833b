//! `mia features`: the catalogue of the 28 features, and the columns of a feature table.

use std::io::Write;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use crate::decision::{PRESETS, Preset};
use crate::features::CATALOGUE;
use crate::features::catalogue::Entry;
use crate::store::columns;

/// Arguments of `mia features`.
#[derive(Args, Debug)]
pub struct FeaturesArgs {
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
    /// List the columns that `mia replay --features` writes instead.
    #[arg(long)]
    columns: bool,
}

#[derive(Debug, Serialize)]
struct Listed {
    number: usize,
    name: &'static str,
    low: f64,
    high: f64,
    updates: &'static str,
    baseline: &'static str,
    warm_up: &'static str,
    /// Preset and weight, for each preset that uses it.
    weights: Vec<(&'static str, f64)>,
    definition: &'static str,
}

#[derive(Debug, Serialize)]
struct ListedColumn {
    name: String,
    unit: &'static str,
    definition: String,
}

/// Runs it.
///
/// # Errors
/// Where the output is closed.
pub fn run(args: &FeaturesArgs, out: &mut dyn Write) -> Result<()> {
    if args.columns {
        let all: Vec<ListedColumn> = columns()
            .into_iter()
            .map(|c| ListedColumn {
                name: c.name.into_owned(),
                unit: c.unit,
                definition: c.doc.into_owned(),
            })
            .collect();
        if args.json {
            writeln!(out, "{}", simd_json::to_string(&all)?)?;
            return Ok(());
        }
        for column in all {
            writeln!(out, "{:<32} {:<10} {}", column.name, column.unit, column.definition)?;
        }
        return Ok(());
    }
    let presets: Vec<Preset> = PRESETS.iter().filter_map(|name| Preset::named(name)).collect();
    let all: Vec<Listed> = CATALOGUE.iter().map(|entry| listed(entry, &presets)).collect();
    if args.json {
        writeln!(out, "{}", simd_json::to_string(&all)?)?;
    } else {
        write!(out, "{}", table(&all))?;
    }
    Ok(())
}

fn listed(entry: &Entry, presets: &[Preset]) -> Listed {
    let weights = PRESETS.iter().zip(presets).filter_map(|(&name, preset)| {
        let item = preset.items.iter().find(|item| item.feature == entry.number)?;
        Some((name, item.weight))
    });
    Listed {
        number: entry.number,
        name: entry.name,
        low: entry.low,
        high: entry.high,
        updates: entry.updates.name(),
        baseline: entry.baseline.name(),
        warm_up: entry.warm_up,
        weights: weights.collect(),
        definition: entry.definition,
    }
}

/// The catalogue for people: a line a feature with its numbers, a line with its meaning.
fn table(all: &[Listed]) -> String {
    let mut text =
        format!("{:>2} {:<25} {:>7}  {:<8} {:<9}", "#", "name", "range", "updates", "baseline");
    for name in PRESETS {
        text.push_str(&format!("{name:>14}"));
    }
    text.push_str("  warm-up\n");
    for one in all {
        let range = format!("[{}, {}]", one.low, one.high);
        text.push_str(&format!(
            "{:>2} {:<25} {range:>7}  {:<8} {:<9}",
            one.number, one.name, one.updates, one.baseline
        ));
        for name in PRESETS {
            let weight = one.weights.iter().find(|(preset, _)| *preset == name);
            let weight = weight.map_or_else(|| "-".to_owned(), |(_, weight)| weight.to_string());
            text.push_str(&format!("{weight:>14}"));
        }
        text.push_str(&format!("  {}\n   {}\n", one.warm_up, one.definition));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(json: bool, columns: bool) -> String {
        let mut out = Vec::new();
        run(&FeaturesArgs { json, columns }, &mut out).expect("printed");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn the_catalogue_shows_every_weight() {
        let text = printed(false, false);
        assert_eq!(text.lines().count(), 1 + 2 * CATALOGUE.len());
        let line = text.lines().find(|l| l.contains("order_book_imbalance")).expect("17");
        for cell in ["17 ", "[-1, 1]", " 15 ", " 0.15 ", " 25 "] {
            assert!(line.contains(cell), "{cell} in {line}");
        }
        let unsigned = text.lines().find(|l| l.contains("volatility_regime")).expect("27");
        assert!(unsigned.contains("[0, 1]") && unsigned.matches(" - ").count() >= 3);
    }

    #[test]
    fn json_is_one_array() {
        for (columns, least) in [(false, 28), (true, 80)] {
            let mut text = printed(true, columns).into_bytes();
            let value: Vec<simd_json::OwnedValue> =
                simd_json::from_slice(&mut text).expect("an array");
            assert!(value.len() >= least, "{}", value.len());
        }
    }
}
