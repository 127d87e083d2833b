//! Slots 16 and 17 and order-flow imbalance, from a book that is a sorted map.

use std::collections::BTreeMap;

use mia::event::{Body, Event, flag};
use mia::units::{Px, Reason, SECOND, Side};

use crate::market::Market;
use crate::minutes::Value;

/// Price and size.
type Best = (i64, i64);

/// One input of the average over time: when it came, in time that a crossed book does not count,
/// and what it was.
#[derive(Clone, Copy, Debug)]
struct Input {
    at: i64,
    value: f64,
}

/// The book and what it has been.
#[derive(Debug)]
pub(crate) struct Depth {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
    /// Inputs of slots 16 and 17 since each began anew.
    inputs: [Vec<Input>; 2],
    reasons: [Reason; 2],
    /// Market time without that of a crossed book.
    running: i64,
    paused: bool,
    now: i64,
    best: Option<(Best, Best)>,
    /// Tenth of a second and contribution of every change of the best prices in session.
    flows: Vec<(i64, i64)>,
    /// Inputs that were taken.
    pub(crate) taken: usize,
}

impl Depth {
    pub(crate) fn new() -> Depth {
        Depth {
            bids: BTreeMap::new(),
            asks: BTreeMap::new(),
            inputs: [Vec::new(), Vec::new()],
            reasons: [Reason::NoInput; 2],
            running: 0,
            paused: true,
            now: 0,
            best: None,
            flows: Vec::new(),
            taken: 0,
        }
    }

    /// Takes an event, after `market` has taken it.
    pub(crate) fn event(&mut self, event: &Event, market: &Market) {
        let now = market.now.unwrap_or(0);
        self.running += if self.paused { 0 } else { now - self.now };
        self.now = now;
        let ended = match event.body {
            Body::Depth { side, px, qty, .. } => {
                let map = if side == Side::Bid { &mut self.bids } else { &mut self.asks };
                match qty {
                    0 => map.remove(&i64::from(px.ticks())),
                    qty => map.insert(i64::from(px.ticks()), i64::from(qty)),
                };
                event.has(flag::BATCH_END)
            }
            Body::Clear => {
                self.bids.clear();
                self.asks.clear();
                self.best = None;
                event.has(flag::BATCH_END)
            }
            Body::BatchEnd => true,
            Body::Quote { bid, ask } => {
                let level =
                    |l: Option<(Px, u32)>| l.map(|(p, q)| (i64::from(p.ticks()), i64::from(q)));
                self.bids = level(bid).into_iter().collect();
                self.asks = level(ask).into_iter().collect();
                true
            }
            Body::Gap(_) => panic!("not in these files"),
            _ => false,
        };
        if ended {
            self.read();
        }
        if market.place().is_none() {
            self.best = None;
        } else if ended {
            self.flow();
        }
    }

    fn sides(&self) -> [Vec<Best>; 2] {
        let bids = self.bids.iter().rev().take(5).map(|(p, q)| (*p, *q)).collect();
        [bids, self.asks.iter().take(5).map(|(p, q)| (*p, *q)).collect()]
    }

    fn read(&mut self) {
        let [bids, asks] = self.sides();
        let (Some(bid), Some(ask)) = (bids.first(), asks.first()) else {
            self.paused = false;
            self.reasons = [Reason::NoInput; 2];
            self.inputs.iter_mut().for_each(Vec::clear);
            return;
        };
        self.paused = bid.0 >= ask.0;
        if self.paused {
            self.reasons = [Reason::CrossedBook; 2];
            return;
        }
        let i = |k: usize| {
            let sum = |side: &[Best]| -> f64 {
                (0_i32..).zip(&side[..k]).map(|(n, l)| 0.8_f64.powi(n) * l.1 as f64).sum()
            };
            let (b, a) = (sum(&bids), sum(&asks));
            (b - a) / (b + a)
        };
        let tight = 1.0 - ((ask.0 - bid.0 - 1) as f64 / 3.0).clamp(0.0, 1.0);
        let five = bids.len() == 5 && asks.len() == 5;
        let raw = [Some(i(1) * tight), five.then(|| (0.6 * i(1) + 0.4 * i(5)) * tight)];
        for ((inputs, reason), value) in self.inputs.iter_mut().zip(&mut self.reasons).zip(raw) {
            *reason = if value.is_some() { Reason::Present } else { Reason::NoInput };
            match value {
                Some(value) => inputs.push(Input { at: self.running, value }),
                None => inputs.clear(),
            }
        }
        self.taken += 1;
    }

    /// The average as what it is: each input weighed by the time in which it stood, halving every
    /// half second; the first one has stood for ever. What is older than 30 s weighs 2^-60.
    fn average(&self, inputs: &[Input]) -> f64 {
        let weight = |at: i64| (-((self.running - at) as f64) / (SECOND / 2) as f64).exp2();
        let (mut sum, mut until) = (0.0, 1.0);
        for (n, input) in inputs.iter().enumerate().rev() {
            let from = if n == 0 || self.running - input.at > 30 * SECOND {
                0.0
            } else {
                weight(input.at)
            };
            sum += input.value * (until - from);
            until = from;
            if from == 0.0 {
                break;
            }
        }
        sum
    }

    /// Slots 16 and 17 at receive time `ts`.
    pub(crate) fn slots(&self, market: &Market, ts: i64) -> [Value; 2] {
        let stale = ts - market.last_market_ts > 5 * SECOND;
        [0, 1].map(|which| match self.reasons[which] {
            _ if market.place().is_none() => Err(Reason::OutOfSession),
            Reason::Present if stale => Err(Reason::Stale),
            Reason::Present => Ok(self.average(&self.inputs[which])),
            reason => Err(reason),
        })
    }

    fn flow(&mut self) {
        let [bids, asks] = self.sides();
        let best = bids.first().copied().zip(asks.first().copied());
        if let (Some((b0, a0)), Some((b, a))) = (self.best, best) {
            let when = |holds: bool, q: i64| if holds { q } else { 0 };
            let e = when(b.0 >= b0.0, b.1) - when(b.0 <= b0.0, b0.1) - when(a.0 <= a0.0, a.1)
                + when(a.0 >= a0.0, a0.1);
            if e != 0 {
                self.flows.push((self.now.div_euclid(SECOND / 10), e));
            }
        }
        self.best = best;
    }

    /// Σe over 1, 10 and 60 s in steps of a tenth of a second, the present one included.
    pub(crate) fn ofi(&self) -> [i64; 3] {
        let now = self.now.div_euclid(SECOND / 10);
        [10, 100, 600]
            .map(|span| self.flows.iter().rev().take_while(|f| f.0 > now - span).map(|f| f.1).sum())
    }
}
