//! Where the events of the net thread go: stamped, recorded, and passed on.

use rtrb::Producer;
use zerocopy::IntoBytes;

use super::agent::wait_until;
use super::capture::Capture;
use crate::event::{Body, Event, Sequencer};
use crate::feed::seam::Seam;
use crate::journal::event::pack;
use crate::units::{Px, Ts};

/// Where events go: a ring, or the core itself.
pub trait EventSink: Send {
    /// What it leaves behind.
    type Output: Send + 'static;

    /// Events that can be taken now.
    fn room(&self) -> usize;

    /// Takes an event; waits where there is no room.
    fn send(&mut self, event: &Event);

    /// Ends it.
    fn finish(self) -> Self::Output;
}

impl EventSink for Producer<Event> {
    type Output = ();

    fn room(&self) -> usize {
        self.slots()
    }

    fn send(&mut self, event: &Event) {
        // Only a hostile server makes more events of one read than were asked room for; the reader
        // of this ring depends on nothing of ours, so the wait ends.
        wait_until(|| !self.is_full());
        let _ = self.push(*event);
    }

    fn finish(self) {}
}

/// First number of the symbols that are indices: beside the run's own and no part of its events.
pub const INDEX_BASE: u16 = 0x8000;

/// A value of an index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IndexTick {
    /// Place in the configured list.
    pub index: u16,
    /// Value, in ticks.
    pub px: Px,
    /// Its time.
    pub ts: Ts,
}

/// Stamps events, records them and passes them on.
#[derive(Debug)]
pub struct Out<S> {
    pub(super) sequencer: Sequencer,
    pub(super) capture: Capture,
    pub(super) sink: S,
    /// Where the history ended; it keeps trades from counting twice.
    pub(super) seam: Seam,
    /// Values of indices, which are no events of the run: the cold thread reads them.
    pub(super) indices: Option<Producer<IndexTick>>,
}

impl<S: EventSink> Out<S> {
    /// An event without bytes of its own.
    pub(super) fn event(&mut self, event: Event) {
        if event.symbol.0 >= INDEX_BASE {
            return;
        }
        let event = self.sequencer.stamp(event);
        self.capture.event(&event);
        self.sink.send(&event);
    }

    /// An event whose bytes have been recorded.
    pub(super) fn decoded(&mut self, event: Event) {
        if event.symbol.0 >= INDEX_BASE {
            return self.index(&event);
        }
        if !self.seam.live(&event) {
            return;
        }
        let event = self.sequencer.stamp(event);
        self.sink.send(&event);
    }

    /// A value of an index. A cold thread that does not keep up misses some; nothing waits for it.
    #[cold]
    fn index(&mut self, event: &Event) {
        let index = event.symbol.0 - INDEX_BASE;
        if let (Body::Trade { px, .. }, Some(ring)) = (event.body, &mut self.indices) {
            let _ = ring.push(IndexTick { index, px, ts: event.ts_exch.or(event.ts) });
        }
    }

    /// Events of the history; the caller has seen to the room.
    pub(super) fn batch(&mut self, events: &mut [Event]) {
        let first = self.sequencer.next_seq();
        let mut packed = Vec::new();
        for event in &mut *events {
            *event = self.sequencer.stamp(*event);
            packed.extend_from_slice(pack(event).as_bytes());
        }
        let Some(last) = events.last() else { return };
        self.capture.packed(first, last.ts.0, &packed);
        events.iter().for_each(|event| self.sink.send(event));
    }
}
