//! Reads trade records back and sorts them by [`Kind`], which no statistic mixes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use jiff::civil::{Date, Time};
use serde::Deserialize;

use super::{SCHEMA, SCHEMA_VERSION, SIMULATED};
use crate::analytics::report::Inputs;
use crate::analytics::{Report, Trip};
use crate::calendar::{Calendar, date_of, days};
use crate::features::frame::FEATURES;
use crate::store::options::folders::parse_ts;
use crate::store::quality::Completeness;

/// Longest line.
const LINE_BYTES_MAX: usize = 1 << 20;
/// The part of the trades that no decision of ours opened.
pub(super) const UNKNOWN: &str = "UNKNOWN";
/// Most warnings that are told one by one.
const WARNINGS_MAX: usize = 20;

/// What a line says, as far as a report reads it.
#[derive(Debug, Deserialize)]
struct Line {
    schema: String,
    schema_version: u32,
    record_id: String,
    record_type: String,
    corrects: Option<String>,
    ts_event: Option<String>,
    delay_class: String,
    mode: String,
    config_hash: String,
    preset: String,
    symbol: Option<String>,
    contract: Option<String>,
    trade_date: String,
    #[serde(default)]
    flags: Vec<String>,
    cells: Option<Completeness>,
    signal: Option<Signal>,
    entry: Option<Entry>,
    execution: Option<Execution>,
    position: Option<Standing>,
    result: Option<Outcome>,
}

/// What is read of a position.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Standing {
    pub(super) side: String,
    pub(super) qty: u32,
    pub(super) open_usd: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Signal {
    score: f64,
    side: String,
    gate_failed: String,
    second_try_of: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    trade_id: Option<String>,
    qty: Option<u32>,
}

/// What is read of an execution.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Execution {
    pub(super) client_id: String,
    pub(super) role: String,
    pub(super) qty: u32,
    pub(super) qty_requested: u32,
    pub(super) market_impact_1s_ticks: Option<f64>,
    pub(super) decision_to_send_ms: Option<f64>,
    pub(super) send_to_ack_ms: Option<f64>,
    pub(super) ack_to_fill_ms: Option<f64>,
}

impl Execution {
    /// Whether the order was meant to be filled as it arrived. A stop or a target waits for the
    /// market: its time to the fill is time in the trade.
    fn is_at_once(&self) -> bool {
        self.role == "ENTRY" || self.role == "EXIT"
    }
}

#[derive(Debug, Deserialize)]
struct Outcome {
    trade_id: String,
    exit_time: Option<String>,
    qty: u32,
    gross_usd: Option<f64>,
    fees_usd: Option<f64>,
    r: Option<f64>,
    risk_usd: Option<f64>,
    equity_at_entry_usd: Option<f64>,
    tick_usd: Option<f64>,
    mfe_ticks: Option<f64>,
    mae_ticks: Option<f64>,
    adverse_first: bool,
    entry_slippage_ticks: Option<f64>,
    exit_slippage_ticks: Option<f64>,
    minutes: Option<f64>,
    exit_reason: String,
    session: Option<String>,
    sub_bucket: Option<String>,
    regime: Option<String>,
    vix_regime: Option<String>,
    tier: Option<String>,
    features: Vec<Option<f64>>,
}

/// Whose records: those of two kinds are in no statistic together.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// `live`, `paper` or `replay`.
    pub mode: String,
    /// Name of the weights.
    pub preset: String,
    /// Whether the market was made up.
    pub simulated: bool,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let market = if self.simulated { " (simulated)" } else { "" };
        write!(f, "{}/{}{market}", self.mode, self.preset)
    }
}

/// Everything of one kind.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Which.
    pub kind: Kind,
    /// Hashes of the configurations that decided, see [`Header`](super::Header).
    pub configs: BTreeSet<String>,
    /// Closed trades by their id.
    pub(super) trips: BTreeMap<String, Trip>,
    /// Ids of closed trades of which nobody knows what they made: no statistic holds them.
    pub unknown: BTreeSet<String>,
    /// Positions that no later record closes, by contract: at a roll two are open.
    pub(super) open: BTreeMap<String, Standing>,
    /// First and last trade date of any record, days since 1970-01-01.
    pub first: i32,
    /// See `first`.
    pub last: i32,
    /// Decision edges.
    pub decisions: u64,
    /// Records with a flag.
    pub flagged: u64,
    /// How often each gate refused, by its name.
    pub vetoes: BTreeMap<String, u64>,
    /// Decision edges by side.
    pub sides: BTreeMap<String, u64>,
    /// Scores of the decision edges.
    pub scores: Vec<f64>,
    /// Contracts that entries asked for, by their order.
    pub(super) asked: BTreeMap<String, u32>,
    /// Executions by the id of their record.
    pub(super) executions: BTreeMap<String, Execution>,
}

impl Sample {
    /// Closed trades, in no order of time.
    pub fn trips(&self) -> impl Iterator<Item = &Trip> {
        self.trips.values()
    }

    /// What stands in no number of the report, in sentences.
    #[must_use]
    pub fn unfinished(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (contract, of) in &self.open {
            let usd = of.open_usd.map_or("unknown".to_owned(), |usd| format!("{usd:.2} USD"));
            let (side, qty) = (&of.side, of.qty);
            all.push(format!(
                "Position never closed: {contract} {side} {qty}, open profit {usd} at the last \
                 mark."
            ));
        }
        if !self.unknown.is_empty() {
            let n = self.unknown.len();
            all.push(format!("{n} round trips whose profit nobody knows count in no number."));
        }
        all
    }

    /// Contracts of positions that were never closed, whichever way they stood.
    #[must_use]
    pub fn open_contracts(&self) -> u64 {
        self.open.values().map(|of| u64::from(of.qty)).sum()
    }

    /// Takes the position in a contract.
    pub(super) fn stands(&mut self, contract: String, standing: Standing) {
        if standing.qty == 0 {
            self.open.remove(&contract);
        } else {
            self.open.insert(contract, standing);
        }
    }

    /// Counts a decision edge: its score and side, the gate that refused, and id and contracts of
    /// the entry that left. `again` names the entry that it is the second try of: then it is an
    /// edge that was counted, and what it asked for comes in the place of what was refused.
    pub(super) fn decision(
        &mut self,
        score: f64,
        side: &str,
        gate: Option<&str>,
        entry: Option<(String, u32)>,
        again: Option<&str>,
    ) {
        if let Some(first) = again {
            if entry.is_some() {
                self.asked.remove(first);
            }
            self.asked.extend(entry);
            return;
        }
        self.decisions += 1;
        self.scores.push(score);
        *self.sides.entry(side.to_owned()).or_default() += 1;
        if let Some(gate) = gate {
            *self.vetoes.entry(gate.to_owned()).or_default() += 1;
        }
        self.asked.extend(entry);
    }

    /// What a report needs of orders and executions; days and what was compared are empty.
    #[must_use]
    pub fn inputs(&self) -> Inputs {
        let times = |f: fn(&Execution) -> Option<f64>| self.executions.values().filter_map(f);
        let mut asked = self.asked.clone();
        let mut filled = 0;
        for entry in self.executions.values().filter(|e| e.role == "ENTRY") {
            // An entry whose decision is not in the files.
            asked.entry(entry.client_id.clone()).or_insert(entry.qty_requested);
            filled += u64::from(entry.qty);
        }
        Inputs {
            entries: (asked.values().map(|&qty| u64::from(qty)).sum(), filled),
            times_ms: [
                times(|e| e.decision_to_send_ms).collect(),
                times(|e| e.send_to_ack_ms).collect(),
                times(|e| e.ack_to_fill_ms.filter(|_| e.is_at_once())).collect(),
            ],
            impact_ticks: times(|e| e.market_impact_1s_ticks).collect(),
            ..Inputs::default()
        }
    }

    /// Its report over `days`; `compared` as [`Inputs::compared`].
    ///
    /// # Errors
    /// Never in a sample that was read: it has one kind.
    pub fn report(&self, days: Vec<i32>, compared: Vec<f64>) -> Result<Report> {
        let inputs = Inputs { days, compared, ..self.inputs() };
        let trips = self.trips.values().cloned().collect();
        Ok(Report::of(&self.kind.mode, &self.kind.preset, trips, inputs)?)
    }
}

/// What files hold.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// By kind.
    pub samples: BTreeMap<Kind, Sample>,
    /// Records.
    pub records: u64,
    /// Needed fields of the records that count them, and those with a value.
    pub cells: Completeness,
    /// Lines of which nobody knows that.
    pub uncounted: u64,
    /// Market times of the first and last record.
    pub times: (Option<String>, Option<String>),
    /// What could not be read, and what stands twice.
    pub warnings: Vec<String>,
}

impl Loaded {
    /// Needed fields of all lines; `None` where some do not say.
    #[must_use]
    pub fn completeness(&self) -> Option<Completeness> {
        (self.uncounted == 0).then_some(self.cells)
    }

    /// Closed trades of all samples.
    #[must_use]
    pub fn trades(&self) -> u64 {
        self.samples.values().map(|sample| sample.trips.len() as u64).sum()
    }
}

/// The trades files of a folder, by date; none where there is no folder.
///
/// # Errors
/// With the path of a folder that cannot be read.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| folder.display().to_string())?,
    };
    let mut all = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        if day_of(&path).is_some() {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

/// The trade date in the name of a trades file.
#[must_use]
pub fn day_of(path: &Path) -> Option<Date> {
    let name = path.file_name()?.to_str()?;
    let digits = name.strip_prefix("trades_")?.strip_suffix(".json")?;
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<i16>().ok();
    let (month, day) = (i8::try_from(number(4, 6)?).ok()?, i8::try_from(number(6, 8)?).ok()?);
    (digits.len() == 8).then(|| Date::new(number(0, 4)?, month, day).ok()).flatten()
}

/// Trade dates from `first` to `last`, both days since 1970-01-01.
#[must_use]
pub fn trading_days(calendar: &Calendar, first: i32, last: i32) -> Vec<i32> {
    let noon = |day: i32| calendar.new_york(date_of(day), Time::constant(12, 0, 0, 0));
    (first..=last).filter(|&day| calendar.segment(noon(day)).trade_day == day).collect()
}

/// Reads files in their order. A line that is none is named and left out.
///
/// # Errors
/// With the path of a file that cannot be read.
pub fn load(paths: &[PathBuf]) -> Result<Loaded> {
    let mut loaded = Loaded::default();
    let mut unread = 0_u64;
    for path in paths {
        let name = || path.display().to_string();
        let mut reader = BufReader::new(File::open(path).with_context(name)?);
        let (mut bytes, mut number) = (Vec::new(), 0_u64);
        loop {
            bytes.clear();
            number += 1;
            if reader.read_until(b'\n', &mut bytes).with_context(name)? == 0 {
                break;
            }
            if let Err(e) = take(&mut loaded, &mut bytes) {
                unread += 1;
                loaded.uncounted += 1;
                if loaded.warnings.len() < WARNINGS_MAX {
                    loaded.warnings.push(format!("{}, line {number}: {e:#}", path.display()));
                }
            }
        }
    }
    if unread > 0 {
        loaded.warnings.push(format!("{unread} lines could not be read"));
    }
    Ok(loaded)
}

fn take(loaded: &mut Loaded, bytes: &mut [u8]) -> Result<()> {
    anyhow::ensure!(bytes.last() == Some(&b'\n'), "a torn line");
    anyhow::ensure!(bytes.len() <= LINE_BYTES_MAX, "longer than {LINE_BYTES_MAX} bytes");
    let line: Line = simd_json::serde::from_slice(bytes)?;
    anyhow::ensure!(
        line.schema == SCHEMA && line.schema_version == SCHEMA_VERSION,
        "schema {} {} is not {SCHEMA} {SCHEMA_VERSION}",
        line.schema,
        line.schema_version
    );
    let day: Date = line.trade_date.parse().map_err(|e| anyhow!("trade_date: {e}"))?;
    let day = days(day);
    loaded.records += 1;
    match line.cells {
        Some(cells) => loaded.cells.add(cells),
        None => loaded.uncounted += 1,
    }
    if let Some(at) = &line.ts_event {
        loaded.times.0.get_or_insert_with(|| at.clone());
        loaded.times.1 = Some(at.clone());
    }
    let simulated = line.delay_class == SIMULATED;
    let kind = Kind { mode: line.mode, preset: line.preset, simulated };
    let sample = loaded.samples.entry(kind.clone()).or_insert_with(|| Sample {
        kind: kind.clone(),
        first: day,
        last: day,
        ..Sample::default()
    });
    sample.configs.insert(line.config_hash);
    sample.first = sample.first.min(day);
    sample.last = sample.last.max(day);
    sample.flagged += u64::from(!line.flags.is_empty());
    match line.record_type.as_str() {
        "DECISION" => {
            let signal = line.signal.context("no signal")?;
            let gate = Some(&*signal.gate_failed).filter(|gate| *gate != "NONE");
            let entry = line.entry.and_then(|entry| Some((entry.trade_id?, entry.qty?)));
            let again = signal.second_try_of.as_deref();
            sample.decision(signal.score, &signal.side, gate, entry, again);
        }
        "EXECUTION" => {
            let id = line.corrects.unwrap_or(line.record_id);
            sample.executions.insert(id, line.execution.context("no execution")?);
        }
        "POSITION_UPDATE" => {
            let standing = line.position.context("no position")?;
            sample.stands(line.contract.or(line.symbol).unwrap_or_default(), standing);
        }
        "FINAL_RESULT" => {
            let result = line.result.context("no result")?;
            let symbol = line.symbol.unwrap_or_default();
            let id = result.trade_id.clone();
            let Some(trip) = trip(result, &kind, symbol, day) else {
                sample.unknown.insert(id);
                return Ok(());
            };
            // A replay into the same folder writes its trades again.
            if let Some(old) = sample.trips.insert(trip.id.clone(), trip)
                && line.corrects.is_none()
            {
                loaded.warnings.push(format!("trade {} stands twice: the last counts", old.id));
            }
        }
        _ => {}
    }
    Ok(())
}

/// The trip of a result, `None` where nobody knows what it made.
fn trip(of: Outcome, kind: &Kind, symbol: String, day: i32) -> Option<Trip> {
    let unknown = || UNKNOWN.to_owned();
    let mut features = [None; FEATURES];
    for (slot, value) in features.iter_mut().zip(of.features) {
        *slot = value;
    }
    Some(Trip {
        id: of.trade_id,
        mode: kind.mode.clone(),
        preset: kind.preset.clone(),
        symbol,
        day,
        exit_ns: of.exit_time.as_deref().and_then(parse_ts).map_or(0, |ts| ts.0),
        qty: of.qty,
        gross_usd: of.gross_usd?,
        fees_usd: of.fees_usd?,
        r: of.r,
        risk_usd: of.risk_usd,
        equity_usd: of.equity_at_entry_usd,
        tick_usd: of.tick_usd,
        excursion: (of.mfe_ticks?, of.mae_ticks?),
        adverse_first: of.adverse_first,
        slippage: [of.entry_slippage_ticks, of.exit_slippage_ticks],
        minutes: of.minutes,
        reason: of.exit_reason,
        session: of.session.unwrap_or_else(unknown),
        sub_bucket: of.sub_bucket.unwrap_or_else(unknown),
        regime: of.regime,
        vix_regime: of.vix_regime,
        tier: of.tier.unwrap_or_else(unknown),
        features,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::synthetic::calendar;
    use super::*;

    #[test]
    fn dates_in_names() {
        let day = |name: &str| day_of(Path::new(name)).map(|day| day.to_string());
        assert_eq!(day("a/trades_20260114.json").as_deref(), Some("2026-01-14"));
        for name in [
            "trades_2026011.json",
            "trades_20261314.json",
            "trades_2026-1-4.json",
            "trades_20260114.csv",
            "trades_202601144.json",
            "performance_daily_20260114.json",
        ] {
            assert_eq!(day(name), None, "{name}");
        }
    }

    #[test]
    fn weekends_and_closures_are_no_trading_days() {
        let number = |text: &str| days(text.parse().expect("a date"));
        let list = |from: &str, to: &str| trading_days(&calendar(), number(from), number(to));
        // Monday to Sunday.
        assert_eq!(list("2026-01-12", "2026-01-18").len(), 5);
        assert!(!list("2025-12-22", "2025-12-26").contains(&number("2025-12-25")));
        assert!(list("2025-12-22", "2025-12-26").contains(&number("2025-12-26")));
        assert_eq!(list("2026-01-14", "2026-01-13"), Vec::<i32>::new());
    }

    #[test]
    fn a_stop_does_not_take_its_time_to_be_filled() {
        let execution = |role: &str, ms: f64| Execution {
            client_id: role.to_owned(),
            role: role.to_owned(),
            qty: 1,
            qty_requested: 1,
            market_impact_1s_ticks: None,
            decision_to_send_ms: None,
            send_to_ack_ms: Some(1.0),
            ack_to_fill_ms: Some(ms),
        };
        let mut sample = Sample::default();
        for (role, ms) in [("ENTRY", 5.0), ("STOP", 60_000.0), ("TARGET", 90_000.0), ("EXIT", 7.0)]
        {
            sample.executions.insert(role.to_owned(), execution(role, ms));
        }
        let [_, ack, fill] = sample.inputs().times_ms;
        assert_eq!((ack.len(), fill), (4, vec![5.0, 7.0]));
    }

    /// At a roll the old contract is still open when the new one closes.
    #[test]
    fn a_position_is_of_its_contract() {
        let line = |contract: &str, side: &str, qty: u32| {
            let text = LINE.replace("\"DECISION\"", "\"POSITION_UPDATE\"").replace(
                "\"symbol\":\"ES\"",
                &format!(
                    "\"symbol\":\"ES\",\"contract\":\"{contract}\",\"position\":{{\"side\":\
                     \"{side}\",\"qty\":{qty},\"open_usd\":12.5}}"
                ),
            );
            text.into_bytes()
        };
        let mut loaded = Loaded::default();
        for mut bytes in
            [line("ESH6", "LONG", 2), line("ESM6", "SHORT", 1), line("ESM6", "SHORT", 0)]
        {
            take(&mut loaded, &mut bytes).expect("a record");
        }
        let sample = loaded.samples.values().next().expect("a sample");
        let [said] = sample.unfinished().try_into().expect("one");
        assert!(said.contains("ESH6 LONG 2"), "{said}");
        assert_eq!(sample.open_contracts(), 2);
    }

    const LINE: &str = concat!(
        r#"{"schema":"trades","schema_version":1,"record_id":"a-1","record_type":"DECISION","#,
        r#""delay_class":"replay","mode":"replay","config_hash":"c0","preset":"core","#,
        r#""symbol":"ES","trade_date":"2026-01-14","flags":[],"signal":{"score":61.5,"#,
        r#""side":"LONG","gate_failed":"RR"},"entry":{"trade_id":null}}"#,
        "\n"
    );

    #[test]
    fn a_line() {
        let mut loaded = Loaded::default();
        take(&mut loaded, &mut LINE.as_bytes().to_vec()).expect("a record");
        let sample = loaded.samples.values().next().expect("a sample");
        assert_eq!((sample.decisions, sample.vetoes.get("RR")), (1, Some(&1)));
        let again =
            LINE.replace(r#""RR"},"#, r#""RR","second_try_of":"mia-20260114-0000000001"},"#);
        take(&mut loaded, &mut again.into_bytes()).expect("a record");
        let sample = loaded.samples.values().next().expect("a sample");
        assert_eq!((sample.decisions, sample.vetoes.get("RR")), (1, Some(&1)), "the same edge");
        // What never happened is no part of what did, nor the other way round.
        let made_up = LINE.replace(r#""delay_class":"replay""#, r#""delay_class":"simulated""#);
        take(&mut loaded, &mut made_up.replace("c0", "c1").into_bytes()).expect("a record");
        take(&mut loaded, &mut LINE.replace("c0", "c2").into_bytes()).expect("a record");
        let kinds = loaded.samples.iter().map(|(kind, of)| (kind.to_string(), of.decisions));
        let expected = [("replay/core".to_owned(), 2), ("replay/core (simulated)".to_owned(), 1)];
        assert!(kinds.eq(expected), "{loaded:?}");
        let configs: Vec<usize> = loaded.samples.values().map(|of| of.configs.len()).collect();
        assert_eq!(configs, [2, 1]);
        let other = LINE.replace(r#""schema_version":1"#, r#""schema_version":2"#);
        let refused = take(&mut loaded, &mut other.into_bytes());
        assert!(refused.expect_err("another schema").to_string().contains("schema"));
    }

    proptest! {
        /// Whatever a disk did to a line, it is refused or read, and nothing falls over.
        #[test]
        fn damaged_lines(at in 0..LINE.len(), byte: u8, cut in 0..LINE.len()) {
            let mut bytes = LINE.as_bytes().to_vec();
            if let Some(hit) = bytes.get_mut(at) {
                *hit = byte;
            }
            let mut loaded = Loaded::default();
            let _ = take(&mut loaded, &mut bytes.clone());
            prop_assert!(loaded.records <= 1);
            bytes.truncate(cut);
            prop_assert!(take(&mut Loaded::default(), &mut bytes).is_err(), "no line feed");
        }
    }
}
