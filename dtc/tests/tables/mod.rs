//! Reading of the protocol tables that lie outside the repository.

use std::path::PathBuf;

/// A row of a table: its columns, as text.
pub(crate) type Row = Vec<String>;

/// The rows of the table `name`, with its comment of why not when the tables are not there.
///
/// The tables are looked for in `$MIA_SHARED/spec/dtc`, by default in `shared` beside the
/// workspace. A directory without the table asked for is an error, not a reason to skip.
pub(crate) fn rows(name: &str) -> Option<Vec<Row>> {
    let shared = std::env::var_os("MIA_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"), From::from);
    let directory = shared.join("spec/dtc");
    if !directory.is_dir() {
        println!("skipped: {} is absent", directory.display());
        return None;
    }
    let text = std::fs::read_to_string(directory.join(name)).unwrap();
    let rows: Vec<Row> =
        text.lines().map(|line| line.split('\t').map(String::from).collect()).collect();
    assert!(rows.len() > 100, "{name} is cut short");
    Some(rows)
}
