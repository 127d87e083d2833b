//! Pinning threads to cores.

use core_affinity::CoreId;

/// Pins the calling thread to `core` and checks that it took; says so once where it did not, and
/// goes on: results are the same, only slower.
pub fn pin(thread: &str, core: usize) -> bool {
    // `get_core_ids` lists what the mask allows and hides isolated cores: after the call it must
    // list exactly the one that was asked for.
    let took = core_affinity::set_for_current(CoreId { id: core })
        && core_affinity::get_core_ids().is_some_and(|ids| ids == [CoreId { id: core }]);
    if !took {
        say!("mia: thread {thread} could not be pinned to core {core}; it runs unpinned");
    }
    took
}

/// Cores that this process may use.
#[must_use]
pub fn allowed() -> Vec<usize> {
    core_affinity::get_core_ids().unwrap_or_default().into_iter().map(|c| c.id).collect()
}
