//! A record as a tree: fields in the order in which they are put, and a reason for each that has no
//! value.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::units::{Px, Reason, Slot, Ts};

/// A value of a record.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Whole(i64),
    /// A number; finite.
    Number(f64),
    /// A text.
    Text(Cow<'static, str>),
    /// A list.
    List(Vec<Value>),
    /// Fields, in order.
    Fields(Vec<(Cow<'static, str>, Value)>),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => to.serialize_none(),
            Value::Flag(flag) => to.serialize_bool(*flag),
            Value::Whole(whole) => to.serialize_i64(*whole),
            Value::Number(number) => to.serialize_f64(*number),
            Value::Text(text) => to.serialize_str(text),
            Value::List(list) => {
                let mut all = to.serialize_seq(Some(list.len()))?;
                list.iter().try_for_each(|value| all.serialize_element(value))?;
                all.end()
            }
            Value::Fields(fields) => {
                let mut all = to.serialize_map(Some(fields.len()))?;
                fields.iter().try_for_each(|(name, value)| all.serialize_entry(name, value))?;
                all.end()
            }
        }
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Flag(flag)
    }
}

impl From<u32> for Value {
    fn from(whole: u32) -> Value {
        Value::Whole(i64::from(whole))
    }
}

impl From<i64> for Value {
    fn from(whole: i64) -> Value {
        Value::Whole(whole)
    }
}

impl From<u64> for Value {
    fn from(whole: u64) -> Value {
        Value::Whole(i64::try_from(whole).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Value {
    /// A number that is none becomes null: [`Group`] says why.
    fn from(number: f64) -> Value {
        if number.is_finite() { Value::Number(number) } else { Value::Null }
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Value {
        Value::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(Cow::Owned(text))
    }
}

impl From<Ts> for Value {
    fn from(ts: Ts) -> Value {
        if ts.is_some() { Value::from(ts.to_string()) } else { Value::Null }
    }
}

impl From<Vec<Value>> for Value {
    fn from(list: Vec<Value>) -> Value {
        Value::List(list)
    }
}

/// A group of fields.
#[derive(Clone, Debug)]
pub(super) struct Group {
    name: &'static str,
    fields: Vec<(Cow<'static, str>, Value)>,
    missing: Vec<(String, Reason)>,
    /// Fields that every record of the kind needs, and how many of them have no value.
    needed: u32,
    lacking: u32,
}

impl Group {
    /// An empty group.
    pub(super) const fn new(name: &'static str) -> Group {
        Group { name, fields: Vec::new(), missing: Vec::new(), needed: 0, lacking: 0 }
    }

    /// A field that always has a value.
    pub(super) fn put(&mut self, name: &'static str, value: impl Into<Value>) {
        let value = value.into();
        self.needed += 1;
        if value == Value::Null {
            self.lacking += 1;
            self.lack(name, Reason::InvalidInput);
        }
        self.fields.push((Cow::Borrowed(name), value));
    }

    /// A field that may have none, for `reason`.
    pub(super) fn maybe<V: Into<Value>>(
        &mut self,
        name: &'static str,
        value: Option<V>,
        reason: Reason,
    ) {
        let value = value.map_or(Value::Null, Into::into);
        if value == Value::Null {
            self.lack(name, reason);
        }
        self.fields.push((Cow::Borrowed(name), value));
    }

    /// A field that every record needs; without it the record is incomplete.
    pub(super) fn need<V: Into<Value>>(
        &mut self,
        name: &'static str,
        value: Option<V>,
        reason: Reason,
    ) {
        self.needed += 1;
        let before = self.missing.len();
        self.maybe(name, value, reason);
        self.lacking += u32::from(self.missing.len() > before);
    }

    /// A slot with its own reason.
    pub(super) fn slot(&mut self, name: &'static str, slot: Slot) {
        self.maybe(name, slot.value(), slot.reason);
    }

    fn lack(&mut self, name: &str, reason: Reason) {
        self.missing.push((format!("{}.{name}", self.name), reason));
    }
}

/// A whole record.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// Header, groups, then what is missing and flagged, and counts of the needed fields.
    fields: Vec<(Cow<'static, str>, Value)>,
    missing: Vec<(String, Reason)>,
    flags: Vec<&'static str>,
    needed: u32,
    lacking: u32,
}

impl Record {
    /// A record that begins with the fields of `header`.
    pub(super) fn new(header: Group) -> Record {
        Record {
            fields: header.fields,
            missing: header.missing,
            flags: Vec::new(),
            needed: header.needed,
            lacking: header.lacking,
        }
    }

    /// Adds a group under its name.
    #[must_use]
    pub(super) fn with(mut self, group: Group) -> Record {
        self.fields.push((Cow::Borrowed(group.name), Value::Fields(group.fields)));
        self.missing.extend(group.missing);
        self.needed += group.needed;
        self.lacking += group.lacking;
        self
    }

    /// Marks it for whoever watches quality.
    pub(super) fn flag(&mut self, flag: &'static str) {
        self.flags.push(flag);
    }

    /// Needed fields, and those of them without a value.
    pub(super) const fn completeness(&self) -> (u32, u32) {
        (self.needed, self.lacking)
    }

    /// The record as one line of JSON with its line feed, and whether it is flagged.
    ///
    /// # Errors
    /// What the JSON crate says.
    pub(super) fn line(mut self) -> Result<(String, bool), simd_json::Error> {
        if self.lacking > 0 {
            self.flags.push("INCOMPLETE");
        }
        let flagged = !self.flags.is_empty();
        let reasons = self.missing.into_iter();
        let reasons = reasons.map(|(path, why)| (Cow::Owned(path), Value::from(why.name())));
        self.fields.push((Cow::Borrowed("missing"), Value::Fields(reasons.collect())));
        let flags: Vec<Value> = self.flags.into_iter().map(Value::from).collect();
        self.fields.push((Cow::Borrowed("flags"), Value::List(flags)));
        let cells = [("required", self.needed), ("present", self.needed - self.lacking)];
        let cells = cells.map(|(name, count)| (Cow::Borrowed(name), Value::from(count)));
        self.fields.push((Cow::Borrowed("cells"), Value::Fields(cells.into())));
        let mut line = simd_json::to_string(&Value::Fields(self.fields))?;
        line.push('\n');
        Ok((line, flagged))
    }
}

/// A price in points of a tick.
pub(super) fn points(px: Px, tick: f64) -> f64 {
    f64::from(px.ticks()) * tick
}

/// Milliseconds between two instants; `None` where one is missing or they are the wrong way round.
pub(super) fn millis(from: Ts, to: Ts) -> Option<f64> {
    (from.is_some() && to.is_some() && from <= to).then(|| to.since(from) as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_in_order_with_reasons() {
        let mut header = Group::new("header");
        header.put("schema", "trades");
        header.put("seq", 7_u64);
        let mut group = Group::new("market");
        group.put("text", "a \"quoted\"\nline".to_owned());
        group.need("bar", None::<f64>, Reason::Warmup);
        group.slot("atr", Slot::none(Reason::Stale));
        group.slot("there", Slot::some(0.1));
        group.maybe("nan", Some(f64::NAN), Reason::InvalidInput);
        let record = Record::new(header).with(group);
        assert_eq!(record.completeness(), (4, 1));
        let (line, flagged) = record.line().expect("JSON");
        assert!(flagged);
        let expected = concat!(
            r#"{"schema":"trades","seq":7,"market":{"text":"a \"quoted\"\nline","#,
            r#""bar":null,"atr":null,"there":0.1,"nan":null},"#,
            r#""missing":{"market.bar":"WARMUP","market.atr":"STALE","#,
            r#""market.nan":"INVALID_INPUT"},"flags":["INCOMPLETE"],"#,
            r#""cells":{"required":4,"present":3}}"#,
            "\n"
        );
        assert_eq!(line, expected);
        assert_eq!(line.matches('\n').count(), 1, "one line, whatever is in it");
    }

    #[test]
    fn times() {
        let (a, b) = (Ts(1_000_000_000), Ts(1_002_500_000));
        assert_eq!(millis(a, b), Some(2.5));
        assert_eq!(millis(b, a), None, "never a time below 0, and never 0 for it");
        assert_eq!((millis(a, Ts::NONE), millis(Ts::NONE, b)), (None, None));
        assert_eq!(millis(a, a), Some(0.0));
        assert_eq!(Value::from(Ts::NONE), Value::Null);
    }
}
