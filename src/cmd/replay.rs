//! `mia replay FILE…`: captured tick files and journals through the whole core.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::{Args, ValueEnum};

use super::contexts::Versions;
use super::playback::Input;
use super::report::{Measured, Report};
use crate::context::Context;
use crate::feed::Counters;
use crate::journal::event::{PACKED_BYTES, pack};
use crate::journal::{self, Kind, Reader, Writer};
use crate::pipeline::Pipeline;
use crate::runtime::baselines;
use crate::runtime::clock::Clock;
use crate::runtime::files::{FileKind, Loaded, TickFiles, load};
use crate::runtime::player::{Outputs, Player};
use crate::runtime::setup::Setup;
use crate::store::Every;
use crate::tally::SessionFilter;
use crate::units::SymbolId;
use zerocopy::IntoBytes;

/// Which trades count in the sums.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Session {
    /// 09:30 to 16:00 New York.
    Rth,
    /// The rest of the open hours.
    Eth,
    /// Every trade.
    #[default]
    All,
}

/// Arguments of `mia replay`.
#[derive(Args, Debug)]
pub struct ReplayArgs {
    /// Tick files (.scid, .depth, .dbn, .dbn.zst), merged by time; or one mia journal.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Preset of the decision: S4-groups, S3-normalised or core.
    #[arg(long)]
    preset: Option<String>,
    /// Configuration file; its [decision] and [features] are used.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Which trades count in volume, VWAP, CVD and profile.
    #[arg(long, value_enum, default_value_t)]
    session: Session,
    /// Tick size in points, for products that are not ES, NQ, MES or MNQ.
    #[arg(long)]
    tick: Option<f64>,
    /// Folder of recorded context versions (context-VERSION.json).
    #[arg(long)]
    context: Option<PathBuf>,
    /// Baseline of a root product (see `mia baseline build`); repeat it for further roots.
    #[arg(long, value_name = "FILE")]
    baseline: Vec<PathBuf>,
    /// Write a journal of this replay to FILE.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Write a table of all features to FILE (.csv or .parquet), replacing it once it is whole.
    #[arg(long, value_name = "FILE")]
    features: Option<PathBuf>,
    /// A row each 1m, 5m, 1h (bar closes), 1s, 30s (market time), or N market events.
    #[arg(long, value_name = "STEP", default_value = "1m", requires = "features")]
    every: Every,
    /// Write the files of [orderflow], below DIR/replay/snapshots/orderflow. The
    /// configuration says how often and how long.
    #[arg(long, value_name = "DIR")]
    orderflow: Option<PathBuf>,
    /// Journal only: fail unless every recorded digest is computed again.
    #[arg(long)]
    check: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Run N times and give the median of events_per_second.
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeat: u32,
}

/// What one pass over the input left.
struct Pass {
    pipeline: Pipeline,
    counters: Counters,
    rate: f64,
    outputs: Option<Outputs>,
}

/// Runs it.
///
/// # Errors
/// With the file and what is wrong with it, or where `--check` found a difference.
pub fn run(args: &ReplayArgs, out: &mut dyn Write) -> Result<()> {
    if let Some(path) = &args.features {
        super::playback::not_an_input(path, &args.files)?;
    }
    let mut files = args.files.iter().map(|p| load(p).map_err(|e| anyhow!(e)));
    let files = files.by_ref().collect::<Result<Vec<Loaded>>>()?;
    let cut: Vec<String> = files.iter().filter_map(|f| f.cut.clone()).collect();
    let filter = match args.session {
        Session::All => SessionFilter::All,
        Session::Rth => SessionFilter::Rth,
        Session::Eth => SessionFilter::Eth,
    };
    let (setup, mut passes) = match files.as_slice() {
        [journal] if journal.kind == FileKind::Journal => replay_journal(args, journal, filter)?,
        _ => replay_ticks(args, files, filter)?,
    };
    passes.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    let middle = passes.len() / 2;
    let pass = passes.swap_remove(middle);
    let checked = pass.outputs.as_ref().map(|o| o.checked().0);
    let measured = Measured {
        events_per_second: Some(pass.rate.round()),
        digests_checked: checked,
        synthetic: setup.instruments.iter().any(|i| i.symbol.starts_with("SYNTHETIC")),
    };
    let judge = pass.pipeline.judge();
    let features = pass.pipeline.features();
    let (instruments, counters) = (&setup.instruments, &pass.counters);
    let report = Report::new("replay", instruments, features, judge, counters, measured);
    if args.json {
        writeln!(out, "{}", report.to_json()?)?;
    } else {
        write!(out, "{}", report.to_text())?;
    }
    if let Some(outputs) = &pass.outputs {
        verdict(args, outputs)?;
    }
    covered(&setup, &pass.pipeline)?;
    if !cut.is_empty() {
        bail!("{}; what is whole was replayed", cut.join("; "));
    }
    Ok(())
}

/// A year without holiday rows is labelled CLOSED all through: nothing was computed there.
fn covered(setup: &Setup, pipeline: &Pipeline) -> Result<()> {
    for (id, instrument) in (0_u16..).zip(&setup.instruments) {
        let range = pipeline.judge().tally(SymbolId(id)).and_then(|t| t.range);
        if let Some(range) = range
            && let Err(missing) = setup.calendar.check_years(range.first_ts, range.last_ts)
        {
            bail!("{}: {missing}, so that year counts as CLOSED", instrument.symbol);
        }
    }
    Ok(())
}

fn verdict(args: &ReplayArgs, outputs: &Outputs) -> Result<()> {
    if let Some(m) = outputs.mismatch() {
        let (seq, recorded, computed) = (m.seq, m.recorded, m.computed);
        let text = format!(
            "digest differs at seq {seq}: recorded {recorded:016x}, computed {computed:016x}"
        );
        if args.check {
            bail!(text);
        }
        eprintln!("warning: {text}");
    }
    let (checked, all) = outputs.checked();
    if args.check && all == 0 {
        bail!("the journal holds no digest: nothing to check");
    }
    if args.check && checked < all {
        bail!("the journal holds {all} digests, its input ends after {checked} of them");
    }
    if !outputs.ended {
        eprintln!("note: the recorded run did not end in order; what is whole was replayed");
    }
    Ok(())
}

fn replay_ticks(
    args: &ReplayArgs,
    files: Vec<Loaded>,
    filter: SessionFilter,
) -> Result<(Setup, Vec<Pass>)> {
    if args.check {
        bail!("--check needs a journal: a tick file records no digest");
    }
    let files = TickFiles::new(files, args.tick).map_err(|e| anyhow!(e))?;
    let config = super::playback::config(args.config.as_deref(), args.preset.as_deref())?;
    let mut setup =
        Setup::new(config, files.instruments.clone(), "replay").map_err(|e| anyhow!(e))?;
    let notes = baselines::attach(&mut setup, &args.baseline).map_err(|e| anyhow!(e))?;
    notes.iter().for_each(|note| eprintln!("note: {note}"));
    setup.read_news().map_err(|e| anyhow!(e))?;
    let contexts = super::contexts::load(args.context.as_deref())?;
    let clock = Clock::new();
    let mut passes = Vec::new();
    for _ in 0..args.repeat.max(1) {
        let mut pipeline = Pipeline::new(&setup.core(filter), setup.calendar.clone());
        let mut stream = files.stream().map_err(|e| anyhow!(e))?;
        let mut progress = Progress::new(&clock);
        let mut versions = Versions::new(&contexts);
        let start = clock.elapsed_ns();
        let mut events = 0_u64;
        while let Some(event) = stream.next_event()? {
            pipeline.on_event(&event, versions.at(event.ts).0);
            events += 1;
            progress.tick(events, event.ts);
        }
        let rate = rate(events, clock.elapsed_ns() - start);
        progress.done();
        passes.push(Pass { pipeline, counters: stream.counters(), rate, outputs: None });
    }
    if let Some(path) = &args.journal {
        write_journal(path, &setup, &files, &contexts)?;
    }
    let input = Input::Ticks { files: &files, contexts: &contexts, sent: None };
    write_files(args, &setup, &input)?;
    Ok((setup, passes))
}

/// Records a replay of tick files. A Databento file's orders are not repeated: its journal holds
/// the levels that were built from them, as events.
fn write_journal(
    path: &Path,
    setup: &Setup,
    files: &TickFiles,
    contexts: &[super::contexts::Timed],
) -> Result<()> {
    let mut writer = Writer::create(path, &setup.journal_text())?;
    setup.write_states(&mut writer)?;
    let mut pipeline = Pipeline::new(&setup.core(SessionFilter::All), setup.calendar.clone());
    let mut stream = files.stream().map_err(|e| anyhow!(e))?;
    let mut versions = Versions::new(contexts);
    let mut batch = Vec::with_capacity(256 * PACKED_BYTES);
    let (mut first, mut last) = (1, (0, 0));
    while let Some(event) = stream.next_event()? {
        let (context, adopted) = versions.at(event.ts);
        if adopted {
            let (seq, ts) = (event.seq, event.ts.0);
            writer.append(Kind::Context, 0, 0, ts, &journal::context::encode(context))?;
            writer.append(Kind::Adopt, 0, seq, ts, &context.version.to_le_bytes())?;
        }
        pipeline.on_event(&event, context);
        batch.extend_from_slice(pack(&event).as_bytes());
        let digest = event.ts.second() > last.1;
        if digest || batch.len() >= 256 * PACKED_BYTES {
            writer.append(Kind::Events, 0, first, event.ts.0, &batch)?;
            batch.clear();
            first = event.seq + 1;
        }
        if digest {
            let sum = pipeline.judge().digest().0;
            writer.append(Kind::Digest, 0, event.seq, event.ts.0, &sum.to_le_bytes())?;
        }
        last = (event.seq, event.ts.second());
    }
    if !batch.is_empty() {
        writer.append(Kind::Events, 0, first, 0, &batch)?;
    }
    let sum = pipeline.judge().digest().0;
    writer.append(Kind::Digest, 0, last.0, 0, &sum.to_le_bytes())?;
    writer.append(Kind::End, 0, last.0, 0, &[])?;
    writer.sync()?;
    eprintln!("journal {} ({} bytes)", writer.path().display(), writer.bytes());
    Ok(())
}

/// Writes the table of features and the order flow, each in a pass of its own: the timed ones stay
/// as they are.
fn write_files(args: &ReplayArgs, setup: &Setup, input: &Input<'_>) -> Result<()> {
    if let Some(path) = &args.features {
        let rows = super::playback::write_features(path, args.every, setup, input)?;
        eprintln!("features {} ({rows} rows)", path.display());
    }
    match &args.orderflow {
        Some(data) => super::orderflow::write(data, setup, input).map(|_| ()),
        None => Ok(()),
    }
}

fn replay_journal(
    args: &ReplayArgs,
    file: &Loaded,
    filter: SessionFilter,
) -> Result<(Setup, Vec<Pass>)> {
    let named = |e: &dyn std::fmt::Display| anyhow!("{}: {e}", file.path.display());
    let reader = Reader::open(&file.data).map_err(|e| named(&e))?;
    let recorded = Setup::from_journal(&reader).map_err(|e| named(&e))?;
    let changed = args.preset.is_some() || args.config.is_some();
    let setup = if changed {
        if args.check {
            bail!("--check repeats the recorded run: leave --preset and --config out");
        }
        let config = super::playback::config(args.config.as_deref(), args.preset.as_deref())?;
        let Setup { instruments, baselines, .. } = recorded;
        let fresh = Setup::new(config, instruments, "replay").map_err(|e| anyhow!(e))?;
        Setup { baselines, ..fresh }
    } else {
        recorded
    };
    if args.context.is_some() || args.journal.is_some() || !args.baseline.is_empty() {
        bail!(
            "a journal brings its own contexts and baselines and is one already: no --context, no \
             --baseline, no --journal"
        );
    }
    let torn = reader.torn_bytes();
    if torn > 0 {
        eprintln!("note: {torn} bytes after the last whole record were dropped");
    }
    let collected = Outputs::collect(&reader);
    if let Some(version) = collected.unknown_version() {
        let text = format!("context version {version} was used but is not in the journal");
        if args.check {
            bail!("{text}");
        }
        eprintln!("note: {text}: features 1 to 11 are not those of the run from there on");
    }
    let clock = Clock::new();
    let mut passes = Vec::new();
    for _ in 0..args.repeat.max(1) {
        let mut pipeline = Pipeline::new(&setup.core(filter), setup.calendar.clone());
        let mut player = Player::new(reader, &setup.instruments).map_err(|e| named(&e))?;
        let mut outputs = collected.clone();
        let mut context = Context::EMPTY;
        let mut progress = Progress::new(&clock);
        let mut events = 0_u64;
        let start = clock.elapsed_ns();
        player
            .play(|event| {
                outputs.context(event.seq, &mut context);
                if !changed {
                    pipeline.on_event(event, &context);
                    outputs.check(event.seq, &pipeline);
                } else if !event.is_of_venue() {
                    // What another core's orders met at their venue is nothing to this one's.
                    pipeline.on_event(event, &context);
                }
                events += 1;
                progress.tick(events, event.ts);
            })
            .map_err(|e| named(&e))?;
        let rate = rate(events, clock.elapsed_ns() - start);
        progress.done();
        let outputs = (!changed).then_some(outputs);
        passes.push(Pass { pipeline, counters: player.counters(), rate, outputs });
    }
    write_files(args, &setup, &Input::Journal { file, reader })?;
    Ok((setup, passes))
}

fn rate(events: u64, elapsed_ns: u64) -> f64 {
    if elapsed_ns == 0 { 0.0 } else { events as f64 * 1e9 / elapsed_ns as f64 }
}

/// A line on the terminal while a long file runs.
struct Progress<'a> {
    clock: &'a Clock,
    shown_ns: u64,
    terminal: bool,
}

impl<'a> Progress<'a> {
    fn new(clock: &'a Clock) -> Progress<'a> {
        Progress { clock, shown_ns: clock.elapsed_ns(), terminal: std::io::stderr().is_terminal() }
    }

    fn tick(&mut self, events: u64, ts: crate::units::Ts) {
        if events.is_multiple_of(1 << 20) && self.terminal {
            let now = self.clock.elapsed_ns();
            if now - self.shown_ns > 500_000_000 {
                eprint!("\r{events} events, {ts} ");
                self.shown_ns = now;
            }
        }
    }

    fn done(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}
