//! [`Note`]: what a trading step leaves for records and screens. Plain and copyable; whoever
//! writes files turns notes into text.

use std::num::NonZero;

use crate::calendar::{Label, SubBucket};
use crate::decision::{Nearest, Tier};
use crate::event::HaltCause;
use crate::features::frame::{Details, FEATURES, NearBase};
use crate::order::{
    BuySell, Depth, ExecutionId, ExitReason, KillState, OrderId, OrderKind, RejectClass, Role, Veto,
};
use crate::risk::{Open, State};
use crate::units::{Px, Qty, Reason, SYMBOLS_MAX, Slot, SymbolId, Ts};

/// When and where something happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stamp {
    /// The event that led to it.
    pub seq: u64,
    /// Its receive time.
    pub ts: Ts,
    /// Market time of the symbol, [`Ts::NONE`] before any.
    pub market_time: Ts,
    /// The symbol.
    pub symbol: SymbolId,
}

/// One thing to be written down.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a box would allocate on the hot thread")]
pub enum Note {
    /// A side passed the gate or tried to.
    Decision(Decided),
    /// An execution.
    Fill(Filled),
    /// Where the market was one second after an execution.
    Impact(Impact),
    /// A position was opened, changed or closed.
    Position(Held),
    /// A position is flat again.
    Trade(Closed),
    /// Where the market was some time after a trade.
    After(After),
    /// An order changed its state.
    Order(Ordered),
    /// The kill switch changed.
    Kill(Killed),
    /// Somebody should look.
    Alert(Alert),
    /// What all symbols come to after a position changed, in a run of two or more.
    Exposed(Exposed),
    /// Limits changed what a restart must know.
    Limits(State),
}

/// Bid and ask ladder of one instant, and what the market of the symbol was like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Market {
    /// Bids, best first.
    pub bids: Depth,
    /// Asks, best first.
    pub asks: Depth,
    /// Open, high, low, close of the last completed one-minute bar; `None` before the first.
    pub bar: Option<[Px; 4]>,
    /// Its contracts.
    pub bar_volume: u64,
    /// Those of them that buyers and sellers took.
    pub bar_sides: (u64, u64),
    /// Low and high since the active anchor.
    pub session: Option<(Px, Px)>,
    /// Contracts since the active anchor.
    pub session_volume: u64,
    /// Whether the run has seen all of them.
    pub session_whole: bool,
    /// Contracts from 18:00 New York to the cash session, once that has begun.
    pub premarket: Slot,
    /// Last price of the cash session of the trading day before, and first of this day's.
    pub cash: (Option<Px>, Option<Px>),
    /// Session label.
    pub label: Label,
    /// Its part.
    pub sub_bucket: SubBucket,
    /// Minutes since the open and to the close of the label's session, where they are known.
    pub minutes: Option<(u32, u32)>,
    /// Average true range over 20 bars, ticks.
    pub atr20: Option<f64>,
    /// Realised volatility regime: feature 27 with the floor of VIX.
    pub volatility: Slot,
    /// Market regime: code of the state and its sign, −1, 0 or 1; `None` with too little data.
    pub regime: Option<(u8, i8)>,
    /// The base nearest to the last close.
    pub base: Option<NearBase>,
    /// What the features know beside their slots.
    pub details: Details,
    /// Receive time less exchange time of the event, ns; `None` where it carries no exchange time
    /// or its source no receive time.
    pub latency_ns: Option<i64>,
}

/// A decision edge: an intent or why there was none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decided {
    /// When.
    pub at: Stamp,
    /// Direction of D.
    pub way: BuySell,
    /// D, −1 to 1.
    pub d: f64,
    /// D of the items that are no option context.
    pub d_core: f64,
    /// Score, 0 to 100.
    pub score: f64,
    /// Share of the weight that was present.
    pub coverage: f64,
    /// Tier of the score.
    pub tier: Tier,
    /// Features 1 to 28.
    pub features: [Slot; FEATURES],
    /// The market.
    pub market: Market,
    /// Version of the context that was used; 0 = none.
    pub context_version: u64,
    /// VIX in points, while there is one.
    pub vix: Option<f64>,
    /// Nearest option level.
    pub nearest: Option<Nearest>,
    /// Strength of the level cluster that made the target.
    pub cluster: Option<f64>,
    /// Contracts of the small sister that would have fitted where none of this one did: a hint,
    /// nothing of it is sent. `None` for other refusals, without a sister, and where none fits.
    pub micro: Option<NonZero<Qty>>,
    /// The entry that was refused and that this is the second try of: the same edge, at the market
    /// of now. `None` for an edge.
    pub again: Option<OrderId>,
    /// What refused, `None` where an order left.
    pub veto: Option<Veto>,
    /// The order, where one left.
    pub entry: Option<Entry>,
}

impl Decided {
    /// What stays of it with its trade.
    #[must_use]
    pub fn frozen(&self) -> Frozen {
        let best = |side: &Depth| side.levels().first().map(|level| i64::from(level.0.ticks()));
        let Stamp { seq, ts, market_time, .. } = self.at;
        Frozen {
            seq,
            ts,
            market_time,
            mid2: best(&self.market.bids).zip(best(&self.market.asks)).map(|(bid, ask)| bid + ask),
            d: self.d,
            coverage: self.coverage,
            tier: self.tier,
            features: self.features,
            label: self.market.label,
            sub_bucket: self.market.sub_bucket,
            regime: self.market.regime,
            volatility: self.market.volatility,
            vix: self.vix,
        }
    }
}

/// What a trade keeps of its decision, as it was then: records and rows for learning hold it, be
/// the trade closed in a later run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frozen {
    /// The deciding event, of the run that decided.
    pub seq: u64,
    /// Its receive time.
    pub ts: Ts,
    /// Market time of the symbol, [`Ts::NONE`] before any.
    pub market_time: Ts,
    /// Twice the mid, ticks; `None` without a two-sided book.
    pub mid2: Option<i64>,
    /// D, −1 to 1.
    pub d: f64,
    /// Share of the weight that was present.
    pub coverage: f64,
    /// Tier of the score.
    pub tier: Tier,
    /// Features 1 to 28.
    pub features: [Slot; FEATURES],
    /// Session label.
    pub label: Label,
    /// Its part.
    pub sub_bucket: SubBucket,
    /// Market regime: code of the state and its sign.
    pub regime: Option<(u8, i8)>,
    /// Volatility regime.
    pub volatility: Slot,
    /// VIX in points, while there was one.
    pub vix: Option<f64>,
}

/// The entry of a decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// Its id, which is the id of the trade.
    pub id: OrderId,
    /// Contracts.
    pub qty: Qty,
    /// Kind.
    pub kind: OrderKind,
    /// Limit, where it has one.
    pub px: Option<Px>,
    /// Stop price.
    pub stop: Px,
    /// Target price.
    pub target: Px,
    /// Reward to risk net of costs.
    pub rr_net: f64,
    /// Money at risk, USD.
    pub risk_usd: f64,
    /// Equity that the size came from, USD.
    pub equity_usd: f64,
}

/// An execution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Filled {
    /// When.
    pub at: Stamp,
    /// The trade that it belongs to: id of its entry.
    pub trade: OrderId,
    /// The order.
    pub id: OrderId,
    /// Which execution.
    pub execution: ExecutionId,
    /// What the order is for.
    pub role: Role,
    /// Its kind.
    pub kind: OrderKind,
    /// Direction.
    pub way: BuySell,
    /// All contracts of the order.
    pub order_qty: Qty,
    /// Contracts of this execution.
    pub qty: Qty,
    /// Contracts filled so far, this execution included.
    pub filled: Qty,
    /// Limit or stop price, where the order has one.
    pub requested: Option<Px>,
    /// Price.
    pub px: Px,
    /// Number of this execution in its order, from 1.
    pub index: u32,
    /// Best bid and ask at the time.
    pub touch: Option<(Px, Px)>,
    /// Twice the mid at the decision of the entry, ticks.
    pub decision_half_ticks: Option<i64>,
    /// Cost in ticks, + = worse: of an entry or exit against the mid when it was decided, of a stop
    /// or target against its own price.
    pub slippage_ticks: Option<f64>,
    /// When the order was decided, its bytes left, and it was first acknowledged.
    pub times: [Ts; 3],
    /// Stop and target of the trade.
    pub bracket: Option<(Px, Px)>,
    /// Reward to risk and money at risk of the trade.
    pub plan: Option<(f64, f64)>,
    /// Fees of this execution, USD; `None` where nobody knows what a contract costs.
    pub fees_usd: Option<f64>,
}

/// The market one second after an execution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impact {
    /// When.
    pub at: Stamp,
    /// The order.
    pub id: OrderId,
    /// The execution.
    pub execution: ExecutionId,
    /// Movement of the mid in the direction of the order, ticks.
    pub ticks: f64,
}

/// A position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    /// When.
    pub at: Stamp,
    /// Its trade.
    pub trade: OrderId,
    /// Contracts, below 0 = short, 0 = flat.
    pub qty: i32,
    /// Average entry, ticks; `None`, like all that follows from it, where the price of a contract
    /// is not known.
    pub average: Option<f64>,
    /// Price it is valued at, ticks; `None` before the first trade of its market.
    pub mark: Option<f64>,
    /// Open profit in ticks of one contract.
    pub open_ticks: Option<f64>,
    /// Open profit, USD; `None` also where nobody knows what a tick is worth.
    pub open_usd: Option<f64>,
    /// Best and worst open profit so far, ticks of one contract.
    pub excursion: Option<(f64, f64)>,
    /// Since when it is open, market time.
    pub since: Ts,
    /// Stop and target, where they work.
    pub bracket: Option<(Px, Px)>,
}

/// A round trip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Closed {
    /// When it became flat.
    pub at: Stamp,
    /// Its trade.
    pub trade: OrderId,
    /// Direction of the entry.
    pub way: BuySell,
    /// Contracts that were entered.
    pub qty: Qty,
    /// Market time of the first entry execution.
    pub entry_time: Ts,
    /// Market time of the last exit execution.
    pub exit_time: Ts,
    /// Average entry, ticks; `None`, like all that follows from it, where the price of a contract
    /// is not known.
    pub entry: Option<f64>,
    /// Average exit, ticks; `None` likewise.
    pub exit: Option<f64>,
    /// Profit in ticks of one contract, before fees.
    pub ticks: Option<f64>,
    /// Profit before fees, USD; `None` also where nobody knows what a tick is worth.
    pub gross_usd: Option<f64>,
    /// Fees, USD; `None` where nobody knows what a contract costs.
    pub fees_usd: Option<f64>,
    /// Money at risk at the entry, USD, of the contracts that were entered; `None` for a position
    /// that no entry of ours opened.
    pub risk_usd: Option<f64>,
    /// Equity at the entry, USD; `None` likewise.
    pub equity_usd: Option<f64>,
    /// Contract-weighted slippage of entries and exits, ticks; `None` where no mid was known.
    pub slippage: (Option<f64>, Option<f64>),
    /// Best and worst open profit, ticks of one contract.
    pub excursion: Option<(f64, f64)>,
    /// Whether the worst came before the best.
    pub adverse_first: bool,
    /// Why.
    pub reason: ExitReason,
    /// Receive time of the decision; `None`, like all that is of it, for a position that no
    /// decision of ours opened.
    pub decided: Option<Ts>,
    /// Tier, D and coverage of the decision.
    pub tier: Option<Tier>,
    /// See `tier`.
    pub d: Option<f64>,
    /// See `tier`.
    pub coverage: Option<f64>,
    /// Features at the decision.
    pub features: [Slot; FEATURES],
    /// Label at the entry.
    pub label: Option<Label>,
    /// Its part.
    pub sub_bucket: Option<SubBucket>,
    /// Market regime at entry and exit.
    pub regime: [Option<(u8, i8)>; 2],
    /// Volatility regime at entry and exit.
    pub volatility: [Slot; 2],
    /// VIX at the entry.
    pub vix: Option<f64>,
}

impl Closed {
    /// Profit net of fees, USD; `None` where it is not known.
    #[must_use]
    pub fn net_usd(&self) -> Option<f64> {
        Some(self.gross_usd? - self.fees_usd?)
    }

    /// Net profit in multiples of the money at risk, `None` without any.
    #[must_use]
    pub fn r(&self) -> Option<f64> {
        Some(self.net_usd()? / self.risk_usd?)
    }
}

/// The market some time after a trade.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct After {
    /// When.
    pub at: Stamp,
    /// Its trade.
    pub trade: OrderId,
    /// Movement of the mid since the exit in the direction of the trade, ticks, after 5, 15 and 60
    /// minutes; `None` where the market was closed.
    pub ticks: [Option<f64>; 3],
    /// How many of the three are over; after the last there is no further note.
    pub over: usize,
}

/// What is open in all symbols of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exposed {
    /// When, and whose position changed.
    pub at: Stamp,
    /// By symbol.
    pub members: [Member; SYMBOLS_MAX],
    /// Symbols of the run.
    pub count: usize,
    /// Open risk of the account, sides not netted, USD; infinite where it is not known.
    pub open_risk_usd: f64,
    /// Most of it, share of equity.
    pub open_risk_max: f64,
    /// Equity, USD.
    pub equity_usd: Option<f64>,
}

/// One symbol of [`Exposed`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member {
    /// What is open in it.
    pub open: Open,
    /// Correlation of its one-minute returns with those of the symbol whose position changed.
    pub correlation: Slot,
    /// Returns that it is of.
    pub returns: u32,
}

impl Member {
    /// No symbol.
    pub const NONE: Member = Member {
        open: Open { qty: 0, working: 0, risk_usd: 0.0 },
        correlation: Slot::none(Reason::NoInput),
        returns: 0,
    };
}

/// An order changed its state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ordered {
    /// When.
    pub at: Stamp,
    /// Which.
    pub id: OrderId,
    /// Its trade.
    pub trade: OrderId,
    /// What it is for.
    pub role: Role,
    /// Name of the state.
    pub state: &'static str,
    /// Contracts.
    pub qty: Qty,
    /// Filled of them.
    pub filled: Qty,
    /// Class of the refusal, of an order that was refused.
    pub refused: Option<RejectClass>,
}

/// The kill switch changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Killed {
    /// When.
    pub at: Stamp,
    /// From.
    pub from: KillState,
    /// To.
    pub to: KillState,
    /// Who asked.
    pub cause: Trip,
}

/// Who moved the kill switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trip {
    /// A sequenced halt or resume.
    Event(HaltCause),
    /// The operator's resume.
    Resume,
    /// A rule of the risk, by its name.
    Rule(&'static str),
}

/// Somebody should look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alert {
    /// When.
    pub at: Stamp,
    /// Name of the rule.
    pub rule: &'static str,
    /// The order, where it is about one.
    pub id: OrderId,
    /// What was measured.
    pub value: f64,
}
