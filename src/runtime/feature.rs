//! The feature thread: events in, frames out.

use rtrb::{Consumer, Producer};

use super::agent::{Agent, wait_until};
use super::orderflow::Tap;
use crate::event::Event;
use crate::features::{Features, Frame};

/// Events taken in one turn.
const BATCH: usize = 256;

/// See the module text.
#[derive(Debug)]
pub struct FeatureAgent {
    features: Features,
    events: Consumer<Event>,
    frames: Producer<Frame>,
    tap: Option<Tap>,
}

impl FeatureAgent {
    /// An agent between two rings.
    #[must_use]
    pub fn new(features: Features, events: Consumer<Event>, frames: Producer<Frame>) -> Self {
        FeatureAgent { features, events, frames, tap: None }
    }

    /// Lets `tap` see each event.
    #[must_use]
    pub fn with_tap(mut self, tap: Option<Tap>) -> Self {
        self.tap = tap;
        self
    }
}

impl Agent for FeatureAgent {
    type Output = Features;

    fn work(&mut self) -> usize {
        let ready = self.events.slots().min(BATCH);
        let Ok(chunk) = self.events.read_chunk(ready) else { return 0 };
        for event in chunk {
            if let Some(frame) = self.features.on_event(&event) {
                wait_until(|| !self.frames.is_full());
                // The only producer has just seen room.
                let _ = self.frames.push(*frame);
            }
            if let Some(tap) = &mut self.tap {
                tap.event(&event, &self.features);
            }
        }
        ready
    }

    fn finished(&self) -> bool {
        // In this order: what the producer left before it went is still taken.
        self.events.is_abandoned() && self.events.is_empty()
    }

    fn finish(self) -> Features {
        self.features
    }
}
