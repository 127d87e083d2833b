//! The picture as pixels: a backend of the charting crate that fills anti-aliased shapes, with the
//! bundled font. It stands as near to the SVG backend as can be, so that both look alike.

use std::io;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontStyle,
};
use tiny_skia::{
    FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, Transform,
};
use ttf_parser::{Face, OutlineBuilder};

use super::font;

type Drawn = Result<(), DrawingErrorKind<io::Error>>;

/// Height of a small letter over that of the font, as the SVG backend's `ex`.
const EX: f32 = 0.528;

/// A sheet of pixels.
pub struct Raster<'a> {
    pixels: &'a mut Pixmap,
    faces: [Option<Face<'static>>; 2],
}

impl<'a> Raster<'a> {
    /// A backend that draws on `pixels`.
    pub fn new(pixels: &'a mut Pixmap) -> Raster<'a> {
        Raster { pixels, faces: [font::face(false), font::face(true)] }
    }

    fn fill(&mut self, path: Option<Path>, colour: BackendColor) {
        if let Some(path) = path {
            let (paint, still) = (paint(colour), Transform::identity());
            self.pixels.fill_path(&path, &paint, FillRule::Winding, still, None);
        }
    }

    fn stroke(&mut self, path: Option<Path>, width: u32, colour: BackendColor) {
        let stroke = Stroke {
            width: width as f32,
            line_cap: LineCap::Butt,
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        if let Some(path) = path {
            self.pixels.stroke_path(&path, &paint(colour), &stroke, Transform::identity(), None);
        }
    }
}

fn paint(colour: BackendColor) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    let (red, green, blue) = colour.rgb;
    let alpha = (colour.alpha.clamp(0.0, 1.0) * 255.0).round() as u8;
    paint.set_color_rgba8(red, green, blue, alpha);
    paint
}

fn polyline(points: impl IntoIterator<Item = BackendCoord>, closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (x, y) in points {
        if path.is_empty() {
            path.move_to(x as f32, y as f32);
        } else {
            path.line_to(x as f32, y as f32);
        }
    }
    if closed {
        path.close();
    }
    path.finish()
}

impl DrawingBackend for Raster<'_> {
    type ErrorType = io::Error;

    fn get_size(&self) -> (u32, u32) {
        (self.pixels.width(), self.pixels.height())
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, colour: BackendColor) -> Drawn {
        let (x, y) = point;
        self.draw_rect((x, y), (x + 1, y + 1), &colour, true)
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.stroke(polyline([from, to], false), style.stroke_width(), style.color());
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let [left, top] = [from.0.min(to.0) as f32, from.1.min(to.1) as f32];
        let [right, bottom] = [from.0.max(to.0) as f32, from.1.max(to.1) as f32];
        let path = Rect::from_ltrb(left, top, right, bottom).map(PathBuilder::from_rect);
        if fill {
            self.fill(path, style.color());
        } else {
            self.stroke(path, style.stroke_width(), style.color());
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        self.stroke(polyline(path, false), style.stroke_width(), style.color());
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let path = PathBuilder::from_circle(x as f32, y as f32, radius as f32);
        if fill {
            self.fill(path, style.color());
        } else {
            self.stroke(path, style.stroke_width(), style.color());
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        points: I,
        style: &S,
    ) -> Drawn {
        self.fill(polyline(points, true), style.color());
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        (x, y): BackendCoord,
    ) -> Drawn {
        // The charting crate's sizes are 1.24 em.
        let size = (style.size() / 1.24) as f32;
        let bold = matches!(style.style(), FontStyle::Bold);
        let [regular, heavy] = &self.faces;
        let Some(face) = (if bold { heavy } else { regular }) else { return Ok(()) };
        let width: f64 = font::glyphs(face, text).map(|glyph| glyph.1).sum();
        let width = width as f32 * size;
        let left = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Center => width / 2.0,
            HPos::Right => width,
        };
        let down = match style.anchor().v_pos {
            VPos::Top => 0.76 * size,
            VPos::Center => 0.5 * EX * size,
            VPos::Bottom => -0.5 * EX * size,
        };
        let scale = size / f32::from(face.units_per_em().max(1));
        let mut pen =
            Outline { path: PathBuilder::new(), at: (x as f32 - left, y as f32 + down), scale };
        for (glyph, advance) in font::glyphs(face, text) {
            face.outline_glyph(glyph, &mut pen);
            pen.at.0 += advance as f32 * size;
        }
        self.fill(pen.path.finish(), style.color());
        Ok(())
    }
}

/// Glyph outlines → a path; fonts count upward, pixels downward.
struct Outline {
    path: PathBuilder,
    at: (f32, f32),
    scale: f32,
}

impl Outline {
    fn place(&self, x: f32, y: f32) -> (f32, f32) {
        (self.at.0 + x * self.scale, self.at.1 - y * self.scale)
    }
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.place(x1, y1), self.place(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let (one, two, end) = (self.place(x1, y1), self.place(x2, y2), self.place(x, y));
        self.path.cubic_to(one.0, one.1, two.0, two.1, end.0, end.1);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
