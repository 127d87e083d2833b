//! One pass over recorded input through the whole core, looked at after each event: what feature
//! tables and pictures are made from.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use dtc_sim::encode::Generation;

use super::contexts::{Timed, Versions};
use crate::config::{Config, DecisionConfig};
use crate::context::Context;
use crate::decision::Signal;
use crate::event::Event;
use crate::journal::Reader;
use crate::pipeline::Pipeline;
use crate::runtime::files::{Loaded, TickFiles};
use crate::runtime::player::{Mismatch, Outputs, Player};
use crate::runtime::setup::Setup;
use crate::store::{Every, Facts, Sample, Sampler, TableFile, columns};
use crate::tally::SessionFilter;
use crate::trader::note::{Note, Stamp};
use crate::units::Ts;

/// Recorded input.
#[derive(Debug)]
pub enum Input<'a> {
    /// Tick files merged by time, with the contexts that were known meanwhile.
    Ticks {
        /// The files.
        files: &'a TickFiles,
        /// Contexts in the order of their times.
        contexts: &'a [Timed],
        /// Times as a DTC server of this form sends them.
        sent: Option<Generation>,
    },
    /// A journal, which holds its own contexts.
    Journal {
        /// Where it came from.
        file: &'a Loaded,
        /// Its records.
        reader: Reader<'a>,
    },
}

/// The core right after one event.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The event.
    pub event: &'a Event,
    /// The core.
    pub pipeline: &'a Pipeline,
    /// What the event was decided with.
    pub context: &'a Context,
    /// The signal that it raised.
    pub signal: Option<Signal>,
}

impl Step<'_> {
    /// What is open after it, as it stands: of the last step, what nobody closes.
    pub fn held(&self) -> impl Iterator<Item = Note> + '_ {
        let Event { seq, ts, symbol, .. } = *self.event;
        let at = Stamp { seq, ts, market_time: Ts::NONE, symbol };
        let trader = self.pipeline.judge().trader();
        trader.into_iter().flat_map(move |trader| trader.held(at)).map(Note::Position)
    }
}

/// What a pass over a journal says besides its events; nothing of tick files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Why it was not what the recorded run did, where that was to be repeated.
    pub differs: Option<String>,
    /// What its recording lacks.
    pub lacks: Vec<String>,
}

impl Played {
    /// What makes its numbers doubtful, in sentences.
    #[must_use]
    pub fn doubts(self) -> Vec<String> {
        self.differs.into_iter().chain(self.lacks).collect()
    }
}

/// What of a journal's file cannot be played, in sentences; what is whole can.
#[must_use]
pub fn cut_off(file: &Loaded, reader: &Reader<'_>) -> Vec<String> {
    let (path, torn) = (file.path.display(), reader.torn_bytes());
    let torn = (torn > 0).then(|| {
        format!(
            "{path}: {torn} bytes after the last whole record cannot be read: it is cut off or \
                 damaged there"
        )
    });
    file.cut.clone().into_iter().chain(torn).collect()
}

/// Plays `input` through the core of `setup`, handing each event to `each`, whose first error ends
/// the pass. The digests of a journal are compared where `setup` is its own.
///
/// # Errors
/// That one, or what is wrong with the input.
pub fn play(
    setup: &Setup,
    input: &Input<'_>,
    mut each: impl FnMut(&Step<'_>) -> Result<()>,
) -> Result<Played> {
    let mut pipeline = Pipeline::new(&setup.core(SessionFilter::All), setup.calendar.clone());
    let mut step = |pipeline: &mut Pipeline, event: &Event, context: &Context| {
        let signal = pipeline.on_event(event, context).signal;
        each(&Step { event, pipeline, context, signal })
    };
    match input {
        Input::Ticks { files, contexts, sent } => {
            let mut stream = files.stream().map_err(|e| anyhow!(e))?;
            if let Some(form) = *sent {
                stream = stream.changed(move |event| super::market::as_sent(form, event));
            }
            let mut versions = Versions::new(contexts);
            while let Some(event) = stream.next_event()? {
                step(&mut pipeline, &event, versions.at(event.ts).0)?;
            }
            Ok(Played::default())
        }
        Input::Journal { file, reader } => {
            let named = |e: &dyn std::fmt::Display| anyhow!("{}: {e}", file.path.display());
            let (mut outputs, mut context) = (Outputs::collect(reader), Context::EMPTY);
            let mut player = Player::new(*reader, &setup.instruments).map_err(|e| named(&e))?;
            let (mut ended, mut differs) = (Ok(()), None);
            let repeats = setup.is_of(reader);
            // What another core's orders met at their venue is nothing to simulated ones.
            let heard = |event: &Event| setup.mode != "replay" || !event.is_of_venue();
            let played = player.play(|event| {
                if ended.is_ok() {
                    outputs.context(event.seq, &mut context);
                    if heard(event) {
                        ended = step(&mut pipeline, event, &context);
                    }
                    if repeats && differs.is_none() {
                        outputs.check(event.seq, &pipeline);
                        differs = outputs.mismatch().map(|m| mismatched(&m, event));
                    }
                }
            });
            ended?;
            played.map_err(|e| named(&e))?;
            let lacks = lacks(&outputs, repeats && differs.is_none());
            Ok(Played { differs, lacks })
        }
    }
}

fn mismatched(m: &Mismatch, event: &Event) -> String {
    let (seq, recorded, computed) = (m.seq, m.recorded, m.computed);
    format!(
        "NOT WHAT THE RUN DID: its digest differs at event {seq}, {}: recorded {recorded:016x}, \
         computed {computed:016x}. The journal is of another build or damaged: use the build that \
         wrote it.",
        event.ts
    )
}

fn lacks(outputs: &Outputs, compared: bool) -> Vec<String> {
    let version = outputs.unknown_version().map(|version| {
        format!(
            "Context version {version} was used but is not in the journal: features 1 to 11 are \
             not those of the run from there on."
        )
    });
    let (checked, all) = outputs.checked();
    let short = (compared && checked < all).then(|| {
        format!("The journal holds {all} digests, its input ends after {checked} of them.")
    });
    let ended =
        "The recorded run did not end in order: what came after the last record is not here.";
    let killed = (!outputs.ended).then(|| ended.to_owned());
    [version, short, killed].into_iter().flatten().collect()
}

/// Tells on standard error what makes the numbers of a pass doubtful.
pub fn warn(played: Played) {
    played.doubts().iter().for_each(|doubt| eprintln!("warning: {doubt}"));
}

/// Writes the table of all features to `path` and returns its rows.
///
/// # Errors
/// With the path, or with what is wrong with the input; the file is then not there.
pub fn write_features(path: &Path, every: Every, setup: &Setup, input: &Input<'_>) -> Result<u64> {
    let mut table = TableFile::create(path, columns(), facts(setup))?;
    let mut sampler = Sampler::new(every, setup.calendar.clone());
    let played = play(setup, input, |step| {
        let id = step.event.symbol;
        let Some(features) = step.pipeline.features().symbol(id) else { return Ok(()) };
        let frame = features.frame();
        let together = features.minutes().together().unwrap_or(&frame.bar);
        let Some(due) = sampler.due(id, frame, together) else { return Ok(()) };
        let Some(instrument) = setup.instruments.get(usize::from(id.0)) else { return Ok(()) };
        let (decision, context) = (step.pipeline.judge().decision(), step.context);
        Ok(table.row(&Sample { instrument, features, decision, context, due })?)
    })?;
    warn(played);
    Ok(table.finish()?)
}

/// The configuration of a replay: that of the file, or the default, with `preset` in its place.
///
/// # Errors
/// With the file and what is wrong with it.
pub fn config(file: Option<&Path>, preset: Option<&str>) -> Result<Config> {
    let mut config = match file {
        None => Config::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("configuration {}", path.display()))?;
            Config::parse(&text).map_err(|e| anyhow!("{}: {e}", path.display()))?
        }
    };
    choose(&mut config, preset);
    // The files, not the configuration, say which symbols there are.
    config.symbols.clear();
    config.sources.clear();
    config.warmup.clear();
    Ok(config)
}

/// Puts `preset` in the place of the configuration's own, whose weights and edges go with it.
pub fn choose(config: &mut Config, preset: Option<&str>) {
    if let Some(preset) = preset
        && preset != config.decision.preset
    {
        let preset = preset.to_owned();
        config.decision = DecisionConfig { preset, ..DecisionConfig::default() };
    }
}

/// What a table says about its run.
fn facts(setup: &Setup) -> Facts {
    let symbols: Vec<&str> = setup.instruments.iter().map(|i| i.symbol.as_str()).collect();
    let state: String = setup.state_hash().iter().map(|b| format!("{b:02x}")).collect();
    [
        ("build", env!("CARGO_PKG_VERSION").to_owned()),
        ("preset", setup.preset.name.clone()),
        ("symbols", symbols.join(" ")),
        ("state_hash", state),
    ]
    .map(|(name, text)| (name.to_owned(), text))
    .into()
}

/// Refuses to write over what is read.
///
/// # Errors
/// With the path.
pub fn not_an_input(path: &Path, inputs: &[PathBuf]) -> Result<()> {
    let Ok(own) = std::fs::canonicalize(path) else { return Ok(()) };
    for input in inputs {
        let input = std::fs::canonicalize(input).with_context(|| input.display().to_string())?;
        if input == own {
            bail!("{}: is an input of this run, it is not replaced", path.display());
        }
    }
    Ok(())
}
