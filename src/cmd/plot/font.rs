//! The bundled font: Roboto (Apache-2.0, see `font/LICENSE`), cut down to the characters that
//! pictures use, in two weights. With it a picture looks the same on every machine.

use ttf_parser::{Face, GlyphId};

const REGULAR: &[u8] = include_bytes!("font/Roboto-Regular.ttf");
const BOLD: &[u8] = include_bytes!("font/Roboto-Medium.ttf");

/// A face of the font; `None` where the bundled file is broken, which a test rules out.
#[must_use]
pub fn face(bold: bool) -> Option<Face<'static>> {
    Face::parse(if bold { BOLD } else { REGULAR }, 0).ok()
}

/// The glyphs of `text` with the width of each in units of an em; unknown characters are left out.
pub fn glyphs<'f>(
    face: &'f Face<'static>,
    text: &'f str,
) -> impl Iterator<Item = (GlyphId, f64)> + 'f {
    let em = f64::from(face.units_per_em().max(1));
    text.chars().filter_map(move |c| {
        let glyph = face.glyph_index(c)?;
        Some((glyph, f64::from(face.glyph_hor_advance(glyph).unwrap_or(0)) / em))
    })
}

/// Width of `text` at `size`, in the unit of the size.
#[must_use]
pub fn width(text: &str, size: i32, bold: bool) -> i32 {
    let ems: f64 = face(bold).map_or(0.0, |face| glyphs(&face, text).map(|g| g.1).sum());
    (ems * f64::from(size)).ceil() as i32
}

/// The font as CSS, for pictures that a browser draws.
#[must_use]
pub fn css() -> String {
    [(REGULAR, "normal"), (BOLD, "bold")]
        .map(|(data, weight)| {
            format!(
                "@font-face{{font-family:Roboto;font-weight:{weight};\
                 src:url(data:font/ttf;base64,{})}}",
                base64(data)
            )
        })
        .concat()
}

fn base64(data: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(data.len().div_ceil(3) * 4);
    for chunk in data.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4_usize {
            let letter = LETTERS.get((bits >> (18 - 6 * at)) as usize & 63).copied();
            text.push(if at > chunk.len() { '=' } else { char::from(letter.unwrap_or(b'=')) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_bytes() {
        for (data, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(data.as_bytes()), text);
        }
    }

    #[test]
    fn the_font_has_what_pictures_say() {
        let needed = "ABCXYZ abcxyz 0123456789 .,:;%/()[]+-\u{2212}\u{b1}\u{3c3}\u{b7}";
        for bold in [false, true] {
            let face = face(bold).expect("whole");
            assert_eq!(glyphs(&face, needed).count(), needed.chars().count());
        }
        assert!(width("mm", 24, false) > width("ii", 24, false));
    }
}
