//! Numbers that the threads of a run tell each other; none of them reaches the core.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering};

use crate::order::{KillState, OrderId};
use crate::units::Ts;

/// [`Gauges::kill`] before anybody has said it.
const UNSAID: u8 = u8::MAX;

/// Numbers that the threads tell each other. None of them reaches the core.
#[derive(Clone, Debug)]
pub struct Gauges {
    kill: Arc<AtomicU8>,
    used: Arc<AtomicU32>,
    beat: Arc<AtomicI64>,
    settled: Arc<AtomicBool>,
    heard: Arc<AtomicU32>,
    lost: Arc<[AtomicU64; 2]>,
    late: Arc<AtomicI64>,
    turn: Arc<AtomicI64>,
    sequenced: Arc<AtomicU64>,
    seen: Arc<AtomicU64>,
    read: Arc<AtomicU64>,
}

impl Default for Gauges {
    fn default() -> Gauges {
        Gauges {
            kill: Arc::new(AtomicU8::new(UNSAID)),
            used: Arc::default(),
            beat: Arc::default(),
            settled: Arc::default(),
            heard: Arc::default(),
            lost: Arc::default(),
            late: Arc::default(),
            turn: Arc::default(),
            sequenced: Arc::default(),
            seen: Arc::default(),
            read: Arc::default(),
        }
    }
}

impl Gauges {
    /// The decision thread says how far trading is stopped.
    pub fn say_kill(&self, state: KillState) {
        self.kill.store(state as u8, Ordering::Release);
    }

    /// How far trading is stopped, once that was said.
    #[must_use]
    pub fn kill(&self) -> Option<KillState> {
        KillState::of(self.kill.load(Ordering::Acquire))
    }

    /// The decision thread says which order id it has given last.
    pub fn say_used(&self, id: OrderId) {
        self.used.fetch_max(id.counter(), Ordering::Release);
    }

    /// Counter of the last order id that was given; 0 before the first.
    pub(super) fn used(&self) -> u32 {
        self.used.load(Ordering::Acquire)
    }

    /// The decision thread says whether a stop would leave nothing undone: no entry works, and
    /// where positions are to be closed, none is open.
    pub fn say_settled(&self, settled: bool) {
        self.settled.store(settled, Ordering::Release);
    }

    /// See [`Gauges::say_settled`]; `false` until it was said.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    /// The decision thread says how many notes and how many order messages found no room so far.
    pub fn say_lost(&self, lost: [u64; 2]) {
        for (own, lost) in self.lost.iter().zip(lost) {
            own.store(lost, Ordering::Release);
        }
    }

    /// See [`Gauges::say_lost`].
    #[must_use]
    pub fn lost(&self) -> [u64; 2] {
        let [notes, messages] = &*self.lost;
        [notes.load(Ordering::Acquire), messages.load(Ordering::Acquire)]
    }

    /// The decision thread says how many of the door's wishes it has taken.
    pub fn say_heard(&self, count: u32) {
        self.heard.store(count, Ordering::Release);
    }

    pub(super) fn heard(&self) -> u32 {
        self.heard.load(Ordering::Acquire)
    }

    /// The decision thread says that at `now` it was too far behind the events.
    pub fn say_late(&self, now: Ts) {
        self.late.store(now.0, Ordering::Release);
    }

    /// When it last said so; [`Ts::NONE`] where it never did.
    #[must_use]
    pub fn late(&self) -> Ts {
        instant(&self.late)
    }

    /// The net thread says when a turn began that has ended, how many bytes of its connections it
    /// has sequenced by then, and the number of its last event.
    pub fn say_turn(&self, began: Ts, read: u64, seq: u64) {
        self.sequenced.store(seq, Ordering::Release);
        self.read.store(read, Ordering::Release);
        self.turn.store(began.0, Ordering::Release);
    }

    /// The decision thread says the number of the last event that it has decided on.
    pub fn say_seen(&self, seq: u64) {
        self.seen.store(seq, Ordering::Release);
    }

    /// Whether everything that was sequenced by the end of the last turn has been decided on.
    #[must_use]
    pub fn all_seen(&self) -> bool {
        let sequenced = self.sequenced.load(Ordering::Acquire);
        self.seen.load(Ordering::Acquire) >= sequenced
    }

    /// See [`Gauges::say_turn`].
    #[must_use]
    pub fn turn(&self) -> (Ts, u64) {
        (Ts(self.turn.load(Ordering::Acquire)), self.read.load(Ordering::Acquire))
    }

    pub(super) fn say_beat(&self, now: Ts) {
        self.beat.store(now.0, Ordering::Release);
    }

    /// When the door was last heard of; [`Ts::NONE`] where there is none.
    #[must_use]
    pub fn beat(&self) -> Ts {
        instant(&self.beat)
    }
}

/// What was stored there, 0 being nothing yet.
fn instant(of: &AtomicI64) -> Ts {
    match of.load(Ordering::Acquire) {
        0 => Ts::NONE,
        ns => Ts(ns),
    }
}
