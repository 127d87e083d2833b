//! What several tests share: the folder of real files, and one way to run a pipeline.

use std::path::{Path, PathBuf};

use mia::config::Config;
use mia::context::Context;
use mia::feed::Counters;
use mia::pipeline::Pipeline;
use mia::runtime::files::{TickFiles, load};
use mia::runtime::setup::Setup;
use mia::tally::SessionFilter;

/// The configuration of `tests/spine.toml`.
pub(crate) fn spine() -> Config {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spine.toml");
    let text = std::fs::read_to_string(path).expect("tests/spine.toml");
    Config::parse(&text).expect("valid")
}

/// A file of the shared folder (env `MIA_SHARED`, default `../shared`). Says so and gives `None`
/// where the folder is absent; a folder without the file is an error.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("MIA_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    if !folder.is_dir() {
        println!("skipped: no folder of real files ({}) for {name}", folder.display());
        return None;
    }
    let path = folder.join(name);
    assert!(path.is_file(), "{} is missing from the shared folder", path.display());
    Some(path)
}

/// The ES file of the holiday evening.
pub(crate) fn es_file() -> Option<PathBuf> {
    shared("data/ticks/esh4-glbx-mdp3-20231225.mbo.dbn.zst")
}

/// A replay of tick files.
pub(crate) struct Replayed {
    pub setup: Setup,
    pub pipeline: Pipeline,
    pub counters: Counters,
    pub events: u64,
}

/// Replays `paths` with `config`, handing each event and the pipeline after it to `each`.
pub(crate) fn replay_with(
    paths: &[PathBuf],
    config: Config,
    filter: SessionFilter,
    mut each: impl FnMut(&mia::event::Event, &Pipeline),
) -> Replayed {
    let files = paths.iter().map(|p| load(p).expect("readable")).collect();
    let files = TickFiles::new(files, None).expect("known symbols");
    let setup = Setup::new(config, files.instruments.clone(), "replay").expect("valid");
    let mut pipeline = Pipeline::new(&setup.core(filter), setup.calendar.clone());
    let mut stream = files.stream().expect("readable");
    let mut events = 0;
    while let Some(event) = stream.next_event().expect("whole file") {
        pipeline.on_event(&event, &Context::EMPTY);
        each(&event, &pipeline);
        events += 1;
    }
    let counters = stream.counters();
    Replayed { setup, pipeline, counters, events }
}

/// Replays one file with the default configuration.
pub(crate) fn replay(path: PathBuf) -> Replayed {
    replay_with(&[path], Config::default(), SessionFilter::All, |_, _| {})
}
