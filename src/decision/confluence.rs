//! Signed confluence: presets of weights over features, and what they add up to.
//!
//! D = Σ wᵢ·fᵢ / Σ wᵢ over the items that are present; score = 100·|D| rounded to six decimals;
//! coverage = Σ w present / Σ w. Only signed features may carry weight.

use xxhash_rust::xxh3::xxh3_64;

use crate::features::frame::FEATURES;
use crate::features::{CATALOGUE, Slot};

/// Most items of a preset.
pub const ITEMS_MAX: usize = FEATURES;

/// Least coverage floor of any preset.
pub const COVERAGE_MIN: f64 = 0.70;

/// How a feature's value enters the sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// As it is.
    Plain,
    /// tanh(f/0.25): the dealer-position item of `S4-groups`.
    DealerPosition,
}

impl Term {
    /// What enters for a feature's value.
    #[must_use]
    pub fn of(self, value: f64) -> f64 {
        match self {
            Term::Plain => value,
            Term::DealerPosition => libm::tanh(value / 0.25),
        }
    }
}

/// One weighted item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Item {
    /// Feature, 1 to 28.
    pub feature: usize,
    /// Weight, above 0.
    pub weight: f64,
    /// How it enters.
    pub term: Term,
}

/// Lower edges of the tiers, best first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TierEdges(pub [f64; 4]);

impl Default for TierEdges {
    fn default() -> TierEdges {
        TierEdges([90.0, 80.0, 70.0, 60.0])
    }
}

/// Tier of a score; half-open bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Tier {
    /// Below every edge.
    NoTrade = 0,
    /// Lowest.
    Weak = 1,
    /// Tradable.
    Good = 2,
    /// Better.
    Strong = 3,
    /// Best.
    Premium = 4,
}

impl Tier {
    /// All tiers, best first.
    pub const ALL: [Tier; 5] = [Tier::Premium, Tier::Strong, Tier::Good, Tier::Weak, Tier::NoTrade];

    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Tier::NoTrade => "NO_TRADE",
            Tier::Weak => "WEAK",
            Tier::Good => "GOOD",
            Tier::Strong => "STRONG",
            Tier::Premium => "PREMIUM",
        }
    }
}

impl TierEdges {
    /// The tier of `score`.
    #[must_use]
    pub fn tier(&self, score: f64) -> Tier {
        let above = self.0.iter().position(|&edge| score >= edge).unwrap_or(4);
        Tier::ALL.get(above).copied().unwrap_or(Tier::NoTrade)
    }
}

/// A named set of weights with its gate and floor.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// Name that labels every output.
    pub name: String,
    /// Its items.
    pub items: Vec<Item>,
    /// Least share of the weight that must be present.
    pub coverage_floor: f64,
    /// Score from which an entry is signalled.
    pub gate: f64,
    /// Tier edges.
    pub tiers: TierEdges,
    /// Whether tick momentum (19) and delta divergence (15) move D: D + 0.07·mean of those that are
    /// present, clipped to [−1, 1]. They have no part in the coverage.
    pub additive: bool,
}

/// Features of the additive block, and its weight.
const ADDITIVE: [usize; 2] = [19, 15];
const ADDITIVE_WEIGHT: f64 = 0.07;

/// Names of the built-in presets.
pub const PRESETS: [&str; 3] = ["S4-groups", "S3-normalised", "core"];

/// The name of a preset without what tells its variants apart: `core` of `core (changed 1a2b3c4d)`.
#[must_use]
pub fn preset_base(name: &str) -> &str {
    name.split_once(MARK).map_or(name, |(base, _)| base)
}

/// Whether a preset of this name is `core`, with whatever gate, floor and tiers: it holds no option
/// item, is compared with no other and is never live.
#[must_use]
pub fn is_core(name: &str) -> bool {
    preset_base(name) == "core"
}

/// What stands between the base of a name and its mark.
const MARK: &str = " (";

impl Preset {
    /// The preset with a mark in its name, of what it weighs and asks for: two that decide
    /// differently are never one in a statistic because they are called the same. `how` says what
    /// the mark is of, such as `changed`; it may be empty.
    ///
    /// # Errors
    /// A text where the name looks as if it had a mark already.
    pub fn marked(mut self, how: &str) -> Result<Preset, String> {
        if self.name.contains(MARK) {
            return Err(format!("preset {:?}: a name has no {MARK:?}", self.name));
        }
        let Preset { name: _, items, coverage_floor, gate, tiers, additive } = &self;
        let text = format!("{items:?} {coverage_floor:?} {gate:?} {tiers:?} {additive:?}");
        let mark = xxh3_64(text.as_bytes()) >> 32;
        let space = if how.is_empty() { "" } else { " " };
        self.name.push_str(&format!("{MARK}{how}{space}{mark:08x})"));
        Ok(self)
    }

    /// A built-in preset by name.
    #[must_use]
    pub fn named(name: &str) -> Option<Preset> {
        let plain = |list: &[(usize, f64)]| -> Vec<Item> {
            let item = |&(feature, weight)| Item { feature, weight, term: Term::Plain };
            list.iter().map(item).collect()
        };
        let items = match name {
            "S4-groups" => {
                let mut items = plain(&[
                    (1, 12.0),
                    (4, 8.0),
                    (9, 3.0),
                    (12, 20.0),
                    (17, 15.0),
                    (18, 12.5),
                    (22, 10.0),
                    (26, 10.0),
                    (25, 7.5),
                ]);
                items.insert(3, Item { feature: 3, weight: 2.0, term: Term::DealerPosition });
                items
            }
            "S3-normalised" => plain(&[
                (1, 0.28),
                (12, 0.20),
                (22, 0.16),
                (26, 0.16),
                (6, 0.13),
                (17, 0.15),
                (18, 0.125),
            ]),
            "core" => plain(&[(12, 25.0), (17, 25.0), (22, 25.0), (26, 25.0)]),
            _ => return None,
        };
        let name = name.to_owned();
        let tiers = TierEdges::default();
        Some(Preset { name, items, coverage_floor: 0.70, gate: 70.0, tiers, additive: false })
    }

    /// Checks what a user may have written.
    ///
    /// # Errors
    /// A text that names the first offending value and what is allowed.
    pub fn check(&self) -> Result<(), String> {
        let name = &self.name;
        if self.items.is_empty() || self.items.len() > ITEMS_MAX {
            return Err(format!("preset {name}: 1 to {ITEMS_MAX} weights are needed"));
        }
        for (at, item) in self.items.iter().enumerate() {
            let known = CATALOGUE.get(item.feature.wrapping_sub(1));
            let Some(known) = known else {
                return Err(format!("preset {name}: no feature {} (1 to 28)", item.feature));
            };
            let feature = known.name;
            if !known.is_signed() {
                return Err(format!("preset {name}: {feature} has no direction, so no weight"));
            }
            if !(item.weight > 0.0 && item.weight.is_finite()) {
                return Err(format!("preset {name}: weight of {feature} must be above 0"));
            }
            if self.items.iter().take(at).any(|other| other.feature == item.feature) {
                return Err(format!("preset {name}: {feature} is there twice"));
            }
        }
        if !(COVERAGE_MIN..=1.0).contains(&self.coverage_floor) {
            return Err(format!("preset {name}: coverage_floor must be {COVERAGE_MIN} to 1"));
        }
        if !(self.gate > 0.0 && self.gate <= 100.0) {
            return Err(format!("preset {name}: gate must be above 0 and at most 100"));
        }
        if !self.tiers.0.is_sorted_by(|a, b| a > b) {
            return Err(format!("preset {name}: tier edges must fall from PREMIUM to WEAK"));
        }
        Ok(())
    }

    /// Whether feature 1 to 28 has a part in D.
    #[must_use]
    pub fn reads(&self, feature: usize) -> bool {
        let weighed = self.items.iter().any(|item| item.feature == feature);
        weighed || (self.additive && ADDITIVE.contains(&feature))
    }

    /// What each feature has to do with D; `slot` as in [`Preset::weigh`]. The parts of D add up to
    /// it, but for what is clipped at ±1.
    #[must_use]
    pub fn parts(&self, slot: impl Fn(usize) -> Slot) -> [Part; FEATURES] {
        let mut parts = [Part::default(); FEATURES];
        let value = |feature: usize| slot(feature).value();
        let present = self.items.iter().filter(|item| value(item.feature).is_some());
        let present: f64 = present.map(|item| item.weight).sum();
        for item in &self.items {
            if let Some(part) = parts.get_mut(item.feature.wrapping_sub(1)) {
                part.weight = Some(item.weight);
                part.of_d = value(item.feature).map(|v| item.weight * item.term.of(v) / present);
            }
        }
        if self.additive && present > 0.0 {
            let count = ADDITIVE.into_iter().filter_map(value).count() as f64;
            for feature in ADDITIVE {
                let part = parts.get_mut(feature - 1);
                if let Some((part, value)) = part.zip(value(feature)) {
                    part.added = Some(ADDITIVE_WEIGHT / count);
                    part.of_d = Some(part.of_d.unwrap_or(0.0) + ADDITIVE_WEIGHT / count * value);
                }
            }
        }
        parts
    }

    /// Weighs the features; `slot` gives feature 1 to 28.
    pub fn weigh(&self, slot: impl Fn(usize) -> Slot) -> Confluence {
        let (mut sum, mut present, mut all) = (0.0, 0.0, 0.0);
        for item in &self.items {
            all += item.weight;
            if let Some(value) = slot(item.feature).value() {
                sum += item.weight * item.term.of(value);
                present += item.weight;
            }
        }
        let d = if present > 0.0 { (sum / present).clamp(-1.0, 1.0) } else { 0.0 };
        let d = if self.additive && present > 0.0 { added(d, &slot) } else { d };
        let score = (100.0 * d.abs() * 1e6).round() / 1e6;
        let coverage = if all > 0.0 { present / all } else { 0.0 };
        Confluence { d, score, coverage }
    }
}

/// D with the additive block.
fn added(d: f64, slot: impl Fn(usize) -> Slot) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in ADDITIVE.into_iter().filter_map(|feature| slot(feature).value()) {
        (sum, count) = (sum + value, count + 1.0);
    }
    let mean = if count > 0.0 { sum / count } else { 0.0 };
    (d + ADDITIVE_WEIGHT * mean).clamp(-1.0, 1.0)
}

/// What one feature has to do with D.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Part {
    /// Weight of its item; `None` where it has none.
    pub weight: Option<f64>,
    /// What it moves D by for each unit of its value in the additive block; `None` outside of it
    /// and without a value.
    pub added: Option<f64>,
    /// What it moves D by; `None` where it moves nothing.
    pub of_d: Option<f64>,
}

/// What the weights add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Confluence {
    /// Signed sum in [−1, 1]; positive is bullish.
    pub d: f64,
    /// 100·|D|, rounded to six decimals.
    pub score: f64,
    /// Share of the weight that was present.
    pub coverage: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::Reason;

    fn inputs(missing: &[usize]) -> impl Fn(usize) -> Slot {
        let values = [
            (1, 0.8),
            (3, 0.2),
            (4, 0.5),
            (6, 0.55),
            (9, 0.3),
            (12, 0.6),
            (17, 0.9),
            (18, 0.7),
            (22, 0.8),
            (25, 0.6015),
            (26, 0.735),
        ];
        let missing = missing.to_vec();
        move |feature| match values.iter().find(|v| v.0 == feature) {
            Some(&(_, value)) if !missing.contains(&feature) => Slot::some(value),
            _ => Slot::none(Reason::NoInput),
        }
    }

    /// The specification's table: preset, missing features, D, coverage, score.
    #[test]
    fn golden() {
        for (name, missing, d, coverage, score) in [
            ("S4-groups", &[][..], 0.699_393, 1.0, 69.9393),
            ("S4-groups", &[1, 3, 4, 9], 0.721_483, 0.75, 72.1483),
            ("S4-groups", &[1, 3, 4, 9, 17], 0.676_854, 0.6, 67.6854),
            ("core", &[], 0.758_750, 1.0, 75.875),
            ("core", &[17], 0.711_667, 0.75, 71.1667),
            ("core", &[17, 22], 0.667_5, 0.5, 66.75),
            ("S3-normalised", &[], 0.733_278, 1.0, 73.3278),
            ("S3-normalised", &[1], 0.713_081, 0.767_635, 71.3081),
            ("S3-normalised", &[1, 6], 0.739_748, 0.659_751, 73.9748),
        ] {
            let got = Preset::named(name).expect("preset").weigh(inputs(missing));
            assert!((got.d - d).abs() < 1e-6, "{name} {missing:?} {got:?}");
            assert!((got.coverage - coverage).abs() < 1e-6, "{name} {got:?}");
            assert!((got.score - score).abs() < 1e-4, "{name} {got:?}");
        }
    }

    #[test]
    fn golden_bins() {
        let edges = TierEdges::default();
        for (score, tier) in [
            (100.0, Tier::Premium),
            (90.0, Tier::Premium),
            (89.999, Tier::Strong),
            (80.0, Tier::Strong),
            (79.99, Tier::Good),
            (70.0, Tier::Good),
            (69.99, Tier::Weak),
            (60.0, Tier::Weak),
            (59.99, Tier::NoTrade),
            (0.0, Tier::NoTrade),
        ] {
            assert_eq!(edges.tier(score), tier, "{score}");
        }
        let seven = Preset::named("S4-groups")
            .expect("preset")
            .weigh(|f| Slot::some(if f == 3 { 0.25 * libm::atanh(0.7) } else { 0.7 }));
        assert_eq!(edges.tier(seven.score), Tier::Good, "rounded before binning: {seven:?}");
    }

    #[test]
    fn every_preset_is_valid_and_symmetric() {
        for name in PRESETS {
            let preset = Preset::named(name).expect("preset");
            preset.check().expect("valid");
            let up = preset.weigh(inputs(&[]));
            let down = preset.weigh(|f| match inputs(&[])(f).value() {
                Some(value) => Slot::some(-value),
                None => Slot::none(Reason::NoInput),
            });
            assert_eq!((up.d, up.score), (-down.d, down.score), "{name}");
        }
    }

    #[test]
    fn what_a_user_may_not_write() {
        let mut preset = Preset::named("core").expect("preset");
        for (feature, weight, word) in
            [(8, 1.0, "direction"), (99, 1.0, "99"), (13, -1.0, "above 0"), (17, 1.0, "twice")]
        {
            preset.items.push(Item { feature, weight, term: Term::Plain });
            assert!(preset.check().expect_err("refused").contains(word));
            preset.items.pop();
        }
        for floor in [0.69, 1.01, f64::NAN] {
            preset.coverage_floor = floor;
            assert!(preset.check().expect_err("refused").contains("coverage_floor"));
        }
        preset.coverage_floor = COVERAGE_MIN;
        assert_eq!(preset.check(), Ok(()));
        preset.gate = 0.0;
        assert!(preset.check().is_err());
    }

    #[test]
    fn golden_additive_block() {
        let mut preset = Preset::named("core").expect("preset");
        let slots = |momentum: Option<f64>, divergence: Option<f64>| {
            move |feature| match feature {
                15 => divergence.map_or(Slot::none(Reason::Warmup), Slot::some),
                19 => momentum.map_or(Slot::none(Reason::Warmup), Slot::some),
                _ => Slot::some(0.7),
            }
        };
        assert_eq!(preset.weigh(slots(Some(0.6), Some(0.4))).d, 0.7, "off unless asked for");
        assert!(!preset.reads(15) && preset.reads(17));
        preset.additive = true;
        assert!(preset.reads(15) && preset.reads(19) && !preset.reads(16));
        for (momentum, divergence, d) in [
            (Some(0.6), Some(0.4), 0.7350),
            (Some(0.6), None, 0.7420),
            (None, None, 0.7),
            (Some(-1.0), Some(-1.0), 0.63),
        ] {
            let own = preset.weigh(slots(momentum, divergence));
            assert!((own.d - d).abs() < 1e-12, "{own:?}");
            assert_eq!(own.coverage, 1.0);
        }
        let full = preset.weigh(|feature| Slot::some(if feature == 15 { 0.5 } else { 1.0 }));
        assert_eq!(full.d, 1.0, "clipped");
        let nothing = |feature| match feature {
            19 => Slot::some(1.0),
            _ => Slot::none(Reason::Warmup),
        };
        assert_eq!(preset.weigh(nothing).d, 0.0, "it decides nothing alone");
    }

    /// Without the division a raw sum of 0.7 would count 0.580913.
    #[test]
    fn golden_raw_weights() {
        let preset = Preset::named("S3-normalised").expect("preset");
        let raw: f64 = preset.items.iter().map(|item| item.weight).sum();
        assert!((0.7 / raw - 0.580_913).abs() < 5e-7);
    }

    /// With the additive block, which has weights of its own; a feature may be in both.
    #[test]
    fn parts_add_up() {
        let values = |feature: usize| match feature {
            15 => Slot::some(0.4),
            19 => Slot::some(-0.9),
            22 => Slot::none(Reason::Warmup),
            _ => Slot::some(feature as f64 / 40.0),
        };
        let mut both = Preset::named("core").expect("preset");
        both.items.push(Item { feature: 19, weight: 5.0, term: Term::Plain });
        let dealer = Preset::named("S4-groups").expect("preset");
        for preset in [both, dealer] {
            for additive in [false, true] {
                let preset = Preset { additive, ..preset.clone() };
                let sum: f64 = preset.parts(values).iter().filter_map(|part| part.of_d).sum();
                let d = preset.weigh(values).d;
                assert!((sum - d).abs() < 1e-12, "{} {additive}: {sum} {d}", preset.name);
            }
        }
        let mut preset = Preset::named("core").expect("preset");
        preset.additive = true;
        let [of_15, of_19, of_22] = [15, 19, 22].map(|n| preset.parts(values)[n - 1]);
        assert_eq!((of_15.added, of_19.added), (Some(0.035), Some(0.035)));
        assert_eq!(of_15.of_d, Some(0.035 * 0.4));
        assert_eq!((of_22.weight, of_22.of_d), (Some(25.0), None));
    }

    #[test]
    fn what_decides_differently_is_called_differently() {
        let core = Preset::named("core").expect("preset");
        let with = |gate: f64| Preset { gate, ..core.clone() }.marked("changed").expect("marked");
        let (low, high) = (with(60.0).name, with(75.0).name);
        assert!(low.starts_with("core (changed ") && low != high, "{low} {high}");
        assert_eq!(low, with(60.0).name);
        assert!(is_core(&low) && is_core("core") && preset_base(&high) == "core");
        assert!(!is_core("S4-groups") && !is_core("core2"));
        assert!(with(60.0).marked("").is_err(), "one mark");
        assert_eq!(core.clone().marked("").expect("marked").name.len(), "core (12345678)".len());
    }
}
