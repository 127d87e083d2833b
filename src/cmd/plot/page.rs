//! The picture as a file: SVG, PNG, or a page that reads out what is under the pointer.

use anyhow::{Context as _, Result, anyhow};
use plotters::prelude::{DrawingArea, IntoDrawingArea, SVGBackend};
use serde::Serialize;

use super::draw::draw;
use super::font;
use super::pen::{Panel, SHEET};
use super::raster::Raster;
use super::scene::{Candle, Scene};
use super::style::PRICE;

/// The picture as SVG, shown at half the sheet's units.
///
/// # Errors
/// What the charting crate says.
pub fn svg(scene: &Scene) -> Result<String> {
    let mut text = String::new();
    {
        let area: DrawingArea<_, _> = SVGBackend::with_string(&mut text, SHEET).into_drawing_area();
        draw(&area, scene)?;
        area.present().map_err(|e| anyhow!("{e}"))?;
    }
    let (width, height) = SHEET;
    let sheet = format!("width=\"{width}\" height=\"{height}\"");
    let shown = format!("width=\"{}\" height=\"{}\" role=\"img\"", width / 2, height / 2);
    let text = text.replacen(&sheet, &shown, 1);
    let head = format!(
        "<title>{}</title><style>{}</style>",
        escaped(&format!("{} \u{b7} {}", scene.symbol, scene.subtitle)),
        font::css()
    );
    let at = text.find('>').context("the charting crate wrote no SVG")? + 1;
    let (open, rest) = text.split_at(at);
    Ok(format!("{open}{head}{rest}"))
}

/// The picture as PNG, a pixel for each of the sheet's units.
///
/// # Errors
/// What the charting crate or the encoder says.
pub fn png(scene: &Scene) -> Result<Vec<u8>> {
    let mut pixels = tiny_skia::Pixmap::new(SHEET.0, SHEET.1).context("no room for the picture")?;
    {
        let area = Raster::new(&mut pixels).into_drawing_area();
        draw(&area, scene)?;
    }
    Ok(pixels.encode_png()?)
}

/// What the page's script reads, in sheet units.
#[derive(Debug, Serialize)]
struct Readout {
    /// Left, right, and the middle heights that the pointer's line spans.
    panel: [i32; 4],
    /// From, to, and what is said.
    candles: Vec<(i32, i32, String)>,
    /// Place, and what is said.
    marks: Vec<(i32, i32, String)>,
}

/// The picture as a page of its own, which needs nothing else.
///
/// # Errors
/// As [`svg`].
pub fn html(scene: &Scene) -> Result<String> {
    let panel = Panel::new(PRICE, (0.0, scene.length), scene.range);
    let x = |at: f64| panel.at(at, 0.0).0;
    let read = |candle: &Candle| (x(candle.span.0), x(candle.span.1), words(scene, candle));
    let readout = Readout {
        panel: [PRICE[0], PRICE[2], PRICE[1], super::style::DELTA[3]],
        candles: scene.candles.iter().map(read).collect(),
        marks: scene
            .marks
            .iter()
            .map(|(x, y, mark)| {
                let (x, y) = panel.at(*x, *y);
                (x, y, format!("{}: {}", mark.kind.name(), mark.label))
            })
            .collect(),
    };
    // `<` would end the script early; JSON can say it in another way.
    let data = simd_json::to_string(&readout)?.replace('<', "\\u003c");
    let page = PAGE
        .replace("TITLE", &escaped(&format!("{} \u{b7} {}", scene.symbol, scene.subtitle)))
        .replace("DATA", &data);
    Ok(page.replace("PICTURE", &svg(scene)?))
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
