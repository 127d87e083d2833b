//! [`LevelPart::from_snapshot`]: what a snapshot of a chain becomes in the Context.

use std::collections::BTreeMap;

use super::codes::{
    BasisSource, BiasDirection, BiasPreset, BiasStrength, DealerPosition, DelayClass, FlipQuality,
    FlipStatus, GammaRegime, SanityStatus, Scope, SignModel, SpotSource, Text,
};
use super::contract::Contract;
use super::level::{FuturePart, LevelPart, Levels, PINS_MAX, Pin};
use super::terms;
use crate::options::chain::Underlying;
use crate::options::snapshot::{
    self, Bias, Dealer, FutureLevels, Gex, Pcr, Snapshot, Unusual, Vol,
};
use crate::units::{Reason, SECOND, Slot, Ts};

/// What earlier sessions say of a chain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct History {
    /// Rank of the put/call ratio by volume, 0 to 1.
    pub pcr_pct: Slot,
    /// Sessions behind it.
    pub pcr_sessions: u32,
    /// z-score of the 30-day 25-delta skew.
    pub skew_z: Slot,
    /// Sessions behind it.
    pub skew_sessions: u32,
    /// Whether a high put/call ratio is read as bullish.
    pub contrarian: bool,
}

impl History {
    /// No session yet.
    pub const NONE: History = History {
        pcr_pct: Slot::none(Reason::Warmup),
        pcr_sessions: 0,
        skew_z: Slot::none(Reason::Warmup),
        skew_sessions: 0,
        contrarian: false,
    };
}

/// What one scope of a snapshot says.
struct Scoped<'a> {
    prefix: &'static str,
    gex: &'a Gex,
    levels: &'a snapshot::Levels,
    pcr: &'a Pcr,
    vol: &'a Vol,
    dealer: &'a Dealer,
    bias: &'a Bias,
    reasons: &'a BTreeMap<String, String>,
}

impl<'a> Scoped<'a> {
    fn of(snapshot: &'a Snapshot, scope: Scope) -> Option<Scoped<'a>> {
        let reasons = &snapshot.null_reasons;
        Some(match scope {
            Scope::All => {
                let a = snapshot.analysis.as_ref()?;
                Scoped {
                    prefix: "analysis",
                    gex: &a.gex,
                    levels: &a.levels,
                    pcr: &a.pcr,
                    vol: &a.vol,
                    dealer: &a.dealer,
                    bias: &a.dealers_bias,
                    reasons,
                }
            }
            Scope::Overnight => {
                let a = snapshot.analysis_overnight.as_ref()?;
                Scoped {
                    prefix: "analysis_overnight",
                    gex: &a.gex,
                    levels: &a.levels,
                    pcr: &a.pcr,
                    vol: &a.vol,
                    dealer: &a.dealer,
                    bias: &a.dealers_bias,
                    reasons,
                }
            }
        })
    }

    /// A value, or the reason that the snapshot gives for its absence under `path`.
    fn slot(&self, value: Option<f64>, path: &str) -> Slot {
        match value {
            Some(value) => Slot::some(value),
            None => Slot::none(self.reason(path)),
        }
    }

    fn reason(&self, path: &str) -> Reason {
        // A missing object is noted under its own name.
        let full = format!("{}.{path}", self.prefix);
        let parent = full.rsplit_once('.').map(|(parent, _)| parent);
        let of = |path: &str| self.reasons.get(path).and_then(|code| reason(code));
        of(&full).or_else(|| of(parent?)).unwrap_or(Reason::NoInput)
    }

    fn levels(&self) -> Levels {
        let l = self.levels;
        let mut pins = [Slot::none(Reason::NoInput); PINS_MAX];
        for (to, pin) in pins.iter_mut().zip(&l.gamma_pins) {
            *to = Slot::some(pin.strike);
        }
        Levels {
            call_wall: self.slot(l.call_wall.as_ref().map(|w| w.strike), "levels.call_wall"),
            put_wall: self.slot(l.put_wall.as_ref().map(|w| w.strike), "levels.put_wall"),
            flip: self.slot(l.gamma_flip.level, "levels.gamma_flip.level"),
            vol_trigger: self.slot(l.vol_trigger.level, "levels.vol_trigger.level"),
            max_pain: self.slot(l.max_pain, "levels.max_pain"),
            pins,
        }
    }

    fn pins(&self) -> [Option<Pin>; PINS_MAX] {
        let mut pins = [None; PINS_MAX];
        for (to, pin) in pins.iter_mut().zip(&self.levels.gamma_pins) {
            *to = Some(Pin { strength: pin.strength, pin_score: pin.pin_score });
        }
        pins
    }
}

/// The code of `CODE` or `CODE:detail`.
fn reason(text: &str) -> Option<Reason> {
    let code = text.split_once(':').map_or(text, |(code, _)| code);
    let mut all = Reason::ALL.into_iter().filter(|reason| *reason != Reason::Present);
    all.find(|reason| reason.name() == code)
}

/// What of a snapshot must be there before anything else counts.
struct Head {
    symbol: Underlying,
    asof: Ts,
    captured: Ts,
    valid_until: Ts,
    sanity_status: SanityStatus,
    spot: f64,
}

impl Head {
    fn of(snapshot: &Snapshot) -> Option<Head> {
        let sanity_status = SanityStatus::of(&snapshot.sanity.status)?;
        let usable = matches!(snapshot.status.as_str(), "ok" | "no_quotes");
        if !usable || sanity_status == SanityStatus::NoGo {
            return None;
        }
        Some(Head {
            symbol: Underlying::of(&snapshot.symbol)?,
            asof: instant(&snapshot.asof)?,
            captured: instant(&snapshot.captured_at)?,
            valid_until: instant(snapshot.valid_until.as_deref()?)?,
            sanity_status,
            spot: snapshot.underlying.spot?,
        })
    }
}

impl LevelPart {
    /// What `scope` of `snapshot` says, with what earlier sessions say of it. `None` where it must
    /// not reach a decision: NO_GO, no spot, no analysis of the scope, no end of validity, or a
    /// time or name that cannot be read. Levels on the futures are each index level plus the basis
    /// of the contract, on its tick, for the two nearest contracts that the snapshot names.
    #[must_use]
    pub fn from_snapshot(
        snapshot: &Snapshot,
        scope: Scope,
        history: &History,
    ) -> Option<LevelPart> {
        let head = Head::of(snapshot)?;
        let part = joined(snapshot, scope, &head, &Scoped::of(snapshot, scope)?, history)?;
        part.check().ok().map(|()| part)
    }
}

fn joined(
    snapshot: &Snapshot,
    scope: Scope,
    head: &Head,
    scoped: &Scoped<'_>,
    history: &History,
) -> Option<LevelPart> {
    let &Head { symbol, asof, captured, valid_until, sanity_status, spot } = head;
    let History { pcr_pct, pcr_sessions, skew_z, skew_sessions, contrarian } = *history;
    let (levels, flip) = (scoped.levels(), &scoped.levels.gamma_flip);
    let (flip_status, bias) = (FlipStatus::of(&flip.status)?, Biased::of(scoped));
    let em_day = scoped.slot(scoped.vol.em_day, "vol.em_day");
    let pcr_volume = scoped.slot(scoped.pcr.volume, "pcr.volume");
    let (unusual, unusual_events) = unusual(&snapshot.unusual_activity);
    Some(LevelPart {
        symbol,
        provider: Text::new(&snapshot.provenance.provider),
        delay_class: DelayClass::of(&snapshot.provenance.delay_class)?,
        convention: SignModel::of(&snapshot.conventions.sign_model)?,
        scope,
        asof_ns: asof,
        captured_ns: captured,
        valid_until_ns: valid_until,
        sanity_status,
        sanity_score: u8::try_from(snapshot.sanity.score.clamp(0, 100)).unwrap_or(0),
        spot,
        spot_source: SpotSource::of(snapshot.underlying.spot_source.as_deref()?)?,
        spot_ts_ns: snapshot.underlying.spot_ts.as_deref().and_then(instant).unwrap_or(asof),
        futures: futures(&snapshot.futures, symbol, &levels, captured),
        levels,
        pins: scoped.pins(),
        max_pain_expiry: scoped.levels.max_pain_expiry.as_deref().and_then(day),
        flip_status,
        flip_quality: flip.quality.as_deref().and_then(FlipQuality::of),
        flip_uncertainty_pts: scoped
            .slot(flip.uncertainty_pts, "levels.gamma_flip.uncertainty_pts"),
        net_gex: scoped.gex.gex_total_signed,
        abs_gex: scoped.gex.abs_gex,
        call_gex: scoped.gex.call_gex,
        put_gex: scoped.gex.put_gex,
        net_abs: scoped.slot(scoped.gex.gex_total_normalized, "gex.gex_total_normalized"),
        share_zero_dte: scoped.slot(scoped.gex.share_zero_dte, "gex.share_zero_dte"),
        gamma_regime: GammaRegime::of(&scoped.dealer.gamma_regime)?,
        dealer_position: scoped.dealer.dealer_position.as_deref().and_then(DealerPosition::of),
        em_day,
        pcr_volume,
        pcr_oi: scoped.slot(scoped.pcr.oi, "pcr.oi"),
        pcr_pct,
        skew25_30d: scoped.slot(scoped.vol.skew25_30d, "vol.skew25_30d"),
        skew_z,
        pcr_sessions,
        skew_sessions,
        flip_term: terms::flip_distance(spot, levels.flip, flip_status, em_day),
        pcr_term: terms::pcr_score(pcr_volume, pcr_pct, pcr_sessions, contrarian),
        skew_term: terms::skew_score(skew_z, skew_sessions),
        max_pain_term: terms::max_pain_distance(spot, levels.max_pain, em_day),
        pin_score: scoped.levels.gamma_pins.iter().map(|p| p.pin_score).fold(0.0, f64::max),
        bias: bias.score,
        bias_pcr: bias.pcr,
        bias_gex: bias.gex,
        bias_vix: bias.vix,
        coverage: scoped.bias.coverage,
        confidence: bias.confidence,
        direction: bias.direction,
        strength: bias.strength,
        preset: BiasPreset::of(&scoped.bias.preset)?,
        unusual,
        unusual_events,
    })
}

/// The Dealer's Bias with its reasons.
struct Biased {
    score: Slot,
    pcr: Slot,
    gex: Slot,
    vix: Slot,
    confidence: Slot,
    direction: Option<BiasDirection>,
    strength: Option<BiasStrength>,
}

impl Biased {
    fn of(scoped: &Scoped<'_>) -> Biased {
        let bias = scoped.bias;
        let words = &bias.interpretation;
        Biased {
            score: scoped.slot(bias.dealers_bias_score, "dealers_bias.dealers_bias_score"),
            pcr: scoped.slot(bias.components.pcr, "dealers_bias.components.pcr"),
            gex: scoped.slot(bias.components.gex, "dealers_bias.components.gex"),
            vix: scoped.slot(bias.components.vix, "dealers_bias.components.vix"),
            confidence: scoped.slot(bias.confidence, "dealers_bias.confidence"),
            direction: words.direction.as_deref().and_then(BiasDirection::of),
            strength: words.strength.as_deref().and_then(BiasStrength::of),
        }
    }
}

/// Front and next contract, in the order of their expiries.
fn futures(
    named: &BTreeMap<String, FutureLevels>,
    symbol: Underlying,
    index: &Levels,
    captured: Ts,
) -> [Option<FuturePart>; 2] {
    let year = jiff::Timestamp::from_nanosecond(i128::from(captured.0))
        .map_or(1970, |t| jiff::tz::TimeZone::UTC.to_datetime(t).year());
    let mut all: Vec<(i32, &str, &FutureLevels)> = named
        .iter()
        .filter_map(|(name, levels)| {
            let contract = Contract::of(name, symbol.future())?;
            Some((contract.months(year), name.as_str(), levels))
        })
        .collect();
    all.sort_by_key(|&(months, ..)| months);
    let part = |&(_, name, levels): &(i32, &str, &FutureLevels)| {
        let basis = Slot::some(levels.basis);
        // A negative or absurd age is none.
        let age = levels.basis_age_s.clamp(0.0, 1e9);
        let age = if age.is_finite() { (age * SECOND as f64) as i64 } else { 0 };
        FuturePart {
            contract: Text::new(name),
            basis,
            basis_source: BasisSource::of(&levels.basis_source),
            basis_ts_ns: Ts(captured.0.saturating_sub(age)),
            levels: index.shifted(basis),
        }
    };
    [all.first().map(part), all.get(1).map(part)]
}

fn unusual(activity: &Unusual) -> (Option<bool>, Slot) {
    match activity.status.as_str() {
        "ok" | "low_history" => {
            let events = u32::try_from(activity.events.len()).unwrap_or(u32::MAX);
            (Some(events > 0), Slot::some(f64::from(events)))
        }
        _ => (None, Slot::none(Reason::Warmup)),
    }
}

/// An instant of RFC 3339.
fn instant(text: &str) -> Option<Ts> {
    let at: jiff::Timestamp = text.parse().ok()?;
    let ts = Ts::from_outside(i64::try_from(at.as_nanosecond()).ok()?);
    ts.is_some().then_some(ts)
}

/// Days since 1970-01-01 of `YYYY-MM-DD`.
fn day(text: &str) -> Option<i32> {
    let day: jiff::civil::Date = text.parse().ok()?;
    day.since(jiff::civil::date(1970, 1, 1)).ok().map(|span| span.get_days())
}

#[cfg(test)]
mod tests;
