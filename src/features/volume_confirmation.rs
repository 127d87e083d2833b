//! `volume_confirmation` (12): whether volume and aggressors stand behind the last price move.
//!
//! Over the set of the last five completed bars, with s the sign of the change of the close:
//! a = clip((RVOL − 1)/0.8, 0, 1) is how unusual the volume of the set is at this time of day,
//! b = s·Σδ/ΣV how far aggressors pushed the same way, c the rank correlation (Spearman, average
//! ranks for ties) of volume with the size of the close's change over 20 bars. The value is s times
//! the mean of those of a, b, c that exist, in [−1, 1]; b must. Own design after the textbook idea
//! that volume confirms a move. Cost: nothing an event; a bar close reads 21 bars and makes 800
//! comparisons, whatever the bars are. There is no state beside the history, so many empty minutes
//! at once need nothing else than [`read`].

use super::close::Close;
use super::frame::{Reason, Slot};
use crate::bars::History;

/// Bars of the set whose move is judged.
const SET: usize = 5;
/// Bars of the correlation, and of the warm-up.
const WINDOW: usize = 20;

/// Feature 12 with the diagnostic that goes with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confirmation {
    /// The feature, in [−1, 1]. `WARMUP` below 20 bars, `ZERO_DENOMINATOR` where the set has no
    /// volume, `INVALID_INPUT` where more than a tenth of it is unclassified.
    pub slot: Slot,
    /// Price went one way and aggressor volume the other.
    pub divergence: bool,
}

/// Feature 12 at a close; the set may reach back before the anchor.
#[must_use]
pub fn read(close: &Close<'_>) -> Confirmation {
    match judge(close) {
        Ok(confirmation) => confirmation,
        Err(reason) => Confirmation { slot: Slot::none(reason), divergence: false },
    }
}

fn judge(close: &Close<'_>) -> Result<Confirmation, Reason> {
    let history = close.history;
    let (Some(newest), Some(before)) = (history.ago(0), history.ago(SET)) else {
        return Err(Reason::Warmup);
    };
    if history.len() < WINDOW {
        return Err(Reason::Warmup);
    }
    // Five bars of any volume fit 128 bits.
    let (mut volume, mut buy, mut sell) = (0_i128, 0_i128, 0_i128);
    for bar in history.last(SET) {
        volume += i128::from(bar.volume);
        buy += i128::from(bar.buy);
        sell += i128::from(bar.sell);
    }
    if volume <= 0 {
        return Err(Reason::ZeroDenominator);
    }
    if (volume - buy - sell) * 10 > volume {
        return Err(Reason::InvalidInput);
    }
    let move_sign = newest.close.minus(before.close).signum();
    let delta = buy - sell;
    let share = delta as f64 / volume as f64;
    let value = confirm(move_sign, close.usual.rvol_set, share, volume_follows_range(history));
    let divergence = i128::from(move_sign) * delta.signum() < 0;
    Ok(Confirmation { slot: Slot::some(value), divergence })
}

/// The sign of the move times the mean of what exists.
fn confirm(move_sign: i32, rvol: Option<f64>, share: f64, ranks: Option<f64>) -> f64 {
    if move_sign == 0 {
        return 0.0;
    }
    let sign = f64::from(move_sign);
    let (mut sum, mut count) = (sign * share, 1.0);
    for part in [rvol.map(|r| ((r - 1.0) / 0.8).clamp(0.0, 1.0)), ranks].into_iter().flatten() {
        sum += part;
        count += 1.0;
    }
    sign * (sum / count).clamp(-1.0, 1.0)
}

/// Rank correlation of volume with |ΔC|; `None` where either is constant, or where the oldest of
/// the 20 bars has no predecessor.
fn volume_follows_range(history: &History) -> Option<f64> {
    let mut last = history.ago(WINDOW)?.close;
    let (mut volumes, mut moves) = ([0_i64; WINDOW], [0_i64; WINDOW]);
    for (bar, (volume, moved)) in history.last(WINDOW).zip(volumes.iter_mut().zip(moves.iter_mut()))
    {
        *volume = bar.volume;
        *moved = i64::from(bar.close.minus(last)).abs();
        last = bar.close;
    }
    rank_correlation(&volumes, &moves)
}

/// Spearman's coefficient in integers up to the last division; `None` for a constant input.
fn rank_correlation(x: &[i64; WINDOW], y: &[i64; WINDOW]) -> Option<f64> {
    let (x, y) = (centred_ranks(x), centred_ranks(y));
    let dot =
        |a: &[i64; WINDOW], b: &[i64; WINDOW]| -> i64 { a.iter().zip(b).map(|(p, q)| p * q).sum() };
    let square = dot(&x, &x) * dot(&y, &y);
    (square > 0).then(|| (dot(&x, &y) as f64 / (square as f64).sqrt()).clamp(-1.0, 1.0))
}

/// Twice the average rank less twice the mean rank: whole numbers that sum to 0, each within ±19.
fn centred_ranks(values: &[i64; WINDOW]) -> [i64; WINDOW] {
    values.map(|value| {
        let both: i64 = values.iter().map(|v| i64::from(*v < value) + i64::from(*v <= value)).sum();
        both - WINDOW as i64
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::{Bar, reference::r64};
    use crate::features::close::Usual;
    use crate::units::Px;
    use proptest::prelude::*;

    fn at(bars: &[Bar], rvol_set: Option<f64>) -> Confirmation {
        let mut history = History::default();
        bars.iter().for_each(|b| history.push(b));
        let (bar, usual) = (Bar::default(), Usual { rvol_set, ..Usual::default() });
        read(&Close {
            bar: history.ago(0).unwrap_or(&bar),
            history: &history,
            rth: false,
            atr20: None,
            structure: None,
            cvd: 0,
            usual,
        })
    }

    fn mirror(bars: &[Bar]) -> Vec<Bar> {
        let px = |p: Px| Px::clamped(-i64::from(p.ticks()));
        let flip = |b: &Bar| Bar {
            open: px(b.open),
            high: px(b.low),
            low: px(b.high),
            close: px(b.close),
            buy: b.sell,
            sell: b.buy,
            ..*b
        };
        bars.iter().map(flip).collect()
    }

    #[test]
    fn golden_formula() {
        for (sign, rvol, share, ranks, value) in [
            (1, 1.2, 0.25, 0.4, 0.3),
            (1, 1.2, -0.25, 0.4, 0.133_333),
            (1, 1.2, -0.75, 0.4, -0.033_333),
            (-1, 1.2, -0.25, 0.4, -0.3),
            (1, 1.0, -0.5, 0.0, -0.166_667),
        ] {
            assert!((confirm(sign, Some(rvol), share, Some(ranks)) - value).abs() < 1e-6);
        }
        assert_eq!(confirm(1, None, 0.5, None), 0.5);
        assert_eq!(confirm(0, Some(3.0), 0.5, Some(0.5)), 0.0);
    }

    #[test]
    fn golden_reference_series() {
        let mut history = History::default();
        r64().iter().for_each(|b| history.push(b));
        assert!((volume_follows_range(&history).expect("varies") + 0.213_614).abs() < 1e-6);
        let got = at(&r64(), Some(7886.0 / 6000.0));
        assert!((got.slot.value().expect("warm") + 0.082_931).abs() < 1e-6);
        assert!(!got.divergence);
        let swapped: Vec<Bar> =
            r64().iter().map(|b| Bar { buy: b.sell, sell: b.buy, ..*b }).collect();
        assert!(at(&swapped, None).divergence);
    }

    #[test]
    fn reasons() {
        let mut bars = r64();
        assert_eq!(at(&bars[..19], None).slot.reason, Reason::Warmup);
        // Twenty bars: the first of them has no change of the close, so no correlation.
        let twenty = at(&bars[..20], None);
        let delta: i64 = bars[15..20].iter().map(Bar::delta).sum();
        let volume: i64 = bars[15..20].iter().map(|b| b.volume).sum();
        assert_eq!(twenty.slot.value(), Some(delta as f64 / volume as f64));
        let last = bars[63];
        bars.extend((64..69).map(|m| Bar::empty(m, last.close)));
        bars[64].volume = 5;
        bars[64].buy = 5;
        assert_eq!(at(&bars, None).slot.value(), Some(0.0), "no move");
        bars.push(Bar::empty(69, last.close));
        assert_eq!(at(&bars, None).slot.reason, Reason::ZeroDenominator);
        bars.push(Bar { volume: 100, buy: 89, minute: 70, sell: 0, ..last });
        assert_eq!(at(&bars, None).slot.reason, Reason::InvalidInput);
    }

    /// A second way: ranks by sorting, sums in floats.
    fn slow(bars: &[Bar], rvol: Option<f64>) -> f64 {
        let ranks = |v: &[f64]| -> Vec<f64> {
            let mut sorted = v.to_vec();
            sorted.sort_by(f64::total_cmp);
            let places = |x: f64| sorted.iter().enumerate().filter(move |p| *p.1 == x);
            v.iter()
                .map(|&x| places(x).map(|p| p.0 as f64).sum::<f64>() / places(x).count() as f64)
                .collect()
        };
        let correlation = |x: &[f64], y: &[f64]| {
            let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
            let (mx, my) = (mean(x), mean(y));
            let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
                x.iter().zip(y).map(|(a, b)| f(a - mx, b - my)).sum()
            };
            let (xy, xx, yy) = (sum(&|a, b| a * b), sum(&|a, _| a * a), sum(&|_, b| b * b));
            (xx > 1e-9 && yy > 1e-9).then(|| xy / (xx * yy).sqrt())
        };
        let n = bars.len();
        let close = |i: usize| f64::from(bars[i].close.ticks());
        let volumes: Vec<f64> = (n - 20..n).map(|i| bars[i].volume as f64).collect();
        let moves: Vec<f64> = (n - 20..n).map(|i| (close(i) - close(i - 1)).abs()).collect();
        let c = correlation(&ranks(&volumes), &ranks(&moves));
        let moved = close(n - 1) - close(n - 6);
        if moved == 0.0 {
            return 0.0;
        }
        let set = &bars[n - 5..];
        let share = set.iter().map(|b| b.delta() as f64).sum::<f64>()
            / set.iter().map(|b| b.volume as f64).sum::<f64>();
        let a = rvol.map(|r| ((r - 1.0) / 0.8).clamp(0.0, 1.0));
        let parts: Vec<f64> = [a, Some(moved.signum() * share), c].into_iter().flatten().collect();
        moved.signum() * parts.iter().sum::<f64>() / parts.len() as f64
    }

    fn any_bar(reach: i64, most: i64) -> impl Strategy<Value = Bar> {
        let volume = prop_oneof![Just(0), 0..3_i64, 0..=most];
        (-reach..=reach, volume, 0.0..=1.0_f64, 0.0..=0.2_f64).prop_map(|(px, v, side, lost)| {
            let known = v - (v as f64 * lost) as i64;
            let buy = ((known as f64 * side) as i64).clamp(0, known);
            Bar { volume: v, buy, sell: known - buy, ..Bar::empty(0, Px::clamped(px)) }
        })
    }

    proptest! {
        #[test]
        fn bounded_and_symmetric(
            bars in prop::collection::vec(any_bar(1 << 31, 1 << 58), 0..40),
            rvol in prop::option::of(0.0..1e9_f64),
        ) {
            let (one, other) = (at(&bars, rvol), at(&mirror(&bars), rvol));
            if let Some(value) = one.slot.value() {
                prop_assert!((-1.0..=1.0).contains(&value));
            }
            prop_assert_eq!(one.slot.value().map(|v| -v), other.slot.value());
            prop_assert_eq!(one.slot.reason, other.slot.reason);
            prop_assert_eq!(one.divergence, other.divergence);
        }

        #[test]
        fn equals_recomputation(
            bars in prop::collection::vec(any_bar(6, 9), 21..40),
            rvol in prop::option::of(0.0..3.0_f64),
        ) {
            if let Some(value) = at(&bars, rvol).slot.value() {
                prop_assert!((value - slow(&bars, rvol)).abs() < 1e-9);
            }
        }
    }
}
