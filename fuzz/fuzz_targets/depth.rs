//! Any bytes as a `.depth` file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dtc::file::depth::fuzz_depth(data));
