//! [`Snapshot`]: everything that one capture of a chain says, in the shape of its JSON file
//! (`options-snapshot/1`). A missing value is `None` here and has its reason in `null_reasons`.
//!
//! Gamma exposure is in USD of delta to hedge per 1 % move of the index, levels in index points,
//! volatilities in decimals a year, ratios and shares as numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Value of `schema_version`.
pub const SCHEMA: &str = "options-snapshot/1";

macro_rules! record {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$doc])* pub $field: $type,)* }
    };
}

record! {
    /// One capture.
    Snapshot {
        /// [`SCHEMA`].
        schema_version: String,
        /// Underlying and stamp: unique.
        snapshot_id: String,
        /// SPX or NDX.
        symbol: String,
        /// `ok`, `no_spot`, `no_quotes`, `no_key` or `failed`.
        status: String,
        /// Time of the data, RFC 3339 in UTC.
        asof: String,
        /// Time of the capture.
        captured_at: String,
        /// Until when levels may be used.
        valid_until: Option<String>,
        /// Where the data came from.
        provenance: Provenance,
        /// Spot and its sources.
        underlying: Underlying,
        /// What the numbers assume.
        conventions: Conventions,
        /// How much of the chain could be used.
        coverage: Coverage,
        /// By expiry date.
        expiries: Vec<Expiry>,
        /// By expiry date and root.
        groups: Vec<GroupRow>,
        /// Everything received.
        analysis: Option<Analysis>,
        /// Without what settles before Asia opens.
        analysis_overnight: Option<Overnight>,
        /// Levels on each future, by contract.
        futures: BTreeMap<String, FutureLevels>,
        /// Contracts that trade unusually.
        unusual_activity: Unusual,
        /// Why each null is null: path → code of the reason, with a detail.
        null_reasons: BTreeMap<String, String>,
        /// Whether this may be used.
        sanity: Sanity,
    }
}

record! {
    /// Where the data came from.
    Provenance {
        /// Provider.
        provider: String,
        /// `api`, `file` or `replay`.
        source_kind: String,
        /// `realtime`, `delayed-15`, `eod` or `replay`.
        delay_class: String,
        /// Stated delay, s.
        declared_delay_s: u32,
        /// Capture less data time, s.
        age_s: f64,
        /// Pages, requests, retries.
        pages: u32,
        /// Requests.
        requests: u32,
        /// Retries.
        retries: u32,
        /// Contracts sent by the provider.
        contracts_received: u32,
        /// Contracts in the chain.
        contracts_used: u32,
        /// Reason → contracts left out.
        dropped: BTreeMap<String, u32>,
        /// Date of the open interest.
        oi_date: Option<String>,
        /// SHA-256 of the file.
        file_sha256: Option<String>,
        /// `exchange` or `vendor`.
        iv_clock: Option<String>,
    }
}

record! {
    /// Spot and its sources, index points.
    Underlying {
        /// The spot used.
        spot: Option<f64>,
        /// The index print.
        print: Option<f64>,
        /// From parity.
        implied: Option<f64>,
        /// `print`, `implied`, `futures`, `stale_print`.
        spot_source: Option<String>,
        /// Its time.
        spot_ts: Option<String>,
        /// `auto`, `print`, `implied`, `futures`.
        spot_mode: String,
    }
}

record! {
    /// What the numbers assume.
    Conventions {
        /// `long_calls_short_puts` or `short_all`.
        sign_model: String,
        /// 100.
        multiplier: f64,
        /// `calendar_365_sec`.
        t_clock: String,
        /// `usd_per_1pct`.
        gex_unit: String,
        /// `own_otm`.
        iv_policy: String,
        /// `skew_adjusted` or `peak_fraction`.
        vol_trigger_method: String,
        /// Skew stickiness ratio.
        ssr: f64,
    }
}

record! {
    /// How much of the chain could be used.
    Coverage {
        /// Open interest with a valid volatility over all.
        iv_coverage: Option<f64>,
        /// Contracts with an own volatility over all.
        own_share: Option<f64>,
        /// Rows with open interest over all.
        oi_complete: Option<f64>,
        /// Median relative spread near the money.
        near_rel_spread: Option<f64>,
        /// Contracts without any volatility.
        oi_without_iv: Option<f64>,
    }
}

record! {
    /// One expiry date, its roots together.
    Expiry {
        /// `YYYY-MM-DD`.
        expiry: String,
        /// Its roots.
        roots: Vec<String>,
        /// New York days to it.
        dte: i32,
        /// Strike of least payout.
        max_pain: Option<f64>,
        /// That payout, USD.
        max_pain_payout_usd: Option<f64>,
        /// Put volume over call volume.
        pcr_volume: Option<f64>,
        /// Put over call open interest.
        pcr_oi: Option<f64>,
        /// Net gamma exposure.
        net_gex: f64,
        /// Gross gamma exposure.
        abs_gex: f64,
    }
}

record! {
    /// One expiry date and root.
    GroupRow {
        /// `YYYY-MM-DD`.
        expiry: String,
        /// Root.
        root: String,
        /// `AM` or `PM`.
        settle: String,
        /// Years of 365 days.
        t_years: f64,
        /// Contracts.
        contracts: u32,
        /// Pairs of the parity fit.
        n_pairs: u32,
        /// Forward.
        forward: f64,
        /// `parity` or `spot`.
        forward_source: String,
        /// Discount factor.
        df: f64,
        /// Volatility at the forward.
        atm_iv: Option<f64>,
        /// Of the 25-delta put.
        put25_iv: Option<f64>,
        /// Of the 25-delta call.
        call25_iv: Option<f64>,
        /// Put less call.
        skew25: Option<f64>,
        /// Call less put.
        rr25: Option<f64>,
        /// Mean of both less at-the-money.
        bf25: Option<f64>,
        /// Expected move to expiry.
        em_1sd: Option<f64>,
        /// Straddle at the forward.
        em_straddle: Option<f64>,
        /// Slope of the smile.
        skew_slope: f64,
    }
}

record! {
    /// What a scope says.
    Analysis {
        /// Gamma exposure.
        gex: Gex,
        /// Levels.
        levels: Levels,
        /// Put/call ratios.
        pcr: Pcr,
        /// Volatility.
        vol: Vol,
        /// Dealers' position.
        dealer: Dealer,
        /// Dealer's Bias.
        dealers_bias: Bias,
    }
}

record! {
    /// An [`Analysis`] of the overnight scope.
    Overnight {
        /// Gamma exposure.
        gex: Gex,
        /// Levels.
        levels: Levels,
        /// Put/call ratios.
        pcr: Pcr,
        /// Volatility.
        vol: Vol,
        /// Dealers' position.
        dealer: Dealer,
        /// Dealer's Bias.
        dealers_bias: Bias,
        /// `ASIA`, `LONDON`.
        target_sessions: Vec<String>,
        /// Contracts that settle before Asia opens.
        excluded_contracts: u32,
        /// Share of gross gamma that settles during those sessions.
        settles_in_session_share: Option<f64>,
    }
}

record! {
    /// Gamma exposure and its kin.
    Gex {
        /// Net, with sign.
        gex_total_signed: f64,
        /// Call magnitude less put magnitude.
        net_gamma: f64,
        /// Of calls.
        call_gex: f64,
        /// Of puts, with the model's sign.
        put_gex: f64,
        /// Gross.
        abs_gex: f64,
        /// Net with the vendor's gammas.
        vendor_gamma_total: Option<f64>,
        /// Net, USD per index point.
        usd_per_point: f64,
        /// Net over gross.
        gex_total_normalized: Option<f64>,
        /// Dealers' delta, USD.
        net_delta: f64,
        /// Holders' delta, USD.
        dex_usd: f64,
        /// Vanna exposure, USD per volatility point.
        vex_usd_per_volpt: f64,
        /// Charm exposure, USD per day.
        cex_usd_per_day: f64,
        /// Share of gross gamma that expires today.
        share_zero_dte: Option<f64>,
        /// By strike, within 15 % of the spot and with open interest.
        by_strike: Vec<StrikeGex>,
        /// Net over a range of spots.
        profile: Vec<ProfilePoint>,
    }
}

record! {
    /// Gamma exposure of a strike.
    StrikeGex {
        /// Strike.
        strike: f64,
        /// Of its calls.
        call_gex: f64,
        /// Of its puts.
        put_gex: f64,
        /// Sum.
        net_gex: f64,
        /// Call open interest.
        call_oi: f64,
        /// Put open interest.
        put_oi: f64,
    }
}

record! {
    /// Net gamma exposure were the index at `spot`.
    ProfilePoint {
        /// Index points.
        spot: f64,
        /// USD per 1 %.
        gex: f64,
    }
}

record! {
    /// Levels of a scope.
    Levels {
        /// Greatest call gamma at or above the spot.
        call_wall: Option<Wall>,
        /// Greatest put gamma at or below the spot.
        put_wall: Option<Wall>,
        /// Where net gamma changes sign.
        gamma_flip: Flip,
        /// Strike of least payout of the nearest expiry.
        max_pain: Option<f64>,
        /// That expiry.
        max_pain_expiry: Option<String>,
        /// Skew-adjusted flip.
        vol_trigger: Trigger,
        /// Strikes that hold the price, strongest first.
        gamma_pins: Vec<Pin>,
        /// Greatest call gamma anywhere.
        call_wall_any: Option<f64>,
        /// Greatest put gamma anywhere.
        put_wall_any: Option<f64>,
        /// Greatest net gamma.
        call_wall_net: Option<f64>,
        /// Least net gamma.
        put_wall_net: Option<f64>,
        /// Greatest gross gamma.
        abs_gamma_strike: Option<f64>,
        /// Least running sum of net gamma.
        hvl: Option<f64>,
        /// Greatest call open interest.
        call_wall_oi: Option<f64>,
        /// Greatest put open interest.
        put_wall_oi: Option<f64>,
    }
}

record! {
    /// A wall.
    Wall {
        /// Strike.
        strike: f64,
        /// Open interest of its right.
        oi: f64,
        /// Gamma exposure of its right.
        gex: f64,
        /// The three greatest on its side, greatest first.
        rank: Vec<f64>,
    }
}

record! {
    /// Zero gamma.
    Flip {
        /// The root nearest the spot.
        level: Option<f64>,
        /// Listed strike nearest to it.
        gamma_flip_strike: Option<f64>,
        /// `clear`, `moderate`, `ambiguous`, `edge`.
        quality: Option<String>,
        /// `ok`, `multiple`, `none_positive`, `none_negative`, `not_computable`.
        status: String,
        /// Every root, ascending.
        roots: Vec<f64>,
        /// Spot less level.
        distance_pts: Option<f64>,
        /// The same in percent of the spot.
        distance_pct: Option<f64>,
        /// What 2 % of gross gamma would move it.
        uncertainty_pts: Option<f64>,
        /// 1 for a sharp one, 0 for none to speak of.
        significance: Option<f64>,
    }
}

record! {
    /// Vol trigger.
    Trigger {
        /// Listed strike nearest to the level.
        vol_trigger_strike: Option<f64>,
        /// The root nearest the spot.
        level: Option<f64>,
        /// `skew_adjusted` or `peak_fraction`.
        method: String,
        /// Every root, ascending.
        roots: Vec<f64>,
    }
}

record! {
    /// A pin.
    Pin {
        /// Strike.
        strike: f64,
        /// Times the mean of its window.
        strength: f64,
        /// `very_strong`, `strong`, `medium`, `weak`.
        label: String,
        /// 0 to 1, less with distance.
        pin_score: f64,
        /// Null until there is a calibration.
        pin_probability: Option<f64>,
    }
}

record! {
    /// Put/call ratios.
    Pcr {
        /// By volume.
        volume: Option<f64>,
        /// By open interest.
        oi: Option<f64>,
        /// By volume, expiring today.
        volume_0dte: Option<f64>,
        /// By open interest, expiring today.
        oi_0dte: Option<f64>,
        /// By volume, without today's.
        volume_ex0dte: Option<f64>,
        /// By open interest, without today's.
        oi_ex0dte: Option<f64>,
        /// `increasing`, `stable`, `decreasing`.
        trend: Option<String>,
    }
}

record! {
    /// Volatility of a scope.
    Vol {
        /// Expected move of one session, index points.
        em_day: Option<f64>,
        /// Constant-maturity volatility at the forward.
        atm_7d: Option<f64>,
        /// 30 days.
        atm_30d: Option<f64>,
        /// 60 days.
        atm_60d: Option<f64>,
        /// 90 days.
        atm_90d: Option<f64>,
        /// 25-delta skew at 30 days.
        skew25_30d: Option<f64>,
        /// VIX.
        vix: Option<f64>,
        /// `given`, `live`, `index`, `eod`.
        vix_source: Option<String>,
        /// Share of a year's closes at or below it.
        vix_percentile: Option<f64>,
        /// `bullish` (rising), `bearish`, `neutral`.
        vix_trend: Option<String>,
        /// The VIX arithmetic over this chain.
        vix_like: Option<f64>,
        /// That less VIX.
        vix_diff: Option<f64>,
        /// Diagnostics of the surface.
        surface: Surface,
    }
}

record! {
    /// Diagnostics of the surface.
    Surface {
        /// `pchip`.
        method: String,
        /// Strikes at which call prices are concave by more than a tick.
        butterfly_viol: Option<u32>,
        /// Places where total variance falls with maturity.
        calendar_viol: Option<u32>,
    }
}

record! {
    /// Dealers' position under the sign model.
    Dealer {
        /// `POS` or `NEG`.
        gamma_regime: String,
        /// `long`, `short`, `neutral`.
        dealer_position: Option<String>,
        /// `stabilising`, `destabilising`, `neutral`.
        dealer_flow: Option<String>,
        /// 0 to 1.
        dealer_confidence: Option<f64>,
    }
}

record! {
    /// Dealer's Bias: −1 bearish to +1 bullish.
    Bias {
        /// The score.
        dealers_bias_score: Option<f64>,
        /// Its terms.
        components: BiasTerms,
        /// Weights after renormalising over what is there.
        weights_used: BiasTerms,
        /// Sum of the weights that are there.
        coverage: f64,
        /// Coverage times sanity.
        confidence: Option<f64>,
        /// In words.
        interpretation: Interpretation,
        /// `default` or `seed_strict`.
        preset: String,
        /// VIX above 30.
        stress: Option<bool>,
    }
}

record! {
    /// One number for each term.
    BiasTerms {
        /// Put/call ratio and skew.
        pcr: Option<f64>,
        /// Gamma.
        gex: Option<f64>,
        /// VIX.
        vix: Option<f64>,
    }
}

record! {
    /// The bias in words.
    Interpretation {
        /// `BULLISH`, `BEARISH`, `NEUTRAL`.
        direction: Option<String>,
        /// `STRONG`, `MODERATE`, `WEAK`.
        strength: Option<String>,
    }
}

record! {
    /// Levels on a future, in its points, rounded to its tick.
    FutureLevels {
        /// Future less index.
        basis: f64,
        /// `live`, `parity`, `frozen`.
        basis_source: String,
        /// Its age.
        basis_age_s: f64,
        /// Name of the level → price.
        levels: BTreeMap<String, Option<f64>>,
    }
}

record! {
    /// Contracts that trade unusually.
    Unusual {
        /// `ok`, `low_history`, `pending`.
        status: String,
        /// The fifty greatest by premium.
        events: Vec<UnusualEvent>,
    }
}

record! {
    /// One of them.
    UnusualEvent {
        /// RFC 3339.
        time: String,
        /// Ticker.
        osi: String,
        /// `volume`, `oi`, `iv`, `cross_strike`, `premium`.
        kind: String,
        /// Over its average.
        ratio: Option<f64>,
        /// Robust z.
        z: Option<f64>,
        /// Premium since the last poll.
        premium_usd: Option<f64>,
        /// `ask`, `bid`, `mid`, `unknown`.
        side: String,
        /// −1, 0, +1.
        direction: Option<i8>,
        /// 1 to 3.
        severity: u8,
        /// Shared by the strikes of one cluster.
        cluster_id: Option<String>,
        /// Whether the next day's open interest confirmed it.
        confirmed_open: Option<bool>,
        /// Fewer than twenty sessions of history.
        low_history: bool,
    }
}

record! {
    /// Whether this may be used.
    Sanity {
        /// `GO`, `CAUTION`, `NO_GO`.
        status: String,
        /// 0 to 100.
        score: i32,
        /// Hard gates.
        gates: Vec<Gate>,
        /// Why it may not.
        errors: Vec<String>,
        /// What to watch.
        warnings: Vec<String>,
        /// What to do.
        recommendations: Vec<String>,
    }
}

record! {
    /// A hard gate.
    Gate {
        /// Its name.
        name: String,
        /// Whether it passed.
        ok: bool,
        /// What was found; null where it could not be evaluated.
        value: Option<f64>,
        /// What is allowed.
        limit: Option<f64>,
    }
}
