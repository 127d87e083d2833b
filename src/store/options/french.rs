//! The two files that a pre-close capture leaves for the Asian and London sessions.
//!
//! `spx_niveaux_critiques_STAMP.json` and `resume_sessions_asia_london.json`, from the overnight
//! scope (what settles before Asia opens is not in it). Keys are those that their readers know;
//! levels are index points, gamma exposure USD per 1 % move, sums as magnitudes: total =
//! call + put, net = call − put. A value that is not known is null, never a usual one; the full
//! snapshot, named in `provenance`, says why.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::folders::{parse_ts, underlying};
use crate::calendar::{Calendar, Span};
use crate::options::chain::Underlying;
use crate::options::drawn::{cents, spaced};
use crate::options::snapshot::{Overnight, Snapshot};
use crate::units::Ts;

/// Value of `schema_version`.
pub const SCHEMA: &str = "niveaux-critiques/1";
/// Sessions that the files are for.
const SESSIONS: [&str; 2] = ["ASIA", "LONDON"];
/// VIX above this is high.
const VIX_HIGH: f64 = 25.0;
/// Put/call ratios outside this are heavy on one side.
const BALANCED: (f64, f64) = (0.8, 1.2);
/// Most levels of a list.
const LEVELS_MAX: usize = 3;

macro_rules! record {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$doc])* pub $field: $type,)* }
    };
}

record! {
    /// The critical levels of one capture.
    Critical {
        /// What it is.
        metadata: Metadata,
        /// Gamma exposure, USD per 1 %.
        gamma_exposure: GammaExposure,
        /// Zero gamma.
        gamma_flip_level: FlipLevel,
        /// VIX.
        vix_data: VixData,
        /// Put/call ratios.
        put_call_ratio: PutCall,
        /// Walls, greatest first.
        call_put_walls: Walls,
        /// Strikes that hold the price.
        pin_levels: PinLevels,
        /// Dealers under the sign model.
        dealer_positioning: Dealers,
        /// Whether it may be used.
        quality: Quality,
        /// Sign model.
        convention: String,
        /// Where it came from.
        provenance: Origin,
        /// [`SCHEMA`].
        schema_version: String,
    }
}

record! {
    /// What the file is.
    Metadata {
        /// Capture, RFC 3339 in UTC.
        timestamp: String,
        /// `US_PRE_CLOSE`.
        session: String,
        /// Provider.
        source: String,
        /// Until when it may be used.
        valid_until: String,
        /// `ASIA`, `LONDON`.
        next_sessions: Vec<String>,
    }
}

record! {
    /// Gamma exposure as magnitudes.
    GammaExposure {
        /// Calls and puts.
        total_exposure: f64,
        /// Calls, not negative.
        call_gamma: f64,
        /// Puts, not negative.
        put_gamma: f64,
        /// Calls less puts.
        net_gamma: f64,
    }
}

record! {
    /// Zero gamma; all null without one.
    FlipLevel {
        /// Index points.
        level: Option<f64>,
        /// 0 to 1.
        significance: Option<f64>,
        /// Spot less level.
        distance_from_price: Option<f64>,
    }
}

record! {
    /// VIX.
    VixData {
        /// Level.
        current_vix: Option<f64>,
        /// 0 to 1.
        vix_percentile: Option<f64>,
        /// `bullish`, `bearish` or `neutral`.
        vix_trend: Option<String>,
    }
}

record! {
    /// Put/call ratios.
    PutCall {
        /// By open interest.
        current_ratio: Option<f64>,
        /// By volume.
        volume_ratio: Option<f64>,
        /// `increasing`, `stable` or `decreasing`.
        ratio_trend: Option<String>,
    }
}

record! {
    /// Walls, at most three each.
    Walls {
        /// Call walls above the spot.
        major_call_walls: Vec<f64>,
        /// Put walls below it.
        major_put_walls: Vec<f64>,
        /// Strikes of the greatest net gamma, whatever its sign.
        gamma_walls: Vec<f64>,
    }
}

record! {
    /// Pins, strongest first.
    PinLevels {
        /// Strikes.
        major_pin_levels: Vec<f64>,
        /// The greatest score, 0 to 1.
        pin_risk_score: Option<f64>,
        /// Null until there is a calibration.
        pin_probability: Option<f64>,
    }
}

record! {
    /// Dealers.
    Dealers {
        /// `long`, `short` or `neutral`.
        dealer_position: Option<String>,
        /// `stabilising`, `destabilising` or `neutral`.
        dealer_flow: Option<String>,
        /// 0 to 1.
        dealer_confidence: Option<f64>,
    }
}

record! {
    /// Sanity.
    Quality {
        /// `GO` or `CAUTION`.
        status: String,
        /// 0 to 100.
        score: i32,
    }
}

record! {
    /// Origin of the numbers.
    Origin {
        /// Full snapshot with every number and the reason of every null.
        snapshot_id: String,
        /// Provider.
        provider: String,
        /// `api`, `file` or `replay`.
        source_kind: String,
        /// `realtime`, `delayed-15`, `eod` or `replay`.
        delay_class: String,
        /// Time of the data.
        asof: String,
        /// Capture less data time, s.
        age_s: f64,
    }
}

record! {
    /// The summary for the sessions.
    Summary {
        /// What it is.
        session_info: SessionInfo,
        /// Key numbers.
        niveaux_cles: KeyLevels,
        /// What they say.
        signaux_trading: Signals,
        /// Levels around the price.
        niveaux_techniques: Technical,
    }
}

record! {
    /// What the file is.
    SessionInfo {
        /// Capture, RFC 3339 in UTC.
        collecte_time: String,
        /// Until when it may be used.
        valid_until: String,
        /// `ASIA`, `LONDON`.
        sessions_cibles: Vec<String>,
    }
}

record! {
    /// Key numbers.
    KeyLevels {
        /// Zero gamma, index points.
        gamma_flip: Option<f64>,
        /// VIX.
        vix_level: Option<f64>,
        /// By open interest.
        put_call_ratio: Option<f64>,
        /// `long`, `short` or `neutral`.
        dealer_position: String,
    }
}

record! {
    /// Signals.
    Signals {
        /// `bullish`, `bearish` or `neutral`.
        gamma_bias: String,
        /// `high_vol` or `low_vol`.
        vix_signal: Option<String>,
        /// `call_heavy`, `balanced` or `put_heavy`.
        flow_signal: Option<String>,
        /// `long`, `short` or `neutral`.
        dealer_signal: String,
    }
}

record! {
    /// Levels, at most three each.
    Technical {
        /// Above the spot, ascending.
        resistance_levels: Vec<f64>,
        /// Below it, descending.
        support_levels: Vec<f64>,
        /// Pins, strongest first.
        pin_levels: Vec<f64>,
    }
}

/// The capture window in which the two files are due, if `captured` lies in one: SPX only, sanity
/// GO or CAUTION.
#[must_use]
pub fn due(snapshot: &Snapshot, calendar: &Calendar) -> Option<Span> {
    let spx = underlying(snapshot).is_ok_and(|of| of == Underlying::Spx);
    let good = ["GO", "CAUTION"].contains(&snapshot.sanity.status.as_str());
    let captured = parse_ts(&snapshot.captured_at).unwrap_or(Ts::NONE);
    if spx && good && captured.is_some() { calendar.capture(captured) } else { None }
}

/// What both files need.
struct Input<'a> {
    snapshot: &'a Snapshot,
    night: &'a Overnight,
    spot: f64,
    valid_until: String,
}

fn input(snapshot: &Snapshot) -> Result<Input<'_>> {
    ensure!(snapshot.sanity.status != "NO_GO", "a NO_GO snapshot has no products");
    let night = snapshot.analysis_overnight.as_ref().context("no overnight scope")?;
    let spot = snapshot.underlying.spot.context("no spot")?;
    let valid_until = snapshot.valid_until.clone().context("no end of validity")?;
    Ok(Input { snapshot, night, spot, valid_until })
}

/// The critical levels.
///
/// # Errors
/// A NO_GO snapshot, or one without overnight scope, spot or end of validity.
pub fn critical(snapshot: &Snapshot) -> Result<Critical> {
    let Input { night, spot, valid_until, .. } = input(snapshot)?;
    let (call, put) = (night.gex.call_gex.abs(), night.gex.put_gex.abs());
    let flip = &night.levels.gamma_flip;
    let from = &snapshot.provenance;
    let pins = pins(night);
    let score = pins.iter().map(|p| p.1).reduce(f64::max);
    let rank = |wall: &Option<crate::options::snapshot::Wall>| {
        let rank = wall.as_ref().map(|w| w.rank.as_slice()).unwrap_or_default();
        rank.iter().copied().take(LEVELS_MAX).collect::<Vec<f64>>()
    };
    Ok(Critical {
        metadata: Metadata {
            timestamp: snapshot.captured_at.clone(),
            session: "US_PRE_CLOSE".to_owned(),
            source: from.provider.clone(),
            valid_until,
            next_sessions: SESSIONS.map(str::to_owned).to_vec(),
        },
        gamma_exposure: GammaExposure {
            total_exposure: call + put,
            call_gamma: call,
            put_gamma: put,
            net_gamma: call - put,
        },
        gamma_flip_level: FlipLevel {
            level: flip.level,
            significance: flip.level.and(flip.significance),
            distance_from_price: flip.level.map(|level| spot - level),
        },
        vix_data: VixData {
            current_vix: night.vol.vix,
            vix_percentile: night.vol.vix_percentile,
            vix_trend: night.vol.vix_trend.clone(),
        },
        put_call_ratio: PutCall {
            current_ratio: night.pcr.oi,
            volume_ratio: night.pcr.volume,
            ratio_trend: night.pcr.trend.clone(),
        },
        call_put_walls: Walls {
            major_call_walls: rank(&night.levels.call_wall),
            major_put_walls: rank(&night.levels.put_wall),
            gamma_walls: gamma_walls(night, spot),
        },
        pin_levels: PinLevels {
            major_pin_levels: pins.iter().map(|p| p.0).collect(),
            pin_risk_score: score,
            pin_probability: None,
        },
        dealer_positioning: Dealers {
            dealer_position: night.dealer.dealer_position.clone(),
            dealer_flow: night.dealer.dealer_flow.clone(),
            dealer_confidence: night.dealer.dealer_confidence,
        },
        quality: Quality { status: snapshot.sanity.status.clone(), score: snapshot.sanity.score },
        convention: snapshot.conventions.sign_model.clone(),
        provenance: Origin {
            snapshot_id: snapshot.snapshot_id.clone(),
            provider: from.provider.clone(),
            source_kind: from.source_kind.clone(),
            delay_class: from.delay_class.clone(),
            asof: snapshot.asof.clone(),
            age_s: from.age_s,
        },
        schema_version: SCHEMA.to_owned(),
    })
}

/// The summary. `gap`: least distance of two levels, points.
///
/// # Errors
/// As [`critical`], and where the dealers' position is not known.
pub fn summary(snapshot: &Snapshot, gap: f64) -> Result<Summary> {
    let Input { snapshot, night, spot, valid_until } = input(snapshot)?;
    let position = night.dealer.dealer_position.clone().context("dealers' position unknown")?;
    let net = night.gex.gex_total_signed;
    let bias = match net {
        n if n > 0.0 => "bullish",
        n if n < 0.0 => "bearish",
        _ => "neutral",
    };
    let vix = night.vol.vix;
    let ratio = night.pcr.oi;
    let flow = |r: f64| match r {
        r if r < BALANCED.0 => "call_heavy",
        r if r > BALANCED.1 => "put_heavy",
        _ => "balanced",
    };
    let (resistance_levels, support_levels) = around(night, spot, gap)?;
    Ok(Summary {
        session_info: SessionInfo {
            collecte_time: snapshot.captured_at.clone(),
            valid_until,
            sessions_cibles: SESSIONS.map(str::to_owned).to_vec(),
        },
        niveaux_cles: KeyLevels {
            gamma_flip: night.levels.gamma_flip.level,
            vix_level: vix,
            put_call_ratio: ratio,
            dealer_position: position.clone(),
        },
        signaux_trading: Signals {
            gamma_bias: bias.to_owned(),
            vix_signal: vix.map(|v| if v > VIX_HIGH { "high_vol" } else { "low_vol" }.to_owned()),
            flow_signal: ratio.map(|r| flow(r).to_owned()),
            dealer_signal: position,
        },
        niveaux_techniques: Technical {
            resistance_levels,
            support_levels,
            pin_levels: pins(night).iter().map(|p| p.0).collect(),
        },
    })
}

/// Strike and score of the pins, strongest first.
fn pins(night: &Overnight) -> Vec<(f64, f64)> {
    let mut pins: Vec<_> = night.levels.gamma_pins.iter().collect();
    pins.sort_by(|a, b| b.strength.total_cmp(&a.strength));
    pins.iter().take(LEVELS_MAX).map(|p| (p.strike, p.pin_score)).collect()
}

/// Strikes of the greatest net gamma, ties to the one nearer to the spot.
fn gamma_walls(night: &Overnight, spot: f64) -> Vec<f64> {
    let mut strikes: Vec<_> = night.gex.by_strike.iter().filter(|s| s.net_gex != 0.0).collect();
    strikes.sort_by(|a, b| {
        let nearer = (a.strike - spot).abs().total_cmp(&(b.strike - spot).abs());
        b.net_gex.abs().total_cmp(&a.net_gex.abs()).then(nearer)
    });
    strikes.iter().take(LEVELS_MAX).map(|s| s.strike).collect()
}

/// Levels above the spot, nearest first, and below it, nearest first. Candidates by priority: flip,
/// call walls, put walls, max pain, pins.
fn around(night: &Overnight, spot: f64, gap: f64) -> Result<(Vec<f64>, Vec<f64>)> {
    let levels = &night.levels;
    let mut all: Vec<f64> = levels.gamma_flip.level.into_iter().collect();
    for wall in [&levels.call_wall, &levels.put_wall].into_iter().flatten() {
        all.extend(wall.rank.iter().take(LEVELS_MAX));
    }
    all.extend(levels.max_pain);
    all.extend(pins(night).iter().map(|p| p.0));
    let gap = cents(gap).context("least distance out of range")?;
    let rounded: Vec<Option<i64>> = all.iter().map(|&x| cents(x)).collect();
    let keep = spaced(&rounded, gap, usize::MAX);
    let mut kept: Vec<f64> = all.iter().zip(keep).filter(|k| k.1).map(|k| *k.0).collect();
    kept.sort_by(f64::total_cmp);
    let above = kept.iter().copied().filter(|&x| x > spot).take(LEVELS_MAX).collect();
    let below = kept.iter().rev().copied().filter(|&x| x < spot).take(LEVELS_MAX).collect();
    Ok((above, below))
}
