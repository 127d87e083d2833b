//! Publishing and adopting the versioned [`Context`]: the only place that swaps an `Arc`.
//!
//! A reader that held the last reference to an old version would free it on a hot thread, so the
//! publisher keeps every version until it alone has it, and the last few in any case.

use std::collections::VecDeque;
use std::sync::Arc;

use arc_swap::ArcSwap;
use arc_swap::cache::Cache;
use crossbeam::channel::Sender;

use crate::context::Context;

/// Versions that stay alive after they were replaced.
const KEPT: usize = 8;

/// The cold side.
#[derive(Debug)]
pub struct Publisher {
    shared: Arc<ArcSwap<Context>>,
    kept: VecDeque<Arc<Context>>,
    /// Who keeps every version.
    recorders: Vec<Sender<Arc<Context>>>,
}

impl Publisher {
    /// A publisher of the empty context, and its reader.
    #[must_use]
    pub fn new() -> (Publisher, Adopter) {
        let first = Arc::new(Context::EMPTY);
        let shared = Arc::new(ArcSwap::new(first.clone()));
        let adopter = Adopter { cache: Cache::new(shared.clone()), version: 0 };
        (Publisher { shared, kept: VecDeque::from([first]), recorders: Vec::new() }, adopter)
    }

    /// Sends every version from now on into `recorder` too, before a reader can see it.
    pub fn record(&mut self, recorder: Sender<Arc<Context>>) {
        self.recorders.push(recorder);
    }

    /// Makes `context` the newest version. Its number must be above all before it; an older one is
    /// refused and `false` returned.
    pub fn publish(&mut self, context: Context) -> bool {
        if self.kept.back().is_some_and(|last| last.version >= context.version) {
            return false;
        }
        let context = Arc::new(context);
        for recorder in &self.recorders {
            // One that has ended takes nothing more: the run is over.
            let _ = recorder.send(context.clone());
        }
        self.kept.push_back(context.clone());
        self.shared.store(context);
        self.retire();
        true
    }

    /// The newest version.
    #[must_use]
    pub fn newest(&self) -> Context {
        self.kept.back().map_or(Context::EMPTY, |context| **context)
    }

    /// Frees what nobody but this publisher has. The swap has given each reader that was in the
    /// middle of a look its own reference, and an old version gets no new ones, so a count of one
    /// stays one.
    fn retire(&mut self) {
        let mut surplus = self.kept.len().saturating_sub(KEPT);
        self.kept.retain(|context| {
            let free = surplus > 0 && Arc::strong_count(context) == 1;
            surplus -= usize::from(free);
            !free
        });
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

    fn version(version: u64) -> Context {
        Context { version, ..Context::EMPTY }
    }

    #[test]
    fn adopts_once_and_never_goes_back() {
        let (mut publisher, mut adopter) = Publisher::new();
        assert_eq!(adopter.load(), (&Context::EMPTY, false));
        for number in 1..=20 {
            assert!(publisher.publish(version(number)));
            assert!(!publisher.publish(version(number)));
            let (context, new) = adopter.load();
            assert_eq!((context.version, new), (number, true));
            assert!(!adopter.load().1);
        }
        assert_eq!(publisher.newest(), version(20));
        assert_eq!(publisher.kept.len(), KEPT);
    }

    /// A reader that looks away while more versions come and go than are kept.
    #[test]
    fn the_last_reference_is_the_publishers() {
        let (mut publisher, mut adopter) = Publisher::new();
        publisher.publish(version(1));
        assert_eq!(adopter.load().0.version, 1);
        for number in 2..=50 {
            publisher.publish(version(number));
        }
        let held: Vec<u64> = publisher.kept.iter().map(|c| c.version).collect();
        assert_eq!(held, [1, 44, 45, 46, 47, 48, 49, 50], "the one in use, and the newest");
        assert_eq!(adopter.load().0.version, 50);
        publisher.publish(version(51));
        assert!(publisher.kept.iter().all(|c| c.version != 1), "nobody has it any more");
    }

    #[test]
    fn the_journal_has_it_first() {
        let (mut publisher, _adopter) = Publisher::new();
        let (sender, receiver) = crossbeam::channel::bounded(1);
        publisher.record(sender);
        publisher.publish(version(3));
        assert_eq!(receiver.try_recv().map(|c| c.version), Ok(3));
        drop(receiver);
        assert!(publisher.publish(version(4)), "a journal that is gone stops nothing");
    }
}
