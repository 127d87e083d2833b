//! Faults on purpose: what goes wrong, and at which record.
//!
//! A fault at record `n` strikes when records 0 to `n − 1` of the market have been written for a
//! client, before record `n`. It strikes every client that was connected for at least one record
//! before `n`, and no client twice.

use fastrand::Rng;

/// How the bytes to a client are cut into writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// As much as the socket takes.
    #[default]
    None,
    /// One byte a write.
    EveryByte,
    /// This many bytes a write, at least 1.
    Every(usize),
    /// 1 to `max` bytes a write, drawn from a seed.
    Random {
        /// Seed of the lengths.
        seed: u64,
        /// Largest length, at least 1.
        max: usize,
    },
}

/// Bytes that do not belong into the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garbage {
    /// Record before which they come.
    pub record: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Nothing follows them: the server waits for the client to close, and closes by itself after
    /// five seconds. Leave false only for bytes a client can pass over.
    pub fatal: bool,
}

impl Garbage {
    /// A message that states a size below its header: a client has to close.
    #[must_use]
    pub fn undersized(record: u64) -> Self {
        Self { record, bytes: vec![2, 0, 0, 0], fatal: true }
    }

    /// A well-formed message of a type nobody knows: a client has to pass over it.
    #[must_use]
    pub fn unknown_type(record: u64) -> Self {
        Self { record, bytes: vec![8, 0, 0x60, 0xea, 1, 2, 3, 4], fatal: false }
    }

    /// Seeded noise.
    #[must_use]
    pub fn noise(record: u64, seed: u64, len: usize) -> Self {
        let mut rng = Rng::with_seed(seed);
        Self { record, bytes: (0..len).map(|_| rng.u8(..)).collect(), fatal: true }
    }
}

/// What goes wrong with orders. They are counted as the server receives them, from 1: each 208 and
/// 209 is one, each 201 two; what is refused counts too. The default has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderFaults {
    /// (order, text): it is refused with this text. Its pair is refused with it.
    pub rejects: Vec<(u64, String)>,
    /// (order, milliseconds): its acceptance or refusal is told so much later, and all word of
    /// the symbol's orders and position behind it. Lists that are asked for meanwhile are right.
    pub late_acks: Vec<(u64, u64)>,
    /// Orders whose acceptance or refusal is never told; fills and cancels are.
    pub lost_acks: Vec<u64>,
    /// Orders of which nothing is told unasked.
    pub silent: Vec<u64>,
    /// Orders whose fills are told twice, with the same execution id.
    pub duplicate_fills: Vec<u64>,
    /// (order, milliseconds): its first cancel waits for the order's next fill, for so long at
    /// most.
    pub cancel_races: Vec<(u64, u64)>,
    /// Orders that get another id of the server with each change; the id before is then unknown.
    pub new_ids: Vec<u64>,
    /// Orders that are lost: the sender's connection is cut before they are taken in.
    pub cut_before: Vec<u64>,
    /// Orders that are taken in; the sender's connection is cut before it hears of them.
    pub cut_after: Vec<u64>,
}

/// All faults of a run. The default has none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultPlan {
    /// How writes are cut.
    pub split: Split,
    /// (record, milliseconds): nothing is written to the client for that long, no heartbeat either.
    pub stalls: Vec<(u64, u64)>,
    /// Records before which the connection is closed, all bytes so far delivered.
    pub disconnects: Vec<u64>,
    /// Records before which the connection is reset: bytes that were not yet read may be lost.
    pub resets: Vec<u64>,
    /// Records the market makes while the client of a forced disconnect is away: lost for it.
    /// Without effect when missed records are replayed.
    pub lost_after_disconnect: u64,
    /// Heartbeats are never sent.
    pub drop_heartbeats: bool,
    /// Bytes that do not belong.
    pub garbage: Vec<Garbage>,
    /// Bytes a second to each client at most.
    pub bytes_per_s_max: Option<u64>,
    /// What goes wrong with orders.
    pub orders: OrderFaults,
}

/// What strikes at one record, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strike {
    /// Bytes to write, and whether nothing may follow them.
    pub garbage: Option<(Vec<u8>, bool)>,
    /// Milliseconds of silence.
    pub stall_ms: Option<u64>,
    /// The end of the connection.
    pub end: Option<End>,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything is delivered, then the stream is closed.
    Close,
    /// The connection is reset.
    Reset,
}

impl FaultPlan {
    /// The first record after `record` at which something strikes.
    #[must_use]
    pub fn next_after(&self, record: u64) -> Option<u64> {
        let stalls = self.stalls.iter().map(|stall| stall.0);
        let garbage = self.garbage.iter().map(|garbage| garbage.record);
        let ends = self.disconnects.iter().chain(&self.resets).copied();
        stalls.chain(garbage).chain(ends).filter(|at| *at > record).min()
    }

    /// What strikes before this record; `None` for most.
    #[must_use]
    pub fn strike(&self, record: u64) -> Option<Strike> {
        let garbage = self.garbage.iter().find(|garbage| garbage.record == record);
        let stall = self.stalls.iter().find(|stall| stall.0 == record);
        let end = if self.resets.contains(&record) {
            Some(End::Reset)
        } else {
            self.disconnects.contains(&record).then_some(End::Close)
        };
        if garbage.is_none() && stall.is_none() && end.is_none() {
            return None;
        }
        Some(Strike {
            garbage: garbage.map(|garbage| (garbage.bytes.clone(), garbage.fatal)),
            stall_ms: stall.map(|stall| stall.1),
            end,
        })
    }
}

/// Lengths of the writes to one client.
#[derive(Clone, Debug)]
pub struct Splitter {
    split: Split,
    rng: Rng,
}

impl Splitter {
    /// The lengths of one client; the same plan gives the same lengths.
    #[must_use]
    pub fn new(split: Split) -> Self {
        let seed = if let Split::Random { seed, .. } = split { seed } else { 0 };
        Self { split, rng: Rng::with_seed(seed) }
    }

    /// Length of the next write of `available` bytes: from 1 to `available`, 0 only for none.
    pub fn next_len(&mut self, available: usize) -> usize {
        let len = match self.split {
            Split::None => available,
            Split::EveryByte => 1,
            Split::Every(len) => len.max(1),
            Split::Random { max, .. } => self.rng.usize(1..=max.max(1)),
        };
        len.min(available)
    }
}

/// Bytes that may be written by now under a rate, in bursts of a tenth of a second.
#[derive(Clone, Copy, Debug)]
pub struct Throttle {
    bytes_per_s: Option<u64>,
    credit: u64,
    last: u64,
}

impl Throttle {
    /// `None` lets everything through.
    #[must_use]
    pub fn new(bytes_per_s: Option<u64>, now: u64) -> Self {
        Self { bytes_per_s, credit: 0, last: now }
    }

    /// Bytes allowed at `now` (nanoseconds).
    pub fn allowed(&mut self, now: u64) -> usize {
        let Some(rate) = self.bytes_per_s else { return usize::MAX };
        let elapsed = now.saturating_sub(self.last);
        let earned = (u128::from(elapsed) * u128::from(rate) / 1_000_000_000) as u64;
        // Time too short to earn a byte is not used up.
        if earned > 0 {
            self.last = now;
            self.credit = self.credit.saturating_add(earned).min((rate / 10).max(1));
        }
        usize::try_from(self.credit).unwrap_or(usize::MAX)
    }

    /// `count` bytes were written.
    pub fn spend(&mut self, count: usize) {
        self.credit = self.credit.saturating_sub(count as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_cover_all_bytes_and_repeat() {
        for split in [
            Split::None,
            Split::EveryByte,
            Split::Every(0),
            Split::Every(7),
            Split::Random { seed: 3, max: 0 },
            Split::Random { seed: 3, max: 50 },
        ] {
            let run = || -> Vec<usize> {
                let mut splitter = Splitter::new(split);
                let mut left = 1000;
                std::iter::from_fn(|| {
                    let len = splitter.next_len(left);
                    left -= len;
                    (len > 0).then_some(len)
                })
                .collect()
            };
            assert_eq!(run().iter().sum::<usize>(), 1000, "{split:?}");
            assert_eq!(run(), run());
        }
        assert_eq!(Splitter::new(Split::EveryByte).next_len(9), 1);
    }

    #[test]
    fn a_throttle_keeps_its_rate() {
        let mut throttle = Throttle::new(Some(1000), 0);
        let mut total = 0;
        for ms in 0..10_000u64 {
            let allowed = throttle.allowed(ms * 1_000_000);
            throttle.spend(allowed);
            total += allowed;
        }
        assert!((9_900..=10_000).contains(&total), "{total}");
        assert_eq!(Throttle::new(None, 0).allowed(0), usize::MAX);
        let mut late = Throttle::new(Some(1000), 0);
        assert_eq!(late.allowed(1_000_000_000_000), 100, "no burst after a pause");
    }

    #[test]
    fn strikes() {
        let plan = FaultPlan {
            stalls: vec![(3, 50)],
            disconnects: vec![3, 5],
            resets: vec![5],
            garbage: vec![Garbage::undersized(3)],
            ..FaultPlan::default()
        };
        assert_eq!(plan.strike(4), None);
        assert_eq!(plan.next_after(0), Some(3));
        assert_eq!((plan.next_after(3), plan.next_after(5)), (Some(5), None));
        let strike = plan.strike(3).unwrap();
        assert_eq!((strike.stall_ms, strike.end), (Some(50), Some(End::Close)));
        assert_eq!(strike.garbage, Some((vec![2, 0, 0, 0], true)));
        assert_eq!(plan.strike(5).unwrap().end, Some(End::Reset));
    }

    #[test]
    fn garbage_is_what_it_says() {
        use dtc::frame::next_frame;
        assert!(next_frame(&Garbage::undersized(0).bytes).is_err());
        let unknown = Garbage::unknown_type(0).bytes;
        let frame = next_frame(&unknown).unwrap().unwrap();
        assert_eq!((frame.kind, frame.len()), (60_000, unknown.len()));
        assert_eq!(Garbage::noise(0, 9, 20), Garbage::noise(0, 9, 20));
    }
}
