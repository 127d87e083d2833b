//! Features of any market: ranges and reflection.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mia::features::fuzz::fuzz_features(data));
