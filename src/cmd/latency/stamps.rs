//! Clock readings of one event on its way, and what they add up to.

use hdrhistogram::CreationError;
use serde::Serialize;

use crate::monitor::latency::{Latencies, Quantiles};
use crate::pipeline::Digest;

/// Readings of one clock, in ns after its making. They are kept raw while the clock runs: a
/// histogram costs more than some of the stages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stamps {
    /// When it should have come in.
    pub(super) due: u64,
    /// When it was taken up.
    pub(super) seen: u64,
    /// Its message was decoded.
    pub(super) decoded: u64,
    /// Its features were begun.
    pub(super) entered_features: u64,
    /// Its features were there.
    pub(super) featured: u64,
    /// The decision was begun.
    pub(super) entered_decision: u64,
    /// The decision was there.
    pub(super) decided: u64,
}

impl Stamps {
    /// An empty list with room for `events`, every page of it touched.
    pub(super) fn room_for(events: usize) -> Vec<Stamps> {
        // Not zeros: those would come as untouched pages.
        let mut room = vec![Stamps { due: u64::MAX, ..Stamps::default() }; events];
        room.clear();
        room
    }
}

/// What a run left.
#[derive(Debug)]
pub(super) struct Outcome {
    /// One for each event, in order.
    pub(super) stamps: Vec<Stamps>,
    /// Of the decision half.
    pub(super) digest: Digest,
    /// Threads and pinning, for people.
    pub(super) place: String,
}

/// One stage of the path.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Stage {
    /// Its name.
    pub(super) name: &'static str,
    /// From its own begin to its end.
    pub(super) alone_ns: Quantiles,
    /// From the scheduled arrival of the event to the end of the stage.
    pub(super) since_arrival_ns: Quantiles,
}

type Reading = fn(&Stamps) -> u64;

/// The stages of `stamps`. The last one's time since the arrival is tick to decision.
///
/// # Errors
/// As [`Latencies::new`].
pub(super) fn stages(
    stamps: &[Stamps],
    decodes: bool,
    rings: bool,
) -> Result<Vec<Stage>, CreationError> {
    let all: [(&'static str, bool, Reading, Reading); 6] = [
        ("wait", true, |s| s.due, |s| s.seen),
        ("decode", decodes, |s| s.seen, |s| s.decoded),
        ("hop to features", rings, |s| s.decoded, |s| s.entered_features),
        ("features", true, |s| s.entered_features, |s| s.featured),
        ("hop to decision", rings, |s| s.featured, |s| s.entered_decision),
        ("decision", true, |s| s.entered_decision, |s| s.decided),
    ];
    let mut stages = Vec::new();
    for (name, _, begin, end) in all.into_iter().filter(|stage| stage.1) {
        let (mut alone, mut since) = (Latencies::new()?, Latencies::new()?);
        for s in stamps {
            alone.record(end(s).saturating_sub(begin(s)));
            since.record(end(s).saturating_sub(s.due));
        }
        let (alone_ns, since_arrival_ns) = (alone.quantiles(), since.quantiles());
        stages.push(Stage { name, alone_ns, since_arrival_ns });
    }
    Ok(stages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_of_one_event() {
        let stamps = [Stamps {
            due: 100,
            seen: 103,
            decoded: 110,
            entered_features: 130,
            featured: 170,
            entered_decision: 200,
            decided: 260,
        }];
        let of = |decodes, rings| -> Vec<(&'static str, u64, u64)> {
            let list = stages(&stamps, decodes, rings).expect("bounds");
            list.iter().map(|s| (s.name, s.alone_ns.p50, s.since_arrival_ns.max)).collect()
        };
        assert_eq!(
            of(true, true),
            [
                ("wait", 3, 3),
                ("decode", 7, 10),
                ("hop to features", 20, 30),
                ("features", 40, 70),
                ("hop to decision", 30, 100),
                ("decision", 60, 160),
            ]
        );
        let names: Vec<_> = of(false, false).into_iter().map(|s| s.0).collect();
        assert_eq!(names, ["wait", "features", "decision"]);
    }
}
