//! A synthetic trading day as notes: nothing of it happened, its numbers only have the shape of a
//! day. For tests.

use std::sync::Arc;

use super::Header;
use crate::calendar::{Calendar, Label, SubBucket};
use crate::decision::{News, Tier};
use crate::features::frame::{Details, FEATURES, NearBase, Number};
use crate::features::navale::State;
use crate::features::patterns::Kind;
use crate::order::{
    BuySell, Depth, Detail, ExecutionId, ExitReason, Gate, OrderId, OrderKind, Role, Veto,
};
use crate::risk::Open;
use crate::store::options::folders::Mode;
use crate::trader::note::{
    After, Closed, Decided, Entry, Exposed, Filled, Held, Impact, Market, Member, Note, Stamp,
};
use crate::units::{Instrument, MINUTE, Px, Reason, SECOND, SYMBOLS_MAX, Slot, SymbolId, Ts};

/// 2026-01-14 09:30 New York.
pub(crate) const OPEN: Ts = Ts(1_768_401_000 * SECOND);
/// Fees of a contract and side, USD.
const FEES: f64 = 2.25;
/// Ticks from entry to stop and target.
const STOP: i32 = 8;
const TARGET: i32 = 20;

/// The calendar of tests.
pub(crate) fn calendar() -> Arc<Calendar> {
    Arc::new(Calendar::bundled().expect("bundled"))
}

/// A run over ES and NQ.
pub(crate) fn header(mode: Mode, delay_class: &str) -> Header {
    let instrument = |name| Instrument::from_symbol(name).expect("known");
    Header {
        run: "synthetic".to_owned(),
        mode,
        source: "synthetic".to_owned(),
        delay_class: delay_class.to_owned(),
        config_hash: "c0ffee".to_owned(),
        preset: "spec".to_owned(),
        coverage_floor: 0.7,
        build: "test".to_owned(),
        news: News::new(vec![Ts(OPEN.0 + 60 * MINUTE)], Ts(OPEN.0 + 5 * 24 * 60 * MINUTE)),
        instruments: vec![instrument("ESH6"), instrument("NQH6")],
    }
}

/// An instant of the day at a place in it.
pub(crate) fn stamp(seq: u64, after_ns: i64, symbol: u16) -> Stamp {
    let ts = Ts(OPEN.0 + after_ns);
    Stamp { seq, ts, market_time: Ts(ts.0 - 3_000_000), symbol: SymbolId(symbol) }
}

fn px(ticks: i32) -> Px {
    Px::new(ticks).expect("in range")
}

fn features(at: usize) -> [Slot; FEATURES] {
    let mut slots = [Slot::none(Reason::Warmup); FEATURES];
    for (number, slot) in slots.iter_mut().enumerate().skip(2) {
        *slot = Slot::some(((at * 7 + number * 3) % 21) as f64 / 10.0 - 1.0);
    }
    slots
}

fn market(at: usize, mid: i32) -> Market {
    let side = |sign: i32| Depth::new((0..10).map(|n| (px(mid + sign * (n + 1)), 20 + n as u32)));
    let regime = [Some((0, 1)), Some((1, 0)), Some((2, 0)), None];
    Market {
        bids: side(-1),
        asks: side(1),
        bar: Some([px(mid - 2), px(mid + 4), px(mid - 5), px(mid)]),
        bar_volume: 1_200,
        bar_sides: (700, 450),
        session: Some((px(mid - 60), px(mid + 45))),
        session_volume: 250_000,
        session_whole: true,
        premarket: Slot::some(90_000.0),
        cash: (Some(px(23_950)), Some(px(23_990))),
        label: Label::Us,
        sub_bucket: SubBucket::UsMorning,
        minutes: Some((at as u32 * 8, 390 - at as u32 * 8)),
        atr20: Some(11.5),
        volatility: Slot::some(1.0 / 3.0),
        regime: regime.get(at % 4).copied().flatten(),
        base: (!at.is_multiple_of(7)).then(|| NearBase {
            low: px(mid - 9),
            high: px(mid - 3),
            quality: 0.8,
            number: at as u32,
            width_max: 10,
            colour: 1,
            state: State::Active,
        }),
        details: details(at),
        latency_ns: (!at.is_multiple_of(6)).then_some(3_000_000),
    }
}

fn details(at: usize) -> Details {
    let mut details = Details::default();
    (details.steps, details.direction) = (Some((8, 7)), -1);
    for (which, number) in [
        (Number::Atr14, 11.25),
        (Number::RealisedVol, 0.14),
        (Number::Rvol, 1.2),
        (Number::Power, -0.25),
        (Number::Trend, 0.5),
        (Number::PremarketUsual, 80_000.0),
        (Number::LargeNet, 0.3),
    ] {
        details.set(which, Some(number));
    }
    details.pattern = (at % 3 == 1).then_some(Kind::ColorUp);
    details
}

/// One decision edge; `entry` where it traded.
pub(crate) fn decided(at: usize, stamp: Stamp, way: BuySell, entry: Option<Entry>) -> Decided {
    let d = f64::from(way.sign()) * (0.6 + 0.01 * (at % 30) as f64);
    Decided {
        at: stamp,
        way,
        d,
        d_core: 0.8 * d,
        score: 100.0 * d.abs(),
        coverage: 0.9,
        tier: if at.is_multiple_of(3) { Tier::Strong } else { Tier::Good },
        features: features(at),
        market: market(at, 24_000 + at as i32),
        context_version: 0,
        vix: (!at.is_multiple_of(5)).then_some(16.5 + at as f64 / 10.0),
        nearest: None,
        cluster: Some(0.28),
        micro: None,
        again: None,
        veto: entry.is_none().then(|| Veto::new(Gate::Rr, Detail::RatioLow)),
        entry,
    }
}

struct Trade {
    at: usize,
    id: OrderId,
    way: BuySell,
    qty: u32,
    /// Entry in ticks, and where it ended relative to it in its direction.
    entry: i32,
    ticks: i32,
    symbol: u16,
    start: i64,
    minutes: i64,
}

impl Trade {
    fn tick_usd(&self) -> f64 {
        if self.symbol == 0 { 12.5 } else { 5.0 }
    }

    fn risk(&self) -> f64 {
        f64::from(STOP) * self.tick_usd() * f64::from(self.qty)
    }

    fn bracket(&self) -> (Px, Px) {
        let sign = self.way.sign();
        (px(self.entry - sign * STOP), px(self.entry + sign * TARGET))
    }

    fn fill(&self, role: Role, at: Stamp, execution: u64) -> Filled {
        let (way, price) = match role {
            Role::Entry => (self.way, self.entry),
            _ => (self.way.opposite(), self.entry + self.way.sign() * self.ticks),
        };
        let sent = Ts(at.ts.0 - 40_000_000);
        Filled {
            at,
            trade: self.id,
            id: self.id.plus(if role == Role::Entry { 0 } else { 1 }),
            execution: ExecutionId::new(execution),
            role,
            kind: if role == Role::Target { OrderKind::Limit } else { OrderKind::Market },
            way,
            order_qty: self.qty,
            qty: self.qty,
            filled: self.qty,
            requested: None,
            px: px(price),
            index: 1,
            touch: Some((px(price - 1), px(price))),
            decision_half_ticks: Some(2 * i64::from(price) - i64::from(way.sign())),
            slippage_ticks: Some(0.5),
            times: [Ts(sent.0 - 1_000_000), sent, Ts(sent.0 + 12_000_000)],
            bracket: Some(self.bracket()),
            plan: Some((2.1, self.risk())),
            fees_usd: Some(FEES * f64::from(self.qty)),
        }
    }

    fn held(&self, at: Stamp, qty: u32) -> Held {
        let signed = self.way.sign() * qty as i32;
        Held {
            at,
            trade: self.id,
            qty: signed,
            average: Some(f64::from(self.entry)),
            mark: Some(f64::from(self.entry + self.way.sign())),
            open_ticks: Some(1.0),
            open_usd: Some(self.tick_usd() * f64::from(qty)),
            excursion: Some((2.0, -3.0)),
            since: Ts(OPEN.0 + self.start),
            bracket: (qty > 0).then(|| self.bracket()),
        }
    }

    fn exposed(&self, at: Stamp, qty: u32) -> Exposed {
        let mut members = [Member::NONE; SYMBOLS_MAX];
        let risk_usd = if qty > 0 { self.risk() } else { 0.0 };
        for (symbol, member) in members.iter_mut().enumerate().take(2) {
            if symbol == usize::from(self.symbol) {
                member.open = Open { qty: self.way.sign() * qty as i32, working: 0, risk_usd };
            } else {
                (member.correlation, member.returns) = (Slot::some(0.9), 60);
            }
        }
        // Some positions nobody planned.
        let unknown = self.at % 8 == 7 && qty > 0;
        Exposed {
            at,
            members,
            count: 2,
            open_risk_usd: if unknown { f64::INFINITY } else { risk_usd },
            open_risk_max: 0.015,
            equity_usd: Some(100_000.0),
        }
    }

    fn closed(&self, at: Stamp) -> Closed {
        let gross = f64::from(self.ticks) * self.tick_usd() * f64::from(self.qty);
        let won = self.ticks > 0;
        let moved = f64::from(self.ticks.abs());
        Closed {
            at,
            trade: self.id,
            way: self.way,
            qty: self.qty,
            entry_time: Ts(OPEN.0 + self.start),
            exit_time: at.market_time,
            entry: Some(f64::from(self.entry)),
            exit: Some(f64::from(self.entry + self.way.sign() * self.ticks)),
            ticks: Some(f64::from(self.ticks)),
            gross_usd: Some(gross),
            fees_usd: Some(2.0 * FEES * f64::from(self.qty)),
            risk_usd: Some(self.risk()),
            equity_usd: Some(100_000.0),
            slippage: (Some(0.5), if self.at % 9 == 8 { None } else { Some(1.0) }),
            excursion: Some(if won { (moved + 1.0, -3.0) } else { (4.0, -moved - 1.0) }),
            adverse_first: self.at.is_multiple_of(2),
            reason: if won { ExitReason::Target } else { ExitReason::Stop },
            decided: Some(Ts(OPEN.0 + self.start)),
            tier: Some(if self.at.is_multiple_of(3) { Tier::Strong } else { Tier::Good }),
            d: Some(f64::from(self.way.sign()) * (0.6 + 0.01 * (self.at % 30) as f64)),
            coverage: Some(0.9),
            features: features(self.at),
            label: Some(Label::Us),
            sub_bucket: Some(SubBucket::UsMorning),
            regime: [Some((0, -1)), Some((1, 0))],
            volatility: [Slot::some(1.0 / 3.0), Slot::some(2.0 / 3.0)],
            vix: (!self.at.is_multiple_of(5)).then_some(16.5 + self.at as f64 / 10.0),
        }
    }

    fn notes(&self) -> Vec<Note> {
        let begun = stamp(100 * self.at as u64, self.start, self.symbol);
        let over = stamp(begun.seq + 50, self.start + self.minutes * MINUTE, self.symbol);
        let later = |of: Stamp, ns: i64| Stamp {
            seq: of.seq + 1,
            ts: Ts(of.ts.0 + ns),
            market_time: Ts(of.market_time.0 + ns),
            ..of
        };
        let (stop, target) = self.bracket();
        let entry = Entry {
            id: self.id,
            qty: self.qty,
            kind: OrderKind::Market,
            px: None,
            stop,
            target,
            rr_net: 2.1,
            risk_usd: self.risk(),
            equity_usd: 100_000.0,
        };
        let role = if self.ticks > 0 { Role::Target } else { Role::Stop };
        let fill = self.fill(Role::Entry, later(begun, 60_000_000), 2 * self.at as u64 + 1);
        let exit = self.fill(role, over, 2 * self.at as u64 + 2);
        let impact = |of: &Filled, ticks: f64| {
            Note::Impact(Impact {
                at: later(of.at, SECOND),
                id: of.id,
                execution: of.execution,
                ticks,
            })
        };
        vec![
            Note::Decision(decided(self.at, begun, self.way, Some(entry))),
            Note::Fill(fill),
            Note::Position(self.held(later(begun, 60_000_001), self.qty)),
            Note::Exposed(self.exposed(later(begun, 60_000_001), self.qty)),
            impact(&fill, 0.5),
            Note::Fill(exit),
            Note::Position(self.held(over, 0)),
            Note::Exposed(self.exposed(over, 0)),
            Note::Trade(self.closed(over)),
            impact(&exit, -0.5),
        ]
    }

    fn after(&self) -> Note {
        let end = self.start + (self.minutes + 60) * MINUTE;
        Note::After(After {
            at: stamp(100 * self.at as u64 + 99, end, self.symbol),
            trade: self.id,
            ticks: [Some(2.0), Some(-1.0), None],
            over: 3,
        })
    }
}

/// `count` trades after another, every third decision refused; the last two have no analysis yet.
pub(crate) fn day(count: usize) -> Vec<Note> {
    let ends = [20, -8, 20, -8, -8, 0, 20, -8, 12, -5];
    let mut notes = Vec::new();
    for at in 0..count {
        let start = at as i64 * 8 * MINUTE;
        let trade = Trade {
            at,
            id: OrderId::new(20_260_114, 1 + 3 * at as u32),
            way: if at % 2 == 0 { BuySell::Buy } else { BuySell::Sell },
            qty: 1 + (at % 3) as u32,
            entry: 24_000 + 5 * at as i32,
            ticks: ends.get(at % ends.len()).copied().unwrap_or(0),
            symbol: (at % 4 == 3).into(),
            start,
            minutes: 3 + at as i64 % 4,
        };
        notes.extend(trade.notes());
        if at.is_multiple_of(3) {
            let refused = stamp(100 * at as u64 + 70, start + 7 * MINUTE, trade.symbol);
            notes.push(Note::Decision(decided(at, refused, trade.way.opposite(), None)));
        }
        if at + 2 < count {
            notes.push(trade.after());
        }
    }
    notes
}
