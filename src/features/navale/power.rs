//! Power P: who pushed harder over the last five bars, Vikings (buyers) or Défenseurs (sellers).
//!
//! Each bar gives points to the side of its colour (a body of more than 0.6 of the range: 0.8 times
//! that share; volume over its median, at most twice: 0.2 times that), to the side of its delta
//! (0.5 times delta over its median, at most once) and to the side that has more than 0.6 of the
//! classified volume (0.3). P = (Vikings − Défenseurs)/(both) in [−1, 1], 0 without points.
//! Medians are over 20 bars. Cost: two sorts of 20 integers a bar.

use crate::bars::{Bar, History};

/// Bars over which the medians are taken.
pub(super) const WINDOW: usize = 20;
/// Bars that give points.
const BARS: usize = 5;

/// Points of both sides, not negative.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Points {
    pub(super) vikings: f64,
    pub(super) defenders: f64,
}

impl Points {
    fn give(&mut self, sign: i64, points: f64) {
        match sign {
            1 => self.vikings += points,
            -1 => self.defenders += points,
            _ => {}
        }
    }

    fn balance(self) -> f64 {
        let all = self.vikings + self.defenders;
        if all > 0.0 { (self.vikings - self.defenders) / all } else { 0.0 }
    }
}

/// P of the newest bars; `None` before there are 20.
pub(super) fn power(history: &History) -> Option<f64> {
    let (volume, delta) = medians(history)?;
    let mut sum = Points::default();
    for bar in history.last(BARS) {
        let points = points(bar, volume, delta);
        sum.vikings += points.vikings;
        sum.defenders += points.defenders;
    }
    Some(sum.balance().clamp(-1.0, 1.0))
}

/// Medians of volume and of |delta|, in contracts.
pub(super) fn medians(history: &History) -> Option<(f64, f64)> {
    if history.len() < WINDOW {
        return None;
    }
    let (mut volumes, mut deltas) = ([0_i64; WINDOW], [0_i64; WINDOW]);
    for ((v, d), bar) in volumes.iter_mut().zip(&mut deltas).zip(history.last(WINDOW)) {
        *v = bar.volume;
        *d = delta(bar).saturating_abs();
    }
    Some((median(volumes), median(deltas)))
}

fn median(mut sample: [i64; WINDOW]) -> f64 {
    sample.sort_unstable();
    (sample[WINDOW / 2 - 1] as f64 + sample[WINDOW / 2] as f64) / 2.0
}

const fn delta(bar: &Bar) -> i64 {
    bar.buy.saturating_sub(bar.sell)
}

/// What one bar gives. The comparisons are in integers: a mirrored bar gives the same points to the
/// other side, to the last bit.
pub(super) fn points(bar: &Bar, median_volume: f64, median_delta: f64) -> Points {
    let mut points = Points::default();
    let body = i64::from(bar.close.minus(bar.open));
    let (colour, range) = (body.signum(), i64::from(bar.range()));
    if range > 0 && body.abs() * 10 > range * 6 {
        points.give(colour, 0.8 * (body.abs() as f64 / range as f64));
    }
    points.give(colour, 0.2 * ratio(bar.volume, median_volume, 2.0));
    let delta = delta(bar);
    points.give(delta.signum(), 0.5 * ratio(delta.saturating_abs(), median_delta, 1.0));
    let (buy, sell) = (i128::from(bar.buy), i128::from(bar.sell));
    if buy * 10 > (buy + sell) * 6 {
        points.give(1, 0.3);
    } else if sell * 10 > (buy + sell) * 6 {
        points.give(-1, 0.3);
    }
    points
}

/// `x` over its median, at most `cap`; over a median of 0 the cap, unless `x` is 0 too.
fn ratio(x: i64, median: f64, cap: f64) -> f64 {
    if x <= 0 {
        0.0
    } else if median > 0.0 {
        (x as f64 / median).min(cap)
    } else {
        cap
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::reference::r64;
    use crate::units::Px;

    #[test]
    fn golden() {
        let mut history = History::default();
        r64().iter().for_each(|b| history.push(b));
        let (volume, delta) = medians(&history).expect("20 bars");
        assert_eq!((volume, delta), (1536.5, 145.5));
        let rows = [
            (0.275_927, 0.0),
            (0.0, 1.472_121),
            (1.290_469, 0.0),
            (0.202_408, 0.216_495),
            (0.0, 1.623_128),
        ];
        let mut sum = Points::default();
        for (bar, (vikings, defenders)) in history.last(5).zip(rows) {
            let p = points(bar, volume, delta);
            assert!((p.vikings - vikings).abs() < 1e-6, "{p:?}");
            assert!((p.defenders - defenders).abs() < 1e-6, "{p:?}");
            sum.vikings += p.vikings;
            sum.defenders += p.defenders;
        }
        assert!((sum.vikings - 1.768_804).abs() < 1e-6);
        assert!((sum.defenders - 3.311_743).abs() < 1e-6);
        assert!((power(&history).expect("20 bars") + 0.303_696).abs() < 1e-6);
    }

    #[test]
    fn zero_medians_and_silence() {
        let mut history = History::default();
        (0..19).for_each(|at| history.push(&Bar::empty(at, Px::clamped(5))));
        assert_eq!(power(&history), None);
        history.push(&Bar::empty(19, Px::clamped(5)));
        assert_eq!(power(&history), Some(0.0));
        // Over medians of 0 both ratios take their cap: 0.8 + 0.4 + 0.5 + 0.3.
        let (open, close) = (Px::clamped(5), Px::clamped(6));
        let bar = Bar { open, high: close, low: open, close, volume: 1, buy: 1, ..Bar::default() };
        assert_eq!(points(&bar, 0.0, 0.0).vikings, 2.0);
        history.push(&bar);
        assert_eq!(power(&history), Some(1.0));
    }
}
