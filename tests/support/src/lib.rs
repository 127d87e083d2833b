//! What several tests share: the folder of real files, one way to replay, one way to run live.

pub mod contexts;
pub mod days;
pub mod live;
pub mod naive;
pub mod stepped;
pub mod synthetic_chain;

use std::path::{Path, PathBuf};

use mia::config::Config;
use mia::context::Context;
use mia::event::Event;
use mia::feed::Counters;
use mia::pipeline::Pipeline;
use mia::runtime::files::{TickFiles, load};
use mia::runtime::setup::Setup;
use mia::tally::SessionFilter;

/// The configuration of `tests/spine.toml`.
///
/// # Panics
/// As an assertion of the test that calls it.
#[must_use]
pub fn spine() -> Config {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spine.toml");
    let text = std::fs::read_to_string(path).expect("tests/spine.toml");
    Config::parse(&text).expect("valid")
}

/// A file of the shared folder (env `MIA_SHARED`, default `../shared`). Says so and gives `None`
/// where the folder is absent; a folder without the file is an error.
///
/// # Panics
/// As an assertion of the test that calls it.
#[must_use]
pub fn shared(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("MIA_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    if !folder.is_dir() {
        println!("skipped: no folder of real files ({}) for {name}", folder.display());
        return None;
    }
    let path = folder.join(name);
    assert!(path.is_file(), "{} is missing from the shared folder", path.display());
    Some(path)
}

/// The ES file of the holiday evening.
///
/// # Panics
/// As an assertion of the test that calls it.
#[must_use]
pub fn es_file() -> Option<PathBuf> {
    shared("data/ticks/esh4-glbx-mdp3-20231225.mbo.dbn.zst")
}

/// A replay of tick files.
#[derive(Debug)]
pub struct Replayed {
    /// The core after the last event.
    pub pipeline: Pipeline,
    /// What the feeds skipped or refused.
    pub counters: Counters,
}

/// Replays `paths` with `config`, handing each event and the pipeline after it to `each`.
///
/// # Panics
/// As an assertion of the test that calls it.
pub fn replay_with(
    paths: &[PathBuf],
    config: Config,
    filter: SessionFilter,
    mut each: impl FnMut(&Event, &Pipeline),
) -> Replayed {
    let files = paths.iter().map(|p| load(p).expect("readable")).collect();
    let files = TickFiles::new(files, None).expect("known symbols");
    let setup = Setup::new(config, files.instruments.clone(), "replay").expect("valid");
    let mut pipeline = Pipeline::new(&setup.core(filter), setup.calendar.clone());
    let mut stream = files.stream().expect("readable");
    while let Some(event) = stream.next_event().expect("whole file") {
        pipeline.on_event(&event, &Context::EMPTY);
        each(&event, &pipeline);
    }
    let counters = stream.counters();
    Replayed { pipeline, counters }
}

/// The events of one tick file, Timers included.
///
/// # Panics
/// As an assertion of the test that calls it.
#[must_use]
pub fn events(path: &Path) -> Vec<Event> {
    let files = TickFiles::new(vec![load(path).expect("readable")], None).expect("known symbols");
    let mut stream = files.stream().expect("readable");
    std::iter::from_fn(|| stream.next_event().expect("whole file")).collect()
}

/// Replays one file with the default configuration.
///
/// # Panics
/// As an assertion of the test that calls it.
#[must_use]
pub fn replay(path: PathBuf) -> Replayed {
    replay_with(&[path], Config::default(), SessionFilter::All, |_, _| {})
}
