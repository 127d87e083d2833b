//! The simulated exchange fills nothing that book and tape do not allow: an auditor that knows the
//! rules and none of the code watches random markets and the real one.

mod exchange {
    pub(crate) mod audit;
}

use exchange::audit::{Audit, Tally};
use mia::book::{Book, BookState};
use mia::calendar::{Calendar, Segment};
use mia::event::{Body, Event, flag};
use mia::execution::exchange::{Exchange, Params, Queue, Reports};
use mia::order::{Action, BuySell, Command, OrderId, OrderKind};
use mia::runtime::files::{TickFiles, load};
use mia::units::{Aggressor, Px, Side, SymbolId, Ts};
use mia_test_support as common;
use proptest::prelude::*;

const SYMBOL: SymbolId = SymbolId(0);
const MS: i64 = 1_000_000;

/// An exchange, its market and its auditor.
struct Scene {
    exchange: Exchange,
    book: Book,
    audit: Audit,
    out: Reports,
    ts: Ts,
    ids: u32,
}

impl Scene {
    fn new(params: Params) -> Scene {
        Scene {
            exchange: Exchange::new(params, 1),
            book: Book::new(),
            audit: Audit::new(params),
            out: Reports::new(),
            ts: Ts(1),
            ids: 0,
        }
    }

    fn step(&mut self, event: &Event, open: bool) {
        self.ts = event.ts;
        self.book.apply(event);
        self.audit.hear(event, open, &self.book);
        self.out.clear();
        self.exchange.on_event(event, open, &self.book, &mut self.out);
        self.audit.judge(event, open, &self.book, self.out.events());
    }

    fn send(&mut self, action: Action) {
        let command = Command { seq: 1, ts: self.ts, symbol: SYMBOL, action };
        self.exchange.submit(&command);
        self.audit.asked(&command);
    }

    fn id(&mut self, many: u32) -> OrderId {
        let id = OrderId::new(20_231_226, self.ids + 1);
        self.ids += many;
        id
    }

    fn order(&mut self, way: BuySell, kind: OrderKind, qty: u32, at: i32) {
        let (id, px) = (self.id(1), Px::clamped(i64::from(at)));
        self.send(Action::New { id, way, kind, qty, px, parent: false });
    }

    /// An entry with stop and target at these distances.
    fn bracket(&mut self, way: BuySell, kind: OrderKind, qty: u32, at: i32, ticks: (i32, i32)) {
        let id = self.id(3);
        let px = |ticks: i32| Px::clamped(i64::from(at + way.sign() * ticks));
        let (stop, target) = (px(-ticks.0), px(ticks.1));
        self.send(Action::New { id, way, kind, qty, px: px(0), parent: true });
        self.send(Action::Bracket { parent: id, child: 1, way: way.opposite(), qty, stop, target });
    }

    /// An id among the last few, whatever became of it.
    fn some_id(&self, back: u32) -> OrderId {
        OrderId::new(20_231_226, self.ids.saturating_sub(back).max(1))
    }

    fn touch(&self) -> Option<(i32, i32)> {
        let (bid, ask) = (self.book.bids().best()?, self.book.asks().best()?);
        Some((bid.px.ticks(), ask.px.ticks()))
    }
}

fn way(bit: u8) -> BuySell {
    if bit & 1 == 0 { BuySell::Buy } else { BuySell::Sell }
}

/// A command out of three bytes.
fn command(scene: &mut Scene, op: u8, a: u8, b: u8) {
    let (qty, near) = (u32::from(b % 9), 100 + i32::from(a % 17) - 8);
    match op % 9 {
        0 => scene.order(way(a), OrderKind::Market, qty, 0),
        1 | 2 => scene.order(way(b >> 4), OrderKind::Limit, qty, near),
        3 => scene.order(way(b >> 4), OrderKind::Stop, qty, near),
        4 => scene.order(way(b >> 4), OrderKind::StopLimit, qty, near),
        5 => {
            let kind = if a & 1 == 0 { OrderKind::Market } else { OrderKind::Limit };
            let ticks = (i32::from(a % 5), 1 + i32::from(b % 5));
            scene.bracket(way(b >> 4), kind, 1 + qty, near, ticks);
        }
        6 => scene.send(Action::Cancel { id: scene.some_id(u32::from(a % 12)) }),
        7 => {
            let (id, px) = (scene.some_id(u32::from(a % 12)), Px::clamped(near.into()));
            scene.send(Action::Replace { id, qty, px });
        }
        _ if a < 64 => {
            let id = scene.id(1);
            scene.send(Action::Flatten { id });
        }
        _ => {}
    }
}

/// A market event out of three bytes.
fn market(scene: &Scene, op: u8, a: u8, b: u8) -> (Body, u8) {
    let end = if op & 16 == 0 { flag::BATCH_END } else { 0 };
    match op % 8 {
        0..=2 => {
            let side = if a & 1 == 0 { Side::Bid } else { Side::Ask };
            // Mostly on its own side of 100, sometimes not.
            let away = i64::from(a >> 1 & 15) - 2;
            let px = Px::clamped(if side == Side::Bid { 99 - away } else { 100 + away });
            (Body::Depth { side, px, qty: u32::from(b % 10), orders: 1 }, end)
        }
        3..=5 => {
            let (bid, ask) = scene.touch().unwrap_or((99, 100));
            let (at, aggressor) = match a % 5 {
                0 | 1 => (bid - i32::from(a >> 6), Aggressor::Sell),
                2 | 3 => (ask + i32::from(a >> 6), Aggressor::Buy),
                _ => (bid, Aggressor::None),
            };
            let px = Px::clamped(at.into());
            (Body::Trade { px, qty: 1 + u32::from(b % 20), aggressor, unbundled: 0 }, 0)
        }
        6 => (Body::BatchEnd, 0),
        _ if a < 8 => (Body::Clear, flag::BATCH_END),
        _ => (Body::Timer, 0),
    }
}

fn play(params: Params, script: &[(u8, u8, u8)]) -> Tally {
    let mut scene = Scene::new(params);
    let mut open = true;
    let mut seq = 0;
    let mut step = |scene: &mut Scene, ms: i64, body: Body, flags: u8, open: bool| {
        seq += 1;
        let ts = Ts(scene.ts.0 + ms * MS);
        scene.step(&Event { seq, ts, ts_exch: ts, symbol: SYMBOL, flags, body }, open);
    };
    for n in 0..12 {
        for (side, at) in [(Side::Bid, 99 - n), (Side::Ask, 100 + n)] {
            let body = Body::Depth { side, px: Px::clamped(at), qty: 5, orders: 1 };
            step(&mut scene, 1, body, flag::BATCH_END, open);
        }
    }
    for &(op, a, b) in script {
        if op >= 160 {
            command(&mut scene, op, a, b);
            continue;
        }
        // Seldom, and the next time the other way.
        if op == 159 && b < 40 {
            open = !open;
        }
        let (body, flags) = market(&scene, op, a, b);
        step(&mut scene, i64::from(b % 3), body, flags, open);
    }
    for _ in 0..4 {
        step(&mut scene, 1000, Body::BatchEnd, 0, true);
    }
    let open: Vec<OrderId> = scene.exchange.open_orders().map(|order| order.id()).collect();
    scene.audit.finish(&open)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// No order of events, commands and halts leads to a fill that was not there, to a bracket that
    /// closes more than was opened, or to a cancel that is answered twice or never.
    #[test]
    fn nothing_is_filled_that_was_not_there(
        script in prop::collection::vec(any::<(u8, u8, u8)>(), 0..400),
        proportional in any::<bool>(),
        latency_ms in 0_i64..4,
    ) {
        let queue = if proportional { Queue::Proportional } else { Queue::Pessimistic };
        play(Params { latency_ns: latency_ms * MS, queue, ..Params::default() }, &script);
    }

    /// Equal input, equal output.
    #[test]
    fn runs_are_equal(script in prop::collection::vec(any::<(u8, u8, u8)>(), 0..200)) {
        prop_assert_eq!(play(Params::default(), &script), play(Params::default(), &script));
    }
}

/// What the random scripts reach: a property over scripts in which nothing trades proves nothing.
#[test]
fn random_scripts_trade() {
    let mut sum = Tally::default();
    let mut state = 7_u64;
    let mut byte = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    for _ in 0..60 {
        let script: Vec<_> = (0..400).map(|_| (byte(), byte(), byte())).collect();
        sum.add(&play(Params { latency_ns: MS, ..Params::default() }, &script));
    }
    println!("{sum:?}");
    let Tally { makers, takers, stops, stop_exits, target_exits, cancels_won, .. } = sum;
    for count in [makers, takers, stops, stop_exits, target_exits, cancels_won] {
        assert!(count >= 10, "{sum:?}");
    }
}

/// Every few hundred batches another order, by turns of every kind.
fn trader(scene: &mut Scene, turn: u32) {
    let Some((bid, ask)) = scene.touch() else { return };
    let side = way((turn / 8 % 2) as u8);
    let (near, far) = match side {
        BuySell::Buy => (bid, ask),
        BuySell::Sell => (ask, bid),
    };
    let sign = side.sign();
    match turn % 8 {
        0 => scene.order(side, OrderKind::Market, 1 + turn % 60, 0),
        1 => scene.order(side, OrderKind::Limit, 3, near),
        2 => scene.order(side, OrderKind::Limit, 25, far),
        3 => scene.order(side, OrderKind::Stop, 4, far + 2 * sign),
        4 => scene.bracket(side, OrderKind::Market, 2, far, (4, 3)),
        5 => scene.bracket(side, OrderKind::Limit, 6, near, (3, 2)),
        6 => scene.send(Action::Cancel { id: scene.some_id(turn % 9) }),
        _ => {
            let id = scene.some_id(turn % 5);
            scene.send(Action::Replace { id, qty: 5, px: Px::clamped((near - sign).into()) });
        }
    }
}

/// The holiday evening of ES, with orders of every kind on every twentieth book.
#[test]
fn the_real_tape_allows_every_fill() {
    let Some(path) = common::es_file() else { return };
    let files = TickFiles::new(vec![load(&path).expect("readable")], None).expect("one symbol");
    let calendar = Calendar::bundled().expect("valid");
    for (queue, latency_ns) in
        [(Queue::Pessimistic, 20 * MS), (Queue::Pessimistic, 0), (Queue::Proportional, 20 * MS)]
    {
        let mut scene = Scene::new(Params { latency_ns, queue, ..Params::default() });
        let mut stream = files.stream().expect("readable");
        let mut segment = None;
        let (mut books, mut turn) = (0_u32, 0);
        while let Some(event) = stream.next_event().expect("whole") {
            let at = event.ts_exch.or(event.ts);
            let span = segment.filter(|s: &Segment| s.contains(at));
            let span = span.unwrap_or_else(|| calendar.segment(at));
            segment = Some(span);
            let open = span.label.is_open();
            scene.step(&event, open);
            let ended = event.is_market() && event.has(flag::BATCH_END);
            if open && ended && scene.book.state() == BookState::Normal {
                books += 1;
                if books % 20 == 0 {
                    trader(&mut scene, turn);
                    // Nothing stays for long: a full table would refuse the rest.
                    if scene.ids > 40 {
                        scene.send(Action::Cancel { id: scene.some_id(40) });
                    }
                    turn += 1;
                }
            }
        }
        let left: Vec<OrderId> = scene.exchange.open_orders().map(|order| order.id()).collect();
        let position: i32 = scene.exchange.positions().map(|p| p.1).sum();
        let tally = scene.audit.finish(&left);
        println!("{queue:?} {latency_ns} ns: {turn} turns, {} left, {tally:?}", left.len());
        assert_eq!(i64::from(position), tally.bought as i64 - tally.sold as i64);
        let Tally { makers, takers, stops, stop_exits, target_exits, cancels_won, .. } = tally;
        for count in [makers, takers, stops, stop_exits, target_exits, cancels_won] {
            assert!(count >= 10, "{tally:?}");
        }
        assert!(tally.bought >= 500 && tally.sold >= 500, "{tally:?}");
    }
}
