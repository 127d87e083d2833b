//! The picture: title, legend, price with bands and profile, volume, CVD, one time axis for all.

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, DrawingBackend};
use plotters::style::{Color, RGBColor};

use super::legend;
use super::marks::{Mark, Shape};
use super::pen::{Align, Panel, Pen, Place, frames};
use super::scene::{Candle, Scene};
use super::style::{
    AREA, AXIS_X, BANDS, BUY, CVD, DELTA, FAINT, GRID, INK, LOWER_AXIS_X, NEUTRAL, PAPER, PRICE,
    PROFILE, SELL, SMALL, VOLUME, VWAP, WARNING, mark as mark_colour, shade, side,
};

/// Least distance between two tags of the price axis, in sheet units.
const TAG_ROOM: i32 = 38;

/// Draws `scene` on a sheet.
///
/// # Errors
/// What the backend says.
pub fn draw<DB: DrawingBackend>(area: &DrawingArea<DB, Shift>, scene: &Scene) -> Result<()> {
    area.fill(&PAPER).map_err(|e| anyhow::anyhow!("{e}"))?;
    let pen = Pen::new(area);
    let time = (0.0, scene.length);
    let price = Panel::new(PRICE, time, scene.range);
    let most = scene.candles.iter().map(|c| c.volume).max().unwrap_or(0).max(1) as f64;
    // Room above the tallest bar for the panel's name.
    let volume = Panel::new(VOLUME, time, (0.0, most * 1.35));
    let delta = Panel::new(DELTA, time, cvd_range(scene));
    title(&pen, scene)?;
    legend::draw(&pen, scene)?;
    for panel in [&price, &volume, &delta] {
        backdrop(&pen, panel, scene)?;
    }
    session_names(&pen, &price, scene)?;
    let tags = tags(scene);
    grid(&pen, &price, 14, AXIS_X, &tags, &|y| format!("{y:.*}", scene.decimals))?;
    grid(&pen, &volume, 3, LOWER_AXIS_X, &[], &count)?;
    grid(&pen, &delta, 7, LOWER_AXIS_X, &[], &count)?;
    bands(&pen, &price, scene)?;
    levels(&pen, &price, scene)?;
    candles(&pen, &price, scene)?;
    vwap(&pen, &price, scene)?;
    marks(&pen, &price, scene)?;
    profile(&pen, scene)?;
    draw_tags(&pen, &price, &tags)?;
    volumes(&pen, &volume, scene)?;
    cvd(&pen, &delta, scene)?;
    for (panel, name) in [(&volume, "Volume"), (&delta, "CVD of the trading day, contracts")] {
        let [left, top, ..] = panel.bounds;
        pen.text(name, (left + 14, top + 20), Align::Left, (SMALL, false, FAINT))?;
    }
    frames(&pen, &[&price, &volume, &delta])?;
    time_axis(&pen, &delta, scene)
}

fn title<DB: DrawingBackend>(pen: &Pen<'_, DB>, scene: &Scene) -> Result<()> {
    let left = PRICE[0];
    pen.text(&scene.symbol, (left, 54), Align::Left, (52, true, INK))?;
    pen.text(&scene.subtitle, (left, 116), Align::Left, (28, false, FAINT))?;
    if scene.synthetic {
        let at = (PROFILE[2], 54);
        pen.text("SYNTHETIC MARKET", at, Align::Right, (40, true, WARNING))?;
    }
    Ok(())
}

fn backdrop<DB: DrawingBackend>(pen: &Pen<'_, DB>, panel: &Panel, scene: &Scene) -> Result<()> {
    let [_, top, _, bottom] = panel.bounds;
    for session in &scene.sessions {
        let x = |at: f64| panel.at(at, 0.0).0;
        if let Some(colour) = shade(session.label) {
            pen.block((x(session.span.0), top), (x(session.span.1), bottom), colour)?;
        }
        if session.span.0 > 0.0 {
            let at = x(session.span.0);
            pen.line(vec![(at, top), (at, bottom)], 2, GRID.to_rgba())?;
        }
    }
    Ok(())
}

/// Names of the sessions that are wide enough for theirs.
fn session_names<DB: DrawingBackend>(
    pen: &Pen<'_, DB>,
    price: &Panel,
    scene: &Scene,
) -> Result<()> {
    for session in &scene.sessions {
        let (from, to) = (price.at(session.span.0, 0.0).0, price.at(session.span.1, 0.0).0);
        let name = session.label.name().replace('_', " ");
        let width = i32::try_from(name.len()).unwrap_or(0) * 17 + 20;
        if to - from >= width {
            let at = (from + 12, PRICE[1] + 20);
            pen.text(&name, at, Align::Left, (SMALL - 2, true, FAINT))?;
        }
    }
    Ok(())
}

/// Grid lines with their values; a value too near a tag is left to the tag.
fn grid<DB: DrawingBackend>(
    pen: &Pen<'_, DB>,
    panel: &Panel,
    lines: usize,
    axis: i32,
    tags: &[Tag],
    text: &dyn Fn(f64) -> String,
) -> Result<()> {
    let [left, top, right, bottom] = panel.bounds;
    let taken = spread(panel, tags);
    for value in panel.round_values(lines) {
        let (_, y) = panel.at(0.0, value);
        pen.line(vec![(left, y), (right, y)], 1, GRID.to_rgba())?;
        let free = taken.iter().all(|tag| (tag - y).abs() >= TAG_ROOM - 4);
        if free && y - top >= 12 && bottom - y >= 8 {
            pen.text(&text(value), (axis, y), Align::Left, (SMALL, false, FAINT))?;
        }
    }
    Ok(())
}

/// `1 200`, with a sign where it is below 0.
fn count(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    if value < 0.0 && digits != "0" { format!("\u{2212}{text}") } else { text }
}

fn bands<DB: DrawingBackend>(pen: &Pen<'_, DB>, price: &Panel, scene: &Scene) -> Result<()> {
    for line in &scene.vwap {
        for (inner, opacity) in BANDS.into_iter().enumerate().rev() {
            let edge = |side: f64| {
                let times = (inner as f64 + 1.0) * side;
                line.iter().map(move |&(x, mean, sd)| (x, mean + times * sd))
            };
            let above = edge(1.0).map(|(x, y)| price.at(x, y));
            let below = edge(-1.0).rev().map(|(x, y)| price.at(x, y));
            pen.shape(above.chain(below).collect(), VWAP.mix(opacity))?;
            for side in [1.0, -1.0] {
                curve(pen, price, edge(side), 1, VWAP.mix(0.35 + opacity))?;
            }
        }
    }
    Ok(())
}

/// A line that stops where it leaves the panel and goes on where it comes back.
fn curve<DB: DrawingBackend>(
    pen: &Pen<'_, DB>,
    panel: &Panel,
    points: impl Iterator<Item = (f64, f64)>,
    width: u32,
    colour: plotters::style::RGBAColor,
) -> Result<()> {
    let mut run: Vec<Place> = Vec::new();
    for (x, y) in points {
        if panel.holds(y) {
            run.push(panel.at(x, y));
        } else if !run.is_empty() {
            pen.line(std::mem::take(&mut run), width, colour)?;
        }
    }
    if run.is_empty() { Ok(()) } else { pen.line(run, width, colour) }
}

fn vwap<DB: DrawingBackend>(pen: &Pen<'_, DB>, price: &Panel, scene: &Scene) -> Result<()> {
    for line in &scene.vwap {
        curve(pen, price, line.iter().map(|&(x, mean, _)| (x, mean)), 4, VWAP.to_rgba())?;
    }
    Ok(())
}

fn levels<DB: DrawingBackend>(pen: &Pen<'_, DB>, price: &Panel, scene: &Scene) -> Result<()> {
    let Some([poc, vah, val]) = scene.area else { return Ok(()) };
    let (left, right) = (price.bounds[0], PROFILE[2]);
    let (_, y) = price.at(0.0, poc);
    pen.line(vec![(left, y), (right, y)], 3, AREA.mix(0.9))?;
    for edge in [vah, val] {
        pen.dashes((left, price.at(0.0, edge).1), right, 2, AREA.mix(0.8))?;
    }
    Ok(())
}

fn candles<DB: DrawingBackend>(pen: &Pen<'_, DB>, price: &Panel, scene: &Scene) -> Result<()> {
    for candle in &scene.candles {
        let [open, high, low, close] = candle.prices;
        let colour = if close >= open { BUY } else { SELL };
        let (from, to) = body(price, candle);
        let middle = from + (to - from) / 2;
        let wick = if to - from >= 14 { 3 } else { 2 };
        let ends = vec![price.at(0.0, high).1, price.at(0.0, low).1];
        let ends = ends.into_iter().map(|y| (middle, y)).collect();
        pen.line(ends, wick, colour.to_rgba())?;
        let (top, bottom) = (price.at(0.0, open.max(close)).1, price.at(0.0, open.min(close)).1);
        pen.block((from, top), (to, bottom.max(top + 2)), colour.to_rgba())?;
    }
    Ok(())
}

/// Left and right edge of a candle's body: three quarters of its room, at most 24 units.
fn body(panel: &Panel, candle: &Candle) -> (i32, i32) {
    let (from, to) = (panel.at(candle.span.0, 0.0).0, panel.at(candle.span.1, 0.0).0);
    let half = ((to - from) * 3 / 8).clamp(1, 12);
    let middle = from + (to - from) / 2;
    (middle - half, middle + half)
}

fn marks<DB: DrawingBackend>(pen: &Pen<'_, DB>, price: &Panel, scene: &Scene) -> Result<()> {
    let largest = scene.marks.iter().map(|(.., mark)| mark.size).max().unwrap_or(1).max(1);
    for (x, y, mark) in &scene.marks {
        let share = f64::from(mark.size) / f64::from(largest);
        sign(pen, price.at(*x, *y), mark, share.sqrt())?;
    }
    Ok(())
}

/// One mark; `size` from 0 to 1 says how large a ring is.
pub fn sign<DB: DrawingBackend>(
    pen: &Pen<'_, DB>,
    (x, y): Place,
    mark: &Mark,
    size: f64,
) -> Result<()> {
    let own = if mark.side == 0 { mark_colour(mark.kind) } else { side(i64::from(mark.side)) };
    let colour = own.to_rgba();
    match mark.kind.shape() {
        Shape::Triangle => {
            // Buyers below the price and pointing up, sellers above it and pointing down.
            let down = if mark.side < 0 { -1 } else { 1 };
            let (tip, base) = (y + 14 * down, y + 44 * down);
            let points = vec![(x, tip), (x - 17, base), (x + 17, base)];
            let mut edge = points.clone();
            edge.push((x, tip));
            pen.shape(points, colour)?;
            pen.line(edge, 3, PAPER.to_rgba())
        }
        Shape::Diamond => {
            let points = vec![(x, y - 12), (x + 12, y), (x, y + 12), (x - 12, y)];
            pen.shape(points, colour)
        }
        Shape::Square => pen.block((x - 11, y - 11), (x + 11, y + 11), colour),
        Shape::Dash => pen.block((x - 26, y - 4), (x + 26, y + 4), colour),
        Shape::Ring => {
            let radius = 9 + (size.clamp(0.0, 1.0) * 17.0) as i32;
            pen.ring((x, y), radius, 6, PAPER.mix(0.8))?;
            pen.ring((x, y), radius, 3, colour)
        }
        Shape::Cross => {
            pen.line(vec![(x - 12, y - 12), (x + 12, y + 12)], 4, colour)?;
            pen.line(vec![(x - 12, y + 12), (x + 12, y - 12)], 4, colour)
        }
    }
}

fn profile<DB: DrawingBackend>(pen: &Pen<'_, DB>, scene: &Scene) -> Result<()> {
    let most = scene.profile.iter().map(|row| row.row.volume).max().unwrap_or(0).max(1);
    let panel = Panel::new(PROFILE, (0.0, most as f64), scene.range);
    for row in &scene.profile {
        let middle = (row.span.0 + row.span.1) / 2.0;
        let inside = scene.area.is_some_and(|[_, vah, val]| middle <= vah && middle >= val);
        let opacity = if inside { 0.75 } else { 0.35 };
        let (top, bottom) = (panel.at(0.0, row.span.1).1, panel.at(0.0, row.span.0).1);
        // A hair of paper between rows that have the room for it.
        let top = if bottom - top >= 5 { top + 1 } else { top };
        let neither = row.row.volume.saturating_sub(row.row.buy + row.row.sell);
        let mut from = 0;
        for (part, colour) in [(row.row.buy, BUY), (row.row.sell, SELL), (neither, NEUTRAL)] {
            if part > 0 {
                let (x0, x1) =
                    (panel.at(from as f64, 0.0).0, panel.at((from + part) as f64, 0.0).0);
                pen.block((x0, top), (x1, bottom.max(top + 1)), colour.mix(opacity))?;
            }
            from += part;
        }
    }
    let [left, top, _, bottom] = PROFILE;
    pen.line(vec![(left, top), (left, bottom)], 2, GRID.to_rgba())
}

/// A value that the price axis names.
struct Tag {
    value: f64,
    text: String,
    colour: RGBColor,
}

fn tags(scene: &Scene) -> Vec<Tag> {
    let mut all = Vec::new();
    let mut add = |name: &str, value: f64, colour| {
        let text = format!("{name} {value:.*}", scene.decimals);
        all.push(Tag { value, text: text.trim_start().to_owned(), colour });
    };
    if let Some([poc, vah, val]) = scene.area {
        add("VAH", vah, AREA);
        add("POC", poc, AREA);
        add("VAL", val, AREA);
    }
    if let Some(&(_, mean, _)) = scene.vwap.last().and_then(|line| line.last()) {
        add("VWAP", mean, VWAP);
    }
    if let Some(candle) = scene.candles.last() {
        let [open, .., close] = candle.prices;
        add("", close, if close >= open { BUY } else { SELL });
    }
    all.retain(|tag| tag.value >= scene.range.0 && tag.value <= scene.range.1);
    all.sort_by(|a, b| b.value.total_cmp(&a.value));
    all
}

/// Heights of the tags, in their order from the top, pushed apart where they would touch.
fn spread(panel: &Panel, tags: &[Tag]) -> Vec<i32> {
    let [_, top, _, bottom] = panel.bounds;
    let mut heights: Vec<i32> = tags.iter().map(|tag| panel.at(0.0, tag.value).1).collect();
    for _ in 0..64 {
        let mut moved = false;
        for at in 1..heights.len() {
            if let Some([above, below]) = heights.get_mut(at - 1..=at)
                && *below - *above < TAG_ROOM
            {
                let lacking = TAG_ROOM - (*below - *above);
                *above -= (lacking + 1) / 2;
                *below += lacking / 2;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    heights.iter().map(|&y| y.clamp(top + 18, bottom - 18)).collect()
}

fn draw_tags<DB: DrawingBackend>(pen: &Pen<'_, DB>, price: &Panel, tags: &[Tag]) -> Result<()> {
    for (tag, y) in tags.iter().zip(spread(price, tags)) {
        let exact = price.at(0.0, tag.value).1;
        pen.line(vec![(PROFILE[2], exact), (AXIS_X, y)], 2, tag.colour.mix(0.8))?;
        pen.block((AXIS_X, y - 17), (3194, y + 17), tag.colour.to_rgba())?;
        pen.text(&tag.text, (AXIS_X + 10, y), Align::Left, (SMALL - 1, true, PAPER))?;
    }
    Ok(())
}

fn volumes<DB: DrawingBackend>(pen: &Pen<'_, DB>, panel: &Panel, scene: &Scene) -> Result<()> {
    let [.., bottom] = panel.bounds;
    for candle in &scene.candles {
        let (from, to) = body(panel, candle);
        let top = panel.at(0.0, candle.volume as f64).1;
        if candle.volume > 0 {
            let colour = side(candle.delta.signum()).mix(0.7);
            pen.block((from, top.min(bottom - 2)), (to, bottom), colour)?;
        }
    }
    Ok(())
}

fn cvd_range(scene: &Scene) -> (f64, f64) {
    let values = || scene.cvd.iter().flatten().map(|point| point.1);
    let (low, high) = (values().fold(0.0, f64::min), values().fold(0.0, f64::max));
    let edge = (high - low).max(1.0) * 0.10;
    // Twice above, where the panel's name stands.
    (low - edge, high + 2.0 * edge)
}

fn cvd<DB: DrawingBackend>(pen: &Pen<'_, DB>, panel: &Panel, scene: &Scene) -> Result<()> {
    for line in &scene.cvd {
        for sign in [1.0, -1.0] {
            // The part of the curve on one side of 0, closed along it.
            let part = |y: f64| if y * sign > 0.0 { y } else { 0.0 };
            let mut shape: Vec<Place> = line.iter().map(|&(x, y)| panel.at(x, part(y))).collect();
            for end in [line.last(), line.first()] {
                shape.extend(end.map(|&(x, _)| panel.at(x, 0.0)));
            }
            pen.shape(shape, if sign > 0.0 { BUY.mix(0.14) } else { SELL.mix(0.16) })?;
        }
        curve(pen, panel, line.iter().copied(), 3, CVD.to_rgba())?;
    }
    let [left, _, right, _] = panel.bounds;
    let (_, zero) = panel.at(0.0, 0.0);
    pen.line(vec![(left, zero), (right, zero)], 2, NEUTRAL.mix(0.8))
}

fn time_axis<DB: DrawingBackend>(pen: &Pen<'_, DB>, lowest: &Panel, scene: &Scene) -> Result<()> {
    let [left, .., bottom] = lowest.bounds;
    for label in &scene.labels {
        let (x, _) = lowest.at(label.at, 0.0);
        pen.line(vec![(x, bottom), (x, bottom + 10)], 2, FAINT.to_rgba())?;
        for panel in [PRICE, VOLUME, DELTA] {
            pen.line(vec![(x, panel[1]), (x, panel[3])], 1, GRID.mix(0.8))?;
        }
        // The first would stick out of the sheet if it were centred.
        let align = if x - left < 40 { Align::Left } else { Align::Centre };
        let mut y = bottom + 30;
        if !label.time.is_empty() {
            pen.text(&label.time, (x, y), align, (SMALL, false, INK))?;
            y += 34;
        }
        if let Some(date) = &label.date {
            pen.text(date, (x, y), align, (SMALL, true, FAINT))?;
        }
    }
    Ok(())
}
