//! One chain and what surrounds it → a snapshot, its files, and the part that the Context carries:
//! what `mia levels` does once and the cold thread does all day.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;

use super::unusual::Watch;
use crate::calendar::{Calendar, date_of};
use crate::config::OptionsConfig;
use crate::context::{self, LevelPart, Scope};
use crate::options::analyse::{self, Analysed, Inputs, Params, Vix, analyse_with_terms};
use crate::options::basis::{self, Live};
use crate::options::bias::{self, PcrMode};
use crate::options::chain::{Chain, Print, Underlying};
use crate::options::price::{PriceParams, SpotMode, price};
use crate::options::priced::Priced;
use crate::options::snapshot::Snapshot;
use crate::options::{Known, Null, null};
use crate::store::options::{self as files, Drawing, Folders, Mode, Written, history};
use crate::units::{Reason, Slot, Ts};
use crate::volatility::{Part, Source};

/// What the levels of one underlying are made with and where they go.
#[derive(Clone, Debug)]
pub struct Desk {
    calendar: Arc<Calendar>,
    spot_mode: SpotMode,
    params: Params,
    drawing: Drawing,
    /// Root of the files.
    out: PathBuf,
    alias: bool,
    mode: Mode,
}

/// What is known besides the chain.
#[derive(Clone, Debug)]
pub struct Around {
    /// When the snapshot is written.
    pub now: Ts,
    /// VIX and its kin.
    pub volatility: Option<Part>,
    /// Live bases by contract.
    pub live: BTreeMap<String, Live>,
    /// The future less its stored basis.
    pub futures: Option<Print>,
    /// Why a chain without an index print has none.
    pub no_print: Null,
    /// Rows for the futures are wanted.
    pub futures_rows: bool,
    /// `vix_diff` of the snapshots before, oldest first.
    pub vix_diffs: Vec<f64>,
}

impl Around {
    /// Nothing but the time.
    #[must_use]
    pub fn at(now: Ts) -> Around {
        let bare = Inputs::at(now);
        Around {
            now,
            volatility: None,
            live: BTreeMap::new(),
            futures: None,
            no_print: bare.no_print,
            futures_rows: false,
            vix_diffs: Vec::new(),
        }
    }
}

/// A chain with everything that follows from it.
#[derive(Clone, Debug)]
pub struct Levelled {
    /// The priced chain, where it has a spot.
    pub priced: Known<Priced>,
    /// The snapshot with the terms of its bias.
    pub analysed: Analysed,
    /// What earlier sessions say, for the Context.
    pub history: context::History,
    /// What an operator should know.
    pub warnings: Vec<String>,
}

impl Levelled {
    /// The snapshot.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot {
        &self.analysed.snapshot
    }

    /// What the Context carries of `scope`; `None` where it must not reach a decision.
    #[must_use]
    pub fn part(&self, scope: Scope) -> Option<LevelPart> {
        LevelPart::from_snapshot(self.snapshot(), scope, &self.history)
    }
}

impl Desk {
    /// A desk of a configuration, for runs of `mode`.
    #[must_use]
    pub fn new(config: &OptionsConfig, calendar: Arc<Calendar>, mode: Mode) -> Desk {
        let params = Params {
            sign_model: config.sign_model,
            grid_band: config.grid_band,
            flip_rel_error: config.flip_rel_error,
            ssr: config.ssr,
            vol_trigger_method: config.vol_trigger_method,
            rate_r: config.rate_r,
            min_gap_spx: config.min_gap_spx,
            min_gap_ndx: config.min_gap_ndx,
            max_drawn: config.max_drawn,
            overnight_drop_am: config.overnight_drop_am,
            pcr_mode: config.pcr_mode,
            preset: config.bias_preset,
            spot_mode: config.spot_mode,
        };
        let drawing = Drawing {
            gap_spx: config.min_gap_spx,
            gap_ndx: config.min_gap_ndx,
            max_drawn: config.max_drawn,
        };
        Desk {
            calendar,
            spot_mode: config.spot_mode,
            params,
            drawing,
            out: config.out.clone(),
            alias: config.alias_options_flow,
            mode,
        }
    }

    /// The calendar.
    #[must_use]
    pub const fn calendar(&self) -> &Arc<Calendar> {
        &self.calendar
    }

    /// The folders of the runs of this desk.
    #[must_use]
    pub fn folders(&self) -> Folders {
        Folders::new(&self.out, self.mode, self.alias)
    }

    /// Prices and analyses a chain; `watch` looks for contracts that trade unusually, which needs
    /// the polls of a whole day.
    #[must_use]
    pub fn level(&self, chain: &Chain, around: &Around, watch: Option<&mut Watch>) -> Levelled {
        let params = PriceParams { spot_mode: self.spot_mode, futures: around.futures };
        let priced = price(chain, &self.calendar, &params);
        let (daily, mut warnings) = self.daily(chain.underlying, chain.captured);
        let unusual = match (watch, &priced) {
            (Some(watch), Ok(priced)) => {
                watch.poll(&self.folders(), &self.calendar, chain, priced, &mut warnings)
            }
            _ => Inputs::at(around.now).unusual,
        };
        let inputs = Inputs {
            now: around.now,
            vix: vix(around.volatility.as_ref()),
            no_print: around.no_print,
            vxn: vxn(around.volatility.as_ref()),
            history: daily,
            live: around.live.clone(),
            futures_rows: around.futures_rows,
            vix_diffs: around.vix_diffs.clone(),
            unusual,
        };
        let analysed = analyse_with_terms(&priced, chain, &self.calendar, &inputs, &self.params);
        let history = self.past(&analysed.snapshot, &inputs.history);
        Levelled { priced, analysed, history, warnings }
    }

    /// A snapshot that an earlier run wrote, as far as its file tells.
    #[must_use]
    pub fn recall(&self, snapshot: Snapshot) -> Levelled {
        let captured = files::folders::parse_ts(&snapshot.captured_at).unwrap_or(Ts::NONE);
        let (daily, warnings) = match Underlying::of(&snapshot.symbol) {
            Some(of) => self.daily(of, captured),
            None => Default::default(),
        };
        let history = self.past(&snapshot, &daily);
        let analysed = Analysed { snapshot, bias: None, bias_overnight: None };
        Levelled { priced: null(Reason::NoInput, "recalled"), analysed, history, warnings }
    }

    /// Code of the future that is traded at `at`, such as `ESZ6`.
    #[must_use]
    pub fn traded(&self, of: Underlying, at: Ts) -> Option<String> {
        basis::traded(&self.calendar, of, at)
    }

    /// Writes the files of a capture: see [`crate::store::options::write`].
    ///
    /// # Errors
    /// With the path where the snapshot itself cannot be written.
    pub fn write(&self, levelled: &Levelled, chain: &Chain, now: Ts) -> Result<Written> {
        let snapshot = levelled.snapshot();
        let mode = self.mode.of(snapshot, &self.calendar, now);
        let folders = Folders::new(&self.out, mode, self.alias);
        folders.prepare()?;
        let at = if mode == Mode::Replay { chain.captured } else { now };
        let mut written = {
            let front = self.traded(chain.underlying, chain.captured);
            let (calendar, drawing) = (&self.calendar, &self.drawing);
            files::write(&folders, calendar, snapshot, drawing, front.as_deref(), at)?
        };
        match files::write_history(&folders, &self.calendar, snapshot, chain, None) {
            Ok(more) => {
                written.files.extend(more.files);
                written.warnings.extend(more.warnings);
            }
            Err(error) => written.warnings.push(format!("{error:#}")),
        }
        Ok(written)
    }

    /// Daily values of the sessions before the one of `at`, and what could not be read.
    fn daily(&self, of: Underlying, at: Ts) -> (analyse::History, Vec<String>) {
        let mut daily = analyse::History::default();
        match history::read_daily(&self.folders().daily(of)) {
            Ok(lines) => {
                let today = date_of(self.calendar.segment(at).trade_day);
                let before = || lines.rows.iter().filter(|row| row.trade_date < today);
                daily.pcr_volume = before().filter_map(|row| row.pcr_volume).collect();
                daily.skew25_30d = before().filter_map(|row| row.skew25_30d).collect();
                (daily, lines.dropped)
            }
            Err(error) => (daily, vec![format!("{error:#}")]),
        }
    }

    fn past(&self, snapshot: &Snapshot, daily: &analyse::History) -> context::History {
        let count = |values: &[f64]| u32::try_from(values.len()).unwrap_or(u32::MAX);
        let analysis = snapshot.analysis.as_ref();
        let slot = |value: Option<f64>, of: &dyn Fn(f64) -> Known<f64>| match value {
            Some(value) => of(value).map_or_else(|n| Slot::none(n.reason), Slot::some),
            None => Slot::none(Reason::NoInput),
        };
        let ratio = analysis.and_then(|a| a.pcr.volume);
        let skew = analysis.and_then(|a| a.vol.skew25_30d);
        context::History {
            pcr_pct: slot(ratio, &|v| bias::percentile(v, &daily.pcr_volume)),
            pcr_sessions: count(&daily.pcr_volume),
            skew_z: slot(skew, &|v| bias::z_score(v, &daily.skew25_30d)),
            skew_sessions: count(&daily.skew25_30d),
            contrarian: self.params.pcr_mode == PcrMode::Contrarian,
        }
    }
}

/// VIX as the analysis reads it.
fn vix(part: Option<&Part>) -> Known<Vix> {
    let quote = part.and_then(|p| p.vix);
    let (Some(part), Some(quote)) = (part, quote) else { return null(Reason::NoInput, "vix") };
    let source = match quote.source {
        Source::Given => "given",
        Source::Scid | Source::Dtc => "live",
        Source::Index => "index",
        Source::Eod => "eod",
    };
    let known =
        |slot: Slot, detail: &'static str| slot.value().ok_or(Null { reason: slot.reason, detail });
    let percentile = known(part.percentile, "vix_history");
    let mom5 = known(part.mom5, "vix_history");
    Ok(Vix { value: quote.value, source, percentile, mom5 })
}

fn vxn(part: Option<&Part>) -> Known<f64> {
    part.and_then(|p| p.vxn).map(|q| q.value).ok_or(Null { reason: Reason::NoInput, detail: "vxn" })
}
