//! A snapshot of made-up numbers, and what becomes of it.

use super::*;
use crate::options::snapshot::{
    Analysis, BiasTerms, Conventions, Coverage, Flip, Interpretation, Provenance, SCHEMA, Sanity,
    Surface, Trigger, Underlying as Spots, Wall,
};

fn text(text: &str) -> String {
    text.to_owned()
}

fn wall(strike: f64) -> Option<Wall> {
    Some(Wall { strike, oi: 9000.0, gex: 1e9, rank: vec![strike] })
}

fn levels() -> snapshot::Levels {
    snapshot::Levels {
        call_wall: wall(6100.0),
        put_wall: None,
        gamma_flip: Flip {
            level: Some(5990.0),
            gamma_flip_strike: Some(5990.0),
            quality: Some(text("clear")),
            status: text("ok"),
            roots: vec![5990.0],
            distance_pts: Some(12.0),
            distance_pct: Some(0.2),
            uncertainty_pts: None,
            significance: Some(0.9),
        },
        max_pain: Some(5990.0),
        max_pain_expiry: Some(text("2026-01-16")),
        vol_trigger: Trigger {
            vol_trigger_strike: None,
            level: None,
            method: text("skew_adjusted"),
            roots: vec![],
        },
        gamma_pins: [(5996.0, 1.8, 0.34), (6050.0, 1.6, 0.1)]
            .map(|(strike, strength, pin_score)| snapshot::Pin {
                strike,
                strength,
                label: text("strong"),
                pin_score,
                pin_probability: None,
            })
            .to_vec(),
        call_wall_any: None,
        put_wall_any: None,
        call_wall_net: None,
        put_wall_net: None,
        abs_gamma_strike: None,
        hvl: None,
        call_wall_oi: None,
        put_wall_oi: None,
    }
}

fn analysis() -> Analysis {
    let terms = |pcr| BiasTerms { pcr, gex: Some(0.5), vix: None };
    Analysis {
        gex: Gex {
            gex_total_signed: 1e9,
            net_gamma: 1e9,
            call_gex: 3e9,
            put_gex: -2e9,
            abs_gex: 5e9,
            vendor_gamma_total: None,
            usd_per_point: 1.0,
            gex_total_normalized: Some(0.2),
            net_delta: 0.0,
            dex_usd: 0.0,
            vex_usd_per_volpt: 0.0,
            cex_usd_per_day: 0.0,
            share_zero_dte: None,
            by_strike: vec![],
            profile: vec![],
        },
        levels: levels(),
        pcr: Pcr {
            volume: Some(0.95),
            oi: Some(1.5),
            volume_0dte: None,
            oi_0dte: None,
            volume_ex0dte: None,
            oi_ex0dte: None,
            trend: None,
        },
        vol: Vol {
            em_day: Some(40.0),
            atm_7d: None,
            atm_30d: None,
            atm_60d: None,
            atm_90d: None,
            skew25_30d: Some(0.05),
            vix: None,
            vix_source: None,
            vix_percentile: None,
            vix_trend: None,
            vix_like: None,
            vix_diff: None,
            surface: Surface { method: text("pchip"), butterfly_viol: None, calendar_viol: None },
        },
        dealer: Dealer {
            gamma_regime: text("POS"),
            dealer_position: Some(text("long")),
            dealer_flow: None,
            dealer_confidence: None,
        },
        dealers_bias: Bias {
            dealers_bias_score: Some(0.4),
            components: terms(Some(0.25)),
            weights_used: terms(None),
            coverage: 0.75,
            confidence: Some(0.7),
            interpretation: Interpretation {
                direction: Some(text("BULLISH")),
                strength: Some(text("MODERATE")),
            },
            preset: text("default"),
            stress: None,
        },
    }
}

fn snapshot() -> Snapshot {
    let future = |basis| FutureLevels {
        basis,
        basis_source: text("parity"),
        basis_age_s: 2.0,
        levels: BTreeMap::new(),
    };
    let reasons = [
        ("analysis.levels.put_wall", "INVALID_INPUT:no_put_gamma"),
        ("analysis.levels.vol_trigger", "INSUFFICIENT_SAMPLE"),
        ("analysis.dealers_bias.components.vix", "STALE:eod"),
    ];
    Snapshot {
        schema_version: text(SCHEMA),
        snapshot_id: text("spx-1"),
        symbol: text("SPX"),
        status: text("ok"),
        asof: text("2026-01-15T20:30:00Z"),
        captured_at: text("2026-01-15T20:31:00Z"),
        valid_until: Some(text("2026-01-16T20:30:00Z")),
        provenance: Provenance {
            provider: text("massive"),
            source_kind: text("api"),
            delay_class: text("delayed-15"),
            declared_delay_s: 900,
            age_s: 60.0,
            pages: 1,
            requests: 1,
            retries: 0,
            contracts_received: 10,
            contracts_used: 10,
            dropped: BTreeMap::new(),
            oi_date: None,
            file_sha256: None,
            iv_clock: None,
        },
        underlying: Spots {
            spot: Some(6002.0),
            print: Some(6002.0),
            implied: None,
            spot_source: Some(text("print")),
            spot_ts: None,
            spot_mode: text("auto"),
        },
        conventions: Conventions {
            sign_model: text("long_calls_short_puts"),
            multiplier: 100.0,
            t_clock: text("calendar_365_sec"),
            gex_unit: text("usd_per_1pct"),
            iv_policy: text("own_otm"),
            vol_trigger_method: text("skew_adjusted"),
            ssr: 1.5,
        },
        coverage: Coverage {
            iv_coverage: Some(1.0),
            own_share: Some(1.0),
            oi_complete: Some(1.0),
            near_rel_spread: None,
            oi_without_iv: Some(0.0),
        },
        expiries: vec![],
        groups: vec![],
        analysis: Some(analysis()),
        analysis_overnight: None,
        futures: [("ESM26", 60.6), ("ESH26", 10.1), ("ESZ26", 150.0), ("MESH26", 1.0)]
            .map(|(name, basis)| (text(name), future(basis)))
            .into(),
        unusual_activity: Unusual { status: text("pending"), events: vec![] },
        null_reasons: reasons.map(|(path, code)| (text(path), text(code))).into(),
        sanity: Sanity {
            status: text("CAUTION"),
            score: 75,
            gates: vec![],
            errors: vec![],
            warnings: vec![],
            recommendations: vec![],
        },
    }
}

#[test]
fn a_snapshot_becomes_a_part() {
    let part = LevelPart::from_snapshot(&snapshot(), Scope::All, &History::NONE).expect("usable");
    assert_eq!((part.symbol, part.scope), (Underlying::Spx, Scope::All));
    assert_eq!((part.provider.as_str(), part.delay_class), ("massive", DelayClass::Delayed15));
    assert_eq!(part.captured_ns.since(part.asof_ns), 60 * SECOND);
    assert_eq!(part.valid_until_ns.to_string(), "2026-01-16T20:30:00.000000000Z");
    assert_eq!((part.sanity_status, part.sanity_score), (SanityStatus::Caution, 75));
    assert_eq!(part.spot_ts_ns, part.asof_ns, "a spot without a time is of the data's");
    // Terms at the spot.
    assert_eq!(part.flip_term.value().map(|v| (v * 1e6).round()), Some(300_000.0));
    assert_eq!(part.max_pain_term.value().map(|v| (v * 1e6).round()), Some(-300_000.0));
    assert_eq!(part.pcr_term.value().map(|v| (v * 1e6).round()), Some(250_000.0));
    assert_eq!(part.skew_term, Slot::none(Reason::Warmup));
    assert_eq!(part.pin_score, 0.34);
    assert_eq!(part.pins[1].map(|p| p.strength), Some(1.6));
    assert_eq!(part.pins[2], None);
    assert_eq!(part.max_pain_expiry.map(|d| d % 7), Some(1), "a Friday");
    // Nulls bring their codes, of their own path or of the object above.
    assert_eq!(part.levels.put_wall, Slot::none(Reason::InvalidInput));
    assert_eq!(part.levels.vol_trigger, Slot::none(Reason::InsufficientSample));
    assert_eq!(part.bias_vix, Slot::none(Reason::Stale));
    assert_eq!(part.share_zero_dte, Slot::none(Reason::NoInput));
    assert_eq!((part.unusual, part.unusual_events), (None, Slot::none(Reason::Warmup)));
}

#[test]
fn futures_in_the_order_of_their_expiries() {
    let part = LevelPart::from_snapshot(&snapshot(), Scope::All, &History::NONE).expect("usable");
    let [front, next] = part.futures.map(|f| f.expect("two"));
    assert_eq!((front.contract.as_str(), next.contract.as_str()), ("ESH26", "ESM26"));
    assert_eq!(front.basis_source, Some(BasisSource::Parity));
    assert_eq!(part.captured_ns.since(front.basis_ts_ns), 2 * SECOND);
    // 5990 + 10.1 and 5990 + 60.6 on a grid of 0.25.
    assert_eq!(front.levels.flip.value(), Some(6000.0));
    assert_eq!(next.levels.flip.value(), Some(6050.5));
    assert_eq!(front.levels.put_wall, Slot::none(Reason::InvalidInput));
    let mut none = snapshot();
    none.futures.clear();
    let part = LevelPart::from_snapshot(&none, Scope::All, &History::NONE).expect("usable");
    assert_eq!(part.futures, [None, None]);
}

#[test]
fn history_changes_the_terms() {
    let history = History {
        pcr_pct: Slot::some(0.8),
        pcr_sessions: 60,
        skew_z: Slot::some(1.5),
        skew_sessions: 60,
        contrarian: false,
    };
    let of = |history| {
        LevelPart::from_snapshot(&snapshot(), Scope::All, &history).expect("usable").pcr_term
    };
    assert_eq!(of(history).value(), Some(-1.0));
    assert_eq!(of(History { contrarian: true, ..history }).value(), Some(1.0));
    assert_eq!(of(History { pcr_sessions: 59, ..history }).value().map(f64::signum), Some(1.0));
}

#[test]
fn what_must_not_reach_a_decision_is_no_part() {
    let refused = |spoil: fn(&mut Snapshot)| {
        let mut snapshot = snapshot();
        spoil(&mut snapshot);
        let part = LevelPart::from_snapshot(&snapshot, Scope::All, &History::NONE);
        assert_eq!(part, None);
    };
    refused(|s| s.sanity.status = text("NO_GO"));
    refused(|s| s.sanity.status = text("fine"));
    refused(|s| s.status = text("no_spot"));
    refused(|s| s.status = text("failed"));
    refused(|s| s.underlying.spot = None);
    refused(|s| s.underlying.spot = Some(f64::NAN));
    refused(|s| s.valid_until = None);
    refused(|s| s.asof = text("yesterday"));
    refused(|s| s.symbol = text("RUT"));
    refused(|s| s.analysis = None);
    let overnight = LevelPart::from_snapshot(&snapshot(), Scope::Overnight, &History::NONE);
    assert_eq!(overnight, None, "no such analysis in it");
}
