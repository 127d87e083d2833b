//! A thread as an agent: a duty cycle that returns how much it did, and a way to wait when it did
//! nothing.

use std::thread::JoinHandle;

use crossbeam::utils::Backoff;

use super::cores;
use crate::config::Idle;

/// Something a thread does over and over.
pub trait Agent: Send {
    /// What it leaves behind.
    type Output: Send + 'static;

    /// One bounded turn; returns how many things it did.
    fn work(&mut self) -> usize;

    /// Whether it will never have work again.
    fn finished(&self) -> bool;

    /// Ends it.
    fn finish(self) -> Self::Output;
}

/// Starts `agent` on a thread of its own, pinned to `core` where that is given and possible.
///
/// # Errors
/// Where the system gives no thread.
pub fn spawn<A: Agent + 'static>(
    name: &str,
    mut agent: A,
    idle: Idle,
    core: Option<usize>,
) -> std::io::Result<JoinHandle<A::Output>> {
    let name = name.to_owned();
    std::thread::Builder::new().name(name.clone()).spawn(move || {
        if let Some(core) = core {
            cores::pin(&name, core);
        }
        let mut waiting = Waiting::new(idle);
        while !agent.finished() {
            waiting.after(agent.work());
        }
        agent.finish()
    })
}

/// Waits between turns without work, as its strategy says.
#[derive(Debug)]
pub struct Waiting {
    idle: Idle,
    backoff: Backoff,
}

/// Longest pause of [`Idle::Backoff`].
const PAUSE: std::time::Duration = std::time::Duration::from_micros(500);

impl Waiting {
    /// A new one.
    #[must_use]
    pub fn new(idle: Idle) -> Waiting {
        Waiting { idle, backoff: Backoff::new() }
    }

    /// Call after each turn with what it returned.
    pub fn after(&mut self, done: usize) {
        if done > 0 {
            self.backoff.reset();
            return;
        }
        match self.idle {
            Idle::Spin => std::hint::spin_loop(),
            Idle::Backoff if self.backoff.is_completed() => super::clock::Clock::sleep(PAUSE),
            Idle::Yield | Idle::Backoff => self.backoff.snooze(),
        }
    }

    /// Whether the next pause would sleep: then a wait for the socket is the better pause.
    #[must_use]
    pub fn would_sleep(&self) -> bool {
        self.idle == Idle::Backoff && self.backoff.is_completed()
    }
}

/// Waits until `ready`, letting others run: for a ring whose reader is behind.
pub fn wait_until(mut ready: impl FnMut() -> bool) {
    let backoff = Backoff::new();
    while !ready() {
        backoff.snooze();
    }
}
