//! Golden patterns, the mirror, bounds, `advance`, and a twin that looks at the whole past.

use proptest::prelude::*;

use super::bars::strength;
use super::*;
use crate::bars::{Atr, Bar, History, reference::r64};
use crate::features::close::Usual;
use crate::units::{MINUTE, SECOND};

/// What the driver keeps around the feature.
#[derive(Clone, Default)]
struct Run {
    history: History,
    atr20: Atr<20>,
    patterns: Patterns,
}

impl Run {
    fn bar(&mut self, bar: &Bar, rvol: Option<f64>, rvol_high: Option<f64>) {
        self.history.push(bar);
        self.atr20.push(bar);
        self.show(bar, self.atr20.value(), rvol, rvol_high);
    }

    /// Shows a bar under an ATR of one's own.
    fn show(&mut self, bar: &Bar, atr20: Option<f64>, rvol: Option<f64>, rvol_high: Option<f64>) {
        let usual = Usual { rvol, rvol_high, ..Usual::default() };
        self.patterns.close(&view(bar, &self.history, atr20, usual));
    }

    fn empty(&mut self) {
        let last = *self.history.ago(0).expect("a bar");
        self.bar(&Bar::empty(last.minute + 1, last.close), None, None);
    }

    fn value(&self) -> f64 {
        self.patterns.slot().value().expect("warm")
    }

    fn kinds(&self) -> Vec<Kind> {
        self.patterns.events().map(|p| p.kind).collect()
    }
}

fn view<'a>(bar: &'a Bar, history: &'a History, atr20: Option<f64>, usual: Usual) -> Close<'a> {
    let (rth, structure, cvd) = (false, None, 0);
    Close { bar, history, rth, atr20, structure, cvd, usual }
}

type Ohlc = (i64, i64, i64, i64);

fn bar(minute: i64, (open, high, low, close): Ohlc) -> Bar {
    let [open, high, low, close] = [open, high, low, close].map(Px::clamped);
    Bar { minute, open, high, low, close, volume: 100, buy: 50, sell: 50 }
}

/// `rows` after twenty quiet bars at the first open, the last seen with ATR20 = 20.
fn after_silence(rows: &[Ohlc], rvol: Option<f64>) -> Run {
    let mut run = Run::default();
    let first = Px::clamped(rows[0].0);
    (0..20).for_each(|m| run.bar(&Bar::empty(m, first), None, None));
    assert_eq!(run.value(), 0.0);
    for (&row, minute) in rows.iter().zip(20..) {
        let bar = bar(minute, row);
        run.history.push(&bar);
        run.show(&bar, Some(20.0), rvol, None);
    }
    run
}

const LONG: [Ohlc; 3] = [
    (24_040, 24_044, 24_024, 24_030),
    (24_028, 24_029, 24_016, 24_020),
    (24_022, 24_046, 24_021, 24_045),
];
const LONG_MIRROR: [Ohlc; 3] = [
    (24_020, 24_036, 24_016, 24_030),
    (24_032, 24_044, 24_031, 24_040),
    (24_038, 24_039, 24_014, 24_015),
];
const COLOR: [Ohlc; 4] = [
    (24_060, 24_064, 24_048, 24_052),
    (24_050, 24_054, 24_036, 24_040),
    (24_042, 24_046, 24_032, 24_036),
    (24_034, 24_036, 24_020, 24_024),
];
const COLOR_MIRROR: [Ohlc; 4] = [
    (24_020, 24_032, 24_016, 24_028),
    (24_030, 24_044, 24_026, 24_040),
    (24_038, 24_048, 24_034, 24_044),
    (24_046, 24_060, 24_044, 24_056),
];

#[test]
fn golden_long() {
    for (rows, kind, value) in
        [(LONG, Kind::LongDownUp, 0.735), (LONG_MIRROR, Kind::LongUpDown, -0.735)]
    {
        let run = after_silence(&rows, Some(1.4));
        assert_eq!(run.kinds(), [kind]);
        assert!((run.value() - value).abs() < 1e-12);
        let last = run.patterns.last(kind).expect("fired");
        assert_eq!((last.at, last.px.ticks()), (Ts(23 * MINUTE), rows[2].3 as i32));
        assert_eq!(run.patterns.counts()[kind as usize], 1);
        // Not before the last bar has closed; without RVOL the first part alone.
        assert_eq!(after_silence(&rows[..2], Some(1.4)).kinds(), []);
        assert!((after_silence(&rows, None).value().abs() - 0.75).abs() < 1e-12);
    }
    for (at, row) in [(2, (24_020, 24_046, 24_020, 24_045)), (2, (24_022, 24_044, 24_021, 24_044))]
    {
        let mut rows = LONG;
        rows[at] = row;
        assert_eq!(after_silence(&rows, Some(1.4)).kinds(), []);
    }
}

#[test]
fn golden_color() {
    // The last three bars of these four are a long pattern as well, of the same sign and weaker.
    for (rows, long, kind, value) in [
        (COLOR, Kind::LongUpDown, Kind::ColorDown, -0.85),
        (COLOR_MIRROR, Kind::LongDownUp, Kind::ColorUp, 0.85),
    ] {
        let run = after_silence(&rows, Some(1.0));
        assert_eq!(run.kinds(), [long, kind]);
        assert!((run.value() - value).abs() < 1e-12);
        assert_eq!(after_silence(&rows[..3], Some(1.0)).kinds(), []);
    }
    let mut rows = COLOR;
    rows[2].1 = 24_054;
    assert_eq!(after_silence(&rows, Some(1.0)).kinds(), [Kind::LongUpDown]);
}

#[test]
fn golden_decay() {
    let run = |older: i8, newer: i8| {
        let mut p = Patterns { warm: true, ..Patterns::default() };
        let found = |sign, strength| Found { kind: Kind::TickReversal, sign, strength };
        p.emit(found(older, 0.735), Ts(0), Px::ZERO);
        p.bars += 2;
        p.emit(found(newer, 0.40), Ts(0), Px::ZERO);
        p.bars += 1;
        p.refresh();
        p.slot().value().expect("warm")
    };
    assert!((run(1, -1) - 0.3675).abs() < 1e-12);
    assert!((run(-1, 1) + 0.3675).abs() < 1e-12);
    assert!((0.4 * libm::exp2(-1.0 / 3.0) - 0.317_480).abs() < 1e-6);
}

#[test]
fn ties_are_even_handed() {
    let mut p = Patterns { warm: true, ..Patterns::default() };
    let mut put = |bars: u64, sign: i8, strength: f64| {
        p.bars += bars;
        p.emit(Found { kind: Kind::TickReversal, sign, strength }, Ts(0), Px::ZERO);
        p.refresh();
        p.slot().value().expect("warm")
    };
    assert_eq!(put(0, 1, 0.5), 0.5);
    assert_eq!(put(0, -1, 0.5), 0.0);
    assert_eq!(put(0, 1, 0.5), 0.0);
    assert_eq!(put(0, 0, 1.0), 0.0);
    // 0.25 is what is left of them: the younger wins, what is weaker does not.
    assert_eq!(put(3, -1, 0.25), -0.25);
    assert_eq!(put(0, 1, 0.125), -0.25);
    assert_eq!(put(3, 1, 0.125), 0.125);
    assert_eq!(put(1, -1, 1.0), -1.0);
}

#[test]
fn golden_climax() {
    let rise: [Ohlc; 4] = [(0, 5, 0, 5), (5, 10, 5, 10), (10, 15, 10, 15), (15, 60, 15, 0)];
    let run = |close: i64, sold: i64, rvol: Option<f64>, high: Option<f64>, flip: bool| {
        let mut run = Run::default();
        (0..20).for_each(|m| run.bar(&Bar::empty(m, Px::ZERO), None, None));
        for (row, minute) in rise.into_iter().zip(20..) {
            let mut bar = bar(minute, row);
            if minute == 23 {
                bar.close = Px::clamped(close);
                (bar.sell, bar.buy) = (sold, 100 - sold);
            }
            let bar = if flip { mirrored(&bar, 0) } else { bar };
            run.history.push(&bar);
            run.show(&bar, Some(20.0), rvol, high);
        }
        (run.kinds(), run.value())
    };
    let strength = 0.7 + 0.3;
    let yes = Some(3.0);
    assert_eq!(run(30, 65, yes, yes, false), (vec![Kind::ClimaxExhaustion], -strength));
    assert_eq!(run(30, 65, yes, yes, true), (vec![Kind::ClimaxExhaustion], strength));
    assert_eq!(run(31, 65, yes, yes, false), (vec![Kind::Climax], 0.0));
    assert_eq!(run(30, 35, yes, yes, false).0, [Kind::ClimaxExhaustion]);
    for (sold, rvol, high) in
        [(64, yes, yes), (65, None, yes), (65, yes, None), (65, Some(2.9), yes)]
    {
        assert_eq!(run(30, sold, rvol, high, false), (vec![], 0.0));
    }
}

#[test]
fn warms_up() {
    let mut run = Run::default();
    assert_eq!(run.patterns.slot().reason, Reason::Warmup);
    for (at, bar) in r64().iter().enumerate() {
        run.bar(bar, Some(1.0), None);
        assert_eq!(run.patterns.slot().value().is_some(), at >= 19);
    }
    // Every bar of that series opens at the last close: nothing gaps, nothing fires.
    assert_eq!((run.value(), run.patterns.event_count()), (0.0, 0));
}

/// Legs of one tick, each of two contracts, then `rows` of (price, contracts, ms after the last).
fn ticks(legs: i64, rows: &[(i64, u64, i64)]) -> Run {
    let mut run = Run::default();
    (0..20).for_each(|m| run.bar(&Bar::empty(m, Px::ZERO), None, None));
    for n in 0..=legs {
        run.patterns.print(Px::clamped(n % 2), 2, Ts(n * SECOND), 0.0);
    }
    let mut at = Ts(legs * SECOND);
    for &(px, qty, ms) in rows {
        at.0 += ms * SECOND / 1000;
        run.patterns.print(Px::clamped(px), qty, at, 0.0);
    }
    run
}

#[test]
fn tick_reversal() {
    // 16 ticks of bouncing end at 0; five moves up, one print without a move, three down.
    let rows = |qty: u64, ms: i64| {
        let path = [1, 2, 3, 4, 5, 5, 4, 3, 2];
        path.map(|px| (px, qty, ms)).to_vec()
    };
    let run = ticks(16, &rows(1, 250));
    assert_eq!(run.kinds(), [Kind::TickReversal]);
    assert!((run.value() + 0.375).abs() < 1e-12);
    let event = run.patterns.last(Kind::TickReversal).expect("fired");
    assert_eq!((event.sign, event.px.ticks(), event.at), (-1, 2, Ts(18_250_000_000)));
    // Too slow by a hair; too light; too few legs; too few moves; once a leg.
    assert_eq!(ticks(16, &rows(1, 251)).kinds(), []);
    assert_eq!(ticks(16, &rows(0, 100)).kinds(), []);
    assert_eq!(ticks(12, &rows(1, 100)).kinds(), []);
    assert_eq!(ticks(16, &rows(1, 100)[1..]).kinds(), []);
    assert_eq!(ticks(16, &rows(1, 100)[..8]).kinds(), []);
    let mut more = rows(1, 100);
    more.extend([(1, 9, 100), (0, 9, 100), (-1, 9, 100)]);
    assert_eq!(ticks(16, &more).patterns.counts()[Kind::TickReversal as usize], 1);
    // A leg that is light after three moves back may be heavy after four.
    let mut late = rows(1, 100);
    late.iter_mut().skip(6).for_each(|r| r.1 = 0);
    late.push((1, 2, 100));
    assert!((ticks(16, &late).value() + 0.5).abs() < 1e-12);
    // The anchor makes it forget.
    let mut run = ticks(16, &rows(1, 100)[..8]);
    run.patterns.anchor();
    run.patterns.print(Px::clamped(2), 1, Ts(17 * SECOND), 0.0);
    assert_eq!(run.kinds(), []);
}

#[test]
fn the_median_leg_is_that_of_63() {
    let fires = |light: i64| {
        let mut run = Run::default();
        (0..20).for_each(|m| run.bar(&Bar::empty(m, Px::ZERO), None, None));
        let mut put = |px: i64, qty: u64, at: i64| {
            run.patterns.print(Px::clamped(px), qty, Ts(at * SECOND / 10), 0.0);
        };
        // Seventy heavy legs, then light ones; the leg of five moves is light too.
        (0..=70 + light).for_each(|n| put(n % 2, if n > 70 { 5 } else { 100 }, n));
        let way = if (70 + light) % 2 == 0 { 1 } else { -1 };
        let from = (70 + light) % 2;
        for (n, step) in (1..).zip([1, 2, 3, 4, 5, 4, 3, 2]) {
            put(from + way * step, 1 + u64::from(n > 5), 70 + light + n);
        }
        !run.kinds().is_empty()
    };
    // Thirty light ones and that of five moves leave 32 heavy ones of 63; one more turns it.
    assert_eq!([fires(29), fires(30), fires(31), fires(32)], [false, false, true, true]);
}

#[test]
fn momentum_shift() {
    let run = |values: &[(i64, f64)], sign: i64| {
        let mut run = Run::default();
        (0..20).for_each(|m| run.bar(&Bar::empty(m, Px::ZERO), None, None));
        // One print sets the price, 19 directions warm up; what M₂₀ says meanwhile is nothing.
        for n in 0..20 {
            let m20 = if n % 2 == 0 { 1.0 } else { -1.0 };
            run.patterns.print(Px::clamped(n * 100 * sign), 1, Ts(n), m20);
        }
        for &(px, m20) in values {
            run.patterns.print(Px::clamped((1900 + px) * sign), 1, Ts(30), m20 * sign as f64);
        }
        (run.kinds(), run.value())
    };
    for sign in [1, -1] {
        let to = sign as f64;
        let down = [(1, 0.3), (10, 0.62), (9, 0.4), (8, 0.0), (6, -0.01)];
        assert_eq!(run(&down, sign), (vec![Kind::MomentumShift], -0.5 * to));
        // Not far enough at the crossing, and not afterwards.
        let near = [(1, 0.3), (10, 0.58), (8, 0.0), (6, -0.01), (5, -0.3)];
        assert_eq!(run(&near, sign), (vec![], 0.0));
        // 0 and back is no crossing; NaN is nothing.
        let touch = [(1, 0.9), (2, 0.0), (3, f64::NAN), (4, 0.1)];
        assert_eq!(run(&touch, sign), (vec![], 0.0));
        let twice = [(0, 0.9), (-20, -0.7), (-12, 0.1)];
        assert_eq!(run(&twice, sign), (vec![Kind::MomentumShift; 2], 0.0));
    }
}

fn mirrored(bar: &Bar, sum: i64) -> Bar {
    let turn = |px: Px| Px::clamped(sum - i64::from(px.ticks()));
    Bar {
        open: turn(bar.open),
        high: turn(bar.low),
        low: turn(bar.high),
        close: turn(bar.close),
        buy: bar.sell,
        sell: bar.buy,
        ..*bar
    }
}

/// What happens next.
#[derive(Clone, Debug)]
enum Next {
    /// Gap, change, wicks, volume, bought share, RVOL in quarters.
    Bar(i64, i64, i64, i64, i64, i64, Option<u8>),
    /// Move in ticks, contracts, ms.
    Print(i64, u64, i64),
    /// Prints of one tick each: up or down, how many, contracts.
    Leg(i64, i64, u64),
    /// Three bars up or down and a great one that closes at so many tenths of its range.
    Climax(i64, i64),
    /// So many ticks up or down, then back, with as many contracts each.
    Turn(i64, i64, i64, u64),
    Anchor,
}

fn nexts(max: usize) -> impl Strategy<Value = Vec<Next>> {
    let bar = (-6..=6_i64, -15..=15_i64, 0..9_i64, 0..9_i64, 0..100_i64, 0..=100_i64)
        .prop_flat_map(|(gap, change, up, down, v, b)| {
            prop::option::of(0..16_u8).prop_map(move |r| Next::Bar(gap, change, up, down, v, b, r))
        });
    let way = || prop_oneof![Just(1_i64), Just(-1_i64)];
    prop::collection::vec(
        prop_oneof![
            40 => bar,
            10 => (-2..=2_i64, 0..4_u64, 0..700_i64).prop_map(|(d, q, t)| Next::Print(d, q, t)),
            30 => (-1..=1_i64, 1..4_i64, 1..4_u64).prop_map(|(d, n, q)| Next::Leg(d, n, q)),
            10 => (-1..=1_i64, 3..40_i64, 1..4_u64).prop_map(|(d, n, q)| Next::Leg(d, n, q)),
            6 => (way(), 0..=10_i64).prop_map(|(d, t)| Next::Climax(d, t)),
            8 => (way(), 3..8_i64, 1..6_i64, 1..5_u64)
                .prop_map(|(d, n, m, q)| Next::Turn(d, n, m, q)),
            1 => Just(Next::Anchor),
        ],
        max / 3..max,
    )
}

/// One input as the feature sees it.
#[derive(Clone, Copy, Debug)]
enum Input {
    Bar(Bar, Option<f64>, Option<f64>),
    Print(i64, u64, Ts, f64),
    Anchor,
}

/// Lays `nexts` out in time, with M₂₀ computed without correction, which is as good a path.
fn inputs(nexts: &[Next]) -> Vec<Input> {
    let (mut out, mut minute, mut at) = (Vec::new(), 0_i64, Ts(0));
    let (mut close, mut px, mut m20, mut d) = (24_000, 24_000, 0.0, 0.0);
    let mut print = |step: i64, qty: u64, ms: i64, out: &mut Vec<Input>| {
        px += step;
        at.0 += ms * SECOND / 1000;
        d = if step == 0 { d } else { step.signum() as f64 };
        m20 += 2.0 / 21.0 * (d - m20);
        out.push(Input::Print(px, qty, at, m20));
    };
    let mut lay = |bar: Bar, rvol: Option<u8>, out: &mut Vec<Input>| {
        let bar = Bar { minute, ..bar };
        (close, minute) = (i64::from(bar.close.ticks()), minute + 1);
        out.push(Input::Bar(bar, rvol.map(|r| f64::from(r) / 4.0), Some(2.0)));
        close
    };
    let mut last = 24_000;
    for next in nexts {
        match *next {
            Next::Bar(gap, change, up, down, volume, bought, rvol) => {
                let (open, end) = (last + gap, last + change);
                let mut bar = bar(0, (open, open.max(end) + up, open.min(end) - down, end));
                bar.volume = volume;
                bar.buy = volume * bought / 100;
                bar.sell = volume - bar.buy;
                last = lay(bar, rvol, &mut out);
            }
            Next::Climax(way, tenths) => {
                for _ in 0..3 {
                    let (open, end) = (last, last + 2 * way);
                    let bar = bar(0, (open, open.max(end), open.min(end), end));
                    last = lay(bar, None, &mut out);
                }
                let (low, high) = if way > 0 { (last, last + 90) } else { (last - 90, last) };
                let mut bar = bar(0, (last, high, low, low + 9 * tenths));
                (bar.buy, bar.sell) = (80, 20);
                last = lay(bar, Some(8), &mut out);
            }
            Next::Print(step, qty, ms) => print(step, qty, ms, &mut out),
            Next::Leg(step, n, qty) => (0..n).for_each(|_| print(step, qty, 100, &mut out)),
            Next::Turn(step, n, back, qty) => {
                (0..n).for_each(|_| print(step, qty, 100, &mut out));
                (0..back).for_each(|_| print(-step, qty, 100, &mut out));
            }
            Next::Anchor => out.push(Input::Anchor),
        }
    }
    out
}

fn feed(run: &mut Run, input: &Input, mirror: bool) {
    match *input {
        Input::Bar(b, rvol, high) if mirror => run.bar(&mirrored(&b, 48_001), rvol, high),
        Input::Bar(b, rvol, high) => run.bar(&b, rvol, high),
        Input::Print(px, qty, at, m20) => {
            let (px, m20) = if mirror { (48_001 - px, -m20) } else { (px, m20) };
            run.patterns.print(Px::clamped(px), qty, at, m20);
        }
        Input::Anchor => run.patterns.anchor(),
    }
}

/// The bar patterns of the last bar, by the book: kind, sign, strength.
fn slow_bars(bars: &[Bar], rvol: Option<f64>, high: Option<f64>) -> Vec<(Kind, i8, f64)> {
    let mut found = Vec::new();
    let mut atr = Atr::<20>::default();
    bars.iter().for_each(|b| atr.push(b));
    let (Some(atr), [.., m2, m1, z, p1]) = (atr.value(), bars) else { return found };
    let [(o2, h2, l2, c2), (o1, h1, l1, c1), (o, h, l, c), (op, hp, lp, cp)] =
        [m2, m1, z, p1].map(|b| (b.open.ticks(), b.high.ticks(), b.low.ticks(), b.close.ticks()));
    let long = f64::from(h1.max(h).max(hp) - l1.min(l).min(lp));
    let four = f64::from(h2.max(h1).max(h).max(hp) - l2.min(l1).min(l).min(lp));
    let weigh = |range: f64| strength(range, atr, rvol);
    if o < c1 && h1 > l + 8 && op > c && hp > l + 8 && hp > h1 {
        found.push((Kind::LongDownUp, 1, weigh(long)));
    }
    if o > c1 && h > l1 + 8 && op < c && h > lp + 8 && lp < l1 {
        found.push((Kind::LongUpDown, -1, weigh(long)));
    }
    if o1 < c2 && h2 > l1 + 12 && l1 < l2 && h < h1 && op < c && h > lp + 12 && lp < l {
        found.push((Kind::ColorDown, -1, weigh(four)));
    }
    if o1 > c2 && h1 > l2 + 12 && h1 > h2 && l > l1 && op > c && hp > l + 12 && hp > h {
        found.push((Kind::ColorUp, 1, weigh(four)));
    }
    let rises = c2 > o2 && c1 > o1 && c > o;
    let falls = c2 < o2 && c1 < o1 && c < o;
    if let (Some(rvol), Some(high)) = (rvol, high)
        && (rises || falls)
        && rvol >= high
        && f64::from(hp - lp) >= 2.0 * atr
        && p1.volume > 0
        && (p1.buy - p1.sell).abs() * 10 >= 3 * p1.volume
    {
        found.push(match (rises, 3 * (cp - lp) <= hp - lp, 3 * (hp - cp) <= hp - lp) {
            (true, true, _) => (Kind::ClimaxExhaustion, -1, weigh(four)),
            (false, _, true) => (Kind::ClimaxExhaustion, 1, weigh(four)),
            _ => (Kind::Climax, 0, weigh(four)),
        });
    }
    found
}

type Tape = [(i64, u64, Ts, f64)];

/// Legs of the whole tape: direction, (price before, indices of moves), volume.
fn legs(tape: &Tape) -> Vec<(i64, i64, Vec<usize>, u64)> {
    let mut legs: Vec<(i64, i64, Vec<usize>, u64)> = Vec::new();
    for at in 1..tape.len() {
        let (before, now) = (tape[at - 1], tape[at]);
        let way = (now.0 - before.0).signum();
        match legs.last_mut() {
            Some(leg) if way == 0 || way == leg.0 => {
                leg.3 += now.1;
                leg.2.extend((way != 0).then_some(at));
            }
            None if way == 0 => {}
            _ => legs.push((way, before.0, vec![at], now.1)),
        }
    }
    legs
}

/// Whether the last print completes a reversal as such, fired before or not.
fn looks_reversed(tape: &Tape) -> Option<(i8, f64, usize)> {
    let all = legs(tape);
    let [done @ .., leg] = all.as_slice() else { return None };
    let out = done.last()?;
    let now = tape.len() - 1;
    if leg.2.last() != Some(&now) || leg.2.len() < 3 || out.2.len() < 5 || done.len() < 15 {
        return None;
    }
    let mut volumes: Vec<u64> = done.iter().rev().take(63).map(|l| l.3).collect();
    volumes.sort_unstable();
    let n = volumes.len();
    let median = (volumes[(n - 1) / 2] + volumes[n / 2]) as f64 / 2.0;
    let from = tape[out.2[out.2.len() - 5]].2;
    let slow = tape[now].2.0 - from.0 > 2 * SECOND;
    if slow || (leg.3 as f64) < median || (out.3 as f64) < median {
        return None;
    }
    let size = ((tape[now].0 - leg.1).abs() as f64 / 8.0).min(1.0);
    Some((leg.0 as i8, size, leg.2[0]))
}

fn slow_shift(tape: &Tape) -> Option<(i8, f64)> {
    let first = (1..tape.len()).find(|&at| tape[at].0 != tape[at - 1].0)?;
    let warm = tape.get(first + 19..)?;
    let side = |row: &(i64, u64, Ts, f64)| if row.3 == 0.0 { 0 } else { row.3.signum() as i8 };
    let (now, before) = warm.split_last()?;
    let was = before.iter().rev().map(side).find(|&s| s != 0)?;
    if side(now) != -was {
        return None;
    }
    let excursion: Vec<_> = before.iter().rev().take_while(|r| side(r) != -was).collect();
    let extreme = excursion
        .iter()
        .rev()
        .filter(|r| side(r) != 0)
        .max_by(|a, b| a.3.abs().total_cmp(&b.3.abs()))?;
    let size = ((now.0 - extreme.0).abs() as f64 / 8.0).min(1.0);
    ((now.3 - extreme.3).abs() >= 0.6).then_some((side(now), size))
}

/// Every event of `inputs`: kind, sign, strength, bars closed at it.
fn slow_events(inputs: &[Input]) -> Vec<(Kind, i8, f64, usize)> {
    let (mut events, mut bars, mut tape) = (Vec::new(), Vec::new(), Vec::new());
    let mut reversed = Vec::new();
    for input in inputs {
        match *input {
            Input::Bar(bar, rvol, high) => {
                bars.push(bar);
                let found = slow_bars(&bars, rvol, high);
                events.extend(found.iter().map(|&(k, s, w)| (k, s, w, bars.len())));
            }
            Input::Print(px, qty, at, m20) => {
                tape.push((px, qty, at, m20));
                if let Some((sign, size, leg)) = looks_reversed(&tape)
                    && !reversed.contains(&leg)
                {
                    reversed.push(leg);
                    events.push((Kind::TickReversal, sign, size, bars.len()));
                }
                if let Some((sign, size)) = slow_shift(&tape) {
                    events.push((Kind::MomentumShift, sign, size, bars.len()));
                }
            }
            Input::Anchor => (tape, reversed) = (Vec::new(), Vec::new()),
        }
    }
    events
}

fn slow_value(events: &[(Kind, i8, f64, usize)], bars: usize) -> f64 {
    let weight = |e: &(Kind, i8, f64, usize)| e.2 * (-((bars - e.3) as f64) / 3.0).exp2();
    let signed = || events.iter().filter(|e| e.1 != 0);
    let most = signed().map(weight).fold(0.0, f64::max);
    // Equal but for rounding.
    let best = || signed().filter(move |e| weight(e) >= most * (1.0 - 1e-12));
    let youngest = best().map(|e| e.3).max().unwrap_or(0);
    let up = best().any(|e| e.3 == youngest && e.1 > 0);
    let down = best().any(|e| e.3 == youngest && e.1 < 0);
    most * (f64::from(i8::from(up)) - f64::from(i8::from(down)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_mirror_negates(nexts in nexts(150)) {
        let (mut run, mut mirror) = (Run::default(), Run::default());
        for input in &inputs(&nexts) {
            feed(&mut run, input, false);
            feed(&mut mirror, input, true);
            let (a, b) = (&run.patterns, &mirror.patterns);
            prop_assert_eq!(a.slot().reason, b.slot().reason);
            prop_assert_eq!(a.slot().value().map(|v| -v), b.slot().value());
        }
        let (a, b) = (&run.patterns, &mirror.patterns);
        prop_assert_eq!(a.event_count(), b.event_count());
        for (x, y) in a.events().zip(b.events()) {
            prop_assert_eq!((x.sign, x.strength, x.at), (-y.sign, y.strength, y.at));
            prop_assert_eq!(x.px.ticks(), 48_001 - y.px.ticks());
        }
        let [a, b] = [a.counts(), b.counts()];
        prop_assert_eq!([a[0], a[1], a[2], a[3]], [b[1], b[0], b[3], b[2]]);
        prop_assert_eq!(&a[4..], &b[4..]);
    }

    #[test]
    fn agrees_with_the_slow_twin(nexts in nexts(110)) {
        let inputs = inputs(&nexts);
        let events = slow_events(&inputs);
        let mut run = Run::default();
        let mut bars = 0;
        for (at, input) in inputs.iter().enumerate() {
            feed(&mut run, input, false);
            bars += usize::from(matches!(input, Input::Bar(..)));
            if at % 10 == 0 && bars >= 20 {
                let so_far = usize::try_from(run.patterns.event_count()).expect("few");
                let value = slow_value(&events[..so_far], bars);
                prop_assert!((run.value() - value).abs() < 1e-9, "{} {value}", run.value());
            }
        }
        prop_assert_eq!(run.patterns.event_count(), events.len() as u64);
        let last = events.len().saturating_sub(EVENTS);
        for (fast, slow) in run.patterns.events().zip(&events[last..]) {
            prop_assert_eq!((fast.kind, fast.sign), (slow.0, slow.1));
            prop_assert!((fast.strength - slow.2).abs() < 1e-9);
        }
        for kind in Kind::ALL {
            let count = events.iter().filter(|e| e.0 == kind).count();
            prop_assert_eq!(run.patterns.counts()[kind as usize], count as u64);
        }
    }

    #[test]
    fn advance_equals_single_closes(nexts in nexts(150), n in prop_oneof![1..50_u32, 1..3000_u32]) {
        let mut many = Run::default();
        inputs(&nexts).iter().for_each(|i| feed(&mut many, i, false));
        if many.history.is_empty() {
            many.bar(&bar(0, LONG[0]), None, None);
        }
        (0..25).for_each(|_| many.empty());
        let mut one = many.clone();
        (0..n).for_each(|_| many.empty());
        one.history.advance(n, 1);
        one.atr20.advance(n);
        let last = *one.history.ago(0).expect("bar");
        one.patterns.advance(n, &view(&last, &one.history, None, Usual::default()));
        prop_assert_eq!(one.patterns.slot(), many.patterns.slot());
        prop_assert_eq!(one.patterns.bars, many.patterns.bars);
        prop_assert!(one.patterns.events().eq(many.patterns.events()));
    }

    #[test]
    fn stays_in_range(
        rows in prop::collection::vec(
            (any::<[i32; 4]>(), 0..3_u8, any::<[u64; 2]>(), any::<[f64; 2]>(), any::<i64>()),
            1..120,
        ),
    ) {
        let mut run = Run::default();
        for (minute, (prices, kind, volumes, [m20, rvol], at)) in (0_i64..).zip(rows) {
            let mut px = match kind {
                0 => prices.map(|p| Px::clamped(i64::from(p))),
                1 => prices.map(|p| Px::clamped(i64::from(p % 20))),
                _ => prices.map(|p| Px::clamped(i64::from(Px::LIMIT) * i64::from(p.signum()))),
            };
            run.patterns.print(px[0], volumes[0], Ts(at), m20);
            px[1..].sort_unstable();
            let [mid, low, close, high] = px;
            let [buy, sell] = volumes.map(|v| (v >> 2) as i64);
            let open = mid.clamp(low, high);
            let bar = Bar { minute, open, high, low, close, volume: buy.max(sell), buy, sell };
            run.bar(&bar, Some(rvol), Some(m20));
            let value = run.patterns.slot().value().unwrap_or(0.0);
            prop_assert!((-1.0..=1.0).contains(&value));
            for p in run.patterns.events() {
                prop_assert!((0.0..=1.0).contains(&p.strength));
            }
        }
    }
}
