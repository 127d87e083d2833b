//! One scope: its exposures, levels, ratios and volatilities, and their records.

use super::{Run, moves};
use crate::options::bias::{self, Bias, Direction, FlipState};
use crate::options::chain::{Right, Underlying};
use crate::options::dealer::{self, GammaRegime, Position, Signs};
use crate::options::flip::{Flip, FlipStatus};
use crate::options::gex::{self, Exposures, SignModel};
use crate::options::max_pain::{self, MaxPain};
use crate::options::moves::{AtMaturity, DayMove, MATURITIES, Smiled};
use crate::options::pins::{self, Pin, PinSums};
use crate::options::priced::{Group, Priced};
use crate::options::profile::Profile;
use crate::options::ratios::{self, ScopeRatios};
use crate::options::scopes::{self, Night};
use crate::options::snapshot::{
    Analysis, BiasTerms, Dealer, Expiry, Gex, GroupRow, Interpretation, Levels, Pcr, StrikeGex, Vol,
};
use crate::options::surface::{self, Surface};
use crate::options::trigger::Trigger;
use crate::options::vix_like::vix_like;
use crate::options::walls::Walls;
use crate::options::{Known, Null, Nulls, null, smile, snapshot};
use crate::units::Reason;

/// Half width of the published strikes, as a share of the spot.
const STRIKES_BAND: f64 = 0.15;
/// Daily ratios that their trend looks back on.
const TREND_SESSIONS: usize = 20;
/// Momentum of VIX from which it trends.
const TREND: f64 = 0.05;

/// Everything computed from one scope.
pub(super) struct Part<'a> {
    scope: Vec<&'a Group>,
    pub(super) spot: f64,
    pub(super) exposures: Exposures,
    pub(super) flip: Flip,
    pub(super) trigger: Trigger,
    pub(super) walls: Walls,
    max_pain: Vec<MaxPain>,
    pub(super) pins: Known<Vec<Pin>>,
    ratios: ScopeRatios,
    by_expiry: Vec<(jiff::civil::Date, ratios::Ratios)>,
    smiles: Vec<Smiled<'a>>,
    em_day: Known<DayMove>,
    atm: [Known<AtMaturity>; 4],
    skew: Known<AtMaturity>,
    pub(super) near_rel_spread: Known<f64>,
    vix_like: Known<f64>,
    pub(super) vix_diff: Known<f64>,
    surface: Known<Surface>,
    sign: SignModel,
}

impl<'a> Part<'a> {
    pub(super) fn of(run: &Run<'_>, priced: &'a Priced, scope: &[&'a Group]) -> Part<'a> {
        let (spot, params) = (priced.spot.value, run.params);
        let sign = params.sign_model;
        let profile = Profile::of(scope, spot, sign).within(params.grid_band);
        let flip = Flip::with_error(&profile, params.flip_rel_error);
        let trigger = Trigger::of(&profile, &flip, params.vol_trigger_method, params.ssr);
        let exposures = Exposures::of(scope, spot, sign);
        let walls = Walls::of(&exposures);
        let smiles = moves::smiles(scope, spot);
        let em_day = moves::em_day(&smiles, spot);
        let sums = pin_sums(scope, spot, sign);
        let gap = pins::min_gap(run.chain.underlying);
        let pins = pins::pins(&sums.strikes(), spot, em_day.map(|em| em.points), gap);
        let counts = run.volume_counts();
        let vix_like = vix_like(scope, params.rate_r).map(|v| v.value);
        // The index of the same chain: VIX is made from SPX, VXN from NDX.
        let index = match run.chain.underlying {
            Underlying::Spx => run.inputs.vix.map(|v| v.value),
            Underlying::Ndx => run.inputs.vxn,
        };
        Part {
            spot,
            max_pain: max_pain::by_expiry(scope, spot),
            ratios: ratios::of_scope(scope, counts),
            by_expiry: ratios::by_expiry(scope, counts),
            atm: MATURITIES.map(|days| moves::constant_maturity(&smiles, days)),
            skew: moves::constant_skew(&smiles, 30),
            near_rel_spread: moves::near_rel_spread(scope, spot),
            vix_diff: vix_like.and_then(|v| index.map(|index| v - index)),
            vix_like,
            surface: Surface::of(scope),
            scope: scope.to_vec(),
            exposures,
            flip,
            trigger,
            walls,
            pins,
            smiles,
            em_day,
            sign,
        }
    }

    pub(super) fn em_day(&self) -> Known<f64> {
        self.em_day.map(|em| em.points)
    }

    pub(super) fn headline(&self) -> Known<(jiff::civil::Date, f64)> {
        max_pain::headline(&self.max_pain)
    }

    /// What was taken from outside the range of the expiries.
    pub(super) fn flat_warnings(&self) -> Vec<String> {
        let named = MATURITIES.iter().zip(self.atm).map(|(days, at)| (format!("atm_{days}d"), at));
        named
            .chain([("skew25_30d".to_owned(), self.skew)])
            .filter(|(_, at)| at.is_ok_and(|at| at.flat))
            .map(|(name, _)| format!("{name} lies outside the expiries: that of the nearest"))
            .collect()
    }

    /// Share of gross gamma that settles when the night ends.
    pub(super) fn settles_share(&self, night: &Night) -> Known<f64> {
        let settling = self.scope.iter().filter(|g| scopes::settles_in(g, night));
        let gross: f64 = settling.map(|g| Exposures::of(&[g], self.spot, self.sign).abs).sum();
        let all = self.exposures.abs;
        if all > 0.0 {
            Ok((gross / all).min(1.0))
        } else {
            null(Reason::ZeroDenominator, "abs_gex")
        }
    }

    fn flip_state(&self) -> FlipState {
        match (self.flip.at, self.flip.status) {
            (Ok(at), _) => FlipState::Distance(at.distance_pts),
            (_, FlipStatus::NonePositive) => FlipState::AllPositive,
            (_, FlipStatus::NoneNegative) => FlipState::AllNegative,
            _ => FlipState::Unknown,
        }
    }

    pub(super) fn bias(&self, run: &Run<'_>, sanity: i32) -> Bias {
        let inputs = bias::Inputs {
            pcr: self.ratios.total.volume,
            pcr_history: &run.inputs.history.pcr_volume,
            skew: self.skew.map(|at| at.value),
            skew_history: &run.inputs.history.skew25_30d,
            net_abs: self.exposures.normalized,
            flip: self.flip_state(),
            em_day: self.em_day(),
            vix: run.inputs.vix.map(|v| v.value),
            sanity,
        };
        bias::bias(&inputs, run.params.preset, run.params.pcr_mode)
    }

    pub(super) fn expiries(&self, nulls: &mut Nulls) -> Vec<Expiry> {
        let mut rows = Vec::with_capacity(self.exposures.by_expiry.len());
        for (i, exposure) in self.exposures.by_expiry.iter().enumerate() {
            let mut take = |name: &str, known| nulls.take(&format!("expiries[{i}].{name}"), known);
            let absent = Null { reason: Reason::NoInput, detail: "expiry" };
            let at = self.max_pain.iter().find(|m| m.expiry == exposure.expiry);
            let pain = at.map_or(Err(absent), |m| m.at);
            let found = self.by_expiry.iter().find(|(day, _)| *day == exposure.expiry);
            let (volume, oi) = found.map_or((Err(absent), Err(absent)), |(_, r)| (r.volume, r.oi));
            let of_day = self.scope.iter().filter(|g| g.expiry == exposure.expiry);
            rows.push(Expiry {
                expiry: exposure.expiry.to_string(),
                roots: of_day.map(|g| g.root.name().to_owned()).collect(),
                dte: exposure.dte,
                max_pain: take("max_pain", pain.map(|(strike, _)| strike)),
                max_pain_payout_usd: take("max_pain_payout_usd", pain.map(|(_, usd)| usd)),
                pcr_volume: take("pcr_volume", volume),
                pcr_oi: take("pcr_oi", oi),
                net_gex: exposure.net,
                abs_gex: exposure.abs,
            });
        }
        rows
    }

    pub(super) fn groups(&self, nulls: &mut Nulls) -> Vec<GroupRow> {
        let mut rows = Vec::with_capacity(self.scope.len());
        for (i, group) in self.scope.iter().enumerate() {
            let same = |s: &&Smiled<'_>| std::ptr::eq(s.group, *group);
            let Some(smiled) = self.smiles.iter().find(same) else { continue };
            rows.push(smile::record(group, &smiled.smile, nulls, &format!("groups[{i}]")));
        }
        rows
    }

    /// The record, with the reasons of its nulls under `path`.
    pub(super) fn analysis(
        &self,
        run: &Run<'_>,
        bias: &Bias,
        sanity: i32,
        nulls: &mut Nulls,
        path: &str,
    ) -> Analysis {
        Analysis {
            gex: self.gex(nulls, path),
            levels: self.levels(nulls, path),
            pcr: self.pcr(run, nulls, path),
            vol: self.vol(run, nulls, path),
            dealer: self.dealer(sanity, nulls, path),
            dealers_bias: bias_record(bias, run.params.preset, nulls, path),
        }
    }

    fn gex(&self, nulls: &mut Nulls, path: &str) -> Gex {
        let e = &self.exposures;
        let mut take = |name: &str, known| nulls.take(&format!("{path}.gex.{name}"), known);
        let strike = |s: &gex::StrikeExposure| StrikeGex {
            strike: s.strike,
            call_gex: s.call_gex,
            put_gex: s.put_gex,
            net_gex: s.net(),
            call_oi: s.call_oi,
            put_oi: s.put_oi,
        };
        Gex {
            gex_total_signed: e.net,
            net_gamma: e.call.abs() - e.put.abs(),
            call_gex: e.call,
            put_gex: e.put,
            abs_gex: e.abs,
            vendor_gamma_total: take("vendor_gamma_total", e.vendor_net),
            usd_per_point: e.usd_per_point,
            gex_total_normalized: take("gex_total_normalized", e.normalized),
            net_delta: e.net_delta,
            dex_usd: e.dex_usd,
            vex_usd_per_volpt: e.vex_usd_per_volpt,
            cex_usd_per_day: e.cex_usd_per_day,
            share_zero_dte: take("share_zero_dte", e.zero_dte_share),
            by_strike: e.near(STRIKES_BAND).map(strike).collect(),
            profile: self.flip.points.clone(),
        }
    }

    fn levels(&self, nulls: &mut Nulls, path: &str) -> Levels {
        let path = format!("{path}.levels");
        let (gamma_flip, why) = self.flip.record();
        note(nulls, &format!("{path}.gamma_flip"), why, &FLIP_FIELDS);
        let (vol_trigger, why) = self.trigger.record();
        note(nulls, &format!("{path}.vol_trigger"), why, &["vol_trigger_strike", "level"]);
        let gamma_pins = self.pin_records(nulls, &path);
        let pain = self.headline();
        let walls = &self.walls;
        let call = walls.call.map(|w| w.record());
        let put = walls.put.map(|w| w.record());
        let call_wall = nulls.take(&format!("{path}.call_wall"), call);
        let put_wall = nulls.take(&format!("{path}.put_wall"), put);
        let day = pain.map(|(day, _)| day.to_string());
        let max_pain_expiry = nulls.take(&format!("{path}.max_pain_expiry"), day);
        let mut take = |name: &str, known| nulls.take(&format!("{path}.{name}"), known);
        Levels {
            call_wall,
            put_wall,
            gamma_flip,
            max_pain: take("max_pain", pain.map(|(_, strike)| strike)),
            max_pain_expiry,
            vol_trigger,
            gamma_pins,
            call_wall_any: take("call_wall_any", walls.call_any),
            put_wall_any: take("put_wall_any", walls.put_any),
            call_wall_net: take("call_wall_net", walls.call_net),
            put_wall_net: take("put_wall_net", walls.put_net),
            abs_gamma_strike: take("abs_gamma_strike", walls.abs_gamma),
            hvl: take("hvl", walls.hvl),
            call_wall_oi: take("call_wall_oi", walls.call_oi),
            put_wall_oi: take("put_wall_oi", walls.put_oi),
        }
    }

    fn pin_records(&self, nulls: &mut Nulls, path: &str) -> Vec<snapshot::Pin> {
        let pins = nulls.take(&format!("{path}.gamma_pins"), self.pins.clone());
        let mut records = Vec::new();
        for (i, pin) in pins.unwrap_or_default().into_iter().enumerate() {
            let path = format!("{path}.gamma_pins[{i}].pin_probability");
            records.push(snapshot::Pin {
                strike: pin.strike,
                strength: pin.strength,
                label: pin.label().to_owned(),
                pin_score: pin.score,
                pin_probability: nulls.take(&path, null(Reason::Disabled, "no_calibration")),
            });
        }
        records
    }

    fn pcr(&self, run: &Run<'_>, nulls: &mut Nulls, path: &str) -> Pcr {
        let daily = &run.inputs.history.pcr_volume;
        let from = daily.len().saturating_sub(TREND_SESSIONS);
        let trend = ratios::ratio_trend(daily.get(from..).unwrap_or(&[]));
        ratios::record(&self.ratios, trend, nulls, &format!("{path}.pcr"))
    }

    fn vol(&self, run: &Run<'_>, nulls: &mut Nulls, path: &str) -> Vol {
        let path = format!("{path}.vol");
        let vix = run.inputs.vix;
        let trend = vix.and_then(|v| v.mom5).map(|mom5| match mom5 {
            m if m > TREND => "bullish".to_owned(),
            m if m < -TREND => "bearish".to_owned(),
            _ => "neutral".to_owned(),
        });
        let source = vix.map(|v| v.source.to_owned());
        let vix_source = nulls.take(&format!("{path}.vix_source"), source);
        let vix_trend = nulls.take(&format!("{path}.vix_trend"), trend);
        let surface = surface::record(&self.surface, nulls, &format!("{path}.surface"));
        let mut take = |name: &str, known| nulls.take(&format!("{path}.{name}"), known);
        let [atm_7d, atm_30d, atm_60d, atm_90d] = self.atm.map(|at| at.map(|at| at.value));
        Vol {
            em_day: take("em_day", self.em_day()),
            atm_7d: take("atm_7d", atm_7d),
            atm_30d: take("atm_30d", atm_30d),
            atm_60d: take("atm_60d", atm_60d),
            atm_90d: take("atm_90d", atm_90d),
            skew25_30d: take("skew25_30d", self.skew.map(|at| at.value)),
            vix: take("vix", vix.map(|v| v.value)),
            vix_source,
            vix_percentile: take("vix_percentile", vix.and_then(|v| v.percentile)),
            vix_trend,
            vix_like: take("vix_like", self.vix_like),
            vix_diff: take("vix_diff", self.vix_diff),
            surface,
        }
    }

    fn dealer(&self, sanity: i32, nulls: &mut Nulls, path: &str) -> Dealer {
        let path = format!("{path}.dealer");
        let e = &self.exposures;
        let position = e.normalized.map(Position::of);
        let today = self.scope.iter().any(|g| g.dte == 0);
        let signs = Signs {
            net: e.net,
            above_flip: match self.flip_state() {
                FlipState::Distance(d) => Some(d),
                FlipState::AllPositive => Some(1.0),
                FlipState::AllNegative => Some(-1.0),
                FlipState::Unknown => None,
            },
            zero_dte: today.then_some(e.zero_dte_net),
        };
        let confidence = dealer::confidence(e.coverage.iv_coverage(), sanity, &signs);
        let mut words = |name: &str, of: fn(Position) -> &'static str| {
            nulls.take(&format!("{path}.{name}"), position.map(|p| of(p).to_owned()))
        };
        let dealer_position = words("dealer_position", Position::name);
        let dealer_flow = words("dealer_flow", Position::flow);
        Dealer {
            gamma_regime: GammaRegime::of(e.net).name().to_owned(),
            dealer_position,
            dealer_flow,
            dealer_confidence: nulls.take(&format!("{path}.dealer_confidence"), confidence),
        }
    }
}

/// Fields of a flip that are null together.
const FLIP_FIELDS: [&str; 7] = [
    "level",
    "gamma_flip_strike",
    "quality",
    "distance_pts",
    "distance_pct",
    "uncertainty_pts",
    "significance",
];

/// Notes one reason for several fields.
fn note(nulls: &mut Nulls, path: &str, why: Option<Null>, fields: &[&str]) {
    for field in why.iter().flat_map(|_| fields) {
        if let Some(why) = why {
            let _: Option<f64> = nulls.take(&format!("{path}.{field}"), Err(why));
        }
    }
}

/// Weighted gamma exposure by listed strike.
fn pin_sums(scope: &[&Group], spot: f64, sign: SignModel) -> PinSums {
    let mut sums = PinSums::default();
    let unit = gex::per_percent(spot);
    for group in scope {
        let weight = pins::weight(group.t);
        for strike in &group.strikes {
            for right in [Right::Call, Right::Put] {
                let Some(leg) = strike.leg(right) else { continue };
                let gex = match leg.sigma() {
                    Some(sigma) if leg.open() > 0.0 => {
                        let gamma = gex::greeks(group, strike.strike, sigma, spot).gamma;
                        sign.sign(right) * gamma * leg.open() * unit
                    }
                    _ => 0.0,
                };
                sums.add(strike.strike, weight, gex);
            }
        }
    }
    sums
}

fn bias_record(bias: &Bias, preset: bias::Preset, nulls: &mut Nulls, path: &str) -> snapshot::Bias {
    let path = format!("{path}.dealers_bias");
    let mut terms = |what: &str, [pcr, gex, vix]: [Known<f64>; 3]| {
        let mut take = |name: &str, known| nulls.take(&format!("{path}.{what}.{name}"), known);
        BiasTerms { pcr: take("pcr", pcr), gex: take("gex", gex), vix: take("vix", vix) }
    };
    let components = terms("components", bias.terms);
    let weights_used = terms("weights_used", bias.weights);
    let direction = bias.score.map(|s| Direction::of(s).name().to_owned());
    let strength = bias.score.map(|s| bias::strength(s).to_owned());
    let mut words = |name: &str, known| nulls.take(&format!("{path}.interpretation.{name}"), known);
    let interpretation = Interpretation {
        direction: words("direction", direction),
        strength: words("strength", strength),
    };
    snapshot::Bias {
        dealers_bias_score: nulls.take(&format!("{path}.dealers_bias_score"), bias.score),
        components,
        weights_used,
        coverage: bias.coverage,
        confidence: nulls.take(&format!("{path}.confidence"), bias.score.map(|_| bias.confidence)),
        interpretation,
        preset: preset.name().to_owned(),
        stress: nulls.take(&format!("{path}.stress"), bias.stress),
    }
}
