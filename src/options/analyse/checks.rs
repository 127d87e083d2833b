//! What the sanity checks look at, and their record.

use std::collections::BTreeSet;

use jiff::civil::time;

use super::Run;
use super::futures::Future;
use super::head::seconds;
use super::part::Part;
use super::rows;
use crate::options::basis::regular_hours;
use crate::options::chain::{Right, SourceKind};
use crate::options::flip::{FlipQuality, FlipStatus};
use crate::options::priced::{ForwardSource, Group, Priced};
use crate::options::sanity::{Checks, Flip, Verdict};
use crate::options::scopes;
use crate::options::snapshot::{Coverage, Gate, Sanity};
use crate::options::{Known, Null, Nulls, null};
use crate::units::Reason;

/// Expiry dates whose strikes are counted.
const NEAR_EXPIRIES: usize = 3;

impl Run<'_> {
    /// Whether volume is of the day: before 09:30 New York it is what yesterday left.
    pub(super) fn volume_counts(&self) -> bool {
        self.calendar.new_york_time(self.chain.asof).time() >= time(9, 30, 0, 0)
    }

    pub(super) fn coverage(&self, part: &Part<'_>, nulls: &mut Nulls) -> Coverage {
        let c = &part.exposures.coverage;
        let mut take = |name: &str, known| nulls.take(&format!("coverage.{name}"), known);
        Coverage {
            iv_coverage: take("iv_coverage", c.iv_coverage()),
            own_share: take("own_share", c.own_share()),
            oi_complete: take("oi_complete", c.oi_complete()),
            near_rel_spread: take("near_rel_spread", part.near_rel_spread),
            oi_without_iv: Some(c.oi_without_iv),
        }
    }

    /// Checks of a snapshot; rows for charts show the overnight scope inside a capture window.
    pub(super) fn checks(
        &self,
        priced: &Priced,
        part: &Part<'_>,
        overnight: Option<&Part<'_>>,
        futures: &[Future],
    ) -> Checks {
        let captured = self.chain.captured.or(self.chain.asof);
        let pre_close = self.calendar.capture(captured).is_some();
        let shown = overnight.filter(|_| pre_close).unwrap_or(part);
        let (e, coverage) = (&part.exposures, &part.exposures.coverage);
        let flip = match (part.flip.at, part.flip.status) {
            (Ok(at), _) if matches!(at.quality, FlipQuality::Ambiguous | FlipQuality::Edge) => {
                Flip::Doubtful
            }
            (Ok(_), _) => Flip::Good,
            (_, FlipStatus::NonePositive | FlipStatus::NoneNegative) => Flip::OneSign,
            _ => Flip::NotComputable,
        };
        let near = priced.groups.iter().find(|g| g.forward_source == ForwardSource::Parity);
        let settled = priced.groups.iter().filter(|g| g.settle_ts <= priced.asof);
        let front = || match futures.first() {
            Some(front) => front.basis.map(|(_, age)| age),
            None => null(Reason::NoInput, "calendar"),
        };
        Checks {
            spot: Some(part.spot),
            forward: near.map(|g| g.forward),
            strikes: fewest_strikes(&scopes::all(priced)),
            oi_complete: coverage.oi_complete(),
            oi_total: coverage.oi,
            iv_coverage: coverage.iv_coverage(),
            expired: settled.fold(0_u32, |n, g| n.saturating_add(g.contracts)),
            call_wall: part.walls.call.ok().map(|w| w.strike),
            put_wall: part.walls.put.ok().map(|w| w.strike),
            flip,
            flip_level: part.flip.level().ok(),
            vol_trigger: part.trigger.at.ok().map(|(level, _)| level),
            own_share: coverage.own_share(),
            near_rel_spread: part.near_rel_spread,
            net: e.net,
            gross: e.abs,
            vendor_net: e.vendor_net,
            vix_diffs: self.diffs(part),
            futures: self.inputs.futures_rows.then(front),
            row_errors: self.row_errors(shown, futures),
            ..self.checks_without()
        }
    }

    /// Checks of a snapshot without levels.
    pub(super) fn checks_without(&self) -> Checks {
        let p = &self.chain.provenance;
        let replay = p.source_kind == SourceKind::Replay;
        let now = if replay { self.chain.asof } else { self.inputs.now };
        let none: Known<f64> = null(Reason::NoInput, "");
        let front: Known<f64> = Err(Null { reason: Reason::NoInput, detail: "spot" });
        let rows = self.chain.rows.iter();
        let known = |x: Option<f64>| x.unwrap_or(0.0);
        let total: f64 = rows.clone().map(|r| known(r.open_interest)).sum();
        let with = rows.clone().filter(|r| r.open_interest.is_some()).count();
        let complete = match rows.len() {
            0 => null(Reason::ZeroDenominator, "contracts"),
            all => Ok(with as f64 / all as f64),
        };
        let late = if now.is_some() && self.chain.asof.is_some() {
            seconds(now, self.chain.asof)
        } else {
            f64::NAN
        };
        Checks {
            delay: p.delay_class,
            provider: p.provider.clone(),
            failed_partitions: p.counts.get("failed_partitions").copied().unwrap_or(0),
            age_s: late,
            declared_delay_s: p.declared_delay_s,
            spot: None,
            forward: None,
            strikes: None,
            oi_complete: complete,
            oi_total: total,
            iv_coverage: none,
            expired: 0,
            call_wall: None,
            put_wall: None,
            flip: Flip::NotComputable,
            flip_level: None,
            vol_trigger: None,
            own_share: none,
            near_rel_spread: none,
            net: 0.0,
            gross: 0.0,
            vendor_net: none,
            vix_diffs: Vec::new(),
            futures: self.inputs.futures_rows.then_some(front),
            row_errors: Vec::new(),
        }
    }

    /// The differences from VIX that count: none outside the regular hours.
    fn diffs(&self, part: &Part<'_>) -> Vec<f64> {
        let asof = self.chain.asof;
        let open = regular_hours(self.calendar, asof).is_some_and(|hours| hours.contains(asof));
        match part.vix_diff {
            Ok(diff) if open => self.inputs.vix_diffs.iter().copied().chain([diff]).collect(),
            _ => Vec::new(),
        }
    }

    fn row_errors(&self, part: &Part<'_>, futures: &[Future]) -> Vec<String> {
        let of = self.chain.underlying;
        let (gap, most) = (self.params.min_gap(of), self.params.max_drawn);
        let drawing = rows::Drawing { gap, most };
        let mut errors = rows::of_index(of.name(), part, drawing);
        let front = futures.first().and_then(|f| f.basis.ok());
        // Without a row of the index there is none of its future.
        if self.inputs.futures_rows
            && errors.is_empty()
            && let Some((basis, _)) = front
        {
            errors.extend(rows::of_future(of.future(), part, basis.value, drawing));
        }
        if self.chain.asof > self.inputs.now {
            errors.push("the time of the data lies ahead".to_owned());
        }
        errors
    }
}

/// Fewest distinct strikes of a right in any of the nearest expiry dates.
fn fewest_strikes(scope: &[&Group]) -> Option<u32> {
    let dates = scope.chunk_by(|a, b| a.expiry == b.expiry).take(NEAR_EXPIRIES);
    let count = |groups: &[&Group], right: Right| {
        let strikes = groups.iter().flat_map(|g| &g.strikes);
        let listed = strikes.filter(|s| s.leg(right).is_some()).map(|s| s.strike.to_bits());
        u32::try_from(listed.collect::<BTreeSet<u64>>().len()).unwrap_or(u32::MAX)
    };
    dates.map(|groups| count(groups, Right::Call).min(count(groups, Right::Put))).min()
}

/// The verdict in the shape of the snapshot.
pub(super) fn record(verdict: Verdict, nulls: &mut Nulls) -> Sanity {
    let gate = |(i, gate): (usize, crate::options::sanity::Gate)| {
        let value = gate.value.ok_or(Null { reason: Reason::NoInput, detail: "not_evaluated" });
        Gate {
            name: gate.name.to_owned(),
            ok: gate.ok,
            value: nulls.take(&format!("sanity.gates[{i}].value"), value),
            limit: Some(gate.limit),
        }
    };
    Sanity {
        status: verdict.status.name().to_owned(),
        score: verdict.score,
        gates: verdict.gates.into_iter().enumerate().map(gate).collect(),
        errors: verdict.errors,
        warnings: verdict.warnings,
        recommendations: verdict.recommendations,
    }
}
