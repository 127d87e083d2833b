//! Colours and measures of the picture.
//!
//! The colours are those of Okabe and Ito (2008), "Color Universal Design", darkened where a thin
//! line on white needs it: buyers and sellers are blue and vermilion, never green and red.

use plotters::style::{Color, RGBAColor, RGBColor};

use super::marks::MarkKind;
use crate::calendar::Label;

/// Buyers, rising candles.
pub const BUY: RGBColor = RGBColor(0, 114, 178);
/// Sellers, falling candles.
pub const SELL: RGBColor = RGBColor(213, 94, 0);
/// Neither.
pub const NEUTRAL: RGBColor = RGBColor(120, 124, 130);
/// VWAP and its bands.
pub const VWAP: RGBColor = RGBColor(0, 120, 88);
/// Point of control and value area.
pub const AREA: RGBColor = RGBColor(163, 62, 118);
/// Cumulative delta.
pub const CVD: RGBColor = RGBColor(52, 58, 66);
/// Text.
pub const INK: RGBColor = RGBColor(32, 36, 42);
/// Text of less weight.
pub const FAINT: RGBColor = RGBColor(104, 110, 118);
/// Grid and frames.
pub const GRID: RGBColor = RGBColor(226, 229, 233);
/// The sheet.
pub const PAPER: RGBColor = RGBColor(255, 255, 255);
/// The warning that a market was made up.
pub const WARNING: RGBColor = RGBColor(176, 32, 32);

/// Opacity of the bands of 1, 2 and 3 deviations.
pub const BANDS: [f64; 3] = [0.10, 0.07, 0.045];

/// Colour of a side: +1, −1 or 0.
#[must_use]
pub const fn side(side: i64) -> RGBColor {
    match side {
        1.. => BUY,
        0 => NEUTRAL,
        _ => SELL,
    }
}

/// Colour of a mark in the legend; on the chart its side decides, where it has one.
#[must_use]
pub const fn mark(kind: MarkKind) -> RGBColor {
    match kind {
        MarkKind::Gap => WARNING,
        _ => INK,
    }
}

/// Shade behind a session; none for the night's.
#[must_use]
pub fn shade(label: Label) -> Option<RGBAColor> {
    match label {
        Label::Us => Some(RGBColor(240, 228, 66).mix(0.13)),
        Label::London => Some(RGBColor(86, 180, 233).mix(0.09)),
        Label::UsPost | Label::UsHoliday => Some(RGBColor(120, 124, 130).mix(0.07)),
        Label::Asia | Label::Halt | Label::Closed => None,
    }
}

/// Left, top, right, bottom of the price panel, in sheet units.
pub const PRICE: [i32; 4] = [48, 232, 2560, 1290];
/// Of the profile beside it.
pub const PROFILE: [i32; 4] = [2580, 232, 2970, 1290];
/// Of the volume panel.
pub const VOLUME: [i32; 4] = [48, 1320, 2560, 1500];
/// Of the CVD panel.
pub const DELTA: [i32; 4] = [48, 1530, 2560, 1860];
/// Where the price axis begins.
pub const AXIS_X: i32 = 2986;
/// Where the axes of the lower panels begin.
pub const LOWER_AXIS_X: i32 = 2576;
/// Height of the axis texts.
pub const SMALL: i32 = 24;
