//! The threads that ask providers: one that hangs keeps its own thread, and no other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use crossbeam::channel::{Receiver, Sender};

use super::clock::Clock;
use super::exports::Exports;
use super::schedule::Why;
use crate::calendar::Calendar;
use crate::config::{OptionsConfig, Provider};
use crate::options::chain::{Chain, Print, Underlying};
use crate::providers::massive::{Massive, Settings};
use crate::providers::{ChainProvider, FetchError, IndexValue};
use crate::units::{MINUTE, Ts};

/// How long it rests between two looks at the clock.
const LOOK: Duration = Duration::from_millis(200);

impl crate::providers::Clock for Clock {
    fn now(&self) -> Ts {
        Clock::now(self)
    }

    fn sleep(&self, duration: Duration) {
        Clock::sleep(duration);
    }
}

/// The provider that a configuration names.
///
/// # Errors
/// Where its settings cannot be used. A missing key is no error here: each fetch says so.
pub fn provider(config: &OptionsConfig) -> Result<Box<dyn ChainProvider>> {
    match (config.provider, &config.folder) {
        (Provider::Files, Some(folder)) => Ok(Box::new(Exports::new(folder, config.file_delay_s))),
        (Provider::Files, None) => anyhow::bail!("options.folder: a folder of exports is needed"),
        (Provider::Massive, _) => {
            let massive = &config.massive;
            let settings = Settings {
                base_url: massive.base_url.clone(),
                max_in_flight: massive.max_in_flight,
                rate_per_s: massive.rate_per_s,
                burst: massive.burst,
                retries: massive.retries,
                backoff_base_ms: massive.backoff_base_ms,
                backoff_cap_ms: massive.backoff_cap_ms,
                snapshot_deadline_s: massive.snapshot_deadline_s,
                declared_delay_s: if massive.delayed { 900 } else { 0 },
                max_dte: massive.max_dte,
                ..Settings::default()
            };
            Ok(Box::new(Massive::from_env(settings)?))
        }
    }
}

/// A question to the provider, and its answer.
pub(super) struct Asked {
    pub(super) of: Underlying,
    pub(super) at: Ts,
    pub(super) why: Why,
}
pub(super) type Answer = (Asked, Result<Chain, FetchError>);
/// Values of indices by ticker.
pub(super) type Indices = Vec<(&'static str, Print)>;

/// The thread that a provider may block.
pub(super) struct Asker {
    pub(super) provider: Box<dyn ChainProvider>,
    pub(super) calendar: Arc<Calendar>,
    pub(super) clock: Clock,
}

impl Asker {
    /// Answers until nobody asks, or nobody listens, any more.
    pub(super) fn run(mut self, asked: &Receiver<Asked>, answer: &Sender<Answer>) {
        while let Ok(asked) = asked.recv() {
            let chain = self.provider.fetch(asked.of, &self.calendar, &self.clock);
            if answer.send((asked, chain)).is_err() {
                return;
            }
        }
    }
}

/// The thread that asks a provider for indices, once a minute: a chain on its way delays it not.
pub(super) struct IndexAsker {
    pub(super) provider: Box<dyn ChainProvider>,
    pub(super) clock: Clock,
    pub(super) stop: Arc<AtomicBool>,
}

impl IndexAsker {
    /// Asks until it is stopped or nobody listens any more. What fails is said once, until it works
    /// again.
    pub(super) fn run(mut self, values: &Sender<Indices>) {
        const NAMES: [&str; 5] = ["VIX", "VIX9D", "VIX3M", "VIX6M", "VXN"];
        let (mut said, mut asked) = (None, Ts::NONE);
        while !self.stop.load(Ordering::Relaxed) {
            let now = self.clock.now();
            if asked.is_some() && now.since(asked) < MINUTE {
                Clock::sleep(LOOK);
                continue;
            }
            asked = now;
            let trouble = match self.provider.indices(&NAMES, &self.clock) {
                Ok(found) => {
                    let known = NAMES.into_iter().zip(found);
                    let print = |v: IndexValue| Print { value: v.value, ts: v.ts };
                    let known = known.filter_map(|(name, v)| v.ok().map(|v| (name, print(v))));
                    if values.send(known.collect()).is_err() {
                        return;
                    }
                    None
                }
                Err(error) => Some(error.to_string()),
            };
            if trouble.is_some() && trouble != said {
                say!("mia: indices: {}", trouble.as_deref().unwrap_or_default());
            }
            said = trouble;
        }
    }
}
