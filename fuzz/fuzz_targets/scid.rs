//! Any bytes as a `.scid` file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dtc::file::scid::fuzz_scid(data));
