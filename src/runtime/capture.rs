//! The ring of journal bytes between the net thread and the journal thread.

use rtrb::{Consumer, Producer};
use zerocopy::IntoBytes;

use super::rings::ring;
use crate::event::Event;
use crate::journal::event::pack;
use crate::journal::record::{self, Kind, SOURCE_WARMUP, record_bytes};

/// Bytes kept free for events that must be recorded whatever happens.
const RESERVE: usize = 1 << 16;

/// The net thread's end: whole records, each made visible at once.
#[derive(Debug)]
pub struct Capture {
    ring: Option<Producer<u8>>,
    scratch: Vec<u8>,
    lost: u64,
}

/// A capture over a ring of `bytes` bytes, and the journal's end.
#[must_use]
pub fn capture(bytes: usize, record_max: usize) -> (Capture, Consumer<u8>) {
    let (producer, consumer) = ring(bytes);
    let scratch = Vec::with_capacity(record_bytes(record_max));
    (Capture { ring: Some(producer), scratch, lost: 0 }, consumer)
}

impl Capture {
    /// A capture that keeps nothing.
    #[must_use]
    pub const fn off() -> Capture {
        Capture { ring: None, scratch: Vec::new(), lost: 0 }
    }

    /// Whether a read of up to `len` bytes can be recorded now.
    #[must_use]
    pub fn has_room(&self, len: usize) -> bool {
        self.ring.as_ref().is_none_or(|r| r.slots() >= record_bytes(len) + RESERVE)
    }

    /// Records bytes of a source.
    pub fn bytes(&mut self, source: u16, seq: u64, ts: i64, bytes: &[u8]) {
        self.put(Kind::Bytes, source, seq, ts, bytes);
    }

    /// Records bytes that a source held before the start.
    pub fn history(&mut self, source: u16, seq: u64, ts: i64, bytes: &[u8]) {
        self.put(Kind::Bytes, source | SOURCE_WARMUP, seq, ts, bytes);
    }

    /// Records an event that has no bytes.
    pub fn event(&mut self, event: &Event) {
        self.put(Kind::Events, 0, event.seq, event.ts.0, pack(event).as_bytes());
    }

    /// Records events of the history, packed one behind the other; `seq` and `ts` are those of the
    /// first and the last.
    pub fn packed(&mut self, seq: u64, ts: i64, packed: &[u8]) {
        self.put(Kind::Events, 0, seq, ts, packed);
    }

    /// Records that a source connected anew.
    pub fn connected(&mut self, source: u16, ts: i64) {
        self.put(Kind::Connected, source, 0, ts, &[]);
    }

    fn put(&mut self, kind: Kind, source: u16, seq: u64, ts: i64, payload: &[u8]) {
        let Some(ring) = &mut self.ring else { return };
        self.scratch.clear();
        record::append(&mut self.scratch, kind, source, seq, ts, payload);
        // The caller asked for room first; the reserve holds what could not ask.
        if ring.push_entire_slice(&self.scratch).is_err() {
            self.lost += 1;
        }
    }

    /// Records that found no room: above 0 the journal is not replayable.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }
}
