//! Memory that a whole chain takes from bytes to the Context.

use mia::calendar::Calendar;
use mia::context::{History, LevelPart, Scope};
use mia::options::analyse::{Inputs, Params, analyse};
use mia::options::price::{PriceParams, price};
use mia::providers::cboe_csv;
use mia::providers::import::ImportOptions;
use mia_test_support::synthetic_chain::quote_table;

/// Contracts of the chain, at least.
const CONTRACTS: usize = 25_000;
/// What the SYNTHETIC table is asked for: its calendar has fewer expiry dates than it counts on.
const ASKED: usize = 25_000;
/// Most bytes in use at once, the table itself not counted.
const LIMIT: u64 = 200_000_000;

#[test]
fn a_chain_of_25_000_contracts_stays_within_its_memory() {
    let calendar = Calendar::bundled().expect("rows");
    let bytes = quote_table(ASKED).into_bytes();
    let mut contracts = 0;
    let used = allocation_counter::measure(|| {
        let chain = cboe_csv::read(&bytes, &calendar, &ImportOptions::default()).expect("a table");
        contracts = chain.rows.len();
        let priced = price(&chain, &calendar, &PriceParams::default());
        let inputs = Inputs::at(chain.asof);
        let snapshot = analyse(&priced, &chain, &calendar, &inputs, &Params::default());
        let part = LevelPart::from_snapshot(&snapshot, Scope::All, &History::NONE);
        std::hint::black_box(&part);
    });
    println!(
        "{contracts} contracts: at most {:.1} MB in use, {} allocations of {:.1} MB",
        used.bytes_max as f64 / 1e6,
        used.count_total,
        used.bytes_total as f64 / 1e6
    );
    assert!(contracts >= CONTRACTS, "{contracts}");
    assert!(used.bytes_max <= LIMIT, "{} bytes", used.bytes_max);
}
