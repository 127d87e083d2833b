//! Golden scores, the mirror, bounds, `advance`, and a twin that replays every base from its bars.

use proptest::prelude::*;

use super::*;
use crate::bars::{Atr, reference::r64};
use crate::features::close::Usual;

const EPS: f64 = 1e-9;

/// What the driver keeps around the feature.
#[derive(Clone)]
struct Run {
    history: History,
    atr20: Atr<20>,
    navale: Navale,
}

impl Run {
    fn new(width: Option<u32>) -> Run {
        Run { history: History::default(), atr20: Atr::default(), navale: Navale::new(width) }
    }

    fn bar(&mut self, bar: &Bar, regime: Option<u8>) {
        self.history.push(bar);
        self.atr20.push(bar);
        let atr20 = self.atr20.value();
        self.navale.close(&view(bar, &self.history, atr20), regime);
    }

    fn advance(&mut self, n: u32, regime: Option<u8>) {
        self.history.advance(n, 1);
        self.atr20.advance(n);
        let bar = *self.history.ago(0).expect("a bar");
        let atr20 = self.atr20.value();
        self.navale.advance(n, &view(&bar, &self.history, atr20), regime);
    }

    fn empty(&mut self, regime: Option<u8>) {
        let last = *self.history.ago(0).expect("a bar");
        self.bar(&Bar::empty(last.minute + 1, last.close), regime);
    }
}

fn view<'a>(bar: &'a Bar, history: &'a History, atr20: Option<f64>) -> Close<'a> {
    Close { bar, history, rth: false, atr20, structure: None, cvd: 0, usual: Usual::default() }
}

/// Change of close, gap of the open, wicks up and down, volume, sold share, unclassified.
type Step = (i64, i64, i64, i64, i64, i64, i64);

/// Mostly calm, so that there are bases, with moves that leave them.
fn steps(max: usize) -> impl Strategy<Value = Vec<Step>> {
    let change = prop_oneof![8 => -1..=1_i64, 3 => -4..=4_i64, 1 => -25..=25_i64];
    let gap = prop_oneof![5 => Just(0_i64), 1 => -3..=3_i64];
    let wick = || prop_oneof![6 => 0..3_i64, 1 => 0..12_i64];
    let step = (change, gap, wick(), wick(), 0..2000_i64, 0..=100_i64, 0..=12_i64);
    prop::collection::vec(step, 1..max)
}

fn bars(steps: &[Step]) -> Vec<Bar> {
    let mut last = 24_000;
    let each =
        steps.iter().enumerate().map(|(at, &(change, gap, up, down, volume, sold, none))| {
            let (open, close) = (last + gap, last + change);
            last = close;
            let known = volume - volume * none / 100;
            Bar {
                minute: i64::try_from(at).expect("small"),
                open: Px::clamped(open),
                high: Px::clamped(open.max(close) + up),
                low: Px::clamped(open.min(close) - down),
                close: Px::clamped(close),
                volume,
                buy: known - known * sold / 100,
                sell: known * sold / 100,
            }
        });
    each.collect()
}

fn mirrored(bar: &Bar) -> Bar {
    let turn = |px: Px| Px::clamped(48_001 - i64::from(px.ticks()));
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

#[test]
fn golden_scores() {
    let rows = [
        (0.5, 1.0, 0.6, 0.7, Verdict::Long, 1.0),
        (-0.8, -1.0, 0.0, -0.67, Verdict::Short, 1.0),
        (0.4, 0.25, 0.0, 0.2475, Verdict::None, 0.0),
        (0.5, 0.25, 0.2, 0.3375, Verdict::Long, 0.35),
        (0.625, 0.0, 0.0, 0.25, Verdict::None, 0.0),
    ];
    for (power, trend, base, score, verdict, strength) in rows {
        let up = Reading::new(power, trend, base);
        assert!((up.score - score).abs() < 1e-12 && (up.strength - strength).abs() < 1e-12);
        assert_eq!(up.verdict, verdict);
        let down = Reading::new(-power, -trend, -base);
        assert_eq!((down.score, down.strength), (-up.score, up.strength));
        assert_eq!(down.verdict as i8, -(verdict as i8));
    }
    assert_eq!(Reading::new(-0.0, -0.0, -0.0).score.to_bits(), 0);
}

#[test]
fn golden_trend_and_power() {
    let mut run = Run::new(Some(10));
    base::tests::golden_bars().iter().for_each(|b| run.bar(b, None));
    assert_eq!((run.navale.found(), run.navale.slot().reason), (1, Reason::Warmup));
    let newest = *run.navale.newest().expect("confirmed");
    assert_eq!((newest.from, newest.to), (None, State::Active));
    // Wide bars above the low: no new base, no transition.
    let [open, low, high] = [24_012, 24_006, 24_020].map(Px::clamped);
    for minute in 15..45 {
        let volume = 100;
        let bar = Bar { minute, open, high, low, close: open, volume, buy: 50, sell: 50 };
        run.bar(&bar, None);
    }
    let reading = run.navale.reading().expect("warm");
    assert!((reading.trend - std::f64::consts::FRAC_1_SQRT_2).abs() < 1e-12);
    assert_eq!(run.navale.nearest(open).map(|b| b.number), Some(1));
    assert_eq!(run.navale.newest(), Some(&newest));
    let mut run = Run::new(Some(10));
    r64().iter().for_each(|b| run.bar(b, None));
    assert!((run.navale.reading().expect("warm").power + 0.303_696).abs() < 1e-6);
}

#[test]
fn says_why_not() {
    let mut run = Run::new(Some(10));
    assert_eq!(run.navale.slot().reason, Reason::Warmup);
    for (at, bar) in r64().iter().enumerate() {
        run.bar(bar, None);
        assert_eq!(run.navale.slot().value().is_some(), at >= 19, "{at}");
    }
    let last = *run.history.ago(0).expect("bar");
    let bar = Bar { minute: 64, volume: 100_000, buy: 1, sell: 1, ..last };
    run.bar(&bar, None);
    assert_eq!(run.navale.slot().reason, Reason::InvalidInput);
    assert!(run.navale.reading().is_none());
}

#[test]
fn regimes_set_what_is_deep() {
    let wants = [(None, 3), (Some(0), 3), (Some(1), 3), (Some(2), 5), (Some(3), 7), (Some(9), 7)];
    for (regime, ticks) in wants {
        assert_eq!(deep(regime), ticks);
    }
    // ATR20 is the width where none is configured.
    assert_eq!([0.4, 0.5, 10.49, 10.5].map(rounded), [0, 1, 10, 11]);
}

/// A rise that bases carry, then a fall through the last of them: LONG, then SHORT.
#[test]
fn both_sides_are_reached() {
    let mut all = Vec::new();
    for leg in 0..6_i64 {
        let up = if leg < 3 { 1 } else { -1 };
        let buys = if up > 0 { 0 } else { 100 };
        (0..10).for_each(|_| all.push((up * 6, 0, 1, 1, 900, buys, 0)));
        (0..12).for_each(|n| all.push((if n % 3 == 2 { -up } else { up }, 0, 0, 0, 500, buys, 0)));
    }
    let (mut run, mut mirror) = (Run::new(Some(10)), Run::new(Some(10)));
    let (mut longs, mut shorts, mut strong) = (0, 0, [0.0_f64; 2]);
    for bar in bars(&all) {
        run.bar(&bar, None);
        mirror.bar(&mirrored(&bar), None);
        if let (Some(up), Some(down)) = (run.navale.reading(), mirror.navale.reading()) {
            assert_eq!(up.score, -down.score);
            assert_eq!(up.strength, down.strength);
            longs += i32::from(up.verdict == Verdict::Long);
            shorts += i32::from(up.verdict == Verdict::Short);
            strong = [strong[0].min(up.score), strong[1].max(up.score)];
        }
    }
    assert!(longs > 30 && shorts > 30, "{longs} {shorts}");
    assert!(strong[0] < -0.7 && strong[1] > 0.7, "{strong:?}");
    let states: Vec<State> = run.navale.transitions().map(|t| t.to).collect();
    assert!(states.contains(&State::Violated));
}

#[test]
fn a_base_lives_for_one_session() {
    let mut run = Run::new(Some(10));
    base::tests::golden_bars().iter().for_each(|b| run.bar(b, None));
    // The box is left at once, so that silence finds its own bases at most on the way.
    let far = Bar::empty(15, Px::clamped(24_500));
    run.bar(&far, None);
    (0..1378).for_each(|_| run.empty(None));
    assert_eq!(run.navale.bases().next().map(|b| b.state), Some(State::Active));
    run.empty(None);
    assert_eq!(run.navale.bases().next().map(|b| b.state), Some(State::Expired));
    let newest = run.navale.transitions().find(|t| t.to == State::Expired).expect("expired");
    assert_eq!(newest.at, Ts((15 + 1380) * MINUTE));
}

/// Sorted middle of 20.
fn middle(mut sample: Vec<i64>) -> f64 {
    sample.sort_unstable();
    (sample[9] + sample[10]) as f64 / 2.0
}

fn slow_power(bars: &[Bar]) -> f64 {
    let last = &bars[bars.len() - 20..];
    let volume = middle(last.iter().map(|b| b.volume).collect());
    let delta = middle(last.iter().map(|b| (b.buy - b.sell).abs()).collect());
    let capped = |x: i64, median: f64, cap: f64| match x {
        0 => 0.0,
        _ if median == 0.0 => cap,
        _ => (x as f64 / median).min(cap),
    };
    let (mut up, mut down) = (0.0, 0.0);
    for bar in &last[15..] {
        let mut give =
            |sign: bool, points: f64| *(if sign { &mut up } else { &mut down }) += points;
        let body = bar.close.ticks() - bar.open.ticks();
        if body != 0 {
            let share = f64::from(body.abs()) / f64::from(bar.high.ticks() - bar.low.ticks());
            let exact = body.abs() * 5 > (bar.high.ticks() - bar.low.ticks()) * 3;
            let points = if exact { 0.8 * share } else { 0.0 };
            give(body > 0, points + 0.2 * capped(bar.volume, volume, 2.0));
        }
        let d = bar.buy - bar.sell;
        if d != 0 {
            give(d > 0, 0.5 * capped(d.abs(), delta, 1.0));
        }
        if bar.buy * 5 > (bar.buy + bar.sell) * 3 {
            give(true, 0.3);
        }
        if bar.buy * 5 < (bar.buy + bar.sell) * 2 {
            give(false, 0.3);
        }
    }
    if up + down == 0.0 { 0.0 } else { (up - down) / (up + down) }
}

fn slow_span(bars: &[Bar]) -> (i64, i64) {
    let low = bars.iter().map(|b| i64::from(b.low.ticks())).min().expect("bars");
    (low, bars.iter().map(|b| i64::from(b.high.ticks())).max().expect("bars"))
}

/// Low, high, sign, and the three early parts of quality, of the base that the last bar confirms.
fn slow_base(bars: &[Bar], width: i64) -> Option<(i64, i64, i64, f64)> {
    let calm = bars.len().checked_sub(15).map(|from| &bars[from..])?;
    let (low, high) = slow_span(&calm[7..]);
    let closes: Vec<i64> = calm.iter().map(|b| i64::from(b.close.ticks())).collect();
    let sum: i64 = closes.iter().sum();
    let spread: i64 = closes.iter().map(|c| (15 * c - sum).pow(2)).sum();
    let (bottom, top) = slow_span(calm);
    if high - low > width || spread * 100 >= 9 * 3375 * (top - bottom).pow(2) {
        return None;
    }
    let changes = closes[10..].windows(2).map(|w| (w[1] - w[0]).signum());
    let ups = changes.clone().filter(|&c| c > 0).count();
    let downs = changes.filter(|&c| c < 0).count();
    let sign = i64::from(ups >= 3) - i64::from(downs >= 3);
    let within = |n: usize| {
        let (low, high) = slow_span(&calm[15 - n..]);
        high - low <= width
    };
    let run = (8..=15).filter(|&n| within(n)).max()?;
    let size = match high - low {
        0 => 0.0,
        1 => 0.5,
        2..=6 => 1.0,
        w => (0.25 * (10 - w) as f64).max(0.0),
    };
    let volumes: Vec<f64> = calm[7..].iter().map(|b| b.volume as f64).collect();
    let mean = volumes.iter().sum::<f64>() / 8.0;
    let sd = (volumes.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 8.0).sqrt();
    let steady = if mean > 0.0 { 1.0 - (sd / mean).min(1.0) } else { 0.0 };
    let shape = 0.3 * (run as f64 / 10.0).min(1.0) + 0.2 * size + 0.25 * steady;
    Some((low, high, sign, shape))
}

/// Trend and base term after the last bar, every base replayed on its own.
fn slow_terms(bars: &[Bar], width: i64, regime: Option<u8>) -> (f64, f64) {
    let mut found: Vec<(usize, (i64, i64, i64, f64))> = Vec::new();
    for at in 0..bars.len() {
        let free = found.last().is_none_or(|&(end, (low, high, ..))| {
            let out =
                |b: &Bar| i64::from(b.close.ticks()) < low || i64::from(b.close.ticks()) > high;
            at >= end + 8 || bars[end + 1..=at].iter().any(out)
        });
        if let Some(base) = slow_base(&bars[..=at], width).filter(|_| free) {
            found.push((at, base));
        }
    }
    let close = i64::from(bars[bars.len() - 1].close.ticks());
    let deep = [3, 3, 5, 7][usize::from(regime.unwrap_or(0))];
    let (mut trend, mut nearest) = ((0, 0.0), (i64::MAX, 0.0));
    for &(end, (low, high, sign, shape)) in found.iter().rev().take(20).rev() {
        let (mut state, mut changed, mut touching) = ("active", end, Vec::new());
        for (at, bar) in bars.iter().enumerate().skip(end + 1) {
            let [o, h, l, c] =
                [bar.open, bar.high, bar.low, bar.close].map(|p| i64::from(p.ticks()));
            let mut next = state;
            if at >= end + 1380 {
                next = "expired";
            } else if state != "violated" {
                if l <= high && h >= low {
                    touching.push((sign < 0 || c >= low) && (sign > 0 || c <= high));
                }
                let (wick, over, against) = match sign {
                    1 => (low - l, low - c, c < o),
                    -1 => (h - high, c - high, c > o),
                    _ => (0, 0, false),
                };
                let far = wick > deep || state == "deep";
                next = match (over > 0 && against, wick > 0) {
                    (true, _) => "violated",
                    (_, true) if far => "deep",
                    (_, true) => "tested",
                    _ => "active",
                };
            }
            if next != state {
                (state, changed) = (next, at);
            }
        }
        if state == "expired" {
            continue;
        }
        let holds = state != "violated";
        let says = match (holds, sign) {
            (false, sign) => -sign,
            (_, 1) if close >= low => 1,
            (_, -1) if close <= high => -1,
            _ => 0,
        };
        if says != 0 && changed >= trend.0 {
            let age = (bars.len() - 1 - changed) as f64;
            trend = (changed, says as f64 * (-age / 60.0).exp2());
        }
        let distance = (low - close).max(close - high).max(0);
        if holds && distance <= nearest.0 {
            touching.truncate(20);
            let kept = touching.iter().filter(|&&t| t).count() as f64;
            let quality = if touching.is_empty() {
                shape / 0.75
            } else {
                shape + 0.25 * kept / touching.len() as f64
            };
            let near = (1.0 - distance as f64 / (2.0 * width as f64)).max(0.0);
            nearest = (distance, sign as f64 * quality * near);
        }
    }
    (trend.1, nearest.1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_mirror_negates(steps in steps(220), width in prop::option::of(1..30_u32)) {
        let (mut run, mut mirror) = (Run::new(width), Run::new(width));
        for (at, bar) in bars(&steps).iter().enumerate() {
            let regime = u8::try_from(at % 5).ok().filter(|&r| r < 4);
            run.bar(bar, regime);
            mirror.bar(&mirrored(bar), regime);
            let (a, b) = (&run.navale, &mirror.navale);
            prop_assert_eq!(a.slot().reason, b.slot().reason);
            prop_assert_eq!(a.slot().value().map(|v| -v), b.slot().value());
            if let (Some(up), Some(down)) = (a.reading(), b.reading()) {
                let parts = |r: &Reading| [r.power, r.trend, r.base];
                prop_assert_eq!(parts(up), parts(down).map(|v| -v));
                prop_assert_eq!(up.verdict as i8, -(down.verdict as i8));
                prop_assert_eq!(up.strength, down.strength);
            }
            for (t, u) in a.transitions().zip(b.transitions()) {
                prop_assert_eq!((t.base, t.from, t.to, t.at), (u.base, u.from, u.to, u.at));
                prop_assert_eq!(t.colour.sign(), -u.colour.sign());
                prop_assert_eq!(t.low.ticks(), 48_001 - u.high.ticks());
            }
            prop_assert_eq!(a.transition_count(), b.transition_count());
        }
    }

    #[test]
    fn agrees_with_the_slow_twin(steps in steps(180), width in 2..24_u32, regime in 0..5_u8) {
        let regime = Some(regime).filter(|&r| r < 4);
        let bars = bars(&steps);
        let mut run = Run::new(Some(width));
        for (at, bar) in bars.iter().enumerate() {
            run.bar(bar, regime);
            if let Some(reading) = run.navale.reading().filter(|_| at % 5 == 0) {
                let power = slow_power(&bars[..=at]);
                let (trend, base) = slow_terms(&bars[..=at], i64::from(width), regime);
                prop_assert!((reading.power - power).abs() < EPS, "P {} {power}", reading.power);
                prop_assert!((reading.trend - trend).abs() < EPS, "T {} {trend}", reading.trend);
                prop_assert!((reading.base - base).abs() < EPS, "B {} {base}", reading.base);
                prop_assert_eq!(*reading, Reading::new(reading.power, reading.trend, reading.base));
            }
        }
    }

    #[test]
    fn boxes_never_change(steps in steps(200)) {
        let mut run = Run::new(Some(10));
        let mut seen: Vec<Base> = Vec::new();
        for bar in bars(&steps) {
            run.bar(&bar, None);
            for base in run.navale.bases() {
                let key = |b: &Base| (b.low, b.high, b.colour, b.start, b.end, b.width_max, b.run);
                match seen.iter().find(|b| b.number == base.number) {
                    Some(first) => prop_assert_eq!(key(first), key(base)),
                    None => seen.push(*base),
                }
                prop_assert!((0.0..=1.0).contains(&base.quality()));
            }
        }
        for pair in seen.windows(2) {
            prop_assert!(pair[0].end < pair[1].end);
        }
        prop_assert_eq!(run.navale.found(), seen.len() as u64);
    }

    #[test]
    fn advance_equals_single_closes(
        steps in steps(150),
        n in prop_oneof![1..40_u32, 1200..1500_u32],
        regimes in (0..4_u8, 0..4_u8),
        width in prop::option::of(1..30_u32),
    ) {
        let mut many = Run::new(width);
        bars(&steps).iter().for_each(|b| many.bar(b, Some(regimes.0)));
        (0..25).for_each(|_| many.empty(Some(regimes.0)));
        let mut one = many.clone();
        (0..n).for_each(|_| many.empty(Some(regimes.1)));
        one.advance(n, Some(regimes.1));
        let (a, b) = (&one.navale, &many.navale);
        prop_assert_eq!(a.ordinal, b.ordinal);
        prop_assert_eq!(a.left, b.left);
        prop_assert!(a.bases().eq(b.bases()));
        prop_assert!(a.transitions().eq(b.transitions()));
        prop_assert_eq!(a.slot().reason, b.slot().reason);
        prop_assert_eq!(a.reading(), b.reading());
        // And goes on alike.
        let (mut one, mut many) = (one, many);
        let from = one.history.ago(0).expect("bar").minute + 1;
        for (bar, minute) in bars(&steps).iter().zip(from..) {
            let bar = Bar { minute, ..*bar };
            one.bar(&bar, None);
            many.bar(&bar, None);
            prop_assert_eq!(one.navale.slot(), many.navale.slot());
        }
    }

    #[test]
    fn stays_in_range(
        rows in prop::collection::vec(
            (any::<[i32; 4]>(), 0..3_u8, 0..i64::MAX, 0.0..=1.0_f64, 0.0..=1.0_f64, any::<u8>()),
            1..120,
        ),
        width in prop::option::of(any::<u32>()),
    ) {
        let mut run = Run::new(width);
        for (minute, (prices, kind, volume, bought, sold, regime)) in (0_i64..).zip(rows) {
            let mut px = match kind {
                0 => prices.map(|p| Px::clamped(i64::from(p))),
                1 => prices.map(|p| Px::clamped(i64::from(p % 4))),
                _ => prices.map(|p| Px::clamped(i64::from(Px::LIMIT) * i64::from(p.signum()))),
            };
            px[1..].sort_unstable();
            let [mid, low, other, high] = px;
            let open = mid.clamp(low, high);
            let volume = if kind == 1 { volume % 50 } else { volume };
            let buy = (volume as f64 * bought / 2.0) as i64;
            let sell = (volume as f64 * sold / 2.0) as i64;
            let bar = Bar { minute, open, high, low, close: other, volume, buy, sell };
            run.bar(&bar, Some(regime));
            let value = run.navale.slot().value().unwrap_or(0.0);
            prop_assert!((-1.0..=1.0).contains(&value));
            if let Some(r) = run.navale.reading() {
                for part in [r.power, r.trend, r.base] {
                    prop_assert!((-1.0..=1.0).contains(&part), "{r:?}");
                }
                prop_assert!((0.0..=1.0).contains(&r.strength));
            }
        }
    }
}
