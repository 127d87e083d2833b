//! Completeness: the share of required cells that have a value, and how much of it each family of
//! files needs.
//!
//! A cell that cannot apply (a book of a feed without depth, a statistic before its sample) is not
//! required. Shares are compared as whole numbers, so that a limit is met exactly or not at all.

use serde::{Deserialize, Serialize};

/// Required cells and those of them with a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Completeness {
    /// Cells that must have a value.
    pub required: u64,
    /// Of them those that have one.
    pub present: u64,
}

impl Completeness {
    /// Counts one required cell.
    pub fn cell(&mut self, is_there: bool) {
        self.required += 1;
        self.present += u64::from(is_there);
    }

    /// Adds the cells of another part of the window.
    pub fn add(&mut self, other: Completeness) {
        self.required += other.required;
        self.present += other.present;
    }

    /// 0 to 1; `None` where nothing was required.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        (self.required > 0).then(|| self.present as f64 / self.required as f64)
    }
}

/// A family of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Chains, levels, what is drawn of them.
    Options,
    /// What the market did, second by second.
    Orderflow,
    /// Records of trading.
    Trades,
}

impl Family {
    /// All of them.
    pub const ALL: [Family; 3] = [Family::Options, Family::Orderflow, Family::Trades];

    /// Name of its folder, its manifests and its archives.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Family::Options => "options",
            Family::Orderflow => "orderflow",
            Family::Trades => "trades",
        }
    }

    /// Least completeness, percent.
    #[must_use]
    pub const fn percent_min(self) -> u64 {
        match self {
            Family::Options => 95,
            Family::Orderflow => 99,
            Family::Trades => 100,
        }
    }

    /// Whether a window of the family is complete enough. One without required cells is.
    #[must_use]
    pub fn passes(self, of: &Completeness) -> bool {
        u128::from(of.present) * 100 >= u128::from(of.required) * u128::from(self.percent_min())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_met_exactly() {
        let of = |present, required| Completeness { required, present };
        let golden = of(950, 1000);
        assert_eq!(golden.share(), Some(0.95));
        assert_eq!(Family::ALL.map(|f| f.passes(&golden)), [true, false, false]);
        assert!(!Family::Options.passes(&of(949, 1000)));
        assert_eq!(Family::ALL.map(|f| f.passes(&of(990, 1000))), [true, true, false]);
        assert!(!Family::Orderflow.passes(&of(989, 1000)));
        assert!(!Family::Trades.passes(&of(999_999, 1_000_000)), "every cell of a trade");
        assert!(Family::Trades.passes(&of(u64::MAX, u64::MAX)));
    }

    #[test]
    fn nothing_required_is_no_share() {
        let mut of = Completeness::default();
        assert_eq!(of.share(), None);
        assert!(Family::Trades.passes(&of));
        of.cell(true);
        of.cell(false);
        of.add(Completeness { required: 2, present: 1 });
        assert_eq!((of.required, of.present, of.share()), (4, 2, Some(0.5)));
    }
}
