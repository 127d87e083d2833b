//! The body of the decode fuzz target.

use super::table::for_each_message;
use super::{Message, Value, covered, messages, read_field, value};

/// Reads `data` as every message and asserts what must hold for any bytes.
///
/// # Panics
///
/// When an invariant of this module is broken.
pub fn fuzz_decode(data: &[u8]) {
    for_each_message!(check_parse(data));
    for d in messages() {
        for f in d.fields {
            check_value(read_field(data, d, f));
        }
    }
}

/// What `data` holds whole is taken over, everything else is the default.
fn check_parse<M: Message>(data: &[u8]) {
    let message = M::parse(data);
    let bytes = message.as_bytes();
    let held = covered(data);
    assert_eq!(bytes.len(), M::SIZE);
    if !held.is_empty() {
        assert_eq!(bytes.get(..4), held.get(..4));
    }
    for f in M::FIELDS {
        let expected = held.get(f.range()).or_else(|| M::DESCRIPTION.default.get(f.range()));
        assert_eq!(bytes.get(f.range()), expected, "{} {}", M::NAME, f.name);
        let from_frame = read_field(data, M::DESCRIPTION, f);
        if held.len() >= M::SIZE {
            assert_eq!(from_frame, read_field(bytes, M::DESCRIPTION, f));
        }
    }
    if held.len() >= M::SIZE {
        assert_eq!(Some(bytes), held.get(..M::SIZE));
    }
}

/// A value given is a usable one.
fn check_value(v: Value<'_>) {
    match v {
        Value::Null => {}
        Value::Int(v) => check_time(value::time_from_int(v)),
        Value::UInt(v) => {
            if let Ok(v) = u32::try_from(v) {
                check_time(value::time_from_u32(v));
            }
        }
        Value::F32(v) => assert!(v.is_finite()),
        Value::F64(v) => {
            assert!(v.is_finite());
            check_time(value::time_from_f64(v));
        }
        Value::Text(t) => {
            assert!(!t.contains(&0));
            assert!(value::text_lossy(t).len() >= t.len());
        }
    }
}

fn check_time(ns: Option<i64>) {
    assert!(ns.is_none_or(|ns| ns > 0));
}
