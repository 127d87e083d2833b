//! Any file of an option chain, in every format that is told apart.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mia::providers::fuzz::fuzz_chain(data));
