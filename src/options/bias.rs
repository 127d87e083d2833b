//! Dealer's Bias: 0.30·P + 0.45·G + 0.25·V in −1 (bearish) to +1 (bullish).
//!
//! P from the put/call ratio of the day's volume and, with enough sessions, from the skew; G from
//! net over gross gamma and from where the spot stands to the flip; V from VIX. Missing terms are
//! renormalised away; below a coverage of 0.5 there is no score. Own design; context only: it
//! never triggers an order. Cost: O(history).

use serde::{Deserialize, Serialize};

use super::{Known, Null, null};
use crate::units::Reason;

/// Weights of P, G, V.
pub const WEIGHTS: [f64; 3] = [0.30, 0.45, 0.25];
/// Least coverage of a score.
pub const COVERAGE_MIN: f64 = 0.5;
/// Sessions from which percentile and z-score replace the fixed rule.
pub const SESSIONS_MIN: usize = 60;
/// Sessions that are looked back on.
pub const SESSIONS_MAX: usize = 252;
/// VIX above which stress is flagged.
pub const STRESS: f64 = 30.0;

/// How the terms are formed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Percentile, skew and flip where they are known.
    #[default]
    Default,
    /// The fixed rule for P and net over gross alone for G.
    SeedStrict,
}

impl Preset {
    /// Name as it stands in files and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Preset::Default => "default",
            Preset::SeedStrict => "seed_strict",
        }
    }
}

/// How put-heavy volume reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PcrMode {
    /// Puts are bearish flow.
    #[default]
    Flow,
    /// Puts are fear, hence bullish.
    Contrarian,
}

/// Where the spot stands to the flip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FlipState {
    /// Spot less level, index points.
    Distance(f64),
    /// Net gamma above 0 at every spot.
    AllPositive,
    /// Below 0 at every spot.
    AllNegative,
    /// It could not be computed.
    Unknown,
}

/// What the bias is made from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Put over call volume of the scope.
    pub pcr: Known<f64>,
    /// The same of earlier sessions, oldest first.
    pub pcr_history: &'a [f64],
    /// 25-delta skew at 30 days, decimal.
    pub skew: Known<f64>,
    /// The same of earlier sessions, oldest first.
    pub skew_history: &'a [f64],
    /// Net over gross gamma exposure, −1 to 1.
    pub net_abs: Known<f64>,
    /// Zero gamma.
    pub flip: FlipState,
    /// Expected move of one session, index points.
    pub em_day: Known<f64>,
    /// VIX, index points.
    pub vix: Known<f64>,
    /// Sanity score, 0 to 100.
    pub sanity: i32,
}

/// The bias with everything that went into it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bias {
    /// −1 to 1.
    pub score: Known<f64>,
    /// P, G, V, each −1 to 1.
    pub terms: [Known<f64>; 3],
    /// Their weights after renormalising; a missing term has none.
    pub weights: [Known<f64>; 3],
    /// Sum of the weights of what is there, 0 to 1.
    pub coverage: f64,
    /// Coverage × sanity/100.
    pub confidence: f64,
    /// VIX above [`STRESS`].
    pub stress: Known<bool>,
    /// Put/call part of P.
    pub pcr_term: Known<f64>,
    /// Skew part of P.
    pub skew_term: Known<f64>,
    /// Flip part of G.
    pub flip_term: Known<f64>,
    /// Share of the sessions looked back on whose ratio is at or below today's.
    pub pcr_percentile: Known<f64>,
    /// Standard deviations of today's skew from their mean.
    pub skew_z: Known<f64>,
}

/// Where the score points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// +0.15 or more.
    Bullish,
    /// −0.15 or less.
    Bearish,
    /// Between.
    Neutral,
}

impl Direction {
    /// Of a score.
    #[must_use]
    pub fn of(score: f64) -> Direction {
        match score {
            s if s >= 0.15 => Direction::Bullish,
            s if s <= -0.15 => Direction::Bearish,
            _ => Direction::Neutral,
        }
    }

    /// Name as it stands in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Direction::Bullish => "BULLISH",
            Direction::Bearish => "BEARISH",
            Direction::Neutral => "NEUTRAL",
        }
    }
}

/// How far a score points: `WEAK` below 0.15, `MODERATE` below 0.45, else `STRONG`.
#[must_use]
pub fn strength(score: f64) -> &'static str {
    match score.abs() {
        s if s < 0.15 => "WEAK",
        s if s < 0.45 => "MODERATE",
        _ => "STRONG",
    }
}

/// The fixed rule: clip((1 − ratio)/0.2, −1, 1).
#[must_use]
pub fn pcr_rule(ratio: f64) -> f64 {
    ((1.0 - ratio) / 0.2).clamp(-1.0, 1.0)
}

/// clip((20 − VIX)/5, −1, 1), at most +0.5 for a VIX below 12: calm that low is no comfort.
#[must_use]
pub fn vix_term(vix: f64) -> f64 {
    let v = ((20.0 - vix) / 5.0).clamp(-1.0, 1.0);
    if vix < 12.0 { v.min(0.5) } else { v }
}

/// g = tanh(net/abs / 0.25).
#[must_use]
pub fn gamma_rule(net_abs: f64) -> f64 {
    libm::tanh(net_abs / 0.25)
}

/// clip((S − flip)/EM, −1, 1); ±1 where net gamma has one sign everywhere.
///
/// # Errors
/// `NO_INPUT:flip` without a flip; the reason of the expected move without one.
pub fn flip_term(flip: FlipState, em_day: Known<f64>) -> Known<f64> {
    match flip {
        FlipState::AllPositive => Ok(1.0),
        FlipState::AllNegative => Ok(-1.0),
        FlipState::Unknown => null(Reason::NoInput, "flip"),
        FlipState::Distance(d) => match em_day? {
            em if em > 0.0 && d.is_finite() => Ok((d / em).clamp(-1.0, 1.0)),
            _ => null(Reason::InvalidInput, "em_day"),
        },
    }
}

/// The last [`SESSIONS_MAX`] values of a series, or what is missing of [`SESSIONS_MIN`].
fn look_back(history: &[f64]) -> Known<&[f64]> {
    let from = history.len().saturating_sub(SESSIONS_MAX);
    match history.get(from..) {
        Some(window) if window.iter().any(|v| !v.is_finite()) => {
            null(Reason::InvalidInput, "sessions")
        }
        Some(window) if window.len() >= SESSIONS_MIN => Ok(window),
        _ => null(Reason::Warmup, "sessions"),
    }
}

/// Share of the last sessions at or below `value`.
///
/// # Errors
/// `WARMUP:sessions` before [`SESSIONS_MIN`] of them.
pub fn percentile(value: f64, history: &[f64]) -> Known<f64> {
    let window = look_back(history)?;
    let below = window.iter().filter(|&&v| v <= value).count();
    Ok(below as f64 / window.len() as f64)
}

/// Population z-score of `value` over the last sessions.
///
/// # Errors
/// `WARMUP:sessions` before [`SESSIONS_MIN`] of them, `ZERO_DENOMINATOR` where they are all alike.
pub fn z_score(value: f64, history: &[f64]) -> Known<f64> {
    let window = look_back(history)?;
    let n = window.len() as f64;
    let mean = window.iter().sum::<f64>() / n;
    let sd = (window.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt();
    let z = (value - mean) / sd;
    // A spread that is rounding alone is no spread.
    if sd > mean.abs() * 1e-12 && z.is_finite() {
        Ok(z)
    } else {
        null(Reason::ZeroDenominator, "history")
    }
}

/// The bias of `inputs` under a preset.
#[must_use]
pub fn bias(inputs: &Inputs<'_>, preset: Preset, mode: PcrMode) -> Bias {
    let finite = |x: Known<f64>| match x {
        Ok(x) if !x.is_finite() => null(Reason::InvalidInput, ""),
        other => other,
    };
    let (pcr, skew, vix) = (finite(inputs.pcr), finite(inputs.skew), finite(inputs.vix));
    let pcr_percentile = pcr.and_then(|v| percentile(v, inputs.pcr_history));
    let skew_z = skew.and_then(|v| z_score(v, inputs.skew_history));
    let ranked = match preset {
        Preset::Default => pcr_percentile.ok(),
        Preset::SeedStrict => None,
    };
    let rule = pcr.map(|ratio| match ranked {
        Some(share) => ((0.5 - share) / 0.3).clamp(-1.0, 1.0),
        None => pcr_rule(ratio),
    });
    let pcr_term = rule.map(|p| if mode == PcrMode::Contrarian { -p } else { p });
    let skew_term = skew_z.map(|z| -z.clamp(-2.0, 2.0) / 2.0);
    let g = finite(inputs.net_abs).map(gamma_rule);
    let flip_term = flip_term(inputs.flip, inputs.em_day);
    let strict = preset == Preset::SeedStrict;
    let terms = [
        pcr_term.map(|p| match skew_term {
            Ok(k) if !strict => 0.7 * p + 0.3 * k,
            _ => p,
        }),
        g.map(|g| match flip_term {
            Ok(f) if !strict => 0.7 * g + 0.3 * f,
            _ => g,
        }),
        vix.map(vix_term),
    ];
    let (score, weights, coverage) = weigh(&terms);
    Bias {
        score,
        terms,
        weights,
        coverage,
        confidence: coverage * f64::from(inputs.sanity.clamp(0, 100)) / 100.0,
        stress: vix.map(|v| v > STRESS),
        pcr_term,
        skew_term,
        flip_term,
        pcr_percentile,
        skew_z,
    }
}

/// Score, renormalised weights, coverage.
fn weigh(terms: &[Known<f64>; 3]) -> (Known<f64>, [Known<f64>; 3], f64) {
    let mut coverage = 0.0;
    let mut sum = 0.0;
    for (term, weight) in terms.iter().zip(WEIGHTS) {
        if let Ok(term) = term {
            coverage += weight;
            sum += weight * term;
        }
    }
    if coverage < COVERAGE_MIN {
        let missing = Null { reason: Reason::InsufficientSample, detail: "coverage" };
        return (Err(missing), [Err(missing); 3], coverage);
    }
    let mut weights = *terms;
    for (slot, weight) in weights.iter_mut().zip(WEIGHTS) {
        *slot = slot.map(|_| weight / coverage);
    }
    (Ok((sum / coverage).clamp(-1.0, 1.0)), weights, coverage)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MISSING: Known<f64> = Err(Null { reason: Reason::NoInput, detail: "" });

    fn inputs(pcr: f64, net_abs: f64, vix: f64) -> Inputs<'static> {
        Inputs {
            pcr: Ok(pcr),
            pcr_history: &[],
            skew: MISSING,
            skew_history: &[],
            net_abs: Ok(net_abs),
            flip: FlipState::Unknown,
            em_day: Ok(40.0),
            vix: Ok(vix),
            sanity: 100,
        }
    }

    fn near(got: Known<f64>, want: f64) {
        let got = got.expect("value");
        assert!((got - want).abs() < 5e-7, "{got} is not {want}");
    }

    #[test]
    fn golden() {
        let got = bias(&inputs(0.75, 15.0 / 75.0, 18.5), Preset::SeedStrict, PcrMode::Flow);
        near(got.terms[0], 1.0);
        near(got.terms[1], 0.664_037);
        near(got.terms[2], 0.3);
        near(got.score, 0.673_817);
        let score = got.score.expect("score");
        assert_eq!(Direction::of(score).name(), "BULLISH");
        assert_eq!(strength(score), "STRONG");
        assert!((got.coverage - 1.0).abs() < 1e-12 && got.stress == Ok(false));
    }

    #[test]
    fn rules() {
        for (pcr, want) in [(0.75, 1.0), (0.95, 0.25), (1.0, 0.0), (1.2, -1.0), (1.5, -1.0)] {
            near(Ok(pcr_rule(pcr)), want);
        }
        for (vix, want) in [
            (10.0, 0.5),
            (12.0, 1.0),
            (15.0, 1.0),
            (18.5, 0.3),
            (20.0, 0.0),
            (25.0, -1.0),
            (40.0, -1.0),
        ] {
            near(Ok(vix_term(vix)), want);
        }
        near(flip_term(FlipState::Distance(12.0), Ok(40.0)), 0.3);
        near(flip_term(FlipState::AllNegative, MISSING), -1.0);
        near(flip_term(FlipState::AllPositive, MISSING), 1.0);
        assert!(flip_term(FlipState::Distance(1.0), MISSING).is_err());
        assert!(flip_term(FlipState::Distance(1.0), Ok(0.0)).is_err());
        for (score, direction, how) in [
            (0.149, "NEUTRAL", "WEAK"),
            (0.15, "BULLISH", "MODERATE"),
            (-0.15, "BEARISH", "MODERATE"),
            (0.45, "BULLISH", "STRONG"),
        ] {
            assert_eq!((Direction::of(score).name(), strength(score)), (direction, how));
        }
    }

    #[test]
    fn missing_terms() {
        let two = Inputs { vix: MISSING, ..inputs(0.9, 0.2, 0.0) };
        let got = bias(&two, Preset::Default, PcrMode::Flow);
        near(got.score, (0.30 * 0.5 + 0.45 * gamma_rule(0.2)) / 0.75);
        near(got.weights[0], 0.4);
        near(got.weights[1], 0.6);
        assert!(got.weights[2].is_err() && got.stress.is_err());
        for one in [
            Inputs { vix: MISSING, pcr: MISSING, ..two },
            Inputs { net_abs: MISSING, pcr: MISSING, ..inputs(0.0, 0.0, 15.0) },
            Inputs { net_abs: MISSING, vix: MISSING, ..two },
        ] {
            let got = bias(&one, Preset::Default, PcrMode::Flow);
            assert!(got.score.is_err() && got.coverage < COVERAGE_MIN && got.coverage > 0.0);
        }
        let rest = Inputs { net_abs: MISSING, sanity: 80, ..inputs(0.9, 0.0, 15.0) };
        let got = bias(&rest, Preset::Default, PcrMode::Flow);
        assert!((got.coverage - 0.55).abs() < 1e-12 && got.score.is_ok());
        assert!((got.confidence - 0.44).abs() < 1e-12);
        let nan = Inputs { vix: Ok(f64::NAN), ..two };
        assert!(bias(&nan, Preset::Default, PcrMode::Flow).terms[2].is_err());
    }

    #[test]
    fn with_history() {
        // 0.60, 0.61, …, 1.19: 0.75 is the 16th smallest of 60.
        let ratios: Vec<f64> = (0..60).map(|i| 0.60 + 0.01 * f64::from(i) - 1e-9).collect();
        let skews: Vec<f64> = (0..60).map(|i| 0.03 + 0.001 * f64::from(i % 2)).collect();
        let skew = 0.0305 + 1.5 * 0.0005;
        let base = Inputs { skew: Ok(skew), ..inputs(0.75, 0.2, 18.5) };
        let full = Inputs { pcr_history: &ratios, skew_history: &skews, ..base };
        let got = bias(&full, Preset::Default, PcrMode::Flow);
        near(got.pcr_percentile, 16.0 / 60.0);
        near(got.skew_z, 1.5);
        near(got.skew_term, -0.75);
        let p = (0.5 - 16.0 / 60.0) / 0.3;
        near(got.terms[0], 0.7 * p - 0.3 * 0.75);
        near(bias(&full, Preset::Default, PcrMode::Contrarian).terms[0], -0.7 * p - 0.3 * 0.75);
        near(bias(&full, Preset::SeedStrict, PcrMode::Flow).terms[0], 1.0);
        let short = Inputs { pcr_history: &ratios[1..], skew_history: &skews[1..], ..full };
        let got = bias(&short, Preset::Default, PcrMode::Flow);
        near(got.terms[0], 1.0);
        assert_eq!(got.skew_z, null(Reason::Warmup, "sessions"));
        assert!(z_score(0.1, &[0.1; 60]).is_err());
        // Only the last 252 sessions count.
        let mut long = vec![0.0; 300];
        long.extend([2.0; 252]);
        near(percentile(1.0, &long), 0.0);
        long.push(f64::NAN);
        assert_eq!(percentile(1.0, &long), null(Reason::InvalidInput, "sessions"));
    }

    #[test]
    fn flip_moves_gamma() {
        let with = Inputs { flip: FlipState::Distance(-80.0), ..inputs(1.0, 0.2, 20.0) };
        let got = bias(&with, Preset::Default, PcrMode::Flow);
        near(got.terms[1], 0.7 * gamma_rule(0.2) - 0.3);
        near(bias(&with, Preset::SeedStrict, PcrMode::Flow).terms[1], gamma_rule(0.2));
    }

    proptest! {
        #[test]
        fn bounded(pcr in 0.0..9.0_f64, net in -1.0..1.0_f64, vix in 5.0..90.0_f64,
                   d in -500.0..500.0_f64) {
            let given = Inputs { flip: FlipState::Distance(d), ..inputs(pcr, net, vix) };
            for preset in [Preset::Default, Preset::SeedStrict] {
                let got = bias(&given, preset, PcrMode::Flow);
                prop_assert!((-1.0..=1.0).contains(&got.score.expect("score")));
            }
        }
    }
}
