//! Swings: five-bar fractals, known two bars late, and the structure that the last ones make.

use super::History;
use crate::units::Px;

/// A confirmed turning point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swing {
    /// Ordinal of its bar in the [`History`] it was found in.
    pub ordinal: u64,
    /// Its high or low.
    pub px: Px,
}

/// The last two swing highs and lows of one timeframe. Constant work a bar.
#[derive(Clone, Copy, Debug, Default)]
pub struct Swings {
    /// Older, newer.
    highs: [Option<Swing>; 2],
    lows: [Option<Swing>; 2],
}

/// What one close confirmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confirmed {
    /// A swing high, two bars back.
    pub high: Option<Swing>,
    /// A swing low, two bars back.
    pub low: Option<Swing>,
}

impl Swings {
    /// Looks at the newest bar of `history`, once after each push. The bar two before it is a swing
    /// high where its high is above both before it and not below both after it; lows mirrored.
    pub fn push(&mut self, history: &History) -> Confirmed {
        let found = fractal(history);
        if found.high.is_some() {
            self.highs = [self.highs[1], found.high];
        }
        if found.low.is_some() {
            self.lows = [self.lows[1], found.low];
        }
        found
    }

    /// The last two swing highs, older first.
    #[must_use]
    pub const fn highs(&self) -> [Option<Swing>; 2] {
        self.highs
    }

    /// The last two swing lows, older first.
    #[must_use]
    pub const fn lows(&self) -> [Option<Swing>; 2] {
        self.lows
    }

    /// Half the sign of the change of the last two highs plus half that of the lows, in {−1, −½, 0,
    /// ½, 1}; `None` until there are two of each.
    #[must_use]
    pub fn structure(&self) -> Option<f64> {
        let step = |[older, newer]: [Option<Swing>; 2]| Some(newer?.px.minus(older?.px).signum());
        Some(f64::from(step(self.highs)? + step(self.lows)?) / 2.0)
    }
}

fn fractal(history: &History) -> Confirmed {
    let mut confirmed = Confirmed::default();
    let mut last = history.last(5);
    let (Some(a), Some(b), Some(c), Some(d), Some(e)) =
        (last.next(), last.next(), last.next(), last.next(), last.next())
    else {
        return confirmed;
    };
    let ordinal = history.closed() - 3;
    if c.high > a.high.max(b.high) && c.high >= d.high.max(e.high) {
        confirmed.high = Some(Swing { ordinal, px: c.high });
    }
    if c.low < a.low.min(b.low) && c.low <= d.low.min(e.low) {
        confirmed.low = Some(Swing { ordinal, px: c.low });
    }
    confirmed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::reference::r64;

    #[test]
    fn golden() {
        let (mut history, mut swings) = (History::default(), Swings::default());
        for bar in r64() {
            history.push(&bar);
            swings.push(&history);
        }
        let plain = |s: [Option<Swing>; 2]| s.map(|s| s.map(|s| (s.ordinal, s.px.ticks())));
        assert_eq!(plain(swings.highs()), [Some((51, 24_119)), Some((58, 24_133))]);
        assert_eq!(plain(swings.lows()), [Some((46, 24_067)), Some((61, 24_097))]);
        assert_eq!(swings.structure(), Some(1.0));
        // Bars that are all alike turn nowhere, beyond what the last real bars still confirm.
        let before = swings;
        history.advance(2, 1);
        swings.push(&history);
        (0..50).for_each(|_| {
            history.advance(1, 1);
            swings.push(&history);
        });
        assert_eq!(swings.lows(), before.lows());
        assert_eq!(Swings::default().structure(), None);
    }
}
