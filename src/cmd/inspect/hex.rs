//! Bytes as hexadecimal digits.

use std::fmt::Write as _;

/// Why a text is not hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HexError {
    /// This character is no digit.
    Digit(char),
    /// Half a byte is left over.
    Odd(usize),
}

impl std::fmt::Display for HexError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HexError::Digit(c) => write!(f, "{c:?} is no hexadecimal digit"),
            HexError::Odd(digits) => write!(f, "{digits} digits: the last byte lacks one"),
        }
    }
}

/// The bytes that `digits` spell; white space may stand anywhere.
pub(super) fn parse(digits: &str) -> Result<Vec<u8>, HexError> {
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    let mut high = None;
    for c in digits.chars().filter(|c| !c.is_whitespace()) {
        let digit = c.to_digit(16).and_then(|d| u8::try_from(d).ok()).ok_or(HexError::Digit(c))?;
        match high.take() {
            None => high = Some(digit),
            Some(high) => bytes.push(high << 4 | digit),
        }
    }
    match high {
        None => Ok(bytes),
        Some(_) => Err(HexError::Odd(bytes.len() * 2 + 1)),
    }
}

/// Two digits a byte.
pub(super) fn text(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits() {
        assert_eq!(parse(" 0aF\n f 00"), Ok(vec![0x0a, 0xff, 0]));
        assert_eq!(parse(""), Ok(Vec::new()));
        assert_eq!(parse("0x10"), Err(HexError::Digit('x')));
        assert_eq!(parse("123"), Err(HexError::Odd(3)));
        assert_eq!(text(&[0, 0xab]), "00ab");
    }
}
