//! What happened at one instant and price, and is drawn as a small sign on the chart.
//!
//! To show something new, give it a [`MarkKind`] and push it in [`of_step`] or [`Told::news`];
//! legend, shape and tooltip follow.

use crate::cmd::playback::Step;
use crate::event::Body;
use crate::features::navale::State;
use crate::features::{SymbolFeatures, dom};
use crate::units::{Px, Side, Ts};

/// Large trades that a picture shows: the largest of its window.
pub const LARGE_TRADES: usize = 12;

/// Patterns of less strength are not drawn: they would hide the price.
const FAINT: f64 = 0.35;

/// What kind of thing a mark is; the order is that of the legend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkKind {
    /// A side passed the gate.
    Signal,
    /// A bar or tick pattern fired.
    Pattern,
    /// A wall, iceberg or absorption was seen in the book.
    Wall,
    /// A consolidation base was broken.
    Base,
    /// One of the largest single trades of the window.
    LargeTrade,
    /// The source reported that something is missing.
    Gap,
}

/// How a mark looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Points up for buyers below the price, down for sellers above it.
    Triangle,
    /// A diamond on the price.
    Diamond,
    /// A bar along the price.
    Dash,
    /// A square on the price.
    Square,
    /// A ring on the price.
    Ring,
    /// A cross on the price.
    Cross,
}

impl MarkKind {
    /// Name in the legend.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            MarkKind::Signal => "signal",
            MarkKind::Pattern => "pattern",
            MarkKind::Wall => "wall, iceberg, absorption",
            MarkKind::Base => "base broken",
            MarkKind::LargeTrade => "largest trades",
            MarkKind::Gap => "gap in the data",
        }
    }

    /// How it looks.
    #[must_use]
    pub const fn shape(self) -> Shape {
        match self {
            MarkKind::Signal => Shape::Triangle,
            MarkKind::Pattern => Shape::Diamond,
            MarkKind::Wall => Shape::Dash,
            MarkKind::Base => Shape::Square,
            MarkKind::LargeTrade => Shape::Ring,
            MarkKind::Gap => Shape::Cross,
        }
    }
}

/// One sign on the chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Market time.
    pub at: Ts,
    /// Price; `None` stands beside the bar, on its side.
    pub px: Option<Px>,
    /// What it is.
    pub kind: MarkKind,
    /// +1 for buyers, −1 for sellers, 0 for neither.
    pub side: i8,
    /// Size in contracts, where it has one.
    pub size: u32,
    /// What the tooltip says.
    pub label: String,
}

/// Marks that one event of a symbol gives.
pub fn of_step(step: &Step<'_>, at: Ts, marks: &mut Vec<Mark>) {
    if let Some(signal) = &step.signal {
        let side = if signal.side > 0 { "long" } else { "short" };
        let (tier, score) = (signal.tier.name(), signal.confluence.score);
        let label = format!("signal {side} {tier} score {score:.1}");
        marks.push(Mark {
            at,
            px: None,
            kind: MarkKind::Signal,
            side: signal.side,
            size: 0,
            label,
        });
    }
    match step.event.body {
        Body::Gap(cause) => {
            let label = format!("gap: {cause:?}");
            marks.push(Mark { at, px: None, kind: MarkKind::Gap, side: 0, size: 0, label });
        }
        Body::Trade { px, qty, aggressor, .. } => {
            let side = i8::try_from(aggressor.sign()).unwrap_or(0);
            large(
                marks,
                Mark {
                    at,
                    px: Some(px),
                    kind: MarkKind::LargeTrade,
                    side,
                    size: qty,
                    label: String::new(),
                },
            );
        }
        _ => {}
    }
}

/// How many of each kind a symbol's features had told of when they were last looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    patterns: u64,
    depth: u64,
    bases: u64,
}

impl Told {
    /// Marks of what `features` tell of since the last look. Ladders are left out: a thin book has
    /// one at every turn.
    pub fn news(&mut self, features: &SymbolFeatures, marks: &mut Vec<Mark>) {
        let (minutes, dom) = (features.minutes(), features.dom());
        let (patterns, navale) = (minutes.patterns(), minutes.navale());
        let now = Told {
            patterns: patterns.event_count(),
            depth: dom.total(),
            bases: navale.transition_count(),
        };
        if now == *self {
            return;
        }
        let new = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
        let events: Vec<_> = patterns.events().collect();
        let skip = events.len().saturating_sub(new(now.patterns, self.patterns));
        for p in events.into_iter().skip(skip).filter(|p| p.strength >= FAINT) {
            let name = p.kind.name().to_lowercase().replace('_', " ");
            let label = format!("{name}, strength {:.2}", p.strength);
            let (at, px, kind) = (p.at, Some(p.px), MarkKind::Pattern);
            marks.push(Mark { at, px, kind, side: p.sign, size: 0, label });
        }
        for e in dom.recent().take(new(now.depth, self.depth)) {
            if e.kind == dom::Kind::Ladder || e.kind == dom::Kind::Pull {
                continue;
            }
            let side = if e.side == Side::Bid { ("bid", 1) } else { ("ask", -1) };
            let label = format!("{} {} of {}", side.0, e.kind.name().to_lowercase(), e.size);
            let (at, px, kind) = (e.at, Some(e.px), MarkKind::Wall);
            marks.push(Mark { at, px, kind, side: side.1, size: 0, label });
        }
        let changes: Vec<_> = navale.transitions().collect();
        let skip = changes.len().saturating_sub(new(now.bases, self.bases));
        for t in changes.into_iter().skip(skip).filter(|t| t.to == State::Violated) {
            let colour = t.colour.name().to_lowercase();
            // A green base supports: broken it speaks for sellers.
            let side = i8::try_from(-t.colour.sign()).unwrap_or(0);
            let (at, px, kind) = (t.at, Some(t.px), MarkKind::Base);
            marks.push(Mark {
                at,
                px,
                kind,
                side,
                size: 0,
                label: format!("{colour} base broken"),
            });
        }
        *self = now;
    }
}

/// Keeps `mark` where it is among the largest trades so far.
fn large(marks: &mut Vec<Mark>, mark: Mark) {
    let of_kind = |m: &&Mark| m.kind == MarkKind::LargeTrade;
    let held = marks.iter().filter(of_kind).count();
    let least = marks.iter().filter(of_kind).map(|m| m.size).min().unwrap_or(0);
    if held >= LARGE_TRADES {
        if mark.size <= least {
            return;
        }
        // The latest of the smallest goes: an earlier trade of the same size keeps its place.
        let at = marks.iter().rposition(|m| m.kind == MarkKind::LargeTrade && m.size == least);
        if let Some(at) = at {
            marks.remove(at);
        }
    }
    let side = ["sold", "traded", "bought"].get((mark.side + 1).unsigned_abs() as usize);
    let label = format!("{} {}", mark.size, side.unwrap_or(&"traded"));
    marks.push(Mark { label, ..mark });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_trades_stay() {
        let mut marks = Vec::new();
        for size in 1..=40_u32 {
            let size = size * 7 % 41;
            let px = Some(Px::clamped(5));
            let (at, kind, label) = (Ts(5), MarkKind::LargeTrade, String::new());
            large(&mut marks, Mark { at, px, kind, side: -1, size, label });
        }
        let mut sizes: Vec<u32> = marks.iter().map(|m| m.size).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, (29..=40).collect::<Vec<_>>());
        assert!(marks.iter().all(|m| m.label.ends_with("sold")));
    }
}
