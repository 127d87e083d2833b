//! The records thread: notes of the trading in, the files that people read out.
//!
//! Notes are few. A disk that is slow or full stops no trading and no journal: what cannot be
//! written is said once and counted, and the journal can make the files again.

use std::sync::Arc;

use crossbeam::channel::Receiver;
use rtrb::Consumer;

use super::agent::Agent;
use super::clock::Clock;
use crate::context::Context;
use crate::store::trades::{TradeWriter, Written};
use crate::trader::note::{Note, Stamp};
use crate::units::{SymbolId, Ts};

/// Notes of one turn.
const BATCH: usize = 256;

/// See the module text.
#[derive(Debug)]
pub struct RecordsAgent {
    /// `None` once the files could not be written.
    writer: Option<TradeWriter>,
    notes: Consumer<Note>,
    contexts: Receiver<Arc<Context>>,
    clock: Clock,
    last: Stamp,
    failed: Option<String>,
}

/// What the records came to.
#[derive(Debug)]
pub struct RecordsOutcome {
    /// What was written; `None` where the files are not whole.
    pub written: Option<Written>,
    /// Why they are not.
    pub error: Option<String>,
}

impl RecordsAgent {
    /// An agent that writes to `writer`.
    #[must_use]
    pub fn new(
        writer: TradeWriter,
        notes: Consumer<Note>,
        contexts: Receiver<Arc<Context>>,
        clock: Clock,
    ) -> RecordsAgent {
        let symbol = SymbolId(0);
        let last = Stamp { seq: 0, ts: clock.now(), market_time: Ts::NONE, symbol };
        RecordsAgent { writer: Some(writer), notes, contexts, clock, last, failed: None }
    }

    fn fail(&mut self, error: &dyn std::fmt::Display) {
        eprintln!("mia: {error}: no records from here on; the journal goes on");
        self.failed = Some(error.to_string());
        self.writer = None;
    }

    fn write(&mut self, note: &Note) {
        self.last = stamp(note);
        let result = self.writer.as_mut().map(|writer| writer.write(note));
        if let Some(Err(error)) = result {
            self.fail(&format!("{error:#}"));
        }
    }
}

/// When a note was made.
const fn stamp(note: &Note) -> Stamp {
    match note {
        Note::Decision(n) => n.at,
        Note::Fill(n) => n.at,
        Note::Impact(n) => n.at,
        Note::Position(n) => n.at,
        Note::Trade(n) => n.at,
        Note::After(n) => n.at,
        Note::Order(n) => n.at,
        Note::Kill(n) => n.at,
        Note::Alert(n) => n.at,
    }
}

impl Agent for RecordsAgent {
    type Output = RecordsOutcome;

    fn work(&mut self) -> usize {
        // A decision was made with a context that was published before it.
        while let Ok(context) = self.contexts.try_recv() {
            if let Some(writer) = &mut self.writer {
                writer.adopt(&context);
            }
        }
        let mut done = 0;
        while done < BATCH
            && let Ok(note) = self.notes.pop()
        {
            done += 1;
            self.write(&note);
        }
        let now = self.clock.now();
        if let Some(Err(error)) = self.writer.as_mut().map(|writer| writer.beat(now)) {
            self.fail(&error);
        }
        done
    }

    fn finished(&self) -> bool {
        self.notes.is_abandoned() && self.notes.is_empty()
    }

    fn finish(self) -> RecordsOutcome {
        let ended = self.writer.map(|writer| writer.finish(self.last));
        match ended {
            Some(Ok(written)) => RecordsOutcome { written: Some(written), error: None },
            Some(Err(error)) => {
                RecordsOutcome { written: None, error: Some(format!("{error:#}")) }
            }
            None => RecordsOutcome { written: None, error: self.failed },
        }
    }
}
