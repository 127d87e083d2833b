//! `delta_divergence` (15): price and cumulative volume delta that disagree.
//!
//! Two forms, the one with the larger size counts, the slope form on a tie; in [−1, 1], + where
//! the delta speaks for higher prices, 0 where there is no divergence.
//!
//! *Slope form*: r_p and r_d are the correlations of close and CVD with time over the last 20 bars.
//! Where their signs differ and both r² ≥ 0.30 it is sgn(r_d)·½·|r_p − r_d|. A series that does
//! not move at all has no slope, hence no divergence.
//!
//! *Swing form*: a newly confirmed swing against the latest earlier one of its kind at least ten
//! bars before it, both since the anchor; CVD is that at the close of the swing's bar. At a high it
//! is −, at a low +, wherever price and CVD changed in opposite ways: regular where price went on
//! (higher high, lower low), else hidden. Its strength is ½·(min(1, |ΔP|/ATR₂₀) +
//! min(1, |ΔCVD|/(sd·√bars between))), × 0.7 where hidden, × clip(RVOL, ½, 1), and halves every
//! five bars. sd is that of δ over the last 20 bars; ATR and RVOL are those of the bar that
//! confirms, and no signal arises before there are 20 bars. The newest signal replaces the one
//! before; a high and a low confirmed together with equal strength cancel. Without a baseline RVOL
//! is unknown and the factor is ½: the least that any volume would give, so that the strength is a
//! lower bound.
//!
//! Own design after the textbook patterns (regular and hidden divergence of an oscillator). Cost:
//! nothing an event; a bar close reads 20 bars and eight swings, whatever the bars are.

use super::close::Close;
use super::frame::{Reason, Slot};
use crate::bars::swings::Confirmed;
use crate::bars::{Bar, History, Swing, Swings};
use crate::units::Px;

/// Bars of the slope form, and of the warm-up.
const WINDOW: usize = 20;
/// Least r² of both correlations.
const R2_MIN: f64 = 0.30;
/// Bars between two swings that are compared, at least.
const APART: u64 = 10;
/// Swings of a kind that are kept. Two swings of a kind are at least three bars apart, so of four
/// earlier ones at least one is far enough, if any is.
const KEPT: usize = 4;
/// Bars from a swing to the one that confirms it.
const LATE: usize = 2;
/// What a hidden divergence counts.
const HIDDEN: f64 = 0.7;
/// Bars in which the swing form halves.
const HALF_LIFE: f64 = 5.0;
/// Bounds of the volume factor.
const VOLUME_FACTOR: (f64, f64) = (0.5, 1.0);

/// State of feature 15: one instance an anchor, both always running.
#[derive(Clone, Debug, Default)]
pub struct Divergence {
    swings: Swings,
    eth: Anchored,
    rth: Anchored,
    /// The slope form at the last close.
    slope: f64,
}

impl Divergence {
    /// A new Globex day begins, before its first bar closes.
    pub fn anchor_eth(&mut self) {
        self.eth = Anchored::default();
    }

    /// The cash session opens, before its first bar closes.
    pub fn anchor_rth(&mut self) {
        self.rth = Anchored::default();
    }

    /// A bar closed: feature 15 of the active anchor. `WARMUP` below 20 bars since it,
    /// `INVALID_INPUT` where more than a tenth of the volume of the 20 bars, or of those between
    /// two swings that would now be compared, is unclassified, `ZERO_DENOMINATOR` where two such
    /// swings meet an ATR or a deviation of δ of 0.
    pub fn close(&mut self, close: &Close<'_>) -> Slot {
        let found = self.swings.push(close.history);
        self.update(1, close, &found)
    }

    /// `n` further empty bars closed, the swings being at rest: as `n` single closes.
    pub fn advance(&mut self, n: u32, close: &Close<'_>) -> Slot {
        self.update(n, close, &Confirmed::default())
    }

    fn update(&mut self, n: u32, close: &Close<'_>, found: &Confirmed) -> Slot {
        let window = Window::of(close.history);
        self.slope = window.as_ref().map_or(0.0, |w| w.slope);
        for anchored in [&mut self.eth, &mut self.rth] {
            anchored.update(n, close, found, window.as_ref());
        }
        self.read(close.rth)
    }

    /// Feature 15 at the last close; of the cash session where `rth`.
    #[must_use]
    pub fn read(&self, rth: bool) -> Slot {
        let anchored = self.anchored(rth);
        match anchored.reason {
            Reason::Present => Slot::some(larger(self.slope, anchored.swing())),
            reason => Slot::none(reason),
        }
    }

    /// Slope form and swing form at the last close, each in [−1, 1]; meaningful where
    /// [`Divergence::read`] has a value.
    #[must_use]
    pub fn forms(&self, rth: bool) -> (f64, f64) {
        (self.slope, self.anchored(rth).swing())
    }

    const fn anchored(&self, rth: bool) -> &Anchored {
        if rth { &self.rth } else { &self.eth }
    }
}

/// The larger in size; `a` on a tie.
fn larger(a: f64, b: f64) -> f64 {
    if b.abs() > a.abs() { b } else { a }
}

/// Sums since an anchor, in contracts.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    cvd: i64,
    volume: i64,
    unclassified: i64,
}

impl Sums {
    fn add(self, bar: &Bar, sign: i64) -> Sums {
        let unclassified = bar.volume.saturating_sub(bar.buy).saturating_sub(bar.sell);
        Sums {
            cvd: self.cvd.saturating_add(sign * bar.delta()),
            volume: self.volume.saturating_add(sign * bar.volume),
            unclassified: self.unclassified.saturating_add(sign * unclassified),
        }
    }
}

/// A swing and the sums at the close of its bar.
#[derive(Clone, Copy, Debug)]
struct Turn {
    ordinal: u64,
    px: Px,
    sums: Sums,
}

/// What one anchor needs.
#[derive(Clone, Copy, Debug)]
struct Anchored {
    bars: u32,
    sums: Sums,
    /// Newest last.
    highs: [Option<Turn>; KEPT],
    lows: [Option<Turn>; KEPT],
    signal: f64,
    /// Bars since `signal`.
    age: u32,
    reason: Reason,
}

impl Default for Anchored {
    fn default() -> Anchored {
        Anchored {
            bars: 0,
            sums: Sums::default(),
            highs: [None; KEPT],
            lows: [None; KEPT],
            signal: 0.0,
            age: 0,
            reason: Reason::Warmup,
        }
    }
}

impl Anchored {
    fn swing(&self) -> f64 {
        self.signal * libm::exp2(-f64::from(self.age) / HALF_LIFE)
    }

    fn update(&mut self, n: u32, close: &Close<'_>, found: &Confirmed, window: Option<&Window>) {
        self.bars = self.bars.saturating_add(n);
        self.age = self.age.saturating_add(n);
        if n == 1 {
            self.sums = self.sums.add(close.bar, 1);
        }
        let (high, low) = (self.turn(found.high, close), self.turn(found.low, close));
        self.reason = match window {
            Some(window) if self.bars as usize >= WINDOW => {
                match self.signals(high, low, close, window) {
                    Ok(signal) => {
                        if signal != 0.0 {
                            (self.signal, self.age) = (signal, 0);
                        }
                        Reason::Present
                    }
                    Err(reason) => reason,
                }
            }
            _ => Reason::Warmup,
        };
        for (turn, kept) in [(high, &mut self.highs), (low, &mut self.lows)] {
            if turn.is_some() {
                kept.copy_within(1.., 0);
                kept[KEPT - 1] = turn;
            }
        }
    }

    /// The swing with the sums at its bar; `None` where that bar is before the anchor.
    fn turn(&self, swing: Option<Swing>, close: &Close<'_>) -> Option<Turn> {
        let swing = swing.filter(|_| self.bars as usize > LATE)?;
        let sums = close.history.last(LATE).fold(self.sums, |sums, bar| sums.add(bar, -1));
        Some(Turn { ordinal: swing.ordinal, px: swing.px, sums })
    }

    /// The signal that this close brings, 0 for none.
    fn signals(
        &self,
        high: Option<Turn>,
        low: Option<Turn>,
        close: &Close<'_>,
        window: &Window,
    ) -> Result<f64, Reason> {
        if window.invalid {
            return Err(Reason::InvalidInput);
        }
        let mut signals = [0.0; 2];
        let kinds = [(high, &self.highs, true), (low, &self.lows, false)];
        for (signal, (turn, kept, is_high)) in signals.iter_mut().zip(kinds) {
            let Some(turn) = turn else { continue };
            let far = |t: &&Turn| turn.ordinal.saturating_sub(t.ordinal) >= APART;
            let Some(earlier) = kept.iter().rev().flatten().find(far) else { continue };
            *signal = compare(earlier, &turn, is_high, close, window.sd)?;
        }
        let [high, low] = signals;
        Ok(if high.abs() == low.abs() { high + low } else { larger(high, low) })
    }
}

/// The signed strength of two swings of a kind.
fn compare(
    earlier: &Turn,
    turn: &Turn,
    is_high: bool,
    close: &Close<'_>,
    sd: f64,
) -> Result<f64, Reason> {
    let price = turn.px.minus(earlier.px);
    let delta = i128::from(turn.sums.cvd) - i128::from(earlier.sums.cvd);
    if i128::from(price.signum()) * delta.signum() >= 0 {
        return Ok(0.0);
    }
    let volume = i128::from(turn.sums.volume) - i128::from(earlier.sums.volume);
    let lost = i128::from(turn.sums.unclassified) - i128::from(earlier.sums.unclassified);
    if lost * 10 > volume {
        return Err(Reason::InvalidInput);
    }
    let atr = close.atr20.ok_or(Reason::Warmup)?;
    let between = turn.ordinal.saturating_sub(earlier.ordinal) as f64;
    if !(atr > 0.0 && sd > 0.0 && between > 0.0) {
        return Err(Reason::ZeroDenominator);
    }
    let price_part = (f64::from(price).abs() / atr).min(1.0);
    let delta_part = (delta.unsigned_abs() as f64 / (sd * between.sqrt())).min(1.0);
    let kind = if (price > 0) == is_high { 1.0 } else { HIDDEN };
    let (least, most) = VOLUME_FACTOR;
    let rvol = close.usual.rvol.filter(|r| !r.is_nan());
    let factor = rvol.map_or(least, |r| r.clamp(least, most));
    let strength = (price_part + delta_part) / 2.0 * kind * factor;
    Ok(if is_high { -strength } else { strength })
}

/// What the last 20 bars say, the same for every anchor that is as old.
#[derive(Clone, Copy, Debug)]
struct Window {
    slope: f64,
    /// Population deviation of δ, in contracts.
    sd: f64,
    /// More than a tenth of the volume is unclassified.
    invalid: bool,
}

impl Window {
    fn of(history: &History) -> Option<Window> {
        let first = history.ago(WINDOW - 1)?;
        let (mut closes, mut cvd, mut deltas) = ([0.0; WINDOW], [0.0; WINDOW], [0.0; WINDOW]);
        let (mut sum, mut volume, mut lost) = (0_i128, 0_i128, 0_i128);
        for (at, bar) in history.last(WINDOW).enumerate() {
            let delta = i128::from(bar.delta());
            sum += delta;
            volume += i128::from(bar.volume);
            lost += i128::from(bar.volume) - i128::from(bar.buy) - i128::from(bar.sell);
            let values = (closes.get_mut(at), cvd.get_mut(at), deltas.get_mut(at));
            if let (Some(c), Some(d), Some(one)) = values {
                *c = f64::from(bar.close.minus(first.close));
                *d = (sum - i128::from(first.delta())) as f64;
                *one = delta as f64;
            }
        }
        let mean = sum as f64 / WINDOW as f64;
        let square: f64 = deltas.iter().map(|d| (d - mean) * (d - mean)).sum();
        Some(Window {
            slope: slope_form(&closes, &cvd),
            sd: (square / WINDOW as f64).sqrt(),
            invalid: lost * 10 > volume,
        })
    }
}

/// The slope form of two series that begin at 0.
fn slope_form(price: &[f64], cvd: &[f64]) -> f64 {
    let (p, d) = (time_correlation(price), time_correlation(cvd));
    if p * d < 0.0 && p * p >= R2_MIN && d * d >= R2_MIN {
        ((d - p) / 2.0).clamp(-1.0, 1.0)
    } else {
        0.0
    }
}

/// Correlation with time; 0 where nothing moves. Two passes: no digits are lost to the level.
fn time_correlation(y: &[f64]) -> f64 {
    let n = y.len() as f64;
    let (mean, middle) = (y.iter().sum::<f64>() / n, (n - 1.0) / 2.0);
    let (mut xy, mut yy, mut x) = (0.0, 0.0, -middle);
    for value in y {
        xy += x * (value - mean);
        yy += (value - mean) * (value - mean);
        x += 1.0;
    }
    let xx = n * (n * n - 1.0) / 12.0;
    if yy > 0.0 { (xy / (xx * yy).sqrt()).clamp(-1.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::{Atr, reference::r64};
    use crate::features::close::Usual;
    use proptest::prelude::*;

    /// The driver's part: history, average range and anchors.
    #[derive(Clone, Default)]
    struct Rig {
        history: History,
        atr20: Atr<20>,
        divergence: Divergence,
    }

    fn close<'a>(bar: &'a Bar, history: &'a History, atr20: Option<f64>, rth: bool) -> Close<'a> {
        let usual = Usual { rvol: Some(bar.volume as f64 / 10.0), ..Usual::default() };
        Close { bar, history, rth, atr20, structure: None, cvd: 0, usual }
    }

    impl Rig {
        fn push(&mut self, bar: &Bar, rth: bool) -> Slot {
            self.history.push(bar);
            self.atr20.push(bar);
            self.divergence.close(&close(bar, &self.history, self.atr20.value(), rth))
        }

        fn advance(&mut self, n: u32, rth: bool) -> Slot {
            self.history.advance(n, 1);
            self.atr20.advance(n);
            let bar = *self.history.ago(0).expect("bars");
            self.divergence.advance(n, &close(&bar, &self.history, self.atr20.value(), rth))
        }
    }

    #[test]
    fn golden_slope_form() {
        let price = [0.0, 2.0, 1.0, 3.0, 4.0, 4.0, 6.0, 5.0, 7.0, 8.0];
        let cvd = [0.0, -50.0, -30.0, -90.0, -120.0, -100.0, -160.0, -150.0, -210.0, -230.0];
        assert!((time_correlation(&price) - 0.966_510).abs() < 1e-6);
        assert!((time_correlation(&cvd) + 0.969_775).abs() < 1e-6);
        assert!((slope_form(&price, &cvd) + 0.968_142).abs() < 1e-6);
        assert_eq!(slope_form(&price, &[0.0; 10]), 0.0);
    }

    #[test]
    fn golden_reference_series() {
        let bars = r64();
        let first = bars[44].close;
        let closes: Vec<f64> = bars[44..].iter().map(|b| f64::from(b.close.minus(first))).collect();
        let mut sum = 0;
        let cvd: Vec<f64> = bars[44..]
            .iter()
            .map(|b| {
                sum += b.delta();
                sum as f64
            })
            .collect();
        assert!((time_correlation(&closes) - 0.746_191).abs() < 1e-6);
        assert!((time_correlation(&cvd) + 0.450_926).abs() < 1e-6);
        let mut rig = Rig::default();
        for (at, bar) in bars.iter().enumerate() {
            let slot = rig.push(bar, false);
            assert_eq!(slot.reason == Reason::Warmup, at < 19);
        }
        assert_eq!(rig.divergence.forms(false).0, 0.0);
    }

    #[test]
    fn golden_swing_form() {
        let turn = |ordinal, px, cvd| Turn {
            ordinal,
            px: Px::clamped(px),
            sums: Sums { cvd, ..Sums::default() },
        };
        let (bar, history) = (Bar { volume: 11, ..Bar::default() }, History::default());
        let at = close(&bar, &history, Some(20.0), false);
        let (old, new) = (turn(0, 24_040, 1200), turn(16, 24_052, 900));
        let got = compare(&old, &new, true, &at, 75.0);
        assert!((got.expect("finite") + 0.8).abs() < 1e-12);
        // The same at lows is a hidden bullish one, and the reverse a hidden bearish one.
        let hidden = compare(&turn(0, 24_040, 1200), &new, false, &at, 75.0);
        assert!((hidden.expect("finite") - 0.56).abs() < 1e-12);
        let reverse = compare(&turn(0, 24_052, 900), &turn(16, 24_040, 1200), true, &at, 75.0);
        assert!((reverse.expect("finite") + 0.56).abs() < 1e-12);
        assert_eq!(compare(&old, &turn(16, 24_052, 1201), true, &at, 75.0), Ok(0.0));
        // Unknown volume: the least factor.
        let unknown = Close { usual: Usual::default(), ..at };
        let least = compare(&old, &new, true, &unknown, 75.0).expect("finite");
        assert!((least + 0.4).abs() < 1e-12);
        assert_eq!(compare(&old, &new, true, &at, 0.0), Err(Reason::ZeroDenominator));
    }

    /// Two peaks, the second higher on less buying; flat volume elsewhere.
    fn peaks() -> Vec<Bar> {
        (0..40_i64)
            .map(|i| {
                let px = 100 + [0, 1, 3, 1, 0, 0][(i % 6) as usize] + if i >= 26 { 8 } else { 0 };
                let buy = if i == 26 { 1 } else { 5 + i % 2 };
                Bar { volume: 11, buy, sell: 11 - buy, ..Bar::empty(i, Px::clamped(px)) }
            })
            .collect()
    }

    #[test]
    fn swings_confirm_late_decay_and_restart() {
        let mut rig = Rig::default();
        let values: Vec<Slot> = peaks().iter().map(|b| rig.push(b, false)).collect();
        let swing: Vec<f64> = {
            let mut rig = Rig::default();
            let step = |b: &Bar| {
                rig.push(b, false);
                rig.divergence.forms(false).1
            };
            peaks().iter().map(step).collect()
        };
        // The high of bar 26 is known at bar 28, and not before.
        assert_eq!(swing[27], 0.0);
        assert!(swing[28] < 0.0, "{swing:?}");
        assert!((swing[29] / swing[28] - libm::exp2(-0.2)).abs() < 1e-12);
        assert!(values[28].value().is_some_and(|v| v < 0.0));
        rig.divergence.anchor_eth();
        assert_eq!(rig.divergence.read(false).reason, Reason::Warmup);
        assert_eq!(rig.divergence.forms(false).1, 0.0);
    }

    #[test]
    fn advance_equals_single_closes() {
        for n in [1, 30, 500, 100_000_u32] {
            let mut one = Rig::default();
            peaks().iter().for_each(|b| _ = one.push(b, false));
            let last = *one.history.ago(0).expect("bars");
            (0..30).for_each(|i| _ = one.push(&Bar::empty(40 + i, last.close), false));
            one.divergence.anchor_rth();
            (0..25).for_each(|i| _ = one.push(&Bar::empty(70 + i, last.close), false));
            let mut many = one.clone();
            let a = one.advance(n, true);
            let singles = (0..n.min(2000))
                .map(|i| many.push(&Bar::empty(95 + i64::from(i), last.close), true));
            let b = singles.last().expect("one");
            assert_eq!(a.reason, b.reason);
            for rth in [false, true] {
                let (p, q) = (one.divergence.read(rth), many.divergence.read(rth));
                let (p, q) = (p.value().expect("warm"), q.value().expect("warm"));
                assert!((p - q).abs() <= 1e-9, "{p} {q}");
            }
        }
    }

    /// The whole value again from the raw bars since `anchor`.
    fn slow(bars: &[Bar], anchor: usize, atrs: &[Option<f64>]) -> Option<f64> {
        let cvd = |i: usize| bars[anchor..=i].iter().map(|b| b.delta() as f64).sum::<f64>();
        let is_high = |i: usize, up: bool| {
            let h = |j: usize| {
                if up { bars[j].high.ticks() } else { -bars[j].low.ticks() }
            };
            i >= 2 && h(i) > h(i - 1).max(h(i - 2)) && h(i) >= h(i + 1).max(h(i + 2))
        };
        let end = bars.len() - 1;
        if end + 1 < anchor + 20 {
            return None;
        }
        let mut swing = 0.0_f64;
        for now in anchor + 19..=end {
            swing *= libm::exp2(-0.2);
            let i = now - 2;
            let mut found = [0.0_f64; 2];
            for (k, up) in [(0, true), (1, false)] {
                let earlier = (anchor..=i.saturating_sub(10)).rev().find(|&j| is_high(j, up));
                let (true, Some(j)) = (is_high(i, up), earlier) else { continue };
                let level = |b: &Bar| f64::from(if up { b.high } else { b.low }.ticks());
                let (dp, dc) = (level(&bars[i]) - level(&bars[j]), cvd(i) - cvd(j));
                if dp * dc >= 0.0 {
                    continue;
                }
                let deltas: Vec<f64> =
                    bars[now - 19..=now].iter().map(|b| b.delta() as f64).collect();
                let mean = deltas.iter().sum::<f64>() / 20.0;
                let sd = (deltas.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 20.0).sqrt();
                let gap = (i - j) as f64;
                let size = (dp.abs() / atrs[now]?).min(1.0) + (dc.abs() / sd / gap.sqrt()).min(1.0);
                let kind = if (dp > 0.0) == up { 1.0 } else { 0.7 };
                let factor = (bars[now].volume as f64 / 10.0).clamp(0.5, 1.0);
                found[k] = if up { -1.0 } else { 1.0 } * size / 2.0 * kind * factor;
            }
            if found[0] + found[1] != 0.0 {
                swing = if found[0].abs() > found[1].abs() { found[0] } else { found[1] };
            }
        }
        let from = end - 19;
        let r = |y: &dyn Fn(usize) -> f64| {
            let mean = (0..20).map(y).sum::<f64>() / 20.0;
            let xy: f64 = (0..20).map(|x| (x as f64 - 9.5) * (y(x) - mean)).sum();
            let yy: f64 = (0..20).map(|x| (y(x) - mean).powi(2)).sum();
            if yy < 1e-9 { 0.0 } else { xy / (665.0 * yy).sqrt() }
        };
        let p = r(&|x| f64::from(bars[from + x].close.ticks()));
        let d = r(&|x| cvd(from + x));
        // On the edge two roundings may decide differently.
        if [p, d].iter().any(|r| (r * r - 0.3).abs() < 1e-9) {
            return None;
        }
        let slope = if p * d < 0.0 && p * p >= 0.3 && d * d >= 0.3 {
            d.signum() * (p - d).abs() / 2.0
        } else {
            0.0
        };
        Some(if swing.abs() > slope.abs() { swing } else { slope })
    }

    fn any_bar(reach: i64, most: i64) -> impl Strategy<Value = Bar> {
        let volume = prop_oneof![1 => Just(0), 9 => 0..=most];
        let px = -reach..=reach;
        (px.clone(), px, volume, 0.0..=1.0_f64, 0.0..=0.11_f64).prop_map(|(a, b, v, side, lost)| {
            let known = v - (v as f64 * lost) as i64;
            let buy = ((known as f64 * side) as i64).clamp(0, known);
            let (low, high) = (Px::clamped(a.min(b)), Px::clamped(a.max(b)));
            let empty = Bar::empty(0, Px::clamped(a));
            Bar { volume: v, buy, sell: known - buy, high, low, ..empty }
        })
    }

    fn mirror(b: &Bar) -> Bar {
        let px = |p: Px| Px::clamped(-i64::from(p.ticks()));
        Bar {
            open: px(b.open),
            high: px(b.low),
            low: px(b.high),
            close: px(b.close),
            buy: b.sell,
            sell: b.buy,
            ..*b
        }
    }

    proptest! {
        #[test]
        fn bounded_and_symmetric(
            bars in prop::collection::vec(any_bar(1 << 31, 1 << 55), 0..60),
            small in prop::collection::vec(any_bar(8, 20), 0..60),
            anchor in 0_usize..40,
        ) {
            for bars in [bars, small] {
                let (mut one, mut other) = (Rig::default(), Rig::default());
                for (at, bar) in bars.iter().enumerate() {
                    if at == anchor {
                        one.divergence.anchor_rth();
                        other.divergence.anchor_rth();
                    }
                    let rth = at >= anchor;
                    let (a, b) = (one.push(bar, rth), other.push(&mirror(bar), rth));
                    prop_assert!(a.value().is_none_or(|v| (-1.0..=1.0).contains(&v)));
                    prop_assert_eq!(a.value().map(|v| -v), b.value());
                    prop_assert_eq!(a.reason, b.reason);
                }
            }
        }

        #[test]
        fn equals_recomputation(
            bars in prop::collection::vec(any_bar(8, 20), 20..70),
            anchor in 0_usize..30,
        ) {
            // Every trade classified, so that only the other reasons remain.
            let bars: Vec<Bar> =
                bars.iter().map(|b| Bar { volume: b.buy + b.sell, ..*b }).collect();
            let (mut rig, mut atrs) = (Rig::default(), Vec::new());
            for (at, bar) in bars.iter().enumerate() {
                if at == anchor {
                    rig.divergence.anchor_rth();
                }
                let slot = rig.push(bar, true);
                atrs.push(rig.atr20.value());
                let from = if at >= anchor { anchor } else { 0 };
                if let Some(expected) = slow(&bars[..=at], from, &atrs) {
                    prop_assert!((slot.value().unwrap() - expected).abs() < 1e-9);
                }
            }
        }
    }
}
