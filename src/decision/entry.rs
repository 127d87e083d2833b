//! From an edge to an [`Intent`]: what the gates need of each symbol, level clusters, stop, target.
//!
//! [`Entries::on_frame`] follows every frame: ages and gaps of the feed by receive time, stretches
//! of the calendar and the levels by market time. [`Entries::before`] asks gates 2 to 4,
//! [`Entries::propose`] gates 6 to 11. What was measured before a refusal stays with it, so that a
//! record of a failed edge tells as much as one of an order. Cost: a few comparisons a frame, the
//! levels once a minute; an edge sorts at most 32 levels. No allocation after the start.

use std::sync::Arc;

use super::confluence::Tier;
use super::gates::{self, Feed, GateParams, News};
use super::lines::{Lines, Sessions};
use super::targets::{self, Costs, TargetParams};
use super::{Decision, Edge, Reads, Signal};
use crate::book::Book;
use crate::calendar::scale::SessionScale;
use crate::calendar::{Calendar, Segment};
use crate::context::Context;
use crate::event::{Body, flag};
use crate::features::volatility_regime::Volatility;
use crate::features::{Frame, Reason, Slot, frame_flag};
use crate::order::{BuySell, Depth, Detail, Gate, Intent, Scales, Veto};
use crate::units::{Px, SECOND, SymbolId, Ts};

/// Numbers behind entries.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryParams {
    /// Of the gates.
    pub gates: GateParams,
    /// Of stops and targets.
    pub targets: TargetParams,
    /// Size by session.
    pub sessions: SessionScale,
    /// Least time between two intents of one symbol and side, ns of receive time. When an intent
    /// may arise is the decision's to say; the risk does not ask again.
    pub cadence_ns: i64,
    /// Money of each symbol; `None` where it is not known, which refuses every entry.
    pub costs: Vec<Option<Costs>>,
    /// Greatest age of the last market event of each symbol, ns: 1 s, or the flush interval of the
    /// file that it is followed in and 1 s.
    pub data_age_ns: Vec<i64>,
}

impl EntryParams {
    /// The specification's numbers, for symbols of these costs.
    #[must_use]
    pub fn new(costs: Vec<Option<Costs>>) -> EntryParams {
        EntryParams {
            gates: GateParams::default(),
            targets: TargetParams::default(),
            sessions: SessionScale::default(),
            cadence_ns: 60 * SECOND,
            data_age_ns: vec![SECOND; costs.len()],
            costs,
        }
    }
}

/// Size factor of a tier; 0 for what is never traded.
#[must_use]
pub const fn tier_size(tier: Tier) -> f64 {
    match tier {
        Tier::Premium => 2.0,
        Tier::Strong => 1.5,
        Tier::Good => 1.0,
        Tier::Weak => 0.5,
        Tier::NoTrade => 0.0,
    }
}

/// An entry that passed gates 6 to 11.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proposal {
    /// What risk is asked.
    pub intent: Intent,
    /// Reward to risk net of costs.
    pub rr_net: f64,
    /// Strength of the cluster that made the target.
    pub cluster: f64,
    /// D of the items that are no option context.
    pub d_core: f64,
}

/// An edge that did not pass, with what had been measured by then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refused {
    /// Why.
    pub veto: Veto,
    /// D of the items that are no option context.
    pub d_core: f64,
    /// Strength of the cluster that would have made the target.
    pub cluster: Option<f64>,
    /// Reward to risk net of costs.
    pub rr_net: Option<f64>,
}

/// Stop and target of an entry.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    stop: Px,
    target: Px,
    rr_net: f64,
    /// Strength of the cluster behind the target.
    cluster: f64,
}

/// State of one symbol.
#[derive(Clone, Debug)]
struct Market {
    feed: Feed,
    segment: Segment,
    /// Of the last frame.
    sessions: Option<Sessions>,
    lines: Lines,
    /// Receive time of the last intent to buy and to sell.
    intents: [Ts; 2],
    costs: Option<Costs>,
    /// See [`EntryParams::data_age_ns`].
    data_age_ns: i64,
}

/// What entries need of every symbol.
#[derive(Clone, Debug)]
pub struct Entries {
    params: EntryParams,
    news: News,
    calendar: Arc<Calendar>,
    markets: Vec<Market>,
    /// The greatest market time of any symbol.
    account_time: Ts,
}

impl Entries {
    /// Nothing seen yet, for the symbols of `reads`.
    #[must_use]
    pub fn new(
        params: EntryParams,
        reads: &[Reads],
        news: News,
        calendar: Arc<Calendar>,
    ) -> Entries {
        let market = |(at, reads): (usize, &Reads)| Market {
            feed: Feed::NONE,
            segment: Segment::UNKNOWN,
            sessions: None,
            lines: Lines::new(reads.tick()),
            intents: [Ts::NONE; 2],
            costs: params.costs.get(at).copied().flatten(),
            // Nothing is young enough for a limit that nobody gave.
            data_age_ns: params.data_age_ns.get(at).copied().unwrap_or(-1),
        };
        let markets = reads.iter().enumerate().map(market).collect();
        Entries { params, news, calendar, markets, account_time: Ts::NONE }
    }

    /// Takes every frame, after `decision` has.
    pub fn on_frame(&mut self, frame: &Frame, decision: &Decision) {
        let (event, now) = (&frame.event, frame.market_time);
        let Some(market) = self.markets.get_mut(usize::from(event.symbol.0)) else { return };
        if event.is_market() && !event.has(flag::SNAPSHOT) && !event.has(flag::WARMUP) {
            market.feed.market_ts = event.ts;
        }
        if matches!(event.body, Body::Gap(_)) {
            market.feed.gap_ts = event.ts;
        }
        if !now.is_some() {
            return;
        }
        self.account_time = self.account_time.max(now);
        if !market.segment.contains(now) {
            market.segment = self.calendar.segment(now);
        }
        let cash = frame.flags & frame_flag::RTH != 0;
        let sessions = Sessions { globex: frame.eth_anchor, cash };
        if frame.flags & frame_flag::BAR_CLOSED != 0 {
            // A bar that the first event of a session closes belongs to the session before.
            let begun = frame.bar.end() > market.segment.start;
            let own = market.sessions.filter(|_| !begun).unwrap_or(sessions);
            market.lines.close(frame, own, decision.option_levels(event.symbol, event.ts));
        }
        market.sessions = Some(sessions);
    }

    /// The present stretch of the calendar of a symbol, `None` before a market time is known.
    #[must_use]
    pub fn segment(&self, symbol: SymbolId) -> Option<&Segment> {
        let segment = &self.market(symbol)?.segment;
        (*segment != Segment::UNKNOWN).then_some(segment)
    }

    /// Receive time of the last market event of a symbol, [`Ts::NONE`] before any.
    #[must_use]
    pub fn market_ts(&self, symbol: SymbolId) -> Ts {
        self.market(symbol).map_or(Ts::NONE, |market| market.feed.market_ts)
    }

    fn market(&self, symbol: SymbolId) -> Option<&Market> {
        self.markets.get(usize::from(symbol.0))
    }

    /// Gates 2, 3 and 4.
    ///
    /// # Errors
    /// The first refusal.
    pub fn before(&self, frame: &Frame, book: &Book) -> Result<(), Veto> {
        let (ts, now, params) = (frame.event.ts, frame.market_time, &self.params.gates);
        let market = self.market(frame.event.symbol);
        let market = market.ok_or(Veto::new(Gate::Data, Detail::Age))?;
        gates::session(frame.label, now, market.segment.next_halt, params)?;
        gates::news(&self.news, self.account_time.or(ts), params)?;
        gates::data(market.feed, ts, market.data_age_ns, book, params)
    }

    /// Gates 6 to 11, and the time between intents: the entry that `edge` wants at the event of
    /// `frame`, whose symbol is the edge's. `decision` has taken the frame with `context`, `book`
    /// is the book after it.
    ///
    /// # Errors
    /// The first refusal, with what was measured before it.
    pub fn propose(
        &self,
        edge: &Edge,
        decision: &Decision,
        frame: &Frame,
        context: &Context,
        book: &Book,
    ) -> Result<Proposal, Refused> {
        let d_core = decision.core_confluence(frame).d;
        let (signal, again) = (&edge.signal, edge.again);
        let side = Side { signal, again, decision, frame, context, book };
        let mut bounds = None;
        let result = self
            .tradable(edge, decision, frame, context)
            .and_then(|()| self.intent(&side, &mut bounds));
        match (result, bounds) {
            (Ok(intent), Some(Bounds { rr_net, cluster, .. })) => {
                Ok(Proposal { intent, rr_net, cluster, d_core })
            }
            (result, _) => {
                // An intent has bounds: the other branch is the one that refused.
                let veto = result.err().unwrap_or(Veto::new(Gate::Rr, Detail::NoTarget));
                let (cluster, rr_net) = (bounds.map(|b| b.cluster), bounds.map(|b| b.rr_net));
                Err(Refused { veto, d_core, cluster, rr_net })
            }
        }
    }

    /// An intent left: from here on the next of its symbol and side waits its time. To be called
    /// with each proposal that is passed on, whatever becomes of it.
    pub fn took(&mut self, intent: &Intent) {
        if let Some(market) = self.markets.get_mut(usize::from(intent.symbol.0))
            && let Some(last) = market.intents.get_mut(place(intent.way))
        {
            *last = intent.ts;
        }
    }

    /// Gates 6, 8 and 9: whether the signal of an edge is one that is traded, be it to enter or to
    /// close what stands against it. A context that ended has no values, so 7 is part of 6.
    ///
    /// # Errors
    /// The first refusal.
    pub fn tradable(
        &self,
        edge: &Edge,
        decision: &Decision,
        frame: &Frame,
        context: &Context,
    ) -> Result<(), Veto> {
        if let Some(veto) = edge.veto {
            return Err(veto);
        }
        let (preset, params) = (decision.preset(), &self.params.gates);
        let Signal { side: sign, tier, confluence, .. } = edge.signal;
        let enough = confluence.coverage >= preset.coverage_floor;
        if !enough {
            return Err(Veto::new(Gate::Coverage, Detail::None));
        }
        let aged = decision.has_aged_context(frame, context, params.context_age_ns);
        gates::side(aged, sign, decision.core_confluence(frame).d)?;
        gates::score(tier, confluence.score, preset.gate, params)
    }

    /// Gate 11 and the time between intents; `bounds` is what was found on the way.
    fn intent(&self, side: &Side<'_>, bounds: &mut Option<Bounds>) -> Result<Intent, Veto> {
        let (frame, book, symbol) = (side.frame, side.book, side.frame.event.symbol);
        let market = self.market(symbol).ok_or(Veto::new(Gate::Rr, Detail::NoContract))?;
        let way = BuySell::of(i32::from(side.signal.side));
        let way = way.ok_or(Veto::new(Gate::Rr, Detail::None))?;
        // Gate 4 has asked the same book: here it is that no order has a price to begin at.
        let (Some(bid), Some(ask)) = (book.bids().best(), book.asks().best()) else {
            return Err(Veto::new(Gate::Rr, Detail::Shallow));
        };
        if bid.px > ask.px {
            return Err(Veto::new(Gate::Rr, Detail::Crossed));
        }
        let (from, ladder) = match way {
            BuySell::Buy => (ask.px, book.asks()),
            BuySell::Sell => (bid.px, book.bids()),
        };
        let found = self.bounds(market, way, from, side)?;
        *bounds = Some(found);
        // Also what is no number does not pass.
        let passes = found.rr_net >= self.params.targets.rr_min;
        if !passes {
            return Err(Veto::new(Gate::Rr, Detail::RatioLow));
        }
        if !side.again {
            self.due(market, way, frame.event.ts)?;
        }
        Ok(Intent {
            seq: frame.event.seq,
            ts: frame.event.ts,
            market_time: frame.market_time,
            data_ts: market.feed.market_ts,
            symbol,
            way,
            tier: tier_size(side.signal.tier),
            touch: (bid.px, ask.px),
            hit: Depth::new(ladder.visible().iter().map(|level| (level.px, level.qty))),
            half_ticks: i64::from(bid.px.ticks()) + i64::from(ask.px.ticks()),
            stop: found.stop,
            target: found.target,
            scales: self.scales(market, side),
        })
    }

    /// Stop and target from the price at which an order would begin.
    fn bounds(
        &self,
        market: &Market,
        way: BuySell,
        from: Px,
        side: &Side<'_>,
    ) -> Result<Bounds, Veto> {
        let refused = |detail| Veto::new(Gate::Rr, detail);
        let params = &self.params.targets;
        let (frame, symbol) = (side.frame, side.frame.event.symbol);
        let costs = market.costs.filter(Costs::is_sane);
        let costs = costs.ok_or(refused(Detail::NoContract))?;
        let options = side.decision.option_levels(symbol, frame.event.ts);
        let clusters = market.lines.levels(frame.market_time, options).clusters();

        let structure = targets::structure(way, from, frame, &clusters, params);
        let structure = structure.ok_or(refused(Detail::NoStop))?;
        let atr20 = frame.atr20.ok_or(refused(Detail::NoStop))?;
        let extreme = Volatility::of_slot(&side.decision.volatility_regime(symbol));
        let mult = targets::stop_mult(
            side.vix().ok().and(side.context.volatility.as_ref()),
            extreme == Some(Volatility::Extreme),
            params,
        );
        let stop = targets::stop_ticks(structure, atr20, costs.min_stop_ticks, mult, params);
        let stop = stop.ok_or(refused(Detail::NoStop))?;

        let found = targets::target(way, from, &clusters, params);
        let (target, cluster) = found.ok_or(refused(Detail::NoTarget))?;
        let ticks = way.sign() * target.minus(from);
        Ok(Bounds {
            stop: targets::away(from, way, -stop),
            target,
            rr_net: targets::rr_net(stop, ticks, &costs),
            cluster: cluster.strength,
        })
    }

    /// At most one intent of a symbol and side in [`EntryParams::cadence_ns`].
    fn due(&self, market: &Market, way: BuySell, ts: Ts) -> Result<(), Veto> {
        let last = market.intents.get(place(way)).copied().unwrap_or(Ts::NONE);
        if last.is_some() && ts.since(last) < self.params.cadence_ns {
            return Err(Veto::new(Gate::Limit, Detail::Cadence));
        }
        Ok(())
    }

    fn scales(&self, market: &Market, side: &Side<'_>) -> Scales {
        let (frame, part) = (side.frame, side.context.volatility.as_ref());
        let session = match self.segment(frame.event.symbol) {
            Some(_) => {
                Slot::some(self.params.sessions.of(&market.segment.context(frame.market_time)))
            }
            None => Slot::none(Reason::NoInput),
        };
        let size = Some(frame.volatility_size).filter(|size| *size > 0.0);
        let volatility = size.map_or(Slot::none(Reason::Warmup), Slot::some);
        let vix = side.vix().map_or_else(Slot::none, |()| {
            let factor = part.and_then(|part| part.vix_mult);
            factor.map_or(Slot::none(Reason::NoInput), Slot::some)
        });
        // A stress that was true when last known counts, however old it is.
        let vix_stress = part.is_some_and(|part| part.stress == Some(true));
        Scales { session, volatility, vix, vix_stress }
    }
}

/// What [`Entries::propose`] looks at.
#[derive(Clone, Copy)]
struct Side<'a> {
    signal: &'a Signal,
    again: bool,
    decision: &'a Decision,
    frame: &'a Frame,
    context: &'a Context,
    book: &'a Book,
}

impl Side<'_> {
    /// Whether the symbol has a VIX that may be used now.
    fn vix(&self) -> Result<(), Reason> {
        let slot = self.decision.slot(9, self.frame);
        slot.value().map(|_| ()).ok_or(slot.reason)
    }
}

const fn place(way: BuySell) -> usize {
    match way {
        BuySell::Buy => 0,
        BuySell::Sell => 1,
    }
}

#[cfg(test)]
mod tests;
