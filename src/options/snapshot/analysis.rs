//! What one scope of a chain says: gamma, levels, ratios, volatility, dealers, bias.

use serde::{Deserialize, Serialize};

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
