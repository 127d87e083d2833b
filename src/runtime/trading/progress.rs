//! [`Progress`]: new orders wait for the journal that knows of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far the journal is on disk, between the net thread that waits and the journal thread.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    wanted: Arc<AtomicU64>,
    journaled: Arc<AtomicU64>,
}

impl Progress {
    /// Asks that everything up to event `seq` and its outputs be brought to disk.
    pub fn want(&self, seq: u64) {
        self.wanted.fetch_max(seq, Ordering::AcqRel);
    }

    /// What is asked for and not done; the journal thread looks before it drains its rings.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        let wanted = self.wanted.load(Ordering::Acquire);
        (wanted > self.journaled.load(Ordering::Acquire)).then_some(wanted)
    }

    /// It is on disk up to event `seq`.
    pub fn done(&self, seq: u64) {
        self.journaled.fetch_max(seq, Ordering::AcqRel);
    }

    /// The last event that is known to be on disk.
    #[must_use]
    pub fn journaled(&self) -> u64 {
        self.journaled.load(Ordering::Acquire)
    }
}
