//! The thread that asks a provider: one that hangs keeps this thread, and no other.

use std::sync::Arc;
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
use crate::providers::{ChainProvider, FetchError};
use crate::units::Ts;

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
pub(super) type Answer = (Asked, Result<Chain, FetchError>, Indices);
/// Index values that came with a chain.
pub(super) type Indices = Vec<(&'static str, Print)>;

/// The thread that a provider may block.
pub(super) struct Asker {
    pub(super) provider: Box<dyn ChainProvider>,
    pub(super) calendar: Arc<Calendar>,
    pub(super) clock: Clock,
    pub(super) indices: bool,
}

impl Asker {
    /// Answers until nobody asks, or nobody listens, any more.
    pub(super) fn run(mut self, asked: &Receiver<Asked>, answer: &Sender<Answer>) {
        while let Ok(asked) = asked.recv() {
            let chain = self.provider.fetch(asked.of, &self.calendar, &self.clock);
            let indices = if self.indices { self.values() } else { Vec::new() };
            if answer.send((asked, chain, indices)).is_err() {
                return;
            }
        }
    }

    fn values(&mut self) -> Indices {
        const NAMES: [&str; 5] = ["VIX", "VIX9D", "VIX3M", "VIX6M", "VXN"];
        let Ok(values) = self.provider.indices(&NAMES, &self.clock) else { return Vec::new() };
        let known = NAMES.into_iter().zip(values);
        known.filter_map(|(n, v)| v.ok().map(|v| (n, Print { value: v.value, ts: v.ts }))).collect()
    }
}
