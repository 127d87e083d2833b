//! The configuration file (TOML). Every key is documented where it is declared; unknown keys are
//! errors. `mia run --print-config` prints the defaults.

mod cold;
mod deciding;
mod files;
mod limits;
mod params;
mod trading;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use self::cold::{DtcIndex, INDICES, MassiveConfig, OptionsConfig, Provider, VolatilityConfig};
pub use self::files::{ArchiveConfig, OrderflowConfig};
pub use self::limits::{ExchangeConfig, QueueModel, RiskConfig};
pub use self::trading::{EntryKind, Money, OnStop, ProductConfig, TradingConfig, TradingMode};
use crate::decision::confluence::{Item, Preset, Term, TierEdges};
use crate::features::baseline::GAP_MIN;
use crate::features::{CATALOGUE, Params};
use crate::units::{Instrument, SYMBOLS_MAX};

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Tick files or journals that a live run reads before its sources: see `mia run --warmup`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warmup: Vec<PathBuf>,
    /// Symbols of the run, at most 16.
    pub symbols: Vec<SymbolConfig>,
    /// Where the market comes from.
    pub sources: Vec<SourceConfig>,
    /// Settings of products, by root: `[instrument.MNQ]`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub instrument: BTreeMap<String, InstrumentConfig>,
    /// Weights, gate and floor of the decision.
    pub decision: DecisionConfig,
    /// Parameters of the features.
    pub features: FeatureConfig,
    /// Option chains: the cold path.
    pub options: OptionsConfig,
    /// VIX and its kin: the cold path.
    pub volatility: VolatilityConfig,
    /// Whether and for whom orders are made; left out: nothing is ordered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trading: Option<TradingConfig>,
    /// Limits.
    pub risk: RiskConfig,
    /// The simulated exchange.
    pub exchange: ExchangeConfig,
    /// Threads, cores and idle strategies.
    pub threads: ThreadConfig,
    /// Capacities of the rings between threads.
    pub rings: RingConfig,
    /// Where the journal goes.
    pub journal: JournalConfig,
    /// Order flow as files for other programs; left out: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orderflow: Option<OrderflowConfig>,
    /// What `mia archive` keeps.
    pub archive: ArchiveConfig,
}

/// One `[[symbols]]` entry.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SymbolConfig {
    /// Name at the source, such as `ESZ6.CME` or `ESZ6-CME`; also the stem of `.scid` files.
    pub name: String,
    /// Which source, by name.
    pub source: String,
    /// Exchange, for servers that want one.
    #[serde(default)]
    pub exchange: String,
    /// Tick size in points; may be left out for ES, NQ, MES and MNQ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tick: Option<f64>,
    /// Depth levels to ask for; 0 asks for none.
    #[serde(default = "ten")]
    pub depth_levels: u16,
}

/// `[instrument.ROOT]`: what a product sets for its features.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct InstrumentConfig {
    /// Least size of a large print, in contracts, above 0 (ES 100; without one recorded sessions
    /// must say).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub large_print_floor: Option<u64>,
    /// Greatest width of a consolidation base, in ticks, above 0 (ES, MES 10; else ATR20).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_width_ticks: Option<u32>,
    /// Minutes of silence that a full session of a baseline may hold, 5 to 240 (5); more than 5 for
    /// thin contracts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline_gap_min: Option<u32>,
}

const fn ten() -> u16 {
    10
}

/// One `[[sources]]` entry.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "lowercase")]
pub enum SourceConfig {
    /// A DTC server.
    Dtc(DtcSource),
    /// A folder in which Sierra Chart writes `.scid` and `MarketDepthData/*.depth`.
    Sierra(SierraSource),
}

impl SourceConfig {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            SourceConfig::Dtc(s) => &s.name,
            SourceConfig::Sierra(s) => &s.name,
        }
    }

    /// Whether its market data come fifteen minutes late.
    #[must_use]
    pub const fn is_delayed(&self) -> bool {
        match self {
            SourceConfig::Dtc(s) => s.delayed,
            SourceConfig::Sierra(s) => s.delayed,
        }
    }
}

/// A DTC server.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DtcSource {
    /// Name that symbols refer to.
    pub name: String,
    /// `host:port`; Sierra Chart listens on 11099, a second instance usually on 11100.
    pub address: String,
    /// User name, where the server wants one.
    #[serde(default)]
    pub username: String,
    /// Name of the environment variable that holds the password; secrets stay out of files.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub password_env: String,
    /// Seconds between heartbeats, 5 to 60; twice that without a byte ends the connection.
    #[serde(default = "ten")]
    pub heartbeat_s: u16,
    /// First pause before a reconnect, in milliseconds; doubles up to `backoff_max_ms`.
    #[serde(default = "backoff_first")]
    pub backoff_first_ms: u32,
    /// Longest pause before a reconnect, in milliseconds.
    #[serde(default = "backoff_max")]
    pub backoff_max_ms: u32,
    /// Its market data come fifteen minutes late, as without an exchange's real-time permission: no
    /// message says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delayed: bool,
}

const fn backoff_first() -> u32 {
    500
}

const fn backoff_max() -> u32 {
    30_000
}

/// A folder that Sierra Chart writes.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SierraSource {
    /// Name that symbols refer to.
    pub name: String,
    /// The data folder: `NAME.scid`, and depth in `MarketDepthData/NAME.YYYY-MM-DD.depth`.
    pub folder: PathBuf,
    /// Sierra's "Intraday File Flush Time in Milliseconds"; 5000 is its default.
    #[serde(default = "flush_ms")]
    pub scid_flush_ms: u32,
    /// Read what the files already hold, instead of beginning at their ends.
    #[serde(default)]
    pub from_start: bool,
    /// As [`DtcSource::delayed`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delayed: bool,
}

const fn flush_ms() -> u32 {
    5000
}

/// `[decision]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecisionConfig {
    /// `S4-groups`, `S3-normalised`, `core`, or any other name together with `weights`.
    pub preset: String,
    /// Feature name → weight above 0; makes a preset of your own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, f64>,
    /// Score from which an entry is signalled, 0 to 100 (70).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<f64>,
    /// Least share of the weight that must be present, 0.70 to 1 (0.70).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage_floor: Option<f64>,
    /// Lower edges of PREMIUM, STRONG, GOOD and WEAK (90, 80, 70, 60).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiers: Option<[f64; 4]>,
    /// Whether tick momentum and delta divergence move D by up to 0.07 (false).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additive: Option<bool>,
}

impl Default for DecisionConfig {
    fn default() -> DecisionConfig {
        DecisionConfig {
            preset: "S4-groups".to_owned(),
            weights: BTreeMap::new(),
            gate: None,
            coverage_floor: None,
            tiers: None,
            additive: None,
        }
    }
}

/// `[features]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeatureConfig {
    /// Milliseconds after its end that a bar waits for late events in silence.
    pub grace_ms: u32,
    /// Rows of a session profile, in ticks: half of them to either side of the first price; a power
    /// of two.
    pub profile_rows: u32,
}

impl Default for FeatureConfig {
    fn default() -> FeatureConfig {
        FeatureConfig { grace_ms: 1000, profile_rows: 1 << 16 }
    }
}

/// How the hot threads are laid out.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Features and decision on the net thread: best with fewer than four free cores.
    #[default]
    Fused,
    /// Net, feature and decision each on a thread of their own.
    Split,
}

/// What a thread does when it finds no work.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Idle {
    /// Ask again at once; for isolated cores.
    Spin,
    /// Spin a little, then let others run.
    Yield,
    /// Spin, yield, then sleep up to a millisecond.
    #[default]
    Backoff,
}

/// `[threads]`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ThreadConfig {
    /// `fused` or `split`.
    pub layout: Layout,
    /// `spin`, `yield` or `backoff`.
    pub idle: Idle,
    /// Core of the net thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_core: Option<usize>,
    /// Core of the feature thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature_core: Option<usize>,
    /// Core of the decision thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_core: Option<usize>,
}

/// `[rings]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RingConfig {
    /// Events between net and feature thread.
    pub events: usize,
    /// Frames between feature and decision thread.
    pub frames: usize,
    /// Bytes between net thread and journal.
    pub capture_bytes: usize,
    /// Records between decision thread and journal.
    pub decisions: usize,
    /// Milliseconds of full rings after which entries halt.
    pub stall_ms_max: u32,
}

impl Default for RingConfig {
    fn default() -> RingConfig {
        RingConfig {
            events: 65_536,
            frames: 4_096,
            capture_bytes: 64 << 20,
            decisions: 4_096,
            stall_ms_max: 5_000,
        }
    }
}

/// `[journal]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalConfig {
    /// Write one.
    pub enabled: bool,
    /// Folder of `mia-YYYYMMDD-HHMMSS.mjrnl`.
    pub folder: PathBuf,
}

impl Default for JournalConfig {
    fn default() -> JournalConfig {
        JournalConfig { enabled: true, folder: PathBuf::from("data/journal") }
    }
}

impl Config {
    /// Parses and checks a file's text.
    ///
    /// # Errors
    /// A text that says which key is wrong and what is allowed.
    pub fn parse(text: &str) -> Result<Config, String> {
        let config: Config = toml::from_str(text).map_err(|e| e.to_string())?;
        config.check()?;
        Ok(config)
    }

    /// The file's text for this configuration.
    #[must_use]
    pub fn to_text(&self) -> String {
        // A struct of tables and plain values always serialises.
        toml::to_string(self).unwrap_or_default()
    }

    fn check(&self) -> Result<(), String> {
        if self.symbols.len() > SYMBOLS_MAX {
            return Err(format!("symbols: at most {SYMBOLS_MAX}"));
        }
        for (at, symbol) in self.symbols.iter().enumerate() {
            if !self.sources.iter().any(|s| s.name() == symbol.source) {
                let (name, source) = (&symbol.name, &symbol.source);
                return Err(format!("symbol {name}: there is no source named {source:?}"));
            }
            if self.symbols.iter().take(at).any(|s| s.name == symbol.name) {
                return Err(format!("symbol {} is there twice", symbol.name));
            }
        }
        for (root, instrument) in &self.instrument {
            if instrument.large_print_floor == Some(0) || instrument.base_width_ticks == Some(0) {
                return Err(format!("instrument.{root}: sizes and widths must be above 0"));
            }
            let [least, most] = GAP_MIN;
            if instrument.baseline_gap_min.is_some_and(|gap| !(least..=most).contains(&gap)) {
                return Err(format!(
                    "instrument.{root}: baseline_gap_min must be {least} to {most}"
                ));
            }
        }
        for source in &self.sources {
            if let SourceConfig::Dtc(dtc) = source
                && !(5..=60).contains(&dtc.heartbeat_s)
            {
                return Err(format!("source {}: heartbeat_s must be 5 to 60", dtc.name));
            }
        }
        let rows = self.features.profile_rows;
        if !rows.is_power_of_two() || !(1 << 10..=1 << 22).contains(&rows) {
            return Err("features.profile_rows: a power of two from 1024 to 4194304".to_owned());
        }
        if self.features.grace_ms > 60_000 {
            return Err("features.grace_ms: at most 60000".to_owned());
        }
        let rings = &self.rings;
        if rings.events < 2048 || rings.frames < 2 || rings.decisions < 16 {
            return Err("rings: events from 2048, frames from 2, decisions from 16".to_owned());
        }
        if rings.capture_bytes < 1 << 20 {
            return Err("rings.capture_bytes: at least 1048576".to_owned());
        }
        self.options.check()?;
        let dtc = |s: &&SourceConfig| matches!(s, SourceConfig::Dtc(_));
        let servers: Vec<&str> = self.sources.iter().filter(dtc).map(SourceConfig::name).collect();
        self.volatility.check(&servers)?;
        self.orderflow.as_ref().map_or(Ok(()), OrderflowConfig::check)?;
        self.instruments()?;
        self.preset()?;
        self.check_trading()
    }

    /// The symbols with their ticks.
    ///
    /// # Errors
    /// A text that names the symbol whose tick is missing or no tick.
    pub fn instruments(&self) -> Result<Vec<Instrument>, String> {
        let instrument = |symbol: &SymbolConfig| match symbol.tick {
            Some(tick) => Instrument::with_tick(&symbol.name, tick),
            None => Instrument::from_symbol(&symbol.name).ok_or_else(|| {
                format!("symbol {}: unknown product, give its tick size as `tick`", symbol.name)
            }),
        };
        self.symbols.iter().map(instrument).collect()
    }

    /// The preset that `[decision]` names or spells out.
    ///
    /// # Errors
    /// A text that names the offending key.
    pub fn preset(&self) -> Result<Preset, String> {
        let decision = &self.decision;
        let named = Preset::named(&decision.preset);
        let mut preset = match (named, decision.weights.is_empty()) {
            (Some(preset), true) => preset,
            (Some(_), false) => {
                let name = &decision.preset;
                return Err(format!("decision: {name} has its own weights; use another name"));
            }
            (None, true) => {
                let (name, known) = (&decision.preset, crate::decision::PRESETS.join(", "));
                return Err(format!("decision.preset: no {name:?} ({known}, or give weights)"));
            }
            (None, false) => Preset {
                name: decision.preset.clone(),
                items: items(&decision.weights)?,
                coverage_floor: 0.70,
                gate: 70.0,
                tiers: TierEdges::default(),
                additive: false,
            },
        };
        preset.gate = decision.gate.unwrap_or(preset.gate);
        preset.coverage_floor = decision.coverage_floor.unwrap_or(preset.coverage_floor);
        preset.tiers = decision.tiers.map_or(preset.tiers, TierEdges);
        preset.additive = decision.additive.unwrap_or(preset.additive);
        let changed = decision.gate.is_some()
            || decision.coverage_floor.is_some()
            || decision.tiers.is_some()
            || decision.additive.is_some();
        preset.check()?;
        // A built-in preset with another gate is another preset, and says so in every output. So
        // are two of the user's own that have one name.
        match (changed, decision.weights.is_empty()) {
            (_, false) => preset.marked(""),
            (true, true) => preset.marked("changed"),
            (false, true) => Ok(preset),
        }
    }

    /// Parameters of the features.
    #[must_use]
    pub fn feature_params(&self) -> Params {
        let flush = |s: &SourceConfig| match s {
            SourceConfig::Sierra(s) => i64::from(s.scid_flush_ms) * 1_000_000,
            SourceConfig::Dtc(_) => 0,
        };
        let flush_ns = self.sources.iter().map(flush).max().unwrap_or(0);
        Params {
            grace_ns: i64::from(self.features.grace_ms) * 1_000_000 + flush_ns,
            flush_ns,
            profile_rows: self.features.profile_rows as usize,
        }
    }
}

fn items(weights: &BTreeMap<String, f64>) -> Result<Vec<Item>, String> {
    let mut items = Vec::with_capacity(weights.len());
    for (name, &weight) in weights {
        let known = CATALOGUE.iter().find(|known| known.name == name);
        let known = known.ok_or_else(|| format!("decision.weights: no feature {name:?}"))?;
        items.push(Item { feature: known.number, weight, term: Term::Plain });
    }
    // In canonical order, whatever the file's: the order of a float sum is part of its bits.
    items.sort_by_key(|item| item.feature);
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"
        [[symbols]]
        name = "ESZ6"
        source = "sierra"
        [[symbols]]
        name = "BTCUSD"
        source = "es"
        tick = 0.5
        depth_levels = 0
        [[sources]]
        kind = "dtc"
        name = "es"
        address = "127.0.0.1:11099"
        [[sources]]
        kind = "sierra"
        name = "sierra"
        folder = "/sierra/Data"
        scid_flush_ms = 100
        [instrument.ES]
        base_width_ticks = 8
        [decision]
        preset = "mine"
        gate = 30.0
        [decision.weights]
        vwap_slope = 2.0
        order_book_imbalance = 1.0
    "#;

    #[test]
    fn reads_itself_back() {
        let config = Config::parse(FULL).expect("valid");
        assert_eq!(Config::parse(&config.to_text()), Ok(config.clone()));
        let preset = config.preset().expect("valid");
        assert_eq!(preset.items.iter().map(|i| i.feature).collect::<Vec<_>>(), [17, 20]);
        assert_eq!((preset.gate, preset.coverage_floor), (30.0, 0.70));
        assert_eq!(config.feature_params().grace_ns, 1_100_000_000);
        assert_eq!(config.instruments().expect("valid").get(1).map(|i| i.tick), Some(0.5));
        Config::parse(&Config::default().to_text()).expect("the default is valid");
    }

    #[test]
    fn errors_name_the_key() {
        for (from, to, word) in [
            ("tick = 0.5", "", "tick"),
            ("tick = 0.5", "tick = -1.0", "above 0"),
            ("gate = 30.0", "gates = 30.0", "gates"),
            ("gate = 30.0", "gate = 300.0", "gate"),
            ("vwap_slope", "vwap_slop", "vwap_slop"),
            ("vwap_slope", "pin_score", "direction"),
            ("preset = \"mine\"", "preset = \"core\"", "own weights"),
            ("base_width_ticks = 8", "base_width_ticks = 0", "instrument.ES"),
            ("base_width_ticks = 8", "base_width = 8", "base_width"),
            ("source = \"es\"", "source = \"nq\"", "nq"),
            ("base_width_ticks = 8", "baseline_gap_min = 4", "5 to 240"),
            ("name = \"BTCUSD\"", "name = \"ESZ6\"", "twice"),
            ("[decision]", "[orderflow]\nevery_s = 0\n[decision]", "orderflow.every_s"),
            ("[decision]", "[orderflow]\nfile_minutes = 61\n[decision]", "1 to 60"),
            ("[decision]", "[archive]\ntrade_days = 1\n[decision]", "trade_days"),
        ] {
            let text = FULL.replace(from, to);
            let error = Config::parse(&text).expect_err(from);
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_changed_gate_shows_in_the_name() {
        let text = "[decision]\npreset = \"core\"\ngate = 10.0\n";
        let preset = Config::parse(text).and_then(|c| c.preset()).expect("valid");
        assert!(preset.name.starts_with("core (changed "), "{}", preset.name);
        let other = text.replace("10.0", "20.0");
        let other = Config::parse(&other).and_then(|c| c.preset()).expect("valid");
        assert_ne!(other.name, preset.name, "statistics do not pool two gates");
        let own = |text: &str| Config::parse(text).and_then(|c| c.preset()).expect("valid").name;
        assert!(own(FULL).starts_with("mine ("), "{}", own(FULL));
        assert_ne!(own(FULL), own(&FULL.replace("vwap_slope = 2.0", "vwap_slope = 3.0")));
        let marked = FULL.replace("\"mine\"", "\"core (changed 0123abcd)\"");
        assert!(Config::parse(&marked).expect_err("looks like core").contains("name"));
    }
}
