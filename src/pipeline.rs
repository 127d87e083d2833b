//! `(Event, &Context)` → signals: the whole core in one call, and the digest of what it did.
//!
//! The live threads wrap the very types that [`Pipeline`] composes, so a replay equals the live run
//! bit for bit.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64_with_seed;
use zerocopy::IntoBytes;

use crate::calendar::Calendar;
use crate::context::Context;
use crate::decision::{CONTEXT_FEATURES, Decision, Preset, Reads, Signal, Tier};
use crate::event::Event;
use crate::features::baseline::Running;
use crate::features::frame::DIGEST_WORDS;
use crate::features::{Features, Frame, Params, SymbolParams};
use crate::order::Command;
use crate::pair::{self, Pairs, Price};
use crate::tally::{SessionFilter, Tally};
use crate::trader::note::Note;
use crate::trader::{self, Trader};
use crate::units::{Slot, SymbolId};

/// Hash over every frame and signal so far, in sequence order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(pub u64);

/// Words that are hashed at once.
const CHUNK: usize = 256;

/// The running hash behind a [`Digest`]: words are gathered and hashed some frames at a time: the
/// hash is faster over long input.
#[derive(Clone, Debug)]
struct Hasher {
    sum: u64,
    words: [u64; CHUNK],
    len: usize,
}

impl Hasher {
    /// The digest of nothing, seeded with the hash of configuration and calendar.
    const fn new(seed: u64) -> Hasher {
        Hasher { sum: seed, words: [0; CHUNK], len: 0 }
    }

    fn frame(&mut self, frame: &Frame) {
        if self.len + DIGEST_WORDS > CHUNK {
            (self.sum, self.len) = (self.digest().0, 0);
        }
        let free = self.words.get_mut(self.len..).unwrap_or_default();
        self.len += frame.digest_words(free);
    }

    /// Features 1 to 11 that changed with event `seq`, bit for bit.
    fn context(&mut self, seq: u64, changed: u32, slots: &[Slot; CONTEXT_FEATURES]) {
        let mut words = [0; 2 + 2 * CONTEXT_FEATURES];
        let mut len = 2;
        if let Some(head) = words.first_chunk_mut() {
            *head = [seq, u64::from(changed)];
        }
        for (_, slot) in slots.iter().enumerate().filter(|(at, _)| changed & 1 << at != 0) {
            if let Some(pair) = words.get_mut(len..).and_then(<[u64]>::first_chunk_mut) {
                *pair = [slot.value().unwrap_or(0.0).to_bits(), slot.reason as u64];
                len += 2;
            }
        }
        if self.len + words.len() > CHUNK {
            (self.sum, self.len) = (self.digest().0, 0);
        }
        if let Some(free) = self.words.get_mut(self.len..self.len + len) {
            free.copy_from_slice(words.get(..len).unwrap_or_default());
            self.len += len;
        }
    }

    fn signal(&mut self, signal: &Signal) {
        let words = [
            signal.seq,
            signal.side as u64,
            signal.tier as u64,
            signal.confluence.d.to_bits(),
            signal.confluence.coverage.to_bits(),
            signal.context_version,
        ];
        self.words(&words);
    }

    /// Orders and executions of one step.
    fn trader(&mut self, trader: &Trader) {
        for command in trader.commands() {
            let [a, b, c, d] = command.words();
            self.words(&[command.seq, a, b, c, d]);
        }
        for note in trader.notes() {
            if let Note::Fill(fill) = note {
                let place = u64::from(fill.qty) | u64::from(fill.px.ticks() as u32) << 32;
                self.words(&[fill.at.seq, fill.id.to_bits(), fill.execution.number(), place]);
            }
        }
    }

    fn words(&mut self, words: &[u64]) {
        (self.sum, self.len) = (xxh3_64_with_seed(words.as_bytes(), self.digest().0), 0);
    }

    /// The digest so far. Where it is asked for changes nothing of what follows.
    fn digest(&self) -> Digest {
        let words = self.words.get(..self.len).unwrap_or_default();
        Digest(xxh3_64_with_seed(words.as_bytes(), self.sum))
    }
}

/// What [`Judge::on_frame`] found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verdict {
    /// A side passed the gate.
    pub signal: Option<Signal>,
}

/// Signals so far, by tier and side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignalCounts {
    by_tier: [u64; 5],
    /// Long signals.
    pub long: u64,
    /// Short signals.
    pub short: u64,
}

impl SignalCounts {
    /// Signals of one tier.
    #[must_use]
    pub fn of(&self, tier: Tier) -> u64 {
        self.by_tier.get(tier as usize).copied().unwrap_or(0)
    }

    fn add(&mut self, signal: &Signal) {
        if let Some(count) = self.by_tier.get_mut(signal.tier as usize) {
            *count += 1;
        }
        let side = if signal.side > 0 { &mut self.long } else { &mut self.short };
        *side += 1;
    }
}

/// The decision half: what the decision thread owns.
#[derive(Clone, Debug)]
pub struct Judge {
    decision: Decision,
    tallies: Vec<Tally>,
    pairs: Pairs,
    signals: SignalCounts,
    /// Price of each symbol in half ticks, as of the last batch of its book.
    prices: Vec<Option<i64>>,
    /// Where the run trades.
    trader: Option<Trader>,
    digest: Hasher,
    frames: u64,
}

impl Judge {
    /// The decision half of `params`.
    #[must_use]
    pub fn new(params: &CoreParams, calendar: Arc<Calendar>) -> Judge {
        let tally = Tally::new(params.filter, params.features.profile_rows);
        Judge {
            trader: params
                .trading
                .as_ref()
                .map(|trading| Trader::new(trading, &params.reads, calendar.clone())),
            decision: Decision::new(params.preset.clone(), &params.reads, calendar),
            tallies: vec![tally; params.symbols.len()],
            pairs: Pairs::new(params.symbols.len(), pair::Params::default()),
            signals: SignalCounts::default(),
            prices: vec![None; params.symbols.len()],
            digest: Hasher::new(params.seed),
            frames: 0,
        }
    }

    /// Takes the next frame.
    pub fn on_frame(&mut self, frame: &Frame, context: &Context) -> Verdict {
        self.frames += 1;
        self.digest.frame(frame);
        if let Some(tally) = self.tallies.get_mut(usize::from(frame.event.symbol.0)) {
            if self.pairs.is_due(frame.event.symbol, frame.market_time) {
                self.pairs.second(frame.event.symbol, frame.market_time, price(tally));
            }
            tally.on_event(&frame.event, frame.label);
        }
        let symbol = frame.event.symbol;
        let price = self.price(symbol, context);
        let edge = self.decision.on_frame(frame, context, price);
        let signal = edge.as_ref().filter(|edge| edge.veto.is_none()).map(|edge| edge.signal);
        let changed = self.decision.context_changes();
        if changed != 0 {
            self.digest.context(frame.event.seq, changed, self.decision.context_slots(symbol));
        }
        if let Some(signal) = &signal {
            self.digest.signal(signal);
            self.signals.add(signal);
        }
        if let (Some(trader), Some(tally)) =
            (&mut self.trader, self.tallies.get(usize::from(symbol.0)))
        {
            trader.on_frame(frame, edge.as_ref(), &self.decision, context, tally.book());
            self.digest.trader(trader);
        }
        Verdict { signal }
    }

    /// The price of a symbol in half ticks: inside a batch of its book that of before the batch.
    fn price(&mut self, symbol: SymbolId, context: &Context) -> Option<i64> {
        let at = usize::from(symbol.0);
        let (tally, held) = (self.tallies.get(at)?, self.prices.get_mut(at)?);
        // Without a context nothing asks for it.
        if context.version != 0 && tally.book().is_readable() {
            *held = half_ticks(tally);
        }
        *held
    }

    /// The trader, where the run trades.
    #[must_use]
    pub const fn trader(&self) -> Option<&Trader> {
        self.trader.as_ref()
    }

    /// What the last step left for records.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        self.trader.as_ref().map_or(&[], Trader::notes)
    }

    /// What the last step asked of a venue, see [`Trader::commands`].
    #[must_use]
    pub fn commands(&self) -> &[Command] {
        self.trader.as_ref().map_or(&[], Trader::commands)
    }

    /// Counts and sums of one symbol.
    #[must_use]
    pub fn tally(&self, symbol: SymbolId) -> Option<&Tally> {
        self.tallies.get(usize::from(symbol.0))
    }

    /// Lead, lag and correlation of the run's symbols: a diagnostic.
    #[must_use]
    pub const fn pairs(&self) -> &Pairs {
        &self.pairs
    }

    /// Signals so far.
    #[must_use]
    pub const fn signals(&self) -> &SignalCounts {
        &self.signals
    }

    /// The decision.
    #[must_use]
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Digest so far.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest.digest()
    }

    /// Frames so far.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.frames
    }
}

/// A symbol's price: the mid of a two-sided book, else the last trade.
fn price(tally: &Tally) -> Price {
    let book = tally.book();
    match (book.bids().best(), book.asks().best(), tally.range) {
        (Some(bid), Some(ask), _) if bid.px <= ask.px => {
            Price::Mid(i64::from(bid.px.ticks()) + i64::from(ask.px.ticks()))
        }
        (_, _, Some(range)) => Price::Last(2 * i64::from(range.last.ticks())),
        _ => Price::None,
    }
}

/// The price that context features are computed at, in half ticks: the mid of a two-sided book,
/// else the last trade.
fn half_ticks(tally: &Tally) -> Option<i64> {
    let book = tally.book();
    match (book.bids().best(), book.asks().best()) {
        (Some(bid), Some(ask)) if bid.px <= ask.px => {
            Some(i64::from(bid.px.ticks()) + i64::from(ask.px.ticks()))
        }
        _ => tally.last.map(|px| 2 * i64::from(px.ticks())),
    }
}

/// What the core is made from.
#[derive(Clone, Debug)]
pub struct CoreParams {
    /// What each symbol's instrument sets for its features.
    pub symbols: Vec<SymbolParams>,
    /// What each symbol reads of the context.
    pub reads: Vec<Reads>,
    /// Parameters of the features.
    pub features: Params,
    /// Weights, gate, floor.
    pub preset: Preset,
    /// Which trades the tallies count.
    pub filter: SessionFilter,
    /// Recorded sessions by symbol, where there are any; sessions that end in the run join them.
    pub baselines: Vec<Option<Arc<Running>>>,
    /// How the run trades; `None` = signals only.
    pub trading: Option<trader::Params>,
    /// Seed of the digest: hash of everything that reaches the core and is no event.
    pub seed: u64,
}

/// The whole core on one thread.
#[derive(Clone, Debug)]
pub struct Pipeline {
    features: Features,
    judge: Judge,
}

impl Pipeline {
    /// The core of `params`.
    #[must_use]
    pub fn new(params: &CoreParams, calendar: Arc<Calendar>) -> Pipeline {
        let (features, judge) = split(params, calendar);
        Pipeline { features, judge }
    }

    /// Applies one event.
    pub fn on_event(&mut self, event: &Event, context: &Context) -> Verdict {
        match self.features.on_event(event) {
            Some(frame) => self.judge.on_frame(frame, context),
            None => Verdict::default(),
        }
    }

    /// The feature half.
    #[must_use]
    pub const fn features(&self) -> &Features {
        &self.features
    }

    /// The decision half.
    #[must_use]
    pub const fn judge(&self) -> &Judge {
        &self.judge
    }
}

/// The two halves of the core, for two threads.
#[must_use]
pub fn split(params: &CoreParams, calendar: Arc<Calendar>) -> (Features, Judge) {
    let judge = Judge::new(params, calendar.clone());
    let features = Features::new(&params.symbols, params.features, calendar, &params.baselines);
    (features, judge)
}
