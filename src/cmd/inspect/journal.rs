//! A journal as JSON lines: its header, then every record with what its payload says.

use dtc::file::{depth, scid};
use serde::Serialize;
use zerocopy::FromBytes;
use zerocopy::little_endian::U64;

use super::message::{FrameJson, cut};
use super::sierra::{DepthJson, ScidJson};
use super::{Lines, Stop, hex, rfc3339};
use crate::context::Context;
use crate::event::{Body, Event};
use crate::journal::event::{PACKED_BYTES, PackedEvent};
use crate::journal::record::{Bind, SourceKind, VERSION};
use crate::journal::{Kind, Reader, Record, context};
use crate::order::Command;
use crate::units::{Px, Qty, Ts};

/// Prints a journal.
pub(super) fn print(data: &[u8], lines: &mut Lines<'_>) -> Result<(), Stop> {
    let reader = Reader::open(data).map_err(anyhow::Error::from)?;
    lines.put(&Header { file: "journal", version: VERSION, text: reader.text() })?;
    let mut sources = Sources::default();
    for (at, record) in reader.records().enumerate() {
        sources.take(&record);
        let content = content(&record, &sources);
        lines.put(&RecordJson {
            record: at,
            kind: format!("{:?}", record.kind),
            source: record.source,
            seq: record.seq,
            ts: rfc3339(Some(record.ts)),
            content,
        })?;
        sources.consume(&record);
    }
    match reader.torn_bytes() {
        0 => Ok(()),
        torn_bytes => lines.put(&Torn { torn_bytes }),
    }
}

#[derive(Serialize)]
struct Header<'a> {
    file: &'static str,
    version: u32,
    text: &'a str,
}

/// Last line of a journal that a crash cut off.
#[derive(Serialize)]
struct Torn {
    torn_bytes: usize,
}

#[derive(Serialize)]
struct RecordJson<'a> {
    record: usize,
    kind: String,
    source: u16,
    seq: u64,
    ts: Option<String>,
    #[serde(flatten)]
    content: Content<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Nothing {},
    State { name: String, content: String },
    Bind { source_kind: Option<&'static str>, symbol: u16, wire_id: u32 },
    Frames { bytes: usize, frames: Vec<FrameJson<'a>>, unfinished: usize, error: Option<String> },
    Scid { bytes: usize, records: Vec<ScidJson>, unfinished: usize },
    Depth { bytes: usize, records: Vec<DepthJson>, unfinished: usize },
    Events { events: Vec<EventJson> },
    Context { context: Box<Context> },
    UnreadableContext { content: String },
    Adopt { version: u64 },
    Command { command: String },
    Digest { digest: String },
    Raw { raw: String },
}

/// An event; prices in ticks. `None` is what the bytes of the record do not spell.
#[derive(Serialize)]
struct EventJson {
    seq: u64,
    ts: Option<String>,
    ts_exch: Option<String>,
    symbol: u16,
    flags: u8,
    #[serde(flatten)]
    body: BodyJson,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum BodyJson {
    Trade { px: i32, qty: Qty, aggressor: String, unbundled: u8 },
    Quote { bid: Option<(i32, Qty)>, ask: Option<(i32, Qty)> },
    Depth { side: String, px: i32, qty: Qty, orders: u16 },
    Clear,
    BatchEnd,
    Timer,
    Gap { cause: String },
    Halt { state: &'static str, cause: String },
    Resume { state: &'static str },
    Flatten { all: bool },
    Link { up: bool },
    Position { contracts: i32 },
    Balance { usd: f64 },
    Listed { listing: String },
    Reserved { below: String },
    Sent { order: String },
    Order { order: String },
    Fill { order: String },
    Status { code: u8 },
    Reject { message_type: u16 },
    Unreadable { raw: String },
}

/// What the bytes of each source are, and where its last message or record is unfinished.
#[derive(Default)]
struct Sources {
    list: Vec<Source>,
}

struct Source {
    id: u16,
    kind: u16,
    /// Bytes not yet printed, those of the present record at the end.
    pending: Vec<u8>,
    /// Nothing more can be cut from this connection.
    broken: bool,
}

impl Sources {
    fn get(&self, id: u16) -> Option<&Source> {
        self.list.iter().find(|s| s.id == id)
    }

    /// Notes what a record changes, before it is printed.
    fn take(&mut self, record: &Record<'_>) {
        let source = self.list.iter_mut().find(|s| s.id == record.source);
        match (record.kind, source) {
            (Kind::Bind, None) => {
                if let Ok(bind) = Bind::read_from_bytes(record.payload) {
                    let (id, kind) = (record.source, bind.source_kind.get());
                    self.list.push(Source { id, kind, pending: Vec::new(), broken: false });
                }
            }
            (Kind::Connected, Some(source)) => {
                source.pending.clear();
                source.broken = false;
            }
            (Kind::Bytes, Some(source)) if !source.broken => {
                source.pending.extend_from_slice(record.payload);
            }
            _ => {}
        }
    }

    /// Drops what was printed whole.
    fn consume(&mut self, record: &Record<'_>) {
        let source = self.list.iter_mut().find(|s| s.id == record.source);
        let (Kind::Bytes, Some(source)) = (record.kind, source) else { return };
        match whole_bytes(source) {
            Some(used) => {
                source.pending.drain(..used);
            }
            None => {
                source.pending.clear();
                source.broken = true;
            }
        }
    }
}

/// Length of the whole messages or records at the start; `None` where they cannot be followed.
fn whole_bytes(source: &Source) -> Option<usize> {
    let len = source.pending.len();
    match source.kind {
        k if k == SourceKind::Dtc as u16 => cut(&source.pending, |_| true).ok(),
        k if k == SourceKind::Scid as u16 => Some(len - len % scid::RECORD_BYTES as usize),
        k if k == SourceKind::Depth as u16 => Some(len - len % depth::RECORD_BYTES as usize),
        _ => Some(len),
    }
}

fn content<'a>(record: &Record<'a>, sources: &'a Sources) -> Content<'a> {
    let raw = || Content::Raw { raw: hex::text(record.payload) };
    let number = || U64::read_from_bytes(record.payload).map(U64::get);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match record.kind {
        Kind::State => {
            let mut parts = record.payload.splitn(2, |&b| b == 0);
            match (parts.next(), parts.next()) {
                (Some(name), Some(content)) => {
                    Content::State { name: text(name), content: text(content) }
                }
                _ => raw(),
            }
        }
        Kind::Bind => Bind::read_from_bytes(record.payload).map_or_else(
            |_| raw(),
            |bind| Content::Bind {
                source_kind: source_kind(bind.source_kind.get()),
                symbol: bind.symbol.get(),
                wire_id: bind.wire_id.get(),
            },
        ),
        Kind::Bytes => match sources.get(record.source) {
            Some(source) if !source.broken => bytes(source, record.payload.len()),
            _ => raw(),
        },
        Kind::Events => Content::Events { events: events(record) },
        Kind::Context => match context::decode(record.payload) {
            Ok(context) => Content::Context { context: Box::new(context) },
            Err(_) => Content::UnreadableContext { content: text(record.payload) },
        },
        Kind::Adopt => number().map_or_else(|_| raw(), |version| Content::Adopt { version }),
        Kind::Digest => number()
            .map_or_else(|_| raw(), |digest| Content::Digest { digest: format!("{digest:016x}") }),
        Kind::Command | Kind::Simulated => {
            command(record).map_or_else(raw, |command| Content::Command { command })
        }
        Kind::Signal => raw(),
        Kind::Connected | Kind::End => Content::Nothing {},
    }
}

fn source_kind(code: u16) -> Option<&'static str> {
    match code {
        k if k == SourceKind::Dtc as u16 => Some("dtc"),
        k if k == SourceKind::Scid as u16 => Some("scid"),
        k if k == SourceKind::Depth as u16 => Some("depth"),
        _ => None,
    }
}

/// What has become whole with this record's bytes: a message that began in an earlier record is
/// listed where it ends.
fn bytes(source: &Source, bytes: usize) -> Content<'_> {
    let pending = source.pending.as_slice();
    let used = whole_bytes(source);
    let unfinished = used.map_or(0, |used| pending.len() - used);
    match source_kind(source.kind) {
        Some("dtc") => {
            let mut frames = Vec::new();
            let end = cut(pending, |frame| {
                frames.push(FrameJson(frame));
                true
            });
            let error = end.err().map(|(_, error)| error.to_string());
            Content::Frames { bytes, frames, unfinished, error }
        }
        Some("scid") => {
            let records = scid::Records::new(pending, scid::RECORD_BYTES);
            Content::Scid {
                bytes,
                records: records.map(|r| ScidJson::new(&r)).collect(),
                unfinished,
            }
        }
        Some("depth") => {
            let records = depth::Records::new(pending, depth::RECORD_BYTES);
            let records = records.map(|r| DepthJson::new(&r)).collect();
            Content::Depth { bytes, records, unfinished }
        }
        _ => Content::Raw { raw: hex::text(pending) },
    }
}

/// An order message, as the program spells it.
fn command(record: &Record<'_>) -> Option<String> {
    let words = <[U64; 4]>::read_from_bytes(record.payload).ok()?.map(U64::get);
    let command = Command::of_words(record.seq, Ts(record.ts), words)?;
    Some(format!("{:?} of symbol {}", command.action, command.symbol.0))
}

fn events(record: &Record<'_>) -> Vec<EventJson> {
    let seqs = record.seq..=u64::MAX;
    seqs.zip(record.payload.chunks(PACKED_BYTES)).map(|(seq, chunk)| event(seq, chunk)).collect()
}

fn event(seq: u64, chunk: &[u8]) -> EventJson {
    match PackedEvent::read_from_bytes(chunk).ok().and_then(|packed| packed.unpack(seq)) {
        Some(event) => EventJson {
            seq,
            ts: rfc3339(Some(event.ts.0)),
            ts_exch: rfc3339(Some(event.ts_exch.0)),
            symbol: event.symbol.0,
            flags: event.flags,
            body: body(&event),
        },
        None => EventJson {
            seq,
            ts: None,
            ts_exch: None,
            symbol: 0,
            flags: 0,
            body: BodyJson::Unreadable { raw: hex::text(chunk) },
        },
    }
}

fn body(event: &Event) -> BodyJson {
    let name = |value: &dyn std::fmt::Debug| format!("{value:?}").to_lowercase();
    let level = |side: Option<(Px, Qty)>| side.map(|(px, qty)| (px.ticks(), qty));
    match event.body {
        Body::Trade { px, qty, aggressor, unbundled } => {
            BodyJson::Trade { px: px.ticks(), qty, aggressor: name(&aggressor), unbundled }
        }
        Body::Quote { bid, ask } => BodyJson::Quote { bid: level(bid), ask: level(ask) },
        Body::Depth { side, px, qty, orders } => {
            BodyJson::Depth { side: name(&side), px: px.ticks(), qty, orders }
        }
        Body::Clear => BodyJson::Clear,
        Body::BatchEnd => BodyJson::BatchEnd,
        Body::Timer => BodyJson::Timer,
        Body::Gap(cause) => BodyJson::Gap { cause: name(&cause) },
        Body::Halt { state, cause } => BodyJson::Halt { state: state.name(), cause: name(&cause) },
        Body::Resume(state) => BodyJson::Resume { state: state.name() },
        Body::Flatten { all } => BodyJson::Flatten { all },
        Body::Link(up) => BodyJson::Link { up },
        Body::Position(contracts) => BodyJson::Position { contracts },
        Body::Balance(usd) => BodyJson::Balance { usd },
        Body::Listed(listing) => BodyJson::Listed { listing: name(&listing) },
        Body::Reserved(id) => BodyJson::Reserved { below: id.to_string() },
        Body::Order(update) => BodyJson::Order { order: update.id.to_string() },
        Body::Sent(id) => BodyJson::Sent { order: id.to_string() },
        Body::Fill(fill) => BodyJson::Fill { order: fill.id.to_string() },
        Body::Status(code) => BodyJson::Status { code },
        Body::Reject { message_type } => BodyJson::Reject { message_type },
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::of_bytes;
    use super::*;
    use crate::journal::Writer;
    use crate::journal::event::pack;
    use crate::units::{Aggressor, SymbolId};
    use dtc::wire::{Heartbeat, Message};
    use zerocopy::IntoBytes;

    const TS: i64 = 1_700_000_000_000_000_000;

    fn journal(name: &str, fill: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let folder = std::env::temp_dir().join(format!("mia-ins-{name}-{}", std::process::id()));
        let path = folder.join("a.mjrnl");
        let _ = std::fs::remove_file(&path);
        let mut writer = Writer::create(&path, "version = 1\n").expect("create");
        fill(&mut writer);
        writer.sync().expect("sync");
        let data = std::fs::read(&path).expect("read");
        std::fs::remove_dir_all(folder).expect("clean up");
        data
    }

    fn bind(source_kind: SourceKind) -> Bind {
        Bind { source_kind: (source_kind as u16).into(), symbol: 0.into(), wire_id: 7.into() }
    }

    #[test]
    fn every_kind_of_record() {
        let px = Px::clamped(19_201);
        let body = Body::Trade { px, qty: 3, aggressor: Aggressor::Sell, unbundled: 0 };
        let (ts, symbol) = (Ts(TS), SymbolId(0));
        let event = Event { seq: 5, ts, ts_exch: Ts::NONE, symbol, flags: 1, body };
        let data = journal("kinds", |w| {
            let mut put = |kind, seq, bytes: &[u8]| {
                w.append(kind, 1, seq, TS, bytes).expect("append");
            };
            put(Kind::State, 0, b"equity\x00100000");
            put(Kind::Bind, 0, bind(SourceKind::Dtc).as_bytes());
            put(Kind::Connected, 0, &[]);
            put(Kind::Events, 5, &[pack(&event).as_bytes(), &[0xff; 40]].concat());
            put(Kind::Context, 0, b"{}");
            put(Kind::Context, 0, &context::encode(&Context { version: 2, ..Context::EMPTY }));
            put(Kind::Adopt, 6, &2_u64.to_le_bytes());
            put(Kind::Signal, 6, &[1, 2]);
            put(Kind::Digest, 6, &0xabc_u64.to_le_bytes());
            put(Kind::End, 6, &[]);
        });
        let (lines, error) = of_bytes("kinds", &data);
        assert_eq!(error, None);
        let expected = [
            r#""text":"version = 1\n"}"#,
            r#""kind":"State","source":1,"seq":0,"ts":"2023-11-14T22:13:20.000000000Z","#,
            r#""source_kind":"dtc","symbol":0,"wire_id":7}"#,
            r#""kind":"Connected","#,
            r#""flags":1,"event":"trade","px":19201,"qty":3,"aggressor":"sell","unbundled":0}"#,
            r#""content":"{}"}"#,
            r#""context":{"version":2,"trade_day":null,"days_to_weekly":null,"#,
            r#""version":2}"#,
            r#""raw":"0102"}"#,
            r#""digest":"0000000000000abc"}"#,
            r#""kind":"End","#,
        ];
        assert_eq!(lines.len(), expected.len());
        for (line, part) in lines.iter().zip(expected) {
            assert!(line.contains(part), "{line}\n{part}");
        }
        assert!(lines[1].contains(r#""name":"equity","content":"100000"}"#), "{}", lines[1]);
        assert!(lines[4].contains(r#""seq":6,"ts":null"#), "{}", lines[4]);
        assert!(lines[4].contains(r#""event":"unreadable","raw":"ffff"#), "{}", lines[4]);
    }

    #[test]
    fn a_message_over_two_records_is_listed_where_it_ends() {
        let beat = Heartbeat::DEFAULT;
        let data = journal("straddle", |w| {
            let mut put = |kind, bytes: &[u8]| w.append(kind, 1, 1, TS, bytes).expect("append");
            put(Kind::Bind, bind(SourceKind::Dtc).as_bytes());
            put(Kind::Bytes, &[beat.as_bytes(), &[16, 0, 3]].concat());
            put(Kind::Bytes, beat.as_bytes().get(3..).expect("rest"));
            put(Kind::Bytes, &[2, 0, 0, 0]);
            put(Kind::Bytes, beat.as_bytes());
            put(Kind::Connected, &[]);
            put(Kind::Bytes, beat.as_bytes());
        });
        let (lines, error) = of_bytes("straddle", &data);
        assert_eq!(error, None);
        let frames = |at: usize| lines[at].matches("HEARTBEAT").count();
        assert_eq!([2, 3, 4, 5, 7].map(frames), [1, 1, 0, 0, 1]);
        assert!(lines[2].contains(r#""unfinished":3,"#), "{}", lines[2]);
        assert!(lines[3].contains(r#""bytes":13,"#) && lines[3].contains(r#""unfinished":0,"#));
        assert!(lines[4].contains("size of 2 bytes"), "{}", lines[4]);
        assert!(lines[5].contains(r#""raw":"10000300"#), "{}", lines[5]);
    }

    #[test]
    fn file_records_and_a_torn_end() {
        let mut record = depth::Record::parse(&[0; 24]).expect("whole");
        record.command = 2;
        let mut data = journal("files", |w| {
            let payload = bind(SourceKind::Depth);
            w.append(Kind::Bind, 2, 0, 0, payload.as_bytes()).expect("append");
            w.append(Kind::Bytes, 2, 1, TS, &record.to_bytes()).expect("append");
            let payload = bind(SourceKind::Scid);
            w.append(Kind::Bind, 3, 0, 0, payload.as_bytes()).expect("append");
            w.append(Kind::Bytes, 3, 2, TS, &[0; 41]).expect("append");
        });
        data.extend_from_slice(&[7; 11]);
        let (lines, error) = of_bytes("torn", &data);
        assert_eq!(error, None);
        assert!(lines[2].contains(r#""records":[{"kind":"add_bid","command":2,"#), "{}", lines[2]);
        assert!(lines[4].contains(r#""unfinished":1}"#), "{}", lines[4]);
        assert_eq!(lines[5], r#"{"torn_bytes":11}"#);
    }
}
