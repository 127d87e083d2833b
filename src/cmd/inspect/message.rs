//! DTC frames as JSON: the header's own names, numbers and times as they stand.

use anyhow::bail;
use dtc::frame::{Frame, FrameError, next_frame};
use dtc::wire::{Description, Value, describe, read_field};
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use super::{Lines, Stop, hex, shortest};

/// Prints every frame of `bytes`.
pub(super) fn frames(bytes: &[u8], lines: &mut Lines<'_>) -> Result<(), Stop> {
    let mut outcome = Ok(());
    let used = cut(bytes, |frame| {
        outcome = lines.put(&FrameJson(frame));
        outcome.is_ok()
    });
    outcome?;
    match used {
        Err((at, error)) => Err(anyhow::anyhow!("at byte {at}: {error}").into()),
        Ok(at) if at < bytes.len() => Ok(torn(at, bytes.get(at..).unwrap_or_default())?),
        Ok(_) => Ok(()),
    }
}

fn torn(at: usize, rest: &[u8]) -> anyhow::Result<()> {
    let have = rest.len();
    match rest {
        &[s0, s1, ..] => {
            let size = u16::from_le_bytes([s0, s1]);
            bail!("at byte {at}: the last message is cut off, {have} of the {size} bytes it states")
        }
        _ => bail!("at byte {at}: the last message is cut off inside its header"),
    }
}

/// Hands each whole frame of `bytes` to `on_frame`, until that returns false; the bytes used.
///
/// # Errors
/// The error with the place of the frame that made it.
pub(super) fn cut<'a>(
    bytes: &'a [u8],
    mut on_frame: impl FnMut(Frame<'a>) -> bool,
) -> Result<usize, (usize, FrameError)> {
    let mut at = 0;
    while let Some(frame) =
        next_frame(bytes.get(at..).unwrap_or_default()).map_err(|error| (at, error))?
    {
        at += frame.len();
        if !on_frame(frame) {
            break;
        }
    }
    Ok(at)
}

/// `{"type":…,"name":…,"size":…,"fields":{…}}`.
#[derive(Clone, Copy)]
pub(super) struct FrameJson<'a>(pub(super) Frame<'a>);

impl Serialize for FrameJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let FrameJson(frame) = self;
        let description = describe(frame.kind);
        let mut object = serializer.serialize_struct("Frame", 4)?;
        object.serialize_field("type", &frame.kind)?;
        object.serialize_field("name", &description.map(|d| d.name))?;
        object.serialize_field("size", &frame.len())?;
        object.serialize_field("fields", &Fields { bytes: frame.bytes, description })?;
        object.end()
    }
}

struct Fields<'a> {
    bytes: &'a [u8],
    description: Option<&'static Description>,
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(description) = self.description else {
            let mut object = serializer.serialize_map(Some(1))?;
            let body = self.bytes.get(dtc::frame::HEADER_BYTES..).unwrap_or_default();
            object.serialize_entry("raw", &hex::text(body))?;
            return object.end();
        };
        let mut object = serializer.serialize_map(Some(description.fields.len()))?;
        for field in description.fields {
            let value = ValueJson(read_field(self.bytes, description, field));
            object.serialize_entry(field.name, &value)?;
        }
        object.end()
    }
}

struct ValueJson<'a>(Value<'a>);

impl Serialize for ValueJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_none(),
            Value::Int(v) => serializer.serialize_i64(v),
            Value::UInt(v) => serializer.serialize_u64(v),
            Value::F32(v) => shortest(v).serialize(serializer),
            Value::F64(v) => serializer.serialize_f64(v),
            Value::Text(v) => serializer.serialize_str(&String::from_utf8_lossy(v)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::of_hex;
    use super::*;
    use dtc::wire::{MarketDataSnapshot, MarketDataUpdateBidAskCompact, Message, messages, value};
    use simd_json::prelude::ValueAsObject;
    use zerocopy::IntoBytes;

    #[test]
    fn encoding_request() {
        let (lines, error) = of_hex("1000 0600 0800 0000 0000 0000 4454 4300");
        assert_eq!(error, None);
        let fields = r#"{"ProtocolVersion":8,"Encoding":0,"ProtocolType":"DTC"}"#;
        let line = format!(r#"{{"type":6,"name":"ENCODING_REQUEST","size":16,"fields":{fields}}}"#);
        assert_eq!(lines, [line]);
    }

    #[test]
    fn unset_is_null_and_text_is_escaped() {
        let (lines, _) = of_hex(&hex::text(MarketDataSnapshot::DEFAULT.as_bytes()));
        assert!(lines.concat().contains(r#""BidPrice":null"#), "{lines:?}");

        let mut quote = MarketDataUpdateBidAskCompact::DEFAULT;
        quote.ask_price = 4500.1.into();
        let (lines, _) = of_hex(&hex::text(quote.as_bytes()));
        assert!(lines.concat().contains(r#""BidPrice":null"#), "{lines:?}");
        assert!(lines.concat().contains(r#""AskPrice":4500.1,"#), "{lines:?}");

        let mut note = dtc::wire::UserMessage::DEFAULT;
        assert!(value::put_text(&mut note.user_message, "a \"b\"\n\u{1}é"));
        let (lines, _) = of_hex(&hex::text(note.as_bytes()));
        assert!(lines.concat().contains(r#""a \"b\"\n\u0001é""#), "{lines:?}");
    }

    #[test]
    fn an_unknown_type_keeps_its_bytes() {
        let (lines, error) = of_hex("0600e703abcd");
        assert_eq!(lines, [r#"{"type":999,"name":null,"size":6,"fields":{"raw":"abcd"}}"#]);
        assert_eq!(error, None);
    }

    #[test]
    fn what_is_whole_is_printed_before_the_error() {
        let (lines, error) = of_hex("0400e703 0500e8");
        assert_eq!(lines.len(), 1);
        assert!(error.expect("cut off").contains("at byte 4: the last message is cut off, 3 of"));
        let (lines, error) = of_hex("0400e703 03000000");
        assert_eq!(lines.len(), 1);
        assert!(error.expect("corrupt").contains("size of 3 bytes"));
        let (lines, error) = of_hex("0400e703 04");
        assert_eq!(lines.len(), 1);
        assert!(error.expect("cut off").contains("inside its header"));
    }

    /// Every message's line is JSON, with the fields in the order of the header.
    #[test]
    fn every_message_prints() {
        for description in messages() {
            let (lines, error) = of_hex(&hex::text(description.default));
            assert_eq!((lines.len(), error), (1, None));
            let line = lines.concat();
            let places: Vec<Option<usize>> = description
                .fields
                .iter()
                .map(|field| line.find(&format!("\"{}\":", field.name)))
                .collect();
            assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{line}");
            let parsed = simd_json::to_owned_value(&mut line.into_bytes()).expect("JSON");
            assert!(parsed.as_object().is_some_and(|o| o.contains_key("fields")));
        }
    }
}
