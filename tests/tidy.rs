//! The architecture and the house rules as a test.
//!
//! The sources are read as text with comments and literals blanked out; what cannot be told from
//! that is left to the compiler and clippy. The tables in `tidy/layers.rs` are the design: change
//! them on purpose, together with the design's own page.

#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/mask.rs"]
mod mask;
#[path = "tidy/paths.rs"]
mod paths;
#[path = "tidy/rules.rs"]
mod rules;

use std::path::{Path, PathBuf};

use rules::{Source, Violation, check};

/// Where Rust sources live, from the root of the repository.
const FOLDERS: &[&str] = &[
    "src",
    "tests",
    "benches",
    "dtc/src",
    "dtc/tests",
    "tools/dtc-sim/src",
    "tools/dtc-sim/tests",
    "tools/mock-massive/src",
    "fuzz/fuzz_targets",
];

#[test]
fn the_house_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    // The walk itself must not fail in silence.
    assert!(files.len() > 50, "only {} source files found under {}", files.len(), root.display());

    let mut violations = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).expect("a source file is readable UTF-8");
        let path = file.strip_prefix(root).expect("it lies under the root");
        let path = path.to_string_lossy().replace('\\', "/");
        violations.extend(check(&Source { path: &path, text: &text }));
    }
    let list: Vec<String> = violations.iter().map(Violation::to_string).collect();
    assert!(list.is_empty(), "{} violations:\n{}", list.len(), list.join("\n"));
}

/// `dtc` does not depend on the pipeline, by its manifest as by its sources.
#[test]
fn manifests_keep_the_order_of_the_crates() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for manifest in ["dtc/Cargo.toml", "tools/dtc-sim/Cargo.toml", "tools/mock-massive/Cargo.toml"]
    {
        let text = std::fs::read_to_string(root.join(manifest)).expect("manifest");
        let names_mia = |line: &str| line.split(['.', '=', ' ']).next() == Some("mia");
        assert!(!text.lines().any(names_mia), "{manifest} names mia");
    }
}

/// Every `.rs` file below `folder`; a folder that is not there holds none.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}
