//! [`analyse`]: a priced chain and what is known from outside → the whole [`Snapshot`].
//!
//! Everything received makes `analysis`, what outlives the start of Asia `analysis_overnight`. A
//! missing value is null and has its reason in `null_reasons` under its path in the JSON file,
//! such as `analysis.levels.call_wall` or `groups[3].atm_iv`. Pure: no clock, no file; the caller
//! says what time it is.
//!
//! Cost: two scopes, each one pass for the exposures and one over the grid of spots: some tens of
//! milliseconds for 20,000 contracts.

mod checks;
mod futures;
mod head;
mod part;
mod rows;

use std::collections::BTreeMap;

use super::basis::Live;
use super::bias::{Bias, PcrMode, Preset};
use super::chain::{Chain, Underlying};
use super::gex::SignModel;
use super::moves;
use super::price::{NO_SPOT, SpotMode, warnings};
use super::priced::{Priced, Scope};
use super::sanity::{self, Verdict};
use super::scopes::{self, Night};
use super::snapshot::{Overnight, Snapshot, Unusual};
use super::trigger::TriggerMethod;
use super::{Known, Null, Nulls, null, price};
use crate::calendar::Calendar;
use crate::units::{Reason, Ts};
use part::Part;

/// Spots outside this range are no spots, index points: sums over them would overflow.
const SPOT_RANGE: std::ops::Range<f64> = 1.0..1e7;

/// VIX as it is known when a chain is analysed, with its statistics on daily closes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vix {
    /// Index points, above 0.
    pub value: f64,
    /// `given`, `live`, `index`, `eod`.
    pub source: &'static str,
    /// Share of the last 252 closes at or below it.
    pub percentile: Known<f64>,
    /// Over the mean of the five closes before, less 1.
    pub mom5: Known<f64>,
}

/// Daily values of earlier sessions, oldest first; none of the day itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Put/call ratio by volume.
    pub pcr_volume: Vec<f64>,
    /// 25-delta skew at 30 days, decimal.
    pub skew25_30d: Vec<f64>,
}

/// Everything from outside the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Inputs {
    /// When the snapshot is written; `asof` for replays and for files of old data.
    pub now: Ts,
    /// VIX.
    pub vix: Known<Vix>,
    /// Why the chain has no index print, where it has none, such as `NO_INPUT:not_entitled`.
    pub no_print: Null,
    /// VXN, index points: what the VIX arithmetic over NDX is compared with.
    pub vxn: Known<f64>,
    /// Daily values.
    pub history: History,
    /// Last live basis by contract, such as `ESU2`.
    pub live: BTreeMap<String, Live>,
    /// Rows for the futures are wanted, so a missing basis costs points.
    pub futures_rows: bool,
    /// `vix_diff` of the snapshots before in regular hours, oldest first; two are enough.
    pub vix_diffs: Vec<f64>,
    /// Contracts that trade unusually.
    pub unusual: Unusual,
}

impl Inputs {
    /// Nothing is known but the time.
    #[must_use]
    pub fn at(now: Ts) -> Inputs {
        Inputs {
            now,
            vix: null(Reason::NoInput, "vix"),
            no_print: Null { reason: Reason::NoInput, detail: "no_print" },
            vxn: null(Reason::NoInput, "vxn"),
            history: History::default(),
            live: BTreeMap::new(),
            futures_rows: false,
            vix_diffs: Vec::new(),
            unusual: Unusual { status: "pending".to_owned(), events: Vec::new() },
        }
    }
}

/// How to analyse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    /// Who is assumed to hold what.
    pub sign_model: SignModel,
    /// Half width of the grid of scenario spots, a share of the spot.
    pub grid_band: f64,
    /// Share of gross gamma by which the flip's uncertainty is measured.
    pub flip_rel_error: f64,
    /// Skew stickiness ratio of the vol trigger.
    pub ssr: f64,
    /// How the vol trigger is found.
    pub vol_trigger_method: TriggerMethod,
    /// Interest rate of the VIX arithmetic, decimal a year.
    pub rate_r: f64,
    /// Least distance of drawn levels on SPX, points.
    pub min_gap_spx: f64,
    /// The same on NDX.
    pub min_gap_ndx: f64,
    /// Most levels drawn.
    pub max_drawn: usize,
    /// Leave what settles the next morning out of the overnight scope.
    pub overnight_drop_am: bool,
    /// How put-heavy volume reads.
    pub pcr_mode: PcrMode,
    /// Terms of the bias.
    pub preset: Preset,
    /// The spot mode that the chain was priced with; recorded.
    pub spot_mode: SpotMode,
}

impl Default for Params {
    fn default() -> Params {
        Params {
            sign_model: SignModel::default(),
            grid_band: super::profile::BAND,
            flip_rel_error: super::flip::REL_ERROR,
            ssr: super::trigger::SSR,
            vol_trigger_method: TriggerMethod::default(),
            rate_r: 0.04,
            min_gap_spx: 20.0,
            min_gap_ndx: 60.0,
            max_drawn: 6,
            overnight_drop_am: false,
            pcr_mode: PcrMode::default(),
            preset: Preset::default(),
            spot_mode: SpotMode::default(),
        }
    }
}

impl Params {
    /// Least distance of drawn levels, points.
    #[must_use]
    pub const fn min_gap(&self, underlying: Underlying) -> f64 {
        match underlying {
            Underlying::Spx => self.min_gap_spx,
            Underlying::Ndx => self.min_gap_ndx,
        }
    }
}

/// A snapshot with the terms of the bias, which its file does not hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysed {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Bias of everything received.
    pub bias: Option<Bias>,
    /// Bias of the overnight scope.
    pub bias_overnight: Option<Bias>,
}

/// The snapshot of a chain; see [`analyse_with_terms`].
#[must_use]
pub fn analyse(
    priced: &Known<Priced>,
    chain: &Chain,
    calendar: &Calendar,
    inputs: &Inputs,
    params: &Params,
) -> Snapshot {
    analyse_with_terms(priced, chain, calendar, inputs, params).snapshot
}

/// The snapshot of a chain that [`price::price`] has priced, or of one that it could not price:
/// then `status` is `no_spot` or `failed`, there are no levels, and sanity is `NO_GO`.
#[must_use]
pub fn analyse_with_terms(
    priced: &Known<Priced>,
    chain: &Chain,
    calendar: &Calendar,
    inputs: &Inputs,
    params: &Params,
) -> Analysed {
    let run = Run { chain, calendar, inputs, params };
    match priced {
        Ok(priced) if !SPOT_RANGE.contains(&priced.spot.value) => {
            run.without(Null { reason: Reason::InvalidInput, detail: NO_SPOT })
        }
        Ok(priced) => run.levels(priced),
        Err(why) => run.without(*why),
    }
}

/// What stays the same through one analysis.
#[derive(Clone, Copy)]
struct Run<'a> {
    chain: &'a Chain,
    calendar: &'a Calendar,
    inputs: &'a Inputs,
    params: &'a Params,
}

impl Run<'_> {
    fn levels(&self, priced: &Priced) -> Analysed {
        let mut nulls = Nulls::default();
        let all = scopes::all(priced);
        if all.is_empty() {
            return self.without(Null { reason: Reason::NoInput, detail: price::NO_CONTRACTS });
        }
        let mut snapshot = self.head(Ok(priced), &mut nulls);
        let part = Part::of(self, priced, &all);
        snapshot.coverage = self.coverage(&part, &mut nulls);
        snapshot.expiries = part.expiries(&mut nulls);
        snapshot.groups = part.groups(&mut nulls);
        let night = self.night(priced);
        let later = night.map(|(night, scope)| (night, Part::of(self, priced, &scope), scope));
        let futures = self.futures(priced);
        snapshot.futures = self.future_levels(&part, &futures, &mut nulls);
        let checks = self.checks(priced, &part, later.as_ref().ok().map(|l| &l.1), &futures);
        let mut verdict = sanity::check(&checks);
        verdict.warnings.extend(self.chain.provenance.warnings.iter().cloned());
        verdict.warnings.extend(warnings(self.chain, priced));
        verdict.warnings.extend(part.flat_warnings());
        let bias = part.bias(self, verdict.score);
        let path = "analysis";
        snapshot.analysis = Some(part.analysis(self, &bias, verdict.score, &mut nulls, path));
        let path = "analysis_overnight";
        let mut bias_overnight = None;
        let overnight = later.map(|(night, part, scope)| {
            let bias = part.bias(self, verdict.score);
            bias_overnight = Some(bias);
            let analysis = part.analysis(self, &bias, verdict.score, &mut nulls, path);
            let settles = part.settles_share(&night);
            let share = nulls.take(&format!("{path}.settles_in_session_share"), settles);
            Overnight {
                gex: analysis.gex,
                levels: analysis.levels,
                pcr: analysis.pcr,
                vol: analysis.vol,
                dealer: analysis.dealer,
                dealers_bias: analysis.dealers_bias,
                target_sessions: vec!["ASIA".to_owned(), "LONDON".to_owned()],
                excluded_contracts: scopes::excluded(priced, &scope),
                settles_in_session_share: share,
            }
        });
        snapshot.analysis_overnight = nulls.take(path, overnight);
        self.finish(&mut snapshot, verdict, nulls);
        Analysed { snapshot, bias: Some(bias), bias_overnight }
    }

    /// The overnight scope with its night.
    fn night<'p>(&self, priced: &'p Priced) -> Known<(Night, Scope<'p>)> {
        let night = scopes::next_night(self.calendar, priced.asof)?;
        let scope = scopes::overnight(priced, &night, self.params.overnight_drop_am);
        if scope.is_empty() {
            return null(Reason::NoInput, price::NO_CONTRACTS);
        }
        Ok((night, scope))
    }

    /// A snapshot without levels.
    fn without(&self, why: Null) -> Analysed {
        let mut nulls = Nulls::default();
        let mut snapshot = self.head(Err(why), &mut nulls);
        snapshot.analysis = nulls.take("analysis", Err(why));
        snapshot.analysis_overnight = nulls.take("analysis_overnight", Err(why));
        let _: Option<f64> = nulls.take("futures", Err(why));
        for name in ["iv_coverage", "own_share", "oi_complete", "near_rel_spread", "oi_without_iv"]
        {
            let _: Option<f64> = nulls.take(&format!("coverage.{name}"), Err(why));
        }
        let mut verdict = sanity::check(&self.checks_without());
        let status = if why.detail == NO_SPOT { "no_spot" } else { "failed" };
        snapshot.status = status.to_owned();
        if status == "failed" {
            verdict.errors.insert(0, format!("failed: {}", why.detail));
        }
        verdict.warnings.extend(self.chain.provenance.warnings.iter().cloned());
        self.finish(&mut snapshot, verdict, nulls);
        Analysed { snapshot, bias: None, bias_overnight: None }
    }

    /// Sanity, unusual activity and the reasons of all nulls.
    fn finish(&self, snapshot: &mut Snapshot, verdict: Verdict, mut nulls: Nulls) {
        snapshot.sanity = checks::record(verdict, &mut nulls);
        snapshot.unusual_activity = self.inputs.unusual.clone();
        head::unusual_nulls(&self.inputs.unusual, &mut nulls);
        snapshot.null_reasons = nulls.0;
    }
}
