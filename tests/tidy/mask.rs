//! Rust source with everything but code blanked out, byte for byte and line for line.

/// `text` with the content of comments and of string and character literals as spaces.
pub(crate) fn mask(text: &str) -> String {
    let mut out = text.as_bytes().to_vec();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let after_ident = at > 0 && is_ident(bytes[at - 1]);
        let len = match rest {
            [b'/', b'/', ..] => rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len()),
            [b'/', b'*', ..] => block_comment(rest),
            [b'"', ..] => quoted(rest, b'"'),
            [b'r', ..] if !after_ident => raw_string(rest, 1).unwrap_or(0),
            [b'b' | b'c', b'r', ..] if !after_ident => raw_string(rest, 2).unwrap_or(0),
            [b'\'', ..] => char_literal(rest).unwrap_or(0),
            _ => 0,
        };
        for byte in &mut out[at..at + len] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at += len.max(1);
    }
    String::from_utf8(out).expect("whole literals were blanked")
}

/// `masked` without the items under `#[cfg(test)]`, which become blank lines.
pub(crate) fn without_tests(masked: &str) -> String {
    let mut out = masked.as_bytes().to_vec();
    for (start, end) in test_items(masked) {
        for byte in &mut out[start..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    String::from_utf8(out).expect("blanked at ASCII marks")
}

/// Lines that `#[cfg(test)]` items take.
pub(crate) fn test_lines(masked: &str) -> usize {
    test_items(masked).iter().map(|&(s, e)| masked[s..e].matches('\n').count() + 1).sum()
}

fn test_items(masked: &str) -> Vec<(usize, usize)> {
    const MARK: &str = "#[cfg(test)]";
    let mut items = Vec::new();
    let mut from = 0;
    while let Some(start) = masked[from..].find(MARK).map(|n| n + from) {
        let end = item_end(masked, start + MARK.len());
        items.push((start, end));
        from = end;
    }
    items
}

/// Behind the body or the semicolon that ends the item at `from`.
pub(crate) fn item_end(masked: &str, from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in masked.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b';' if depth == 0 => return at + 1,
            b'{' if depth == 0 => return block_end(masked, at),
            _ => {}
        }
    }
    masked.len()
}

/// Behind the brace that closes the one at `open`.
fn block_end(masked: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in masked.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    masked.len()
}

pub(crate) fn is_ident(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b if b == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn raw_string(rest: &[u8], prefix: usize) -> Option<usize> {
    let hashes = rest[prefix..].iter().take_while(|&&b| b == b'#').count();
    if rest.get(prefix + hashes) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    let body = prefix + hashes + 1;
    let end = rest[body..].windows(close.len()).position(|w| w == close);
    Some(end.map_or(rest.len(), |n| body + n + close.len()))
}

/// `'a'` and `'\n'`, but not the lifetime `'a`.
fn char_literal(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        return Some(quoted(rest, b'\''));
    }
    let text = std::str::from_utf8(&rest[1..rest.len().min(6)]);
    let valid = match text {
        Ok(text) => text,
        Err(e) => std::str::from_utf8(&rest[1..1 + e.valid_up_to()]).ok()?,
    };
    let len = valid.chars().next()?.len_utf8();
    (rest.get(1 + len) == Some(&b'\'')).then_some(len + 2)
}

#[test]
fn only_code_is_left() {
    let code = r##"let s = "a // \" {"; // unsafe
        let c = ('{', '\'', b'\\', 'é', "é"); /* { /* } */ */ fn f<'a>(x: &'a str) {}
        let r = (r"x\", r#"a"b"#, br#"{"#, b"}", c"{"); let r#type = 1;"##;
    let masked = mask(code);
    assert_eq!(masked.len(), code.len());
    assert_eq!(masked.lines().count(), 3);
    for gone in ["unsafe", "é", "\"", "/*", "\\"] {
        assert!(!masked.contains(gone), "{gone} in {masked}");
    }
    assert_eq!(masked.matches('{').count(), 1);
    assert_eq!(masked.matches('}').count(), 1);
    assert!(masked.contains("fn f<'a>(x: &'a str) {}") && masked.contains("r#type = 1;"));
}

#[test]
fn tests_are_left_out_wherever_they_stand() {
    let code = "fn a() {}\n#[cfg(test)]\nmod tests;\nfn b() {}\n#[cfg(test)]\nmod t {\n{ }\n}\n";
    let masked = mask(code);
    assert_eq!(test_lines(&masked), 6);
    let left: String = without_tests(&masked).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(left, "fn a() {} fn b() {}");
}
