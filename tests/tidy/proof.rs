//! Each rule fails on what it is against, and on nothing else.

use super::{COLUMNS_MAX, FILE_LINES_MAX, FUNCTION_LINES_MAX, Source, check};

/// `(line, rule)` of every violation of `code` as the content of `path` behind a module doc.
fn broken(path: &str, code: &str) -> Vec<(usize, &'static str)> {
    let text = format!("//! Doc.\n{code}");
    check(&Source { path, text: &text }).iter().map(|v| (v.line, v.rule)).collect()
}

const NONE: [(usize, &str); 0] = [];

#[test]
fn module_doc_and_columns() {
    let found = check(&Source { path: "src/book.rs", text: "use std::fmt;\n" });
    assert_eq!(found.iter().map(|v| v.rule).collect::<Vec<_>>(), ["module-doc"]);
    let wide = format!("// {}\n", "é".repeat(COLUMNS_MAX - 3));
    assert_eq!(broken("src/book.rs", &wide), NONE);
    assert_eq!(broken("dtc/tests/a.rs", &wide.replace("//", "///")), [(2, "columns")]);
}

#[test]
fn unfinished_work() {
    let mark = concat!("// FIX", "ME later\n");
    assert_eq!(broken("src/book.rs", mark), [(2, "unfinished")]);
    for word in ["todo", "unimplemented", "dbg"] {
        assert_eq!(broken("src/book.rs", &format!("fn a() {{ {word}!() }}")), [(2, "unfinished")]);
        assert_eq!(broken("src/book.rs", &format!("// {word}!\nfn {word}() {{}}")), NONE);
    }
    assert_eq!(broken("tests/a.rs", "#[test]\n#[ignore]\nfn a() {}"), [(3, "ignored-test")]);
    assert_eq!(broken("tests/a.rs", "#[ignore = \"slow\"]\nfn a() {}"), [(2, "ignored-test")]);
}

#[test]
fn prints() {
    let code = "fn a() { eprintln!() }";
    for path in ["src/runtime/net.rs", "src/cmd/run.rs", "src/trader/step.rs"] {
        assert_eq!(broken(path, code), [(2, "prints")], "{path}");
        assert_eq!(broken(path, "fn a() { say!() }\n#[cfg(test)]\nmod t { println!() }"), NONE);
    }
    assert_eq!(broken("src/cmd/replay.rs", code), NONE);
    assert_eq!(broken("tests/a.rs", code), NONE);
}

#[test]
fn suppressions_and_unsafe() {
    assert_eq!(broken("src/book.rs", "#[allow(dead_code)]\nfn a() {}"), [(2, "suppression")]);
    assert_eq!(broken("src/book.rs", "#![allow(dead_code)]\n"), [(2, "suppression")]);
    assert_eq!(broken("src/book.rs", "#[expect(dead_code)]\nfn a() {}"), [(2, "suppression")]);
    assert_eq!(broken("src/book.rs", "#[expect(dead_code, reason = \"x\")]\nfn a() {}"), NONE);
    assert_eq!(broken("src/book.rs", "fn a() { unsafe { b() } }"), [(2, "unsafe")]);
    assert_eq!(broken("src/book.rs", "#![forbid(unsafe_code)]\n// unsafe\n"), NONE);
}

#[test]
fn lengths() {
    let function = |lines: usize| format!("fn a() {{\n{}}}\n", "x;\n".repeat(lines - 2));
    assert_eq!(broken("src/book.rs", &function(FUNCTION_LINES_MAX)), NONE);
    let long = function(FUNCTION_LINES_MAX + 1);
    assert_eq!(broken("src/book.rs", &long), [(2, "function-length")]);
    assert_eq!(broken("tools/dtc-sim/src/a.rs", &long), [(2, "function-length")]);
    assert_eq!(broken("tests/a.rs", &long), NONE);
    assert_eq!(broken("src/book.rs", &format!("#[cfg(test)]\nmod t {{\n{long}}}\n")), NONE);

    let lines = |n: usize| "const A: u8 = 1;\n".repeat(n - 1);
    assert_eq!(broken("src/book.rs", &lines(FILE_LINES_MAX)), NONE);
    assert_eq!(broken("src/book.rs", &lines(FILE_LINES_MAX + 1)), [(1, "file-length")]);
    let tested = format!("{}#[cfg(test)]\nmod t {{\n{}}}\n", lines(400), lines(400));
    assert_eq!(broken("src/book.rs", &tested), NONE);
}

#[test]
fn layers() {
    let layers = [(2, "layers")];
    for (path, code) in [
        ("src/book.rs", "use crate::feed::Source;"),
        ("src/book.rs", "use crate::{event::Event, pipeline};"),
        ("src/feed/dbn.rs", "use super::super::features::Frame;"),
        ("src/features/mod.rs", "fn a() { super::decision::b() }"),
        ("src/tally.rs", "use crate::features::delta::Delta;"),
        ("src/journal/mod.rs", "use crate::runtime::clock;"),
        ("src/config.rs", "use crate::cmd;"),
        ("src/runtime/mod.rs", "use crate::cmd::replay;"),
        ("src/main.rs", "use mia::runtime::clock;"),
        ("dtc/src/wire/mod.rs", "use crate::session::Session;"),
        ("dtc/src/file/mod.rs", "use mia::units;"),
        ("tools/dtc-sim/src/lib.rs", "use mia::units;"),
        ("tools/dtc-sim/src/main.rs", "use mia::runtime::clock;"),
    ] {
        assert_eq!(broken(path, code), layers, "{path}: {code}");
    }
    assert_eq!(broken("src/nowhere.rs", ""), [(1, "layers")]);
    for (path, code) in [
        ("src/book.rs", "use crate::{event::Event, units::Px};\n// crate::runtime::x"),
        ("src/feed/dbn.rs", "use super::levels::Ten; use super::super::book;"),
        ("src/tally.rs", "use crate::features::vwap::Vwap;"),
        ("src/cmd/run.rs", "use crate::runtime::clock; use super::report;"),
        ("src/book.rs", "#[cfg(test)]\nmod tests { use crate::feed::Source; }"),
        ("dtc/src/client.rs", "use crate::session::Session;"),
        ("src/lib.rs", "pub mod book;"),
        ("src/main.rs", "use mia::cli::Cli;"),
        ("tools/dtc-sim/src/main.rs", "use mia::cmd::serve;"),
    ] {
        assert_eq!(broken(path, code), NONE, "{path}: {code}");
    }
}

#[test]
fn the_core_reaches_nothing_outside() {
    for code in [
        "use std::{fmt, io};",
        "fn a() -> ::std::time::Instant { b() }",
        "use rtrb::Producer;",
        "use anyhow;",
        "use std::collections::{BTreeMap, HashMap};",
        "use dtc::wire::Header;",
    ] {
        assert_eq!(broken("src/book.rs", code), [(2, "core")], "{code}");
        assert_eq!(broken("src/runtime/net.rs", code), NONE, "{code}");
    }
    assert_eq!(broken("src/feed/dtc.rs", "use dtc::wire::Header; use std::fmt;"), NONE);
    assert_eq!(broken("src/feed/dbn.rs", "use std::collections::HashMap;"), NONE);
}
