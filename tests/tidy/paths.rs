//! Paths such as `crate::a::{b, c::d}` found in masked source, one by one and written out.

use crate::mask::is_ident;

/// A path in the source: its segments, and the line (from 1) it starts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
}

/// Every path of at least two segments whose first is `root`, groups expanded. `root` inside
/// another path (`a::root::b`) is not one.
pub(crate) fn paths(masked: &str, root: &str) -> Vec<Found> {
    let mut found = Vec::new();
    for at in idents(masked, root) {
        if masked[..at].trim_end().ends_with("::") && !global(masked, at) {
            continue;
        }
        let line = line_of(masked, at);
        let mut all = Vec::new();
        tree(&masked[at..], Vec::new(), &mut all);
        found.extend(
            all.into_iter().filter(|s| s.len() > 1).map(|segments| Found { segments, line }),
        );
    }
    found
}

/// Where `name` stands as a whole identifier.
pub(crate) fn idents(masked: &str, name: &str) -> Vec<usize> {
    let bytes = masked.as_bytes();
    let whole = |&(at, _): &(usize, &str)| {
        let before = at.checked_sub(1).and_then(|n| bytes.get(n)).is_none_or(|b| !is_ident(*b));
        before && bytes.get(at + name.len()).is_none_or(|b| !is_ident(*b))
    };
    masked.match_indices(name).filter(whole).map(|(at, _)| at).collect()
}

/// The line (from 1) of a byte.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// `::name`, a path from the list of crates.
fn global(masked: &str, at: usize) -> bool {
    let before = masked[..at].trim_end().trim_end_matches("::");
    before.bytes().last().is_none_or(|b| !is_ident(b) && b != b'>')
}

/// Expands the use-tree at the start of `text`; returns how much of it was read.
fn tree(text: &str, mut prefix: Vec<String>, out: &mut Vec<Vec<String>>) -> usize {
    let mut at = 0;
    loop {
        at += blank(&text[at..]);
        let rest = &text[at..];
        if rest.starts_with('{') {
            return at + group(rest, &prefix, out);
        }
        let raw = if rest.starts_with("r#") { 2 } else { 0 };
        let len = rest[raw..].bytes().take_while(|b| is_ident(*b)).count();
        if len > 0 {
            prefix.push(rest[raw..raw + len].to_owned());
        } else if rest.starts_with('*') {
            prefix.push("*".to_owned());
            out.push(prefix);
            return at + 1;
        } else {
            out.push(prefix);
            return at;
        }
        at += raw + len;
        let gap = blank(&text[at..]);
        if !text[at + gap..].starts_with("::") {
            out.push(prefix);
            return at;
        }
        at += gap + 2;
    }
}

fn group(text: &str, prefix: &[String], out: &mut Vec<Vec<String>>) -> usize {
    let mut at = 1;
    while at < text.len() {
        at += blank(&text[at..]);
        match text.as_bytes().get(at) {
            Some(b'}') => return at + 1,
            Some(b',') => at += 1,
            Some(b'*' | b'{') => at += tree(&text[at..], prefix.to_vec(), out),
            // `as name` follows its path.
            Some(b) if is_ident(*b) => {
                let read = tree(&text[at..], prefix.to_vec(), out);
                at += read;
                at += text[at..].find([',', '}']).unwrap_or(text.len() - at);
            }
            _ => return text.len(),
        }
    }
    text.len()
}

fn blank(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

#[test]
fn groups_are_written_out() {
    let text = "use crate::{a::B, c::{self, d as e}, f::*};\nlet x = crate :: g::<crate::h::I>();\n\
                x::crate::no; ::std::io; r::std::no; mycrate::no; crate::r#type::X";
    let list = |root| -> Vec<(String, usize)> {
        paths(text, root).into_iter().map(|f| (f.segments.join("::"), f.line)).collect()
    };
    let expected = [
        ("crate::a::B", 1),
        ("crate::c::self", 1),
        ("crate::c::d", 1),
        ("crate::f::*", 1),
        ("crate::g", 2),
        ("crate::h::I", 2),
        ("crate::type::X", 3),
    ];
    assert_eq!(list("crate"), expected.map(|(p, n)| (p.to_owned(), n)));
    assert_eq!(list("std"), [("std::io".to_owned(), 3)]);
}
