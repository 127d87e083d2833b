//! `(Frame, &Context)` → signals: weighs what is there and says when a side passes the gate.
//!
//! Features 1 to 11 are computed here, at the price of now from the adopted context
//! ([`context_features`]); the VIX of the context completes both regimes.
//!
//! A signal is an edge, not a state: the score rises through the gate for a side, with enough
//! coverage; it re-arms once the score has fallen [`REARM`] below the gate or the side has changed.
//! Scores of too little coverage have edges of their own, which are refused and recorded.
//!
//! [`entry`] takes edges further: through the [`gates`], to a stop and a target ([`targets`]) at
//! the levels that the market shares ([`clusters`], followed by [`lines`]).

pub mod clusters;
pub mod confluence;
pub mod context_features;
pub mod entry;
pub mod gates;
pub mod lines;
pub mod regime;
pub mod targets;

use std::sync::Arc;

pub use context_features::{CONTEXT_FEATURES, LevelKind, Nearest, Reads};
pub use regime::{MarketRegime, Reading};

pub use confluence::{
    Confluence, Item, PRESETS, Part, Preset, Term, Tier, TierEdges, is_core, preset_base,
};
pub use entry::{Entries, EntryParams, Proposal, Refused};
pub use gates::{GateParams, News};

use crate::calendar::Calendar;
use crate::context::{Context, Levels};
use crate::event::flag;
use crate::features::frame::{FEATURES, FIRST_EVENT_FEATURE};
use crate::features::{Frame, Reason, Slot, frame_flag};
use crate::order::{Detail, Gate, Veto};
use crate::units::{SYMBOLS_MAX, SymbolId, Ts};
use context_features::ContextFeatures;

/// Points of score below the gate at which a side re-arms.
pub const REARM: f64 = 3.0;

/// A side passed the gate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signal {
    /// Sequence number of the event that raised it.
    pub seq: u64,
    /// Its receive time.
    pub ts: Ts,
    /// Market time of its symbol.
    pub market_time: Ts,
    /// Its symbol.
    pub symbol: SymbolId,
    /// +1 long, −1 short.
    pub side: i8,
    /// Tier of the score.
    pub tier: Tier,
    /// The sums behind it.
    pub confluence: Confluence,
    /// Version of the context that was used.
    pub context_version: u64,
}

/// A side rose through the gate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// What rose.
    pub signal: Signal,
    /// Gate 6 where too little of the weight was present: to be recorded, not traded.
    pub veto: Option<Veto>,
    /// Not risen now but looked at a second time, because its entry was refused.
    pub again: bool,
}

/// Which sides of one symbol are above the gate.
#[derive(Clone, Copy, Debug, Default)]
struct Armed {
    /// By scores with enough coverage, 0 while armed.
    full: i8,
    /// By the others. Neither sees the other's scores, so a slot that comes and goes is no edge.
    thin: i8,
}

/// Whether `score` of `side` is an edge over the side that had fired.
fn rises(fired: &mut i8, side: i8, score: f64, gate: f64) -> bool {
    if *fired != 0 && (side != *fired || score < gate - REARM) {
        *fired = 0;
    }
    if *fired != 0 || score < gate || side == 0 {
        return false;
    }
    *fired = side;
    true
}

/// Decides over the frames of every symbol.
#[derive(Clone, Debug)]
pub struct Decision {
    preset: Preset,
    /// Slots with a weight, as bits of [`Frame::changed`].
    weighted: u32,
    /// Context features with a weight, from feature 1.
    weighted_context: u32,
    calendar: Arc<Calendar>,
    /// By symbol.
    contexts: Vec<ContextFeatures>,
    /// Context features that the last frame changed.
    context_changes: u32,
    armed: [Armed; SYMBOLS_MAX],
    last: [Confluence; SYMBOLS_MAX],
    /// Context version that the last sums of each symbol used.
    versions: [u64; SYMBOLS_MAX],
    regimes: [Regimes; SYMBOLS_MAX],
}

/// The regimes of one symbol, as of its last five-minute close.
#[derive(Clone, Copy, Debug)]
struct Regimes {
    machine: MarketRegime,
    market: Result<Reading, Reason>,
    volatility: Slot,
    /// The VIX in it.
    vix: Option<f64>,
}

impl Default for Regimes {
    fn default() -> Regimes {
        Regimes {
            machine: MarketRegime::default(),
            market: Err(Reason::Warmup),
            volatility: Slot::none(Reason::Warmup),
            vix: None,
        }
    }
}

impl Decision {
    /// A decision over `preset`, which has passed [`Preset::check`], for symbols that read the
    /// context as `reads` says.
    #[must_use]
    pub fn new(preset: Preset, reads: &[Reads], calendar: Arc<Calendar>) -> Decision {
        let bits = |from: usize, to: usize| {
            let read = (from..to).filter(|&feature| preset.reads(feature));
            read.fold(0, |all: u32, feature| all | 1 << (feature - from))
        };
        Decision {
            weighted: bits(FIRST_EVENT_FEATURE, FEATURES + 1),
            weighted_context: bits(1, FIRST_EVENT_FEATURE),
            calendar,
            contexts: reads.iter().map(|&reads| ContextFeatures::new(reads)).collect(),
            context_changes: 0,
            versions: [0; SYMBOLS_MAX],
            preset,
            armed: [Armed::default(); SYMBOLS_MAX],
            last: [Confluence::default(); SYMBOLS_MAX],
            regimes: [Regimes::default(); SYMBOLS_MAX],
        }
    }

    /// TREND, RANGE or VOLATILE of a symbol as of its last five-minute close, with degrees.
    ///
    /// # Errors
    /// Why there is none.
    pub fn market_regime(&self, symbol: SymbolId) -> Result<Reading, Reason> {
        self.regimes.get(usize::from(symbol.0)).map_or(Err(Reason::NoInput), |r| r.market)
    }

    /// Feature 27 of a symbol with the floor that a fresh VIX sets.
    #[must_use]
    pub fn volatility_regime(&self, symbol: SymbolId) -> Slot {
        let regimes = self.regimes.get(usize::from(symbol.0));
        regimes.map_or(Slot::none(Reason::NoInput), |r| r.volatility)
    }

    /// The preset, whose name labels every output.
    #[must_use]
    pub const fn preset(&self) -> &Preset {
        &self.preset
    }

    /// The last confluence of a symbol.
    #[must_use]
    pub fn confluence(&self, symbol: SymbolId) -> Confluence {
        self.last.get(usize::from(symbol.0)).copied().unwrap_or_default()
    }

    /// Feature 1 to 28 of the symbol of `frame`, its last one; 27 is the regime that VIX raises.
    #[must_use]
    pub fn slot(&self, feature: usize, frame: &Frame) -> Slot {
        let of = self.contexts.get(usize::from(frame.event.symbol.0));
        match feature {
            27 => regime::volatility(frame.slot(27), of.and_then(ContextFeatures::fresh_vix)),
            FIRST_EVENT_FEATURE.. => frame.slot(feature),
            _ => of.map_or(Slot::none(Reason::NoInput), |of| of.slot(feature)),
        }
    }

    /// Features 1 to 11 of a symbol.
    #[must_use]
    pub fn context_slots(&self, symbol: SymbolId) -> &[Slot; CONTEXT_FEATURES] {
        const NONE: [Slot; CONTEXT_FEATURES] = [Slot::none(Reason::NoInput); CONTEXT_FEATURES];
        self.contexts.get(usize::from(symbol.0)).map_or(&NONE, ContextFeatures::slots)
    }

    /// Which of them the last frame changed, as bits from feature 1.
    #[must_use]
    pub const fn context_changes(&self) -> u32 {
        self.context_changes
    }

    /// Time of the input behind feature 1 to 11, [`Ts::NONE`] without one.
    #[must_use]
    pub fn context_as_of(&self, symbol: SymbolId, feature: usize) -> Ts {
        let of = self.contexts.get(usize::from(symbol.0));
        of.map_or(Ts::NONE, |of| of.as_of(feature))
    }

    /// The option level nearest to the price of a symbol, while feature 1 has a value.
    #[must_use]
    pub fn nearest(&self, symbol: SymbolId) -> Option<Nearest> {
        self.contexts.get(usize::from(symbol.0))?.nearest()
    }

    /// What the preset makes of the items that are no option or VIX context.
    #[must_use]
    pub fn core_confluence(&self, frame: &Frame) -> Confluence {
        // A frame has no feature below 12.
        self.preset.weigh(|feature| frame.slot(feature))
    }

    /// The option levels on the future of a symbol, in points, while they may be read.
    #[must_use]
    pub fn option_levels(&self, symbol: SymbolId, ts: Ts) -> Option<&Levels> {
        self.contexts.get(usize::from(symbol.0))?.levels(ts)
    }

    /// Whether an option or VIX input of the preset that has a value is delayed, a day's end, or
    /// older than `limit` ns.
    #[must_use]
    pub fn has_aged_context(&self, frame: &Frame, context: &Context, limit: i64) -> bool {
        let (symbol, ts) = (frame.event.symbol, frame.event.ts);
        let Some(of) = self.contexts.get(usize::from(symbol.0)) else { return false };
        let inputs = self.preset.items.iter().map(|item| item.feature);
        inputs
            .filter(|&feature| feature < FIRST_EVENT_FEATURE && of.slot(feature).value().is_some())
            .any(|feature| of.is_aged(feature, context, ts, limit))
    }

    /// Takes a frame with the price after it, in half ticks; an edge where a side has just risen
    /// through the gate.
    pub fn on_frame(
        &mut self,
        frame: &Frame,
        context: &Context,
        half_ticks: Option<i64>,
    ) -> Option<Edge> {
        let at = usize::from(frame.event.symbol.0);
        let of = self.contexts.get_mut(at);
        let (changed, vix) = of.map_or((0, None), |of| {
            (of.update(frame, context, half_ticks, &self.calendar), of.fresh_vix())
        });
        self.context_changes = changed;
        self.regimes(frame, vix);
        let version = self.versions.get_mut(at)?;
        let same = frame.changed & self.weighted == 0 && changed & self.weighted_context == 0;
        if same && *version == context.version {
            // The same inputs: the same sums, and no edge.
            return None;
        }
        *version = context.version;
        let confluence = self.preset.weigh(|feature| {
            let of = self.contexts.get(at).filter(|_| feature < FIRST_EVENT_FEATURE);
            of.map_or_else(|| frame.slot(feature), |of| of.slot(feature))
        });
        *self.last.get_mut(at)? = confluence;
        let (armed, side) = (self.armed.get_mut(at)?, side(confluence.d));
        let enough = confluence.coverage >= self.preset.coverage_floor;
        let fired = if enough { &mut armed.full } else { &mut armed.thin };
        if !rises(fired, side, confluence.score, self.preset.gate) || frame.event.has(flag::WARMUP)
        {
            return None;
        }
        let signal = Signal {
            seq: frame.event.seq,
            ts: frame.event.ts,
            market_time: frame.market_time,
            symbol: frame.event.symbol,
            side,
            tier: self.preset.tiers.tier(confluence.score),
            confluence,
            context_version: context.version,
        };
        let veto = (!enough).then_some(Veto::new(Gate::Coverage, Detail::None));
        Some(Edge { signal, veto, again: false })
    }

    /// A signal of before as it is at `frame`, for the second try of its entry; `None` where its
    /// side is not wanted any more.
    #[must_use]
    pub fn again(&self, signal: &Signal, frame: &Frame, context: &Context) -> Option<Edge> {
        let confluence = self.confluence(frame.event.symbol);
        if side(confluence.d) != signal.side {
            return None;
        }
        let signal = Signal {
            seq: frame.event.seq,
            ts: frame.event.ts,
            market_time: frame.market_time,
            tier: self.preset.tiers.tier(confluence.score),
            confluence,
            context_version: context.version,
            ..*signal
        };
        Some(Edge { signal, veto: None, again: true })
    }

    /// Takes a five-minute close into the regimes; a fresh VIX raises the volatility at once.
    fn regimes(&mut self, frame: &Frame, vix: Option<f64>) {
        let Some(regimes) = self.regimes.get_mut(usize::from(frame.event.symbol.0)) else { return };
        let closed = frame.flags & frame_flag::BAR5_CLOSED != 0;
        if closed {
            regimes.market = regimes.machine.close5(&frame.regime, vix, frame.bar5_end);
        }
        if closed || vix != regimes.vix {
            regimes.vix = vix;
            regimes.volatility = regime::volatility(frame.slot(27), vix);
        }
    }
}

fn side(d: f64) -> i8 {
    if d > 0.0 {
        1
    } else if d < 0.0 {
        -1
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Body, Event, HaltCause};
    use crate::order::KillState;

    fn frame(value: Option<f64>, flags: u8) -> Frame {
        let (ts, symbol) = (Ts(5), SymbolId(1));
        let event = Event { seq: 9, ts, ts_exch: ts, symbol, flags, body: Body::BatchEnd };
        let mut frame = Frame::empty(event);
        frame.set(17, value.map_or(Slot::none(Reason::Stale), Slot::some));
        frame
    }

    fn decision() -> Decision {
        let mut preset = Preset::named("core").expect("preset");
        preset.items.retain(|i| i.feature == 17);
        let calendar = Calendar::bundled().expect("calendar");
        Decision::new(preset, &[], Arc::new(calendar))
    }

    #[test]
    fn signals_are_edges() {
        let mut decision = decision();
        let mut put = |value| {
            let frame = frame(Some(value), 0);
            let edge = decision.on_frame(&frame, &Context::EMPTY, None)?;
            assert_eq!(edge.veto, None);
            Some((edge.signal.side, edge.signal.tier))
        };
        assert_eq!(put(0.69), None);
        assert_eq!(put(0.70), Some((1, Tier::Good)));
        assert_eq!(put(0.95), None, "still the same edge");
        assert_eq!(put(0.68), None);
        assert_eq!(put(0.75), None, "never fell below gate - 3");
        assert_eq!(put(0.66), None);
        assert_eq!(put(0.92), Some((1, Tier::Premium)));
        assert_eq!(put(-0.81), Some((-1, Tier::Strong)), "a change of side re-arms");
    }

    #[test]
    fn no_signal_without_coverage_or_from_warm_up() {
        let mut decision = decision();
        let context = Context::EMPTY;
        assert_eq!(decision.on_frame(&frame(Some(0.9), flag::WARMUP), &context, None), None);
        assert_eq!(
            decision.on_frame(&frame(Some(0.9), 0), &context, None),
            None,
            "fired in warm-up"
        );
        assert_eq!(decision.on_frame(&frame(None, 0), &context, None), None);
        assert_eq!(decision.confluence(SymbolId(1)).coverage, 0.0);
        assert!(decision.on_frame(&frame(Some(-0.9), 0), &context, None).is_some());
    }

    /// Half of the weight is there: an edge of its own, refused, once.
    #[test]
    fn edges_of_too_little_coverage_are_refused() {
        let mut preset = Preset::named("core").expect("preset");
        preset.items.retain(|i| i.feature == 17 || i.feature == 22);
        let calendar = Arc::new(Calendar::bundled().expect("calendar"));
        let mut decision = Decision::new(preset, &[], calendar);
        let mut put = |own: f64, other: Option<f64>| {
            let mut frame = frame(Some(own), 0);
            frame.set(22, other.map_or(Slot::none(Reason::Warmup), Slot::some));
            let edge = decision.on_frame(&frame, &Context::EMPTY, None)?;
            Some((edge.signal.side, edge.veto.map(|veto| veto.gate)))
        };
        assert_eq!(put(0.9, None), Some((1, Some(Gate::Coverage))));
        assert_eq!(put(0.95, None), None, "one edge, not a flood");
        assert_eq!(put(0.9, Some(0.9)), Some((1, None)), "the full score has its own edge");
        assert_eq!(put(0.9, None), None, "a slot that comes and goes is no edge");
        assert_eq!(put(0.9, Some(0.91)), None);
        assert_eq!(put(0.9, Some(-0.9)), None, "no side");
        assert_eq!(put(0.9, Some(0.9)), Some((1, None)));
        assert_eq!(put(0.5, None), None);
        assert_eq!(put(0.8, None), Some((1, Some(Gate::Coverage))), "re-armed by its own scores");
        assert_eq!(put(-0.8, None), Some((-1, Some(Gate::Coverage))));
    }

    /// The kill switch is not this module's: a halt changes no signal.
    #[test]
    fn a_halt_changes_no_signal() {
        let mut decision = decision();
        let mut halt = frame(None, 0);
        let (state, cause) = (KillState::Emergency, HaltCause::Command);
        halt.event.body = Body::Halt { state, cause };
        assert_eq!(decision.on_frame(&halt, &Context::EMPTY, None), None);
        assert!(decision.on_frame(&frame(Some(0.9), 0), &Context::EMPTY, None).is_some());
    }
}
