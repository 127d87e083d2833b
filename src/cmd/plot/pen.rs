//! A thin layer over the charting crate: shapes in sheet units, panels in their own coordinates.
//!
//! A sheet unit is half a pixel of the shown picture, so that integer coordinates are fine enough
//! for smooth curves.

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{BoldPoints, Ranged};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{
    Circle, DrawingArea, DrawingBackend, PathElement, Polygon, Rectangle, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontStyle, RGBAColor, RGBColor, ShapeStyle};

/// Size of the sheet.
pub const SHEET: (u32, u32) = (3200, 2000);
/// The font, by name; a picture falls back to the viewer's own where it has no such font.
pub const FAMILY: &str = "Roboto, Helvetica Neue, Arial, sans-serif";

/// A place on the sheet.
pub type Place = (i32, i32);

/// How a text stands at its place.
#[derive(Clone, Copy, Debug)]
pub enum Align {
    /// Begins there.
    Left,
    /// Is centred there.
    Centre,
    /// Ends there.
    Right,
}

/// Draws on a sheet.
pub struct Pen<'a, DB: DrawingBackend> {
    area: &'a DrawingArea<DB, Shift>,
}

impl<'a, DB: DrawingBackend> Pen<'a, DB> {
    /// A pen for `area`, which has [`SHEET`] as its size.
    pub const fn new(area: &'a DrawingArea<DB, Shift>) -> Pen<'a, DB> {
        Pen { area }
    }

    /// A filled rectangle.
    pub fn block(&self, from: Place, to: Place, colour: RGBAColor) -> Result<()> {
        self.draw(&Rectangle::new([from, to], colour.filled()))
    }

    /// A line through `points`.
    pub fn line(&self, points: Vec<Place>, width: u32, colour: RGBAColor) -> Result<()> {
        let style = ShapeStyle { color: colour, filled: false, stroke_width: width };
        self.draw(&PathElement::new(points, style))
    }

    /// A dashed line from one place to another on the same height.
    pub fn dashes(&self, from: Place, to_x: i32, width: u32, colour: RGBAColor) -> Result<()> {
        let mut x = from.0;
        while x < to_x {
            self.line(vec![(x, from.1), ((x + 16).min(to_x), from.1)], width, colour)?;
            x += 26;
        }
        Ok(())
    }

    /// A filled shape.
    pub fn shape(&self, points: Vec<Place>, colour: RGBAColor) -> Result<()> {
        self.draw(&Polygon::new(points, colour.filled()))
    }

    /// A ring.
    pub fn ring(&self, at: Place, radius: i32, width: u32, colour: RGBAColor) -> Result<()> {
        let style = ShapeStyle { color: colour, filled: false, stroke_width: width };
        self.draw(&Circle::new(at, radius, style))
    }

    /// A text whose middle height is at `at`; `size` is its height in sheet units.
    pub fn text(
        &self,
        text: &str,
        at: Place,
        align: Align,
        (size, bold, colour): (i32, bool, RGBColor),
    ) -> Result<()> {
        let h = match align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        // The charting crate divides a size by 1.24 on its way into the picture.
        let font = FontDesc::new(FAMILY.into(), f64::from(size) * 1.24, weight(bold));
        self.draw(&Text::new(text, at, font.color(&colour).pos(Pos::new(h, VPos::Center))))
    }

    fn draw<'e, E>(&self, element: &'e E) -> Result<()>
    where
        &'e E: plotters::element::PointCollection<'e, Place>,
        E: plotters::element::Drawable<DB>,
    {
        self.area.draw(element).map_err(|e| anyhow!("{e}"))
    }
}

const fn weight(bold: bool) -> FontStyle {
    if bold { FontStyle::Bold } else { FontStyle::Normal }
}

/// A frame around each panel.
///
/// # Errors
/// What the backend says.
pub fn frames<DB: DrawingBackend>(pen: &Pen<'_, DB>, panels: &[&Panel]) -> Result<()> {
    for panel in panels {
        let [left, top, right, bottom] = panel.bounds;
        let corners = vec![(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        pen.line(corners, 2, RGBColor(196, 201, 207).to_rgba())?;
    }
    Ok(())
}

/// A rectangle of the sheet with coordinates of its own, x to the right and y up.
pub struct Panel {
    coordinates: Cartesian2d<RangedCoordf64, RangedCoordf64>,
    /// Left, top, right, bottom on the sheet.
    pub bounds: [i32; 4],
    x: (f64, f64),
    y: (f64, f64),
}

impl Panel {
    /// A panel over `bounds` (left, top, right, bottom).
    #[must_use]
    pub fn new(bounds: [i32; 4], x: (f64, f64), y: (f64, f64)) -> Panel {
        let [left, top, right, bottom] = bounds;
        let coordinates = Cartesian2d::new(x.0..x.1, y.0..y.1, (left..right, bottom..top));
        Panel { coordinates, bounds, x, y }
    }

    /// The place of (x, y), moved to the panel's edge where it lies outside.
    #[must_use]
    pub fn at(&self, x: f64, y: f64) -> Place {
        use plotters::coord::CoordTranslate;
        self.coordinates.translate(&(x.clamp(self.x.0, self.x.1), y.clamp(self.y.0, self.y.1)))
    }

    /// Whether a height lies inside.
    #[must_use]
    pub fn holds(&self, y: f64) -> bool {
        y >= self.y.0 && y <= self.y.1
    }

    /// Round values of x, about `count` of them.
    #[must_use]
    pub fn round_places(&self, count: usize) -> Vec<f64> {
        RangedCoordf64::from(self.x.0..self.x.1).key_points(BoldPoints(count))
    }

    /// Round values of y, about `count` of them.
    #[must_use]
    pub fn round_values(&self, count: usize) -> Vec<f64> {
        RangedCoordf64::from(self.y.0..self.y.1).key_points(BoldPoints(count))
    }
}
