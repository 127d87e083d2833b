//! `mia plot FILE…`: a session as a trader wants to see it.
//!
//! [`collect`] gathers bars, profile and [`marks`] in one pass, [`scene`] says what is to be drawn,
//! [`draw`] draws it on any backend of the charting crate, [`page`] makes the file.

pub mod collect;
pub mod draw;
pub mod font;
pub mod legend;
pub mod marks;
pub mod page;
pub mod pen;
pub mod raster;
pub mod scene;
pub mod style;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;

use self::collect::{Collector, Day, Window};
use self::page::Format;
use self::scene::Scene;
use super::playback::{self, Input};
use crate::journal::Reader;
use crate::runtime::baselines;
use crate::runtime::files::{FileKind, Loaded, TickFiles, load};
use crate::runtime::setup::Setup;
use crate::store::staged::Staged;
use crate::units::{SymbolId, Ts};

/// Arguments of `mia plot`.
#[derive(Args, Debug)]
pub struct PlotArgs {
    /// Tick files (.scid, .depth, .dbn, .dbn.zst), merged by time; or one mia journal.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The picture: .html (reads out what is under the pointer), .svg or .png. Replaced once the
    /// new one is whole.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// First trade date (2021-04-29), or New York time (2021-04-29T09:30).
    #[arg(long, value_name = "WHEN")]
    from: Option<When>,
    /// Last trade date, or the New York time at which to stop. With neither --from nor --to: the
    /// last trade date of the files.
    #[arg(long, value_name = "WHEN")]
    to: Option<When>,
    /// Which symbol; by default the one with the most trades.
    #[arg(long)]
    symbol: Option<String>,
    /// Preset of the decision, for the signals: S4-groups, S3-normalised or core.
    #[arg(long)]
    preset: Option<String>,
    /// Configuration file; its [decision] and [features] are used.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Tick size in points, for products that are not ES, NQ, MES or MNQ.
    #[arg(long)]
    tick: Option<f64>,
    /// Folder of recorded context versions (context-VERSION.json).
    #[arg(long)]
    context: Option<PathBuf>,
    /// Baseline of a root product (see `mia baseline build`): walls need one. Repeat it for further
    /// roots; a journal brings its own.
    #[arg(long, value_name = "FILE")]
    baseline: Vec<PathBuf>,
}

/// A bound of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// Trade date, in days since 1970-01-01.
    Day(i32),
    Time(Ts),
}

impl std::str::FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<When, String> {
        let wrong = || format!("{text:?}: want a date such as 2021-04-29, or 2021-04-29T09:30");
        if let Ok(day) = text.parse::<Date>()
            && !text.contains(['T', ' '])
        {
            let days = day.since(date(1970, 1, 1)).map_err(|e| e.to_string())?.get_days();
            return Ok(When::Day(days));
        }
        let local: DateTime = text.parse().map_err(|_| wrong())?;
        let zone = TimeZone::get("America/New_York").map_err(|e| e.to_string())?;
        let at = zone.to_timestamp(local).map_err(|e| e.to_string())?;
        Ok(When::Time(Ts(i64::try_from(at.as_nanosecond()).map_err(|e| e.to_string())?)))
    }
}

/// Runs it.
///
/// # Errors
/// With the file and what is wrong with it; where the window holds no bar.
pub fn run(args: &PlotArgs, out: &mut dyn Write) -> Result<()> {
    let format = Format::of(&args.out)?;
    playback::not_an_input(&args.out, &args.files)?;
    // Opened first: a folder that is not writable is said before the files are read.
    let mut file = Staged::create(&args.out)?;
    let scene = scene(args)?;
    let picture = page::bytes(format, &scene)?;
    file.write_all(&picture).with_context(|| args.out.display().to_string())?;
    file.finish()?;
    let (symbol, subtitle, marks) = (&scene.symbol, &scene.subtitle, scene.marks.len());
    writeln!(out, "{}: {symbol}, {subtitle}, {marks} marks", args.out.display())?;
    Ok(())
}

fn scene(args: &PlotArgs) -> Result<Scene> {
    let files: Vec<Loaded> =
        args.files.iter().map(|p| load(p).map_err(|e| anyhow!(e))).collect::<Result<_>>()?;
    for cut in files.iter().filter_map(|f| f.cut.as_ref()) {
        eprintln!("note: {cut}; what is whole is drawn");
    }
    let config = playback::config(args.config.as_deref(), args.preset.as_deref())?;
    if let [file] = files.as_slice()
        && file.kind == FileKind::Journal
    {
        let named = |e: &dyn std::fmt::Display| anyhow!("{}: {e}", file.path.display());
        let reader = Reader::open(&file.data).map_err(|e| named(&e))?;
        let recorded = Setup::from_journal(&reader).map_err(|e| named(&e))?;
        if !args.baseline.is_empty() {
            bail!("a journal brings its own baselines: no --baseline");
        }
        let changed = args.preset.is_some() || args.config.is_some();
        let setup = if changed {
            let Setup { instruments, baselines, .. } = recorded;
            let fresh = Setup::new(config, instruments, "replay").map_err(|e| anyhow!(e))?;
            Setup { baselines, ..fresh }
        } else {
            recorded
        };
        return of_input(args, &setup, &Input::Journal { file, reader });
    }
    let files = TickFiles::new(files, args.tick).map_err(|e| anyhow!(e))?;
    let mut setup =
        Setup::new(config, files.instruments.clone(), "replay").map_err(|e| anyhow!(e))?;
    let notes = baselines::attach(&mut setup, &args.baseline).map_err(|e| anyhow!(e))?;
    notes.iter().for_each(|note| eprintln!("note: {note}"));
    let contexts = super::contexts::load(args.context.as_deref())?;
    of_input(args, &setup, &Input::Ticks { files: &files, contexts: &contexts, sent: None })
}

fn of_input(args: &PlotArgs, setup: &Setup, input: &Input<'_>) -> Result<Scene> {
    let names = || setup.instruments.iter().map(|i| i.symbol.as_str());
    let only = match &args.symbol {
        None => None,
        Some(name) => Some(names().position(|known| known == name).ok_or_else(|| {
            anyhow!("no symbol {name} in the files ({})", names().collect::<Vec<_>>().join(", "))
        })?),
    };
    let window = window(args);
    let mut all: Vec<Collector> = (0_u16..)
        .zip(&setup.instruments)
        .map(|(id, _)| Collector::new(SymbolId(id), window, setup.calendar.clone()))
        .collect();
    let played = playback::play(setup, input, |step| {
        all.iter_mut().for_each(|collector| collector.step(step));
        Ok(())
    })?;
    playback::warn(played);
    let trades = |all: &[Day]| all.iter().map(|day| day.trades).sum::<u64>();
    let chosen = all.iter_mut().zip(&setup.instruments).enumerate();
    let chosen = chosen.filter(|(at, _)| only.is_none_or(|only| only == *at)).map(|(_, one)| one);
    let (collector, instrument) =
        chosen.max_by_key(|(collector, _)| trades(&collector.days)).context("no symbol")?;
    let days = &mut collector.days;
    days.retain(|day| !day.minutes.is_empty());
    if args.from.is_none() && args.to.is_none() && days.len() > 1 {
        days.drain(..days.len() - 1);
    }
    let symbol = &instrument.symbol;
    Scene::new(instrument, days)
        .with_context(|| format!("{symbol}: no completed bar of an open session in the window"))
}

fn window(args: &PlotArgs) -> Window {
    let mut window = Window::ALL;
    match args.from {
        Some(When::Day(day)) => window.days.0 = day,
        Some(When::Time(at)) => window.times.0 = at,
        None => {}
    }
    match args.to {
        Some(When::Day(day)) => window.days.1 = day,
        Some(When::Time(at)) => window.times.1 = at,
        None => {}
    }
    window
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        assert_eq!("1970-01-02".parse(), Ok(When::Day(1)));
        let nine = "2024-07-01T09:30".parse();
        assert_eq!(nine, Ok(When::Time(Ts(1_719_840_600 * crate::units::SECOND))));
        for text in ["", "yesterday", "2024-13-01", "2024-07-01T25:00"] {
            assert!(text.parse::<When>().is_err(), "{text}");
        }
    }
}
