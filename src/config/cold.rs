//! `[options]` and `[volatility]`: what the cold path reads, from whom, and where it writes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::options::bias::{PcrMode, Preset};
use crate::options::chain::Underlying;
use crate::options::gex::SignModel;
use crate::options::price::SpotMode;
use crate::options::trigger::TriggerMethod;

/// Who delivers option chains.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Massive, formerly Polygon: needs a key in `MASSIVE_API_KEY` or `POLYGON_API_KEY`.
    #[default]
    Massive,
    /// The newest export of a folder: quote-table CSV or delayed-quotes JSON of Cboe.
    Files,
}

/// `[options]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptionsConfig {
    /// Indices whose chains are read: SPX, NDX; none means no option levels.
    pub symbols: Vec<Underlying>,
    /// Who delivers them.
    pub provider: Provider,
    /// Folder of exports, for `files`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// Root of the files that are written: `data` makes `data/snapshots/options/…`.
    pub out: PathBuf,
    /// Seconds between two full chains in the cash session, 30 to 86400.
    pub refresh_s: u32,
    /// How Massive is asked.
    pub massive: MassiveConfig,
    /// Seconds by which the data of a file are older than its header says, 0 to 86400.
    pub file_delay_s: u32,
    /// `long_calls_short_puts`, or `short_all` for a diagnosis.
    pub sign_model: SignModel,
    /// `auto`, `print`, `implied` or `futures`.
    pub spot_mode: SpotMode,
    /// Half width of the spot grid, a share of the spot, 0.05 to 0.5.
    pub grid_band: f64,
    /// Share of gross gamma by which the flip's uncertainty is measured, above 0 to 0.2.
    pub flip_rel_error: f64,
    /// Skew stickiness ratio of the vol trigger, 1 to 3; 1 is the flip itself.
    pub ssr: f64,
    /// `skew_adjusted` or `peak_fraction`.
    pub vol_trigger_method: TriggerMethod,
    /// Interest rate of the VIX arithmetic, decimal a year.
    pub rate_r: f64,
    /// Least distance of drawn levels on SPX and ES, points.
    pub min_gap_spx: f64,
    /// The same on NDX and NQ.
    pub min_gap_ndx: f64,
    /// Most levels drawn, 1 to 20.
    pub max_drawn: usize,
    /// Leave contracts that settle the next morning out of the overnight scope.
    pub overnight_drop_am: bool,
    /// Write the two French files to `options_flow/` instead of `options/`.
    pub alias_options_flow: bool,
    /// `default` or `seed_strict`.
    pub bias_preset: Preset,
    /// `flow` (more puts: bearish) or `contrarian`.
    pub pcr_mode: PcrMode,
}

impl Default for OptionsConfig {
    fn default() -> OptionsConfig {
        OptionsConfig {
            symbols: Vec::new(),
            provider: Provider::Massive,
            folder: None,
            out: PathBuf::from("data"),
            refresh_s: 300,
            massive: MassiveConfig::default(),
            file_delay_s: 900,
            sign_model: SignModel::default(),
            spot_mode: SpotMode::default(),
            grid_band: 0.15,
            flip_rel_error: 0.02,
            ssr: 1.5,
            vol_trigger_method: TriggerMethod::default(),
            rate_r: 0.04,
            min_gap_spx: 20.0,
            min_gap_ndx: 60.0,
            max_drawn: 6,
            overnight_drop_am: false,
            alias_options_flow: false,
            bias_preset: Preset::default(),
            pcr_mode: PcrMode::default(),
        }
    }
}

/// `[options.massive]`. The key never stands in a file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct MassiveConfig {
    /// `https://…`; `http://` only on this machine.
    pub base_url: String,
    /// Requests in flight, 1 to 32.
    pub max_in_flight: usize,
    /// Requests a second, 1 to 100.
    pub rate_per_s: u32,
    /// Requests that may go out at once, 1 to 1000.
    pub burst: u32,
    /// Retries after the first try, 0 to 20.
    pub retries: u32,
    /// First pause before a retry, ms; doubles, with full jitter.
    pub backoff_base_ms: u64,
    /// Longest pause, ms.
    pub backoff_cap_ms: u64,
    /// Seconds that a whole snapshot may take.
    pub snapshot_deadline_s: u64,
    /// The plan delays the data by fifteen minutes.
    pub delayed: bool,
    /// Ask for expiries up to so many days from now only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_dte: Option<u16>,
}

impl Default for MassiveConfig {
    fn default() -> MassiveConfig {
        MassiveConfig {
            base_url: "https://api.massive.com".to_owned(),
            max_in_flight: 8,
            rate_per_s: 20,
            burst: 20,
            retries: 5,
            backoff_base_ms: 250,
            backoff_cap_ms: 8_000,
            snapshot_deadline_s: 180,
            delayed: true,
            max_dte: None,
        }
    }
}

/// `[volatility]`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct VolatilityConfig {
    /// Daily VIX (`DATE,OPEN,HIGH,LOW,CLOSE`), for percentile, momentum and trend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vix_history: Option<PathBuf>,
    /// The same of VXN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vxn_history: Option<PathBuf>,
    /// Index → `.scid` file that Sierra Chart writes of it: VIX, VIX9D, VIX3M, VIX6M, VXN, SPX,
    /// NDX.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub scid: BTreeMap<String, PathBuf>,
    /// Index → where a DTC server gives it: `[volatility.dtc.VIX]`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dtc: BTreeMap<String, DtcIndex>,
    /// VX future, such as VXZ6 → its `.scid` file.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub vx: BTreeMap<String, PathBuf>,
    /// Ask Massive for the indices that no file gives.
    pub massive: bool,
}

/// An index at a DTC server. Sierra's own server refuses Cboe's indices; others may not.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DtcIndex {
    /// Which source, by name.
    pub source: String,
    /// Its name there.
    pub symbol: String,
    /// Exchange, for servers that want one.
    #[serde(default)]
    pub exchange: String,
    /// Its increment, points.
    #[serde(default = "hundredth")]
    pub tick: f64,
}

const fn hundredth() -> f64 {
    0.01
}

/// Indices that a file or a server may give.
pub const INDICES: [&str; 7] = ["VIX", "VIX9D", "VIX3M", "VIX6M", "VXN", "SPX", "NDX"];

fn within(key: &str, value: f64, low: f64, high: f64) -> Result<(), String> {
    if value >= low && value <= high {
        return Ok(());
    }
    Err(format!("options.{key}: {value} is not within {low} to {high}"))
}

impl OptionsConfig {
    pub(super) fn check(&self) -> Result<(), String> {
        within("refresh_s", f64::from(self.refresh_s), 30.0, 86_400.0)?;
        within("file_delay_s", f64::from(self.file_delay_s), 0.0, 86_400.0)?;
        within("grid_band", self.grid_band, 0.05, 0.5)?;
        within("flip_rel_error", self.flip_rel_error, 1e-6, 0.2)?;
        within("ssr", self.ssr, 1.0, 3.0)?;
        within("rate_r", self.rate_r, -0.05, 0.5)?;
        within("min_gap_spx", self.min_gap_spx, 0.0, 1e4)?;
        within("min_gap_ndx", self.min_gap_ndx, 0.0, 1e4)?;
        within("max_drawn", self.max_drawn as f64, 1.0, 20.0)?;
        let massive = &self.massive;
        within("massive.max_in_flight", massive.max_in_flight as f64, 1.0, 32.0)?;
        within("massive.rate_per_s", f64::from(massive.rate_per_s), 1.0, 100.0)?;
        within("massive.burst", f64::from(massive.burst), 1.0, 1000.0)?;
        within("massive.retries", f64::from(massive.retries), 0.0, 20.0)?;
        if self.provider == Provider::Files && self.folder.is_none() && !self.symbols.is_empty() {
            return Err("options.folder: the provider `files` needs a folder of exports".to_owned());
        }
        Ok(())
    }
}

impl VolatilityConfig {
    pub(super) fn check(&self, sources: &[&str]) -> Result<(), String> {
        for name in self.scid.keys().chain(self.dtc.keys()) {
            if !INDICES.contains(&name.as_str()) {
                let known = INDICES.join(", ");
                return Err(format!("volatility: no index {name:?} ({known})"));
            }
        }
        for (name, index) in &self.dtc {
            if !sources.contains(&index.source.as_str()) {
                let source = &index.source;
                return Err(format!("volatility.dtc.{name}: no DTC source named {source:?}"));
            }
        }
        Ok(())
    }
}
