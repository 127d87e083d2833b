//! Load of the machine: processor and memory, where the system says them.

use crate::event::HaltCause;
use crate::units::{SECOND, Ts};

/// Time between two looks; a share of the processor is that of the time since the look before.
const LOOK_NS: i64 = 5 * SECOND;
/// How long it must last.
const LASTS_NS: i64 = 60 * SECOND;
/// Shares of processor and memory, in percent.
const LIMITS: [u64; 2] = [85, 90];
const CAUSES: [HaltCause; 2] = [HaltCause::Cpu, HaltCause::Memory];

/// What two looks say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vitals {
    /// Busy and all ticks of the processors at the last look.
    ticks: Option<[u64; 2]>,
    looked: Option<Ts>,
    /// Since when each is above its limit.
    above: [Option<Ts>; 2],
    /// Each was said.
    said: [bool; 2],
}

impl Vitals {
    /// Looks, when it is time to: what has now been too high for too long, once each time. What
    /// the system does not say is missing and trips nothing. `cpu`: `false` where threads spin,
    /// which is load by design.
    pub fn look(&mut self, now: Ts, cpu: bool) -> Vec<HaltCause> {
        if self.looked.is_some_and(|before| now.since(before) < LOOK_NS) {
            return Vec::new();
        }
        self.looked = Some(now);
        let read = |path: &str| std::fs::read_to_string(path).ok();
        let stat = read("/proc/stat").filter(|_| cpu);
        let memory = read("/proc/meminfo");
        self.take(now, stat.as_deref(), memory.as_deref())
    }

    /// What was said and has not gone since.
    #[must_use]
    pub fn holds(&self) -> Option<HaltCause> {
        self.said.iter().zip(CAUSES).find(|(said, _)| **said).map(|(_, cause)| cause)
    }

    fn take(&mut self, now: Ts, stat: Option<&str>, memory: Option<&str>) -> Vec<HaltCause> {
        let ticks = stat.and_then(ticks);
        let since = ticks.zip(self.ticks).and_then(|(now, before)| {
            let [busy, all] = [now[0].checked_sub(before[0])?, now[1].checked_sub(before[1])?];
            (all > 0).then(|| busy * 100 / all)
        });
        self.ticks = ticks;
        let shares = [since, memory.and_then(used)];
        let mut tripped = Vec::new();
        let each = self.above.iter_mut().zip(&mut self.said).zip(shares.iter().zip(LIMITS));
        for (((above, said), (share, limit)), cause) in each.zip(CAUSES) {
            if share.is_none_or(|share| share <= limit) {
                (*above, *said) = (None, false);
                continue;
            }
            let begun = *above.get_or_insert(now);
            if now.since(begun) >= LASTS_NS && !std::mem::replace(said, true) {
                tripped.push(cause);
            }
        }
        tripped
    }
}

/// Busy and all ticks of a `/proc/stat`.
fn ticks(stat: &str) -> Option<[u64; 2]> {
    let mut fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let mut next = || fields.next()?.parse::<u64>().ok();
    // user, nice, system, idle, iowait, irq, softirq, steal
    let [user, nice, system, idle, wait] = [next()?, next()?, next()?, next()?, next()?];
    let rest: u64 = (0..3).map_while(|_| next()).sum();
    let busy = user + nice + system + rest;
    Some([busy, busy + idle + wait])
}

/// Percent of the memory of a `/proc/meminfo` that is in use.
fn used(memory: &str) -> Option<u64> {
    let field = |name: &str| -> Option<u64> {
        let line = memory.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let (all, free) = (field("MemTotal:")?, field("MemAvailable:")?);
    (all > 0).then(|| all.saturating_sub(free) * 100 / all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(busy: u64, idle: u64) -> String {
        format!("cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 1 1 1\n")
    }

    fn memory(available: u64) -> String {
        format!("MemTotal:       1000 kB\nMemFree: 1 kB\nMemAvailable:   {available} kB\n")
    }

    #[test]
    fn a_minute_above_the_limit_trips_once() {
        let mut vitals = Vitals::default();
        let mut busy = 0;
        let mut at = |second: i64, share: u64, free: u64| {
            // A hundred ticks between two looks.
            busy += share;
            let look = (second / 5) as u64;
            let text = stat(busy, look * 100 + 1000 - busy);
            vitals.take(Ts(second * SECOND), Some(&text), Some(&memory(free)))
        };
        assert_eq!(at(0, 0, 500), []);
        for second in (5..65).step_by(5) {
            assert_eq!(at(second, 86, 500), [], "{second}");
        }
        assert_eq!(at(65, 86, 500), [HaltCause::Cpu]);
        assert_eq!(at(70, 100, 500), [], "once");
        assert_eq!(at(75, 85, 89), [], "the limit itself is allowed, memory begins");
        for second in (80..135).step_by(5) {
            assert_eq!(at(second, 50, 89), [], "{second}");
        }
        assert_eq!(at(135, 50, 89), [HaltCause::Memory]);
        assert_eq!(at(140, 50, 100), []);
        for second in (145..205).step_by(5) {
            assert_eq!(at(second, 50, 0), [], "{second}");
        }
        assert_eq!(at(205, 50, 0), [HaltCause::Memory], "again after it was gone");
    }

    #[test]
    fn what_is_not_said_is_missing() {
        let mut vitals = Vitals::default();
        for second in (0..200).step_by(5) {
            assert_eq!(vitals.take(Ts(second * SECOND), None, Some("MemTotal: 5 kB\n")), []);
        }
        assert_eq!((ticks("cpu  1 2 3"), used(""), used("MemTotal: 0 kB")), (None, None, None));
        let full = "cpu  10 1 4 100 5 1 2 3 0 0\n";
        assert_eq!(ticks(full), Some([21, 126]));
    }
}
