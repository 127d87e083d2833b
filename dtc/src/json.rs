//! The JSON and JSON Compact encodings, to and from the fixed binary form of the same message.
//!
//! A JSON message is an object `{"Type":107,"SymbolID":2,…}` whose members carry the protocol
//! header's own names; JSON Compact puts the values of frequent messages into an array in struct
//! order, `{"Type":107,"F":[2,…]}`. Either ends with one zero byte. [`JsonDecoder`] turns both
//! into binary, so that all code behind it knows one form, and [`encode`] turns binary into either.

use alloc::vec::Vec;
use core::fmt;
use std::io::Write;

use simd_json::{Buffers, Node, StaticNode};

use crate::wire::{Description, Field, FieldKind, Value, covered, describe, read_field, value};

/// The longest message taken, in bytes with its zero byte. Binary ones are bounded the same way.
pub const MAX_MESSAGE: usize = 65_535;

/// Objects and arrays within each other. A message has two; one more in members we do not know.
const MAX_DEPTH: usize = 8;

/// Why a message could not be turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// More than [`MAX_MESSAGE`] bytes without an end.
    TooLong,
    /// Not JSON, or not an object.
    Malformed,
    /// No member `Type` with a message number.
    NoType,
    /// A message number this crate does not know; skip the message.
    UnknownType(u16),
    /// A member's value does not fit its field.
    Value {
        /// The message number.
        message_type: u16,
        /// The member, or the header's name for a place in a compact array.
        field: &'static str,
    },
    /// A binary message without a whole header.
    ShortFrame,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "no end within {MAX_MESSAGE} bytes; close the connection"),
            Self::Malformed => f.write_str("not a JSON object"),
            Self::NoType => f.write_str("no message number in member `Type`"),
            Self::UnknownType(kind) => write!(f, "message number {kind} is unknown; skip it"),
            Self::Value { message_type, field } => {
                write!(f, "message {message_type}: the value of `{field}` does not fit")
            }
            Self::ShortFrame => f.write_str("a binary message without a whole header"),
        }
    }
}

impl core::error::Error for JsonError {}

/// Length of the first message of a stream with its zero byte, or `None` while more must come.
///
/// # Errors
///
/// [`JsonError::TooLong`] when `stream` starts with [`MAX_MESSAGE`] bytes that hold no end.
pub fn message_len(stream: &[u8]) -> Result<Option<usize>, JsonError> {
    let window = stream.get(..MAX_MESSAGE).unwrap_or(stream);
    match window.iter().position(|b| *b == 0) {
        Some(at) => Ok(Some(at.saturating_add(1))),
        None if window.len() == MAX_MESSAGE => Err(JsonError::TooLong),
        None => Ok(None),
    }
}

/// What a message was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The message number.
    pub message_type: u16,
    /// True when some text was longer than its binary field, or held a zero, and was cut.
    pub text_cut: bool,
}

/// Turns JSON messages into binary ones; keeps its work space between messages.
pub struct JsonDecoder {
    buffers: Buffers,
}

impl fmt::Debug for JsonDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonDecoder").finish_non_exhaustive()
    }
}

impl Default for JsonDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl JsonDecoder {
    /// A decoder with work space for ordinary messages.
    pub fn new() -> Self {
        Self { buffers: Buffers::with_max_depth(4096, MAX_DEPTH) }
    }

    /// Turns one message, with or without its zero byte, into the binary message in `frame`, whose
    /// former content is lost. The bytes of `message` are used as work space.
    ///
    /// Members that are absent, null or unknown leave the field at its default; of a member given
    /// twice the last counts. Truth values count as 0 and 1. If the message is not UTF-8, every
    /// byte above 127 is read as `?`, since other encodings do occur and only texts for people
    /// hold such bytes.
    ///
    /// # Errors
    ///
    /// [`JsonError`], with `frame` empty.
    pub fn decode(
        &mut self,
        message: &mut [u8],
        frame: &mut Vec<u8>,
    ) -> Result<Decoded, JsonError> {
        frame.clear();
        let decoded = self.decode_into(message, frame);
        if decoded.is_err() {
            frame.clear();
        }
        decoded
    }

    fn decode_into(
        &mut self,
        message: &mut [u8],
        frame: &mut Vec<u8>,
    ) -> Result<Decoded, JsonError> {
        if message.len() > MAX_MESSAGE {
            return Err(JsonError::TooLong);
        }
        let text = match message {
            [text @ .., 0] => text,
            text => text,
        };
        if str::from_utf8(text).is_err() {
            text.iter_mut().filter(|b| !b.is_ascii()).for_each(|b| *b = b'?');
        }
        let tape = simd_json::to_tape_with_buffers(text, &mut self.buffers)
            .map_err(|_| JsonError::Malformed)?;
        let members = Members::of(&tape.0).ok_or(JsonError::Malformed)?;
        let message_type = message_type(members)?;
        let d = describe(message_type).ok_or(JsonError::UnknownType(message_type))?;
        frame.extend_from_slice(d.default);
        let mut text_cut = false;
        for (name, node) in members {
            if name == "F" {
                text_cut |= put_compact(frame, d, node)?;
            } else if let Some(f) = d.fields.iter().find(|f| f.name == name) {
                text_cut |= put(frame, d, f, node)?;
            }
        }
        Ok(Decoded { message_type, text_cut })
    }
}

/// How [`encode`] writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Every message as an object of named members.
    Json,
    /// Frequent messages with their values in an array, all others as in `Json`.
    Compact,
}

/// Appends the JSON of a binary message to `out`, zero byte included.
///
/// Fields without a value (see [`Value::Null`]) and fields that `frame` does not hold whole are
/// left out, or null in an array. Text that is not UTF-8 loses the bytes that make it so.
///
/// # Errors
///
/// [`JsonError::ShortFrame`] or [`JsonError::UnknownType`], with `out` as it was.
pub fn encode(frame: &[u8], form: Form, out: &mut Vec<u8>) -> Result<(), JsonError> {
    let held = covered(frame);
    let Some(&[_, _, low, high]) = held.first_chunk::<4>() else {
        return Err(JsonError::ShortFrame);
    };
    let message_type = u16::from_le_bytes([low, high]);
    let d = describe(message_type).ok_or(JsonError::UnknownType(message_type))?;
    write(out, format_args!("{{\"Type\":{message_type}"));
    if form == Form::Compact && has_compact_form(message_type) {
        out.extend_from_slice(b",\"F\":[");
        for (i, f) in compact_fields(d).enumerate() {
            if i > 0 {
                out.push(b',');
            }
            write_value(out, held_value(held, d, f));
        }
        out.push(b']');
    } else {
        for f in d.fields {
            match held_value(held, d, f) {
                Value::Null => {}
                given => {
                    write(out, format_args!(",\"{}\":", f.name));
                    write_value(out, given);
                }
            }
        }
    }
    out.extend_from_slice(b"}\0");
    Ok(())
}

/// The messages that JSON Compact writes as an array: heartbeat, market data, historical records.
fn has_compact_form(message_type: u16) -> bool {
    matches!(
        message_type,
        3 | 104 | 106..=109 | 112..=115 | 117 | 119 | 120 | 122 | 124 | 134..=137 | 140..=148 | 803
            | 804
    )
}

/// The fields of an array: in struct order, a union once.
fn compact_fields(d: &Description) -> impl Iterator<Item = &'static Field> {
    let mut end = 0;
    d.fields.iter().filter(move |f| {
        let fresh = f.offset >= end;
        end = f.offset.saturating_add(f.len);
        fresh
    })
}

fn held_value<'a>(held: &'a [u8], d: &Description, f: &Field) -> Value<'a> {
    if f.range().end <= held.len() { read_field(held, d, f) } else { Value::Null }
}

fn write_value(out: &mut Vec<u8>, v: Value<'_>) {
    match v {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Int(v) => write(out, format_args!("{v}")),
        Value::UInt(v) => write(out, format_args!("{v}")),
        // As a double, so that a reader with doubles gets the very same float back.
        Value::F32(v) => write(out, format_args!("{:?}", f64::from(v))),
        Value::F64(v) => write(out, format_args!("{v:?}")),
        Value::Text(v) => write_text(out, &value::text_lossy(v)),
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for c in text.bytes() {
        match c {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', c]),
            0..0x20 => write(out, format_args!("\\u{c:04x}")),
            _ => out.push(c),
        }
    }
    out.push(b'"');
}

fn write(out: &mut Vec<u8>, what: fmt::Arguments<'_>) {
    // A vector takes every byte, so there is no error to pass on.
    let _written = out.write_fmt(what);
}

/// The members of an object: name and the nodes of the value.
#[derive(Clone, Copy)]
struct Members<'t, 'i> {
    nodes: &'t [Node<'i>],
}

impl<'t, 'i> Members<'t, 'i> {
    fn of(tape: &'t [Node<'i>]) -> Option<Self> {
        match tape {
            [Node::Object { .. }, nodes @ ..] => Some(Self { nodes }),
            _ => None,
        }
    }
}

impl<'t, 'i> Iterator for Members<'t, 'i> {
    type Item = (&'i str, &'t [Node<'i>]);

    fn next(&mut self) -> Option<Self::Item> {
        let (Node::String(name), nodes) = self.nodes.split_first()? else { return None };
        let (value, rest) = nodes.split_at_checked(span(nodes.first()?))?;
        self.nodes = rest;
        Some((name, value))
    }
}

/// Nodes a value takes on the tape.
fn span(first: &Node<'_>) -> usize {
    match first {
        Node::Object { count, .. } | Node::Array { count, .. } => count.saturating_add(1),
        Node::String(_) | Node::Static(_) => 1,
    }
}

fn message_type(mut members: Members<'_, '_>) -> Result<u16, JsonError> {
    match members.find(|(name, _)| *name == "Type") {
        Some((_, [Node::Static(v)])) => {
            integer(v).and_then(|v| u16::try_from(v).ok()).ok_or(JsonError::NoType)
        }
        _ => Err(JsonError::NoType),
    }
}

/// Values in struct order; more than there are fields come from a newer sender and are ignored.
fn put_compact(frame: &mut [u8], d: &Description, value: &[Node<'_>]) -> Result<bool, JsonError> {
    let [Node::Array { .. }, nodes @ ..] = value else { return Err(JsonError::Malformed) };
    let mut nodes = nodes;
    let mut text_cut = false;
    for f in compact_fields(d) {
        let Some(first) = nodes.first() else { break };
        let Some((value, rest)) = nodes.split_at_checked(span(first)) else { break };
        nodes = rest;
        text_cut |= put(frame, d, f, value)?;
    }
    Ok(text_cut)
}

/// Writes a value into its field; true when it was text and did not fit.
fn put(
    frame: &mut [u8],
    d: &Description,
    f: &Field,
    value: &[Node<'_>],
) -> Result<bool, JsonError> {
    let misfit = JsonError::Value { message_type: d.message_type, field: f.name };
    let slot = frame.get_mut(f.range()).ok_or(misfit)?;
    match value {
        [Node::Static(StaticNode::Null)] => Ok(false),
        [Node::String(text)] if f.kind == FieldKind::Text => Ok(put_text(slot, text)),
        [Node::Static(v)] => put_number(slot, f.kind, v).map(|()| false).ok_or(misfit),
        _ => Err(misfit),
    }
}

/// Unlike [`value::put_text`] this fills a field to its last byte, as a binary sender may.
fn put_text(slot: &mut [u8], text: &str) -> bool {
    let clean = value::text(text.as_bytes()).len();
    let end = text.floor_char_boundary(clean.min(slot.len()));
    let kept = text.as_bytes().get(..end).unwrap_or_default();
    slot.fill(0);
    for (to, from) in slot.iter_mut().zip(kept) {
        *to = *from;
    }
    end < text.len()
}

fn put_number(slot: &mut [u8], kind: FieldKind, v: &StaticNode) -> Option<()> {
    match kind {
        FieldKind::U8 => store(slot, u8::try_from(integer(v)?).ok()?.to_le_bytes()),
        FieldKind::I8 => store(slot, i8::try_from(integer(v)?).ok()?.to_le_bytes()),
        FieldKind::U16 => store(slot, u16::try_from(integer(v)?).ok()?.to_le_bytes()),
        FieldKind::I16 => store(slot, i16::try_from(integer(v)?).ok()?.to_le_bytes()),
        FieldKind::U32 => store(slot, u32::try_from(integer(v)?).ok()?.to_le_bytes()),
        FieldKind::I32 => store(slot, i32::try_from(integer(v)?).ok()?.to_le_bytes()),
        FieldKind::U64 => store(slot, u64::try_from(integer(v)?).ok()?.to_le_bytes()),
        FieldKind::I64 => store(slot, i64::try_from(integer(v)?).ok()?.to_le_bytes()),
        FieldKind::F32 => {
            let narrow = float(v)? as f32;
            if narrow.is_finite() { store(slot, narrow.to_le_bytes()) } else { None }
        }
        FieldKind::F64 => store(slot, float(v)?.to_le_bytes()),
        FieldKind::Text => None,
    }
}

fn store<const N: usize>(slot: &mut [u8], bytes: [u8; N]) -> Option<()> {
    *slot.as_mut_array::<N>()? = bytes;
    Some(())
}

/// A whole number, also when written like `3.0`, or a truth value.
fn integer(v: &StaticNode) -> Option<i128> {
    match *v {
        StaticNode::I64(v) => Some(v.into()),
        StaticNode::U64(v) => Some(v.into()),
        StaticNode::Bool(v) => Some(v.into()),
        StaticNode::F64(v) => {
            // The cast saturates; what it changed is not equal any more.
            let whole = v as i64;
            (whole as f64 == v && whole != i64::MAX).then_some(whole.into())
        }
        StaticNode::Null => None,
    }
}

fn float(v: &StaticNode) -> Option<f64> {
    match *v {
        StaticNode::I64(v) => Some(v as f64),
        StaticNode::U64(v) => Some(v as f64),
        StaticNode::F64(v) => Some(v).filter(|v| v.is_finite()),
        StaticNode::Bool(_) | StaticNode::Null => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{
        Heartbeat, HistoricalPriceDataRecordResponse, LogonRequest, MarketDataUpdateTrade, Message,
        UserMessage, messages,
    };
    use alloc::string::String;
    use proptest::prelude::*;
    use zerocopy::IntoBytes;

    fn decode(json: &str) -> Result<(Vec<u8>, Decoded), JsonError> {
        let mut frame = Vec::new();
        let decoded = JsonDecoder::new().decode(&mut Vec::from(json), &mut frame);
        assert_eq!(decoded.is_err(), frame.is_empty());
        decoded.map(|d| (frame, d))
    }

    fn encoded(frame: &[u8], form: Form) -> String {
        let mut out = Vec::new();
        encode(frame, form, &mut out).unwrap();
        assert_eq!(out.pop(), Some(0));
        String::from_utf8(out).unwrap()
    }

    /// Symbol 2, sold 3 at 4500.25, 1 700 000 000.125 s.
    fn trade() -> MarketDataUpdateTrade {
        MarketDataUpdateTrade {
            symbol_id: 2.into(),
            at_bid_or_ask: 1.into(),
            price: 4500.25.into(),
            volume: 3.0.into(),
            date_time: 1_700_000_000.125.into(),
            ..MarketDataUpdateTrade::DEFAULT
        }
    }

    const TRADE: &str = concat!(
        r#"{"Type":107,"SymbolID":2,"AtBidOrAsk":1,"#,
        r#""Price":4500.25,"Volume":3.0,"DateTime":1700000000.125}"#
    );
    const TRADE_COMPACT: &str = r#"{"Type":107,"F":[2,1,4500.25,3.0,1700000000.125]}"#;

    #[test]
    fn a_trade_in_both_forms() {
        let frame = trade();
        assert_eq!(encoded(frame.as_bytes(), Form::Json), TRADE);
        assert_eq!(encoded(frame.as_bytes(), Form::Compact), TRADE_COMPACT);
        for json in [TRADE, TRADE_COMPACT] {
            let (bytes, decoded) = decode(json).unwrap();
            assert_eq!(bytes, frame.as_bytes());
            assert_eq!(decoded, Decoded { message_type: 107, text_cut: false });
        }
    }

    #[test]
    fn what_is_absent_null_or_unknown_is_the_default() {
        for json in [
            r#"{"Type":108,"SymbolID":5}"#,
            r#"{"SymbolID":5,"BidPrice":null,"Type":108}"#,
            r#"{"Type":108,"New":{"A":[1,{"B":2}]},"SymbolID":5,"Newer":[[]]}"#,
            r#"{"Type":108,"F":[5]}"#,
            r#"{"Type":108,"F":[5,null,null,null,null,null,77,[8],{"x":1}]}"#,
        ] {
            let (bytes, _) = decode(json).unwrap();
            let mut expected = describe(108).unwrap().default.to_vec();
            expected[4] = 5;
            assert_eq!(bytes, expected, "{json}");
        }
    }

    #[test]
    fn numbers_of_another_kind_are_taken_when_they_fit() {
        let (bytes, _) = decode(concat!(
            r#"{"Type":107,"SymbolID":2.0,"AtBidOrAsk":true,"#,
            r#""Price":-4,"Volume":18446744073709551615}"#
        ))
        .unwrap();
        let trade = MarketDataUpdateTrade::parse(&bytes);
        assert_eq!((trade.symbol_id.get(), trade.at_bid_or_ask.get()), (2, 1));
        assert_eq!((trade.price.get(), trade.volume.get()), (-4.0, 18_446_744_073_709_551_615.0));
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        for (json, field) in [
            (r#"{"Type":107,"SymbolID":-1}"#, "SymbolID"),
            (r#"{"Type":107,"SymbolID":4294967296}"#, "SymbolID"),
            (r#"{"Type":107,"SymbolID":1.5}"#, "SymbolID"),
            (r#"{"Type":107,"SymbolID":1e300}"#, "SymbolID"),
            (r#"{"Type":107,"AtBidOrAsk":65536}"#, "AtBidOrAsk"),
            (r#"{"Type":107,"Price":"4500"}"#, "Price"),
            (r#"{"Type":107,"Price":[4500]}"#, "Price"),
            (r#"{"Type":107,"Price":{}}"#, "Price"),
            (r#"{"Type":107,"F":[1,2,true]}"#, "Price"),
        ] {
            let error = JsonError::Value { message_type: 107, field };
            assert_eq!(decode(json), Err(error), "{json}");
        }
        let wide = JsonError::Value { message_type: 112, field: "Price" };
        assert_eq!(decode(r#"{"Type":112,"Price":1e39}"#), Err(wide));
        let text = JsonError::Value { message_type: 101, field: "Symbol" };
        assert_eq!(decode(r#"{"Type":101,"Symbol":5}"#), Err(text));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let deep = ["{\"Type\":3,\"x\":", &"[".repeat(2000), &"]".repeat(2000), "}"].concat();
        for json in
            ["", " ", "{", "[]", "3", "null", "{\"Type\":3}{}", "{\"Type\":3,}", "\0", &deep]
        {
            assert_eq!(decode(json), Err(JsonError::Malformed), "{json:?}");
        }
        assert_eq!(decode(r#"{"Type":3,"F":{}}"#), Err(JsonError::Malformed));
        for json in
            ["{}", r#"{"type":3}"#, r#"{"Type":"3"}"#, r#"{"Type":-3}"#, r#"{"Type":65539}"#]
        {
            assert_eq!(decode(json), Err(JsonError::NoType), "{json:?}");
        }
        assert_eq!(decode(r#"{"Type":4}"#), Err(JsonError::UnknownType(4)));
        let long = [r#"{"Type":3,"x":""#, &"x".repeat(MAX_MESSAGE), "\"}"].concat();
        assert_eq!(decode(&long), Err(JsonError::TooLong));
    }

    #[test]
    fn text_is_unescaped_and_bounded() {
        let (bytes, decoded) = decode(r#"{"Type":1,"Username":"a\"\u00e9\\"}"#).unwrap();
        assert_eq!(value::text(&LogonRequest::parse(&bytes).username), "a\"\u{e9}\\".as_bytes());
        assert!(!decoded.text_cut);
        assert!(encoded(&bytes, Form::Json).contains(r#""Username":"a\"é\\""#));

        let text = "é".repeat(129);
        let (bytes, decoded) =
            decode(&[r#"{"Type":700,"UserMessage":"x"#, &text, r#""}"#].concat()).unwrap();
        assert!(decoded.text_cut);
        assert_eq!(value::text(&UserMessage::parse(&bytes).user_message).len(), 255);

        let (bytes, decoded) = decode(r#"{"Type":700,"UserMessage":"a\u0000b"}"#).unwrap();
        assert!(decoded.text_cut);
        assert_eq!(value::text(&UserMessage::parse(&bytes).user_message), b"a");
    }

    #[test]
    fn another_encoding_costs_only_its_own_bytes() {
        let mut frame = Vec::new();
        let mut json = b"{\"Type\":700,\"UserMessage\":\"Z\xfcrich\"}\0".to_vec();
        JsonDecoder::new().decode(&mut json, &mut frame).unwrap();
        assert_eq!(value::text(&UserMessage::parse(&frame).user_message), b"Z?rich");
    }

    #[test]
    fn a_union_is_two_members_and_one_place() {
        let json = r#"{"Type":803,"NumTrades":9,"BidVolume":2.5}"#;
        let bar = HistoricalPriceDataRecordResponse::parse(&decode(json).unwrap().0);
        assert_eq!((bar.open_interest.get(), bar.bid_volume.get()), (9, 2.5));
        let compact = encoded(bar.as_bytes(), Form::Compact);
        assert_eq!(compact, r#"{"Type":803,"F":[0,0,0.0,0.0,0.0,0.0,0.0,9,2.5,0.0,0]}"#);
    }

    #[test]
    fn fields_not_held_are_left_out() {
        let beat = Heartbeat { size: 8.into(), ..Heartbeat::DEFAULT };
        assert_eq!(encoded(beat.as_bytes(), Form::Json), r#"{"Type":3,"NumDroppedMessages":0}"#);
        assert_eq!(encoded(beat.as_bytes(), Form::Compact), r#"{"Type":3,"F":[0,null]}"#);
        let mut out = Vec::new();
        assert_eq!(encode(&[4, 0, 3], Form::Json, &mut out), Err(JsonError::ShortFrame));
        assert_eq!(encode(&[4, 0, 4, 0], Form::Json, &mut out), Err(JsonError::UnknownType(4)));
        assert_eq!(out, b"");
    }

    #[test]
    fn a_stream_is_cut_at_its_zero_bytes() {
        assert_eq!(message_len(b""), Ok(None));
        assert_eq!(message_len(b"{\"Type\""), Ok(None));
        assert_eq!(message_len(b"{}\0{}"), Ok(Some(3)));
        assert_eq!(message_len(&[b' '; MAX_MESSAGE - 1]), Ok(None));
        assert_eq!(message_len(&[b' '; MAX_MESSAGE]), Err(JsonError::TooLong));
    }

    #[test]
    fn every_default_comes_back() {
        for d in messages() {
            for form in [Form::Json, Form::Compact] {
                let (bytes, _) = decode(&encoded(d.default, form)).unwrap();
                assert_eq!(bytes, d.default, "{}", d.name);
            }
        }
    }

    proptest! {
        #[test]
        fn every_message_comes_back(
            at in 0..messages().len(),
            body in proptest::collection::vec(any::<u8>(), 720),
        ) {
            let d = messages()[at];
            let size = usize::from(d.size);
            let mut frame = d.default.to_vec();
            frame[4..].copy_from_slice(&body[4..size]);
            for form in [Form::Json, Form::Compact] {
                let (back, _) = decode(&encoded(&frame, form)).unwrap();
                for f in d.fields {
                    let (was, is) = (read_field(&frame, d, f), read_field(&back, d, f));
                    match was {
                        Value::Null => prop_assert_eq!(is, read_field(d.default, d, f)),
                        Value::Text(t) if str::from_utf8(t).is_err() => {}
                        _ => prop_assert_eq!(is, was, "{} {}", d.name, f.name),
                    }
                }
            }
        }

        #[test]
        fn no_bytes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut frame = Vec::new();
            let decoded = JsonDecoder::new().decode(&mut bytes, &mut frame);
            prop_assert_eq!(decoded.is_err(), frame.is_empty());
        }

        #[test]
        fn no_damage_panics(at in 0..TRADE.len(), to in any::<u8>()) {
            for json in [TRADE, TRADE_COMPACT] {
                let mut bytes = json.as_bytes().to_vec();
                if let Some(b) = bytes.get_mut(at) {
                    *b = to;
                }
                let mut frame = Vec::new();
                let decoded = JsonDecoder::new().decode(&mut bytes, &mut frame);
                prop_assert_eq!(decoded.is_err(), frame.is_empty());
            }
        }
    }
}
