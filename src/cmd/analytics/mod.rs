//! `mia report`: what trades came to, read from their records, as text, Markdown, JSON and one
//! page.

mod document;
mod picture;
mod render;

use std::collections::BTreeMap;
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use clap::Args;
use serde::Serialize;

use self::document::Document;
use self::picture::Drawn;
use super::playback::{Input, cut_off, play};
use super::plot::page;
use crate::analytics::Report;
use crate::calendar::Calendar;
use crate::decision::{is_core, preset_base};
use crate::event::flag;
use crate::journal::Reader;
use crate::journal::record::MAGIC;
use crate::runtime::files::load;
use crate::runtime::records;
use crate::runtime::setup::Setup;
use crate::store::options::folders;
use crate::store::trades::Collector;
use crate::store::trades::read::{self, Kind, trading_days};
use crate::store::trades::{Loaded, Sample};
use crate::units::Ts;

/// Arguments of `mia report`.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// Data folders, folders of trades, trades_YYYYMMDD.json files, or one journal of a run, which
    /// is played again.
    #[arg(required = true, value_name = "DIR|FILE")]
    paths: Vec<PathBuf>,
    /// Only this mode: live, paper or replay.
    #[arg(long)]
    mode: Option<String>,
    /// Only this preset; without the mark in brackets, all of its variants.
    #[arg(long)]
    preset: Option<String>,
    /// Only this market: real, or simulated, which is one that was made up.
    #[arg(long)]
    market: Option<Market>,
    /// Daily Sharpe ratios of all configurations that were compared, this one among them: the
    /// report then says what the selection is worth.
    #[arg(long, value_name = "SHARPE,…", value_delimiter = ',', allow_negative_numbers = true)]
    compared: Vec<f64>,
    /// Write Markdown.
    #[arg(long, value_name = "FILE")]
    md: Option<PathBuf>,
    /// Write JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write one page that needs nothing else.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Draw equity, drawdown, R and scores: .svg, .png or .html, for the first section.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// Whether a market was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Market {
    /// Recorded or live.
    Real,
    /// Made up.
    Simulated,
}

/// Everything that is said of one mode, preset and market.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Section {
    /// What makes every number doubtful, in sentences: a journal that did not come out as it was
    /// recorded, lines that cannot be read.
    pub doubts: Vec<String>,
    /// Whether the preset is `core`, with whatever gate.
    pub is_core: bool,
    /// Whether the period is that of the records: days before the first and after the last are not
    /// known to have been without a trade.
    pub days_of_records: bool,
    /// Whether the market was made up.
    pub simulated: bool,
    /// Hashes of the configurations that decided.
    pub configs: Vec<String>,
    /// Decision edges.
    pub decisions: u64,
    /// Of them by side.
    pub sides: BTreeMap<String, u64>,
    /// How often each gate refused.
    pub vetoes: BTreeMap<String, u64>,
    /// Decision edges by score, in steps of 2 points from 0.
    pub scores: Vec<u64>,
    /// Records with a flag.
    pub flagged: u64,
    /// What stands in no number, in sentences.
    pub unfinished: Vec<String>,
    /// The statistics.
    pub report: Report,
}

/// Points of score of a bar.
const SCORE_STEP: f64 = 2.0;
/// Bars from 0 to 100.
const SCORE_BARS: usize = 50;

impl Section {
    /// Of a sample, over the trading days from its first to its last.
    ///
    /// # Errors
    /// Never for a sample that was read.
    pub fn of(sample: &Sample, calendar: &Calendar, compared: &[f64]) -> Result<Section> {
        let days = trading_days(calendar, sample.first, sample.last);
        let mut scores = vec![0; SCORE_BARS];
        for score in &sample.scores {
            let at = (score / SCORE_STEP).clamp(0.0, (SCORE_BARS - 1) as f64) as usize;
            if let Some(bar) = scores.get_mut(at) {
                *bar += 1;
            }
        }
        Ok(Section {
            doubts: Vec::new(),
            is_core: is_core(&sample.kind.preset),
            days_of_records: true,
            simulated: sample.kind.simulated,
            configs: sample.configs.iter().cloned().collect(),
            decisions: sample.decisions,
            sides: sample.sides.clone(),
            vetoes: sample.vetoes.clone(),
            scores,
            flagged: sample.flagged,
            unfinished: sample.unfinished(),
            report: sample.report(days, compared.to_vec())?,
        })
    }

    /// One line that says whose numbers these are.
    #[must_use]
    pub fn title(&self) -> String {
        let made_up = if self.simulated { " \u{b7} SYNTHETIC MARKET" } else { "" };
        let of = &self.report;
        let name = format!("mode {} \u{b7} preset {}{made_up}", of.mode, of.preset);
        match of.period {
            Some((first, last)) if first == last => {
                format!("{name} \u{b7} {}", crate::analytics::iso(first))
            }
            Some((first, last)) => {
                let (first, last) = (crate::analytics::iso(first), crate::analytics::iso(last));
                format!("{name} \u{b7} {first} to {last}, {} trading days", of.days)
            }
            None => name,
        }
    }
}

/// Whether a file is a journal, by its first bytes.
pub(super) fn is_journal(path: &Path) -> bool {
    let mut first = [0; 8];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut first));
    read.is_ok() && first == MAGIC
}

/// What the trading of a journal's run left, by playing it again.
fn of_journal(path: &Path) -> Result<Loaded> {
    let file = load(path).map_err(|e| anyhow!(e))?;
    let named = |e: &dyn std::fmt::Display| anyhow!("{}: {e}", path.display());
    let reader = Reader::open(&file.data).map_err(|e| named(&e))?;
    let setup = Setup::from_journal(&reader).map_err(|e| named(&e))?;
    ensure!(setup.trades(), "{}: the run did not trade", path.display());
    let first = reader.records().map(|r| r.ts).find(|&ts| ts > 0).unwrap_or(0);
    let header = records::header(&setup, Ts(first));
    let mut collector = Collector::new(&header, setup.calendar.clone());
    let mut held = Vec::new();
    let played = play(&setup, &Input::Journal { file: &file, reader }, |step| {
        // A day on which nothing was decided is a day all the same.
        if step.event.is_market() && !step.event.has(flag::WARMUP) {
            collector.market(step.event.ts_exch.or(step.event.ts));
        }
        step.pipeline.judge().notes().iter().for_each(|note| collector.note(note));
        held.clear();
        held.extend(step.held());
        Ok(())
    })?;
    // What is open is told as it stands: nobody will close it.
    held.iter().for_each(|note| collector.note(note));
    let sample = collector.into_sample();
    let warnings = played.doubts().into_iter().chain(cut_off(&file, &reader)).collect();
    Ok(Loaded { samples: [(sample.kind.clone(), sample)].into(), warnings, ..Loaded::default() })
}

/// A section for each kind of what was read, which are never pooled; each says what of the files is
/// doubtful.
///
/// # Errors
/// None for records that were read.
pub fn sections(loaded: &Loaded, calendar: &Calendar, compared: &[f64]) -> Result<Vec<Section>> {
    let section = |sample| {
        let section = Section::of(sample, calendar, compared)?;
        Ok(Section { doubts: loaded.warnings.clone(), ..section })
    };
    loaded.samples.values().map(section).collect()
}

/// Sections as text for a terminal.
#[must_use]
pub fn text(sections: &[Section]) -> String {
    sections.iter().map(|section| render::text(&Document::of(section))).collect()
}

/// As Markdown.
#[must_use]
pub fn markdown(sections: &[Section]) -> String {
    sections.iter().map(|section| render::markdown(&Document::of(section))).collect()
}

/// As one page.
///
/// # Errors
/// What the charting crate says.
pub fn html(sections: &[Section]) -> Result<String> {
    let mut body = String::new();
    for section in sections {
        let svg = page::svg(&Drawn::of(section))?;
        body.push_str(&render::html(&Document::of(section), &svg));
    }
    Ok(render::page("mia report", &body))
}

/// Runs it.
///
/// # Errors
/// With the path of what cannot be read or written; where nothing was found.
pub fn run(args: &ReportArgs, out: &mut dyn Write) -> Result<()> {
    let mut is_record = true;
    let (mut loaded, count) = match args.paths.as_slice() {
        [path] if is_journal(path) => {
            is_record = false;
            (of_journal(path)?, 1)
        }
        paths => {
            let mut files = Vec::new();
            for path in paths {
                files.extend(find(path)?);
            }
            files.sort();
            files.dedup();
            (read::load(&files)?, files.len())
        }
    };
    let wanted = wanted(args, &loaded);
    let found = loaded.samples.keys().map(ToString::to_string).collect::<Vec<String>>().join(", ");
    loaded.samples.retain(|kind, _| wanted(kind));
    ensure!(
        !loaded.samples.is_empty(),
        "no record of this mode, preset and market in {count} files; they hold {}",
        if found.is_empty() { "none" } else { &found }
    );
    ensure!(
        args.compared.is_empty() || loaded.samples.len() == 1,
        "--compared belongs to one sample: choose it with --mode, --preset and --market"
    );
    for warning in &loaded.warnings {
        eprintln!("warning: {warning}");
    }
    let calendar = Calendar::bundled()?;
    let mut sections = sections(&loaded, &calendar, &args.compared)?;
    sections.iter_mut().for_each(|section| section.days_of_records = is_record);
    write!(out, "{}", text(&sections))?;
    if let Some(path) = &args.md {
        folders::write(path, markdown(&sections).as_bytes())?;
    }
    if let Some(path) = &args.json {
        let json = simd_json::to_string_pretty(&sections)? + "\n";
        folders::write(path, json.as_bytes())?;
    }
    if let Some(path) = &args.html {
        folders::write(path, html(&sections)?.as_bytes())?;
    }
    if let Some((path, section)) = args.plot.as_ref().zip(sections.first()) {
        let bytes = page::bytes(page::Format::of(path)?, &Drawn::of(section))?;
        folders::write(path, &bytes)?;
    }
    Ok(())
}

/// Whether a kind is asked for. A preset is named as it is, or by its base where none is called so:
/// `core` is every `core (changed …)`, each in a section of its own.
fn wanted<'a>(args: &'a ReportArgs, loaded: &Loaded) -> impl Fn(&Kind) -> bool + use<'a> {
    let named = |preset: &String| loaded.samples.keys().any(|kind| kind.preset == *preset);
    let exact = args.preset.as_ref().is_some_and(named);
    move |kind| {
        let preset = if exact { &kind.preset } else { preset_base(&kind.preset) };
        args.market.is_none_or(|of| kind.simulated == (of == Market::Simulated))
            && args.mode.as_deref().is_none_or(|want| want == kind.mode)
            && args.preset.as_deref().is_none_or(|want| want == preset)
    }
}

/// The trades files of a path.
fn find(path: &Path) -> Result<Vec<PathBuf>> {
    let name = || path.display().to_string();
    if std::fs::metadata(path).with_context(name)?.is_file() {
        ensure!(
            !is_journal(path),
            "{}: a journal is played again alone: give it as the only path",
            path.display()
        );
        ensure!(
            read::day_of(path).is_some(),
            "{}: neither trades_YYYYMMDD.json nor a journal",
            path.display()
        );
        return Ok(vec![path.to_owned()]);
    }
    let places =
        ["", "trades", "snapshots/trades", "paper/snapshots/trades", "replay/snapshots/trades"];
    let mut found = Vec::new();
    for place in places {
        found.extend(read::files(&path.join(place))?);
    }
    if found.is_empty() {
        bail!("{}: no trades_YYYYMMDD.json in it or its trades folders", path.display());
    }
    Ok(found)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
