//! What was sent, how fast, and how fast the server answered.

use std::collections::VecDeque;

use hdrhistogram::CreationError;

use crate::event::{Body, Event};
use crate::monitor::latency::Latencies;
use crate::order::{Action, Command, OrderId};
use crate::units::Ts;

/// Orders whose answers are waited for, to measure them; beyond it the oldest are given up.
const UNDER_WAY_MAX: usize = 64;

/// What was sent, and how fast.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Commands that left.
    pub sent: u64,
    /// Commands that found no link, or no journal while they had to wait for it.
    pub unsent: u64,
    /// From the deciding event's receive time to the bytes in the socket, orders of every kind.
    pub tick_to_send: Latencies,
    /// The first part of it, up to the command's arrival at the connection.
    pub tick_to_decision: Latencies,
    /// The rest of it; the wait for the journal is in here.
    pub decision_to_send: Latencies,
    /// From the bytes in the socket to the first word of the server about that order.
    pub send_to_ack: Latencies,
    /// From there to the first fill of orders that are no bracket.
    pub ack_to_fill: Latencies,
    /// What waiting for the journal added to new orders.
    pub held: Latencies,
    under_way: VecDeque<UnderWay>,
}

/// An order whose answer is waited for.
#[derive(Clone, Copy, Debug)]
struct UnderWay {
    id: OrderId,
    sent: Ts,
    acked: Ts,
    /// Its fill is measured too.
    fills: bool,
}

impl Sent {
    pub(super) fn new() -> Result<Sent, CreationError> {
        Ok(Sent {
            sent: 0,
            unsent: 0,
            tick_to_send: Latencies::new()?,
            tick_to_decision: Latencies::new()?,
            decision_to_send: Latencies::new()?,
            send_to_ack: Latencies::new()?,
            ack_to_fill: Latencies::new()?,
            held: Latencies::new()?,
            under_way: VecDeque::with_capacity(UNDER_WAY_MAX),
        })
    }

    /// The bytes of a command that was `taken` from the decision have left. The order that they
    /// make, where they make one; of a bracket, its stop.
    pub(super) fn flushed(&mut self, command: &Command, taken: Ts, now: Ts) -> Option<OrderId> {
        self.tick_to_send.record(span(command.ts, now));
        self.tick_to_decision.record(span(command.ts, taken));
        self.decision_to_send.record(span(taken, now));
        let (id, fills) = match command.action {
            Action::New { id, .. } | Action::Flatten { id } => (id, true),
            Action::Bracket { parent, child, .. } => (parent.plus(child), false),
            _ => return None,
        };
        if self.under_way.len() == UNDER_WAY_MAX {
            self.under_way.pop_front();
        }
        self.under_way.push_back(UnderWay { id, sent: now, acked: Ts::NONE, fills });
        Some(id)
    }

    /// Measures what the server says of an order that is waited for.
    pub(super) fn heard(&mut self, event: &Event) {
        let (id, filled) = match event.body {
            Body::Order(update) => (update.id, false),
            Body::Fill(fill) => (fill.id, true),
            _ => return,
        };
        let Some(at) = self.under_way.iter().position(|order| order.id == id) else { return };
        let Some(order) = self.under_way.get_mut(at) else { return };
        if !order.acked.is_some() {
            order.acked = event.ts;
            self.send_to_ack.record(span(order.sent, event.ts));
        }
        if filled && order.fills {
            self.ack_to_fill.record(span(order.acked, event.ts));
        }
        if filled || !order.fills {
            self.under_way.remove(at);
        }
    }

    /// The connection is gone: what comes later is no answer to be measured.
    pub(super) fn forget(&mut self) {
        self.under_way.clear();
    }

    /// For people, on one line.
    #[must_use]
    pub fn text(&self) -> String {
        let us = |ns: u64| ns as f64 / 1e3;
        let of = |name: &str, latencies: &Latencies| {
            let q = latencies.quantiles();
            let (p50, p99, max) = (us(q.p50), us(q.p99), us(q.max));
            format!("; {name} p50 {p50:.1} p99 {p99:.1} max {max:.1} µs ({})", q.count)
        };
        let mut text = format!("order messages: {} sent, {} not sent", self.sent, self.unsent);
        for (name, latencies) in [
            ("tick to send", &self.tick_to_send),
            ("tick to decision", &self.tick_to_decision),
            ("decision to send", &self.decision_to_send),
            ("send to ack", &self.send_to_ack),
            ("ack to fill", &self.ack_to_fill),
            ("waited for the journal", &self.held),
        ] {
            if latencies.quantiles().count > 0 {
                text += &of(name, latencies);
            }
        }
        text
    }
}

/// Nanoseconds from one time to another, 0 where they are the other way round.
fn span(from: Ts, to: Ts) -> u64 {
    u64::try_from(to.since(from)).unwrap_or(0)
}
