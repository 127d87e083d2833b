//! Parameter sets: a configuration with keys changed, one by one or in a grid.

use anyhow::{Context as _, Result, anyhow, bail};
use toml::{Table, Value};

use crate::config::Config;

/// Most sets of one grid.
const SETS_MAX: usize = 10_000;

/// What is changed of a configuration to try it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Set {
    /// What is changed, `key=value` by key; empty for the configuration as it is.
    pub(super) label: String,
    changes: Vec<(String, Value)>,
}

impl Set {
    /// The configuration `base` with the changes.
    ///
    /// # Errors
    /// With the key, or with the set that the configuration refuses.
    pub(super) fn config(&self, base: &Config) -> Result<Config> {
        let mut table: Table = toml::from_str(&base.to_text()).context("the configuration")?;
        for (key, value) in &self.changes {
            put(&mut table, key, value.clone())?;
        }
        let text = toml::to_string(&table)?;
        Config::parse(&text).map_err(|e| anyhow!("set `{}`: {e}", self.label))
    }

    fn new(changes: Vec<(String, Value)>) -> Set {
        let label: Vec<String> = changes.iter().map(|(key, v)| format!("{key}={v}")).collect();
        Set { label: label.join(" "), changes }
    }
}

/// The changes of `fixed`, each `key=value`, with every combination of the grid's values (its keys
/// in alphabetical order, the last one changing fastest).
///
/// A key is a dotted path as in the file (`decision.gate`), a value is written as in TOML; a text
/// may be left without quotes.
///
/// # Errors
/// Where one is no `key=value`, or the grid is none.
pub(super) fn sets(fixed: &[String], grid: Option<&str>) -> Result<Vec<Set>> {
    let mut changes = Vec::new();
    for pair in fixed {
        let (key, value) = pair.split_once('=').ok_or_else(|| anyhow!("--set {pair}: no `=`"))?;
        changes.push((key.trim().to_owned(), value_of(value.trim())));
    }
    let axes = grid.map(axes).transpose()?.unwrap_or_default();
    let count = axes.iter().try_fold(1_usize, |n, axis| n.checked_mul(axis.1.len()));
    let count = count.filter(|&n| n <= SETS_MAX);
    let count = count.ok_or_else(|| anyhow!("the grid has more than {SETS_MAX} combinations"))?;
    let mut sets = Vec::with_capacity(count);
    for number in 0..count {
        let mut rest = number;
        let mut chosen = Vec::new();
        for (key, values) in axes.iter().rev() {
            let value = values.get(rest % values.len()).cloned();
            rest /= values.len();
            chosen.extend(value.map(|value| (key.clone(), value)));
        }
        let all = changes.iter().cloned().chain(chosen.into_iter().rev());
        sets.push(Set::new(all.collect()));
    }
    Ok(sets)
}

/// The changes of `set` and then the keys of the TOML text `changes`: the other side of a
/// comparison.
///
/// # Errors
/// Where the text is no TOML.
pub(super) fn changed(set: &Set, changes: &str) -> Result<Set> {
    let table: Table = toml::from_str(changes).context("changes")?;
    let mut all = set.changes.clone();
    leaves("", &table, &mut all);
    Ok(Set::new(all))
}

fn leaves(path: &str, table: &Table, keys: &mut Vec<(String, Value)>) {
    for (name, value) in table {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            Value::Table(inner) => leaves(&key, inner, keys),
            value => keys.push((key, value.clone())),
        }
    }
}

/// The grid's keys with their values: every key of the file holds a list.
fn axes(text: &str) -> Result<Vec<(String, Vec<Value>)>> {
    let table: Table = toml::from_str(text).context("grid")?;
    let mut axes = Vec::new();
    flatten("", &table, &mut axes)?;
    axes.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(axes)
}

fn flatten(path: &str, table: &Table, axes: &mut Vec<(String, Vec<Value>)>) -> Result<()> {
    for (name, value) in table {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            Value::Table(inner) => flatten(&key, inner, axes)?,
            Value::Array(values) if !values.is_empty() => axes.push((key, values.clone())),
            _ => bail!("grid: {key} must be a list of values to try"),
        }
    }
    Ok(())
}

fn value_of(text: &str) -> Value {
    let parsed = toml::from_str::<Table>(&format!("value = {text}"));
    let value = parsed.ok().and_then(|mut table| table.remove("value"));
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Sets a dotted path, making tables on the way.
fn put(table: &mut Table, path: &str, value: Value) -> Result<()> {
    match path.split_once('.') {
        None if path.is_empty() => bail!("a key without a name"),
        None => {
            // A whole number is a number: 30 for a key that holds 30.0.
            let value = match (table.get(path), value) {
                (Some(Value::Float(_)), Value::Integer(n)) => Value::Float(n as f64),
                (_, value) => value,
            };
            table.insert(path.to_owned(), value);
            Ok(())
        }
        Some((head, rest)) => {
            let inner = table.entry(head).or_insert_with(|| Value::Table(Table::new()));
            let Value::Table(inner) = inner else { bail!("{head} is no table: {path}") };
            put(inner, rest, value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_once() {
        let grid = "[decision]\ngate = [20.0, 30.0]\n[features]\ngrace_ms = [500, 1000, 2000]\n";
        let fixed = ["decision.preset = core".to_owned()];
        let sets = sets(&fixed, Some(grid)).expect("valid");
        let configs: Vec<Config> =
            sets.iter().map(|s| s.config(&Config::default()).expect("valid")).collect();
        let got: Vec<_> = configs.iter().map(|c| (c.decision.gate, c.features.grace_ms)).collect();
        let at = |gate, grace| (Some(gate), grace);
        assert_eq!(
            got,
            [
                at(20.0, 500),
                at(20.0, 1000),
                at(20.0, 2000),
                at(30.0, 500),
                at(30.0, 1000),
                at(30.0, 2000)
            ]
        );
        assert!(configs.iter().all(|c| c.decision.preset == "core"));
        let label = "decision.preset=\"core\" decision.gate=20.0 features.grace_ms=500";
        assert_eq!(sets.first().map(|s| s.label.as_str()), Some(label));
    }

    #[test]
    fn nothing_changed_is_one_set() {
        let sets = sets(&[], None).expect("valid");
        let [set] = sets.as_slice() else { panic!("one set") };
        let base = Config::parse("[trading]\nequity = 54321.0\n").expect("valid");
        assert_eq!((set.label.as_str(), set.config(&base).expect("as it is")), ("", base));
    }

    #[test]
    fn the_other_side_of_a_comparison_has_the_same_first_changes() {
        let sets = sets(&["decision.gate=30".to_owned()], None).expect("valid");
        let [a] = sets.as_slice() else { panic!("one set") };
        let b = changed(a, "[decision]\ncoverage_floor = 0.8\n").expect("valid");
        assert_eq!(b.label, "decision.gate=30 decision.coverage_floor=0.8");
        let config = b.config(&Config::default()).expect("valid");
        assert_eq!(config.decision.gate, Some(30.0));
    }

    #[test]
    fn errors_name_the_key() {
        for (fixed, grid, word) in [
            (Some("decision.gate"), None, "no `=`"),
            (Some("decision.gates=3"), None, "gates"),
            (Some("decision.gate=300"), None, "gate"),
            (None, Some("decision.gate = 3"), "list"),
            (None, Some("decision.gate = []"), "list"),
            (None, Some("a ="), "grid"),
        ] {
            let fixed: Vec<String> = fixed.into_iter().map(str::to_owned).collect();
            let all = sets(&fixed, grid).and_then(|sets| {
                sets.iter().map(|set| set.config(&Config::default())).collect::<Result<Vec<_>>>()
            });
            let error = all.expect_err(word);
            assert!(format!("{error:#}").contains(word), "{error:#}");
        }
        let many = format!(
            "features.grace_ms = {:?}\nfeatures.profile_rows = {:?}",
            (0..200).collect::<Vec<_>>(),
            (0..200).collect::<Vec<_>>()
        );
        let error = sets(&[], Some(&many)).expect_err("too many");
        assert!(error.to_string().contains("combinations"), "{error}");
    }
}
