//! The parts of a snapshot that say where it comes from: provenance, spot, conventions.

use super::Run;
use crate::options::chain::{DelayClass, IvClock, MULTIPLIER, Right, SourceKind};
use crate::options::priced::{Leg, Priced, SpotSource};
use crate::options::snapshot::{
    Conventions, Coverage, Provenance, SCHEMA, Sanity, Snapshot, Underlying, Unusual,
};
use crate::options::validity::valid_until;
use crate::options::{Known, Null, Nulls, null};
use crate::units::{Reason, SECOND, Ts};

/// RFC 3339 in UTC, without a fraction of zeros; `None` without an instant.
pub(super) fn rfc3339(at: Ts) -> Option<String> {
    if !at.is_some() {
        return None;
    }
    jiff::Timestamp::from_nanosecond(i128::from(at.0)).ok().map(|t| t.to_string())
}

/// Seconds from `earlier` to `later`, negative where the order is reversed; 0 where one is
/// missing.
pub(super) fn seconds(later: Ts, earlier: Ts) -> f64 {
    let ns = if later >= earlier { later.since(earlier) } else { -earlier.since(later) };
    // Within a few hundred years: exact to a microsecond.
    (ns / SECOND) as f64 + (ns % SECOND) as f64 / 1e9
}

const fn source_kind(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Api => "api",
        SourceKind::File => "file",
        SourceKind::Replay => "replay",
    }
}

const fn delay_class(class: DelayClass) -> &'static str {
    match class {
        DelayClass::Realtime => "realtime",
        DelayClass::Delayed15 => "delayed-15",
        DelayClass::Eod => "eod",
        DelayClass::Replay => "replay",
        DelayClass::Simulated => "simulated",
    }
}

const fn spot_source(source: SpotSource) -> &'static str {
    match source {
        SpotSource::Print => "print",
        SpotSource::Implied => "implied",
        SpotSource::Futures => "futures",
        SpotSource::StalePrint => "stale_print",
    }
}

impl Run<'_> {
    /// A snapshot of everything but levels, sanity and activity.
    pub(super) fn head(&self, priced: Known<&Priced>, nulls: &mut Nulls) -> Snapshot {
        let chain = self.chain;
        let captured = chain.captured.or(chain.asof);
        let missing = || "-".to_owned();
        let until = valid_until(self.calendar, captured)
            .and_then(|at| rfc3339(at).ok_or(Null { reason: Reason::InvalidInput, detail: "" }));
        Snapshot {
            schema_version: SCHEMA.to_owned(),
            snapshot_id: self.id(captured),
            symbol: chain.underlying.name().to_owned(),
            status: if priced.is_ok_and(quoted) { "ok" } else { "no_quotes" }.to_owned(),
            asof: rfc3339(chain.asof).unwrap_or_else(missing),
            captured_at: rfc3339(captured).unwrap_or_else(missing),
            valid_until: nulls.take("valid_until", until),
            provenance: self.provenance(captured, priced, nulls),
            underlying: self.underlying(priced, nulls),
            conventions: self.conventions(),
            coverage: Coverage {
                iv_coverage: None,
                own_share: None,
                oi_complete: None,
                near_rel_spread: None,
                oi_without_iv: None,
            },
            expiries: Vec::new(),
            groups: Vec::new(),
            analysis: None,
            analysis_overnight: None,
            futures: std::collections::BTreeMap::new(),
            unusual_activity: Unusual { status: "pending".to_owned(), events: Vec::new() },
            null_reasons: std::collections::BTreeMap::new(),
            sanity: Sanity {
                status: "NO_GO".to_owned(),
                score: 0,
                gates: Vec::new(),
                errors: Vec::new(),
                warnings: Vec::new(),
                recommendations: Vec::new(),
            },
        }
    }

    /// Ticker and UTC stamp of the capture.
    fn id(&self, captured: Ts) -> String {
        let at = jiff::Timestamp::from_second(captured.second()).unwrap_or_default();
        format!("{}_{}", self.chain.underlying.name(), at.strftime("%Y%m%d_%H%M%S"))
    }

    fn provenance(&self, captured: Ts, priced: Known<&Priced>, nulls: &mut Nulls) -> Provenance {
        let p = &self.chain.provenance;
        let used = match priced {
            Ok(priced) => priced.groups.iter().fold(0, |n, g| g.contracts.saturating_add(n)),
            Err(_) => 0_u32,
        };
        let file = match p.source_kind {
            SourceKind::Api => "not_a_file",
            SourceKind::File | SourceKind::Replay => "file_sha256",
        };
        let known =
            |what: Option<String>, detail| what.ok_or(Null { reason: Reason::NoInput, detail });
        let oi_date = known(p.oi_date.map(|day| day.to_string()), "oi_date");
        let clock = match p.iv_clock {
            IvClock::Exchange => "exchange",
            IvClock::Vendor => "vendor",
        };
        Provenance {
            provider: p.provider.clone(),
            source_kind: source_kind(p.source_kind).to_owned(),
            delay_class: delay_class(p.delay_class).to_owned(),
            declared_delay_s: p.declared_delay_s,
            age_s: seconds(captured, self.chain.asof),
            pages: p.pages,
            requests: p.requests,
            retries: p.retries,
            contracts_received: p.received,
            contracts_used: used,
            dropped: p.dropped.iter().map(|(why, &n)| ((*why).to_owned(), n)).collect(),
            oi_date: nulls.take("provenance.oi_date", oi_date),
            file_sha256: nulls.take("provenance.file_sha256", known(p.file_sha256.clone(), file)),
            iv_clock: Some(clock.to_owned()),
        }
    }

    fn underlying(&self, priced: Known<&Priced>, nulls: &mut Nulls) -> Underlying {
        let spot = priced.map(|p| p.spot);
        let print = match self.chain.print {
            Some(print) if print.value.is_finite() => Ok(print.value),
            Some(_) => null(Reason::InvalidInput, "print"),
            None => Err(self.inputs.no_print),
        };
        let time = spot
            .and_then(|s| rfc3339(s.ts).ok_or(Null { reason: Reason::NoInput, detail: "spot_ts" }));
        let source = spot.map(|s| spot_source(s.source).to_owned());
        Underlying {
            spot: nulls.take("underlying.spot", spot.map(|s| s.value)),
            print: nulls.take("underlying.print", print),
            implied: nulls.take("underlying.implied", priced.and_then(|p| p.implied)),
            spot_source: nulls.take("underlying.spot_source", source),
            spot_ts: nulls.take("underlying.spot_ts", time),
            spot_mode: self.params.spot_mode.name().to_owned(),
        }
    }

    fn conventions(&self) -> Conventions {
        Conventions {
            sign_model: self.params.sign_model.name().to_owned(),
            multiplier: MULTIPLIER,
            t_clock: "calendar_365_sec".to_owned(),
            gex_unit: "usd_per_1pct".to_owned(),
            iv_policy: "own_otm".to_owned(),
            vol_trigger_method: self.params.vol_trigger_method.name().to_owned(),
            ssr: self.params.ssr,
        }
    }
}

/// Whether any contract has a two-sided quote.
fn quoted(priced: &Priced) -> bool {
    let mut legs = priced
        .groups
        .iter()
        .flat_map(|g| &g.strikes)
        .flat_map(|s| [s.leg(Right::Call), s.leg(Right::Put)])
        .flatten();
    legs.any(|leg: &Leg| leg.mid().is_some())
}

/// Notes why fields of events are null.
pub(super) fn unusual_nulls(unusual: &Unusual, nulls: &mut Nulls) {
    for (i, event) in unusual.events.iter().enumerate() {
        let fields = [
            ("ratio", event.ratio.is_none(), "not_of_this_kind"),
            ("z", event.z.is_none(), "not_of_this_kind"),
            ("premium_usd", event.premium_usd.is_none(), "no_price"),
            ("direction", event.direction.is_none(), "side_unknown"),
            ("cluster_id", event.cluster_id.is_none(), "no_cluster"),
            ("confirmed_open", event.confirmed_open.is_none(), "next_day"),
        ];
        for (name, _, detail) in fields.into_iter().filter(|f| f.1) {
            let path = format!("unusual_activity.events[{i}].{name}");
            let _: Option<f64> = nulls.take(&path, null(Reason::NoInput, detail));
        }
    }
}
