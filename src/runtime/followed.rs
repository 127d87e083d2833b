//! A Sierra file that grows, as a source of the net thread.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use dtc::file::follow::{FileKind, Follower, Progress, Start};
use dtc::file::{depth, scid};

use super::clock::Clock;
use super::out::{EventSink, Out};
use super::source::{FRAME_MIN, READ_BYTES, Turn};
use crate::event::{Body, Event, GapCause, flag};
use crate::feed::Counters;
use crate::feed::sierra::SierraDecoder;
use crate::units::{SECOND, SymbolId, Ts};

/// How often a file that had nothing new is looked at again.
const LOOK_NS: i64 = SECOND / 200;
/// Bytes that one look gives at most.
const CHUNK_BYTES: usize = READ_BYTES / 2;

/// Which file.
#[derive(Clone, Debug)]
pub enum Which {
    /// `NAME.scid`, for ever.
    Scid(PathBuf),
    /// `NAME.YYYY-MM-DD.depth` of a folder, another one each UTC day.
    Depth {
        /// The folder.
        folder: PathBuf,
        /// The symbol that the files are named for.
        name: String,
    },
}

/// See the module text.
#[derive(Debug)]
pub struct Followed {
    id: u16,
    symbol: SymbolId,
    which: Which,
    /// UTC day of the file that is open, in days since 1970.
    day: i64,
    /// The path, for messages.
    name: String,
    follower: Follower,
    decoder: SierraDecoder,
    /// What the file held before the start is history, up to the first time that nothing is new.
    warming: bool,
    looked: Ts,
    said: bool,
    ended: bool,
}

impl Followed {
    /// Source number `id` of the run. With `from_start` what the file already holds is read as
    /// history; a depth file always is, because it opens with a snapshot.
    #[must_use]
    pub fn new(
        id: u16,
        symbol: SymbolId,
        which: Which,
        from_start: bool,
        decoder: SierraDecoder,
        now: Ts,
    ) -> Followed {
        let (path, kind) = file(&which, day(now));
        let depth = kind == FileKind::Depth;
        let start = if from_start || depth { Start::Beginning } else { Start::End };
        Followed {
            id,
            symbol,
            day: day(now),
            which,
            name: path.display().to_string(),
            follower: Follower::new(&path, kind, start, CHUNK_BYTES),
            decoder,
            warming: start == Start::Beginning,
            looked: Ts::NONE,
            said: false,
            ended: false,
        }
    }

    /// Its number, its symbol, and whether it is a depth file.
    #[must_use]
    pub const fn identity(&self) -> (u16, SymbolId, bool) {
        (self.id, self.symbol, matches!(self.which, Which::Depth { .. }))
    }

    /// Whether it still reads trades of before the start. Depth waits for that: the day's depth
    /// would carry market time past the older trades, which would then all count as of now.
    #[must_use]
    pub const fn catches_up(&self) -> bool {
        self.warming && !self.said && !self.ended && matches!(self.which, Which::Scid(_))
    }

    /// Looks no more.
    pub fn stop(&mut self) {
        self.ended = true;
    }

    /// Whether it was stopped.
    #[must_use]
    pub const fn ended(&self) -> bool {
        self.ended
    }

    /// What its decoder skipped or refused.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.decoder.counters()
    }

    /// One look, where it is time for one.
    pub fn work<S: EventSink>(&mut self, clock: &Clock, out: &mut Out<S>, turn: &mut Turn) {
        let now = clock.now();
        if self.looked.is_some() && now.since(self.looked) < LOOK_NS {
            return;
        }
        if out.sink.room() < READ_BYTES / FRAME_MIN || !out.capture.has_room(READ_BYTES) {
            turn.held_back = true;
            return;
        }
        match self.follower.poll() {
            Ok(Progress::Records { bytes, record_size }) => {
                turn.done += 1;
                self.looked = Ts::NONE;
                let depth = matches!(self.which, Which::Depth { .. });
                let bytes = uniform(bytes, record_size, depth);
                let seq = out.sequencer.next_seq();
                if self.warming {
                    out.capture.history(self.id, seq, now.0, &bytes);
                } else {
                    out.capture.bytes(self.id, seq, now.0, &bytes);
                }
                let warmup = if self.warming { flag::WARMUP } else { 0 };
                decode(&mut self.decoder, &bytes, depth, |event| {
                    out.decoded(Event { ts: now, flags: event.flags | warmup, ..event });
                });
                return;
            }
            Ok(Progress::Truncated | Progress::Replaced) => {
                say!("mia: {} was truncated or replaced: read from its start", self.name);
                let (ts, symbol) = (now, self.symbol);
                let body = Body::Gap(GapCause::FileReplaced);
                out.event(Event { seq: 0, ts, ts_exch: Ts::NONE, symbol, flags: 0, body });
                // What is read again has been traded on already.
                self.warming = true;
                return;
            }
            Ok(Progress::Opened { .. }) => {
                self.said = false;
                say!("mia: following {}", self.name);
                return;
            }
            Ok(Progress::Missing) => {
                if !std::mem::replace(&mut self.said, true) {
                    say!("mia: waiting for {}", self.name);
                }
                // A file that does not exist yet holds no history.
                self.warming = false;
            }
            Ok(Progress::Idle) => self.warming = false,
            Err(error) => {
                if !std::mem::replace(&mut self.said, true) {
                    say!("mia: {}: {error}", self.name);
                }
            }
        }
        self.looked = now;
        self.turn_page(now);
    }

    /// A new UTC day has a new depth file; the old one had nothing new.
    fn turn_page(&mut self, now: Ts) {
        if matches!(self.which, Which::Depth { .. }) && day(now) > self.day {
            self.day = day(now);
            let (path, kind) = file(&self.which, self.day);
            self.name = path.display().to_string();
            self.follower = Follower::new(&path, kind, Start::Beginning, CHUNK_BYTES);
            self.said = false;
        }
    }
}

fn day(ts: Ts) -> i64 {
    ts.second().div_euclid(86_400)
}

fn file(which: &Which, day: i64) -> (PathBuf, FileKind) {
    match which {
        Which::Scid(path) => (path.clone(), FileKind::Scid),
        Which::Depth { folder, name } => {
            let midnight = Ts(day.saturating_mul(86_400 * SECOND)).to_string();
            let day = midnight.get(..10).unwrap_or_default();
            (Path::new(folder).join(format!("{name}.{day}.depth")), FileKind::Depth)
        }
    }
}

fn decode(decoder: &mut SierraDecoder, bytes: &[u8], depth: bool, emit: impl FnMut(Event)) {
    if depth {
        let records = depth::Records::new(bytes, depth::RECORD_BYTES);
        records.filter_map(|r| decoder.depth(&r)).for_each(emit);
    } else {
        let records = scid::Records::new(bytes, scid::RECORD_BYTES);
        records.filter_map(|r| decoder.trade(&r)).for_each(emit);
    }
}

/// Records in the size that this build knows: a newer format may have made them longer, and the
/// journal must not depend on a file header that it does not hold.
fn uniform(bytes: &[u8], record_size: u32, depth: bool) -> Cow<'_, [u8]> {
    let own = if depth { depth::RECORD_BYTES } else { scid::RECORD_BYTES };
    if record_size == own {
        return bytes.into();
    }
    let records = bytes.chunks_exact(record_size.max(1) as usize);
    records.filter_map(|r| r.get(..own as usize)).flatten().copied().collect::<Vec<u8>>().into()
}
