//! Snapshots in, files out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use jiff::civil::Date;
use serde::Serialize;

use super::gauges::Gauges;
use super::part::{self, Part};
use super::record::{Cells, Head, Missing, Record, Run, View, time};
use super::snapshot::{Flow, Snapshot};
use super::volatility::{Volatility, source_name};
use super::{
    KINDS, Plan, RECORD_TYPES, SCHEMA, SCHEMA_VERSION, Written, day_folder, folder, prefixes,
    vix_file,
};
use crate::calendar::Calendar;
use crate::store::lock::Lock;
use crate::store::manifest;
use crate::store::options::folders::{Mode, compact, stamp, trade_date};
use crate::store::quality::{Completeness, Family};
use crate::store::trades::{Header, feature_schema_hash, mode_name};
use crate::units::{SECOND, Ts};
use crate::volatility;

/// Name of the family in manifests.
const FAMILY: &str = Family::Orderflow.name();
/// Name of the part of VIX.
const VIX: &str = "vix";

/// The window of one symbol that grows.
#[derive(Debug)]
struct Window {
    part: Part,
    day: Date,
    step: i64,
    /// `HHMMSS`.
    stamp: String,
}

/// One symbol.
#[derive(Debug)]
struct Series {
    prefix: String,
    root: String,
    contract: String,
    tick: f64,
    depth: bool,
    window: Option<Window>,
    before: Option<(Flow, Ts)>,
    /// The last `patterns` of the window.
    patterns: String,
    gauges: Gauges,
}

/// VIX of a day.
#[derive(Debug, Default)]
struct VixSeries {
    part: Option<(Part, Date, i64)>,
    /// What snapshots carry.
    newest: Option<volatility::Part>,
    /// What the last record said.
    told: Option<volatility::Part>,
    /// Receive time of the last record.
    written: Option<Ts>,
}

/// Writes the files of a run.
#[derive(Debug)]
pub struct FlowWriter {
    folder: PathBuf,
    _lock: Lock,
    run_id: String,
    source: String,
    run: Run,
    mode: Mode,
    calendar: Arc<Calendar>,
    plan: Plan,
    series: Vec<Series>,
    vix: VixSeries,
    serial: u64,
    waits_since: Option<Ts>,
    written: Written,
}

impl FlowWriter {
    /// A writer under the data folder `data`. Parts that an earlier run left are finished first.
    ///
    /// # Errors
    /// With the path of what cannot be made or read; another process that writes there; simulated
    /// data under the real tree.
    pub fn new(
        data: &Path,
        header: &Header,
        calendar: Arc<Calendar>,
        plan: Plan,
    ) -> Result<FlowWriter> {
        let folder = folder(data, header.mode);
        let lock = header.take(&folder)?;
        let named = header.instruments.iter().zip(prefixes(&header.instruments));
        let series = named.enumerate().map(|(at, (instrument, prefix))| Series {
            prefix,
            root: instrument.root.clone(),
            contract: instrument.symbol.clone(),
            tick: instrument.tick,
            depth: plan.depth.get(at).copied().unwrap_or(false),
            window: None,
            before: None,
            patterns: String::new(),
            gauges: Gauges::default(),
        });
        let run = Run {
            delay_class: header.delay_class.clone(),
            mode: mode_name(header.mode),
            config_hash: header.config_hash.clone(),
            feature_schema_hash: feature_schema_hash(),
            preset: header.preset.clone(),
            build: header.build.clone(),
        };
        let mut writer = FlowWriter {
            series: series.collect(),
            folder,
            _lock: lock,
            run_id: header.run.clone(),
            source: header.source.clone(),
            run,
            mode: header.mode,
            calendar,
            plan,
            vix: VixSeries::default(),
            serial: 0,
            waits_since: None,
            written: Written::default(),
        };
        writer.recover()?;
        Ok(writer)
    }

    /// Writes a snapshot.
    ///
    /// # Errors
    /// With the path of what cannot be written.
    pub fn write(&mut self, shot: &Snapshot) -> Result<()> {
        let (ts, id) = (shot.frame.event.ts, usize::from(shot.frame.event.symbol.0));
        let at = shot.frame.market_time.or(ts);
        let (day, step) = (trade_date(&self.calendar, at), self.step(at));
        let Some(series) = self.series.get_mut(id) else { return Ok(()) };
        let same = |w: &Window| w.day == day && w.step == step;
        if let Some(old) = series.window.take_if(|w| !same(w)) {
            let prefix = series.prefix.clone();
            self.close(old, &prefix)?;
        }
        let lines = self.lines(shot, id, at, day)?;
        let Some(series) = self.series.get_mut(id) else { return Ok(()) };
        if series.window.is_none() {
            let stamp = clock(at);
            let folder = self.folder.join(day_folder(&series.prefix, day));
            let part = Part::create(&folder, &stamp)?;
            series.window = Some(Window { part, day, step, stamp });
        }
        if let Some(window) = &mut series.window {
            window.part.line(&lines.each_ref().map(String::as_str))?;
        }
        self.waits(ts)
    }

    /// The three records of a snapshot; one that is not written is empty.
    fn lines(&mut self, shot: &Snapshot, id: usize, at: Ts, day: Date) -> Result<[String; 3]> {
        let ts = shot.frame.event.ts;
        let volatility = Volatility::of(self.vix.newest.as_ref(), ts);
        let Some(series) = self.series.get_mut(id) else { return Ok(Default::default()) };
        let depth = series.depth || shot.has_book;
        let view = View { shot, tick: series.tick, depth, before: series.before };
        series.before = Some((shot.flow, ts));
        series.gauges.add(shot);
        let (mut ticks, mut levels, mut found) = Default::default();
        let tick_data = view.tick_data(&mut ticks);
        let dom = depth.then(|| view.dom(&mut levels));
        let patterns = view.patterns(&mut found);
        // Patterns change now and then: a record where they did, and at the start of a file.
        let text = simd_json::to_string(&patterns)?;
        let patterns = (series.window.is_none() || text != series.patterns).then_some(patterns);
        series.patterns = text;
        let of = Of { shot, id, at, day, volatility: &volatility };
        Ok([
            self.record(&of, 0, &tick_data, ticks)?,
            dom.map_or(Ok(String::new()), |dom| self.record(&of, 1, &dom, levels))?,
            patterns.map_or(Ok(String::new()), |p| self.record(&of, 2, &p, found))?,
        ])
    }

    /// A record of kind number `kind`.
    fn record<O: Serialize>(
        &mut self,
        of: &Of<'_>,
        kind: usize,
        orderflow: &O,
        mut cells: Cells,
    ) -> Result<String> {
        self.serial += 1;
        self.written.records += 1;
        self.written.cells.add(cells.counted);
        if cells.counted.present < cells.counted.required {
            cells.flags.push("INCOMPLETE");
        }
        let frame = &of.shot.frame;
        let series = self.series.get(of.id);
        let (root, contract) = series.map_or(("", ""), |s| (s.root.as_str(), s.contract.as_str()));
        let head = Head {
            schema: SCHEMA,
            schema_version: SCHEMA_VERSION,
            record_id: self.record_id(),
            record_type: RECORD_TYPES.get(kind).copied().unwrap_or_default(),
            ts_event: time(frame.market_time),
            ts_capture: frame.event.ts.to_string(),
            seq: Some(frame.event.seq),
            symbol: if root.is_empty() { contract } else { root },
            contract: Some(contract),
            trade_date: of.day.to_string(),
            run: &self.run,
            completeness: cells.counted.share(),
            cells: cells.counted,
            missing: cells.missing,
            flags: cells.flags,
        };
        let (timestamp, source) = (of.at.to_string(), self.source.as_str());
        let record = Record { orderflow, volatility: of.volatility, timestamp, source, head };
        Ok(simd_json::to_string(&record)?)
    }

    fn record_id(&self) -> String {
        format!("{}-F{:08}", self.run_id, self.serial)
    }

    /// Takes what the Context says of volatility from receive time `now` on.
    ///
    /// # Errors
    /// With the path of what cannot be written.
    pub fn adopt(&mut self, part: Option<&volatility::Part>, now: Ts) -> Result<()> {
        let Some(part) = part else { return Ok(()) };
        let Some(quote) = part.vix else { return Ok(()) };
        // Snapshots carry the newest; only lines have a least distance.
        self.vix.newest = Some(*part);
        let early = self.vix.written.is_some_and(|then| now.since(then) < self.plan.every_ns);
        if self.vix.told.as_ref() == Some(part) || early {
            return Ok(());
        }
        (self.vix.told, self.vix.written) = (Some(*part), Some(now));
        let (day, step) = (trade_date(&self.calendar, now), self.step(now));
        // What is joined may be written often, what is replaced once a day.
        let same = |d: Date, s: i64| d == day && (s == step || !self.joins());
        if self.vix.part.as_ref().is_some_and(|(_, d, s)| !same(*d, *s)) {
            self.close_vix()?;
        }
        if self.vix.part.is_none() {
            let name = format!("{VIX}_{}", compact(day));
            self.vix.part = Some((Part::create(&self.folder, &name)?, day, step));
        }
        let line = self.vix_record(part, &quote, now, day)?;
        if let Some((part, ..)) = &mut self.vix.part {
            part.line(&[&line])?;
        }
        self.waits(now)
    }

    fn vix_record(
        &mut self,
        part: &volatility::Part,
        quote: &volatility::Quote,
        now: Ts,
        day: Date,
    ) -> Result<String> {
        self.serial += 1;
        self.written.records += 1;
        let mut run = self.run.clone();
        if quote.eod {
            "eod".clone_into(&mut run.delay_class);
        } else if quote.source == volatility::Source::Index && run.delay_class == "realtime" {
            self.plan.index_delay.clone_into(&mut run.delay_class);
        }
        let mut cells = Completeness::default();
        cells.cell(quote.value.is_finite());
        let head = Head {
            schema: SCHEMA,
            schema_version: SCHEMA_VERSION,
            record_id: self.record_id(),
            record_type: "VIX_DATA",
            ts_event: time(quote.ts),
            ts_capture: now.to_string(),
            seq: None,
            symbol: "VIX",
            contract: None,
            trade_date: day.to_string(),
            run: &run,
            completeness: cells.share(),
            cells,
            missing: Missing::new(),
            flags: Vec::new(),
        };
        let volatility = &Volatility::of(Some(part), now);
        let (timestamp, source) = (quote.ts.to_string(), source_name(quote.source));
        let record = Record { orderflow: (), volatility, timestamp, source, head };
        Ok(simd_json::to_string(&record)?)
    }

    /// Brings lines to disk that have waited for half a second at `now`, on the clock of the
    /// snapshots' receive times. To be called several times a second.
    ///
    /// # Errors
    /// With the path.
    pub fn beat(&mut self, now: Ts) -> Result<()> {
        match self.waits_since {
            Some(since) if now.since(since) >= SECOND / 2 => self.sync(),
            _ => Ok(()),
        }
    }

    fn sync(&mut self) -> Result<()> {
        for window in self.series.iter_mut().filter_map(|s| s.window.as_mut()) {
            window.part.sync()?;
        }
        if let Some((part, ..)) = &mut self.vix.part {
            part.sync()?;
        }
        self.waits_since = None;
        Ok(())
    }

    fn waits(&mut self, ts: Ts) -> Result<()> {
        let since = *self.waits_since.get_or_insert(ts);
        // A run without beats, such as a replay, needs no more than its finished files.
        if self.joins() && ts.since(since) >= SECOND { self.sync() } else { Ok(()) }
    }

    /// What was written so far.
    #[must_use]
    pub const fn written(&self) -> &Written {
        &self.written
    }

    /// Ends the run: every window becomes its files.
    ///
    /// # Errors
    /// With the path of what cannot be written.
    pub fn finish(mut self) -> Result<Written> {
        for id in 0..self.series.len() {
            let Some(series) = self.series.get_mut(id) else { break };
            if let Some(window) = series.window.take() {
                let prefix = series.prefix.clone();
                self.close(window, &prefix)?;
            }
        }
        self.close_vix()?;
        let every_ns = self.plan.every_ns;
        let feeds = self.series.iter().map(|s| s.gauges.feed(&s.contract, every_ns));
        self.written.feeds = feeds.filter(|feed| feed.samples > 0).collect();
        Ok(self.written)
    }

    /// A replay makes its files anew; a run that goes on where another ended joins them.
    fn joins(&self) -> bool {
        self.mode != Mode::Replay
    }

    fn step(&self, at: Ts) -> i64 {
        at.0.div_euclid(self.plan.file_ns.max(1))
    }

    fn close(&mut self, mut window: Window, prefix: &str) -> Result<()> {
        window.part.sync()?;
        let path = window.part.path().to_owned();
        self.close_part(
            &path,
            &targets(&self.folder, prefix, window.day, &window.stamp),
            window.day,
        )
    }

    fn close_vix(&mut self) -> Result<()> {
        let Some((mut part, day, _)) = self.vix.part.take() else { return Ok(()) };
        part.sync()?;
        let target = self.folder.join(vix_file(day));
        self.close_part(part.path(), &[target], day)
    }

    /// Array, manifest, and only then away with the part.
    fn close_part(&mut self, path: &Path, targets: &[PathBuf], day: Date) -> Result<()> {
        let finished = part::finish(path, &self.folder, targets, self.joins())?;
        if finished.torn_bytes > 0 || finished.dropped > 0 {
            let (torn, dropped) = (finished.torn_bytes, finished.dropped);
            let text = format!(
                "{}: {torn} bytes of a torn last line and {dropped} damaged records left out",
                path.display()
            );
            self.written.warnings.push(text);
        }
        self.written.files += finished.entries.len() as u64;
        self.written.warnings.extend(
            finished.entries.iter().filter_map(|entry| entry.incomplete(Family::Orderflow)),
        );
        if !finished.entries.is_empty() {
            let warning = manifest::record(&self.folder, FAMILY, day, finished.entries)?;
            self.written.warnings.extend(warning);
        }
        part::remove(path)
    }

    /// Finishes what processes left that no longer run.
    fn recover(&mut self) -> Result<()> {
        let mut folders = vec![self.folder.clone()];
        let entries = std::fs::read_dir(&self.folder);
        for entry in entries.with_context(|| self.folder.display().to_string())? {
            let path = entry.with_context(|| self.folder.display().to_string())?.path();
            if path.is_dir() {
                folders.push(path);
            }
        }
        folders.sort();
        for folder in folders {
            let left = part::left_in(&folder)?;
            left.staged.iter().try_for_each(|path| part::remove(path))?;
            for (path, name) in left.parts {
                let Some((targets, day)) = self.belongs(&folder, &name) else { continue };
                self.close_part(&path, &targets, day)?;
                let text = format!("{}: an earlier run did not finish it: done", path.display());
                self.written.warnings.push(text);
            }
        }
        Ok(())
    }

    /// Which files a part becomes.
    fn belongs(&self, folder: &Path, name: &str) -> Option<(Vec<PathBuf>, Date)> {
        let date = |text: &str| Date::strptime("%Y%m%d", text).ok();
        if let Some(day) = name.strip_prefix(VIX).and_then(|rest| date(rest.strip_prefix('_')?)) {
            return Some((vec![self.folder.join(vix_file(day))], day));
        }
        let (prefix, day) = folder.file_name()?.to_str()?.split_once("_orderflow_")?;
        let day = date(day)?;
        Some((targets(&self.folder, prefix, day, name).to_vec(), day))
    }
}

/// What the records of one snapshot have in common.
struct Of<'a> {
    shot: &'a Snapshot,
    id: usize,
    at: Ts,
    day: Date,
    volatility: &'a Volatility,
}

fn targets(folder: &Path, prefix: &str, day: Date, stamp: &str) -> [PathBuf; 3] {
    let folder = folder.join(day_folder(prefix, day));
    KINDS.map(|kind| folder.join(format!("{prefix}_{kind}_{stamp}.json")))
}

/// `HHMMSS` in UTC.
fn clock(at: Ts) -> String {
    stamp(at).split_once('_').map(|(_, time)| time.to_owned()).unwrap_or_default()
}
