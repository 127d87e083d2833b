//! What the net thread sequences of its own.

use rtrb::RingBuffer;

use super::*;
use crate::config::Idle;

/// Keeps what it is sent.
#[derive(Debug, Default)]
struct Kept(Vec<Event>);

impl EventSink for Kept {
    type Output = Vec<Event>;

    fn room(&self) -> usize {
        usize::MAX
    }

    fn send(&mut self, event: &Event) {
        self.0.push(*event);
    }

    fn finish(self) -> Vec<Event> {
        self.0
    }
}

fn agent(flags: &Flags, clock: &Clock) -> (NetAgent<Kept>, Producer<Control>) {
    let (operator, control) = RingBuffer::new(4);
    let agent = NetAgent::new(NetParts {
        sources: Vec::new(),
        sink: Kept::default(),
        capture: Capture::off(),
        clock: clock.clone(),
        flags: flags.clone(),
        symbols: vec!["ESH6".to_owned()],
        indices: None,
        history: None,
        idle: Idle::Spin,
        stall_ns_max: SECOND,
        desk: Some(Desk { control, flatten: false }),
    });
    (agent.expect("a poll"), operator)
}

fn halts(agent: &NetAgent<Kept>) -> Vec<HaltCause> {
    let cause = |event: &Event| match event.body {
        Body::Halt { state: KillState::HaltEntries, cause } => Some(cause),
        _ => None,
    };
    agent.out.sink.0.iter().filter_map(cause).collect()
}

#[test]
fn a_late_decision_stops_entries() {
    let (flags, clock) = (Flags::default(), Clock::new());
    let (mut agent, _operator) = agent(&flags, &clock);
    agent.work();
    assert_eq!(halts(&agent), []);
    flags.gauges.say_late(clock.now());
    for _ in 0..3 {
        agent.work();
    }
    assert_eq!(halts(&agent), [HaltCause::DecisionLatency], "once, while it lasts");
}
