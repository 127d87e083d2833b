//! `mia replay --orderflow DIR`: the files of a live run, made from recorded input.

use std::path::Path;

use anyhow::{Result, bail};

use super::playback::{Input, play};
use crate::runtime::orderflow::{FlowOutcome, plan};
use crate::runtime::records;
use crate::runtime::setup::Setup;
use crate::store::options::Mode;
use crate::store::orderflow::{FlowWriter, Sampler, Written, folder};
use crate::units::Ts;

/// Writes them in a pass of its own, always under `replay/`.
///
/// # Errors
/// With the path of what cannot be written, or what is wrong with the input.
pub fn write(data: &Path, setup: &Setup, input: &Input<'_>) -> Result<Written> {
    let replay = Setup { mode: "replay".to_owned(), ..setup.clone() };
    let plan = plan(&setup.config);
    let mut sampler = Sampler::new(plan.every_ns);
    let mut writer: Option<FlowWriter> = None;
    let mut version = 0;
    let begin = |at: Ts| {
        // The time of the market, so that a second pass makes the same files.
        let header = records::header(&replay, at);
        FlowWriter::new(data, &header, setup.calendar.clone(), plan.clone())
    };
    let played = play(setup, input, |step| {
        if step.context.version != version {
            version = step.context.version;
            let writer = match &mut writer {
                Some(writer) => writer,
                none => none.insert(begin(step.event.ts)?),
            };
            writer.adopt(step.context.volatility.as_ref(), step.event.ts)?;
        }
        if let Some(shot) = sampler.take(step.event, step.pipeline.features()) {
            let writer = match &mut writer {
                Some(writer) => writer,
                none => none.insert(begin(step.event.ts)?),
            };
            writer.write(&shot)?;
        }
        Ok(())
    })?;
    super::playback::warn(played);
    let written = writer.map_or(Ok(Written::default()), FlowWriter::finish)?;
    written.warnings.iter().for_each(|warning| eprintln!("note: {warning}"));
    let share = written.cells.share().unwrap_or(0.0) * 100.0;
    eprintln!(
        "order flow {} ({} records in {} files, {share:.2} % of their cells with a value)",
        folder(data, Mode::Replay).display(),
        written.records,
        written.files
    );
    written.feeds.iter().for_each(|feed| eprintln!("feed {}", feed.text()));
    Ok(written)
}

/// Says what the files of a live run came to.
///
/// # Errors
/// Why they are not whole.
pub fn ended(outcome: &FlowOutcome) -> Result<()> {
    if let Some(written) = &outcome.written {
        let share = written.cells.share().unwrap_or(0.0) * 100.0;
        eprintln!(
            "mia: order flow: {} records in {} files, {share:.2} % of their cells with a value, \
             {} instants missed",
            written.records, written.files, outcome.lost
        );
        written.feeds.iter().for_each(|feed| eprintln!("mia: feed {}", feed.text()));
    }
    match &outcome.error {
        Some(error) => bail!("the order-flow files are not whole: {error}"),
        None => Ok(()),
    }
}
