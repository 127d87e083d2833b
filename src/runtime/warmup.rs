//! Recorded ticks that a live run is fed before its sources are asked, so that VWAP, profile, CVD
//! and bars stand where they would stand had it run since then.
//!
//! The files' events are sequenced like any other, flagged as warm-up and journaled as they are.
//! They keep their own receive stamps and get no Timers: only events move time in history. Nothing
//! after the run's own start is used. At the end the books are cleared, because a live source
//! begins with a snapshot; [`Seam`] keeps trades that history and market both hold from counting
//! twice.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use super::agent::wait_until;
use super::clock::Clock;
use super::files::{FileKind, Loaded, TickFiles, find, foreign, load};
use super::out::{EventSink, Out};
use super::player::Player;
use super::setup::journal_instruments;
use crate::event::{Body, Event, flag};
use crate::feed::seam::{Seam, Warmed};
use crate::journal::Reader;
use crate::journal::event::PACKED_BYTES;
use crate::units::{Instrument, SYMBOLS_MAX, SymbolId, Ts};

/// Events that are recorded and sent at once: half of the smallest events ring.
const BATCH: usize = 1024;

/// Files in memory that go before the live market.
#[derive(Debug)]
pub struct History {
    parts: Vec<Part>,
    names: Vec<String>,
    start: Ts,
}

#[derive(Debug)]
enum Part {
    /// Tick files, merged by receive time.
    Ticks(TickFiles),
    /// A journal, its symbols, and for each the run's.
    Journal { file: Loaded, instruments: Vec<Instrument>, symbols: Vec<Option<SymbolId>> },
}

/// What a history came to.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// Events at or after the run's start, not used.
    pub after_start: u64,
    /// A file that could not be read to its end, and why.
    pub problems: Vec<String>,
}

impl History {
    /// Reads `paths`: tick files are merged and come first, journals follow in the order given.
    /// `None` without any. `start` is the run's own start, beyond which nothing is used.
    ///
    /// # Errors
    /// A text with the path: it cannot be read, or holds no symbol of the run.
    pub fn load(
        paths: &[PathBuf],
        instruments: &[Instrument],
        start: Ts,
    ) -> Result<Option<History>, String> {
        let files = paths.iter().map(|path| load(path)).collect::<Result<Vec<_>, _>>()?;
        let (journals, ticks): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|f| f.kind == FileKind::Journal);
        let mut parts = Vec::new();
        if !ticks.is_empty() {
            let ticks = TickFiles::of_run(ticks, instruments)?;
            // What is wrong with a header is said now.
            ticks.history()?;
            parts.push(Part::Ticks(ticks));
        }
        for file in journals {
            parts.push(journal(file, instruments)?);
        }
        let names = instruments.iter().map(|i| i.symbol.clone()).collect();
        Ok(if parts.is_empty() { None } else { Some(History { parts, names, start }) })
    }

    /// Hands every event of the files to `emit`, in order, until it says `false`; `next` is called
    /// between two files that are not merged.
    fn play(&self, emit: &mut dyn FnMut(Option<Event>) -> bool) -> Used {
        let mut used = Used::default();
        for part in &self.parts {
            let (start, after) = (self.start, &mut used.after_start);
            let mut put = |event: Event| {
                if event.ts.max(event.ts_exch) > start {
                    *after += 1;
                    return true;
                }
                !wanted(&event) || emit(Some(Event { flags: event.flags | flag::WARMUP, ..event }))
            };
            let result = match part {
                Part::Ticks(files) => play_ticks(files, &mut put),
                Part::Journal { file, instruments, symbols } => {
                    play_journal(file, instruments, symbols, &mut put)
                }
            };
            used.problems.extend(result.err());
            if !emit(None) {
                break;
            }
        }
        used
    }
}

/// Timers would move time; halts and rejects were those of another run.
const fn wanted(event: &Event) -> bool {
    matches!(event.body, Body::Gap(_) | Body::Status(_)) || event.is_market()
}

fn journal(file: Loaded, run: &[Instrument]) -> Result<Part, String> {
    let say = |what: &dyn std::fmt::Display| format!("{}: {what}", file.path.display());
    let reader = Reader::open(&file.data).map_err(|e| say(&e))?;
    let instruments = journal_instruments(reader.text()).map_err(|e| say(&e))?;
    Player::new(reader, &instruments).map_err(|e| say(&e))?;
    let symbols: Vec<_> = instruments.iter().map(|i| find(&i.symbol, run)).collect();
    if symbols.iter().all(Option::is_none) {
        let names = instruments.iter().map(|i| i.symbol.as_str());
        return Err(say(&foreign(names, run)));
    }
    for (own, id) in instruments.iter().zip(&symbols) {
        if let Some(other) = id.and_then(|id| run.get(usize::from(id.0)))
            && other.tick != own.tick
        {
            let (name, was, is) = (&own.symbol, own.tick, other.tick);
            return Err(say(&format!(
                "{name} was recorded with tick size {was}, the run has {is}"
            )));
        }
    }
    Ok(Part::Journal { file, instruments, symbols })
}

fn play_ticks(files: &TickFiles, put: &mut dyn FnMut(Event) -> bool) -> Result<(), String> {
    let mut stream = files.history()?;
    while let Some(event) = stream.next_event().map_err(|e| e.to_string())? {
        if !put(event) {
            break;
        }
    }
    files.cut().map_or(Ok(()), Err)
}

fn play_journal(
    file: &Loaded,
    instruments: &[Instrument],
    symbols: &[Option<SymbolId>],
    put: &mut dyn FnMut(Event) -> bool,
) -> Result<(), String> {
    let say = |what: &dyn std::fmt::Display| format!("{}: {what}", file.path.display());
    let reader = Reader::open(&file.data).map_err(|e| say(&e))?;
    let mut player = Player::new(reader, instruments).map_err(|e| say(&e))?;
    let mut more = true;
    let played = player.play(|event| {
        let symbol = symbols.get(usize::from(event.symbol.0)).copied().flatten();
        if let Some(symbol) = symbol
            && more
        {
            more = put(Event { symbol, ..*event });
        }
    });
    played.map_err(|e| say(&e))
}

/// Sequences `history` into `out`, waiting where there is no room; `stop` ends it early.
pub(super) fn warm_up<S: EventSink>(
    history: &History,
    out: &mut Out<S>,
    clock: &Clock,
    stop: &AtomicBool,
) -> Used {
    let mut batch = Vec::with_capacity(BATCH);
    let used = history.play(&mut |event| {
        let Some(event) = event else {
            out.seam.next_file();
            return !stop.load(Ordering::Relaxed);
        };
        if out.seam.history(&event) {
            batch.push(event);
        }
        batch.len() < BATCH || flush(&mut batch, out, stop)
    });
    flush(&mut batch, out, stop);
    let now = clock.now();
    for symbol in (0_u16..).take(history.names.len()).map(SymbolId) {
        if out.seam.symbol(symbol).is_some() {
            let flags = flag::WARMUP | flag::SNAPSHOT | flag::BATCH_END;
            let (ts, ts_exch) = (now, Ts::NONE);
            batch.push(Event { seq: 0, ts, ts_exch, symbol, flags, body: Body::Clear });
        }
    }
    flush(&mut batch, out, stop);
    say(history, &used, &out.seam);
    used
}

/// Records and sends a batch; `false` where the run was asked to stop.
fn flush<S: EventSink>(batch: &mut Vec<Event>, out: &mut Out<S>, stop: &AtomicBool) -> bool {
    let bytes = batch.len() * PACKED_BYTES;
    let stopped = || stop.load(Ordering::Relaxed);
    wait_until(|| stopped() || (out.sink.room() >= batch.len() && out.capture.has_room(bytes)));
    if !stopped() {
        out.batch(batch);
    }
    batch.clear();
    !stopped()
}

fn say(history: &History, used: &Used, seam: &Seam) {
    for problem in &used.problems {
        say!("mia: warm-up: {problem}; what is whole was used");
    }
    for (symbol, name) in (0_u16..).map(SymbolId).zip(&history.names) {
        match seam.symbol(symbol) {
            Some(warmed) => say!("mia: warm-up {name}: {}", text(warmed)),
            None => say!("mia: warm-up {name}: NOTHING in these files"),
        }
    }
    if used.after_start > 0 {
        say!("mia: warm-up: {} events after the start were not used", used.after_start);
    }
}

/// What of a symbol was read, and from when to when.
#[must_use]
pub fn text(warmed: &Warmed) -> String {
    let Warmed { trades, events, from, to, .. } = warmed;
    let mut out = format!("{trades} trades, {events} market events, {from} to {to}");
    if warmed.repeated > 0 {
        let _ = write!(out, "; {} trades were in two files, skipped once", warmed.repeated);
    }
    out
}

/// How the live market joined the history of a symbol; `None` before it has.
#[must_use]
pub fn joined(warmed: &Warmed) -> Option<String> {
    if !warmed.live.is_some() {
        return None;
    }
    let missing = match warmed.missing_ns() {
        0 => "no hole after the warm-up".to_owned(),
        ns => format!("{:.3} s after the warm-up: what traded between is MISSING", ns as f64 / 1e9),
    };
    Some(format!("live from {}, {missing}", warmed.live))
}

/// What a run remembers of its warm-up: each symbol that had one.
pub type Summary = Vec<(SymbolId, Warmed)>;

/// The summary of `seam`.
#[must_use]
pub fn summary(seam: &Seam) -> Summary {
    let symbols = (0_u16..).take(SYMBOLS_MAX).map(SymbolId);
    symbols.filter_map(|id| Some((id, *seam.symbol(id)?))).collect()
}
