//! The levels as a picture: gamma by strike and its profile over the spot on one price axis, with
//! spot, walls, flip and pins through both; the smile and the term structure beside them.

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, DrawingBackend};
use plotters::style::{Color, RGBColor};

use crate::cmd::plot::font;
use crate::cmd::plot::page::{Picture, Readout};
use crate::cmd::plot::pen::{Align, Panel, Pen, frames};
use crate::cmd::plot::style::{BUY, CVD, FAINT, GRID, INK, NEUTRAL, PAPER, SELL, SMALL, WARNING};
use crate::options::priced::{Group, Priced};
use crate::options::snapshot::{Gex, Levels, Snapshot, StrikeGex};

/// Left, top, right, bottom of the panels, in sheet units.
const BARS: [i32; 4] = [48, 330, 2140, 1180];
const PROFILE: [i32; 4] = [48, 1250, 2140, 1850];
const SMILE: [i32; 4] = [2330, 330, 3070, 1010];
const TERM: [i32; 4] = [2330, 1190, 3070, 1850];
/// Rows of level names above the bars.
const ROWS: usize = 3;
/// Share of the spot that is shown at least and at most each way.
const VIEW: (f64, f64) = (0.045, 0.12);
/// Longest maturity of the term structure, in days.
const TERM_DAYS: f64 = 380.0;
/// Farthest ln(K/F) of a smile, per root of a year.
const WING: f64 = 0.9;
/// Maturities whose smiles are drawn, in days, with their colours.
const SMILES: [(f64, RGBColor); 4] = [
    (0.0, RGBColor(213, 94, 0)),
    (7.0, RGBColor(163, 62, 118)),
    (30.0, RGBColor(0, 114, 178)),
    (90.0, RGBColor(0, 120, 88)),
];

/// A level with its colour, which is that of the chart study that reads the CSV.
struct Line {
    name: String,
    price: f64,
    colour: RGBColor,
    width: u32,
    dashed: bool,
}

/// A smile: its group, its colour, ln(K/F) and volatility.
type Slice<'a> = (&'a Group, RGBColor, Vec<(f64, f64)>);

/// What is drawn.
#[derive(Debug)]
pub struct Levelled<'a> {
    snapshot: &'a Snapshot,
    priced: &'a Priced,
    gex: &'a Gex,
    levels: &'a Levels,
    em_day: Option<f64>,
    spot: f64,
    view: (f64, f64),
}

impl<'a> Levelled<'a> {
    /// The picture of a snapshot that has a spot and an analysis.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot, priced: &'a Priced) -> Option<Levelled<'a>> {
        let analysis = snapshot.analysis.as_ref()?;
        let spot = snapshot.underlying.spot?;
        let (gex, levels) = (&analysis.gex, &analysis.levels);
        let em_day = analysis.vol.em_day;
        let far =
            lines(levels, spot).iter().map(|l| (l.price / spot - 1.0).abs()).fold(0.0, f64::max);
        let day = em_day.map_or(0.0, |em| 1.5 * em / spot);
        let half = spot * (1.1 * far).max(day).clamp(VIEW.0, VIEW.1);
        let view = (spot - half, spot + half);
        Some(Levelled { snapshot, priced, gex, levels, em_day, spot, view })
    }

    fn strikes(&self) -> impl Iterator<Item = &StrikeGex> {
        let (low, high) = self.view;
        self.gex.by_strike.iter().filter(move |s| s.strike >= low && s.strike <= high)
    }

    fn lines(&self) -> Vec<Line> {
        let mut lines = lines(self.levels, self.spot);
        lines.retain(|l| l.price >= self.view.0 && l.price <= self.view.1);
        lines
    }

    /// Width of a bar in index points: what the strikes leave free, at least a hair.
    fn width(&self) -> f64 {
        let strikes: Vec<f64> = self.strikes().map(|s| s.strike).collect();
        let gaps = strikes.windows(2).filter_map(|w| Some(w.last()? - w.first()?));
        let least = gaps.fold(f64::INFINITY, f64::min);
        let shown = (self.view.1 - self.view.0) / 240.0;
        if least.is_finite() { (0.8 * least).max(shown) } else { shown }
    }
}

impl Picture for Levelled<'_> {
    fn title(&self) -> String {
        format!("{} gamma and levels \u{b7} {}", self.snapshot.symbol, self.snapshot.asof)
    }

    fn readout(&self) -> Readout {
        let panel = self.bars_panel();
        let half = self.width() / 2.0;
        let say = |s: &StrikeGex| {
            let text = format!(
                "{}   net {}   calls {}   puts {}   open interest {:.0} / {:.0}",
                s.strike,
                billions(s.net_gex),
                billions(s.call_gex),
                billions(s.put_gex),
                s.call_oi,
                s.put_oi
            );
            (panel.at(s.strike - half, 0.0).0, panel.at(s.strike + half, 0.0).0, text)
        };
        let mark = |l: Line| {
            let (x, _) = panel.at(l.price, 0.0);
            (x, BARS[1] + 20, format!("{} {:.2}", l.name, l.price))
        };
        Readout {
            panel: [BARS[0], BARS[2], BARS[1], PROFILE[3]],
            candles: self.strikes().map(say).collect(),
            marks: self.lines().into_iter().map(mark).collect(),
        }
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Result<()> {
        area.fill(&PAPER).map_err(|e| anyhow!("{e}"))?;
        let pen = Pen::new(area);
        self.head(&pen)?;
        let (bars, profile) = (self.bars_panel(), self.profile_panel());
        for panel in [&bars, &profile] {
            self.day_band(&pen, panel)?;
            heights(&pen, panel, 7, &billions)?;
        }
        // Behind the bars: a wall's line would hide the very bar that makes it.
        self.level_lines(&pen, &[&bars, &profile])?;
        self.bars(&pen, &bars)?;
        self.profile(&pen, &profile)?;
        self.prices(&pen, &profile)?;
        let smile = self.smile(&pen)?;
        let term = self.term(&pen)?;
        frames(&pen, &[&bars, &profile, &smile, &term])?;
        for (panel, name) in [
            (&bars, "Gamma by strike, USD to hedge per 1 % move: calls up, puts down, net in ink"),
            (&profile, "Net gamma were the index here"),
            (&smile, "Implied volatility, % (at ln(K/F))"),
            (&term, "At the money, % (over days)"),
        ] {
            let [left, top, ..] = panel.bounds;
            pen.text(name, (left + 14, top + 22), Align::Left, (SMALL, false, FAINT))?;
        }
        Ok(())
    }
}

impl Levelled<'_> {
    fn bars_panel(&self) -> Panel {
        let up = self.strikes().map(|s| s.call_gex.max(s.net_gex)).fold(0.0, f64::max);
        let down = self.strikes().map(|s| s.put_gex.min(s.net_gex)).fold(0.0, f64::min);
        Panel::new(BARS, self.view, room(down, up))
    }

    fn profile_panel(&self) -> Panel {
        let (low, high) = self.view;
        let shown = || self.gex.profile.iter().filter(|p| p.spot >= low && p.spot <= high);
        let up = shown().map(|p| p.gex).fold(0.0, f64::max);
        let down = shown().map(|p| p.gex).fold(0.0, f64::min);
        Panel::new(PROFILE, self.view, room(down, up))
    }

    fn head<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>) -> Result<()> {
        let (s, left) = (self.snapshot, BARS[0]);
        pen.text(&s.symbol, (left, 54), Align::Left, (52, true, INK))?;
        let net = self.gex.gex_total_normalized.map_or(String::new(), |n| format!(" ({n:+.2})"));
        let from = &s.provenance;
        let text = format!(
            "spot {:.2}   net gamma {}{net}   as of {}   {} {}   sanity {} {}",
            self.spot,
            billions(self.gex.gex_total_signed),
            s.asof,
            from.provider,
            from.delay_class,
            s.sanity.status,
            s.sanity.score
        );
        pen.text(&text, (left, 116), Align::Left, (28, false, FAINT))?;
        if from.delay_class == "simulated" || from.provider.contains("synthetic") {
            let at = (TERM[2], 54);
            pen.text("SYNTHETIC CHAIN", at, Align::Right, (40, true, WARNING))?;
        }
        Ok(())
    }

    /// Where one day's expected move ends, behind everything else.
    fn day_band<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, panel: &Panel) -> Result<()> {
        let Some(em) = self.em_day else { return Ok(()) };
        let [_, top, _, bottom] = panel.bounds;
        let x = |price: f64| panel.at(price, 0.0).0;
        let colour = RGBColor(240, 228, 66).mix(0.13);
        pen.block((x(self.spot - em), top), (x(self.spot + em), bottom), colour)
    }

    fn bars<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, panel: &Panel) -> Result<()> {
        let half = self.width() / 2.0;
        for s in self.strikes() {
            let (from, to) = (s.strike - half, s.strike + half);
            for (gex, colour) in [(s.call_gex, BUY), (s.put_gex, SELL)] {
                pen.block(panel.at(from, gex), panel.at(to, 0.0), colour.mix(0.62))?;
            }
            let net = vec![panel.at(from, s.net_gex), panel.at(to, s.net_gex)];
            pen.line(net, 4, INK.to_rgba())?;
        }
        zero(pen, panel)
    }

    fn profile<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, panel: &Panel) -> Result<()> {
        let (low, high) = self.view;
        let shown: Vec<_> =
            self.gex.profile.iter().filter(|p| p.spot >= low && p.spot <= high).collect();
        for pair in shown.windows(2) {
            let [a, b] = pair else { continue };
            let colour = if a.gex + b.gex > 0.0 { BUY } else { SELL };
            let under = vec![
                panel.at(a.spot, 0.0),
                panel.at(a.spot, a.gex),
                panel.at(b.spot, b.gex),
                panel.at(b.spot, 0.0),
            ];
            pen.shape(under, colour.mix(0.22))?;
        }
        let line = shown.iter().map(|p| panel.at(p.spot, p.gex)).collect();
        pen.line(line, 4, CVD.to_rgba())?;
        zero(pen, panel)
    }

    /// Lines through the panels, their names above in rows so that none covers another.
    fn level_lines<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, panels: &[&Panel]) -> Result<()> {
        let mut ends = [i32::MIN; ROWS];
        let mut lines = self.lines();
        let colour = INK;
        lines.push(Line { name: "spot".into(), price: self.spot, colour, width: 4, dashed: false });
        lines.sort_by(|a, b| a.price.total_cmp(&b.price));
        for line in &lines {
            for panel in panels {
                let [_, top, _, bottom] = panel.bounds;
                let (x, _) = panel.at(line.price, 0.0);
                vertical(pen, (x, top, bottom), line)?;
            }
            let text = format!("{} {:.0}", line.name, line.price);
            let width = font::width(&text, SMALL, true);
            let (x, _) = panels.first().map_or((0, 0), |p| p.at(line.price, 0.0));
            let from = (x - width / 2).clamp(BARS[0], (BARS[2] - width).max(BARS[0]));
            let free = ends.iter().position(|&end| end < from).unwrap_or(ROWS - 1);
            if let Some(end) = ends.get_mut(free) {
                *end = from + width + 26;
            }
            let y = BARS[1] - 30 - 40 * i32::try_from(free).unwrap_or(0);
            pen.text(&text, (from, y), Align::Left, (SMALL, true, line.colour))?;
        }
        Ok(())
    }

    fn prices<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>, panel: &Panel) -> Result<()> {
        let [left, _, right, bottom] = panel.bounds;
        for price in panel.round_places(12) {
            let (x, _) = panel.at(price, 0.0);
            pen.line(vec![(x, bottom), (x, bottom + 10)], 2, FAINT.to_rgba())?;
            if x - left > 30 && right - x > 30 {
                let text = format!("{price:.0}");
                pen.text(&text, (x, bottom + 32), Align::Centre, (SMALL, false, INK))?;
            }
        }
        let edge = "shaded: one day's expected move";
        pen.text(edge, (left, bottom + 76), Align::Left, (SMALL - 2, false, FAINT))
    }

    fn smile<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>) -> Result<Panel> {
        let slices: Vec<_> = SMILES
            .iter()
            .filter_map(|&(days, colour)| Some((nearest(&self.priced.groups, days)?, colour)))
            .collect();
        let mut drawn: Vec<Slice<'_>> = Vec::new();
        for (group, colour) in slices {
            if drawn.iter().all(|(g, ..)| g.expiry != group.expiry) {
                drawn.push((group, colour, otm(group)));
            }
        }
        let all = || drawn.iter().flat_map(|(.., points)| points);
        let high = all().map(|p| p.1).fold(0.0, f64::max);
        let low = all().map(|p| p.1).fold(f64::INFINITY, f64::min).min(high);
        let panel = Panel::new(SMILE, (-0.16, 0.09), (0.9 * low, 1.4 * high.max(1e-3)));
        heights(pen, &panel, 7, &percent)?;
        for k in panel.round_places(6) {
            let (x, _) = panel.at(k, 0.0);
            let text = if k.abs() < 1e-9 { "0".to_owned() } else { format!("{k:+.2}") };
            if x - SMILE[0] > 30 && SMILE[2] - x > 30 {
                pen.line(vec![(x, SMILE[1]), (x, SMILE[3])], 1, GRID.to_rgba())?;
                pen.text(&text, (x, SMILE[3] + 26), Align::Centre, (SMALL, false, INK))?;
            }
        }
        let mut y = SMILE[1] + 60;
        for (group, colour, points) in &drawn {
            pen.line(points.iter().map(|&(k, v)| panel.at(k, v)).collect(), 4, colour.to_rgba())?;
            let text = format!("{} {}", group.expiry, group.root.name());
            pen.text(&text, (SMILE[2] - 16, y), Align::Right, (SMALL, true, *colour))?;
            y += 34;
        }
        Ok(panel)
    }

    fn term<DB: DrawingBackend>(&self, pen: &Pen<'_, DB>) -> Result<Panel> {
        let rows = self.snapshot.groups.iter();
        let points: Vec<(f64, f64, bool)> = rows
            .filter_map(|g| Some((365.0 * g.t_years, g.atm_iv?, g.settle == "AM")))
            .filter(|p| p.0 <= TERM_DAYS)
            .collect();
        let high = points.iter().map(|p| p.1).fold(0.0, f64::max);
        let low = points.iter().map(|p| p.1).fold(f64::INFINITY, f64::min).min(high);
        let far = points.iter().map(|p| p.0).fold(1.0, f64::max);
        // Days on a root scale: the near end is where the expiries are.
        let panel = Panel::new(TERM, (0.0, far.sqrt()), (0.9 * low, 1.12 * high.max(1e-3)));
        heights(pen, &panel, 6, &percent)?;
        for days in [1.0, 7.0, 30.0, 90.0, 180.0, 365.0_f64] {
            if days <= far {
                let (x, _) = panel.at(days.sqrt(), 0.0);
                pen.line(vec![(x, TERM[1]), (x, TERM[3])], 1, GRID.to_rgba())?;
                let text = format!("{days:.0}");
                pen.text(&text, (x, TERM[3] + 32), Align::Centre, (SMALL, false, INK))?;
            }
        }
        let line = points.iter().map(|p| panel.at(p.0.sqrt(), p.1)).collect();
        pen.line(line, 3, NEUTRAL.to_rgba())?;
        for (days, iv, morning) in points {
            let colour = if morning { SELL } else { BUY };
            pen.ring(panel.at(days.sqrt(), iv), 7, 4, colour.to_rgba())?;
        }
        let note = "rings: blue settles at the close, vermilion in the morning";
        let at = (TERM[0], TERM[3] + 76);
        pen.text(note, at, Align::Left, (SMALL - 2, false, FAINT))?;
        Ok(panel)
    }
}

fn lines(levels: &Levels, spot: f64) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |name: &str, price: Option<f64>, colour: (u8, u8, u8), width, dashed| {
        let near = price.filter(|p| (p / spot - 1.0).abs() <= VIEW.1);
        if let Some(price) = near {
            let colour = RGBColor(colour.0, colour.1, colour.2);
            lines.push(Line { name: name.to_owned(), price, colour, width, dashed });
        }
    };
    let crimson = (220, 20, 60);
    add("call wall", levels.call_wall.as_ref().map(|w| w.strike), crimson, 4, false);
    add("put wall", levels.put_wall.as_ref().map(|w| w.strike), (34, 139, 34), 4, false);
    // On paper the study's orange and yellow are darker, else they could not be read.
    add("flip", levels.gamma_flip.level, (214, 124, 0), 7, false);
    add("max pain", levels.max_pain, (30, 144, 255), 3, true);
    for pin in &levels.gamma_pins {
        add("pin", Some(pin.strike), (130, 130, 130), 2, false);
    }
    add("vol trigger", levels.vol_trigger.level, (150, 130, 0), 3, true);
    lines
}

fn vertical<DB: DrawingBackend>(
    pen: &Pen<'_, DB>,
    (x, top, bottom): (i32, i32, i32),
    line: &Line,
) -> Result<()> {
    let colour = line.colour.mix(0.85);
    if !line.dashed {
        return pen.line(vec![(x, top), (x, bottom)], line.width, colour);
    }
    let mut y = top;
    while y < bottom {
        pen.line(vec![(x, y), (x, (y + 16).min(bottom))], line.width, colour)?;
        y += 26;
    }
    Ok(())
}

/// Grid lines with their values at the right.
fn heights<DB: DrawingBackend>(
    pen: &Pen<'_, DB>,
    panel: &Panel,
    lines: usize,
    text: &dyn Fn(f64) -> String,
) -> Result<()> {
    let [left, top, right, bottom] = panel.bounds;
    for value in panel.round_values(lines) {
        let (_, y) = panel.at(f64::MIN, value);
        pen.line(vec![(left, y), (right, y)], 1, GRID.to_rgba())?;
        if y - top >= 12 && bottom - y >= 8 {
            pen.text(&text(value), (right + 14, y), Align::Left, (SMALL, false, FAINT))?;
        }
    }
    Ok(())
}

fn zero<DB: DrawingBackend>(pen: &Pen<'_, DB>, panel: &Panel) -> Result<()> {
    let [left, _, right, _] = panel.bounds;
    let (_, y) = panel.at(f64::MIN, 0.0);
    pen.line(vec![(left, y), (right, y)], 2, INK.to_rgba())
}

/// A range that leaves room above for the panel's name.
fn room(down: f64, up: f64) -> (f64, f64) {
    let span = (up - down).max(1.0);
    (down - 0.05 * span, up + 0.13 * span)
}

/// The group with parity whose maturity is nearest to so many days.
fn nearest(groups: &[Group], days: f64) -> Option<&Group> {
    let with = groups.iter().filter(|g| otm(g).len() >= 5);
    with.min_by(|a, b| (365.0 * a.t - days).abs().total_cmp(&(365.0 * b.t - days).abs()))
}

/// ln(K/F) and volatility of the legs out of the money, near the money: the far wings of a series
/// that expires today say little and would take the whole scale.
fn otm(group: &Group) -> Vec<(f64, f64)> {
    let wing = WING * group.t.sqrt();
    let points = group.strikes.iter().filter_map(|s| {
        let k = (s.strike / group.forward).ln();
        let sigma = s.otm(group.forward)?.sigma()?;
        (k.abs() <= wing && (-0.16..=0.09).contains(&k)).then_some((k, sigma))
    });
    points.collect()
}

fn billions(usd: f64) -> String {
    let (value, unit) = if usd.abs() >= 1e9 { (usd / 1e9, "bn") } else { (usd / 1e6, "m") };
    if value == 0.0 { "0".to_owned() } else { format!("{value:+.1} {unit}") }
}

fn percent(decimal: f64) -> String {
    format!("{:.0}", 100.0 * decimal)
}
