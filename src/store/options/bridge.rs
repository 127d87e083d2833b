//! `es_bias_bridge/1`: the newest Dealer's Bias as one line of JSON for another process.
//!
//! Anything but a usable, valid snapshot with a score gives `ok: false` and null numbers: a reader
//! that looks at `ok` alone, or at a number alone, is never misled. Options are context only, so
//! `live_trigger` is always false.

use serde::{Deserialize, Serialize};

use super::folders::{parse_ts, rfc3339, seconds};
use crate::options::snapshot::Snapshot;
use crate::units::Ts;

/// Value of `schema`.
pub const SCHEMA: &str = "es-bias-bridge/1";
/// Seconds after which the process must have answered.
pub const TIMEOUT_S: u64 = 20;

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// There is a score.
    Ok,
    /// No snapshot file could be read.
    NoSnapshot,
    /// Its validity has ended.
    Stale,
    /// No snapshot passed the sanity gates.
    NoGo,
    /// Too little input for a score.
    Unavailable,
    /// No answer in time.
    Timeout,
    /// Something else went wrong.
    Error,
}

/// The answer, keys in their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bridge {
    /// Whether the numbers may be used.
    pub ok: bool,
    /// Why not.
    pub status: Status,
    /// `BULLISH`, `BEARISH`, `NEUTRAL`.
    pub direction: Option<String>,
    /// `STRONG`, `MODERATE`, `WEAK`.
    pub strength: Option<String>,
    /// −1 to 1.
    pub score: Option<f64>,
    /// Index points.
    pub underlying_price: Option<f64>,
    /// Circumstances.
    pub meta: Meta,
    /// `15min` or `realtime`; the former where it is not known.
    pub data_delay: String,
    /// Always false.
    pub live_trigger: bool,
    /// Time of this answer, RFC 3339 in UTC.
    pub ts: String,
    /// Share of the score's weights that had an input.
    pub coverage: Option<f64>,
    /// Time of the data.
    pub as_of: Option<String>,
    /// [`SCHEMA`].
    pub schema: String,
}

/// Circumstances of an answer; null where there is no snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// The snapshot.
    pub snapshot_id: Option<String>,
    /// SPX or NDX.
    pub symbol: Option<String>,
    /// Provider.
    pub provider: Option<String>,
    /// `realtime`, `delayed-15`, `eod` or `replay`.
    pub delay_class: Option<String>,
    /// Answer less data time, s.
    pub age_s: Option<f64>,
    /// Until when it may be used.
    pub valid_until: Option<String>,
    /// `GO`, `CAUTION`, `NO_GO`.
    pub sanity_status: Option<String>,
    /// 0 to 100.
    pub sanity_score: Option<i32>,
    /// Coverage times sanity.
    pub confidence: Option<f64>,
    /// `default` or `seed_strict`.
    pub preset: Option<String>,
    /// In words, why there is no score.
    pub detail: Option<String>,
}

impl Bridge {
    /// An answer without a snapshot: `no_snapshot`, `timeout` or `error`.
    #[must_use]
    pub fn without(status: Status, now: Ts, detail: &str) -> Bridge {
        let detail = (!detail.is_empty()).then(|| detail.to_owned());
        Bridge {
            ok: false,
            status: if status == Status::Ok { Status::Error } else { status },
            direction: None,
            strength: None,
            score: None,
            underlying_price: None,
            meta: Meta { detail, ..Meta::default() },
            data_delay: "15min".to_owned(),
            live_trigger: false,
            ts: rfc3339(now),
            coverage: None,
            as_of: None,
            schema: SCHEMA.to_owned(),
        }
    }

    /// Exit code of the process: 0 with a score, else 2.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        if self.ok { 0 } else { 2 }
    }

    /// One line of JSON without its line feed.
    #[must_use]
    pub fn line(&self) -> String {
        simd_json::to_string(self).unwrap_or_else(|_| {
            let now = parse_ts(&self.ts).unwrap_or(Ts::NONE);
            let plain = Bridge::without(Status::Error, now, "not written as JSON");
            simd_json::to_string(&plain).unwrap_or_default()
        })
    }
}

/// The answer from `latest`, the newest usable snapshot or, without one, the newest of all.
#[must_use]
pub fn bridge(latest: Option<&Snapshot>, now: Ts) -> Bridge {
    let Some(snapshot) = latest else {
        return Bridge::without(Status::NoSnapshot, now, "no snapshot file");
    };
    let bias = snapshot.analysis.as_ref().map(|a| &a.dealers_bias);
    let sanity = &snapshot.sanity;
    let from = &snapshot.provenance;
    let until = snapshot.valid_until.as_deref().and_then(parse_ts);
    let asof = parse_ts(&snapshot.asof);
    let score = bias.and_then(|b| b.dealers_bias_score).filter(|s| s.is_finite());
    let (status, detail) = if sanity.status != "GO" && sanity.status != "CAUTION" {
        (Status::NoGo, sanity.errors.join("; "))
    } else if until.is_none_or(|until| now >= until) || asof.is_none_or(|asof| asof > now) {
        (Status::Stale, "not inside its validity".to_owned())
    } else if score.is_none() {
        let why = snapshot.null_reasons.get("analysis.dealers_bias.dealers_bias_score");
        (Status::Unavailable, why.cloned().unwrap_or_default())
    } else {
        (Status::Ok, String::new())
    };
    let mut answer = Bridge::without(status, now, &detail);
    answer.meta = Meta {
        snapshot_id: Some(snapshot.snapshot_id.clone()),
        symbol: Some(snapshot.symbol.clone()),
        provider: Some(from.provider.clone()),
        delay_class: Some(from.delay_class.clone()),
        age_s: asof.map(|asof| seconds(asof, now)),
        valid_until: snapshot.valid_until.clone(),
        sanity_status: Some(sanity.status.clone()),
        sanity_score: Some(sanity.score),
        confidence: None,
        preset: bias.map(|b| b.preset.clone()),
        detail: answer.meta.detail.take(),
    };
    if from.delay_class == "realtime" {
        answer.data_delay = "realtime".to_owned();
    }
    answer.as_of = Some(snapshot.asof.clone());
    if let (Status::Ok, Some(bias)) = (status, bias) {
        answer.ok = true;
        answer.status = Status::Ok;
        answer.score = score;
        answer.direction = bias.interpretation.direction.clone();
        answer.strength = bias.interpretation.strength.clone();
        answer.underlying_price = snapshot.underlying.spot;
        answer.coverage = Some(bias.coverage);
        answer.meta.confidence = bias.confidence;
    }
    answer
}
