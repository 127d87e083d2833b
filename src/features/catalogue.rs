//! The canonical list: number, name, range, warm-up and meaning of each of the 28 features.
//!
//! Order and names are part of every output's schema: a feature keeps its number for ever. Values
//! that have a direction run from −1 (bearish) to 1 (bullish); those from 0 have none and may not
//! carry weight. What a feature computes in full stands in its own file.

use super::frame::FEATURES;

/// When a feature's value can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Updates {
    /// With the context (option levels, volatility) and with the price it is compared to.
    Context,
    /// At each one-minute bar close.
    Bar,
    /// At each five-minute bar close.
    Bar5,
    /// At each batch end of the book, and as its average ages.
    Book,
    /// At each print, and as it ages.
    Print,
}

impl Updates {
    /// Name as it stands in the catalogue.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Updates::Context => "context",
            Updates::Bar => "1m bar",
            Updates::Bar5 => "5m bar",
            Updates::Book => "book",
            Updates::Print => "print",
        }
    }
}

/// What a feature takes from the record of earlier sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// Nothing.
    No,
    /// It is complete with one and says something without.
    Better,
    /// Without one it is in warm-up.
    Needed,
}

impl Baseline {
    /// Name as it stands in the catalogue.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Baseline::No => "no",
            Baseline::Better => "better",
            Baseline::Needed => "needed",
        }
    }
}

/// One feature of the canonical list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// 1 to 28.
    pub number: usize,
    /// Name as it stands in configurations, columns and records.
    pub name: &'static str,
    /// Least value.
    pub low: f64,
    /// Greatest value.
    pub high: f64,
    /// When it can change.
    pub updates: Updates,
    /// What it takes from earlier sessions.
    pub baseline: Baseline,
    /// What must have been seen before it has a value.
    pub warm_up: &'static str,
    /// What it says, in one line.
    pub definition: &'static str,
}

impl Entry {
    /// Whether it has a direction, and so may carry weight.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.low < 0.0
    }
}

/// The 28 features in canonical order.
pub const CATALOGUE: [Entry; FEATURES] = [
    Entry {
        number: 1,
        name: "gamma_levels_proximity",
        low: -1.0,
        high: 1.0,
        updates: Updates::Context,
        baseline: Baseline::No,
        warm_up: "level set, basis of the contract",
        definition: "side*(1 - |S - L|/span)*weight of the strongest wall, flip or pin",
    },
    Entry {
        number: 2,
        name: "gamma_flip_distance",
        low: -1.0,
        high: 1.0,
        updates: Updates::Context,
        baseline: Baseline::No,
        warm_up: "level set, basis, expected move",
        definition: "clip((S - flip)/EM): price above the gamma flip, in expected session moves EM",
    },
    Entry {
        number: 3,
        name: "net_gex_ratio",
        low: -1.0,
        high: 1.0,
        updates: Updates::Context,
        baseline: Baseline::No,
        warm_up: "level set",
        definition: "net over gross gamma exposure of the SPX or NDX chain",
    },
    Entry {
        number: 4,
        name: "pcr_score",
        low: -1.0,
        high: 1.0,
        updates: Updates::Context,
        baseline: Baseline::No,
        warm_up: "level set, option volume",
        definition: "clip((1 - PCR)/0.2) of put/call volume; (0.5 - rank)/0.3 after 60 sessions",
    },
    Entry {
        number: 5,
        name: "skew_score",
        low: -1.0,
        high: 1.0,
        updates: Updates::Context,
        baseline: Baseline::No,
        warm_up: "level set, 60 sessions of skew",
        definition: "-clip(z, -2, 2)/2 of the 30-day 25-delta skew: rich puts are bearish",
    },
    Entry {
        number: 6,
        name: "dealers_bias",
        low: -1.0,
        high: 1.0,
        updates: Updates::Context,
        baseline: Baseline::No,
        warm_up: "level set, half of the weights",
        definition: "0.30 put/call and skew + 0.45 gamma + 0.25 VIX, of what is there",
    },
    Entry {
        number: 7,
        name: "max_pain_distance",
        low: -1.0,
        high: 1.0,
        updates: Updates::Context,
        baseline: Baseline::No,
        warm_up: "level set, basis, expected move",
        definition: "clip((max pain - S)/EM): a magnet above the price is bullish",
    },
    Entry {
        number: 8,
        name: "pin_score",
        low: 0.0,
        high: 1.0,
        updates: Updates::Context,
        baseline: Baseline::No,
        warm_up: "level set, basis, expected move",
        definition: "greatest clip((strength - 1)/2)*exp(-|S - pin|/EM); has no direction",
    },
    Entry {
        number: 9,
        name: "vix_score",
        low: -1.0,
        high: 1.0,
        updates: Updates::Context,
        baseline: Baseline::No,
        warm_up: "VIX of these hours",
        definition: "clip((20 - VIX)/5), at most 0.5 below 12: calm is bullish",
    },
    Entry {
        number: 10,
        name: "vix_momentum",
        low: -1.0,
        high: 1.0,
        updates: Updates::Context,
        baseline: Baseline::No,
        warm_up: "VIX of these hours, 60 closes",
        definition: "-clip(m/0.15), m = VIX over the mean of five closes less 1: falls are bullish",
    },
    Entry {
        number: 11,
        name: "vix_term_structure",
        low: -1.0,
        high: 1.0,
        updates: Updates::Context,
        baseline: Baseline::No,
        warm_up: "VIX and VIX3M of these hours",
        definition: "clip((0.975 - VIX/VIX3M)/0.135): contango is bullish, inversion bearish",
    },
    Entry {
        number: 12,
        name: "volume_confirmation",
        low: -1.0,
        high: 1.0,
        updates: Updates::Bar,
        baseline: Baseline::Better,
        warm_up: "20 bars",
        definition: "how far volume, delta and volume-price correlation back the last 5-bar move",
    },
    Entry {
        number: 13,
        name: "delta_ratio",
        low: -1.0,
        high: 1.0,
        updates: Updates::Bar,
        baseline: Baseline::No,
        warm_up: "1 bar",
        definition: "buy minus sell volume over all volume of the last bar",
    },
    Entry {
        number: 14,
        name: "cvd_slope_z",
        low: -1.0,
        high: 1.0,
        updates: Updates::Bar,
        baseline: Baseline::Needed,
        warm_up: "20 bars since the anchor",
        definition: "20-bar slope of CVD against the same minute of earlier sessions, z/3",
    },
    Entry {
        number: 15,
        name: "delta_divergence",
        low: -1.0,
        high: 1.0,
        updates: Updates::Bar,
        baseline: Baseline::Better,
        warm_up: "20 bars since the anchor",
        definition: "price and CVD trending or swinging apart, signed by CVD's side",
    },
    Entry {
        number: 16,
        name: "bid_ask_imbalance_l1",
        low: -1.0,
        high: 1.0,
        updates: Updates::Book,
        baseline: Baseline::No,
        warm_up: "1 two-sided book",
        definition: "bid against ask size at the touch, shrunk by the spread, half-life 500 ms",
    },
    Entry {
        number: 17,
        name: "order_book_imbalance",
        low: -1.0,
        high: 1.0,
        updates: Updates::Book,
        baseline: Baseline::No,
        warm_up: "5 levels a side",
        definition: "touch and five-level imbalance 60/40, shrunk by the spread, half-life 500 ms",
    },
    Entry {
        number: 18,
        name: "smart_money_flow",
        low: -1.0,
        high: 1.0,
        updates: Updates::Print,
        baseline: Baseline::Better,
        warm_up: "3 large prints, 1000 contracts in 15 min",
        definition: "net side of large prints, by their share of volume and their persistence",
    },
    Entry {
        number: 19,
        name: "tick_momentum",
        low: -1.0,
        high: 1.0,
        updates: Updates::Print,
        baseline: Baseline::No,
        warm_up: "100 tick directions since the anchor",
        definition: "blend of 20, 50 and 100-print averages of the tick direction",
    },
    Entry {
        number: 20,
        name: "vwap_slope",
        low: -1.0,
        high: 1.0,
        updates: Updates::Bar,
        baseline: Baseline::No,
        warm_up: "10 bars since the anchor, 20 bars of ATR",
        definition: "10-bar slope of VWAP over a tenth of ATR20",
    },
    Entry {
        number: 21,
        name: "vwap_position_z",
        low: -1.0,
        high: 1.0,
        updates: Updates::Bar,
        baseline: Baseline::No,
        warm_up: "10 bars since the anchor",
        definition: "distance of the close from VWAP in deviations, halved",
    },
    Entry {
        number: 22,
        name: "vwap_trend_signal",
        low: -1.0,
        high: 1.0,
        updates: Updates::Bar,
        baseline: Baseline::No,
        warm_up: "20 bars since the anchor",
        definition: "blend of 20, 21, closes on one side of VWAP and swing structure",
    },
    Entry {
        number: 23,
        name: "value_area_position",
        low: -1.0,
        high: 1.0,
        updates: Updates::Bar,
        baseline: Baseline::No,
        warm_up: "30 min of profile, or a previous session",
        definition: "place of the close between point of control and value-area edge",
    },
    Entry {
        number: 24,
        name: "volume_profile_imbalance",
        low: -1.0,
        high: 1.0,
        updates: Updates::Bar,
        baseline: Baseline::No,
        warm_up: "1000 contracts over 10 rows",
        definition: "accumulation against distribution zones of the session's profile",
    },
    Entry {
        number: 25,
        name: "mtf_confluence",
        low: -1.0,
        high: 1.0,
        updates: Updates::Bar,
        baseline: Baseline::Better,
        warm_up: "25 bars of timeframes holding 70 % of the weight",
        definition: "agreement of trend, structure and VWAP over 1, 5, 15 and 60-minute bars",
    },
    Entry {
        number: 26,
        name: "sierra_pattern_strength",
        low: -1.0,
        high: 1.0,
        updates: Updates::Print,
        baseline: Baseline::Better,
        warm_up: "20 bars",
        definition: "strongest live bar or tick pattern, half-life 3 bars",
    },
    Entry {
        number: 27,
        name: "volatility_regime",
        low: 0.0,
        high: 1.0,
        updates: Updates::Bar5,
        baseline: Baseline::Needed,
        warm_up: "5 sessions of baseline",
        definition: "LOW 0, NORMAL 1/3, HIGH 2/3, EXTREME 1, by ATR percentile; has no direction",
    },
    Entry {
        number: 28,
        name: "battle_navale_score",
        low: -1.0,
        high: 1.0,
        updates: Updates::Bar,
        baseline: Baseline::No,
        warm_up: "20 bars",
        definition: "bar power, trend off the newest base, and pull of the nearest base",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The list that every record's schema rests on, written out once more.
    const CANONICAL: [&str; FEATURES] = [
        "gamma_levels_proximity",
        "gamma_flip_distance",
        "net_gex_ratio",
        "pcr_score",
        "skew_score",
        "dealers_bias",
        "max_pain_distance",
        "pin_score",
        "vix_score",
        "vix_momentum",
        "vix_term_structure",
        "volume_confirmation",
        "delta_ratio",
        "cvd_slope_z",
        "delta_divergence",
        "bid_ask_imbalance_l1",
        "order_book_imbalance",
        "smart_money_flow",
        "tick_momentum",
        "vwap_slope",
        "vwap_position_z",
        "vwap_trend_signal",
        "value_area_position",
        "volume_profile_imbalance",
        "mtf_confluence",
        "sierra_pattern_strength",
        "volatility_regime",
        "battle_navale_score",
    ];

    #[test]
    fn the_order_is_the_canonical_one() {
        for (at, (entry, name)) in CATALOGUE.iter().zip(CANONICAL).enumerate() {
            assert_eq!((entry.number, entry.name), (at + 1, name));
            assert!(entry.definition.len() <= 90 && !entry.definition.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn two_features_have_no_direction() {
        let unsigned = CATALOGUE.iter().filter(|e| !e.is_signed());
        assert_eq!(unsigned.map(|e| e.number).collect::<Vec<_>>(), [8, 27]);
        assert!(CATALOGUE.iter().all(|e| e.high == 1.0 && (e.low == 0.0 || e.low == -1.0)));
    }
}
