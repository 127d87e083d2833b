//! Publishing and adopting the versioned [`Context`]: the only place that swaps an `Arc`.
//!
//! A reader that holds the last reference to an old version would free it on a hot thread, so the
//! publisher keeps the last few versions itself.

use std::collections::VecDeque;
use std::sync::Arc;

use arc_swap::ArcSwap;
use arc_swap::cache::Cache;

use crate::context::Context;

/// Versions that stay alive after they were replaced.
const KEPT: usize = 8;

/// The cold side.
#[derive(Debug)]
pub struct Publisher {
    shared: Arc<ArcSwap<Context>>,
    kept: VecDeque<Arc<Context>>,
}

impl Publisher {
    /// A publisher of the empty context, and its reader.
    #[must_use]
    pub fn new() -> (Publisher, Adopter) {
        let first = Arc::new(Context::EMPTY);
        let shared = Arc::new(ArcSwap::new(first.clone()));
        let adopter = Adopter { cache: Cache::new(shared.clone()), version: 0 };
        (Publisher { shared, kept: VecDeque::from([first]) }, adopter)
    }

    /// Makes `context` the newest version. Its number must be above all before it; an older one is
    /// refused and `false` returned.
    pub fn publish(&mut self, context: Context) -> bool {
        if self.kept.back().is_some_and(|last| last.version >= context.version) {
            return false;
        }
        let context = Arc::new(context);
        self.kept.push_back(context.clone());
        self.shared.store(context);
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        true
    }
}

/// The hot side: one reader, the decision.
#[derive(Debug)]
pub struct Adopter {
    cache: Cache<Arc<ArcSwap<Context>>, Arc<Context>>,
    version: u64,
}

impl Adopter {
    /// The context to use now, and whether it is another version than at the last call.
    pub fn load(&mut self) -> (&Context, bool) {
        let context = self.cache.load();
        let new = context.version != self.version;
        self.version = context.version;
        (context, new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Ts;

    #[test]
    fn adopts_once_and_never_goes_back() {
        let (mut publisher, mut adopter) = Publisher::new();
        assert_eq!(adopter.load(), (&Context::EMPTY, false));
        for version in 1..=20 {
            assert!(publisher.publish(Context { version, captured: Ts(5) }));
            assert!(!publisher.publish(Context { version, captured: Ts(6) }));
            let (context, new) = adopter.load();
            assert_eq!((context.version, context.captured, new), (version, Ts(5), true));
            assert!(!adopter.load().1);
        }
        assert_eq!(publisher.kept.len(), KEPT);
    }
}
