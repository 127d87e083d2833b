//! Any bytes as a baseline, with and without its hash.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mia::features::baseline::codec::fuzz_baseline(data));
