//! Baseline files: read for a run, written back when it ends.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::setup::{Setup, hex, origin};
use crate::features::Features;
use crate::features::baseline::codec::{decode, encode};
use crate::features::baseline::{Baseline, BaselineError, Origin};
use crate::store::options::folders;
use crate::units::{Instrument, SymbolId};

/// A baseline with the bytes that it was read from.
#[derive(Clone, Debug)]
pub struct Stored {
    bytes: Vec<u8>,
    baseline: Baseline,
}

impl Stored {
    /// Reads `bytes`.
    ///
    /// # Errors
    /// [`BaselineError`] where they are no whole baseline of this format.
    pub fn new(bytes: Vec<u8>) -> Result<Stored, BaselineError> {
        let baseline = decode(&bytes)?;
        Ok(Stored { bytes, baseline })
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The SHA-256 at their end.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        self.bytes.last_chunk().copied().unwrap_or_default()
    }

    /// What they hold.
    #[must_use]
    pub const fn baseline(&self) -> &Baseline {
        &self.baseline
    }
}

/// The root product; the symbol itself where its root is not known.
#[must_use]
pub fn root(instrument: &Instrument) -> &str {
    if instrument.root.is_empty() { &instrument.symbol } else { &instrument.root }
}

/// Reads a baseline file.
///
/// # Errors
/// A text with the path.
pub fn read(path: &Path) -> Result<Stored, String> {
    let say = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
    let bytes = std::fs::read(path).map_err(|e| say(&e))?;
    Stored::new(bytes).map_err(|e| say(&e))
}

/// Writes a baseline file. A crash leaves the old file or the new one.
///
/// # Errors
/// A text with the path.
pub fn write(path: &Path, baseline: &Baseline) -> Result<(), String> {
    folders::write(path, &encode(baseline)).map_err(|e| format!("baseline {e:#}"))
}

/// Reads `files` into `setup`, each for the symbols of its root, and returns notes for the user.
///
/// # Errors
/// A text with the path: unreadable, of a root that no symbol has, twice for one root, or of
/// another tick or silence than the symbol's.
pub fn attach(setup: &mut Setup, files: &[PathBuf]) -> Result<Vec<String>, String> {
    let mut notes = Vec::new();
    for path in files {
        let say = |what: String| format!("{}: {what}", path.display());
        let stored = Arc::new(read(path)?);
        let of = stored.baseline().origin();
        let mut used = false;
        let slots = setup.instruments.iter().zip(&mut setup.baselines);
        for (instrument, slot) in slots.filter(|(i, _)| root(i) == of.root) {
            let config = setup.config.instrument.get(root(instrument));
            let gap_min = config.and_then(|i| i.baseline_gap_min).unwrap_or(of.gap_min);
            fits(of, instrument, gap_min).map_err(say)?;
            if slot.replace(stored.clone()).is_some() {
                return Err(say(format!("a second baseline of {}: give one", of.root)));
            }
            used = true;
        }
        if !used {
            let roots: Vec<&str> = setup.instruments.iter().map(root).collect();
            let (root, roots) = (&of.root, roots.join(", "));
            return Err(say(format!(
                "a baseline of {root}, and the run has {roots}: leave it out"
            )));
        }
        notes.extend(note(path, &stored, setup.instruments.first()));
    }
    Ok(notes)
}

fn fits(of: &Origin, instrument: &Instrument, gap_min: u32) -> Result<(), String> {
    let (symbol, tick) = (&instrument.symbol, instrument.tick);
    if of.tick != tick {
        let own = of.tick;
        return Err(format!(
            "its ticks are {own} points, those of {symbol} are {tick}: build it anew with --tick"
        ));
    }
    if of.gap_min != gap_min {
        let own = of.gap_min;
        return Err(format!(
            "its sessions may be silent for {own} min, {symbol} says baseline_gap_min = {gap_min}: \
             change that, or build it anew with --gap-min {gap_min}"
        ));
    }
    Ok(())
}

fn note(path: &Path, stored: &Stored, any: Option<&Instrument>) -> Option<String> {
    let of = stored.baseline().origin();
    let own = origin(any?, of.gap_min);
    let name = path.display();
    if of.tz != own.tz || of.calendar != own.calendar {
        let (tz, calendar) = (&of.tz, hex(of.calendar.get(..4).unwrap_or_default()));
        return Some(format!(
            "{name}: built with time zones {tz} and calendar {calendar}, this build has others"
        ));
    }
    None
}

/// Writes the baselines that a run added sessions to; what was done, a line each. Of several
/// symbols with one root the first that added any writes the file.
///
/// # Errors
/// A text with the path.
pub fn write_grown(
    setup: &Setup,
    features: &Features,
    files: &[PathBuf],
) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    for path in files {
        let before = read(path)?;
        let symbols = (0..).map(SymbolId).zip(&setup.instruments);
        let running = symbols
            .filter(|(_, instrument)| root(instrument) == before.baseline().origin().root)
            .filter_map(|(id, _)| features.symbol(id)?.baseline())
            .find(|running| running.joined() > 0);
        if let Some(running) = running {
            write(path, running.baseline())?;
            let (path, joined) = (path.display(), running.joined());
            let sessions = if joined == 1 { "session" } else { "sessions" };
            lines.push(format!("baseline {path}: {joined} {sessions} more"));
        }
    }
    Ok(lines)
}
