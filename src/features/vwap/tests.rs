//! Golden numbers, reasons, events, and the slow twin of the VWAPs.

use super::*;
use crate::bars::{Atr, Bar, Swings, reference::r64};
use crate::features::close::Usual;
use crate::features::frame::Reason;
use crate::units::QTY_MAX;
use proptest::prelude::*;

/// The driver's part.
#[derive(Clone, Default)]
struct Rig {
    history: History,
    atr20: Atr<20>,
    swings: Swings,
    vwaps: Vwaps,
}

impl Rig {
    fn close<'a>(
        bar: &'a Bar,
        history: &'a History,
        atr20: Option<f64>,
        structure: Option<f64>,
        rth: bool,
    ) -> Close<'a> {
        let usual = Usual { rvol: Some(bar.volume as f64 / 10.0), ..Usual::default() };
        Close { bar, history, rth, atr20, structure, cvd: 0, usual }
    }

    /// Closes `bar`, whose trades have been added.
    fn push(&mut self, bar: &Bar, rth: bool) -> [Slot; 3] {
        self.history.push(bar);
        self.atr20.push(bar);
        self.swings.push(&self.history);
        let (atr, structure) = (self.atr20.value(), self.swings.structure());
        let close = Self::close(bar, &self.history, atr, structure, rth);
        self.vwaps.close(&close);
        self.vwaps.slots(&close)
    }

    fn advance(&mut self, n: u32, rth: bool) -> [Slot; 3] {
        self.history.advance(n, 1);
        self.atr20.advance(n);
        let bar = *self.history.ago(0).expect("bars");
        let (atr, structure) = (self.atr20.value(), self.swings.structure());
        let close = Self::close(&bar, &self.history, atr, structure, rth);
        self.vwaps.advance(n, &close);
        self.vwaps.slots(&close)
    }

    /// All trades of a minute, then its close.
    fn minute(&mut self, trades: &[(i64, u32)], last: Px, rth: bool) -> (Bar, [Slot; 3]) {
        let mut bar = Bar::empty(0, last);
        for &(px, qty) in trades {
            let px = Px::clamped(px);
            self.vwaps.trade(px, qty);
            if bar.volume == 0 {
                bar = Bar::empty(0, px);
            }
            bar.merge(&Bar { volume: i64::from(qty), ..Bar::empty(0, px) });
        }
        (bar, self.push(&bar, rth))
    }
}

/// The series weights typical prices; times three they are whole ticks.
#[test]
fn golden_reference_series() {
    let mut rig = Rig::default();
    let triple = |p: Px| Px::clamped(i64::from(p.ticks()) * 3);
    let mut slots = [Slot::none(Reason::NoInput); 3];
    for bar in r64() {
        let typical = bar.high.ticks() + bar.low.ticks() + bar.close.ticks();
        rig.vwaps.trade(Px::clamped(i64::from(typical)), u32::try_from(bar.volume).expect("small"));
        let tripled = Bar {
            open: triple(bar.open),
            high: triple(bar.high),
            low: triple(bar.low),
            close: triple(bar.close),
            ..bar
        };
        slots = rig.push(&tripled, false);
    }
    let near = |x: Option<f64>, y: f64| assert!((x.expect("warm") - y).abs() < 1e-6, "{x:?} {y}");
    let third = |x: Option<f64>| x.map(|x| x / 3.0);
    let eth = rig.vwaps.at(Anchor::Eth);
    near(third(eth.vwap().mean()), 24_064.197_373);
    near(third(eth.vwap().deviation()), 38.228_470);
    near(third(eth.slope()), 0.987_945);
    near(third(rig.vwaps.rolling()), 24_109.938_210);
    let close = rig.history.ago(0).expect("bars").close;
    near(eth.z(close), 1.355_080);
    assert_eq!(eth.zone(close), Some(Zone::Above));
    assert_eq!(eth.consistency(), Some(1.0));
    near(slots[0].value(), 0.531_465);
    near(slots[1].value(), 0.677_540);
    near(slots[2].value(), 0.778_825);
    near(eth.trend_slot(close, rig.atr20.value(), None).value(), 0.723_531);
}

/// The rolling VWAP of the series as it is.
#[test]
fn golden_rolling() {
    let mut history = History::default();
    r64().iter().take(19).for_each(|b| history.push(b));
    assert_eq!(rolling(&history), None);
    r64().iter().skip(19).for_each(|b| history.push(b));
    assert!((rolling(&history).expect("warm") - 24_109.938_210).abs() < 1e-6);
    history.advance(20, 1);
    assert_eq!(rolling(&history), None, "no volume");
}

#[test]
fn reasons() {
    let mut rig = Rig::default();
    let px = Px::clamped(5);
    let reasons = |slots: [Slot; 3]| slots.map(|s| s.reason);
    (0..19).for_each(|_| _ = rig.minute(&[], px, false));
    let slots = rig.minute(&[], px, false).1;
    assert_eq!(reasons(slots), [Reason::Warmup, Reason::ZeroDenominator, Reason::Warmup]);
    assert_eq!(rig.vwaps.at(Anchor::Eth).slopes(), [None; 4]);
    for at in 0..20 {
        let slots = rig.minute(&[(5, 1)], px, false).1;
        let first = if at < 9 { Reason::Warmup } else { Reason::ZeroDenominator };
        assert_eq!(slots[0].reason, first, "flat bars: the average range is 0");
        assert_eq!(slots[1].reason, Reason::ZeroDenominator, "no deviation");
        assert_eq!(slots[2].reason, if at < 19 { Reason::Warmup } else { first });
    }
    rig.vwaps.anchor(Anchor::Eth);
    let slots = rig.minute(&[(5, 1), (9, 1)], px, false).1;
    assert_eq!(reasons(slots), [Reason::Warmup; 3]);
    assert_eq!(rig.vwaps.at(Anchor::Week).vwap().volume(), 22);
    assert_eq!(rig.vwaps.at(Anchor::Eth).vwap().volume(), 2);
    assert_eq!(rig.vwaps.at(Anchor::Rth).vwap().volume(), 0, "not in the cash session");
    rig.vwaps.trade(px, 7);
    assert_eq!(rig.vwaps.live(Anchor::Week).volume(), 29);
    assert_eq!(rig.vwaps.live(Anchor::Eth).mean(), Some(49.0 / 9.0));
    assert_eq!(rig.vwaps.at(Anchor::Eth).vwap().volume(), 2, "folded at the close only");
    rig.vwaps.open = OpenMinute::default();
    rig.minute(&[(5, 1)], px, true);
    assert_eq!(rig.vwaps.at(Anchor::Rth).vwap().volume(), 1);
}

#[test]
fn slopes_need_their_minutes() {
    let mut rig = Rig::default();
    for at in 0..70_i64 {
        rig.minute(&[(at, 1)], Px::ZERO, false);
        let slopes = rig.vwaps.at(Anchor::Eth).slopes();
        for (slope, span) in slopes.iter().zip(SPANS) {
            assert_eq!(slope.is_some(), at as usize >= span);
            // The mean of 0..=at is at/2.
            assert!(slope.is_none_or(|s| (s - 0.5).abs() < 1e-12));
        }
    }
}

#[test]
fn zones() {
    let mut eth = Anchored::default();
    [(99, 1), (101, 1)].into_iter().for_each(|(px, qty)| eth.trade(Px::clamped(px), qty));
    let zone = |px| eth.zone(Px::clamped(px));
    assert_eq!((eth.band(0.0), eth.band(-3.0)), (Some(100.0), Some(97.0)));
    let zones = [97, 98, 99, 100, 101, 102].map(|px| zone(px).expect("deviation"));
    assert_eq!(
        zones,
        [
            Zone::FarBelow,
            Zone::Below,
            Zone::JustBelow,
            Zone::JustAbove,
            Zone::Above,
            Zone::FarAbove
        ]
    );
}

/// Bars against VWAP 100 with σ 10, whose own volume is too small to move it.
fn events(bars: &[(i64, i64, i64, f64)]) -> Vec<(i8, Option<i8>)> {
    let mut eth = Anchored::default();
    for px in [90, 110] {
        eth.trade(Px::clamped(px), 500_000);
    }
    let bar = |high, low, close| Bar {
        high: Px::clamped(high),
        low: Px::clamped(low),
        ..Bar::empty(0, Px::clamped(close))
    };
    (0..10).for_each(|_| eth.push(&bar(100, 100, 100), Some(1.0)));
    bars.iter()
        .map(|&(high, low, close, rvol)| {
            eth.push(&bar(high, low, close), Some(rvol));
            (eth.rejection(), eth.breakout())
        })
        .collect()
}

#[test]
fn rejection_and_breakout() {
    let rejections =
        |bars: &[(i64, i64, i64, f64)]| -> Vec<i8> { events(bars).iter().map(|e| e.0).collect() };
    let (beyond, inside) = ((125, 115, 122, 0.5), (119, 101, 105, 0.5));
    // A wick alone, then one and two closes outside, then three: accepted.
    assert_eq!(rejections(&[(125, 100, 110, 0.5), inside]), [-1, 0]);
    assert_eq!(rejections(&[beyond, inside, inside]), [0, -1, 0]);
    assert_eq!(rejections(&[beyond, beyond, inside]), [0, 0, -1]);
    assert_eq!(rejections(&[beyond, beyond, beyond, inside, inside]), [0; 5]);
    // Below it is the other sign, and a bar beyond both bands says nothing.
    assert_eq!(rejections(&[(85, 75, 78, 0.5), (99, 81, 95, 0.5)]), [0, 1]);
    assert_eq!(rejections(&[(125, 75, 100, 0.5)]), [0]);
    let breakouts: Vec<i8> = events(&[
        (115, 100, 111, 1.0), // no more than usual
        (115, 100, 111, 1.5),
        (115, 100, 111, 1.5), // told already
        (115, 100, 105, 1.5), // back inside
        (115, 100, 111, 1.5),
        (115, 80, 89, 1.5), // to the other side
    ])
    .iter()
    .map(|e| e.1.expect("usual volume"))
    .collect();
    assert_eq!(breakouts, [0, 1, 0, 0, 1, -1]);
}

#[test]
fn advance_equals_single_closes() {
    for n in [1, 9, 60, 61, 62, 700_u32] {
        let mut one = Rig::default();
        for at in 0..30_i64 {
            one.minute(&[(100 + at % 7, 3), (100 + at, 5)], Px::ZERO, at > 10);
        }
        let last = one.history.ago(0).expect("bars").close;
        let mut many = one.clone();
        let a = one.advance(n, true);
        let b = (0..n).map(|_| many.advance(1, true)).last().expect("one");
        for (p, q) in a.iter().zip(b) {
            assert_eq!(p.reason, q.reason);
            let (p, q) = (p.value().unwrap_or(0.0), q.value().unwrap_or(0.0));
            assert!((p - q).abs() < 1e-9);
        }
        for anchor in [Anchor::Eth, Anchor::Rth, Anchor::Week, Anchor::Month] {
            let (p, q) = (one.vwaps.at(anchor), many.vwaps.at(anchor));
            assert_eq!(format!("{p:?}"), format!("{q:?}"));
            assert_eq!(p.z(last), q.z(last));
        }
        assert_eq!(one.vwaps.rolling(), many.vwaps.rolling());
    }
}

type Minutes = Vec<(Vec<(i64, u32)>, u8)>;

fn minutes(reach: i64, most: u32) -> impl Strategy<Value = Minutes> {
    let trades = prop::collection::vec((-reach..=reach, 1..=most), 0..4);
    // Which anchor, if any, begins with the minute.
    prop::collection::vec((trades, 0_u8..40), 1..90)
}

fn anchor_of(code: u8) -> Option<Anchor> {
    match code {
        0 => Some(Anchor::Eth),
        1 => Some(Anchor::Rth),
        2 => Some(Anchor::Week),
        3 => Some(Anchor::Month),
        _ => None,
    }
}

fn check_bounds_and_symmetry(minutes: &Minutes) -> Result<(), TestCaseError> {
    let (mut one, mut other) = (Rig::default(), Rig::default());
    let (mut last, mut rth) = (Px::ZERO, false);
    for (trades, code) in minutes {
        if let Some(anchor) = anchor_of(*code) {
            one.vwaps.anchor(anchor);
            other.vwaps.anchor(anchor);
            rth = anchor == Anchor::Rth;
        }
        let mirrored: Vec<(i64, u32)> = trades.iter().map(|&(px, qty)| (7 - px, qty)).collect();
        let (bar, a) = one.minute(trades, last, rth);
        let flipped = |px: Px| Px::clamped(7 - i64::from(px.ticks()));
        let (_, b) = other.minute(&mirrored, flipped(last), rth);
        last = bar.close;
        for (p, q) in a.iter().zip(b) {
            prop_assert!(p.value().is_none_or(|v| (-1.0..=1.0).contains(&v)));
            prop_assert_eq!(p.value().map(|v| -v), q.value());
            prop_assert_eq!(p.reason, q.reason);
        }
        let (p, q) = (one.vwaps.active(rth), other.vwaps.active(rth));
        prop_assert_eq!(p.rejection(), -q.rejection());
        prop_assert_eq!(p.breakout().map(|b| -b), q.breakout());
        prop_assert_eq!(p.slopes().map(|s| s.map(|s| -s)), q.slopes());
        let sum = one.vwaps.rolling().zip(other.vwaps.rolling()).map(|(a, b)| a + b - 7.0);
        prop_assert!(sum.is_none_or(|s| s.abs() < 1e-5));
    }
    Ok(())
}

proptest! {
    #[test]
    fn bounded_and_symmetric(
        large in minutes((1 << 30) - 8, QTY_MAX),
        small in minutes(20, 9),
    ) {
        check_bounds_and_symmetry(&large)?;
        check_bounds_and_symmetry(&small)?;
    }

    /// Slots 20 to 22 of the Globex day again from all its trades.
    #[test]
    fn equals_recomputation(minutes in minutes(20, 9)) {
        let (mut rig, mut last) = (Rig::default(), Px::ZERO);
        let mut since: Vec<(f64, f64)> = Vec::new();
        let (mut points, mut sides, mut bars) = (Vec::new(), Vec::new(), 0);
        for (trades, code) in &minutes {
            if anchor_of(*code) == Some(Anchor::Eth) {
                rig.vwaps.anchor(Anchor::Eth);
                since.clear();
                points.clear();
                sides.clear();
                bars = 0;
            }
            let (bar, slots) = rig.minute(trades, last, false);
            last = bar.close;
            bars += 1;
            since.extend(trades.iter().map(|&(px, qty)| (px as f64, f64::from(qty))));
            let w: f64 = since.iter().map(|t| t.1).sum();
            let mean = since.iter().map(|t| t.0 * t.1).sum::<f64>() / w;
            let sd = (since.iter().map(|t| (t.0 - mean).powi(2) * t.1).sum::<f64>() / w).sqrt();
            let close = f64::from(bar.close.ticks());
            if w > 0.0 {
                points.push(mean);
                let side = if (close - mean).abs() < 1e-9 { 0.0 } else { (close - mean).signum() };
                sides.push(side);
            }
            if let Some(f20) = slots[0].value() {
                let y = &points[points.len() - 10..];
                let up: f64 = (0..10).map(|x| (x as f64 - 4.5) * (y[x] - mean)).sum();
                let slope = up / 82.5 / rig.atr20.value().unwrap() / 0.10;
                prop_assert!((f20 - slope.clamp(-1.0, 1.0)).abs() < 1e-9);
            } else {
                prop_assert!(points.len() < 10 || rig.atr20.value().is_none_or(|a| a == 0.0));
            }
            if let Some(f21) = slots[1].value() {
                prop_assert!((f21 - ((close - mean) / sd / 2.0).clamp(-1.0, 1.0)).abs() < 1e-9);
            } else {
                prop_assert!(bars < 10 || w == 0.0 || sd < 1e-9);
            }
            if let Some(f22) = slots[2].value() {
                let consistency: f64 = sides[sides.len() - 20..].iter().sum::<f64>() / 20.0;
                let (f20, f21) = (slots[0].value().unwrap(), slots[1].value().unwrap());
                let three = 0.3 * f20 + 0.25 * f21 + 0.25 * consistency;
                let all = rig.swings.structure().map_or(three / 0.8, |s| three + 0.2 * s);
                prop_assert!((f22 - all).abs() < 1e-9);
            }
        }
    }
}
