//! Level confluence: prices that several kinds of levels share.
//!
//! Levels that lie within three ticks of a neighbour are one cluster. A level's term is
//! w·2^(−age/half-life)·0.85^touches: each touch weakens it. Each family counts once in a cluster,
//! with its largest term; strength = min(1, Σ terms/8), price = the mean of the terms' prices by
//! their weight, rounded to the tick. Weights, half-life and decay are own design of the
//! specification. Nothing here depends on the order of the levels. Cost: a sort of at most
//! [`LEVELS_MAX`] levels; no allocation.

use crate::units::Px;

/// Most levels at once.
pub const LEVELS_MAX: usize = 32;
/// Ticks between neighbours of one cluster.
const WIDTH: i32 = 3;
/// Minutes after which a session's level weighs half.
const HALF_LIFE_MIN: f64 = 390.0;
/// What a touch leaves of a level.
const TOUCH: f64 = 0.85;
/// Sum of terms that has strength 1.
const FULL: f64 = 8.0;

/// Kind of a level; levels of one kind count once in a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Family {
    /// Call or put wall.
    GammaWall = 0,
    /// Gamma flip.
    Flip = 1,
    /// Point of control of the session.
    Poc = 2,
    /// Edge of its value area.
    Value = 3,
    /// Volume-weighted mean price of the session.
    Vwap = 4,
    /// Point of control of the session before.
    PriorPoc = 5,
    /// One deviation off the volume-weighted mean.
    Sigma1 = 6,
    /// Edge of the value area of the session before.
    PriorValue = 7,
    /// Two deviations.
    Sigma2 = 8,
    /// A node of the volume profile.
    VolumeNode = 9,
    /// High or low of the session.
    Session = 10,
    /// High or low of the night.
    Overnight = 11,
    /// A multiple of 50 points.
    Round = 12,
    /// A multiple of 100 points.
    Psychological = 13,
}

/// Number of [`Family`].
const FAMILIES: usize = 14;

impl Family {
    /// Weight of a fresh level.
    #[must_use]
    pub const fn weight(self) -> f64 {
        match self {
            Family::GammaWall => 1.0,
            Family::Flip | Family::Poc => 0.9,
            Family::Value | Family::Vwap => 0.8,
            Family::PriorPoc | Family::Sigma1 => 0.7,
            Family::PriorValue | Family::Sigma2 | Family::VolumeNode => 0.6,
            Family::Session => 0.5,
            Family::Overnight => 0.4,
            Family::Round => 0.3,
            Family::Psychological => 0.2,
        }
    }

    /// Whether a level of this kind fades with its age: those of the session that is on. Those of
    /// options and of the session before end as a whole, round numbers never.
    #[must_use]
    pub const fn ages(self) -> bool {
        matches!(
            self,
            Family::Poc
                | Family::Value
                | Family::Vwap
                | Family::Sigma1
                | Family::Sigma2
                | Family::VolumeNode
                | Family::Session
                | Family::Overnight
        )
    }
}

/// One level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// What it is.
    pub family: Family,
    /// Where.
    pub px: Px,
    /// Minutes since it was formed, 0 or more.
    pub age_min: f64,
    /// How often the market has come back to it.
    pub touches: u32,
}

impl Level {
    const NONE: Level = Level { family: Family::Round, px: Px::ZERO, age_min: 0.0, touches: 0 };

    /// What it adds to its cluster, above 0 and at most its family's weight.
    #[must_use]
    pub fn term(&self) -> f64 {
        let age = if self.family.ages() {
            libm::exp2(-self.age_min.max(0.0) / HALF_LIFE_MIN)
        } else {
            1.0
        };
        self.family.weight() * age * libm::pow(TOUCH, f64::from(self.touches))
    }
}

/// A list of levels with room for [`LEVELS_MAX`].
#[derive(Clone, Copy, Debug)]
pub struct LevelList {
    all: [Level; LEVELS_MAX],
    len: usize,
}

impl Default for LevelList {
    fn default() -> LevelList {
        LevelList { all: [Level::NONE; LEVELS_MAX], len: 0 }
    }
}

impl LevelList {
    /// Adds a level; one that has no room is left out.
    pub fn push(&mut self, level: Level) {
        if let Some(slot) = self.all.get_mut(self.len) {
            *slot = level;
            self.len += 1;
        }
    }

    /// The levels.
    #[must_use]
    pub fn levels(&self) -> &[Level] {
        self.all.get(..self.len).unwrap_or_default()
    }

    /// What they are together.
    #[must_use]
    pub fn clusters(mut self) -> Clusters {
        let levels = self.all.get_mut(..self.len).unwrap_or_default();
        levels.sort_unstable_by_key(|level| (level.px, level.family));
        let mut clusters = Clusters::default();
        for group in levels.chunk_by(|a, b| b.px.minus(a.px) <= WIDTH) {
            clusters.push(cluster(group));
        }
        clusters
    }
}

/// Levels that lie together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cluster {
    /// Its price: the mean of its levels by their terms.
    pub px: Px,
    /// In [0, 1].
    pub strength: f64,
}

/// Clusters by rising price.
#[derive(Clone, Copy, Debug)]
pub struct Clusters {
    all: [Cluster; LEVELS_MAX],
    len: usize,
}

impl Default for Clusters {
    fn default() -> Clusters {
        Clusters { all: [Cluster { px: Px::ZERO, strength: 0.0 }; LEVELS_MAX], len: 0 }
    }
}

impl Clusters {
    fn push(&mut self, cluster: Cluster) {
        if let Some(slot) = self.all.get_mut(self.len) {
            *slot = cluster;
            self.len += 1;
        }
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Cluster] {
        self.all.get(..self.len).unwrap_or_default()
    }

    /// The nearest one of at least `least` strength whose price is above `from` (`sign` +1) or
    /// below it (−1).
    #[must_use]
    pub fn nearest(&self, from: Px, sign: i32, least: f64) -> Option<Cluster> {
        let ahead = |c: &&Cluster| sign * c.px.minus(from) > 0 && c.strength >= least;
        self.all().iter().filter(ahead).min_by_key(|c| sign * c.px.minus(from)).copied()
    }
}

/// The cluster of levels that lie together, at least one.
fn cluster(levels: &[Level]) -> Cluster {
    let mut terms = [(0.0_f64, Px::ZERO); FAMILIES];
    for level in levels {
        let term = level.term();
        if let Some(best) = terms.get_mut(level.family as usize)
            && term > best.0
        {
            *best = (term, level.px);
        }
    }
    let first = levels.first().map_or(Px::ZERO, |level| level.px);
    let (mut sum, mut moment) = (0.0, 0.0);
    for (term, px) in terms {
        sum += term;
        moment += term * f64::from(px.minus(first));
    }
    let offset = if sum > 0.0 { (moment / sum).round() as i64 } else { 0 };
    let px = Px::clamped(i64::from(first.ticks()) + offset);
    Cluster { px, strength: (sum / FULL).min(1.0) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Family; FAMILIES] = [
        Family::GammaWall,
        Family::Flip,
        Family::Poc,
        Family::Value,
        Family::Vwap,
        Family::PriorPoc,
        Family::Sigma1,
        Family::PriorValue,
        Family::Sigma2,
        Family::VolumeNode,
        Family::Session,
        Family::Overnight,
        Family::Round,
        Family::Psychological,
    ];

    fn level(family: Family, ticks: i64, age_min: f64, touches: u32) -> Level {
        Level { family, px: Px::clamped(ticks), age_min, touches }
    }

    fn clusters(levels: &[Level]) -> Vec<Cluster> {
        let mut list = LevelList::default();
        levels.iter().for_each(|&l| list.push(l));
        list.clusters().all().to_vec()
    }

    /// The specification's number: wall, POC aged 30 min with two touches, VAH with one.
    #[test]
    fn golden_strength() {
        let own = clusters(&[
            level(Family::GammaWall, 24_000, 1e9, 0),
            level(Family::Poc, 24_001, 30.0, 2),
            level(Family::Value, 24_003, 0.0, 1),
        ]);
        assert_eq!(own.len(), 1);
        assert!((own[0].strength - 0.287_061).abs() < 5e-7, "{own:?}");
        // (0·1 + 1·0.61649 + 3·0.68)/2.29649 = 1.157 ticks.
        assert_eq!(own[0].px, Px::clamped(24_001));
    }

    /// A single fresh VWAP has exactly the least strength of a target.
    #[test]
    fn a_fresh_vwap_is_a_tenth() {
        assert!(clusters(&[level(Family::Vwap, 7, 0.0, 0)])[0].strength >= 0.1);
        assert!(clusters(&[level(Family::Vwap, 7, 1.0, 0)])[0].strength < 0.1);
        assert!(clusters(&[level(Family::Vwap, 7, 0.0, 1)])[0].strength < 0.1);
    }

    #[test]
    fn three_ticks_bind_and_four_do_not() {
        let wall = |t| level(Family::GammaWall, t, 0.0, 0);
        let flip = |t| level(Family::Flip, t, 0.0, 0);
        assert_eq!(clusters(&[wall(100), flip(103)]).len(), 1);
        assert_eq!(clusters(&[wall(100), flip(104)]).len(), 2);
        let chain = clusters(&[wall(100), flip(103), level(Family::Poc, 106, 0.0, 0)]);
        assert_eq!(chain.len(), 1, "neighbours bind: {chain:?}");
    }

    #[test]
    fn a_family_counts_once_with_its_largest_term() {
        let own = clusters(&[
            level(Family::Value, 100, 0.0, 3),
            level(Family::Value, 102, 0.0, 0),
            level(Family::Value, 103, 0.0, 1),
        ]);
        assert_eq!(own, [Cluster { px: Px::clamped(102), strength: 0.8 / 8.0 }]);
    }

    #[test]
    fn what_fades_and_what_does_not() {
        for family in ALL {
            let (new, old) = (level(family, 0, 0.0, 0), level(family, 0, 390.0, 0));
            assert!((new.term() - family.weight()).abs() < 1e-15);
            let expected = if family.ages() { 0.5 } else { 1.0 } * family.weight();
            assert!((old.term() - expected).abs() < 1e-15, "{family:?}");
            assert!(level(family, 0, 0.0, 1).term() < new.term(), "touches weaken: {family:?}");
        }
    }

    #[test]
    fn nearest_is_strictly_ahead_and_strong_enough() {
        let list = {
            let mut list = LevelList::default();
            for (family, ticks) in [
                (Family::GammaWall, 90),
                (Family::Round, 95),
                (Family::GammaWall, 100),
                (Family::Round, 105),
                (Family::GammaWall, 110),
            ] {
                list.push(level(family, ticks, 0.0, 0));
            }
            list.clusters()
        };
        let at = |sign, least| list.nearest(Px::clamped(100), sign, least).map(|c| c.px.ticks());
        assert_eq!((at(1, 0.1), at(-1, 0.1)), (Some(110), Some(90)));
        assert_eq!((at(1, 0.0), at(-1, 0.0)), (Some(105), Some(95)));
        assert_eq!(at(1, 0.2), None);
    }

    proptest! {
        /// Any order gives the same clusters, all within their levels; no level is in two.
        #[test]
        fn order_is_nothing(
            levels in prop::collection::vec((0_usize..FAMILIES, -40_i64..40, 0_u32..5), 1..32),
        ) {
            let mut levels: Vec<Level> = levels
                .iter()
                .map(|&(f, t, touches)| level(ALL[f], t, f64::from(touches) * 50.0, touches))
                .collect();
            let own = clusters(&levels);
            levels.reverse();
            prop_assert_eq!(&own, &clusters(&levels));
            // The slow twin: a level belongs where its neighbours are.
            let mut prices: Vec<i32> = levels.iter().map(|l| l.px.ticks()).collect();
            prices.sort_unstable();
            let breaks = prices.windows(2).filter(|w| w[1] - w[0] > 3).count();
            prop_assert_eq!(own.len(), breaks + 1);
            prop_assert!(own.iter().all(|c| c.strength > 0.0 && c.strength <= 1.0));
            prop_assert!(own.windows(2).all(|w| w[0].px < w[1].px));
        }

        /// One more touch never strengthens a cluster.
        #[test]
        fn touches_weaken(
            mut levels in prop::collection::vec((0_usize..FAMILIES, 0_i64..3, 0_u32..5), 1..9),
        ) {
            let of = |l: &[(usize, i64, u32)]| {
                let all: Vec<_> =
                    l.iter().map(|&(f, t, touches)| level(ALL[f], t, 9.0, touches)).collect();
                clusters(&all)[0].strength
            };
            let before = of(&levels);
            levels[0].2 += 1;
            prop_assert!(of(&levels) <= before);
        }
    }
}
