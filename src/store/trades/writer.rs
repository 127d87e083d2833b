//! Notes in, lines out.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use jiff::civil::Date;

use super::append::Appended;
use super::groups::{self, Index, Server};
use super::value::{Group, Record};
use super::{
    Header, SCHEMA, SCHEMA_VERSION, close_day, feature_schema_hash, folder, ml, mode_name,
};
use super::{ml_file, trades_file};
use crate::calendar::{Calendar, date_of};
use crate::context::Context;
use crate::decision::is_core;
use crate::order::{ExecutionId, OrderId};
use crate::store::lock::Lock;
use crate::store::options::folders::Mode;
use crate::trader::note::{After, Closed, Decided, Filled, Note, Stamp};
use crate::units::{Instrument, SECOND, Ts};

/// Longest that a line waits for the disk.
const SYNC_NS: i64 = SECOND;
/// Context versions that are kept for decisions made with them.
const CONTEXTS: usize = 8;
/// Executions whose impact is waited for.
const IMPACTS: usize = 256;
/// Server ids that are kept; the oldest order gives way.
const SERVERS: usize = 4096;
/// Server ids of executions that are kept; the oldest gives way.
const EXECUTIONS: usize = 4096;
/// Features without which a record of any preset but `core` is flagged.
const FEATURES_MIN: usize = 25;

/// What a run wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Records.
    pub records: u64,
    /// Of them flagged: incomplete, too few features, late acknowledgement.
    pub flagged: u64,
    /// Fields that every record of its kind needs, over all records.
    pub needed: u64,
    /// Of them without a value.
    pub lacking: u64,
    /// Round trips.
    pub trades: u64,
    /// What should be looked at: torn lines, days that were closed late.
    pub warnings: Vec<String>,
}

/// What is remembered of a trade that is not over.
#[derive(Debug, Default)]
struct Open {
    fills: Vec<String>,
    closed: Option<Box<Closed>>,
    /// What is known of the hour after it.
    after: Option<After>,
}

/// The files of one trade date.
#[derive(Debug)]
struct Files {
    day: Date,
    trades: Appended,
    ml: Appended,
}

/// Writes the records of a run.
#[derive(Debug)]
pub struct TradeWriter {
    folder: PathBuf,
    _lock: Lock,
    header: Header,
    calendar: Arc<Calendar>,
    schema_hash: String,
    indices: Vec<Index>,
    contexts: VecDeque<Context>,
    files: Option<Files>,
    open: BTreeMap<OrderId, Open>,
    impacts: VecDeque<(String, Filled)>,
    /// Ids that the server gave orders.
    servers: BTreeMap<OrderId, String>,
    /// Those of executions, as they came.
    executions: VecDeque<(ExecutionId, String)>,
    serial: u64,
    /// Receive time of the first line that may not be on disk yet.
    waits_since: Option<Ts>,
    written: Written,
}

impl TradeWriter {
    /// A writer under the data folder `data`. Days that an earlier run left without their closing
    /// files get them now, as far as they lie before `today`.
    ///
    /// # Errors
    /// With the path of what cannot be made or read; another process that writes there; simulated
    /// data under the real tree.
    pub fn new(
        data: &Path,
        header: Header,
        calendar: Arc<Calendar>,
        today: Ts,
    ) -> Result<TradeWriter> {
        let folder = folder(data, header.mode);
        let lock = header.take(&folder)?;
        let today = date_of(calendar.segment(today).trade_day);
        let warnings = super::daily::close_left_open(&folder, today, &calendar)?;
        Ok(TradeWriter {
            folder,
            _lock: lock,
            indices: header.instruments.iter().map(Index::of).collect(),
            header,
            calendar,
            schema_hash: feature_schema_hash(),
            contexts: VecDeque::with_capacity(CONTEXTS),
            files: None,
            open: BTreeMap::new(),
            impacts: VecDeque::with_capacity(IMPACTS),
            servers: BTreeMap::new(),
            executions: VecDeque::new(),
            serial: 0,
            waits_since: None,
            written: Written { warnings, ..Written::default() },
        })
    }

    /// Takes a version of the context, for the decisions that are made with it.
    pub fn adopt(&mut self, context: &Context) {
        self.contexts.retain(|old| old.version != context.version);
        if self.contexts.len() == CONTEXTS {
            self.contexts.pop_front();
        }
        self.contexts.push_back(*context);
    }

    /// The server calls an order `server`. Comes before the executions of the order.
    pub fn named(&mut self, id: OrderId, server: String) {
        self.servers.insert(id, server);
        while self.servers.len() > SERVERS {
            self.servers.pop_first();
        }
    }

    /// The server calls an execution `server`. Comes before it.
    pub fn executed(&mut self, id: ExecutionId, server: String) {
        if self.executions.len() == EXECUTIONS {
            self.executions.pop_front();
        }
        self.executions.push_back((id, server));
    }

    /// Writes what a note says. States of orders, the kill switch and alerts stand in the event
    /// journal: no record type is theirs.
    ///
    /// # Errors
    /// With the path where a file cannot be written.
    pub fn write(&mut self, note: &Note) -> Result<()> {
        match note {
            Note::Decision(decided) => self.decision(decided),
            Note::Fill(filled) => self.fill(filled),
            Note::Impact(impact) => {
                let found = self.impacts.iter().position(|(_, filled)| {
                    filled.id == impact.id && filled.execution == impact.execution
                });
                let Some((id, filled)) = found.and_then(|at| self.impacts.remove(at)) else {
                    return Ok(());
                };
                self.execution(&filled, impact.at, Some((id, impact.ticks))).map(|_| ())
            }
            Note::Position(held) => {
                let Some(tick) = self.tick(held.at) else { return Ok(()) };
                let record = self.record("POSITION_UPDATE", held.at, None);
                self.put(record.1.with(groups::position(held, tick)), held.at)
            }
            Note::Trade(closed) => self.trade(closed),
            Note::After(after) if after.over < after.ticks.len() => {
                if let Some(open) = self.open.get_mut(&after.trade) {
                    open.after = Some(*after);
                }
                Ok(())
            }
            Note::After(after) => {
                let closed = self.open.remove(&after.trade).and_then(|open| open.closed);
                let Some(closed) = closed else { return Ok(()) };
                let (_, record) = self.record("POST_TRADE_ANALYSIS", after.at, None);
                self.put(record.with(groups::post_trade(&closed, Some(after))), after.at)
            }
            Note::Exposed(exposed) => {
                let (_, record) = self.record("CORRELATION_UPDATE", exposed.at, None);
                let group = groups::correlation(exposed, &self.header.instruments);
                self.put(record.with(group), exposed.at)
            }
            Note::Order(_) | Note::Kill(_) | Note::Alert(_) | Note::Limits(_) => Ok(()),
        }
    }

    /// Brings lines to disk that have waited for a second at `now`, on the clock of the notes'
    /// receive times. To be called several times a second.
    ///
    /// # Errors
    /// With the path.
    pub fn beat(&mut self, now: Ts) -> io::Result<()> {
        match self.waits_since {
            Some(since) if now.since(since) >= SYNC_NS / 2 => self.sync(),
            _ => Ok(()),
        }
    }

    /// Brings everything to disk.
    ///
    /// # Errors
    /// With the path.
    pub fn sync(&mut self) -> io::Result<()> {
        if let Some(files) = &mut self.files {
            files.trades.sync()?;
            files.ml.sync()?;
        }
        self.waits_since = None;
        Ok(())
    }

    /// What was written so far.
    #[must_use]
    pub const fn written(&self) -> &Written {
        &self.written
    }

    /// Ends the run at `at`: trades whose hour is not over get their analysis without its rest, the
    /// day its performance file, its Parquet and its manifest.
    ///
    /// # Errors
    /// With the path of what cannot be written.
    pub fn finish(mut self, at: Stamp) -> Result<Written> {
        for (_, open) in std::mem::take(&mut self.open) {
            if let Some(closed) = open.closed {
                let at = Stamp { symbol: closed.at.symbol, ..at };
                let (_, record) = self.record("POST_TRADE_ANALYSIS", at, None);
                // Into the day that ends, even where its halt already counts to the next date.
                self.append(record.with(groups::post_trade(&closed, open.after.as_ref())), at.ts)?;
            }
        }
        self.close()?;
        Ok(self.written)
    }

    fn decision(&mut self, decided: &Decided) -> Result<()> {
        let Some(tick) = self.tick(decided.at) else { return Ok(()) };
        let at = decided.at;
        let day = self.date(at);
        let market = || groups::market(&decided.market, tick);
        let clock = at.market_time.or(at.ts);
        let news = &self.header.news;
        let session = groups::session(&self.calendar, news, clock, day, &decided.market);
        let (_, record) = self.record("PRE_ANALYSIS", at, None);
        self.put(record.with(market()).with(session.clone()), at)?;
        let (_, record) = self.record("MICROSTRUCTURE", at, None);
        self.put(record.with(groups::microstructure(decided, tick)), at)?;
        let (_, mut record) = self.record("DECISION", at, None);
        let context = self.contexts.iter().find(|c| c.version == decided.context_version);
        let Some(index) = self.indices.get(usize::from(at.symbol.0)) else { return Ok(()) };
        let preset = &self.header.preset;
        let present = decided.features.iter().filter(|slot| slot.value().is_some()).count();
        if is_core(preset) {
            if decided.coverage < self.header.coverage_floor {
                record.flag("COVERAGE_BELOW_FLOOR");
            }
        } else if present < FEATURES_MIN {
            record.flag("FEATURES_BELOW_25");
        }
        let record = record
            .with(market())
            .with(groups::signal(decided, preset, context, index))
            .with(groups::options(decided, context, index))
            .with(session)
            .with(groups::entry(decided, tick));
        self.put(record, at)
    }

    fn fill(&mut self, filled: &Filled) -> Result<()> {
        if let Some(id) = self.execution(filled, filled.at, None)? {
            self.open.entry(filled.trade).or_default().fills.push(id.clone());
            if self.impacts.len() == IMPACTS {
                self.impacts.pop_front();
            }
            self.impacts.push_back((id, *filled));
        }
        Ok(())
    }

    /// An execution, or its correction with the movement one second later. Returns its id.
    fn execution(
        &mut self,
        filled: &Filled,
        at: Stamp,
        correction: Option<(String, f64)>,
    ) -> Result<Option<String>> {
        let Some(tick) = self.tick(at) else { return Ok(None) };
        let (corrects, impact) = correction.unzip();
        let (id, mut record) = self.record("EXECUTION", at, corrects);
        if !groups::acknowledged(filled) {
            record.flag("ACK_LATE_OR_UNKNOWN");
        }
        let server = match self.header.mode {
            Mode::Live => Server::Named {
                order: self.servers.get(&filled.id).cloned(),
                execution: {
                    let mut newest = self.executions.iter().rev();
                    newest.find(|(id, _)| *id == filled.execution).map(|(_, text)| text.clone())
                },
            },
            Mode::Paper | Mode::Replay => Server::Simulated,
        };
        self.put(record.with(groups::execution(filled, server, impact, tick)), at)?;
        Ok(Some(id))
    }

    fn trade(&mut self, closed: &Closed) -> Result<()> {
        let Some(instrument) = self.instrument(closed.at).cloned() else { return Ok(()) };
        let open = self.open.entry(closed.trade).or_default();
        let fills = std::mem::take(&mut open.fills);
        open.closed = Some(Box::new(*closed));
        let (_, record) = self.record("FINAL_RESULT", closed.at, None);
        self.put(record.with(groups::result(closed, &instrument, fills)), closed.at)?;
        self.written.trades += 1;
        // Nothing is to be learned from what nobody decided, nor from what never happened.
        if closed.d.is_none() || self.header.is_simulated() {
            return Ok(());
        }
        let row = ml::Row {
            closed,
            symbol: &instrument.root,
            mode: mode_name(self.header.mode),
            preset: &self.header.preset,
            schema_hash: &self.schema_hash,
        };
        let line = row.line()?;
        if let Some(files) = &mut self.files {
            files.ml.line(&line)?;
        }
        Ok(())
    }

    fn instrument(&self, at: Stamp) -> Option<&Instrument> {
        self.header.instruments.get(usize::from(at.symbol.0))
    }

    fn tick(&self, at: Stamp) -> Option<f64> {
        self.instrument(at).map(|instrument| instrument.tick)
    }

    fn date(&self, at: Stamp) -> Date {
        date_of(self.calendar.segment(at.market_time.or(at.ts)).trade_day)
    }

    /// A record with its header, and its id.
    fn record(
        &mut self,
        kind: &'static str,
        at: Stamp,
        corrects: Option<String>,
    ) -> (String, Record) {
        self.serial += 1;
        let id = format!("{}-{:08}", self.header.run, self.serial);
        let mut group = Group::new("header");
        group.put("schema", SCHEMA);
        group.put("schema_version", SCHEMA_VERSION);
        group.put("record_id", id.clone());
        group.put("record_type", kind);
        if let Some(corrects) = corrects {
            group.put("corrects", corrects);
        }
        let market_time = Some(at.market_time).filter(|ts| ts.is_some());
        group.need("ts_event", market_time, crate::units::Reason::NoInput);
        group.put("ts_capture", at.ts);
        group.put("seq", at.seq);
        let header = &self.header;
        group.put("source", header.source.clone());
        group.put("delay_class", header.delay_class.clone());
        group.put("mode", mode_name(header.mode));
        let instrument = header.instruments.get(usize::from(at.symbol.0));
        let name = |f: fn(&Instrument) -> &String| instrument.map(|i| f(i).clone());
        let why = crate::units::Reason::InvalidInput;
        group.need("symbol", name(|i| &i.root).filter(|root| !root.is_empty()), why);
        group.need("contract", name(|i| &i.symbol), why);
        group.put("trade_date", self.date(at).to_string());
        group.put("config_hash", header.config_hash.clone());
        group.put("feature_schema_hash", self.schema_hash.clone());
        group.put("preset", header.preset.clone());
        group.put("build", header.build.clone());
        (id, Record::new(group))
    }

    /// Writes a record into the file of its trade date; one that comes late for its date goes into
    /// the newest, files never go back.
    fn put(&mut self, record: Record, at: Stamp) -> Result<()> {
        let day = self.date(at);
        if self.files.as_ref().is_none_or(|files| day > files.day) {
            self.close()?;
            self.begin(day)?;
        }
        self.append(record, at.ts)
    }

    /// Writes a record into the open file.
    fn append(&mut self, record: Record, ts: Ts) -> Result<()> {
        let (needed, lacking) = record.completeness();
        let (line, flagged) = record.line()?;
        if let Some(files) = &mut self.files {
            files.trades.line(&line)?;
        }
        self.written.records += 1;
        self.written.flagged += u64::from(flagged);
        self.written.needed += u64::from(needed);
        self.written.lacking += u64::from(lacking);
        let since = *self.waits_since.get_or_insert(ts);
        // A run without beats, such as a replay, is bounded in the time of its own events.
        if ts.since(since) >= SYNC_NS {
            self.sync()?;
        }
        Ok(())
    }

    fn begin(&mut self, day: Date) -> Result<()> {
        let (trades, torn) = Appended::open(&self.folder.join(trades_file(day)), "")?;
        let (ml, cut) = Appended::open(&self.folder.join(ml_file(day)), &ml::head())?;
        let torn = [torn, cut].into_iter().flatten();
        self.written.warnings.extend(torn.map(|torn| torn.to_string()));
        self.files = Some(Files { day, trades, ml });
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        self.sync()?;
        let Some(files) = self.files.take() else { return Ok(()) };
        let warnings = close_day(&self.folder, files.day, &self.calendar)?;
        self.written.warnings.extend(warnings);
        Ok(())
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
