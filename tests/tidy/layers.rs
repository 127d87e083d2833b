//! Who may name whom: the architecture as tables.

/// The functional core: a function of state, event and context.
pub(crate) const CORE: &[&str] = &[
    "units",
    "order",
    "event",
    "feed",
    "book",
    "bars",
    "profile",
    "tally",
    "pair",
    "calendar",
    "features",
    "volatility",
    "options",
    "context",
    "decision",
    "risk",
    "execution",
    "trader",
    "pipeline",
];

/// A module and what it may name, besides itself. An entry such as `features::vwap` allows that
/// part alone.
pub(crate) struct Layer {
    pub(crate) module: &'static str,
    pub(crate) may: &'static [&'static str],
}

const fn layer(module: &'static str, may: &'static [&'static str]) -> Layer {
    Layer { module, may }
}

/// `src/`. A module that is not listed is a violation: give it its place.
pub(crate) const MIA: &[Layer] = &[
    layer("lib", &[]),
    layer("main", &["cli", "cmd"]),
    layer("units", &[]),
    layer("order", &["units"]),
    // What a venue says of orders is an input like any other.
    layer("event", &["units", "order"]),
    layer("book", &["units", "event"]),
    layer("bars", &["units", "event"]),
    layer("profile", &["units", "event"]),
    layer("calendar", &["units"]),
    layer("tally", &["units", "event", "book", "profile", "calendar", "features::vwap"]),
    // A diagnostic over the sums of two symbols.
    layer("pair", &["units", "features::frame"]),
    // The book is what the orders of a Databento file are built into; a DTC server speaks of ours.
    layer("feed", &["units", "event", "book", "order"]),
    layer("features", &["units", "event", "book", "bars", "profile", "calendar"]),
    layer("volatility", &["units", "calendar"]),
    layer("options", &["units", "calendar"]),
    layer("context", &["units", "options", "volatility"]),
    layer("decision", &DECISION),
    layer("risk", &["units", "order", "calendar"]),
    layer("execution", &["units", "event", "book", "order"]),
    // What a step of trading is made of.
    layer("trader", CORE),
    layer("pipeline", CORE),
    layer("snapshot", &["context"]),
    layer("journal", &["units", "event", "order", "context", "decision"]),
    layer("store", &STORE),
    // Statistics of trades, plain numbers in and out.
    layer("analytics", &[]),
    layer("monitor", &["units"]),
    layer("config", CORE),
    layer("providers", &["options", "volatility", "units", "calendar"]),
    layer("runtime", &RUNTIME),
    layer("cmd", &CMD),
    layer("cli", &["cmd"]),
];

const DECISION: [&str; 8] =
    ["units", "event", "book", "features", "context", "volatility", "order", "calendar"];

/// A table says anything that the core knows; the file of a day's performance says its statistics.
const STORE: [&str; CORE.len() + 2] = join(&[CORE, &["journal", "analytics"]]);

const SHELL: [&str; 7] =
    ["snapshot", "journal", "store", "analytics", "monitor", "config", "providers"];
const RUNTIME: [&str; CORE.len() + SHELL.len()] = join(&[CORE, &SHELL]);
const CMD: [&str; RUNTIME.len() + 1] = join(&[&RUNTIME, &["runtime"]]);

const fn join<const N: usize>(lists: &[&[&'static str]]) -> [&'static str; N] {
    let mut all = [""; N];
    let (mut list, mut to) = (0, 0);
    while list < lists.len() {
        let mut from = 0;
        while from < lists[list].len() {
            all[to] = lists[list][from];
            (from, to) = (from + 1, to + 1);
        }
        list += 1;
    }
    all
}

/// Binaries of the `mia` package that lie elsewhere; they stand where `main` does.
pub(crate) const MIA_BINARIES: &[&str] =
    &["tools/dtc-sim/src/main.rs", "tools/mock-massive/src/main.rs"];

/// `dtc/src/`, bytes upward.
pub(crate) const DTC: &[Layer] = &[
    layer("lib", &[]),
    layer("wire", &[]),
    layer("frame", &[]),
    layer("file", &[]),
    layer("json", &["wire"]),
    layer("session", &["wire", "frame"]),
    layer("client", &["wire", "frame", "session"]),
];

/// What the core never names: parts of the standard library that reach outside it.
pub(crate) const CORE_STD_NEVER: &[&str] = &["time", "net", "fs", "thread", "io", "process", "env"];

/// Crates that belong to the shell.
pub(crate) const CORE_CRATES_NEVER: &[&str] = &[
    "rtrb",
    "arc_swap",
    "mio",
    "quanta",
    "anyhow",
    "crossbeam",
    "core_affinity",
    "memmap2",
    "signal_hook",
    "clap",
    "simd_json",
];

/// Types whose order is that of a hash.
pub(crate) const HASHED: &[&str] = &["HashMap", "HashSet"];

/// The order-id table of Databento files: look-up only, with a fixed hasher.
pub(crate) const HASHED_WAIVER: &[&str] = &["src/feed/dbn.rs"];

/// Parts of the core that know the wire.
pub(crate) const DTC_IN_CORE: &[&str] = &["src/feed/", "src/execution/wire.rs"];

/// Files that may hold unsafe code, each argued there in a SAFETY note. None needs it.
pub(crate) const UNSAFE_FILES: &[&str] = &[];
