//! Option chains: the files of Cboe, golden numbers of the real chains, agreement with other
//! implementations.

#[path = "options/agreement.rs"]
mod agreement;
#[path = "options/analysis.rs"]
mod analysis;
#[path = "options/golden.rs"]
mod golden;
#[path = "options/import.rs"]
mod import;
#[path = "options/products.rs"]
mod products;
#[path = "options/smile.rs"]
mod smile;
