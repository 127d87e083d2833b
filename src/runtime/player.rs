//! A journal → the events of the run that wrote it.
//!
//! The bytes go through the same decoders as in the live run; the events that had no bytes are
//! taken as they stand. Contexts are handed to the core at the event at which the live run adopted
//! them, and the recorded digests are compared on the way.

use std::collections::BTreeMap;

use dtc::file::{depth, scid};
use zerocopy::FromBytes;
use zerocopy::little_endian::U64;

use super::setup::journal_instruments;
use crate::context::Context;
use crate::event::{Body, Event, Sequencer, flag};
use crate::feed::dtc::DtcFeed;
use crate::feed::dtc::orders::{KnownOrder, Named, OrderFeed};
use crate::feed::seam::Seam;
use crate::feed::sierra::SierraDecoder;
use crate::feed::{Counters, FeedError};
use crate::journal::event::{PACKED_BYTES, PackedEvent};
use crate::journal::record::{Bind, Kind, Record, SourceKind};
use crate::journal::{JournalError, Reader, context};
use crate::pipeline::Pipeline;
use crate::units::{Instrument, SymbolId, Ts};

/// Why a journal cannot be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlayError {
    /// It cannot be read.
    Journal(JournalError),
    /// What it says contradicts itself or this build, at this record (from 0).
    Record(u64, &'static str),
    /// A decoder cannot be set up.
    Feed(FeedError),
}

impl std::fmt::Display for PlayError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PlayError::Journal(e) => e.fmt(f),
            PlayError::Record(at, what) => write!(f, "journal record {at}: {what}"),
            PlayError::Feed(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for PlayError {}

enum Decoder {
    Dtc(Box<DtcFeed>),
    Scid(SierraDecoder),
    Depth(SierraDecoder),
}

/// One source of the recorded run.
struct Source {
    id: u16,
    decoder: Decoder,
    /// The start of a message whose end has not come yet.
    partial: Vec<u8>,
}

/// Decodes the input records of a journal.
pub struct Player<'a> {
    reader: Reader<'a>,
    sources: Vec<Source>,
    /// Live trades that the history held already.
    overlap: u64,
}

impl std::fmt::Debug for Player<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Player").field("sources", &self.sources.len()).finish_non_exhaustive()
    }
}

impl<'a> Player<'a> {
    /// A player of `reader` for the symbols of its run.
    ///
    /// # Errors
    /// [`PlayError`] where its Bind records make no sense.
    pub fn new(reader: Reader<'a>, instruments: &[Instrument]) -> Result<Player<'a>, PlayError> {
        let mut binds: Vec<(u16, Bind)> = Vec::new();
        for (at, record) in reader.records().enumerate() {
            if record.kind == Kind::Bind {
                let bind = Bind::read_from_bytes(record.payload)
                    .map_err(|_| PlayError::Record(at as u64, "Bind of a wrong length"))?;
                binds.push((record.source, bind));
            }
        }
        let orders = order_source(&reader);
        let mut ids: Vec<u16> = binds.iter().map(|b| b.0).collect();
        // A connection for orders alone has no symbols of its own.
        ids.extend(orders.as_ref().map(|o| o.0));
        ids.sort_unstable();
        ids.dedup();
        let sources = ids
            .into_iter()
            .map(|id| {
                let of: Vec<&Bind> = binds.iter().filter(|b| b.0 == id).map(|b| &b.1).collect();
                let mut decoder = match of.is_empty() {
                    true => Decoder::Dtc(Box::new(DtcFeed::new(&[]))),
                    false => decoder(&of, instruments)?,
                };
                if let (Some((source, text)), Decoder::Dtc(feed)) = (&orders, &mut decoder)
                    && *source == id
                {
                    let wrong = PlayError::Record(0, "order_source that is no such text");
                    let own = OrderFeed::from_text(text, instruments).ok_or(wrong)?;
                    **feed = std::mem::replace(&mut **feed, DtcFeed::new(&[])).with_orders(own);
                }
                Ok(Source { id, decoder, partial: Vec::new() })
            })
            .collect::<Result<_, _>>()?;
        Ok(Player { reader, sources, overlap: 0 })
    }

    /// Hands every event of the journal to `on_event`, in order.
    ///
    /// # Errors
    /// [`PlayError::Record`] where a record's place in the sequence is not where the decoders are:
    /// the journal is damaged or of another build.
    pub fn play(&mut self, mut on_event: impl FnMut(&Event)) -> Result<(), PlayError> {
        let (mut sequencer, mut seam) = (Sequencer::default(), Seam::default());
        for (at, record) in self.reader.records().enumerate() {
            let input = matches!(record.kind, Kind::Bytes | Kind::Events);
            if input && record.seq != sequencer.next_seq() {
                return Err(PlayError::Record(at as u64, "sequence number does not follow"));
            }
            match record.kind {
                Kind::Bytes => self.bytes(&record, &mut |event| {
                    if seam.live(&event) {
                        on_event(&sequencer.stamp(event));
                    }
                }),
                Kind::Events => events(&record, &mut sequencer, &mut |event: &Event| {
                    if event.has(flag::WARMUP) {
                        // What overlapped with an earlier file was not recorded.
                        seam.history(event);
                    }
                    on_event(event);
                }),
                Kind::Connected => self.connected(record.source),
                _ => Some(()),
            }
            .ok_or(PlayError::Record(at as u64, "input that no decoder understands"))?;
        }
        self.overlap = seam.overlap();
        Ok(())
    }

    fn source(&mut self, id: u16) -> Option<&mut Source> {
        self.sources.iter_mut().find(|s| s.id == id)
    }

    fn connected(&mut self, id: u16) -> Option<()> {
        let source = self.source(id)?;
        source.partial.clear();
        if let Decoder::Dtc(feed) = &mut source.decoder {
            feed.reconnected();
        }
        Some(())
    }

    fn bytes(&mut self, record: &Record<'_>, emit: &mut impl FnMut(Event)) -> Option<()> {
        let (ts, source) = (Ts(record.ts), self.source(record.source)?);
        let warmup = if record.warmup { flag::WARMUP } else { 0 };
        let received = |event: Event| Event { ts, flags: event.flags | warmup, ..event };
        match &mut source.decoder {
            Decoder::Dtc(feed) => dtc_bytes(feed, &mut source.partial, record.payload, ts, emit),
            Decoder::Scid(decoder) => {
                for one in scid::Records::new(record.payload, scid::RECORD_BYTES) {
                    decoder.trade(&one).into_iter().for_each(|e| emit(received(e)));
                }
            }
            Decoder::Depth(decoder) => {
                for one in depth::Records::new(record.payload, depth::RECORD_BYTES) {
                    decoder.depth(&one).into_iter().for_each(|e| emit(received(e)));
                }
            }
        }
        Some(())
    }

    /// What the decoders skipped or refused.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut all = Counters { overlap: self.overlap, ..Counters::default() };
        for source in &self.sources {
            all.add(&match &source.decoder {
                Decoder::Dtc(feed) => feed.counters(),
                Decoder::Scid(decoder) | Decoder::Depth(decoder) => decoder.counters(),
            });
        }
        all
    }
}

/// Name of the State record that says over which source the orders of which account go.
pub const ORDER_SOURCE: &str = "order_source";

/// The source of the orders of a recorded run, where it had any, and what its decoder was made
/// from.
fn order_source(reader: &Reader<'_>) -> Option<(u16, String)> {
    reader.records().filter(|r| r.kind == Kind::State).find_map(|record| {
        let text = record.payload.strip_prefix(ORDER_SOURCE.as_bytes())?.strip_prefix(&[0])?;
        Some((record.source, String::from_utf8_lossy(text).into_owned()))
    })
}

/// Orders of ours that the server of a recorded run has named, for the run of `instruments` that
/// follows it: fills of the past are told under the server's id alone. Nothing but the order
/// connection's messages is decoded.
///
/// # Errors
/// A text where the journal does not say what its symbols are.
pub fn known_orders(
    reader: &Reader<'_>,
    instruments: &[Instrument],
) -> Result<Vec<KnownOrder>, String> {
    let recorded = journal_instruments(reader.text())?;
    let orders = order_frames(reader, &recorded, |_| {})?;
    let Some(orders) = orders else { return Ok(Vec::new()) };
    let now = |known: KnownOrder| {
        let name = &recorded.get(usize::from(known.symbol.0))?.symbol;
        let at = instruments.iter().position(|i| i.symbol == *name)?;
        Some(KnownOrder { symbol: SymbolId(u16::try_from(at).ok()?), ..known })
    };
    Ok(orders.known().filter_map(now).collect())
}

/// What the server of a recorded run called our orders and their executions, first to last; none
/// where the run had no server.
///
/// # Errors
/// As [`known_orders`].
pub fn named(reader: &Reader<'_>) -> Result<Vec<Named>, String> {
    let recorded = journal_instruments(reader.text())?;
    let mut before = None;
    let mut all = Vec::new();
    order_frames(reader, &recorded, |orders| {
        // What it knew before its first message came from an earlier run.
        before.get_or_insert_with(|| orders.known().collect::<Vec<KnownOrder>>());
        all.extend(orders.poll_learned().map(|(id, text)| Named::Order(id, text)));
        all.extend(orders.poll_executed().map(|(id, text)| Named::Execution(id, text)));
    })?;
    let before = before.into_iter().flatten().map(|known| Named::Order(known.id, known.server));
    Ok(before.chain(all).collect())
}

/// Decodes the messages of the order connection and nothing else; `each` sees the decoder after
/// each of them. `None` where the run had no such connection.
fn order_frames(
    reader: &Reader<'_>,
    recorded: &[Instrument],
    mut each: impl FnMut(&mut OrderFeed),
) -> Result<Option<OrderFeed>, String> {
    let Some((source, text)) = order_source(reader) else { return Ok(None) };
    let mut orders =
        OrderFeed::from_text(&text, recorded).ok_or("the order source says nothing")?;
    let (mut counters, mut bytes) = (Counters::default(), Vec::new());
    for record in reader.records().filter(|r| r.source == source) {
        match record.kind {
            Kind::Bytes => bytes.extend_from_slice(record.payload),
            Kind::Connected => bytes.clear(),
            _ => continue,
        }
        let mut left = bytes.as_slice();
        while let Ok(Some(frame)) = dtc::frame::next_frame(left) {
            orders.on_frame(&frame, Ts(record.ts), &mut counters, &mut |_| {});
            each(&mut orders);
            left = left.get(frame.len()..).unwrap_or_default();
        }
        let whole = bytes.len() - left.len();
        bytes.drain(..whole);
    }
    Ok(Some(orders))
}

fn decoder(binds: &[&Bind], instruments: &[Instrument]) -> Result<Decoder, PlayError> {
    let wrong = PlayError::Record(0, "Bind names a symbol or kind that the run does not have");
    let first = *binds.first().ok_or(wrong.clone())?;
    let of = |bind: &Bind| {
        let id = bind.symbol.get();
        instruments.get(usize::from(id)).map(|i| (bind.wire_id.get(), SymbolId(id), i))
    };
    let all: Vec<_> = binds.iter().map(|b| of(b)).collect::<Option<_>>().ok_or(wrong.clone())?;
    let (_, id, instrument) = *all.first().ok_or(wrong.clone())?;
    let sierra = || SierraDecoder::new(id, instrument).map_err(PlayError::Feed);
    match first.source_kind.get() {
        k if k == SourceKind::Dtc as u16 => Ok(Decoder::Dtc(Box::new(DtcFeed::new(&all)))),
        k if k == SourceKind::Scid as u16 => Ok(Decoder::Scid(sierra()?)),
        k if k == SourceKind::Depth as u16 => Ok(Decoder::Depth(sierra()?)),
        _ => Err(wrong),
    }
}

fn dtc_bytes(
    feed: &mut DtcFeed,
    partial: &mut Vec<u8>,
    bytes: &[u8],
    ts: Ts,
    emit: &mut impl FnMut(Event),
) {
    // Nearly always a read begins with a whole message: cut it in place, copy only the rest.
    if partial.is_empty() {
        let rest = dtc_frames(feed, bytes, ts, emit);
        partial.extend_from_slice(rest);
    } else {
        partial.extend_from_slice(bytes);
        let left = dtc_frames(feed, partial, ts, emit).len();
        partial.drain(..partial.len() - left);
    }
}

/// Decodes the whole messages of `bytes` and returns what follows them.
fn dtc_frames<'b>(
    feed: &mut DtcFeed,
    mut bytes: &'b [u8],
    ts: Ts,
    emit: &mut impl FnMut(Event),
) -> &'b [u8] {
    while let Ok(Some(frame)) = dtc::frame::next_frame(bytes) {
        feed.on_frame(&frame, ts, emit);
        bytes = bytes.get(frame.len()..).unwrap_or_default();
    }
    bytes
}

/// Events that are unpacked ahead of the core. A core that reads an event in wide pieces right
/// after it was written in narrow ones waits for the store.
const AHEAD: usize = 32;

fn events(
    record: &Record<'_>,
    sequencer: &mut Sequencer,
    on_event: &mut impl FnMut(&Event),
) -> Option<()> {
    let timer = Body::Timer;
    let (ts, symbol) = (Ts::NONE, SymbolId(0));
    let none = Event { seq: 0, ts, ts_exch: ts, symbol, flags: 0, body: timer };
    let mut ahead = [none; AHEAD];
    for chunk in record.payload.chunks(PACKED_BYTES * AHEAD) {
        let mut whole = 0;
        for (packed, slot) in chunk.chunks(PACKED_BYTES).zip(&mut ahead) {
            let Some(event) = PackedEvent::read_from_bytes(packed).ok().and_then(|p| p.unpack(0))
            else {
                break;
            };
            *slot = sequencer.stamp(event);
            whole += 1;
        }
        ahead.iter().take(whole).for_each(&mut *on_event);
        if whole * PACKED_BYTES < chunk.len() {
            return None;
        }
    }
    Some(())
}

/// A recorded digest, or the first one that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// After this event.
    pub seq: u64,
    /// What the journal says.
    pub recorded: u64,
    /// What the replay computed.
    pub computed: u64,
}

/// Outputs of the recorded run that its replay needs or checks.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    digests: Vec<(u64, u64)>,
    adopted: Vec<(u64, u64)>,
    /// By version.
    contexts: BTreeMap<u64, Context>,
    /// Adopted, and not in the journal as a whole.
    unknown: Option<u64>,
    /// Whether the run ended in order.
    pub ended: bool,
    checked: usize,
    adopted_so_far: usize,
    mismatch: Option<Mismatch>,
}

impl Outputs {
    /// Collects them from `reader`.
    #[must_use]
    pub fn collect(reader: &Reader<'_>) -> Outputs {
        let mut outputs = Outputs::default();
        for record in reader.records() {
            let number = || U64::read_from_bytes(record.payload).map_or(0, U64::get);
            match record.kind {
                Kind::Digest => outputs.digests.push((record.seq, number())),
                Kind::Adopt => outputs.adopted.push((record.seq, number())),
                Kind::End => outputs.ended = true,
                Kind::Context => {
                    if let Ok(context) = context::decode(record.payload) {
                        outputs.contexts.insert(context.version, context);
                    }
                }
                _ => {}
            }
        }
        let known = |version: u64| version == 0 || outputs.contexts.contains_key(&version);
        let mut versions = outputs.adopted.iter().map(|&(_, version)| version);
        outputs.unknown = versions.find(|&version| !known(version));
        outputs.digests.sort_unstable();
        outputs.adopted.sort_unstable();
        outputs
    }

    /// The context for event `seq`: the newest that the live run had adopted by then.
    pub fn context(&mut self, seq: u64, context: &mut Context) {
        while let Some(&(at, version)) = self.adopted.get(self.adopted_so_far)
            && at <= seq
        {
            // Without its content only the number can be repeated.
            let empty = Context { version, ..Context::EMPTY };
            *context = self.contexts.get(&version).copied().unwrap_or(empty);
            self.adopted_so_far += 1;
        }
    }

    /// The first version that was adopted but is not in the journal: a journal that a crash cut
    /// off, or of a build that published nothing. Features 1 to 11 cannot be repeated from there.
    #[must_use]
    pub const fn unknown_version(&self) -> Option<u64> {
        self.unknown
    }

    /// Compares the digest after event `seq`.
    pub fn check(&mut self, seq: u64, pipeline: &Pipeline) {
        while let Some(&(at, recorded)) = self.digests.get(self.checked)
            && at <= seq
        {
            let computed = pipeline.judge().digest().0;
            if (at, recorded) != (seq, computed) && self.mismatch.is_none() {
                self.mismatch = Some(Mismatch { seq, recorded, computed });
            }
            self.checked += 1;
        }
    }

    /// Recorded digests compared so far, of how many.
    #[must_use]
    pub fn checked(&self) -> (usize, usize) {
        (self.checked, self.digests.len())
    }

    /// The first difference.
    #[must_use]
    pub const fn mismatch(&self) -> Option<Mismatch> {
        self.mismatch
    }
}
