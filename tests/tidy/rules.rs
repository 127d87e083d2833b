//! The rules, and for each a proof that it can fail.

use std::fmt;

use crate::layers::{self, Layer};
use crate::mask::{item_end, mask, test_lines, without_tests};
use crate::paths::{Found, idents, line_of, paths};

/// Lines of a file, its tests not counted.
const FILE_LINES_MAX: usize = 500;
/// Lines of a function, from `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;
/// Characters of a line.
const COLUMNS_MAX: usize = 100;

/// A source file, its path from the root of the repository.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
}

/// A rule that a line breaks.
#[derive(Debug)]
pub(crate) struct Violation {
    path: String,
    line: usize,
    rule: &'static str,
    detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.rule, self.detail)
    }
}

/// All rules over one file.
pub(crate) fn check(source: &Source<'_>) -> Vec<Violation> {
    let masked = mask(source.text);
    let code = without_tests(&masked);
    let mut found = Vec::new();
    let mut say = |line: usize, rule: &'static str, detail: String| {
        found.push(Violation { path: source.path.to_owned(), line, rule, detail });
    };
    text(source, &mut say);
    words(source, &masked, &mut say);
    attributes(source, &masked, &mut say);
    if is_library(source.path) {
        sizes(&masked, &code, &mut say);
        layering(source, &code, &mut say);
        core(source, &code, &mut say);
        prints(source, &code, &mut say);
    }
    found
}

/// Not a test, a bench or a fuzz target.
fn is_library(path: &str) -> bool {
    let in_src = ["src/", "dtc/src/", "tools/"].iter().any(|folder| path.starts_with(folder));
    in_src && !path.contains("/tests/") && !path.ends_with("/tests.rs")
}

fn text(source: &Source<'_>, say: &mut impl FnMut(usize, &'static str, String)) {
    if !source.text.starts_with("//!") {
        say(1, "module-doc", "a file opens with //! and says what it holds".to_owned());
    }
    for (at, line) in source.text.lines().enumerate() {
        let columns = line.chars().count();
        if columns > COLUMNS_MAX {
            say(at + 1, "columns", format!("{columns} of at most {COLUMNS_MAX}"));
        }
        if line.contains(concat!("FIX", "ME")) {
            say(at + 1, "unfinished", "finish it, or write an issue".to_owned());
        }
    }
}

fn words(source: &Source<'_>, masked: &str, say: &mut impl FnMut(usize, &'static str, String)) {
    for word in ["todo", "unimplemented", "dbg"] {
        for at in idents(masked, word) {
            if masked[at + word.len()..].starts_with('!') {
                say(line_of(masked, at), "unfinished", format!("{word}!"));
            }
        }
    }
    if !layers::UNSAFE_FILES.contains(&source.path) {
        for at in idents(masked, "unsafe") {
            say(line_of(masked, at), "unsafe", "not in this file".to_owned());
        }
    }
}

/// What runs beside open positions must not die because nobody reads what it says.
fn prints(source: &Source<'_>, code: &str, say: &mut impl FnMut(usize, &'static str, String)) {
    let Some(inside) = source.path.strip_prefix("src/") else { return };
    let alone = inside.starts_with("cmd/") && inside != "cmd/run.rs";
    for word in ["println", "eprintln"] {
        for at in idents(code, word).into_iter().filter(|_| !alone) {
            if code[at + word.len()..].starts_with('!') {
                say(line_of(code, at), "prints", format!("{word}! panics: say! does not"));
            }
        }
    }
}

fn attributes(
    source: &Source<'_>,
    masked: &str,
    say: &mut impl FnMut(usize, &'static str, String),
) {
    for (at, _) in masked.match_indices('#') {
        let inner = masked[at + 1..].strip_prefix('!').unwrap_or(&masked[at + 1..]);
        let Some(name) = inner.strip_prefix('[') else { continue };
        let name: String = name.trim_start().chars().take_while(|c| c.is_alphanumeric()).collect();
        let line = line_of(masked, at);
        match name.as_str() {
            "allow" => say(line, "suppression", "#[expect(…, reason = \"…\")] instead".to_owned()),
            "expect" => {
                let end = masked[at..].find(']').map_or(masked.len(), |n| at + n);
                if !source.text[at..end].contains("reason") {
                    say(line, "suppression", "#[expect] without a reason".to_owned());
                }
            }
            "ignore" => say(line, "ignored-test", "a test runs or is not there".to_owned()),
            _ => {}
        }
    }
}

fn sizes(masked: &str, code: &str, say: &mut impl FnMut(usize, &'static str, String)) {
    let lines = masked.lines().count().saturating_sub(test_lines(masked));
    if lines > FILE_LINES_MAX {
        say(1, "file-length", format!("{lines} lines of at most {FILE_LINES_MAX}"));
    }
    for at in idents(code, "fn") {
        let name = code[at + 2..].trim_start();
        if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            continue;
        }
        let lines = code[at..item_end(code, at)].matches('\n').count() + 1;
        if lines > FUNCTION_LINES_MAX {
            let name: String = name.chars().take_while(|c| *c != '(' && *c != '<').collect();
            let detail = format!("{name}: {lines} lines of at most {FUNCTION_LINES_MAX}");
            say(line_of(code, at), "function-length", detail);
        }
    }
}

fn layering(source: &Source<'_>, code: &str, say: &mut impl FnMut(usize, &'static str, String)) {
    let (inside, table) = if layers::MIA_BINARIES.contains(&source.path) {
        ("main.rs", layers::MIA)
    } else if let Some(inside) = source.path.strip_prefix("src/") {
        (inside, layers::MIA)
    } else {
        for found in paths(code, "mia") {
            say(found.line, "layers", format!("names {}", found.segments.join("::")));
        }
        let Some(inside) = source.path.strip_prefix("dtc/src/") else { return };
        (inside, layers::DTC)
    };
    let module = module_path(inside);
    let own = module.first().map_or("lib", String::as_str);
    let Some(layer) = table.iter().find(|l| l.module == own) else {
        say(1, "layers", format!("module {own} is not in the table of tests/tidy/layers.rs"));
        return;
    };
    for found in named(code, &module) {
        if let Some(other) = found.segments.first()
            && other != own
            && table.iter().any(|l| l.module == other)
            && !allows(layer, &found.segments)
        {
            say(found.line, "layers", format!("{own} may not name {}", found.segments.join("::")));
        }
    }
}

fn allows(layer: &Layer, segments: &[String]) -> bool {
    layer.may.iter().any(|may| {
        let mut rest = segments.iter();
        may.split("::").all(|part| rest.next().is_some_and(|s| s == part))
    })
}

/// `a/b.rs` and `a/b/mod.rs` are `[a, b]`, the root of the crate is empty.
fn module_path(inside: &str) -> Vec<String> {
    let name = inside.trim_end_matches(".rs");
    let mut parts: Vec<String> = name.split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod" || (parts.len() == 1 && last == "lib")) {
        parts.pop();
    }
    parts
}

/// Paths into this crate, from its root.
fn named(code: &str, module: &[String]) -> Vec<Found> {
    let mut all = Vec::new();
    let to_root = [paths(code, "crate"), paths(code, "mia")].concat();
    for Found { segments, line } in to_root {
        all.push(Found { segments: segments.into_iter().skip(1).collect(), line });
    }
    for Found { segments, line } in paths(code, "super") {
        let up = segments.iter().take_while(|s| *s == "super").count();
        let base = module.iter().take(module.len().saturating_sub(up)).cloned();
        all.push(Found { segments: base.chain(segments.into_iter().skip(up)).collect(), line });
    }
    all
}

fn core(source: &Source<'_>, code: &str, say: &mut impl FnMut(usize, &'static str, String)) {
    let Some(inside) = source.path.strip_prefix("src/") else { return };
    let module = module_path(inside);
    if !module.first().is_some_and(|m| layers::CORE.contains(&m.as_str())) {
        return;
    }
    for found in [paths(code, "std"), paths(code, "core")].concat() {
        if found.segments.get(1).is_some_and(|s| layers::CORE_STD_NEVER.contains(&s.as_str())) {
            say(found.line, "core", format!("names {}", found.segments.join("::")));
        }
    }
    for name in layers::CORE_CRATES_NEVER {
        for at in idents(code, name) {
            say(line_of(code, at), "core", format!("names {name}"));
        }
    }
    if !layers::HASHED_WAIVER.contains(&source.path) {
        for name in layers::HASHED {
            for at in idents(code, name) {
                say(line_of(code, at), "core", format!("{name}: its order is that of a hash"));
            }
        }
    }
    if !layers::DTC_IN_CORE.iter().any(|p| source.path.starts_with(p)) {
        for found in paths(code, "dtc") {
            say(found.line, "core", format!("names {}", found.segments.join("::")));
        }
    }
}

#[path = "proof.rs"]
mod proof;
