//! Book and patterns as they stand in the records.

use std::collections::BTreeMap;

use serde::Serialize;

use super::record::{Cells, View, finite, time};
use crate::book::{BookState, Level};
use crate::features::dom::Kind;
use crate::features::frame::NearBase;
use crate::features::navale::State;
use crate::features::patterns::Pattern;
use crate::units::{Px, Reason};

/// Levels a side that a record needs; ten are expected.
const LEVELS_MIN: usize = 5;
/// Weight of a level against the one before it.
const LEVEL_WEIGHT: f64 = 0.8;

/// `dom`.
#[derive(Debug, Serialize)]
pub(super) struct Dom {
    state: &'static str,
    bids: Vec<Row>,
    asks: Vec<Row>,
    bid_levels: usize,
    ask_levels: usize,
    bid_total: u64,
    ask_total: u64,
    spread_ticks: Option<i32>,
    mid: Option<f64>,
    microprice: Option<f64>,
    imbalance_l1: Option<f64>,
    imbalance_l5: Option<f64>,
    imbalance_l10: Option<f64>,
    support: Option<f64>,
    bid_wall: Option<Place>,
    ask_wall: Option<Place>,
    bid_ladder: Option<Place>,
    ask_ladder: Option<Place>,
    events: BTreeMap<&'static str, [Option<u64>; 2]>,
}

#[derive(Debug, Serialize)]
struct Row {
    price: f64,
    size: u32,
    orders: Option<u16>,
}

#[derive(Debug, Serialize)]
struct Place {
    price: f64,
    size: u64,
    since: Option<String>,
    levels: Option<u8>,
}

/// (Σ w·bid − Σ w·ask)/(Σ w·bid + Σ w·ask) over `depth` levels a side.
fn imbalance(bids: &[Level], asks: &[Level], depth: usize) -> Option<f64> {
    let sum = |side: &[Level]| {
        let side = side.get(..depth)?;
        let weighed = |(sum, weight): (f64, f64), level: &Level| {
            (sum + weight * f64::from(level.qty), weight * LEVEL_WEIGHT)
        };
        Some(side.iter().fold((0.0, 1.0), weighed).0)
    };
    let (bid, ask) = (sum(bids)?, sum(asks)?);
    (bid + ask > 0.0).then(|| (bid - ask) / (bid + ask))
}

impl View<'_> {
    /// The whole of `dom`.
    pub(super) fn dom(&self, cells: &mut Cells) -> Dom {
        let (bids, asks) = (self.shot.bids.levels(), self.shot.asks.levels());
        for (side, name) in [(bids, "bids"), (asks, "asks")] {
            for at in 0..LEVELS_MIN {
                let level = side.get(at);
                let _ = cells.need(&format!("{name}[{at}].price"), level.map(|l| l.px));
                let _ = cells.need(&format!("{name}[{at}].size"), level.map(|l| l.qty));
            }
        }
        if bids.len() < LEVELS_MIN || asks.len() < LEVELS_MIN {
            cells.flags.push("DOM_BELOW_5");
        }
        let rows = |side: &[Level]| side.iter().map(|l| self.row(l)).collect::<Vec<Row>>();
        let total = |side: &[Level]| side.iter().map(|l| u64::from(l.qty)).sum();
        let (bid, ask) = self.touch();
        let both = bid.zip(ask);
        let micro = both.filter(|(b, a)| b.px < a.px).map(|(b, a)| {
            let (bid, ask) = (f64::from(b.qty), f64::from(a.qty));
            self.points(b.px) + f64::from(a.px.minus(b.px)) * self.tick * bid / (bid + ask)
        });
        let dom = &self.shot.dom;
        let [bid_wall, ask_wall] = dom.walls.map(|wall| {
            let wall = wall?;
            Some(Place {
                price: self.points(wall.px),
                size: u64::from(wall.size),
                since: time(wall.since),
                levels: None,
            })
        });
        let [bid_ladder, ask_ladder] = dom.ladders.map(|ladder| {
            let ladder = ladder?;
            let (price, size) = (self.points(ladder.px), ladder.size);
            Some(Place { price, size, since: None, levels: Some(ladder.levels) })
        });
        let counts = Kind::ALL.iter().zip(dom.counts).map(|(kind, count)| (kind.name(), count));
        Dom {
            state: match self.shot.frame.book {
                BookState::Empty => "EMPTY",
                BookState::OneSided => "ONE_SIDED",
                BookState::Normal => "NORMAL",
                BookState::Locked => "LOCKED",
                BookState::Crossed => "CROSSED",
            },
            bids: rows(bids),
            asks: rows(asks),
            bid_levels: bids.len(),
            ask_levels: asks.len(),
            bid_total: total(bids),
            ask_total: total(asks),
            spread_ticks: both.map(|(b, a)| a.px.minus(b.px)),
            mid: both.map(|(b, a)| f64::midpoint(self.points(b.px), self.points(a.px))),
            microprice: cells.maybe("microprice", micro.and_then(finite), "CROSSED_BOOK"),
            imbalance_l1: imbalance(bids, asks, 1),
            imbalance_l5: imbalance(bids, asks, 5),
            imbalance_l10: imbalance(bids, asks, 10),
            support: cells.slot("support", dom.support),
            bid_wall,
            ask_wall,
            bid_ladder,
            ask_ladder,
            events: counts.collect(),
        }
    }

    fn row(&self, level: &Level) -> Row {
        let orders = (level.orders > 0).then_some(level.orders);
        Row { price: self.points(level.px), size: level.qty, orders }
    }
}

/// `patterns`.
#[derive(Debug, Serialize)]
pub(super) struct Patterns {
    pattern_strength: Option<f64>,
    count: u64,
    newest: Vec<Found>,
    battle_navale: Option<Navale>,
    base: Option<Base>,
    delta_divergence: Option<f64>,
    footprint: Option<Footprint>,
    swing_high: Option<f64>,
    swing_low: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Found {
    name: &'static str,
    sign: i8,
    strength: f64,
    time: Option<String>,
    price: f64,
}

#[derive(Debug, Serialize)]
struct Navale {
    score: f64,
    side: &'static str,
    strength: f64,
    power: f64,
    trend: f64,
    base: f64,
}

#[derive(Debug, Serialize)]
struct Base {
    low: f64,
    high: f64,
    colour: &'static str,
    tested: bool,
    quality: f64,
}

#[derive(Debug, Serialize)]
struct Footprint {
    buy_imbalances: u32,
    sell_imbalances: u32,
    stacked_buy: u32,
    stacked_sell: u32,
    delta: i64,
}

impl View<'_> {
    /// The whole of `patterns`: without a required cell, all of it may not be there.
    pub(super) fn patterns(&self, cells: &mut Cells) -> Patterns {
        let (shot, frame) = (self.shot, &self.shot.frame);
        let found = |p: &Pattern| Found {
            name: p.kind.name(),
            sign: p.sign,
            strength: p.strength,
            time: time(p.at),
            price: self.points(p.px),
        };
        let navale = shot.navale.map(|r| Navale {
            score: r.score,
            side: r.verdict.name(),
            strength: r.strength,
            power: r.power,
            trend: r.trend,
            base: r.base,
        });
        let closed = shot.footprint;
        let footprint = (closed.reason == Reason::Present).then(|| Footprint {
            buy_imbalances: u32::from(closed.buy.rows),
            sell_imbalances: u32::from(closed.sell.rows),
            stacked_buy: u32::from(closed.buy.stacked),
            stacked_sell: u32::from(closed.sell.stacked),
            delta: closed.delta,
        });
        let swing = |px: Option<Px>| px.map(|px| self.points(px));
        Patterns {
            pattern_strength: cells.slot("pattern_strength", frame.slot(26)),
            count: shot.pattern_count,
            newest: shot.patterns.iter().flatten().map(found).collect(),
            battle_navale: cells.maybe("battle_navale", navale, frame.slot(28).reason.name()),
            base: frame.base.map(|base| self.base(&base)),
            delta_divergence: cells.slot("delta_divergence", frame.slot(15)),
            footprint: cells.maybe("footprint", footprint, closed.reason.name()),
            swing_high: cells.maybe("swing_high", swing(frame.levels.swing_high), "WARMUP"),
            swing_low: cells.maybe("swing_low", swing(frame.levels.swing_low), "WARMUP"),
        }
    }

    fn base(&self, base: &NearBase) -> Base {
        Base {
            low: self.points(base.low),
            high: self.points(base.high),
            colour: match base.colour {
                1 => "green",
                -1 => "red",
                _ => "neutral",
            },
            tested: base.state == State::Tested,
            quality: base.quality,
        }
    }
}
