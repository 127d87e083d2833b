//! Every file of the fuzz corpora through the body of its target: what fuzzing once reached, and
//! what it once broke, runs with every `cargo test`.

use std::path::Path;

use proptest::prelude::*;

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
    ("orders", mia::runtime::fuzz::fuzz_orders),
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

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 512,
        ..ProptestConfig::default()
    })]

    /// What fuzzing needs a nightly compiler for, a little of it with every `cargo test`: what a
    /// server really says, with bytes of it changed, and anything behind.
    #[test]
    fn orders_of_any_bytes(
        seed in any::<prop::sample::Index>(),
        changed in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 0..12),
        cut in any::<prop::sample::Index>(),
        tail in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let seeds = order_seeds();
        let mut data = seeds[seed.index(seeds.len())].clone();
        for (at, byte) in changed {
            let at = at.index(data.len());
            data[at] = byte;
        }
        data.truncate(cut.index(data.len()));
        data.extend(tail);
        mia::runtime::fuzz::fuzz_orders(&data);
    }
}

fn order_seeds() -> Vec<Vec<u8>> {
    let folder = fuzz_folder().join("corpus/orders");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("a corpus").map(|e| e.expect("entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a readable seed")).collect()
}

/// The seeds are days of trading, and no noise: orders leave, are filled, and positions close.
#[test]
fn order_seeds_trade() {
    let reached = order_seeds().into_iter().map(|seed| mia::runtime::fuzz::reached(&seed));
    let sum = reached.fold([0; 3], |sum, of| [0, 1, 2].map(|n| sum[n] + of[n]));
    println!("{sum:?}");
    assert!(sum[0] >= 18 && sum[1] >= 10 && sum[2] >= 5, "{sum:?}");
}
