//! [`Snapshot`]: everything that one capture of a chain says, in the shape of its JSON file
//! (`options-snapshot/1`). A missing value is `None` here and has its reason in `null_reasons`.
//!
//! Gamma exposure is in USD of delta to hedge per 1 % move of the index, levels in index points,
//! volatilities in decimals a year, ratios and shares as numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A record of the file: every field in its place, no other accepted.
macro_rules! record {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$doc])* pub $field: $type,)* }
    };
}

// After the macro, which it uses.
mod analysis;

pub use analysis::{
    Analysis, Bias, BiasTerms, Dealer, Flip, Gex, Interpretation, Levels, Overnight, Pcr, Pin,
    ProfilePoint, StrikeGex, Surface, Trigger, Vol, Wall,
};

/// Value of `schema_version`.
pub const SCHEMA: &str = "options-snapshot/1";

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
