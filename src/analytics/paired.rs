//! Two variants on the same data: whether their differences are more than luck.
//!
//! Differences are of pairs, such as the results of the same day under A and under B. The t-test
//! asks for their mean, Wilcoxon's signed-rank test for their middle without trusting a
//! distribution.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::chance::normal;
use super::{deviation, mean};

/// Most pairs for which the distribution of ranks is counted out.
const EXACT_MAX: usize = 50;

/// What both tests say. Chances are two-sided; `None` where the sample cannot say it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Paired {
    /// Pairs.
    pub n: u64,
    /// Mean of B − A.
    pub mean: f64,
    /// Its 95 % interval by Student's distribution.
    pub interval: Option<(f64, f64)>,
    /// Student's t.
    pub t: Option<f64>,
    /// Its chance if there were no difference.
    pub t_p: Option<f64>,
    /// Wilcoxon's V: sum of the ranks of differences above 0.
    pub wilcoxon: Option<f64>,
    /// Its chance if there were no difference; counted out for up to 50 pairs without ties,
    /// else by the normal distribution with both corrections.
    pub wilcoxon_p: Option<f64>,
}

/// Compares pairs of (A, B); `None` of none, or where a number is not finite.
#[must_use]
pub fn paired(pairs: &[(f64, f64)]) -> Option<Paired> {
    let differences: Vec<f64> = pairs.iter().map(|(a, b)| b - a).collect();
    let mean = mean(&differences).filter(|m| m.is_finite())?;
    let n = differences.len();
    let error = deviation(&differences).map(|sd| sd / libm::sqrt(n as f64)).filter(|&e| e > 0.0);
    let student = StudentsT::new(0.0, 1.0, n.saturating_sub(1) as f64).ok();
    let t = error.map(|error| mean / error);
    let tail = |t: f64| Some(2.0 * student?.sf(t.abs()));
    let reach = student.map(|s| s.inverse_cdf(0.975));
    let signed = Ranks::of(&differences);
    Some(Paired {
        n: n as u64,
        mean,
        interval: error.zip(reach).map(|(e, reach)| (mean - reach * e, mean + reach * e)),
        t,
        t_p: t.and_then(tail),
        wilcoxon: signed.as_ref().map(|s| s.above),
        wilcoxon_p: signed.as_ref().map(Ranks::chance),
    })
}

/// Ranks of the differences that are not 0, by size; equal ones share their mean rank.
struct Ranks {
    count: usize,
    /// Sum of the ranks of differences above 0.
    above: f64,
    /// Σ (t³ − t) over groups of t equal sizes.
    ties: f64,
}

impl Ranks {
    fn of(differences: &[f64]) -> Option<Ranks> {
        let mut sorted: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
        sorted.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
        let (mut above, mut ties, mut before) = (0.0, 0.0, 0_usize);
        for group in sorted.chunk_by(|a, b| a.abs() == b.abs()) {
            let size = group.len() as f64;
            let rank = before as f64 + (size + 1.0) / 2.0;
            above += rank * group.iter().filter(|d| **d > 0.0).count() as f64;
            ties += size * size * size - size;
            before += group.len();
        }
        (!sorted.is_empty()).then_some(Ranks { count: sorted.len(), above, ties })
    }

    fn chance(&self) -> f64 {
        if self.ties == 0.0 && self.count <= EXACT_MAX { self.counted() } else { self.about() }
    }

    /// Counts the sign patterns whose sum lies as far out on its side, twice.
    fn counted(&self) -> f64 {
        let total = self.count * (self.count + 1) / 2;
        // How many subsets of the ranks have each sum; below 2⁵³, so exact.
        let mut ways = vec![0.0_f64; total + 1];
        if let Some(first) = ways.first_mut() {
            *first = 1.0;
        }
        for rank in 1..=self.count {
            for sum in (rank..=total).rev() {
                let with = ways.get(sum - rank).copied().unwrap_or(0.0);
                if let Some(way) = ways.get_mut(sum) {
                    *way += with;
                }
            }
        }
        let above = self.above as usize;
        let tail = above.min(total - above);
        let out: f64 = ways.iter().take(tail + 1).sum();
        let all = libm::exp2(self.count as f64);
        (2.0 * out / all).min(1.0)
    }

    fn about(&self) -> f64 {
        let n = self.count as f64;
        let middle = n * (n + 1.0) / 4.0;
        let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - self.ties / 48.0;
        if variance <= 0.0 {
            return 1.0;
        }
        let off = ((self.above - middle).abs() - 0.5).max(0.0);
        (2.0 * normal(-off / libm::sqrt(variance))).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::close;
    use super::*;

    /// Hours of extra sleep of ten patients under two drugs (Student 1908).
    const SLEEP: [(f64, f64); 10] = [
        (0.7, 1.9),
        (-1.6, 0.8),
        (-0.2, 1.1),
        (-1.2, 0.1),
        (-0.1, -0.1),
        (3.4, 4.4),
        (3.7, 5.5),
        (0.8, 1.6),
        (0.0, 4.6),
        (2.0, 3.4),
    ];

    /// Depression scores of nine patients (Hollander and Wolfe 1973).
    #[expect(clippy::approx_constant, reason = "a measured score, no circle")]
    const DEPRESSION: [(f64, f64); 9] = [
        (0.878, 1.83),
        (0.647, 0.50),
        (0.598, 1.62),
        (2.05, 2.48),
        (1.06, 1.68),
        (1.29, 1.88),
        (1.06, 1.55),
        (3.14, 3.06),
        (1.29, 1.30),
    ];

    #[test]
    fn golden_student() {
        let got = paired(&SLEEP).expect("pairs");
        assert_eq!(got.n, 10);
        close(Some(got.mean), 1.58, 9);
        close(got.t, 4.0621, 4);
        close(got.t_p, 0.002_833, 6);
        let (low, high) = got.interval.expect("an interval");
        close(Some(low), 0.700_114_2, 6);
        close(Some(high), 2.459_885_8, 6);
        // One difference is 0: nine are ranked, with a tie.
        close(got.wilcoxon, 45.0, 9);
        close(got.wilcoxon_p, 0.009_091, 6);
    }

    #[test]
    fn golden_wilcoxon() {
        let got = paired(&DEPRESSION).expect("pairs");
        close(got.wilcoxon, 40.0, 9);
        close(got.wilcoxon_p, 2.0 * 0.019_531_25, 8);
    }

    #[test]
    fn nothing_to_compare() {
        assert_eq!(paired(&[]), None);
        assert_eq!(paired(&[(0.0, f64::NAN)]), None);
        let same = paired(&[(1.0, 1.0), (2.0, 2.0)]).expect("pairs");
        assert_eq!((same.t, same.wilcoxon_p, same.mean), (None, None, 0.0));
        assert_eq!(paired(&[(1.0, 2.0)]).expect("one").interval, None);
    }

    proptest! {
        /// The counted chance against every pattern of signs.
        #[test]
        fn counted_as_by_hand(signs in proptest::collection::vec(any::<bool>(), 1..10)) {
            let ranks = |bits: u32| (1..=signs.len())
                .filter(|rank| bits >> (rank - 1) & 1 == 1).sum::<usize>();
            let own = signs.iter().enumerate().fold(0, |all, (at, &s)| all | u32::from(s) << at);
            let total = signs.len() * (signs.len() + 1) / 2;
            let tail = ranks(own).min(total - ranks(own));
            let all = 1_u32 << signs.len();
            let out = (0..all).filter(|&bits| ranks(bits) <= tail).count();
            let expected = (2.0 * out as f64 / f64::from(all)).min(1.0);
            let pairs: Vec<(f64, f64)> = signs.iter().enumerate()
                .map(|(at, &s)| (0.0, if s { 1.0 } else { -1.0 } * (at + 1) as f64)).collect();
            let got = paired(&pairs).expect("pairs").wilcoxon_p.expect("ranked");
            prop_assert!((got - expected).abs() < 1e-12, "{} {}", got, expected);
        }

        /// Swapping A and B turns the sign and nothing else.
        #[test]
        fn symmetric(pairs in proptest::collection::vec((-5.0..5.0_f64, -5.0..5.0_f64), 2..40)) {
            let swapped: Vec<(f64, f64)> = pairs.iter().map(|&(a, b)| (b, a)).collect();
            let (one, other) = (paired(&pairs).expect("pairs"), paired(&swapped).expect("pairs"));
            prop_assert!((one.mean + other.mean).abs() < 1e-12);
            prop_assert!((one.t_p.unwrap_or(1.0) - other.t_p.unwrap_or(1.0)).abs() < 1e-9);
            let ranks = one.wilcoxon_p.unwrap_or(1.0) - other.wilcoxon_p.unwrap_or(1.0);
            prop_assert!(ranks.abs() < 1e-9);
        }
    }
}
