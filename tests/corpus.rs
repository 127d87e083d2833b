//! Every file of the fuzz corpora through the body of its target: what fuzzing once reached, and
//! what it once broke, runs with every `cargo test`.

use std::path::Path;

/// Asserts what must hold for any bytes.
type Body = fn(&[u8]);

/// The targets of `fuzz/`, each with its body.
const TARGETS: &[(&str, Body)] = &[
    ("decode", dtc::wire::fuzz_decode),
    ("frame", dtc::frame::fuzz_frame),
    ("session", dtc::session::fuzz_session),
    ("scid", dtc::file::scid::fuzz_scid),
    ("depth", dtc::file::depth::fuzz_depth),
    ("journal", mia::journal::reader::fuzz_journal),
    ("book", mia::book::fuzz_book),
    ("features", mia::features::fuzz::fuzz_features),
    ("baseline", mia::features::baseline::codec::fuzz_baseline),
    ("chain", mia::providers::fuzz::fuzz_chain),
    ("page", mia::providers::massive::fuzz_page),
];

fn fuzz_folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

#[test]
fn every_corpus_runs() {
    for (target, body) in TARGETS {
        let folder = fuzz_folder().join("corpus").join(target);
        let mut files = 0;
        for entry in std::fs::read_dir(&folder).expect("a corpus for each target") {
            let path = entry.expect("a readable folder").path();
            let data = std::fs::read(&path).expect("a readable seed");
            // Shown only when the body panics: which seed it was.
            println!("{}", path.display());
            body(&data);
            files += 1;
        }
        assert!(files >= 5, "only {files} seeds in {}", folder.display());
    }
}

/// The list above is the list of targets, and each target calls the body it stands with there.
#[test]
fn every_target_is_listed() {
    let mut targets: Vec<String> = std::fs::read_dir(fuzz_folder().join("fuzz_targets"))
        .expect("targets")
        .map(|entry| entry.expect("a readable folder").path())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    targets.sort();
    let mut listed: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    listed.sort_unstable();
    assert_eq!(targets, listed);
    for name in listed {
        let path = fuzz_folder().join("fuzz_targets").join(format!("{name}.rs"));
        let text = std::fs::read_to_string(path).expect("a target");
        assert!(text.contains(&format!("::fuzz_{name}(data)")), "{text}");
    }
}
