//! The cold path at work beside a measured run.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::calendar::Calendar;
use crate::context::{Context, History, LevelPart, Scope};
use crate::options::analyse::{Inputs, Params, analyse};
use crate::options::price::{PriceParams, price};
use crate::providers::detect::read_chain;
use crate::providers::import::ImportOptions;
use crate::runtime::clock::Clock;
use crate::snapshot::Publisher;

/// Rest between two refreshes.
const REST: Duration = Duration::from_millis(250);

/// A chain that is refreshed over and over.
#[derive(Debug)]
pub(super) struct Refresh {
    bytes: Vec<u8>,
    calendar: Calendar,
    stop: AtomicBool,
    done: AtomicU64,
}

impl Refresh {
    /// The chain of a file.
    ///
    /// # Errors
    /// With the file and what is wrong with it.
    pub(super) fn load(path: &Path) -> Result<Refresh> {
        let named = || format!("chain {}", path.display());
        let (bytes, calendar) = (std::fs::read(path).with_context(named)?, Calendar::bundled()?);
        read_chain(&bytes, &calendar, &ImportOptions::default()).with_context(named)?;
        let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
        Ok(Refresh { bytes, calendar, stop, done })
    }

    /// From bytes to a published context until it is stopped. The measured run decides without a
    /// context, so that its digest stays that of the run without a clock.
    pub(super) fn run(&self) {
        let (mut publisher, _reader) = Publisher::new();
        while !self.stop.load(Ordering::Relaxed) {
            let chain = read_chain(&self.bytes, &self.calendar, &ImportOptions::default());
            if let Ok(chain) = chain {
                let priced = price(&chain, &self.calendar, &PriceParams::default());
                let inputs = Inputs::at(chain.asof);
                let params = Params::default();
                let snapshot = analyse(&priced, &chain, &self.calendar, &inputs, &params);
                let version = self.done.load(Ordering::Relaxed) + 1;
                let mut context = Context { version, ..Context::EMPTY };
                let part = LevelPart::from_snapshot(&snapshot, Scope::All, &History::NONE);
                if let Some(part) = part {
                    context.set_level(part);
                }
                publisher.publish(context);
                self.done.store(version, Ordering::Relaxed);
            }
            Clock::sleep(REST);
        }
    }

    /// Ends [`Refresh::run`].
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Refreshes so far.
    pub(super) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}
