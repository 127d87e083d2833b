//! The journal thread: what net captured, decision decided and the cold path published, into one
//! file. A context goes ahead of the first record that names its version.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam::channel::Receiver;
use rtrb::Consumer;
use zerocopy::IntoBytes;

use super::agent::Agent;
use super::clock::Clock;
use super::decision::DecisionRecord;
use super::trading::Progress;
use crate::context::Context;
use crate::journal::{Kind, Writer, context};
use crate::units::{SECOND, Ts};

/// See the module text.
#[derive(Debug)]
pub struct JournalAgent {
    writer: Writer,
    capture: Consumer<u8>,
    decisions: Consumer<DecisionRecord>,
    contexts: Receiver<Arc<Context>>,
    clock: Clock,
    synced: Ts,
    /// Told how far the file is on disk, where somebody waits for that.
    progress: Option<Progress>,
    failed: Arc<AtomicBool>,
    error: Option<std::io::Error>,
    end: Option<DecisionRecord>,
}

/// What the journal came to.
#[derive(Debug)]
pub struct JournalOutcome {
    /// Bytes in the file.
    pub bytes: u64,
    /// Why the file is not whole, if it is not.
    pub error: Option<std::io::Error>,
}

impl JournalAgent {
    /// An agent that writes to `writer` and raises `failed` when it cannot.
    #[must_use]
    pub fn new(
        writer: Writer,
        capture: Consumer<u8>,
        decisions: Consumer<DecisionRecord>,
        contexts: Receiver<Arc<Context>>,
        clock: Clock,
        failed: Arc<AtomicBool>,
    ) -> JournalAgent {
        let synced = clock.now();
        JournalAgent {
            writer,
            capture,
            decisions,
            contexts,
            clock,
            synced,
            progress: None,
            failed,
            error: None,
            end: None,
        }
    }

    /// Brings to disk what `progress` asks for, when it asks.
    #[must_use]
    pub fn with_progress(mut self, progress: Option<Progress>) -> JournalAgent {
        self.progress = progress;
        self
    }

    fn note(&mut self, result: std::io::Result<()>) {
        if let Err(error) = result
            && self.error.is_none()
        {
            say!("mia: {error}: entries halt, the run is not replayable from here");
            self.failed.store(true, Ordering::Release);
            self.error = Some(error);
        }
    }

    /// Everything in the capture ring: records are committed whole, so this ends where one ends and
    /// outputs may follow. A failed journal keeps draining, so that a full disk never stops the
    /// market.
    fn drain_capture(&mut self) -> usize {
        let ready = self.capture.slots();
        let mut results = [Ok(()), Ok(())];
        if let Ok(chunk) = self.capture.read_chunk(ready) {
            let (first, second) = chunk.as_slices();
            if self.error.is_none() {
                results = [self.writer.append_framed(first), self.writer.append_framed(second)];
            }
            chunk.commit_all();
        }
        results.into_iter().for_each(|r| self.note(r));
        ready
    }

    /// Everything that was published so far. It was sent before a decision could see it, so a
    /// record that was taken from the ring finds the content of its version here or in the file.
    fn drain_contexts(&mut self) -> usize {
        let mut done = 0;
        while let Ok(one) = self.contexts.try_recv() {
            done += 1;
            if self.error.is_none() {
                let (content, ts) = (context::encode(&one), self.clock.now());
                let result = self.writer.append(Kind::Context, 0, 0, ts.0, &content);
                self.note(result);
            }
        }
        done
    }

    fn drain_decisions(&mut self) -> usize {
        let mut done = 0;
        while done < 1024
            && let Ok(record) = self.decisions.pop()
        {
            done += 1;
            if record.kind == Kind::End {
                self.end = Some(record);
            } else if self.error.is_none() {
                if record.kind == Kind::Adopt {
                    self.drain_contexts();
                }
                let result = self.write(&record);
                self.note(result);
            }
        }
        done
    }

    fn write(&mut self, record: &DecisionRecord) -> std::io::Result<()> {
        let words = record.words.get(..usize::from(record.len)).unwrap_or_default();
        self.writer.append(record.kind, 0, record.seq, record.ts.0, words.as_bytes())
    }
}

impl Agent for JournalAgent {
    type Output = JournalOutcome;

    fn work(&mut self) -> usize {
        // Asked for before the rings are drained: what led to it stands in them by now.
        let due = self.progress.as_ref().and_then(Progress::due);
        let done = self.drain_capture() + self.drain_contexts() + self.drain_decisions();
        let now = self.clock.now();
        if now.since(self.synced) >= SECOND || due.is_some() {
            self.synced = now;
            if self.error.is_none() {
                let result = self.writer.sync();
                self.note(result);
            }
            if let (Some(progress), Some(seq), None) = (&self.progress, due, &self.error) {
                progress.done(seq);
            }
        }
        done
    }

    fn finished(&self) -> bool {
        self.capture.is_abandoned()
            && self.decisions.is_abandoned()
            && self.capture.is_empty()
            && self.decisions.is_empty()
    }

    fn finish(mut self) -> JournalOutcome {
        if let Some(end) = self.end.take()
            && self.error.is_none()
        {
            let result = self.write(&end).and_then(|()| self.writer.sync());
            self.note(result);
        }
        JournalOutcome { bytes: self.writer.bytes(), error: self.error }
    }
}
