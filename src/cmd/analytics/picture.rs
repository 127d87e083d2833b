//! Equity with what was open, drawdown, the distribution of R and of the score at decisions.

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, DrawingBackend};
use plotters::style::{Color, RGBColor};

use super::document::usd;
use super::{SCORE_STEP, Section};
use crate::analytics::{Point, iso};
use crate::cmd::plot::page::{Picture, Readout};
use crate::cmd::plot::pen::{Align, Panel, Pen, frames};
use crate::cmd::plot::style::{BUY, FAINT, GRID, INK, NEUTRAL, PAPER, SELL, SMALL, WARNING};

/// Left, top, right, bottom of the panels, in sheet units.
const EQUITY: [i32; 4] = [48, 170, 2980, 900];
const FALL: [i32; 4] = [48, 940, 2980, 1240];
const RESULTS: [i32; 4] = [48, 1370, 1460, 1860];
const SCORES: [i32; 4] = [1600, 1370, 2980, 1860];
/// Widths of a bar of R, and the most bars that are legible.
const WIDTHS: [f64; 4] = [0.1, 0.25, 0.5, 1.0];
const BARS_MAX: f64 = 60.0;
/// R beyond which results share the outermost bar.
const R_LIMIT: f64 = 30.0;
/// Characters of a doubt that fit on a line.
const DOUBT_CHARS: usize = 180;
/// Least room between two dates.
const DATE_WIDTH: i32 = 190;

/// What is drawn.
#[derive(Debug)]
pub(super) struct Drawn<'a> {
    section: &'a Section,
    points: &'a [Point],
}

impl<'a> Drawn<'a> {
    /// The picture of a section.
    #[must_use]
    pub(super) fn of(section: &'a Section) -> Drawn<'a> {
        Drawn { section, points: &section.report.curve }
    }

    fn equity_panel(&self) -> Panel {
        let start = self.points.first().map_or(0.0, |p| p.before);
        let all = || self.points.iter().flat_map(|p| [p.extremes[0], p.extremes[1], p.after]);
        let low = all().fold(start, f64::min);
        let high = all().fold(start, f64::max);
        Panel::new(EQUITY, (0.0, self.points.len().max(1) as f64), room(low, high))
    }

    /// Fall below the height so far after each trade, and its deepest while it was open.
    fn falls(&self) -> Vec<(f64, f64)> {
        let mut peak = self.points.first().map_or(0.0, |p| p.before);
        let fall = |p: &Point| {
            let mut deepest = 0.0_f64;
            for equity in [p.extremes[0], p.extremes[1], p.after] {
                peak = peak.max(equity);
                deepest = deepest.min(equity - peak);
            }
            (p.after - peak, deepest)
        };
        self.points.iter().map(fall).collect()
    }
}

impl Picture for Drawn<'_> {
    fn title(&self) -> String {
        self.section.title()
    }

    fn readout(&self) -> Readout {
        let panel = self.equity_panel();
        let x = |at: usize| panel.at(at as f64, 0.0).0;
        let say = |(at, p): (usize, &Point)| {
            let text = format!(
                "{}   trade {}   {:+.2} USD   equity {}   sum {:+.2} R",
                iso(p.day),
                at + 1,
                p.after - p.before,
                usd(Some(p.after)),
                p.sum_r
            );
            (x(at), x(at + 1), text)
        };
        Readout {
            panel: [EQUITY[0], EQUITY[2], EQUITY[1], FALL[3]],
            candles: self.points.iter().enumerate().map(say).collect(),
            marks: Vec::new(),
        }
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Result<()> {
        area.fill(&PAPER).map_err(|e| anyhow!("{e}"))?;
        let pen = Pen::new(area);
        self.head(&pen)?;
        let equity = self.equity(&pen)?;
        let fall = self.drawdown(&pen)?;
        self.dates(&pen, &[&equity, &fall])?;
        let results = self.results(&pen)?;
        let scores = self.scores(&pen)?;
        frames(&pen, &[&equity, &fall, &results, &scores])?;
        for (panel, name) in [
            (&equity, "Equity, USD: after each trade, with the best and worst while it was open"),
            (&fall, "Below the height so far, USD; bars: while open"),
            (&results, "Trades by R, net of costs"),
            (&scores, "Decision edges by score"),
        ] {
            let [left, top, ..] = panel.bounds;
            pen.text(name, (left + 14, top + 22), Align::Left, (SMALL, false, FAINT))?;
        }
        Ok(())
    }
}

impl Drawn<'_> {
    fn head<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>) -> Result<()> {
        let (report, left) = (&self.section.report, EQUITY[0]);
        let name = format!("{} \u{b7} {}", report.mode, report.preset);
        pen.text(&name, (left, 54), Align::Left, (52, true, INK))?;
        let s = &report.summary;
        let rate = s.win_rate.map_or_else(|| "-".to_owned(), |r| format!("{:.1} %", 100.0 * r));
        let mean = s.expectancy_r.map_or_else(|| "-".to_owned(), |r| format!("{r:+.3} R"));
        let text = format!(
            "{}   {} trades   win rate {rate}   mean {mean}   net {:+.2} R   {} USD   \
             deepest fall {} USD",
            self.period(),
            s.trades,
            s.net_r,
            plain(s.net_usd),
            plain(report.drawdown.depth)
        );
        pen.text(&text, (left, 116), Align::Left, (28, false, FAINT))?;
        if self.section.simulated {
            let at = (EQUITY[2], 54);
            pen.text("SYNTHETIC MARKET", at, Align::Right, (40, true, WARNING))?;
        }
        if let Some(doubt) = self.section.doubts.first() {
            let more = self.section.doubts.len() - 1;
            let rest = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            let short: String = doubt.chars().take(DOUBT_CHARS).collect();
            let end = if short.len() < doubt.len() { "\u{2026}" } else { "" };
            let text = format!("! {short}{end}{rest}");
            pen.text(&text, (left, 150), Align::Left, (24, true, WARNING))?;
        }
        Ok(())
    }

    fn period(&self) -> String {
        match self.section.report.period {
            Some((first, last)) if first == last => iso(first),
            Some((first, last)) => format!("{} to {}", iso(first), iso(last)),
            None => String::new(),
        }
    }

    fn equity<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>) -> Result<Panel> {
        let panel = self.equity_panel();
        heights(pen, &panel, 7, plain)?;
        let start = self.points.first().map_or(0.0, |p| p.before);
        let (left, y) = panel.at(0.0, start);
        pen.dashes((left, y), EQUITY[2], 2, NEUTRAL.to_rgba())?;
        let mut line = vec![panel.at(0.0, start)];
        for (at, p) in self.points.iter().enumerate() {
            let (from, to) = (at as f64, at as f64 + 1.0);
            let low = p.extremes[0].min(p.extremes[1]);
            let high = p.extremes[0].max(p.extremes[1]);
            let colour = if p.after >= p.before { BUY } else { SELL };
            let (inner, outer) = (from + 0.3, to - 0.3);
            pen.block(panel.at(inner, high), panel.at(outer, low), colour.mix(0.22))?;
            line.push(panel.at(from + 0.5, p.after));
        }
        if let Some(last) = self.points.last() {
            line.push(panel.at(self.points.len() as f64, last.after));
        }
        pen.line(line, 4, INK.to_rgba())?;
        Ok(panel)
    }

    fn drawdown<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>) -> Result<Panel> {
        let falls = self.falls();
        let deepest = falls.iter().map(|f| f.1).fold(0.0, f64::min).min(-1e-9);
        let width = falls.len().max(1) as f64;
        let panel = Panel::new(FALL, (0.0, width), (1.12 * deepest, 0.0 - 0.22 * deepest));
        heights(pen, &panel, 4, plain)?;
        for (at, (after, open)) in falls.into_iter().enumerate() {
            let (from, to) = (at as f64, at as f64 + 1.0);
            let (inner, outer) = (from + 0.3, to - 0.3);
            pen.block(panel.at(inner, 0.0), panel.at(outer, open), SELL.mix(0.25))?;
            pen.block(panel.at(from, 0.0), panel.at(to, after), SELL.mix(0.55))?;
        }
        let (left, y) = panel.at(0.0, 0.0);
        pen.line(vec![(left, y), (FALL[2], y)], 2, INK.to_rgba())?;
        Ok(panel)
    }

    /// The date of the first trade of each day, as many as there is room for.
    fn dates<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, panels: &[&Panel]) -> Result<()> {
        let mut free = i32::MIN;
        let mut before = None;
        for (at, p) in self.points.iter().enumerate() {
            if before.replace(p.day) == Some(p.day) {
                continue;
            }
            let x = panels.first().map_or(0, |panel| panel.at(at as f64, 0.0).0);
            if x < free || x + DATE_WIDTH / 2 > FALL[2] {
                continue;
            }
            free = x + DATE_WIDTH;
            for panel in panels {
                let [_, top, _, bottom] = panel.bounds;
                pen.line(vec![(x, top), (x, bottom)], 1, GRID.to_rgba())?;
            }
            pen.text(&iso(p.day), (x, FALL[3] + 28), Align::Left, (SMALL, false, INK))?;
        }
        Ok(())
    }

    fn results<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>) -> Result<Panel> {
        let report = &self.section.report;
        let (bars, width) = bars(&report.rs);
        let low = bars.first().map_or(-1.0, |bar| bar.0).min(-width);
        let high = bars.last().map_or(1.0, |bar| bar.0 + width).max(width);
        let most = bars.iter().map(|bar| bar.1).max().unwrap_or(0).max(1) as f64;
        let panel = Panel::new(RESULTS, (low - width, high + width), (0.0, 1.3 * most));
        counts(pen, &panel)?;
        for (from, count) in bars {
            // A bar holds what is from its left edge on.
            let colour = if from + 1e-9 >= 0.0 { BUY } else { SELL };
            let (a, b) = (panel.at(from, count as f64), panel.at(from + width, 0.0));
            pen.block((a.0 + 1, a.1), (b.0 - 1, b.1), colour.mix(0.7))?;
        }
        for at in panel.round_places(9) {
            let (x, _) = panel.at(at, 0.0);
            pen.line(vec![(x, RESULTS[3]), (x, RESULTS[3] + 10)], 2, FAINT.to_rgba())?;
            let text = if at.abs() < 1e-9 { "0".to_owned() } else { format!("{at:+}") };
            pen.text(&text, (x, RESULTS[3] + 32), Align::Centre, (SMALL, false, INK))?;
        }
        if let Some(mean) = report.summary.expectancy_r {
            let (x, _) = panel.at(mean, 0.0);
            pen.line(vec![(x, RESULTS[1] + 44), (x, RESULTS[3])], 4, INK.to_rgba())?;
            let at = (x + 12, RESULTS[1] + 60);
            pen.text(&format!("mean {mean:+.3}"), at, Align::Left, (SMALL, true, INK))?;
        }
        Ok(panel)
    }

    fn scores<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>) -> Result<Panel> {
        let bars = &self.section.scores;
        let most = bars.iter().copied().max().unwrap_or(0).max(1) as f64;
        let panel = Panel::new(SCORES, (0.0, 100.0), (0.0, 1.3 * most));
        counts(pen, &panel)?;
        for (at, &count) in bars.iter().enumerate().filter(|(_, count)| **count > 0) {
            let from = at as f64 * SCORE_STEP;
            let (a, b) = (panel.at(from, count as f64), panel.at(from + SCORE_STEP, 0.0));
            pen.block((a.0 + 1, a.1), (b.0 - 1, b.1), NEUTRAL.mix(0.8))?;
        }
        for at in panel.round_places(11) {
            let (x, _) = panel.at(at, 0.0);
            pen.line(vec![(x, SCORES[3]), (x, SCORES[3] + 10)], 2, FAINT.to_rgba())?;
            pen.text(&format!("{at}"), (x, SCORES[3] + 32), Align::Centre, (SMALL, false, INK))?;
        }
        Ok(panel)
    }
}

/// Left edge and count of the bars over the results, empty ones between them too, and their width.
fn bars(rs: &[f64]) -> (Vec<(f64, u64)>, f64) {
    let held = || rs.iter().map(|r| r.clamp(-R_LIMIT, R_LIMIT));
    let (low, high) = (held().fold(0.0, f64::min), held().fold(0.0, f64::max));
    let width = WIDTHS.into_iter().find(|width| (high - low) / width <= BARS_MAX).unwrap_or(1.0);
    // What lies on an edge by decimals must not fall below it by binary fractions.
    let bar = |r: f64| (r / width + 1e-9).floor();
    let (first, last) = (bar(low), bar(high));
    if rs.is_empty() {
        return (Vec::new(), width);
    }
    let mut all: Vec<(f64, u64)> =
        (0..=(last - first) as usize).map(|at| ((first + at as f64) * width, 0)).collect();
    for r in held() {
        if let Some(found) = all.get_mut((bar(r) - first) as usize) {
            found.1 += 1;
        }
    }
    (all, width)
}

/// A range with air on both sides.
fn room(low: f64, high: f64) -> (f64, f64) {
    let air = (0.1 * (high - low)).max(1.0);
    (low - air, high + 1.6 * air)
}

/// Money without cents.
fn plain(value: f64) -> String {
    let text = usd(Some(value.round()));
    text.strip_suffix(".00").unwrap_or(&text).to_owned()
}

fn heights<DB: DrawingBackend>(
    pen: &Pen<'_, DB>,
    panel: &Panel,
    count: usize,
    say: fn(f64) -> String,
) -> Result<()> {
    let [left, top, right, _] = panel.bounds;
    for value in panel.round_values(count) {
        let (_, y) = panel.at(0.0, value);
        if y > top + 40 {
            pen.line(vec![(left, y), (right, y)], 1, GRID.to_rgba())?;
            pen.text(&say(value), (right + 16, y), Align::Left, (SMALL, false, INK))?;
        }
    }
    Ok(())
}

/// Whole numbers at the right of a panel of counts.
fn counts<DB: DrawingBackend>(pen: &Pen<'_, DB>, panel: &Panel) -> Result<()> {
    let [left, top, right, _] = panel.bounds;
    for value in panel.round_values(5).into_iter().filter(|v| v.fract() == 0.0 && *v > 0.0) {
        let (_, y) = panel.at(0.0, value);
        if y > top + 40 {
            pen.line(vec![(left, y), (right, y)], 1, RGBColor(226, 229, 233).to_rgba())?;
            pen.text(&format!("{value}"), (right + 12, y), Align::Left, (SMALL, false, INK))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_result_is_in_a_bar() {
        let (all, width) = bars(&[-1.0, -0.9, 0.0, 0.3, 2.5, 2.5]);
        assert_eq!(width, 0.1);
        assert_eq!(all.iter().map(|bar| bar.1).sum::<u64>(), 6);
        let at = |r: f64| all.iter().find(|bar| (bar.0 - r).abs() < 1e-6).map(|bar| bar.1);
        assert_eq!(
            (at(-1.0), at(-0.9), at(0.0), at(0.3), at(2.5)),
            (Some(1), Some(1), Some(1), Some(1), Some(2))
        );
        let (wide, width) = bars(&[-100.0, 40.0]);
        assert_eq!(width, 1.0);
        assert_eq!(wide.iter().map(|bar| bar.1).sum::<u64>(), 2, "beyond the limit too");
        assert!(bars(&[]).0.is_empty());
    }

    #[test]
    fn money() {
        assert_eq!(plain(-1_234_567.4), "-1 234 567");
        assert_eq!(plain(0.0), "0");
        assert_eq!(usd(Some(-0.001)), "0.00");
        assert_eq!(usd(Some(416.0)), "416.00");
        assert_eq!(usd(None), "\u{2013}");
    }
}
