//! What the lines, colours and signs mean: one row under the title.

use anyhow::Result;
use plotters::prelude::DrawingBackend;
use plotters::style::{Color, RGBColor};

use super::draw::sign;
use super::font;
use super::marks::{Mark, MarkKind};
use super::pen::{Align, Pen};
use super::scene::Scene;
use super::style::{AREA, BANDS, BUY, INK, PRICE, SELL, SMALL, VWAP};
use crate::units::Ts;

/// Middle height of the row.
const Y: i32 = 182;
/// Between an entry's sign and its text, and between two entries.
const GAPS: (i32, i32) = (14, 44);

/// How an entry is shown.
enum Entry {
    Line(RGBColor, u32),
    Dashes(RGBColor),
    /// Deviations of a band, from 1.
    Bands,
    /// Two blocks side by side.
    Pair(RGBColor, RGBColor),
    Sign(MarkKind),
}

/// Draws the row: only what the scene holds.
///
/// # Errors
/// What the backend says.
pub fn draw<DB: DrawingBackend>(pen: &Pen<'_, DB>, scene: &Scene) -> Result<()> {
    let mut entries = vec![(Entry::Pair(BUY, SELL), "up / down, bought / sold")];
    if !scene.vwap.is_empty() {
        entries.push((Entry::Line(VWAP, 4), "VWAP"));
        entries.push((Entry::Bands, "\u{b1}1, 2, 3 \u{3c3}"));
    }
    if scene.area.is_some() {
        entries.push((Entry::Line(AREA, 3), "POC"));
        entries.push((Entry::Dashes(AREA), "VAH, VAL (70 % of volume)"));
    }
    let mut kinds: Vec<MarkKind> = scene.marks.iter().map(|(.., mark)| mark.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    entries.extend(kinds.into_iter().map(|kind| (Entry::Sign(kind), kind.name())));
    let mut x = PRICE[0];
    for (entry, text) in entries {
        x += show(pen, &entry, x)? + GAPS.0;
        pen.text(text, (x, Y), Align::Left, (SMALL, false, INK))?;
        x += font::width(text, SMALL, false) + GAPS.1;
    }
    Ok(())
}

/// Draws an entry's sign and returns its width.
fn show<DB: DrawingBackend>(pen: &Pen<'_, DB>, entry: &Entry, x: i32) -> Result<i32> {
    match entry {
        Entry::Line(colour, width) => {
            pen.line(vec![(x, Y), (x + 44, Y)], *width, colour.to_rgba())?;
            Ok(44)
        }
        Entry::Dashes(colour) => {
            pen.dashes((x, Y), x + 68, 2, colour.to_rgba())?;
            Ok(68)
        }
        Entry::Bands => {
            for (at, opacity) in (0..3).zip(BANDS) {
                let from = x + 34 * at;
                // As on the chart, where the inner bands lie over the outer ones.
                let over: f64 = BANDS.iter().skip(at as usize + 1).sum();
                pen.block((from, Y - 13), (from + 32, Y + 13), VWAP.mix(opacity + over + 0.06))?;
            }
            Ok(100)
        }
        Entry::Pair(left, right) => {
            pen.block((x, Y - 13), (x + 16, Y + 13), left.to_rgba())?;
            pen.block((x + 22, Y - 13), (x + 38, Y + 13), right.to_rgba())?;
            Ok(38)
        }
        Entry::Sign(kind) => {
            let (at, label) = (Ts::NONE, String::new());
            let mark = Mark { at, px: None, kind: *kind, side: 0, size: 0, label };
            let up = if matches!(kind, MarkKind::Signal) { 28 } else { 0 };
            sign(pen, (x + 20, Y - up), &mark, 0.2)?;
            Ok(40)
        }
    }
}
