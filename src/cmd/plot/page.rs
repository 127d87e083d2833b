//! The picture as a file: SVG, PNG, or a page that reads out what is under the pointer.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, DrawingBackend, IntoDrawingArea, SVGBackend};
use serde::Serialize;

use super::draw::draw;
use super::font;
use super::marks::Mark;
use super::pen::{Panel, SHEET};
use super::raster::Raster;
use super::scene::{Candle, Scene};
use super::style::PRICE;

/// Something that is drawn on one sheet.
pub trait Picture {
    /// One line that says what it is.
    fn title(&self) -> String;

    /// What the page says of what is under the pointer.
    fn readout(&self) -> Readout;

    /// Draws it on a sheet of [`SHEET`].
    ///
    /// # Errors
    /// What the backend says.
    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Result<()>;
}

impl Picture for Scene {
    fn title(&self) -> String {
        format!("{} \u{b7} {}", self.symbol, self.subtitle)
    }

    fn readout(&self) -> Readout {
        let panel = Panel::new(PRICE, (0.0, self.length), self.range);
        let x = |at: f64| panel.at(at, 0.0).0;
        let read = |candle: &Candle| (x(candle.span.0), x(candle.span.1), words(self, candle));
        let mark = |(x, y, mark): &(f64, f64, Mark)| {
            let (x, y) = panel.at(*x, *y);
            (x, y, format!("{}: {}", mark.kind.name(), mark.label))
        };
        Readout {
            panel: [PRICE[0], PRICE[2], PRICE[1], super::style::DELTA[3]],
            candles: self.candles.iter().map(read).collect(),
            marks: self.marks.iter().map(mark).collect(),
        }
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Result<()> {
        draw(area, self)
    }
}

/// The picture as SVG, shown at half the sheet's units.
///
/// # Errors
/// What the charting crate says.
pub fn svg(picture: &impl Picture) -> Result<String> {
    let mut text = String::new();
    {
        let area: DrawingArea<_, _> = SVGBackend::with_string(&mut text, SHEET).into_drawing_area();
        picture.draw(&area)?;
        area.present().map_err(|e| anyhow!("{e}"))?;
    }
    let (width, height) = SHEET;
    let sheet = format!("width=\"{width}\" height=\"{height}\"");
    let shown = format!("width=\"{}\" height=\"{}\" role=\"img\"", width / 2, height / 2);
    let text = text.replacen(&sheet, &shown, 1);
    let title = escaped(&picture.title());
    let head = format!("<title>{title}</title><style>{}</style>", font::css());
    let at = text.find('>').context("the charting crate wrote no SVG")? + 1;
    let (open, rest) = text.split_at(at);
    Ok(format!("{open}{head}{rest}"))
}

/// The picture as PNG, a pixel for each of the sheet's units.
///
/// # Errors
/// What the charting crate or the encoder says.
pub fn png(picture: &impl Picture) -> Result<Vec<u8>> {
    let mut pixels = tiny_skia::Pixmap::new(SHEET.0, SHEET.1).context("no room for the picture")?;
    {
        let area = Raster::new(&mut pixels).into_drawing_area();
        picture.draw(&area)?;
    }
    Ok(pixels.encode_png()?)
}

/// What the page's script reads, in sheet units.
#[derive(Debug, Serialize)]
pub struct Readout {
    /// Left, right, and the middle heights that the pointer's line spans.
    pub panel: [i32; 4],
    /// From, to, and what is said.
    pub candles: Vec<(i32, i32, String)>,
    /// Place, and what is said.
    pub marks: Vec<(i32, i32, String)>,
}

/// The picture as a page of its own, which needs nothing else.
///
/// # Errors
/// As [`svg`].
pub fn html(picture: &impl Picture) -> Result<String> {
    // `<` would end the script early; JSON can say it in another way.
    let data = simd_json::to_string(&picture.readout())?.replace('<', "\\u003c");
    let page = PAGE.replace("TITLE", &escaped(&picture.title())).replace("DATA", &data);
    Ok(page.replace("PICTURE", &svg(picture)?))
}

/// A picture as a file.
///
/// # Errors
/// As [`svg`] and [`png`].
pub fn bytes(format: Format, picture: &impl Picture) -> Result<Vec<u8>> {
    match format {
        Format::Html => html(picture).map(String::into_bytes),
        Format::Svg => svg(picture).map(String::into_bytes),
        Format::Png => png(picture),
    }
}

/// The format of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A page that reads out what is under the pointer.
    Html,
    /// A drawing.
    Svg,
    /// Pixels.
    Png,
}

impl Format {
    /// The format that a file's name says.
    ///
    /// # Errors
    /// For any other name.
    pub fn of(path: &Path) -> Result<Format> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "html" | "htm" => Ok(Format::Html),
            "svg" => Ok(Format::Svg),
            "png" => Ok(Format::Png),
            _ => bail!("{}: a picture's name ends in .html, .svg or .png", path.display()),
        }
    }
}

fn words(scene: &Scene, candle: &Candle) -> String {
    let digits = scene.decimals;
    let [open, high, low, close] = candle.prices;
    let vwap = candle.vwap.map_or_else(|| "-".to_owned(), |vwap| format!("{vwap:.digits$}"));
    format!(
        "{}   O {open:.digits$}  H {high:.digits$}  L {low:.digits$}  C {close:.digits$}   volume \
         {}  delta {:+}  CVD {:+}  VWAP {vwap}",
        super::scene::local_time(candle.end),
        candle.volume,
        candle.delta,
        candle.cvd,
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// PICTURE comes last: what it holds is not searched again.
const PAGE: &str = include_str!("page.html");
