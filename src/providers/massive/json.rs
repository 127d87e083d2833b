//! Reading JSON that may lack anything: a field of another kind than the wanted one reads as
//! absent, unknown fields are skipped, integers stay integers.
//!
//! Range: depth ≤ [`DEPTH_MAX`]; duplicate keys in one object are an error. Cost: one pass of
//! simd-json over the bytes, one over its tape.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use simd_json::Buffers;

/// Deepest nesting that is read; what the provider sends is four deep.
pub const DEPTH_MAX: usize = 64;

/// The value of a whole body. Rewrites the bytes.
///
/// # Errors
/// What is wrong with the text.
pub fn read<'de, T: Deserialize<'de>>(bytes: &'de mut [u8]) -> Result<T, String> {
    let mut buffers = Buffers::with_max_depth(bytes.len(), DEPTH_MAX);
    simd_json::serde::from_slice_with_buffers(bytes, &mut buffers).map_err(|e| e.to_string())
}

/// What a scalar of JSON can become.
pub trait Scalar<'de>: Sized {
    /// From a string.
    fn text(_: &'de str) -> Option<Self> {
        None
    }

    /// From an integer.
    fn integer(_: i64) -> Option<Self> {
        Self::other()
    }

    /// From a number that is no integer.
    fn float(_: f64) -> Option<Self> {
        Self::other()
    }

    /// From anything else that is not null.
    fn other() -> Option<Self> {
        None
    }
}

/// The words of a field of which it matters that it is there at all; empty where it is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said<'a>(pub &'a str);

impl<'de> Scalar<'de> for Said<'de> {
    fn text(text: &'de str) -> Option<Said<'de>> {
        Some(Said(text))
    }

    fn other() -> Option<Said<'de>> {
        Some(Said(""))
    }
}

impl<'de> Scalar<'de> for &'de str {
    fn text(text: &'de str) -> Option<&'de str> {
        Some(text)
    }
}

impl Scalar<'_> for i64 {
    fn integer(n: i64) -> Option<i64> {
        Some(n)
    }
}

impl Scalar<'_> for f64 {
    fn integer(n: i64) -> Option<f64> {
        // Prices and counts: beyond 2^53 the last digit is lost, and no such count exists.
        Some(n as f64)
    }

    fn float(x: f64) -> Option<f64> {
        x.is_finite().then_some(x)
    }
}

/// A scalar, or `None` for anything else; for `deserialize_with`.
///
/// # Errors
/// Only those of the text itself.
pub fn scalar<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Scalar<'de>,
{
    deserializer.deserialize_any(OneScalar(PhantomData))
}

struct OneScalar<T>(PhantomData<T>);

impl<'de, T: Scalar<'de>> Visitor<'de> for OneScalar<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Option<T>, E> {
        Ok(T::text(text))
    }

    fn visit_str<E>(self, _: &str) -> Result<Option<T>, E> {
        Ok(T::other())
    }

    fn visit_i64<E>(self, n: i64) -> Result<Option<T>, E> {
        Ok(T::integer(n))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Option<T>, E> {
        Ok(i64::try_from(n).map_or_else(|_| T::other(), T::integer))
    }

    fn visit_f64<E>(self, x: f64) -> Result<Option<T>, E> {
        Ok(T::float(x))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<T>, E> {
        Ok(T::other())
    }

    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Option<T>, A::Error> {
        skip_seq(seq).map(|()| T::other())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
        skip_map(map).map(|()| T::other())
    }
}

/// An object, or `None` for anything else; for `deserialize_with`.
///
/// # Errors
/// Only those of the text itself.
pub fn object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(OneObject(PhantomData))
}

struct OneObject<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneObject<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_str<E>(self, _: &str) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Option<T>, A::Error> {
        skip_seq(seq).map(|()| None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

/// A list of at most `MAX` objects, or one object in its place; an element that is no object
/// reads as the default. Anything else reads as absent. For `deserialize_with`.
///
/// # Errors
/// Those of the text itself, and more than `MAX` elements.
pub fn list<'de, const MAX: usize, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    deserializer.deserialize_any(Many::<MAX, T>(PhantomData))
}

struct Many<const MAX: usize, T>(PhantomData<T>);

impl<'de, const MAX: usize, T: Deserialize<'de> + Default> Visitor<'de> for Many<MAX, T> {
    type Value = Option<Vec<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Element(one)) = seq.next_element()? {
            if all.len() == MAX {
                return Err(A::Error::custom(format!("more than {MAX} results in one page")));
            }
            all.push(one);
        }
        Ok(Some(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|one| Some(vec![one]))
    }
}

struct Element<T>(T);

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Element<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Element<T>, D::Error> {
        object(deserializer).map(|one: Option<T>| Element(one.unwrap_or_default()))
    }
}

fn skip_seq<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn skip_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Sample<'a> {
        #[serde(borrow, deserialize_with = "scalar")]
        name: Option<&'a str>,
        #[serde(deserialize_with = "scalar")]
        ts: Option<i64>,
        #[serde(deserialize_with = "scalar")]
        x: Option<f64>,
        #[serde(borrow, deserialize_with = "object")]
        inner: Option<Box<Sample<'a>>>,
        #[serde(borrow, deserialize_with = "list::<3, _, _>")]
        many: Option<Vec<Sample<'a>>>,
    }

    #[test]
    fn anything_may_be_absent_null_or_of_another_kind() {
        for odd in
            ["null", "true", "[1,[2]]", r#"{"a":{"b":1}}"#, r#""text""#, "1", "1.5", "-1e400"]
        {
            for field in ["name", "ts", "x", "inner", "many"] {
                let text = format!(r#"{{"zzz":[{{}}],"{field}":{odd}}}"#);
                let read: Result<Sample<'_>, String> = read(&mut text.clone().into_bytes())
                    .map(|s: Sample<'_>| Sample { ts: s.ts, x: s.x, ..Sample::default() });
                // A number beyond f64 is the only one of these that is no JSON number.
                assert!(read.is_ok() || odd == "-1e400", "{text}");
            }
        }
    }

    #[test]
    fn integers_stay_integers() {
        let mut text = br#"{"ts":1651254260800059649,"x":1651254260800059649}"#.to_vec();
        let sample: Sample<'_> = read(&mut text).expect("json");
        assert_eq!(sample.ts, Some(1_651_254_260_800_059_649));
        let mut text = br#"{"ts":1.651254260800059649e18,"many":[{},7,null]}"#.to_vec();
        let sample: Sample<'_> = read(&mut text).expect("json");
        assert_eq!((sample.ts, sample.many.map(|m| m.len())), (None, Some(3)));
    }

    #[test]
    fn what_grows_without_end_is_refused() {
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        let text = [br#"{"name":"#.as_slice(), &deep, b"}"].concat();
        assert!(read::<Sample<'_>>(&mut text.clone()).is_err());
        let mut many = br#"{"many":[{},{},{},{}]}"#.to_vec();
        assert!(read::<Sample<'_>>(&mut many).expect_err("too many").contains("more than 3"));
    }
}
