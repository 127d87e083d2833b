//! [`Context`]: what the cold path publishes for the decision, versioned.
//!
//! Plain copyable fields, fixed arrays, no heap: a reader follows no pointer. Instants are stored
//! and ages are the reader's. A value that may be missing is a [`crate::units::Slot`] with its
//! reason, or an `Option` where a reason says nothing more. Every part is replaced on its own;
//! `version` counts every publication from 1, and version 0 is the empty context of the start.

mod codes;
pub mod contract;
mod import;
mod level;
pub mod terms;

use serde::{Deserialize, Serialize};

pub use crate::options::chain::Underlying;
use crate::volatility::Part;
pub use codes::{
    BasisSource, BiasDirection, BiasPreset, BiasStrength, DealerPosition, DelayClass, FlipQuality,
    FlipStatus, GammaRegime, SanityStatus, Scope, SignModel, SpotSource, Text,
};
pub use import::History;
pub use level::{FuturePart, LevelPart, Levels, PINS_MAX, Pin, tick_rounded};

/// One published version.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// Version; greater is newer.
    pub version: u64,
    /// Trade date of the publication, days since 1970-01-01.
    pub trade_day: Option<i32>,
    /// Calendar days to the next PM-settled expiry.
    pub days_to_weekly: Option<u16>,
    /// Calendar days to the next AM-settled monthly expiry.
    pub days_to_monthly: Option<u16>,
    /// Levels of SPX and NDX, in this order; `None` until the first usable snapshot of each.
    pub levels: [Option<LevelPart>; 2],
    /// VIX and its kin.
    pub volatility: Option<Part>,
}

// Adopting a version copies nothing, but a journal, a file and each symbol's state hold it whole.
const _: () = assert!(size_of::<Context>() <= 4096);
const fn is_copy<T: Copy>() {}
const _: () = is_copy::<Context>();

impl Context {
    /// The context of the start: nothing is known.
    pub const EMPTY: Context = Context {
        version: 0,
        trade_day: None,
        days_to_weekly: None,
        days_to_monthly: None,
        levels: [None, None],
        volatility: None,
    };

    /// The level part of an index.
    #[must_use]
    pub const fn level(&self, of: Underlying) -> Option<&LevelPart> {
        let [spx, ndx] = &self.levels;
        match of {
            Underlying::Spx => spx.as_ref(),
            Underlying::Ndx => ndx.as_ref(),
        }
    }

    /// Puts a level part in the place of its index.
    pub const fn set_level(&mut self, part: LevelPart) {
        let [spx, ndx] = &mut self.levels;
        match part.symbol {
            Underlying::Spx => *spx = Some(part),
            Underlying::Ndx => *ndx = Some(part),
        }
    }

    /// Whether what came from outside fits together: each level part stands in its own place and
    /// numbers are in their ranges.
    ///
    /// # Errors
    /// What does not.
    pub fn check(&self) -> Result<(), &'static str> {
        for (part, of) in self.levels.iter().zip([Underlying::Spx, Underlying::Ndx]) {
            if let Some(part) = part {
                if part.symbol != of {
                    return Err("a level part in the place of another index");
                }
                part.check()?;
            }
        }
        Ok(())
    }
}

impl Default for Context {
    fn default() -> Context {
        Context::EMPTY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_part_has_its_place() {
        let mut context = Context::EMPTY;
        assert_eq!(context.check(), Ok(()));
        let part = level::tests::part(Underlying::Ndx);
        context.set_level(part);
        assert_eq!(context.level(Underlying::Ndx), Some(&part));
        assert_eq!(context.level(Underlying::Spx), None);
        assert_eq!(context.check(), Ok(()));
        context.levels.swap(0, 1);
        assert!(context.check().is_err());
    }
}
