//! The records thread: notes of the trading in, the files that people read out.
//!
//! Notes are few. A disk that is slow or full stops no trading and no journal: what cannot be
//! written is said once and counted, and the journal can make the files again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam::channel::Receiver;
use dtc::wire::value;
use rtrb::{Consumer, Producer};

use super::agent::Agent;
use super::clock::Clock;
use super::rings::ring;
use super::setup::{Setup, hex};
use crate::config::SourceConfig;
use crate::context::Context;
use crate::decision::News;
use crate::feed::dtc::orders::Named;
use crate::risk::State;
use crate::snapshot::Publisher;
use crate::store::options::Mode;
use crate::store::staged;
use crate::store::trades::{Header, TradeWriter, Written};
use crate::trader::note::{Note, Stamp};
use crate::units::{SECOND, SymbolId, Ts};

/// Notes of one turn.
const BATCH: usize = 256;

/// How old a note is before it is written, ns, where a server names things: what it calls them
/// comes right behind the note.
const SETTLE_NS: i64 = 20_000_000;
/// Notes that wait for this thread.
const NOTES_RING: usize = 2048;
/// Context versions that wait.
const CONTEXTS: usize = 64;

/// The agent of a run that trades, and the decision's end of its ring. `publisher` tells it each
/// version of the context, `servers` the ids that the server gives orders and executions.
///
/// # Errors
/// A text with the path of what cannot be made.
pub fn agent(
    setup: &Setup,
    publisher: &mut Publisher,
    clock: &Clock,
    servers: Option<Consumer<Named>>,
) -> Result<Option<(RecordsAgent, Producer<Note>)>, String> {
    let Some(trading) = &setup.config.trading else { return Ok(None) };
    let now = clock.now();
    let (header, data) = (header(setup, now), &trading.folder);
    let writer = TradeWriter::new(data, header, setup.calendar.clone(), now);
    let mut writer = writer.map_err(|e| format!("{e:#}"))?;
    for known in &setup.known_orders {
        name(&mut writer, &Named::Order(known.id, known.server));
    }
    writer.written().warnings.iter().for_each(|warning| say!("mia: records: {warning}"));
    let (notes_in, notes) = ring(NOTES_RING);
    let (contexts_in, contexts) = crossbeam::channel::bounded(CONTEXTS);
    publisher.record(contexts_in);
    let limits = Limits::of(data, &setup.mode);
    let mut agent = RecordsAgent::new(writer, limits, notes, contexts, clock.clone());
    agent.servers = servers;
    Ok(Some((agent, notes_in)))
}

/// What the records of a run say alike.
#[must_use]
pub fn header(setup: &Setup, now: Ts) -> Header {
    let synthetic = setup.instruments.iter().any(|i| i.symbol.starts_with("SYNTHETIC"));
    let sources: Vec<&str> = setup.config.sources.iter().map(SourceConfig::name).collect();
    let mode = match setup.mode.as_str() {
        "live" => Mode::Live,
        "paper" => Mode::Paper,
        _ => Mode::Replay,
    };
    let delay_class = match mode {
        _ if synthetic => "simulated",
        Mode::Replay => "replay",
        _ if setup.config.sources.iter().any(SourceConfig::is_delayed) => "delayed-15",
        Mode::Live | Mode::Paper => "realtime",
    };
    Header {
        run: now.to_string().chars().filter(char::is_ascii_digit).take(17).collect(),
        mode,
        source: if sources.is_empty() { "file".to_owned() } else { sources.join(" ") },
        delay_class: delay_class.to_owned(),
        config_hash: hex(&setup.config_hash()),
        preset: setup.preset.name.clone(),
        coverage_floor: setup.preset.coverage_floor,
        build: env!("CARGO_PKG_VERSION").to_owned(),
        // A text that cannot be read was refused before.
        news: setup.news.as_deref().and_then(|text| News::parse(text).ok()).unwrap_or_default(),
        instruments: setup.instruments.clone(),
    }
}

/// The file that holds the limits as they are now: what a start needs where the journal is gone.
#[derive(Clone, Debug)]
pub struct Limits {
    path: PathBuf,
}

impl Limits {
    /// The file of a mode in the data folder `data`.
    #[must_use]
    pub fn of(data: &Path, mode: &str) -> Limits {
        Limits { path: data.join(format!("risk_state_{mode}")) }
    }

    /// What it says; `None` where there is none.
    ///
    /// # Errors
    /// With the path where it cannot be read or is damaged: nothing is guessed of what was lost.
    pub fn read(&self) -> Result<Option<State>, String> {
        let say = |e: &dyn std::fmt::Display| {
            format!("{}: {e}; take it away to begin with fresh limits", self.path.display())
        };
        match std::fs::read_to_string(&self.path) {
            Ok(text) => State::from_text(&text).map(Some).map_err(|e| say(&e)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(say(&error)),
        }
    }

    /// Writes them, whole or not at all.
    ///
    /// # Errors
    /// With the path.
    pub fn write(&self, state: &State) -> std::io::Result<()> {
        staged::write(&self.path, state.to_text().as_bytes())
    }
}

/// See the module text.
#[derive(Debug)]
pub struct RecordsAgent {
    /// `None` once the files could not be written.
    writer: Option<TradeWriter>,
    notes: Consumer<Note>,
    contexts: Receiver<Arc<Context>>,
    servers: Option<Consumer<Named>>,
    clock: Clock,
    last: Stamp,
    limits: Limits,
    /// Limits that are not on disk yet.
    changed: Option<State>,
    /// No attempt to write them before this time.
    again: Ts,
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
        limits: Limits,
        notes: Consumer<Note>,
        contexts: Receiver<Arc<Context>>,
        clock: Clock,
    ) -> RecordsAgent {
        let symbol = SymbolId(0);
        let last = Stamp { seq: 0, ts: clock.now(), market_time: Ts::NONE, symbol };
        let (writer, changed, again, failed) = (Some(writer), None, Ts::NONE, None);
        let servers = None;
        RecordsAgent {
            writer,
            notes,
            contexts,
            servers,
            clock,
            last,
            limits,
            changed,
            again,
            failed,
        }
    }

    fn fail(&mut self, error: &dyn std::fmt::Display) {
        say!("mia: {error}: no records from here on; the journal goes on");
        self.failed = Some(error.to_string());
        self.writer = None;
    }

    /// Brings the limits to disk where they have changed. What cannot be written is told, and tried
    /// again after a while.
    fn save(&mut self, now: Ts) {
        let Some(state) = self.changed.filter(|_| now >= self.again) else { return };
        match self.limits.write(&state) {
            Ok(()) => (self.changed, self.again) = (None, Ts::NONE),
            Err(error) => {
                self.again = Ts(now.0.saturating_add(SECOND));
                say!(
                    "mia: ALERT: {error}: a restart would not know the limits as they are; \
                     tried again in a second"
                );
            }
        }
    }

    /// Whether what a server calls the things of a note has come, as far as it will.
    fn is_settled(&self, note: &Note, now: Ts) -> bool {
        let made = stamp(note).map_or(Ts::NONE, |at| at.ts);
        self.servers.is_none() || self.notes.is_abandoned() || now.since(made) >= SETTLE_NS
    }

    fn write(&mut self, note: &Note) {
        if let Note::Limits(state) = note {
            self.changed = Some(*state);
        }
        self.last = stamp(note).unwrap_or(self.last);
        let result = self.writer.as_mut().map(|writer| writer.write(note));
        if let Some(Err(error)) = result {
            self.fail(&format!("{error:#}"));
        }
    }
}

/// Tells `writer` what the server calls something.
pub fn name(writer: &mut TradeWriter, named: &Named) {
    let text = |field: &[u8]| String::from_utf8_lossy(value::text(field)).into_owned();
    match named {
        Named::Order(id, server) => writer.named(*id, text(server)),
        Named::Execution(id, server) => writer.executed(*id, text(server)),
    }
}

/// When a note was made; limits are no note of a moment.
#[must_use]
pub const fn stamp(note: &Note) -> Option<Stamp> {
    Some(match note {
        Note::Limits(_) => return None,
        Note::Decision(n) => n.at,
        Note::Fill(n) => n.at,
        Note::Impact(n) => n.at,
        Note::Position(n) => n.at,
        Note::Trade(n) => n.at,
        Note::After(n) => n.at,
        Note::Exposed(n) => n.at,
        Note::Order(n) => n.at,
        Note::Kill(n) => n.at,
        Note::Alert(n) => n.at,
    })
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
        let now = self.clock.now();
        let mut done = 0;
        while done < BATCH
            && let Ok(note) = self.notes.peek().copied()
            && self.is_settled(&note, now)
        {
            // The server names an order before it is filled, or with the fill.
            while let Some(Ok(named)) = self.servers.as_mut().map(Consumer::pop) {
                if let Some(writer) = &mut self.writer {
                    name(writer, &named);
                }
            }
            done += 1;
            let _ = self.notes.pop();
            self.write(&note);
        }
        self.save(now);
        if let Some(Err(error)) = self.writer.as_mut().map(|writer| writer.beat(now)) {
            self.fail(&error);
        }
        done
    }

    fn finished(&self) -> bool {
        self.notes.is_abandoned() && self.notes.is_empty()
    }

    fn finish(mut self) -> RecordsOutcome {
        self.again = Ts::NONE;
        self.save(self.clock.now());
        let ended = self.writer.map(|writer| writer.finish(self.last));
        match ended {
            Some(Ok(written)) => RecordsOutcome { written: Some(written), error: None },
            Some(Err(error)) => RecordsOutcome { written: None, error: Some(format!("{error:#}")) },
            None => RecordsOutcome { written: None, error: self.failed },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Calendar;
    use crate::config::Config;
    use crate::units::Instrument;

    /// Limits that cannot be written are not forgotten.
    #[test]
    fn limits_are_written_again() {
        let folder = std::env::temp_dir().join(format!("mia-limits-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let (clock, calendar) = (Clock::new(), Calendar::bundled().expect("calendar"));
        let instruments = vec![Instrument::from_symbol("ESH6").expect("known")];
        let setup = Setup::new(Config::default(), instruments, "paper").expect("valid");
        let header = header(&setup, clock.now());
        let writer = TradeWriter::new(&folder, header, Arc::new(calendar), clock.now());
        let (mut notes_in, notes) = ring(4);
        let (_contexts_in, contexts) = crossbeam::channel::bounded(1);
        let limits = Limits::of(&folder.join("gone"), "paper");
        let writer = writer.expect("a writer");
        let mut agent = RecordsAgent::new(writer, limits.clone(), notes, contexts, clock);
        let state = State { trades: 3, ..State::default() };
        notes_in.push(Note::Limits(state)).expect("room");
        agent.work();
        assert!(agent.changed.is_some(), "there is no such folder");
        std::fs::create_dir_all(folder.join("gone")).expect("folder");
        agent.work();
        assert!(agent.changed.is_some(), "not at once");
        agent.again = Ts::NONE;
        agent.work();
        assert_eq!((agent.changed, limits.read()), (None, Ok(Some(state))));
        std::fs::remove_dir_all(folder).expect("clean up");
    }
}
